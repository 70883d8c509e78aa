"""The frame of every page, used with keys alone and looked at in every way readers look; then ten faults and more, planted.

The checks are in tests/accessible.py. Each fault is planted in a built page, and
found by the very check that the tests above it use.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Page, Route

from macros import shell
from macros.ledger import BookError
from tests import accessible
from tests.conftest import SITE, listed
from tests.handbook import build
from tests.lab.browser import Site, View, Views
from tests.lab.programs import ROOT
from tests.test_html import html_errors, looked_at, page, page_names

pytestmark = pytest.mark.browser

#: A laptop; a phone; a laptop of 1280 by 1024 at 400 % zoom.
WIDE, NARROW, ZOOMED = {}, {"width": 320}, {"width": 320, "height": 256}
#: A page with everything: blocks, tabs, tables, notices, a page before and one after.
FULL = "patterns/local-gateway/index.html"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    looked_at(metafunc)


def opened(view: View, name: str) -> Page:
    """The page with all that is folded open, and the first tabs."""
    opened = view.open(name.removesuffix("index.html"))
    opened.evaluate("document.querySelectorAll('article details:not(.contents)').forEach(each => { each.open = true })")
    return opened


# Every page, or one of each kind; in `make test-all` every one -----------------------
@pytest.mark.looks(further={"400 % zoom": ZOOMED, "1280 px": WIDE})
def test_tab_stops(views: Views, name: str, look: dict[str, object]) -> None:
    problems = accessible.tab_stops(views(**look).open(name.removesuffix("index.html")))
    assert not problems, listed(name, problems)


@pytest.mark.looks(further={"400 % zoom": ZOOMED})
def test_zoom(views: Views, name: str, look: dict[str, object]) -> None:
    """400 % zoom on a laptop: 320 by 256 px."""
    shown = opened(views(**look), name)
    problems = accessible.sideways(shown) + accessible.header_share(shown)
    assert not problems, listed(name, problems)


@pytest.mark.looks(further={"320 px": NARROW, "1280 px": WIDE})
def test_text_spacing(views: Views, name: str, look: dict[str, object]) -> None:
    problems = accessible.clipped(opened(views(**look), name))
    assert not problems, listed(name, problems)


@pytest.mark.looks(further={"dark": {"scheme": "dark"}, "light": {"scheme": "light"}})
def test_forced_colours(views: Views, name: str, look: dict[str, object]) -> None:
    problems = accessible.forced_colours(opened(views(forced=True, **look), name))
    assert not problems, listed(name, problems)


@pytest.mark.looks(further={"1280 px": WIDE})
def test_reduced_motion(views: Views, name: str, look: dict[str, object]) -> None:
    problems = accessible.motion(opened(views(**look), name))
    assert not problems, listed(name, problems)


@pytest.mark.looks(always={"320 px": NARROW}, further={"1280 px": WIDE})
def test_no_idle_control_without_javascript(views: Views, name: str, look: dict[str, object]) -> None:
    problems = accessible.idle_controls(views(javascript=False, **look).open(name.removesuffix("index.html")))
    assert not problems, listed(name, problems)


@pytest.mark.looks(further={"320 px": NARROW})
def test_contents_on_a_narrow_screen(views: Views, name: str, look: dict[str, object]) -> None:
    shown = views(**look).open(name.removesuffix("index.html"))
    if len(page(name).select(".md-nav--secondary a")) < shell.CONTENTS:
        assert shown.locator(".contents").count() == 0
    else:
        problems = accessible.contents(shown)
        assert not problems, listed(name, problems)


def test_navigation_lists_its_own_part_and_the_names_of_the_others(name: str) -> None:
    """And the first page, every page there is."""
    nav = page(name).select_one("#navigation")
    parts = nav.select(".md-nav__item--nested")
    whole = [part for part in parts if part.select(":scope ul a")]
    assert len(nav.select("[aria-current=page]")) == (name != "404.html")
    if name == "index.html":
        assert whole == parts
        assert len(nav.select("a.md-nav__link")) == len(page_names()) - 1, "a page is missing from the first page's list"
    else:
        assert len(whole) == bool(nav.select(".md-nav__item--nested [aria-current=page]"))
        assert all(part.select_one(":scope > a[href]") for part in parts if part not in whole)


# One page, and the error page, whose frame is made in another way ------------------------
FRAMES = pytest.mark.parametrize("where", [FULL, "404.html"])


@FRAMES
@pytest.mark.parametrize("look", [WIDE, NARROW], ids=["1280 px", "320 px"])
def test_no_key_alone_does_anything(views: Views, where: str, look: dict[str, object]) -> None:
    problems = accessible.single_keys(views(**look).open(where.removesuffix("index.html")))
    assert not problems, listed(where, problems)


@FRAMES
@pytest.mark.parametrize("look", [NARROW, ZOOMED], ids=["320 px", "400 % zoom"])
def test_drawer(views: Views, where: str, look: dict[str, object]) -> None:
    problems = accessible.drawer(views(**look).open(where.removesuffix("index.html")))
    assert not problems, listed(where, problems)


@FRAMES
@pytest.mark.parametrize("look", [WIDE, NARROW, ZOOMED], ids=["1280 px", "320 px", "400 % zoom"])
def test_search(views: Views, where: str, look: dict[str, object]) -> None:
    problems = accessible.search(views(**look).open(where.removesuffix("index.html")))
    assert not problems, listed(where, problems)


@pytest.mark.parametrize("look", [WIDE, NARROW], ids=["1280 px", "320 px"])
def test_copied(views: Views, look: dict[str, object]) -> None:
    problems = accessible.copied(views(**look).open(FULL.removesuffix("index.html")))
    assert not problems, listed(FULL, problems)


def test_typing_after_escape_opens_the_search_again(views: Views) -> None:
    shown = views().open("404.html")
    shown.keyboard.press("Control+k")
    shown.keyboard.press("Escape")
    assert not shown.locator("#__search").is_checked()
    shown.keyboard.type("gateway")
    shown.locator(".md-search-result__item").first.wait_for()
    shown.keyboard.press("Enter")
    shown.wait_for_url(lambda url: "404" not in url)  # the best result


def test_search_closes_when_the_focus_leaves_it(views: Views) -> None:
    shown = views().open("")
    shown.keyboard.press("Control+k")
    shown.keyboard.press("Shift+Tab")
    assert not shown.locator("#__search").is_checked()


def test_dark_colours_by_keyboard(views: Views) -> None:
    shown = views().open("")
    button = shown.get_by_role("button", name="Dark colours")
    for key, scheme in (("Space", "slate"), ("Enter", "default")):
        button.focus()
        shown.keyboard.press(key)
        assert shown.evaluate("document.body.dataset.mdColorScheme") == scheme
        assert button.get_attribute("aria-pressed") == str(scheme == "slate").lower()


def test_tabs_by_keyboard(views: Views) -> None:
    shown = views().open(FULL.removesuffix("index.html"))
    first = shown.locator(".tabbed-set > input").first
    first.focus()
    shown.keyboard.press("ArrowRight")
    assert not first.is_checked() and shown.locator(".tabbed-block").nth(1).is_visible()


def test_boxes_are_tab_stops_where_they_scroll(views: Views) -> None:
    shown = views(**NARROW).open(FULL.removesuffix("index.html"))
    shown.wait_for_timeout(accessible.A_MOMENT)
    boxes = shown.eval_on_selector_all(
        "article pre, article .table-box",
        "all => all.filter(box => box.checkVisibility()).map(box => [box.scrollWidth > box.clientWidth, box.tabIndex === 0])",
    )
    assert [scrolls for scrolls, _ in boxes] == [stop for _, stop in boxes] and {True, False} <= {scrolls for scrolls, _ in boxes}


def test_a_wider_window_closes_the_drawer(views: Views) -> None:
    shown = views(**NARROW).open("")
    shown.get_by_role("button", name="Navigation").click()
    shown.set_viewport_size({"width": 1280, "height": 800})
    shown.wait_for_function("document.querySelectorAll('[inert]').length === 0")
    shown.set_viewport_size({"width": 320, "height": 800})


# Planted faults -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Fault:
    """A fault in a built page, the check that must find it, and what the check then says."""

    check: str
    says: str
    look: dict[str, object] = field(default_factory=dict)
    style: str = ""
    script: str = ""
    source: tuple[str, str] = ("", "")
    without: str = ""


FAULTS = {
    "faint text": Fault("axe", "color-contrast", style="article p { color: #999 !important }"),
    "text below 7:1": Fault("axe", "color-contrast-enhanced", style="article p { color: #666 !important }"),
    "a button without a name": Fault("axe", "button-name", script="document.querySelector('[data-palette]').removeAttribute('aria-label')"),
    "a box that scrolls out of reach": Fault(
        "axe", "scrollable-region-focusable", look=NARROW, script="for (const box of document.querySelectorAll('.table-box')) box.removeAttribute('tabindex')"
    ),
    "single keys": Fault("single_keys", "the key 'n' alone does something", without="shell.js"),
    "a Tab stop out of sight": Fault("tab_stops", "is not to be seen", look=NARROW, style="#navigation { visibility: visible !important }"),
    "a Tab stop below a banner": Fault(
        "tab_stops",
        "below something else",
        script="document.body.insertAdjacentHTML('beforeend', '<div style=\"position:fixed;inset:3rem 0 0;z-index:99;background:#fff\"></div>')",
    ),
    "no ring": Fault("tab_stops", "shows no ring", style=":focus-visible { outline: 0 !important }"),
    "a faint ring": Fault("tab_stops", "it needs 3:1", style="article :focus-visible { outline-color: #ccc !important }"),
    "a label for a button": Fault(
        "drawer",
        "no button named Navigation",
        look=NARROW,
        script="document.querySelector('[data-opens=__drawer]').outerHTML = '<label class=md-header__button for=__drawer>Navigation</label>'",
    ),
    "the focus stays behind the drawer": Fault("drawer", "does not move into", look=NARROW, without="shell.js"),
    "a silent number of results": Fault("search", "is not announced", script="document.querySelector('.md-search-result__meta').removeAttribute('role')"),
    "results out of reach": Fault("search", "does not reach the results", script="document.querySelector('.md-search__scrollwrap').inert = true"),
    "a silent message": Fault("copied", "is not announced", script="document.querySelector('.md-dialog').removeAttribute('role')"),
    "copy buttons of one name": Fault("copied", "without the name of their block", without="shell.js"),
    "no contents": Fault("contents", "no contents below", look=NARROW, style=".contents { display: none !important }"),
    "an icon that forced colours take away": Fault(
        "forced_colours", "an icon is not to be seen", look={"forced": True}, style="*, *::before, *::after { forced-color-adjust: auto !important }"
    ),
    "tabs that look alike": Fault(
        "forced_colours", "looks like the others", look={"forced": True}, style=".tabbed-labels > * { background: ButtonFace !important }"
    ),
    "text that is cut": Fault("clipped", "text is cut", style=".md-nav__link { height: 1.4em; overflow: hidden !important }"),
    "sideways scroll": Fault("sideways", "px too wide", look=NARROW, style="article p { min-width: 400px }"),
    "a header that fills the screen": Fault("header_share", "the header covers", look=ZOOMED, style=".md-header__inner { min-height: 120px }"),
    "motion": Fault("motion", "moves", style="article a { transition: color .3s !important }"),
    "a control that does nothing": Fault(
        "idle_controls", "does nothing without", look={"javascript": False}, style=".no-js .md-search { display: block !important }"
    ),
    "another host": Fault("foreign", "https://cdn.example/a.js", source=("</head>", "<script src=https://cdn.example/a.js></script></head>")),
    "an id that stands twice": Fault("valid", "no-dup-id", source=("<main ", "<p id=twice></p><p id=twice></p><main ")),
    "no language": Fault("valid", "element-required-attributes", source=(' lang="en"', "")),
    "no title": Fault("valid", "element-required-content", source=("<title>Local gateway - Claude Code gateways</title>", "")),
    "a picture without a text": Fault("valid", "wcag/h37", source=("</article>", '<img src="a.png"></article>')),
    "a paragraph in a heading": Fault("valid", "element-permitted-content", source=("</article>", "<h2><p>Deep</p></h2></article>")),
}


def find(fault: Fault, browser: Browser, served: Site, folder: Path) -> list[str]:
    """Plant a fault in the full page and call its check."""
    source = (SITE / FULL).read_text("utf-8")
    if fault.source[0]:
        assert fault.source[0] in source, f"the page holds no {fault.source[0]!r} any more; plant the fault elsewhere"
        source = source.replace(*fault.source, 1)
    source = source.replace("</head>", f"<style>{fault.style}</style></head>", 1)
    if fault.check == "valid":
        (folder / "planted.html").write_text(source, "utf-8")
        return html_errors([folder / "planted.html"], folder)

    def answer(route: Route) -> None:
        url = route.request.url
        if fault.without and url.endswith(f"/{fault.without}"):
            route.fulfill(body="", content_type="text/javascript")
        elif url.endswith(FULL.removesuffix("index.html")):
            route.fulfill(body=source, content_type="text/html; charset=utf-8")
        else:
            route.continue_()

    with View(browser, served, **fault.look) as view:  # type: ignore[arg-type]
        view.context.grant_permissions(["clipboard-read", "clipboard-write"])
        view.page.route("**/*", answer)
        shown = view.open(FULL.removesuffix("index.html"))
        shown.wait_for_timeout(accessible.A_MOMENT)
        if fault.script:
            shown.evaluate(fault.script)
        if fault.check == "axe":
            return view.axe()
        if fault.check == "foreign":
            return view.foreign
        check: Callable[[Page], list[str]] = getattr(accessible, fault.check)
        return check(shown)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_planted_fault_is_found(browser: Browser, served: Site, tmp_path: Path, fault: Fault) -> None:
    found = find(fault, browser, served, tmp_path)
    assert [problem for problem in found if fault.says in problem], f"{fault.check} did not say {fault.says!r} but {found[:5]}"


def test_every_check_has_a_planted_fault() -> None:
    checks = {
        name for name, value in vars(accessible).items() if callable(value) and getattr(value, "__module__", "") == accessible.__name__ and name[0] != "_"
    }
    assert {fault.check for fault in FAULTS.values()} == checks | {"axe", "foreign", "valid"}


# What macros/shell.py does when the theme's markup changes -------------------------------------
@pytest.fixture(scope="module")
def theme(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page as the theme writes it, before any repair."""
    root = tmp_path_factory.mktemp("theme")
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    for key in ("hooks", "watch", "validation", "strict"):
        del settings[key]
    settings |= {"plugins": ["search"], "nav": [{"Home": "index.md"}, {"Part": [{"Page": "page.md"}]}]}
    (root / "one-page.yml").write_text(yaml.safe_dump(settings))
    shutil.copytree(ROOT / "macros" / "theme", root / "macros" / "theme")
    (root / "docs").mkdir()
    (root / "docs" / "index.md").write_text("# Home\n")
    (root / "docs" / "page.md").write_text("# Page\n\n## One\n\n## Two\n\n### Three\n\nText.\n")
    done = build(root)
    assert done.returncode == 0, done.stdout
    return (root / "site" / "page" / "index.html").read_text("utf-8")


def wanted(source: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every selector that the repairs look for in the theme's own page."""
    asked: list[str] = []
    every = shell._all

    def listen(soup: shell.Tag, selector: str) -> list[shell.Tag]:
        asked.append(selector)
        return every(soup, selector)

    monkeypatch.setattr(shell, "_all", listen)
    shell.repair(BeautifulSoup(source, "html.parser"))
    monkeypatch.undo()
    fresh = BeautifulSoup(source, "html.parser")
    return sorted({selector for selector in asked if ":scope" not in selector and fresh.select(selector)})


def test_other_markup_stops_the_build(theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the repairs look for: where an upgrade of the theme takes it away, the build ends with a message."""
    selectors = wanted(theme, monkeypatch)
    assert len(selectors) >= 25, selectors
    for selector in selectors:
        soup = BeautifulSoup(theme, "html.parser")
        for element in soup.select(selector):
            element.decompose()
        with pytest.raises(BookError, match="macros/shell.py: the theme wrote nothing that matches"):
            shell.repair(soup)
            print(f"the repairs do not miss {selector}")
