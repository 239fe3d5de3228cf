"""Two states of definitions side by side: what means something else, what is only written differently."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from kpi_engine import pipeline
from kpi_engine.inspect.chain import Part, culprits
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.fingerprint import Connections, Meanings, fingerprint
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.project import ProjectConfig

Status = Literal["meaning", "renamed", "added", "removed", "wording"]

STATUSES: tuple[Status, ...] = ("meaning", "added", "removed", "renamed", "wording")
"""In the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Side:
    """One state: what it is called, its settings, its definitions."""

    name: str
    config: ProjectConfig
    loaded: pipeline.Loaded

    @property
    def catalog(self) -> Catalog:
        """The definitions, resolved."""
        return self.loaded.catalog

    @property
    def connections(self) -> Connections:
        """What connections add to tables: where they are differs from machine to machine and is left out."""
        return {name: (each.connector, each.options) for name, each in self.config.connections.items()}


@dataclass(frozen=True, slots=True)
class Cause:
    """A definition that changed, both its texts (None where it is not there), and what leads to it."""

    part: Part
    path: tuple[Part, ...]
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """A metric or dimension that is not what it was. `details` say what changed where the meaning did not."""

    kind: Literal["metric", "dimension"]
    name: str
    status: Status
    was: str = ""
    causes: tuple[Cause, ...] = ()
    details: tuple[str, ...] = ()
    old: str | None = None
    new: str | None = None
    old_fingerprint: str = ""
    new_fingerprint: str = ""


def compare(old: Side, new: Side) -> tuple[Change, ...]:
    """What changed in metrics and dimensions, by name within each status."""
    found = [*_changes("metric", old, new), *_changes("dimension", old, new)]
    return tuple(sorted(found, key=_told))


def _told(change: Change) -> tuple[int, bool, str]:
    return STATUSES.index(change.status), change.kind != "metric", change.name


def _changes(kind: Literal["metric", "dimension"], old: Side, new: Side) -> Iterator[Change]:
    before, after = _fingerprints(kind, old), _fingerprints(kind, new)
    removed = {name: mark for name, mark in before.items() if name not in after}
    for name, mark in after.items():
        was = name if name in before else _former_name(mark, removed, after)
        here = Part(kind, name)
        text = text_of(here, new)
        if was is None:
            yield Change(kind, name, "added", new=text, new_fingerprint=mark)
            continue
        removed.pop(was, None)
        there = Part(kind, was)
        earlier, status = text_of(there, old), _status(name, was, before[was], mark)
        if status is None and earlier == text:
            continue
        causes = tuple(_causes(here, there, old, new)) if status == "meaning" else ()
        details = _details(here, there, old, new) if status != "meaning" else ()
        former = was if was != name else ""
        yield Change(kind, name, status or "wording", former, causes, details, earlier, text, before[was], mark)
    for name, mark in removed.items():
        yield Change(kind, name, "removed", old=text_of(Part(kind, name), old), old_fingerprint=mark)


def _fingerprints(kind: str, side: Side) -> dict[str, str]:
    meanings = Meanings(side.catalog, side.connections)
    if kind == "metric":
        return {name: fingerprint(meanings.metric(name)) for name in side.catalog.metrics}
    return {name: fingerprint(meanings.dimension(name)) for name in side.catalog.dimensions}


def _former_name(mark: str, removed: Mapping[str, str], after: Mapping[str, str]) -> str | None:
    """The only name that is gone and meant the same, if no other new name means it too."""
    same = [name for name, other in removed.items() if other == mark]
    rivals = sum(other == mark for other in after.values())
    return same[0] if len(same) == 1 and rivals == 1 else None


def _status(name: str, was: str, before: str, after: str) -> Status | None:
    if before != after:
        return "meaning"
    return "renamed" if name != was else None


def _causes(here: Part, there: Part, old: Side, new: Side) -> Iterator[Cause]:
    found = culprits(here, there, (old.catalog, old.connections), (new.catalog, new.connections))
    for culprit in found:
        before = there if culprit.part == here else culprit.part
        yield Cause(culprit.part, culprit.path, text_of(before, old), text_of(culprit.part, new))


def _details(here: Part, there: Part, old: Side, new: Side) -> tuple[str, ...]:
    """The properties that changed, and whether the formula is written differently."""
    before, after = _declaration(there, old), _declaration(here, new)
    if before is None or after is None:
        return ()
    said = [_properties(before), _properties(after)]
    names = [name for name in dict.fromkeys((*said[0], *said[1])) if said[0].get(name) != said[1].get(name)]
    if _formula(before) != _formula(after):
        names.insert(0, "formula, written differently")
    return tuple(names) or ("layout",)


def _properties(node: tree.Declaration) -> dict[str, str]:
    return {each.key.text: " ".join(each.value.span.text.split()) for each in node.properties}


def _formula(node: tree.Declaration) -> str:
    match node:
        case tree.Metric() | tree.Override():
            return " ".join(node.value.span.text.split())
        case tree.Dimension():
            return ", ".join(" ".join(each.span.text.split()) for each in node.values)
    return ""


# Texts ----------------------------------------------------------------------------------------------------------------


def text_of(part: Part, side: Side) -> str | None:
    """A definition as written; None where there is none, or where the table alone says it."""
    if part.kind == "column":
        source = side.catalog.sources.get(part.owner)
        column = None if source is None else source.columns.get(part.name)
        if column is None:
            return None
        return f"{part.name}: {column.type}, as in the table" if column.span is NOWHERE else _dedented(column.span)
    node = _declaration(part, side)
    if node is None:
        return None
    if isinstance(node, tree.Source):
        lines = [_dedented(each.span) for each in node.properties]
        value = "" if node.value is None else f" = {_dedented(node.value.span)}"
        return "\n".join([f"source {part.name}{value}", *(f"  {line}" for line in lines)])
    return _dedented(node.span)


def _declaration(part: Part, side: Side) -> tree.AnyDeclaration | None:
    if part.kind == "metric":
        metric = side.catalog.metrics.get(part.name)
        return None if metric is None else metric.declaration
    wanted: Callable[[tree.AnyDeclaration], bool] = {
        "dimension": lambda node: isinstance(node, tree.Dimension) and node.name.text == part.name,
        "source": lambda node: isinstance(node, tree.Source) and node.name.text == part.name,
        "calendar": lambda node: isinstance(node, tree.CalendarDeclaration),
    }[part.kind]
    return next((node for file in side.loaded.files for node in file.declarations if wanted(node)), None)


def _dedented(span: Span) -> str:
    """The text of a span with the margin of its lines after the first taken away."""
    first, *rest = span.text.rstrip().split("\n")
    if not rest:
        return first
    body = textwrap.dedent("\n".join(rest))
    indented = any(line.strip() for line in rest)
    return first + "\n" + textwrap.indent(body, "  ") if indented else first
