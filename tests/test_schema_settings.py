"""Claude Code's settings: what the rules reject and accept, and what Claude Code itself does with them."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from macros import render
from macros.ledger import Book
from schemas.rules import Finding, check
from schemas.rules.document import leaves
from schemas.rules.source import Kind, known, words
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.world import DIRECT_PORT, World
from tests.schemas import SECRETS, differences, files, table, text

EXPECTED, NOTICED = table("settings/expected"), table("settings/noticed")
INVALID, VALID, WITH_NOTICES = files("settings/invalid"), files("settings/valid"), files("settings/noticed")
#: Of what Claude Code does with a wrong file, `make test` asks about every third, and `make test-all` about all.
ASKED = 1 if os.environ.get("HANDBOOK_ALL_VARIANTS") == "1" else 3
USER = "~/.claude/settings.json"
#: In the lab, the stand-in for the provider answers at the gateway's address.
GATEWAY, TOKEN = "https://gateway.corp.example", "a-key-of-no-use"
#: Valid examples whose address is the gateway's, and whose credential the stand-in takes.
ANSWERED = [
    "byte-order-mark.json", "flags-off.json", "headers.json", "models.json", "own-names.json",
    "project.json", "provider-off.json", "tabs.json", "user-helper.json", "user-token.json",
]  # fmt: skip


def found(name: str, entry: dict[str, Any], path: Path) -> list[Finding]:
    return check(text(path), "settings", entry.get("as", USER))


def errors(name: str, content: str) -> list[str]:
    return [finding.rule for finding in check(content, "settings", name) if finding.severity == "error"]


# Rejected, accepted -------------------------------------------------------------------------


def test_every_file_stands_in_a_table() -> None:
    assert set(EXPECTED) == set(INVALID) and set(NOTICED) == set(WITH_NOTICES)
    assert len(INVALID) >= 20


@pytest.mark.parametrize("name", INVALID)
def test_counterexample_is_rejected(name: str) -> None:
    entry = EXPECTED[name]
    assert entry["errors"], f"tests/schemas/settings/expected.yaml: {name}: a counterexample has an error"
    assert differences(name, found(name, entry, INVALID[name]), "error", entry["errors"]) == []


@pytest.mark.parametrize("name", INVALID)
def test_the_line_holds_what_the_place_names(name: str) -> None:
    lines = text(INVALID[name]).split("\n")
    for row in EXPECTED[name]["errors"]:
        key = row["at"].rpartition(".")[2]
        assert f'"{key}"' in lines[row["line"] - 1] or not key, row


@pytest.mark.parametrize("name", WITH_NOTICES)
def test_notice(name: str) -> None:
    result = found(name, NOTICED[name], WITH_NOTICES[name])
    assert differences(name, result, "notice", NOTICED[name]["notices"]) == [] and not [finding for finding in result if finding.severity == "error"]


@pytest.mark.parametrize("name", VALID)
def test_valid_example_is_accepted(name: str) -> None:
    assert check(text(VALID[name]), "settings", USER) == []


#: JSON that another program reads.
NOT_SETTINGS = {"gateways/claude-code-router/config.json"}


def test_our_own_renderings_pass(book: Book) -> None:
    """Every settings file a page shows, under the name it is saved by; and every JSON file below snippets/."""
    problems, checked = [], []
    for block in book.blocks.values():
        name = block.data.get("save_as", block.path.name)
        if (block.rendering or "").endswith("-settings") or (
            block.rendering is None and block.path.suffix == ".json" and block.check != "symptom" and block.id not in NOT_SETTINGS
        ):
            checked.append(block.id)
            problems += [f"{block.id}:{finding.line}: {finding.message}" for finding in check(render.text(book, block), "settings", str(name))]
    assert problems == [] and {f"patterns/local-gateway/client.yaml@{scope}-settings" for scope in ("user", "project", "managed")} <= set(checked)


# What the rules know ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("~/.claude/settings.json", "user"), ("/home/ada/.claude/settings.json", "user"), ("/Users/ada/.claude/settings.json", "user"),
        ("/" "root/.claude/settings.json", "user"), (r"C:\Users\ada\.claude\settings.json", "user"), (r"%USERPROFILE%\.claude\settings.json", "user"),
        (".claude/settings.json", "project"), ("/srv/work/.claude/settings.json", "project"), (r"C:\work\.claude\settings.json", "project"),
        (".claude/settings.local.json", "local"), ("/etc/claude-code/managed-settings.json", "managed"),
        ("/etc/claude-code/managed-settings.d/10-gateway.json", "managed"), ("settings.json", "unknown"),
    ],
)  # fmt: skip
def test_whose_settings(name: str, scope: str) -> None:
    assert Kind("settings", name).scope == scope


def test_credentials_only_where_nobody_else_reads_them() -> None:
    content = json.dumps({"env": {"ANTHROPIC_BASE_URL": GATEWAY, "ANTHROPIC_AUTH_TOKEN": SECRETS["MASTER_KEY"]}})
    assert errors(USER, content) == [] == errors("/etc/claude-code/managed-settings.json", content) == errors(".claude/settings.local.json", content)
    assert errors(".claude/settings.json", content) == ["credential-in-project"]
    assert [finding.rule for finding in check(content, "project-settings")] == ["credential-in-project"]
    assert errors(".claude/settings.json", content.replace(SECRETS["MASTER_KEY"], "")) == []


@pytest.mark.parametrize(
    ("address", "rules"),
    [
        ("", []), ("https://gw.corp.example", []), ("https://gw.corp.example/", []), ("https://gw.corp.example:8443/team/a", []),
        ("https://gw.corp.example/v1/acct/anthropic", []), ("https://gw.corp.example/v10", []), (" https://gw.corp.example ", []),
        ("http://127.0.0.1:4000", []), ("http://127.9.9.9", []), ("http://LOCALHOST:4000", []), ("http://app.localhost", []), ("http://[::1]:4000", []),
        ("https://gw.corp.example/v1", ["base-url-v1"]), ("https://gw.corp.example/v1//", ["base-url-v1"]), ("http://127.0.0.1:4000/v1", ["base-url-v1"]),
        ("https://gw.corp.example/v1/messages", ["base-url-v1"]), ("http://gw.corp.example/v1", ["base-url-http", "base-url-v1"]),
        ("http://gw.corp.example", ["base-url-http"]), ("http://10.0.0.5:4000", ["base-url-http"]), ("http://host.docker.internal:4000", ["base-url-http"]),
        ("http://localhost.corp.example", ["base-url-http"]), ("http://notlocalhost", ["base-url-http"]), ("http://127.0.0.1.corp.example", ["base-url-http"]),
        ("gw.corp.example", ["base-url-form"]), ("localhost:4000", ["base-url-form"]), ("ftp://gw.corp.example", ["base-url-form"]),
        ("https://", ["base-url-form"]), ("https://gw.corp.example:port", ["base-url-form"]), ("https://gw corp.example", ["base-url-form"]),
        ("\u201chttps://gw.corp.example\u201d", ["base-url-form"]), ("https://gw.corp.example?x=1", ["base-url-form"]),
        ("https://[::1", ["base-url-form"]), ("${GATEWAY}", ["literal-variable"]),
    ],
)  # fmt: skip
def test_addresses(address: str, rules: list[str]) -> None:
    assert sorted(errors(USER, json.dumps({"env": {"ANTHROPIC_BASE_URL": address}}))) == rules


@pytest.mark.parametrize("name", words("presence_flags"))
def test_flags_that_any_value_turns_on(name: str) -> None:
    for value in ("0", "false", "False", "no", "off", 0, False):
        assert errors(USER, json.dumps({"env": {name: value}})) == ["presence-flag"]
    for value in ("", "1", "true"):
        assert errors(USER, json.dumps({"env": {name: value}})) == []


def test_every_known_name_is_accepted() -> None:
    """No known name is a misspelling of another, and no known setting either."""
    program = known("claude-code")
    content = json.dumps({"env": dict.fromkeys(program["env"]["properties"], "")})
    assert errors(USER, content) == []
    for name in program["settings"]["properties"]:
        assert not {"misspelt-key", "variable-outside"} & set(errors(USER, json.dumps({name: None})))


def test_names_of_the_rules_are_names_of_the_program() -> None:
    """A list of words.yaml that names what the pinned Claude Code does not read would be wrong."""
    variables = known("claude-code")["env"]["properties"]
    named = {*words("credentials"), *words("presence_flags"), *words("messages_urls"), *words("proxies"), *words("together")}
    named |= {name for entry in words("providers") for name in entry.values()}
    named |= set(words("expected").values())
    assert sorted(named - set(variables)) == [] and sorted(set(words("expected")) & set(variables)) == []


@pytest.mark.parametrize("name", [*INVALID, *WITH_NOTICES])
def test_no_value_of_a_credential_is_said(name: str) -> None:
    content = text({**INVALID, **WITH_NOTICES}[name])
    values = [*SECRETS.values(), TOKEN, "another-key-of-no-use", "GATEWAY_KEY" if name == "token-variable.json" else "another-key-of-no-use"]
    for variant in (content, content.replace('"', "'"), content.replace(":", "", 3), content.replace(",", "")):
        for scope in (USER, ".claude/settings.json", ".claude/settings.local.json"):
            said = " ".join(finding.message for finding in check(variant, "settings", scope))
            assert not [value for value in values if value in said]


def test_nothing_makes_the_rules_fail() -> None:
    chance = random.Random(4)
    odd = [None, True, 0, -1.5, "", "x", [], {}, [[]], {"a": {"b": []}}, "http://[", "${", "\ud800", "a\nb: c"]
    for path in (*VALID.values(), *WITH_NOTICES.values()):
        data = json.loads(text(path).removeprefix("\ufeff"))
        places = [at for at, _ in leaves(data)]
        for at in chance.sample(places, min(8, len(places))):
            changed = json.loads(json.dumps(data))
            holder = changed
            at = at[: chance.randint(1, len(at))]
            for part in at[:-1]:
                holder = holder[part]
            holder[at[-1]] = chance.choice(odd)
            check(json.dumps(changed), "settings", chance.choice([USER, ".claude/settings.json"]))
    for strange in ("[" * 5000, "5", "null", '"x"', "NaN", '{"a": Infinity}', "{" * 3, '{"\u2028": 1}', '{"\\ud800": "\\udfff"}', "\0", '{"env": {"": ""}}'):
        check(strange, "settings")


# What Claude Code itself does ------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(book: Book, site: Path) -> Iterator[World]:
    with World(book, site) as machine:
        yield machine


def ask(world: World, name: str, path: Path, shell: dict[str, str]) -> tuple[str, str, list[dict[str, Any]]]:
    """One question with this file as the user's settings: (what it prints, its errors, the requests the stand-in saw)."""
    home = world.inside.mnt / f"home-{name}"
    (home / ".claude").mkdir(parents=True)
    (home / "key").write_text("printed-by-the-helper")
    (home / "litellm-gateway").mkdir()
    (home / "litellm-gateway" / "master-key").write_text(LAB_KEY)
    content = text(path).replace(GATEWAY, f"http://127.0.0.1:{DIRECT_PORT}").replace(f'"{TOKEN}"', f'"{LAB_KEY}"').replace(f" {TOKEN}", f" {LAB_KEY}")
    (home / ".claude" / "settings.json").write_text(content)
    before = len(world.all_requests())
    done = world.claude(shell, "-p", "Reply with one word: seen", home=home.name)
    return done.stdout, done.stderr, world.all_requests()[before:]


@pytest.mark.lab
def test_what_claude_code_does_with_the_counterexamples(world: World) -> None:
    """Why the rules exist. A file that is left out, or an address that is not read, sends the gateway's token to Anthropic."""
    shell = {"ANTHROPIC_AUTH_TOKEN": LAB_KEY, "NODE_EXTRA_CA_CERTS": "/mnt/lab/ca.pem"}
    problems, silent = [], []
    silently = ["lower-case.json", "misspelt-variable.json"]
    told = [name for name, entry in EXPECTED.items() if "claude" in entry]
    for name in sorted({*told[::ASKED], *silently}):
        stdout, stderr, requests = ask(world, name, INVALID[name], shell)
        host = requests[0]["headers"]["host"] if requests else ""
        seen = {"to": {"": "nobody", "api.anthropic.com": "anthropic"}.get(host, "gateway"), "answers": stdout == "seen\n"}
        wanted = EXPECTED[name]["claude"]
        sent = {key: requests[0]["headers"].get(key) for key in wanted.get("sends", {})} if requests else {}
        if seen != {key: wanted[key] for key in seen} or wanted.get("prints", "") not in stdout + stderr or sent != wanted.get("sends", {}):
            problems.append(f"{name}: {seen} {sent} {stdout!r} {stderr[-200:]!r}")
        silent += [name] if seen == {"to": "anthropic", "answers": True} and not stderr else []
    assert problems == []
    assert set(silently) <= set(silent)


@pytest.mark.lab
@pytest.mark.parametrize("name", ANSWERED)
def test_claude_code_loads_a_valid_example(world: World, name: str) -> None:
    shell = {"ANTHROPIC_AUTH_TOKEN": LAB_KEY} if name in ("project.json", "provider-off.json") else {}
    stdout, stderr, requests = ask(world, name, VALID[name], shell)
    assert stdout == "seen\n" and "did not load" not in stderr, stdout + stderr
    assert requests and all(request["headers"]["host"] == f"127.0.0.1:{DIRECT_PORT}" for request in requests)


@pytest.mark.lab
def test_zero_still_turns_a_presence_flag_on(world: World) -> None:
    """Beside /v1/messages Claude Code asks Anthropic for more, unless the flag has a value, whatever it is."""
    asked = {}
    for value in ("", "0", "1"):
        before = len(world.all_requests())
        home = world.inside.mnt / f"home-flag-{value}"
        (home / ".claude").mkdir(parents=True)
        env = {"ANTHROPIC_API_KEY": LAB_KEY, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": value}
        (home / ".claude" / "settings.json").write_text(json.dumps({"env": env}))
        done = world.claude({"NODE_EXTRA_CA_CERTS": "/mnt/lab/ca.pem"}, "-p", "Reply with one word: seen", home=home.name)
        assert done.stdout == "seen\n"
        asked[value] = {request["path"] for request in world.all_requests()[before:]}
    assert asked["0"] == asked["1"] and asked["0"] < asked[""]
