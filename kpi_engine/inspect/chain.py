"""What a definition is directly made of, and which of its parts is not what it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.expression import MetricReference
from kpi_engine.ir.fingerprint import Connections, Meaning, Meanings


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A definition: a `metric`, `dimension`, `source`, `column` (of `owner`), or the `calendar`."""

    kind: str
    name: str
    owner: str = ""

    def __str__(self) -> str:
        if self.kind == "calendar":
            return "the calendar"
        return f"{self.kind} {self.owner}.{self.name}" if self.owner else f"{self.kind} {self.name}"


class OwnMeanings(Meanings):
    """Meanings of definitions by themselves: what they are made of stands in them by its name, and is noted."""

    def __init__(self, catalog: Catalog, connections: Connections) -> None:
        super().__init__(catalog, connections)
        self.parts: dict[Part, None] = {}

    def reference(self, node: MetricReference) -> Meaning:
        """A metric that is used, by its name."""
        return self._noted(Part("metric", node.name))

    def source(self, name: str) -> Meaning:
        """A source, by its name."""
        return self._noted(Part("source", name))

    def column(self, source: str, name: str) -> Meaning:
        """A column, by its name and that of its source."""
        return self._noted(Part("column", name, source))

    def dimension(self, name: str) -> Meaning:
        """A dimension, by its name."""
        return self._noted(Part("dimension", name))

    def _noted(self, part: Part) -> Meaning:
        self.parts[part] = None
        return (part.kind, part.owner, part.name)


def own_meaning(part: Part, catalog: Catalog, connections: Connections) -> tuple[Meaning | None, tuple[Part, ...]]:
    """What a definition says itself, and what it is directly made of; None if it does not exist."""
    meanings = OwnMeanings(catalog, connections)
    meaning: Meaning | None = None
    match part.kind:
        case "metric" if part.name in catalog.metrics:
            meaning = meanings.group(catalog.metrics[part.name].body)
            meanings.parts[Part("calendar", "calendar")] = None
        case "dimension" if part.name in catalog.dimensions:
            meaning = meanings.of_dimension(catalog.dimensions[part.name])
        case "source" if part.name in catalog.sources:
            meaning = meanings.of_source(catalog.sources[part.name])
        case "column" if part.owner in catalog.sources and part.name in catalog.sources[part.owner].columns:
            meaning = meanings.of_column(part.owner, catalog.sources[part.owner].columns[part.name])
        case "calendar":
            meaning = meanings.calendar()
    return meaning, tuple(meanings.parts)


@dataclass(frozen=True, slots=True)
class Culprit:
    """A definition that says something else now, and how the changed one leads to it."""

    part: Part
    path: tuple[Part, ...]


def culprits(
    changed: Part, was: Part, old: tuple[Catalog, Connections], new: tuple[Catalog, Connections]
) -> Iterator[Culprit]:
    """The definitions that make a changed one mean something else, nearest first.

    `was` is the old name of the changed definition. What lies below a definition that says something else is followed
    as far as both sides have it.
    """
    seen: set[Part] = set()
    pending: list[tuple[Part, Part, tuple[Part, ...]]] = [(changed, was, (changed,))]
    while pending:
        part, before, path = pending.pop(0)
        if part in seen:
            continue
        seen.add(part)
        now, parts = own_meaning(part, *new)
        then, earlier = own_meaning(before, *old)
        if now != then:
            yield Culprit(part, path[:-1])
        common = parts if now == then else tuple(each for each in parts if each in earlier)
        pending += [(each, each, (*path, each)) for each in common]
