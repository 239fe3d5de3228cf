"""Types and units: inference, algebra, and every refusal that the language states."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.ir.expression import Apply, Constant, Measure
from kpi_engine.ir.types import (
    COUNT,
    DECIMAL,
    DURATION,
    FLOAT,
    INTEGER,
    RATIO,
    Kind,
    Type,
    Unit,
    currency,
)
from kpi_engine.resolve.units import (
    TypeMismatchError,
    is_power_of_ten,
    product_type,
    quotient_type,
    sum_type,
)

from .shop import codes, metric, shop

UNITS = st.lists(st.tuples(st.sampled_from(["CNY", "EUR", "time"]), st.integers(-2, 2)), max_size=3).map(
    lambda powers: Unit(tuple(sorted((base, power) for base, power in dict(powers).items() if power)))
)
NUMBERS = st.builds(Type, st.sampled_from([Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT]), UNITS)


@given(NUMBERS, NUMBERS)
def test_products_and_quotients_undo_each_other(left: Type, right: Type) -> None:
    assert quotient_type(product_type(left, right), right).unit == left.unit
    assert product_type(left, right).unit == product_type(right, left).unit


@given(NUMBERS, NUMBERS)
def test_sums_need_equal_units(left: Type, right: Type) -> None:
    if left.unit == right.unit:
        assert sum_type("+", left, right).unit == left.unit
    else:
        with pytest.raises(TypeMismatchError) as caught:
            sum_type("+", left, right)
        assert caught.value.code == "E320"


@given(NUMBERS, NUMBERS)
def test_quotients_are_floats_and_sums_the_wider_kind(left: Type, right: Type) -> None:
    width = [Kind.INTEGER, Kind.DECIMAL, Kind.FLOAT]
    assert quotient_type(left, right).kind is Kind.FLOAT
    assert product_type(left, right).kind is width[max(width.index(left.kind), width.index(right.kind))]


@given(st.one_of(st.integers(-(10**6), 10**6), st.decimals(allow_nan=False, allow_infinity=False, places=3)))
def test_powers_of_ten(value: int | Decimal) -> None:
    digits = str(value).rstrip("0").rstrip(".") if "." in str(value) else str(value)
    assert is_power_of_ten(value) == (digits.rstrip("0") == "1" and value >= 1)


@pytest.mark.parametrize(
    ("formula", "display", "kind"),
    [
        ("sum(orders.total)", "currency(CNY)", Kind.DECIMAL),
        ("sum(orders.total) / sum(orders.cost)", "ratio", Kind.FLOAT),
        ("sum(orders.total) / count(orders)", "currency(CNY)", Kind.FLOAT),
        ("count(orders where is_valid) / count(orders)", "ratio", Kind.FLOAT),
        ("avg(orders.delivered_at - orders.ordered_at)", "duration", Kind.FLOAT),
        ("sum(visits.length)", "duration", Kind.INTEGER),
        ("avg(visits.length) / avg(orders.delivered_at - orders.ordered_at)", "ratio", Kind.FLOAT),
        ("avg(visits.length) / 1 hour", "ratio", Kind.FLOAT),
        ("avg(order_lines.quantity)", "number", Kind.FLOAT),
        ("sum(order_lines.quantity)", "number", Kind.INTEGER),
        ("count(orders)", "count", Kind.INTEGER),
        ("100 * count(orders)", "number", Kind.INTEGER),
        ("sum(order_lines.price * quantity)", "number", Kind.DECIMAL),
        ("sum(orders.weight)", "number", Kind.FLOAT),
        ("variance(orders.total)", "number", Kind.FLOAT),
        ("sum(orders.total) / avg(visits.length)", "number", Kind.FLOAT),
        ("growth(sum(orders.total))", "ratio", Kind.FLOAT),
        ("change(sum(orders.total))", "currency(CNY)", Kind.DECIMAL),
        ("max(orders.ordered_at)", "number", Kind.TIMESTAMP),
        ("-sum(orders.total)", "currency(CNY)", Kind.DECIMAL),
        ("round(sum(orders.total) / count(orders), 2)", "currency(CNY)", Kind.FLOAT),
    ],
)
def test_inferred_units(formula: str, display: str, kind: Kind) -> None:
    found = metric(formula)
    assert (str(found.display), found.type.kind) == (display, kind)


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("sum(orders.total) + count(orders)", "E320"),
        ("sum(orders.total) - avg(visits.length)", "E320"),
        ("if(sum(orders.total) > avg(visits.length), 1, 0)", "E320"),
        ("count(visits where length > 30)", "E320"),
        ('count(orders where total > "5")', "E321"),
        ("count(orders where status > 5)", "E321"),
        ("count(orders where is_valid > false)", "E321"),
        ("count(orders where status = null)", "E325"),
        ("sum(orders.cost * weight)", "E329"),
        ("sum(orders.cost + weight / weight)", "E329"),
        ("count(orders where status + 1 = 2)", "E324"),
        ("count(orders where ordered_at + day > day)", "E324"),
        ("avg(orders.delivered_at - day)", "E323"),
    ],
)
def test_what_does_not_go_together(formula: str, code: str) -> None:
    assert codes(f"x = {formula}") == [code]


def test_two_currencies_do_not_add_up() -> None:
    text = "source fees\n  time: at\n  column at: date\n  column a: currency(EUR)\n"
    assert codes(text + "x = sum(orders.total) + sum(fees.a)") == ["E320"]
    assert codes(text + "x = sum(orders.total) / sum(fees.a)") == []


@pytest.mark.parametrize(
    "formula",
    [
        "count(orders where total > 100)",
        "count(orders where total = 0 and pieces > 1.5)",
        "sum(orders.total) - 5000",
        "count(visits where length > 0)",
        "count(visits where length > 30 minutes)",
        "sum(case when is_valid then orders.total else 0 end)",
        "coalesce(sum(orders.total), 0)",
        "count(orders where total in [10, 20.50])",
    ],
)
def test_a_literal_takes_the_unit_of_what_it_meets(formula: str) -> None:
    assert codes(f"x = {formula}") == []


def test_division_of_an_exact_number_by_a_literal_power_of_ten_is_exact_in_rows() -> None:
    assert metric("sum(orders.total / 100)").type == currency("CNY")
    assert metric("sum(orders.total / 30)").type.kind is Kind.FLOAT
    assert metric("sum(orders.total) / 100").type.kind is Kind.FLOAT
    assert metric("sum(orders.weight / 100)").type == FLOAT


def test_between_metrics_decimal_with_float_is_float() -> None:
    assert metric("sum(orders.cost) * avg(orders.weight)").type == Type(Kind.FLOAT, Unit.currency("CNY"))


def test_money_declared_over_floats_is_decimal() -> None:
    assert metric("sum(orders.total)").type == currency("CNY")


def test_durations_are_microseconds() -> None:
    body = metric("count(visits where length > 30 minutes)").body
    assert isinstance(body, Measure)
    assert isinstance(body.where, Apply)
    assert body.where.arguments[1] == Constant(30 * 60 * 1_000_000, DURATION)


PERCENT = "share = count(orders where is_valid) / count(orders)\n  unit: percent\n"


@pytest.mark.parametrize(
    ("definition", "wanted"),
    [
        ("x = if(share > 3, 1, 0)", ["E326"]),
        ("x = if(share > 0, 1, 0)", []),
        ("x = if(share <= 1, 1, 0)", []),
        ("x = if(share > 3%, 1, 0)", []),
        ("x = if(1 - share > 3, 1, 0)", ["E326"]),
        ("x = if(previous(share) > 3, 1, 0)", ["E326"]),
        ("x = if((share where is_valid) in [3], 1, 0)", ["E326"]),
        ("x = if(share / count(orders) > 3, 1, 0)", []),
        ("x = if(change(share) > 2 points, 1, 0)", []),
        ("x = if(growth(share) > 2 points, 1, 0)", ["E327"]),
        ("x = count(orders) + 2 points", []),
        ("x = sum(orders.total) + 2 points", ["E327"]),
        ("nps = 100 * share\n  unit: points\nx = nps + share", ["E328"]),
        ("nps = 100 * share\n  unit: points\nx = if(nps > share, 1, 0)", ["E328"]),
        ("nps = 100 * share\n  unit: points\nx = nps - 5", []),
    ],
)
def test_percent_and_points(definition: str, wanted: list[str]) -> None:
    assert codes(PERCENT + definition) == wanted


def test_points_are_hundredths_of_a_percentage_and_whole_elsewhere() -> None:
    for text, value in (
        ("share - 2 points", Decimal("0.02")),
        ("avg(orders.pieces) - 2 points", Decimal(2)),
    ):
        body = shop(f"{PERCENT}x = {text}").metrics["x"].body
        assert isinstance(body, Apply)
        assert body.arguments[1] == Constant(value, DECIMAL)


def test_a_percent_literal_is_a_fraction() -> None:
    body = metric("count(orders) * 2.5%").body
    assert isinstance(body, Apply)
    assert body.arguments[1] == Constant(Decimal("0.025"), DECIMAL)


@pytest.mark.parametrize(
    ("formula", "unit", "wanted"),
    [
        ("count(orders) / count(visits)", "percent", []),
        ("100 * count(orders) / count(visits)", "points", []),
        ("count(orders) / count(visits)", "number", []),
        ("sum(visits.length)", "duration(minute)", []),
        ("sum(visits.length)", "duration", []),
        ("sum(orders.total)", "currency(CNY)", []),
        ("sum(orders.total)", "percent", ["E341"]),
        ("sum(orders.total)", "currency(EUR)", ["E341"]),
        ("count(orders)", "currency(CNY)", ["E341"]),
        ("count(orders)", "duration(hour)", ["E341"]),
        ("sum(visits.length)", "duration(month)", ["E341"]),
        ("max(orders.ordered_at)", "percent", ["E341"]),
        ("count(orders)", '"%"', ["E212"]),
    ],
)
def test_stated_units(formula: str, unit: str, wanted: list[str]) -> None:
    assert codes(f"x = {formula}\n  unit: {unit}") == wanted


@pytest.mark.parametrize(
    ("formula", "unit", "target", "value"),
    [
        ("count(orders) / count(visits)", "percent", "2.5%", Decimal("0.025")),
        ("count(orders) / count(visits)", "percent", "1", 1),
        ("count(orders) / count(visits)", "percent", "2 points", Decimal("0.02")),
        ("100 * count(orders) / count(visits)", "points", "40", 40),
        ("sum(visits.length)", "duration(minute)", "30 minutes", 1_800_000_000),
        ("sum(orders.total)", "currency(CNY)", "5_000.50", Decimal("5000.50")),
        ("growth(count(orders))", "percent", "-5%", Decimal("-0.05")),
    ],
)
def test_targets(formula: str, unit: str, target: str, value: Decimal | int) -> None:
    found = metric(formula, f"unit: {unit}", f"target: {target}").target
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    ("formula", "unit", "target", "code"),
    [
        ("count(orders) / count(visits)", "percent", "3", "E326"),
        ("count(orders) / count(visits)", "ratio", "3 points", "E327"),
        ("sum(visits.length)", "duration(minute)", "30", "E342"),
        ("count(orders)", "count", "3 hours", "E342"),
        ("100 * count(orders) / count(visits)", "points", "4%", "E342"),
        ("count(orders)", "count", "high", "E212"),
    ],
)
def test_targets_that_do_not_fit(formula: str, unit: str, target: str, code: str) -> None:
    assert codes(f"x = {formula}\n  unit: {unit}\n  target: {target}") == [code]


def test_number_literals_are_exact() -> None:
    body = metric("count(orders) + 1.0").body
    assert isinstance(body, Apply)
    assert body.arguments[1] == Constant(Decimal("1.0"), DECIMAL)
    assert body.type == DECIMAL
    assert metric("count(orders) + 1").type == INTEGER


def test_natures_do_not_take_part_in_comparisons() -> None:
    assert COUNT == INTEGER
    assert RATIO == FLOAT
