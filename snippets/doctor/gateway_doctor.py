#!/usr/bin/env python3
"""Why does Claude Code not work through my gateway?

    python3 gateway_doctor.py               what is set, what is wrong with it, and the path to the gateway, hop by hop
    python3 gateway_doctor.py --probe       the same, and it asks each model for a few words, which costs tokens

It needs Python 3.9 or newer and nothing else. It changes nothing, writes no file, and prints no credential.

What it reads: your environment, Claude Code's settings files (managed, user, and those of the folder you are in),
certificate files and the files you name. What it sends: what Claude Code would send to the same places, with the
same credential, and never a prompt of yours. It follows an address, a proxy or a helper only when you or your
administrator chose it; one from the folder's own .claude/ is reported and left alone, unless you say --trust-project.

Exit status: 0 nothing found, 1 something found, 2 it could not run.

In this file, from top to bottom: causes, what may be printed, configuration, rules, network, hops, a gateway's
configuration, output, and the command line. Then follow the rules for files and the tables, copied from the
handbook's schemas by a program.
"""

from __future__ import annotations

import os
import sys

if sys.version_info < (3, 9):
    sys.stderr.write("gateway_doctor.py: this is Python %d.%d; it needs 3.9 or newer\n" % sys.version_info[:2])
    sys.exit(2)
if __name__ == "__main__":  # what lies beside this file, or in the folder we are in, is not to be imported
    _beside = {os.path.realpath(os.path.dirname(os.path.abspath(__file__))), os.path.realpath(os.curdir)}
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or os.curdir) not in _beside]

import argparse
import base64
import difflib
import fnmatch
import hashlib
import http.client
import importlib
import io
import ipaddress
import json
import re
import socket
import ssl
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

VERSION = "1"
yaml: Any = None  # PyYAML, once --gateway-config needs it


# ==== Causes ===============================================================================


class Cause(NamedTuple):
    """What can be wrong. ``severity``: error (it does not work, or not as meant), warning (it works, and something
    else goes wrong), note (good to know). ``prints``: how Claude Code's own message begins; empty when it prints
    none for it. ``page``: where the handbook explains it."""

    severity: str
    what: str
    prints: str
    do: str
    page: str


TUNNEL = "API Error: Couldn't connect through your proxy (ERR_PROXY_TUNNEL)"
REFUSED = "API Error: Connection refused — a firewall or proxy may be blocking it (ECONNREFUSED)"
NO_NAME = "API Error: Can't reach the API server — check your internet or DNS (ENOTFOUND)"
NO_TLS = "API Error: Unable to connect to API"
UNTRUSTED = f"{NO_TLS}: Self-signed certificate detected"
UNVERIFIED = f"{NO_TLS}: SSL certificate verification failed"
LOGGED_OUT = "Not logged in · Please run /login"
DENIED = "Failed to authenticate. API Error:"
MODEL = "There's an issue with the selected model"
MALFORMED = "API Error: API returned an empty or malformed response (HTTP 200)"
LEFT_OUT = "did not load"

# Pages of the handbook, by their path on its site.
LOCAL, PROXY, SHARED = "patterns/local-gateway/", "patterns/proxy/", "patterns/shared-gateway/"
GATEWAY_PROXY, THROUGH_PROXY = "patterns/local-gateway-proxy/", "patterns/gateway-via-proxy/"
SETTINGS, CLIENT, RUN = "settings/", "security/client/", "operate/run/"

#: Every cause by its id, in the order in which causes of one severity are told. Ids are stable. The rules for files
#: (RULES, at the end) are causes too; FILE_RULES says where one of them differs from its rule.
CAUSES: dict[str, Cause] = {
    # what is set
    "managed-broken": Cause(
        "error",
        "a managed settings file cannot be read",
        "could not be parsed",
        "tell your administrator; until it is repaired, Claude Code does not start",
        SETTINGS,
    ),
    "settings-unreadable": Cause("error", "a settings file cannot be read", LEFT_OUT, "make it a plain file of JSON that you may read", SETTINGS),
    "force-login": Cause(
        "error",
        "managed settings demand Anthropic's own login, and a gateway's credential is set",
        "This machine's managed settings require a first-party login",
        "ask your administrator to remove forceLoginMethod and forceLoginOrgUUID, or use no gateway",
        SETTINGS,
    ),
    "proxy-url": Cause(
        "error",
        "the proxy's address is no URL",
        "Invalid proxy URL in",
        "percent-encode the login in it (@ is %40, : is %3A, / is %2F, # is %23); Claude Code prints the whole value, so change the password if others saw it",
        PROXY,
    ),
    "proxy-scheme": Cause(
        "error",
        "Claude Code speaks no SOCKS",
        "API Error: Unable to connect to API (UnsupportedProxyProtocol)",
        "set the address of an HTTP proxy, http://host:port",
        PROXY,
    ),
    "client-known-bad": Cause("error", "this release of Claude Code does not work with gateways", "", "install a release of the table on the page", LOCAL),
    "credential-empty": Cause("error", "the gateway's credential is empty", LOGGED_OUT, "put the gateway's key into ANTHROPIC_AUTH_TOKEN", LOCAL),
    "credential-missing": Cause(
        "error",
        "an address of a gateway is set, and no credential for it",
        LOGGED_OUT,
        "set ANTHROPIC_AUTH_TOKEN to the gateway's key; /login signs in to Anthropic and not to the gateway",
        LOCAL,
    ),
    "credential-form": Cause("error", "the credential cannot be right", DENIED, "write the credential alone, as it was given to you", LOCAL),
    "helper-fails": Cause("error", "apiKeyHelper fails", "apiKeyHelper failed:", "run the command by hand until it prints the key and nothing else", SETTINGS),
    "helper-slow": Cause("error", "apiKeyHelper does not end in time", "", "run the command by hand; it must not ask for anything", SETTINGS),
    "helper-output": Cause(
        "error",
        "apiKeyHelper prints something else than one credential",
        "apiKeyHelper failed:",
        "let it print the key alone, on one line, and everything else to its standard error",
        SETTINGS,
    ),
    "login-to-gateway": Cause(
        "error",
        "no credential for the gateway is set, so Claude Code sends it your saved login",
        "",
        "set ANTHROPIC_AUTH_TOKEN to the gateway's key; whoever runs the gateway can use your login meanwhile",
        SETTINGS,
    ),
    "token-without-address": Cause(
        "error",
        "ANTHROPIC_AUTH_TOKEN is set, and no address of a gateway, so Anthropic gets the token",
        "",
        "set ANTHROPIC_BASE_URL to the gateway's address",
        LOCAL,
    ),
    "project-proxy": Cause(
        "warning",
        "this folder's settings choose the proxy",
        "",
        "read the folder's .claude; if you agree with it, move the proxy into user settings, because here it comes too late for the first requests",
        PROXY,
    ),
    "project-address": Cause(
        "warning",
        "this folder's settings choose where your prompts and your key go",
        "",
        "read the folder's .claude; if you agree with it, run the doctor with --trust-project",
        "settings/#trust",
    ),
    "project-helper": Cause(
        "warning",
        "this folder's settings run a program for the key",
        "",
        "read it before you start Claude Code here; with --trust-project the doctor runs it",
        "settings/#trust",
    ),
    "value-overridden": Cause("warning", "a settings file beats another value of yours", "", "set it in one place, the one that wins", SETTINGS),
    "proxies-differ": Cause("warning", "two variables name different proxies", "", "set all of them to the same address", PROXY),
    "all-proxy": Cause("warning", "ALL_PROXY alone reaches only some of Claude Code's requests", "", "set HTTPS_PROXY", PROXY),
    "no-proxy-form": Cause(
        "warning",
        "NO_PROXY means the gateway in a form that Claude Code does not read alike everywhere",
        "",
        "write the host's full name, or its domain with a dot before it, separated by commas",
        PROXY,
    ),
    "no-proxy-python": Cause(
        "note",
        "other programs read this NO_PROXY otherwise than Claude Code does",
        "",
        "write the host's full name, or its domain with a dot before it, separated by commas",
        PROXY,
    ),
    "ca-file": Cause("error", "the file of certificate authorities cannot be used", NO_TLS, "name a PEM file that you may read, with its full path", PROXY),
    "ca-home": Cause("error", "~ means nothing in a settings file, so the certificate authority is not loaded", NO_TLS, "write the full path", PROXY),
    "client-certificate": Cause(
        "error", "the client certificate or its key cannot be used", "", "name PEM files that you may read, and the right passphrase", SHARED
    ),
    "key-to-anthropic": Cause(
        "warning",
        "a gateway's key in ANTHROPIC_API_KEY is shown to api.anthropic.com too",
        "",
        "put it into ANTHROPIC_AUTH_TOKEN",
        "settings/#what-goes-past-a-gateway",
    ),
    "login-beside": Cause(
        "note",
        "a saved login stands beside the gateway's credential",
        "auth may not work as expected",
        "nothing, as long as the credential stays set; claude /logout removes the login",
        SETTINGS,
    ),
    "client-old": Cause("warning", "this release of Claude Code is older than repairs that matter with gateways", "", "update Claude Code", LOCAL),
    "client-missing": Cause("note", "no Claude Code was found in PATH", "", "install it, or start the doctor where the claude command works", LOCAL),
    # the way to the proxy
    "proxy-name": Cause("error", "the proxy's name is not known", NO_NAME, "correct the name, or connect to the company's network or VPN", PROXY),
    "proxy-refused": Cause("error", "nothing listens at the proxy's address", REFUSED, "correct host and port; start the helper if there is one", PROXY),
    "proxy-silent": Cause("error", "the proxy does not answer", "", "correct host and port, or connect to the company's network or VPN", PROXY),
    "proxy-garbage": Cause("error", "what listens at the proxy's address is no HTTP proxy", TUNNEL, "correct host and port", PROXY),
    "proxy-tls": Cause(
        "error", "the proxy's own certificate is not accepted", TUNNEL, "write http:// before the proxy's address unless it is reached by TLS", PROXY
    ),
    "proxy-login-missing": Cause("error", "the proxy wants a login (407)", TUNNEL, "put the login into the proxy's URL, percent-encoded", PROXY),
    "proxy-login-wrong": Cause(
        "error", "the proxy refuses the login (407)", TUNNEL, "correct name and password before you try again: many tries lock accounts", PROXY
    ),
    "proxy-login-kind": Cause(
        "error",
        "the proxy offers no login that Claude Code knows (407)",
        TUNNEL,
        "use a helper that logs in to it, such as cntlm, and name the helper as the proxy",
        "patterns/proxy/#if-the-proxy-speaks-ntlm",
    ),
    "proxy-excludes-gateway": Cause(
        "error", "the proxy does not reach the gateway, and the gateway can be reached without it", TUNNEL, "add the gateway's host to NO_PROXY", THROUGH_PROXY
    ),
    "proxy-forbids": Cause(
        "error", "the proxy does not allow this host (403)", TUNNEL, "ask whoever runs the proxy to allow the host and port; no setting of yours helps", PROXY
    ),
    "proxy-upstream": Cause(
        "error", "the proxy cannot reach the host", TUNNEL, "ask whoever runs the proxy; the host may be down, or its name unknown there", PROXY
    ),
    "proxy-answer": Cause(
        "error", "the proxy answers a request for a tunnel with something else", TUNNEL, "ask whoever runs the proxy, and show the status", PROXY
    ),
    "loopback-through-proxy": Cause("error", "requests to your own machine go to the proxy", TUNNEL, "set NO_PROXY to localhost,127.0.0.1", GATEWAY_PROXY),
    # the way to the gateway
    "name": Cause("error", "the host's name is not known", NO_NAME, "correct the address, or connect to the company's network or VPN", LOCAL),
    "name-slow": Cause(
        "error", "the name server does not answer", NO_NAME, "check the network; behind a proxy, set HTTPS_PROXY, and the proxy looks the name up", PROXY
    ),
    "refused": Cause("error", "nothing listens at the gateway's address", REFUSED, "start the gateway, or correct host and port", LOCAL),
    "unreachable": Cause("error", "there is no way to the host", "", "check the network or VPN; behind a proxy, set HTTPS_PROXY", PROXY),
    "silent": Cause(
        "error", "the host does not answer", "", "check the network or VPN; behind a proxy, set HTTPS_PROXY; a firewall may drop what you send", PROXY
    ),
    "tls-no-tls": Cause(
        "error",
        "the address says https, and the port speaks no TLS",
        "API Error: Unable to connect to API (EPROTO)",
        "write http:// for a gateway on your own machine, or the port with TLS",
        SHARED,
    ),
    "tls-wanted": Cause("error", "the address says http, and the port speaks TLS", "Connection dropped (ECONNRESET)", "write https:// in the address", SHARED),
    "tls-inspected": Cause(
        "error",
        "the connection is signed by an authority that is not trusted here, and it runs through a proxy or leads to Anthropic: TLS is inspected",
        NO_TLS,
        "set NODE_EXTRA_CA_CERTS to the full path of your company's authority, a PEM file",
        PROXY,
    ),
    "tls-authority": Cause(
        "error",
        "the certificate is signed by an authority that is not trusted here",
        NO_TLS,
        "set NODE_EXTRA_CA_CERTS to the full path of the gateway's authority, a PEM file",
        SHARED,
    ),
    "tls-self-signed": Cause(
        "error",
        "the certificate is signed by itself",
        UNTRUSTED,
        "set NODE_EXTRA_CA_CERTS to that certificate, or give the gateway one of your company's authority",
        SHARED,
    ),
    "tls-chain": Cause(
        "error",
        "the server leaves out a certificate between its own and the authority",
        UNVERIFIED,
        "let whoever runs the gateway serve the whole chain",
        SHARED,
    ),
    "tls-host": Cause(
        "error",
        "the certificate is for another host",
        "API Error: Unable to connect to API: SSL certificate hostname mismatch",
        "use the name that the certificate is for",
        SHARED,
    ),
    "tls-expired": Cause("error", "the certificate has expired", NO_TLS, "let whoever runs the gateway renew it; check your clock", SHARED),
    "tls-early": Cause("error", "the certificate is not valid yet", NO_TLS, "check your clock", SHARED),
    "tls-old": Cause("error", "the server speaks only TLS older than 1.2", NO_TLS, "let whoever runs the gateway allow TLS 1.2", SHARED),
    "tls-client": Cause("error", "the server wants a client certificate", "", "set CLAUDE_CODE_CLIENT_CERT and CLAUDE_CODE_CLIENT_KEY", SHARED),
    "tls-fails": Cause("error", "TLS cannot be agreed on", NO_TLS, "ask whoever runs the gateway, and show the error", SHARED),
    "dropped": Cause(
        "error",
        "the connection is closed without an answer",
        "Connection dropped (ECONNRESET)",
        "ask whoever runs the gateway or the proxy; a firewall may cut it",
        SHARED,
    ),
    "garbage": Cause("error", "what listens there answers no HTTP", "", "correct host and port", LOCAL),
    "slow": Cause("error", "the connection stands, and no answer comes", "", "look at the gateway's log; it may hang, or wait for something behind it", RUN),
    # the gateway
    "redirect": Cause("error", "the gateway answers with a redirect", DENIED, "set the address that it leads to; the credential is lost on the way", SHARED),
    "web-page": Cause(
        "error",
        "a web page answers, and no API: a sign-in page, or another server",
        MALFORMED,
        "open the address in a browser; sign in to the network, or correct the address",
        LOCAL,
    ),
    "path": Cause(
        "error",
        "there is no Messages API at this address (404)",
        MODEL,
        "correct the path in the address; Claude Code adds /v1/messages to it. The message speaks of the model, and means the path",
        LOCAL,
    ),
    "gateway-no-key": Cause(
        "error", "LiteLLM takes the request for one without a key (500)", "API Error: 500", "see which header the gateway reads the key from", LOCAL
    ),
    "key-refused": Cause(
        "error",
        "the gateway does not know this key",
        DENIED,
        "compare it with the gateway's own; LiteLLM without a database says No connected db. for it",
        LOCAL,
    ),
    "key-header": Cause("error", "the gateway reads the key from the other header", DENIED, "move the key to the other variable", SETTINGS),
    "key-forbidden": Cause(
        "error",
        "the gateway knows the key and does not allow this",
        "Failed to authenticate. API Error: 403",
        "ask whoever runs the gateway what the key may do",
        SHARED,
    ),
    "filter": Cause(
        "error",
        "something in front of the gateway refuses the request (403, a web page)",
        "Failed to authenticate. API Error: 403",
        "let whoever runs it exempt /v1/messages from the inspection of bodies; it is not your key",
        SHARED,
    ),
    "body-limit": Cause(
        "error",
        "a request of ordinary size is too large for a hop (413)",
        "Request too large (max 32MB)",
        "raise the limit of each hop to 40 MB, such as nginx's client_max_body_size",
        SHARED,
    ),
    "limited": Cause("error", "the gateway refuses because of a limit (429)", "API Error: Request rejected (429)", "wait, or have the limit raised", RUN),
    "gateway-down": Cause("error", "the server in front cannot reach the gateway (502, 503, 504)", "API Error: 50", "look at the gateway behind it", SHARED),
    "gateway-error": Cause("error", "the gateway fails (5xx)", "API Error: 5", "look at the gateway's log", RUN),
    "gateway-known-bad": Cause(
        "error",
        "the gateway is a release that steals credentials or was withdrawn",
        "",
        "stop it, change every key it could read, and install the pinned release",
        LOCAL,
    ),
    "gateway-old": Cause("warning", "the gateway is older than repairs of its security", "", "install the pinned release", LOCAL),
    "unexpected": Cause("error", "the gateway answers with a status that no API of this kind has", "", "look at the gateway's log", LOCAL),
    "encoding": Cause(
        "error",
        "the answer is compressed although nobody asked for that, or cannot be read",
        MALFORMED,
        "let the gateway, or the proxy before it, leave answers as they are",
        SHARED,
    ),
    # models and answers
    "model": Cause(
        "error",
        "the gateway does not serve a model that Claude Code asks for",
        MODEL,
        "add it to the gateway under this name, or set ANTHROPIC_MODEL to one that it serves",
        LOCAL,
    ),
    "model-background": Cause(
        "warning",
        "the gateway does not serve the model of Claude Code's background work",
        "",
        "add it to the gateway under this name, or set ANTHROPIC_DEFAULT_HAIKU_MODEL to one that it serves",
        LOCAL,
    ),
    "model-alias": Cause(
        "note",
        "the gateway does not serve models that /model offers",
        "",
        "add them to the gateway, or set ANTHROPIC_DEFAULT_OPUS_MODEL and its sisters",
        LOCAL,
    ),
    "error-form": Cause(
        "warning",
        "the gateway's errors have a form that Claude Code does not understand",
        "",
        "let the gateway pass the provider's errors on unchanged",
        SHARED,
    ),
    "provider-leg": Cause(
        "warning",
        "the gateway counts tokens by itself, which LiteLLM does when it cannot ask the provider",
        "",
        "run with --probe to see the provider's answer; the gateway's log tells more",
        RUN,
    ),
    # with --probe
    "provider-key": Cause("error", "the provider refuses the gateway's key", DENIED, "give the gateway the right key of the provider; yours is right", LOCAL),
    "provider-fails": Cause(
        "error",
        "the gateway gets no answer of the provider",
        "API Error: 5",
        "look at the gateway's log: its network, its proxy, its certificates",
        GATEWAY_PROXY,
    ),
    "provider-limit": Cause(
        "error", "the provider refuses because of a limit (429, 529)", "API Error: Request rejected (429)", "wait, or have the limit raised", RUN
    ),
    "beta": Cause(
        "warning",
        "the gateway or the provider refuses a field that Claude Code sends, such as context_management",
        "API Error: 400",
        "update the gateway; until then set CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS to 1",
        SHARED,
    ),
    "request-refused": Cause("error", "a request like Claude Code's is refused", "API Error: 400", "look at the gateway's log", LOCAL),
    "stream-held": Cause(
        "warning", "the answer comes in one piece, so a hop holds it back", "", "switch buffering off at every hop, such as nginx's proxy_buffering off", SHARED
    ),
    "stream-none": Cause(
        "error", "the gateway answers a request for a stream without one", MALFORMED, "let the gateway pass text/event-stream through", SHARED
    ),
    "stream-cut": Cause(
        "error",
        "the stream ends before the answer does",
        "API Error: Connection to the API was lost (ECONNRESET)",
        "look for a hop with a short time limit",
        SHARED,
    ),
}
#: Rules for files whose severity, message or page differs: id -> (severity, what Claude Code prints, page).
FILE_RULES: dict[str, tuple[str, str, str]] = {
    "json-syntax": ("error", LEFT_OUT, SETTINGS),
    "json-empty": ("error", LEFT_OUT, SETTINGS),
    "json-no-mapping": ("error", LEFT_OUT, SETTINGS),
    "base-url-v1": ("error", MODEL, LOCAL),
    "base-url-form": ("error", "", LOCAL),
    "base-url-http": ("warning", "", SHARED),
    "provider-and-base-url": ("error", "API Error: Could not load AWS credentials", SETTINGS),
    "both-credentials": ("warning", "", SETTINGS),
    "credential-in-project": ("warning", "", CLIENT),
    "credential-in-local": ("warning", "", CLIENT),
    "helper-in-project": ("warning", "", "settings/#trust"),
    "literal-secret": ("warning", "", CLIENT),
    "tls-off": ("warning", "", CLIENT),
    "skip-without-url": ("warning", "", SETTINGS),
    "json-duplicate-key": ("warning", "", SETTINGS),
    "unknown-key": ("note", "", SETTINGS),
}
#: A finding on the left explains one on the right, which is then left out: nobody has to repair it.
EXPLAINS: dict[str, tuple[str, ...]] = {
    "base-url-v1": ("path", "web-page", "unexpected"),
    "base-url-form": ("credential-missing",),
    "credential-form": ("key-refused", "key-header"),
    "ca-file": ("tls-inspected", "tls-authority", "tls-self-signed", "tls-chain"),
    "ca-home": ("tls-inspected", "tls-authority", "tls-self-signed", "tls-chain", "ca-file"),
    "key-refused": ("gateway-no-key",),
    "gateway-known-bad": ("gateway-old",),
    "tls-off": ("tls-inspected", "tls-authority", "tls-self-signed", "tls-chain", "tls-host", "tls-expired", "tls-early"),
    "provider-key": ("provider-leg",),
    "provider-fails": ("provider-leg",),
    "provider-limit": ("provider-leg",),
    "request-refused": ("provider-leg",),
}


NO_WAY = ("name", "name-slow", "refused", "unreachable", "silent", "dropped")
NO_PROXY_THERE = ("proxy-name", "proxy-refused", "proxy-silent", "proxy-garbage", "proxy-tls")
NOT_TRUSTED = ("tls-inspected", "tls-authority", "tls-self-signed", "tls-chain")
#: (a finding, and the variable it is about or any) -> others of which it is the cause; it is then as severe as they are, and told before them.
MAKES_WORSE: dict[tuple[str, str], tuple[str, ...]] = {
    ("value-overridden", "ANTHROPIC_BASE_URL"): (*NO_WAY, "path", "web-page", "key-refused", "garbage", "tls-no-tls", "tls-wanted", *NOT_TRUSTED),
    ("value-overridden", "ANTHROPIC_AUTH_TOKEN"): ("key-refused", "key-forbidden", "credential-form"),
    ("value-overridden", "ANTHROPIC_API_KEY"): ("key-refused", "key-forbidden", "credential-form"),
    **{("value-overridden", name): NO_PROXY_THERE for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")},
    ("value-overridden", "NODE_EXTRA_CA_CERTS"): (*NOT_TRUSTED, "ca-file", "ca-home"),
    ("proxies-differ", ""): (*NO_PROXY_THERE, "proxy-login-missing", "proxy-login-wrong"),
    ("all-proxy", ""): NO_WAY,
    ("no-proxy-form", ""): ("proxy-upstream", "proxy-forbids", "proxy-excludes-gateway"),
    ("credential-in-local", ""): ("both-credentials",),
}
SEVERITIES = ("error", "warning", "note")


@dataclass
class Finding:
    """``seen`` is the evidence of this run; ``where`` the file, variable or hop."""

    id: str
    severity: str
    what: str
    seen: str
    where: str
    prints: str
    do: str
    page: str


@dataclass
class Findings:
    """All findings of a run, each cause and place once."""

    found: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def add(self, cause: str, seen: str, where: str = "", prints: str = "") -> None:
        told = CAUSES[cause]
        self.found.setdefault((cause, where), Finding(cause, told.severity, told.what, seen, where, prints or told.prints, told.do, told.page))

    def add_rule(self, rule: RuleFinding, where: str, page: str = SETTINGS) -> None:
        """A finding of the rules for files; its message is what is wrong, a semicolon, and what to do. A rule's notice stays a note."""
        severity, prints, page = FILE_RULES.get(rule.rule, ("error", "", page))
        parts = rule.message.split("; ")
        wrong = RULES[rule.rule]["message"].count("; ") + 1
        what, do = "; ".join(parts[:wrong]), "; ".join(parts[wrong:])
        seen = f"{where}, line {rule.line}" if rule.line else where
        self.found.setdefault((rule.rule, where), Finding(rule.rule, severity if rule.severity == "error" else "note", what, seen, where, prints, do, page))

    def has(self, *causes: str) -> bool:
        return any(cause in causes for cause, _ in self.found)

    def in_order(self) -> list[Finding]:
        """Errors first; among those of one severity, in the order of CAUSES. What another finding explains is left out."""
        for (cause, where), finding in self.found.items():
            follow = MAKES_WORSE.get((cause, where), MAKES_WORSE.get((cause, ""), ()))
            severities = [finding.severity, *(other.severity for other in self.found.values() if other.id in follow)]
            finding.severity = min(severities, key=SEVERITIES.index)
        explained = {consequence for cause, _ in self.found for consequence in EXPLAINS.get(cause, ())}
        order = {cause: number for number, cause in enumerate(CAUSES)}
        kept = [finding for finding in self.found.values() if finding.id not in explained]
        return sorted(kept, key=lambda finding: (SEVERITIES.index(finding.severity), order.get(finding.id, RULE_PLACE)))


#: Where findings of the rules for files stand among the others: after what keeps Claude Code from starting.
RULE_PLACE = 6


# ==== What may be printed ====================================================================


class Redactor:
    """Takes credentials out of everything that is printed. Known values go, and whatever looks like one."""

    SHAPES = re.compile(
        r"(?i:(bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}|[0-9a-fA-F]{32,}|(?=[A-Za-z0-9_-]*[a-z])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{16,}"
    )
    HIDDEN = "[hidden]"

    def __init__(self) -> None:
        self.secrets: set[str] = set()

    def add(self, value: str) -> None:
        """Remember a credential, and the forms in which it may come back."""
        value = value.strip()[:20_000]
        forms = {
            value,
            value.lower(),
            *value.split()[:20],
            unquote(value),
            quote(value, safe="", errors="surrogatepass"),
            json.dumps(value)[1:-1],
            repr(value)[1:-1],
        }
        forms.add(base64.b64encode(value.encode("utf-8", "surrogatepass")).decode())
        self.secrets |= {form for form in forms if len(form) >= 4}

    def add_url(self, value: str) -> None:
        """Remember the login in a URL, also in one that cannot be read, and a whole value that is no address at all."""
        if not re.search(r"[.:/]", value):
            self.add(value)
        login = re.match(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?/*(.*)@", value, re.DOTALL)
        if login:
            name, _, password = login.group(1).partition(":")
            for part in (login.group(1), name if not password else "", password):
                if part:
                    self.add(part)
            self.secrets.add(base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode("utf-8", "surrogatepass")).decode())
        for part in re.findall(r"[?&#][^=&#\s]*=?([^&#\s]+)", value):
            self.add(part)

    def clean(self, text: Any, at_most: int = 600) -> str:
        """A text as it may be printed: without credentials, and without characters that steer a terminal."""
        result = str(text)[:20_000]
        for secret in sorted(self.secrets, key=len, reverse=True):
            result = result.replace(secret, self.HIDDEN)
        result = secrets_shapes().sub(self.HIDDEN, result)
        result = self.SHAPES.sub(self.HIDDEN, result)
        result = "".join(char if char.isprintable() else " " if char in "\n\r\t" else "?" for char in result)
        result = re.sub(" {2,}", " ", result).strip()
        return result if len(result) <= at_most else result[: at_most - 4] + " ..."


def shown_url(value: str) -> str:
    """An address without login, query and fragment; says so when it is none."""
    try:
        parts = urlsplit(value.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return "(no address)"
    if not host or not re.fullmatch(r"[\w.:%-]+", host) or parts.scheme.lower() not in ("http", "https", "socks", "socks4", "socks5", "socks5h"):
        return "(no address)"
    login = "(login)@" if "@" in parts.netloc else ""
    return f"{parts.scheme}://{login}{bracketed(host)}{f':{port}' if port else ''}{parts.path if re.fullmatch('[A-Za-z0-9._~/-]*', parts.path) else '/...'}"


def host_of(address: str) -> str:
    """The host that an address names; empty when it is none."""
    try:
        return urlsplit(address.strip()).hostname or ""
    except ValueError:
        return ""


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


# ==== Configuration: which value counts, and where it comes from ==================================


#: Where a value can stand, the strongest first. Source: https://code.claude.com/docs/en/settings; measured on the page Settings.
SCOPES = ("managed", "command-line", "local", "project", "user", "shell")
#: Of these, whoever can write into the folder decides, and not you.
FROM_FOLDER = ("local", "project")
#: A file with more than this is no settings file, and looking for misspellings in it would take long.
LARGEST, LONGEST_TEXT, MOST_NAMES = 1_000_000, 5_000, 300  # bytes, characters of one value, names in one object
PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")  # the first that is set counts
ADDRESSES = (
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_BEDROCK_MANTLE_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "ANTHROPIC_FOUNDRY_BASE_URL",
    "ANTHROPIC_AWS_BASE_URL",
)
CREDENTIALS = ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")
MODEL_NAMES = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
)
FILES = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY")
SWITCHES = (
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_ANTHROPIC_AWS",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS",
    "CLAUDE_CODE_CERT_STORE",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "CLAUDE_CODE_MAX_RETRIES",
    "API_TIMEOUT_MS",
)
#: What is listed, in this order. Anything else is not shown at all.
LISTED = (*ADDRESSES, *CREDENTIALS, "ANTHROPIC_CUSTOM_HEADERS", *PROXIES, "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", *FILES, *MODEL_NAMES, *SWITCHES)
SETTINGS_LISTED = ("apiKeyHelper", "model", "forceLoginMethod", "forceLoginOrgUUID")


@dataclass
class Value:
    """A value that counts. ``others``: the scopes of weaker values, and whether they say the same."""

    value: str
    scope: str
    place: str
    others: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def from_folder(self) -> bool:
        return self.scope in FROM_FOLDER


@dataclass
class Source:
    """One place that was read: its text, or why there is none."""

    scope: str
    place: str
    text: str | None
    problem: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class Unreadable(Exception):
    """Why a file cannot be read, in a few words."""


def read_file(path: str, largest: int = LARGEST) -> str:
    """The text of a plain file. Raises Unreadable; FileNotFoundError when there is none."""
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise Unreadable("it is a folder")
        if not stat.S_ISREG(mode):
            raise Unreadable("it is no plain file")
        with open(path, "rb") as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as problem:
        raise Unreadable((getattr(problem, "strerror", None) or "its name cannot be used").lower()) from None
    if len(content) > largest:
        raise Unreadable(f"it is larger than {largest // 1_000_000} MB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None


def source(scope: str, path: str) -> Source | None:
    """What stands in a file; None when there is no such file."""
    try:
        return Source(scope, path, read_file(path))
    except FileNotFoundError:
        return None
    except Unreadable as problem:
        return Source(scope, path, None, str(problem))


def managed_sources() -> list[Source]:
    """What the administrator set, the strongest first. Source: https://code.claude.com/docs/en/managed-settings"""
    if sys.platform == "win32":
        folder = r"C:\Program Files\ClaudeCode"
    elif sys.platform == "darwin":
        folder = "/Library/Application Support/ClaudeCode"
    else:
        folder = "/etc/claude-code"
    found = [*policies("machine")]
    try:
        names = sorted(name for name in os.listdir(os.path.join(folder, "managed-settings.d")) if name.endswith(".json"))
    except OSError:
        names = []
    for path in [*(os.path.join(folder, "managed-settings.d", name) for name in reversed(names)), os.path.join(folder, "managed-settings.json")]:
        one = source("managed", path)
        found += [one] if one else []
    return found or policies("user")


def policies(of: str) -> list[Source]:
    """What the operating system's own policies hold; only Windows and macOS have any."""
    if sys.platform == "win32":
        import winreg

        hive = winreg.HKEY_LOCAL_MACHINE if of == "machine" else winreg.HKEY_CURRENT_USER
        place = ("HKLM" if of == "machine" else "HKCU") + r"\SOFTWARE\Policies\ClaudeCode"
        try:
            with winreg.OpenKey(hive, r"SOFTWARE\Policies\ClaudeCode") as key:
                return [Source("managed", place, str(winreg.QueryValueEx(key, "Settings")[0]))]
        except OSError:
            return []
    if sys.platform == "darwin" and of == "machine":
        import plistlib

        for path in ("/Library/Managed Preferences/com.anthropic.claudecode.plist",):
            try:
                with open(path, "rb") as file:
                    return [Source("managed", path, json.dumps(plistlib.load(file), default=str))]
            except (OSError, ValueError, plistlib.InvalidFileException):
                continue
    return []


def home() -> str:
    return os.path.expanduser("~")


def config_folder() -> str:
    return os.environ.get("CLAUDE_CONFIG_DIR") or os.path.join(home(), ".claude")


def settings_sources(given: str | None) -> list[Source]:
    """Every settings file that Claude Code would read here, the strongest first."""
    found = managed_sources()
    user = os.path.join(config_folder(), "settings.json")
    places = [("local", os.path.join(".claude", "settings.local.json")), ("project", os.path.join(".claude", "settings.json")), ("user", user)]
    if given is not None:
        one = source("command-line", given)
        found.append(one or Source("command-line", given, None, "there is no such file"))
    for scope, path in places:
        if scope == "project" and same_file(path, user):
            continue  # in the home folder, the user's own file stands where a project's would
        one = source(scope, path)
        found += [one] if one else []
    return found


def same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


@dataclass
class Configuration:
    """What counts for a start of Claude Code in this folder and this terminal."""

    sources: list[Source]
    variables: dict[str, Value] = field(default_factory=dict)
    settings: dict[str, Value] = field(default_factory=dict)

    def get(self, name: str) -> str:
        """A variable's value; empty when it is not set, or set to nothing."""
        return self.variables[name].value if name in self.variables else ""

    def on(self, name: str) -> bool:
        return self.get(name).strip().lower() in SETTINGS_ON

    def first(self, *names: str) -> tuple[str, Value] | None:
        """The first of these variables that is not empty."""
        return next(((name, self.variables[name]) for name in names if self.get(name)), None)

    def from_folder(self, name: str) -> bool:
        return name in self.variables and self.variables[name].from_folder


def configuration(sources: list[Source], shell: Mapping[str, str]) -> Configuration:
    """Put every value in its place. The data of files that can be read is expected in ``sources``."""
    result = Configuration(sources)
    known_names = known("claude-code")["env"]["properties"]
    for scope in SCOPES:
        if scope == "shell":
            tables = [("your shell", {name: value for name, value in shell.items() if name in known_names or name.startswith(SETTINGS_OWN)}, {})]
        else:
            here = [one for one in sources if one.scope == scope]
            tables = [(one.place, settings_mapping(one.data.get("env")), one.data) for one in here]
        for place, variables, data in tables:
            for name, raw in variables.items():
                value = settings_text(raw)
                if value is not None and isinstance(name, str):
                    place_value(result.variables, name, Value(value, scope, place))
            for name in SETTINGS_LISTED:
                if isinstance(data.get(name), str):
                    place_value(result.settings, name, Value(data[name], scope, place))
    return result


def place_value(table_: dict[str, Value], name: str, value: Value) -> None:
    if name in table_:
        table_[name].others.append((value.scope, value.value == table_[name].value))
    else:
        table_[name] = value


def settings_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def learn_secrets(hide: Redactor, sources: Iterable[Source], shell: Mapping[str, str]) -> None:
    """Tell the redactor every credential there is, whether it counts or not."""
    for name, value in shell.items():
        learn(hide, name, value)
    for one in sources:
        for path, value in document_leaves(one.data):
            if isinstance(value, str):
                learn(hide, str(path[-1]), value)


def learn(hide: Redactor, name: str, value: str) -> None:
    upper = name.upper()
    if upper in ("ANTHROPIC_CUSTOM_HEADERS", "APIKEYHELPER") or name == "apiKeyHelper":
        for part in re.split(r"[\s:=\"']+", value):
            if len(part) >= 8 and upper != "APIKEYHELPER":
                hide.add(part)
    elif upper in words("credentials") or secrets_named(name) or upper.endswith(("PASSPHRASE", "PASSWORD", "SECRET", "TOKEN", "_KEY")):
        if value.lower() not in ("", "true", "false", "0", "1") and not value.startswith(("/", "~")):
            hide.add(value)
    elif upper.endswith(("_PROXY", "_URL")):
        hide.add_url(value)


# ---- what is needed of it ------------------------------------------------------------------------


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy. ``login`` is its Basic login, name:password, or empty."""

    variable: str
    scheme: str
    host: str
    port: int
    login: str

    @property
    def shown(self) -> str:
        return f"{bracketed(self.host)}:{self.port}"


def proxy_of(variable: str, value: str) -> Proxy:
    """Read a proxy's address as Claude Code does. Raises ValueError with a reason that says nothing of the value."""
    value = value.strip().replace("\\", "/")
    try:
        parts = urlsplit(value if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", value) else f"http://{value}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("its host or port is malformed") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError("its scheme is not http")
    if not host or re.search(r"[\s<>^|`{}\"]", host):
        raise ValueError("it names no host")
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username or parts.password else ""
    return Proxy(variable, parts.scheme.lower(), host, port or (443 if parts.scheme.lower() == "https" else 80), login)


def share_through_proxy(host: str, port: int, exceptions: str) -> str:
    """How many of Claude Code's requests to a host go through the proxy: all, some or none. Measured on the page "Behind a proxy"."""
    found = "all"
    host = host.lower().rstrip(".")
    for entry in re.split(r"[\s,]+", exceptions.lower()):
        name, _, wanted = entry.rpartition(":") if re.fullmatch(r"[^:]+:\d+|\[.*\]:\d+", entry) else (entry, "", "")
        name = name.strip("[]")
        if not name or (wanted and wanted != str(port)):
            continue
        if name in ("*", host) or (name.startswith(".") and (host.endswith(name) or host == name[1:])) or in_network(host, name):
            return "none"
        if host.endswith(f".{name.lstrip('*').lstrip('.')}"):
            found = "some"
    return found


def in_network(host: str, network: str) -> bool:
    """Whether an address is in a network; never for a name."""
    try:
        return "/" in network and ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def others_through_proxy(host: str, port: int, exceptions: str) -> dict[str, bool]:
    """Whether other programs would use the proxy. Source: urllib.request.proxy_bypass_environment, curl's noproxy.c."""
    host = host.lower()
    if exceptions.strip() == "*":
        return {"curl": False, "Python": False}
    python = [entry.strip().lstrip(".").lower() for entry in exceptions.split(",") if entry.strip()]
    curl = [entry.lstrip(".").lower() for entry in re.split(r"[\s,]+", exceptions) if entry]
    matches: Callable[[str], bool] = lambda name: host == name or host.endswith(f".{name}") or f"{host}:{port}" == name  # noqa: E731
    return {"curl": not any(matches(name) or in_network(host, name) for name in curl), "Python": not any(matches(name) for name in python)}


@dataclass
class Target:
    """Where Claude Code sends its requests. ``variable`` is empty for Anthropic itself."""

    scheme: str
    host: str
    port: int
    path: str
    variable: str
    speaks: str  # messages: Anthropic's API; other: another provider's
    value: Value | None = None

    @property
    def shown(self) -> str:
        return f"{self.scheme}://{bracketed(self.host)}:{self.port}"

    @property
    def loopback(self) -> bool:
        return settings_loopback(self.host)


ANTHROPIC = "api.anthropic.com"


def target_of(config: Configuration) -> Target | None:
    """Where the requests go; None when the address cannot be read, or is one that the doctor does not know."""
    for entry in words("providers"):
        if config.on(entry["flag"]):
            if not config.get(entry["url"]):
                return None
            speaks = "messages" if entry["url"] in words("messages_urls") and entry["flag"] != "CLAUDE_CODE_USE_FOUNDRY" else "other"
            return parsed_target(config, entry["url"], "other" if speaks == "messages" and not config.get("ANTHROPIC_AUTH_TOKEN") else speaks)
    if config.get("ANTHROPIC_BASE_URL"):
        return parsed_target(config, "ANTHROPIC_BASE_URL", "messages")
    return Target("https", ANTHROPIC, 443, "", "", "messages")


def parsed_target(config: Configuration, variable: str, speaks: str) -> Target | None:
    value = config.variables[variable]
    if settings_no_address(value.value):
        return None
    parts = urlsplit(value.value.strip())
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return None
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
    return Target(scheme, host, parts.port or (443 if scheme == "https" else 80), path, variable, speaks, value)


@dataclass
class Credential:
    """What Claude Code would send: a bearer token, a key, or both. ``of`` names the variables, for people."""

    bearer: str = ""
    key: str = ""
    of: str = ""

    def headers(self) -> dict[str, str]:
        found = {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}
        return {**found, "x-api-key": self.key} if self.key else found

    def swapped(self) -> Credential | None:
        """The same credential in the other header, when it is in one only."""
        return Credential(self.key, self.bearer, self.of) if bool(self.bearer) != bool(self.key) else None


def saved_login() -> str:
    """Where a login is saved, in words; empty when none is found. What it says is not read into anything."""
    try:
        text = read_file(os.path.join(config_folder(), ".credentials.json"))
        if settings_mapping(settings_mapping(json.loads(text)).get("claudeAiOauth")).get("accessToken"):
            return os.path.join(config_folder(), ".credentials.json")
    except (OSError, Unreadable, ValueError, RecursionError):
        pass
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    path = os.path.join(folder, ".claude.json") if folder else os.path.join(home(), ".claude.json")
    try:
        data = settings_mapping(json.loads(read_file(path, 20_000_000)))
    except (OSError, Unreadable, ValueError, RecursionError):
        return ""
    if data.get("primaryApiKey"):
        return path
    return f"the keychain, by {path}" if sys.platform == "darwin" and data.get("oauthAccount") else ""


#: What a helper may print. Source: https://code.claude.com/docs/en/errors
HELPER_LONGEST = 16_384
HELPER_SECONDS = 10


def run_helper(command: str, findings: Findings, hide: Redactor, where: str) -> str:
    """What apiKeyHelper prints; empty with a finding when that is no credential."""
    options: dict[str, Any] = {} if os.name == "nt" else {"start_new_session": True}
    try:
        process = subprocess.Popen(command, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)
    except (OSError, ValueError) as problem:
        findings.add("helper-fails", f"it cannot be started: {getattr(problem, 'strerror', None) or 'its command is malformed'}", where)
        return ""
    output: list[bytes] = []

    def read() -> None:
        assert process.stdout is not None
        output.append(process.stdout.read(HELPER_LONGEST * 4))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(HELPER_SECONDS)
    try:
        process.wait(0.5 if reader.is_alive() else 2)
    except subprocess.TimeoutExpired:
        pass
    if reader.is_alive() or process.returncode is None:
        end_group(process)
        findings.add("helper-slow", f"it still ran after {HELPER_SECONDS} seconds and was ended", where)
        return ""
    text = (output[0] if output else b"").decode("utf-8", "replace")
    value = text.strip()
    for part in (value, *value.split()):
        hide.add(part)
    if process.returncode != 0:
        findings.add("helper-fails", f"it ended with status {process.returncode}", where)
    elif not value:
        findings.add("helper-fails", "it printed nothing", where)
    elif not re.fullmatch(r"[\x21-\x7e]+", value) or len(value) > HELPER_LONGEST:
        findings.add(
            "helper-output", f"it printed {len(value)} characters in {len(value.splitlines())} lines, not one line of plain characters without spaces", where
        )
    else:
        return value
    return ""


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a helper and what it started."""
    import signal

    try:
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        pass


# ==== Rules: what is wrong with the configuration, before anything is sent ========================


#: Rules about several values together; they are asked of what counts, not of each file.
TOGETHER = ("both-credentials", "provider-and-base-url", "two-providers", "skip-without-url", "url-without-provider")


def known(program: str) -> dict[str, Any]:
    """What a program reads: name of a section -> its schema."""
    found: dict[str, Any] = SCHEMAS[f"known/{program}.json"]["$defs"]
    return found


def words(name: str) -> Any:
    """A list of names the rules look for."""
    return WORDS[name]


def table(name: str) -> Any:
    return SCHEMAS[name]


def rules() -> dict[str, dict[str, Any]]:
    return RULES


def client_models() -> tuple[str, list[str]]:
    """What Claude Code asks a gateway for: the model of its background work, and every id."""
    return MODELS["default"], MODELS["ids"]


def unpacked(value: Any) -> Any:
    """Data as it was before it was written close: under ``*`` stand a value and the keys that have it."""
    if isinstance(value, list):
        return [unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {key: unpacked(item) for key, item in value.items() if key != "*"}
    for shared, names in value.get("*", []):
        result.update(dict.fromkeys(" ".join(names).split(" "), unpacked(shared)))
    return result


def check_file(text: str, kind: str, filename: str = "", env: Mapping[str, str] | None = None) -> tuple[list[RuleFinding], dict[str, Any]]:
    """Everything wrong with a file's text by the rules for files, and its data. ``kind`` is one of SOURCE_KINDS."""
    of = Kind(kind, filename)
    report = Report(of)
    document = document_parse(text, of.language, report)
    if document is None:
        return report.findings(), {}
    report.lines = document.lines
    (litellm_check if of.program == "litellm" else settings_check)(document, report, env)
    return report.findings(), document.data


class Wrong(NamedTuple):
    """A place where a schema is not kept."""

    absolute_path: tuple[Any, ...]
    validator: str
    validator_value: Any
    schema: Mapping[str, Any]
    instance: Any


class Validator:
    """The part of JSON Schema that the schemas below use. Source: https://json-schema.org/draft/2020-12/schema"""

    TYPES: dict[str, Callable[[Any], bool]] = {
        "object": lambda value: isinstance(value, dict),
        "array": lambda value: isinstance(value, list),
        "string": lambda value: isinstance(value, str),
        "boolean": lambda value: isinstance(value, bool),
        "null": lambda value: value is None,
        "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
        "integer": lambda value: (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer()),
    }
    LEAST: dict[str, type] = {"minItems": list, "minLength": str, "minProperties": dict}

    def __init__(self, name: str) -> None:
        self.name = name

    def iter_errors(self, data: Any) -> Iterator[Wrong]:
        return self._errors(data, table(self.name), self.name, ())

    def _errors(self, value: Any, schema: Mapping[str, Any], root: str, path: tuple[Any, ...]) -> Iterator[Wrong]:
        for word, wanted in schema.items():
            if word == "$ref":
                target, _, pointer = wanted.partition("#")
                found = table(target or root)
                for part in pointer.strip("/").split("/"):
                    found = found[part]
                yield from self._errors(value, found, target or root, path)
            elif word == "properties" and isinstance(value, dict):
                for key, item in wanted.items():
                    if key in value:
                        yield from self._errors(value[key], item, root, (*path, key))
            elif word == "items" and isinstance(value, list):
                for index, item in enumerate(value):
                    yield from self._errors(item, wanted, root, (*path, index))
            elif word == "additionalProperties" and isinstance(value, dict) and isinstance(wanted, dict):
                for key in value:
                    if key not in schema.get("properties", {}):
                        yield from self._errors(value[key], wanted, root, (*path, key))
            elif self._fails(word, wanted, value):
                yield Wrong(path, word, wanted, schema, value)

    def _fails(self, word: str, wanted: Any, value: Any) -> bool:
        if word == "type":
            return not any(self.TYPES[kind](value) for kind in ([wanted] if isinstance(wanted, str) else wanted))
        if word == "enum":
            return not any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in wanted)
        if word == "pattern":
            return isinstance(value, str) and not re.search(wanted, value)
        if word == "required":
            return isinstance(value, dict) and any(key not in value for key in wanted)
        return word in self.LEAST and isinstance(value, self.LEAST[word]) and len(value) < wanted


def too_much(value: Any) -> str:
    """Why data is no settings file's; empty when it may be one."""
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return f"it holds a value of more than {LONGEST_TEXT} characters"
    if isinstance(value, dict) and len(value) > MOST_NAMES:
        return f"it holds more than {MOST_NAMES} names in one place"
    parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    return next((why for why in map(too_much, parts) if why), "")


def judge_files(sources: list[Source], findings: Findings) -> None:
    """The rules for files, for each settings file; fills in what it holds."""
    for one in sources:
        if one.text is not None:
            try:
                one.problem = too_much(json.loads(one.text))
            except (ValueError, RecursionError):
                pass  # the rules say what is wrong with it
            one.text = None if one.problem else one.text
        if one.text is None:
            findings.add("managed-broken" if one.scope == "managed" else "settings-unreadable", f"{one.place}: {one.problem}", one.place)
            continue
        found, one.data = check_file(one.text, f"{one.scope}-settings" if one.scope != "command-line" else "user-settings", one.place)
        for finding in found:
            if one.scope == "managed" and finding.rule in ("json-syntax", "json-no-mapping"):
                findings.add("managed-broken", f"{one.place}, line {finding.line}: {finding.message}", one.place)
            elif finding.rule not in TOGETHER:
                findings.add_rule(finding, f"{finding.path or 'the file'} in {one.place}")


def judge_shell(shell: Mapping[str, str], config: Configuration, findings: Findings) -> None:
    """The rules for values, for the variables of the shell that count, and misspelt names."""
    ours = re.compile(r"(?i)^(anthropic_|claude_|(https?|no|all)_?proxy$|node_(extra|tls))")
    names = [name for name in shell if ours.match(name) or keys_near(name.upper(), LISTED)]
    variables = {name: shell[name] for name in names if len(name) + len(shell[name]) <= LONGEST_TEXT}
    counting = {name for name, value in config.variables.items() if value.scope == "shell"}
    found, _ = check_file(json.dumps({"env": variables}), "user-settings")
    for finding in found:
        name = finding.path.partition(".")[2]
        if finding.rule not in (*TOGETHER, "variable-unknown", "literal-secret", "setting-inside") and (
            name in counting or finding.rule == "variable-misspelt"
        ):
            findings.add_rule(RuleFinding(finding.severity, finding.rule, name, 0, finding.message.replace("env.", "", 1)), f"{name} in your shell")


def judge_together(config: Configuration, findings: Findings) -> None:
    """The rules about several values, for what counts."""
    together = {name: value.value for name, value in config.settings.items()}
    report = Report(Kind("user-settings", ""))
    settings_conflicts(together, {name: value.value for name, value in config.variables.items()}, report)
    for finding in report.findings():
        name = finding.path.rpartition(".")[2]
        value = config.variables.get(name) or config.settings.get(name)
        findings.add_rule(
            RuleFinding(finding.severity, finding.rule, name, 0, finding.message.replace("env.", "")), f"{name} of {value.place if value else 'what is set'}"
        )


def judge_values(config: Configuration, findings: Findings) -> None:
    """What the rules for one file cannot see: where values come from, files that they name, and the saved login."""
    for name in (*ADDRESSES, "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", *PROXIES, "NODE_EXTRA_CA_CERTS"):
        value = config.variables.get(name)
        if value and value.value and any(not same for _, same in value.others):
            weaker = ", ".join(dict.fromkeys(scope for scope, same in value.others if not same))
            findings.add("value-overridden", f"{name}: {value.scope} ({value.place}) beats {weaker}", name)
    if config.get("ANTHROPIC_BASE_URL"):
        judge_login(config, findings)
    elif config.get("ANTHROPIC_AUTH_TOKEN") and not any(config.on(entry["flag"]) for entry in words("providers")):
        findings.add("token-without-address", f"ANTHROPIC_AUTH_TOKEN of {config.variables['ANTHROPIC_AUTH_TOKEN'].place}", "ANTHROPIC_AUTH_TOKEN")
    elif address_misspelt(findings) and config.get("ANTHROPIC_API_KEY") and not config.get("ANTHROPIC_API_KEY").strip().startswith("sk-ant-"):
        place = config.variables["ANTHROPIC_API_KEY"].place
        findings.add("key-to-anthropic", f"ANTHROPIC_API_KEY of {place}, and no address of a gateway that is read", "ANTHROPIC_API_KEY")
    forced = [name for name in ("forceLoginMethod", "forceLoginOrgUUID") if name in config.settings and config.settings[name].scope == "managed"]
    if forced and (config.get("ANTHROPIC_AUTH_TOKEN") or config.get("ANTHROPIC_API_KEY") or "apiKeyHelper" in config.settings):
        findings.add("force-login", f"{forced[0]} in {config.settings[forced[0]].place}", forced[0])
    judge_proxy(config, findings)
    judge_certificates(config, findings)


def address_misspelt(findings: Findings) -> bool:
    """Whether somebody meant to name a gateway."""
    return any(finding.id == "variable-misspelt" and "ANTHROPIC_BASE_URL" in finding.do for finding in findings.found.values())


def judge_login(config: Configuration, findings: Findings) -> None:
    """Whether there is a credential for the gateway, and whether another one goes there or elsewhere."""
    if host_of(config.get("ANTHROPIC_BASE_URL")) == ANTHROPIC:
        return
    login = saved_login()
    names = [name for name in CREDENTIALS if config.get(name).strip()]
    headers = config.get("ANTHROPIC_CUSTOM_HEADERS")
    if not names and "apiKeyHelper" not in config.settings and not (headers and settings_header_credential(headers)):
        if login:
            findings.add("login-to-gateway", f"a login is saved in {login}", "ANTHROPIC_AUTH_TOKEN")
        elif any(name in config.variables for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY")):
            empty = [name for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY") if name in config.variables]
            findings.add("credential-empty", ", ".join(f"{name} is empty in {config.variables[name].place}" for name in empty), empty[0])
        else:
            findings.add(
                "credential-missing", "ANTHROPIC_BASE_URL is set; ANTHROPIC_AUTH_TOKEN, ANTHROPIC_API_KEY and apiKeyHelper are not", "ANTHROPIC_AUTH_TOKEN"
            )
    elif login and names:
        findings.add("login-beside", f"{names[0]} is sent; a login is saved in {login}", "login")
    if config.get("ANTHROPIC_API_KEY") and not config.get("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"):
        findings.add("key-to-anthropic", f"ANTHROPIC_API_KEY of {config.variables['ANTHROPIC_API_KEY'].place}", "ANTHROPIC_API_KEY")


def judge_proxy(config: Configuration, findings: Findings) -> None:
    used = config.first(*PROXIES)
    if used is None:
        if config.first("ALL_PROXY", "all_proxy"):
            findings.add("all-proxy", "ALL_PROXY is set, HTTPS_PROXY is not", "ALL_PROXY")
        return
    name, value = used
    scheme = re.match(r"\s*(socks\w*)", value.value, re.IGNORECASE)
    if scheme:
        findings.add("proxy-scheme", f"{name} of {value.place} starts with {scheme.group(1).lower()}", name)
    else:
        try:
            proxy_of(name, value.value)
        except ValueError as problem:
            findings.add("proxy-url", f"{name} of {value.place}: {problem}", name)
    if value.from_folder:
        findings.add("project-proxy", f"{name} in {value.place}", name)
    same_kind = {config.get(other).strip() for other in ("https_proxy", "HTTPS_PROXY") if config.get(other)}
    if len(same_kind) > 1:
        findings.add("proxies-differ", f"https_proxy and HTTPS_PROXY differ; {name} counts", name)


def judge_certificates(config: Configuration, findings: Findings) -> None:
    value = config.variables.get("NODE_EXTRA_CA_CERTS")
    if value and value.value and not value.from_folder:
        problem = certificates_problem(value.value)
        if value.value.startswith("~") and problem:
            findings.add("ca-home", f"NODE_EXTRA_CA_CERTS of {value.place} starts with ~", "NODE_EXTRA_CA_CERTS")
        elif problem:
            said = "Ignoring extra certs from" if value.scope == "shell" else ""  # of a settings file's it says nothing
            findings.add("ca-file", f"NODE_EXTRA_CA_CERTS of {value.place}: {problem}", "NODE_EXTRA_CA_CERTS", said)
    for name in ("CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY"):
        value = config.variables.get(name)
        if value and value.value and not value.from_folder:
            try:
                read_file(value.value)
            except FileNotFoundError:
                findings.add("client-certificate", f"{name} of {value.place}: there is no such file", name)
            except Unreadable as problem:
                findings.add("client-certificate", f"{name} of {value.place}: {problem}", name)


def certificates(text: str) -> str:
    """The certificates in a text, without what stands between them."""
    mark = "-----{} (?:TRUSTED )?CERTIFICATE-----"
    return "\n".join(re.findall(mark.format("BEGIN") + r"[A-Za-z0-9+/=\s]+" + mark.format("END"), text))


def certificates_problem(path: str) -> str:
    """Why a file of certificate authorities is of no use; empty when it can be loaded."""
    try:
        text = read_file(path, 20_000_000)
    except FileNotFoundError:
        return "there is no such file"
    except Unreadable as problem:
        return str(problem)
    if not certificates(text):
        return "it holds no certificate in PEM form"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=certificates(text))
    except (ssl.SSLError, ValueError):
        return "its certificates cannot be read"
    return ""


# ---- the programs --------------------------------------------------------------------------------


def release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def client_version() -> tuple[str, str]:
    """(version, path) of the claude command in PATH; empty where not found. It is looked up, and not run."""
    names = ("claude.exe", "claude.cmd", "claude") if os.name == "nt" else ("claude",)
    for folder in os.get_exec_path():
        if not os.path.isabs(folder):
            continue  # such as the folder we are in
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                return installed_version(path), path
    return "", ""


def installed_version(path: str) -> str:
    """The version that an installation's own files name: its package.json, or the name of the program's file."""
    real = os.path.realpath(path)
    if re.fullmatch(r"\d+\.\d+\.\d+", os.path.basename(real)):
        return os.path.basename(real)
    folder = os.path.dirname(real)
    places = [os.path.join(os.path.dirname(path), "node_modules", "@anthropic-ai", "claude-code")]
    for _ in range(4):
        places.append(folder)
        folder = os.path.dirname(folder)
    for place in places:
        try:
            data = settings_mapping(json.loads(read_file(os.path.join(place, "package.json"))))
        except (OSError, Unreadable, ValueError, RecursionError):
            continue
        if str(data.get("name", "")).startswith("@anthropic-ai/claude-code") and re.fullmatch(r"\d+\.\d+\.\d+", str(data.get("version"))):
            return str(data["version"])
    return ""


def judge_client(version: str, path: str, findings: Findings) -> None:
    if not path:
        findings.add("client-missing", "no claude in PATH", "claude")
    for bad in KNOWN_BAD["claude-code"]:
        if version and release(bad["version"]) <= release(version) <= release(bad.get("to", bad["version"])):
            findings.add("client-known-bad", f"{version}: {bad['why']}", "claude")
    if version and release(version) < release(FLOOR["claude-code"]):
        findings.add("client-old", f"{version} is older than {FLOOR['claude-code']}", "claude")


def judge_gateway_version(version: str, findings: Findings) -> None:
    for bad in KNOWN_BAD["litellm"]:
        if release(bad["version"]) == release(version):
            findings.add("gateway-known-bad", f"LiteLLM {version}: {bad['why']}", "gateway")
    if release(version) and release(version) < release(FLOOR["litellm"]):
        findings.add("gateway-old", f"LiteLLM {version} is older than {FLOOR['litellm']}", "gateway")


#: Older releases have holes or faults that matter here. Sources: the advisories on the page "Local gateway", and
#: https://github.com/anthropics/claude-code/blob/main/CHANGELOG.md (2.1.153: a gateway could get your login).
FLOOR = {"litellm": "1.104.0", "claude-code": "2.1.153"}


# ==== Network: connections that end in time =======================================================


STEP = 6.0  # seconds for a name, a connection, a tunnel or a handshake
ANSWER = 20.0  # seconds for an answer that costs nothing
LARGEST_ANSWER = 1_000_000  # bytes that are read of one
#: A body above the usual limits of 1 MB (nginx, aiohttp) and 2 MB (axum). Bytes.
LARGE_BODY = 2_500_000
#: Verification errors of OpenSSL's. Source: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
EXPIRED, EARLY, SELF_SIGNED, IN_CHAIN, WRONG_HOST = (10,), (9,), (18,), (18, 19), (62, 64)
#: Organisations that sign for the public; anybody else who signs for Anthropic inspects.
PUBLIC = (
    "Google Trust Services",
    "Let's Encrypt",
    "DigiCert",
    "Amazon",
    "Sectigo",
    "GlobalSign",
    "Cloudflare",
    "Microsoft",
    "Entrust",
    "ISRG",
    "Internet Security Research Group",
    "IdenTrust",
    "GoDaddy",
    "SSL Corp",
)


class Stopped(Exception):
    """A hop at which the path ends: its cause, what was seen, and what Claude Code prints where that differs from CAUSES."""

    def __init__(self, cause: str, seen: str, prints: str = "") -> None:
        super().__init__(cause)
        self.cause, self.seen, self.prints = cause, seen, prints


class NotSeen(Exception):
    """What lies behind this hop cannot be looked at; that is no fault."""


class Clock:
    """The time that is left for a run. Raises TimeoutError when there is none."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def within(self, seconds: float) -> Clock:
        """A clock that ends after some seconds, or with this one."""
        other = Clock(seconds)
        other.end = min(other.end, self.end)
        return other


class Wire(io.RawIOBase):
    """A socket for http.client that keeps to a clock however slowly the other side drips."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self.sock, self.clock = sock, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(self.clock.left())
        return self.sock.recv_into(buffer)

    def sendall(self, data: Any) -> None:
        self.sock.settimeout(self.clock.left())
        self.sock.sendall(data)

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(self)

    def close(self) -> None:
        """http.client closes its file before we have read it all; close_socket ends the connection."""

    def close_socket(self) -> None:
        try:
            self.sock.close()
        except OSError:
            pass


def addresses(host: str, port: int, clock: Clock) -> list[Any]:
    """What a name stands for. Raises OSError when it is unknown, TimeoutError when nobody says."""
    found: list[Any] = []

    def look() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as problem:
            found.append(problem)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(clock.left())
    if not found:
        raise TimeoutError
    if isinstance(found[0], UnicodeError):
        raise OSError("the name cannot be looked up")
    if isinstance(found[0], OSError):
        raise found[0]
    return list(found[0])


def tcp(host: str, port: int, found: list[Any], clock: Clock) -> socket.socket:
    """The first connection that stands. Raises the last error."""
    last: OSError = OSError("no address")
    for number, (family, kind, protocol, _, address) in enumerate(found[:6]):
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as problem:
            last = problem
            continue
        try:
            sock.settimeout(clock.left() / (len(found[:6]) - number))
            sock.connect(address)
            return sock
        except OSError as problem:
            sock.close()
            last = problem
    raise last


# ---- certificates --------------------------------------------------------------------------------


@dataclass
class Certificate:
    """What is told of one: names of organisation and person, as they stand in it."""

    subject: str = ""
    issuer: str = ""


#: Object identifiers, as bytes: common name, organisation. Source: RFC 5280, appendix A.
COMMON_NAME, ORGANISATION = b"\x55\x04\x03", b"\x55\x04\x0a"


def der_parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(tag, content) of each element in a piece of DER. Raises IndexError or ValueError when it is none."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length > 127:
            size = length - 128
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("cut")
        yield tag, data[at : at + length]
        at += length


def der_name(data: bytes) -> str:
    """``organisation, common name`` of a Name."""
    names: dict[bytes, str] = {}
    for _, relative in der_parts(data):
        for _, pair in der_parts(relative):
            (_, kind), (tag, value) = list(der_parts(pair))[:2]
            names[kind] = value.decode("utf-16-be" if tag == 0x1E else "utf-8", "replace")
    return ", ".join(dict.fromkeys(names[kind] for kind in (ORGANISATION, COMMON_NAME) if names.get(kind)))


def certificate(der: bytes | None) -> Certificate:
    """Who a certificate is for and who signed it; empty where it cannot be read. Source: RFC 5280, section 4.1."""
    try:
        (_, whole), *_ = der_parts(der or b"")
        (_, signed), *_ = der_parts(whole)
        parts = [part for part in der_parts(signed) if part[0] != 0xA0]  # the version may be left out
        return Certificate(der_name(parts[4][1]), der_name(parts[2][1]))
    except (IndexError, ValueError, TypeError):
        return Certificate()


@dataclass
class Trust:
    """Which authorities are believed: the system's, and those of files. ``extra`` is what NODE_EXTRA_CA_CERTS holds."""

    context: ssl.SSLContext
    extra: bool = False


def trust(config: Configuration, trusted_folder: bool) -> Trust:
    """What Claude Code would believe, as far as Python can tell: the authorities that Claude Code brings are not Python's."""
    context = ssl.create_default_context()
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)  # newer Pythons refuse what Node and Bun accept
    extra = False
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        value = config.variables.get(name)
        if value and value.value and (trusted_folder or not value.from_folder) and not certificates_problem(value.value):
            context.load_verify_locations(cadata=certificates(read_file(value.value, 20_000_000)))
            extra = extra or name == "NODE_EXTRA_CA_CERTS"
    pair = [config.get(name) for name in ("CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY")]
    if pair[0] and (trusted_folder or not any(config.from_folder(name) for name in ("CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY"))):
        try:
            context.load_cert_chain(pair[0], pair[1] or None, lambda: config.get("CLAUDE_CODE_CLIENT_KEY_PASSPHRASE") or "-")
        except (OSError, ValueError):
            raise Stopped("client-certificate", "CLAUDE_CODE_CLIENT_CERT and CLAUDE_CODE_CLIENT_KEY cannot be loaded together") from None
    return Trust(context, extra)


def believing_nothing() -> ssl.SSLContext:
    """For looking at a certificate that is not accepted. Nothing is sent over such a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


# ==== Hops: from here to an answer ===============================================================


@dataclass
class Hop:
    """One step of the path. ``outcome``: ok, failed or skipped."""

    name: str
    outcome: str
    seen: str
    seconds: float = 0.0


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def page(self) -> bool:
        """Whether it is a web page."""
        return self.kind == "text/html" or self.body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head"))

    def data(self) -> Any:
        try:
            return json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError):
            return None

    def message(self) -> str:
        """What the error says, whatever its form."""
        data = self.data()
        if isinstance(data, dict):
            error = data.get("error")
            told = error.get("message") if isinstance(error, dict) else error or data.get("message") or data.get("detail")
            return str(told) if told else ""
        return "" if self.page else self.body[:5000].decode("utf-8", "replace")


@dataclass
class Route:
    """How a target is reached, and every hop of the first connection."""

    target: Target
    proxy: Proxy | None
    trust: Trust
    clock: Clock
    hops: list[Hop]
    sent: list[tuple[str, str]]
    progress: Callable[[str], None]
    known_addresses: list[Any] | None = None
    told: set[str] = field(default_factory=set)

    # Steps ---------------------------------------------------------------------------------

    def ok(self, name: str, seen: str, began: float) -> None:
        if name not in self.told:
            self.told.add(name)
            self.hops.append(Hop(name, "ok", seen, time.monotonic() - began))

    def socket_to(self, host: str, port: int, through: bool) -> socket.socket:
        """A connection to the proxy (``through``) or to the target itself."""
        began, clock = time.monotonic(), self.clock.within(STEP)
        what = "proxy name" if through else "name"
        self.progress(f"{what} {host}")
        try:
            if self.known_addresses is None:
                self.known_addresses = addresses(host, port, clock)
            numbers = list(dict.fromkeys(str(entry[4][0]) for entry in self.known_addresses))
            self.ok(what, f"{host} is {', '.join(numbers[:3])}", began)
        except TimeoutError:
            raise Stopped("proxy-name" if through else "name-slow", f"no answer for {host} within {STEP:.0f} seconds") from None
        except OSError as problem:
            raise Stopped("proxy-name" if through else "name", f"{host}: {(problem.strerror or 'unknown').lower()}") from None
        began, clock = time.monotonic(), self.clock.within(STEP)
        self.progress(f"connection to {host}:{port}")
        try:
            sock = tcp(host, port, self.known_addresses, clock)
            self.ok("proxy connection" if through else "connection", f"{bracketed(host)}:{port}", began)
            return sock
        except TimeoutError:
            raise Stopped("proxy-silent" if through else "silent", f"{bracketed(host)}:{port}: no answer within {STEP:.0f} seconds") from None
        except ConnectionRefusedError:
            raise Stopped("proxy-refused" if through else "refused", f"{bracketed(host)}:{port}: connection refused") from None
        except (OSError, OverflowError) as problem:
            text = (getattr(problem, "strerror", None) or "it cannot be reached").lower()
            raise Stopped("proxy-silent" if through else "unreachable", f"{bracketed(host)}:{port}: {text}") from None

    def raw(self, host: str = "", port: int = 0) -> socket.socket:
        """A connection over which TLS, or a plain request, can be spoken with the target or another host behind the same proxy."""
        host, port = host or self.target.host, port or self.target.port
        if self.proxy is None:
            return self.socket_to(host, port, False)
        sock = self.socket_to(self.proxy.host, self.proxy.port, True)
        if self.proxy.scheme == "https":
            sock = self.tls_to_proxy(sock)
        if self.target.scheme == "http":
            return sock
        try:
            self.tunnel(sock, host, port)
        except BaseException:
            sock.close()
            raise
        return sock

    def tls_to_proxy(self, sock: socket.socket) -> socket.socket:
        assert self.proxy is not None
        began = time.monotonic()
        try:
            sock.settimeout(self.clock.within(STEP).left())
            wrapped = self.trust.context.wrap_socket(sock, server_hostname=self.proxy.host)
        except (OSError, ValueError) as problem:
            sock.close()
            raise Stopped("proxy-tls", f"{self.proxy.shown}: {tls_reason(problem)}") from None
        self.ok("proxy tls", self.proxy.shown, began)
        return wrapped

    def tunnel(self, sock: socket.socket, host: str, port: int) -> None:
        """Ask the proxy for a tunnel. Raises Stopped with what its answer means."""
        assert self.proxy is not None
        began, at = time.monotonic(), f"{bracketed(host)}:{port}"
        self.progress(f"tunnel to {at}")
        wire = Wire(sock, self.clock.within(ANSWER))
        basic = base64.b64encode(self.proxy.login.encode("utf-8", "surrogatepass")).decode()
        login = f"Proxy-Authorization: Basic {basic}\r\n" if self.proxy.login else ""
        try:
            wire.sendall(f"CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n{login}\r\n".encode("utf-8"))
            answer = http.client.HTTPResponse(wire, method="CONNECT")  # type: ignore[arg-type]
            answer.begin()
        except TimeoutError:
            raise Stopped("proxy-silent", f"{self.proxy.shown} did not answer CONNECT {at} within {ANSWER:.0f} seconds") from None
        except (http.client.HTTPException, OSError, ValueError) as problem:
            raise Stopped("proxy-garbage", f"{self.proxy.shown} answered CONNECT {at} with {plain_problem(problem)}") from None
        note(self.sent, self.proxy.shown, "CONNECT" + (", with the proxy's login" if login else ""))
        kinds = [value.split()[0] for value in answer.headers.get_all("Proxy-Authenticate") or [] if value.split()]
        if answer.status == 200:
            offered = f", offers {', '.join(kinds)}" if kinds else ""
            self.ok("proxy", f"{self.proxy.shown} gives a tunnel to {at}{offered}", began)
            return
        raise self.refusal(answer.status, kinds, f"CONNECT {at}", host, port)

    def refusal(self, status: int, kinds: list[str], asked: str, host: str, port: int) -> Stopped:
        """What a proxy's answer other than 200 means."""
        assert self.proxy is not None
        seen = f"{self.proxy.shown} answered {asked} with {status}"
        if status == 407:
            offered = f"{seen}; it offers {', '.join(kinds) or 'nothing'}"
            if kinds and not any(kind.lower() == "basic" for kind in kinds):
                return Stopped("proxy-login-kind", offered)
            return Stopped("proxy-login-wrong" if self.proxy.login else "proxy-login-missing", offered)
        if host not in (ANTHROPIC, self.proxy.host) and self.directly(host, port):
            return Stopped("proxy-excludes-gateway", f"{seen}; {bracketed(host)}:{port} can be reached without it")
        if status in (401, 403, 405, 451):
            return Stopped("proxy-forbids", seen)
        return Stopped("proxy-upstream" if status in (500, 502, 503, 504) else "proxy-answer", seen)

    def directly(self, host: str, port: int) -> bool:
        """Whether a host can be connected to without the proxy. Nothing is sent."""
        try:
            clock = self.clock.within(3)
            tcp(host, port, addresses(host, port, clock), clock).close()
            return True
        except OSError:
            return False

    def secure(self, sock: socket.socket) -> socket.socket:
        """TLS with the target. Raises Stopped with the reason why not."""
        began, host = time.monotonic(), self.target.host
        if isinstance(sock, ssl.SSLSocket):
            sock.close()
            raise NotSeen("the proxy is reached by TLS and gives a tunnel; Python's library cannot speak TLS within it")
        self.progress(f"TLS with {host}")
        try:
            sock.settimeout(self.clock.within(STEP).left())
            wrapped = self.trust.context.wrap_socket(sock, server_hostname=host)
        except ssl.SSLCertVerificationError as problem:
            sock.close()
            raise self.mistrusted(problem.verify_code, problem.verify_message) from None
        except TimeoutError:
            sock.close()
            raise Stopped("silent", f"{self.target.shown}: no TLS within {STEP:.0f} seconds") from None
        except (ssl.SSLError, OSError, ValueError) as problem:
            sock.close()
            reason = tls_reason(problem)
            for cause, reasons in TLS_REASONS.items():
                if any(word in reason for word in reasons):
                    raise Stopped(cause, f"{self.target.shown}: {reason}") from None
            raise Stopped("tls-fails" if isinstance(problem, ssl.SSLError) else "dropped", f"{self.target.shown}: {reason}") from None
        signed = certificate(wrapped.getpeercert(True)).issuer
        inspected = host == ANTHROPIC and bool(signed) and not any(name.lower() in signed.lower() for name in PUBLIC)
        self.ok(
            "tls", f"{wrapped.version()}, signed by {signed or 'an authority'}{', which is no public authority: TLS is inspected' if inspected else ''}", began
        )
        return wrapped

    def look(self, host: str = "", port: int = 0) -> Certificate:
        """The certificate that is shown, believed or not; nothing is sent."""
        try:
            sock = self.raw(host, port)
        except Stopped:
            return Certificate()
        if isinstance(sock, ssl.SSLSocket):
            return Certificate()
        try:
            sock.settimeout(self.clock.within(STEP).left())
            with believing_nothing().wrap_socket(sock, server_hostname=host or self.target.host) as wrapped:
                return certificate(wrapped.getpeercert(True))
        except (OSError, ValueError):
            sock.close()
            return Certificate()

    def mistrusted(self, code: int, message: str) -> Stopped:
        """Why a certificate is not accepted."""
        shown = self.look()
        signed = f"{self.target.host}: {message}; the certificate is for {shown.subject or '?'}, signed by {shown.issuer or '?'}"
        if code in WRONG_HOST:
            return Stopped("tls-host", signed)
        if code in EXPIRED:
            return Stopped("tls-expired", signed)
        if code in EARLY:
            return Stopped("tls-early", signed)
        public = any(name.lower() in shown.issuer.lower() for name in PUBLIC)
        if public:
            return Stopped("tls-chain", signed)
        if self.trust.extra:
            signed += "; NODE_EXTRA_CA_CERTS is loaded, and does not hold this authority"
        prints = UNTRUSTED if code in IN_CHAIN else UNVERIFIED
        if self.target.host == ANTHROPIC:
            return Stopped("tls-inspected", signed, prints)
        if self.proxy is not None and shown.issuer:
            note(self.sent, ANTHROPIC, "a TLS handshake through the proxy, to compare who signs; no request")
            if self.look(ANTHROPIC, 443).issuer == shown.issuer:
                return Stopped("tls-inspected", f"{signed}, and so is the one for {ANTHROPIC}", prints)
        return Stopped("tls-self-signed" if code in SELF_SIGNED else "tls-authority", signed, prints)

    # Requests -------------------------------------------------------------------------------

    def open(self) -> socket.socket:
        sock = self.raw()
        return self.secure(sock) if self.target.scheme == "https" else sock

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None, seconds: float = ANSWER) -> Answer:
        """One request and its answer. Raises Stopped."""
        with self.asked(method, path, headers, body, seconds) as (answer, began):
            try:
                content = answer.read(LARGEST_ANSWER)
            except TimeoutError:
                raise Stopped("slow", f"{method} {path}: the answer did not end within {seconds:.0f} seconds") from None
            except (http.client.HTTPException, OSError, ValueError) as problem:
                raise Stopped("dropped", f"{method} {path}: the answer breaks off: {plain_problem(problem)}") from None
            told = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.status, told, content, time.monotonic() - began)

    def asked(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> Exchange:
        return Exchange(self, method, path, headers, body, seconds)


class Exchange:
    """``with Exchange(...) as (answer, began)``: a request was sent, and the head of the answer is there."""

    def __init__(self, route: Route, method: str, path: str, headers: Mapping[str, str], body: bytes | None, seconds: float) -> None:
        self.route, self.method, self.path, self.headers, self.body, self.seconds = route, method, path, headers, body, seconds
        self.wire: Wire | None = None

    def __enter__(self) -> tuple[http.client.HTTPResponse, float]:
        route, target = self.route, self.route.target
        sock = route.open()
        route.progress(f"{self.method} {self.path}")
        began = time.monotonic()
        self.wire = Wire(sock, route.clock.within(self.seconds))
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = self.wire  # type: ignore[assignment]
        whole = target.path + self.path
        secret = any(name.lower() in ("authorization", "x-api-key") for name in self.headers)
        note(route.sent, f"{target.shown}", f"{self.method} {self.path.partition('?')[0]}" + (" with the credential" if secret else ""))
        try:
            connection.putrequest(self.method, f"{target.shown}{whole}" if route.proxy and target.scheme == "http" else whole, skip_accept_encoding=True)
            for name, value in {"Accept": "application/json", "User-Agent": f"gateway-doctor/{VERSION}", "Connection": "close", **self.headers}.items():
                connection.putheader(name, value)
            if self.body is not None:
                connection.putheader("Content-Type", "application/json")
                connection.putheader("Content-Length", str(len(self.body)))
            connection.endheaders()
            try:
                self.wire.sendall(self.body or b"")
            except (BrokenPipeError, ConnectionResetError):
                pass  # who refuses a body may say so and close
            return connection.getresponse(), began
        except TimeoutError:
            self.close()
            raise Stopped("slow", f"{self.method} {self.path}: no answer within {self.seconds:.0f} seconds") from None
        except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError, http.client.IncompleteRead) as problem:
            self.close()
            raise self.closed(problem) from None
        except (http.client.HTTPException, OSError, ValueError) as problem:
            self.close()
            raise Stopped("garbage", f"{self.method} {self.path}: {plain_problem(problem)}") from None

    def closed(self, problem: Exception) -> Stopped:
        """The connection ended without an answer: why."""
        seen = f"{self.method} {self.path}: {plain_problem(problem)}"
        if "CERTIFICATE_REQUIRED" in tls_reason(problem) or "HANDSHAKE_FAILURE" in tls_reason(problem):
            return Stopped("tls-client", seen)
        if self.route.target.scheme == "https" and self.wants_certificate():
            return Stopped("tls-client", f"{self.route.target.shown} ends the connection when no client certificate is shown")
        if self.route.target.scheme == "http" and self.route.proxy is None and self.speaks_tls():
            return Stopped("tls-wanted", f"{self.route.target.shown} closes plain connections and speaks TLS")
        return Stopped("dropped", seen)

    def wants_certificate(self) -> bool:
        """TLS 1.3 says so after the handshake only, and what we had sent by then can hide it."""
        try:
            sock = self.route.open()
        except Stopped:
            return False
        try:
            sock.settimeout(self.route.clock.within(3).left())
            sock.recv(1)
        except OSError as problem:
            return "CERTIFICATE_REQUIRED" in tls_reason(problem)
        finally:
            sock.close()
        return False

    def speaks_tls(self) -> bool:
        try:
            sock = self.route.raw()
            sock.settimeout(self.route.clock.within(STEP).left())
            with believing_nothing().wrap_socket(sock, server_hostname=self.route.target.host):
                return True
        except (Stopped, OSError, ValueError):
            return False

    def close(self) -> None:
        if self.wire is not None:
            self.wire.close_socket()

    def __exit__(self, *_: object) -> None:
        self.close()


#: Words of OpenSSL's reasons -> cause.
TLS_REASONS = {
    "tls-no-tls": ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"),
    "tls-old": ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "DH_KEY_TOO_SMALL"),
    "tls-client": ("CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE"),
    "dropped": ("EOF", "closed"),
}


def tls_reason(problem: Exception) -> str:
    """OpenSSL's name of what went wrong, or the system's words."""
    reason = getattr(problem, "reason", None)
    if isinstance(reason, str) and reason:
        return reason
    return plain_problem(problem)


def plain_problem(problem: Exception) -> str:
    """A few words on an error; never what the other side sent."""
    if isinstance(problem, (http.client.RemoteDisconnected, BrokenPipeError)):
        return "the connection was closed without an answer"
    if isinstance(problem, ConnectionResetError):
        return "the connection was reset"
    if isinstance(problem, http.client.BadStatusLine):
        return "what it sent is no HTTP"
    if isinstance(problem, http.client.LineTooLong):
        return "a line without end"
    if isinstance(problem, http.client.IncompleteRead):
        return "less than announced"
    if isinstance(problem, http.client.HTTPException):
        return "too many headers, or other things that are no HTTP"
    strerror = getattr(problem, "strerror", None)
    return strerror.lower() if isinstance(strerror, str) else "an answer that cannot be read"


def note(sent: list[tuple[str, str]], where: str, what: str) -> None:
    if (where, what) not in sent:
        sent.append((where, what))


# ---- what the answers mean -----------------------------------------------------------------------


VERSION_HEADER = {"anthropic-version": "2023-06-01"}
#: What Claude Code sends beside the question; a gateway must let it through.
BETAS = {"anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27"}
#: Text with the tags and code that prompts of Claude Code's are full of, and that filters for web pages dislike.
LIKE_A_PROMPT = (
    "<system-reminder>\n<script>alert('not a real page')</script>\nSELECT name FROM users WHERE id = 1; -- import os; os.system('ls')\n</system-reminder>\n"
)


def judge(answer: Answer, asked: str, with_credential: bool, hide: Redactor) -> Stopped | None:
    """What is wrong, told by an answer to any request; None when the status is for the asker to judge."""
    said = hide.clean(answer.message(), 200)
    seen = f"{asked} was answered with {answer.status}" + (f": {said}" if said else f", {hide.clean(answer.kind, 60) or 'nothing'}")
    status = answer.status
    if status in (301, 302, 303, 307, 308):
        return Stopped("redirect", f"{seen.partition(',')[0].partition(':')[0]} and leads to {hide.clean(shown_url(answer.headers.get('location', '')), 200)}")
    if answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return Stopped("encoding", f"{asked} was answered in the encoding {hide.clean(answer.headers['content-encoding'], 40)}")
    if answer.page:
        if status == 400 and b"HTTPS port" in answer.body:
            return Stopped("tls-wanted", seen)
        if status in (400, 403) and b"SSL certificate" in answer.body:
            return Stopped("tls-client", seen)
        causes = {403: "filter", 413: "body-limit", 502: "gateway-down", 503: "gateway-down", 504: "gateway-down", 429: "limited"}
        if status in causes:
            return Stopped(causes[status], seen)
        if status not in (400, 404, 405) and status < 500:
            return Stopped("web-page", seen)
    if "no_db_connection" in answer.body[:2000].decode("utf-8", "replace") or said == "No connected db.":
        return Stopped("key-refused", seen, "API Error: 400 No connected db.") if with_credential else None
    if status in (401, 403):
        prints = LOGGED_OUT if status == 401 and "invalid x-api-key" in said else f"{DENIED} {status}"
        return Stopped("key-refused" if status == 401 else "key-forbidden", seen, prints) if with_credential else None
    causes = {413: "body-limit", 429: "limited", 529: "limited", 502: "gateway-down", 503: "gateway-down", 504: "gateway-down"}
    if status in causes:
        return Stopped(causes[status], seen)
    if status == 500 and answer.kind == "text/plain" and answer.body.strip() == b"Internal Server Error":
        return Stopped("gateway-no-key", seen) if with_credential else None
    if status >= 500:
        return Stopped("gateway-error", seen)
    return None


@dataclass
class Doctor:
    """One run: what was asked for, and what was found."""

    config: Configuration
    options: argparse.Namespace
    findings: Findings
    hide: Redactor
    clock: Clock
    progress: Callable[[str], None]
    hops: list[Hop] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    reads: list[tuple[str, str]] = field(default_factory=list)  # who would use the proxy for the gateway
    gateway: str = ""

    # The path -------------------------------------------------------------------------------

    def walk(self) -> None:
        """Follow the path as far as it goes."""
        target = target_of(self.config)
        if target is None:
            self.hops.append(Hop("path", "skipped", "no address that can be followed"))
            return
        proxy = self.proxy_for(target)
        if self.kept_back(target, proxy):
            return
        if self.wanted("proxy") or self.wanted("gateway"):
            try:
                route = Route(target, proxy, self.trust(target, proxy), self.clock, self.hops, self.sent, self.progress)
                self.follow(route)
            except Stopped as stop:
                self.stop(stop)
            except NotSeen as why:
                self.hops.append(Hop("tls", "skipped", str(why)))
            except TimeoutError:
                self.hops.append(Hop("path", "failed", f"the time of {self.options.timeout:.0f} seconds was used up"))
                self.findings.add("slow", f"the checks did not end within {self.options.timeout:.0f} seconds", "path")

    def trust(self, target: Target, proxy: Proxy | None) -> Trust:
        """Loading the system's authorities takes a moment, so only where there is TLS."""
        if "https" in (target.scheme, proxy.scheme if proxy else ""):
            return trust(self.config, self.options.trust_project)
        return Trust(believing_nothing())

    def wanted(self, group: str) -> bool:
        return not self.options.only or group in self.options.only

    def stop(self, stop: Stopped) -> None:
        self.hops.append(Hop("here it ends", "failed", stop.seen))
        self.findings.add(stop.cause, stop.seen, "path", stop.prints)

    def proxy_for(self, target: Target) -> Proxy | None:
        """The proxy that Claude Code uses for this target; tells how each program reads NO_PROXY."""
        used = self.config.first(*PROXIES)
        if used is None:
            return None
        try:
            proxy = proxy_of(used[0], used[1].value)
        except ValueError:
            return None
        exceptions = self.config.get("no_proxy") or self.config.get("NO_PROXY")
        share = share_through_proxy(target.host, target.port, exceptions)
        others = others_through_proxy(target.host, target.port, exceptions)
        self.reads = [("Claude Code", share), *((name, "all" if through else "none") for name, through in others.items())]
        if share == "some":
            self.findings.add("no-proxy-form", f"{target.host}: some of Claude Code's requests go through the proxy, some past it", "NO_PROXY")
        elif share == "none" and any(others.values()):
            names = " and ".join(name for name, through in others.items() if through)
            self.findings.add("no-proxy-python", f"{names} would go through the proxy to {target.host}; Claude Code goes past it", "NO_PROXY")
        return None if share == "none" else proxy

    def kept_back(self, target: Target, proxy: Proxy | None) -> bool:
        """Whether nothing may be sent: the folder chose the way, or it would leave the machine without need."""
        trusted = self.options.trust_project
        if target.value is not None and target.value.from_folder:
            self.findings.add("project-address", f"{target.variable} in {target.value.place} leads to {target.shown}", target.variable)
        untrusted = [
            name for name in (*ADDRESSES, *PROXIES, *(entry["flag"] for entry in words("providers"))) if self.config.get(name) and self.config.from_folder(name)
        ]
        if untrusted and not trusted:
            self.hops.append(
                Hop("path", "skipped", f"nothing was sent, because this folder's settings choose {', '.join(untrusted)}; read them, then say --trust-project")
            )
            if any(name not in PROXIES for name in untrusted) and not self.findings.has("project-address"):
                self.findings.add("project-address", f"this folder's settings choose {', '.join(untrusted)}", untrusted[0])
            return True
        if self.findings.has("proxy-scheme", "proxy-url"):
            self.hops.append(Hop("path", "skipped", "the proxy's address cannot be used"))
            return True
        if proxy is not None and target.loopback and not settings_loopback(proxy.host):
            self.findings.add(
                "loopback-through-proxy",
                f"{target.shown} is this machine, and {proxy.variable} sends it to {proxy.shown}; NO_PROXY does not name it",
                "NO_PROXY",
                f"{DENIED} 403" if target.scheme == "http" else "",
            )
            self.hops.append(Hop("path", "skipped", "requests to this machine would go to the proxy"))
            return True
        return False

    def follow(self, route: Route) -> None:
        """Hop by hop; raises Stopped where it ends."""
        target = route.target
        if not self.wanted("gateway"):
            route.open().close()
            return
        if target.speaks != "messages":
            route.open().close()
            self.hops.append(Hop("gateway", "skipped", f"{target.shown}: requests of this provider are signed, and the doctor does not sign"))
            return
        in_clear = route.proxy is not None and target.scheme == "http"
        self.identify(route)
        credential = None if in_clear else self.credential(target)
        if in_clear:
            self.hops.append(Hop("credential", "skipped", "the proxy would see it: the address is http:// and leads through the proxy"))
        headers = {**VERSION_HEADER, **self.own_headers(), **(credential.headers() if credential else {})}
        names = self.list_models(route, headers, credential)
        self.malformed(route, headers, credential)
        if credential is None:
            self.hops.append(Hop("models", "skipped", "they cannot be asked for without a credential"))
            return
        wanted = self.models()
        self.judge_models(wanted, names, route, headers)
        if target.host != ANTHROPIC:
            self.large(route, headers)
        if self.options.probe:
            self.probe(route, headers, wanted, names)

    def identify(self, route: Route) -> None:
        """Who answers. Nothing secret is sent."""
        began = time.monotonic()
        answer = route.ask("GET", "/health/liveliness" if route.target.host != ANTHROPIC else "/", VERSION_HEADER)
        if answer.status == 407 and route.proxy is not None:
            kinds = [part.split()[0] for part in answer.headers.get("proxy-authenticate", "").split(",") if part.split()]
            raise route.refusal(407, kinds, f"GET {route.target.shown}", route.target.host, route.target.port)
        wrong = judge(answer, "GET /health/liveliness", False, self.hide)
        if wrong is not None and wrong.cause not in ("gateway-error", "filter"):
            if route.proxy is not None and route.target.scheme == "http" and wrong.cause in ("gateway-down", "filter"):
                raise route.refusal(answer.status, [], f"GET {route.target.shown}", route.target.host, route.target.port)
            raise wrong
        if answer.body.strip() == b'"I\'m alive!"':
            self.gateway = "LiteLLM"
            self.release_of_litellm(route)
        else:
            self.gateway = "Anthropic" if route.target.host == ANTHROPIC else self.hide.clean(answer.headers.get("server", ""), 40)
        self.version(answer)
        route.ok("gateway", f"{route.target.shown} answers{f', {self.gateway}' if self.gateway else ''}", began)

    def release_of_litellm(self, route: Route) -> None:
        """Older releases tell everybody which they are; a stolen one is then known before it gets the credential."""
        try:
            answer = route.ask("GET", "/health/readiness", VERSION_HEADER)
        except Stopped:
            return
        data = answer.data()
        self.judge_version(str(data.get("litellm_version", "")) if isinstance(data, dict) else "")

    def version(self, answer: Answer) -> None:
        self.judge_version(answer.headers.get("x-litellm-version", ""))

    def judge_version(self, named: str) -> None:
        if re.fullmatch(r"\d+\.\d+\.\d+[\w.-]{0,20}", named):
            self.gateway = f"LiteLLM {named}"
            judge_gateway_version(named, self.findings)

    # What is sent with a credential -----------------------------------------------------------

    def credential(self, target: Target) -> Credential | None:
        """What Claude Code would send there. A helper from the folder's settings is not run, unless that was allowed."""
        config = self.config
        bearer, key = (config.get(name).strip() for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"))
        of = [name for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY") if config.get(name).strip()]
        if target.variable == "" and bearer:
            self.hops.append(Hop("credential", "skipped", "ANTHROPIC_AUTH_TOKEN is a gateway's, and was not sent to Anthropic"))
            return None
        if target.variable == "" and self.findings.has("key-to-anthropic"):
            self.hops.append(Hop("credential", "skipped", "ANTHROPIC_API_KEY is meant for a gateway, and was not sent to Anthropic"))
            return None
        helper = config.settings.get("apiKeyHelper")
        if helper and helper.value.strip() and not (bearer and key):
            if helper.from_folder and not self.options.trust_project:
                self.findings.add("project-helper", f"apiKeyHelper in {helper.place}; it was not run", "apiKeyHelper")
            else:
                self.options.announce(f"Running apiKeyHelper of {helper.place}, as Claude Code does.")
                printed = run_helper(helper.value, self.findings, self.hide, "apiKeyHelper")
                bearer, key = bearer or printed, key or printed
                of += ["apiKeyHelper"] if printed else []
        unfit = [name for name, value in (("ANTHROPIC_AUTH_TOKEN", bearer), ("ANTHROPIC_API_KEY", key)) if not re.fullmatch(r"[\x21-\x7e]*", value)]
        if unfit or not of:
            if unfit and not self.findings.has("credential-form"):
                self.findings.add("credential-form", f"{unfit[0]} holds a character that no header may have", unfit[0])
            self.hops.append(Hop("credential", "skipped", "there is none that could be sent"))
            return None
        return Credential(bearer, key, " and ".join(of))

    def own_headers(self) -> dict[str, str]:
        """ANTHROPIC_CUSTOM_HEADERS, as far as they may be sent."""
        value = self.config.variables.get("ANTHROPIC_CUSTOM_HEADERS")
        if value is None or (value.from_folder and not self.options.trust_project):
            return {}
        found = {}
        for line in value.value.split("\n"):
            name, _, text = (part.strip() for part in line.partition(":"))
            if re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) and re.fullmatch(r"[\x20-\x7e]*", text) and name.lower() not in NOT_OURS:
                found[name] = text
        return found

    def list_models(self, route: Route, headers: dict[str, str], credential: Credential | None) -> list[str] | None:
        """The names that the gateway lists; None when it does not. Tells whether it knows the key."""
        if credential is None:
            return None
        began = time.monotonic()
        answer = route.ask("GET", "/v1/models?limit=1000", headers)
        self.version(answer)
        wrong = judge(answer, "GET /v1/models", True, self.hide)
        if wrong is not None and wrong.cause == "key-refused":
            other = credential.swapped()
            if other is not None:
                again = route.ask("GET", "/v1/models?limit=1000", {**VERSION_HEADER, **self.own_headers(), **other.headers()})
                if again.status == 200:
                    variable = "ANTHROPIC_API_KEY" if credential.bearer else "ANTHROPIC_AUTH_TOKEN"
                    raise Stopped("key-header", f"{wrong.seen}; with the same key in the other header, with 200: set {variable}")
            raise Stopped("key-refused", f"{wrong.seen}; the credential is {credential.of}", wrong.prints)
        if wrong is not None:
            raise wrong
        if answer.status != 200:
            self.hops.append(Hop("credential", "skipped", f"GET /v1/models was answered with {answer.status}; the gateway lists no models"))
            return None
        data = answer.data()
        entries = data.get("data") if isinstance(data, dict) else None
        if not isinstance(entries, list):
            raise Stopped("web-page", f"GET /v1/models was answered with 200, and holds no list of models ({self.hide.clean(answer.kind, 60) or 'no type'})")
        route.ok("credential", f"{credential.of}: the gateway accepts it", began)
        return [entry["id"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]

    def malformed(self, route: Route, headers: dict[str, str], credential: Credential | None) -> None:
        """Is there a Messages API, and how does it say that something is wrong? The request lacks its messages, so nothing is answered."""
        began = time.monotonic()
        body = json.dumps({"model": self.main_model(), "max_tokens": 1}).encode()
        answer = route.ask("POST", "/v1/messages?beta=true", headers, body)
        self.version(answer)
        wrong = judge(answer, "POST /v1/messages", credential is not None, self.hide)
        if wrong is not None:
            raise wrong
        if answer.status in (404, 405):
            raise Stopped(
                "path",
                f"POST {route.target.path}/v1/messages was answered with {answer.status}: {self.hide.clean(answer.message(), 120) or 'nothing'}",
            )
        if answer.status < 400 and answer.data() is None:
            raise Stopped("web-page", f"POST /v1/messages was answered with {answer.status}, and no JSON ({self.hide.clean(answer.kind, 60) or 'no type'})")
        data = answer.data()
        error = data.get("error") if isinstance(data, dict) else None
        if answer.status >= 400 and not (isinstance(error, dict) and error.get("message")) and credential is not None:
            self.findings.add(
                "error-form",
                f"POST /v1/messages without messages was answered with {answer.status} and {self.hide.clean(answer.kind, 60)}, without error.message",
                "gateway",
            )
        route.ok("messages", f"POST /v1/messages exists; an incomplete request is answered with {answer.status}", began)

    # Models -----------------------------------------------------------------------------------

    def main_model(self) -> str:
        return self.models()[0][0]

    def models(self) -> list[tuple[str, str]]:
        """(name on the wire, cause when it is not served) of every model Claude Code will ask for. Measured on the page "Local gateway"."""
        background, ids = client_models()
        of = {part: next((name for name in ids if f"-{part}-" in name), "") for part in ("opus", "sonnet", "haiku", "fable")}
        for part in of:
            of[part] = self.config.get(f"ANTHROPIC_DEFAULT_{part.upper()}_MODEL").strip() or of[part]
        setting = self.config.settings.get("model")
        chosen = self.config.get("ANTHROPIC_MODEL") or (setting.value if setting else "") or self.config.get("ANTHROPIC_DEFAULT_MODEL")
        aliases = {**of, "": of["opus"], "default": of["opus"], "best": of["opus"], "opusplan": of["sonnet"]}
        chosen = re.sub(r"\[1m\]$", "", chosen.strip())
        main = aliases.get(chosen, chosen)
        behind = self.config.get("ANTHROPIC_DEFAULT_HAIKU_MODEL").strip() or (main if chosen else background)
        found = {main: "model"}
        for name, cause in ((behind, "model-background"), *((name, "model-alias") for name in of.values())):
            found.setdefault(re.sub(r"\[1m\]$", "", name), cause)
        return [(name, cause) for name, cause in found.items() if name]

    def judge_models(self, wanted: list[tuple[str, str]], names: list[str] | None, route: Route, headers: dict[str, str]) -> None:
        """Which models the gateway has, by its list and by counting tokens, which costs none."""
        began = time.monotonic()
        missing = [] if names is None else [(name, cause) for name, cause in wanted if not any(fnmatch.fnmatchcase(name, listed) for listed in names)]
        unknown = {name for name, _ in missing}
        for name, cause in wanted:
            if name not in unknown and (cause == "model" or names is None):
                unknown |= {name} if self.count(name, route, headers) else set()
        for cause in ("model", "model-background", "model-alias"):
            lost = [name for name, of in wanted if of == cause and name in unknown]
            if lost:
                listed = "" if not names else f"; it lists {', '.join(self.hide.clean(name, 80) for name in names[:6])}{' ...' if len(names) > 6 else ''}"
                prints = "API Error: 400" if cause == "model" and self.gateway.startswith("LiteLLM") else ""
                self.findings.add(cause, f"not served: {', '.join(self.hide.clean(name, 80) for name in lost)}{listed}", "models", prints)
        served = [name for name, _ in wanted if name not in unknown]
        if not any(cause == "model" and name in unknown for name, cause in wanted):
            route.ok("models", self.hide.clean(", ".join(served)), began)

    def count(self, name: str, route: Route, headers: dict[str, str]) -> bool:
        """Whether counting tokens says that a model does not exist. LiteLLM also tells whether it could ask the provider."""
        body = json.dumps({"model": name, "messages": [{"role": "user", "content": "hi"}]}).encode()
        answer = route.ask("POST", "/v1/messages/count_tokens?beta=true", headers, body)
        data = answer.data()
        if answer.status == 200 and isinstance(data, dict) and data.get("litellm_count_source") == "local_estimate":
            self.findings.add(
                "provider-leg", f"POST /v1/messages/count_tokens for {self.hide.clean(name, 80)} was answered by LiteLLM's own estimate", "models"
            )
        error = data.get("error") if isinstance(data, dict) else None
        return answer.status == 404 and isinstance(error, dict) and error.get("type") == "not_found_error" and "model" in str(error.get("message"))

    def large(self, route: Route, headers: dict[str, str]) -> None:
        """A body of ordinary size for Claude Code, with the kind of text that it sends, and without messages, so nothing is answered."""
        began = time.monotonic()
        text = LIKE_A_PROMPT * (LARGE_BODY // len(LIKE_A_PROMPT) + 1)
        body = json.dumps({"model": self.main_model(), "max_tokens": 1, "system": text}).encode()
        said = f"POST /v1/messages with {len(body) / 1e6:.1f} MB"
        try:
            answer = route.ask("POST", "/v1/messages?beta=true", headers, body)
        except Stopped as stop:
            if stop.cause == "slow":
                self.hops.append(Hop("large body", "skipped", f"{said} did not pass within {ANSWER:.0f} seconds; the line may be slow"))
            else:
                self.findings.add("body-limit", f"{said}: {stop.seen}", "large body")
            return
        wrong = judge(answer, said, True, self.hide)
        if wrong is not None and wrong.cause in ("body-limit", "filter"):
            self.findings.add(wrong.cause, wrong.seen, "large body")
            self.hops.append(Hop("large body", "failed", wrong.seen))
        elif wrong is None:
            route.ok("large body", f"{len(body) / 1e6:.1f} MB pass", began)

    # --probe ------------------------------------------------------------------------------------

    def probe(self, route: Route, headers: dict[str, str], wanted: list[tuple[str, str]], names: list[str] | None) -> None:
        """Ask each model that is served for a few words, as a stream, the way Claude Code asks."""
        served = [(name, cause) for name, cause in wanted if names is None or any(fnmatch.fnmatchcase(name, listed) for listed in names)]
        failed = False
        for number, (name, unserved) in enumerate(served):
            try:
                self.stream(name, route, headers, like_claude=number == 0, began=time.monotonic())
            except Stopped as stop:
                failed = True
                if stop.cause == "model" and unserved != "model":
                    stop = Stopped(unserved, stop.seen)
                self.hops.append(Hop(f"answer of {self.hide.clean(name, 80)}", "failed", stop.seen))
                self.findings.add(stop.cause, stop.seen, "probe" if stop.cause.startswith("provider") else name, stop.prints)
                if stop.cause in ("provider-key", "provider-limit", "slow"):
                    return  # the next one would say the same, and cost time
        if served and not failed:
            self.hops.append(Hop("answers", "ok", f"{len(served)} of {len(served)} models answered"))

    def stream(self, name: str, route: Route, headers: dict[str, str], like_claude: bool, began: float, again: bool = False) -> None:
        """One question. Where the answer came late and all at once it is asked ``again``: the machine or a first answer may have been slow."""
        body: dict[str, Any] = {
            "model": name,
            "max_tokens": 96,
            "stream": True,
            "messages": [{"role": "user", "content": LIKE_A_PROMPT + "Count from 1 to 30."}],
        }
        more: dict[str, str] = {}
        if like_claude and not self.config.on("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS"):
            body["context_management"], more = {"edits": []}, BETAS
        sent = {**headers, **more, "Accept": "text/event-stream"}
        with route.asked("POST", "/v1/messages?beta=true", sent, json.dumps(body).encode(), PROBE) as (answer, start):
            kind = answer.getheader("content-type", "").partition(";")[0].strip().lower()
            streamed = answer.status == 200 and kind == "text/event-stream"
            held = self.read_stream(answer, start, name) if streamed else ""
            try:
                content = b"" if streamed else answer.read(LARGEST_ANSWER)
            except (http.client.HTTPException, OSError, ValueError) as problem:
                raise Stopped("dropped", f"POST /v1/messages: {plain_problem(problem)}") from None
        if streamed:
            if held and again:
                self.findings.add("stream-held", held, "probe")
            elif held and not self.findings.has("stream-held"):
                self.stream(name, route, headers, like_claude, began, again=True)
            return
        told = Answer(answer.status, {key.lower(): value for key, value in answer.headers.items()}, content)
        if told.status == 200:
            raise Stopped(
                "web-page" if told.page else "stream-none",
                f"{self.hide.clean(name, 80)}: answered with {self.hide.clean(told.kind, 60) or 'no type'}, and not text/event-stream",
            )
        message = told.message()
        if (
            like_claude
            and more
            and told.status in (400, 422)
            and re.search(r"context_management|extra inputs|anthropic-beta|invalid beta", message, re.IGNORECASE)
        ):
            self.findings.add("beta", f"answered with {told.status}: {self.hide.clean(message, 200)}", "probe")
            self.stream(name, route, headers, False, began, again)
            return
        raise self.refused(told, name)

    def refused(self, answer: Answer, name: str) -> Stopped:
        """Why a request is not answered whose key the gateway accepts."""
        said = self.hide.clean(answer.message(), 200)
        seen = f"{self.hide.clean(name, 80)}: answered with {answer.status}{': ' + said if said else ''}"
        wrong = judge(answer, "POST /v1/messages", True, self.hide)
        if wrong is not None and wrong.cause in ("filter", "web-page", "redirect", "encoding", "body-limit", "gateway-down"):
            return Stopped(wrong.cause, wrong.seen)
        if answer.status == 404 or re.search(r"invalid model|model.{0,40}(not found|does not exist|unknown)|unknown model", answer.message(), re.IGNORECASE):
            return Stopped("model", seen)
        direct = not self.config.get("ANTHROPIC_BASE_URL")
        causes = {
            401: "key-refused" if direct else "provider-key",
            403: "key-forbidden" if direct else "provider-key",
            429: "provider-limit",
            529: "provider-limit",
            413: "body-limit",
        }
        if answer.status in causes:
            return Stopped(causes[answer.status], seen, wrong.prints if wrong is not None and answer.status in (401, 403) else "")
        if answer.status >= 500 and re.search(r"overloaded|rate.?limit", answer.message(), re.IGNORECASE):  # LiteLLM makes 500 of a provider's 529
            return Stopped("provider-limit", seen, "API Error: 500")
        return Stopped("provider-fails" if answer.status >= 500 else "request-refused", seen)

    def read_stream(self, answer: http.client.HTTPResponse, start: float, name: str) -> str:
        """Whether the answer comes to its end, and as it is written: what speaks against that, or nothing."""
        arrived: list[float] = []
        ended = False
        try:
            while not ended:
                line = answer.readline(100_000)
                if not line:
                    break
                if line.startswith(b"event: content_block_delta"):
                    arrived.append(time.monotonic())
                if line.startswith(b"event: error"):
                    raise Stopped("provider-fails", f"{self.hide.clean(name, 80)}: the stream holds an error")
                ended = line.startswith(b"event: message_stop")
        except TimeoutError:
            raise Stopped("slow", f"{self.hide.clean(name, 80)}: the stream did not end within {PROBE:.0f} seconds") from None
        except (http.client.HTTPException, OSError, ValueError):
            pass
        if not ended:
            raise Stopped("stream-cut", f"{self.hide.clean(name, 80)}: {len(arrived)} pieces came, and no end")
        waited, spread = (arrived[0] - start, arrived[-1] - arrived[0]) if arrived else (0.0, 0.0)
        if len(arrived) < 3 or not (waited > 1.0 and spread < 0.05 * waited or answer.getheader("content-length")):
            return ""
        return f"{self.hide.clean(name, 80)}: {len(arrived)} pieces within {spread:.2f} seconds, after {waited:.1f} seconds of silence"


PROBE = 60.0  # seconds for an answer of a model
#: Headers that only the connection may set.
NOT_OURS = (
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "expect",
    "upgrade",
    "te",
    "trailer",
    "proxy-authorization",
    "user-agent",
    "accept-encoding",
)


# ==== A gateway's configuration ==================================================================


class CannotRun(Exception):
    """Why the doctor cannot do what it was asked for: one line."""


def judge_gateway_config(path: str, findings: Findings) -> None:
    """--gateway-config: the rules for LiteLLM's file. Raises CannotRun when it cannot be looked at."""
    global yaml
    try:
        text = read_file(path)
    except FileNotFoundError:
        raise CannotRun(f"{path}: there is no such file; correct the name") from None
    except Unreadable as problem:
        raise CannotRun(f"{path}: {problem}; name a file of YAML that you may read") from None
    try:
        yaml = importlib.import_module("yaml")
        importlib.import_module("yaml.reader")
    except ImportError:
        raise CannotRun(
            "--gateway-config needs PyYAML, which LiteLLM brings; run the doctor with LiteLLM's own Python, such as ~/litellm-gateway/venv/bin/python"
        ) from None
    named = set(re.findall(r"os\.environ/(\w+)", text))
    here = dict(os.environ) if named & set(os.environ) else None  # the gateway's own terminal has some of them
    found, _ = check_file(text, "litellm", path, here)
    for finding in found:
        findings.add_rule(finding, f"{finding.path or 'the file'} in {path}", LOCAL)


# ==== Output =====================================================================================


def shown_value(name: str, value: str, hide: Redactor) -> str:
    """A value as it may be listed: addresses without login, credentials as a length, names as they are."""
    if not value:
        return "(empty)"
    if name in (*ADDRESSES, *PROXIES, "ALL_PROXY", "all_proxy"):
        address = shown_url(value if "//" in value else f"http://{value}" if name not in ADDRESSES else value)
        return hide.clean(address)
    if name in (*words("credentials"), "ANTHROPIC_CUSTOM_HEADERS", "apiKeyHelper"):
        return f"(set, {len(value)} characters)"
    if name in ("NO_PROXY", "no_proxy"):
        entries = [entry for entry in re.split(r"[\s,]+", value) if entry]
        return hide.clean(",".join(entry if re.fullmatch(r"[\w.*:\[\]/-]{1,253}", entry) else "?" for entry in entries))
    if name in FILES:
        return hide.clean(value)
    return hide.clean(value) if re.fullmatch(r"[\w.:/@\[\]*+=-]{1,120}", value) else "(not shown)"


def listing(config: Configuration, hide: Redactor) -> list[dict[str, Any]]:
    """What is set, in the order of LISTED: name, value, scope, place, and the scopes that it beats."""
    rows = []
    for name, value in [*((name, config.variables.get(name)) for name in LISTED), *((name, config.settings.get(name)) for name in SETTINGS_LISTED)]:
        if value is not None:
            beats = list(dict.fromkeys(scope for scope, _ in value.others))
            rows.append({"name": name, "value": shown_value(name, value.value, hide), "scope": value.scope, "place": hide.clean(value.place), "beats": beats})
    return rows


def all_said(doctor: Doctor, version: tuple[str, str]) -> dict[str, Any]:
    """The whole result, as --json prints it. Nothing in it is secret; the keys are stable."""
    clean = doctor.hide.clean
    findings = doctor.findings.in_order()
    return {
        "doctor": VERSION,
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "system": sys.platform,
        "claude_code": {"version": version[0], "path": clean(version[1])},
        "gateway": clean(doctor.gateway),
        "configuration": listing(doctor.config, doctor.hide),
        "files": [{"scope": one.scope, "place": clean(one.place), "read": one.text is not None} for one in doctor.config.sources],
        "no_proxy": [{"program": program, "through_proxy": share} for program, share in doctor.reads],
        "path": [{"hop": clean(hop.name), "outcome": hop.outcome, "seen": clean(hop.seen), "seconds": round(hop.seconds, 3)} for hop in doctor.hops],
        "sent": [{"to": clean(where), "what": clean(what)} for where, what in doctor.sent],
        "findings": [{key: clean(value) for key, value in finding.__dict__.items()} for finding in findings],
        "counts": {severity: sum(finding.severity == severity for finding in findings) for severity in ("error", "warning", "note")},
    }


def at_home(text: str) -> str:
    """A text with the home folder as ~."""
    folder = home().rstrip("/\\")
    return text.replace(folder + os.sep, "~" + os.sep) if len(folder) > 2 else text


def human(result: dict[str, Any], only: list[str]) -> Iterator[str]:
    """The result in lines for people."""
    wanted = lambda *groups: not only or any(group in only for group in groups)  # noqa: E731
    if wanted("prerequisites"):
        client = result["claude_code"]
        yield "Programs"
        yield f"  Python {result['python'].rpartition('.')[0]}"
        yield f"  Claude Code {client['version'] or 'of an unknown release'}" if client["path"] else "  Claude Code: not found in PATH"
    if wanted("configuration"):
        yield "What is set"
        rows = result["configuration"]
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            place = row["scope"] if row["scope"] == "shell" else f"{row['scope']}: {row['place']}"
            yield f"  {row['name']:<{width}}  {row['value']}  [{place}{'; beats ' + ', '.join(row['beats']) if row['beats'] else ''}]"
        if not rows:
            yield "  nothing of a gateway's or a proxy's"
    if wanted("bypass") and result["no_proxy"]:
        yield "Who goes through the proxy to the gateway"
        for row in result["no_proxy"]:
            yield f"  {row['program']}: {row['through_proxy']}"
    if wanted("proxy", "gateway") and result["path"]:
        yield "The path"
        width = max(len(row["hop"]) for row in result["path"])
        for row in result["path"]:
            yield f"  {row['outcome']:<7}  {row['hop']:<{width}}  {row['seen']}"
    counts = result["counts"]
    yield "Findings: " + (
        ", ".join(f"{counts[severity]} {severity}{'s' if counts[severity] != 1 else ''}" for severity in counts if counts[severity]) or "none"
    )
    for number, finding in enumerate(result["findings"], start=1):
        yield f"  {number}. {finding['severity']}: {finding['what']} ({finding['id']})"
        for label, key in (("seen", "seen"), ("prints", "prints"), ("do", "do"), ("page", "page")):
            if finding[key]:
                yield f"     {label + ':':<7} {finding[key]}"


def report(result: dict[str, Any], only: list[str]) -> Iterator[str]:
    """The result to show to others: all of the above, and what was sent."""
    yield f"Report of gateway_doctor.py {result['doctor']}. It holds no credential; it names hosts and files, so look at it before you show it."
    yield f"System {result['system']}, Python {result['python']}, gateway {result['gateway'] or '(not known)'}"
    yield f"Claude Code {result['claude_code']['version'] or '(release not known)'} at {result['claude_code']['path'] or '(not found)'}"
    yield "Settings files: " + (", ".join(f"{row['scope']} {row['place']}{'' if row['read'] else ' (not read)'}" for row in result["files"]) or "none")
    yield from human(result, only)
    yield "What was sent"
    for row in result["sent"] or [{"to": "nobody", "what": "nothing"}]:
        yield f"  {row['to']}: {row['what']}"


class Progress:
    """Says on a terminal what is being tried, in a line that disappears; nothing anywhere else."""

    def __init__(self, wanted: bool, hide: Redactor) -> None:
        steerable = os.name == "nt" or os.environ.get("TERM", "dumb") != "dumb"
        self.shown, self.hide, self.line = wanted and steerable and sys.stderr.isatty(), hide, False

    def __call__(self, text: str) -> None:
        if self.shown:
            self.line = True
            print(f"\r\x1b[K{self.hide.clean(text, 70)} ...", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self.line:
            self.line = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


# ==== The command line ===========================================================================


GROUPS = ("prerequisites", "configuration", "bypass", "proxy", "gateway", "gateway-config")


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gateway_doctor.py",
        description="Why does Claude Code not work through my gateway? Changes nothing, prints no credential.",
        epilog="Exit status: 0 nothing found, 1 something found, 2 it could not run.",
        allow_abbrev=False,
    )
    parser.add_argument("--probe", action="store_true", help="also ask each model for a few words; this costs tokens")
    parser.add_argument("--trust-project", action="store_true", help="follow addresses, proxies and helpers of this folder's .claude/ too")
    parser.add_argument("--settings", metavar="FILE", help="a settings file that Claude Code is started with by --settings")
    parser.add_argument("--gateway-config", metavar="FILE", help="also check LiteLLM's configuration; needs PyYAML, which LiteLLM's own Python has")
    parser.add_argument(
        "--only", metavar="GROUP", action="append", choices=GROUPS, default=[], help=f"only this group of checks, may be repeated: {', '.join(GROUPS)}"
    )
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds, default=None, help="end all network checks after this time (30; 180 with --probe)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--report", action="store_true", help="print a report to show to others")
    how.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--version", action="version", version=f"gateway_doctor.py {VERSION}")
    options = parser.parse_args(given)
    options.timeout = options.timeout or (180.0 if options.probe else 30.0)
    return options


def seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 3600:
        raise ValueError
    return value


def examine(options: argparse.Namespace, hide: Redactor, shell: Mapping[str, str], progress: Progress) -> dict[str, Any]:
    """All that was asked for. Raises CannotRun."""
    findings = Findings()
    wanted = lambda *groups: not options.only or any(group in options.only for group in groups)  # noqa: E731
    if options.settings is not None and not os.path.exists(options.settings):
        raise CannotRun(f"{options.settings}: there is no such file; correct the name")
    sources = settings_sources(options.settings)
    ignored = Findings()
    judge_files(sources, findings if wanted("configuration") else ignored)
    learn_secrets(hide, sources, shell)
    config = configuration(sources, shell)
    version = client_version() if wanted("prerequisites") else ("", "")
    if wanted("prerequisites"):
        judge_client(*version, findings)
    if wanted("configuration"):
        judge_shell(shell, config, findings)
        judge_together(config, findings)
        judge_values(config, findings)
    elif wanted("bypass", "proxy", "gateway"):
        judge_proxy(config, findings)
    if options.gateway_config is not None and wanted("gateway-config"):
        judge_gateway_config(options.gateway_config, findings)
    doctor = Doctor(config, options, findings, hide, Clock(options.timeout), progress)
    if wanted("bypass", "proxy", "gateway"):
        doctor.walk()
    progress.done()
    return all_said(doctor, version)


def main(given: list[str], shell: Mapping[str, str] | None = None) -> int:
    """Run once; the exit status. ``shell`` is the environment, for tests."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = arguments(given)
    hide = Redactor()
    quiet = options.json or options.report
    progress = Progress(not quiet, hide)
    options.announce = lambda text: (progress.done(), print(at_home(hide.clean(text)), file=sys.stderr, flush=True))
    if options.probe:
        options.announce("--probe: each model that Claude Code asks for gets one question of about 100 tokens, twice if the answer came in one piece, and may answer with 96. This costs tokens.")
    try:
        result = examine(options, hide, os.environ if shell is None else shell, progress)
        if options.json:
            lines: Iterable[str] = [json.dumps(result, indent=1)]
        else:
            lines = report(result, options.only) if options.report else human(result, options.only)
        for line in lines:
            print(at_home(line))
        return 1 if result["counts"]["error"] or result["counts"]["warning"] else 0
    except CannotRun as problem:
        text = str(problem)
    except KeyboardInterrupt:
        text = "interrupted; nothing was changed"
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 2
    except Exception as problem:  # one line for whatever nobody thought of; its text may hold anything, so it is not said
        trace = problem.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        text = f"a fault in the doctor itself, {type(problem).__name__} in line {trace.tb_lineno if trace else '?'}; please report this line"
    progress.done()
    print(at_home(f"gateway_doctor.py: {hide.clean(text)}"), file=sys.stderr)
    return 2


# ==== Copied from the handbook's schemas/ by macros/doctor.py; do not edit below this line ====


# schemas/rules/secrets.py -------------------------------------------------------------------------------------


#: scheme://user:password@host
SECRETS_USERINFO = re.compile(r"\b[a-z][a-z0-9+.-]*://[^/\s:@]*:(?P<password>[^@/\s]+)@")
SECRETS_REFERENCE = "os.environ/"
#: A value is a credential of its own when it is at least this long.
SECRETS_LONG = 16
#: Other ways to write "the value of a variable", none of which LiteLLM or Claude Code knows. Without brackets only
#: capitals count, because a password may start with a dollar sign.
SECRETS_VARIABLE = re.compile(
    r"^\s*(?:\$env:(?P<a>\w+)|\$\{(?P<b>[A-Za-z_]\w*)[^}\s]*\}|\$(?P<c>(?-i:[A-Z_][A-Z0-9_]*))|%(?P<d>(?-i:[A-Z_][A-Z0-9_]*))%"
    r"|\{\{\s*(?:env\.)?(?P<e>\w+)\s*\}\}|os\.environ(?:\.get)?[^\w/]+(?P<f>\w+).*|os\.getenv\W+(?P<g>\w+).*"
    r"|(?:os\.env\w*|environ)/(?P<h>\w+)|env[.:/](?P<i>(?-i:[A-Z_][A-Z0-9_]*)))\s*$",
    re.IGNORECASE,
)
#: The same inside a longer value, in the one form that nothing else looks like.
SECRETS_INSIDE = re.compile(r"\$\{(?P<name>[A-Z_][A-Z0-9_]*)\}")


@cache
def secrets_shapes() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{shape})" for shape in words("secret_shapes")))


def secrets_shaped(text: str) -> bool:
    """Whether there is something in a text that only a credential looks like."""
    return bool(secrets_shapes().search(text))


def secrets_named(key: Any) -> bool:
    """Whether a key's name says that its value is a credential."""
    name = str(key).lower().replace("-", "_")
    ends = any(name == word or name.endswith(f"_{word}") for word in words("secret_keys"))
    return ends and not any(name == word or name.endswith(f"_{word}") for word in words("not_secret_keys"))


def secrets_placeholder(value: str) -> bool:
    """Whether a value only stands where a credential will be."""
    low = value.lower()
    return any(word in low for word in words("placeholders")) or bool(re.fullmatch(r"<.*>|\[.*\]|\*+|\.+", value)) or len(set(value)) < 4


def secrets_variable(value: Any) -> str | None:
    """The name in a value that looks like a variable but is not replaced; None for any other value."""
    if not isinstance(value, str) or value.startswith(SECRETS_REFERENCE):
        return None
    match = SECRETS_VARIABLE.match(value) or SECRETS_INSIDE.search(value)
    return next((name for name in match.groupdict().values() if name), None) if match else None


def secrets_what(key: Any, value: Any) -> tuple[str, bool] | None:
    """(what kind of credential it is, whether it is surely a real one); None when it is none.

    A placeholder is none. A short value under a credential's name may be anything.
    """
    if not isinstance(value, str) or not value or secrets_variable(value):
        return None
    if secrets_shaped(value) and not secrets_placeholder(value):
        return ("private key" if "PRIVATE KEY" in value else "credential", True)
    if SECRETS_REFERENCE in value:
        return None
    inside = SECRETS_USERINFO.search(value)
    if inside and not secrets_placeholder(inside["password"]) and inside["password"].lower() not in (*words("weak"), "pass", "pw") and not secrets_variable(inside["password"]):
        return ("password in an address", True)
    if secrets_named(key) and not secrets_placeholder(value) and not value.startswith("/"):
        return ("credential", len(value) >= SECRETS_LONG)
    return None


def secrets_weak(value: str) -> bool:
    """Whether a master key can be guessed: short, few characters, or one common word and little else."""
    rest = value.strip().lower().removeprefix("sk-")
    for word in (*words("weak"), *words("placeholders")):
        rest = rest.replace(word, "")
    return len(value.strip()) < SECRETS_LONG or len(set(value)) < 6 or len(re.sub(r"[\W_]", "", rest)) < 8


# schemas/rules/source.py --------------------------------------------------------------------------------------


#: Kinds of file: LiteLLM's configuration, and Claude Code's settings by who reads them.
#: Source of the places: https://code.claude.com/docs/en/settings
SOURCE_KINDS = ("litellm", "settings", "user-settings", "project-settings", "local-settings", "managed-settings")
#: ``.claude/settings.json`` in a home folder; anywhere else it is a project's.
SOURCE_HOME = re.compile(r"^(~|\$HOME|\$\{HOME\}|%USERPROFILE%|\$env:USERPROFILE|/root|/home/[^/]+|/Users/[^/]+|[A-Za-z]:/Users/[^/]+)/\.claude/settings\.json$")


@dataclass(frozen=True)
class Kind:
    """A kind of file. Raises ValueError for a name that is not in KINDS."""

    name: str
    filename: str

    def __post_init__(self) -> None:
        if self.name not in SOURCE_KINDS:
            raise ValueError(f"unknown kind {self.name!r}; write one of {', '.join(SOURCE_KINDS)}")

    @property
    def program(self) -> str:
        return "litellm" if self.name == "litellm" else "claude-code"

    @property
    def language(self) -> str:
        return "yaml" if self.name == "litellm" else "json"

    @property
    def scope(self) -> str:
        """user, project, local, managed, or unknown: whose settings these are."""
        if self.name != "settings":
            return self.name.removesuffix("-settings")
        path = self.filename.replace("\\", "/")
        name = PurePosixPath(path).name
        if name == "managed-settings.json" or "/managed-settings.d/" in path:
            return "managed"
        if name == "settings.local.json":
            return "local"
        if path == ".claude/settings.json" or path.endswith("/.claude/settings.json"):
            return "user" if SOURCE_HOME.match(path) else "project"
        return "unknown"


# schemas/rules/report.py --------------------------------------------------------------------------------------


Place = tuple[Any, ...]


@dataclass(frozen=True)
class RuleFinding:
    """One thing that is wrong. ``severity``: error (it will not do what it says) or notice (look at it)."""

    severity: str
    rule: str
    path: str
    line: int
    message: str


def report_dotted(path: Place) -> str:
    """``model_list[0].litellm_params.model``. A key that is a credential, as after a forgotten name, is not said."""
    parts = ("(a credential)" if secrets_shaped(str(part)) else part for part in path)
    return "".join(f"[{part}]" if isinstance(part, int) and not isinstance(part, bool) else f".{part}" for part in parts).removeprefix(".")


@dataclass
class Report:
    """Collects findings for one file; one finding for each rule and place."""

    kind: Kind
    lines: Mapping[Place, int] = field(default_factory=dict)
    _found: dict[tuple[str, Place], RuleFinding] = field(default_factory=dict)

    def line(self, path: Place) -> int:
        """The line of a key or item, from 1; of what holds it where it is not written."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add(self, rule: str, path: Place = (), *, line: int | None = None, severity: str | None = None, **values: object) -> None:
        """Report a rule at a path. ``values`` fill its template; never the value of a credential."""
        entry = rules()[rule]
        text = f"{entry['message']}; {entry['remedy']}".format_map({"path": report_dotted(path), "name": report_dotted(path[-1:]), **values})
        message = f"{report_dotted(path)}: {text}" if path else text
        finding = RuleFinding(severity or entry["severity"], rule, report_dotted(path), line or self.line(path), message)
        self._found.setdefault((rule, path), finding)

    def has(self, path: Place) -> bool:
        """Whether an error is already reported at exactly this place."""
        return any(at == path and finding.severity == "error" for (_, at), finding in self._found.items())

    def findings(self) -> list[RuleFinding]:
        return sorted(self._found.values(), key=lambda finding: (finding.line, finding.severity, finding.rule, finding.path))


# schemas/rules/document.py ------------------------------------------------------------------------------------


#: Values a file may have once its aliases are written out; more is no configuration.
DOCUMENT_MOST_VALUES = 100_000


@dataclass
class Document:
    """``lines`` maps a path of keys and indices to a line, from 1."""

    data: Any
    lines: dict[Place, int] = field(default_factory=dict)


def document_parse(text: str, language: str, report: Report) -> Document | None:
    """The document, or None when there is none to check. Reports syntax, emptiness and keys written twice."""
    text = text.removeprefix("\ufeff")  # both programs read a file that starts with a byte order mark
    if not text.strip():
        report.add(f"{language}-empty", line=1)
        return None
    document = document_json(text, report) if language == "json" else document_yaml(text, report)
    if document is not None and not isinstance(document.data, dict):
        report.add(f"{language}-{'empty' if document.data is None else 'no-mapping'}", line=1)
        return None
    return document


def document_yaml(text: str, report: Report) -> Document | None:
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(None)
        if document_size(node, {}) > DOCUMENT_MOST_VALUES:
            report.add("too-large", line=1)
            return None
        document = Document(None)
        document_walk(loader, node, (), document.lines, report)  # before merges (<<) are written out
        document.data = loader.construct_document(node)
        return document
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark else 1
        tab = mark is not None and "\t" in (text.split("\n") + [""])[mark.line][: mark.column + 1]
        report.add("yaml-tab" if tab else "yaml-syntax", line=line, problem=document_plain(", ".join(part for part in (problem.context, problem.problem) if part)))
    except yaml.reader.ReaderError as problem:
        report.add("yaml-syntax", line=text.count("\n", 0, problem.position) + 1, problem="a character that YAML does not allow")
    except (ValueError, OverflowError, RecursionError):
        report.add("yaml-syntax", line=1, problem="a value that YAML cannot read, such as a date that does not exist, or too deep a nesting")
    return None


def document_json(text: str, report: Report) -> Document | None:
    def refuse(name: str) -> None:
        raise json.JSONDecodeError(f"{name} is no JSON", text, max(text.find(name), 0))

    try:
        document = Document(json.loads(text, parse_constant=refuse))
    except json.JSONDecodeError as problem:
        what, at = document_json_problem(text, problem)
        report.add("json-syntax", line=text.count("\n", 0, at) + 1, problem=what)
        return None
    except RecursionError:
        report.add("json-syntax", line=1, problem="too deep a nesting")
        return None
    document_json_lines(text, document.lines, report)
    return document


#: What a JSON text is made of: strings, brackets, commas and colons, and everything else.
DOCUMENT_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s"{}\[\],:]+')


def document_json_lines(text: str, lines: dict[Place, int], report: Report) -> None:
    """The line of every key and item of a text that is JSON; reports keys written twice."""
    open_: list[tuple[str, Place, dict[str, int]]] = []  # bracket, path, the keys of an object so far
    path: Place = ()
    line, counted, key_next = 1, 0, False
    for match in DOCUMENT_TOKEN.finditer(text):
        token = match.group()
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if open_ and open_[-1][0] == "{" and key_next and token[0] == '"':
            _, outer, own = open_[-1]
            key, key_next = json.loads(token), False
            path = (*outer, key)
            if key in own:
                report.add("json-duplicate-key", path, line=line, first=own[key])
            own[key] = lines[path] = line
            continue
        if open_ and open_[-1][0] == "[" and token not in ",]" and path not in lines:
            lines[path] = line
        if token in "{[":
            open_.append((token, path, {}))
            key_next = token == "{"
            path = (*path, 0) if token == "[" else path
        elif token in "}]":
            path = open_.pop()[1]
        elif token == "," and open_[-1][0] == "{":
            key_next = True
        elif token == ",":
            path = (*path[:-1], path[-1] + 1)


def document_json_problem(text: str, problem: json.JSONDecodeError) -> tuple[str, int]:
    """What is wrong, and where, for the two mistakes people make; else what Python says."""
    before = text[: problem.pos].rstrip()
    if text[problem.pos :].startswith(("//", "/*", "#")):
        return "a comment", problem.pos
    if before.endswith(",") and text[problem.pos : problem.pos + 1] in ("}", "]"):
        return "a comma after the last entry", len(before) - 1
    if problem.msg.startswith("Illegal trailing comma"):
        return "a comma after the last entry", problem.pos
    return document_plain(problem.msg), problem.pos


def document_size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node is, aliases written out; more than MOST_VALUES for one that holds itself."""
    if id(node) not in known:
        known[id(node)] = DOCUMENT_MOST_VALUES + 1  # stays so while its own parts are counted
        parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(document_size(part, known) for part in parts) if isinstance(node, yaml.CollectionNode) else 1
    return known[id(node)]


def document_walk(loader: yaml.SafeLoader, node: yaml.Node, path: Place, lines: dict[Place, int], report: Report) -> None:
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            document_walk(loader, item, (*path, index), lines, report)
    if not isinstance(node, yaml.MappingNode):
        return
    own: dict[Any, int] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node)
        line = key_node.start_mark.line + 1
        if key in own:
            report.add("yaml-duplicate-key", (*path, key), line=line, first=own[key])
        own[key] = line
        lines[(*path, key)] = line
        document_walk(loader, value_node, (*path, key), lines, report)


def document_plain(problem: str | None) -> str:
    """What a parser says, without what it quotes from the file."""
    return re.sub(r"\s*['\"][^'\"]{3,}['\"]", "", problem or "it cannot be read").strip()


def document_leaves(value: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value that holds no other, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from document_leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from document_leaves(item, (*path, index))
    else:
        yield path, value


# schemas/rules/keys.py ----------------------------------------------------------------------------------------


Schema = Mapping[str, Any]


def keys_near(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one was probably meant to be; None when there is none, or when it is one.

    One edit for a short name, two for one of eight characters or more; case,
    hyphens and a plural do not count. Names that differ only in digits are
    siblings (models, versions), not misspellings.
    """
    names = set(known)
    if name in names or len(name) < 3:
        return None
    same = [other for other in names if keys_simple(other) == keys_simple(name)]
    if same:
        return min(same)
    close = difflib.get_close_matches(name, sorted(names), n=5, cutoff=0.75)
    fitting = [other for other in close if keys_edits(name, other) <= (2 if len(name) >= 8 else 1) and keys_letters(other) != keys_letters(name)]
    return min(fitting, key=lambda other: keys_edits(name, other)) if fitting else None


@cache
def keys_simple(name: str) -> str:
    return re.sub(r"ies$", "y", name.lower().replace("-", "_")).removesuffix("s")


def keys_letters(name: str) -> str:
    return re.sub(r"\d+([._-]\d+)*", "#", name)


def keys_edits(one: str, other: str) -> int:
    """Insertions, removals, replacements and swaps of neighbours between two words."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b)))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]


# The schemas ------------------------------------------------------------------------


def keys_resolved(schema: Schema, root: str) -> dict[str, Any]:
    """A schema with what its $ref says written out; its own keywords win, properties of both count."""
    if "$ref" not in schema:
        return dict(schema)
    path, _, pointer = schema["$ref"].partition("#")
    target: Any = table(path or root)
    for part in pointer.strip("/").split("/"):
        target = target[part]
    base = keys_resolved(target, path or root)
    own = {key: value for key, value in schema.items() if key != "$ref"}
    return {**base, **own, "properties": {**base.get("properties", {}), **own.get("properties", {})}}


def keys_check(document: Document, schema: str, report: Report, elsewhere: Mapping[str, str] = {}) -> None:
    """Report keys and shapes. ``elsewhere``: a key -> the section in which it would be read."""
    keys_keys(document.data, table(schema), schema, (), report, elsewhere)
    for error in sorted(Validator(schema).iter_errors(document.data), key=lambda error: "x-needed" not in error.schema):
        keys_shape(error, report)


def keys_keys(value: Any, schema: Schema, root: str, path: Place, report: Report, elsewhere: Mapping[str, str]) -> None:
    rules = keys_resolved(schema, root)
    if isinstance(value, list) and "items" in rules:
        for index, item in enumerate(value):
            keys_keys(item, rules["items"], root, (*path, index), report, elsewhere)
    properties = rules.get("properties", {})
    others = rules.get("additionalProperties")
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        at = (*path, key)
        if key in properties:
            keys_keys(item, properties[key], root, at, report, elsewhere)
        elif isinstance(others, dict):
            keys_keys(item, others, root, at, report, elsewhere)
        elif properties and isinstance(key, str) and not key.startswith("x-"):
            keys_unknown(at, properties, rules, others is True, report, elsewhere)


def keys_unknown(at: Place, properties: Mapping[str, Any], rules: Schema, free: bool, report: Report, elsewhere: Mapping[str, str]) -> None:
    key = at[-1]
    if report.has(at):
        return
    suggest = known("litellm")[rules["x-suggest"]]["enum"] if "x-suggest" in rules else properties
    meant = keys_near(key, suggest)
    entry = len(at) == 3 and at[0] == "model_list"
    section = "litellm_params" if entry and key in known("litellm")["litellm_params_documented"]["enum"] else elsewhere.get(key, at[0])
    if (len(at) < 3 or entry) and section != at[0]:
        report.add("wrong-section", at, section=section)
    elif meant:
        report.add("misspelt-key", at, meant=meant)
    elif not free:
        report.add("unknown-key", at)


#: JSON's and YAML's names for types, as a reader knows them.
KEYS_NAMES = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list", "object": "a mapping"}


def keys_name(value: Any) -> str:
    """What a value is, without saying the value."""
    if isinstance(value, bool):
        return "true or false"
    kinds: list[tuple[type | tuple[type, ...], str]] = [(str, "text"), (int, "a whole number"), (float, "a number"), (list, "a list"), (dict, "a mapping")]
    return next((name for kind, name in kinds if isinstance(value, kind)), "nothing" if value is None else "a date")


def keys_shape(error: Wrong, report: Report) -> None:
    """One finding for what a schema does not allow. Values are not part of it; keys, types and choices are."""
    path, wanted, schema = tuple(error.absolute_path), error.validator_value, error.schema
    if error.validator == "required":
        for key in wanted:
            if key not in error.instance:
                report.add("missing-key", (*path, key), line=report.line(path))
    elif error.validator in ("type", "pattern"):
        allowed = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", ["string"])
        kinds = [kind for kind in allowed if kind != "null" and not (kind == "string" and "pattern" in schema)] or ["string"]
        if report.has(path):
            return
        if error.instance is None:
            report.add("empty-key", path, severity="error" if "x-needed" in schema else None)
        else:
            hint = keys_hint(error.instance, kinds, report.kind.language)
            report.add("wrong-type", path, wanted=" or ".join(KEYS_NAMES[kind] for kind in kinds), found=keys_name(error.instance), hint=hint)
    elif error.validator == "enum" and not str(error.instance).startswith(SECRETS_REFERENCE):
        choices = [str(choice) for choice in wanted if choice is not None]
        meant = keys_near(str(error.instance), choices) if isinstance(error.instance, str) else None
        listed = ", ".join(choices) if len(choices) <= 12 else f"{', '.join(choices[:12])} ..."
        report.add("unknown-value", path, hint=f"write {meant}; the choices are {listed}" if meant else f"write one of {listed}")
    elif error.validator in ("minItems", "minLength", "minProperties") and not report.has(path):
        report.add("empty-list" if error.validator == "minItems" else "empty-key", path, severity="error")
    elif error.validator != "enum" and not report.has(path):
        report.add("wrong-type", path, wanted="another shape", found=keys_name(error.instance), hint="compare it with the documentation")


def keys_hint(value: Any, kinds: list[str], language: str) -> str:
    """What to write instead of a value of a wrong type."""
    if isinstance(value, str) and re.fullmatch(r"\s*(-?\d+(\.\d+)?|true|false)\s*", value, re.IGNORECASE) and {"integer", "number", "boolean"} & set(kinds):
        return "write it without quotation marks"
    if "array" in kinds and not isinstance(value, dict):
        return "write it as a list, " + ("with - before each item" if language == "yaml" else "in square brackets")
    if kinds == ["string"] and not isinstance(value, (dict, list)):
        return "put it in quotation marks"
    return f"write {KEYS_NAMES[kinds[0]]}"


# schemas/rules/settings.py ------------------------------------------------------------------------------------


SETTINGS_SCHEMA = "claude-settings.schema.json"
SETTINGS_OWN = ("ANTHROPIC_", "CLAUDE_")
#: Source: https://code.claude.com/docs/en/env-vars (1 or true, in any case); the program also takes yes and on.
SETTINGS_ON = ("1", "true", "yes", "on")
SETTINGS_OFF = ("0", "false", "no", "off")
SETTINGS_NUMBER = re.compile(r"\s*[+-]?\d[\d_]*(\.\d+)?(e\d+)?\s*", re.IGNORECASE)


def settings_check(document: Document, report: Report, env: Mapping[str, str] | None = None) -> None:
    """Report everything; ``env`` is not used, the file brings its own."""
    data = document.data
    table = data.get("env") if isinstance(data.get("env"), dict) else {}
    variables = {name: settings_text(value) for name, value in table.items() if isinstance(name, str) and settings_text(value) is not None}
    settings_names(data, table, report)
    for name, value in variables.items():
        if value:
            settings_address(name, value, report)
            settings_value(name, value, report)
    settings_project(data, variables, report)
    settings_conflicts(data, variables, report)
    settings_secrets(data, report)
    keys_check(document, SETTINGS_SCHEMA, report)


def settings_text(value: Any) -> str | None:
    """What Claude Code makes of a variable's value; None for what is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


# Names ------------------------------------------------------------------------------------


def settings_names(data: dict[str, Any], table: dict[str, Any], report: Report) -> None:
    program = known("claude-code")
    variables, settings = program["env"]["properties"], program["settings"]["properties"]
    for name in data:
        if name in variables and name.isupper():
            report.add("variable-outside", (name,))
    for name, value in table.items():
        at: Place = ("env", name)
        if name in settings:
            report.add("setting-inside", at)
        elif name not in variables and name not in words("others"):
            settings_unknown(name, variables, at, report)
        if isinstance(value, (bool, int, float)):
            report.add("variable-no-text", at, found="true or false" if isinstance(value, bool) else "a number")
    for entry in words("old"):
        if entry["name"] in table:
            report.add("variable-old", ("env", entry["name"]), why=entry["why"], hint=entry["hint"])


def settings_unknown(name: str, variables: Mapping[str, Any], at: Place, report: Report) -> None:
    """A near miss is an error, another name of Anthropic's a notice, and any other name is the reader's own."""
    compared = [other for other in variables if other.startswith(SETTINGS_OWN) or re.match(words("compared"), other)]
    simple = name.upper().replace("-", "_").strip()
    meant = simple if simple in compared else words("expected").get(simple) or keys_near(name, compared)
    if meant:
        report.add("variable-misspelt", at, meant=meant)
    elif name.startswith(SETTINGS_OWN):
        report.add("variable-unknown", at)


def settings_value(name: str, value: str, report: Report) -> None:
    """Values a variable of that kind does not take."""
    at, kind = ("env", name), known("claude-code")["env"]["properties"].get(name, {}).get("x-kind")
    low = value.strip().lower()
    if name in words("presence_flags"):
        if low in SETTINGS_OFF:
            report.add("presence-flag", at)
    elif secrets_variable(value):
        report.add("literal-variable", at, hint="write the value itself, or set the variable in the shell and leave it out here")
    elif kind == "integer" and not SETTINGS_NUMBER.fullmatch(value):
        report.add("variable-number", at)
    elif kind == "boolean" and low not in (*SETTINGS_ON, *SETTINGS_OFF):
        report.add("variable-flag", at)
    if name == "NODE_TLS_REJECT_UNAUTHORIZED" and value.strip() == "0":
        report.add("tls-off", at)
    if name in words("credentials") and not report.has(at):
        settings_credential(name, value, report)
    if name == "ANTHROPIC_CUSTOM_HEADERS":
        for number, line in enumerate(value.split("\n"), start=1):
            if line.strip() and not re.match(r"\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+\s*:", line):
                report.add("header-form", at, number=number)


def settings_credential(name: str, value: str, report: Report) -> None:
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


def settings_address(name: str, value: str, report: Report) -> None:
    if name in words("proxies"):
        if re.match(r"\s*socks", value, re.IGNORECASE):
            report.add("proxy-scheme", ("env", name))
        return
    if not name.startswith("ANTHROPIC_") or not name.endswith("_BASE_URL"):
        return
    at, why = ("env", name), settings_no_address(value)
    if secrets_variable(value):
        report.add("literal-variable", at, hint="write the address itself")
    elif why:
        report.add("base-url-form", at, why=why)
    else:
        parts = urlsplit(value.strip())
        tail = re.search(r"/v1(/messages)?/*$", parts.path)
        if tail and name in words("messages_urls"):
            report.add("base-url-v1", at, tail=tail.group(0).rstrip("/"))
        if parts.scheme == "http" and not settings_loopback(parts.hostname or ""):
            report.add("base-url-http", at)


def settings_no_address(value: str) -> str:
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


def settings_loopback(host: str) -> bool:
    """Source: RFC 6761 for localhost, RFC 1122 and RFC 4291 for the addresses."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


# Credentials and conflicts --------------------------------------------------------------------


def settings_header_credential(value: str) -> bool:
    names = [line.partition(":")[0].strip().lower() for line in value.split("\n") if line.partition(":")[2].strip()]
    return any(name in words("credential_headers") for name in names)


def settings_project(data: dict[str, Any], variables: Mapping[str, str], report: Report) -> None:
    """Credentials in a file that others get. Source: https://code.claude.com/docs/en/llm-gateway-connect"""
    scope = report.kind.scope
    if scope not in ("project", "local"):
        return
    for name, value in variables.items():
        is_one = name in words("credentials") or bool(SECRETS_USERINFO.search(value)) or (name == "ANTHROPIC_CUSTOM_HEADERS" and settings_header_credential(value))
        if value and is_one and not report.has(("env", name)):
            report.add(f"credential-in-{scope}", ("env", name))
    if scope == "project" and data.get("apiKeyHelper"):
        report.add("helper-in-project", ("apiKeyHelper",))


def settings_conflicts(data: dict[str, Any], variables: Mapping[str, str], report: Report) -> None:
    token, key, helper = bool(variables.get("ANTHROPIC_AUTH_TOKEN")), bool(variables.get("ANTHROPIC_API_KEY")), bool(data.get("apiKeyHelper"))
    if token and key:
        hint = 'for a gateway that is ANTHROPIC_AUTH_TOKEN, with ANTHROPIC_API_KEY "" to keep one from the shell back'
        report.add("both-credentials", ("env", "ANTHROPIC_API_KEY"), other="ANTHROPIC_AUTH_TOKEN", hint=hint)
    elif helper and (token or key):
        other = "ANTHROPIC_AUTH_TOKEN" if token else "ANTHROPIC_API_KEY"
        report.add("both-credentials", ("apiKeyHelper",), other=f"env.{other}", hint="the helper keeps the credential out of the file")
    on = [entry for entry in words("providers") if variables.get(entry["flag"], "").strip().lower() in SETTINGS_ON]
    if on and variables.get("ANTHROPIC_BASE_URL"):
        report.add("provider-and-base-url", ("env", "ANTHROPIC_BASE_URL"), flag=on[0]["flag"], variable=on[0]["url"])
    flags = [entry["flag"] for entry in on]
    if len(flags) > 1 and set(flags) != set(words("together")):
        report.add("two-providers", ("env", flags[1]), flag=flags[0])
    for entry in words("providers"):
        if variables.get(entry["skip"], "").strip().lower() in SETTINGS_ON and not variables.get(entry["url"]):
            report.add("skip-without-url", ("env", entry["skip"]), variable=entry["url"])
        if variables.get(entry["url"]) and entry["flag"] not in variables:
            report.add("url-without-provider", ("env", entry["url"]), flag=entry["flag"])


def settings_secrets(data: dict[str, Any], report: Report) -> None:
    """A credential somewhere else than in a variable that is for one, such as in the helper's command."""
    for path, value in document_leaves(data):
        in_place = path[0] == "env" and path[-1] in words("credentials")
        found = None if in_place or not isinstance(value, str) else secrets_what("", value)
        if found and found[0] != "password in an address" and not report.has(path) and path[:2] != ("env", "ANTHROPIC_CUSTOM_HEADERS"):
            report.add("literal-secret", path, what=found[0], hint="read it from a file that only you can read")


# schemas/rules/litellm.py -------------------------------------------------------------------------------------


LITELLM_SCHEMA = "litellm-config.schema.json"
#: The lists of fallbacks. Source: Router.__init__ and litellm/__init__.py.
LITELLM_FALLBACKS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
LITELLM_CALLBACKS = ("callbacks", "success_callback", "failure_callback")
#: Sections with which a file without models still serves something.
LITELLM_OTHER_ROUTES = ("include", "mcp_servers", "agents", "agent_list", "vector_store_registry", "pass_through_endpoints")
LITELLM_NAME = re.compile(r"[A-Za-z_]\w*")


def litellm_check(document: Document, report: Report, env: Mapping[str, str] | None) -> None:
    """Report everything. The order decides which of two rules speaks about one place."""
    data = document.data
    litellm_master_key(data, report, env)
    litellm_banned(data, report)
    litellm_references(data, report, env)
    litellm_secrets(data, report)
    litellm_cache(data, report, env)
    litellm_callbacks(data, report)
    litellm_models(data, report)
    litellm_routes(data, report)
    keys_check(document, LITELLM_SCHEMA, report, litellm_elsewhere())


#: Documented names that are too common to say where they belong.
LITELLM_COMMON = ("model", "email", "token", "user", "tags", "headers", "metadata")


@cache
def litellm_elsewhere() -> dict[str, str]:
    """A documented key -> the section in which LiteLLM reads it, for keys that stand somewhere else."""
    sections = known("litellm")
    found = dict.fromkeys(sections["litellm_params_documented"]["enum"], "litellm_params")
    for section in ("litellm_settings", "general_settings", "router_settings"):
        documented = (name for name, schema in sections[section]["properties"].items() if schema and not name.endswith("_models"))
        found |= dict.fromkeys(documented, section)
    for name in LITELLM_COMMON:
        found.pop(name, None)
    top = (name for name in sections["config"]["properties"] if name.endswith(("_settings", "_list")))
    return found | dict.fromkeys(top, "the top level of the file")


def litellm_mapping(value: Any) -> dict[Any, Any]:
    """The value when it is a mapping, else an empty one: shapes are another rule's."""
    return value if isinstance(value, dict) else {}


def litellm_items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# Credentials and the environment --------------------------------------------------------


def litellm_master_key(data: dict[Any, Any], report: Report, env: Mapping[str, str] | None) -> None:
    general, at = litellm_mapping(data.get("general_settings")), ("general_settings", "master_key")
    for section in ("litellm_settings", "router_settings", "environment_variables"):
        if "master_key" in litellm_mapping(data.get(section)):
            report.add("master-key-section", (section, "master_key"))
    if "master_key" in data:
        report.add("master-key-section", ("master_key",))
    if "master_key" not in general:
        litellm_master_key_of_environment(data, report, env)
        return
    value = general["master_key"]
    if value is None or (isinstance(value, str) and not value.strip()):
        report.add("master-key-empty", at)
    elif isinstance(value, str) and value.startswith(SECRETS_REFERENCE):
        if env is not None:
            litellm_strength(env.get(value.removeprefix(SECRETS_REFERENCE), ""), at, report)
    elif isinstance(value, str) and not secrets_variable(value):
        litellm_strength(value, at, report)


def litellm_master_key_of_environment(data: dict[Any, Any], report: Report, env: Mapping[str, str] | None) -> None:
    if litellm_mapping(data.get("general_settings")).get("dangerously_permit_weak_or_unset_master_key") is True:
        return
    at = ("general_settings",) if "general_settings" in data else ()
    if env is None:
        report.add("master-key-missing", at, severity="notice")
    elif not env.get("LITELLM_MASTER_KEY"):
        report.add("master-key-missing", at)
    else:
        litellm_strength(env["LITELLM_MASTER_KEY"], at, report)


def litellm_strength(value: str, at: Place, report: Report) -> None:
    """Source of the digests: master_key_boot_check.py."""
    if not value:
        return
    if hashlib.sha256(value.strip().encode()).hexdigest() in known("litellm")["public_master_key_sha256"]["enum"]:
        report.add("master-key-public", at)
    elif secrets_weak(value):
        report.add("master-key-weak", at)
    elif not value.startswith("sk-"):
        report.add("master-key-prefix", at)


def litellm_references(data: dict[Any, Any], report: Report, env: Mapping[str, str] | None) -> None:
    """Values that stand for a variable, rightly or not."""
    own = litellm_mapping(data.get("environment_variables"))
    managed = litellm_mapping(data.get("general_settings")).get("key_management_system") is not None
    for path, value in document_leaves(data):
        if not isinstance(value, str) or path[0] in words("templates") or (len(path) > 1 and path[1] in words("templates")):
            continue
        name = secrets_variable(value)
        if name:
            report.add("literal-variable", path, hint=f"write os.environ/{name}")
        elif value.startswith(SECRETS_REFERENCE):
            variable = value.removeprefix(SECRETS_REFERENCE)
            if not LITELLM_NAME.fullmatch(variable):
                if not managed:
                    report.add("environment-name", path)
            elif variable in own and path[0] != "environment_variables" and not (env and variable in env):
                report.add("environment-late", path, variable=variable)
            elif env is not None and variable not in env and not managed:
                report.add("environment-unset", path, variable=variable)
        elif SECRETS_REFERENCE in value:
            report.add("environment-inside", path)
    for name in own:
        if name in known("litellm")["skipped_environment"]["enum"]:
            report.add("environment-skipped", ("environment_variables", name))


def litellm_secrets(data: dict[Any, Any], report: Report) -> None:
    for path, value in document_leaves(data):
        key = next((part for part in reversed(path) if isinstance(part, str)), "")
        found = secrets_what(key, value)
        if found is None or report.has(path):
            continue
        if found[1]:
            name = key.upper() if re.fullmatch(r"[A-Za-z_]+", key) else "NAME"
            name = {"MASTER_KEY": "LITELLM_MASTER_KEY", "API_KEY": "UPSTREAM_ANTHROPIC_API_KEY", "AUTHORIZATION": "NAME"}.get(name, name)
            report.add("literal-secret", path, what=found[0], hint=f"write os.environ/{name} and set that variable where LiteLLM starts")
        else:
            report.add("literal-credential", path)


def litellm_banned(data: dict[Any, Any], report: Report) -> None:
    for rule, name in (("banned-setting", "banned"), ("useless-setting", "useless")):
        for entry in words(name):
            for path in litellm_matching(data, entry["path"]):
                value = data
                for part in path:
                    value = value[part]
                if value is entry["value"]:
                    report.add(rule, path, why=entry["why"], hint=entry["hint"])


def litellm_matching(value: Any, wanted: list[str], path: Place = ()) -> Iterator[Place]:
    """Paths that fit a list of keys, in which ``*`` stands for any index."""
    if not wanted:
        yield path
    elif wanted[0] == "*":
        for index, item in enumerate(litellm_items(value)):
            yield from litellm_matching(item, wanted[1:], (*path, index))
    elif wanted[0] in litellm_mapping(value):
        yield from litellm_matching(value[wanted[0]], wanted[1:], (*path, wanted[0]))


# Settings ---------------------------------------------------------------------------------


def litellm_cache(data: dict[Any, Any], report: Report, env: Mapping[str, str] | None) -> None:
    """Source: ProxyConfig.load_config (Redis without cache_params), Cache.__init__ (memory without a type), _redis.py (REDIS_ variables)."""
    settings = litellm_mapping(data.get("litellm_settings"))
    params, at = litellm_mapping(settings.get("cache_params")), ("litellm_settings", "cache_params" if settings.get("cache_params") else "cache")
    if "cache_params" in settings and "cache" not in settings:
        report.add("cache-unused", at)
    if settings.get("cache") is not True:
        return
    named = [key for key in ("host", "url", "port", "password", "redis_startup_nodes", "startup_nodes", "sentinel_nodes") if params.get(key)]
    variables = env is not None and any(env.get(name) for name in ("REDIS_HOST", "REDIS_URL", "REDIS_CLUSTER_NODES", "REDIS_SENTINEL_NODES"))
    if params and not params.get("type"):
        report.add("cache-type", (*at, named[0]) if named else at, severity="error" if named else "notice")
    elif params.get("type", "redis") in ("redis", "redis-semantic") and not set(named) - {"port", "password"} and not variables:
        report.add("cache-host", at)


def litellm_callbacks(data: dict[Any, Any], report: Report) -> None:
    known_names = known("litellm")["callback"]["enum"]
    for key in LITELLM_CALLBACKS:
        for index, name in enumerate(litellm_items(litellm_mapping(data.get("litellm_settings")).get(key))):
            if not isinstance(name, str) or name in known_names or "." in name or secrets_variable(name):
                continue
            meant = keys_near(name, known_names)
            report.add("callback-misspelt" if meant else "callback-unknown", ("litellm_settings", key, index), meant=meant)


# Models and routes --------------------------------------------------------------------------


def litellm_models(data: dict[Any, Any], report: Report) -> None:
    if data.get("model_list") in (None, []):
        general = litellm_mapping(data.get("general_settings"))
        elsewhere = any(data.get(key) or general.get(key) for key in LITELLM_OTHER_ROUTES) or general.get("store_model_in_db") is True
        whole = any(key in data for key in ("general_settings", "litellm_settings", "router_settings"))
        at = ("model_list",) if "model_list" in data else ()
        report.add("model-list-missing", at, severity="error" if (whole or at) and not elsewhere else "notice")
    own = {entry.get("provider") for entry in litellm_items(litellm_mapping(data.get("litellm_settings")).get("custom_provider_map")) if isinstance(entry, dict)}
    for index, entry in enumerate(litellm_items(data.get("model_list"))):
        params = litellm_mapping(litellm_mapping(entry).get("litellm_params"))
        if isinstance(params.get("model"), str) and params["model"]:
            litellm_provider(params, ("model_list", index, "litellm_params"), own, report)


def litellm_provider(params: dict[Any, Any], at: Place, own: set[Any], report: Report) -> None:
    """Source: litellm.get_llm_provider; the lists are dumped from it."""
    sections, model = known("litellm"), params["model"]
    provider, slash, _ = model.partition("/")
    base = params.get("api_base") or params.get("base_url")
    if report.has((*at, "model")) or model.startswith(SECRETS_REFERENCE):
        return
    if params.get("custom_llm_provider") is None and not (isinstance(base, str) and any(end in base for end in sections["openai_endpoint"]["enum"])):
        providers = sections["provider"]["enum"]
        if not slash:
            bare = re.sub(r"^(us|eu|apac|jp|au|global|us-gov)\.", "", model)
            if not {model, bare} & set(sections["bare_model"]["enum"]) and not re.match(r"ft:|(anthropic|amazon|meta|mistral|cohere|ai21)\.", bare):
                report.add("provider-missing", (*at, "model"))
        elif provider not in providers and provider not in own and provider not in sections["callback"]["enum"] and model not in sections["bare_model"]["enum"]:
            meant = litellm_one_edit(provider, providers)
            report.add("provider-misspelt" if meant else "provider-unknown", (*at, "model"), meant=meant, name=provider)
    if provider == "anthropic" and isinstance(base, str) and re.search(r"/v1/?$", base):
        report.add("api-base-v1", (*at, "api_base" if "api_base" in params else "base_url"))


def litellm_one_edit(name: str, known_names: list[str]) -> str | None:
    """Stricter than near(): mistralai/ is no misspelling of mistral/ but another company's habit."""
    meant = keys_near(name, known_names)
    return meant if meant and keys_edits(name.lower(), meant) <= 1 else None


def litellm_routes(data: dict[Any, Any], report: Report) -> None:
    if not isinstance(data.get("model_list"), list) or data.get("include"):
        return
    router = litellm_mapping(data.get("router_settings"))
    names = [entry["model_name"] for entry in data["model_list"] if isinstance(entry, dict) and isinstance(entry.get("model_name"), str)]
    aliases = {**litellm_mapping(router.get("model_group_alias")), **litellm_mapping(litellm_mapping(data.get("litellm_settings")).get("model_alias_map"))}
    served = litellm_served(names)
    for alias, target in litellm_mapping(router.get("model_group_alias")).items():
        target = litellm_mapping(target).get("model", target) if isinstance(target, dict) else target
        if isinstance(target, str) and not served(target):
            report.add("alias-unknown", ("router_settings", "model_group_alias", alias), model=target, hint=litellm_instead(target, names))
    served = litellm_served([*names, *(alias for alias in aliases if isinstance(alias, str))])
    if names:
        for section in ("router_settings", "litellm_settings"):
            litellm_fallbacks(litellm_mapping(data.get(section)), section, names, served, report)
        litellm_client(names, served, report)


def litellm_served(names: list[str]) -> Callable[[str], bool]:
    """Whether a name is routed: by its own entry, or by one with ``*``; ``anthropic/*`` also takes a bare claude name."""
    patterns = [name for name in names if "*" in name]
    return lambda name: name in names or any(fnmatch.fnmatchcase(form, pattern) for pattern in patterns for form in (name, f"anthropic/{name}"))


def litellm_instead(name: str, names: list[str]) -> str:
    meant = keys_near(name, names)
    return f"write {meant}" if meant else f"write one of {', '.join(sorted(set(names))[:8])}, or add an entry of this name"


def litellm_fallbacks(settings: dict[Any, Any], section: str, names: list[str], served: Callable[[str], bool], report: Report) -> None:
    for key in LITELLM_FALLBACKS:
        edges: dict[str, list[tuple[str, Place]]] = {}
        for index, entry in enumerate(litellm_items(settings.get(key))):
            for source, targets in litellm_mapping(entry).items():
                at: Place = (section, key, index, source)
                if isinstance(source, str) and source != "*" and not served(source):
                    report.add("fallback-unknown", at, model=source, hint=litellm_instead(source, names))
                for place, target in enumerate(litellm_items(targets)):
                    target = litellm_mapping(target).get("model") if isinstance(target, dict) else target
                    if not isinstance(target, str):
                        continue
                    if target == source:
                        report.add("fallback-self", (*at, place), model=target)
                    elif not served(target):
                        report.add("fallback-unknown", (*at, place), model=target, hint=litellm_instead(target, names))
                    else:
                        edges.setdefault(str(source), []).append((target, (*at, place)))
        for circle, at in litellm_circles(edges):
            report.add("fallback-circle", at, circle=" > ".join(circle))
    for index, target in enumerate(litellm_items(settings.get("default_fallbacks"))):
        if isinstance(target, str) and not served(target):
            report.add("fallback-unknown", (section, "default_fallbacks", index), model=target, hint=litellm_instead(target, names))


def litellm_circles(edges: dict[str, list[tuple[str, Place]]]) -> Iterator[tuple[list[str], Place]]:
    """Each circle once, at the entry that closes it."""
    done: set[str] = set()

    def visit(node: str, trail: list[str]) -> Iterator[tuple[list[str], Place]]:
        done.add(node)
        for target, at in edges.get(node, []):
            if target in trail:
                yield [*trail[trail.index(target) :], target], at
            elif target not in done:
                yield from visit(target, [*trail, target])

    for start in edges:
        if start not in done:
            yield from visit(start, [start])


def litellm_client(names: list[str], served: Callable[[str], bool], report: Report) -> None:
    """Whether the gateway serves what Claude Code asks for, told from the names it has (snippets/facts/models.yaml)."""
    background, ids = client_models()
    missing = [name for name in ids if not served(name)]
    if not missing:
        return
    if background in missing and len(missing) < len(ids):
        report.add("background-model", ("model_list",), model=background)
        missing.remove(background)
    if missing and (len(missing) < len(ids) or any("claude" in name for name in names)):
        report.add("client-model", ("model_list",), models=", ".join(missing))


# What each rule says: schemas/rules/rules.yaml.
RULES = json.loads(r'''
{"too-large": {"severity": "error", "message": "its aliases stand for more values than any configuration has, or for themselves", "remedy":
"write the values out"}, "misspelt-key": {"severity": "error", "message": "nothing reads this key", "remedy": "write {meant}"}, "unknown-key": {
"severity": "notice", "message": "the pinned version reads no such key here", "remedy": "look it up, or remove it"}, "wrong-section": {"severity":
"error", "message": "nothing reads this key here", "remedy": "move it into {section}"}, "missing-key": {"severity": "error", "message":
"this key is missing", "remedy": "add {name} to the entry"}, "empty-key": {"severity": "notice", "message": "the key has no value", "remedy":
"give it one, or remove it"}, "empty-list": {"severity": "error", "message": "the list is empty", "remedy": "add an entry"}, "wrong-type": {"severity"
: "error", "message": "the value must be {wanted}, and is {found}", "remedy": "{hint}"}, "unknown-value": {"severity": "error", "message":
"the value is none of the choices", "remedy": "{hint}"}, "literal-secret": {"severity": "error", "message":
"a {what} stands in the file, where everybody who gets the file reads it", "remedy": "{hint}"}, "literal-variable": {"severity": "error", "message":
"the value is used as it stands, because no variable is replaced in this form", "remedy": "{hint}"}, "yaml-syntax": {"severity": "error", "message":
"it is not YAML: {problem}", "remedy": "repair this line, or one shortly before it"}, "yaml-tab": {"severity": "error", "message":
"a tab stands where YAML wants spaces", "remedy": "indent with spaces"}, "yaml-empty": {"severity": "error", "message":
"the file holds no value, and LiteLLM does not start with it", "remedy": "write at least model_list and general_settings"}, "yaml-no-mapping": {
"severity": "error", "message": "the file is no mapping", "remedy": "start with model_list and a colon"}, "yaml-duplicate-key": {"severity": "error",
"message": "the key stands already in line {first}, and only the last one counts", "remedy": "join the two"}, "model-list-missing": {"severity":
"error", "message": "there is no model, so every request is answered with 400 Invalid model name", "remedy":
"write model_list with an entry for each model"}, "provider-misspelt": {"severity": "error", "message":
"LiteLLM knows no provider of this name and leaves the deployment out", "remedy": "write {meant}/ before the model"}, "provider-unknown": {"severity"
: "notice", "message": "LiteLLM knows no provider {name} and leaves the deployment out unless custom_provider_map names it", "remedy":
"write a provider of https://docs.litellm.ai/docs/providers before the model"}, "provider-missing": {"severity": "error", "message":
"LiteLLM cannot tell whose model this is and leaves the deployment out", "remedy":
"write the provider and a slash before it, such as anthropic/ or bedrock/"}, "api-base-v1": {"severity": "error", "message":
"LiteLLM adds /v1/messages itself, so requests go to /v1/v1/messages", "remedy": "remove /v1 from the end"}, "background-model": {"severity": "error"
, "message": "no route serves {model}, which Claude Code also asks for by itself, such as for session titles", "remedy":
"add an entry with model_name: {model}"}, "client-model": {"severity": "notice", "message":
"no route serves {models}, which Claude Code asks for when a user picks them", "remedy":
"add entries of these names, or set ANTHROPIC_DEFAULT_OPUS_MODEL and its sisters on the client"}, "fallback-self": {"severity": "error", "message":
"{model} falls back to itself, which helps nobody", "remedy": "name another model, or remove the entry"}, "fallback-circle": {"severity": "error",
"message": "the fallbacks run in a circle ({circle}), so when all of it is down each is tried in vain", "remedy":
"let the last one fall back to nothing"}, "fallback-unknown": {"severity": "error", "message": "model_list has no {model}", "remedy": "{hint}"},
"alias-unknown": {"severity": "error", "message": "the alias stands for {model}, and model_list has no such name", "remedy": "{hint}"},
"environment-unset": {"severity": "error", "message": "{variable} is not set in the environment LiteLLM would start in", "remedy":
"set it there, or correct the name"}, "environment-late": {"severity": "error", "message":
"{variable} is set by environment_variables, which LiteLLM reads after it has replaced this", "remedy": "set it in the environment LiteLLM starts in"}
, "environment-name": {"severity": "error", "message": "after os.environ/ stands no name of a variable", "remedy":
"write letters, digits and underscores only, such as os.environ/LITELLM_MASTER_KEY"}, "environment-inside": {"severity": "error", "message":
"LiteLLM replaces os.environ/ only where a value starts with it", "remedy": "put the whole value into one variable"}, "environment-skipped": {
"severity": "error", "message": "LiteLLM skips this name here, for safety", "remedy": "set it in the environment LiteLLM starts in"},
"literal-credential": {"severity": "notice", "message": "the value stands in the file", "remedy":
"if it is a real one, write os.environ/NAME and set NAME where LiteLLM starts"}, "master-key-missing": {"severity": "error", "message":
"there is no master key, and LiteLLM refuses to start when LITELLM_MASTER_KEY is not set either", "remedy":
"add master_key: os.environ/LITELLM_MASTER_KEY to general_settings, and set that variable"}, "master-key-empty": {"severity": "error", "message":
"the master key is empty, and LiteLLM refuses to start, whatever LITELLM_MASTER_KEY says", "remedy": "write os.environ/LITELLM_MASTER_KEY"},
"master-key-public": {"severity": "error", "message": "everybody knows this master key, and LiteLLM refuses to start with it", "remedy":
"make a long random one, keep it in a variable, and write os.environ/LITELLM_MASTER_KEY"}, "master-key-weak": {"severity": "error", "message":
"the master key is short or made of a common word, and LiteLLM does not say so", "remedy":
"make a random one of at least 32 characters, keep it in a variable, and write os.environ/LITELLM_MASTER_KEY"}, "master-key-prefix": {"severity":
"notice", "message": "the documentation asks for a master key that starts with sk-", "remedy": "put sk- before it"}, "master-key-section": {"severity"
: "error", "message": "LiteLLM reads the master key in general_settings only", "remedy": "move it into general_settings"}, "cache-host": {"severity":
"error", "message": "the cache is Redis unless told otherwise, and no host is named, so LiteLLM does not start", "remedy":
"add cache_params with host: os.environ/REDIS_HOST, or with type: local"}, "cache-type": {"severity": "error", "message":
"cache_params names no type, so LiteLLM caches in the memory of each process and asks no Redis", "remedy":
"add type: redis, or type: local if that is meant"}, "cache-unused": {"severity": "error", "message": "LiteLLM reads this only beside cache: true",
"remedy": "add cache: true, or remove cache_params"}, "callback-misspelt": {"severity": "error", "message":
"LiteLLM knows no callback of this name and says nothing about it", "remedy": "write {meant}"}, "callback-unknown": {"severity": "notice", "message":
"LiteLLM knows no callback of this name", "remedy":
"write a name of https://docs.litellm.ai/docs/proxy/logging, or module.instance for one of your own"}, "banned-setting": {"severity": "error",
"message": "{why}", "remedy": "{hint}"}, "useless-setting": {"severity": "notice", "message": "{why}", "remedy": "{hint}"}, "json-syntax": {"severity"
: "error", "message": "it is not JSON ({problem}), so Claude Code leaves the whole file out", "remedy":
"repair this line; JSON has no comments and no comma after the last entry"}, "json-empty": {"severity": "error", "message": "the file is empty",
"remedy": "write {{}} at least, or remove the file"}, "json-no-mapping": {"severity": "error", "message":
"the file is no JSON object, so Claude Code leaves it out", "remedy": "start with a curly bracket"}, "json-duplicate-key": {"severity": "error",
"message": "the key stands already in line {first}, and only the last one counts", "remedy": "join the two"}, "variable-misspelt": {"severity":
"error", "message": "Claude Code reads no variable of this name", "remedy": "write {meant}"}, "variable-unknown": {"severity": "notice", "message":
"the pinned Claude Code reads no variable of this name", "remedy": "look it up, or remove it"}, "variable-outside": {"severity": "error", "message":
"this is a variable, and Claude Code reads variables in env only", "remedy": "move it into env"}, "setting-inside": {"severity": "error", "message":
"this is a setting, and env is for variables", "remedy": "move it out of env"}, "variable-no-text": {"severity": "notice", "message":
"the value of a variable is text; this version turns {found} into it", "remedy": "put it in quotation marks"}, "variable-number": {"severity": "error"
, "message": "Claude Code wants a whole number here", "remedy": "write digits only"}, "variable-flag": {"severity": "notice", "message":
"Claude Code reads 1 or true, 0 or false here", "remedy": "write \"1\" or \"0\""}, "variable-old": {"severity": "notice", "message": "{why}", "remedy"
: "{hint}"}, "presence-flag": {"severity": "error", "message": "any value turns this on, also this one", "remedy":
"remove the line, or write \"\" to leave it off"}, "base-url-v1": {"severity": "error", "message":
"Claude Code adds /v1/messages itself, so requests go to a path that does not exist, and it blames the model", "remedy": "remove {tail} from the end"}
, "base-url-form": {"severity": "error", "message": "this is no address that Claude Code can use: {why}", "remedy":
"write it like https://gateway.corp.example"}, "base-url-http": {"severity": "error", "message":
"the credential and every prompt cross the network readable, because the address starts with http and is not on this machine", "remedy": "write https"
}, "proxy-scheme": {"severity": "error", "message": "Claude Code speaks to HTTP proxies only", "remedy": "write http://host:port or https://host:port"
}, "tls-off": {"severity": "error", "message": "this turns the verification of certificates off for every connection", "remedy":
"remove it, and name your company's certificate authority in NODE_EXTRA_CA_CERTS"}, "both-credentials": {"severity": "error", "message":
"{other} is set too, and Claude Code sends both to the gateway", "remedy": "keep one; {hint}"}, "credential-in-project": {"severity": "error",
"message": "a project's settings are committed, so this credential is given to everybody who has the repository", "remedy":
"move it into ~/.claude/settings.json or the shell, or print it with apiKeyHelper in your own settings"}, "credential-in-local": {"severity": "notice"
, "message": "git leaves settings.local.json out only when Claude Code itself made the file", "remedy":
"look whether git status shows it, or move the credential into ~/.claude/settings.json"}, "helper-in-project": {"severity": "notice", "message":
"a project's helper runs on the machine of everybody who works in it; with claude -p nobody is asked first", "remedy":
"move it into ~/.claude/settings.json or into managed settings"}, "credential-form": {"severity": "error", "message":
"this cannot be a credential: {why}", "remedy": "{hint}"}, "header-form": {"severity": "error", "message":
"header {number} is not of the form Name: value, and Claude Code leaves it out", "remedy": "write Name: value, and \\n between two headers"},
"provider-and-base-url": {"severity": "error", "message": "{flag} is on, so Claude Code does not use this address", "remedy":
"remove one of the two, or put the address into {variable}"}, "two-providers": {"severity": "error", "message":
"{flag} is on too, and only one of them is used", "remedy": "keep one"}, "skip-without-url": {"severity": "error", "message":
"requests go unsigned to the cloud provider itself, because {variable} names no gateway that would sign them", "remedy":
"set {variable}, or remove this"}, "url-without-provider": {"severity": "notice", "message": "Claude Code reads this address only when {flag} is on",
"remedy": "set {flag} to \"1\", unless another file does"}}
''')


# Names the rules look for: schemas/rules/words.yaml.
WORDS = json.loads(r'''
{"secret_keys": ["api_key", "apikey", "secret", "secret_key", "password", "passwd", "token", "private_key", "access_key", "master_key", "salt_key"
, "authorization", "x_api_key"], "not_secret_keys": ["max_token", "per_token", "bos_token", "eos_token", "page_token", "public_key", "cache_key"
, "next_token", "aws_web_identity_token", "langfuse_public_key", "api_key_alias", "litellm_credential_name", "azure_scope", "proxy_auth"],
"secret_shapes": ["sk-ant-[A-Za-z0-9]+-[A-Za-z0-9_-]{20,}", "sk-[A-Za-z0-9_-]{20,}", "(?:AKIA|ASIA)[0-9A-Z]{16}", "AIza[0-9A-Za-z_-]{35}"
, "gh[pousr]_[0-9A-Za-z]{30,}", "github_pat_[0-9A-Za-z_]{30,}", "xox[abpr]-[0-9A-Za-z-]{10,}", "(?:gsk|hf|pplx)_[0-9A-Za-z]{20,}"
, "eyJ[0-9A-Za-z_-]{10,}\\.eyJ[0-9A-Za-z_-]{10,}", "-----BEGIN [A-Z ]*PRIVATE KEY-----"], "placeholders": ["fake", "dummy", "test", "example"
, "placeholder", "your", "change", "xxx", "none", "null", "todo", "replace", "insert", "sample", "local", "anything", "not-needed", "no-key"
, "not-a-real", "no-use", "ollama", "lm-studio"], "weak": ["1234", "password", "secret", "admin", "master", "litellm", "letmein", "qwerty", "default"
, "key"], "templates": ["pass_through_endpoints", "prompts", "guardrails", "policies", "mcp_servers", "agents", "vector_store_registry"], "banned": [{
"path": ["general_settings", "dangerously_permit_weak_or_unset_master_key"], "value": true, "why":
"the gateway then starts without a master key, and answers everybody", "hint": "remove it, and set a master key"}, {"path": ["litellm_settings"
, "ssl_verify"], "value": false, "why": "the gateway then believes everybody who claims to be the provider", "hint":
"write the path of your company's certificate authority: ssl_verify: /path/to/ca.pem"}, {"path": ["model_list", "*", "litellm_params", "ssl_verify"],
"value": false, "why": "the gateway then believes everybody who claims to be the provider", "hint":
"write the path of your company's certificate authority: ssl_verify: /path/to/ca.pem"}], "useless": [{"path": ["litellm_settings", "set_verbose"],
"value": true, "why": "it logs a warning for each request and no detail", "hint": "set LITELLM_LOG=DEBUG in the environment instead"}], "credentials"
: ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY", "ANTHROPIC_FOUNDRY_AUTH_TOKEN", "ANTHROPIC_AWS_API_KEY"
, "AWS_BEARER_TOKEN_BEDROCK", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_OAUTH_REFRESH_TOKEN"
, "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE", "ANTHROPIC_IDENTITY_TOKEN"], "credential_headers": ["authorization", "proxy-authorization", "x-api-key"
, "api-key", "cookie", "cf-aig-authorization", "x-litellm-api-key", "x-portkey-api-key", "ocp-apim-subscription-key"], "presence_flags":
["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING", "FALLBACK_FOR_ALL_PRIMARY_MODELS", "IS_DEMO"
, "CLAUDE_CODE_TMUX_TRUECOLOR"], "providers": [{"flag": "CLAUDE_CODE_USE_BEDROCK", "url": "ANTHROPIC_BEDROCK_BASE_URL", "skip":
"CLAUDE_CODE_SKIP_BEDROCK_AUTH"}, {"flag": "CLAUDE_CODE_USE_MANTLE", "url": "ANTHROPIC_BEDROCK_MANTLE_BASE_URL", "skip":
"CLAUDE_CODE_SKIP_MANTLE_AUTH"}, {"flag": "CLAUDE_CODE_USE_VERTEX", "url": "ANTHROPIC_VERTEX_BASE_URL", "skip": "CLAUDE_CODE_SKIP_VERTEX_AUTH"}, {
"flag": "CLAUDE_CODE_USE_FOUNDRY", "url": "ANTHROPIC_FOUNDRY_BASE_URL", "skip": "CLAUDE_CODE_SKIP_FOUNDRY_AUTH"}, {"flag":
"CLAUDE_CODE_USE_ANTHROPIC_AWS", "url": "ANTHROPIC_AWS_BASE_URL", "skip": "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH"}], "together":
["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_MANTLE"], "messages_urls": ["ANTHROPIC_BASE_URL", "ANTHROPIC_FOUNDRY_BASE_URL", "ANTHROPIC_AWS_BASE_URL"
, "ANTHROPIC_BEDROCK_MANTLE_BASE_URL"], "proxies": ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"], "compared":
"^(DISABLE_|ENABLE_|FORCE_PROMPT|OTEL_|VERTEX_REGION_|NODE_EXTRA|NODE_TLS|API_|MCP_|BASH_|MAX_THINKING|MAX_MCP|CLOUD_ML|FALLBACK_FOR|DO_NOT_TRACK|AWS_(REGION|PROFILE|BEARER)|GOOGLE_APPLICATION|SSL_CERT|(HTTPS?|NO|ALL)_PROXY$)"
, "old": [{"name": "ANTHROPIC_SMALL_FAST_MODEL", "why": "the name is deprecated", "hint": "write ANTHROPIC_DEFAULT_HAIKU_MODEL"}, {"name":
"CLAUDE_CODE_CONNECT_TIMEOUT_MS", "why": "Claude Code reads it no more since 2.1.186", "hint": "write API_TIMEOUT_MS"}], "others": ["FTP_PROXY"
, "ftp_proxy", "RSYNC_PROXY"], "expected": {"ANTHROPIC_API_BASE_URL": "ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL": "ANTHROPIC_BASE_URL",
"ANTHROPIC_API_BASE": "ANTHROPIC_BASE_URL", "ANTHROPIC_ENDPOINT": "ANTHROPIC_BASE_URL", "ANTHROPIC_URL": "ANTHROPIC_BASE_URL", "CLAUDE_BASE_URL":
"ANTHROPIC_BASE_URL", "CLAUDE_CODE_BASE_URL": "ANTHROPIC_BASE_URL", "ANTHROPIC_TOKEN": "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_TOKEN":
"ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BEARER_TOKEN": "ANTHROPIC_AUTH_TOKEN", "CLAUDE_AUTH_TOKEN": "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_KEY":
"ANTHROPIC_API_KEY"}}
''')


# What Claude Code asks a gateway for: snippets/facts/models.yaml.
MODELS = json.loads(r'''
{"default": "claude-opus-5-5", "ids": ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"]}
''')


# Releases not to use: snippets/facts/versions.yaml.
KNOWN_BAD = json.loads(r'''
{"litellm": [{"version": "1.82.7", "why": "Published by an intruder; proxy_server.py steals credentials when it is imported.", "source":
"https://raw.githubusercontent.com/pypa/advisory-database/main/vulns/litellm/PYSEC-2026-2.yaml"}, {"version": "1.82.8", "why":
"Published by an intruder; litellm_init.pth steals credentials whenever any Python of that environment starts.", "source":
"https://raw.githubusercontent.com/pypa/advisory-database/main/vulns/litellm/PYSEC-2026-2.yaml"}, {"version": "1.107.0", "why":
"LiteLLM excludes it from the releases it vouches for, and it is no longer on the index.", "source":
"https://github.com/BerriAI/litellm/discussions/48242"}], "claude-code": [{"version": "2.1.265", "to": "2.1.267", "why":
"Every request to a gateway fails with 400, because of a tool's description; repaired in 2.1.268.", "source":
"https://github.com/anthropics/claude-code/releases/tag/v2.1.268"}, {"version": "2.1.275", "why":
"Requests to a gateway fail with 400, because of a tool that the provider does not know; repaired in 2.1.276.", "source":
"https://github.com/715494637/claude-code-update/releases/tag/2.1.276"}]}
''')


# Releases this was tried with: snippets/facts/versions.yaml.
PINNED = json.loads(r'''
{"litellm": "1.106.10", "claude-code": "2.1.329"}
''')


# The JSON Schemas and what the pinned programs read: schemas/*.schema.json, schemas/known/*.json.
SCHEMAS = unpacked(json.loads(r'''
{"claude-settings.schema.json": {"$schema": "https://json-schema.org/draft/2020-12/schema", "title":
"Claude Code's settings.json, as a gateway or proxy needs it", "description":
"Shapes are written here; which keys and variables there are is dumped from the pinned Claude Code into known/claude-code.json. What no schema can say stands in rules/."
, "$ref": "known/claude-code.json#/$defs/settings", "additionalProperties": true, "properties": {"$schema": {"type": ["string"]}, "env": {"type":
["object"], "additionalProperties": {"type": ["string", "number", "boolean"], "x-needed": true}}, "apiKeyHelper": {"type": ["string"], "minLength": 1}
, "permissions": {"type": ["object"], "properties": {"defaultMode": {"type": ["string"]}, "disableBypassPermissionsMode": {"enum": ["disable"]}, "*":
[[{"$ref": "#/$defs/rules"}, ["allow deny ask additionalDirectories"]]]}, "additionalProperties": true}, "hooks": {"type": ["object"]}, "statusLine":
{"type": ["object"], "required": ["type"]}}, "$defs": {"rules": {"type": ["array"], "items": {"type": ["string"]}}}}, "litellm-config.schema.json": {
"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "LiteLLM's configuration, as a gateway for Claude Code has it", "description":
"Sections and shapes are written here; which keys there are, and their types, is dumped from the pinned LiteLLM into known/litellm.json. What no schema can say stands in rules/."
, "$ref": "known/litellm.json#/$defs/config", "properties": {"model_list": {"type": "array", "x-needed": true, "minItems": 1, "items": {"$ref":
"#/$defs/model"}}, "general_settings": {"$ref": "known/litellm.json#/$defs/general_settings"}, "litellm_settings": {"$ref":
"known/litellm.json#/$defs/litellm_settings", "properties": {"cache": {"type": ["boolean"]}, "cache_params": {"$ref":
"known/litellm.json#/$defs/cache_params", "properties": {"type": {"$ref": "known/litellm.json#/$defs/cache_type"}, "host": {"type": ["string", "null"]
}, "port": {"type": ["integer", "string", "null"]}}}, "callbacks": {"type": ["array"], "items": {"type": ["string"]}}, "success_callback": {"type":
["array"], "items": {"type": ["string"]}}, "failure_callback": {"type": ["array"], "items": {"type": ["string"]}}, "drop_params": {"type": ["boolean"
, "string"], "pattern": "^os\\.environ/|^([Tt]rue|[Ff]alse)$"}, "json_logs": {"type": ["boolean"]}, "set_verbose": {"type": ["boolean"]},
"num_retries": {"type": ["integer", "null", "string"], "pattern": "^os\\.environ/"}, "request_timeout": {"type": ["number", "null", "string"],
"pattern": "^os\\.environ/"}, "max_budget": {"type": ["number", "string"], "pattern": "^os\\.environ/|^[0-9.]+$"}, "ssl_verify": {"type": ["boolean"
, "string"]}, "fallbacks": {"$ref": "#/$defs/fallbacks"}, "context_window_fallbacks": {"$ref": "#/$defs/fallbacks"}, "content_policy_fallbacks": {
"$ref": "#/$defs/fallbacks"}, "default_fallbacks": {"$ref": "#/$defs/names"}}}, "router_settings": {"$ref":
"known/litellm.json#/$defs/router_settings", "properties": {"fallbacks": {"$ref": "#/$defs/fallbacks"}, "context_window_fallbacks": {"$ref":
"#/$defs/fallbacks"}, "content_policy_fallbacks": {"$ref": "#/$defs/fallbacks"}, "default_fallbacks": {"$ref": "#/$defs/names"}}},
"environment_variables": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}, "credential_list": {
"type": ["array", "null"], "items": {"$ref": "#/$defs/credential"}}, "guardrails": {"type": ["array", "null"], "items": {"type": ["object"],
"required": ["guardrail_name", "litellm_params"]}}, "include": {"$ref": "#/$defs/names"}}, "$defs": {"model": {"$ref":
"known/litellm.json#/$defs/model", "x-needed": true, "required": ["model_name", "litellm_params"], "properties": {"model_name": {"type": ["string"],
"x-needed": true, "minLength": 1}, "litellm_params": {"$ref": "known/litellm.json#/$defs/litellm_params", "type": ["object"], "x-needed": true,
"x-suggest": "litellm_params_documented", "required": ["model"], "properties": {"model": {"type": ["string"], "x-needed": true, "minLength": 1}}},
"model_info": {"$ref": "known/litellm.json#/$defs/model_info"}}}, "credential": {"$ref": "known/litellm.json#/$defs/credential", "required":
["credential_name", "credential_values"]}, "names": {"type": ["array", "null"], "items": {"type": ["string"]}}, "fallbacks": {"type": ["array", "null"
], "items": {"type": ["object"], "minProperties": 1, "additionalProperties": {"type": ["array"], "x-needed": true, "minItems": 1, "items": {"type":
["string", "object"]}}}}}}, "known/claude-code.json": {"$defs": {"env": {"properties": {"*": [[{},
["AGENT_PROXY_AUTH_TOKEN AGENT_PROXY_URL ALACRITTY_LOG ALACRITTY_WINDOW_ID ALLUSERSPROFILE ALL_PROXY ANDROID_HOME ANDROID_SDK_ROOT"
, "ANTHROPIC_API_HOST ANTHROPIC_API_KEY ANTHROPIC_ASSETS_HOST ANTHROPIC_AUTH_TOKEN ANTHROPIC_AWS_API_KEY ANTHROPIC_AWS_BASE_URL"
, "ANTHROPIC_AWS_WORKSPACE_ID ANTHROPIC_BASE_URL ANTHROPIC_BEDROCK_BASE_URL ANTHROPIC_BEDROCK_MANTLE_BASE_URL"
, "ANTHROPIC_BEDROCK_REGION_PREFIX ANTHROPIC_BEDROCK_SERVICE_TIER ANTHROPIC_BETAS ANTHROPIC_CONFIG_DIR ANTHROPIC_CUSTOM_HEADERS"
, "ANTHROPIC_CUSTOM_MODEL_OPTION ANTHROPIC_CUSTOM_MODEL_OPTION_DESCRIPTION ANTHROPIC_CUSTOM_MODEL_OPTION_NAME"
, "ANTHROPIC_CUSTOM_MODEL_OPTION_SUPPORTED_CAPABILITIES ANTHROPIC_DEFAULT_FABLE_MODEL ANTHROPIC_DEFAULT_FABLE_MODEL_DESCRIPTION"
, "ANTHROPIC_DEFAULT_FABLE_MODEL_NAME ANTHROPIC_DEFAULT_FABLE_MODEL_SUPPORTED_CAPABILITIES ANTHROPIC_DEFAULT_HAIKU_MODEL"
, "ANTHROPIC_DEFAULT_HAIKU_MODEL_DESCRIPTION ANTHROPIC_DEFAULT_HAIKU_MODEL_NAME ANTHROPIC_DEFAULT_HAIKU_MODEL_SUPPORTED_CAPABILITIES"
, "ANTHROPIC_DEFAULT_MODEL ANTHROPIC_DEFAULT_OPUS_MODEL ANTHROPIC_DEFAULT_OPUS_MODEL_DESCRIPTION ANTHROPIC_DEFAULT_OPUS_MODEL_NAME"
, "ANTHROPIC_DEFAULT_OPUS_MODEL_SUPPORTED_CAPABILITIES ANTHROPIC_DEFAULT_SONNET_MODEL ANTHROPIC_DEFAULT_SONNET_MODEL_DESCRIPTION"
, "ANTHROPIC_DEFAULT_SONNET_MODEL_NAME ANTHROPIC_DEFAULT_SONNET_MODEL_SUPPORTED_CAPABILITIES ANTHROPIC_ENVIRONMENT_ID"
, "ANTHROPIC_ENVIRONMENT_KEY ANTHROPIC_FEDERATION_RULE_ID ANTHROPIC_FOUNDRY_API_KEY ANTHROPIC_FOUNDRY_AUTH_TOKEN"
, "ANTHROPIC_FOUNDRY_BASE_URL ANTHROPIC_FOUNDRY_RESOURCE ANTHROPIC_GOOGLE_CLOUD_BASE_URL ANTHROPIC_GOOGLE_CLOUD_LOCATION"
, "ANTHROPIC_GOOGLE_CLOUD_PROJECT ANTHROPIC_GOOGLE_CLOUD_WORKSPACE_ID ANTHROPIC_IDENTITY_TOKEN ANTHROPIC_IDENTITY_TOKEN_FILE"
, "ANTHROPIC_LOG ANTHROPIC_MODEL ANTHROPIC_ORGANIZATION_ID ANTHROPIC_PROFILE ANTHROPIC_SCOPE ANTHROPIC_SERVICE_ACCOUNT_ID"
, "ANTHROPIC_SESSION_ID ANTHROPIC_SMALL_FAST_MODEL ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION ANTHROPIC_TELEMETRY_GROUP"
, "ANTHROPIC_TIER_NAMES ANTHROPIC_UNIX_SOCKET ANTHROPIC_VERTEX_BASE_URL ANTHROPIC_VERTEX_PROJECT_ID ANTHROPIC_WEBHOOK_SIGNING_KEY"
, "ANTHROPIC_WORKSPACE_ID ANTHROPIC_WORK_ID ANTHROPIC_WORK_SECRET ANT_CLAUDE_CODE_METRICS_ENDPOINT ANT_OTEL_EXPORTER_OTLP_ENDPOINT"
, "ANT_OTEL_EXPORTER_OTLP_HEADERS ANT_OTEL_EXPORTER_OTLP_PROTOCOL ANT_OTEL_LOGS_EXPORTER ANT_OTEL_METRICS_EXPORTER"
, "ANT_OTEL_RESOURCE_ATTRIBUTES ANT_OTEL_TRACES_EXPORTER APPDATA APP_URL AWS_ACCESS_KEY_ID AWS_BEARER_TOKEN_BEDROCK AWS_CA_BUNDLE"
, "AWS_CONFIG_FILE AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_DEFAULT_REGION AWS_ENDPOINT_URL"
, "AWS_ENDPOINT_URL_BEDROCK AWS_ENDPOINT_URL_BEDROCK_RUNTIME AWS_ENDPOINT_URL_STS AWS_EXECUTION_ENV AWS_LAMBDA_FUNCTION_NAME"
, "AWS_PROFILE AWS_REGION AWS_ROLE_ARN AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SHARED_CREDENTIALS_FILE AWS_USE_FIPS_ENDPOINT"
, "AWS_WEB_IDENTITY_TOKEN_FILE AZURE_FUNCTIONS_ENVIRONMENT BASH_DEFAULT_TIMEOUT_MS BASH_MAX_TIMEOUT_MS BAT_THEME"
, "BETA_TRACING_ENDPOINT BROWSER BUILDKITE BUN_CHROME_PATH BUN_INSTALL CACERT_UPDATES CARGO_HTTP_CAINFO CCR_AGENT_PROXY_CA_CERT_B64"
, "CCR_AGENT_PROXY_FRAME_HOSTS CCR_AGENT_PROXY_INCLUDE_HOSTS CCR_AGENT_PROXY_RELAY_MODE CCR_CHECKPOINT_URL"
, "CCR_ON_BRANCH_DEFAULT_GUARD CDPATH CF_PAGES CIRCLECI CLAUDE_AFTER_LAST_COMPACT CLAUDE_AGENT CLAUDE_AGENTS_AUTO_RELAUNCHED_AT"
, "CLAUDE_AGENTS_SELECT CLAUDE_AGENT_SDK_CLIENT_APP CLAUDE_AGENT_SDK_VERSION CLAUDE_AI_AUTHORIZE_URL CLAUDE_AI_HOST"
, "CLAUDE_AI_INFERENCE_SCOPE CLAUDE_AI_ORIGIN CLAUDE_AI_PLUGINS_SCOPE CLAUDE_AI_PRIVACY_CONSENTS_WRITE_SCOPE CLAUDE_AI_PROFILE_SCOPE"
, "CLAUDE_AI_PROJECTS_READ_SCOPE CLAUDE_AI_PROJECTS_WRITE_SCOPE CLAUDE_AI_SESSIONS_SCOPE CLAUDE_AI_SIGN_IN_STEP CLAUDE_API_KEY"
, "CLAUDE_ARTIFACT_HOST_GRANT CLAUDE_AUTOCOMPACT_PCT_OVERRIDE CLAUDE_BASE CLAUDE_BG_AUTH_SNAPSHOT_PATH CLAUDE_BG_AUTO_MEMORY_OFF"
, "CLAUDE_BG_BACKEND CLAUDE_BG_CARRIED_PROMPTS_SHA256 CLAUDE_BG_CLAIM_AUTH CLAUDE_BG_DISPATCHER_RATE_LIMIT_TIER"
, "CLAUDE_BG_DISPATCHER_SUBSCRIPTION_TYPE CLAUDE_BG_DISPATCH_ENTRYPOINT CLAUDE_BG_GATEWAY_ROUTED CLAUDE_BG_GATEWAY_WITHHELD"
, "CLAUDE_BG_ISOLATION CLAUDE_BG_MEMORY_TOGGLED_OFF CLAUDE_BG_PTY_AUTH CLAUDE_BG_RENDEZVOUS_SOCK CLAUDE_BG_RV_AUTH"
, "CLAUDE_BG_SESSION_CREDENTIAL CLAUDE_BG_SESSION_PERMISSION_RULES CLAUDE_BG_SOCKET_TOKENS_PATH CLAUDE_BG_SOCK_ADMIT_SILENT_PEERS"
, "CLAUDE_BG_SOURCE CLAUDE_BG_TCC_DISCLAIMED CLAUDE_BRIDGE_BASE_URL CLAUDE_BRIDGE_OAUTH_TOKEN CLAUDE_BRIDGE_REATTACH_GROUPING"
, "CLAUDE_BRIDGE_REATTACH_OWNER_ACCT CLAUDE_BRIDGE_REATTACH_OWNER_ORG CLAUDE_BRIDGE_REATTACH_SESSION"
, "CLAUDE_BRIDGE_SESSION_INGRESS_URL CLAUDE_CHROME_PAIRED_DEVICE_ID CLAUDE_CHROME_PERMISSION_MODE CLAUDE_CHROME_TAB_GROUP_KEY"
, "CLAUDE_CLIENT_PRESENCE_FILE CLAUDE_CODE_3P_PROBE_WROTE_HAIKU_DEFAULT CLAUDE_CODE_3P_PROBE_WROTE_OPUS_DEFAULT"
, "CLAUDE_CODE_3P_PROBE_WROTE_SONNET_DEFAULT CLAUDE_CODE_3P_SEEDED_OPUS_DEFAULT CLAUDE_CODE_3P_SEEDED_SONNET_DEFAULT"
, "CLAUDE_CODE_ACCOUNT_TAGGED_ID CLAUDE_CODE_ACCOUNT_UUID CLAUDE_CODE_ACTION CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD"
, "CLAUDE_CODE_AGENT CLAUDE_CODE_AGENTS_MD_ROWS_EVERY_PROCESS CLAUDE_CODE_AGENT_PROXY_GIT_HOSTS CLAUDE_CODE_AGENT_VIEW_RELAUNCH"
, "CLAUDE_CODE_ALTGR_AS_TEXT CLAUDE_CODE_API_BASE_URL CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR CLAUDE_CODE_APPEND_PROMPT_HEAD"
, "CLAUDE_CODE_ARG_KEY_SHAPE CLAUDE_CODE_ARTIFACT CLAUDE_CODE_ARTIFACTS_API_BASE_URL CLAUDE_CODE_ARTIFACTS_API_TOKEN"
, "CLAUDE_CODE_ARTIFACT_ASSET_BASE_URL CLAUDE_CODE_ARTIFACT_AUTO_OPEN CLAUDE_CODE_ARTIFACT_FD"
, "CLAUDE_CODE_ARTIFACT_INHERITED_TYPE_GRANT CLAUDE_CODE_ARTIFACT_LIVE_BASE_URL CLAUDE_CODE_ARTIFACT_MCP"
, "CLAUDE_CODE_ARTIFACT_SYNC_BASE_URL CLAUDE_CODE_ARTIFACT_VIEWER_BASE_URL CLAUDE_CODE_ATTRIBUTION_HEADER"
, "CLAUDE_CODE_ATTRIBUTION_PROJECT CLAUDE_CODE_AUTOMOUNT_ROOTS CLAUDE_CODE_AUTOUPDATER_DISABLED_BY_HOST"
, "CLAUDE_CODE_AUTO_BACKGROUND_TIMEOUT_MS CLAUDE_CODE_AUTO_COMPACT_WINDOW CLAUDE_CODE_AUTO_MODE_ARTIFACT_CONSENT_RULE"
, "CLAUDE_CODE_AUTO_MODE_CLASSIFIER_OVERLAP CLAUDE_CODE_AUTO_MODE_CLASSIFY_ASK_USER_QUESTION CLAUDE_CODE_AUTO_MODE_CLASSIFY_EDITS"
, "CLAUDE_CODE_AUTO_MODE_COMPACT_THREAD_RULE CLAUDE_CODE_AUTO_MODE_EDIT_REMOVAL CLAUDE_CODE_AUTO_MODE_EDIT_REMOVAL_CAP"
, "CLAUDE_CODE_AUTO_MODE_EMAIL_SENDER_REPLY_TURN CLAUDE_CODE_AUTO_MODE_EMAIL_SENDER_TURN CLAUDE_CODE_AUTO_MODE_GIT_STATUS"
, "CLAUDE_CODE_AUTO_MODE_GIT_STATUS_LIMIT CLAUDE_CODE_AUTO_MODE_GIT_STATUS_UPLOADS CLAUDE_CODE_AUTO_MODE_HEARTH_MEMBER_RELAY_ROWS"
, "CLAUDE_CODE_AUTO_MODE_MODEL CLAUDE_CODE_AUTO_MODE_OUTCOME_CODES CLAUDE_CODE_AUTO_MODE_PRIOR_ASSISTANT_CONTEXT"
, "CLAUDE_CODE_AUTO_MODE_REMOTE_BROWSER CLAUDE_CODE_AUTO_MODE_REPO_VISIBILITY CLAUDE_CODE_AUTO_MODE_SEGMENTED_TRANSCRIPT"
, "CLAUDE_CODE_AUTO_MODE_SERVER CLAUDE_CODE_AUTO_MODE_TEMPERATURE CLAUDE_CODE_AUTO_MODE_THREAD_ASK_HELD"
, "CLAUDE_CODE_AUTO_MODE_THREAD_ASK_OWN_WORK CLAUDE_CODE_AUTO_MODE_TIER CLAUDE_CODE_BASE_REF CLAUDE_CODE_BASE_REFS"
, "CLAUDE_CODE_BG_CLASSIFIER_MODEL CLAUDE_CODE_BLOCKING_LIMIT_OVERRIDE CLAUDE_CODE_BREEZY_HORIZON CLAUDE_CODE_BRIDGE_CHILD_START_DIR"
, "CLAUDE_CODE_BRIDGE_MCP_CARRIER CLAUDE_CODE_BRIDGE_OWNER_ACCOUNT_UUID CLAUDE_CODE_BRIDGE_OWNER_ORG_UUID"
, "CLAUDE_CODE_BRIDGE_PROMPT_SHA256 CLAUDE_CODE_BRIDGE_SESSION_ID CLAUDE_CODE_BRIDGE_SETTINGS_BINDING CLAUDE_CODE_BRIDGE_SOURCE_DIR"
, "CLAUDE_CODE_BS_AS_CTRL_BACKSPACE CLAUDE_CODE_CALM_MOCHI CLAUDE_CODE_CCR_AFFINITY_KEY CLAUDE_CODE_CCR_EVENT_FLUSH_POLICY"
, "CLAUDE_CODE_CCR_FOLD_FIRST_TURN_RESCAN CLAUDE_CODE_CCR_REQUESTS_BY_FETCH CLAUDE_CODE_CCR_SKIP_HYDRATE_ON_CURRENT_TIP"
, "CLAUDE_CODE_CCR_SLOW_SKILLS_WATCH CLAUDE_CODE_CCR_SURFACE CLAUDE_CODE_CCR_WORKER_SOCKET CLAUDE_CODE_CERT_STORE"
, "CLAUDE_CODE_CFC_REFUSED CLAUDE_CODE_CHILD_NOTES_DIR CLAUDE_CODE_CLASSIFIER_SUMMARY CLAUDE_CODE_CLIENT_CERT"
, "CLAUDE_CODE_CLIENT_DATA_URL CLAUDE_CODE_CLIENT_KEY CLAUDE_CODE_CLIENT_KEY_PASSPHRASE CLAUDE_CODE_CLOUD_SESSION_ID"
, "CLAUDE_CODE_COMPILED_ACORN CLAUDE_CODE_CONNECT_TIMEOUT_MS CLAUDE_CODE_CONTAINER_ID CLAUDE_CODE_COORDINATOR_EXTRA_TOOLS"
, "CLAUDE_CODE_COORDINATOR_MODE CLAUDE_CODE_COORDINATOR_PROPAGATE_NESTED_MEMORY CLAUDE_CODE_COUNT_GARBAGE_COLLECTIONS"
, "CLAUDE_CODE_COZY_TEAPOT CLAUDE_CODE_CURRIED_TRINKET CLAUDE_CODE_CUSTOM_OAUTH_URL CLAUDE_CODE_DEBUG_LOGS_DIR"
, "CLAUDE_CODE_DEBUG_LOG_LEVEL CLAUDE_CODE_DESIGN_OAUTH_CLIENT_ID CLAUDE_CODE_DESKTOP_APP_VERSION"
, "CLAUDE_CODE_DESKTOP_SKILLS_PLUGIN_DIR CLAUDE_CODE_DEV_RAW_CHANGELOG_URL CLAUDE_CODE_DIAGNOSTICS_FILE CLAUDE_CODE_DIFF_COPY_ROOT"
, "CLAUDE_CODE_DISABLE_HOME_SETTINGS_SEED CLAUDE_CODE_DISPATCH_V2D CLAUDE_CODE_DISPATCH_V2S"
, "CLAUDE_CODE_DOWNLOAD_DEADLINE_MS_FOR_TESTING CLAUDE_CODE_EFFORT_LEVEL CLAUDE_CODE_ENABLE_AUTO_MODE"
, "CLAUDE_CODE_ENABLE_FUNCTION_HOOKS CLAUDE_CODE_ENABLE_OPUS_4_7_FAST_MODE CLAUDE_CODE_ENABLE_TELEMETRY CLAUDE_CODE_ENTRYPOINT"
, "CLAUDE_CODE_ENTRYPOINT_ON_REQUESTS CLAUDE_CODE_ENVIRONMENT_KIND CLAUDE_CODE_ENVIRONMENT_RUNNER_VERSION"
, "CLAUDE_CODE_EVAL_ALLOW_ARTIFACT_PUBLISH CLAUDE_CODE_EVAL_ALLOW_FLAG_OVERRIDES CLAUDE_CODE_EVAL_ARTIFACT_STUB_DIR"
, "CLAUDE_CODE_EXECPATH CLAUDE_CODE_EXPERIMENTAL_CODE_MODE CLAUDE_CODE_EXPERIMENTAL_CODE_MODE_RESTART"
, "CLAUDE_CODE_EXPERIMENTAL_CODE_MODE_RESTARTED_FROM CLAUDE_CODE_EXTRA_BODY CLAUDE_CODE_EXTRA_METADATA"
, "CLAUDE_CODE_FEDERATION_CACHE_DIR CLAUDE_CODE_FLEET_PAST_SESSIONS CLAUDE_CODE_FOOTER_INDICATOR CLAUDE_CODE_FORCE_FIRST_LAUNCH"
, "CLAUDE_CODE_FORCE_RC_LONG_TURN_NUDGE CLAUDE_CODE_FORCE_TIP_ID CLAUDE_CODE_FORCE_WINDOWS_CREDMAN CLAUDE_CODE_FOUND_REPOSITORY_GIT"
, "CLAUDE_CODE_FRAME_TIMING_LOG CLAUDE_CODE_GATEWAY_TOKEN CLAUDE_CODE_GATEWAY_TOKEN_FILE_DESCRIPTOR CLAUDE_CODE_GB_BASE_URL"
, "CLAUDE_CODE_GENTLE_PARASOL CLAUDE_CODE_GIT_BASH_PATH CLAUDE_CODE_HANDBACK_PROVENANCE CLAUDE_CODE_HARBOR_KITE"
, "CLAUDE_CODE_HARMONIC_RIDDLE CLAUDE_CODE_HFI_BEARER_TOKEN CLAUDE_CODE_HIDE_SETTINGS_HINT CLAUDE_CODE_HOST_ARTIFACT_TYPE_COMMANDS"
, "CLAUDE_CODE_HOST_AUTH_ENV_VAR CLAUDE_CODE_HOST_CHECKED_FOLDER CLAUDE_CODE_HOST_CREDS_FILE CLAUDE_CODE_HOST_HTTP_PROXY_PORT"
, "CLAUDE_CODE_HOST_HYBRID_ORGANIZATION_UUID CLAUDE_CODE_HOST_OWNED_CONFIG_DIR CLAUDE_CODE_HOST_PLATFORM CLAUDE_CODE_HOST_SESSION_ID"
, "CLAUDE_CODE_HOST_SKILL_CATALOG CLAUDE_CODE_HOST_SOCKS_PROXY_PORT CLAUDE_CODE_HOST_WORKTREE CLAUDE_CODE_HOST_WORKTREE_FENCE"
, "CLAUDE_CODE_HTTPS_PROXY CLAUDE_CODE_HTTP_PROXY CLAUDE_CODE_IDE_HOST_OVERRIDE CLAUDE_CODE_INSTALLED_VIA_NPM_WRAPPER"
, "CLAUDE_CODE_INVOKED_SKILLS CLAUDE_CODE_I_ACCEPT_CROSS_ORG_DATA_RISK CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS"
, "CLAUDE_CODE_MANAGED_SETTINGS_PATH CLAUDE_CODE_MARKETPLACE_NAME CLAUDE_CODE_MARKETPLACE_URL CLAUDE_CODE_MAX_SUBAGENTS_PER_SESSION"
, "CLAUDE_CODE_MAX_TURNS CLAUDE_CODE_MCP_ALLOWLIST_ENV CLAUDE_CODE_MCP_MEMORY_CGROUP CLAUDE_CODE_MCP_PREWAIT_SERVERS"
, "CLAUDE_CODE_MCP_PREWAIT_SERVERS_MS_BY_NAME CLAUDE_CODE_MCP_SERVER_NAME CLAUDE_CODE_MCP_SERVER_URL CLAUDE_CODE_MCP_SERVE_AUTH_TOKEN"
, "CLAUDE_CODE_MCP_SERVE_ENABLED_PLUGINS CLAUDE_CODE_MCP_SERVE_GARBAGE_COLLECTIONS CLAUDE_CODE_MCP_SERVE_INTERFACE_MIN_VERSION"
, "CLAUDE_CODE_MCP_SERVE_MACHINE_PLUGINS CLAUDE_CODE_MCP_SERVE_SETTINGS CLAUDE_CODE_MCP_SERVE_TOOL_OUTPUT"
, "CLAUDE_CODE_MCP_SERVE_TUNNEL_BINARY_FRAMES CLAUDE_CODE_MCP_SERVE_WORKSPACE_ROOT CLAUDE_CODE_MCP_SKIP_UNCHANGED_RELIST"
, "CLAUDE_CODE_MEMORY_API_BASE_URL CLAUDE_CODE_MEMORY_API_TOKEN CLAUDE_CODE_MEMORY_PUSH_DELETE_MODE"
, "CLAUDE_CODE_MESSAGES_PROMPT_CACHE_TTL CLAUDE_CODE_MESSAGING_SOCKET CLAUDE_CODE_MESSAGING_TOKEN CLAUDE_CODE_MOCK_REMOTE_SETTINGS"
, "CLAUDE_CODE_MODEL_CAPABILITIES CLAUDE_CODE_MODEL_CATALOG CLAUDE_CODE_MODEL_CATALOG_URL CLAUDE_CODE_OAUTH_CLIENT_ID"
, "CLAUDE_CODE_OAUTH_REFRESH_TOKEN CLAUDE_CODE_OAUTH_SCOPES CLAUDE_CODE_OAUTH_TOKEN CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"
, "CLAUDE_CODE_OPUS_4_6_FAST_MODE_OVERRIDE CLAUDE_CODE_ORGANIZATION_UUID CLAUDE_CODE_OVERRIDE_DATE CLAUDE_CODE_PERFETTO_TRACE"
, "CLAUDE_CODE_PERFORCE_MODE CLAUDE_CODE_PERSONAL_CONFIG_FIX CLAUDE_CODE_PERSONAL_HOOKS_OFF CLAUDE_CODE_PER_TURN_TIMING"
, "CLAUDE_CODE_PLAIN_DELTA_FAST_PATH CLAUDE_CODE_PLAIN_DELTA_TAKE_AT_SOURCE CLAUDE_CODE_PLUGIN_ARCHIVE_URL"
, "CLAUDE_CODE_PLUGIN_ATTRIBUTION CLAUDE_CODE_PLUGIN_CACHE_DIR CLAUDE_CODE_PLUGIN_DIRS CLAUDE_CODE_PLUGIN_MCPB_DIR"
, "CLAUDE_CODE_PLUGIN_NAME CLAUDE_CODE_PLUGIN_REMOTE_MCP_REACHABLE_HOSTS_HINT CLAUDE_CODE_PLUGIN_SEED_DIR"
, "CLAUDE_CODE_POLICY_HELPER_PS1_PATH CLAUDE_CODE_POLICY_HELPER_PSMODULEPATH CLAUDE_CODE_POLISHED_DEWDROP"
, "CLAUDE_CODE_POLL_EVENT_DECLARATIONS CLAUDE_CODE_POST_TURN_MEMORY_CONFIG CLAUDE_CODE_POWERUP_ONBOARDING CLAUDE_CODE_PROCESS_WRAPPER"
, "CLAUDE_CODE_PROFILE_QUERY CLAUDE_CODE_PROGRAM_USE_CASE_ID CLAUDE_CODE_PROGRAM_USE_CASE_STAMPED CLAUDE_CODE_PROJECT_DIR_NAME"
, "CLAUDE_CODE_PROJECT_DOC_LOOK_TIMEOUT_MS CLAUDE_CODE_PROMPT_CACHE_TTL CLAUDE_CODE_PROXY_AUTHENTICATE CLAUDE_CODE_PROXY_HOST"
, "CLAUDE_CODE_PROXY_URL CLAUDE_CODE_QUESTION_PREVIEW_FORMAT CLAUDE_CODE_RATE_LIMIT_TIER CLAUDE_CODE_RC_PERMISSION_NUDGE"
, "CLAUDE_CODE_RELAUNCH_HOME_TRUST CLAUDE_CODE_RELAUNCH_PROACTIVITY_BASELINE CLAUDE_CODE_RELAUNCH_PROACTIVITY_DECIDED"
, "CLAUDE_CODE_RELAUNCH_PROACTIVITY_EVER_ON CLAUDE_CODE_RELAUNCH_PROACTIVITY_LEVEL CLAUDE_CODE_RELAUNCH_RESUME_HINT_FLAGS"
, "CLAUDE_CODE_RELAUNCH_SANDBOX_HOLD CLAUDE_CODE_RELAUNCH_TERMINAL_SIZE CLAUDE_CODE_REMOTE_ENVIRONMENT_TYPE"
, "CLAUDE_CODE_REMOTE_MCP_CONFIG CLAUDE_CODE_REMOTE_MEMORY_DIR CLAUDE_CODE_REMOTE_RAW_EVENTS_FILE CLAUDE_CODE_REMOTE_SDK_URL"
, "CLAUDE_CODE_REMOTE_SESSION_ID CLAUDE_CODE_REMOTE_SESSION_ORIGIN CLAUDE_CODE_REMOTE_SESSION_UUID CLAUDE_CODE_REMOTE_SETTINGS_PATH"
, "CLAUDE_CODE_REMOTE_TOOLS_ADOPT_MCP CLAUDE_CODE_REMOTE_TOOLS_ASK_SEATS CLAUDE_CODE_REMOTE_TOOLS_CALLER_SESSIONS_MAX"
, "CLAUDE_CODE_REMOTE_TOOLS_DESKTOP_APP_HOST CLAUDE_CODE_REMOTE_TOOLS_HOST_ALLOWS_UNATTENDED CLAUDE_CODE_REMOTE_TOOLS_JUMP_QUEUE"
, "CLAUDE_CODE_REMOTE_TOOLS_POLICY CLAUDE_CODE_REMOTE_TOOLS_SERVE CLAUDE_CODE_REMOTE_TOOLS_SESSION_CHANNEL"
, "CLAUDE_CODE_REMOTE_TOOLS_SPECULATIVE_CLASSIFIER CLAUDE_CODE_REMOVE_PROMPT_STRINGS CLAUDE_CODE_REPLY_GATE_POLICY"
, "CLAUDE_CODE_REPO_CHECKOUTS CLAUDE_CODE_RESULT_NONCE CLAUDE_CODE_RESUME_FROM_SESSION CLAUDE_CODE_RESUME_HINT_COMMAND"
, "CLAUDE_CODE_RESUME_INTERRUPTED_TURN_MAX_AGE_MS CLAUDE_CODE_RESUME_PROMPT CLAUDE_CODE_RESUME_REASON CLAUDE_CODE_RESUME_SOURCE_ALIVE"
, "CLAUDE_CODE_RETRY_WATCHDOG_SCOPE CLAUDE_CODE_RIPPLING_TULIP CLAUDE_CODE_RUNNER_MODEL_SOCKET CLAUDE_CODE_RUSTLING_PIXEL"
, "CLAUDE_CODE_SCRATCHPAD_DIR CLAUDE_CODE_SCROLL_SPEED CLAUDE_CODE_SENDMESSAGE_HANDBACK CLAUDE_CODE_SERVED_PATHS"
, "CLAUDE_CODE_SERVED_SCHEMA_VERSION CLAUDE_CODE_SESSIONS_OAUTH_TOKEN CLAUDE_CODE_SESSION_ACCESS_TOKEN"
, "CLAUDE_CODE_SESSION_BEGAN_AS_COPY CLAUDE_CODE_SESSION_ID CLAUDE_CODE_SESSION_KIND CLAUDE_CODE_SESSION_LOG CLAUDE_CODE_SESSION_NAME"
, "CLAUDE_CODE_SESSION_ORIGIN CLAUDE_CODE_SHELL CLAUDE_CODE_SHELL_HANDOVER_KEY CLAUDE_CODE_SHELL_HANDOVER_PATH"
, "CLAUDE_CODE_SHELL_LAUNCHER_SCRIPT CLAUDE_CODE_SHELL_MCP_SERVERS CLAUDE_CODE_SHELL_PREFIX CLAUDE_CODE_SHOWN_PLUGINS_DIR"
, "CLAUDE_CODE_SILENT_TURN_REMINDER_TEXT CLAUDE_CODE_SIMPLE_SYSTEM_PROMPT CLAUDE_CODE_SKILL_ATTRIBUTION"
, "CLAUDE_CODE_SKIP_PLUGIN_MCP_SERVERS_EXCEPT CLAUDE_CODE_SLACK_TAG_TOKEN CLAUDE_CODE_SLEEPY_SNOWFLAKE CLAUDE_CODE_SPAWNED_BY_SERVER"
, "CLAUDE_CODE_STALL_TIMEOUT_MS_FOR_TESTING CLAUDE_CODE_STREAMED_BUMBLEBEE_TEXT CLAUDE_CODE_STREAM_EVENT_MAX_LINE_BYTES"
, "CLAUDE_CODE_STREAM_TIMER_SLACK_MS CLAUDE_CODE_SUBAGENT_EFFORT CLAUDE_CODE_SUBAGENT_MODEL CLAUDE_CODE_SUBAGENT_PROMPT_CACHE_TTL"
, "CLAUDE_CODE_SUBSCRIPTION_TYPE CLAUDE_CODE_SYNTAX_HIGHLIGHT CLAUDE_CODE_SYSTEM_PROMPT_FEATURE_FLAG"
, "CLAUDE_CODE_SYSTEM_PROMPT_GB_FEATURE CLAUDE_CODE_TAGS CLAUDE_CODE_TASK_LIST_ID CLAUDE_CODE_TEAMMATE_COMMAND"
, "CLAUDE_CODE_TELEPORT_MOVE CLAUDE_CODE_TERMINAL_MCP_TOOLS CLAUDE_CODE_TERMINAL_RECORDING CLAUDE_CODE_TETHER_LIVE"
, "CLAUDE_CODE_THISTLE_GREBE CLAUDE_CODE_THREAD_CPU_ONE_IN CLAUDE_CODE_TICKLISH_WHISPER CLAUDE_CODE_TICKLISH_WHISPER_TIMEOUT_MS"
, "CLAUDE_CODE_TMPDIR CLAUDE_CODE_TMUX_PREFIX CLAUDE_CODE_TMUX_SESSION CLAUDE_CODE_TMUX_TRUECOLOR CLAUDE_CODE_TOASTY_THIMBLE"
, "CLAUDE_CODE_TODO_REMINDER_MODE CLAUDE_CODE_TOOL_MEMORY_CGROUP_EXCLUDE CLAUDE_CODE_TOOL_MEMORY_LIMIT"
, "CLAUDE_CODE_TOOL_PICTURE_SERVERS CLAUDE_CODE_TOOL_USE_ID CLAUDE_CODE_TOTAL_TOKENS_REMINDER CLAUDE_CODE_TRANSCRIPT_TAIL_LOAD"
, "CLAUDE_CODE_TRIGGER_ID CLAUDE_CODE_TUI_ASKED CLAUDE_CODE_TUI_JUST_SWITCHED CLAUDE_CODE_TUI_TRIAL"
, "CLAUDE_CODE_ULTRAREVIEW_LAUNCH_RECORD CLAUDE_CODE_ULTRAREVIEW_REVIEW_MD_FILE CLAUDE_CODE_UPFRONT_TOOLS"
, "CLAUDE_CODE_USER_DELEGATED_SESSION_ALLOWED_CHECK_MODELS CLAUDE_CODE_USER_DELEGATED_SESSION_ALLOWED_PROVIDERS"
, "CLAUDE_CODE_USER_EMAIL CLAUDE_CODE_USE_CCR_V2 CLAUDE_CODE_VERSION CLAUDE_CODE_WATCHED_SLEEP CLAUDE_CODE_WEBFETCH_MCP_TOOL"
, "CLAUDE_CODE_WEBSOCKET_AUTH_FILE_DESCRIPTOR CLAUDE_CODE_WITHHOLD_PRODUCT_EVENTS CLAUDE_CODE_WORKER_CHECKIN_SCHEDULE"
, "CLAUDE_CODE_WORKFLOW_LAUNCH_SHA256 CLAUDE_CODE_WORKFLOW_PROMPT_PROVENANCE CLAUDE_CODE_WORKFLOW_SUBAGENT_MODEL"
, "CLAUDE_CODE_WORKSPACE_HOST_PATHS CLAUDE_CODE_YOU_SHOULD_KNOW_AUTO_SEND CLAUDE_CODE_YOU_SHOULD_KNOW_DEBUG CLAUDE_CONFIG_DIR"
, "CLAUDE_COWORK_MEMORY_EXTRA_GUIDELINES CLAUDE_COWORK_MEMORY_GUIDELINES CLAUDE_COWORK_MEMORY_INDEX_CONTENT"
, "CLAUDE_COWORK_MEMORY_PATH_OVERRIDE CLAUDE_DEV_MODS_DIR CLAUDE_EFFORT CLAUDE_ENV_FILE CLAUDE_GATEWAY_LOG_FORMAT"
, "CLAUDE_GATEWAY_LOG_LEVEL CLAUDE_HELPER_CONTEXT CLAUDE_INTERNAL_ASSISTANT_TEAM_NAME CLAUDE_INTERNAL_FC_OVERRIDES"
, "CLAUDE_INTERNAL_SESSION_TASK_LIST_ID CLAUDE_IN_CHROME_DOMAIN_RULE_TOOL CLAUDE_IN_CHROME_MANAGED_MCP_REFUSAL"
, "CLAUDE_IN_CHROME_MCP_SERVER_NAME CLAUDE_IN_CHROME_TOOL_PREFIX CLAUDE_IN_SLACK_V2 CLAUDE_JOB_DIR CLAUDE_LOCAL_OAUTH_API_BASE"
, "CLAUDE_LOCAL_OAUTH_APPS_BASE CLAUDE_LOCAL_OAUTH_CONSOLE_BASE CLAUDE_MEMORY_STORES CLAUDE_NAMES CLAUDE_PID CLAUDE_PLUGIN_DATA"
, "CLAUDE_PLUGIN_ROOT CLAUDE_PROJECT_DIR CLAUDE_PROJECT_UUID CLAUDE_PTY_HOST_EXEC CLAUDE_PTY_HOST_NO_STABLE_PATH CLAUDE_PTY_RECORD"
, "CLAUDE_RELAUNCH_SESSION_ADD_DIRS CLAUDE_REMOTE_CONTROL_SESSION_NAME_PREFIX CLAUDE_REMOTE_TOOLS_BRIDGE_URL"
, "CLAUDE_REMOTE_WORKFLOW_ARGS CLAUDE_REMOTE_WORKFLOW_SCRIPT CLAUDE_RUNNER_ACCOUNT_EMAIL CLAUDE_RUNNER_ACCOUNT_ID"
, "CLAUDE_RUNNER_API_BASE_URL CLAUDE_RUNNER_ATTEMPT CLAUDE_RUNNER_CHECKOUT_PATH CLAUDE_RUNNER_CLAUDE_BIN"
, "CLAUDE_RUNNER_CLIENT_PLATFORM CLAUDE_RUNNER_CORRELATION_ID CLAUDE_RUNNER_DEBUG_LOG_PATH CLAUDE_RUNNER_EXIT_REASON"
, "CLAUDE_RUNNER_FAIL_FAST_FETCH CLAUDE_RUNNER_FETCH_DEPTH CLAUDE_RUNNER_FETCH_SERVER_PROGRESS_CAP_MS CLAUDE_RUNNER_GIT_MOUNT_URL"
, "CLAUDE_RUNNER_ORDER_ID CLAUDE_RUNNER_ORDER_SERVER_TIME CLAUDE_RUNNER_POOL_ID CLAUDE_RUNNER_PRIMARY_REPO_REVISION"
, "CLAUDE_RUNNER_PRIMARY_REPO_URL CLAUDE_RUNNER_REPO_REF CLAUDE_RUNNER_REPO_SOURCES CLAUDE_RUNNER_REPO_URL CLAUDE_RUNNER_SESSION_ID"
, "CLAUDE_RUNNER_SESSION_UUID CLAUDE_RUNNER_SKIP_GIT_VERIFY CLAUDE_RUNNER_SPAWN_REASON CLAUDE_RUNNER_STALL_GIVEUP"
, "CLAUDE_RUNNER_TRUST_CANONICAL_PREWARM CLAUDE_RUNNER_UPDATE_BIN CLAUDE_RUNNER_USE_GIT_PROXY CLAUDE_RUNNER_WORKSPACE_PATHS"
, "CLAUDE_RUNNER_WORK_ORDER_FILE CLAUDE_SCRIPT_HOOK_ACK CLAUDE_SDK_AGENT_IN_PROCESS_SERVER CLAUDE_SDK_CAN_USE_TOOL_SHADOWED"
, "CLAUDE_SDK_MCP_SERVERS_ARGV_DEPRECATED CLAUDE_SDK_MCP_SERVERS_NOT_APPLIED CLAUDE_SECURESTORAGE_CONFIG_DIR CLAUDE_SESSION_ID"
, "CLAUDE_SESSION_INGRESS_TOKEN_FILE CLAUDE_SESSION_SURFACE CLAUDE_SKILL_DIR CLAUDE_SNIP CLAUDE_SSH_DAEMON_CHILD"
, "CLAUDE_SSH_LOCAL_BINARY CLAUDE_SSH_RUN_DIR CLAUDE_SSH_VERSION CLAUDE_STAGE_FILE_ROOT CLAUDE_TMPDIR CLAUDE_TRUSTED_DEVICE_TOKEN"
, "CLOUDSDK_ACTIVE_CONFIG_NAME CLOUDSDK_AUTH_ACCESS_TOKEN CLOUDSDK_CONFIG CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE CLOUD_ML_REGION CODER"
, "CODER_WORKSPACE_NAME CODESPACES COLORFGBG COLORTERM COMPUTERNAME COMSPEC CONTAINER_SANDBOX_MOUNT_POINT CURL_CA_BUNDLE"
, "CURSOR_TRACE_ID DAYTONA_WS_ID DEBUG DEMO_VERSION DENO_CERT DENO_DEPLOYMENT_ID DISPLAY DO_NOT_TRACK DPKG_ADMINDIR"
, "DPKG_MAINTSCRIPT_PACKAGE DPKG_ROOT DYNO EDITOR ENABLE_TOOL_SEARCH ENVIRONMENT_SERVICE_KEY FALLBACK_FOR_ALL_PRIMARY_MODELS"
, "FORCE_COLOR GCLOUD_PROJECT GCM_INTERACTIVE GH_CONFIG_DIR GH_ENTERPRISE_TOKEN GH_HOST GH_REPO GH_TOKEN GITHUB_ACTIONS"
, "GITHUB_ACTION_INPUTS GITHUB_ACTION_PATH GITHUB_ACTOR GITHUB_ACTOR_ID GITHUB_ENTERPRISE_TOKEN GITHUB_ENV GITHUB_EVENT_NAME"
, "GITHUB_EVENT_PATH GITHUB_REPOSITORY GITHUB_REPOSITORY_ID GITHUB_REPOSITORY_OWNER GITHUB_REPOSITORY_OWNER_ID GITHUB_TOKEN"
, "GITHUB_WORKSPACE GITLAB_CI GITPOD_WORKSPACE_ID GIT_ASKPASS GIT_CONFIG_COUNT GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM GIT_DIR"
, "GIT_SSH_COMMAND GIT_SSL_CAINFO GIT_SSL_CAPATH GIT_TERMINAL_PROMPT GNOME_TERMINAL_SERVICE GOOGLE_APPLICATION_CREDENTIALS"
, "GOOGLE_CLOUD_PROJECT GOOGLE_CLOUD_WORKSTATIONS GRPC_DEFAULT_SSL_ROOTS_FILE_PATH HEX_CACERTS_PATH HISTFILE HOME HOMEDRIVE HOMEPATH"
, "HOMESHARE HTTPLIB2_CA_CERTS HTTPS_PROXY HTTP_PROXY HUB_CONFIG INTELLIJ_TERMINAL_COMMAND_BLOCKS"
, "INTELLIJ_TERMINAL_COMMAND_BLOCKS_REWORKED IS_DEMO IS_SANDBOX ITERM_SESSION_ID JAVA_HOME JAVA_TOOL_OPTIONS KITTY_WINDOW_ID"
, "KONSOLE_VERSION KUBERNETES_SERVICE_HOST K_SERVICE LANG LC_ALL LC_TERMINAL LC_TIME LOCALAPPDATA MCP_CLIENT_SECRET"
, "MCP_OAUTH_CLIENT_METADATA_URL MCP_PROTOCOL_NEGOTIATION MCP_SDK_GENERATION MCP_TRUNCATION_PROMPT_OVERRIDE MCP_XAA_IDP_CLIENT_SECRET"
, "MSYSTEM NETLIFY NIX_SSL_CERT_FILE NODE_EXTRA_CA_CERTS NODE_OPTIONS NODE_PATH NODE_TLS_REJECT_UNAUTHORIZED NO_COLOR NO_PROXY"
, "OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_HEADERS OTEL_EXPORTER_OTLP_LOGS_ENDPOINT OTEL_EXPORTER_OTLP_LOGS_HEADERS"
, "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL OTEL_EXPORTER_OTLP_LOGS_TIMEOUT OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
, "OTEL_EXPORTER_OTLP_METRICS_HEADERS OTEL_EXPORTER_OTLP_METRICS_PROTOCOL OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
, "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT OTEL_EXPORTER_OTLP_PROTOCOL OTEL_EXPORTER_OTLP_TIMEOUT OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
, "OTEL_EXPORTER_OTLP_TRACES_HEADERS OTEL_EXPORTER_OTLP_TRACES_PROTOCOL OTEL_EXPORTER_OTLP_TRACES_TIMEOUT OTEL_LOGS_EXPORTER"
, "OTEL_METRICS_EXPORTER OTEL_RESOURCE_ATTRIBUTES OTEL_TRACES_EXPORTER P4PORT PATH PATHEXT PIP_CERT PLAYWRIGHT_BROWSERS_PATH PREFIX"
, "PROGRAMDATA PROGRAMFILES PROJECT_DOMAIN PWD RENDER REPL_ID REPL_SLUG REQUESTS_CA_BUNDLE RUNNER_ENVIRONMENT RUNNER_OS SAFEUSER"
, "SANDBOX_OFFICE_PDF_DIR SANDBOX_OFFICE_PDF_SEND SDK_NATIVE_BIN SELF_HOSTED_RUNNER_AGENT_PROXY_URL SESSIONNAME SESSION_INGRESS_URL"
, "SHELL SPACE_CREATOR_USER_ID SSH_AUTH_SOCK SSH_CLIENT SSH_CONNECTION SSH_TTY SSL_CERT_DIR SSL_CERT_FILE STY SUDO_USER SYSTEMROOT"
, "TEMP TERM TERMINAL TERMINAL_EMULATOR TERMINATOR_UUID TERMUX_VERSION TERM_PROGRAM TERM_PROGRAM_VERSION TILIX_ID TMP TMPDIR TMUX"
, "TMUX_PANE TRACEPARENT TRACESTATE ULTRAPLAN_PROMPT_FILE USER USERNAME USERPROFILE USE_BUILTIN_RIPGREP UV_THREADPOOL_SIZE VERCEL"
, "VERTEX_REGION_CLAUDE_3_5_HAIKU VERTEX_REGION_CLAUDE_3_5_SONNET VERTEX_REGION_CLAUDE_3_7_SONNET VERTEX_REGION_CLAUDE_4_0_OPUS"
, "VERTEX_REGION_CLAUDE_4_0_SONNET VERTEX_REGION_CLAUDE_4_1_OPUS VERTEX_REGION_CLAUDE_4_5_OPUS VERTEX_REGION_CLAUDE_4_5_SONNET"
, "VERTEX_REGION_CLAUDE_4_6_OPUS VERTEX_REGION_CLAUDE_4_6_SONNET VERTEX_REGION_CLAUDE_4_7_OPUS VERTEX_REGION_CLAUDE_4_8_OPUS"
, "VERTEX_REGION_CLAUDE_5_5_OPUS VERTEX_REGION_CLAUDE_5_5_SONNET VERTEX_REGION_CLAUDE_5_OPUS VERTEX_REGION_CLAUDE_5_SONNET"
, "VERTEX_REGION_CLAUDE_FABLE_5 VERTEX_REGION_CLAUDE_FABLE_5_1 VERTEX_REGION_CLAUDE_FABLE_5_2 VERTEX_REGION_CLAUDE_HAIKU_4_5"
, "VERTEX_REGION_CLAUDE_HAIKU_5_5 VISUAL VITALS_EMITTER_BIN VOICE_STREAM_BASE_URL VSCODE_GIT_ASKPASS_MAIN VTE_VERSION WAYLAND_DISPLAY"
, "WEBSITE_SITE_NAME WEBSITE_SKU WEZTERM_PANE WSL_DISTRO_NAME WSL_INTEROP WT_SESSION XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME"
, "XDG_RUNTIME_DIR XDG_STATE_HOME XTERM_VERSION ZDOTDIR ZED_TERM ZELLIJ all_proxy http_proxy https_proxy no_proxy"]], [{"x-kind": "boolean"},
["AI_AGENT ALLOW_ANT_COMPUTER_USE_MCP CCR_AGENT_PROXY_CA_WATCH_ENABLED CCR_AGENT_PROXY_CONNECTION_LIMITS_DISABLED"
, "CCR_AGENT_PROXY_ENABLED CCR_AGENT_PROXY_JAVA_STORE_DIRECT_DISABLED CCR_AGENT_PROXY_NO_PROXY_LOCAL_ONLY"
, "CCR_AGENT_PROXY_NSS_RECORDS_DISABLED CCR_AGENT_PROXY_RECEIVE_GATE_DISABLED CCR_AGENT_PROXY_UPLOAD_GATE_DISABLED"
, "CCR_BYOC_RESOURCE_WATCHDOG_TELEMETRY CCR_ENABLE_BUNDLE CCR_FORCE_BUNDLE CCR_SESSION_PROFILE CLAUBBIT CLAUDECODE"
, "CLAUDE_AGENT_SDK_DISABLE_BUILTIN_AGENTS CLAUDE_AGENT_SDK_DISABLE_MCP_MANIFESTS CLAUDE_AGENT_SDK_MCP_NO_PREFIX"
, "CLAUDE_AUTO_BACKGROUND_TASKS CLAUDE_AX_REWRITE_HELD_ANNOUNCEMENT CLAUDE_AX_SCREEN_READER CLAUDE_BASH_MAINTAIN_PROJECT_WORKING_DIR"
, "CLAUDE_BG_POST_CLEAR_RESPAWN CLAUDE_BG_WORKSPACE_TRUSTED CLAUDE_BRIDGE_REATTACH_NO_BACKFILL CLAUDE_BRIDGE_REATTACH_OUTBOUND_ONLY"
, "CLAUDE_CHROME_CLASSIFIER_FLOOR CLAUDE_CODE_ACCESSIBILITY CLAUDE_CODE_ACT_DONT_REDERIVE CLAUDE_CODE_ADDITIONAL_PROTECTION"
, "CLAUDE_CODE_AGENT_PROGRESS_SUMMARIES CLAUDE_CODE_AGENT_PROXY_GH_SHIM CLAUDE_CODE_AGENT_PROXY_GIT_CONFIG"
, "CLAUDE_CODE_ALLOW_OTHER_MODELS CLAUDE_CODE_ALT_SCREEN_FULL_REPAINT CLAUDE_CODE_ALWAYS_ENABLE_EFFORT CLAUDE_CODE_AMBER_ASTROLABE"
, "CLAUDE_CODE_ARTIFACT_ASK_FIRST CLAUDE_CODE_ARTIFACT_ASSETS CLAUDE_CODE_ARTIFACT_COMMENTS CLAUDE_CODE_ARTIFACT_COMMENTS_AUTOREACT"
, "CLAUDE_CODE_ARTIFACT_COMMENT_FAST_ACK CLAUDE_CODE_ARTIFACT_COMMENT_FAST_ACK_FIXED CLAUDE_CODE_ARTIFACT_COMMENT_RESPONDER"
, "CLAUDE_CODE_ARTIFACT_DB CLAUDE_CODE_ARTIFACT_DB_STR_REPLACE CLAUDE_CODE_ARTIFACT_DELETE CLAUDE_CODE_ARTIFACT_FRESH_READ"
, "CLAUDE_CODE_ARTIFACT_HOT CLAUDE_CODE_ARTIFACT_LIVE_WATCH CLAUDE_CODE_ARTIFACT_MULTI_FILE CLAUDE_CODE_ARTIFACT_OPENING_PREFETCH"
, "CLAUDE_CODE_ARTIFACT_OPEN_ACTION CLAUDE_CODE_ARTIFACT_PATH_PIN CLAUDE_CODE_ARTIFACT_PIN CLAUDE_CODE_ARTIFACT_PRESENCE"
, "CLAUDE_CODE_ARTIFACT_PREVIEW CLAUDE_CODE_ARTIFACT_PREVIEW_EMULATOR CLAUDE_CODE_ARTIFACT_PUBLISH_EDITS"
, "CLAUDE_CODE_ARTIFACT_QUICKSTART CLAUDE_CODE_ARTIFACT_REPL CLAUDE_CODE_ARTIFACT_ROOM CLAUDE_CODE_ARTIFACT_SHARE"
, "CLAUDE_CODE_ARTIFACT_START_KIT CLAUDE_CODE_ARTIFACT_TOOLSET CLAUDE_CODE_ARTIFACT_TYPES CLAUDE_CODE_ARTIFACT_TYPE_CATALOG"
, "CLAUDE_CODE_ARTIFACT_TYPE_CLOUD_CREATE CLAUDE_CODE_ARTIFACT_VERIFY CLAUDE_CODE_ARTIFACT_VERSIONS CLAUDE_CODE_ATTACHMENTS_BY_PATH"
, "CLAUDE_CODE_ATTACHMENTS_IN_USER_DATA CLAUDE_CODE_ATTRIBUTION_ANNOUNCEMENT CLAUDE_CODE_AUTO_CONNECT_IDE"
, "CLAUDE_CODE_AUTO_MODE_EXTERNAL_PERMISSIONS CLAUDE_CODE_AUTO_MODE_FULL_CONTEXT CLAUDE_CODE_BASALT_COVE CLAUDE_CODE_BASH_EDIT_DIFF"
, "CLAUDE_CODE_BASH_OUTPUT_AUDIENCE_NOTE CLAUDE_CODE_BASH_SANDBOX_SHOW_INDICATOR CLAUDE_CODE_BENCH_LIVE_COUNTS"
, "CLAUDE_CODE_BG_TASKS_REPORT_RUNNING CLAUDE_CODE_BISON_CAIRN CLAUDE_CODE_BRIDGE_CHILD_ARTIFACT"
, "CLAUDE_CODE_BRIDGE_CHILD_AUTO_DEFAULT CLAUDE_CODE_BRIDGE_CHILD_CLI_ENTRYPOINT CLAUDE_CODE_BRIDGE_CHILD_MACHINE_SETTINGS"
, "CLAUDE_CODE_BRIDGE_CHILD_PROJECTS_ENTRYPOINT CLAUDE_CODE_BRIEF CLAUDE_CODE_BRIEF_UPLOAD CLAUDE_CODE_BUBBLEWRAP"
, "CLAUDE_CODE_BYOC_ENABLE_DATADOG CLAUDE_CODE_CCR_EARLY_HYDRATE_PREFETCH CLAUDE_CODE_CCR_EARLY_PLUGINS_SYNC"
, "CLAUDE_CODE_CCR_EARLY_REMOTE_CONNECT CLAUDE_CODE_CCR_EARLY_SKILLS_SYNC CLAUDE_CODE_CCR_EARLY_SYNC_AFTER_SETTINGS_REFUSAL"
, "CLAUDE_CODE_CCR_LONG_POLL CLAUDE_CODE_CCR_ONE_PLUGIN_LOAD_PER_RELOAD CLAUDE_CODE_CCR_OWN_CONNECTION_POOL"
, "CLAUDE_CODE_CCR_SKIP_FRESH_MIGRATIONS CLAUDE_CODE_CHILD_SESSION CLAUDE_CODE_CHROME_LATE_MCP_SERVER"
, "CLAUDE_CODE_CHROME_MCP_ORG_DENIED CLAUDE_CODE_COLD_COMPACT CLAUDE_CODE_CONFIG_PROBE CLAUDE_CODE_CONFIG_WATCH_EVENTS"
, "CLAUDE_CODE_COORDINATOR_FORCE_WORKER_INHERIT_MODEL CLAUDE_CODE_COORDINATOR_SKILL_GUIDANCE CLAUDE_CODE_COWORK_FRAME_ARTIFACTS"
, "CLAUDE_CODE_COWORK_PLUGIN_SKILL CLAUDE_CODE_CRYPTIC_HORIZON CLAUDE_CODE_DAEMON_COLD_START CLAUDE_CODE_DAPPER_CUPCAKE"
, "CLAUDE_CODE_DEBUG_REPAINTS CLAUDE_CODE_DEEP_TWILIGHT CLAUDE_CODE_DESKTOP_CONNECTOR_NAMES CLAUDE_CODE_DESKTOP_MESSAGE_CARD"
, "CLAUDE_CODE_DESKTOP_MODE_FROM_RECORD CLAUDE_CODE_DESKTOP_PLUGIN_INSTALL_FRAMES CLAUDE_CODE_DESKTOP_RESULT_FIRST"
, "CLAUDE_CODE_DESKTOP_SKILL_SWITCHES CLAUDE_CODE_DESKTOP_WORKFLOW_LIMIT_WAIT CLAUDE_CODE_DISABLE_1M_CONTEXT"
, "CLAUDE_CODE_DISABLE_ADAPTIVE_THINKING CLAUDE_CODE_DISABLE_ADMIN_ENV_UNION CLAUDE_CODE_DISABLE_ADVISOR_TOOL"
, "CLAUDE_CODE_DISABLE_AGENT_PROGRESS_SUMMARIES CLAUDE_CODE_DISABLE_AGENT_VIEW CLAUDE_CODE_DISABLE_ALTERNATE_SCREEN"
, "CLAUDE_CODE_DISABLE_ARTIFACT CLAUDE_CODE_DISABLE_ATTACHMENTS CLAUDE_CODE_DISABLE_ATTRIBUTION_BASELINE_REUSE"
, "CLAUDE_CODE_DISABLE_ATTRIBUTION_CROSS_REPO CLAUDE_CODE_DISABLE_AUTH_REFRESH_LOCK CLAUDE_CODE_DISABLE_AUTO_MEMORY"
, "CLAUDE_CODE_DISABLE_AWAITING_USER_IDLE CLAUDE_CODE_DISABLE_BACKGROUND_TASKS CLAUDE_CODE_DISABLE_BEDROCK_CONTENT_TYPE_DEFAULT"
, "CLAUDE_CODE_DISABLE_BEDROCK_CONTENT_TYPE_GUARD CLAUDE_CODE_DISABLE_BG_EXIT_HANDOFF CLAUDE_CODE_DISABLE_BG_SHELL_PRESSURE_REAP"
, "CLAUDE_CODE_DISABLE_BG_STABLE_PATH CLAUDE_CODE_DISABLE_BUNDLED_SKILLS CLAUDE_CODE_DISABLE_CFC_PROMPT"
, "CLAUDE_CODE_DISABLE_CLAUDE_API_SKILL CLAUDE_CODE_DISABLE_CLAUDE_CODE_SKILL CLAUDE_CODE_DISABLE_CLAUDE_MDS CLAUDE_CODE_DISABLE_CRON"
, "CLAUDE_CODE_DISABLE_DANGEROUS_RM_TIMEOUT CLAUDE_CODE_DISABLE_DEFERRED_TOOL_RESUME CLAUDE_CODE_DISABLE_EARLY_KEY_GUARD"
, "CLAUDE_CODE_DISABLE_EMPTY_CLASSIC_DISPATCH_SKIP CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS CLAUDE_CODE_DISABLE_EXPLORE_INHERIT_CAP"
, "CLAUDE_CODE_DISABLE_EXPLORE_PLAN_AGENTS CLAUDE_CODE_DISABLE_EXPORTED_VARIABLE_PROMPT CLAUDE_CODE_DISABLE_FAST_MODE"
, "CLAUDE_CODE_DISABLE_FEATURE_FLAGS CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY CLAUDE_CODE_DISABLE_FILE_CHECKPOINTING"
, "CLAUDE_CODE_DISABLE_FILE_MENTIONS CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS CLAUDE_CODE_DISABLE_HELD_MESSAGE_RECOGNITION"
, "CLAUDE_CODE_DISABLE_HOOK_FORWARDING CLAUDE_CODE_DISABLE_HTTPS_AGENT_KEEPING CLAUDE_CODE_DISABLE_INLINE_SHELL_RM_PROMPT"
, "CLAUDE_CODE_DISABLE_LAUNCHER_SIGN_IN CLAUDE_CODE_DISABLE_LAUNCH_COMPOSER CLAUDE_CODE_DISABLE_LAYOUT_CHECK"
, "CLAUDE_CODE_DISABLE_LEGACY_MODEL_REMAP CLAUDE_CODE_DISABLE_LONE_SEC_DEFAULT_SHORTCUT CLAUDE_CODE_DISABLE_LOOPED_CROSS_CERT_DROP"
, "CLAUDE_CODE_DISABLE_MCP_INDEX_ROOM_COUNT CLAUDE_CODE_DISABLE_MCP_TASKS CLAUDE_CODE_DISABLE_MCP_TASK_BACKGROUND"
, "CLAUDE_CODE_DISABLE_MEMORY_BULK_INFLATE CLAUDE_CODE_DISABLE_MEMORY_MASS_DELETE_HOLD CLAUDE_CODE_DISABLE_MEMORY_PERIODIC_RESYNC"
, "CLAUDE_CODE_DISABLE_MEMORY_RO_UNSAVED_NOTICE CLAUDE_CODE_DISABLE_MEMORY_STREAM_LIST CLAUDE_CODE_DISABLE_MODEL_ACCESS_FALLBACK"
, "CLAUDE_CODE_DISABLE_MOUNTED_DRIVE_RM_PROMPT CLAUDE_CODE_DISABLE_MOUSE CLAUDE_CODE_DISABLE_MOUSE_CLICKS"
, "CLAUDE_CODE_DISABLE_MTLS_RELOAD_ON_STALE_CONNECTION CLAUDE_CODE_DISABLE_NESTED_CHAIN_IDLE CLAUDE_CODE_DISABLE_NESTED_SESSION_ID"
, "CLAUDE_CODE_DISABLE_NESTED_USER_REPAIR CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK"
, "CLAUDE_CODE_DISABLE_NOTIFICATION_PRESENCE_CHECK CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL"
, "CLAUDE_CODE_DISABLE_ORG_MEMORY CLAUDE_CODE_DISABLE_OTEL_EVENT_SKIP CLAUDE_CODE_DISABLE_PERMISSION_PROMPT_NOTIFY_HOOKS"
, "CLAUDE_CODE_DISABLE_PLUGIN_FORWARDING CLAUDE_CODE_DISABLE_POLICY_SKILLS CLAUDE_CODE_DISABLE_POOLED_CONNECTION_IDLE_LIMIT"
, "CLAUDE_CODE_DISABLE_POWERSHELL_ALIAS_SHADOW_CHECK CLAUDE_CODE_DISABLE_POWERSHELL_CMD_RM_DENY CLAUDE_CODE_DISABLE_PRECOMPACT_SKIP"
, "CLAUDE_CODE_DISABLE_PROACTIVITY CLAUDE_CODE_DISABLE_PROXY_SCHEME_REPAIR CLAUDE_CODE_DISABLE_QUIET_BACKGROUND_WAIT"
, "CLAUDE_CODE_DISABLE_REFUSAL_FALLBACK CLAUDE_CODE_DISABLE_REFUSAL_RETRY CLAUDE_CODE_DISABLE_RESPONSE_COMPARISON"
, "CLAUDE_CODE_DISABLE_RESUME_LOAD_GOODBYE_SKIP CLAUDE_CODE_DISABLE_SELF_NAMED_CERT_DROP CLAUDE_CODE_DISABLE_SHELL_HEAD_START"
, "CLAUDE_CODE_DISABLE_STARTUP_WORK_GATE CLAUDE_CODE_DISABLE_STOP_OF_HELD_MESSAGES CLAUDE_CODE_DISABLE_STRUCTURED_OUTPUTS"
, "CLAUDE_CODE_DISABLE_SUBAGENT_HANDBACK CLAUDE_CODE_DISABLE_SUBSTITUTION_RM_PROMPT CLAUDE_CODE_DISABLE_TERMINAL_TITLE"
, "CLAUDE_CODE_DISABLE_THINKING CLAUDE_CODE_DISABLE_TRANSCRIPT_READ_AHEAD CLAUDE_CODE_DISABLE_TURN_HANDOFF"
, "CLAUDE_CODE_DISABLE_ULTRAREVIEW_TRUST_CHECK CLAUDE_CODE_DISABLE_ULTRATHINK CLAUDE_CODE_DISABLE_UNKNOWN_MODEL_WINDOW_ENFORCEMENT"
, "CLAUDE_CODE_DISABLE_VIRTUAL_SCROLL CLAUDE_CODE_DISABLE_VITALS_EMITTER CLAUDE_CODE_DISABLE_WEB_FETCH"
, "CLAUDE_CODE_DISABLE_WINDOWS_SHELL_LAUNCHER CLAUDE_CODE_DISABLE_WORKFLOWS CLAUDE_CODE_DISABLE_WORKING_SYNC"
, "CLAUDE_CODE_DISABLE_WORKING_SYNC_WATCH CLAUDE_CODE_DONT_INHERIT_ENV CLAUDE_CODE_DROP_UNAVAILABLE_DEFERRED_TOOL"
, "CLAUDE_CODE_EAGER_FLUSH CLAUDE_CODE_EDITOR_CODELIVERY CLAUDE_CODE_ELEGANT_MEADOW CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS"
, "CLAUDE_CODE_EMIT_STARTUP_TIMING CLAUDE_CODE_EMIT_TOOL_USE_SUMMARIES CLAUDE_CODE_EMIT_USER_PROMPT_SUBMIT_HOOK_EVENTS"
, "CLAUDE_CODE_ENABLE_APPEND_SUBAGENT_PROMPT CLAUDE_CODE_ENABLE_AWAY_SUMMARY CLAUDE_CODE_ENABLE_BACKGROUND_PLUGIN_REFRESH"
, "CLAUDE_CODE_ENABLE_CFC CLAUDE_CODE_ENABLE_DESIGN_SYNC CLAUDE_CODE_ENABLE_EXPERIMENTAL_ADVISOR_TOOL"
, "CLAUDE_CODE_ENABLE_FEEDBACK_SURVEY_FOR_OTEL CLAUDE_CODE_ENABLE_FINE_GRAINED_TOOL_STREAMING"
, "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY CLAUDE_CODE_ENABLE_LAUNCH_COMPOSER CLAUDE_CODE_ENABLE_MENU_KIND_LANES"
, "CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION CLAUDE_CODE_ENABLE_PROXY_AUTH_HELPER CLAUDE_CODE_ENABLE_REFRESH_MCP_TOOLS"
, "CLAUDE_CODE_ENABLE_REMOTE_RECAP CLAUDE_CODE_ENABLE_SDK_FILE_CHECKPOINTING CLAUDE_CODE_ENABLE_SHARE_BUNDLE CLAUDE_CODE_ENABLE_TASKS"
, "CLAUDE_CODE_ENABLE_TODO_TOOLS CLAUDE_CODE_ENABLE_TOKEN_USAGE_ATTACHMENT CLAUDE_CODE_ENABLE_WRAP_UP CLAUDE_CODE_ENABLE_XAA"
, "CLAUDE_CODE_ENHANCED_TELEMETRY_BETA CLAUDE_CODE_EVAL_CONFINED CLAUDE_CODE_EVAL_INTERVIEW_SESSION"
, "CLAUDE_CODE_EVEN_MORE_DANGEROUSLY_SKIP_PERMISSIONS CLAUDE_CODE_EXIT_AFTER_FIRST_RENDER CLAUDE_CODE_EXPERIMENTAL_AGENT_TEAMS"
, "CLAUDE_CODE_EXPERIMENTAL_OBSERVER_AGENTS CLAUDE_CODE_FEATURE_FLAGS_KICK_FROM_INIT CLAUDE_CODE_FEATURE_FLAGS_KICK_ON_WARM_CACHE"
, "CLAUDE_CODE_FIRST_CALL_THINKING_TITLES CLAUDE_CODE_FIZZY_GROVE CLAUDE_CODE_FLEETVIEW_SIMPLE CLAUDE_CODE_FORCE_BRIDGE"
, "CLAUDE_CODE_FORCE_EVALUATE_MEMORY CLAUDE_CODE_FORCE_FULLSCREEN_UPSELL CLAUDE_CODE_FORCE_MEMORY_SURVEY"
, "CLAUDE_CODE_FORCE_MID_CONVERSATION_SYSTEM CLAUDE_CODE_FORCE_SESSION_PERSISTENCE CLAUDE_CODE_FORCE_STRIKETHROUGH"
, "CLAUDE_CODE_FORCE_SYNC_OUTPUT CLAUDE_CODE_FORCE_TERMINAL_IMAGES CLAUDE_CODE_FORK_SUBAGENT CLAUDE_CODE_FORWARD_SUBAGENT_TEXT"
, "CLAUDE_CODE_FORWARD_USER_INTENT CLAUDE_CODE_GATEWAY_HINT_HEADERS CLAUDE_CODE_GB_DISK_CACHE_WHEN_TELEMETRY_OFF"
, "CLAUDE_CODE_GIT_CHECK_ONLY_IN_REPOSITORY CLAUDE_CODE_GLOB_HIDDEN CLAUDE_CODE_GLOB_NO_IGNORE CLAUDE_CODE_GORSE_PLOVER"
, "CLAUDE_CODE_GROWTHBOOK_KICK_FROM_INIT CLAUDE_CODE_GROWTHBOOK_KICK_ON_WARM_CACHE CLAUDE_CODE_GZIP_CCR_REQUEST_BODIES"
, "CLAUDE_CODE_GZIP_DATADOG_LOGS CLAUDE_CODE_GZIP_REQUEST_BODIES CLAUDE_CODE_HARBOR_KITE_CLOUD CLAUDE_CODE_HARBOR_KITE_PACING_OFF"
, "CLAUDE_CODE_HIDE_CWD CLAUDE_CODE_HIDE_REPLY_SERVER_NAME CLAUDE_CODE_HOLD_REPORT_PARK_AT_INIT CLAUDE_CODE_HOOKS_SAME_THREAD"
, "CLAUDE_CODE_HOSTED_DESKTOP CLAUDE_CODE_HOST_AUTH_ASK_AT_START CLAUDE_CODE_HOST_GATEWAY_LINEAGE"
, "CLAUDE_CODE_HOST_GUARDS_ARTIFACTS_MCP CLAUDE_CODE_HOST_OWNED_SPAWN_ENV CLAUDE_CODE_HOST_PROMPT_SUPERSEDES_RECORD"
, "CLAUDE_CODE_HOST_SCHEDULED_RUN CLAUDE_CODE_HOST_SHORT_TEMP_DIRS CLAUDE_CODE_HOST_SHOWS_CONNECTION_NOTICE CLAUDE_CODE_HOVER_REST"
, "CLAUDE_CODE_HUMBLE_HAMMOCK CLAUDE_CODE_IDE_SKIP_AUTO_INSTALL CLAUDE_CODE_IDE_SKIP_VALID_CHECK CLAUDE_CODE_IGNORE_PERSISTED_TRUST"
, "CLAUDE_CODE_INCLUDE_PARTIAL_MESSAGES CLAUDE_CODE_INLINE_TOOLS CLAUDE_CODE_IS_COWORK CLAUDE_CODE_KB_COHESION_FIXES"
, "CLAUDE_CODE_LANTERN_PRISM CLAUDE_CODE_LARCH_CISTERN CLAUDE_CODE_LAUNCHER_RUNS_API_KEY_HELPER CLAUDE_CODE_LEGACY_BUNDLE"
, "CLAUDE_CODE_LINKED_SPINDLE CLAUDE_CODE_LOOP_KEEPALIVE CLAUDE_CODE_LOOP_PERSISTENT CLAUDE_CODE_MANAGED_CONFIG_PREFETCH"
, "CLAUDE_CODE_MAX_EFFORT_REMINDER CLAUDE_CODE_MCP_ALWAYS_LOAD_JOIN_BEFORE_INPUT CLAUDE_CODE_MCP_APPS_HOST"
, "CLAUDE_CODE_MCP_APPS_NO_TOOL_ROUTE CLAUDE_CODE_MCP_NO_REDIAL_AFTER_POLICY_REFUSAL CLAUDE_CODE_MCP_REGISTRY_FETCH_AT_STARTUP"
, "CLAUDE_CODE_MEMORY_CONTEXT_NO_WAIT CLAUDE_CODE_MEMORY_SUBAGENT_APPEND CLAUDE_CODE_NANKEEN_KESTREL CLAUDE_CODE_NATIVE_APP_BUNDLE"
, "CLAUDE_CODE_NATIVE_CURSOR CLAUDE_CODE_NEW_INIT CLAUDE_CODE_NEW_RENDERER CLAUDE_CODE_NONBLOCKING_STDOUT"
, "CLAUDE_CODE_NORMALIZE_PREFIX_CACHE CLAUDE_CODE_NORMALIZE_PREFIX_CACHE_VERIFY CLAUDE_CODE_NOTIFICATIONS_HOST CLAUDE_CODE_NO_FLICKER"
, "CLAUDE_CODE_NO_MODEL_FALLBACK CLAUDE_CODE_OFF_PERSONS_MACHINE CLAUDE_CODE_OTEL_DIAG_STDERR CLAUDE_CODE_PACKAGE_MANAGER_AUTO_UPDATE"
, "CLAUDE_CODE_PARKED_RUN_BEFORE_CLEAR CLAUDE_CODE_PARKED_STOP_RETIRES CLAUDE_CODE_PARSED_WILLOW CLAUDE_CODE_PEPPY_STARLIGHT"
, "CLAUDE_CODE_PEWTER_OWL CLAUDE_CODE_PEWTER_OWL_TOOL CLAUDE_CODE_PLAIN_DELTA_DIRECT_WRITE CLAUDE_CODE_PLAN_MODE_REQUIRED"
, "CLAUDE_CODE_PLUGIN_BINARY_ASSETS CLAUDE_CODE_PLUGIN_DIR_WATCH CLAUDE_CODE_PLUGIN_KEEP_MARKETPLACE_ON_FAILURE"
, "CLAUDE_CODE_PLUGIN_PREFER_HTTPS CLAUDE_CODE_PLUGIN_USE_ZIP_CACHE CLAUDE_CODE_POLL_EVENTS CLAUDE_CODE_POST_TURN_MEMORY"
, "CLAUDE_CODE_POST_TURN_MEMORY_SYNC CLAUDE_CODE_POWERSHELL_RESPECT_EXECUTION_POLICY CLAUDE_CODE_PROACTIVE"
, "CLAUDE_CODE_PROFILE_STARTUP CLAUDE_CODE_PROJECTS_SESSION CLAUDE_CODE_PROPAGATE_TRACEPARENT CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST"
, "CLAUDE_CODE_PROXY_RESOLVES_HOSTS CLAUDE_CODE_QUESTION_EXTENDED CLAUDE_CODE_QUESTION_OPTIONAL_DESCRIPTIONS"
, "CLAUDE_CODE_QUEUED_NOTIFICATIONS_BY_POLL CLAUDE_CODE_REFUSAL_FALLBACK_CATCH_ALL CLAUDE_CODE_REMOTE"
, "CLAUDE_CODE_REMOTE_HERMETIC_MODE CLAUDE_CODE_REMOTE_SEND_KEEPALIVES CLAUDE_CODE_REMOTE_TOOLS_FORWARD"
, "CLAUDE_CODE_REMOTE_TOOLS_PIN_STORED_LOGIN CLAUDE_CODE_REPL CLAUDE_CODE_REPORT_FINDINGS CLAUDE_CODE_REPORT_REPO_PROVENANCE"
, "CLAUDE_CODE_REQUIRED_PLUGINS_HOLD CLAUDE_CODE_RESTRICTED CLAUDE_CODE_RESTRICT_PERSONAL_CONFIG CLAUDE_CODE_RESUME_CACHE_WARM"
, "CLAUDE_CODE_RESUME_INTERRUPTED_TURN CLAUDE_CODE_RESUME_SHOWS_CUT_OFF_CALLS CLAUDE_CODE_RESUME_TOLERATES_CONTEXT_APPENDS"
, "CLAUDE_CODE_RESUME_TOLERATES_CONTEXT_SEEDS CLAUDE_CODE_RETRY_WATCHDOG CLAUDE_CODE_SAFE_MODE CLAUDE_CODE_SANDBOXED"
, "CLAUDE_CODE_SANDBOX_LEAVE_DENIES_TO_SRT_WIN CLAUDE_CODE_SANDBOX_LEAVE_PARENT_FOLDERS_ALONE CLAUDE_CODE_SDK_HAS_HOST_AUTH_REFRESH"
, "CLAUDE_CODE_SDK_HAS_OAUTH_REFRESH CLAUDE_CODE_SDK_HAS_SESSIONS_OAUTH_REFRESH CLAUDE_CODE_SDK_READS_SESSION_STATE"
, "CLAUDE_CODE_SDK_READS_STARTUP_MARKS CLAUDE_CODE_SEND_FEEDBACK CLAUDE_CODE_SESSION_ATTENDED"
, "CLAUDE_CODE_SESSION_START_ANNOUNCEMENTS_BEFORE_PROMPT CLAUDE_CODE_SHOW_HIDDEN_CHARACTERS CLAUDE_CODE_SILENT_TURN_REMINDER"
, "CLAUDE_CODE_SIMPLE CLAUDE_CODE_SIMULATE_PROXY_USAGE CLAUDE_CODE_SKILL_PROPOSALS CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH"
, "CLAUDE_CODE_SKIP_ANTHROPIC_GOOGLE_CLOUD_AUTH CLAUDE_CODE_SKIP_AWS_CRED_CACHE CLAUDE_CODE_SKIP_BEDROCK_AUTH"
, "CLAUDE_CODE_SKIP_FAST_MODE_NETWORK_ERRORS CLAUDE_CODE_SKIP_FAST_MODE_ORG_CHECK CLAUDE_CODE_SKIP_FOUNDRY_AUTH"
, "CLAUDE_CODE_SKIP_HFI_VERSION_CHECK CLAUDE_CODE_SKIP_MANTLE_AUTH CLAUDE_CODE_SKIP_MCP_DEBUG_LOG_FILES"
, "CLAUDE_CODE_SKIP_MODEL_ACCESS_MEMORY CLAUDE_CODE_SKIP_PLUGIN_LOCAL_MCP_SERVERS CLAUDE_CODE_SKIP_PLUGIN_MCP_BUNDLES"
, "CLAUDE_CODE_SKIP_PLUGIN_MCP_SERVERS CLAUDE_CODE_SKIP_PROJECT_BACKFILL CLAUDE_CODE_SKIP_PROMPT_HISTORY CLAUDE_CODE_SKIP_REPO_UPLOAD"
, "CLAUDE_CODE_SKIP_VERTEX_AUTH CLAUDE_CODE_SLEEP_COMPACT CLAUDE_CODE_SNAPPY_PELICAN CLAUDE_CODE_SORTED_OTTER"
, "CLAUDE_CODE_SPARE_DEFER_ALL_MCP CLAUDE_CODE_STARTUP_FAILURE_RESULTS CLAUDE_CODE_STELLAR_DRIFT CLAUDE_CODE_STREAMED_BUMBLEBEE"
, "CLAUDE_CODE_STRICT_INLINE_SHELL_RM_PROMPT CLAUDE_CODE_SUBAGENT_CACHE_EVICT CLAUDE_CODE_SUBAGENT_CONFIG_WARNING"
, "CLAUDE_CODE_SUBAGENT_HISTORY CLAUDE_CODE_SUBAGENT_MODEL_FORCE CLAUDE_CODE_SUBAGENT_PROMPT_SNAPSHOT"
, "CLAUDE_CODE_SUBPROCESS_ENV_SCRUB CLAUDE_CODE_SUPERVISED CLAUDE_CODE_SUPPRESS_SESSION_ATTRIBUTION CLAUDE_CODE_SYNC_PLUGINS"
, "CLAUDE_CODE_SYNC_PLUGINS_BUFFERED_DOWNLOAD CLAUDE_CODE_SYNC_PLUGIN_INSTALL CLAUDE_CODE_SYNC_SESSION_REFS CLAUDE_CODE_SYNC_SKILLS"
, "CLAUDE_CODE_TAG_ISMETA_MESSAGES CLAUDE_CODE_TEE_SDK_STDOUT CLAUDE_CODE_THINKING_DISPLAY_UPDATES CLAUDE_CODE_THINKING_RESUMPTION"
, "CLAUDE_CODE_THRIFTY_SONIC CLAUDE_CODE_TMUX_PREFIX_CONFLICTS CLAUDE_CODE_TOTAL_TOKENS_REMINDER_AFTER_USER_TURN"
, "CLAUDE_CODE_TRANSCRIPT_LOCAL_GC CLAUDE_CODE_TRANSCRIPT_SLIM_TOOL_RESULTS CLAUDE_CODE_TURN_UPDATES CLAUDE_CODE_TWO_STAGE_CLASSIFIER"
, "CLAUDE_CODE_ULTRAREVIEW_PR_AS_MERGED CLAUDE_CODE_USER_DELEGATED_SESSION CLAUDE_CODE_USER_DELEGATED_SESSION_ANY_CHECK_MODEL"
, "CLAUDE_CODE_USER_DELEGATED_SESSION_DIRECT_API CLAUDE_CODE_USE_ANTHROPIC_AWS CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD"
, "CLAUDE_CODE_USE_BEDROCK CLAUDE_CODE_USE_COWORK_PLUGINS CLAUDE_CODE_USE_FOUNDRY CLAUDE_CODE_USE_GATEWAY CLAUDE_CODE_USE_MANTLE"
, "CLAUDE_CODE_USE_NATIVE_FILE_SEARCH CLAUDE_CODE_USE_POWERSHELL_TOOL CLAUDE_CODE_USE_VERTEX CLAUDE_CODE_VOICE_FORWARD_INTERIMS_TYPED"
, "CLAUDE_CODE_WEBFETCH_USE_CCR_PROXY CLAUDE_CODE_WEBSEARCH_CITATIONS CLAUDE_CODE_WEBSEARCH_USE_CCR_PROXY CLAUDE_CODE_WEB_FETCH_AGENT"
, "CLAUDE_CODE_WEB_SEARCH_FAST_ARG CLAUDE_CODE_WHIMSICAL_ELEPHANT CLAUDE_CODE_WILLOW_TERN CLAUDE_CODE_WISE_COMET"
, "CLAUDE_CODE_WITTY_DEWDROP CLAUDE_CODE_WORKFLOWS CLAUDE_DEBUG CLAUDE_DISABLE_ADOPT CLAUDE_ENABLE_BYTE_WATCHDOG"
, "CLAUDE_ENABLE_BYTE_WATCHDOG_BEDROCK CLAUDE_ENABLE_STREAM_WATCHDOG CLAUDE_FORCE_DISPLAY_SURVEY CLAUDE_GATEWAY_ALLOW_LOOPBACK"
, "CLAUDE_GATEWAY_PROXY_IS_EGRESS_BOUNDARY CLAUDE_IMPORT_CONVERSATIONS CLAUDE_RUNNER_DISABLE_AWAITING_ACTION_OVERRIDE"
, "CLAUDE_RUNNER_DISABLE_RENEWAL_WARNING CLAUDE_RUNNER_DISABLE_START_HEARTBEATS CLAUDE_RUNNER_DISABLE_TURN_BEGAN_BEFORE_INIT"
, "CLAUDE_RUNNER_OFFERS_NEW_MACHINE CLAUDE_WORKFLOW_NAME_ONLY DEBUG_CLAUDE_AGENT_SDK DEBUG_SDK DISABLE_AUTOUPDATER"
, "DISABLE_AUTO_COMPACT DISABLE_BRIEF_MODE_STOP_HOOK DISABLE_BUG_COMMAND DISABLE_COST_WARNINGS DISABLE_DOCTOR_COMMAND"
, "DISABLE_ERROR_REPORTING DISABLE_EXTRA_USAGE_COMMAND DISABLE_FEEDBACK_COMMAND DISABLE_GROWTHBOOK DISABLE_INSTALL_GITHUB_APP_COMMAND"
, "DISABLE_INTERLEAVED_THINKING DISABLE_LOGIN_COMMAND DISABLE_LOGOUT_COMMAND DISABLE_PROMPT_CACHING DISABLE_PROMPT_CACHING_FABLE"
, "DISABLE_PROMPT_CACHING_HAIKU DISABLE_PROMPT_CACHING_MYTHOS DISABLE_PROMPT_CACHING_OPUS DISABLE_PROMPT_CACHING_SONNET"
, "DISABLE_TELEMETRY DISABLE_UPDATES DISABLE_UPGRADE_COMMAND EMBEDDED_SEARCH_TOOLS ENABLE_BETA_TRACING_DETAILED"
, "ENABLE_CLAUDEAI_MCP_SERVERS ENABLE_ENHANCED_TELEMETRY_BETA ENABLE_LOCKLESS_UPDATES ENABLE_LSP_TOOL ENABLE_MCP_LARGE_OUTPUT_FILES"
, "ENABLE_PID_BASED_VERSION_LOCKING ENABLE_PROMPT_CACHING_1H ENABLE_PROMPT_CACHING_1H_BEDROCK ENABLE_SESSION_BACKGROUNDING"
, "ENABLE_SESSION_PERSISTENCE FORCE_AUTOUPDATE_PLUGINS FORCE_CODE_TERMINAL FORCE_PROMPT_CACHING_5M INK_SCREEN_READER LOCAL_BRIDGE"
, "MCP_CONNECTION_NONBLOCKING MCP_DISCOVERY_CACHE OTEL_LOG_ASSISTANT_RESPONSES OTEL_LOG_MANAGED_SETTINGS OTEL_LOG_RAW_API_BODIES"
, "OTEL_LOG_TOOL_CONTENT OTEL_LOG_TOOL_DETAILS OTEL_LOG_USER_PROMPTS OTEL_RESOURCE_INCLUDE_HOST SYSTEM_REMINDER_MEMORY_CONTEXT"
, "USE_API_CONTEXT_MANAGEMENT USE_LOCAL_OAUTH USE_STAGING_OAUTH"]], [{"x-kind": "integer"},
["API_FORCE_IDLE_TIMEOUT API_TIMEOUT_MS BASH_MAX_OUTPUT_LENGTH CCR_AGENT_PROXY_MAX_BUSY_TUNNELS CLAUDE_AFK_COUNTDOWN_MS"
, "CLAUDE_AFK_TIMEOUT_MS CLAUDE_ASYNC_AGENT_STALL_TIMEOUT_MS CLAUDE_AX_ANNOUNCEMENT_HOLD_MS CLAUDE_AX_PREPARK_MS"
, "CLAUDE_AX_STARTUP_QUIET_MS CLAUDE_BG_SILENT_PEER_TIMEOUT_MS CLAUDE_BG_STARTUP_WEDGE_MS CLAUDE_BRIDGE_REATTACH_SEQ"
, "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS CLAUDE_CODE_API_KEY_HELPER_TTL_MS CLAUDE_CODE_ARTIFACT_SHARE_PROBE_REUSE_MS"
, "CLAUDE_CODE_ATTRIBUTION_STATUS_TIMEOUT_MS CLAUDE_CODE_AUTH_FAIL_EXIT_MS CLAUDE_CODE_AWS_CHAIN_RESOLVE_TIMEOUT_MS"
, "CLAUDE_CODE_CONFIG_LOCK_WAIT_MS CLAUDE_CODE_DATADOG_FLUSH_INTERVAL_MS CLAUDE_CODE_DD_ERROR_TRACKING_FLUSH_INTERVAL_MS"
, "CLAUDE_CODE_EXIT_AFTER_STOP_DELAY CLAUDE_CODE_FEATURE_FLAGS_REFRESH_INTERVAL_MS CLAUDE_CODE_FILE_READ_MAX_OUTPUT_TOKENS"
, "CLAUDE_CODE_FILE_READ_MAX_PDF_PAGES_PER_MESSAGE CLAUDE_CODE_FILE_READ_MAX_PDF_PAGES_PER_TURN CLAUDE_CODE_FLAG_FETCH_WAIT_MS"
, "CLAUDE_CODE_FRAME_TIMING_SAMPLE_EVERY CLAUDE_CODE_GATEWAY_MODEL_DISCOVERY_TIMEOUT_MS CLAUDE_CODE_GLOB_TIMEOUT_SECONDS"
, "CLAUDE_CODE_GOAL_CHECKIN_MINUTES CLAUDE_CODE_GZIP_REQUEST_BODY_BLOCKS CLAUDE_CODE_GZIP_REQUEST_BODY_LEVEL"
, "CLAUDE_CODE_HOME_SEED_HOLD_TIMEOUT_MS CLAUDE_CODE_HOME_SEED_VERDICT_TIMEOUT_MS CLAUDE_CODE_HOOK_HEARTBEAT_INTERVAL_MS"
, "CLAUDE_CODE_HOST_AUTH_REFRESH_TIMEOUT_MS CLAUDE_CODE_IDLE_COMPACT_MIN_TOKENS CLAUDE_CODE_IDLE_THRESHOLD_MINUTES"
, "CLAUDE_CODE_IDLE_TOKEN_THRESHOLD CLAUDE_CODE_INCREMENTAL_REQUEST_BODY CLAUDE_CODE_JIT_POLICY_AFTER_STARTUP"
, "CLAUDE_CODE_JUNIPER_SUNDIAL CLAUDE_CODE_MAIN_REPLY_HOLD_MS CLAUDE_CODE_MAX_CONCURRENT_SUBAGENTS CLAUDE_CODE_MAX_CONTEXT_TOKENS"
, "CLAUDE_CODE_MAX_MCP_DESCRIPTION_LENGTH CLAUDE_CODE_MAX_OUTPUT_TOKENS CLAUDE_CODE_MAX_RETRIES CLAUDE_CODE_MAX_SUBAGENT_SPAWN_DEPTH"
, "CLAUDE_CODE_MAX_TOOL_USE_CONCURRENCY CLAUDE_CODE_MAX_WEB_SEARCHES_PER_SESSION CLAUDE_CODE_MCP_AUTO_BACKGROUND_MS"
, "CLAUDE_CODE_MCP_CONNECTOR_PREWAIT_MS CLAUDE_CODE_MCP_PREWAIT_SERVERS_MS CLAUDE_CODE_MCP_SERVE_MEMORY_WALKS_DEADLINE_MS"
, "CLAUDE_CODE_MCP_STARTUP_WAIT_MS CLAUDE_CODE_MCP_TOOL_IDLE_TIMEOUT CLAUDE_CODE_NONSTREAMING_TIMEOUT_RETRIES"
, "CLAUDE_CODE_OAUTH_401_WAIT_MS CLAUDE_CODE_OTEL_CONTENT_MAX_LENGTH CLAUDE_CODE_OTEL_FLUSH_TIMEOUT_MS"
, "CLAUDE_CODE_OTEL_HEADERS_HELPER_DEBOUNCE_MS CLAUDE_CODE_OTEL_SHUTDOWN_TIMEOUT_MS CLAUDE_CODE_OVERLOADED_RETRY_BASE_DELAY_MS"
, "CLAUDE_CODE_OVERLOADED_RETRY_MAX_DELAY_MS CLAUDE_CODE_OVERLOADED_RETRY_MAX_WAIT_MS CLAUDE_CODE_PARKED_PERMISSION_WAIT_MS"
, "CLAUDE_CODE_PERFETTO_WRITE_INTERVAL_S CLAUDE_CODE_PLAN_V2_AGENT_COUNT CLAUDE_CODE_PLAN_V2_EXPLORE_AGENT_COUNT"
, "CLAUDE_CODE_PLUGIN_GIT_TIMEOUT_MS CLAUDE_CODE_PRINT_BG_WAIT_CEILING_MS CLAUDE_CODE_PROXY_AUTH_HELPER_TTL_MS"
, "CLAUDE_CODE_PWSH_PARSE_TIMEOUT_MS CLAUDE_CODE_REMOTE_SETTINGS_POLL_MS CLAUDE_CODE_REMOTE_STALL_CHECK_INTERVAL_MS"
, "CLAUDE_CODE_REMOTE_TOOLS_HOST_IDLE_RELEASE_MINUTES CLAUDE_CODE_RESUME_SESSIONSTART_HOOKS_WAIT_MS"
, "CLAUDE_CODE_RESUME_THRESHOLD_MINUTES CLAUDE_CODE_RESUME_TOKEN_THRESHOLD CLAUDE_CODE_RETRY_WATCHDOG_MAX_USAGE_LIMIT_WAIT_MS"
, "CLAUDE_CODE_RETRY_WATCHDOG_MAX_WAIT_MS CLAUDE_CODE_RETRY_WATCHDOG_USAGE_LIMIT_RECHECK_MS CLAUDE_CODE_SCRIPT_CAPS"
, "CLAUDE_CODE_SDK_MCP_TOOL_IDLE_TIMEOUT CLAUDE_CODE_SESSIONEND_HOOKS_TIMEOUT_MS CLAUDE_CODE_SESSION_CREATED_AT_MS"
, "CLAUDE_CODE_SILENT_TURN_REMINDER_SECONDS CLAUDE_CODE_SILENT_TURN_REMINDER_TURNS CLAUDE_CODE_SLEEP_COMPACT_AFTER_MS"
, "CLAUDE_CODE_SLOW_OPERATION_THRESHOLD_MS CLAUDE_CODE_SPAWN_TIMESTAMP_MS CLAUDE_CODE_SSE_PORT CLAUDE_CODE_STOP_HOOK_BLOCK_CAP"
, "CLAUDE_CODE_STREAM_EVENT_HOLD_MS CLAUDE_CODE_STREAM_EVENT_NO_SUBSCRIBER_HOLD_MS CLAUDE_CODE_SYNC_PLUGINS_DOWNLOAD_CONCURRENCY"
, "CLAUDE_CODE_SYNC_PLUGINS_DOWNLOAD_STALL_MS CLAUDE_CODE_SYNC_PLUGINS_INSTALL_TIMEOUT_MS CLAUDE_CODE_SYNC_PLUGINS_MCP_TIMEOUT_MS"
, "CLAUDE_CODE_SYNC_PLUGIN_INSTALL_TIMEOUT_MS CLAUDE_CODE_SYNC_REUSE_WITHIN_MS CLAUDE_CODE_SYNC_SKILLS_INSTALL_TIMEOUT_MS"
, "CLAUDE_CODE_SYNC_SKILLS_WAIT_TIMEOUT_MS CLAUDE_CODE_TEAM_TEARDOWN_PARK_TIMEOUT_MS CLAUDE_CODE_TOTAL_TOKENS_REMINDER_BUDGET"
, "CLAUDE_CODE_UNWATCHED_REPLY_HOLD_MS CLAUDE_CODE_USER_DIALOG_TIMEOUT_MS CLAUDE_CODE_WARN_DISK_FREE_GIB"
, "CLAUDE_CODE_WARN_MEMORY_FREE_GIB CLAUDE_CODE_WEBFETCH_CACHE_TTL_MS CLAUDE_CODE_WEBFETCH_DEADLINE_MS"
, "CLAUDE_CODE_WEB_SEARCH_REFILLS_PER_HOUR CLAUDE_CODE_WORKER_EPOCH CLAUDE_CODE_WORKFLOW_MAX_CONCURRENT_AGENTS"
, "CLAUDE_CODE_WORKFLOW_PREFIX_STAGGER_MS CLAUDE_CODE_WORKFLOW_SIZE_WARNING_AGENTS CLAUDE_CODE_WORKFLOW_SIZE_WARNING_TOKENS"
, "CLAUDE_GATEWAY_DRAIN_TIMEOUT_MS CLAUDE_PTY_HEARTBEAT_MS CLAUDE_PTY_ORPHAN_CHECK_MS CLAUDE_RUNNER_ACTIVITY_FD"
, "CLAUDE_RUNNER_ALIVE_EVERY_MS CLAUDE_SERVE_DRAIN_TIMEOUT_MS CLAUDE_SLOW_FIRST_BYTE_MS CLAUDE_STREAM_FIRST_BYTE_TIMEOUT_MS"
, "CLAUDE_STREAM_IDLE_TIMEOUT_MS MAX_MCP_OUTPUT_TOKENS MAX_STRUCTURED_OUTPUT_RETRIES MAX_THINKING_TOKENS MCP_CONNECT_TIMEOUT_MS"
, "MCP_DISCOVERY_CACHE_MAX_STALE_S MCP_DISCOVERY_CACHE_STRIKES MCP_DISCOVERY_CACHE_TTL_S MCP_OAUTH_CALLBACK_PORT"
, "MCP_REMOTE_SERVER_CONNECTION_BATCH_SIZE MCP_SERVER_CONNECTION_BATCH_SIZE MCP_TIMEOUT MCP_TOOL_TIMEOUT"
, "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_LOGS_EXPORT_INTERVAL"
, "OTEL_METRIC_EXPORT_INTERVAL OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT OTEL_TRACES_EXPORT_INTERVAL SLASH_COMMAND_TOOL_CHAR_BUDGET", "SUDO_GID SUDO_UID"
]]]}, "type": ["object"]}, "settings": {"properties": {"askUserQuestionTimeout": {"enum": ["60s", "5m", "10m", "never"]}, "autoUpdatesChannel": {
"enum": ["latest", "stable", "rc"]}, "availableModelsMatch": {"enum": ["prefix", "exact"]}, "daemonColdStart": {"enum": ["transient", "ask"]},
"defaultShell": {"enum": ["bash", "powershell"]}, "dialogExpiry": {"enum": ["60s", "5m", "10m", "never"]}, "disableAutoMode": {"enum": ["disable"]},
"effortLevel": {"enum": ["low", "medium", "high", "xhigh"]}, "feedbackDrafts": {"enum": ["notify", "quiet", "off"]}, "forceLoginMethod": {"enum":
["claudeai", "console", "gateway"]}, "keybindingFlavor": {"enum": ["classic", "readline"]}, "managedSourcesBehavior": {"enum": ["first-wins", "merge"]
}, "parentSettingsBehavior": {"enum": ["first-wins", "merge"]}, "remoteMessageReceipts": {"enum": ["on", "always", "off"]}, "totalTokensReminder": {
"enum": ["off", "infinite", "fixed", "countdown", "padded-countdown"]}, "tui": {"enum": ["default", "fullscreen"]}, "viewMode": {"enum": ["default"
, "verbose", "focus"]}, "workflowSizeGuideline": {"enum": ["unrestricted", "small", "medium", "large"]}, "*": [[{"type": ["string"]},
["$schema advisorModel agent apiKeyHelper attributionProject autoMemoryDirectory awsAuthRefresh awsCredentialExport claudeMd"
, "crossSessionInbound desktopMcpServersListScope editorMode forceLoginGatewayUrl gcpAuthRefresh language maxEffortLevel"
, "minimumVersion model modelProposedGoals otelHeadersHelper outputStyle plansDirectory pluginTrustMessage prUrlTemplate"
, "preferredNotifChannel processWrapper promptCacheTtl proxyAuthHelper requiredMaximumVersion requiredMinimumVersion"
, "subagentPromptCacheTtl teammateMode timeZone"]], [{"type": ["object"]},
["additionalDirectoryConfigRoots attributionProjectPolicy autoCompactOfferAnswer breakReminder enabledPlugins fileSuggestion"
, "modelOverrides modelPicker modelPricing pluginConfigs quietHours remote remoteControl remoteTools skillOverrides spellcheck"
, "spinnerTipsOverride spinnerVerbs statusLine subagentStatusLine vimInsertModeRemaps voice worktree xaaIdp"]], [{},
["additionalMarketplaces allowedMarketplaces allowedMcpServers allowedProviders autoCompactWindow blockedMarketplaces"
, "deniedMcpServers env extraKnownMarketplaces forceLoginOrgUUID hooks managedMcpServers modelSettings permissions policyHelper"
, "policyHelpers sandbox sshHostCommands strictKnownMarketplaces strictPluginOnlyCustomization theme timeFormat"]], [{"type": ["boolean"]},
["agentPushNotifEnabled allowAllClaudeAiMcps allowClaudeInChromeWithManagedMcp allowManagedHooksOnly allowManagedMcpServersOnly"
, "allowManagedPermissionRulesOnly allowNestedModelAccessUnderForceLogin alwaysThinkingEnabled autoCompactEnabled"
, "autoCompactRaisedForLoad autoContinueAtUsageLimit autoDreamEnabled autoMemoryEnabled autoScrollEnabled autoUploadSessions"
, "awaySummaryEnabled bashEditDiffEnabled channelsEnabled clawdFileProgressEnabled disableAgentView disableAllHooks disableArtifact"
, "disableBundledSkills disableClaudeAiConnectors disableCommandPluginSources disableRemoteControl disableReplyCheck"
, "disableSideloadFlags disableSkillShellExecution disableWindowsBashCommandSplit disableWorkflows doneMeansMerged"
, "emojiCompletionEnabled enableAllProjectMcpServers enableArtifact enableWorkflows enforceAvailableModels fastMode"
, "fastModePerSessionOptIn fileCheckpointingEnabled forceRemoteSettingsRefresh idleCompaction includeCoAuthoredBy"
, "includeGitInstructions inputNeededNotifEnabled isolatePeerMachines precomputeCompactionEnabled prefersReducedMotion"
, "promptSuggestionEnabled remoteControlAtStartup respectGitignore respondToBashCommands responseComparisonEnabled"
, "showClearContextOnPlanAccept showMessageTimestamps showThinkingSummaries showTurnDuration skipDangerousModePermissionPrompt"
, "skipWebFetchPreflight skipWorkflowUsageWarning spinnerTipsEnabled switchModelsOnFlag syncClaudeAiPlugins syncClaudeAiSkills"
, "syntaxHighlightingDisabled terminalProgressBarEnabled terminalTitleFromRename todoFeatureEnabled totalTokensReminderAfterUserTurn"
, "ultracode verbose wheelScrollAccelerationEnabled workflowKeywordTriggerEnabled wslInheritsWindowsSettings"]], [{"type": ["array"]},
["allowedChannelPlugins allowedHttpHookUrls appendPlugins availableModels claudeMdExcludes companyAnnouncements deniedModels"
, "disabledMcpjsonServers enabledMcpjsonServers fallbackModel footerLinksRegexes gatewayInternalNetworks httpHookAllowedEnvVars"
, "pluginSuggestionMarketplaces prependPlugins sshConfigs"]], [{"type": ["number"]},
["bashOutputMaxChars cleanupPeriodDays desktopSessionCleanupPeriodDays feedbackSurveyRate maxProseWidth precomputeArmTokens"
, "skillListingBudgetFraction skillListingMaxDescChars taskOutputMaxChars totalTokensReminderBudget"]]]}, "type": ["object"]}}, "$schema":
"https://json-schema.org/draft/2020-12/schema", "title":
"What Claude Code 2.1.329 reads from its settings and its environment (dumped; rewritten by make update)"}, "known/litellm.json": {"$defs": {
"bare_model": {"enum": ["31dxrj3", "ai21.j2-mid-v1", "ai21.j2-ultra-v1", "ai21.jamba-1-5-large-v1:0", "ai21.jamba-1-5-mini-v1:0"
, "ai21.jamba-instruct-v1:0", "amazon.nova-2-5-sonic", "amazon.nova-2-lite-v1:0", "amazon.nova-2-multimodal-embeddings-v1:0"
, "amazon.nova-2-pro-preview-20251202-v1:0", "amazon.nova-2-sonic-v1:0", "amazon.nova-canvas-v1:0", "amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0"
, "amazon.nova-premier-v1:0", "amazon.nova-pro-v1:0", "amazon.rerank-v1:0", "amazon.titan-embed-g1-text-02", "amazon.titan-embed-image-v1"
, "amazon.titan-embed-text-v1", "amazon.titan-embed-text-v2:0", "amazon.titan-image-generator-v1", "amazon.titan-image-generator-v2"
, "amazon.titan-image-generator-v2:0", "amazon.titan-text-express-v1", "amazon.titan-text-lite-v1", "amazon.titan-text-premier-v1:0"
, "anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-sonnet-20240620-v1:0", "anthropic.claude-3-5-sonnet-20241022-v2:0"
, "anthropic.claude-3-7-sonnet-20240620-v1:0", "anthropic.claude-3-7-sonnet-20250219-v1:0", "anthropic.claude-3-haiku-20240307-v1:0"
, "anthropic.claude-3-opus-20240229-v1:0", "anthropic.claude-3-sonnet-20240229-v1:0", "anthropic.claude-fable-5", "anthropic.claude-fable-5-1"
, "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5@20251001", "anthropic.claude-haiku-5-5", "anthropic.claude-instant-v1"
, "anthropic.claude-mythos-5-1", "anthropic.claude-mythos-preview", "anthropic.claude-opus-4-1-20250805-v1:0", "anthropic.claude-opus-4-20250514-v1:0"
, "anthropic.claude-opus-4-5-20251101-v1:0", "anthropic.claude-opus-4-6-v1", "anthropic.claude-opus-4-6-v1:0", "anthropic.claude-opus-4-7"
, "anthropic.claude-opus-4-8", "anthropic.claude-opus-5", "anthropic.claude-opus-5-5", "anthropic.claude-sonnet-4-20250514-v1:0"
, "anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-5", "anthropic.claude-sonnet-5-5"
, "anthropic.claude-v1", "anthropic.claude-v2", "anthropic.claude-v2:1", "apac.amazon.nova-2-lite-v1:0"
, "apac.amazon.nova-2-pro-preview-20251202-v1:0", "apac.amazon.nova-lite-v1:0", "apac.amazon.nova-micro-v1:0", "apac.amazon.nova-pro-v1:0"
, "apac.anthropic.claude-fable-5", "apac.anthropic.claude-haiku-4-5-20251001-v1:0", "apac.anthropic.claude-haiku-5-5"
, "apac.anthropic.claude-mythos-preview", "apac.anthropic.claude-opus-4-7", "apac.anthropic.claude-opus-4-8", "apac.anthropic.claude-opus-5"
, "apac.anthropic.claude-opus-5-5", "apac.anthropic.claude-sonnet-4-20250514-v1:0", "apac.anthropic.claude-sonnet-4-6"
, "apac.anthropic.claude-sonnet-5", "apac.anthropic.claude-sonnet-5-5", "au.anthropic.claude-fable-5", "au.anthropic.claude-haiku-4-5-20251001-v1:0"
, "au.anthropic.claude-haiku-5-5", "au.anthropic.claude-mythos-preview", "au.anthropic.claude-opus-4-6-v1", "au.anthropic.claude-opus-4-7"
, "au.anthropic.claude-opus-4-8", "au.anthropic.claude-opus-5", "au.anthropic.claude-opus-5-5", "au.anthropic.claude-sonnet-4-5-20250929-v1:0"
, "au.anthropic.claude-sonnet-4-6", "au.anthropic.claude-sonnet-5", "au.anthropic.claude-sonnet-5-5", "babbage-002", "c4ai-aya-expanse-32b"
, "chat-latest", "chatdolphin", "chatgpt-image-latest", "claude-fable-5", "claude-fable-5-1", "claude-haiku-4-5", "claude-haiku-4-5-20251001"
, "claude-haiku-5-5", "claude-mythos-5", "claude-mythos-5-1", "claude-mythos-preview", "claude-opus-4-5", "claude-opus-4-5-20251101"
, "claude-opus-4-6", "claude-opus-4-6-20260205", "claude-opus-4-7", "claude-opus-4-7-20260416", "claude-opus-4-8", "claude-opus-5", "claude-opus-5-5"
, "claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-6", "claude-sonnet-5", "claude-sonnet-5-5"
, "cohere.command-light-text-v14", "cohere.command-text-v14", "cohere.embed-english-v3", "cohere.embed-multilingual-v3", "cohere.embed-v4:0"
, "cohere.rerank-v3-5:0", "command-a-03-2025", "command-a-plus-05-2026", "command-nightly", "command-r-08-2024", "command-r-plus-08-2024"
, "command-r7b-12-2024", "computer-use-preview", "computer-use-preview-2025-03-11", "dall-e-2", "dall-e-3", "davinci-002", "daybreak-blue-latest"
, "daybreak-red-latest", "deep-research-pro-preview-12-2025", "deepseek.r1-v1:0", "deepseek.v3-v1:0", "deepseek.v3.2", "dolphin"
, "embed-english-light-v2.0", "embed-english-light-v3.0", "embed-english-v2.0", "embed-english-v3.0", "embed-multilingual-light-v3.0"
, "embed-multilingual-v2.0", "embed-multilingual-v3.0", "embed-v4.0", "eu.amazon.nova-2-lite-v1:0", "eu.amazon.nova-2-pro-preview-20251202-v1:0"
, "eu.amazon.nova-lite-v1:0", "eu.amazon.nova-micro-v1:0", "eu.amazon.nova-pro-v1:0", "eu.anthropic.claude-3-5-haiku-20241022-v1:0"
, "eu.anthropic.claude-3-5-sonnet-20240620-v1:0", "eu.anthropic.claude-3-5-sonnet-20241022-v2:0", "eu.anthropic.claude-3-7-sonnet-20250219-v1:0"
, "eu.anthropic.claude-3-opus-20240229-v1:0", "eu.anthropic.claude-fable-5", "eu.anthropic.claude-fable-5-1"
, "eu.anthropic.claude-haiku-4-5-20251001-v1:0", "eu.anthropic.claude-haiku-5-5", "eu.anthropic.claude-opus-4-1-20250805-v1:0"
, "eu.anthropic.claude-opus-4-20250514-v1:0", "eu.anthropic.claude-opus-4-5-20251101-v1:0", "eu.anthropic.claude-opus-4-6-v1"
, "eu.anthropic.claude-opus-4-7", "eu.anthropic.claude-opus-4-8", "eu.anthropic.claude-opus-5", "eu.anthropic.claude-opus-5-5"
, "eu.anthropic.claude-sonnet-4-20250514-v1:0", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu.anthropic.claude-sonnet-4-6"
, "eu.anthropic.claude-sonnet-5", "eu.anthropic.claude-sonnet-5-5", "eu.deepseek.v3.2", "eu.meta.llama3-2-1b-instruct-v1:0"
, "eu.meta.llama3-2-3b-instruct-v1:0", "eu.mistral.pixtral-large-2502-v1:0", "eu.twelvelabs.marengo-embed-2-7-v1:0"
, "eu.twelvelabs.marengo-embed-3-0-v1:0", "eu.twelvelabs.pegasus-1-2-v1:0", "ft:babbage-002", "ft:davinci-002", "ft:gpt-3.5-turbo"
, "ft:gpt-3.5-turbo-0125", "ft:gpt-3.5-turbo-0613", "ft:gpt-3.5-turbo-1106", "ft:gpt-4-0613", "ft:gpt-4.1-2025-04-14", "ft:gpt-4.1-mini-2025-04-14"
, "ft:gpt-4.1-nano-2025-04-14", "ft:gpt-4o-2024-08-06", "ft:gpt-4o-2024-11-20", "ft:gpt-4o-mini-2024-07-18", "gemini-2.5-computer-use-preview-10-2025"
, "gemini-2.5-flash", "gemini-2.5-flash-image", "gemini-2.5-flash-lite", "gemini-2.5-flash-lite-preview-09-2025", "gemini-2.5-flash-preview-09-2025"
, "gemini-2.5-pro", "gemini-2.5-pro-preview-tts", "gemini-3-flash-preview", "gemini-3-pro-image", "gemini-3-pro-image-preview"
, "gemini-3.1-flash-image", "gemini-3.1-flash-image-preview", "gemini-3.1-flash-lite", "gemini-3.1-flash-lite-image", "gemini-3.1-flash-lite-preview"
, "gemini-3.1-pro-preview", "gemini-3.1-pro-preview-customtools", "gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-3.7-flash"
, "gemini-3.8-flash", "gemini-3.8-flash-cyber", "gemini-embedding-001", "gemini-embedding-2", "gemini-embedding-2-preview"
, "gemini-flash-experimental", "gemini-live-2.5-flash-native-audio", "gemini-live-2.5-flash-preview-native-audio-09-2025", "gemini-nano-banana-2.1"
, "gemini-omni-flash-preview", "gemini-robotics-er-1.5-preview", "gemini-robotics-er-2-preview", "global.amazon.nova-2-lite-v1:0"
, "global.anthropic.claude-fable-5", "global.anthropic.claude-fable-5-1", "global.anthropic.claude-haiku-4-5-20251001-v1:0"
, "global.anthropic.claude-haiku-5-5", "global.anthropic.claude-mythos-5-1", "global.anthropic.claude-opus-4-5-20251101-v1:0"
, "global.anthropic.claude-opus-4-6-v1", "global.anthropic.claude-opus-4-7", "global.anthropic.claude-opus-4-8", "global.anthropic.claude-opus-5"
, "global.anthropic.claude-opus-5-5", "global.anthropic.claude-sonnet-4-20250514-v1:0", "global.anthropic.claude-sonnet-4-5-20250929-v1:0"
, "global.anthropic.claude-sonnet-4-6", "global.anthropic.claude-sonnet-5", "global.anthropic.claude-sonnet-5-5", "global.cohere.embed-v4:0"
, "global.moonshotai.kimi-k3", "global.openai.gpt-5.4", "global.openai.gpt-5.5", "global.openai.gpt-5.6-luna", "global.openai.gpt-5.6-sol"
, "global.openai.gpt-5.6-terra", "global.openai.gpt-6-astra", "global.openai.gpt-6-luna", "global.openai.gpt-6-sol", "global.openai.gpt-6.1-sol"
, "global.twelvelabs.pegasus-1-2-v1:0", "global.twelvelabs.pegasus-1-5-v1:0", "global.xai.grok-4.6", "global.xai.grok-4.7", "global.zai.glm-5.3"
, "google.gemma-3-12b-it", "google.gemma-3-27b-it", "google.gemma-3-4b-it", "gpt-3.5-turbo", "gpt-3.5-turbo-0125", "gpt-3.5-turbo-1106"
, "gpt-3.5-turbo-16k", "gpt-3.5-turbo-instruct", "gpt-3.5-turbo-instruct-0914", "gpt-4", "gpt-4-0613", "gpt-4-1106-preview", "gpt-4-turbo"
, "gpt-4-turbo-2024-04-09", "gpt-4.1", "gpt-4.1-2025-04-14", "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", "gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"
, "gpt-4o", "gpt-4o-2024-05-13", "gpt-4o-2024-08-06", "gpt-4o-2024-11-20", "gpt-4o-audio-preview-2024-12-17", "gpt-4o-audio-preview-2025-06-03"
, "gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4o-mini-audio-preview-2024-12-17", "gpt-4o-mini-realtime-preview-2024-12-17"
, "gpt-4o-mini-search-preview", "gpt-4o-mini-search-preview-2025-03-11", "gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-03-20"
, "gpt-4o-mini-transcribe-2025-12-15", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-03-20", "gpt-4o-mini-tts-2025-12-15", "gpt-4o-search-preview"
, "gpt-4o-search-preview-2025-03-11", "gpt-4o-transcribe", "gpt-4o-transcribe-diarize", "gpt-5", "gpt-5-2025-08-07", "gpt-5-chat", "gpt-5-chat-latest"
, "gpt-5-codex", "gpt-5-mini", "gpt-5-mini-2025-08-07", "gpt-5-nano", "gpt-5-nano-2025-08-07", "gpt-5-pro", "gpt-5-pro-2025-10-06", "gpt-5-search-api"
, "gpt-5-search-api-2025-10-14", "gpt-5.1", "gpt-5.1-2025-11-13", "gpt-5.1-chat-latest", "gpt-5.1-codex", "gpt-5.1-codex-max", "gpt-5.1-codex-mini"
, "gpt-5.2", "gpt-5.2-2025-12-11", "gpt-5.2-chat-latest", "gpt-5.2-codex", "gpt-5.2-pro", "gpt-5.2-pro-2025-12-11", "gpt-5.3-chat-latest"
, "gpt-5.3-codex", "gpt-5.4", "gpt-5.4-2026-03-05", "gpt-5.4-mini", "gpt-5.4-mini-2026-03-17", "gpt-5.4-nano", "gpt-5.4-nano-2026-03-17"
, "gpt-5.4-pro", "gpt-5.4-pro-2026-03-05", "gpt-5.5", "gpt-5.5-2026-04-23", "gpt-5.5-cyber", "gpt-5.5-cyber-preview", "gpt-5.5-pro"
, "gpt-5.5-pro-2026-04-23", "gpt-5.6", "gpt-5.6-cyber", "gpt-5.6-luna", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-6-astra", "gpt-6-luna", "gpt-6-sol"
, "gpt-6.1-sol", "gpt-audio", "gpt-audio-1.5", "gpt-audio-2025-08-28", "gpt-audio-mini", "gpt-audio-mini-2025-10-06", "gpt-audio-mini-2025-12-15"
, "gpt-daybreak-blue-latest", "gpt-daybreak-red-latest", "gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "gpt-image-1.5-2025-12-16", "gpt-image-2"
, "gpt-image-2-2026-04-21", "gpt-image-2.5-flare", "gpt-image-2.5-flare-2026-09-08", "gpt-image-2.5-sunburst", "gpt-image-2.5-sunburst-2026-09-08"
, "gpt-live-1", "gpt-live-transcribe", "gpt-realtime", "gpt-realtime-1.5", "gpt-realtime-2", "gpt-realtime-2.1", "gpt-realtime-2.1-mini"
, "gpt-realtime-2025-08-28", "gpt-realtime-mini", "gpt-realtime-mini-2025-12-15", "gpt-realtime-translate", "gpt-realtime-whisper"
, "gpt-rosalind-discovery", "gpt-rosalind-research", "gpt-transcribe", "in.moonshotai.kimi-k3", "j2-light", "j2-mid", "j2-ultra", "jamba-1.5"
, "jamba-1.5-large", "jamba-1.5-large@001", "jamba-1.5-mini", "jamba-1.5-mini@001", "jamba-large-1.6", "jamba-large-1.7", "jamba-mini-1.6"
, "jamba-mini-1.7", "jp.amazon.nova-2-lite-v1:0", "jp.anthropic.claude-haiku-4-5-20251001-v1:0", "jp.anthropic.claude-haiku-5-5"
, "jp.anthropic.claude-opus-4-7", "jp.anthropic.claude-opus-4-8", "jp.anthropic.claude-opus-5", "jp.anthropic.claude-opus-5-5"
, "jp.anthropic.claude-sonnet-4-5-20250929-v1:0", "jp.anthropic.claude-sonnet-4-6", "jp.anthropic.claude-sonnet-5", "jp.anthropic.claude-sonnet-5-5"
, "medlm-large", "medlm-medium", "meta.llama2-13b-chat-v1", "meta.llama2-70b-chat-v1", "meta.llama3-1-405b-instruct-v1:0"
, "meta.llama3-1-70b-instruct-v1:0", "meta.llama3-1-8b-instruct-v1:0", "meta.llama3-2-11b-instruct-v1:0", "meta.llama3-2-1b-instruct-v1:0"
, "meta.llama3-2-3b-instruct-v1:0", "meta.llama3-2-90b-instruct-v1:0", "meta.llama3-3-70b-instruct-v1:0", "meta.llama3-70b-instruct-v1:0"
, "meta.llama3-8b-instruct-v1:0", "meta.llama4-maverick-17b-instruct-v1:0", "meta.llama4-scout-17b-instruct-v1:0", "minimax.minimax-m2"
, "minimax.minimax-m2.1", "minimax.minimax-m2.5", "mistral.devstral-2-123b", "mistral.magistral-small-2509", "mistral.ministral-3-14b-instruct"
, "mistral.ministral-3-3b-instruct", "mistral.ministral-3-8b-instruct", "mistral.mistral-7b-instruct-v0:2", "mistral.mistral-large-2402-v1:0"
, "mistral.mistral-large-2407-v1:0", "mistral.mistral-large-3-675b-instruct", "mistral.mistral-small-2402-v1:0", "mistral.mixtral-8x7b-instruct-v0:1"
, "mistral.pixtral-large-2502-v1:0", "mistral.voxtral-mini-3b-2507", "mistral.voxtral-small-24b-2507", "moonshot.kimi-k2-thinking"
, "moonshotai.kimi-k2.5", "moonshotai.kimi-k3", "multimodalembedding", "multimodalembedding@001", "nvidia.nemotron-nano-12b-v2"
, "nvidia.nemotron-nano-3-30b", "nvidia.nemotron-nano-9b-v2", "nvidia.nemotron-super-3-120b", "o1", "o1-2024-12-17", "o1-pro", "o1-pro-2025-03-19"
, "o3", "o3-2025-04-16", "o3-deep-research", "o3-deep-research-2025-06-26", "o3-mini", "o3-mini-2025-01-31", "o3-pro", "o3-pro-2025-06-10", "o4-mini"
, "o4-mini-2025-04-16", "o4-mini-deep-research", "o4-mini-deep-research-2025-06-26", "omni-moderation-2024-09-26", "omni-moderation-latest"
, "openai.gpt-6-luna", "openai.gpt-6-sol", "openai.gpt-oss-120b-1:0", "openai.gpt-oss-20b-1:0", "openai.gpt-oss-safeguard-120b"
, "openai.gpt-oss-safeguard-20b", "q841o8w", "qvv0xeq", "qwen.qwen3-235b-a22b-2507-v1:0", "qwen.qwen3-32b-v1:0", "qwen.qwen3-coder-30b-a3b-v1:0"
, "qwen.qwen3-coder-480b-a35b-v1:0", "qwen.qwen3-coder-next", "qwen.qwen3-next-80b-a3b", "qwen.qwen3-vl-235b-a22b", "rerank-english-v3.0"
, "rerank-multilingual-v3.0", "rerank-v3.5", "rerank-v4.0-fast", "rerank-v4.0-pro", "sora-2", "sora-2-pro", "sora-2-pro-high-res"
, "stability.sd3-5-large-v1:0", "stability.sd3-large-v1:0", "stability.stable-conservative-upscale-v1:0", "stability.stable-creative-upscale-v1:0"
, "stability.stable-fast-upscale-v1:0", "stability.stable-image-control-sketch-v1:0", "stability.stable-image-control-structure-v1:0"
, "stability.stable-image-core-v1:0", "stability.stable-image-core-v1:1", "stability.stable-image-erase-object-v1:0"
, "stability.stable-image-inpaint-v1:0", "stability.stable-image-remove-background-v1:0", "stability.stable-image-search-recolor-v1:0"
, "stability.stable-image-search-replace-v1:0", "stability.stable-image-style-guide-v1:0", "stability.stable-image-ultra-v1:0"
, "stability.stable-image-ultra-v1:1", "stability.stable-outpaint-v1:0", "stability.stable-style-transfer-v1:0", "text-embedding-004"
, "text-embedding-005", "text-embedding-3-large", "text-embedding-3-small", "text-embedding-ada-002", "text-embedding-ada-002-v2"
, "text-embedding-large-exp-03-07", "text-embedding-preview-0409", "text-multilingual-embedding-002", "text-unicorn", "text-unicorn@001", "tts-1"
, "tts-1-1106", "tts-1-hd", "tts-1-hd-1106", "twelvelabs.marengo-embed-2-7-v1:0", "twelvelabs.marengo-embed-3-0-v1:0", "twelvelabs.pegasus-1-2-v1:0"
, "twelvelabs.pegasus-1-5-v1:0", "us-gov.anthropic.claude-fable-5-1", "us-gov.anthropic.claude-haiku-5-5", "us-gov.anthropic.claude-opus-4-8"
, "us-gov.anthropic.claude-opus-5", "us-gov.anthropic.claude-opus-5-5", "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0"
, "us-gov.anthropic.claude-sonnet-5", "us-gov.anthropic.claude-sonnet-5-5", "us-gov.nvidia.nemotron-nano-12b-v2", "us-gov.nvidia.nemotron-nano-3-30b"
, "us-gov.nvidia.nemotron-nano-9b-v2", "us-gov.nvidia.nemotron-super-3-120b", "us-gov.openai.gpt-oss-120b-1:0", "us-gov.openai.gpt-oss-20b-1:0"
, "us-gov.xai.grok-4.6", "us.amazon.nova-2-lite-v1:0", "us.amazon.nova-2-pro-preview-20251202-v1:0", "us.amazon.nova-canvas-v1:0"
, "us.amazon.nova-lite-v1:0", "us.amazon.nova-micro-v1:0", "us.amazon.nova-pro-v1:0", "us.anthropic.claude-3-5-haiku-20241022-v1:0"
, "us.anthropic.claude-3-5-sonnet-20240620-v1:0", "us.anthropic.claude-3-5-sonnet-20241022-v2:0", "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
, "us.anthropic.claude-3-opus-20240229-v1:0", "us.anthropic.claude-fable-5", "us.anthropic.claude-fable-5-1"
, "us.anthropic.claude-haiku-4-5-20251001-v1:0", "us.anthropic.claude-haiku-5-5", "us.anthropic.claude-mythos-5", "us.anthropic.claude-mythos-5-1"
, "us.anthropic.claude-mythos-preview", "us.anthropic.claude-opus-4-1-20250805-v1:0", "us.anthropic.claude-opus-4-20250514-v1:0"
, "us.anthropic.claude-opus-4-5-20251101-v1:0", "us.anthropic.claude-opus-4-6-v1", "us.anthropic.claude-opus-4-7", "us.anthropic.claude-opus-4-8"
, "us.anthropic.claude-opus-5", "us.anthropic.claude-opus-5-5", "us.anthropic.claude-sonnet-4-20250514-v1:0"
, "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "us.anthropic.claude-sonnet-4-6", "us.anthropic.claude-sonnet-5", "us.anthropic.claude-sonnet-5-5"
, "us.cohere.embed-v4:0", "us.deepseek.r1-v1:0", "us.deepseek.v3.2", "us.meta.llama3-1-405b-instruct-v1:0", "us.meta.llama3-1-70b-instruct-v1:0"
, "us.meta.llama3-1-8b-instruct-v1:0", "us.meta.llama3-2-11b-instruct-v1:0", "us.meta.llama3-2-1b-instruct-v1:0", "us.meta.llama3-2-3b-instruct-v1:0"
, "us.meta.llama3-2-90b-instruct-v1:0", "us.meta.llama3-3-70b-instruct-v1:0", "us.meta.llama4-maverick-17b-instruct-v1:0"
, "us.meta.llama4-scout-17b-instruct-v1:0", "us.mistral.pixtral-large-2502-v1:0", "us.moonshotai.kimi-k3", "us.openai.gpt-5.4", "us.openai.gpt-5.5"
, "us.openai.gpt-5.6-luna", "us.openai.gpt-5.6-sol", "us.openai.gpt-5.6-terra", "us.openai.gpt-6-astra", "us.openai.gpt-6-luna", "us.openai.gpt-6-sol"
, "us.openai.gpt-6.1-sol", "us.stability.stable-conservative-upscale-v1:0", "us.stability.stable-creative-upscale-v1:0"
, "us.stability.stable-fast-upscale-v1:0", "us.stability.stable-image-control-sketch-v1:0", "us.stability.stable-image-control-structure-v1:0"
, "us.stability.stable-image-erase-object-v1:0", "us.stability.stable-image-inpaint-v1:0", "us.stability.stable-image-remove-background-v1:0"
, "us.stability.stable-image-search-recolor-v1:0", "us.stability.stable-image-search-replace-v1:0", "us.stability.stable-image-style-guide-v1:0"
, "us.stability.stable-outpaint-v1:0", "us.stability.stable-style-transfer-v1:0", "us.twelvelabs.marengo-embed-2-7-v1:0"
, "us.twelvelabs.marengo-embed-3-0-v1:0", "us.twelvelabs.pegasus-1-2-v1:0", "us.twelvelabs.pegasus-1-5-v1:0", "us.writer.palmyra-x4-v1:0"
, "us.writer.palmyra-x5-v1:0", "us.xai.grok-4.6", "us.xai.grok-4.7", "us.zai.glm-5.3", "veo-2.0-generate-001", "veo-3.0-fast-generate-001"
, "veo-3.0-generate-001", "veo-3.1-fast-generate-001", "veo-3.1-fast-generate-preview", "veo-3.1-generate-001", "veo-3.1-generate-preview"
, "veo-3.1-lite-generate-001", "whisper-1", "writer.palmyra-vision-7b", "writer.palmyra-x4-v1:0", "writer.palmyra-x5-v1:0", "zai.glm-4.7"
, "zai.glm-4.7-flash", "zai.glm-5"]}, "cache_params": {"additionalProperties": true, "properties": {"max_messages": {"default": 4, "pattern":
"^os\\.environ/", "type": ["integer", "null", "string"]}, "mode": {"default": "default_on", "enum": ["default_on", "default_off", null]},
"qdrant_semantic_cache_embedding_model": {"default": "text-embedding-ada-002", "type": ["string"]}, "qdrant_semantic_cache_vector_size": {"pattern":
"^os\\.environ/", "type": ["integer", "null", "string"]}, "redis_flush_size": {"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]},
"redis_semantic_cache_embedding_model": {"default": "text-embedding-ada-002", "type": ["string"]}, "redis_startup_nodes": {"type": ["array", "null"]}
, "s3_use_ssl": {"default": true, "pattern": "^os\\.environ/", "type": ["boolean", "null", "string"]}, "s3_verify": {"type": ["boolean", "null"
, "string"]}, "semantic_cache_embedding_max_input_tokens": {"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]},
"semantic_cache_scope": {"default": "key", "type": ["string"]}, "supported_call_types": {"items": {"enum": ["completion", "acompletion", "embedding"
, "aembedding", "atranscription", "transcription", "atext_completion", "text_completion", "arerank", "rerank", "responses", "aresponses"
, "anthropic_messages", "aanthropic_messages"]}, "type": ["array", "null"]}, "type": {"default": "local", "enum": ["local", "redis", "redis-semantic"
, "valkey-semantic", "s3", "disk", "qdrant-semantic", "azure-blob", "gcs", null]}, "valkey_semantic_cache_embedding_model": {"default":
"text-embedding-ada-002", "type": ["string"]}, "*": [[{},
["aws_iam_auth aws_iam_cache_name aws_iam_region aws_iam_serverless aws_iam_user_name azure_client_id azure_client_secret"
, "azure_redis_ad_token azure_tenant_id cache cache_config client_name credential_provider db decode_responses driver_info encoding"
, "encoding_errors event_dispatcher health_check_interval legacy_responses lib_name lib_version maint_notifications_config"
, "max_connections oss_cluster_maint_notifications_handler port protocol redis_connect_func retry_on_error retry_on_timeout s3_config"
, "sentinel_nodes sentinel_password service_name single_connection_client socket_connect_timeout socket_keepalive"
, "socket_keepalive_options socket_read_size socket_timeout ssl ssl_ca_certs ssl_ca_data ssl_ca_path ssl_cert_reqs ssl_certfile"
, "ssl_check_hostname ssl_ciphers ssl_exclude_verify_flags ssl_include_verify_flags ssl_keyfile ssl_min_version ssl_ocsp_context"
, "ssl_ocsp_expected_cert ssl_password ssl_validate_ocsp ssl_validate_ocsp_stapled unix_socket_path url username"]], [{"type": ["null", "string"]},
["azure_account_url azure_blob_container disk_cache_dir gcp_service_account gcp_ssl_ca_certs gcs_bucket_name gcs_path"
, "gcs_path_service_account host namespace password qdrant_api_base qdrant_api_key qdrant_collection_name qdrant_quantization_config"
, "redis_semantic_cache_index_name s3_api_version s3_aws_access_key_id s3_aws_secret_access_key s3_aws_session_token s3_bucket_name"
, "s3_endpoint_url s3_path s3_region_name valkey_semantic_cache_index_name"]], [{"pattern": "^os\\.environ/", "type": ["null", "number", "string"]},
["default_in_memory_ttl default_in_redis_ttl semantic_cache_embedding_timeout similarity_threshold ttl"]]]}, "type": ["object", "null"]}, "cache_type"
: {"enum": ["azure-blob", "disk", "gcs", "local", "qdrant-semantic", "redis", "redis-semantic", "s3", "valkey-semantic"]}, "callback": {"enum":
["agentops", "anthropic_cache_control_hook", "aporia_prompt_injection", "argilla", "arize", "arize_phoenix", "athina", "aws_sqs"
, "azure_content_safety", "azure_sentinel", "azure_storage", "banned_keywords", "batch_redis_requests", "bitbucket", "blocked_user_check"
, "braintrust", "clickhouse", "cloudzero", "code_interpreter_interception", "compression_interception", "datadog", "datadog_cost_management"
, "datadog_llm_observability", "datadog_metrics", "deepeval", "detect_prompt_injection", "dotprompt", "dynamic_rate_limiter"
, "dynamic_rate_limiter_v3", "dynamodb", "focus", "galileo", "gcs_bucket", "gcs_pubsub", "generic_api", "gitlab", "google_text_moderation"
, "greenscale", "helicone", "hide_secrets", "humanloop", "lago", "lakera_prompt_injection", "langfuse", "langfuse_otel", "langsmith", "langtrace"
, "levo", "litellm_agent", "literalai", "llamaguard_moderations", "llmguard_moderations", "logfire", "lunary", "mavvrik", "mlflow", "newrelic"
, "openai_moderations", "openmeter", "opik", "otel", "pagerduty", "pointfive", "posthog", "presidio", "prometheus", "promptlayer", "resend_email"
, "s3", "s3_v2", "sendgrid_email", "sentry", "signoz", "slack", "smtp_email", "supabase", "traceloop", "vantage", "vector_store_pre_call_hook"
, "wandb", "weave_otel", "websearch_interception", "zerobus"]}, "config": {"properties": {"*": [[{},
["agent_list agents assistant_settings callback_settings credential_list default_vertex_config environment_variables files_settings"
, "finetune_settings general_settings guardrails include litellm_settings mcp_servers mcp_tools model_list policies"
, "policy_attachments prompts router_settings sandbox_tools search_tools vector_store_registry worker_registry"]]]}, "type": ["object", "null"]},
"credential": {"additionalProperties": true, "properties": {"credential_info": {"additionalProperties": true, "type": ["object"]}, "credential_name":
{"type": ["string"]}, "credential_values": {"additionalProperties": true, "type": ["object"]}, "credential_values_to_delete": {"items": {"type":
["string"]}, "type": ["array", "null"]}, "display_name": {"type": ["null", "string"]}, "source": {"enum": ["db", "config"]}}, "type": ["object"]},
"general_settings": {"properties": {"admission_queue_timeout_seconds": {"pattern": "^os\\.environ/", "type": ["number", "string"]}, "alert_types": {
"items": {"enum": ["llm_exceptions", "llm_too_slow", "llm_requests_hanging", "budget_alerts", "spend_reports", "failed_tracking_spend"
, "user_spend_thresholds", "user_spend_anomalies", "db_exceptions", "daily_reports", "cooldown_deployment", "new_model_added"
, "model_deprecation_warnings", "outage_alerts", "region_outage_alerts", "fallback_reports", "new_virtual_key_created", "virtual_key_updated"
, "virtual_key_deleted", "new_team_created", "team_updated", "team_deleted", "new_internal_user_created", "internal_user_updated"
, "internal_user_deleted", "mcp_tool_description_blocked", "mcp_pinned_tools_changed"]}, "type": ["array", "null"]}, "alerting": {"type": ["array"
, "null"]}, "allowed_routes": {"type": ["array", "null"]}, "coordination_redis": {"additionalProperties": true, "properties": {"aws_iam_auth": {"type"
: ["boolean", "null", "string"]}, "aws_iam_serverless": {"type": ["boolean", "null", "string"]}, "port": {"pattern": "^os\\.environ/", "type":
["integer", "null", "string"]}, "sentinel_nodes": {"items": {"items": {"type": ["integer", "string"]}, "type": ["array"]}, "type": ["array", "null"]}
, "ssl": {"pattern": "^os\\.environ/", "type": ["boolean", "null", "string"]}, "startup_nodes": {"items": {"additionalProperties": true, "properties"
: {"host": {"type": ["string"]}, "port": {"pattern": "^os\\.environ/", "type": ["integer", "string"]}}, "type": ["object"]}, "type": ["array", "null"]
}, "*": [[{"type": ["null", "string"]},
["aws_iam_cache_name aws_iam_region aws_iam_user_name host password sentinel_password service_name url username"]]]}, "type": ["null", "object"]},
"database_args": {"additionalProperties": true, "properties": {"aws_duration_seconds": {"pattern": "^os\\.environ/", "type": ["integer", "null"
, "string"]}, "aws_policy_arns": {"items": {"type": ["string"]}, "type": ["array", "null"]}, "billing_mode": {"enum": ["PROVISIONED_THROUGHPUT"
, "PAY_PER_REQUEST"]}, "read_capacity_units": {"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]}, "ssl_verify": {"pattern":
"^os\\.environ/", "type": ["boolean", "null", "string"]}, "write_capacity_units": {"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]}
, "*": [[{"type": ["null", "string"]},
["assume_role_aws_role_name assume_role_aws_session_name aws_policy aws_provider_id aws_role_name aws_session_name", "aws_web_identity_token"]], [{
"type": ["string"]}, ["config_table_name key_table_name region_name spend_table_name user_table_name"]]]}, "type": ["null", "object"]},
"database_type": {"enum": ["dynamo_db", null]}, "health_check_interval": {"pattern": "^os\\.environ/", "type": ["integer", "string"]},
"key_management_system": {"enum": ["google_kms", "azure_key_vault", "aws_secret_manager", "google_secret_manager", "hashicorp_vault", "cyberark"
, "local", "aws_kms", "custom", null]}, "max_failed_login_attempts_per_source_overrides": {"additionalProperties": {"pattern": "^os\\.environ/",
"type": ["integer", "string"]}, "type": ["null", "object"]}, "mcp_advertised_versions": {"items": {"enum": ["2024-11-05", "2025-03-26", "2025-06-18"
, "2025-11-25", "2026-07-28"]}, "type": ["array", "null"]}, "mcp_allowed_clients": {"items": {"additionalProperties": true, "properties": {"alias": {
"type": ["string"]}, "value": {"type": ["string"]}}, "type": ["object"]}, "type": ["array", "null"]}, "missing_session_id": {"enum": ["generate"
, "reject", "omit", null]}, "pass_through_endpoints": {"items": {"additionalProperties": true, "properties": {"auth": {"pattern": "^os\\.environ/",
"type": ["boolean", "string"]}, "cost_per_request": {"pattern": "^os\\.environ/", "type": ["number", "string"]}, "default_query_params": {
"additionalProperties": true, "type": ["object"]}, "guardrails": {"additionalProperties": {"additionalProperties": true, "properties": {
"request_fields": {"items": {"type": ["string"]}, "type": ["array", "null"]}, "response_fields": {"items": {"type": ["string"]}, "type": ["array"
, "null"]}}, "type": ["null", "object"]}, "type": ["null", "object"]}, "headers": {"additionalProperties": true, "type": ["object"]}, "id": {"type":
["null", "string"]}, "include_subpath": {"pattern": "^os\\.environ/", "type": ["boolean", "string"]}, "is_from_config": {"pattern": "^os\\.environ/",
"type": ["boolean", "string"]}, "methods": {"items": {"type": ["string"]}, "type": ["array", "null"]}, "path": {"type": ["string"]}, "target": {"type"
: ["string"]}, "timeout": {"pattern": "^os\\.environ/", "type": ["null", "number", "string"]}}, "type": ["object"]}, "type": ["array", "null"]},
"plugins": {"items": {"additionalProperties": true, "properties": {"display_name": {"type": ["null", "string"]}, "name": {"type": ["string"]},
"plugin_key": {"type": ["null", "string"]}, "url": {"type": ["string"]}}, "type": ["object"]}, "type": ["array", "null"]},
"proxy_config_reload_interval_seconds": {"pattern": "^os\\.environ/", "type": ["integer", "string"]}, "responses_websocket_session_limit_seconds": {
"pattern": "^os\\.environ/", "type": ["number", "string"]}, "scheduled_job_stagger": {"additionalProperties": true, "properties": {"enabled": {
"pattern": "^os\\.environ/", "type": ["boolean", "string"]}, "identity": {"type": ["null", "string"]}, "offsets": {"additionalProperties": {"pattern"
: "^os\\.environ/", "type": ["integer", "string"]}, "type": ["object"]}, "window_seconds": {"pattern": "^os\\.environ/", "type": ["integer", "string"]
}}, "type": ["null", "object"]}, "spend_capture_rate_check": {"additionalProperties": true, "properties": {"lookback_days": {"pattern":
"^os\\.environ/", "type": ["integer", "string"]}, "openai_project_ids": {"items": {"type": ["string"]}, "type": ["array"]}, "providers": {"items": {
"enum": ["openai"]}, "type": ["array"]}, "threshold": {"pattern": "^os\\.environ/", "type": ["number", "string"]}}, "type": ["null", "object"]},
"spend_logs_metadata_fields": {"additionalProperties": true, "properties": {"exclude": {"items": {"type": ["string"]}, "type": ["array", "null"]},
"include": {"items": {"type": ["string"]}, "type": ["array", "null"]}}, "type": ["null", "object"]}, "supported_db_objects": {"items": {"enum":
["models", "mcp", "guardrails", "policies", "vector_stores", "pass_through_endpoints", "prompts", "model_cost_map", "tools", "config_overrides"
, "websearch_interception_settings"]}, "type": ["array", "null"]}, "ui_access_mode": {"enum": ["admin_only", "all", null]}, "user_header_mappings": {
"items": {"additionalProperties": true, "properties": {"header_name": {"type": ["string"]}, "litellm_user_role": {"enum": ["internal_user", "customer"
]}}, "type": ["object"]}, "type": ["array", "null"]}, "user_mcp_management_mode": {"enum": ["restricted", "view_all", null]}, "*": [[{},
["admin_only_routes alert_type_config allow_client_side_credentials allow_public_health_readiness_details"
, "allow_requests_on_db_unavailable allow_user_auth allowed_ips always_include_stream_usage auto_redirect_ui_login_to_sso"
, "custom_auth_run_common_checks custom_key_generate custom_key_policy custom_key_update custom_sso custom_team_metadata_validate"
, "custom_ui_sso_sign_in_handler database_connection_pool_timeout default_team_disabled disable_batch_input_file_rate_limiting"
, "disable_bedrock_agent_runtime_passthrough disable_custom_api_keys disable_error_logs disable_key_generate_for_org_admin"
, "disable_master_key_return disable_model_info_refresh disable_prisma_schema_update disable_reset_budget"
, "disable_retry_on_max_parallel_request_limit_error disable_spend_logs disable_spend_updates drain_endpoint_token email"
, "enable_drain_endpoint enable_health_check_routing enable_jwt_auth enable_mcp_registry enable_oauth2_auth enable_oauth2_proxy_auth"
, "enforce_rbac enforce_user_param enforced_params expose_fallback_errors_to_caller fail_closed_budget_enforcement"
, "forward_llm_provider_auth_headers forward_openai_org_id health_check_details health_check_ignore_transient_errors"
, "health_check_staleness_threshold hide_default_credentials_hint key_management_settings litellm_jwtauth litellm_key_header_name"
, "litellm_license maximum_spend_logs_cleanup_cron maximum_spend_logs_retention_interval mcp_allow_all_keys_respects_mcp_scope"
, "mcp_client_side_auth_header_name mcp_session_token_signing ms_teams oauth2_config_mappings passthrough_managed_object_ids"
, "password_policy_check_breached_passwords proxy_batch_polling_interval proxy_batch_write_at proxy_budget_rescheduler_max_time"
, "proxy_budget_rescheduler_min_time public_routes require_end_user_mcp_access_defined require_key_mcp_access_defined"
, "role_permissions search_tools service_account_settings skip_batch_input_file_rate_limiting_for_models"
, "skip_batch_input_file_rate_limiting_for_providers slack spend_report_frequency team_metadata_schema"
, "team_metadata_validation_error_message team_metadata_validation_timeout token_rate_limit_type tracing track_unmanaged_batch_cost"
, "use_redis_transaction_buffer use_shared_health_check use_team_public_model_name use_x_forwarded_for user_api_key_cache_ttl"]], [{
"additionalProperties": true, "type": ["null", "object"]},
["alert_to_webhook_url alerting_args claude_code_gateway_managed_settings database_extra_connection_params"]], [{"pattern": "^os\\.environ/", "type":
["integer", "null", "string"]}, ["alerting_threshold database_connection_pool_limit failed_login_block_seconds failed_login_window_seconds"
, "global_max_parallel_requests health_check_concurrency max_batch_file_records max_batch_file_size_mb max_batch_file_uploads_per_day"
, "max_failed_login_attempts_per_source max_file_downloads_per_minute max_file_size_mb max_in_flight_requests_per_worker"
, "max_parallel_requests max_queued_requests_per_worker max_request_size_mb max_response_size_mb"
, "maximum_spend_logs_cleanup_batch_size maximum_spend_logs_cleanup_max_batches mcp_xff_num_trusted_hops password_policy_min_length"
, "user_api_key_cache_max_size"]], [{"pattern": "^os\\.environ/", "type": ["boolean", "null", "string"]},
["allow_cli_sso_verification_uri_complete allow_unmanaged_response_ids apply_user_budget_to_team_keys background_health_checks"
, "cancel_on_disconnect dangerously_permit_weak_or_unset_master_key database_disable_prepared_statements"
, "disable_auto_add_proxy_admin_to_teams disable_budget_reservation disable_env_credential_login"
, "disable_password_login_when_sso_enabled disable_responses_id_security enable_claude_code_gateway"
, "enable_openai_websocket_passthrough enforce_fallback_model_access fail_closed_rate_limit_enforcement"
, "forward_client_headers_to_llm_api include_call_id_in_error_body infer_model_from_keys mcp_prefer_client_id_metadata_document"
, "model_list_healthy_only otel password_policy_require_lowercase password_policy_require_numbers"
, "password_policy_require_special_characters password_policy_require_uppercase reject_clientside_metadata_tags store_model_in_db"
, "store_prompts_in_spend_logs use_azure_key_vault use_google_kms use_spend_logs_partitioning user_url_validation"]], [{"items": {"type": ["string"]}
, "type": ["array", "null"]},
["allowed_file_extensions background_health_check_model_groups blocked_file_extensions mcp_internal_ip_ranges mcp_required_fields"
, "mcp_trusted_proxy_ranges provider_url_destination_allowed_hosts transcribe_media_buckets trusted_proxy_ranges", "user_url_allowed_hosts"]], [{
"type": ["null", "string"]}, ["completion_model control_plane_url custom_auth database_url master_key maximum_autorouter_session_retention_period"
, "maximum_daily_tag_spend_retention_period maximum_health_check_retention_period maximum_spend_logs_cleanup_batch_timeout"
, "maximum_spend_logs_cleanup_run_budget maximum_spend_logs_retention_period mcp_client_id_header user_header_name"]], [{"pattern": "^os\\.environ/",
"type": ["null", "number", "string"]},
["database_connect_timeout database_connection_timeout database_max_idle_connection_lifetime database_socket_timeout", "pass_through_request_timeout"]
], [{"pattern": "^os\\.environ/", "type": ["boolean", "string"]},
["enable_public_model_hub health_check_skip_disabled_background_models search_tool_deny_by_default vector_store_deny_by_default"]]]}, "type":
["object", "null"]}, "litellm_params": {"additionalProperties": true, "properties": {"aws_session_tags": {"type": ["array", "null"]}, "bedrock_tags":
{"type": ["array", "null"]}, "configurable_clientside_auth_params": {"type": ["array", "null"]}, "drop_params": {"type": ["boolean", "null", "string"]
}, "milvus_partition_names": {"items": {"type": ["string"]}, "type": ["array", "null"]}, "model": {"type": ["string"]}, "stream_timeout": {"type":
["null", "number", "string"]}, "stream_timeout_by_service_tier": {"additionalProperties": {"pattern": "^os\\.environ/|^-?[0-9_.eE+-]+$", "type":
["number", "string"]}, "type": ["null", "object"]}, "tag_regex": {"items": {"type": ["string"]}, "type": ["array", "null"]}, "tags": {"items": {"type"
: ["string"]}, "type": ["array", "null"]}, "tiered_pricing": {"items": {"additionalProperties": true, "type": ["object"]}, "type": ["array", "null"]}
, "timeout_by_service_tier": {"additionalProperties": {"pattern": "^os\\.environ/|^-?[0-9_.eE+-]+$", "type": ["number", "string"]}, "type": ["null"
, "object"]}, "vertex_credentials": {"additionalProperties": true, "type": ["null", "object", "string"]}, "*": [[{},
["AUDIO Description KmsKeyId SecretString Tags TranscriptionJobName _add_reasoning_prompt _agentic_loop_api_surface"
, "_agentic_loop_depth _agentic_loop_fingerprints _arealtime _async_prompt_merged_params _batch_request_count _batch_token_count"
, "_brave_params _code_interpreter_interception_active _code_interpreter_interception_converted_stream"
, "_code_interpreter_interception_sandbox_key _code_interpreter_interception_session_scoped _context_compaction_state"
, "_direct_vector_store_embedding_executor _duckduckgo_params _google_pse_params _headroom_interception_converted_stream"
, "_hidden_params _is_litellm_internal_call _langfuse_masking_function _litellm_addressed_response_id _litellm_client_requested_model"
, "_litellm_internal_model_credentials _litellm_messages_presanitized _litellm_raw_sse_stream _litellm_skip_openai_stream_done"
, "_litellm_strip_stream_usage _litellm_upstream_reported_usage _n _output_config_normalized _parallel_tool_use_config"
, "_ragflow_actual_model _require_encrypted_task_support _response_format _response_ms _retry_skipped_deployment_ids _router_weights"
, "_rubrik_blocked _searchapi_params _searxng_params _skip_mcp_handler _skip_responses_api_bridge _structured_output _target_order"
, "_websearch_interception_converted_stream _websearch_interception_emit_native_blocks a_add_message acancel_batch acancel_eval"
, "acancel_fine_tuning_job acancel_interaction acancel_responses acancel_run access_group_ids access_token account_id"
, "acompact_responses acompletion acreate acreate_agent acreate_batch acreate_eval acreate_file acreate_fine_tuning_job"
, "acreate_interaction acreate_run acreate_skill acreate_thread action active adapter_id additionalModelRequestFields"
, "additionalModelResponseFieldPaths additional_args additional_block_words additional_drop_params adelete adelete_agent adelete_eval"
, "adelete_interaction adelete_responses adelete_run adelete_skill admins advanced_settings aembedding afile_content after after_id"
, "agenerate_content agenerate_content_stream agent agentVersions agent_access_groups agent_extra_headers agent_id agents aget_agent"
, "aget_assistants aget_eval aget_interaction aget_messages aget_responses aget_run aget_skill aget_thread aimg_generation aingest"
, "aliases alist alist_agent_versions alist_agents alist_batches alist_evals alist_fine_tuning_jobs alist_input_items alist_runs"
, "alist_skills allm_passthrough_route allow_team_guardrail_config allowed_cache_controls allowed_model_region allowed_models"
, "allowed_openai_params allowed_routes always_block_keywords amoderation anthropic_beta anthropic_workspace_id aocr api_base_env"
, "api_call_start_time api_key_env apikey application application_type applied_guardrails applied_policies aquery arerank aresponses"
, "aretrieve aretrieve_batch aretrieve_content aretrieve_fine_tuning_job arguments arize_api_key arize_error_sampling_rate"
, "arize_otlp_protocol arize_space_id arize_space_key arize_success_sampling_rate arun_thread asearch aspectRatio aspect_ratio"
, "aspeech assets assistant_continue_message assistant_id async_call async_complete_streaming_response async_create_assistants"
, "async_delete_assistants atext_completion atranscription attempted_targets attributes audio audioConfig audioEncoding"
, "audio_channel_count audio_url aupdate aupdate_eval auth_mode authorization_code authorization_endpoint"
, "authorization_response_iss_parameter_supported authorization_servers aws_bedrock_client aws_workspace_id azure"
, "azure_ad_token_provider azure_search_service_name azure_search_vector_field background baggage_metadata_keys"
, "baggage_team_metadata_keys base64_string base_agent base_class base_environment base_model base_url batch_completion_cost"
, "batch_cost batch_failed_requests batch_id batch_job_state batch_models batch_prompt_cost batch_successful_requests batch_usage"
, "before before_id best_of blocked blocked_reason blocked_tools blocked_words blocklistNames body bos_token breakdown budget_id"
, "budget_limit budget_limits budget_reset_at cache cache_control cache_control_injection_points cache_hit cache_key cachedContent"
, "cached_content caching caching_groups call_type callbacks candidate_count categories category_name character_id choices chunk_size"
, "chunking_strategy client client_id_metadata_document_supported client_metadata client_name client_side_timeout code_challenge"
, "code_verifier combined_usage_object compaction complete_response complete_streaming_response completion completion_call_id"
, "completion_start_time condition config config_file_path constraints container container_id content content_block"
, "content_policy_fallbacks content_safety contents context_management context_window_fallback_dict context_window_fallbacks"
, "cooldown_time cost_per_query cost_tier country cp4d_host create_time created created_by credential_info credential_name"
, "credential_values custom_code custom_endpoint custom_prompt_dict custom_validate daily_data data dataSources data_residency"
, "databricks_user_agent datasource dd_agent_host dd_agent_port dd_api_key dd_site decoder_input_details default_action"
, "default_headers default_on delay_ms delta denied_passthrough_routes deployment deployment_id deployment_url deployments depth"
, "description device_auth_id dimensions disable_add_transform_inline_image_block disable_fallbacks display_name do_sample document"
, "documents domain dotted_order duration echo embedding embeddingConfig embeddingOption embeddingTypes embedding_dimension"
, "embedding_model embedding_types enable_automatic_punctuation enable_json_schema_validation enable_prompt_caching"
, "enable_tag_filtering enable_word_time_offsets encoding encoding_format end_time endpoint endpoint_url endpointing_config"
, "enforce_scope_based_access enforce_validation engine ensure_alternating_roles envdAccessToken eos_token error error_message"
, "error_type eval_id event event_hook exception exceptions exclude_none exclude_unset exp experimental_use_latest_role_message_only"
, "expires expires_after expires_at expires_in extra_body extra_headers extra_query fail_on_error failure_callback fake_stream"
, "fallback_depth fallback_sap_modules fallbacks fastest_response file file_content file_id file_name file_url files filter filters"
, "final_prompt_value first_message flow_id flush_interval flush_lock follow_redirects foo force_single_step force_timeout format"
, "frequency_penalty function_call function_name functions functions_unsupported_model gcs_path_service_account gdc_token_caching"
, "gemini gemini_api_key generationConfig generation_config gigachat_access_token gigachat_auth_url gigachat_scope git_ref"
, "grant_types grant_types_supported guardrail guardrailConfig guardrailIdentifier guardrailVersion guardrail_config"
, "guardrail_context guardrail_detections guardrail_name guardrail_to_apply guardrails haltOnBlocklistHit headers height"
, "hf_model_name http http_request humanloop_api_key id id_token identifier_words image imageConfig imageGenerationConfig imageSize"
, "image_config image_size images include include_fallback_errors include_fetch_metadata include_guardrail_response"
, "include_server_side_tool_invocations incoming_bearer_token index ingest_options inherit inherit_from init_image"
, "initial_file_response initial_prompt_value input inputAudioTranscription inputType input_file_id input_reference input_type inputs"
, "instance_id instances instruction instructions interval invocationLatency invocation_parameters is_async is_public"
, "is_vertex_request issuer items json json_mode jsonrpc jwt_client_id_field keep_alive key key_alias key_name keywords kwargs"
, "labelnames labels lang langfuse_environment langfuse_host langfuse_prompt_version langfuse_public_key langfuse_secret"
, "langfuse_secret_key langfuse_span_scope langsmith_api_key langsmith_base_url langsmith_project langsmith_sampling_rate"
, "langsmith_tenant_id language language_code language_hints last_breach_check_at lexicon_names limit litellm_call_id"
, "litellm_disabled_callbacks litellm_embedding_config litellm_embedding_model litellm_logging_obj litellm_metadata litellm_params"
, "litellm_params_template litellm_parent_otel_span litellm_request_debug litellm_router litellm_router_instance litellm_session_id"
, "litellm_system_prompt litellm_trusted_callback_vars llm_api_duration_ms log_client_error_tracebacks log_event_type logger_fn"
, "logging_obj logging_only_continue_on_input_failure logging_only_scope logit_bias logprobs mask masking maxOutputTokens maxResults"
, "maxTokenCount maxTokens max_agentic_loops max_alternatives max_budget_per_session max_completion_tokens max_fallbacks max_gen_len"
, "max_iterations max_length max_new_tokens max_output_tokens max_parallel_requests max_results max_tokens max_tokens_per_page"
, "max_tokens_to_sample mcp_access_groups mcp_arguments mcp_auth_header mcp_input_schema mcp_rate_limit_server_name"
, "mcp_server_auth_headers mcp_server_name mcp_servers mcp_tool_call_metadata mcp_tool_description mcp_tool_name mcp_tool_permissions"
, "mcp_toolsets mediaSource media_source media_source_bucket_owner media_source_s3_uri member members members_with_roles message"
, "messages metadata method metrics min_tokens mock_delay mock_response mock_testing_rate_limit_error mock_timeout mock_tool_calls"
, "modalities modality mode model_alias_map model_config model_file_id_mapping model_group_retry_policy model_id model_list"
, "model_max_budget model_name model_provider model_rpm_limit model_spend model_tpm_limit model_type models moderations"
, "modified_arguments mongodb_connection_string n name negativeText newrelic_api_key newrelic_region news nextPageToken no-log"
, "num_generations num_images num_predict num_retries num_return_sequences numberOfImages numberOfResults nvcf_function_id nx object"
, "object_id_jwt_field object_permission_id oci_compartment_id oci_endpoint_id oci_fingerprint oci_key oci_key_file oci_region"
, "oci_serving_mode oci_signer oci_tenancy oci_user optional_params options order order_by org_id organization_alias organization_id"
, "original_batch_request original_function original_generic_function original_response output outputConfig outputDimensionality"
, "outputDimensions outputType output_config output_dimension output_format output_height output_type output_width p page_size"
, "page_token parallel_tool_calls param_mappings parameters params parent_otel_span parent_run_id passthrough"
, "passthrough_logging_payload passthrough_on_no_deployment password password_reset_required pattern_redaction_format patterns"
, "permissions phrase_patterns pipeline pl_tags placeholder_values policies policyId posthog_api_key posthog_api_url"
, "predibase_tenant_id prediction presence_penalty preset_cache_key previous_response_id price_per_1000_text_records priority"
, "processor profanity_filter project project_alias project_id project_name prompt prompt_cache_key prompt_cache_options"
, "prompt_cache_retention prompt_environment prompt_id prompt_info prompt_integration prompt_label prompt_truncate_len"
, "prompt_variables prompt_version provider provider_config provider_specific_fields provider_specific_header proxy_logging_obj"
, "proxy_server_request purpose qualifier quality query random_seed rate ratio raw raw_headers realtimeInputConfig realtime_protocol"
, "realtime_tool_calls realtime_tools reasoning reasoningSummary reasoning_budget reasoning_effort reasoning_summary redirect_uris"
, "ref_audio refresh_token registration_endpoint repeat_penalty repetition_penalty requestMetadata request_body request_data"
, "request_id request_timeout requested_server_id require_trace_id_on_calls_to_agent requires_team_selection rerank response"
, "responseFormat responseLogprobs responseModalities response_cost response_cost_failure_debug_information response_format"
, "response_headers response_id response_json_schema response_mime_type response_schema response_status response_time response_types"
, "results retrieval_config retry_policy retry_strategy return_documents review_notes riva_model_name role role_mappings roles router"
, "router_settings router_settings_override routing_groups routing_strategy routing_strategy_args rpm_limit run_id runtimeSessionId"
, "runtimeUserId runtime_threads runwayml_voice rust s3_uri safeguards safetySettings safety_identifier safety_settings"
, "sagemaker_base_url sampleCount sample_rate sample_rate_hertz sandboxID sandbox_timeout scope scope_mappings scopes"
, "scopes_supported search_domain_filter search_engine_id search_provider search_tool_name search_tools secret_fields"
, "secret_manager_settings seed selected_guardrail self server_id server_name serviceTier service_logger_obj service_tier session"
, "sessionID session_id shared_session signoz_ingestion_endpoint signoz_ingestion_key silent_model size skill_id skills"
, "skip_unscannable_attachments soft_budget source_provider space_id speakingRate special_handling specific_deployment speechConfig"
, "speed spend spend_logs_metadata ssl_cert ssl_key ssl_verify sso_user_id standard_callback_dynamic_params"
, "standard_logging_guardrail_information standard_logging_object start_time state status steps stop stopSequences stop_sequences"
, "store stream stream_chunk_size stream_holdback_chars stream_mode stream_options stream_response stream_scope structured_messages"
, "style styledegree success_callback successful_requests suffix sum_api_requests sum_num_rate_limit_exceptions sum_total_tokens"
, "supported_endpoints supported_event_hooks supports_system_message supports_system_prompt system systemInstruction"
, "system_fingerprint system_instruction system_instructions table_name target_model_names task taskType task_type team_alias"
, "team_details team_id team_ids team_member_permissions teams temperature template template_format template_type text textTruncate"
, "text_completion texts think thinking thinkingConfig thread_id time_period timeout timestamp timestamp_granularities title tok"
, "token token_endpoint token_endpoint_auth_method token_endpoint_auth_methods_supported toolConfig tool_choice tool_choice_option"
, "tool_config tool_description tool_input_schema tool_name tool_results tools topP top_k top_logprobs top_n top_n_tokens top_p"
, "tpm_limit trace_id trafficAccessToken truncate ttl turn_off_message_logging type unified_object_id unreachable_fallback updated_by"
, "upload_url url usage use_client use_psc_endpoint_format use_ssl use_ssml user user_agent user_alias user_allowed_roles"
, "user_api_key_alias user_api_key_auth user_api_key_dict user_api_key_end_user_id user_api_key_hash user_api_key_request_route"
, "user_api_key_team_id user_api_key_user_id user_code user_config user_continue_message user_email user_id user_role"
, "user_roles_jwt_field usercode username validation_target value values vector_bucket_name vector_store_description"
, "vector_store_metadata vector_store_request_metadata vector_stores verbatim_transcripts verbose verbosity version"
, "vertex_ai_credentials vertex_ai_location vertex_ai_project vertex_collection_id vertex_count_tokens_location vertex_engine_id"
, "vertex_voice_dict video video_base64 video_id video_s3_bucket_owner video_s3_uri virtual_key_claim_field voice voice_id"
, "wandb_api_key watsonx_credentials watsonx_project weave_project_id web web_search_options weight width workspace workspace_id"
, "wx_credentials wxo_agent_id zen_api_key zero_cost_diagnostic"]], [{"additionalProperties": true, "type": ["null", "object"]},
["adaptive_router_config complexity_router_config model_info quality_router_config search_context_cost_per_query"]], [{"type": ["null", "string"]},
["adaptive_router_default_model anthropic_federation_rule_id anthropic_federation_workspace_id anthropic_identity_source"
, "anthropic_identity_token anthropic_identity_token_file anthropic_issuer_audience anthropic_issuer_signing_key_ref"
, "anthropic_issuer_subject anthropic_issuer_url anthropic_keycloak_auth_method anthropic_keycloak_client_id"
, "anthropic_keycloak_client_secret_ref anthropic_keycloak_scope anthropic_keycloak_token_url anthropic_organization_id"
, "anthropic_service_account_id api_base api_key api_version auto_router_config auto_router_config_path auto_router_default_model"
, "auto_router_embedding_model auto_router_model_compression auto_router_routing_compression aws_access_key_id aws_batch_role_arn"
, "aws_bedrock_project_id aws_bedrock_runtime_endpoint aws_external_id aws_profile_name aws_region_name aws_role_name"
, "aws_secret_access_key aws_session_name aws_session_token aws_sts_endpoint aws_web_identity_token azure_ad_token azure_password"
, "azure_scope azure_username bucket_name budget_duration chatgpt_auth_file client_id client_secret complexity_router_default_model"
, "custom_llm_provider gcs_bucket_name litellm_credential_name litellm_trace_id milvus_db_name milvus_text_field"
, "openai_identity_provider_id openai_identity_token_file openai_service_account_id organization provider_affinity_header"
, "quality_router_default_model region_name s3_access_key_id s3_bucket_name s3_bucket_owner s3_encryption_key_id s3_endpoint_url"
, "s3_output_bucket_name s3_region_name s3_secret_access_key tenant_id valkey_embedding_field valkey_host valkey_password"
, "valkey_text_field vector_store_id vertex_location vertex_project watsonx_region_name"]], [{"pattern": "^os\\.environ/|^([Tt]rue|[Ff]alse)$", "type"
: ["boolean", "null", "string"]}, ["allow_client_keepalive_override anthropic_disable_workload_identity_federation fireworks_forward_user_id"
, "merge_reasoning_content_in_choices use_chat_completions_api use_in_pass_through use_litellm_proxy use_xai_oauth valkey_ssl"]], [{"pattern":
"^os\\.environ/|^-?[0-9_.eE+-]+$", "type": ["null", "number", "string"]},
["annotation_cost_per_page annotation_cost_per_page_batches cache_creation_input_audio_token_cost cache_creation_input_token_cost"
, "cache_creation_input_token_cost_above_100k_tokens cache_creation_input_token_cost_above_100k_tokens_batches"
, "cache_creation_input_token_cost_above_1hr cache_creation_input_token_cost_above_1hr_above_100k_tokens"
, "cache_creation_input_token_cost_above_200k_tokens cache_creation_input_token_cost_above_200k_tokens_batches"
, "cache_creation_input_token_cost_above_272k_tokens cache_creation_input_token_cost_above_272k_tokens_batches"
, "cache_creation_input_token_cost_above_272k_tokens_flex cache_creation_input_token_cost_above_272k_tokens_priority"
, "cache_creation_input_token_cost_above_272k_tokens_ultrafast cache_creation_input_token_cost_batches"
, "cache_creation_input_token_cost_flex cache_creation_input_token_cost_priority cache_creation_input_token_cost_ultrafast"
, "cache_read_input_audio_token_cost cache_read_input_image_token_cost cache_read_input_token_cost"
, "cache_read_input_token_cost_above_100k_tokens cache_read_input_token_cost_above_100k_tokens_batches"
, "cache_read_input_token_cost_above_200k_tokens cache_read_input_token_cost_above_200k_tokens_batches"
, "cache_read_input_token_cost_above_200k_tokens_priority cache_read_input_token_cost_above_272k_tokens"
, "cache_read_input_token_cost_above_272k_tokens_batches cache_read_input_token_cost_above_272k_tokens_flex"
, "cache_read_input_token_cost_above_272k_tokens_priority cache_read_input_token_cost_above_272k_tokens_ultrafast"
, "cache_read_input_token_cost_above_512k_tokens cache_read_input_token_cost_balanced cache_read_input_token_cost_batches"
, "cache_read_input_token_cost_flex cache_read_input_token_cost_priority cache_read_input_token_cost_ultrafast"
, "citation_cost_per_token cost_per_second google_maps_grounding_cost_per_query input_cost_per_audio_per_second"
, "input_cost_per_audio_per_second_above_128k_tokens input_cost_per_audio_token input_cost_per_audio_token_batches"
, "input_cost_per_character input_cost_per_character_above_128k_tokens input_cost_per_image input_cost_per_image_above_128k_tokens"
, "input_cost_per_image_token input_cost_per_image_token_batches input_cost_per_pixel input_cost_per_query input_cost_per_second"
, "input_cost_per_token input_cost_per_token_above_100k_tokens input_cost_per_token_above_100k_tokens_batches"
, "input_cost_per_token_above_128k_tokens input_cost_per_token_above_200k_tokens input_cost_per_token_above_200k_tokens_batches"
, "input_cost_per_token_above_200k_tokens_priority input_cost_per_token_above_272k_tokens"
, "input_cost_per_token_above_272k_tokens_batches input_cost_per_token_above_272k_tokens_flex"
, "input_cost_per_token_above_272k_tokens_priority input_cost_per_token_above_272k_tokens_ultrafast"
, "input_cost_per_token_above_512k_tokens input_cost_per_token_balanced input_cost_per_token_batches input_cost_per_token_cache_hit"
, "input_cost_per_token_flex input_cost_per_token_priority input_cost_per_token_ultrafast input_cost_per_video_per_second"
, "input_cost_per_video_per_second_above_128k_tokens input_cost_per_video_per_second_above_15s_interval"
, "input_cost_per_video_per_second_above_8s_interval input_cost_per_video_token input_cost_per_video_token_batches keepalive_seconds"
, "max_budget max_file_size_mb ocr_cost_per_credit ocr_cost_per_page ocr_cost_per_page_batches output_cost_per_audio_per_second"
, "output_cost_per_audio_token output_cost_per_character output_cost_per_character_above_128k_tokens output_cost_per_image"
, "output_cost_per_image_1024 output_cost_per_image_1536 output_cost_per_image_512 output_cost_per_image_token"
, "output_cost_per_image_token_batches output_cost_per_pixel output_cost_per_reasoning_token output_cost_per_reasoning_token_flex"
, "output_cost_per_reasoning_token_priority output_cost_per_second output_cost_per_second_1080p output_cost_per_second_2k"
, "output_cost_per_second_480p output_cost_per_second_4k output_cost_per_second_720p output_cost_per_second_768p"
, "output_cost_per_token output_cost_per_token_above_100k_tokens output_cost_per_token_above_100k_tokens_batches"
, "output_cost_per_token_above_128k_tokens output_cost_per_token_above_200k_tokens output_cost_per_token_above_200k_tokens_batches"
, "output_cost_per_token_above_200k_tokens_priority output_cost_per_token_above_272k_tokens"
, "output_cost_per_token_above_272k_tokens_batches output_cost_per_token_above_272k_tokens_flex"
, "output_cost_per_token_above_272k_tokens_priority output_cost_per_token_above_272k_tokens_ultrafast"
, "output_cost_per_token_above_512k_tokens output_cost_per_token_balanced output_cost_per_token_batches output_cost_per_token_flex"
, "output_cost_per_token_priority output_cost_per_token_ultrafast output_cost_per_video_per_second output_cost_per_video_token"
, "regional_endpoint_uplift_multiplier regional_processing_uplift_multiplier_eu regional_processing_uplift_multiplier_us"]], [{"pattern":
"^os\\.environ/|^-?[0-9_]+$", "type": ["integer", "null", "string"]},
["anthropic_issuer_ttl_seconds auto_router_max_input_chars default_api_key_rpm_limit default_api_key_tpm_limit itpm max_retries otpm"
, "output_vector_size rpm tpm valkey_port"]]]}, "type": ["object"]}, "litellm_params_documented": {"enum": ["adaptive_router_config"
, "adaptive_router_default_model", "allow_client_keepalive_override", "annotation_cost_per_page", "annotation_cost_per_page_batches"
, "anthropic_disable_workload_identity_federation", "anthropic_federation_rule_id", "anthropic_federation_workspace_id", "anthropic_identity_source"
, "anthropic_identity_token", "anthropic_identity_token_file", "anthropic_issuer_audience", "anthropic_issuer_signing_key_ref"
, "anthropic_issuer_subject", "anthropic_issuer_ttl_seconds", "anthropic_issuer_url", "anthropic_keycloak_auth_method", "anthropic_keycloak_client_id"
, "anthropic_keycloak_client_secret_ref", "anthropic_keycloak_scope", "anthropic_keycloak_token_url", "anthropic_organization_id"
, "anthropic_service_account_id", "api_base", "api_key", "api_version", "audio", "auto_router_config", "auto_router_config_path"
, "auto_router_default_model", "auto_router_embedding_model", "auto_router_max_input_chars", "auto_router_model_compression"
, "auto_router_routing_compression", "aws_access_key_id", "aws_batch_role_arn", "aws_bedrock_project_id", "aws_bedrock_runtime_endpoint"
, "aws_external_id", "aws_profile_name", "aws_region_name", "aws_role_name", "aws_secret_access_key", "aws_session_name", "aws_session_tags"
, "aws_session_token", "aws_sts_endpoint", "aws_web_identity_token", "azure_ad_token", "azure_password", "azure_scope", "azure_username", "base_url"
, "bedrock_tags", "bucket_name", "budget_duration", "cache_creation_input_audio_token_cost", "cache_creation_input_token_cost"
, "cache_creation_input_token_cost_above_100k_tokens", "cache_creation_input_token_cost_above_100k_tokens_batches"
, "cache_creation_input_token_cost_above_1hr", "cache_creation_input_token_cost_above_1hr_above_100k_tokens"
, "cache_creation_input_token_cost_above_200k_tokens", "cache_creation_input_token_cost_above_200k_tokens_batches"
, "cache_creation_input_token_cost_above_272k_tokens", "cache_creation_input_token_cost_above_272k_tokens_batches"
, "cache_creation_input_token_cost_above_272k_tokens_flex", "cache_creation_input_token_cost_above_272k_tokens_priority"
, "cache_creation_input_token_cost_above_272k_tokens_ultrafast", "cache_creation_input_token_cost_batches", "cache_creation_input_token_cost_flex"
, "cache_creation_input_token_cost_priority", "cache_creation_input_token_cost_ultrafast", "cache_read_input_audio_token_cost"
, "cache_read_input_image_token_cost", "cache_read_input_token_cost", "cache_read_input_token_cost_above_100k_tokens"
, "cache_read_input_token_cost_above_100k_tokens_batches", "cache_read_input_token_cost_above_200k_tokens"
, "cache_read_input_token_cost_above_200k_tokens_batches", "cache_read_input_token_cost_above_200k_tokens_priority"
, "cache_read_input_token_cost_above_272k_tokens", "cache_read_input_token_cost_above_272k_tokens_batches"
, "cache_read_input_token_cost_above_272k_tokens_flex", "cache_read_input_token_cost_above_272k_tokens_priority"
, "cache_read_input_token_cost_above_272k_tokens_ultrafast", "cache_read_input_token_cost_above_512k_tokens", "cache_read_input_token_cost_balanced"
, "cache_read_input_token_cost_batches", "cache_read_input_token_cost_flex", "cache_read_input_token_cost_priority"
, "cache_read_input_token_cost_ultrafast", "chatgpt_auth_file", "citation_cost_per_token", "client_id", "client_secret", "complexity_router_config"
, "complexity_router_default_model", "configurable_clientside_auth_params", "cost_per_second", "custom_llm_provider", "default_api_key_rpm_limit"
, "default_api_key_tpm_limit", "default_headers", "deployment_id", "drop_params", "extra_headers", "fireworks_forward_user_id", "frequency_penalty"
, "function_call", "functions", "gcs_bucket_name", "google_maps_grounding_cost_per_query", "include_server_side_tool_invocations"
, "input_cost_per_audio_per_second", "input_cost_per_audio_per_second_above_128k_tokens", "input_cost_per_audio_token"
, "input_cost_per_audio_token_batches", "input_cost_per_character", "input_cost_per_character_above_128k_tokens", "input_cost_per_image"
, "input_cost_per_image_above_128k_tokens", "input_cost_per_image_token", "input_cost_per_image_token_batches", "input_cost_per_pixel"
, "input_cost_per_query", "input_cost_per_second", "input_cost_per_token", "input_cost_per_token_above_100k_tokens"
, "input_cost_per_token_above_100k_tokens_batches", "input_cost_per_token_above_128k_tokens", "input_cost_per_token_above_200k_tokens"
, "input_cost_per_token_above_200k_tokens_batches", "input_cost_per_token_above_200k_tokens_priority", "input_cost_per_token_above_272k_tokens"
, "input_cost_per_token_above_272k_tokens_batches", "input_cost_per_token_above_272k_tokens_flex", "input_cost_per_token_above_272k_tokens_priority"
, "input_cost_per_token_above_272k_tokens_ultrafast", "input_cost_per_token_above_512k_tokens", "input_cost_per_token_balanced"
, "input_cost_per_token_batches", "input_cost_per_token_cache_hit", "input_cost_per_token_flex", "input_cost_per_token_priority"
, "input_cost_per_token_ultrafast", "input_cost_per_video_per_second", "input_cost_per_video_per_second_above_128k_tokens"
, "input_cost_per_video_per_second_above_15s_interval", "input_cost_per_video_per_second_above_8s_interval", "input_cost_per_video_token"
, "input_cost_per_video_token_batches", "itpm", "keepalive_seconds", "litellm_credential_name", "litellm_trace_id", "logit_bias", "logprobs"
, "max_budget", "max_completion_tokens", "max_file_size_mb", "max_retries", "max_tokens", "merge_reasoning_content_in_choices", "milvus_db_name"
, "milvus_partition_names", "milvus_text_field", "mock_response", "modalities", "model", "model_info", "n", "ocr_cost_per_credit", "ocr_cost_per_page"
, "ocr_cost_per_page_batches", "openai_identity_provider_id", "openai_identity_token_file", "openai_service_account_id", "organization", "otpm"
, "output_cost_per_audio_per_second", "output_cost_per_audio_token", "output_cost_per_character", "output_cost_per_character_above_128k_tokens"
, "output_cost_per_image", "output_cost_per_image_1024", "output_cost_per_image_1536", "output_cost_per_image_512", "output_cost_per_image_token"
, "output_cost_per_image_token_batches", "output_cost_per_pixel", "output_cost_per_reasoning_token", "output_cost_per_reasoning_token_flex"
, "output_cost_per_reasoning_token_priority", "output_cost_per_second", "output_cost_per_second_1080p", "output_cost_per_second_2k"
, "output_cost_per_second_480p", "output_cost_per_second_4k", "output_cost_per_second_720p", "output_cost_per_second_768p", "output_cost_per_token"
, "output_cost_per_token_above_100k_tokens", "output_cost_per_token_above_100k_tokens_batches", "output_cost_per_token_above_128k_tokens"
, "output_cost_per_token_above_200k_tokens", "output_cost_per_token_above_200k_tokens_batches", "output_cost_per_token_above_200k_tokens_priority"
, "output_cost_per_token_above_272k_tokens", "output_cost_per_token_above_272k_tokens_batches", "output_cost_per_token_above_272k_tokens_flex"
, "output_cost_per_token_above_272k_tokens_priority", "output_cost_per_token_above_272k_tokens_ultrafast", "output_cost_per_token_above_512k_tokens"
, "output_cost_per_token_balanced", "output_cost_per_token_batches", "output_cost_per_token_flex", "output_cost_per_token_priority"
, "output_cost_per_token_ultrafast", "output_cost_per_video_per_second", "output_cost_per_video_token", "output_vector_size", "parallel_tool_calls"
, "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_retention", "provider_affinity_header", "quality_router_config"
, "quality_router_default_model", "reasoning_effort", "region_name", "regional_endpoint_uplift_multiplier", "regional_processing_uplift_multiplier_eu"
, "regional_processing_uplift_multiplier_us", "request_timeout", "response_format", "rpm", "s3_access_key_id", "s3_bucket_name", "s3_bucket_owner"
, "s3_encryption_key_id", "s3_endpoint_url", "s3_output_bucket_name", "s3_region_name", "s3_secret_access_key", "safety_identifier"
, "search_context_cost_per_query", "seed", "service_tier", "stop", "store", "stream", "stream_options", "stream_timeout"
, "stream_timeout_by_service_tier", "tag_regex", "tags", "temperature", "tenant_id", "thinking", "tiered_pricing", "timeout"
, "timeout_by_service_tier", "tool_choice", "tools", "top_logprobs", "top_p", "tpm", "use_chat_completions_api", "use_in_pass_through"
, "use_litellm_proxy", "use_xai_oauth", "user", "valkey_embedding_field", "valkey_host", "valkey_password", "valkey_port", "valkey_ssl"
, "valkey_text_field", "vector_store_id", "verbosity", "vertex_credentials", "vertex_location", "vertex_project", "watsonx_region_name"
, "web_search_options"]}, "litellm_settings": {"properties": {"anthropic_prompt_caching_ttl": {"enum": ["5m", "1h", null]},
"anthropic_sse_ping_interval_seconds": {"pattern": "^os\\.environ/", "type": ["number", "string"]}, "banned_keywords_list": {"type": ["array", "null"
, "string"]}, "blocked_user_list": {"type": ["array", "null", "string"]}, "callback_settings": {"additionalProperties": {"additionalProperties": true
, "type": ["object"]}, "type": ["object"]}, "cold_storage_custom_logger": {"enum": ["lago", "openmeter", "logfire", "literalai", "litellm_agent"
, "dynamic_rate_limiter", "dynamic_rate_limiter_v3", "langsmith", "prometheus", "otel", "datadog", "datadog_metrics", "datadog_llm_observability"
, "galileo", "braintrust", "arize", "arize_phoenix", "langtrace", "gcs_bucket", "azure_storage", "opik", "argilla", "mlflow", "langfuse"
, "langfuse_otel", "weave_otel", "pagerduty", "humanloop", "azure_sentinel", "gcs_pubsub", "agentops", "anthropic_cache_control_hook", "generic_api"
, "resend_email", "sendgrid_email", "smtp_email", "deepeval", "s3_v2", "clickhouse", "pointfive", "zerobus", "aws_sqs", "vector_store_pre_call_hook"
, "dotprompt", "bitbucket", "gitlab", "cloudzero", "focus", "mavvrik", "vantage", "posthog", "levo", "compression_interception", "newrelic", "signoz"
, null]}, "cost_discount_config": {"additionalProperties": {"pattern": "^os\\.environ/", "type": ["number", "string"]}, "type": ["object"]},
"cost_margin_config": {"additionalProperties": {"additionalProperties": {"pattern": "^os\\.environ/", "type": ["number", "string"]}, "pattern":
"^os\\.environ/", "type": ["number", "object", "string"]}, "type": ["object"]}, "custom_prompt_dict": {"additionalProperties": {"additionalProperties"
: true, "type": ["object"]}, "type": ["object"]}, "datadog_params": {"additionalProperties": true, "properties": {"turn_off_message_logging": {
"pattern": "^os\\.environ/", "type": ["boolean", "null", "string"]}}, "type": ["null", "object"]}, "default_key_max_budget_alert_emails": {
"additionalProperties": {"type": ["array"]}, "type": ["null", "object"]}, "default_soft_budget": {"pattern": "^os\\.environ/", "type": ["number"
, "string"]}, "llm_guard_mode": {"enum": ["all", "key-specific", "request-specific"]}, "model_alias_map": {"additionalProperties": {"type": ["string"]
}, "type": ["object"]}, "newrelic_params": {"additionalProperties": true, "properties": {"turn_off_message_logging": {"pattern": "^os\\.environ/",
"type": ["boolean", "null", "string"]}}, "type": ["null", "object"]}, "pointfive_params": {"additionalProperties": true, "properties": {"api_key": {
"type": ["null", "string"]}, "api_url": {"type": ["null", "string"]}, "turn_off_message_logging": {"pattern": "^os\\.environ/", "type": ["boolean"
, "null", "string"]}, "*": [[{"pattern": "^os\\.environ/", "type": ["integer", "string"]},
["batch_size flush_interval max_batch_bytes max_upload_retries"]]]}, "type": ["null", "object"]}, "prometheus_deployment_and_latency_caller_identity"
: {"enum": ["api_key_alias", "user_email", "both"]}, "prometheus_latency_buckets": {"items": {"pattern": "^os\\.environ/", "type": ["number", "string"
]}, "type": ["array", "null"]}, "prompt_name_config_map": {"additionalProperties": {"additionalProperties": true, "properties": {"created_at": {},
"created_by": {"type": ["null", "string"]}, "environment": {"type": ["null", "string"]}, "litellm_params": {"additionalProperties": true, "properties"
: {"ignore_prompt_manager_model": {"pattern": "^os\\.environ/", "type": ["boolean", "null", "string"]}, "ignore_prompt_manager_optional_params": {
"pattern": "^os\\.environ/", "type": ["boolean", "null", "string"]}, "prompt_integration": {"type": ["string"]}, "provider_specific_query_params": {
"additionalProperties": true, "type": ["null", "object"]}, "*": [[{"type": ["null", "string"]}, ["api_base api_key dotprompt_content prompt_id"]]]},
"type": ["object"]}, "prompt_id": {"type": ["string"]}, "prompt_info": {"additionalProperties": true, "properties": {"environment": {"type": ["null"
, "string"]}, "prompt_type": {"enum": ["config", "db"]}}, "type": ["object"]}, "updated_at": {}, "version": {"pattern": "^os\\.environ/", "type":
["integer", "null", "string"]}}, "type": ["object"]}, "type": ["object"]}, "public_model_groups_links": {"additionalProperties": {
"additionalProperties": true, "type": ["object", "string"]}, "type": ["object"]}, "ssl_verify": {"type": ["boolean", "string"]},
"vector_store_search_failure_mode": {"enum": ["annotate", "error"]}, "zerobus_params": {"additionalProperties": true, "properties": {"batch_size": {
"pattern": "^os\\.environ/", "type": ["integer", "string"]}, "flush_interval": {"pattern": "^os\\.environ/", "type": ["integer", "string"]},
"turn_off_message_logging": {"pattern": "^os\\.environ/", "type": ["boolean", "null", "string"]}, "*": [[{"type": ["null", "string"]},
["client_id client_secret server_endpoint table_name workspace_url"]]]}, "type": ["null", "object"]}, "*": [[{},
["aclient_session audit_log_callbacks azure_content_safety_params base_llm_aiohttp_handler budget_reset_time cache cache_params"
, "callbacks client_session code_interpreter_interception_params compression_interception_params custom_provider_map"
, "datadog_llm_observability_params default_internal_user_params default_max_internal_user_budget default_mcp_sampling_model"
, "default_team_params default_team_settings drop_params enable_post_custom_auth_checks enable_redis_auth_cache encoding"
, "failure_callback forward_llm_provider_auth_headers global_bitbucket_config global_gitlab_config global_prompt_directory"
, "guardrail_name_config_map guardrails in_memory_llm_clients_cache json_logs key_alias_pattern key_generation_settings"
, "logged_real_time_event_types max_budget max_internal_user_budget max_ui_session_budget mcp_aliases mcp_semantic_tool_filter"
, "model_group_settings post_call_rules presidio_logging_only priority_reservation_settings prompt_injection_params proxy_auth"
, "request_timeout responses s3_audit_callback_params s3_callback_params scim_admin_group scim_upsert_user secret_manager_client"
, "success_callback sync_transport timezone upperbound_key_generate_params vector_store_index_registry vector_store_registry"
, "vertex_credentials websearch_interception_params"]], [{"type": ["array"]},
["adapters ai21_chat_models ai21_models aiml_models aleph_alpha_models all_embedding_models amazon_nova_models anthropic_models"
, "anyscale_models assemblyai_models aws_polly_models azure_ai_models azure_anthropic_models azure_models azure_text_models"
, "baseten_models bedrock_converse_models bedrock_embedding_models bedrock_mantle_models bedrock_models black_forest_labs_models"
, "cerebras_models chatgpt_models clarifai_models cloudflare_models codestral_models cohere_chat_models cohere_embedding_models"
, "cohere_models cometapi_models credential_list darkbloom_models dashscope_models databricks_models datarobot_models deepgram_models"
, "deepinfra_models deepseek_models docker_model_runner_models edenai_models elevenlabs_models empower_models fal_ai_models"
, "featherless_ai_models fireworks_ai_embedding_models fireworks_ai_models friendliai_models galadriel_models gemini_models"
, "gigachat_models github_copilot_models gradient_ai_models groq_models heroku_models huggingface_models hyperbolic_models"
, "inception_models infinity_models input_callback jina_ai_models lambda_ai_models lemonade_models llama_models llamagate_models"
, "maritalk_models minimax_models mistral_chat_models model_list model_list_set modelscope_models moonshot_models morph_models"
, "nadir_models nebius_embedding_models nebius_models nlp_cloud_models novita_models nscale_models nvidia_nim_models"
, "nvidia_riva_models oci_models ollama_models open_ai_chat_completion_models open_ai_embedding_models open_ai_text_completion_models"
, "openai_compatible_endpoints openai_compatible_providers openai_image_generation_models openai_text_completion_compatible_providers"
, "openai_video_generation_models openrouter_models ovhcloud_embedding_models ovhcloud_models palm_models perplexity_models"
, "petals_models pre_call_rules provider_list publicai_models qwen_ai_platform_models qwencloud_models recraft_models reducto_models"
, "replicate_models runwayml_models sambanova_embedding_models sambanova_models service_callback snowflake_models soniox_models"
, "stability_models tencent_models text_completion_codestral_models text_completion_inception_models together_ai_models"
, "transcribe_models v0_models vercel_ai_gateway_models vertex_ai_ai21_models vertex_ai_image_models vertex_ai_video_models"
, "vertex_anthropic_models vertex_chat_models vertex_code_chat_models vertex_code_text_models vertex_deepseek_models"
, "vertex_embedding_models vertex_language_models vertex_llama3_models vertex_minimax_models vertex_mistral_models"
, "vertex_moonshot_models vertex_openai_models vertex_text_models vertex_vision_models vertex_zai_models volcengine_models"
, "voyage_models wandb_models watsonx_models xai_models zai_models"]], [{"pattern": "^os\\.environ/", "type": ["boolean", "string"]},
["add_function_to_prompt aiohttp_trust_env allow_dynamic_callback_disabling apply_search_free_tier"
, "bedrock_neutralize_orphaned_tool_blocks block_requests_for_models_without_pricing budget_rollover caching_with_models"
, "check_provider_endpoint disable_add_prefix_to_prompt disable_add_transform_inline_image_block"
, "disable_add_user_agent_to_request_tags disable_aiohttp_transport disable_aiohttp_trust_env"
, "disable_anthropic_gemini_context_caching_transform disable_copilot_system_to_assistant disable_stop_sequence_limit"
, "disable_streaming_logging disable_token_counter disable_vertex_batch_output_transformation enable_anthropic_prompt_caching"
, "enable_caching_on_provider_specific_optional_params enable_gemini_default_thinking_level_low enable_json_schema_validation"
, "enable_key_alias_format_validation enable_model_config_credential_overrides enable_preview_features expose_router_debug_in_errors"
, "force_ipv4 force_redis_hash_tag_grouping forward_traceparent_to_llm_provider gemini_live_defer_setup global_disable_no_log_param"
, "http2 include_cost_in_streaming_usage langfuse_enable_update_trace_keys log_auth_failure_key_identity log_client_error_tracebacks"
, "log_raw_request_response logging modify_params network_mock openai_system_messages_first output_parse_pii"
, "overwrite_user_with_key_hash prometheus_emit_input_sequence_length_label prometheus_emit_rate_limit_labels"
, "prometheus_emit_stream_label prometheus_user_budget_label_include_email_alias public_mcp_hub_strict_whitelist public_skills_index"
, "reasoning_auto_summary request_correlation_in_logs request_timeout_explicitly_set require_managed_files retry"
, "return_response_headers route_all_chat_openai_to_responses safe_memory_mode set_verbose skip_system_message_in_guardrail"
, "skip_tool_message_in_guardrail strip_anthropic_total_tokens suppress_debug_info use_aiohttp_transport"
, "use_chat_completions_url_for_anthropic_messages use_client use_litellm_proxy user_url_validation validate_end_user_id_in_db"]], [{"pattern":
"^os\\.environ/", "type": ["boolean", "null", "string"]},
["add_user_information_to_llm_headers datadog_use_v1 disable_end_user_cost_tracking disable_end_user_cost_tracking_prometheus_only"
, "disable_hf_tokenizer_download enable_azure_ad_token_refresh enable_end_user_cost_tracking_prometheus_only"
, "enable_loadbalancing_on_batch_endpoints filter_invalid_headers gcs_pub_sub_use_v1 generic_api_use_v1"
, "prometheus_initialize_budget_metrics redact_messages_in_exceptions redact_user_api_key_info require_auth_for_metrics_endpoint"
, "store_audit_logs turn_off_message_logging"]], [{"type": ["null", "string"]},
["agent_search_embedding_model ai21_key aleph_alpha_key amazon_nova_api_key anthropic_key api_base api_key api_version azure_key"
, "baseten_key budget_duration bytez_key clarifai_key cloudflare_api_key cohere_key cometapi_key databricks_key datarobot_key"
, "dynamodb_table_name email gdc_api_base gdc_key gigachat_key gradient_ai_api_key groq_key heroku_key huggingface_key inception_key"
, "infinity_key internal_user_budget_duration lemonade_key llama_api_key llamaguard_model_name llamaguard_unsafe_content_categories"
, "maritalk_key max_end_user_budget_id nebius_key nlp_cloud_key novita_api_key ollama_key openai_key openai_like_key"
, "openai_moderations_model_name openrouter_key otel_tenant_destination_mode ovhcloud_key predibase_key predibase_tenant_id"
, "presidio_ad_hoc_recognizers replicate_key sap_service_key skill_search_embedding_model snowflake_key ssl_certificate"
, "ssl_ecdh_curve ssl_security_level togetherai_api_key token vercel_ai_gateway_key vertex_location vertex_project wandb_key xai_key"]], [{"pattern":
"^os\\.environ/", "type": ["integer", "string"]}, ["allowed_fails budget_exceeded_status_code initialized_langfuse_clients max_tokens"]], [{"type":
["string"]}, ["anthropic_beta_headers_url autorouter_presets_url blog_posts_url litellm_mode log_level model_cost_map_url"]], [{"pattern":
"^os\\.environ/", "type": ["integer", "null", "string"]}, ["argilla_batch_size langsmith_batch_size max_fallbacks num_retries num_retries_per_request"
, "prometheus_end_user_metrics_max_series_per_metric prometheus_metrics_max_series_per_metric"]], [{"additionalProperties": true, "type": ["null"
, "object"]}, ["argilla_transformation_object aws_sqs_callback_params default_key_generate_params generic_logger_headers mcp_tool_search"
, "priority_reservation tag_budget_config vertex_ai_safety_settings"]], [{"additionalProperties": true, "type": ["object"]},
["azure_embedding_models azure_llms common_cloud_provider_auth_params error_logs known_tokenizer_config"
, "longer_context_model_fallback_dict model_cost models_by_provider"]], [{"items": {"type": ["string"]}, "type": ["array", "null"]},
["bedrock_request_metadata_fields extra_spend_tag_headers langfuse_default_tags prometheus_exclude_labels prometheus_exclude_metrics"
, "public_agent_groups public_mcp_servers public_model_groups standard_logging_payload_excluded_fields"]], [{"pattern": "^os\\.environ/", "type":
["null", "number", "string"]}, ["budget_exceeded_throttle_percentage default_in_memory_ttl default_redis_batch_cache_expiry default_redis_ttl"
, "google_moderation_confidence_threshold max_end_user_budget max_user_budget prometheus_end_user_metrics_cleanup_interval_seconds"
, "prometheus_end_user_metrics_ttl_seconds prometheus_metrics_cleanup_interval_seconds prometheus_metrics_ttl_seconds"
, "sse_keepalive_ping_interval_seconds"]], [{"type": ["array", "null"]},
["content_policy_fallbacks context_window_fallbacks default_fallbacks fallbacks model_fallbacks prometheus_metrics_config"]], [{"items": {"type":
["string"]}, "type": ["array"]},
["custom_prometheus_metadata_labels custom_prometheus_tags provider_url_destination_allowed_hosts user_url_allowed_hosts"]]]}, "type": ["object"
, "null"]}, "model": {"properties": {"*": [[{},
["configurationId createdAt default deploymentUrl id itpm litellm_params model model_info model_name num_retries otpm"
, "request_timeout rpm scenarioId stream_timeout tags timeout tpm"]]]}, "type": ["object"]}, "model_info": {"additionalProperties": true, "properties"
: {"access_windows": {"items": {"additionalProperties": true, "properties": {"end": {}, "start": {}, "team_ids": {"items": {"type": ["string"]},
"type": ["array"]}, "timezone": {"type": ["string"]}}, "type": ["object"]}, "type": ["array", "null"]}, "db_model": {"pattern":
"^os\\.environ/|^([Tt]rue|[Ff]alse)$", "type": ["boolean", "string"]}, "member_auto_router": {"pattern": "^os\\.environ/|^([Tt]rue|[Ff]alse)$", "type"
: ["boolean", "string"]}, "ptu_count": {"pattern": "^os\\.environ/|^-?[0-9_]+$", "type": ["integer", "null", "string"]}, "tier": {"enum": ["free"
, "paid", null]}, "tiered_pricing": {"items": {"additionalProperties": true, "type": ["object"]}, "type": ["array", "null"]}, "*": [[{},
["access_groups access_via_team_ids aliases annotation_cost_per_page annotation_cost_per_page_batches audio_transcription_config"
, "bedrock_converse_supports_strict_tools bedrock_output_config_effort_ceiling cache_control_ttl"
, "cache_creation_input_audio_token_cost cache_creation_input_token_cost_above_100k_tokens"
, "cache_creation_input_token_cost_above_100k_tokens_batches cache_creation_input_token_cost_above_1hr"
, "cache_creation_input_token_cost_above_1hr_above_100k_tokens cache_creation_input_token_cost_above_1hr_above_200k_tokens"
, "cache_creation_input_token_cost_above_200k_tokens cache_creation_input_token_cost_above_200k_tokens_batches"
, "cache_creation_input_token_cost_above_272k_tokens cache_creation_input_token_cost_above_272k_tokens_batches"
, "cache_creation_input_token_cost_above_272k_tokens_decisions cache_creation_input_token_cost_above_272k_tokens_flex"
, "cache_creation_input_token_cost_above_272k_tokens_priority cache_creation_input_token_cost_above_272k_tokens_ultrafast"
, "cache_creation_input_token_cost_batches cache_creation_input_token_cost_decisions cache_creation_input_token_cost_flex"
, "cache_creation_input_token_cost_priority cache_creation_input_token_cost_ultrafast cache_read_input_audio_token_cost"
, "cache_read_input_image_token_cost cache_read_input_token_cost_above_100k_tokens"
, "cache_read_input_token_cost_above_100k_tokens_batches cache_read_input_token_cost_above_200k_tokens"
, "cache_read_input_token_cost_above_200k_tokens_batches cache_read_input_token_cost_above_200k_tokens_priority"
, "cache_read_input_token_cost_above_272k_tokens cache_read_input_token_cost_above_272k_tokens_batches"
, "cache_read_input_token_cost_above_272k_tokens_decisions cache_read_input_token_cost_above_272k_tokens_flex"
, "cache_read_input_token_cost_above_272k_tokens_priority cache_read_input_token_cost_above_272k_tokens_ultrafast"
, "cache_read_input_token_cost_above_512k_tokens cache_read_input_token_cost_balanced cache_read_input_token_cost_batches"
, "cache_read_input_token_cost_decisions cache_read_input_token_cost_flex cache_read_input_token_cost_priority"
, "cache_read_input_token_cost_ultrafast citation_cost_per_token code_interpreter_cost_per_session comment"
, "computer_use_input_cost_per_1k_tokens computer_use_output_cost_per_1k_tokens cost_per_second created_at custom_tokenizer"
, "default_reasoning_effort deprecation_date display_name explicit_cache_read_input_token_cost file_search_cost_per_1k_calls"
, "file_search_cost_per_gb_per_day gemini_audio_only_live gemini_native_audio google_maps_grounding_cost_per_query"
, "guardrail_cost_per_unit health_check_max_tokens health_check_max_tokens_non_reasoning health_check_max_tokens_reasoning"
, "health_check_model health_check_params health_check_reasoning_effort health_check_supports_max_tokens health_check_timeout"
, "health_check_voice input_cost_per_audio_per_second input_cost_per_audio_per_second_above_128k_tokens input_cost_per_audio_token"
, "input_cost_per_audio_token_batches input_cost_per_audio_token_priority input_cost_per_character_above_128k_tokens"
, "input_cost_per_image input_cost_per_image_above_128k_tokens input_cost_per_image_token input_cost_per_image_token_batches"
, "input_cost_per_pixel input_cost_per_query input_cost_per_request input_cost_per_second input_cost_per_text_message"
, "input_cost_per_token_above_100k_tokens input_cost_per_token_above_100k_tokens_batches input_cost_per_token_above_128k_tokens"
, "input_cost_per_token_above_200k_tokens input_cost_per_token_above_200k_tokens_batches"
, "input_cost_per_token_above_200k_tokens_priority input_cost_per_token_above_272k_tokens"
, "input_cost_per_token_above_272k_tokens_batches input_cost_per_token_above_272k_tokens_decisions"
, "input_cost_per_token_above_272k_tokens_flex input_cost_per_token_above_272k_tokens_priority"
, "input_cost_per_token_above_272k_tokens_ultrafast input_cost_per_token_above_512k_tokens input_cost_per_token_balanced"
, "input_cost_per_token_batches input_cost_per_token_cache_hit input_cost_per_token_decisions input_cost_per_token_flex"
, "input_cost_per_token_priority input_cost_per_token_ultrafast input_cost_per_video_per_second"
, "input_cost_per_video_per_second_above_128k_tokens input_cost_per_video_per_second_above_15s_interval"
, "input_cost_per_video_per_second_above_8s_interval input_cost_per_video_token input_cost_per_video_token_batches"
, "input_dbu_cost_per_token itpm key litellm_provider litellm_routing_preferences max_input_tokens max_output_tokens max_tokens"
, "metadata mode model_id model_info model_name ocr_cost_per_credit ocr_cost_per_page ocr_cost_per_page_batches off_peak_pricing"
, "original_model_id otpm output_cost_per_audio_token output_cost_per_character_above_128k_tokens output_cost_per_image"
, "output_cost_per_image_0.5K output_cost_per_image_1024 output_cost_per_image_1536 output_cost_per_image_1K output_cost_per_image_2K"
, "output_cost_per_image_4K output_cost_per_image_512 output_cost_per_image_token output_cost_per_image_token_batches"
, "output_cost_per_pixel output_cost_per_reasoning_token output_cost_per_reasoning_token_flex"
, "output_cost_per_reasoning_token_priority output_cost_per_second output_cost_per_second_1080p output_cost_per_second_2k"
, "output_cost_per_second_480p output_cost_per_second_4k output_cost_per_second_720p output_cost_per_second_768p"
, "output_cost_per_token_above_100k_tokens output_cost_per_token_above_100k_tokens_batches output_cost_per_token_above_128k_tokens"
, "output_cost_per_token_above_200k_tokens output_cost_per_token_above_200k_tokens_batches"
, "output_cost_per_token_above_200k_tokens_priority output_cost_per_token_above_272k_tokens"
, "output_cost_per_token_above_272k_tokens_batches output_cost_per_token_above_272k_tokens_decisions"
, "output_cost_per_token_above_272k_tokens_flex output_cost_per_token_above_272k_tokens_priority"
, "output_cost_per_token_above_272k_tokens_ultrafast output_cost_per_token_above_512k_tokens output_cost_per_token_balanced"
, "output_cost_per_token_batches output_cost_per_token_decisions output_cost_per_token_flex output_cost_per_token_priority"
, "output_cost_per_token_ultrafast output_cost_per_video_per_second output_cost_per_video_token output_dbu_cost_per_token"
, "output_vector_size prompt_cache_min_tokens provider_specific_entry ptu_effective_from ptu_effective_to reasoning_effort_levels"
, "regional_endpoint_uplift_multiplier regional_processing_uplift_multiplier_eu regional_processing_uplift_multiplier_us rpm"
, "search_context_cost_per_query search_free_requests search_queries_cost_per_query source supported_audio_formats"
, "supported_endpoints supported_environments supported_modalities supported_openai_params supported_output_modalities"
, "supported_regions supports_adaptive_thinking supports_anthropic_compaction supports_anthropic_thinking_payload"
, "supports_assistant_prefill supports_audio_input supports_audio_output supports_bedrock_converse_tool_result_images"
, "supports_bedrock_native_structured_output supports_bedrock_runtime_chat_completions_inline_reasoning"
, "supports_bedrock_runtime_chat_completions_response_format supports_bedrock_runtime_chat_completions_tools_with_reasoning"
, "supports_box_questions supports_computer_use supports_embedding_image_input supports_fast_mode supports_forced_tool_use"
, "supports_function_calling supports_image_input supports_image_size supports_legacy_thinking supports_low_reasoning_effort"
, "supports_max_reasoning_effort supports_mid_conversation_system supports_minimal_reasoning_effort supports_multimodal"
, "supports_native_streaming supports_native_structured_output supports_none_reasoning_effort supports_nova_canvas_image_edit"
, "supports_output_config supports_parallel_function_calling supports_parallel_tool_use_config supports_pdf_input"
, "supports_prompt_cache_breakpoint supports_prompt_caching supports_reasoning supports_regex_lookaround supports_response_schema"
, "supports_sampling_params supports_speed supports_system_messages supports_thinking_cache_preservation supports_tool_choice"
, "supports_tool_search supports_url_context supports_video_input supports_vision supports_web_search supports_xhigh_reasoning_effort"
, "template thinking_always_on token_count_framing token_count_model token_count_tokenizer tpm updated_at use_openai_responses_path"
, "uses_embed_content vector_store_cost_per_gb_per_day vertex_ai_audio_api web_search_billing_unit"]], [{"pattern":
"^os\\.environ/|^([Tt]rue|[Ff]alse)$", "type": ["boolean", "null", "string"]},
["allow_fail_open blocked discoverable enable_tag_filtering internal_router_model"]], [{"type": ["null", "string"]},
["base_model created_by id team_id team_public_model_name updated_by"]], [{"pattern": "^os\\.environ/|^-?[0-9_.eE+-]+$", "type": ["null", "number"
, "string"]}, ["cache_creation_input_token_cost cache_read_input_token_cost cost_per_ptu_per_hour input_cost_per_character input_cost_per_token"
, "output_cost_per_character output_cost_per_token"]]]}, "type": ["object", "null"]}, "openai_endpoint": {"enum": ["api.deepinfra.com/v1/openai"
, "api.deepseek.com/v1", "api.endpoints.anyscale.com/v1", "api.featherless.ai/v1", "api.galadriel.ai/v1", "api.groq.com/openai/v1"
, "api.llama.com/compat/v1/", "api.mistral.ai/v1", "api.perplexity.ai", "api.sambanova.ai/v1", "api.studio.nebius.ai/v1", "api.together.ai/v1"
, "api.together.xyz/v1", "api.x.ai/v1", "app.empower.dev/api/v1", "codestral.mistral.ai/v1/chat/completions"
, "codestral.mistral.ai/v1/fim/completions", "https://ai-gateway.helicone.ai/", "https://ai-gateway.vercel.sh/v1"
, "https://api-inference.modelscope.cn/v1", "https://api.clarifai.com/v2/ext/openai/v1", "https://api.cognition.ai/v1", "https://api.cortecs.ai/v1"
, "https://api.edenai.run/v3", "https://api.friendli.ai/serverless/v1", "https://api.getnadir.com/v1", "https://api.hyperbolic.xyz/v1"
, "https://api.inceptionlabs.ai/v1", "https://api.inference.wandb.ai/v1", "https://api.lambda.ai/v1", "https://api.libertai.io/v1"
, "https://api.meta.ai/v1", "https://api.moonshot.ai/v1", "https://api.morphllm.com/v1", "https://api.poe.com/v1", "https://api.prisminference.com/v1"
, "https://api.publicai.co/v1", "https://api.reka.ai/v1", "https://api.sailresearch.com/v1", "https://api.scx.ai/v1", "https://api.stima.tech/v1"
, "https://api.synthetic.new/openai/v1", "https://api.v0.dev/v1", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
, "https://dashscope.aliyuncs.com/compatible-mode/v1", "https://gigachat.devices.sberbank.ru/api/v1", "https://integrate.api.nvidia.com/v1"
, "https://llm.chutes.ai/v1/", "https://nano-gpt.com/api/v1", "https://pinstripes.io/v1", "https://serverless.tensormesh.ai/v1"
, "inference.api.nscale.com/v1", "ollama.com"]}, "provider": {"enum": ["a2a", "a2a_agent", "ai21", "ai21_chat", "aiml", "aiohttp_openai"
, "amazon_nova", "anthropic", "anthropic_text", "apertis", "assemblyai", "auto_router", "aws_polly", "aws_textract", "azure", "azure_ai"
, "azure_speech", "azure_text", "baseten", "bedrock", "bedrock_mantle", "black_forest_labs", "bytez", "cerebras", "charity_engine", "chatgpt"
, "chutes", "clarifai", "cloudflare", "codestral", "cognition", "cohere", "cohere_chat", "cometapi", "compactifai", "cortecs", "cursor", "custom"
, "custom_openai", "darkbloom", "dashscope", "databricks", "datarobot", "deepgram", "deepinfra", "deepseek", "docker_model_runner", "dotprompt"
, "edenai", "elevenlabs", "empower", "fal_ai", "featherless_ai", "fireworks_ai", "friendliai", "galadriel", "gdc", "gemini", "gigachat", "github"
, "github_copilot", "gradient_ai", "groq", "helicone", "heroku", "hosted_vllm", "huggingface", "humanloop", "hyperbolic", "inception", "infinity"
, "jina_ai", "lambda_ai", "langflow", "langfuse", "langgraph", "lemonade", "libertai", "litellm_agent", "litellm_proxy", "llamafile", "lm_studio"
, "manus", "maritalk", "meta", "meta_llama", "milvus", "minimax", "mistral", "modelscope", "mongodb", "moonshot", "morph", "nadir", "nano-gpt"
, "nebius", "neosantara", "nlp_cloud", "novita", "nscale", "nvidia_nim", "nvidia_riva", "oci", "ollama", "ollama_chat", "oobabooga", "openai"
, "openai_like", "openrouter", "ovhcloud", "parasail", "perplexity", "petals", "pg_vector", "pinstripes", "poe", "predibase", "prism", "publicai"
, "qwen_ai_platform", "qwencloud", "ragflow", "recraft", "reducto", "reka", "replicate", "runwayml", "s3_vectors", "sagemaker", "sagemaker_chat"
, "sagemaker_nova", "sail", "sambanova", "sap", "scaleway", "scx-ai", "snowflake", "soniox", "stability", "strands_decider", "synthetic", "tencent"
, "tensormesh", "text-completion-codestral", "text-completion-inception", "text-completion-openai", "together_ai", "topaz", "transcribe", "triton"
, "typesafe", "v0", "valkey", "vercel_ai_gateway", "vertex_ai", "vertex_ai_beta", "vllm", "volcengine", "voyage", "wandb", "watsonx", "watsonx_text"
, "xai", "xiaomi_mimo", "xinference", "zai"]}, "public_master_key_sha256": {"enum":
["88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"]}, "router_settings": {"properties": {"alerting_config": {"additionalProperties":
true, "properties": {"alerting_threshold": {"pattern": "^os\\.environ/", "type": ["null", "number", "string"]}, "webhook_url": {"type": ["string"]}},
"type": ["null", "object"]}, "allowed_fails_policy": {"additionalProperties": true, "properties": {"*": [[{"pattern": "^os\\.environ/", "type":
["integer", "null", "string"]},
["AuthenticationErrorAllowedFails BadGatewayErrorAllowedFails BadRequestErrorAllowedFails ContentPolicyViolationErrorAllowedFails"
, "InternalServerErrorAllowedFails NotFoundErrorAllowedFails RateLimitErrorAllowedFails ServiceUnavailableErrorAllowedFails"
, "TimeoutErrorAllowedFails"]]]}, "type": ["null", "object"]}, "background_health_check_model_groups": {"items": {"type": ["string"]}, "type":
["array", "null"]}, "cache_kwargs": {"additionalProperties": true, "type": ["object"]}, "cache_responses": {"default": false, "pattern":
"^os\\.environ/", "type": ["boolean", "null", "string"]}, "caching_groups": {"items": {"type": ["array"]}, "type": ["array", "null"]}, "client_ttl": {
"default": 3600, "pattern": "^os\\.environ/", "type": ["integer", "string"]}, "content_policy_fallbacks": {"type": ["array"]},
"context_window_fallbacks": {"type": ["array"]}, "debug_level": {"default": "INFO", "enum": ["DEBUG", "INFO"]}, "default_fallbacks": {"items": {"type"
: ["string"]}, "type": ["array", "null"]}, "default_litellm_params": {"additionalProperties": true, "type": ["null", "object"]},
"deployment_affinity_ttl_seconds": {"default": 3600, "pattern": "^os\\.environ/", "type": ["integer", "string"]}, "disable_cooldowns": {"pattern":
"^os\\.environ/", "type": ["boolean", "null", "string"]}, "fallbacks": {"type": ["array"]}, "guardrail_list": {"type": ["array", "null"]},
"model_group_affinity_config": {"additionalProperties": {"items": {"type": ["string"]}, "type": ["array"]}, "type": ["null", "object"]},
"model_group_alias": {"additionalProperties": true, "type": ["null", "object"]}, "model_group_retry_policy": {"additionalProperties": {
"additionalProperties": true, "properties": {"*": [[{"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]},
["AuthenticationErrorRetries BadRequestErrorRetries ContentPolicyViolationErrorRetries DefaultRetries InternalServerErrorRetries"
, "NotFoundErrorRetries RateLimitErrorRetries ServiceUnavailableErrorRetries TimeoutErrorRetries"]]]}, "type": ["object"]}, "type": ["object"]},
"optional_pre_call_checks": {"items": {"enum": ["prompt_caching", "router_budget_limiting", "responses_api_deployment_check", "deployment_affinity"
, "session_affinity", "forward_client_headers_by_model_group", "enforce_model_rate_limits", "encrypted_content_affinity"]}, "type": ["array", "null"]}
, "plugins": {"type": ["array", "null"]}, "provider_budget_config": {"additionalProperties": {"additionalProperties": true, "properties": {
"budget_duration": {"type": ["null", "string"]}, "max_budget": {"pattern": "^os\\.environ/", "type": ["null", "number", "string"]}, "rpm_limit": {
"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]}, "tpm_limit": {"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]}
}, "type": ["object"]}, "type": ["null", "object"]}, "redis_host": {"type": ["null", "string"]}, "redis_password": {"type": ["null", "string"]},
"redis_url": {"type": ["null", "string"]}, "retry_after": {"default": 0, "pattern": "^os\\.environ/", "type": ["integer", "string"]}, "retry_policy":
{"additionalProperties": true, "properties": {"*": [[{"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]},
["AuthenticationErrorRetries BadRequestErrorRetries ContentPolicyViolationErrorRetries DefaultRetries InternalServerErrorRetries"
, "NotFoundErrorRetries RateLimitErrorRetries ServiceUnavailableErrorRetries TimeoutErrorRetries"]]]}, "type": ["null", "object"]}, "routing_groups":
{"items": {"additionalProperties": true, "properties": {"group_name": {"type": ["string"]}, "model_priorities": {"additionalProperties": {"pattern":
"^os\\.environ/", "type": ["integer", "string"]}, "type": ["null", "object"]}, "models": {"items": {"type": ["string"]}, "type": ["array"]},
"routing_strategy": {"type": ["string"]}, "routing_strategy_args": {"additionalProperties": true, "type": ["null", "object"]}}, "type": ["object"]},
"type": ["array", "null"]}, "routing_strategy": {"default": "simple-shuffle", "enum": ["cost-based-routing", "lar1", "latency-based-routing"
, "least-busy", "provider-budget-routing", "simple-shuffle", "usage-based-routing", "usage-based-routing-v2"]}, "routing_strategy_args": {
"additionalProperties": true, "type": ["object"]}, "tag_filtering_match_any": {"default": true, "pattern": "^os\\.environ/", "type": ["boolean"
, "string"]}, "tag_routing_prefix": {"default": "", "type": ["string"]}, "*": [[{"pattern": "^os\\.environ/", "type": ["integer", "null", "string"]},
["allowed_fails default_max_parallel_requests default_priority health_check_staleness_threshold max_fallbacks num_retries redis_db", "redis_port"]], [
{"pattern": "^os\\.environ/", "type": ["null", "number", "string"]}, ["cooldown_time polling_interval stream_timeout timeout"]], [{"default": false,
"pattern": "^os\\.environ/", "type": ["boolean", "string"]},
["enable_health_check_routing enable_pre_call_checks enable_tag_filtering enable_weighted_failover"
, "health_check_ignore_transient_errors set_verbose"]]]}, "type": ["object", "null"]}, "skipped_environment": {"enum": ["DYLD_INSERT_LIBRARIES"
, "DYLD_LIBRARY_PATH", "HOME", "LD_LIBRARY_PATH", "LD_PRELOAD", "LOGNAME", "NO_PROXY", "PATH", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "SHELL"
, "USER", "no_proxy"]}}, "$schema": "https://json-schema.org/draft/2020-12/schema", "title":
"What LiteLLM 1.106.10 reads from its configuration (dumped; rewritten by make update)"}}
'''))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
