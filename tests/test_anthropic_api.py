"""The provider's stand-in: strict, recording, and able to misbehave."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError
from aiohttp.test_utils import TestClient, TestServer

from tests.lab import lines
from tests.lab.anthropic_api import LAB_KEY, AnthropicAPI

BODY = {"model": "claude-lab", "max_tokens": 9, "messages": [{"role": "user", "content": "Reply with one word: heard"}]}
HEADERS = {"x-api-key": LAB_KEY, "anthropic-version": "2023-06-01"}


def ask(folder: Path, *requests: dict[str, Any], behave: dict[str, Any] | None = None) -> list[tuple[int, dict[str, str], str]]:
    """Send requests to a stand-in of its own: [(status, headers, body)]."""
    folder.mkdir(exist_ok=True)
    if behave:
        (folder / "behave.json").write_text(json.dumps(behave))

    async def run() -> list[tuple[int, dict[str, str], str]]:
        answers = []
        async with TestClient(TestServer(AnthropicAPI(folder, ["claude-lab"]).app())) as client:
            for request in requests:
                options = {"path": "/v1/messages", "method": "POST", "headers": HEADERS, "json": BODY} | request
                async with client.request(**options) as answer:
                    text = await answer.text()
                    answers.append((answer.status, {name.lower(): value for name, value in answer.headers.items()}, text))
        return answers

    return asyncio.run(run())


def test_answers_with_the_word_that_is_asked_for(tmp_path: Path) -> None:
    [(status, _, body)] = ask(tmp_path, {})
    answer = json.loads(body)
    assert status == 200 and answer["content"] == [{"type": "text", "text": "heard"}]
    assert answer["usage"]["input_tokens"] > 0 and answer["usage"]["output_tokens"] == 7


def test_streams_events_in_the_documented_order(tmp_path: Path) -> None:
    [(status, headers, body)] = ask(tmp_path, {"json": {**BODY, "stream": True}})
    names = [line.removeprefix("event: ") for line in body.splitlines() if line.startswith("event: ")]
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    assert names == ["message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]


def test_counts_tokens_and_lists_models(tmp_path: Path) -> None:
    counted, listed = ask(tmp_path, {"path": "/v1/messages/count_tokens"}, {"path": "/v1/models", "method": "GET", "json": None})
    assert json.loads(counted[2])["input_tokens"] > 0
    assert [model["id"] for model in json.loads(listed[2])["data"]] == ["claude-lab"]


@pytest.mark.parametrize(
    ("request_", "status", "kind"),
    [
        ({"headers": {"anthropic-version": "2023-06-01"}}, 401, "authentication_error"),
        ({"headers": {**HEADERS, "x-api-key": "sk-other"}}, 401, "authentication_error"),
        ({"headers": {"x-api-key": LAB_KEY}}, 400, "invalid_request_error"),
        ({"path": "/v1/v1/messages"}, 404, "not_found_error"),
        ({"method": "GET"}, 404, "not_found_error"),
        ({"json": {**BODY, "model": "claude-other"}}, 404, "not_found_error"),
        ({"json": {**BODY, "messages": []}}, 400, "invalid_request_error"),
        ({"json": {key: value for key, value in BODY.items() if key != "max_tokens"}}, 400, "invalid_request_error"),
    ],
    ids=["no key", "wrong key", "no version", "path", "method", "model", "no messages", "no max_tokens"],
)
def test_refuses(tmp_path: Path, request_: dict[str, Any], status: int, kind: str) -> None:
    [(found, _, body)] = ask(tmp_path, request_)
    assert found == status and json.loads(body)["error"]["type"] == kind


@pytest.mark.parametrize(
    ("status", "kind"), [(401, "authentication_error"), (404, "not_found_error"), (429, "rate_limit_error"), (500, "api_error"), (529, "overloaded_error")]
)
def test_misbehaves_on_request_and_then_no_more(tmp_path: Path, status: int, kind: str) -> None:
    first, second = ask(tmp_path, {}, {}, behave={"status": status, "times": 1, "retry_after": 7})
    assert first[0] == status and json.loads(first[2])["error"]["type"] == kind and first[1]["retry-after"] == "7"
    assert second[0] == 200


def test_stalls_for_as_long_as_it_is_told(tmp_path: Path) -> None:
    began = time.monotonic()
    [(status, _, _)] = ask(tmp_path, {}, behave={"stall": 0.5})
    assert status == 200 and time.monotonic() - began >= 0.5


def test_writes_down_every_request(tmp_path: Path) -> None:
    ask(tmp_path, {"path": "/v1/messages?beta=true"}, {"path": "/elsewhere"})
    first, second = (json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines())
    assert (first["method"], first["path"], first["query"], first["status"], first["body"]) == ("POST", "/v1/messages", "beta=true", 200, BODY)
    assert first["headers"]["x-api-key"] == LAB_KEY
    assert (second["path"], second["status"]) == ("/elsewhere", 404)


def test_a_record_that_is_still_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    assert lines.records(path) == []
    log = lines.Log(path)
    log.add({"number": 1})
    with path.open("a") as file:
        file.write('{"number": ')
    assert lines.records(path) == [{"number": 1}]
    with path.open("a") as file:
        file.write("2}\n")
    assert lines.records(path) == [{"number": 1}, {"number": 2}]


STREAM = {"json": {**BODY, "stream": True}}


def test_answers_with_what_it_is_given(tmp_path: Path) -> None:
    [(status, headers, body)] = ask(tmp_path, {}, behave={"body": "<title>Sign in</title>", "content_type": "text/html"})
    assert (status, headers["content-type"], body) == (200, "text/html", "<title>Sign in</title>")
    [(status, headers, _)] = ask(tmp_path, {"allow_redirects": False}, behave={"body": "", "status": 307, "location": "http://127.0.0.1:1/"})
    assert (status, headers["location"]) == (307, "http://127.0.0.1:1/")


def test_closes_the_connection_without_an_answer(tmp_path: Path) -> None:
    with pytest.raises(ClientError):
        ask(tmp_path, {}, behave={"drop": True})
    assert json.loads((tmp_path / "requests.jsonl").read_text())["status"] == 0


@pytest.mark.parametrize("body", [{}, STREAM], ids=["at once", "stream"])
def test_tears_an_answer(tmp_path: Path, body: dict[str, Any]) -> None:
    with pytest.raises(ClientError):
        ask(tmp_path, body, behave={"torn": True})
    assert json.loads((tmp_path / "requests.jsonl").read_text())["status"] == 200


def test_cuts_a_stream(tmp_path: Path) -> None:
    with pytest.raises(ClientError):
        ask(tmp_path, STREAM, behave={"cut": 2})


@pytest.mark.parametrize(
    ("behave", "events", "last"),
    [({"ends": 4}, 4, "content_block_delta"), ({"fails": 3}, 4, "error"), ({"held": 0.3}, 7, "message_stop")],
    ids=["ends early", "an error within", "kept back"],
)
def test_spoils_a_stream(tmp_path: Path, behave: dict[str, Any], events: int, last: str) -> None:
    [(status, _, body)] = ask(tmp_path, STREAM, behave=behave)
    names = [line.removeprefix("event: ") for line in body.splitlines() if line.startswith("event: ")]
    assert status == 200 and len(names) == events and names[-1] == last


def test_names_another_block_in_a_stream(tmp_path: Path) -> None:
    [(_, _, body)] = ask(tmp_path, STREAM, behave={"index": 3})
    assert '"content_block_delta", "index": 3' in body


def test_minds_the_values_of_anthropic_beta(tmp_path: Path) -> None:
    """Of requests that have one, and of those whose body needs one that they have not."""
    with_beta = {"headers": {**HEADERS, "anthropic-beta": "one-2026-01-01, two-2026-01-01"}}
    answers = ask(tmp_path, with_beta, {}, behave={"has_beta": "two-2026-01-01", "status": 400})
    assert [status for status, _, _ in answers] == [400, 200]
    behave = {"field": "metadata", "beta": "two-2026-01-01", "status": 400}
    body = {"json": {**BODY, "metadata": {}}}
    answers = ask(tmp_path, body, body | with_beta, {}, behave=behave)
    assert [status for status, _, _ in answers] == [400, 200, 200]
