"""`count(orders)/count(distinct visitors)`: what it counts, and over which rows."""

from __future__ import annotations

import pytest

from kpi_engine.ir.expression import Apply, Field, KeyedAggregate, Measure
from kpi_engine.ir.types import COUNT, TEXT, Kind

from .shop import codes, metric, shop, wrong


def measure(formula: str) -> Measure:
    body = metric(formula).body
    assert isinstance(body, Measure)
    return body


def test_the_line_itself() -> None:
    conversion = metric("count(orders)/count(distinct visitors)")
    assert isinstance(conversion.body, Apply)
    assert conversion.body.operation == "divide"
    orders, visitors = conversion.body.arguments
    assert orders == Measure("count", "orders", (), COUNT)
    assert visitors == Measure(
        "count", "visits", (Field("visitor_id", TEXT),), COUNT, distinct=True, key_source="visitor"
    )
    assert conversion.sources == ("orders", "visits")
    assert (conversion.type.kind, conversion.type.nature) == (Kind.FLOAT, "ratio")
    assert str(conversion.display) == "ratio"


@pytest.mark.parametrize("word", ["orders", "order", "`orders`"])
def test_rows_of_a_source_are_counted_by_either_of_its_words(word: str) -> None:
    assert measure(f"count({word})") == Measure("count", "orders", (), COUNT)


@pytest.mark.parametrize("word", ["visitor", "visitors"])
def test_an_entity_answers_to_its_name_and_its_plural(word: str) -> None:
    assert measure(f"count(distinct {word})").source == "visits"


def test_no_other_plural_is_guessed() -> None:
    assert codes("entity person\nx = count(distinct people)") == ["E201"]
    text = "entity person\n  plural: people\nsource tags\n  time: at\n  column who -> person\n"
    text += "x = count(distinct people)"
    assert codes(text) == []


def test_a_singular_can_be_set() -> None:
    catalog = shop("source purchases\n  singular: buy\n  time: at\nx = count(buy)")
    assert catalog.metrics["x"].sources == ("purchases",)


def test_two_owners_of_a_word_are_an_error() -> None:
    assert codes("entity order\n  plural: purchases") == ["E205"]
    assert set(codes("entity order")) == {"E205"}


def test_counted_in_decides_among_several_sources() -> None:
    assert measure("count(distinct visitors)").source == "visits"


def test_without_counted_in_the_only_source_that_refers_is_taken() -> None:
    found = measure("count(distinct customers)")
    assert (found.source, found.arguments) == ("orders", (Field("customer_id", TEXT),))
    assert found.key_source == "customers"


def test_several_counting_sources_are_listed() -> None:
    (error,) = wrong("x = count(distinct products)")
    assert error.code == "E311"
    assert "order_lines, stock" in error.message
    assert "count(distinct order_lines.product_id)" in error.help


def test_a_source_is_never_its_own_counting_source() -> None:
    text = "source staff\n  key: id\n  time: at\n  column id: text\n  column boss: text -> staff\n"
    (error,) = wrong(text + "x = count(distinct staff)")
    assert (error.code, "count(staff)" in error.help) == ("E312", True)


def test_new_rows_of_a_source_are_counted_plainly() -> None:
    assert measure("count(customers)").source == "customers"


def test_a_column_is_counted_where_it_is_not_null() -> None:
    found = measure("count(orders.customer_id)")
    assert (found.arguments, found.distinct) == ((Field("customer_id", TEXT),), False)


def test_distinct_values_of_a_column() -> None:
    found = measure("count(distinct orders.channel)")
    assert (found.source, found.distinct, found.key_source) == ("orders", True, None)


def test_a_bare_entity_says_what_to_write() -> None:
    (error,) = wrong("x = count(visitors)")
    assert (error.code, "count(distinct visitors)" in error.help) == ("E305", True)


def test_a_bare_entity_is_counted_with_having() -> None:
    body = metric("count(visitors having count(visits) > 1)").body
    assert isinstance(body, KeyedAggregate)
    assert (body.function, body.body, body.keys, body.all) == ("count", None, ("visitor",), False)
    assert body.by_source == (("visits", (Field("visitor_id", TEXT),)),)


def test_a_source_without_key_has_no_distinct_rows() -> None:
    text = "source log\n  time: at\nsource notes\n  time: at\n  column log -> log.id\nx = count(distinct log)"
    assert codes(text) == ["E314"]


def test_a_source_without_time_is_only_looked_up() -> None:
    assert codes("x = count(products)") == ["E313"]


def test_things_and_values_are_two_namespaces() -> None:
    catalog = shop("orders = count(orders)\nvisitors = count(distinct visitors)\nratio = orders / visitors\n")
    assert catalog.metrics["ratio"].sources == ("orders", "visits")
    assert catalog.metrics["ratio"].uses == ("orders", "visitors")


def test_the_head_of_a_dotted_path_is_a_thing_also_beside_a_metric() -> None:
    catalog = shop("ad_spend = sum(ad_spend.cost)\nx = ad_spend / sum(ad_spend.cost)")
    assert catalog.metrics["x"].sources == ("ad_spend",)


def test_inside_an_aggregate_a_bare_column_wins() -> None:
    catalog = shop("total = count(orders)\nx = count(orders where total > 5)")
    body = catalog.metrics["x"].body
    assert isinstance(body, Measure)
    assert isinstance(body.where, Apply)
    assert body.where.arguments[0] == Field("total", catalog.sources["orders"].columns["total"].type)
