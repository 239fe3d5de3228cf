"""Values as people read them, against plain arithmetic."""

from __future__ import annotations

import datetime
import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.ir.catalog import CalendarSettings
from kpi_engine.ir.result import ResultColumn
from kpi_engine.ir.types import Display
from kpi_engine.present.cells import safe_text
from kpi_engine.present.periods import period_text
from kpi_engine.present.values import metric_text, plain_text

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def shown(value: object, form: str, part: str = "", detail: str = "full") -> str:
    """With ordinary spaces, so that cases read as they look."""
    text = metric_text(value, Display(form, part), detail)  # type: ignore[arg-type]
    return text.replace("\u202f", " ").replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "form", "part", "text"),
    [
        (0.024, "percent", "", "2.4%"),
        (0.0245, "percent", "", "2.5%"),
        (-0.0245, "percent", "", "-2.5%"),
        (0.00034, "percent", "", "0.034%"),
        (0.0, "percent", "", "0.0%"),
        (12.3456, "percent", "", "1 234.6%"),
        (Decimal("1234.5"), "currency", "CNY", "¥1 234.50"),
        (Decimal("1234.5"), "currency", "CHF", "CHF 1 234.50"),
        (Decimal("-1234.565"), "currency", "EUR", "-€1 234.57"),
        (1234567.5, "currency", "JPY", "¥1 234 568"),
        (Decimal("1.2345"), "currency", "KWD", "KWD 1.235"),
        (Decimal("-0.001"), "currency", "USD", "$0.00"),
        (Decimal("5"), "currency", "SEK", "kr 5.00"),
        (12345, "count", "", "12 345"),
        (-1234567, "count", "", "-1 234 567"),
        (0, "count", "", "0"),
        (2.5, "count", "", "2.500"),
        (0.0234567, "ratio", "", "0.02346"),
        (2.0, "ratio", "", "2.000"),
        (123456.7, "ratio", "", "123 457"),
        (Decimal("12.3400"), "number", "", "12.3400"),
        (1e300, "number", "", "1.000e+300"),
        (1e-30, "number", "", "1.000e-30"),
        (1.5, "points", "", "+1.5"),
        (-1.5, "points", "", "-1.5"),
        (0.0, "points", "", "0.0"),
        (3 * HOUR + 20 * MINUTE, "duration", "", "3 h 20 min"),
        (3 * HOUR, "duration", "", "3 h"),
        (-90 * MINUTE, "duration", "", "-1 h 30 min"),
        (59 * MINUTE + 59_700_000, "duration", "", "1 h"),
        (23 * HOUR + 59 * MINUTE + 40_000_000, "duration", "", "1 d"),
        (23 * HOUR + 36 * MINUTE, "duration", "", "23 h 36 min"),
        (1000 * DAY + 5 * HOUR, "duration", "", "1 000 d 5 h"),
        (12_340_000, "duration", "", "12.3 s"),
        (12_000_000, "duration", "", "12 s"),
        (59_990_000, "duration", "", "1 min"),
        (1_234, "duration", "", "1.23 ms"),
        (0, "duration", "", "0 s"),
        (datetime.timedelta(hours=3, minutes=20), "duration", "", "3 h 20 min"),
        (3 * HOUR + 20 * MINUTE, "duration", "hour", "3.3 h"),
        (3 * HOUR + 20 * MINUTE, "duration", "minute", "200.0 min"),
        (3 * DAY, "duration", "day", "3.0 d"),
        (None, "percent", "", "\N{EN DASH}"),
        (float("nan"), "ratio", "", "\N{EN DASH}"),
        (float("inf"), "ratio", "", "\N{EN DASH}"),
    ],
)
def test_a_value_is_written_as_people_write_it(value: object, form: str, part: str, text: str) -> None:
    assert shown(value, form, part) == text


@pytest.mark.parametrize(
    ("value", "form", "part", "text"),
    [
        (Decimal("1234.5"), "currency", "CNY", "¥1 235"),
        (0.024, "percent", "", "2.4%"),
        (0.5678, "percent", "", "57%"),
        (0.0234567, "ratio", "", "0.0235"),
        (Decimal("12.3400"), "number", "", "12.3"),
        (12345, "count", "", "12 345"),
        (1.4, "points", "", "+1"),
        (3 * HOUR + 20 * MINUTE, "duration", "hour", "3 h"),
    ],
)
def test_short_shows_fewer_decimals_and_never_fewer_digits(value: object, form: str, part: str, text: str) -> None:
    assert shown(value, form, part, "short") == text


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=4))
def test_money_is_rounded_half_away_from_zero_and_grouped(amount: Decimal) -> None:
    text = shown(amount, "currency", "USD")
    assert Decimal(text.replace("$", "").replace(" ", "")) == amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert re.fullmatch(r"-?\$\d{1,3}( \d{3})*\.\d\d", text)


@given(st.floats(min_value=-1e9, max_value=1e9).filter(lambda value: value == 0 or abs(value) >= 0.01))
def test_percent_is_within_half_of_its_last_digit(fraction: float) -> None:
    text = shown(fraction, "percent").replace(" ", "")
    exact = Fraction(repr(fraction)) * 100 if "e" not in repr(fraction) else Fraction(Decimal(repr(fraction))) * 100
    assert abs(Fraction(text.removesuffix("%")) - exact) <= Fraction(1, 20)


@given(st.floats(min_value=1e-8, max_value=1e15))
def test_a_ratio_keeps_four_significant_digits(ratio: float) -> None:
    text = shown(ratio, "ratio").replace(" ", "")
    assert abs(Fraction(text) - Fraction(ratio)) <= Fraction(ratio) * Fraction(6, 10_000)


@given(st.integers(min_value=0, max_value=10_000 * DAY))
def test_a_duration_reads_back_within_half_of_its_smaller_part(microseconds: int) -> None:
    parts = {"d": DAY, "h": HOUR, "min": MINUTE, "s": 1_000_000, "ms": 1_000, "µs": 1}
    words = re.findall(r"([\d .]+) (d|h|min|s|ms|µs)", shown(microseconds, "duration"))
    read = sum(Fraction(number.replace(" ", "")) * parts[unit] for number, unit in words)
    size = [(DAY, HOUR), (HOUR, MINUTE), (MINUTE, 1_000_000), (1_000_000, 100_000), (1_000, 500), (0, 1)]
    step = next(smaller for least, smaller in size if microseconds >= least)
    assert abs(read - microseconds) <= step
    assert [parts[unit] for _, unit in words] == sorted((parts[unit] for _, unit in words), reverse=True)


def column(grain: str, **calendar: object) -> ResultColumn:
    return ResultColumn("period", "period", grain=grain, calendar=CalendarSettings(**calendar))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "grain", "calendar", "text"),
    [
        ("2027-01-01", "year", {}, "2027"),
        ("2027-07-01", "quarter", {}, "2027-Q3"),
        ("2027-03-01", "month", {}, "2027-03"),
        ("2027-03-15", "day", {}, "2027-03-15"),
        ("2027-02-15", "week", {}, "2027-W07"),
        ("2024-12-30", "week", {}, "2025-W01"),
        ("2027-01-03", "week", {"week_starts": "sunday"}, "2027-01-03"),
        ("2027-04-01", "fiscal_year", {"fiscal_year_starts": 4}, "FY2028"),
        ("2027-04-01", "fiscal_year", {"fiscal_year_starts": 4, "fiscal_year_named": "start"}, "FY2027"),
        ("2027-01-01", "fiscal_year", {}, "FY2027"),
        ("2028-01-01", "fiscal_quarter", {"fiscal_year_starts": 4}, "FY2028-Q4"),
        ("2027-04-01", "fiscal_quarter", {"fiscal_year_starts": 4}, "FY2028-Q1"),
        ("2027-02-07", "retail_week", {}, "2027-02-07"),
    ],
)
def test_a_period_has_the_name_that_questions_use(day: str, grain: str, calendar: dict[str, object], text: str) -> None:
    assert period_text(datetime.date.fromisoformat(day), column(grain, **calendar)) == text


@given(st.dates(datetime.date(1970, 1, 1), datetime.date(2199, 12, 31)))
def test_week_names_are_those_of_the_iso_calendar(day: datetime.date) -> None:
    assert period_text(day, column("week")) == day.strftime("%G-W%V")


def test_an_hour_shows_its_offset_only_where_it_is_repeated() -> None:
    zone = ZoneInfo("America/New_York")
    hours = [datetime.datetime(2026, 11, 1, hour, tzinfo=datetime.UTC).astimezone(zone) for hour in (4, 5, 6, 7)]
    assert [period_text(hour, column("hour")) for hour in hours] == [
        "2026-11-01 00:00",
        "2026-11-01 01:00 -04:00",
        "2026-11-01 01:00 -05:00",
        "2026-11-01 02:00",
    ]


@given(st.text())
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    shown_text = safe_text(f"a{text}\x1b]0;title\x07\x1b[2J\u202eb")
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown_text)


STEERING = [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u200e\u200f\u061c\ufeff"]
STEERING += [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A)), "\u2028", "\u2029"]


@pytest.mark.parametrize("character", STEERING, ids=lambda character: f"U+{ord(character):04X}")
def test_every_steering_character_is_gone(character: str) -> None:
    assert character not in safe_text(f"a{character}b")


def test_texts_without_controls_stay_as_they_are() -> None:
    assert safe_text("naïve 渠道 👩‍👩‍👧 a_b [x]") == "naïve 渠道 👩‍👩‍👧 a_b [x]"


def test_other_values_are_plain() -> None:
    instant = datetime.datetime(2027, 3, 1, 9, 30, tzinfo=datetime.UTC)
    values = [True, 12, Decimal("1E+3"), instant, "app", None]
    assert [plain_text(value) for value in values] == [
        "true",
        "12",
        "1000",
        "2027-03-01 09:30+00:00",
        "app",
        "\N{EN DASH}",
    ]
