"""Rendered rows equal tested rows, and all of them passed; what names a test as its proof, and where requirements are answered."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from bs4 import BeautifulSoup, SoupStrainer

from macros.ledger import Book

SAME = ("id", "page", "anchor", "language", "check", "sha256", "versions", "delivery")


def differences(rendered: list[dict[str, Any]], tested: list[dict[str, Any]]) -> list[str]:
    """What keeps the two sides from being equal, one sentence each; [] when nothing does.

    A row's key is page and anchor. A block that installs, was ``not run`` on one page
    and passed on another with the same text, has passed.
    """
    problems = []
    passed = {(row["id"], row["sha256"]) for row in tested if row.get("outcome") == "passed"}
    one, other = ({(row["page"], row["anchor"]): row for row in rows} for rows in (rendered, tested))
    if len(one) != len(rendered) or len(other) != len(tested):
        problems.append("two rows have the same page and anchor")
    problems += [f"{page}#{anchor} is on a page but was not tested" for page, anchor in sorted(one.keys() - other.keys())]
    problems += [f"{page}#{anchor} was tested but is on no page" for page, anchor in sorted(other.keys() - one.keys())]
    for key in sorted(one.keys() & other.keys()):
        changed = [name for name in SAME if one[key].get(name) != other[key].get(name)]
        if changed:
            problems.append(f"{key[0]}#{key[1]}: {', '.join(changed)} differ between the page and the test")
        outcome = other[key].get("outcome")
        if outcome != "passed" and (outcome != "not run" or (other[key]["id"], other[key]["sha256"]) not in passed):
            problems.append(f"{key[0]}#{key[1]}: {outcome}")
    return problems


# What names a test as its proof --------------------------------------------------
def named_tests(book: Book) -> dict[str, list[str]]:
    """Test -> what rests on it: requirements, corrections, rows of the comparison."""
    found: dict[str, list[str]] = {}
    for row in book.fact("requirements"):
        for test in row.get("tests", []):
            found.setdefault(test, []).append(row["id"])
    for kind, name in (("corrections", "id"), ("comparison", "what")):
        for row in book.fact(kind):
            for item in row["evidence"]:
                if "test" in item:
                    found.setdefault(item["test"], []).append(f"{kind}: {row[name]}")
    return found


def outcomes(junit: Path) -> dict[str, str]:
    """Test, named from the repository's folder, -> passed, failed or skipped, from the report of a run below tests/."""
    found = {}
    for case in ElementTree.parse(junit).iter("testcase"):
        what = {child.tag for child in case}
        state = "failed" if what & {"failure", "error"} else "skipped" if "skipped" in what else "passed"
        path = case.get("classname", "").removeprefix("tests.").replace(".", "/")
        found[f"tests/{path}.py::{case.get('name')}"] = state
    return found


def unproven(named: dict[str, list[str]], found: dict[str, str]) -> list[str]:
    """Which named tests do not stand as passed, one sentence each.

    A name without [parameter] stands for all of them, a block for all variants of its page.
    """
    problems = []
    for test, owners in named.items():
        others = f"{test.removesuffix(']')} (" if "[" in test else f"{test}["
        states = {state for node, state in found.items() if node == test or node.startswith(others)}
        if states != {"passed"}:
            problems.append(f"{test}, on which {', '.join(owners)} rest: {' and '.join(sorted(states)) or 'not run'}")
    return problems


# Where requirements are answered --------------------------------------------------
#: All that is read of a page.
MARKED = SoupStrainer(attrs={"data-req": True})


def marks(site: Path) -> dict[str, set[str]]:
    """page#anchor -> the ids in the heading's data-req, of every built page."""
    found: dict[str, set[str]] = {}
    for path in sorted(site.rglob("index.html")):
        page = path.relative_to(site).as_posix().removesuffix("index.html")
        for element in BeautifulSoup(path.read_text("utf-8"), "html.parser", parse_only=MARKED).select("[data-req]"):
            found.setdefault(f"{page}#{element.get('id', '')}", set()).update(str(element["data-req"]).split())
    return found


def unmarked(requirements: Iterable[dict[str, Any]], found: dict[str, set[str]]) -> list[str]:
    """Where data and pages disagree about what is answered where, one sentence each."""
    problems = []
    states = {}
    for row in requirements:
        if row["id"] in states:
            problems.append(f"{row['id']} stands twice")
        states[row["id"]] = row.get("state")
        if row.get("state") not in {"tested", "stated", "later"}:
            problems.append(f"{row['id']} has no state")
        elif row["state"] != "later" and row["id"] not in found.get(row["at"], set()):
            problems.append(f"{row['id']}: the heading {row['at']} does not carry it in data-req")
    for place, ids in found.items():
        problems += [f"{place}: data-req names {name}, which is no requirement" for name in sorted(ids) if name not in states]
        problems += [f"{place}: data-req names {name}, which is still to come" for name in sorted(ids) if states.get(name) == "later"]
    return problems


def unknown_tests(named: Iterable[str], tests: Path, rows: Iterable[dict[str, Any]]) -> list[str]:
    """Named tests that do not exist, without running them: no such function, or no such block."""
    blocks = {f"{row['page']}#{row['anchor']}" for row in rows}
    problems = []
    for test in named:
        name, _, parameter = test.removesuffix("]").partition("[")
        path, _, function = name.partition("::")
        text = (tests.parent / path).read_text("utf-8") if (tests.parent / path).is_file() else ""
        if not re.search(rf"^def {function}\(", text, re.MULTILINE):
            problems.append(f"{test}: no such test")
        elif function == "test_block" and parameter and parameter not in blocks:
            problems.append(f"{test}: no such block")
    return problems
