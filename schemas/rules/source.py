"""What a file is, told by its name, and the data the rules read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

SCHEMAS = Path(__file__).resolve().parent.parent
#: Kinds of file: LiteLLM's configuration, and Claude Code's settings by who reads them.
#: Source of the places: https://code.claude.com/docs/en/settings
KINDS = ("litellm", "settings", "user-settings", "project-settings", "local-settings", "managed-settings")
#: ``.claude/settings.json`` in a home folder; anywhere else it is a project's.
HOME = re.compile(r"^(~|\$HOME|\$\{HOME\}|%USERPROFILE%|\$env:USERPROFILE|/root|/home/[^/]+|/Users/[^/]+|[A-Za-z]:/Users/[^/]+)/\.claude/settings\.json$")


@dataclass(frozen=True)
class Kind:
    """A kind of file. Raises ValueError for a name that is not in KINDS."""

    name: str
    filename: str

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise ValueError(f"unknown kind {self.name!r}; write one of {', '.join(KINDS)}")

    @property
    def program(self) -> str:
        return "litellm" if self.name == "litellm" else "claude-code"

    @property
    def language(self) -> str:
        return "yaml" if self.name == "litellm" else "json"

    @property
    def scope(self) -> str:
        """user, project, local, managed, or unknown: whose settings these are."""
        if self.name != "settings":
            return self.name.removesuffix("-settings")
        path = self.filename.replace("\\", "/")
        name = PurePosixPath(path).name
        if name == "managed-settings.json" or "/managed-settings.d/" in path:
            return "managed"
        if name == "settings.local.json":
            return "local"
        if path == ".claude/settings.json" or path.endswith("/.claude/settings.json"):
            return "user" if HOME.match(path) else "project"
        return "unknown"


def kind_of(filename: str, text: str) -> str | None:
    """``litellm`` or ``settings``, told by the name and, for YAML, by a section only LiteLLM has; None for any other file."""
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    if suffix == ".json":
        return "settings"
    if suffix not in (".yaml", ".yml"):
        return None
    sections = "|".join(sorted(known("litellm")["config"]["properties"]))
    return "litellm" if re.search(rf"^(?:{sections})\s*:", text, re.MULTILINE) else None


@cache
def read(name: str) -> Any:
    """The data of a file, by its path below ``schemas/``."""
    text = (SCHEMAS / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


def known(program: str) -> dict[str, Any]:
    """What a program reads: name of a section -> its schema."""
    found: dict[str, Any] = read(f"known/{program}.json")["$defs"]
    return found


def words(name: str) -> Any:
    """A list or table of ``words.yaml``."""
    return read("rules/words.yaml")[name]


@cache
def client_models() -> tuple[str, list[str]]:
    """What Claude Code asks a gateway for: the model of its background work, and every id."""
    facts = yaml.safe_load((SCHEMAS.parent / "snippets" / "facts" / "models.yaml").read_text("utf-8"))
    return facts["default"], facts["ids"]
