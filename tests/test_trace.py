"""What the handbook was asked for: every id has a state, every answer a marked section, every proof a test."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from macros import render
from macros.ledger import Book, BookError, validate
from macros.trace import SUBJECTS
from tests.accounts import marks, named_tests, outcomes, unknown_tests, unmarked, unproven
from tests.conftest import rendered_rows
from tests.lab.programs import ROOT

SCHEMA = ROOT / "schemas" / "facts" / "requirements.schema.json"


def answered(book: Book) -> list[dict[str, Any]]:
    return [row for row in book.fact("requirements") if row["state"] != "later"]


def test_there_are_206_ids_and_each_once(book: Book) -> None:
    ids = [row["id"] for row in book.fact("requirements")]
    assert len(ids) == len(set(ids)) == 206


def test_every_answer_stands_where_the_data_says(site: Path, book: Book) -> None:
    assert unmarked(book.fact("requirements"), marks(site)) == []


def test_every_named_test_exists(site: Path, book: Book) -> None:
    assert unknown_tests(named_tests(book), ROOT / "tests", rendered_rows()) == []


def test_every_requirement_a_correction_names_exists(book: Book) -> None:
    ids = {row["id"] for row in book.fact("requirements")}
    unknown = [f"{entry['id']}: {name}" for entry in book.fact("corrections") for name in entry.get("requirements", []) if name not in ids]
    assert not unknown, unknown


def test_every_subject_has_a_title(book: Book) -> None:
    subjects = json.loads(SCHEMA.read_text())["items"]["properties"]["subject"]["enum"]
    assert sorted(subjects) == sorted(SUBJECTS)


def test_the_notice_keeps_its_wording(book: Book) -> None:
    """The specification's template, FR-038; only the marks of its list and the name are ours."""
    notice = render.notice(book, "third_party", "litellm").replace("\n    ", "\n")
    assert notice.split("\n\n", 1)[0] == '!!! note "⚠️ THIRD-PARTY NOTICE"'
    assert notice.split("\n\n", 1)[1].strip().replace("\n\n", "\n") == (
        "This configuration uses LiteLLM, a third-party solution not developed or maintained by Anthropic.\n"
        "- Anthropic does not provide support for LiteLLM\n"
        "- Configuration may change without notice\n"
        "- For issues, contact LiteLLM support or community\n"
        "- Review LiteLLM security and privacy policies before use"
    )


# The account fails in each way -------------------------------------------------------
@pytest.mark.long
def test_a_section_that_is_taken_away_is_noticed(site: Path, book: Book) -> None:
    """For every requirement that has an answer, one by one."""
    found = marks(site)
    for row in answered(book):
        changed = copy.deepcopy(found)
        changed[row["at"]].discard(row["id"])
        assert unmarked(book.fact("requirements"), changed) == [f"{row['id']}: the heading {row['at']} does not carry it in data-req"]


def test_a_test_that_did_not_pass_is_noticed(book: Book) -> None:
    """For every test that is named, one by one: failed, skipped, or taken away."""
    for test, owners in named_tests(book).items():
        assert unproven({test: owners}, {test: "passed"}) == []
        for found, state in (({test: "failed"}, "failed"), ({test: "skipped"}, "skipped"), ({}, "not run")):
            assert unproven({test: owners}, found) == [f"{test}, on which {', '.join(owners)} rest: {state}"]


def test_one_of_several_parameters_that_failed_is_noticed() -> None:
    found = {"tests/test_a.py::test_b[1]": "passed", "tests/test_a.py::test_b[2]": "failed"}
    assert unproven({"tests/test_a.py::test_b": ["X"]}, found) == ["tests/test_a.py::test_b, on which X rest: failed and passed"]
    assert unproven({"tests/test_a.py::test_b[1]": ["X"]}, found) == []


@pytest.mark.parametrize(
    "rows, found, problem",
    [
        ([{"id": "A"}], {}, "A has no state"),
        ([{"id": "A", "state": "later"}, {"id": "A", "state": "later"}], {}, "A stands twice"),
        ([{"id": "A", "state": "later"}], {"x/#y": {"A"}}, "x/#y: data-req names A, which is still to come"),
        ([], {"x/#y": {"A"}}, "x/#y: data-req names A, which is no requirement"),
        ([{"id": "A", "state": "stated", "at": "x/#y"}], {"x/#z": {"A"}}, "A: the heading x/#y does not carry it in data-req"),
    ],
)
def test_data_and_pages_that_disagree(rows: list[dict[str, Any]], found: dict[str, set[str]], problem: str) -> None:
    assert unmarked(rows, found) == [problem]


def test_a_test_that_does_not_exist_is_named() -> None:
    named = ["tests/test_trace.py::test_nothing", "tests/test_nothing.py::test_a", "tests/test_pages.py::test_block[x/#y]"]
    assert unknown_tests(named, ROOT / "tests", []) == [f"{named[0]}: no such test", f"{named[1]}: no such test", f"{named[2]}: no such block"]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"state": None}, "None is not one of"),
        ({"state": "done"}, "'done' is not one of"),
        ({"state": "tested"}, "'at' is a required property"),
        ({"state": "stated", "at": "x/#y"}, "'holds' is a required property"),
        ({"subject": "some day"}, "'some day' is not one of"),
        ({"subject": "operate", "tests": ["tests/test_a.py::test_b"]}, "does not allow ['tests/test_a.py::test_b']"),
    ],
)
def test_a_row_that_says_too_little_stops_the_build(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    rows = [{"id": f"X-{number}", "text": "something", "state": "later", "subject": "operate"} for number in range(206)]
    rows[7] = {**rows[7], **change}
    path = tmp_path / "requirements.yaml"
    path.write_text(yaml.safe_dump(rows, sort_keys=False))
    with pytest.raises(BookError, match=r"requirements\.yaml:\d+: 7") as stopped:
        validate(rows, SCHEMA, path)
    assert said in str(stopped.value)


@pytest.mark.parametrize("prefix", ["tests.", ""], ids=["from the repository", "from tests/, where pytest.ini is"])
def test_the_report_names_a_test_from_either_folder(prefix: str, tmp_path: Path) -> None:
    cases = f'''<testcase classname="{prefix}test_pages" name="test_block[a/#b]"/><testcase classname="{prefix}test_a" name="test_b"><error/></testcase>'''
    (tmp_path / "junit.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert outcomes(tmp_path / "junit.xml") == {"tests/test_pages.py::test_block[a/#b]": "passed", "tests/test_a.py::test_b": "failed"}


CONFTEST = """
from pathlib import Path
import tests.conftest as real
from types import SimpleNamespace
real.SITE, real.REPORTS = Path({folder!r}) / "site", Path({folder!r}) / "reports"
real.accounts = SimpleNamespace(
    differences=lambda *_: [], outcomes=real.accounts.outcomes, unproven=real.accounts.unproven,
    named_tests=lambda book: {{"tests/test_rows.py::test_one": ["US1"]}},
)
from tests.conftest import pytest_runtest_logreport, pytest_sessionfinish
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "body, workers, status, message",
    [
        ("def test_one():\n    pass\n", 0, 0, ""),
        ("def test_two():\n    pass\n", 0, 1, "proofs: tests/test_rows.py::test_one, on which US1 rest: not run"),
        # A planted skip: the text of a test that the run must not count as a proof. Nothing of this suite is skipped by it.
        ("import pytest\ndef test_one():\n    pytest.skip('no')\n", 2, 1, "proofs: tests/test_rows.py::test_one, on which US1 rest: skipped"),
    ],
    ids=["passed", "taken away", "skipped, two workers"],
)
def test_the_run_fails_when_a_proof_is_missing(body: str, workers: int, status: int, message: str, tmp_path: Path) -> None:
    (tmp_path / "site" / "evidence").mkdir(parents=True)
    (tmp_path / "site" / "evidence" / "blocks.json").write_text("[]")
    (tmp_path / "conftest.py").write_text(CONFTEST.format(folder=str(tmp_path)))
    (tmp_path / "test_rows.py").write_text(body)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", str(workers), "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path),
         "--junitxml", str(tmp_path / "junit.xml"), str(tmp_path)],
        cwd=ROOT, env={**os.environ, "HANDBOOK_ALL_BLOCKS": "1", "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == status and message in done.stdout, done.stdout + done.stderr
    assert set(outcomes(tmp_path / "junit.xml").values()) <= {"passed", "skipped"}
