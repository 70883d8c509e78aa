"""Measures gateways: what the kit says of each, and what Claude Code does with it.

    python -m tests.compatibility [id ...]

Writes the figures that docs/gateways/compatibility.md shows into ``snippets/facts/compatibility.yaml``; rows of
gateways that are not named stay as they are. The kit waits its whole minute; several gateways run at once, each in a namespace
of its own. What `make test` does not install: python3 tests/install.py compatibility
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from macros.ledger import Book, BookError, load, read_yaml
from tests.compatibility import kit
from tests.compatibility.world import GATEWAYS, Measured
from tests.lab import ending, programs, room
from tests.lab.namespace import NamespaceError

DATA = programs.ROOT / "snippets" / "facts" / "compatibility.yaml"
#: How many gateways are measured at the same time; most of it is waiting.
AT_ONCE = 6
HEAD = """\
# What gateways do, as the conformance kit and Claude Code saw it. Written by: python -m tests.compatibility
# checks: of snippets/gateways/kit/gateway_check.py. outcomes: in the order of checks, y met, n not, - not run.
"""
LETTERS = {kit.MET: "y", kit.FAILED: "n", kit.UNSEEN: "-", kit.SKIPPED: "-"}


def measure(name: str, *options: str) -> dict[str, Any]:
    """The row of a gateway. ``options``: of the kit."""
    with Measured(name) as gateway:
        with gateway.provider():
            short, long = gateway.claude(), gateway.claude(long=True)
        found = gateway.check(*options)
        return {
            "name": gateway.entry["name"],
            "group": gateway.entry["group"],
            "what": gateway.entry["what"],
            "version": gateway.version,
            "day": time.strftime("%Y-%m-%d"),
            "outcomes": outcomes(found["checks"]),
            "details": {row["id"]: row["detail"] for row in found["checks"] if row["outcome"] == kit.FAILED and row["detail"]},
            "claude": short,
            "claude_long": long,
        }


def outcomes(rows: list[dict[str, str]]) -> str:
    return "".join(LETTERS[row["outcome"]] for row in rows)


def checks() -> list[dict[str, str]]:
    """The kit's list, for the page."""
    return [
        {"id": one.id, "verdict": one.verdict, "criterion": one.criterion, "what": one.what, "loses": one.loses, "outside": one.blind} for one in kit.CHECKS
    ]


def written(book: Book, rows: dict[str, dict[str, Any]]) -> None:
    """Rows that were measured with another list of checks are dropped."""
    old = read_yaml(DATA) if DATA.exists() else {"checks": [], "gateways": {}}
    same = [one["id"] for one in old["checks"]] == [one.id for one in kit.CHECKS]
    kept = {**(old["gateways"] if same else {}), **rows}
    data = {
        "claude_code": book.fact("versions.claude-code.version"),
        "minute": kit.MINUTE,
        "checks": checks(),
        "gateways": {name: kept[name] for name in GATEWAYS if name in kept},
    }
    DATA.write_text(HEAD + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=200), "utf-8")


def main(names: list[str]) -> int:
    ending.in_order()
    try:
        book = load()
        unknown = set(names) - set(GATEWAYS)
        if unknown:
            raise BookError(f"no gateway {', '.join(sorted(unknown))} in tests/compatibility/gateways.yaml")
        with room.workshop("compatibility-"):
            wanted = [name for name in GATEWAYS if not names or name in names]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                rows = dict(zip(wanted, pool.map(measure, wanted), strict=True))
    except (BookError, NamespaceError, programs.MissingProgram, RuntimeError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; nothing was written.", file=sys.stderr)
        return 130
    written(book, rows)
    for name, row in rows.items():
        print(f"{name:<22} {row['version']:<10} {row['outcomes']}  {row['claude'][:40]} | {row['claude_long'][:60]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
