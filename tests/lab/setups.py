"""Good and bad setups in which a check is run: ``tests/setups/<file>.yaml``, entry by entry.

A setup is shell text, run in a shell with a home of its own after
``tests/setups/prelude.sh``; ``gateway`` there starts a real LiteLLM.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from macros.ledger import read_yaml
from tests.lab import programs
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.world import World

if TYPE_CHECKING:
    from tests.lab.replay import Replay, Row

FOLDER = programs.ROOT / "tests" / "setups"
#: What must never be printed, wherever a setup writes it.
SECRET = re.compile(r"(?<![\w-])sk-[\w-]{8,}|N0t-A-P@ss\S*")
#: kind of setup -> the status with which a check must end
STATUS = {"good": 0, "bad": 1}


def read(name: str) -> dict[str, dict[str, str]]:
    """The entry ``file/entry``: kind -> what the setup is -> shell text. Raises KeyError when there is none."""
    file, _, entry = name.partition("/")
    return read_yaml(FOLDER / f"{file}.yaml")[entry]


@dataclass(frozen=True)
class Outcome:
    """How a setup ended, and the block after it; ``output`` is the block's, or the setup's when that failed."""

    setup: int
    status: int | None
    output: str


#: Without a terminal, which costs a second; the page's replay has one.
SCRIPT = """. {at}/prelude.sh
. {at}/setup.sh > {at}/setup.txt 2>&1
echo $? > {at}/setup.status
if [ "$(cat {at}/setup.status)" = 0 ]; then . {at}/block.sh; echo $? > {at}/block.status; fi
tidy
"""


def run(world: World, setup: str, text: str, lab: dict[str, str], seconds: float = 60) -> Outcome:
    """Run a setup and then a block, in one shell with a home of its own."""
    home = Path(tempfile.mkdtemp(prefix="setup-", dir=world.inside.mnt))
    folder = Path(tempfile.mkdtemp(prefix="setup-", dir=world.lab))
    (home / "project").mkdir()
    at = Path("/mnt/lab") / folder.name
    for name, content in (("prelude.sh", (FOLDER / "prelude.sh").read_text()), ("setup.sh", setup + "\n"), ("block.sh", text + "\n")):
        (folder / name).write_text(content)
    env = {**world.env, **lab, "HOME": f"/mnt/{home.name}", "LAB_KEY": LAB_KEY}
    done = world.inside.run(["bash", "-c", SCRIPT.format(at=at)], env, Path(f"/mnt/{home.name}/project"), seconds)
    before = int((folder / "setup.status").read_text())
    if before:
        return Outcome(before, None, (folder / "setup.txt").read_text())
    return Outcome(0, int((folder / "block.status").read_text()), done.stdout + done.stderr)


def tells_apart(replay: Replay, row: Row, name: str) -> str | None:
    """What is wrong with a check in its setups, or None."""
    entry, wrong = read(name), []
    for kind, status in STATUS.items():
        for what, setup in entry.get(kind, {}).items():
            done = run(replay, setup, row.text, replay._lab(row.block), row.block.data.get("seconds", 60))
            lines = done.output.strip("\n").splitlines()
            if done.setup != 0:
                wrong.append(f"{what}: the setup itself failed:\n{done.output[-800:]}")
            elif done.status != status:
                wrong.append(f"{what}: it ended with {done.status}, expected {status}; it printed:\n{done.output[-800:]}")
            elif len(lines) != 1:
                wrong.append(f"{what}: it printed {len(lines)} lines, expected one:\n{done.output[-800:]}")
            elif any(secret in done.output for secret in SECRET.findall(setup)):
                wrong.append(f"{what}: it printed a key")
    return "; ".join(wrong) or None
