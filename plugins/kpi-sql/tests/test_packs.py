"""Every metric of the packs gives one answer, whether the shop lies in files or in a database."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

import kpi_engine

from . import databases, demo_shop
from .server import Server

KINDS = ("csv", "duckdb", "sqlite", "postgres")
QUESTIONS: Sequence[tuple[list[str] | None, dict[str, Any]]] = (
    (None, {"grain": "month", "start": "2026-05", "end": "2026-10"}),
    (
        ["revenue", "order_count", "active_customers", "conversion_rate", "average_order_value"],
        {"grain": "quarter", "by": "channel", "start": "2026-01", "end": "2026-10"},
    ),
    (["revenue", "active_customers", "gross_margin"], {"grain": "year", "by": "country"}),
)
"""Metrics (None: all of them), and what is asked of them."""


@pytest.fixture(scope="session")
def projects(tmp_path_factory: pytest.TempPathFactory, postgres_server: Server) -> dict[str, Any]:
    tables = demo_shop.tables()
    declared, folder = demo_shop.declared(tables), tmp_path_factory.mktemp("demo")
    write: dict[str, Callable[[], str]] = {
        "parquet": lambda: demo_shop.write_files(folder / "parquet-files", tables, ".parquet"),
        "csv": lambda: demo_shop.write_files(folder / "csv-files", tables, ".csv"),
        "duckdb": lambda: databases.duckdb_file(folder / "shop.duckdb", tables, declared),
        "sqlite": lambda: databases.sqlite_file(folder / "shop.sqlite", tables, declared),
        "postgres": lambda: databases.postgres_tables(postgres_server, tables, declared, "demo"),
    }
    endings = {"parquet": ".parquet", "csv": ".csv"}
    return {
        kind: kpi_engine.open(demo_shop.project(folder / kind, made(), endings.get(kind, "")))
        for kind, made in write.items()
    }


def differences(found: pa.Table, expected: pa.Table) -> list[str]:
    """Values that differ: floats by more than the twelfth digit, everything else at all."""
    assert found.schema.names == expected.schema.names and found.num_rows == expected.num_rows
    return [
        f"{name}: {value} is not {right}"
        for name in expected.schema.names
        for value, right in zip(found[name].to_pylist(), expected[name].to_pylist(), strict=True)
        if value != right and not _close(value, right)
    ]


def _close(value: Any, right: Any) -> bool:
    return isinstance(value, float) and isinstance(right, float) and math.isclose(value, right, rel_tol=1e-12)


@pytest.mark.parametrize(("metrics", "question"), QUESTIONS, ids=["all", "channel", "country"])
def test_every_metric_gives_one_answer(
    projects: dict[str, Any], metrics: list[str] | None, question: dict[str, Any]
) -> None:
    asked = metrics or list(projects["parquet"].catalog.metrics)
    expected = projects["parquet"].eval(asked, **question).table
    if metrics is None:
        assert len(asked) >= 126
        silent = [name for name in asked if expected[name].null_count == expected.num_rows]
        assert not silent, f"these say nothing: {silent}"
    assert expected.num_rows > 5
    for kind in KINDS:
        answer = projects[kind].eval(asked, **question)
        assert not differences(answer.table, expected), kind
        pushed = [line for source in answer.report()["sources"].values() for line in source["pushdown"]]
        assert any("states made by" in line for line in pushed) == (kind != "csv")
