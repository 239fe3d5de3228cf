"""Windows and groups of keys: lowerings, lengths, levels, and the forms that later versions evaluate."""

from __future__ import annotations

from fractions import Fraction

import pytest

from kpi_engine.ir.expression import (
    Apply,
    CalendarDuration,
    Constant,
    Field,
    KeyedAggregate,
    Measure,
    MetricReference,
    Total,
    Window,
)
from kpi_engine.ir.types import INTEGER, RATIO, TEXT

from .shop import codes, metric, shop, wrong

YEAR = CalendarDuration(Fraction(1), "year")


def test_previous_is_a_window() -> None:
    body = metric("previous(count(orders))").body
    assert isinstance(body, Window)
    assert (body.kind, body.duration, body.grain) == ("previous", None, None)


@pytest.mark.parametrize("length", ["1 year", "year"])
def test_a_grain_may_stand_for_a_duration(length: str) -> None:
    body = metric(f"rolling(count(orders), {length})").body
    assert isinstance(body, Window)
    assert body.duration == YEAR


def test_change_is_a_difference() -> None:
    body = metric("change(count(orders), 1 year)").body
    assert isinstance(body, Apply)
    now, before = body.arguments
    assert body.operation == "subtract"
    assert before == Window("previous", now, YEAR, None, now.type)


def test_growth_is_a_quotient_less_one() -> None:
    body = metric("growth(count(orders))").body
    assert isinstance(body, Apply)
    quotient, one = body.arguments
    assert (body.operation, one, body.type) == ("subtract", Constant(1, INTEGER), RATIO)
    assert isinstance(quotient, Apply)
    assert quotient.operation == "divide"
    assert quotient.arguments[1] == Window("previous", quotient.arguments[0], None, None, quotient.arguments[0].type)


def test_todate_names_a_grain() -> None:
    body = metric("todate(count(orders), fiscal_year)").body
    assert isinstance(body, Window)
    assert body.grain == "fiscal_year"


@pytest.mark.parametrize("window", ["rolling({}, 1 year)", "todate({}, year)", "cumulative({})", "before({})"])
@pytest.mark.parametrize("inner", ["previous", "change", "growth"])
def test_previous_needs_a_length_inside_a_window_of_its_own(window: str, inner: str) -> None:
    plain = window.format(f"{inner}(count(orders))")
    assert codes(f"x = {plain}") == ["E337"]
    assert codes(f"g = {inner}(count(orders)) + 1\nx = {window.format('g')}") == ["E337"]
    long = window.format(f"{inner}(count(orders), 1 year)")
    assert codes(f"x = {long}") == []


def test_a_window_may_stand_around_previous_the_other_way() -> None:
    assert codes("x = previous(rolling(count(orders), 28 days))") == []


@pytest.mark.parametrize("length", ["0 days", "1.5 months", "-7 days", "28", "yaer", '"7 days"', "(1 + 1)"])
def test_lengths_that_mean_nothing(length: str) -> None:
    assert codes(f"x = rolling(count(orders), {length})") in (["E336"], ["E201"])


def test_median_is_the_fiftieth_percentile() -> None:
    body = metric("median(orders.total where is_valid)").body
    assert isinstance(body, Measure)
    assert (body.function, body.parameters) == ("percentile", (Constant(50, INTEGER),))


def test_percentile_and_weighted_average() -> None:
    body = metric("percentile(orders.total where is_valid dated by delivered_at, 90)").body
    assert isinstance(body, Measure)
    assert (len(body.arguments), body.parameters, body.dated_by) == (
        1,
        (Constant(90, INTEGER),),
        "delivered_at",
    )
    body = metric("weighted_avg(order_lines.price where orders.is_valid, quantity)").body
    assert isinstance(body, Measure)
    assert [each.column for each in body.arguments if isinstance(each, Field)] == [
        "price",
        "quantity",
    ]
    assert codes("x = percentile(orders.total, 101)") == ["E339"]


def test_total_drops_declared_dimensions_and_common_columns() -> None:
    body = metric("total(count(orders), channel, status)").body
    assert isinstance(body, Total)
    assert body.dimensions == ("channel", "status")
    assert codes("x = total(count(orders) / count(visits), status)") == ["E215"]
    assert codes("x = total(count(orders), category)") == []


def test_a_metric_by_name_carries_its_body() -> None:
    catalog = shop("n = count(orders)\nx = n / n")
    body = catalog.metrics["x"].body
    assert isinstance(body, Apply)
    assert body.arguments[0] == MetricReference("n", catalog.metrics["n"].body, catalog.metrics["n"].type)


# ---------------------------------------------------------------------------------------------------- groups of keys


def keyed(formula: str) -> KeyedAggregate:
    body = metric(formula).body
    assert isinstance(body, KeyedAggregate)
    return body


def test_keys_are_found_on_each_base_source() -> None:
    found = keyed("avg(sum(orders.total) / sum(order_lines.quantity) per customer)")
    assert found.keys == ("customers",)
    ids = {source: (fields[0].column, [s.target for s in fields[0].steps]) for source, fields in found.by_source}
    assert ids == {"orders": ("customer_id", []), "order_lines": ("customer_id", ["orders"])}


def test_a_source_is_its_own_key() -> None:
    assert keyed("avg(sum(orders.total) per order)").by_source == (("orders", (Field("order_id", TEXT),)),)


def test_grains_have_no_columns() -> None:
    found = keyed("avg(sum(orders.total) per day)")
    assert (found.keys, found.grain, found.by_source) == (("day",), "day", (("orders", ()),))


def test_a_filter_of_the_keys_own_columns() -> None:
    found = keyed('count(customers where country = "DE" having count(orders) > 1)')
    assert isinstance(found.where, Apply)
    assert found.where.arguments[0] == Field("country", TEXT)


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("avg(count(visits) per customer)", "E346"),
        ("avg(count(orders) per ad_spend)", "E314"),
        ("avg(5 per customer)", "E346"),
        ("avg(orders.total per customer)", "E302"),
        ("count(customers having orders.total > 5)", "E302"),
        ("count(customers having count(orders))", "E308"),
        ("sum(count(orders) having count(orders) > 1)", "E334"),
        ("count(all customers)", "E334"),
        ("count(all day having count(orders) > 0)", "E334"),
        ("avg(count(orders) per day at end)", "E334"),
        ("avg(count(orders) per day, week)", "E338"),
        ("avg(count(orders) per (day, week))", "E334"),
        ("count(day where is_valid having count(orders) > 0)", "E334"),
    ],
)
def test_groups_that_mean_nothing(formula: str, code: str) -> None:
    assert codes(f"x = {formula}") == [code]


@pytest.mark.parametrize(
    ("formula", "refused"),
    [
        ("count(customers having count(orders) = 0)", True),
        ("count(customers having not count(orders) > 0)", True),
        ("count(customers having count(orders) < 5 and sum(orders.total) = 0)", True),
        ("count(customers having avg(orders.total) is null)", True),
        ("avg(count(orders) per customer having before(count(orders)) = 0)", True),
        ("count(all customers having count(orders) = 0)", False),
        ("count(customers having count(orders) > 0 and before(count(orders)) = 0)", False),
        ("sum(count(orders) per customer having before(count(orders)) = 0)", False),
        ("avg(avg(orders.total) per customer having before(count(orders)) = 0)", False),
        ("count(customers having previous(count(orders)) > 0)", False),
        ("count(customers having avg(orders.total) > 5)", False),
        ("count(customers having sum(orders.total) / count(orders) < 5)", False),
        ("count(day having count(orders) = 0)", False),
        ("count(visitors having coalesce(avg(visits.length), 0 minutes) < 5 minutes)", True),
    ],
)
def test_groups_without_rows(formula: str, refused: bool) -> None:
    assert codes(f"x = {formula}") == (["E347"] if refused else [])


# -------------------------------------------------------------------------------------------------- snapshots, events


def test_a_snapshot_is_summed_at_a_point_or_directly_under_its_interval() -> None:
    assert codes("x = sum(stock.on_hand)") == ["E330"]
    assert codes("x = sum(stock.on_hand at end)\ny = sum(stock.on_hand at start)") == []
    assert codes("x = avg(sum(stock.on_hand) / count(stock) per day)") == []
    assert codes("x = count(day having sum(stock.on_hand) > 0)") == []
    assert codes("x = avg(previous(sum(stock.on_hand), 1 day) per day)") == ["E330"]
    assert codes("x = avg(sum(stock.on_hand) per week)") == ["E330"]
    assert codes("n = count(stock)\nx = avg(n per day)") == ["E330"]
    assert codes("x = avg(stock.on_hand)\ny = count(distinct stock.product_id)") == []


def test_at_needs_a_lifetime_or_a_snapshot() -> None:
    body = metric("count(tickets at end)").body
    assert isinstance(body, Measure)
    assert body.at == "end"
    assert codes("x = count(orders at end)") == ["E331"]
    assert codes("x = count(tickets at end dated by closed_at)") == ["E332"]


def test_dated_by_takes_a_time_column_also_of_a_parent() -> None:
    assert codes("x = count(orders dated by status)") == ["E333"]
    catalog = shop("x = sum(order_lines.quantity dated by orders.delivered_at)")
    body = catalog.metrics["x"].body
    assert isinstance(body, Measure)
    assert body.dated_by == "orders.delivered_at"
    column = catalog.sources["order_lines"].columns["orders.delivered_at"]
    assert isinstance(column.computed, Field)
    assert (column.computed.column, len(column.computed.steps)) == ("delivered_at", 1)


def test_events_are_joined_by_the_single_thing_in_common() -> None:
    body = metric('count(visits where device = "phone" followed by orders where is_valid within 7 days)').body
    assert isinstance(body, Measure)
    (link,) = body.followed
    assert (link.target, link.negated, link.within) == (
        "orders",
        False,
        CalendarDuration(Fraction(7), "day"),
    )
    assert (link.keys, link.target_keys) == (
        (Field("visitor_id", TEXT),),
        (Field("visitor_id", TEXT),),
    )
    assert link.condition is not None
    assert body.where is not None


def test_on_names_the_key_also_the_first_sources_own() -> None:
    text = "source carts\n  key: cart_id\n  time: at\n  column cart_id: text\n  column at: timestamp\n"
    text += "source buys\n  time: at\n  column at: timestamp\n  column cart_id: text -> carts\n"
    body = shop(text + "x = count(carts not followed by buys on cart within 1 day)").metrics["x"].body
    assert isinstance(body, Measure)
    assert body.followed[0].keys == (Field("cart_id", TEXT),)
    assert body.followed[0].negated


def test_a_chain_joins_each_event_with_the_one_before() -> None:
    chain = "followed by orders within 1 day followed by visits within 2 hours"
    body = metric(f"count(visits {chain})").body
    assert isinstance(body, Measure)
    assert [link.target for link in body.followed] == ["orders", "visits"]


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("count(visits followed by orders within 1 month)", "E336"),
        ("count(visits followed by tickets within 1 day)", "E343"),
        ("count(visits followed by ordres within 1 day)", "E201"),
        ("count(visits followed by orders on customer within 1 day)", "E343"),
        ("count(visits followed by orders where total within 1 day)", "E308"),
        ('count(visits followed by orders where device = "phone" within 1 day)', "E203"),
    ],
)
def test_events_that_do_not_fit(formula: str, code: str) -> None:
    assert codes(f"x = {formula}") == [code]


def test_messages_name_the_metric_that_is_to_blame() -> None:
    (error,) = wrong("g = growth(count(orders))\nx = rolling(g, 1 year)")
    assert "(in `g`)" in error.message
