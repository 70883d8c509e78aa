"""Gateways that npm installs: each is started, asked, and seen from the provider's side."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from macros.ledger import Book
from tests.conftest import ROOT
from tests.lab import gateways
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.namespace import wait_until
from tests.lab.play.started import free_port

pytestmark = pytest.mark.lab
BODY = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Reply with one word: gateway"}], "of_no_schema": 1}
BETAS = "second-beta,first-beta"


@dataclass(frozen=True)
class Asked:
    """What a gateway answered, and what the provider saw of it."""

    gateway: gateways.Gateway
    status: int
    answer: dict[str, Any]
    seen: dict[str, Any]
    refused: int


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The stand-in's address, and the file it records in."""
    folder, port = tmp_path_factory.mktemp("provider"), free_port()
    words = ["--folder", str(folder), "--port", str(port), "--model", "claude-opus-5-5"]
    process = subprocess.Popen([sys.executable, "-m", "tests.lab.anthropic_api", *words], cwd=ROOT, env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        wait_until((folder / "ready").exists, 30, "the start of the stand-in")
        yield f"http://127.0.0.1:{port}", folder / "requests.jsonl"
    finally:
        process.kill()
        process.wait()


def ask(gateway: gateways.Gateway, token: str | None = None, path: str = "/v1/messages", method: str = "POST", **body: Any) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of an answer."""
    headers = {
        "authorization": f"Bearer {token or gateway.token}",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": BETAS,
        "content-type": "application/json",
    }
    data = json.dumps({**BODY, **body}).encode() if method == "POST" else None
    request = urllib.request.Request(gateway.url + path, data, headers | gateway.headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, json.load(answer)
    except urllib.error.HTTPError as problem:
        text = problem.read().decode()
        return problem.code, {name.lower(): value for name, value in problem.headers.items()}, json.loads(text) if text.startswith("{") else text


@pytest.fixture(scope="module")
def running(provider: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, gateways.Gateway]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(gateways.start(name, tmp_path_factory.mktemp(name) / "home", provider[0], free_port())) for name in sorted(gateways.KINDS)
        }


@pytest.fixture(scope="module")
def answers(running: dict[str, gateways.Gateway], provider: tuple[str, Path]) -> dict[str, Any]:
    """What each makes of a provider that has enough of its client."""
    behave = provider[1].parent / "behave.json"
    behave.write_text(json.dumps({"status": 429, "retry_after": 3}))
    try:
        return {name: ask(gateway) for name, gateway in running.items()}
    finally:
        behave.unlink()


@pytest.fixture(scope="module", params=sorted(gateways.KINDS))
def asked(request: pytest.FixtureRequest, running: dict[str, gateways.Gateway], provider: tuple[str, Path]) -> Asked:
    gateway = running[request.param]
    status, _, answer = ask(gateway)
    seen = json.loads(provider[1].read_text().splitlines()[-1])
    return Asked(gateway, status, answer, seen, ask(gateway, "of-nobody")[0])


def test_it_is_the_release_of_its_lock_file(asked: Asked) -> None:
    manifest = json.loads((ROOT / "snippets" / "gateways" / asked.gateway.name / "package.json").read_text())
    assert asked.gateway.version == manifest["dependencies"][gateways.PACKAGES[asked.gateway.name]]


def test_the_versions_of_the_data_are_those_of_the_programs(book: Book) -> None:
    found = {name: gateways.version(name) for name in gateways.KINDS}
    assert found == {name: book.fact(f"versions.{name}.version") for name in found}
    for name, program in (
        ("node", [str(gateways.programs.node()), "--version"]), ("haproxy", [str(gateways.programs.system("haproxy")), "-v"]),
        ("caddy", [str(gateways.programs.proxy("caddy")), "version"]), ("envoy", [str(gateways.programs.proxy("envoy")), "--version"]),
    ):  # fmt: skip
        printed = subprocess.run(program, capture_output=True, text=True).stdout
        assert re.search(rf"[v /]{re.escape(book.fact(f'versions.{name}.version'))}\b", printed), printed


def test_its_lock_file_holds_hashes_and_no_addresses(asked: Asked) -> None:
    packages = json.loads((ROOT / "snippets" / "gateways" / asked.gateway.name / "package-lock.json").read_text())["packages"]
    assert all("integrity" in about and "resolved" not in about for name, about in packages.items() if name)


def test_the_answer_is_the_providers(asked: Asked) -> None:
    assert asked.status == 200 and asked.answer["content"] == [{"type": "text", "text": "gateway"}]


def test_the_provider_gets_its_key_version_and_betas(asked: Asked) -> None:
    headers = asked.seen["headers"]
    assert (headers["x-api-key"], headers["anthropic-version"], headers["anthropic-beta"]) == (LAB_KEY, "2023-06-01", BETAS)


def test_another_key_is_refused(asked: Asked) -> None:
    assert asked.refused == 401


def test_portkey_alone_drops_fields_that_it_does_not_know(asked: Asked) -> None:
    assert ("of_no_schema" in asked.seen["body"]) is (asked.gateway.name != "portkey")


def test_portkey_writes_errors_anew_and_keeps_their_status(answers: dict[str, Any]) -> None:
    status, headers, body = answers["portkey"]
    assert (status, headers["retry-after"]) == (429, "3")
    assert "type" not in body and "request_id" not in body and body["error"]["type"] == "rate_limit_error"


def test_the_router_loses_when_to_ask_again_and_shows_its_program(answers: dict[str, Any]) -> None:
    status, headers, body = answers["claude-code-router"]
    assert status == 429 and "retry-after" not in headers and "cli.js" in body["error"]["message"]


def test_the_router_answers_a_plain_name_with_the_default_model(running: dict[str, gateways.Gateway], provider: tuple[str, Path]) -> None:
    status, _, body = ask(running["claude-code-router"], model="claude-nobody-knows")
    assert status == 200 and body["model"] == "claude-opus-5-5"
    assert json.loads(provider[1].read_text().splitlines()[-1])["body"]["model"] == "claude-opus-5-5"


def test_the_router_counts_by_itself_and_lists_no_models(running: dict[str, gateways.Gateway], provider: tuple[str, Path]) -> None:
    before = len(provider[1].read_text().splitlines())
    assert ask(running["claude-code-router"], path="/v1/messages/count_tokens")[2] == {"input_tokens": 6}
    assert ask(running["claude-code-router"], path="/v1/models", method="GET")[0] == 404
    assert len(provider[1].read_text().splitlines()) == before


def test_portkey_counts_and_lists_at_the_provider(running: dict[str, gateways.Gateway], provider: tuple[str, Path]) -> None:
    before = len(provider[1].read_text().splitlines())
    assert ask(running["portkey"], path="/v1/messages/count_tokens")[0] == ask(running["portkey"], path="/v1/models", method="GET")[0] == 200
    assert len(provider[1].read_text().splitlines()) == before + 2


def test_portkey_passes_33_megabytes_on(running: dict[str, gateways.Gateway], provider: tuple[str, Path]) -> None:
    assert ask(running["portkey"], messages=[{"role": "user", "content": "a" * (33 << 20)}])[0] == 200
    assert json.loads(provider[1].read_text().splitlines()[-1])["bytes"] > 33 << 20


def test_portkeys_old_path_asks_whom_it_is_told(provider: tuple[str, Path], tmp_path: Path) -> None:
    """What https://github.com/Portkey-AI/gateway/issues/1718 says: the check of the other paths is left out."""
    with gateways.start("portkey", tmp_path / "home", provider[0], free_port(), env={"TRUSTED_CUSTOM_HOSTS": "nobody.example"}) as gateway:
        assert ask(gateway)[0] == 400
        assert ask(gateway, path="/v1/proxy/v1/messages")[0] == 200


def test_portkey_does_not_use_the_middleware_of_the_advisories() -> None:
    assert "serveStatic" not in gateways.programs.gateway("portkey", gateways.PACKAGES["portkey"], "build/start-server.js").read_text()


def test_the_router_without_providers_is_open_to_everyone(tmp_path: Path) -> None:
    """Also where the file names an address and a key."""
    (tmp_path / ".claude-code-router").mkdir()
    port = free_port()
    text = json.dumps({"HOST": "127.0.0.1", "PORT": port, "APIKEY": "secret", "LOG": False})
    (tmp_path / ".claude-code-router" / "config.json").write_text(text)
    program = gateways.programs.gateway("claude-code-router", gateways.PACKAGES["claude-code-router"], "dist/cli.js")
    process = subprocess.Popen(
        [str(gateways.programs.node()), str(program), "start"], env={"PATH": os.defpath, "HOME": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "Listening on 0.0.0.0 without authentication" in process.stdout.readline()

        def config() -> str:
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/api/config", timeout=5).read().decode()
            except OSError:
                return ""

        wait_until(lambda: "secret" in config(), 20, "the router's configuration, asked for without a key")
    finally:
        process.kill()
        process.wait()


# Pages ------------------------------------------------------------------------------
def test_every_product_has_the_notice_and_its_source(site: Path, book: Book) -> None:
    """Anthropic's own gateway needs none."""
    products = [row for row in book.fact("gateways.products") if row["id"] != "claude-apps-gateway"]
    for row in products:
        page = site / "gateways" / row.get("page", "others.md").removesuffix(".md") / "index.html"
        article = BeautifulSoup(page.read_text("utf-8"), "html.parser").select_one("article")
        assert article is not None
        notices = [note.get_text() for note in article.select(".admonition.note") if "third-party solution" in note.get_text()]
        assert any(row["name"].removesuffix(" Gateway") in note for note in notices), f"{page}: no notice names {row['name']}"
    others = (site / "gateways" / "others" / "index.html").read_text("utf-8")
    assert [row["id"] for row in book.fact("gateways.products") if row["source"] not in others or row["read"] not in others] == []


def test_mintmcp_is_told_as_a_gateway_for_tools(site: Path, book: Book) -> None:
    kinds = {row["id"]: row["kind"] for row in book.fact("gateways.products")}
    assert [name for name, kind in kinds.items() if kind == "tools"] == ["mintmcp"]
    article = BeautifulSoup((site / "gateways" / "others" / "index.html").read_text("utf-8"), "html.parser")
    assert not any("mintmcp" in pre["data-snippet"] for pre in article.select("pre[data-snippet]"))


# Caddy ---------------------------------------------------------------------------------
@pytest.mark.parametrize("filtered", [True, False])
def test_caddys_log_shows_a_key_unless_it_is_told_not_to(book: Book, tmp_path: Path, filtered: bool) -> None:
    port = free_port()
    config = book.block("gateways/proxies/Caddyfile").path.read_text().replace("127.0.0.1:4000", f"127.0.0.1:{port}")
    if not filtered:
        config, removed = re.subn(r"    log \{.*?\n    \}\n", "    log\n", config, flags=re.DOTALL)
        assert removed == 1
    (tmp_path / "Caddyfile").write_text(config)
    env = {"HOME": str(tmp_path), "GATEWAY_TOKEN": "the-token", "UPSTREAM_ANTHROPIC_API_KEY": "of-no-use"}
    command = [str(gateways.programs.proxy("caddy")), "run", "--config", str(tmp_path / "Caddyfile")]
    with (tmp_path / "log").open("w") as log, subprocess.Popen(command, env=env, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: is_up(port), 20, "the start of Caddy")
            headers = {"authorization": "Bearer sk-lab-bearer", "x-api-key": "sk-lab-own"}
            request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/messages", data=b"{}", headers=headers)
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(request)
            wait_until(lambda: "/v1/messages" in (tmp_path / "log").read_text(), 20, "the request's line in the log")
        finally:
            process.terminate()
    text = (tmp_path / "log").read_text()
    assert ("sk-lab-own" in text) == (not filtered) and "sk-lab-bearer" not in text


def is_up(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health").status == 200
    except OSError:
        return False
