"""The lab's own Python programs, imported once and forked for every start.

A stand-in spends most of its start on imports. ``start`` asks one process, which
has imported what they share, for a child that runs a module inside a namespace
as ``python -m module words`` would, with the environment it is told. The child ends with the namespace; the
process that forks ends with the one that asked first. Linux only.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import traceback

from tests.lab import ending, programs
from tests.lab.litellm_fork import enter
from tests.lab.namespace import Namespace

#: What the programs import; one that is not named here starts too, only later.
SHARED = ("aiohttp.web", "asyncio", "dns.message", "http.server", "ssl", "tests.lab.lines")
SIZE = 2**16


class Parent:
    """The process that forks, and the line to it."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.line, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = {"PATH": os.defpath, "PYTHONPATH": str(programs.ROOT), "PYTHONDONTWRITEBYTECODE": "1", "SSL_CERT_FILE": "/dev/null"}
        with its, ending.later():  # Ctrl-C is for who asks; when that has ended, so does this
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.lab.own_fork", str(its.fileno())], env=env, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()]
            )

    def start(self, inside: Namespace, module: str, words: list[str], env: dict[str, str], log: int) -> None:
        names = (["user"] if os.geteuid() else []) + ["net", "mnt", "pid"]
        files = [log, *(os.open(f"/proc/{inside.pid}/ns/{name}", os.O_RDONLY) for name in names)]
        try:
            request = json.dumps({"module": module, "words": words, "env": env}).encode()
            self.line.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
            answer = self.line.recv(SIZE).decode()
        except OSError as problem:
            answer = str(problem)
        finally:
            for number in files[1:]:
                os.close(number)
        if answer != "started":
            raise RuntimeError(f"{module} cannot be started in the namespace: {answer or 'the process that forks has ended'}")

    def close(self) -> None:
        if self.owner == os.getpid():
            self.line.close()
            self.process.wait()


_parent: Parent | None = None


def start(inside: Namespace, module: str, words: list[str], env: dict[str, str], log: int) -> None:
    """Run a module's program inside, with exactly this environment, its output to the file ``log``. Raises RuntimeError when it cannot begin."""
    global _parent
    if _parent is None or _parent.owner != os.getpid():
        _parent = Parent()
        atexit.register(_parent.close)
    _parent.start(inside, module, words, env, log)


# The side of the process that forks ----------------------------------------------


def child(request: dict[str, list[str]], log: int, namespaces: list[int]) -> None:
    """Enter the namespaces and leave a grandchild there, whose parent is then the namespace's first process."""
    enter(namespaces)
    if os.fork():
        os._exit(0)
    for target in (1, 2):
        os.dup2(log, target)
    os.closerange(3, SIZE)
    os.chdir("/")
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [str(request["module"]), *request["words"]]
    ending.heard()
    try:
        runpy.run_module(str(request["module"]), run_name="__main__", alter_sys=True)
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
    except BaseException:  # as Python does at the end of a program
        traceback.print_exc()
        code = 1
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(line: socket.socket) -> None:
    for name in SHARED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    while True:
        try:
            data, files, _, _ = socket.recv_fds(line, SIZE, 5)
        except ConnectionResetError:  # who asked ended without reading the last answer
            return
        if not data:  # who asked is gone
            return
        made = os.fork()
        if made == 0:
            try:
                child(json.loads(data), files[0], files[1:])
            except BaseException as problem:
                with contextlib.suppress(OSError):  # who asked may have ended, and with it the namespace
                    line.send(repr(problem).encode())
                os._exit(1)
        for number in files:
            os.close(number)
        if os.waitstatus_to_exitcode(os.waitpid(made, 0)[1]) == 0:
            with contextlib.suppress(OSError):
                line.send(b"started")


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
