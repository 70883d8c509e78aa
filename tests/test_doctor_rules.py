"""The doctor's rules and tables are those of schemas/, and its file keeps to what Python 3.9 has."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from macros import doctor as made
from schemas import rules
from schemas.rules.report import rules as rule_texts
from schemas.rules.source import read
from tests.doctor import doctor
from tests.schemas import ENV, files, text

FOLDERS = [f"{program}/{kind}" for program in ("settings", "litellm") for kind in ("invalid", "noticed", "valid")]


@pytest.fixture(autouse=True)
def _yaml() -> None:
    """As --gateway-config loads it."""
    import yaml

    doctor.yaml = yaml


def told(found: list[Any]) -> list[tuple[Any, ...]]:
    return [(one.severity, one.rule, one.path, one.line, one.message) for one in found]


def test_the_file_is_what_the_generator_makes() -> None:
    assert made.DOCTOR.read_text("utf-8") == made.text(), "schemas/ or facts changed; run: python -m macros.doctor"


def test_an_edit_below_the_mark_does_not_stay() -> None:
    content = made.DOCTOR.read_text("utf-8")
    assert content.count(made.MARK) == 1
    copied = content.partition(made.MARK)[2]
    assert "def settings_check" in copied and "def litellm_check" in copied and "RULES = " in copied


def test_packing_loses_nothing() -> None:
    for name in ("known/litellm.json", "known/claude-code.json", "litellm-config.schema.json", "claude-settings.schema.json"):
        assert doctor.SCHEMAS[name] == read(name)
    assert set(doctor.RULES) == set(rule_texts())


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_example_is_judged_alike(folder: str) -> None:
    """All that tests/schemas/ holds, in every scope."""
    compared = 0
    for name, path in files(folder).items():
        kinds = ["litellm"] if folder.startswith("litellm") else ["user-settings", "project-settings", "local-settings", "managed-settings", "settings"]
        for kind in kinds:
            for env in (None, ENV) if kind == "litellm" else (None,):
                assert told(doctor.check_file(text(path), kind, name, env)[0]) == told(rules.check(text(path), kind, name, env)), f"{folder}/{name} as {kind}"
                compared += 1
    assert compared >= 10


@pytest.mark.parametrize("program", ["settings", "litellm"])
def test_changed_examples_are_judged_alike(program: str) -> None:
    """One line left out, doubled, or its value replaced by another kind of value."""
    chance = random.Random(5)
    kind = "litellm" if program == "litellm" else "user-settings"
    for part in ("invalid", "noticed", "valid"):
        for name, path in files(f"{program}/{part}").items():
            lines = text(path).split("\n")
            for _ in range(6):
                at = chance.randrange(len(lines))
                head, colon, _value = lines[at].partition(":")
                other = chance.choice(["1", "true", "[]", "{}", "null", '"x"', "1.0", '"os.environ/NO"', "-"])
                changed = [[], [lines[at], lines[at]], [f"{head}{colon} {other}" + ("," if program == "settings" else "")]][chance.randrange(3)]
                content = "\n".join([*lines[:at], *changed, *lines[at + 1 :]])
                assert told(doctor.check_file(content, kind, name)[0]) == told(rules.check(content, kind, name)), f"{name}:{at + 1}: {changed}"


def test_schema_words_are_those_the_doctor_knows() -> None:
    """A keyword that its validator does not read would be passed over in silence."""
    known = {"$ref", "properties", "items", "additionalProperties", "type", "enum", "pattern", "required", *doctor.Validator.LEAST}
    free = {"$schema", "$defs", "title", "description", "default", "x-kind", "x-needed", "x-suggest"}

    def keywords(schema: Any) -> set[str]:
        found = set(schema) if isinstance(schema, dict) else set()
        for key in ("properties", "$defs"):
            for item in schema.get(key, {}).values() if isinstance(schema, dict) else []:
                found |= keywords(item)
        for key in ("items", "additionalProperties"):
            found |= keywords(schema.get(key)) if isinstance(schema, dict) else set()
        return found

    for name in doctor.SCHEMAS:
        assert keywords(json.loads(json.dumps(doctor.SCHEMAS[name]))) <= known | free, name
