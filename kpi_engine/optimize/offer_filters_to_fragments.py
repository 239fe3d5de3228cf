"""Conditions that hold for every query of a scan are offered to the reader, which may rule whole fragments out.

Safe because the conditions stay where they are and are applied to rows again. Only comparisons of a stored column with
a constant are offered; a condition that one query lacks is not, since that query wants the other rows.
"""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.ir.expression import Apply, Constant, Expression, Field
from kpi_engine.ir.plan import Plan, Scan
from kpi_engine.optimize.rule import conjuncts

_OFFERED = frozenset({"equal", "less", "less_equal", "greater", "greater_equal", "in"})


def offer_filters_to_fragments(plan: Plan) -> Plan:
    """Apply the rule."""
    return replace(plan, scans=tuple(_offer(plan, scan) for scan in plan.scans))


def _offer(plan: Plan, scan: Scan) -> Scan:
    shared: dict[Expression, None] | None = None
    for number in scan.queries:
        own = dict.fromkeys(part for part in conjuncts(plan.queries[number].filter) if _simple(part, scan))
        shared = own if shared is None else {part: None for part in shared if part in own}
    return replace(scan, predicates=tuple(shared or ()))


def _simple(part: Expression, scan: Scan) -> bool:
    if not isinstance(part, Apply) or part.operation not in _OFFERED:
        return False
    column, *values = part.arguments
    stored = isinstance(column, Field) and not column.steps and column.column in scan.columns
    return stored and all(isinstance(value, Constant) and value.value is not None for value in values)
