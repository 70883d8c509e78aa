"""The workflow does what ``make`` does, with nothing that was not read before it was pinned."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from macros.ledger import Book
from tests.lab.programs import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
#: A step that uses an action: the action, the commit, and the tag it is said to have.
USES = re.compile(r"^\s*(?:- )?uses: ([\w.-]+/[\w.-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$")

#: Debian 12, by a digest of the official image that several public repositories pin; the registry itself could not be asked from here.
IMAGE = "debian:12@sha256:8a8cd02c5912770b4980228a54d4aff9e4f986f1eb2525d2d371dec5232cefcc"
#: What a bare Debian needs first: what the README names, and authorities.
BARE = "apt-get update && apt-get install -y --no-install-recommends git make python3-venv ca-certificates"

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    """By the schema that check-jsonschema brings along; nothing is fetched."""
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--no-cache", "--builtin-schema", "vendor.github-workflows", str(path)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]


@each_workflow
def test_the_schema_accepts_it(path: Path) -> None:
    done = validate(path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "old, new",
    [("runs-on: ubuntu-24.04", "run-on: ubuntu-24.04"), ("  contents: read", "  contents: everything"), ("      - run: make check", "      - make: check")],
    ids=["a key that does not exist", "a permission that does not exist", "a step that does nothing"],
)
def test_the_schema_rejects_a_broken_copy(old: str, new: str, tmp_path: Path) -> None:
    text = (ROOT / ".github" / "workflows" / "docs.yml").read_text()
    assert old in text
    (tmp_path / "docs.yml").write_text(text.replace(old, new, 1))
    done = validate(tmp_path / "docs.yml")
    assert done.returncode == 1 and "Schema validation errors were encountered" in done.stdout, done.stdout + done.stderr


@each_workflow
def test_run_steps_are_make_targets(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [step["run"] for step in steps(path) if "run" in step and step["run"] != BARE]
    assert commands, "a workflow that runs nothing"
    for command in commands:
        words = command.split()
        assert len(words) == 2 and words[0] == "make" and words[1] in targets, f"{path.name}: {command!r}: write make and one of {', '.join(sorted(targets))}"
    assert not [step for step in steps(path) if {"shell", "working-directory"} & set(step)], "the way make is called is part of the command"


def liberties(text: str) -> list[str]:
    """What a workflow may do beyond reading, how long it may take, and what it runs that nobody read."""
    data = yaml.safe_load(text)
    found = [] if data.get("permissions") == {"contents": "read"} else ["permissions stand once, at the top: contents: read"]
    for name, job in data["jobs"].items():
        if "permissions" in job:
            found.append(f"{name}: permissions stand once, at the top")
        if job.get("timeout-minutes", 360) > 60:
            found.append(f"{name}: it ends after 60 minutes at most")
        if "services" in job or set(container := job.get("container", {})) - {"image", "options"}:
            found.append(f"{name}: no services, and of a container its image and options")
        if container and container.get("image") != IMAGE:
            found.append(f"{name}: pin the image by a digest that was read")
        if container and job["steps"][0] != {"run": BARE}:
            found.append(f"{name}: a bare Debian needs git, make, python3-venv and authorities first")
    return found + (["no secret is needed"] if "secrets." in text else [])


@each_workflow
def test_it_may_only_read(path: Path) -> None:
    assert liberties(path.read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  contents: read", "  contents: write", "at the top: contents: read"),
        ("  test:\n", "  test:\n    permissions: write-all\n", "test: permissions stand once"),
        ("    timeout-minutes: 60\n", "    timeout-minutes: 61\n", "test: it ends after 60 minutes"),
        ("    timeout-minutes: 60\n", "", "test: it ends after 60 minutes"),
        ("    timeout-minutes: 60\n", "    services: {redis: {image: redis}}\n    timeout-minutes: 60\n", "test: no services"),
        ("      options: --privileged\n", "      options: --privileged\n      volumes: [/:/host]\n", "test: no services"),
        (IMAGE, "debian:12", "test: pin the image"),
        (IMAGE, IMAGE[:-1] + "d", "test: pin the image"),
        (f"      - run: {BARE}\n", "", "test: a bare Debian needs"),
        ("      - run: make test\n", "      - run: make test\n        env: {KEY: '${{ secrets.KEY }}'}\n", "no secret is needed"),
    ],
    ids=[
        "may write",
        "a job may write",
        "takes longer",
        "takes for ever",
        "services",
        "the host's files",
        "no digest",
        "another digest",
        "nothing first",
        "a secret",
    ],
)
def test_a_liberty_is_noticed(old: str, new: str, said: str) -> None:
    text = (ROOT / ".github" / "workflows" / "docs.yml").read_text()
    assert old in text
    (found,) = liberties(text.replace(old, new, 1))
    assert said in found


@each_workflow
def test_actions_are_pinned_to_commits_that_were_read(path: Path, book: Book) -> None:
    known = book.fact("actions")
    lines = [line for line in path.read_text().splitlines() if "uses:" in line]
    used = {step["uses"] for step in steps(path) if "uses" in step}
    assert {f"{match.group(1)}@{match.group(2)}" for match in map(USES.match, lines) if match} == used, "write: uses: owner/action@commit # vX.Y.Z"
    for line in lines:
        match = USES.match(line)
        assert match, f"{path.name}: {line.strip()}: pin the commit, and write the tag behind it"
        action, commit, tag = match.groups()
        assert action in known, f"{action}: read its tag's commit, then add it to snippets/facts/actions.yaml"
        assert (commit, tag) == (known[action]["commit"], known[action]["tag"]), f"{action}: not what snippets/facts/actions.yaml says"


def test_every_recorded_action_is_used(book: Book) -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    for action, fact in book.fact("actions").items():
        assert f"uses: {action}@{fact['commit']} # {fact['tag']}" in text, f"snippets/facts/actions.yaml: {action} is not used; remove it"
        assert fact["source"] == f"https://github.com/{action}/tree/{fact['tag']}"
        assert fact["commit_source"] == f"https://github.com/{action}/commit/{fact['commit']}"
