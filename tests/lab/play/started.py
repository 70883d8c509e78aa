"""The programs of a practice, on ports of 127.0.0.1: the provider's stand-in, Squid and LiteLLM."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from macros import render
from macros.ledger import Book, read_yaml
from tests.lab import certificates, ending, programs, squid
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.play.choice import Choice, PlayError, block

SECONDS_TO_START = 120
SECONDS_TO_END = 15
#: From here Squid calls the stand-in, which so knows whose request it is; only Linux has more than one such address.
SQUIDS_ADDRESS = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
#: The one host it carries is this machine. Its own address keeps everything else on this machine too.
RULES = """\
hosts_file hosts
tcp_outgoing_address {address}
url_rewrite_program /bin/sh to-the-stand-in
url_rewrite_children 1 startup=1 idle=1
url_rewrite_host_header off
acl provider dstdomain -n {host}
acl inspected connections_encrypted
http_access deny !provider
http_access deny !tls
http_access deny !CONNECT !inspected
http_access allow {who}
http_access deny all
"""
#: Squid asks it about every request it is going to carry: where to.
TO_THE_STAND_IN = """\
while read -r url rest; do
  printf '%s %s\\n' "$url" "$rest" >> asked
  case $url in
    {host}:443) echo OK rewrite-url=127.0.0.1:{port} ;;
    https://{host}/*) echo "OK rewrite-url=https://127.0.0.1:{port}/${{url#https://*/}}" ;;
    *) echo ERR ;;
  esac
done
"""


def environment(home: Path) -> dict[str, str]:
    """An environment built from nothing, with what this system's Python cannot do without."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "SYSTEMDRIVE", "COMSPEC") if name in os.environ}
    own = {"PATH": os.defpath, "HOME": str(home), "USERPROFILE": str(home), "TMPDIR": str(home), "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, **own}


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_group() -> dict[str, Any]:
    """How to start a program that Ctrl-C does not reach, and that on Linux dies with this process."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    if sys.platform != "linux":
        return {"start_new_session": True, "preexec_fn": ending.heard}
    parent = os.getpid()

    def first() -> None:
        ending.with_parent(signal.SIGKILL, parent)
        ending.heard()

    return {"start_new_session": True, "preexec_fn": first}


@contextmanager
def program(name: str, command: list[str], env: dict[str, str], folder: Path, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the end of the block; what it prints goes to ``folder/<name>.log``."""
    with (folder / f"{name}.log").open("wb") as log, ExitStack() as stack:
        with ending.later():
            process = subprocess.Popen(command, cwd=cwd or folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, **own_group())
            stack.callback(_end, process)
        yield process


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program, and what it started."""
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C does not wait
        process.kill()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(ready: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until ``ready``. Raises PlayError when the program ends or takes too long."""
    end = time.monotonic() + SECONDS_TO_START
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            lines = log.read_text("utf-8", "replace").strip().splitlines()
            raise PlayError(f"{what} does not start; the last it printed: {lines[-1] if lines else 'nothing'}")
        time.sleep(0.1)


def serves(address: str) -> bool:
    """Whether an address answers at all."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def provider_host(book: Book) -> str:
    return str(book.fact("site.provider_address")).removeprefix("https://")


@contextmanager
def stand_in(book: Book, folder: Path, options: list[str]) -> Iterator[None]:
    """The provider; ``options`` say on which port, and with which certificate."""
    models = [word for model in book.fact("models.ids") for word in ("--model", model)]
    command = [sys.executable, "-m", "tests.lab.anthropic_api", "--folder", str(folder / "provider"), *options, *models]
    with program("provider", command, {**environment(folder), "PYTHONPATH": str(programs.ROOT)}, folder) as process:
        wait_for((folder / "provider" / "ready").exists, "The provider's stand-in", process, folder / "provider.log")
        yield


@contextmanager
def proxy(book: Book, choice: Choice, folder: Path, provider: int, upstream_ca: Path) -> Iterator[Path]:
    """Squid, which carries the provider's name to the stand-in's port and nothing else anywhere; yields its authority's file."""
    assert choice.proxy_port
    own, host = folder / "squid", provider_host(book)
    own.mkdir()
    (own / "hosts").write_text(f"127.0.0.1 localhost {host}\n")
    (own / "to-the-stand-in").write_text(TO_THE_STAND_IN.format(host=host, port=provider))
    rules = RULES.format(address=SQUIDS_ADDRESS, host=host, who="known" if choice.login else "all")
    authority = squid.write(own, book.fact("site.proxy_host"), choice.proxy_port, rules, choice.login, choice.inspect, upstream_ca)
    with program("squid", squid.command(), environment(folder), folder, own) as process:
        try:
            wait_for(lambda: process.poll() is None and listens(choice.proxy_port or 0), "Squid", process, folder / "squid.log")
            yield authority
        finally:
            process.kill()  # its own end takes seconds


def trusted(book: Book, choice: Choice, folder: Path, authority: Path) -> Path:
    """The page's own bundle, with the authority of the inspecting proxy in it."""
    (folder / "corporate-ca.pem").write_bytes(authority.read_bytes())
    (folder / "venv").symlink_to(programs.litellm_python().parent.parent)
    name = block(book, choice.pattern, "ca.sh")
    assert name
    subprocess.run(["bash", "-c", render.text(book, book.block(name))], cwd=folder, env=environment(folder), check=True)
    return folder / "ca-bundle.pem"


@contextmanager
def gateway(book: Book, choice: Choice, folder: Path, env: dict[str, str]) -> Iterator[None]:
    """LiteLLM with the page's own configuration, and a master key of its own in ``folder/master-key``."""
    key = f"sk-{secrets.token_urlsafe(32)}"
    with os.fdopen(os.open(folder / "master-key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{key}\n")
    name = block(book, choice.pattern, "config.yaml")
    assert name
    (folder / "config.yaml").write_text(render.text(book, book.block(name)) + "\n", "utf-8")
    command = [*programs.litellm_command(), "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(choice.port)]
    own = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY}
    with program("gateway", command, {**environment(folder), **own, **env}, folder) as process:
        wait_for(lambda: serves(f"http://127.0.0.1:{choice.port}/health/readiness"), "LiteLLM", process, folder / "gateway.log")
        yield


@contextmanager
def practice(book: Book, choice: Choice, folder: Path) -> Iterator[None]:
    """Everything the pattern needs, until the end of the block."""
    provider = free_port()
    with ExitStack() as stack:
        if choice.proxy_port:
            ca, certificate = certificates.authority(folder, provider_host(book), "127.0.0.1")  # the name that its caller and Squid check
            stack.enter_context(stand_in(book, folder, ["--tls-port", str(provider), "--certificate", str(certificate)]))
            authority = stack.enter_context(proxy(book, choice, folder, provider, ca))
            name = block(book, choice.pattern, "client.yaml")
            env = {
                "HTTPS_PROXY": choice.proxy,
                "NO_PROXY": read_yaml(book.snippets / str(name))["env"]["NO_PROXY"],
                "SSL_CERT_FILE": str(trusted(book, choice, folder, authority) if choice.inspect else ca),
            }
        else:
            stack.enter_context(stand_in(book, folder, ["--port", str(provider)]))
            env = {"ANTHROPIC_API_BASE": f"http://127.0.0.1:{provider}"}
        stack.enter_context(gateway(book, choice, folder, env))
        yield
