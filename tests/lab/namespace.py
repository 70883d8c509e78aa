"""A private network, file system view and process tree for one page.

The network has only loopback; ``/etc`` is a copy (``etc`` from outside), with its own hosts file, so
that ports and host names on a page are used unchanged and nothing can leave.
``/mnt`` is a folder of the namespace's own (``mnt`` from outside), for home
folders whose path is the same in every run.
Everything started inside dies with the namespace, also when the tests are
killed.

Needs util-linux and iproute2, and root or unprivileged user namespaces.
"""

from __future__ import annotations

import ipaddress
import os
import re
import select
import subprocess
import time
from pathlib import Path
from types import TracebackType

from tests.lab import programs, room

#: What an ordinary user cannot read is left out of the copy, which is in memory.
SETUP = """
set -e
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs "$1"
cp -dR --preserve=mode,timestamps /etc/. "$1" 2> "$2/not-copied" || [ "$3" != 0 ] || { cat "$2/not-copied" >&2; exit 1; }
rm "$2/not-copied"
mount --bind "$1" /etc
mount --bind "$2" /mnt
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
echo ready
sleep infinity & wait
"""

#: For how many seconds a list of listeners holds while the number of sockets does.
A_MOMENT = 0.3


class NamespaceError(Exception):
    """The system does not allow what the lab needs; says what."""


class Namespace:
    """``with Namespace({"127.0.0.1": ["api.anthropic.com"]}) as inside: ...``"""

    def __init__(self, hosts: dict[str, list[str]]) -> None:
        self._started: list[subprocess.Popen[bytes]] = []
        self._init: int | None = None
        self._listening: tuple[list[list[str]], float, list[tuple[str, int]]] | None = None
        self.folder = room.make("lab-")
        try:
            self._start(hosts)
        except BaseException:
            self.close()
            raise

    def _start(self, hosts: dict[str, list[str]]) -> None:
        self.mnt = self.folder / "mnt"
        copy = self.folder / "etc"
        for folder in (self.mnt, copy):
            folder.mkdir()
        self.folder.chmod(0o755)
        own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self._unshare = subprocess.Popen(
            [
                str(programs.system("setpriv")), "--pdeathsig", "KILL",
                str(programs.system("unshare")), *own, "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL",
                "sh", "-c", SETUP, "setup", str(copy), str(self.mnt), str(os.geteuid()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._unshare.stdout and self._unshare.stderr
        if self._unshare.stdout.readline().strip() != "ready":
            problem = self._unshare.stderr.read().strip()
            raise NamespaceError(f"Cannot make a network namespace: {problem}. Run the tests as root, or allow unprivileged user namespaces.")
        children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children").read_text().split()
        self.pid = int(children[0])
        self._init = os.pidfd_open(self.pid)
        self.etc = Path(f"/proc/{self.pid}/root", "etc")
        lines = ["127.0.0.1 localhost", "::1 localhost", *(f"{address} {' '.join(names)}" for address, names in hosts.items())]
        _replace(self.etc / "hosts", "\n".join(lines) + "\n")
        _replace(self.etc / "resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")

    def enter(self) -> list[str]:
        """The command prefix that runs a program inside."""
        own = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return [str(programs.system("nsenter")), "--target", str(self.pid), *own, "--net", "--mount", "--pid", "--wd=/"]

    def popen(self, arguments: list[str], env: dict[str, str], cwd: Path | None = None, **options: object) -> subprocess.Popen[bytes]:
        """Start a program inside, with exactly this environment."""
        words = [*self.enter(), *(["env", "-C", str(cwd)] if cwd else []), *arguments]
        process = subprocess.Popen(words, env=env, **options)  # type: ignore[call-overload]
        self._started.append(process)
        return process

    def run(self, arguments: list[str], env: dict[str, str], cwd: Path | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a program inside to its end; its output as text."""
        words = [*self.enter(), *(["env", "-C", str(cwd)] if cwd else []), *arguments]
        return subprocess.run(words, env=env, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)

    def listeners(self) -> list[tuple[str, int]]:
        """Every (address, port) on which something inside listens, TCP.

        The list costs the kernel milliseconds, for it looks through the whole
        machine's connections; who waits asks often. So, for a moment, it is
        made anew only when the number of sockets has changed, which costs nothing.
        """
        net = Path(f"/proc/{self.pid}/net")
        counted = [re.findall(r"^TCP6?: inuse \d+", (net / name).read_text(), re.MULTILINE) for name in ("sockstat", "sockstat6")]
        if self._listening and self._listening[0] == counted and time.monotonic() < self._listening[1]:
            return list(self._listening[2])
        self._listening = (counted, time.monotonic() + A_MOMENT, self._listeners())
        return list(self._listening[2])

    def _listeners(self) -> list[tuple[str, int]]:
        found = []
        for name in ("tcp", "tcp6"):
            for line in Path(f"/proc/{self.pid}/net/{name}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] != "0A":
                    continue
                raw, port = fields[1].split(":")
                words = b"".join(bytes.fromhex(raw[at : at + 8])[::-1] for at in range(0, len(raw), 8))
                found.append((str(ipaddress.ip_address(words)), int(port, 16)))
        return found

    def processes(self) -> list[str]:
        """Command lines of what still runs inside, the keeper excluded."""
        done = subprocess.run([*self.enter(), "ps", "-eo", "pid,args", "--no-headers"], capture_output=True, text=True, env={"PATH": os.defpath})
        lines = [line.strip() for line in done.stdout.splitlines()]
        keepers = ("sleep infinity", "ps -eo pid,args --no-headers", "<defunct>")
        return [line for line in lines if not line.startswith("1 ") and not line.endswith(keepers)]

    def close(self) -> None:
        """End everything inside and remove its files."""
        if hasattr(self, "_unshare"):
            self._unshare.kill()
            self._unshare.wait()
        if self._init is not None:  # ends last, and then nothing writes any more; where nobody reaps orphans, it does not end
            select.select([self._init], [], [], 5)
            os.close(self._init)
            self._init = None
        for process in self._started:
            process.wait()
        room.remove(self.folder)

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _replace(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)


def wait_until(condition, seconds: float, what: str) -> None:  # type: ignore[no-untyped-def]
    """Poll until ``condition()`` is true; raises TimeoutError naming ``what``."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)
