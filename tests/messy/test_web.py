"""Nested events of a web shop: sessions, sequences and things bought as SQL finds them in the same files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import duckdb
import pytest

import kpi_engine

from . import web
from .comparing import Asked, count, differences, value

VIEWS = """
create table users as select user_id, properties['plan'] as plan, properties['city'] as city
  from read_parquet('{folder}/users.parquet');
create function param(params, name) as ([p for p in params if p.key = name])[1]['value'];
create table events as select event_id, event_name as name, user_pseudo_id as u, items,
    make_timestamp(event_timestamp::bigint) as instant,
    timezone('America/New_York', timezone('UTC', make_timestamp(event_timestamp::bigint))) as local,
    date_trunc('week', local)::date as week,
    u || '/' || param(event_params, 'ga_session_id').int_value as session,
    param(event_params, 'page_location').string_value as page,
    param(event_params, 'engagement_time_msec').int_value as ms,
    device.category as category, device.web_info.browser as browser, traffic_source.medium as medium,
    ecommerce.purchase_revenue::decimal(12, 2) as revenue
  from read_json('{folder}/events-*.jsonl.gz', union_by_name = true)
  qualify row_number() over (partition by event_id order by ingested desc) = 1;
create table items as select events.* exclude (items), item.item_id as sku, (item.price->>'$')::decimal(12, 2) as price,
    item.quantity as quantity, item.item_category as shelf
  from (select *, unnest(items) as item from events) as events;
create table purchases as from events where name = 'purchase';
"""
SESSIONS = """(select week, session, count(*) filter (name = 'page_view') as pages,
  count(*) filter (name = 'purchase') as bought from events where session is not null group by all)"""
BASKETS = "(select event_id, min(week) as week, count(distinct sku) as n from items where name = 'purchase' group by 1)"


def followed(first: str, last: str, within: str) -> str:
    """SQL of whether an event is followed by one of the same visitor."""
    return (
        f"(e.name = '{first}' and exists (from events f where f.u = e.u and f.name = '{last}' "
        f"and f.instant >= e.instant and f.instant < e.instant + interval {within}))"
    )


def by_week(expression: str, of: str = "events e") -> str:
    """SQL of a value for every week."""
    return f"select week, {expression} from {of} group by week"


ASKED = [
    Asked(
        {
            "event_count": count(by_week("count(*)")),
            "visitors": count(by_week("count(distinct u)")),
            "sessions": count(by_week("count(distinct session)")),
            "pages_per_session": value(by_week("count(*) filter (name = 'page_view') / count(distinct session)")),
            "sale_views": count(by_week("count(*) filter (starts_with(page, 'https://shop.example/sale'))")),
            "different_pages": count(by_week("count(distinct page)")),
            "turnover": value(by_week("sum(revenue)")),
            "mean_purchase": value(by_week("sum(revenue)::double / count(revenue)")),
            "engaged_seconds": value(by_week("sum(ms) / 1000")),
            "bounced": count(by_week("count(*) filter (pages = 1 and bought = 0)", SESSIONS)),
            "pages_a_session": value(by_week("sum(pages) / count(*) filter (pages > 0)", SESSIONS)),
            "converted": count(by_week(f"count(*) filter {followed('session_start', 'purchase', '30 minutes')}")),
            "left_carts": count(
                by_week(
                    f"count(*) filter (name = 'add_to_cart' and not {followed('add_to_cart', 'purchase', '1 hour')})"
                )
            ),
            "after_a_view": count(
                "select week, count(*) from purchases p where exists (from events v where v.u = p.u "
                "and v.name = 'view_item' and v.instant <= p.instant and v.instant > p.instant - interval 2 hours) "
                "group by week"
            ),
            "without_item_quantity": count(
                by_week(
                    "count(*) filter (name = 'purchase' and len(items) > 0 "
                    "and list_sum([i.quantity for i in items]) is null)"
                )
            ),
            "item_value": count(
                by_week("if(bool_or(name = 'purchase'), sum(price * quantity) filter (name = 'purchase'), 0)", "items")
            ),
            "items_viewed": count(by_week("count(*) filter (name = 'view_item')", "items")),
            "safari_share": value(by_week("count(*) filter (browser = 'Safari') / count(*)")),
            "pairs_bought": count(by_week("sum(n * (n - 1))", BASKETS)),
            "new_visitors": count(
                "select w, count(*) from (select u, min(week) as w from events group by u) group by w"
            ),
            "came_back": count(
                "select a.week, count(*) from (select distinct u, week from events) a join (select distinct u, week "
                "from events) b on a.u = b.u and b.week = a.week - 7 group by a.week"
            ),
        },
        {"grain": "week"},
    ),
    Asked(
        {
            "active_7_days": count(
                "select day, count(distinct u) from (select distinct local::date as day from events) "
                "join events on local::date <= day and local::date > day - 7 group by day"
            ),
        },
        {"grain": "day", "skip_empty": True},
    ),
    Asked(
        {
            "turnover": value(
                "select plan, category, sum(revenue) from events left join users on u = user_id group by all"
            ),
            "page_views": count(
                "select plan, category, count(*) filter (name = 'page_view') "
                "from events left join users on u = user_id group by all"
            ),
        },
        {"by": ["plan", "device"]},
    ),
    Asked(
        {
            "sessions": count(
                "select came_by, count(*) from (select session, max(medium) as came_by from events group by session) "
                "where session is not null group by all"
            ),
        },
        {"by": "channel"},
    ),
    Asked(
        {
            "item_value": count(
                "select shelf, sum(price * quantity) filter (name = 'purchase') from items semi join "
                "(from users where city = 'Köln') on u = user_id group by shelf"
            ),
        },
        {"by": "shelf", "where": 'users.city = "Köln"'},
    ),
]
QUESTIONS = [(number, name) for number, asked in enumerate(ASKED) for name in asked.questions]
DEFINITIONS = Path(__file__).with_name("web.kpi")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    web.write(folder)
    return folder


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(VIEWS.replace("{folder}", str(folder)))
        yield connection


@pytest.fixture(scope="module")
def asked(folder: Path) -> Callable[[int], kpi_engine.Result]:
    """The answer to one of ASKED, computed when its first question comes."""
    project = kpi_engine.open(definitions=[DEFINITIONS], data=folder)
    return cache(lambda number: ASKED[number].ask(project, web.AS_OF))


@pytest.mark.parametrize(("number", "name"), QUESTIONS, ids=[f"{name}-{number}" for number, name in QUESTIONS])
def test_answer_is_that_of_sql(
    number: int, name: str, asked: Callable[[int], kpi_engine.Result], database: duckdb.DuckDBPyConnection
) -> None:
    group = ASKED[number]
    assert differences(group.values(asked(number), name), group.questions[name], database) == []


@pytest.mark.parametrize("together", [True, False], ids=["one file", "two files"])
def test_a_field_inside_may_be_a_number_here_and_a_text_there(tmp_path: Path, together: bool) -> None:
    lines = [json.dumps({"at": "2026-09-07T10:00:00Z", "items": [{"price": price}]}) for price in (1.5, "2.25", None)]
    parts = ["\n".join(lines)] if together else lines
    for number, part in enumerate(parts):
        (tmp_path / f"events-{number}.jsonl").write_text(part)
    text = """
source events
  table: "events-*.jsonl"
  time: at
  column at: timestamp

source items = unnest(events.items)
  column price: decimal

paid = sum(items.price)
"""
    table = kpi_engine.Project.from_text(text, data=tmp_path).eval("paid").table
    assert [str(each) for each in table.column("paid").to_pylist()] == ["3.75"]
