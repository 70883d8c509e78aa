"""Findings, and the only place where a message is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from schemas.rules.secrets import shaped
from schemas.rules.source import Kind, read

Path = tuple[Any, ...]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. ``severity``: error (it will not do what it says) or notice (look at it)."""

    severity: str
    rule: str
    path: str
    line: int
    message: str


@cache
def rules() -> dict[str, dict[str, Any]]:
    """The entries of ``rules.yaml`` by their id."""
    return {rule["id"]: rule for rule in read("rules/rules.yaml")}


def dotted(path: Path) -> str:
    """``model_list[0].litellm_params.model``. A key that is a credential, as after a forgotten name, is not said."""
    parts = ("(a credential)" if shaped(str(part)) else part for part in path)
    return "".join(f"[{part}]" if isinstance(part, int) and not isinstance(part, bool) else f".{part}" for part in parts).removeprefix(".")


@dataclass
class Report:
    """Collects findings for one file; one finding for each rule and place."""

    kind: Kind
    lines: Mapping[Path, int] = field(default_factory=dict)
    _found: dict[tuple[str, Path], Finding] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of a key or item, from 1; of what holds it where it is not written."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add(self, rule: str, path: Path = (), *, line: int | None = None, severity: str | None = None, **values: object) -> None:
        """Report a rule at a path. ``values`` fill its template; never the value of a credential."""
        entry = rules()[rule]
        text = f"{entry['message']}; {entry['remedy']}".format_map({"path": dotted(path), "name": dotted(path[-1:]), **values})
        message = f"{dotted(path)}: {text}" if path else text
        finding = Finding(severity or entry["severity"], rule, dotted(path), line or self.line(path), message)
        self._found.setdefault((rule, path), finding)

    def has(self, path: Path) -> bool:
        """Whether an error is already reported at exactly this place."""
        return any(at == path and finding.severity == "error" for (_, at), finding in self._found.items())

    def findings(self) -> list[Finding]:
        return sorted(self._found.values(), key=lambda finding: (finding.line, finding.severity, finding.rule, finding.path))
