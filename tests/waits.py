"""How long Claude Code is silent when something fails, and how often it asks meanwhile.

    python -m tests.waits [id ...]

The cases stand in ``snippets/facts/waits.yaml``, and so does what was measured:
requests, kilobytes and seconds of one ``claude -p`` with Claude Code's own
retries, and the requests with none and with one. Most of the time is waiting,
so several cases run at once, each in a namespace of its own.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from macros.ledger import Book, BookError, load
from tests.lab import ending, programs, room
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.namespace import NamespaceError
from tests.lab.world import DIRECT_PORT, World

ROOT = programs.ROOT
DATA = ROOT / "snippets" / "facts" / "waits.yaml"
#: How many cases wait at the same time.
AT_ONCE = 5
#: Seconds after which a case is given up. Ten retries take about three minutes.
LIMIT = 900
PROMPT = "Reply with one word: connected"


@dataclass(frozen=True)
class Waited:
    """One ``claude -p``: requests that arrived, bytes of their bodies, seconds until it ended, exit status and what it printed."""

    requests: int
    bytes: int
    seconds: float
    status: int
    text: str


def run(world: World, case: dict[str, Any], retries: int | None) -> Waited:
    """Break one thing and ask once; ``retries`` None: as many as Claude Code makes by itself."""
    env = {
        "ANTHROPIC_BASE_URL": case.get("address", f"http://127.0.0.1:{DIRECT_PORT}"),
        case.get("credential", "ANTHROPIC_AUTH_TOKEN"): LAB_KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    if retries is not None:
        env["CLAUDE_CODE_MAX_RETRIES"] = str(retries)
    if not case.get("untrusted"):
        env["NODE_EXTRA_CA_CERTS"] = "/mnt/lab/ca.pem"
    if "proxy" in case:
        env["HTTPS_PROXY"] = case["proxy"]
    behave = world.lab / "provider" / "behave.json"
    if "provider" in case:
        behave.write_text(json.dumps({**case["provider"], "path": "/v1/messages"}))
    before = len(world.all_requests())
    home = world.inside.mnt / f"wait-{case['id']}-{retries}"
    (home / "project").mkdir(parents=True)
    try:
        began = time.monotonic()
        done = world.inside.run(["claude", "-p", PROMPT], {**world.env, "HOME": f"/mnt/{home.name}", **env}, Path(f"/mnt/{home.name}/project"), LIMIT)
        seconds = time.monotonic() - began
    finally:
        behave.unlink(missing_ok=True)
    seen = [request for request in world.all_requests()[before:] if request["path"] == "/v1/messages"]
    return Waited(len(seen), sum(request["bytes"] for request in seen), seconds, done.returncode, (done.stdout + done.stderr).strip())


def measure(book: Book, case: dict[str, Any]) -> dict[str, Any]:
    """The row of a case. Raises RuntimeError when Claude Code succeeds or does not say why not."""
    with World(book, ROOT / "site") as world:
        own, none, one = (run(world, case, retries) for retries in (None, 0, 1))
    if not own.status or not own.text:
        raise RuntimeError(f"{case['id']}: Claude Code ended with status {own.status} and printed {own.text!r}; a fault was expected")
    return {
        "requests": own.requests, "kilobytes": round(own.bytes / 1000), "seconds": round(own.seconds),
        "requests_without_retries": none.requests, "requests_with_one": one.requests, "seconds_without_retries": round(none.seconds, 1),
        "says": none.text.splitlines()[0],
    }  # fmt: skip


def written(book: Book, rows: dict[str, dict[str, Any]]) -> None:
    """Put the rows into the facts; the head and the cases stay as they are."""
    kept = DATA.read_text("utf-8").partition("measured:\n")[0]
    order = [case["id"] for case in book.fact("waits.cases")]
    old = book.fact("waits").get("measured", {}).get("rows", {})
    both = {name: rows.get(name) or old[name] for name in order if name in rows or name in old}
    data = {"version": book.fact("versions.claude-code.version"), "day": time.strftime("%Y-%m-%d"), "rows": both}
    text = yaml.safe_dump({"measured": data}, sort_keys=False, allow_unicode=True, width=200)
    DATA.write_text(kept + text, "utf-8")


def main(ids: list[str]) -> int:
    ending.in_order()
    try:
        book = load()
        cases = [case for case in book.fact("waits.cases") if not ids or case["id"] in ids]
        unknown = set(ids) - {case["id"] for case in cases}
        if unknown:
            raise BookError(f"no case {', '.join(sorted(unknown))} in snippets/facts/waits.yaml")
        with room.workshop("waits-"), ThreadPoolExecutor(AT_ONCE) as pool:
            rows = dict(zip((case["id"] for case in cases), pool.map(lambda case: measure(book, case), cases), strict=True))
    except (BookError, NamespaceError, programs.MissingProgram, RuntimeError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; nothing was written.", file=sys.stderr)
        return 130
    written(book, rows)
    for name, row in rows.items():
        print(f"{name:<16} {row['requests']:>3} requests {row['kilobytes']:>5} kB {row['seconds']:>4} s   {row['says'][:90]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
