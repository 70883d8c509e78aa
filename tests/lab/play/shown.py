"""What the reader sees: what to paste, then a line for everything that passes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from macros.ledger import Book
from tests.lab import lines, programs, squid
from tests.lab.play.choice import Choice, client
from tests.lab.play.started import SQUIDS_ADDRESS, provider_host


def instructions(book: Book, choice: Choice, folder: Path) -> str:
    """What to paste, and how to run Claude Code."""
    parts = [f"LiteLLM {book.fact('versions.litellm.version')} answers at http://127.0.0.1:{choice.port}; behind it a stand-in plays the provider."]
    if choice.proxy_port:
        does = [word for word, so in (("asks for a login", choice.login), ("inspects TLS", choice.inspect)) if so]
        parts.append(
            f"Between them is Squid at http://127.0.0.1:{choice.proxy_port}. It {' and '.join(does) or 'asks for no login and passes TLS through'}, "
            f"and carries nothing but {provider_host(book)}, which is the stand-in."
        )
    parts[-1] += "\n"
    for shell, blocks in client(book, choice, folder / "master-key").items():
        words = f"Paste into another terminal ({shell}):"
        for number, text in enumerate(blocks):
            parts.append(f"{words}\n\n" + "".join(f"  {line}\n" for line in text.splitlines()))
            words = "Then paste there:"
            if choice.login and len(blocks) > 1 and number == 0:
                parts.append(f"It asks for a login. This one is known here and nowhere else:\n\n  {choice.login[0]}\n  {choice.login[1]}\n")
    parts.append("Then start Claude Code there:\n\n  claude\n")
    try:
        parts.append(f"or, when you have none, the one of the tests:\n\n  {programs.claude()}\n")
    except programs.MissingProgram as problem:
        parts.append(f"(The tests' own: {problem}.)")
    parts.append("It answers from the stand-in, which is no model. Each request appears here. Ctrl-C ends this and removes the key.")
    return "\n".join(parts)


def clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def one_line(request: dict[str, Any], proxied: bool = False) -> str:
    """Time, model, status, and which way it came, of one record of the stand-in's."""
    agent = request["headers"].get("user-agent", "")
    way = f"through the gateway ({agent})" if agent.startswith("litellm/") else f"NOT through the gateway ({agent or 'no user-agent'})"
    if proxied:
        way += " and the proxy" if way.startswith("through") and request["peer"] == SQUIDS_ADDRESS else ""
        way += ", NOT through the proxy" if request["peer"] != SQUIDS_ADDRESS else ""
    model = request["body"].get("model", "no model") if isinstance(request["body"], dict) else "no model"
    return f"{clock(request['at'])}  {request['method']} {request['path']}  {model}  {request['status']}  {way}"


def tunnel_line(asked: str, at: float) -> str | None:
    """A tunnel that Squid opens now, from what it asks its helper: URL, client, user, method ..."""
    url, _, user, method, *_ = asked.split()
    who = "" if user == "-" else f" for {user}"
    return f"{clock(at)}  CONNECT {url}  the proxy opens a tunnel{who}" if method == "CONNECT" else None


def proxy_line(entry: squid.Entry, host: str) -> str | None:
    """One line of Squid's log, with what it means; None for the tunnels that are already shown."""
    words = {"TCP_TUNNEL/200": "the tunnel is closed"}.get(entry.result)
    if entry.result.endswith("_DENIED/407"):
        words = "REFUSED by the proxy: the login is missing or wrong"
    elif "_DENIED/" in entry.result and entry.url.split("://")[-1].startswith(("127.", "localhost", "[::1]")):
        words = "REFUSED by the proxy: NO_PROXY should have kept this from it"
    elif "_DENIED/" in entry.result:
        words = f"REFUSED by the proxy: here it carries only {host}"
    elif entry.method != "CONNECT":
        words = "read by the proxy on its way"
    elif words is None and not entry.result.endswith("/200"):
        words = "the proxy could not open the tunnel"
    return f"{clock(entry.at)}  {entry.method} {entry.url}  {entry.result}  {words}" if words else None


class Passing:
    """What has passed and was not shown yet."""

    def __init__(self, choice: Choice, folder: Path, host: str) -> None:
        self.choice, self.folder, self.host = choice, folder, host
        self.seen: dict[str, int] = {}

    def _new(self, name: str, everything: list[Any]) -> list[Any]:
        new = everything[self.seen.get(name, 0) :]
        self.seen[name] = len(everything)
        return new

    def lines(self) -> list[str]:
        """One line each, the proxy's first."""
        asked = [tunnel_line(line, time.time()) for line in self._new("asked", lines.whole(self.folder / "squid" / "asked"))]
        log = [proxy_line(entry, self.host) for entry in self._new("log", squid.entries(self.folder / "squid" / "access.log"))]
        requests = self._new("requests", lines.whole(self.folder / "provider" / "requests.jsonl"))
        return [line for line in [*asked, *log] if line] + [one_line(json.loads(line), self.choice.proxy_port is not None) for line in requests]


def watch(choice: Choice, folder: Path, host: str) -> None:
    """Show each request as it passes, for ever."""
    passing = Passing(choice, folder, host)
    while True:
        for line in passing.lines():
            print(line, flush=True)
        time.sleep(0.2)
