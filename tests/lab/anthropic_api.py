"""A stand-in for the Anthropic Messages API, strict about what it accepts.

It answers ``POST /v1/messages`` (JSON and server-sent events),
``POST /v1/messages/count_tokens`` and ``GET /v1/models``; it appends every
request to ``requests.jsonl`` and misbehaves when ``behave.json`` says so.

Run by hand::

    python -m tests.lab.anthropic_api --folder /tmp/standin --port 9400

``behave.json`` holds an object with any of

- how it answers: ``status`` (401, 404, 429, 500, 529 ...) with ``message`` and
  ``retry_after`` (seconds), or with a ``body`` that is sent as it is, and its
  ``content_type`` and ``content_encoding``; ``location`` (where a redirect leads);
  ``drop`` (the connection is closed without an answer);
- when: ``stall`` (seconds before the answer), ``pause`` (seconds between the
  events of a stream), ``held`` (seconds for which a stream is kept back, to be sent at once);
- what becomes of a stream: ``cut`` (after so many events the connection is
  closed), ``ends`` (likewise, in good order), ``fails`` (after so many events comes an event of an
  error), ``index`` (the block that the words are said to belong to);
- what becomes of any answer: ``torn`` (after its head and one byte the connection is closed);
- which requests: ``times`` (how many misbehave; all when absent), ``path``,
  ``model``, ``key`` and ``host`` (only requests to this path, for this model, with this
  provider key, to this host name), ``has_beta`` (only those with this value of anthropic-beta), ``field`` (only
  those whose body has this field without ``beta``, the value of anthropic-beta that it needs).

Shapes: https://platform.claude.com/docs/en/api/messages and
https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import re
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.lab.lines import Log

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}
#: The only provider keys the stand-in accepts. Obviously not real ones.
LAB_KEY = "sk-ant-lab-not-a-real-key"
SECOND_KEY = "sk-ant-lab-second-not-a-real-key"


def error(status: int, message: str, **headers: str) -> web.Response:
    """An error in the API's envelope; ``status`` is the HTTP status code."""
    kind = ERROR_TYPES.get(status, "api_error")
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_lab"}
    return web.json_response(body, status=status, headers={"request-id": "req_lab", **headers})


def _credentials(request: web.Request) -> tuple[str, str]:
    return request.headers.get("x-api-key", ""), request.headers.get("authorization", "").removeprefix("Bearer ")


def last_user_text(body: dict[str, Any]) -> str:
    """The text of the last user message, whatever shape its content has."""
    for message in reversed(body.get("messages", [])):
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        texts = [part.get("text", "") for part in content or [] if part.get("type") == "text"]
        return texts[-1] if texts else ""
    return ""


def answer_text(body: dict[str, Any]) -> str:
    """What the stand-in says: the word a prompt asks for, else a fixed line."""
    asked = re.search(r"[Rr]eply with (?:the )?one word: (\w+)", last_user_text(body))
    return asked.group(1) if asked else "This is the lab's stand-in for the Anthropic API."


class AnthropicAPI:
    """The application; one instance a process."""

    def __init__(self, folder: Path, models: list[str], keys: tuple[str, ...] = (LAB_KEY, SECOND_KEY)) -> None:
        self.folder = folder
        self.models = models
        self.keys = keys
        self.count = itertools.count(1)
        self.misbehaved: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self.log = Log(folder / "requests.jsonl")

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self.handle)
        return app

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = self.parsed(request, raw)
        record = {
            "at": time.time(),
            "method": request.method,
            "path": request.path,
            "query": request.query_string,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body,
            "bytes": len(raw),
            "tls": request.secure,
            "peer": request.remote,
        }
        rule = self.rule(request, body)
        response = await self.misbehave(request, rule) or await self.answer(request, body)
        if rule.get("torn"):
            response = Torn()
        record["status"] = 0 if rule.get("drop") else response.status
        self.log.add(record)
        if rule.get("drop") and request.transport:
            request.transport.abort()
        return await response.send(request, rule) if isinstance(response, Stream | Torn) else response

    def parsed(self, request: web.Request, raw: bytes) -> Any:
        """What a body says; None when it is no JSON."""
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            return None

    def model(self, request: web.Request, body: Any) -> str | None:
        """The model that a request is for."""
        return body.get("model") if isinstance(body, dict) else None

    def refusal(self, status: int, message: str, **headers: str) -> web.Response:
        """An error as this provider writes it."""
        return error(status, message, **headers)

    def rule(self, request: web.Request, body: Any) -> dict[str, Any]:
        """What ``behave.json`` says of this request."""
        try:
            rule = json.loads((self.folder / "behave.json").read_text("utf-8"))
        except FileNotFoundError:
            return {}
        model = self.model(request, body)
        meant = rule.get("path", request.path) == request.path and rule.get("model", model) == model and rule.get("host", request.host) == request.host
        betas = re.split(r"\s*,\s*", request.headers.get("anthropic-beta", ""))
        if "field" in rule:
            meant = meant and isinstance(body, dict) and rule["field"] in body and rule.get("beta") not in betas
        if "has_beta" in rule:
            meant = meant and rule["has_beta"] in betas
        return rule if meant and ("key" not in rule or rule["key"] in _credentials(request)) else {}

    async def misbehave(self, request: web.Request, rule: dict[str, Any]) -> web.Response | None:
        if not rule:
            return None
        text = json.dumps(rule)
        done = self.misbehaved.get(text, 0)
        if done >= rule.get("times", float("inf")):
            return None
        self.misbehaved[text] = done + 1
        await asyncio.sleep(rule.get("stall", 0))
        names = {"retry_after": "retry-after", "location": "location", "content_encoding": "content-encoding"}
        headers = {header: str(rule[name]) for name, header in names.items() if name in rule}
        if "body" in rule:
            headers["content-type"] = rule.get("content_type", "application/json")
            return web.Response(body=rule["body"].encode(), status=rule.get("status", 200), headers=headers)
        if "status" not in rule:
            return None
        return self.refusal(rule["status"], rule.get("message", f"lab {rule['status']}"), **headers)

    async def answer(self, request: web.Request, body: Any) -> web.StreamResponse:
        where = (request.method, request.path)
        if request.path == "/":
            return web.Response(status=404)
        if where not in {
            ("POST", "/v1/messages"),
            ("POST", "/v1/messages/count_tokens"),
            ("GET", "/v1/models"),
        }:
            return error(404, f"Not found: {request.method} {request.path}")
        if not set(self.keys) & set(_credentials(request)):
            return error(401, "invalid x-api-key")
        if "anthropic-version" not in request.headers:
            return error(400, "anthropic-version: header is required")
        if where == ("GET", "/v1/models"):
            data = [{"type": "model", "id": name, "display_name": name, "created_at": "2026-01-01T00:00:00Z"} for name in self.models]
            return web.json_response({"data": data, "has_more": False, "first_id": self.models[0], "last_id": self.models[-1]})
        if not isinstance(body, dict) or "model" not in body or not body.get("messages"):
            return error(400, "model and messages: Field required")
        if body["model"] not in self.models:
            return error(404, f"model: {body['model']}")
        if request.path.endswith("/count_tokens"):
            return web.json_response({"input_tokens": tokens(body)})
        if "max_tokens" not in body:
            return error(400, "max_tokens: Field required")
        said = message(next(self.count), body, body["model"])
        return Stream(said) if body.get("stream") else web.json_response(said)


class Stream(web.StreamResponse):
    """One message as server-sent events, with a ping, word by word."""

    def __init__(self, message: dict[str, Any]) -> None:
        super().__init__(headers={"content-type": "text/event-stream; charset=utf-8", "request-id": "req_lab"})
        self.message = message

    async def send(self, request: web.Request, rule: dict[str, Any]) -> web.StreamResponse:
        await self.prepare(request)
        index = rule.get("index", 0)
        text = self.message["content"][0]["text"]
        start = {**self.message, "content": [], "stop_reason": None}
        events: list[tuple[str, dict[str, Any]]] = [
            ("message_start", {"message": start}),
            ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
            ("ping", {}),
            *(("content_block_delta", {"index": index, "delta": {"type": "text_delta", "text": word}}) for word in re.findall(r"\S+\s*", text)),
            ("content_block_stop", {"index": 0}),
            (
                "message_delta",
                {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": self.message["usage"]},
            ),
            ("message_stop", {}),
        ]
        if "fails" in rule:
            problem = {"type": "overloaded_error", "message": rule.get("message", "Overloaded")}
            events = [*events[: rule["fails"]], ("error", {"error": problem})]
        written = [f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode() for name, data in events]
        if "held" in rule:
            await asyncio.sleep(rule["held"])
            written = [b"".join(written)]
        for number, event in enumerate(written):
            if number == rule.get("cut") and request.transport:
                request.transport.abort()
                return self
            if number == rule.get("ends"):
                break
            await self.write(event)
            await asyncio.sleep(rule.get("pause", 0))
        await self.write_eof()
        return self


class Torn(web.StreamResponse):
    """An answer of which the head arrives, and one byte."""

    async def send(self, request: web.Request, rule: dict[str, Any]) -> web.StreamResponse:
        self.content_type, self.content_length = "application/json", 1000
        await self.prepare(request)
        await self.write(b"{")
        if request.transport:
            request.transport.abort()
        return self


async def serve(api: AnthropicAPI, http_port: int | None, tls_port: int | None, certificate: Path | None, address: str = "127.0.0.1") -> None:
    runner = web.AppRunner(api.app(), access_log=None)
    await runner.setup()
    if http_port is not None:
        await web.TCPSite(runner, address, http_port).start()
    if tls_port is not None:
        assert certificate is not None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        await web.TCPSite(runner, address, tls_port, ssl_context=context).start()
    (api.folder / "ready").touch()
    await asyncio.Event().wait()


def message(count: int, body: dict[str, Any], model: str) -> dict[str, Any]:
    """The answer to a request, number ``count``, as the Messages API writes it."""
    return {
        "id": f"msg_lab{count:04d}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": answer_text(body)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": tokens(body), "output_tokens": 7},
    }


def tokens(body: dict[str, Any]) -> int:
    """How many tokens the stand-in counts: one for four characters."""
    return max(1, len(json.dumps(body)) // 4)


def further(api: Callable[[Path], AnthropicAPI], description: str) -> None:
    """The command line of a stand-in for a provider beside Anthropic."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--folder", type=Path, required=True, help="where requests.jsonl is written")
    parser.add_argument("--address", default="127.0.0.1", help="serve on this address")
    parser.add_argument("--tls-port", type=int, required=True, help="serve TLS on this port")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM file with key and chain")
    options = parser.parse_args()
    try:
        asyncio.run(serve(api(options.folder), None, options.tls_port, options.certificate, options.address))
    except KeyboardInterrupt:
        pass
    except OSError as problem:
        parser.exit(1, f"Cannot listen: {problem}. Choose another port.\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="where requests.jsonl is written")
    parser.add_argument("--model", action="append", required=True, help="a model id that exists")
    parser.add_argument("--key", action="append", help="a key that is accepted, in place of the lab's two")
    parser.add_argument("--port", type=int, help="serve plain HTTP on this port of 127.0.0.1")
    parser.add_argument("--tls-port", type=int, help="serve TLS on this port of 127.0.0.1")
    parser.add_argument("--certificate", type=Path, help="PEM file with key and chain, for TLS")
    options = parser.parse_args()
    if options.port is None and options.tls_port is None:
        parser.error("name a port: --port, --tls-port, or both")
    if options.tls_port is not None and options.certificate is None:
        parser.error("--tls-port needs --certificate")
    try:
        api = AnthropicAPI(options.folder, options.model, tuple(options.key or (LAB_KEY, SECOND_KEY)))
        asyncio.run(serve(api, options.port, options.tls_port, options.certificate))
    except KeyboardInterrupt:
        pass
    except OSError as problem:
        parser.exit(1, f"Cannot listen: {problem}. Choose another port.\n")


if __name__ == "__main__":
    main()
