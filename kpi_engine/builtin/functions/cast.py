"""Functions that turn a value into another type. A value that does not fit stops the question."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.builtin.functions.literals import check_cast
from kpi_engine.builtin.functions.records import family
from kpi_engine.builtin.functions.signatures import NUMERIC, Result, literal_text, require, spoken
from kpi_engine.extend.functions import Function, Parameter, SignatureProblem
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.types import DATE, TEXT, TIMESTAMP, Kind, Type
from kpi_engine.kernels.spans import CalendarError

EPOCH_UNITS = ("second", "millisecond", "microsecond", "nanosecond")
"""What the numbers given to `from_epoch` may count."""

_NOUNS = {
    Kind.INTEGER: "a whole number",
    Kind.DECIMAL: "a decimal",
    Kind.DATE: "a date",
    Kind.TIMESTAMP: "a timestamp",
}
_FORMAT = Parameter("format", 'a format such as `"%d.%m.%Y"`', optional=True, literal=True)


def _number(kind: Kind) -> Result:
    def check(arguments: Sequence[Expression]) -> Type:
        given = require(arguments, 0, NUMERIC | {Kind.TEXT}, "a number or a text")
        check_cast(arguments, Type(kind), _NOUNS[kind])
        return Type(kind, given.unit, given.nature) if given.numeric else Type(kind)

    return check


def _text(arguments: Sequence[Expression]) -> Type:
    given = arguments[0].type
    if given.numeric and given.unit.is_duration:
        help = "say in which unit it is to be written: `text(x / 1 hour)`"
        raise SignatureProblem("a duration has no one way to be written", help, 0)
    return TEXT


def _moment(result: Type) -> Result:
    def check(arguments: Sequence[Expression]) -> Type:
        given = arguments[0].type
        if result is TIMESTAMP and given.kind is Kind.DATE:
            help = "compare dates with dates: write `date(...)` around the timestamp instead"
            raise SignatureProblem("a date is that day in every zone and is never turned into an instant", help, 0)
        if given.numeric:
            help = "`from_epoch(x, second)` reads a number of seconds since 1970"
            raise SignatureProblem(f"this must be a text or a timestamp, but is {spoken(given)}", help, 0)
        require(arguments, 0, {Kind.TEXT, Kind.TIMESTAMP, result.kind}, "a text or a timestamp")
        if len(arguments) > 1:
            _check_format(arguments, given)
        check_cast(arguments, result, _NOUNS[result.kind])
        return result

    return check


def _check_format(arguments: Sequence[Expression], given: Type) -> None:
    if given.kind not in (Kind.TEXT, Kind.NULL):
        message = f"only texts are read by a format, and this is {spoken(given)}"
        raise SignatureProblem(message, "leave the format out", 1)
    format = literal_text(arguments, 1, "a format", 'write it in double quotes, as `"%d.%m.%Y"`')
    from kpi_engine.kernels.short_formats import completed
    from kpi_engine.kernels.time_format import compile_format

    try:
        compile_format(completed(format)[0])
    except CalendarError as error:
        raise SignatureProblem(error.message, error.help, 1) from error


def _from_epoch(arguments: Sequence[Expression]) -> Type:
    help = "write `integer(...)` around it"
    given = require(arguments, 0, {Kind.INTEGER, Kind.DECIMAL}, "a whole number", help)
    if not given.unit.is_none:
        raise SignatureProblem(f"this must be a number without a unit, but is {spoken(given)}", "", 0)
    unit = literal_text(arguments, 1, "a unit", "write second, millisecond, microsecond or nanosecond")
    if unit not in EPOCH_UNITS:
        help = "write second, millisecond, microsecond or nanosecond"
        raise SignatureProblem(f"`{unit}` is not a unit of numbers since 1970", help, 1)
    return TIMESTAMP


_function = family("Conversions", lowerings="kpi_engine.builtin.lowering.cast")

CASTS: tuple[Function, ...] = (
    _function(
        "integer",
        (Parameter("x", "a text or a number"),),
        _number(Kind.INTEGER),
        "integer",
        "The whole number that a text writes or a number is: `17850.0` fits, `17850.5` does not and stops "
        'the question; round it first. Units are kept. Null stays null; `nullif(x, "n/a")` turns a mark '
        "for a missing value into null.",
        ('integer("00042")', "42"),
        ('integer("17850.0")', "17850"),
        ("integer(round(2.5))", "3"),
        ("integer(null)", "null"),
    ),
    _function(
        "decimal",
        (Parameter("x", "a text or a number"),),
        _number(Kind.DECIMAL),
        "decimal",
        "The exact decimal number that a text writes, with all its digits. A floating-point number becomes "
        "the shortest decimal that stands for it, so that 0.1 is 0.1. Units are kept. A text that is no "
        "number stops the question; null stays null.",
        ('decimal("12.50")', "12.50"),
        ('decimal(" 7 ")', "7"),
        ("decimal(null)", "null"),
    ),
    _function(
        "text",
        (Parameter("x", "any value but a duration"),),
        _text,
        "text",
        "The value as a text: numbers in plain digits, conditions as `true` and `false`, dates as "
        "`2027-03-15`, timestamps in the calendar's time zone as `2027-03-15T13:05:00+08:00`. Null stays "
        "null.",
        ("text(12.50)", '"12.50"'),
        ('text(date("2027-03-15"))', '"2027-03-15"'),
        ("text(1 > 2)", '"false"'),
        ("text(null)", "null"),
    ),
    _function(
        "date",
        (Parameter("x", "a text, a date or a timestamp"), _FORMAT),
        _moment(DATE),
        "date",
        "The day that a text writes (as `2027-03-15`, or by a format), or the local day of a timestamp in "
        "the calendar's time zone. A text that is no date, such as 30 February, stops the question. Null "
        "stays null.",
        ('date("2027-03-15")', "2027-03-15"),
        ('date("15.3.27", "%d.%m.%y")', "2027-03-15"),
        ('date(timestamp("2027-03-15 23:59"))', "2027-03-15"),
        ("date(null)", "null"),
    ),
    _function(
        "timestamp",
        (Parameter("x", "a text or a timestamp"), _FORMAT),
        _moment(TIMESTAMP),
        "timestamp",
        "The instant that a text writes (as `2027-03-15 13:05:09`, with or without an offset such as "
        "`+08:00`, or by a format). Without an offset it is read in the calendar's time zone. A text that "
        "is no timestamp stops the question. A date is never turned into an instant. Null stays null.",
        ('timestamp("2027-03-15 13:05")', 'timestamp("2027-03-15T13:05:00")'),
        ('timestamp("2027-03-15T13:05:00Z")', "from_epoch(1805115900, second)"),
        ('timestamp("03/15/2027 13:05", "%m/%d/%Y %H:%M")', 'timestamp("2027-03-15 13:05")'),
        ("timestamp(null)", "null"),
    ),
    _function(
        "from_epoch",
        (
            Parameter("x", "a whole number"),
            Parameter("unit", "second, millisecond, microsecond or nanosecond", literal=True, words=EPOCH_UNITS),
        ),
        _from_epoch,
        "timestamp",
        "The instant so many seconds (milliseconds, microseconds, nanoseconds) after the start of 1970 in "
        "UTC. Fractions below a microsecond are cut off. Null stays null.",
        ("from_epoch(0, second)", 'timestamp("1970-01-01T00:00:00Z")'),
        ("from_epoch(1805115900000, millisecond)", 'timestamp("2027-03-15T13:05:00Z")'),
        ("from_epoch(null, second)", "null"),
    ),
)
