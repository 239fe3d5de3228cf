"""Functions on numbers. Units are kept wherever they still make sense; null in, null out."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.builtin.functions.records import family
from kpi_engine.builtin.functions.signatures import (
    ORDERED,
    common,
    literal_integer,
    require,
    require_plain,
    same_number,
    spoken,
    unitless_float,
)
from kpi_engine.extend.functions import Function, Parameter, SignatureProblem
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.types import Kind, Type, Unit

_MOST_DIGITS = 30

_X = Parameter("x", "a number")
_DIGITS = Parameter("digits", f"an integer from -{_MOST_DIGITS} to {_MOST_DIGITS}", optional=True, literal=True)


def _round(arguments: Sequence[Expression]) -> Type:
    given = same_number(arguments)
    if len(arguments) > 1:
        wanted = f"a whole number of digits from -{_MOST_DIGITS} to {_MOST_DIGITS}"
        literal_integer(arguments, 1, -_MOST_DIGITS, _MOST_DIGITS, wanted)
    return given


def _sqrt(arguments: Sequence[Expression]) -> Type:
    given = same_number(arguments)
    if any(power % 2 for _, power in given.unit.powers):
        help = "take the root of a number without a unit; a duration becomes one by `x / 1 hour`"
        raise SignatureProblem(f"the square root of {spoken(given)} has no meaning", help, 0)
    return Type(Kind.FLOAT, Unit(tuple((base, power // 2) for base, power in given.unit.powers)))


def _plain(arguments: Sequence[Expression]) -> Type:
    help = "divide it by an amount of its unit first, as `x / 1 hour`"
    require_plain(arguments, 0, "a number without a unit", help)
    return unitless_float()


def _extreme(arguments: Sequence[Expression]) -> Type:
    for position in range(len(arguments)):
        require(arguments, position, ORDERED, "a number, a text, a date or a timestamp")
    return common(arguments, range(len(arguments)))


_SEVERAL = (Parameter("x", "a value"), Parameter("others", "values of the same type", variadic=True))

_function = family("Numbers", lowerings="kpi_engine.builtin.lowering.number")

NUMBERS: tuple[Function, ...] = (
    _function(
        "abs",
        (_X,),
        same_number,
        "the type of x",
        "The number without its sign. Amounts and durations keep their unit. Null stays null.",
        ("abs(-12.50)", "12.50"),
        ("abs(null)", "null"),
    ),
    _function(
        "round",
        (_X, _DIGITS),
        _round,
        "the type of x",
        "The number rounded to so many decimal places (0 if not given; -2 rounds to hundreds). A half is "
        "rounded away from zero. Decimals are rounded exactly, and units are kept. Null stays null.",
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(12.345, 2)", "12.35"),
        ("round(1250, -2)", "1300"),
        ("round(null)", "null"),
    ),
    _function(
        "floor",
        (_X,),
        same_number,
        "the type of x",
        "The greatest whole number that is not above the number; the unit is kept. Null stays null.",
        ("floor(2.7)", "2"),
        ("floor(-2.1)", "-3"),
        ("floor(null)", "null"),
    ),
    _function(
        "ceil",
        (_X,),
        same_number,
        "the type of x",
        "The least whole number that is not below the number; the unit is kept. Null stays null.",
        ("ceil(2.1)", "3"),
        ("ceil(-2.7)", "-2"),
        ("ceil(null)", "null"),
    ),
    _function(
        "sqrt",
        (_X,),
        _sqrt,
        "number",
        "The square root, a floating-point number. That of a negative number is null. A unit must be a "
        "square, such as that of a variance, and its root is the unit of the result.",
        ("sqrt(2.25)", "1.5"),
        ("sqrt(-1)", "null"),
        ("sqrt(null)", "null"),
    ),
    _function(
        "ln",
        (Parameter("x", "a number without a unit"),),
        _plain,
        "number",
        "The natural logarithm of a number without a unit. That of 0 and of negative numbers is null.",
        ("ln(1)", "0"),
        ("ln(0)", "null"),
        ("ln(null)", "null"),
    ),
    _function(
        "exp",
        (Parameter("x", "a number without a unit"),),
        _plain,
        "number",
        "The number e raised to a number without a unit. A result too large for a floating-point number is null.",
        ("exp(0)", "1"),
        ("exp(1000)", "null"),
        ("exp(null)", "null"),
    ),
    _function(
        "least",
        _SEVERAL,
        _extreme,
        "the common type",
        "The least of the values, which must be of one type and unit. Texts compare by code points. If one "
        "of them is null so is the result.",
        ("least(3, 1.5, 2)", "1.5"),
        ('least("b", "a")', '"a"'),
        ("least(3, null)", "null"),
    ),
    _function(
        "greatest",
        _SEVERAL,
        _extreme,
        "the common type",
        "The greatest of the values, which must be of one type and unit. Texts compare by code points. If "
        "one of them is null so is the result; `greatest(coalesce(x, 0), y)` reads a missing value as 0.",
        ("greatest(3, 1.5, 2)", "3"),
        ('greatest(date("2027-03-01"), date("2027-02-28"))', "2027-03-01"),
        ("greatest(3, null)", "null"),
    ),
)
