"""The conformance kit as a module."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.lab.programs import ROOT

FILE = ROOT / "snippets" / "gateways" / "kit" / "gateway_check.py"


def _load() -> ModuleType:
    found = importlib.util.spec_from_file_location("gateway_check", FILE)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules["gateway_check"] = module  # dataclasses look their module up
    found.loader.exec_module(module)
    return module


kit = _load()
