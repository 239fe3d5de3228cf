"""Grains from tables against plain loops over their periods, and several grains against one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from statistics import mean
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi_engine
from kpi_engine import pipeline
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.question import Question

from .retail import END, GRAINS, SPANS, YEARS, Order, Span, order_table, orders, table

ORDERS = orders()
AS_OF = END.isoformat()
DEFINITIONS = f"""
calendar
  timezone: "America/New_York"

{GRAINS}
entity customer

source orders
  time: placed_at
  column customer -> customer
  column week_of: date = bucket(placed_at, retail_week)

revenue = sum(orders.amount)
order_count = count(orders)
buyers = count(distinct customers)
average = revenue / order_count
middle = median(orders.amount)
last_year = previous(revenue, retail_year)
before_this = previous(revenue)
four_weeks = rolling(revenue, 4 retail_weeks)
buyers_so_far = todate(buyers, retail_year)
weekly = avg(revenue per retail_week)
opening = first(revenue per retail_week)
loyal = count(customers having order_count > 1)
share = revenue / total(revenue)
"""


@pytest.fixture(scope="module")
def project() -> kpi_engine.Project:
    return opened(DEFINITIONS)


def opened(definitions: str, **tables: pa.Table) -> kpi_engine.Project:
    project = kpi_engine.Project.from_text(definitions)
    for name, spans in SPANS.items():
        project.bind(name, tables.pop(name, table(spans)))
    for name, rows in {"orders": order_table(ORDERS), **tables}.items():
        project.bind(name, rows)
    return project


def refusal(ask: Callable[[], object]) -> str:
    with pytest.raises(KpiError) as caught:
        ask()
    (error,) = caught.value.diagnostics
    return f"{error.location} {error.code}: {error.message} | {error.help}"


def inside(span: Span, rows: Iterable[Order] = ORDERS) -> list[Order]:
    return [row for row in rows if span.start <= row.day < span.end]


def total(rows: Iterable[Order]) -> int:
    return sum(row.amount for row in rows)


# ------------------------------------------------------------------------------------------------------------ periods


@pytest.mark.parametrize("grain", list(SPANS))
def test_periods_are_those_of_the_table(project: kpi_engine.Project, grain: str) -> None:
    metrics = ["revenue", "order_count", "buyers", "middle"]
    found = project.eval(metrics, grain=grain, as_of=AS_OF).table
    connection = duckdb.connect()
    connection.execute("set timezone = 'America/New_York'")
    connection.register("periods", table(SPANS[grain]))
    connection.register("rows", order_table(ORDERS))
    expected = connection.execute(
        """
        with spans as (
            select starts_on as period, lead(starts_on) over (order by starts_on) as after from periods
        )
        select period, coalesce(sum(amount), 0)::bigint, count(amount), count(distinct customer), median(amount)
        from spans left join rows on placed_at::date >= period and placed_at::date < after
        where after is not null group by period order by period
        """
    ).fetchall()
    assert [tuple(row.values()) for row in found.to_pylist()] == expected
    assert len(expected) == len(SPANS[grain])


def test_labels_are_shown_and_dates_are_answered(project: kpi_engine.Project) -> None:
    result = project.eval("revenue", grain="retail_month", start="2024-01-01", end="2024-02-15", as_of=AS_OF)
    (period, _) = result.columns
    assert result.table.column("period").to_pylist() == [date(2023, 12, 31), date(2024, 2, 4)]
    assert list(period.labels["retail_month"].values()) == ["2023-P12", "2024-P01"]
    assert "2023-P12*" in result._repr_html_()


def test_spans_take_the_names_of_periods(project: kpi_engine.Project) -> None:
    def asked(start: str, end: str) -> object:
        return project.eval("revenue", grain="retail_month", start=start, end=end, as_of=AS_OF).table

    assert asked("2023-P12", "2024-P01") == asked("2023-12-31", "2024-03-02")
    assert "E522: `2024-P13` is not a period" in refusal(lambda: asked("2024-P01", "2024-P13"))
    assert "E508" in refusal(lambda: project.eval("revenue", grain="month", start="2024-P01", as_of=AS_OF))
    assert "E523" in refusal(lambda: asked("2024-P02", "2024-P01"))
    both = project.eval("revenue", grain="month,retail_month", start="2023-P12", end="2024-P01", as_of=AS_OF).table
    assert both.to_pylist()[-1]["period"] == date(2024, 2, 4)
    repeated = table([Span(span.start, span.end, span.label[-2:]) for span in SPANS["retail_month"]])
    project = opened(DEFINITIONS, retail_month=repeated)
    assert "E522: 3 periods of `retail_month` are named `01`" in refusal(lambda: asked("01", "2024-03-02"))


def test_the_first_day_names_periods_without_a_label() -> None:
    project = opened(DEFINITIONS.replace("  label: name\n", ""))
    (period, _) = project.eval("revenue", grain="retail_year", as_of=AS_OF).columns
    assert list(period.labels["retail_year"].values()) == ["2022-01-30", "2023-01-29", "2024-02-04"]


def test_rows_find_the_day_on_which_their_period_begins(project: kpi_engine.Project) -> None:
    found = project.eval("order_count", by="week_of", as_of=AS_OF).table.to_pylist()
    assert {row["week_of"]: row["order_count"] for row in found} == {
        span.start: len(inside(span)) for span in SPANS["retail_week"] if inside(span)
    }


def test_rows_beyond_a_table_have_no_period() -> None:
    short = table(SPANS["retail_week"][:60])
    found = opened(DEFINITIONS, retail_week=short).eval("order_count", by="week_of", as_of=AS_OF).table.to_pylist()
    assert found[-1] == {
        "week_of": None,
        "order_count": sum(row.day >= SPANS["retail_week"][60].start for row in ORDERS),
    }


# ------------------------------------------------------------------------------------------------------------ windows


def year_of(span: Span) -> int:
    return next(year for year, (start, weeks) in YEARS.items() if start <= span.start < start + timedelta(weeks=weeks))


@pytest.mark.parametrize("grain", ["retail_week", "retail_month"])
def test_last_year_is_the_same_place_in_the_year_before(project: kpi_engine.Project, grain: str) -> None:
    """The 53rd week of 2023 is compared with the last one of 2022, the 52nd."""
    found = project.eval(["revenue", "last_year"], grain=grain, as_of=AS_OF).table.to_pylist()
    by_year: dict[int, list[Span]] = {}
    for span in SPANS[grain]:
        by_year.setdefault(year_of(span), []).append(span)
    expected = []
    for span in SPANS[grain]:
        year = year_of(span)
        place = by_year[year].index(span)
        before = by_year.get(year - 1)
        expected.append(None if before is None else total(inside(before[min(place, len(before) - 1)])))
    assert [row["last_year"] for row in found] == expected
    assert [row["revenue"] for row in found] == [total(inside(span)) for span in SPANS[grain]]


def test_what_is_compared_is_said(project: kpi_engine.Project) -> None:
    asked = {"start": "2023-01-29", "end": "2024-02-03", "as_of": AS_OF}
    assert (
        "last_year: 2023-W53 is compared with 2022-W52"
        in project.eval("last_year", grain="retail_week", **asked).stats.notes
    )


def test_days_of_last_year_keep_their_place(project: kpi_engine.Project) -> None:
    """A day has the same weekday a retail year earlier; beyond the end of a shorter year it is its last day."""
    found = project.eval("last_year", grain="day", start="2024-01-20", end="2024-02-10", as_of=AS_OF).table.to_pylist()
    for row in found:
        start = YEARS[2023][0] if row["period"] < YEARS[2024][0] else YEARS[2024][0]
        before = YEARS[2022][0] if start == YEARS[2023][0] else YEARS[2023][0]
        day = min(before + (row["period"] - start), start - timedelta(days=1))
        assert row["last_year"] == total(inside(Span(day, day + timedelta(days=1), "")))


def test_a_running_week_is_compared_with_the_equal_part(project: kpi_engine.Project) -> None:
    found = project.eval(["revenue", "before_this"], grain="retail_week", start="2024-03-10", as_of="2024-03-14").table
    (row,) = found.to_pylist()
    assert row["revenue"] == total(inside(Span(date(2024, 3, 10), date(2024, 3, 14), "")))
    assert row["before_this"] == total(inside(Span(date(2024, 3, 3), date(2024, 3, 7), "")))


def test_rolling_and_todate_count_in_periods(project: kpi_engine.Project) -> None:
    found = project.eval(["four_weeks", "buyers_so_far"], grain="retail_week", as_of=AS_OF).table.to_pylist()
    for number, (row, span) in enumerate(zip(found, SPANS["retail_week"], strict=True)):
        first = number - 3
        start = SPANS["retail_week"][first].start if first >= 0 else None
        assert row["four_weeks"] == (None if start is None else total(inside(Span(start, span.end, ""))))
        year = Span(YEARS[year_of(span)][0], span.end, "")
        assert row["buyers_so_far"] == len({order.customer for order in inside(year)})


def test_a_period_of_a_grain_is_a_key(project: kpi_engine.Project) -> None:
    for grain in ("retail_month", "retail_year"):
        found = project.eval(["weekly", "opening"], grain=grain, as_of=AS_OF).table.to_pylist()
        for row, span in zip(found, SPANS[grain], strict=True):
            weeks = [total(inside(week)) for week in SPANS["retail_week"] if span.start <= week.start < span.end]
            assert row["weekly"] == pytest.approx(float(mean(map(Fraction, weeks))))
            assert row["opening"] == weeks[0]


@pytest.mark.parametrize("channel", ["shop", "web"])
def test_groups_of_weeks_nest(channel: str) -> None:
    text = (
        f"{DEFINITIONS}lately = rolling(weekly, 8 retail_weeks)\n"
        "a_year_ago = previous(weekly, retail_year)\neverybody = total(weekly)\n"
    )
    asked = {"by": "channel", "where": f'channel = "{channel}"', "grain": "retail_month", "as_of": AS_OF}
    found = opened(text).eval(["lately", "a_year_ago", "everybody"], **asked).table.to_pylist()  # type: ignore[arg-type]
    spans, mine = SPANS["retail_month"], [row for row in ORDERS if row.channel == channel]

    def weekly(start: date, end: date, rows: list[Order]) -> float:
        weeks = [total(inside(week, rows)) for week in SPANS["retail_week"] if start <= week.start and week.end <= end]
        return float(mean(map(Fraction, weeks)))

    for number, (row, span) in enumerate(zip(found, spans, strict=True)):
        far = span.end - timedelta(weeks=8)
        before = spans[number - 12] if number >= 12 else None
        assert row["lately"] == (None if far < spans[0].start else pytest.approx(weekly(far, span.end, mine)))
        assert row["a_year_ago"] == (None if before is None else pytest.approx(weekly(before.start, before.end, mine)))
        assert row["everybody"] == pytest.approx(weekly(span.start, span.end, ORDERS))


# ------------------------------------------------------------------------------------------------------------ legality


@pytest.mark.parametrize(
    ("formula", "grain", "code"),
    [
        ("avg(revenue per retail_week)", "month", "E532"),
        ("avg(revenue per retail_month)", "retail_week", "E532"),
        ("avg(revenue per week)", "retail_month", "E532"),
        ("avg(revenue per month)", "retail_year", "E532"),
        ("avg(revenue per retail_week)", "hour", "E532"),
        ("avg(revenue per day)", "retail_week", ""),
        ("avg(revenue per retail_month)", "retail_year", ""),
        ("todate(revenue, retail_week)", "retail_month", "E507"),
        ("todate(revenue, month)", "retail_year", "E507"),
        ("todate(revenue, retail_month)", "year", "E507"),
        ("todate(revenue, retail_month)", "month", ""),
        ("todate(revenue, year)", "retail_month", ""),
    ],
)
def test_periods_are_judged_by_their_edges(formula: str, grain: str, code: str) -> None:
    project = opened(f"{DEFINITIONS}x = {formula}\n")

    def ask() -> object:
        return project.eval("x", grain=grain, start="2023-01-29", end="2023-02-25", as_of=AS_OF)

    if code:
        assert code in refusal(ask)
    else:
        ask()


def test_retail_weeks_are_made_of_weeks_that_begin_on_the_same_day() -> None:
    text = f"{DEFINITIONS}x = avg(revenue per week)\n".replace("calendar\n", "calendar\n  week_starts: sunday\n")
    found = opened(text).eval(["x", "weekly"], grain="retail_month", as_of=AS_OF).table.to_pylist()
    assert [row["x"] for row in found] == [row["weekly"] for row in found]


def test_a_question_beyond_the_table_names_its_span(project: kpi_engine.Project) -> None:
    assert refusal(lambda: project.eval("revenue", grain="retail_week", as_of="2025-03-01")) == (
        "--grain:1:1 E526: this question is about 2022-01-30 to 2025-02-28, beyond the grain `retail_week`: "
        "retail_weeks.csv has periods from 2022-01-30 to 2025-02-01 | ask --from 2022-01-30 --to 2025-02-01 or less, "
        "or add rows to retail_weeks.csv (its row of 2025-02-02 only ends the period before it)"
    )
    early = refusal(lambda: project.eval("revenue", grain="retail_week", start="2022-01-01", as_of=AS_OF))
    assert "E526: this question is about 2022-01-01 to 2025-02-01" in early
    inner = refusal(lambda: project.eval("weekly", as_of="2025-03-01"))
    assert "E526: a window of `weekly` cannot be placed: 2025-02-02 lies outside the grain `retail_week`" in inner


def test_a_window_beyond_the_table_is_empty_and_said(project: kpi_engine.Project) -> None:
    found = project.eval("last_year", grain="retail_year", as_of=AS_OF)
    assert found.table.to_pylist()[0]["last_year"] is None
    assert found.stats.notes[-1] == (
        "values that would look beyond the grain `retail_year` are empty: "
        "retail_years.csv has periods from 2022-01-30 to 2025-02-01"
    )


# --------------------------------------------------------------------------------------------------------------- tables

DAY = date(2024, 1, 7)


@pytest.mark.parametrize(
    ("rows", "place", "message"),
    [
        ([(DAY, "a"), (date(2024, 1, 1), "b")], "row 2", "2024-01-01 stands below 2024-01-07"),
        ([(DAY, "a"), (DAY, "b"), (date(2024, 1, 9), "c")], "row 2", "2024-01-07 is there twice"),
        ([(DAY, "a"), (None, "b")], "row 2", "`starts_on` is empty"),
        ([(DAY, None), (date(2024, 1, 14), "b")], "row 1", "`name` is empty"),
        ([(DAY, "a")], "retail_weeks.csv", "2024-01-07 is its only row, and ends no period"),
        ([], "retail_weeks.csv", "it has no rows"),
    ],
)
def test_broken_tables(rows: list[tuple[date | None, str | None]], place: str, message: str) -> None:
    days = pa.array([day for day, _ in rows], pa.date32())
    broken = pa.table({"starts_on": days, "name": pa.array([name for _, name in rows], pa.string())})
    project = opened(DEFINITIONS, retail_week=broken)
    text = refusal(lambda: project.eval("revenue", grain="retail_week", as_of=AS_OF))
    assert f"{place} E645: the table of grain `retail_week` is no list of periods: {message}" in text
    project.eval("revenue", grain="retail_month", as_of=AS_OF)


def test_checking_the_data_reads_the_tables() -> None:
    broken = pa.table({"starts_on": [DAY, DAY], "name": ["a", "b"]})
    assert opened(DEFINITIONS).check_data() == ()
    (found,) = opened(DEFINITIONS, retail_week=broken).check_data()
    assert found.code == "E645"


def test_a_text_file_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "weeks.csv").write_text("Week;Starts\nW1;01.02.2026\nW2;08.02.2026\nend;15.02.2026\n")
    (tmp_path / "orders.csv").write_text("day,amount\n2026-02-07,1\n2026-02-08,2\n")
    text = (
        'grain retail_week\n  table: "weeks.csv"\n  delimiter: ";"\n  time: first_day\n  label: Week\n'
        '  column first_day: date from "Starts" format "%d.%m.%Y"\n'
        'source orders\n  table: "orders.csv"\n  time: day\n  column day: date\n  column amount: integer\n'
        "revenue = sum(orders.amount)\n"
    )
    project = kpi_engine.Project.from_text(text, data=tmp_path)
    assert project.check() == ()
    found = project.eval("revenue", grain="retail_week", as_of="2026-02-10")
    assert found.table.to_pylist() == [
        {"period": date(2026, 2, 1), "revenue": 1},
        {"period": date(2026, 2, 8), "revenue": 2},
    ]
    (tmp_path / "weeks.csv").write_text("Week;Starts\nW1;01.02.2026\nW2;soon\n")
    broken = kpi_engine.Project.from_text(text, data=tmp_path)
    assert "weeks.csv:3" in refusal(lambda: broken.eval("revenue", grain="retail_week", as_of="2026-02-10"))


def test_only_the_tables_that_a_question_needs_are_read(tmp_path: Path) -> None:
    project = kpi_engine.Project.from_text(DEFINITIONS, data=tmp_path)
    project.bind("orders", order_table(ORDERS))
    project.bind("retail_month", table(SPANS["retail_month"]))
    assert len(project.eval("revenue", grain="retail_month", as_of=AS_OF)) == 36
    for ask in ({"grain": "retail_week"}, {"by": "week_of"}):
        with pytest.raises(KpiError) as caught:
            project.eval("revenue", as_of=AS_OF, **ask)  # type: ignore[arg-type]
        assert caught.value.diagnostics[0].code == "E601"


# ------------------------------------------------------------------------------------------------------- several grains

METRICS = ["revenue", "buyers", "middle", "average", "before_this", "four_weeks", "loyal", "share"]
EVERY_GRAIN = ["day", "week", "month", "quarter", "year", *SPANS]


@given(
    grains=st.lists(st.sampled_from(EVERY_GRAIN), min_size=2, max_size=3, unique=True),
    metrics=st.lists(st.sampled_from(METRICS), min_size=1, max_size=3, unique=True),
    by=st.sampled_from([(), ("channel",)]),
    where=st.sampled_from([None, 'channel = "web"']),
    skip_empty=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_several_grains_are_each_of_them(
    grains: list[str], metrics: list[str], by: tuple[str, ...], where: str | None, skip_empty: bool
) -> None:
    project = opened(DEFINITIONS)
    asked: dict[str, Any] = {"by": by, "where": where, "skip_empty": skip_empty, "as_of": "2024-03-14"}
    asked["start"] = "2023-11-15"
    together = project.eval(metrics, grain=grains, **asked)
    rows: list[dict[str, Any]] = []
    partial: list[tuple[str, object]] = []
    for grain in grains:
        alone = project.eval(metrics, grain=grain, **asked)
        rows += [{"grain": grain, **row} for row in alone.table.to_pylist()]
        partial += [(grain, value) for value in alone.stats.partial_periods]
    assert together.table.to_pylist() == rows
    assert together.stats.partial_periods == tuple(partial)
    assert [column.name for column in together.columns] == together.table.column_names


def test_several_grains_are_read_in_one_pass(project: kpi_engine.Project) -> None:
    plan = project.explain("revenue", grain="month,week", start="2024-01", end="2024-03", as_of=AS_OF, at="optimized")
    assert plan.count("scan orders") == 1
    assert plan.count("\n  q1:") == 1
    assert "q2" not in plan
    assert project.eval("revenue", grain="month,week", as_of=AS_OF).stats.sources["orders"].rows == len(ORDERS)


def test_rows_of_all_grains_are_ordered_and_limited_together(project: kpi_engine.Project) -> None:
    asked = {"start": "2024-01", "end": "2024-03", "as_of": AS_OF}
    found = project.eval(
        "revenue",
        grain=["month", "week"],
        order_by="revenue:desc",
        limit=5,
        **asked,  # type: ignore[arg-type]
    ).table.to_pylist()
    everything = project.eval("revenue", grain="month, week", **asked).table.to_pylist()  # type: ignore[arg-type]
    assert [row["revenue"] for row in found] == sorted((row["revenue"] for row in everything), reverse=True)[:5]


def test_hours_make_all_periods_instants(project: kpi_engine.Project) -> None:
    found = project.eval("revenue", grain=["day", "hour"], start="2024-03-10", end="2024-03-10", as_of=AS_OF)
    assert found.table.schema.field("period").type == pa.timestamp("us", "America/New_York")
    assert found.table.column("grain").to_pylist() == ["day", *["hour"] * 23]
    assert "2024-03-10 03:00" in found._repr_html_()


def test_each_grain_marks_its_own_partial_periods(project: kpi_engine.Project) -> None:
    """1 March 2023 begins a whole day and a month that is not over."""
    found = project.eval("revenue", grain=["day", "month"], start="2023-03-01", end="2023-03-02", as_of=AS_OF)
    assert [text for text in ("2023-03-01<", "2023-03-02<", "2023-03*<") if text not in found._repr_html_()] == []


def test_one_grain_in_a_list_is_one_grain(project: kpi_engine.Project) -> None:
    alone = project.eval("revenue", grain="month", as_of=AS_OF).table
    assert project.eval("revenue", grain=["month"], as_of=AS_OF).table == alone
    assert project.eval("revenue", grain="month,month", as_of=AS_OF).table == alone


def test_several_grains_take_a_name() -> None:
    project = opened(f"{DEFINITIONS}grain = revenue\n".replace("\ngrain = ", "\n`grain` = "))
    assert "E513" in refusal(lambda: project.eval("grain", grain="month,week", as_of=AS_OF))
    project.eval("grain", grain="month", as_of=AS_OF)


# ------------------------------------------------------------------------------------------------------- coarse sources

BUDGETS = """
source budgets
  grain: retail_month
  time: day

budget = sum(budgets.amount)
norm = avg(budgets.amount)
budget_of_quarter = rolling(budget, 3 retail_months)
"""
AMOUNTS = {span.start: number for number, span in enumerate(SPANS["retail_month"], 1)}


def with_budgets() -> kpi_engine.Project:
    budgets = pa.table({"day": list(AMOUNTS), "amount": list(AMOUNTS.values())})
    return opened(DEFINITIONS + BUDGETS, budgets=budgets)


def complete(project: kpi_engine.Project, metric: str, **asked: Any) -> tuple[bool, ...]:
    """Whether the metric rests on whole windows, period by period."""
    prepared = pipeline.prepare(project._opened.sound(), Question((metric,), **asked), "data")
    (output,) = prepared.plan.outputs
    return output.complete


def test_coarse_rows_add_up_to_declared_periods() -> None:
    found = with_budgets().eval(["budget", "budget_of_quarter"], grain="retail_year", as_of=AS_OF).table.to_pylist()
    for row, span in zip(found, SPANS["retail_year"], strict=True):
        months = [amount for day, amount in AMOUNTS.items() if span.start <= day < span.end]
        assert row["budget"] == sum(months)
        assert row["budget_of_quarter"] == sum(months[-3:])


def test_the_running_coarse_period_counts_as_a_whole_and_is_said() -> None:
    asked = {"start": "2024-02-04", "as_of": "2024-03-14"}
    found = with_budgets().eval(["budget", "budget_of_quarter"], grain="retail_month", **asked)
    starts = sorted(AMOUNTS)
    at = starts.index(date(2024, 3, 3))
    assert found.table.column("budget").to_pylist() == [AMOUNTS[starts[at - 1]], AMOUNTS[starts[at]]]
    assert found.table.column("budget_of_quarter").to_pylist()[1] == sum(
        AMOUNTS[day] for day in starts[at - 2 : at + 1]
    )
    assert "budgets: 2024-P02 counts as a whole, though it is not over" in found.stats.notes
    assert found.stats.partial_periods == (date(2024, 3, 3),)
    assert complete(with_budgets(), "budget", grain="retail_month", **asked) == (True, False)
    assert complete(with_budgets(), "budget", as_of="2024-03-14") == (False,)
    assert complete(with_budgets(), "budget", as_of="2024-03-03") == (True,)
    assert complete(with_budgets(), "norm", as_of="2024-03-03") == (True,)


@pytest.mark.parametrize(
    "asked",
    [
        {"start": "2024-02-05", "end": "2024-03-02"},
        {"start": "2024-02-04", "end": "2024-03-01"},
        {"start": "2024-02-04", "end": "2024-03-01", "grain": "retail_month"},
        {"start": "2024-02-04", "end": "2024-03-02", "grain": "retail_week"},
        {"start": "2024-02-04", "end": "2024-03-02", "grain": "month"},
    ],
)
def test_a_question_that_cuts_a_coarse_period_is_refused(asked: dict[str, str]) -> None:
    project = with_budgets()
    assert "E533" in refusal(lambda: project.eval("budget", as_of=AS_OF, **asked))  # type: ignore[arg-type]
    project.eval("norm", as_of=AS_OF, **asked)  # type: ignore[arg-type]
