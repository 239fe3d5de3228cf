"""What a rule is, and the view of a filter as a list of conditions that rules share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kpi_engine.ir.expression import Apply, Expression
from kpi_engine.ir.plan import Leaf, Nested, Plan

Rule = Callable[[Plan], Plan]
"""A plan that means the same and costs no more. Answers must be equal bit for bit with and without any rule."""


def conjuncts(filter: Expression | None) -> tuple[Expression, ...]:
    """The conditions that a filter joins by `and`; none for no filter."""
    if filter is None:
        return ()
    return filter.arguments if isinstance(filter, Apply) and filter.operation == "and" else (filter,)


def with_leaves(plan: Plan, change: Callable[[Leaf], Leaf]) -> Plan:
    """The plan with every leaf changed, those inside nested aggregates and of further grains included."""

    def inside(nested: Nested) -> Nested:
        return replace(nested, leaves=tuple(map(change, nested.leaves)), inner=tuple(map(inside, nested.inner)))

    return replace(
        plan,
        leaves=tuple(map(change, plan.leaves)),
        nested=tuple(map(inside, plan.nested)),
        further=tuple(with_leaves(each, change) for each in plan.further),
    )
