"""The same rows as files of different kinds: monthly, daily, one, in no order, CSV; and one day more.

At most a month of one table, or a million rows, is held in memory.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq
from shop_tables import FACTS, MONTHS, Shop, customers, local_day, products

GROUP_ROWS: Final = 1_000_000
LAST_DAY: Final = dt.date(2026, 12, 31)

Months = Iterator[tuple[dt.date, pa.Table]]
Write = Callable[[Path, Months, str], None]


def write_shop(data: Path, shop: Shop, layout: str) -> None:
    """Write the shop below `data`, unless it is there from an earlier run.

    Raises:
        FileExistsError: the folder holds something else; it is not touched.
    """
    if _is_written(data, f"{shop}, {layout}"):
        return
    ending = ".csv" if layout == "csv" else ".parquet"
    for name, (time, rows) in FACTS.items():
        (data / name).mkdir(parents=True)
        LAYOUTS[layout](data / name, ((month, rows(shop, month)) for month in MONTHS), time)
    for name, table in (("customers", customers(shop)), ("products", products())):
        _write(table, (data / name).with_suffix(ending))
    _mark(data, f"{shop}, {layout}")


def hold_back_last_day(months: Path, data: Path) -> None:
    """In `data` the monthly files of `months` without the last day, whose rows wait in `data/waiting`.

    Files that stay as they are, are linked, not copied.
    """
    if _is_written(data, f"{months.name}, without the last day"):
        return
    for name in (*FACTS, "waiting"):
        (data / name).mkdir(parents=True)
    for path in months.glob("**/*.parquet"):
        if path.stem != f"{MONTHS[-1]:%Y-%m}":
            os.link(path, data / path.relative_to(months))
    for name, (time, _) in FACTS.items():
        table = pq.read_table(months / name / f"{MONTHS[-1]:%Y-%m}.parquet")
        *days, (last, new) = _days(table, time)
        if last != LAST_DAY:
            raise ValueError(f"{name} ends on {last}")
        _write(pa.concat_tables([part for _, part in days]), data / name / f"{MONTHS[-1]:%Y-%m}.parquet")
        _write(new, data / "waiting" / f"{name}.parquet")
    _mark(data, f"{months.name}, without the last day")


def append_day(data: Path) -> None:
    """Let the waiting day arrive: a file more in each folder."""
    for name in FACTS:
        (data / name / f"{LAST_DAY}.parquet").hardlink_to(data / "waiting" / f"{name}.parquet")


def take_day_back(data: Path) -> None:
    """As if the day had not arrived yet."""
    for name in FACTS:
        (data / name / f"{LAST_DAY}.parquet").unlink(missing_ok=True)


def _is_written(data: Path, what: str) -> bool:
    marker = data / "written.txt"
    if marker.exists() and marker.read_text(encoding="utf-8") == what:
        return True
    if data.exists() and any(data.iterdir()):
        raise FileExistsError(f"{data} holds other files than these: {what}")
    return False


def _mark(data: Path, what: str) -> None:
    (data / "written.txt").write_text(what, encoding="utf-8")


def _monthly(folder: Path, months: Months, _time: str) -> None:
    for month, table in months:
        _write(table, folder / f"{month:%Y-%m}.parquet")


def _daily(folder: Path, months: Months, time: str) -> None:
    for _, table in months:
        for day, part in _days(table, time):
            _write(part, folder / f"{day}.parquet")


def _as_csv(folder: Path, months: Months, _time: str) -> None:
    for month, table in months:
        _write(table, folder / f"{month:%Y-%m}.csv")


def _one_file(folder: Path, months: Months, _time: str) -> None:
    """One file of row groups of a million rows."""
    _, table = next(months)
    with pq.ParquetWriter(folder / "all.parquet", table.schema) as writer:
        for _, following in months:
            while table.num_rows >= GROUP_ROWS:
                writer.write_table(table.slice(0, GROUP_ROWS), row_group_size=GROUP_ROWS)
                table = table.slice(GROUP_ROWS)
            table = pa.concat_tables([table, following])
        writer.write_table(table, row_group_size=GROUP_ROWS)


def _shuffled(folder: Path, months: Months, _time: str) -> None:
    """As many files as months, every row in any of them and at any place: dealt out first, then mixed in each file."""
    rng = np.random.Generator(np.random.PCG64(7))
    with tempfile.TemporaryDirectory(dir=folder) as place:
        parts = [Path(place) / f"{number}.parquet" for number in range(len(MONTHS))]
        writers: list[pq.ParquetWriter] = []
        for _, table in months:
            writers = writers or [pq.ParquetWriter(part, table.schema) for part in parts]
            mixed = table.take(rng.permutation(table.num_rows))
            edges = np.linspace(0, table.num_rows, len(parts) + 1).astype(np.int64).tolist()
            for writer, start, stop in zip(writers, edges, edges[1:], strict=False):
                writer.write_table(mixed.slice(start, stop - start))
        for number, (writer, part) in enumerate(zip(writers, parts, strict=True)):
            writer.close()
            table = pq.read_table(part)
            _write(table.take(rng.permutation(table.num_rows)), folder / f"{number:02}.parquet")
            part.unlink()


def _days(table: pa.Table, time: str) -> Iterator[tuple[dt.date, pa.Table]]:
    """The rows of each local day; rows are in the order of time."""
    local = local_day(table.column(time))
    days, first = np.unique(local, return_index=True)
    for day, start, stop in zip(days, first, [*first[1:], len(local)], strict=True):
        yield dt.date(1970, 1, 1) + dt.timedelta(days=int(day)), table.slice(start, stop - start)


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix == ".csv":
        pc_csv.write_csv(table, path)
    else:
        pq.write_table(table, path, row_group_size=GROUP_ROWS)


LAYOUTS: Final[dict[str, Write]] = {
    "months": _monthly,
    "days": _daily,
    "one": _one_file,
    "shuffled": _shuffled,
    "csv": _as_csv,
}
