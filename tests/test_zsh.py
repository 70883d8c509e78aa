"""Pages say bash or zsh, and macOS starts zsh: what they have a reader paste works there, too."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from macros import render
from macros.ledger import Book
from tests.conftest import rendered_rows
from tests.lab.litellm_fork import Forker
from tests.lab.replay import Replay

ZSH = "/bin/zsh"
#: The pages whose blocks run in zsh with each change; all do with HANDBOOK_ALL_VARIANTS=1.
COVER = ["patterns/local-gateway/"]

HERE_DOCUMENT = re.compile(r"<<-?\s*(['\"]?)(\w+)\1([^\n]*)\n(?:.*?\n)??\s*\2(?=\n|$)", re.DOTALL)
QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)


#: The names that mean something to zsh and nothing to bash: path is a list of its own, and status cannot be set.
NAMES = set(
    """
    aliases argv builtins cdpath commands dirstack dis_aliases dis_builtins dis_functions dis_functions_source dis_galiases dis_patchars
    dis_reswords dis_saliases fignore fpath funcfiletrace funcsourcetrace funcstack functions functions_source functrace galiases histchars
    history historywords jobdirs jobstates jobtexts mailpath manpath module_path modules nameddirs options parameters patchars path
    pipestatus prompt psvar reswords saliases status userdirs usergroups zsh_eval_context
    """.split()
)


def otherwise_in_zsh(text: str) -> Iterator[str]:
    """What zsh takes otherwise than bash when somebody pastes the text. A replay shows only the names: it reads the text from a file."""
    unread = HERE_DOCUMENT.sub(r" \3", text)
    bare, either = QUOTED.sub("Q", unread), "|".join(sorted(NAMES))
    for comment in re.findall(r"(?:^|\s)(#.*)", bare):
        yield f"{comment}: no comment at zsh's prompt"
    set_in = rf"(?:^|[\s;({{])({either})\+?=", rf"\b(?:for|local|export|read)\b[ \w-]*?[ ]({either})\b"
    for name in sorted({name for pattern in set_in for name in re.findall(pattern, bare)}):
        yield f"{name}: a name to which zsh gives a meaning"
    for word in re.findall(r"(?<!\$)![^\s=(\[]\S*", re.sub(r"'[^']*'", "Q", unread)):
        yield f"{word}: looked for in the history, by bash too"


def test_nothing_that_is_pasted_means_something_else_in_zsh(book: Book) -> None:
    ids = {item["id"] for item in rendered_rows() if item["language"] == "bash" and item["delivery"] == "block"}
    assert len(ids) > 200
    assert [f"{name}: {problem}" for name in sorted(ids) for problem in otherwise_in_zsh(render.text(book, book.block(name)))] == []


PLANTED = {
    "sleep 1 # a moment": "# a moment: no comment",
    "# first": "# first: no comment",
    "echo \"#1\" '# 2' a#3\ncat << EOF\n# 4\nEOF": "",
    "status=$?": "status: a name",
    "export path=/opt": "path: a name",
    "for path in a b; do\n  ls\ndone": "path: a name",
    "printf 'Name: '; read -r prompt": "prompt: a name",
    "f --path=/opt; my_path=1": "",
    'echo "Done!now"': '!now": looked for',
    "if ! test -e '!x'; then kill $!; fi": "",
}


@pytest.mark.parametrize(("text", "said"), PLANTED.items())
def test_what_zsh_takes_otherwise_is_noticed(text: str, said: str) -> None:
    found = list(otherwise_in_zsh(text))
    assert said in "".join(found) and len(found) == bool(said)


@pytest.mark.lab
def test_the_names_are_zshs() -> None:
    words = ["zsh", "-fc", "zmodload zsh/parameter; print -l ${(k)parameters[(R)*special*]}"]
    assert {name for name in subprocess.run(words, capture_output=True, text=True, check=True).stdout.split() if name.islower()} == NAMES


def pages() -> list[str]:
    every = {item["page"]: None for item in rendered_rows() if item["language"] == "bash" and item["check"] == "run"}
    return list(every) if os.environ.get("HANDBOOK_ALL_VARIANTS") == "1" else COVER


@pytest.mark.lab
@pytest.mark.parametrize("page", pages())
def test_a_page_in_zsh(book: Book, site: Path, forker: Forker, page: str) -> None:
    tried: list[str] = []

    def only_bash_can(replay: Replay) -> None:
        tried.append(replay.terminal("another").run("(status=1)").output)

    rows = Replay(book, site, page, forker=forker, tamper=only_bash_can, shell=ZSH).run()
    assert [f"{row.block.id}: {row.outcome}, {row.message}" for row in rows if row.outcome not in {"passed", "not run", "not here"}] == []
    assert "read-only variable: status" in tried[0]
