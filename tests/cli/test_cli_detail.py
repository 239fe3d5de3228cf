"""What stands beside a value, what a run reports, and the values of dimensions, against plain Python."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import kpi_engine
from kpi_engine import KpiError, Project

DEFINITIONS = """\
source orders
  table: "orders.csv"
  key: order_id
  time: day
  on_error: null
  column order_id: integer
  column day: date
  column channel: text
  column customer_id: text -> customer
  column total: decimal

source visits
  table: "visits.csv"
  time: day
  column day: date
  column channel: text

source tickets
  table: "tickets.csv"
  time: opened
  lifetime: [opened, closed]
  column opened: date
  column closed: date

entity customer
  counted_in: orders

dimension channel = orders.channel, visits.channel

revenue = sum(orders.total)

mean_order = revenue / count(orders where total >= 10)

conversion = count(orders) / count(visits)
  unit: percent

buyers = count(customers having count(orders) >= 2)

open_tickets = count(tickets at end)

revenue_growth = growth(revenue)
"""

ORDERS = [
    (1, "2026-01-05", "web", "ann", "10.50"),
    (2, "2026-01-20", "web", "ann", "4.25"),
    (3, "2026-01-31", "shop", "", "20.00"),
    (4, "2026-02-10", "shop", "bob", "n/a"),
    (5, "", "shop", "bob", "99.00"),
    (6, "2026-02-11", "", "bob", "30.00"),
    (7, "2026-03-15", "web", "cy", "7.00"),
]
VISITS = [("2026-01-05", "web")] * 3 + [("2026-01-31", "shop")] + [("2026-02-10", "shop"), ("2026-02-28", "radio")]
TICKETS = [("2026-01-10", "2026-02-05"), ("2026-02-01", ""), ("2026-02-20", "2026-02-01"), ("", "2026-02-01")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with three small tables, some rows of which are odd."""
    (tmp_path / "kpi.toml").write_text('as_of = "2026-03-01"\n', "utf-8")
    (tmp_path / "shop.kpi").write_text(DEFINITIONS, "utf-8")
    tables = {
        "orders": ("order_id,day,channel,customer_id,total", ORDERS),
        "visits": ("day,channel", VISITS),
        "tickets": ("opened,closed", TICKETS),
    }
    for name, (header, rows) in tables.items():
        lines = [header, *(",".join(map(str, row)) for row in rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _orders(month: int) -> list[tuple[int, str, str, str, str]]:
    return [row for row in ORDERS if row[1].startswith(f"2026-{month:02}")]


def test_detail_by_month(folder: Path) -> None:
    asked = ["mean_order", "conversion", "revenue", "revenue_growth"]
    found = kpi_engine.open().eval(asked, grain="month", detail=True)
    assert found.table.column_names == [
        "period",
        *(f"mean_order{part}" for part in ("", ".numerator", ".denominator", ".rows", ".complete")),
        *(f"conversion{part}" for part in ("", ".numerator", ".denominator", ".rows", ".complete")),
        *(f"revenue{part}" for part in ("", ".rows", ".complete")),
        *(f"revenue_growth{part}" for part in ("", ".rows", ".complete")),
    ]
    assert [column.name for column in found.columns] == found.table.column_names
    for row in found.table.to_pylist():
        month = row["period"].month
        totals = [Fraction(row[4]) for row in _orders(month) if row[4] != "n/a"]
        large = sum(total >= 10 for total in totals)
        visits = sum(day.startswith(f"2026-{month:02}") for day, _ in VISITS)
        assert Fraction(row["mean_order.numerator"]) == sum(totals) == Fraction(row["revenue"])
        assert row["mean_order.denominator"] == large
        assert row["mean_order"] == float(sum(totals) / large)
        assert row["revenue.rows"] == row["mean_order.rows"] == len(_orders(month))
        assert (row["conversion.numerator"], row["conversion.denominator"]) == (len(_orders(month)), visits)
        assert row["conversion.rows"] == max(len(_orders(month)), visits)
    # The first row lies after the first of January, so that January is not whole; February ends with the as-of.
    assert found.table["revenue.complete"].to_pylist() == [False, True]
    assert found.table["revenue_growth.complete"].to_pylist() == [False, False]
    assert found.table.schema.field("mean_order.denominator").metadata == {b"unit": b"count"}


def test_detail_by_group_and_of_groups_of_keys(folder: Path) -> None:
    found = kpi_engine.open().eval(["conversion", "buyers"], by="channel", detail=True).table.to_pylist()
    dated = [row for row in ORDERS if row[1] and row[1] < "2026-03-01"]
    orders = Counter(row[2] or None for row in dated)
    visits = Counter(channel for _, channel in VISITS)
    assert {row["channel"] for row in found} == {*orders, *visits}
    for row in found:
        channel = row["channel"]
        assert (row["conversion.numerator"], row["conversion.denominator"]) == (orders[channel], visits[channel])
        assert row["conversion.rows"] == max(orders[channel], visits[channel])
        each = Counter(row[3] for row in dated if (row[2] or None) == channel and row[3])
        assert row["buyers"] == row["buyers.rows"] == sum(number >= 2 for number in each.values())


def test_detail_orders_and_limits_like_any_answer(folder: Path) -> None:
    found = kpi_engine.open().eval("revenue", by="channel", detail=True, order_by="revenue:desc", limit=1).table
    assert found["channel"].to_pylist() == [None] and found["revenue.rows"].to_pylist() == [1]


def test_detail_of_a_duration_and_without_rows() -> None:
    text = "source calls\n  time: day\n\nlength = sum(calls.took) / count(calls)\n"
    project = Project.from_text(text)
    took = pa.array([60_000_000, 30_000_000], pa.duration("us"))
    project.bind("calls", pa.table({"day": [dt.date(2026, 1, 1), dt.date(2026, 3, 1)], "took": took}))
    february = project.eval("length", grain="month", as_of="2026-04-01", detail=True).table.to_pylist()[1]
    assert february == {
        "period": dt.date(2026, 2, 1),
        "length": None,
        "length.numerator": dt.timedelta(0),
        "length.denominator": 0,
        "length.rows": 0,
        "length.complete": True,
    }


def test_the_report_counts_what_was_left_out(folder: Path, kpi: Callable[..., Any]) -> None:
    done = kpi("eval", "conversion", "buyers", "open_tickets", "revenue", "--stats", "-f", "json", "--grain", "month")
    assert done.code == 0
    found = json.loads(done.out)
    assert list(found) == ["answer", "stats"] and len(found["answer"]) == 2
    stats = found["stats"]
    assert list(stats) == [
        "as_of", "watermarks", "partial_periods", "zero_divisions", "estimates", "sources", "notes", "seconds",
        "peak_memory",
    ]  # fmt: skip
    orders, tickets = stats["sources"]["orders"], stats["sources"]["tickets"]
    assert orders["rows"] == len(ORDERS) and orders["bytes"] == (folder / "orders.csv").stat().st_size
    assert orders["rows_without_time"] == sum(not row[1] for row in ORDERS) and orders["rows_without_lifetime"] == 0
    assert orders["rows_past_watermark"] == sum(row[1] >= "2026-03-01" for row in ORDERS)
    dated = [row for row in ORDERS if row[1] and row[1] < "2026-03-01"]
    assert orders["rows_without_id"] == {"customer_id": sum(not row[3] for row in dated)}
    assert orders["failed_casts"] == 1
    assert tickets["rows_without_lifetime"] == 2 and tickets["rows_without_time"] == 0
    assert stats["as_of"].startswith("2026-03-01") and set(stats["seconds"]) >= {"plan", "scan", "finish"}
    assert "1 row of orders left out: no time" in done.err
    assert "1 row of orders left out of `per` and `having`: no customer_id" in done.err
    assert "2 rows of tickets left out: no lifetime" in done.err
    assert "1 row of orders not counted yet" in done.err
    again = kpi_engine.open().eval(["conversion", "buyers", "open_tickets", "revenue"], grain="month").report()
    assert _apart_from_times(stats) == _apart_from_times(again)


def _apart_from_times(report: Any) -> dict[str, Any]:
    """A report without what no two runs have in common."""
    sources = {name: {**source, "seconds": {}} for name, source in report["sources"].items()}
    return {**report, "sources": sources, "seconds": {}, "peak_memory": 0}


def test_a_run_without_anything_odd_says_only_the_as_of(folder: Path, kpi: Callable[..., Any]) -> None:
    done = kpi("eval", "conversion", "--from", "2026-01", "--to", "2026-02", "--where", 'channel = "web"')
    lines = done.err.splitlines()
    assert lines[0].startswith("as of 2026-03-01")
    stats = json.loads(kpi("eval", "open_tickets", "--stats", "-f", "json", "--as-of", "2026-01-31").out)["stats"]
    assert stats["sources"]["tickets"]["rows_without_id"] == {} and stats["zero_divisions"] == {}


def _counted(folder: Path, table: str, column: str) -> list[tuple[Any, ...]]:
    """Values and counts, the most frequent first, by DuckDB."""
    return duckdb.sql(
        f"select {column}, count(*) from read_csv('{folder / table}.csv', nullstr='') group by 1"
        " order by 2 desc, 1 nulls last"
    ).fetchall()


def test_values_of_a_column_are_those_that_a_database_counts(folder: Path) -> None:
    found = kpi_engine.open().values("orders.channel")
    assert [tuple(row.values()) for row in found.table.to_pylist()] == _counted(folder, "orders", "channel")
    assert found.table.column_names == ["channel", "orders"]


def test_values_of_a_dimension_have_a_column_a_source(folder: Path) -> None:
    found = kpi_engine.open().values("channel").table.to_pylist()
    orders, visits = (dict(_counted(folder, name, "channel")) for name in ("orders", "visits"))
    assert {row["channel"]: (row["orders"], row["visits"]) for row in found} == {
        channel: (orders.get(channel, 0), visits.get(channel, 0)) for channel in {*orders, *visits}
    }
    assert [row["orders"] for row in found] == sorted((row["orders"] for row in found), reverse=True)


def test_values_in_one_source_with_a_condition_and_combinations(folder: Path, kpi: Callable[..., Any]) -> None:
    done = kpi("values", "channel", "customer_id", "--in", "orders", "--where", "total > 5", "-f", "json")
    expected = Counter((row[2] or None, row[3] or None) for row in ORDERS if row[4] != "n/a" and Fraction(row[4]) > 5)
    assert {(row["channel"], row["customer_id"]): row["orders"] for row in json.loads(done.out)} == dict(expected)


def test_values_beyond_the_limit_are_said(folder: Path, kpi: Callable[..., Any]) -> None:
    done = kpi("values", "orders.order_id", "--limit", "3")
    assert done.out.splitlines() == ["order_id,orders", "1,1", "2,1", "3,1"]
    assert "there are more than these 3 values" in done.err
    assert "more than" not in kpi("values", "orders.order_id", "--limit", "7").err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["chanel"], "E503", "did you mean `channel`?"),
        (["channel", "--in", "tickets"], "E501", "tickets has no `channel`"),
        (["channel", "--in", "ordrs"], "E727", "did you mean `orders`?"),
        (["orders.total", "visits.channel"], "E501", "ask for each source by itself"),
        (["opened", "channel"], "E501", "no source has `opened` and `channel` together"),
        ([","], "E511", "name a dimension"),
    ],
)
def test_values_that_nobody_has(folder: Path, kpi: Callable[..., Any], words: list[str], code: str, said: str) -> None:
    done = kpi("values", *words)
    assert done.code == 2 and f"error[{code}]" in done.err and said in done.err


def test_values_of_sources_without_a_time() -> None:
    project = Project.from_text("source products\n  key: id\n\nsource sales\n  time: day\n  column id -> products\n")
    project.bind("products", pa.table({"id": [1, 2, 3], "kind": ["a", "b", "a"]}))
    project.bind("sales", pa.table({"day": [dt.date(2026, 1, 1)], "id": [1]}))
    assert project.values("kind").table.to_pylist() == [{"kind": "a", "products": 2}, {"kind": "b", "products": 1}]
    with pytest.raises(KpiError):
        project.values("colour")


def test_values_of_a_dimension_are_counted_where_it_lives_and_elsewhere_on_request() -> None:
    text = "source products\n  key: id\n\nsource sales\n  time: day\n  column id -> products\n\n"
    project = Project.from_text(text + "dimension sort = products.kind\n")
    project.bind("products", pa.table({"id": [1, 2, 3], "kind": ["a", "b", "a"]}))
    project.bind("sales", pa.table({"day": [dt.date(2026, 1, day) for day in (1, 2, 3)], "id": [2, 2, 1]}))
    assert project.values("sort").table.to_pylist() == [{"sort": "a", "products": 2}, {"sort": "b", "products": 1}]
    assert project.values("sort", source="sales").table.to_pylist() == [
        {"sort": "b", "sales": 2},
        {"sort": "a", "sales": 1},
    ]


@pytest.mark.parametrize(
    "words", [["eval", "n", "--by", "colour"], ["eval", "n", "--where", 'colour = "red"'], ["values", "colour"]]
)
def test_a_table_out_of_reach_comes_before_the_columns_that_it_may_have(
    tmp_path: Path, kpi: Callable[..., Any], words: list[str]
) -> None:
    (tmp_path / "d.kpi").write_text(
        'source goods\n  table: "goods.csv"\n  time: day\n  column day: date\n\nn = count(goods)\n'
    )
    place = ("--definitions", str(tmp_path / "d.kpi"), "--data", str(tmp_path))
    done = kpi(*words, *place)
    assert done.code == 4 and "error[E601]" in done.err and "colour" not in done.err
    (tmp_path / "goods.csv").write_bytes(b"")
    assert kpi(*words, *place).code == 4
    (tmp_path / "goods.csv").write_text("day,colour\n2026-01-01,red\n")
    assert kpi(*words, *place).code == 0


def test_a_column_with_its_source_is_no_dimension_of_its_name(tmp_path: Path) -> None:
    text = "source places\n  key: id\n\nsource few\n  column id -> places\n\ndimension town = places.town\n"
    project = Project.from_text(text)
    project.bind("places", pa.table({"id": [1], "town": ["X"]}))
    project.bind("few", pa.table({"id": [1, 1, 1], "town": ["b", "a", "b"]}))
    assert project.values("few.town").table.to_pylist() == [{"town": "b", "few": 2}, {"town": "a", "few": 1}]
    assert project.values("town").table.to_pylist() == [{"town": "X", "places": 1}]


def test_values_that_became_null_are_named_by_column_and_file(tmp_path: Path, kpi: Callable[..., Any]) -> None:
    text = 'source o\n  table: "o.csv"\n  time: day\n  on_error: null\n'
    text += "  column day: date\n  column v: integer\n\ns = sum(o.v)\n"
    (tmp_path / "d.kpi").write_text(text)
    (tmp_path / "o.csv").write_text("day,v\n2026-01-01,x\n2026-01-02,3\n0202-01-05,5\n")
    done = kpi("eval", "s", "--definitions", str(tmp_path / "d.kpi"), "--data", str(tmp_path))
    assert done.out.splitlines() == ["s", "3"]
    assert "1 value of o made null: not of the column's type (`v` in o.csv)" in done.err
    assert "1 row of o left out: before 1900" in done.err
