"""The conformance kit: it names what is wrong with a gateway, claims nothing it cannot see, and the page's tables are what it measures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from macros import compatibility
from macros.ledger import Book, BookError, read_yaml
from tests.compatibility import FILE, kit
from tests.compatibility.__main__ import checks, outcomes
from tests.compatibility.broken import FAULTS, KEY, Proxy, wrong
from tests.compatibility.world import GATEWAYS, Measured
from tests.test_doctor_pythons import PYTHONS

pytestmark = pytest.mark.long

BROKEN = read_yaml(Path(__file__).parent / "compatibility" / "broken.yaml")["broken"]
#: Fails for every proxy here: none of them has this route.
ALWAYS = {"chat-completions"}
#: Nobody outside can see these.
INSIDE = {one.id for one in kit.CHECKS if not one.blind}
#: Seconds; the tests do not wait for a minute.
QUICK = {"minute": 0.3, "hold": 4.0, "patience": 0.2, "largest": 9 * 10**6}
#: For a gateway that is impatient by itself, which a busy machine must not be taken for.
MINUTES = {"impatient": {"minute": 4.0}}


@contextmanager
def stand_in() -> Iterator[Any]:
    provider = kit.StandIn(0)
    try:
        yield provider
    finally:
        provider.shutdown()
        provider.server_close()


def asked(url: str, provider: Any, key: str = KEY, **more: Any) -> dict[str, Any]:
    """Check -> outcome."""
    return {one.id: found for one, found in kit.results(kit.Run(kit.Gateway(url, key), provider, **{**QUICK, **more}))}


@pytest.fixture(scope="module")
def broken() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Each broken gateway, and one that is not: with the stand-in, and from outside."""
    found = {}
    for name in ("", *FAULTS):
        with stand_in() as provider, Proxy(name, f"http://127.0.0.1:{provider.server_port}") as gateway:
            found[name] = asked(gateway.url, provider, **MINUTES.get(name, {})), asked(gateway.url, None)
    return found


def failing(found: dict[str, Any]) -> set[str]:
    return {name for name, one in found.items() if one.outcome == kit.FAILED} - ALWAYS


def test_a_gateway_that_breaks_nothing_meets_everything(broken: dict[str, Any]) -> None:
    whole, outside = broken[""]
    assert {name: one for name, one in whole.items() if one.outcome != kit.MET} == {"chat-completions": kit.failed("answered with 404")}
    assert whole["slow-answer"] == kit.met("0.3 seconds only, as --minute says")
    assert not failing(outside)


def test_the_lists_agree() -> None:
    assert [entry["id"] for entry in BROKEN] == list(FAULTS)
    known = {one.id for one in kit.CHECKS}
    assert {name for entry in BROKEN for name in entry["fails"]} <= known


@pytest.mark.parametrize("entry", BROKEN, ids=[entry["id"] for entry in BROKEN])
def test_it_names_what_is_wrong(entry: dict[str, Any], broken: dict[str, Any]) -> None:
    found = failing(broken[entry["id"]][0])
    if entry.get("all"):
        assert entry["fails"][0] in found
    else:
        assert found == set(entry["fails"])


def test_every_required_check_can_fail() -> None:
    """No check is met by whatever comes."""
    named = {name for entry in BROKEN for name in entry["fails"]}
    assert {one.id for one in kit.CHECKS if one.verdict == "required"} - named == {"body-messages", "credential", "whole-request"}, (
        "these have a test of their own below"
    )


def test_a_key_that_nobody_takes_and_messages_that_change() -> None:
    with stand_in() as provider, Proxy("", f"http://127.0.0.1:{provider.server_port}") as gateway:
        found = {
            one.id: outcome for one, outcome in kit.results(kit.Run(kit.Gateway(gateway.url, "sk-another"), provider, **QUICK), ["credential", "messages"])
        }
        assert found["credential"] == kit.failed("refused in both headers")
        gateway.fault.body = lambda body: {**body, "messages": [one for one in body["messages"] if one["role"] != "system"]}  # type: ignore[method-assign]
        (row,) = kit.results(kit.Run(kit.Gateway(gateway.url, KEY), provider, **QUICK), ["body-messages"])
        assert row[1] == kit.failed("changed: messages has 4 parts in place of 5")
        gateway.fault.instead = lambda request: wrong(422, "metadata: Extra inputs are not permitted")  # type: ignore[method-assign]
        (row,) = kit.results(kit.Run(kit.Gateway(gateway.url, KEY), provider, **QUICK), ["whole-request"])
        assert row[1] == kit.failed("refused with 422: metadata: Extra inputs are not permitted")


# From outside ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", *FAULTS])
def test_from_outside_it_claims_nothing_it_cannot_see(name: str, broken: dict[str, Any]) -> None:
    """What it says from outside is what it says when it sees both sides; of the rest it says that it cannot see it."""
    whole, outside = broken[name]
    assert {one for one, found in outside.items() if found.outcome == kit.UNSEEN} >= INSIDE
    for one, found in outside.items():
        if found.outcome != kit.UNSEEN:
            assert found.outcome == whole[one].outcome, f"{one}: from outside {found}, in truth {whole[one]}"


# The program ----------------------------------------------------------------------------


def program(*words: str, env: dict[str, str] | None = None, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": os.defpath, **({"ANTHROPIC_AUTH_TOKEN": KEY} if env is None else env)}
    return subprocess.run([python, str(FILE), *words], env=clean, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def outside() -> Iterator[str]:
    """A gateway whose provider is a stand-in that the kit did not start."""
    with stand_in() as provider, Proxy("", f"http://127.0.0.1:{provider.server_port}") as gateway:
        yield gateway.url


def test_exit_status_and_json(outside: str) -> None:
    done = program("--url", outside, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and not found["upstream"] and [row["id"] for row in found["checks"]] == [one.id for one in kit.CHECKS]
    assert "claude-opus-5-5 is asked 2 times for a few words; this costs tokens." in done.stderr


def test_a_required_check_that_fails_is_status_1() -> None:
    with stand_in() as provider, Proxy("wrong-content-type", f"http://127.0.0.1:{provider.server_port}") as gateway:
        done = program("--url", gateway.url, "--only", "stream-type")
    assert done.returncode == 1 and "FAILED          stream-type" in done.stdout and "0 of 1 required checks met, 1 failed" in done.stdout


def test_what_it_says_of_models_is_what_it_asks() -> None:
    """As many questions as it announces, and none with --free."""
    for words, expected in (((), 2), (("--free",), 0)):
        with stand_in() as provider, Proxy("", f"http://127.0.0.1:{provider.server_port}") as gateway:
            done = program("--url", gateway.url, *words)
            everything = [one for many in provider.seen.values() for one in many] + provider.other
        whole = [one for one in everything if one.path == "/v1/messages" and one.body.get("messages") and one.body["model"] == kit.MODEL]
        announced = re.search(r"is asked (\d+) times", done.stdout)
        assert len(whole) == expected == int(announced.group(1) if announced else 0)


@pytest.mark.parametrize(
    ("words", "env", "says"),
    [
        (["--url", "http://127.0.0.1:1"], None, "does not answer: nothing listens there"),
        (["--url", "http://[::1"], None, "--url: its host or port is malformed"),
        (["--url", f"http://me:{'secret'}@[zz]:1"], None, "--url: its host or port is malformed"),
        (["--url", f"http://me:{'secret'}@127.0.0.1:port"], None, "--url: its host or port is malformed"),
        (["--url", f"http://127.0.0.1:1?key={'secret'}"], None, "nothing after the path"),
        (["--url", "http://127.0.0.1:1/v1"], None, "leave /v1 out"),
        (["--url", "ftp://127.0.0.1"], None, "write it as in ANTHROPIC_BASE_URL"),
        (["--url", f"http://me:{'secret'}@127.0.0.1:1"], None, "leave the login out"),
        (["--url", "http://127.0.0.1:1"], {}, "no key: put the gateway's key into ANTHROPIC_AUTH_TOKEN"),
        (["--url", "http://127.0.0.1:1", "--key-variable", "MY_KEY"], {}, "into MY_KEY"),
        (["--url", "http://127.0.0.1:1"], {"ANTHROPIC_AUTH_TOKEN": "a\u00e4b"}, "a character that no header can carry"),
        (["--url", "http://127.0.0.1:1", "--only", "nothing"], None, "there is no such check"),
        (["--url", "https://127.0.0.1:1", "--ca", "/nowhere"], None, "no certificates can be read there"),
        (["--url", "http://127.0.0.1:1"], {"ANTHROPIC_AUTH_TOKEN": "a", "ANTHROPIC_CUSTOM_HEADERS": "nonsense"}, "write a header a line"),
    ],
)
def test_what_cannot_run_is_status_2(words: list[str], env: dict[str, str] | None, says: str) -> None:
    done = program(*words, env=env)
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1 and not done.stdout
    assert "secret" not in done.stderr


def test_a_gateway_that_asks_its_own_provider_is_told_apart(outside: str) -> None:
    """The kit does not take another provider's answers for its stand-in's."""
    with stand_in() as provider:
        port = provider.server_port
    done = program("--url", outside, "--upstream", str(port))
    assert done.returncode == 2 and "did not ask the stand-in" in done.stderr


def test_a_taken_port(outside: str) -> None:
    done = program("--url", outside, "--upstream", outside.rpartition(":")[2])
    assert done.returncode == 2 and "another program listens there" in done.stderr


def test_the_key_is_not_printed() -> None:
    """Also where a gateway sends it back."""
    with stand_in() as provider, Proxy("", f"http://127.0.0.1:{provider.server_port}") as gateway:
        gateway.fault.answer = lambda status, raw: (403, json.dumps({"error": {"message": f"{KEY} \x1b[2J may not"}}).encode())  # type: ignore[method-assign]
        texts = [program("--url", gateway.url, *words, env={"ANTHROPIC_AUTH_TOKEN": KEY}) for words in ([], ["--json"])]
    for done in texts:
        assert "(key)" in done.stdout and KEY not in done.stdout + done.stderr and "\x1b" not in done.stdout


def test_no_option_takes_a_key() -> None:
    assert not re.search(r"--(key|token)\b(?!-variable)", program("--help").stdout)


@pytest.mark.parametrize("version", PYTHONS)
def test_it_runs_with_every_python(version: str, outside: str) -> None:
    done = program("--url", outside, "--free", "--json", "--only", "models", "--only", "x-api-key", python=str(PYTHONS[version]))
    assert done.returncode == 0 and [row["outcome"] for row in json.loads(done.stdout)["checks"]] == [kit.MET] * 2, done.stderr


# The page's tables ------------------------------------------------------------------------


def test_every_gateway_is_measured_with_this_kit(book: Book) -> None:
    found = book.fact("compatibility")
    assert found["checks"] == checks(), "the kit's list is another one; run: python -m tests.compatibility"
    assert found["claude_code"] == book.fact("versions.claude-code.version"), "another Claude Code was measured; run: python -m tests.compatibility"
    assert list(found["gateways"]) == list(GATEWAYS), "run: python -m tests.compatibility"
    assert found["minute"] >= 60, "measured with a shortened minute; run: python -m tests.compatibility"
    assert found["gateways"]["litellm"]["version"] == book.fact("versions.litellm.version")


def test_at_least_one_fails_for_real(book: Book) -> None:
    required = [number for number, one in enumerate(kit.CHECKS) if one.verdict == "required"]
    assert any(row["outcomes"][number] == "n" for row in book.fact("compatibility.gateways").values() for number in required)


def test_a_group_that_has_none(book: Book) -> None:
    with pytest.raises(BookError, match="no gateway of the group 'gateways'"):
        compatibility.matrix(book, "gateways")


def test_the_fetched_file_is_the_one_that_is_compared() -> None:
    assert compatibility.KIT.with_name("verify.sh").read_text() == compatibility.verify(FILE.read_text("utf-8")), "run: python -m macros.compatibility"


MINUTE = [number for number, one in enumerate(kit.CHECKS) if one.criterion == "CC7"]


def but_the_minute(letters: str) -> str:
    return "".join(letter for number, letter in enumerate(letters) if number not in MINUTE)


@pytest.fixture(scope="module")
def again() -> dict[str, dict[str, Any]]:
    """Two gateways once more, with a short minute; Claude Code through one of them, and what its provider was asked."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("nginx-defaults", "haproxy"):
        with Measured(name) as gateway:
            if name == "nginx-defaults":
                with gateway.provider():
                    found[name] = {"claude": gateway.claude(), "claude_long": gateway.claude(long=True)}
                    found["asked"] = json.loads((gateway.inside.mnt / "provider" / "requests.jsonl").read_text().splitlines()[0])
            row = {"outcomes": outcomes(gateway.check("--minute", "0.5")["checks"]), "version": gateway.version}
            found[name] = {**found.get(name, {}), **row}
    return found


@pytest.mark.lab
@pytest.mark.parametrize("name", ["nginx-defaults", "haproxy"])
def test_the_tables_are_what_is_measured(name: str, again: dict[str, Any], book: Book) -> None:
    row = book.fact("compatibility.gateways")[name]
    for key, value in again[name].items():
        if key == "outcomes":
            assert but_the_minute(value) == but_the_minute(row[key])
        else:
            assert value == row[key]


@pytest.mark.lab
def test_claude_code_sends_what_the_kit_sends(again: dict[str, Any]) -> None:
    """The kit asks for what Claude Code asks for, in its headers and in its fields."""
    headers, body = again["asked"]["headers"], again["asked"]["body"]
    assert tuple(headers["anthropic-beta"].split(",")) == kit.BETAS and headers["anthropic-version"] == kit.VERSION
    assert kit.SESSION in headers and "authorization" not in headers and headers["x-api-key"] == kit.PROVIDER_KEY
    assert (again["asked"]["path"], again["asked"]["query"], body["model"]) == ("/v1/messages", "beta=true", kit.MODEL)
    whole = {"model", "messages", "max_tokens", "system", "tools", "stream", "metadata", "thinking", *kit.FEATURES}
    assert set(body) == whole and isinstance(body["system"], list)
    assert body["system"][0]["text"].startswith(kit.SYSTEM[0]["text"].split(":")[0]) and "cache_control" in json.dumps(body["messages"] + body["system"])
    assert "system" in {message["role"] for message in body["messages"]} and json.loads(body["metadata"]["user_id"]).keys() == json.loads(kit.USER).keys()
