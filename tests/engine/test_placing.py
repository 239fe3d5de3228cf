"""A column of times of which only the buckets matter is not read where statistics say the bucket, and nothing else
changes."""

from __future__ import annotations

import datetime
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kpi_engine

ZONE = ZoneInfo("Asia/Shanghai")
UTC = datetime.UTC
DEFINITIONS = """
calendar
  timezone: "Asia/Shanghai"

source visits
  table: "visits/*.parquet"
  time: at
  column at: TYPE
  column channel: text

visit_count = count(visits)
by_night = count(visits where at >= 2026-01-05)
last_visits = rolling(visit_count, 3 days)
"""


def shop(folder: Path, times: list[list[Any]], type: pa.DataType) -> kpi_engine.Project:
    """Visits in one file for each list of times."""
    (folder / "data" / "visits").mkdir(parents=True)
    for number, each in enumerate(times):
        table = pa.table({"at": pa.array(each, type), "channel": [("web", "app")[n % 2] for n in range(len(each))]})
        pq.write_table(table, folder / "data" / "visits" / f"{number}.parquet")
    kind = "date" if pa.types.is_date(type) else "timestamp"
    (folder / "shop.kpi").write_text(DEFINITIONS.replace("TYPE", kind))
    return kpi_engine.open(definitions=[folder / "shop.kpi"], data=folder / "data")


def instants(month: int, rows: int, missing: bool = False) -> list[datetime.datetime | None]:
    """Instants of a local month, its first and last microseconds among them."""
    rng = random.Random(month)
    start = datetime.datetime(2026, month, 1, tzinfo=ZONE)
    end = datetime.datetime(2026, month + 1, 1, tzinfo=ZONE)
    found: list[datetime.datetime | None] = [start, end - datetime.timedelta(microseconds=1)]
    found += [start + datetime.timedelta(seconds=rng.randrange(28 * 86_400)) for _ in range(rows)]
    return [*found, None] if missing else found


def local_days(times: list[list[Any]]) -> list[datetime.date]:
    return [each.astimezone(ZONE).date() for part in times for each in part if each is not None]


def periods(days: list[datetime.date], grain: str) -> dict[datetime.date, int]:
    first = {
        "month": lambda day: day.replace(day=1),
        "week": lambda day: day - datetime.timedelta(day.weekday()),
        "day": lambda day: day,
    }[grain]
    return dict(Counter(map(first, days)))


def answer(project: kpi_engine.Project, metric: str, grain: str, as_of: str) -> tuple[dict[Any, int], Any]:
    result = project.eval([metric], grain=grain, as_of=as_of)
    rows = {row["period"]: row[metric] for row in result.table.to_pylist() if row[metric]}
    return rows, result.stats.sources["visits"]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("grain", ["month", "week", "day"])
def test_counts_are_the_same_whatever_is_read(tmp_path: Path, unit: str, grain: str) -> None:
    times = [instants(month, 200) for month in (1, 2, 3)]
    if unit != "us":
        times = [[each and each.replace(microsecond=0) for each in part] for part in times]
    project = shop(tmp_path, times, pa.timestamp(unit, "UTC"))
    assert answer(project, "visit_count", grain, "2026-04-06")[0] == periods(local_days(times), grain)


def test_times_of_a_file_in_one_month_are_not_read(tmp_path: Path) -> None:
    project = shop(tmp_path, [instants(month, 5000) for month in (1, 2, 3)], pa.timestamp("us", "UTC"))
    monthly = answer(project, "visit_count", "month", "2026-04-01")[1].bytes
    weekly = answer(project, "visit_count", "week", "2026-04-06")[1].bytes
    assert monthly == 0 < weekly


def test_a_file_with_rows_without_a_time_or_past_the_end_is_read(tmp_path: Path) -> None:
    times = [instants(1, 50, missing=True), instants(2, 50), instants(3, 50)]
    project = shop(tmp_path, times, pa.timestamp("us", "UTC"))
    found, stats = answer(project, "visit_count", "month", "2026-03-15")
    days = [day for day in local_days(times) if day < datetime.date(2026, 3, 15)]
    assert found == periods(days, "month")
    assert stats.excluded_rows == 1
    assert stats.late_rows == len(local_days(times)) - len(days)


def test_rows_from_before_all_periods_are_told(tmp_path: Path) -> None:
    early = [datetime.datetime(1850, 5, 1, tzinfo=UTC), datetime.datetime(1850, 5, 2, tzinfo=UTC)]
    project = shop(tmp_path, [early, instants(1, 20)], pa.timestamp("us", "UTC"))
    found, stats = answer(project, "visit_count", "month", "2026-02-01")
    assert sum(found.values()) == 22 and stats.early_rows + stats.fragments_pruned >= 1


def test_times_that_are_looked_at_besides_are_read(tmp_path: Path) -> None:
    times = [instants(month, 300) for month in (1, 2)]
    project = shop(tmp_path, times, pa.timestamp("us", "UTC"))
    days = [day for day in local_days(times) if day >= datetime.date(2026, 1, 5)]
    assert answer(project, "by_night", "month", "2026-03-01")[0] == periods(days, "month")


def test_dates_are_placed_as_dates(tmp_path: Path) -> None:
    days = [[datetime.date(2026, month, 1 + n % 28) for n in range(100)] for month in (1, 2, 3)]
    project = shop(tmp_path, days, pa.date32())
    for grain in ("month", "week"):
        found = answer(project, "visit_count", grain, "2026-04-06")[0]
        assert found == periods([day for part in days for day in part], grain)


def test_what_is_kept_knows_its_times(tmp_path: Path) -> None:
    """States by month serve no question by week: they were made of rows with times of their own."""
    times = [instants(month, 100) for month in (1, 2)]
    shop(tmp_path, times, pa.timestamp("us", "UTC"))
    for file in (tmp_path / "data" / "visits").iterdir():
        os.utime(file, ns=(10**18, 10**18))
    (tmp_path / "kpi.toml").write_text('definitions = ["shop.kpi"]\n')
    for grain in ("month", "week", "month", "day"):
        project = kpi_engine.open(tmp_path, data=tmp_path / "data", store=tmp_path / "store")
        assert answer(project, "visit_count", grain, "2026-03-02")[0] == periods(local_days(times), grain)


def test_local_times_are_read(tmp_path: Path) -> None:
    """Which instants they are is only known when they are read in their zone."""
    start = datetime.datetime(2026, 1, 1)
    times = [[start + datetime.timedelta(hours=n) for n in range(31 * 24)]]
    project = shop(tmp_path, times, pa.timestamp("us"))
    found, stats = answer(project, "visit_count", "month", "2026-02-01")
    assert found == {datetime.date(2026, 1, 1): 31 * 24}
    assert stats.bytes > 0
