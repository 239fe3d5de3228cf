"""The data of the demo shop: the same rows on every run and every machine.

About 20 000 customers, 300 products, 600 000 visits, 200 000 orders with 360 000 lines, and what surrounds them:
carts, page views, returns, stock, prices, members, outreach, opinions and customer care, from 1 November 2024 to
31 October 2026.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from kpi_engine.demo import (
    advertising,
    assortment,
    care,
    carts,
    membership,
    opinions,
    outreach,
    pages,
    people,
    pricing,
    sales,
    timeline,
    traffic,
    warehouse,
)
from kpi_engine.demo.assortment import Products
from kpi_engine.demo.columns import Ints
from kpi_engine.demo.people import Customers
from kpi_engine.demo.sales import Orders
from kpi_engine.ir.dataclass import dataclass

_SEED: Final = 20241101
_LOADED_LATE_SHARE: Final = 0.4  # of the orders of a month's last hour
_CART_COLUMN: Final = 5  # of the table `orders`, after the visitor


@dataclass(frozen=True, slots=True)
class Shop:
    """Every table of the shop by the name of its file; `months` are the orders as they were loaded, by `YYYY-MM`."""

    tables: dict[str, pa.Table]
    months: dict[str, pa.Table]


def shop() -> Shop:
    """Make all tables in memory (about two seconds)."""
    customers = people.customers(_stream(0))
    products = assortment.products(_stream(1))
    visits = traffic.visits(_stream(2), customers)
    orders, lines = sales.sales(_stream(3), visits, customers, products)
    collected, cart = carts.carts(_stream(6), visits, orders)
    ordered = orders.table(visits).add_column(_CART_COLUMN, "cart_id", carts.ids(cart))
    tables = {
        "customers.parquet": customers.table(),
        "products.parquet": products.table(),
        "visits.parquet": visits.table(),
        "page_views.parquet": pages.page_views(_stream(7), visits),
        "carts.parquet": collected.table(visits),
        "order_lines.parquet": lines.table(orders.written_time()),
        "ad_spend.csv": advertising.ad_spend(_stream(5), visits, orders),
        "returns.parquet": warehouse.returns(_stream(8), orders),
    }
    return Shop(tables | _surroundings(customers, products), _months(_stream(4), orders, ordered))


def _surroundings(customers: Customers, products: Products) -> dict[str, pa.Table]:
    """The tables that need neither visits nor orders."""
    tickets = care.tickets(_stream(17), customers)
    return {
        "stock.parquet": warehouse.stock(_stream(9), products),
        "price_list.parquet": pricing.price_list(products),
        "competitor_prices.parquet": pricing.competitor_prices(_stream(10), products),
        "subscriptions.parquet": membership.subscriptions(_stream(11), customers),
        "loyalty.parquet": membership.loyalty(_stream(12), customers),
        "newsletter.parquet": membership.newsletter(_stream(13)),
        "emails.parquet": outreach.emails(_stream(14)),
        "search_rank.parquet": outreach.search_rank(_stream(15)),
        "social.parquet": outreach.social(_stream(16)),
        "acquisition_costs.parquet": outreach.acquisition_costs(_stream(19)),
        "tickets.parquet": tickets.table(),
        "messages.parquet": care.messages(_stream(18), tickets),
        "reviews.parquet": opinions.reviews(_stream(20), products),
        "nps_answers.parquet": opinions.nps_answers(_stream(21), customers),
        "csat_answers.parquet": opinions.csat_answers(_stream(22)),
        "nps_benchmarks.csv": opinions.nps_benchmarks(),
    }


def _stream(number: int) -> np.random.Generator:
    """One generator a table: a change to one of them leaves the rows of the others alone."""
    return np.random.Generator(np.random.PCG64([_SEED, number]))


def write_data(directory: Path) -> None:
    """Write the tables into `directory`, which is made if need be: Parquet, and CSV where other companies send it.

    Files of the same names are replaced.
    """
    made = shop()
    (directory / "orders").mkdir(parents=True, exist_ok=True)
    for name, table in made.tables.items():
        _write(table, directory / name)
    for month, table in made.months.items():
        _write(table, directory / "orders" / f"{month}.parquet")


def _write(table: pa.Table, path: Path) -> None:
    """One file, in the format that its name ends with."""
    if path.suffix == ".csv":
        # No name in it holds a comma or a quote; pyarrow would refuse to write one.
        plain = pyarrow.csv.WriteOptions(quoting_style="none", quoting_header="none")
        pyarrow.csv.write_csv(table, path, plain)
    else:
        # Decimals as integers decode several times faster than as bytes.
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
