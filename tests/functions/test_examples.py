"""Every example of every row function is true: of literals, of columns, and of columns stored as dictionaries."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest

from kpi_engine.builtin.functions import FUNCTIONS
from kpi_engine.extend.functions import EvaluationContext, Example, Function, Parameter
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.expression import Constant, Expression, Field
from kpi_engine.ir.span import SourceText
from kpi_engine.ir.types import BOOLEAN, DATE, DECIMAL, INTEGER, NULL, TEXT, Kind, Type
from kpi_engine.kernels.arith import compare
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.parse import parse_expression

REGISTRY = FunctionRegistry(FUNCTIONS)
CALENDAR = Calendar("Asia/Shanghai", fiscal_year_starts=4)
ROWS = 3

ARROW = {
    Kind.TEXT: {pa.string(), pa.dictionary(pa.int32(), pa.string())},
    Kind.INTEGER: {pa.int64()},
    Kind.FLOAT: {pa.float64()},
    Kind.BOOLEAN: {pa.bool_()},
    Kind.DATE: {pa.date32()},
    Kind.TIMESTAMP: {pa.timestamp("us", "UTC")},
}


@dataclass(frozen=True)
class Evaluated:
    """A literal call computed: how the record types it, and its value."""

    expression: Expression
    operand: Any


Storage = Callable[[pa.Scalar], Any]


def as_scalar(value: pa.Scalar) -> pa.Scalar:
    return value


def as_column(value: pa.Scalar) -> pa.Array:
    return pa.array([value.as_py()] * ROWS, value.type)


def as_dictionary(value: pa.Scalar) -> pa.Array:
    column = as_column(value)
    return column.dictionary_encode() if pa.types.is_string(value.type) else column


def evaluate(node: tree.Expr, store: Storage) -> Evaluated:
    match node:
        case tree.Call():
            return call(node, store)
        case tree.Compare():
            sides = [evaluate(side, store).operand for side in (node.left, node.right)]
            return Evaluated(Field("c", BOOLEAN), compare(node.operator, *sides))
        case tree.Unary(operator="-"):
            inner = constant(node.operand)
            assert isinstance(inner.value, int | Decimal)
            return stored(Constant(-inner.value, inner.type), store)
        case _:
            return stored(constant(node), store)


def constant(node: tree.Expr) -> Constant:
    match node:
        case tree.Number():
            whole = "." not in node.text
            return Constant(int(node.value) if whole else node.value, INTEGER if whole else DECIMAL)
        case tree.Text():
            return Constant(node.value, TEXT)
        case tree.Boolean():
            return Constant(node.value, BOOLEAN)
        case tree.Null():
            return Constant(None, NULL)
        case tree.PeriodLiteral():
            return Constant(datetime.date.fromisoformat(node.text), DATE)
    raise AssertionError(node)


def stored(literal: Constant, store: Storage) -> Evaluated:
    return Evaluated(literal, store(pa.scalar(literal.value)))


def call(node: tree.Call, store: Storage) -> Evaluated:
    function = REGISTRY.get(node.function.text)
    assert function is not None
    arguments = [
        argument(function.parameters[min(i, len(function.parameters) - 1)], a.value, store)
        for i, a in enumerate(node.arguments)
    ]
    type = function.result([each.expression for each in arguments])
    context = EvaluationContext(CALENDAR, ROWS)
    operand = REGISTRY.lowering(function.name)([each.operand for each in arguments], context)
    return Evaluated(Field("f", type), operand)


def argument(parameter: Parameter, node: tree.Expr, store: Storage) -> Evaluated:
    inner, sign = (node.operand, "-") if isinstance(node, tree.Unary) else (node, "")
    if parameter.duration and isinstance(inner, tree.DurationLiteral):
        return stored(Constant(f"{sign}{inner.amount} {inner.unit}", TEXT), as_scalar)
    if parameter.words and isinstance(node, tree.Path):
        assert node.text in parameter.words
        return stored(Constant(node.text, TEXT), as_scalar)
    return evaluate(node, as_scalar if parameter.literal else store)


def values(text: str, store: Storage) -> tuple[Type, list[Any], pa.DataType]:
    found = evaluate(parse_expression(SourceText("example", text)), store)
    operand = found.operand
    listed = operand.to_pylist() if isinstance(operand, pa.Array) else [operand.as_py()]
    return found.expression.type, [plain(value) for value in listed], operand.type


def plain(value: Any) -> Any:
    """Numbers by value, whatever their type; conditions are no numbers."""
    return Fraction(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else value


CASES = [
    pytest.param(function, example, id=example.call)
    for function in FUNCTIONS
    if function.level == "row"
    for example in function.examples
]


@pytest.mark.parametrize("store", [as_scalar, as_column, as_dictionary])
@pytest.mark.parametrize(("function", "example"), CASES)
def test_example(function: Function, example: Example, store: Storage) -> None:
    type, found, arrow = values(example.call, store)
    _, expected, _ = values(example.result, as_scalar)
    assert set(map(repr, found)) == set(map(repr, expected)), f"{example.call} gave {found}"
    assert len(found) in (1, ROWS)
    if type.kind in ARROW and found != [None]:
        assert arrow in ARROW[type.kind], f"{function.name} says {type} and gives {arrow}"


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_record_is_complete(function: Function) -> None:
    assert len(function.examples) >= 2
    assert function.prose.endswith(".") and len(function.prose) > 40
    assert function.returns and function.group
    assert any("null" in example.result or example.result == "0" for example in function.examples), "null behaviour"
    assert bool(function.lowering) == (function.level == "row")


def test_every_lowering_can_be_imported() -> None:
    for name in REGISTRY.names("row"):
        assert callable(REGISTRY.lowering(name))


def test_timestamps_without_offset_are_local() -> None:
    _, found, _ = values('timestamp("2027-03-15 08:00")', as_scalar)
    assert found == [datetime.datetime(2027, 3, 15, 0, 0, tzinfo=datetime.UTC)]
    _, text, _ = values('text(timestamp("2027-03-15 08:00"))', as_column)
    assert set(text) == {"2027-03-15T08:00:00+08:00"}
