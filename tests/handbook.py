"""A small handbook, one mistake in it, and the real build that must stop.

The handbook has one page, three blocks and two facts of its own; macros,
schemas, the other facts and settings are the real ones.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.programs import ROOT, VENV

#: What MkDocs prints around a message.
ONE_MESSAGE = re.compile(r"(?:ERROR   -  Error (?:read|build)ing page '[^']+':\n)?(?:ERROR   -  )?(.+)\n(?:\nAborted with a BuildError!\n)?\n?")
TEXT = "Text that no program reads.\n"
LEDGER = f"""\
blocks:
  hello.sh:
    check: run
    terminal: client
    observed:
      - what: It prints one word, which is hello.
        prints: hello
  hello.out:
    check: output
    of: demo/hello.sh
  note.txt:
    check: illustrative
    reason: No program reads this text, it is here to be looked at.
    sha256: {hashlib.sha256(TEXT.encode()).hexdigest()}
    reviewed: "2026-11-21"
"""
NOTE = '{{ snippet("demo/note.txt") }}'
PAGE = """\
---
title: Demo
---

# Demo

Prose with `a word` in it.

{{ snippet("demo/hello.sh") }}

{{ snippet("demo/hello.out") }}

{{ snippet("demo/note.txt") }}
"""
CONFIG = "INHERIT: mkdocs.yml\nnav: [{Home: index.md}]\n"


def write_handbook(root: Path) -> Path:
    """Write the handbook; returns its folder."""
    for name in ("macros", "schemas", "snippets/facts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "requirements.*"))
    shutil.copy(ROOT / "mkdocs.yml", root)
    (root / "one-page.yml").write_text(CONFIG)
    for path, text in {
        "docs/index.md": PAGE,
        "schemas/facts/demo.schema.json": '{"type": "object", "properties": {"port": {"type": "integer"}}}\n',
        "snippets/facts/demo.yaml": "# Facts of the demo\nport: 4000\nhint: Set ANTHROPIC_BASE_URL.\n",
        "snippets/demo/ledger.yaml": LEDGER,
        "snippets/demo/hello.sh": "echo hello\n",
        "snippets/demo/hello.out": "hello\n",
        "snippets/demo/note.txt": TEXT,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def build(root: Path) -> subprocess.CompletedProcess[str]:
    """Build as ``make site`` does."""
    return subprocess.run(
        [str(VENV / "site" / "bin" / "python"), "-m", "mkdocs", "build", "--quiet", "-f", "one-page.yml"],
        cwd=root, env={"PATH": os.defpath, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip


def sha256(line: str) -> str:
    """The hash of a file of one line."""
    return hashlib.sha256(f"{line}\n".encode()).hexdigest()


Change = Callable[[Path], None]


def write(path: str, text: str) -> Change:
    """Write a file."""

    def change(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text.encode())

    return change


def remove(path: str) -> Change:
    return lambda root: (root / path).unlink()


def replace(path: str, old: str, new: str) -> Change:
    """Replace the one occurrence of a text in a file."""

    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        (root / path).write_text(text.replace(old, new))

    return change


def several(*changes: Change) -> Change:
    def change(root: Path) -> None:
        for each in changes:
            each(root)

    return change


def page(text: str) -> Change:
    """Write a text where the demo page has its prose, in line 7."""
    return replace("docs/index.md", "Prose with `a word` in it.", text)


def ledger(old: str, new: str) -> Change:
    return replace("snippets/demo/ledger.yaml", old, new)


@dataclass(frozen=True)
class Mistake:
    """A change, and what the message says, in this order: where, what, what to do."""

    change: Change
    where: str
    what: str
    remedy: str


def assert_stops(mistake: Mistake, root: Path) -> None:
    """Make the mistake in a new handbook: the build ends with one message, which says all three."""
    mistake.change(write_handbook(root))
    done = build(root)
    message = ONE_MESSAGE.fullmatch(done.stdout)
    assert done.returncode != 0 and message, f"exit status {done.returncode}, and not one message but:\n{done.stdout}"
    text = message.group(1)
    assert text.startswith(f"{mistake.where}: "), text
    assert mistake.what in text and mistake.remedy in text.partition(mistake.what)[2], text
