"""What a rule is, and the view of a filter as a list of conditions that rules share."""

from __future__ import annotations

from collections.abc import Callable

from kpi_engine.ir.expression import Apply, Expression
from kpi_engine.ir.plan import Plan

Rule = Callable[[Plan], Plan]
"""A plan that means the same and costs no more. Answers must be equal bit for bit with and without any rule."""


def conjuncts(filter: Expression | None) -> tuple[Expression, ...]:
    """The conditions that a filter joins by `and`; none for no filter."""
    if filter is None:
        return ()
    return filter.arguments if isinstance(filter, Apply) and filter.operation == "and" else (filter,)
