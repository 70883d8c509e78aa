"""The doctor by itself: strange files, strange servers, hostile folders, time, and its command line."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import trustme

from macros import catalogue
from macros.ledger import Book
from tests.doctor import FILE, compiled, doctor

KEY = "sk-lab-" + "Zk8" * 9


@contextlib.contextmanager
def listening(
    answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None, family: int = socket.AF_INET
) -> Iterator[tuple[int, list[bytes]]]:
    """A server that treats each connection in its own way: (port, the first bytes of each connection)."""
    seen: list[bytes] = []
    server = socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family)

    def one(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            if context is not None:
                sock = context.wrap_socket(sock, server_side=True)
            answer(sock)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = server.accept()
                threading.Thread(target=one, args=(Recording(sock, seen) if context is None else sock,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1], seen
    finally:
        server.close()


class Recording(socket.socket):
    """A socket that remembers what it received first."""

    def __init__(self, sock: socket.socket, seen: list[bytes]) -> None:
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.seen = seen

    def recv(self, *arguments: Any) -> bytes:
        data = super().recv(*arguments)
        self.seen.append(data)
        return data


def http(status: str, body: bytes = b"{}", kind: str = "application/json", more: str = "") -> Callable[[socket.socket], None]:
    """Reads a request's head and answers."""

    def answer(sock: socket.socket) -> None:
        sock.settimeout(5)
        sock.recv(65536)
        sock.sendall(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{more}\r\n".encode() + body)

    return answer


def raw(data: bytes, wait: float = 0) -> Callable[[socket.socket], None]:
    def answer(sock: socket.socket) -> None:
        sock.settimeout(5)
        sock.recv(65536)
        sock.sendall(data)
        time.sleep(wait)

    return answer


def dripping(sock: socket.socket) -> None:
    sock.recv(65536)
    for char in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 500:
        sock.sendall(bytes([char]))
        time.sleep(0.2)


def endless_headers(sock: socket.socket) -> None:
    sock.recv(65536)
    sock.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        sock.sendall(b"X-More: " + b"a" * 1000 + b"\r\n")


def silent(sock: socket.socket) -> None:
    time.sleep(30)


def run(tmp_path: Path, env: dict[str, str], *options: str, program: list[str] | None = None, timeout: float = 60) -> tuple[int, str, str]:
    """The doctor as a program of its own, compiled once, in a folder and a home of its own: (status, output, errors)."""
    doctor_file = compiled(tmp_path.parent) if program is None else FILE
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "project").mkdir(exist_ok=True)
    full = {"PATH": os.defpath, "HOME": str(tmp_path / "home"), "LANG": "C.UTF-8", **env}
    done = subprocess.run(
        [*(program or [sys.executable]), str(doctor_file), *options], env=full, cwd=tmp_path / "project", capture_output=True, text=True, timeout=timeout
    )
    return done.returncode, done.stdout, done.stderr


def found(tmp_path: Path, env: dict[str, str], *options: str) -> list[str]:
    """The ids of all errors and warnings."""
    status, output, errors = run(tmp_path, env, "--json", *options)
    assert status in (0, 1), output + errors
    result = json.loads(output)
    ids = [finding["id"] for finding in result["findings"] if finding["severity"] != "note"]
    assert bool(ids) == bool(status)
    return ids


def gateway(port: int, scheme: str = "http") -> dict[str, str]:
    return {"ANTHROPIC_BASE_URL": f"{scheme}://127.0.0.1:{port}", "ANTHROPIC_AUTH_TOKEN": KEY}


# Strange servers ------------------------------------------------------------------------------

PAGE = b"<!DOCTYPE html><title>Sign in</title>"
SERVERS: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "garbage": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "garbage"),
    "binary": (raw(bytes(range(256)) * 40), "garbage"),
    "nothing": (raw(b""), "dropped"),
    "endless headers": (endless_headers, "garbage"),
    "a sign-in page": (http("200 OK", PAGE, "text/html"), "web-page"),
    "a redirect": (http("302 Found", b"", more=f"Location: https://elsewhere.example/login?token={KEY}\r\n"), "redirect"),
    "an encoding nobody asked for": (http("200 OK", b"\x1f\x8b\x08", more="Content-Encoding: gzip\r\n"), "encoding"),
    "a filter": (http("403 Forbidden", b"<html><h1>403 Forbidden</h1>", "text/html"), "filter"),
    "a front without a gateway": (http("502 Bad Gateway", b"<html>502", "text/html"), "gateway-down"),
    "an echo of the key": (http("401 Unauthorized", json.dumps({"error": {"message": f"no such key: {KEY} \x1b[31m"}}).encode()), "key-refused"),
    "no list of models": (http("200 OK", b'{"data": 5}'), "web-page"),
    "a limit": (http("429 Too Many Requests", b'{"error": {"message": "slow down"}}'), "limited"),
    "not found": (http("404 Not Found", b'{"detail":"Not Found"}'), "path"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", SERVERS)
def test_strange_server(tmp_path: Path, name: str) -> None:
    answer, cause = SERVERS[name]
    with listening(answer) as (port, _):
        status, output, errors = run(tmp_path, gateway(port), "--json", "--timeout", "10")
    result = json.loads(output)
    assert [finding["id"] for finding in result["findings"]][:1] == [cause], output
    assert status == 1 and errors == "" and KEY not in output and "\x1b" not in output


@pytest.mark.long
@pytest.mark.parametrize("name", SERVERS)
def test_strange_proxy(tmp_path: Path, name: str) -> None:
    """A proxy that is none, or a strange one: an error of the proxy's, in one line, without the login."""
    answer, _ = SERVERS[name]
    with listening(answer) as (port, _):
        env = {"ANTHROPIC_BASE_URL": "https://gw.example.invalid", "ANTHROPIC_AUTH_TOKEN": KEY, "HTTPS_PROXY": f"http://bob:{KEY}@127.0.0.1:{port}"}
        status, output, errors = run(tmp_path, env, "--json", "--timeout", "10")
    first = json.loads(output)["findings"][0]["id"]
    assert first.startswith(("proxy-", "tls", "dropped")) and status == 1 and KEY not in output + errors, output


@pytest.mark.long
def test_never_beyond_its_time(tmp_path: Path) -> None:
    """Of a gateway and of a proxy that drip or say nothing, all at once."""

    def ask(answer: Callable[[socket.socket], None], as_proxy: bool) -> tuple[int, str, float]:
        folder = tmp_path / f"{answer.__name__}-{as_proxy}"
        folder.mkdir()
        with listening(answer) as (port, _):
            env = {**gateway(port), **({"ANTHROPIC_BASE_URL": "https://gw.example.invalid", "HTTPS_PROXY": f"http://127.0.0.1:{port}"} if as_proxy else {})}
            began = time.monotonic()
            status, output, _ = run(folder, env, "--json", "--timeout", "3")
            return status, output, time.monotonic() - began

    cases = list(itertools.product((dripping, silent), (False, True)))
    with ThreadPoolExecutor(len(cases)) as pool:
        for case, (status, output, took) in zip(cases, pool.map(lambda case: ask(*case), cases), strict=True):
            assert status == 1 and took < 3 + 4, (case, took)
            assert json.loads(output)["findings"][0]["id"] in ("slow", "proxy-silent"), case


def test_ipv6(tmp_path: Path) -> None:
    with listening(http("401 Unauthorized", b'{"error": {"message": "no"}}'), family=socket.AF_INET6) as (port, _):
        env = {"ANTHROPIC_BASE_URL": f"http://[::1]:{port}", "ANTHROPIC_AUTH_TOKEN": KEY}
        assert found(tmp_path, env) == ["key-refused"]


def test_other_alphabets(tmp_path: Path) -> None:
    env = {"ANTHROPIC_BASE_URL": "https://\u0448\u043b\u044e\u0437.invalid/\u00fc", "ANTHROPIC_AUTH_TOKEN": KEY}
    assert found(tmp_path, env, "--timeout", "5")[0] in ("name", "name-slow")


# TLS ------------------------------------------------------------------------------------------


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def test_authorities(tmp_path: Path) -> None:
    """Unknown, then named; another one named; another host; and nothing is sent before the certificate is believed."""
    ours, other = trustme.CA(organization_name="Example Corp", organization_unit_name="Gateway CA"), trustme.CA()
    ours.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    received: list[bytes] = []

    def answer(sock: socket.socket) -> None:
        received.append(sock.recv(65536))
        sock.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

    with listening(answer, server_context(ours, "localhost")) as (port, _):
        env = {"ANTHROPIC_BASE_URL": f"https://localhost:{port}", "ANTHROPIC_AUTH_TOKEN": KEY}
        assert found(tmp_path, env) == ["tls-authority"]
        assert found(tmp_path, {**env, "NODE_TLS_REJECT_UNAUTHORIZED": "0"}) == ["tls-off"]
        _, output, _ = run(tmp_path, {**env, "NODE_EXTRA_CA_CERTS": str(tmp_path / "other.pem")}, "--json")
        finding = json.loads(output)["findings"][0]
        assert finding["id"] == "tls-authority" and "does not hold this authority" in finding["seen"] and "Example Corp" in finding["seen"]
        assert found(tmp_path, {**env, "ANTHROPIC_BASE_URL": f"https://127.0.0.1:{port}", "NODE_EXTRA_CA_CERTS": str(tmp_path / "ca.pem")}) == ["tls-host"]
        assert not any(received), "a request was sent to a server that is not believed"
        assert found(tmp_path, {**env, "NODE_EXTRA_CA_CERTS": str(tmp_path / "ca.pem")}) == ["key-refused"]
    requests = [request for request in received if request]
    assert requests and KEY.encode() not in requests[0], "the first request asks who is there, without the key"


def test_a_client_certificate_is_wanted(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = server_context(authority, "localhost")
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    pair = authority.issue_cert("client.example")
    pair.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    with listening(http("401 Unauthorized"), context) as (port, _):
        env = {"ANTHROPIC_BASE_URL": f"https://localhost:{port}", "ANTHROPIC_AUTH_TOKEN": KEY, "NODE_EXTRA_CA_CERTS": str(tmp_path / "ca.pem")}
        assert found(tmp_path, env) == ["tls-client"]
        pem = str(tmp_path / "client.pem")
        assert found(tmp_path, {**env, "CLAUDE_CODE_CLIENT_CERT": pem, "CLAUDE_CODE_CLIENT_KEY": pem}) == ["key-refused"]
        assert found(tmp_path, {**env, "CLAUDE_CODE_CLIENT_CERT": pem, "CLAUDE_CODE_CLIENT_KEY": "/nonexistent"})[0] == "client-certificate"


def test_a_proxy_that_is_reached_by_tls(tmp_path: Path) -> None:
    """Its answer is read; what lies behind its tunnel is not looked at, and no fault is made of that."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    env = {"ANTHROPIC_BASE_URL": "https://gw.example.invalid", "ANTHROPIC_AUTH_TOKEN": KEY, "NODE_EXTRA_CA_CERTS": str(tmp_path / "ca.pem")}
    refuses = http("407 Proxy Authentication Required", more='Proxy-Authenticate: Basic realm="x"\r\n')
    for answer, causes in ((refuses, ["proxy-login-missing"]), (raw(b"HTTP/1.1 200 OK\r\n\r\n"), [])):
        with listening(answer, server_context(authority, "localhost")) as (port, _):
            assert found(tmp_path, {**env, "HTTPS_PROXY": f"https://localhost:{port}"}) == causes


def test_names_in_certificates() -> None:
    authority = trustme.CA(organization_name="Ex\u00e4mple Corp")
    leaf = authority.issue_cert("gw.example")
    der = ssl.PEM_cert_to_DER_cert(leaf.cert_chain_pems[0].bytes().decode())
    read = doctor.certificate(der)
    assert "Ex\u00e4mple Corp" in read.issuer and read.subject
    for cut in range(0, len(der), 7):
        doctor.certificate(der[:cut])  # raises nothing
    assert doctor.certificate(None).issuer == ""


# Hostile folders -------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
@pytest.mark.parametrize("what", ["address", "proxy", "lower case proxy", "provider", "helper"])
def test_a_hostile_folder_gets_nothing(tmp_path: Path, what: str, name: str) -> None:
    """No helper of its is run, and no request is sent to what it names, until --trust-project."""
    with (
        listening(http("401 Unauthorized", b'{"error": {"message": "no"}}')) as (theirs, at_theirs),
        listening(http("401 Unauthorized", b'{"error": {"message": "no"}}')) as (ours, at_ours),
    ):
        helper = f"touch {tmp_path}/helper-has-run; echo sk-theirs"
        bad = f"http://127.0.0.1:{theirs}"
        settings: dict[str, Any] = {
            "address": {"env": {"ANTHROPIC_BASE_URL": bad}},
            "proxy": {"env": {"HTTPS_PROXY": bad}},
            "lower case proxy": {"env": {"https_proxy": bad}},
            "provider": {"env": {"CLAUDE_CODE_USE_BEDROCK": "1", "ANTHROPIC_BEDROCK_BASE_URL": bad}},
            "helper": {"apiKeyHelper": helper},
        }[what]
        folder = tmp_path / "project" / ".claude"
        folder.mkdir(parents=True)
        (folder / name).write_text(json.dumps({"apiKeyHelper": helper, **settings}))
        (tmp_path / "project" / "json.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')")
        (tmp_path / "project" / "claude").write_text(f"#!/bin/sh\ntouch {tmp_path}/imported\n")
        (tmp_path / "project" / "claude").chmod(0o755)
        env = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{ours}", **({} if what == "helper" else {"ANTHROPIC_AUTH_TOKEN": KEY}), "PATH": f".:{os.defpath}"}
        for options in ((), ("--probe",), ("--report",), ("--only", "gateway"), ("--only", "proxy")):
            status, output, errors = run(tmp_path, env, *options)
            assert status in (0, 1) and "sk-theirs" not in output + errors
        assert at_theirs == [] and not (tmp_path / "helper-has-run").exists() and not (tmp_path / "imported").exists()
        assert what == "helper" or at_ours == [], "nor is anything sent to our own gateway by a way that the folder chose"
        assert all(KEY.encode() not in request for request in at_ours)
        status, output, errors = run(tmp_path, env, "--trust-project")
        assert (tmp_path / "helper-has-run").exists() or at_theirs, "else this test would prove nothing"
        if (tmp_path / "helper-has-run").exists():
            assert "Running apiKeyHelper of .claude" in errors


def test_files_beside_it_are_not_imported(tmp_path: Path) -> None:
    """Also when the doctor itself was saved into a stranger's folder."""
    (tmp_path / "gateway_doctor.py").write_bytes(FILE.read_bytes())
    for module in ("json", "ssl", "yaml", "socket", "argparse", "http"):
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w'); raise SystemExit('hijacked')")
    done = subprocess.run(
        [sys.executable, "gateway_doctor.py", "--only", "configuration"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and not (tmp_path / "imported").exists(), done.stdout + done.stderr


def test_a_users_own_helper_is_announced(tmp_path: Path) -> None:
    (tmp_path / "home" / ".claude").mkdir(parents=True)
    (tmp_path / "home" / ".claude" / "settings.json").write_text(json.dumps({"apiKeyHelper": f"echo {KEY}"}))
    with listening(http("401 Unauthorized", b'{"error": {"message": "no"}}')) as (port, _):
        status, output, errors = run(tmp_path, {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}"})
    assert status == 1 and errors == "Running apiKeyHelper of ~/.claude/settings.json, as Claude Code does.\n" and KEY not in output


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "cause"),
    [("exit 3", "helper-fails"), ("true", "helper-fails"), ("echo one two", "helper-output"), ("head -c 20000 /dev/zero | tr '\\0' a", "helper-output"),
     ("sleep 60", "helper-slow"), ("sleep 60 & sleep 60", "helper-slow"), ("cat", "helper-fails")],
)  # fmt: skip
def test_helpers(monkeypatch: pytest.MonkeyPatch, command: str, cause: str) -> None:
    monkeypatch.setattr(doctor, "HELPER_SECONDS", 1)
    findings = doctor.Findings()
    began = time.monotonic()
    assert doctor.run_helper(command, findings, doctor.Redactor(), "here") == ""
    assert [name for name, _ in findings.found] == [cause] and time.monotonic() - began < 10


# Strange files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["folder", "binary", "huge", "pipe", "unreadable", "empty", "list", "loop"])
def test_strange_settings(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "home" / ".claude" / "settings.json"
    path.parent.mkdir(parents=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.write_bytes({"binary": bytes(range(256)), "huge": b'{"a": "' + b"x" * 5_000_000 + b'"}', "unreadable": b"{}", "empty": b"", "list": b"[]"}[kind])
    if kind == "unreadable":
        if os.geteuid() == 0:
            pytest.skip("root reads every file")  # nobody can be refused here; run as an ordinary user, this case runs
        path.chmod(0)
    status, output, errors = run(tmp_path, {}, "--only", "configuration")
    assert status == 1 and errors == "" and ("settings-unreadable" in output or "json-" in output)


@pytest.mark.parametrize("kind", ["folder", "missing", "empty", "binary", "no certificate"])
def test_strange_authorities(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ca.pem"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes({"empty": b"", "binary": bytes(range(256)), "no certificate": b"-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n"}[kind])
    assert found(tmp_path, {"NODE_EXTRA_CA_CERTS": str(path)}, "--only", "configuration") == ["ca-file"]


@pytest.mark.parametrize(
    ("options", "says"),
    [(("--settings", "/nonexistent.json"), "there is no such file"), (("--gateway-config", "/nonexistent.yaml"), "there is no such file"),
     (("--gateway-config", "/"), "it is a folder"), (("--only", "nothing"), "invalid choice"),
     (("--timeout", "-1"), "invalid seconds value"), (("--json", "--report"), "not allowed")],
)  # fmt: skip
def test_what_it_cannot_do_is_one_line(tmp_path: Path, options: tuple[str, ...], says: str) -> None:
    status, output, errors = run(tmp_path, {}, *options)
    assert status == 2 and output == "" and says in errors.splitlines()[-1] and "Traceback" not in errors


def test_without_pyyaml_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model_list: []\n")
    status, output, errors = run(tmp_path, {}, "--gateway-config", str(tmp_path / "config.yaml"), program=[sys.executable, "-S"])
    assert status == 2 and output == "" and len(errors.splitlines()) == 1 and "needs PyYAML" in errors


def test_without_a_network(tmp_path: Path) -> None:
    env = {"ANTHROPIC_BASE_URL": "https://gateway.corp.example", "ANTHROPIC_AUTH_TOKEN": KEY}
    status, output, errors = run(tmp_path, env, "--json", program=["unshare", "-rn", sys.executable])
    assert status == 1 and errors == "" and json.loads(output)["findings"][0]["id"] in ("name", "name-slow")


def test_it_writes_nothing(tmp_path: Path) -> None:
    with listening(http("401 Unauthorized", b'{"error": {"message": "no"}}')) as (port, _):
        run(tmp_path, gateway(port))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["home", "project"]


def test_in_the_home_folder_the_users_settings_are_no_projects(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    (home / ".claude" / "settings.json").write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "ANTHROPIC_AUTH_TOKEN": KEY}}))
    done = subprocess.run(
        [sys.executable, str(FILE), "--json", "--only", "configuration"],
        cwd=home,
        env={"PATH": os.defpath, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0 and {row["scope"] for row in json.loads(done.stdout)["configuration"]} == {"user"}


# What the page says -------------------------------------------------------------------------------


def test_options_are_those_of_the_page(book: Book) -> None:
    told = {re.sub(r"`(--[\w-]+).*", r"\1", row["option"]) for row in book.fact("doctor.options.rows")} - {"no option"}
    help_text = subprocess.run([sys.executable, str(FILE), "--help"], capture_output=True, text=True, timeout=60).stdout
    assert told == set(re.findall(r"^  (--[\w-]+)", help_text, re.MULTILINE))
    for row in book.fact("doctor.scripts.rows"):
        for option in re.findall(r"--[\w-]+", row["option"]):
            assert option in told
        for group in re.findall(r"--only (\S+?)`", row["option"]):
            assert group in doctor.GROUPS
    assert len(book.fact("doctor.scripts.rows")) == 8


def test_the_json_has_the_keys_of_the_page(tmp_path: Path, book: Book) -> None:
    _, output, _ = run(tmp_path, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}, "--json")
    result = json.loads(output)
    told = [key.strip() for row in book.fact("doctor.keys.rows") for key in row["key"].split(",")]
    assert sorted(told) == sorted(result)
    assert set(result["findings"][0]) == {"id", "severity", "what", "seen", "where", "prints", "do", "page"}


def test_every_cause_is_used_and_its_page_exists(site: Path) -> None:
    """A cause that no line of the code names could never be told; a page that is not there helps nobody."""
    source = FILE.read_text("utf-8")
    unused = [cause for cause in doctor.CAUSES if source.count(f'"{cause}"') < 2]
    assert unused == [], unused
    assert set(doctor.FILE_RULES) <= set(doctor.RULES)
    for cause, told in {
        **{cause: told.page for cause, told in doctor.CAUSES.items()},
        **{rule: page for rule, (_, _, page) in doctor.FILE_RULES.items()},
    }.items():
        page, _, anchor = told.partition("#")
        html = site / page / "index.html"
        assert html.exists() and (not anchor or f'id="{anchor}"' in html.read_text("utf-8")), f"{cause}: {told}"
    consequences = {name for names_ in doctor.EXPLAINS.values() for name in names_}
    assert set(doctor.EXPLAINS) | consequences <= set(doctor.CAUSES) | set(doctor.RULES)


def test_the_listed_variables_are_known(book: Book) -> None:
    for name in doctor.LISTED:
        assert name in doctor.known("claude-code")["env"]["properties"], name
    assert [row["id"] for row in book.fact("scopes.order")] == list(doctor.SCOPES)


def test_exceptions_are_read_as_the_page_says(book: Book) -> None:
    for value, share in catalogue.shares(book, "exceptions").items():
        assert doctor.share_through_proxy("api.anthropic.com", 443, value) == share, value
    assert {name for name, share in catalogue.shares(book, "proxies").items() if share == "all"} == set(doctor.PROXIES)
    assert doctor.share_through_proxy("127.0.0.1", 4000, "127.0.0.0/8") == "none" and doctor.share_through_proxy("gw", 4000, "gw:4001") == "all"


def test_python_and_curl_read_exceptions_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against urllib itself; curl's reading is compared in tests/test_reference.py's sample."""
    import urllib.request

    for value in (
        "localhost,127.0.0.1",
        "localhost 127.0.0.1",
        "gw.corp.example",
        ".corp.example",
        "corp.example",
        "*.corp.example",
        "*",
        "10.0.0.0/8",
        "gw.corp.example:443",
        " gw.corp.example ,x",
    ):
        monkeypatch.setenv("no_proxy", value)
        for host, port in (("gw.corp.example", 443), ("127.0.0.1", 4000), ("localhost", 80)):
            bypassed = bool(urllib.request.proxy_bypass_environment(f"{host}:{port}"))
            assert doctor.others_through_proxy(host, port, value)["Python"] == (not bypassed), (value, host)


# Which cause comes first ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ANTHROPIC_API_BASE_URL", "ANTHROPIC_BASE_URI", "ANTROPIC_BASE_URL", "anthropic_base_url", "CLAUDE_BASE_URL"])
def test_a_misspelt_address_is_the_cause(tmp_path: Path, name: str) -> None:
    assert found(tmp_path, {name: "http://127.0.0.1:1", "ANTHROPIC_AUTH_TOKEN": KEY}, "--only", "configuration")[0] == "variable-misspelt"


@pytest.mark.parametrize("address", ["http://[::1", "http://bob@::1]:1", "http://[zz]:1", "http://gw.example.invalid:port"])
@pytest.mark.parametrize(("name", "cause"), [("ANTHROPIC_BASE_URL", "base-url-form"), ("HTTPS_PROXY", "proxy-url")])
def test_an_address_that_cannot_be_read_is_the_cause(tmp_path: Path, name: str, cause: str, address: str) -> None:
    env = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "ANTHROPIC_AUTH_TOKEN": KEY, name: address}
    assert found(tmp_path, env, "--only", "configuration")[0] == cause


def test_an_old_value_in_a_file_is_the_cause(tmp_path: Path) -> None:
    """Nothing listens at the file's address; the shell's is right and does not count."""
    (tmp_path / "home" / ".claude").mkdir(parents=True)
    (tmp_path / "home" / ".claude" / "settings.json").write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}}))
    assert found(tmp_path, gateway(2)) == ["value-overridden", "refused"]


def test_quotation_marks_are_the_cause(tmp_path: Path) -> None:
    with listening(http("401 Unauthorized", b'{"error": {"message": "no"}}')) as (port, _):
        assert found(tmp_path, {**gateway(port), "ANTHROPIC_AUTH_TOKEN": f'"{KEY}"'}) == ["credential-form"]


def test_all_proxy_alone_is_the_cause(tmp_path: Path) -> None:
    env = {"ANTHROPIC_BASE_URL": "https://gw.example.invalid", "ANTHROPIC_AUTH_TOKEN": KEY, "ALL_PROXY": "http://127.0.0.1:1"}
    assert found(tmp_path, env, "--timeout", "5")[0] == "all-proxy"


def test_a_key_in_local_settings_is_told_before_what_it_brings_about(tmp_path: Path) -> None:
    folder = tmp_path / "project" / ".claude"
    folder.mkdir(parents=True)
    (folder / "settings.local.json").write_text(json.dumps({"env": {"ANTHROPIC_API_KEY": "sk-ant-another"}}))
    env = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "ANTHROPIC_AUTH_TOKEN": KEY}
    assert found(tmp_path, env, "--only", "configuration")[:2] == ["credential-in-local", "both-credentials"]


@pytest.mark.parametrize(("key", "told"), [(KEY, True), ("sk-ant-of-anthropic", False)])
def test_a_gateways_key_beside_a_misspelt_address(tmp_path: Path, key: str, told: bool) -> None:
    """Claude Code shows it to Anthropic; the doctor says so, and does not."""
    status, output, _ = run(tmp_path, {"ANTHROPIC_BASE_URI": "http://127.0.0.1:1", "ANTHROPIC_API_KEY": key}, "--json", "--timeout", "3")
    result = json.loads(output)
    ids = [finding["id"] for finding in result["findings"]]
    assert status == 1 and ids[0] == "variable-misspelt" and ("key-to-anthropic" in ids) == told
    assert not [row for row in result["sent"] if "credential" in row["what"]]


def test_a_release_that_steals_is_told_before_the_key_is_sent(tmp_path: Path) -> None:
    """Also when the gateway refuses the key afterwards."""

    def litellm(sock: socket.socket) -> None:
        sock.settimeout(5)
        path = sock.recv(65536).split()[1]
        bodies = {b"/health/liveliness": b'"I\'m alive!"', b"/health/readiness": b'{"status": "healthy", "litellm_version": "1.82.8"}'}
        status, body = ("200 OK", bodies[path]) if path in bodies else ("401 Unauthorized", b'{"error": {"message": "no such key"}}')
        sock.sendall(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

    with listening(litellm) as (port, seen):
        causes = found(tmp_path, gateway(port))
    assert set(causes) == {"gateway-known-bad", "key-refused"}
    assert [request.split()[1] for request in seen if request][:2] == [b"/health/liveliness", b"/health/readiness"]
    assert KEY.encode() not in seen[0] + seen[1]


def test_two_models_are_both_told() -> None:
    findings = doctor.Findings()
    findings.add("model-background", "not served: small", "models")
    findings.add("model", "not served: large", "models")
    assert [finding.id for finding in findings.in_order()] == ["model", "model-background"]


class Streams:
    """A route on which every question is answered in full; ``late``: how long ago each was asked by then, in seconds."""

    def __init__(self, late: list[float], length: str = "") -> None:
        self.late, self.length = iter(late), length

    @contextlib.contextmanager
    def asked(self, *_: Any) -> Iterator[Any]:
        lines = [b"event: content_block_delta\n"] * 9 + [b"event: message_stop\n"]
        headers = {"content-type": "text/event-stream", "content-length": self.length}
        parts = {"status": 200, "getheader": lambda self, name, default="": headers.get(name) or default, "readline": lambda *_: lines.pop(0)}
        yield type("Answer", (), parts)(), time.monotonic() - next(self.late)


@pytest.mark.parametrize(("late", "held"), [([2, 2], True), ([2, 0.1], False), ([0.1], False)], ids=["twice", "once", "never"])
def test_an_answer_that_comes_at_once_is_asked_for_again(late: list[float], held: bool) -> None:
    """A slow machine, or a gateway's first answer, is not taken for a hop that holds answers back."""
    one = examination()
    streams = Streams(late)
    one.stream("claude-opus-5-5", streams, {}, False, 0)
    assert one.findings.has("stream-held") == held and list(streams.late) == []


def examination() -> Any:
    """A doctor that has found nothing yet."""
    options = doctor.arguments([])
    return doctor.Doctor(doctor.configuration([], {}), options, doctor.Findings(), doctor.Redactor(), doctor.Clock(30), lambda text: None)


def test_the_oldest_releases_are_those_of_the_pages() -> None:
    limits = (FILE.parents[2] / "docs" / "operate" / "limits.md").read_text("utf-8")
    row = next(line for line in limits.splitlines() if line.startswith("| LiteLLM |"))
    assert f"| {doctor.FLOOR['litellm']}, for " in row, f"docs/operate/limits.md and FLOOR in {FILE.name} must name the same oldest LiteLLM"
