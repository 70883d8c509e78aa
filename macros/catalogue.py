"""Tables of the section Reference, made from facts and schemas."""

from __future__ import annotations

import re
from typing import Any

from macros import diagram, render
from macros.ledger import Book, BookError, read_yaml, schema

HOW = {"lab": "measured", "source-code": "read in the source", "docs": "documented"}
#: Whose variable it is: side -> who reads it.
READERS = {"client": "Claude Code", "gateway": "the gateway", "other": "other programs", "nobody": "nothing"}
NETWORK = "proxy and certificates"
#: Who sets variables that no reader sets.
UNLISTED = {"lab", "runner"}
FAMILIES = ("client", "network", "gateway", "nobody")


def known(row: dict[str, Any]) -> str:
    """How something is known, with its source."""
    return f"[{HOW[row['verified']]}]({row['source']})"


# Variables --------------------------------------------------------------------------
def family(row: dict[str, Any]) -> str:
    """The page of a variable; what only the tests or a CI runner set has none."""
    if row["side"] in UNLISTED or row["side"] == "nobody":
        return row["side"]
    return "network" if row.get("group") == NETWORK or row["side"] == "other" else row["side"]


def variables(book: Book, name: str) -> str:
    """Every variable of a family, by subject. Raises BookError for a name that is no family."""
    if name not in FAMILIES:
        raise BookError(f"no family {name!r} of variables; there are {', '.join(FAMILIES)}")
    found = {key: row for key, row in sorted(book.fact("variables").items()) if family(row) == name}
    groups = sorted({row.get("group", "others") for row in found.values()}, key=lambda group: (group == "others", group))
    head = ["Variable", *(["Read by"] if name == "network" else []), "Meaning", "Values, and what holds without it", "Beside others", "How known"]
    parts = []
    for group in groups:
        rows = [_variable(key, row, name == "network") for key, row in found.items() if row.get("group", "others") == group]
        title = [f"### {group.capitalize()}"] if len(groups) > 1 else []
        parts += [*title, render.table(head, rows)]
    return "\n\n".join(parts)


def _variable(name: str, row: dict[str, Any], readers: bool) -> list[str]:
    meaning = row["meaning"] + "".join(
        f" {words}: {row[key]}." for key, words in (("wire", "On the wire"), ("since", "Since"), ("until", "Until")) if key in row
    )
    values = ". ".join(part for part in (capital(row.get("values", "")), f"Without it: {row['default']}" if "default" in row else "") if part)
    return [render.inline(name), *([READERS[row["side"]]] if readers else []), meaning, values or "–", row.get("wins", "–"), known(row)]


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def effects(book: Book) -> str:
    """What a variable changes in the request, as measured."""
    rows = []
    for case in book.fact("wire.measured.effects"):
        changes = [capital(_marked(change)) for change in case["changes"]] or ["Nothing"]
        rows.append([render.inline(case["variable"]), render.inline(case["value"]), ". ".join(changes) + "."])
    return render.table(["Variable", "Value", "What is otherwise in the request"], rows)


def _marked(change: str) -> str:
    """``header x: y`` with the names as code."""
    match = re.match(r"(header|field|path) ([^\s:]+):? ?(.*)", change)
    return change if match is None else f"{match[1]} {render.inline(match[2])}" + (f": {match[3]}" if match[3] else "")


def effects_day(book: Book) -> str:
    measured = book.fact("wire.measured")
    return f"Claude Code {measured['version']}, {measured['day']}"


# Settings, headers, hosts, words ------------------------------------------------------
def settings(book: Book) -> str:
    """Every settings key of the data."""
    rows = [[render.inline(name), row["meaning"], known(row)] for name, row in sorted(book.fact("settings").items())]
    return render.table(["Key", "Meaning", "How known"], rows)


def headers(book: Book) -> str:
    """Every header of the data."""
    rows = [[render.inline(name), row["sender"], row["meaning"], known(row)] for name, row in sorted(book.fact("headers").items())]
    return render.table(["Header", "Sent by", "Meaning", "How known"], rows)


def ports(book: Book) -> str:
    """Who listens where, on the pages of this site."""
    rows = [[render.inline(book.fact(row["fact"])), row["listens"], row["asked_by"]] for row in book.fact("hosts.ports")]
    return render.table(["Port", "Who listens", "Who connects"], rows)


def all_connections(book: Book) -> str:
    """Who opens which connection, for every pattern."""
    parts = [f"### {row['name']}\n\n{diagram.connections(book, name)}" for name, row in book.fact("patterns").items()]
    return "\n\n".join(parts)


def glossary(book: Book) -> str:
    """Every word of the glossary."""
    rows = [[f"**{row['term']}**", row["meaning"], f"[{row['say']}]({row['see']})" if "see" in row else "–"] for row in book.fact("glossary.words")]
    return render.table(["Word", "Here it means", "More"], rows)


# LiteLLM --------------------------------------------------------------------------------
def litellm_keys(book: Book) -> str:
    """The keys of LiteLLM's configuration that this handbook uses, by section."""
    parts = []
    for section, keys in book.fact("litellm.keys").items():
        rows = [[render.inline(name), row["meaning"], str(row.get("default", "–")), known(row)] for name, row in keys.items()]
        parts.append(f"### {section}\n\n" + render.table(["Key", "Meaning", "Without it", "How known"], rows))
    return "\n\n".join(parts)


#: What LiteLLM does with a mistake.
DOES = {"starts": "starts all the same", "exits": "does not start", "both": "starts or not, by the value"}


def litellm_mistakes(book: Book) -> str:
    """Every rule about LiteLLM's configuration, and what LiteLLM itself does with the mistake."""
    does = book.fact("litellm.mistakes")
    listed = {rule["id"]: rule for rule in read_yaml(book.root / "schemas" / "rules" / "rules.yaml")}
    unknown = sorted(set(does) - set(listed))
    if unknown:
        raise BookError(f"snippets/facts/litellm.yaml: mistakes: {unknown[0]} is no rule of schemas/rules/rules.yaml; correct the name")
    rows = [[render.inline(name), listed[name]["where"], _filled(listed[name]["message"]), f"LiteLLM {DOES[does[name]]}"] for name in listed if name in does]
    return render.table(["Rule", "Where", "What is wrong", "LiteLLM itself"], rows)


def _filled(text: str) -> str:
    """A message whose places are filled in when it is said."""
    return re.sub(r"\{\w+\}", "…", text)


# Messages ---------------------------------------------------------------------------------
def fields(book: Book, name: str) -> str:
    """The fields that a schema below ``schemas/`` describes, as a table. Raises BookError when one says nothing."""
    path = book.root / "schemas" / f"{name}.schema.json"
    if not path.is_file():
        raise BookError(f"no schemas/{name}.schema.json; name one of the files there")
    rules = schema(path)
    rows = []
    for field, row in rules["properties"].items():
        if "description" not in row:
            raise BookError(f"schemas/{name}.schema.json: {field} has no description; say what it is")
        rows.append([render.inline(field), _kind(row), "yes" if field in rules.get("required", []) else "no", row["description"]])
    return render.table(["Field", "Type", "Always there", "What it is"], rows)


def _kind(row: dict[str, Any]) -> str:
    found = row.get("type", "any")
    if "const" in row:
        return render.inline(row["const"])
    return " or ".join(found) if isinstance(found, list) else str(found)


# Status codes ---------------------------------------------------------------------------
def statuses(book: Book) -> str:
    """A provider's status, LiteLLM's answer to it, and Claude Code's words."""
    rows = [
        [str(status), str(row["gateway"]), render.inline(row["type"]), str(row["requests"]), render.inline(row["says"])]
        for status, row in book.fact("wire.measured.statuses").items()
    ]
    return render.table(["The provider answers", "LiteLLM answers", "With the type", "Requests to the provider", "Claude Code prints"], rows)


def answers(book: Book) -> str:
    """What Claude Code prints when the gateway itself answers with a status."""
    measured = book.fact("waits.measured.rows")
    rows = [
        [case["what"], str(measured[case["id"]]["requests"]), render.inline(" ".join(measured[case["id"]]["says"].split()))]
        for case in book.fact("waits.cases")
        if "provider" in case
    ]
    return render.table(["The gateway answers", "Requests, with ten retries", "Claude Code prints"], rows)


# Which program reads what ---------------------------------------------------------------
CELLS = {"proxy": "proxy", "past": "past it", "some": "some of each", "yes": "yes", "no": "no"}
#: The same of Claude Code alone: how many of its requests go through the proxy.
SHARE = {"proxy": "all", "some": "some", "past": "none"}


#: The first columns of the tables whose cases are no values of NO_PROXY.
FIRST = {"authorities": ["What is set"], "spelling": ["What is set"], "proxies": ["Variable"], "plain": ["Variable"]}


def reach(book: Book, name: str) -> str:
    """A measured table: a row for each case, a column for each program. Raises BookError for a case that was not measured."""
    measured = book.fact(f"reach.measured.tables.{name}")
    programs = book.fact("reach.programs")
    rows = []
    for case in book.fact(f"reach.{name}"):
        key = str(case.get("id") or case["value"])
        if set(measured.get(key, {})) != set(programs):
            raise BookError(f"snippets/facts/reach.yaml: {name}: {key} was not measured with every program; run: python -m tests.reach {name}")
        rows.append([_case(case), *([case["what"]] if "value" in case else []), *(CELLS[measured[key][program]] for program in programs)])
    first = FIRST.get(name, [render.inline("NO_PROXY"), "What it is"])
    return render.table([*first, *(row["name"] for row in programs.values())], rows)


def _case(case: dict[str, Any]) -> str:
    return render.inline(case["value"]) if "value" in case else str(case.get("what") or render.inline(case["id"]))


def reach_day(book: Book) -> str:
    """The versions and the day of these measurements."""
    measured = book.fact("reach.measured")
    return ", ".join(f"{row['name']} {measured['versions'][name]}" for name, row in book.fact("reach.programs").items()) + f"; {measured['day']}"


def shares(book: Book, name: str) -> dict[str, str]:
    """Case of a table -> how many of Claude Code's requests go through the proxy: all, some or none."""
    return {case: SHARE[row["claude-code"]] for case, row in book.fact(f"reach.measured.tables.{name}").items()}


#: How many of Claude Code's requests go through the proxy.
USES = {"all": "all through the proxy", "some": "some through the proxy, some past it", "none": "none through the proxy"}


def proxy_variables(book: Book) -> str:
    rows = [[render.inline(name), USES[uses]] for name, uses in shares(book, "proxies").items()]
    return render.table(["Variable", "Claude Code's requests"], rows)


def proxy_exceptions(book: Book) -> str:
    uses = shares(book, "exceptions")
    rows = [[render.inline(row["value"]), row["what"], USES[uses[row["value"]]]] for row in book.fact("reach.exceptions")]
    return render.table([render.inline("NO_PROXY"), "What it is", "Claude Code's requests to " + render.inline("api.anthropic.com")], rows)


def proxy_programs(book: Book) -> str:
    """Which program honours which variable at all."""
    tables = book.fact("reach.measured.tables")
    rows = []
    for program, about in book.fact("reach.programs").items():
        proxies = ["no" if tables["proxies"][name][program] == "past" else "yes" for name in ("HTTPS_PROXY", "https_proxy")]
        adds = [row["id"] for row in book.fact("reach.authorities") if "env" in row and not row.get("store")]
        trusted = [render.inline(name) for name in adds if tables["authorities"][name][program] == "yes"]
        rows.append([about["name"], *proxies, "yes" if tables["spelling"]["upper"][program] == "past" else "no", ", ".join(trusted) or "none of these"])
    return render.table(["Program", *map(render.inline, ("HTTPS_PROXY", "https_proxy", "NO_PROXY")), "Trusts a certificate authority named in"], rows)
