"""A file's data, and the line of every key in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from schemas.rules.report import Path, Report

#: Values a file may have once its aliases are written out; more is no configuration.
MOST_VALUES = 100_000


@dataclass
class Document:
    """``lines`` maps a path of keys and indices to a line, from 1."""

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)


def parse(text: str, language: str, report: Report) -> Document | None:
    """The document, or None when there is none to check. Reports syntax, emptiness and keys written twice."""
    text = text.removeprefix("\ufeff")  # both programs read a file that starts with a byte order mark
    if not text.strip():
        report.add(f"{language}-empty", line=1)
        return None
    document = _json(text, report) if language == "json" else _yaml(text, report)
    if document is not None and not isinstance(document.data, dict):
        report.add(f"{language}-{'empty' if document.data is None else 'no-mapping'}", line=1)
        return None
    return document


def _yaml(text: str, report: Report) -> Document | None:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(None)
        if _size(node, {}) > MOST_VALUES:
            report.add("too-large", line=1)
            return None
        document = Document(None)
        _walk(loader, node, (), document.lines, report)  # before merges (<<) are written out
        document.data = loader.construct_document(node)
        return document
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        tab = mark is not None and "\t" in (text.split("\n") + [""])[mark.line][: mark.column + 1]
        report.add("yaml-tab" if tab else "yaml-syntax", line=line, problem=_plain(", ".join(part for part in (problem.context, problem.problem) if part)))
    except yaml.reader.ReaderError as problem:
        report.add("yaml-syntax", line=text.count("\n", 0, problem.position) + 1, problem="a character that YAML does not allow")
    except (ValueError, OverflowError, RecursionError):
        report.add("yaml-syntax", line=1, problem="a value that YAML cannot read, such as a date that does not exist, or too deep a nesting")
    return None


def _json(text: str, report: Report) -> Document | None:
    def refuse(name: str) -> None:
        raise json.JSONDecodeError(f"{name} is no JSON", text, max(text.find(name), 0))

    try:
        document = Document(json.loads(text, parse_constant=refuse))
    except json.JSONDecodeError as problem:
        what, at = _json_problem(text, problem)
        report.add("json-syntax", line=text.count("\n", 0, at) + 1, problem=what)
        return None
    except RecursionError:
        report.add("json-syntax", line=1, problem="too deep a nesting")
        return None
    _json_lines(text, document.lines, report)
    return document


#: What a JSON text is made of: strings, brackets, commas and colons, and everything else.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+')


def _json_lines(text: str, lines: dict[Path, int], report: Report) -> None:
    """The line of every key and item of a text that is JSON; reports keys written twice."""
    open_: list[tuple[str, Path, dict[str, int]]] = []  # bracket, path, the keys of an object so far
    path: Path = ()
    line, counted, key_next = 1, 0, False
    for match in TOKEN.finditer(text):
        token = match.group()
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if open_ and open_[-1][0] == "{" and key_next and token[0] == '"':
            _, outer, own = open_[-1]
            key, key_next = json.loads(token), False
            path = (*outer, key)
            if key in own:
                report.add("json-duplicate-key", path, line=line, first=own[key])
            own[key] = lines[path] = line
            continue
        if open_ and open_[-1][0] == "[" and token not in ",]" and path not in lines:
            lines[path] = line
        if token in "{[":
            open_.append((token, path, {}))
            key_next = token == "{"
            path = (*path, 0) if token == "[" else path
        elif token in "}]":
            path = open_.pop()[1]
        elif token == "," and open_[-1][0] == "{":
            key_next = True
        elif token == ",":
            path = (*path[:-1], path[-1] + 1)


def _json_problem(text: str, problem: json.JSONDecodeError) -> tuple[str, int]:
    """What is wrong, and where, for the two mistakes people make; else what Python says."""
    before = text[: problem.pos].rstrip()
    if text[problem.pos :].startswith(("//", "/*", "#")):
        return "a comment", problem.pos
    if before.endswith(",") and text[problem.pos : problem.pos + 1] in ("}", "]"):
        return "a comma after the last entry", len(before) - 1
    if problem.msg.startswith("Illegal trailing comma"):
        return "a comma after the last entry", problem.pos
    return _plain(problem.msg), problem.pos


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node is, aliases written out; more than MOST_VALUES for one that holds itself."""
    if id(node) not in known:
        known[id(node)] = MOST_VALUES + 1  # stays so while its own parts are counted
        parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_size(part, known) for part in parts) if isinstance(node, yaml.CollectionNode) else 1
    return known[id(node)]


def _walk(loader: yaml.SafeLoader, node: yaml.Node, path: Path, lines: dict[Path, int], report: Report) -> None:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            _walk(loader, item, (*path, index), lines, report)
    if not isinstance(node, yaml.MappingNode):
        return
    own: dict[Any, int] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node)
        line = key_node.start_mark.line + 1
        if key in own:
            report.add("yaml-duplicate-key", (*path, key), line=line, first=own[key])
        own[key] = line
        lines[(*path, key)] = line
        _walk(loader, value_node, (*path, key), lines, report)


def _plain(problem: str | None) -> str:
    """What a parser says, without what it quotes from the file."""
    return re.sub(r"\s*['\"][^'\"]{3,}['\"]", "", problem or "it cannot be read").strip()


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that holds no other, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value
