"""Fixtures of the whole suite, and the report of every block's outcome."""

from __future__ import annotations

import functools
import gc
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from xdist.scheduler.loadscope import LoadScopeScheduling

from macros.ledger import Book, load
from tests import accounts
from tests.lab import ending, programs, room
from tests.lab.browser import Chromium, Site, Views
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.replay import merged

ROOT = programs.ROOT
SITE = ROOT / "site"
REPORTS = ROOT / "reports"
#: Into how many groups the tests of a file that look at every page are divided.
PARTS = 6


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # until the tests are collected, which makes much and drops little
    ending.in_order()
    if hasattr(config, "workerinput"):
        ending.with_parent()


def rendered_rows() -> list[dict[str, Any]]:
    """The rows the build wrote. Stops the run when there is no build."""
    path = SITE / "evidence" / "blocks.json"
    if not path.exists():
        raise pytest.UsageError("site/evidence/blocks.json is missing; run: make site")
    return json.loads(path.read_text("utf-8"))


@functools.cache
def the_book() -> Book:
    """The handbook's data, read once for each process; tests are made from it too."""
    return load()


@pytest.fixture(scope="session")
def book() -> Book:
    return the_book()


@pytest.fixture(scope="session")
def site() -> Path:
    rendered_rows()
    return SITE


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """LiteLLM, imported once: for all workers by tests/run.py, else for this process."""
    with ExitStack() as stack:
        if "HANDBOOK_LITELLM" in os.environ:
            parent = Forker(Path(os.environ["HANDBOOK_LITELLM"]))
        else:
            parent = stack.enter_context(Forker(stack.enter_context(room.room("forker-")), programs.litellm_python()))
        wait_until(parent.ready, 120, "the import of LiteLLM")
        yield parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Chromium() as started:
        yield started


@pytest.fixture(scope="module")
def served() -> Iterator[Site]:
    """The built site, on loopback."""
    with Site(SITE) as folder:
        yield folder


@pytest.fixture(scope="module")
def views(browser: Browser, served: Site) -> Iterator[Views]:
    """Pages of the built site, one for each look."""
    with Views(browser, served) as kept:
        yield kept


def listed(name: str, problems: list[str]) -> str:
    """A page's problems, one a line, each naming the page."""
    return "\n".join(f"site/{name}: {problem}" for problem in problems)


def group(nodeid: str) -> str:
    """What one worker runs in order: the rows of a page in one variant, a part of a test that says so, or the tests of a file (by pages)."""
    if re.search(r"\[part-\d+\]$", nodeid):
        return nodeid
    if looked := re.search(r"\[.*?([^\[-]*(?:index|404)\.html).*\]$", nodeid):
        return f"{nodeid.split('::')[0]} {zlib.crc32(looked[1].encode()) % PARTS}"
    block = re.search(r"test_block\[(?P<page>.*)#[^ ]*(?: \((?P<variant>.*)\))?\]", nodeid)
    return f"{block['page']} ({block['variant'] or ''})" if block else nodeid.split("::")[0]


class ByGroup(LoadScopeScheduling):
    """Hands out whole groups."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    return ByGroup(config, log)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The groups that take long come first, so that no worker is left alone with them at the end."""
    unmarked = [f"{item.nodeid}: mark it lab, as it starts LiteLLM" for item in items if "forker" in item.fixturenames and not item.get_closest_marker("lab")]  # type: ignore[attr-defined]
    if unmarked:
        raise pytest.UsageError("\n".join(unmarked))
    marks = {"long": 0, "browser": 0, "lab": 1}
    rank: dict[str, int] = {}
    for item in items:
        name = group(item.nodeid)
        rank[name] = min([rank.get(name, 2), *(marks[mark.name] for mark in item.iter_markers() if mark.name in marks)])
    items.sort(key=lambda item: (rank[group(item.nodeid)], "test_block[" not in item.nodeid))


# Every block's outcome, collected from all workers ------------------------------
_tested: list[dict[str, Any]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        _tested.extend(json.loads(value) for name, value in report.user_properties if name == "block")


@pytest.hookimpl(trylast=True)  # reports/junit.xml is written before
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if hasattr(session.config, "workerinput") or os.environ.get("HANDBOOK_ALL_BLOCKS") != "1":
        return
    REPORTS.mkdir(exist_ok=True)
    order = {(row["page"], row["anchor"]): at for at, row in enumerate(rendered_rows())}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for row in _tested:
        key = row["page"], row["anchor"]
        rows[key] = merged(rows[key], row) if key in rows else row
    tested = sorted(rows.values(), key=lambda row: order.get((row["page"], row["anchor"]), len(order)))
    (REPORTS / "blocks.json").write_text(json.dumps(tested, indent=1, ensure_ascii=False) + "\n", "utf-8")
    problems = [f"blocks: {problem}" for problem in accounts.differences(rendered_rows(), tested)]
    if session.config.getoption("xmlpath"):
        found = accounts.outcomes(Path(session.config.getoption("xmlpath")))
        problems += [f"proofs: {problem}" for problem in accounts.unproven(accounts.named_tests(load()), found)]
    for problem in problems:
        print(f"\n{problem}")
    if problems:
        session.exitstatus = 1
