"""Each mistake in data, ledgers and snippets stops the build: one message with file, line and remedy."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from bs4 import BeautifulSoup

from macros import guards, render
from macros.ledger import Book, BookError, read_yaml, validate
from tests.handbook import NOTE, Mistake, assert_stops, build, build_warm, ledger, page, remove, replace, several, sha256, write, write_handbook
from tests.lab.programs import ROOT

MISTAKES = {
    # Pages and blocks fit together
    "unknown snippet": Mistake(page('{{ snippet("demo/helo.sh") }}'), "docs/index.md:7", "unknown snippet 'demo/helo.sh'", "known ids stand in"),
    "entry without file": Mistake(remove("snippets/demo/hello.out"), "snippets/demo/ledger.yaml:8", "no file snippets/demo/hello.out", "write it or remove"),
    "file without entry": Mistake(write("snippets/demo/more.sh", "ls\n"), "snippets/demo/more.sh", "in no ledger", "add it to a ledger.yaml"),
    "snippet on no page": Mistake(replace("docs/index.md", NOTE, ""), "snippets/demo/ledger.yaml:11", "demo/note.txt: on no page", f"show it with {NOTE}"),
    "unknown rendering": Mistake(
        ledger("  hello.out:", "  hello.sh@fish:\n    check: output\n    of: demo/hello.sh\n  hello.out:"),
        "snippets/demo/ledger.yaml:8",
        "no rendering 'fish'",
        "there are bash, powershell",
    ),
    "text that ends its own command": Mistake(
        several(
            ledger("  note.txt:", "  hello.out@save:\n    check: output\n    of: demo/hello.sh\n  note.txt:"),
            write("snippets/demo/hello.out", "hello\nEOF\n"),
        ),
        "snippets/demo/ledger.yaml:11",
        "snippets/demo/hello.out has a line EOF",
        "change that line",
    ),
    "unknown region": Mistake(
        ledger("  hello.out:", "  hello.sh#part:\n    check: output\n    of: demo/hello.sh\n  hello.out:"),
        "snippets/demo/hello.sh",
        "no region 'part'",
        "mark it with '# --8<-- [start:part]'",
    ),
    # What Markdown would change on the way
    "tab in a snippet": Mistake(
        write("snippets/demo/hello.sh", "true\nif true; then\n\techo hello\nfi\n"), "snippets/demo/hello.sh:3", "a tab", "write spaces"
    ),
    "carriage return in a snippet": Mistake(
        write("snippets/demo/hello.sh", "echo hello\r\n"), "snippets/demo/hello.sh:1", "a carriage return", "Unix line ends"
    ),
    "no final newline": Mistake(write("snippets/demo/hello.sh", "echo hello"), "snippets/demo/hello.sh", "exactly one newline", "trims"),
    "snippet that is no text": Mistake(
        lambda root: (root / "snippets/demo/hello.sh").write_bytes(b"\xff\n") and None, "snippets/demo/hello.sh", "not UTF-8", "save it as"
    ),
    # Facts
    "unknown fact": Mistake(page('{{ fact("site.adress") }}'), "docs/index.md:7", "unknown fact 'site.adress' (no 'adress')", "correct the name"),
    "group of facts": Mistake(page('{{ fact("versions.litellm") }}'), "docs/index.md:7", "'versions.litellm' is a group of facts", "name one of them"),
    "unknown fact in a ledger": Mistake(
        ledger("prints: hello", "prints: <<site.hello>>"), "snippets/demo/ledger.yaml:7", "unknown fact 'site.hello'", "correct the name"
    ),
    "fact against its schema": Mistake(
        replace("snippets/facts/demo.yaml", "4000", "http"),
        "snippets/facts/demo.yaml:2",
        "port: 'http' is not of type 'integer'",
        "see schemas/facts/demo.schema.json",
    ),
    "facts without a schema": Mistake(
        write("snippets/facts/more.yaml", "a: 1\n"), "snippets/facts/more.yaml", "no schema", "write schemas/facts/more.schema.json"
    ),
    "duplicate key": Mistake(
        write("snippets/facts/demo.yaml", "port: 1\nhint: one\nport: 2\n"),
        "snippets/facts/demo.yaml:3",
        "key 'port' stands already in line 1",
        "remove one of them",
    ),
    "duplicate entry": Mistake(
        ledger("  note.txt:", "  hello.sh: {check: run}\n  note.txt:"),
        "snippets/demo/ledger.yaml:11",
        "key 'hello.sh' stands already in line 2",
        "remove one of them",
    ),
    "broken YAML": Mistake(ledger("    of: demo", "    of demo"), "snippets/demo/ledger.yaml:11", "could not find expected ':'", "repair the YAML"),
    "broken schema": Mistake(write("schemas/facts/demo.schema.json", "{\n"), "schemas/facts/demo.schema.json:2", "Expecting property name", "repair the JSON"),
    # Ledger entries
    "unknown check": Mistake(
        ledger("check: run", "check: tested"), "snippets/demo/ledger.yaml:3", "'tested' is not one of ['run',", "see schemas/ledger.schema.json"
    ),
    "illustrative without a reason": Mistake(
        ledger("    reason: No program reads this text, it is here to be looked at.\n", ""),
        "snippets/demo/ledger.yaml:11",
        "'reason' is a required property",
        "see schemas/ledger.schema.json",
    ),
    "run without an observation": Mistake(
        ledger("    observed:\n      - what: It prints one word, which is hello.\n        prints: hello\n", ""),
        "snippets/demo/ledger.yaml:2",
        "'observed' is a required property",
        "see schemas/ledger.schema.json",
    ),
    "illustrative text that changed": Mistake(
        write("snippets/demo/note.txt", "Other text.\n"),
        "snippets/demo/ledger.yaml:11",
        "its text changed",
        f"write sha256: {sha256('Other text.')} and today's date",
    ),
    "undeclared lab difference": Mistake(
        ledger("    terminal: client", "    terminal: client\n    lab: [faster]"),
        "snippets/demo/ledger.yaml:2",
        "lab difference 'faster' is not declared",
        "describe it in snippets/facts/lab.yaml",
    ),
    "output of no block": Mistake(
        ledger("of: demo/hello.sh", "of: demo/bye.sh"), "snippets/demo/ledger.yaml:8", "of: 'demo/bye.sh' is no block", "write the full id"
    ),
    "output of a block that is not run": Mistake(
        ledger("of: demo/hello.sh", "of: demo/note.txt"), "snippets/demo/ledger.yaml:8", "demo/note.txt is none", "name the block that prints it"
    ),
    "unknown program": Mistake(
        ledger("    terminal: client", "    terminal: client\n    uses: [fish]"),
        "snippets/demo/ledger.yaml:2",
        "'fish' is no program of snippets/facts/versions.yaml",
        "add it",
    ),
    "unknown language": Mistake(
        ledger("    of: demo/hello.sh", "    of: demo/hello.sh\n    language: bsh"), "snippets/demo/ledger.yaml:8", "no language 'bsh'", "or text"
    ),
    # Names that are in no data
    "unknown variable on a page": Mistake(
        page("Set `ANTHROPIC_BASE_ULR`."),
        "docs/index.md:7",
        "ANTHROPIC_BASE_ULR is an environment variable that is in no data",
        "add it to snippets/facts/variables.yaml",
    ),
    "unknown variable in a snippet": Mistake(
        write("snippets/demo/hello.sh", "echo hello\nunset CLAUDE_CODE_NOTHING\n"),
        "snippets/demo/hello.sh:2",
        "CLAUDE_CODE_NOTHING is an environment variable that is in no data",
        "add it to snippets/facts/variables.yaml",
    ),
    "unknown variable in a fact": Mistake(
        replace("snippets/facts/demo.yaml", "ANTHROPIC_BASE_URL", "LITELLM_RETRIES"),
        "snippets/facts/demo.yaml:3",
        "LITELLM_RETRIES is an environment variable that is in no data",
        "add it to snippets/facts/variables.yaml",
    ),
    "unknown header on a page": Mistake(
        page("Send `x-api-token`."), "docs/index.md:7", "x-api-token is a header that is in no data", "add it to snippets/facts/headers.yaml"
    ),
    "unknown header in a snippet": Mistake(
        write("snippets/demo/hello.sh", "curl -H 'Autorization: Bearer x' http://127.0.0.1\n"),
        "snippets/demo/hello.sh:1",
        "Autorization is a header that is in no data",
        "add it to snippets/facts/headers.yaml",
    ),
    "unknown settings key": Mistake(
        page("Write `apiKeyHelpr`."), "docs/index.md:7", "apiKeyHelpr is a settings key that is in no data", "add it to snippets/facts/settings.yaml"
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", MISTAKES)
def test_stops_the_build(name: str, tmp_path: Path) -> None:
    assert_stops(MISTAKES[name], tmp_path, build if name == next(iter(MISTAKES)) else build_warm)


# What no single build can tell -----------------------------------------------------
def test_every_schema_is_one() -> None:
    for path in (ROOT / "schemas").rglob("*.json"):
        rules = json.loads(path.read_text())
        assert rules["$schema"] == "https://json-schema.org/draft/2020-12/schema", path
        jsonschema.Draft202012Validator.check_schema(rules)


@pytest.mark.parametrize("text", ["{a: 2026-11-23}", "{1: b}", "{a: b, 2026-11-23: c}", "{a: [b]}"])
def test_what_json_cannot_hold_is_refused_in_the_same_words(text: str, tmp_path: Path) -> None:
    """A date or a number as a key: the quick validator cannot say whether they are right."""
    rules, data = tmp_path / "rules.json", tmp_path / "data.yaml"
    rules.write_text('{"type": "object", "properties": {"a": {"type": "string"}}, "propertyNames": {"enum": ["a"]}, "additionalProperties": false}')
    data.write_text(text)
    with pytest.raises(BookError, match=r"data\.yaml:1: .*; see .*rules\.json"):
        validate(read_yaml(data), rules, data)
    data.write_text("{a: b}")
    validate(read_yaml(data), rules, data)


def test_every_file_of_facts_has_a_schema_and_every_schema_facts(book: Book) -> None:
    facts = {path.name.removesuffix(".schema.json") for path in (ROOT / "schemas" / "facts").iterdir()}
    assert facts == set(book.facts), "snippets/facts/ and schemas/facts/ hold the same names"


@pytest.mark.parametrize("kind", sorted(guards.NAMES))
def test_every_name_in_the_data_is_used(kind: str, book: Book) -> None:
    """The other side of the guard. The reference names every settings key and header, and each variable with a group."""
    own = {ROOT / "snippets" / "facts" / f"{name}.yaml" for name in guards.NAMES}
    texts = [path.read_text() for folder in ("docs", "snippets") for path in sorted((ROOT / folder).rglob("*")) if path.is_file() and path not in own]
    texts += [render.text(book, block) for block in book.blocks.values()]
    everything = "\n".join(texts).lower()
    listed = {name for name, row in book.fact(kind).items() if kind in {"settings", "headers"} or "group" in row}
    unused = [name for name in book.fact(kind) if name not in listed and not re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", everything)]
    assert not unused, f"snippets/facts/{kind}.yaml: no page, block or fact names {', '.join(unused)}; remove the entry"


def test_a_recorded_output_stands_below_what_prints_it(site: Path, book: Book) -> None:
    rows = json.loads((site / "evidence" / "blocks.json").read_text())
    for at, row in enumerate(rows):
        block = book.block(row["id"])
        if block.check == "output":
            above = [other["id"] for other in rows[:at] if other["page"] == row["page"]]
            assert block.data["of"] in above, f"{row['page']}: {block.id} stands without {block.data['of']} above it; show both"


def test_the_two_lists_of_blocks_hold_each_once(site: Path, book: Book) -> None:
    found: list[str] = []
    for name in ("blocks", "more-blocks"):
        page = BeautifulSoup((site / "evidence" / name / "index.html").read_text("utf-8"), "html.parser")
        found += [row.td.get_text(strip=True) for row in page.select("article tbody tr")]
    assert sorted(found) == sorted(book.blocks), "a folder of snippets/ stands on neither page, or on both; see evidence_blocks in docs/evidence/"


def test_a_yaml_key_that_is_no_text_is_one_message(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n? [b]\n: 2\n")
    with pytest.raises(BookError, match=rf"^{re.escape(str(path))}:2: a key that is no plain text; write a name$"):
        read_yaml(path)


def test_regions_are_cut_out_without_their_marks(tmp_path: Path) -> None:
    root = write_handbook(tmp_path)
    ledger("  hello.sh:", "  hello.sh#greet:")(root)
    ledger("of: demo/hello.sh", "of: demo/hello.sh#greet")(root)
    write("snippets/demo/hello.sh", "# --8<-- [start:greet]\necho hello\n# --8<-- [end:greet]\necho bye\n")(root)
    book = Book(root)
    assert render.text(book, book.block("demo/hello.sh#greet")) == "echo hello"
