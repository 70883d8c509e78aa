"""Draws the decision tree as SVG, from the same data as its text.

Sizes are in CSS pixels at a font of 16; the drawing is never scaled, it scrolls in its box.
"""

from __future__ import annotations

import html
import textwrap
from typing import Any

from macros import choose
from macros.ledger import Book

LINE, PAD, SPACE = 20, 10, 14
#: How much more space a word needs that stands between two boxes.
WORD = 12
#: How far an answer leads to the right, and how wide boxes are.
STEP, QUESTION, OUTCOME = 64, 376, 320
#: How many characters fit into a box, of a proportional font of 16 px; tests/test_choose.py measures it in a browser.
LETTERS = {"question": 40, "outcome": 30}


def decision_tree(book: Book) -> str:
    """The questions that lead to a pattern."""
    tree = book.fact("decision_tree")
    names = {name: entry["name"] for name, entry in book.fact("patterns").items()}
    title = "Questions that lead to a pattern"
    return drawn(tree["root"], tree["questions"], names, title, f"lead to {len(names)} patterns", "tree")


def drawn(root: str, questions: dict[str, Any], outcomes: dict[str, str], title: str, leads: str, ids: str) -> str:
    """The drawing in a box of its own, with a title and a description for who cannot see it.

    Read from top to bottom: below each question stands what follows from yes, to the right, then what follows from no.
    A question that follows from no stands straight below, so that a row of them is no wider than one.
    """
    numbers = choose.numbers(root, questions)
    lines: list[str] = []
    boxes: list[str] = []
    bottom, right = 1, 0

    def place(name: str, level: int) -> int:
        """Draw a box and what follows from it; returns the middle of its first line."""
        nonlocal bottom, right
        kind = "question" if name in numbers else "outcome"
        text = f"{numbers[name]}. {questions[name]['ask']}" if name in numbers else outcomes[name]
        parts = textwrap.wrap(text, LETTERS[kind])
        x, top, height, wide = 1 + level * STEP, bottom, len(parts) * LINE + 2 * PAD, QUESTION if name in numbers else OUTCOME
        spans = "".join(f'<tspan x="{x + PAD + 4}" y="{top + PAD + LINE * at + 15}">{html.escape(part)}</tspan>' for at, part in enumerate(parts))
        boxes.append(
            f'<g class="{kind}" data-node="{name}"><rect x="{x}" y="{top}" width="{wide}" height="{height}" '
            f'rx="{4 if name in numbers else height // 2}"></rect><text>{spans}</text></g>'
        )
        bottom, right = bottom + height + SPACE, max(right, x + wide)
        for answer, way in (("yes", "then"), ("no", "otherwise")) if name in numbers else ():
            to = questions[name][way]
            if way == "otherwise" and to in numbers:
                bottom += WORD
                lines.append(f'<path d="M{x + 18} {top + height}V{bottom}"></path>')
                at = bottom - 7
                place(to, level)
            else:
                middle = place(to, level + 1)
                lines.append(f'<path d="M{x + 18} {top + height}V{middle}H{x + STEP}"></path>')
                at = middle - 6
            boxes.append(f'<text class="answer" data-from="{name}" data-to="{to}" x="{x + 25}" y="{at}">{answer}</text>')
        return top + PAD + LINE // 2

    place(root, 0)
    width, height = right + 1, bottom - SPACE + 1
    return (
        '<figure class="drawing" tabindex="0" role="group" aria-label="Drawing of the questions">'
        f'<svg role="img" aria-labelledby="{ids}-title {ids}-desc" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{ids}-title">{html.escape(title)}</title>'
        f'<desc id="{ids}-desc">{len(numbers)} questions, answered by yes or no, {leads}. '
        "The list below the drawing says the same in words.</desc>"
        f"{''.join(lines + boxes)}</svg></figure>"
    )
