"""Files of lines that another program still writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def whole(path: Path) -> list[str]:
    """The lines that are complete; none where there is no file yet."""
    return path.read_text("utf-8", "replace").split("\n")[:-1] if path.exists() else []


def records(path: Path) -> list[dict[str, Any]]:
    """One JSON object a line."""
    return [json.loads(line) for line in whole(path)]


class Log:
    """Records, appended each by a single write, so that nobody meets half of one followed by another."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def add(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record).encode() + b"\n")
