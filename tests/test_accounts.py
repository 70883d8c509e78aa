"""The account of rendered and tested blocks: it fails in each way, and with it the whole run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.accounts import SAME, differences, unproven
from tests.conftest import group
from tests.lab.programs import ROOT
from tests.lab.replay import installs, merged

ROW = {
    "id": "demo/hello.sh", "page": "demo/", "anchor": "block-hello-sh", "language": "bash",
    "check": "run", "sha256": "0" * 64, "versions": {"python": "3.11"}, "delivery": "block",
}  # fmt: skip
OTHER = {**ROW, "id": "demo/bye.sh", "anchor": "block-bye-sh"}


def passed(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**row, "outcome": "passed", "seconds": 0.1} for row in rows]


def test_equal_accounts_have_no_differences() -> None:
    assert differences([ROW, OTHER], passed(OTHER, ROW)) == []


def test_a_row_that_was_not_tested() -> None:
    assert differences([ROW, OTHER], passed(ROW)) == ["demo/#block-bye-sh is on a page but was not tested"]


def test_a_row_that_is_on_no_page() -> None:
    assert differences([ROW], passed(ROW, OTHER)) == ["demo/#block-bye-sh was tested but is on no page"]


@pytest.mark.parametrize("rendered, tested", [([ROW, ROW], passed(ROW)), ([ROW], passed(ROW, ROW))], ids=["rendered", "tested"])
def test_a_row_that_stands_twice(rendered: list[dict[str, Any]], tested: list[dict[str, Any]]) -> None:
    assert differences(rendered, tested) == ["two rows have the same page and anchor"]


def test_every_column_is_compared() -> None:
    assert set(SAME) == set(ROW), "a column of blocks.json that is not compared"


@pytest.mark.parametrize("name", [name for name in SAME if name not in {"page", "anchor"}])
def test_a_row_that_changed(name: str) -> None:
    changed = {"versions": {"python": "3.12"}}.get(name, "other")
    assert differences([ROW], [{**passed(ROW)[0], name: changed}]) == [f"demo/#block-hello-sh: {name} differ between the page and the test"]


@pytest.mark.parametrize("outcome", ["failed", "not reached", "not run", "skipped", None])
def test_a_row_that_did_not_pass(outcome: str | None) -> None:
    assert differences([ROW], [{**ROW, "outcome": outcome}]) == [f"demo/#block-hello-sh: {outcome}"]


def test_a_row_that_was_run_on_another_page() -> None:
    twin = {**ROW, "page": "other/"}
    rows = [*passed(ROW), {**twin, "outcome": "not run"}]
    assert differences([ROW, twin], rows) == []
    assert differences([ROW, twin], [{**rows[0], "outcome": "failed"}, rows[1]]) == ["demo/#block-hello-sh: failed", "other/#block-hello-sh: not run"]
    assert differences([ROW, twin], [rows[0], {**rows[1], "outcome": "not reached"}]) == ["other/#block-hello-sh: not reached"]
    changed = {**twin, "sha256": "1" * 64}
    assert differences([ROW, changed], [rows[0], {**changed, "outcome": "not run"}]) == ["other/#block-hello-sh: not run"]


CONFTEST = """
from pathlib import Path
import tests.conftest as real
real.SITE, real.REPORTS = Path({folder!r}) / "site", Path({folder!r}) / "reports"
from tests.conftest import pytest_runtest_logreport, pytest_sessionfinish
"""
TESTS = """
import json
import pytest

@pytest.mark.parametrize("row", json.loads({rows!r}))
def test_row(row, record_property):
    record_property("block", json.dumps(row))
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "tested, workers, status, message",
    [
        (passed(ROW, OTHER), 0, 0, ""),
        (passed(ROW), 0, 1, "blocks: demo/#block-bye-sh is on a page but was not tested"),
        (passed(ROW), 2, 1, "blocks: demo/#block-bye-sh is on a page but was not tested"),
        ([], 0, 1, "blocks: demo/#block-hello-sh is on a page but was not tested"),
        ([*passed(ROW), {**OTHER, "outcome": "not reached"}], 0, 1, "blocks: demo/#block-bye-sh: not reached"),
    ],
    ids=["complete", "one is missing", "one is missing, two workers", "all are missing", "one was not reached"],
)
def test_the_run_fails_when_the_account_does_not_balance(tested: list[dict[str, Any]], workers: int, status: int, message: str, tmp_path: Path) -> None:
    """Every test of the inner run passes; only the account can fail it."""
    (tmp_path / "site" / "evidence").mkdir(parents=True)
    (tmp_path / "site" / "evidence" / "blocks.json").write_text(json.dumps([ROW, OTHER]))
    (tmp_path / "conftest.py").write_text(CONFTEST.format(folder=str(tmp_path)))
    (tmp_path / "test_rows.py").write_text(TESTS.format(rows=json.dumps(tested)) + "\ndef test_another():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=ROOT, env={**os.environ, "HANDBOOK_ALL_BLOCKS": "1", "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == status and message in done.stdout, done.stdout + done.stderr
    assert [row["anchor"] for row in json.loads((tmp_path / "reports" / "blocks.json").read_text())] == [row["anchor"] for row in tested]


@pytest.mark.parametrize(
    "one, other, both",
    [
        ("passed", "passed", "passed"), ("passed", "not run", "passed"), ("not run", "passed", "passed"),
        ("passed", "failed", "failed"), ("not reached", "passed", "not reached"),
    ],
)  # fmt: skip
def test_a_row_of_several_variants(one: str, other: str, both: str) -> None:
    row = merged({**ROW, "outcome": one, "seconds": 1.5}, {**ROW, "outcome": other, "seconds": 2.0})
    assert row == {**ROW, "outcome": both, "seconds": 3.5}


def test_a_block_that_installs_is_run_on_its_own_page_and_everywhere_in_test_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANDBOOK_ALL_VARIANTS", raising=False)
    blocks = ["patterns/local-gateway/folder.sh", "patterns/local-gateway/install.sh", "security/hook-install.sh"]
    assert installs("patterns/local-gateway/", blocks)
    assert not installs("start/quickstart/", blocks)
    assert installs("patterns/direct/", ["patterns/direct/key.sh"])
    monkeypatch.setenv("HANDBOOK_ALL_VARIANTS", "1")
    assert installs("start/quickstart/", blocks)


def test_one_worker_runs_a_page_in_one_variant() -> None:
    assert group("test_pages.py::test_block[a/b/#block-c-sh (squid.login+egress.inspect)]") == "a/b/ (squid.login+egress.inspect)"
    assert group("test_pages.py::test_block[a/b/#block-c-sh]") == "a/b/ ()"
    assert group("test_a.py::test_b[part-3]") != group("test_a.py::test_b[part-4]")
    assert group("test_links.py::test_links[a (b)]") == "test_links.py"


def test_a_block_is_proven_in_all_variants() -> None:
    test = "tests/test_pages.py::test_block[a/#block-c-sh]"
    found = {f"{test[:-1]} (open)]": "passed", f"{test[:-1]} (inspected)]": "passed", f"{test[:-1]}-2]": "failed"}
    assert unproven({test: ["US1"]}, found) == []
    found[f"{test[:-1]} (inspected)]"] = "failed"
    assert unproven({test: ["US1"]}, found) == [f"{test}, on which US1 rest: failed and passed"]
