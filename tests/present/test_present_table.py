"""Tables for terminals: golden renderings, and that no width ever costs a digit."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from kpi_engine.extend.formats import Surface
from kpi_engine.ir.result import ResultColumn
from kpi_engine.ir.types import Display
from kpi_engine.present.cells import text_columns
from kpi_engine.present.layouts import wrapped
from kpi_engine.present.table import MOST_ROWS, write_sideways

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("width", [130, 80, 50, 30])
def test_the_table_looks_like_this(scorecard: Any, written: Callable[..., str], width: int) -> None:
    expected = (GOLDEN / f"table_{width}.txt").read_text(encoding="utf-8")
    assert written(scorecard, "table", Surface(width)) == expected


def test_markdown_looks_like_this(scorecard: Any, written: Callable[..., str]) -> None:
    assert written(scorecard, "markdown") == (GOLDEN / "table.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [100, 60])
def test_the_scorecard_on_its_side_looks_like_this(scorecard: Any, width: int) -> None:
    scorecard.table = scorecard.table.drop_columns(["channel"])
    scorecard.columns = [column for column in scorecard.columns if column.name != "channel"]
    sink = io.BytesIO()
    write_sideways(scorecard, sink, Surface(width))
    assert sink.getvalue().decode() == (GOLDEN / f"sideways_{width}.txt").read_text(encoding="utf-8")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    width=st.integers(20, 140),
    amounts=st.lists(st.integers(-(10**14), 10**14), min_size=1, max_size=4),
    metrics=st.integers(1, 6),
    labelled=st.booleans(),
)
def test_every_number_is_there_in_full_at_any_width(
    width: int, amounts: list[int], metrics: int, labelled: bool, make: Any, written: Any
) -> None:
    columns = []
    if labelled:
        names = pa.array([f"channel number {n}" for n in range(len(amounts))])
        columns.append((ResultColumn("channel", "dimension"), names))
    for number in range(metrics):
        values = pa.array([Decimal(amount + number).scaleb(-2) for amount in amounts], pa.decimal128(20, 2))
        columns.append((ResultColumn(f"amount_of_money_{number}", "metric", Display("currency", "EUR")), values))
    answer = make(*columns)
    text = written(answer, "table", Surface(width))
    for detail in ("full", "short"):
        cells = [cell for column in text_columns(answer, detail) if column.role == "metric" for cell in column.cells]
        if all(cell in text for cell in cells):
            break
    else:
        raise AssertionError(f"a number is cut at width {width}:\n{text}")
    widest = max(cell_len(cell) for cell in cells)
    assert max(cell_len(line) for line in text.split("\n")) <= max(width, widest + 2 + 12)


def test_fewer_decimals_are_announced(make: Callable[..., Any], written: Callable[..., str]) -> None:
    columns = [
        (
            ResultColumn(f"m{n}", "metric", Display("currency", "EUR")),
            pa.array([Decimal("1234567.89")], pa.decimal128(20, 2)),
        )
        for n in range(3)
    ]
    text = written(make(*columns), "table", Surface(34))
    assert "€1\u202f234\u202f568" in text
    assert "decimals are left out" in text


def test_rows_that_are_not_shown_are_counted(make: Callable[..., Any], written: Callable[..., str]) -> None:
    many = make((ResultColumn("n", "metric", Display("count")), pa.array(range(MOST_ROWS + 5))))
    text = written(many, "table")
    assert f"5 of {MOST_ROWS + 5} rows are not shown" in text
    assert "1\u202f000\n" not in text


def test_an_empty_answer_says_so(make: Callable[..., Any], written: Callable[..., str]) -> None:
    empty = make((ResultColumn("revenue", "metric"), pa.array([], pa.float64())))
    assert re.search(r"revenue\n─+\n.*no rows", written(empty, "table"), re.S)


def test_nulls_are_dim_where_colours_are_welcome(make: Callable[..., Any], written: Callable[..., str]) -> None:
    answer = make((ResultColumn("n", "metric"), pa.array([None, 1])))
    assert re.search("\x1b\\[2m *\N{EN DASH}", written(answer, "table", Surface(80, colour=True)))
    assert "\x1b" not in written(answer, "table", Surface(80))


def test_markup_in_names_is_text(make: Callable[..., Any], written: Callable[..., str]) -> None:
    answer = make((ResultColumn("channel", "dimension"), pa.array(["[red]x[/red] :smile: {a}"])))
    assert "[red]x[/red] :smile: {a}" in written(answer, "table")


def test_columns_of_wide_characters_stay_aligned(make: Callable[..., Any], written: Callable[..., str]) -> None:
    answer = make(
        (ResultColumn("渠道", "dimension"), pa.array(["搜索引擎", "app"])),
        (ResultColumn("订单数", "metric", Display("count")), pa.array([1, 22])),
    )
    lines = written(answer, "table").splitlines()
    assert {cell_len(line) for line in (lines[0], lines[2], lines[3])} == {
        cell_len("搜索引擎") + 2 + cell_len("订单数")
    }


@given(st.text("ab_ 渠", max_size=20), st.integers(1, 12))
def test_wrapping_a_heading_loses_no_letter(name: str, width: int) -> None:
    lines = wrapped(name, width)
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")


def test_a_partial_period_is_marked(make: Callable[..., Any], written: Callable[..., str]) -> None:
    day = datetime.date(2027, 6, 1)
    answer = make((ResultColumn("period", "period", grain="month"), pa.array([day], pa.date32())))
    answer.stats.partial_periods = (day,)
    assert "2027-06*" in written(answer, "table")
