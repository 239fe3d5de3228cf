"""Measure queries that read one source by one time column and equal keys become one query.

Safe because windows are kept by time and not by bucket: with the union of all edges each query's own bucket is a run
of the finer ones, and states merge exactly. Not safe across different keys: a `total` must not be split by what it
dropped.
"""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.plan import Leaf, MeasureQuery, Plan, Scan, StateRequest, only_placing
from kpi_engine.optimize.rule import with_leaves


def merge_queries_of_equal_keys(plan: Plan) -> Plan:
    """Apply the rule."""
    groups: dict[object, list[int]] = {}
    for number, query in enumerate(plan.queries):
        groups.setdefault((query.source, query.keys, query.time, query.until, query.filter), []).append(number)
    if len(groups) == len(plan.queries):
        return plan
    place: dict[tuple[int, int], tuple[int, int]] = {}
    merged: list[MeasureQuery] = []
    scans: list[Scan] = []
    for members in groups.values():
        merged.append(_merge([plan.queries[number] for number in members]))
        states = {state: position for position, state in enumerate(merged[-1].states)}
        for number in members:
            for position, state in enumerate(plan.queries[number].states):
                place[number, position] = (len(merged) - 1, states[state])
        scans.append(_scan(plan, members, len(merged) - 1))

    def moved(leaf: Leaf) -> Leaf:
        query, state = place[leaf.query, leaf.state]
        return replace(leaf, query=query, state=state)

    return replace(with_leaves(plan, moved), queries=tuple(merged), scans=tuple(scans))


def _merge(queries: list[MeasureQuery]) -> MeasureQuery:
    edges: set[Bound] = set()
    states: dict[StateRequest, None] = {}
    for query in queries:
        edges.update(query.edges)
        states.update(dict.fromkeys(query.states))
    starts = [query.complete_from for query in queries if query.edges]
    bounded = [start for start in starts if start is not None]
    return replace(
        queries[0],
        edges=tuple(sorted(edges)),
        states=tuple(states),
        complete_from=min(bounded) if bounded and len(bounded) == len(starts) else None,
    )


def _scan(plan: Plan, members: list[int], number: int) -> Scan:
    scans = [scan for scan in plan.scans if set(scan.queries) & set(members)]
    columns = {column for scan in scans for column in scan.columns}
    return Scan(plan.queries[members[0]].source, (number,), tuple(sorted(columns)), placing=only_placing(scans))
