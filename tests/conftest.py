"""Fixtures of the whole suite, and the report of every block's outcome."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from macros.ledger import Book, load
from tests import accounts
from tests.lab import ending, programs, room
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until

ROOT = programs.ROOT
SITE = ROOT / "site"
REPORTS = ROOT / "reports"


def pytest_configure(config: pytest.Config) -> None:
    ending.in_order()
    if hasattr(config, "workerinput"):
        ending.with_parent()


def rendered_rows() -> list[dict[str, Any]]:
    """The rows the build wrote. Stops the run when there is no build."""
    path = SITE / "evidence" / "blocks.json"
    if not path.exists():
        raise pytest.UsageError("site/evidence/blocks.json is missing; run: make site")
    return json.loads(path.read_text("utf-8"))


@pytest.fixture(scope="session")
def book() -> Book:
    return load()


@pytest.fixture(scope="session")
def site() -> Path:
    rendered_rows()
    return SITE


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """LiteLLM, imported once for this worker."""
    with room.room("forker-") as folder, Forker(folder, programs.litellm_python()) as parent:
        wait_until(parent.ready, 120, "the import of LiteLLM")
        yield parent


class ByPage(LoadScopeScheduling):
    """Rows of one page stay together, in order, in one worker; other tests by file."""

    def _split_scope(self, nodeid: str) -> str:
        page = re.search(r"test_block\[(.*)#", nodeid)
        return page.group(1) if page else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPage:
    return ByPage(config, log)


# Every block's outcome, collected from all workers ------------------------------
_tested: list[dict[str, Any]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        _tested.extend(json.loads(value) for name, value in report.user_properties if name == "block")


@pytest.hookimpl(trylast=True)  # reports/junit.xml is written before
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    complete = os.environ.get("HANDBOOK_ALL_BLOCKS") == "1"
    if hasattr(session.config, "workerinput") or not (_tested or complete):
        return
    REPORTS.mkdir(exist_ok=True)
    order = {(row["page"], row["anchor"]): at for at, row in enumerate(rendered_rows())}
    _tested.sort(key=lambda row: order.get((row["page"], row["anchor"]), len(order)))
    (REPORTS / "blocks.json").write_text(json.dumps(_tested, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if complete:
        problems = [f"blocks: {problem}" for problem in accounts.differences(rendered_rows(), _tested)]
        if session.config.getoption("xmlpath"):
            found = accounts.outcomes(Path(session.config.getoption("xmlpath")))
            problems += [f"proofs: {problem}" for problem in accounts.unproven(accounts.named_tests(load()), found)]
        for problem in problems:
            print(f"\n{problem}")
        if problems:
            session.exitstatus = 1
