"""The sums of the cost page, in Python and in the browser, and the prices they start from."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import Page

from macros import cost
from macros.ledger import Book
from tests.handbook import Mistake, assert_stops, page, replace, several
from tests.lab import programs
from tests.lab.browser import Chromium, Site, View
from tests.test_shape import built


def test_the_specifications_example(book: Book, site: Path) -> None:
    """100 developers, a million tokens a day each, 1:2, $3 and $15: reckoned here once more, without the macros."""
    tokens = 100 * 30 * 1_000_000
    expected = Fraction(tokens, 3) * Fraction(3, 1_000_000) + Fraction(2 * tokens, 3) * Fraction(15, 1_000_000)
    assert expected == 33_000
    assert cost.example(book, "specification")["month"] == expected
    assert cost.example(book, "all-output")["month"] == Fraction(tokens * 15, 1_000_000) == 45_000
    claim = book.fact("prices.claims.specification_month")
    assert round(float(claim / expected), 1) == 45.5
    text = " ".join(built(site, "choose/cost.md").select_one("article").get_text().split())
    assert "It says $1,500,000 a month. It is $33,000 in 30 days: $11.00 for each developer and day. The specification's figure is 45.5 times too high" in text


def test_a_session_of_anthropics_page(book: Book) -> None:
    """https://code.claude.com/docs/en/costs shows $0.55 for these tokens."""
    found = cost.example(book, "session")
    by_hand = (1.2 * 3 + 5.3 * 15 + 50 * 3.75 + 940 * 0.3) / 1000
    assert float(found["day"]) == pytest.approx(by_hand) and round(by_hand, 2) == 0.55
    assert float(found["day_uncached"]) == pytest.approx(((1.2 + 50 + 940) * 3 + 5.3 * 15) / 1000)
    assert cost.figure(book, "session", "saved") == "82\N{NO-BREAK SPACE}%"
    assert cost.example(book, "team")["month"] == 3000 * found["day"]


def test_the_two_caches_are_kept_apart() -> None:
    tokens = {"input": 0.0, "output": 0.0, "cache_write": 0.0, "cache_read": 1_000_000.0}
    prices = {"input": 4.0, "output": 20.0, "cache_write": 5.0, "cache_read": 0.2}
    assert cost.day(tokens, prices) == 0.2 and cost.day_without_prompt_cache(tokens, prices) == 4.0
    assert cost.month(4.0, 10, 20, 0.25) == 600.0
    assert cost.month(4.0, 10, 20, 0.0) == 800.0


@pytest.mark.parametrize("amount, text", [(33_000, "$33,000"), (99.994, "$99.99"), (0.5526, "$0.55"), (Fraction(1657800, 1000), "$1,658"), (0, "$0.00")])
def test_dollars(amount: float, text: str) -> None:
    assert cost.dollars(amount) == text


@pytest.mark.lab
def test_prices_are_those_of_the_pinned_litellm(book: Book) -> None:
    path = next(programs.litellm_python().parents[1].glob("lib/python*/site-packages/litellm/model_prices_and_context_window_backup.json"))
    listed = json.loads(path.read_text("utf-8"))
    names = {
        "input": "input_cost_per_token",
        "output": "output_cost_per_token",
        "cache_write": "cache_creation_input_token_cost",
        "cache_read": "cache_read_input_token_cost",
    }
    for model, prices in book.fact("prices.models").items():
        for kind, name in names.items():
            assert prices[kind] == pytest.approx(listed[model][name] * 1_000_000), f"snippets/facts/prices.yaml: {model}: {kind}"
    haiku = listed["claude-haiku-5-5"]
    assert haiku["input_cost_per_token_above_100k_tokens"] == pytest.approx(5 * haiku["input_cost_per_token"])


def test_every_price_names_its_source_and_day(book: Book, site: Path) -> None:
    links = {link["href"] for link in built(site, "choose/cost.md").select("article a[href]")}
    assert {model["source"] for model in book.fact("prices.models").values()} | {book.fact("prices.published.source")} <= links


PRICES = "snippets/facts/prices.yaml"
SESSION = "    model: claude-sonnet-4-6\n    developers: 1\n"
MISTAKES = {
    "no price": Mistake(
        several(replace(PRICES, SESSION, SESSION.replace("4-6", "9")), page("{{ cost_examples() }}")),
        "docs/index.md:7",
        f"{PRICES}: example 'session': no price for 'claude-sonnet-9'",
        "add it to models",
    ),
    "no such figure": Mistake(page('{{ cost_of("specification", "year") }}'), "docs/index.md:7", "no figure 'year'", "there are day,"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", MISTAKES)
def test_stops_the_build(name: str, tmp_path: Path) -> None:
    assert_stops(MISTAKES[name], tmp_path)


# The calculator ----------------------------------------------------------------------
FIELDS = ("model", "developers", "days", "input", "output", "cache_write", "cache_read", "answered")
CASES = [
    dict(zip(FIELDS, case, strict=True))
    for case in (
        ("claude-sonnet-4-6", "100", "30", "333333", "666667", "0", "0", "0"),
        ("claude-opus-5-5", "40", "21", "12000", "81000.5", "433000", "9120000", "0"),
        ("claude-haiku-5-5", "7", "1", "1", "1", "1", "1", "12.5"),
        ("claude-sonnet-5-5", "0", "", "-5", "", "1e6", "3", "250"),
        ("claude-sonnet-5-5", "3", "20", "-5", "", "1e6", "3", "250"),
    )
]
FILL = "([name, value]) => { const f = document.getElementById(`cost-${name}`); f.value = value; f.dispatchEvent(new Event('input', {bubbles: true})) }"


def in_python(book: Book, case: dict[str, str]) -> dict[str, float]:
    """What the calculator must show: bad input counts as nothing, a share is at most everything."""

    def number(text: str) -> float:
        try:
            return max(0.0, float(text))
        except ValueError:
            return 0.0

    prices = {kind: float(book.fact("prices.models")[case["model"]][kind]) for kind in cost.KINDS}
    tokens = {kind: number(case[kind]) for kind in cost.KINDS}
    team = (number(case["developers"]), number(case["days"]))
    answered = min(100.0, number(case["answered"])) / 100
    a_day, uncached = cost.day(tokens, prices), cost.day_without_prompt_cache(tokens, prices)
    paid, everything = cost.month(a_day, *team, answered), cost.month(a_day, *team, 0.0)
    without = cost.month(uncached, *team, answered)
    return {"month": paid, "uncached": without, "prompt-saved": max(0.0, without - paid), "response-saved": everything - paid}


def fill(shown: Page, case: dict[str, str]) -> None:
    shown.locator("#cost-model").select_option(case["model"])
    for name, value in case.items():
        if name != "model":
            shown.evaluate(FILL, [name, value])


@pytest.mark.browser
def test_the_calculator_reckons_as_python_does(book: Book, site: Path) -> None:
    """To the last digit, without a request to anybody; its first figures are those of the table above it."""
    with Chromium() as browser, Site(site) as served, View(browser, served) as view:
        page = view.open("choose/cost/", quiet=True)
        assert page.locator("#cost").is_visible() and not page.locator(".without-script").is_visible()
        assert page.locator("#cost-month").inner_text() == cost.figure(book, "team", "month")
        assert page.locator("#cost-uncached").inner_text() == cost.figure(book, "team", "month_uncached")
        fetched = len(served.sent)
        for case in CASES:
            fill(page, case)
            expected = in_python(book, case)
            shown = {name: page.locator(f"#cost-{name}") for name in expected}
            assert {name: float(output.get_attribute("data-value")) for name, output in shown.items()} == expected
            assert {name: output.inner_text() for name, output in shown.items()} == {name: cost.dollars(amount) for name, amount in expected.items()}
        assert "Nothing you type leaves your browser." in page.locator("#cost").inner_text()
        assert len(served.sent) == fetched and view.foreign == [] and view.errors == []


@pytest.mark.browser
def test_without_javascript_the_tables_stay(site: Path) -> None:
    with Chromium() as browser, Site(site) as served, View(browser, served, javascript=False) as view:
        page = view.open("choose/cost/")
        assert not page.locator("#cost").is_visible()
        assert page.get_by_text("The calculator needs JavaScript.").is_visible()
        assert page.locator("td", has_text="$33,000").first.is_visible()
