"""Nested tables against DuckDB: parts of structs, values of keys, elements as rows; formats, fragments, projections."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

import kpi_engine
from kpi_engine.builtin.connectors.nested_leaves import stored_names
from kpi_engine.extend.rows import ColumnRequest
from kpi_engine.ir.catalog import PathStep
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.kernels.nested import follow

PART = pa.struct([("name", pa.string()), ("weight", pa.int64())])
ITEM = pa.struct(
    [
        ("sku", pa.string()),
        ("price", pa.float64()),
        ("quantity", pa.int64()),
        ("seller", pa.string()),
        ("variant", pa.struct([("color", pa.string())])),
        ("parts", pa.list_(PART)),
    ]
)
VALUE = pa.struct([("int_value", pa.int64()), ("string_value", pa.string())])
PARAMETERS = pa.list_(pa.struct([("key", pa.string()), ("value", VALUE)]))
SCHEMA = pa.schema(
    [
        ("at", pa.timestamp("us", "UTC")),
        ("user", pa.string()),
        ("amount", pa.int64()),
        ("device", pa.struct([("category", pa.string()), ("os", pa.struct([("name", pa.string())]))])),
        ("params", PARAMETERS),
        ("tags", pa.list_(pa.string())),
        ("items", pa.list_(ITEM)),
    ]
)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DEFINITIONS = """
source users
  key: id

source events
{table}  time: at
  column at: timestamp
  column user -> users
  column category from "device.category"
  column system from "device.os.name"
  column session from "params[session].value.int_value"
  column page from "params[page].value.string_value"

source items = unnest(events.items)
  column color from "variant.color"
  column value = price * quantity

source parts = unnest(items.parts)
source tags = unnest(events.tags)
source paid_events = (events where amount > 2)
source paid_items = unnest(paid_events.items)
  column value = price * quantity
source combinations = pairs(tags.value per user)

entity session_id

dimension category = events.category
dimension country = users.country

events_count = count(events)
sessions = count(distinct events.session)
pages = count(events.page)
item_count = count(items)
value = sum(items.value)
sellers = count(distinct items.seller)
weight = sum(parts.weight)
red = sum(parts.weight where items.color = "red" and events.amount > 1)
tag_count = count(tags.value)
paid_value = sum(paid_items.value)
repeated = count(items followed by items on users within 5 days)
"""
USERS = pa.table({"id": ["a", "b", "c"], "country": ["DE", "FR", "DE"]})


def random_rows(seed: int, rows: int) -> list[dict[str, Any]]:
    """Events of a web shop, with nulls at every level."""
    choose = random.Random(seed)

    def or_null(value: Any, odds: float = 0.15) -> Any:
        return None if choose.random() < odds else value

    def item() -> dict[str, Any] | None:
        parts = [{"name": choose.choice("pq"), "weight": choose.randrange(9)} for _ in range(choose.randrange(3))]
        return or_null(
            {
                "sku": choose.choice("ABC"),
                "price": or_null(choose.randrange(40) / 4),
                "quantity": choose.randrange(4),
                "seller": choose.choice("xyz"),
                "variant": or_null({"color": or_null(choose.choice(["red", "blue"]))}),
                "parts": or_null([or_null(part) for part in parts]),
            },
            0.05,
        )

    def parameters() -> list[dict[str, Any] | None]:
        found: list[dict[str, Any] | None] = [
            {"key": "session", "value": {"int_value": choose.randrange(5), "string_value": None}},
            {"key": "page", "value": or_null({"int_value": None, "string_value": choose.choice(["/a", "/b"])})},
            {"key": None, "value": None},
            None,
        ]
        choose.shuffle(found)
        return found[: choose.randrange(5)]

    return [
        {
            "at": FIRST + timedelta(hours=6 * number + choose.randrange(6)),
            "user": or_null(choose.choice("abc")),
            "amount": choose.randrange(5),
            "device": or_null({"category": choose.choice(["mobile", "desktop"]), "os": or_null({"name": "iOS"})}),
            "params": or_null(parameters()),
            "tags": or_null([or_null(choose.choice("uvw")) for _ in range(choose.randrange(4))]),
            "items": or_null([item() for _ in range(choose.randrange(4))]),
        }
        for number in range(rows)
    ]


ROWS = random_rows(7, 120)
EVENTS = pa.Table.from_pylist(ROWS, SCHEMA)
METRICS = ("events_count", "sessions", "pages", "item_count", "value", "sellers", "weight", "red", "tag_count")
ELEMENTS = """
with i as (select events."at" as moment, amount, device.category as category, events."user" as buyer,
           unnest(items) as item from events),
p as (select category, amount, item.variant.color as color, unnest(item.parts) as part from i)
"""
BY_CATEGORY = f"""{ELEMENTS}, e as (
  select device.category as category, count(*) as events_count,
    count(distinct list_extract(list_filter(params, lambda x: x.key = 'session'), 1)."value".int_value) as sessions,
    count(list_extract(list_filter(params, lambda x: x.key = 'page'), 1)."value".string_value) as pages,
    coalesce(sum(len(list_filter(tags, lambda x: x is not null))), 0) as tag_count
  from events group by all)
select e.category, events_count, sessions, pages,
  (select count(*) from i where i.category is not distinct from e.category) as item_count,
  (select sum(item.price * item.quantity) from i where i.category is not distinct from e.category) as value,
  (select count(distinct item.seller) from i where i.category is not distinct from e.category) as sellers,
  (select coalesce(sum(part.weight), 0) from p where p.category is not distinct from e.category) as weight,
  (select coalesce(sum(part.weight), 0) from p
   where p.category is not distinct from e.category and color = 'red' and amount > 1) as red,
  tag_count
from e order by e.category nulls last
"""


def database() -> duckdb.DuckDBPyConnection:
    """DuckDB with the events and users."""
    connection = duckdb.connect()
    connection.register("events", EVENTS)
    connection.register("users", USERS)
    return connection


def sql(text: str) -> list[tuple[Any, ...]]:
    """DuckDB's answer."""
    found: list[tuple[Any, ...]] = database().execute(text).fetchall()
    return found


def project_on(folder: Path, file: str) -> kpi_engine.Project:
    """The project with its events in a file."""
    project = kpi_engine.Project.from_text(DEFINITIONS.format(table=f'  table: "{file}"\n'), data=folder)
    project.bind("users", USERS)
    return project


def bound() -> kpi_engine.Project:
    """The project with its events in memory."""
    project = kpi_engine.Project.from_text(DEFINITIONS.format(table=""))
    project.bind("events", EVENTS)
    project.bind("users", USERS)
    return project


def ask(project: kpi_engine.Project, *metrics: str, **question: Any) -> list[tuple[Any, ...]]:
    """The engine's answer as tuples."""
    table = project.eval(metrics, as_of="2026-03-01", **question).table
    return [tuple(row.values()) for row in table.to_pylist()]


def as_json(row: dict[str, Any]) -> str:
    """A row as a line of JSON."""
    return json.dumps({**row, "at": row["at"].isoformat()})


@pytest.mark.parametrize("form", ["memory", "parquet", "arrow", "jsonl"])
def test_every_format_gives_what_duckdb_gives(form: str, tmp_path: Path) -> None:
    if form == "memory":
        project = bound()
    else:
        file = tmp_path / f"events.{form}"
        if form == "parquet":
            pq.write_table(EVENTS, file, row_group_size=17)
        elif form == "arrow":
            feather.write_feather(EVENTS, str(file), "uncompressed", chunksize=23)
        else:
            file.write_text("\n".join(map(as_json, ROWS)) + "\n")
        project = project_on(tmp_path, file.name)
    assert ask(project, *METRICS, by=["category"]) == sql(BY_CATEGORY)


def test_elements_by_columns_of_their_own_and_of_what_the_parent_refers_to() -> None:
    expected = sql(
        f"""{ELEMENTS} select item.sku, item.variant.color, country, count(*), sum(item.price * item.quantity)
        from i left join users on users.id = buyer where amount > 1 group by all
        order by 1 nulls last, 2 nulls last, 3 nulls last"""
    )
    found = ask(bound(), "item_count", "value", by=["sku", "color", "country"], where="events.amount > 1")
    assert found == expected


def test_days_and_months_and_filters_of_elements() -> None:
    expected = sql(
        f"""{ELEMENTS} select date_trunc('day', moment at time zone 'UTC')::date as day, count(*),
        coalesce(sum(item.price * item.quantity) filter (where item.price > 3), 0) from i group by all order by 1"""
    )
    answers = ask(bound(), "item_count", "value_over_3", grain="day", skip_empty=True)
    assert answers == expected


def test_elements_of_filtered_rows() -> None:
    (expected,) = sql(f"{ELEMENTS} select sum(item.price * item.quantity) from i where amount > 2")
    assert ask(bound(), "paid_value") == [expected]


def test_elements_follow_each_other_and_make_pairs() -> None:
    project = bound()
    events = sql(f"{ELEMENTS} select buyer, epoch_us(moment), row_number() over () from i")
    followed = sum(
        any(other[0] == buyer and other[2] != row and at <= other[1] < at + 5 * 86_400_000_000 for other in events)
        for buyer, at, row in events
        if buyer is not None
    )
    assert ask(project, "repeated") == [(followed,)]
    baskets: dict[str, set[str]] = {}
    for user, tag in sql('with t as (select events."user" as u, unnest(tags) as tag from events) select * from t'):
        if user is not None and tag is not None:
            baskets.setdefault(user, set()).add(tag)
    wanted = sorted((a, b, sum(a in each and b in each for each in baskets.values())) for a in "uvw" for b in "uvw")
    assert ask(project, "together", by=["item", "other"]) == wanted


DEFINITIONS += """
value_over_3 = sum(items.value where price > 3)
together = count(combinations)
"""


# ----------------------------------------------------------------------------------------------------------- files


def test_parquet_reads_the_leaves_that_are_asked_for_and_no_others(tmp_path: Path) -> None:
    pq.write_table(EVENTS, tmp_path / "events.parquet")
    metadata = pq.read_metadata(tmp_path / "events.parquet")
    paths = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
    system = ColumnRequest("s", "device", path=(PathStep("os"), PathStep("name")))
    page = ColumnRequest("p", "params", path=(PathStep("page", "key"), PathStep("value"), PathStep("string_value")))
    weight = ColumnRequest("w", "items", path=(PathStep("", "each"), PathStep("parts"), PathStep("", "each")))
    number = ColumnRequest("n", "items", path=(PathStep("", "each"), PathStep("", "row")))
    names = stored_names([ColumnRequest("at", "at"), system, page, number], EVENTS.schema, paths)
    assert names == [
        "at",
        "device.os.name",
        "params.list.element.key",
        "params.list.element.value.string_value",
        "items.list.element.sku",
    ]
    assert stored_names([weight], EVENTS.schema, paths) == [
        "items.list.element.parts.list.element.name",
        "items.list.element.parts.list.element.weight",
    ]
    part = pq.ParquetFile(tmp_path / "events.parquet").read(columns=names)
    for column in (system, page):
        whole = follow(EVENTS[column.physical].combine_chunks(), column.path)
        assert follow(part[column.physical].combine_chunks(), column.path).equals(whole)
    project = project_on(tmp_path, "events.parquet")
    little, much = (project.eval([name], as_of="2026-03-01").stats for name in ("item_count", "weight"))
    assert little.sources["items"].bytes < much.sources["parts"].bytes


def test_fragments_are_ruled_out_by_the_time_and_the_columns_of_the_parent(tmp_path: Path) -> None:
    pq.write_table(EVENTS.sort_by("user"), tmp_path / "users.parquet", row_group_size=10)
    pq.write_table(EVENTS, tmp_path / "events.parquet", row_group_size=10)
    by_time = project_on(tmp_path, "events.parquet").eval(["item_count"], start="2026-01-05", end="2026-01-06")
    source = by_time.stats.sources["items"]
    assert source.fragments_pruned >= 10 and source.fragments_read <= 2
    by_user = project_on(tmp_path, "users.parquet").eval(["item_count"], where='events.user = "a"', as_of="2026-03-01")
    expected = sql(f"{ELEMENTS} select count(*) from i where buyer = 'a'")
    assert [tuple(row.values()) for row in by_user.table.to_pylist()] == expected
    tags = project_on(tmp_path, "users.parquet").eval(["tag_count"], where='user = "a"', as_of="2026-03-01")
    assert tags.stats.sources["tags"].fragments_pruned >= 5
    assert tags.table.to_pylist() == [
        {"tag_count": sum(tag is not None for row in ROWS if row["user"] == "a" for tag in row["tags"] or [])}
    ]


def test_files_with_more_and_with_less_parts(tmp_path: Path) -> None:
    folder = tmp_path / "events"
    folder.mkdir()
    day = pa.array([FIRST.date()])
    for name, device in (("a", {"os": "iOS"}), ("b", {"os": "Linux", "size": 4})):
        pq.write_table(pa.table({"day": day, "device": [device]}), folder / f"{name}.parquet")
    text = 'source events\n  table: "events/*.parquet"\n  time: day\n  column os from "device.os"\n'
    text += '  column size from "device.size"\nn = count(events where os = "iOS")\nm = max(events.size)\n'
    project = kpi_engine.Project.from_text(text, data=tmp_path)
    assert project.check() == ()
    assert project.eval(["n"], as_of="2026-02-01").table.to_pylist() == [{"n": 1}]
    with pytest.raises(KpiError) as caught:
        project.eval(["m"], as_of="2026-02-01")
    (error,) = caught.value.diagnostics
    assert (error.code, error.location) == ("E607", "events/a.parquet")
    assert "`device.size`" in error.message


def test_a_repeated_key_names_its_row(tmp_path: Path) -> None:
    params = [[{"key": "page", "value": {"string_value": page}} for page in pages] for pages in ("a", "", "bc", "dd")]
    table = pa.table({"day": pa.array([FIRST.date()] * 4), "params": pa.array(params, PARAMETERS)})
    pq.write_table(table, tmp_path / "events.parquet", row_group_size=2)
    text = 'source events\n  table: "events.parquet"\n  time: day\n'
    text += '  column page from "params[page].value.string_value"\nn = count(events.page)\n'
    with pytest.raises(KpiError) as caught:
        kpi_engine.Project.from_text(text, data=tmp_path).eval(["n"], as_of="2026-02-01")
    (error,) = caught.value.diagnostics
    assert (error.code, error.location) == ("E642", "events.parquet, row 3")
    assert error.message.startswith("2 elements of `params` have the key `page`, as in 1 more row:")


def test_a_value_in_a_list_that_does_not_fit_is_named_by_its_row() -> None:
    lists = [[{"n": "1"}], None, [{"n": "2"}, {"n": "many"}]]
    text = "source events\n  time: day\nsource items = unnest(events.items)\n  column n: integer\nx = sum(items.n)\n"
    for rule, outcome in (("stop", "E608"), ("null", 3)):
        project = kpi_engine.Project.from_text(text.replace("  time: day\n", f"  time: day\n  on_error: {rule}\n"))
        project.bind("events", pa.table({"day": [FIRST.date()] * 3, "items": lists}))
        if rule == "null":
            assert project.eval(["x"], as_of="2026-02-01").table.to_pylist() == [{"x": outcome}]
            continue
        with pytest.raises(KpiError) as caught:
            project.eval(["x"], as_of="2026-02-01")
        assert (caught.value.diagnostics[0].code, caught.value.diagnostics[0].location) == (outcome, "events, row 3")


def test_the_plan_names_columns_of_the_parent_as_they_are_written() -> None:
    plan = bound().explain("weight", by=["category"], where='items.sku = "A"', as_of="2026-03-01", at="plan")
    assert "scan parts columns=[at, items.events.category, items.sku, weight]" in plan
    assert "category=items.events.category" in plan
