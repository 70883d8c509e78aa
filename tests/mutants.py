"""Changes one thing at a time and looks what notices.

    python -m tests.mutants [id ...]      CHANGED=1: only files that differ from the last commit
                                          MINUTES=50: no new ones after that; 0: until all are judged

``tests/mutants.yaml`` lists the changes, for every kind of file. Each is made
in a copy of the sources, and the copy is built. What guards it then judges:
the page that shows the value is replayed (with a warm LiteLLM where that is
possible), or the named tests run, or the build itself must stop with the words
that are expected. To these come the answers: of every requirement that is
tested, the section that answers it is cut from its built page.

Those that were never judged come first, then those judged longest ago.
``tests/judged.json`` keeps what was found, while an entry stays the same;
``reports/mutants.json`` is what this run found, ``snippets/facts/mutants.yaml`` the figures for readers. Exit status 1
when a change survives that is not listed as equivalent, or when one that is
listed is noticed; 2 when nothing could be judged.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import json
import math
import multiprocessing
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import yaml
from bs4 import BeautifulSoup

from macros.build import READ, STAMP, WRITTEN, digest
from macros.ledger import Book, BookError, load, read_yaml
from tests.lab import ending, programs, room
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import NamespaceError, wait_until
from tests.lab.replay import Replay, Row, rows_of

ROOT = programs.ROOT
DATA = ROOT / "tests" / "mutants.yaml"
REPORT = ROOT / "reports" / "mutants.json"
#: What was found, and what of a row is kept there.
RECORD = ROOT / "tests" / "judged.json"
KEPT = ("id", "kind", "outcome", "killed_by", "how", "counts", "equivalent", "seconds", "day", "entry")
#: After how many minutes no more mutants are taken up, unless MINUTES says otherwise.
MINUTES = 50
#: What a build, a replay and the tests read.
SOURCES = ("docs", "snippets", "schemas", "macros", "tests", "mkdocs.yml", "Makefile", "README.md", ".github", ".gitignore")
#: Where the figures stand for readers.
FIGURES = ROOT / "snippets" / "facts" / "mutants.yaml"
#: What a file is, by the first pattern that its path matches.
KINDS = {
    "answer": r"(?!)",  # no file: a section of a built page
    "golden": r"snippets/.*\.out",
    "ledger": r"snippets/.*/ledger\.yaml",
    "fact": r"snippets/facts/.*",
    "rendering definition": r"snippets/.*/client\.yaml",
    "snippet": r"snippets/.*",
    "page": r"docs/.*",
    "theme": r"macros/theme/.*",
    "macro": r"macros/.*",
    "rule": r"schemas/rules/.*",
    "schema": r"schemas/.*",
    "test helper": r"tests/.*",
}
#: What becomes of a mutant, in the figures: noticed by ..., noticed by something else than what is meant to, not noticed, not judged yet.
WAYS = ("execution", "output", "schema", "test", "build", "weak", "survived", "equivalent", "waiting")
#: Only a row that runs something counts as a test of a block that is run.
EXECUTED = {"run", "native", "symptom"}
#: How many processes share the work; much of it is waiting.
PROCESSES = 3
#: How many mutants with the same guard one process takes at a time; it tries the guard on what is unchanged first.
TOGETHER = 16
RANKS = ["h1", "h2", "h3", "h4"]
#: Characters of a program's output that are told.
QUOTED = 200
#: Turns of mutants that were never judged, before every day; and of all that were.
FIRST, ANOTHER, JUDGED = "", "0", "1"
#: How much longer than a test alone a replay takes with its page's build, and a test with the build of the whole site.
REPLAYED, REBUILT = 2, 6
#: What says that an answer is missing, where the tests of the answer itself do not.
ACCOUNTS = "tests/test_trace.py::test_every_answer_stands_where_the_data_says tests/test_trace.py::test_every_named_test_exists"
WITHOUT_LAB = " -m 'not lab and not browser'"
#: Seconds a block may take with a warm LiteLLM, where starting takes less than one.
PATIENCE = 20


class MutantError(Exception):
    """Nothing can be judged; the message says what to do."""


PROBLEMS = (MutantError, BookError, NamespaceError, programs.MissingProgram, RuntimeError, TimeoutError, subprocess.SubprocessError)


@dataclass(frozen=True)
class Mutant:
    """One change: ``find``, which stands ``count`` times in ``file``, becomes ``replace``.

    What must notice it: a replay of ``page``, unless there are ``tests``
    (arguments of pytest, as in a shell) or ``build`` (words of the message that stops it).
    With ``section`` (page#anchor), that section is cut from the built page instead.
    """

    id: str
    file: str
    operator: str
    find: str
    replace: str
    page: str
    count: int = 1
    cold: bool = False
    variant: str | None = None
    tests: str | None = None
    build: str | None = None
    section: str | None = None

    @property
    def digest(self) -> str:
        """Changes when anything about the mutant does."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:16]

    @property
    def kind(self) -> str:
        """What its file is, one of KINDS. Raises MutantError for a file of none."""
        if self.section:
            return "answer"
        for kind, pattern in KINDS.items():
            if re.fullmatch(pattern, self.file):
                return kind
        raise MutantError(f"{self.id}: {self.file} is of no kind; name it in KINDS of tests/mutants.py")


@dataclass(frozen=True)
class Finding:
    """What became of a mutant.

    ``outcome``: killed or survived. ``killed_by`` is the id of the block whose
    row failed, the test that did, or ``build``. ``how``: execution (the row ran
    something), output (a recorded output differs), schema, test, build, error
    (the replay or the tests broke down).
    ``counts``: what noticed is what is meant to; for a block that is executed,
    only its execution.
    """

    outcome: str
    killed_by: str | None = None
    how: str | None = None
    message: str = ""
    counts: bool = False


@dataclass(frozen=True)
class Result:
    """A finding, the time it took, and why nothing can notice the mutant, where that is so."""

    mutant: Mutant
    finding: Finding
    seconds: float
    equivalent: str | None = None

    @property
    def wrong(self) -> bool:
        """A survivor without a reason, or a reason for one that is noticed."""
        return (self.finding.outcome == "survived") != (self.equivalent is not None)

    def data(self) -> dict[str, Any]:
        """A row of the report."""
        return {
            "id": self.mutant.id, "file": self.mutant.file, "kind": self.mutant.kind, "operator": self.mutant.operator, **asdict(self.finding),
            "equivalent": self.equivalent, "seconds": self.seconds, "day": time.strftime("%Y-%m-%d"), "entry": self.mutant.digest,
        }  # fmt: skip


# Data ------------------------------------------------------------------------------


def read(path: Path = DATA) -> tuple[list[Mutant], dict[str, str]]:
    """The mutants, and the reasons of those that nothing can notice, by id.

    Raises MutantError for an entry without the right keys.
    """
    data = read_yaml(path)
    try:
        mutants = [Mutant(**{"page": data["page"], **entry}) for entry in data["mutants"]]
    except (TypeError, KeyError) as problem:
        raise MutantError(
            f"{path.name}: {problem}; an entry has id, file, operator, find, replace, and may have page, count, cold, variant, tests, build"
        ) from None
    return mutants, data["equivalents"]


def answers(book: Book) -> list[Mutant]:
    """One for every requirement that is tested: the section that answers it is cut."""
    found = []
    for row in book.fact("requirements"):
        if row["state"] != "tested":
            continue
        page = row["at"].partition("#")[0]
        file = f"docs/{source_of(page, book.root)}"
        tests = dict.fromkeys(test for test in row["tests"] if "::test_block" not in test)
        guards = " ".join([*map(shlex.quote, tests), ACCOUNTS]) + WITHOUT_LAB
        found.append(Mutant(f"answer-{row['id']}", file, "removal", "", "", page, tests=guards, section=row["at"]))
    return found


def source_of(page: str, root: Path) -> str:
    """The file below docs/ of a page's address. Raises MutantError where there is none."""
    for name in (f"{page}index.md", f"{page.rstrip('/')}.md"):
        if (root / "docs" / name).is_file():
            return name
    raise MutantError(f"no page {page!r}; correct tests/mutants.yaml")


def everything() -> tuple[list[Mutant], dict[str, str]]:
    """Those of the list and the answers, and the reasons of the equivalent ones."""
    mutants, equivalents = read()
    return [*mutants, *answers(load())], equivalents


def mistakes(mutants: list[Mutant], equivalents: dict[str, str], root: Path = ROOT) -> list[str]:
    """What is wrong with the data, one sentence each."""
    found = [f"{name}: {times} entries have this id; give each its own" for name, times in Counter(mutant.id for mutant in mutants).items() if times > 1]
    found += [f"{name}: equivalent, but no mutant; remove it" for name in equivalents.keys() - {mutant.id for mutant in mutants}]
    found += [f"{name}: say in at least 20 characters why nothing can notice it" for name, reason in equivalents.items() if len(reason) < 20]
    for mutant in mutants:
        try:
            if not mutant.section:
                mutated(mutant, root)
            _ = mutant.kind
        except MutantError as problem:
            found.append(str(problem))
    return found


def mutated(mutant: Mutant, root: Path) -> str:
    """The file's text after the change. Raises MutantError when it does not apply."""
    path = root / mutant.file
    if not path.is_file():
        raise MutantError(f"{mutant.id}: no file {mutant.file}; correct tests/mutants.yaml")
    text = path.read_text("utf-8")
    if text.count(mutant.find) != mutant.count or mutant.find == mutant.replace:
        raise MutantError(f"{mutant.id}: {mutant.file} holds {mutant.find!r} {text.count(mutant.find)} times, not {mutant.count}; correct tests/mutants.yaml")
    return text.replace(mutant.find, mutant.replace)


def changed_files(root: Path = ROOT) -> set[str]:
    """Files that differ from the last commit, new ones included."""
    command = ["git", "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"})
    if done.returncode != 0:
        raise MutantError(f"CHANGED=1 asks git what changed, and git says: {done.stderr.strip()}")
    return {entry[3:] for entry in done.stdout.split("\0") if entry}


# A copy of the sources ----------------------------------------------------------------


def copy_sources(target: Path) -> Path:
    """Copy what a build reads; what is installed is linked. Returns ``target``."""
    target.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(programs.VENV)
    subprocess.run(["git", "init", "--quiet", str(target)], check=True)  # some tests ask git what there is
    return target


def build(root: Path, pages: tuple[str, ...] = ()) -> str | None:
    """Build ``root/site``, or these files below docs/ alone. Returns what stopped the build, or None."""
    done = subprocess.run(
        [str(root / ".venv" / "site" / "bin" / "python"), "-m", "mkdocs", "build", "--quiet"],
        cwd=root, env={"PATH": os.defpath, "LANG": "C.UTF-8", "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1", "HANDBOOK_PAGES": " ".join(pages)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
    )  # fmt: skip
    if done.returncode == 0:
        return None
    return re.sub(r"^(?:ERROR|WARNING) +- +", "", done.stdout.strip()) or f"exit status {done.returncode}"


@contextmanager
def changed(mutant: Mutant, root: Path) -> Iterator[None]:
    """The copy with the one change in it."""
    path = root / mutant.file
    original, text = path.read_bytes(), mutated(mutant, root)
    path.write_text(text, "utf-8")
    try:
        yield
    finally:
        path.write_bytes(original)


@contextmanager
def cut(site: Path, section: str) -> Iterator[None]:
    """The built site without a section: its heading and what follows, up to the next heading of its rank or a higher one.

    Its blocks are gone from ``evidence/blocks.json`` as well. Raises MutantError when the page has no such heading.
    """
    page, _, anchor = section.partition("#")
    path, listed = site / page / "index.html", site / "evidence" / "blocks.json"
    before = {path: path.read_bytes(), listed: listed.read_bytes()}
    soup = BeautifulSoup(before[path], "html.parser")
    heading = soup.find(RANKS, id=anchor)
    if heading is None:
        raise MutantError(f"{section}: the page has no heading with this anchor; correct snippets/facts/requirements.yaml")
    gone = [heading]
    for element in heading.find_next_siblings():
        if element.name in RANKS[: RANKS.index(heading.name) + 1]:
            break
        gone.append(element)
    for element in gone:
        element.decompose()
    left = {element["id"] for element in soup.find_all(id=True)}
    rows = [row for row in json.loads(before[listed]) if row["page"] != page or row["anchor"] in left]
    path.write_text(str(soup), "utf-8")
    listed.write_text(json.dumps(rows), "utf-8")
    try:
        yield
    finally:
        for file, content in before.items():
            file.write_bytes(content)


# Judging ------------------------------------------------------------------------------


def first_line(message: str, root: Path) -> str:
    """The message's first line, and the end of what it quotes, without folders of the copy."""
    lines = message.strip().splitlines() or [""]
    quoted = f" ... {' | '.join(lines[1:])[-QUOTED:]}" if lines[0].endswith(":") and len(lines) > 1 else ""
    return (lines[0] + quoted).replace(f"{root}/", "")


def judge(rows: Iterable[Row], root: Path) -> Finding:
    """The first row that failed, or survived."""
    for row in rows:
        if row.outcome == "failed":
            how = "execution" if row.block.check in EXECUTED else row.block.check
            return Finding("killed", row.block.id, how, first_line(row.message, root))
    return Finding("survived")


def counts(finding: Finding, checks: set[str]) -> bool:
    """Whether a kill is worth something; ``checks``: those of the blocks that the mutant changed.

    A row that runs something always is. A recorded output or a parser is one
    only when nothing else changed than recorded outputs, or blocks that are
    parsed; a test only when no block that is executed changed.
    """
    if finding.outcome != "killed":
        return False
    return finding.how == "execution" or checks == {finding.how} or (finding.how == "test" and not checks & EXECUTED)


def tested(root: Path, tests: str) -> Finding:
    """What pytest says of ``tests`` in the copy. Raises MutantError when it did not run them."""
    done = subprocess.run(
        [str(root / ".venv" / "test" / "bin" / "python"), "-m", "pytest", "-x", "-q", "--no-header", "--tb=no", "-p", "no:cacheprovider", *shlex.split(tests)],
        cwd=root, env={"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(root), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": tempfile.gettempdir()},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
    )  # fmt: skip
    if done.returncode == 0:
        return Finding("survived")
    failed = re.search(r"^(FAILED|ERROR) (.+?)(?: - (.*))?$", done.stdout, re.MULTILINE)
    if done.returncode == 1 and failed:
        return Finding("killed", failed.group(2), "test", first_line(failed.group(3) or "", root))
    if done.returncode == 2 and failed:  # what the tests import does not load
        return Finding("killed", failed.group(2), "error", first_line(failed.group(3) or "", root))
    raise MutantError(f"pytest {tests} ended with status {done.returncode}: {done.stdout.strip()[-300:]}")


def _named(tests: str) -> list[str]:
    """The words of ``tests`` that name tests."""
    return [shlex.quote(word) for word in shlex.split(tests.removesuffix(WITHOUT_LAB))]


class Bench:
    """A copy of the sources in which mutants are made, and what its pages show when nothing is changed."""

    def __init__(self, root: Path, forker: Callable[[], Forker]) -> None:
        self.root, self.forker = root, forker
        self.shown: dict[tuple[str, str], Row] = {}
        #: The pages that stand in site/ with nothing changed; (): all of them.
        self.built: tuple[str, ...] | None = None

    def prepare(self) -> None:
        """Build, with nothing changed, or take the checkout's site if it is of the same sources; raises MutantError when that fails."""
        stopped = None if self._has_site() else build(self.root)
        if stopped is not None:
            raise MutantError(f"Nothing is changed, and the site does not build: {first_line(stopped, self.root)}. Repair that first.")
        self.built = ()
        self.shown = self._rows(load(self.root))

    def _has_site(self) -> bool:
        if not STAMP.exists() or not all((ROOT / name).is_dir() for name in WRITTEN):
            return False
        for name in WRITTEN:
            shutil.rmtree(self.root / name, ignore_errors=True)
            shutil.copytree(ROOT / name, self.root / name)
        return digest(self.root) == STAMP.read_text()

    def baseline(self, mutants: list[Mutant]) -> None:
        """Nothing is changed, and what guards these passes; raises MutantError otherwise."""
        for mutant in mutants:
            self._shows(mutant)
        replayed = {(mutant.page, mutant.cold, mutant.variant): mutant for mutant in mutants if mutant.tests is None and mutant.build is None}
        named = {mutant.tests for mutant in mutants if mutant.tests and not mutant.section}
        if any(mutant.section for mutant in mutants):  # all at once: they differ only in which tests they name
            named.add(" ".join(dict.fromkeys(word for mutant in mutants if mutant.section for word in _named(str(mutant.tests)))) + WITHOUT_LAB)
        for test in sorted(named):
            self._unchanged()
            finding = tested(self.root, test)
            if finding.outcome != "survived":
                raise MutantError(f"Nothing is changed, and {finding.killed_by} fails: {finding.message}. Repair that first (make test).")
        for mutant in replayed.values():
            book = load(self.root)
            self._unchanged(self._pages(mutant, book))
            finding = judge(self._replay(mutant, book), self.root)
            if finding.outcome != "survived":
                raise MutantError(f"Nothing is changed, and {mutant.page} fails: {finding.killed_by}: {finding.message}. Repair that first (make test).")

    def _rows(self, book: Book) -> dict[tuple[str, str], Row]:
        """The blocks of the built copy, by page and anchor, with the text that a reader copies."""
        site = self.root / "site"
        pages = dict.fromkeys(row["page"] for row in json.loads((site / "evidence" / "blocks.json").read_text("utf-8")))
        return {(row.page, row.anchor): row for page in pages for row in rows_of(book, site, page)}

    def _shows(self, mutant: Mutant) -> None:
        if mutant.tests is not None or mutant.build is not None:
            return
        pages = {page for page, _ in self.shown}
        showing = {page for (page, _), row in self.shown.items() if f"snippets/{re.split('[#@]', row.block.id)[0]}" == mutant.file}
        if mutant.page not in pages or (showing and mutant.page not in showing):
            raise MutantError(f"{mutant.id}: page {mutant.page!r} does not show {mutant.file}; correct tests/mutants.yaml")

    def examine(self, mutant: Mutant) -> Finding:
        """Make the change in the copy, build it, and let what guards it judge."""
        if mutant.section:
            return self._without(mutant.section, str(mutant.tests))
        pages = () if mutant.tests or mutant.build else self._pages(mutant, load(self.root))
        of_site = Path(mutant.file).parts[0] in READ
        if of_site:
            self.built = None
        else:
            self._unchanged(pages)
        with changed(mutant, self.root):
            stopped = build(self.root, pages) if of_site else None
            if stopped is not None:
                return Finding("killed", "build", "build", first_line(stopped, self.root), mutant.build is not None and mutant.build in stopped)
            book = load(self.root)
            other = {key: row for key, row in self._rows(book).items() if key not in self.shown or row.text != self.shown[key].text}
            checks = {row.block.check for row in other.values()}
            if mutant.build is not None:
                return Finding("survived")
            if mutant.tests is not None:
                finding = tested(self.root, mutant.tests)
                return replace(finding, counts=counts(finding, checks))
            try:
                finding = judge(self._replay(mutant, book, other), self.root)
            except Exception as problem:  # the replay does not say which row; that counts for nothing and is told
                return Finding("killed", mutant.page, "error", first_line(f"{type(problem).__name__}: {problem}", self.root))
            return replace(finding, counts=counts(finding, checks))

    def _unchanged(self, pages: tuple[str, ...] = ()) -> None:
        """Have these pages in site/, all when none is named, with nothing changed."""
        if self.built is None or self.built != pages:
            stopped = build(self.root, pages)
            if stopped is not None:
                raise MutantError(f"Nothing is changed, and the site does not build: {first_line(stopped, self.root)}. Repair that first.")
            self.built = pages

    def _pages(self, mutant: Mutant, book: Book) -> tuple[str, ...]:
        """The files of the pages that a replay reads: the mutant's, and the one from which it goes on."""
        first = book.pages.get(mutant.page, {}).get("first")
        return tuple(source_of(page, self.root) for page in [mutant.page, *([first["page"]] if first else [])])

    def _without(self, section: str, tests: str) -> Finding:
        """Whether the tests of an answer notice that it is gone."""
        self._unchanged()
        with cut(self.root / "site", section):
            finding = tested(self.root, tests)
        return replace(finding, counts=finding.how == "test")

    def _replay(self, mutant: Mutant, book: Book, other: Container[tuple[str, str]] | None = None) -> list[Row]:
        """The mutant's page, in its variant; the copy may hold the mutant or not. ``book`` may be changed.

        ``other``: the rows with other text than before. What is shown in several renderings is then verified only in those.
        """
        if not (mutant.cold or _starts_cold(book, mutant.page)):
            _hurry(book)
        replay = Replay(book, self.root / "site", mutant.page, variant=mutant.variant)
        if replay.installs and not mutant.cold:
            replay.forker = self.forker()
        verified = {(row.page, row.anchor) for row in replay.rows if "then" in row.block.data}
        if other is not None and any(key in other for key in verified):
            replay.rows = [row for row in replay.rows if (row.page, row.anchor) not in verified or (row.page, row.anchor) in other]
        return replay.run()


def _starts_cold(book: Book, page: str) -> bool:
    """Whether LiteLLM is not forked there, and takes its time."""
    return any(settings.get("adds") or settings.get("systemd") for settings in book.pages.get(page, {}).get("variants", {}).values())


def _hurry(book: Book) -> None:
    """Give up early: most mutants that are noticed make a block wait for something that never comes."""
    for block in book.blocks.values():
        if block.check in EXECUTED:
            block.data["seconds"] = max(PATIENCE, block.data.get("seconds", 0) // 3)  # one that names its seconds is slow by itself


# The command ----------------------------------------------------------------------------


def select(mutants: list[Mutant], ids: list[str], only: set[str] | None) -> list[Mutant]:
    """Those named by id (all when none is) whose file is in ``only`` (any when None)."""
    unknown = sorted(set(ids) - {mutant.id for mutant in mutants})
    if unknown:
        near = [name for word in unknown for name in difflib.get_close_matches(word, [mutant.id for mutant in mutants])]
        meant = f"; did you mean {', '.join(near)}?" if near else "; each entry there begins with its id"
        raise MutantError(f"no mutant {', '.join(unknown)} in tests/mutants.yaml{meant}")
    return [mutant for mutant in mutants if (not ids or mutant.id in ids) and (only is None or mutant.file in only)]


def examined(mutant: Mutant, equivalents: dict[str, str], check: Callable[[Mutant], Finding]) -> Result:
    """Examine one, and take the time."""
    began = time.monotonic()
    try:
        finding = check(mutant)
    except subprocess.TimeoutExpired as problem:  # it hangs: that counts for nothing and is told
        finding = Finding("killed", mutant.page, "error", f"no end within {problem.timeout:g} seconds")
    return Result(mutant, finding, round(time.monotonic() - began, 1), equivalents.get(mutant.id))


def told(result: Result, width: int) -> str:
    """One line about a result; ids are as wide as ``width``."""
    mutant, finding = result.mutant, result.finding
    by = f"{finding.killed_by} ({finding.how})" if finding.killed_by else result.equivalent or "nothing noticed"
    return f"{mutant.id:<{width}}  {mutant.operator:<8}  {finding.outcome:<8}  {result.seconds:6.1f} s  {by}"


def summary(results: list[Result]) -> str:
    """Figures, and what is wrong, in a few lines."""
    ways = Counter(result.finding.how or result.finding.outcome for result in results)
    equal = sum(result.equivalent is not None and not result.wrong for result in results)
    good, judged = sum(result.finding.counts for result in results), len(results) - equal
    lines = [
        f"{len(results)} mutants: {ways['execution']} killed by a block that was executed, {ways['output']} by a recorded output, "
        f"{ways['schema']} by a parser and a schema, {ways['test']} by a test, {ways['build']} by the build, {ways['error']} by something that broke down; "
        f"{ways['survived']} survived, {equal} of them equivalent.",
        f"Score: {good} of {judged} ({good / max(1, judged):.0%}), each killed by what is meant to notice it.",
    ]
    lines += [
        f"{result.mutant.id} is noticed only by {result.finding.killed_by} ({result.finding.how}: {result.finding.message}); let the block itself observe it."
        for result in results
        if result.finding.outcome == "killed" and not result.finding.counts
    ]
    for result in results:
        if result.wrong and result.equivalent is None:
            guard = result.mutant.tests or f"a block of {result.mutant.page}"
            lines.append(f"{result.mutant.id} survived: let {guard} observe it, or say in equivalents: why nothing can.")
        elif result.wrong:
            lines.append(f"{result.mutant.id} is listed as equivalent, and is noticed by {result.finding.killed_by}; remove it from equivalents:.")
    return "\n".join(lines)


def together(old: list[dict[str, Any]], new: list[dict[str, Any]], mutants: list[Mutant], equivalents: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of this run, and those of earlier runs whose mutants are still the same, in the order of the list."""
    digests = {mutant.id: mutant.digest for mutant in mutants}
    kept = {row["id"]: row for row in old if digests.get(row["id"]) == row["entry"] and row["equivalent"] == equivalents.get(row["id"])}
    kept |= {row["id"]: row for row in new}
    return [kept[mutant.id] for mutant in mutants if mutant.id in kept]


def figures(rows: list[dict[str, Any]], mutants: list[Mutant]) -> dict[str, Any]:
    """What ``snippets/facts/mutants.yaml`` holds: kind -> how many mutants, and what became of them; those without a row wait."""
    judged = {row["id"] for row in rows}
    fates = Counter(
        (row["kind"], (row["how"] if row["counts"] else "weak") if row["outcome"] == "killed" else "equivalent" if row["equivalent"] else "survived")
        for row in rows
    )
    fates.update((mutant.kind, "waiting") for mutant in mutants if mutant.id not in judged)
    listed = Counter(mutant.kind for mutant in mutants)
    kinds = {kind: {"mutants": listed[kind], **{way: fates[kind, way] for way in WAYS}} for kind in KINDS if listed[kind]}
    return {"day": min((row["day"] for row in rows), default=time.strftime("%Y-%m-%d")), "kinds": kinds}


def turns(mutants: list[Mutant], rows: list[dict[str, Any]]) -> dict[str, str]:
    """id -> when it is its turn: the day on which it was judged, after those that wait; of these, first one of each file of which none was."""
    found = {row["id"]: row["day"] for row in rows}
    tried = {mutant.file for mutant in mutants if mutant.id in found}
    for mutant in mutants:
        if mutant.id not in found:
            found[mutant.id] = ANOTHER if mutant.file in tried and not mutant.section else FIRST
            tried.add(mutant.file)
    return found


def groups(mutants: list[Mutant], turn: dict[str, str] | None = None) -> list[list[Mutant]]:
    """Mutants with the same guard, at most TOGETHER of them, by the turns of ``turns``.

    Where these are the same, those come first that take least for each, so that most are judged when the time is over.
    """
    turn = turn or {}
    guards: dict[object, list[Mutant]] = {}
    for mutant in sorted(mutants, key=lambda mutant: turn.get(mutant.id, FIRST)):
        replay = (mutant.page, mutant.variant, mutant.cold)
        guard = "answers" if mutant.section else mutant.tests or ("build" if mutant.build else replay)
        guards.setdefault((guard, min(turn.get(mutant.id, FIRST), JUDGED)), []).append(mutant)
    found = [same[at : at + TOGETHER] for same in guards.values() for at in range(0, len(same), TOGETHER)]
    return sorted(found, key=lambda group: (turn.get(group[0].id, FIRST), _share(group)))


def _share(group: list[Mutant]) -> float:
    """What one of these takes, with its part of trying the guard on what is unchanged."""

    def takes(mutant: Mutant) -> int:
        if mutant.section or mutant.build:
            return 1
        if mutant.tests:
            return REBUILT if Path(mutant.file).parts[0] in READ else 1
        return REPLAYED

    return (takes(group[0]) + sum(takes(mutant) for mutant in group)) / len(group)


def _judge(work: list[list[Mutant]], taken: Any, equivalents: dict[str, str], until: float, answer: Connection) -> None:
    """In a process of its own: take groups until none is left, or it is ``until``; send each result, at the end None, or what keeps them from being had."""
    ending.in_order()
    ending.heard()
    ending.with_parent()
    try:
        with room.workshop("mutants-") as folder, ExitStack() as stack:

            @functools.cache
            def forker() -> Forker:
                """LiteLLM, imported when the first page asks for it."""
                parent = stack.enter_context(Forker(folder, programs.litellm_python()))
                wait_until(parent.ready, 120, "the import of LiteLLM")
                return parent

            bench = Bench(copy_sources(folder / "copy"), forker)
            bench.prepare()
            while time.monotonic() < until:
                with taken.get_lock():
                    number, taken.value = taken.value, taken.value + 1
                if number >= len(work):
                    break
                bench.baseline(work[number])
                for mutant in work[number]:
                    answer.send(examined(mutant, equivalents, bench.examine))
        answer.send(None)
    except PROBLEMS as problem:
        answer.send(str(problem))
    except KeyboardInterrupt:
        pass


def judged(mutants: list[Mutant], equivalents: dict[str, str], turn: dict[str, str] | None = None, until: float = math.inf) -> Iterator[Result]:
    """The results, as they come; no group is begun after ``until``. Raises MutantError with what a process says that cannot go on."""
    context = multiprocessing.get_context("fork")
    work, taken = groups(mutants, turn), context.Value("i", 0)
    pipes = [context.Pipe(duplex=False) for _ in work[:PROCESSES]]
    processes = [context.Process(target=_judge, args=(work, taken, equivalents, until, there)) for _, there in pipes]
    try:
        for process, (_, there) in zip(processes, pipes, strict=True):
            with ending.later():
                process.start()
            there.close()
        waiting = [here for here, _ in pipes]
        while waiting:
            for here in wait(waiting):
                answer = here.recv()
                if isinstance(answer, str):
                    raise MutantError(answer)
                if answer is None:
                    waiting.remove(here)
                else:
                    yield answer
        for process in processes:  # they have said their last; ended while they end, they would show a traceback
            process.join()
    except EOFError:
        raise MutantError("A process that judged mutants ended without an answer; run it again, with fewer other programs running.") from None
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
        for process in processes:
            process.join()


def recorded() -> list[dict[str, Any]]:
    """What earlier runs found. Raises MutantError for a file that is not what ``save`` writes."""
    if not RECORD.exists():
        return []
    try:
        rows = json.loads(RECORD.read_text("utf-8"))
        return [{key: row[key] for key in KEPT} for row in rows]
    except (ValueError, LookupError, TypeError) as problem:
        raise MutantError(f"{RECORD.relative_to(ROOT)}: {problem}; have it as git has it, or remove it and judge all anew") from None


def save(results: list[Result], mutants: list[Mutant], equivalents: dict[str, str], old: list[dict[str, Any]]) -> None:
    """Write the report of this run, and record and figures with what earlier runs found of mutants that are the same."""
    new = [result.data() for result in results]
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", "utf-8")
    rows = together(old, [{key: row[key] for key in KEPT} for row in new], mutants, equivalents)
    RECORD.write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n", "utf-8")
    head = "# What became of the mutants of tests/mutants.yaml, each judged on this day or later. Written by `make mutants`.\n"
    FIGURES.write_text(head + yaml.safe_dump(figures(rows, mutants), sort_keys=False, default_flow_style=None, width=160), "utf-8")


def whole(ids: list[str], only: set[str] | None, minutes: float) -> int:
    """Everything: read, check, copy, baseline, mutants, report. Returns the exit status. With ``minutes`` 0, it takes what it takes."""
    until = time.monotonic() + minutes * 60 if minutes else math.inf
    mutants, equivalents = everything()
    wrong = mistakes(mutants, equivalents)
    if wrong:
        raise MutantError("\n".join(wrong))
    chosen = select(mutants, ids, only)
    if not chosen:
        print("No file that tests/mutants.yaml changes differs from the last commit.")
        return 0
    old = recorded()
    turn = turns(mutants, together(old, [], mutants, equivalents))
    results: list[Result] = []
    width = max(len(mutant.id) for mutant in chosen)
    try:
        for result in judged(chosen, equivalents, turn, until):
            results.append(result)
            print(told(result, width), flush=True)
    finally:  # an interrupt keeps what is judged
        if results:
            save(results, mutants, equivalents, old)
    left = len(chosen) - len(results)
    print(f"\n{summary(results)}\nWritten: {', '.join(str(path.relative_to(ROOT)) for path in (REPORT, RECORD, FIGURES))}")
    if left:
        print(f"After {minutes:g} minutes, {left} were left for the next run, which begins with them; MINUTES=0 judges all.")
    return int(any(result.wrong for result in results))


def minutes(text: str) -> float:
    """What MINUTES says. Raises MutantError for anything but a number from 0 on."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < math.inf:
        raise MutantError(f"MINUTES is {text!r}; write a number, 0 for as long as it takes")
    return number


def main(ids: list[str]) -> int:
    ending.in_order()
    try:
        return whole(ids, changed_files() if os.environ.get("CHANGED") == "1" else None, minutes(os.environ.get("MINUTES") or str(MINUTES)))
    except PROBLEMS as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted; nothing is left behind, and what was judged is kept.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
