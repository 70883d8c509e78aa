"""Prompt caching and response caching: what Claude Code asks for, and what LiteLLM does with it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from macros.ledger import Book
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.terminal import Terminal
from tests.lab.world import HOME, World

pytestmark = pytest.mark.lab
KEY = "sk-lab-master-key-of-no-use-anywhere"
#: The page's gateway, and the same with LiteLLM's response cache.
GATEWAYS = {"plain": (4000, {}), "cached": (4001, {"litellm_settings": {"cache": True, "cache_params": {"type": "local"}}})}


@pytest.fixture(scope="module")
def world(book: Book, site: Any, forker: Forker) -> Iterator[World]:
    with World(book, site) as machine:
        folder = machine.install_warm(forker).parents[2]
        config = yaml.safe_load((book.snippets / "patterns/local-gateway/config.yaml").read_text())
        env = {**machine.env, "LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY,
               "SSL_CERT_FILE": "/mnt/lab/ca.pem"}  # fmt: skip
        for name, (port, more) in GATEWAYS.items():
            (folder / f"{name}.yaml").write_text(yaml.safe_dump({**config, **more}))
            machine.terminals[name] = Terminal(machine.inside, machine.lab / f"terminal-{name}", env, HOME / "litellm-gateway")
            machine.terminals[name].start(f"venv/bin/litellm --config {name}.yaml --host 127.0.0.1 --port {port}", {}, [])
            wait_until(lambda port=port: machine.serves(f"http://127.0.0.1:{port}/health/readiness"), 60, "the start of the gateway")
        yield machine


def ask(world: World, gateway: str, user: str, *turns: str) -> int:
    """Ask a gateway as a user; returns how many requests that made at the provider."""
    before = len(world.all_requests())
    messages = [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(turns)]
    body = {"model": world.book.fact("models.default"), "max_tokens": 9, "messages": messages, "metadata": {"user_id": user}}
    done = world.inside.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{GATEWAYS[gateway][0]}/v1/messages", "-H", f"x-api-key: {KEY}",
         "-H", "content-type: application/json", "-H", "anthropic-version: 2023-06-01", "-d", json.dumps(body)], {"PATH": os.defpath},
    )  # fmt: skip
    assert done.stdout == "200", done.stdout
    return len(world.all_requests()) - before


def marks(body: Any) -> int:
    """How many parts of a request ask to be cached."""
    if isinstance(body, dict):
        return ("cache_control" in body) + sum(marks(value) for value in body.values())
    return sum(map(marks, body)) if isinstance(body, list) else 0


def test_what_claude_code_sends(world: World) -> None:
    request = world.direct()
    assert request["path"] == "/v1/messages"
    assert {"anthropic-version", "anthropic-beta"} <= set(request["headers"])
    assert not [name for name in request["headers"] if "client-version" in name]
    assert not [item["path"] for item in world.all_requests() if "chat/completions" in item["path"]]


def test_claude_code_asks_for_prompt_caching_itself(world: World) -> None:
    assert marks(world.direct()["body"]) >= 1


def test_the_gateway_passes_the_request_for_prompt_caching_on(world: World) -> None:
    direct = marks(world.direct()["body"])
    before = len(world.all_requests())
    done = world.claude({"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000", "ANTHROPIC_AUTH_TOKEN": KEY}, "-p", "Reply with one word: through", home="through")
    seen = [item for item in world.all_requests()[before:] if item["path"] == "/v1/messages"]
    assert done.stdout == "through\n" and len(seen) == 1, done.stdout + done.stderr
    assert seen[0]["headers"]["user-agent"].startswith("litellm/")
    assert marks(seen[0]["body"]) == direct


def test_the_response_cache_answers_one_user_with_anothers_answer(world: World) -> None:
    assert ask(world, "cached", "alice", "What is in my file?") == 1
    assert ask(world, "cached", "bob", "What is in my file?") == 0, "LiteLLM now tells users apart; correct docs/choose/cost.md and corrections.yaml"


def test_a_turn_more_is_a_request_of_its_own(world: World) -> None:
    assert ask(world, "cached", "alice", "One.") == 1
    assert ask(world, "cached", "alice", "One.", "Yes.", "Two.") == 1
    assert ask(world, "cached", "alice", "One.") == 0


def test_without_the_response_cache_every_request_reaches_the_provider(world: World) -> None:
    assert [ask(world, "plain", user, "What is in my file?") for user in ("alice", "bob")] == [1, 1]
