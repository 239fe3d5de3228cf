"""The SQL of the expected answers, checked itself: against plain Python over the same files."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from statistics import median

import duckdb
import pyarrow.parquet as pq
import pytest

from kpi_engine import demo
from kpi_engine.project.packs import bundled

from . import expected
from .expected import EXPECTED, Key, Value
from .formulas import FORMULAS
from .windows import AS_OF, FIRST_DAY, start_of, windows

SHANGHAI = dt.timezone(dt.timedelta(hours=8))


@dataclass(frozen=True)
class Order:
    """A valid order that was placed before the as-of."""

    day: dt.date
    channel: str | None
    customer: str | None
    total: Decimal


@pytest.fixture(scope="module")
def orders(demo_dir: Path) -> list[Order]:
    """The valid orders, read without any SQL."""
    columns = ["ordered_at", "channel", "customer_id", "total", "status"]
    table = pq.read_table(demo_dir / "data" / "orders", columns=columns)
    rows = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
    return [
        Order(at.astimezone(SHANGHAI).date(), channel, customer, total)
        for at, channel, customer, total, status in rows
        if status not in {"cancelled", "test"} and at.astimezone(SHANGHAI).date() < AS_OF
    ]


def answers(oracle: duckdb.DuckDBPyConnection, name: str) -> dict[Key, Value]:
    """What the SQL says."""
    return expected.answer(oracle, EXPECTED[name])


def days(first: dt.date, end: dt.date) -> Iterable[dt.date]:
    """The days of `[first, end)`."""
    return (first + dt.timedelta(days=number) for number in range((end - first).days))


def test_every_metric_of_the_definitions_is_expected() -> None:
    """And nothing else is."""
    folders = [demo.definitions(), *bundled().values()]
    texts = [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("?*.kpi"))]
    declared = re.findall(r"^(\w+) =", "\n".join(texts), flags=re.MULTILINE)
    assert sorted(declared) == sorted(FORMULAS)


def test_revenue_by_month_and_channel(oracle: duckdb.DuckDBPyConnection, orders: list[Order]) -> None:
    """A sum by local month."""
    sums: dict[Key, Decimal] = defaultdict(Decimal)
    for order in orders:
        sums[order.day.replace(day=1), order.channel] += order.total
    assert answers(oracle, "revenue by channel per month") == sums


def test_weekly_growth_compares_equal_parts_of_weeks(oracle: duckdb.DuckDBPyConnection, orders: list[Order]) -> None:
    """The last week has six days: it is compared with the same six days 52 weeks before."""
    of_day: dict[dt.date, Decimal] = defaultdict(Decimal)
    for order in orders:
        of_day[order.day] += order.total
    a_year = dt.timedelta(weeks=52)
    wanted: dict[Key, float] = {}
    for monday in sorted({start_of("week", day) for day in of_day}):
        end = min(monday + dt.timedelta(days=7), AS_OF)
        now = sum(of_day[day] for day in days(monday, end))
        then = sum(of_day[day] for day in days(monday - a_year, end - a_year))
        if then:
            wanted[(monday,)] = float(Fraction(now) / Fraction(then) - 1)
    assert (dt.date(2026, 10, 26),) in wanted
    actual = answers(oracle, "sales_growth_yoy per week")
    known = {key: value for key, value in actual.items() if value is not None}
    assert known == pytest.approx(wanted, rel=1e-12, abs=1e-12)


def test_active_customers_of_28_days(oracle: duckdb.DuckDBPyConnection, orders: list[Order]) -> None:
    """Distinct over a sliding window, day by day."""
    of_day: dict[dt.date, set[str]] = defaultdict(set)
    for order in orders:
        if order.customer is not None:
            of_day[order.day].add(order.customer)
    wanted: dict[Key, int] = {}
    for day in days(FIRST_DAY, AS_OF):
        following = day + dt.timedelta(days=1)
        span = days(following - dt.timedelta(days=28), following)
        wanted[(day,)] = len(set().union(*(of_day[each] for each in span)))
    assert answers(oracle, "active_customers_28d per day") == wanted


def test_new_customers_are_those_whose_first_order_is_in_the_month(
    oracle: duckdb.DuckDBPyConnection, orders: list[Order]
) -> None:
    """`cumulative - before`, found by the first order instead; in a channel it is the first one there."""
    first: dict[tuple[str, str | None], dt.date] = {}
    for order in orders:
        if order.customer is not None:
            key = order.customer, order.channel
            first[key] = min(order.day, first.get(key, order.day))
    counts: dict[Key, int] = defaultdict(int)
    for (_, channel), day in first.items():
        counts[day.replace(day=1), channel] += 1
    assert answers(oracle, "new_customers by channel per month") == counts


def test_median_order_value(oracle: duckdb.DuckDBPyConnection, orders: list[Order]) -> None:
    """The middle of the sorted totals."""
    totals: dict[Key, list[Decimal]] = defaultdict(list)
    for order in orders:
        totals[(order.day.replace(day=1),)].append(order.total)
    wanted = {key: float(median(values)) for key, values in totals.items()}
    assert answers(oracle, "median_order_value per month") == pytest.approx(wanted, rel=1e-12)


def test_shares_of_a_total_add_up(oracle: duckdb.DuckDBPyConnection) -> None:
    """Whatever else the question is split by."""
    sums: dict[Key, float] = defaultdict(float)
    shares = answers(oracle, "category_share by category by country per month")
    for (period, _, country), value in shares.items():
        assert isinstance(value, float)
        sums[period, country] += value
    assert sums == pytest.approx(dict.fromkeys(sums, 1.0), rel=1e-12)


def test_windows_of_a_cut_quarter() -> None:
    """October alone is compared with the first 31 days of other quarters."""
    october = dt.date(2026, 10, 1)
    spans = {each.kind: (each.lo, each.hi) for each in windows("quarter") if each.period == october}
    assert spans["this"] == (october, AS_OF)
    assert spans["previous"] == (dt.date(2026, 7, 1), dt.date(2026, 8, 1))
    assert spans["previous year"] == (dt.date(2025, 10, 1), dt.date(2025, 11, 1))
    assert spans["year to date, previous year"] == (dt.date(2025, 1, 1), dt.date(2025, 11, 1))
