"""Volatile parts of recorded outputs, one typed token each.

``TOKENS[name]`` is (pattern, replacement, a text it matches, a text it must
not match); a test holds each to both.
"""

from __future__ import annotations

import re

TOKENS: dict[str, tuple[re.Pattern[str], str, str, str]] = {
    "port": (re.compile(r"(?<=127\.0\.0\.1:)[3-6]\d{4}(?= - )"), "<port>", "127.0.0.1:50412 - ", "127.0.0.1:4000 - "),
    "time": (re.compile(r"\b\d\d:\d\d:\d\d\b"), "<time>", "10:27:06", "10:27"),
    "id": (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "<id>", "c2012b13-68fc-4ce4-b586-87b3afc84faa", "claude-opus-5-5"),
    "duration": (re.compile(r"\b\d+(?:\.\d+)? ?m?s\b"), "<duration>", "12.5 ms", "12 GB"),
    "address": (re.compile(r"\b0x[0-9a-f]{12}\b"), "<address>", "0x7fa679e5e570", "0x7fa6"),
    "line": (re.compile(r"(?<=\.c:)\d+\b"), "<line>", "_ssl.c:1006", "_ssl.py:1006"),
    "count": (re.compile(r"(?<=~)\d+(?= tokens)"), "<count>", "~2506 tokens", "200000 tokens"),
    "path": (re.compile(r"/mnt/reader(?=[/\s]|$)"), "~", "/mnt/reader/x", "/mnt/readers"),
}
#: A recorded output may have at most this share of its characters replaced.
LIMIT = 0.2


def normalise(text: str, names: list[str]) -> str:
    """Replace the named tokens. Raises KeyError for an unknown name."""
    for name in names:
        pattern, replacement, _, _ = TOKENS[name]
        text = pattern.sub(replacement, text)
    return text


def share(text: str, names: list[str]) -> float:
    """The share of a text's characters that normalising would replace, 0 to 1."""
    replaced = sum(len(match.group()) for name in names for match in TOKENS[name][0].finditer(text))
    return replaced / max(1, len(text))
