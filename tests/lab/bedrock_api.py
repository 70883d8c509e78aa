"""A stand-in for Amazon Bedrock, strict about what it accepts.

It answers, as ``bedrock-runtime.<region>.amazonaws.com``,
``POST /model/{id}/invoke``, ``.../invoke-with-response-stream`` (in AWS's
event-stream framing) and ``.../count-tokens``, and, as
``bedrock.<region>.amazonaws.com``, ``GET /inference-profiles`` and
``GET /inference-profiles/{id}``. Signatures are computed with botocore and
compared. It appends every request to ``requests.jsonl``; ``behave.json`` makes
it misbehave (see ``tests/lab/anthropic_api.py``; here ``status`` and ``message``,
``type`` for the error's name, ``action``, ``model``, ``stall``, ``content_type``
and ``fails`` are read), and
``policy.json``, an IAM policy, says what the caller may do: everything when
it is absent. Conditions of a policy are read for ``bedrock:InferenceProfileArn`` only.

Which regions, models and keys exist stands in ``snippets/facts/bedrock.yaml``.
botocore is in LiteLLM's environment, so that one's Python runs this.

Shapes: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html (the framing) and
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import datetime
import fnmatch
import hashlib
import itertools
import json
import re
import ssl
import struct
import time
import urllib.parse
import zlib
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.lab.anthropic_api import answer_text
from tests.lab.lines import Log

FACTS = Path(__file__).parents[2] / "snippets" / "facts" / "bedrock.yaml"
HOST = re.compile(r"bedrock(-runtime)?\.([a-z0-9-]+)\.amazonaws\.com")
PATH = re.compile(r"/model/([^/]+)/(invoke|invoke-with-response-stream|count-tokens)")
ACTIONS = {"invoke": "InvokeModel", "invoke-with-response-stream": "InvokeModelWithResponseStream", "count-tokens": "CountTokens"}
VERSION = "bedrock-2023-05-31"
SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]*)/([^/]*)/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})")
#: What a signature may be older or younger than the clock, in seconds.
SKEW = 300
#: JSON, and what AWS's clients write where the caller names no type.
CONTENT_TYPES = {"application/json", "application/octet-stream"}
#: The fields of a Messages request that Bedrock takes, with the two of its own.
FIELDS = {
    "anthropic_version", "anthropic_beta", "max_tokens", "messages", "system", "stop_sequences", "temperature", "top_p", "top_k", "tools", "tool_choice",
    "thinking", "context_management", "metadata", "output_config",
}  # fmt: skip


class Refused(Exception):
    """An error in AWS's form: HTTP status, name, message."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind

    def response(self) -> web.Response:
        body = {"message": str(self)}
        return web.json_response(body, status=self.status, headers={"x-amzn-errortype": self.kind, "x-amzn-requestid": "lab"})


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One message of an AWS event stream; all its headers are strings."""
    written = b"".join(bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode() for name, value in headers.items())
    prelude = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + written + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def chunk(event: dict[str, Any]) -> bytes:
    """One event of a Messages stream, as Bedrock sends it."""
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    return frame({":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind: str, message: str) -> bytes:
    """An error in the middle of a stream."""
    return frame({":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}, json.dumps({"message": message}).encode())


class Verifier(SigV4Auth):
    """Signs a request that is already signed once more, to compare."""

    def signature_of(self, method: str, url: str, headers: dict[str, str], body: bytes) -> str:
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        request.context["timestamp"] = headers["x-amz-date"]
        return self.signature(self.string_to_sign(request, self.canonical_request(request)), request)

    def headers_to_sign(self, request: AWSRequest) -> Any:
        """All of them: here, they are the ones that were signed."""
        return request.headers


def raw_path(request: web.Request) -> str:
    """The path as it was sent: the slash in a model's ARN is written %2F."""
    return request.raw_path.partition("?")[0]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class BedrockAPI:
    """The application; one instance a process. ``facts``: see ``snippets/facts/bedrock.yaml``."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        self.folder, self.facts = folder, facts
        self.count = itertools.count(1)
        folder.mkdir(parents=True, exist_ok=True)
        self.log = Log(folder / "requests.jsonl")

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        rule = self.rule(request, body)
        await asyncio.sleep(rule.get("stall", 0))
        try:
            response = await self.answer(request, raw, body, rule)
        except Refused as refused:
            response = refused.response()
        record = {
            "at": time.time(), "method": request.method, "path": request.path, "query": request.query_string, "host": request.host,
            "headers": {name.lower(): value for name, value in request.headers.items()}, "body": body, "bytes": len(raw), "tls": request.secure,
            "status": response.status,
        }  # fmt: skip
        self.log.add(record)
        return await response.send(request) if isinstance(response, Stream) else response

    def rule(self, request: web.Request, body: Any) -> dict[str, Any]:
        """What ``behave.json`` says of this request."""
        try:
            rule: dict[str, Any] = json.loads((self.folder / "behave.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        where = PATH.fullmatch(raw_path(request))
        meant = where is not None and rule.get("model", urllib.parse.unquote(where.group(1))) == urllib.parse.unquote(where.group(1))
        return rule if meant and where and rule.get("action", where.group(2)) == where.group(2) else {}

    async def answer(self, request: web.Request, raw: bytes, body: Any, rule: dict[str, Any]) -> web.StreamResponse:
        host = HOST.fullmatch(request.host)
        if host is None or host.group(2) not in self.facts["regions"]:
            raise Refused(404, "UnknownOperationException", f"no endpoint of Bedrock is called {request.host}")
        runtime, region = bool(host.group(1)), host.group(2)
        where = PATH.fullmatch(raw_path(request))
        if not runtime and request.method == "GET" and re.fullmatch(r"/inference-profiles(/[^/]+)?", raw_path(request)):
            self.authenticate(request, raw, region)
            return self.profiles(region, urllib.parse.unquote(raw_path(request)[20:]))
        if not runtime or request.method != "POST" or where is None:
            raise Refused(404, "UnknownOperationException", f"{request.method} {request.path}")
        self.authenticate(request, raw, region)
        model, action = urllib.parse.unquote(where.group(1)), where.group(2)
        self.permitted(ACTIONS[action], region, model)
        if "status" in rule:
            raise Refused(rule["status"], rule.get("type", "InternalServerException"), rule.get("message", "lab"))
        self.resolve(region, model)
        if request.content_type not in CONTENT_TYPES:
            raise Refused(400, "ValidationException", f"The provided Content Type is invalid or not supported for this model: {request.content_type}")
        if not isinstance(body, dict):
            raise Refused(400, "ValidationException", "Malformed input request, please reformat your input and try again.")
        if action == "count-tokens":
            return web.json_response({"inputTokens": max(1, len(raw) // 4)})
        self.check(body)
        message = {
            "id": f"msg_bdrk_lab{next(self.count):04d}", "type": "message", "role": "assistant", "model": model.split("anthropic.")[-1],
            "content": [{"type": "text", "text": answer_text(body)}], "stop_reason": "end_turn", "stop_sequence": None,
            "usage": {"input_tokens": max(1, len(raw) // 4), "output_tokens": 7},
        }  # fmt: skip
        headers = {"x-amzn-requestid": "lab", "x-amzn-bedrock-input-token-count": str(message["usage"]["input_tokens"])}  # type: ignore[index]
        return Stream(message, rule) if action == "invoke-with-response-stream" else web.json_response(message, headers=headers)

    # Who asks -------------------------------------------------------------------
    def authenticate(self, request: web.Request, raw: bytes, region: str) -> None:
        """A bearer token or a signature, and that one computed again. Raises Refused."""
        given = request.headers.get("authorization", "")
        if given.startswith("Bearer "):
            if given != f"Bearer {self.facts['api_key']}":
                raise Refused(403, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
            return
        if not given:
            raise Refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        found = SIGNED.fullmatch(given)
        if not found:
            raise Refused(403, "IncompleteSignatureException", "Authorization header is no AWS4-HMAC-SHA256 with Credential, SignedHeaders and Signature")
        key, day, scope, service, names, signature = found.groups()
        if key != self.facts["access_key"]:
            raise Refused(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        if service != "bedrock":
            raise Refused(403, "InvalidSignatureException", "Credential should be scoped to correct service: 'bedrock'.")
        if scope != region:
            raise Refused(403, "InvalidSignatureException", "Credential should be scoped to a valid region.")
        signed = {name: request.headers[name] for name in names.split(";") if name in request.headers}
        if "host" not in signed or "x-amz-date" not in signed or len(signed) != len(names.split(";")):
            raise Refused(403, "InvalidSignatureException", "Host and X-Amz-Date must be signed, and every signed header sent")
        then = datetime.datetime.strptime(signed["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
        if abs(time.time() - then.timestamp()) > SKEW or not signed["x-amz-date"].startswith(day):
            raise Refused(403, "InvalidSignatureException", f"Signature expired: {signed['x-amz-date']}")
        if signed.get("x-amz-content-sha256", hashlib.sha256(raw).hexdigest()) != hashlib.sha256(raw).hexdigest():
            raise Refused(403, "InvalidSignatureException", "x-amz-content-sha256 is not the body's")
        url = f"https://{request.host}{request.raw_path}"
        verifier = Verifier(Credentials(key, self.facts["secret_key"]), service, region)
        if verifier.signature_of(request.method, url, signed, raw) != signature:
            raise Refused(
                403, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. "
                "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
            )  # fmt: skip

    def permitted(self, action: str, region: str, model: str) -> None:
        """Whether ``policy.json`` allows the action on every resource that it touches. Raises Refused."""
        path = self.folder / "policy.json"
        if not path.exists():
            return
        statements = listed(json.loads(path.read_text("utf-8"))["Statement"])
        profile, resources = self.resources(region, model)
        for resource in resources:
            if not any(self.allows(statement, f"bedrock:{action}", resource, profile) for statement in statements):
                raise Refused(
                    403, "AccessDeniedException", f"User: arn:aws:iam::{self.facts['account']}:user/lab is not authorized to perform: bedrock:{action} "
                    f"on resource: {resource} because no identity-based policy allows the bedrock:{action} action",
                )  # fmt: skip

    @staticmethod
    def allows(statement: dict[str, Any], action: str, resource: str, profile: str) -> bool:
        if statement["Effect"] != "Allow":
            return False
        for operator, tests in statement.get("Condition", {}).items():
            wanted = listed(tests["bedrock:InferenceProfileArn"]) if operator == "StringLike" and set(tests) == {"bedrock:InferenceProfileArn"} else []
            if not any(fnmatch.fnmatchcase(profile, pattern) for pattern in wanted):
                return False
        return any(fnmatch.fnmatchcase(action, pattern) for pattern in listed(statement["Action"])) and any(
            fnmatch.fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"])
        )

    def resources(self, region: str, model: str) -> tuple[str, list[str]]:
        """The profile's ARN, and every resource that a call of it touches: what was named, the profile behind it, and the models behind that."""
        account = self.facts["account"]
        named = [model] if model in self.facts["applications"] else []
        system = self.facts["applications"].get(model, model).rsplit("/", 1)[-1]
        prefix, _, foundation = system.partition(".")
        if prefix not in self.facts["destinations"]:
            return "", [f"arn:aws:bedrock:{region}::foundation-model/{system}"]
        profile = f"arn:aws:bedrock:{region}:{account}:inference-profile/{system}"
        places = [region, *(place for place in self.facts["destinations"][prefix] if place != region)]
        return named[0] if named else profile, [*named, profile, *(f"arn:aws:bedrock:{place}::foundation-model/{foundation}" for place in places)]

    # What is asked --------------------------------------------------------------
    def resolve(self, region: str, model: str) -> None:
        """Whether the model can be called there. Raises Refused."""
        known = self.facts["regions"][region]
        if model in self.facts["applications"]:
            if f":{region}:" in model:
                return
            raise Refused(400, "ValidationException", "The provided model identifier is invalid.")
        short = model.removeprefix(f"arn:aws:bedrock:{region}:{self.facts['account']}:inference-profile/")
        if short in known:
            return
        if any(model == profile.partition(".")[2] for profile in known):
            raise Refused(
                400, "ValidationException", f"Invocation of model ID {model} with on-demand throughput isn\u2019t supported. "
                "Retry your request with the ID or ARN of an inference profile that contains this model.",
            )  # fmt: skip
        raise Refused(400, "ValidationException", "The provided model identifier is invalid.")

    def check(self, body: dict[str, Any]) -> None:
        """The body of InvokeModel for an Anthropic model. Raises Refused."""
        problems = [f"{name}: Field required" for name in ("anthropic_version", "max_tokens", "messages") if name not in body]
        problems += [f"{name}: Extra inputs are not permitted" for name in body if name not in FIELDS]
        if body.get("anthropic_version", VERSION) != VERSION:
            problems.append(f"anthropic_version: {body['anthropic_version']!r} is not {VERSION!r}")
        if not isinstance(body.get("anthropic_beta", []), list):
            problems.append("anthropic_beta: Input should be a valid list")
        if problems:
            raise Refused(400, "ValidationException", problems[0])

    def profiles(self, region: str, name: str) -> web.Response:
        self.permitted_to_list(region, name)
        summaries = [
            {
                "inferenceProfileId": profile,
                "inferenceProfileName": profile,
                "inferenceProfileArn": f"arn:aws:bedrock:{region}:{self.facts['account']}:inference-profile/{profile}",
                "models": [{"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{profile.partition('.')[2]}"}],
                "status": "ACTIVE", "type": "SYSTEM_DEFINED",
            }
            for profile in self.facts["regions"][region]
        ]  # fmt: skip
        for arn, behind in self.facts["applications"].items():
            if name in (arn, arn.rsplit("/", 1)[-1]):
                models = [{"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{behind.partition('.')[2]}"}]
                return web.json_response({"inferenceProfileId": arn.rsplit("/", 1)[-1], "inferenceProfileArn": arn, "models": models, "type": "APPLICATION"})
        if not name:
            return web.json_response({"inferenceProfileSummaries": summaries})
        for summary in summaries:
            if name in (summary["inferenceProfileId"], summary["inferenceProfileArn"]):
                return web.json_response(summary)
        raise Refused(404, "ResourceNotFoundException", f"The requested resource is not found: {name}")

    def permitted_to_list(self, region: str, name: str) -> None:
        path = self.folder / "policy.json"
        if not path.exists():
            return
        action = "bedrock:GetInferenceProfile" if name else "bedrock:ListInferenceProfiles"
        kind = "application-inference-profile" if name in {arn.rsplit("/", 1)[-1] for arn in self.facts["applications"]} else "inference-profile"
        resource = name if name.startswith("arn:") else f"arn:aws:bedrock:{region}:{self.facts['account']}:{kind}/{name or '*'}"
        if not any(self.allows(statement, action, resource, "") for statement in listed(json.loads(path.read_text("utf-8"))["Statement"])):
            raise Refused(
                403, "AccessDeniedException", f"User: arn:aws:iam::{self.facts['account']}:user/lab is not authorized to perform: {action} "
                f"on resource: {resource} because no identity-based policy allows the {action} action",
            )  # fmt: skip


class Stream(web.StreamResponse):
    """One message as an AWS event stream, word by word."""

    def __init__(self, message: dict[str, Any], rule: dict[str, Any]) -> None:
        kind = rule.get("content_type", "application/vnd.amazon.eventstream")
        super().__init__(headers={"content-type": kind, "x-amzn-requestid": "lab", "x-amzn-bedrock-content-type": "application/json"})
        self.message, self.rule = message, rule

    async def send(self, request: web.Request) -> web.StreamResponse:
        await self.prepare(request)
        text = self.message["content"][0]["text"]
        usage = self.message["usage"]
        metrics = {"inputTokenCount": usage["input_tokens"], "outputTokenCount": usage["output_tokens"], "invocationLatency": 9, "firstByteLatency": 5}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": {**self.message, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in re.findall(r"\S+\s*", text)),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage},
            {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics},
        ]
        written = [chunk(event) for event in events]
        if "fails" in self.rule:
            written = [*written[: self.rule["fails"]], exception(self.rule.get("type", "throttlingException"), self.rule.get("message", "lab"))]
        for event in written:
            await self.write(event)
        await self.write_eof()
        return self


async def serve(api: BedrockAPI, address: str, port: int, certificate: Path | None) -> None:
    runner = web.AppRunner(api.app(), access_log=None)
    await runner.setup()
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    await web.TCPSite(runner, address, port, ssl_context=context).start()
    (api.folder / "ready").touch()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where requests.jsonl is written")
    parser.add_argument("--address", default="127.0.0.1", help="the loopback address to listen at")
    parser.add_argument("--tls-port", type=int, required=True, help="the port")
    parser.add_argument("--certificate", type=Path, help="PEM file with key and chain; without it, plain HTTP")
    options = parser.parse_args()
    try:
        api = BedrockAPI(options.folder, yaml.safe_load(FACTS.read_text("utf-8")))
        asyncio.run(serve(api, options.address, options.tls_port, options.certificate))
    except KeyboardInterrupt:
        pass
    except OSError as problem:
        parser.exit(1, f"Cannot listen: {problem}. Choose another port.\n")


if __name__ == "__main__":
    main()
