"""Functions that choose between values. The values must be of one type and unit."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.builtin.functions.records import family
from kpi_engine.builtin.functions.signatures import common, require
from kpi_engine.extend.functions import Function, Parameter
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.types import Kind, Type


def _coalesce(arguments: Sequence[Expression]) -> Type:
    return common(arguments, range(len(arguments)))


def _nullif(arguments: Sequence[Expression]) -> Type:
    common(arguments, (0, 1))
    return arguments[0].type


def _if(arguments: Sequence[Expression]) -> Type:
    require(arguments, 0, {Kind.BOOLEAN}, "a condition", "write a comparison, as `x > 0`")
    return common(arguments, (1, 2))


_function = family("Choices", lowerings="kpi_engine.builtin.lowering.logic")

LOGIC: tuple[Function, ...] = (
    _function(
        "coalesce",
        (Parameter("x", "a value"), Parameter("others", "values of the same type", variadic=True)),
        _coalesce,
        "the common type",
        "The first of the values that is not null; null if all are. It is the one way to turn a missing "
        "result into a number: `coalesce(m, 0)`.",
        ("coalesce(null, 3, 4)", "3"),
        ("coalesce(null, null)", "null"),
        ('coalesce("a", "b")', '"a"'),
    ),
    _function(
        "nullif",
        (Parameter("x", "a value"), Parameter("other", "a value of the same type")),
        _nullif,
        "the type of x",
        "Null where the two values are equal, else the first one. It removes marks for missing values, "
        'such as `"n/a"` or -1. If x is null so is the result; if the other value is null the result is '
        "x.",
        ('nullif("n/a", "n/a")', "null"),
        ("nullif(5, -1)", "5"),
        ("nullif(null, 5)", "null"),
        ("nullif(5, null)", "5"),
    ),
    _function(
        "if",
        (
            Parameter("condition", "a condition"),
            Parameter("then", "a value"),
            Parameter("otherwise", "a value of the same type"),
        ),
        _if,
        "the common type",
        "The second argument where the condition is true, else the third: also where the condition is "
        "unknown because something in it is null. Both values are computed for every row. For more than "
        "two cases write `case when ... then ... else ... end`.",
        ("if(2 > 1, 10, 20)", "10"),
        ("if(2 < 1, 10, 20)", "20"),
        ("if(null, 10, 20)", "20"),
        ("if(2 > 1, null, 20)", "null"),
    ),
)
