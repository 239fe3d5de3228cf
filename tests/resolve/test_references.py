"""References and legality: chains, aliases, full paths, fan-out, base sources, dimensions and filters."""

from __future__ import annotations

import pytest

from kpi_engine.ir.expression import Apply, Field, Measure, Restrict, Step
from kpi_engine.ir.question import Question

from .checking import asked, bound, catalog_of
from .shop import codes, metric, shop, wrong

FLIGHTS = """
source airports
  key: code
  column city_id -> cities
source cities
  key: city_id
source flights
  time: day
  column origin -> airports as departure
  column destination -> airports
  column plane_id -> planes.tail
source planes
source seats
  time: day
  column flight_id -> flights.flight_id
"""
FLIGHT_TABLES = """
airports: code text, city_id text, name text
cities: city_id text, country text
flights: flight_id text, day date, origin text, destination text, plane_id text
planes: tail text, maker text
seats: day date, flight_id text
"""


def where(formula: str, tables: str = FLIGHT_TABLES, definitions: str = FLIGHTS) -> Field:
    """The first operand of the condition of a count."""
    body = catalog_of(f"{definitions}x = {formula}", tables).metrics["x"].body
    assert isinstance(body, Measure)
    assert isinstance(body.where, Apply)
    field = body.where.arguments[0]
    assert isinstance(field, Field)
    return field


def steps(field: Field) -> list[str]:
    return [f"{step.source}.{step.column}->{step.target}.{step.target_column}" for step in field.steps]


def test_one_chain_is_followed() -> None:
    found = where('count(seats where planes.maker = "A")')
    assert steps(found) == ["seats.flight_id->flights.flight_id", "flights.plane_id->planes.tail"]
    assert found.column == "maker"


def test_two_chains_are_listed() -> None:
    (error,) = [
        e for e in bound(FLIGHTS + 'x = count(flights where airports.name = "A")', FLIGHT_TABLES)[1] if e.code != "W201"
    ]
    assert error.code == "E208"
    assert "`flights.origin` and `flights.destination`" in error.message


def test_an_alias_names_one_chain() -> None:
    assert steps(where('count(flights where departure.name = "A")')) == ["flights.origin->airports.code"]


def test_an_alias_is_found_through_other_references() -> None:
    found = where('count(seats where departure.name = "A")')
    assert steps(found) == ["seats.flight_id->flights.flight_id", "flights.origin->airports.code"]


def test_a_full_path_may_always_be_written() -> None:
    found = where('count(seats where seats.flight_id.destination.city_id.country = "IT")')
    assert [step.column for step in found.steps] == ["flight_id", "destination", "city_id"]
    found = where('count(flights where destination.name = "A")')
    assert steps(found) == ["flights.destination->airports.code"]


def test_a_path_through_things_may_continue_by_one_chain() -> None:
    found = where('count(seats where departure.cities.country = "IT")')
    assert [step.column for step in found.steps] == ["flight_id", "origin", "city_id"]


def test_a_reference_to_another_unique_column() -> None:
    assert where('count(flights where planes.maker = "A")').steps == (Step("flights", "plane_id", "planes", "tail"),)


def test_a_source_may_refer_to_itself() -> None:
    text = "source staff\n  key: id\n  time: hired\n  column boss -> staff\n"
    tables = "staff: id text, boss text, hired date, name text"
    assert steps(where('count(staff where staff.name = "A")', tables, text)) == []
    assert steps(where('count(staff where boss.name = "A")', tables, text)) == ["staff.boss->staff.id"]


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ('count(orders where visits.device = "phone")', "E209"),
        ('count(orders where vists.device = "phone")', "E201"),
        ('count(orders where status.device = "phone")', "E201"),
        ('count(orders where customers.contry = "DE")', "E203"),
        ("count(orders where day.month = 3)", "E201"),
    ],
)
def test_ways_that_do_not_exist(formula: str, code: str) -> None:
    assert codes(f"x = {formula}") == [code]


@pytest.mark.parametrize(
    "formula",
    [
        "sum(orders.total where order_lines.quantity > 1)",
        "count(orders where order_lines.quantity > 1)",
        "(sum(orders.total) where order_lines.quantity > 1)",
    ],
)
def test_one_to_many_steps_are_refused(formula: str) -> None:
    assert codes(f"x = {formula}") == ["E310"]


def test_of_several_sources_the_one_that_reaches_the_others_is_the_base() -> None:
    body = metric("sum(order_lines.quantity * orders.total)").body
    assert isinstance(body, Measure)
    assert body.source == "order_lines"
    assert codes("x = sum(orders.total * visits.length)") == ["E307"]


def test_bare_names_are_columns_of_the_base() -> None:
    body = metric("sum(order_lines.quantity * price where orders.is_valid)").body
    assert isinstance(body, Measure)
    assert isinstance(body.where, Field)
    assert (body.where.column, [step.target for step in body.where.steps]) == ("is_valid", ["orders"])
    (product,) = body.arguments
    assert isinstance(product, Apply)
    assert [(each.column, each.steps) for each in product.arguments if isinstance(each, Field)] == [
        ("quantity", ()),
        ("price", ()),
    ]
    (error,) = wrong('x = count(order_lines where channel = "web")')
    assert (error.code, error.help) == ("E309", "write the column: `orders.channel`")


def test_keys_are_needed_only_where_something_refers() -> None:
    assert codes("source log\n  time: at\nx = count(log)") == []
    assert codes("source log\n  time: at\n  column order_id -> ad_spend") == ["E214"]


def test_a_snapshot_is_referred_to_by_its_key_without_time() -> None:
    catalog = shop("source moves\n  time: day\n  column product_id -> stock\n  column day: date\n")
    reference = catalog.sources["moves"].columns["product_id"].reference
    assert reference is not None
    assert reference.target_column == "product_id"


# ---------------------------------------------------------------------------------------- dimensions


def test_a_dimension_is_reached_along_references() -> None:
    question = asked(shop("x = sum(order_lines.quantity)"), Question(("x",), ("category", "channel", "country")))
    found = {each.name: each.on("order_lines") for each in question.dimensions}
    assert {name: [s.target for s in value.steps] for name, value in found.items() if isinstance(value, Field)} == {
        "category": ["products"],
        "channel": ["orders"],
        "country": ["orders", "customers"],
    }


def test_a_dimension_over_time_exists_everywhere() -> None:
    question = asked(shop("x = count(orders) / count(visits)"), Question(("x",), ("weekday",)))
    (weekday,) = question.dimensions
    times = {}
    for source, value in weekday.by_source:
        assert isinstance(value, Apply)
        assert isinstance(value.arguments[0], Field)
        times[source] = value.arguments[0].column
    assert times == {"orders": "ordered_at", "visits": "started_at"}


def test_a_column_that_every_base_source_has_is_a_dimension() -> None:
    catalog = shop("x = count(orders) / count(tickets)\ny = count(orders)")
    assert [d.name for d in asked(catalog, Question(("y",), ("status",))).dimensions] == ["status"]


def test_the_nearer_value_of_a_dimension_counts() -> None:
    text = "source notes\n  time: at\n  column order_id -> orders\ndimension kind = orders.status, customers.country\n"
    question = asked(shop(text + "x = count(notes)"), Question(("x",), ("kind",)))
    value = question.dimensions[0].on("notes")
    assert isinstance(value, Field)
    assert value.column == "status"


# ---------------------------------------------------------------------------------------- filters


def test_a_filter_is_bound_on_each_base_source() -> None:
    body = metric('(count(orders) / count(visits) where channel = "web" and weekday < 6)').body
    assert isinstance(body, Restrict)
    first, second = body.conjuncts
    assert [source for source, _ in first.by_source] == ["orders", "visits"]
    assert (first.dimensions, first.only_dimensions) == (frozenset({"channel"}), True)
    assert (second.dimensions, second.only_dimensions) == (frozenset({"weekday"}), True)


@pytest.mark.parametrize(
    ("condition", "dimensions", "only"),
    [
        ('channel = "web"', {"channel"}, True),
        ('orders.channel = "web"', {"channel"}, True),
        ('customers.country = "DE" or channel = "web"', {"country", "channel"}, True),
        ('channel = "web" or is_valid', {"channel"}, False),
        ("is_valid", set(), False),
        ("part(ordered_at, weekday) = 1", {"weekday"}, True),
    ],
)
def test_which_dimensions_a_condition_names(condition: str, dimensions: set[str], only: bool) -> None:
    body = metric(f"(count(orders) where {condition})").body
    assert isinstance(body, Restrict)
    (conjunct,) = body.conjuncts
    assert (conjunct.dimensions, conjunct.only_dimensions) == (frozenset(dimensions), only)


def test_a_column_that_a_total_names_is_a_dimension() -> None:
    body = metric('(count(orders) / total(count(orders), status) where status = "paid")').body
    assert isinstance(body, Restrict)
    assert body.conjuncts[0].dimensions == {"status"}
    assert codes('x = (count(orders) / total(count(orders), status) where status = "paid" or is_valid)') == ["E351"]


def test_a_filter_that_one_source_cannot_follow_is_refused() -> None:
    (error,) = wrong('x = (count(orders) / count(visits) where customers.country = "DE")')
    assert (error.code, "visits" in error.message) == ("E354", True)


def test_top_level_and_is_split_through_brackets() -> None:
    body = metric('(count(orders) where (is_valid and status = "a") and (pieces > 1 or pieces < 0))').body
    assert isinstance(body, Restrict)
    assert len(body.conjuncts) == 3
