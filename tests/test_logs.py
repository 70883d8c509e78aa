"""What docs/troubleshoot/logs.md says of logs: one conversation through proxy, nginx and LiteLLM, and what each log holds of it."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from macros.ledger import Book
from tests.conftest import the_book
from tests.doctor import FILE
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.replay import Replay
from tests.lab.squid import AS_NOBODY, PASSWORD, USER
from tests.lab.symptoms import Bench, Ran, State

LOGS = {row["id"]: set(row["shows"]) for row in the_book().fact("logs.logs")}
KEY = "sk-lab-" + "h4Vn8Qx2" * 5
LOGIN = f"http://{USER}:{quote(PASSWORD, safe='')}@proxy.corp.example:3128"
#: kind -> how it may stand in a log
PLANTED = {
    "provider-key": [LAB_KEY],
    "gateway-key": [KEY],
    "proxy-login": [PASSWORD, quote(PASSWORD, safe=""), base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()],
    "headers": ["tangerine"],
    "prompt": ["pomegranate"],
    "file": ["quicksilver"],
}
ASK = '-p "Say pomegranate about @notes.txt"'
QUESTION = '{"model":"claude-opus-5-5","max_tokens":9,"messages":[{"role":"user","content":"Say pomegranate about quicksilver"}]}'
CURL = (
    '-o /dev/null --cacert ~/corporate-ca.pem "$ANTHROPIC_BASE_URL/v1/messages" -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN"'
    f" -H 'content-type: application/json' -d '{QUESTION}'"
)
#: Captures of lo: name -> port.
PORTS = {"http": 4000, "tls": 443, "proxy": 3128}


def found(text: str) -> set[str]:
    """The kinds of what was planted that a text holds."""
    return {kind for kind, forms in PLANTED.items() if any(form in text for form in forms)}


def path_of_everything(gateway: dict[str, Any]) -> State:
    """Claude Code, a proxy with a login that inspects TLS, nginx, LiteLLM, the same proxy again, the provider."""
    env = {"LITELLM_MASTER_KEY": KEY, "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY, "SSL_CERT_FILE": "/mnt/reader/corporate-ca.pem",
           "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HTTPS_PROXY": LOGIN, "NO_PROXY": "localhost,127.0.0.1"}  # fmt: skip
    logs = "error_log /mnt/lab/front/debug.log debug; access_log /mnt/lab/front/combined.log;"
    return {
        "env": {"ANTHROPIC_BASE_URL": "https://gateway.corp.example", "ANTHROPIC_AUTH_TOKEN": KEY, "NODE_EXTRA_CA_CERTS": "/mnt/reader/corporate-ca.pem",
                "HTTPS_PROXY": LOGIN, "ANTHROPIC_CUSTOM_HEADERS": "x-team: tangerine"},
        "squid": {"login": True, "inspect": True}, "front": {"to": 4000, "server": logs},
        "gateway": {**gateway, "env": {**env, **gateway.get("env", {})}}, "files": {"~/project/notes.txt": "quicksilver\n"},
    }  # fmt: skip


class Everything:
    """Runs the conversation with every log turned on: id -> what the log holds."""

    def __init__(self, replay: Replay) -> None:
        self.bench, self.inside, self.home = Bench(replay), replay.inside, replay.home
        self.squid_at = replay.lab / "squid"
        self.held: dict[str, str] = {}
        self.captured()
        self.held["litellm"] = self.bench.gateway_log().read_text()
        self.held["squid-access"] = (self.squid_at / "access.log").read_text()
        self.held["nginx-access"] = (self.bench.folder / "combined.log").read_text()
        self.held["nginx-debug"] = (self.bench.folder / "debug.log").read_text("utf-8", "replace")
        self.doctor()
        self.held["curl-verbose"] = self.run({}, f"curl -sv {CURL}").output
        traced = self.run({}, f"curl -s --trace-ascii - {CURL}").output
        self.held["curl-trace"] = re.sub(r"\n[0-9a-f]{4}: ", "", traced)  # it breaks long lines, also within a key
        asked = self.asked({"env": {"LITELLM_LOG": "DEBUG"}}, f"CLAUDE_CODE_DEBUG_LOG_LEVEL=verbose claude --debug-file ~/verbose.txt {ASK}", "litellm-debug")
        self.held["debug-verbose"] = (self.home / "verbose.txt").read_text()
        asked = self.asked({"options": ["--detailed_debug"]}, f"ANTHROPIC_LOG=debug claude {ASK}", "litellm-detailed")
        self.held["anthropic-log"] = asked.output
        asked = self.asked(self.with_setting("set_verbose"), f"claude --verbose --output-format stream-json {ASK}", "litellm-set-verbose")
        self.held["stream-json"] = asked.output
        self.squid_debug()
        self.asked(self.with_setting("json_logs"), f"claude {ASK}", "litellm-json")
        self.squid_debug()
        self.held["squid-debug"] = (self.squid_at / "cache.log").read_text("utf-8", "replace")

    @staticmethod
    def with_setting(name: str) -> dict[str, str]:
        return {"find": "model_list:\n", "replace": f"litellm_settings:\n  {name}: true\nmodel_list:\n"}

    def run(self, gateway: dict[str, Any], command: str) -> Ran:
        state = path_of_everything(gateway)
        self.bench.arrange(state)
        ran = self.bench.run(state, command)
        assert ran.status == 0 and ran.logs["provider"], f"no answer: {ran.output[-500:]}"
        return ran

    def asked(self, gateway: dict[str, Any], command: str, log: str) -> Ran:
        ran = self.run(gateway, command)
        self.held[log] = self.bench.gateway_log().read_text()
        return ran

    def captured(self) -> None:
        """The conversation while tcpdump listens, with attempts to have the keys of TLS written down."""
        dumps = "".join(
            f"tcpdump -i lo -U --immediate-mode -w /mnt/lab/{name}.pcap tcp port {port} 2> /mnt/lab/{name}.txt & pids=\"$pids $!\"\n"
            f"until grep -q listening /mnt/lab/{name}.txt; do sleep 0.05; done\n"
            for name, port in PORTS.items()
        )  # fmt: skip
        keys = "SSLKEYLOGFILE=/mnt/reader/keys.txt NODE_OPTIONS=--tls-keylog=/mnt/reader/keys-of-node.txt"
        self.run({}, f"{dumps}{keys} claude --debug-file ~/debug.txt {ASK}; status=$?; kill $pids; wait; exit $status")
        self.key_logs = list(self.home.glob("keys*"))
        self.held["debug"] = (self.home / "debug.txt").read_text()
        (transcript,) = self.home.glob(".claude/projects/*/*.jsonl")
        self.held["transcript"] = transcript.read_text()
        for name in PORTS:
            self.held[f"capture-{name}"] = (self.bench.lab / f"{name}.pcap").read_bytes().decode("latin-1")

    def doctor(self) -> None:
        (self.bench.lab / "gateway_doctor.py").write_bytes(FILE.read_bytes())
        state = path_of_everything({})
        self.held["doctor-report"] = self.bench.run(state, "python3 /mnt/lab/gateway_doctor.py --report").output

    def squid_debug(self) -> None:
        """Turn Squid's debugging on, or off again."""
        done = self.inside.run(
            [*(AS_NOBODY if os.geteuid() == 0 else []), "squid", "-k", "debug", "-f", "squid.conf"], {"PATH": "/usr/sbin:" + os.defpath}, Path("/mnt/lab/squid")
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def everything(book: Book, site: Path, forker: Forker) -> Iterator[Everything]:
    with Replay(book, site, "troubleshoot/network/", forker=forker) as replay:
        yield Everything(replay)


def test_every_row_is_looked_at_for_everything(book: Book) -> None:
    assert list(book.fact("logs.planted")) == list(PLANTED)


@pytest.mark.lab
@pytest.mark.parametrize("log", LOGS)
def test_a_log_holds_what_the_table_says(everything: Everything, log: str) -> None:
    assert set(everything.held) == set(LOGS)
    assert len(everything.held[log]) > 40, f"{log} is empty, which says nothing about it: {everything.held[log]!r}"
    assert found(everything.held[log]) == LOGS[log]


@pytest.mark.lab
def test_the_conversation_was_in_the_logs(everything: Everything) -> None:
    """A log that holds nothing of the conversation holds no secret of it either."""
    held = everything.held
    assert "POST /v1/messages" in held["litellm"] and "POST /v1/messages" in held["nginx-access"]
    assert "[API REQUEST] /v1/messages" in held["debug"] and "[API REQUEST] /v1/messages" in held["debug-verbose"]
    assert "/v1/messages" in held["squid-access"] and "gateway.corp.example" in held["capture-tls"]
    assert '"type":"result"' in held["stream-json"] and "/v1/messages" in held["litellm-json"]
    assert "credential" in held["doctor-report"] and "gateway.corp.example" in held["doctor-report"]
    assert ":DEBUG:" not in held["litellm"] + held["litellm-set-verbose"]


@pytest.mark.lab
def test_claude_code_writes_no_keys_of_tls_down(everything: Everything) -> None:
    assert everything.key_logs == []


@pytest.mark.lab
def test_squids_debugging_is_off_again(everything: Everything) -> None:
    path = everything.squid_at / "cache.log"
    everything.run({}, f"curl -s {CURL}")
    before = path.stat().st_size
    everything.run({}, f"curl -s {CURL}")
    assert path.stat().st_size - before < 2000


def test_what_is_planted_is_found_in_every_form() -> None:
    """The search itself: each form of each kind, and nothing in a text without them."""
    assert found("an ordinary line of 127.0.0.1") == set()
    for kind, forms in PLANTED.items():
        assert all(found(f"before {form} after") == {kind} for form in forms), kind
