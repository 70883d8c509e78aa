"""Files that the rules of ``schemas/rules`` accept or reject, and the tables that say which.

``litellm/expected.yaml`` and ``settings/expected.yaml`` name for each file below
``invalid/`` every error, its place, its line and words of its message, and what
the real program does with the file. ``{ANTHROPIC_KEY}`` and its like stand for
credentials that are made up when a test reads the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from macros.ledger import read_yaml

FOLDER = Path(__file__).resolve().parent
#: Shaped like real credentials, so no file holds them.
SECRETS = {
    "ANTHROPIC_KEY": "-".join(["sk", "ant", "api03", "Ab3" * 14]),
    "MASTER_KEY": "-".join(["sk", "Qw7Rt9" * 6]),
    "AWS_SECRET": "wJa1" * 10,
    "PASSWORD": "Zx8Cv6Bn4Ml2",
}
#: The environment in which LiteLLM starts, unless a table says otherwise.
ENV = {"LITELLM_MASTER_KEY": "-".join(["sk", "lab", "q7Rt9Zw2" * 4]), "UPSTREAM_ANTHROPIC_API_KEY": "a-key-of-no-use", "AWS_ACCESS_KEY_ID": "an-id-of-no-use"}


def table(name: str) -> dict[str, dict[str, Any]]:
    """The entries of a table: ``litellm/expected`` and so on. Raises BookError with file and line."""
    found: dict[str, dict[str, Any]] = read_yaml(FOLDER / f"{name}.yaml")
    return found


def files(folder: str) -> dict[str, Path]:
    """Name -> file, of everything in a folder below this one."""
    return {path.name: path for path in sorted((FOLDER / folder).iterdir()) if path.is_file()}


def text(path: Path) -> str:
    """A file as a program gets it."""
    content = path.read_text("utf-8")
    for name, value in SECRETS.items():
        content = content.replace(f"{{{name}}}", value)
    return content


def environment(entry: dict[str, Any]) -> dict[str, str]:
    """ENV with an entry's changes; null takes a variable away."""
    changed = {**ENV, **entry.get("env", {})}
    return {name: str(value) for name, value in changed.items() if value is not None}


def noticed(found: list[Any], severity: str) -> list[dict[str, Any]]:
    """Findings of one severity in the form of a table, without words of the message."""
    return [{"rule": finding.rule, "at": finding.path, "line": finding.line} for finding in found if finding.severity == severity]


def differences(name: str, found: list[Any], severity: str, expected: list[dict[str, Any]]) -> list[str]:
    """Where findings of one severity are not exactly those of a table; one line each, [] when they are."""
    placed = [{key: row[key] for key in ("rule", "at", "line")} for row in expected]
    problems = [f"{name}: nothing found of {row}" for row in placed if row not in noticed(found, severity)]
    problems += [f"{name}: found besides: {row}" for row in noticed(found, severity) if row not in placed]
    for row in expected:
        said = [finding.message for finding in found if finding.rule == row["rule"] and finding.path == row["at"]]
        if said and row["says"] not in said[0]:
            problems.append(f"{name}: {row['rule']} says {said[0]!r}, and not {row['says']!r}")
    return problems
