"""Runs the blocks again and rewrites the recorded outputs that differ.

    python -m tests.update

Replays every built page, cold. A page whose replay fails for another reason,
or is interrupted, leaves its recorded outputs as they were. CI never does this.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from macros.ledger import Book, BookError, load
from tests.lab import ending, programs, variants
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import NamespaceError
from tests.lab.replay import Replay


def pages(site: Path) -> list[str]:
    """The pages that show blocks. Raises BookError when nothing is built."""
    path = site / "evidence" / "blocks.json"
    if not path.exists():
        raise BookError("site/evidence/blocks.json is missing; run: make site")
    return list(dict.fromkeys(row["page"] for row in json.loads(path.read_text("utf-8"))))


def recorded(book: Book) -> dict[Path, bytes]:
    """Every recorded output, and every error message, with what it holds now."""
    return {block.path: block.path.read_bytes() for block in book.blocks.values() if block.check in {"output", "symptom"}}


def update(book: Book, site: Path, page: str, forker: Forker | None = None, said: dict[Path, str] | None = None) -> tuple[list[str], str | None]:
    """Replay a page in all its variants and rewrite what differs.

    ``said``: what the pages before have every recorded output say; what this
    page has them say is added. Returns the files that were rewritten, relative
    to the book's root, and what failed for another reason: then, and when the
    replay raises, none is rewritten.
    """
    before = recorded(book)
    failed, done, says = None, False, dict(said or {})
    try:
        for variant in variants.of(book, page):
            rows = Replay(book, site, page, forker=forker, update=says, variant=variant).run()
            failed = failed or next((row for row in rows if row.outcome == "failed"), None)
        done = failed is None
    finally:
        if not done:
            _restore(before)
    if failed:
        return [], f"{failed.key}: {failed.message}"
    if said is not None:
        said |= says
    return [path.relative_to(book.root).as_posix() for path in sorted(before) if path.read_bytes() != before[path]], None


def _restore(before: dict[Path, bytes]) -> None:
    for path, content in before.items():
        if path.read_bytes() != content:
            path.write_bytes(content)


def whole(root: Path, site: Path, say: Callable[[str], None] = print, forker: Forker | None = None) -> int:
    """Every page. 0, or 1 when a page failed for another reason than a recorded output."""
    book, status = load(root), 0
    said: dict[Path, str] = {}
    for page in pages(site):
        rewritten, problem = update(book, site, page, forker, said)
        for path in rewritten:
            say(f"{path}: rewritten")
        if problem:
            say(f"{page}: nothing rewritten. {problem}")
            status = 1
        elif not rewritten:
            say(f"{page}: every recorded output is right")
    return status


def main() -> int:
    ending.in_order()
    try:
        return whole(programs.ROOT, programs.ROOT / "site", lambda line: print(line, flush=True))
    except (BookError, NamespaceError, programs.MissingProgram, RuntimeError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; the page being replayed is as it was.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
