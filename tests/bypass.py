"""Replays with something left out that a reader would not notice missing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from macros.ledger import Book
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.replay import Replay, Row
from tests.lab.world import DIRECT_PORT

#: Programs in Claude Code's place. ``{real}`` is the real one.
PAST_THE_GATEWAY = f'ANTHROPIC_BASE_URL=http://127.0.0.1:{DIRECT_PORT} ANTHROPIC_AUTH_TOKEN={LAB_KEY} exec {{real}} "$@"\n'
CURL = (
    'curl -s -o /dev/null "$ANTHROPIC_BASE_URL/v1/messages?beta=true" -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN" '
    "-H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' "
    """-d '{"model":"claude-opus-5-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'; echo connected\n"""
)


def client(script: str) -> Callable[[Replay], None]:
    """A tamper function that puts a shell script in Claude Code's place."""

    def tamper(replay: Replay) -> None:
        replace(replay.lab / "bin" / "claude", script)

    return tamper


def replace(command: Path, script: str) -> None:
    real = os.readlink(command)
    command.unlink()
    command.write_text("#!/bin/sh\n" + script.replace("{real}", real))
    command.chmod(0o755)


def replayed(
    book: Book, site: Path, page: str, forker: Forker | None, tamper: Callable[[Replay], None], variant: str | None = None,
    verify: str = "patterns/local-gateway/verify.sh",
) -> tuple[Row, list[dict[str, Any]]]:  # fmt: skip
    """The verification's row, and what the provider had received when it ended. What follows it on the page is left out."""
    requests: list[dict[str, Any]] = []
    replay = Replay(book, site, page, forker=forker, tamper=tamper, variant=variant)
    last = next(number for number, row in enumerate(replay.rows) if row.block.id == verify)
    if "after" in replay.rows[last].block.data:
        last = len(replay.rows)
    replay.rows = [row for row in replay.rows[: last + 1] if "then" not in row.block.data]  # the settings files run the verification too
    check = replay._row

    def watched(row: Row) -> str:
        try:
            return check(row)
        finally:
            if row.block.id == verify:
                # without the one request that is made to compare with
                requests[:] = [request for request in replay.requests(row) if "one word: direct" not in json.dumps(request["body"])]

    replay._row = watched  # type: ignore[method-assign]
    return next(row for row in replay.run() if row.block.id == verify), requests
