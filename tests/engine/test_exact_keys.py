"""References and keys that are exact numbers of different types meet by their value."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

import kpi_engine

DEFINITIONS = """
source orders
  time: day
  column customer -> customers

source customers
  key: customer

abroad = count(orders where customers.country = "SG")
"""
TYPES = (pa.int64(), pa.int32(), pa.uint64(), pa.decimal128(10, 0), pa.decimal128(10, 2), pa.decimal128(38, 0))


@pytest.mark.parametrize("key", TYPES, ids=str)
@pytest.mark.parametrize("reference", TYPES, ids=str)
def test_a_reference_finds_its_row(reference: pa.DataType, key: pa.DataType) -> None:
    days = [datetime.date(2026, 1, day) for day in (1, 2, 3, 4)]
    project = kpi_engine.Project.from_text(DEFINITIONS)
    orders = pa.array([Decimal(1), Decimal(2), None, Decimal(3)]).cast(reference)
    customers = pa.array([Decimal(1), Decimal(3), Decimal(7)]).cast(key)
    project.bind("orders", pa.table({"day": days, "customer": orders}))
    project.bind("customers", pa.table({"customer": customers, "country": ["SG", "SG", "CN"]}))
    assert project.eval("abroad", as_of="2026-02-01").table["abroad"].to_pylist() == [2]


def test_a_fraction_is_no_integer_key() -> None:
    project = kpi_engine.Project.from_text(DEFINITIONS)
    table = pa.table({"day": [datetime.date(2026, 1, 1)] * 2, "customer": [Decimal("1.5"), Decimal("1.0")]})
    project.bind("orders", table)
    project.bind("customers", pa.table({"customer": [1], "country": ["SG"]}))
    assert project.eval("abroad", as_of="2026-02-01").table["abroad"].to_pylist() == [1]
