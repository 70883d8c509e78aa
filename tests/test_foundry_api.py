"""Microsoft's stand-in: strict about keys, tokens, deployments and versions."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.lab.foundry_api import APPLICATION, FOUNDRY_KEY, HOST, SCOPES, TENANT, FoundryAPI

BODY = {"model": "claude-opus-5-5-corp", "max_tokens": 9, "messages": [{"role": "user", "content": "Reply with one word: heard"}]}
HEADERS = {"host": HOST, "x-api-key": FOUNDRY_KEY, "anthropic-version": "2023-06-01"}
MESSAGES, LOGIN = "/anthropic/v1/messages", "login.microsoftonline.com"
FORM = {"grant_type": "client_credentials", "scope": SCOPES[0], **APPLICATION}


def ask(api: FoundryAPI, where: str = MESSAGES, method: str = "POST", **options: Any) -> tuple[int, Any]:
    async def run() -> tuple[int, Any]:
        async with TestClient(TestServer(api.app())) as client, client.request(method, where, **({"headers": HEADERS, "json": BODY} | options)) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if "json" in answer.content_type else text

    return asyncio.run(run())


def sign_in(api: FoundryAPI, **change: str) -> tuple[int, Any]:
    return ask(api, f"/{TENANT}/oauth2/v2.0/token", headers={"host": LOGIN}, data={**FORM, **change}, json=None)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> FoundryAPI:
    return FoundryAPI(tmp_path_factory.mktemp("foundry"))


def test_answers_a_key_in_either_header_and_a_token(azure: FoundryAPI) -> None:
    assert ask(azure)[1]["content"] == [{"type": "text", "text": "heard"}]
    others = {name: value for name, value in HEADERS.items() if name != "x-api-key"}
    assert ask(azure, headers={**others, "api-key": FOUNDRY_KEY})[0] == 200
    token = sign_in(azure)[1]["access_token"]
    assert ask(azure, headers={**others, "authorization": f"Bearer {token}"})[0] == 200
    assert "event: message_stop" in ask(azure, json={**BODY, "stream": True})[1]
    assert ask(azure, f"{MESSAGES}/count_tokens")[1]["input_tokens"] > 0


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        ({"headers": {**HEADERS, "x-api-key": "other"}}, 401, "Access denied"),
        ({"headers": {"host": HOST, "anthropic-version": "2023-06-01", "authorization": "Bearer other"}}, 401, "Access denied"),
        ({"headers": {"host": HOST, "x-api-key": FOUNDRY_KEY}}, 400, "anthropic-version"),
        ({"headers": {**HEADERS, "anthropic-version": "2024-10-21"}}, 400, "anthropic-version"),
        ({"headers": {**HEADERS, "host": "other.services.ai.azure.com"}}, 404, "Resource not found"),
        ({"where": "/v1/messages"}, 404, "Resource not found"),
        ({"method": "GET", "json": None}, 404, "Resource not found"),
        ({"json": {**BODY, "model": "claude-sonnet-4-5"}}, 404, "DeploymentNotFound"),
        ({"json": {**BODY, "messages": []}}, 400, "Field required"),
        ({"json": {key: value for key, value in BODY.items() if key != "max_tokens"}}, 400, "max_tokens"),
    ],
    ids=["key", "token", "no version", "version", "host", "path", "method", "deployment", "no messages", "no max_tokens"],
)
def test_refuses(azure: FoundryAPI, options: dict[str, Any], status: int, says: str) -> None:
    found, answer = ask(azure, **options)
    assert found == status and says in json.dumps(answer)


@pytest.mark.parametrize(
    "change", [{"client_secret": "other"}, {"client_id": "other"}, {"scope": "https://graph.microsoft.com/.default"}, {"grant_type": "password"}]
)
def test_signs_in_nobody_else(azure: FoundryAPI, change: dict[str, str]) -> None:
    assert sign_in(azure, **change)[0] in {400, 401}
