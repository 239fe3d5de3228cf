"""Functions on numbers."""

from __future__ import annotations

from kpi_engine.builtin.lowering.values import Arguments, Operand, literal
from kpi_engine.extend.functions import EvaluationContext
from kpi_engine.kernels import numeric_functions as numbers


def abs(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The number without its sign."""
    return numbers.absolute(arguments[0])


def round(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The number at so many places, halves away from zero."""
    digits = int(literal(arguments[1]) or 0) if len(arguments) > 1 else 0
    return numbers.round_half_away(arguments[0], digits)


def floor(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The whole number not above."""
    return numbers.floor(arguments[0])


def ceil(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The whole number not below."""
    return numbers.ceil(arguments[0])


def sqrt(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The square root."""
    return numbers.square_root(arguments[0])


def ln(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The natural logarithm."""
    return numbers.natural_logarithm(arguments[0])


def exp(arguments: Arguments, context: EvaluationContext) -> Operand:
    """e to the power of the number."""
    return numbers.exponential(arguments[0])


def least(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The least of the values."""
    return numbers.least(*arguments)


def greatest(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The greatest of the values."""
    return numbers.greatest(*arguments)
