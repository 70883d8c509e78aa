"""Gateways that npm installs, each in front of one provider that speaks the Messages API.

``with start("portkey", folder, "http://127.0.0.1:9400", 4100) as gateway`` starts a real one on loopback and
tells where it listens and what a client must send. Run by hand::

    python -m tests.lab.gateways portkey --upstream http://127.0.0.1:9400 --port 4100
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import programs, room
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.namespace import Namespace, wait_until

#: What a client of claude-code-router shows it. Portkey asks for nothing; it is shown the provider's key, and passes it on.
ROUTER_KEY = "lab-router-not-a-real-key"


@dataclass(frozen=True)
class Gateway:
    """A running one. ``url``: for ANTHROPIC_BASE_URL; ``token``: for ANTHROPIC_AUTH_TOKEN; ``headers``: what a client sends besides."""

    name: str
    version: str
    url: str
    token: str
    headers: dict[str, str] = field(default_factory=dict)
    log: Path = Path(os.devnull)


def version(name: str) -> str:
    """The release that is installed."""
    return json.loads(programs.gateway(name, PACKAGES[name], "package.json").read_text())["version"]


def _portkey(folder: Path, upstream: str, port: int, models: list[str]) -> tuple[list[str], dict[str, str], str, dict[str, str]]:
    program = programs.gateway("portkey", PACKAGES["portkey"], "build/start-server.js")
    loopback = programs.ROOT / "snippets" / "gateways" / "portkey" / "loopback.mjs"
    command = [str(programs.node()), "--import", str(loopback), str(program), "--headless", f"--port={port}"]
    return command, {}, LAB_KEY, {"x-portkey-provider": "anthropic", "x-portkey-custom-host": f"{upstream}/v1"}


def _router(folder: Path, upstream: str, port: int, models: list[str]) -> tuple[list[str], dict[str, str], str, dict[str, str]]:
    provider = {
        "name": "anthropic", "api_base_url": f"{upstream}/v1/messages", "api_key": "$UPSTREAM_ANTHROPIC_API_KEY",
        "models": models, "transformer": {"use": ["Anthropic"]},
    }  # fmt: skip
    config = {"HOST": "127.0.0.1", "PORT": port, "APIKEY": ROUTER_KEY, "LOG": False, "Providers": [provider], "Router": {"default": f"anthropic,{models[0]}"}}
    (folder / ".claude-code-router").mkdir(parents=True)
    (folder / ".claude-code-router" / "config.json").write_text(json.dumps(config, indent=2))
    command = [str(programs.node()), str(programs.gateway("claude-code-router", PACKAGES["claude-code-router"], "dist/cli.js")), "start"]
    return command, {"UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY}, ROUTER_KEY, {}


PACKAGES = {"claude-code-router": "@musistudio/claude-code-router", "portkey": "@portkey-ai/gateway"}
KINDS: dict[str, Callable[..., tuple[list[str], dict[str, str], str, dict[str, str]]]] = {"claude-code-router": _router, "portkey": _portkey}


@contextmanager
def start(
    name: str, folder: Path, upstream: str, port: int, models: list[str] | None = None, inside: Namespace | None = None, env: dict[str, str] | None = None
) -> Iterator[Gateway]:
    """A gateway on 127.0.0.1:``port``, in front of ``upstream`` (without ``/v1``), until the block ends.

    ``folder`` is its home and must be empty. ``inside``: a namespace to run in; ``env``: what it has in its environment
    besides. Raises MissingProgram, or TimeoutError with the end of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command, own, token, headers = KINDS[name](folder, upstream, port, models or ["claude-opus-5-5"])
    log = folder / "gateway.log"
    with log.open("wb") as output:
        full = {"PATH": os.defpath, "HOME": str(folder), **own, **(env or {})}
        words = [str(programs.system("setpriv")), "--pdeathsig", "KILL", *command]
        run = inside.popen if inside else subprocess.Popen
        process = run(words, cwd=folder, env=full, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        try:
            wait_until(lambda: process.poll() is not None or _listens(port, inside), 30, f"the start of {name}")
        except TimeoutError as problem:
            raise TimeoutError(f"{problem}; it printed:\n{log.read_text()[-800:]}") from None
        if process.poll() is not None:
            raise TimeoutError(f"{name} ended instead of serving; it printed:\n{log.read_text()[-800:]}")
        yield Gateway(name, version(name), f"http://127.0.0.1:{port}", token, headers, log)
    finally:
        process.kill()
        process.wait()


def _listens(port: int, inside: Namespace | None) -> bool:
    if inside:
        return ("127.0.0.1", port) in inside.listeners()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(KINDS))
    parser.add_argument("--upstream", required=True, help="the provider, without /v1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        with room.room("gateway-") as folder, start(options.name, folder / "home", options.upstream, options.port) as gateway:
            print(json.dumps({"url": gateway.url, "token": gateway.token, "headers": gateway.headers}), flush=True)
            input("Enter ends it.\n")
    except (KeyboardInterrupt, EOFError):
        pass
    except (programs.MissingProgram, TimeoutError) as problem:
        parser.exit(1, f"{problem}\n")


if __name__ == "__main__":
    main()
