"""Measure queries answered by a connector: equal to what the engine makes of the rows."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from kpi_engine import pipeline
from kpi_engine.extend.contained import ContainedConnector
from kpi_engine.extend.rows import ConnectionSettings
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.question import Question
from kpi_engine.ir.result import RunStats
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import parse_file

from .counting import CountingConnector, RowsConnector

DEFINITIONS = """\
calendar
  timezone: "Europe/Berlin"

source orders
  key: id
  time: at
  column id
  column at: timestamp
  column day: date
  column total: decimal
  column weight
  column pieces: integer
  column channel
  column customer -> customers.customer
  column net = total - 1
  where: pieces >= 0

source customers
  key: customer
  column customer
  column country
  column vip: boolean
  column label = coalesce(country, "none")

source payments
  time: paid
  column paid: date
  column amount: decimal

dimension country = customers.country

revenue = sum(orders.total)
many = count(orders)
mean = avg(orders.weight)
spread = stddev(orders.total)
least = min(orders.total)
most = max(orders.at)
buyers = count(distinct orders.customer)
middle = median(orders.total)
app = sum(orders.net where channel = "app")
abroad = count(orders where customer.country != "DE")
known = count(orders where customer.vip)
labelled = count(orders where customer.label = "none")
rolling = rolling(count(distinct orders.customer), 3 days)
share = app / total(revenue)
last_month = previous(revenue)
running = cumulative(revenue)
paid = sum(payments.amount)
heavy = count(distinct orders.customer where pieces in [1, 2]) / many
"""


_MONEY = pa.decimal128(12, 2)


def _at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


def tables() -> dict[str, pa.Table]:
    """Rows around midnights, a change of clocks, nulls in every column, a customer without a row."""
    times = [
        *("2026-02-28T22:59:59", "2026-02-28T23:00:00", "2026-03-01T11:00:00", None, "2026-03-28T22:30:00"),
        *("2026-03-28T23:00:00", "2026-03-29T00:59:59", "2026-03-29T01:00:00", "2026-03-29T21:59:59"),
        *("2026-03-29T22:00:00", "2026-04-30T21:59:59.999999", "2026-05-01T00:00:00", "2030-01-01T00:00:00"),
    ]
    n = len(times)
    orders = pa.table(
        {
            "id": pa.array(range(n)),
            "at": pa.array([None if t is None else _at(t) for t in times], pa.timestamp("us", "UTC")),
            "day": pa.array([datetime.date(2026, 3, 1 + i) for i in range(n)]),
            "total": pa.array([None if i == 2 else Decimal(i * 1001 - 300) / 100 for i in range(n)], _MONEY),
            "weight": pa.array([None if i == 5 else 0.1 * (i - 4) ** 3 for i in range(n)]),
            "pieces": pa.array([None if i == 1 else i % 4 - (i == 6) * 9 for i in range(n)]),
            "channel": pa.array([[None, "app", "web"][i % 3] for i in range(n)]),
            "customer": pa.array([None if i == 7 else f"C{i % 5}" for i in range(n)]),
        }
    )
    customers = pa.table(
        {
            "customer": ["C0", "C1", "C2", "C3"],
            "country": ["DE", None, "FR", "DE"],
            "vip": pa.array([True, None, False, True]),
        }
    )
    payments = pa.table({"paid": pa.array([datetime.date(2026, 3, 29), None]), "amount": [Decimal("1.10"), Decimal(2)]})
    return {"orders": orders, "customers": customers, "payments": payments}


def answer(connector: Any, metrics: Sequence[str], **question: Any) -> tuple[pa.Table, RunStats, pipeline.Run]:
    """The engine's answer over a connector."""
    text = SourceText("m.kpi", DEFINITIONS)
    file, problems = parse_file(text)
    linked, broken = pipeline.linked_files([file], _no_packs)
    loaded = pipeline.load_parsed((text,), linked, [*problems, *broken], {"default": connector}, {})
    assert not loaded.errors, loaded.errors
    asked = Question(tuple(metrics), **{"as_of": "2026-06-01", **question})
    prepared = pipeline.prepare(loaded, asked, "now")
    return pipeline.run(prepared), prepared.stats, prepared


def _no_packs(name: str, place: object) -> Any:
    raise AssertionError(name)


def assert_same(found: pa.Table, expected: pa.Table) -> None:
    """Equal values; those made of float sums, which a plain engine rounds at every bucket, to twelve places."""
    assert expected.num_rows
    assert found.schema.names == expected.schema.names
    for name in expected.schema.names:
        left, right = found.column(name).to_pylist(), expected.column(name).to_pylist()
        if name == "mean":
            left, right = ([value if value is None else round(value, 12) for value in side] for side in (left, right))
        assert left == right, name


ALL = [
    line.partition(" = ")[0]
    for line in DEFINITIONS.splitlines()
    if line and not line.startswith((" ", "dimension")) and " = " in line
]


@pytest.mark.parametrize(
    ("grain", "by"),
    [
        (None, ()),
        ("day", ()),
        ("week", ("country", "channel")),
        ("month", ("channel",)),
        ("hour", ()),
    ],
)
def test_states_made_elsewhere_give_the_answer_of_the_rows(grain: str | None, by: tuple[str, ...]) -> None:
    metrics = [name for name in ALL if name != "paid"] if by else ALL
    metrics = [name for name in metrics if grain is not None or name != "last_month"]
    if grain == "hour":
        metrics = ["many", "revenue", "buyers"]
    question = {"by": by, "grain": grain, "start": "2026-02", "end": "2026-05"}
    rows, counting = RowsConnector(tables()), CountingConnector(tables())
    expected, stats, _ = answer(rows, metrics, **question)
    found, pushed_stats, _ = answer(counting, metrics, **question)
    assert_same(found, expected)
    assert not counting.scanned, "no row of any source is fetched"
    assert rows.scanned
    for source in stats.sources:
        before, after = stats.sources[source], pushed_stats.sources[source]
        assert (before.excluded_rows, before.late_rows) == (after.excluded_rows, after.late_rows), source


def test_the_extent_of_the_data_is_asked_of_the_connector() -> None:
    counting = CountingConnector(tables())
    expected = answer(RowsConnector(tables()), ["revenue"], grain="month", as_of="data")[0]
    assert_same(answer(counting, ["revenue"], grain="month", as_of="data")[0], expected)
    assert not counting.scanned


def test_the_data_ends_with_any_row_of_a_table() -> None:
    """Also with one that the source's own condition leaves out, as when rows are read."""
    found = tables()
    found |= {"orders": found["orders"].take([0, 1, 2, 4, 6]), "payments": found["payments"].slice(0, 0)}
    stats = [answer(made(found), ["revenue"], as_of="data")[1] for made in (RowsConnector, CountingConnector)]
    assert [each.as_of for each in stats] == ["2026-03-30", "2026-03-30"]


def test_what_is_not_supported_is_made_of_rows_and_the_run_says_so() -> None:
    counting = CountingConnector(tables(), refused=["moments"])
    metrics = ["revenue", "spread", "paid"]
    found, stats, prepared = answer(counting, metrics, grain="month")
    assert_same(found, answer(RowsConnector(tables()), metrics, grain="month")[0])
    assert counting.scanned == ["orders"]
    assert "orders: rows, because moments is not on its list" in stats.sources["orders"].pushdown
    assert any(line.startswith("payments: states made by") for line in stats.sources["payments"].pushdown)
    explained = pipeline.explain_plan(prepared, "optimized")
    assert "COUNT payments" in explained
    assert "orders: rows, because moments is not on its list" in explained


@pytest.mark.parametrize(("method", "gives"), [("supports", True), ("partial_states", None), ("supports", None)])
def test_answers_of_other_types_are_refused(method: str, gives: object, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = CountingConnector(tables())
    monkeypatch.setattr(counting, method, lambda request: gives)
    settings = ConnectionSettings("default", "counting")
    walled = ContainedConnector(settings, "kpi-counting 1.0", lambda: lambda settings: counting)
    with pytest.raises(KpiError, match=r"E626: the connector `counting` \(kpi-counting 1.0\) was asked"):
        answer(walled, ["many"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tables: [table.drop_columns(["bucket"]) for table in tables], "there is no column bucket"),
        (lambda tables: [], "0 tables of states, and not 1"),
        (lambda tables: [each.set_column(0, "bucket", pa.array(["x"] * len(each))) for each in tables], "holds string"),
    ],
)
def test_wrong_states_are_refused(change: Any, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    counting = CountingConnector(tables())
    honest = counting.partial_states

    def lying(request: Any) -> Any:
        states = honest(request)
        return dataclasses.replace(states, tables=change(states.tables))

    monkeypatch.setattr(counting, "partial_states", lying)
    with pytest.raises(KpiError, match=f"E626.*{message}"):
        answer(counting, ["many"], grain="month", start="2026-03", end="2026-03")
