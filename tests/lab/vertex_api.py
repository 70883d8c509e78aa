"""A stand-in for Google Vertex AI, its sign-in included, strict about what it accepts.

It answers ``rawPredict`` and ``streamRawPredict`` of Anthropic's models at the
host of the location that the path names, and signs callers in as Google does:
a service account's signed assertion, a user's refresh token, and a workload's
own token by way of the security token service. What Google gives
its customer is made for the run and lies in ``given`` of its folder, as in a home.

``behave.json`` is that of ``anthropic_api``. Run by hand::

    python -m tests.lab.vertex_api --folder /tmp/standin --tls-port 9443 --certificate server.pem

Shapes: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude,
https://developers.google.com/identity/protocols/oauth2/service-account and
https://docs.cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import time
import urllib.parse
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.lab.anthropic_api import AnthropicAPI, Stream, error, further, message, tokens

PROJECT = "corp-ai"
ACCOUNT = f"claude-gateway@{PROJECT}.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/ci/providers/corp"
TOKEN = "https://oauth2.googleapis.com/token"  # noqa: S105
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AIPLATFORM = "aiplatform.googleapis.com"
UNKNOWN = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential."
VERSION = "vertex-2023-10-16"
MODELS = ("claude-opus-5-5", "claude-opus-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-sonnet-4-5@20250929", "claude-haiku-4-5@20251001")
#: Location -> the models that it lacks.
LOCATIONS: dict[str, set[str]] = {"global": set(), "eu": set(), "us": set(), "us-east5": set(), "europe-west1": {"claude-opus-5-5"}}
STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}
PREDICT = re.compile(r"/v1/projects/([^/]+)/locations/([^/]+)/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict|\w+)")
USER = {
    "client_id": "lab.apps.googleusercontent.com", "client_secret": "lab-not-a-real-secret",
    "refresh_token": "lab-not-a-real-refresh-token", "type": "authorized_user",
}  # fmt: skip


def host_of(location: str) -> str:
    """The host that serves a location."""
    if location == "global":
        return AIPLATFORM
    return f"aiplatform.{location}.rep.googleapis.com" if "-" not in location else f"{location}-aiplatform.googleapis.com"


def google_error(status: int, text: str, **headers: str) -> web.Response:
    """An error in Google's envelope."""
    return web.json_response({"error": {"code": status, "message": text, "status": STATUS.get(status, "INTERNAL")}}, status=status, headers=headers)


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sign(key: rsa.RSAPrivateKey, claims: dict[str, Any]) -> str:
    """A JSON Web Token of these claims, RS256."""
    body = ".".join(_encoded(json.dumps(part).encode()) for part in ({"alg": "RS256", "typ": "JWT"}, claims))
    return f"{body}.{_encoded(key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def claims_of(token: str, public: rsa.RSAPublicKey) -> dict[str, Any] | None:
    """What a token claims; None unless it is whole, RS256 and signed with this key."""
    try:
        head, body, signature = token.split(".")
        if json.loads(_decoded(head))["alg"] != "RS256":
            return None
        public.verify(_decoded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(_decoded(body))
    except (ValueError, KeyError, TypeError, InvalidSignature):
        return None
    return claims if isinstance(claims, dict) else None


class VertexAPI(AnthropicAPI):
    """The application; one instance a process."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, list(MODELS))
        self.numbers = itertools.count(1)
        #: Access tokens that were given out, and the kind of sign-in.
        self.tokens: dict[str, str] = {}
        account, issuer = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
        self.account, self.issuer = account.public_key(), issuer.public_key()
        given = folder / "given"
        given.mkdir()
        key = {
            "type": "service_account", "project_id": PROJECT, "private_key_id": "lab", "private_key": _pem(account),
            "client_email": ACCOUNT, "client_id": "100000000000000000000", "token_uri": TOKEN,
        }  # fmt: skip
        now = int(time.time())
        subject = {"iss": "https://ci.corp.example", "aud": f"https:{POOL}", "sub": "repo:corp/handbook", "iat": now, "exp": now + 3600}
        for name, text in {
            "claude-vertex.json": json.dumps(key, indent=2),
            ".config/gcloud/application_default_credentials.json": json.dumps(USER, indent=2),
            "workload-token": sign(issuer, subject),
        }.items():
            (given / name).parent.mkdir(parents=True, exist_ok=True)
            (given / name).write_text(text + "\n" if name.endswith(".json") else text)
            (given / name).chmod(0o600)

    def parsed(self, request: web.Request, raw: bytes) -> Any:
        """A form too, as a dictionary."""
        if request.content_type == "application/x-www-form-urlencoded":
            return dict(urllib.parse.parse_qsl(raw.decode("utf-8", "replace")))
        return super().parsed(request, raw)

    def model(self, request: web.Request, body: Any) -> str | None:
        found = PREDICT.fullmatch(urllib.parse.unquote(request.path))
        return found.group(3) if found else None

    def refusal(self, status: int, message: str, **headers: str) -> web.Response:
        return google_error(status, message, **headers)

    async def answer(self, request: web.Request, body: Any) -> web.StreamResponse:
        if request.method != "POST":
            return google_error(404, f"{request.method} {request.path} was not found on this server.")
        if (request.host, request.path) == ("oauth2.googleapis.com", "/token"):
            return self.sign_in(body if isinstance(body, dict) else {})
        if (request.host, request.path) == ("sts.googleapis.com", "/v1/token"):
            return self.exchange(body if isinstance(body, dict) else {})
        if (request.host, request.path) == ("iamcredentials.googleapis.com", f"/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"):
            return self.impersonate(request, body)
        return self.predict(request, body)

    # Signing in ----------------------------------------------------------------
    def _give(self, kind: str) -> str:
        token = f"ya29.lab-not-a-real-token-{next(self.numbers)}"
        self.tokens[token] = kind
        return token

    def _kind(self, request: web.Request) -> str | None:
        """How the bearer of a request's token signed in; None for a token that was not given out."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.tokens.get(token) if scheme == "Bearer" else None

    def sign_in(self, form: dict[str, str]) -> web.Response:
        if form.get("grant_type") == "refresh_token":
            if any(form.get(name) != USER[name] for name in ("client_id", "client_secret", "refresh_token")):
                return web.json_response({"error": "invalid_grant", "error_description": "Bad Request"}, status=400)
            return self._granted("user")
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return web.json_response({"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}, status=400)
        claims, now = claims_of(form.get("assertion", ""), self.account), time.time()
        if claims is None:
            return self._not_granted("Invalid JWT Signature.")
        if claims.get("iss") != ACCOUNT:
            return self._not_granted("Invalid grant: account not found")
        if claims.get("aud") != TOKEN:
            return self._not_granted("Invalid JWT: Failed audience check.")
        issued, expires = claims.get("iat", 0), claims.get("exp", 0)
        if not (issued <= now + 60 and now < expires <= issued + 3600):
            return self._not_granted("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.")
        if SCOPE not in claims.get("scope", "").split():
            return web.json_response({"error": "invalid_scope", "error_description": "Invalid OAuth scope or ID token audience provided."}, status=400)
        return self._granted("service account")

    def _granted(self, kind: str) -> web.Response:
        return web.json_response({"access_token": self._give(kind), "expires_in": 3599, "token_type": "Bearer"})

    @staticmethod
    def _not_granted(text: str) -> web.Response:
        return web.json_response({"error": "invalid_grant", "error_description": text}, status=400)

    def exchange(self, form: dict[str, str]) -> web.Response:
        """The security token service: a workload's own token for a federated one."""
        claims = claims_of(form.get("subject_token", ""), self.issuer)
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" or form.get("audience") != POOL:
            return web.json_response({"error": "invalid_request", "error_description": "Invalid value for audience."}, status=400)
        if claims is None or claims.get("aud") != f"https:{POOL}" or claims.get("exp", 0) <= time.time():
            return self._not_granted("The ID Token is not valid for this workload identity pool provider.")
        kind = "urn:ietf:params:oauth:token-type:access_token"
        return web.json_response({"access_token": self._give("federated"), "issued_token_type": kind, "token_type": "Bearer", "expires_in": 3599})

    def impersonate(self, request: web.Request, body: Any) -> web.Response:
        if self._kind(request) != "federated":
            return google_error(401, UNKNOWN)
        if not isinstance(body, dict) or SCOPE not in body.get("scope", []):
            return google_error(400, "Request contains an invalid argument.")
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return web.json_response({"accessToken": self._give("workload"), "expireTime": expires})

    # Models --------------------------------------------------------------------
    def predict(self, request: web.Request, body: Any) -> web.StreamResponse:
        found = PREDICT.fullmatch(urllib.parse.unquote(request.path))
        if not found or found.group(4) not in {"rawPredict", "streamRawPredict"} or request.host != host_of(found.group(2)):
            return google_error(404, f"{request.method} {request.host}{request.path} was not found on this server.")
        project, location, model, method = found.groups()
        name = f"projects/{project}/locations/{location}/publishers/anthropic/models/{model}"
        if "authorization" not in request.headers:
            return google_error(401, "Request is missing required authentication credential. Expected OAuth 2 access token.")
        if self._kind(request) in {None, "federated"}:
            return google_error(401, UNKNOWN)
        if project != PROJECT:
            return google_error(
                403, f"Permission 'aiplatform.endpoints.predict' denied on resource '//aiplatform.googleapis.com/{name}' (or it may not exist)."
            )
        if model != "count-tokens" and (model not in MODELS or model in LOCATIONS.get(location, set(MODELS))):
            return google_error(404, f"Publisher Model `{name}` was not found or your project does not have access to it.")
        # From here on the model answers, in Anthropic's envelope.
        if not isinstance(body, dict):
            return error(400, "The request body is not valid JSON")
        if model == "count-tokens":
            return web.json_response({"input_tokens": tokens(body)}) if body.get("model") in MODELS else error(400, "model: Field required")
        if body.get("anthropic_version") != VERSION:
            return error(400, f"anthropic_version: Input should be '{VERSION}'" if "anthropic_version" in body else "anthropic_version: Field required")
        if "model" in body:
            return error(400, "model: Extra inputs are not permitted")
        if not body.get("messages"):
            return error(400, "messages: Field required")
        if "max_tokens" not in body:
            return error(400, "max_tokens: Field required")
        said = message(next(self.count), body, model.split("@")[0])
        return Stream(said) if method == "streamRawPredict" and body.get("stream") else web.json_response(said)


if __name__ == "__main__":
    further(VertexAPI, __doc__.splitlines()[0])
