"""What docs/troubleshoot/waiting.md says of requests and silence: each case again, with fewer retries than Claude Code makes by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests import waits
from tests.conftest import the_book
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.world import DIRECT_PORT, World
from tests.test_local_gateway import Screen

CASES = the_book().fact("waits.cases")


@pytest.fixture(scope="module")
def world(book: Book, site: Path) -> Iterator[World]:
    with World(book, site) as machine:
        yield machine


def test_every_case_is_measured_with_this_claude_code(book: Book) -> None:
    measured = book.fact("waits.measured")
    assert list(measured["rows"]) == [case["id"] for case in CASES], "run: python -m tests.waits"
    assert measured["version"] == book.fact("versions.claude-code.version"), "another Claude Code was measured; run: python -m tests.waits"


@pytest.mark.lab
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_requests_and_words(case: dict[str, Any], world: World, book: Book) -> None:
    row = book.fact("waits.measured.rows")[case["id"]]
    none, one = waits.run(world, case, 0), waits.run(world, case, 1)
    assert (none.requests, one.requests) == (row["requests_without_retries"], row["requests_with_one"])
    assert none.status == one.status == 1
    assert none.text.splitlines()[0] == one.text.splitlines()[0] == row["says"]


@pytest.mark.lab
def test_a_case_in_which_nothing_is_broken_is_refused(world: World, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement does not take an answer for a fault."""
    monkeypatch.setattr(waits, "World", lambda *_: world)
    monkeypatch.setattr(world, "__class__", type("Open", (World,), {"__enter__": lambda self: self, "__exit__": lambda *_: None}))
    with pytest.raises(RuntimeError, match="fine: Claude Code ended with status 0 and printed 'connected'"):
        waits.measure(book, {"id": "fine", "what": "Nothing is broken"})


@pytest.mark.lab
def test_a_session_counts_the_attempts(world: World) -> None:
    behave = world.lab / "provider" / "behave.json"
    behave.write_text(json.dumps({"status": 503, "path": "/v1/messages"}))
    try:
        screen = Screen(world, {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{DIRECT_PORT}", "ANTHROPIC_AUTH_TOKEN": LAB_KEY, "CLAUDE_CODE_MAX_RETRIES": "10"})
        screen.wait_for("❯\n")
        screen.program.send("Reply with one word: hello\r")
        screen.wait_for("attempt 2/10")
        screen.program.close(force=True)
    finally:
        behave.unlink()
