"""What may be replaced in a recorded output, and how much of it."""

from __future__ import annotations

import json

import pytest

from macros import render
from macros.ledger import Book
from tests.handbook import ledger, write, write_handbook
from tests.lab.normalise import LIMIT, TOKENS, normalise, share
from tests.lab.programs import ROOT


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_matches_its_example_and_not_its_counterexample(name: str) -> None:
    pattern, replacement, example, counterexample = TOKENS[name]
    assert pattern.search(example), f"{name}: {pattern.pattern} must match {example!r}"
    assert not pattern.search(counterexample), f"{name}: {pattern.pattern} must not match {counterexample!r}"
    assert normalise(example, [name]) != example and replacement in normalise(example, [name])
    assert normalise(counterexample, [name]) == counterexample


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_leaves_what_another_one_wrote(name: str) -> None:
    """The order in which a ledger names tokens changes nothing."""
    for other in TOKENS:
        text = f"{TOKENS[name][2]} {TOKENS[other][2]}\n"
        assert normalise(text, [name, other]) == normalise(text, [other, name])
    assert normalise(normalise(TOKENS[name][2], [name]), [name]) == normalise(TOKENS[name][2], [name])


def test_the_schema_knows_the_same_tokens() -> None:
    rules = json.loads((ROOT / "schemas" / "ledger.schema.json").read_text())
    assert set(rules["$defs"]["block"]["properties"]["normalise"]["items"]["enum"]) == set(TOKENS)


def test_only_named_tokens_are_replaced() -> None:
    assert normalise("10:27:06 took 12.5 ms", ["time"]) == "<time> took 12.5 ms"
    with pytest.raises(KeyError):
        normalise("10:27:06", ["date"])


def test_the_share_counts_what_would_be_replaced() -> None:
    assert share("10:27:06" + "x" * 0, ["time"]) == 1.0
    assert share("10:27:06 " + "x" * 31, ["time"]) == pytest.approx(8 / 40)
    assert share("10:27:06 " + "x" * 31, []) == 0.0
    assert share("", ["time"]) == 0.0


def test_no_recorded_output_is_mostly_tokens(book: Book) -> None:
    for block in book.blocks.values():
        if block.check in {"output", "symptom"}:
            names = block.data.get("normalise", [])
            assert share(render.text(book, block), names) <= LIMIT, f"{block.id}: more than {LIMIT:.0%} of its characters would be replaced; record less of it"
            unused = [name for name in names if not TOKENS[name][0].search(render.text(book, block))]
            assert not unused, f"{block.where}: normalise: {', '.join(unused)} is not in the recorded output; remove it"
