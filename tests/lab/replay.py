"""Replays a built page: its blocks, in order, as a reader would use them.

It starts from the HTML. The ledger says what a block is and what must be
observed; the text that runs is the text a reader copies.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from bs4 import BeautifulSoup

from macros import renderings
from macros.ledger import Block, Book, read_yaml
from tests.lab import gateway_host, litellm_fork, normalise, observe, powershell, programs, validate, variants
from tests.lab.namespace import wait_until
from tests.lab.symptoms import Reproductions
from tests.lab.terminal import Hang, Result, Terminal
from tests.lab.world import HOME, World

#: What the file of a block is called that installs LiteLLM.
INSTALL = "install.sh"


class Failure(Exception):
    """A row failed; the message says why."""


#: What says for itself what went wrong, and what a file, a JSON body or a key that an observation needs may raise.
SPOKEN = (Failure, Hang, TimeoutError, RuntimeError, subprocess.SubprocessError)
PROBLEMS = (*SPOKEN, OSError, ValueError, LookupError)


@dataclass
class Row:
    """One block of one page, and what became of it."""

    page: str
    anchor: str
    text: str
    block: Block
    language: str
    outcome: str = "not reached"
    message: str = ""
    seconds: float = 0.0
    status: int | None = None
    output: str = ""
    environment: dict[str, str | None] = field(default_factory=dict)
    began: int = 0
    #: How many requests each provider beside Anthropic had received.
    further: dict[str, int] = field(default_factory=dict)
    asked: int = 0
    logged: int = 0
    tapped: int = 0
    egressed: int = 0
    fronted: int = 0
    #: Whether its observations wait for a later row.
    waits: bool = False

    @property
    def key(self) -> str:
        return f"{self.page}#{self.anchor}"

    def fail(self, problem: Exception) -> None:
        """It failed, for this reason, one of PROBLEMS."""
        said = str(problem) if isinstance(problem, SPOKEN) else f"{self.block.id}: {type(problem).__name__}: {problem}"
        self.outcome, self.message = "failed", said


def rows_of(book: Book, site: Path, page: str) -> list[Row]:
    """The blocks of a built page, in order, read from its HTML."""
    soup = BeautifulSoup((site / page / "index.html").read_text("utf-8"), "html.parser")
    found = []
    for pre in soup.select("article pre"):
        holder = pre.find_parent("div", class_="highlight")
        found.append(Row(page, str(holder["id"]), pre.get_text().rstrip("\n"), book.block(str(pre["data-snippet"])), str(pre["data-language"])))
    return found


class Replay(World):
    """``Replay(book, site, "patterns/local-gateway/").run()`` gives the rows.

    ``forker``: a warm LiteLLM to fork instead of installing one and starting
    it cold. The block that installs it is then not run (outcome ``not run``).
    ``update``: write what was printed into the recorded outputs; it holds, and gains, what each of them has to say.
    ``tamper``: called with the replay before its first block; the tests of the
    tests use it to break what the replay must notice.
    ``variant``: which of the page's variants this is; a block with ``only``
    belongs to one and is ``not here`` in the others.
    ``compiled``: gives a warm LiteLLM; one that is installed and started cold
    uses what Python made of its files. Without it, Python compiles them.
    ``shell``: what the reader's terminals run.
    """

    def __init__(
        self,
        book: Book,
        site: Path,
        page: str,
        forker: litellm_fork.Forker | None = None,
        update: dict[Path, str] | None = None,
        tamper: Callable[[Replay], None] | None = None,
        variant: str | None = None,
        compiled: Callable[[], litellm_fork.Forker] | None = None,
        shell: str = "/bin/bash",
    ) -> None:
        self.about = book.pages.get(page, {})
        super().__init__(book, site, self.about.get("machines"), self.about.get("providers", []))
        self.page, self.shell = page, shell
        self.forker, self.update, self.tamper = forker, update, tamper
        self.compiled = None if forker else compiled
        self.rows = rows_of(book, site, page)
        known = variants.of(book, page, everything=variant is not None)
        self.variant = variant if variant is not None else next(iter(known))
        self.settings: dict[str, Any] = known[self.variant]
        self.fresh = 0
        self.before: list[Row] = []
        #: What each proxy wrote during the latest symptom.
        self.refusals: dict[str, list[Any]] = {}
        self.symptoms: Reproductions | None = None

    @property
    def installs(self) -> bool:
        """Whether LiteLLM is installed by the page, by the page before it, or for the faults of the catalogue."""
        return bool({"first", "catalogue"} & set(self.about)) or any(row.block.id.endswith("/" + INSTALL) for row in self.rows)

    def run(self) -> list[Row]:
        """Replay every block; a failing one ends the replay. Never raises for a row."""
        with self:
            if "squid" in self.settings:
                self.start_squid(**self.settings["squid"])
            if "egress" in self.settings:
                self.start_egress(**self.settings["egress"])
            if self.settings.get("systemd"):
                self.start_systemd(self.book.fact("lab.differences.provider.env"))
            if self.settings.get("trusts"):
                self.trust()
            for name in self.settings.get("programs", []):
                self.provide(name)
            if self.settings.get("container"):
                self.start_container()
            if self.tamper:
                self.tamper(self)
            problem = self._first()
            if problem:
                self.rows[0].outcome, self.rows[0].message = "failed", problem
            for row in self.rows if problem is None else []:
                began = time.monotonic()
                try:
                    row.outcome = self._row(row)
                except PROBLEMS as problem:
                    row.fail(problem)
                row.seconds = round(time.monotonic() - began, 3)
                if row.outcome != "failed":
                    self._later(row)
                if any(row.outcome == "failed" for row in self.rows):
                    break
            else:
                self._never_came()
        failed = next((row for row in self.rows if row.outcome == "failed"), None)
        for row in self.rows:
            if row.outcome == "not reached" and failed:
                row.message = f"not reached: {failed.block.id} failed before it"
        return self.rows

    def _first(self) -> str | None:
        """Do what the page's reader has done before: blocks of another page. What failed, or None."""
        first = self.about.get("first")
        others = {row.block.id: row for row in rows_of(self.book, self.site, first["page"])} if first else {}
        for name in first["blocks"] if first else []:
            if name not in others:
                return f"{name} is not on {first['page']}; correct page: first: in the ledger"
            try:
                others[name].outcome = self._row(others[name])
                self.before.append(others[name])
            except PROBLEMS as problem:
                return f"before the page, {name}: {problem}"
        return None

    def requests(self, row: Row, provider: str = "anthropic") -> list[dict[str, Any]]:
        """What a provider received since the row began."""
        return self.all_requests(provider)[row.began if provider == "anthropic" else row.further[provider] :]

    def gateway_requests(self, row: Row) -> list[dict[str, Any]]:
        """What passed on its way to the gateway since the row began."""
        return self.all_gateway_requests()[row.tapped :]

    def looked_up(self, row: Row) -> list[str]:
        """Host names asked for since the row began."""
        return self.all_names()[row.asked :]

    # Rows -------------------------------------------------------------------------
    def _row(self, row: Row) -> str:
        """Check one row; its outcome. Raises Failure, Hang or TimeoutError."""
        row.began, row.asked = len(self.all_requests()), len(self.all_names())
        row.further = {name: len(self.all_requests(name)) for name in self.providers}
        row.tapped = len(self.all_gateway_requests())
        row.logged, row.egressed = (len(squid.log()) if squid else 0 for squid in (self.squid, self.egress))
        row.fronted = len(self.nginx_log())
        block = row.block
        self.here = self.machine(block.data.get("terminal", "client"))
        if self.about.get("catalogue"):
            self._catalogued(row)
            return "passed"
        if not variants.holds(block.data.get("only", {}), self.variant, self.settings):
            return "not here"
        if block.check == "output":
            self._output(row)
        elif block.check == "schema":
            self._schema(row)
        elif block.check == "symptom":
            self._symptom(row)
        elif "save_as" in block.data:
            self._save(row)
        elif row.language == "python":
            self._python(row)
        elif self.forker and block.id.endswith("/" + INSTALL):
            if self.settings.get("systemd"):
                self.install_real()
            elif self.settings.get("adds"):
                self.install_own()
            else:
                self.install_warm(self.forker)
            return "not run"
        elif block.check in {"run", "native"}:
            for name in block.data.get("also", []):
                self._paste(row, self.terminal(name))
            self._paste(row)
        else:
            raise Failure(f"{block.id}: no way to check {block.check!r} in the lab; give it one in tests/lab/replay.py")
        row.waits = "after" in block.data
        if not row.waits:
            self._observe(row)
        return "passed"

    def _catalogued(self, row: Row) -> None:
        """A page of the catalogue: what brings its blocks about stands in snippets/facts/symptoms.yaml."""
        self.symptoms = self.symptoms or Reproductions(self)
        problem = self.symptoms.check(row)
        if problem:
            raise Failure(f"{row.block.id}: {problem}")

    def _observe(self, row: Row) -> None:
        self.here = self.machine(row.block.data.get("terminal", "client"))
        for item in [*row.block.data.get("observed", []), *self.about.get("observed", {}).get(row.block.id, [])]:
            kind, expected = next((key, value) for key, value in item.items() if key != "what")
            problem = observe.KINDS[kind](self, row, expected)
            if problem:
                raise Failure(f"{row.block.id}: {item['what']} — not so: {problem}")

    def _later(self, done: Row) -> None:
        """Observations of earlier rows that wait for this one."""
        for row in self.rows:
            if row.block.data.get("after") == done.block.id and row.outcome == "passed":
                row.waits = False
                try:
                    self._observe(row)
                except PROBLEMS as problem:
                    row.fail(problem)

    def _never_came(self) -> None:
        """What no later row let anybody observe has not passed."""
        for row in self.rows:
            if row.waits and row.outcome == "passed":
                other = row.block.data["after"]
                row.fail(Failure(f"{row.block.id}: it is observed after {other}, which this page does not run later; correct after: in the ledger"))

    def _lab(self, block: Block) -> dict[str, str]:
        env: dict[str, str] = {}
        inspected = self.settings.get("egress" if self.machines else "squid", {}).get("inspect", False)
        for difference in block.lab.values():
            if difference.get("compiled"):
                if not self.compiled:
                    continue
                if not (self.lab / "compiled").exists():
                    self.provide_compiled(self.compiled())
            if not (inspected and difference.get("unless_inspected")):
                env |= difference["env"]
        return {name: value.format(lab="/mnt/lab", wheelhouse=programs.wheels()) for name, value in env.items()}

    def _paste(self, row: Row, terminal: Terminal | None = None, text: str | None = None) -> None:
        block = row.block
        terminal = terminal or self.terminal(block.data["terminal"])
        if block.data.get("interrupt"):
            terminal.interrupt()
            terminal = self.terminal(block.data["terminal"])
        for name, value in self.values(block.data.get("with", {})).items():
            terminal.run(f"export {name}={value}")
        lab = self._lab(block)
        seconds = block.data.get("seconds", 60)
        self._think(block)
        terminal.start(text or row.text, lab, self.typed(block))
        if "service" in block.data:
            try:
                wait_until(lambda: terminal.is_done() or self.serves(block.data["service"]), seconds, f"an answer at {block.data['service']}")
            except TimeoutError as problem:
                raise Failure(f"{block.id}: {problem}; it printed:\n{terminal.screen()[-2000:]}") from None
            if terminal.is_done():
                raise Failure(f"{block.id}: it ended instead of serving; it printed:\n{terminal.screen()[terminal.offset :][-2000:]}")
            result = terminal.running()
        else:
            result = terminal.finish(seconds)
        self._think(None)
        row.status, row.output, row.environment = result.status, result.output, result.after
        if result.added != lab:
            names = sorted(set(result.added) ^ set(lab)) or sorted(lab)
            raise Failure(f"{block.id}: the lab changes {', '.join(names)} without declaring it; name the difference in the block's lab: list")
        if "service" not in block.data and not any("exit" in item for item in block.data["observed"]) and result.status != 0:
            raise Failure(f"{block.id}: exit status {result.status}; it printed:\n{result.output[-2000:]}")

    def past_the_proxy(self, row: Row) -> Result:
        """The block once more, in a terminal that knows the gateway's name and keeps Claude Code from every proxy."""
        self.fresh += 1
        machines = {**self.machines, "reader": {**self.machines["reader"], "knows": [self.book.fact("site.gateway_host")]}}
        name = f"client-{self.fresh}"
        view = gateway_host.view(self.inside, self.book, "reader", machines, "hosts-past-the-proxy")
        self.terminals[name] = terminal = Terminal(self.inside, self.lab / f"terminal-{name}", dict(self.env), HOME / "project", view)
        self._set_up(terminal)
        terminal.run("export NO_PROXY='*'")
        return terminal.run(row.text, self._lab(row.block), seconds=row.block.data.get("seconds", 60))

    def typed(self, block: Block) -> list[tuple[str, bool]]:
        """What a reader types at the block's prompts, and whether it must not show."""
        hidden = [item["hides"] for item in block.data.get("observed", []) if "hides" in item]
        return [(self.content(item["text"]), item["text"] in hidden) for item in block.data.get("types", [])]

    def _fresh_client(self) -> Terminal:
        """A new terminal, as after a login: nothing of the page is set in it."""
        self.fresh += 1
        return self.terminal(f"client-{self.fresh}")

    def past_the_gateway(self, row: Row) -> Result:
        """The block once more, in a new terminal in which Claude Code is pointed at the provider."""
        return self.elsewhere(row, self.direct_env())

    def elsewhere(self, row: Row, env: dict[str, Any]) -> Result:
        """The block once more, in a new terminal in which only these variables are set."""
        terminal = self._fresh_client()
        for name, value in self.values(env).items():
            terminal.run(f"export {name}={value}")
        self._think(row.block)
        try:
            return terminal.run(row.text, self._lab(row.block), seconds=row.block.data.get("seconds", 60))
        finally:
            self._think(None)

    def _think(self, block: Block | None) -> None:
        """Let the stand-in wait before it answers, where a block declares that; None: no longer."""
        stalls = [difference["stall"] for difference in block.lab.values() if "stall" in difference] if block else []
        path = self.lab / "provider" / "behave.json"
        if stalls:
            path.write_text(json.dumps({"stall": max(stalls), "path": "/v1/messages"}))
        elif block is None and path.exists() and "status" not in json.loads(path.read_text()):
            path.unlink()

    def _other(self, block_id: str) -> Row:
        for row in self.rows:
            if row.block.id == block_id:
                return row
        raise Failure(f"the page does not show {block_id}, which this block needs")

    def _save(self, row: Row) -> None:
        block = row.block
        path = self.outside(block.data["save_as"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row.text + "\n")
        if "then" not in block.data:
            return
        try:
            *before, last = block.many("then")
            terminal = self._fresh_client()
            for name in before:
                terminal.run(self._other(name).text)
            self._paste(row, terminal, self._other(last).text)
        finally:
            path.unlink()

    def _schema(self, row: Row) -> None:
        block = row.block
        if row.language != "powershell":
            problem = validate.check(self.book, block, row.text)
            if problem:
                raise Failure(f"{block.id}: {problem}")
            return
        rules = json.loads((self.book.root / block.data["schema"]).read_text())
        if row.language in {"json", "yaml"}:
            self._document(row, jsonschema.Draft202012Validator(rules))
            return
        definition = read_yaml(block.path)

        def read(text: str) -> dict[str, Any]:
            data = powershell.configuration(text)
            if data.pop("login", False) != (block.rendering == "powershell-login"):
                raise powershell.PowerShellError("it asks for a proxy's login, or does not, and should not, or should")
            jsonschema.Draft202012Validator(rules).validate(data)
            return data

        try:
            found = read(row.text)
        except (powershell.PowerShellError, jsonschema.ValidationError) as problem:
            raise Failure(f"{block.id}: {problem}") from None
        if found != renderings.on_windows(definition):
            raise Failure(f"{block.id}: it sets {found}, the definition says {definition}")
        for path in block.data["counterexamples"]:
            try:
                read((self.book.snippets / path).read_text())
            except (powershell.PowerShellError, jsonschema.ValidationError):
                continue
            raise Failure(f"snippets/{path}: must be rejected, but is accepted")

    def _document(self, row: Row, rules: jsonschema.Draft202012Validator) -> None:
        """A file whose program is not to be had here: valid, and no counterexample is."""
        problem = next(rules.iter_errors(yaml.safe_load(row.text)), None)
        if problem:
            raise Failure(f"{row.block.id}: {problem.message}")
        for path in row.block.data["counterexamples"]:
            if rules.is_valid(yaml.safe_load((self.book.snippets / path).read_text())):
                raise Failure(f"snippets/{path}: must be rejected, but is accepted")

    def _output(self, row: Row) -> None:
        block = row.block
        producer = self._other(block.data["of"])
        names = block.data.get("normalise", [])
        printed = producer.output.strip("\n")
        if normalise.share(row.text if self.update is None else printed, names) > normalise.LIMIT:
            raise Failure(f"{block.id}: more than {normalise.LIMIT:.0%} of its characters would be normalised")
        if self.update is not None:
            self.record(row, printed)
            return
        if normalise.normalise(printed, names) != normalise.normalise(row.text, names):
            raise Failure(f"{block.id}: {producer.block.id} printed\n{printed}\ninstead of\n{row.text}\nIf that is right, run: make update")

    def _symptom(self, row: Row) -> None:
        """Bring the cause about in a new terminal that is otherwise set up by the page."""
        block, cause = row.block, row.block.data["cause"]
        terminal = self._fresh_client()
        self._set_up(terminal)
        for name, value in self.values(cause.get("env", {})).items():
            terminal.run(f"unset {name}" if value is None else f"export {name}='{value}'")
        piped = f"head -c {cause['piped']} /dev/zero | tr '\\0' a | " if "piped" in cause else ""
        with self._fault(row, cause):
            self._paste(row, terminal, f'{piped}claude -p "Reply with one word: connected"')
        printed = row.output.strip("\n")
        if self.update is not None:
            self.record(row, printed)
        elif printed != row.text:
            raise Failure(
                f"{block.id}: with the cause ({cause['what']}) Claude Code printed\n{printed}\ninstead of\n{row.text}\nIf that is right, run: make update"
            )

    def record(self, row: Row, printed: str) -> None:
        """In an update: write what was printed, where that differs.

        Raises Failure when the same file is to say something else by another row, cause or variant.
        """
        assert self.update is not None
        path, names = row.block.path, row.block.data.get("normalise", [])
        other = self.update.setdefault(path, printed)
        if normalise.normalise(other, names) != normalise.normalise(printed, names):
            raise Failure(f"{row.block.id}: printed once\n{other}\nand once\n{printed}\nOne file cannot say both; give each its own")
        row.text = path.read_text().rstrip("\n")
        if normalise.normalise(row.text, names) != normalise.normalise(printed, names):
            path.write_text(printed + "\n")
            row.text = printed

    def _set_up(self, terminal: Terminal) -> None:
        """What the page did in Claude Code's terminal so far."""
        for other in [*self.before, *self.rows]:
            if other.outcome == "passed" and self._sets_up_client(other.block):
                terminal.run(other.text, types=self.typed(other.block))

    @staticmethod
    def _sets_up_client(block: Block) -> bool:
        """Whether a block changes the environment of Claude Code's terminal."""
        here = "client" in [block.data.get("terminal"), *block.data.get("also", [])]
        return here and any("environment" in item for item in block.data.get("observed", []))

    @contextmanager
    def _fault(self, row: Row, cause: dict[str, Any]) -> Iterator[None]:
        """What a cause changes outside the reader's terminal, for one row: the provider, names, a proxy, a line of the gateway's nginx."""
        starts = {"squid": self.start_squid, "egress": self.start_egress}
        changed = [name for name in starts if name in cause]
        path = self.outside(cause["nginx"]["file"]) if "nginx" in cause else None
        before = path.read_text() if path else ""
        asked = dict(cause.get("provider", {}))
        behave, hosts = self.folder(asked.pop("of", "anthropic")) / "behave.json", self.inside.etc / "hosts"
        known = hosts.read_text()
        try:
            if "provider" in cause:
                behave.write_text(json.dumps(asked))
            for name, address in cause.get("hosts", {}).items():
                hosts.write_text(re.sub(rf" {re.escape(name)}(?=\s)", "", hosts.read_text()) + (f"{address} {name}\n" if address else ""))
            for name in changed:
                getattr(self, name).close()
                starts[name](**{**self.settings[name], **cause[name]})
            if path:
                find, replace = cause["nginx"]["find"], cause["nginx"]["replace"]
                if find not in before:
                    raise Failure(f"{cause['what']}: {cause['nginx']['file']} does not hold {find!r}")
                path.write_text(before.replace(find, replace))
                self._reload_nginx()
            if "asked" in cause:
                self._within_a_minute()
                for _ in range(cause["asked"]["requests"]):
                    self.ask_gateway(cause["asked"]["key"], cause["asked"]["model"])
            yield
        finally:
            behave.unlink(missing_ok=True)
            hosts.write_text(known)
            if path:
                path.write_text(before)
                self._reload_nginx()
            for name in ("squid", "egress"):
                squid = getattr(self, name)
                self.refusals[name] = squid.log()[0 if name in changed else getattr(row, "logged" if name == "squid" else "egressed") :] if squid else []
            for name in changed:
                getattr(self, name).close()
                starts[name](**self.settings[name])

    def _reload_nginx(self) -> None:
        done = self.terminal("operator").run("sudo nginx -t && sudo service nginx restart")
        if done.status != 0:
            raise Failure(f"nginx does not start: {done.output[-500:]}")

    @staticmethod
    def _within_a_minute() -> None:
        """Limits count by the minute of the clock; wait for the next one when this one is nearly over."""
        if time.time() % 60 > 35:
            time.sleep(60 - time.time() % 60)

    def _python(self, row: Row) -> None:
        """Run the page's Python block by pytest-markdown-docs, inside."""
        page = self.book.root / "reports" / "rendered" / f"{self.page.rstrip('/')}.md"
        base = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(page.parent), "-c", os.devnull,
                "--markdown-docs", "--markdown-docs-syntax=superfences"]  # fmt: skip
        env = {**self.env, "PYTHONDONTWRITEBYTECODE": "1"}
        listed = self.inside.run([*base, "--collect-only", "-q", str(page)], env, page.parent)
        ids = [line for line in listed.stdout.splitlines() if "::" in line]
        rows = [other for other in self.rows if other.language == "python"]
        if len(ids) != len(rows):
            raise Failure(
                f"pytest-markdown-docs found {len(ids)} Python blocks in {page.name}, the page shows {len(rows)}; keep it out of tabs:\n{listed.stdout[-800:]}"
            )
        done = self.inside.run([*base, "-q", "-s", str(page.parent / ids[rows.index(row)])], env, page.parent, timeout=row.block.data.get("seconds", 60))
        row.status, row.output = done.returncode, done.stdout
        if done.returncode != 0:
            raise Failure(f"{row.block.id}: pytest-markdown-docs: {done.stdout[-2500:]}{done.stderr[-500:]}")


def replay_variant(book: Book, site: Path, page: str, variant: str, forker: Callable[[], litellm_fork.Forker]) -> list[Row]:
    """Replay a page in one variant: the first cold where ``installs`` says so, the others with a forked gateway.

    A page whose reader has done another page ``first``, and one of the catalogue's, is replayed with a forked gateway only:
    another page's replay starts it cold.
    """
    cold = variant == next(iter(variants.of(book, page))) and not {"first", "catalogue"} & set(book.pages.get(page, {}))
    cold = cold and installs(page, (row.block.id for row in rows_of(book, site, page)))
    return Replay(book, site, page, variant=variant, forker=None if cold else forker(), compiled=forker).run()


def installs(page: str, blocks: Iterable[str]) -> bool:
    """Whether what these blocks of a page install is installed there. In ``make test-all`` it always is.

    In ``make test``, a block that installs and stands on several pages is run on the page it belongs to,
    whose address is its folder; on the others its outcome is ``not run``, and ``accounts.differences`` holds it against that one.
    """
    return os.environ.get("HANDBOOK_ALL_VARIANTS") == "1" or all(block.removesuffix(INSTALL) == page for block in blocks if block.endswith("/" + INSTALL))


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A row as two variants saw it: it has passed when it passed in one and failed in none."""
    worst_first = ["failed", "not reached", "passed", "not run", "not here"]
    return one | {
        "outcome": min(one["outcome"], other["outcome"], key=worst_first.index),
        "seconds": round(one["seconds"] + other["seconds"], 3),
    }


def as_data(book: Book, row: Row) -> dict[str, Any]:
    """The row as ``reports/blocks.json`` holds it; its hash is of the text that ran."""
    text = row.text + "\n"
    if row.block.delivery == "download":
        text = row.block.path.read_text("utf-8")
    return {
        "id": row.block.id, "page": row.page, "anchor": row.anchor, "language": row.language, "check": row.block.check,
        "sha256": hashlib.sha256(text.encode()).hexdigest(), "versions": book.versions(row.block), "delivery": row.block.delivery,
        "outcome": row.outcome, "seconds": row.seconds,
    }  # fmt: skip
