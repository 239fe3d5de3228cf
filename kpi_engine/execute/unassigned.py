"""Rows that aggregates over groups of keys leave out, because a null is no id."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from kpi_engine.ir.expression import Field
from kpi_engine.ir.plan import Leaf, MeasureQuery, Nested, Plan
from kpi_engine.kernels.pieces import Pieces


def unassigned_rows(plan: Plan, states: Mapping[int, Sequence[Pieces]]) -> dict[str, dict[str, int]]:
    """By source and column, the key of a `per` or `having`, the rows inside the windows whose key is null, if any.

    Where several measures read a source by one key, the one that reads most rows counts.
    """
    found: dict[str, dict[str, int]] = {}
    for part in (plan, *plan.further):
        for leaf, own in _keyed_leaves(part.nested):
            query = plan.queries[leaf.query]
            for position, key in enumerate(query.keys):
                if key.name not in own:
                    continue
                counts = [each.rows_without(position, _first_bucket(query)) for each in states[leaf.query]]
                rows = max(counts, default=0)
                if rows:
                    by_key = found.setdefault(query.source, {})
                    name = key.expression.column if isinstance(key.expression, Field) else key.name
                    by_key[name] = max(rows, by_key.get(name, 0))
    return found


def _keyed_leaves(
    nested: Sequence[Nested], outer: frozenset[str] = frozenset()
) -> Iterator[tuple[Leaf, frozenset[str]]]:
    for each in nested:
        own = outer | set(each.own)
        yield from ((leaf, own) for leaf in each.leaves)
        yield from _keyed_leaves(each.inner, own)


def _first_bucket(query: MeasureQuery) -> int:
    """Rows in earlier buckets may be skipped, and are read by no window."""
    return 0 if query.complete_from is None else bisect_left(query.edges, query.complete_from) + 1
