"""Starts the real LiteLLM with one configuration after the other, warm, in one namespace."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.litellm_fork import Forker, shim
from tests.lab.namespace import Namespace
from tests.schemas import ENV

#: Seconds LiteLLM may take to listen; some configurations wait for a Redis that is not there.
PATIENCE = 60
FIRST_PORT = 5000


@dataclass(frozen=True)
class Outcome:
    """``does``: starts (it answered /health/readiness) or exits; ``log`` is all it printed."""

    does: str
    status: int | None
    log: str
    seconds: float


class Starter:
    """``with starter(forker) as start: start.run(text, env)``"""

    def __init__(self, inside: Namespace, forker: Forker) -> None:
        self.inside = inside
        (inside.mnt / "home").mkdir()
        shim(inside.mnt / "litellm", forker.address)
        self.numbers = itertools.count(1)

    def run(self, config: str, env: dict[str, str], beside: Iterable[Path] = ()) -> Outcome:
        """Start it with this configuration and end it. ``beside``: files its folder also holds. May run several at a time."""
        number = next(self.numbers)
        folder, port, began = self.inside.mnt / f"start-{number}", FIRST_PORT + number, time.monotonic()
        folder.mkdir()
        (folder / "config.yaml").write_text(config, "utf-8")
        for path in beside:
            shutil.copy(path, folder)
        full = {"PATH": os.defpath, "HOME": "/mnt/home", "LANG": "C.UTF-8", "LITELLM_LOCAL_MODEL_COST_MAP": "True", **env}
        words = ["/mnt/litellm", "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
        with (folder / "log.txt").open("wb") as log:
            process = self.inside.popen(words, full, Path("/mnt") / folder.name, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            does = self._wait(process, port, began)
        finally:
            process.terminate()
            process.wait()
        return Outcome(does, process.returncode, (folder / "log.txt").read_text(errors="replace"), time.monotonic() - began)

    def _wait(self, process: subprocess.Popen[bytes], port: int, began: float) -> str:
        while time.monotonic() - began < PATIENCE:
            if process.poll() is not None:
                return "exits"
            if ("127.0.0.1", port) in self.inside.listeners():
                answer = self.inside.run(["curl", "-s", "-m", "20", f"http://127.0.0.1:{port}/health/readiness"], {"PATH": os.defpath})
                return "starts" if '"status":"healthy"' in answer.stdout else f"answers {answer.stdout[:80]!r}"
            time.sleep(0.02)
        return f"neither starts nor exits within {PATIENCE} s"


@contextmanager
def starter(forker: Forker) -> Iterator[Starter]:
    with Namespace({}) as inside:
        yield Starter(inside, forker)


def dummy_environment(config: str) -> dict[str, str]:
    """A value of no use for every variable a configuration names, of a form its reader takes."""
    env = dict(ENV)
    for name in re.findall(r"os\.environ/(\w+)", config):
        kinds = {"PORT": "1", "HOST": "127.0.0.1", "BASE": "http://127.0.0.1:9", "URL": "http://127.0.0.1:9"}
        env.setdefault(name, next((value for ending, value in kinds.items() if name.endswith(ending)), "of-no-use"))
    return env
