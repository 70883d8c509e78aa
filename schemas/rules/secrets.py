"""Which values are credentials, and which only stand where one will be."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from schemas.rules.source import words

#: scheme://user:password@host
USERINFO = re.compile(r"\b[a-z][a-z0-9+.-]*://[^/\s:@]*:(?P<password>[^@/\s]+)@")
REFERENCE = "os.environ/"
#: A value is a credential of its own when it is at least this long.
LONG = 16
#: Other ways to write "the value of a variable", none of which LiteLLM or Claude Code knows. Without brackets only
#: capitals count, because a password may start with a dollar sign.
VARIABLE = re.compile(
    r"^\s*(?:\$env:(?P<a>\w+)|\$\{(?P<b>[A-Za-z_]\w*)[^}\s]*\}|\$(?P<c>(?-i:[A-Z_][A-Z0-9_]*))|%(?P<d>(?-i:[A-Z_][A-Z0-9_]*))%"
    r"|\{\{\s*(?:env\.)?(?P<e>\w+)\s*\}\}|os\.environ(?:\.get)?[^\w/]+(?P<f>\w+).*|os\.getenv\W+(?P<g>\w+).*"
    r"|(?:os\.env\w*|environ)/(?P<h>\w+)|env[.:/](?P<i>(?-i:[A-Z_][A-Z0-9_]*)))\s*$",
    re.IGNORECASE,
)
#: The same inside a longer value, in the one form that nothing else looks like.
INSIDE = re.compile(r"\$\{(?P<name>[A-Z_][A-Z0-9_]*)\}")


@cache
def _shapes() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{shape})" for shape in words("secret_shapes")))


def shaped(text: str) -> bool:
    """Whether there is something in a text that only a credential looks like."""
    return bool(_shapes().search(text))


def named(key: Any) -> bool:
    """Whether a key's name says that its value is a credential."""
    name = str(key).lower().replace("-", "_")
    ends = any(name == word or name.endswith(f"_{word}") for word in words("secret_keys"))
    return ends and not any(name == word or name.endswith(f"_{word}") for word in words("not_secret_keys"))


def placeholder(value: str) -> bool:
    """Whether a value only stands where a credential will be."""
    low = value.lower()
    return any(word in low for word in words("placeholders")) or bool(re.fullmatch(r"<.*>|\[.*\]|\*+|\.+", value)) or len(set(value)) < 4


def variable(value: Any) -> str | None:
    """The name in a value that looks like a variable but is not replaced; None for any other value."""
    if not isinstance(value, str) or value.startswith(REFERENCE):
        return None
    match = VARIABLE.match(value) or INSIDE.search(value)
    return next((name for name in match.groupdict().values() if name), None) if match else None


def what(key: Any, value: Any) -> tuple[str, bool] | None:
    """(what kind of credential it is, whether it is surely a real one); None when it is none.

    A placeholder is none. A short value under a credential's name may be anything.
    """
    if not isinstance(value, str) or not value or variable(value):
        return None
    if shaped(value) and not placeholder(value):
        return ("private key" if "PRIVATE KEY" in value else "credential", True)
    if REFERENCE in value:
        return None
    inside = USERINFO.search(value)
    if inside and not placeholder(inside["password"]) and inside["password"].lower() not in (*words("weak"), "pass", "pw") and not variable(inside["password"]):
        return ("password in an address", True)
    if named(key) and not placeholder(value) and not value.startswith("/"):
        return ("credential", len(value) >= LONG)
    return None


def weak(value: str) -> bool:
    """Whether a master key can be guessed: short, few characters, or one common word and little else."""
    rest = value.strip().lower().removeprefix("sk-")
    for word in (*words("weak"), *words("placeholders")):
        rest = rest.replace(word, "")
    return len(value.strip()) < LONG or len(set(value)) < 6 or len(re.sub(r"[\W_]", "", rest)) < 8
