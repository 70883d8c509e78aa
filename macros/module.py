"""Imports a program that the site offers for download."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType


def imported(path: Path) -> ModuleType:
    """The file as a module, run anew. No bytecode is written beside it, where only what a ledger lists may stand."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules[path.stem] = module  # dataclasses look their module up
    exec(compile(path.read_text("utf-8"), str(path), "exec"), module.__dict__)
    return module
