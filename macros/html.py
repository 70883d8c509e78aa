"""The one function from HTML to HTML, called for every page in build and serve.

It depends on markup of mkdocs-material 9.8.1 and pymdown-extensions; what it
needs and does not find raises BookError, so that an upgrade is noticed.
"""

from __future__ import annotations

import json
from typing import Any

from bs4 import BeautifulSoup, Tag

from macros import render
from macros.ledger import Book, BookError

#: The theme release whose markup the repairs below were written for.
THEME = "mkdocs-material-9.8.1"


def page(book: Book, source: str, url: str, name: str) -> str:
    """Return the page's HTML, repaired.

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
        _tabs(article)
        for link in article.find_all(attrs={"data-site-href": True}):
            link["href"] = to_root + link.attrs.pop("data-site-href")
    _theme(soup)
    return str(soup)


def _blocks(book: Book, article: Tag, name: str) -> None:
    """Move what the fence carries to its ``<pre>``; give both a name."""
    used: set[str] = set()
    for pre in article.find_all("pre"):
        holder = pre.find_parent("div", class_="highlight")
        if holder is None or not holder.get("data-snippet"):
            raise BookError(f"docs/{name}: a code block that comes from no ledger: {pre.get_text()[:60].strip()!r}; indented text becomes code, so remove the indent, or show it with {{{{ snippet(\"...\") }}}}")
        for key in ("data-snippet", "data-check", "data-delivery"):
            pre[key] = holder.attrs.pop(key)
        block = book.block(pre["data-snippet"])
        pre["data-language"] = render.language(block)
        found, anchor = 2, render.anchor(block.id)
        pre_id = anchor
        while pre_id in used:
            pre_id, found = f"{anchor}-{found}", found + 1
        used.add(pre_id)
        holder["id"] = pre_id
        pre["id"] = f"{pre_id}-text"
        label = holder.find("span", class_="filename")
        pre["tabindex"] = "0"
        pre["role"] = "region"
        pre["aria-label"] = label.get_text() if label else f"Code: {block.id.rsplit('/', 1)[-1]}"
        expected, found_text = render.shown(book, block), pre.get_text().rstrip("\n")
        if expected != found_text:
            raise BookError(f"docs/{name}: {block.id}: the page shows other text than the snippet; write no tabs and no code annotations in it")


def _tables(article: Tag) -> None:
    for number, table in enumerate(article.find_all("table"), start=1):
        wrapper = table.wrap(BeautifulSoup("", "html.parser").new_tag("div"))
        heading = table.find_previous(["h1", "h2", "h3"])
        wrapper["class"] = "table-box"
        wrapper["tabindex"] = "0"
        wrapper["role"] = "region"
        wrapper["aria-label"] = f"Table {number}: {heading.get_text(' ', strip=True).rstrip('¶') if heading else ''}".strip()
        for cell in table.select("thead th"):
            cell["scope"] = "col"


def _tabs(article: Tag) -> None:
    """Name each group of tabs; a reader of labels alone hears what they choose."""
    for number, group in enumerate(article.select(".tabbed-set"), start=1):
        heading = group.find_previous(["h1", "h2", "h3"])
        group["role"] = "group"
        group["aria-label"] = f"Choice {number}: {heading.get_text(' ', strip=True).rstrip('¶') if heading else 'variants'}"


def _theme(soup: BeautifulSoup) -> None:
    """Repairs of the theme's own markup, each found by axe."""
    for box in soup.select("[data-md-component=search]"):
        box["aria-label"] = "Search"
    for link in soup.select("a.headerlink"):
        heading = link.parent
        link["aria-label"] = f"Link to: {heading.get_text(' ', strip=True).rstrip('¶').strip()}" if heading else "Link"
    for item in soup.select("[tabindex='']"):
        del item["tabindex"]
    for number, nav in enumerate(soup.select("nav[data-md-level]")):
        if nav.get("aria-expanded") is not None:
            del nav["aria-expanded"]


def rows(book: Book, source: str, url: str) -> list[dict[str, Any]]:
    """One row per block of a built page, as ``evidence/blocks.json`` holds it."""
    found = []
    for pre in BeautifulSoup(source, "html.parser").select("pre[data-snippet]"):
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
