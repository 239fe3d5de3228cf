"""More of the expected answers, checked by plain Python: keys, lifetimes, snapshots, events, baskets."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from . import expected
from .expected import EXPECTED, Key, Value
from .windows import AS_OF, FIRST_DAY

SHANGHAI = dt.timezone(dt.timedelta(hours=8))
FIRSTS = [dt.date(2024 + (10 + n) // 12, (10 + n) % 12 + 1, 1) for n in range(25)]
"""The first days of the months from November 2024 to November 2026."""


def read(demo_dir: Path, name: str, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows of a table, with local times."""
    table = pq.read_table(demo_dir / "data" / name, columns=list(columns))
    values = [table.column(each).to_pylist() for each in columns]
    for row in zip(*values, strict=True):
        yield tuple(at.astimezone(SHANGHAI) if isinstance(at, dt.datetime) else at for at in row)


def answers(oracle: duckdb.DuckDBPyConnection, name: str) -> dict[Key, Value]:
    """What the SQL says."""
    return expected.answer(oracle, EXPECTED[name])


def midnight(day: dt.date) -> dt.datetime:
    """The local instant at which a day begins."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


@pytest.fixture(scope="module")
def buyers(demo_dir: Path) -> dict[dt.date, Counter[str]]:
    """How many valid orders each customer made, by month."""
    months: dict[dt.date, Counter[str]] = {first: Counter() for first in FIRSTS[:-1]}
    for at, customer, status in read(demo_dir, "orders", "ordered_at", "customer_id", "status"):
        if customer is not None and status not in {"cancelled", "test"} and at.date() < AS_OF:
            months[at.date().replace(day=1)][customer] += 1
    return months


def test_customers_who_come_back(oracle: duckdb.DuckDBPyConnection, buyers: dict[dt.date, Counter[str]]) -> None:
    """Retained, repeating, and the orders of those with and without earlier ones, as sets of ids."""
    retained: dict[Key, int] = {(FIRSTS[0],): 0}
    for before, after in pairwise(FIRSTS[:-1]):
        retained[(after,)] = len(buyers[before].keys() & buyers[after].keys())
    assert answers(oracle, "retained_customers per month") == retained

    known: set[str] = set()
    new, returning, repeating = {}, {}, {}
    for first in FIRSTS[:-1]:
        now = buyers[first]
        new[(first,)] = sum(orders for customer, orders in now.items() if customer not in known)
        returning[(first,)] = sum(orders for customer, orders in now.items() if customer in known)
        repeating[(first,)] = sum(orders >= 2 for orders in now.values()) / len(now)
        known |= now.keys()
    assert answers(oracle, "new_customer_orders per month") == new
    assert answers(oracle, "returning_customer_orders per month") == returning
    assert answers(oracle, "repeat_purchase_rate per month") == pytest.approx(repeating, rel=1e-12)


def test_lifetimes_at_the_end_are_those_at_the_start_and_begun_less_ended(
    demo_dir: Path, oracle: duckdb.DuckDBPyConnection
) -> None:
    """Counted one by one at each midnight; and the balance of every month holds."""
    lifetimes = [
        (begins, ends)
        for begins, ends in read(demo_dir, "subscriptions.parquet", "started_at", "ended_at")
        if begins is not None and (ends is None or ends >= begins)
    ]
    active = {
        first: sum(begins < midnight(first) and (ends is None or ends >= midnight(first)) for begins, ends in lifetimes)
        for first in FIRSTS
    }
    ended = Counter(ends.date().replace(day=1) for _, ends in lifetimes if ends is not None)
    begun = Counter(begins.date().replace(day=1) for begins, _ in lifetimes)
    wanted: dict[Key, float | None] = {}
    for first, following in pairwise(FIRSTS):
        assert active[following] == active[first] + begun[first] - ended[first]
        if first >= dt.date(2025, 2, 1):
            wanted[(first,)] = ended[first] / active[first] if active[first] else None
    assert answers(oracle, "subscription_churn per month") == wanted


def test_closing_stock_is_that_of_the_last_report(demo_dir: Path, oracle: duckdb.DuckDBPyConnection) -> None:
    """Of the last day with any row, whatever the brand: 6 items on 30 June, 29 September for September."""
    brand = dict(read(demo_dir, "products.parquet", "product_id", "brand"))
    of_day: dict[dt.date, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for day, product, on_hand, cost in read(demo_dir, "stock.parquet", "day", "product_id", "on_hand", "unit_cost"):
        of_day[day][brand[product]] += (on_hand or 0) * cost
    wanted: dict[Key, Decimal] = {}
    for first, following in pairwise(FIRSTS):
        last = max(day for day in of_day if first <= day < following)
        for name in set(brand.values()):
            wanted[first, name] = of_day[last][name]
    assert answers(oracle, "closing_stock_value by brand per month") == wanted
    assert answers(oracle, "closing_stock_value per day")[(dt.date(2025, 9, 30),)] is None


def test_carts_without_an_order_within_a_day(demo_dir: Path, oracle: duckdb.DuckDBPyConnection) -> None:
    """Each cart's own orders, at least 0 and less than 24 hours after it."""
    orders: dict[str, list[dt.datetime]] = defaultdict(list)
    for cart, at in read(demo_dir, "orders", "cart_id", "ordered_at"):
        if cart is not None and at < midnight(AS_OF):
            orders[cart].append(at)
    carts: Counter[dt.date] = Counter()
    left: Counter[dt.date] = Counter()
    for cart, at in read(demo_dir, "carts.parquet", "cart_id", "created_at"):
        month = at.date().replace(day=1)
        carts[month] += 1
        left[month] += not any(dt.timedelta(0) <= order - at < dt.timedelta(days=1) for order in orders[cart])
    wanted = {(first,): left[first] / carts[first] for first in FIRSTS[:-1]}
    assert answers(oracle, "cart_abandonment per month") == pytest.approx(wanted, rel=1e-12)
    assert any(len(times) == 2 for times in orders.values())


def test_visits_that_end_with_their_first_page(demo_dir: Path, oracle: duckdb.DuckDBPyConnection) -> None:
    """Views of 2062 have not happened, views without a visit belong to none."""
    views: Counter[str] = Counter()
    for visit, at in read(demo_dir, "page_views.parquet", "visit_id", "viewed_at"):
        if visit is not None and at < midnight(AS_OF):
            views[visit] += 1
    followed: Counter[dt.date] = Counter()
    bounced: Counter[dt.date] = Counter()
    for visit, at in read(demo_dir, "visits.parquet", "visit_id", "started_at"):
        if views[visit]:
            followed[at.date().replace(day=1)] += 1
            bounced[at.date().replace(day=1)] += views[visit] == 1
    wanted = {(first,): bounced[first] / followed[first] for first in FIRSTS[:-1]}
    assert answers(oracle, "bounce_rate per month") == pytest.approx(wanted, rel=1e-12)


def test_lift_of_two_products(demo_dir: Path, oracle: duckdb.DuckDBPyConnection) -> None:
    """From the set of orders of each product."""
    month = dt.date(2025, 11, 1)
    orders: dict[str, set[str]] = defaultdict(set)
    for at, order, product in read(demo_dir, "order_lines.parquet", "ordered_at", "order_id", "product_id"):
        if at.date().replace(day=1) == month:
            orders[product].add(order)
    everything = len(set().union(*orders.values()))
    lift = answers(oracle, "affinity_lift by item by other per month of some")
    confidence = answers(oracle, "affinity_confidence by item by other per month of some")
    for item in ("P003", "P120", "P271"):
        for other, with_other in orders.items():
            both = len(orders[item] & with_other)
            if (month, item, other) in lift:
                wanted = both * everything / (len(orders[item]) * len(with_other))
                assert lift[month, item, other] == pytest.approx(wanted, rel=1e-12)
                assert confidence[month, item, other] == pytest.approx(both / len(orders[item]), rel=1e-12)
            else:
                assert both == 0
    assert confidence[month, "P120", "P120"] == 1


def test_price_index_of_a_week(demo_dir: Path, oracle: duckdb.DuckDBPyConnection) -> None:
    """Exact means of exact quotients."""
    monday = dt.date(2026, 3, 2)
    ours = {
        product: price
        for day, product, price in read(demo_dir, "price_list.parquet", "day", "product_id", "price")
        if day == monday
    }
    theirs: dict[str, list[Decimal]] = defaultdict(list)
    for day, product, price in read(demo_dir, "competitor_prices.parquet", "day", "product_id", "price"):
        if day == monday and price is not None:
            theirs[product].append(price)
    indices = [
        Fraction(price) / (Fraction(sum(theirs[product])) / len(theirs[product]))
        for product, price in ours.items()
        if theirs[product]
    ]
    assert answers(oracle, "price_index per week")[(monday,)] == pytest.approx(
        float(sum(indices) / len(indices)), rel=1e-12
    )
    both = [(price, min(theirs[product])) for product, price in ours.items() if theirs[product]]
    assert any(price == least for price, least in both)
    assert answers(oracle, "undercut_share per week")[(monday,)] == sum(a > b for a, b in both) / len(both)


def test_days_without_a_sale_count(oracle: duckdb.DuckDBPyConnection) -> None:
    """The first week of the shop had three days, the last one has six."""
    mean, revenue = (answers(oracle, f"{name} per week") for name in ("daily_sales_average", "revenue"))
    for monday, days in ((FIRST_DAY - dt.timedelta(days=4), 3), (AS_OF - dt.timedelta(days=6), 6)):
        total = revenue[(monday,)]
        assert isinstance(total, Decimal)
        assert mean[(monday,)] == pytest.approx(float(total / days), rel=1e-12)
