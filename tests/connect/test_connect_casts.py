"""Stored types as declared types, and texts as numbers, dates and conditions, against plain Python."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.builtin.connectors.memory import MemoryConnector
from kpi_engine.ir.types import BOOLEAN, DATE, DECIMAL, DURATION, FLOAT, INTEGER, TEXT, TIMESTAMP, Type, currency
from kpi_engine.kernels.cast_forms import NumberStyle, Style
from kpi_engine.kernels.casts import floats_to_decimals, to_text, try_cast
from kpi_engine.kernels.errors import NumberOverflow
from kpi_engine.kernels.text_casts import try_decimals, try_durations, try_integers

UTC = datetime.UTC
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime.datetime(2027, 3, 15, 12)
DAY = NOON.date()
REFUSED = "refused"
NAIVE = pa.timestamp("us")
ZONED = pa.timestamp("ms", "Europe/Paris")

STORED: dict[str, pa.Array] = {
    "int": pa.array([20270315, None], pa.int32()),
    "uint": pa.array([2**64 - 1, None], pa.uint64()),
    "double": pa.array([17850.0, None]),
    "decimal": pa.array([Decimal("7.00"), None], pa.decimal128(9, 2)),
    "bool": pa.array([True, None]),
    "text": pa.array(["00005", None]),
    "dictionary": pa.array(["00005", None]).dictionary_encode(),
    "view": pa.array(["00005", None], pa.string_view()),
    "date": pa.array([DAY, None]),
    "date64": pa.array([DAY, None], pa.date64()),
    "local": pa.array([NOON, None], NAIVE),
    "instant": pa.array([NOON.replace(tzinfo=UTC), None], ZONED),
    "duration": pa.array([datetime.timedelta(seconds=90), None], pa.duration("s")),
    "null": pa.nulls(2),
    "list": pa.array([[1], None]),
    "bytes": pa.array([b"x", None]),
}

EXPECTED: dict[tuple[str, Type], Any] = {
    ("int", TEXT): "20270315",
    ("int", INTEGER): 20270315,
    ("int", DECIMAL): Decimal(20270315),
    ("int", FLOAT): 20270315.0,
    ("uint", INTEGER): Decimal(2**64 - 1),
    ("uint", TEXT): str(2**64 - 1),
    ("uint", DECIMAL): Decimal(2**64 - 1),
    ("uint", FLOAT): float(2**64 - 1),
    ("double", TEXT): "17850",
    ("double", INTEGER): 17850,
    ("double", DECIMAL): Decimal(17850),
    ("double", FLOAT): 17850.0,
    ("decimal", TEXT): "7.00",
    ("decimal", INTEGER): 7,
    ("decimal", DECIMAL): Decimal("7.00"),
    ("decimal", FLOAT): 7.0,
    ("bool", TEXT): "true",
    ("bool", INTEGER): 1,
    ("bool", BOOLEAN): True,
    ("text", TEXT): "00005",
    ("text", INTEGER): 5,
    ("text", DECIMAL): Decimal(5),
    ("dictionary", TEXT): "00005",
    ("dictionary", INTEGER): 5,
    ("dictionary", DECIMAL): Decimal(5),
    ("view", TEXT): "00005",
    ("view", INTEGER): 5,
    ("view", DECIMAL): Decimal(5),
    ("date", TEXT): "2027-03-15",
    ("date", DATE): DAY,
    ("date64", TEXT): "2027-03-15",
    ("date64", DATE): DAY,
    ("local", TEXT): "2027-03-15 12:00:00",
    ("local", DATE): DAY,
    ("local", TIMESTAMP): NOON.replace(tzinfo=SHANGHAI),
    ("instant", TEXT): "2027-03-15T20:00:00+08:00",
    ("instant", DATE): DAY,
    ("instant", TIMESTAMP): NOON.replace(tzinfo=UTC),
    ("duration", DURATION): 90_000_000,
}
FAILING = {
    ("int", BOOLEAN), ("text", BOOLEAN), ("text", DATE), ("text", TIMESTAMP), ("text", DURATION),
    ("dictionary", BOOLEAN), ("dictionary", DATE), ("dictionary", TIMESTAMP), ("dictionary", DURATION),
    ("view", BOOLEAN), ("view", DATE), ("view", TIMESTAMP), ("view", DURATION),
}  # fmt: skip
"""Types that can be read so, but not this value."""

TYPES = (TEXT, INTEGER, DECIMAL, FLOAT, BOOLEAN, DATE, TIMESTAMP, DURATION)
MATRIX = [pytest.param(name, type, id=f"{name}-{type}") for name in STORED for type in TYPES]


@pytest.mark.parametrize(("name", "type"), MATRIX)
def test_matrix(read: Any, name: str, type: Type) -> None:
    read.connector = MemoryConnector("orders", pa.table({"x": STORED[name]}))
    if name == "null":
        assert read("orders", {"x": type}).column("x") == [None, None]
    elif (name, type) in EXPECTED:
        found = read("orders", {"x": type})
        assert found.column("x") == [EXPECTED[name, type], None]
        assert found.batches[0].column(0).validate(full=True) is None
    elif (name, type) in FAILING:
        assert re.match(
            r"orders, row 1: E608: `x` holds `\w+`, which is not ", read.problem(lambda: read("orders", {"x": type}))
        )
    else:
        assert "E610: the column `x` is stored as" in read.problem(lambda: read("orders", {"x": type}))


def test_reasons_name_the_fix(read: Any) -> None:
    def problem(name: str, type: Type) -> str:
        read.connector = MemoryConnector("orders", pa.table({"x": STORED[name]}))
        return str(read.problem(lambda: read("orders", {"x": type})))

    assert problem("date", TIMESTAMP) == (
        "orders: E610: the column `x` is stored as date32[day] and cannot be read as a timestamp"
        " (declare it as `date`: a date is that day in every zone and is never turned into an instant)"
    )
    assert problem("int", DATE).endswith('(give it a format, as `format "%Y%m%d"`)')
    assert problem("int", TIMESTAMP).endswith(
        "(read it as integer, and add `column t: timestamp = from_epoch(x, second)`)"
    )
    assert problem("int", DURATION).endswith("(read it as integer, and compute `x * 1 second`, or another unit)")
    assert problem("duration", INTEGER).endswith("(declare it as `duration`)")
    assert problem("list", TEXT).endswith("(leave the column out)")


def test_integers_by_a_format(read: Any) -> None:
    read.connector = MemoryConnector("orders", pa.table({"x": STORED["int"]}))
    assert read("orders", {"x": DATE}, formats={"x": "%Y%m%d"}).column("x") == [DAY, None]


def test_undeclared_columns_keep_their_type(read: Any) -> None:
    table = pa.table({name: array for name, array in STORED.items() if name not in ("list", "bytes")})
    read.connector = MemoryConnector("orders", table)
    found = read("orders", dict.fromkeys(table.schema.names))
    assert found.rows[0]["local"] == NOON.replace(tzinfo=SHANGHAI)
    assert found.rows[0]["duration"] == 90_000_000 and found.rows[0]["double"] == 17850.0


def test_money_from_floats_is_exact(read: Any) -> None:
    for prices in ([0.1, 19.99, 1234567.89, None], [1e-7, 0.1 + 0.2], [1e-10], [0.1 + 1e-12], [123456789012345.67]):
        read.connector = MemoryConnector("orders", pa.table({"x": prices}))
        expected = [None if price is None else Decimal(repr(price)) for price in prices]
        assert read("orders", {"x": currency("CNY")}).column("x") == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30), max_size=5))
def test_floats_as_decimals_are_their_shortest_form(values: list[float]) -> None:
    usual = [value for value in values if value == 0 or abs(value) > 1e-25]
    read = floats_to_decimals(pa.array(usual, pa.float64()))
    assert not read.failing.size
    assert read.values.to_pylist() == [Decimal(repr(value)) for value in usual]


plain_decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=6)
styles = st.sampled_from([NumberStyle(), NumberStyle(",", "."), NumberStyle(".", ","), NumberStyle(",", " ")])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.none(), plain_decimals), max_size=6), styles, st.booleans())
def test_decimals_survive_being_written(values: list[Decimal | None], style: NumberStyle, dictionary: bool) -> None:
    def write(value: Decimal) -> str:
        text = f"{value:,}" if style.thousands else f"{value}"
        return text.translate({ord(","): style.thousands, ord("."): style.decimal})

    texts = pa.array([None if value is None else write(value) for value in values], pa.string())
    read = try_decimals(texts.dictionary_encode() if dictionary else texts, style)
    assert not read.failing.size
    assert read.values.to_pylist() == values


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text("0123456789.,eE+- x", max_size=6)), max_size=6))
def test_only_numbers_are_read(texts: list[str | None]) -> None:
    number = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
    expected: list[Decimal | None] = []
    failing = []
    for index, text in enumerate(texts):
        trimmed = (text or "").strip()
        value = Decimal(trimmed) if number.fullmatch(trimmed) else None
        good = value is not None and sum(places(value)) <= 76
        expected.append(value if good else None)
        if trimmed and not good:
            failing.append(index)
    sizes = [places(value) for value in expected if value is not None]
    if sum(max(each) for each in zip(*sizes, strict=True)) > 76:
        with pytest.raises(NumberOverflow):
            try_decimals(pa.array(texts, pa.string()))
        return
    read = try_decimals(pa.array(texts, pa.string()))
    assert read.values.to_pylist() == expected
    assert read.failing.tolist() == failing


def places(value: Decimal) -> tuple[int, int]:
    """The digits before and after the point that a number needs."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(value.adjusted() + 1, 1), max(-exponent, 0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(-(10**40), 10**40)), max_size=5), st.sampled_from(["", ".", ".00", "x"])
)
def test_integers_survive_being_written(values: list[int | None], tail: str) -> None:
    read = try_integers(pa.array([None if value is None else f"{value}{tail}" for value in values], pa.string()))
    assert read.values.to_pylist() == [None if tail == "x" else value for value in values]
    assert read.failing.tolist() == [i for i, value in enumerate(values) if tail == "x" and value is not None]


def test_numbers_too_large_are_not_wrapped() -> None:
    for text in ("1" + "0" * 300, "9" * 77, "1e200"):
        for kind in (try_decimals, try_integers):
            assert kind(pa.array([text])).failing.tolist() == [0], text


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.timedeltas(min_value=datetime.timedelta(days=-999), max_value=datetime.timedelta(days=999)), max_size=4)
)
def test_durations_survive_being_written(values: list[datetime.timedelta]) -> None:
    def write(value: datetime.timedelta) -> str:
        return f"-{-value}" if value < datetime.timedelta() else str(value)

    read = try_durations(pa.array([write(value) for value in values], pa.string()))
    assert not read.failing.size
    assert read.values.to_pylist() == [value // datetime.timedelta(microseconds=1) for value in values]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [(["true", "T", "yes", "Y", "1"], True), (["false", "F", "No", "n", "0"], False), (["ja", "2", "tru"], None)],
)
def test_conditions(texts: list[str], expected: bool | None) -> None:
    read = try_cast(pa.array(texts), BOOLEAN)
    assert read.values.to_pylist() == [expected] * len(texts)
    assert len(read.failing) == (len(texts) if expected is None else 0)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=12),
        min_size=1,
        max_size=4,
    )
)
def test_numbers_as_texts_have_plain_digits(values: list[Decimal]) -> None:
    assert to_text(pa.array(values, pa.decimal128(38, 12))).to_pylist() == [f"{value:f}" for value in values]


@pytest.mark.parametrize("text", ["0x1F", "0X1f", "1_000", "٣", "--1", "1-", ".", "+", "NaN", "inf", "1 000"])
def test_what_only_looks_like_a_number(text: str) -> None:
    for kind in (try_decimals, try_integers):
        assert kind(pa.array([text, "7"])).failing.tolist() == [0]


@pytest.mark.parametrize(
    "stored", [pa.array([90, None]), pa.array([90.0, None]), pa.array(["90", None]), pa.array([Decimal("90.0"), None])]
)
def test_numbers_count_the_declared_part_of_a_duration(stored: pa.Array) -> None:
    assert try_cast(stored, DURATION, Style(counts="minute")).values.to_pylist() == [90 * 60_000_000, None]


def test_parts_of_a_counted_minute_are_kept() -> None:
    assert try_cast(pa.array(["1.5", "x"]), DURATION, Style(counts="minute")).failing.tolist() == [1]
    assert try_cast(pa.array(["1.5"]), DURATION, Style(counts="minute")).values.to_pylist() == [90_000_000]
