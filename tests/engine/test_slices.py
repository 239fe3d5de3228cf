"""Aggregates over keys in slices: values that look beyond their own customer are those of all customers."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest

import kpi_engine
from kpi_engine.execute import slices

DEFINITIONS = """
source customers
  key: customer_id

source orders
  key: order_id
  time: ordered_at
  column customer_id -> customers

asked = {formula}
"""
Counts = Mapping[str, int]
"""The orders of a month by customer."""


def mean(values: Sequence[int]) -> Fraction:
    return Fraction(sum(values), len(values))


FORMULAS: dict[str, Callable[[Counts], float]] = {
    "count(customers having count(orders) >= 2)": lambda counts: sum(each >= 2 for each in counts.values()),
    "count(customers having count(orders) > total(avg(count(orders) per customer)))": lambda counts: sum(
        each > mean([*counts.values()]) for each in counts.values()
    ),
    "count(customers having count(orders) * 12 > total(count(distinct orders.customer_id)))": lambda counts: sum(
        each * 12 > len(counts) for each in counts.values()
    ),
    "sum(count(orders) / total(count(distinct orders.customer_id)) per customer)": lambda counts: float(
        Fraction(sum(counts.values()), len(counts))
    ),
    "median(count(orders) per customer)": lambda counts: _median([*counts.values()]),
    "max(count(orders) - total(min(count(orders) per customer)) per customer)": lambda counts: (
        max(counts.values()) - min(counts.values())
    ),
}


def _median(values: list[int]) -> float:
    values.sort()
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("size", [3, 17, slices.STATES_PER_SLICE])
def test_values_are_those_of_all_customers(formula: str, size: int) -> None:
    drawn = random.Random(7)
    rows: list[dict[str, Any]] = [
        {
            "order_id": number,
            "ordered_at": dt.datetime(2026, 1, 1) + dt.timedelta(hours=5 * number),
            "customer_id": drawn.choice([None, *(f"C{drawn.randint(0, 40):02}" for _ in range(12))]),
        }
        for number in range(280)
    ]
    months: dict[dt.date, Counter[str]] = {}
    for row in rows:
        if row["customer_id"] is not None:
            month = months.setdefault(row["ordered_at"].date().replace(day=1), Counter())
            month[row["customer_id"]] += 1
    project = kpi_engine.Project.from_text(DEFINITIONS.format(formula=formula))
    project.bind("orders", pa.Table.from_pylist(rows))
    project.bind("customers", pa.table({"customer_id": [f"C{number:02}" for number in range(41)]}))
    with patch.object(slices, "STATES_PER_SLICE", size):
        found = project.eval(["asked"], grain="month", as_of="2026-03-01").table.to_pylist()
    assert {row["period"]: row["asked"] for row in found} == {
        month: pytest.approx(FORMULAS[formula](counts)) for month, counts in months.items()
    }
