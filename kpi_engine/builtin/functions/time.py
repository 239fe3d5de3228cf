"""Functions on dates and timestamps. Parts and buckets are local, in the calendar's time zone."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.builtin.functions.records import family
from kpi_engine.builtin.functions.signatures import MOMENTS, literal, literal_text, require, spoken
from kpi_engine.extend.functions import Function, Parameter, SignatureProblem
from kpi_engine.ir.catalog import GRAINS
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.types import DATE, INTEGER, TIMESTAMP, Kind, Type

DAY_PARTS = ("year", "quarter", "month", "week", "day", "weekday")
"""Parts that dates and timestamps have."""
CLOCK_PARTS = ("hour", "minute", "second")
"""Parts that only timestamps have."""
PARTS = DAY_PARTS + CLOCK_PARTS

_CLOCK_UNITS = frozenset(CLOCK_PARTS)
_UNITS = frozenset({"second", "minute", "hour", "day", "week", "month", "quarter", "year"})
_X = Parameter("x", "a date or a timestamp")
_INSTANT = Parameter("x", "a timestamp")
_NO_CLOCK = "a date has no time of day: use a timestamp column"


def _moment(arguments: Sequence[Expression]) -> Type:
    help = "write `date(...)` or `timestamp(...)` around the text"
    return require(arguments, 0, MOMENTS, "a date or a timestamp", help if arguments[0].type.kind is Kind.TEXT else "")


def _day_part(arguments: Sequence[Expression]) -> Type:
    _moment(arguments)
    return INTEGER


def _clock_part(arguments: Sequence[Expression]) -> Type:
    if _moment(arguments).kind is Kind.DATE:
        raise SignatureProblem("this must be a timestamp, but is a date", _NO_CLOCK, 0)
    return INTEGER


def _part(arguments: Sequence[Expression]) -> Type:
    name = _word(arguments, PARTS, "a part")
    return _clock_part(arguments) if name in CLOCK_PARTS else _day_part(arguments)


def _bucket(arguments: Sequence[Expression]) -> Type:
    given = _moment(arguments)
    if _word(arguments, GRAINS, "a grain") != "hour":
        return DATE
    if given.kind is Kind.DATE:
        raise SignatureProblem("a date cannot be grouped by hour", _NO_CLOCK, 0)
    return TIMESTAMP


def _word(arguments: Sequence[Expression], words: tuple[str, ...], wanted: str) -> str:
    listed = ", ".join(words)
    name = literal_text(arguments, 1, wanted, f"write one of {listed}")
    if name not in words:
        help = did_you_mean(name, words) or f"write one of {listed}"
        raise SignatureProblem(f"`{name}` is not {wanted}", help, 1)
    return name


def _date_add(arguments: Sequence[Expression]) -> Type:
    given = _moment(arguments)
    length = arguments[1].type
    if length.kind is Kind.TEXT:
        _, unit = _written_duration(literal(arguments, 1, "a duration"))
        if given.kind is Kind.DATE and unit in _CLOCK_UNITS:
            help = "write days, weeks, months, quarters or years"
            raise SignatureProblem(f"a date cannot move by {unit}s", help, 1)
        return given
    if not (length.numeric and length.unit.is_duration):
        message = f"this must be a duration, but is {spoken(length)}"
        raise SignatureProblem(message, "write one such as `7 days`", 1)
    if given.kind is Kind.DATE:
        help = "write the duration out, as `7 days`"
        raise SignatureProblem("a date moves by whole days, and a computed duration may hold hours", help, 1)
    return given


def _written_duration(value: object) -> tuple[str, str]:
    amount, _, unit = str(value).partition(" ")
    unit = unit.strip().removesuffix("s")
    if unit not in _UNITS or not amount.lstrip("-").replace(".", "", 1).isdigit():
        raise SignatureProblem("this must be a duration", "write one such as `7 days` or `1 month`", 1)
    return amount, unit


_function = family("Time", lowerings="kpi_engine.builtin.lowering.time")

TIMES: tuple[Function, ...] = (
    _function(
        "year",
        (_X,),
        _day_part,
        "integer",
        "The calendar year of a date, or of a timestamp's local day. Null stays null.",
        ('year(date("2027-03-15"))', "2027"),
        ("year(null)", "null"),
    ),
    _function(
        "quarter",
        (_X,),
        _day_part,
        "integer",
        "The quarter of the calendar year, 1 to 4. Null stays null.",
        ('quarter(date("2027-03-31"))', "1"),
        ('quarter(date("2027-04-01"))', "2"),
        ("quarter(null)", "null"),
    ),
    _function(
        "month",
        (_X,),
        _day_part,
        "integer",
        "The month of the year, 1 to 12. Null stays null; `bucket(x, month)` tells the months of different "
        "years apart.",
        ('month(date("2027-03-15"))', "3"),
        ("month(null)", "null"),
    ),
    _function(
        "week",
        (_X,),
        _day_part,
        "integer",
        "The number of the ISO week, 1 to 53. Weeks begin on Monday, and the first one holds the year's "
        "first Thursday, so that 1 January may lie in week 52 or 53. Null stays null.",
        ('week(date("2027-01-04"))', "1"),
        ('week(date("2027-01-01"))', "53"),
        ("week(null)", "null"),
    ),
    _function(
        "day",
        (_X,),
        _day_part,
        "integer",
        "The day of the month, 1 to 31. Null stays null.",
        ('day(date("2027-03-15"))', "15"),
        ("day(null)", "null"),
    ),
    _function(
        "hour",
        (_INSTANT,),
        _clock_part,
        "integer",
        "The hour on the local clock, 0 to 23. Null stays null. A date has no hour.",
        ('hour(timestamp("2027-03-15 13:05"))', "13"),
        ("hour(null)", "null"),
    ),
    _function(
        "minute",
        (_INSTANT,),
        _clock_part,
        "integer",
        "The minute on the local clock, 0 to 59. Null stays null. A date has no minute.",
        ('minute(timestamp("2027-03-15 13:05"))', "5"),
        ("minute(null)", "null"),
    ),
    _function(
        "second",
        (_INSTANT,),
        _clock_part,
        "integer",
        "The whole second on the local clock, 0 to 59. Null stays null. A date has no second.",
        ('second(timestamp("2027-03-15 13:05:09.75"))', "9"),
        ("second(null)", "null"),
    ),
    _function(
        "weekday",
        (_X,),
        _day_part,
        "integer",
        "The day of the week, from 1 for Monday to 7 for Sunday, wherever the calendar's weeks begin. Null stays null.",
        ('weekday(date("2027-03-15"))', "1"),
        ('weekday(date("2027-03-21"))', "7"),
        ("weekday(null)", "null"),
    ),
    _function(
        "part",
        (_X, Parameter("name", "the name of a part", literal=True, words=PARTS)),
        _part,
        "integer",
        "The part of that name, as the function of the same name gives it: year, quarter, month, week, "
        "day, weekday; of timestamps also hour, minute and second. Null stays null.",
        ('part(date("2027-03-15"), weekday)', "1"),
        ('part(timestamp("2027-03-15 13:05"), hour)', "13"),
        ("part(null, year)", "null"),
    ),
    _function(
        "bucket",
        (_X, Parameter("grain", "a grain", literal=True, words=GRAINS, grains=True)),
        _bucket,
        "date, or timestamp for hours",
        "The first day of the period that holds the value, by the calendar's time zone, first day of the "
        "week and fiscal year; for `hour` the instant at which the hour begins. A date cannot be grouped "
        "by hour. Null stays null.",
        ('bucket(date("2027-03-17"), month)', "2027-03-01"),
        ('bucket(date("2027-03-17"), week)', "2027-03-15"),
        ('bucket(timestamp("2027-03-17 13:05"), hour)', 'timestamp("2027-03-17 13:00")'),
        ("bucket(null, month)", "null"),
    ),
    _function(
        "date_add",
        (_X, Parameter("length", "a duration", duration=True)),
        _date_add,
        "the type of x",
        "The date or timestamp so much later, or earlier for a negative length. Months, quarters and years "
        "keep the day of the month and stop at its last day; of a timestamp days and longer keep the local "
        "time of day, and hours and shorter are elapsed time, as is a computed duration. A date cannot "
        "move by hours. Null stays null.",
        ('date_add(date("2027-01-31"), 1 month)', "2027-02-28"),
        ('date_add(date("2027-03-15"), -7 days)', "2027-03-08"),
        ('date_add(timestamp("2027-03-15 13:05"), 2 hours)', 'timestamp("2027-03-15 15:05")'),
        ("date_add(null, 1 day)", "null"),
    ),
)
