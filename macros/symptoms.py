"""The catalogue of symptoms as pages: one a layer, and an index that finds an entry from a pasted message."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from macros import choose, drawing, render
from macros.ledger import Book, BookError

#: Who writes the line at the other end.
ENDS = {"front": "nginx's log", "gateway": "the gateway's log", "proxy": "the proxy's log", "provider": "the provider"}
#: What the hops are called whose requests are counted.
HOPS = {"front": "nginx", "tap": "the gateway", "gateway": "the gateway", "proxy": "the proxy", "provider": "the provider"}
#: The folders of pages that show messages of their own.
ELSEWHERE = ("providers", "gateways", "operate")
#: Two messages that begin with as many equal characters are one.
SAME = 70
VERIFY = "After each fix below, the command that failed was run again, and printed its answer."
VERIFY_SESSION = "After each fix below, the session was started again, and no longer showed it."


def layers(book: Book) -> dict[str, Any]:
    found: dict[str, Any] = book.fact("symptoms.layers")
    return found


def texts(group: dict[str, Any]) -> list[str]:
    """The blocks of a group that show what is printed, each once."""
    return list(dict.fromkeys(cause.get("text") or group["text"] for cause in group["causes"].values()))


def check(book: Book) -> None:
    """What the schemas cannot say. Raises BookError."""
    ends(book)
    where, seen = "snippets/facts/symptoms.yaml", set()
    for layer in layers(book).values():
        for name, group in layer["groups"].items():
            for cause, data in group["causes"].items():
                if cause in seen or name in seen:
                    raise BookError(f"{where}: {cause!r} stands twice; each group and cause has a name of its own")
                if not (data.get("text") or group.get("text")):
                    raise BookError(f"{where}: {cause}: no text; name a block as text: here or of the group")
                if "setup" in data and data["setup"] not in book.fact("symptoms.setups"):
                    raise BookError(f"{where}: {cause}: no setup {data['setup']!r}; see setups:")
                if ("ask" in group) != ("tells" in data):
                    raise BookError(f"{where}: {cause}: tells: belongs to the causes of a group with ask:, and to no other")
                seen.add(cause)
            seen.add(name)


def _end(cause: dict[str, Any]) -> str:
    """The line at the other end, as a sentence, or nothing."""
    end = cause.get("other_end")
    if not end:
        return ""
    if end["at"] == "nowhere":
        return "At the other end: nothing. No request for an answer arrives anywhere."
    if end["at"] == "provider":
        method, path, status = end["line"].split()
        return f"At the other end: the provider receives {render.inline(f'{method} {path}')} and " + (
            "gets no further." if status == "0" else f"answers {status}." if status != "200" else "answers, too late."
        )
    return f"At the other end, in {ENDS[end['at']]}: {render.inline(end['line'])}"


def _cost(book: Book, cause: dict[str, Any]) -> str:
    """How many requests it takes, and how long it stays silent."""
    parts = [f"{_times(count)} to {HOPS[hop]}" for hop, count in cause.get("requests", {}).items() if count and hop != "proxy"]
    found = [f"With retries off, Claude Code asks: {', '.join(parts)}."] if parts else []
    if "waits" in cause:
        row = book.fact(f"waits.measured.rows.{cause['waits']}")
        sent = f"{_times(row['requests'])} and " if row["requests"] else ""
        found.append(f"With its own ten retries: {sent}{row['seconds']} seconds until the message.")
    return " ".join(found)


def _times(count: int) -> str:
    return "1 request" if count == 1 else f"{count} requests"


def _why(book: Book, cause: dict[str, Any]) -> str:
    return " ".join(part for part in (choose.marked(cause["why"]), _end(cause), _cost(book, cause)) if part)


def _fix(cause: dict[str, Any]) -> str:
    return f"**Fix.** {choose.marked(cause['fix'])}" + (f" See {cause['see']}." if "see" in cause else "")


def page(book: Book, layer: str) -> str:
    """Every group of a layer."""
    if layer not in layers(book):
        raise BookError(f"no layer {layer!r}; there are {', '.join(layers(book))}")
    return "\n\n".join(_group(book, name, group) for name, group in layers(book)[layer]["groups"].items())


def _group(book: Book, name: str, group: dict[str, Any]) -> str:
    several = len(group["causes"]) > 1
    answers = f' data-req="{" ".join(group["requirements"])}"' if "requirements" in group else ""
    parts = [f"## {group['title']} {{ #{name}{answers} }}", "**What you see**"]
    shared = group.get("text")
    shown = shared or (None if several else next(iter(group["causes"].values()))["text"])
    if shown:
        parts.append(render.block(book, shown))
    else:
        parts.append("The words differ with the cause; each stands with its own below.")
    if "note" in group:
        parts.append(choose.marked(group["note"]))
    if "older" in group:
        items = [f"- {html.escape(row['text'])} ({row['versions']}; [source]({row['source']}))" for row in group["older"]]
        parts += ["Other wordings, as reported:", "\n".join(items)]
    if name in book.fact("older.texts"):
        parts.append(f"Claude Code {book.fact('older.version')} printed, on {book.fact('older.day')}: {html.escape(book.fact('older.texts')[name])}")
    if several:
        parts += [f"**Why.** {len(group['causes'])} causes, one below the other.", f"**Find out.** {choose.marked(group['find'])}"]
        if "ask" in group:
            parts.append(render.block(book, group["ask"]))
            parts.append(_told_apart(group))
        parts.append(f"**Verify.** {VERIFY_SESSION if _in_session(group) else VERIFY}")
        parts += [_cause(book, cause, data, shared) for cause, data in group["causes"].items()]
    else:
        ((cause, data),) = group["causes"].items()
        parts += [f"**Why.** {data['title']}. {_why(book, data)}\n{{: #{cause} }}", f"**Find out.** {choose.marked(group['find'])}"]
        again = "The session, started again, no longer shows it." if _in_session(group) else "The command that failed prints its answer."
        parts += [_fix(data), f"**Verify.** {again}"]
    return "\n\n".join(parts)


def _in_session(group: dict[str, Any]) -> bool:
    return any("session" in cause for cause in group["causes"].values())


def _told_apart(group: dict[str, Any]) -> str:
    """What the group's command prints, cause by cause."""
    found: dict[str, list[str]] = {}
    for name, cause in group["causes"].items():
        found.setdefault(cause["tells"], []).append(f"[{cause['title']}](#{name})")
    return render.table(["It prints", "Then"], [[render.inline(tells), ", or: ".join(links)] for tells, links in found.items()])


def _cause(book: Book, name: str, data: dict[str, Any], shared: str | None) -> str:
    parts = [f"### {data['title']} {{ #{name} }}"]
    if data.get("text") and data["text"] != shared:
        parts.append(render.block(book, data["text"]))
    return "\n\n".join([*parts, f"**Why.** {_why(book, data)}", _fix(data)])


# The flow ------------------------------------------------------------------------------
def ends(book: Book) -> dict[str, tuple[str, str]]:
    """Group -> (layer, title), of the groups in which a way ends. Raises BookError for a way that leads nowhere, or in a circle."""
    where, questions = "snippets/facts/flow.yaml", book.fact("flow.questions")
    known = {name: (layer, group["title"]) for layer, data in layers(book).items() for name, group in data["groups"].items()}
    found: dict[str, tuple[str, str]] = {}

    def visit(name: str, seen: tuple[str, ...]) -> None:
        if name in seen:
            raise BookError(f"{where}: question {name!r} leads back to itself; every way must end at a section")
        if name in questions:
            visit(questions[name]["then"], (*seen, name))
            visit(questions[name]["otherwise"], (*seen, name))
        elif name not in known:
            raise BookError(f"{where}: {name!r} is neither a question nor a section of snippets/facts/symptoms.yaml; correct the name")
        else:
            found[name] = known[name]

    visit(book.fact("flow.root"), ())
    return found


def flow(book: Book) -> str:
    """The questions, drawn and in words."""
    found, questions, root = ends(book), book.fact("flow.questions"), book.fact("flow.root")
    titles = {name: title for name, (_, title) in found.items()}
    numbers = choose.numbers(root, questions)

    def target(name: str) -> str:
        if name in numbers:
            return f"[question {numbers[name]}](#flow-{numbers[name]})"
        return f'<a data-site-href="troubleshoot/{found[name][0]}/#{name}">{html.escape(titles[name])}</a>'

    picture = drawing.drawn(root, questions, titles, "Questions that lead from a failure to its section", f"lead to {len(found)} sections", "flow")
    items = [
        f'{numbers[name]}. <span id="flow-{numbers[name]}">{questions[name]["ask"]}</span> Yes: {target(questions[name]["then"])}. '
        f"No: {target(questions[name]['otherwise'])}."
        for name in numbers
    ]
    return picture + "\n\n" + "\n".join(items)


# The index -----------------------------------------------------------------------------
def _short(text: str, most: int = 110) -> str:
    line = text.split("\n")[0]
    return line if len(line) <= most else line[: most - 3].rsplit(" ", 1)[0] + " ..."


def groups(book: Book) -> list[dict[str, Any]]:
    """What the search in the browser reads: each group's address, title, and all texts and older wordings of it.

    The messages of other pages it reads from their list.
    """
    return [
        {
            "at": f"{layer}/#{name}",
            "title": group["title"],
            "texts": [render.text(book, book.block(text)) for text in texts(group)] + [row["text"] for row in group.get("older", [])] + _older(book, name),
        }
        for layer, data in layers(book).items()
        for name, group in data["groups"].items()
    ]


def elsewhere(book: Book) -> list[tuple[str, str, str]]:
    """The messages of providers, gateways and operation, which no layer has: address from the root, title of the page, text; each beginning once."""
    known = {render.text(book, book.block(text))[:SAME] for layer in layers(book).values() for group in layer["groups"].values() for text in texts(group)}
    found = []
    for folder in ELSEWHERE:
        for path in sorted((book.root / "docs" / folder).glob("*.md")):
            source = path.read_text("utf-8")
            title = source.split("\ntitle: ", 1)[-1].split("\n", 1)[0].strip("\"'")
            for block_id in re.findall(r'"([\w/.-]+\.out)"', source):
                block = book.block(block_id)
                text = render.text(book, block)
                if block.check == "symptom" and text[:SAME] not in known:
                    known.add(text[:SAME])
                    found.append((f"{folder}/{path.stem}/#{render.anchor(block_id)}".replace("/index/", "/"), title, text))
    return found


def _older(book: Book, group: str) -> list[str]:
    """What an older release printed, unless it printed the same for another group."""
    texts = book.fact("older.texts")
    return [text for name, text in texts.items() if name == group and list(texts.values()).count(text) == 1]


def index(book: Book) -> str:
    """The form, hidden until macros/theme/assets/symptoms.js works, and every group by layer."""
    data = json.dumps(groups(book), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    parts = [
        '<form class="calculator" id="symptoms" hidden><label for="symptoms-paste">Paste the message, with whatever stands around it</label>'
        '<textarea id="symptoms-paste" rows="4" spellcheck="false" autocomplete="off"></textarea>'
        '<p id="symptoms-count" role="status"></p><ol id="symptoms-found"></ol><p>Nothing you paste leaves your browser.</p></form>\n'
        f'<script type="application/json" id="symptoms-data">{data}</script>\n<script src="../assets/symptoms.js" defer></script>'
    ]
    for layer, about in layers(book).items():
        rows = [
            f'- <a href="{layer}/#{name}">{html.escape(group["title"])}</a>: '
            + ", ".join(f'<a href="{layer}/#{cause}">{html.escape(_small(data["title"]))}</a>' for cause, data in group["causes"].items())
            for name, group in about["groups"].items()
        ]
        parts.append(f"### {about['name']} {{ #{layer} }}\n\n" + "\n".join(rows))
    others: dict[str, list[str]] = {}
    for at, title, text in elsewhere(book):
        others.setdefault(title, []).append(f'    - <a data-site-href="{at}">{html.escape(_short(text))}</a>')
    parts.append("### Providers, other gateways, routing { #elsewhere }\n\nThese stand on the pages of what prints them.")
    parts.append("\n".join(line for title, links in others.items() for line in [f"- {title}", *links]))
    return "\n\n".join(parts)


def _small(title: str) -> str:
    """A title within a sentence; names keep their capital."""
    return title if re.match(r"(?:LiteLLM|NODE|NO_|Anthropic|Claude|\d)", title) else choose.small(title)


def counts(book: Book) -> str:
    """How many causes there are, and how many are reproduced."""
    every = [cause for layer in layers(book).values() for group in layer["groups"].values() for cause in group["causes"].values()]
    done = sum("setup" in cause for cause in every)
    words = {text for layer in layers(book).values() for group in layer["groups"].values() for text in texts(group)}
    undone = "each went away with its fix" if done == len(every) else f"{done} were brought about, and went away with the fix"
    return f"{len(every)} causes with {len(words)} texts; {undone}"
