"""The shape every page of a kind has; taste is not tested."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import yaml
from bs4 import BeautifulSoup

from macros.ledger import Book
from tests.lab.programs import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
ORDER = ["Quick answer", "Configuration", "Verify", "Additional context"]
CREDENTIALS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "LITELLM_MASTER_KEY", "apiKeyHelper")


def front_matter(name: str) -> dict[str, Any]:
    text = (DOCS / name).read_text("utf-8")
    return yaml.safe_load(text.split("---")[1]) if text.startswith("---") else {}


@functools.cache
def built(site: Path, name: str) -> BeautifulSoup:
    folder = name.removesuffix("index.md").removesuffix(".md")
    return BeautifulSoup((site / folder / "index.html").read_text("utf-8"), "html.parser")


def out_of_order(headings: list[str], order: list[str] = ORDER) -> list[str]:
    """The headings of ``order`` that are missing or not after the one before; [] when all is well."""
    problems, at = [], -1
    for wanted in order:
        if wanted not in headings:
            problems.append(f"no heading {wanted!r}")
        elif headings.index(wanted) < at:
            problems.append(f"{wanted!r} comes too early")
        else:
            at = headings.index(wanted)
    return problems


@pytest.mark.parametrize("name", PAGES)
def test_front_matter_says_for_whom(name: str) -> None:
    meta = front_matter(name)
    assert meta.get("title") and meta.get("description") and meta.get("audience"), f"docs/{name}: write title, description and audience"


@pytest.mark.parametrize("name", [name for name in PAGES if front_matter(name).get("kind") == "configuration"])
def test_configuration_pages_have_their_headings(site: Path, name: str) -> None:
    headings = [heading.get_text().rstrip("¶").strip() for heading in built(site, name).select("article h2")]
    assert out_of_order(headings) == [], f"docs/{name} has {headings}"


def test_a_wrong_order_is_noticed() -> None:
    assert out_of_order(["Quick answer", "Verify", "Configuration", "Additional context"]) == ["'Verify' comes too early"]
    assert out_of_order(["Quick answer", "Configuration", "Verify"]) == ["no heading 'Additional context'"]


@pytest.mark.parametrize("name", PAGES)
def test_requirements_have_sections(site: Path, name: str) -> None:
    marked = {word for element in built(site, name).select("[data-req]") for word in str(element["data-req"]).split()}
    assert marked == set(front_matter(name).get("requirements", [])), (
        f"docs/{name}: requirements: in the front matter and data-req on sections must name the same ids"
    )


@pytest.mark.parametrize("name", PAGES)
def test_pages_with_credentials_warn(site: Path, book: Book, name: str) -> None:
    article = built(site, name).select_one("article")
    assert article is not None
    shows = any(word in block.get_text() for block in article.select("pre") for word in CREDENTIALS)
    warns = book.fact("notices.credential.title") in [title.get_text() for title in article.select(".admonition.warning > .admonition-title")]
    assert warns or not shows, f"docs/{name} shows a credential variable; add {{{{ credential_warning() }}}}"


@pytest.mark.parametrize("name", PAGES)
def test_third_party_software_has_its_notice(site: Path, book: Book, name: str) -> None:
    article = built(site, name).select_one("article")
    assert article is not None
    for product in ("litellm", "cntlm", "nginx", "portkey", "claude-code-router", "haproxy", "caddy", "envoy"):
        uses = any(product in book.block(str(pre["data-snippet"])).data.get("uses", []) for pre in article.select("pre[data-snippet]"))
        product_name = book.fact(f"versions.{product}.name")
        noticed = f"This configuration uses {product_name}, a third-party solution not developed or maintained by Anthropic." in article.get_text()
        assert noticed or not uses, f"docs/{name} uses {product_name}; add {{{{ third_party_notice({product!r}) }}}}"
