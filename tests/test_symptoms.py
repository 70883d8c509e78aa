"""The catalogue of symptoms: its numbers, its pages, how a message is found, and what a wrong entry would do.

What brings each symptom about, and makes it go away, is run by tests/test_pages.py, a row a text.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Page

from macros import render, symptoms
from macros.ledger import Book
from tests.conftest import rendered_rows
from tests.handbook import Mistake, assert_stops, replace
from tests.lab.browser import Chromium, Site, View
from tests.lab.litellm_fork import Forker
from tests.lab.replay import Replay, Row
from tests.lab.symptoms import Cause, Ran, Reproductions, causes, laid_over, states
from tests.test_shape import built

FACTS = "snippets/facts/symptoms.yaml"
SHAPE = ("What you see", "Why.", "Find out.", "Fix.", "Verify.")


@pytest.fixture
def every(book: Book) -> list[Cause]:
    return causes(book.fact("symptoms"))


def text_of(book: Book, cause: Cause) -> str:
    return render.text(book, book.block(cause.text))


# The data ------------------------------------------------------------------------------
def test_there_are_enough(every: list[Cause]) -> None:
    assert len(every) >= 50 and sum(cause.reproduced for cause in every) >= 40


def test_every_reproduced_text_stands_on_its_page_and_nothing_else_does(every: list[Cause]) -> None:
    rows = rendered_rows()
    for layer in {cause.layer for cause in every}:
        shown = {row["id"] for row in rows if row["page"] == f"troubleshoot/{layer}/" and row["check"] == "symptom"}
        assert shown == {cause.text for cause in every if cause.layer == layer and cause.reproduced}
    own = {row["id"] for row in rows if row["id"].startswith("symptoms/")}
    assert own == {cause.text for cause in every if cause.text.startswith("symptoms/")} | {
        cause.group_data["ask"] for cause in every if cause.group_data.get("ask", "").startswith("symptoms/")
    }


def test_one_text_stands_in_one_group(book: Book, every: list[Cause]) -> None:
    """Also where only names and numbers differ."""
    groups: dict[str, set[str]] = {}
    for cause in every:
        words = re.sub(r"claude-[\w-]+|[\d.:]+|[\w.-]+\.corp\.example|/\S+", "", text_of(book, cause))
        groups.setdefault(words, set()).add(cause.group)
    assert [found for found in groups.values() if len(found) > 1] == []


def test_where_one_text_has_several_causes_a_command_tells_them_apart(every: list[Cause]) -> None:
    for group in {cause.group for cause in every}:
        members = [cause for cause in every if cause.group == group]
        shared = [cause for cause in members if "text" not in cause.data]
        assert len(shared) < 2 or "ask" in members[0].group_data, f"{FACTS}: {group}: name the command at ask:"


def test_what_an_older_release_printed_differs_and_has_its_group(book: Book, every: list[Cause]) -> None:
    """python -m tests.older wrote it; the group may have been renamed since, or the present wording become the same."""
    assert len(book.fact("older.texts")) >= 10 and book.fact("older.version") != book.fact("versions.claude-code.version")
    for group, text in book.fact("older.texts").items():
        members = [cause for cause in every if cause.group == group]
        assert members, f"snippets/facts/older.yaml: no group {group}; run: python -m tests.older"
        assert all(text != text_of(book, cause).split("\n")[0] for cause in members[:1]), group


def test_a_fix_is_more_than_nothing(book: Book, every: list[Cause]) -> None:
    for cause in every:
        if cause.reproduced:
            broken, fixed = states(book.fact("symptoms"), cause)
            assert broken != fixed and cause.data["broken"] != cause.data["fixed"], cause.id


def test_null_takes_away() -> None:
    assert laid_over({"env": {"A": "1", "B": "2"}, "to": 1}, {"env": {"A": None, "C": "3"}, "to": None}) == {"env": {"B": "2", "C": "3"}}
    assert laid_over({}, {"squid": {"refuses": None}}) == {"squid": {}}


MISTAKES = {
    "a name that stands twice": Mistake(
        replace(FACTS, "          wrong-port:\n", "          gateway-name:\n"), FACTS, "'gateway-name' stands twice", "a name of its own"
    ),
    "no such setup": Mistake(
        replace(
            FACTS,
            '            setup: proxy\n            broken: {env: {HTTPS_PROXY: "socks5',
            '            setup: socks\n            broken: {env: {HTTPS_PROXY: "socks5',
        ),
        FACTS,
        "no setup 'socks'",
        "see setups:",
    ),
    "nothing tells a cause apart": Mistake(
        replace(FACTS, '            tells: "Verify return code: 62"\n', ""), FACTS, "other-name: tells:", "of a group with ask:"
    ),
    "a way in a circle": Mistake(
        replace("snippets/facts/flow.yaml", "    otherwise: dropped\n", "    otherwise: status\n"),
        "snippets/facts/flow.yaml",
        "'status' leads back",
        "must end at",
    ),
    "a way that leads nowhere": Mistake(
        replace("snippets/facts/flow.yaml", "    otherwise: dropped\n", "    otherwise: dropt\n"),
        "snippets/facts/flow.yaml",
        "'dropt' is neither",
        "correct the name",
    ),
    "no text": Mistake(replace(FACTS, "            text: symptoms/socks.out\n", ""), FACTS, "socks: no text", "name a block"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", MISTAKES)
def test_stops_the_build(name: str, tmp_path: Path) -> None:
    assert_stops(MISTAKES[name], tmp_path)


def test_every_end_of_the_flow_is_reached_by_a_fault(book: Book, every: list[Cause]) -> None:
    """tests/test_pages.py walks the flow with these faults."""
    faults = book.fact("flow.faults")
    assert set(faults) <= {cause.name for cause in every if cause.reproduced}
    assert {cause.group for cause in every if cause.name in faults} == set(symptoms.ends(book))


# The pages -----------------------------------------------------------------------------
def sections(article: BeautifulSoup) -> dict[str, list[str]]:
    """Section -> what stands in bold at the beginning of its paragraphs."""
    found: dict[str, list[str]] = {}
    for element in article.select("h2, p > strong:first-child"):
        if element.name == "h2":
            found[str(element["id"])] = []
        elif found:
            found[list(found)[-1]].append(element.get_text())
    return found


def test_every_section_has_its_parts_in_order(site: Path, book: Book) -> None:
    for layer, about in symptoms.layers(book).items():
        found = sections(built(site, f"troubleshoot/{layer}.md").select_one("article"))  # type: ignore[arg-type]
        for group, data in about["groups"].items():
            parts = list(dict.fromkeys(found[group]))
            assert set(parts) == set(SHAPE), f"{group}: {parts}"
            assert parts[0] == SHAPE[0] and parts.index("Why.") < parts.index("Find out.") < parts.index("Fix."), f"{group}: {parts}"
            assert found[group].count("Fix.") == len(data["causes"]), group


def test_the_index_names_every_cause(site: Path, every: list[Cause]) -> None:
    article = built(site, "troubleshoot/index.md").select_one("article")
    assert article is not None
    links = {str(link["href"]) for link in article.select("li a")}
    assert {f"{cause.layer}/#{cause.name}" for cause in every} <= links


# Finding a message ---------------------------------------------------------------------
def changed(text: str, seed: int) -> str:
    """The text as somebody else would paste it: other names, numbers and addresses, and what stands around it."""
    chance = random.Random(f"{seed}{text}")
    number = lambda low, high: str(chance.randint(low, high))  # noqa: E731
    host = f"llm{number(1, 99)}.tools.{chance.choice(['acme', 'globex'])}.{chance.choice(['com', 'internal', 'net'])}"
    replaced = [
        (r"https?://[\w.-]+(?::\d+)?(?=/v1)", f"https://{host}"),
        (r"\b[\w-]+\.corp\.(?:example|invalid)(?::\d+)?", host),
        (r"\b127\.0\.0\.\d+(?::\d+)?", f"10.{number(0, 255)}.{number(0, 255)}.{number(1, 254)}:{number(1024, 65535)}"),
        (r"claude-opus-\d-\d|claude-next", f"claude-{chance.choice(['sonnet', 'haiku'])}-{number(3, 9)}-{number(0, 9)}-20{number(26, 28)}0{number(1, 9)}01"),
        (r"/mnt/reader", f"/home/user{number(1, 99)}"),
        (r"0x[0-9a-f]{12}", f"0x7f{chance.randrange(16**10):010x}"),
        (r"(?<=ssl\.c:)\d+", number(900, 1200)),
        (r"req_lab", f"req_{chance.randrange(16**12):012x}"),
        (r"(?<=~)\d+(?= tokens)|(?<=character )\d+|\b\d+(?= characters| bytes| lines)|(?<=above )\d+", number(3, 99999)),
        (r"(?<=\(limit )\d+", number(100000, 999999)),
    ]
    for pattern, value in replaced:
        text = re.sub(pattern, value, text)
    around = chance.choice(
        [
            "2026-12-0{n}T1{n}:2{n}:0{n}.123Z {}\n",
            "user@laptop:~/src/app$ claude -p hi\n{}\nuser@laptop:~/src/app$",
            "> hello\n\n⎿  {}\n     request id req_011CSHoEeqs5C35K2UUqR7F{n}\n",
            "\x1b[31m{}\x1b[0m\n(took 1{n}.4 s)\n",
        ]
    )
    return around.replace("{n}", number(1, 9)).replace("{}", text)


def test_what_is_pasted_differs(book: Book, every: list[Cause]) -> None:
    text = text_of(book, next(cause for cause in every if cause.name == "upstream-refused"))
    other = changed(text, 1)
    assert not {"127.0.0.1:4000", "claude-opus-5-5", "127.0.0.9"} & set(re.findall(r"[\w.:-]+", other)) and other != changed(text, 2)


def best(page: Page, message: str) -> str:
    """The address of the first group that is found."""
    page.evaluate("document.getElementById('symptoms-found').replaceChildren()")
    page.locator("#symptoms-paste").fill(message)
    page.locator("#symptoms-found a").first.wait_for(timeout=3000)
    return str(page.locator("#symptoms-found a").first.get_attribute("href"))


@pytest.mark.browser
def test_every_message_is_found_by_its_words(book: Book, site: Path, every: list[Cause]) -> None:
    """Pasted by somebody else, with other names and numbers, its group comes first; so do older wordings."""
    messages = {(text_of(book, cause), f"{cause.layer}/#{cause.group}") for cause in every}
    messages |= {(row["text"], f"{cause.layer}/#{cause.group}") for cause in every for row in cause.group_data.get("older", [])}
    printed = list(book.fact("older.texts").values())
    layers = {cause.group: cause.layer for cause in every}
    messages |= {(text, f"{layers[group]}/#{group}") for group, text in book.fact("older.texts").items() if printed.count(text) == 1}
    messages |= {(text, f"../{at}") for at, _, text in symptoms.elsewhere(book)}
    with Chromium() as browser, Site(site) as served, View(browser, served) as view:
        page = view.open("troubleshoot/", quiet=True)
        fetched = len(served.sent)
        wrong = []
        for text, group in sorted(messages):
            for seed in (1, 2, 3) if os.environ.get("HANDBOOK_ALL_VARIANTS") == "1" else (1,):
                found = best(page, changed(text, seed))
                if found != group:
                    wrong.append(f"{text[:70]!r}: {found}, expected {group}")
        assert not wrong, wrong
        assert len(served.sent) == fetched and view.foreign == [] and view.errors == []


@pytest.mark.browser
@pytest.mark.parametrize("around", ["{}", "curl said {} on my machine, and nothing else"], ids=["alone", "in a sentence"])
@pytest.mark.parametrize("code", ["SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CERTIFICATE_VERIFY_FAILED", "ERR_PROXY_TUNNEL"])
def test_a_code_leads_to_all_groups_that_have_it(site: Path, book: Book, code: str, around: str) -> None:
    having = {group["at"] for group in symptoms.groups(book) if any(code in text for text in group["texts"])}
    with Chromium() as browser, Site(site) as served, View(browser, served) as view:
        page = view.open("troubleshoot/", quiet=True)
        assert best(page, around.format(code)) in having
        assert having <= {str(link.get_attribute("href")) for link in page.locator("#symptoms-found a").all()}
        assert re.fullmatch(r"1 message fits\.|\d messages fit, the best first\.", page.locator("#symptoms").get_by_role("status").inner_text())


@pytest.mark.browser
def test_what_is_only_near_says_so(site: Path) -> None:
    with Chromium() as browser, Site(site) as served, View(browser, served) as view:
        page = view.open("troubleshoot/", quiet=True)
        best(page, "my colleague says that the model has a certificate of its own on Tuesday")
        assert page.locator("#symptoms").get_by_role("status").inner_text().startswith("No message fits exactly. These come nearest")


def test_messages_of_other_pages_are_there(site: Path, book: Book) -> None:
    """Once each, with the address of the block that shows them."""
    found = symptoms.elsewhere(book)
    assert len(found) >= 20 and len({text[: symptoms.SAME] for _, _, text in found}) == len(found)
    for at, title, text in found:
        name, _, anchor = at.partition("#")
        page = built(site, name)
        block = page.find(id=anchor)
        assert block is not None and text in block.get_text(), at
        assert page.select_one("h1") is not None and title, at


@pytest.mark.browser
def test_the_number_of_messages_is_announced(site: Path) -> None:
    with Chromium() as browser, Site(site) as served, View(browser, served) as view:
        page = view.open("troubleshoot/", quiet=True)
        count = page.locator("#symptoms").get_by_role("status")
        page.get_by_label("Paste the message").fill("ECONNREFUSED")
        page.locator("#symptoms-found a").first.wait_for()
        assert re.fullmatch(r"1 message fits\.|\d messages fit, the best first\.", count.inner_text())
        page.get_by_label("Paste the message").fill("xyzzy plugh")
        page.get_by_text("No message fits.").wait_for()
        assert page.locator("#symptoms-found li").count() == 0
        page.get_by_label("Paste the message").fill("")
        page.wait_for_function("document.getElementById('symptoms-count').textContent === ''")
        page.get_by_label("Paste the message").press("Enter")
        assert "troubleshoot/" in page.url and "?" not in page.url


@pytest.mark.browser
def test_what_is_found_is_accessible_and_leads_there(site: Path) -> None:
    with Chromium() as browser, Site(site) as served, View(browser, served, width=320) as view:
        page = view.open("troubleshoot/", quiet=True)
        page.get_by_label("Paste the message").fill("API Error: 400 No connected db.")
        page.locator("#symptoms-found a").first.wait_for()
        assert view.axe() == []
        page.locator("#symptoms-found a").first.click()
        page.wait_for_url("**/troubleshoot/litellm/#no-database")


@pytest.mark.browser
def test_without_javascript_the_list_is_there(site: Path, every: list[Cause]) -> None:
    with Chromium() as browser, Site(site) as served, View(browser, served, javascript=False) as view:
        page = view.open("troubleshoot/")
        assert not page.locator("#symptoms").is_visible()
        assert page.locator("article li a:visible").count() >= len(every)


# A wrong entry is noticed ----------------------------------------------------------------
@pytest.fixture(scope="module")
def bench(book: Book, site: Path, forker: Forker) -> Iterator[Reproductions]:
    with Replay(book, site, "troubleshoot/network/", forker=forker) as replay:
        yield Reproductions(replay)


#: change of an entry -> what is then said
WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no fault": ("no-answer", {"broken": {"env": {"ANTHROPIC_MODEL": "claude-opus-5-5"}}}, "it prints\nconnected\ninstead of"),
    "another fault": ("no-answer", {"broken": {"provider": {"status": 500}}}, "it prints\nAPI Error: 500"),
    "a fix that does nothing": ("no-answer", {"fixed": {"env": {"ANTHROPIC_MODEL": "claude-opus-5-5"}}}, "after the fix, the same command ends with status 1"),
    "another number of requests": ("no-answer", {"requests": {"provider": 2}}, "1 requests reached the provider, expected 2"),
    "another line at the other end": ("no-answer", {"other_end": {"at": "provider", "line": "POST /v1/messages 500"}}, "has no line with"),
    "nothing at the other end": ("no-answer", {"other_end": {"at": "nowhere"}}, "a request was sent"),
    "another status": ("no-answer", {"status": 0}, "it ends with status 1"),
}


@pytest.mark.lab
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_entry_is_noticed(bench: Reproductions, every: list[Cause], name: str) -> None:
    of, change, said = WRONG[name]
    cause = next(cause for cause in every if cause.name == of)
    row = next(row for row in bench.replay.rows if row.block.id == cause.text)
    bench.causes, bench.done = [cause], {}
    if name == "no fault":
        assert bench.check(row) is None
    bench.causes, bench.done = [dataclasses.replace(cause, data={**cause.data, **change})], {}
    assert said in str(bench.check(row))


SESSIONS: dict[str, tuple[dict[str, Any], str]] = {
    "no fault": ({"broken": {"env": {"ANTHROPIC_MODEL": "claude-opus-5-5"}}}, "the session does not show 'Enter to confirm'"),
    "a fix that does nothing": ({"fixed": {"env": {"ANTHROPIC_MODEL": "claude-opus-5-5"}}}, "the session does not show 'auto mode on'"),
}


@pytest.mark.lab
@pytest.mark.parametrize("name", SESSIONS)
def test_a_wrong_session_is_noticed(bench: Reproductions, every: list[Cause], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change, said = SESSIONS[name]
    monkeypatch.setattr("tests.lab.symptoms.PATIENCE", 4)
    cause = next(cause for cause in every if cause.name == "folder-unknown")
    row = Row("troubleshoot/session/", "", text_of(bench.replay.book, cause), bench.replay.book.block(cause.text), "text")
    bench.causes, bench.done = [dataclasses.replace(cause, data={**cause.data, **change})], {}
    assert said in str(bench.check(row))


@pytest.mark.lab
def test_a_command_that_does_not_tell_causes_apart_is_noticed(bench: Reproductions, every: list[Cause]) -> None:
    members = [cause for cause in every if cause.group == "unknown-name"]
    row = next(row for row in bench.replay.rows if row.block.id == members[0].group_data["ask"])
    bench.causes = members
    logs: dict[str, list[str]] = {}
    printed = {cause.id: cause.data["tells"] for cause in members}
    ask = members[0].group_data["ask"]
    bench.done = {name: (Ran(1, "", logs), {ask: Ran(0, text, logs)}) for name, text in printed.items()}
    assert bench.check(row) is None
    bench.done[members[1].id] = (Ran(1, "", logs), {ask: Ran(0, printed[members[0].id], logs)})
    problem = str(bench.check(row))
    assert f"{members[1].id}: {ask} prints" in problem and f"{members[1].id}: {ask} does not print" in problem


@pytest.mark.lab
def test_a_block_of_no_cause_is_noticed(bench: Reproductions) -> None:
    bench.causes = []
    assert "no cause on this page prints it" in str(bench.check(bench.replay.rows[0]))


def test_the_page_shows_what_the_browser_searches(site: Path, book: Book) -> None:
    data = built(site, "troubleshoot/index.md").select_one("#symptoms-data")
    assert data is not None and json.loads(data.get_text()) == symptoms.groups(book)
