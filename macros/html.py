"""The one function from HTML to HTML, called for every page in build and serve.

It depends on markup of mkdocs-material 9.8.1 and pymdown-extensions; what it
needs and does not find raises BookError, so that an upgrade is noticed.
"""

from __future__ import annotations

import json
import re
from typing import Any

from bs4 import BeautifulSoup, NavigableString, Tag
from bs4.dammit import EntitySubstitution
from bs4.formatter import HTMLFormatter

from macros import render, shell
from macros.ledger import Book, BookError

#: The theme release whose markup the repairs below were written for.
THEME = "mkdocs-material-9.8.1"
#: How many tabs of a group macros/theme/assets/handbook.css can mark as chosen.
MOST_TABS = 8
#: From how many characters on a table's cell is given room, lest it become a ribbon of single words.
LONG_CELL = 70
#: What the strip above a block without a title says: by its check, else by its language.
STRIPS = {"output": "Output", "symptom": "What you see"}
LANGUAGE_NAMES = {
    "bash": "Shell",
    "json": "JSON",
    "powershell": "PowerShell",
    "python": "Python",
    "text": "Text",
    "yaml": "YAML",
}
#: Elements in which white space is text.
VERBATIM = ("pre", "textarea", "script", "style")
#: Attributes of SVG whose case the parser of Python loses.
SVG_CASE = {"viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio"}
FORMAT = HTMLFormatter(entity_substitution=EntitySubstitution.substitute_xml, void_element_close_prefix=None, empty_attributes_are_booleans=True)


def page(book: Book, source: str, url: str, name: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the page's HTML, repaired, and its rows of ``evidence/blocks.json``, one for each block.

    ``url`` is the page's address relative to the site's root (``start/x/``),
    ``name`` its file below ``docs/``. Raises BookError for a ``<pre>`` that
    does not come from the ledger.
    """
    soup = BeautifulSoup(source, "html.parser")
    generator = soup.find("meta", attrs={"name": "generator"})
    if generator is None or THEME not in str(generator.get("content")):
        raise BookError(f"macros/html.py was written for {THEME}; check its repairs against the installed theme, then change THEME")
    to_root = "../" * url.strip("/").count("/") + ("../" if url.strip("/") else "")
    article = soup.find("article")
    if article is not None:
        _blocks(book, article, name)
        _tables(article)
        _tabs(article, name)
        for link in article.find_all(attrs={"data-site-href": True}):
            link["href"] = to_root + link.attrs.pop("data-site-href")
    shell.repair(soup)
    _tidy(soup)
    return soup.decode(formatter=FORMAT).lstrip() + "\n", _rows(book, soup, url)


def _blocks(book: Book, article: Tag, name: str) -> None:
    """Move what the fence carries to its ``<pre>``; give each block a strip, an anchor and a name of its own."""
    used: set[str] = set()
    for pre in article.find_all("pre"):
        holder = pre.find_parent("div", class_="highlight")
        if holder is None or not holder.get("data-snippet"):
            raise BookError(
                f"docs/{name}: a code block that comes from no ledger: {pre.get_text()[:60].strip()!r}; "
                'indented text becomes code, so remove the indent, or show it with {{ snippet("...") }}'
            )
        for key in ("data-snippet", "data-check", "data-delivery"):
            pre[key] = holder.attrs.pop(key)
        block = book.block(pre["data-snippet"])
        pre["data-language"] = render.language(block)
        found, anchor = 2, render.anchor(block.id)
        holder["id"] = anchor
        while holder["id"] in used:
            holder["id"], found = f"{anchor}-{found}", found + 1
        used.add(holder["id"])
        strip = holder.find("span", class_="filename")
        if strip is None:  # the copy button stands in the strip, never over code
            strip = _new("span", **{"class": "filename"})
            strip.string = STRIPS.get(block.check) or LANGUAGE_NAMES.get(render.language(block), "Code")
            pre.insert_before(strip)
        # A group, not a region: thirty landmarks on a page would bury the real ones.
        pre.attrs |= {"tabindex": "0", "role": "group", "aria-label": f"{strip.get_text()}: {block.id.rsplit('/', 1)[-1]}"}
        if render.shown(book, block) != pre.get_text().rstrip("\n"):
            raise BookError(f"docs/{name}: {block.id}: the page shows other text than the snippet; write no tabs and no code annotations in it")
    for badge in article.find_all("details", class_="check"):
        if badge.parent.name == "p":  # Markdown wraps it inside a tab, where HTML allows no details
            badge.parent.unwrap()


def _tables(article: Tag) -> None:
    """Each table scrolls sideways in its own box. The class keeps the theme's script from wrapping it again."""
    for number, table in enumerate(article.find_all("table"), start=1):
        heading = _heading_above(table)
        table.wrap(_new("div", **{"class": "table-box", "tabindex": "0", "role": "group", "aria-label": f"Table {number}: {heading}"}))
        table["class"] = "plain"
        for cell in table.select("thead th"):
            cell["scope"] = "col"
        for cell in table.find_all("td"):
            if len(cell.get_text()) > LONG_CELL:
                cell["class"] = "long"


def _tabs(article: Tag, name: str) -> None:
    """Name each group of tabs, and each panel for readers without JavaScript, who see all of them."""
    for number, group in enumerate(article.find_all("div", class_="tabbed-set"), start=1):
        labels, panels = group.select(":scope > .tabbed-labels > label"), group.select(":scope > .tabbed-content > .tabbed-block")
        if not labels or len(labels) != len(panels):
            raise BookError(f"macros/html.py: {len(labels)} labels for {len(panels)} tabs; {THEME} and pymdown-extensions write others, repair _tabs")
        if len(labels) > MOST_TABS:
            raise BookError(f"docs/{name}: {len(labels)} tabs in one group; handbook.css marks the chosen one of at most {MOST_TABS}, so split the group")
        group.attrs |= {"role": "group", "aria-label": f"Choice {number}: {_heading_above(group)}"}
        for chosen in group.select(":scope > input[checked]"):
            chosen["checked"] = ""
        for label, panel in zip(labels, panels, strict=True):
            panel["data-tab"] = label.get_text(" ", strip=True)


def _tidy(soup: BeautifulSoup) -> None:
    """What a template leaves behind: runs of white space, and the case of SVG's attributes."""
    for text in soup.find_all(string=re.compile(r"\s\s")):
        if type(text) is NavigableString and text.find_parent(VERBATIM) is None:
            text.replace_with(re.sub(r"\s+", lambda run: "\n" if "\n" in run.group() else " ", text))
    for drawing in soup.find_all("svg"):
        for element in [drawing, *drawing.find_all(True)]:
            element.attrs = {SVG_CASE.get(name, name): value for name, value in element.attrs.items()}


def _new(name: str, **attributes: str) -> Tag:
    return BeautifulSoup("", "html.parser").new_tag(name, attrs=attributes)


def _text(heading: Tag) -> str:
    return heading.get_text(" ", strip=True).rstrip("¶").strip()


def _heading_above(element: Tag) -> str:
    heading = element.find_previous(["h1", "h2", "h3", "h4"])
    return _text(heading) if heading else "this page"


def _rows(book: Book, soup: BeautifulSoup, url: str) -> list[dict[str, Any]]:
    found = []
    for pre in soup.find_all("pre", attrs={"data-snippet": True}):
        block = book.block(pre["data-snippet"])
        text = render.text(book, block) + "\n"
        found.append(
            {
                "id": block.id,
                "page": url,
                "anchor": pre.find_parent("div", class_="highlight")["id"],
                "language": pre["data-language"],
                "check": block.check,
                "sha256": render.sha256(text),
                "versions": book.versions(block),
                "delivery": block.delivery,
            }
        )
    return found


def dump(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
