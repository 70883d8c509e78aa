"""Decides about NTLM logins for Squid, by pyspnego's acceptor: NTLMv2 with the right password, nothing else.

Run inside a namespace: ``python -m tests.lab.ntlm FILE PORT``; FILE holds
``DOMAIN:USER:PASSWORD``. Squid's helper processes, which have no rights to the
checkout, reach it on 127.0.0.1. One line a message, as in
https://wiki.squid-cache.org/Features/AddonHelpers#negotiate-and-ntlm-scheme
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from pathlib import Path

import spnego
from spnego.exceptions import SpnegoError


class Login:
    """One connection's login: a request for a challenge, then the answer to it."""

    def reply(self, line: str) -> str:
        kind, _, message = line.strip().partition(" ")
        try:
            if kind == "YR":
                self.context = spnego.server(protocol="ntlm", hostname="proxy", service="http")
                return f"TT {base64.b64encode(self.context.step(base64.b64decode(message)) or b'').decode()}"
            if kind == "KK":
                self.context.step(base64.b64decode(message))
                return f"AF {self.context.client_principal}" if self.context.complete else "NA the login is not complete"
        except (SpnegoError, ValueError) as problem:
            return f"NA {' '.join(str(problem).split())}"
        return f"BH unknown message {kind}"


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    login = Login()
    while line := await reader.readline():
        writer.write(f"{login.reply(line.decode('ascii'))}\n".encode())
        await writer.drain()
    writer.close()


async def main(port: int, ready: Path) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    ready.touch()
    await server.serve_forever()


if __name__ == "__main__":
    os.environ["NTLM_USER_FILE"] = sys.argv[1]
    asyncio.run(main(int(sys.argv[2]), Path(sys.argv[1]).with_suffix(".ready")))
