"""The doctor runs on every Python from 3.9 on that can be had here, and uses nothing newer."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from macros import doctor as made
from macros.ledger import Book
from tests.doctor import FILE
from tests.lab.programs import ROOT

CHECKS = ROOT / "tests" / "doctor" / "everywhere.py"
WORKFLOW = ROOT / ".github" / "workflows" / "docs.yml"
OLDEST, NEWEST = 9, 13


def pythons() -> dict[str, Path]:
    """Version -> program, of every Python 3.9 and newer here: in PATH, the system's, and those of pyenv and uv.

    pyenv's shims in PATH are not asked, which takes long: they start what its own folder holds.
    """
    places = [Path(shutil.which(f"python3.{minor}") or "") for minor in range(OLDEST, NEWEST + 3)]
    places += [Path(sys.executable), Path("/usr/bin/python3")]
    for folder in (Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python"):
        places += sorted(folder.glob("*/bin/python3"))
    places = [path for path in places if path.is_file() and path.parent.name != "shims"]
    found: dict[str, Path] = {}
    with ThreadPoolExecutor() as pool:
        for path, version in zip(places, pool.map(version_of, places), strict=True):
            if re.fullmatch(r"3\.\d+\.\d+", version) and int(version.split(".")[1]) >= OLDEST:
                found.setdefault(version, path)
    return found


def version_of(python: Path) -> str:
    """As the folder of pyenv or uv says, else as the program does; ``test_it_runs`` asks all of them."""
    if told := re.search(r"\d+\.\d+\.\d+(?=-|$)", python.parent.parent.name):
        return told[0]
    asked = [str(python), "-c", "import sys; print('.'.join(map(str, sys.version_info[:3])))"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=60).stdout.strip()


PYTHONS = pythons()


@pytest.mark.long
@pytest.mark.parametrize("version", PYTHONS)
def test_it_runs(version: str) -> None:
    done = subprocess.run([str(PYTHONS[version]), str(CHECKS)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and f"Python {version} " in done.stdout, done.stdout + done.stderr


def test_the_page_names_those_that_ran(book: Book) -> None:
    """Where all of them are; elsewhere at least the one that runs the tests has run."""
    told = book.fact("doctor.pythons").split(", ")
    missing = [version for version in told if version not in PYTHONS]
    if missing and not set(told) & set(PYTHONS):
        # Pythons are not installed by us: where the page's are missing, its claim cannot be repeated, and CI's own job repeats it.
        pytest.skip(f"none of the Pythons that the page names is here: {', '.join(told)}")
    assert {int(version.split(".")[1]) for version in told} == set(range(OLDEST, NEWEST + 1))


def test_the_workflow_names_every_python() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    assert jobs["doctor"]["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(OLDEST, NEWEST + 1)]
    assert jobs["doctor"]["steps"][-1]["run"] == "make doctor"


def test_the_checks_can_fail(tmp_path: Path) -> None:
    """With a doctor that finds nothing."""
    folder = tmp_path / "snippets" / "doctor"
    folder.mkdir(parents=True)
    (tmp_path / "tests" / "doctor").mkdir(parents=True)
    (tmp_path / "tests" / "doctor" / CHECKS.name).write_text(CHECKS.read_text())
    (folder / FILE.name).write_text("print('{\"findings\": []}')\n")
    done = subprocess.run([sys.executable, str(tmp_path / "tests" / "doctor" / CHECKS.name)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "failed wrong key: nothing found" in done.stdout


def test_an_older_python_is_told_so() -> None:
    older = [path for path in (Path.home() / ".pyenv" / "versions").glob("3.8.*/bin/python3") if path.is_file()]
    if not older:
        pytest.skip("no Python 3.8 here")  # it is not installed by us, and the refusal cannot be had without it
    done = subprocess.run([str(older[0]), str(FILE)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr == "gateway_doctor.py: this is Python 3.8; it needs 3.9 or newer\n"


# Without running it ---------------------------------------------------------------------------


def vermin(path: Path) -> subprocess.CompletedProcess[str]:
    """What vermin says: syntax, modules, functions and keyword arguments by the release that brought them."""
    words = [sys.executable, "-c", "from vermin import main; main()", "--target=3.9-", "--no-tips", "--violations", str(path)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300, env={**os.environ, "COLUMNS": "200"})


def unions(tree: ast.Module) -> Iterator[int]:
    """Lines with X | None or str | int that run: Python 3.10 has them, and vermin does not see them."""
    annotations: set[int] = set()
    for node in ast.walk(tree):
        for part in [getattr(node, "annotation", None), getattr(node, "returns", None)]:
            if part is not None:
                annotations |= {id(inner) for inner in ast.walk(part)}
    types = {"str", "int", "float", "bool", "bytes", "list", "dict", "tuple", "set", "type", "object"}
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr) and id(node) not in annotations:
            sides = (node.left, node.right)
            if any(isinstance(side, ast.Constant) and side.value is None or isinstance(side, ast.Name) and side.id in types for side in sides):
                yield node.lineno


def test_nothing_newer_than_its_floor() -> None:
    done = vermin(FILE)
    assert done.returncode == 0 and "Minimum required versions: 3.9" in done.stdout, done.stdout
    tree = ast.parse(FILE.read_text("utf-8"), feature_version=(3, OLDEST))
    assert list(unions(tree)) == []
    assert vermin(CHECKS).returncode == 0


@pytest.mark.parametrize(
    "newer",
    ["match 1:\n    case 1: pass\n", "import tomllib\n", "isinstance(1, int | str)\n", "Env = dict[str, str] | None\n",
     "import itertools; itertools.pairwise([])\n", "zip([], strict=True)\n", "try: pass\nexcept* ValueError: pass\n"],
)  # fmt: skip
def test_something_newer_is_noticed(newer: str, tmp_path: Path) -> None:
    path = tmp_path / "newer.py"
    path.write_text(newer)
    try:
        seen = list(unions(ast.parse(newer, feature_version=(3, OLDEST))))
    except SyntaxError:
        seen = [1]
    assert vermin(path).returncode != 0 or seen


def test_the_standard_library_only() -> None:
    allowed = set(sys.stdlib_module_names) | {"yaml"}
    for node in ast.walk(ast.parse(FILE.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.partition(".")[0] for name in names} <= allowed - {"yaml"}
    assert made.MARK in FILE.read_text("utf-8")
