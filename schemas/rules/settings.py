"""What Claude Code makes of a settings file, where that is not what its writer meant. Pure.

Source of the rules: each entry of rules.yaml; what Claude Code does with a
mistake is measured by tests/test_schema_settings.py.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from schemas.rules import keys, secrets
from schemas.rules.document import Document, leaves
from schemas.rules.report import Path, Report
from schemas.rules.source import known, words

SCHEMA = "claude-settings.schema.json"
OWN = ("ANTHROPIC_", "CLAUDE_")
#: Source: https://code.claude.com/docs/en/env-vars (1 or true, in any case); the program also takes yes and on.
ON = ("1", "true", "yes", "on")
OFF = ("0", "false", "no", "off")
NUMBER = re.compile(r"\s*[+-]?\d[\d_]*(\.\d+)?(e\d+)?\s*", re.IGNORECASE)


def check(document: Document, report: Report, env: Mapping[str, str] | None = None) -> None:
    """Report everything; ``env`` is not used, the file brings its own."""
    data = document.data
    table = data.get("env") if isinstance(data.get("env"), dict) else {}
    variables = {name: _text(value) for name, value in table.items() if isinstance(name, str) and _text(value) is not None}
    _names(data, table, report)
    for name, value in variables.items():
        if value:
            _address(name, value, report)
            _value(name, value, report)
    _project(data, variables, report)
    _conflicts(data, variables, report)
    _secrets(data, report)
    keys.check(document, SCHEMA, report)


def _text(value: Any) -> str | None:
    """What Claude Code makes of a variable's value; None for what is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


# Names ------------------------------------------------------------------------------------


def _names(data: dict[str, Any], table: dict[str, Any], report: Report) -> None:
    program = known("claude-code")
    variables, settings = program["env"]["properties"], program["settings"]["properties"]
    for name in data:
        if name in variables and name.isupper():
            report.add("variable-outside", (name,))
    for name, value in table.items():
        at: Path = ("env", name)
        if name in settings:
            report.add("setting-inside", at)
        elif name not in variables and name not in words("others"):
            _unknown(name, variables, at, report)
        if isinstance(value, (bool, int, float)):
            report.add("variable-no-text", at, found="true or false" if isinstance(value, bool) else "a number")
    for entry in words("old"):
        if entry["name"] in table:
            report.add("variable-old", ("env", entry["name"]), why=entry["why"], hint=entry["hint"])


def _unknown(name: str, variables: Mapping[str, Any], at: Path, report: Report) -> None:
    """A near miss is an error, another name of Anthropic's a notice, and any other name is the reader's own."""
    compared = [other for other in variables if other.startswith(OWN) or re.match(words("compared"), other)]
    simple = name.upper().replace("-", "_").strip()
    meant = simple if simple in compared else words("expected").get(simple) or keys.near(name, compared)
    if meant:
        report.add("variable-misspelt", at, meant=meant)
    elif name.startswith(OWN):
        report.add("variable-unknown", at)


def _value(name: str, value: str, report: Report) -> None:
    """Values a variable of that kind does not take."""
    at, kind = ("env", name), known("claude-code")["env"]["properties"].get(name, {}).get("x-kind")
    low = value.strip().lower()
    if name in words("presence_flags"):
        if low in OFF:
            report.add("presence-flag", at)
    elif secrets.variable(value):
        report.add("literal-variable", at, hint="write the value itself, or set the variable in the shell and leave it out here")
    elif kind == "integer" and not NUMBER.fullmatch(value):
        report.add("variable-number", at)
    elif kind == "boolean" and low not in (*ON, *OFF):
        report.add("variable-flag", at)
    if name == "NODE_TLS_REJECT_UNAUTHORIZED" and value.strip() == "0":
        report.add("tls-off", at)
    if name in words("credentials") and not report.has(at):
        _credential(name, value, report)
    if name == "ANTHROPIC_CUSTOM_HEADERS":
        for number, line in enumerate(value.split("\n"), start=1):
            if line.strip() and not re.match(r"\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*:", line):
                report.add("header-form", at, number=number)


def _credential(name: str, value: str, report: Report) -> None:
    why, hint = "", ""
    if re.search("[\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb]", value):
        why, hint = "it has typographic quotation marks", "write the credential alone, as it was given to you"
    elif re.fullmatch(r"\s*([\"'`]).*\1\s*", value, re.DOTALL):
        why, hint = "it has quotation marks around it, which are sent too", "write the credential alone"
    elif re.match(r"\s*(Bearer|Basic)\s", value, re.IGNORECASE):
        why, hint = "Claude Code writes Bearer before it itself", "write the credential alone"
    elif re.search(r"\s", value.strip()):
        why, hint = "it has a space or a line break in it", "write the credential alone, on one line"
    elif re.fullmatch(r"<.*>|\[.*\]|(your|my)[-_ ].*|.*(changeme|your[-_ ](key|token|api)).*|\.{3,}|x{4,}", value.strip(), re.IGNORECASE):
        why, hint = "it is the placeholder of an example", "put your own in its place, or print it with apiKeyHelper"
    if why:
        report.add("credential-form", ("env", name), why=why, hint=hint)


# Addresses ----------------------------------------------------------------------------------


def _address(name: str, value: str, report: Report) -> None:
    if name in words("proxies"):
        if re.match(r"\s*socks", value, re.IGNORECASE):
            report.add("proxy-scheme", ("env", name))
        return
    if not name.startswith("ANTHROPIC_") or not name.endswith("_BASE_URL"):
        return
    at, why = ("env", name), _no_address(value)
    if secrets.variable(value):
        report.add("literal-variable", at, hint="write the address itself")
    elif why:
        report.add("base-url-form", at, why=why)
    else:
        parts = urlsplit(value.strip())
        tail = re.search(r"/v1(/messages)?/*$", parts.path)
        if tail and name in words("messages_urls"):
            report.add("base-url-v1", at, tail=tail.group(0).rstrip("/"))
        if parts.scheme == "http" and not _loopback(parts.hostname or ""):
            report.add("base-url-http", at)


def _no_address(value: str) -> str:
    """Why a value is no address; empty when it is one. Says nothing of the value."""
    try:
        parts = urlsplit(value.strip())
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "its host or port is malformed"
    if parts.scheme.lower() not in ("http", "https"):
        return "it does not start with https:// or http://"
    if not host:
        return "it names no host"
    if re.search("[\\s\"'`<>\u2018\u2019\u201c\u201d]", value.strip()):
        return "it has a space, a quotation mark or a bracket in it"
    if parts.query or parts.fragment:
        return "it has a ? or # part, which takes the place of the path"
    return ""


def _loopback(host: str) -> bool:
    """Source: RFC 6761 for localhost, RFC 1122 and RFC 4291 for the addresses."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


# Credentials and conflicts --------------------------------------------------------------------


def _header_credential(value: str) -> bool:
    names = [line.partition(":")[0].strip().lower() for line in value.split("\n") if line.partition(":")[2].strip()]
    return any(name in words("credential_headers") for name in names)


def _project(data: dict[str, Any], variables: Mapping[str, str], report: Report) -> None:
    """Credentials in a file that others get. Source: https://code.claude.com/docs/en/llm-gateway-connect"""
    scope = report.kind.scope
    if scope not in ("project", "local"):
        return
    for name, value in variables.items():
        is_one = name in words("credentials") or bool(secrets.USERINFO.search(value)) or (name == "ANTHROPIC_CUSTOM_HEADERS" and _header_credential(value))
        if value and is_one and not report.has(("env", name)):
            report.add(f"credential-in-{scope}", ("env", name))
    if scope == "project" and data.get("apiKeyHelper"):
        report.add("helper-in-project", ("apiKeyHelper",))


def _conflicts(data: dict[str, Any], variables: Mapping[str, str], report: Report) -> None:
    token, key, helper = bool(variables.get("ANTHROPIC_AUTH_TOKEN")), bool(variables.get("ANTHROPIC_API_KEY")), bool(data.get("apiKeyHelper"))
    if token and key:
        hint = 'for a gateway that is ANTHROPIC_AUTH_TOKEN, with ANTHROPIC_API_KEY "" to keep one from the shell back'
        report.add("both-credentials", ("env", "ANTHROPIC_API_KEY"), other="ANTHROPIC_AUTH_TOKEN", hint=hint)
    elif helper and (token or key):
        other = "ANTHROPIC_AUTH_TOKEN" if token else "ANTHROPIC_API_KEY"
        report.add("both-credentials", ("apiKeyHelper",), other=f"env.{other}", hint="the helper keeps the credential out of the file")
    on = [entry for entry in words("providers") if variables.get(entry["flag"], "").strip().lower() in ON]
    if on and variables.get("ANTHROPIC_BASE_URL"):
        report.add("provider-and-base-url", ("env", "ANTHROPIC_BASE_URL"), flag=on[0]["flag"], variable=on[0]["url"])
    flags = [entry["flag"] for entry in on]
    if len(flags) > 1 and set(flags) != set(words("together")):
        report.add("two-providers", ("env", flags[1]), flag=flags[0])
    for entry in words("providers"):
        if variables.get(entry["skip"], "").strip().lower() in ON and not variables.get(entry["url"]):
            report.add("skip-without-url", ("env", entry["skip"]), variable=entry["url"])
        if variables.get(entry["url"]) and entry["flag"] not in variables:
            report.add("url-without-provider", ("env", entry["url"]), flag=entry["flag"])


def _secrets(data: dict[str, Any], report: Report) -> None:
    """A credential somewhere else than in a variable that is for one, such as in the helper's command."""
    for path, value in leaves(data):
        in_place = path[0] == "env" and path[-1] in words("credentials")
        found = None if in_place or not isinstance(value, str) else secrets.what("", value)
        if found and found[0] != "password in an address" and not report.has(path) and path[:2] != ("env", "ANTHROPIC_CUSTOM_HEADERS"):
            report.add("literal-secret", path, what=found[0], hint="read it from a file that only you can read")
