"""What a reader chose to practise, and what the pattern's page says about it."""

from __future__ import annotations

import re
import secrets
import shlex
import socket
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from macros import render, renderings
from macros.ledger import Book, read_yaml
from tests.lab import squid


class PlayError(Exception):
    """One line that says what to do, and the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Choice:
    """A pattern; ``port``: the gateway's; ``proxy_port``: None where there is no proxy; ``login``: user and password, if it asks for them."""

    pattern: str
    port: int
    proxy_port: int | None = None
    login: tuple[str, str] | None = None
    inspect: bool = False

    @property
    def proxy(self) -> str:
        """The proxy's address as ``HTTPS_PROXY`` holds it, with the login percent-encoded."""
        login = ":".join(urllib.parse.quote(part, safe="") for part in self.login) + "@" if self.login else ""
        return f"http://{login}127.0.0.1:{self.proxy_port}"


def block(book: Book, pattern: str, name: str) -> str | None:
    """The id of the file ``name`` that the pattern's page shows; it may be another pattern's."""
    text = (book.root / "docs" / "patterns" / f"{pattern}.md").read_text("utf-8")
    found = re.search(rf'"(patterns/[\w-]+/{re.escape(name)})["@]', text)
    return found.group(1) if found else None


def patterns(book: Book) -> list[str]:
    """The patterns with a gateway on the reader's machine whose page shows its configuration and a client's."""
    pages = (name for name, pattern in book.fact("patterns").items() if pattern["gateway"] == "local" and (book.root / f"docs/patterns/{name}.md").exists())
    return sorted(page for page in pages if block(book, page, "config.yaml") and block(book, page, "client.yaml"))


def has_proxy(book: Book, pattern: str) -> bool:
    """Whether the pattern's page is replayed behind a Squid."""
    variants = book.pages.get(f"patterns/{pattern}/", {}).get("variants", {})
    return any("squid" in variant for variant in variants.values())


def choose(book: Book, pattern: str, environment: dict[str, str]) -> Choice:
    """The choice that the arguments describe. Raises PlayError, or MissingProgram when there is no Squid."""
    known = patterns(book)
    if pattern not in known:
        raise PlayError(f"No pattern {pattern!r} to practise; there are: {', '.join(known)}. Write: make lab PATTERN={known[0]}", 2)
    auth, inspect = environment.get("AUTH", ""), environment.get("INSPECT", "")
    if auth not in {"", "basic"}:
        raise PlayError(f"AUTH={auth} is not known; there is: make lab PATTERN=local-gateway-proxy AUTH=basic", 2)
    if inspect not in {"", "0", "1"}:
        raise PlayError(f"INSPECT={inspect} is not known; there is: make lab PATTERN=local-gateway-proxy INSPECT=1", 2)
    port = chosen_port(pattern, "PORT", environment.get("PORT"), int(book.fact("site.gateway_port")))
    if not has_proxy(book, pattern):
        if auth or inspect == "1":
            raise PlayError(f"AUTH and INSPECT are about a proxy, and {pattern} has none. Write: make lab PATTERN=local-gateway-proxy", 2)
        return Choice(pattern, port)
    squid.command()
    if inspect == "1":
        squid.helper("security_file_certgen")
    proxy_port = chosen_port(pattern, "PROXY_PORT", environment.get("PROXY_PORT"), int(book.fact("site.proxy_port")))
    # With characters that a URL must not hold, as the page's own.
    login = ("practice", f"fake@{secrets.token_hex(3)}:/#1") if auth else None
    return Choice(pattern, port, proxy_port, login, inspect == "1")


def chosen_port(pattern: str, name: str, text: str | None, pages_own: int) -> int:
    """``text`` or the page's port, free. Raises PlayError when it is no port or taken."""
    try:
        port = int(text) if text else pages_own
        if not 0 < port < 65536:
            raise ValueError
    except ValueError:
        raise PlayError(f"{name}={text} is no port; write a number, as in: make lab PATTERN={pattern} {name}={pages_own + 1}") from None
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    if taken:
        raise PlayError(f"Something listens on port {port} of 127.0.0.1 already; end it, or take another: make lab PATTERN={pattern} {name}={port + 1}")
    return port


def client(book: Book, choice: Choice, key: Path) -> dict[str, list[str]]:
    """What to paste, in order: the page's own blocks with these ports and this key file. Shell -> blocks."""
    name = block(book, choice.pattern, "client.yaml")
    assert name
    definition = read_yaml(book.snippets / name)
    pages_own = f":{book.fact('site.gateway_port')}"
    env = {name: re.sub(rf"{pages_own}(?=/|$)", f":{choice.port}", value) for name, value in definition["env"].items()}

    def with_file(path: str, **more: str) -> dict[str, Any]:
        return {**definition, "env": {**more, **env}, "credential": {**definition["credential"], "file": path}}

    bash, powershell = [renderings.bash(with_file(shlex.quote(str(key))))], renderings.powershell(with_file(str(key)))
    if choice.proxy_port:
        name = block(book, choice.pattern, "proxy-login.sh" if choice.login else "proxy.sh")
        assert name
        pages_own = f"{book.fact('site.proxy_host')}:{book.fact('site.proxy_port')}"
        bash.insert(0, render.text(book, book.block(name)).replace(pages_own, f"127.0.0.1:{choice.proxy_port}") + "\n")
        powershell = renderings.powershell(with_file(str(key), HTTPS_PROXY=choice.proxy))
    return {"bash, zsh": bash, "PowerShell": [powershell]}
