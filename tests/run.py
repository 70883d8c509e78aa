"""Runs the tests as ``make test`` and ``make check`` do."""

from __future__ import annotations

import os
import sys
import time

import pytest
import yaml

from tests.lab import ending, room
from tests.lab.programs import ROOT


def main(what: str) -> int:
    """``all`` runs everything, ``check`` what needs no lab. Returns pytest's exit status."""
    # What needs a lab often waits for a program; the rest never does, and each worker more reads every page once more.
    chosen = {"all": ["-n", "3", "--junitxml", "reports/junit.xml"], "check": ["-n", "2", "-m", "not lab and not browser and not long"]}
    if what not in chosen:
        print("usage: python -m tests.run all|check", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    (ROOT / "reports").mkdir(exist_ok=True)
    if what == "all":
        os.environ["HANDBOOK_ALL_BLOCKS"] = "1"
    ending.in_order()
    began, budget = time.monotonic(), yaml.safe_load((ROOT / "tests" / "budgets.yaml").read_text())["test_seconds" if what == "all" else "check_seconds"]
    with room.workshop("handbook-"):
        status = pytest.main(["tests", "--dist", "loadscope", "--no-loadscope-reorder", "--durations", "5", *chosen[what]])
    print(f"It took {time.monotonic() - began:.0f} seconds; the budget is {budget} on two cores with nothing else running.")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
