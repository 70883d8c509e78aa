"""Files for programs that are not here: a parser, a schema, and counterexamples that must be rejected."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path

import jsonschema
import yaml
from check_jsonschema import main as check_jsonschema

from macros.ledger import Block, Book


def check(book: Book, block: Block, text: str) -> str | None:
    """What is wrong with the text, or which counterexample is accepted; None when all is well."""
    problem = rejected(book, block, text)
    if problem:
        return problem
    for name in block.data["counterexamples"]:
        if rejected(book, block, (book.snippets / name).read_text()) is None:
            return f"snippets/{name}: must be rejected, but is accepted"
    return None


def rejected(book: Book, block: Block, text: str) -> str | None:
    """Why the block's schema does not accept a text; None when it does."""
    if "builtin" in block.data:
        return _by_builtin(block.data["builtin"], text)
    try:
        data = json.loads(text) if block.path.suffix == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as problem:
        return str(problem)
    rules = json.loads((book.root / block.data["schema"]).read_text())
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(rules).iter_errors(data))
    return error.message if error else None


def _by_builtin(name: str, text: str) -> str | None:
    """By a schema that check-jsonschema brings along; nothing is fetched."""
    transform = ["--data-transform", "gitlab-ci"] if name == "vendor.gitlab-ci" else []
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as printed:
        path = Path(folder) / "file.yml"
        path.write_text(text + "\n")
        status = check_jsonschema(["--no-cache", "--builtin-schema", name, *transform, str(path)], standalone_mode=False)
        return printed.getvalue().replace(f"{folder}/", "") if status else None
