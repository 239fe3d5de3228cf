"""Aggregates: many rows to one value. The engine owns their states; the records say what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from kpi_engine.builtin.functions.records import family
from kpi_engine.builtin.functions.signatures import NUMERIC, ORDERED, literal, require, spoken
from kpi_engine.extend.functions import Function, Parameter, SignatureProblem
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.types import COUNT, Kind, Type

_COUNT_TRUE = "count the rows that are true: `count(orders where is_valid)`"
_X = Parameter("x", "a number")


def _number(arguments: Sequence[Expression]) -> Type:
    given = arguments[0].type
    if given.kind is Kind.BOOLEAN:
        raise SignatureProblem(f"this must be a number, but is {spoken(given)}", _COUNT_TRUE, 0)
    help = "write `decimal(...)` around the text" if given.kind is Kind.TEXT else ""
    return require(arguments, 0, NUMERIC, "a number", help)


def _count(arguments: Sequence[Expression]) -> Type:
    return COUNT


def _sum(arguments: Sequence[Expression]) -> Type:
    return _number(arguments)


def _average(arguments: Sequence[Expression]) -> Type:
    given = _number(arguments)
    return Type(Kind.FLOAT, given.unit, "ratio" if given.nature == "ratio" else "number")


def _percentile(arguments: Sequence[Expression]) -> Type:
    help = "write `90` for the value that 90 of 100 rows do not exceed"
    value = literal(arguments, 1, "a number from 0 to 100", help)
    if isinstance(value, bool) or not isinstance(value, int | Decimal | Fraction) or not 0 <= value <= 100:
        raise SignatureProblem("this must be a number from 0 to 100", help, 1)
    return _average(arguments)


def _weighted(arguments: Sequence[Expression]) -> Type:
    require(arguments, 1, NUMERIC, "a number", "write the column that says how much each row counts")
    return _average(arguments)


def _variance(arguments: Sequence[Expression]) -> Type:
    given = _number(arguments)
    return Type(Kind.FLOAT, given.unit * given.unit)


def _ordered(arguments: Sequence[Expression]) -> Type:
    given = arguments[0].type
    help = _COUNT_TRUE if given.kind is Kind.BOOLEAN else ""
    return require(arguments, 0, ORDERED, "a number, a text, a date or a timestamp", help)


def _any(arguments: Sequence[Expression]) -> Type:
    return arguments[0].type


_function = family("Aggregates", "aggregate")

AGGREGATES: tuple[Function, ...] = (
    _function(
        "count",
        (Parameter("x", "a source, a column, or `distinct` and what to tell apart", optional=True),),
        _count,
        "count",
        "How many: `count(orders)` the rows of a source in the window, `count(orders.total)` those with a "
        "value, `count(distinct orders.customer_id)` or `count(distinct customers)` the different values "
        "among them. Nulls are not counted. No rows give 0.",
        ("count(x)", "2", "10, null, 30"),
        ("count(distinct x)", "2", "10, 20, 20, null"),
        ("count(x)", "0", ""),
    ),
    _function(
        "sum",
        (_X,),
        _sum,
        "the type of x",
        "The total. Integers and decimals are added exactly; floating-point numbers are added exactly, "
        "too, and rounded once. Nulls are skipped. No rows give 0; rows that are all null give null.",
        ("sum(x)", "42.50", "12.50, 30, null"),
        ("sum(x)", "0", ""),
        ("sum(x)", "null", "null, null"),
    ),
    _function(
        "avg",
        (_X,),
        _average,
        "number, with the unit of x",
        "The mean of the values that are not null: their exact sum divided by their number, rounded once. "
        "Without values it is null.",
        ("avg(x)", "2.5", "1, 4, null"),
        ("avg(x)", "null", ""),
    ),
    _function(
        "min",
        (Parameter("x", "a number, a text, a date or a timestamp"),),
        _ordered,
        "the type of x",
        "The least value. Nulls are skipped; without values it is null. Texts compare by code points.",
        ("min(x)", "10", "30, 10, null"),
        ("min(x)", "null", ""),
    ),
    _function(
        "max",
        (Parameter("x", "a number, a text, a date or a timestamp"),),
        _ordered,
        "the type of x",
        "The greatest value. Nulls are skipped; without values it is null. Texts compare by code points.",
        ("max(x)", "30", "30, 10, null"),
        ("max(x)", "null", "null"),
    ),
    _function(
        "median",
        (_X,),
        _average,
        "number, with the unit of x",
        "The middle value; of an even number of values the mean of the two in the middle. The same as "
        "`percentile(x, 50)`. Nulls are skipped; without values it is null.",
        ("median(x)", "20", "30, 10, 20, null"),
        ("median(x)", "15", "10, 20"),
        ("median(x)", "null", ""),
    ),
    _function(
        "percentile",
        (_X, Parameter("p", "a number from 0 to 100", literal=True)),
        _percentile,
        "number, with the unit of x",
        "The value below which p of 100 values lie, found exactly and interpolated linearly between "
        "neighbours: 0 is the least value, 100 the greatest. Nulls are skipped; without values it is null. "
        "`percentile(approx x, 90)` permits an estimate where there are too many values.",
        ("percentile(x, 90)", "46", "10, 20, 30, 40, 50"),
        ("percentile(x, 25)", "17.5", "10, 20, 30, 40"),
        ("percentile(x, 90)", "null", ""),
    ),
    _function(
        "weighted_avg",
        (Parameter("x", "a number"), Parameter("weight", "a number")),
        _weighted,
        "number, with the unit of x",
        "The mean in which each row counts by its weight: the sum of value x weight divided by the sum of "
        "weights. Rows whose value or weight is null are left out. Without rows, or if the weights add up "
        "to 0, it is null.",
        ("weighted_avg(x, w)", "1.75", "1, 2; 1, 3"),
        ("weighted_avg(x, w)", "2", "1, 2, null; null, 3, 5"),
        ("weighted_avg(x, w)", "null", "1, 2; 0, 0"),
    ),
    _function(
        "stddev",
        (_X,),
        _average,
        "number, with the unit of x",
        "The standard deviation of a sample: the square root of the variance. Nulls are skipped; one value "
        "alone gives null.",
        ("stddev(x)", "2", "2, 4, 6, null"),
        ("stddev(x)", "null", "5"),
    ),
    _function(
        "variance",
        (_X,),
        _variance,
        "number, with the square of x's unit",
        "The variance of a sample: the squared distances from the mean, added and divided by one less than "
        "their number. Nulls are skipped; one value alone gives null.",
        ("variance(x)", "4", "2, 4, 6, null"),
        ("variance(x)", "null", "5"),
    ),
    _function(
        "first",
        (Parameter("m", "a metric `per` a grain"),),
        _any,
        "the type of m",
        "The value of a metric in the first of the smaller periods of the window: `first(revenue per "
        "day)`. It is null if the metric is null in that period.",
        ("first(sum(x) per month)", "10", "10, 20, 30"),
        ("first(avg(x) per month)", "null", "null, 20, 30"),
    ),
    _function(
        "last",
        (Parameter("m", "a metric `per` a grain"),),
        _any,
        "the type of m",
        "The value of a metric in the last of the smaller periods of the window: `last(sum(stock.value at "
        "end) per day)`. It is null if the metric is null in that period.",
        ("last(sum(x) per month)", "30", "10, 20, 30"),
        ("last(avg(x) per month)", "null", "10, 20, null"),
    ),
)
