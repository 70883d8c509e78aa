"""What docs/patterns/shared-gateway.md and the three pages built on it claim beside their blocks."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from macros import diagram
from macros.ledger import Book, read_yaml
from tests import bypass
from tests.lab import gateway_host, variants
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.programs import ROOT
from tests.lab.replay import Replay
from tests.lab.world import DIRECT_PORT, World

SHARED, VIA, DUAL = "patterns/shared-gateway/", "patterns/gateway-via-proxy/", "patterns/dual-proxy/"
PAGES = [SHARED, "patterns/shared-gateway-proxy/", VIA, DUAL]
VERIFY = "patterns/shared-gateway/verify.sh"
ASK = '-p "Reply with one word: connected"'


# The data ---------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_each_machine_knows_only_the_names_that_the_page_says(book: Book, page: str) -> None:
    """The lab's hosts files are the page's table, and the gateway host's own name, at which nginx listens."""
    pattern = page.split("/")[1]
    machines = book.pages[page]["machines"]
    assert machines["reader"]["knows"] == diagram.looks_up(book, pattern, "client")
    assert sorted(machines["gateway-host"]["knows"]) == sorted([*diagram.looks_up(book, pattern, "gateway"), book.fact("site.gateway_host")])


def test_variants_cover_every_pair(book: Book) -> None:
    every = variants.of(book, DUAL, everything=True)
    few = variants.of(book, DUAL, everything=False)
    assert (len(every), len(few)) == (16, 5) and "plain" in few and set(few) < set(every)
    pairs = [{pair for settings in found.values() for pair in variants.pairs(settings)} for found in (few, every)]
    assert pairs[0] == pairs[1]
    for name in few:  # one less, and a pair is missing
        assert {pair for other, settings in few.items() if other != name for pair in variants.pairs(settings)} != pairs[1]
    assert len(variants.of(book, VIA, everything=False)) == len(variants.of(book, VIA, everything=True)) == 4


def test_make_test_all_replays_every_variant(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDBOOK_ALL_VARIANTS", "1")
    assert len(variants.of(book, DUAL)) == 16
    monkeypatch.setenv("HANDBOOK_ALL_VARIANTS", "0")
    assert len(variants.of(book, DUAL)) == 5


def test_conditions() -> None:
    settings = {"squid": {"login": True}}
    assert variants.holds({"squid": {"login": True}}, "a", settings) and not variants.holds({"squid": {"login": False}}, "a", settings)
    assert variants.holds({"egress": {"inspect": False}}, "a", settings) and variants.holds(["b", {"squid": {"login": True}}], "a", settings)
    assert not variants.holds(["b", {"egress": {"login": True}}], "a", settings)


@pytest.mark.parametrize("page", [f"patterns/{name}/" for name in read_yaml(ROOT / "snippets/facts/patterns.yaml")])
def test_drawing_and_words_say_the_same(site: Path, book: Book, page: str) -> None:
    from bs4 import BeautifulSoup

    figure = BeautifulSoup((site / page / "index.html").read_text("utf-8"), "html.parser").select_one("figure.hops")
    assert figure is not None
    drawn, told = figure.select_one("svg").get_text(" "), figure.select_one("figcaption").get_text(" ")
    for name, address in diagram.chain(book, page.split("/")[1]):
        assert name in drawn and name.split()[0].lower() in told.lower() and address in drawn and address in told
    for hop in book.fact(f"patterns.{page.split('/')[1]}.hops"):
        assert set(hop["shows"].split()) <= set(drawn.split()) and hop["shows"] in told


# The replay fails, although a 200 comes back each time -------------------------------

to_the_provider = bypass.client(f"ANTHROPIC_BASE_URL=http://127.0.0.1:{DIRECT_PORT} ANTHROPIC_AUTH_TOKEN={LAB_KEY} exec {{real}} {ASK}\n")
by_curl = bypass.client(
    'curl -s -o /dev/null --cacert "$NODE_EXTRA_CA_CERTS" "$ANTHROPIC_BASE_URL/v1/messages?beta=true" -H "authorization: Bearer $ANTHROPIC_AUTH_TOKEN" '
    "-H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' "
    """-d '{"model":"claude-haiku-5-5-gateway-check","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}'; echo connected\n"""
)


def past_nginx(replay: Replay) -> None:
    """A client that stole the master key and reaches LiteLLM without nginx."""
    key = replay.inside.mnt / gateway_host.NAME / "litellm-gateway" / "master-key"
    copy = replay.lab / "bin" / "claude"
    bypass.client('ANTHROPIC_BASE_URL=http://127.0.0.1:4000 ANTHROPIC_AUTH_TOKEN="$(cat /mnt/lab/stolen)" exec {real} "$@"\n')(replay)
    check = replay._row

    def steal(row: Any) -> str:
        if key.exists():
            (replay.lab / "stolen").write_text(key.read_text())
        return check(row)

    replay._row = steal  # type: ignore[method-assign]
    assert copy.exists()


def knows_everything(machine: str) -> Callable[[Replay], None]:
    """A machine that could go past its proxy: it can look every name up."""

    def tamper(replay: Replay) -> None:
        names = list(gateway_host.addresses(replay.book))
        (replay.lab / f"hosts-{machine}").write_text(gateway_host.hosts(replay.book, names))

    return tamper


def gateway_past_its_proxy(replay: Replay) -> None:
    knows_everything(gateway_host.NAME)(replay)
    assert replay.forker
    install = replay.install_warm

    def install_without(forker: Forker) -> Path:
        command = install(forker)
        command.rename(command.with_name("litellm-forked"))
        command.write_text('#!/bin/sh\nexec env -u HTTPS_PROXY "$(dirname "$0")/litellm-forked" "$@"\n')
        command.chmod(0o755)
        return command

    replay.install_warm = install_without  # type: ignore[method-assign]


def client_past_its_proxy(replay: Replay) -> None:
    knows_everything("reader")(replay)
    bypass.client('exec env -u HTTPS_PROXY {real} "$@"\n')(replay)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("page", "tamper", "why"),
    [
        (SHARED, to_the_provider, "the provider was called as 127.0.0.1:9400"),
        (SHARED, past_nginx, "0 lines of nginx's log match"),
        (SHARED, by_curl, "does not begin with Claude Code"),
        (DUAL, gateway_past_its_proxy, "the proxy of the gateway host carried nothing"),
        (DUAL, client_past_its_proxy, "the proxy carried nothing"),
    ],
    ids=["gateway bypassed", "nginx bypassed", "client is curl", "gateway's proxy bypassed", "developers' proxy bypassed"],
)
def test_verification_fails_when(book: Book, site: Path, forker: Forker, page: str, tamper: Any, why: str) -> None:
    row, requests = bypass.replayed(book, site, page, forker, tamper, "plain" if page == DUAL else None, VERIFY)
    assert {request["status"] for request in requests} & {200}, row.message
    assert "connected" in row.output, row.message
    assert row.outcome == "failed" and why in row.message, row.message


# nginx, HAProxy and Claude Code, beside the blocks ------------------------------------

EVENTS = """
import http.client, json, ssl, sys, time
host, token = sys.argv[1:]
context = ssl.create_default_context(cafile="/etc/ssl/corporate-ca.pem")
context.check_hostname = host == "gateway.corp.example"
line = http.client.HTTPSConnection(host, 443, context=context, timeout=30)
body = {"model": "claude-haiku-5-5", "max_tokens": 99, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
line.request("POST", "/v1/messages", json.dumps(body), {"authorization": "Bearer " + token, "content-type": "application/json"})
answer, times = line.getresponse(), []
while data := answer.read1(65536):
    times += [time.monotonic()] * data.count(b"event: ")
print(json.dumps({"status": answer.status, "accel": answer.getheader("x-accel-buffering"), "times": times}))
"""
HAPROXY = """
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend gateway
  bind 127.0.0.3:443 ssl crt /mnt/lab/haproxy.pem
  default_backend litellm
backend litellm
  server litellm 127.0.0.1:4000
"""
PAUSE = 0.25


@pytest.fixture(scope="module")
def gateway(book: Book, site: Path, forker: Forker) -> Iterator[World]:
    """The gateway host as the page's blocks leave it, and a developer's machine."""
    files = book.snippets / "patterns"
    with World(book, site, book.pages[SHARED]["machines"]) as world:
        folder = world.install_warm(forker).parents[2]
        for name in ("config.yaml", "claude-gateway.conf"):
            (folder / name).write_text((files / "shared-gateway" / name).read_text())
        terminal, operator = world.terminal("gateway"), world.terminal("operator")
        terminal.run(f"cd ~/litellm-gateway\n{(files / 'local-gateway/master-key.sh').read_text()}")
        terminal.run(f"export SSL_CERT_FILE=/mnt/lab/ca.pem UPSTREAM_ANTHROPIC_API_KEY={LAB_KEY}")
        terminal.start((files / "local-gateway/start.sh").read_text(), {}, [])
        for name in ("nginx-key.sh", "developer.sh", "nginx.sh"):
            assert operator.run((files / "shared-gateway" / name).read_text()).status == 0
        wait_until(lambda: world.get("http://127.0.0.1:4000/health/readiness", {})[0] == 200, 60, "the start of the gateway")
        (world.lab / "events.py").write_text(EVENTS)
        world.token = (folder / "token-alice").read_text().strip()  # type: ignore[attr-defined]
        world.conf = folder / "claude-gateway.conf"  # type: ignore[attr-defined]
        arrivals(world)  # LiteLLM takes longer over the first answer than over those that are measured
        yield world


def with_conf(world: World, find: str, replace: str) -> None:
    """nginx with one thing changed in the page's configuration; find "" restores it."""
    text = (world.book.snippets / "patterns/shared-gateway/claude-gateway.conf").read_text()
    assert find in text
    world.conf.write_text(text.replace(find, replace, 1) if find else text)  # type: ignore[attr-defined]
    done = world.terminal("operator").run((world.book.snippets / "patterns/shared-gateway/nginx.sh").read_text())
    assert done.status == 0, done.output


@pytest.mark.lab
def test_a_front_that_speaks_tls_1_1_is_noticed(gateway: World) -> None:
    text = (gateway.book.snippets / "patterns/shared-gateway/tls.sh").read_text()
    assert gateway.terminal("client").run(text).status == 0
    with_conf(gateway, "server_name", "ssl_protocols TLSv1.1 TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0; server_name")
    result = gateway.terminal("client").run(text)
    with_conf(gateway, "", "")
    assert result.status == 1 and "TLS 1.1: accepted" in result.output


def arrivals(world: World, host: str = "gateway.corp.example", token: str | None = None) -> tuple[list[float], str | None]:
    """Seconds between the events of one stream as they arrive, and what the answer says to a proxy about buffering."""
    behave = world.lab / "provider" / "behave.json"
    behave.write_text(json.dumps({"pause": PAUSE}))
    done = world.inside.run(["python3", "/mnt/lab/events.py", host, token or world.token], world.env)  # type: ignore[attr-defined]
    behave.unlink()
    seen = json.loads(done.stdout)
    assert seen["status"] == 200
    times = seen["times"]
    return [later - earlier for earlier, later in zip(times, times[1:], strict=False)], seen["accel"]


def is_live(gaps: list[float]) -> bool:
    """Most events come a pause after the one before. LiteLLM sends the first two together."""
    return len(gaps) >= 8 and sum(gap > PAUSE / 2 for gap in gaps) >= len(gaps) - 2


@pytest.mark.lab
@pytest.mark.parametrize("setting", ["", "proxy_buffering off;", "proxy_http_version 1.1;", "gzip on; gzip_types *; gzip_proxied any;"])
def test_streams_arrive_live_with_and_without_settings_for_it(gateway: World, setting: str) -> None:
    with_conf(gateway, "proxy_read_timeout", f"{setting} proxy_read_timeout")
    gaps, _ = arrivals(gateway)
    assert is_live(gaps), gaps


@pytest.mark.lab
def test_haproxy_passes_streams_on_live_and_litellm_asks_for_it(gateway: World) -> None:
    etc = gateway.inside.etc / "ssl"
    pem = [(etc / "certs/gateway.corp.example.pem").read_text(), (etc / "private/gateway.corp.example.key").read_text()]
    (gateway.lab / "haproxy.pem").write_text("".join(pem))
    (gateway.lab / "haproxy.cfg").write_text(HAPROXY)
    process = gateway.inside.popen(["haproxy", "-f", "/mnt/lab/haproxy.cfg"], {"PATH": os.defpath + ":/usr/sbin"})
    wait_until(lambda: ("127.0.0.3", 443) in gateway.inside.listeners(), 10, "the start of HAProxy")
    key = gateway.outside("~/litellm-gateway/master-key", gateway_host.NAME).read_text().strip()
    gaps, accel = arrivals(gateway, "127.0.0.3", key)
    process.terminate()
    assert is_live(gaps) and accel == "no", (gaps, accel)


def claude(world: World, command: str, **env: str) -> tuple[int | None, str]:
    """Run a command on the developer's machine, set up as the page says."""
    terminal = world.terminal(f"client-{len(world.terminals)}")
    base = {"ANTHROPIC_BASE_URL": "https://gateway.corp.example", "NODE_EXTRA_CA_CERTS": "/etc/ssl/corporate-ca.pem", "ANTHROPIC_AUTH_TOKEN": world.token}  # type: ignore[attr-defined]
    quiet = world.book.fact("lab.differences.client-quiet.env")
    terminal.run("".join(f"export {name}='{value}'\n" for name, value in {**quiet, **base, **env}.items() if value))
    done = terminal.run(command)
    return done.status, done.output


@pytest.mark.lab
def test_nginx_does_not_tell_upper_from_lower_case(gateway: World) -> None:
    with_conf(gateway, "", "")
    assert claude(gateway, f"claude {ASK}", ANTHROPIC_AUTH_TOKEN=gateway.token.upper()) == (0, "connected\n")  # type: ignore[attr-defined]
    assert claude(gateway, f"claude {ASK}", ANTHROPIC_AUTH_TOKEN=gateway.token[:-1])[0] == 1  # type: ignore[attr-defined]


@pytest.mark.lab
def test_tokens_do_not_fit_into_nginx_as_it_comes(gateway: World) -> None:
    conf = gateway.conf  # type: ignore[attr-defined]
    conf.write_text(conf.read_text().replace("map_hash_bucket_size 128;", ""))
    done = gateway.terminal("operator").run((gateway.book.snippets / "patterns/shared-gateway/nginx.sh").read_text())
    with_conf(gateway, "", "")
    assert done.status == 1 and "you should increase map_hash_bucket_size" in done.output


@pytest.mark.lab
def test_a_tilde_in_settings_is_not_understood(gateway: World) -> None:
    (gateway.home / "corporate-ca.pem").write_bytes((gateway.inside.etc / "ssl/corporate-ca.pem").read_bytes())
    settings = '--settings \'{"env": {"NODE_EXTRA_CA_CERTS": "%s"}}\''
    assert claude(gateway, f"claude {settings % '/mnt/reader/corporate-ca.pem'} {ASK}", NODE_EXTRA_CA_CERTS="") == (0, "connected\n")
    status, shown = claude(gateway, f"claude {settings % '~/corporate-ca.pem'} {ASK}", NODE_EXTRA_CA_CERTS="")
    assert status == 1 and "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" in shown


@pytest.mark.lab
def test_a_certificate_without_its_chain_has_another_code(gateway: World) -> None:
    path = gateway.inside.etc / "ssl/certs/gateway.corp.example.pem"
    whole = path.read_text()
    path.write_text(whole.split("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n")
    with_conf(gateway, "", "")
    status, shown = claude(gateway, f"claude {ASK}")
    path.write_text(whole)
    with_conf(gateway, "", "")
    known = (gateway.book.snippets / "patterns/shared-gateway/errors/unknown-authority.out").read_text()
    assert (status, shown) == (1, known.replace("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"))


@pytest.mark.lab
def test_the_tunnel_is_not_seen_where_there_is_none(gateway: World) -> None:
    """The gateway of this test has no proxy, and answers."""
    assert claude(gateway, f"claude {ASK}")[0] == 0
    done = gateway.terminal("operator").run((gateway.book.snippets / "patterns/shared-gateway-proxy/tunnel.sh").read_text())
    assert done.status == 1 and done.output == ""


@pytest.mark.lab
def test_without_any_proxy_the_name_is_not_found(book: Book, site: Path) -> None:
    """What errors/no-proxy.out shows appears without HTTPS_PROXY too; curl tells a 407 from a 403."""
    with World(book, site, book.pages[VIA]["machines"]) as world:
        world.token = "sk-any"  # type: ignore[attr-defined]
        assert claude(world, f"claude {ASK}") == (1, (book.snippets / "patterns/gateway-via-proxy/errors/no-proxy.out").read_text())
        world.start_squid(login=True)
        assert "response 407" in claude(world, "curl -sS -x http://proxy.corp.example:3128 https://gateway.corp.example")[1]
        world.squid.close()  # type: ignore[union-attr]
        world.start_squid(refuses="gateway.corp.example")
        assert "response 403" in claude(world, "curl -sS -x http://proxy.corp.example:3128 https://gateway.corp.example")[1]
