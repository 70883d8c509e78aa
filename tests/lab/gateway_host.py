"""The gateway host of a page with two machines: what each machine sees, and nginx.

Both machines share the namespace's loopback, and nothing else: a terminal sees
only its own machine's files and host names. nginx is Debian's; it is started
by the page.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import trustme

from macros.ledger import Book
from tests.lab.namespace import Namespace, NamespaceError

NAME = "gateway-host"
#: What only the gateway host has, beside its home folder.
OWN = ("/etc/nginx", "/etc/ssl/private")
#: Makes folders empty and changes the hosts file, for one program and its children.
VIEW = 'for path in $1; do mount -t tmpfs tmpfs "$path"; done; mount --bind "$2" /etc/hosts; shift 2; exec "$@"'
PREPARE = "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/lib/nginx; mount --bind /mnt/lab/nginx-log /var/log/nginx"
INSTALL = "apt-get install --no-install-recommends nginx-light sudo"


def addresses(book: Book, providers: Iterable[str] = ()) -> dict[str, str]:
    """Host name -> address, also of these further providers. The gateway has its own, as they have, so that its port 443 is free."""
    names = [book.fact(f"site.{name}") for name in ("proxy_host", "egress_host", "region_host", "second_region_host")]
    known = {**dict.fromkeys(["api.anthropic.com", *names], "127.0.0.1"), book.fact("site.gateway_host"): "127.0.0.2"}
    for provider in providers:
        stand_in = book.fact(f"providers.stand_ins.{provider}")
        known |= dict.fromkeys(stand_in["names"], stand_in["address"])
    return known


def hosts(book: Book, names: list[str]) -> str:
    """A hosts file with these names and the machine's own."""
    known = addresses(book, book.fact("providers.stand_ins"))
    lines = ["127.0.0.1 localhost", f"127.0.0.1 {socket.gethostname()}", *(f"{known[name]} {name}" for name in names)]
    return "\n".join(lines) + "\n"


def view(inside: Namespace, book: Book, machine: str, machines: dict[str, Any], hosts_file: str | None = None) -> list[str]:
    """The command before a terminal's shell, so that it is a terminal of this machine."""
    file = inside.mnt / "lab" / (hosts_file or f"hosts-{machine}")
    if not file.exists():
        file.write_text(hosts(book, machines[machine]["knows"]))
    hidden = [f"/mnt/{other}" for other in machines if other != machine]
    if machine != NAME:
        hidden += OWN
    return ["unshare", "--mount", "sh", "-c", VIEW, "view", " ".join(hidden), f"/mnt/lab/{file.name}"]


def prepare(inside: Namespace, book: Book) -> trustme.CA:
    """What the page says the reader has: nginx as Debian installs it, and a certificate of the company's authority."""
    if not (inside.etc / "nginx" / "nginx.conf").exists() or not shutil.which("sudo"):
        raise NamespaceError(f"nginx or sudo is missing; install them with: {INSTALL}")
    if os.geteuid() != 0:
        raise NamespaceError("This page's nginx serves as another user, which needs root: make sudo-test")
    (inside.mnt / "lab" / "nginx-log").mkdir()
    done = inside.run(["sh", "-c", PREPARE], {"PATH": os.defpath + ":/usr/sbin:/sbin"})
    if done.returncode != 0:
        raise NamespaceError(f"Cannot give nginx folders of its own: {done.stderr.strip()}")
    authority = trustme.CA(organization_name="Corporate (lab)")
    name = book.fact("site.gateway_host")
    folder = inside.etc / "ssl"
    (folder / "private").mkdir(exist_ok=True, mode=0o700)
    leaf = authority.create_child_ca().issue_cert(name)
    (folder / "certs" / f"{name}.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    (folder / "private" / f"{name}.key").write_bytes(leaf.private_key_pem.bytes())
    return authority


def log(inside: Namespace) -> list[str]:
    """The lines of the log that the page's nginx writes."""
    path: Path = inside.mnt / "lab" / "nginx-log" / "claude-gateway.log"
    return path.read_text().splitlines() if path.exists() else []
