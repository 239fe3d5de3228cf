"""`snapshot_by` against plain Python: each warehouse's own snapshots, found before filters, in windows of all kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi_engine
from kpi_engine import pipeline
from kpi_engine.ir.question import Question

FIRST, LAST = date(2026, 1, 1), date(2026, 2, 28)
AS_OF = "2026-03-01"
DEFINITIONS = """
source stock
  snapshot: day
  snapshot_by: [warehouse{more}]
  time: day

closing = sum(stock.on_hand at end)
opening = sum(stock.on_hand at start)
rows = count(stock at end)
products = count(distinct stock.product at end)
middle = median(stock.on_hand at end)
least = min(stock.on_hand at end)
positive = sum(stock.on_hand at end where on_hand > 0)
north = sum(stock.on_hand at start where warehouse = "north")
week = rolling(closing, 7 days)
"""


@dataclass(frozen=True)
class Row:
    """A counted product."""

    day: date
    warehouse: str | None
    product: str
    on_hand: int

    def value_of(self, columns: Iterable[str]) -> tuple[Any, ...]:
        """The values of some columns."""
        return tuple(getattr(self, column) for column in columns)


ROWS = st.lists(
    st.builds(
        Row,
        st.dates(FIRST, LAST),
        st.sampled_from(["north", "south", "west", None]),
        st.sampled_from(["x", "y", "z"]),
        st.integers(-3, 9),
    ),
    min_size=1,
    max_size=25,
)


def table(rows: list[Row]) -> pa.Table:
    """Rows as Arrow, in the engine's types."""
    return pa.table(
        {
            "day": pa.array([row.day for row in rows], pa.date32()),
            "warehouse": pa.array([row.warehouse for row in rows], pa.string()),
            "product": pa.array([row.product for row in rows], pa.string()),
            "on_hand": pa.array([row.on_hand for row in rows], pa.int64()),
        }
    )


def ask(rows: list[Row], metrics: tuple[str, ...], *, more: str = "", **question: Any) -> list[dict[str, Any]]:
    """The engine's answer."""
    project = kpi_engine.Project.from_text(DEFINITIONS.format(more=more))
    project.bind("stock", table(rows))
    found: list[dict[str, Any]] = project.eval(metrics, as_of=AS_OF, **question).table.to_pylist()
    return found


def snapshots(rows: list[Row], start: date, end: date, by: tuple[str, ...], point: Callable[..., date]) -> list[Row]:
    """The rows of the window's snapshots that count: of each value of `by` those of its first or last day."""
    inside = [row for row in rows if start <= row.day < end]
    days = {value: point(row.day for row in inside if row.value_of(by) == value) for value in _values(inside, by)}
    return [row for row in inside if row.day == days[row.value_of(by)]]


def _values(rows: list[Row], by: tuple[str, ...]) -> set[tuple[Any, ...]]:
    return {row.value_of(by) for row in rows}


def summed(rows: list[Row], chosen: list[Row]) -> int | None:
    """A sum over some of the rows that were counted; null where nothing was."""
    return sum(row.on_hand for row in chosen) if rows else None


def months() -> list[tuple[date, date]]:
    """The months of the data."""
    return [(date(2026, 1, 1), date(2026, 2, 1)), (date(2026, 2, 1), date(2026, 3, 1))]


@settings(max_examples=40, deadline=None)
@given(rows=ROWS, by=st.sampled_from([("warehouse",), ("warehouse", "product")]))
def test_each_value_counts_by_its_own_snapshots(rows: list[Row], by: tuple[str, ...]) -> None:
    metrics = ("closing", "opening", "rows", "products", "middle", "least", "positive", "north")
    more = "".join(f", {column}" for column in by[1:])
    found = ask(rows, metrics, more=more, grain="month", start="2026-01", end="2026-02")
    first = min(row.day for row in rows)
    for answer, (start, end) in zip(found, months(), strict=True):
        last = snapshots(rows, start, end, by, max)
        opened = snapshots(rows, start, end, by, min)
        counted = [row for row in opened if row.warehouse == "north"]
        assert answer["closing"] == summed(last, last)
        assert answer["opening"] == summed(opened, opened)
        assert answer["rows"] == (len(last) if last else None)
        assert answer["products"] == (len({row.product for row in last}) if last else None)
        assert answer["middle"] == (median(row.on_hand for row in last) if last else None)
        assert answer["least"] == min((row.on_hand for row in last), default=None)
        assert answer["positive"] == summed(last, [row for row in last if row.on_hand > 0])
        assert answer["north"] == summed(counted, counted)
        assert first < end or answer["rows"] is None


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_groups_and_windows_of_days(rows: list[Row]) -> None:
    found = ask(rows, ("closing", "week"), by=["warehouse"], grain="day", start="2026-02-01", end="2026-02-28")
    answers = {(answer["period"], answer["warehouse"]): answer for answer in found}
    shown = {row.warehouse for row in rows if row.day >= date(2026, 1, 26)}
    assert {warehouse for _, warehouse in answers} == shown
    for (day, warehouse), answer in answers.items():
        own = [row for row in rows if row.warehouse == warehouse]
        end = day + timedelta(days=1)
        today = snapshots(own, day, end, ("warehouse",), max)
        week = snapshots(own, end - timedelta(days=7), end, ("warehouse",), max)
        assert answer["closing"] == summed(today, today)
        assert answer["week"] == summed(week, week)


@settings(max_examples=20, deadline=None)
@given(rows=ROWS)
def test_a_filter_is_its_group(rows: list[Row]) -> None:
    metrics = ("closing", "opening", "products")
    groups = ask(rows, metrics, by=["warehouse"], grain="month", start="2026-01", end="2026-02")
    for warehouse in {row.warehouse for row in rows} - {None}:
        own = [{name: each[name] for name in metrics} for each in groups if each["warehouse"] == warehouse]
        where = f'warehouse = "{warehouse}"'
        alone = ask(rows, metrics, where=where, grain="month", start="2026-01", end="2026-02")
        assert [{name: each[name] for name in metrics} for each in alone] == own


@settings(max_examples=20, deadline=None)
@given(rows=ROWS, parts=st.integers(1, 4))
def test_rules_and_fragments_change_nothing(rows: list[Row], parts: int) -> None:
    text = DEFINITIONS.format(more="") + "usual = avg(closing per day)\nbest = max(positive per day)\n"
    project = kpi_engine.Project.from_text(text)
    size = max(1, len(rows) // parts)
    project.bind("stock", pa.concat_tables([table(rows[i : i + size]) for i in range(0, len(rows), size)]))
    metrics = ("closing", "opening", "products", "middle", "positive", "north", "week", "usual", "best")
    question = Question(metrics, ("product",), "month", as_of=AS_OF)
    prepared = pipeline.prepare(project._opened.whole(), question, "now")
    with_rules = pipeline.run(prepared)
    plain = pipeline.prepare(project._opened.whole(), question, "now")
    plain.optimized = plain.plan
    assert pipeline.run(plain).equals(with_rules)


def test_the_time_of_a_snapshot_after_the_end_of_a_window_does_not_count() -> None:
    rows = pa.table(
        {
            "at": pa.array(["2026-01-04T23:00", "2026-01-05T23:00"]).cast(pa.timestamp("us")),
            "warehouse": ["north", "north"],
            "on_hand": [4, 5],
        }
    )
    for by in ("", "  snapshot_by: [warehouse]\n"):
        definitions = f"source stock\n  snapshot: day\n{by}  time: at\nclosing = sum(stock.on_hand at end)\n"
        project = kpi_engine.Project.from_text(definitions)
        project.bind("stock", rows)
        answer = project.eval(["closing"], start="2026-01-01", end="2026-01-05", as_of="2026-01-05T12:00")
        assert answer.table.to_pylist() == [{"closing": 4}]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("  snapshot_by: [warehouse]\n", "`stock` is no snapshot, so nothing has snapshots of its own"),
        ("  snapshot: day\n  snapshot_by: [day]\n", "`day` is the time of the snapshots, and no two of them have one"),
        ("  snapshot: day\n  snapshot_by: [warehuose]\n", "`stock` has no column `warehuose`"),
    ],
)
def test_columns_that_nothing_can_be_counted_by(lines: str, message: str) -> None:
    project = kpi_engine.Project.from_text(f"source stock\n  time: day\n{lines}")
    project.bind("stock", table([Row(FIRST, "north", "x", 1)]))
    (problem,) = project.check()
    assert problem.message.startswith(message)
    assert problem.help


def test_the_plan_says_whose_snapshots_count() -> None:
    project = kpi_engine.Project.from_text(DEFINITIONS.format(more=", product"))
    project.bind("stock", table([Row(FIRST, "north", "x", 1)]))
    plan = project.explain("closing", by=["product"], grain="month", as_of=AS_OF, at="plan")
    assert "last snapshot of each warehouse, product windows" in plan
