"""What docs/start/reference.md claims: what to set, what a reader should know, whom to ask."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from macros import render
from macros.ledger import Book, read_yaml
from tests.conftest import rendered_rows
from tests.lab.play.choice import patterns
from tests.lab.programs import ROOT

DATA = ROOT / "snippets" / "facts"
PATTERNS = list(read_yaml(DATA / "patterns.yaml"))
KNOWLEDGE = read_yaml(DATA / "help.yaml")["knowledge"]
SETS = re.compile(r"^\s*(?:export )?([A-Z]+(?:_[A-Z]+)+)=|^export ([A-Z]+(?:_[A-Z]+)+)$", re.MULTILINE)
#: Set by a block and not needed: variable -> why.
NOT_NEEDED = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "it only makes the start quicker",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "it keeps other connections out of the verification",
}


def built(site: Path, page: str) -> BeautifulSoup:
    return BeautifulSoup((site / page / "index.html").read_text("utf-8"), "html.parser")


def texts(book: Book) -> list[tuple[str, str, str]]:
    """Every block that runs or is loaded: page, id, text."""
    rows = [row for row in rendered_rows() if row["check"] in {"run", "native", "schema"}]
    return [(row["page"], row["id"], render.text(book, book.block(row["id"]))) for row in rows]


# What to set ------------------------------------------------------------------------
def sets(book: Book, pattern: str) -> dict[str, set[str]]:
    """Side -> the variables that the blocks of a pattern's page set there."""
    found: dict[str, set[str]] = {"client": set(), "gateway": set()}
    for page, block_id, text in texts(book):
        data = book.block(block_id).data
        for side in {str(data.get("terminal", "")).split("-")[0], *data.get("also", [])} & set(found) if page == f"patterns/{pattern}/" else ():
            found[side] |= {name for pair in SETS.findall(text) for name in pair if name}
    return {side: names - set(NOT_NEEDED) for side, names in found.items()}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_table_names_what_the_pages_blocks_set(site: Path, book: Book, pattern: str) -> None:
    """The blocks are replayed in an environment made from nothing, so what they set is all that is needed."""
    needs, found = book.fact(f"patterns.{pattern}.needs"), sets(book, pattern)
    harmless = {"NO_PROXY"} if "client" in book.fact(f"patterns.{pattern}.proxied") else {"HTTPS_PROXY"}  # what a company sets in every terminal
    assert found["client"] - harmless == set(needs["client"]) - harmless, f"{pattern}: Claude Code"
    assert set(needs["client"]) <= found["client"], f"{pattern}: Claude Code"
    if "gateway" in needs:
        assert found["gateway"] - {"NO_PROXY"} == set(needs["gateway"]), f"{pattern}: the gateway"


def test_the_table_stands_on_the_page(site: Path, book: Book) -> None:
    table = built(site, "start/reference").select_one("#what-to-set").find_next("table")
    for row, (name, entry) in zip(table.select("tbody tr"), book.fact("patterns").items(), strict=True):
        cells = row.select("td")
        assert cells[0].a["href"].endswith(f"patterns/{name}/") and cells[0].get_text() == entry["name"]
        for cell, side in ((cells[1], "client"), (cells[2], "gateway")):
            assert [code.get_text() for code in cell.select("code")] == entry["needs"].get(side, [])


# Practising -------------------------------------------------------------------------
def test_what_the_page_says_to_type_exists(book: Book) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in ("serve", "lab", "lab_proxy"):
        program, target, *variables = book.fact(f"site.{name}").split()
        given = dict(word.split("=") for word in variables)
        assert program == "make" and target in targets
        assert not given or given.pop("PATTERN") in patterns(book)
        assert given in ({}, {"AUTH": "basic", "INSPECT": "1"}), "tests/test_play.py practises with these"


# What is set ------------------------------------------------------------------------
SECRETS = {
    "ANTHROPIC_API_KEY": "sk-ant-lab-secret", "ANTHROPIC_AUTH_TOKEN": "sk-lab-secret", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-lab-secret",
    "ANTHROPIC_CUSTOM_HEADERS": "x-one: secret\nx-two: secret", "HTTPS_PROXY": "http://bob:s/e@c#ret@proxy.corp.example:3128",
    "https_proxy": "http://bob:secret@proxy.corp.example:3128", "ALL_PROXY": "bob:secret@proxy.corp.example:3128",
}  # fmt: skip


def test_what_is_set_shows_no_secret(book: Book) -> None:
    text, shown = (book.snippets / "start/reference/set.sh").read_text(), {"ANTHROPIC_BASE_URL": "https://gateway.corp.example", "NO_PROXY": "localhost"}
    done = subprocess.run(["bash", "-c", text], env={"PATH": os.environ["PATH"], **SECRETS, **shown}, capture_output=True, text=True, timeout=30, check=True)
    assert "secret" not in done.stdout and "bob" not in done.stdout and "c#ret" not in done.stdout
    assert {line.partition("=")[0] for line in done.stdout.splitlines()} == {*SECRETS, *shown}
    assert "NO_PROXY=localhost\n" in done.stdout and "HTTPS_PROXY=http://(login)@proxy.corp.example:3128\n" in done.stdout
    assert "ALL_PROXY=(login)@proxy.corp.example:3128\n" in done.stdout


# What a reader should know ------------------------------------------------------------
def test_the_specifications_eight_are_all_there(site: Path, book: Book) -> None:
    assert sorted(KNOWLEDGE) == [f"KNOW-{number}" for number in range(1, 9)]
    rows = built(site, "start/reference").select_one("#what-you-should-know").find_next("table").select("tbody tr")
    assert [row.td.get_text() for row in rows] == [entry["what"] for entry in KNOWLEDGE.values()]


@pytest.mark.parametrize("name", KNOWLEDGE)
def test_the_site_asks_for_this_knowledge_and_no_other(site: Path, book: Book, name: str) -> None:
    """The example asks for it; what has no example is asked for by no block of the site."""
    entry, marker = KNOWLEDGE[name], re.compile(KNOWLEDGE[name]["marker"], re.MULTILINE)
    if "example" not in entry:
        assert [f"{page}: {block_id}" for page, block_id, text in texts(book) if marker.search(text)] == []
        return
    block = book.block(entry["example"]["block"])
    assert marker.search(render.text(book, block)), f"{name}: {block.id} does not match {marker.pattern}"
    holders = built(site, entry["example"]["page"]).select(f"article [id='{render.anchor(block.id)}'] pre")
    assert [pre["data-snippet"] for pre in holders] == [block.id]


# Whom to ask ------------------------------------------------------------------------
def unasked(book: Book, entries: list[dict[str, Any]]) -> set[str]:
    """Programs that a page warns about and nobody can be asked about."""
    noticed = {call for path in (ROOT / "docs").rglob("*.md") for call in re.findall(r'third_party_notice\("(\w+)"\)', path.read_text("utf-8"))}
    return noticed - {entry["product"] for entry in entries}


def test_somebody_can_be_asked_about_every_program(site: Path, book: Book) -> None:
    entries = book.fact("help.ask")
    assert unasked(book, entries) == set() and unasked(book, entries[:1]) != set()
    table = built(site, "start/reference").select_one("#getting-help").find_next("table")
    assert [link["href"] for link in table.select("a")] == [entry["where"] for entry in entries]


def test_which_address_is_used_where_a_file_empties_it_or_is_broken(book: Book, tmp_path: Path) -> None:
    text, home = (book.snippets / "settings/where.sh").read_text(), tmp_path / ".claude"
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ANTHROPIC_BASE_URL": "http://127.0.0.1:4000"}

    def printed(settings: str) -> list[str]:
        home.mkdir(exist_ok=True)
        (home / "settings.json").write_text(settings)
        done = subprocess.run(["bash", "-c", text], env=env, cwd=tmp_path / "..", capture_output=True, text=True, timeout=30, check=True)
        assert done.stderr == ""
        return done.stdout.splitlines()

    assert printed('{"env": {"ANTHROPIC_BASE_URL": ""}}') == ["used:    the provider itself (user)", "ignored: http://127.0.0.1:4000 (shell)"]
    broken, used = printed('{"env": {},}')
    assert broken.startswith(f"broken:  {home}/settings.json (") and used == "used:    http://127.0.0.1:4000 (shell)"
