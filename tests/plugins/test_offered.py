"""What connectors are offered to leave out: rows outside of the windows, and those that no query wants."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import kpi_engine
from kpi_engine.extend.measures import MeasureRequest, PartialStates
from kpi_engine.extend.rows import Predicate, ScanRequest
from kpi_engine.extend.scans import OpenedScan, dataset_scan

from .counting import CountingConnector, RowsConnector
from .test_pushdown import answer, assert_same, tables

MARCH = {"grain": "month", "start": "2026-03", "end": "2026-03"}
BEGIN = datetime.datetime(2026, 2, 28, 23, tzinfo=datetime.UTC)
END = datetime.datetime(2026, 3, 31, 22, tzinfo=datetime.UTC)


class Listening(RowsConnector):
    """Keeps what it is asked; its rows are those of a dataset, which applies what it can."""

    offered: dict[str, Sequence[Predicate]]

    def scan(self, request: ScanRequest) -> OpenedScan:
        self.offered = {**getattr(self, "offered", {}), request.table.names[0]: request.predicates}
        return dataset_scan(request, ds.dataset(self.data[request.table.names[0]]))


def test_the_windows_are_offered_as_instants_or_days() -> None:
    connector = Listening(tables())
    found, stats, _ = answer(connector, ["many", "paid"], **MARCH)
    assert_same(found, answer(RowsConnector(tables()), ["many", "paid"], **MARCH)[0])
    assert [*connector.offered["orders"]] == [Predicate("at", ">=", BEGIN), Predicate("at", "<", END)]
    days = [datetime.date(2026, 3, 1), datetime.date(2026, 4, 1)]
    assert [*connector.offered["payments"]] == [Predicate("paid", ">=", days[0]), Predicate("paid", "<", days[1])]
    inside = [at for at in tables()["orders"]["at"].to_pylist() if at is not None and BEGIN <= at < END]
    assert (stats.sources["orders"].rows, stats.sources["payments"].rows) == (len(inside), 1)


def test_where_all_history_is_read_it_begins_with_the_first_period() -> None:
    connector = Listening(tables())
    found, _, _ = answer(connector, ["running", "many"], **MARCH)
    assert_same(found, answer(RowsConnector(tables()), ["running", "many"], **MARCH)[0])
    first = datetime.datetime(1900, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(datetime.UTC)
    assert [*connector.offered["orders"]] == [Predicate("at", ">=", first), Predicate("at", "<", END)]


@pytest.mark.parametrize("metric", ["buyers", "labelled"])
def test_conditions_on_instants_are_offered(metric: str) -> None:
    connector = Listening(tables())
    question = {**MARCH, "where": "orders.at < 2026-03-29"}
    found, _, _ = answer(connector, [metric], **question)
    assert_same(found, answer(RowsConnector(tables()), [metric], **question)[0])
    edge = datetime.datetime(2026, 3, 28, 23, tzinfo=datetime.UTC)
    assert Predicate("at", "<", edge) in connector.offered["orders"]


class CountsElsewhere(CountingConnector):
    """Aggregates what it supports, and applies conditions to its rows."""

    def scan(self, request: ScanRequest) -> OpenedScan:
        return dataset_scan(request, ds.dataset(self.data[request.table.names[0]]))

    def partial_states(self, request: MeasureRequest) -> PartialStates:
        found = super().partial_states(request)
        return PartialStates(found.tables, found.untimed_rows, found.late_rows, nan_values={"weight": 2, "total": 1})


@pytest.mark.parametrize("metrics", [["spread"], ["spread", "many"], ["many", "revenue"]])
def test_rows_that_are_not_fetched_are_counted_once(metrics: list[str]) -> None:
    expected, before, _ = answer(RowsConnector(tables()), metrics, **MARCH)
    found, after, _ = answer(CountsElsewhere(tables(), refused=["moments"]), metrics, **MARCH)
    assert_same(found, expected)
    plain, counted = before.sources["orders"], after.sources["orders"]
    assert (plain.excluded_rows, plain.late_rows) == (1, 1)
    assert (counted.excluded_rows, counted.late_rows) == (1, 1)
    # By column, however many queries say it; of rows that are fetched the engine counts itself.
    assert counted.nan_values == (0 if "spread" in metrics else 3)


@pytest.mark.parametrize("type", [pa.timestamp("us", "UTC"), pa.date32()])
def test_files_of_rows_without_a_time_are_counted(type: pa.DataType, tmp_path: Path) -> None:
    """A window rules files out by their statistics, except those in which no row has a time."""
    days = {"null": None, "march": datetime.date(2026, 3, 5), "april": datetime.date(2026, 4, 5)}
    for name, day in days.items():
        pq.write_table(pa.table({"at": pa.array([day, day], pa.date32()).cast(type)}), tmp_path / f"{name}.parquet")
    text = 'source seen\n  table: "*.parquet"\n  time: at\n\nseen_count = count(seen)\n'
    answer = kpi_engine.Project.from_text(text, data=tmp_path).eval("seen_count", **MARCH)
    source = answer.report()["sources"]["seen"]
    assert answer.table["seen_count"].to_pylist() == [2]
    assert (source["rows"], source["rows_without_time"]) == (4, 2)
