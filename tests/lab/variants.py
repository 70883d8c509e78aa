"""Which variants of a page are replayed.

A ledger lists them by name, or names each proxy's properties under
``combine``. Then ``make test`` replays a pairwise cover: every two properties,
present and absent, meet in one variant. ``make test-all`` replays them all.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

from macros.ledger import Book

Settings = dict[str, Any]


def of(book: Book, page: str, everything: bool | None = None) -> dict[str, Settings]:
    """Name -> settings. ``everything`` unless told: whether HANDBOOK_ALL_VARIANTS is 1."""
    about = book.pages.get(page, {})
    if "combine" not in about:
        return about.get("variants", {"": {}})
    every = os.environ.get("HANDBOOK_ALL_VARIANTS") == "1" if everything is None else everything
    found = combinations(about["combine"])
    return {name(item): item for item in (found if every else cover(found))}


def combinations(proxies: dict[str, list[str]]) -> list[Settings]:
    """Every combination of properties, the one without any first."""
    places = [(proxy, key) for proxy, keys in proxies.items() for key in keys]
    found = []
    for values in itertools.product((False, True), repeat=len(places)):
        settings: Settings = {proxy: {} for proxy in proxies}
        for (proxy, key), value in zip(places, values, strict=True):
            settings[proxy][key] = value
        found.append(settings)
    return found


def name(settings: Settings) -> str:
    """``plain``, or the properties that are present: ``squid.login+egress.inspect``."""
    present = [f"{proxy}.{key}" for proxy, keys in settings.items() for key, value in keys.items() if value]
    return "+".join(present) or "plain"


def pairs(settings: Settings) -> Iterator[tuple[object, ...]]:
    """What two properties of one variant are, for every two."""
    places = [(proxy, key, value) for proxy, keys in settings.items() for key, value in keys.items()]
    yield from itertools.combinations(places, min(2, len(places)))


def cover(found: list[Settings]) -> list[Settings]:
    """The fewest in which every pair is met; the same ones every time."""
    wanted = {pair for settings in found for pair in pairs(settings)}
    for size in range(1, len(found)):
        for chosen in itertools.combinations(found, size):
            if wanted == {pair for settings in chosen for pair in pairs(settings)}:
                return list(chosen)
    return found


def holds(condition: Any, variant: str, settings: Settings) -> bool:
    """Whether a block's ``only`` holds: a variant's name, properties of its proxies (an absent one is false), or one of several of these."""
    if isinstance(condition, list):
        return any(holds(one, variant, settings) for one in condition)
    if isinstance(condition, str):
        return condition == variant
    return all(settings.get(proxy, {}).get(key, False) == value for proxy, keys in condition.items() for key, value in keys.items())
