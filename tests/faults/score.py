"""How good the doctor is: did it name the cause, did it name it first, and did it accuse anybody who is well."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.faults.catalogue import Run
from tests.faults.machine import Told


def row(run: Run, told: Told) -> dict[str, Any]:
    """What is kept of a run. ``missed``: causes that were not named; ``also``: findings nobody injected."""
    found = [cause for cause, _, _ in told.found]
    expected = [list(causes) for causes in run.expected]
    right = {cause for causes in expected for cause in causes}
    missed = [causes for causes in expected if not set(causes) & set(found)] if not told.problem else expected
    return {
        "id": run.id, "kind": run.kind, "seed": run.seed, "setup": run.setup, "what": "; ".join(fault.what for fault in run.faults),
        "expected": expected, "found": found, "severities": [severity for _, severity, _ in told.found], "seen": [seen for _, _, seen in told.found],
        "first_right": bool(run.faults) and not told.problem and bool(found) and found[0] in right,
        "missed": missed, "also": [cause for cause in found if cause not in right], "seconds": round(told.seconds, 1), "problem": told.problem,
    }  # fmt: skip


def passed(row: dict[str, Any]) -> bool:
    """Whether nothing is to be said against the doctor."""
    if row["problem"]:
        return False
    if row["kind"] == "healthy":
        return not row["found"]
    return not row["missed"] and (row["kind"] == "pair" or row["first_right"])


def summary(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """The counts. A run without a result counts against the doctor, whatever it was."""
    rows = list(rows)
    of = {kind: [row for row in rows if row["kind"] == kind] for kind in ("single", "pair", "healthy")}
    return {
        "singles": len(of["single"]),
        "first_right": sum(row["first_right"] for row in of["single"]),
        "named": sum(not row["missed"] for row in of["single"]),
        "pairs": len(of["pair"]),
        "pairs_named": sum(not row["missed"] for row in of["pair"]),
        "healthy": len(of["healthy"]),
        "false_alarms": sum(bool(row["found"] or row["problem"]) for row in of["healthy"]),
    }


#: What is asked of the doctor: count -> (of which count, least share).
GOALS = {"first_right": ("singles", 0.95), "named": ("singles", 1.0), "pairs_named": ("pairs", 0.85)}


def shortfalls(counts: dict[str, int]) -> list[str]:
    """Where the goals are not reached, a sentence each."""
    found = [
        f"{name}: {counts[name]} of {counts[of]}, and at least {share:.0%} are asked for"
        for name, (of, share) in GOALS.items() if counts[name] < share * counts[of]
    ]  # fmt: skip
    return found + ([f"false_alarms: {counts['false_alarms']} of {counts['healthy']}, and none may be"] if counts["false_alarms"] else [])
