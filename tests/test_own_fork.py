"""The lab's own programs, forked: they are where a program started there would be, and end as it would. And LiteLLM's parent, when several ask it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import own_fork, programs
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import Namespace, wait_until
from tests.test_leftovers import APP

pytestmark = pytest.mark.lab

TELLS = """
import json, os, time
about = {"env": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid(), "files": len(os.listdir("/proc/self/fd"))}
with open("/mnt/told.new", "w") as file:
    json.dump(about, file)
os.rename("/mnt/told.new", "/mnt/told")
time.sleep(600)
"""
#: A module that runs the program it is given.
RUNS = "timeit"


@pytest.fixture
def inside() -> Iterator[Namespace]:
    with Namespace({"127.0.0.1": ["api.anthropic.com"]}) as made:
        yield made


def start(inside: Namespace, program: str) -> None:
    with (inside.mnt / "log").open("ab") as log:
        own_fork.start(inside, RUNS, ["-n", "1", "-r", "1", program], {"ONLY": "this"}, log.fileno())


def told(inside: Namespace) -> dict[str, Any]:
    """What a program says of itself."""
    start(inside, TELLS)
    wait_until((inside.mnt / "told").exists, 20, "the start of the program")
    return json.loads((inside.mnt / "told").read_text())


def test_it_is_inside_and_has_nothing_of_ours(inside: Namespace) -> None:
    about = told(inside)
    assert about["env"] == {"ONLY": "this"} and about["cwd"] == "/"
    assert about["files"] == 4, "its own three, and the folder that it reads"
    assert about["pid"] < 100, "it is counted in the namespace"
    mine, its = (inside.run(["readlink", f"/proc/{who}/ns/net"], {"PATH": os.defpath}).stdout for who in ("self", about["pid"]))
    assert mine == its != os.readlink("/proc/self/ns/net") + "\n"


def test_what_it_says_is_in_the_log_when_it_ends(inside: Namespace) -> None:
    start(inside, "print('these are'); raise SystemExit('its last words')")
    wait_until(lambda: inside.processes() == [], 10, "its end")
    assert "these are\n" in (inside.mnt / "log").read_text() and "SystemExit: its last words" in (inside.mnt / "log").read_text()


def test_a_module_that_is_not_there_says_so_in_the_log(inside: Namespace) -> None:
    with (inside.mnt / "log").open("ab") as log:
        own_fork.start(inside, "tests.lab.no_such_program", [], {}, log.fileno())
    wait_until(lambda: "No module named tests.lab.no_such_program" in (inside.mnt / "log").read_text(), 10, "its error")


PORTS = """
import socket
first = socket.create_server(("127.0.0.1", 7001))
print(flush=True)
input()
first.close()
second = socket.create_server(("127.0.0.1", 7002))
print(flush=True)
input()
"""


def test_listeners_are_seen_as_they_come_and_go(inside: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once when there are more or fewer sockets than before; when one takes the place of another, a moment later."""
    assert inside.listeners() == []
    with inside.popen([sys.executable, "-c", PORTS], {"PATH": os.defpath}, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin and program.stdout
        program.stdout.readline()
        assert inside.listeners() == [("127.0.0.1", 7001)]
        looked = []
        monkeypatch.setattr(inside, "_listeners", lambda: looked.append(True) or Namespace._listeners(inside))
        assert [inside.listeners() for _ in range(50)] == [[("127.0.0.1", 7001)]] * 50
        assert len(looked) < 10, "it costs milliseconds each time"
        program.stdin.write(b"\n")
        program.stdin.flush()
        program.stdout.readline()
        wait_until(lambda: inside.listeners() == [("127.0.0.1", 7002)], 5, "the second port")
        program.stdin.write(b"\n")
    assert inside.listeners() == []


def test_it_ends_with_the_namespace(inside: Namespace) -> None:
    reads, writes = os.pipe()
    own_fork.start(inside, RUNS, ["-n", "1", "-r", "1", TELLS], {}, writes)
    os.close(writes)
    wait_until((inside.mnt / "told").exists, 20, "the start of the program")
    assert not select.select([reads], [], [], 0)[0], "it holds its end of the pipe"
    inside.close()
    assert select.select([reads], [], [], 10)[0] and os.read(reads, 1) == b""
    os.close(reads)


def test_a_namespace_that_is_gone_is_told(inside: Namespace) -> None:
    inside.close()
    with pytest.raises(FileNotFoundError):
        own_fork.start(inside, "tests.lab.dns", [], {}, 2)


def test_who_forks_ends_with_who_asked_and_its_end_is_told(tmp_path: Path) -> None:
    program = """
import os, pathlib, signal, sys
from tests.lab import own_fork
from tests.lab.namespace import Namespace
parent = own_fork.Parent()
print(parent.process.pid, flush=True)
if sys.argv[1] == "kill":
    os.kill(parent.process.pid, signal.SIGKILL)
    with Namespace({}) as inside:
        parent.start(inside, "tests.lab.dns", [], {}, 2)
os.kill(os.getpid(), signal.SIGKILL)
"""
    for what, status, says in (("end", -signal.SIGKILL, ""), ("kill", 1, "RuntimeError: tests.lab.dns cannot be started in the namespace: ")):
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(programs.ROOT), "TMPDIR": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", program, what], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == status and says in done.stderr, done.stderr
        forker = Path(f"/proc/{int(done.stdout)}/cmdline")
        wait_until(lambda path=forker: not path.exists() or b"own_fork" not in path.read_bytes(), 20, "the end of the process that forks")


# LiteLLM's ------------------------------------------------------------------------


def stands_in(folder: Path, importing: str) -> Path:
    """A Python to which importing LiteLLM does this."""
    for name, text in {"__init__.py": "", "proxy/__init__.py": "", "proxy/proxy_server.py": APP, "proxy/proxy_cli.py": importing}.items():
        path = folder / "litellm" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={folder} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return python


def test_a_parent_that_another_process_started_is_asked_and_not_ended(tmp_path: Path) -> None:
    python = stands_in(tmp_path, "")
    with Forker(tmp_path, python) as own:
        with Forker(tmp_path) as other:
            wait_until(other.ready, 60, "the import")
            assert (other.address, other.compiled) == (own.address, own.compiled)
        assert own.process and own.process.poll() is None and own.address.exists()
    assert own.process.poll() is not None and not other.ready()


def test_whoever_waits_is_told_that_litellm_cannot_be_imported(tmp_path: Path) -> None:
    python = stands_in(tmp_path, "raise ImportError('a lab library is missing')")
    with Forker(tmp_path, python), pytest.raises(RuntimeError, match="LiteLLM cannot be imported: [^$]*a lab library is missing"):
        wait_until(Forker(tmp_path).ready, 60, "the import")


def test_it_ends_quietly_when_who_asked_is_gone_with_an_answer_unread() -> None:
    line, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    env = {"PATH": os.defpath, "PYTHONPATH": str(programs.ROOT)}
    with its:
        forks = subprocess.Popen([sys.executable, "-m", "tests.lab.own_fork", str(its.fileno())], env=env, stderr=subprocess.PIPE, pass_fds=[its.fileno()])
    line.send(b"{}")
    assert select.select([line], [], [], 20)[0], "the answer to a request that names no files"
    line.close()
    assert (forks.communicate(timeout=20)[1], forks.returncode) == (b"", 0)
