"""``make lab``: practising without an API key, as its reader would."""

from __future__ import annotations

import base64
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

import tests.lab.play.started as lab
from macros.ledger import Book
from tests.lab import litellm_fork, play, powershell, programs, room, squid
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import Namespace, wait_until
from tests.lab.play.choice import Choice, PlayError, choose, client, patterns
from tests.lab.play.shown import one_line, proxy_line, tunnel_line

QUIET = {"CLAUDE_CODE_MAX_RETRIES": "0", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
PROXIED = "local-gateway-proxy"
HOST = "api.anthropic.com"
#: ``make lab`` with a LiteLLM that is imported already.
WARM = "import sys; from tests.lab import play, programs; programs.litellm_command = lambda: [{shim!r}]; sys.exit(play.main(sys.argv[1:]))"


class Played:
    """The command, with what it has printed so far."""

    def __init__(self, folder: Path, *arguments: str, port: int | str, inside: Namespace | None = None, shim: Path | None = None, **more: str) -> None:
        own = {"HOME": str(folder), "TMPDIR": str(folder), "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"}
        command = ["-c", WARM.format(shim=str(shim))] if shim else ["-m", "tests.lab.play"]
        start = inside.popen if inside else subprocess.Popen
        self.process = start(
            [sys.executable, *command, *arguments], cwd=programs.ROOT, env={"PATH": os.defpath, **own, **more},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, words: str, seconds: float = 120) -> str:
        """The first line with these words."""
        wait_until(lambda: words in self.text or self.process.poll() is not None, seconds, f"{words!r} in {self.text!r}")
        assert words in self.text, self.text
        return next(line for line in self.lines if words in line)

    def after(self, words: str) -> list[str]:
        """The indented blocks that follow a line with these words."""
        return [block.replace("\n  ", "\n") for block in re.findall(rf"{re.escape(words)}[^\n]*\n\n  ((?:[^\n]+\n)+)\n", self.text)]

    def end(self) -> int:
        """Press Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(40)
        self.reader.join(5)
        return status


Begin = Callable[..., Played]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where everything temporary of the command goes."""
    (tmp_path / "temporary").mkdir()
    return tmp_path / "temporary"


@pytest.fixture
def begin(folder: Path) -> Iterator[Begin]:
    """Starts the command; what still runs after the test is ended."""
    begun: list[Played] = []

    def begin(*arguments: str, **more: Any) -> Played:
        begun.append(Played(folder, *arguments, **more))
        return begun[-1]

    yield begin
    for played in begun:
        if played.process.poll() is None:
            played.process.terminate()
            played.process.wait(40)


@pytest.fixture
def shim(tmp_path: Path, forker: Forker) -> Path:
    litellm_fork.shim(tmp_path / "litellm", forker.address)
    return tmp_path / "litellm"


def homes() -> dict[int, str]:
    """Process id -> HOME, of every process that may be looked at."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            home = re.search(rb"(?:^|\0)HOME=([^\0]*)", path.read_bytes())
        except OSError:
            continue
        if home:
            found[int(path.parent.name)] = home.group(1).decode()
    return found


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:  # it has ended
        return ""


def claude(played: Played, home: Path, last: str = "") -> subprocess.CompletedProcess[str]:
    """Claude Code in a shell into which everything was pasted, and then ``last``."""
    blocks = [*played.after("Paste into another terminal (bash, zsh):"), *played.after("Then paste there:"), last]
    login = "".join(played.after("It asks for a login."))
    home.mkdir(exist_ok=True)
    path = f"{programs.python().parent}:{os.defpath}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", "\n".join([*blocks, f'exec {programs.claude()} -p "Reply with one word: connected"'])],
        env={"PATH": path, "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", **QUIET}, cwd=home,
        input=login, capture_output=True, text=True, timeout=90,
    )  # fmt: skip


def assert_nothing_is_left(played: Played, folder: Path, ports: list[int]) -> None:
    """It ends by Ctrl-C, and its processes, ports and folder with it."""
    assert played.end() == 0, played.text
    assert list(folder.iterdir()) == []
    assert not [home for home in homes().values() if home.startswith(f"{folder}/")]
    assert not [port for port in ports if lab.listens(port)]


# Local gateway ----------------------------------------------------------------------


@pytest.mark.lab
def test_claude_code_answers_through_the_gateway(begin: Begin, folder: Path, tmp_path: Path) -> None:
    port = lab.free_port()
    played = begin("local-gateway", port=port)
    played.wait_for("Ctrl-C ends this")
    (own,) = folder.iterdir()
    assert (own / "master-key").stat().st_mode & 0o777 == 0o600
    done = claude(played, tmp_path / "reader")
    assert done.stdout == "connected\n", done.stdout + done.stderr + played.text
    line = played.wait_for("POST /v1/messages", 10)
    assert re.fullmatch(r"\d\d:\d\d:\d\d  POST /v1/messages  claude-opus-5-5  200  through the gateway \(litellm/[\d.]+\)", line), line
    assert len([home for home in homes().values() if home == str(own)]) >= 2, "the gateway and the stand-in run with a home of their own"
    assert_nothing_is_left(played, folder, [port])


# Behind a proxy -----------------------------------------------------------------------


def tunnel(port: int, target: str, login: str = "") -> tuple[str, socket.socket]:
    """Ask the proxy for a tunnel: its answer's head, and the connection."""
    line = socket.create_connection(("127.0.0.1", port), 10)
    head = f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n" if login else ""
    line.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{head}\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += line.recv(1)
    return answer.decode(), line


def issuer(line: socket.socket) -> str:
    """Who signed the certificate that a tunnel's other end shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(line, server_hostname=HOST) as connection:
        data = connection.getpeercert(binary_form=True)
    assert data
    (name,) = x509.load_der_x509_certificate(data).issuer.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME)
    return str(name.value)


@pytest.mark.lab
@pytest.mark.parametrize(
    "more", [{}, {"AUTH": "basic"}, {"INSPECT": "1"}, {"AUTH": "basic", "INSPECT": "1"}], ids=["open", "login", "inspecting", "login, inspecting, cold"]
)
def test_claude_code_answers_through_gateway_and_proxy(
    begin: Begin, more: dict[str, str], folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    port, proxy_port = lab.free_port(), lab.free_port()
    shim = None if len(more) == 2 else request.getfixturevalue("shim")
    played = begin(PROXIED, port=port, PROXY_PORT=str(proxy_port), shim=shim, **more)
    played.wait_for("Ctrl-C ends this")
    (own,) = folder.iterdir()
    done = claude(played, tmp_path / "reader")
    assert done.stdout.splitlines()[-1:] == ["connected"], done.stdout + done.stderr + played.text
    line = played.wait_for("POST /v1/messages ", 10)
    assert re.fullmatch(r"\d\d:\d\d:\d\d  POST /v1/messages  claude-opus-5-5  200  through the gateway \(litellm/[\d.]+\) and the proxy", line), line
    asked = [line.split()[0] for line in (own / "squid" / "asked").read_text().splitlines()]
    assert asked[0] == f"{HOST}:443" and all(url.startswith((f"{HOST}:443", f"https://{HOST}/")) for url in asked), asked
    carried = [entry.url for entry in squid.entries(own / "squid" / "access.log")]
    assert all(url.startswith((f"{HOST}:443", f"https://{HOST}/")) for url in carried), "the local leg stays out of the proxy"
    played.wait_for(f"CONNECT {HOST}:443  the proxy opens a tunnel{' for practice' if 'AUTH' in more else ''}", 5)

    login = "".join(played.after("It asks for a login.")).strip().replace("\n", ":", 1)
    answer, line_without = tunnel(proxy_port, f"{HOST}:443")
    if "AUTH" in more:
        line_without.close()
        assert answer.startswith("HTTP/1.1 407 ") and 'Proxy-Authenticate: Basic realm="Corporate proxy"' in answer, answer
        played.wait_for("TCP_DENIED/407  REFUSED by the proxy: the login is missing or wrong", 5)
        answer, line_without = tunnel(proxy_port, f"{HOST}:443", login + "?")
        line_without.close()
        assert answer.startswith("HTTP/1.1 407 "), answer
        answer, line_without = tunnel(proxy_port, f"{HOST}:443", login)
    assert answer.startswith("HTTP/1.1 200 "), answer
    assert issuer(line_without) == (squid.AUTHORITY if "INSPECT" in more else "Lab")
    if "INSPECT" in more:
        assert f"https://{HOST}/v1/messages" in asked, "an inspecting proxy reads the path"
    assert_nothing_is_left(played, folder, [port, proxy_port])


@pytest.mark.lab
def test_what_went_another_way_is_told(begin: Begin, folder: Path, tmp_path: Path, shim: Path) -> None:
    port, proxy_port = lab.free_port(), lab.free_port()
    played = begin(PROXIED, port=port, PROXY_PORT=str(proxy_port), shim=shim)
    played.wait_for("Ctrl-C ends this")
    (own,) = folder.iterdir()
    done = claude(played, tmp_path / "reader", "unset NO_PROXY")
    assert "API Error: 403" in done.stdout, done.stdout
    line = played.wait_for("NO_PROXY should have kept this from it", 10)
    assert f" POST http://127.0.0.1:{port}/v1/messages?beta=true  TCP_DENIED/403  REFUSED by the proxy: " in line
    done = claude(played, tmp_path / "reader", f"unset ANTHROPIC_BASE_URL; export NODE_EXTRA_CA_CERTS={own / 'ca.pem'} ANTHROPIC_AUTH_TOKEN={lab.LAB_KEY}")
    assert done.stdout == "connected\n", done.stdout
    assert "  POST /v1/messages  claude-opus-5-5  200  NOT through the gateway (claude-cli/" in played.wait_for("NOT through the gateway", 10)
    (to,) = re.findall(r"rewrite-url=127\.0\.0\.1:(\d+)", (own / "squid" / "to-the-stand-in").read_text())
    with pytest.raises(urllib.error.HTTPError):
        context = ssl.create_default_context(cafile=str(own / "ca.pem"))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        opener.open(f"https://127.0.0.1:{to}/v1/models", timeout=10)
    assert played.wait_for("GET /v1/models", 10).endswith(", NOT through the proxy")
    assert_nothing_is_left(played, folder, [port, proxy_port, int(to)])


OUTSIDE = """
set -e
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link add out0 type veth peer name out1
ip link set out0 up
ip link set out1 up
ip addr add 192.0.2.2/24 dev out0
ip route add default via 192.0.2.1
"""


def sent(inside: Namespace) -> int:
    """Packets that left by the way out."""
    lines = Path(f"/proc/{inside.pid}/net/dev").read_text().splitlines()
    return next(int(line.split()[10]) for line in lines if line.strip().startswith("out0:"))


@pytest.mark.lab
def test_nothing_leaves_this_machine(begin: Begin, folder: Path, shim: Path, tmp_path: Path) -> None:
    """On a machine with a way out, and a name server that writes down what it is asked."""
    with Namespace({}) as inside:
        done = inside.run(["sh", "-c", OUTSIDE], {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        assert done.returncode == 0, done.stderr
        names = tmp_path / "names.txt"
        inside.popen([sys.executable, "-m", "tests.lab.dns", str(names)], {"PATH": os.defpath, "PYTHONPATH": str(programs.ROOT)}, stdin=subprocess.DEVNULL)
        wait_until(names.with_suffix(".ready").exists, 20, "the name server")
        played = begin(PROXIED, port=4000, inside=inside, shim=shim)
        played.wait_for("Ctrl-C ends this")

        def curl(*words: str) -> str:
            return inside.run(["curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code} %{http_connect}", *words], {"PATH": os.defpath}).stdout

        through = ["-x", "http://127.0.0.1:3128"]
        assert curl(*through, "--cacert", str(next(folder.iterdir()) / "ca.pem"), f"https://{HOST}/v1/models") == "401 200"
        for address in ("https://example.com/", "https://192.0.2.9/", f"https://{HOST}:8443/", f"https://{HOST}.example.com/", "https://[2001:db8::1]/"):
            assert curl(*through, address) == "000 403", address
        for address in ("http://example.com/", "http://192.0.2.9/", f"http://{HOST}/", "http://127.0.0.1:4000/", "ftp://example.com/a"):
            assert curl(*through, address) == "403 000", address
        assert (sent(inside), names.read_text()) == (0, ""), "something left, or a name was looked up"
        curl("http://192.0.2.9/")
        curl("http://example.com/")
        assert sent(inside) > 0 and "example.com" in names.read_text(), "the test sees what leaves"


@pytest.mark.lab
@pytest.mark.parametrize("pattern", ["local-gateway", PROXIED])
def test_interrupt_while_it_starts(begin: Begin, folder: Path, pattern: str) -> None:
    port, proxy_port = lab.free_port(), lab.free_port()
    played = begin(pattern, port=port, PROXY_PORT=str(proxy_port))
    wait_until(lambda: any(folder.glob("*/gateway.log")), 60, "the start of LiteLLM")
    assert_nothing_is_left(played, folder, [port, proxy_port])


@pytest.mark.lab
def test_killed_it_leaves_a_folder_that_the_next_removes(begin: Begin, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port, proxy_port = lab.free_port(), lab.free_port()
    played = begin(PROXIED, port=port, PROXY_PORT=str(proxy_port), AUTH="basic")
    wait_until(lambda: any(folder.glob("*/gateway.log")), 60, "the start of LiteLLM")
    assert len([home for home in homes().values() if home.startswith(f"{folder}/")]) >= 3
    played.process.kill()

    def left() -> list[str]:
        """The commands that still run."""
        return [command(pid) for pid, home in homes().items() if home.startswith(f"{folder}/")]

    try:
        wait_until(lambda: not left(), 10, "the end of what it started")
    except TimeoutError:
        pytest.fail(f"it was killed, and these still run: {left()}")
    assert not lab.listens(proxy_port)
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    room.sweep()
    assert list(folder.iterdir()) == []


# What cannot be ---------------------------------------------------------------------


def once(folder: Path, *arguments: str, port: int | str, **more: str) -> tuple[int, str]:
    running = Played(folder, *arguments, port=port, **more)
    status = running.process.wait(30)
    running.reader.join(5)
    return status, running.text


@pytest.mark.long
@pytest.mark.parametrize("pattern, name", [("local-gateway", "PORT"), (PROXIED, "PROXY_PORT")])
def test_busy_port(folder: Path, pattern: str, name: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        status, text = once(folder, pattern, **{"port": lab.free_port(), **({"port": port} if name == "PORT" else {name: str(port)})})
    other = f"make lab PATTERN={pattern} {name}={port + 1}"
    assert (status, text) == (1, f"Something listens on port {port} of 127.0.0.1 already; end it, or take another: {other}")
    assert list(folder.iterdir()) == []


@pytest.fixture
def asked(book: Book, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Ask in this process, for what ends before anything is started."""

    def ask(*arguments: str, **more: str) -> tuple[int, str]:
        monkeypatch.setattr(play, "load", lambda: book)
        for name, value in {"PORT": str(lab.free_port()), **more}.items():
            monkeypatch.setenv(name, value)
        return play.main(list(arguments)), capsys.readouterr().err.rstrip("\n")

    return ask


@pytest.mark.parametrize("port", ["four", "70000", "0"])
def test_no_port(asked: Callable[..., tuple[int, str]], port: str) -> None:
    message = f"PORT={port} is no port; write a number, as in: make lab PATTERN=local-gateway PORT=4001"
    assert asked("local-gateway", PORT=port) == (1, message)


@pytest.mark.long
@pytest.mark.parametrize("arguments", [[], ["no-such-pattern"]])
def test_unknown_pattern(folder: Path, arguments: list[str], book: Book) -> None:
    status, text = once(folder, *arguments, port=lab.free_port())
    assert status == 2 and len(text.splitlines()) == 1
    assert all(name in text for name in patterns(book)), "it lists the known ones"


@pytest.mark.parametrize(
    "pattern, more, message",
    [
        (PROXIED, {"AUTH": "ntlm"}, "AUTH=ntlm is not known; there is: make lab PATTERN=local-gateway-proxy AUTH=basic"),
        (PROXIED, {"INSPECT": "yes"}, "INSPECT=yes is not known; there is: make lab PATTERN=local-gateway-proxy INSPECT=1"),
        ("local-gateway", {"AUTH": "basic"}, "AUTH and INSPECT are about a proxy, and local-gateway has none. Write: make lab PATTERN=local-gateway-proxy"),
        ("local-gateway", {"INSPECT": "1"}, "AUTH and INSPECT are about a proxy, and local-gateway has none. Write: make lab PATTERN=local-gateway-proxy"),
    ],
)
def test_unknown_words(asked: Callable[..., tuple[int, str]], pattern: str, more: dict[str, str], message: str) -> None:
    assert asked(pattern, **more) == (2, message)


def test_every_pattern_with_a_gateway_and_a_client_can_be_practised(book: Book) -> None:
    assert {"local-gateway", PROXIED} <= set(patterns(book))


@pytest.mark.long
def test_missing_litellm_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(programs, "VENV", tmp_path)
    monkeypatch.setenv("PORT", str(lab.free_port()))
    assert play.main(["local-gateway"]) == 1
    assert re.fullmatch(r"python is missing \(.*\); install it with: make \w+\n", capsys.readouterr().err)


@pytest.mark.long
def test_missing_squid_is_one_line_and_only_where_it_is_needed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], book: Book) -> None:
    monkeypatch.setattr("shutil.which", lambda name, **_: None)
    monkeypatch.setenv("PORT", str(lab.free_port()))
    assert play.main([PROXIED]) == 1
    line = "Squid is missing; install it, on Debian and Ubuntu with: apt-get install --no-install-recommends squid-openssl\n"
    assert capsys.readouterr() == ("", line)
    assert choose(book, "local-gateway", {"PORT": os.environ["PORT"]}).proxy_port is None


def test_a_squid_that_cannot_inspect_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, book: Book) -> None:
    path = tmp_path / "squid"
    path.write_text(f"#!/bin/sh\necho \"configure options:  '--libexecdir={tmp_path}'\"\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    with pytest.raises(programs.MissingProgram, match=r"^This Squid has no security_file_certgen; install one that has, [^\n]* squid-openssl$"):
        choose(book, PROXIED, {"INSPECT": "1", "PORT": str(lab.free_port())})


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    with lab.program("sh", ["sh", "-c", "echo one; echo two; exit 3"], {"PATH": os.defpath}, tmp_path) as process:
        with pytest.raises(PlayError, match="^The shell does not start; the last it printed: two$"):
            lab.wait_for(lambda: False, "The shell", process, tmp_path / "sh.log")


# What is shown ------------------------------------------------------------------------


def test_what_to_paste_names_this_port_and_this_key(book: Book) -> None:
    pasted = client(book, Choice("local-gateway", 4711), Path("/tmp/of this run/master-key"))
    (bash,), (shell,) = pasted["bash, zsh"], pasted["PowerShell"]
    assert 'export ANTHROPIC_BASE_URL="http://127.0.0.1:4711"\n' in bash
    assert "ANTHROPIC_AUTH_TOKEN=\"$(cat '/tmp/of this run/master-key')\"" in bash
    assert '$env:ANTHROPIC_BASE_URL = "http://127.0.0.1:4711"\n' in shell
    assert '(Get-Content "/tmp/of this run/master-key" -Raw)' in shell
    assert "PROXY" not in bash + shell


@pytest.mark.parametrize("login", [None, ("practice", "fake@0:/#1")])
def test_what_to_paste_names_the_proxy_and_its_exception(book: Book, login: tuple[str, str] | None) -> None:
    pasted = client(book, Choice(PROXIED, 4711, 4712, login), Path("/tmp/key"))
    first, second = pasted["bash, zsh"]
    assert ('export HTTPS_PROXY="http://$login@127.0.0.1:4712"' if login else 'export HTTPS_PROXY="http://127.0.0.1:4712"\n') in first
    assert 'export NO_PROXY="localhost,127.0.0.1"' in first and 'export NO_PROXY="localhost,127.0.0.1"' in second
    (shell,) = pasted["PowerShell"]
    found = powershell.configuration(shell.replace('"/tmp/key"', '"$HOME/key"'))
    encoded = "practice:fake%400%3A%2F%231@" if login else ""
    assert found["env"] == {"HTTPS_PROXY": f"http://{encoded}127.0.0.1:4712", "ANTHROPIC_BASE_URL": "http://127.0.0.1:4711", "NO_PROXY": "localhost,127.0.0.1"}
    assert "corp.example" not in first + second + shell


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "localtime", lambda at: time.gmtime(at))


def test_a_request_that_went_round_the_gateway_is_told(utc: None) -> None:
    record = {"at": 0, "method": "POST", "path": "/v1/messages", "headers": {"user-agent": "claude-cli/2"}, "body": {"model": "m"}, "status": 200}
    assert one_line(record) == "00:00:00  POST /v1/messages  m  200  NOT through the gateway (claude-cli/2)"
    record |= {"peer": "127.0.0.1"}
    assert one_line(record, proxied=True).endswith("  NOT through the gateway (claude-cli/2), NOT through the proxy")
    record |= {"headers": {"user-agent": "litellm/1"}, "body": None}
    assert one_line(record) == "00:00:00  POST /v1/messages  no model  200  through the gateway (litellm/1)"
    assert one_line(record, proxied=True).endswith("  through the gateway (litellm/1), NOT through the proxy")
    record |= {"peer": lab.SQUIDS_ADDRESS}
    assert one_line(record, proxied=True).endswith("  through the gateway (litellm/1) and the proxy")


@pytest.mark.parametrize(
    "result, method, url, words",
    [
        ("TCP_DENIED/407", "CONNECT", f"{HOST}:443", "REFUSED by the proxy: the login is missing or wrong"),
        ("TCP_DENIED/403", "POST", "http://localhost:4000/v1/messages", "REFUSED by the proxy: NO_PROXY should have kept this from it"),
        ("TCP_DENIED/403", "CONNECT", "example.com:443", f"REFUSED by the proxy: here it carries only {HOST}"),
        ("TCP_MISS/200", "POST", f"https://{HOST}/v1/messages", "read by the proxy on its way"),
        ("TCP_TUNNEL/200", "CONNECT", f"{HOST}:443", "the tunnel is closed"),
        ("TCP_TUNNEL/503", "CONNECT", f"{HOST}:443", "the proxy could not open the tunnel"),
        ("NONE_NONE/200", "CONNECT", f"{HOST}:443", None),
    ],
)
def test_what_the_proxys_lines_mean(utc: None, result: str, method: str, url: str, words: str | None) -> None:
    line = proxy_line(squid.Entry(0, result, method, url, "-"), HOST)
    assert line == (words and f"00:00:00  {method} {url}  {result}  {words}")


def test_a_tunnel_is_shown_when_it_opens(utc: None) -> None:
    assert tunnel_line(f"{HOST}:443 127.0.0.1/localhost alice CONNECT myip=127.0.0.1", 0) == f"00:00:00  CONNECT {HOST}:443  the proxy opens a tunnel for alice"
    assert tunnel_line(f"https://{HOST}/v1/messages 127.0.0.1/localhost - POST myip=127.0.0.1", 0) is None
