"""LiteLLM, imported once and forked for every start.

LiteLLM takes many seconds to import. ``Forker`` starts one parent that has
imported it; ``shim()`` writes a ``litellm`` command that asks the parent for a
child with its own arguments, folder, environment, files and namespaces. The
child runs LiteLLM's own command line.

Run by LiteLLM's Python: ``python litellm_fork.py SOCKET``. Linux only.
"""

from __future__ import annotations

import array
import ctypes
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path

SHIM = r"""#!{python}
import array, json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
line.connect({socket!r})
files = [0, 1, 2] + [os.open("/proc/self/ns/" + name, os.O_RDONLY) for name in ("net", "mnt", "pid")]
body = json.dumps({{"argv": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ)}}).encode()
line.sendmsg([len(body).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
line.sendall(body)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: line.send(bytes([number])))
status = line.recv(1)
sys.exit(status[0] if status else 1)
"""


def shim(path: Path, address: Path) -> None:
    """Write the ``litellm`` command at ``path``."""
    path.unlink(missing_ok=True)
    path.write_text(SHIM.format(python=os.path.realpath(sys.executable), socket=str(address)))
    path.chmod(0o755)


class Forker:
    """The parent. ``with Forker(folder, python) as parent: parent.address``

    Without ``python`` it is one that another process has started with this folder, and which that process ends.
    """

    def __init__(self, folder: Path, python: Path | None = None) -> None:
        self.address = folder / "litellm.sock"
        #: What Python made of the files of LiteLLM that the parent has loaded; see ``keep_compiled``.
        self.compiled = folder / "compiled"
        self.log = folder / "litellm-parent.txt"
        self.process: subprocess.Popen[bytes] | None = None
        if python is None:
            return
        # Only what an import may need; each child gets the environment of its caller.
        env = {"PATH": os.defpath, "HOME": str(folder), "LANG": "C.UTF-8", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", str(python), __file__, str(self.address)],
            env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=self.log.open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip

    def ready(self) -> bool:
        if "Traceback" in (said := self.log.read_text()) or (self.process and self.process.poll() is not None):
            raise RuntimeError(f"LiteLLM cannot be imported: {said[-1000:]}")
        return self.address.exists()

    def close(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.address.unlink(missing_ok=True)

    def __enter__(self) -> Forker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# The parent's side -------------------------------------------------------------


def receive(line: socket.socket) -> tuple[dict[str, object], list[int]]:
    files = array.array("i")
    head, ancillary, _, _ = line.recvmsg(4, socket.CMSG_LEN(6 * files.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            files.frombytes(data[: len(data) - len(data) % files.itemsize])
    size, body = int.from_bytes(head, "big"), b""
    while len(body) < size:
        part = line.recv(size - len(body))
        if not part:
            raise BrokenPipeError("the caller ended before it had asked")
        body += part
    return json.loads(body), list(files)


def enter(namespaces: list[int]) -> None:
    """Go into namespaces, given as open files; that of processes holds for children only."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in namespaces:
        if libc.setns(number, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def child(line: socket.socket, request: dict[str, object], files: list[int]) -> int:
    """Enter the caller's namespaces, run LiteLLM in a grandchild; its status."""
    enter(files[3:])
    grandchild = os.fork()
    if grandchild == 0:
        libc = ctypes.CDLL(None)
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        libc.prctl(15, b"litellm")  # PR_SET_NAME: the name a process has that was started as litellm
        line.close()
        for target in range(3):
            os.dup2(files[target], target)
        os.chdir(str(request["cwd"]))
        os.environ.clear()
        os.environ.update(request["env"])  # type: ignore[arg-type]
        sys.argv = list(request["argv"])  # type: ignore[call-overload]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        from litellm.proxy.proxy_cli import run_server

        try:
            run_server()
        except SystemExit as done:
            code = done.code if isinstance(done.code, int) else int(done.code is not None)
        except Exception:  # as Python does at the end of a program
            traceback.print_exc()
            code = 1
        else:
            code = 0
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    for number in files:
        os.close(number)
    handle = os.pidfd_open(grandchild)
    while True:
        ready, _, _ = select.select([line, handle], [], [])
        if handle in ready:
            return os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1])
        data = line.recv(1)
        os.kill(grandchild, data[0] if data else signal.SIGKILL)
        if not data:
            os.waitpid(grandchild, 0)
            return 137


def main(address: str) -> None:
    import litellm.proxy.proxy_cli  # noqa: F401
    import litellm.proxy.proxy_server  # noqa: F401

    warm()
    keep_compiled(Path(address).with_name("compiled"))
    gc.collect()
    gc.freeze()  # else the first collection in every child copies most of these objects
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(address + ".new")
    server.listen()
    os.rename(address + ".new", address)
    while True:
        line, _ = server.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            server.close()
            try:
                request, files = receive(line)
                status = child(line, request, files)
                line.send(bytes([status & 0xFF]))
            except BrokenPipeError:  # the caller is gone, and with it its namespace
                os._exit(0)
            except BaseException as problem:
                print(f"litellm_fork: {problem!r}", flush=True)
                os._exit(1)
            os._exit(0)
        line.close()


def warm() -> None:
    """Do what LiteLLM does only when it first answers, and what no start changes: imports, and reading every route's signature."""
    import importlib

    for name in (
        "litellm.llms.anthropic.pass_through.messages.handler",
        "litellm.proxy.anthropic_endpoints.endpoints",
        "uvicorn.loops.auto",
        "uvicorn.protocols.http.auto",
        "uvicorn.lifespan.on",
    ):
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"litellm_fork: not warmed: {name}", flush=True)

    from litellm.proxy.proxy_server import app

    nowhere = {"type": "http", "method": "GET", "path": "/nowhere", "root_path": "", "headers": [], "app": app}
    for route in app.router.routes:
        route.matches(nowhere)


def keep_compiled(folder: Path) -> None:
    """Write what Python made of every file that is loaded, with the file's hash, so that it serves for the same file elsewhere, and only for it (PEP 552)."""
    import importlib.machinery
    import importlib.util
    import marshal
    import sysconfig

    for module in list(sys.modules.values()):
        spec = getattr(module, "__spec__", None)
        if not spec or not spec.cached or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            continue
        name = next((name for name in ("purelib", "stdlib") if Path(spec.origin).is_relative_to(sysconfig.get_path(name))), None)
        if name:
            path = folder / name / Path(spec.origin).relative_to(sysconfig.get_path(name)).with_name(Path(spec.cached).name)
            path.parent.mkdir(parents=True, exist_ok=True)
            head = importlib.util.MAGIC_NUMBER + (0b11).to_bytes(4, "little") + importlib.util.source_hash(spec.loader.get_data(spec.origin))
            path.write_bytes(head + marshal.dumps(spec.loader.get_code(spec.name)))


if __name__ == "__main__":
    main(sys.argv[1])
