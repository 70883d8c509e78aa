"""Ports that behave oddly, for the namespace of a run.

    python -m tests.faults.odd FILE

FILE: JSON, a list of ``{address, port, kind}``. Kinds: ``says`` (greets at once with ``say``, like SSH), ``closes``
(reads a little and closes), ``holds`` (accepts and is silent), ``filtered`` (what comes is dropped), ``deaf`` (UDP, no
answer), ``relays`` (to the port ``to`` of this machine, and closes once ``until`` came back).
"""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
from pathlib import Path
from typing import Any

_kept: list[socket.socket] = []


def listen(address: str, port: int, kind: str) -> socket.socket:
    if kind == "deaf":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, port))
        return sock
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(0 if kind == "filtered" else 50)
    if kind == "filtered":  # the queue is full, so the system drops what comes
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((address, port))
            _kept.append(filler)
    return sock


def relay(caller: socket.socket, port: int, until: bytes) -> None:
    """Both ways, until one side closes or ``until`` was passed on."""
    with caller, socket.create_connection(("127.0.0.1", port)) as server:
        seen = b""
        while until not in seen:
            for sock in select.select([caller, server], [], [])[0]:
                data = sock.recv(65536)
                if not data:
                    return
                (server if sock is caller else caller).sendall(data)
                seen = (seen + data)[-100_000:] if sock is server else seen


def serve(sock: socket.socket, entry: dict[str, Any]) -> None:
    kind, say = entry["kind"], entry["say"]
    while True:
        caller, _ = sock.accept()
        if kind == "relays":
            threading.Thread(target=relay, args=(caller, entry["to"], entry["until"].encode()), daemon=True).start()
            continue
        if kind == "says":
            caller.sendall(say.encode())
        if kind == "holds":
            _kept.append(caller)
            continue
        caller.settimeout(5)
        try:
            caller.recv(100_000)
        except OSError:
            pass
        caller.close()


def main(path: Path) -> None:
    for entry in json.loads(path.read_text()):
        one: dict[str, Any] = {"say": "SSH-2.0-OpenSSH_9.2p1\r\n", **entry}
        sock = listen(one["address"], one["port"], one["kind"])
        _kept.append(sock)
        if one["kind"] in ("says", "closes", "holds", "relays"):
            threading.Thread(target=serve, args=(sock, one), daemon=True).start()
    path.with_suffix(".ready").touch()
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
