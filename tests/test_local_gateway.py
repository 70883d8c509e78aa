"""What docs/patterns/local-gateway.md and the quickstart claim beside their blocks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from macros.ledger import Book
from tests import bypass
from tests.lab import programs
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.terminal import Terminal
from tests.lab.world import DIRECT_PORT, HOME, World

pytestmark = pytest.mark.lab
FOLDER = "patterns/local-gateway"
KEY = "sk-lab-master-key-of-no-use-anywhere"


# The replay notices what a reader would not --------------------------------------


def test_verification_fails_when_the_gateway_is_bypassed(book: Book, site: Path, forker: Forker) -> None:
    row, requests = bypass.replayed(book, site, "start/quickstart/", forker, bypass.client(bypass.PAST_THE_GATEWAY))
    assert {request["status"] for request in requests} == {200}
    assert "connected" in row.output and "meanwhile: 0" in row.output
    assert row.status == 1 and row.outcome == "failed", row.message


def test_verification_fails_when_the_client_is_curl(book: Book, site: Path, forker: Forker) -> None:
    row, requests = bypass.replayed(book, site, "start/quickstart/", forker, bypass.client(bypass.CURL))
    assert {request["status"] for request in requests} == {200}
    assert row.status == 0 and "meanwhile: 1" in row.output, "the reader's own check is content"
    assert row.outcome == "failed" and "Claude Code" in row.message


def test_what_was_compiled_serves_only_the_same_file(forker: Forker, tmp_path: Path) -> None:
    kept = next((forker.compiled / "purelib").glob("typing_extensions.*.pyc"))
    text = next(programs.litellm_python().parents[1].glob("lib/python3*/site-packages/typing_extensions.py")).read_text()
    folder, found = tmp_path / "lib", tmp_path / "compiled" / tmp_path.relative_to("/") / "lib" / kept.name
    folder.mkdir()
    found.parent.mkdir(parents=True)
    found.write_bytes(kept.read_bytes())
    command = [str(programs.litellm_python()), "-c", "import typing_extensions as it; print(getattr(it, 'OTHER', it.__cached__))"]
    printed = []
    for more in ("", "\nOTHER = 'another file'\n"):
        (folder / "typing_extensions.py").write_text(text + more)
        env = {"PYTHONPATH": str(folder), "PYTHONPYCACHEPREFIX": str(tmp_path / "compiled")}
        printed.append(subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.strip())
        assert (found.read_bytes() == kept.read_bytes()) == (not more)
    assert printed == [str(found), "another file"]


# What the page says about LiteLLM ------------------------------------------------


@pytest.fixture(scope="module")
def world(book: Book, site: Path, forker: Forker) -> Iterator[World]:
    """A machine with the page's gateway running, warm, and its key in KEY."""
    with World(book, site) as machine:
        command = machine.install_warm(forker)
        folder = command.parents[2]
        (folder / "config.yaml").write_text((book.snippets / FOLDER / "config.yaml").read_text())
        start(machine, "gateway", gateway_env(machine), "--config config.yaml --host 127.0.0.1 --port 4000")
        wait_until(lambda: machine.serves("http://127.0.0.1:4000/health/readiness"), 60, "the start of the gateway")
        yield machine


def gateway_env(world: World) -> dict[str, str]:
    return {
        **world.env, "LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY, "SSL_CERT_FILE": "/mnt/lab/ca.pem",
    }  # fmt: skip


def start(world: World, name: str, env: dict[str, str], options: str) -> Terminal:
    terminal = Terminal(world.inside, world.lab / f"terminal-{name}", env, HOME / "litellm-gateway")
    world.terminals[name] = terminal
    terminal.start(f"venv/bin/litellm {options}", {}, [])
    return terminal


@pytest.fixture
def through(world: World) -> dict[str, str]:
    return {"ANTHROPIC_BASE_URL": "http://127.0.0.1:4000", "ANTHROPIC_AUTH_TOKEN": KEY}


def test_what_the_unified_route_changes(world: World, through: dict[str, str]) -> None:
    before = len(world.all_requests())
    assert world.claude(through, "-p", "Reply with one word: routed").stdout == "routed\n"
    seen = world.all_requests()[before:]
    assert len(seen) == 1
    direct = world.direct()
    assert direct["query"] == "beta=true" and seen[0]["query"] == ""
    there, here = (request["headers"]["anthropic-beta"].replace(" ", "").split(",") for request in (direct, seen[0]))
    assert sorted(there) == here != there, "LiteLLM sorts the values; the page says so"
    assert seen[0]["headers"]["user-agent"].startswith("litellm/")
    assert direct["headers"]["anthropic-version"] == seen[0]["headers"]["anthropic-version"]


def test_cost_header_only_counts_when_the_answer_is_not_streamed(world: World) -> None:
    costs = {}
    for stream in (False, True):
        body = {"model": "claude-haiku-5-5", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
        done = world.inside.run(
            ["curl", "-sS", "-D", "-", "-o", "/dev/null", "http://127.0.0.1:4000/v1/messages", "-H", f"x-api-key: {KEY}",
             "-H", "content-type: application/json", "-d", json.dumps(body)], {"PATH": os.defpath},
        )  # fmt: skip
        found = re.search(r"^x-litellm-response-cost: (\S+)", done.stdout, re.MULTILINE)
        costs[stream] = float(found.group(1)) if found else 0.0
    assert costs[False] > 0 and costs[True] == 0


def test_log_tells_a_refused_provider_key_from_a_missing_one(world: World, through: dict[str, str]) -> None:
    behave = world.lab / "provider" / "behave.json"
    behave.write_text(json.dumps({"status": 401, "message": "invalid x-api-key"}))
    terminal, before = world.terminals["gateway"], len(world.terminals["gateway"].screen())
    try:
        refused = world.claude(through, "-p", "hi")
    finally:
        behave.unlink()
    assert refused.stdout == "Not logged in · Please run /login\n"
    log = terminal.screen()[before:]
    assert "invalid x-api-key" in log and "401 Unauthorized" in log
    before = len(terminal.screen())
    missing = world.claude({"ANTHROPIC_BASE_URL": through["ANTHROPIC_BASE_URL"]}, "-p", "hi")
    assert missing.stdout == refused.stdout
    assert terminal.screen()[before:] == "", "nothing was sent"


def test_without_host_the_gateway_listens_on_every_address(world: World) -> None:
    terminal = start(world, "open", gateway_env(world), "--config config.yaml --port 4002")
    wait_until(lambda: world.serves("http://127.0.0.1:4002/health/readiness"), 60, "the start of the gateway")
    assert ("0.0.0.0", 4002) in world.inside.listeners()
    terminal.interrupt()


@pytest.mark.parametrize("key", [None, "sk-1234"], ids=["no master key", "a well-known one"])
def test_gateway_refuses_to_start_with(world: World, key: str | None) -> None:
    env = gateway_env(world)
    env.pop("LITELLM_MASTER_KEY")
    if key:
        env["LITELLM_MASTER_KEY"] = key
    terminal = start(world, f"refused-{key}", env, "--config config.yaml --host 127.0.0.1 --port 4003")
    result = terminal.finish(60)
    assert result.status == 3, result.output[-800:]
    assert "refused to start" in result.output


def test_price_list_is_fetched_without_the_variable(book: Book, site: Path) -> None:
    """The variable is read when LiteLLM is imported, so this one starts cold."""
    from tests.lab import programs

    with World(book, site) as machine:
        folder = machine.home / "litellm-gateway"
        folder.mkdir()
        (folder / "config.yaml").write_text((book.snippets / FOLDER / "config.yaml").read_text())
        env = gateway_env(machine)
        del env["LITELLM_LOCAL_MODEL_COST_MAP"]
        terminal = Terminal(machine.inside, machine.lab / "terminal-gateway", env, HOME / "litellm-gateway")
        machine.terminals["gateway"] = terminal
        terminal.start(f"{' '.join(programs.litellm_command())} --config config.yaml --host 127.0.0.1 --port 4000", {}, [])
        wait_until(lambda: machine.serves("http://127.0.0.1:4000/health/readiness"), 120, "the start of the gateway")
        assert set(machine.all_names()) == {"raw.githubusercontent.com"}
        assert "Failed to fetch remote model cost map" in terminal.screen()


# What the page says about Claude Code --------------------------------------------


def headers_of(world: World, env: dict[str, str], prepare: Callable[[Path], None] = lambda home: None) -> dict[str, str]:
    """The headers of one direct request of Claude Code's, with a home of its own."""
    name = f"home-{time.monotonic_ns()}"
    (world.inside.mnt / name / ".claude").mkdir(parents=True)
    prepare(world.inside.mnt / name)
    before = len(world.all_requests())
    done = world.claude(env, "-p", "Reply with one word: seen", home=name)
    seen = [request for request in world.all_requests()[before:] if request["path"] == "/v1/messages"]
    assert done.stdout == "seen\n" and len(seen) == 1, done.stdout + done.stderr
    return seen[0]["headers"]


def test_a_personal_key_beside_the_token_is_sent_too(world: World) -> None:
    headers = headers_of(world, {**world.direct_env(), "ANTHROPIC_API_KEY": "sk-ant-lab-personal"})
    assert headers["authorization"] == f"Bearer {LAB_KEY}"
    assert headers["x-api-key"] == "sk-ant-lab-personal"


def settings(world: World, env: dict[str, str]) -> Callable[[Path], None]:
    def write(home: Path) -> None:
        (home / "key").write_text(LAB_KEY)
        (home / ".claude" / "settings.json").write_text(json.dumps({"env": env, "apiKeyHelper": "cat ~/key"}))

    return write


def test_the_empty_key_in_settings_keeps_a_key_of_the_shell_back(world: World) -> None:
    base = {"ANTHROPIC_BASE_URL": world.direct_env()["ANTHROPIC_BASE_URL"]}
    shell = {"ANTHROPIC_API_KEY": "sk-ant-lab-personal"}
    headers = headers_of(world, shell, settings(world, {**base, "ANTHROPIC_API_KEY": ""}))
    assert "sk-ant-lab-personal" not in headers.values()
    assert headers["x-api-key"] == LAB_KEY


def test_settings_override_the_shell(world: World) -> None:
    shell = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "ANTHROPIC_AUTH_TOKEN": LAB_KEY}
    headers = headers_of(world, shell, settings(world, {"ANTHROPIC_BASE_URL": world.direct_env()["ANTHROPIC_BASE_URL"]}))
    assert headers["host"] == f"127.0.0.1:{DIRECT_PORT}"


class Screen:
    """An interactive Claude Code in a terminal of 50 lines and 120 columns."""

    def __init__(self, world: World, env: dict[str, str]) -> None:
        folder = world.inside.mnt / "interactive"
        (folder / "project").mkdir(parents=True)
        home = HOME.parent / "interactive"
        state = {"hasCompletedOnboarding": True, "theme": "dark", "projects": {f"{home}/project": {"hasTrustDialogAccepted": True}}}
        (folder / ".claude.json").write_text(json.dumps(state))
        full = {**world.env, **world.book.fact("lab.differences.client-quiet.env"), "HOME": str(home), **env}
        words = [*world.inside.enter(), "env", "-C", f"{home}/project", "claude"]
        self.program = pexpect.spawn(words[0], words[1:], env=full, dimensions=(50, 120), timeout=5)
        self.screen = pyte.Screen(120, 50)
        self.stream = pyte.ByteStream(self.screen)

    def wait_for(self, text: str, seconds: float = 30) -> str:
        """The screen once it shows ``text``. Raises TimeoutError with the screen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.stream.feed(self.program.read_nonblocking(65536, 0.2))
            except pexpect.TIMEOUT:
                pass
            shown = "\n".join(line.rstrip() for line in self.screen.display)
            if text in shown:
                return shown
        raise TimeoutError(f"{text!r} does not appear within {seconds:g} s:\n{shown}")


def test_status_shows_address_and_token(world: World, through: dict[str, str]) -> None:
    session = Screen(world, through)
    session.wait_for("❯")
    session.program.send("/status")
    session.wait_for("/status")
    time.sleep(1)
    session.program.send("\r")
    shown = session.wait_for("Anthropic base URL")
    assert re.search(r"Anthropic base URL: +http://127\.0\.0\.1:4000$", shown, re.MULTILINE), shown
    assert re.search(r"Auth token: +ANTHROPIC_AUTH_TOKEN$", shown, re.MULTILINE), shown
    session.program.close(force=True)


# The facts the page is made from --------------------------------------------------


def test_claude_code_asks_for_exactly_these_models(world: World, book: Book) -> None:
    asked: dict[str, set[str]] = {}
    for model in book.fact("models.claude_code"):
        for alias in model["aliases"]:
            before = len(world.all_requests())
            done = world.claude(world.direct_env(), "-p", "Reply with one word: yes", *(["--model", alias] if alias else []), home="models")
            assert done.stdout == "yes\n", done.stdout
            asked.setdefault(model["id"], set()).update(request["body"]["model"] for request in world.all_requests()[before:] if request["body"])
    assert asked == {name: {name} for name in book.fact("models.ids")}
    assert book.fact("models.default") in asked


def test_versions_are_those_of_the_programs(world: World, book: Book) -> None:
    version = book.fact("versions")
    assert world.claude({}, "--version").stdout == f"{version['claude-code']['version']} (Claude Code)\n"
    assert world.inside.run(["python3", "-V"], world.env).stdout.startswith(f"Python {version['python']['version']}.")
    assert f"nginx/{version['nginx']['version']}" in world.inside.run(["/usr/sbin/nginx", "-v"], world.env).stderr
    assert f'VERSION_ID="{version["system"]["version"]}"' in Path("/etc/os-release").read_text()
    for name, words, said in (
        ("squid", ["squid", "-v"], "Squid Cache: Version {}\n"), ("tcpdump", ["tcpdump", "--version"], "tcpdump version {}\n"),
        ("systemd", ["systemctl", "--version"], "systemd {} ("),
    ):  # fmt: skip
        done = world.inside.run([str(programs.system(words[0])), *words[1:]], world.env)
        assert said.format(version[name]["version"]) in done.stdout + done.stderr, name
