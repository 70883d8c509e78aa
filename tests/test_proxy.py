"""What docs/patterns/proxy.md claims beside its blocks."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from macros import catalogue
from macros.ledger import Book, read_yaml
from tests import bypass
from tests.lab import squid as lab_squid
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.world import DIRECT_PORT, World
from tests.test_direct import CURL

pytestmark = pytest.mark.lab
PAGE = "patterns/proxy/"
HOST = "api.anthropic.com:443"
TRUST = {"SSL_CERT_FILE": "/mnt/lab/ca.pem"}
CA = "/mnt/reader/corporate-ca.pem"
ELSEWHERE = f'ANTHROPIC_BASE_URL=http://127.0.0.1:{DIRECT_PORT} NO_PROXY=127.0.0.1 exec {{real}} "$@"\n'


# The replay fails, although a 200 comes back each time ----------------------------
@pytest.mark.parametrize(
    ("variant", "verify", "script", "printed", "why"),
    [
        ("open", "verify.sh", 'exec env -u HTTPS_PROXY {real} "$@"\n', "but: 127.0.0.1:443", "the proxy did not carry"),
        ("open", "verify.sh", 'NO_PROXY=.anthropic.com exec {real} "$@"\n', "but: 127.0.0.1:443", "the proxy did not carry"),
        ("open", "verify.sh", ELSEWHERE, f"but: 127.0.0.1:{DIRECT_PORT}", "called as"),
        ("open", "verify.sh", CURL, "connected", "the provider's caller was 'curl/"),
        ("ntlm", "verify-helper.sh", 'exec env -u HTTPS_PROXY {real} "$@"\n', "but: 127.0.0.1:443", "the proxy did not carry"),
    ],
    ids=["no proxy", "an exception", "another host", "client is curl", "past the helper"],
)  # fmt: skip
def test_verification_fails(book: Book, site: Path, variant: str, verify: str, script: str, printed: str, why: str) -> None:
    row, requests = bypass.replayed(book, site, PAGE, None, bypass.client(script), variant, f"patterns/proxy/{verify}")
    assert {request["status"] for request in requests if request["path"] == "/v1/messages"} == {200}
    assert "connected" in row.output and printed in row.output, row.output
    assert row.outcome == "failed" and why in row.message, row.message


# Which variable sends what through the proxy --------------------------------------


@pytest.fixture(scope="module")
def world(book: Book, site: Path) -> Iterator[World]:
    with World(book, site) as machine:
        machine.start_squid()
        yield machine


@pytest.fixture(scope="module")
def inspected(book: Book, site: Path) -> Iterator[World]:
    with World(book, site) as machine:
        machine.start_squid(inspect=True)
        yield machine


def settings(world: World, env: dict[str, str], where: str = "") -> str:
    """A new home folder with these variables in the user settings, or in those of the project below it."""
    name = f"home-{time.monotonic_ns()}"
    folder = world.inside.mnt / name / where / ".claude"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"env": env}))
    return name


def uses(world: World, env: dict[str, str], in_settings: dict[str, str] | None = None, where: str = "") -> str:
    """Whether all, some or none of the requests of one ``claude -p`` went through the proxy."""
    assert world.squid
    requests, tunnels = len(world.all_requests()), len(world.squid.ended())
    done = world.claude({"ANTHROPIC_API_KEY": LAB_KEY, **TRUST, **env}, "-p", "Reply with one word: sent", home=settings(world, in_settings or {}, where))
    assert done.stdout == "sent\n", done.stdout + done.stderr
    sent, carried = len(world.all_requests()) - requests, len(world.squid.ended()) - tunnels
    assert sent == 3, "settings, limits, and the question: one connection each"
    return {0: "none", sent: "all"}.get(carried, "some")


def test_every_variable(world: World, book: Book) -> None:
    proxy = book.fact("site.proxy_address")
    expected = catalogue.shares(book, "proxies")
    assert {name: uses(world, {name: proxy}) for name in expected} == expected


def test_the_upper_variable_wins(world: World, book: Book) -> None:
    names = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"]
    assert {name for name, share in catalogue.shares(book, "proxies").items() if share == "all"} == set(names)
    for upper, lower in zip(names, names[1:], strict=False):
        assert uses(world, {upper: book.fact("site.proxy_address"), lower: "http://127.0.0.1:1"}) == "all", f"{upper} before {lower}"


#: Half of the exceptions; `python -m tests.reach` runs them all.
EXCEPTIONS = ["api.anthropic.com", ".anthropic.com", "*", "localhost api.anthropic.com", "anthropic.com", "*.anthropic.com", "127.0.0.0/8"]


def test_exceptions(world: World, book: Book) -> None:
    proxy, expected = book.fact("site.proxy_address"), catalogue.shares(book, "exceptions")
    found = {value: uses(world, {"HTTPS_PROXY": proxy, "NO_PROXY": value}) for value in EXCEPTIONS}
    assert found == {value: expected[value] for value in EXCEPTIONS}


def test_settings_override_the_shell(world: World, book: Book) -> None:
    proxy = book.fact("site.proxy_address")
    assert uses(world, {"HTTPS_PROXY": "http://127.0.0.1:1"}, {"HTTPS_PROXY": proxy}) == "all"
    assert uses(world, {"HTTPS_PROXY": proxy}, {"HTTPS_PROXY": ""}) == "none"


def test_the_proxy_looks_the_provider_up(book: Book, site: Path) -> None:
    """The proxy knows the provider's address, this machine does not."""
    with World(book, site) as machine:
        machine.start_squid()
        hosts = machine.inside.etc / "hosts"
        hosts.write_text(hosts.read_text().replace("api.anthropic.com", ""))
        env = {"ANTHROPIC_API_KEY": LAB_KEY, **TRUST, "HTTPS_PROXY": book.fact("site.proxy_address")}
        done = machine.claude(env, "-p", "Reply with one word: sent")
        assert done.stdout == "sent\n", done.stdout
        assert machine.all_names() == []


def test_project_settings_come_too_late_for_the_first_requests(world: World, book: Book) -> None:
    proxy = book.fact("site.proxy_address")
    assert uses(world, {}, {"HTTPS_PROXY": proxy}, "project") == "some"
    assert uses(world, {"HTTPS_PROXY": proxy}, {"HTTPS_PROXY": ""}, "project") == "some"


def test_no_socks(world: World) -> None:
    done = world.claude({"ANTHROPIC_AUTH_TOKEN": LAB_KEY, **TRUST, "HTTPS_PROXY": "socks5://proxy.corp.example:3128"}, "-p", "hi")
    assert "UnsupportedProxyProtocol" in done.stdout


# What the proxy itself says -------------------------------------------------------


def answer(world: World, book: Book, proxy: str, *options: str) -> str:
    """What the page's block prints, by whatever login."""
    words = (book.snippets / "patterns/proxy/answer.sh").read_text()
    env = {**world.env, **TRUST, "HTTPS_PROXY": proxy}
    return world.inside.run(["bash", "-c", words.replace("curl ", f"curl {' '.join(options)} ")], env).stdout.strip()


def test_three_faults_and_what_the_proxy_says_to_them(book: Book, site: Path) -> None:
    with World(book, site) as machine:
        proxy = book.fact("site.proxy_address")
        assert answer(machine, book, proxy) == "000", "no proxy there"
        squid = machine.start_squid(login=True)
        assert answer(machine, book, proxy) == "407"
        assert answer(machine, book, proxy.replace("//", "//alice:wrong@")) == "407"
        squid.close()
        squid = machine.start_squid(refuses="api.anthropic.com")
        assert answer(machine, book, proxy) == "403"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [({"login": True}, "proxy-authenticate: basic"), ({"ntlm": True}, "proxy-authenticate: ntlm"), ({"inspect": True}, "certificate problem"),
     ({}, "issuer: "), ({"refuses": "api.anthropic.com"}, "http/1.1 403"), (None, "failed to connect")],
    ids=["basic", "ntlm", "inspected", "open", "refuses", "none"],
)  # fmt: skip
def test_the_proxy_says_what_it_is(book: Book, site: Path, kind: dict[str, Any] | None, expected: str) -> None:
    """The table below patterns/proxy/which.sh, row by row; the authority of a proxy that inspects is not in this machine's store."""
    text = (book.snippets / "patterns/proxy/which.sh").read_text()
    with World(book, site) as machine:
        if kind is not None:
            machine.start_squid(**kind)
        trust = TRUST if not (kind or {}).get("inspect") else {}
        printed = machine.inside.run(["bash", "-c", text], {**machine.env, **trust}).stdout.lower()
        assert expected in printed and any(expected.strip() in row["prints"].lower() for row in book.fact("proxy.which.rows"))
        others = ["proxy-authenticate: basic", "proxy-authenticate: ntlm", "certificate problem", "issuer: ", "http/1.1 403", "failed to connect"]
        assert [other for other in others if other in printed] == [expected]


def test_a_wrong_password_is_tried_more_than_ten_times(book: Book, site: Path) -> None:
    with World(book, site) as machine:
        squid = machine.start_squid(login=True)
        began = time.monotonic()
        done = machine.claude({"ANTHROPIC_API_KEY": LAB_KEY, **TRUST, "HTTPS_PROXY": "http://alice:wrong@proxy.corp.example:3128"}, "-p", "hi")
        assert "ERR_PROXY_TUNNEL" in done.stdout
        refused = [entry for entry in squid.ended() if (entry.result, entry.user) == ("TCP_DENIED/407", "alice")]
        assert len(refused) > 10 and time.monotonic() - began > 10


def test_the_proxy_verifies_ntlm(book: Book, site: Path) -> None:
    """Otherwise the page's helper would prove nothing."""
    with World(book, site) as machine:
        squid = machine.start_squid(ntlm=True)
        proxy, user = book.fact("site.proxy_address"), f"'{lab_squid.NTLM_DOMAIN}\\{lab_squid.USER}"
        assert answer(machine, book, proxy, "--proxy-ntlm", "-U", f"{user}:{lab_squid.NTLM_PASSWORD}'") == "200"
        assert [entry.user for entry in squid.ended() if entry.result == "TCP_TUNNEL/200"] == ["CORP\\\\alice"]
        assert answer(machine, book, proxy, "--proxy-ntlm", "-U", f"{user}:another'") == "407"
        assert answer(machine, book, proxy, "--proxy-basic", "-U", f"'{lab_squid.USER}:{lab_squid.NTLM_PASSWORD}'") == "407"


def test_version_of_cntlm(world: World, book: Book) -> None:
    done = world.inside.run(["cntlm", "-h"], {"PATH": os.defpath + ":/usr/sbin"})
    assert f"Authentication Proxy version {book.fact('versions.cntlm.version')}" in done.stdout + done.stderr


# Whom Claude Code trusts behind a proxy that inspects TLS ---------------------------


def trusts(world: World, env: dict[str, str], in_settings: dict[str, str] | None = None) -> bool:
    full = {"ANTHROPIC_AUTH_TOKEN": LAB_KEY, "HTTPS_PROXY": world.book.fact("site.proxy_address"), **env}
    done = world.claude(full, "-p", "Reply with one word: sent", home=settings(world, in_settings or {}))
    assert done.stdout == "sent\n" or "SELF_SIGNED_CERT_IN_CHAIN" in done.stdout, done.stdout + done.stderr
    return done.stdout == "sent\n"


@pytest.mark.parametrize(
    ("env", "in_settings", "expected"),
    [
        ({}, {}, False),
        ({"NODE_EXTRA_CA_CERTS": CA}, {}, True),
        ({}, {"NODE_EXTRA_CA_CERTS": CA}, True),
        ({}, {"NODE_EXTRA_CA_CERTS": "~/../reader/corporate-ca.pem"}, False),
        ({"NODE_EXTRA_CA_CERTS": "/mnt/reader/no-such-file.pem"}, {}, False),
        ({"SSL_CERT_FILE": CA}, {}, True),
        ({"REQUESTS_CA_BUNDLE": CA, "CURL_CA_BUNDLE": CA}, {}, False),
    ],
    ids=["nothing", "the shell", "settings", "settings with ~", "no such file", "SSL_CERT_FILE", "variables of other programs"],
)
def test_trust(inspected: World, env: dict[str, str], in_settings: dict[str, str], expected: bool) -> None:
    assert trusts(inspected, env, in_settings) is expected


def test_the_systems_store_is_trusted_unless_told(inspected: World) -> None:
    assert inspected.squid
    store = inspected.inside.etc / "ssl" / "certs" / "ca-certificates.crt"
    before = store.read_bytes()
    store.write_bytes(before + inspected.squid.ca.read_bytes())
    try:
        assert trusts(inspected, {})
        assert not trusts(inspected, {"CLAUDE_CODE_CERT_STORE": "bundled"})
    finally:
        store.write_bytes(before)


# A login does not get into a settings file -----------------------------------------


@pytest.mark.parametrize("address", ["http://alice:secret@proxy.corp.example:3128", "http://alice@proxy.corp.example:3128", "http://proxy.corp.example:3128\n"])
def test_a_definition_takes_no_login(book: Book, address: str) -> None:
    rules = jsonschema.Draft202012Validator(json.loads((book.root / "schemas/client-config.schema.json").read_text()))
    definition: dict[str, Any] = read_yaml(book.snippets / "patterns/proxy/settings.yaml")
    assert rules.is_valid(definition)
    definition["env"]["HTTPS_PROXY"] = address
    assert not rules.is_valid(definition)
