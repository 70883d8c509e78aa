"""What stops the build: code that nobody runs, and names that are in no data.

Each function raises BookError with file, line and remedy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import jinja2
from jinja2 import nodes
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from macros import catalogue, checklist, choose, compatibility, cost, diagram, reference, render, symptoms
from macros.ledger import Block, Book, BookError, relative

REMEDY = 'put the code below snippets/, list it in a ledger, and write {{ snippet("...") }}'
FENCE = re.compile(r"^\s*(?:(?:>|[-*+]|\d+[.)])\s*)*(```|~~~)")
RAW = re.compile(r"<(pre|code|samp|kbd)\b", re.IGNORECASE)
#: What may have an indented body: an item, an admonition, a tab, a footnote, a definition.
CONTAINER = re.compile(r"\s*(?:[-*+]\s|\d+[.)]\s|!!!|\?\?\?|===|\[\^|:\s)")
MACRO = re.compile(r"\{\{.*?\}\}", re.DOTALL)
#: Inline code; like Markdown, it may go on in the next line but not beyond an empty one.
SPAN = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n\s*\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
PROGRAMS = (
    "apt apt-get bash brew cat cd chmod chown claude cp curl dig docker echo export git grep helm kill kubectl litellm ls make mkdir mkdocs mv nc nginx "
    "node npm npx openssl pip pip3 pipx printf python python3 read rm set setx sh source squid ssh sudo systemctl tail tee unset uv uvx venv wget winget"
)
COMMAND_LIKE = [
    (re.compile(r"^(?:export\s+|set\s+|\$env:)?[A-Za-z_][A-Za-z0-9_]*\s*=\s*\S"), "an assignment"),
    (re.compile(rf"^(?:[$>#]\s+)?(?:\S*/)?(?:{'|'.join(PROGRAMS.split())})\s+\S"), "a command"),
    (re.compile(r"^[A-Z][a-z]+-[A-Z]\w+\s+\S"), "a command"),
    (re.compile(r"\b[a-z][a-z0-9+.-]*://"), "a URL with a scheme"),
    (re.compile(r"^\s*[\[{].*[\]}]\s*$", re.DOTALL), "a JSON or YAML fragment"),
    (re.compile(r'^"?[\w$-]+"?:\s+\S'), "a JSON or YAML fragment"),
]
URL = re.compile(r"\w+://[^\s)>\"']*|\]\([^)]*\)")
#: file below snippets/facts -> (what it holds, how a name of that kind is known in a text)
NAMES = {
    "variables": ("an environment variable", re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")),
    "headers": ("a header", re.compile(r"(?<![\w/.@-])(?:[xX]-[A-Za-z][\w-]*\w|anthropic-[a-z][\w-]*\w)(?![\w/-])|(?<=-H [\"'])[\w-]+(?=:)")),
    "settings": ("a settings key", re.compile(r"(?<=`)[a-z]+(?:[A-Z][a-z]+)+(?=`)")),
}


def names(book: Book, where: str, text: str, kinds: tuple[str, ...] = tuple(NAMES)) -> None:
    """Every variable, header and settings key in a text is in the data."""
    for kind in kinds:
        what, pattern = NAMES[kind]
        # Error codes look like variables; they are data of their own.
        known = {**book.facts.get(kind, {}), **(book.facts.get("codes", {}) if kind == "variables" else {})}
        for name in pattern.findall(text):
            if name not in known and name.lower() not in known:
                remedy = f"correct it, or add it to snippets/facts/{kind}.yaml with its meaning and source"
                raise BookError(f"{where}: {name} is {what} that is in no data; {remedy}")


def data(book: Book) -> None:
    """Every block can be rendered; what it and the facts name is known; every answer leads to a pattern."""
    choose.check(book)
    symptoms.check(book)
    for block in book.blocks.values():
        text = render.text(book, block)
        language = render.language(block)
        try:
            get_lexer_by_name(language)
        except ClassNotFound:
            raise BookError(f"{block.where}: no language {language!r}; write the short name of a Pygments lexer, or text") from None
        for number, line in enumerate(render.shown(book, block).split("\n"), start=1):
            names(book, f"{relative(block.path)}:{number}" if block.region is None and block.rendering is None else block.where, line, ("variables", "headers"))
        if language == "json":
            _settings(book, block, text)
    for path in sorted((book.snippets / "facts").glob("*.yaml")):
        for number, line in enumerate(path.read_text("utf-8").split("\n"), start=1):
            names(book, f"{relative(path)}:{number}", URL.sub("", line), ("variables",))


def _settings(book: Book, block: Block, text: str) -> None:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as problem:
        raise BookError(f"{relative(block.path)}:{problem.lineno}: {problem.msg}; repair the JSON") from None
    if str(block.data.get("save_as", "")).endswith("settings.json"):
        for key in found:
            if key not in book.facts["settings"]:
                raise BookError(f"{block.where}: {key} is a settings key that is in no data; correct it, or add it to snippets/facts/settings.yaml")


def page(book: Book, name: str, markdown: str, first_line: int = 1) -> None:
    """Check one page's Markdown before macros; ``first_line`` is its first line in the file."""
    depth, empty = 0, True  # how many times four spaces are no code here
    for number, line in enumerate(markdown.expandtabs(4).split("\n"), start=first_line):
        where = f"docs/{name}:{number}"
        if FENCE.match(line):
            raise BookError(f"{where}: a code fence; {REMEDY}")
        raw = RAW.search(line)
        if raw:
            raise BookError(f"{where}: a <{raw.group(1)}>; {REMEDY}")
        if line.strip() and (empty or CONTAINER.match(line)):
            level = (len(line) - len(line.lstrip())) // 4
            if empty and level > depth:
                raise BookError(f"{where}: an indented line, which becomes code; remove the indent, or {REMEDY}")
            depth = level + bool(CONTAINER.match(line))
        empty = not line.strip()
        names(book, where, URL.sub("", line))
    _spans(name, markdown, first_line)
    _macros(book, name, markdown, first_line)


def _spans(name: str, markdown: str, first_line: int) -> None:
    prose = MACRO.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), markdown)
    for match in SPAN.finditer(prose):
        content = " ".join(match.group(2).split())
        for pattern, kind in COMMAND_LIKE:
            if pattern.search(content):
                where = f"docs/{name}:{first_line + prose[: match.start()].count(chr(10))}"
                raise BookError(
                    f"{where}: inline code that is {kind} (`{content}`); name it with {{{{ fact(\"...\") }}}} or {{{{ line(\"...\", \"...\") }}}}, "
                    "so that a test reads it too"
                )  # fmt: skip


def _scalar(book: Book, path: str) -> None:
    if isinstance(book.fact(path), dict | list):
        raise BookError(f"{path!r} is a group of facts; name one of them")


#: The macros of macros/main.py, as functions that raise BookError for wrong arguments.
MACROS: dict[str, Callable[..., Any]] = {
    "snippet": render.block,
    "tabs": lambda book, *block_ids: render.tabs(book, block_ids),
    "fact": _scalar,
    "value": _scalar,
    "line": render.one_line,
    "setup": render.setup,
    "credential_warning": lambda book, notice="credential": render.notice(book, notice),
    "third_party_notice": lambda book, *products: render.notice(book, "third_party", *products),
    "known_bad": render.known_bad,
    "advisories": render.advisories,
    "models": render.models,
    "measured": render.measured,
    "waits": render.waits,
    "waits_measured": render.waits_day,
    "proxy_programs": catalogue.proxy_programs,
    "hosts": render.hosts,
    "hosts_documented": render.hosts_documented,
    "proxy_variables": catalogue.proxy_variables,
    "proxy_exceptions": catalogue.proxy_exceptions,
    "diagram": diagram.diagram,
    "connections": diagram.connections,
    "evidence_tables": lambda book: None,
    "evidence_blocks": lambda book, *folders: None,
    "decision_tree": lambda book: None,
    "decision_steps": lambda book: None,
    "decision_criteria": lambda book: None,
    "use_cases": lambda book: None,
    "pattern_summaries": lambda book: None,
    "pattern_comparison": lambda book: None,
    "older_names": lambda book: None,
    "migration_edges": lambda book: None,
    "migrations": lambda book: None,
    "token_prices": lambda book: None,
    "cost_examples": cost.examples,
    "cost_of": cost.figure,
    "cost_calculator": lambda book: None,
    "requirement_counts": lambda book: None,
    "requirements_tested": lambda book: None,
    "requirements_stated": lambda book: None,
    "requirements_later": lambda book: None,
    "corrections": lambda book: None,
    "security_checklist": checklist.items,
    "scopes": reference.scopes,
    "what_to_set": choose.what_to_set,
    "settings_form": reference.settings_form,
    "provider_ways": reference.provider_ways,
    "switch_values": reference.switch_values,
    "provider_order": reference.provider_order,
    "knowledge": reference.knowledge,
    "ask": reference.ask,
    "managed_places": reference.managed_places,
    "bypass": reference.bypass,
    "open_routes": reference.open_routes,
    "variable_reference": catalogue.variables,
    "variable_effects": catalogue.effects,
    "variable_effects_measured": catalogue.effects_day,
    "settings_reference": catalogue.settings,
    "header_reference": catalogue.headers,
    "message_fields": catalogue.fields,
    "litellm_keys": catalogue.litellm_keys,
    "litellm_mistakes": catalogue.litellm_mistakes,
    "ports": catalogue.ports,
    "all_connections": catalogue.all_connections,
    "status_answers": catalogue.answers,
    "status_through_litellm": catalogue.statuses,
    "reach": catalogue.reach,
    "reach_measured": catalogue.reach_day,
    "glossary": catalogue.glossary,
    "gateway_products": reference.gateway_products,
    "gateway_settings": reference.gateway_settings,
    "doctor_causes": lambda book: None,
    "doctor_rules": lambda book: None,
    "kit_checks": compatibility.checks,
    "gateways_measured": compatibility.summary,
    "gateway_matrix": compatibility.matrix,
    "gateways_day": compatibility.measured,
    "symptom_layer": symptoms.page,
    "symptom_index": lambda book: None,
    "symptom_counts": lambda book: None,
    "symptom_flow": lambda book: None,
    "logs": lambda book: None,
}


def _macros(book: Book, name: str, markdown: str, first_line: int) -> None:
    """Macros are called by name, with quoted text, and only in double braces."""
    environment = jinja2.Environment(comment_start_string="{##", comment_end_string="##}")
    known = f"known macros: {', '.join(sorted(MACROS))}"
    try:
        tree = environment.parse(markdown)
    except jinja2.TemplateSyntaxError as problem:
        raise BookError(f"docs/{name}:{problem.lineno + first_line - 1}: {problem.message}; repair the macro call") from None
    for statement in tree.body:
        for part in statement.nodes if isinstance(statement, nodes.Output) else [statement]:
            where = f"docs/{name}:{part.lineno + first_line - 1}"
            if isinstance(part, nodes.TemplateData):
                continue
            if not isinstance(part, nodes.Call) or not isinstance(part.node, nodes.Name):
                raise BookError(f"{where}: only macro calls may stand in braces; {known}")
            macro, arguments = part.node.name, [getattr(argument, "value", None) for argument in part.args]
            if macro not in MACROS:
                raise BookError(f"{where}: no macro {macro!r}; {known}")
            if part.kwargs or part.dyn_args or part.dyn_kwargs or not all(isinstance(argument, str) for argument in arguments):
                raise BookError(f"{where}: {macro}: write its arguments as quoted text")
            try:
                MACROS[macro](book, *arguments)
            except BookError as problem:
                raise BookError(f"{where}: {problem}") from None
            except TypeError:
                raise BookError(f"{where}: {macro}: {len(arguments)} arguments are too many or too few; see macros/main.py") from None


def whole_site(book: Book, rendered: set[str]) -> None:
    """Every block stands on a page."""
    missing = [block for block in book.blocks.values() if block.id not in rendered]
    if missing:
        first = missing[0]
        others = f" (and {len(missing) - 1} more)" if missing[1:] else ""
        raise BookError(f'{first.where}: on no page{others}; show it with {{{{ snippet("{first.id}") }}}} or remove the entry')
