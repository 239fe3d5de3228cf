"""Estimates from files to answers: within their bounds, the same however rows are stored, and said to be estimates."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import kpi_engine
from kpi_engine.extend.formats import Surface
from kpi_engine.ir.approximation import HLL_EXACT, Approximation
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.kernels import finish, sketches_hll
from kpi_engine.present.notes import note_lines
from kpi_engine.present.table import write_table

pytest.importorskip("datasketches")

DEFINITIONS = """
source visits
  time: seen_at

visitors = count(approx distinct visits.visitor)
typical = percentile(approx visits.seconds, 90)
exactly = count(distinct visits.visitor)
week = rolling(visitors, 7 days)
slowest = rolling(percentile(approx visits.seconds, 99), 14 days)
ratio = count(visits) / visitors
exact_week = rolling(median(visits.seconds), 7 days)
by_month = max(visitors per month)
"""
ROWS = 160_000
FIRST = np.datetime64("2026-01-01", "us")


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    """Visits of sixty days in two channels: many visitors and many different lengths in one, few in the other."""
    draw = np.random.default_rng(2026)
    busy = draw.random(ROWS) < 0.97
    return pa.table(
        {
            "seen_at": FIRST + draw.integers(0, 60 * 86_400, ROWS).astype("timedelta64[s]"),
            "channel": np.where(busy, "web", "shop"),
            "visitor": np.where(busy, draw.integers(0, 90_000, ROWS), draw.integers(0, 900, ROWS)),
            "seconds": np.where(busy, draw.lognormal(4, 1.5, ROWS), draw.integers(1, 500, ROWS)),
        }
    )


def project_of(folder: Path, rows: pa.Table, files: int) -> Any:
    """A project over the rows, dealt out to some files."""
    data = folder / "visits"
    data.mkdir()
    for number in range(files):
        part = rows.take(pa.array(np.arange(number, rows.num_rows, files)))
        pq.write_table(part, data / f"part-{number}.parquet", row_group_size=9_000 * files)
    definitions = folder / "metrics.kpi"
    definitions.write_text(DEFINITIONS, encoding="utf-8")
    return kpi_engine.open(definitions=[definitions], data=folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, rows: pa.Table) -> Any:
    return project_of(tmp_path_factory.mktemp("one"), rows, 1)


@pytest.fixture(scope="module")
def scattered(tmp_path_factory: pytest.TempPathFactory, rows: pa.Table) -> Any:
    return project_of(tmp_path_factory.mktemp("many"), rows, 5)


def exact(rows: pa.Table, query: str) -> dict[Any, Any]:
    """What DuckDB says: the last column by the ones before it."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.register("visits", rows)
    return {row[:-1]: row[-1] for row in connection.sql(query).fetchall()}


def asked(project: Any, *metrics: str, **question: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.eval(list(metrics), as_of="2026-03-02", **question).table.to_pylist()
    return found


def share_below(values: np.ndarray, value: float) -> float:
    return float(np.searchsorted(np.sort(values), value) / len(values))


def test_distinct_counts_of_groups_and_months(project: Any, rows: pa.Table) -> None:
    known = exact(
        rows, "select channel, date_trunc('month', seen_at)::date, count(distinct visitor) from visits group by all"
    )
    found = asked(project, "visitors", by=["channel"], grain="month")
    assert {(row["channel"], row["period"]) for row in found} == set(known)
    for row in found:
        count = known[row["channel"], row["period"]]
        close = 3 * Approximation("hll").error * count if count > HLL_EXACT else 0
        assert abs(row["visitors"] - count) <= close
    assert {count > HLL_EXACT for count in known.values()} == {True, False}


def test_rolling_distinct_counts(project: Any, rows: pa.Table) -> None:
    known = exact(
        rows,
        "select d::date, (select count(distinct visitor) from visits where seen_at >= d - interval 6 day "
        "and seen_at < d + interval 1 day) from range(date '2026-01-01', date '2026-03-02', interval 1 day) t(d)",
    )
    found = asked(project, "week", grain="day")
    assert len(found) == len(known) == 60
    for row in found:
        count = known[(row["period"],)]
        assert abs(row["week"] - count) <= (3.5 * Approximation("hll").error * count if count > HLL_EXACT else 0)


@pytest.mark.parametrize(("metric", "days", "percent"), [("typical", 1, 0.90), ("slowest", 14, 0.99)])
def test_percentiles_by_day(
    project: Any, rows: pa.Table, metric: str, days: int, percent: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "_MANY", 0)
    day = (rows["seen_at"].to_numpy() - FIRST) // np.timedelta64(1, "D")
    web = rows["channel"].to_numpy() == "web"
    seconds = rows["seconds"].to_numpy()
    found = asked(project, metric, grain="day", where='channel = "web"')
    assert len(found) == 60
    for number, row in enumerate(found):
        inside = seconds[web & (day > number - days) & (day <= number)]
        assert abs(share_below(inside, row[metric]) - percent) <= Approximation("kll").error + 1 / len(inside)


def test_answers_do_not_depend_on_how_rows_are_stored(project: Any, scattered: Any, rows: pa.Table) -> None:
    names = ("visitors", "week", "ratio", "by_month")
    for question in ({"by": ["channel"]}, {"grain": "quarter"}, {"grain": "month", "where": "seconds > 20"}):
        assert asked(project, *names, **question) == asked(scattered, *names, **question)
    (one,), (other,) = asked(project, "typical"), asked(scattered, "typical")
    seconds = rows["seconds"].to_numpy()
    for answer in (one, other):
        assert abs(share_below(seconds, answer["typical"]) - 0.9) <= Approximation("kll").error
    assert asked(scattered, "typical", "slowest", grain="week") == asked(scattered, "typical", "slowest", grain="week")


def test_an_answer_says_what_is_estimated(project: Any) -> None:
    answer = project.eval(["ratio", "exactly", "typical", "by_month"], grain="month", as_of="2026-03-02")
    said = {name: answer.table.schema.field(name).metadata for name in answer.table.column_names[1:]}
    bound = Approximation("hll").bound
    assert said["ratio"][b"approximate"].decode() == f"count(approx distinct visits.visitor): {bound}"
    assert b"approximate" not in said["exactly"]
    assert said["typical"][b"approximate"].startswith(b"percentile(approx visits.seconds, 90): exact up to 2464")
    assert b"count(approx distinct visits.visitor)" in said["by_month"][b"approximate"]
    sink = io.BytesIO()
    write_table(answer, sink, Surface(width=120))
    heading = next(line for line in sink.getvalue().decode().splitlines() if "ratio" in line)
    assert heading.split()[1:] == ["ratio", "≈", "exactly", "typical", "≈", "by_month", "≈"]
    assert f"≈ ratio, by_month: count(approx distinct visits.visitor): {bound}" in note_lines(answer)
    assert [each.text for each in project.catalog.metrics["ratio"].estimates] == [
        "count(approx distinct visits.visitor)"
    ]
    assert project.catalog.metrics["exactly"].estimates == ()


def test_without_the_library_distinct_counts_are_exact(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches_hll, "can_estimate", lambda: False)
    answer = project.eval(["visitors", "exactly", "typical"], by=["channel"], as_of="2026-03-02")
    for row in answer.table.to_pylist():
        assert row["visitors"] == row["exactly"]
    assert answer.stats.notes == [
        "count(approx distinct visits.visitor) is counted exactly: estimates need kpi-engine[approx]"
    ]
    assert answer.table.schema.field("visitors").metadata == {b"unit": b"count"}
    assert b"approximate" in answer.table.schema.field("typical").metadata


def test_too_many_exact_values_propose_an_estimate(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finish, "MAX_EXPANDED", 400_000)
    with pytest.raises(KpiError) as caught:
        asked(project, "exact_week", grain="day")
    (error,) = caught.value.diagnostics
    assert error.code == "E821"
    assert error.message.startswith("`median(visits.seconds)` over overlapping windows would look at 1")
    assert error.help.startswith("permit an estimate: `median(approx visits.seconds)`; or ask for a coarser --grain")
    assert len(asked(project, "slowest", grain="day")) == 60
    monkeypatch.setattr(finish, "MAX_EXPANDED", 2_000_000)
    assert len(asked(project, "exact_week", grain="day")) == 60
