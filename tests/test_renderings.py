"""One definition of a configuration: every rendering of it says the same.

Each rendering is read back by a program that is not ours, or by a parser of
its language: bash runs it, tree-sitter parses PowerShell, json loads the rest.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from macros import renderings
from macros.ledger import Book, BookError, read_yaml, validate
from tests.conftest import the_book
from tests.lab import powershell
from tests.lab.programs import ROOT

SCHEMA = ROOT / "schemas" / "client-config.schema.json"
KEY = "sk-lab-not-a-real-key"
#: Definitions beside those of the handbook, so that a rendering cannot be right by chance.
MORE: list[dict[str, Any]] = [
    {
        "env": {"ANTHROPIC_BASE_URL": "https://gateway.example.com/team-a", "ANTHROPIC_MODEL": "claude-sonnet-5-5[1m]", "CLAUDE_CODE_MAX_RETRIES": "0"},
        "credential": {"variable": "ANTHROPIC_API_KEY", "file": "~/.config/gateway/key"},
        "unset": ["ANTHROPIC_AUTH_TOKEN"],
    },
    {
        "env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000"},
        "credential": {"variable": "ANTHROPIC_AUTH_TOKEN", "file": "~/key"},
        "unset": [],
    },
    {
        "env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000", "ANTHROPIC_CUSTOM_HEADERS": "x-team: one"},
        "credential": {"variable": "ANTHROPIC_AUTH_TOKEN", "file": "~/key"},
        "unset": [],
    },
    {
        "env": {"ANTHROPIC_BASE_URL": "http://[::1]:4000/a?b=c&d=e;f|g<h>(i){j}*k~l#n"},
        "credential": {"variable": "ANTHROPIC_AUTH_TOKEN", "file": "~/a-b/c_d.e"},
        "unset": ["ANTHROPIC_API_KEY", "ANTHROPIC_CUSTOM_HEADERS"],
    },
]


def definitions() -> list[Any]:
    """Every definition that the handbook renders, and those above."""
    listed = {block.path for block in the_book().blocks.values() if block.rendering in renderings.CLIENT}
    found = [pytest.param(read_yaml(path), id=str(path.relative_to(ROOT / "snippets"))) for path in sorted(listed)]
    assert found, "no ledger renders a definition"
    return found + [pytest.param(definition, id=f"example {number}") for number, definition in enumerate(MORE, start=1)]


def render(name: str, definition: dict[str, Any]) -> str:
    return renderings.CLIENT[name][0](definition)


every_definition = pytest.mark.parametrize("definition", definitions())


@every_definition
def test_a_definition_is_allowed(definition: dict[str, Any]) -> None:
    validate(definition, SCHEMA, SCHEMA)


def environment_after(text: str, home: Path, before: dict[str, str]) -> dict[str, str]:
    """The environment of bash after a block, in an empty one but for ``before``."""
    done = subprocess.run(
        ["/usr/bin/env", "-i", f"HOME={home}", f"PATH={os.defpath}", *(f"{name}={value}" for name, value in before.items()),
         "bash", "--noprofile", "--norc", "-euc", text + "\nexec env -0"],
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    found = dict(item.split("=", 1) for item in done.stdout.split("\0") if item)
    return {name: value for name, value in found.items() if name not in {"HOME", "PATH", "PWD", "SHLVL", "_", "OLDPWD"}}


@every_definition
def test_bash_sets_the_same(definition: dict[str, Any], tmp_path: Path) -> None:
    """bash itself runs the block; variables to be unset are set before."""
    credential = definition["credential"]
    file = tmp_path / credential["file"].removeprefix("~/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(KEY + "\n")
    found = environment_after(render("bash", definition), tmp_path, {name: "from before" for name in definition["unset"]})
    assert found == {**definition["env"], credential["variable"]: KEY}


@every_definition
def test_powershell_sets_the_same(definition: dict[str, Any]) -> None:
    assert powershell.configuration(render("powershell", definition)) == renderings.on_windows(definition)


@every_definition
def test_powershell_asks_for_a_proxys_login(definition: dict[str, Any]) -> None:
    if "HTTPS_PROXY" not in definition["env"]:
        return
    text = renderings.powershell_login(definition)
    assert powershell.configuration(text) == {**renderings.on_windows(definition), "login": True}
    for number in range(len(powershell.LOGIN)):  # one step less, and it is not understood
        lines = text.splitlines()
        start = next(place for place, line in enumerate(lines) if line.startswith("$user"))
        del lines[start + number]
        with pytest.raises(powershell.PowerShellError):
            powershell.configuration("\n".join(lines) + "\n")


@every_definition
@pytest.mark.parametrize("name", ["user-settings", "managed-settings"])
def test_settings_set_the_same(name: str, definition: dict[str, Any]) -> None:
    """A settings file cannot unset a variable; an empty value takes its place."""
    assert json.loads(render(name, definition)) == {
        "$schema": "https://json.schemastore.org/claude-code-settings.json",
        "env": {**definition["env"], **{variable: "" for variable in definition["unset"]}},
        "apiKeyHelper": f"cat {definition['credential']['file']}",
    }


@every_definition
def test_project_settings_set_the_same_but_hold_no_credential(definition: dict[str, Any]) -> None:
    """The file is committed: neither a key, nor where it is, nor a command that prints it."""
    text = render("project-settings", definition)
    assert json.loads(text) == {
        "$schema": "https://json.schemastore.org/claude-code-settings.json",
        "env": {**definition["env"], **{variable: "" for variable in definition["unset"]}},
    }
    assert definition["credential"]["file"] not in text and definition["credential"]["variable"] not in text


@every_definition
def test_the_readers_command_for_the_credential_runs(definition: dict[str, Any], tmp_path: Path) -> None:
    """``apiKeyHelper`` is a command: sh prints the credential and nothing else with it."""
    file = tmp_path / definition["credential"]["file"].removeprefix("~/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(KEY + "\n")
    command = json.loads(render("user-settings", definition))["apiKeyHelper"]
    done = subprocess.run(["sh", "-c", command], env={"HOME": str(tmp_path), "PATH": os.defpath}, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, KEY + "\n", "")


@pytest.mark.parametrize("name", renderings.CLIENT)
def test_another_definition_is_rendered_otherwise(name: str) -> None:
    """No rendering ignores its definition."""
    first = MORE[0]
    texts = {
        render(name, first),
        render(name, {**first, "env": {**first["env"], "ANTHROPIC_BASE_URL": "https://other.example.com"}}),
        render(name, {**first, "env": {**first["env"], "ANTHROPIC_MODEL": "opus"}}),
        render(name, {**first, "unset": []}),
    }
    assert len(texts) == 4


def test_every_rendering_is_shown(book: Book) -> None:
    """One definition at least stands on a page in all five forms; those of a pattern together for bash and PowerShell at least."""
    offered: dict[Path, set[str]] = {}
    for block in book.blocks.values():
        if block.rendering in renderings.CLIENT:
            offered.setdefault(block.path, set()).add(str(block.rendering))
    assert set(renderings.CLIENT) in offered.values()
    for folder in {path.parent for path in offered if path.parent.parent.name == "patterns"}:
        names = set().union(*(names for path, names in offered.items() if path.parent == folder))
        assert {"bash", "powershell"} <= names, f"{folder.relative_to(ROOT)}: rendered as {', '.join(names)} only; add what is missing to its ledger"


def test_the_command_that_saves_a_file_writes_it(tmp_path: Path) -> None:
    text = "a: $HOME `id` \\n 'b' \"c\"\n\n  EOF\n#!\n"
    done = subprocess.run(["bash", "--noprofile", "--norc", "-euc", renderings.save(text, "x.yaml")], cwd=tmp_path, env={"PATH": os.defpath}, timeout=20)
    assert done.returncode == 0 and (tmp_path / "x.yaml").read_text() == text


# What must never be rendered -------------------------------------------------------
def changed(path: str, value: Any) -> dict[str, Any]:
    """The second example with one value changed; ``path`` is ``part.key`` or ``part``."""
    definition = json.loads(json.dumps(MORE[1]))
    part, _, key = path.partition(".")
    if key:
        definition[part][key] = value
    else:
        definition[part] = value
    return definition


HOSTILE = ["!", '"', "'", " ", "$(id)", "$HOME", "`id`", "\n", "\r", "\t", "\\", "\0", "\x7f", "\u2028"]


@pytest.mark.parametrize("part", HOSTILE, ids=[ascii(part) for part in HOSTILE])
@pytest.mark.parametrize("path", ["env.ANTHROPIC_BASE_URL", "env.ANTHROPIC_MODEL", "credential.file"])
def test_a_value_that_a_shell_would_read_otherwise_is_refused(path: str, part: str) -> None:
    harmless = {"env.ANTHROPIC_BASE_URL": "http://127.0.0.1:4000/a", "env.ANTHROPIC_MODEL": "opus", "credential.file": "~/key"}[path]
    validate(changed(path, harmless), SCHEMA, SCHEMA)
    for value in (f"{harmless}{part}", f"{harmless}{part}b"):
        with pytest.raises(BookError):
            validate(changed(path, value), SCHEMA, SCHEMA)


@pytest.mark.parametrize(
    "path, value",
    [
        ("env.ANTHROPIC_BASE_URL", "http://127.0.0.1:4000/v1"), ("env.ANTHROPIC_BASE_URL", "http://127.0.0.1:4000/v1/"),
        ("env.ANTHROPIC_BASE_URL", "127.0.0.1:4000"), ("env.ANTHROPIC_BASE_URL", 4000), ("env", {}),
        ("env.PATH", "/tmp"), ("env.ANTHROPIC_X;id", "1"), ("env.anthropic_model", "opus"), ("env.ANTHROPIC_MODEL", ""),
        ("credential.variable", "PATH"), ("credential.file", "/etc/key"), ("credential.file", "~/a;id"), ("credential.key", "sk-x"), ("credential", {}),
        ("unset", ["PATH"]), ("unset", ["ANTHROPIC_API_KEY;id"]), ("unset", ["ANTHROPIC_API_KEY"] * 2), ("unset", ["ANTHROPIC_API_KEY\n"]), ("more", 1),
        ("env.ANTHROPIC_MODEL\n", "opus"), ("env.ANTHROPIC_AUTH_TOKEN", "sk-in-the-open"), ("env.ANTHROPIC_API_KEY", "sk-in-the-open"),
        ("env.ANTHROPIC_CUSTOM_HEADERS", "x-team one"), ("env.ANTHROPIC_CUSTOM_HEADERS", "x-team: $HOME"), ("env.ANTHROPIC_CUSTOM_HEADERS", "x-team: one two"),
    ],
)  # fmt: skip
def test_a_definition_that_is_wrong_is_refused(path: str, value: Any) -> None:
    with pytest.raises(BookError, match=re.escape("see schemas/client-config.schema.json")):
        validate(changed(path, value), SCHEMA, SCHEMA)


@pytest.mark.parametrize(
    "text, problem",
    [
        ('$env:ANTHROPIC_BASE_URL = "http://127.0.0.1:4000\n', "line 1: not PowerShell"),
        ('$url = "http://127.0.0.1:4000"\n', "line 1: assigns something that is no environment variable"),
        ('$env:ANTHROPIC_BASE_URL = "http://$x"\n', "line 1: a value that is neither"),
        ("$env:ANTHROPIC_BASE_URL = 'x'\nexport A=1\n", "line 1: a value that is neither"),
        ('$env:ANTHROPIC_BASE_URL = "http://127.0.0.1:4000"\nexport ANTHROPIC_MODEL=opus\n', "line 2: neither sets nor removes"),
    ],
)
def test_powershell_that_says_something_else_is_refused(text: str, problem: str) -> None:
    with pytest.raises(powershell.PowerShellError, match=f"^{re.escape(problem)}"):
        powershell.configuration(text)


def test_the_handbooks_counterexamples_are_refused(book: Book) -> None:
    rules = json.loads(SCHEMA.read_text())
    listed = [path for block in book.blocks.values() for path in block.data.get("counterexamples", [])]
    assert listed
    for path in listed:
        with pytest.raises((powershell.PowerShellError, jsonschema.ValidationError)):
            jsonschema.Draft202012Validator(rules).validate(powershell.configuration((book.snippets / path).read_text()))
