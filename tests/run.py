"""Runs the tests as ``make test`` and ``make check`` do."""

from __future__ import annotations

import os
import sys

import pytest

from tests.lab import ending, room
from tests.lab.programs import ROOT


def main(what: str) -> int:
    """``all`` runs everything, ``check`` what needs no lab. Returns pytest's exit status."""
    chosen = {"all": ["--junitxml", "reports/junit.xml"], "check": ["-m", "not lab and not browser and not long"]}
    if what not in chosen:
        print("usage: python -m tests.run all|check", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    (ROOT / "reports").mkdir(exist_ok=True)
    if what == "all":
        os.environ["HANDBOOK_ALL_BLOCKS"] = "1"
    ending.in_order()
    with room.workshop("handbook-"):
        return pytest.main(["tests", "-n", "3", "--dist", "loadscope", "--no-loadscope-reorder", "--durations", "5", *chosen[what]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
