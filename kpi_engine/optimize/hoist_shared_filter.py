"""A condition that every state of a measure query has becomes the filter of the query's rows.

Safe because states see only rows that pass both. Rows that no state wants are then dropped before keys are made.
"""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.ir.expression import Apply, Expression
from kpi_engine.ir.plan import MeasureQuery, Plan
from kpi_engine.ir.types import BOOLEAN
from kpi_engine.optimize.rule import conjuncts


def hoist_shared_filter(plan: Plan) -> Plan:
    """Apply the rule."""
    return replace(plan, queries=tuple(_hoist(query) for query in plan.queries))


def _hoist(query: MeasureQuery) -> MeasureQuery:
    shared = set(conjuncts(query.states[0].filter))
    for state in query.states[1:]:
        shared &= set(conjuncts(state.filter))
    if not shared:
        return query
    ordered = [part for part in conjuncts(query.states[0].filter) if part in shared]
    states = tuple(
        replace(state, filter=_join([part for part in conjuncts(state.filter) if part not in shared]))
        for state in query.states
    )
    return replace(query, states=states, filter=_join([*conjuncts(query.filter), *ordered]))


def _join(parts: list[Expression]) -> Expression | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return Apply("and", tuple(parts), BOOLEAN)
