"""What variables change in Claude Code's request, and what becomes of a provider's status behind LiteLLM.

    python -m tests.wire [effects|statuses ...]

What is tried stands in ``snippets/facts/wire.yaml``, and so does what was
measured. For a variable, the request of one ``claude -p`` is compared with
that of another one without the variable. For a status, the stand-in for the
provider answers with it, and LiteLLM's log and Claude Code's words are kept.
"""

from __future__ import annotations

import json
import re
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
DATA = ROOT / "snippets" / "facts" / "wire.yaml"
PARTS = ("effects", "statuses")
MASTER_KEY = "sk-lab-master-key-of-the-gateway"
PROMPT = "Reply with one word: connected"
#: What differs between any two requests of Claude Code, and says nothing.
VOLATILE = {"content-length", "x-claude-code-session-id", "x-stainless-timeout", "x-client-request-id"}


def difference(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What the second request has otherwise, one short text each."""
    found = []
    if one["path"] != other["path"]:
        found.append(f"path {other['path']}")
    heads = [{name: value for name, value in request["headers"].items() if name not in VOLATILE} for request in (one, other)]
    betas = [set(re.split(r"\s*,\s*", head.pop("anthropic-beta", ""))) - {""} for head in heads]
    found += [f"header anthropic-beta: without {name}" for name in sorted(betas[0] - betas[1])]
    found += [f"header anthropic-beta: with {name}" for name in sorted(betas[1] - betas[0])]
    found += [f"header {name}: {heads[1].get(name, 'missing')}" for name in sorted(set(heads[0]) | set(heads[1])) if heads[0].get(name) != heads[1].get(name)]
    bodies = one["body"], other["body"]
    for name in sorted(set(bodies[0]) | set(bodies[1])):
        old, new = (body.get(name) for body in bodies)
        if name in {"metadata", "messages"}:  # they hold the session, the day and the folder
            old, new = (marks(value) for value in (old, new))
            found += [f"field {name}: {new} cache_control instead of {old}"] if old != new else []
        elif name in {"system", "tools"}:
            found += [f"field {name}: {text}" for text in parts(old or [], new or [])]
        elif old != new:
            found.append(f"field {name}: missing" if name not in bodies[1] else f"field {name}: {json.dumps(new)}")
    return found


def parts(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    """How the blocks of ``system`` or the entries of ``tools`` differ."""
    found = [f"{len(new)} entries instead of {len(old)}"] if len(old) != len(new) else []
    first = [part[0].get("text", "").partition(":")[0] if part else "" for part in (old, new)]
    found += [f"the first is no longer {first[0]}"] if first[0].startswith("x-anthropic") and first[0] != first[1] else []
    keys = [set().union(*map(set, part)) if part else set() for part in (old, new)]
    found += [f"without {name}" for name in sorted(keys[0] - keys[1])] + [f"with {name}" for name in sorted(keys[1] - keys[0])]
    return found


def marks(value: Any) -> int:
    """How many cache_control there are in a value."""
    return json.dumps(value).count('"cache_control"')


class Wire:
    """A machine with the provider's stand-in, and LiteLLM before it when a status is asked for."""

    def __init__(self, book: Book, site: Path, forker: Forker | None) -> None:
        self.book, self.forker, self.world = book, forker, World(book, site)
        self.plain: dict[str, Any] | None = None
        self.gateway: subprocess.Popen[bytes] | None = None
        self.count = 0

    def __enter__(self) -> Wire:
        self.world.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None) -> None:
        self.world.__exit__(kind, problem, trace)

    def ask(self, env: dict[str, str]) -> tuple[dict[str, Any] | None, str]:
        """The question that arrived, of a new home folder, and what was printed."""
        self.count += 1
        before = len(self.world.all_requests())
        done = self.world.claude({**self.world.direct_env(), **env}, "-p", PROMPT, home=f"wire-{self.count}")
        seen = [item for item in self.world.all_requests()[before:] if item["method"] == "POST" and item["body"]]
        return (seen[0] if seen else None), (done.stdout + done.stderr).strip()

    def effect(self, variable: str, value: str) -> list[str]:
        """What a variable changes. Raises RuntimeError when Claude Code does not work without it."""
        if self.plain is None:
            self.plain, text = self.ask({})
            if self.plain is None or text != "connected":
                raise RuntimeError(f"Claude Code does not work without any variable either: {text}")
        found, _ = self.ask({variable: value})
        return ["no request arrives"] if found is None else difference(self.plain, found)

    def status(self, status: int) -> dict[str, Any]:
        """What LiteLLM answers when the provider answers so, and what Claude Code prints."""
        if self.gateway is None:
            self._start()
        log = self.world.lab / "wire-litellm.txt"
        behave = self.world.lab / "provider" / "behave.json"
        behave.write_text(json.dumps({"status": status, "path": "/v1/messages", **({"retry_after": 7} if status == 429 else {})}))
        before, asked = len(log.read_text()), len(self.world.all_requests())
        try:
            _, printed = self.ask({"ANTHROPIC_BASE_URL": self.book.fact("site.gateway_address"), "ANTHROPIC_AUTH_TOKEN": MASTER_KEY})
            asked_provider = len([item for item in self.world.all_requests()[asked:] if item["path"] == "/v1/messages"])
            _, answer = self.world.ask_gateway("~/key", "claude-haiku-5-5")
        finally:
            behave.unlink()
        answers = re.findall(r'"POST /v1/messages\?beta=true HTTP/1\.1" (\d+)', log.read_text()[before:])
        if not answers:
            raise RuntimeError(f"{status}: no request reached LiteLLM; Claude Code printed {printed!r}")
        kind = json.loads(answer)["error"]["type"]
        return {"gateway": int(answers[-1]), "type": kind, "requests": asked_provider, "says": shortened(printed.splitlines()[0])}

    def _start(self) -> None:
        world = self.world
        assert self.forker is not None
        folder = world.install_warm(self.forker).parents[2]
        names = "\n".join(
            f'  - {{model_name: "{name}", litellm_params: {{model: "anthropic/{name}", api_key: {LAB_KEY}}}}}' for name in self.book.fact("models.ids")
        )
        (folder / "config.yaml").write_text(f"model_list:\n{names}\nrouter_settings: {{disable_cooldowns: true}}\n")
        (world.home / "key").write_text(MASTER_KEY)
        env = {**world.env, "LITELLM_MASTER_KEY": MASTER_KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "SSL_CERT_FILE": "/mnt/lab/ca.pem"}
        command = [str(HOME / "litellm-gateway/venv/bin/litellm"), "--config", "config.yaml", "--host", "127.0.0.1", "--port", "4000"]
        log = (world.lab / "wire-litellm.txt").open("ab")
        self.gateway = world.inside.popen(command, env, HOME / "litellm-gateway", stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        wait_until(lambda: world.serves("http://127.0.0.1:4000/health/liveliness"), 60, "the start of LiteLLM")


def shortened(text: str) -> str:
    """A line of Claude Code's; what a gateway repeats of the provider's answer is cut."""
    return text if len(text) <= 160 else text[:150].rsplit(" ", 1)[0] + " …"


def written(parts: dict[str, Any]) -> None:
    """Put what was measured into the facts; the head and the cases stay as they are."""
    kept, _, old = DATA.read_text("utf-8").partition("measured:\n")
    before = yaml.safe_load("measured:\n" + old)["measured"] if old else {}
    said = subprocess.run([str(programs.claude()), "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
    data = {"day": time.strftime("%Y-%m-%d"), "version": said, **{name: parts.get(name) or before[name] for name in PARTS if name in parts or name in before}}
    DATA.write_text(kept + yaml.safe_dump({"measured": data}, sort_keys=False, allow_unicode=True, width=200), "utf-8")


def main(names: list[str]) -> int:
    ending.in_order()
    try:
        if set(names) - set(PARTS):
            raise BookError(f"no part {', '.join(sorted(set(names) - set(PARTS)))}; there are {', '.join(PARTS)}")
        book, found = load(), dict[str, Any]()
        with room.workshop("wire-") as folder, Forker(Path(folder), programs.litellm_python()) as forker:
            wait_until(forker.ready, 120, "the import of LiteLLM")
            with Wire(book, ROOT / "site", forker) as wire:
                if "effects" in (names or PARTS):
                    found["effects"] = [{**case, "changes": wire.effect(case["variable"], case["value"])} for case in book.fact("wire.effects")]
                if "statuses" in (names or PARTS):
                    found["statuses"] = {status: wire.status(status) for status in book.fact("wire.statuses")}
    except (BookError, NamespaceError, programs.MissingProgram, RuntimeError, TimeoutError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; nothing was written.", file=sys.stderr)
        return 130
    written(found)
    print(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=200))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
