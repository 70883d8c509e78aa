"""What each gateway's route makes of real Claude Code's request, header by header and field by field, against the data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from macros.ledger import Book
from tests.lab import gateways
from tests.lab.anthropic_api import LAB_KEY, SECOND_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.namespace import wait_until
from tests.lab.terminal import Terminal
from tests.lab.world import DIRECT_PORT, HOME, World

pytestmark = pytest.mark.lab
KEY = "sk-lab-master-key-of-no-use-anywhere"
UPSTREAM = f"http://127.0.0.1:{DIRECT_PORT}"
#: Of one connection, or of one transfer: nothing that a route decides.
HOP = {"accept-encoding", "connection", "content-length", "host"}
#: What differs between two sessions of the same Claude Code.
SESSION = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|cch=\w+|\d{4}-\d\d-\d\dT[\d:.]+Z")
LIBRARY = re.compile(r"^x-stainless-.*")
#: column of the data -> (port, what follows it in the base URL)
ROUTES = {"litellm": (4000, ""), "passthrough": (4000, "/anthropic"), "portkey": (4101, ""), "router": (4102, "")}


@pytest.fixture(scope="module")
def seen(book: Book, site: Any, forker: Forker) -> Iterator[dict[str, dict[str, Any]]]:
    """column -> the request of one prompt, as the provider received it; ``direct``: without a gateway."""
    with World(book, site) as world:
        folder = world.install_warm(forker).parents[2]
        config = yaml.safe_load((book.snippets / "patterns/local-gateway/config.yaml").read_text())
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        env = {**world.env, "LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "UPSTREAM_ANTHROPIC_API_KEY": LAB_KEY,
               "ANTHROPIC_API_KEY": LAB_KEY, "SSL_CERT_FILE": "/mnt/lab/ca.pem"}  # fmt: skip
        world.terminals["litellm"] = Terminal(world.inside, world.lab / "terminal-litellm", env, HOME / "litellm-gateway")
        world.terminals["litellm"].start("venv/bin/litellm --config config.yaml --host 127.0.0.1 --port 4000", {}, [])
        with (
            gateways.start("portkey", world.lab / "portkey", UPSTREAM, 4101, inside=world.inside) as portkey,
            gateways.start("claude-code-router", world.lab / "router", UPSTREAM, 4102, inside=world.inside) as router,
        ):
            wait_until(lambda: world.serves("http://127.0.0.1:4000/health/readiness"), 60, "the start of LiteLLM")
            tokens = {"litellm": KEY, "passthrough": KEY, "portkey": portkey.token, "router": router.token}
            headers = {"portkey": "\n".join(f"{name}: {value}" for name, value in portkey.headers.items())}
            found = {"direct": one(world, UPSTREAM, SECOND_KEY, "")}
            for column, (port, path) in ROUTES.items():
                found[column] = one(world, f"http://127.0.0.1:{port}{path}", tokens[column], headers.get(column, ""))
        yield found


def one(world: World, url: str, token: str, headers: str) -> dict[str, Any]:
    before = len(world.all_requests())
    env = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_AUTH_TOKEN": token, **({"ANTHROPIC_CUSTOM_HEADERS": headers} if headers else {})}
    done = world.claude(env, "-p", "Reply with one word: wire", home="wire")
    requests = [request for request in world.all_requests()[before:] if request["path"] == "/v1/messages"]
    assert done.stdout == "wire\n" and len(requests) == 1, f"{url}: {done.stdout}{done.stderr}"
    return requests[0]


def header_cell(direct: str | None, value: str | None) -> str:
    if value is None:
        return "–" if direct is None else "dropped"
    if direct is None:
        return "added"
    here, there = (SESSION.sub("", text) for text in (value, direct))
    if here == there:
        return "as sent"
    return "in another order" if sorted(re.split(r",\s*", here)) == sorted(re.split(r",\s*", there)) else "replaced"


def field_cell(direct: Any, value: Any) -> str:
    if value is None:
        return "–" if direct is None else "dropped"
    if direct is None:
        return "added"
    return "as sent" if SESSION.sub("", json.dumps(direct)) == SESSION.sub("", json.dumps(value)) else "changed"


def table(seen: dict[str, dict[str, Any]], part: str) -> list[dict[str, str]]:
    """The rows of the data as measured: one for each header or field that anyone sent, one for all of the client library's own."""
    cell = header_cell if part == "headers" else field_cell
    names = sorted({name for request in seen.values() for name in request[part]} - (HOP if part == "headers" else set()))
    direct, rows = seen["direct"][part], []
    for name in names:
        row = {"name": f"`{LIBRARY.sub('x-stainless-*', name)}`", **{column: cell(direct.get(name), seen[column][part].get(name)) for column in ROUTES}}
        rows += [row] if row not in rows else []
    return rows


@pytest.mark.parametrize("part", ["headers", "body"])
def test_the_tables_are_what_is_measured(seen: dict[str, dict[str, Any]], book: Book, part: str) -> None:
    measured = table(seen, part)
    assert book.fact(f"gateways.wire_{part}.rows") == measured, "if that is right, write into snippets/facts/gateways.yaml:\n" + yaml.safe_dump(
        measured, sort_keys=False, allow_unicode=True, default_flow_style=None, width=200
    )


def test_only_the_unified_route_loses_the_query(seen: dict[str, dict[str, Any]], book: Book) -> None:
    assert {name: request["query"] for name, request in seen.items()} == book.fact("gateways.wire_query")


def test_every_route_puts_the_providers_key_where_the_provider_looks(seen: dict[str, dict[str, Any]]) -> None:
    for name in ROUTES:
        assert seen[name]["headers"]["x-api-key"] == LAB_KEY, name


def test_a_changed_field_is_noticed() -> None:
    assert (field_cell({"a": 1}, {"a": 2}), field_cell({"a": 1}, None), field_cell(None, 1)) == ("changed", "dropped", "added")
    assert (header_cell("a,b", "b,a"), header_cell("a", "b"), header_cell(None, "b")) == ("in another order", "replaced", "added")
