"""The machinery of ``make mutants``, and the list it works on."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup

from macros.ledger import Block, Book, load
from tests import mutants
from tests import run as runner
from tests.lab import programs, room
from tests.lab.litellm_fork import Forker, receive
from tests.lab.namespace import wait_until
from tests.lab.replay import Row
from tests.mutants import Finding, Mutant, MutantError

PORT = Mutant("port", "snippets/a/start.sh", "port", "--port 4000", "--port 4001", "a/")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with one file in it."""
    (tmp_path / "snippets" / "a").mkdir(parents=True)
    (tmp_path / PORT.file).write_text("gateway --port 4000\n")
    return tmp_path


def row(check: str, outcome: str, message: str = "") -> Row:
    return Row("a/", f"block-{check}", "", Block(f"a/{check}", Path(), Path(), {"check": check}), "bash", outcome, message)


# The list --------------------------------------------------------------------------


def test_every_entry_applies_to_the_files_as_they_are() -> None:
    entries, equivalents = mutants.read()
    assert mutants.mistakes(entries, equivalents) == [], "a snippet was edited: correct its entries in tests/mutants.yaml"
    assert len(entries) - len(equivalents) >= 26


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"find": "--port 5000"}, "port: snippets/a/start.sh holds '--port 5000' 0 times, not 1; correct tests/mutants.yaml"),
        ({"count": 2}, "holds '--port 4000' 1 times, not 2"),
        ({"replace": "--port 4000"}, "holds '--port 4000' 1 times, not 1"),
        ({"file": "snippets/a/stop.sh"}, "port: no file snippets/a/stop.sh"),
    ],
)
def test_an_entry_that_does_not_apply_is_named(change: dict[str, object], said: str, root: Path) -> None:
    entry = Mutant(**{**vars(PORT), **change})  # type: ignore[arg-type]
    (found,) = mutants.mistakes([entry], {}, root)
    assert said in found


def test_mistakes_of_ids_and_reasons(root: Path) -> None:
    found = mutants.mistakes([PORT, PORT], {"host": "Both addresses are this machine.", "port": "because"}, root)
    assert [sentence.partition(":")[0] for sentence in found] == ["port", "host", "port"]


def test_an_unknown_key_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mutants.yaml"
    path.write_text("page: a/\nmutants: [{id: a, finds: b}]\nequivalents: {}\n")
    with pytest.raises(MutantError, match="an entry has id, file, operator, find, replace"):
        mutants.read(path)


# The copy ----------------------------------------------------------------------------


def test_the_change_is_undone_whatever_happens(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt), mutants.changed(PORT, root):
        assert (root / PORT.file).read_text() == "gateway --port 4001\n"
        raise KeyboardInterrupt
    assert (root / PORT.file).read_text() == "gateway --port 4000\n"


def test_the_copy_is_complete_and_the_workshop_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ZeroDivisionError), room.workshop("mutants-") as folder:
        copy = mutants.copy_sources(folder / "copy")
        assert {path.name for path in copy.iterdir()} == {*mutants.SOURCES, ".venv", ".git"}
        assert (copy / ".venv").is_symlink() and not list(copy.rglob("__pycache__/*.pyc"))
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_only_changed_files(root: Path) -> None:
    def git(*words: str) -> None:
        identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
        subprocess.run(["git", *words], cwd=root, env={"PATH": os.defpath, "HOME": str(root), **identity}, check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "a")
    assert mutants.changed_files(root) == set()
    (root / PORT.file).write_text("gateway --port 4002\n")
    (root / "snippets" / "a" / "new file.sh").write_text("ls\n")
    assert mutants.changed_files(root) == {PORT.file, "snippets/a/new file.sh"}


PAGE = """<article><h1 id="t">T</h1><p>in</p><h2 id="a">A</h2><p>of a</p><h3 id="b">B</h3><pre id="block-b"></pre>
<h2 id="c">C</h2><pre id="block-c"></pre></article>"""


@pytest.mark.parametrize(
    ("section", "left", "rows"),
    [
        ("p/#a", ["t", "c", "block-c"], ["block-c", "block-b"]),
        ("p/#b", ["t", "a", "c", "block-c"], ["block-c", "block-b"]),
        ("p/#c", ["t", "a", "b", "block-b"], ["block-b", "block-b"]),
    ],
)
def test_a_section_is_cut_with_its_blocks(section: str, left: list[str], rows: list[str], tmp_path: Path) -> None:
    for folder in ("p", "evidence"):
        (tmp_path / folder).mkdir()
    listed = [{"page": page, "anchor": anchor} for page, anchor in (("p/", "block-b"), ("p/", "block-c"), ("q/", "block-b"))]
    (tmp_path / "p" / "index.html").write_text(PAGE)
    (tmp_path / "evidence" / "blocks.json").write_text(json.dumps(listed))
    with mutants.cut(tmp_path, section):
        soup = BeautifulSoup((tmp_path / "p" / "index.html").read_text(), "html.parser")
        assert [element["id"] for element in soup.find_all(id=True)] == left
        assert sorted(row["anchor"] for row in json.loads((tmp_path / "evidence" / "blocks.json").read_text())) == sorted(rows)
    assert (tmp_path / "p" / "index.html").read_text() == PAGE
    assert json.loads((tmp_path / "evidence" / "blocks.json").read_text()) == listed
    with pytest.raises(MutantError, match="p/#x: the page has no heading with this anchor"), mutants.cut(tmp_path, "p/#x"):
        pass


def test_every_requirement_that_is_tested_has_its_mutant(book: Book) -> None:
    wanted = [row for row in book.fact("requirements") if row["state"] == "tested"]
    assert [mutant.section for mutant in mutants.answers(book)] == [row["at"] for row in wanted]


def test_outside_git_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(MutantError, match="CHANGED=1 asks git"):
        mutants.changed_files(tmp_path)


# Judging -----------------------------------------------------------------------------


def test_the_first_row_that_failed_is_the_one_that_noticed(root: Path) -> None:
    rows = [row("run", "passed"), row("output", "failed", f"{root}/x: other text\nmore"), row("run", "failed")]
    assert mutants.judge(rows, root) == Finding("killed", "a/output", "output", "x: other text")
    assert mutants.judge(rows[2:], root).how == "execution"
    assert mutants.first_line("exit status 1; it printed:\nCollecting\nhash mismatch\n", root) == "exit status 1; it printed: ... Collecting | hash mismatch"
    assert mutants.judge(rows[:1], root) == Finding("survived")


@pytest.mark.parametrize(
    ("how", "checks", "expected"),
    [
        ("execution", {"run"}, True),
        ("execution", set(), True),
        ("output", {"run"}, False),
        ("output", {"output"}, True),
        ("schema", {"run", "schema"}, False),
        ("test", {"run"}, False),
        ("test", {"output"}, True),
        ("test", set(), True),
        ("error", set(), False),
    ],
)
def test_only_a_test_that_runs_the_block_counts(how: str, checks: set[str], expected: bool) -> None:
    assert mutants.counts(Finding("killed", "a/b", how), checks) is expected


def run(finding: Finding, equivalents: dict[str, str]) -> tuple[list[mutants.Result], str]:
    results = [mutants.examined(PORT, equivalents, lambda mutant: finding)]
    return results, mutants.summary(results)


def test_survivors_and_stale_reasons_are_wrong() -> None:
    killed, survived = Finding("killed", "a/start.sh", "execution"), Finding("survived")
    reason = {"port": "Nothing in the lab asks for this port."}
    assert [run(finding, reasons)[0][0].wrong for finding in (killed, survived) for reasons in ({}, reason)] == [False, True, True, False]
    assert "port survived: let a block of a/ observe it" in run(survived, {})[1]
    assert "port is listed as equivalent, and is noticed by a/start.sh" in run(killed, reason)[1]
    assert "1 survived, 1 of them equivalent" in run(survived, reason)[1]


def test_a_weak_kill_is_told() -> None:
    results, text = run(Finding("killed", "a/start.out", "output"), {})
    assert not results[0].wrong and not results[0].data()["counts"]
    assert "Score: 0 of 1" in text and "port is noticed only by a/start.out (output: )" in text


def test_the_report_has_what_the_budget_reads() -> None:
    (result,), _ = run(Finding("killed", "a/start.sh", "execution", "why"), {})
    data = result.data()
    assert (data.pop("entry"), len(data.pop("day"))) == (PORT.digest, 10)
    assert data == {
        "id": "port", "file": PORT.file, "kind": "snippet", "operator": "port", "outcome": "killed", "killed_by": "a/start.sh", "how": "execution",
        "message": "why", "counts": False, "equivalent": None, "seconds": 0.0,
    }  # fmt: skip


def test_kinds() -> None:
    kinds = {
        "snippets/a/start.sh": "snippet", "snippets/a/start.out": "golden", "snippets/a/ledger.yaml": "ledger",
        "snippets/a/client.yaml": "rendering definition", "snippets/facts/site.yaml": "fact", "docs/a.md": "page",
        "macros/html.py": "macro", "macros/theme/main.html": "theme", "schemas/rules/keys.py": "rule",
        "schemas/ledger.schema.json": "schema", "tests/lab/observe.py": "test helper",
    }  # fmt: skip
    assert {file: dataclasses.replace(PORT, file=file).kind for file in kinds} == kinds
    with pytest.raises(MutantError, match="port: Makefile is of no kind; name it in KINDS"):
        _ = dataclasses.replace(PORT, file="Makefile").kind


def test_figures_for_readers() -> None:
    killed, weak, survived = Finding("killed", "a/start.sh", "execution", counts=True), Finding("killed", "a/start.out", "output"), Finding("survived")
    listed = [dataclasses.replace(PORT, id=name) for name in "abcde"]
    findings = ((killed, None), (weak, None), (survived, None), (survived, "why"))
    rows = [mutants.Result(mutant, finding, 1.0, reason).data() for mutant, (finding, reason) in zip(listed, findings, strict=False)]
    rows[2]["day"] = "2026-01-31"
    fates = {"execution": 1, "output": 0, "schema": 0, "test": 0, "build": 0, "weak": 1, "survived": 1, "equivalent": 1, "waiting": 1}
    assert mutants.figures(rows, listed) == {"day": "2026-01-31", "kinds": {"snippet": {"mutants": 5, **fates}}}


def test_rows_of_earlier_runs_are_kept_while_their_entries_are_the_same() -> None:
    host, name = dataclasses.replace(PORT, id="host"), dataclasses.replace(PORT, id="name")
    old = [mutants.Result(mutant, Finding("survived"), 1.0).data() for mutant in (PORT, host, name)]
    new = [mutants.Result(PORT, Finding("killed", "a", "execution"), 1.0).data()]
    listed = [host, PORT, dataclasses.replace(name, replace="--port 1")]
    assert [(row["id"], row["outcome"]) for row in mutants.together(old, new, listed, {})] == [("host", "survived"), ("port", "killed")]
    assert [row["id"] for row in mutants.together(old, new, listed, {"host": "why"})] == ["port"], "judged before there was a reason"


def test_the_figures_are_of_this_list(book: Book) -> None:
    """Who adds a mutant judges it, or says that it waits."""
    counted = {kind: row["mutants"] for kind, row in book.fact("mutants.kinds").items()}
    assert counted == Counter(mutant.kind for mutant in mutants.everything()[0]), "there are other mutants than the figures count; run: make mutants"


def untried(book: Book, listed: list[Mutant]) -> set[str]:
    """The files of blocks that are run, in which no mutant changes anything."""
    run = {f"snippets/{re.split('[#@]', block.id)[0]}" for block in book.blocks.values() if block.check in {"run", "native"}}
    return run - {mutant.file for mutant in listed}


def test_every_block_that_is_run_has_a_mutant(book: Book) -> None:
    listed = mutants.read()[0]
    assert untried(book, listed) == set(), "add a mutant of each to tests/mutants.yaml"
    left = [mutant for mutant in listed if mutant.file != "snippets/operate/secrets/rotate-openbao.sh"]
    assert untried(book, left) == {"snippets/operate/secrets/rotate-openbao.sh"}


def test_the_figures_are_of_the_record(book: Book) -> None:
    listed, equivalents = mutants.everything()
    rows = mutants.together(mutants.recorded(), [], listed, equivalents)
    assert len(rows) == len(mutants.recorded()), "tests/judged.json holds rows of other entries than tests/mutants.yaml; run: make mutants"
    assert book.fact("mutants") == mutants.figures(rows, listed)


@pytest.mark.parametrize("text", ["[", '{"a": 1}', '["a"]', '[{"id": "a"}]'])
def test_a_broken_record_is_said(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "RECORD", tmp_path / "judged.json")
    assert mutants.recorded() == []
    (tmp_path / "judged.json").write_text(text)
    with pytest.raises(MutantError, match="judged.json: .*; have it as git has it, or remove it and judge all anew"):
        mutants.recorded()


def test_minutes() -> None:
    assert [mutants.minutes(text) for text in ("0", "50", "0.5")] == [0, 50, 0.5]
    for text in ("-1", "nan", "inf", "an hour"):
        with pytest.raises(MutantError, match="write a number, 0 for as long as it takes"):
            mutants.minutes(text)


def test_the_site_is_built_again_only_for_what_it_is_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(mutants, "build", lambda root, pages=(): built.append((root / "tests/a.py").read_text()))
    monkeypatch.setattr(mutants, "tested", lambda root, tests: Finding("killed", (root / "tests/a.py").read_text(), "test"))
    monkeypatch.setattr(mutants, "load", lambda root: None)
    monkeypatch.setattr(mutants.Bench, "_rows", lambda bench, book: {})
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/a.py").write_text("before")
    bench = mutants.Bench(tmp_path, SimpleNamespace())  # type: ignore[arg-type]
    helper = dataclasses.replace(PORT, file="tests/a.py", find="before", replace="after", tests="tests/test_a.py")
    assert [bench.examine(helper).killed_by for _ in range(2)] == ["after", "after"] and built == ["before"]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text("before")
    bench.examine(dataclasses.replace(helper, file="docs/a.md"))
    bench.examine(helper)
    assert built == ["before"] * 3, "for the page, and then for what is unchanged"


@pytest.mark.long
def test_nothing_is_judged_by_tests_that_do_not_run(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(programs.VENV)
    (tmp_path / "test_a.py").write_text("def test_a():\n    assert open('a').read() == 'a'\n")
    (tmp_path / "a").write_text("a")
    assert mutants.tested(tmp_path, "test_a.py") == Finding("survived")
    (tmp_path / "a").write_text("b")
    found = mutants.tested(tmp_path, "test_a.py -k test_a")
    assert (found.outcome, found.killed_by, found.how) == ("killed", "test_a.py::test_a", "test")
    (tmp_path / "test_a.py").write_text("import a_module_that_is_not_there\n")
    assert mutants.tested(tmp_path, "test_a.py").how == "error"
    with pytest.raises(MutantError, match="pytest test_a.py -k nothing ended with status 5"):
        (tmp_path / "test_a.py").write_text("def test_a(): pass\n")
        mutants.tested(tmp_path, "test_a.py -k nothing")


def test_mutants_with_the_same_guard_stay_together() -> None:
    def many(number: int, **guard: Any) -> list[Mutant]:
        return [dataclasses.replace(PORT, id=f"{guard}{each}", **guard) for each in range(number)]

    pages, cold, tests = many(18), many(3, cold=True), many(9, tests="tests/test_a.py")
    built, cut = many(2, build="stops"), many(2, section="a/#b", tests="tests/test_b.py") + many(1, section="a/#c", tests="tests/test_c.py")
    found = mutants.groups([*cut, *built, *tests, *cold, *pages])
    assert found == [cut, built, pages[:16], cold, pages[16:], tests], "those first that take least for each"
    turn = dict.fromkeys((mutant.id for mutant in [*pages, *cold, *tests, *cut]), "2026-01-02") | {cut[1].id: "2026-01-01"}
    found = mutants.groups([*cut, *built, *tests, *cold, *pages], turn)
    assert found[:2] == [built, [cut[1], cut[0], cut[2]]], "first those that wait, then those judged longest ago"
    turn = {cold[1].id: mutants.ANOTHER, cold[2].id: "2026-01-01"}
    assert mutants.groups(cold, turn) == [[cold[0]], [cold[1]], [cold[2]]]


def test_one_of_each_file_comes_first() -> None:
    a, b, again, done = (dataclasses.replace(PORT, id=name, file=file) for name, file in (("a", "a"), ("b", "b"), ("again", "a"), ("done", "c")))
    rows = [{"id": "done", "day": "2026-01-01"}]
    assert mutants.turns([a, b, again, done], rows) == {"a": mutants.FIRST, "b": mutants.FIRST, "again": mutants.ANOTHER, "done": "2026-01-01"}
    assert mutants.turns([dataclasses.replace(a, file="c")], rows) == {"a": mutants.FIRST, "done": "2026-01-01"}
    assert mutants.turns([done, dataclasses.replace(a, file="c")], rows)["a"] == mutants.ANOTHER


def share(monkeypatch: pytest.MonkeyPatch, examine: Callable[[Mutant], Finding], *listed: Mutant) -> list[str]:
    """The ids of the results, when each process examines like this."""

    bench = SimpleNamespace(prepare=lambda: None, baseline=lambda group: None, examine=examine)
    monkeypatch.setattr(mutants, "Bench", lambda *_: bench)
    monkeypatch.setattr(mutants, "copy_sources", lambda folder: folder)
    return sorted(result.mutant.id for result in mutants.judged(list(listed), {}))


@pytest.mark.lab
def test_what_one_process_says_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(mutant: Mutant) -> Finding:
        if mutant.id == "broken":
            raise MutantError("the page fails")
        if mutant.id == "gone":
            os._exit(1)
        return Finding("survived")

    several = [dataclasses.replace(PORT, id=name, page=name) for name in "abcde"]
    assert share(monkeypatch, examine, *several) == list("abcde")
    assert list(mutants.judged(several, {}, until=time.monotonic())) == [], "when its time is over, none is begun"
    for name, said in (("broken", "the page fails"), ("gone", "ended without an answer")):
        with pytest.raises(MutantError, match=said):
            share(monkeypatch, examine, *several, dataclasses.replace(PORT, id=name, page=name))


def test_an_interrupt_keeps_what_was_judged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def judged(*_: object) -> Iterator[mutants.Result]:
        yield mutants.Result(PORT, Finding("killed", "a/start.sh", "execution", counts=True), 1.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(mutants, "everything", lambda: ([PORT], {}))
    monkeypatch.setattr(mutants, "mistakes", lambda *_: [])
    monkeypatch.setattr(mutants, "judged", judged)
    monkeypatch.setattr(mutants, "REPORT", tmp_path / "reports" / "mutants.json")
    monkeypatch.setattr(mutants, "RECORD", tmp_path / "judged.json")
    monkeypatch.setattr(mutants, "FIGURES", tmp_path / "mutants.yaml")
    assert mutants.main([]) == 130
    for written in ("reports/mutants.json", "judged.json"):
        assert [row["id"] for row in json.loads((tmp_path / written).read_text())] == ["port"]
    assert "execution: 1" in (tmp_path / "mutants.yaml").read_text()


def test_selection() -> None:
    assert mutants.select([PORT], [], None) == mutants.select([PORT], ["port"], {PORT.file}) == [PORT]
    assert mutants.select([PORT], [], {"snippets/b"}) == []
    for asked, said in (("prot", "did you mean port"), ("--help", "each entry there begins with its id")):
        with pytest.raises(MutantError, match=f"no mutant {asked} in tests/mutants.yaml; {said}"):
            mutants.select([PORT], [asked], None)


def test_a_block_that_is_slow_by_itself_gets_longer() -> None:
    book = load()
    mutants._hurry(book)
    assert (book.block("gateways/kit/run.sh").data["seconds"], book.block("gateways/kit/folder.sh").data["seconds"]) == (60, mutants.PATIENCE)


# With the real programs ----------------------------------------------------------------


@pytest.mark.lab
def test_a_mutant_is_killed_and_a_page_that_fails_anyway_stops_it(tmp_path: Path, forker: Forker) -> None:
    entries = {entry.id: entry for entry in mutants.read()[0]}
    bench = mutants.Bench(mutants.copy_sources(tmp_path / "copy"), lambda: forker)
    host = entries["start-host"]
    bench.prepare()
    with (
        mutants.changed(host, bench.root),
        pytest.raises(MutantError, match="Nothing is changed, and start/quickstart/ fails: patterns/local-gateway/start.sh"),
    ):
        bench.baseline([host])
    finding = bench.examine(host)
    assert (finding.outcome, finding.killed_by, finding.how, finding.counts) == ("killed", "patterns/local-gateway/start.sh", "execution", True)
    assert bench.examine(entries["client-v1"]).how == "build"
    with pytest.raises(MutantError, match="page 'evidence/' does not show snippets/patterns/local-gateway/start.sh"):
        bench.baseline([dataclasses.replace(host, page="evidence/")])


@pytest.mark.lab
def test_interrupt_leaves_nothing_behind() -> None:
    with tempfile.TemporaryDirectory(prefix="t-") as folder:  # a short path: a socket's name has room for 108 characters
        interrupted(Path(folder))


def interrupted(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.mutants", "direct-key-shown"],
        cwd=programs.ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wait_until(lambda: any(tmp_path.glob("mutants-*/lab-*/mnt/reader")) or process.poll() is not None, 240, "the first replay")
    assert process.poll() is None, process.communicate()[0]
    process.send_signal(signal.SIGINT)
    text, _ = process.communicate(timeout=30)
    assert (process.returncode, text) == (130, "\nInterrupted; nothing is left behind, and what was judged is kept.\n")
    assert list(tmp_path.iterdir()) == []
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in _read(path)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_mutant_that_hangs_is_told() -> None:
    def hangs(mutant: Mutant) -> Finding:
        raise subprocess.TimeoutExpired("pytest", 300)

    found = mutants.examined(PORT, {}, hangs).finding
    assert (found.outcome, found.how, found.message, found.counts) == ("killed", "error", "no end within 300 seconds", False)


def test_a_caller_that_ends_early_does_not_keep_litellm_waiting() -> None:
    here, there = socket.socketpair()
    here.sendall((100).to_bytes(4, "big") + b"{")
    here.close()
    with pytest.raises(BrokenPipeError):
        receive(there)


def test_one_page_is_chosen_by_its_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    chosen: list[str] = []
    monkeypatch.setattr(runner.pytest, "main", lambda words, plugins: chosen.append(plugins[0].beginning) or 0)
    assert [runner.page(name) for name in ("patterns/direct.md", "providers/index.md")] == [0, 0]
    assert chosen == ["test_block[patterns/direct/#", "test_block[providers/#"]
    assert runner.page("patterns/nowhere.md") == 2 and "No page patterns/nowhere.md below docs/" in capsys.readouterr().err
    monkeypatch.setattr(runner.pytest, "main", lambda words, plugins: pytest.ExitCode.NO_TESTS_COLLECTED)
    assert runner.page("choose/questions.md") == 2 and "shows no blocks" in capsys.readouterr().err
