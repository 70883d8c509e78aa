"""Claude Code and Microsoft Foundry beyond the page's blocks: each credential, and what is ignored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.foundry_api import APPLICATION, FOUNDRY_KEY, HOST, TENANT
from tests.lab.world import DIRECT_PORT, World

pytestmark = pytest.mark.lab
FOUNDRY = {"CLAUDE_CODE_USE_FOUNDRY": "1", "ANTHROPIC_FOUNDRY_RESOURCE": "corp-claude", "ANTHROPIC_MODEL": "claude-sonnet-5-5-corp"}
TOKEN = "lab-not-a-token"  # noqa: S105
ENTRA = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APPLICATION["client_id"], "AZURE_CLIENT_SECRET": APPLICATION["client_secret"]}
#: A row of the table -> (what is set, the header that then holds a credential, how it begins); none: nothing is sent.
CREDENTIALS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "`ANTHROPIC_FOUNDRY_API_KEY`": ({"ANTHROPIC_FOUNDRY_API_KEY": FOUNDRY_KEY}, {"x-api-key": FOUNDRY_KEY}),
    "`ANTHROPIC_FOUNDRY_AUTH_TOKEN`": ({"ANTHROPIC_FOUNDRY_AUTH_TOKEN": TOKEN}, {"authorization": f"Bearer {TOKEN}"}),
    "both": ({"ANTHROPIC_FOUNDRY_API_KEY": FOUNDRY_KEY, "ANTHROPIC_FOUNDRY_AUTH_TOKEN": TOKEN}, {"authorization": f"Bearer {TOKEN}"}),
    "neither, and `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET`": (ENTRA, {"authorization": "Bearer lab-not-a-real-entra-token"}),
    "neither, and `apiKeyHelper`": ({}, {}),
}


@pytest.fixture(scope="module")
def world(book: Book, site: Path) -> Iterator[World]:
    with World(book, site, providers=["foundry"]) as world:
        yield world


def run(world: World, env: dict[str, str], home: str = "foundry") -> tuple[Any, list[dict[str, Any]], list[dict[str, Any]]]:
    """One start of Claude Code: (what became of it, what Microsoft saw, what Anthropic's stand-in saw)."""
    before = {name: len(world.all_requests(name)) for name in ("foundry", "anthropic")}
    done = world.claude({"SSL_CERT_FILE": "/mnt/lab/ca.pem", **env}, "-p", "Reply with one word: connected", home=home)
    return done, *(world.all_requests(name)[before[name] :] for name in ("foundry", "anthropic"))  # type: ignore[return-value]


def test_every_credential_of_the_table(world: World, book: Book) -> None:
    assert [row["set"] for row in book.fact("foundry.credentials.rows")] == list(CREDENTIALS)
    folder = world.inside.mnt / "helper" / ".claude"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"apiKeyHelper": f"echo {FOUNDRY_KEY}"}))
    for name, (env, sent) in CREDENTIALS.items():
        _, seen, anthropic = run(world, {**FOUNDRY, **env}, "foundry" if env else "helper")
        asked = [request for request in seen if request["headers"]["host"] == HOST]
        assert bool(asked) == bool(sent) and anthropic == [], name
        assert any(request["headers"]["host"] == "login.microsoftonline.com" for request in seen) == (env is ENTRA), name
        for request in asked:
            found = {header: value for header, value in request["headers"].items() if header in {"x-api-key", "api-key", "authorization"}}
            assert found.keys() == sent.keys() and all(found[header].startswith(value) for header, value in sent.items()), name


@pytest.mark.parametrize(("value", "skips"), [("YES", True), ("2", False)])
def test_the_switch_for_no_sign_in(world: World, value: str, skips: bool) -> None:
    done, seen, _ = run(world, {**FOUNDRY, "CLAUDE_CODE_SKIP_FOUNDRY_AUTH": value, "ANTHROPIC_AUTH_TOKEN": TOKEN})
    assert [request["headers"].get("authorization") for request in seen] == ([f"Bearer {TOKEN}"] if skips else [])
    assert ("Could not load Azure credentials" in done.stdout) != skips


def test_an_address_without_its_switch_leaves_everything_to_anthropic(world: World) -> None:
    env = {"ANTHROPIC_FOUNDRY_BASE_URL": f"http://127.0.0.1:{DIRECT_PORT}/foundry", "ANTHROPIC_FOUNDRY_API_KEY": FOUNDRY_KEY, "ANTHROPIC_AUTH_TOKEN": LAB_KEY}
    done, seen, [request] = run(world, env)
    assert (done.returncode, done.stdout.strip(), done.stderr, seen) == (0, "connected", "", [])
    assert (request["headers"]["host"], request["path"]) == ("api.anthropic.com", "/v1/messages")


def test_with_no_model_named_it_asks_for_an_old_one(world: World) -> None:
    env = {name: value for name, value in FOUNDRY.items() if name != "ANTHROPIC_MODEL"}
    _, seen, _ = run(world, {**env, "ANTHROPIC_FOUNDRY_API_KEY": FOUNDRY_KEY}, "unnamed")
    assert seen[0]["body"]["model"] == "claude-sonnet-4-5"
