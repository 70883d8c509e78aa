"""Gateways that npm installs: each is started, asked, and seen from the provider's side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.lab import gateways
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.namespace import wait_until
from tests.lab.play.started import free_port

BODY = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Reply with one word: gateway"}], "of_no_schema": 1}
BETAS = "second-beta,first-beta"


@dataclass(frozen=True)
class Asked:
    """What a gateway answered, and what the provider saw of it."""

    gateway: gateways.Gateway
    status: int
    answer: dict[str, Any]
    seen: dict[str, Any]
    refused: int


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The stand-in's address, and the file it records in."""
    folder, port = tmp_path_factory.mktemp("provider"), free_port()
    words = ["--folder", str(folder), "--port", str(port), "--model", "claude-opus-5-5"]
    process = subprocess.Popen([sys.executable, "-m", "tests.lab.anthropic_api", *words], cwd=ROOT, env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        wait_until((folder / "ready").exists, 30, "the start of the stand-in")
        yield f"http://127.0.0.1:{port}", folder / "requests.jsonl"
    finally:
        process.kill()
        process.wait()


def ask(gateway: gateways.Gateway, token: str) -> tuple[int, dict[str, Any]]:
    headers = {"authorization": f"Bearer {token}", "anthropic-version": "2023-06-01", "anthropic-beta": BETAS, "content-type": "application/json"}
    request = urllib.request.Request(f"{gateway.url}/v1/messages", json.dumps(BODY).encode(), headers | gateway.headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as problem:
        return problem.code, {}


@pytest.fixture(scope="module", params=sorted(gateways.KINDS))
def asked(request: pytest.FixtureRequest, provider: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Asked:
    upstream, log = provider
    with gateways.start(request.param, tmp_path_factory.mktemp(request.param) / "home", upstream, free_port()) as gateway:
        status, answer = ask(gateway, gateway.token)
        seen = json.loads(log.read_text().splitlines()[-1])
        refused, _ = ask(gateway, "of-nobody")
    return Asked(gateway, status, answer, seen, refused)


def test_it_is_the_release_of_its_lock_file(asked: Asked) -> None:
    manifest = json.loads((ROOT / "tests" / "gateways" / asked.gateway.name / "package.json").read_text())
    assert asked.gateway.version == manifest["dependencies"][gateways.PACKAGES[asked.gateway.name]]


def test_its_lock_file_holds_hashes_and_no_addresses(asked: Asked) -> None:
    packages = json.loads((ROOT / "tests" / "gateways" / asked.gateway.name / "package-lock.json").read_text())["packages"]
    assert all("integrity" in about and "resolved" not in about for name, about in packages.items() if name)


def test_the_answer_is_the_providers(asked: Asked) -> None:
    assert asked.status == 200 and asked.answer["content"] == [{"type": "text", "text": "gateway"}]


def test_the_provider_gets_its_key_version_and_betas(asked: Asked) -> None:
    headers = asked.seen["headers"]
    assert (headers["x-api-key"], headers["anthropic-version"], headers["anthropic-beta"]) == (LAB_KEY, "2023-06-01", BETAS)


def test_another_key_is_refused(asked: Asked) -> None:
    assert asked.refused == 401


def test_portkey_alone_drops_fields_that_it_does_not_know(asked: Asked) -> None:
    assert ("of_no_schema" in asked.seen["body"]) is (asked.gateway.name != "portkey")
