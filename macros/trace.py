"""What the handbook was asked for and what became of it, and what earlier texts had wrong."""

from __future__ import annotations

from macros import choose, render
from macros.ledger import Book

SUBJECTS = {
    "patterns": "A page for each pattern",
    "operate": "Running a gateway",
    "security": "Security",
    "settings": "Settings, prerequisites and where to ask",
    "symptoms": "What you see, and why",
    "providers": "Providers",
    "gateways": "Gateways and what they must do",
    "clients": "Other programs than the command line",
    "assistant": "An assistant that asks and checks",
    "production": "Production, measured",
}


def _at(address: str) -> str:
    page = address.partition("#")[0].strip("/") or "home"
    return f'<a data-site-href="{address}">{page.rpartition("/")[2]}</a>'


def counts(book: Book) -> str:
    rows = book.fact("requirements")
    states = {state: sum(row["state"] == state for row in rows) for state in ("tested", "stated", "later")}
    return f"Of {len(rows)} entries, {states['tested']} are tested, {states['stated']} are stated, and {states['later']} are still to come."


def tested(book: Book) -> str:
    rows = [
        [row["id"], row["text"], _at(row["at"]), "; ".join(map(choose.proof, row["tests"]))] for row in book.fact("requirements") if row["state"] == "tested"
    ]
    return render.table(["Id", "What was asked", "Where", "Tests that must pass"], rows)


def stated(book: Book) -> str:
    rows = [[row["id"], row["text"], choose.marked(row["holds"]), _at(row["at"])] for row in book.fact("requirements") if row["state"] == "stated"]
    return render.table(["Id", "What was asked", "What holds", "Where"], rows)


def later(book: Book) -> str:
    """What is not answered yet, by subject."""
    parts = []
    for subject, title in SUBJECTS.items():
        rows = [[row["id"], row["text"]] for row in book.fact("requirements") if row.get("subject") == subject]
        if rows:
            parts += [f"### {title} {{ #later-{subject} }}", render.table(["Id", "What was asked"], rows)]
    return "\n\n".join(parts)


def corrections(book: Book) -> str:
    """Each correction with its evidence, by topic."""
    parts, topics = [], {}
    for entry in book.fact("corrections"):
        topics.setdefault(entry["topic"], []).append(entry)
    for topic, entries in topics.items():
        anchor = topic.lower().replace(" ", "-")
        # The id of a requirement that is answered here, and nowhere else.
        answered = [row["id"] for row in book.fact("requirements") if row.get("at", "").endswith(f"corrected/#{anchor}")]
        mark = f' data-req="{" ".join(answered)}"' if answered else ""
        parts.append(f"## {topic} {{ #{anchor}{mark} }}")
        for entry in entries:
            said, holds = choose.marked(entry["claim"]), choose.marked(entry["holds"])
            parts.append(f'- <span id="{entry["id"]}">Said:</span> {said}\n\n    **True:** {holds}\n\n    Shown by {choose.evidence(entry["evidence"])}.')
    return "\n\n".join(parts)
