"""Turns a block of the ledger into Markdown: the fence and the badge below it."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from typing import Any

from macros import renderings
from macros.ledger import LANGUAGES, Block, Book, BookError, read_yaml, relative, text_of, validate

#: check -> what the badge says first
BADGES = {
    "run": "Run",
    "native": "Loaded by the real program",
    "schema": "Parsed and checked, not run",
    "output": "Printed by the block above",
    "symptom": "Reproduced",
    "illustrative": "Not executable",
}
#: What was observed of a block of the catalogue of symptoms.
CATALOGUE = {
    "symptom": "With each cause, exactly this was printed; with the fix, the same command got its answer.",
    "start": "With this cause, LiteLLM printed this among other lines and did not start; with the fix, it did.",
    "run": "Run with each fault that this page is about; what it printed told them apart.",
}


def text(book: Book, block: Block) -> str:
    """Exactly what a reader copies, without the final newline.

    Raises BookError when the definition behind a rendering is not valid.
    """
    name = block.rendering
    if name == "save":
        content = text_of(block.path)
        if "EOF" in content.split("\n"):
            raise BookError(f"{block.where}: {relative(block.path)} has a line EOF, at which the command that saves it would end; change that line")
        return renderings.save(content, block.path.name).rstrip("\n")
    if name is not None:
        if name not in renderings.ALL:
            raise BookError(f"{block.where}: no rendering {name!r}; there are {', '.join(renderings.ALL)} and save")
        definition = read_yaml(block.path)
        validate(definition, book.root / "schemas" / "client-config.schema.json", block.path)
        return renderings.ALL[name][0](definition).rstrip("\n")
    return "\n".join(book.lines(block))


def download_path(block: Block) -> str:
    """Where the built site keeps a file that is fetched: ``downloads/...``."""
    return f"downloads/{block.id}"


def shown(book: Book, block: Block) -> str:
    """What stands in the ``<pre>``: the text, or the command that fetches it."""
    if block.delivery == "download":
        return f"curl -fsSO {book.fact('site.address')}/{download_path(block)}"
    return text(book, block)


def language(block: Block) -> str:
    if block.delivery == "download" or block.rendering == "save":
        return "bash"
    if block.rendering:
        return renderings.ALL[block.rendering][1]
    return block.data.get("language") or LANGUAGES.get(block.path.suffix, "text")


def anchor(block_id: str) -> str:
    """The anchor of a block on its page, made from its file name."""
    return "block-" + re.sub(r"[^a-z0-9]+", "-", block_id.lower().split("/", 2)[-1]).strip("-")


def sha256(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()


def block(book: Book, block_id: str) -> str:
    """A fence with its attributes and, below it, the badge."""
    entry = book.block(block_id)
    body = shown(book, entry)
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    attributes = {"data-snippet": entry.id, "data-check": entry.check, "data-delivery": entry.delivery}
    title = entry.data.get("title") or (f"Save as {entry.data['save_as']}" if "save_as" in entry.data and entry.delivery == "block" else None)
    options = "".join(f' {name}="{value}"' for name, value in ([("title", title)] if title else []) + list(attributes.items()))
    parts = [f"{fence} {{.{language(entry)}{options}}}", body, fence, "", badge(book, entry)]
    if entry.delivery == "download":
        parts = [_download_line(book, entry), "", *parts]
    return "\n".join(parts)


def _download_line(book: Book, entry: Block) -> str:
    data = text_of(entry.path)
    return (
        f'<p class="download"><a download data-site-href="{download_path(entry)}">{html.escape(entry.path.name)}</a> '
        f"({len(data.encode())} bytes, SHA-256 <code>{sha256(data)}</code>)</p>"
    )


def _indent(content: str, spaces: int = 4) -> str:
    return "\n".join(" " * spaces + part if part else "" for part in content.split("\n"))


def tabs(book: Book, block_ids: Iterable[str]) -> str:
    """Content tabs; each block's ledger entry has a ``tab`` label."""
    parts = []
    for block_id in block_ids:
        entry = book.block(block_id)
        if "tab" not in entry.data:
            raise BookError(f"{entry.where}: no tab label; add 'tab:' to show it in tabs")
        parts.append(f'=== "{entry.data["tab"]}"\n\n{_indent(block(book, block_id))}')
    return "\n\n".join(parts)


def inline(value: Any) -> str:
    """A value as inline code; raises BookError when it cannot be written so."""
    content = str(value)
    if "\n" in content:
        raise BookError(f"inline code cannot hold several lines: {content[:40]!r}; make it a block")
    ticks = "`" * (max((len(run) for run in re.findall(r"`+", content)), default=0) + 1)
    pad = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{ticks}{pad}{content}{pad}{ticks}"


def one_line(book: Book, block_id: str, containing: str) -> str:
    """The one line of a block with this text. Raises BookError when 0 or several have it."""
    found = [part.strip() for part in text(book, book.block(block_id)).split("\n") if containing in part]
    if len(found) != 1:
        raise BookError(f"{len(found)} lines of {block_id} contain {containing!r}; name exactly one")
    return found[0]


def checked_with(book: Book, entry: Block) -> str:
    names = [f"{book.fact(f'versions.{name}.name')} {version}" for name, version in book.versions(entry).items()]
    return ", ".join(names)


def seen(entry: Block) -> list[str]:
    """What another process saw, one sentence each."""
    if "catalogue" in entry.data:
        return [CATALOGUE["start" if entry.data["catalogue"] == "start" else entry.check]]
    return [item["what"] for item in entry.data.get("observed", [])]


def badge(book: Book, entry: Block) -> str:
    """One short line, with what was observed and what the lab does differently folded."""
    head = BADGES[entry.check]
    versions = checked_with(book, entry)
    system = book.fact("versions.system.name") + " " + str(book.fact("versions.system.version"))
    line = " · ".join(part for part in (head, versions, system if entry.check not in {"schema", "illustrative"} else "") if part)
    rows = [f"<li>{html.escape(item)}</li>" for item in seen(entry)]
    if "reason" in entry.data:
        rows.append(f"<li>{html.escape(entry.data['reason'])}</li>")
    if entry.check == "output":
        rows.append(f"<li>Compared with what <code>{html.escape(entry.data['of'])}</code> prints, on every run of the tests.</li>")
    rows += [f"<li>The lab types: {html.escape(item['as'])}</li>" for item in entry.data.get("types", [])]
    rows += [f"<li>Different in the lab: {html.escape(item['what'])}</li>" for item in entry.lab.values()]
    rows.append(f"<li>Source: <code>{html.escape(entry.id)}</code></li>")
    return f'<details class="check check-{entry.check}" data-search-exclude><summary>{html.escape(line)}</summary><ul>{"".join(rows)}</ul></details>'


def setup(book: Book) -> str:
    return (
        '<p class="how-to-read">Below every block, one line says how it was checked. '
        "Open that line to see what was observed, and what the lab does differently.</p>"
    )


def notice(book: Book, name: str, *products: str) -> str:
    """A notice from ``snippets/facts/notices.yaml`` as an admonition, about programs of versions.yaml or gateways.yaml."""
    entry = book.fact(f"notices.{name}")
    body = entry["text"]
    if products:
        gateways = {row["id"]: row["name"] for row in book.facts.get("gateways", {}).get("products", [])}
        names = [str(gateways.get(product) or book.fact(f"versions.{product}.name")) for product in products]
        body = body.replace("{product}", " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part))
    return f'!!! {entry["kind"]} "{entry["title"]}"\n\n{_indent(body.rstrip())}'


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table; ``|`` inside a cell is escaped."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def known_bad(book: Book, product: str) -> str:
    rows = [[inline(bad["version"]), bad["why"], f"[source]({bad['source']})"] for bad in book.fact(f"versions.{product}.known_bad")]
    return table(["Release", "Why not", "Source"], rows)


def advisories(book: Book, product: str) -> str:
    rows = [[item["id"], item["what"], item["range"], item["this_pin"], f"[source]({item['source']})"] for item in book.fact(f"versions.{product}.advisories")]
    return table(["Advisory", "What it is", "Affected releases", "The pinned release", "Source"], rows)


def models(book: Book) -> str:
    rows = [[inline(model["id"]), model["asked_by"]] for model in book.fact("models.claude_code")]
    return table(["Model name on the wire", "When Claude Code asks for it"], rows)


def measured(book: Book, path: str) -> str:
    """A table of facts that has ``columns`` (key -> heading) and ``rows``. Raises BookError for a row of other keys."""
    entry = book.fact(path)
    if not isinstance(entry, dict) or set(entry) != {"columns", "rows"}:
        raise BookError(f"{path!r} is no table; name a fact with columns: and rows:")
    for number, row in enumerate(entry["rows"], start=1):
        if set(row) != set(entry["columns"]):
            raise BookError(f"{path}: row {number} has {', '.join(row)}; give it {', '.join(entry['columns'])}")
    return table(list(entry["columns"].values()), [[row[key] for key in entry["columns"]] for row in entry["rows"]])


def waits(book: Book) -> str:
    """What Claude Code does after each fault: requests, kilobytes and seconds until it says something.

    Raises BookError for a case that was not measured.
    """
    measured = book.fact("waits.measured.rows")
    missing = [case["id"] for case in book.fact("waits.cases") if case["id"] not in measured]
    if missing:
        raise BookError(f"snippets/facts/waits.yaml: {', '.join(missing)} was not measured; run: python -m tests.waits {' '.join(missing)}")

    def row(case: dict[str, Any]) -> list[str]:
        found = measured[case["id"]]
        seen = [found["requests"], found["kilobytes"], found["requests_without_retries"]] if "provider" in case else ["–"] * 3
        return [case["what"], str(found["seconds"]), *map(str, seen)]

    head = ["What fails", "Seconds of silence", "Requests", "Kilobytes sent", "Requests without retries"]
    return table(head, [row(case) for case in book.fact("waits.cases")])


def waits_day(book: Book) -> str:
    """The version and the day of the measurement."""
    measured = book.fact("waits.measured")
    return f"Claude Code {measured['version']}, {measured['day']}"


def hosts(book: Book) -> str:
    """Host names that Claude Code looks up: when, and what for."""

    def when(row: dict[str, Any]) -> list[str]:
        return ["yes" if row[mode] else "no" for mode in ("print", "session")] + ["yes" if row["quiet"] else "no"]

    rows = [[row["host"] if " " in row["host"] else inline(row["host"]), row["purpose"], *when(row)] for row in book.fact("hosts.seen")]
    return table(["Host", "What for", "With " + inline("-p"), "In a session", "With the switch"], rows)


def hosts_documented(book: Book) -> str:
    return table(["Host", "What for"], [[inline(row["host"]), row["purpose"]] for row in book.fact("hosts.documented")])
