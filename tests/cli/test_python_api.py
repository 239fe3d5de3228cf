"""The Python API: results as other libraries see them, arguments of wrong types, times, what is bound."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow as pa
import pytest

import kpi_engine
from kpi_engine import KpiError, Project

DEFINITIONS = """\
source payments
  time: day
  column amount: currency(EUR)

paid = sum(payments.amount)
  description: "<b>money</b>"

share = paid / total(paid)
  unit: percent

dimension method = payments.method
"""

TABLE = pa.table(
    {
        "day": [dt.date(2026, 1, 5), dt.date(2026, 1, 9), dt.date(2026, 2, 2)],
        "method": ["<script>alert(1)</script>", "card & cash", "card & cash"],
        "amount": pa.array([Decimal("10.00"), Decimal("30.00"), Decimal("5.50")], pa.decimal128(10, 2)),
    }
)


@pytest.fixture
def project() -> Project:
    """Payments of two months."""
    made = Project.from_text(DEFINITIONS)
    made.bind("payments", TABLE)
    return made


@pytest.mark.parametrize(
    "bound",
    [
        lambda: TABLE,
        lambda: TABLE.to_batches()[0],
        lambda: TABLE.to_reader(),
        lambda: polars.from_arrow(TABLE),
        lambda: pandas.DataFrame({name: TABLE[name].to_pylist() for name in TABLE.column_names}),
        lambda: duckdb.sql("select * from TABLE_OF_PAYMENTS"),
    ],
    ids=["table", "batch", "reader", "polars", "pandas", "duckdb"],
)
def test_everything_that_speaks_arrow_can_be_bound(bound: Callable[[], Any]) -> None:
    duckdb.register("TABLE_OF_PAYMENTS", TABLE)
    made = Project.from_text(DEFINITIONS)
    made.bind("payments", bound())
    assert made.eval("paid", grain="month").table["paid"].to_pylist() == [Decimal("40.00"), Decimal("5.50")]


def test_every_library_reads_a_result(project: Project) -> None:
    result = project.eval(["paid", "share"], by="method")
    expected = [("<script>alert(1)</script>", 10.0), ("card & cash", 35.5)]
    assert pa.table(result).equals(result.table)
    assert pa.RecordBatchReader.from_stream(result).read_all().equals(result.table)
    rows = duckdb.sql("select method, paid::double from result order by 2").fetchall()
    assert rows == expected
    frame = result.to_pandas()
    assert list(frame.columns) == ["method", "paid", "share"] and float(frame["paid"].sum()) == 45.5
    assert sorted(result.to_polars()["paid"].cast(polars.Float64).to_list()) == [10.0, 35.5]
    assert result.table.schema.field("paid").metadata == {b"unit": b"currency(EUR)"}


def test_a_result_shows_itself(project: Project) -> None:
    result = project.eval("paid", grain="month")
    assert repr(result) == "<Result of 2 rows: period, paid>"
    assert repr(result.head(1)) == "<Result of 1 row: period, paid>" and len(result.head(1)) == 1
    lines = str(result).splitlines()
    assert lines[0].split() == ["month", "paid"] and lines[3].split() == ["2026-01", "€40.00"]
    assert "as of 2026-02-03" in lines
    assert result.report()["as_of"] == result.stats.as_of


def test_a_notebook_shows_units_and_notes_and_runs_nothing(project: Project) -> None:
    page = project.eval(["paid", "share"], by="method", where='method != "</small><i>"')._repr_html_()
    assert "paid (EUR)" in page and "€10.00" in page and "22.0%" in page
    assert "<script" not in page and "<i>" not in page and "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "card &amp; cash" in page
    assert "as of 2026-02-03" in page


def test_times_may_be_those_of_python(project: Project) -> None:
    texts = project.eval("paid", grain="day", start="2026-01-09", end="2026-02-02", as_of="2026-02-02T12:00")
    times = project.eval(
        "paid",
        grain="day",
        start=dt.date(2026, 1, 9),
        end=dt.date(2026, 2, 2),
        as_of=dt.datetime(2026, 2, 2, 12),
    )
    assert times.table.equals(texts.table) and times.stats.as_of == texts.stats.as_of
    assert len(texts) == 25


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda p: p.eval(5), "`metrics` takes a name, or a list of names"),
        (lambda p: p.eval(["paid", 5]), "`metrics` takes a name"),
        (lambda p: p.eval("paid", by=7), '`by` takes a name, or a list of names: "channel"'),
        (lambda p: p.eval("paid", by={"method": 1}), "this is a dict"),
        (lambda p: p.eval("paid", grain=1), "`grain` takes"),
        (lambda p: p.eval("paid", where=True), "`where` takes a text; this is a bool"),
        (lambda p: p.eval("paid", start=2026), '`start` takes a text such as "2026-03", a date or a datetime'),
        (lambda p: p.eval("paid", limit="3"), "`limit` takes a whole number; this is a str"),
        (lambda p: p.eval("paid", limit=True), "`limit` takes a whole number"),
        (lambda p: p.eval("paid", skip_empty="no"), "`skip_empty` takes True or False"),
        (lambda p: p.eval("paid", detail=1), "this is an int"),
        (lambda p: p.explain(None, by=3), "`by` takes"),
        (lambda p: p.values(3), "`dimensions` takes"),
        (lambda p: p.values("method", source=3), "`source` takes a text"),
        (lambda p: p.bind(3, TABLE), "`source` takes a text"),
        (lambda p: p.test(named=3), "`named` takes a text"),
        (lambda p: kpi_engine.open(3), "`path` takes a path; this is an int"),
        (lambda p: kpi_engine.open(definitions=[3]), "`definitions` takes a path, or a list of paths"),
    ],
)
def test_arguments_of_the_wrong_type_are_errors_of_ours(
    project: Project, ask: Callable[[Project], Any], said: str
) -> None:
    with pytest.raises(KpiError) as caught:
        ask(project)
    (found,) = caught.value.diagnostics
    assert found.code == "E734" and said in found.message and caught.value.exit_code == 2


def test_lists_tuples_and_sets_of_names(project: Project) -> None:
    one = project.eval("paid", by="method").table
    for names in (["method"], ("method",), {"method"}):
        assert project.eval(["paid"], by=names).table.equals(one)


def test_a_table_for_a_source_that_does_not_exist_is_said(project: Project) -> None:
    with pytest.raises(KpiError) as caught:
        project.bind("paymets", TABLE)
    (found,) = caught.value.diagnostics
    assert found.code == "E727" and found.help == "did you mean `payments`?"
    assert len(project.eval("paid")) == 1, "what was refused is not bound"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda project: project.eval(None), "`metrics` takes a text; this is None"),
        (lambda project: project.values(None), "`dimensions` takes a text; this is None"),
        (lambda project: project.explain(None), "`metric` takes a text; this is None"),
        (lambda project: project.explain("paid", at="zzz"), "`at` takes 'tree', 'catalog', 'plan' or 'optimized'"),
        (lambda project: project.bind(None, TABLE), "`source` takes a text; this is None"),
        (lambda _: Project.from_text(5), "`text` takes a text; this is an int"),
        (lambda _: Project.from_text(None), "`text` takes a text; this is None"),
    ],
)
def test_what_is_missing_or_of_another_kind_is_said_at_once(
    project: Project, ask: Callable[[Project], object], said: str
) -> None:
    with pytest.raises(KpiError) as caught:
        ask(project)
    (found,) = caught.value.diagnostics
    assert found.code == "E734" and said in found.message


def test_an_answer_holds_across_formats_with_detail(project: Project, tmp_path: Path) -> None:
    result = project.eval("share", by="method", detail=True)
    for row in result.table.to_pylist():
        assert row["share"] == float(row["share.numerator"] / row["share.denominator"])
    assert "share.numerator (EUR)" in result._repr_html_()
