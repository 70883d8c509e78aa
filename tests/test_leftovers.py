"""A run leaves no process, port, mount or temporary folder: passed, failed, interrupted or killed.

The run is a replay of a small page, with a gateway and Squid, in a namespace
in which nothing else runs, so that what is left can be listed.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import run
from tests.handbook import build, ledger, page, write, write_handbook
from tests.lab import programs, room
from tests.lab.namespace import Namespace, wait_until

REPLAY = """
import os, signal, subprocess, sys
from pathlib import Path
from macros.ledger import load
from tests.lab import namespace, programs, room
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.replay import Replay

ROOT = Path(__file__).parent

def goes_on(replay):
    (replay.home / "project" / "goes-on.sh").write_text(os.environ["GOES_ON"])

def test_replay():
    with room.room("forker-") as folder, Forker(folder, ROOT / "python") as forker:
        wait_until(forker.ready, 30, "the fork server")
        replay = Replay(load(ROOT), ROOT / "site", "", forker=forker, tamper=goes_on)
        replay.settings = {"squid": {"login": True, "inspect": True}}
        replay.rows = [row for row in replay.rows if row.block.check == "run"]
        failed = [row.message for row in replay.run() if row.outcome == "failed"]
        assert not failed, failed

exec(os.environ["SABOTAGE"])
"""
#: Stand in for LiteLLM, so that the fork server is ready at once and its child serves until it is ended.
APP = "class app:\n    class router:\n        routes = []\n"
SERVER = """
def run_server():
    import http.server, pathlib
    server = http.server.HTTPServer(("127.0.0.1", 4000), http.server.SimpleHTTPRequestHandler)
    pathlib.Path("serving").touch()
    server.serve_forever()
"""
#: The page's block leaves its gateway running, and goes on with what a test says.
BLOCK = "~/litellm-gateway/venv/bin/litellm &\nuntil test -e serving; do sleep 0.05; done\n. ./goes-on.sh\n"
INSTALL = "  install.sh:\n    check: run\n    terminal: client\n    observed: [{what: It ends with status 0., exit: 0}]\n  hello.sh:"
PASSES, FAILS, WAITS = "echo hello", "false", "sleep 600"


@pytest.fixture(scope="module")
def handbook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_handbook(tmp_path_factory.mktemp("handbook"))
    for path, text in {
        "snippets/demo/install.sh": "true\n", "snippets/demo/hello.sh": BLOCK, "test_replay.py": REPLAY,
        "fake/litellm/__init__.py": "", "fake/litellm/proxy/__init__.py": "", "fake/litellm/proxy/proxy_server.py": APP,
        "fake/litellm/proxy/proxy_cli.py": SERVER, "python": f'#!/bin/sh\nPYTHONPATH={root}/fake exec {sys.executable} "$@"\n',
        "setpriv": '#!/bin/sh\nshift 2\nexec "$@"\n',
    }.items():  # fmt: skip
        write(path, text)(root)
    ledger("  hello.sh:", INSTALL)(root)
    page('{{ snippet("demo/install.sh") }}')(root)
    for name in ("python", "setpriv"):
        (root / name).chmod(0o755)
    assert build(root).stdout == ""
    return root


class Machine:
    """A namespace for runs, with a folder for what is temporary; its path is short, for the sake of sockets."""

    def __init__(self, handbook: Path, folder: Path) -> None:
        self.handbook, self.temporary = handbook, folder / "t"
        self.temporary.mkdir()
        self.output = folder / "output.txt"
        self.inside = Namespace({})
        self.mounts = self._mounts()

    def _mounts(self) -> list[str]:
        return sorted(line.split()[4] for line in Path(f"/proc/{self.inside.pid}/mountinfo").read_text().splitlines())

    def start(self, goes_on: str, sabotage: str = "pass", *more: str) -> None:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", os.devnull, "--rootdir", str(self.handbook)]
        env = {**os.environ, "TMPDIR": str(self.temporary), "PYTHONDONTWRITEBYTECODE": "1", "GOES_ON": goes_on, "SABOTAGE": sabotage}
        self.entered = self.inside.popen(
            [*command, "-p", "no:cacheprovider", *more, str(self.handbook / "test_replay.py")], env, programs.ROOT,
            stdin=subprocess.DEVNULL, stdout=self.output.open("w"), stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        children = Path(f"/proc/{self.entered.pid}/task/{self.entered.pid}/children")
        wait_until(lambda: children.read_text(), 10, "the start of the run")
        self.run = os.pidfd_open(int(children.read_text().split()[0]))

    def wait_for(self, pattern: str) -> None:
        wait_until(lambda: any(self.temporary.glob(pattern)) or self.entered.poll() is not None, 60, pattern)
        assert self.entered.poll() is None, self.output.read_text()

    def send(self, number: signal.Signals) -> None:
        """Ctrl-C reaches the run and what it started, any other signal the run alone."""
        if number == signal.SIGINT:
            os.killpg(self.entered.pid, number)
        else:
            signal.pidfd_send_signal(self.run, number)

    def wait(self) -> str:
        """Until the run has ended; what it printed."""
        assert select.select([self.run], [], [], 60)[0], f"the run does not end:\n{self.output.read_text()}"
        os.close(self.run)
        return self.output.read_text()

    def left(self, seconds: float = 0) -> dict[str, list[str]]:
        """What a run left, by kind; looks again for so many seconds while there are processes."""
        end = time.monotonic() + seconds
        while self.inside.processes() and time.monotonic() < end:
            time.sleep(0.1)
        found = {
            "processes": self.inside.processes(),
            "ports": [f"{host}:{port}" for host, port in self.inside.listeners()],
            "mounts": sorted(set(self._mounts()) - set(self.mounts)),
            "folders": sorted(path.name.split("-")[0] for path in self.temporary.iterdir()),
        }
        return {kind: names for kind, names in found.items() if names}


@pytest.fixture
def machine(handbook: Path) -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        found = Machine(handbook, Path(folder))
        try:
            yield found
        finally:
            found.inside.close()


def files(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts}


SERVES = "lab-*/mnt/reader/project/serving"

# Nothing is left --------------------------------------------------------------------


@pytest.mark.lab
@pytest.mark.parametrize("goes_on, printed", [(PASSES, "1 passed"), (FAILS, "exit status 1")], ids=["passed", "failed"])
def test_a_run_that_ends_leaves_nothing(machine: Machine, goes_on: str, printed: str) -> None:
    before = files(machine.handbook)
    machine.start(goes_on)
    assert printed in machine.wait()
    assert machine.left() == {}
    assert files(machine.handbook) == before


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["Ctrl-C", "SIGTERM", "terminal closed"])
@pytest.mark.parametrize("moment", ["lab-*", SERVES], ids=["while it starts", "while a block runs"])
def test_an_interrupted_run_leaves_nothing(machine: Machine, number: signal.Signals, moment: str) -> None:
    machine.start(WAITS)
    machine.wait_for(moment)
    if moment == SERVES:
        assert len(machine.inside.processes()) > 12, "the run must have started the stand-ins, Squid, a terminal and a gateway"
    machine.send(number)
    assert "KeyboardInterrupt" in machine.wait()
    assert machine.left() == {}


@pytest.mark.lab
def test_a_killed_run_leaves_only_folders_and_the_next_run_removes_them(machine: Machine) -> None:
    machine.start(WAITS)
    machine.wait_for(SERVES)
    machine.send(signal.SIGKILL)
    machine.wait()
    assert machine.left(seconds=20) == {"folders": ["forker", "lab"]}
    machine.start(PASSES)
    assert "1 passed" in machine.wait()
    assert machine.left() == {}


@pytest.mark.lab
def test_the_workers_of_a_killed_run_end(machine: Machine) -> None:
    machine.start(WAITS, "pass", "-n", "1")
    machine.wait_for(SERVES)
    machine.send(signal.SIGKILL)
    machine.wait()
    left = machine.left(seconds=20)
    assert left.keys() == {"folders"} and set(left["folders"]) <= {"forker", "lab", "pytest"}, "a worker ends; it may lack the time to tidy up"
    machine.start(PASSES)
    assert "1 passed" in machine.wait()
    assert machine.left() == {"folders": ["pytest"]}, "the next run removes the rest; pytest's own folder is in that of tests.run, see below"


# What would be left is noticed ------------------------------------------------------

LEAVES = """
def test_replay():
    folder = Path(os.environ["TMPDIR"], "forgotten-1")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
    server = [sys.executable, "-m", "http.server", "4444", "--bind", "127.0.0.1", "--directory", str(folder)]
    subprocess.Popen(server, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: b":115C " in Path("/proc/net/tcp").read_bytes(), 20, "the server")
"""


@pytest.mark.lab
def test_what_is_left_is_noticed(machine: Machine) -> None:
    machine.start(PASSES, LEAVES)
    assert "1 passed" in machine.wait()
    left = machine.left()
    (process,) = left.pop("processes")
    assert "http.server 4444" in process
    assert left == {"ports": ["127.0.0.1:4444"], "mounts": [str(machine.temporary / "forgotten-1")], "folders": ["forgotten"]}


@pytest.mark.lab
def test_without_an_end_the_namespace_stays(machine: Machine) -> None:
    """And without what removes a forgotten folder when the run ends."""
    machine.start(FAILS, "namespace.Namespace.close = lambda self: namespace.room._made.clear()")
    assert "exit status 1" in machine.wait()
    assert "lab" in machine.left()["folders"]


@pytest.mark.lab
def test_without_a_handler_sigterm_leaves_folders(machine: Machine) -> None:
    machine.start(WAITS, "signal.signal(signal.SIGTERM, signal.SIG_DFL)")
    machine.wait_for(SERVES)
    machine.send(signal.SIGTERM)
    machine.wait()
    assert machine.left(seconds=20) == {"folders": ["forker", "lab"]}


@pytest.mark.lab
def test_without_a_parents_signal_a_killed_run_leaves_processes(machine: Machine) -> None:
    machine.start(WAITS, "real = programs.system; programs.system = lambda name: ROOT / name if name == 'setpriv' else real(name)")
    machine.wait_for(SERVES)
    machine.send(signal.SIGKILL)
    machine.wait()
    assert any("own_fork" in process for process in machine.left(seconds=2)["processes"])


@pytest.mark.lab
def test_without_a_parents_signal_the_workers_of_a_killed_run_go_on(machine: Machine) -> None:
    machine.start(WAITS, "from tests.lab import ending; ending.with_parent(0)", "-n", "1")
    machine.wait_for(SERVES)
    machine.send(signal.SIGKILL)
    machine.wait()
    assert any("own_fork" in process for process in machine.left(seconds=2)["processes"])


# Folders ----------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def killed(temporary: Path, *, then: str = "os._exit(1)") -> subprocess.Popen[str]:
    """A process that makes a room with a file in it, and does not remove it."""
    makes = "folder = room.make('lab-'); (folder / 'a').mkdir(); (folder / 'a' / 'b').touch(); print(folder, flush=True)"
    program = f"import os; from tests.lab import room; {makes}; {then}"
    env = {**os.environ, "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen([sys.executable, "-c", program], cwd=programs.ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_the_next_room_removes_those_of_the_dead(temporary: Path) -> None:
    with killed(temporary) as process:
        process.wait(20)
    assert len(list(temporary.glob("lab-*/a/b"))) == 1
    with room.room("lab-") as folder:
        assert list(temporary.iterdir()) == [folder]
    assert list(temporary.iterdir()) == []


def test_a_room_of_the_living_stays(temporary: Path) -> None:
    with killed(temporary, then="input()") as process:
        assert process.stdout
        folder = Path(process.stdout.readline().strip())
        room.sweep()
        assert (folder / "a" / "b").exists()
        process.kill()
    room.sweep()
    assert list(temporary.iterdir()) == []


def test_what_is_nobodys_room_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (temporary / "lab-of-mine").mkdir()
    (temporary / "lab-of-somebody").mkdir()
    (temporary / "lab-of-somebody" / room.LOCK).touch()
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    room.sweep()
    assert len(list(temporary.iterdir())) == 2
    monkeypatch.undo()


@pytest.mark.parametrize(
    "interrupted", ["tempfile.mkdtemp = lambda **more: (made(**more), ask())[0]", "room.make('lab-'); ask()"], ids=["while it is made", "before it is kept"]
)
def test_who_is_ended_as_it_makes_a_room_removes_it(temporary: Path, interrupted: str) -> None:
    program = (
        "import os, signal, tempfile; from tests.lab import ending, room; ending.in_order(); "
        "made = tempfile.mkdtemp; ask = lambda: os.kill(os.getpid(), signal.SIGHUP)\n"
        f"{interrupted}\nroom.make('lab-')\nprint('goes on')"
    )
    env = {**os.environ, "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", program], cwd=programs.ROOT, env=env, capture_output=True, text=True)
    assert done.stdout == "" and done.stderr.endswith("KeyboardInterrupt\n")
    assert list(temporary.iterdir()) == []


def test_a_removal_that_was_cut_short_is_taken_up_again(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with killed(temporary) as process:
        process.wait(20)
    with monkeypatch.context() as context:
        context.setattr("shutil.rmtree", lambda *_, **__: None)
        room.sweep()
    assert len(list(temporary.glob(f"lab-*/{room.LOCK}"))) == 1
    room.sweep()
    assert list(temporary.iterdir()) == []


def test_a_workshop_holds_everything_temporary(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(temporary))
    with pytest.raises(ZeroDivisionError), room.workshop("handbook-") as folder:
        assert Path(tempfile.mkdtemp()).parent == folder
        done = subprocess.run([sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"], capture_output=True, text=True, check=True)
        assert Path(done.stdout.strip()).parent == folder
        raise ZeroDivisionError
    assert (os.environ["TMPDIR"], tempfile.gettempdir(), list(temporary.iterdir())) == (str(temporary), str(temporary), [])


def test_the_tests_have_a_folder_of_their_own(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr("pytest.main", lambda arguments, plugins: made.append(Path(tempfile.mkdtemp())) or 0)
    assert run.main("check") == 0
    assert made[0].parent.parent == temporary and list(temporary.iterdir()) == []


def test_what_takes_long_begins_when_all_workers_have_collected() -> None:
    begun: list[str] = []
    waiting = run.WhenCollected(2, lambda: begun.append("once"))
    for expected in ([], ["once"], ["once"]):  # a worker that takes a dead one's place collects, too
        waiting.pytest_xdist_node_collection_finished()
        assert begun == expected


def test_a_program_whose_starter_is_dead_already_ends() -> None:
    """Killed between the start of a program and the program's own request to die with it."""
    words = "import os, sys; from tests.lab import ending; ending.with_parent(9, int(sys.argv[1]) or os.getppid()); print('alive')"
    ended = {
        parent: subprocess.run([sys.executable, "-c", words, parent], cwd=programs.ROOT, capture_output=True, text=True) for parent in ("0", str(2**22 + 1))
    }
    assert [(done.returncode, done.stdout) for done in ended.values()] == [(0, "alive\n"), (-signal.SIGKILL, "")]


#: Asks itself to end while it starts a program as ``make lab`` does; the program says whether it can be asked.
ASKED = """
import os, signal, subprocess, sys
from contextlib import nullcontext
from tests.lab import ending
from tests.lab.play.started import own_group

sys.platform = "{platform}"
ending.in_order()
os.register_at_fork(after_in_parent=lambda: os.kill(os.getpid(), signal.SIGINT))
blocked = "import signal; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
try:
    with {when}:
        subprocess.Popen([sys.executable, "-c", blocked], **own_group()).wait()
except KeyboardInterrupt:
    print("ended")
"""


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize(("when", "said"), [("ending.later()", "[]\nended\n"), ("nullcontext()", "[]\n")], ids=["later", "at once, and it is lost"])
def test_ctrl_c_while_a_program_starts_is_heard(when: str, said: str, platform: str) -> None:
    done = subprocess.run([sys.executable, "-c", ASKED.format(when=when, platform=platform)], cwd=programs.ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == (said, 0), done.stderr
