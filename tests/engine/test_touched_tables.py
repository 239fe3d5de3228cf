"""Questions that look at no other tables than those that they can touch are planned, answered and refused as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

import kpi_engine
from kpi_engine import pipeline
from kpi_engine.builtin.connectors.files import FilesConnector
from kpi_engine.extend.rows import TableRequest
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.question import Question

TABLES = {
    "customers": "customer_id,country,registered\n1,DE,2026-01-01\n2,FR,2026-01-02\n",
    "orders": "day,customer_id,total,channel\n2026-01-01,1,5,web\n2026-01-02,2,7,shop\n2026-01-02,2,1,web\n",
    "visits": "day,visitor_id,channel\n2026-01-01,a,web\n2026-01-01,b,shop\n2026-01-02,a,web\n",
    "tickets": "day,customer_id,topic\n2026-01-01,1,parcel\n",
    "weeks": "starts\n2025-12-29\n2026-01-05\n2026-01-12\n",
}

DEFINITIONS = """
entity visitor
  plural: people

grain shop_week
  table: "weeks.csv"
  time: starts

source customers
  singular: buyer
  key: customer_id
  time: registered
  column registered: date

source orders
  time: day
  column day: date
  column total: integer
  column customer_id -> customers

source visits
  time: day
  column day: date
  column visitor_id -> visitor

source tickets
  time: day
  column day: date
  column customer_id -> buyer

dimension channel = orders.channel, visits.channel

dimension land = customers.country

revenue = sum(orders.total)

visit_count = count(visits)

visitors = count(people having visit_count > 0)

conversion = count(orders) / visit_count

buyers = count(customers having revenue > 5)

weekly = rolling(revenue, 2 shop_weeks)

german_tickets = count(tickets where customers.country = "DE")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in TABLES.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "shop.kpi").write_text(DEFINITIONS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tables whose schemas were asked for."""
    found: list[str] = []
    schema = FilesConnector.schema

    def noted(self: FilesConnector, table: TableRequest) -> TableSchema:
        found.append(table.source)
        return schema(self, table)

    monkeypatch.setattr(FilesConnector, "schema", noted)
    return found


def opened(folder: Path) -> kpi_engine.Project:
    return kpi_engine.open(definitions=folder / "shop.kpi", data=folder)


ASKED = [
    ("revenue", (), None, {"orders", "customers"}),
    ("visit_count", (), None, {"visits"}),
    ("visitors", (), None, {"visits"}),
    ("conversion", (), None, {"orders", "customers", "visits"}),
    ("buyers", (), None, {"orders", "customers"}),
    ("weekly", (), None, {"orders", "customers", "weeks"}),
    ("german_tickets", (), None, {"tickets", "customers"}),
    ("visit_count", ("channel",), None, {"orders", "customers", "visits"}),
    ("revenue", ("land",), None, {"orders", "customers"}),
    ("revenue", (), 'customers.country = "DE"', {"orders", "customers"}),
]


@pytest.mark.parametrize(("metric", "by", "where", "tables"), ASKED)
def test_only_tables_that_a_question_touches_are_looked_at(
    folder: Path, looked_at: list[str], metric: str, by: tuple[str, ...], where: str | None, tables: set[str]
) -> None:
    project = opened(folder)
    answer = project.eval(metric, by=by, where=where, as_of="2026-01-10").table
    assert {name.replace("shop_week", "weeks") for name in looked_at} == tables
    assert not project.check()  # looks at all
    assert project.eval(metric, by=by, where=where, as_of="2026-01-10").table == answer


def test_a_grain_that_is_asked_is_looked_at(folder: Path, looked_at: list[str]) -> None:
    answer = opened(folder).eval("visit_count", grain="shop_week", as_of="2026-01-10").table
    assert answer["visit_count"].to_pylist() == [3, 0]
    assert set(looked_at) == {"visits", "shop_week"}


def test_the_next_question_looks_at_what_it_needs_besides(folder: Path, looked_at: list[str]) -> None:
    project = opened(folder)
    assert project.eval("visit_count", as_of="2026-01-10").table["visit_count"].to_pylist() == [3]
    assert project.eval("conversion", as_of="2026-01-10").table["conversion"].to_pylist() == [1.0]
    before = len(looked_at)
    assert project.eval("revenue", as_of="2026-01-10").table["revenue"].to_pylist() == [13]
    assert "visits" not in looked_at[before:]


def test_where_the_data_ends_is_asked_of_all(folder: Path, looked_at: list[str]) -> None:
    opened(folder).eval("visit_count", as_of="data")
    assert {"orders", "customers", "visits", "tickets"} <= set(looked_at)


def test_a_column_that_is_wrong_elsewhere_is_told_by_check_alone(folder: Path) -> None:
    text = DEFINITIONS + '\nby_topic = count(tickets where topic_name = "parcel")\n'
    (folder / "shop.kpi").write_text(text, encoding="utf-8")
    assert opened(folder).eval("revenue", as_of="2026-01-10").table["revenue"].to_pylist() == [13]
    assert [each.code for each in opened(folder).check()] == ["E203"]
    for metric in ("by_topic", "german_tickets"):
        with pytest.raises(KpiError) as failure:
            opened(folder).eval(metric, as_of="2026-01-10")
        assert [each.code for each in failure.value.diagnostics] == ["E203"]


@pytest.mark.parametrize("broken", ["\nlost = sum(nothing.total)\n", "\nlost = revenue +\n", "\nlost = sum(revenue)\n"])
def test_what_is_wrong_without_looking_at_a_table_stops_every_question(folder: Path, broken: str) -> None:
    (folder / "shop.kpi").write_text(DEFINITIONS + broken, encoding="utf-8")
    with pytest.raises(KpiError) as failure:
        opened(folder).eval("revenue", as_of="2026-01-10")
    known = opened(folder)
    assert [str(each) for each in failure.value.diagnostics] == [str(each) for each in known.check()]


@pytest.mark.parametrize(
    "question",
    [
        {"metrics": "revenu"},
        {"metrics": "revenue", "by": "topic"},
        {"metrics": "revenue", "by": "chanel"},
        {"metrics": "revenue", "where": 'topic = "parcel"'},
        {"metrics": "revenue", "where": "total >"},
        {"metrics": "revenue", "grain": "shop_weak"},
        {"metrics": "revenue", "order_by": "visitors"},
    ],
)
def test_refusals_are_those_of_a_project_that_knows_all_tables(folder: Path, question: dict[str, str]) -> None:
    known = opened(folder)
    known.check()
    with pytest.raises(KpiError) as expected:
        known.eval(**question, as_of="2026-01-10")
    with pytest.raises(KpiError) as found:
        opened(folder).eval(**question, as_of="2026-01-10")
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("metric", ["revenue", "visitors", "conversion", "buyers", "weekly", "german_tickets"])
def test_plans_are_the_same(folder: Path, metric: str) -> None:
    known, partly = opened(folder), opened(folder)
    known.check()
    for by in known.splits(metric):
        question = Question((metric,), (by,), "month", None, None, None, "2026-01-10")
        assert partly._prepare(question, False).optimized == known._prepare(question, False).optimized


def test_a_plan_that_reads_an_unseen_table_is_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "tables_touched", lambda *_: frozenset({"visits"}))
    answer = opened(folder).eval("conversion", by="channel", as_of="2026-01-10").table
    assert answer.to_pylist() == [{"channel": "shop", "conversion": 1.0}, {"channel": "web", "conversion": 1.0}]
