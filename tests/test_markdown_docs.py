"""pytest-markdown-docs: it finds every Python block, each once, and runs those of our own Markdown files.

The Python blocks of pages run where everything of a page runs, in its replay
(``tests/lab/replay.py``); here they are only collected.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from macros import render
from macros.ledger import Book
from tests.lab.programs import ROOT

OWN = [ROOT / "README.md", ROOT / ".github" / "CONTRIBUTING.md"]
RENDERED = ROOT / "reports" / "rendered"
BASE = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, "--markdown-docs", "--markdown-docs-syntax=superfences"]


def plugin(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BASE, "--rootdir", str(folder), *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
        env={"PATH": os.defpath, "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
    )  # fmt: skip


def collected(folder: Path, *files: Path) -> list[tuple[Path, str]]:
    """(file, text) of every Python block the plugin finds, without running any."""
    done = plugin(folder, "--collect-only", "-q", *map(str, files))
    assert done.returncode in {0, 5}, done.stdout + done.stderr  # 5: there is none
    found = []
    for name, line in re.findall(r"^(\S+\.md)::.*\[line:(\d+)\]$", done.stdout, re.MULTILINE):
        lines = (folder / name).read_text("utf-8").split("\n")
        fence = re.match(r"\s*(`{3,}|~{3,})", lines[int(line) - 1])
        assert fence, f"{name}:{line}: no fence, says the plugin, stands here"
        end = next(at for at in range(int(line), len(lines)) if lines[at].strip() == fence.group(1))
        found.append((folder / name, "\n".join(lines[int(line) : end])))
    return found


def python_fences(path: Path) -> list[str]:
    """The Python fences of a Markdown file, by a parser of its own."""
    fences = [token for token in MarkdownIt().parse(path.read_text("utf-8")) if token.type == "fence"]
    return [fence.content.rstrip("\n") for fence in fences if fence.info.split()[:1] in (["python"], ["py"])]


def test_every_python_block_of_the_pages_is_found_once(site: Path, book: Book) -> None:
    rows = json.loads((site / "evidence" / "blocks.json").read_text())
    wanted = []
    for row in rows:
        if row["language"] == "python":
            page = RENDERED / f"{row['page'].rstrip('/') or 'index'}.md"
            wanted.append((page if page.exists() else page.with_suffix("") / "index.md", render.text(book, book.block(row["id"]))))
    assert wanted, "the handbook has Python blocks"
    pages = sorted(RENDERED.rglob("*.md"))
    assert len(pages) == len(list(site.rglob("index.html"))), "one rendered Markdown file a page; run: make site"
    assert sorted(collected(RENDERED, *pages)) == sorted(wanted), "keep Python blocks out of tabs, lists and admonitions; there the plugin does not see them"


def test_a_python_block_in_a_tab_would_be_missed(tmp_path: Path) -> None:
    """Why the test above is needed."""
    (tmp_path / "a.md").write_text('=== "Python"\n\n    ```python\n    print(1)\n    ```\n\n``` {.python title="x"}\nprint(2)\n```\n')
    assert [text for _, text in collected(tmp_path, tmp_path / "a.md")] == ["print(2)"]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_the_python_blocks_of_our_own_files_run(path: Path) -> None:
    wanted = python_fences(path)
    assert [text for _, text in collected(ROOT, path)] == wanted
    if wanted:
        done = plugin(ROOT, "-q", str(path))
        assert done.returncode == 0 and f"{len(wanted)} passed" in done.stdout, done.stdout


@pytest.mark.long
def test_a_python_block_that_fails_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("# A\n\n```python\nassert 1 + 1 == 2\n```\n\n```python\nassert 1 + 1 == 3\n```\n")
    assert [text for _, text in collected(tmp_path, path)] == python_fences(path)
    done = plugin(tmp_path, "-q", str(path))
    assert done.returncode == 1 and "1 failed, 1 passed" in done.stdout, done.stdout
