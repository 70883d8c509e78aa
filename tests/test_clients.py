"""What docs/clients/ claims to have measured, row by row, with the real Claude Code and the real Agent SDK."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from macros import render
from macros.ledger import Book
from tests.lab import jobs, observe, programs, validate
from tests.lab.anthropic_api import LAB_KEY, SECOND_KEY
from tests.lab.namespace import wait_until
from tests.lab.world import BRIDGE, DIRECT_PORT, DOCKER_HOST, World

pytestmark = pytest.mark.lab

STAND_IN = f"http://127.0.0.1:{DIRECT_PORT}"
GATEWAY = {"ANTHROPIC_BASE_URL": STAND_IN, "ANTHROPIC_AUTH_TOKEN": LAB_KEY}
LOGIN = {
    "claudeAiOauth": {
        "accessToken": "sk-ant-oat01-lab-saved-login", "refreshToken": "sk-ant-ort01-lab", "expiresAt": 4102444800000,
        "scopes": ["user:inference", "user:profile"], "subscriptionType": "max",
    }
}  # fmt: skip
#: Writes down what it is asked, and answers 404.
RECORDER = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        print(json.dumps([self.path, dict(self.headers)]), file=open(sys.argv[3], "a"))
        self.send_error(404)
    do_GET = do_HEAD = do_POST
    def log_message(self, *words): pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
DUMP = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))\n"
PROGRAM = """
import { query } from "@anthropic-ai/claude-agent-sdk";
const { sources, env } = JSON.parse(process.argv[2]);
const few = { PATH: process.env.PATH, HOME: process.env.HOME, CLAUDE_CODE_MAX_RETRIES: "0" };
const options = { ...(sources && { settingSources: sources }), ...(env && { env: env === "spread" ? { ...process.env, ...few } : few }) };
const answer = query({ prompt: "Reply with one word: seen", options });
try {
  for await (const { type, subtype, is_error, result } of answer) if (type === "result") console.log(subtype, is_error, result);
} catch (problem) { console.log("threw"); }
"""


@pytest.fixture(scope="module")
def world(book: Book, site: Path) -> Iterator[World]:
    with World(book, site) as machine:
        (machine.lab / "recorder.py").write_text(RECORDER)
        (machine.lab / "dump.py").write_text(DUMP)
        yield machine


class Home:
    """A home folder with a project in it, which is trusted."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name, self.path = world, name, world.inside.mnt / name
        (self.path / "project" / ".claude").mkdir(parents=True)
        (self.path / ".claude").mkdir()
        self.write(".claude.json", {"hasCompletedOnboarding": True, "projects": {f"/mnt/{name}/project": {"hasTrustDialogAccepted": True}}})

    def write(self, place: str, data: Any) -> None:
        (self.path / place).write_text(json.dumps(data))

    def run(self, *words: str, program: str = "claude", **env: str) -> subprocess.CompletedProcess[str]:
        full = {**self.world.env, **self.world.book.fact("lab.differences.client-quiet.env"), "HOME": f"/mnt/{self.name}", **env}
        return self.world.inside.run([program, *words], full, Path(f"/mnt/{self.name}/project"), 60)


def recorder(world: World, port: int, host: str = "127.0.0.1") -> Path:
    """Where a program that listens writes down what it is asked."""
    path = world.lab / f"recorded-{port}.jsonl"
    world.inside.popen([sys.executable, "/mnt/lab/recorder.py", host, str(port), f"/mnt/lab/{path.name}"], {"PATH": os.defpath})
    wait_until(lambda: (host, port) in world.inside.listeners(), 20, "the start of the recorder")
    return path


def recorded(path: Path) -> list[tuple[str, dict[str, str]]]:
    return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def column(book: Book, table: str, key: str) -> list[str]:
    return [row[key] for row in book.fact(f"clients.{table}.rows")]


# Beside the gateway ---------------------------------------------------------------------


def test_an_mcp_server_is_asked_at_its_own_address_and_without_the_key(world: World) -> None:
    home, asked = Home(world, "mcp-http"), recorder(world, 9601)
    config = {"mcpServers": {"tools": {"type": "http", "url": "http://127.0.0.1:9601/mcp"}}}
    assert home.run("-p", "Reply with one word: hi", "--mcp-config", json.dumps(config), **GATEWAY).stdout.strip() == "hi"
    wait_until(lambda: recorded(asked), 10, "a request to the MCP server")
    assert {path for path, _ in recorded(asked)} == {"/mcp"} and LAB_KEY not in asked.read_text()


@pytest.mark.parametrize("helper", [False, True], ids=["key in a variable", "key from a helper"])
def test_what_claude_code_starts_gets_a_key_that_is_a_variable(world: World, helper: bool) -> None:
    home = Home(world, f"mcp-stdio-{helper}")
    dump = f"/mnt/lab/env-{helper}.json"
    config = {"mcpServers": {"tools": {"command": sys.executable, "args": ["/mnt/lab/dump.py", dump]}}}
    env = {"ANTHROPIC_BASE_URL": STAND_IN} if helper else GATEWAY
    if helper:
        home.write(".claude/settings.json", {"apiKeyHelper": f"echo {LAB_KEY}"})
    assert home.run("-p", "Reply with one word: hi", "--mcp-config", json.dumps(config), **env).stdout.strip() == "hi"
    path = world.lab / Path(dump).name
    wait_until(path.exists, 10, "the start of the MCP server")
    found = path.read_text()
    assert "ANTHROPIC_BASE_URL" in found and (LAB_KEY in found) == (not helper)


def test_scrubbing_needs_bubblewrap(world: World) -> None:
    done = Home(world, "scrub").run("-p", "hi", CLAUDE_CODE_SUBPROCESS_ENV_SCRUB="1", **GATEWAY)
    assert done.returncode == 1 and "bubblewrap is required" in done.stderr


#: Put together here, so that no file of ours names a registry.
NPM_REGISTRY = ".".join(("registry", "npmjs", "org"))


@pytest.mark.parametrize("words, hosts", [(("plugin", "marketplace", "add", "a/b"), {"github.com"}), (("update",), {NPM_REGISTRY, "downloads.claude.ai"})])
def test_plugins_and_updates_ask_their_own_hosts(world: World, words: tuple[str, ...], hosts: set[str]) -> None:
    before = len(world.all_names())
    done = Home(world, words[0]).run(*words, **GATEWAY)
    assert done.returncode == 1 and hosts & set(world.all_names()[before:]) and not set(world.all_names()[before:]) - hosts


def test_telemetry_goes_to_its_collector(world: World) -> None:
    asked = recorder(world, 9602)
    env = {"CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_LOGS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
    Home(world, "otel").run("-p", "Reply with one word: hi", **GATEWAY, **env, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9602")
    assert {path for path, _ in recorded(asked)} == {"/v1/logs"} and LAB_KEY not in asked.read_text()


# Background agents ----------------------------------------------------------------------


class Background(Home):
    """Agents of one home folder; each asks for a word of its own."""

    def start(self, word: str, **env: str) -> None:
        done = self.run("--bg", f"Reply with one word: {word}", NODE_EXTRA_CA_CERTS="/mnt/lab/ca.pem", **env)
        assert "backgrounded" in done.stdout, done.stdout + done.stderr

    def asked(self, word: str) -> list[tuple[str, str | None]]:
        """Host and credential of each request for this agent's word."""
        found = [request for request in self.world.all_requests() if request["path"] == "/v1/messages" and f"one word: {word}" in json.dumps(request["body"])]
        return [(request["headers"]["host"], request["headers"].get("authorization")) for request in found]

    def stop(self) -> None:
        """End the agents. The command returns before they have ended, and until then they ask for a label, a summary and so on."""
        self.run("daemon", "stop", "--any")
        wait_until(lambda: not self.left(), 30, "the end of the background agents")

    def left(self) -> list[str]:
        return [line for line in self.world.inside.processes() if re.search(" --bg-|/claude daemon ", line)]

    def wait(self, word: str) -> set[tuple[str, str | None]]:
        wait_until(lambda: self.asked(word), 40, f"a request of the agent {word}")
        return set(self.asked(word))


def test_background_agents_keep_to_the_first_shell(world: World, book: Book) -> None:
    rows = iter(column(book, "background", "goes"))
    gateway, login = (f"127.0.0.1:{DIRECT_PORT}", f"Bearer {LAB_KEY}"), ("api.anthropic.com", "Bearer " + LOGIN["claudeAiOauth"]["accessToken"])
    agents, other = Background(world, "background"), recorder(world, 9603)
    try:
        agents.start("first", **GATEWAY)
        assert agents.wait("first") == {gateway} and next(rows) == "the gateway"
        agents.start("second", ANTHROPIC_BASE_URL="http://127.0.0.1:9603", ANTHROPIC_AUTH_TOKEN="sk-not-a-known-key")
        agents.start("third", **GATEWAY)
        assert agents.wait("third") == {gateway}
        assert agents.asked("second") == [] and recorded(other) == [] and next(rows) == "neither; it waits"
    finally:
        agents.stop()
    agents = Background(world, "background-login")
    agents.write(".claude/.credentials.json", LOGIN)
    try:
        agents.start("fourth")
        assert agents.wait("fourth") == {login} and next(rows) == "Anthropic, with the login's token"
        agents.start("fifth", ANTHROPIC_BASE_URL=STAND_IN, ANTHROPIC_AUTH_TOKEN=SECOND_KEY)
        agents.write(".claude/settings.json", {"env": GATEWAY})
        agents.start("sixth")
        assert agents.wait("sixth") == {gateway}
        assert f"Bearer {SECOND_KEY}" not in {key for _, key in agents.asked("fifth")} and next(rows) == "not the gateway"
        assert next(rows) == "the gateway"
    finally:
        agents.stop()


# The Agent SDK --------------------------------------------------------------------------

PLACES = {"user": ".claude/settings.json", "project": "project/.claude/settings.json", "local": "project/.claude/settings.local.json"}


class Program(Home):
    """A program that uses the Agent SDK, in a home of its own."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        world.provide_agent_sdk(self.path / "project")
        (self.path / "project" / "program.mjs").write_text(PROGRAM)

    def ask(self, options: dict[str, Any], **env: str) -> tuple[str, list[dict[str, str]]]:
        before = len(self.world.all_requests())
        done = self.run("program.mjs", json.dumps(options), program="node", **env)
        return done.stdout.strip(), [request["headers"] for request in self.world.all_requests()[before:] if request["path"] == "/v1/messages"]


def test_which_settings_the_sdk_reads(world: World, book: Book) -> None:
    assert column(book, "sdk_settings", "place") == [f"{scope} settings" for scope in PLACES]
    program = Program(world, "sdk-settings")
    for scope, place in PLACES.items():
        program.write(place, {"env": {"ANTHROPIC_CUSTOM_HEADERS": f"x-mark: {scope}"}})
        text, sent = program.ask({}, **GATEWAY)
        assert text == "success false seen" and {headers.get("x-mark") for headers in sent} == {scope}
        assert f"agent-sdk/{book.fact('versions.agent-sdk.version')}" in sent[0]["user-agent"]
    _, sent = program.ask({"sources": []}, **GATEWAY)
    assert {headers.get("x-mark") for headers in sent} == {None}


def test_what_the_sdk_option_env_does(world: World) -> None:
    program = Program(world, "sdk-env")
    for options, works in (({}, True), ({"env": "spread"}, True), ({"env": "few"}, False)):
        text, sent = program.ask(options, **GATEWAY)
        assert (text == "success false seen" and bool(sent)) == works, text
    assert text == "success true Not logged in · Please run /login\nthrew" and sent == []
    program.write(PLACES["user"], {"env": GATEWAY})
    text, sent = program.ask({"env": "few"})
    assert text == "success false seen" and sent


# Containers -----------------------------------------------------------------------------


def test_what_a_container_reaches(world: World, book: Book) -> None:
    world.start_container()
    rows = book.fact("clients.containers.rows")
    for number, row in enumerate(rows):
        port, host = 9610 + number, BRIDGE if "bridge" in row["listens"] else row["listens"]
        recorder(world, port, host)
        words = ["nsenter", "--target", str(world.container), "--net", "curl", "-s", "-m", "5", "-o", "/dev/null", f"http://{row['address']}:{port}/"]
        status = world.inside.run(words, {"PATH": os.defpath + ":/usr/sbin:/sbin"}).returncode
        assert status == (7 if row["then"] == "refused" else 0), row
    assert DOCKER_HOST in column(book, "containers", "address")


def test_the_sdk_is_of_claude_codes_release(book: Book) -> None:
    found = json.loads((programs.agent_sdk() / "@anthropic-ai" / "claude-agent-sdk" / "package.json").read_text())
    assert (found["version"], found["claudeCodeVersion"]) == (book.fact("versions.agent-sdk.version"), book.fact("versions.claude-code.version"))


# The checks themselves ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["clients/ci/claude.yml", "clients/ci/gitlab-ci.yml", "clients/containers/compose.yaml", "clients/containers/devcontainer.json"]
)
def test_a_counterexample_that_is_accepted_is_noticed(book: Book, name: str) -> None:
    block = book.block(name)
    text = block.path.read_text()
    assert validate.check(book, block, text) is None
    accepted = replace(block, data={**block.data, "counterexamples": [name]})
    assert validate.check(book, accepted, text) == f"snippets/{name}: must be rejected, but is accepted"
    broken = (book.snippets / block.data["counterexamples"][0]).read_text()
    assert validate.check(book, block, broken)


def test_a_token_in_a_jobs_log_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    row, expected = SimpleNamespace(text=""), {"form": "github", "token": "sk-lab-token", "asks": ["which", "-1\n+2"]}
    replay = SimpleNamespace(content=lambda value: value, requests=lambda row: [{"body": {"messages": "-1\n+2\nwhich?"}}])
    for log, problem in (("connected\n", None), ("the token is sk-lab-token\n", "the job's log holds the token")):
        monkeypatch.setattr(observe, "_job", lambda *words, log=log: jobs.Done(0, log, []))
        assert observe.job(replay, row, expected) == problem
    apart = SimpleNamespace(content=lambda value: value, requests=lambda row: [{"body": {"messages": "which?"}}, {"body": {"messages": "-1\n+2"}}])
    assert "no request holds all of" in str(observe.job(apart, row, {**expected, "token": "sk-another"}))


def asked(*answers: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"path": "/v1/messages", "headers": {"host": host}, "status": status} for host, status in answers]


@pytest.mark.parametrize(
    ("requests", "status", "problem"),
    [
        (asked(("127.0.0.1:8080", 404)), 1, None),
        (asked(("127.0.0.1:8080", 200)), 1, "the provider answered [200], expected only 404"),
        ([], 1, "the provider answered [], expected only 404"),
        (asked(("127.0.0.1:8080", 404)), 0, "past the gateway, the job ends with status 0"),
    ],
)
def test_a_job_that_works_past_the_gateway_is_noticed(
    book: Book, monkeypatch: pytest.MonkeyPatch, requests: list[dict[str, Any]], status: int, problem: str | None
) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(observe, "_job", lambda *words: seen.extend(requests) or jobs.Done(status, "", []))
    direct = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8080", "ANTHROPIC_AUTH_TOKEN": "sk-lab-key"}
    replay = SimpleNamespace(book=book, direct_env=lambda: direct, all_requests=lambda: list(seen))
    found = observe.job_past_the_gateway(replay, SimpleNamespace(text=""), {"form": "github", "status": 1})
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize(
    ("requests", "status", "problem"),
    [
        (asked(("gateway.corp.example", 200)), 0, None),
        (asked(("127.0.0.1:8080", 200)), 0, "1 requests went to the address that the project's settings name"),
        (asked(("gateway.corp.example", 200)), 1, "the job ends with status 1"),
    ],
)
def test_a_job_that_follows_a_hostile_project_is_noticed(
    monkeypatch: pytest.MonkeyPatch, requests: list[dict[str, Any]], status: int, problem: str | None
) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(observe, "_job", lambda *words: seen.extend(requests) or jobs.Done(status, "", []))
    replay = SimpleNamespace(direct_env=lambda: {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8080"}, all_requests=lambda: list(seen), content=lambda value: value)
    found = observe.job_in_a_hostile_project(replay, SimpleNamespace(text=""), {"form": "github", "token": "sk-lab-token"})
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize(
    ("status", "times", "problem"),
    [(128, 2, None), (0, 2, "the job ends with status 0 although git failed"), (1, 1, "where git fails, Claude asks 1 times, expected 2")],
)
def test_a_job_that_hides_a_failing_git_is_noticed(monkeypatch: pytest.MonkeyPatch, status: int, times: int, problem: str | None) -> None:
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(observe, "_job", lambda *words: seen.extend(asked(*[("gateway.corp.example", 200)] * times)) or jobs.Done(status, "", []))
    replay = SimpleNamespace(content=lambda value: value, all_requests=lambda: list(seen))
    found = observe.job_with_a_failing_git(replay, SimpleNamespace(text=""), {"form": "github", "token": "sk-lab-token"})
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize(("status", "problem"), [(22, None), (0, "past the gateway it ends with status 0, expected 22")])
def test_a_block_that_works_past_the_gateway_is_noticed(status: int, problem: str | None) -> None:
    replay = SimpleNamespace(past_the_gateway=lambda row: SimpleNamespace(status=status, output=""))
    assert observe.ends_past_the_gateway(replay, SimpleNamespace(), 22) == problem


def test_an_editor_that_sets_other_variables_is_noticed(book: Book) -> None:
    block = next(block for block in book.blocks.values() if block.rendering == "vscode")
    text = render.text(book, block)
    address = re.search(r"https?://[^\"]+", text)[0]
    row = SimpleNamespace(text=text.replace(address, address + "/v1"), block=block)
    replay = SimpleNamespace(book=book, content=lambda value: "sk-lab-token")
    assert "the definition says" in str(observe.as_environment(replay, row, {"token": "t"}))


def test_a_job_sees_what_its_runner_gives_it() -> None:
    text = "jobs: {a: {env: {A: '1'}, steps: [{uses: x}, {name: n, env: {B: '${{ secrets.T }}'}, run: r}]}}"
    assert jobs.github(text, {"T": "t"}) == [jobs.Step("n", "r", "bash -e", {"A": "1", "B": "t"})]
    assert jobs.github(text.replace("run: r", "shell: bash, run: r"), {"T": "t"})[0].shell.endswith("-eo pipefail")
    with pytest.raises(KeyError):
        jobs.github(text, {})
    assert jobs.gitlab("a: {variables: {A: '1'}, before_script: [b], script: [c]}", {"T": "t"}) == [
        jobs.Step("script", "set -eo pipefail\nb\nc", "bash", {"A": "1", "T": "t"})
    ]
