"""The conformance kit's checks, and what gateways do, as tables.

``python -m macros.compatibility`` writes ``snippets/gateways/kit/verify.sh`` again after the kit was changed.
"""

from __future__ import annotations

import hashlib
from typing import Any

from macros import render
from macros.ledger import ROOT, Book, BookError

KIT = ROOT / "snippets" / "gateways" / "kit" / "gateway_check.py"
#: How an outcome stands in a cell.
CELLS = {"y": "yes", "n": "**no**", "-": "not run"}


def verify(content: str) -> str:
    """The command that compares a fetched kit with this one."""
    return f'echo "{hashlib.sha256(content.encode()).hexdigest()}  {KIT.name}" | sha256sum --check\n'


def _failed(data: dict[str, Any], row: dict[str, Any], verdict: str) -> list[str]:
    return [one["id"] for one, letter in zip(data["checks"], row["outcomes"], strict=True) if letter == "n" and one["verdict"] == verdict]


def checks(book: Book) -> str:
    """Every check: what it looks at, what its failing means, and whether it says something from outside."""
    rows = [
        [render.inline(one["id"]), one["verdict"], one["criterion"], one["what"], one["loses"], "yes" if one["outside"] else "no"]
        for one in book.fact("compatibility.checks")
    ]
    return render.table(["Check", "Verdict", "Criterion", "What it looks at", "Without it", "From outside"], rows)


def summary(book: Book) -> str:
    """A line for each gateway: what it fails, what is lost, what Claude Code printed."""
    data = book.fact("compatibility")
    required = sum(one["verdict"] == "required" for one in data["checks"])

    def row(found: dict[str, Any]) -> list[str]:
        failed, lost = (_failed(data, found, verdict) for verdict in ("required", "degrades"))
        met = f"{required - len(failed)} of {required}" + (f"; not {', '.join(map(render.inline, failed))}" if failed else "")
        says = [render.inline(found[name]) for name in ("claude", "claude_long")]
        return [f"**{found['name']} {found['version']}.** {found['what']}", met, *says, ", ".join(map(render.inline, lost)) or "nothing"]

    head = ["Gateway", "Required checks met", "Claude Code printed", "With 1.5 MB before the question", "What is lost"]
    return render.table(head, map(row, data["gateways"].values()))


def matrix(book: Book, group: str) -> str:
    """Checks by gateways of one group. Raises BookError for a group that has none."""
    data = book.fact("compatibility")
    shown = [found for found in data["gateways"].values() if found["group"] == group]
    if not shown:
        raise BookError(f"no gateway of the group {group!r} in snippets/facts/compatibility.yaml; name gateway or proxy")
    rows = [[render.inline(one["id"]), *(CELLS[found["outcomes"][number]] for found in shown)] for number, one in enumerate(data["checks"])]
    return render.table(["Check", *(f"{found['name']} {found['version']}" for found in shown)], rows)


def measured(book: Book) -> str:
    """Versions and days of the measurement, in words."""
    data = book.fact("compatibility")
    days = sorted({found["day"] for found in data["gateways"].values()})
    return f"Claude Code {data['claude_code']}, a minute of {data['minute']:g} seconds, {' to '.join(dict.fromkeys([days[0], days[-1]]))}"


if __name__ == "__main__":
    KIT.with_name("verify.sh").write_text(verify(KIT.read_text("utf-8")), "utf-8")
