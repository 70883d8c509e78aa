"""Installing and serving: what a reader of the README meets first, and what is said when something is missing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import install
from tests.handbook import replace, write_handbook
from tests.lab.namespace import wait_until
from tests.lab.programs import ROOT, VENV

MAKE = ["make", "--no-print-directory", f"PYTHON={sys.executable}"]
#: make tells the makes below it that they are; these are not to know.
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
LINE = "apt-get update && apt-get install -y --no-install-recommends"


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """install.py would write into a folder of its own, and finds no program."""
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(install, "SYSTEM", {f"handbook-{program}": package for program, package in install.SYSTEM.items()})
    return tmp_path


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


# Messages -------------------------------------------------------------------------
def test_python_that_is_too_old(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    assert install.main(["site"]) == 2
    assert capsys.readouterr().err == "Python 3.11 or newer is needed; this is 3.9.2. Name a newer one: make PYTHON=python3.12 ...\n"
    assert not (elsewhere / ".venv").exists()


@pytest.mark.parametrize("names, named", [(["sites"], "sites"), (["site", "tset", "nod"], "tset nod"), ([], "(none named)")])
def test_a_part_that_does_not_exist(names: list[str], named: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(names) == 2
    parts = "system root site test litellm node gateways vault prometheus proxies agent-sdk compatibility port=NUMBER"
    assert capsys.readouterr().err == f"Unknown part: {named}. Name one or more of: {parts}\n"
    assert not (elsewhere / ".venv").exists()


def test_missing_debian_packages_without_root(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    program(elsewhere, "apt-get", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert install.main(["site", "system"]) == 1
    packages = " ".join(sorted(set(install.SYSTEM.values())))
    assert capsys.readouterr().err == f"\nThese Debian packages are missing. Run this line as root, then try again:\n  {LINE} {packages}\n"
    assert not (elsewhere / ".venv" / "site").exists(), "what only a person can mend is said before anything is installed"


def test_make_test_without_root(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert install.main(["site", "root"]) == 1
    assert "needs root. Run: make sudo-test\n" in capsys.readouterr().err
    assert not (elsewhere / ".venv" / "site").exists(), "what only a person can mend is said before anything is installed"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert install.main(["root"]) == 0


def test_a_file_that_belongs_to_somebody_else(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refused() -> None:
        raise PermissionError(13, "Permission denied", ".venv/site.installed")

    monkeypatch.setitem(install.PARTS, "site", refused)
    assert install.main(["site"]) == 1
    said = capsys.readouterr().err
    assert "Permission denied: '.venv/site.installed'\nIf somebody else owns .venv" in said and "Traceback" not in said


def test_missing_programs_on_another_system(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["system"]) == 1
    message = capsys.readouterr().err
    assert "this system has no apt-get: chromium-headless-shell, cntlm, curl," in message and message.endswith("The tests run on Debian 12.\n")


def test_debian_packages_as_root(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    program(elsewhere, "apt-get", f'echo "$@" >> {elsewhere}/asked')
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert install.main(["system"]) == 0
    packages = " ".join(sorted(set(install.SYSTEM.values())))
    assert (elsewhere / "asked").read_text().splitlines() == ["-q update", f"-q install -y --no-install-recommends {packages}"]
    program(elsewhere, "apt-get", "echo Could not resolve the mirror; exit 100")
    assert install.main(["system"]) == 1
    message = capsys.readouterr().err
    assert "\napt-get update failed. Is there a network?\n" in message and message.endswith("Could not resolve the mirror\n")


def test_prometheus_is_unpacked_and_not_installed(elsewhere: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert install.main(["prometheus"]) == 1
    assert capsys.readouterr().err == "\nPrometheus comes from Debian's package, and this system has no apt-get. The tests run on Debian 12.\n"
    program(elsewhere, "apt-get", f'echo "$@" >> {elsewhere}/asked; echo No such package; exit 100')
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (elsewhere / ".venv").mkdir()
    assert install.main(["prometheus"]) == 1
    message = capsys.readouterr().err
    assert "Run this line as root, then try again:\n  apt-get update\n" in message and message.endswith("No such package\n")
    assert (elsewhere / "asked").read_text() == "-q download prometheus\n"
    assert not (elsewhere / ".venv" / "prometheus.installed").exists()


def test_the_packages_of_a_lab_program_are_installed() -> None:
    """What the lab asks the system for, a part of install.py brings."""
    asked = {name for path in (ROOT / "tests").rglob("*.py") for name in re.findall(r"programs\.system\(\"([\w-]+)\"\)", path.read_text("utf-8"))}
    packages = {**install.SYSTEM, "setpriv": install.SYSTEM["unshare"]}
    assert asked and not asked - set(packages), f"not in SYSTEM of tests/install.py: {asked - set(packages)}"


@pytest.mark.parametrize("port", ["0x", "70000", "-1"])
def test_a_port_that_is_none(port: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main([f"port={port}"]) == 1
    assert capsys.readouterr().err == f"\nPort {port} of 127.0.0.1 is taken or not a port. Choose another: make serve PORT=8001\n"


def test_make_serve_with_a_busy_port(busy_port: int) -> None:
    done = subprocess.run([*MAKE, "serve", f"PORT={busy_port}"], cwd=ROOT, env=PLAIN, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith(f"\nPort {busy_port} of 127.0.0.1 is taken or not a port. Choose another: make serve PORT=8001\nmake: ")
    assert "Traceback" not in done.stderr and done.stdout == ""


@pytest.mark.lab
def test_no_network(tmp_path: Path) -> None:
    """A copy of the checkout that has nothing installed, and a package index that does not answer."""
    for path in ("tests/install.py", "macros/requirements.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    done = subprocess.run(
        [sys.executable, "tests/install.py", "site"],
        cwd=tmp_path, env={"PATH": os.defpath, "HOME": str(tmp_path), **nowhere}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr and done.stdout == ""
    first, empty, message = done.stderr.split("\n")[:3]
    assert (first, empty) == ("Installing macros/requirements.txt into .venv/site ...", "")
    assert message == "Could not install macros/requirements.txt. Is there a network, and does pip reach its package index (pip config list)?"
    assert not (tmp_path / ".venv" / "site.installed").exists()


# What is installed stays ------------------------------------------------------------
@pytest.fixture
def installed() -> None:
    """Without this, a test would install into the checkout while others use it."""
    for name in ("site", "test"):
        assert install.is_current(name, install.stamp_of(install.LOCKS[name])), f".venv/{name} is older than its lock file; run: make check"


@pytest.mark.usefixtures("installed")
def test_a_second_run_does_nothing_and_is_quick() -> None:
    before = {path: path.stat().st_mtime_ns for path in VENV.iterdir()}
    began = time.monotonic()
    done = subprocess.run([sys.executable, "tests/install.py", "site", "test"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 10
    assert {path: path.stat().st_mtime_ns for path in VENV.iterdir()} == before


def test_a_changed_lock_file_is_installed_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, made = tmp_path / "requirements.txt", []
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setattr(install, "LOCKS", {"site": lock})
    monkeypatch.setattr(install.venv.EnvBuilder, "create", lambda self, folder: (Path(folder) / "bin").mkdir(parents=True))
    monkeypatch.setattr(install, "sync", lambda python, lock: (python.touch(), made.append(lock.read_text())))
    for text in ("a==1", "a==1", "a==2", "a==2"):
        lock.write_text(text)
        install.environment("site")
    assert made == ["a==1", "a==2"]


def test_an_interrupted_installation_is_not_taken_for_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("a==1")
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setattr(install, "LOCKS", {"site": lock})
    monkeypatch.setattr(install.venv.EnvBuilder, "create", lambda self, folder: (Path(folder) / "bin").mkdir(parents=True))
    monkeypatch.setattr(install, "sync", lambda python, lock: python.touch())
    python = install.environment("site")
    python.unlink()  # someone removes a part of it; the next run is interrupted in the middle

    def interrupted(python: Path, lock: Path) -> None:
        python.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(install, "sync", interrupted)
    assert install.main(["site"]) == 130
    assert not install.is_current("site", install.stamp_of(lock))


# make -------------------------------------------------------------------------------
def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):(?!=)", text, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony and sorted(phony.group(1).split()) == sorted(targets)
    shown = subprocess.run(MAKE, cwd=ROOT, env=PLAIN, capture_output=True, text=True, timeout=20)
    assert shown.returncode == 0
    assert re.findall(r"^  make ([a-z-]+) +\S", shown.stdout, re.MULTILINE) == targets


def test_every_part_that_make_names_exists() -> None:
    text = (ROOT / "Makefile").read_text()
    lab = re.search(r"^LAB = (.*)$", text, re.MULTILINE)
    assert lab
    named = {part for parts in re.findall(r"tests/install\.py (.*)$", text.replace("$(LAB)", lab[1]), re.MULTILINE) for part in parts.split()}
    assert {part for part in named if not part.startswith("port=")} == set(install.PARTS)


# make serve -------------------------------------------------------------------------
@pytest.mark.lab
def test_serve_shows_every_edit(tmp_path: Path) -> None:
    """Snippets, the macros' own code and schemas are watched, not pages only; a mistake does not end the server."""
    root = write_handbook(tmp_path)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path / "serve.txt"
    server = subprocess.Popen(
        [str(VENV / "site" / "bin" / "python"), "-m", "mkdocs", "serve", "--livereload", "-f", "one-page.yml", "-a", f"127.0.0.1:{port}"],
        cwd=root, env={"PATH": os.defpath, "NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "LANG": "C.UTF-8"},
        stdin=subprocess.DEVNULL, stdout=log.open("w"), stderr=subprocess.STDOUT,
    )  # fmt: skip

    def shows(text: str) -> bool:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                return text in answer.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    try:
        wait_until(lambda: shows("Not executable"), 30, "the first page")
        for path, old, new, text in (
            ("docs/index.md", "`a word`", 'this port: {{ value("site.gateway_port") }}', "this port: 4000"),
            ("snippets/demo/hello.sh", "echo hello", "echo hello # again", "# again"),
            ("snippets/facts/site.yaml", "gateway_port: 4000", "gateway_port: 4001", "this port: 4001"),
            ("macros/render.py", '"Not executable"', '"Nobody can run it"', "Nobody can run it"),
            ("macros/main.py", "str(book.fact(path))", 'str(book.fact(path)) + "!"', "this port: 4001!"),
        ):
            replace(path, old, new)(root)
            wait_until(lambda text=text: shows(text), 20, f"the edit of {path} on the page")
        before = log.read_text()
        replace("schemas/ledger.schema.json", '"illustrative"\n          ]', '"nothing"\n          ]')(root)
        wait_until(lambda: "'illustrative' is not one of" in log.read_text()[len(before) :], 20, "the message about the schema that was edited")
        assert "Traceback" not in log.read_text()
        replace("schemas/ledger.schema.json", '"nothing"\n          ]', '"illustrative"\n          ]')(root)
        replace("snippets/demo/hello.sh", "# again", "# and again")(root)
        wait_until(lambda: shows("# and again"), 20, "the page after the mistake was mended")
        assert "Traceback" not in log.read_text()
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        finally:
            server.kill()  # also when it does not listen to Ctrl-C
