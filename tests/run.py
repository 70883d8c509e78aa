"""Runs the tests as ``make test`` and ``make check`` do."""

from __future__ import annotations

import os
import sys

import pytest

from tests.lab.programs import ROOT


def main(what: str) -> int:
    """``all`` runs everything, ``check`` what needs no lab. Returns pytest's exit status."""
    os.chdir(ROOT)
    (ROOT / "reports").mkdir(exist_ok=True)
    base = ["tests", "-n", "2", "--dist", "loadscope", "--durations", "5"]
    if what == "all":
        os.environ["HANDBOOK_ALL_BLOCKS"] = "1"
        return pytest.main([*base, "--junitxml", "reports/junit.xml"])
    if what == "check":
        return pytest.main([*base, "-m", "not lab and not browser"])
    print("usage: python -m tests.run all|check", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
