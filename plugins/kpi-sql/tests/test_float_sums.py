"""`float_sums`: sums of floats are exact and made of rows unless somebody takes those of the database."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kpi_engine

from . import shop
from .databases import DATABASES

DEFINITIONS = shop.DEFINITIONS + 'heft = sum(orders.weight)\nspared = sum(orders.weight where channel = "app")\n'
DEFINITIONS += "spread_heft = variance(orders.weight)\n"
QUESTION: dict[str, Any] = {"grain": "month", "start": "2026-03", "end": "2026-04"}


@pytest.mark.parametrize("kind", DATABASES)
def test_sums_of_the_database(kind: str, tmp_path: Path, connection_text: Callable[[str], str]) -> None:
    answers = {}
    for name, more in (("exact", ""), ("database", 'float_sums = "database"\n')):
        project = kpi_engine.open(shop.project(tmp_path / name, connection_text(kind) + more, DEFINITIONS))
        answers[name] = project.eval(["heft", "spared"], **QUESTION)
    assert "sums of floats are exact here" in answers["exact"].report()["sources"]["orders"]["pushdown"][0]
    assert "states made by" in answers["database"].report()["sources"]["orders"]["pushdown"][0]
    found, expected = (shop.values(answers[name].table) for name in ("database", "exact"))
    assert [row[0] for row in found] == [row[0] for row in expected]
    for row, exact in zip(found, expected, strict=True):
        for value, right in zip(row[1:], exact[1:], strict=True):
            assert value == right or math.isclose(value, right, rel_tol=1e-12)
    rows = shop.tables()["orders"].to_pylist()
    march = [
        row["weight"]
        for row in rows
        if row["at"]
        and shop.at("2026-02-28T23:00:00") <= row["at"] < shop.at("2026-03-31T22:00:00")
        and row["weight"] is not None
        and row["pieces"] is not None
        and row["pieces"] >= 0
    ]
    assert expected[0][1] == math.fsum(march)


def test_variances_of_floats_are_never_taken(tmp_path: Path, connection_text: Callable[[str], str]) -> None:
    settings = connection_text("duckdb") + 'float_sums = "database"\n'
    result = kpi_engine.open(shop.project(tmp_path, settings, DEFINITIONS)).eval("spread_heft", **QUESTION)
    (said,) = result.report()["sources"]["orders"]["pushdown"]
    assert "variances of floats" in said
