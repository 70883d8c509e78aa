"""What docs/patterns/local-gateway-proxy.md claims beside its blocks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests import bypass
from tests.lab import programs
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.replay import Replay
from tests.lab.terminal import Terminal
from tests.lab.world import HOME, World

pytestmark = pytest.mark.lab
PAGE = "patterns/local-gateway-proxy/"


# The replay fails, although a 200 comes back each time ----------------------------


def without_proxy(replay: Replay) -> None:
    """Keep the proxy from the gateway, which then reaches the provider by itself."""
    assert replay.forker
    install = replay.install_warm

    def install_without(forker: Forker) -> Path:
        command = install(forker)
        command.rename(command.with_name("litellm-forked"))
        command.write_text('#!/bin/sh\nexec env -u HTTPS_PROXY "$(dirname "$0")/litellm-forked" "$@"\n')
        command.chmod(0o755)
        return command

    replay.install_warm = install_without  # type: ignore[method-assign]


def relay(replay: Replay) -> None:
    """A proxy that would carry what NO_PROXY keeps from it, and a client without NO_PROXY."""
    assert replay.squid
    replay.squid.close()
    replay.start_squid(relays_local=True)
    bypass.client('exec env -u NO_PROXY {real} "$@"\n')(replay)


@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        (without_proxy, "the proxy did not carry api.anthropic.com:443"),
        (bypass.client(bypass.PAST_THE_GATEWAY), "the provider was called as 127.0.0.1:9400"),
        (bypass.client(bypass.CURL), "does not begin with Claude Code"),
        (relay, "the proxy carried http://127.0.0.1:4000"),
    ],
    ids=["Squid bypassed", "LiteLLM bypassed", "client is curl", "NO_PROXY removed"],
)
def test_verification_fails_when(book: Book, site: Path, forker: Forker, tamper: Any, why: str) -> None:
    row, requests = bypass.replayed(book, site, PAGE, forker, tamper, "open")
    assert {request["status"] for request in requests} == {200}
    assert "connected" in row.output
    assert row.outcome == "failed" and why in row.message, row.message


# Which program honours what -------------------------------------------------------

PYTHON = {
    "Python urllib": "import sys, urllib.request, urllib.error\ntry: urllib.request.urlopen(sys.argv[1])\nexcept urllib.error.HTTPError as e: print(e.code)",
    "Python requests": "import sys, requests\nprint(requests.get(sys.argv[1]).status_code)",
    "Python httpx": "import sys, httpx\nprint(httpx.get(sys.argv[1]).status_code)",
}
URL = "https://api.anthropic.com/v1/models"


@pytest.fixture(scope="module")
def world(book: Book, site: Path, forker: Forker) -> Iterator[World]:
    with World(book, site) as machine:
        machine.start_squid(inspect=True)
        folder = machine.install_warm(forker).parents[2]
        (folder / "config.yaml").write_text((book.snippets / "patterns/local-gateway/config.yaml").read_text())
        yield machine


def litellm_works(world: World, env: dict[str, str]) -> bool:
    """Whether a gateway started with this environment gets an answer from the provider."""
    name = f"gateway-{len(world.terminals)}"
    full = {**env, "LITELLM_MASTER_KEY": "sk-lab-master-key", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY}
    terminal = Terminal(world.inside, world.lab / f"terminal-{name}", full, HOME / "litellm-gateway")
    world.terminals[name] = terminal
    terminal.start("venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000", {}, [])
    wait_until(lambda: world.get("http://127.0.0.1:4000/health/readiness", {})[0] == 200, 60, "the start of the gateway")
    body = '{"model": "claude-haiku-5-5", "max_tokens": 9, "num_retries": 0, "messages": [{"role": "user", "content": "hi"}]}'
    done = world.inside.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:4000/v1/messages", "-H", "x-api-key: sk-lab-master-key",
         "-H", "content-type: application/json", "-d", body], {"PATH": os.defpath},
    )  # fmt: skip
    terminal.interrupt()
    return done.stdout == "200"


def works(world: World, program: str, env: dict[str, str]) -> bool:
    """Whether a program reaches the provider, which refuses it by 401: it has no key."""
    full = {**world.env, **env}
    if program == "LiteLLM":
        return litellm_works(world, full)
    if program == "Claude Code":
        done = world.claude({**env, "ANTHROPIC_AUTH_TOKEN": "sk-lab-wrong"}, "-p", "hi", home=f"cell-{len(os.listdir(world.inside.mnt))}")
        return "invalid x-api-key" in done.stdout or "Not logged in" in done.stdout or "401" in done.stdout
    if program == "curl":
        done = world.inside.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", URL], full)
    elif program == "Node fetch":
        done = world.inside.run([str(programs.node()), "-e", f"fetch('{URL}').then(r => console.log(r.status))"], full)
    else:
        done = world.inside.run([str(programs.litellm_python()), "-c", PYTHON[program], URL], full)
    return "401" in done.stdout


def carried(world: World) -> int:
    assert world.squid
    return len(world.squid.log())


def test_every_cell_of_the_table(world: World, book: Book) -> None:
    """snippets/facts/proxy.yaml, cell by cell; a wrong one is named."""
    wrong = []
    proxy = book.fact("site.proxy_address")
    trusted = {"SSL_CERT_FILE": "/mnt/reader/corporate-ca.pem", "NODE_EXTRA_CA_CERTS": "/mnt/reader/corporate-ca.pem",
               "REQUESTS_CA_BUNDLE": "/mnt/reader/corporate-ca.pem", "CURL_CA_BUNDLE": "/mnt/reader/corporate-ca.pem"}  # fmt: skip
    for row in book.fact("proxy.programs"):
        for name in ("HTTPS_PROXY", "https_proxy"):
            before = carried(world)
            works(world, row["name"], {name: proxy, **trusted})
            if (carried(world) > before) != row[name]:
                wrong.append(f"{row['name']}: {name} is {'not ' if row[name] else ''}honoured")
        before = carried(world)
        works(world, row["name"], {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": "api.anthropic.com", **trusted})
        if (carried(world) == before) != row["NO_PROXY"] and row["HTTPS_PROXY"]:
            wrong.append(f"{row['name']}: NO_PROXY is {'not ' if row['NO_PROXY'] else ''}honoured")
        for name, path in trusted.items():
            if works(world, row["name"], {"HTTPS_PROXY": proxy, "https_proxy": proxy, name: path}) != (name in row["certificate"]):
                wrong.append(f"{row['name']}: {name} {'does not help' if name in row['certificate'] else 'helps'}")
    assert wrong == []


def test_what_the_proxy_says_behind_two_misleading_messages(book: Book, site: Path) -> None:
    with World(book, site) as machine:
        squid = machine.start_squid(login=True)
        env = {"HTTPS_PROXY": book.fact("site.proxy_address"), "ANTHROPIC_AUTH_TOKEN": "sk-lab-any"}
        assert "ERR_PROXY_TUNNEL" in machine.claude(env, "-p", "hi").stdout
        assert {(entry.result, entry.url) for entry in squid.log()} == {("TCP_DENIED/407", "api.anthropic.com:443")}
        squid.close()
        squid = machine.start_squid()
        shown = machine.claude({**env, "ANTHROPIC_BASE_URL": "http://127.0.0.1:4000"}, "-p", "hi").stdout
        assert shown.startswith("Failed to authenticate. API Error: 403")
        assert {(entry.result, entry.url.split("/v1")[0]) for entry in squid.log()} == {("TCP_DENIED/403", "http://127.0.0.1:4000")}
