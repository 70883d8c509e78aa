"""What a reader's machine is in the lab: a namespace, a home, and the stand-ins.

``with World(book, site) as world`` starts the provider's stand-in (TLS on port
443 as ``api.anthropic.com``, plain HTTP on ``DIRECT_PORT``), a name server that
records what it is asked, and this site on the port its pages name. Stand-ins of
``providers`` beside Anthropic are started by name: ``snippets/facts/providers.yaml``
says where each listens, ``tests/lab/<name>_api.py`` is it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import urllib.parse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from macros.ledger import Book
from tests.lab import certificates, gateway_host, lines, litellm_fork, own_fork, programs, systemd
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.namespace import Namespace, wait_until
from tests.lab.squid import SERVICE, Squid
from tests.lab.terminal import Terminal

HOME = Path("/mnt/reader")
DIRECT_PORT = 9400
#: The address that a host has on Docker's bridge, and a container's.
BRIDGE, CONTAINER = "172.17.0.1", "172.17.0.2"
#: The name under which a container knows its host.
DOCKER_HOST = "host.docker.internal"
AWS_PORT = 5000


class World:
    """One reader's machine, and a gateway host beside it where a page has ``machines``. Everything in it ends with it."""

    #: The reader's shell; tests/lab/terminal.py knows bash and zsh.
    shell = "/bin/bash"

    def __init__(self, book: Book, site: Path, machines: dict[str, Any] | None = None, providers: Iterable[str] = ()) -> None:
        self.book, self.site, self.providers = book, site, list(providers)
        self.machines = machines or {}
        self.terminals: dict[str, Terminal] = {}
        #: The machine whose paths are meant.
        self.here = "reader"
        #: The proxy of the reader's machine, and the gateway host's.
        self.squid: Squid | None = None
        self.egress: Squid | None = None
        self.systemd: systemd.Manager | None = None
        #: The process that holds the container's network.
        self.container: int | None = None
        self._direct: dict[str, Any] | None = None

    def __enter__(self) -> World:
        names: dict[str, list[str]] = {}
        for name, address in gateway_host.addresses(self.book, self.providers).items():
            names.setdefault(address, []).append(name)
        self.inside = Namespace(names)
        try:
            self._prepare()
        except BaseException:
            self.inside.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.screens = {name: terminal.screen() for name, terminal in self.terminals.items()}
            for terminal in self.terminals.values():
                terminal.close()
        finally:
            self.inside.close()
            if self.systemd:
                self.systemd.remove()

    def _prepare(self) -> None:
        self.home = self.inside.mnt / "reader"
        (self.home / "project").mkdir(parents=True)
        for machine in self.machines:
            (self.inside.mnt / machine).mkdir(exist_ok=True)
        self.lab = self.inside.mnt / "lab"
        self.lab.mkdir()
        (self.inside.mnt / "tmp").mkdir()
        (self.inside.mnt / "tmp").chmod(0o1777)
        bin_folder = self.lab / "bin"
        bin_folder.mkdir()
        (bin_folder / "claude").symlink_to(programs.claude())
        (bin_folder / "python3").symlink_to(programs.python())
        further = [name for provider in self.providers for name in self.book.fact(f"providers.stand_ins.{provider}.names")]
        regions = [self.book.fact("site.region_host"), self.book.fact("site.second_region_host")]
        certificates.authority(self.lab, "api.anthropic.com", *regions, *further)
        self.env = {
            "HOME": str(HOME), "PATH": "/mnt/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8", "TERM": "xterm-256color", "SHELL": self.shell, "USER": "reader", "TMPDIR": "/mnt/tmp",
        }  # fmt: skip
        self._start("tests.lab.dns", "/mnt/lab/dns.txt")
        tls = ["--tls-port", "443", "--certificate", "/mnt/lab/server.pem"]
        models = [word for model in self.book.fact("models.ids") for word in ("--model", model)]
        self._start("tests.lab.anthropic_api", "--folder", "/mnt/lab/provider", *models, "--port", str(DIRECT_PORT), *tls)
        for name in self.providers:
            stand_in = self.book.fact(f"providers.stand_ins.{name}")
            words = ["--folder", f"/mnt/lab/{name}", "--address", stand_in["address"], *tls]
            self._start(f"tests.lab.{name}_api", *words, litellm=stand_in.get("python") == "litellm")
        self._start("tests.lab.tap", "/mnt/lab/gateway.jsonl", str(self.book.fact("site.gateway_port")))
        port = self.book.fact("site.address").rsplit(":", 1)[-1]
        self._start("http.server", port, "--bind", "127.0.0.1", "--directory", str(self.site))
        ready = [*(self.folder(name) / "ready" for name in ("anthropic", *self.providers)), self.lab / "dns.ready", self.lab / "gateway.ready"]
        served = ("127.0.0.1", int(port))
        wait_until(lambda: self._unharmed() and all(path.exists() for path in ready) and served in self.inside.listeners(), 30, "the start of the stand-ins")
        for name in self.providers:  # what a provider gives its customer, such as a key file
            given = self.folder(name) / "given"
            if given.exists():
                shutil.copytree(given, self.home, dirs_exist_ok=True)
        self.lab_listeners = self.inside.listeners()
        self.company = [gateway_host.prepare(self.inside, self.book).cert_pem.bytes()] if self.machines else []
        self._hand_out_authorities()

    def _unharmed(self) -> bool:
        """True; raises RuntimeError with what a program of the lab's own wrote when it ended in its start."""
        written = (self.lab / "programs.txt").read_text("utf-8", "replace")
        if "Traceback (most recent call last)" in written:
            raise RuntimeError(f"a stand-in did not start; it wrote:\n{written[-2000:]}")
        return True

    def _start(self, module: str, *words: str, litellm: bool = False) -> None:
        """Start one of the lab's own programs inside; ``litellm``: with the Python of LiteLLM's environment."""
        own = {"PATH": os.defpath, "HOME": str(self.lab)}
        with (self.lab / "programs.txt").open("ab") as log:
            if not litellm:
                own_fork.start(self.inside, module, list(words), own, log.fileno())
                return
            own |= {"PYTHONPATH": str(programs.ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
            own["SSL_CERT_FILE"] = "/dev/null"  # it trusts nobody; reading the system's authorities takes half the time of its start
            command = [str(programs.litellm_python()), "-m", module, *words]
            self.inside.popen(command, own, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def machine(self, terminal: str) -> str:
        """The machine of a terminal; where a page has one machine, it is the reader's."""
        name = terminal.split("-")[0]
        return next((machine for machine, about in self.machines.items() if name in about["terminals"]), "reader")

    def terminal(self, name: str) -> Terminal:
        if name not in self.terminals and name == "container":
            home = self.inside.mnt / "container"
            (home / "project").mkdir(parents=True)
            env = {**self.env, "HOME": "/mnt/container"}
            view = ["nsenter", "--target", str(self.container), "--net"]
            self.terminals[name] = Terminal(self.inside, self.lab / "terminal-container", env, Path("/mnt/container/project"), view)
        if name not in self.terminals:
            machine = self.machine(name)
            home = HOME.parent / machine
            view = gateway_host.view(self.inside, self.book, machine, self.machines) if self.machines else None
            cwd = home / "project" if name.startswith("client") else home
            self.terminals[name] = Terminal(self.inside, self.lab / f"terminal-{name}", {**self.env, "HOME": str(home)}, cwd, view)
        return self.terminals[name]

    def outside(self, path: str, machine: str | None = None) -> Path:
        """Where a path is found from outside the namespace: a path of ``here`` unless told."""
        if path.startswith("~/"):
            return self.inside.mnt / (machine or self.here) / path[2:]
        if path.startswith("/etc/"):
            return self.inside.etc / path[5:]
        if path.startswith("/var/log/nginx/"):
            return self.lab / "nginx-log" / path[15:]
        return self.home / "project" / path

    def values(self, env: dict[str, Any]) -> dict[str, str | None]:
        return {name: self.content(value) for name, value in env.items()}

    def content(self, value: Any) -> Any:
        """``{file: path, machine: name}`` is what that file holds; anything else is itself."""
        return self.outside(value["file"], value.get("machine")).read_text().strip() if isinstance(value, dict) else value

    # What the stand-ins saw ----------------------------------------------------
    def folder(self, provider: str = "anthropic") -> Path:
        """Where a provider's stand-in records, and reads how to misbehave."""
        return self.lab / ("provider" if provider == "anthropic" else provider)

    def all_requests(self, provider: str = "anthropic") -> list[dict[str, Any]]:
        return lines.records(self.folder(provider) / "requests.jsonl")

    def all_gateway_requests(self) -> list[dict[str, Any]]:
        return lines.records(self.lab / "gateway.jsonl")

    def all_names(self) -> list[str]:
        return lines.whole(self.lab / "dns.txt")

    def nginx_log(self) -> list[str]:
        """The lines of the log that the page's nginx writes."""
        return gateway_host.log(self.inside)

    def get(self, address: str, headers: dict[str, str]) -> tuple[int, str]:
        """GET from inside the namespace: (HTTP status, body)."""
        words = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
        done = self.inside.run(["curl", "-s", "-m", "10", "-w", "\n%{http_code}", *words, address], {"PATH": os.defpath})
        body, _, status = done.stdout.rpartition("\n")
        return int(status or 0), body

    def serves(self, address: str) -> bool:
        """Whether a GET is answered with 200. Nobody is asked while nothing listens there, which is cheap to see."""
        port = urllib.parse.urlsplit(address).port
        return any(listener[1] == port for listener in self.inside.listeners()) and self.get(address, {})[0] == 200

    def ask_gateway(self, key: str, model: str) -> tuple[int, str]:
        """One small request through the gateway, with the key in a file of the reader's: (HTTP status, body)."""
        body = json.dumps({"model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]})
        words = ["-H", f"authorization: Bearer {self.outside(key).read_text().strip()}", "-H", "content-type: application/json", "-d", body]
        address = self.book.fact("site.gateway_address") + "/v1/messages"
        done = self.inside.run(["curl", "-s", "-m", "50", "-w", "\n%{http_code}", *words, address], {"PATH": os.defpath})
        answer, _, status = done.stdout.rpartition("\n")
        return int(status or 0), answer

    def start_squid(
        self, login: bool = False, inspect: bool = False, relays_local: bool = False, refuses: str | None = None, ntlm: bool = False,
        hosts: str = "/etc/hosts",
    ) -> Squid:  # fmt: skip
        """The company's proxy; with inspection, its authority is what IT hands out: corporate-ca.pem."""
        host, port = self.book.fact("site.proxy_host"), self.book.fact("site.proxy_port")
        self.squid = Squid(self.inside, self.lab / "squid", host, port, login, inspect, self._public(), relays_local, refuses, ntlm, hosts=hosts)
        self.lab_listeners = self.inside.listeners()
        self._hand_out_authorities()
        return self.squid

    def start_egress(self, login: bool = False, inspect: bool = False) -> Squid:
        """The proxy through which the gateway host gets out."""
        host, port = self.book.fact("site.egress_host"), self.book.fact("site.egress_port")
        self.egress = Squid(self.inside, self.lab / "egress", host, port, login, inspect, self._public(), known=SERVICE)
        self.lab_listeners = self.inside.listeners()
        self._hand_out_authorities()
        return self.egress

    def trust(self) -> None:
        """The machine's own list of authorities also holds the stand-in's."""
        certificates = self.inside.etc / "ssl" / "certs"
        (certificates / "lab.pem").write_bytes((self.lab / "ca.pem").read_bytes())
        with (certificates / "ca-certificates.crt").open("ab") as bundle:
            bundle.write((self.lab / "ca.pem").read_bytes())

    def provide(self, name: str) -> None:
        """Put a program on the readers' path; ``aws`` comes with an account, whose AWS is moto, ``agent-sdk`` stands in the project."""
        if name == "agent-sdk":
            self.provide_agent_sdk(self.home / "project")
            return
        if name == "npm":  # node is another program
            (self.lab / "bin" / name).write_text(f'#!/bin/sh\nexec node {programs.npm()} "$@"\n')
            (self.lab / "bin" / name).chmod(0o755)
            shutil.copytree(programs.npm_cache(), self.lab / "npm")
            self.env["npm_config_registry"] = (programs.npm_cache().parent / "registry").read_text()
            return
        where = {
            "prometheus": programs.prometheus, "promtool": programs.prometheus, "caddy": programs.proxy, "envoy": programs.proxy,
            "node": lambda _: programs.node(),
        }.get(name, programs.vault)  # fmt: skip
        (self.lab / "bin" / name).symlink_to(where(name))
        if name != "aws":
            return
        (self.home / ".aws").mkdir()
        (self.home / ".aws" / "config").write_text(f"[default]\nregion = eu-central-1\nendpoint_url = http://127.0.0.1:{AWS_PORT}\n")
        (self.home / ".aws" / "credentials").write_text("[default]\naws_access_key_id = lab\naws_secret_access_key = not-a-real-key\n")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": (self.lab / "programs.txt").open("ab"), "stderr": subprocess.STDOUT}
        self.inside.popen([str(programs.vault("moto_server")), "-H", "127.0.0.1", "-p", str(AWS_PORT)], {"PATH": os.defpath, "HOME": str(self.lab)}, **quiet)
        wait_until(lambda: ("127.0.0.1", AWS_PORT) in self.inside.listeners(), 30, "the start of moto")
        self.lab_listeners = self.inside.listeners()

    def provide_agent_sdk(self, folder: Path) -> None:
        """Node on the readers' path, and the Agent SDK in a folder, with the Claude Code that npm would have put beside it."""
        if not (self.lab / "bin" / "node").exists():
            (self.lab / "bin" / "node").symlink_to(programs.node())
        shutil.copytree(programs.agent_sdk(), folder / "node_modules")
        package = programs.claude().parent.name.replace("claude-code", "claude-agent-sdk")
        own = folder / "node_modules" / "@anthropic-ai" / package
        own.mkdir()
        (own / "claude").symlink_to(programs.claude())

    def _public(self) -> Path:
        """Whom a proxy trusts that inspects TLS: the stand-in's authority and the company's."""
        path = self.lab / "trusted.pem"
        path.write_bytes(b"".join([(self.lab / "ca.pem").read_bytes(), *self.company]))
        return path

    def _hand_out_authorities(self) -> None:
        """What IT gives everyone: the authorities of the company, of both proxies too where they inspect."""
        inspecting = [squid.ca.read_bytes() for squid in (self.squid, self.egress) if squid and squid.ca.exists()]
        if not self.company and not inspecting:
            return
        for path in (self.home, self.inside.mnt / gateway_host.NAME):
            if path.exists():
                (path / "corporate-ca.pem").write_bytes(b"".join([*self.company, *inspecting]))
        (self.inside.etc / "ssl" / "corporate-ca.pem").write_bytes(b"".join([*self.company, *inspecting]))

    def claude(self, env: dict[str, str], *arguments: str, home: str = "reader", timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run Claude Code inside, in a project of its own, quietly and without retries."""
        folder = self.inside.mnt / home
        (folder / "project").mkdir(parents=True, exist_ok=True)
        path = HOME.parent / home
        full = {**self.env, **self.book.fact("lab.differences.client-quiet.env"), "HOME": str(path), **env}
        return self.inside.run(["claude", *arguments], full, path / "project", timeout)

    def direct_env(self) -> dict[str, str]:
        """What points Claude Code at the stand-in, without a gateway."""
        return {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{DIRECT_PORT}", "ANTHROPIC_AUTH_TOKEN": LAB_KEY}

    def direct(self) -> dict[str, Any]:
        """One request of the same Claude Code to the stand-in, without a gateway.

        Raises RuntimeError when Claude Code does not get an answer there.
        """
        if self._direct is None:
            before = len(self.all_requests())
            done = self.claude(self.direct_env(), "-p", "Reply with one word: direct", home="direct")
            seen = [item for item in self.all_requests()[before:] if item["path"] == "/v1/messages"]
            if done.stdout.strip() != "direct" or len(seen) != 1:
                raise RuntimeError(f"Claude Code does not work without a gateway either: {done.stdout}{done.stderr}")
            self._direct = seen[0]
        return self._direct

    def start_container(self) -> None:
        """What Docker does for a container's network: one of its own, a pair of devices, an address for each end, a name for the host."""
        path = {"PATH": os.defpath + ":/usr/sbin:/sbin"}

        def run(command: str) -> str:
            done = self.inside.run(["sh", "-ec", command], path)
            if done.returncode != 0:
                raise RuntimeError(f"Cannot make a container's network: {done.stderr.strip()}")
            return done.stdout

        pid = run("unshare --net sleep infinity < /dev/null > /dev/null 2>&1 & echo $!").strip()
        wait_until(lambda: run(f"readlink /proc/{pid}/ns/net /proc/self/ns/net | uniq | wc -l").strip() == "2", 10, "the container's network")
        run(f"ip link add docker0 type veth peer name inside netns {pid}; ip address add {BRIDGE}/16 dev docker0; ip link set docker0 up")
        run(f"nsenter --target {pid} --net sh -ec 'ip link set lo up; ip address add {CONTAINER}/16 dev inside; ip link set inside up'")
        hosts = self.inside.etc / "hosts"
        hosts.write_text(hosts.read_text() + f"{BRIDGE} {DOCKER_HOST}\n")
        self.container = int(pid)

    def start_systemd(self, env: dict[str, str]) -> None:
        """The reader's own systemd; what it starts has ``env`` besides what the unit says."""
        runtime = self.inside.mnt / "run"
        self.env["XDG_RUNTIME_DIR"] = "/mnt/run"
        values = {name: value.format(lab="/mnt/lab") for name, value in env.items()}
        self.systemd = systemd.Manager(self.inside, runtime, {**self.env, **values})
        self.systemd.wait()

    def install_real(self) -> None:
        """Put the installed LiteLLM, started cold, where the page's install block puts it."""
        target = self.home / "litellm-gateway" / "venv" / "bin" / "litellm"
        target.parent.mkdir(parents=True)
        # Bound to a folder that the unit does not hide; a checkout may lie below /tmp.
        folder = os.path.realpath(programs.litellm_python().parents[1])
        (self.lab / "installed").mkdir()
        self.inside.run(["mount", "--bind", folder, "/mnt/lab/installed"], {"PATH": os.defpath + ":/usr/sbin:/sbin"})
        target.write_text('#!/bin/sh\nexec /mnt/lab/installed/bin/python /mnt/lab/installed/bin/litellm "$@"\n')
        target.chmod(0o755)

    def install_own(self) -> None:
        """A virtual environment of the reader's, started cold: it finds the installed LiteLLM, and the page's pip adds to it alone."""
        path = HOME / "litellm-gateway" / "venv"
        self.inside.run([str(programs.litellm_python()), "-m", "venv", str(path)], {"PATH": os.defpath}, timeout=120)
        target = self.home / "litellm-gateway" / "venv"
        packages, installed = (next(folder.glob("lib/python3*/site-packages")) for folder in (target, programs.litellm_python().parents[1]))
        (packages / "installed.pth").write_text(f"{os.path.realpath(installed)}\n")
        text = Path(programs.litellm_command()[1]).read_text().split("\n", 1)[1]
        (target / "bin" / "litellm").write_text(f"#!{path}/bin/python\n{text}")
        (target / "bin" / "litellm").chmod(0o755)

    def provide_compiled(self, forker: litellm_fork.Forker) -> None:
        """Put what Python made of LiteLLM's files where PYTHONPYCACHEPREFIX has it looked for, should the page's pip install the same files."""
        installed = next(programs.litellm_python().parents[1].glob("lib/python3*/site-packages")).relative_to(programs.litellm_python().parents[1])
        packages = HOME.parent / self.machine("gateway") / "litellm-gateway" / "venv" / installed
        for name, path in {"purelib": packages, "stdlib": Path(sysconfig.get_path("stdlib"))}.items():
            link = self.lab / "compiled" / path.relative_to("/")
            link.parent.mkdir(parents=True)
            link.symlink_to(forker.compiled / name)

    def install_warm(self, forker: litellm_fork.Forker) -> Path:
        """Put the forking ``litellm`` where the page's install block puts the real one."""
        target = self.outside("~/litellm-gateway/venv/bin", self.machine("gateway"))
        target.mkdir(parents=True)
        litellm_fork.shim(target / "litellm", forker.address)
        (target.parent / "lib").symlink_to(programs.litellm_python().parents[1] / "lib")
        (target / "python").write_text(f'#!/bin/sh\nexec {programs.litellm_python()} "$@"\n')
        (target / "python").chmod(0o755)
        return target / "litellm"
