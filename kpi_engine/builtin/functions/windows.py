"""Windows: a metric on another window than the one asked. The engine lowers them."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.builtin.functions.records import family
from kpi_engine.builtin.functions.signatures import NUMERIC, require
from kpi_engine.extend.functions import Function, Parameter
from kpi_engine.ir.catalog import GRAINS
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.types import RATIO, Type

_E = Parameter("m", "a metric")
_BACK = Parameter("length", "a duration or a grain", optional=True, words=GRAINS, duration=True, grains=True)


def _same(arguments: Sequence[Expression]) -> Type:
    return arguments[0].type


def _number(arguments: Sequence[Expression]) -> Type:
    return require(arguments, 0, NUMERIC, "a number")


def _growth(arguments: Sequence[Expression]) -> Type:
    require(arguments, 0, NUMERIC, "a number")
    return RATIO


_function = family("Windows", "window")

WINDOWS: tuple[Function, ...] = (
    _function(
        "previous",
        (_E, _BACK),
        _same,
        "the type of m",
        "The metric in the period before, or a given length earlier: `previous(revenue, 1 year)`. A period "
        "that is still running is compared with the same part of the earlier one. Before the source's "
        "first row it is null.",
        ("previous(sum(x))", "20", "10, 20, 30"),
        ("previous(sum(x), 2 months)", "10", "10, 20, 30"),
        ("previous(sum(x))", "null", "10"),
    ),
    _function(
        "change",
        (_E, _BACK),
        _number,
        "the type of m",
        "The metric minus what it was in the period before, or a given length earlier. Null if either is null.",
        ("change(sum(x))", "10", "10, 20, 30"),
        ("change(sum(x))", "null", "10"),
    ),
    _function(
        "growth",
        (_E, _BACK),
        _growth,
        "ratio",
        "The metric divided by what it was in the period before (or a given length earlier), minus 1: 0.1 "
        "is ten percent more. Null if either is null or the earlier one is 0.",
        ("growth(sum(x))", "0.5", "10, 20, 30"),
        ("growth(sum(x))", "null", "0, 30"),
    ),
    _function(
        "rolling",
        (_E, Parameter("length", "a duration or a grain", words=GRAINS, duration=True, grains=True)),
        _same,
        "the type of m",
        "The metric over the length of time that ends with the period: `rolling(active_customers, 28 "
        "days)`. It is computed from the rows of that time, so that ratios and distinct counts are right. "
        "Without rows it is as the metric without rows.",
        ("rolling(sum(x), 2 months)", "50", "10, 20, 30"),
        ("rolling(count(x), 2 months)", "1", "1, null, 3"),
        ("rolling(avg(x), 2 months)", "null", "1, null, null"),
    ),
    _function(
        "todate",
        (_E, Parameter("grain", "a grain", literal=True, words=GRAINS, grains=True)),
        _same,
        "the type of m",
        "The metric from the start of the year (quarter, month, ...) up to the end of the period. The "
        "grain must not be finer than the period.",
        ("todate(sum(x), year)", "60", "10, 20, 30"),
        ("todate(avg(x), year)", "null", "null"),
    ),
    _function(
        "cumulative",
        (_E,),
        _same,
        "the type of m",
        "The metric over everything up to the end of the period.",
        ("cumulative(sum(x))", "60", "10, 20, 30"),
        ("cumulative(avg(x))", "null", "null"),
    ),
    _function(
        "before",
        (_E,),
        _same,
        "the type of m",
        "The metric over everything before the start of the period. Counts and sums are 0 before the first "
        "row, the others null.",
        ("before(sum(x))", "30", "10, 20, 30"),
        ("before(sum(x))", "0", "10"),
        ("before(avg(x))", "null", "10"),
    ),
    _function(
        "total",
        (_E, Parameter("dimension", "the name of a dimension", optional=True, variadic=True)),
        _same,
        "the type of m",
        "The metric without these dimensions, or without any: `revenue / total(revenue, channel)` is the "
        "share of a channel. Conditions of the question that name only these dimensions are left out, too.",
        ("sum(x) / total(sum(x))", "1", "10, 20, 30"),
        ("total(avg(x))", "null", "null"),
    ),
    _function(
        "nonempty",
        (_E,),
        _same,
        "the type of m",
        "The metric, but null where none of its aggregates has a row, even where a count or a sum would be "
        "0. `coalesce(m, 0)` is the opposite.",
        ("nonempty(sum(x))", "30", "10, 20, 30"),
        ("nonempty(sum(x))", "null", "10, no row"),
    ),
)
