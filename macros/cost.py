"""What tokens cost. The calculator in macros/theme/assets/cost.js does the same sums in the same order.

Prices are US dollars for a million tokens, from ``snippets/facts/prices.yaml``.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TypeVar

from macros import render
from macros.ledger import Book, BookError

#: The kinds of tokens that have a price of their own, in the order in which they are added up.
KINDS = ("input", "output", "cache_write", "cache_read")
LABELS = {
    "input": "Input, not cached",
    "output": "Output",
    "cache_write": "Input written to the prompt cache",
    "cache_read": "Input read from the prompt cache",
}
MILLION = 1_000_000
Number = TypeVar("Number", float, Fraction)


def day(tokens: dict[str, Number], prices: dict[str, Number]) -> Number:
    """What one developer's tokens of one day cost, in dollars."""
    return sum(tokens[kind] * prices[kind] for kind in KINDS) / MILLION  # type: ignore[return-value]


def day_without_prompt_cache(tokens: dict[str, Number], prices: dict[str, Number]) -> Number:
    """The same, if what the cache held were plain input each time."""
    every_input = tokens["input"] + tokens["cache_write"] + tokens["cache_read"]
    return (every_input * prices["input"] + tokens["output"] * prices["output"]) / MILLION


def month(a_day: Number, developers: Number, days: Number, answered: Number) -> Number:
    """A team's month in dollars; ``answered`` is the share, 0 to 1, that a response cache of a gateway's answers."""
    return a_day * developers * days * (1 - answered)


def _exact(value: float) -> Fraction:
    return Fraction(str(value))


def example(book: Book, name: str) -> dict[str, Fraction]:
    """The exact figures of an example: ``day``, ``month`` and both without the prompt cache."""
    entry = book.fact(f"prices.examples.{name}")
    model = book.fact("prices.models").get(entry["model"])
    if model is None:
        raise BookError(f"snippets/facts/prices.yaml: example {name!r}: no price for {entry['model']!r}; add it to models")
    shares = {kind: _exact(entry["shares"][kind]) for kind in KINDS}
    tokens = {kind: _exact(entry["tokens"]) * shares[kind] / sum(shares.values()) for kind in KINDS}
    prices = {kind: _exact(model[kind]) for kind in KINDS}
    with_cache, without = day(tokens, prices), day_without_prompt_cache(tokens, prices)
    team = (_exact(entry["developers"]), _exact(entry["days"]), Fraction(0))
    return {"day": with_cache, "day_uncached": without, "month": month(with_cache, *team), "month_uncached": month(without, *team)}


def dollars(amount: float | Fraction) -> str:
    """Whole dollars from 100 on, else cents."""
    return f"${float(amount):,.0f}" if amount >= 100 else f"${float(amount):,.2f}"


def figure(book: Book, name: str, what: str) -> str:
    """One figure of an example, for a sentence."""
    found = example(book, name)
    if what == "saved":
        return f"{float(100 * (1 - found['day'] / found['day_uncached'])):.0f}\N{NO-BREAK SPACE}%"
    if what == "claim":
        return dollars(book.fact("prices.claims.specification_month"))
    if what == "times":
        return f"{float(book.fact('prices.claims.specification_month') / found['month']):.1f}"
    if what not in found:
        raise BookError(f"no figure {what!r} of an example; there are {', '.join(found)}, saved, claim and times")
    return dollars(found[what])


def prices(book: Book) -> str:
    models = book.fact("prices.models")
    rows = [
        [
            model["name"] + (f" ({model['note']})" if "note" in model else ""),
            *(f"${model[kind]:{'.2f' if round(model[kind], 2) == model[kind] else 'g'}}" for kind in KINDS),
            f"[{model['read']}]({model['source']})",
        ]
        for model in models.values()
    ]
    return render.table(["Model", "Input", "Output", "Cache write", "Cache read", "Read"], rows)


def examples(book: Book) -> str:
    rows = []
    for name, entry in book.fact("prices.examples").items():
        found, model = example(book, name), book.fact("prices.models")[entry["model"]]["name"]
        rows.append([f"{entry['name']} ({model})", f"{entry['developers']} × {entry['days']}", dollars(found["month"]), dollars(found["month_uncached"])])
    return render.table(["Example", "People × days", "Cost", "Without prompt caching"], rows)


def calculator(book: Book) -> str:
    """The form; it stays hidden until macros/theme/assets/cost.js has filled it, so that without scripts only the tables are there."""
    models = book.fact("prices.models")
    start = book.fact("prices.examples.team")
    total = sum(start["shares"].values())
    options = "".join(f'<option value="{name}"{" selected" if name == start["model"] else ""}>{model["name"]}</option>' for name, model in models.items())
    tokens = [(kind, LABELS[kind], round(start["tokens"] * start["shares"][kind] / total)) for kind in KINDS]
    team = [("developers", "Developers", start["developers"]), ("days", "Days a month", start["days"])]
    gateway = [("answered", "Answered by a response cache, percent of requests", 0)]

    def inputs(fields: list[tuple[str, str, int]]) -> str:
        return "".join(
            f'<p><label for="cost-{name}">{label}</label><input id="cost-{name}" type="number" min="0" step="any" inputmode="decimal" value="{value}"></p>'
            for name, label, value in fields
        )

    outputs = "".join(
        f'<dt>{label}</dt><dd><output id="cost-{name}"></output></dd>'
        for name, label in (
            ("month", "A month"),
            ("uncached", "The same without prompt caching"),
            ("prompt-saved", "Saved by prompt caching"),
            ("response-saved", "Saved by the response cache"),
        )
    )
    data = json.dumps({name: {kind: model[kind] for kind in KINDS} for name, model in models.items()})
    return (
        f'<form class="calculator" id="cost" hidden><p><label for="cost-model">Model</label><select id="cost-model">{options}</select></p>{inputs(team)}'
        f"<fieldset><legend>Tokens of one developer on one day</legend>{inputs(tokens)}</fieldset>{inputs(gateway)}"
        f'<dl aria-live="polite">{outputs}</dl><p>Nothing you type leaves your browser.</p></form>\n'
        '<p class="without-script">The calculator needs JavaScript. The examples below are reckoned in the same way.</p>\n'
        f'<script type="application/json" id="cost-prices">{data}</script>\n<script src="../../assets/cost.js" defer></script>'
    )
