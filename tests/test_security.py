"""What docs/security/index.md claims: its checks, and the programs they are about."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from macros import checklist
from macros.ledger import Book, read_yaml
from tests.lab import programs, setups
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.terminal import Terminal
from tests.lab.world import HOME, World

ITEMS = list(read_yaml(programs.ROOT / "snippets/facts/checklist.yaml")["items"])
SETUPS = read_yaml(setups.FOLDER / "security.yaml")
KEY = "sk-lab-master-key-of-no-use-anywhere"

# The list ---------------------------------------------------------------------------


def test_every_item_has_a_check_and_both_kinds_of_setup(book: Book) -> None:
    assert len(ITEMS) >= 20 and set(SETUPS) == set(ITEMS)
    for name in ITEMS:
        block = book.block(f"security/{name}.sh")
        assert {"tells_apart": f"security/{name}"}.items() <= {k: v for item in block.data["observed"] for k, v in item.items()}.items()
        assert SETUPS[name]["good"] and SETUPS[name]["bad"], f"tests/setups/security.yaml: {name}: write a good and a bad setup"


def test_the_specifications_ten_practices_are_all_there(book: Book) -> None:
    assert sorted(item["practice"] for item in book.fact("checklist.items").values() if "practice" in item) == [f"SEC-{number:02}" for number in range(1, 11)]


@pytest.mark.long
def test_a_check_that_always_says_yes_or_no_is_noticed(book: Book, site: Path) -> None:
    entry = {"good": {"fine": "true"}, "bad": {"broken": "true"}}
    with World(book, site) as world:
        for text, status in (("echo ok", 0), ("echo wrong; false", 1)):
            for kind in entry:
                done = setups.run(world, entry[kind]["fine" if kind == "good" else "broken"], text, {})
                assert (done.status == setups.STATUS[kind]) == (status == setups.STATUS[kind])
        assert setups.run(world, "false", "echo ok", {}).status is None, "a setup that fails proves nothing"


def test_the_known_bad_releases_are_those_of_the_data(book: Book) -> None:
    text = (book.snippets / "security/litellm-release.sh").read_text()
    listed = re.search(r"bad, oldest = (\[.*?\])", text)
    assert listed and json.loads(listed.group(1)) == [bad["version"] for bad in book.fact("versions.litellm.known_bad")]


# All checks in one script -------------------------------------------------------------


def test_the_script_is_made_from_the_checks(book: Book) -> None:
    assert (book.snippets / checklist.SCRIPT).read_text() == checklist.script(book), "run: python -m macros.checklist"


@pytest.mark.lab
def test_the_script_says_what_the_checks_say(book: Book, site: Path) -> None:
    """The first good and the first bad setup of each item that needs no gateway, through the script."""
    with World(book, site) as world:
        folder = world.home / "litellm-gateway"
        folder.mkdir()
        for name in ("config.yaml", "requirements.txt"):
            (folder / name).write_text((book.snippets / "patterns/local-gateway" / name).read_text())
        for name in ITEMS:
            for kind, status in setups.STATUS.items():
                what, setup = next(iter(SETUPS[name][kind].items()))
                if "gateway --" in setup:
                    continue
                done = setups.run(world, setup, f"sh /mnt/script {name}" if _script(world, book) else "", {})
                assert (done.setup, done.status) == (0, status), f"{name}, {what}: {done.output}"
                assert re.fullmatch(rf"{name} +(ok|wrong): [^\n]+\n", done.output)


def _script(world: World, book: Book) -> bool:
    (world.inside.mnt / "script").write_text((book.snippets / checklist.SCRIPT).read_text())
    return True


# Keys in commits ------------------------------------------------------------------------

FOUND = {
    "Anthropic, API": "sk-ant-api03-4xAmple0nly4xAmple0nly4xAmple0nly",
    "Anthropic, login": "sk-ant-oat01-4xAmple0nly4xAmple0nly",
    "LiteLLM, virtual": "sk-qR7t2Lw9Xc4Vb8Nm1Ks5Zg",
    "LiteLLM, master": "sk-Lab0nly7Qv2mZx9Rt4Kp8Wd3Ls6Yb1Nc5Hf0Jg",
    "in JSON": '{"ANTHROPIC_AUTH_TOKEN":"sk-qR7t2Lw9Xc4Vb8Nm1Ks5Zg"}',
    "in an address": "https://user:sk-qR7t2Lw9Xc4Vb8Nm1Ks5Zg@gateway.corp.example",
}
NEAR_MISSES = {
    "a class of a style sheet": 'class="sk-folding-cube-animation-large-2"',
    "a word": "risk-Assessment-of-2026-for-the-whole-company",
    "the tests' own key": LAB_KEY,
    "a variable": "api_key: os.environ/UPSTREAM_ANTHROPIC_API_KEY",
    "a short one": "sk-1234",
    "an ellipsis": "sk-ant-api03-...",
    "a hash": "sha256:7714b34e1a1483a034cca3929702b3e7bf646026e2cc3b358bc2d9e2b6402fce",
}


@pytest.mark.parametrize(("what", "text"), [*FOUND.items(), *NEAR_MISSES.items()], ids=[*FOUND, *NEAR_MISSES])
def test_the_hook_refuses_keys_and_nothing_else(book: Book, tmp_path: Path, what: str, text: str) -> None:
    env = {"PATH": os.defpath, "HOME": str(tmp_path)}

    def git(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", "-c", "user.name=Lab", "-c", "user.email=lab@example.com", *words], cwd=tmp_path, env=env, capture_output=True, text=True)

    git("init", "-q")
    hook = tmp_path / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text((book.snippets / "security/pre-commit").read_text())
    hook.chmod(0o755)
    (tmp_path / "a file.txt").write_text(text + "\n")
    git("add", "-A")
    done = git("commit", "-qm", "one")
    assert done.returncode == (1 if what in FOUND else 0), done.stdout + done.stderr
    assert text not in done.stdout + done.stderr
    assert ("a file.txt" in done.stdout + done.stderr) == (what in FOUND)


# What the page says about LiteLLM ---------------------------------------------------------


@pytest.fixture(scope="module")
def world(book: Book, site: Path, forker: Forker) -> Iterator[World]:
    with World(book, site) as machine:
        machine.install_warm(forker)
        yield machine


class Gateway:
    """A LiteLLM with the local gateway page's configuration and something more."""

    def __init__(self, world: World, port: int, more: str = "", options: str = "", command: str = "venv/bin/litellm", **env: str | None) -> None:
        folder = world.home / "litellm-gateway"
        base = (world.book.snippets / "patterns/local-gateway/config.yaml").read_text()
        (folder / f"{port}.yaml").write_text(base + more)
        full = {
            **world.env, "LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY, "SSL_CERT_FILE": "/mnt/lab/ca.pem", **env,
        }  # fmt: skip
        self.world, self.port = world, port
        kept = {name: value for name, value in full.items() if value is not None}
        self.terminal = Terminal(world.inside, world.lab / f"terminal-{port}", kept, HOME / "litellm-gateway")
        world.terminals[str(port)] = self.terminal
        self.terminal.start(f"{command} --config {port}.yaml --host 127.0.0.1 --port {port} {options}", {}, [])
        wait_until(lambda: world.serves(f"http://127.0.0.1:{port}/health/readiness"), 120, "the start of the gateway")

    def status(self, path: str, key: str | None = None) -> int:
        words = ["-H", f"authorization: Bearer {key}"] if key else []
        url = f"http://127.0.0.1:{self.port}{path}"
        done = self.world.inside.run(["curl", "-s", "-m", "60", "-o", "/dev/null", "-w", "%{http_code}", *words, url], {"PATH": os.defpath})
        return int(done.stdout)

    def ask(self, key: str | None = KEY, path: str = "/v1/messages", prompt: str = "hi", **more: Any) -> tuple[int, list[dict[str, Any]]]:
        """The answer's status, and what reached the provider."""
        before = len(self.world.all_requests())
        body = {"model": "claude-haiku-5-5", "max_tokens": 9, "num_retries": 0, "messages": [{"role": "user", "content": prompt}], **more}
        words = ["-H", f"authorization: Bearer {key}"] if key else []
        done = self.world.inside.run(
            ["curl", "-s", "-m", "30", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{self.port}{path}", *words,
             "-H", "content-type: application/json", "-H", "anthropic-version: 2023-06-01", "-d", json.dumps(body)], {"PATH": os.defpath},
        )  # fmt: skip
        return int(done.stdout), self.world.all_requests()[before:]


@pytest.fixture(scope="module")
def gateway(world: World) -> Gateway:
    return Gateway(world, 4200)


@pytest.mark.lab
def test_every_path_of_the_table_answers_without_a_key_and_no_other(gateway: Gateway, book: Book) -> None:
    routes = book.fact("routes")
    assert [row["path"] for row in routes["open"] if gateway.status(row["path"]) != 200] == []
    assert [path for path in routes["closed"] if gateway.status(path) < 400] == []


@pytest.mark.lab
def test_the_switches_of_the_table(world: World, book: Book) -> None:
    """They are read when LiteLLM is imported, so this one starts cold."""
    rows = [row for row in book.fact("routes.open") if "stops" in row]
    cold = Gateway(world, 4201, command=" ".join(programs.litellm_command()), **{row["stops"]: "True" for row in rows})
    for row in rows:
        status, body = world.get(f"http://127.0.0.1:4201{row['path']}", {})
        assert status != 200 or not re.search("swagger|redoc", body, re.IGNORECASE), f"{row['stops']} does not stop {row['path']}"
    cold.terminal.interrupt()


@pytest.mark.lab
def test_a_client_brings_its_own_key_and_headers(gateway: Gateway) -> None:
    status, seen = gateway.ask(api_key="sk-of-the-client")
    assert status == 401 and seen[0]["headers"]["x-api-key"] == "sk-of-the-client"
    for field in ("headers", "extra_headers"):
        status, seen = gateway.ask(**{field: {"x-evil": "1"}})
        assert status == 200 and seen[0]["headers"]["x-evil"] == "1"
    assert gateway.ask(api_base="http://127.0.0.1:9500")[1] == [], "an address is refused by LiteLLM itself"


@pytest.mark.lab
def test_the_hook_refuses_them_and_lets_claude_code_through(world: World, book: Book) -> None:
    source = book.snippets / "security/no_client_keys.py"
    (world.home / "litellm-gateway" / source.name).write_text(source.read_text())
    guarded = Gateway(world, 4202, "\nlitellm_settings:\n  callbacks: [no_client_keys.hook]\n")
    for path in ("/v1/messages", "/v1/chat/completions"):
        for field, value in (("api_key", "sk-x"), ("headers", {"x-evil": "1"}), ("extra_headers", {"x-evil": "1"})):
            assert guarded.ask(path=path, **{field: value}) == (403, []), f"{path}: {field}"
    done = world.claude({"ANTHROPIC_BASE_URL": "http://127.0.0.1:4202", "ANTHROPIC_AUTH_TOKEN": KEY}, "-p", "Reply with one word: through")
    assert done.stdout == "through\n"


@pytest.mark.lab
@pytest.mark.parametrize("auth", [None, "true", "false"])
def test_a_pass_through_endpoint_is_open_only_without_auth(world: World, auth: str | None) -> None:
    port = 4203 + [None, "true", "false"].index(auth)
    more = f"""  pass_through_endpoints:
    - path: /other
      target: http://127.0.0.1:9400/v1/messages
      headers: {{x-api-key: os.environ/UPSTREAM_ANTHROPIC_API_KEY, anthropic-version: "2023-06-01"}}
{f"      auth: {auth}" if auth else ""}
"""
    status, seen = Gateway(world, port, more).ask(key=None, path="/other")
    assert (status == 200 and seen[0]["headers"]["x-api-key"] == LAB_KEY) if auth == "false" else (status >= 400 and seen == [])


@pytest.mark.lab
def test_users_share_the_cache(world: World) -> None:
    cached = Gateway(world, 4206, "\nlitellm_settings:\n  cache: true\n  cache_params: {type: local}\n")
    first = cached.ask(metadata={"user_id": "alice"})
    second = cached.ask(metadata={"user_id": "bob"})
    assert (first[0], len(first[1])) == (200, 1) and (second[0], second[1]) == (200, [])


@pytest.mark.lab
@pytest.mark.parametrize("key", ["changeme", "sk-12345", "plain-1234"])
def test_a_weak_master_key_is_accepted(world: World, key: str) -> None:
    weak = Gateway(world, 4207, LITELLM_MASTER_KEY=key)
    assert weak.ask(key=key)[0] == 200
    weak.terminal.interrupt()


@pytest.mark.lab
def test_what_the_gateways_log_holds(world: World, gateway: Gateway) -> None:
    for log, prompts in ((gateway, False), (Gateway(world, 4208, options="--detailed_debug"), True)):
        before = len(log.terminal.screen())
        assert log.ask(prompt="mark-of-the-prompt")[0] == 200 and log.ask(key="sk-wrong-key-of-somebody")[0] == 400
        text = log.terminal.screen()[before:]
        assert ("mark-of-the-prompt" in text) == prompts
        assert [key for key in (KEY, LAB_KEY, "sk-wrong-key-of-somebody") if key in text] == []


# What the page says about Claude Code --------------------------------------------------------


@pytest.mark.lab
def test_what_claude_codes_logs_hold(world: World) -> None:
    secret = "sk-lab-header-of-my-own"
    env = {**world.direct_env(), "ANTHROPIC_CUSTOM_HEADERS": f"x-own: {secret}"}
    done = world.claude(env, "--debug", "-p", "Reply with one word: marked", home="logs")
    files = [path for path in (world.inside.mnt / "logs/.claude/debug").iterdir() if path.is_file() and not path.is_symlink()]
    text = "".join(path.read_text() for path in files)
    assert done.stdout == "marked\n" and text and stat.S_IMODE(files[0].stat().st_mode) & 0o044
    assert [word for word in (secret, LAB_KEY, "one word: marked") if word in text] == []
    done = world.claude({**env, "ANTHROPIC_LOG": "debug"}, "-p", "Reply with one word: marked", home="logs")
    assert secret in done.stdout + done.stderr and LAB_KEY not in done.stdout + done.stderr
    transcripts = list((world.inside.mnt / "logs/.claude/projects").rglob("*.jsonl"))
    assert transcripts and all("one word: marked" in path.read_text() and not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in transcripts)


# What the page says about old TLS ---------------------------------------------------------------
OLD_TLS = "api.anthropic.com:9443"


@pytest.fixture(scope="module")
def old_tls(world: World) -> Path:
    """A server with the provider's certificate that speaks TLS 1.1 and nothing newer; what it writes about handshakes."""
    log = world.lab / "old-tls.txt"
    words = ["openssl", "s_server", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-accept", "127.0.0.1:9443", "-cert", "/mnt/lab/server.pem", "-www"]
    world.inside.popen(words, {"PATH": os.defpath}, stdout=log.open("wb"), stderr=subprocess.STDOUT)
    wait_until(lambda: ("127.0.0.1", 9443) in world.inside.listeners(), 30, "the server of TLS 1.1")
    return log


@pytest.mark.lab
def test_a_server_of_tls_1_1_is_refused(world: World, old_tls: Path) -> None:
    """By Claude Code and by LiteLLM; curl, told to, speaks with it, so it works."""
    words = ["curl", "-sf", "-m", "10", "--tlsv1.1", "--ciphers", "ALL:@SECLEVEL=0", "--cacert", "/mnt/lab/ca.pem", f"https://{OLD_TLS}"]
    assert world.inside.run(words, {"PATH": os.defpath}).returncode == 0 and "unsupported protocol" not in old_tls.read_text()
    done = world.claude({"NODE_EXTRA_CA_CERTS": "/mnt/lab/ca.pem", "ANTHROPIC_BASE_URL": f"https://{OLD_TLS}", "ANTHROPIC_AUTH_TOKEN": KEY}, "-p", "hi")
    assert done.returncode == 1 and "EPROTO" in done.stdout and old_tls.read_text().count("unsupported protocol") >= 1
    before = old_tls.read_text().count("unsupported protocol")
    status, _ = Gateway(world, 4209, ANTHROPIC_API_BASE=f"https://{OLD_TLS}").ask()
    assert status >= 500 and old_tls.read_text().count("unsupported protocol") > before


@pytest.mark.lab
def test_an_unparsable_proxy_address_is_printed_with_its_password(world: World) -> None:
    done = world.claude({**world.direct_env(), "HTTPS_PROXY": "http://bob:p@ss:w/rd#1@proxy.corp.example:3128"}, "-p", "hi")
    assert done.returncode == 1 and "p@ss:w/rd#1" in done.stdout + done.stderr
