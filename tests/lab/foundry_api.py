"""A stand-in for Claude in Microsoft Foundry, its sign-in included, strict about what it accepts.

It answers ``POST /anthropic/v1/messages`` of one resource, whose deployments
have names of their own, for a key or for a token of Microsoft Entra ID, which
it gives to one application.

``behave.json`` is that of ``anthropic_api``. Run by hand::

    python -m tests.lab.foundry_api --folder /tmp/standin --tls-port 9443 --certificate server.pem

Shapes: https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry and
https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import itertools
import urllib.parse
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.lab.anthropic_api import AnthropicAPI, Stream, error, further, message, tokens

RESOURCE = "corp-claude"
HOST = f"{RESOURCE}.services.ai.azure.com"
FOUNDRY_KEY = "lab-foundry-not-a-real-key"
TENANT = "11111111-1111-1111-1111-111111111111"
APPLICATION = {"client_id": "22222222-2222-2222-2222-222222222222", "client_secret": "lab-not-a-real-secret"}
#: The scopes whose tokens the resource accepts.
SCOPES = ("https://cognitiveservices.azure.com/.default", "https://ai.azure.com/.default")
DENIED = "Access denied due to invalid subscription key or wrong API endpoint."
#: The names of the resource's deployments.
DEPLOYMENTS = ("claude-opus-5-5-corp", "claude-sonnet-5-5-corp", "claude-haiku-5-5-corp")


def azure_error(status: int, text: str, code: str | None = None, **headers: str) -> web.Response:
    """An error in Azure's envelope."""
    return web.json_response({"error": {"code": code or str(status), "message": text}}, status=status, headers=headers)


class FoundryAPI(AnthropicAPI):
    """The application; one instance a process."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, list(DEPLOYMENTS), (FOUNDRY_KEY,))
        self.numbers = itertools.count(1)
        self.given: set[str] = set()

    def parsed(self, request: web.Request, raw: bytes) -> Any:
        """A form too, as a dictionary."""
        if request.content_type == "application/x-www-form-urlencoded":
            return dict(urllib.parse.parse_qsl(raw.decode("utf-8", "replace")))
        return super().parsed(request, raw)

    def refusal(self, status: int, message: str, **headers: str) -> web.Response:
        return azure_error(status, message, **headers)

    async def answer(self, request: web.Request, body: Any) -> web.StreamResponse:
        where = (request.method, request.host, request.path)
        if where == ("POST", "login.microsoftonline.com", f"/{TENANT}/oauth2/v2.0/token"):
            return self.sign_in(body if isinstance(body, dict) else {})
        if request.host != HOST or where not in {("POST", HOST, "/anthropic/v1/messages"), ("POST", HOST, "/anthropic/v1/messages/count_tokens")}:
            return azure_error(404, "Resource not found")
        key = request.headers.get("x-api-key") or request.headers.get("api-key")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if key != FOUNDRY_KEY and (scheme != "Bearer" or token not in self.given):
            return azure_error(401, DENIED)
        if request.headers.get("anthropic-version") != "2023-06-01":
            return error(
                400, "anthropic-version: header is required" if "anthropic-version" not in request.headers else "anthropic-version: not a valid version"
            )
        if not isinstance(body, dict) or "model" not in body or not body.get("messages"):
            return error(400, "model and messages: Field required")
        if body["model"] not in DEPLOYMENTS:
            return azure_error(404, "The API deployment for this resource does not exist.", "DeploymentNotFound")
        if request.path.endswith("/count_tokens"):
            return web.json_response({"input_tokens": tokens(body)})
        if "max_tokens" not in body:
            return error(400, "max_tokens: Field required")
        said = message(next(self.count), body, body["model"])
        return Stream(said) if body.get("stream") else web.json_response(said)

    def sign_in(self, form: dict[str, str]) -> web.Response:
        """Entra ID: an application's own token."""
        if form.get("grant_type") != "client_credentials" or set(form.get("scope", "").split()) & set(SCOPES) == set():
            return web.json_response({"error": "invalid_scope", "error_description": "AADSTS1002012: The provided value for scope is not valid."}, status=400)
        if any(form.get(name) != value for name, value in APPLICATION.items()):
            text = "AADSTS7000215: Invalid client secret provided."
            return web.json_response({"error": "invalid_client", "error_description": text, "error_codes": [7000215]}, status=401)
        token = f"lab-not-a-real-entra-token-{next(self.numbers)}"
        self.given.add(token)
        return web.json_response({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})


if __name__ == "__main__":
    further(FoundryAPI, __doc__.splitlines()[0])
