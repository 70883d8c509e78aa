"""Secrets planted everywhere, and everything in bad shape: the doctor ends in order and says none of them."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import random
import ssl
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.doctor import compiled, doctor
from tests.lab.programs import ROOT

ALL = os.environ.get("HANDBOOK_ALL_VARIANTS") == "1"
#: In process, and in how many parts. Other cases in each part; `make test-all` tries them all, `make test` these many parts.
CASES, PARTS = 10_000, 8
TRIED = PARTS if ALL else 1
#: As programs of their own.
PROCESSES = 200 if ALL else 50
KEY_CHARACTERS = string.ascii_letters + string.digits


def secret(seed: int) -> str:
    """A made-up credential of one of the shapes that there are."""
    chance = random.Random(seed)
    body = "".join(chance.choice(KEY_CHARACTERS) for _ in range(28))
    shape = chance.randrange(6)
    if shape == 0:
        return "-".join(["sk", "ant", "api03", body + "Aa1"])
    if shape == 1:
        return "sk-" + body
    if shape == 2:
        return "".join(chance.choice("0123456789abcdef") for _ in range(40))
    if shape == 3:
        return "P4" + body[:8] + chance.choice(["!", "@", ":", "/", "#", "%", "é", " "]) + body[8:14]
    if shape == 4:
        return "zq" + "".join(chance.choice(string.ascii_lowercase) for _ in range(14))
    return body + "aA0"


CREDENTIAL_NAMES = [
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_BEARER_TOKEN_BEDROCK",
    "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
    "MY_PASSWORD",
]
URL_NAMES = ["ANTHROPIC_BASE_URL", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "ANTHROPIC_BEDROCK_BASE_URL"]
OTHER_NAMES = [
    "NO_PROXY",
    "NODE_EXTRA_CA_CERTS",
    "ANTHROPIC_MODEL",
    "ANTHROPIC_CUSTOM_HEADERS",
    "CLAUDE_CODE_USE_BEDROCK",
    "API_TIMEOUT_MS",
    "ANTHROPIC_BASE_ULR",
    "anthropic_auth_token",
]
# Made once: hypothesis looks at a strategy anew wherever one is made.
SECRETS = st.integers(0, 2**32).map(secret)
ODDITIES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", " ", "\u201csk\u201d", "${TOKEN}", "http://[::1", "://", "\x1b[2J", "0", "~/ca.pem", "/nonexistent", ".", "*", "\ud800"]),
)
URL_PARTS = st.tuples(
    SECRETS,
    SECRETS,
    st.sampled_from(["http", "https", "socks5", "HTTP", ""]),
    st.sampled_from(["127.0.0.1:1", "[::1]:1", "gw.invalid", "127.0.0.1:99999", "[::1:1", "gw corp", "münchen.invalid", ""]),
    st.integers(0, 4),
)
CREDENTIALS, ADDRESSES, OTHERS = (st.lists(st.sampled_from(names), unique=True, max_size=3) for names in (CREDENTIAL_NAMES, URL_NAMES, OTHER_NAMES))
WRITTEN = st.sampled_from(["{0}", " {0} ", "Bearer {0}", "\u201c{0}\u201d", "{0}\n{0}"])
HELPERS = st.sampled_from(["echo {0}", "get-key --token={0}", "{0}"])
YES, A_FIFTH, A_TENTH = st.booleans(), st.integers(0, 4), st.integers(0, 9)
NAMES = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
INDENTS = st.sampled_from([None, 2])
INSTEAD = st.sampled_from(["", ",", "}", "\0", "//", "\ufeff", "NaN"])
NO_SETTINGS = st.sampled_from(["", "[]", "null", '"' + "a.a" * 30000 + '"', "[" * 5000, "{" * 5000, "\ufeff{}"])
PLACES = st.lists(st.sampled_from(["user", "project", "local", "given"]), unique=True, max_size=3)
OPTIONS = st.lists(st.sampled_from(["--json", "--report", "--trust-project", "--probe"]), unique=True, max_size=2)


def url(one: str, two: str, scheme: str, host: str, form: int) -> tuple[str, list[str]]:
    """An address with credentials in it, and those."""
    if form == 0:
        return f"{scheme}://{host}/", []
    if form == 1:
        return f"{scheme}://bob:{one}@{host}", [one]
    if form == 2:
        return f"{scheme}://{host}/v1?key={one}#{two}", [one, two]
    if form == 3:
        return f"{scheme}:{one}@{host}", [one]
    return one, [one]


def planted(draw: st.DrawFn) -> tuple[dict[str, Any], list[str]]:
    """Values for variables, and the secrets among them."""
    table: dict[str, Any] = {}
    hidden: list[str] = []
    for name in draw(CREDENTIALS):
        value = draw(SECRETS)
        hidden.append(value)
        table[name] = draw(WRITTEN).format(value)
    for name in draw(ADDRESSES):
        table[name], more = url(*draw(URL_PARTS))
        hidden += more
    for name in draw(OTHERS):
        table[name] = draw(ODDITIES)
    if draw(YES):
        value = draw(SECRETS)
        hidden.append(value)
        table["ANTHROPIC_CUSTOM_HEADERS"] = f"x-key: {value}\nAuthorization: Bearer {value}"
    return table, hidden


def settings_file(draw: st.DrawFn) -> tuple[str, list[str]]:
    """The text of a settings file, sound or broken, and the secrets in it."""
    table, hidden = planted(draw)
    data: dict[str, Any] = {"env": table}
    if draw(YES):
        value = draw(SECRETS)
        hidden = [*hidden, value]
        data["apiKeyHelper"] = draw(HELPERS).format(value)
    if draw(A_FIFTH) == 0:
        data[draw(NAMES)] = draw(VALUES)
    content = json.dumps(data, ensure_ascii=draw(YES), indent=draw(INDENTS))
    broken = draw(A_TENTH)
    if broken == 0:
        at = draw(st.integers(0, len(content) - 1))
        content = content[:at] + draw(INSTEAD) + content[at + 1 :]
    if broken == 1:
        content = draw(NO_SETTINGS)
    return content, hidden


@st.composite
def scenes(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, tuple[str, list[str]]], list[str]]:
    shell, hidden = planted(draw)
    found = {place: settings_file(draw) for place in draw(PLACES)}
    options = draw(OPTIONS)
    if {"--json", "--report"} <= set(options):
        options = [option for option in options if option != "--report"]
    return {"env": shell, "hidden": hidden}, found, options


SCENES = scenes()


def set_up(folder: Path, found: dict[str, tuple[str, list[str]]]) -> dict[str, Path]:
    where = {
        "user": folder / "home" / ".claude" / "settings.json", "project": folder / "project" / ".claude" / "settings.json",
        "local": folder / "project" / ".claude" / "settings.local.json", "given": folder / "given.json",
    }  # fmt: skip
    for path in where.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    for place, (content, _) in found.items():
        where[place].write_bytes(content.encode("utf-8", "surrogatepass"))
    return where


def hidden_in(shell: dict[str, Any], found: dict[str, tuple[str, list[str]]]) -> set[str]:
    """What must not be said. A text that another part of the scene holds in the clear, such as a host's name, is none."""
    everything = [*shell["hidden"], *(value for _, hidden in found.values() for value in hidden)]
    return {value for value in everything if len(value) >= 8}


def said_badly(output: str, hidden: set[str]) -> list[str]:
    forms = {form for value in hidden for form in (value, json.dumps(value)[1:-1], doctor.quote(value, safe=""))}
    problems = [f"it says {value!r}" for value in forms if value in output]
    problems += ["a traceback"] if "Traceback" in output else []
    problems += ["a fault"] if "a fault in the doctor itself" in output else []
    problems += ["a control character"] if any(char in output for char in "\x1b\0\x07") else []
    return problems


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """In the project's folder, with the home folder of the scene."""
    before, old = os.getcwd(), os.environ.get("HOME")
    os.chdir(folder / "project")
    os.environ["HOME"] = str(folder / "home")
    try:
        yield
    finally:
        os.chdir(before)
        os.environ.pop("HOME")
        if old is not None:
            os.environ["HOME"] = old


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is looked up and no helper is run in process; connections are refused, so the system's authorities need not be read."""

    def refused(host: str, port: int, clock: Any) -> list[Any]:
        if host.endswith(".invalid"):
            raise OSError(-2, "Name or service not known")
        return [(2, 1, 6, "", ("127.0.0.1", 1))]

    monkeypatch.setattr(doctor, "addresses", refused)
    monkeypatch.setattr(doctor, "run_helper", lambda *_: "")
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    near = functools.cache(doctor.keys_near)  # the few names here are misspelt in thousands of scenes
    monkeypatch.setattr(doctor, "keys_near", lambda name, known: near(name, tuple(known)))


def run(arguments: list[str], shell: dict[str, str]) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        status = doctor.main(arguments, shell)
    return status, out.getvalue()


@pytest.mark.long
@pytest.mark.parametrize("part", range(TRIED), ids=lambda part: f"part-{part}")  # each may have a worker of its own
def test_no_secret_in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    offline(monkeypatch)
    count = 0

    @seed(part)
    @settings(max_examples=CASES // PARTS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(SCENES)
    def tried(scene: tuple[dict[str, Any], dict[str, tuple[str, list[str]]], list[str]]) -> None:
        nonlocal count
        count += 1
        shell, found, options = scene
        where = set_up(tmp_path, found)
        with inside(tmp_path):
            status, output = run(
                [*options, *(["--settings", str(where["given"])] if "given" in found else [])], {name: str(value) for name, value in shell["env"].items()}
            )
        assert status in (0, 1)
        assert said_badly(output, hidden_in(shell, found)) == [], output

    tried()
    assert count >= CASES // PARTS


@pytest.mark.long
def test_no_secret_from_real_processes(tmp_path: Path) -> None:
    """The same as a program of its own, with whatever a shell can hold, and with its network in place."""
    count, program = 0, str(compiled(tmp_path))

    @seed(0)
    @settings(max_examples=PROCESSES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(SCENES)
    def tried(scene: tuple[dict[str, Any], dict[str, tuple[str, list[str]]], list[str]]) -> None:
        nonlocal count
        shell, found, options = scene
        with tempfile.TemporaryDirectory(dir=tmp_path) as name:
            folder = Path(name)
            where = set_up(folder, found)
            env = {key: str(value) for key, value in shell["env"].items() if "\0" not in str(value)}
            env = {
                key: value.encode("utf-8", "surrogateescape" if value.isprintable() else "replace").decode("utf-8", "surrogateescape")
                for key, value in env.items()
            }
            options = [option for option in options if option != "--trust-project"]  # its helpers are texts that nobody chose
            if "user" in found and "apiKeyHelper" in found["user"][0]:
                del found["user"]
                where["user"].unlink()
            if "given" in found and "apiKeyHelper" in found["given"][0]:
                del found["given"]
            words = [sys.executable, program, "--timeout", "5", *options, *(["--settings", str(where["given"])] if "given" in found else [])]
            done = subprocess.run(
                words, env={"PATH": os.defpath, "LANG": "C.UTF-8", **env, "HOME": str(folder / "home")}, cwd=folder / "project", capture_output=True, timeout=60
            )
        output = (done.stdout + done.stderr).decode("utf-8", "replace")
        assert done.returncode in (0, 1), output
        assert said_badly(output, hidden_in(shell, found)) == [], output
        count += 1

    tried()
    assert count >= PROCESSES


def test_the_search_finds_what_is_said() -> None:
    """Else the tests above would prove nothing."""
    value = secret(3)
    assert said_badly(f"x {value} y", {value}) and said_badly(json.dumps({"a": value}), {value}) and said_badly("\x1b[2J", set())
    assert said_badly("nothing of it", {value}) == []


def test_without_the_redactor_they_would_be_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline(monkeypatch)
    monkeypatch.setattr(doctor.Redactor, "clean", lambda self, text, at_most=600: str(text))
    monkeypatch.setattr(doctor, "shown_url", lambda value: value)
    value = secret(7)
    set_up(tmp_path, {})
    with inside(tmp_path):
        _, output = run([], {"HTTPS_PROXY": f"http://bob:{value}@127.0.0.1:1"})
    assert value in output


def test_the_evidence_page_says_how_many_are_tried() -> None:
    """An eighth with each change; the page is written for one of eight parts."""
    shown = " ".join((ROOT / "docs" / "evidence" / "index.md").read_text("utf-8").split())
    assert PARTS == 8 and f"an eighth of the {CASES:,} scenes" in shown and TRIED in (1, PARTS)
