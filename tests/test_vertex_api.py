"""Google's stand-in: it signs in only whom Google would, and refuses what Vertex would."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.lab.vertex_api import ACCOUNT, POOL, SCOPE, TOKEN, USER, VertexAPI, host_of, sign

JWT, EXCHANGE = "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange"
BODY = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "messages": [{"role": "user", "content": "Reply with one word: heard"}]}


def path(location: str = "global", model: str = "claude-opus-5-5", method: str = "rawPredict", project: str = "corp-ai") -> str:
    return f"/v1/projects/{project}/locations/{location}/publishers/anthropic/models/{model}:{method}"


def claims() -> dict[str, Any]:
    now = int(time.time())
    return {"iss": ACCOUNT, "aud": TOKEN, "scope": SCOPE, "iat": now, "exp": now + 3600}


class Google:
    """A stand-in of one's own, asked over one connection a request."""

    def __init__(self, folder: Path) -> None:
        self.api = VertexAPI(folder)
        key = json.loads((folder / "given" / "claude-vertex.json").read_text())["private_key"]
        self.key = serialization.load_pem_private_key(key.encode(), None)
        self.workload = (folder / "given" / "workload-token").read_text()

    def ask(self, host: str, where: str, method: str = "POST", **options: Any) -> tuple[int, Any]:
        async def run() -> tuple[int, Any]:
            async with TestClient(TestServer(self.api.app())) as client:
                headers = {"host": host, **options.pop("headers", {})}
                async with client.request(method, where, headers=headers, **options) as answer:
                    text = await answer.text()
                    return answer.status, json.loads(text) if "json" in answer.content_type else text

        return asyncio.run(run())

    def sign_in(self, form: dict[str, str]) -> tuple[int, Any]:
        return self.ask("oauth2.googleapis.com", "/token", data=form)

    def token(self) -> str:
        return self.sign_in({"grant_type": JWT, "assertion": sign(self.key, claims())})[1]["access_token"]

    def predict(self, where: str, body: Any = BODY, token: str | None = None, host: str = host_of("global"), **options: Any) -> tuple[int, Any]:
        return self.ask(host, where, headers={"authorization": f"Bearer {token or self.token()}"}, json=body, **options)


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Google:
    return Google(tmp_path_factory.mktemp("vertex"))


def test_signs_in_and_answers(google: Google) -> None:
    status, answer = google.predict(path())
    assert status == 200 and answer["content"] == [{"type": "text", "text": "heard"}]
    status, text = google.predict(path(method="streamRawPredict"), {**BODY, "stream": True})
    assert status == 200 and "event: message_stop" in text
    assert google.predict(path(model="count-tokens"), {"model": "claude-opus-5-5", "messages": BODY["messages"]})[1]["input_tokens"] > 0
    assert google.sign_in({**{name: USER[name] for name in ("client_id", "client_secret", "refresh_token")}, "grant_type": "refresh_token"})[0] == 200


def test_a_workload_gets_a_token_of_the_account(google: Google) -> None:
    form = {"grant_type": EXCHANGE, "audience": POOL, "subject_token": google.workload}
    status, answer = google.ask("sts.googleapis.com", "/v1/token", data=form)
    federated = answer["access_token"]
    assert status == 200 and google.predict(path(), token=federated)[0] == 401
    where = f"/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"
    host, headers = "iamcredentials.googleapis.com", {"authorization": f"Bearer {federated}"}
    status, answer = google.ask(host, where, headers=headers, json={"scope": [SCOPE]})
    assert status == 200 and google.predict(path(), token=answer["accessToken"])[0] == 200
    assert google.ask(host, where, headers={"authorization": "Bearer other"}, json={"scope": [SCOPE]})[0] == 401
    assert google.ask(host, where, headers=headers, json={"scope": []})[0] == 400
    for change in ({"audience": "//iam.googleapis.com/other"}, {"subject_token": sign(google.key, claims())}, {"subject_token": "x"}):
        assert google.ask("sts.googleapis.com", "/v1/token", data={**form, **change})[0] == 400


OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"iss": "other@corp-ai.iam.gserviceaccount.com"}, "account not found"),
        ({"aud": "https://oauth2.googleapis.com/other"}, "audience"),
        ({"exp": 1}, "short-lived"),
        ({"exp": int(time.time()) + 9000}, "short-lived"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "scope"),
    ],
    ids=["account", "audience", "expired", "too long", "scope"],
)
def test_refuses_an_assertion_with_another(google: Google, change: dict[str, Any], says: str) -> None:
    status, answer = google.sign_in({"grant_type": JWT, "assertion": sign(google.key, {**claims(), **change})})
    assert status == 400 and says in answer["error_description"]


def test_refuses_an_assertion_that_the_accounts_key_did_not_sign(google: Google) -> None:
    whole = sign(google.key, claims())
    head, body, signature = whole.split(".")
    unsigned = "eyJhbGciOiJub25lIn0." + body + "."
    for assertion in (sign(OTHER, claims()), f"{head}.{body}.{signature[:-8]}AAAAAAAA", unsigned, "a.b.c", "nothing"):
        status, answer = google.sign_in({"grant_type": JWT, "assertion": assertion})
        assert (status, answer["error_description"]) == (400, "Invalid JWT Signature.")
    assert google.sign_in({"grant_type": "password"})[0] == 400
    assert google.sign_in({"grant_type": "refresh_token", "refresh_token": "other"})[0] == 400


@pytest.mark.parametrize(
    ("where", "body", "options", "status", "says"),
    [
        (path(), BODY, {"token": "ya29.other"}, 401, "UNAUTHENTICATED"),
        (path(project="another"), BODY, {}, 403, "PERMISSION_DENIED"),
        (path(model="claude-opus-4-8"), BODY, {}, 404, "Publisher Model"),
        (path("europe-west1"), BODY, {"host": host_of("europe-west1")}, 404, "Publisher Model"),
        (path(), BODY, {"host": host_of("us-east5")}, 404, "NOT_FOUND"),
        (path().removeprefix("/v1"), BODY, {}, 404, "NOT_FOUND"),
        (path(method="predict"), BODY, {}, 404, "NOT_FOUND"),
        (path(), None, {"method": "GET"}, 404, "NOT_FOUND"),
        (path(), {**BODY, "anthropic_version": "2023-06-01"}, {}, 400, "vertex-2023-10-16"),
        (path(), {key: value for key, value in BODY.items() if key != "anthropic_version"}, {}, 400, "anthropic_version: Field required"),
        (path(), {**BODY, "model": "claude-opus-5-5"}, {}, 400, "model: Extra inputs are not permitted"),
        (path(), {**BODY, "messages": []}, {}, 400, "messages"),
        (path(), {key: value for key, value in BODY.items() if key != "max_tokens"}, {}, 400, "max_tokens"),
    ],
    ids=[
        "token", "project", "model", "region without the model", "host", "path", "method", "GET", "version", "no version", "model in the body",
        "no messages", "no max_tokens",
    ],
)  # fmt: skip
def test_refuses(google: Google, where: str, body: Any, options: dict[str, Any], status: int, says: str) -> None:
    found, answer = google.predict(where, body, **options)
    assert found == status and says in json.dumps(answer)


def test_a_request_without_a_token_is_refused(google: Google) -> None:
    status, answer = google.ask(host_of("global"), path(), json=BODY)
    assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_misbehaves_in_googles_words(tmp_path: Path) -> None:
    google = Google(tmp_path)
    (tmp_path / "behave.json").write_text(json.dumps({"status": 429, "message": "Quota exceeded", "model": "claude-opus-5-5"}))
    status, answer = google.predict(path())
    assert (status, answer["error"]["status"], answer["error"]["message"]) == (429, "RESOURCE_EXHAUSTED", "Quota exceeded")
    assert google.predict(path(model="claude-haiku-5-5"))[0] == 200
