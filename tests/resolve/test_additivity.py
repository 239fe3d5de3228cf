"""Whether values add up, and whether they depend on the grain."""

from __future__ import annotations

import pytest

from .shop import metric, shop


@pytest.mark.parametrize(
    ("formula", "additive", "dependent"),
    [
        ("count(orders)", True, False),
        ("sum(orders.total where is_valid)", True, False),
        ("sum(orders.total) - sum(orders.cost)", True, False),
        ("100 * count(orders)", True, False),
        ("sum(orders.total) / 1000", True, False),
        ("-count(orders)", True, False),
        ("(count(orders) where is_valid)", True, False),
        ("count(orders) + 1", False, False),
        ("count(orders) * count(visits)", False, False),
        ("count(orders) / count(visits)", False, False),
        ("round(count(orders))", False, False),
        ("coalesce(count(orders), 0)", False, False),
        ("avg(orders.total)", False, False),
        ("min(orders.total)", False, False),
        ("median(orders.total)", False, False),
        ("total(count(orders))", False, False),
        ("rolling(count(orders), 7 days)", False, False),
        ("cumulative(count(orders))", False, False),
        ("count(tickets at end)", False, False),
        ("count(distinct visitors)", False, True),
        ("previous(count(orders))", False, True),
        ("growth(count(orders), 1 year)", False, True),
        ("before(count(orders))", False, True),
        ("count(customers having count(orders) > 1)", False, True),
        ("sum(count(orders) per customer)", False, False),
        ("avg(count(orders) per day)", False, False),
    ],
)
def test_additivity(formula: str, additive: bool, dependent: bool) -> None:
    found = metric(formula)
    assert (found.additive, found.grain_dependent) == (additive, dependent)
    assert bool(found.not_additive_because) != additive


def test_reasons_come_from_the_parts() -> None:
    catalog = shop("n = count(distinct visitors)\nx = 2 * n")
    assert catalog.metrics["x"].not_additive_because == "it counts distinct values, which may lie in two parts"
    assert catalog.metrics["x"].grain_dependent
