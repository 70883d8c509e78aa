"""A machine on which the doctor runs: a namespace with real proxies, gateways and servers, and a provider's stand-in.

What several runs need alike is started once and kept: the stand-in, each LiteLLM, each Squid. nginx and odd ports are
each run's own, and so are the home folder, the hosts file and the name server that the doctor sees.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import trustme
import yaml

from macros.ledger import Book
from tests.faults.catalogue import Catalogue, Run, filled
from tests.lab import litellm_fork, programs
from tests.lab.namespace import Namespace, wait_until
from tests.lab.squid import Squid, descendants

DOCTOR = programs.ROOT / "snippets" / "doctor" / "gateway_doctor.py"
PROVIDER = "api.anthropic.com"
ROUTED, NOWHERE = "127.0.0.2", "198.51.100.7"  # the gateway's address; one to which no way leads
SYSTEM = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
#: A run of the doctor that is still going after this time is given up. Seconds; the doctor says 30, with --probe 180.
LIMIT = 200
#: Seconds between the words of an answer, as a provider writes them.
PACE = 0.1
#: How many LiteLLMs run at a time.
KEPT = 2
#: LiteLLM leaves out a deployment that failed for 5 seconds; the next run must not see that.
COOLDOWN = 6
#: Gives one program its own hosts file and name server.
VIEW = 'mount --bind "$1" /etc/hosts; mount --bind "$2" /etc/resolv.conf; shift 2; exec "$@"'
#: What the page "Shared gateway" has, with a place for what a fault adds.
NGINX = """\
daemon off;
user root;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log off;
    map_hash_bucket_size 128;
    map $http_authorization $developer {{ default ""; "Bearer {token}" alice; }}
    {http}
    server {{
        listen {address}:{port}{tls};
        ssl_certificate {at}/chain.pem;
        ssl_certificate_key {at}/key.pem;
        {type}
        client_max_body_size 32m;
        {server}
        location / {{
            return 404 '{{"type":"error","error":{{"type":"not_found_error","message":"this server does not serve this path"}}}}';
        }}
        location ~ ^/v1/(messages|messages/count_tokens|models)$ {{
            {location}
            if ($developer = "") {{
                return 401 '{{"type":"error","error":{{"type":"authentication_error","message":"this server does not know this token"}}}}';
            }}
            {key}
            proxy_set_header x-api-key "";
            proxy_pass http://127.0.0.1:{gateway};
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Told:
    """What the doctor said. ``found``: (cause, severity, what it saw) in its order; ``problem``: why there is nothing, or empty."""

    found: list[tuple[str, str, str]]
    status: int
    seconds: float
    problem: str = ""


class Machine:
    """``with Machine(book, catalogue, seed, forker) as machine: machine.ask(run)``"""

    def __init__(self, book: Book, catalogue: Catalogue, seed: int, forker: litellm_fork.Forker) -> None:
        self.book, self.forker, self.seed = book, forker, seed
        chance = random.Random(f"{seed} names")
        names: dict[str, Any] = {name: chance.choice(choices) for name, choices in catalogue.draw.items()}
        letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        word = lambda length: "".join(chance.choice(letters) for _ in range(length))  # noqa: E731
        password = f"{word(4)}@{word(2)}:{word(2)}/{word(3)}#{word(1)}"
        self._ports = iter(chance.sample(range(20000, 29900), 500))
        names |= {
            "gateway": f"{names['gateway-name']}.{names['company']}.example",
            "proxy": f"{names['proxy-name']}.{names['company']}.example",
            "egress": f"{names['egress-name']}.{names['company']}.example",
            "stranger": f"{names['stranger-name']}.{names['company']}.example",
            "company-domain": f"{names['company']}.example",
            "key": f"sk-{word(24)}", "other-key": f"sk-{word(24)}", "token": f"sk-{word(40)}",
            "provider-key": f"sk-ant-lab-{word(20)}", "other-provider-key": f"sk-ant-lab-{word(20)}",
            "user": names["user"], "password": password, "login": f"{names['user']}:{quote(password, safe='')}",
            "wrong-login": f"{names['user']}:{word(9)}", "free-port": next(self._ports), "routed": ROUTED, "nowhere": NOWHERE,
            "literal-key": f"sk-ant-api03-{word(40)}", "models": self.book.fact("models.ids"),
        }  # fmt: skip
        self.names = names
        self.count = 0
        self.squids: dict[str, Squid] = {}
        self.litellms: dict[str, tuple[int, subprocess.Popen[bytes]]] = {}
        self._rests: dict[int, float] = {}

    def __enter__(self) -> Machine:
        self.inside = Namespace({"127.0.0.1": [PROVIDER, self.names["proxy"], self.names["egress"]], ROUTED: [self.names["gateway"]]})
        try:
            self._prepare()
        except BaseException:
            self.inside.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.inside.close()

    def _prepare(self) -> None:
        names, self.lab = self.names, self.inside.mnt / "lab"
        (self.lab / "bin").mkdir(parents=True)
        (self.lab / "bin" / "python3").symlink_to(programs.python())
        (self.lab / "bin" / "litellm-python").write_text(f'#!/bin/sh\nexec {programs.litellm_python()} "$@"\n')
        (self.lab / "bin" / "litellm-python").chmod(0o755)
        shutil.copyfile(DOCTOR, self.lab / "gateway_doctor.py")
        self.public = trustme.CA(organization_name=names["public-authority"])
        self.company = trustme.CA(organization_name=names["company-authority"])
        names["company-pem"] = self.company.cert_pem.bytes().decode()
        self.stranger = trustme.CA(organization_name=names["stranger-authority"])
        store = self.inside.etc / "ssl" / "certs" / "ca-certificates.crt"
        store.unlink(missing_ok=True)
        self.public.cert_pem.write_to_path(str(store))
        self.company.cert_pem.write_to_path(str(self.inside.etc / "ssl" / "company-ca.pem"))
        both = self.lab / "trusted.pem"
        both.write_bytes(self.public.cert_pem.bytes() + self.company.cert_pem.bytes())
        self.trusted = both
        self.public.issue_cert(PROVIDER).private_key_and_cert_chain_pem.write_to_path(str(self.lab / "server.pem"))
        litellm_fork.shim(self.lab / "bin" / "litellm", self.forker.address)
        own = {"PATH": os.defpath, "HOME": str(self.lab), "PYTHONPATH": str(programs.ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        self.quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": (self.lab / "programs.txt").open("ab"), "stderr": subprocess.STDOUT}
        self.own = own
        models = [word for model in names["models"] for word in ("--model", model)]
        self.inside.popen([sys.executable, "-m", "tests.lab.dns", "/mnt/lab/dns.txt"], own, **self.quiet)
        self.inside.popen(
            [sys.executable, "-m", "tests.lab.anthropic_api", "--folder", "/mnt/lab/provider", *models, "--key", names["provider-key"],
             "--tls-port", "443", "--certificate", "/mnt/lab/server.pem"], own, **self.quiet,
        )  # fmt: skip
        wait_until(lambda: (self.lab / "provider" / "ready").exists() and (self.lab / "dns.ready").exists(), 180, "the start of the stand-ins")
        self.inside.run(["ip", "route", "add", "unreachable", "198.51.100.0/24"], SYSTEM)

    # Parts that several runs share -----------------------------------------------

    def squid(self, options: dict[str, Any]) -> Squid:
        """A Squid of this kind: ``login``, ``inspect``, ``ntlm``, ``refuses``."""
        key = json.dumps(options, sort_keys=True)
        if key not in self.squids:
            self.squids[key] = Squid(
                self.inside, self.lab / f"squid{len(self.squids)}", options["name"], next(self._ports), login=options.get("login", False),
                inspect=options.get("inspect", False), upstream_ca=self.trusted, refuses=options.get("refuses"), ntlm=options.get("ntlm", False),
                known=(self.names["user"], self.names["password"]),
            )  # fmt: skip
        return self.squids[key]

    def config(self, names: dict[str, Any], changes: list[list[str]]) -> str:
        """LiteLLM's configuration as the page "Local gateway" has it, with pieces of its text replaced. Raises ValueError."""
        params = {name: {"model": f"anthropic/{name}", "api_key": "os.environ/UPSTREAM_ANTHROPIC_API_KEY"} for name in names["models"]}
        entries = [{"model_name": name, "litellm_params": param} for name, param in params.items()]
        data = {"model_list": entries, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}
        text = yaml.safe_dump(data, sort_keys=False)
        for old, new in filled(changes, names):
            if old not in text:
                raise ValueError(f"LiteLLM's configuration holds no {old!r}")
            text = text.replace(old, new)
        return text

    def litellm(self, options: dict[str, Any], names: dict[str, Any]) -> int:
        """The port of a LiteLLM with this configuration and environment; its slow first request is behind it."""
        text = self.config(names, options.get("config", []))
        env = {
            "LITELLM_MASTER_KEY": names["key"], "UPSTREAM_ANTHROPIC_API_KEY": names["provider-key"], "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", **{name: value for name, value in options.get("env", {}).items() if value is not None},
        }  # fmt: skip
        key = text + json.dumps(env, sort_keys=True)
        if key not in self.litellms:
            port, folder = next(self._ports), self.lab / f"litellm-{self.count}"
            folder.mkdir()
            (folder / "config.yaml").write_text(text)
            at = f"/mnt/lab/{folder.name}"
            process = self.inside.popen(
                ["/mnt/lab/bin/litellm", "--config", f"{at}/config.yaml", "--host", "127.0.0.1", "--port", str(port)],
                {**self.own, "HOME": at, "PATH": "/usr/local/bin:/usr/bin:/bin", **env}, Path(at),
                stdin=subprocess.DEVNULL, stdout=(folder / "log.txt").open("wb"), stderr=subprocess.STDOUT,
            )  # fmt: skip

            def ready() -> bool:
                if process.poll() is not None:
                    raise RuntimeError(f"LiteLLM does not start: {(folder / 'log.txt').read_text()[-800:]}")
                return ("127.0.0.1", port) in self.inside.listeners()

            wait_until(ready, 120, "the start of LiteLLM")
            question = {"model": names["models"][0], "max_tokens": 8, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            first = ["-H", f"authorization: Bearer {names['key']}", "-d", json.dumps(question), f"http://127.0.0.1:{port}/v1/messages"]
            if self.inside.run(["curl", "-s", "-m", "8", "-o", "/dev/null", "-w", "%{http_code}", *first], SYSTEM).stdout != "200":
                self._rests[port] = time.monotonic() + COOLDOWN
            self.litellms[key] = port, process
            if len(self.litellms) > KEPT:
                _end(self.litellms.pop(next(iter(self.litellms)))[1])
        return self.litellms[key][0]

    # One run -----------------------------------------------------------------------

    def ask(self, run: Run) -> Told:
        """Set it up, ask the doctor, and take it down again."""
        self.count += 1
        folder = self.lab / f"run{self.count}"
        folder.mkdir()
        started: list[subprocess.Popen[bytes]] = []
        home = self.inside.mnt / f"reader{self.count}"
        (home / "project").mkdir(parents=True)
        managed = self.inside.etc / "claude-code"
        behave = self.lab / "provider" / "behave.json"
        try:
            return self._ask(run, folder, home, managed, behave, started)
        except (ValueError, RuntimeError, TimeoutError) as problem:
            return Told([], -1, 0, f"the setup does not stand: {problem}")
        finally:
            behave.unlink(missing_ok=True)
            shutil.rmtree(managed, ignore_errors=True)
            shutil.rmtree(home, ignore_errors=True)
            for process in started:
                _end(process)

    def _ask(self, run: Run, folder: Path, home: Path, managed: Path, behave: Path, started: list[subprocess.Popen[bytes]]) -> Told:
        names = {**self.names, "home": f"/mnt/{home.name}", "at": f"/mnt/lab/{folder.name}"}
        kind = "token" if run.change.get("nginx") is not None else "key" if run.change.get("litellm") is not None else "provider-key"
        names["setup-key"] = names[kind]
        change = filled(run.change, names)
        for name, spec in (("egress", change.get("egress")), ("proxy", change.get("squid"))):
            if spec is not None:
                squid = self.squid({**spec, "name": names[name]})
                names |= {f"{name}-port": squid.port, f"{name}-ca": f"/mnt/lab/{squid.folder.name}/ca.pem"}
        self._authorities(home, names, change)
        change = filled(change, names)
        names["gateway-port"] = names["free-port"]
        if change.get("litellm") is not None:
            names["gateway-port"] = self.litellm(change["litellm"], names)
            time.sleep(max(0.0, self._rests.pop(names["gateway-port"], 0) - time.monotonic()))
        odd = change.get("odd") or {}
        names |= {f"{name}-port": next(self._ports) for name in odd}
        if change.get("nginx") is not None:
            started.append(self._nginx(change["nginx"], names, folder))
        names["address"] = (
            f"https://{names['gateway']}:{names['front-port']}" if change.get("nginx") is not None else f"http://127.0.0.1:{names['gateway-port']}"
        )
        change = filled(change, names, strict=True)
        if odd:
            listed = [{"address": "127.0.0.1", "port": names[f"{name}-port"], **entry} for name, entry in change["odd"].items()]
            started.append(self._odd(listed, folder))
        if change.get("resolver") == "silent":
            started.append(self._odd([{"address": "127.0.0.53", "port": 53, "kind": "deaf"}], folder, "resolver"))
        behave.write_text(json.dumps({"pause": PACE, **(change.get("provider") or {})}))
        self._files(change, names, home, managed)
        told = self._doctor(change, names, folder, home)
        if "--probe" in change.get("arguments", []) and run.faults:
            self._rests[names["gateway-port"]] = time.monotonic() + COOLDOWN
        return told

    def _authorities(self, home: Path, names: dict[str, Any], change: dict[str, Any]) -> None:
        """What IT hands out: the authority of the company, and of the proxy that inspects."""
        parts = [self.company.cert_pem.bytes()]
        parts += [(self.lab / Path(names["proxy-ca"]).relative_to("/mnt/lab")).read_bytes()] if (change.get("squid") or {}).get("inspect") else []
        (home / "corporate-ca.pem").write_bytes(b"".join(parts))
        (home / "public-ca.pem").write_bytes(self.public.cert_pem.bytes())
        names["ca"] = f"{names['home']}/corporate-ca.pem"
        if (change.get("egress") or {}).get("inspect"):
            both = self.lab / "egress-trusted.pem"
            both.write_bytes(self.public.cert_pem.bytes() + (self.lab / Path(names["egress-ca"]).relative_to("/mnt/lab")).read_bytes())
            names["egress-trusted"] = "/mnt/lab/egress-trusted.pem"

    def _nginx(self, spec: dict[str, Any], names: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
        """The server before the gateway. ``certificate``: see certificate(); ``server``, ``location``, ``http``: directives; ``to``: another port
        than LiteLLM's; ``tls``, ``forward`` (the gateway's key) and ``type`` (JSON) can be switched off."""
        names["front-port"] = spec.get("port", 443)
        self._certificate(spec.get("certificate", "good"), folder)
        pieces = {name: "\n".join(filled(spec.get(name, []), names)) for name in ("http", "server", "location")}
        text = NGINX.format(
            token=names["token"], gateway=filled(spec.get("to", names["gateway-port"]), names), address=ROUTED, port=names["front-port"],
            key=f'proxy_set_header Authorization "Bearer {names["key"]}";' if spec.get("forward", True) else "",
            type="default_type application/json;" if spec.get("type", True) else "", tls=" ssl" if spec.get("tls", True) else "", at=names["at"], **pieces,
        )  # fmt: skip
        (folder / "nginx.conf").write_text(text)
        (folder / "caller-ca.pem").write_bytes(self.company.cert_pem.bytes())
        log = folder / "nginx.txt"
        process = self.inside.popen(
            ["nginx", "-p", names["at"], "-e", f"{names['at']}/error.log", "-c", f"{names['at']}/nginx.conf"], SYSTEM,
            stdin=subprocess.DEVNULL, stdout=log.open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip

        def ready() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"nginx does not start: {log.read_text()[-600:]}")
            return (ROUTED, names["front-port"]) in self.inside.listeners()

        wait_until(ready, 60, "the start of nginx")
        return process

    def _certificate(self, kind: str, folder: Path) -> None:
        """Write ``chain.pem`` and ``key.pem``."""
        name, now = self.names["gateway"], datetime.now(UTC)
        long_ago, soon = now - timedelta(days=400), now + timedelta(days=300)
        if kind == "self-signed":
            words = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -keyout key.pem -out chain.pem".split()
            subprocess.run([*words, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"], cwd=folder, check=True, capture_output=True)
            return
        authority, of = {"stranger": (self.stranger, "stranger"), "chain": (self.public, "public")}.get(kind, (self.company, "company"))
        between = trustme.CA(parent_cert=authority, organization_name=self.names[f"{of}-authority"])
        options: dict[str, Any] = {
            "expired": {"not_before": long_ago, "not_after": now - timedelta(days=3)},
            "early": {"not_before": now + timedelta(days=3), "not_after": soon},
        }.get(kind, {})
        leaf = between.issue_cert(self.names["stranger"] if kind == "other-host" else name, **options)
        chain = [blob.bytes() for blob in leaf.cert_chain_pems]
        (folder / "chain.pem").write_bytes(b"".join(chain[:1] if kind == "chain" else chain))
        (folder / "key.pem").write_bytes(leaf.private_key_pem.bytes())

    def _odd(self, listed: list[dict[str, Any]], folder: Path, name: str = "odd") -> subprocess.Popen[bytes]:
        path = folder / f"{name}.json"
        path.write_text(json.dumps(listed))
        process = self.inside.popen([sys.executable, "-m", "tests.faults.odd", f"/mnt/lab/{folder.name}/{path.name}"], self.own, **self.quiet)
        wait_until(path.with_suffix(".ready").exists, 60, "the start of odd ports")
        return process

    def _files(self, change: dict[str, Any], names: dict[str, Any], home: Path, managed: Path) -> None:
        for place, content in (change.get("files") or {}).items():
            path = home / place.removeprefix("~/") if place.startswith("~/") else home / "project" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            if content == {"kind": "folder"}:
                path.mkdir()
            elif isinstance(content, dict) and set(content) == {"bytes"}:
                path.write_bytes(bytes.fromhex(content["bytes"]))
            elif isinstance(content, dict) and set(content) == {"script"}:
                path.write_text(content["script"])
                path.chmod(0o755)
            else:
                path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        if change.get("managed") is not None:
            managed.mkdir()
            (managed / "managed-settings.json").write_text(change["managed"] if isinstance(change["managed"], str) else json.dumps(change["managed"]))
        if "config" in change:
            (home / "litellm-gateway").mkdir()
            (home / "litellm-gateway" / "config.yaml").write_text(self.config(names, change["config"]))

    def _doctor(self, change: dict[str, Any], names: dict[str, Any], folder: Path, home: Path) -> Told:
        places = {PROVIDER: "127.0.0.1", names["proxy"]: "127.0.0.1", names["gateway"]: ROUTED, **(change.get("knows") or {})}
        lines = ["127.0.0.1 localhost", "::1 localhost", *(f"{address} {name}" for name, address in places.items() if address)]
        (folder / "hosts").write_text("\n".join(lines) + "\n")
        silent = change.get("resolver") == "silent"
        (folder / "resolv.conf").write_text("nameserver 127.0.0.53\n" if silent else "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        (folder / "bin").mkdir()
        self._claude(change.get("claude", "real"), folder)
        python = "litellm-python" if "config" in change else "python3"
        env = {
            "HOME": names["home"], "PATH": f"{names['at']}/bin:/mnt/lab/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "USER": "reader",
            **{name: str(value) for name, value in (change.get("env") or {}).items() if value is not None},
        }  # fmt: skip
        view = ["unshare", "--mount", "sh", "-c", VIEW, "view", f"{names['at']}/hosts", f"{names['at']}/resolv.conf"]
        words = [*view, "env", "-C", f"{names['home']}/project", f"/mnt/lab/bin/{python}", "/mnt/lab/gateway_doctor.py", "--json", *change.get("arguments", [])]
        began = time.monotonic()
        try:
            done = self.inside.run(words, env, None, LIMIT)
        except subprocess.TimeoutExpired:
            return Told([], -1, LIMIT, f"the doctor did not end within {LIMIT} s")
        seconds = time.monotonic() - began
        try:
            result = json.loads(done.stdout)
            found = [(finding["id"], finding["severity"], finding["seen"]) for finding in result["findings"]]
        except (ValueError, KeyError, TypeError):
            return Told([], done.returncode, seconds, f"the doctor printed no result: {(done.stdout + done.stderr)[-600:]}")
        expected = int(any(severity != "note" for _, severity, _ in found))
        return Told(found, done.returncode, seconds, "" if done.returncode == expected else f"it ended with status {done.returncode}, expected {expected}")

    def _claude(self, version: str | None, folder: Path) -> None:
        """The real Claude Code, the files of another release, or none."""
        path = folder / "bin" / "claude"
        if version == "real":
            path.symlink_to(programs.claude())
        elif version is not None:
            package = folder / "node_modules" / "@anthropic-ai" / "claude-code"
            package.mkdir(parents=True)
            (package / "package.json").write_text(json.dumps({"name": "@anthropic-ai/claude-code", "version": version}))
            (package / "cli.js").write_text("#!/usr/bin/env node\n")
            (package / "cli.js").chmod(0o755)
            path.symlink_to(f"{self._inside(package)}/cli.js")

    def _inside(self, path: Path) -> str:
        return f"/mnt/{path.relative_to(self.inside.mnt)}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program that nsenter started, and its children."""
    for pid in descendants(process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
