"""How many rows are read at a time: few where states are few, so that memory does not grow with files."""

from __future__ import annotations

from collections.abc import Iterable

from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.expression import Expression, Field, walk
from kpi_engine.ir.plan import MeasureQuery

_ENOUGH = 220_000
"""With fewer rows it begins to show that each batch costs something of its own; with more, memory is what grows."""


def enough_rows(queries: Iterable[MeasureQuery], catalog: Catalog) -> int | None:
    """How many rows at a time are enough for queries whose states are bounded by dimensions and periods.

    None where some states are sets, or kept by an id: those of one batch are nearly as many as its rows, and have to be
    united with those of the next one.
    """
    return _ENOUGH if all(_is_bounded(query, catalog) for query in queries) else None


def _is_bounded(query: MeasureQuery, catalog: Catalog) -> bool:
    return not any(state.is_set for state in query.states) and not any(
        _is_id(key.expression, query.source, catalog) for key in query.keys
    )


def _is_id(key: Expression, source: str, catalog: Catalog) -> bool:
    """Whether a key is made of a column that says which row of a table, or which entity, is meant."""
    for node in walk(key):
        if isinstance(node, Field):
            owner = catalog.sources.get(node.steps[-1].target if node.steps else source)
            column = None if owner is None else owner.columns.get(node.column)
            if owner is None or column is None or column.reference is not None or node.column in owner.key:
                return True
    return False
