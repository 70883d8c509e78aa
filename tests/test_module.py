"""Programs that the site offers are imported without a trace beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from macros.ledger import Book
from macros.module import imported
from tests.handbook import write_handbook

PROGRAM = "from dataclasses import dataclass\n\n\n@dataclass\nclass One:\n    name: 'str'\n"


def test_nothing_is_written_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "a_program.py").write_text(PROGRAM)
    assert imported(tmp_path / "a_program.py").One("a").name == "a"
    assert [path.name for path in tmp_path.iterdir()] == ["a_program.py"]


def test_bytecode_of_another_program_is_no_snippet(tmp_path: Path) -> None:
    root = write_handbook(tmp_path)
    known = Book(root).blocks.keys()
    (root / "snippets" / "demo" / "__pycache__").mkdir()
    (root / "snippets" / "demo" / "__pycache__" / "hello.cpython-311.pyc").write_bytes(b"\0")
    assert Book(root).blocks.keys() == known
