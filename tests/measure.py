"""Measures what a contributor and a reader wait for; asserts nothing.

    python -m tests.measure

Writes ``reports/measure.json``: the site's build, a forked LiteLLM against a
cold one up to the first answered request, every executed block, and the
quickstart. Medians; every key names its unit.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macros import render
from macros.ledger import Book, BookError, load
from tests.lab import ending, litellm_fork, programs, room, variants
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.namespace import NamespaceError, wait_until
from tests.lab.replay import Replay, Row
from tests.lab.world import HOME, World

ROOT = programs.ROOT
REPORT = ROOT / "reports" / "measure.json"
TIMES = 5
FOLDER = "patterns/local-gateway"
#: Asks until it is answered; prints one line before it begins, and the status of the answer.
ASK = """
import sys, time, urllib.error, urllib.request
address, key, body = sys.argv[1:]
headers = {"authorization": "Bearer " + key, "anthropic-version": "2023-06-01", "content-type": "application/json"}
print("ready", flush=True)
while True:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body.encode(), headers), timeout=120) as answer:
            print(answer.status, flush=True)
            break
    except urllib.error.HTTPError as problem:
        print(problem.code, problem.read().decode(), flush=True)
        break
    except OSError:
        time.sleep(0.01)
"""


class MeasureError(Exception):
    """What was to be measured does not work; says what."""


# The site ---------------------------------------------------------------------------


def build(folder: Path) -> tuple[float, float]:
    """Build the site into a new folder: (seconds, peak memory in MiB)."""
    command = [str(programs.VENV / "site" / "bin" / "python"), "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    env = {"PATH": os.defpath, "LANG": "C.UTF-8", "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)  # this child's own figures, not the largest of all children
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    shutil.rmtree(folder, ignore_errors=True)
    if process.returncode != 0:
        raise MeasureError("The site does not build; run: make site")
    return seconds, usage.ru_maxrss / 1024


def site_build(folder: Path) -> dict[str, Any]:
    """Median seconds and MiB of fresh builds."""
    builds = [build(folder / "site") for _ in range(TIMES)]
    return {
        "builds": TIMES,
        "median_seconds": round(statistics.median(seconds for seconds, _ in builds), 2),
        "median_peak_mebibytes": round(statistics.median(memory for _, memory in builds), 1),
        "every_seconds": [round(seconds, 2) for seconds, _ in builds],
    }


# The gateway ------------------------------------------------------------------------


@contextmanager
def prepared(book: Book, forker: litellm_fork.Forker | None) -> Iterator[World]:
    """A reader's machine, with everything ready for the page's start block."""
    with World(book, ROOT / "site") as world:
        folder = world.home / "litellm-gateway"
        if forker:
            world.install_warm(forker)
        else:
            (folder / "venv" / "bin").mkdir(parents=True)
            (folder / "venv" / "bin" / "litellm").symlink_to(programs.litellm_command()[-1])
        (folder / "config.yaml").write_text(render.text(book, book.block(f"{FOLDER}/config.yaml")) + "\n")
        (folder / "master-key").write_text("sk-lab-master-key-of-no-use-anywhere\n")
        yield world


def first_answer(book: Book, forker: litellm_fork.Forker | None) -> float:
    """Seconds from the page's start command to the first answered request; cold without a forker."""
    with prepared(book, forker) as world:
        key = (world.home / "litellm-gateway" / "master-key").read_text().strip()
        body = {"model": book.fact("models.default"), "max_tokens": 16, "messages": [{"role": "user", "content": "Reply with one word: first"}]}
        address = f"{book.fact('site.gateway_address')}/v1/messages"
        client = world.inside.popen(
            [str(programs.python()), "-c", ASK, address, key, json.dumps(body)], world.env, HOME, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        assert client.stdout
        client.stdout.readline()
        env = {**world.env, **book.fact("lab.differences.provider.env"), "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY}
        env["SSL_CERT_FILE"] = env["SSL_CERT_FILE"].format(lab="/mnt/lab")
        with (world.lab / "start.txt").open("wb") as log:
            began = time.monotonic()
            world.inside.popen(["bash", "-c", render.text(book, book.block(f"{FOLDER}/start.sh"))], env, HOME, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            answer = client.stdout.readline().decode().strip()
            seconds = time.monotonic() - began
        if answer != "200":
            raise MeasureError(f"The gateway does not answer: {answer or 'nothing'}; run: make test")
        return seconds


def gateway(book: Book, forker: litellm_fork.Forker) -> dict[str, Any]:
    """Alternating pairs, so that both meet the same machine."""
    pairs = [(first_answer(book, forker), first_answer(book, None)) for _ in range(TIMES)]
    forked, cold = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "pairs": TIMES,
        "forked_median_seconds": round(forked, 2),
        "cold_median_seconds": round(cold, 2),
        "cold_over_forked_median_ratio": round(statistics.median(one / other for other, one in pairs), 1),
        "every_pair_forked_cold_seconds": [[round(value, 2) for value in pair] for pair in pairs],
    }


# The blocks ---------------------------------------------------------------------------


def blocks(book: Book) -> dict[str, list[Row]]:
    """A cold replay of each page, in each of its variants: name of page and variant -> rows."""
    rows = json.loads((ROOT / "site" / "evidence" / "blocks.json").read_text("utf-8"))
    replays = {}
    for page in dict.fromkeys(row["page"] for row in rows):
        for variant in variants.of(book, page):
            name = f"{page}?{variant}" if variant else page
            replays[name] = Replay(book, ROOT / "site", page, variant=variant).run()
            for row in replays[name]:
                if row.outcome == "failed":
                    raise MeasureError(f"{row.key} fails: {row.message.splitlines()[0]}; run: make test")
    return replays


def page_times(rows: list[Row]) -> dict[str, Any]:
    """Seconds of each block of a page that ran something, and of all blocks."""
    return {
        "all_blocks_seconds": round(sum(row.seconds for row in rows), 1),
        "block_seconds": {row.block.id: row.seconds for row in rows if row.block.check in {"run", "native", "symptom"} and row.outcome == "passed"},
    }


# The command ----------------------------------------------------------------------------


def table(data: dict[str, Any]) -> str:
    site, gate = data["site_build"], data["first_answered_request"]
    lines = [
        f"site build              {site['median_seconds']:8.2f} s   {site['median_peak_mebibytes']:.0f} MiB at most   (median of {site['builds']})",
        f"first answer, forked    {gate['forked_median_seconds']:8.2f} s   (median of {gate['pairs']})",
        f"first answer, cold      {gate['cold_median_seconds']:8.2f} s   {gate['cold_over_forked_median_ratio']:.1f} times as long",
        f"quickstart, all blocks  {data['quickstart_machine_seconds']:8.1f} s",
    ]
    for page, times in data["pages"].items():
        slowest = sorted(times["block_seconds"].items(), key=lambda item: -item[1])[:3]
        lines.append(
            f"{page}  {times['all_blocks_seconds']:.1f} s; slowest: " + ", ".join(f"{name.rsplit('/', 1)[-1]} {seconds:.1f} s" for name, seconds in slowest)
        )
    return "\n".join(lines)


def measure() -> dict[str, Any]:
    """Everything. Raises MeasureError, MissingProgram, NamespaceError or BookError."""
    book = load()
    with room.workshop("measure-") as folder:
        site = site_build(folder)
        with litellm_fork.Forker(folder, programs.litellm_python()) as forker:
            wait_until(forker.ready, 120, "the import of LiteLLM")
            first = gateway(book, forker)
        pages = {page: page_times(rows) for page, rows in blocks(book).items()}
    return {
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "python": platform.python_version()},
        "site_build": site,
        "first_answered_request": first,
        "quickstart_machine_seconds": pages["start/quickstart/"]["all_blocks_seconds"],
        "pages": pages,
    }


def main() -> int:
    ending.in_order()
    try:
        data = measure()
    except (MeasureError, BookError, NamespaceError, programs.MissingProgram, RuntimeError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; nothing was written.", file=sys.stderr)
        return 130
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{table(data)}\nWritten: {REPORT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
