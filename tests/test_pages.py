"""Every block of every built page, replayed in order as a reader would, in every variant of the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests.conftest import rendered_rows, the_book
from tests.lab import variants
from tests.lab.replay import Row, as_data, replay_variant


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a row and variant, in the order of the page; a row that is for some variants only is not asked for in the others."""
    if "row" not in metafunc.fixturenames:
        return
    book, found = the_book(), []
    known: dict[str, dict[str, Any]] = {}
    for item in rendered_rows():
        only = {} if book.pages.get(item["page"], {}).get("catalogue") else book.block(item["id"]).data.get("only", {})
        if item["page"] not in known:
            known[item["page"]] = variants.of(book, item["page"])
        for variant, settings in known[item["page"]].items():
            if variants.holds(only, variant, settings):
                name = f"{item['page']}#{item['anchor']}" + (f" ({variant})" if variant else "")
                found.append(pytest.param((item["page"], item["anchor"], variant), id=name))
    metafunc.parametrize("row", found)


@pytest.fixture(scope="session")
def replayed(book: Book, site: Path, request: pytest.FixtureRequest) -> Any:
    """Replays a page's variant when its first row is asked for."""
    done: dict[tuple[str, str], dict[str, Row] | Exception] = {}

    def get(page: str, variant: str) -> dict[str, Row]:
        if (page, variant) not in done:
            try:
                rows = replay_variant(book, site, page, variant, lambda: request.getfixturevalue("forker"))
                done[page, variant] = {row.anchor: row for row in rows}
            except Exception as problem:  # once, not once a row
                done[page, variant] = problem
        found = done[page, variant]
        if isinstance(found, Exception):
            raise found
        return found

    return get


@pytest.mark.lab
def test_block(row: tuple[str, str, str], replayed: Any, book: Book, record_property: Any) -> None:
    page, anchor, variant = row
    rows = replayed(page, variant)
    assert anchor in rows, f"{page}#{anchor} stands in site/evidence/blocks.json, but not on the page"
    found = rows[anchor]
    record_property("block", json.dumps(as_data(book, found)))
    assert found.outcome in {"passed", "not run"}, found.message  # not run: installing; accounts.differences wants a pass
