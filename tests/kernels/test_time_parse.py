"""Reading dates and times from texts, against `datetime` and a list of texts that must fail."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kpi_engine.kernels.calendar import UnknownZone
from kpi_engine.kernels.errors import TypeMismatch
from kpi_engine.kernels.parse_time import (
    ParseFailure,
    parse_dates,
    parse_timestamps,
    try_dates,
    try_timestamps,
)
from kpi_engine.kernels.time_format import FormatError, compile_format

NAIVE = pa.timestamp("us")
INSTANT = pa.timestamp("us", tz="UTC")

moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 30))
# What `%y` can say.
this_century = st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.none() | moments, max_size=6), st.sampled_from(("minutes", "seconds", "milliseconds", "microseconds"))
)
def test_iso_timestamps_read_back(column: list[datetime | None], precision: str) -> None:
    texts = [each and each.isoformat(sep="T" if each.day % 2 else " ", timespec=precision) for each in column]
    expected = [None if text is None else datetime.fromisoformat(text) for text in texts]
    found = parse_timestamps(pa.array(texts, pa.string()))
    assert found.type == NAIVE
    assert found.to_pylist() == expected
    # A text that fails sends the others the slower way, to the same values.
    slow = try_timestamps(pa.array([*texts, "2025-02-30"], pa.string()))
    assert slow.values.to_pylist() == [*expected, None]
    assert slow.failing.tolist() == [len(texts)]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 30)), st.integers(-1439, 1439)), max_size=6),
    st.sampled_from(("{:+03d}:{:02d}", "{:+03d}{:02d}")),
)
def test_iso_timestamps_with_offsets(column: list[tuple[datetime, int]], form: str) -> None:
    texts, expected = [], []
    for moment, minutes in column:
        hours, rest = divmod(abs(minutes), 60)
        written = form.format(hours, rest) if minutes >= 0 else "-" + form.format(hours, rest)[1:]
        texts.append(moment.isoformat(timespec="microseconds") + written)
        expected.append(moment.replace(tzinfo=timezone(timedelta(minutes=minutes))).astimezone(UTC))
    texts.append("2026-11-22T13:05:07Z")
    expected.append(datetime(2026, 11, 22, 13, 5, 7, tzinfo=UTC))
    found = parse_timestamps(pa.array(texts))
    assert found.type == INSTANT
    assert found.to_pylist() == expected
    slow = try_timestamps(pa.array([*texts, "no time"]))
    assert slow.values.to_pylist() == [*expected, None]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | st.dates(), max_size=6))
def test_iso_dates_read_back(column: list[date | None]) -> None:
    texts = pa.array([each and each.isoformat() for each in column], pa.string())
    found = parse_dates(texts)
    assert found.type == pa.date32()
    assert found.to_pylist() == column
    slow = try_dates(pa.concat_arrays([texts, pa.array(["2025-02-30"])]))
    assert slow.values.to_pylist() == [*column, None]


FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%d %b %Y %H:%M:%S.%f",
    "%B %d, %Y %H:%M",
    "%Y%m%dT%H%M%S",
    "%d/%b/%Y:%H:%M:%S",
    "%y-%j %H:%M",
    "%Y年%m月%d日 %H时%M分",
    "100%% %d-%m-%y %H.%M",
    "[%d+%m*%Y] (%H?%M)",
)


@settings(max_examples=300, deadline=None)
@given(st.lists(this_century, min_size=1, max_size=6), st.sampled_from(FORMATS))
def test_formats_read_what_strptime_reads(column: list[datetime], format: str) -> None:
    texts = [each.strftime(format) for each in column]
    expected = [datetime.strptime(text, format) for text in texts]
    assert parse_timestamps(pa.array(texts), format).to_pylist() == expected
    assert parse_dates(pa.array(texts), format).to_pylist() == [each.date() for each in expected]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(("%m/%d/%Y %H:%M", "%d%m%Y", "%d %b %y", "%Y %j", "%I%p %d.%m.%Y", "%d %B %Y", "%Y-%m-%d %S.%f")),
    st.data(),
)
def test_any_text_is_read_or_refused_as_by_strptime(format: str, data: st.DataObject) -> None:
    sample = data.draw(this_century).strftime(format)
    letters = list(sample)
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(letters) - 1))
        letters[at : at + data.draw(st.integers(0, 1))] = data.draw(
            st.sampled_from(["", "0", "1", "3", "9", "/", "M", "x"])
        )
        letters = letters or ["0"]
    text = "".join(letters)
    # Where nothing separates the fields strptime guesses at missing digits, and this reader refuses.
    assume(format != "%d%m%Y" or len(text) == len(sample))
    try:
        expected = datetime.strptime(text, format)
    except ValueError:
        expected = None
    parsed = try_timestamps(pa.array([text]), format)
    assert parsed.values.to_pylist() == [expected]
    assert parsed.failing.tolist() == ([] if expected else [0])


@pytest.mark.parametrize(
    ("text", "format", "expected"),
    [
        ("3/1/2026 8:05", "%m/%d/%Y %H:%M", datetime(2026, 3, 1, 8, 5)),
        ("12/31/26 12:00 am", "%m/%d/%y %I:%M %p", datetime(2026, 12, 31)),
        ("12/31/26 12:00 PM", "%m/%d/%y %I:%M %p", datetime(2026, 12, 31, 12)),
        ("Nov  2 2026", "%b %d %Y", datetime(2026, 11, 2)),
        ("nov 2 2026", "%b %d %Y", datetime(2026, 11, 2)),
        ("MAY 2 2026", "%B %d %Y", datetime(2026, 5, 2)),
        ("31.12.68", "%d.%m.%y", datetime(2068, 12, 31)),
        ("31.12.69", "%d.%m.%y", datetime(1969, 12, 31)),
        ("2028-366", "%Y-%j", datetime(2028, 12, 31)),
        ("2026-01-01 00:00:00.5", "%Y-%m-%d %H:%M:%S.%f", datetime(2026, 1, 1, 0, 0, 0, 500_000)),
    ],
)
def test_texts_in_the_wild(text: str, format: str, expected: datetime) -> None:
    assert parse_timestamps(pa.array([text]), format).to_pylist() == [expected]


def test_offsets_in_a_format() -> None:
    found = parse_timestamps(pa.array(["22/Nov/2026:13:05:00 +0800", "22/Nov/2026:13:05:00 Z"]), "%d/%b/%Y:%H:%M:%S %z")
    assert found.to_pylist() == [datetime(2026, 11, 22, 5, 5, tzinfo=UTC), datetime(2026, 11, 22, 13, 5, tzinfo=UTC)]


@pytest.mark.parametrize("text", [
    "", " ", "2025-02-30", "2025-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-1-1", "2026-01-01 24:00",
    "2026-01-01 10:60", "2026-01-01 10:00:60", "2026-01-01T10:00:00.1234567890", "2026-01-01t10:00", "20260101",
    "2026-01-01T10:00:00,5", "2026-01-01 10:00 ", " 2026-01-01", "2026-01-01T1000", "2026-01-01T10:00+24:00",
    "2026-01-01T10:00+05:60", "2026-01-01Z", "0000-01-02", "0000-12-31T23:00-08:00", "-2026-01-01", "12026-01-01",
    "01/02/2026", "now", "\uff12\uff10\uff12\uff16-01-01", "2026-01-01\n",
])  # fmt: skip
def test_texts_that_are_no_iso_timestamp(text: str) -> None:
    with pytest.raises(ParseFailure) as caught:
        parse_timestamps(pa.array([None, text]))
    assert (caught.value.index, caught.value.value) == (1, text)
    with pytest.raises(ParseFailure):
        parse_dates(pa.array([text]))


@pytest.mark.parametrize(("text", "format"), [
    ("30/02/2025", "%d/%m/%Y"), ("31/04/2025", "%d/%m/%Y"), ("29/02/2100", "%d/%m/%Y"), ("2027-366", "%Y-%j"),
    ("2027-000", "%Y-%j"), ("1/1/2026 13 PM", "%m/%d/%Y %I %p"), ("1/1/2026 0 PM", "%m/%d/%Y %I %p"),
    ("1 Foo 2026", "%d %b %Y"), ("1 Nov 0000", "%d %b %Y"), ("1/1/26", "%m/%d/%Y"), ("1/1/2026x", "%m/%d/%Y"),
    ("1/1/2026 24:00", "%m/%d/%Y %H:%M"), ("\u0661/1/2026", "%m/%d/%Y"),
])  # fmt: skip
def test_texts_that_do_not_fit_their_format(text: str, format: str) -> None:
    assert try_timestamps(pa.array([text]), format).failing.tolist() == [0]
    assert try_dates(pa.array([text]), format).failing.tolist() == [0]


def test_all_month_ends_and_the_days_after_them() -> None:
    texts = [
        f"{year}-{month:02}-{day:02}"
        for year in (1900, 2000, 2027, 2028)
        for month in range(1, 13)
        for day in range(28, 33)
    ]

    def exists(text: str) -> bool:
        try:
            date.fromisoformat(text)
        except ValueError:
            return False
        return True

    wrong = [index for index, text in enumerate(texts) if not exists(text)]
    assert try_dates(pa.array(texts)).failing.tolist() == wrong
    assert try_dates(pa.array(texts), "%Y-%m-%d").failing.tolist() == wrong
    assert try_timestamps(pa.array(texts)).failing.tolist() == wrong


def test_every_failing_row_is_reported_with_the_first_value() -> None:
    texts = pa.array(["2026-01-01", "bad", None, "2026-01-02", "bad", "worse"])
    with pytest.raises(ParseFailure, match="'bad' at row 1 is not a date") as caught:
        parse_dates(texts)
    assert caught.value.indices.tolist() == [1, 4, 5]
    assert try_dates(texts).values.to_pylist() == [date(2026, 1, 1), None, None, date(2026, 1, 2), None, None]


def test_texts_with_and_without_offset() -> None:
    mixed = pa.array(["2026-07-01T12:00", "2026-07-01T12:00Z", None])
    parsed = try_timestamps(mixed)
    assert parsed.failing.tolist() == [0]
    assert parsed.values.to_pylist() == [None, datetime(2026, 7, 1, 12, tzinfo=UTC), None]
    placed = parse_timestamps(mixed, timezone="Europe/Paris")
    assert placed.to_pylist() == [datetime(2026, 7, 1, 10, tzinfo=UTC), datetime(2026, 7, 1, 12, tzinfo=UTC), None]


def test_with_a_zone_the_result_is_always_utc() -> None:
    for texts in (pa.array(["2026-07-01"]), pa.array([], pa.string()), pa.nulls(2, pa.string())):
        assert parse_timestamps(texts, timezone="Europe/Paris").type == INSTANT
    found = parse_timestamps(pa.array(["1.7.2026 02:30", "28.3.2027 02:30"]), "%d.%m.%Y %H:%M", "Europe/Paris")
    assert found.to_pylist() == [datetime(2026, 7, 1, 0, 30, tzinfo=UTC), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)]
    with pytest.raises(UnknownZone):
        parse_timestamps(pa.array(["2026-07-01"]), timezone="Europe/Nowhere")


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_every_arrow_type_of_text(kind: pa.DataType) -> None:
    texts = pa.array(["skipped", "2026-01-01", None, "2026-01-01"]).cast(kind).slice(1)
    assert parse_dates(texts).to_pylist() == [date(2026, 1, 1), None, date(2026, 1, 1)]
    assert parse_timestamps(texts).to_pylist() == [datetime(2026, 1, 1), None, datetime(2026, 1, 1)]
    assert parse_dates(texts, "%Y-%m-%d").to_pylist() == [date(2026, 1, 1), None, date(2026, 1, 1)]


def test_only_texts_are_read() -> None:
    with pytest.raises(TypeMismatch):
        parse_dates(pa.array([20260101]))


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("%d.%m", "no year"),
        ("%Y", "no day"),
        ("%b %Y", "no day"),
        ("%Y-%d", "no day"),
        ("%Q %Y", "`%Q`"),
        ("%Y-%m-%d %", "`%`"),
        ("%Y-%m-%d %d", "twice"),
        ("%Y %y %m %d", "both %Y and %y"),
        ("%Y %m %b %d", "both %m and %b"),
        ("%Y-%m-%d %H %I %p", "both %H and %I"),
        ("%Y %j %m", "day of the year and a month"),
        ("%Y-%m-%d %I:%M", "only one of %I and %p"),
        ("%Y-%m-%d %H:%M %p", "only one of %I and %p"),
        ("%Y-%m-%d" + "x" * 200, "too long"),
    ],
)
def test_formats_that_cannot_be_read_by(format: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        compile_format(format)
    assert message in caught.value.message
    assert caught.value.help
