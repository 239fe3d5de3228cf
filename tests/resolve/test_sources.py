"""Sources: properties, columns of tables, computed columns, derived sources, and what connecting needs."""

from __future__ import annotations

from fractions import Fraction

import pytest

from kpi_engine.ir.catalog import CalendarSettings, Reference
from kpi_engine.ir.expression import (
    Apply,
    CalendarDuration,
    ChildAggregate,
    Field,
    LastBefore,
    Measure,
    Step,
)
from kpi_engine.ir.span import SourceText
from kpi_engine.ir.types import (
    BOOLEAN,
    DATE,
    DECIMAL,
    DURATION,
    INTEGER,
    NULL,
    TEXT,
    TIMESTAMP,
    Kind,
    Type,
    currency,
)
from kpi_engine.parse import parse_file
from kpi_engine.resolve import source_tables
from kpi_engine.resolve.column_types import is_readable

from .checking import bound, catalog_of


def only(text: str, tables: str = "") -> list[str]:
    return [each.code for each in bound(text, tables)[1] if each.code.startswith("E")]


def test_what_connecting_needs() -> None:
    text = """
source orders
  table: ["a.csv", "b.csv"]
  connection: shop
  delimiter: ";"
  null_values: ["?", "NULL"]
  header: false
  skip: 2
  timezone: "Asia/Shanghai"
  on_error: null
source plain
  tme: day
source valid = (orders where ok)
"""
    file, _ = parse_file(SourceText("a", text))
    specs = source_tables([file])
    assert list(specs) == ["orders", "plain"]
    orders = specs["orders"]
    assert (orders.names, orders.connection, orders.timezone) == (
        ("a.csv", "b.csv"),
        "shop",
        "Asia/Shanghai",
    )
    assert (orders.on_error, specs["plain"].names) == ("null", ("plain",))
    assert dict(orders.options) == {
        "delimiter": ";",
        "null_values": ("?", "NULL"),
        "header": False,
        "skip": 2,
    }


def test_every_property_is_kept() -> None:
    text = """
source orders
  table: "orders"
  key: [day, id]
  time: day
  where: total > 0
  starts: 2024-01-01
  watermark: "2027-03-15T10:00"
  late: 3 days
  singular: purchase
  on_duplicate: latest(day)
  distinct: true
  description: "Orders"
  owner: finance
"""
    source = catalog_of(text, "orders: day date, id text, total decimal").sources["orders"]
    assert (source.key, source.time, source.starts) == (("day", "id"), "day", "2024-01-01")
    assert (source.watermark, source.late) == (
        "2027-03-15T10:00",
        CalendarDuration(Fraction(3), "day"),
    )
    assert (source.singular, source.on_duplicate, source.distinct) == (
        "purchase",
        "latest(day)",
        True,
    )
    assert isinstance(source.where, Apply)
    assert (source.description, source.owner) == ("Orders", "finance")


def test_columns_keep_the_declared_order_then_the_tables() -> None:
    text = 'source a\n  time: day\n  column b: decimal from "B b"\n  column c = b * 2\n  column day: date\n'
    columns = catalog_of(text, "a: id text, day timestamp, B b text, extra integer").sources["a"].columns
    assert list(columns) == ["b", "c", "day", "id", "extra"]
    assert (columns["b"].physical, columns["b"].type, columns["b"].declared) == (
        "B b",
        DECIMAL,
        True,
    )
    assert (columns["day"].type, columns["extra"].type, columns["extra"].declared) == (
        DATE,
        INTEGER,
        False,
    )
    assert columns["c"].computed is not None


def test_text_tables_are_text_until_a_declaration_says_more() -> None:
    columns = catalog_of("source a\n  time: day\n  column day: date\n", "a (text): day, n").sources["a"].columns
    assert (columns["day"].type, columns["n"].type) == (DATE, TEXT)


def test_headers_in_snake_case() -> None:
    text = "source a\n  time: order_date\n  names: snake_case\n  column unit_price: decimal\n"
    columns = catalog_of(text, "a: Order Date date, unitPrice text, ID text").sources["a"].columns
    assert {name: column.physical for name, column in columns.items()} == {
        "unit_price": "unitPrice",
        "order_date": "Order Date",
        "id": "ID",
    }


def test_a_closed_source_has_its_declared_columns_only() -> None:
    text = "source a\n  time: day\n  columns: closed\n  column day: date\n"
    assert list(catalog_of(text, "a: day date, n integer").sources["a"].columns) == ["day"]
    assert only(text + "x = sum(a.n)", "") == ["E203"]


def test_without_access_names_are_trusted_and_listed() -> None:
    text = "source a\n  time: day\n  column b -> c\nsource c\n  key: id\n  column id: integer\n"
    catalog, diagnostics = bound(text + 'x = sum(a.total where ok and c.name = "A") / sum(a.n)\n  unit: percent')
    assert [each.code for each in diagnostics] == ["W201", "W201"]
    assert "`a.b`, `a.day`, `a.total`, `a.ok` and `a.n`" in diagnostics[0].message
    assert "`c.name`" in diagnostics[1].message
    assert catalog.sources["a"].columns["total"].type == NULL
    assert catalog.sources["a"].columns["b"].type == INTEGER
    assert "x" in catalog.metrics


MATRIX = {
    "text": [TEXT, INTEGER, DECIMAL, BOOLEAN, DATE, TIMESTAMP, DURATION, currency("CNY")],
    "integer": [TEXT, INTEGER, DECIMAL, DURATION, currency("CNY")],
    "decimal": [TEXT, INTEGER, DECIMAL, DURATION, currency("CNY")],
    "float": [INTEGER, DECIMAL, DURATION, currency("CNY")],
    "boolean": [BOOLEAN],
    "date": [DATE, TEXT],
    "timestamp": [TIMESTAMP, DATE],
    "duration": [DURATION],
}


@pytest.mark.parametrize("physical", list(MATRIX))
def test_which_types_a_table_column_can_be_read_as(physical: str) -> None:
    kinds = {"duration": DURATION, "float": Type(Kind.FLOAT)}
    table = kinds.get(physical) or Type(Kind(physical))
    every = [TEXT, INTEGER, DECIMAL, BOOLEAN, DATE, TIMESTAMP, DURATION, currency("CNY")]
    assert [each for each in every if is_readable(table, each)] == [e for e in every if e in MATRIX[physical]]


def test_computed_columns_may_use_later_ones_and_references() -> None:
    text = """
source orders
  time: day
  column a = b + 1
  column b = c * 2
  column c = customers.age
  column customer -> customers
source customers
  key: id
  column age: integer
  column id: text
"""
    columns = (
        catalog_of(text, "orders: day date, customer text\ncustomers: id text, age integer").sources["orders"].columns
    )
    assert columns["a"].type == INTEGER
    assert columns["c"].computed == Field("age", INTEGER, (Step("orders", "customer", "customers", "id"),))


def test_a_boolean_column_stands_alone_as_a_condition() -> None:
    text = 'source a\n  time: day\n  column ok: boolean = status not in ["x"]\nn = count(a where ok)'
    body = catalog_of(text, "a: day date, status text").metrics["n"].body
    assert isinstance(body, Measure)
    assert body.where == Field("ok", BOOLEAN)


CHILDREN = """
source visits
  key: visit_id
  time: at
  column views: integer = count(page_views)
  column seconds: duration = sum(page_views.length where section = "blog")
  column late: boolean = max(page_views.at) > at
source page_views
  time: at
  column visit_id -> visits
x = count(visits where views = 1)
"""
CHILD_TABLES = """visits: visit_id text, at timestamp
page_views: at timestamp, visit_id text, section text, length duration"""


def test_a_column_may_aggregate_a_child_source() -> None:
    catalog = catalog_of(CHILDREN, CHILD_TABLES)
    columns = catalog.sources["visits"].columns
    views = columns["views"].computed
    assert isinstance(views, ChildAggregate)
    assert (views.measure.source, views.link) == (
        "page_views",
        Step("page_views", "visit_id", "visits", "visit_id"),
    )
    assert columns["seconds"].type == DURATION
    assert isinstance(columns["late"].computed, Apply)


def test_the_last_row_before_is_a_reference() -> None:
    text = """
entity visitor
source visits
  key: visit_id
  time: at
  column visitor_id -> visitor
  column conversions: integer = count(orders on touch)
source orders
  time: at
  column visitor_id -> visitor
  column touch -> visits = last(visits on visitor within 7 days)
x = count(orders where touch.channel = "web")
"""
    tables = "visits: visit_id text, at timestamp, visitor_id text, channel text\norders: at timestamp, visitor_id text"
    catalog = catalog_of(text, tables)
    touch = catalog.sources["orders"].columns["touch"]
    assert touch.reference == Reference("visits", "visit_id")
    assert isinstance(touch.computed, LastBefore)
    assert touch.computed.within == CalendarDuration(Fraction(7), "day")
    conversions = catalog.sources["visits"].columns["conversions"].computed
    assert isinstance(conversions, ChildAggregate)
    assert conversions.link.column == "touch"


def test_an_entity_may_have_computed_columns() -> None:
    text = """
entity visitor
  column first_order: date = min(orders.day)
source orders
  time: day
  column visitor_id -> visitor
dimension cohort = bucket(visitor.first_order, month)
x = count(orders where visitor.first_order >= 2027)
"""
    catalog = catalog_of(text, "orders: day date, visitor_id text")
    column = catalog.entities["visitor"].columns["first_order"]
    assert isinstance(column.computed, Measure)
    assert column.type == DATE


def test_a_timestamp_declared_date_is_its_local_day() -> None:
    text = "source a\n  time: at\n  column day: date = at\n"
    computed = catalog_of(text, "a: at timestamp").sources["a"].columns["day"].computed
    assert computed == Apply("date", (Field("at", TIMESTAMP),), DATE)


def test_a_parents_time() -> None:
    text = "source orders\n  key: id\n  time: at\nsource lines\n  time: orders.at\n  column id -> orders\n"
    source = catalog_of(text, "orders: id text, at timestamp\nlines: id text").sources["lines"]
    assert source.time == "orders.at"
    assert source.columns["orders.at"].computed == Field("at", TIMESTAMP, (Step("lines", "id", "orders", "id"),))


DERIVED = """
entity incident
source updates
  key: update_id
  time: at
  column incident_id -> incident
  column big: boolean = size > 5
source closed = (updates where state = "Closed")
  column double = size * 2
source latest_updates = latest(updates per incident)
source lines
  time: at
  column order_id -> orders
  column product_id -> products
source orders
  key: order_id
source products
  key: product_id
source basket = pairs(lines.product_id per order)
  max_items: 50
source items = unnest(updates.items)
  column price: decimal from "price"
dimension item = basket.item
a = count(closed where big and double > 3)
b = count(latest_updates)
c = count(distinct basket.order_id where item.name = "A")
"""
UPDATES = "update_id text, at timestamp, incident_id text, state text, size integer, items list(price decimal)"
DERIVED_TABLES = f"""updates: {UPDATES}
lines: at timestamp, order_id text, product_id text
orders: order_id text
products: product_id text, name text"""


def test_derived_sources_keep_columns_and_references() -> None:
    sources = catalog_of(DERIVED, DERIVED_TABLES).sources
    assert [each.derived.kind if each.derived else "" for each in sources.values()] == [
        "", "filter", "latest", "", "", "", "pairs", "unnest",
    ]  # fmt: skip
    assert (sources["closed"].time, sources["closed"].key) == ("at", ("update_id",))
    assert sources["latest_updates"].key == ("incident_id",)
    assert list(sources["basket"].columns) == ["order_id", "item", "other", "at"]
    assert sources["basket"].columns["item"].reference == Reference("products", "product_id", "item")
    assert sources["basket"].derived is not None
    assert (sources["basket"].derived.max_items, sources["items"].time) == (50, "at")
    assert sources["closed"].columns["double"].type == INTEGER


def test_broken_sources_take_with_them_what_reads_them() -> None:
    text = "source a\n  time: day\n  where: totl > 5\nx = count(a)\ny = x + 1\nsource b\n  time: day\nz = count(b)"
    catalog, diagnostics = bound(text, "a: day date, total decimal\nb: day date")
    assert [each.code for each in diagnostics] == ["E203", "N201"]
    assert (list(catalog.metrics), list(catalog.sources)) == (["z"], ["b"])
    assert diagnostics[1].message == "source `a` has an error; left out with it: `x` and `y`"


def test_the_calendar() -> None:
    text = 'calendar\n  timezone: "Asia/Shanghai"\n  week_starts: sunday\n'
    text += "  fiscal_year_starts: april\n  currency: CNY\n"
    assert catalog_of(text).calendar == CalendarSettings("Asia/Shanghai", "sunday", 4, "end", "CNY")
    assert bound("", defaults=CalendarSettings(currency="EUR"))[0].calendar.currency == "EUR"


def test_a_bare_currency_is_the_calendars() -> None:
    text = "calendar\n  currency: CNY\nsource a\n  time: day\n  column x: currency\n"
    assert catalog_of(text, "a: day date, x decimal").sources["a"].columns["x"].type == currency("CNY")
