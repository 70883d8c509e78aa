"""Runs the tests as ``make test``, ``make check`` and ``make page`` do."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
import yaml

from tests.lab import ending, programs, room
from tests.lab.litellm_fork import Forker
from tests.lab.programs import ROOT


class Only:
    """Leaves out the tests whose names do not begin so; -k cannot, for a page whose address begins another's."""

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left = [item for item in items if item.name.startswith(self.beginning)]
        config.hook.pytest_deselected(items=[item for item in items if item not in left])
        items[:] = left


class WhenCollected:
    """Calls ``begin`` once, when all workers know their tests: what takes the processors for long would make the first test wait."""

    def __init__(self, workers: int, begin: Callable[[], object]) -> None:
        self.left, self.begin = workers, begin

    @pytest.hookimpl
    def pytest_xdist_node_collection_finished(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.begin()


def page(name: str) -> int:
    """Replay the blocks of one page, a file below docs/. Returns pytest's exit status, 2 for a page that is not there or has no blocks."""
    if not name.endswith(".md") or not (ROOT / "docs" / name).is_file():
        print(f"No page {name or '(none named)'} below docs/. Name one: make page PAGE=patterns/direct.md", file=sys.stderr)
        return 2
    address = re.sub(r"(^|/)index\.md$", r"\1", name).removesuffix(".md").rstrip("/") + "/"
    os.chdir(ROOT)
    ending.in_order()
    with room.workshop("handbook-"):
        status = pytest.main(["tests/test_pages.py", "-n", "0", "-v"], plugins=[Only(f"test_block[{address}#")])
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        print(f"docs/{name} shows no blocks that are run.", file=sys.stderr)
        return 2
    return status


def main(what: str) -> int:
    """``all`` runs everything, ``check`` what needs no lab. Returns pytest's exit status."""
    # What needs a lab often waits for a program; the rest never does, and each worker more reads every page once more.
    workers = {"all": 4, "check": 2}
    chosen = {"all": ["--junitxml", "reports/junit.xml"], "check": ["-m", "not lab and not browser and not long"]}
    if what not in chosen:
        print("usage: python -m tests.run all|check|page PAGE", file=sys.stderr)
        return 2
    os.chdir(ROOT)
    (ROOT / "reports").mkdir(exist_ok=True)
    if what == "all":
        os.environ["HANDBOOK_ALL_BLOCKS"] = "1"
    ending.in_order()
    began, budget = time.monotonic(), yaml.safe_load((ROOT / "tests" / "budgets.yaml").read_text())["test_seconds" if what == "all" else "check_seconds"]
    plugins = []
    with room.workshop("handbook-"), ExitStack() as stack:
        if what == "all":  # all workers ask one parent
            try:
                python = programs.litellm_python()
            except programs.MissingProgram as problem:
                print(problem, file=sys.stderr)
                return 2
            os.environ["HANDBOOK_LITELLM"] = str(folder := stack.enter_context(room.room("forker-")))
            plugins.append(WhenCollected(workers[what], lambda: stack.enter_context(Forker(folder, python))))
        words = ["tests", "-n", str(workers[what]), "--dist", "loadscope", "--no-loadscope-reorder", "--durations", "5", *chosen[what]]
        status = pytest.main(words, plugins=plugins)
    print(f"It took {time.monotonic() - began:.0f} seconds; the budget is {budget} on two cores with nothing else running.")
    return status


if __name__ == "__main__":
    sys.exit(page(sys.argv[2]) if sys.argv[1:2] == ["page"] and len(sys.argv) == 3 else main(sys.argv[1] if len(sys.argv) > 1 else ""))
