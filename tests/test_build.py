"""The site is built again when anything that it was built from, or anything that was built, has changed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from macros import build
from tests import mutants
from tests.mutants import copy_sources

CHANGES: dict[str, Callable[[Path], object]] = {
    "a page": lambda root: (root / "docs/index.md").write_text("other"),
    "a new page": lambda root: (root / "docs/new.md").write_text(""),
    "a page that is gone": lambda root: (root / "docs/index.md").unlink(),
    "a page that is renamed": lambda root: (root / "docs/index.md").rename(root / "docs/other.md"),
    "the settings": lambda root: (root / "mkdocs.yml").write_text("other"),
    "what was built": lambda root: (root / "site/index.html").write_text("other"),
    "what was rendered": lambda root: (root / "reports/rendered/index.md").unlink(),
}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Statuses with which MkDocs is to end, in a small site of one page."""
    statuses: list[int] = []
    for name in ("docs/index.md", "snippets/a", "schemas/a", "macros/a.py", "mkdocs.yml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)

    def mkdocs(words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        for name in ("site/index.html", "reports/rendered/index.md"):
            (cwd / name).parent.mkdir(parents=True, exist_ok=True)
            (cwd / name).write_text("built")
        return subprocess.CompletedProcess(words, statuses.pop())

    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "STAMP", tmp_path / "reports/site.stamp")
    monkeypatch.setattr(build, "digest", lambda found=build.digest: found(tmp_path))
    monkeypatch.setattr(build.subprocess, "run", mkdocs)
    return statuses


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_built(runs: list[int], tmp_path: Path, change: str) -> None:
    runs += [0, 0]
    assert (build.main(), build.main(), runs) == (0, 0, [0])
    CHANGES[change](tmp_path)
    assert (build.main(), runs) == (0, [])


def test_a_build_that_failed_is_tried_again(runs: list[int]) -> None:
    runs += [0, 1]
    assert (build.main(), build.main(), runs) == (1, 0, [])


def test_some_pages_are_not_all(runs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    runs += [0, 0]
    build.main()
    monkeypatch.setenv("HANDBOOK_PAGES", "index.md")
    assert (build.main(), runs) == (0, [])


@pytest.mark.parametrize(
    ("pages", "built", "said"),
    [
        ("patterns/direct.md start/reference.md", {"patterns/direct/index.html", "start/reference/index.html"}, ""),
        ("patterns/nowhere.md", set(), "HANDBOOK_PAGES: no page patterns/nowhere.md below docs/; name pages like patterns/direct.md"),
    ],
    ids=["two pages", "no such page"],
)
@pytest.mark.long
def test_only_these_pages(tmp_path: Path, pages: str, built: set[str], said: str) -> None:
    root = copy_sources(tmp_path / "copy")
    stopped = mutants.build(root, tuple(pages.split()))
    assert (stopped or "").partition("\n")[0] == said
    assert {path.relative_to(root / "site").as_posix() for path in (root / "site").rglob("index.html")} == built
