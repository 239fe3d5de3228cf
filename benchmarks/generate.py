"""A shop to measure on: three years of orders and three times as many visits, in Parquet files.

python benchmarks/generate.py --data /tmp/bench --rows 1_000_000
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kpi_engine.demo import columns

MONTHS: Final = tuple(dt.date(year, month, 1) for year in (2024, 2025, 2026) for month in range(1, 13))
CHANNELS: Final = ("search", "social", "video", "affiliate", "direct", "email")
STATUSES: Final = ("delivered", "shipped", "cancelled", "test")
SHIPPED: Final = 1
IDS: Final = ("numbered", "uuid")
LAYOUTS: Final = ("months", "days", "one")
VISITS_PER_ORDER: Final = 3

_ORDERS_PER_CUSTOMER: Final = 25
_SEED: Final = 5
_SECOND: Final = 1_000_000
_HOUR: Final = 3600 * _SECOND
_CHANNEL_SHARES: Final = (0.27, 0.19, 0.10, 0.08, 0.24, 0.09, 0.03)  # the last one: unknown
_STATUS_SHARES: Final = (0.93, 0.02, 0.046, 0.004)
_GUEST_SHARE: Final = 0.08
_ANONYMOUS_SHARE: Final = 0.6

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Customers = Callable[[Ints, Mask], pa.Array]


def write(data: Path, rows: int, ids: str = "numbered", layout: str = "months") -> None:
    """Write `rows` orders and their visits below `data`, unless the same are there from an earlier run.

    Raises:
        FileExistsError: the folder holds other files; they are not touched.
    """
    marker, wanted = data / "written.txt", f"{rows} orders, {ids} ids, files: {layout}"
    if marker.exists() and marker.read_text(encoding="utf-8") == wanted:
        return
    if data.exists() and any(data.iterdir()):
        raise FileExistsError(f"{data} holds other files than these: {wanted}")
    customers = max(rows // _ORDERS_PER_CUSTOMER, 1)
    name = _numbered if ids == "numbered" else _uuids
    for folder, count, month in (("orders", rows, orders), ("visits", rows * VISITS_PER_ORDER, visits)):
        tables = _months(count, lambda date, first, size, month=month: month(date, first, size, customers, name))
        _write_files(data / folder, tables, layout)
    marker.write_text(wanted, encoding="utf-8")


def _write_files(folder: Path, tables: Iterator[tuple[dt.date, pa.Table]], layout: str) -> None:
    """The rows of all months as files: one a month, one a day, or one in all."""
    folder.mkdir(parents=True)
    if layout == "one":
        _write_one(folder / "all.parquet", tables)
        return
    for date, table in tables:
        if layout == "months":
            pq.write_table(table, folder / f"{date:%Y-%m}.parquet")
        else:
            for day, part in _days(table):
                pq.write_table(part, folder / f"{day}.parquet")


def _months(rows: int, month: Callable[[dt.date, int, int], pa.Table]) -> Iterator[tuple[dt.date, pa.Table]]:
    written = 0
    for number, date in enumerate(MONTHS):
        count = rows * (number + 1) // len(MONTHS) - written
        yield date, month(date, written, count)
        written += count


def _write_one(path: Path, tables: Iterator[tuple[dt.date, pa.Table]]) -> None:
    writer = None
    for _, table in tables:
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _days(table: pa.Table) -> Iterator[tuple[dt.date, pa.Table]]:
    """The rows of each local day; the second column is the time, and rows are in its order."""
    local = table.column(1).combine_chunks().cast(pa.int64()).to_numpy() + 8 * _HOUR
    days, first = np.unique(local // (24 * _HOUR), return_index=True)
    for day, start, stop in zip(days, first, [*first[1:], len(local)], strict=True):
        yield dt.date(1970, 1, 1) + dt.timedelta(days=int(day)), table.slice(start, stop - start)


def orders(month: dt.date, first: int, count: int, customers: int, name: Customers) -> pa.Table:
    """The orders of a month, numbered from `first`, in order of time; the same on every run."""
    rng = np.random.Generator(np.random.PCG64([_SEED, month.year, month.month]))
    ordered = _times(rng, month, count)
    status = _pick(rng, _STATUS_SHARES, count)
    channel = _pick(rng, _CHANNEL_SHARES, count)
    customer = _customers(rng, _known(month, customers), count)
    total = (990 - 24_000 * np.log1p(-rng.random(count))).astype(np.int64)
    cost = (total * (0.5 + 0.35 * rng.random(count))).astype(np.int64)
    delivered = ordered + ((16 - 30 * np.log1p(-rng.random(count))) * 3600).astype(np.int64) * _SECOND
    return pa.table(
        {
            "order_id": columns.numbered("SO", np.arange(first, first + count, dtype=np.int64), 9),
            "ordered_at": columns.instants(ordered),
            "delivered_at": columns.instants(delivered, status >= SHIPPED),
            "customer_id": name(customer, rng.random(count) < _GUEST_SHARE),
            "channel": columns.words(CHANNELS, np.where(channel < len(CHANNELS), channel, -1)),
            "status": columns.words(STATUSES, status),
            "items": pa.array((1 - 1.2 * np.log1p(-rng.random(count))).astype(np.int64)),
            "total": columns.money(total),
            "cost": columns.money(cost),
        }
    )


def visits(month: dt.date, first: int, count: int, customers: int, name: Customers) -> pa.Table:
    """The visits of a month, numbered from `first`, in order of time; of most of them the customer is not known."""
    rng = np.random.Generator(np.random.PCG64([_SEED + 1, month.year, month.month]))
    visited = _times(rng, month, count)
    channel = _pick(rng, _CHANNEL_SHARES, count)
    return pa.table(
        {
            "visit_id": columns.numbered("V", np.arange(first, first + count, dtype=np.int64), 10),
            "visited_at": columns.instants(visited),
            "customer_id": name(_customers(rng, _known(month, customers), count), rng.random(count) < _ANONYMOUS_SHARE),
            "channel": columns.words(CHANNELS, np.where(channel < len(CHANNELS), channel, -1)),
        }
    )


def _customers(rng: np.random.Generator, customers: int, count: int) -> Ints:
    """Customers of which a few are very frequent: of a million the first one has a thousandth of the rows."""
    return (customers * rng.random(count) ** 2).astype(np.int64)


def _known(month: dt.date, customers: int) -> int:
    """How many customers the shop has in a month: a quarter in the first one, all in the last one."""
    return max(customers * (MONTHS.index(month) + 12) // (len(MONTHS) + 11), 1)


def _numbered(numbers: Ints, null: Mask) -> pa.Array:
    """Ids such as C0012345."""
    return columns.numbered("C", numbers, 7, null)


def _uuids(numbers: Ints, null: Mask) -> pa.Array:
    """Ids of 36 characters that look random, a different one for each number."""
    tail = columns.scattered(numbers)
    head = pc.utf8_slice_codeunits(columns.scattered(numbers * 7 + 3), 0, 8)
    middle = pc.utf8_slice_codeunits(tail, 0, 3)
    ids = pc.binary_join_element_wise(head, "-4", middle, "-8", middle, "-9", middle, "-", tail, "")
    return pc.if_else(pa.array(null), pa.scalar(None, pa.string()), ids)


def _times(rng: np.random.Generator, month: dt.date, count: int) -> Ints:
    """Instants within the local month (Asia/Shanghai), in order, in microseconds UTC."""
    following = dt.date(month.year + month.month // 12, month.month % 12 + 1, 1)
    start = (month - dt.date(1970, 1, 1)).days * 24 * _HOUR - 8 * _HOUR
    length = (following - month).days * 24 * _HOUR
    return np.sort(start + (rng.random(count) * length).astype(np.int64))


def _pick(rng: np.random.Generator, shares: tuple[float, ...], count: int) -> Ints:
    """Positions in `shares`, each as likely as its share."""
    edges = np.cumsum(shares)
    picked = np.searchsorted(edges, rng.random(count) * edges[-1], side="right")
    within: Ints = np.minimum(picked, len(shares) - 1).astype(np.int64)
    return within


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What says how the data look."""
    parser.add_argument("--ids", choices=IDS, default=IDS[0], help="customers' ids: C0012345, or 36 characters")
    parser.add_argument("--layout", choices=LAYOUTS, default=LAYOUTS[0], help="files: one a month, one a day, one")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="write orders and visits to measure on")
    parser.add_argument("--data", type=Path, required=True, help="the folder, empty or missing")
    parser.add_argument("--rows", type=int, required=True, help="how many orders")
    add_arguments(parser)
    arguments = parser.parse_args()
    started = time.perf_counter()
    write(arguments.data, arguments.rows, arguments.ids, arguments.layout)
    size = sum(path.stat().st_size for path in arguments.data.glob("*/*.parquet"))
    print(f"{arguments.rows:_} orders, {size / 1e6:.0f} MB, {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
