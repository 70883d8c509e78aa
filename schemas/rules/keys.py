"""Keys nobody reads, and values of a wrong shape: what the JSON Schemas tell.

A key that is almost a known one is an error. Any other unknown key is a notice,
or nothing where the schema says ``additionalProperties: true``, because there
names are free (LiteLLM sends what it does not know to the provider).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from schemas.rules.document import Document
from schemas.rules.report import Path, Report
from schemas.rules.secrets import REFERENCE
from schemas.rules.source import known, read

Schema = Mapping[str, Any]


def near(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one was probably meant to be; None when there is none, or when it is one.

    One edit for a short name, two for one of eight characters or more; case,
    hyphens and a plural do not count. Names that differ only in digits are
    siblings (models, versions), not misspellings.
    """
    names = set(known)
    if name in names or len(name) < 3:
        return None
    same = [other for other in names if _simple(other) == _simple(name)]
    if same:
        return min(same)
    close = difflib.get_close_matches(name, sorted(names), n=5, cutoff=0.75)
    fitting = [other for other in close if edits(name, other) <= (2 if len(name) >= 8 else 1) and _letters(other) != _letters(name)]
    return min(fitting, key=lambda other: edits(name, other)) if fitting else None


@cache
def _simple(name: str) -> str:
    return re.sub(r"ies$", "y", name.lower().replace("-", "_")).removesuffix("s")


def _letters(name: str) -> str:
    return re.sub(r"\d+([._-]\d+)*", "#", name)


def edits(one: str, other: str) -> int:
    """Insertions, removals, replacements and swaps of neighbours between two words."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]


# The schemas ------------------------------------------------------------------------


@cache
def _validator(name: str) -> jsonschema.Draft202012Validator:
    """The validator of a schema in the folder above; it may refer to ``known/``."""
    dumps = [f"known/{program}.json" for program in ("litellm", "claude-code")]
    registry: Registry[Any] = Registry().with_resources([(path, DRAFT202012.create_resource(read(path))) for path in dumps])
    return jsonschema.Draft202012Validator(read(name), registry=registry)


def _resolved(schema: Schema, root: str) -> dict[str, Any]:
    """A schema with what its $ref says written out; its own keywords win, properties of both count."""
    if "$ref" not in schema:
        return dict(schema)
    path, _, pointer = schema["$ref"].partition("#")
    target: Any = read(path or root)
    for part in pointer.strip("/").split("/"):
        target = target[part]
    base = _resolved(target, path or root)
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return {**base, **own, "properties": {**base.get("properties", {}), **own.get("properties", {})}}


def check(document: Document, schema: str, report: Report, elsewhere: Mapping[str, str] = {}) -> None:
    """Report keys and shapes. ``elsewhere``: a key -> the section in which it would be read."""
    _keys(document.data, read(schema), schema, (), report, elsewhere)
    for error in sorted(_validator(schema).iter_errors(document.data), key=lambda error: "x-needed" not in error.schema):
        _shape(error, report)


def _keys(value: Any, schema: Schema, root: str, path: Path, report: Report, elsewhere: Mapping[str, str]) -> None:
    rules = _resolved(schema, root)
    if isinstance(value, list) and "items" in rules:
        for index, item in enumerate(value):
            _keys(item, rules["items"], root, (*path, index), report, elsewhere)
    properties = rules.get("properties", {})
    others = rules.get("additionalProperties")
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        at = (*path, key)
        if key in properties:
            _keys(item, properties[key], root, at, report, elsewhere)
        elif isinstance(others, dict):
            _keys(item, others, root, at, report, elsewhere)
        elif properties and isinstance(key, str) and not key.startswith("x-"):
            _unknown(at, properties, rules, others is True, report, elsewhere)


def _unknown(at: Path, properties: Mapping[str, Any], rules: Schema, free: bool, report: Report, elsewhere: Mapping[str, str]) -> None:
    key = at[-1]
    if report.has(at):
        return
    suggest = known("litellm")[rules["x-suggest"]]["enum"] if "x-suggest" in rules else properties
    meant = near(key, suggest)
    entry = len(at) == 3 and at[0] == "model_list"
    section = "litellm_params" if entry and key in known("litellm")["litellm_params_documented"]["enum"] else elsewhere.get(key, at[0])
    if (len(at) < 3 or entry) and section != at[0]:
        report.add("wrong-section", at, section=section)
    elif meant:
        report.add("misspelt-key", at, meant=meant)
    elif not free:
        report.add("unknown-key", at)


#: JSON's and YAML's names for types, as a reader knows them.
NAMES = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list", "object": "a mapping"}


def _name(value: Any) -> str:
    """What a value is, without saying the value."""
    if isinstance(value, bool):
        return "true or false"
    kinds: list[tuple[type | tuple[type, ...], str]] = [(str, "text"), (int, "a whole number"), (float, "a number"), (list, "a list"), (dict, "a mapping")]
    return next((name for kind, name in kinds if isinstance(value, kind)), "nothing" if value is None else "a date")


def _shape(error: jsonschema.ValidationError, report: Report) -> None:
    """One finding for what a schema does not allow. Values are not part of it; keys, types and choices are."""
    path, wanted, schema = tuple(error.absolute_path), error.validator_value, error.schema
    if error.validator == "required":
        for key in wanted:
            if key not in error.instance:
                report.add("missing-key", (*path, key), line=report.line(path))
    elif error.validator in ("type", "pattern"):
        allowed = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", ["string"])
        kinds = [kind for kind in allowed if kind != "null" and not (kind == "string" and "pattern" in schema)] or ["string"]
        if report.has(path):
            return
        if error.instance is None:
            report.add("empty-key", path, severity="error" if "x-needed" in schema else None)
        else:
            hint = _hint(error.instance, kinds, report.kind.language)
            report.add("wrong-type", path, wanted=" or ".join(NAMES[kind] for kind in kinds), found=_name(error.instance), hint=hint)
    elif error.validator == "enum" and not str(error.instance).startswith(REFERENCE):
        choices = [str(choice) for choice in wanted if choice is not None]
        meant = near(str(error.instance), choices) if isinstance(error.instance, str) else None
        listed = ", ".join(choices) if len(choices) <= 12 else f"{', '.join(choices[:12])} ..."
        report.add("unknown-value", path, hint=f"write {meant}; the choices are {listed}" if meant else f"write one of {listed}")
    elif error.validator in ("minItems", "minLength", "minProperties") and not report.has(path):
        report.add("empty-list" if error.validator == "minItems" else "empty-key", path, severity="error")
    elif error.validator != "enum" and not report.has(path):
        report.add("wrong-type", path, wanted="another shape", found=_name(error.instance), hint="compare it with the documentation")


def _hint(value: Any, kinds: list[str], language: str) -> str:
    """What to write instead of a value of a wrong type."""
    if isinstance(value, str) and re.fullmatch(r"\s*(-?\d+(\.\d+)?|true|false)\s*", value, re.IGNORECASE) and {"integer", "number", "boolean"} & set(kinds):
        return "write it without quotation marks"
    if "array" in kinds and not isinstance(value, dict):
        return "write it as a list, " + ("with - before each item" if language == "yaml" else "in square brackets")
    if kinds == ["string"] and not isinstance(value, (dict, list)):
        return "put it in quotation marks"
    return f"write {NAMES[kinds[0]]}"
