"""One gateway of gateways.yaml in a network of its own: the kit asks it, and then Claude Code does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from macros.ledger import read_yaml
from tests.compatibility import FILE, kit
from tests.lab import gateways, programs
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.namespace import Namespace, wait_until

GATEWAYS: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in read_yaml(Path(__file__).with_name("gateways.yaml"))["gateways"]}
CONFIGS = Path(__file__).with_name("configs")
KEY = "sk-gateway-lab-not-a-real-key"
PORT, UPSTREAM = 4100, 9500
#: A program inside ends with the nsenter that started it.
ENDS = ["setpriv", "--pdeathsig", "KILL"]
#: Seconds for which a gateway may start.
START = 180
PROMPT = "Reply with one word: connected"
#: Bytes of a conversation that has become long.
LONG = 1_500_000
#: Programs that `make test` does not install -> (the folder below .venv/, what must be there).
EXTRA = {
    "litellm-next": ("litellm-next", "litellm"), "envoy": ("proxies", "bin/envoy"), "caddy": ("proxies", "bin/caddy"),
    "any-llm": ("any-llm", "bin/any-llm-gateway"),
}  # fmt: skip


def needs(entry: dict[str, Any]) -> None:
    """Raises MissingProgram naming what installs it."""
    program = entry["program"]
    if program in EXTRA:
        folder, inside = EXTRA[program]
        if not (programs.VENV / folder / inside).exists():
            raise programs.MissingProgram(f"{program} is missing; install it with: python3 tests/install.py compatibility")
    elif program == "litellm":
        programs.litellm_python()
    elif program in gateways.KINDS:
        gateways.version(program)
    else:
        programs.system(program)


def words() -> dict[str, str]:
    """What stands in braces in gateways.yaml and in configs/, beside a gateway's folder."""
    venv = programs.VENV.resolve()
    return {
        "port": str(PORT), "upstream": f"http://127.0.0.1:{UPSTREAM}", "upstream_port": str(UPSTREAM), "key": KEY, "provider_key": kit.PROVIDER_KEY,
        "python": str(venv / "litellm" / "bin" / "python"), "litellm": str(venv / "litellm" / "bin" / "litellm"), "next": str(venv / "litellm-next"),
        "proxies": str(venv / "proxies" / "bin"), "any_llm": str(venv / "any-llm" / "bin"),
    }  # fmt: skip


class Measured:
    """``with Measured("nginx") as gateway``: it runs, and its provider is whatever listens on UPSTREAM."""

    def __init__(self, name: str) -> None:
        self.entry = GATEWAYS[name]
        needs(self.entry)

    def __enter__(self) -> Measured:
        self.inside = Namespace({})
        try:
            self._start()
        except BaseException:
            self.inside.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.inside.close()

    def _start(self) -> None:
        self.home = self.inside.mnt / "gateway"
        (self.home / "project").mkdir(parents=True)
        self.fill, self.key, self.headers = {**words(), "folder": "/mnt/gateway"}, KEY, {}
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/mnt/gateway", "LANG": "C.UTF-8"}
        start, own = self._from_npm() if self.entry["program"] in gateways.KINDS else self._configured()
        self.log = self.home / "log.txt"
        output = self.log.open("wb")
        self.program = self.inside.popen(start, own, Path("/mnt/gateway"), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        wait_until(self._listens, START, f"the start of {self.entry['id']}")
        if "key" in self.entry:
            self.key = self._new_key(self.entry["key"])

    def _from_npm(self) -> tuple[list[str], dict[str, str]]:
        name = self.entry["program"]
        start, env, token, self.headers = gateways.KINDS[name](self.home, self.fill["upstream"], PORT, [kit.MODEL])
        self.version = gateways.version(name)
        self.key = kit.PROVIDER_KEY if token == LAB_KEY else token
        return start, {**self.env, **{name: kit.PROVIDER_KEY if value == LAB_KEY else value for name, value in env.items()}}

    def _configured(self) -> tuple[list[str], dict[str, str]]:
        fill = {**self.fill, **{name: value.format(**self.fill) for name, value in self.entry.get("with", {}).items()}}
        (self.home / self.entry["config"]).write_text((CONFIGS / self.entry["config"]).read_text().format(**fill))
        own = {**self.env, **{name: value.format(**self.fill) for name, value in self.entry["env"].items()}}
        self.version = self._version(own)
        return [word.format(**self.fill) for word in self.entry["start"]], own

    def _listens(self) -> bool:
        if self.program.poll() is not None:
            raise RuntimeError(f"{self.entry['id']} ended instead of serving:\n{self.log.read_text()[-1500:]}")
        return ("127.0.0.1", PORT) in self.inside.listeners()

    def _version(self, env: dict[str, str]) -> str:
        done = self.inside.run([word.format(**self.fill) for word in self.entry["version"]], env)
        found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
        if not found:
            raise RuntimeError(f"{self.entry['id']}: no version in {done.stdout}{done.stderr}")
        return found.group()

    def _new_key(self, asked: dict[str, Any]) -> str:
        """A key for one user, which the gateway makes for whoever holds KEY."""
        words = ["-H", f"authorization: Bearer {KEY}", "-H", "content-type: application/json", "-d", json.dumps(asked["body"])]
        done = self.inside.run(["curl", "-s", "-m", "20", *words, f"http://127.0.0.1:{PORT}{asked['path']}"], self.env)
        try:
            return json.loads(done.stdout)[asked["field"]]
        except (ValueError, LookupError):
            raise RuntimeError(f"{self.entry['id']}: no key in {done.stdout[:500]}") from None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{PORT}{self.entry.get('path', '')}"

    def check(self, *options: str) -> dict[str, Any]:
        """What the kit says, with its stand-in as the provider."""
        command = [sys.executable, str(FILE), "--url", self.url, "--upstream", str(UPSTREAM), "--json", "--model", self.entry.get("model", kit.MODEL), *options]
        done = self.inside.run(command, {**self.env, **self.client()}, timeout=1200)
        if done.returncode == 2:
            raise RuntimeError(f"{self.entry['id']}: {done.stderr}\n{self.log.read_text()[-1500:]}")
        return json.loads(done.stdout)

    def client(self) -> dict[str, str]:
        """What both the kit and Claude Code need to know."""
        lines = "\n".join(f"{name}: {value}" for name, value in self.headers.items())
        return {"ANTHROPIC_AUTH_TOKEN": self.key, **({"ANTHROPIC_CUSTOM_HEADERS": lines} if lines else {})}

    @contextmanager
    def provider(self) -> Iterator[None]:
        """The lab's strict stand-in as the provider, for Claude Code."""
        own = {"PATH": os.defpath, "PYTHONPATH": str(programs.ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        options = ["--folder", "/mnt/provider", "--model", kit.MODEL, "--key", kit.PROVIDER_KEY, "--port", str(UPSTREAM)]
        process = self.inside.popen([*ENDS, sys.executable, "-m", "tests.lab.anthropic_api", *options], own, stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: (self.inside.mnt / "provider" / "ready").exists(), 30, "the start of the stand-in")
            yield
        finally:
            process.kill()
            process.wait()
            wait_until(lambda: ("127.0.0.1", UPSTREAM) not in self.inside.listeners(), 10, "the end of the stand-in")

    def claude(self, long: bool = False) -> str:
        """What one ``claude -p`` prints through the gateway, its first line; ``long``: with a text of LONG bytes before the question."""
        env = {
            **self.env, "ANTHROPIC_BASE_URL": self.url, **self.client(), "CLAUDE_CODE_MAX_RETRIES": "0", "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", **({"ANTHROPIC_MODEL": self.entry["model"]} if "model" in self.entry else {}),
        }  # fmt: skip
        piped = f"head -c {LONG} /dev/zero | tr '\\0' a | " if long else ""
        done = self.inside.run(["sh", "-c", f'{piped}"{programs.claude()}" -p "{PROMPT}"'], env, Path("/mnt/gateway/project"), 300)
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[0] if lines else f"nothing, exit status {done.returncode}"
