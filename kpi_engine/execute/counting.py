"""Which sets are only counted, bucket by bucket: nothing of them is read but how many values each cell has."""

from __future__ import annotations

from collections.abc import Iterator

from kpi_engine.execute.ready import bucket_ranges
from kpi_engine.ir.plan import Leaf, Nested, Plan


def counted_states(plan: Plan) -> frozenset[tuple[int, int]]:
    """The sets of exact distinct counts, as (query, state), of which every leaf reads single buckets."""
    found: set[tuple[int, int]] = set()
    others: set[tuple[int, int]] = set()
    for part in (plan, *plan.further):
        for leaf in part.leaves:
            (found if _is_counted(plan, leaf) else others).add((leaf.query, leaf.state))
        others.update((leaf.query, leaf.state) for nested in part.nested for leaf in _inside(nested))
    return frozenset(found - others)


def _is_counted(plan: Plan, leaf: Leaf) -> bool:
    query = plan.queries[leaf.query]
    if query.states[leaf.state].kind != "distinct" or query.until is not None or query.time is None:
        return False
    if leaf.finish != "distinct" or leaf.pick is not None or leaf.own or leaf.item_key:
        return False
    ranges = bucket_ranges(query.edges, leaf.windows)
    return all(each is None or each[1] - each[0] == 1 for each in ranges)


def _inside(nested: Nested) -> Iterator[Leaf]:
    yield from nested.leaves
    for each in nested.inner:
        yield from _inside(each)
