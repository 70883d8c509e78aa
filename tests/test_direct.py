"""What docs/patterns/direct.md claims beside its blocks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from macros.ledger import Book
from tests import bypass
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.replay import Replay
from tests.lab.world import DIRECT_PORT, World
from tests.test_local_gateway import Screen

pytestmark = pytest.mark.lab
PAGE, VERIFY = "patterns/direct/", "patterns/direct/verify.sh"
TRUST = {"SSL_CERT_FILE": "/mnt/lab/ca.pem"}
LOUD = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "", "DISABLE_AUTOUPDATER": ""}


# The replay fails, although a 200 comes back each time ----------------------------


def behind_a_proxy(replay: Replay) -> None:
    """Claude Code goes through a proxy that lets everybody through."""
    replay.start_squid()
    bypass.client(f'HTTPS_PROXY={replay.book.fact("site.proxy_address")} exec {{real}} "$@"\n')(replay)


#: The page asks for the version first.
VERSION = '[ "$1" = --version ] && exec {real} "$@"\n'
CURL = (
    'curl -s -o /dev/null "https://api.anthropic.com/v1/messages?beta=true" -H "x-api-key: $ANTHROPIC_API_KEY" '
    "-H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' "
    """-d '{"model":"claude-opus-5-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'; echo connected\n"""
)


@pytest.mark.parametrize(
    ("tamper", "printed", "why"),
    [
        (behind_a_proxy, "NOT all connections went to api.anthropic.com, port 443, but: 127.0.0.1:3128", "exit status 1"),
        (
            bypass.client(f'ANTHROPIC_BASE_URL=http://127.0.0.1:{DIRECT_PORT} exec {{real}} "$@"\n'),
            f"NOT all connections went to api.anthropic.com, port 443, but: 127.0.0.1:{DIRECT_PORT}",
            "the provider was called as 127.0.0.1:9400",
        ),
        (bypass.client(VERSION + CURL), "connected", "the provider's caller was 'curl/"),
    ],
    ids=["through a proxy", "through another host", "client is curl"],
)
def test_verification_fails(book: Book, site: Path, tamper: Any, printed: str, why: str) -> None:
    row, requests = bypass.replayed(book, site, PAGE, None, tamper, verify=VERIFY)
    assert {request["status"] for request in requests if request["path"] == "/v1/messages"} == {200}
    assert "connected" in row.output and printed in row.output, row.output
    assert row.outcome == "failed" and why in row.message, row.message


def test_verification_fails_without_a_connection(book: Book, site: Path) -> None:
    row, requests = bypass.replayed(book, site, PAGE, None, bypass.client(f"{VERSION}sleep 0.3; echo connected\n"), verify=VERIFY)
    assert requests == [] and row.status == 1
    assert "but: none was seen" in row.output


# What is sent with which credential -----------------------------------------------


@pytest.fixture(scope="module")
def world(book: Book, site: Path) -> Iterator[World]:
    with World(book, site) as machine:
        yield machine


def sent(world: World, env: dict[str, str], settings: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The requests of one ``claude -p`` in a new home folder."""
    home = f"home-{time.monotonic_ns()}"
    (world.inside.mnt / home / ".claude").mkdir(parents=True)
    (world.inside.mnt / home / "key").write_text(LAB_KEY)
    if settings:
        (world.inside.mnt / home / ".claude" / "settings.json").write_text(json.dumps(settings))
    before = len(world.all_requests())
    done = world.claude({**TRUST, **env}, "-p", "Reply with one word: seen", home=home)
    assert done.stdout == "seen\n", done.stdout + done.stderr
    return world.all_requests()[before:]


BEARER = f"Bearer {LAB_KEY}"


@pytest.mark.parametrize(
    ("env", "settings", "authorization", "key"),
    [
        ({"ANTHROPIC_API_KEY": LAB_KEY}, None, None, LAB_KEY),
        ({}, {"apiKeyHelper": "cat ~/key"}, BEARER, LAB_KEY),
        ({"CLAUDE_CODE_OAUTH_TOKEN": LAB_KEY}, None, BEARER, None),
    ],
    ids=["key", "helper", "subscription"],
)
def test_which_header_a_credential_goes_into(world: World, env: dict[str, str], settings: Any, authorization: str | None, key: str | None) -> None:
    requests = [request for request in sent(world, env, settings) if request["path"] == "/v1/messages"]
    assert [(request["headers"].get("authorization"), request["headers"].get("x-api-key")) for request in requests] == [(authorization, key)]


# Hosts ----------------------------------------------------------------------------
SETTINGS = {"/api/claude_code/settings", "/api/claude_code/policy_limits"}


@pytest.mark.parametrize("broken", [{"cut": 0}, {"cut": 4}, {"ends": 4}, {"index": 3}], ids=["no event", "in the middle", "in good order", "another block"])
def test_a_stream_that_breaks_is_asked_for_again_without_streaming(world: World, broken: dict[str, int]) -> None:
    """What docs/troubleshoot/network.md says of connections that are dropped: you see nothing of it."""
    (world.folder() / "behave.json").write_text(json.dumps(broken))
    before = len(world.all_requests())
    try:
        done = world.claude(world.direct_env(), "-p", "Reply with one word: whole")
    finally:
        (world.folder() / "behave.json").unlink()
    assert (done.stdout, done.returncode) == ("whole\n", 0)
    first, second = (item["body"] for item in world.all_requests()[before:])
    assert first["stream"] is True and not second.get("stream") and first["messages"] == second["messages"]


def test_the_switch_turns_telemetry_off_but_not_your_organisations_settings(world: World) -> None:
    key = {"ANTHROPIC_API_KEY": LAB_KEY}
    loud = {request["path"] for request in sent(world, {**key, **LOUD})}
    assert "/api/event_logging/v2/batch" in loud and loud > SETTINGS
    for value in ("1", "0"):
        quiet = {request["path"] for request in sent(world, {**key, **LOUD, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": value})}
        assert quiet == {"/v1/messages"} | SETTINGS, f"with the value {value}"


def session(world: World, env: dict[str, str], seconds: float) -> set[str]:
    """The names that an interactive session looks up; it asks one question."""
    before = len(world.all_names())
    screen = Screen(world, {"ANTHROPIC_API_KEY": LAB_KEY, **TRUST, **env})
    screen.wait_for("Do you want to use this API key?")
    screen.program.send("\x1b[A\r")
    screen.wait_for("❯\n")
    screen.program.send("Reply with one word: hello\r")
    screen.wait_for("● hello")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            screen.program.read_nonblocking(65536, 0.2)
        except pexpect.TIMEOUT:
            pass
    screen.program.close(force=True)
    return names(world.all_names()[before:])


def names(asked: list[str]) -> set[str]:
    return {"npm's registry" if name.startswith("registry.") else name for name in asked}


@pytest.mark.parametrize("quiet", [True, False], ids=["with the switch", "without it"])
def test_host_names_looked_up(book: Book, site: Path, quiet: bool) -> None:
    """snippets/facts/hosts.yaml; api.anthropic.com stands in the hosts file, so the name server is not asked for it."""
    listed = [row for row in book.fact("hosts.seen") if row["host"] != "api.anthropic.com" and (row["quiet"] or not quiet)]
    with World(book, site) as machine:
        (machine.inside.mnt / "interactive").mkdir()
        found = session(machine, {} if quiet else LOUD, 15)
        before = len(machine.all_names())
        sent(machine, {"ANTHROPIC_API_KEY": LAB_KEY, **({} if quiet else LOUD)})
        printed = names(machine.all_names()[before:])
    assert found == {row["host"] for row in listed if row["session"]}
    assert printed == {row["host"] for row in listed if row["print"]}
