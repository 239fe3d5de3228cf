"""Expressions on arrays: one evaluator for rows and for aligned results, which differ only in what a field is.

Equal expressions are computed once. Constants stay scalars, so that kernels can take their short ways.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from kpi_engine.extend.functions import EvaluationContext, FunctionFailure
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Apply, Constant, Expression, Field
from kpi_engine.ir.types import Kind, Type
from kpi_engine.kernels.errors import KernelError

Operand = Any
"""A `pa.Array`, or a `pa.Scalar` for a constant."""


class Evaluator(ABC):
    """Computes expressions over `length` elements; `field` is what the two levels differ in."""

    def __init__(self, length: int, functions: FunctionRegistry, context: EvaluationContext) -> None:
        self.length = length
        self._functions = functions
        self._context = context
        self._known: dict[Expression, Operand] = {}

    @abstractmethod
    def field(self, field: Field) -> pa.Array:
        """The values of a field."""

    def array(self, expression: Expression) -> pa.Array:
        """The values of an expression, as an array also where it is constant."""
        value = self.operand(expression)
        return pa.repeat(value, self.length) if isinstance(value, pa.Scalar) else value

    def operand(self, expression: Expression) -> Operand:
        """The values of an expression: an array, or a scalar where it is constant."""
        known = self._known.get(expression)
        if known is None:
            known = self._compute(expression)
            self._known[expression] = known
        return known

    def _compute(self, expression: Expression) -> Operand:
        match expression:
            case Field():
                return self.field(expression)
            case Constant():
                return scalar_of(expression)
            case Apply():
                return self._apply(expression)
        return self.other(expression)

    def other(self, expression: Expression) -> Operand:
        """An expression that only one level has."""
        raise AssertionError(f"{type(expression).__name__} is not evaluated here")

    def _apply(self, node: Apply) -> Operand:
        operands = [self.operand(argument) for argument in node.arguments]
        try:
            if node.operation == "divide":
                return self.divide(node, *operands)
            from kpi_engine.execute.operations import OPERATIONS

            operation = OPERATIONS.get(node.operation)
            if operation is not None:
                return operation(*operands)
            return self._functions.lowering(node.operation)(operands, self._context)
        except FunctionFailure as error:
            raise KpiError(Diagnostic("E650", error.message, node.span, error.help, exit_code=ExitCode.DATA)) from error
        except KernelError as error:
            raise KpiError(Diagnostic("E651", str(error), node.span, exit_code=ExitCode.DATA)) from error

    def divide(self, node: Apply, above: Operand, below: Operand) -> Operand:
        """`/`: float64 rounded once; exact where the type says so (a literal power of ten below)."""
        from kpi_engine.kernels.division import divide, divide_by_power_of_ten

        if node.type.exact and isinstance(below, pa.Scalar):
            return divide_by_power_of_ten(above, _power_of_ten(below))
        return divide(above, below)


def _power_of_ten(scalar: pa.Scalar) -> int:
    return Decimal(scalar.as_py()).normalize().adjusted()


def scalar_of(constant: Constant) -> pa.Scalar:
    """A constant in the engine's physical type."""
    value = constant.value
    match value:
        case None:
            return pa.scalar(None, arrow_type(constant.type))
        case bool() | str():
            return pa.scalar(value)
        case int():
            fits = -(2**63) <= value < 2**63
            return pa.scalar(value, pa.int64()) if fits else pa.scalar(Decimal(value))
        case Fraction():
            return pa.scalar(float(value))
        case datetime.datetime():
            return pa.scalar(value, pa.timestamp("us", "UTC"))
        case datetime.date():
            return pa.scalar(value, pa.date32())
    return pa.scalar(_plain(value))


def _plain(value: Decimal) -> Decimal:
    """A decimal without an exponent that Arrow cannot hold (1E+3)."""
    exponent = value.as_tuple().exponent
    return value.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else value


def arrow_type(type: Type) -> pa.DataType:
    """The physical type that values of a language type have where nothing else is known."""
    return {
        Kind.INTEGER: pa.int64(),
        Kind.DECIMAL: pa.decimal128(38, 0),
        Kind.FLOAT: pa.float64(),
        Kind.TEXT: pa.string(),
        Kind.BOOLEAN: pa.bool_(),
        Kind.DATE: pa.date32(),
        Kind.TIMESTAMP: pa.timestamp("us", "UTC"),
        Kind.NULL: pa.null(),
    }[type.kind]
