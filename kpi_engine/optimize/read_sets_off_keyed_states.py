"""A distinct count of what another query has among its keys reads that query's states, instead of a set of its own.

`count(customers having n > 0) / active_customers` keeps states by customer for its numerator: which customers they are
is the set that the denominator counts. Safe because a state of a key counts the rows that the set would have been made
of: the same source, time and conditions. Edges of the set that lie between others would cut the states into more, and
leave it as it is.
"""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.plan import Leaf, MeasureQuery, Plan, all_leaves
from kpi_engine.optimize.rule import conjuncts, with_leaves


def read_sets_off_keyed_states(plan: Plan) -> Plan:
    """Apply the rule."""
    picked = {(leaf.query, leaf.state) for leaf in all_leaves(plan) if leaf.pick is not None or leaf.own}
    queries = list(plan.queries)
    found: dict[tuple[int, int], _Place] = {}
    for number, query in enumerate(plan.queries):
        for position, state in enumerate(query.states):
            if state.kind == "distinct" and (number, position) not in picked:
                place = _place(queries, number, position)
                if place is not None:
                    found[number, position] = place
                    queries[place.query] = _with_windows_of(queries[place.query], query)
    return _without_sets(plan, queries, found) if found else plan


@dataclass(frozen=True, slots=True)
class _Place:
    """A state by keys that stands for a set: the key whose values are the items."""

    query: int
    state: int
    key: str


def _place(queries: list[MeasureQuery], number: int, position: int) -> _Place | None:
    """The state to read a set off, if there is one."""
    wanted = queries[number]
    conditions = _conditions(wanted, position)
    for other, query in enumerate(queries):
        key = _item_key(query, wanted, position)
        if key is None or not _has_edges_of(query, wanted):
            continue
        for state, request in enumerate(query.states):
            if not request.is_set and _conditions(query, state) == conditions:
                return _Place(other, state, key)
    return None


def _conditions(query: MeasureQuery, position: int) -> frozenset[Expression]:
    """What holds for the rows of a state."""
    return frozenset((*conjuncts(query.filter), *conjuncts(query.states[position].filter)))


def _item_key(query: MeasureQuery, wanted: MeasureQuery, position: int) -> str | None:
    """The name of the one key that a query has beside those of a set, if its values are the set's."""
    if (query.source, query.time, query.until) != (wanted.source, wanted.time, None) or wanted.until is not None:
        return None
    own = [key for key in query.keys if key not in wanted.keys]
    if len(own) != 1 or len(query.keys) != len(wanted.keys) + 1:
        return None
    return own[0].name if own[0].expression == wanted.states[position].argument else None


def _has_edges_of(query: MeasureQuery, wanted: MeasureQuery) -> bool:
    """Whether the edges of a set cut no bucket between two edges of the query."""
    if not query.edges or not wanted.edges:
        return query.edges == wanted.edges
    known = set(query.edges)
    return all(edge in known for edge in wanted.edges if query.edges[0] < edge < query.edges[-1])


def _with_windows_of(query: MeasureQuery, other: MeasureQuery) -> MeasureQuery:
    """The query with states for the windows of another one as well."""
    starts = (query.complete_from, other.complete_from)
    bounded = [start for start in starts if start is not None]
    return replace(
        query,
        edges=tuple(sorted({*query.edges, *other.edges})),
        complete_from=min(bounded) if len(bounded) == len(starts) else None,
    )


def _without_sets(plan: Plan, queries: list[MeasureQuery], found: dict[tuple[int, int], _Place]) -> Plan:
    """The plan whose leaves read these sets off other states, and which makes them no more."""
    state_of: dict[tuple[int, int], int] = {}
    number_of: dict[int, int] = {}
    kept: list[MeasureQuery] = []
    for number, query in enumerate(queries):
        left = [position for position in range(len(query.states)) if (number, position) not in found]
        state_of.update({(number, position): place for place, position in enumerate(left)})
        if left:
            number_of[number] = len(kept)
            kept.append(replace(query, states=tuple(query.states[position] for position in left)))

    def moved(leaf: Leaf) -> Leaf:
        place = found.get((leaf.query, leaf.state))
        if place is None:
            return replace(leaf, query=number_of[leaf.query], state=state_of[leaf.query, leaf.state])
        state = state_of[place.query, place.state]
        return replace(leaf, query=number_of[place.query], state=state, item_key=place.key)

    scans = [
        replace(scan, queries=tuple(number_of[number] for number in scan.queries if number in number_of))
        for scan in plan.scans
    ]
    return replace(with_leaves(plan, moved), queries=tuple(kept), scans=tuple(scan for scan in scans if scan.queries))
