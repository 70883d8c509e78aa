"""Which program reads which proxy and certificate variable, and how it reads exceptions.

    python -m tests.reach [table ...]

The cases stand in ``snippets/facts/reach.yaml``, and so does what was measured.
Each cell starts the program once, in a namespace with a real Squid, and looks
at two logs: the proxy's and the server's. What the program prints counts for
nothing, but for certificates, where it counts whether the server was asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from macros.ledger import Book, BookError, load
from tests.lab import ending, programs, room
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import NamespaceError, wait_until
from tests.lab.world import HOME, World

ROOT = programs.ROOT
DATA = ROOT / "snippets" / "facts" / "reach.yaml"
TABLES = ("proxies", "plain", "exceptions", "addresses", "spelling", "authorities")
#: The two servers that are asked: by a name, with TLS, and by an address that is no loopback address.
ADDRESS, PORT = "10.0.0.5", 8080
URLS = {"name": "https://api.anthropic.com/v1/models", "address": f"http://{ADDRESS}:{PORT}/"}
PYTHON = {
    "urllib": "import sys, urllib.request\nurllib.request.urlopen(sys.argv[1], timeout=20)",
    "requests": "import sys, requests\nrequests.get(sys.argv[1], timeout=20)",
    "httpx": "import sys, httpx\nhttpx.get(sys.argv[1], timeout=20)",
}
CONFIG = f"""\
model_list:
  - model_name: name
    litellm_params: {{model: anthropic/claude-haiku-5-5, api_key: {LAB_KEY}}}
  - model_name: address
    litellm_params: {{model: anthropic/claude-haiku-5-5, api_key: {LAB_KEY}, api_base: "http://{ADDRESS}:{PORT}"}}
"""
MASTER_KEY = "sk-lab-master-key-of-the-gateway"


def key(case: dict[str, Any]) -> str:
    """What a case is called in its table."""
    return str(case.get("id") or case["value"])


class Reach:
    """A machine with a proxy and two servers. ``with Reach(book, site, forker) as reach: reach.cell("curl", "proxies", case)``"""

    def __init__(self, book: Book, site: Path, forker: Forker) -> None:
        self.book, self.forker, self.world = book, forker, World(book, site)
        self.started = 0

    def __enter__(self) -> Reach:
        world = self.world.__enter__()
        try:
            self.squid = world.start_squid()
            world.install_warm(self.forker)
            (world.home / "litellm-gateway" / "config.yaml").write_text(CONFIG)
            self._second_server()
            folder = world.lab / "authorities"
            folder.mkdir()
            (folder / "ca.pem").write_bytes((world.lab / "ca.pem").read_bytes())
            world.inside.run(["openssl", "rehash", "/mnt/lab/authorities"], {"PATH": os.defpath})
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.world.__exit__(kind, problem, trace)

    def _second_server(self) -> None:
        inside = self.world.inside
        inside.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"], {"PATH": os.defpath + ":/usr/sbin:/sbin"})
        (self.world.lab / "second").mkdir()
        self.log = self.world.lab / "second.txt"
        inside.popen(
            [sys.executable, "-u", "-m", "http.server", str(PORT), "--bind", ADDRESS, "--directory", "/mnt/lab/second"], {"PATH": os.defpath},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log.open("ab"),
        )  # fmt: skip
        wait_until(lambda: (ADDRESS, PORT) in inside.listeners(), 20, "the start of the second server")

    # Cells ------------------------------------------------------------------------
    def cell(self, program: str, table: str, case: dict[str, Any]) -> str:
        """``proxy``, ``past`` or ``some`` for requests; for certificates ``yes`` or ``no``.

        Raises RuntimeError when the program asked nobody where it must have asked.
        """
        world, proxy = self.world, self.book.fact("site.proxy_address")
        certificates = table == "authorities"
        names = [case["id"]] if table in ("proxies", "plain") else [] if certificates else [row["id"] for row in self.book.fact("reach.proxies")]
        env = {**dict.fromkeys(names, proxy), **({"NO_PROXY": case["value"]} if "value" in case else {}), **case.get("env", {})}
        if not certificates:
            env |= dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "/mnt/lab/ca.pem")
            env["NODE_USE_ENV_PROXY"] = "1"
        store = world.inside.etc / "ssl" / "certs" / "ca-certificates.crt"
        before = store.read_bytes()
        if case.get("store"):
            store.write_bytes(before + (world.lab / "ca.pem").read_bytes())
        try:
            seen, carried = self._arrived(case["to"]), len(self.squid.log())
            self._start(program, case["to"], {**world.env, **env}, all_requests=not certificates)
            carried = len(self.squid.ended()) - carried
            seen = self._arrived(case["to"]) - seen
        finally:
            store.write_bytes(before)
        if certificates:
            return "yes" if seen else "no"
        if not seen and not carried:
            raise RuntimeError(f"{program}, {table}, {key(case)}: neither the proxy nor the server was asked")
        return "past" if not carried else "proxy" if carried >= seen else "some"

    def _arrived(self, to: str) -> int:
        return len(self.world.all_requests()) if to == "name" else len([line for line in self.log.read_text().splitlines() if '"' in line])

    def _start(self, program: str, to: str, env: dict[str, str], all_requests: bool) -> None:
        inside, url = self.world.inside, URLS[to]
        if program == "litellm":
            self._litellm(to, env)
        elif program == "claude-code":
            # With a key, Claude Code asks Anthropic three things, in two ways; with a token, one.
            credential = "ANTHROPIC_API_KEY" if to == "name" and all_requests else "ANTHROPIC_AUTH_TOKEN"
            own = {credential: LAB_KEY, **({"ANTHROPIC_BASE_URL": url.rstrip("/")} if to == "address" else {})}
            self.started += 1
            self.world.claude({**env, **own, "HOME": f"/mnt/cell-{self.started}"}, "-p", "Reply with one word: sent", home=f"cell-{self.started}")
        elif program == "curl":
            inside.run(["curl", "-s", "-m", "20", "-o", "/dev/null", url], env)
        elif program == "node":
            inside.run([str(programs.node()), "-e", f"fetch('{url}').catch(() => 0)"], env)
        else:
            inside.run([str(programs.litellm_python()), "-c", PYTHON[program], url], env)

    def _litellm(self, to: str, env: dict[str, str]) -> None:
        """Start a gateway with this environment, ask it once, and end it."""
        self.started += 1
        port, inside = 4100 + self.started, self.world.inside
        full = {**env, "LITELLM_MASTER_KEY": MASTER_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        program = f"{HOME}/litellm-gateway/venv/bin/litellm"
        command = ["sh", "-c", f"echo $$ > /mnt/lab/reach-pid; exec {program} --config config.yaml --host 127.0.0.1 --port {port}"]
        log = (self.world.lab / "reach-litellm.txt").open("ab")
        inside.popen(command, full, HOME / "litellm-gateway", stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        wait_until(lambda: ("127.0.0.1", port) in inside.listeners(), 60, "the start of LiteLLM")
        body = json.dumps({"model": to, "max_tokens": 9, "num_retries": 0, "messages": [{"role": "user", "content": "hi"}]})
        inside.run(
            ["curl", "-s", "-m", "40", "-o", "/dev/null", f"http://127.0.0.1:{port}/v1/messages", "-H", f"x-api-key: {MASTER_KEY}",
             "-H", "content-type: application/json", "-d", body], {"PATH": os.defpath},
        )  # fmt: skip
        inside.run(["kill", (self.world.lab / "reach-pid").read_text().strip()], {"PATH": os.defpath})
        wait_until(lambda: ("127.0.0.1", port) not in inside.listeners(), 30, "the end of LiteLLM")


def versions() -> dict[str, str]:
    """Program -> its version, as it says itself."""
    own = {"PATH": os.defpath, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}

    def says(*words: str) -> str:
        return subprocess.run(words, env=own, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    code = (
        "import sys, requests, httpx; from importlib.metadata import version; "
        "print(sys.version.split()[0], requests.__version__, httpx.__version__, version('litellm'))"
    )
    python, requests, httpx, litellm = says(str(programs.litellm_python()), "-c", code).split()
    return {
        "claude-code": says(str(programs.claude()), "--version").split()[0], "litellm": litellm, "curl": says("curl", "--version").split()[1],
        "urllib": python, "requests": requests, "httpx": httpx, "node": says(str(programs.node()), "--version").removeprefix("v"),
    }  # fmt: skip


def written(tables: dict[str, Any]) -> None:
    """Put what was measured into the facts; the head and the cases stay as they are."""
    kept, _, old = DATA.read_text("utf-8").partition("measured:\n")
    before = yaml.safe_load("measured:\n" + old)["measured"]["tables"] if old else {}
    both = {name: tables.get(name) or before[name] for name in TABLES if name in tables or name in before}
    data = {"day": time.strftime("%Y-%m-%d"), "versions": versions(), "tables": both}
    DATA.write_text(kept + yaml.safe_dump({"measured": data}, sort_keys=False, allow_unicode=True, width=200, default_flow_style=None), "utf-8")


def main(names: list[str]) -> int:
    ending.in_order()
    try:
        book = load()
        if set(names) - set(TABLES):
            raise BookError(f"no table {', '.join(sorted(set(names) - set(TABLES)))}; there are {', '.join(TABLES)}")
        tables: dict[str, Any] = {}
        with room.workshop("reach-") as folder, Forker(Path(folder), programs.litellm_python()) as forker:
            wait_until(forker.ready, 120, "the import of LiteLLM")
            with Reach(book, ROOT / "site", forker) as reach:
                for name in names or TABLES:
                    tables[name] = {}
                    for case in book.fact(f"reach.{name}"):
                        tables[name][key(case)] = row = {program: reach.cell(program, name, case) for program in book.fact("reach.programs")}
                        print(f"{name:<12} {key(case):<30} {' '.join(f'{value:<6}' for value in row.values())}", flush=True)
    except (BookError, NamespaceError, programs.MissingProgram, RuntimeError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; nothing was written.", file=sys.stderr)
        return 130
    written(tables)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
