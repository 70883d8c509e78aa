"""``make update`` rewrites what is recorded wrongly, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from macros.ledger import Book, BookError, load
from tests import mutants, update
from tests.handbook import write_handbook
from tests.lab.litellm_fork import Forker
from tests.lab.replay import Failure, Replay, Row

pytestmark = pytest.mark.lab
FOLDER = "snippets/patterns/local-gateway"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return mutants.copy_sources(tmp_path / "copy")


def damage(root: Path, name: str, old: str, new: str) -> None:
    path = root / FOLDER / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in (root / "snippets").rglob("*") if path.is_file()}


def test_a_damaged_output_is_rewritten_and_nothing_else(copy: Path, forker: Forker) -> None:
    right = contents(copy)
    damage(copy, "verify.out", "connected", "attached")
    assert mutants.build(copy, ("start/quickstart.md",)) is None
    found = update.update(load(copy), copy / "site", "start/quickstart/", forker)
    assert found == ([f"{FOLDER}/verify.out"], None)
    assert contents(copy) == right


def test_a_page_that_fails_otherwise_rewrites_nothing(copy: Path, forker: Forker) -> None:
    damage(copy, "claude-version.out", "Claude Code", "Claude")
    damage(copy, "folder.sh", "mkdir -p ~/litellm-gateway", "mkdir -p ~/elsewhere")
    assert mutants.build(copy, ("patterns/local-gateway.md",)) is None
    before = contents(copy)
    page = "patterns/local-gateway/"
    rewritten, problem = update.update(load(copy), copy / "site", page, forker)
    assert rewritten == [] and problem and problem.startswith(f"{page}#block-folder-sh: "), problem
    assert contents(copy) == before


def test_without_a_site_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BookError, match="run: make site"):
        update.pages(tmp_path)


@pytest.fixture
def shown(tmp_path: Path) -> tuple[Book, Row]:
    """A recorded output, as a page shows it."""
    book = load(write_handbook(tmp_path))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<article></article>")
    return book, Row("", "block-hello-out", "hello", book.block("demo/hello.out"), "text")


def test_one_output_that_two_causes_print_is_written_once(shown: tuple[Book, Row], tmp_path: Path) -> None:
    book, row = shown
    replay = Replay(book, tmp_path / "site", "", update={})
    for _ in range(2):
        replay.record(row, "good morning")
        assert row.block.path.read_text() == "good morning\n" and row.text == "good morning"


@pytest.mark.parametrize(("first", "then"), [("hello", "good morning"), ("good morning", "hello"), ("good morning", "good night")])
def test_two_causes_that_print_different_texts_are_told(shown: tuple[Book, Row], tmp_path: Path, first: str, then: str) -> None:
    """Also where one of them prints what is recorded already, and in another variant or on another page."""
    book, row = shown
    said: dict[Path, str] = {}
    Replay(book, tmp_path / "site", "", update=said).record(row, first)
    with pytest.raises(Failure, match=f"demo/hello.out: printed once\n{first}\nand once\n{then}\n"):
        Replay(book, tmp_path / "site", "", update=said).record(row, then)
    assert row.block.path.read_text() == f"{first}\n"
