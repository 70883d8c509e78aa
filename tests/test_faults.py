"""The scorer can fail the doctor, the catalogue holds together, and the doctor passes a part of it."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book, BookError
from tests.faults import __main__ as faults
from tests.faults import score
from tests.faults.catalogue import FOLDER, HOPS, Catalogue, Fault, Run, compatible, filled, merged
from tests.faults.machine import DOCTOR, Told
from tests.lab.litellm_fork import Forker

CATALOGUE = Catalogue()
#: Of the whole catalogue, which `make faults` asks about, every so many-th fault is asked about here.
EVERY = 4


def a_fault(name: str = "a", cause: tuple[str, ...] = ("right",), hop: str = "key", ends: bool = True, change: dict[str, Any] | None = None) -> Fault:
    return Fault(name, "something is wrong", ("direct",), hop, ends, cause, change or {"env": {name.upper(): "1"}})


def a_row(found: list[str], faults: tuple[Fault, ...] = (a_fault(),), kind: str = "single", problem: str = "") -> dict[str, Any]:
    told = Told([(cause, "error", "seen") for cause in found], 1, 0.1, problem)
    return score.row(Run("x", kind, "direct", faults, {}, 1), told)


# The scorer ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "first", "named"),
    [(["right"], True, True), (["right", "other"], True, True), (["other", "right"], False, True), (["other"], False, False), ([], False, False)],
)
def test_one_fault(found: list[str], first: bool, named: bool) -> None:
    row = a_row(found)
    assert (row["first_right"], not row["missed"]) == (first, named)
    assert score.passed(row) == first
    counts = score.summary([row])
    assert (counts["singles"], counts["first_right"], counts["named"]) == (1, first, named)


@pytest.mark.parametrize(("found", "named"), [(["two", "one"], True), (["one"], False), (["two", "other"], False), ([], False)])
def test_a_pair_needs_both(found: list[str], named: bool) -> None:
    row = a_row(found, (a_fault(cause=("one",)), a_fault("b", ("two",))), "pair")
    assert score.passed(row) == named
    assert score.summary([row]) == {"singles": 0, "first_right": 0, "named": 0, "pairs": 1, "pairs_named": int(named), "healthy": 0, "false_alarms": 0}


def test_any_finding_in_a_healthy_setup_is_a_false_alarm() -> None:
    rows = [a_row([], (), "healthy"), a_row(["client-missing"], (), "healthy")]
    assert [score.passed(row) for row in rows] == [True, False]
    assert (score.summary(rows)["healthy"], score.summary(rows)["false_alarms"]) == (2, 1)


def test_a_run_without_a_result_counts_against_the_doctor() -> None:
    rows = [a_row(["right"], problem="it hung"), a_row([], (), "healthy", "it hung"), a_row(["right"], (a_fault(),), "pair", "it hung")]
    assert not any(score.passed(row) for row in rows)
    assert score.summary(rows) == {"singles": 1, "first_right": 0, "named": 0, "pairs": 1, "pairs_named": 0, "healthy": 1, "false_alarms": 1}


def test_goals() -> None:
    good = {"singles": 100, "first_right": 95, "named": 100, "pairs": 20, "pairs_named": 17, "healthy": 8, "false_alarms": 0}
    assert score.shortfalls(good) == []
    for name, less in {"first_right": 94, "named": 99, "pairs_named": 16, "false_alarms": 1}.items():
        (problem,) = score.shortfalls({**good, name: less})
        assert problem.startswith(f"{name}: {less} of")


# The catalogue -------------------------------------------------------------------


def test_it_is_as_large_as_asked_for() -> None:
    assert len(CATALOGUE.faults) >= 60
    assert {fault.hop for fault in CATALOGUE.faults.values()} == set(HOPS)
    assert len(CATALOGUE.setups) == 8


def test_setups_are_the_patterns(book: Book) -> None:
    assert set(CATALOGUE.setups) == set(book.fact("patterns"))


def test_every_entry_changes_its_setups() -> None:
    for fault in (*CATALOGUE.faults.values(), *CATALOGUE.healthy.values()):
        for setup in fault.setups:
            run = CATALOGUE.run(fault.id, "single", setup, (fault,), 1)
            assert run.change != CATALOGUE.setups[setup], f"{fault.id} changes nothing in {setup}"


def test_no_two_faults_are_one() -> None:
    changes: dict[str, str] = {}
    for fault in CATALOGUE.faults.values():
        key = f"{fault.setups} {fault.change} {fault.draw}"
        assert key not in changes, f"{fault.id} is {changes[key]}"
        changes[key] = fault.id


def test_seeds_differ_and_are_kept() -> None:
    one, again, two = ([(run.id, run.setup, str(run.change)) for run in CATALOGUE.runs(seed)] for seed in (1, 1, 2))
    assert one == again
    assert len(set(one) - set(two)) >= len(one) // 4


def test_the_doctor_and_the_catalogue_share_nothing() -> None:
    """Causes are written down by hand; neither side reads the other's files, or the rules from which the doctor is made."""
    assert "tests/" not in DOCTOR.read_text("utf-8").partition("==== Copied from")[0]
    for path in FOLDER.glob("*.py"):
        modules = re.findall(r"^\s*(?:from|import) (\S+)", path.read_text("utf-8"), re.MULTILINE)
        assert not [name for name in modules if name.startswith(("schemas", "macros.doctor", "tests.doctor", "tests.schemas", "gateway_doctor"))], path.name


def test_pairs_are_compatible_and_every_fault_can_come_in_one() -> None:
    pairs = [run for seed in range(1, 40) for run in CATALOGUE.pairs(seed, 40)]
    assert all(compatible(*run.faults) for run in pairs)
    assert len([run for run in pairs if run.seed == 1]) == 40
    seen = {fault.id for run in pairs for fault in run.faults}
    assert len(seen) >= 0.9 * len(CATALOGUE.faults), sorted(set(CATALOGUE.faults) - seen)


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (a_fault(), a_fault("b", ("two",), "configuration", False), True),
        (a_fault(), a_fault("b", ("two",), "model", False), False),  # hidden behind it
        (a_fault(hop="gateway", ends=False), a_fault("b", ("two",)), True),
        (a_fault(hop="key", ends=False), a_fault("b", ("two",)), False),  # at one hop, and one ends the path
        (a_fault(), a_fault("b", ("right",), "configuration", False), False),  # one cause
        (a_fault(), a_fault("b", ("two",), "configuration", False, {"env": {"A": "2"}}), False),  # one variable
        (a_fault(change={"files": {"f": "text"}}), a_fault("b", ("two",), "configuration", False, {"files": {"f": {"x": 1}}}), False),
    ],
)
def test_what_is_a_pair(one: Fault, other: Fault, together: bool) -> None:
    assert compatible(one, other) == compatible(other, one) == together


def test_changes_are_merged() -> None:
    base = {"env": {"A": "1", "B": "2"}, "nginx": {"location": ["x;"]}, "squid": {}}
    change = {"env": {"A": None, "C": "3"}, "nginx": {"location": ["y;"]}, "squid": None}
    assert merged(base, change) == {"env": {"A": None, "B": "2", "C": "3"}, "nginx": {"location": ["x;", "y;"]}, "squid": None}


def test_names_are_filled_in() -> None:
    assert filled({"<<a>>": ["x <<b>>", "<<n>>", "<<later>>"]}, {"a": "A", "b": "B", "n": 7}) == {"A": ["x B", 7, "<<later>>"]}
    with pytest.raises(BookError, match="nothing is drawn for <<later>>; correct the name"):
        filled("<<later>>", {}, strict=True)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("bad:\n  what: too short to\n  setups: [direct]\n  cause: name\n", "bad: the entry: 'change' is a required property"),
        ("bad:\n  what: of a setup that is not there\n  setups: [moon]\n  cause: name\n  change: {}\n", "bad: no setup moon; name one of direct"),
        ("bad:\n  what: nobody says why this is wrong\n  setups: [direct]\n  change: {}\n", "bad: no cause; write the one that a person would name"),
        ("bad:\n  what: a change that nothing reads\n  setups: [direct]\n  cause: name\n  change: {enviroment: {}}\n", "bad: change: Additional properties"),
    ],
)
def test_a_wrong_entry_is_one_line(entry: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "setups.yaml").write_text((FOLDER / "setups.yaml").read_text())
    (tmp_path / "x.yaml").write_text(entry)
    with pytest.raises(BookError, match=message):
        Catalogue(tmp_path)


def test_an_unknown_id_is_one_line() -> None:
    with pytest.raises(BookError, match="no fault, setup or pair nothing in tests/faults"):
        CATALOGUE.runs(1, ["nothing"])


def test_every_run_is_made_once() -> None:
    runs = CATALOGUE.runs(3)
    made = [run.id for part in faults.parts(runs) for run in part]
    assert sorted(made) == sorted(run.id for run in runs)


# The figures -----------------------------------------------------------------------


def test_figures_are_of_this_catalogue(book: Book) -> None:
    rows = book.fact("faults.seeds")
    assert [row["seed"] for row in rows] == list(faults.SEEDS)
    for row in rows:
        counted = {
            name: sum(run.kind == kind for run in CATALOGUE.runs(row["seed"]))
            for name, kind in (("singles", "single"), ("pairs", "pair"), ("healthy", "healthy"))
        }
        assert {name: row[name] for name in counted} == counted, "the catalogue changed; run: make faults"
        assert score.shortfalls(row) == []


# The doctor ------------------------------------------------------------------------


@pytest.mark.lab
def test_a_part_of_the_catalogue(book: Book, forker: Forker) -> None:
    """The eight patterns as they work, and faults of every hop; `make faults` asks about all, three times."""
    runs = CATALOGUE.runs(1)
    singles = [run for run in runs if run.kind == "single"]
    pairs = [run for run in runs if run.kind == "pair"]
    part = [run for run in runs if run.kind == "healthy" and run.id in CATALOGUE.setups]
    part += singles[::EVERY] + random.Random(1).sample(pairs, 6)
    rows = faults.ask_all(book, CATALOGUE, 1, part, forker, machines=2)
    wrong = "\n".join(faults.line(row) for row in rows if not score.passed(row))
    assert score.shortfalls(score.summary(rows)) == [], wrong


@pytest.mark.lab
def test_a_fault_that_is_not_there_is_not_named(book: Book, forker: Forker) -> None:
    """The measurement itself: the causes of faults asked for where nothing is wrong are missed, and a broken setup is told."""
    healthy = CATALOGUE.run("local-gateway", "single", "local-gateway", (), 1)
    sound = Run("sound", "single", "local-gateway", (CATALOGUE.faults["token-empty"],), healthy.change, 1)
    broken = Run(
        "broken",
        "single",
        "shared-gateway",
        (CATALOGUE.faults["expired"],),
        merged(CATALOGUE.setups["shared-gateway"], {"nginx": {"server": ["no directive"]}}),
        1,
    )
    rows = faults.ask_all(book, CATALOGUE, 1, [sound, broken], forker, machines=1)
    assert rows[0]["missed"] and not rows[0]["found"] and not rows[0]["problem"]
    assert rows[1]["missed"] and "the setup does not stand: nginx does not start" in rows[1]["problem"]
