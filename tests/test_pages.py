"""Every block of every built page, replayed in order as a reader would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from macros.ledger import Book
from tests.conftest import rendered_rows
from tests.lab.replay import Row, as_data, replay_page


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a row, in the order of the page."""
    if "row" in metafunc.fixturenames:
        metafunc.parametrize(
            "row",
            [pytest.param((item["page"], item["anchor"]), id=f"{item['page']}#{item['anchor']}") for item in rendered_rows()],
        )


@pytest.fixture(scope="session")
def replayed(book: Book, site: Path, request: pytest.FixtureRequest) -> Any:
    """Replays a page when its first row is asked for."""
    done: dict[str, dict[str, Row] | Exception] = {}

    def get(page: str) -> dict[str, Row]:
        if page not in done:
            try:
                done[page] = {row.anchor: row for row in replay_page(book, site, page, lambda: request.getfixturevalue("forker"))}
            except Exception as problem:  # once, not once a row
                done[page] = problem
        found = done[page]
        if isinstance(found, Exception):
            raise found
        return found

    return get


@pytest.mark.lab
def test_block(row: tuple[str, str], replayed: Any, book: Book, record_property: Any) -> None:
    page, anchor = row
    assert anchor in replayed(page), f"{page}#{anchor} stands in site/evidence/blocks.json, but not on the page"
    found = replayed(page)[anchor]
    record_property("block", json.dumps(as_data(book, found)))
    assert found.outcome == "passed", found.message
