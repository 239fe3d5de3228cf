"""An answer does not depend on how many threads made it, nor on how rows lie in files and row groups."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from decimal import Decimal
from pathlib import Path
from threading import get_ident
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kpi_engine
from kpi_engine.execute import scan, tasks
from kpi_engine.execute.tasks import THREADS, bundles, in_order

DEFINITIONS = """
calendar
  timezone: "Europe/Paris"

source customers
  table: "customers/*.parquet"
  key: customer_id
  column order_count: integer = count(orders)

source orders
  table: "orders/*.parquet"
  key: order_id
  time: ordered_at
  column customer_id -> customers
  column touch_id -> visits = last(visits on customer within 20 days)

source visits
  table: "visits/*.parquet"
  key: visit_id
  time: visited_at
  column customer_id -> customers

revenue = sum(orders.total)
weight = sum(orders.weight)
spread = stddev(orders.weight)
buyers = count(distinct orders.customer_id)
buyers_28d = rolling(buyers, 28 days)
middle = median(orders.total)
new_buyers = count(customers having count(orders) > 0 and before(count(orders)) = 0)
kept = count(customers having previous(count(orders)) > 0 and count(orders) > 0)
converting = count(visits followed by orders on customer within 3 days)
again = count(orders followed by orders on customer within 3 days)
touched = count(orders where touch_id is not null)
regulars = count(orders where customer_id.order_count > 2)
"""
METRICS = [
    "revenue",
    "weight",
    "spread",
    "buyers",
    "buyers_28d",
    "middle",
    "new_buyers",
    "kept",
    "converting",
    "again",
    "touched",
    "regulars",
]
ROWS = 3_000


def shop(seed: int) -> dict[str, pa.Table]:
    rng = random.Random(seed)
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def times() -> list[dt.datetime]:
        return [start + dt.timedelta(seconds=rng.randrange(90 * 86_400)) for _ in range(ROWS)]

    def customers() -> list[str | None]:
        return [None if rng.random() < 0.1 else f"C{int(300 * rng.random() ** 2):05d}" for _ in range(ROWS)]

    orders = {
        "order_id": list(range(ROWS)),
        "ordered_at": times(),
        "customer_id": customers(),
        "channel": [rng.choice(["web", "shop", None]) for _ in range(ROWS)],
        "total": [Decimal(rng.randrange(10**6)).scaleb(-2) for _ in range(ROWS)],
        "weight": [rng.uniform(-1, 1) * 10 ** rng.randrange(-12, 12) for _ in range(ROWS)],
    }
    visits = {
        "visit_id": list(range(ROWS)),
        "visited_at": times(),
        "customer_id": customers(),
        "channel": orders["channel"],
    }
    known = pa.table({"customer_id": [f"C{number:05d}" for number in range(300)]})
    return {"orders": pa.table(orders), "visits": pa.table(visits), "customers": known}


def write(folder: Path, tables: dict[str, pa.Table], files: int, group: int) -> None:
    """Tables as so many files, in order of their rows, with row groups of a size."""
    for name, table in tables.items():
        (folder / name).mkdir(parents=True)
        size = -(-table.num_rows // files)
        for number, first in enumerate(range(0, table.num_rows, size)):
            pq.write_table(table.slice(first, size), folder / name / f"{number:03d}.parquet", row_group_size=group)


def answer(folder: Path, tmp_path: Path) -> bytes:
    definitions = tmp_path / "shop.kpi"
    definitions.write_text(DEFINITIONS, encoding="utf-8")
    project = kpi_engine.open(definitions=[definitions], data=folder)
    table: Any = project.eval(METRICS, by=["channel"], grain="week", as_of="2026-04-01").table
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_threads_and_files_do_not_change_a_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = shop(7)
    found = {}
    for files, group in ((1, ROWS), (1, 97), (40, 50)):
        folder = tmp_path / f"{files}-{group}"
        write(folder, tables, files, group)
        for threads, fewest in ((1, 1), (4, 1), (4, 300), (4, 1 << 16)):
            monkeypatch.setenv(THREADS, str(threads))
            monkeypatch.setattr(tasks, "_FEWEST_ROWS", fewest)
            found[files, group, threads, fewest] = answer(folder, tmp_path)
    first = found[1, ROWS, 1, 1]
    assert len(set(found.values())) == 1, [key for key, value in found.items() if value != first]
    with pa.ipc.open_stream(first) as stream:
        read = stream.read_all()
    assert read.num_rows > 20
    assert all(sum(value is not None and value != 0 for value in read[name].to_pylist()) > 5 for name in METRICS)


def test_results_and_errors_come_in_order() -> None:
    seen = set()

    def work(number: int) -> int:
        seen.add(get_ident())
        if number in (5, 7):
            raise ValueError(number)
        return number * number

    assert list(itertools.islice(in_order(work, range(100), 3), 4)) == [0, 1, 4, 9]
    taken = []
    with pytest.raises(ValueError, match="5"):
        for result in in_order(work, range(100), 3):
            taken.append(result)
    assert taken == [0, 1, 4, 9, 16]
    assert get_ident() not in seen


def test_bundles_hold_everything_in_order() -> None:
    for count, threads in itertools.product((0, 1, 5, 33, 1096), (1, 2, 4)):
        made = bundles(list(range(count)), threads)
        assert [item for bundle in made for item in bundle] == list(range(count))
        assert len(made) <= 16 * threads


def test_small_items_come_together_and_large_ones_stay_alone() -> None:
    rows = [10, 70_000, 5, 60_000, 5_000, 600, 65_536, 1]
    made = bundles(range(len(rows)), 2, rows.__getitem__)
    assert [list(bundle) for bundle in made] == [[0, 1], [2, 3, 4, 5], [6], [7]]
    assert [list(bundle) for bundle in bundles(range(3), 2, lambda item: None)] == [[0], [1], [2]], "not known"
    many = bundles(range(200), 2, lambda item: 1_000_000)
    assert [len(bundle) for bundle in many[:-1]] == [13] * 15, "as many tasks as without rows"


def test_small_files_are_read_by_one_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "data", shop(3), 20, 1000)
    read: list[int] = []
    made = scan.make
    monkeypatch.setattr(scan, "make", lambda whole, task: (read.append(len(task.fragments)), made(whole, task))[1])
    monkeypatch.setenv(THREADS, "4")
    (tmp_path / "shop.kpi").write_text(DEFINITIONS, encoding="utf-8")
    project = kpi_engine.open(definitions=[tmp_path / "shop.kpi"], data=tmp_path / "data")
    project.eval("revenue", grain="week", as_of="2026-04-01")
    assert read == [20]
