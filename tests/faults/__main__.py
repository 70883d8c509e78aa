"""``make faults``: three seeds of the whole catalogue, or what is named."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import yaml

from macros.ledger import Book, BookError, load
from tests.faults import __doc__ as about
from tests.faults import score
from tests.faults.catalogue import Catalogue, Run
from tests.faults.machine import Machine
from tests.lab import ending, programs, room
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import NamespaceError, wait_until

REPORT = programs.ROOT / "reports" / "faults.json"
FIGURES = programs.ROOT / "snippets" / "facts" / "faults.yaml"
SEEDS = (1, 2, 3)
#: How many machines ask at the same time. Much of a run is waiting for what never answers.
MACHINES = 3


def parts(runs: list[Run]) -> list[list[Run]]:
    """Runs that one machine does one after the other: those with one LiteLLM, which takes long to start. The slow ones come first."""
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        probed = "--probe" in run.change.get("arguments", [])
        groups[json.dumps([not probed, run.change.get("litellm"), run.change.get("egress")], sort_keys=True)].append(run)
    result = []
    for key, group in sorted(groups.items()):
        most = 12 if json.loads(key)[0] else 3
        result += [group[at : at + most] for at in range(0, len(group), most)]
    return result


def ask_all(
    book: Book, catalogue: Catalogue, seed: int, runs: list[Run], forker: Forker,
    tell: Callable[[dict[str, Any]], None] = lambda row: None, machines: int = MACHINES,
) -> list[dict[str, Any]]:  # fmt: skip
    """The rows of these runs, in their order. What is running ends soon when one machine fails, or is interrupted."""
    over = threading.Event()
    todo = iter(parts(runs))
    rows: dict[str, dict[str, Any]] = {}

    def one() -> None:
        with Machine(book, catalogue, seed, forker) as machine:
            for run in itertools.chain.from_iterable(todo):
                if over.is_set():
                    return
                rows[run.id] = score.row(run, machine.ask(run))
                tell(rows[run.id])

    with ThreadPoolExecutor(machines) as pool:
        try:
            for machine in as_completed([pool.submit(one) for _ in range(min(machines, len(runs)))]):
                machine.result()
        except BaseException:
            over.set()
            raise
    return [rows[run.id] for run in runs]


def line(row: dict[str, Any]) -> str:
    """What is wrong with a row, in one line."""
    if row["problem"]:
        return f"{row['id']} on {row['setup']}: {row['problem']}"
    wanted = " and ".join("/".join(causes) for causes in row["expected"]) or "nothing"
    return f"{row['id']} on {row['setup']} (seed {row['seed']}): wanted {wanted}, told {', '.join(row['found']) or 'nothing'}"


def complain(row: dict[str, Any]) -> None:
    if not score.passed(row):
        print(line(row), flush=True)


def write(rows: list[dict[str, Any]], seeds: list[int], whole: bool) -> dict[str, Any]:
    """``reports/faults.json``, and with the whole catalogue the figures that the evidence page shows. Written after each seed."""
    by_seed = [{"seed": seed, **score.summary(row for row in rows if row["seed"] == seed)} for seed in seeds]
    data = {"day": time.strftime("%Y-%m-%d"), "summary": score.summary(rows), "seeds": by_seed, "rows": rows}
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if whole:
        head = "# What the doctor said of the faults in tests/faults, one row for each seed. Written by `make faults`.\n"
        FIGURES.write_text(head + yaml.safe_dump({"day": data["day"], "seeds": by_seed}, sort_keys=False, default_flow_style=None, width=200), "utf-8")
    return data


def main(given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, action="append", help=f"may be repeated; without it {', '.join(map(str, SEEDS))}")
    parser.add_argument("id", nargs="*", help="a fault, a setup, or one of healthy.yaml")
    options = parser.parse_args(given)
    seeds = options.seed or list(SEEDS)
    ending.in_order()
    try:
        book, catalogue = load(), Catalogue()
        rows = []
        with room.workshop("faults-") as folder, Forker(folder, programs.litellm_python()) as forker:
            wait_until(forker.ready, 120, "the import of LiteLLM")
            for seed in seeds:
                began = time.monotonic()
                runs = catalogue.runs(seed, options.id)
                rows += ask_all(book, catalogue, seed, runs, forker, complain)
                print(f"seed {seed}: {len(runs)} runs in {time.monotonic() - began:.0f} s", flush=True)
                data = write(rows, seeds[: seeds.index(seed) + 1], not options.id and seeds == list(SEEDS) and seed == seeds[-1])
    except (BookError, NamespaceError, programs.MissingProgram, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; only whole seeds were written.", file=sys.stderr)
        return 130
    print(", ".join(f"{name} {count}" for name, count in data["summary"].items()))
    wrong = [f"seed {counts['seed']}: {problem}" for counts in data["seeds"] for problem in score.shortfalls(counts)]
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
