"""Practise a pattern without an API key: a real gateway and proxy, and a stand-in for the provider behind them.

    python -m tests.lab.play local-gateway
    python -m tests.lab.play local-gateway-proxy

Prints what to paste into another terminal, then one line for each request,
until Ctrl-C. Needs no root and no namespace. Variables: ``PORT`` and
``PROXY_PORT``, other ports than the page's; and for a pattern with a proxy
``AUTH=basic``, it asks for a login, and ``INSPECT=1``, it inspects TLS.
"""

from __future__ import annotations

import os
import sys

from macros.ledger import BookError, load
from tests.lab import ending, programs, room
from tests.lab.play.choice import PlayError, choose
from tests.lab.play.shown import instructions, watch
from tests.lab.play.started import practice, provider_host


def play(pattern: str) -> None:
    """Until KeyboardInterrupt. Raises PlayError, MissingProgram or BookError before it starts."""
    book = load()
    choice = choose(book, pattern, dict(os.environ))
    with room.room("handbook-lab-") as folder:
        print("Starting LiteLLM, which takes 5 to 15 seconds ...", flush=True)
        with practice(book, choice, folder):
            print(instructions(book, choice, folder), flush=True)
            watch(choice, folder, provider_host(book))


def main(arguments: list[str]) -> int:
    """0 after Ctrl-C, 1 when something is missing or taken, 2 for an unknown word."""
    ending.in_order()
    try:
        play(arguments[0] if arguments else "")
    except KeyboardInterrupt:
        print("\nEnded.", flush=True)
        return 0
    except PlayError as problem:
        print(problem, file=sys.stderr)
        return problem.status
    except (BookError, programs.MissingProgram) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0
