"""The choice of a pattern: questions, outcomes, comparison and moves, all from ``snippets/facts``."""

from __future__ import annotations

import re
from typing import Any

from macros import render
from macros.ledger import Book, BookError

PARTS = {
    "client": "Claude Code",
    "proxy": "the proxy",
    "gateway": "the gateway",
    "second-proxy": "the second proxy",
    "provider": "the provider",
}
GUARDS = {
    "tls": "encrypted with TLS",
    "machine": "never leaves the machine",
    "none": "in the clear, but for the encrypted tunnel that it opens",
}
#: Texts that named the patterns before, in the order in which they are listed.
OLDER = {
    "architecture": "Proxy and gateway architecture",
    "decision tree": "Deployment pattern decision tree",
    "comparison": "Deployment patterns comparison",
    "specification": "Feature specification",
}
MOST_QUESTIONS = 5


def outcome(book: Book, answers: dict[str, str]) -> tuple[str, list[tuple[str, bool]]]:
    """The pattern for one answer to each criterion, and the questions on the way with their answers."""
    tree = book.fact("decision_tree")
    name, way = tree["root"], []
    while name in tree["questions"]:
        question = tree["questions"][name]
        yes = any(answers[criterion] in values for criterion, values in question["yes_when"].items())
        way.append((name, yes))
        name = question["then" if yes else "otherwise"]
    return name, way


def numbered(book: Book) -> dict[str, int]:
    """Question -> its number, in the order in which a reader meets them, yes before no."""
    return numbers(book.fact("decision_tree.root"), book.fact("decision_tree.questions"))


def numbers(root: str, questions: dict[str, Any]) -> dict[str, int]:
    """The same of any tree of questions."""
    order: dict[str, int] = {}

    def visit(name: str) -> None:
        if name in questions and name not in order:
            order[name] = len(order) + 1
            visit(questions[name]["then"])
            visit(questions[name]["otherwise"])

    visit(root)
    return order


def depth(book: Book, name: str, seen: tuple[str, ...] = ()) -> int:
    """How many questions the longest way from here has. Raises BookError for a way in a circle."""
    questions = book.fact("decision_tree.questions")
    if name not in questions:
        return 0
    if name in seen:
        raise BookError(f"snippets/facts/decision_tree.yaml: question {name!r} leads back to itself; every way must end at a pattern")
    return 1 + max(depth(book, questions[name][way], (*seen, name)) for way in ("then", "otherwise"))


def check(book: Book) -> None:
    """What the schemas cannot say about tree, patterns and moves. Raises BookError."""
    tree, patterns, moves = book.fact("decision_tree"), book.fact("patterns"), book.fact("migrations")
    where = "snippets/facts/decision_tree.yaml"
    for name, question in tree["questions"].items():
        for target in (question["then"], question["otherwise"]):
            if target not in tree["questions"] and target not in patterns:
                raise BookError(f"{where}: question {name!r} leads to {target!r}, which is neither a question nor a pattern; correct the name")
        if set(question["criteria"]) != set(question["yes_when"]):
            raise BookError(f"{where}: question {name!r}: criteria and yes_when must name the same criteria")
    for owner, answers in [(name, question["yes_when"]) for name, question in tree["questions"].items()] + [
        (name, {criterion: [answer] for criterion, answer in preset["answers"].items()}) for name, preset in tree["presets"].items()
    ]:
        for criterion, values in answers.items():
            unknown = set(values) - set(tree["criteria"].get(criterion, {}).get("answers", {}))
            if unknown:
                raise BookError(f"{where}: {owner!r} names {criterion}: {', '.join(sorted(unknown))}, which is no answer; see criteria")
    if depth(book, tree["root"]) > MOST_QUESTIONS:
        raise BookError(f"{where}: a way with more than {MOST_QUESTIONS} questions; ask fewer")
    lost = set(tree["questions"]) - set(numbered(book))
    if lost:
        raise BookError(f"{where}: no way leads to {', '.join(sorted(lost))}; remove the question, or lead to it")
    for name, preset in tree["presets"].items():
        missing = set(tree["criteria"]) - set(preset["answers"])
        if missing:
            raise BookError(f"{where}: preset {name!r} has no answer for {', '.join(sorted(missing))}")
        found = outcome(book, preset["answers"])[0]
        if found != preset["outcome"]:
            raise BookError(f"{where}: preset {name!r} names {preset['outcome']}, but its answers lead to {found}")
    for edge in moves["edges"]:
        found = walked(book, edge)
        if found != state(book, edge["to"]):
            raise BookError(f"snippets/facts/migrations.yaml: the moves from {edge['from']} to {edge['to']} lead to {found}; correct the moves")


def state(book: Book, pattern: str) -> tuple[str, frozenset[str]]:
    """Where a pattern's gateway stands, and which legs have a proxy."""
    entry = book.fact(f"patterns.{pattern}")
    return entry["gateway"], frozenset(entry["proxied"])


def walked(book: Book, edge: dict[str, Any]) -> tuple[str, frozenset[str]]:
    """Where the moves of an edge lead. Raises BookError for a move that does not apply."""
    gateway, proxied = state(book, edge["from"])
    for step in edge["moves"]:
        where = f"snippets/facts/migrations.yaml: {edge['from']} to {edge['to']}: move {step['move']!r}"
        if step["move"] not in book.fact("migrations.moves"):
            raise BookError(f"{where} is not defined; see moves")
        changes, back = book.fact(f"migrations.moves.{step['move']}.changes"), step.get("back", False)
        if "gateway" in changes:
            before, after = reversed(changes["gateway"]) if back else changes["gateway"]
            if gateway != before:
                raise BookError(f"{where} starts at gateway {before!r}, but it is {gateway!r} here")
            gateway = after
        else:
            leg = {changes["adds"]}
            if (changes["adds"] in proxied) != back:
                raise BookError(f"{where} does not apply: proxied legs are {', '.join(sorted(proxied)) or 'none'}")
            proxied = proxied - leg if back else proxied | leg
    return gateway, proxied


# What pages show --------------------------------------------------------------------
def place(book: Book, pattern: str) -> str:
    """Where a pattern is explained: its page, or until there is one its section on the page "Choose"."""
    book.fact(f"patterns.{pattern}")
    return f"patterns/{pattern}/" if (book.root / "docs" / "patterns" / f"{pattern}.md").is_file() else f"choose/#{pattern}"


def link(book: Book, pattern: str) -> str:
    return f'<a data-site-href="{place(book, pattern)}">{book.fact(f"patterns.{pattern}.name")}</a>'


def marked(text: str) -> str:
    """A text from the data, with the variables in it as inline code."""
    return re.sub(r"(?<![`\w])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![`\w])", r"`\1`", text)


def steps(book: Book) -> str:
    """The questions in words, for whoever does not use the drawing."""
    questions, numbers = book.fact("decision_tree.questions"), numbered(book)

    def target(name: str) -> str:
        return f"[question {numbers[name]}](#question-{numbers[name]})" if name in numbers else link(book, name)

    lines = []
    for name, number in numbers.items():
        question = questions[name]
        lines += [
            f'{number}. **<span id="question-{number}">{question["ask"]}</span>** {question["help"]}',
            f"    - Yes: {target(question['then'])}.",
            f"    - No: {target(question['otherwise'])}.",
        ]
    return "\n".join(lines)


def criteria(book: Book) -> str:
    tree, numbers = book.fact("decision_tree"), numbered(book)
    rows = []
    for name, criterion in tree["criteria"].items():
        asked = [str(numbers[question]) for question in numbers if name in tree["questions"][question]["criteria"]]
        rows.append([criterion["name"], "; ".join(criterion["answers"].values()), ", ".join(asked) or criterion["used_for"]])
    return render.table(["Criterion", "Answers", "Asked in question"], rows)


def presets(book: Book) -> str:
    tree, rows = book.fact("decision_tree"), []
    for preset in tree["presets"].values():
        way = [f"{numbered(book)[name]} {'yes' if yes else 'no'}" for name, yes in outcome(book, preset["answers"])[1]]
        rows.append([preset["name"], link(book, preset["outcome"]), ", ".join(way), preset["why"]])
    return render.table(["Case", "Pattern", "Answers", "Why"], rows)


def needs(book: Book, pattern: str) -> str:
    entry = book.fact(f"patterns.{pattern}.needs")
    sides = [(entry[side], name) for side, name in (("client", "Claude Code"), ("gateway", "the gateway")) if side in entry]
    parts = [f"{', '.join(map(render.inline, variables))} for {name}" for variables, name in sides]
    return "; ".join(parts + list(map(marked, entry["also"]))) + "."


def what_to_set(book: Book) -> str:
    """What each pattern needs, as a table."""
    rows = []
    for name, entry in book.fact("patterns").items():
        sides = [", ".join(map(render.inline, entry["needs"].get(side, []))) or "–" for side in ("client", "gateway")]
        rows.append([link(book, name), *sides])
    return render.table(["Pattern", "For Claude Code", "For the gateway"], rows)


def hops(book: Book, pattern: str) -> list[str]:
    """Who shows what to whom, one sentence a hop."""
    sentences = []
    for hop in book.fact(f"patterns.{pattern}.hops"):
        start = PARTS[hop["from"]]
        sentences.append(f"{start[0].upper() + start[1:]} to {PARTS[hop['to']]}: shows {hop['shows']}; {GUARDS[hop['guard']]}.")
    return sentences


def summaries(book: Book) -> str:
    """A section for each pattern; its heading carries the requirements that it answers."""
    parts = []
    for name, entry in book.fact("patterns").items():
        page = place(book, name)
        parts += [
            f'### {entry["name"]} {{ #{name} data-req="{" ".join(entry["requirements"])}" }}',
            entry["summary"].rstrip(),
            "\n".join(f"{number}. {hop}" for number, hop in enumerate(hops(book, name), start=1)),
            f"Needs: {needs(book, name)}",
        ]
        if page.startswith("patterns/"):
            parts.append(f'<a data-site-href="{page}">Set it up: {entry["name"]}</a>')
    return "\n\n".join(parts)


BLOCK = re.compile(r"tests/test_pages\.py::test_block\[(?P<page>.*)#block-(?P<block>.*)\]")


def proof(test: str) -> str:
    """A test by its name; a test of a block as a link to the block."""
    found = BLOCK.fullmatch(test)
    if found:
        return f'<a data-site-href="{found["page"]}#block-{found["block"]}">block {found["block"]}</a>'
    return render.inline(test.rpartition("::")[2])


def evidence(items: list[dict[str, str]]) -> str:
    """Tests by name, sources as links with the day they were read."""
    return "; ".join(proof(item["test"]) if "test" in item else f"[{item['source'].split('/')[2]}]({item['source']}), read {item['read']}" for item in items)


def comparison(book: Book) -> str:
    """What differs, a row each, and below the table each row's evidence."""
    patterns, rows = book.fact("patterns"), book.fact("comparison")
    table = render.table(
        ["What", *(patterns[name]["name"] for name in patterns)],
        [[f"**{number}. {row['what']}**", *(row["values"][name] for name in patterns)] for number, row in enumerate(rows, start=1)],
    )
    proofs = "\n".join(f"{number}. {row['what']}: {evidence(row['evidence'])}" for number, row in enumerate(rows, start=1))
    return f"{table}\n\nThe evidence, row by row:\n\n{proofs}"


def older_names(book: Book) -> str:
    """Every name a pattern had, and where it leads now."""
    rows = []
    for text, title in OLDER.items():
        for name, entry in book.fact("patterns").items():
            rows += [[title, alias["label"], link(book, name)] for alias in entry["aliases"] if alias["of"] == text]
    rows.sort(key=lambda row: (list(OLDER.values()).index(row[0]), row[1]))
    return render.table(["In", "Called", "Here"], rows)


def ways(book: Book, edge: dict[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """(steps there, how to verify, steps back) of an edge, made of its moves."""
    moves = [(book.fact(f"migrations.moves.{step['move']}"), step.get("back", False)) for step in edge["moves"]]
    made, undone = [move for move, back in moves if not back], [move for move, back in moves if back]
    there = [move["prepare"] for move in made] + [move["back" if back else "switch"] for move, back in moves] + [move["tidy"] for move in undone]
    home = (
        [move["prepare"] for move in undone]
        + [move["switch" if back else "back"] for move, back in reversed(moves)]
        + [move["tidy"] for move in reversed(made)]
    )
    verify = [move["verify"] for move in made]
    return tuple([sentence for part in parts for sentence in part] for parts in (there, verify, home))  # type: ignore[return-value]


def small(name: str) -> str:
    return name[0].lower() + name[1:]


def migrations(book: Book) -> str:
    """A section for each edge: when, steps, verification, rollback."""
    names, parts = book.fact("patterns"), []
    for edge in book.fact("migrations.edges"):
        there, verify, back = ways(book, edge)
        parts += [
            f"### From {small(names[edge['from']]['name'])} to {small(names[edge['to']]['name'])} {{ #{edge['from']}-to-{edge['to']} }}",
            edge["when"],
            f"The commands stand on {link(book, edge['to'])}; those of the way back on {link(book, edge['from'])}, after the "
            f'<a data-site-href="{place(book, edge["to"])}#undo">undo</a> of the new way.',
            "**Steps**",
            "\n".join(f"{number}. {marked(sentence)}" for number, sentence in enumerate(there, start=1)),
            "**Verify**",
            "\n".join(f"- {marked(sentence)}" for sentence in [*verify, f"Everything else as on {link(book, edge['to'])}."]),
            "**Roll back**",
            "\n".join(f"{number}. {marked(sentence)}" for number, sentence in enumerate(back, start=1)),
        ]
    return "\n\n".join(parts)


def edges(book: Book) -> str:
    """Which move leads from where to where, as a table of links."""
    names = book.fact("patterns")
    rows = [
        [names[edge["from"]]["name"], f"[{names[edge['to']]['name']}](#{edge['from']}-to-{edge['to']})", edge["when"]] for edge in book.fact("migrations.edges")
    ]
    return render.table(["From", "To", "When"], rows)
