"""The updates of a ticket system: states, backlogs and sequences as SQL finds them on a reading of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import kpi_engine

from . import tickets
from .comparing import Asked, count, differences, value

TYPES = [
    ("place", pa.int64()),
    ("ticket", pa.string()),
    ("op", pa.string()),
    ("instant", pa.timestamp("us")),
    ("local", pa.timestamp("us")),
    ("version", pa.int64()),
    ("state", pa.string()),
    ("team", pa.string()),
    ("priority", pa.string()),
    ("opened", pa.date32()),
    ("closed", pa.date32()),
    ("reopened", pa.int64()),
]
VIEWS = """
create table updates as select *, date_trunc('month', local)::date as month from read;
create table now_ as
  select s.*, s.instant - first_seen as seen_for, teams, date_trunc('month', opened)::date as opened_in,
    date_trunc('month', closed)::date as closed_in
  from (from updates qualify row_number() over (partition by ticket order by instant desc, place desc) = 1) s
  join (select ticket, min(instant) as first_seen, count(distinct team) as teams from updates group by ticket)
  using (ticket) where op != 'D' and (closed is null or closed >= opened);
create table months as select m::date as m, (m + interval 1 month)::date as until from
  (select unnest(generate_series(date '2018-06-01', date '2018-12-01', interval 1 month)) as m);
create table opens as select m, count(*) filter (opened < until and (closed is null or closed >= until)) as at_end,
    count(*) filter (opened < until and (closed is null or closed >= until) and priority[1] = '1') as critical,
    count(*) filter (opened < m and (closed is null or closed >= m)) as at_start
  from months, now_ group by m;
create table solved as select *, exists (from updates r where r.ticket = updates.ticket and r.state = 'Resolved'
    and r.instant >= updates.instant and r.instant < updates.instant + interval 1 day
    and r.place != updates.place) as soon,
  exists (from updates r where r.ticket = updates.ticket and r.state = 'Reopened'
    and r.instant >= updates.instant and r.instant < updates.instant + interval 3 days) as again from updates;
create table days as select day::date as day from
  (select unnest(generate_series(date '2018-06-01', date '2018-12-31', interval 1 day)) as day);
"""
BY_TICKET = "(select month, ticket, count(*) as n from updates group by all)"

ASKED = [
    Asked(
        {
            "changes": count("select month, count(*) from updates group by month"),
            "changed_tickets": count("select month, count(distinct ticket) from updates group by month"),
            "opened_tickets": count("select opened_in, count(*) from now_ group by all"),
            "closed_tickets": count("select closed_in, count(*) from now_ where closed is not null group by all"),
            "open_at_end": count("select m, at_end from opens"),
            "open_at_start": count("select m, at_start from opens"),
            "net_flow": count("select m, at_end - at_start from opens"),
            "backlog_growth": value("select m, at_end / nullif(at_start, 0) - 1 from opens"),
            "critical_open": count("select m, critical from opens"),
            "median_open_for": value(
                "select closed_in, to_days(1) * median(closed - opened) from now_ where closed is not null group by all"
            ),
            "mean_days_to_close": value(
                "select closed_in, avg(closed - opened) from now_ where closed is not null group by all"
            ),
            "p90_seen_for": value(
                "select closed_in, to_microseconds(quantile_cont(epoch_us(seen_for), 0.9)::bigint) from now_ "
                "where closed is not null group by all"
            ),
            "resolved_in_a_day": count("select month, count(*) filter (op = 'I' and soon) from solved group by month"),
            "share_in_a_day": value(
                "select month, count(*) filter (op = 'I' and soon) / count(*) filter (op = 'I') from solved "
                "group by month"
            ),
            "reopened_after_resolving": count(
                "select month, count(*) filter (state = 'Resolved' and again) from solved group by month"
            ),
            "changes_per_ticket": value(f"select month, avg(n) from {BY_TICKET} group by month"),
            "busy_tickets": count(f"select month, count(*) filter (n >= 3) from {BY_TICKET} group by month"),
            "passed_on": count("select opened_in, count(*) filter (teams >= 2) from now_ group by all"),
            "reopenings": count("select opened_in, sum(reopened) from now_ group by all"),
            "unassigned": count("select month, count(*) filter (team is null) from updates group by month"),
            "first_changes": count(
                "select m, count(*) from (select ticket, min(month) as m from updates group by ticket) group by m"
            ),
            "night_changes": count("select month, count(*) filter (hour(local) < 6) from updates group by month"),
        },
        {"grain": "month"},
    ),
    Asked(
        {
            "changes_7_days": count(
                "select day, count(*) from days join updates on local::date <= day and local::date > day - 7 "
                "group by day"
            ),
        },
        {"grain": "day"},
    ),
    Asked(
        {
            "open_at_end": count(
                "select m, team, priority, count(*) from months join now_ "
                "on opened < until and (closed is null or closed >= until) group by all"
            ),
        },
        {"grain": "month", "by": ["team", "priority"]},
    ),
    Asked(
        {
            "changes": count("select hour(local), count(*) from updates group by all"),
        },
        {"by": "hour_of_day"},
    ),
    Asked(
        {
            "changes": count(
                "select date_trunc('hour', instant), count(*) from updates "
                "where local >= timestamp '2018-10-28' and local < timestamp '2018-10-29' group by all"
            ),
        },
        {"grain": "hour", "start": "2018-10-28", "end": "2018-10-28"},
    ),
]
BY_HOUR = 4
QUESTIONS = [(number, name) for number, asked in enumerate(ASKED) for name in asked.questions]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tickets")
    tickets.write(folder)
    return folder


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    rows = tickets.read(folder)
    columns = [pa.array(column, kind) for column, (_, kind) in zip(zip(*rows, strict=True), TYPES, strict=True)]
    read = pa.table(dict(zip((name for name, _ in TYPES), columns, strict=True)))
    with duckdb.connect() as connection:
        connection.register("read", read)
        connection.execute(VIEWS)
        yield connection


@pytest.fixture(scope="module")
def asked(folder: Path) -> Callable[[int], kpi_engine.Result]:
    """The answer to one of ASKED, computed when its first question comes."""
    project = kpi_engine.open(definitions=[Path(__file__).with_name("tickets.kpi")], data=folder)
    return cache(lambda number: ASKED[number].ask(project, tickets.AS_OF))


@pytest.mark.parametrize(("number", "name"), QUESTIONS, ids=[f"{name}-{number}" for number, name in QUESTIONS])
def test_answer_is_that_of_sql(
    number: int, name: str, asked: Callable[[int], kpi_engine.Result], database: duckdb.DuckDBPyConnection
) -> None:
    group = ASKED[number]
    assert differences(group.values(asked(number), name), group.questions[name], database) == []


def test_the_day_of_25_hours_has_its_rows(asked: Callable[[int], kpi_engine.Result]) -> None:
    hours = ASKED[BY_HOUR].values(asked(BY_HOUR), "changes")
    assert len(hours) == 25
    assert [key[0].hour for key in hours][:5] == [22, 23, 0, 1, 2]
