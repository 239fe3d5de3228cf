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
    assert sum(path.stat().st_size for path in files) < 40_000_000
    assert len(list((demo_dir / "data" / "orders").glob("*.parquet"))) == 24
    assert 190_000 < read(demo_dir, "orders").num_rows < 210_000
    assert 340_000 < read(demo_dir, "order_lines.parquet").num_rows < 380_000
    assert read(demo_dir, "visits.parquet").num_rows == 600_000


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
