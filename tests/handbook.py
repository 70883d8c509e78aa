"""A small handbook, one mistake in it, and the real build that must stop.

The handbook has one page, three blocks and two facts of its own; macros,
schemas, the other facts and settings are the real ones.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import re
import select
import shutil
import subprocess
import tempfile
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
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("requirements.*"))
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


PYTHON = str(VENV / "site" / "bin" / "python")
MKDOCS = ["mkdocs", "build", "--quiet", "-f", "one-page.yml"]
ENV = {"PATH": os.defpath, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
#: Seconds that a build may take.
LIMIT = 60


def build(root: Path) -> subprocess.CompletedProcess[str]:
    """Build as ``make site`` does."""
    return subprocess.run(
        [PYTHON, "-m", *MKDOCS], cwd=root, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LIMIT
    )


#: The same command line in a fork of a process that has built once; told a folder, it says the status, and writes what was said beside.
WARM = f"""
import os, runpy, sys
sys.argv = {MKDOCS!r}
for number, line in enumerate(sys.stdin):
    pid = os.fork() if number else 0
    if not pid:
        os.chdir(line.rstrip("\\n"))
        try:
            if number:
                out = os.open("said.txt", os.O_WRONLY | os.O_CREAT)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0), os.dup2(out, 1), os.dup2(out, 2)
            runpy.run_module("mkdocs", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            if number or end.code:
                raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "macros"]:
            del sys.modules[name]
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid else 0, flush=True)
"""


@functools.cache
def _warm() -> subprocess.Popen[str]:
    """The process that forks. It ends with this one, which holds its input, also where this one is killed."""
    process = subprocess.Popen([PYTHON, "-c", WARM], env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    atexit.register(process.communicate)
    with tempfile.TemporaryDirectory() as folder:
        assert _asked(process, write_handbook(Path(folder))) == 0, "the unchanged handbook does not build"
    return process


def _asked(process: subprocess.Popen[str], root: Path) -> int:
    assert process.stdin and process.stdout
    process.stdin.write(f"{root}\n")
    if not select.select([process.stdout], [], [], LIMIT)[0]:
        raise TimeoutError(f"the build in {root} did not end within {LIMIT} s")
    return int(process.stdout.readline())


def build_warm(root: Path) -> subprocess.CompletedProcess[str]:
    """The same in half the time: what the build imports is there already."""
    status = _asked(_warm(), root)
    return subprocess.CompletedProcess(MKDOCS, status, (root / "said.txt").read_text("utf-8"))


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


def assert_stops(mistake: Mistake, root: Path, build: Callable[[Path], subprocess.CompletedProcess[str]] = build) -> None:
    """Make the mistake in a new handbook: the build ends with one message, which says all three."""
    mistake.change(write_handbook(root))
    done = build(root)
    message = ONE_MESSAGE.fullmatch(done.stdout)
    assert done.returncode != 0 and message, f"exit status {done.returncode}, and not one message but:\n{done.stdout}"
    text = message.group(1)
    assert text.startswith(f"{mistake.where}: "), text
    assert mistake.what in text and mistake.remedy in text.partition(mistake.what)[2], text
