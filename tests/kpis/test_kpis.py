"""Every KPI of the demo, row by row: the engine's answer against DuckDB's."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import kpi_engine

from . import expected
from .expected import EXPECTED, Key, Query, Value
from .formulas import FORMULAS
from .windows import AS_OF, EARLIER


@pytest.fixture(scope="session")
def project(demo_dir: Path) -> Any:
    """The demo, opened by the engine."""
    return kpi_engine.open(demo_dir)


@pytest.mark.parametrize("query", EXPECTED.values(), ids=EXPECTED)
def test_answers_as_sql_does(project: Any, oracle: duckdb.DuckDBPyConnection, query: Query) -> None:
    """The same rows, integers and decimals equal, floats to 12 digits, durations to the microsecond."""
    check(project, oracle, query, AS_OF)


@pytest.mark.parametrize("metric", FORMULAS)
def test_answers_as_sql_does_in_the_midst_of_a_period(
    project: Any, earlier_oracle: duckdb.DuckDBPyConnection, metric: str
) -> None:
    """As of an earlier day: periods are cut, and what happens later has not happened yet."""
    check(project, earlier_oracle, EXPECTED[f"{metric} per month"], EARLIER)


def check(project: Any, oracle: duckdb.DuckDBPyConnection, query: Query, as_of: dt.date) -> None:
    """One question to both."""
    wanted = expected.answer(oracle, query)
    question = {"by": query.by, "grain": query.grain, "where": query.where, "as_of": as_of.isoformat()}
    table = project.eval([query.metric], **question).table
    actual = rows(table, query)
    assert sorted(actual, key=repr) == sorted(wanted, key=repr), "the answer has other rows"
    is_duration = pa.types.is_duration(table.column(query.metric).type)
    wrong = {key: (actual[key], wanted[key]) for key in wanted if not same(actual[key], wanted[key], is_duration)}
    assert not wrong, f"{len(wrong)} of {len(wanted)} values differ (engine, SQL): {dict(list(wrong.items())[:5])}"


def rows(table: pa.Table, query: Query) -> dict[Key, Value]:
    """The engine's values by period and dimensions."""
    columns = [table.column(name).to_pylist() for name in ("period", *query.by)]
    keys = list(zip(*columns, strict=True))
    assert len(set(keys)) == len(keys), "the answer repeats a row"
    return dict(zip(keys, table.column(query.metric).to_pylist(), strict=True))


def same(actual: object, wanted: Value, is_duration: bool) -> bool:
    """Whether two values agree as far as their types promise."""
    if actual is None or wanted is None:
        return actual is wanted
    if is_duration and isinstance(actual, dt.timedelta):
        return abs(actual // dt.timedelta(microseconds=1) - float(wanted)) <= 1
    if isinstance(actual, int | Decimal) and isinstance(wanted, int | Decimal):
        return actual == wanted
    if isinstance(actual, int | float | Decimal):
        # A growth near zero is the difference of two numbers near one: it has no 12 digits of its own.
        return math.isclose(actual, wanted, rel_tol=1e-12, abs_tol=1e-12)
    return False
