"""The demo's files: the same on every run, and with the blemishes that they promise."""

from __future__ import annotations

import datetime as dt
import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from kpi_engine import demo

SHANGHAI = dt.timezone(dt.timedelta(hours=8))
MIDNIGHT_AFTER = dt.datetime(2026, 11, 1, tzinfo=SHANGHAI)


def read(demo_dir: Path, name: str) -> pa.Table:
    """A table of the demo."""
    return pq.read_table(demo_dir / "data" / name)


def fingerprints(directory: Path) -> dict[str, str]:
    """Every file's content, by its name."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_writes_the_same_again(demo_dir: Path, tmp_path: Path) -> None:
    """Two runs give equal files, and a run over the first one is welcome."""
    demo.write(tmp_path)
    demo.write(tmp_path)
    assert fingerprints(tmp_path) == fingerprints(demo_dir)


def test_leaves_another_project_alone(tmp_path: Path) -> None:
    """A kpi.toml of somebody else is not replaced, and nothing else is written."""
    (tmp_path / "kpi.toml").write_text('name = "mine"\n', encoding="utf-8")
    with pytest.raises(FileExistsError, match=r"kpi\.toml"):
        demo.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kpi.toml"]


def test_is_of_the_promised_size(demo_dir: Path) -> None:
    """Large enough to be real, small enough to be quick."""
    files = [path for path in demo_dir.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 45_000_000
    assert len(list((demo_dir / "data" / "orders").glob("*.parquet"))) == 24
    assert 190_000 < read(demo_dir, "orders").num_rows < 210_000
    assert 340_000 < read(demo_dir, "order_lines.parquet").num_rows < 380_000
    assert read(demo_dir, "visits.parquet").num_rows == 600_000
    assert 250_000 < read(demo_dir, "page_views.parquet").num_rows < 300_000


def test_columns_have_exact_types(demo_dir: Path) -> None:
    """Money is decimal, instants are UTC, durations are durations."""
    orders, visits = read(demo_dir, "orders").schema, read(demo_dir, "visits.parquet").schema
    assert orders.field("total").type == pa.decimal128(12, 2)
    assert orders.field("ordered_at").type == pa.timestamp("us", "UTC")
    assert visits.field("length").type == pa.duration("us")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("customers.parquet", "customer_id"),
        ("products.parquet", "product_id"),
        ("visits.parquet", "visit_id"),
        ("orders", "order_id"),
        ("order_lines.parquet", "line_id"),
        ("page_views.parquet", "view_id"),
        ("carts.parquet", "cart_id"),
        ("returns.parquet", "return_id"),
        ("subscriptions.parquet", "subscription_id"),
        ("loyalty.parquet", "member_id"),
        ("newsletter.parquet", "subscriber_id"),
        ("emails.parquet", "message_id"),
        ("acquisition_costs.parquet", "cost_id"),
        ("tickets.parquet", "ticket_id"),
        ("messages.parquet", "message_id"),
        ("reviews.parquet", "review_id"),
        ("nps_answers.parquet", "answer_id"),
        ("csat_answers.parquet", "answer_id"),
    ],
)
def test_keys_are_unique(demo_dir: Path, table: str, key: str) -> None:
    """As the definitions declare."""
    column = read(demo_dir, table).column(key)
    assert column.null_count == 0
    assert pc.count_distinct(column).as_py() == len(column)


@pytest.mark.parametrize(
    ("child", "column", "parent"),
    [
        ("orders", "customer_id", "customers.parquet"),
        ("order_lines.parquet", "order_id", "orders"),
        ("order_lines.parquet", "product_id", "products.parquet"),
        ("orders", "visitor_id", "visits.parquet"),
        ("orders", "cart_id", "carts.parquet"),
        ("carts.parquet", "visitor_id", "visits.parquet"),
        ("page_views.parquet", "visit_id", "visits.parquet"),
        ("returns.parquet", "order_id", "orders"),
        ("stock.parquet", "product_id", "products.parquet"),
        ("price_list.parquet", "product_id", "products.parquet"),
        ("competitor_prices.parquet", "product_id", "products.parquet"),
        ("subscriptions.parquet", "customer_id", "customers.parquet"),
        ("loyalty.parquet", "customer_id", "customers.parquet"),
        ("tickets.parquet", "customer_id", "customers.parquet"),
        ("messages.parquet", "ticket_id", "tickets.parquet"),
        ("reviews.parquet", "product_id", "products.parquet"),
        ("nps_answers.parquet", "customer_id", "customers.parquet"),
    ],
)
def test_references_meet_their_rows(demo_dir: Path, child: str, column: str, parent: str) -> None:
    """Every id that is not null exists."""
    ids = read(demo_dir, child).column(column).drop_null()
    known = read(demo_dir, parent).column(column)
    assert pc.all(pc.is_in(ids, value_set=known.combine_chunks())).as_py()


def test_has_the_blemishes_of_real_data(demo_dir: Path) -> None:
    """Guests, unknown channels, cancelled and test orders, missing and announced deliveries, impossible years."""
    orders = read(demo_dir, "orders")
    assert orders.column("customer_id").null_count > 10_000
    assert orders.column("channel").null_count > 1_000
    assert orders.column("delivered_at").null_count > 1_000
    assert {"cancelled", "test"} <= set(orders.column("status").unique().to_pylist())
    assert pc.max(orders.column("delivered_at")).as_py() > MIDNIGHT_AFTER
    late = orders.filter(pc.greater_equal(orders.column("ordered_at"), pa.scalar(MIDNIGHT_AFTER)))
    assert {at.astimezone(SHANGHAI).year for at in late.column("ordered_at").to_pylist()} == {2062}
    assert late.column("delivered_at").null_count == late.num_rows == 24


def test_some_orders_come_with_the_next_months_file(demo_dir: Path) -> None:
    """So that a file's name does not tell which months it holds."""
    first = pq.read_table(demo_dir / "data" / "orders" / "2025-03.parquet").column("ordered_at")
    march = dt.datetime(2025, 3, 1, tzinfo=SHANGHAI)
    assert pc.min(first).as_py() < march


def test_customers_are_skewed(demo_dir: Path) -> None:
    """A few buy every day, most a few times."""
    counts = read(demo_dir, "orders").column("customer_id").drop_null().value_counts().field("counts")
    assert pc.max(counts).as_py() > 100 * pc.approximate_median(counts).as_py()


SNAPSHOTS = {
    "stock": ["day", "product_id"],
    "price_list": ["day", "product_id"],
    "competitor_prices": ["day", "product_id", "competitor"],
    "search_rank": ["day", "keyword"],
    "social": ["day", "post_id"],
}


@pytest.mark.parametrize("table", SNAPSHOTS)
def test_keys_of_several_columns_are_unique(demo_dir: Path, table: str) -> None:
    """One row a day and product, competitor, keyword or post."""
    rows = read(demo_dir, f"{table}.parquet")
    assert rows.group_by(SNAPSHOTS[table]).aggregate([]).num_rows == rows.num_rows


LIFETIMES = {
    "subscriptions": ("started_at", "ended_at"),
    "loyalty": ("joined_at", "left_at"),
    "newsletter": ("subscribed_at", "unsubscribed_at"),
    "tickets": ("opened_at", "closed_at"),
}


@pytest.mark.parametrize("table", LIFETIMES)
def test_lifetimes_have_open_ends_announced_ends_and_broken_rows(demo_dir: Path, table: str) -> None:
    """Without a beginning, ended before it, ended after the data's end, still open."""
    rows = read(demo_dir, f"{table}.parquet")
    begins, ends = (rows.column(name) for name in LIFETIMES[table])
    assert 3 <= begins.null_count <= 20
    assert 3 <= pc.sum(pc.less(ends, begins)).as_py() <= 20
    assert ends.null_count > 200
    assert pc.sum(pc.greater(ends, pa.scalar(MIDNIGHT_AFTER))).as_py() >= 5


def test_subscriptions_begin_and_end_at_midnight(demo_dir: Path) -> None:
    """At the very instant where one month ends and the next one begins."""
    rows = read(demo_dir, "subscriptions.parquet")
    for name, least in (("started_at", 10), ("ended_at", 800)):
        local = [at.astimezone(SHANGHAI) for at in rows.column(name).drop_null().to_pylist()]
        assert sum((at.day, at.time()) == (1, dt.time()) for at in local) > least


def test_stock_reports_have_gaps(demo_dir: Path) -> None:
    """A lost day at the end of a month, two days in part, an item that is no longer kept."""
    rows = read(demo_dir, "stock.parquet")
    days = dict(zip(*rows.column("day").value_counts().flatten(), strict=True))
    sizes = {day.as_py(): size.as_py() for day, size in days.items()}
    assert dt.date(2025, 9, 29) in sizes and dt.date(2025, 9, 30) not in sizes
    assert {day for day, size in sizes.items() if size < 58} == {dt.date(2025, 6, 30), dt.date(2026, 3, 11)}
    assert max(sizes.values()) == 60 and sizes[dt.date(2026, 10, 31)] == 59
    assert pc.min(rows.column("on_hand")).as_py() == -2
    assert rows.column("on_hand").null_count == 5


def test_nothing_but_mistyped_years_lies_after_the_end(demo_dir: Path) -> None:
    """Else the data would end, and `as_of = "data"` be, on a later day."""
    times = {"visits": "started_at", "page_views": "viewed_at", "carts": "created_at", "returns": "requested_at",
             "subscriptions": "started_at", "loyalty": "joined_at", "newsletter": "subscribed_at",
             "emails": "sent_at", "tickets": "opened_at", "messages": "received_at", "reviews": "created_at",
             "nps_answers": "answered_at", "csat_answers": "answered_at"}  # fmt: skip
    for table, time in times.items():
        column = read(demo_dir, f"{table}.parquet").column(time)
        late = column.filter(pc.greater_equal(column, pa.scalar(MIDNIGHT_AFTER)))
        assert {at.year for at in late.to_pylist()} <= {2062}, table
        assert late.length() == (12 if table == "page_views" else 0)
    for table in ("stock", "price_list", "competitor_prices", "search_rank", "social"):
        assert pc.max(read(demo_dir, f"{table}.parquet").column("day")).as_py() < MIDNIGHT_AFTER.date()
