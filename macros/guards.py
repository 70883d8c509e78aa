"""What must not stand in ``docs/``: code that nobody runs.

Each function raises BookError with file, line and remedy.
"""

from __future__ import annotations

import re
from typing import Any

import jinja2
from jinja2 import nodes

from macros import render
from macros.ledger import Book, BookError

FENCE = re.compile(r"^\s*(?:>\s*)*(```|~~~)")
PRE = re.compile(r"<pre\b", re.IGNORECASE)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
PROGRAMS = "cat cd claude curl export git grep kill litellm mkdir mkdocs make npm npx pip pip3 pipx python python3 read rm set sudo tee unset uv uvx venv wget"
COMMAND_LIKE = [
    (re.compile(rf"^(?:\$\s+)?(?:{'|'.join(PROGRAMS.split())})\s+\S"), "a command"),
    (re.compile(r"^(?:export\s+|\$env:)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*\S"), "an assignment"),
    (re.compile(r"\b[a-z][a-z0-9+.-]*://"), "a URL with a scheme"),
    (re.compile(r'^\s*[\[{].*[\]}]\s*$'), "a JSON or YAML fragment"),
    (re.compile(r'^"?[\w$-]+"?:\s+\S'), "a JSON or YAML fragment"),
]
MACROS = {
    "snippet", "tabs", "fact", "value", "line", "setup", "credential_warning",
    "third_party_notice", "known_bad", "advisories", "models", "proxy_programs", "evidence_tables",
}


def page(book: Book, name: str, markdown: str, first_line: int = 1) -> None:
    """Check one page's Markdown before macros; ``first_line`` is its first line in the file."""
    for number, line in enumerate(markdown.split("\n"), start=first_line):
        where = f"docs/{name}:{number}"
        if FENCE.match(line):
            raise BookError(f"{where}: a code fence; put the code below snippets/, list it in a ledger, and write {{{{ snippet(\"...\") }}}}")
        if PRE.search(line):
            raise BookError(f"{where}: a <pre>; put the code below snippets/, list it in a ledger, and write {{{{ snippet(\"...\") }}}}")
        for _, content in SPAN.findall(re.sub(r"\{\{.*?\}\}", "", line)):
            for pattern, kind in COMMAND_LIKE:
                if pattern.search(content.strip()):
                    raise BookError(f"{where}: inline code that is {kind} (`{content}`); name it with {{{{ fact(\"...\") }}}} or {{{{ line(\"...\", \"...\") }}}}, so that a test reads it too")
    _macros(book, name, markdown, first_line)


def _macros(book: Book, name: str, markdown: str, first_line: int) -> None:
    environment = jinja2.Environment(comment_start_string="{##", comment_end_string="##}")
    try:
        tree = environment.parse(markdown)
    except jinja2.TemplateSyntaxError as problem:
        raise BookError(f"docs/{name}:{problem.lineno + first_line - 1}: {problem.message}; repair the macro call") from None
    for node in tree.find_all(nodes.Output):
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                continue
            where = f"docs/{name}:{part.lineno + first_line - 1}"
            call = part
            while isinstance(call, nodes.Filter) and call.node is not None:
                call = call.node
            if not isinstance(call, nodes.Call) or not isinstance(call.node, nodes.Name):
                raise BookError(f"{where}: only macro calls may stand in double braces; known macros: {', '.join(sorted(MACROS))}")
            arguments = [argument.as_const() if isinstance(argument, nodes.Const) else None for argument in call.args]
            try:
                _call(book, call.node.name, arguments)
            except BookError as problem:
                raise BookError(f"{where}: {problem}") from None


def _call(book: Book, macro: str, arguments: list[Any]) -> None:
    if macro not in MACROS:
        raise BookError(f"no macro {macro!r}; known macros: {', '.join(sorted(MACROS))}")
    if None in arguments:
        raise BookError(f"{macro}: write its arguments as quoted text")
    if macro in {"snippet", "tabs"}:
        for block_id in arguments:
            render.block(book, block_id)
    elif macro in {"fact", "value"}:
        book.fact(arguments[0])
    elif macro == "line":
        render.one_line(book, *arguments)
    elif macro in {"known_bad", "advisories", "third_party_notice"}:
        book.fact(f"versions.{arguments[0]}")


def whole_site(book: Book, rendered: set[str]) -> None:
    """Every block stands on a page; no page shows a block that is not listed."""
    missing = sorted(set(book.blocks) - rendered)
    if missing:
        block = book.blocks[missing[0]]
        from macros.ledger import relative

        raise BookError(f"{relative(block.ledger)}: on no page: {', '.join(missing)}; show it with {{{{ snippet(\"{missing[0]}\") }}}} or remove the entry")
