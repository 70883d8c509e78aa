"""What the pages of docs/reference/ claim beside their blocks: the data against the real programs."""

from __future__ import annotations

import json
import mmap
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from bs4 import BeautifulSoup

from macros import catalogue, published
from macros.ledger import Book, BookError, read_yaml
from schemas.rules.source import known
from tests.lab import programs
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.world import DIRECT_PORT
from tests.reach import Reach, key, versions
from tests.schemas import files, table, text
from tests.test_schema_litellm import configurations
from tests.wire import Wire, difference

PAGES = {"client": "variables", "network": "variables-network", "gateway": "variables-gateway", "nobody": "variables"}
#: LiteLLM's own name for a default, in litellm/constants.py.
CONSTANTS = {
    "allowed_fails": r'DEFAULT_ALLOWED_FAILS", (\d+)\)', "cooldown_time": r'DEFAULT_COOLDOWN_TIME_SECONDS", (\d+)\)',
    "request_timeout": r"DEFAULT_REQUEST_TIMEOUT_SECONDS: Final\[float\] = (\d+)\.0",
}  # fmt: skip


def article(site: Path, page: str) -> BeautifulSoup:
    found = BeautifulSoup((site / "reference" / page / "index.html").read_text("utf-8"), "html.parser").select_one("article")
    assert found is not None
    return found


# Variables --------------------------------------------------------------------------
NAME = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def holds(binary: mmap.mmap, name: bytes) -> bool:
    """Whether the name stands somewhere as a word of its own."""
    at = binary.find(name)
    while at != -1 and (binary[at - 1] in NAME or binary[at + len(name)] in NAME):
        at = binary.find(name, at + 1)
    return at != -1


def missing(names: list[str]) -> list[str]:
    """The names that do not stand in the program of Claude Code as words of their own."""
    with programs.claude().open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as binary:
        return [name for name in names if not holds(binary, name.encode())]


@pytest.mark.lab
def test_claude_code_holds_the_names_of_its_variables_and_no_name_that_nothing_reads(book: Book) -> None:
    rows = book.fact("variables")
    assert missing([name for name, row in rows.items() if row["side"] == "client"]) == []
    nobody = [name for name, row in rows.items() if row["side"] == "nobody"]
    assert nobody and missing(nobody) == nobody


def test_every_variable_stands_on_one_page_of_the_reference(site: Path, book: Book) -> None:
    rows = {name: row for name, row in book.fact("variables").items() if row["side"] not in catalogue.UNLISTED}
    stands = defaultdict(set)
    for page in set(PAGES.values()):
        for cell in article(site, page).select("td:first-child code"):
            stands[cell.get_text()].add(page)
    assert {name: {PAGES[catalogue.family(row)]} for name, row in rows.items()} == {name: pages for name, pages in stands.items() if name in rows}
    assert set(stands) == set(rows)


def test_every_settings_key_and_every_header_stands_in_its_list(site: Path, book: Book) -> None:
    for kind, page in (("settings", "settings"), ("headers", "messages")):
        cells = {cell.get_text() for cell in article(site, page).select("td:first-child code")}
        assert set(book.fact(kind)) <= cells, kind


def test_a_family_that_does_not_exist_stops_the_build(book: Book) -> None:
    with pytest.raises(BookError, match="no family 'server'"):
        catalogue.variables(book, "server")


# What a variable changes; what becomes of a status -----------------------------------
def test_what_counts_as_a_difference() -> None:
    system = [{"text": "x-anthropic-a: 1"}, {}]
    one: dict[str, Any] = {"path": "/v1/messages", "headers": {"anthropic-beta": "a, b", "x": "1"}, "body": {"model": "m", "system": system}}
    other: dict[str, Any] = {"path": "/v1", "headers": {"anthropic-beta": "b,c"}, "body": {"model": "n", "system": [{}]}}
    assert difference(one, one) == []
    assert difference(one, other) == [
        "path /v1", "header anthropic-beta: without a", "header anthropic-beta: with c", "header x: missing", 'field model: "n"',
        "field system: 1 entries instead of 2", "field system: the first is no longer x-anthropic-a", "field system: without text",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def wire(book: Book, site: Path, forker: Forker) -> Iterator[Wire]:
    with Wire(book, site, forker) as machine:
        yield machine


def test_everything_is_measured_with_this_claude_code(book: Book) -> None:
    measured = book.fact("wire.measured")
    assert [{name: row[name] for name in ("variable", "value")} for row in measured["effects"]] == book.fact("wire.effects"), "run: python -m tests.wire"
    assert list(measured["statuses"]) == book.fact("wire.statuses"), "run: python -m tests.wire statuses"
    assert measured["version"] == book.fact("versions.claude-code.version"), "run: python -m tests.wire"


@pytest.mark.lab
@pytest.mark.parametrize("variable", ["CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", "CLAUDE_CODE_ATTRIBUTION_HEADER"])
def test_a_variable_changes_what_the_table_says(wire: Wire, book: Book, variable: str) -> None:
    row = next(row for row in book.fact("wire.measured.effects") if row["variable"] == variable)
    assert wire.effect(variable, row["value"]) == row["changes"] != []


@pytest.mark.lab
@pytest.mark.parametrize("status", [413, 529])
def test_a_status_becomes_what_the_table_says(wire: Wire, book: Book, status: int) -> None:
    assert wire.status(status) == book.fact("wire.measured.statuses")[status]


# Messages ------------------------------------------------------------------------------
def rules(book: Book, name: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads((book.root / "schemas" / f"{name}.schema.json").read_text("utf-8")))


@pytest.mark.lab
def test_the_schemas_of_messages_fit_what_was_sent_and_answered(wire: Wire, book: Book) -> None:
    request, text = wire.ask({})
    assert request is not None and text == "connected"
    assert [problem.message for problem in rules(book, "messages-request").iter_errors(request["body"])] == []
    assert set(request["headers"]) <= set(book.fact("headers")), "add it to snippets/facts/headers.yaml"
    body = {"model": request["body"]["model"], "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    words = [word for name, value in {"x-api-key": LAB_KEY, "anthropic-version": "2023-06-01"}.items() for word in ("-H", f"{name}: {value}")]
    done = wire.world.inside.run(["curl", "-s", f"http://127.0.0.1:{DIRECT_PORT}/v1/messages", *words, "-d", json.dumps(body)], {"PATH": os.defpath})
    assert [problem.message for problem in rules(book, "messages-response").iter_errors(json.loads(done.stdout))] == []
    assert not rules(book, "messages-request").is_valid({**request["body"], "of_nobody": 1}) and not rules(book, "messages-response").is_valid({})


# LiteLLM -----------------------------------------------------------------------------
def names_in(data: Any, place: str = "Top level") -> set[tuple[str, str]]:
    """(section, key) of everything in a configuration, sections as the data names them."""
    below = {"model_list": "An entry of model_list"}
    found = set()
    for name, value in data.items():
        found.add((place, name))
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict) and name != "fallbacks":
                found |= names_in(entry, below.get(name, name))
    return found


def test_every_key_of_a_configuration_is_in_the_reference(book: Book) -> None:
    listed = {(section, name) for section, keys in book.fact("litellm.keys").items() for name in keys}
    for name, path in configurations(book).items():
        unknown = names_in(yaml.safe_load(path.read_text("utf-8"))) - listed
        assert not unknown, f"snippets/{name}: {sorted(unknown)} stands in no section of snippets/facts/litellm.yaml; add it with meaning and source"


def test_the_pinned_litellm_reads_every_key_of_the_reference(book: Book) -> None:
    program = known("litellm")
    dumped = {"Top level": "config", "An entry of model_list": "model"}
    for section, keys in book.fact("litellm.keys").items():
        assert set(keys) <= set(program[dumped.get(section, section)]["properties"]), section


@pytest.mark.lab
def test_defaults_are_those_of_the_pinned_litellm(book: Book) -> None:
    constants = next((programs.VENV / "litellm").rglob("site-packages/litellm/constants.py")).read_text("utf-8")
    known_router = known("litellm")["router_settings"]["properties"]
    for section in ("router_settings", "litellm_settings"):
        for name, row in book.fact(f"litellm.keys.{section}").items():
            if name in CONSTANTS:
                match = re.search(CONSTANTS[name], constants)
                assert match and int(match.group(1)) == row["default"], name
            elif section == "router_settings" and "default" in known_router[name]:
                assert known_router[name]["default"] == row["default"], name


def test_what_litellm_does_with_each_mistake(book: Book) -> None:
    """As the tests of the rules saw it, file by file."""
    does = defaultdict(set)
    for entry in table("litellm/expected").values():
        for row in entry["errors"]:
            does[row["rule"]].add(entry["litellm_does"])
    assert {name: found.pop() if len(found) == 1 else "both" for name, found in does.items()} == book.fact("litellm.mistakes")


# Published schemas ---------------------------------------------------------------------
@pytest.mark.parametrize(("name", "kind"), [("litellm-config", "litellm"), ("claude-settings", "settings")])
def test_a_published_schema_takes_what_is_right_and_finds_mistakes(site: Path, book: Book, name: str, kind: str) -> None:
    built = json.loads((site / published.address(name)).read_text("utf-8"))
    assert built == published.bundled(book.root / "schemas", name, book)
    assert not re.search(r'"\$ref": "(?!#)|"x-', json.dumps(built))
    jsonschema.Draft7Validator.check_schema(built)
    validator = jsonschema.Draft7Validator(built)

    def accepts(path: Path) -> bool:
        content = text(path).removeprefix("\ufeff")
        return validator.is_valid(yaml.safe_load(content) if kind == "litellm" else json.loads(content))

    own = {"own-names.json"}  # names of a company's own are no mistake to the rules
    assert [file for file, path in files(f"{kind}/valid").items() if not accepts(path)] == [file for file in own if kind == "settings"]
    found = []
    for file, path in files(f"{kind}/invalid").items():
        try:
            found += [] if accepts(path) else [file]
        except (yaml.YAMLError, json.JSONDecodeError, RecursionError):
            continue
    assert len(found) >= 10, found


def test_our_own_configurations_pass_the_published_schema(book: Book) -> None:
    validator = jsonschema.Draft7Validator(published.bundled(book.root / "schemas", "litellm-config", book))
    for name, path in configurations(book).items():
        assert [problem.message for problem in validator.iter_errors(read_yaml(path))] == [], name


def test_a_reference_that_leads_nowhere_stops_the_build(book: Book, tmp_path: Path) -> None:
    (tmp_path / "claude-settings.schema.json").write_text('{"title": "x", "$ref": "other.json#/$defs/nothing"}')
    (tmp_path / "other.json").write_text('{"$defs": {}}')
    with pytest.raises(BookError, match="leads nowhere"):
        published.bundled(tmp_path, "claude-settings", book)


# Which program reads what ---------------------------------------------------------------
#: One or two cases of every table; tests/test_proxy.py starts Claude Code for more.
SAMPLE = {
    "proxies": ["http_proxy", "ALL_PROXY"],
    "plain": ["HTTP_PROXY", "http_proxy"],
    "exceptions": ["*.anthropic.com", "localhost api.anthropic.com", "127.0.0.0/8"],
    "addresses": ["10.0.0.0/24"],
    "spelling": ["both-upper"],
    "authorities": ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "store"],
}


@pytest.mark.lab
def test_a_sample_of_the_cells(book: Book, site: Path, forker: Forker) -> None:
    wrong = []
    with Reach(book, site, forker) as reach:
        for name, cases in SAMPLE.items():
            for case in book.fact(f"reach.{name}"):
                row = book.fact(f"reach.measured.tables.{name}")[key(case)]
                for program in ("curl", "urllib", "requests", "httpx", "node") if key(case) in cases else ():
                    found = reach.cell(program, name, case)
                    wrong += [f"{name}, {key(case)}, {program}: {found}"] if found != row[program] else []
        for name, case_id in (("proxies", "https_proxy"), ("authorities", "NODE_EXTRA_CA_CERTS")):
            case = next(case for case in book.fact(f"reach.{name}") if key(case) == case_id)
            for program in ("litellm", "claude-code"):
                assert reach.cell(program, name, case) == book.fact(f"reach.measured.tables.{name}")[case_id][program], program
    assert wrong == [], "run: python -m tests.reach"


@pytest.mark.lab
def test_the_cells_are_of_these_versions(book: Book) -> None:
    assert book.fact("reach.measured.versions") == versions(), "run: python -m tests.reach"


def test_a_cell_that_was_not_measured_stops_the_build(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(book.fact("reach.measured.tables.proxies")["ALL_PROXY"], "curl")
    with pytest.raises(BookError, match="proxies: ALL_PROXY was not measured with every program"):
        catalogue.reach(book, "proxies")
