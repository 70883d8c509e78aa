"""A shell in a namespace into which blocks of a page are pasted, one by one."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shlex
import struct
import termios
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.namespace import Namespace, wait_until

CONTROL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[=>78])|\r(?=\n)")

#: A line that is taken back: its beginning again, and what stood there erased.
ERASED = re.compile(r"[^\n]*\r\x1b\[K")

#: Printed after a block, and not shown by a terminal: all that the block printed has arrived once this has.
MARK, MARKED = r"\033]lab\007", "\x1b]lab\x07"


def visible(text: str) -> str:
    """What a terminal shows of a program's output: lines that were taken back and control sequences removed."""
    return CONTROL.sub("", ERASED.sub("", text).replace("\r", "\n"))


#: How each shell is started, without files of the reader's, and with jobs as in a terminal.
SHELLS = {"bash": ["bash", "--noprofile", "--norc", "-m"], "zsh": ["zsh", "-f", "-i"]}


class Hang(Exception):
    """A block did not end within its time."""


@dataclass
class Result:
    """What one block did. ``status`` is None while a service still runs."""

    status: int | None
    output: str
    seconds: float
    added: dict[str, str] = field(default_factory=dict)
    after: dict[str, str | None] = field(default_factory=dict)


class Terminal:
    """An empty home folder, an environment built from nothing, the shell that its SHELL names (bash unless told), and a real terminal."""

    def __init__(self, inside: Namespace, folder: Path, env: dict[str, str], cwd: Path, view: list[str] | None = None) -> None:
        """``folder`` is below the namespace's ``mnt``; ``cwd`` is a path inside; ``view``: the command that narrows what it sees."""
        self.inside = inside
        self.folder = folder
        self.at = Path("/mnt") / folder.relative_to(inside.mnt)
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "screen.txt"
        self.env: dict[str, str] = dict(env)
        self.count = 0
        self.keyboard, screen = pty.openpty()
        settings = termios.tcgetattr(screen)
        settings[1] &= ~termios.OPOST  # line ends as the program wrote them
        termios.tcsetattr(screen, termios.TCSANOW, settings)
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        commands, self.commands = os.pipe()
        self.process = inside.popen(
            [*(view or []), "setsid", "--ctty", *SHELLS[Path(env.get("SHELL", "bash")).name], f"/dev/fd/{commands}"], env, cwd,
            stdin=screen, stdout=screen, stderr=screen, pass_fds=(commands,), start_new_session=True,
        )  # fmt: skip
        os.close(screen)
        os.close(commands)
        # Commands come from a pipe, so that the terminal stays free for what a reader types.
        self._send(f"lab_commands={commands}; exec {{lab_commands}}<&-; unset lab_commands; trap : INT\n")
        self.log.touch()
        self.reading = threading.Lock()
        self.reader = threading.Thread(target=self._record, daemon=True)
        self.reader.start()

    def _record(self) -> None:
        with self.log.open("ab", buffering=0) as log:
            while True:
                try:
                    select.select([self.keyboard], [], [])
                    with self.reading:
                        data = os.read(self.keyboard, 65536)
                        log.write(data)
                except (OSError, ValueError):
                    return
                if not data:
                    return

    def _is_recorded(self) -> bool:
        """Whether all that programs wrote to the terminal is in the log."""
        with self.reading:
            return not select.select([self.keyboard], [], [], 0)[0]

    def _send(self, text: str) -> None:
        try:
            os.write(self.commands, text.encode())
        except BrokenPipeError:
            raise Hang(f"the terminal is gone; last it showed:\n{self.screen()[-2000:]}") from None

    def _environment(self, name: str) -> dict[str, str]:
        data = (self.folder / name).read_text()
        found = dict(item.split("=", 1) for item in data.split("\0") if item)
        return {key: value for key, value in found.items() if key not in {"_", "SHLVL", "PWD", "OLDPWD", "LOGNAME"}}  # shells set these themselves

    def screen(self) -> str:
        return self.log.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")

    def start(self, text: str, lab: dict[str, str], types: list[tuple[str, bool]]) -> None:
        """Paste a block. ``lab`` is exported for this block only; ``types``: lines, and whether the block must hide them."""
        self.count += 1
        self.began, self.offset = time.monotonic(), len(self.screen())
        block = self.folder / f"block-{self.count}.sh"
        block.write_text(text + "\n")
        setup = self.folder / f"setup-{self.count}.sh"
        at = shlex.quote(str(self.at))
        exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in lab.items())
        unsets = "".join(f"unset {name}; " for name in lab)
        setup.write_text(f"{exports}env -0 > {at}/before\n")
        done = f"{at}/status-{self.count}"
        self._send(
            f". {at}/{setup.name}\n. {at}/{block.name}\nlab_status=$?; {unsets}"  # three lines: Ctrl-C ends only the one it meets
            f"env -0 > {at}/after; printf '{MARK}'; echo $lab_status > {done}.new; mv {done}.new {done}\n"
        )
        for line, hidden in types:
            if hidden:
                self._wait_until_hidden()
            os.write(self.keyboard, f"{line}\n".encode())

    def _wait_until_hidden(self, seconds: float = 3) -> None:
        """Until what is typed does not show, as a reader waits for the prompt; a block that never hides it shows it."""
        end = time.monotonic() + seconds
        while termios.tcgetattr(self.keyboard)[3] & termios.ECHO and time.monotonic() < end:
            time.sleep(0.02)

    def _status(self) -> Path:
        return self.folder / f"status-{self.count}"

    def is_done(self) -> bool:
        return self._status().exists()

    def finish(self, seconds: float) -> Result:
        """Wait for the block to end. Raises Hang, with the screen so far."""
        try:
            wait_until(lambda: self.is_done() or self.process.poll() is not None, seconds, "the end of the block")
        except TimeoutError:
            raise Hang(f"the block did not end within {seconds:g} s; so far it printed:\n{self.screen()[self.offset :][-2000:]}") from None
        if not self.is_done():
            raise Hang(f"the block ended the terminal; it printed:\n{self.screen()[self.offset :][-2000:]}")
        wait_until(lambda: MARKED in self.screen()[self.offset :], 20, "the arrival of what the block printed")
        return self._result(int(self._status().read_text()))

    def _result(self, status: int | None) -> Result:
        wait_until(lambda: not self.reader.is_alive() or self._is_recorded(), 10, "the last of what the block printed")
        before = self._environment("before")
        added = {name: value for name, value in before.items() if self.env.get(name) != value}
        if status is not None:
            self.env = self._environment("after")
        return Result(status, visible(self.screen()[self.offset :]), time.monotonic() - self.began, added, dict(self.env))

    def running(self) -> Result:
        """The result of a block that keeps running."""
        return self._result(None)

    def run(self, text: str, lab: dict[str, str] | None = None, types: list[tuple[str, bool]] | None = None, seconds: float = 60) -> Result:
        self.start(text, lab or {}, types or [])
        return self.finish(seconds)

    def interrupt(self, seconds: float = 20) -> None:
        """Press Ctrl-C."""
        os.write(self.keyboard, b"\x03")
        self.finish(seconds)

    def close(self) -> None:
        """Let go of the files; the namespace ends the processes."""
        for number in (self.commands, self.keyboard):
            os.close(number)
