"""The doctor as a module, and how its tests run it."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.lab.programs import ROOT

FILE = ROOT / "snippets" / "doctor" / "gateway_doctor.py"


def _load() -> ModuleType:
    found = importlib.util.spec_from_file_location("gateway_doctor", FILE)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["gateway_doctor"] = module  # dataclasses look their module up
    found.loader.exec_module(module)
    return module


doctor = _load()
