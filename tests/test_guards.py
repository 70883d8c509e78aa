"""Each mistake in a page stops the build: one message with file, line and remedy.

What stands in ``docs/`` is here; data, ledgers and snippets are in
``test_ledger.py``. The lab's own guards follow at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from macros import guards
from macros.ledger import load
from macros.main import define_env
from tests.handbook import Mistake, assert_stops, build, build_warm, ledger, page, write, write_handbook
from tests.lab import programs
from tests.lab.replay import Replay, Row
from tests.lab.terminal import Terminal

MISTAKES = {
    # Code that no ledger lists
    "fence": Mistake(page("```bash\nls\n```"), "docs/index.md:7", "a code fence", "put the code below snippets/"),
    "fence of tildes": Mistake(page("~~~\nls\n~~~"), "docs/index.md:7", "a code fence", "put the code below snippets/"),
    "fence in a quotation": Mistake(page("> ```\n> ls\n> ```"), "docs/index.md:7", "a code fence", "put the code below snippets/"),
    "fence in a list": Mistake(page("- ```\n  ls\n  ```"), "docs/index.md:7", "a code fence", "put the code below snippets/"),
    "indented code": Mistake(page("Type:\n\n    ls"), "docs/index.md:9", "an indented line, which becomes code", "remove the indent"),
    "indented code in a list": Mistake(page("- Type:\n\n        ls"), "docs/index.md:9", "an indented line, which becomes code", "remove the indent"),
    "indented code in a quotation": Mistake(page(">     ls"), "docs/index.md", "a code block that comes from no ledger: 'ls'", "remove the indent"),
    "raw pre": Mistake(page("<pre>ls</pre>"), "docs/index.md:7", "a <pre>", "put the code below snippets/"),
    "raw code": Mistake(page("Type <code>ls -l</code>."), "docs/index.md:7", "a <code>", "put the code below snippets/"),
    # Inline code that a reader would type
    "inline command": Mistake(page("Run `pip install litellm`."), "docs/index.md:7", "inline code that is a command (`pip install litellm`)", "name it with"),
    "inline command over two lines": Mistake(page("Run\n`pip install\nlitellm`."), "docs/index.md:8", "inline code that is a command", "name it with"),
    "inline PowerShell command": Mistake(page("Run `Get-Content x`."), "docs/index.md:7", "inline code that is a command (`Get-Content x`)", "name it with"),
    "inline assignment": Mistake(page("Set `export ANTHROPIC_MODEL=opus`."), "docs/index.md:7", "inline code that is an assignment", "name it with"),
    "inline URL": Mistake(page("Open `http://127.0.0.1:4000/ui`."), "docs/index.md:7", "inline code that is a URL with a scheme", "name it with"),
    "inline JSON": Mistake(page('Write `{"env": {}}`.'), "docs/index.md:7", "inline code that is a JSON or YAML fragment", "name it with"),
    "inline YAML": Mistake(page("Write `drop_params: true`."), "docs/index.md:7", "inline code that is a JSON or YAML fragment", "name it with"),
    # Macros
    "unknown macro": Mistake(page('{{ snipet("demo/hello.sh") }}'), "docs/index.md:7", "no macro 'snipet'", "known macros: advisories,"),
    "macro that is not closed": Mistake(page('{{ snippet("demo/hello.sh" }}'), "docs/index.md:7", "unexpected '}'", "repair the macro call"),
    "expression in braces": Mistake(page("{{ 7 * 6 }}"), "docs/index.md:7", "only macro calls may stand in braces", "known macros: advisories,"),
    "statement in braces": Mistake(page("{% set x = 1 %}"), "docs/index.md:7", "only macro calls may stand in braces", "known macros: advisories,"),
    "macro without its argument": Mistake(page("{{ fact() }}"), "docs/index.md:7", "fact: 0 arguments are too many or too few", "see macros/main.py"),
    "macro with a bare word": Mistake(page("{{ fact(site) }}"), "docs/index.md:7", "fact:", "write its arguments as quoted text"),
    "line that is not there": Mistake(
        page('{{ line("demo/hello.sh", "bye") }}'), "docs/index.md:7", "0 lines of demo/hello.sh contain 'bye'", "name exactly one"
    ),
    "no tab label": Mistake(page('{{ tabs("demo/hello.sh") }}'), "docs/index.md:7", "demo/hello.sh: no tab label", "add 'tab:'"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", MISTAKES)
def test_stops_the_build(name: str, tmp_path: Path) -> None:
    assert_stops(MISTAKES[name], tmp_path, build if name == next(iter(MISTAKES)) else build_warm)


@pytest.mark.long
def test_the_unchanged_handbook_builds(tmp_path: Path) -> None:
    done = build(write_handbook(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.long
@pytest.mark.parametrize("link", ["[Undo](#undo)", "[Undo](undo.md)"])
def test_a_broken_link_stops_the_quiet_build_too(link: str, tmp_path: Path) -> None:
    page(link)(write_handbook(tmp_path))
    done = build(tmp_path)
    assert done.returncode != 0 and "'index.md' contains a link '" in done.stdout and "Aborted with 1 warnings in strict mode!" in done.stdout


ALLOWED = """\
- An item

    with a second paragraph, and `ANTHROPIC_BASE_URL`, `apiKeyHelper`, `x-api-key`, `claude`, `/v1`.

    - and an item of its own

        with one, too

!!! note "Note"

    Its body names `requirements.txt` and [a link](https://docs.litellm.ai/SOME_PAGE).
"""


@pytest.mark.long
def test_what_is_no_code_is_allowed(tmp_path: Path) -> None:
    page(ALLOWED)(write_handbook(tmp_path))
    done = build(tmp_path)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_guard_knows_every_macro() -> None:
    found = set()

    class Environment:
        conf: dict[str, dict[str, object]] = {"extra": {}}

        def macro(self, function: Callable[..., str]) -> Callable[..., str]:
            found.add(function.__name__)
            return function

    define_env(Environment())
    assert found == set(guards.MACROS), "macros/main.py and MACROS in macros/guards.py must name the same macros"


# The lab's own guards -------------------------------------------------------------
def replayed(root: Path) -> list[Row]:
    """The rows of the small handbook's page, after its replay."""
    done = build(root)
    assert done.returncode == 0, done.stdout
    return Replay(load(root), root / "site", "").run()


@pytest.mark.lab
def test_a_replay_stops_at_a_check_it_does_not_have(tmp_path: Path) -> None:
    rows = replayed(write_handbook(tmp_path))
    assert [row.outcome for row in rows] == ["passed", "passed", "failed"]
    assert "no way to check 'illustrative' in the lab; give it one in tests/lab/replay.py" in rows[2].message


@pytest.mark.lab
def test_an_observation_that_is_not_so_fails(tmp_path: Path) -> None:
    ledger("prints: hello", "prints: good evening")(write_handbook(tmp_path))
    rows = replayed(tmp_path)
    assert [row.outcome for row in rows] == ["failed", "not reached", "not reached"]
    assert "It prints one word, which is hello. — not so: it does not print 'good evening' but:\nhello" in rows[0].message
    assert rows[1].message == "not reached: demo/hello.sh failed before it"


@pytest.mark.lab
def test_an_observation_that_comes_later_fails_and_ends_the_replay(tmp_path: Path) -> None:
    write_handbook(tmp_path)
    ledger("prints: hello", "prints: good evening")(tmp_path)
    ledger("terminal: client", "terminal: client\n    after: demo/hello.out")(tmp_path)
    rows = replayed(tmp_path)
    assert [row.outcome for row in rows] == ["failed", "passed", "not reached"]
    assert rows[2].message == "not reached: demo/hello.sh failed before it"


@pytest.mark.lab
def test_an_observation_that_nothing_brings_about_fails(tmp_path: Path) -> None:
    ledger("terminal: client", "terminal: client\n    after: demo/note.txt")(write_handbook(tmp_path))
    assert build(tmp_path).returncode == 0
    replay = Replay(load(tmp_path), tmp_path / "site", "")
    replay.rows = replay.rows[:2]  # without the note
    rows = replay.run()
    assert [row.outcome for row in rows] == ["failed", "passed"]
    assert rows[0].message == "demo/hello.sh: it is observed after demo/note.txt, which this page does not run later; correct after: in the ledger"


@pytest.mark.lab
def test_an_output_that_differs_fails(tmp_path: Path) -> None:
    write("snippets/demo/hello.out", "good evening\n")(write_handbook(tmp_path))
    rows = replayed(tmp_path)
    assert [row.outcome for row in rows] == ["passed", "failed", "not reached"]
    assert "demo/hello.sh printed\nhello\ninstead of\ngood evening\nIf that is right, run: make update" in rows[1].message


@pytest.mark.lab
def test_a_lab_difference_that_the_ledger_does_not_declare_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = Terminal.start
    monkeypatch.setattr(Terminal, "start", lambda self, text, lab, types: start(self, text, {**lab, "HTTPS_PROXY": "http://127.0.0.1:3128"}, types))
    rows = replayed(write_handbook(tmp_path))
    assert rows[0].outcome == "failed"
    assert "demo/hello.sh: the lab changes HTTPS_PROXY without declaring it; name the difference in the block's lab: list" in rows[0].message


@pytest.mark.lab
def test_the_environment_is_built_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    row = replayed(write_handbook(tmp_path))[0]
    assert set(row.environment) == {"HOME", "LANG", "PATH", "SHELL", "TERM", "TMPDIR", "USER"}


def test_a_missing_program_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "VENV", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for find, name in (
        (programs.claude, "claude"), (programs.litellm_python, "python"), (programs.litellm_command, "python"), (programs.wheels, "wheels"),
        (lambda: programs.node_module("axe-core/axe.min.js"), "axe.min.js"), (lambda: programs.system("unshare"), "unshare"),
    ):  # fmt: skip
        with pytest.raises(programs.MissingProgram, match=rf"^{re.escape(name)} is missing.*; install it with: make (test|check)\b[^\n]*$"):
            find()
