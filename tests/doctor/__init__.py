"""The doctor as a module, and how its tests run it."""

from __future__ import annotations

import py_compile
from pathlib import Path

from macros.module import imported
from tests.lab.programs import ROOT

FILE = ROOT / "snippets" / "doctor" / "gateway_doctor.py"

doctor = imported(FILE)


def compiled(folder: Path) -> Path:
    """The doctor in this folder, compiled once, for as many runs as there are."""
    path = folder / "gateway_doctor.pyc"
    if not path.exists():
        py_compile.compile(str(FILE), cfile=str(path), doraise=True)
    return path
