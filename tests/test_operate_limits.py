"""What the pages on keys, alerts, regions and limits claim beside their blocks."""

from __future__ import annotations

import ast
import copy
import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from macros.ledger import Book
from tests import bypass
from tests.lab import programs
from tests.lab.anthropic_api import LAB_KEY, SECOND_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.replay import Replay
from tests.lab.terminal import Terminal
from tests.lab.world import HOME, World
from tests.test_local_gateway import gateway_env
from tests.test_operate import ADDRESS, KEY, Session, gateway, plain, provider, seen

pytestmark = pytest.mark.lab
OPUS = {"key": "~/litellm-gateway/master-key", "model": "claude-opus-5-5"}
STALL = 5  # seconds
QUOTED = re.compile(r"`([^`]+)`")
THROUGH = {"ANTHROPIC_BASE_URL": ADDRESS, "ANTHROPIC_AUTH_TOKEN": KEY}


@pytest.fixture(scope="module")
def world(book: Book, site: Path, forker: Forker) -> Iterator[World]:
    """A machine with a warm LiteLLM that is not running yet, its key, and the programs of the secret managers."""
    with World(book, site) as machine:
        folder = machine.install_warm(forker).parents[2]
        (folder / "master-key").write_text(KEY)
        for name in ("bao", "aws"):
            machine.provide(name)
        yield machine


def launch(world: World, config: dict[str, Any] | None = None, path: str = "config.yaml", **env: str) -> Terminal:
    """Start a gateway in a terminal of its own, with these variables; it may end at once."""
    if config is not None:
        (world.home / "litellm-gateway" / "config.yaml").write_text(yaml.safe_dump(config))
    full = {**gateway_env(world), "LITELLM_MASTER_KEY": KEY, **env}
    return start(world, f"venv/bin/litellm --config '{path}' --host 127.0.0.1 --port 4000", full)


def start(world: World, text: str, env: dict[str, str]) -> Terminal:
    terminal = Terminal(world.inside, world.lab / f"terminal-{time.monotonic_ns()}", env, HOME / "litellm-gateway")
    world.terminals[terminal.folder.name] = terminal
    terminal.start(text, {}, [])
    wait_until(lambda: terminal.is_done() or world.serves(f"{ADDRESS}/health/readiness"), 60, "the start of the gateway, or its end")
    return terminal


def hosts(world: World, since: int) -> list[str]:
    return [request["headers"]["host"].split(".")[0] for request in world.all_requests()[since:]]


# Keys from a secret manager -----------------------------------------------------------


@pytest.fixture(scope="module")
def manager(world: World) -> Terminal:
    """A terminal logged in at an OpenBao that holds nothing."""
    server, admin = world.terminal("bao-server"), world.terminal("bao")
    server.start("bao server -dev", {}, [])
    wait_until(lambda: world.serves("http://127.0.0.1:8200/v1/sys/health"), 30, "the start of OpenBao")
    assert admin.run("export VAULT_ADDR=http://127.0.0.1:8200; cd ~/litellm-gateway").status == 0
    return admin


def script(world: World, name: str) -> Terminal:
    """A terminal of the gateway in which a start script was begun."""
    (world.home / "litellm-gateway" / "config.yaml").write_text(yaml.safe_dump(plain(world.book)))
    env = {**gateway_env(world), "VAULT_ADDR": "http://127.0.0.1:8200"}
    del env["UPSTREAM_ANTHROPIC_API_KEY"]
    return start(world, f"(\n{(world.book.snippets / 'operate/secrets' / name).read_text()})", env)


def test_a_gateway_does_not_start_without_its_key(world: World, manager: Terminal) -> None:
    for name, said in (("start-with-openbao.sh", "role"), ("start-with-aws.sh", "ResourceNotFoundException")):
        terminal = script(world, name)
        assert terminal.is_done() and terminal.finish(5).status != 0 and said in terminal.screen(), terminal.screen()


def test_a_session_outlives_the_new_key(book: Book, world: World, manager: Terminal) -> None:
    """The provider's key is replaced while Claude Code waits; the running gateway needs the manager no more."""
    text = {name: (book.snippets / "operate/secrets" / name).read_text() for name in ("role.sh", "claude-gateway.hcl")}
    (world.home / "litellm-gateway" / "claude-gateway.hcl").write_text(text["claude-gateway.hcl"])
    assert manager.run(f"bao kv put secret/claude-gateway provider-key={LAB_KEY}; {text['role.sh']}").status == 0
    terminal = script(world, "start-with-openbao.sh")
    session = Session(world, address=ADDRESS, key=KEY)
    began = len(world.all_requests())
    assert session.turn("before") == "before"
    assert manager.run(f"bao kv put secret/claude-gateway provider-key={SECOND_KEY}").status == 0
    assert session.turn("stored") == "stored"
    terminal.interrupt()
    terminal = script(world, "start-with-openbao.sh")
    assert session.turn("after") == "after"
    session.close()
    keys = [request["headers"]["x-api-key"] for request in world.all_requests()[began:] if request["path"] == "/v1/messages"]
    assert keys[0] == LAB_KEY and keys[-1] == SECOND_KEY and keys.count(LAB_KEY) >= 2, "the first two turns had the old key"
    world.terminals["bao-server"].interrupt()
    assert world.ask_gateway(**OPUS)[0] == 200, "the manager is gone, and the gateway serves on"
    terminal.interrupt()


def test_a_helper_that_fails(world: World) -> None:
    home = world.inside.mnt / "helperless"
    (home / ".claude").mkdir(parents=True)
    settings = json.loads((world.book.snippets / "operate/secrets/client-openbao.json").read_text())
    (home / ".claude" / "settings.json").write_text(json.dumps(settings))
    done = world.claude({}, "-p", "Reply with one word: helped", home="helperless")
    assert done.returncode == 1 and "apiKeyHelper failed" in done.stdout + done.stderr, done.stdout + done.stderr


def test_litellm_asks_vault_with_a_licence_only(book: Book, world: World) -> None:
    config = plain(book)
    config["general_settings"]["key_management_system"] = "hashicorp_vault"
    terminal = launch(world, config, HCP_VAULT_ADDR="http://127.0.0.1:8200", HCP_VAULT_TOKEN="root")
    assert terminal.is_done() and terminal.finish(5).status != 0
    assert "only available for premium users" in terminal.screen(), terminal.screen()[-1500:]


def test_versions_of_the_programs(book: Book) -> None:
    asked = {
        "openbao": [programs.vault("bao"), "version"],
        "aws": [programs.vault("aws"), "--version"],
        "prometheus": [programs.prometheus("prometheus"), "--version"],
    }
    for name, words in asked.items():
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
        assert re.search(rf"[ v/]{re.escape(str(book.fact(f'versions.{name}.version')))}\b", done.stdout + done.stderr), done.stdout + done.stderr
    lock = (programs.ROOT / "tests/lab/vault.txt").read_text()
    assert f"moto=={book.fact('versions.moto.version')} " in lock


# Metrics and an alert -----------------------------------------------------------------


@pytest.fixture(scope="module")
def metered(book: Book, site: Path) -> Iterator[World]:
    """A gateway of the page on alerts, with Prometheus's programs beside it."""
    with World(book, site) as machine:
        machine.install_own()
        folder = machine.home / "litellm-gateway"
        (folder / "master-key").write_text(KEY)
        for name in ("prometheus", "promtool"):
            machine.provide(name)
        for name in ("config.yaml", "alerts.yaml", "prometheus.yml", "metrics-requirements.txt"):
            (folder / name).write_text((book.snippets / "operate/alerts" / name).read_text())
        wheels = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(programs.wheels())}
        done = machine.terminal("pip").run(f"cd ~/litellm-gateway; {(book.snippets / 'operate/alerts/add.sh').read_text()}", wheels)
        assert done.status == 0, done.output
        config = yaml.safe_load((folder / "config.yaml").read_text())
        with gateway(machine, config | {"router_settings": {"num_retries": 0}}):
            yield machine


def counted(world: World) -> dict[tuple[str, str], float]:
    """(metric, status) -> how often, of the requests for messages."""
    found: dict[tuple[str, str], float] = {}
    for line in world.get(f"{ADDRESS}/metrics/", {"authorization": f"Bearer {KEY}"})[1].split("\n"):
        match = re.match(r'litellm_proxy_(total|failed)_requests_metric_total\{.*route="/v1/messages".*\} (\S+)$', line)
        status = re.search(r'(?:status_code|exception_status)="([^"]*)"', line)
        if match and status:
            found[match[1], status[1]] = found.get((match[1], status[1]), 0) + float(match[2])
    return found


def test_metrics_table(metered: World) -> None:
    causes: dict[str, Any] = {
        "answered": {}, "the provider is overloaded (529)": {"status": 529}, "the provider refuses the gateway's key (401)": {"status": 401},
        "a model name that the gateway does not know": None, "every deployment rests": {},
    }  # fmt: skip
    rows = metered.book.fact("operate.metrics.rows")
    assert [row["what"] for row in rows] == list(causes)
    for row in rows:
        before, rule = counted(metered), causes[row["what"]]
        with provider(metered, **(rule or {})):
            metered.ask_gateway(**{**OPUS, "model": "nobody-knows" if rule is None else "claude-opus-5-5"})
        wait_until(lambda before=before: counted(metered) != before, 10, row["what"])
        grown = {name: count - before.get(name, 0) for name, count in counted(metered).items() if count > before.get(name, 0)}
        assert grown.get(("total", row["status"])) == 1, (row, grown)
        assert any(kind == "failed" for kind, _ in grown) == (row["failed"] == "yes"), (row, grown)


def test_metrics_hold_no_prompt_and_no_key(metered: World) -> None:
    assert metered.claude({**THROUGH, "ANTHROPIC_MODEL": "claude-haiku-5-5"}, "-p", "Reply with one word: unwritten", home="metered").stdout == "unwritten\n"
    text = metered.get(f"{ADDRESS}/metrics/", {"authorization": f"Bearer {KEY}"})[1]
    assert "litellm_proxy_total_requests_metric_total{" in text
    assert "unwritten" not in text and KEY not in text and LAB_KEY not in text


def test_who_may_read_the_metrics(metered: World) -> None:
    """Only the bearer of the key; the path without its last / leads on. A request without the key counts as failed."""
    key = {"authorization": f"Bearer {KEY}"}
    assert [metered.get(f"{ADDRESS}/metrics{end}", key)[0] for end in ("", "/")] == [307, 200]
    assert [metered.get(f"{ADDRESS}/metrics/", headers)[0] for headers in ({}, {"x-api-key": KEY}, {"authorization": "Bearer sk-wrong"})] == [401] * 3
    assert 'route="/metrics/"' in "".join(line for line in metered.get(f"{ADDRESS}/metrics/", key)[1].split("\n") if "failed_requests" in line)


def test_the_alert_comes_and_goes(metered: World) -> None:
    """A real Prometheus with the page's files, in seconds instead of minutes: the provider fails, and does not."""
    folder = metered.home / "litellm-gateway"
    rules = (folder / "alerts.yaml").read_text()
    assert rules.count("[5m]") == 2 and rules.count("for: 5m") == 1
    (folder / "alerts.yaml").write_text(rules.replace("[5m]", "[8s]").replace("for: 5m", "for: 1s"))
    settings = (folder / "prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(settings.replace("_interval: 10s", "_interval: 1s"))
    server = metered.terminal("prometheus")
    server.start(f"cd ~/litellm-gateway; {(metered.book.snippets / 'operate/alerts/prometheus.sh').read_text()}", {}, [])

    def firing(fails: bool) -> bool:
        with provider(metered, **({"status": 500} if fails else {})):
            metered.ask_gateway(**{**OPUS, "model": "claude-sonnet-5-5" if fails else "claude-haiku-5-5"})
        status, body = metered.get("http://127.0.0.1:9090/api/v1/alerts", {})
        alerts = json.loads(body)["data"]["alerts"] if status == 200 else []
        time.sleep(0.5)
        return {"ClaudeGatewayErrors"} == {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    wait_until(lambda: firing(True), 60, "the alert")
    wait_until(lambda: not firing(False), 60, "the end of the alert")
    server.interrupt()


def test_up_fails_with_a_wrong_key(book: Book, metered: World) -> None:
    folder = metered.home / "litellm-gateway"
    (folder / "prometheus.yml").write_text((folder / "prometheus.yml").read_text().replace("credentials_file: master-key", "credentials: sk-wrong"))
    server = metered.terminal("prometheus")
    server.start((book.snippets / "operate/alerts/prometheus.sh").read_text(), {}, [])
    text = (book.snippets / "operate/alerts/up.sh").read_text().replace("timeout 60", "timeout 12")
    assert metered.terminal("client").run(text).status == 124
    server.interrupt()


# Several regions ------------------------------------------------------------------------


def regional(book: Book, **router: Any) -> dict[str, Any]:
    """The configuration of the page on regions, to change."""
    config = yaml.safe_load((book.snippets / "operate/regions/config.yaml").read_text())
    config["router_settings"] |= {"cooldown_time": 30, **router}
    return config


@contextmanager
def nowhere(world: World, name: str) -> Iterator[None]:
    """A host name at whose address nothing listens."""
    file = world.inside.etc / "hosts"
    known = file.read_text()
    file.write_text(re.sub(rf" {re.escape(name)}(?=\s)", "", known) + f"127.0.0.9 {name}\n")
    try:
        yield
    finally:
        file.write_text(known)


@contextmanager
def fault(world: World, what: str) -> Iterator[None]:
    first = world.book.fact("site.region_host")
    if what.startswith("answers"):
        with provider(world, status=int(what.split()[1]), host=first):
            yield
    elif "connection" in what:
        with nowhere(world, first):
            yield
    else:
        with provider(world, stall=STALL, host=first, path="/v1/messages"):
            yield


def cases() -> list[tuple[str, bool]]:
    rows = yaml.safe_load((programs.ROOT / "snippets/facts/operate.yaml").read_text())["regions"]["rows"]
    return [
        (f"answers {status}" if status else row["fault"], row["rests"].startswith("yes"))
        for row in rows for status in re.findall(r"\d{3}", row["fault"]) or [""]
    ]  # fmt: skip


@pytest.mark.parametrize(("what", "rests"), cases())
def test_regions_table(book: Book, world: World, what: str, rests: bool) -> None:
    """Claude Code's own requests go on to the second region; once the first one is well, the next request tells whether it rests."""
    with gateway(world, regional(book, stream_timeout=2)):
        with fault(world, what):
            for number in range(2):
                began = len(world.all_requests())
                done = world.claude(THROUGH, "-p", f"Reply with one word: region{number}")
                assert done.stdout == f"region{number}\n" and done.stderr == ""
                wait_until(lambda began=began: "eu" in hosts(world, began), 5, "the second region's record")
        if what.startswith("says nothing"):
            time.sleep(STALL)  # until the first region has written down what it was asked
        began = len(world.all_requests())
        assert world.ask_gateway(**OPUS)[0] == 200 and hosts(world, began) == (["eu"] if rests else ["us"])


def test_it_is_the_pause_that_counts(book: Book, world: World) -> None:
    """An answer that takes longer than the limit, without a pause that does, comes from the first region."""
    with gateway(world, regional(book, stream_timeout=2)), provider(world, pause=0.5, host=book.fact("site.region_host")):
        began = len(world.all_requests())
        at = time.monotonic()
        assert world.claude(THROUGH, "-p", "Reply with one word: slow").stdout == "slow\n"
        assert time.monotonic() - at > 3 and hosts(world, began) == ["us"]


def test_more_retries_ask_the_failing_region_again(book: Book, world: World) -> None:
    config = regional(book, num_retries=2, allowed_fails=5)
    with gateway(world, config), provider(world, status=529, host=book.fact("site.region_host")):
        began = len(world.all_requests())
        assert world.ask_gateway(**OPUS)[0] == 200 and hosts(world, began) == ["us", "us", "us", "eu"]


def test_the_first_region_is_asked_again_after_its_rest(book: Book, world: World) -> None:
    with gateway(world, regional(book, cooldown_time=2)):
        with provider(world, status=529, host=book.fact("site.region_host")):
            world.ask_gateway(**OPUS)
        began = len(world.all_requests())
        wait_until(lambda: world.ask_gateway(**OPUS)[0] == 200 and hosts(world, began)[-1] == "us", 15, "the return of the first region")
        assert hosts(world, began)[0] == "eu"


def test_which_fails_when_the_second_region_answers(book: Book, world: World) -> None:
    text = {name: (book.snippets / "operate/regions" / f"{name}.sh").read_text() for name in ("which", "rehearsed")}
    with gateway(world, regional(book)):
        terminal = world.terminal("client")
        assert terminal.run(text["which"]).status == 0 and terminal.run(text["rehearsed"]).status == 1
        with provider(world, status=529, host=book.fact("site.region_host")):
            assert terminal.run(text["which"]).status == 1 and terminal.run(text["rehearsed"]).status == 0


# Limits and versions ----------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 500])
def test_how_many_models(book: Book, world: World, count: int) -> None:
    row = next(row for row in book.fact("operate.counts.rows") if row["models"] == str(count))
    config = plain(book)
    config["model_list"] = [{**config["model_list"][0], "model_name": f"model-{number}"} for number in range(count)]
    with gateway(world, config):
        status, body = world.get(f"{ADDRESS}/v1/models", {"authorization": f"Bearer {KEY}"})
        assert status == 200 and row["starts"].endswith(f" {len(json.loads(body)['data'])}")
        status, body = world.ask_gateway(**OPUS)
        assert status == 400 and "Invalid model name" in body
        assert [world.ask_gateway(**{**OPUS, "model": f"model-{number}"})[0] for number in {0, count - 1} if count] == [200] * len(
            {0, count - 1} if count else []
        )


def test_names_table(book: Book, world: World) -> None:
    rows = {name: row for row in book.fact("operate.names.rows") for name in QUOTED.findall(row["tried"])}
    config = plain(book)
    config["model_list"] = [{**copy.deepcopy(config["model_list"][0]), "model_name": name} for name in rows]
    with gateway(world, config):
        for name, row in rows.items():
            began = len(world.all_requests())
            status, body = world.ask_gateway(**{**OPUS, "model": name})
            assert (status == 200) == (row["gateway"] == "serves it"), (name, status, body)
            assert [status for _, status in seen(world, began)] == [200], f"{name}: the provider answered"
            done = world.claude({**THROUGH, "ANTHROPIC_MODEL": name}, "-p", "Reply with one word: named")
            found = done.stdout + done.stderr
            if row["claude"].startswith("asks for it"):
                assert done.returncode == 0 and "named" in found, (name, found)
            elif row["claude"] == "shows a server error":
                assert "API Error: 500" in found, (name, found)
            else:
                other = re.search(r"Invalid model name passed in model=(\S+)\. ", found)
                assert other and other.group(1) != name, (name, found)


def test_long_names_and_paths(book: Book, world: World) -> None:
    tried = {row["what"]: int(row["tried"].replace(",", "")) for row in book.fact("operate.paths.rows")}
    name = "a" * tried["the name of a model"]
    config = plain(book)
    config["model_list"].append({**copy.deepcopy(config["model_list"][0]), "model_name": name})
    with gateway(world, config):
        assert world.ask_gateway(**{**OPUS, "model": name})[0] == 200
        assert world.get(f"{ADDRESS}/{'a' * tried['the path of a request']}", {"authorization": f"Bearer {KEY}"})[0] == 404
        base = f"{ADDRESS}/{'a' * tried['the path in the base URL']}"
        assert "There's an issue with the selected model" in world.claude({**THROUGH, "ANTHROPIC_BASE_URL": base}, "-p", "hi").stdout


def test_a_long_path_of_the_configuration(book: Book, world: World) -> None:
    tried = next(row for row in book.fact("operate.paths.rows") if "configuration" in row["what"])["tried"]
    folder = HOME / "une clé"
    while len(str(folder)) < int(tried.replace(",", "")):
        folder = folder / ("a" * 200)
    outside = world.inside.mnt / folder.relative_to(HOME.parent)
    outside.mkdir(parents=True)
    (outside / "config.yaml").write_text(yaml.safe_dump(plain(book)))
    terminal = launch(world, path=f"{folder}/config.yaml")
    assert not terminal.is_done() and world.ask_gateway(**OPUS)[0] == 200, terminal.screen()[-800:]
    terminal.interrupt()


@pytest.mark.parametrize(
    ("key", "works"),
    [
        ("sk-with space inside", True),
        ("sk-" + "".join(map(chr, range(33, 127))), True),
        ("sk-" + "a" * 69_997, True),
        ("sk-ümlaut", False),
        (" sk-leading-space", False),
    ],
    ids=["space", "all of ASCII", "70,000 characters", "umlaut", "leading space"],
)
def test_which_keys(book: Book, world: World, key: str, works: bool) -> None:
    terminal = launch(world, plain(book), LITELLM_MASTER_KEY=key)
    done = world.claude({**THROUGH, "ANTHROPIC_AUTH_TOKEN": key}, "-p", "Reply with one word: keyed")
    terminal.interrupt()
    assert done.stdout == ("keyed\n" if works else "API Error: 400 No connected db.\n")


@pytest.mark.parametrize(("version", "works"), [("3.9", False), ("3.10", True), ("3.14", True)])
def test_pip_finds_litellm_for(book: Book, tmp_path: Path, version: str, works: bool) -> None:
    words = ["-m", "pip", "install", "--no-index", "--find-links", str(programs.wheels()), "--only-binary", ":all:", "--no-deps", "--dry-run"]
    pinned = f"litellm=={book.fact('versions.litellm.version')}"
    done = subprocess.run(
        [str(programs.litellm_python()), *words, "--ignore-installed", "--python-version", version, "--target", str(tmp_path), pinned],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode == 0) == works, done.stderr
    assert works or "from versions: none" in done.stderr, done.stderr


def test_python_of_the_blocks_parses_as_3_9(book: Book) -> None:
    """Every Python file that readers copy, and every program within a shell block."""
    found = []
    for path in sorted(book.snippets.rglob("*")):
        text = path.read_text("utf-8") if path.suffix in {".py", ".sh"} else ""
        found += (
            [(path.name, text)] if path.suffix == ".py" else [(path.name, part) for part in re.findall(r"^python3 - .*<<'EOF'\n(.*?)^EOF$", text, re.M | re.S)]
        )
    assert len(found) > 20
    for name, text in found:
        ast.parse(text, name, feature_version=(3, 9))


def test_blocks_name_the_same_floors(book: Book) -> None:
    """The check of versions, the page's prose and LiteLLM's own metadata."""
    assert book.fact("versions.litellm.requires_python") == ">=3.10, <3.15"
    text = (book.snippets / "operate/limits/versions.sh").read_text()
    assert "(3, 10) <= (int(major), int(minor)) < (3, 15)" in text
    assert "oldest = " in (release := (book.snippets / "security/litellm-release.sh").read_text()) and "(1, 104, 0)" in release


def test_names_that_the_check_refuses_are_those_of_the_table(book: Book) -> None:
    text = (book.snippets / "operate/limits/names.sh").read_text()
    aliases = {alias for model in book.fact("models.claude_code") for alias in model["aliases"] if alias}
    assert set(re.findall(r'"(\w+)"', re.search(r"aliases = \{(.*)\}", text).group(1))) == aliases  # type: ignore[union-attr]


# The verifications fail -------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["openbao", "aws"])
def test_a_key_that_does_not_come_from_the_manager_is_noticed(book: Book, site: Path, forker: Forker, variant: str) -> None:
    """A gateway with another key in its environment, whatever the manager says."""

    def own_key(replay: Replay) -> None:
        install = replay.install_warm

        def installed(parent: Forker) -> Path:
            command = install(parent)
            command.rename(command.with_name("litellm-forked"))
            command.write_text(f'#!/bin/sh\nUPSTREAM_ANTHROPIC_API_KEY={SECOND_KEY} exec "$(dirname "$0")/litellm-forked" "$@"\n')
            command.chmod(0o755)
            return command

        replay.install_warm = installed  # type: ignore[method-assign]

    row, _ = bypass.replayed(book, site, "operate/secrets/", forker, own_key, variant, f"operate/secrets/start-with-{variant}.sh@save")
    assert row.outcome == "failed" and "another key than the one that was typed" in row.message, row.message
