"""The conformance kit as a module."""

from __future__ import annotations

from macros.module import imported
from tests.lab.programs import ROOT

FILE = ROOT / "snippets" / "gateways" / "kit" / "gateway_check.py"

kit = imported(FILE)
