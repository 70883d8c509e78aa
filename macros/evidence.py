"""The page "How this site is verified", and ``site/evidence/blocks.json``."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from macros import guards, html, render
from macros.ledger import Book


def tables(book: Book) -> str:
    """The ledger for readers: counts, what the planted mistakes and faults came to, what the lab does differently."""
    counts = Counter(block.check for block in book.blocks.values())
    summary = render.table(
        ["Check", "Blocks", "What it means"],
        [[render.BADGES[name], str(counts[name]), book.fact(f"checks.{name}")] for name in render.BADGES],
    )
    differences = render.table(
        ["Difference", "What the lab does", "Why", "Blocks"],
        [
            [render.inline(name), entry["what"], entry["why"], str(sum(name in block.lab for block in book.blocks.values()))]
            for name, entry in book.fact("lab.differences").items()
        ],
    )
    everywhere = "\n".join(f"- {item}" for item in book.fact("lab.everywhere"))
    return "\n\n".join(
        [
            "## The six checks",
            summary,
            "## Would the tests notice a mistake?",
            mutants(book),
            "## Does the doctor name the cause?",
            faults(book),
            "## What the lab does differently",
            everywhere,
            differences,
        ]
    )


def blocks(book: Book, *folders: str) -> str:
    """Every block below some folders of snippets/, with what was observed."""
    chosen = [block for block in book.blocks.values() if block.id.split("/")[0] in folders]
    return render.table(
        ["Block", "Check", "Checked with", "Observed"],
        [
            [
                render.inline(block.id),
                render.BADGES[block.check],
                render.checked_with(book, block) or "–",
                " ".join(render.seen(block)) or block.data.get("reason") or f"The output of {render.inline(block.data.get('of', ''))}.",
            ]
            for block in chosen
        ],
    )


#: What became of a mutant, as the table's head says it.
FATES = {
    "execution": "Noticed by running the block",
    "output": "by a recorded output",
    "schema": "by a parser",
    "test": "by a test",
    "build": "by the build",
    "weak": "only by something else",
    "equivalent": "Makes no difference",
    "survived": "Not noticed",
    "waiting": "Not tried yet",
}


def mutants(book: Book) -> str:
    """What became of the planted mistakes, by kind of file."""
    data = book.fact("mutants")
    kinds = data["kinds"]
    total = {name: sum(kind[name] for kind in kinds.values()) for name in ("mutants", *FATES)}
    shown = [name for name in FATES if total[name] or name in ("execution", "survived")]
    noticed = sum(total[name] for name in ("execution", "output", "schema", "test", "build"))
    tried = total["mutants"] - total["waiting"]
    found = f"{tried} of {total['mutants']} have been tried, since {data['day']}, and {noticed} were noticed by the check that is meant to."
    words = (
        "We plant one mistake at a time: another port, host, model, variable or flag in what you copy, and faults in pages, macros, schemas, rules and the "
        f"tests' own helpers. Then we look what notices. {found} For a block that is executed, only its execution counts."
    )
    rows = [[kind.capitalize(), str(row["mutants"]), *(str(row[name]) for name in shown)] for kind, row in kinds.items()]
    rows.append(["**All**", str(total["mutants"]), *(str(total[name]) for name in shown)])
    return f"{words}\n\n" + render.table(["Kind of file", "Mistakes", *(FATES[name] for name in shown)], rows)


def faults(book: Book) -> str:
    """How often the doctor named what was wrong, a row for each seed."""
    data = book.fact("faults")
    words = (
        f"Each of {data['seeds'][0]['singles']} faults is put into a setup that works, and the [doctor](../troubleshoot/doctor.md) is asked "
        f"({data['day']}). A person wrote down the cause of each; the doctor does not know the list. A seed draws hosts, ports, keys, wording, "
        "the setup, and which faults come in pairs. In a pair, neither fault keeps the doctor from seeing the other. The setups that work are the "
        "eight patterns, most of them in several ways; any finding there is a false alarm."
    )
    columns = {
        "The cause came first": ("first_right", "singles"),
        "The cause was named": ("named", "singles"),
        "Pairs with both named": ("pairs_named", "pairs"),
        "False alarms": ("false_alarms", "healthy"),
    }
    rows = [[str(row["seed"]), *(f"{row[count]} of {row[of]}" for count, of in columns.values())] for row in data["seeds"]]
    return f"{words}\n\n" + render.table(["Seed", *columns], rows)


def write(book: Book, site: Path, pages: dict[str, list[dict[str, Any]]], whole: bool = True) -> list[dict[str, Any]]:
    """Write ``evidence/blocks.json`` and ``downloads/``; return the rows, by address of page.

    ``pages``: the address of each page, and its rows. Raises BookError when a
    listed block stands on no page of a whole site.
    """
    rows = [row for url in sorted(pages, key=lambda url: url.split("/")) for row in pages[url]]
    if whole:
        guards.whole_site(book, {row["id"] for row in rows})
    target = site / "evidence" / "blocks.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(html.dump(rows), "utf-8")
    for block in book.blocks.values():
        if block.delivery == "download":
            copy = site / render.download_path(block)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(block.path, copy)
    return rows
