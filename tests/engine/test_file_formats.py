"""One table in every file format gives one answer, byte for byte; and times that no calendar reaches do no harm."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

import kpi_engine

DEFINITIONS = """
calendar
  timezone: "{zone}"

source o
  table: "o.{ending}"
  time: t
  column t: timestamp
  column x: integer

s = sum(o.x)
p = previous(s)
"""
TIMES = [
    "2026-01-31 12:00",
    "2026-02-01 00:30",
    "2026-02-05 12:00",
    "2026-02-20 12:00",
    "2026-02-21 12:00",
    "2026-03-20 09:00",
]


def naive(times: list[str]) -> pa.Table:
    moments = [datetime.datetime.fromisoformat(time) for time in times]
    return pa.table({"t": pa.array(moments, pa.timestamp("us")), "x": range(1, len(times) + 1)})


def zoned(table: pa.Table, zone: str) -> pa.Table:
    local = pa.compute.assume_timezone(table["t"], zone)
    return table.set_column(0, "t", local)


def write_jsonl(table: pa.Table, path: Path) -> int:
    return path.write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))


WRITERS: dict[str, Callable[[pa.Table, Path], object]] = {
    "parquet": lambda table, path: pq.write_table(table, path, row_group_size=2),
    "csv": lambda table, path: pyarrow.csv.write_csv(table, path),
    "feather": lambda table, path: pyarrow.feather.write_feather(table, path),
    "orc": lambda table, path: orc.write_table(table, str(path)),
    "jsonl": write_jsonl,
}


def ask(folder: Path, zone: str, ending: str, grain: str) -> pa.Table:
    definitions = folder / "o.kpi"
    definitions.write_text(DEFINITIONS.format(zone=zone, ending=ending))
    return kpi_engine.open(definitions=definitions, data=folder).eval(["s", "p"], grain=grain).table


@pytest.mark.parametrize("grain", ["hour", "day", "week", "month"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo"])
def test_formats_and_zones_agree(tmp_path: Path, zone: str, grain: str) -> None:
    answers = {}
    for ending, write in WRITERS.items():
        for name, table in (("naive", naive(TIMES)), ("zoned", zoned(naive(TIMES), zone))):
            if (ending, name) != ("csv", "zoned"):
                write(table, tmp_path / f"o.{ending}")
                answers[ending, name] = ask(tmp_path, zone, ending, grain)
    first, *others = answers.values()
    assert all(other.equals(first) for other in others), answers.keys()


def test_the_last_month_is_compared_with_as_much_of_the_one_before(tmp_path: Path) -> None:
    WRITERS["parquet"](naive(TIMES), tmp_path / "o.parquet")
    rows = ask(tmp_path, "UTC", "parquet", "month").to_pylist()
    # The data ends on 20 March, so March is compared with 1 to 20 February: 2 + 3 + 4.
    assert rows[-1] == {"period": datetime.date(2026, 3, 1), "s": 6, "p": 9}
    assert rows[0]["period"] == datetime.date(2026, 1, 1)


@pytest.mark.parametrize("ending", [ending for ending in WRITERS if ending != "orc"])
@pytest.mark.parametrize("sentinel", ["9999-12-31 23:59:59", "9999-12-31 00:00:00"])
def test_times_at_the_end_of_the_world_do_not_count_yet(tmp_path: Path, ending: str, sentinel: str) -> None:
    WRITERS[ending](naive(["2026-01-05 10:00", sentinel]), tmp_path / f"o.{ending}")
    for zone in ("UTC", "America/New_York"):
        assert ask(tmp_path, zone, ending, "month").to_pylist()[-1]["s"] == 1


def test_windows_beyond_the_years_that_there_are(tmp_path: Path) -> None:
    project = kpi_engine.Project.from_text("source o\n  time: t\n\nm = rolling(count(o), 3000 years)\n")
    project.bind("o", naive(TIMES))
    with pytest.raises(kpi_engine.KpiError) as caught:
        project.eval("m", as_of="2026-04-01")
    assert caught.value.diagnostics[0].code == "E525"


def test_a_metric_named_period_cannot_stand_beside_the_periods() -> None:
    project = kpi_engine.Project.from_text("source o\n  time: t\n\nperiod = count(o)\n")
    project.bind("o", naive(TIMES))
    assert project.eval("period", as_of="2026-04-01").table.to_pylist() == [{"period": 6}]
    with pytest.raises(kpi_engine.KpiError) as caught:
        project.eval("period", grain="day", as_of="2026-04-01")
    assert caught.value.diagnostics[0].code == "E513"


def test_a_column_without_any_value_is_a_column_of_its_declared_type(tmp_path: Path) -> None:
    table = naive(TIMES[:2]).set_column(1, "x", pa.nulls(2))
    pq.write_table(table, tmp_path / "o.parquet")
    assert ask(tmp_path, "UTC", "parquet", "month").to_pylist()[-1]["s"] is None


def test_too_many_periods_are_refused_before_they_are_made() -> None:
    project = kpi_engine.Project.from_text("source o\n  time: t\n\nm = count(o)\n")
    project.bind("o", naive(TIMES))
    with pytest.raises(kpi_engine.KpiError) as caught:
        project.eval("m", grain="hour", start="1900", end="2199", as_of="2026-04-01")
    assert caught.value.diagnostics[0].code == "E524"
