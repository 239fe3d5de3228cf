"""What functions take and give: types, units, and the message where an argument does not fit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kpi_engine.builtin.functions import FUNCTIONS
from kpi_engine.extend.functions import SignatureProblem
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir.expression import Apply, Constant, Expression, Field, Measure
from kpi_engine.ir.types import (
    BOOLEAN,
    COUNT,
    DATE,
    DECIMAL,
    DURATION,
    FLOAT,
    INTEGER,
    NULL,
    RATIO,
    TEXT,
    TIMESTAMP,
    Kind,
    Type,
    Unit,
    currency,
)

REGISTRY = FunctionRegistry(FUNCTIONS)
CNY = currency("CNY")
EUR = currency("EUR")


def column(type: Type) -> Field:
    return Field("c", type)


def metric(type: Type) -> Measure:
    return Measure("sum", "orders", (column(type),), type)


def number(value: int | Decimal) -> Constant:
    return Constant(value, INTEGER if isinstance(value, int) else DECIMAL)


def word(text: str) -> Constant:
    return Constant(text, TEXT)


def result(name: str, *arguments: Expression) -> Type:
    function = REGISTRY.get(name)
    assert function is not None
    return function.result(arguments)


def name_only(value: object) -> str:
    return value if isinstance(value, str) else ""


MIXED = "the values must be of one type, but are "

GOOD = [
    ("abs", (column(CNY),), CNY),
    ("round", (column(CNY), number(2)), CNY),
    ("round", (column(CNY), Apply("negate", (number(2),), INTEGER)), CNY),
    ("floor", (column(DURATION),), DURATION),
    ("min", (column(DATE),), DATE),
    ("max", (column(TEXT),), TEXT),
    ("sum", (column(CNY),), CNY),
    ("sum", (column(INTEGER),), INTEGER),
    ("avg", (column(CNY),), Type(Kind.FLOAT, Unit.currency("CNY"))),
    ("avg", (column(DURATION),), Type(Kind.FLOAT, Unit.time())),
    ("median", (column(INTEGER),), FLOAT),
    ("percentile", (column(CNY), number(Decimal("99.9"))), Type(Kind.FLOAT, Unit.currency("CNY"))),
    ("weighted_avg", (column(DECIMAL), column(INTEGER)), FLOAT),
    ("variance", (column(CNY),), Type(Kind.FLOAT, Unit((("CNY", 2),)))),
    ("stddev", (column(CNY),), Type(Kind.FLOAT, Unit.currency("CNY"))),
    (
        "sqrt",
        (column(Type(Kind.FLOAT, Unit((("CNY", 2), ("time", -2))))),),
        Type(Kind.FLOAT, Unit((("CNY", 1), ("time", -1)))),
    ),
    ("sqrt", (column(INTEGER),), FLOAT),
    ("ln", (column(RATIO),), FLOAT),
    ("least", (column(INTEGER), column(DECIMAL)), DECIMAL),
    ("greatest", (column(INTEGER), column(FLOAT)), FLOAT),
    ("least", (column(CNY), number(100)), CNY),
    ("coalesce", (column(FLOAT), number(Decimal("0.5"))), FLOAT),
    ("coalesce", (metric(CNY), number(0)), CNY),
    ("coalesce", (metric(Type(Kind.FLOAT, Unit.time())), number(0)), Type(Kind.FLOAT, Unit.time())),
    ("coalesce", (metric(DECIMAL), metric(FLOAT)), FLOAT),
    ("coalesce", (Constant(None, NULL), column(DATE)), DATE),
    ("coalesce", (Constant(None, NULL), Constant(None, NULL)), NULL),
    ("nullif", (column(INTEGER), number(-1)), INTEGER),
    ("nullif", (column(INTEGER), number(Decimal("0.5"))), INTEGER),
    ("if", (column(BOOLEAN), column(CNY), Constant(None, NULL)), CNY),
    ("if", (Constant(None, NULL), column(TEXT), word("x")), TEXT),
    ("integer", (column(CNY),), Type(Kind.INTEGER, Unit.currency("CNY"))),
    ("decimal", (column(TEXT),), DECIMAL),
    ("decimal", (column(FLOAT),), DECIMAL),
    ("text", (column(CNY),), TEXT),
    ("date", (column(TIMESTAMP),), DATE),
    ("timestamp", (column(TEXT), word("%d.%m.%Y %H:%M")), TIMESTAMP),
    ("from_epoch", (column(INTEGER), word("second")), TIMESTAMP),
    ("bucket", (column(DATE), word("month")), DATE),
    ("bucket", (column(TIMESTAMP), word("hour")), TIMESTAMP),
    ("part", (column(TIMESTAMP), word("hour")), INTEGER),
    ("date_add", (column(DATE), word("1 month")), DATE),
    ("date_add", (column(DATE), word("-7 days")), DATE),
    ("date_add", (column(TIMESTAMP), column(DURATION)), TIMESTAMP),
    ("count", (), COUNT),
    ("count", (column(TEXT),), COUNT),
    ("growth", (metric(CNY),), RATIO),
    ("change", (metric(CNY),), CNY),
    ("previous", (metric(RATIO), word("1 year")), RATIO),
    ("concat", (column(TEXT), word("-"), Constant(None, NULL)), TEXT),
    ("substring", (column(TEXT), number(2), column(INTEGER)), TEXT),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), GOOD, ids=name_only)
def test_result(name: str, arguments: tuple[Expression, ...], expected: Type) -> None:
    assert result(name, *arguments) == expected


BAD = [
    ("lower", (column(INTEGER),), 0, "this must be a text, but is an integer"),
    ("abs", (column(TEXT),), 0, "this must be a number, but is a text"),
    ("sum", (column(BOOLEAN),), 0, "this must be a number, but is a condition"),
    ("sum", (column(TEXT),), 0, "this must be a number, but is a text"),
    ("max", (column(BOOLEAN),), 0, "this must be a number, a text, a date or a timestamp, but is a condition"),
    ("percentile", (column(CNY), number(101)), 1, "this must be a number from 0 to 100"),
    ("percentile", (column(CNY), column(INTEGER)), 1, "this must be a number from 0 to 100 written out, not computed"),
    ("sqrt", (column(CNY),), 0, "the square root of an amount in CNY has no meaning"),
    ("ln", (column(DURATION),), 0, "this must be a number without a unit, but is a duration"),
    ("round", (column(CNY), number(Decimal("0.5"))), 1, "this must be a whole number of digits from -30 to 30"),
    ("round", (column(CNY), number(31)), 1, "this must be a whole number of digits from -30 to 30, but is 31"),
    (
        "least",
        (column(CNY), column(EUR)),
        1,
        MIXED + "an amount in CNY and an amount in EUR",
    ),
    (
        "least",
        (column(DECIMAL), column(FLOAT)),
        1,
        "a decimal and a floating-point number do not mix in rows, because the result would be rounded",
    ),
    ("coalesce", (column(TEXT), number(0)), 1, MIXED + "a text and an integer"),
    ("coalesce", (column(DURATION), number(5)), 1, MIXED + "a duration and an integer"),
    ("if", (column(INTEGER), number(1), number(2)), 0, "this must be a condition, but is an integer"),
    (
        "if",
        (column(BOOLEAN), column(DATE), column(TIMESTAMP)),
        2,
        MIXED + "a date and a timestamp",
    ),
    ("timestamp", (column(DATE),), 0, "a date is that day in every zone and is never turned into an instant"),
    ("date", (column(INTEGER),), 0, "this must be a text or a timestamp, but is an integer"),
    ("date", (column(TEXT), word("%Q")), 1, "`%Q` is not a part of a format"),
    ("date", (column(TIMESTAMP), word("%Y")), 1, "only texts are read by a format, and this is a timestamp"),
    ("text", (column(DURATION),), 0, "a duration has no one way to be written"),
    ("hour", (column(DATE),), 0, "this must be a timestamp, but is a date"),
    ("part", (column(DATE), word("minute")), 0, "this must be a timestamp, but is a date"),
    ("part", (column(DATE), word("weakday")), 1, "`weakday` is not a part"),
    ("bucket", (column(DATE), word("hour")), 0, "a date cannot be grouped by hour"),
    ("bucket", (column(DATE), word("fortnight")), 1, "`fortnight` is not a grain"),
    ("date_add", (column(DATE), word("2 hours")), 1, "a date cannot move by hours"),
    (
        "date_add",
        (column(DATE), column(DURATION)),
        1,
        "a date moves by whole days, and a computed duration may hold hours",
    ),
    ("date_add", (column(DATE), number(7)), 1, "this must be a duration, but is an integer"),
    ("from_epoch", (column(INTEGER), word("minute")), 1, "`minute` is not a unit of numbers since 1970"),
    ("matches", (column(TEXT), word("a(?=b)")), 1, "`(?=` (a look-around) is not part of RE2 patterns"),
    ("matches", (column(TEXT), word("a" * 1001)), 1, "a pattern has at most 1000 characters"),
    ("split_part", (column(TEXT), word(""), number(1)), 1, "the separator is empty"),
    ("split_part", (column(TEXT), word("-"), number(0)), 2, "this must be the number of a part, 1 or more, but is 0"),
    ("substring", (column(TEXT), number(0)), 1, "this must be a position of 1 or more, but is 0"),
    ("replace", (column(TEXT), word(""), word("x")), 1, "the text to look for is empty"),
]


@pytest.mark.parametrize(("name", "arguments", "position", "message"), BAD, ids=name_only)
def test_problem(name: str, arguments: tuple[Expression, ...], position: int, message: str) -> None:
    with pytest.raises(SignatureProblem) as caught:
        result(name, *arguments)
    assert caught.value.message == message
    assert caught.value.argument == position


def test_natures_are_kept_where_all_agree() -> None:
    assert result("coalesce", metric(COUNT), number(0)).nature == "count"
    assert result("abs", metric(RATIO)).nature == "ratio"
    assert result("greatest", metric(COUNT), metric(INTEGER)).nature == "number"


def test_names_are_registered_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        FunctionRegistry((*FUNCTIONS, FUNCTIONS[0]))


def test_records_import_no_arrow() -> None:
    import subprocess
    import sys

    code = "import kpi_engine.builtin.functions, sys; sys.exit('pyarrow' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
