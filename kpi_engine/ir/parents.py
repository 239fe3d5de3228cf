"""Rows that are elements of other rows: which reference leads to the parent, and what its columns are called.

The rows of `unnest(events.items)` are made from those of events, and what is asked of the parent is taken along: a
path over the parent is a stored column of the elements, whose name spells the path.
"""

from __future__ import annotations

from collections.abc import Mapping

from kpi_engine.ir.catalog import Catalog, Reference, Source
from kpi_engine.ir.expression import Field, Step
from kpi_engine.ir.types import NULL

_SEPARATOR = "\x1f"
"""Between the parts of a path: a character that no name has."""


def unnested(sources: Mapping[str, Source], name: str) -> Source | None:
    """The source of elements that a source's rows are, filtered perhaps; None if they are none."""
    source = sources.get(name)
    while source is not None and source.derived is not None and source.derived.kind in ("filter", "latest"):
        source = sources.get(source.derived.base)
    return source if source is not None and source.derived is not None and source.derived.kind == "unnest" else None


def leads_to_parent(sources: Mapping[str, Source], step: Step) -> bool:
    """Whether a step goes from an element to the row that holds it."""
    source = unnested(sources, step.source)
    if source is None or source.derived is None:
        return False
    return (step.column, step.target) == (source.derived.link, source.derived.base)


def parent_reference(sources: Mapping[str, Source], source: Source) -> tuple[str, Reference] | None:
    """The reference of elements to the row that holds them, if no column stands for it."""
    holder = unnested(sources, source.name)
    if holder is None or holder.derived is None or holder.derived.link in source.columns:
        return None
    return holder.derived.link, Reference(holder.derived.base, "", parent=True)


def parent_column(field: Field) -> str:
    """The name of the stored column that a path over the parent is."""
    return _SEPARATOR.join([*(step.column for step in field.steps), field.column])


def shown_column(name: str) -> str:
    """A column's name for people: `events.country` for a path over the parent.

    >>> shown_column("country")
    'country'
    """
    return name.replace(_SEPARATOR, ".")


def parent_field(catalog: Catalog, source: str, name: str) -> Field | None:
    """What a stored column of a source of elements is on rows of the parent; None if it is no path over it."""
    holder = unnested(catalog.sources, source)
    if holder is None or holder.derived is None or _SEPARATOR not in name:
        return None
    _, *path, column = name.split(_SEPARATOR)
    here = holder.derived.base
    steps: list[Step] = []
    for part in path:
        steps.append(_step(catalog, here, part))
        here = steps[-1].target
    owner = catalog.sources.get(here) or catalog.entities[here]
    found = owner.columns.get(column)
    return Field(column, found.type if found is not None else NULL, tuple(steps))


def _step(catalog: Catalog, here: str, name: str) -> Step:
    holder = unnested(catalog.sources, here)
    if holder is not None and holder.derived is not None and name == holder.derived.link:
        return Step(here, name, holder.derived.base, "")
    reference = catalog.sources[here].columns[name].reference
    assert reference is not None
    return Step(here, name, reference.target, reference.target_column)


def list_column(source: str, column: str) -> str:
    """The name, among the lists of its base, of what a column of a source of elements is made of."""
    return f"{source}{_SEPARATOR}{column}"


EVERY_ELEMENT = ""
"""In place of a column's name: the list that says how many elements there are, whatever they are."""
