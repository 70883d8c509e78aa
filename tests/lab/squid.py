"""A real Squid in a namespace: open, with a login, or inspecting TLS.

Recipes: https://www.squid-cache.org/Doc/config/ for Squid 5.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.lab import programs
from tests.lab.namespace import Namespace, wait_until

#: The only login the proxy knows; the password needs percent-encoding in a URL.
USER, PASSWORD = "alice", "p@ss:w/rd#1"
#: Squid does not run as root.
NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
CONFIG = """
http_port {address}:{port}{inspect_port}
pid_filename {at}/squid.pid
cache_log {at}/cache.log
logformat lab %ts %Ss/%03>Hs %rm %>ru %[un %Sh
access_log stdio:{at}/access.log lab
coredump_dir {at}
cache deny all
cache_mem 8 MB
max_filedescriptors 1024
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname {name}
hosts_file /etc/hosts
dns_nameservers 127.0.0.1
{login}{inspect}acl tls port 443
acl own dstdomain 127.0.0.1 localhost
acl CONNECT method CONNECT
acl manager_here src 127.0.0.1
http_access allow manager_here manager
{local}http_access deny CONNECT !tls
{access}
http_access deny all
"""
LOGIN = """auth_param basic program /usr/lib/squid/basic_ncsa_auth {at}/passwd
auth_param basic realm Corporate proxy
acl known proxy_auth REQUIRED
"""
INSPECT = """sslcrtd_program /usr/lib/squid/security_file_certgen -s {at}/certificates -M 4MB
sslcrtd_children 1
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
tls_outgoing_options cafile={upstream_ca}
"""


@dataclass(frozen=True)
class Entry:
    """One line of Squid's log. ``url`` is ``host:port`` for a CONNECT."""

    result: str
    method: str
    url: str
    user: str


class Squid:
    """``folder`` is below the namespace's ``mnt``, ``upstream_ca`` a path inside.
    Like a proxy on another machine, it does not reach this machine's loopback, unless ``relays_local``."""

    def __init__(
        self, inside: Namespace, folder: Path, name: str, port: int = 3128, login: bool = False, inspect: bool = False,
        upstream_ca: str = "", relays_local: bool = False,
    ) -> None:  # fmt: skip
        self.inside, self.folder, self.port = inside, folder, port
        folder.mkdir(parents=True)
        at = Path("/mnt") / folder.relative_to(inside.mnt)
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
        self.ca = folder / "ca.pem"
        inspect_port = ""
        if inspect:
            authority = trustme.CA(organization_name="Corporate TLS inspection (lab)")
            authority.cert_pem.write_to_path(str(self.ca))
            authority.private_key_pem.write_to_path(str(folder / "inspect.pem"))
            authority.cert_pem.write_to_path(str(folder / "inspect.pem"), append=True)
            subprocess.run(["/usr/lib/squid/security_file_certgen", "-c", "-s", str(folder / "certificates"), "-M", "4MB"], check=True, capture_output=True)
            inspect_port = f" ssl-bump tls-cert={at}/inspect.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB"
        if login:
            hashed = subprocess.run(["openssl", "passwd", "-apr1", "-stdin"], input=PASSWORD, text=True, capture_output=True, check=True).stdout
            (folder / "passwd").write_text(f"{USER}:{hashed}")
        (folder / "squid.conf").write_text(
            CONFIG.format(
                address="127.0.0.1",
                port=port,
                inspect_port=inspect_port,
                at=at,
                name=name,
                login=LOGIN.format(at=at) if login else "",
                inspect=INSPECT.format(at=at, upstream_ca=upstream_ca) if inspect else "",
                local="http_access allow own\n" if relays_local else "http_access deny own\n",
                access="http_access allow known" if login else "http_access allow all",
            )  # fmt: skip
        )
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        self.process = inside.popen(
            [*AS_NOBODY, str(programs.system("squid")), "-N", "-f", f"{at}/squid.conf"], env, stdin=subprocess.DEVNULL,
            stdout=(folder / "squid.txt").open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        wait_until(self._ready, 20, f"the start of Squid (see {folder / 'squid.txt'})")

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"Squid does not start: {(self.folder / 'squid.txt').read_text()[-1000:]}")
        return ("127.0.0.1", self.port) in self.inside.listeners()

    def log(self) -> list[Entry]:
        """What passed and ended, plus the tunnels that are open now."""
        path = self.folder / "access.log"
        entries = [Entry(*(fields[number] for number in (1, 2, 3, 4))) for fields in map(str.split, path.read_text().splitlines() if path.exists() else [])]
        return [entry for entry in entries if not entry.url.startswith("error:") and "squid-internal-mgr" not in entry.url]

    def open_tunnels(self) -> list[str]:
        """``host:port`` of every tunnel that is open now, as Squid itself reports it."""
        done = self.inside.run(["curl", "-s", "-m", "5", f"http://127.0.0.1:{self.port}/squid-internal-mgr/active_requests"], {"PATH": os.defpath})
        return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("uri ") and "squid-internal-mgr" not in line]

    def passed(self) -> list[str]:
        """Every ``host:port`` or URL that the proxy carried, ended or not; refusals excluded."""
        carried = [entry.url for entry in self.log() if "DENIED" not in entry.result]
        return carried + self.open_tunnels()

    def close(self) -> None:
        """End it at once; Squid's own shutdown takes seconds."""
        for pid in self._pids():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: ("127.0.0.1", self.port) not in self.inside.listeners(), 10, "the end of Squid")
        shutil.rmtree(self.folder)

    def _pids(self) -> list[int]:
        """Squid itself: the process that nsenter started, and its children, as seen from outside."""
        found, todo = [], [self.process.pid]
        while todo:
            pid = todo.pop()
            children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            found += children
            todo += children
        return found
