#!/usr/bin/env python3
"""Checks whether a gateway does what Claude Code needs of it.

    python3 gateway_check.py --url http://127.0.0.1:4000                    from outside: what cannot be seen is said
    python3 gateway_check.py --url http://127.0.0.1:4000 --upstream 9500    with a stand-in for the provider on loopback

With --upstream, point the gateway at http://127.0.0.1:9500 first, with PROVIDER_KEY below as its key. Then what went
into the gateway is compared with what came out of it, and nothing costs tokens. Without it the gateway's real provider
is asked, and the program says first how often.

The gateway's key is read from the variable ANTHROPIC_AUTH_TOKEN, or asked for. It is sent to --url and nowhere else,
and never printed. Headers in ANTHROPIC_CUSTOM_HEADERS are sent too, as Claude Code sends them. Nothing is written to disk.

Exit status: 0 every required check is met, or was not observable; 1 a required check failed; 2 the checks could not run.

Python 3.9 or newer, standard library only.
"""

from __future__ import annotations

import argparse
import getpass
import http.client
import http.server
import json
import os
import re
import secrets
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

#: What the stand-in takes for the provider's key. No provider knows it.
PROVIDER_KEY = "sk-ant-check-not-a-real-key"
MODEL = "claude-opus-5-5"
VERSION = "2023-06-01"
#: What Claude Code 2.1.329 sends in anthropic-beta.
BETAS = (
    "claude-code-20250219", "interleaved-thinking-2025-05-14", "context-management-2025-06-27", "per-turn-control-2026-07-01",
    "mid-conversation-tool-changes-2026-07-01", "thinking-token-count-2026-05-13", "advanced-tool-use-2025-11-20", "effort-2025-11-24",
)  # fmt: skip
#: A value no release knows: lists of allowed values stop it.
NEW_BETA = "gateway-check-2099-01-01"
SESSION = "x-claude-code-session-id"
ERRORS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large",
    429: "rate_limit_error", 500: "api_error", 503: "api_error", 529: "overloaded_error",
}  # fmt: skip
#: The words by which Claude Code knows that a conversation has become too long.
TOO_LONG = "prompt is too long: 250000 tokens > 200000 maximum"
MINUTE = 65.0  #: Seconds of silence that stand for a minute.
HOLD = 10.0  #: Seconds for which the stand-in keeps a stream back until its first words have arrived.
PATIENCE = 8.0  #: Seconds after which a gateway that asks nobody is given up.
SPREAD = 0.5  #: Seconds between the first words and the last, from which on a stream has surely not been kept back.
LARGE = 4 * 10**6  #: Bytes of a conversation that fills a context of a million tokens.
LARGEST = 30 * 10**6  #: Bytes; Anthropic takes 32 MB.
TIMEOUT = 60.0  #: Seconds of silence after which an answer is given up, beside what a check waits for.


# What the provider's stand-in does ------------------------------------------------------------


@dataclass
class Plan:
    """How the stand-in answers one question, which it knows by the word in it."""

    status: int = 200
    message: str = "gateway_check"
    retry_after: str = ""
    silence: float = 0.0  # seconds before the answer
    middle: float = 0.0  # seconds of silence within a stream
    hold: float = 0.0  # how long a stream waits for ``first`` and ``pinged``
    ending: str = ""  # of a stream: "" whole, "cut" aborted, "error" with an event that says so
    first: threading.Event = field(default_factory=threading.Event)
    pinged: threading.Event = field(default_factory=threading.Event)
    gave_up: list[str] = field(default_factory=list)


@dataclass
class Seen:
    """A request as it reached the stand-in. ``headers`` have lower-case names."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    raw: bytes
    body: Any


#: What the stand-in says: parts of every kind that Claude Code asks for, and one that no release knows.
CONTENT: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "Two words.", "signature": "c2lnbmF0dXJl"},
    {"type": "text", "text": "It works \u2713"},
    {"type": "tool_use", "id": "toolu_check", "name": "Read", "input": {"path": "a/b.txt"}},
]
USAGE = {"input_tokens": 11, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 7}
COUNTED = 4242


def message_of(model: str) -> dict[str, Any]:
    return {
        "id": "msg_check", "type": "message", "role": "assistant", "model": model, "content": CONTENT, "stop_reason": "tool_use", "stop_sequence": None,
        "usage": USAGE, "gateway_check_field": {"kept": True},
    }  # fmt: skip


def events_of(model: str) -> list[tuple[str, dict[str, Any]]]:
    """One message as events; the first ping stands alone after the first words."""
    start = {**message_of(model), "content": [], "stop_reason": None}
    found: list[tuple[str, dict[str, Any]]] = [("message_start", {"message": start})]
    deltas = [
        [
            {"type": "thinking_delta", "thinking": "Two "},
            {"type": "thinking_delta", "thinking": "words."},
            {"type": "signature_delta", "signature": "c2lnbmF0dXJl"},
        ],
        [{"type": "text_delta", "text": "It works "}, {"type": "text_delta", "text": "\u2713"}],
        [{"type": "input_json_delta", "partial_json": '{"path": '}, {"type": "input_json_delta", "partial_json": '"a/b.txt"}'}],
    ]
    empty: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "", "signature": ""}, {"type": "text", "text": ""}, {"type": "tool_use", "id": "toolu_check", "name": "Read", "input": {}},
    ]  # fmt: skip
    for index, block in enumerate(empty):
        found.append(("content_block_start", {"index": index, "content_block": block}))
        for number, delta in enumerate(deltas[index]):
            found.append(("content_block_delta", {"index": index, "delta": delta}))
            if (index, number) == (0, 0):
                found.append(("ping", {}))
        found.append(("content_block_stop", {"index": index}))
    found.append(("message_delta", {"delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": USAGE}))
    found.append(("message_stop", {}))
    return found


def frame(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


class StandIn(http.server.ThreadingHTTPServer):
    """A provider on loopback that notes what it is asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Asked)
        self.plans: dict[str, Plan] = {}
        self.seen: dict[str, list[Seen]] = {}
        self.other: list[Seen] = []
        self.guard = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def note(self, request: Seen) -> Plan:
        """Keep the request; how it is to be answered."""
        found = re.search(rb"check-[0-9a-f]{12}", request.raw)
        with self.guard:
            if not found:
                self.other.append(request)
                return Plan()
            word = found.group().decode()
            self.seen.setdefault(word, []).append(request)
            return self.plans.get(word, Plan())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A gateway that hangs up is no event."""


class Asked(http.server.BaseHTTPRequestHandler):
    """One connection of the gateway's."""

    protocol_version = "HTTP/1.1"
    server: StandIn
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing goes to the terminal."""

    def raw_body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while True:
            size = int(self.rfile.readline().split(b";")[0] or b"0", 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
            if not size:
                return b"".join(parts)

    def do_POST(self) -> None:
        raw = self.raw_body()
        path, _, query = self.path.partition("?")
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            name = name.lower()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        plan = self.server.note(Seen(self.command, path, query, headers, raw, body))
        try:
            self.answer(plan, path, body if isinstance(body, dict) else {})
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST

    def answer(self, plan: Plan, path: str, body: dict[str, Any]) -> None:
        time.sleep(plan.silence)
        if plan.status != 200:
            return self.error(plan.status, plan.message, plan.retry_after)
        model = str(body.get("model", MODEL))
        if (self.command, path) == ("GET", "/v1/models"):
            entry = {"type": "model", "id": MODEL, "display_name": MODEL, "created_at": "2026-01-01T00:00:00Z"}
            return self.json(200, {"data": [entry], "has_more": False, "first_id": MODEL, "last_id": MODEL})
        if (self.command, path) == ("POST", "/v1/messages/count_tokens"):
            return self.json(200, {"input_tokens": COUNTED})
        if (self.command, path) != ("POST", "/v1/messages"):
            return self.error(404, f"Not found: {self.command} {path}")
        if not body.get("messages") or "max_tokens" not in body:
            return self.error(400, "messages: Field required")
        if model == "gateway-check-unknown":
            return self.error(404, f"model: {model}")
        if body.get("stream"):
            return self.stream(plan, model)
        self.json(200, message_of(model))

    def error(self, status: int, message: str, retry_after: str = "") -> None:
        headers = {"retry-after": retry_after} if retry_after else {}
        self.json(status, {"type": "error", "error": {"type": ERRORS[status], "message": message}, "request_id": "req_check"}, headers)

    def json(self, status: int, data: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        raw = json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "request-id": "req_check", "content-length": str(len(raw)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def stream(self, plan: Plan, model: str) -> None:
        self.send_response(200)
        self.chunked = self.request_version != "HTTP/1.0"  # nginx asks so unless told
        self.close_connection = self.close_connection or not self.chunked
        length = {"transfer-encoding": "chunked"} if self.chunked else {"connection": "close"}
        for name, value in {"content-type": "text/event-stream; charset=utf-8", "request-id": "req_check", **length}.items():
            self.send_header(name, value)
        self.end_headers()
        for number, (name, data) in enumerate(events_of(model)):
            if number == 6 and plan.ending:
                if plan.ending == "error":
                    self.chunk(frame("error", {"error": {"type": "overloaded_error", "message": "gateway_check overloaded"}}))
                    self.chunk(b"")
                self.close_connection = True
                return
            self.chunk(frame(name, data))
            if name == "content_block_delta" and not plan.first.is_set() and plan.hold and not plan.gave_up:
                if not plan.first.wait(plan.hold):
                    plan.gave_up.append("first")
            if name == "ping":
                if plan.hold and "first" not in plan.gave_up and not plan.pinged.wait(plan.hold):
                    plan.gave_up.append("ping")
                time.sleep(plan.middle)
        self.chunk(b"")

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if self.chunked else data)
        self.wfile.flush()


# The client ------------------------------------------------------------------------------------


@dataclass
class Answer:
    """What came back. ``pieces``: how many reads brought words; ``broke``: why reading ended before the answer did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""
    broke: str = ""
    pieces: int = 0

    @property
    def body(self) -> Any:
        try:
            return json.loads(self.raw)
        except ValueError:
            return None

    @property
    def type(self) -> str:
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    @property
    def events(self) -> list[tuple[str, Any]]:
        """(name, data) of each event; data that is no JSON stays text."""
        found = []
        for block in re.split(r"\r?\n\r?\n", self.raw.decode("utf-8", "replace")):
            fields: dict[str, str] = {}
            for line in block.splitlines():
                name, _, value = line.partition(":")
                if name:
                    fields[name] = fields.get(name, "") + value.lstrip(" ")
            if "data" in fields:
                try:
                    data = json.loads(fields["data"])
                except ValueError:
                    data = fields["data"]
                found.append((fields.get("event", ""), data))
        return found

    def told(self) -> str:
        """The answer in a few words."""
        if self.broke:
            return self.broke if not self.status else f"{self.status}, then {self.broke}"
        words = self.body["error"]["message"] if is_error(self.body) else self.body.get("detail", "") if isinstance(self.body, dict) else ""
        words = str(words).strip()
        return f"{self.status}{': ' + words.splitlines()[0] if words else f' ({self.type})' if self.type else ''}"


def is_error(body: Any) -> bool:
    """An error in the envelope of the Messages interface, or in the one with no type that others use."""
    return isinstance(body, dict) and isinstance(body.get("error"), dict) and bool(str(body["error"].get("message", "")))


class CannotRun(Exception):
    """One line that says why nothing could be checked, and what to do."""


class Gateway:
    """The address under test, and the credential for it."""

    def __init__(self, url: str, key: str, authority: str | None = None, more: dict[str, str] | None = None) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise CannotRun("--url: its host or port is malformed") from None
        if parts.username or parts.password:
            raise CannotRun("--url: leave the login out of the address; the key comes from the variable")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise CannotRun("--url: write it as in ANTHROPIC_BASE_URL, with http:// or https:// and nothing after the path")
        if parts.path.rstrip("/").endswith("/v1"):
            raise CannotRun("--url: leave /v1 out; Claude Code adds /v1/messages itself")
        self.host, self.path, self.key, self.more = parts.hostname, parts.path.rstrip("/"), key, more or {}
        self.secure = parts.scheme == "https"
        self.port = port or (443 if self.secure else 80)
        try:
            self.context = ssl.create_default_context(cafile=authority) if self.secure else None
        except OSError:
            raise CannotRun(f"--ca {authority}: no certificates can be read there") from None

    def headers(self, credential: str = "bearer") -> dict[str, str]:
        """Of the kinds bearer, x-api-key, wrong and none."""
        made = {
            "accept": "application/json", "content-type": "application/json", "anthropic-version": VERSION, "x-app": "cli",
            "user-agent": "gateway_check.py", "accept-encoding": "identity",
        }  # fmt: skip
        key = "sk-not-a-key-gateway-check" if credential == "wrong" else self.key
        if credential == "x-api-key":
            made["x-api-key"] = key
        elif credential != "none" and key:
            made["authorization"] = f"Bearer {key}"
        return {**made, **self.more}

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, timeout: float = TIMEOUT,
        arrived: Callable[[bytes], None] | None = None, credential: str = "bearer",
    ) -> Answer:  # fmt: skip
        """One request on a connection of its own; ``arrived`` gets all that came so far, whenever more came."""
        raw = None if body is None else json.dumps(body).encode()
        made = {**self.headers(credential), **(headers or {})}
        line: http.client.HTTPConnection
        if self.secure:
            line = http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        else:
            line = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        found, end = Answer(), time.monotonic() + 2 * timeout
        try:
            try:
                line.request(method, self.path + path, raw, made)
            except (BrokenPipeError, ConnectionResetError):
                if line.sock is None:
                    raise  # an answer may have come before the whole question was sent
            response = line.getresponse()
            found.status = response.status
            found.headers = {name.lower(): value for name, value in response.getheaders()}
            while True:
                piece = response.read1(65536)
                if not piece:
                    break
                found.raw += piece
                found.pieces += 1
                if arrived:
                    arrived(found.raw)
                if time.monotonic() > end or len(found.raw) > LARGEST:
                    found.broke = f"no end after {2 * timeout:g} seconds"
                    return found
            if response.length:
                found.broke = "the connection was closed"
        except http.client.IncompleteRead as problem:
            found.raw += problem.partial
            found.broke = "the connection was closed"
        except ssl.SSLCertVerificationError as problem:
            found.broke = f"the certificate is not accepted ({problem.verify_message})"
        except ConnectionRefusedError:
            found.broke = "nothing listens there"
        except TimeoutError:
            found.broke = f"nothing for {timeout:g} seconds"
        except (OSError, http.client.HTTPException, ValueError) as problem:
            timed_out = "timed out" in str(problem)
            closed = isinstance(problem, (ConnectionError, http.client.HTTPException))
            found.broke = f"nothing for {timeout:g} seconds" if timed_out else "the connection was closed" if closed else printable(str(problem))
        finally:
            line.close()
        return found


# The checks --------------------------------------------------------------------------------------


MET, FAILED, UNSEEN, SKIPPED = "met", "failed", "not observable", "skipped"
VERDICTS = ("required", "degrades", "info")


@dataclass(frozen=True)
class Outcome:
    outcome: str
    detail: str = ""


def met(detail: str = "") -> Outcome:
    return Outcome(MET, detail)


def failed(detail: str) -> Outcome:
    return Outcome(FAILED, detail)


def unseen(detail: str = "") -> Outcome:
    return Outcome(UNSEEN, detail)


@dataclass(frozen=True)
class Check:
    """``loses``: what its failing means for Claude Code. ``phase``: checks of one phase run together. ``blind``: it says something without the stand-in too."""

    id: str
    verdict: str
    criterion: str
    what: str
    loses: str
    run: Callable[[Run], Outcome]
    phase: int
    blind: bool
    questions: int


CHECKS: list[Check] = []


def check(id: str, verdict: str, criterion: str, what: str, loses: str, phase: int = 1, blind: bool = False, questions: int = 0) -> Callable[[Any], Any]:
    """Put a function on the list. ``questions``: how often it asks a model when there is no stand-in."""

    def add(function: Callable[[Run], Outcome]) -> Callable[[Run], Outcome]:
        CHECKS.append(Check(id, verdict, criterion, what, loses, function, phase, blind, questions))
        return function

    return add


class Run:
    """One run against one gateway. ``stand_in`` None: from outside."""

    def __init__(
        self, gateway: Gateway, stand_in: StandIn | None, model: str = MODEL, minute: float = MINUTE, hold: float = HOLD, patience: float = PATIENCE,
        largest: int = LARGEST,
    ) -> None:  # fmt: skip
        self.gateway, self.stand_in, self.model = gateway, stand_in, model
        self.minute, self.hold, self.patience, self.largest = minute, hold, patience, largest
        self.kept: dict[str, Any] = {}
        self.guards: dict[str, threading.Lock] = {}
        self.guard = threading.Lock()
        self.held_back: list[str] = []

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What several checks look at is asked for once."""
        with self.guard:
            mine = self.guards.setdefault(name, threading.Lock())
        with mine:
            if name not in self.kept:
                self.kept[name] = make()
            return self.kept[name]

    def question(self, **parts: Any) -> tuple[str, dict[str, Any]]:
        """The smallest question, with more parts; and the word by which the stand-in knows it."""
        word = f"check-{secrets.token_hex(6)}"
        text = f"Reply with one word: ok ({word})"
        return word, {"model": self.model, "max_tokens": 16, "messages": [{"role": "user", "content": text}], **parts}

    def send(
        self, plan: Plan | None = None, headers: dict[str, str] | None = None, path: str = "/v1/messages?beta=true", wait: float = 0.0,
        credential: str = "bearer", arrived: Callable[[bytes], None] | None = None, **parts: Any,
    ) -> tuple[Answer, list[Seen]]:  # fmt: skip
        """Ask; what came back, and what the stand-in saw of it."""
        word, body = self.question(**parts)
        if self.stand_in:
            self.stand_in.plans[word] = plan or Plan()
        answer = self.gateway.ask("POST", path, body, headers, TIMEOUT + wait, arrived, credential)
        return answer, list(self.stand_in.seen.get(word, [])) if self.stand_in else []

    def patiently(self, plan: Plan, after: str) -> tuple[Answer, list[Seen]]:
        """Like send, again and again while the gateway answers for itself that it is busy."""
        end = time.monotonic() + self.patience
        while True:
            answer, seen = self.send(plan)
            if seen or answer.status not in (429, 500, 502, 503) or time.monotonic() > end:
                return answer, seen
            if after not in self.held_back:
                self.held_back.append(after)
            time.sleep(0.5)

    def part(self, name: str, value: Any, headers: dict[str, str] | None = None) -> Outcome:
        """A part of the body arrives as it was sent."""
        answer, seen = self.send(headers=headers, **{name: value})
        if not seen:
            return failed(f"refused with {answer.told()}")
        body = seen[0].body
        if not isinstance(body, dict) or name not in body:
            return failed(f"{name} did not arrive")
        return met() if body[name] == value else failed(f"{name} was changed: {differs(value, body[name])}")


def differs(sent: Any, got: Any, where: str = "") -> str:
    """The first place at which two values differ, in a few words."""
    if type(sent) is not type(got):
        return f"{where or 'it'} is {kind(got)} in place of {kind(sent)}"
    if isinstance(sent, dict):
        for name in sent:
            if name not in got:
                return f"{where + '.' if where else ''}{name} is missing"
            if sent[name] != got[name]:
                return differs(sent[name], got[name], f"{where + '.' if where else ''}{name}")
        return f"{where + ' has ' if where else ''}{', '.join(sorted(set(got) - set(sent)))} more"
    if isinstance(sent, list):
        if len(sent) != len(got):
            return f"{where or 'it'} has {len(got)} parts in place of {len(sent)}"
        for number, (one, other) in enumerate(zip(sent, got)):
            if one != other:
                return differs(one, other, f"{where}[{number}]")
    return f"{where or 'it'} is another value"


def within(sent: Any, got: Any) -> bool:
    """Whether everything that was sent is there; further keys of an object do no harm."""
    if isinstance(sent, dict):
        return isinstance(got, dict) and all(name in got and within(value, got[name]) for name, value in sent.items())
    if isinstance(sent, list):
        return isinstance(got, list) and len(sent) == len(got) and all(within(one, other) for one, other in zip(sent, got))
    return type(sent) is type(got) and sent == got


def kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")


# What every gateway must do


@check("messages", "required", "CC1", "A question to /v1/messages is answered", "Claude Code gets no answer", phase=0, blind=True, questions=1)
def messages(run: Run) -> Outcome:
    answer, seen = run.once("plain", run.send)
    if run.stand_in and answer.status == 200 and not seen and not run.stand_in.other:
        raise CannotRun(
            f"the gateway answered, but did not ask the stand-in: it still asks its own provider. Point it at http://127.0.0.1:{run.stand_in.server_port}"
        )
    if answer.broke or answer.status != 200:
        return failed(f"answered with {answer.told()}")
    if run.stand_in and (not seen or seen[0].path != "/v1/messages"):
        return failed(f"the provider was asked at {seen[0].path if seen else run.stand_in.other[-1].path}")
    body = answer.body
    if not isinstance(body, dict) or body.get("type") != "message" or not isinstance(body.get("content"), list):
        return failed(f"the answer is no message ({answer.type or 'no content type'})")
    return met()


@check("redirect", "required", "CC1", "It answers at this address, without a redirect", "the key or the body may get lost", blind=True)
def redirect(run: Run) -> Outcome:
    asked = [run.once("incomplete", lambda: incomplete(run)), run.once("models", lambda: ask_models(run))]
    leads = [answer for answer in asked if 300 <= answer.status < 400]
    if leads:
        return failed(f"{leads[0].status} to another address")
    return met() if all(answer.status for answer in asked) else failed(asked[0].told())


@check("credential", "required", "CC6", "The key is accepted as a bearer token or as x-api-key", "401 for every request", blind=True)
def credential(run: Run) -> Outcome:
    accepted = [name for name in ("bearer", "x-api-key") if run.once(name, lambda: counted(run, name)).status not in (401, 403)]
    return met() if accepted else failed("refused in both headers")


@check("provider-key", "required", "CC6", "The provider gets the provider's key, in x-api-key", "the provider answers 401")
def provider_key(run: Run) -> Outcome:
    _, seen = run.once("plain", run.send)
    if not seen:
        return failed("the provider was not asked")
    if seen[0].headers.get("x-api-key") == PROVIDER_KEY:
        return met()
    if seen[0].headers.get("authorization", "").endswith(PROVIDER_KEY):
        return failed("it stood in authorization, where Anthropic takes no API key")
    return failed("x-api-key held something else" if "x-api-key" in seen[0].headers else "there was no x-api-key")


@check("anthropic-version", "required", "CC2", "anthropic-version arrives as it was sent", "the provider answers 400")
def version(run: Run) -> Outcome:
    _, seen = run.once("plain", run.send)
    if not seen:
        return failed("the provider was not asked")
    got = seen[0].headers.get("anthropic-version")
    return met() if got == VERSION else failed(f"{printable(got)} arrived" if got else "it did not arrive")


def betas_of(seen: Seen) -> list[str]:
    return [value for value in re.split(r"[\s,]+", seen.headers.get("anthropic-beta", "")) if value]


@check(
    "anthropic-beta", "required", "CC2", "Every value of anthropic-beta that Claude Code sends arrives", "400, because the body has fields of these features"
)
def betas(run: Run) -> Outcome:
    answer, seen = run.once("betas", lambda: run.send(headers={"anthropic-beta": ",".join((*BETAS, NEW_BETA)), SESSION: "check"}))
    if not seen:
        return failed(f"refused with {answer.told()}")
    missing = [value for value in BETAS if value not in betas_of(seen[0])]
    return failed(f"{len(missing)} of {len(BETAS)} did not arrive: {missing[0]}{' ...' if missing[1:] else ''}") if missing else met()


@check("beta-unknown", "degrades", "CC2", "So does a value that no release knows yet", "features of the next release fail until the gateway is updated")
def beta_unknown(run: Run) -> Outcome:
    answer, seen = run.once("betas", lambda: run.send(headers={"anthropic-beta": ",".join((*BETAS, NEW_BETA)), SESSION: "check"}))
    if not seen:
        return failed(f"refused with {answer.told()}")
    return met() if NEW_BETA in betas_of(seen[0]) else failed("it did not arrive")


@check("session-id", "info", "CC2", f"{SESSION} arrives", "the provider cannot group requests; the gateway may use it up")
def session(run: Run) -> Outcome:
    answer, seen = run.once("betas", lambda: run.send(headers={"anthropic-beta": ",".join((*BETAS, NEW_BETA)), SESSION: "check"}))
    if not seen:
        return failed(f"refused with {answer.told()}")
    return met() if seen[0].headers.get(SESSION) == "check" else failed("it did not arrive")


@check("query", "info", "CC1", "?beta=true arrives", "nothing that was seen")
def query(run: Run) -> Outcome:
    _, seen = run.once("plain", run.send)
    return met() if seen and seen[0].query == "beta=true" else failed("it did not arrive")


SYSTEM = [
    {"type": "text", "text": "x-anthropic-billing-header: cc_version=check; cc_entrypoint=sdk-cli;"},
    {"type": "text", "text": "You are being checked."},
]
TOOLS = [{"name": "Read", "description": "Reads a file.", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}}]
FEATURES = {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}, "output_config": {"effort": "medium"}}
USER = '{"device_id":"check","account_uuid":"","session_id":"check"}'
TALK: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "text", "text": "Read it."}]},
    {"role": "system", "content": [{"type": "text", "text": "# Environment\n - Platform: linux"}]},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}},
        ],
    },
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "caf\u00e9 \U0001f600 \\ud83d"}]}]},
]


@check("body-system", "required", "CC3", "system arrives as the list it is", "instructions get lost; 400 or 422 for every request")
def body_system(run: Run) -> Outcome:
    return run.part("system", SYSTEM)


@check("body-tools", "required", "CC3", "tools arrive as they were sent", "Claude Code cannot act")
def body_tools(run: Run) -> Outcome:
    return run.part("tools", TOOLS)


@check("body-messages", "required", "CC3", "messages with tools, thinking and a system message within arrive as they were sent", "conversations break off")
def body_messages(run: Run) -> Outcome:
    word, body = run.question(tools=TOOLS)
    sent = TALK + body["messages"]
    if run.stand_in:
        run.stand_in.plans[word] = Plan()
    answer = run.gateway.ask("POST", "/v1/messages?beta=true", {**body, "messages": sent})
    seen = run.stand_in.seen.get(word, []) if run.stand_in else []
    if not seen:
        return failed(f"refused with {answer.told()}")
    got = seen[0].body.get("messages") if isinstance(seen[0].body, dict) else None
    return met() if got == sent else failed(f"changed: {differs(sent, got, 'messages')}")


@check("whole-request", "required", "CC3", "A request with everything that Claude Code sends is answered", "Claude Code gets no answer")
def whole_request(run: Run) -> Outcome:
    answer, seen = run.send(
        headers={"anthropic-beta": ",".join(BETAS), SESSION: "check"},
        system=SYSTEM,
        tools=TOOLS,
        stream=True,
        thinking={"type": "adaptive", "display": "omitted"},
        context_management=FEATURES["context_management"],
        output_config=FEATURES["output_config"],
        metadata={"user_id": USER},
    )
    return met() if seen and answer.status == 200 else failed(f"refused with {answer.told()}")


@check("large-body", "required", "CC3", "A conversation of 4 MB is accepted", "413 once a conversation has become long", blind=True)
def large_body(run: Run) -> Outcome:
    return sized(run, LARGE)


@check("answer", "required", "CC3", "The answer's parts arrive as the provider sent them", "Claude Code loses text, thinking or tools")
def answer_parts(run: Run) -> Outcome:
    answer, seen = run.once("plain", run.send)
    body = answer.body
    if not seen or not isinstance(body, dict) or not isinstance(body.get("content"), list):
        return failed(f"no message came ({answer.told()})")
    for name, sent in (("content", CONTENT), ("stop_reason", "tool_use"), ("usage", USAGE)):
        got = body.get(name)
        if not within(sent, got):
            return failed(f"changed: {differs(sent, got, name)}")
    return met()


@check(
    "status",
    "required",
    "CC4",
    "400, 401, 403, 404, 429, 500 and 503 keep their number",
    "Claude Code names the wrong cause, and asks again or gives up wrongly",
    3,
)
def status(run: Run) -> Outcome:
    changed = []
    for code in (429, 500, 503):
        answer, _ = run.once(str(code), lambda: failing(run, code))
        if answer.status != code:
            changed.append(f"{code} became {answer.status or answer.broke}")
    before = "503"
    for code in (400, 403, 404, 401):  # the last two make some gateways stop asking for a while
        answer, _ = run.once(str(code), lambda: run.patiently(Plan(code), before))
        before = str(code)
        if answer.status != code:
            changed.append(f"{code} became {answer.status or answer.broke}")
    return failed(", ".join(changed)) if changed else met()


@check("error-envelope", "required", "CC4", "An error stays JSON of the Messages interface, with its type", "Claude Code cannot tell errors apart")
def error_envelope(run: Run) -> Outcome:
    answer, _ = run.once("400", lambda: run.send(Plan(400)))
    body = answer.body
    if not run.stand_in:
        return unseen()
    if not isinstance(body, dict) or not is_error(body):
        return failed(f"{answer.type or 'no content type'}, and no error in it")
    if body.get("type") != "error" or body["error"].get("type") != ERRORS[400]:
        return failed("another envelope: " + ("no type" if body.get("type") != "error" else f"the type is {printable(str(body['error'].get('type')))}"))
    return met()


@check("stream-type", "required", "CC5", "A stream comes as text/event-stream", "Claude Code reads no stream", blind=True, questions=1)
def stream_type(run: Run) -> Outcome:
    answer, _ = run.once("stream", lambda: streamed(run))
    if answer.status != 200:
        return failed(f"answered with {answer.told()}")
    return met() if answer.type == "text/event-stream" else failed(f"the content type is {printable(answer.type) or 'missing'}")


@check("stream-events", "required", "CC5", "Every event arrives, in order and whole, up to message_stop", "answers break off or lose parts")
def stream_events(run: Run) -> Outcome:
    answer, seen = run.once("stream", lambda: streamed(run))
    sent = [(name, {"type": name, **data}) for name, data in events_of(str((seen[0].body or {}).get("model")) if seen else run.model) if name != "ping"]
    got = [(name, data) for name, data in answer.events if name != "ping"]
    known = {name for name, _ in sent}
    for number, (name, data) in enumerate(sent):
        if number >= len(got):
            return failed(f"{len(got)} of {len(sent)} events arrived{', then ' + answer.broke if answer.broke else ''}")
        got_name, got_data = got[number]
        if name == "message_start" and isinstance(got_data, dict) and isinstance(got_data.get("message"), dict):
            got_data = {**got_data, "message": {**data["message"], **{key: got_data["message"].get(key) for key in ("content", "role", "usage")}}}
        if got_name != name or not within(data, got_data):
            return failed(
                f"event {number + 1} is {printable(got_name) or 'without a name'}" if got_name != name else f"{name} was changed: {differs(data, got_data)}"
            )
    more = [name for name, _ in got[len(sent) :] if name in known]
    return failed(f"events after message_stop: {more[0]}") if more else met()


@check(
    "stream-incremental",
    "required",
    "CC5",
    "Words arrive while the provider still writes",
    "nothing shows until the answer is complete; long ones break off",
    blind=True,
)
def stream_incremental(run: Run) -> Outcome:
    answer, _ = run.once("stream", lambda: streamed(run))
    if run.stand_in:
        plan: Plan = run.kept["stream-plan"]
        if plan.first.is_set() and "first" not in plan.gave_up:
            return met()
        return failed(f"answered with {answer.told()}" if answer.status != 200 else f"the first words were kept for more than {run.hold:g} seconds")
    if run.kept["stream-spread"] > SPREAD and answer.raw.count(b"content_block_delta") > 1:
        return met()
    return unseen("the events came together, which a short answer does too")


@check("slow-answer", "required", "CC7", "A minute without a byte before the answer is waited for", "504 where a model thinks long")
def slow_answer(run: Run) -> Outcome:
    began = time.monotonic()
    answer, seen = run.send(Plan(silence=run.minute), wait=run.minute)
    return waited(run, answer, seen, began)


@check("slow-stream", "required", "CC7", "So is a minute of silence within a stream", "answers break off where a model thinks long")
def slow_stream(run: Run) -> Outcome:
    began = time.monotonic()
    answer, seen = run.send(Plan(middle=run.minute), wait=run.minute, stream=True)
    if answer.status == 200 and "message_stop" not in [name for name, _ in answer.events]:
        return failed(f"it ended after {time.monotonic() - began:.0f} seconds{': ' + answer.broke if answer.broke else ''}")
    return waited(run, answer, seen, began)


def waited(run: Run, answer: Answer, seen: list[Seen], began: float) -> Outcome:
    if answer.status != 200 or answer.broke:
        return failed(f"after {time.monotonic() - began:.0f} seconds: {answer.told()}")
    if len(seen) > 1:
        return failed(f"the provider was asked {len(seen)} times")
    return met(f"{run.minute:g} seconds only, as --minute says" if run.minute < 60 else "")


# What a user loses


@check(
    "bearer", "degrades", "CC6", "The key is accepted as a bearer token", "ANTHROPIC_AUTH_TOKEN cannot be used; put the key in ANTHROPIC_API_KEY", blind=True
)
def bearer(run: Run) -> Outcome:
    answer = run.once("bearer", lambda: counted(run, "bearer"))
    return failed(f"refused with {answer.told()}") if answer.status in (401, 403) else met()


@check("x-api-key", "degrades", "CC6", "The key is accepted as x-api-key", "ANTHROPIC_API_KEY cannot be used; put the key in ANTHROPIC_AUTH_TOKEN", blind=True)
def x_api_key(run: Run) -> Outcome:
    if not run.gateway.key:
        return Outcome(SKIPPED, "there is no key")
    answer = run.once("x-api-key", lambda: counted(run, "x-api-key"))
    return failed(f"refused with {answer.told()}") if answer.status in (401, 403) else met()


@check("closed", "degrades", "CC6", "Nobody is served without a key", "who reaches the address spends your money", blind=True)
def closed(run: Run) -> Outcome:
    answer = run.once("none", lambda: counted(run, "none"))
    return failed(f"served with {answer.status}") if answer.status == 200 else met()


@check("wrong-key", "degrades", "CC6", "A wrong key is answered with 401 or 403", "Claude Code does not say that the key is wrong", blind=True)
def wrong_key(run: Run) -> Outcome:
    answers = [run.once(name, lambda: counted(run, name)) for name in ("wrong", "none")]
    told = [f"{name} key: {answer.told()}" for name, answer in zip(("wrong", "no"), answers) if answer.status not in (401, 403)]
    return failed("; ".join(told)) if told else met()


@check("key-kept", "degrades", "CC6", "The gateway's key does not reach the provider", "the provider learns a key that opens the gateway")
def key_kept(run: Run) -> Outcome:
    if not run.gateway.key or run.gateway.key == PROVIDER_KEY:
        return Outcome(SKIPPED, "the gateway has no key of its own")
    everything = [seen for many in list(run.stand_in.seen.values()) for seen in many] if run.stand_in else []
    leaks = sorted({name for seen in everything for name, value in seen.headers.items() if run.gateway.key in value})
    return failed(f"it stood in {', '.join(leaks)}") if leaks else met()


@check("body-thinking", "degrades", "CC3", "thinking arrives as it was sent", "the model thinks less, or more than asked for")
def body_thinking(run: Run) -> Outcome:
    return run.part("thinking", {"type": "adaptive", "display": "omitted"})


@check("body-cache", "degrades", "CC3", "cache_control arrives in system, tools and messages", "every request is charged in full")
def body_cache(run: Run) -> Outcome:
    mark = {"cache_control": {"type": "ephemeral"}}
    word, body = run.question(system=[{**SYSTEM[1], **mark}], tools=[{**TOOLS[0], **mark}])
    body["messages"] = [{"role": "user", "content": [{"type": "text", "text": word, **mark}]}]
    answer = run.gateway.ask("POST", "/v1/messages?beta=true", body)
    seen = run.stand_in.seen.get(word, []) if run.stand_in else []
    if not seen:
        return failed(f"refused with {answer.told()}")
    kept = [name for name in ("system", "tools", "messages") if "cache_control" in json.dumps((seen[0].body or {}).get(name))]
    lost = [name for name in ("system", "tools", "messages") if name not in kept]
    return failed(f"lost in {', '.join(lost)}") if lost else met()


@check(
    "body-features",
    "degrades",
    "CC3",
    "context_management and output_config arrive as they were sent",
    "longer conversations cost more; the effort chosen is not used",
)
def body_features(run: Run) -> Outcome:
    found = [run.part(name, value, {"anthropic-beta": ",".join(BETAS)}) for name, value in FEATURES.items()]
    lost = [one.detail for one in found if one.outcome != MET]
    return failed("; ".join(lost)) if lost else met()


@check("body-unknown", "degrades", "CC3", "A field that no release knows yet arrives", "features of the next release fail until the gateway is updated")
def body_unknown(run: Run) -> Outcome:
    return run.part("gateway_check_field", {"kept": True})


@check("body-metadata", "info", "CC3", "metadata arrives as it was sent", "the provider cannot tell users apart")
def body_metadata(run: Run) -> Outcome:
    return run.part("metadata", {"user_id": USER})


@check("largest-body", "degrades", "CC3", "So is one of 30 MB, with pictures", "413 with several pictures", phase=2, blind=True)
def largest_body(run: Run) -> Outcome:
    return sized(run, run.largest)


@check("model", "info", "CC3", "The answer names the model that answered", "an alias stands in its place")
def model_name(run: Run) -> Outcome:
    answer, seen = run.once("plain", run.send)
    if not seen or not isinstance(answer.body, dict) or not isinstance(seen[0].body, dict):
        return failed("no message came")
    return met() if answer.body.get("model") == seen[0].body.get("model") else failed("it was changed")


@check(
    "overloaded",
    "degrades",
    "CC4",
    "529 keeps its number",
    "Claude Code asks for minutes in place of seconds, and does not say that the provider is overloaded",
)
def overloaded(run: Run) -> Outcome:
    answer, _ = run.once("529", lambda: failing(run, 529))
    return met() if answer.status == 529 else failed(f"it became {answer.status or answer.broke}")


@check("too-large", "degrades", "CC4", "413 keeps its number", "Claude Code does not say that the request is too large")
def too_large(run: Run) -> Outcome:
    answer, _ = run.send(Plan(413))
    return met() if answer.status == 413 else failed(f"it became {answer.status or answer.broke}")


@check("error-words", "degrades", "CC4", "An error keeps its words", "Claude Code repairs some errors by itself, and knows them by their words")
def error_words(run: Run) -> Outcome:
    answer, _ = run.send(Plan(400, TOO_LONG))
    if is_error(answer.body) and answer.body["error"]["message"] == TOO_LONG:
        return met()
    return failed("they stand within other words" if TOO_LONG.encode() in answer.raw else "they are lost")


@check("retry-after", "degrades", "CC4", "retry-after arrives", "Claude Code waits by a rule of its own")
def retry_after(run: Run) -> Outcome:
    answer, _ = run.once("429", lambda: failing(run, 429))
    got = answer.headers.get("retry-after")
    return met() if got == "1" else failed(f"it became {printable(got)}" if got else "it did not arrive")


@check("unknown-model", "degrades", "CC4", "An unknown model is answered with 404", "Claude Code does not say that the model is wrong", phase=2, blind=True)
def unknown_model(run: Run) -> Outcome:
    answer, _ = run.send(model="gateway-check-unknown")
    return met() if answer.status == 404 else failed(f"answered with {answer.status or answer.broke}")


@check("keeps-asking", "degrades", "CC4", "After an error of one request, the next one is asked", "one wrong request stops everybody for a while", phase=4)
def keeps_asking(run: Run) -> Outcome:
    if run.stand_in and "401" not in run.kept:
        run.patiently(Plan(401), "503")
    _, seen = run.send()
    if not seen and "401" not in run.held_back:
        run.held_back.append("401")
    return failed(f"it asked nobody for a while after {', '.join(run.held_back)}") if run.held_back else met()


@check("asks-once", "info", "CC4", "A failed request is passed on once", "the gateway repeats it, and the developer waits longer")
def asks_once(run: Run) -> Outcome:
    _, seen = run.once("500", lambda: failing(run, 500))
    return met() if len(seen) == 1 else failed(f"the provider was asked {len(seen)} times")


@check("stream-pings", "degrades", "CC5", "A ping arrives while nothing else does", "Claude Code breaks off after 300 seconds of silence", blind=True)
def stream_pings(run: Run) -> Outcome:
    answer, _ = run.once("stream", lambda: streamed(run))
    if not run.stand_in:
        return unseen("none came" if "ping" not in [name for name, _ in answer.events] else "one came, from the gateway or the provider")
    if "ping" not in [name for name, _ in answer.events]:
        return failed("it did not arrive")
    return failed("it was kept back with the rest") if run.kept["stream-plan"].gave_up else met()


@check("stream-error", "degrades", "CC5", "An error within a stream arrives", "Claude Code does not say why an answer broke off")
def stream_error(run: Run) -> Outcome:
    answer, seen = run.send(Plan(ending="error"), stream=True)
    if not seen:
        return failed(f"refused with {answer.told()}")
    return met() if any(is_error(data) and data["error"].get("type") == "overloaded_error" for _, data in answer.events) else failed("it did not arrive")


@check("stream-cut", "degrades", "CC5", "A stream that the provider cuts off does not look complete", "half an answer is taken for a whole one")
def stream_cut(run: Run) -> Outcome:
    answer, seen = run.send(Plan(ending="cut"), stream=True)
    if not seen:
        return failed(f"refused with {answer.told()}")
    if answer.broke.startswith("nothing for"):
        return failed("the connection stays open")
    return failed("it ends with message_stop") if any(name == "message_stop" for name, _ in answer.events) else met()


@check("count-tokens", "degrades", "CC1", "/v1/messages/count_tokens answers with a number", "Claude Code counts by asking a model, which costs", blind=True)
def count_tokens(run: Run) -> Outcome:
    answer = run.once("bearer", lambda: counted(run, "bearer"))
    if run.gateway.key and answer.status in (401, 403):
        answer = run.once("x-api-key", lambda: counted(run, "x-api-key"))
    number = answer.body.get("input_tokens") if isinstance(answer.body, dict) else None
    return met() if answer.status == 200 and isinstance(number, int) else failed(f"answered with {answer.told()}")


@check("counted-by", "info", "CC1", "The number is the provider's", "the gateway estimates it")
def counted_by(run: Run) -> Outcome:
    answer = run.once("bearer", lambda: counted(run, "bearer"))
    number = answer.body.get("input_tokens") if isinstance(answer.body, dict) else None
    return met() if number == COUNTED else failed("it is another number" if isinstance(number, int) else "there is none")


@check("models", "degrades", "CC1", "GET /v1/models lists models within 3 seconds", "the list of models in /model stays Claude Code's own", blind=True)
def models(run: Run) -> Outcome:
    answer = run.once("models", lambda: ask_models(run))
    data = answer.body.get("data") if isinstance(answer.body, dict) else None
    if answer.status != 200 or not isinstance(data, list):
        return failed(f"answered with {answer.told()}")
    ids = [str(one.get("id", "")) for one in data if isinstance(one, dict)]
    if not any(re.search("claude|anthropic", one, re.IGNORECASE) for one in ids):
        return failed(f"{len(ids)} models, and none whose id has claude or anthropic in it")
    return met() if run.kept["models-seconds"] < 3 else failed("it took longer")


@check("chat-completions", "info", "CC1", "/v1/chat/completions answers too", "nothing: Claude Code never asks there", phase=2, blind=True)
def chat_completions(run: Run) -> Outcome:
    """An incomplete question, which no model sees."""
    answer = run.gateway.ask("POST", "/v1/chat/completions", {"model": run.model})
    return failed(f"answered with {answer.status or answer.broke}") if answer.status in (0, 404, 405) else met()


# What they ask


def incomplete(run: Run) -> Answer:
    return run.gateway.ask("POST", "/v1/messages?beta=true", {"model": run.model, "max_tokens": 1})


def counted(run: Run, credential: str) -> Answer:
    """A count of tokens, or an incomplete question where there is none: neither costs anything."""
    _, body = run.question()
    asked = {"model": body["model"], "messages": body["messages"]}
    answer = run.gateway.ask("POST", "/v1/messages/count_tokens?beta=true", asked, credential=credential)
    if answer.status in (404, 405):
        other = run.gateway.ask("POST", "/v1/messages?beta=true", {"model": run.model, "max_tokens": 1}, credential=credential)
        return other if other.status in (401, 403) else answer
    return answer


def ask_models(run: Run) -> Answer:
    began = time.monotonic()
    answer = run.gateway.ask("GET", "/v1/models?limit=1000")
    run.kept["models-seconds"] = time.monotonic() - began
    return answer


def failing(run: Run, code: int) -> tuple[Answer, list[Seen]]:
    return run.send(Plan(code, retry_after="1" if code == 429 else ""))


def sized(run: Run, size: int) -> Outcome:
    """A question of so many bytes; without the stand-in it is incomplete, and no model sees it."""
    word, body = run.question(system="x" * size)
    if run.stand_in:
        run.stand_in.plans[word] = Plan()
    else:
        del body["messages"]
    answer = run.gateway.ask("POST", "/v1/messages?beta=true", body, timeout=TIMEOUT * 2)
    if run.stand_in:
        arrived = run.stand_in.seen.get(word)
        return met() if arrived and answer.status == 200 else failed(f"refused with {answer.told()}")
    if answer.status == 413 or answer.broke:
        return failed(f"refused with {answer.told()}")
    return unseen("the gateway itself does not refuse it") if answer.status in (200, 400, 422) else unseen(f"answered with {answer.told()}")


def streamed(run: Run) -> tuple[Answer, list[Seen]]:
    """One stream for several checks; the stand-in waits until the first words have arrived, and then until the ping has."""
    plan = run.kept["stream-plan"] = Plan(hold=run.hold)
    times: list[float] = []

    def arrived(raw: bytes) -> None:
        if b"content_block_" in raw:  # some gateways hold back what comes before the first words
            plan.first.set()
            times.append(time.monotonic())
        if b"event: ping" in raw or b'"ping"' in raw:
            plan.pinged.set()

    parts: dict[str, Any] = {"stream": True}
    if not run.stand_in:
        parts.update(max_tokens=64)
    found = run.send(plan, arrived=arrived, wait=2 * run.hold, **parts)
    run.kept["stream-spread"] = times[-1] - times[0] if times else 0.0
    return found


# The program -------------------------------------------------------------------------------------


def results(run: Run, only: list[str] | None = None, free: bool = False) -> list[tuple[Check, Outcome]]:
    """Every check with its outcome, in the order of the list."""
    wanted = [one for one in CHECKS if not only or one.id in only]
    found: dict[str, Outcome] = {}

    def judge(one: Check) -> None:
        if not run.stand_in and not one.blind:
            found[one.id] = unseen()
        elif not run.stand_in and free and one.id in PAID:
            found[one.id] = Outcome(SKIPPED, "it asks a model, and --free was given")
        else:
            try:
                found[one.id] = one.run(run)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError):
                found[one.id] = failed("what came has another form")

    for phase in sorted({one.phase for one in wanted}):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(judge, [one for one in wanted if one.phase == phase]))
    return [(one, found[one.id]) for one in wanted]


#: Without the stand-in these ask a model.
PAID = ("messages", "stream-type", "stream-incremental", "stream-pings", "unknown-model")


def printable(text: str | None) -> str:
    """Text from elsewhere, without what could steer a terminal."""
    return re.sub(r"[^\x20-\x7e\u00a0-\uffff]", "?", text or "")[:120]


#: How an outcome is printed, by verdict.
WORDS = {"required": {FAILED: "FAILED"}, "degrades": {FAILED: "lost"}, "info": {MET: "yes", FAILED: "no"}}


def told(found: list[tuple[Check, Outcome]], keys: list[str]) -> list[str]:
    """The report's lines."""
    lines = []
    for verdict in VERDICTS:
        rows = [(one, outcome) for one, outcome in found if one.verdict == verdict]
        if not rows:
            continue
        lines.append(verdict)
        for one, outcome in rows:
            word = WORDS[verdict].get(outcome.outcome, outcome.outcome)
            lines.append(f"  {word:<15} {one.id:<19} {one.what}")
            if outcome.detail:
                lines.append(f"  {'':<15} {'':<19} {printable(hidden(outcome.detail, keys))}")
            if outcome.outcome == FAILED and verdict != "info":
                lines.append(f"  {'':<15} {'':<19} so: {one.loses}")
    return lines


def hidden(text: str, keys: list[str]) -> str:
    """Text without what is secret, should a gateway have sent it back."""
    for key in keys:
        text = text.replace(key, "(key)")
    return text


def summary(found: list[tuple[Check, Outcome]]) -> str:
    def count(verdict: str, *outcomes: str) -> int:
        return sum(one.verdict == verdict and outcome.outcome in outcomes for one, outcome in found)

    required = sum(one.verdict == "required" for one, _ in found)
    parts = [f"{count('required', MET)} of {required} required checks met"]
    for words, number in (
        ("failed", count("required", FAILED)), ("not observable", count("required", UNSEEN)), ("skipped", count("required", SKIPPED)),
        ("lost", count("degrades", FAILED)),
    ):  # fmt: skip
        if number or words == "failed":
            parts.append(f"{number} {words}")
    return ", ".join(parts)


def key_of(variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key and sys.stdin.isatty():
        key = getpass.getpass(f"The gateway's key ({variable} is not set; it does not show): ").strip()
    if not key:
        raise CannotRun(f"no key: put the gateway's key into {variable}, or say --no-key for a gateway that takes none")
    if re.search(r"[^\x21-\x7e]", key):
        raise CannotRun(f"{variable} holds a character that no header can carry")
    return key


def custom_headers() -> dict[str, str]:
    """The headers that Claude Code would send too."""
    found = {}
    for line in os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").splitlines():
        name, colon, value = line.partition(":")
        if not colon or not re.fullmatch(r"[\w-]+", name.strip()) or not re.fullmatch(r"[\x20-\x7e]*", value.strip()):
            raise CannotRun("ANTHROPIC_CUSTOM_HEADERS: write a header a line, with its name, a colon and its value")
        found[name.strip().lower()] = value.strip()
    return found


def seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= 900:
        raise argparse.ArgumentTypeError("between 0 and 900")
    return number


def port(text: str) -> int:
    number = int(text)
    if not 0 < number < 65536:
        raise argparse.ArgumentTypeError("between 1 and 65535")
    return number


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gateway_check.py", description="Checks whether a gateway does what Claude Code needs of it.")
    parser.add_argument("--url", required=True, help="the gateway's address, as in ANTHROPIC_BASE_URL")
    parser.add_argument("--upstream", metavar="PORT", type=port, help="be the provider too, on this port of 127.0.0.1; the gateway is pointed at it")
    parser.add_argument("--key-variable", metavar="NAME", default="ANTHROPIC_AUTH_TOKEN", help="the variable that holds the gateway's key")
    parser.add_argument("--no-key", action="store_true", help="the gateway takes no key")
    parser.add_argument("--model", default=MODEL, help=f"the model to ask for ({MODEL})")
    parser.add_argument("--ca", metavar="FILE", help="certificates of the authority that signed the gateway's")
    parser.add_argument("--only", metavar="ID", action="append", help="only this check; may be repeated")
    parser.add_argument(
        "--minute", metavar="SECONDS", type=seconds, default=MINUTE, help=f"how long the provider is silent in slow-answer and slow-stream ({MINUTE:g})"
    )
    parser.add_argument("--hold", metavar="SECONDS", type=seconds, default=HOLD, help=f"how long words may be kept back ({HOLD:g})")
    parser.add_argument("--free", action="store_true", help="without --upstream: leave out what costs tokens")
    parser.add_argument("--json", action="store_true", help="the results as JSON")
    return parser


def main(words: list[str]) -> int:
    given = arguments().parse_args(words)
    stand_in = None
    try:
        unknown = [name for name in given.only or [] if name not in [one.id for one in CHECKS]]
        if unknown:
            raise CannotRun(f"--only {unknown[0]}: there is no such check; there are {', '.join(one.id for one in CHECKS)}")
        key = "" if given.no_key else key_of(given.key_variable)
        gateway = Gateway(given.url, key, given.ca, custom_headers())
        if given.upstream:
            try:
                stand_in = StandIn(given.upstream)
            except OSError:
                raise CannotRun(f"--upstream {given.upstream}: another program listens there; name another port") from None
        run = Run(gateway, stand_in, given.model, given.minute, given.hold)
        first = gateway.ask("HEAD", "/")
        if not first.status:
            raise CannotRun(f"{given.url} does not answer: {first.broke}")
        say = sys.stderr if given.json else sys.stdout
        if stand_in:
            print(f"{given.url}, with a stand-in for the provider at http://127.0.0.1:{given.upstream}. Nothing costs tokens.", file=say)
        else:
            asks = sum(one.questions for one in CHECKS if (not given.only or one.id in given.only) and not given.free)
            print(
                f"{given.url}, from outside. {f'{given.model} is asked {asks} times for a few words; this costs tokens.' if asks else 'No model is asked.'}",
                file=say,
            )
        if key and not gateway.secure and gateway.host not in ("127.0.0.1", "localhost", "::1"):
            print("The key goes over the network unencrypted: the address begins with http.", file=say)
        say.flush()
        found = results(run, given.only, given.free)
    except CannotRun as problem:
        print(f"gateway_check.py: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("gateway_check.py: interrupted", file=sys.stderr)
        return 2
    finally:
        if stand_in:
            stand_in.shutdown()
            stand_in.server_close()
    keys = [value for value in (key, *gateway.more.values()) if len(value) > 7 or value == key != ""]
    if given.json:
        rows = [
            {"id": one.id, "verdict": one.verdict, "criterion": one.criterion, "outcome": outcome.outcome, "detail": printable(hidden(outcome.detail, keys))}
            for one, outcome in found
        ]
        print(json.dumps({"version": 1, "url": given.url, "upstream": bool(stand_in), "model": given.model, "minute": given.minute, "checks": rows}, indent=1))
    else:
        print("\n".join([*told(found, keys), summary(found)]))
    return 1 if any(one.verdict == "required" and outcome.outcome == FAILED for one, outcome in found) else 0


if __name__ == "__main__":
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main(sys.argv[1:]))
