"""What every built page must be, read from its HTML without a browser.

Each check is a function from a page to a list of problems, and has a page
beside it on which it must find one.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import os
import re
import subprocess
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from bs4 import BeautifulSoup, Tag

from macros import html, render
from macros.ledger import Book, BookError
from tests.conftest import SITE, rendered_rows
from tests.lab import programs
from tests.lab.programs import ROOT

BUDGETS: dict[str, int] = yaml.safe_load((ROOT / "tests" / "budgets.yaml").read_text("utf-8"))
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src", "embed": "src", "object": "data"}
#: ``link`` elements that fetch what they name; canonical and the like only say it.
FETCHING = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "preconnect", "dns-prefetch", "manifest"}
ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
#: html-validate's own set of rules, but for what is said here.
RULES = {
    "extends": ["html-validate:recommended"],
    "root": True,
    "rules": {
        "valid-id": ["error", {"relaxed": True}],  # HTML allows ids that begin with a digit or _; headings and the theme's script need them
        "wcag/h32": "off",  # wants a button to submit the search; results come while one types, and Enter opens the best
    },
}
CSS_ELSEWHERE = re.compile(r"""(?:url\(|@import)\s*['"]?(?:https?:)?//[^'")\s]+""", re.IGNORECASE)


def name_of(soup: BeautifulSoup, element: Tag) -> str:
    """The name that assistive technology speaks, as far as these pages need the rules."""
    for reference in str(element.get("aria-labelledby") or "").split():
        target = soup.find(id=reference)
        if target is not None and target.get_text(strip=True):
            return target.get_text(" ", strip=True)
    images = " ".join(str(image.get("alt") or "") for image in element.find_all("img"))
    return (str(element.get("aria-label") or "") or element.get_text(" ", strip=True) or images or str(element.get("title") or "")).strip()


def short(element: Tag) -> str:
    """The opening of an element's source, to find it by."""
    return re.sub(r"\s+", " ", str(element))[:90]


def language(soup: BeautifulSoup) -> list[str]:
    return [] if soup.html is not None and soup.html.get("lang") == "en" else ['<html> has no lang="en"; set theme.language in mkdocs.yml']


def title(soup: BeautifulSoup) -> list[str]:
    return [] if soup.title is not None and soup.title.get_text(strip=True) else ["no <title>; give the page a first heading"]


def headings(soup: BeautifulSoup) -> list[str]:
    """One h1, and no level left out on the way down."""
    found = soup.select("article h1, article h2, article h3, article h4, article h5, article h6")
    levels = [int(heading.name[1]) for heading in found]
    problems = [] if levels.count(1) == 1 else [f"{levels.count(1)} <h1>; a page has exactly one"]
    for before, heading in zip([0, *levels], found, strict=False):
        if int(heading.name[1]) > before + 1:
            problems.append(f"<{heading.name}> after <h{before}>: {heading.get_text(' ', strip=True)!r}; use <h{before + 1}>")
    return problems


def ids(soup: BeautifulSoup) -> list[str]:
    counts = Counter(str(element["id"]) for element in soup.find_all(id=True))
    return [f"id {name!r} stands {count} times; rename a heading, or make the id in macros/html.py unique" for name, count in counts.items() if count > 1]


def references(soup: BeautifulSoup) -> list[str]:
    """Attributes that point at an id of the same page point at one that exists."""
    known = {str(element["id"]) for element in soup.find_all(id=True)}
    problems = []
    for attribute in ("for", "aria-labelledby", "aria-describedby", "aria-controls"):
        for element in soup.find_all(attrs={attribute: True}):
            value = element[attribute]
            missing = [name for name in (value if isinstance(value, list) else str(value).split()) if name not in known]
            problems += [f"{attribute}={name!r} points nowhere: {short(element)}; repair it in macros/html.py" for name in missing]
    return problems


def images(soup: BeautifulSoup) -> list[str]:
    problems = [f'no alt: {short(image)}; say what it shows, or alt="" when it only decorates' for image in soup.find_all("img") if image.get("alt") is None]
    return problems + [f"no name: {short(image)}; add aria-label" for image in soup.select("svg[role=img]") if not name_of(soup, image)]


def inputs(soup: BeautifulSoup) -> list[str]:
    """Every field has a name of its own: aria-label, or a label with text."""
    problems = []
    for field in soup.select("input:not([type=hidden]), select, textarea"):
        labels = soup.find_all("label", attrs={"for": field.get("id")}) if field.get("id") else []
        if not field.get("aria-label") and not field.get("aria-labelledby") and not any(label.get_text(strip=True) for label in labels):
            problems.append(f"no label: {short(field)}; name it in _theme of macros/html.py, which macros/hook.py calls for pages and templates")
    return problems


def links(soup: BeautifulSoup) -> list[str]:
    found = soup.select("a[href], button")
    return [f"no text: {short(link)}; write what it leads to, or an aria-label" for link in found if not name_of(soup, link)]


def self_contained(soup: BeautifulSoup) -> list[str]:
    """Nothing is fetched from another host. A link a reader follows is not a fetch."""
    found = [(element, str(element[attribute])) for tag, attribute in LOADED.items() for element in soup.find_all(tag, attrs={attribute: True})]
    found += [(element, str(element["href"])) for element in soup.find_all("link", href=True) if FETCHING & set(element.get("rel") or [])]
    problems = [f"fetched from elsewhere: {short(element)}; put the file below macros/theme/assets" for element, address in found if ELSEWHERE.match(address)]
    styles = [element.get_text() for element in soup.find_all("style")] + [str(element["style"]) for element in soup.find_all(style=True)]
    return problems + [f"fetched from elsewhere by a style: {match}" for style in styles for match in CSS_ELSEWHERE.findall(style)]


def blocks(soup: BeautifulSoup) -> list[str]:
    """Every block says how it was checked, can be reached by keyboard and has a name."""
    problems = []
    for pre in soup.select("article pre"):
        for attribute in ("data-snippet", "data-check"):
            if not pre.get(attribute):
                problems.append(f'<pre> without {attribute}: {pre.get_text()[:50].strip()!r}; show it with {{{{ snippet("...") }}}}')
        if pre.get("tabindex") != "0" or not pre.get("aria-label") or not pre.get("role"):
            problems.append(f"<pre> without tabindex=0, role and aria-label: {pre.get_text()[:50].strip()!r}; see _blocks in macros/html.py")
    return problems


def tables(soup: BeautifulSoup) -> list[str]:
    problems = []
    for table in soup.find_all("table"):
        head = table.select("thead th")
        if not head or any(cell.get("scope") != "col" or not cell.get_text(strip=True) for cell in head):
            problems.append(f"table without a named header in each column: {table.get_text(' ', strip=True)[:50]!r}; see _tables in macros/html.py")
    return problems


def nesting(soup: BeautifulSoup) -> list[str]:
    """A browser closes a paragraph before a block element, and leaves an empty one behind."""
    found = soup.select("p > details, p > div, p > ul, p > ol, p > table, p > pre, p > p")
    return [f"<{element.name}> inside <p>: {short(element)}; unwrap it in macros/html.py" for element in found]


Check = Callable[[BeautifulSoup], list[str]]
#: Each check, and a page on which it finds exactly one problem.
CHECKS: dict[Check, str] = {
    language: "<html><title>a</title></html>",
    title: "<html lang=en><title></title></html>",
    headings: "<article><h1>a</h1><h3>b</h3></article>",
    ids: "<p id=a></p><p id=a></p>",
    references: "<label for=gone>Name</label>",
    images: "<img src=a.png>",
    inputs: "<input id=a><label for=a><svg></svg></label>",
    links: "<a href=/><svg></svg></a>",
    self_contained: "<link rel=stylesheet href=https://fonts.example/css>",
    blocks: "<article><pre data-snippet=a tabindex=0 role=group aria-label=a>x</pre></article>",
    tables: "<table><tr><td>1</td></tr></table>",
    nesting: "<p><details></details></p>",
}
MORE: list[tuple[Check, str]] = [
    (language, "<html lang=xx></html>"),
    (title, "<html lang=en></html>"),
    (headings, "<article><h1>a</h1><h1>b</h1></article>"),
    (headings, "<article><p>no heading</p></article>"),
    (references, "<nav aria-labelledby=gone></nav>"),
    (images, "<svg role=img></svg>"),
    (inputs, "<select></select>"),
    (links, "<button><i></i></button>"),
    (self_contained, "<script src=//cdn.example/a.js></script>"),
    (self_contained, "<img alt='' src=https://cdn.example/a.png>"),
    (self_contained, "<p style=\"background: url('https://cdn.example/a.png')\"></p>"),
    (blocks, "<article><pre data-check=run tabindex=0 role=group aria-label=a>x</pre></article>"),
    (blocks, "<article><pre data-snippet=a data-check=run role=group aria-label=a>x</pre></article>"),
    (blocks, "<article><pre data-snippet=a data-check=run role=group tabindex=0>x</pre></article>"),
    (tables, "<table><thead><tr><th>a</th></tr></thead></table>"),
    (tables, "<table><thead><tr><th scope=col></th></tr></thead></table>"),
]
FINE: list[tuple[Check, str]] = [
    (self_contained, "<a href=https://example.org/>elsewhere</a><link rel=canonical href=https://example.org/>"),
    (inputs, "<input type=hidden><input id=a><label for=a>Name</label><input aria-label=b>"),
    (links, "<a href=/ aria-label=Home><svg></svg></a><a href=/><img alt=Home src=a.png></a>"),
    (headings, "<article><h1>a</h1><h2>b</h2><h3>c</h3><h2>d</h2></article>"),
]


#: One page of each kind, which `make test` looks at in every way.
KINDS = (
    "404.html", "index.html", "start/quickstart/index.html", "choose/index.html", "patterns/local-gateway/index.html", "troubleshoot/index.html",
    "reference/variables/index.html", "evidence/index.html",
)  # fmt: skip


def looked_at(metafunc: pytest.Metafunc) -> None:
    """Give a test every page as ``name``, and by its mark ``looks`` the ways of looking at it as ``look``.

    One page of each kind is looked at in every way of the mark, and in `make test-all` every page is.
    In `make test`, the others are in the ways under ``always``, and in one of those under ``in_turn``.
    """
    if "name" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("looks")
    if mark is None:
        metafunc.parametrize("name", page_names())
        return
    cases = [(name, label, look) for name in page_names() for label, look in looks(name, **mark.kwargs).items()]
    metafunc.parametrize(("name", "look"), [pytest.param(name, look, id=f"{name}-{label}") for name, label, look in cases])


Looks = dict[str, dict[str, Any]]


def looks(name: str, always: Looks | None = None, in_turn: Looks | None = None, further: Looks | None = None) -> Looks:
    """In which of these ways a page is looked at. Whose turn it is rests on the page's name alone."""
    always, in_turn, further = always or {}, in_turn or {}, further or {}
    if name in KINDS or os.environ.get("HANDBOOK_ALL_VARIANTS") == "1":
        return {**always, **in_turn, **further}
    turns = list(in_turn)
    return {**always, **{label: in_turn[label] for label in turns if label == turns[zlib.crc32(name.encode()) % len(turns)]}}


def page_names() -> list[str]:
    """Every page of the built site, 404 too. Stops the run when there is no build."""
    rendered_rows()
    return sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))


@functools.cache
def page(name: str) -> BeautifulSoup:
    return BeautifulSoup((SITE / name).read_text("utf-8"), "html.parser")


def title_of(name: str) -> str:
    """A page's, read without the page's other elements."""
    (found,) = re.findall(r"<title>(.*?)</title>", (SITE / name).read_text("utf-8"), re.DOTALL)
    return found.strip()


def html_errors(paths: list[Path], folder: Path) -> list[str]:
    """What html-validate says about files; ``folder`` is for its settings."""
    report = folder / "report.json"  # through a pipe a long answer is cut
    (folder / "rules.json").write_text(json.dumps(RULES), "utf-8")
    program = programs.node_module("html-validate/bin/html-validate.mjs")
    done = subprocess.run(
        [str(programs.node()), str(program), "--config", str(folder / "rules.json"), "--formatter", f"json={report}", *map(str, paths)],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert report.exists(), f"html-validate: {done.stdout}{done.stderr}"
    return [
        f"{result['filePath']}:{message['line']}: {message['ruleId']}: {message['message']}"
        for result in json.loads(report.read_text("utf-8"))
        for message in result["messages"]
    ]


def weight(path: Path) -> float:
    """Kilobytes with gzip -9."""
    return len(gzip.compress(path.read_bytes(), 9)) / 1000


def shared_assets(name: str) -> set[Path]:
    """The styles, scripts and icons that a page names."""
    soup = page(name)
    addresses = [str(link["href"]) for link in soup.find_all("link", href=True) if FETCHING & set(link.get("rel") or [])]
    addresses += [str(script["src"]) for script in soup.find_all("script", src=True)]
    return {SITE / address.lstrip("/") if address.startswith("/") else (SITE / name).parent / address for address in addresses}


def repeated_titles(titles: dict[str, str]) -> list[str]:
    """``titles``: page -> title."""
    counts = Counter(titles.values())
    return [f"{name}: another page has the title {text!r} too; change its first heading" for name, text in titles.items() if counts[text] > 1]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", page_names())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_page(name: str, check: Check) -> None:
    problems = check(page(name))
    assert not problems, "\n".join(f"site/{name}: {problem}" for problem in problems)


@pytest.mark.long
def test_html_is_valid(tmp_path: Path) -> None:
    """Every page, the error page too; what the theme writes wrong is repaired in macros/."""
    found = html_errors([SITE / name for name in page_names()], tmp_path)
    assert not found, "\n".join(found)


def test_weight(name: str) -> None:
    assets = {path.resolve().relative_to(SITE): weight(path) for path in shared_assets(name)}
    assert {path.suffix for path in assets} == {".css", ".js", ".svg"}, assets
    total, html_only = sum(assets.values()), weight(SITE / name)
    print(f"{name}: {html_only:.1f} kB, and {total:.1f} kB of shared assets")
    assert total <= BUDGETS["shared_assets_kb"], (
        f"site/{name}: {total:.1f} kB of styles, scripts and icons; the budget is {BUDGETS['shared_assets_kb']}: {assets}"
    )
    assert html_only <= BUDGETS["page_html_kb"], f"site/{name}: {html_only:.1f} kB; the budget is {BUDGETS['page_html_kb']}; split the page"


def test_titles_differ() -> None:
    titles = {name: title_of(name) for name in page_names()}
    assert not repeated_titles(titles), "\n".join(repeated_titles(titles))


def test_the_error_page_says_what_it_is_in_its_title() -> None:
    title = page("404.html").title
    assert title and title.get_text(strip=True).startswith("Page not found")


def test_the_list_says_what_the_page_and_the_file_say() -> None:
    """``blocks.json`` against the HTML and, for whole files, against the file's own bytes."""
    for row in rendered_rows():
        pre = page(f"{row['page']}index.html").select_one(f"#{row['anchor']} pre")
        assert pre is not None and (pre["data-snippet"], pre["data-check"], pre["data-delivery"]) == (row["id"], row["check"], row["delivery"])
        if not set(row["id"]) & set("#@"):
            assert row["sha256"] == hashlib.sha256((ROOT / "snippets" / row["id"]).read_bytes()).hexdigest(), row["id"]


def test_a_bar_in_a_cell_does_not_split_it() -> None:
    assert render.table(["a"], [["one | two"]]).split("\n")[-1] == "| one \\| two |"


def test_blocks_that_nothing_executes() -> None:
    found = [f"{row['page']}#{row['anchor']}" for row in rendered_rows() if row["check"] == "illustrative"]
    allowed = BUDGETS["illustrative_blocks"]
    assert len(found) <= allowed, f"{len(found)} illustrative blocks, the budget is {allowed}; give them a check that runs: {', '.join(found)}"


def test_style_sheets_fetch_nothing_from_elsewhere() -> None:
    sheets = sorted(SITE.rglob("*.css"))
    assert sheets, "the site has no style sheet; run: make site"
    found = [f"{path.relative_to(SITE.parent)}: {match}" for path in sheets for match in CSS_ELSEWHERE.findall(path.read_text("utf-8"))]
    assert not found, "keep what a style sheet needs below macros/theme/assets:\n" + "\n".join(found)


@pytest.mark.parametrize(("check", "source"), [*CHECKS.items(), *MORE], ids=lambda value: getattr(value, "__name__", None))
def test_check_finds(check: Check, source: str) -> None:
    assert len(check(BeautifulSoup(source, "html.parser"))) == 1, f"{check.__name__} finds nothing, or too much, in {source}"


@pytest.mark.parametrize(("check", "source"), FINE, ids=lambda value: getattr(value, "__name__", None))
def test_check_accepts(check: Check, source: str) -> None:
    assert check(BeautifulSoup(source, "html.parser")) == []


def test_no_page_and_no_way_of_looking_at_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    ways: dict[str, Looks] = {"always": {"a": {}}, "in_turn": {"b": {}, "c": {}}, "further": {"d": {}}}
    monkeypatch.delenv("HANDBOOK_ALL_VARIANTS", raising=False)
    assert set(KINDS) <= set(page_names())
    assert {tuple(looks(name, **ways)) for name in KINDS} == {("a", "b", "c", "d")}
    assert {tuple(looks(name, **ways)) for name in page_names() if name not in KINDS} == {("a", "b"), ("a", "c")}
    assert looks("no-kind.html", further=ways["further"]) == {}
    monkeypatch.setenv("HANDBOOK_ALL_VARIANTS", "1")
    assert {tuple(looks(name, **ways)) for name in page_names()} == {("a", "b", "c", "d")}


def test_repeated_titles_are_found() -> None:
    assert len(repeated_titles({"a": "Same", "b": "Same", "c": "Other"})) == 2


def test_style_sheet_pattern() -> None:
    assert CSS_ELSEWHERE.findall("@import 'https://a.example/x.css'; b{background:url(//b.example/y.png)}") != []
    assert CSS_ELSEWHERE.findall("a{mask:url(\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>\")}") == []


# The repairs stop the build when the theme's markup is not what they were written for ---
FRAME = f"<html><head><meta name=generator content='mkdocs, {html.THEME}'></head><body>{{}}</body></html>"
NINE_TABS = f"<div class=tabbed-labels>{'<label>a</label>' * 9}</div><div class=tabbed-content>{'<div class=tabbed-block></div>' * 9}</div>"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (FRAME.replace(html.THEME, "mkdocs-material-0.0.0").format(""), f"was written for {html.THEME}"),
        (FRAME.format(""), "the theme wrote nothing that matches 'article'"),
        (FRAME.format("<article></article>"), "the theme wrote nothing that matches 'header.md-header'"),
        (FRAME.format(f"<article><div class=tabbed-set>{NINE_TABS}</div></article>"), "9 tabs in one group"),
        (FRAME.format("<article><div class=tabbed-set><div class=tabbed-labels></div></div></article>"), "0 labels for 0 tabs"),
        (FRAME.format("<article><pre>x</pre></article>"), "comes from no ledger"),
    ],
    ids=["another theme", "no text", "no header", "too many tabs", "other tabs", "a block from nowhere"],
)
def test_repairs_stop_the_build(book: Book, source: str, message: str) -> None:
    with pytest.raises(BookError, match=message):
        html.page(book, source, "", "index.md")
