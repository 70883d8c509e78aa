"""Ports that behave oddly, for the namespace of a run.

    python -m tests.faults.odd FILE

FILE: JSON, a list of ``{address, port, kind, say}``. Kinds: ``says`` (greets at once, like SSH), ``closes`` (reads a
little and closes), ``holds`` (accepts and is silent), ``filtered`` (what comes is dropped), ``deaf`` (UDP, no answer).
"""

from __future__ import annotations

import json
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


def serve(sock: socket.socket, kind: str, say: str) -> None:
    while True:
        caller, _ = sock.accept()
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
        if one["kind"] in ("says", "closes", "holds"):
            threading.Thread(target=serve, args=(sock, one["kind"], one["say"]), daemon=True).start()
    path.with_suffix(".ready").touch()
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
