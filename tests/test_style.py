"""Rules for every file of the repository: readable, portable, and safe to copy from."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from macros.ledger import Book
from tests.install import LOCKS, NODE
from tests.lab.programs import ROOT

RUFF = [sys.executable, "-m", "ruff"]
RULES = ["--no-cache", "--config", "tests/ruff.toml", "macros", "tests"]


def tracked() -> list[Path]:
    """What is, or would be, in a commit."""
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, f"git ls-files: {done.stderr}"
    return sorted({ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()})


def lines(paths: list[Path]) -> Iterator[tuple[str, str]]:
    """("file:line", text) of every line of the text files among them."""
    for path in paths:
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.split("\n"), start=1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def readers_files() -> list[Path]:
    """What readers see: pages, snippets and what is rendered from them."""
    return [path for path in tracked() if path.relative_to(ROOT).parts[0] in {"docs", "snippets"} or path.suffix == ".md"]


# Code -----------------------------------------------------------------------------
@pytest.mark.parametrize("command", [["check"], ["format", "--check", "--diff"]], ids=["check", "format"])
def test_ruff(command: list[str]) -> None:
    done = subprocess.run([*RUFF, *command, *RULES], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"how to repair it stands in tests/ruff.toml\n{done.stdout}{done.stderr}"


def test_ruff_finds_what_it_should(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("import os\nimport json\n\ndef f(x=[]):\n    return json.dumps(x)\n")
    done = subprocess.run([*RUFF, "check", "--no-cache", "--config", "tests/ruff.toml", str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and {"F401", "B006", "I001"} <= set(re.findall(r"^([A-Z]+\d+) ", done.stdout, re.MULTILINE)), done.stdout


# Files ----------------------------------------------------------------------------
#: Private names of package registries, and folders of somebody's machine.
PRIVATE = [
    (re.compile(r"https?://[^/\s\"'`)]*\b(?:artifactory|nexus|verdaccio|devpi|jfrog)\b"), "the address of a private package registry"),
    (re.compile(r"https?://(?!host\.docker\.internal\b)[\w.-]+\.(?:internal|local|lan|corp|intranet)\b(?!\.)"), "the address of a private host"),
    (re.compile(r"https?://[^/\s\"'`]*/(?:pypi/)?simple/?(?=[\s\"'`]|$)"), "the address of a package index"),
    (re.compile(r"https?://[^/\s:@\"'`]+:[^\s\"'`{<]+@(?!\S*\bexample\b)"), "an address with a password"),  # {..} and <..> stand for one
    (re.compile(r"registry\.npmjs\.(?:org)|\bpypi\.(?:org)|pythonhosted\.(?:org)|\bdeb\.debian\.(?:org)"), "a package registry's host"),
    (re.compile(r"(?<![\w.~$}/-])/(?:root|home/[a-z]\w*|Users/\w+|work/\w+)/\w"), "a folder of somebody's machine"),
]
#: Examples that name what is looked for, one reason each.
NOT_PRIVATE = {
    "tests/test_style.py": "holds the patterns and their examples",
    "tests/test_install.py": "names an index at a closed port of this machine",
    "tests/test_schema_settings.py": "tells addresses and folders of several systems apart",
}


def private(text: str) -> str | None:
    """What is private in a line, or None."""
    return next((what for pattern, what in PRIVATE if pattern.search(text)), None)


def test_no_file_names_a_private_host_or_somebodys_folder() -> None:
    own = re.compile(rf"{re.escape(str(ROOT))}/|{re.escape(str(Path.home()))}/")
    for where, text in lines([path for path in tracked() if str(path.relative_to(ROOT)) not in NOT_PRIVATE]):
        assert private(text) is None, f"{where}: {private(text)}: {text.strip()[:120]}"
        assert not own.search(text), f"{where}: a folder of this machine: {text.strip()[:120]}"


@pytest.mark.parametrize(
    "text, found",
    [
        ("registry=https://artifactory.example.com/api/npm", True),
        ("index-url = http://packages.corp/", True),
        ("--index-url https://example.com/pypi/simple", True),
        ("https://me:secret@gateway.test/", True),
        ("asks registry.npmjs." + "org", True),
        ("open /home/alice/project", True),
        ("cd /root/x", True),
        ("https://docs.litellm.ai/docs/simple_proxy", False),
        ("http://host.docker.internal:4000", False),  # Docker's own name for every host
        ("https://api.anthropic.com", False),
        ("http://alice:p@ss:w/rd#1@proxy.corp.example:3128", False),
        ("~/litellm-gateway/venv", False),
        ("https://example.com/home/alice", False),
        ("https://github.com/a/b/tree/main/root/x", False),
    ],
)
def test_what_counts_as_private(text: str, found: bool) -> None:
    assert (private(text) is not None) == found


def test_no_mojibake() -> None:
    """UTF-8 that was read as another encoding and saved again."""
    for where, text in lines(path for path in tracked() if path.stem != "byte-order-mark"):  # whose mark is its point
        for sign in ("\u00e2\u20ac", "\u00f0\u0178", "\u00c3\u00a9", "\u00c3\u00bc", "\u00c2\u00b7", "\ufffd", "\ufeff"):
            assert sign not in text, f"{where}: {sign!r}: save the file as UTF-8"


# Locks ----------------------------------------------------------------------------
@pytest.mark.parametrize("name", LOCKS)
def test_python_locks_hold_versions_and_hashes_but_no_addresses(name: str) -> None:
    text = LOCKS[name].read_text()
    entries = [entry for entry in re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)) if entry.strip()]
    assert entries and len(entries) == len(re.findall(r"^[A-Za-z0-9]", text, flags=re.MULTILINE))
    for entry in entries:
        assert re.match(r"[A-Za-z0-9_.-]+(\[[\w,-]+\])?==[\w.!+]+( ; [^\n]*)? \\\n", entry), f"{LOCKS[name].name}: not pinned: {entry[:80]!r}"
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry), f"{LOCKS[name].name}: without a hash: {entry[:80]!r}"
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|-f ", text), f"{LOCKS[name].name} holds an address"


def test_the_node_lock_holds_hashes_but_no_addresses() -> None:
    packages = json.loads((NODE / "package-lock.json").read_text())["packages"]
    assert "omit-lockfile-registry-resolved=true" in (NODE / ".npmrc").read_text()
    assert len(packages) > 3
    for name, entry in packages.items():
        assert "resolved" not in entry, f"package-lock.json: {name or 'the root'} holds an address"
        assert not name or re.match(r"sha512-", entry.get("integrity", "")), f"package-lock.json: {name} has no hash"


# What readers copy ----------------------------------------------------------------
INSTALLS = re.compile(r"litellm(?:\[[\w,-]+\])?\s*(?:==|@|~=|===)\s*[\"']?v?(\d[\w.]*)|litellm[-_](\d[\w.]*)-")


def banned(text: str, known: list[str]) -> str | None:
    """The banned release that a line installs, or None. All of 1.107 is banned, not only the release that was published."""
    for match in INSTALLS.finditer(text):
        version = match.group(1) or match.group(2)
        if version in known or re.match(r"1\.107(\.|$|[a-z])", version):
            return version
    return None


def test_nothing_installs_a_banned_release_of_litellm(book: Book) -> None:
    known = [entry["version"] for entry in book.fact("versions.litellm.known_bad")]
    assert {"1.82.7", "1.82.8"} <= set(known) and any(version.startswith("1.107.") for version in known)
    paths = [path for path in tracked() if path.name != "test_style.py"]
    for where, text in lines(paths):
        assert banned(text, known) is None, f"{where}: LiteLLM {banned(text, known)} must never be installed"
    assert book.fact("versions.litellm.version") not in known


@pytest.mark.parametrize(
    "text, found",
    [
        ("pip install 'litellm[proxy]==1.82.7'", True),
        ("uv tool install litellm@1.107.0", True),
        ("litellm==1.107.3 \\", True),
        ("litellm-1.82.8-py3-none-any.whl", True),
        ("pip install 'litellm[proxy]==1.106.10'", False),
        ("litellm==1.82.70", False),
        ("1.82.7 was published by an intruder", False),
    ],
)
def test_what_counts_as_installing_a_banned_release(text: str, found: bool) -> None:
    assert (banned(text, ["1.82.7", "1.82.8", "1.107.0"]) is not None) == found


UNSAFE = re.compile(
    r"NODE_TLS_REJECT_UNAUTHORIZED[\"']?[\s=:]+[\"']?0|PYTHONHTTPSVERIFY|verify\s*[=:]\s*[Ff]alse|ssl_verify[\"']?\s*[=:]\s*[\"']?(?:no|off|0)|strict-ssl|sslVerify|--insecure\b|--trusted-host|--no-check-certificate"
    r"|\bcurl\b[^|\n]* -[a-zA-Z]*k\b|-SkipCertificateCheck|\b(?:curl|wget)\b[^\n]*\|\s*(?:sudo\s+)?(?:ba|z)?sh\b"
    r"|--dangerously-skip-permissions|\bchmod\b[^\n]* (?:0?777|a\+w)"
)


def test_no_block_switches_security_off() -> None:
    for where, text in lines([path for path in readers_files() if "rejected" not in path.parts]):
        assert not UNSAFE.search(text), f"{where}: switches security off: {text.strip()[:120]}"


@pytest.mark.parametrize(
    "text",
    [
        "curl -sk https://x",
        "verify=False",
        "export NODE_TLS_REJECT_UNAUTHORIZED=0",
        '"NODE_TLS_REJECT_UNAUTHORIZED": "0"',
        "ssl_verify: off",
        "curl -fsSL https://x | bash",
        "litellm_settings: {ssl_verify: false}",
    ],
)
def test_what_counts_as_switching_security_off(text: str) -> None:
    assert UNSAFE.search(text)


def test_no_block_holds_a_key() -> None:
    """Only values that say that they are none."""
    secret = re.compile(
        r"\bsk-(?:ant-)?[A-Za-z0-9_-]{8,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\beyJ[\w-]{10,}\.[\w-]{10,}\.|-----BEGIN [A-Z ]*PRIVATE KEY"
    )
    marks = ("sk-", "AKIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "eyJ", "-----BEGIN")  # looking for these first is much faster
    for where, text in lines(readers_files()):
        for match in secret.finditer(text) if any(mark in text for mark in marks) else ():
            assert re.search(r"(?i)not-a|not-the|example|lab", match.group()), f"{where}: looks like a real key: {match.group()[:12]}..."
