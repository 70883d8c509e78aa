"""Claude Code and Vertex beyond the page's blocks: where it goes, how it signs in, and what it ignores."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.vertex_api import ACCOUNT, POOL
from tests.lab.world import DIRECT_PORT, HOME, World

pytestmark = pytest.mark.lab
KEY = {"GOOGLE_APPLICATION_CREDENTIALS": str(HOME / "claude-vertex.json")}
PINNED = {f"ANTHROPIC_DEFAULT_{name.upper()}_MODEL": f"claude-{name}-5-5" for name in ("opus", "sonnet", "haiku")}
VERTEX = {"CLAUDE_CODE_USE_VERTEX": "1", "ANTHROPIC_VERTEX_PROJECT_ID": "corp-ai", "CLOUD_ML_REGION": "global"}
GATEWAY = {"ANTHROPIC_VERTEX_BASE_URL": f"http://127.0.0.1:{DIRECT_PORT}/vertex_ai/v1", "ANTHROPIC_AUTH_TOKEN": LAB_KEY}


@pytest.fixture(scope="module")
def world(book: Book, site: Path) -> Iterator[World]:
    with World(book, site, providers=["vertex"]) as world:
        yield world


class Run:
    """One start of Claude Code: what it printed, and what Google and Anthropic saw of it."""

    def __init__(self, world: World, env: dict[str, str], home: str = "vertex") -> None:
        before = {name: len(world.all_requests(name)) for name in ("vertex", "anthropic")}
        self.done: subprocess.CompletedProcess[str] = world.claude(
            {"SSL_CERT_FILE": "/mnt/lab/ca.pem", **env}, "-p", "Reply with one word: connected", home=home
        )
        self.google, self.anthropic = (world.all_requests(name)[before[name] :] for name in ("vertex", "anthropic"))

    def asked(self) -> list[tuple[str, str]]:
        """Host and path of every request to a model of Vertex."""
        return [(request["headers"]["host"], request["path"]) for request in self.google if "/publishers/" in request["path"]]

    def signed_in(self) -> bool:
        return any(request["path"] == "/token" for request in self.google)


def test_an_address_without_its_switch_leaves_everything_to_anthropic(world: World) -> None:
    """Also beside the switch for no sign-in: the request, and the key, go to Anthropic, and Claude Code says nothing of it."""
    env = {name: value for name, value in VERTEX.items() if name != "CLAUDE_CODE_USE_VERTEX"}
    run = Run(world, {**env, **GATEWAY, "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1"})
    assert (run.done.returncode, run.done.stdout.strip(), run.done.stderr) == (0, "connected", "")
    [request] = run.anthropic
    assert (request["headers"]["host"], request["path"], request["headers"]["authorization"]) == ("api.anthropic.com", "/v1/messages", f"Bearer {LAB_KEY}")
    assert run.google == []


@pytest.mark.parametrize(("value", "signs_in"), [("yes", False), ("TRUE", False), ("0", True), ("2", True)])
def test_the_switch_for_no_sign_in(world: World, value: str, signs_in: bool) -> None:
    run = Run(world, {**VERTEX, **PINNED, **KEY, **GATEWAY, "CLAUDE_CODE_SKIP_VERTEX_AUTH": value})
    tokens = {request["headers"]["authorization"] for request in run.anthropic}
    assert run.signed_in() == signs_in and all(token.startswith("Bearer ya29.") == signs_in for token in tokens) and tokens
    assert all(request["path"].startswith("/vertex_ai/v1/projects/corp-ai/locations/global/publishers/anthropic/") for request in run.anthropic)


def test_every_region_of_the_table(world: World, book: Book) -> None:
    for row in book.fact("vertex.hosts.rows"):
        written = re.findall(r"`([^`]+)`", row["region"])
        env = {**VERTEX, **PINNED, **KEY, "CLOUD_ML_REGION": written[0] if written else ""}
        run = Run(world, env)
        host, location = row["host"].strip("`"), row["location"].strip("`")
        path = f"/v1/projects/corp-ai/locations/{location}/publishers/anthropic/models/claude-opus-5-5:streamRawPredict"
        assert run.asked()[0] == (host, path), row["region"]
        assert "us-east5" in host or row["region"] != "not set"


def test_a_region_for_one_model_wins(world: World) -> None:
    run = Run(world, {**VERTEX, **PINNED, **KEY, "CLOUD_ML_REGION": "europe-west1", "VERTEX_REGION_CLAUDE_5_5_OPUS": "eu"})
    assert [host for host, _ in run.asked()] == ["aiplatform.eu.rep.googleapis.com"]


def test_with_no_models_named_it_asks_for_each_and_goes_on_with_an_older_one(world: World) -> None:
    run = Run(world, {**VERTEX, **KEY, "CLOUD_ML_REGION": "europe-west1"}, "unnamed")
    assert run.done.stdout.strip() == "connected" and "Opus 5.5 not available" in run.done.stderr
    probes = {path.rsplit("/", 1)[1] for _, path in run.asked() if path.endswith(":rawPredict")}
    assert {"claude-opus-5-5:rawPredict", "claude-sonnet-4-5@20250929:rawPredict", "claude-haiku-4-5@20251001:rawPredict"} <= probes
    assert run.asked()[-1][1].endswith("/claude-opus-5:streamRawPredict")


def test_workload_identity(world: World) -> None:
    """A token of the workload's own becomes one of the account; no key of the account is there."""
    data: dict[str, Any] = {
        "type": "external_account", "audience": POOL, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token", "credential_source": {"file": str(HOME / "workload-token")},
        "service_account_impersonation_url": f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken",
    }  # fmt: skip
    (world.home / "workload.json").write_text(json.dumps(data))
    run = Run(world, {**VERTEX, **PINNED, "GOOGLE_APPLICATION_CREDENTIALS": str(HOME / "workload.json")})
    hosts = [request["headers"]["host"] for request in run.google]
    assert run.done.stdout.strip() == "connected"
    assert hosts == ["sts.googleapis.com", "iamcredentials.googleapis.com", "aiplatform.googleapis.com"]
