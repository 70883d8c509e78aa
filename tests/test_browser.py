"""The built site in a real browser: accessibility, weight, requests, copying.

Every page, the error page too. The last tests plant what the others look for.
"""

from __future__ import annotations

import base64
import functools
import itertools
import random
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.accessible import OVERFLOW
from tests.conftest import listed
from tests.lab.browser import Site, View, Views
from tests.test_html import BUDGETS, looked_at, page_names
from tests.test_html import page as parsed

pytestmark = pytest.mark.browser

#: The widths of a laptop, and of a phone or of 400 % zoom on a laptop.
WIDE, NARROW = 1280, 320
SHOW_TAB = "panel => panel.closest('.tabbed-set').querySelectorAll(':scope > input')[[...panel.parentElement.children].indexOf(panel)].click()"
#: Shows, of every group at once, the tab with this number from 0; says how many groups have one.
SHOW_TABS = """number => [...document.querySelectorAll('.tabbed-set')].map(group => group.querySelectorAll(':scope > input')[number])
    .filter(input => input && (input.checked = true)).length"""

#: Elements without a box or with one that is not drawn, each by how its text begins.
HIDDEN = """all => all.filter(each => {
    const box = each.getBoundingClientRect();
    return !each.checkVisibility({visibilityProperty: true}) || !box.width || !box.height;
}).map(each => each.textContent.slice(0, 40))"""

#: Stands in the clipboard until a button has copied something else.
NOTHING = "nothing was copied"
COPY_ALL = f"""async nothing => {{
    const copied = [];
    for (const block of document.querySelectorAll("article .highlight")) {{
        const panel = block.closest(".tabbed-block");
        if (panel) ({SHOW_TAB})(panel);
        await navigator.clipboard.writeText(nothing);
        block.querySelector("button[title='Copy to clipboard']").click();
        let text = nothing;
        for (let waited = 0; text === nothing && waited < 1000; waited += 5) {{
            await new Promise(resolve => setTimeout(resolve, 5));
            text = await navigator.clipboard.readText();
        }}
        copied.push(text);
    }}
    return copied;
}}"""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    looked_at(metafunc)


def address(name: str) -> str:
    return name.removesuffix("index.html")


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('article details').forEach(each => { each.open = true })")


def panels(page: Page) -> list[Locator]:
    """Every tab panel behind the first of its group."""
    return page.locator(".tabbed-block:not(:first-child)").all()


def axe_of_tabs(view: View) -> list[str]:
    """What axe finds in the tabs behind the first of each group."""
    found = []
    for number in itertools.count(1):
        if not view.page.evaluate(SHOW_TABS, number):
            return found
        found += view.axe(".tabbed-set")
    return found


def source_blocks(name: str) -> list[str]:
    """The text of every block of a page, as its HTML holds it."""
    return [pre.get_text().rstrip("\n") for pre in parsed(name).select("article pre")]


@functools.cache
def tab_labels(name: str) -> tuple[str, ...]:
    return tuple(panel["data-tab"] for panel in parsed(name).select(".tabbed-block"))


# Accessibility ----------------------------------------------------------------
@pytest.mark.looks(
    in_turn={"light, 1280 px": {"scheme": "light", "width": WIDE}, "dark, 320 px": {"scheme": "dark", "width": NARROW}},
    further={"light, 320 px": {"scheme": "light", "width": NARROW}, "dark, 1280 px": {"scheme": "dark", "width": WIDE}},
)
def test_wcag(views: Views, name: str, look: dict[str, Any]) -> None:
    """No rule is disabled. Badges are open; each tab is looked at, in both schemes."""
    view = views(**look)
    open_all(view.open(address(name)))
    found = view.axe() + axe_of_tabs(view)
    assert len(found) <= BUDGETS["axe_violations"], "repair the theme in macros/theme or macros/html.py:\n" + listed(name, found)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wcag_of_search_and_drawer(views: Views, scheme: str, width: int) -> None:
    view = views(scheme=scheme, width=width)
    page = view.open("")
    search(page, "gateway")
    found = view.axe()
    page.keyboard.press("Escape")
    if width == NARROW:
        page.get_by_role("button", name="Navigation").click()
        page.locator(".md-nav--primary a.md-nav__link").last.wait_for()
        found += view.axe()
    assert not found, listed("index.html", found)


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_wcag_of_what_opens(views: Views, scheme: str, width: int) -> None:
    """The message that something was copied, and on a narrow screen the contents of the page."""
    name = "patterns/local-gateway/index.html"
    view = views(scheme=scheme, width=width)
    page = view.open(address(name))
    page.locator(".md-code__button").first.click()
    page.locator(".md-dialog--active").wait_for()
    if width == NARROW:
        page.locator(".contents > summary").click()
    found = view.axe()
    assert not found, listed(name, found)


# What a page fetches ------------------------------------------------------------
def test_first_load(browser: Browser, served: Site, name: str) -> None:
    """Cold: weight, hosts, console."""
    served.sent.clear()
    with View(browser, served) as view:
        view.open(address(name), quiet=True)
        kilobytes = total(served)
        print(f"{name}: {kilobytes:.1f} kB in {len(served.sent)} responses")
        assert kilobytes <= BUDGETS["first_load_kb"], f"site/{name}: {kilobytes:.1f} kB; the budget is {BUDGETS['first_load_kb']}: {served.weights()}"
        assert len(view.foreign) <= BUDGETS["third_party_requests"], listed(name, [f"asks another host: {url}" for url in view.foreign])
        assert view.errors == [], listed(name, [f"the console says: {text}" for text in view.errors])


def total(served: Site) -> float:
    """Kilobytes sent since ``sent`` was cleared."""
    return sum(size for _, size in served.weights()) / 1000


def search(page: Page, words: str) -> Locator:
    """Open the search as a reader does and wait for results."""
    if page.locator("[data-opens=__search]").is_visible():
        page.locator("[data-opens=__search]").click()
    else:
        page.locator(".md-search__input").click()
    page.keyboard.type(words)  # the theme listens to keys, not to the field's value
    results = page.locator(".md-search-result__item")
    results.first.wait_for()
    return results


def test_search_is_fetched_when_it_is_used(browser: Browser, served: Site) -> None:
    """Guards macros/theme/assets/search-on-demand.js against a new theme bundle."""
    served.sent.clear()
    with View(browser, served) as view:
        page = view.open("", quiet=True)
        before = [path.name for path in served.sent if "search" in path.name and path.name != "search-on-demand.js"]
        assert before == [], f"fetched before anybody searched: {before}; see macros/theme/assets/search-on-demand.js"
        assert search(page, "gateway").count() >= 1
        assert {"search_index.json"} <= {path.name for path in served.sent}
        assert view.foreign == []
        assert view.errors == []


# Reading and copying ---------------------------------------------------------------
def test_no_sideways_scroll(views: Views, name: str) -> None:
    page = views(scheme="light", width=NARROW).open(address(name))
    open_all(page)
    wide = [f"{page.evaluate(OVERFLOW)} px too wide"] if page.evaluate(OVERFLOW) > 0 else []
    for panel in panels(page):
        panel.evaluate(SHOW_TAB)
        if page.evaluate(OVERFLOW) > 0:
            wide.append(f"tab {panel.get_attribute('data-tab')} is too wide")
    assert not wide, f"at {NARROW} px; let the wide element scroll in its own box: " + listed(name, wide)


def test_without_javascript(views: Views, name: str) -> None:
    page = views(javascript=False).open(address(name))
    hidden = [f"block not visible: {text!r}" for text in page.eval_on_selector_all("article pre", HIDDEN)]
    named = page.eval_on_selector_all(".tabbed-block", "all => all.map(panel => getComputedStyle(panel, '::before').content)")
    assert not hidden, listed(name, hidden)
    assert named == [f'"{label}"' for label in tab_labels(name)], f"site/{name}: without JavaScript each tab panel says its name; see .no-js in handbook.css"


def test_copy_button(views: Views, name: str) -> None:
    """Copies the block's text as the page's HTML holds it, which is what the lab runs. The first button is clicked with the mouse."""
    page = views(scheme="light", width=WIDE).open(address(name))
    blocks = source_blocks(name)
    if blocks:
        page.locator("article .highlight").first.get_by_role("button", name="Copy to clipboard").click()
        assert page.evaluate("navigator.clipboard.readText()") == blocks[0], f"site/{name}: the first copy button copies other text than its block"
    assert page.evaluate(COPY_ALL, NOTHING) == blocks, f"site/{name}: a copy button copies other text than its block; see _blocks in macros/html.py"


def test_chosen_tab_is_remembered(browser: Browser, served: Site) -> None:
    pairs = [
        (first, second, label) for first, second in itertools.permutations(page_names(), 2) for label in tab_labels(first)[1:] if label in tab_labels(second)
    ]
    assert pairs, "no label stands in tabs of two pages any more; remove this test"
    first, second, label = pairs[0]
    with View(browser, served) as view:
        page = view.open(address(first))
        page.locator(".tabbed-labels label").get_by_text(label, exact=True).first.click()
        page = view.open(address(second))
        shown = [panel.get_attribute("data-tab") for panel in page.locator(".tabbed-block").all() if panel.is_visible()]
    assert label in shown, f"{label} chosen on {first} is not chosen on {second}; keep content.tabs.link in mkdocs.yml"


# What the tests above would notice -----------------------------------------------------
def planted(folder: Path, body: str, head: str = "") -> Site:
    page = f"<!doctype html><html lang=en><head><title>Planted</title>{head}</head><body><main><h1>Planted</h1>{body}</main></body></html>"
    (folder / "index.html").write_text(page, "utf-8")
    return Site(folder)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("<p style='color:#999;background:#fff'>Faint text.</p>", "color-contrast"),
        ("<p style='color:#666'>Text below 7:1.</p>", "color-contrast-enhanced"),
        ("<p style='color:#222'>Text with <a href=/ style='color:#000;text-decoration:none'>a link</a> in it.</p>", "link-in-text-block"),
        ("<input>", "label"),
        ("<img src=data:image/gif;base64,R0lGODlhAQABAAAAACw=>", "image-alt"),
        ("<pre style='overflow:auto;width:5em'>a line that is wider than its box</pre>", "scrollable-region-focusable"),
        ("<button style='width:9px;height:9px;padding:0'>a</button><button style='width:9px;height:9px;padding:0'>b</button>", "target-size"),
    ],
)
def test_axe_finds(browser: Browser, tmp_path: Path, body: str, rule: str) -> None:
    with planted(tmp_path, body) as served, View(browser, served) as view:
        view.open("")
        found = view.axe()
    assert [line for line in found if line.startswith(f"{rule}:")], f"axe did not report {rule} but {found}"


def test_axe_finds_what_another_tab_hides(browser: Browser, tmp_path: Path) -> None:
    tabs = ["<p>Text.</p>", "<p>Text.</p>", "<p style='color:#999'>Faint text.</p>"]
    group = "".join(f"<input type=radio name=group aria-label={at} {'checked' * (at == 0)}>" for at in range(3))
    panels = "".join(f"<div class=tabbed-block>{text}</div>" for text in tabs)
    few = "<div class=tabbed-set><input type=radio name=one aria-label=one checked><div class=tabbed-content><div class=tabbed-block>Text.</div></div></div>"
    shown = ", ".join(f"input:nth-of-type({at}):checked ~ div > :nth-child({at})" for at in (1, 2, 3))
    style = f"<style>.tabbed-block {{ display: none }} {shown} {{ display: block }}</style>"
    with planted(tmp_path, f"{few}<div class=tabbed-set>{group}<div class=tabbed-content>{panels}</div></div>", style) as served, View(browser, served) as view:
        view.open("")
        assert not [line for line in view.axe() if line.startswith("color-contrast")]
        assert [line for line in axe_of_tabs(view) if line.startswith("color-contrast")]


def test_axe_accepts(browser: Browser, tmp_path: Path) -> None:
    with planted(tmp_path, "<p>Text.</p>") as served, View(browser, served) as view:
        view.open("")
        assert view.axe() == []


def test_weight_counts_what_no_script_sees(browser: Browser, tmp_path: Path) -> None:
    noise = base64.b64encode(random.Random(1).randbytes(90_000)).decode()
    (tmp_path / "worker.js").write_text(f"// {noise}", "utf-8")
    with planted(tmp_path, "<script>new Worker('worker.js')</script>") as served, View(browser, served) as view:
        view.open("", quiet=True)
        assert total(served) > BUDGETS["first_load_kb"], served.weights()


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("<script src=https://cdn.example/a.js></script>", ""),
        ("", "<script>fetch('https://api.example/').catch(() => {})</script>"),
        ("", "<script>new Worker(URL.createObjectURL(new Blob(['fetch(\"https://api.example/\")'])))</script>"),
        ("<style>p { background: url(https://cdn.example/a.png) }</style>", "<p>Text.</p>"),
    ],
)
def test_another_host_is_noticed(browser: Browser, tmp_path: Path, head: str, body: str) -> None:
    with planted(tmp_path, body, head) as served, View(browser, served) as view:
        view.open("", quiet=True)
        assert [url for url in view.foreign if ".example/" in url], "a request to another host went unnoticed"


def test_console_errors_are_noticed(browser: Browser, tmp_path: Path) -> None:
    with planted(tmp_path, "<script>nothing.here()</script>") as served, View(browser, served) as view:
        view.open("")
        assert view.errors


@pytest.mark.parametrize(
    "script",
    [
        "document.querySelector('article pre code').append(' more')",
        "const first = document.querySelector(`article button[title='Copy to clipboard']`);"
        "document.addEventListener('click', event => { if (first.contains(event.target)) event.stopImmediatePropagation() }, true)",
    ],
    ids=["other text", "nothing"],
)
def test_a_button_that_copies_something_else_is_noticed(browser: Browser, served: Site, script: str) -> None:
    name = "patterns/local-gateway/index.html"
    with View(browser, served) as view:
        view.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = view.open(address(name))
        page.evaluate(script)
        copied, blocks = page.evaluate(COPY_ALL, NOTHING), source_blocks(name)
    assert copied[0] != blocks[0] and copied[1:] == blocks[1:]


def test_sideways_scroll_is_noticed(browser: Browser, tmp_path: Path) -> None:
    with planted(tmp_path, "<p style='width:400px'>Text.</p>") as served, View(browser, served, width=NARROW) as view:
        assert view.open("").evaluate(OVERFLOW) > 0


def test_budgets_are_whole_numbers() -> None:
    names = {
        "first_load_kb",
        "shared_assets_kb",
        "page_html_kb",
        "third_party_requests",
        "illustrative_blocks",
        "axe_violations",
        "check_seconds",
        "test_seconds",
    }
    assert BUDGETS.keys() == names, "tests/budgets.yaml: name the new budget here too, and read it in a test or in make measure"
    assert all(isinstance(value, int) and value >= 0 for value in BUDGETS.values())
