"""A real ``systemd --user`` in a namespace, for the pages that run a service.

The machine itself need not run systemd. The manager gets control groups of its
own, which are removed with it; that takes root.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from pathlib import Path

from tests.lab import programs
from tests.lab.namespace import Namespace, NamespaceError, wait_until

PROGRAM = Path("/lib/systemd/systemd")
_count = itertools.count(1)


def own_groups() -> list[Path]:
    """Folders of this process's control groups that systemd uses: its own hierarchy, and version 2."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    places = {"name=systemd" if "name=systemd" in words[3] else "": words[1] for words in mounts if words[2] == "cgroup2" or "name=systemd" in words[3]}
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, name, path = line.split(":", 2)
        if name in places:
            found.append(Path(places[name] + path))
    return found


class Manager:
    """``Manager(inside, runtime, env)``; ``show()`` asks it, ``remove()`` after the namespace has ended."""

    def __init__(self, inside: Namespace, runtime: Path, env: dict[str, str]) -> None:
        if not PROGRAM.exists():
            raise programs.MissingProgram(f"systemd is missing ({PROGRAM}); install it with: make test (as root), or the line that it prints")
        self.inside, self.env = inside, {**env, "SYSTEMD_LOG_TARGET": "console"}
        runtime.mkdir(mode=0o700)
        name = f"lab-{os.getpid()}-{next(_count)}"  # the same in each hierarchy: systemd takes one for all
        self.groups = [folder / name for folder in own_groups()]
        try:
            for group in self.groups:
                group.mkdir()
        except OSError as problem:
            self.remove()
            raise NamespaceError(f"Cannot make a control group for systemd: {problem}. Run the tests as root.") from None
        # systemd only starts where it finds this folder, which a system that it booted has.
        inside.run(["sh", "-c", "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system"], {"PATH": os.defpath + ":/usr/sbin:/sbin"})
        self.log = runtime.with_name("systemd.txt")
        words = ["sh", "-c", 'for group; do echo $$ > "$group/cgroup.procs"; done; exec /lib/systemd/systemd --user', "systemd", *map(str, self.groups)]
        self.process = inside.popen(words, self.env, stdin=subprocess.DEVNULL, stdout=self.log.open("wb"), stderr=subprocess.STDOUT)

    def wait(self) -> None:
        def ready() -> bool:
            if self.process.poll() is not None:
                raise RuntimeError(f"systemd --user ended: {self.log.read_text()[-800:]}")
            return self.ask("is-system-running") in {"running", "degraded"}

        wait_until(ready, 30, "the start of systemd --user")

    def ask(self, *words: str) -> str:
        return self.inside.run(["systemctl", "--user", *words], self.env).stdout.strip()

    def show(self, unit: str, name: str) -> str:
        """One property of a unit, such as MainPID."""
        return self.ask("show", "--property", name, "--value", unit)

    def remove(self) -> None:
        """Remove the control groups. What was in them has ended with the namespace."""
        for group in self.groups:
            if group.exists():
                wait_until(lambda group=group: _removed(group), 10, f"the removal of {group}")


def _removed(group: Path) -> bool:
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            return False
    return not group.exists()
