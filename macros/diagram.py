"""Draws a pattern's hops as SVG, and says them in words, from the same data.

Sizes are in CSS pixels at a font of 14; narrow enough for a screen of 320, so the drawing is never scaled.
"""

from __future__ import annotations

import html
import textwrap
from typing import Any

from macros import render
from macros.ledger import Book

WIDTH, BOX, LINE = 272, 46, 17
#: How many characters fit beside an arrow.
LETTERS = 32
GUARDS = {"tls": "TLS", "machine": "never leaves the machine", "none": "no TLS of its own"}


def place(book: Book, pattern: str, node: str, before: str = "") -> tuple[str, str]:
    """What a node is called, and its ``host:port`` as others reach it ("" for Claude Code). ``before``: the node that calls it."""
    fact, shared = book.fact, book.fact(f"patterns.{pattern}.gateway") == "shared"
    egress = node == "second-proxy" or (node == "proxy" and shared and before == "gateway")
    if node == "client":
        return "Claude Code", ""
    if node == "gateway":
        return (
            ("Gateway (nginx, LiteLLM)", f"{fact('site.gateway_host')}:443")
            if shared
            else ("LiteLLM", str(fact("site.gateway_address")).removeprefix("http://"))
        )
    if node == "provider":
        return "Provider", str(fact("site.provider_address")).removeprefix("https://") + ":443"
    if egress:
        return "Proxy of the gateway host", f"{fact('site.egress_host')}:{fact('site.egress_port')}"
    return "Proxy", f"{fact('site.proxy_host')}:{fact('site.proxy_port')}"


def chain(book: Book, pattern: str) -> list[tuple[str, str]]:
    """Every node of a pattern in order: name and address."""
    hops = book.fact(f"patterns.{pattern}.hops")
    return [place(book, pattern, hops[0]["from"]), *(place(book, pattern, hop["to"], hop["from"]) for hop in hops)]


def _sentence(book: Book, pattern: str, number: int, hop: dict[str, Any]) -> str:
    nodes = chain(book, pattern)
    (caller, _), (name, address) = nodes[number], nodes[number + 1]
    known = {
        "Gateway (nginx, LiteLLM)": "the gateway",
        "Proxy": "the proxy",
        "Proxy of the gateway host": "the gateway host's proxy",
        "Provider": "the provider",
    }
    caller, name = known.get(caller, caller), known.get(name, name)
    return f"{caller[0].upper()}{caller[1:]} connects to {name}, <code>{address}</code>: {GUARDS[hop['guard']]}. Shown there: {html.escape(hop['shows'])}."


def diagram(book: Book, pattern: str) -> str:
    """The drawing, and beside or below it the same in words."""
    hops = book.fact(f"patterns.{pattern}.hops")
    parts, y = [], 1.0
    for number, (name, address) in enumerate(chain(book, pattern)):
        rows = [f'<tspan class="name" x="12" y="{y + (19 if address else 28):g}">{html.escape(name)}</tspan>']
        rows += [f'<tspan x="12" y="{y + 37:g}">{html.escape(address)}</tspan>'] if address else []
        parts.append(f'<rect x="1" y="{y:g}" width="{WIDTH - 2}" height="{BOX}" rx="6"></rect><text>{"".join(rows)}</text>')
        y += BOX
        if number == len(hops):
            break
        words = [f"{GUARDS[hops[number]['guard']]};", *textwrap.wrap(hops[number]["shows"], LETTERS)]
        length = len(words) * LINE + 16
        label = "".join(f'<tspan x="38" y="{y + 8 + LINE * (row + 0.8):g}">{html.escape(word)}</tspan>' for row, word in enumerate(words))
        tip = y + length - 2
        parts.append(f'<path d="M20 {y:g}V{tip:g}M14 {tip - 7:g}L20 {tip:g}L26 {tip - 7:g}"></path><text class="shows">{label}</text>')
        y += length
    twin = "".join(f"<li>{_sentence(book, pattern, number, hop)}</li>" for number, hop in enumerate(hops))
    name = html.escape(book.fact(f"patterns.{pattern}.name"))
    return (
        f'<figure class="hops"><svg role="img" aria-labelledby="hops-title" width="{WIDTH}" height="{y + 1:g}" '
        f'viewBox="0 0 {WIDTH} {y + 1:g}" xmlns="http://www.w3.org/2000/svg"><title id="hops-title">{name}: the hops, as listed beside</title>'
        f"{''.join(parts)}</svg><figcaption><p>Who connects to whom, and with what:</p><ol>{twin}</ol></figcaption></figure>"
    )


def looks_up(book: Book, pattern: str, node: str) -> list[str]:
    """The host names that a node must be able to look up: those of the nodes it calls."""
    hops = book.fact(f"patterns.{pattern}.hops")
    return [place(book, pattern, hop["to"], hop["from"])[1].split(":")[0] for hop in hops if hop["from"] == node]


def connections(book: Book, pattern: str) -> str:
    """What a firewall must let through and who must know which name, as a table."""
    nodes, hops, shared = chain(book, pattern), book.fact(f"patterns.{pattern}.hops"), book.fact(f"patterns.{pattern}.gateway") == "shared"
    machines = {"client": "each developer's machine", "gateway": "the gateway host"} if shared else {"client": "your machine", "gateway": "your machine"}
    rows = []
    for number, hop in enumerate(hops):
        host, port = nodes[number + 1][1].split(":")
        if hop["guard"] != "machine":
            rows.append([machines.get(hop["from"], f"the {nodes[number][0].lower()}"), render.inline(host), f"{port}, TCP"])
    return render.table(["Who opens the connection, and looks up the name", "To", "Port"], rows)
