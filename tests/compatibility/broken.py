"""Small real proxies between the kit and its stand-in, each of which breaks one thing; the list is broken.yaml.

``with Proxy("buffers", upstream) as gateway: gateway.url``
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp import web

from tests.compatibility import kit

KEY = "sk-gateway-lab-not-a-real-key"
#: Headers of one connection, which a proxy does not pass on.
HOP = {"connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding"}
LIMIT = 64 * 2**20


class Proxy:
    """A gateway on a free port of loopback: it takes KEY, and asks the provider with the kit's. ``fault``: a name of FAULTS, or "" for none."""

    def __init__(self, fault: str, upstream: str) -> None:
        self.upstream, self.fault = upstream, FAULTS[fault]() if fault else Fault()
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Proxy:
        self.thread.start()
        assert self.ready.wait(10), "the proxy did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(10)

    def _serve(self) -> None:
        self.loop.run_until_complete(self._main())
        for task in asyncio.all_tasks(self.loop):  # connections that are still open
            task.cancel()
            self.loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        self.loop.close()

    async def _main(self) -> None:
        self.over = asyncio.Event()
        app = web.Application(client_max_size=self.fault.limit)
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
        async with aiohttp.ClientSession(auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None, sock_read=self.fault.waits)) as self.session:
            self.ready.set()
            await self.over.wait()
            await runner.cleanup()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        fault = self.fault
        if not {request.headers.get("x-api-key"), request.headers.get("authorization", "").removeprefix("Bearer ")} & {KEY}:
            if not fault.open:
                return wrong(401, "invalid key")
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return wrong(413, "too large")
        early = fault.instead(request)
        if early is not None:
            return early
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower() not in {*HOP, "authorization", "x-api-key"}}
        headers["x-api-key"] = kit.PROVIDER_KEY
        path = fault.path(request.path_qs)
        if raw and fault.body:
            raw = json.dumps(fault.body(json.loads(raw))).encode()
        try:
            async with self.session.request(request.method, self.upstream + path, data=raw or None, headers=fault.headers(headers)) as answer:
                return await self.relay(request, answer)
        except TimeoutError:
            return wrong(504, "the provider is too slow")

    async def relay(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        fault = self.fault
        headers = fault.answer_headers(answer.status, {name.lower(): value for name, value in answer.headers.items() if name.lower() not in HOP})
        if answer.content_type != "text/event-stream":
            raw = await answer.read()
            status, body = fault.answer(answer.status, raw)
            return web.Response(body=body, status=status, headers=headers)
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        kept, count, event = b"", 0, b""
        try:
            while read := await answer.content.readuntil(b"\n\n"):
                count += 1
                event = fault.event(read)
                if fault.buffers:
                    kept += event
                elif event:
                    await response.write(event)
                if count == fault.ends:
                    break
        except (aiohttp.ClientError, TimeoutError):
            if not fault.completes and request.transport:
                request.transport.abort()
                return response
        if fault.completes and b"message_stop" not in event:
            kept += kit.frame("message_stop", {})
        if kept:
            await response.write(kept)
        await response.write_eof()
        return response


def wrong(status: int, message: str) -> web.Response:
    return web.json_response({"type": "error", "error": {"type": kit.ERRORS.get(status, "api_error"), "message": message}}, status=status)


class Fault:
    """What a gateway does that breaks nothing; a fault changes one part of it."""

    limit = LIMIT
    open = False
    waits: float | None = None
    #: What becomes of a request's body; none: every byte stays.
    body: Callable[[Any], Any] | None = None
    buffers = False
    completes = False
    ends = 0

    def instead(self, request: web.Request) -> web.StreamResponse | None:
        return None

    def path(self, path: str) -> str:
        return path

    def headers(self, headers: dict[str, str]) -> dict[str, str]:
        return headers

    def answer_headers(self, status: int, headers: dict[str, str]) -> dict[str, str]:
        return headers

    def answer(self, status: int, raw: bytes) -> tuple[int, bytes]:
        return status, raw

    def event(self, event: bytes) -> bytes:
        return event


def without(headers: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in names}


def made(**parts: Any) -> Callable[[], Fault]:
    """A fault of a few attributes; a function is called with what it changes."""
    return lambda: type("Made", (Fault,), {name: staticmethod(value) if callable(value) else value for name, value in parts.items()})()


def _filtered(headers: dict[str, str]) -> dict[str, str]:
    """As a gateway does that keeps the values it knows."""
    known = [value for value in headers.get("anthropic-beta", "").split(",") if value in kit.BETAS[:3]]
    return {**without(headers, "anthropic-beta"), **({"anthropic-beta": ",".join(known)} if known else {})}


def _only_known_betas(headers: dict[str, str]) -> dict[str, str]:
    known = [value for value in headers.get("anthropic-beta", "").split(",") if value in kit.BETAS]
    return {**without(headers, "anthropic-beta"), **({"anthropic-beta": ",".join(known)} if known else {})}


def _text_of_system(body: Any) -> Any:
    if isinstance(body.get("system"), list):
        return {**body, "system": "\n".join(part["text"] for part in body["system"])}
    return body


def _without_cache(body: Any) -> Any:
    return json.loads(json.dumps(body), object_hook=lambda part: without(part, "cache_control"))


def _known_fields(body: Any) -> Any:
    known = {"model", "messages", "max_tokens", "system", "tools", "thinking", "stream", "metadata", "context_management", "output_config"}
    return {name: value for name, value in body.items() if name in known}


def _other_envelope(status: int, raw: bytes) -> tuple[int, bytes]:
    return (status, json.dumps({"error": {"message": json.loads(raw)["error"]["message"], "code": str(status)}}).encode()) if status >= 400 else (status, raw)


def _page(status: int, raw: bytes) -> tuple[int, bytes]:
    return (status, b"<html><h1>Bad Gateway</h1></html>") if status >= 400 else (status, raw)


def _own_words(status: int, raw: bytes) -> tuple[int, bytes]:
    if status < 400:
        return status, raw
    body = json.loads(raw)
    return status, json.dumps({**body, "error": {**body["error"], "message": "The provider has refused the request."}}).encode()


def _elsewhere(request: web.Request) -> web.StreamResponse | None:
    if request.query_string.endswith("&moved"):
        return None
    raise web.HTTPTemporaryRedirect(f"{request.path}?{request.query_string}&moved")


def _only_chat(request: web.Request) -> web.StreamResponse | None:
    return None if request.path in ("/v1/chat/completions", "/v1/models") else wrong(404, f"no route {request.path}")


def _shape(status: int, raw: bytes) -> tuple[int, bytes]:
    body = json.loads(raw)
    if status != 200 or "content" not in body:
        return status, raw
    text = "".join(part.get("text", "") for part in body["content"])
    return status, json.dumps({"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


def _only_text(status: int, raw: bytes) -> tuple[int, bytes]:
    body = json.loads(raw)
    if "content" in body:
        body["content"] = [part for part in body["content"] if part["type"] == "text"]
    return status, json.dumps(body).encode()


def _no_route(ending: str) -> Callable[[web.Request], web.StreamResponse | None]:
    return lambda request: wrong(404, "no route") if request.path.endswith(ending) else None


def _bearer_only(request: web.Request) -> web.StreamResponse | None:
    return wrong(401, "no token") if "authorization" not in request.headers else None


def _renamed(*pairs: tuple[int, int]) -> Callable[[int, bytes], tuple[int, bytes]]:
    return lambda status, raw: (dict(pairs).get(status, status), raw)


#: Name -> what makes it. A fault of an outside gateway that is none of these: a function here, and its line in broken.yaml.
FAULTS: dict[str, Callable[[], Fault]] = {
    "strips-betas": made(headers=lambda headers: without(headers, "anthropic-beta")),
    "filters-betas": made(headers=_filtered),
    "known-betas": made(headers=_only_known_betas),
    "strips-version": made(headers=lambda headers: without(headers, "anthropic-version")),
    "own-version": made(headers=lambda headers: {**headers, "anthropic-version": "2023-01-01"}),
    "buffers": made(buffers=True),
    "swallows-pings": made(event=lambda event: b"" if event.startswith(b"event: ping") else event),
    "closes-early": made(ends=9),
    "drops-thinking": made(event=lambda event: b"" if b"thinking_delta" in event else event),
    "invents-an-end": made(completes=True),
    "wrong-content-type": made(answer_headers=lambda status, headers: {**headers, "content-type": "text/plain"}),
    "impatient": made(waits=2.0),
    "loses-system-list": made(body=_text_of_system),
    "loses-system": made(body=lambda body: without(body, "system")),
    "loses-tools": made(body=lambda body: without(body, "tools")),
    "loses-cache": made(body=_without_cache),
    "loses-thinking": made(body=lambda body: without(body, "thinking")),
    "loses-new-fields": made(body=_known_fields),
    "own-error-envelope": made(answer=_other_envelope),
    "error-pages": made(answer=_page, answer_headers=lambda status, headers: {**headers, "content-type": "text/html"} if status >= 400 else headers),
    "own-error-words": made(answer=_own_words),
    "500-for-529": made(answer=_renamed((529, 500))),
    "502-for-500": made(answer=_renamed((500, 502), (503, 502))),
    "200-for-errors": made(answer=_renamed(*((status, 200) for status in kit.ERRORS))),
    "loses-retry-after": made(answer_headers=lambda status, headers: without(headers, "retry-after")),
    "redirects": made(instead=_elsewhere),
    "small-bodies": made(limit=10**6),
    "medium-bodies": made(limit=8 * 10**6),
    "only-chat-completions": made(instead=_only_chat),
    "answers-as-chat": made(answer=_shape),
    "only-text": made(answer=_only_text),
    "bearer-for-provider": made(headers=lambda headers: {**without(headers, "x-api-key"), "authorization": f"Bearer {headers['x-api-key']}"}),
    "passes-key-on": made(headers=lambda headers: {**headers, "authorization": f"Bearer {KEY}"}),
    "bearer-only": made(instead=_bearer_only),
    "open": made(open=True),
    "no-count": made(instead=_no_route("/count_tokens")),
    "no-models": made(instead=_no_route("/v1/models")),
    "compresses": made(answer=lambda status, raw: (status, gzip.compress(raw)), answer_headers=lambda status, headers: {**headers, "content-encoding": "gzip"}),
}
