"""Practise a pattern without an API key: a real gateway, and a stand-in for the provider behind it.

    python -m tests.lab.play local-gateway        PORT=4001: another port than the page's

Prints what to paste into another terminal, then one line for each request,
until Ctrl-C. Needs no root and no namespace.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from macros import render, renderings
from macros.ledger import Book, BookError, load, read_yaml
from tests.lab import programs
from tests.lab.anthropic_api import LAB_KEY

SECONDS_TO_START = 120
SECONDS_TO_END = 15


class PlayError(Exception):
    """One line that says what to do, and the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


# What there is to practise ------------------------------------------------------------


def patterns(book: Book) -> list[str]:
    """The patterns with a gateway's configuration and a client's."""
    folders = (book.snippets / "patterns").iterdir()
    return sorted(folder.name for folder in folders if (folder / "config.yaml").exists() and (folder / "client.yaml").exists())


def chosen_port(book: Book, text: str | None) -> int:
    """``text`` or the page's port, free. Raises PlayError when it is no port or taken."""
    try:
        port = int(text) if text else int(book.fact("site.gateway_port"))
        if not 0 < port < 65536:
            raise ValueError
    except ValueError:
        raise PlayError(f"PORT={text} is no port; write a number, as in: PORT=4001 make lab") from None
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    if taken:
        raise PlayError(f"Something listens on port {port} of 127.0.0.1 already; end it, or take another port: PORT={port + 1} make lab")
    return port


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def client(book: Book, pattern: str, port: int, key: Path) -> dict[str, str]:
    """The page's client configuration with this port and key file: shell -> what to paste."""
    definition = read_yaml(book.snippets / "patterns" / pattern / "client.yaml")
    pages_own = f":{book.fact('site.gateway_port')}"
    env = {name: re.sub(rf"{pages_own}(?=/|$)", f":{port}", value) for name, value in definition["env"].items()}

    def with_file(path: str) -> dict[str, Any]:
        return {**definition, "env": env, "credential": {**definition["credential"], "file": path}}

    return {"bash, zsh": renderings.bash(with_file(shlex.quote(str(key)))), "PowerShell": renderings.powershell(with_file(str(key)))}


# The programs ---------------------------------------------------------------------------


def environment(home: Path) -> dict[str, str]:
    """An environment built from nothing, with what this system's Python cannot do without."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC") if name in os.environ}
    return {**kept, "PATH": os.defpath, "HOME": str(home), "USERPROFILE": str(home), "TMPDIR": str(home), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def program(name: str, command: list[str], env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block; what it prints goes to ``folder/<name>.log``."""
    # A group of its own: Ctrl-C ends this program, which then ends its children.
    own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **own)  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(SECONDS_TO_END)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C does not wait
                process.kill()
                process.wait()


def wait_for(address: str, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until ``address`` answers at all. Raises PlayError when the program ends or takes too long."""
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        if process.poll() is not None:
            break
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    raise PlayError(f"{name} does not serve {address}; the last it printed: {lines[-1] if lines else 'nothing'}")


@contextmanager
def gateway(book: Book, pattern: str, port: int, folder: Path) -> Iterator[Path]:
    """The stand-in and, in front of it, LiteLLM with the page's own configuration; yields the master key's file."""
    key = folder / "master-key"
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"sk-{secrets.token_urlsafe(32)}\n")
    (folder / "config.yaml").write_text(render.text(book, book.block(f"patterns/{pattern}/config.yaml")) + "\n", "utf-8")
    provider, models = free_port(), [word for model in book.fact("models.ids") for word in ("--model", model)]
    env = environment(folder)
    with ExitStack() as stack:
        stand_in = stack.enter_context(
            program(
                "provider", [sys.executable, "-m", "tests.lab.anthropic_api", "--folder", str(folder / "provider"), "--port", str(provider), *models],
                {**env, "PYTHONPATH": str(programs.ROOT)}, folder,
            )
        )  # fmt: skip
        wait_for(f"http://127.0.0.1:{provider}/", "The provider's stand-in", stand_in, folder / "provider.log")
        litellm = stack.enter_context(
            program(
                "gateway", [*programs.litellm_command(), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
                {
                    **env, "ANTHROPIC_API_BASE": f"http://127.0.0.1:{provider}", "LITELLM_MASTER_KEY": key.read_text().strip(),
                    "LITELLM_LOCAL_MODEL_COST_MAP": "True", "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY,
                }, folder,
            )
        )  # fmt: skip
        wait_for(f"http://127.0.0.1:{port}/health/readiness", "LiteLLM", litellm, folder / "gateway.log")
        yield key


# What the reader sees ----------------------------------------------------------------------


def instructions(book: Book, pattern: str, port: int, key: Path) -> str:
    """What to paste, and how to run Claude Code."""
    parts = [f"LiteLLM {book.fact('versions.litellm.version')} answers at http://127.0.0.1:{port}; behind it a stand-in plays the provider."]
    for shell, text in client(book, pattern, port, key).items():
        parts.append(f"Paste into another terminal ({shell}):\n\n" + "".join(f"  {line}\n" for line in text.splitlines()))
    parts.append("Then start Claude Code there:\n\n  claude\n")
    try:
        parts.append(f"or, when you have none, the one of the tests:\n\n  {programs.claude()}\n")
    except programs.MissingProgram as problem:
        parts.append(f"(The tests' own: {problem}.)")
    parts.append("It answers from the stand-in, which is no model. Each request appears here. Ctrl-C ends this and removes the key.")
    return "\n".join(parts)


def one_line(request: dict[str, Any]) -> str:
    """Time, model, status, and who sent it, of one record of the stand-in's."""
    agent = request["headers"].get("user-agent", "")
    way = f"through the gateway ({agent})" if agent.startswith("litellm/") else f"NOT through the gateway ({agent or 'no user-agent'})"
    model = request["body"].get("model", "no model") if isinstance(request["body"], dict) else "no model"
    return f"{time.strftime('%H:%M:%S', time.localtime(request['at']))}  {request['method']} {request['path']}  {model}  {request['status']}  {way}"


def requests(path: Path, seen: int) -> list[dict[str, Any]]:
    """The records from number ``seen`` on; a line that is still being written comes next time."""
    lines = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines[seen:]]


def watch(path: Path, seen: int) -> None:
    """Show each request as it passes, for ever."""
    while True:
        for request in requests(path, seen):
            print(one_line(request), flush=True)
            seen += 1
        time.sleep(0.2)


def play(pattern: str) -> None:
    """Until KeyboardInterrupt. Raises PlayError, MissingProgram or BookError before it starts."""
    book = load()
    if pattern not in patterns(book):
        raise PlayError(f"No pattern {pattern!r} to practise; there are: {', '.join(patterns(book))}. Write: make lab PATTERN={patterns(book)[0]}", 2)
    port = chosen_port(book, os.environ.get("PORT"))
    with tempfile.TemporaryDirectory(prefix="handbook-lab-") as name:
        folder = Path(name).resolve()
        print("Starting LiteLLM, which takes 5 to 15 seconds ...", flush=True)
        with gateway(book, pattern, port, folder) as key:
            print(instructions(book, pattern, port, key), flush=True)
            log = folder / "provider" / "requests.jsonl"
            watch(log, len(requests(log, 0)))


def main(arguments: list[str]) -> int:
    """0 after Ctrl-C, 1 when something is missing or taken, 2 for an unknown pattern."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)
    try:
        play(arguments[0] if arguments else "")
    except KeyboardInterrupt:
        print("\nEnded.", flush=True)
        return 0
    except PlayError as problem:
        print(problem, file=sys.stderr)
        return problem.status
    except (BookError, programs.MissingProgram) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
