"""A name server that knows no name and writes down what it was asked.

Run inside a namespace: ``python -m tests.lab.dns FILE``; it listens on
127.0.0.1, UDP port 53.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode


class Recorder(asyncio.DatagramProtocol):
    def __init__(self, log: Path) -> None:
        self.log = log.open("a", buffering=1)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        query = dns.message.from_wire(data)
        self.log.write(f"{query.question[0].name.to_text(omit_final_dot=True)}\n")
        answer = dns.message.make_response(query)
        answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), address)


async def main(log: Path) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Recorder(log), local_addr=("127.0.0.1", 53))
    log.with_suffix(".ready").touch()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
