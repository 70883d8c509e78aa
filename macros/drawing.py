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

    Read from top to bottom: below each question stands what follows from yes, then what follows from no.
    """
    numbers = choose.numbers(root, questions)
    lines: list[str] = []
    boxes: list[str] = []
    bottom = 1

    def place(name: str, level: int) -> int:
        """Draw a box and what follows from it; returns the middle of its first line."""
        nonlocal bottom
        kind = "question" if name in numbers else "outcome"
        text = f"{numbers[name]}. {questions[name]['ask']}" if name in numbers else outcomes[name]
        parts = textwrap.wrap(text, LETTERS[kind])
        x, top, height = 1 + level * STEP, bottom, len(parts) * LINE + 2 * PAD
        spans = "".join(f'<tspan x="{x + PAD + 4}" y="{top + PAD + LINE * at + 15}">{html.escape(part)}</tspan>' for at, part in enumerate(parts))
        boxes.append(
            f'<g class="{kind}" data-node="{name}"><rect x="{x}" y="{top}" width="{QUESTION if name in numbers else OUTCOME}" height="{height}" '
            f'rx="{4 if name in numbers else height // 2}"></rect><text>{spans}</text></g>'
        )
        bottom += height + SPACE
        for answer, way in (("yes", "then"), ("no", "otherwise")) if name in numbers else ():
            middle = place(questions[name][way], level + 1)
            lines.append(f'<path d="M{x + 18} {top + height}V{middle}H{x + STEP}"></path>')
            boxes.append(f'<text class="answer" data-from="{name}" data-to="{questions[name][way]}" x="{x + 25}" y="{middle - 6}">{answer}</text>')
        return top + PAD + LINE // 2

    place(root, 0)
    deep = choose.deepest(root, questions)
    width, height = 2 + max((deep - 1) * STEP + QUESTION, deep * STEP + OUTCOME), bottom - SPACE + 1
    return (
        '<figure class="drawing" tabindex="0" role="group" aria-label="Drawing of the questions">'
        f'<svg role="img" aria-labelledby="{ids}-title {ids}-desc" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{ids}-title">{html.escape(title)}</title>'
        f'<desc id="{ids}-desc">{len(numbers)} questions, answered by yes or no, {leads}. '
        "The list below the drawing says the same in words.</desc>"
        f"{''.join(lines + boxes)}</svg></figure>"
    )
