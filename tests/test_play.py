"""``make lab``: practising without an API key, as its reader would."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from macros.ledger import Book
from tests.lab import play, programs
from tests.lab.namespace import wait_until

QUIET = {"CLAUDE_CODE_MAX_RETRIES": "0", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}


class Played:
    """``python -m tests.lab.play`` with what it has printed so far."""

    def __init__(self, folder: Path, *arguments: str, port: int | str) -> None:
        env = {"PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.play", *arguments],
            cwd=programs.ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, words: str, seconds: float = 120) -> None:
        wait_until(lambda: words in self.text or self.process.poll() is not None, seconds, f"{words!r} in {self.text!r}")
        assert words in self.text, self.text

    def end(self) -> int:
        """Press Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(40)
        self.reader.join(5)
        return status


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where everything temporary of the command goes."""
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


@pytest.fixture
def played(folder: Path) -> Iterator[Played]:
    running = Played(folder, "local-gateway", port=play.free_port())
    yield running
    if running.process.poll() is None:
        running.end()


def homes() -> dict[int, str]:
    """Process id -> HOME, of every process that may be looked at."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            home = re.search(rb"(?:^|\0)HOME=([^\0]*)", path.read_bytes())
        except OSError:
            continue
        if home:
            found[int(path.parent.name)] = home.group(1).decode()
    return found


@pytest.mark.lab
def test_claude_code_answers_through_the_gateway(played: Played, folder: Path, tmp_path: Path) -> None:
    played.wait_for("Ctrl-C ends this")
    exports = "\n".join(line.strip() for line in played.lines if re.match(r"  (?:export|unset) ", line))
    (room,) = folder.iterdir()
    assert (room / "master-key").stat().st_mode & 0o777 == 0o600
    home = tmp_path / "reader"
    home.mkdir()
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", f'{exports}\nexec {programs.claude()} -p "Reply with one word: connected"'],
        env={"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", **QUIET}, cwd=home,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert done.stdout == "connected\n", done.stdout + done.stderr + played.text
    played.wait_for("POST /v1/messages", 10)
    line = next(line for line in played.lines if "POST /v1/messages" in line)
    assert re.fullmatch(r"\d\d:\d\d:\d\d  POST /v1/messages  claude-opus-5-5  200  through the gateway \(litellm/[\d.]+\)", line), line
    assert len([home for home in homes().values() if home == str(room)]) >= 2, "the gateway and the stand-in run with a home of their own"
    assert played.end() == 0, played.text
    assert list(folder.iterdir()) == []
    assert str(room) not in homes().values()


@pytest.mark.lab
def test_interrupt_while_it_starts(played: Played, folder: Path) -> None:
    wait_until(lambda: any(folder.glob("*/gateway.log")), 60, "the start of LiteLLM")
    assert played.end() == 0, played.text
    assert list(folder.iterdir()) == []
    assert not [home for home in homes().values() if home.startswith(f"{folder}/")]


def once(folder: Path, *arguments: str, port: int | str) -> tuple[int, str]:
    running = Played(folder, *arguments, port=port)
    status = running.process.wait(30)
    running.reader.join(5)
    return status, running.text


def test_busy_port(folder: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        status, text = once(folder, "local-gateway", port=port)
    assert (status, text) == (1, f"Something listens on port {port} of 127.0.0.1 already; end it, or take another port: PORT={port + 1} make lab")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("port", ["four", "70000", "0"])
def test_no_port(folder: Path, port: str) -> None:
    assert once(folder, "local-gateway", port=port) == (1, f"PORT={port} is no port; write a number, as in: PORT=4001 make lab")


@pytest.mark.parametrize("arguments", [[], ["no-such-pattern"]])
def test_unknown_pattern(folder: Path, arguments: list[str], book: Book) -> None:
    status, text = once(folder, *arguments, port=play.free_port())
    assert status == 2 and len(text.splitlines()) == 1
    assert all(name in text for name in play.patterns(book)), "it lists the known ones"


def test_every_pattern_with_a_gateway_and_a_client_can_be_practised(book: Book) -> None:
    assert "local-gateway" in play.patterns(book)


def test_missing_program_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(programs, "VENV", tmp_path)
    monkeypatch.setattr(play, "SECONDS_TO_END", 5)
    monkeypatch.setenv("PORT", str(play.free_port()))
    assert play.main(["local-gateway"]) == 1
    assert re.fullmatch(r"python is missing \(.*\); install it with: make \w+\n", capsys.readouterr().err)


def test_what_to_paste_names_this_port_and_this_key(book: Book) -> None:
    pasted = play.client(book, "local-gateway", 4711, Path("/tmp/of this run/master-key"))
    assert 'export ANTHROPIC_BASE_URL="http://127.0.0.1:4711"\n' in pasted["bash, zsh"]
    assert "ANTHROPIC_AUTH_TOKEN=\"$(cat '/tmp/of this run/master-key')\"" in pasted["bash, zsh"]
    assert '$env:ANTHROPIC_BASE_URL = "http://127.0.0.1:4711"\n' in pasted["PowerShell"]
    assert '(Get-Content "/tmp/of this run/master-key" -Raw)' in pasted["PowerShell"]


def test_a_request_that_went_round_the_gateway_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "localtime", lambda at: time.gmtime(at))
    record = {"at": 0, "method": "POST", "path": "/v1/messages", "headers": {"user-agent": "claude-cli/2"}, "body": {"model": "m"}, "status": 200}
    assert play.one_line(record) == "00:00:00  POST /v1/messages  m  200  NOT through the gateway (claude-cli/2)"
    record |= {"headers": {"user-agent": "litellm/1"}, "body": None}
    assert play.one_line(record) == "00:00:00  POST /v1/messages  no model  200  through the gateway (litellm/1)"
