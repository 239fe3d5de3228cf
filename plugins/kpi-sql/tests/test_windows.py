"""A question about a month fetches the rows of a month, and still says what it left out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import kpi_engine

from . import shop
from .databases import DATABASES

MARCH: dict[str, Any] = {"grain": "month", "start": "2026-03", "end": "2026-03"}


def asked(metrics: list[str], folder: Path, settings: str) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    result = kpi_engine.open(shop.project(folder, settings)).eval(metrics, **MARCH)
    return shop.values(result.table), result.report()["sources"]


@pytest.mark.parametrize("kind", DATABASES)
def test_rows_of_one_month_are_fetched(kind: str, tmp_path: Path, connection_text: Callable[[str], str]) -> None:
    metrics = ["many", "paid", "seen"]
    expected, _ = asked(metrics, tmp_path / "files", "")
    found, sources = asked(metrics, tmp_path / kind, connection_text(kind) + "aggregate = false\n")
    assert found == expected
    local = [shop.at(text) for text in ("2026-02-28T23:00:00", "2026-03-31T22:00:00")]
    inside = [row for row in shop.tables()["orders"].column("at").to_pylist() if row and local[0] <= row < local[1]]
    assert sources["orders"]["rows"] == len(inside) < shop.tables()["orders"].num_rows
    # Days are compared as they are, local times with a day to spare on both sides.
    assert (sources["payments"]["rows"], sources["visits"]["rows"]) == (2, 3)


@pytest.mark.parametrize("kind", DATABASES)
def test_what_is_not_fetched_is_counted_all_the_same(
    kind: str, tmp_path: Path, connection_text: Callable[[str], str]
) -> None:
    """One metric is made in the database and one of rows, or both of rows: both ways say how many rows lie nowhere."""
    definitions = shop.DEFINITIONS + shop.ROWS_ONLY
    for metrics in (["heft"], ["heft", "many"]):
        reports = []
        for settings in ("", connection_text(kind)):
            project = kpi_engine.open(shop.project(tmp_path / f"{bool(settings)}", settings, definitions))
            result = project.eval(metrics, **MARCH)
            reports.append((shop.values(result.table), result.report()["sources"]["orders"]))
        (expected, before), (found, after) = reports
        assert found == expected
        assert after["rows"] < before["rows"]
        for count in ("rows_without_time", "rows_past_watermark"):
            assert after[count] == before[count] > 0, (count, before, after)


_TIMES = {
    "2026-02-28 22:59:59.9Z": False,
    "2026-02-28T23:00:00Z": True,
    "2026-02-28 23:00:00.000001Z": True,
    "2026-03-31T21:59:59.999999Z": True,
    "2026-03-31 22:00:00Z": False,
    "2026-03-31T22:00:00.5Z": False,
}
"""Instants as SQLite may hold them, and whether they are in the March of Berlin."""


def of_instants(folder: Path, instants: Iterable[str], aggregate: str, definitions: str) -> kpi_engine.Project:
    """A project of these definitions over SQLite, whose table `seen` has these instants as `at`."""
    with closing(sqlite3.connect(folder / "x.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE seen (at TIMESTAMPTZ)")
        connection.executemany("INSERT INTO seen VALUES (?)", [[text] for text in instants])
    settings = f'[connections.default]\nconnector = "sqlite"\npath = "{folder / "x.sqlite"}"\naggregate = {aggregate}\n'
    return kpi_engine.open(shop.project(folder / "p", settings, definitions))


@pytest.mark.parametrize("aggregate", ["true", "false"])
def test_every_form_of_an_instant_is_compared_alike(aggregate: str, tmp_path: Path) -> None:
    definitions = 'calendar\n  timezone: "Europe/Berlin"\n\nsource seen\n  time: at\n\nseen_count = count(seen)\n'
    answer = of_instants(tmp_path, _TIMES, aggregate, definitions).eval("seen_count", **MARCH)
    assert answer.table["seen_count"].to_pylist() == [sum(_TIMES.values())]


@pytest.mark.parametrize("aggregate", ["true", "false"])
def test_a_row_older_than_all_periods_is_no_beginning(aggregate: str, tmp_path: Path) -> None:
    rows = ["1850-01-01 00:00:00Z", "2026-02-10 00:00:00Z", "2026-03-10 00:00:00Z"]
    definitions = "source seen\n  time: at\n\nseen_count = count(seen)\nso_far = cumulative(seen_count)\n"
    answer = of_instants(tmp_path, rows, aggregate, definitions).eval(
        ["seen_count", "so_far"], grain="month", start="2026-01", end="2026-03"
    )
    # January lies before the first row, so that nothing is known of it.
    assert answer.table["seen_count"].to_pylist() == [None, 1, 1]
    assert answer.table["so_far"].to_pylist() == [None, 1, 2]
