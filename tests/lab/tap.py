"""Writes down the head of every HTTP request to one port, as it passes the loopback device.

Run inside a namespace: ``python -m tests.lab.tap FILE PORT``. It changes
nothing on the way, so client and server are the real ones. Linux only.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from tests.lab.lines import Log

ETH_P_IP, PACKET_HOST = 0x0800, 0


def head(packet: bytes, port: int) -> dict[str, object] | None:
    """The request that begins in an IPv4 packet to this TCP port, or None."""
    tcp = packet[(packet[0] & 0x0F) * 4 :]
    if packet[9] != socket.IPPROTO_TCP or int.from_bytes(tcp[2:4], "big") != port:
        return None
    lines, end, _ = tcp[(tcp[12] >> 4) * 4 :].partition(b"\r\n\r\n")
    if not end or not lines.split(b"\r\n")[0].endswith((b" HTTP/1.1", b" HTTP/1.0")):
        return None
    first, *rest = lines.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return {"method": method, "path": target.partition("?")[0], "query": target.partition("?")[2], "headers": headers}


def main(log: Path, port: int) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)) as device:
        device.bind(("lo", ETH_P_IP))
        log.with_suffix(".ready").touch()
        requests = Log(log)
        while True:
            packet, (_, _, direction, *_) = device.recvfrom(2**17)
            request = head(packet, port) if direction == PACKET_HOST else None  # every packet passes twice
            if request:
                requests.add(request)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
