"""Each kind of observation is content with what it should see, and with nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

from tests.lab import observe
from tests.lab.replay import Replay
from tests.lab.squid import Entry

SYSTEM = [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.abc; cc_entrypoint=cli;"}]
HEADERS = {
    "host": "api.anthropic.com", "user-agent": "litellm/1.2.3", "x-api-key": "typed", "anthropic-version": "2023-06-01", "anthropic-beta": "a,b",
}  # fmt: skip
REQUEST: dict[str, Any] = {"path": "/v1/messages", "status": 200, "headers": HEADERS, "body": {"model": "opus", "system": SYSTEM, "stream": True}}
EXPECTED = {
    "count": 1, "user_agent": "litellm/1.2.3", "key": "typed", "model": "opus", "version": "2023-06-01", "body": {"stream": True}, "client": "2.1.329",
    "same_betas_as_direct": True,
}  # fmt: skip


def request(**changes: Any) -> dict[str, Any]:
    """The request above with other headers, or another body, path or status."""
    headers = {**HEADERS, **{name.replace("_", "-"): value for name, value in changes.items() if name not in ("body", "path", "status")}}
    body = {**REQUEST["body"], **changes.get("body", {})}
    return {**REQUEST, "headers": headers, "body": body, **{name: changes[name] for name in ("path", "status") if name in changes}}


SITE = {"site.gateway_host": "gateway.corp.example", "site.gateway_url": "https://gateway.corp.example"}


class Seen:
    """A replay as far as an observation looks at it; what was seen is told beforehand."""

    def __init__(self, folder: Path, **seen: Any) -> None:
        self.home, self.seen, self.providers = folder, seen, ["bedrock", "vertex"]
        self.book = SimpleNamespace(
            fact={"site.provider_address": "https://api.anthropic.com", "site.gateway_address": "http://127.0.0.1:4000", **SITE}.__getitem__
        )
        self.book.snippets = folder
        self.inside = SimpleNamespace(
            listeners=lambda: seen.get("listeners", []),
            run=lambda words, *more: SimpleNamespace(**seen["run"](words)) if "run" in seen else SimpleNamespace(stdout="answer"),
        )
        self.lab_listeners = [("127.0.0.1", 443)]
        log, tunnels = seen.get("log", []), seen.get("tunnels", [])
        self.squid = SimpleNamespace(log=lambda: log, open_tunnels=lambda: tunnels, passed=lambda: [entry.url for entry in log] + tunnels)
        self.egress = SimpleNamespace(log=lambda: [], open_tunnels=lambda: [], passed=lambda: seen.get("egress", []))
        self.refusals = {"squid": seen.get("refused", [])}
        self.lab = folder
        self.asked: list[dict[str, Any]] = []
        self.lines: list[str] = []
        #: What the block prints when it runs again, and again; the last one stays.
        self.outputs = list(seen.get("outputs", [""]))

    def folder(self, provider: str = "anthropic") -> Path:
        place = self.home / provider
        place.mkdir(exist_ok=True)
        return place

    def outside(self, path: str) -> Path:
        return self.home / path.removeprefix("~/")

    def values(self, expected: dict[str, Any]) -> dict[str, Any]:
        return expected

    def requests(self, row: Any, provider: str = "anthropic") -> list[dict[str, Any]]:
        return self.seen.get("requests" if provider == "anthropic" else provider, [])

    gateway_requests = requests

    def ask_gateway(self, key: str, model: str) -> tuple[int, str]:
        return self.seen.get("answer", 200), "body"

    def all_requests(self) -> list[dict[str, Any]]:
        """Nothing at first, then what the observation made happen."""
        before, self.asked = self.asked, self.seen.get("requests", [])
        return before

    def looked_up(self, row: Any) -> list[str]:
        return self.seen.get("names", [])

    def direct(self) -> dict[str, Any]:
        return {"headers": self.seen.get("direct", HEADERS)}

    def get(self, address: str, headers: dict[str, str]) -> tuple[int, str]:
        body = json.dumps({"data": [{"id": name} for name in self.seen.get("models", [])]})
        return (200, body) if headers or self.seen.get("open") else (401, "")

    def content(self, expected: Any) -> Any:
        return expected

    def nginx_log(self) -> list[str]:
        """Nothing at first where the observation makes something happen."""
        if "past_lines" in self.seen:
            before, self.lines = self.lines, self.seen["past_lines"]
            return before
        return self.seen.get("nginx", [])

    def past_the_proxy(self, row: Any) -> Any:
        return SimpleNamespace(status=self.seen["status"], output="")

    def elsewhere(self, row: Any, env: dict[str, Any]) -> Any:
        output = self.outputs.pop(0) if len(self.outputs) > 1 else self.outputs[0]
        return SimpleNamespace(status=self.seen.get("status", 0), output=output)

    def past_the_gateway(self, row: Any) -> Any:
        return SimpleNamespace(status=self.seen["status"], output="")


def row(**seen: Any) -> Any:
    return SimpleNamespace(**{"status": 0, "output": "hello world", "environment": {"HOME": "/mnt/reader"}, "logged": 0, "fronted": 0, **seen})


INVOKED: dict[str, Any] = {
    "method": "POST", "path": "/model/opus/invoke", "headers": {"authorization": "AWS4-HMAC-SHA256 Credential=lab"}, "body": {"anthropic_version": "bedrock-1"},
}  # fmt: skip
SAW = {
    "of": "bedrock", "asked": ["POST /model/opus/invoke"], "headers": {"authorization": "^AWS4", "x-api-key": None}, "body": {"anthropic_version": "^bedrock"},
}  # fmt: skip
LISTENS = {"host": "127.0.0.1", "port": 4000}
ROUTES = {"key": "~/key", "models": ["opus"], "provider_key": "typed"}
MODELS = {"key": "~/key", "models": ["opus", "haiku"]}
PROXIED = {"carries": ["api.anthropic.com:443"], "never": ["127.0.0.1"]}
CARRIED = Entry(0, "TCP_TUNNEL/200", "CONNECT", "api.anthropic.com:443", "-")
LOCAL = Entry(0, "TCP_TUNNEL/200", "CONNECT", "127.0.0.1:4000", "-")
#: kind -> (expectation, what was seen and fits, [(what was seen instead, what is said)])
CASES: dict[str, tuple[Any, dict[str, Any], list[tuple[dict[str, Any], str]]]] = {
    "exit": (0, {}, [({"row": row(status=1)}, "exit status 1")]),
    "prints": ("hello", {}, [({"row": row(output="hell")}, "it does not print")]),
    "prints_match": ("^hel+o", {}, [({"row": row(output="help")}, "nothing it prints matches")]),
    "prints_names": (["a"], {"row": row(output='"id": "a"')}, [({"row": row(output='"id": "a", "id": "b"')}, "it names"), ({}, "it names")]),
    "hides": ("secret", {}, [({"row": row(output="a secret")}, "the terminal shows")]),
    "listens": (
        LISTENS,
        {"listeners": [("127.0.0.1", 443), ("127.0.0.1", 4000)]},
        [({"listeners": [("0.0.0.0", 4000)]}, "listening"), ({"listeners": [("127.0.0.1", 4000), ("127.0.0.1", 4001)]}, "listening"), ({}, "listening")],
    ),
    "dials": (["a.example"], {"names": ["a.example", "a.example"]}, [({"names": ["a.example", "b.example"]}, "it looked up"), ({}, "it looked up")]),
    "environment": (
        {"HOME": "/mnt/reader", "X": None},
        {},
        [({"row": row(environment={"HOME": "/root"})}, "HOME is set"), ({"row": row(environment={})}, "HOME is unset")],
    ),
    "provider_saw": (
        SAW,
        {"bedrock": [INVOKED]},
        [
            ({}, "bedrock was asked for [], expected"),
            ({"bedrock": [INVOKED, INVOKED]}, "bedrock was asked for"),
            ({"bedrock": [{**INVOKED, "method": "GET"}]}, "bedrock was asked for ['GET"),
            ({"bedrock": [INVOKED], "requests": [REQUEST]}, "anthropic was asked too, for ['/v1/messages']"),
            ({"bedrock": [INVOKED], "vertex": [REQUEST]}, "vertex was asked too"),
            ({"bedrock": [{**INVOKED, "headers": {"x-api-key": "1"}}]}, "authorization is None, expected a match"),
            ({"bedrock": [{**INVOKED, "headers": {**INVOKED["headers"], "x-api-key": "1"}}]}, "x-api-key is '1', expected none"),
            ({"bedrock": [{**INVOKED, "body": {"anthropic_version": "other"}}]}, "anthropic_version is 'other'"),
        ],
    ),
    "models_asked": (
        {"names": ["opus", "haiku"], "most": 2, "user_agent": HEADERS["user-agent"]},
        {"requests": [request(body={"model": name}) for name in ("haiku", "opus", "opus")]},
        [
            ({"requests": []}, "was asked for {}, expected ['opus', 'haiku']"),
            ({"requests": [request(body={"model": "opus"})]}, "was asked for {'opus': 1}"),
            ({"requests": [request(body={"model": name}) for name in ("haiku", "opus", "opus", "opus")]}, "'opus': 3}"),
            ({"requests": [request(body={"model": name}) for name in ("haiku", "opus", "sonnet")]}, "'sonnet': 1}"),
            ({"requests": [request(user_agent="curl/8", body={"model": name}) for name in ("haiku", "opus")]}, "caller was 'curl/8'"),
        ],
    ),
    "provider_request": (
        EXPECTED,
        {"requests": [REQUEST], "direct": {**HEADERS, "anthropic-beta": "b, a"}},
        [
            ({"requests": []}, "received 0 requests"),
            ({"requests": [REQUEST, REQUEST]}, "received 2 requests"),
            ({"requests": [request(path="/v1/models")]}, "received 0 requests"),
            ({"requests": [request(host="127.0.0.1")]}, "was called as 127.0.0.1"),
            ({"requests": [request(user_agent="curl/8")]}, "caller was 'curl/8'"),
            ({"requests": [request(x_api_key="other")]}, "another key"),
            ({"requests": [request(body={"model": "haiku"})]}, "asked for 'haiku'"),
            ({"requests": [request(anthropic_version="2022-01-01")]}, "in version '2022-01-01'"),
            ({"requests": [request(body={"stream": False})]}, "request's stream is False"),
            ({"requests": [request(body={"system": "You are helpful."})]}, "does not begin with Claude Code"),
            ({"requests": [request(anthropic_beta="a")]}, "anthropic-beta: through the gateway"),
        ],
    ),
    "gateway_request": (
        {"authorization": "key", "x-api-key": None},
        {"requests": [{"headers": {"authorization": "Bearer key"}}]},
        [
            ({"requests": [{"headers": {"authorization": "Bearer other"}}]}, "authorization is sent"),
            ({"requests": [{"headers": {}}]}, "authorization is not sent"),
            ({"requests": [{"headers": {"authorization": "Bearer key", "x-api-key": "mine"}}]}, "x-api-key is sent"),
        ],
    ),
    "gateway_models": (
        MODELS,
        {"models": ["haiku", "opus"]},
        [({"models": ["opus"]}, "the gateway serves"), ({"models": ["haiku", "opus"], "open": True}, "without the key answers 200")],
    ),
    "gateway_routes": (
        ROUTES,
        {"requests": [REQUEST]},
        [({"requests": []}, "asked the provider for []"), ({"requests": [request(body={"model": "haiku"})]}, "asked the provider for"),
         ({"requests": [request(x_api_key="other")]}, "another key")],
    ),
    "fails_past_the_gateway": (
        1,
        {"requests": [REQUEST], "status": 1},
        [({"requests": [REQUEST], "status": 0}, "ends with status 0"), ({"requests": [], "status": 1}, "expected one 200")],
    ),
    "unknown_past_the_gateway": (
        1,
        {"requests": [request(status=404), request(status=404)], "status": 1},
        [({"requests": [request(status=404)], "status": 0}, "ends with status 0"), ({"requests": [REQUEST], "status": 1}, "expected only 404"),
         ({"requests": [], "status": 1}, "expected only 404")],
    ),
    "fails_past_the_proxy": (
        1,
        {"past_lines": ['"alice" "POST / HTTP/1.1" 200 1'], "status": 1},
        [({"past_lines": ['"alice" "POST / HTTP/1.1" 200 1'], "status": 0}, "ends with status 0"), ({"past_lines": [], "status": 1}, "did not answer")],
    ),
    "legs": (
        {"squid": ["api.anthropic.com:443"], "egress": ["a.example:443"]},
        {"log": [CARRIED], "egress": ["https://a.example/x"]},
        [({"log": [CARRIED, LOCAL], "egress": ["a.example:443"]}, "the proxy carried ["), ({"log": [CARRIED]}, "gateway host carried nothing"),
         ({"log": [CARRIED], "egress": ["a.example:443"], "row": row(logged=1)}, "nothing while the block ran")],
    ),
    "refused": (
        {"leg": "squid", "host": "a.example:443", "status": 403},
        {"refused": [Entry(0, "TCP_DENIED/403", "CONNECT", "a.example:443", "-")]},
        [({}, "has no"), ({"refused": [Entry(0, "TCP_DENIED/407", "CONNECT", "a.example:443", "-")]}, "has no")],
    ),
    "front_log": (
        {"matches": '"alice" .* 200', "count": 1},
        {"nginx": ['"alice" "POST" 200']},
        [({"nginx": ['"" "POST" 200']}, "0 lines"), ({"nginx": ['"alice" "POST" 200'] * 2}, "2 lines"),
         ({"nginx": ['"alice" "POST" 200'], "row": row(fronted=1)}, "0 lines")],
    ),
    "front_answers": (
        {"path": "/v1/models", "token": "sk", "status": 200},
        {"run": lambda words: {"stdout": "200 " if "authorization: Bearer sk" in words else "401 "}},
        [({"run": lambda words: {"stdout": "401 "}}, "answers 401"), ({"run": lambda words: {"stdout": "000 no certificate"}}, "answers 000 no certificate"),
         ({"expected": {"path": "/", "other_than": 413}, "run": lambda words: {"stdout": "413 "}}, "answers 413"),
         ({"expected": {"path": "/", "token": "sk", "status": 401, "within": 1}, "run": lambda words: {"stdout": "200 "}}, "answers 200")],
    ),
    "tls": (
        {"refuses": "tls1_1", "accepts": "tls1_2"},
        {"run": lambda words: {"returncode": int("-tls1_1" in words), "stderr": ""}},
        [({"run": lambda words: {"returncode": 0, "stderr": ""}}, "tls1_1 is accepted"),
         ({"run": lambda words: {"returncode": 1, "stderr": ""}}, "tls1_2 is refused")],
    ),
    "listens_only": (
        ["127.0.0.1:4000"],
        {"listeners": [("127.0.0.1", 443), ("127.0.0.1", 4000)]},
        [({}, "listening"), ({"listeners": [("127.0.0.1", 4000), ("0.0.0.0", 80)]}, "0.0.0.0:80")],
    ),
    "proxied": (
        PROXIED,
        {"log": [CARRIED]},
        [({"log": []}, "did not carry"), ({"log": [CARRIED, LOCAL]}, "the proxy carried 127.0.0.1:4000"),
         ({"log": [CARRIED], "tunnels": ["127.0.0.1:4000"]}, "the proxy carried 127.0.0.1:4000"),
         ({"log": [CARRIED], "expected": {**PROXIED, "user": "alice"}}, "for ['-'], expected 'alice'")],
    ),
    "fails_with": (
        {"env": {"A": "b"}, "status": 1},
        {"requests": [REQUEST], "status": 1},
        [({"requests": [REQUEST], "status": 0}, "ends with status 0"), ({"requests": [], "status": 1}, "expected one 200"),
         ({"requests": [request(status=401)], "status": 1}, "expected one 200")],
    ),
    "asks_while": (
        {"provider": {"status": 503}, "count": 1, "status": 1},
        {"requests": [request(status=503)], "status": 1},
        [({"requests": [request(status=503)], "status": 0}, "exit status 0, expected 1"),
         ({"requests": [request(status=503)] * 2, "status": 1}, "answered [503, 503]"),
         ({"requests": [], "status": 1}, "expected 1 times 503")],
    ),
    "absent": ("~/nothing", {}, [({"expected": "~/key"}, "~/key still exists")]),
    "gone": (
        {"path": "~/nothing", "port": 4000},
        {},
        [({"listeners": [("127.0.0.1", 4000)]}, "still listens"), ({"expected": {"path": "~/key", "port": 1}}, "still exists")],
    ),
    "file": (
        {"path": "~/key", "mode": "600", "matches": "k.y\n", "same_as": "same"},
        {},
        [({"expected": {"path": "~/none"}}, "does not exist"), ({"expected": {"path": "~/key", "kind": "folder"}}, "is no folder"),
         ({"expected": {"path": "~/same", "mode": "600"}}, "has mode 644"), ({"expected": {"path": "~/key", "matches": "sk-.*"}}, "does not match"),
         ({"expected": {"path": "~/key", "same_as": "other"}}, "differs from snippets/other")],
    ),
    "installed": (
        {"name": "lite-llm", "venv": "~/venv", "version": "1.2.3"},
        {},
        [({"expected": {"name": "lite-llm", "venv": "~/venv", "version": "1.2.4"}}, "installed: "),
         ({"expected": {"name": "other", "venv": "~/venv"}}, "is not installed")],
    ),
}  # fmt: skip


REFUSED = request(status=529)
MEANWHILE = {"key": "~/key", "model": "opus", "provider": {"status": 529}, "requests": 2, "answered": ["opus", "sonnet"], "refused_at_most": 1}
CASES["provider_keys"] = (
    ["typed", "second"],
    {"requests": [request(), request(x_api_key="second")]},
    [({"requests": [request()]}, "saw 1 of its keys"), ({"requests": [request(x_api_key="other"), request()]}, "another key")],
)
CASES["gateway_meanwhile"] = (
    MEANWHILE,
    {"requests": [REFUSED, request(), request()]},
    [
        ({"answer": 500}, "the gateway answers 500"),
        ({"requests": [REFUSED, request(body={"model": "haiku"})]}, "haiku"),
        ({"requests": [REFUSED, REFUSED, request()]}, "refused 2 requests"),
        ({"requests": [request()]}, "refused 0 requests"),
    ],
)
CLOUDS = {"statuses": [529, 401], "order": ["anthropic", "bedrock"], "prints": ["first", "second"], "recovers_within": 0.1}
CASES["clouds_meanwhile"] = (
    CLOUDS,
    {"outputs": ["first\n", "second\n", "second\n", "first\n"]},
    [
        ({"outputs": ["first", "first", "second"]}, "printed ['first', 'first']"),
        ({"outputs": ["first", "second", ""]}, "printed '' while the first provider refused with 401"),
        ({"outputs": ["first", "second", "second"]}, "does not print first again"),
    ],
)
CASES["asked_hosts"] = (["api.anthropic.com"], {"requests": [REQUEST]}, [({}, "asked as []"), ({"requests": [request(host="eu")]}, "asked as ['eu']")])
CASES["regions_meanwhile"] = (
    {"key": "~/key", "model": "opus", "provider": {"status": 529}, "requests": 2, "asked": ["us", "eu", "eu"]},
    {"requests": [request(host="us", status=529), request(host="eu"), request(host="eu")]},
    [({"answer": 500}, "the gateway answers [500, 500]"), ({"requests": [request(host="us"), request(host="us")]}, "asked as ['us', 'us']")],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "provider").mkdir()
    for name, text, mode in (("key", "key\n", 0o600), ("same", "key\n", 0o644), ("other", "other\n", 0o644)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    (tmp_path / "venv/lib/python3.11/site-packages/lite_llm-1.2.3.dist-info").mkdir(parents=True)
    return tmp_path


def observed(kind: str, folder: Path, expected: Any, seen: dict[str, Any]) -> str | None:
    return observe.KINDS[kind](Seen(folder, **seen), seen.get("row", row()), seen.get("expected", expected))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", CASES)
def test_is_content(kind: str, folder: Path) -> None:
    expected, seen, _ = CASES[kind]
    assert observed(kind, folder, expected, seen) is None


@pytest.mark.parametrize(("kind", "seen", "said"), [(kind, seen, said) for kind, (_, _, others) in CASES.items() for seen, said in others])
def test_is_not_content(kind: str, seen: dict[str, Any], said: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "PATIENCE", 0.2)
    message = observed(kind, folder, CASES[kind][0], seen)
    assert message and said in message


def test_a_bundle_that_lacks_an_authority(folder: Path) -> None:
    authorities = [trustme.CA() for _ in range(51)]
    for number, authority in enumerate(authorities):
        authority.cert_pem.write_to_path(str(folder / "bundle.pem"), append=True)
        if number:
            authority.cert_pem.write_to_path(str(folder / "less.pem"), append=True)
    authorities[0].cert_pem.write_to_path(str(folder / "one.pem"))
    assert observed("loads", folder, {"path": "~/bundle.pem", "holds": "~/one.pem"}, {}) is None
    assert "lacks 1 certificates" in str(observed("loads", folder, {"path": "~/less.pem", "holds": "~/one.pem"}, {}))
    assert "lacks 0 certificates" in str(observed("loads", folder, {"path": "~/one.pem", "holds": "~/one.pem"}, {})), "the public authorities are missing"


def test_every_kind_is_here() -> None:
    clients = {"ends_past_the_gateway", "as_environment", "job", "job_past_the_gateway", "job_in_a_hostile_project", "job_with_a_failing_git"}
    assert set(CASES) | clients | {"loads", "tells_apart", "unit", "scraped", "measures"} == set(observe.KINDS), (
        "tells_apart is tried in tests/test_security.py, unit by the mutants of operate/run/, scraped and measures by those of operate/alerts/, "
        "those of jobs, containers and editors in tests/test_clients.py"
    )
    assert {name for name in vars(Seen) if not name.startswith("_")} <= {*dir(Replay)}, "the replay has other methods now"
