"""Each rule of the optimiser: where it fires, where it must not, and that no rule changes an answer."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pyarrow as pa
import pytest

import kpi_engine
from kpi_engine import pipeline
from kpi_engine.ir.plan import Plan
from kpi_engine.ir.question import Question
from kpi_engine.optimize import RULES, optimize

DEFINITIONS = """
source orders
  time: ordered
  column ordered: date
  column delivered: date
  column channel: text
  column status: text
  column total: integer
  column buyer: text -> buyer

n = count(orders)
revenue = sum(orders.total)
paid = sum(orders.total where status = "paid")
paid_orders = count(orders where status = "paid")
arrived = count(orders dated by delivered)
share = revenue / total(revenue, channel)
so_far = cumulative(revenue)
last_month = previous(revenue)

entity buyer

bought = count(orders where status = "paid")
buyers = count(distinct orders.buyer where status = "paid")
callers = count(distinct orders.buyer)
repeaters = count(buyer having bought > 1)
stayed = count(buyer having previous(bought) > 0 and bought > 0) / previous(buyers)
by_day = rolling(buyers, 3 days)
repeat_rate = 100 * count(buyer having bought > 1) / callers
twice = count(buyer having bought >= 2)
often = count(buyer having max(count(orders where status = "paid") per day) > 1) / repeaters
often_so_far = cumulative(count(buyer having max(count(orders where status = "paid") per day) > 1))
"""


ALL = (
    *("n", "revenue", "paid", "paid_orders", "arrived", "share", "so_far", "last_month"),
    *("repeaters", "stayed", "buyers", "callers"),
)


def day(month: int, number: int) -> datetime.date:
    return datetime.date(2026, month, number)


@pytest.fixture(scope="module")
def project() -> kpi_engine.Project:
    made = kpi_engine.Project.from_text(DEFINITIONS)
    rows = [
        (day(1, 5), day(1, 7), "web", "paid", 10, "ann"),
        (day(1, 9), day(2, 1), "web", "open", 20, "bob"),
        (day(1, 9), day(2, 1), "web", "paid", 1, "ann"),
        (day(2, 3), None, None, "paid", 40, "ann"),
        (day(2, 4), None, "web", "paid", 2, None),
        (day(3, 3), day(3, 3), "app", None, 80, "bob"),
        (None, day(3, 9), "app", "paid", 160, "ann"),
    ]
    names = ["ordered", "delivered", "channel", "status", "total", "buyer"]
    made.bind("orders", pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))))
    return made


def plans(project: kpi_engine.Project, metrics: str, **flags: object) -> tuple[Plan, Plan, tuple[str, ...]]:
    question = Question(tuple(metrics.split()), as_of="2026-04-01", **flags)
    prepared = pipeline.prepare(project._opened.whole(), question, "data")
    return prepared.plan, prepared.optimized, prepared.fired


def fired(project: kpi_engine.Project, metrics: str, **flags: object) -> tuple[str, ...]:
    return plans(project, metrics, **flags)[2]


def test_measures_of_equal_keys_share_one_query(project: kpi_engine.Project) -> None:
    plan, optimized, names = plans(project, "n revenue last_month", grain="month")
    assert "merge_queries_of_equal_keys" in names
    assert (len(plan.queries), len(optimized.queries)) == (3, 1)
    assert len(optimized.queries[0].states) == 2, "revenue and previous revenue read one state"


def test_equal_aggregates_over_keys_are_one(project: kpi_engine.Project) -> None:
    plan, _, _ = plans(project, "repeaters repeat_rate twice", grain="month")
    assert sorted(each.text for each in plan.nested) == [
        "count(buyer having bought > 1)",
        "count(buyer having bought >= 2)",
    ]
    plan, _, _ = plans(project, "often often_so_far repeaters", grain="month")
    assert len(plan.nested) == 3, "other windows are another aggregate, and the inner ones are inside"
    plan, _, _ = plans(project, "often repeaters", grain="month")
    assert len(plan.nested) == 2


def test_a_total_keeps_its_own_query(project: kpi_engine.Project) -> None:
    _, optimized, _ = plans(project, "share", by=("channel",), grain="month")
    assert sorted(len(query.keys) for query in optimized.queries) == [0, 1]


def test_another_time_column_keeps_its_own_query(project: kpi_engine.Project) -> None:
    _, optimized, names = plans(project, "n arrived", grain="month")
    assert {query.time for query in optimized.queries} == {"ordered", "delivered"}
    assert len(optimized.scans) == 1, "but one pass over the source serves both"
    assert "scan_each_source_once" in names
    assert "skip_rows_outside_windows" not in names, "a row outside by one column may lie inside by the other"


def test_a_shared_condition_filters_the_query(project: kpi_engine.Project) -> None:
    _, optimized, names = plans(project, "paid paid_orders", grain="month")
    assert "hoist_shared_filter" in names
    assert optimized.queries[0].filter is not None
    assert all(state.filter is None for state in optimized.queries[0].states)
    assert "offer_filters_to_fragments" in names


def test_a_condition_of_one_measure_is_not_hoisted(project: kpi_engine.Project) -> None:
    _, optimized, names = plans(project, "paid n", grain="month")
    assert "hoist_shared_filter" not in names
    assert optimized.queries[0].filter is None
    assert optimized.scans[0].predicates == ()


def test_a_set_of_keys_is_read_off_their_states(project: kpi_engine.Project) -> None:
    plan, optimized, names = plans(project, "repeaters buyers stayed", by=("channel",), grain="month")
    assert "read_sets_off_keyed_states" in names
    assert any(state.is_set for query in plan.queries for state in query.states)
    (query,) = optimized.queries
    assert [key.name for key in query.keys] == ["channel", *(key.name for key in query.keys if key.name != "channel")]
    assert [state.kind for state in query.states] == ["count"]


@pytest.mark.parametrize(
    ("metrics", "flags"),
    [
        ("repeaters callers", {}),  # of other rows
        ("repeaters by_day", {}),  # by the day, where the states are kept by the month
        ("buyers", {}),
    ],
    ids=["rows", "edges", "alone"],
)
def test_other_sets_are_kept(project: kpi_engine.Project, metrics: str, flags: dict[str, object]) -> None:
    _, optimized, names = plans(project, metrics, grain="month", **flags)
    assert "read_sets_off_keyed_states" not in names
    assert any(state.is_set for query in optimized.queries for state in query.states)


def test_windows_bound_the_scan(project: kpi_engine.Project) -> None:
    _, optimized, _ = plans(project, "revenue", grain="month", start="2026-02", end="2026-02")
    start, end = optimized.scans[0].start, optimized.scans[0].end
    assert start is not None and end is not None
    assert (start[0], end[1].day - start[1].day) == ("ordered", 28)


def test_all_of_history_starts_where_periods_do(project: kpi_engine.Project) -> None:
    _, optimized, _ = plans(project, "so_far", grain="month", start="2026-02", end="2026-02")
    start = optimized.scans[0].start
    assert start is not None
    assert start[1].day == (datetime.date(1900, 1, 1) - datetime.date(1970, 1, 1)).days
    assert optimized.scans[0].end is not None


def test_nothing_fires_where_nothing_helps(project: kpi_engine.Project) -> None:
    assert fired(project, "so_far") == ("skip_rows_outside_windows",)


def subsets() -> Iterator[tuple[str, ...]]:
    names = [name for name, _ in RULES]
    yield ()
    for name in names:
        yield (name,)
        yield tuple(other for other in names if other != name)


@pytest.mark.parametrize("kept", list(subsets()), ids=" ".join)
def test_no_rule_changes_an_answer(project: kpi_engine.Project, kept: tuple[str, ...]) -> None:
    question = Question(
        ALL,
        by=("channel",),
        grain="month",
        as_of="2026-03-20",
    )
    prepared = pipeline.prepare(project._opened.whole(), question, "data")
    expected = pipeline.run(prepared)
    plan = prepared.plan
    for name, rule in RULES:
        if name in kept:
            plan = rule(plan)
    prepared = pipeline.prepare(project._opened.whole(), question, "data")
    prepared.optimized = plan
    assert pipeline.run(prepared).equals(expected)


def test_rules_are_idempotent(project: kpi_engine.Project) -> None:
    _, optimized, _ = plans(project, "n revenue paid arrived", grain="month")
    assert optimize(optimized) == (optimized, ())
