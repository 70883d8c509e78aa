"""The doctor as a module, and how its tests run it."""

from __future__ import annotations

from macros.module import imported
from tests.lab.programs import ROOT

FILE = ROOT / "snippets" / "doctor" / "gateway_doctor.py"

doctor = imported(FILE)
