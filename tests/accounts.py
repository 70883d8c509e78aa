"""Rendered rows equal tested rows, and all of them passed."""

from __future__ import annotations

from typing import Any

SAME = ("id", "page", "anchor", "language", "check", "sha256", "versions", "delivery")


def differences(rendered: list[dict[str, Any]], tested: list[dict[str, Any]]) -> list[str]:
    """What keeps the two sides from being equal, one sentence each; [] when nothing does.

    A row's key is page and anchor.
    """
    problems = []
    one, other = ({(row["page"], row["anchor"]): row for row in rows} for rows in (rendered, tested))
    if len(one) != len(rendered) or len(other) != len(tested):
        problems.append("two rows have the same page and anchor")
    problems += [f"{page}#{anchor} is on a page but was not tested" for page, anchor in sorted(one.keys() - other.keys())]
    problems += [f"{page}#{anchor} was tested but is on no page" for page, anchor in sorted(other.keys() - one.keys())]
    for key in sorted(one.keys() & other.keys()):
        changed = [name for name in SAME if one[key].get(name) != other[key].get(name)]
        if changed:
            problems.append(f"{key[0]}#{key[1]}: {', '.join(changed)} differ between the page and the test")
        if other[key].get("outcome") != "passed":
            problems.append(f"{key[0]}#{key[1]}: {other[key].get('outcome')}")
    return problems
