"""The catalogue: what works, what breaks it, and what is drawn from a seed."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema

from macros.ledger import BookError, read_yaml, relative, schema

FOLDER = Path(__file__).parent
NAME = re.compile(r"<<([\w-]+)>>")
#: Hops in the order in which they are passed. A fault that ends the path hides those of this hop and of later ones.
HOPS = ("configuration", "name", "connection", "proxy", "tls", "gateway", "key", "model", "body", "answer")
#: Hops at which nothing else is hidden, unless an entry says ``ends: true``.
SIDE_BY_SIDE = ("configuration", "model", "body")
#: Variables as they stand anywhere in a change: two faults that touch one variable are no pair.
VARIABLE = re.compile(r"\b(?:ANTHROPIC|CLAUDE_CODE|NODE|HTTPS?|ALL|NO|SSL)_[A-Z_]+\b|apiKeyHelper")


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. ``setups``: those in which it can be; ``cause``: what a person would name, as ids of the doctor's."""

    id: str
    what: str
    setups: tuple[str, ...]
    hop: str
    ends: bool
    cause: tuple[str, ...]
    change: dict[str, Any]
    draw: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def touches(self) -> set[str]:
        """What the change writes to: paths of its leaves, and variables."""
        found = {re.sub(r"/(kind|bytes|script)$", "", path) for path in leaves(self.change)} - {"arguments"}
        return found | set(VARIABLE.findall(" ".join([str(self.change), str(self.draw)])))


@dataclass(frozen=True)
class Run:
    """One doctor's run: a setup, and what is wrong with it (nothing, one or two things)."""

    id: str
    kind: str
    setup: str
    faults: tuple[Fault, ...]
    change: dict[str, Any]
    seed: int

    @property
    def expected(self) -> list[tuple[str, ...]]:
        return [fault.cause for fault in self.faults]


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Where a change writes: ``env/HTTPS_PROXY``, ``nginx/location``."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}/{key}" if path else str(key))
    else:
        yield path


def merged(base: Any, change: Any) -> Any:
    """A setup with a change: mappings are merged, lists joined, None takes away."""
    if isinstance(base, dict) and isinstance(change, dict):
        result = dict(base)
        for key, item in change.items():
            result[key] = merged(base.get(key), item) if key in base else copy.deepcopy(item)
        return result
    if isinstance(base, list) and isinstance(change, list):
        return base + change
    return copy.deepcopy(change)


def filled(value: Any, names: dict[str, Any], strict: bool = False) -> Any:
    """Every ``<<name>>`` replaced. Raises BookError for an unknown one when ``strict``."""
    if isinstance(value, dict):
        return {filled(key, names, strict): filled(item, names, strict) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names, strict) for item in value]
    if not isinstance(value, str):
        return value
    whole = NAME.fullmatch(value)
    if whole and whole.group(1) in names:
        return names[whole.group(1)]
    text = NAME.sub(lambda match: str(names.get(match.group(1), match.group(0))), value)
    if strict and NAME.search(text):
        raise BookError(f"tests/faults: nothing is drawn for {NAME.search(text).group(0)}; correct the name")  # type: ignore[union-attr]
    return text


class Catalogue:
    """All that stands in a folder's files. Raises BookError with file, entry and remedy."""

    def __init__(self, folder: Path = FOLDER) -> None:
        rules = schema(FOLDER / "entry.schema.json")
        whole = read_yaml(folder / "setups.yaml")
        self.setups: dict[str, dict[str, Any]] = whole["setups"]
        self.draw: dict[str, list[Any]] = whole["draw"]
        self.faults: dict[str, Fault] = {}
        self.healthy: dict[str, Fault] = {}
        for path in sorted(folder.glob("*.yaml")):
            if path.name == "setups.yaml":
                continue
            for name, entry in read_yaml(path).items():
                where = f"{relative(path)}: {name}"
                error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(rules).iter_errors(entry))
                if error is not None:
                    raise BookError(f"{where}: {'/'.join(map(str, error.absolute_path)) or 'the entry'}: {error.message}; see entry.schema.json")
                if name in self.faults or name in self.healthy:
                    raise BookError(f"{where}: the id stands twice; choose another")
                if unknown := set(entry["setups"]) - set(self.setups):
                    raise BookError(f"{where}: no setup {', '.join(sorted(unknown))}; name one of {', '.join(self.setups)}")
                if path.stem != "healthy" and "cause" not in entry:
                    raise BookError(f"{where}: no cause; write the one that a person would name")
                hop = entry.get("hop", "configuration")
                cause = entry.get("cause", [])
                fault = Fault(
                    name, entry["what"], tuple(entry["setups"]), hop, entry.get("ends", hop not in SIDE_BY_SIDE),
                    (cause,) if isinstance(cause, str) else tuple(cause), entry["change"], entry.get("draw", {}),
                )  # fmt: skip
                (self.healthy if path.stem == "healthy" else self.faults)[name] = fault

    def runs(self, seed: int, only: list[str] | None = None, pairs: int = 40) -> list[Run]:
        """Every run of a seed. Raises BookError for an id that is not there."""
        found = [self.run(f"{setup}", "healthy", setup, (), seed) for setup in self.setups]
        found += [self.run(f"{one.id} on {setup}", "healthy", setup, (one,), seed) for one in self.healthy.values() for setup in one.setups]
        found += [self.single(one, seed) for one in self.faults.values()]
        found += self.pairs(seed, pairs)
        if only:
            if unknown := set(only) - {part for run in found for part in (run.id, *run.id.split(" on "), *(one.id for one in run.faults))}:
                raise BookError(f"no fault, setup or pair {', '.join(sorted(unknown))} in tests/faults")
            found = [run for run in found if {run.id, *run.id.split(" on ")} & set(only)]
        return found

    def single(self, fault: Fault, seed: int) -> Run:
        return self.run(fault.id, "single", random.Random(f"{seed} {fault.id}").choice(fault.setups), (fault,), seed)

    def pairs(self, seed: int, count: int) -> list[Run]:
        """Pairs of which neither hides the other, drawn so that every fault comes as often as any."""
        chance = random.Random(f"{seed} pairs")
        found: dict[frozenset[str], Run] = {}
        order = [fault for fault in self.faults.values() if fault.cause]
        rounds = 0
        while len(found) < count and rounds < 50:
            rounds += 1
            chance.shuffle(order)
            for one, other in zip(order[::2], order[1::2], strict=False):
                setups = sorted(set(one.setups) & set(other.setups))
                if len(found) < count and setups and compatible(one, other) and frozenset((one.id, other.id)) not in found:
                    both = tuple(sorted((one, other), key=lambda fault: HOPS.index(fault.hop)))
                    found[frozenset((one.id, other.id))] = self.run(" and ".join(fault.id for fault in both), "pair", chance.choice(setups), both, seed)
        return list(found.values())

    def run(self, name: str, kind: str, setup: str, faults: tuple[Fault, ...], seed: int) -> Run:
        change = copy.deepcopy(self.setups[setup])
        for fault in faults:
            chance = random.Random(f"{seed} {fault.id} {setup}")
            words = {key: chance.choice(choices) for key, choices in fault.draw.items()}
            change = merged(change, filled(fault.change, words))
        return Run(name, kind, setup, faults if kind != "healthy" else (), change, seed)


def compatible(one: Fault, other: Fault) -> bool:
    """Whether both can be wrong at once, and both be seen."""
    first, second = sorted((one, other), key=lambda fault: HOPS.index(fault.hop))
    if second.hop != "configuration" and (first.ends or (second.ends and first.hop == second.hop)):
        return False
    clash = any(here == there or here.startswith(f"{there}/") or there.startswith(f"{here}/") for here in one.touches for there in other.touches)
    return not clash and set(one.cause).isdisjoint(other.cause)
