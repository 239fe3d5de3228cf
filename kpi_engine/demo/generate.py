"""The data of the demo shop: the same rows on every run and every machine.

About 20 000 customers, 300 products, 600 000 visits, 200 000 orders with 360 000 lines, and the advertising of
each day, from 1 November 2024 to 31 October 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from kpi_engine.demo import advertising, assortment, people, sales, timeline, traffic
from kpi_engine.demo.columns import Ints
from kpi_engine.demo.sales import Orders

_SEED: Final = 20241101
_LOADED_LATE_SHARE: Final = 0.4  # of the orders of a month's last hour


@dataclass(frozen=True, slots=True)
class Shop:
    """Every table of the shop; `months` are the orders as they were loaded, by `YYYY-MM`."""

    customers: pa.Table
    products: pa.Table
    visits: pa.Table
    months: dict[str, pa.Table]
    order_lines: pa.Table
    ad_spend: pa.Table


def shop() -> Shop:
    """Make all tables in memory (about a second)."""
    # One generator a table: a change to one of them leaves the rows of the others alone.
    streams = [np.random.Generator(np.random.PCG64([_SEED, table])) for table in range(6)]
    customers = people.customers(streams[0])
    products = assortment.products(streams[1])
    visits = traffic.visits(streams[2], customers)
    orders, lines = sales.sales(streams[3], visits, customers, products)
    return Shop(
        customers=customers.table(),
        products=products.table(),
        visits=visits.table(),
        months=_months(streams[4], orders, orders.table(visits)),
        order_lines=lines.table(orders.written_time()),
        ad_spend=advertising.ad_spend(streams[5], visits, orders),
    )


def write_data(directory: Path) -> None:
    """Write the tables into `directory`, which is made if need be: Parquet, and one CSV as an ad platform sends.

    Files of the same names are replaced.
    """
    tables = shop()
    (directory / "orders").mkdir(parents=True, exist_ok=True)
    for name in ("customers", "products", "visits", "order_lines"):
        _write(getattr(tables, name), directory / f"{name}.parquet")
    for month, table in tables.months.items():
        _write(table, directory / "orders" / f"{month}.parquet")
    # No name in it holds a comma or a quote; pyarrow would refuse to write one.
    plain = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")
    pyarrow.csv.write_csv(tables.ad_spend, directory / "ad_spend.csv", plain)


def _write(table: pa.Table, path: Path) -> None:
    """One Parquet file. Decimals as integers decode several times faster than as bytes."""
    pyarrow.parquet.write_table(table, path, compression="zstd", store_decimal_as_integer=True)


def _months(rng: np.random.Generator, orders: Orders, table: pa.Table) -> dict[str, pa.Table]:
    """The orders by the month in which they were loaded: some of a month's last hour come with the next file."""
    month_of_day = np.array([day.year * 12 + day.month - 1 for day in timeline.calendar()])
    month: Ints = month_of_day[timeline.day_number(orders.ordered)]
    an_hour_later = np.minimum(orders.ordered + timeline.HOUR, timeline.ENDS_AT - timeline.SECOND)
    late = rng.random(len(month)) < _LOADED_LATE_SHARE
    loaded = np.where(late, month_of_day[timeline.day_number(an_hour_later)], month)
    return {
        f"{number // 12}-{number % 12 + 1:02d}": table.take(pa.array(np.flatnonzero(loaded == number)))
        for number in range(month_of_day[0], month_of_day[-1] + 1)
    }
