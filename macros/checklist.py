"""The security checklist as a page shows it, and all its checks as one script.

``python -m macros.checklist`` writes ``snippets/security/gateway-checks.sh`` again.
"""

from __future__ import annotations

from pathlib import Path

from macros import render
from macros.ledger import Book, load, text_of

FOLDER = "security"
SCRIPT = f"{FOLDER}/gateway-checks.sh"
HEAD = """#!/bin/sh
# Every check of the security checklist, one line each. Ends with 0 when all that ran are ok.
# usage: sh gateway-checks.sh [GROUP or CHECK ...]    groups: {groups}
"""
TAIL = """
wanted=" $* " failed=0
check() {{
  case "$wanted" in
    "  " | *" $1 "* | *" $2 "*) ;;
    *) return ;;
  esac
  line=$("check_$(echo "$1" | tr - _)" 2>&1) || failed=1
  printf '%-17s %s\\n' "$1" "$line"
}}
{calls}
exit "$failed"
"""


def items(book: Book, *groups: str) -> str:
    """Every item of these groups with its reasons and its check. Raises BookError for a group that does not exist."""
    parts = []
    for group in groups:
        about = book.fact(f"checklist.groups.{group}")
        parts.append(f"### {about['title']}\n\n{about['about']}")
        for name, item in book.fact("checklist.items").items():
            if item["group"] == group:
                parts.append(_item(book, name, item))
    return "\n\n".join(parts)


def _item(book: Book, name: str, item: dict[str, str]) -> str:
    requirement = f' data-req="{item["practice"]}"' if "practice" in item else ""
    heading = f"#### {item['title']} {{ #check-{name}{requirement} .check-item }}"
    return "\n\n".join([heading, f"{item['why']} [Source]({item['source']}).", item["how"], render.block(book, f"{FOLDER}/{name}.sh")])


def script(book: Book) -> str:
    """The text of the script: each check as a function of its own, unchanged."""
    found = book.fact("checklist.items")
    parts = [HEAD.format(groups=" ".join(book.fact("checklist.groups")))]
    for name in found:
        parts.append(f"\ncheck_{name.replace('-', '_')}() (\n{text_of(book.snippets / FOLDER / f'{name}.sh')})\n")
    calls = "\n".join(f"check {name} {item['group']}" for name, item in found.items())
    return "".join(parts) + TAIL.format(calls=calls)


if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "snippets" / SCRIPT
    path.touch()  # the ledger lists it
    if not path.read_text():
        path.write_text("#!/bin/sh\n")
    path.write_text(script(load()))
