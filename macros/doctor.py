"""The doctor's rules and tables, copied from schemas/ and snippets/facts/ into its one file.

``python -m macros.doctor`` writes ``snippets/doctor/gateway_doctor.py`` again; all before its line MARK is written by hand.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import textwrap
from collections.abc import Iterator
from typing import Any

from macros import render
from macros.ledger import ROOT, read_yaml
from macros.module import imported

DOCTOR = ROOT / "snippets" / "doctor" / "gateway_doctor.py"
SCHEMAS = ROOT / "schemas"
MARK = "# ==== Copied from the handbook's schemas/ by macros/doctor.py; do not edit below this line ===="
#: Module -> what of it the doctor brings itself.
MODULES: dict[str, tuple[str, ...]] = {
    "secrets": (),
    "source": ("SCHEMAS", "kind_of", "read", "known", "words", "client_models"),
    "report": ("rules",),
    "document": (),
    "keys": ("_validator",),
    "settings": (),
    "litellm": (),
}
#: What those are called there.
OWN = {"source_read": "table", "source_known": "known", "source_words": "words", "source_client_models": "client_models", "report_rules": "rules"}
OWN |= {"keys_validator": "Validator", "report_Path": "Place", "report_Finding": "RuleFinding"}
WIDTH = 150


def text() -> str:
    """The whole file as it must be."""
    by_hand = DOCTOR.read_text("utf-8").partition(MARK)[0]
    return f"{by_hand}{MARK}\n{''.join(_code(name) for name in MODULES)}{_data()}\n\n" + 'if __name__ == "__main__":\n    sys.exit(main(sys.argv[1:]))\n'


# Code ---------------------------------------------------------------------------------------


def _name(module: str, name: str) -> str:
    """What a module's name is called in the doctor: ``keys.near`` is ``keys_near``; classes keep theirs."""
    joined = f"{module}_{name.lstrip('_')}"
    if joined in OWN:
        return OWN[joined]
    return name if name[0].isupper() and not name.isupper() else joined.upper() if name.isupper() else joined


def _defined(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        for target in node.targets if isinstance(node, ast.Assign) else []:
            if isinstance(target, ast.Name):
                yield target.id, node


def _code(module: str) -> str:
    """A module's text with its imports left out and its names changed. Raises ValueError for a name it cannot change safely."""
    source = (SCHEMAS / "rules" / f"{module}.py").read_text("utf-8")
    tree = ast.parse(source)
    known = {name: _name(module, name) for name, _ in _defined(tree)}
    modules = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("schemas.rules"):
            for alias in node.names:
                if node.module == "schemas.rules":
                    modules.add(alias.name)
                else:
                    known[alias.name] = _name(node.module.rpartition(".")[2], alias.name)
    edits: list[tuple[int, int, str]] = []
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(line: int, column: int) -> int:
        return starts[line - 1] + column

    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            edits.append((place(node.lineno, node.col_offset), place(node.end_lineno or 0, node.end_col_offset or 0), _name(node.value.id, node.attr)))
        elif isinstance(node, ast.Name) and node.id in known:
            if isinstance(node.ctx, ast.Store) and node not in [part for top in tree.body if isinstance(top, ast.Assign) for part in top.targets]:
                raise ValueError(f"schemas/rules/{module}.py:{node.lineno}: {node.id} is a name of the module and of a variable; call one of them otherwise")
            edits.append((place(node.lineno, node.col_offset), place(node.end_lineno or 0, node.end_col_offset or 0), known[node.id]))
    for node in tree.body:
        skipped = isinstance(node, ast.Import | ast.ImportFrom) or any(name in MODULES[module] for name, found in _defined(tree) if found is node)
        if skipped:
            first = node.decorator_list[0].lineno if isinstance(node, ast.FunctionDef) and node.decorator_list else node.lineno
            edits.append((place(first, 0), place((node.end_lineno or 0) + 1, 0) if (node.end_lineno or 0) < len(starts) - 1 else starts[-1], ""))
        elif isinstance(node, ast.FunctionDef):
            at = place(node.lineno, node.col_offset) + len("def ")
            edits.append((at, at + len(node.name), known[node.name]))
        elif isinstance(node, ast.ClassDef):
            at = place(node.lineno, node.col_offset) + len("class ")
            edits.append((at, at + len(node.name), known[node.name]))
    document = tree.body[0]
    edits.append((0, place(document.end_lineno or 0, document.end_col_offset or 0), f"# schemas/rules/{module}.py {'-' * (92 - len(module))}"))
    result, last = b"", 0
    whole = source.encode()
    dropped = [(start, end) for start, end, new in edits if not new]
    for start, end, new in sorted(edits):
        if start < last or (new and any(a <= start < b for a, b in dropped)):
            continue
        result, last = result + whole[last:start] + new.encode(), end
    clashes = set(known.values()) & set(dir(builtins))
    if clashes:
        raise ValueError(f"schemas/rules/{module}.py: {', '.join(clashes)} would hide a builtin; call it otherwise")
    lines = (result + whole[last:]).decode().split("\n")
    made = "\n".join(_two_empty(lines)).strip("\n").replace("jsonschema.ValidationError", "Wrong")  # its own validator's
    return f"\n\n{made}\n"


def _two_empty(lines: list[str]) -> Iterator[str]:
    """At most two empty lines together, and no comment that spoke of what was left out."""
    empty = 0
    for line in lines:
        empty = 0 if line.strip() else empty + 1
        if empty <= 2:
            yield line


# Data ---------------------------------------------------------------------------------------


def _data() -> str:
    schemas = {name: json.loads((SCHEMAS / name).read_text("utf-8")) for name in ("claude-settings.schema.json", "litellm-config.schema.json")}
    for program in ("claude-code", "litellm"):
        schemas[f"known/{program}.json"] = json.loads((SCHEMAS / "known" / f"{program}.json").read_text("utf-8"))
    rules = {rule["id"]: {key: rule[key] for key in ("severity", "message", "remedy")} for rule in read_yaml(SCHEMAS / "rules" / "rules.yaml")}
    facts = {name: read_yaml(ROOT / "snippets" / "facts" / f"{name}.yaml") for name in ("models", "versions")}
    versions = facts["versions"]
    known_bad = {program: versions[program].get("known_bad", []) for program in ("litellm", "claude-code")}
    parts = [
        ("RULES", "What each rule says: schemas/rules/rules.yaml.", rules, False),
        ("WORDS", "Names the rules look for: schemas/rules/words.yaml.", read_yaml(SCHEMAS / "rules" / "words.yaml"), False),
        ("MODELS", "What Claude Code asks a gateway for: snippets/facts/models.yaml.", {key: facts["models"][key] for key in ("default", "ids")}, False),
        ("KNOWN_BAD", "Releases not to use: snippets/facts/versions.yaml.", known_bad, False),
        ("PINNED", "Releases this was tried with: snippets/facts/versions.yaml.", {name: str(versions[name]["version"]) for name in known_bad}, False),
        ("SCHEMAS", "The JSON Schemas and what the pinned programs read: schemas/*.schema.json, schemas/known/*.json.", _packed(schemas), True),
    ]
    made = [f"\n\n# {about}\n{name} = {_literal(data, packed)}\n" for name, about, data, packed in parts]
    return "".join(made)


def _literal(data: Any, packed: bool) -> str:
    """JSON in lines of a bearable width, broken only between values."""
    lines, line = [], ""
    for piece in json.JSONEncoder(ensure_ascii=True, separators=(", ", ": ")).iterencode(data):
        if len(line) + len(piece) > WIDTH:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    body = "\n".join([*lines, line])
    if "'''" in body:
        raise ValueError("the data holds three quotation marks in a row; write it otherwise")
    loaded = f"json.loads(r'''\n{body}\n''')"
    return f"unpacked({loaded})" if packed else loaded


def _packed(value: Any) -> Any:
    """Keys whose values are the same stand together, under ``*``: [[value, ["key key key", "key key"]], ...]."""
    if isinstance(value, list):
        return [_packed(item) for item in value]
    if not isinstance(value, dict):
        return value
    groups: dict[str, list[str]] = {}
    for key, item in value.items():
        groups.setdefault(json.dumps(item), []).append(key)
    shared = [(text_, names) for text_, names in groups.items() if len(names) > 3 and not any(" " in name or name == "*" for name in names)]
    together = {name for _, names in shared for name in names}
    result = {key: _packed(item) for key, item in value.items() if key not in together}
    if shared:
        lines = textwrap.TextWrapper(WIDTH - 20, break_long_words=False, break_on_hyphens=False)
        result["*"] = [[_packed(json.loads(text_)), lines.wrap(" ".join(names))] for text_, names in shared]
    return result


# The page ---------------------------------------------------------------------------------------


def verify(content: str) -> str:
    """The command that compares a fetched doctor with this one."""
    return f'echo "{hashlib.sha256(content.encode()).hexdigest()}  gateway_doctor.py" | sha256sum --check\n'


def causes() -> str:
    """Every cause by its id, as a table of Markdown."""
    found = _loaded()
    rows = [[render.inline(cause), told.severity, told.what, f"`{told.prints}`" if told.prints else ""] for cause, told in found.CAUSES.items()]
    return render.table(["Cause", "Severity", "What is wrong", "Claude Code prints"], rows)


def rules() -> str:
    """The rules for files that are causes too."""
    return ", ".join(render.inline(rule) for rule in sorted(set(_loaded().RULES) - set(_loaded().CAUSES)))


def _loaded() -> Any:
    return imported(DOCTOR)


def write() -> None:
    content = text()
    DOCTOR.write_text(content, "utf-8")
    DOCTOR.with_name("verify.sh").write_text(verify(content), "utf-8")


if __name__ == "__main__":
    write()
