"""``python -m schemas.rules [--env] [--kind KIND] FILE...``: prints file:line: severity: message (rule).

Exit status 1 when there is an error, 2 when a file cannot be checked at all.
``--env`` also looks whether the variables a LiteLLM configuration names are set
in this shell.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from schemas.rules import KINDS, check, kind_of


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m schemas.rules", description="Check a LiteLLM configuration or a Claude Code settings file.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument("--kind", choices=KINDS, help="what the files are, when their names do not tell")
    parser.add_argument("--env", action="store_true", help="look whether the variables that are named are set in this shell")
    options = parser.parse_args(arguments)
    status = 0
    for name in options.files:
        try:
            text = Path(name).read_text("utf-8")
        except UnicodeDecodeError:
            print(f"{name}:1: error: it is not UTF-8 text; save it as UTF-8")
            status = 2
            continue
        except OSError as problem:
            print(f"{name}: error: it cannot be read ({problem.strerror}); correct the name")
            status = 2
            continue
        kind = options.kind or kind_of(name, text)
        if kind is None:
            print(f"{name}: error: this is neither a LiteLLM configuration nor a settings file by its name and content; say which with --kind")
            status = 2
            continue
        where = str(Path(name).absolute()) if kind == "settings" and not name.startswith("~") else name
        for finding in check(text, kind, where, dict(os.environ) if options.env else None):
            print(f"{name}:{finding.line}: {finding.severity}: {finding.message} ({finding.rule})")
            status = max(status, 1 if finding.severity == "error" else 0)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
