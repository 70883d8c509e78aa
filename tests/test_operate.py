"""What the pages below docs/operate/ claim beside their blocks, and that their verifications can fail."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from macros.ledger import Book
from tests.lab.anthropic_api import LAB_KEY, SECOND_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.replay import Replay
from tests.lab.terminal import Terminal
from tests.lab.world import DIRECT_PORT, HOME, World
from tests.test_local_gateway import gateway_env

pytestmark = pytest.mark.lab
KEY = "sk-lab-master-key-of-no-use-anywhere"
ADDRESS = "http://127.0.0.1:4000"
ASKED = {"key": "~/litellm-gateway/master-key", "model": "claude-opus-5-5"}


@pytest.fixture(scope="module")
def world(book: Book, site: Path, forker: Forker) -> Iterator[World]:
    """A machine with a warm LiteLLM that is not running yet, and its key."""
    with World(book, site) as machine:
        folder = machine.install_warm(forker).parents[2]
        (folder / "master-key").write_text(KEY)
        yield machine


def plain(book: Book) -> dict[str, Any]:
    """The configuration of the local gateway, to change."""
    return yaml.safe_load((book.snippets / "patterns/local-gateway/config.yaml").read_text())


def routed(book: Book) -> dict[str, Any]:
    """The configuration of the page on routing, to change."""
    return yaml.safe_load((book.snippets / "operate/routing/config.yaml").read_text())


def begin(world: World, config: dict[str, Any]) -> Terminal:
    """Start a gateway with this configuration; it may end at once."""
    (world.home / "litellm-gateway" / "config.yaml").write_text(yaml.safe_dump(config))
    env = {**gateway_env(world), "LITELLM_MASTER_KEY": KEY, "SECOND_ANTHROPIC_API_KEY": SECOND_KEY}
    terminal = Terminal(world.inside, world.lab / f"terminal-{time.monotonic_ns()}", env, HOME / "litellm-gateway")
    world.terminals[terminal.folder.name] = terminal
    terminal.start("venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000", {}, [])
    wait_until(lambda: terminal.is_done() or world.serves(f"{ADDRESS}/health/readiness"), 60, "the start of the gateway")
    return terminal


@contextmanager
def gateway(world: World, config: dict[str, Any]) -> Iterator[Terminal]:
    terminal = begin(world, config)
    assert not terminal.is_done(), terminal.screen()[-1500:]
    try:
        yield terminal
    finally:
        terminal.interrupt()


@contextmanager
def provider(world: World, **rule: Any) -> Iterator[None]:
    """The provider misbehaves; no rule: it does not."""
    behave = world.lab / "provider" / "behave.json"
    try:
        if rule:
            behave.write_text(json.dumps(rule))
        yield
    finally:
        behave.unlink(missing_ok=True)


def seen(world: World, since: int) -> list[tuple[str, int]]:
    return [(request["body"]["model"], request["status"]) for request in world.all_requests()[since:] if request["body"]]


# The verifications can fail -------------------------------------------------------


def test_spread_fails_when_one_deployment_never_answers(book: Book, site: Path, forker: Forker) -> None:
    def refuse(replay: Replay) -> None:
        (replay.lab / "provider" / "behave.json").write_text(json.dumps({"status": 401, "key": SECOND_KEY}))

    row = replayed(book, site, forker, "operate/routing/", "operate/routing/spread.sh", refuse)
    assert row.outcome == "failed" and row.status == 1, row.message
    assert "opus-first-key" in row.output and "opus-second-key" not in row.output


def test_health_block_fails_when_the_provider_refuses(book: Book, world: World) -> None:
    terminal = world.terminal("client")
    text = (book.snippets / "operate/run/models-health.sh").read_text()
    with gateway(world, plain(book)):
        assert terminal.run(text).status == 0
        with provider(world, status=401, model="claude-haiku-5-5"):
            result = terminal.run(text)
    assert result.status == 1 and "answer: 3 do not: 1" in result.output


def test_asking_for_the_new_name_fails_past_the_gateway(book: Book, world: World) -> None:
    done = world.claude({**world.direct_env(), "ANTHROPIC_MODEL": "team-default"}, "-p", "Reply with one word: changed")
    assert done.returncode == 1 and "changed" not in done.stdout


def replayed(book: Book, site: Path, forker: Forker, page: str, block: str, tamper: Callable[[Replay], None]) -> Any:
    return next(row for row in Replay(book, site, page, forker=forker, tamper=tamper).run() if row.block.id == block)


# Running ---------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [{}, {"status": 401, "message": "invalid x-api-key"}, {"status": 529}], ids=["fine", "refused", "overloaded"])
def test_health_table(book: Book, world: World, rule: dict[str, Any], request: pytest.FixtureRequest) -> None:
    column = request.node.callspec.id
    with gateway(world, plain(book)), provider(world, **rule):
        for row in book.fact("operate.health.rows"):
            address, began = ADDRESS + row["path"].strip("`"), len(world.all_requests())
            status, body = world.get(address, {"authorization": f"Bearer {KEY}"})
            found = str(status)
            if "unhealthy_count" in body:
                report = json.loads(body)
                found += f", {report['unhealthy_count']} of {report['healthy_count'] + report['unhealthy_count']} unhealthy"
            assert found == row[column], row
            assert len(seen(world, began)) == {"none": 0, "one for each deployment": 4}[row["paid"]], row
            assert (world.get(address, {})[0] != 200) == (row["key"] == "yes"), row


def test_figure_of_a_probe() -> None:
    assert 24 * 60 * 60 // 10 * 4 == 34_560


def test_prometheus_needs_a_package(book: Book, world: World) -> None:
    terminal = begin(world, {**plain(book), "litellm_settings": {"callbacks": ["prometheus"]}})
    assert terminal.finish(30).status == 3
    assert "prometheus_client" in terminal.screen()


@pytest.mark.parametrize("config, status", [("model_list: [", 1), ("model_list: []\n", 3)], ids=["broken YAML", "no master key"])
def test_statuses_after_which_the_unit_stays_down(book: Book, world: World, config: str, status: int) -> None:
    folder = world.home / "litellm-gateway"
    env = gateway_env(world)
    env.pop("LITELLM_MASTER_KEY")
    (folder / "config.yaml").write_text(config)
    terminal = Terminal(world.inside, world.lab / f"terminal-{time.monotonic_ns()}", env, HOME / "litellm-gateway")
    world.terminals[terminal.folder.name] = terminal
    assert terminal.run("venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000").status == status
    unit = (book.snippets / "operate/run/litellm-gateway.service").read_text()
    assert str(status) in re.search(r"RestartPreventExitStatus=(.*)", unit).group(1).split()


def test_the_log_holds_no_prompt(book: Book, world: World) -> None:
    with gateway(world, plain(book)) as terminal:
        env = {"ANTHROPIC_BASE_URL": ADDRESS, "ANTHROPIC_AUTH_TOKEN": KEY}
        assert world.claude(env, "-p", "Reply with one word: unwritten").stdout == "unwritten\n"
        with provider(world, status=500):
            world.claude(env, "-p", "Reply with one word: unwritten")
        assert "POST /v1/messages" in terminal.screen() and "unwritten" not in terminal.screen()


# Routing ---------------------------------------------------------------------------


def test_strategies_are_those_litellm_names(book: Book, world: World) -> None:
    terminal = begin(world, {**plain(book), "router_settings": {"routing_strategy": "round-robin"}})
    assert terminal.finish(30).status == 3
    valid = re.search(r"Invalid routing_strategy: 'round-robin'\. Valid options: \[(.*?)\]", terminal.screen())
    assert valid, terminal.screen()[-1500:]
    assert {row["name"].strip("`") for row in book.fact("operate.strategies.rows")} == set(re.findall(r"'([\w-]+)'", valid.group(1)))


def test_a_misspelt_key_is_no_error(book: Book, world: World) -> None:
    config = routed(book)
    config["router_settings"]["fallback"] = config["router_settings"].pop("fallbacks")
    with gateway(world, config), provider(world, status=500, model="claude-opus-5-5"):
        assert world.ask_gateway(**ASKED)[0] == 500


def test_rpm_alone_limits_nothing(book: Book, world: World) -> None:
    config = routed(book)
    haiku = {**ASKED, "model": "claude-haiku-5-5"}
    del config["router_settings"]["optional_pre_call_checks"]
    with gateway(world, config):
        assert [world.ask_gateway(**haiku)[0] for _ in range(5)] == [200] * 5
    Replay._within_a_minute()
    with gateway(world, routed(book)):
        before = len(world.all_requests())
        assert [world.ask_gateway(**haiku)[0] for _ in range(4)] == [200, 200, 429, 429]
        assert len(seen(world, before)) == 2, "the gateway refused by itself"


def test_403_is_asked_once(book: Book, world: World) -> None:
    with gateway(world, routed(book)), provider(world, status=403):
        before = len(world.all_requests())
        assert world.ask_gateway(**{**ASKED, "model": "claude-sonnet-5-5"})[0] == 403
        assert seen(world, before) == [("claude-sonnet-5-5", 403)]
        assert [world.ask_gateway(**ASKED)[0], seen(world, before)[-1]] == [403, ("claude-sonnet-5-5", 403)], "a fallback is asked"


def test_two_addresses_of_a_provider(book: Book, world: World) -> None:
    config = routed(book)
    config["model_list"][1]["litellm_params"]["api_base"] = f"http://127.0.0.1:{DIRECT_PORT}"
    with gateway(world, config):
        before = len(world.all_requests())
        assert {world.ask_gateway(**ASKED)[0] for _ in range(20)} == {200}
        hosts = {(request["headers"]["host"], request["headers"]["x-api-key"]) for request in world.all_requests()[before:]}
    assert hosts == {("api.anthropic.com", LAB_KEY), (f"127.0.0.1:{DIRECT_PORT}", SECOND_KEY)}


def test_everything_resting_is_429_without_asking_the_provider(book: Book, world: World) -> None:
    with gateway(world, routed(book)):
        sonnet = {**ASKED, "model": "claude-sonnet-5-5"}
        with provider(world, status=500):
            for _ in range(3):
                world.ask_gateway(**sonnet)
        before = len(world.all_requests())
        status, body = world.ask_gateway(**sonnet)
        assert status == 429 and "No deployments available for selected model" in body, body
        assert seen(world, before) == []


def test_retry_after_does_not_reach_the_client(book: Book, world: World) -> None:
    with gateway(world, plain(book)), provider(world, status=429, retry_after=1):
        words = ["curl", "-s", "-D", "-", "-H", f"authorization: Bearer {KEY}", "-H", "content-type: application/json"]
        body = json.dumps({"model": "claude-opus-5-5", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]})
        shown = world.inside.run([*words, "-d", body, f"{ADDRESS}/v1/messages"], {"PATH": "/usr/bin:/bin"}).stdout.lower()
    assert " 429 " in shown and "retry-after" not in shown


def test_claude_code_does_not_say_that_another_model_answered(book: Book, world: World) -> None:
    with gateway(world, routed(book)), provider(world, status=529, model="claude-opus-5-5"):
        before = len(world.all_requests())
        done = world.claude({"ANTHROPIC_BASE_URL": ADDRESS, "ANTHROPIC_AUTH_TOKEN": KEY}, "-p", "Reply with one word: other")
    assert done.stdout == "other\n" and done.stderr == ""
    assert seen(world, before)[-1] == ("claude-sonnet-5-5", 200)


def test_fallbacks_in_a_circle_end(book: Book, world: World) -> None:
    config = plain(book)
    config["router_settings"] = {"num_retries": 0, "fallbacks": [{"claude-opus-5-5": ["claude-sonnet-5-5"]}, {"claude-sonnet-5-5": ["claude-opus-5-5"]}]}
    with gateway(world, config), provider(world, status=500):
        before = len(world.all_requests())
        assert world.ask_gateway(**ASKED)[0] == 500
        assert seen(world, before) == [("claude-opus-5-5", 500), ("claude-sonnet-5-5", 500)]


# Changing --------------------------------------------------------------------------


class Session:
    """A running Claude Code, turn by turn, with a key from a helper that writes down each call."""

    def __init__(self, world: World, lifetime: int | None = None, address: str | None = None, key: str = LAB_KEY) -> None:
        name = f"session-{time.monotonic_ns()}"
        self.home = world.inside.mnt / name
        (self.home / ".claude").mkdir(parents=True)
        (self.home / "project").mkdir()
        (self.home / "key").write_text(key)
        (self.home / "calls").touch()
        env = {"ANTHROPIC_BASE_URL": address or world.direct_env()["ANTHROPIC_BASE_URL"]}
        if lifetime is not None:
            env["CLAUDE_CODE_API_KEY_HELPER_TTL_MS"] = str(lifetime)
        (self.home / ".claude" / "settings.json").write_text(json.dumps({"env": env, "apiKeyHelper": "echo >> ~/calls; cat ~/key"}))
        full = {**world.env, **world.book.fact("lab.differences.client-quiet.env"), "HOME": f"/mnt/{name}"}
        words = ["claude", "-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.program = world.inside.popen(words, full, Path(f"/mnt/{name}/project"), **pipes)

    def turn(self, word: str) -> str:
        assert self.program.stdin and self.program.stdout
        message = {"type": "user", "message": {"role": "user", "content": f"Reply with one word: {word}"}}
        self.program.stdin.write(f"{json.dumps(message)}\n".encode())
        self.program.stdin.flush()
        for line in self.program.stdout:
            if line.startswith(b"{") and (event := json.loads(line))["type"] == "result":
                return event["result"]
        raise AssertionError("Claude Code ended without a result")

    def calls(self) -> int:
        return len((self.home / "calls").read_text().splitlines())

    def close(self) -> None:
        assert self.program.stdin
        self.program.stdin.close()
        self.program.wait(30)


def test_helper_is_asked_again_when_its_lifetime_is_over(world: World) -> None:
    kept, short = Session(world), Session(world, lifetime=500)
    for session in (kept, short):
        assert session.turn("one") == "one"
    after_one = short.calls()
    time.sleep(1.5)
    for session in (kept, short):
        assert session.turn("two") == "two"
    wait_until(lambda: short.calls() > after_one, 5, "another call of the helper")
    assert kept.calls() == 1, "five minutes have not passed"
    for session in (kept, short):
        session.close()


@pytest.mark.parametrize("status", [401, 403, 400])
def test_helper_table(book: Book, world: World, status: int) -> None:
    row = next(row for row in book.fact("operate.helper.rows") if row["answer"] == str(status))
    session = Session(world)
    assert session.turn("before") == "before"
    (session.home / "key").write_text(SECOND_KEY)
    with provider(world, status=status, key=LAB_KEY, message="No connected db."):
        answer = session.turn("after")
    session.close()
    at_once = row["again"] == "at once"
    assert session.calls() == (2 if at_once else 1)
    assert (answer == "after") == at_once == ("answered" in row["turn"]), answer


def test_the_first_request_after_the_lifetime_may_carry_the_old_key(world: World) -> None:
    session = Session(world, lifetime=500)
    session.turn("one")
    (session.home / "key").write_text(SECOND_KEY)
    keys = []
    for word in ("two", "three", "four"):
        time.sleep(1.5)
        began = len(world.all_requests())
        assert session.turn(word) == word
        keys.append(world.all_requests()[began]["headers"]["x-api-key"])
    session.close()
    assert keys[-1] == SECOND_KEY, "the new key is used from the second request on"


def test_a_401_without_a_new_key_ends_the_turn(world: World) -> None:
    session = Session(world)
    session.turn("before")
    with provider(world, status=401, message="expired"):
        assert session.turn("after") == "Failed to authenticate. API Error: 401 expired"
    session.close()


def test_a_request_outlives_a_restart(book: Book, world: World) -> None:
    """Claude Code starts while nothing listens, and is answered once the gateway is there."""
    env = {**world.env, "ANTHROPIC_BASE_URL": ADDRESS, "ANTHROPIC_AUTH_TOKEN": KEY, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    words = ["claude", "-p", "Reply with one word: patient"]
    waiting = world.inside.popen(words, env, HOME / "project", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    time.sleep(4)
    assert waiting.poll() is None
    with gateway(world, plain(book)):
        assert waiting.communicate(timeout=90)[0] == b"patient\n"


def test_python_that_litellm_asks_for(book: Book) -> None:
    from tests.lab import programs

    words = [str(programs.litellm_python()), "-c", "from importlib.metadata import metadata; print(metadata('litellm')['Requires-Python'])"]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    assert sorted(re.split(r",\s*", found)) == sorted(re.split(r",\s*", book.fact("versions.litellm.requires_python")))


def test_certifi_that_litellm_asks_for(book: Book) -> None:
    from tests.lab import programs

    words = [str(programs.litellm_python()), "-c", "from importlib.metadata import requires; print(*requires('litellm'), sep='\\n')"]
    found = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert f"certifi>={book.fact('versions.litellm.certifi')}" in found and any(name.startswith("python-dotenv>") for name in found)


def test_validation_finds_little(book: Book, world: World) -> None:
    folder, terminal = world.home / "litellm-gateway", world.terminal("gateway")
    terminal.run("cd ~/litellm-gateway")
    text = (book.snippets / "operate/change/validate.sh").read_text()
    config = plain(book)
    config["general_setings"] = {"nothing": True}
    config["model_list"][0]["litellm_params"]["api_bas"] = "http://127.0.0.1:1"
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert "config OK" in terminal.run(text).output, "misspelt keys pass"
    for broken in ("model_list: [\n", "model_list: [{model_name: a, litellm_params: {}}]\n"):
        (folder / "config.yaml").write_text(broken)
        assert terminal.run(text).status == 1
