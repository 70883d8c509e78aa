"""A real Squid: open, with a login, or inspecting TLS; in a namespace, or beside ``make lab``.

Everything it reads and writes is in one folder, named relative to it: Squid
does not run as root, and need not be able to pass the folders above.
Recipes: https://www.squid-cache.org/Doc/config/ for Squid 5.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.lab import programs
from tests.lab.namespace import Namespace, wait_until

#: The only login the proxy in a namespace knows; the password needs percent-encoding in a URL.
USER, PASSWORD = "alice", "p@ss:w/rd#1"
#: The same user's login where the proxy speaks NTLM, and where the lab decides about it.
NTLM_DOMAIN, NTLM_PASSWORD, NTLM_PORT = "CORP", "p@ss w/rd#1", 9401
#: The login of a gateway host at a proxy of its own.
SERVICE = ("svc-gateway", "g@te:w/y#2")
AUTHORITY = "Corporate TLS inspection (lab)"
INSTALL = "apt-get install --no-install-recommends squid-openssl"
#: Squid does not run as root.
NOBODY = 65534
AS_NOBODY = ["setpriv", "--pdeathsig=KILL", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
CONFIG = """\
http_port 127.0.0.1:{port}{inspect_port}
pid_filename squid.pid
cache_log cache.log
logformat lab %ts %Ss/%03>Hs %rm %>ru %[un %Sh
access_log stdio:access.log lab
coredump_dir none
cache deny all
cache_mem 8 MB
max_filedescriptors 1024
netdb_filename none
pinger_enable off
shutdown_lifetime 0 seconds
visible_hostname {name}
dns_nameservers 127.0.0.1
udp_incoming_address 127.0.0.1
acl tls port 443
acl CONNECT method CONNECT
"""
LOGIN = """\
auth_param basic program {helper} passwd
auth_param basic realm Corporate proxy
acl known proxy_auth REQUIRED
"""
NTLM = """\
auth_param ntlm program {at}/ntlm-helper
auth_param ntlm children 4 startup=1
acl known proxy_auth REQUIRED
"""
#: Squid's helper, which has no rights to the checkout, hands its input and output to tests/lab/ntlm.py.
NTLM_HELPER = """#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/{port}
cat <&3 &
exec cat >&3
"""
INSPECT = """\
sslcrtd_program {helper} -s certificates -M 4MB
sslcrtd_children 1
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
tls_outgoing_options cafile=upstream-ca.pem
"""


@dataclass(frozen=True)
class Entry:
    """One line of Squid's log. ``at`` is in seconds since 1970; ``url`` is ``host:port`` for a CONNECT."""

    at: int
    result: str
    method: str
    url: str
    user: str


def entries(log: Path) -> list[Entry]:
    """The whole lines of a log; without probes of the port, and Squid's own pages."""
    lines = log.read_text("utf-8", "replace").split("\n")[:-1] if log.exists() else []
    found = [Entry(int(fields[0]), *fields[1:5]) for fields in map(str.split, lines)]
    return [entry for entry in found if not entry.url.startswith("error:") and "squid-internal-mgr" not in entry.url]


def command() -> list[str]:
    """What starts Squid in its folder, as root by another user. Raises MissingProgram."""
    try:
        found = str(programs.system("squid"))
    except programs.MissingProgram:
        raise programs.MissingProgram(f"Squid is missing; install it, on Debian and Ubuntu with: {INSTALL}") from None
    return [*(AS_NOBODY if os.geteuid() == 0 else []), found, "-N", "-f", "squid.conf"]


def helper(name: str) -> Path:
    """One of the programs that come with Squid. Raises MissingProgram."""
    built = subprocess.run([command()[-4], "-v"], capture_output=True, text=True).stdout
    where = re.search(r"--libexecdir=([^'\s]+)", built)
    path = Path(where.group(1) if where else "/usr/lib/squid") / name
    if not path.exists():
        raise programs.MissingProgram(f"This Squid has no {name}; install one that has, on Debian and Ubuntu with: {INSTALL}")
    return path


def write(
    folder: Path, name: str, port: int, rules: str, login: tuple[str, str] | None = None, inspect: bool = False, upstream_ca: Path | None = None,
) -> Path:  # fmt: skip
    """Write what ``command`` needs into ``folder``; returns where the inspecting authority's certificate is, if any.

    ``rules``: who may go where; ``known`` stands in them for those with the ``login``. ``upstream_ca``: whom Squid
    trusts when it inspects.
    """
    config, inspect_port = CONFIG, ""
    if login:
        hashed = subprocess.run(["openssl", "passwd", "-apr1", "-stdin"], input=login[1], text=True, capture_output=True, check=True).stdout
        (folder / "passwd").write_text(f"{login[0]}:{hashed}")
        config += LOGIN.format(helper=helper("basic_ncsa_auth"))
    if inspect and upstream_ca:
        authority = trustme.CA(organization_name=AUTHORITY)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        authority.private_key_pem.write_to_path(str(folder / "inspect.pem"))
        authority.cert_pem.write_to_path(str(folder / "inspect.pem"), append=True)
        shutil.copyfile(upstream_ca, folder / "upstream-ca.pem")
        certgen = helper("security_file_certgen")
        subprocess.run([str(certgen), "-c", "-s", "certificates", "-M", "4MB"], cwd=folder, check=True, capture_output=True)
        inspect_port = " ssl-bump tls-cert=inspect.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB"
        config += INSPECT.format(helper=certgen)
    (folder / "squid.conf").write_text(config.format(port=port, inspect_port=inspect_port, name=name) + rules)
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    return folder / "ca.pem"


class Squid:
    """One in a namespace; ``folder`` is below its ``mnt``.
    Like a proxy on another machine, it does not reach this machine's loopback, unless ``relays_local``."""

    RULES = """\
hosts_file {hosts}
acl own dstdomain 127.0.0.1 localhost
acl manager_here src 127.0.0.1
http_access allow manager_here manager
http_access {local} own
{refuse}http_access deny CONNECT !tls
http_access allow {who}
http_access deny all
"""

    def __init__(
        self, inside: Namespace, folder: Path, name: str, port: int = 3128, login: bool = False, inspect: bool = False,
        upstream_ca: Path | None = None, relays_local: bool = False, refuses: str | None = None, ntlm: bool = False, known: tuple[str, str] = (USER, PASSWORD),
        hosts: str = "/etc/hosts",
    ) -> None:  # fmt: skip
        self.inside, self.folder, self.port = inside, folder, port
        folder.mkdir(parents=True)
        at = Path("/mnt") / folder.relative_to(inside.mnt)
        refuse = f"acl refused dstdomain {refuses}\nhttp_access deny refused\n" if refuses else ""
        rules = self.RULES.format(local="allow" if relays_local else "deny", who="known" if login or ntlm else "all", refuse=refuse, hosts=hosts)
        self.verifier = self._verifier(at) if ntlm else None
        if ntlm:
            rules = NTLM.format(at=at) + rules
        self.ca = write(folder, name, port, rules, known if login else None, inspect, upstream_ca)
        self.process = inside.popen(
            command(), {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}, at,
            stdin=subprocess.DEVNULL, stdout=(folder / "squid.txt").open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        wait_until(self._ready, 20, f"the start of Squid (see {folder / 'squid.txt'})")

    def _verifier(self, at: Path) -> subprocess.Popen[bytes]:
        """What decides about NTLM logins, and the program through which Squid asks it."""
        (self.folder / "ntlm").write_text(f"{NTLM_DOMAIN}:{USER}:{NTLM_PASSWORD}")
        helper = self.folder / "ntlm-helper"
        helper.write_text(NTLM_HELPER.format(port=NTLM_PORT))
        helper.chmod(0o755)
        own = {"PATH": os.defpath, "PYTHONPATH": str(programs.ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        words = [sys.executable, "-m", "tests.lab.ntlm", str(at / "ntlm"), str(NTLM_PORT)]
        process = self.inside.popen(words, own, stdin=subprocess.DEVNULL, stdout=(self.folder / "ntlm.txt").open("wb"), stderr=subprocess.STDOUT)
        wait_until((self.folder / "ntlm.ready").exists, 60, f"the start of what decides about NTLM logins (see {self.folder / 'ntlm.txt'})")
        return process

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"Squid does not start: {(self.folder / 'squid.txt').read_text()[-1000:]}")
        return ("127.0.0.1", self.port) in self.inside.listeners()

    def log(self) -> list[Entry]:
        """What passed and ended; an open tunnel is not in it yet."""
        return entries(self.folder / "access.log")

    def open_tunnels(self) -> list[str]:
        """``host:port`` of every tunnel that is open now, as Squid itself reports it."""
        done = self.inside.run(["curl", "-s", "-m", "5", f"http://127.0.0.1:{self.port}/squid-internal-mgr/active_requests"], {"PATH": os.defpath})
        return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("uri ") and "squid-internal-mgr" not in line]

    def ended(self) -> list[Entry]:
        """The log once no tunnel is open: whole, if nobody sends any more. Raises TimeoutError."""
        wait_until(lambda: not self.open_tunnels(), 30, "the end of every tunnel")
        return self.log()

    def passed(self) -> list[str]:
        """Every ``host:port`` or URL that the proxy carried, ended or not; refusals excluded."""
        still_open = self.open_tunnels()  # asked first: one that ends meanwhile is in the log
        return [entry.url for entry in self.log() if "DENIED" not in entry.result] + still_open

    def close(self) -> None:
        """End it at once; Squid's own shutdown takes seconds."""
        for process in filter(None, (self.process, self.verifier)):
            for pid in descendants(process.pid):
                with suppress(ProcessLookupError):  # one that ended with its parent
                    os.kill(pid, signal.SIGKILL)
            process.wait()
        wait_until(lambda: ("127.0.0.1", self.port) not in self.inside.listeners(), 10, "the end of Squid")
        shutil.rmtree(self.folder)


def descendants(pid: int) -> list[int]:
    """The program that nsenter started, and its children, as seen from outside."""
    found, todo = [], [pid]
    while todo:
        pid = todo.pop()
        try:
            children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
        found += children
        todo += children
    return found
