"""Amazon Bedrock: the stand-in is strict, and Claude Code does what the page says of it."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests.lab import programs
from tests.lab.world import World

REGION, HOST = "eu-central-1", "bedrock-runtime.eu-central-1.amazonaws.com"
MODEL = "eu.anthropic.claude-opus-5-5"
BODY = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "Reply with one word: heard"}]}
#: AWS's own client for Python, from LiteLLM's environment: it signs, and it reads the event stream.
CLIENT = """
import boto3, json, sys
from botocore.config import Config
asked = json.load(sys.stdin)
client = boto3.client("bedrock-runtime", region_name=asked["region"], aws_access_key_id=asked["key"], aws_secret_access_key=asked["secret"],
                      verify="/mnt/lab/ca.pem", config=Config(retries={"total_max_attempts": 1}))
try:
    whole = json.loads(client.invoke_model(modelId=asked["model"], body=asked["body"])["body"].read())
    stream = client.invoke_model_with_response_stream(modelId=asked["model"], body=asked["body"])["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    print(json.dumps({"whole": whole, "events": events}))
except Exception as problem:
    print(json.dumps({"error": type(problem).__name__, "message": str(problem)}))
"""
#: Signs requests, spoils their headers afterwards, and sends them.
SEND = """
import json, ssl, sys, urllib.error, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
context, answers = ssl.create_default_context(cafile="/mnt/lab/ca.pem"), []
for asked in json.load(sys.stdin):
    request = AWSRequest(method="POST", url=asked["host"] + asked["path"], data=asked["body"], headers={"content-type": asked["type"]})
    SigV4Auth(Credentials(asked["key"], asked["secret"]), asked["service"], asked["region"]).add_auth(request)
    headers = {**{name.lower(): value for name, value in request.headers.items()}, **asked["after"]}
    headers = {name: value for name, value in headers.items() if value is not None}
    body = asked.get("sent", asked["body"]).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(request.url, body, headers), context=context) as answer:
            answers.append([answer.status, "", answer.read().decode()])
    except urllib.error.HTTPError as problem:
        answers.append([problem.code, problem.headers["x-amzn-errortype"], json.loads(problem.read())["message"]])
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def world(book: Book, site: Path) -> Iterator[World]:
    with World(book, site, providers=["bedrock"]) as machine:
        yield machine


def test_a_stand_in_that_cannot_start_says_why_at_once(book: Book, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "litellm_python", lambda: Path(sys.executable))
    with pytest.raises(RuntimeError, match="No module named 'botocore'"), World(book, site, providers=["bedrock"]):
        pass


def in_python(world: World, program: str, asked: dict[str, Any]) -> Any:
    """What a program prints, run inside by LiteLLM's Python, which has botocore."""
    words = [*world.inside.enter(), str(programs.litellm_python()), "-c", program]
    done = subprocess.run(words, input=json.dumps(asked), capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def keys(book: Book, **more: Any) -> dict[str, Any]:
    return {"key": book.fact("bedrock.access_key"), "secret": book.fact("bedrock.secret_key"), "region": REGION, "service": "bedrock", **more}


# The stand-in -----------------------------------------------------------------
@pytest.mark.lab
def test_the_aws_client_reads_what_the_stand_in_sends(world: World, book: Book) -> None:
    found = in_python(world, CLIENT, keys(book, model=MODEL, body=json.dumps(BODY)))
    assert found["whole"]["content"] == [{"type": "text", "text": "heard"}]
    kinds = [event["type"] for event in found["events"]]
    assert kinds == ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]
    assert "".join(event["delta"]["text"] for event in found["events"] if event["type"] == "content_block_delta") == "heard"
    assert "amazon-bedrock-invocationMetrics" in found["events"][-1]


@pytest.mark.lab
def test_an_error_in_the_middle_of_a_stream_is_one_to_the_aws_client(world: World, book: Book) -> None:
    behave = world.folder("bedrock") / "behave.json"
    behave.write_text(json.dumps({"fails": 2, "message": "Too many requests"}))
    try:
        found = in_python(world, CLIENT, keys(book, model=MODEL, body=json.dumps(BODY)))
    finally:
        behave.unlink()
    assert found == {"error": "EventStreamError", "message": found["message"]} and "throttlingException" in found["message"]


Spoil = Callable[[dict[str, Any]], None]


def after(**headers: str | None) -> Spoil:
    """Headers that are other ones than those that were signed."""
    return lambda request: request.update(after={name.replace("_", "-"): value for name, value in headers.items()})


def other(**changes: Any) -> Spoil:
    """Another path, key, secret, service, region or content type, signed in order."""
    return lambda request: request.update(changes)


def body(**changes: Any) -> Spoil:
    whole = {name: value for name, value in {**BODY, **changes}.items() if value is not None}
    return lambda request: request.update(body=json.dumps(whole))


OLD = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")
#: What is wrong -> (how to make it so, HTTP status, AWS's name of the error, words of its message)
WRONG: dict[str, tuple[Spoil, int, str, str]] = {
    "no signature": (after(authorization=None), 403, "MissingAuthenticationTokenException", "Missing Authentication Token"),
    "an API key of Anthropic's": (after(authorization="Bearer sk-ant-lab"), 403, "AccessDeniedException", "API Key is valid"),
    "another scheme": (after(authorization="AWS3 lab"), 403, "IncompleteSignatureException", "AWS4-HMAC-SHA256"),
    "an unknown key": (other(key="LABACCESSKEYTHEOTHER"), 403, "UnrecognizedClientException", "security token"),
    "another secret": (other(secret="other"), 403, "InvalidSignatureException", "does not match"),
    "another service": (other(service="s3"), 403, "InvalidSignatureException", "correct service"),
    "another region": (other(region="us-east-1"), 403, "InvalidSignatureException", "valid region"),
    "another body than was signed": (other(sent=json.dumps({**BODY, "max_tokens": 8})), 403, "InvalidSignatureException", "does not match"),
    "an old signature": (after(x_amz_date=OLD), 403, "InvalidSignatureException", "expired"),
    "the path of Anthropic's API": (other(path="/v1/messages"), 404, "UnknownOperationException", "/v1/messages"),
    "an action that there is not": (other(path=f"/model/{MODEL}/converse"), 404, "UnknownOperationException", "converse"),
    "a model of another region": (other(path="/model/us.anthropic.claude-opus-5-5/invoke"), 400, "ValidationException", "model identifier is invalid"),
    "a model without a profile": (other(path="/model/anthropic.claude-opus-5-5/invoke"), 400, "ValidationException", "on-demand throughput"),
    "another content type": (other(type="text/plain"), 400, "ValidationException", "Content Type"),
    "no version": (body(anthropic_version=None), 400, "ValidationException", "anthropic_version: Field required"),
    "Anthropic's version": (body(anthropic_version="2023-06-01"), 400, "ValidationException", "is not 'bedrock-2023-05-31'"),
    "a model in the body": (body(model=MODEL), 400, "ValidationException", "model: Extra inputs are not permitted"),
    "stream in the body": (body(stream=True), 400, "ValidationException", "stream: Extra inputs are not permitted"),
    "no limit": (body(max_tokens=None), 400, "ValidationException", "max_tokens: Field required"),
    "features in one string": (body(anthropic_beta="a,b"), 400, "ValidationException", "anthropic_beta"),
}


@pytest.mark.lab
def test_what_the_stand_in_refuses(world: World, book: Book) -> None:
    """Each request is right but for one thing; the last one is right altogether."""
    requests = []
    for spoil, *_ in [*WRONG.values(), (lambda request: None,)]:
        request = keys(book, host=f"https://{HOST}", path=f"/model/{MODEL}/invoke", type="application/json", body=json.dumps(BODY), after={})
        spoil(request)
        requests.append(request)
    *refused, (status, _, _) = in_python(world, SEND, requests)
    assert status == 200, "the request that is right altogether"
    found = {what: answer[:2] for what, answer in zip(WRONG, refused, strict=True)}
    assert found == {what: [status, kind] for what, (_, status, kind, _) in WRONG.items()}
    for (what, (*_, words)), answer in zip(WRONG.items(), refused, strict=True):
        assert words in answer[2], f"{what}: {answer}"


# Claude Code ----------------------------------------------------------------------
def settings(book: Book, name: str) -> dict[str, str]:
    """The variables of one of the page's settings files."""
    return json.loads((book.snippets / "providers" / "bedrock" / name).read_text())["env"]


def asked(world: World, env: dict[str, str], *arguments: str, expected: int = 0) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    """What Claude Code prints, and what each provider was asked for meanwhile."""
    before = {name: len(world.all_requests(name)) for name in ("anthropic", "bedrock")}
    done = world.claude({"SSL_CERT_FILE": "/mnt/lab/ca.pem", **env}, "-p", "Reply with one word: connected", *arguments)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout, {name: world.all_requests(name)[number:] for name, number in before.items()}


def access_key(book: Book) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": book.fact("bedrock.access_key"), "AWS_SECRET_ACCESS_KEY": book.fact("bedrock.secret_key")}


def paths(requests: list[dict[str, Any]]) -> list[str]:
    return [f"{request['method']} {request['path']}" for request in requests]


STREAMED = f"POST /model/{MODEL}/invoke-with-response-stream"


@pytest.mark.lab
def test_an_address_alone_is_ignored_and_anthropic_gets_the_prompt(world: World) -> None:
    """The key and the prompt go to Anthropic, exit status 0: nobody who looks at the answer notices."""
    env = {"ANTHROPIC_BEDROCK_BASE_URL": "http://127.0.0.1:4000/bedrock", "ANTHROPIC_AUTH_TOKEN": "sk-ant-lab-not-a-real-key"}
    for more in ({}, {"CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1", "AWS_REGION": REGION}, {"CLAUDE_CODE_USE_BEDROCK": "0"}):
        printed, seen = asked(world, {**env, **more})
        assert printed.strip() == "connected" and not seen["bedrock"], more
        assert [request["path"] for request in seen["anthropic"] if request["method"] == "POST"] == ["/v1/messages"]
        assert seen["anthropic"][-1]["headers"]["host"] == "api.anthropic.com"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("value", "on"), [("1", True), ("true", True), ("yes", True), ("On", True), ("0", False), ("false", False), ("off", False), ("", False)]
)
def test_values_of_the_switch(world: World, book: Book, value: str, on: bool) -> None:
    """On, nothing is signed although there are keys, and AWS itself refuses; off, all is as without it."""
    env = {**settings(book, "bedrock.json"), **access_key(book), "CLAUDE_CODE_SKIP_BEDROCK_AUTH": value}
    printed, seen = asked(world, env, expected=1 if on else 0)
    assert {"authorization" in request["headers"] for request in seen["bedrock"]} == {not on}
    assert ("Missing Authentication Token" in printed) == on and not seen["anthropic"]


@pytest.mark.lab
def test_keys_and_a_token_sign_differently(world: World, book: Book) -> None:
    printed, seen = asked(world, {**settings(book, "bedrock.json"), "AWS_BEARER_TOKEN_BEDROCK": book.fact("bedrock.api_key")})
    assert printed.strip() == "connected" and paths(seen["bedrock"]) == ["GET /inference-profiles", STREAMED]
    assert {request["headers"]["authorization"] for request in seen["bedrock"]} == {f"Bearer {book.fact('bedrock.api_key')}"}
    _, seen = asked(world, {**settings(book, "bedrock.json"), **access_key(book), "AWS_BEARER_TOKEN_BEDROCK": book.fact("bedrock.api_key")})
    assert seen["bedrock"][-1]["headers"]["authorization"].startswith("Bearer "), "the token wins over the keys"


@pytest.mark.lab
def test_models_that_are_not_pinned_are_tried_out(world: World, book: Book) -> None:
    """With all three named, Claude Code asks for none of them beforehand; without, it tries what it knows, old ones too."""
    pinned = settings(book, "bedrock.json")
    plain = {name: value for name, value in pinned.items() if not name.startswith("ANTHROPIC_DEFAULT_")}
    _, seen = asked(world, {**plain, **access_key(book)})
    tried = [request for request in seen["bedrock"] if request["path"].endswith("/invoke")]
    assert {request["body"]["max_tokens"] for request in tried} == {1} and any("claude-sonnet-4-" in request["path"] for request in tried)
    assert paths(seen["bedrock"])[-1] == STREAMED, "the newest one that there is"
    _, seen = asked(world, {**pinned, **access_key(book)}, "--model", "haiku")
    assert paths(seen["bedrock"]) == ["GET /inference-profiles", STREAMED.replace("opus", "haiku")]


@pytest.mark.lab
def test_an_application_inference_profile(world: World, book: Book) -> None:
    [arn] = book.fact("bedrock.applications")
    printed, seen = asked(world, {**settings(book, "bedrock.json"), **access_key(book), "ANTHROPIC_DEFAULT_OPUS_MODEL": arn})
    assert printed.strip() == "connected"
    asked_for = ["GET /inference-profiles", f"GET /inference-profiles/{arn}", f"POST /model/{arn}/invoke-with-response-stream"]
    assert paths(seen["bedrock"]) == asked_for


@pytest.mark.lab
@pytest.mark.parametrize(
    ("name", "becomes"), [("claude-opus-5-5", MODEL), (f"global.{MODEL[3:]}", f"global.{MODEL[3:]}")], ids=["plain", "global"]
)  # fmt: skip
def test_what_becomes_of_a_name(world: World, book: Book, name: str, becomes: str) -> None:
    _, seen = asked(world, {**settings(book, "bedrock.json"), **access_key(book), "ANTHROPIC_DEFAULT_OPUS_MODEL": name})
    assert paths(seen["bedrock"])[-1] == f"POST /model/{becomes}/invoke-with-response-stream"


@pytest.mark.lab
def test_each_statement_of_the_policy_is_needed(world: World, book: Book) -> None:
    """With the page's policy, Claude Code gets its answer; without one of the two statements that allow to ask, it does not."""
    policy = json.loads((book.snippets / "providers" / "bedrock" / "policy.json").read_text())
    path, env = world.folder("bedrock") / "policy.json", {**settings(book, "bedrock.json"), **access_key(book)}
    try:
        path.write_text(json.dumps(policy))
        _, seen = asked(world, env)
        assert [request["status"] for request in seen["bedrock"]] == [200, 200]
        for number, expected in ((0, "inference-profile/"), (1, "foundation-model/")):
            path.write_text(json.dumps({**policy, "Statement": [item for at, item in enumerate(policy["Statement"]) if at != number]}))
            printed, _ = asked(world, env, expected=1)
            assert "not authorized to perform: bedrock:InvokeModelWithResponseStream" in printed and expected in printed
        path.write_text(json.dumps({**policy, "Statement": policy["Statement"][:2]}))
        _, seen = asked(world, env)
        assert [request["status"] for request in seen["bedrock"]] == [403, 200], "the list is not needed for an answer"
        found = in_python(world, CLIENT, keys(book, model="global.anthropic.claude-opus-5-5", body=json.dumps(BODY)))
        assert found["error"] == "AccessDeniedException", "the policy keeps requests in Europe"
    finally:
        path.unlink()


def test_ways_are_what_their_blocks_observe(book: Book) -> None:
    for way in book.fact("providers.ways"):
        observed = book.block(way["block"]).data["observed"]
        if way["provider"] == "anthropic":
            assert way["sees"] == "POST /v1/messages" and any("provider_request" in item for item in observed), way["name"]
            continue
        [saw] = [item["provider_saw"] for item in observed if "provider_saw" in item]
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(way["sees"]))
        assert saw["of"] == way["provider"] and re.fullmatch(pattern, saw["asked"][-1]), way["name"]
