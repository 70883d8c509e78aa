"""macros/css.py leaves out only what no page can use: rules one by one, then every page, then pictures of one."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import material
import pytest
from playwright.sync_api import Browser, Page, Route

from macros import css
from macros.ledger import BookError
from tests.conftest import SITE
from tests.lab.browser import Site, View, Views
from tests.lab.programs import ROOT
from tests.test_html import page_names

PAGE = '<body dir="ltr" data-scheme="a"><p class="one two" id="here">x</p><a href="x">y</a>'
SCRIPT = 'element.classList.add("later", `tab--${side}`); document.body.setAttribute("data-state", "on")'


@pytest.fixture
def used() -> css.Used:
    found = css.Used()
    found.page(PAGE)
    found.script(SCRIPT)
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (".one{a:b}", ".one{a:b}"),
        (".gone{a:b}", ""),
        (".later{a:b}", ".later{a:b}"),
        (".tab--left{a:b}.tab-left{a:b}", ".tab--left{a:b}"),
        (".one,.gone{a:b}", ".one{a:b}"),
        (".one .gone{a:b}", ""),
        (".one:not(.gone,.lost){a:b}", ".one:not(.gone,.lost){a:b}"),
        (":is(.gone,.one) p{a:b}", ":is(.gone,.one) p{a:b}"),
        ("#here{a:b}#there{a:b}", "#here{a:b}"),
        ("p{a:b}table{a:b}", "p{a:b}"),
        ("p::before{a:b}::selection{a:b}", "p::before{a:b}::selection{a:b}"),
        ("[data-scheme=a]{a:b}[data-scheme=b]{a:b}", "[data-scheme=a]{a:b}"),
        ("[data-state=on]{a:b}[data-state=off]{a:b}", "[data-state=on]{a:b}"),
        ("[dir=rtl] p{a:b}[dir=ltr] p{a:b}", "[dir=ltr] p{a:b}"),
        ('a[href^="https"]{a:b}', 'a[href^="https"]{a:b}'),
        ("p[hidden]{a:b}", "p[hidden]{a:b}"),
        ("@media print{.gone{a:b}}", ""),
        ("@media print{.one{a:b}.gone{a:b}}", "@media print{.one{a:b}}"),
        ("@supports (a:b){@media print{p{a:b}}}", "@supports (a:b){@media print{p{a:b}}}"),
        ("p{background:url('data:image/svg+xml,<svg a={;}/>')}", "p{background:url('data:image/svg+xml,<svg a={;}/>')}"),
        ("/* a } */p{a:b;}", "p{a:b}"),
        ("p { a: b;\n  c: d\n}\n", "p{a:b;c:d}"),
        ("p{--x:1;a:b}", "p{a:b}"),
        ("p{--x:1;a:var(--x)}", "p{--x:1;a:var(--x)}"),
        ("p{--x:1;--y:var(--x);a:b}", "p{a:b}"),
        ("@keyframes turn{to{a:b}}p{a:b}", "p{a:b}"),
        ("@keyframes turn{to{a:b}}p{animation:turn 1s}", "@keyframes turn{to{a:b}}p{animation:turn 1s}"),
        (".md\\:x{a:b}", ""),
        ("@charset 'utf-8';p{a:b}", "@charset 'utf-8';p{a:b}"),
    ],
)
def test_rule(used: css.Used, before: str, after: str) -> None:
    assert css.prune({"sheet": before}, used) == {"sheet": after}


def test_a_variable_of_one_sheet_is_kept_for_another(used: css.Used) -> None:
    assert css.prune({"a": "p{--x:1}", "b": "p{a:var(--x)}"}, used) == {"a": "p{--x:1}", "b": "p{a:var(--x)}"}


@pytest.mark.parametrize("broken", ["p{a:b", "p{a:b}}p", "p"])
def test_what_cannot_be_read_stops_the_build(used: css.Used, broken: str) -> None:
    with pytest.raises(BookError, match="cannot read a style sheet to its end"):
        css.prune({"sheet": broken}, used)


def test_a_site_without_styles_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="no style sheet"):
        css.write(tmp_path)


# Whole pages ----------------------------------------------------------------------
#: What a selector says about a moment, or about a part that is no element.
MOMENTS = re.compile(r"::?(?:-[\w-]+|before|after|marker|placeholder|selection|hover|focus-visible|focus-within|focus|active|target|checked)(?![\w(-])")
#: All at once, as that is quick; one by one only where some match.
MATCHING = """selectors => {
  const known = selectors.filter(([, wide]) => CSS.supports(`selector(${wide})`));
  return document.querySelector(known.map(([, wide]) => wide).join()) ? known.filter(([, wide]) => document.querySelector(wide)).map(([exact]) => exact) : [];
}"""


def whole(name: str) -> str:
    """The style sheet that a built one was made from."""
    own = ROOT / "macros" / "theme" / "assets" / name
    return (own if own.exists() else Path(material.__file__).parent / "templates" / "assets" / "stylesheets" / name).read_text("utf-8")


def selectors(source: str) -> set[str]:
    found: set[str] = set()

    def note(prelude: str, body: str) -> None:
        if not prelude.startswith("@"):
            found.update(part.strip() for part in css.split(prelude, ","))

    css.each_rule(source, note)
    return found


@pytest.fixture(scope="module")
def left_out() -> list[tuple[str, str]]:
    """Each selector that was left out, and a wider one: at any moment, the element and not its part."""
    gone: set[str] = set()
    for path in SITE.glob("assets/**/*.css"):
        gone |= selectors(whole(path.name)) - selectors(path.read_text("utf-8"))
    return [(selector, MOMENTS.sub("", selector)) for selector in sorted(gone)]


#: Two pictures of one page differ by up to 2 of 255 at rounded corners; a rule that is missing makes more of a difference.
FARTHEST = """async pair => {
  const [first, second] = await Promise.all(pair.map(async (source) => {
    const image = new Image();
    image.src = `data:image/png;base64,${source}`;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
    canvas.drawImage(image, 0, 0);
    return canvas.getImageData(0, 0, image.width, image.height).data;
  }));
  return first.length === second.length ? first.reduce((most, value, at) => Math.max(most, Math.abs(value - second[at])), 0) : 255;
}"""
ALIKE = 8


def farthest(browser: Browser, first: bytes, second: bytes) -> int:
    """The largest difference between two pictures, of 255."""
    page = browser.new_page()
    try:
        return int(page.evaluate(FARTHEST, [base64.b64encode(picture).decode() for picture in (first, second)]))
    finally:
        page.close()


#: Results come in pieces; until they have not changed for 400 ms.
SETTLED = """async () => {
  const found = document.querySelector('.md-search-result');
  for (let before; before !== found.innerHTML; ) {
    before = found.innerHTML;
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}"""


def states(page: Page) -> Iterator[str]:
    """The page as it is, and with all that opens on it."""
    yield "as it is"
    page.evaluate("document.querySelectorAll('article details').forEach(each => { each.open = true })")
    if page.get_by_role("button", name="Navigation").is_visible():
        page.get_by_role("button", name="Navigation").click()
        yield "with the drawer"
        page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.keyboard.insert_text("gatewa")  # unheard: the theme listens to keys
    page.keyboard.type("y")
    page.locator(".md-search-result__item").first.wait_for()
    page.locator(".md-search-result__meta", has_text="matching").wait_for()
    page.evaluate(SETTLED)
    page.locator(".md-search__input").evaluate("field => { field.readOnly = true; }")  # no caret blinks in it
    yield "with results"
    page.keyboard.press("Escape")
    page.reload()  # nothing that opened before is still on its way out
    if page.locator(".md-code__button").count():
        page.locator(".md-code__button").first.click()
        page.locator(".md-dialog--active").wait_for()
        yield "with a message"


@pytest.mark.browser
@pytest.mark.parametrize("name", page_names())
def test_no_page_needs_what_was_left_out(views: Views, left_out: list[tuple[str, str]], name: str) -> None:
    assert len(left_out) > 500
    needed = views().open(name.removesuffix("index.html")).evaluate(MATCHING, left_out)
    assert not needed, f"site/{name}: macros/css.py left out rules for what is there: {needed[:5]}"


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 320])
@pytest.mark.parametrize("name", ["patterns/local-gateway/", "404.html"])
def test_nothing_that_opens_needs_what_was_left_out(views: Views, left_out: list[tuple[str, str]], name: str, width: int) -> None:
    """The frame and what it opens are the same on all pages, but on the error page."""
    page = views(width=width).open(name)
    for state in states(page):
        needed = page.evaluate(MATCHING, left_out)
        assert not needed, f"site/{name}, {state}: macros/css.py left out rules for what is there: {needed[:5]}"


@pytest.mark.browser
def test_a_rule_that_is_needed_is_noticed(views: Views) -> None:
    page = views().open("")
    assert page.evaluate(MATCHING, [("p:hover", "p"), (".gone", ".gone")]) == ["p:hover"]


@pytest.mark.browser
@pytest.mark.parametrize("look", [{}, {"scheme": "dark", "width": 320}, {"forced": True}], ids=["light", "dark, narrow", "forced colours"])
def test_a_page_looks_the_same(browser: Browser, look: dict[str, object]) -> None:
    """With the style sheets of the site, and with all that they were made from."""

    def answer(route: Route) -> None:
        route.fulfill(body=whole(route.request.url.rpartition("/")[2]), content_type="text/css")

    def pictures(pruned: bool) -> dict[str, bytes]:
        with Site(SITE) as site, View(browser, site, **look) as view:  # type: ignore[arg-type]
            if not pruned:
                view.page.route("**/*.css", answer)
            page = view.open("patterns/local-gateway/", quiet=True)
            return {state: page.screenshot(animations="disabled") for state in states(page)}

    first, second = pictures(True), pictures(False)
    different = sorted(state for state in first if farthest(browser, first[state], second[state]) > ALIKE)
    assert not different, f"the page looks different without the rules that macros/css.py left out: {', '.join(different)}"


@pytest.mark.browser
def test_another_colour_is_noticed(browser: Browser) -> None:
    page, pictures = browser.new_page(), []
    for colour in ("#414c5d", "#4a5566"):
        page.set_content(f"<p style='color: {colour}'>Text</p>")
        pictures.append(page.screenshot())
    page.close()
    assert farthest(browser, *pictures) > ALIKE and farthest(browser, pictures[0], pictures[0]) == 0


def test_a_scripts_remark_is_left_out_and_a_licence_is_not() -> None:
    assert css.without_remark("/* for who\n edits */\n(() => {})();\n") == "(() => {})();\n"
    for source in ("/*! a licence */ one();", "one(); /* two */"):
        assert css.without_remark(source) == source
