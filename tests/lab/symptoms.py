"""Brings the symptoms of ``snippets/facts/symptoms.yaml`` about, and makes them go away.

A cause names a setup in which Claude Code gets its answer, what is ``broken``
in it, and what is ``fixed`` then. All three are parts of one state, laid over
each other; null takes away. With what is broken, the text must be the one the
page shows; with what is fixed, the same command must get its answer.

A state has ``env`` (of the reader's shell), ``files`` (of the reader's home),
``hosts`` (name: address, or none), ``provider`` (what the stand-in does wrong),
``squid`` (the company's proxy, see tests/lab/squid.py), ``gateway`` (LiteLLM:
``find`` and ``replace`` in its configuration, ``env``, ``stopped``) and ``front``
(nginx before a gateway: ``to``, ``server``, ``location``, ``certificate``).
"""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import textwrap
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pyte
import trustme

from macros import render
from tests.lab import gateway_host, normalise
from tests.lab.namespace import wait_until
from tests.lab.squid import descendants

if TYPE_CHECKING:
    from tests.lab.replay import Replay, Row

ASK = 'claude -p "Reply with one word: connected"'
ANSWER = "connected"
#: Lines and columns of a session's terminal.
SCREEN = (50, 100)
#: Seconds in which a session must show what is waited for.
PATIENCE = 40
#: What a session shows that waits for a prompt.
READY = "auto mode on"
NGINX = """\
worker_processes 1;
pid /mnt/lab/front/nginx.pid;
error_log /mnt/lab/front/error.log;
events {{}}
http {{
    log_format claude '"$request" $status $request_time';
    access_log /mnt/lab/front/access.log claude;
    client_body_temp_path /mnt/lab/front/body;
    proxy_temp_path /mnt/lab/front/proxy;
    fastcgi_temp_path /mnt/lab/front/fastcgi;
    uwsgi_temp_path /mnt/lab/front/uwsgi;
    scgi_temp_path /mnt/lab/front/scgi;
    server {{
        listen {name}:443 ssl;
        listen {name}:80;
        server_name {name};
        ssl_certificate /mnt/lab/front/{certificate}.pem;
        ssl_certificate_key /mnt/lab/front/{certificate}.key;
        {server}
        location / {{
            {location}
            proxy_pass http://127.0.0.1:{to};
        }}
    }}
}}
"""
State = dict[str, Any]


class Unlike(Exception):
    """A symptom is not what the catalogue says; the message says why."""


def laid_over(state: State, change: State | None) -> State:
    """A state after a change; null takes away, what is no mapping replaces."""
    found = dict(state)
    for key, value in (change or {}).items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = laid_over(found[key], value)
        else:
            found[key] = laid_over({}, value) if isinstance(value, dict) else value
    return found


@dataclass(frozen=True)
class Ran:
    """What a command printed, and what every hop wrote down meanwhile."""

    status: int
    output: str
    logs: dict[str, list[str]] = field(default_factory=dict)

    def posts(self, at: str) -> int:
        """How many requests for an answer reached a hop; for the proxy, how many connections."""
        return sum("POST /v1" in line or at == "proxy" for line in self.logs[at])


@dataclass(frozen=True)
class Cause:
    """One entry of the catalogue."""

    layer: str
    group: str
    name: str
    data: dict[str, Any]
    group_data: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def text(self) -> str:
        """The block that shows what is printed."""
        return str(self.data.get("text") or self.group_data["text"])

    @property
    def reproduced(self) -> bool:
        return "setup" in self.data


def causes(catalogue: dict[str, Any]) -> list[Cause]:
    """Every entry, in the order of the pages."""
    return [
        Cause(layer, group, name, data, about)
        for layer, page in catalogue["layers"].items()
        for group, about in page["groups"].items()
        for name, data in about["causes"].items()
    ]


def states(catalogue: dict[str, Any], cause: Cause) -> tuple[State, State]:
    """(broken, fixed)."""
    base: State = {}
    for part in (cause.data["setup"], "everywhere"):
        base = laid_over(catalogue["setups"][part].get("state", {}), base)
    broken = laid_over(base, cause.data["broken"])
    return broken, laid_over(broken, cause.data["fixed"])


class Bench:
    """The parts that a page's symptoms share; each is started again only where a state needs it otherwise."""

    def __init__(self, replay: Replay) -> None:
        self.replay, self.inside, self.lab = replay, replay.inside, replay.lab
        self.now: dict[str, Any] = {"squid": None, "front": None, "gateway": None}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.started: dict[str, Ran] = {}
        self.folder = self.lab / "front"
        self.folder.mkdir()
        self._certificates()
        trusted = self.inside.etc / "ssl" / "certs" / "ca-certificates.crt"
        trusted.write_bytes(trusted.read_bytes() + (self.lab / "ca.pem").read_bytes())
        if replay.forker:
            replay.install_warm(replay.forker)
        else:
            replay.install_real()
        self.home_of_gateway = replay.home / "litellm-gateway"

    def _certificates(self) -> None:
        """What the front may show: a good certificate, and bad ones."""
        company = trustme.CA(organization_name="Corporate (lab)")
        self.replay.company = [company.cert_pem.bytes()]
        name = self.replay.book.fact("site.gateway_host")
        between = company.create_child_ca()
        past = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        leaves = {
            "good": (between.issue_cert(name), None),
            "expired": (between.issue_cert(name, not_before=past, not_after=past + datetime.timedelta(days=90)), None),
            "other-name": (between.issue_cert("other.corp.example"), None),
            "incomplete": (between.issue_cert(name), 1),
        }
        for kind, (leaf, blobs) in leaves.items():
            (self.folder / f"{kind}.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems[:blobs]))
            (self.folder / f"{kind}.key").write_bytes(leaf.private_key_pem.bytes())
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
             "-keyout", str(self.folder / "self-signed.key"), "-out", str(self.folder / "self-signed.pem")], check=True, capture_output=True,
        )  # fmt: skip

    # A state ------------------------------------------------------------------------
    def arrange(self, state: State) -> None:
        """Bring everything into a state."""
        hosts = {**gateway_host.addresses(self.replay.book), **state.get("hosts", {})}
        lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in hosts.items() if address != "none")]
        (self.inside.etc / "hosts").write_text("\n".join(lines) + "\n")
        behave = self.lab / "provider" / "behave.json"
        behave.write_text(json.dumps(state["provider"])) if state.get("provider") else behave.unlink(missing_ok=True)
        self._part("squid", state)
        self._part("front", state)
        self._part("gateway", state, [hosts, state.get("provider")])  # LiteLLM remembers a provider that failed
        self._home(state)

    def _part(self, name: str, state: State, more: Any = None) -> None:
        wanted = (state[name], more) if name in state else None
        if wanted == self.now[name]:
            return
        getattr(self, f"_stop_{name}")()
        self.now[name] = None
        if name in state:
            getattr(self, f"_start_{name}")(state[name])
        self.now[name] = wanted

    def _start_squid(self, options: dict[str, Any]) -> None:
        """Like a proxy on another machine, it has names of its own; ``lacks`` is one that it has not."""
        own = dict(options)
        lacks = own.pop("lacks", None)
        known = gateway_host.addresses(self.replay.book)
        (self.lab / "hosts-of-the-proxy").write_text("".join(f"{address} {name}\n" for name, address in known.items() if name != lacks))
        self.replay.start_squid(hosts="/mnt/lab/hosts-of-the-proxy", **own)

    def _stop_squid(self) -> None:
        if self.now["squid"]:
            assert self.replay.squid
            self.replay.squid.close()

    def _start_front(self, front: dict[str, Any]) -> None:
        name = self.replay.book.fact("site.gateway_host")
        text = NGINX.format(
            name=name, to=front["to"], certificate=front.get("certificate", "good"), server=front.get("server", ""), location=front.get("location", "")
        )
        (self.folder / "nginx.conf").write_text(text)
        words = ["nginx", "-c", "/mnt/lab/front/nginx.conf", "-g", "daemon off; master_process off;"]
        self._run("front", words, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, Path("/"), self.folder / "out.txt")
        wait_until(lambda: ("127.0.0.2", 443) in self.inside.listeners() or self.running["front"].poll() is not None, 20, "the start of nginx")
        if self.running["front"].poll() is not None:
            raise RuntimeError(f"nginx does not start: {(self.folder / 'out.txt').read_text()[-500:]}")

    def _stop_front(self) -> None:
        self._end("front", ("127.0.0.2", 443))

    def _start_gateway(self, gateway: dict[str, Any]) -> None:
        if gateway.get("stopped"):
            return
        status = self.start_litellm(gateway)
        if status is not None:
            raise RuntimeError(f"LiteLLM does not start: {self.gateway_log().read_text()[-1500:]}")

    def _stop_gateway(self) -> None:
        self._end("gateway", ("127.0.0.1", 4000))

    def gateway_log(self) -> Path:
        return self.home_of_gateway / "gateway.log"

    def start_litellm(self, gateway: dict[str, Any]) -> int | None:
        """Start it as its page does; None once it serves, else its exit status."""
        text = (self.replay.book.snippets / "patterns/local-gateway/config.yaml").read_text()
        if gateway.get("find") and gateway["find"] not in text:
            raise Unlike(f"the gateway's configuration does not hold {gateway['find']!r}")
        text = text.replace(gateway["find"], gateway.get("replace", "")) if gateway.get("find") else text
        (self.home_of_gateway / "config.yaml").write_text(text)
        env = {**self.replay.env, **gateway["env"]}
        words = ["venv/bin/litellm", "--config", "config.yaml", "--host", "127.0.0.1", "--port", "4000", *gateway.get("options", [])]
        self.gateway_log().unlink(missing_ok=True)
        process = self._run("gateway", words, env, Path("/mnt/reader/litellm-gateway"), self.gateway_log())
        ready = self.replay.book.fact("site.gateway_address") + "/health/readiness"
        wait_until(lambda: process.poll() is not None or self.replay.serves(ready), 60, "the start of LiteLLM")
        return process.poll()

    def _run(self, name: str, words: list[str], env: dict[str, str], cwd: Path, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as out:
            self.running[name] = self.inside.popen(words, env, cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        return self.running[name]

    def _end(self, name: str, listener: tuple[str, int]) -> None:
        process = self.running.pop(name, None)
        if process is None:
            return
        for pid in descendants(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        wait_until(lambda: listener not in self.inside.listeners(), 10, f"the end of the {name}")

    def _home(self, state: State) -> None:
        """An empty home folder, with what IT handed out and the state's files."""
        home = self.replay.home
        for path in home.iterdir():
            if path.name != self.home_of_gateway.name:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        (home / "project").mkdir()
        self.replay._hand_out_authorities()
        for name, content in state.get("files", {}).items():
            path = self.replay.outside(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2) + "\n")
            path.chmod(0o755)

    # What is run in it --------------------------------------------------------------
    def look(self) -> dict[str, list[str]]:
        """The lines that every hop has written so far."""

        def read(path: Path) -> list[str]:
            return path.read_text("utf-8", "replace").splitlines() if path.exists() else []

        squid = self.replay.squid if self.now["squid"] else None
        return {
            "provider": [f"{item['method']} {item['path']} {item['status']}" for item in self.replay.all_requests()],
            "gateway": read(self.gateway_log()),
            "tap": [f"{item['method']} {item['path']}" for item in self.replay.all_gateway_requests()],
            "front": read(self.folder / "access.log"),
            "proxy": [f"{entry.result} {entry.method} {entry.url}" for entry in squid.log()] if squid else [],
        }

    def run(self, state: State, command: str, seconds: float = 60) -> Ran:
        """Run a command of the reader's in a state that has been arranged."""
        before = {name: len(lines) for name, lines in self.look().items()}
        quiet = self.replay.book.fact("lab.differences.client-quiet.env")
        env = {**self.replay.env, **quiet, **{name: str(value) for name, value in state.get("env", {}).items()}}
        done = self.inside.run(["bash", "-c", f"exec 2>&1; {command}"], env, Path("/mnt/reader/project"), seconds)
        logs = {name: lines[before[name] :] for name, lines in self.look().items()}
        return Ran(done.returncode, done.stdout.strip("\n"), logs)

    def session(self, state: State, about: dict[str, str], shows: str) -> Ran:
        """Start a session in a terminal; what it prints are the lines from ``from`` to ``to``, or all once it ``shows`` what is waited for.

        What ``types`` says is typed, and sent, once the session waits for a prompt.

        Raises Unlike when the screen never shows it.
        """
        before = {name: len(lines) for name, lines in self.look().items()}
        quiet = self.replay.book.fact("lab.differences.client-quiet.env")
        env = {**self.replay.env, **quiet, **{name: str(value) for name, value in state.get("env", {}).items()}}
        words = [*self.inside.enter(), "env", "-C", "/mnt/reader/project", "claude"]
        program = pexpect.spawn(words[0], words[1:], env=env, dimensions=SCREEN, timeout=5)
        screen = pyte.Screen(*reversed(SCREEN))
        stream = pyte.ByteStream(screen)
        try:
            if "types" in about:
                self._shown(program, screen, stream, READY)
                program.send(about["types"])
                self._shown(program, screen, stream, about["types"])
                program.send("\r")
            lines = self._shown(program, screen, stream, shows)
        finally:
            pids = descendants(program.pid)
            program.close(force=True)
            for pid in pids:  # at its own end it would write into the next cause's home folder
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not any(Path("/proc", str(pid)).exists() for pid in pids), 10, "the end of the session")
        logs = {name: new[before[name] :] for name, new in self.look().items()}
        first = next((number for number, line in enumerate(lines) if about["from"] in line), None)
        if first is None:
            return Ran(0, "\n".join(lines), logs)
        last = next(number for number, line in enumerate(lines) if number >= first and (about["to"] in line or number == len(lines) - 1))
        return Ran(0, textwrap.dedent("\n".join(lines[first : last + 1])).strip("\n"), logs)

    @staticmethod
    def _shown(program: pexpect.spawn, screen: pyte.Screen, stream: pyte.ByteStream, text: str) -> list[str]:
        """The lines of the screen once it shows a text and nothing changes any more."""
        end, seen = time.monotonic() + PATIENCE, 0
        while time.monotonic() < end:
            try:
                stream.feed(program.read_nonblocking(65536, 0.3))
                continue
            except pexpect.TIMEOUT:
                pass
            except pexpect.EOF:
                seen += 2
            lines = [line.rstrip() for line in screen.display]
            seen = seen + 1 if any(text in line for line in lines) else 0
            if seen > 1:
                return lines
        raise Unlike(f"the session does not show {text!r}:\n" + "\n".join(line.rstrip() for line in screen.display).strip())

    def start(self, state: State) -> Ran:
        """Start LiteLLM as the command that is looked at; each configuration once."""
        key = json.dumps(state.get("gateway"), sort_keys=True)
        if key not in self.started:
            self._stop_gateway()
            self.now["gateway"] = None
            status = self.start_litellm(state["gateway"])
            output = self.gateway_log().read_text("utf-8", "replace")
            self._stop_gateway()
            self.started[key] = Ran(status or 0, output.strip("\n"))
        return self.started[key]


class Reproductions:
    """The symptoms of one page; each cause is brought about once."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self.catalogue = replay.book.fact("symptoms")
        layer = replay.page.rstrip("/").rpartition("/")[2]
        every = causes(self.catalogue)
        self.causes = [cause for cause in every if cause.layer == layer]
        #: The faults with which the flow is walked, on its own page.
        self.faults = [cause for cause in every if cause.name in replay.book.fact("flow.faults")] if layer == "flow" else []
        self.bench = Bench(replay)
        self.done: dict[str, tuple[Ran, dict[str, Ran]]] = {}

    def check(self, row: Row) -> str | None:
        """What is wrong with a block of the page, or None."""
        if self.faults:
            return "; ".join(problem for cause in self.faults if (problem := self._astray(cause, row))) or None
        shown = [cause for cause in self.causes if cause.reproduced and cause.text == row.block.id]
        separated = [cause for cause in self.causes if cause.reproduced and cause.group_data.get("ask") == row.block.id]
        if not shown and not separated:
            return "no cause on this page prints it; remove it, or name it in snippets/facts/symptoms.yaml"
        problems = [problem for cause in shown if (problem := self._problem(cause, row))]
        problems += [problem for group in {cause.group: cause for cause in separated}.values() if (problem := self._blurred(group))]
        return "; ".join(problems) or None

    def _astray(self, cause: Cause, row: Row) -> str | None:
        """Why the flow does not lead to a fault's section, or None."""
        questions, name = self.replay.book.fact("flow.questions"), self.replay.book.fact("flow.root")
        state, _ = states(self.catalogue, cause)
        self.bench.arrange(state)
        row.output = self.bench.run(state, row.text).output
        while name in questions:
            name = questions[name]["then" if re.search(questions[name]["prints"], row.output) else "otherwise"]
        return None if name == cause.group else f"{cause.id}: the questions lead to {name}; it printed:\n{row.output[-600:]}"

    def broken(self, cause: Cause) -> tuple[Ran, dict[str, Ran]]:
        """The symptom, and what the group's command printed meanwhile."""
        if cause.id not in self.done:
            state, _ = states(self.catalogue, cause)
            ask = cause.group_data.get("ask")
            if cause.data.get("command") == "start":
                self.done[cause.id] = (self.bench.start(state), {})
            elif "session" in cause.data:
                self.bench.arrange(state)
                self.done[cause.id] = (self.bench.session(state, cause.data["session"], cause.data["session"]["to"]), {})
            else:
                self.bench.arrange(state)
                ran = self.bench.run(state, self.command(cause))
                time.sleep(cause.data.get("pause", 0))
                asked = {ask: self.bench.run(state, self._text(ask))} if ask else {}
                self.done[cause.id] = (ran, asked)
        return self.done[cause.id]

    @staticmethod
    def command(cause: Cause) -> str:
        piped = f"head -c {cause.data['piped']} /dev/zero | tr '\\0' a | " if "piped" in cause.data else ""
        return piped + ASK

    def _text(self, block_id: str) -> str:
        return render.text(self.replay.book, self.replay.book.block(block_id))

    def _problem(self, cause: Cause, row: Row) -> str | None:
        try:
            self._symptom(cause, row)
            self._fix(cause)
        except Unlike as problem:
            return f"{cause.id}: {problem}"
        return None

    def _symptom(self, cause: Cause, row: Row) -> None:
        ran, _ = self.broken(cause)
        row.output, row.status = ran.output, ran.status
        names = row.block.data.get("normalise", [])
        if self.replay.update is not None and cause.data.get("command") != "start":
            self.replay.record(row, ran.output)
        printed, wanted = normalise.normalise(ran.output, names), normalise.normalise(row.text, names)
        same = wanted in printed if cause.data.get("command") == "start" else wanted == printed
        if not same:
            remedy = f"edit {row.block.path.name}" if cause.data.get("command") == "start" else "run: make update"
            raise Unlike(f"it prints\n{ran.output[-1500:]}\ninstead of\n{row.text}\nIf that is right, {remedy}")
        if "session" not in cause.data and (ran.status != 0) == (cause.data.get("status", 1) == 0):
            raise Unlike(f"it ends with status {ran.status}; write status: into the entry if that is right")
        for hop, count in cause.data.get("requests", {}).items():
            if ran.posts(hop) != count:
                raise Unlike(f"{ran.posts(hop)} requests reached the {hop}, expected {count}: {ran.logs[hop][-12:]}")
        other = cause.data.get("other_end")
        if other and "line" in other and not any(other["line"] in line for line in ran.logs[other["at"]]):
            raise Unlike(f"the {other['at']}'s log has no line with {other['line']!r}: {ran.logs[other['at']][-12:]}")
        if other and other["at"] == "nowhere" and any(ran.posts(hop) for hop in ("provider", "front", "tap")):
            raise Unlike(f"a request was sent: {ran.logs}")

    def _fix(self, cause: Cause) -> None:
        _, state = states(self.catalogue, cause)
        if cause.data.get("command") == "start":
            ran = self.bench.start(state)
            if ran.status != 0:
                raise Unlike(f"after the fix it ends with status {ran.status}:\n{ran.output[-1500:]}")
            return
        self.bench.arrange(state)
        if "session" in cause.data:
            about = cause.data["session"]
            ran = self.bench.session(state, about, about.get("ready", READY))
            if ran.output == self.broken(cause)[0].output if "types" in about else about["from"] in ran.output:
                raise Unlike(f"after the fix, the session still shows:\n{ran.output}")
            return
        ran = self.bench.run(state, self.command(cause))
        if ran.status != 0 or ran.output != ANSWER:
            last = {name: lines[-4:] for name, lines in ran.logs.items()}
            raise Unlike(f"after the fix, the same command ends with status {ran.status} and prints\n{ran.output[-1500:]}\n{last}")

    def _blurred(self, one: Cause) -> str | None:
        """Why the group's command does not tell its causes apart, or None."""
        members = [cause for cause in self.causes if cause.group == one.group and cause.reproduced]
        ask = one.group_data["ask"]
        wrong = []
        for cause in members:
            printed = self.broken(cause)[1][ask].output
            for other in members:
                tells = other.data["tells"]
                if (tells in printed) != (other is cause or tells == cause.data["tells"]):
                    wrong.append(f"{cause.id}: {ask} {'prints' if tells in printed else 'does not print'} {tells!r}; it printed:\n{printed[-800:]}")
        return "; ".join(wrong) or None
