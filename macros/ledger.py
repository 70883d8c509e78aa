"""Reads and checks ``snippets/``: ledgers, facts and the files they list.

A ledger (``ledger.yaml``) stands beside the files it lists. An id is
``path[#region][@rendering]``; ``path`` is relative to ``snippets/``.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import yaml

ROOT = Path(__file__).resolve().parent.parent
FACT = re.compile(r"<<([\w.-]+)>>")
REGION = re.compile(r"^\s*(?:#|//)\s*--8<--\s*\[(start|end):([\w-]+)\]\s*$")
#: Renderings that are made, not written: name -> language of the result.
LANGUAGES = {".conf": "nginx", ".sh": "bash", ".ps1": "powershell", ".yaml": "yaml", ".json": "json", ".py": "python", ".txt": "text", ".out": "text",
             ".yml": "yaml", ".mjs": "javascript"}  # fmt: skip


class BookError(Exception):
    """One message with file, line where there is one, and remedy."""


@dataclass(frozen=True)
class Block:
    """One row of a ledger: a file, a region of it or a rendering of it."""

    id: str
    path: Path
    ledger: Path
    data: dict[str, Any]
    lab: dict[str, dict[str, Any]] = field(default_factory=dict)
    line: int = 1

    @property
    def where(self) -> str:
        """For messages: the ledger, the line in it, and the id."""
        return f"{relative(self.ledger)}:{self.line}: {self.id}"

    @property
    def check(self) -> str:
        return self.data["check"]

    @property
    def region(self) -> str | None:
        match = re.search(r"#([\w-]+)", self.id)
        return match.group(1) if match else None

    @property
    def rendering(self) -> str | None:
        return self.id.partition("@")[2] or None

    @property
    def delivery(self) -> str:
        return self.data.get("delivery", "block")

    def many(self, key: str) -> list[str]:
        """What stands at a key that takes one or several; none is an empty list."""
        found = self.data.get(key, [])
        return [found] if isinstance(found, str) else found


def _unique_keys(loader: yaml.SafeLoader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise BookError(f"line {line}: a key that is no plain text; write a name")
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise BookError(f"line {line}: key {key!r} stands already in line {seen[key]}; remove one of them")
        seen[key] = line
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the quick one, where PyYAML was built with it
    """YAML without duplicate keys."""


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, lambda loader, node: _unique_keys(loader, node, True))


def read_yaml(path: Path) -> Any:
    """The file's data. Raises BookError with file and line."""
    where = relative(path)
    try:
        return yaml.load(path.read_text("utf-8"), Loader=_Loader)
    except BookError as problem:
        raise BookError(f"{where}:{str(problem).removeprefix('line ')}") from None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        raise BookError(f"{where}:{mark.line + 1 if mark else 1}: {problem.problem}; repair the YAML") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise BookError(f"{where}: {' '.join(str(problem).split())}; save it as UTF-8 text") from None


def relative(path: Path) -> str:
    try:
        return str(path.relative_to(ROOT))
    except ValueError:
        return str(path)


def schema(path: Path) -> dict[str, Any]:
    """The JSON Schema in a file. Raises BookError when it is no JSON; a test checks that it is a schema."""
    try:
        return json.loads(path.read_text("utf-8"))
    except json.JSONDecodeError as problem:
        raise BookError(f"{relative(path)}:{problem.lineno}: {problem.msg}; repair the JSON") from None


def line_of(path: Path, keys: list[Any]) -> int:
    """The line (from 1) at which a path of keys stands in a YAML file."""
    node: Any = yaml.compose(path.read_text("utf-8"), Loader=_Loader)
    line = 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            for key_node, value_node in node.value:
                if key_node.value == str(key):
                    node, line = value_node, key_node.start_mark.line + 1
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
    return line


def _lines_of_blocks(path: Path) -> dict[str, int]:
    """Entry of a ledger -> its line, from 1."""
    node = yaml.compose(path.read_text("utf-8"), Loader=_Loader)
    blocks = next(value for key, value in node.value if key.value == "blocks")
    return {key.value: key.start_mark.line + 1 for key, _ in blocks.value}


@functools.cache
def _quick(rules: str) -> jsonschema_rs.Draft202012Validator | None:
    with contextlib.suppress(ValueError):
        return jsonschema_rs.Draft202012Validator(json.loads(rules))
    return None


def _allows(rules: str, data: Any) -> bool:
    """Whether the quick validator has nothing against the data. Of what it cannot say, and of what it refuses, the other one has the last word."""
    validator = _quick(rules)
    try:
        return validator is not None and validator.is_valid(data)
    except ValueError:  # no JSON can hold it: a date, a key that is a number
        return False


def validate(data: Any, schema_path: Path, path: Path) -> None:
    """Raise BookError for the first thing the schema does not allow."""
    if _allows(schema_path.read_text("utf-8"), data):
        return
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema(schema_path)).iter_errors(data))
    if error is not None:
        keys = list(error.absolute_path)
        place = "/".join(str(key) for key in keys) or "the file"
        raise BookError(f"{relative(path)}:{line_of(path, keys)}: {place}: {error.message}; see {relative(schema_path)}")


def text_of(path: Path) -> str:
    """A snippet's text, checked for what Markdown would change on the way.

    Raises BookError for tabs (Markdown expands them), carriage returns, a
    missing or a second final newline, and bytes that are not UTF-8.
    """
    where = relative(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as problem:
        raise BookError(f"{where}: not UTF-8 at byte {problem.start}; save it as UTF-8") from None
    for number, content in enumerate(text.split("\n"), start=1):
        if "\t" in content:
            raise BookError(f"{where}:{number}: a tab, which Markdown turns into spaces; write spaces")
        if "\r" in content:
            raise BookError(f"{where}:{number}: a carriage return; save the file with Unix line ends")
    if not text.endswith("\n") or text.endswith("\n\n") or text.startswith("\n"):
        raise BookError(f"{where}: starts with an empty line or does not end with exactly one newline; Markdown trims these")
    return text


class Book:
    """Everything below ``snippets/``: facts and blocks.

    Raises BookError on construction when anything is inconsistent.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.snippets = root / "snippets"
        self.facts: dict[str, Any] = {}
        self.blocks: dict[str, Block] = {}
        self.pages: dict[str, dict[str, Any]] = {}
        self._read_facts()
        self._read_ledgers()
        self._check_files()

    # Facts ---------------------------------------------------------------
    def _read_facts(self) -> None:
        for path in sorted((self.snippets / "facts").glob("*.yaml")):
            rules = self.root / "schemas" / "facts" / f"{path.stem}.schema.json"
            if not rules.exists():
                raise BookError(f"{relative(path)}: no schema; write {relative(rules)}")
            data = read_yaml(path)
            validate(data, rules, path)
            self.facts[path.stem] = data

    def fact(self, path: str) -> Any:
        """The value at ``file.key.key``. Raises BookError when it is unknown."""
        value: Any = self.facts
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                raise BookError(f"unknown fact {path!r} (no {key!r}); add it below snippets/facts/ or correct the name")
            value = value[key]
        return value

    def resolve(self, data: Any) -> Any:
        """Replace ``<<file.key>>`` in every string by the fact it names."""
        if isinstance(data, dict):
            return {key: self.resolve(item) for key, item in data.items()}
        if isinstance(data, list):
            return [self.resolve(item) for item in data]
        if isinstance(data, str):
            whole = FACT.fullmatch(data)
            if whole:
                return self.fact(whole.group(1))
            return FACT.sub(lambda match: str(self.fact(match.group(1))), data)
        return data

    # Ledgers -------------------------------------------------------------
    def _read_ledgers(self) -> None:
        rules = self.root / "schemas" / "ledger.schema.json"
        for path in sorted(self.snippets.rglob("ledger.yaml")):
            raw = read_yaml(path)
            self._check_named_facts(path)
            data = self.resolve(raw)
            validate(data, rules, path)
            folder = path.parent.relative_to(self.snippets).as_posix()
            if "page" in data:
                for page in (data["page"]["path"], *data["page"].get("also", [])):
                    self.pages[page] = data["page"]
            lines = _lines_of_blocks(path)
            for name, row in data["blocks"].items():
                self._add(Block(f"{folder}/{name}", self.snippets / folder / re.split(r"[#@]", name)[0], path, row, line=lines[name]))
        for block in self.blocks.values():
            self._check_references(block)

    def _check_named_facts(self, path: Path) -> None:
        for number, content in enumerate(path.read_text("utf-8").split("\n"), start=1):
            for match in FACT.finditer(content):
                try:
                    self.fact(match.group(1))
                except BookError as problem:
                    raise BookError(f"{relative(path)}:{number}: {problem}") from None

    def _add(self, block: Block) -> None:
        if not block.path.is_file():
            raise BookError(f"{block.where}: no file {relative(block.path)}; write it or remove the entry")
        text_of(block.path)
        known = self.facts.get("lab", {}).get("differences", {})
        for name in block.data.get("lab", []):
            if name not in known:
                raise BookError(f"{block.where}: lab difference {name!r} is not declared; describe it in snippets/facts/lab.yaml")
            block.lab[name] = known[name]
        self.blocks[block.id] = block

    def _check_references(self, block: Block) -> None:
        for key in ("of", "after", "then"):
            for target in block.many(key):
                if target not in self.blocks:
                    raise BookError(f"{block.where}: {key}: {target!r} is no block; write the full id of one")
        if block.check == "output" and self.blocks[block.data["of"]].check != "run":
            raise BookError(f"{block.where}: an output belongs to a run block, and {block.data['of']} is none; name the block that prints it")
        if block.check == "illustrative":
            found = hashlib.sha256(text_of(block.path).encode()).hexdigest()
            if found != block.data["sha256"]:
                raise BookError(f"{block.where}: its text changed; review it, then write sha256: {found} and today's date")
        for used in block.data.get("uses", []):
            if used not in self.facts.get("versions", {}):
                raise BookError(f"{block.where}: uses: {used!r} is no program of snippets/facts/versions.yaml; add it there or correct the name")
        needed = [self.snippets / name for name in block.data.get("counterexamples", [])]
        needed += [self.root / block.data["schema"]] if "schema" in block.data else []
        for path in needed:
            if not path.is_file():
                raise BookError(f"{block.where}: no file {relative(path)}; write it or correct the name")

    def _check_files(self) -> None:
        listed = {block.path for block in self.blocks.values()}
        listed |= {self.snippets / path for block in self.blocks.values() for path in block.data.get("counterexamples", [])}
        for path in sorted(self.snippets.rglob("*")):
            if path.is_dir() or path.name == "ledger.yaml" or path.parent == self.snippets / "facts" or path.parent.name == "__pycache__":
                continue
            if path not in listed:
                raise BookError(f"{relative(path)}: in no ledger; add it to a ledger.yaml beside it, or remove the file")

    def block(self, block_id: str) -> Block:
        """The block with this id. Raises BookError when there is none."""
        if block_id not in self.blocks:
            near = [known for known in self.blocks if known.split("/")[-1] == block_id.split("/")[-1]]
            hint = f"; did you mean {near[0]}?" if near else "; known ids stand in the ledger.yaml files below snippets/"
            raise BookError(f"unknown snippet {block_id!r}{hint}")
        return self.blocks[block_id]

    def versions(self, block: Block) -> dict[str, str]:
        """Programs a block was checked with: name -> version."""
        return {name: str(self.fact(f"versions.{name}.version")) for name in block.data.get("uses", [])}

    def lines(self, block: Block) -> Iterator[str]:
        """The lines of a file, or of the named region of it, without markers."""
        region, inside = block.region, block.region is None
        found = inside
        for content in text_of(block.path).splitlines():
            mark = REGION.match(content)
            if mark:
                if mark.group(2) == region:
                    inside, found = mark.group(1) == "start", True
                continue
            if inside:
                yield content
        if not found:
            raise BookError(f"{relative(block.path)}: no region {region!r}; mark it with '# --8<-- [start:{region}]'")


def load(root: Path = ROOT) -> Book:
    """Read everything. Raises BookError."""
    return Book(root)
