"""Orders to measure on: three years in monthly Parquet files, as many as wanted.

python benchmarks/generate.py --data /tmp/bench --rows 5_000_000
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kpi_engine.demo import columns

MONTHS: Final = tuple(dt.date(year, month, 1) for year in (2024, 2025, 2026) for month in range(1, 13))
END: Final = dt.date(2027, 1, 1)
CHANNELS: Final = ("search", "social", "video", "affiliate", "direct", "email")
STATUSES: Final = ("delivered", "shipped", "cancelled", "test")
SHIPPED, CANCELLED = 1, 2

_SEED: Final = 5
_SECOND: Final = 1_000_000
_HOUR: Final = 3600 * _SECOND
_CHANNEL_SHARES: Final = (0.27, 0.19, 0.10, 0.08, 0.24, 0.09, 0.03)  # the last one: unknown
_STATUS_SHARES: Final = (0.93, 0.02, 0.046, 0.004)
_GUEST_SHARE: Final = 0.08

Ints = npt.NDArray[np.int64]


def write(data: Path, rows: int) -> None:
    """Write `rows` orders below `data`, unless just as many are there from an earlier run.

    Raises:
        FileExistsError: the folder holds other files; they are not touched.
    """
    folder = data / "orders"
    marker = data / "rows.txt"
    if marker.exists() and marker.read_text(encoding="utf-8") == str(rows):
        return
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise FileExistsError(f"{folder} holds files that this program did not write")
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text("incomplete", encoding="utf-8")
    written = 0
    for number, month in enumerate(MONTHS):
        count = rows * (number + 1) // len(MONTHS) - written
        table = orders(month, written, count, max(rows // 25, 1))
        pq.write_table(table, folder / f"{month:%Y-%m}.parquet")
        written += count
    marker.write_text(str(rows), encoding="utf-8")


def orders(month: dt.date, first: int, count: int, customers: int) -> pa.Table:
    """The orders of a month, numbered from `first`, in order of time; the same on every run."""
    rng = np.random.Generator(np.random.PCG64([_SEED, month.year, month.month]))
    ordered = _times(rng, month, count)
    status = _pick(rng, _STATUS_SHARES, count)
    channel = _pick(rng, _CHANNEL_SHARES, count)
    # The square makes a few customers very frequent: the first one has 0.2 % of five million orders.
    customer = (customers * rng.random(count) ** 2).astype(np.int64)
    total = (990 - 24_000 * np.log1p(-rng.random(count))).astype(np.int64)
    cost = (total * (0.5 + 0.35 * rng.random(count))).astype(np.int64)
    delivered = ordered + ((16 - 30 * np.log1p(-rng.random(count))) * 3600).astype(np.int64) * _SECOND
    return pa.table(
        {
            "order_id": columns.numbered("SO", np.arange(first, first + count, dtype=np.int64), 9),
            "ordered_at": columns.instants(ordered),
            "delivered_at": columns.instants(delivered, status >= SHIPPED),
            "customer_id": columns.numbered("C", customer, 7, rng.random(count) < _GUEST_SHARE),
            "channel": columns.words(CHANNELS, np.where(channel < len(CHANNELS), channel, -1)),
            "status": columns.words(STATUSES, status),
            "items": pa.array((1 - 1.2 * np.log1p(-rng.random(count))).astype(np.int64)),
            "total": columns.money(total),
            "cost": columns.money(cost),
        }
    )


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


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="write orders to measure on")
    parser.add_argument("--data", type=Path, required=True, help="the work directory")
    parser.add_argument("--rows", type=int, required=True, help="how many orders")
    arguments = parser.parse_args()
    started = time.perf_counter()
    write(arguments.data, arguments.rows)
    size = sum(path.stat().st_size for path in (arguments.data / "orders").iterdir())
    print(f"{arguments.rows:_} orders, {size / 1e6:.0f} MB, {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
