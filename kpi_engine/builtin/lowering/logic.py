"""Functions that choose between values."""

from __future__ import annotations

from kpi_engine.builtin.lowering.values import Arguments, Operand
from kpi_engine.extend.functions import EvaluationContext
from kpi_engine.kernels import logic


def coalesce(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The first value that is not null."""
    return logic.coalesce(*arguments)


def nullif(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The first value, but null where it equals the second."""
    return logic.nullif(*arguments)


def if_(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The second value where the first is true, else the third."""
    return logic.if_else(*arguments)
