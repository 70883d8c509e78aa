"""The schemas for readers' own files, as one file each: ``site/schemas/NAME.schema.json``.

Below ``schemas/`` a schema refers to what is dumped from the pinned programs.
Here both are one, in the words of draft 7, which every editor knows, and a
name that the pinned program does not read is a mistake.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from macros.ledger import Book, BookError, schema

#: Name -> the program whose pinned version says which names there are.
PUBLISHED = {"litellm-config": "litellm", "claude-settings": "claude-code"}
DRAFT = "http://json-schema.org/draft-07/schema#"


def write(book: Book, site: Path) -> None:
    """Write every published schema."""
    for name in PUBLISHED:
        target = site / address(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(bundled(book.root / "schemas", name, book), indent=1, ensure_ascii=False) + "\n", "utf-8")


def address(name: str) -> str:
    """Where a schema is, from the site's root; it stays there."""
    return f"schemas/{name}.schema.json"


def bundled(folder: Path, name: str, book: Book) -> dict[str, Any]:
    """One schema without references to other files. Raises BookError for a reference that leads nowhere."""
    source = schema(folder / f"{name}.schema.json")
    program = book.fact(f"versions.{PUBLISHED[name]}")
    found: dict[str, Any] = _flat(source, folder)
    about = f"For {program['name']} {program['version']}: a name that this version does not read is a mistake. Written by hand, and from the program itself."
    return {
        "$schema": DRAFT,
        "title": found.pop("title"),
        "description": about,
        **{key: value for key, value in found.items() if key not in {"$schema", "description"}},
    }


def _flat(node: Any, folder: Path) -> Any:
    if isinstance(node, list):
        return [_flat(item, folder) for item in node]
    if not isinstance(node, dict):
        return node
    if not str(node.get("$ref", "#")).startswith("#"):
        own = {key: value for key, value in node.items() if key != "$ref"}
        return _flat(_merged(_target(node["$ref"], folder), own), folder)
    # In draft 7, what stands beside a reference counts for nothing.
    return {key: _flat(value, folder) for key, value in node.items() if key == "$ref" or not (key.startswith("x-") or "$ref" in node)}


def _target(reference: str, folder: Path) -> dict[str, Any]:
    file, _, pointer = reference.partition("#")
    found: Any = schema(folder / file)
    for part in pointer.strip("/").split("/"):
        if part not in found:
            raise BookError(f"schemas/: {reference} leads nowhere; run: python -m tests.dump_known")
        found = found[part]
    named = {"additionalProperties": False} if "properties" in found and "additionalProperties" not in found else {}
    return {**found, **named}


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """What is dumped, and what is written by hand over it, property by property."""
    names = {**base.get("properties", {}), **own.get("properties", {})}
    return {**base, **{key: value for key, value in own.items() if (key, value) != ("additionalProperties", True)}, **({"properties": names} if names else {})}
