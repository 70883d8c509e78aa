"""Each fault in the lab: the doctor names it first, and Claude Code prints what the doctor says it prints."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests.doctor import compiled, doctor
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker, shim
from tests.lab.namespace import wait_until
from tests.lab.squid import NTLM_PASSWORD, PASSWORD, USER
from tests.lab.world import DIRECT_PORT, World
from tests.test_settings import SAVED_LOGIN

pytestmark = pytest.mark.lab
GATEWAY = f"http://127.0.0.1:{DIRECT_PORT}"
TOKEN = {"ANTHROPIC_AUTH_TOKEN": LAB_KEY}
THROUGH = {"ANTHROPIC_BASE_URL": GATEWAY, **TOKEN}
TRUST = {"NODE_EXTRA_CA_CERTS": "/mnt/lab/ca.pem"}
DIRECT = {"ANTHROPIC_API_KEY": LAB_KEY, **TRUST}
PROXY = "http://proxy.corp.example:3128"
LOGIN = f"http://{USER}:{doctor.quote(PASSWORD, safe='')}@proxy.corp.example:3128"


@dataclass
class Case:
    """``first``: the first finding, or nothing. ``proxy``: how Squid is set up. ``answers``: whether Claude Code gets an answer."""

    first: str
    env: dict[str, str] = field(default_factory=dict)
    proxy: str = ""
    settings: dict[str, Any] | None = None
    files: dict[str, Any] = field(default_factory=dict)
    behave: dict[str, Any] | None = None
    options: tuple[str, ...] = ()
    answers: bool = False
    claude: bool = True


CASES = {
    # healthy
    "a gateway": Case("", THROUGH, answers=True),
    "a gateway, asked for words": Case("", THROUGH, options=("--probe",), answers=True),
    "the provider itself": Case("", DIRECT, answers=True),
    "settings of the user": Case("", {}, settings={"env": THROUGH}, answers=True),
    "a helper": Case("", {"ANTHROPIC_BASE_URL": GATEWAY}, settings={"apiKeyHelper": f"echo {LAB_KEY}"}, answers=True),
    "a proxy": Case("", {**DIRECT, "HTTPS_PROXY": PROXY}, "open", answers=True),
    "a proxy with a login": Case("", {**DIRECT, "HTTPS_PROXY": LOGIN}, "login", answers=True),
    "a proxy that inspects": Case("", {**DIRECT, "HTTPS_PROXY": PROXY, "NODE_EXTRA_CA_CERTS": "/mnt/reader/corporate-ca.pem"}, "inspect", answers=True),
    "a gateway beside a proxy": Case("", {**THROUGH, "HTTPS_PROXY": PROXY, "NO_PROXY": "localhost,127.0.0.1"}, "open", answers=True),
    # what is set
    "v1 at the end": Case("base-url-v1", {**THROUGH, "ANTHROPIC_BASE_URL": f"{GATEWAY}/v1"}),
    "another path": Case("path", {**THROUGH, "ANTHROPIC_BASE_URL": f"{GATEWAY}/anthropic"}),
    "no credential": Case("credential-missing", {"ANTHROPIC_BASE_URL": GATEWAY}),
    "an empty credential": Case("credential-empty", {"ANTHROPIC_BASE_URL": GATEWAY, "ANTHROPIC_AUTH_TOKEN": ""}),
    "a saved login only": Case("login-to-gateway", {"ANTHROPIC_BASE_URL": GATEWAY}, files={".claude/.credentials.json": SAVED_LOGIN}),
    "a token without an address": Case("token-without-address", {**TRUST, "ANTHROPIC_AUTH_TOKEN": "sk-of-the-gateway"}),
    "a misspelt variable": Case("variable-misspelt", {**TRUST, "ANTHROPIC_BASE_URI": GATEWAY, "ANTHROPIC_AUTH_TOKEN": "sk-of-the-gateway"}),
    "typographic quotes": Case("credential-form", {**THROUGH, "ANTHROPIC_AUTH_TOKEN": f"\u201c{LAB_KEY}\u201d"}),
    "a helper that fails": Case("helper-fails", {"ANTHROPIC_BASE_URL": GATEWAY}, settings={"apiKeyHelper": "exit 3"}),
    "a helper that chats": Case("helper-output", {"ANTHROPIC_BASE_URL": GATEWAY}, settings={"apiKeyHelper": f"echo Welcome; echo {LAB_KEY}"}),
    "a broken file": Case("json-syntax", TRUST, settings={"": '{"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1",}}'}),
    "SOCKS": Case("proxy-scheme", {**DIRECT, "HTTPS_PROXY": "socks5://proxy.corp.example:1080"}),
    "an unencoded password": Case("proxy-url", {**DIRECT, "HTTPS_PROXY": "http://alice:p@ss:w/rd#1@proxy.corp.example:3128"}),
    "a file of authorities that is not there": Case("ca-file", {**DIRECT, "NODE_EXTRA_CA_CERTS": "/nonexistent.pem"}),
    "a tilde in a settings file": Case("ca-home", {"ANTHROPIC_API_KEY": LAB_KEY}, settings={"env": {"NODE_EXTRA_CA_CERTS": "~/corporate-ca.pem"}}),
    "both credentials": Case("both-credentials", {**THROUGH, "ANTHROPIC_API_KEY": "sk-ant-a-personal-one"}, answers=True),
    # the way
    "nothing listens": Case("refused", {**THROUGH, "ANTHROPIC_BASE_URL": "http://127.0.0.1:4009"}),
    "an unknown name": Case("name", {**THROUGH, "ANTHROPIC_BASE_URL": "http://nowhere.corp.example:4000"}),
    "https to a plain port": Case("tls-no-tls", {**THROUGH, "ANTHROPIC_BASE_URL": f"https://127.0.0.1:{DIRECT_PORT}"}),
    "http to a port with TLS": Case("tls-wanted", {**THROUGH, "ANTHROPIC_BASE_URL": "http://api.anthropic.com:443"}),
    "an unknown authority": Case("tls-inspected", {"ANTHROPIC_API_KEY": LAB_KEY}),
    "another host's certificate": Case("tls-host", {**TOKEN, **TRUST, "ANTHROPIC_BASE_URL": "https://localhost"}),
    # proxies
    "no login": Case("proxy-login-missing", {**DIRECT, "HTTPS_PROXY": PROXY}, "login"),
    "a wrong login": Case("proxy-login-wrong", {**DIRECT, "HTTPS_PROXY": "http://alice:wrong-password@proxy.corp.example:3128"}, "login"),
    "NTLM": Case("proxy-login-kind", {**DIRECT, "HTTPS_PROXY": f"http://{USER}:{doctor.quote(NTLM_PASSWORD, safe='')}@proxy.corp.example:3128"}, "ntlm"),
    "a host that is not allowed": Case("proxy-forbids", {**DIRECT, "HTTPS_PROXY": PROXY}, "refuses"),
    "an unknown proxy": Case("proxy-name", {**DIRECT, "HTTPS_PROXY": "http://no-proxy.corp.example:3128"}),
    "no proxy at the port": Case("proxy-refused", {**DIRECT, "HTTPS_PROXY": "http://proxy.corp.example:3129"}),
    "inspection without the authority": Case("tls-inspected", {"ANTHROPIC_API_KEY": LAB_KEY, "HTTPS_PROXY": PROXY}, "inspect"),
    "this machine through the proxy": Case("loopback-through-proxy", {**THROUGH, "HTTPS_PROXY": PROXY}, "open"),
    # the gateway and the provider
    "a wrong key": Case("key-refused", {**THROUGH, "ANTHROPIC_AUTH_TOKEN": "sk-not-the-key"}),
    "a model that is not there": Case("model", {**THROUGH, "ANTHROPIC_MODEL": "claude-opus-4-8"}),
    "a key without rights": Case("key-forbidden", THROUGH, behave={"status": 403}),
    "too many requests": Case("limited", THROUGH, behave={"status": 429}),
    "a failing gateway": Case("gateway-error", THROUGH, behave={"status": 500}),
    "no way on": Case("gateway-down", THROUGH, behave={"status": 503}),
    "a request that is too large": Case("body-limit", THROUGH, behave={"status": 413, "path": "/v1/messages"}),
}  # fmt: skip

#: The gateway is LiteLLM, and its key the master key.
MASTER = "sk-lab-" + "q7Rt9Zw2" * 4
LITELLM = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:4100", "ANTHROPIC_AUTH_TOKEN": MASTER}
LITELLM_CASES = {
    "healthy": Case("", LITELLM, answers=True),
    "healthy, asked for words": Case("", LITELLM, options=("--probe",), answers=True),
    "a wrong key": Case("key-refused", {**LITELLM, "ANTHROPIC_AUTH_TOKEN": "sk-not-the-key"}),
    "the key as a personal key": Case("", {"ANTHROPIC_BASE_URL": "http://127.0.0.1:4100", "ANTHROPIC_API_KEY": MASTER}, answers=True),
    "a model that is not listed": Case("model", {**LITELLM, "ANTHROPIC_MODEL": "claude-opus-4-8"}),
    "the provider refuses the gateway's key, not asked": Case("provider-leg", {**LITELLM, "ANTHROPIC_MODEL": "claude-other-key"}, claude=False),
    "the provider refuses the gateway's key": Case("provider-key", {**LITELLM, "ANTHROPIC_MODEL": "claude-other-key"}, options=("--probe",)),
    "the provider cannot be reached": Case("provider-fails", {**LITELLM, "ANTHROPIC_MODEL": "claude-nowhere"}, options=("--probe",), claude=False),
    "the provider limits": Case("provider-limit", LITELLM, behave={"status": 429, "path": "/v1/messages"}, options=("--probe",)),
}  # fmt: skip


@pytest.fixture(scope="module", params=["", "open", "login", "inspect", "ntlm", "refuses"])
def world(request: pytest.FixtureRequest, book: Book, site: Path) -> Iterator[World]:
    with World(book, site) as machine:
        kinds: dict[str, dict[str, Any]] = {
            "login": {"login": True},
            "inspect": {"inspect": True},
            "ntlm": {"ntlm": True},
            "refuses": {"refuses": "api.anthropic.com"},
        }
        if request.param:
            machine.start_squid(**kinds.get(request.param, {}))
        machine.kind = request.param  # type: ignore[attr-defined]
        compiled(machine.lab)
        yield machine


def home(world: World, name: str, case: Case) -> str:
    folder = world.inside.mnt / f"home-{abs(hash(name))}"
    (folder / "project").mkdir(parents=True, exist_ok=True)
    (folder / ".claude").mkdir(exist_ok=True)
    (folder / "corporate-ca.pem").write_bytes((world.lab / "ca.pem").read_bytes())
    if case.settings is not None:
        (folder / ".claude" / "settings.json").write_text(case.settings.get("") or json.dumps(case.settings))
    for path, data in case.files.items():
        (folder / path).write_text(json.dumps(data))
    return folder.name


#: Seconds that the doctor may take where nothing is wrong, and nothing is asked for words.
HEALTHY = 15


def examined(world: World, name: str, case: Case) -> tuple[int, dict[str, Any]]:
    folder = home(world, name, case)
    env = {**world.env, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", **case.env, "HOME": f"/mnt/{folder}"}
    done = world.inside.run(["python3", "/mnt/lab/gateway_doctor.pyc", "--json", *case.options], env, Path(f"/mnt/{folder}/project"), 90)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def test_every_case(world: World) -> None:
    """All cases of this proxy, told together."""
    judge(world, {name: case for name, case in CASES.items() if case.proxy == world.kind})  # type: ignore[attr-defined]


@pytest.mark.parametrize("world", [""], indirect=True)
def test_every_case_behind_litellm(world: World, forker: Forker) -> None:
    route = "  - model_name: {name}\n    litellm_params: {{model: anthropic/{model}, api_base: {base}, api_key: {key}}}\n"
    routes = [(name, name, GATEWAY, LAB_KEY) for name in world.book.fact("models.ids")]
    routes += [("claude-other-key", "claude-opus-5-5", GATEWAY, "sk-ant-another"), ("claude-nowhere", "claude-opus-5-5", "http://127.0.0.1:1", LAB_KEY)]
    folder = world.inside.mnt / "litellm"
    folder.mkdir()
    entries = "".join(route.format(name=name, model=model, base=base, key=key) for name, model, base, key in routes)
    (folder / "config.yaml").write_text(
        f"model_list:\n{entries}router_settings: {{num_retries: 0, disable_cooldowns: true}}\ngeneral_settings: {{master_key: {MASTER}}}\n"
    )
    shim(folder / "command", forker.address)
    env = {"PATH": os.defpath, "HOME": "/mnt/litellm", "LANG": "C.UTF-8", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    words = ["/mnt/litellm/command", "--config", "config.yaml", "--host", "127.0.0.1", "--port", "4100"]
    with (folder / "log.txt").open("wb") as log:
        process = world.inside.popen(words, env, Path("/mnt/litellm"), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: ("127.0.0.1", 4100) in world.inside.listeners(), 60, "LiteLLM")
        judge(world, LITELLM_CASES)
    finally:
        process.terminate()
        process.wait()


def judge(world: World, cases: dict[str, Case]) -> None:
    """Run the doctor and Claude Code in every case; fails with all that was not as told."""
    problems = []
    behave = world.lab / "provider" / "behave.json"
    for name, case in cases.items():
        behave.unlink(missing_ok=True)
        if case.behave:
            behave.write_text(json.dumps(case.behave))
        before = len(world.all_requests())
        began = time.monotonic()
        status, result = examined(world, name, case)
        if case.first == "" and not case.options and time.monotonic() - began > HEALTHY:
            problems.append(f"{name}: it took {time.monotonic() - began:.0f} seconds, longer than {HEALTHY}")
        found = [finding for finding in result["findings"] if finding["severity"] != "note"]
        first = found[0]["id"] if found else ""
        if first != case.first or status != bool(case.first):
            problems.append(f"{name}: {[(one['id'], one['seen']) for one in found]}, not {case.first!r}; {result['path']}")
        tokens = [request for request in world.all_requests()[before:] if request["path"] == "/v1/messages" and request["status"] == 200]
        if tokens and "--probe" not in case.options:
            problems.append(f"{name}: it asked for an answer: {tokens[0]['body']}")
        if LAB_KEY in json.dumps(result) or PASSWORD in json.dumps(result):
            problems.append(f"{name}: it says a credential")
        if case.claude:
            done = world.claude(case.env, "-p", "Reply with one word: seen", home=home(world, name, case))
            said = done.stdout + done.stderr
            if (done.stdout == "seen\n") != case.answers:
                problems.append(f"{name}: Claude Code prints {said!r}")
            if found and found[0]["prints"] not in said:
                problems.append(f"{name}: Claude Code prints {said!r}, not {found[0]['prints']!r}")
    behave.unlink(missing_ok=True)
    assert problems == [], "\n".join(problems)
