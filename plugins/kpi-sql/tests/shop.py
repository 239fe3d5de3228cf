"""One small shop, written to every database and to Parquet files, and its definitions."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DEFINITIONS = """\
calendar
  timezone: "Europe/Berlin"

source orders
  key: id
  time: at
  column id: integer
  column at: timestamp
  column day: date
  column total: decimal
  column weight
  column pieces: integer
  column channel: text
  column customer -> customers.customer
  column shipped: timestamp
  column net = total - 1
  column bulk = total * pieces
  where: pieces >= 0

source customers
  key: customer
  column customer: text
  column country: text
  column vip: boolean
  column region -> regions.region
  column label = coalesce(country, "none")

source regions
  key: region
  column region: integer
  column title: text
  where: region != 2

source payments
  time: paid
  column paid: date
  column amount: decimal
  column local: timestamp

source visits
  table: "payments"
  time: local
  column local: timestamp
  column amount: decimal

dimension country = customers.country
dimension title = regions.title

revenue = sum(orders.total)
many = count(orders)
spread = stddev(orders.total)
squares = variance(orders.pieces)
least = min(orders.total)
latest = max(orders.at)
lightest = min(orders.weight)
first_word = min(orders.channel)
last_day = max(orders.day)
buyers = count(distinct orders.customer)
days = count(distinct orders.day)
weights = count(distinct orders.weight)
middle = median(orders.total)
app = sum(orders.net where channel = "app")
bulk = sum(orders.bulk)
heavy = count(orders where weight > 0.1)
early_words = count(orders where channel < "b")
pricey = count(orders where total > 12.5 or pieces = 3)
both = count(orders where (channel = "app" or channel = "web") and (total > 1 or pieces = 2))
known_weight = count(orders.weight)
abroad = count(orders where customer.country != "DE")
vips = count(orders where customer.vip)
labelled = count(orders where customer.label = "none")
northern = sum(orders.pieces where customer.region.title = "north")
slow = avg(orders.shipped - orders.at)
tenth = sum(orders.total / 10)
rolling = rolling(count(distinct orders.customer), 3 days)
share = app / total(revenue)
last_month = previous(revenue)
running = cumulative(revenue)
paid = sum(payments.amount)
seen = count(visits)
chosen = count(distinct orders.customer where pieces in [1, 2]) / many
mean = avg(orders.pieces)
elsewhere = count(orders where channel not in ["app", "B"])
odd = sum(nullif(orders.pieces, 2))
swing = sum(abs(orders.total - 30))
mixed = sum(case when orders.channel = "app" then orders.total when orders.pieces > 1 then orders.pieces else -1 end)
letters = sum(length(orders.channel))
with_p = count(orders where contains(channel, "p"))
neither = count(orders where not (channel = "app" or pieces > 1))
hundredth = max(orders.total / 100)
"""

ROWS_ONLY = """\
heft = avg(orders.weight)
shouted = count(orders where upper(channel) = "APP")
local_latest = max(visits.local)
"""
"""Metrics that databases do not make just as the engine does."""

_MONEY = pa.decimal128(12, 2)


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def tables() -> dict[str, pa.Table]:
    """Rows around midnights, both changes of clocks, nulls in every column, references without a row."""
    times = [
        *("2026-02-28T22:59:59", "2026-02-28T23:00:00", "2026-03-01T11:00:00", None, "2026-03-28T22:30:00"),
        *("2026-03-28T23:00:00", "2026-03-29T00:59:59", "2026-03-29T01:00:00", "2026-03-29T21:59:59"),
        *("2026-03-29T22:00:00", "2026-04-30T21:59:59.999999", "2026-05-01T00:00:00", "2030-01-01T00:00:00"),
        *("2025-10-26T00:30:00", "2025-10-26T01:30:00", "2025-10-25T21:59:59.5", "2026-05-31T22:00:00"),
    ]
    n = len(times)
    moments = [None if t is None else at(t) for t in times]
    later = [
        None if t is None or i % 5 == 0 else t + datetime.timedelta(seconds=i * 1.5) for i, t in enumerate(moments)
    ]
    words = [None, "app", "web", "Äpfel", "B", "a"]
    orders = pa.table(
        {
            "id": pa.array(range(n)),
            "at": pa.array(moments, pa.timestamp("us", "UTC")),
            "day": pa.array([None if i == 3 else datetime.date(2026, 3, 1 + i) for i in range(n)]),
            "total": pa.array([None if i == 2 else Decimal(i * 1001 - 300) / 100 for i in range(n)], _MONEY),
            "weight": pa.array([None if i == 5 else -0.0 if i == 8 else 0.1 * (i - 4) ** 3 for i in range(n)]),
            "pieces": pa.array([None if i == 1 else i % 4 - (i == 6) * 9 for i in range(n)]),
            "channel": pa.array([words[i % 6] for i in range(n)]),
            "customer": pa.array([None if i == 7 else f"C{i % 5}" for i in range(n)]),
            "shipped": pa.array(later, pa.timestamp("us", "UTC")),
        }
    )
    customers = pa.table(
        {
            "customer": ["C0", "C1", "C2", "C3"],
            "country": ["DE", None, "FR", "DE"],
            "vip": pa.array([True, None, False, True]),
            "region": pa.array([1, 2, None, 9]),
        }
    )
    regions = pa.table({"region": [1, 2], "title": ["north", "south"]})
    local = [datetime.datetime(2026, 3, 29, 1, 59), datetime.datetime(2026, 3, 29, 3, 0), None]
    # In Berlin it is still March, and in UTC, too; two days later it is not.
    local += [datetime.datetime(2026, 3, 31, 23, 30), datetime.datetime(2026, 4, 2, 12)]
    paid = [datetime.date(2026, 3, 29), None, datetime.date(2026, 4, 30), datetime.date(2026, 3, 31), None]
    payments = pa.table(
        {
            "paid": pa.array(paid),
            "amount": pa.array([Decimal("1.10"), Decimal(2), Decimal("-0.05"), Decimal(4), None], _MONEY),
            "local": pa.array(local, pa.timestamp("us")),
        }
    )
    nothing = orders.select(["id", "total"]).slice(0, 0)
    return {"orders": orders, "customers": customers, "regions": regions, "payments": payments, "nothing": nothing}


def project(folder: Path, connection: str, definitions: str = DEFINITIONS) -> Path:
    """A project whose tables lie in one connection; without one they are Parquet files in its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kpi.toml").write_text(f'as_of = "2026-06-01"\n{connection}')
    (folder / "shop.kpi").write_text(definitions)
    if not connection:
        for name, table in tables().items():
            pq.write_table(table, folder / f"{name}.parquet")
            text = (folder / "shop.kpi").read_text()
            (folder / "shop.kpi").write_text(with_table(text, name))
    return folder


def with_table(definitions: str, name: str) -> str:
    """The definitions with the file of a source named."""
    text = definitions.replace(f"source {name}\n", f'source {name}\n  table: "{name}.parquet"\n')
    return text.replace(f'  table: "{name}"\n', f'  table: "{name}.parquet"\n')


def values(table: pa.Table) -> list[tuple[Any, ...]]:
    """The rows of a table, as plain values: decimals without their scale."""
    return [tuple(row.values()) for row in table.to_pylist()]


COLUMNS: Mapping[str, Mapping[str, str]] = {
    "orders": {
        "id": "BIGINT",
        "at": "TIMESTAMPTZ",
        "day": "DATE",
        "total": "DECIMAL(12,2)",
        "weight": "DOUBLE PRECISION",
        "pieces": "INTEGER",
        "channel": "TEXT",
        "customer": "VARCHAR(10)",
        "shipped": "TIMESTAMPTZ",
    },
    "customers": {"customer": "VARCHAR(10)", "country": "TEXT", "vip": "BOOLEAN", "region": "INTEGER"},
    "regions": {"region": "INTEGER", "title": "TEXT"},
    "nothing": {"id": "BIGINT", "total": "DECIMAL(12,2)"},
    "payments": {"paid": "DATE", "amount": "DECIMAL(12,2)", "local": "TIMESTAMP"},
}
"""Declared types, alike in all databases."""
