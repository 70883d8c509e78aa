"""What docs/patterns/local-gateway-proxy.md claims beside its blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests import bypass
from tests.lab.litellm_fork import Forker
from tests.lab.replay import Replay
from tests.lab.world import World

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


# What the proxy says ---------------------------------------------------------------


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
