"""Reads a PowerShell block back to the configuration it sets, by its syntax tree."""

from __future__ import annotations

import re
from typing import Any

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_powershell.language()))


class PowerShellError(Exception):
    """The block is not PowerShell, or sets nothing that is understood; says where."""


def _nodes(node: Node, kind: str) -> list[Node]:
    found = [node] if node.type == kind else []
    for child in node.children:
        found += _nodes(child, kind)
    return found


def _text(node: Node) -> str:
    return (node.text or b"").decode()


#: What asks for a proxy's login, statement by statement; the host and its port stand where the group is.
LOGIN = [
    re.escape('$user = Read-Host "Proxy user"'),
    re.escape('$password = [System.Net.NetworkCredential]::new("", (Read-Host "Proxy password" -AsSecureString)).Password'),
    re.escape('$env:HTTPS_PROXY = "http://' + ":".join(f"$([uri]::EscapeDataString(${part}))" for part in ("user", "password")) + "@") + r'([a-z0-9.:-]+)"',
    re.escape("Remove-Variable user"),
    re.escape("Remove-Variable password"),
]


def configuration(source: str) -> dict[str, Any]:
    """``{"env": ..., "credential": {"variable", "file"}, "unset": [...]}``; with ``"login": True`` when it asks for a proxy's.

    Raises PowerShellError with a line number for anything else.
    """
    tree = PARSER.parse(source.encode())
    if tree.root_node.has_error:
        broken = next((node for node in _walk(tree.root_node) if node.is_error or node.is_missing), tree.root_node)
        raise PowerShellError(f"line {broken.start_point[0] + 1}: not PowerShell near {_text(broken)[:40]!r}")
    found: dict[str, Any] = {"env": {}, "credential": None, "unset": []}
    asked = 0
    for statement in _nodes(tree.root_node, "pipeline"):
        if statement.parent is None or statement.parent.type != "statement_list" or statement.parent.parent != tree.root_node:
            continue
        line = statement.start_point[0] + 1
        step = re.fullmatch(LOGIN[asked], _text(statement).strip()) if asked < len(LOGIN) else None
        if step:
            asked += 1
            found["env"] |= {"HTTPS_PROXY": f"http://{step.group(1)}"} if step.groups() else {}
            continue
        assignments = _nodes(statement, "assignment_expression")
        if assignments:
            left, _, right = _text(assignments[0]).partition("=")
            name = re.fullmatch(r"\$env:(\w+)", left.strip(), re.IGNORECASE)
            if name is None:
                raise PowerShellError(f"line {line}: assigns something that is no environment variable")
            literal = re.fullmatch(r'"([^"$`]*)"', right.strip())
            content = re.fullmatch(r'\(Get-Content "\$HOME/([^"$`]+)" -Raw\)\.Trim\(\)', right.strip())
            if literal:
                found["env"][name.group(1)] = literal.group(1)
            elif content:
                found["credential"] = {"variable": name.group(1), "file": f"~/{content.group(1)}"}
            else:
                raise PowerShellError(f"line {line}: a value that is neither a string nor the content of a file below $HOME")
            continue
        removal = re.fullmatch(r"Remove-Item Env:(\w+) -ErrorAction SilentlyContinue", _text(statement).strip())
        if removal is None:
            raise PowerShellError(f"line {line}: neither sets nor removes an environment variable")
        found["unset"].append(removal.group(1))
    if asked:
        if asked < len(LOGIN):
            raise PowerShellError(f"the proxy's login is asked for in {asked} of {len(LOGIN)} steps")
        found["login"] = True
    return found


def _walk(node: Node) -> list[Node]:
    return [node, *(item for child in node.children for item in _walk(child))]
