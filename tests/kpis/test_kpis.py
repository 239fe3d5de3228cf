"""Every KPI of the demo, row by row: the engine's answer against DuckDB's."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
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
from .terms import tables
from .windows import AS_OF, EARLIER

SIZE = 20
"""How many metrics are asked at once."""


@pytest.fixture(scope="session")
def project(demo_dir: Path) -> Any:
    """The demo, opened by the engine."""
    return kpi_engine.open(demo_dir)


def batches(queries: Iterable[Query]) -> dict[str, list[Query]]:
    """Questions that one evaluation answers together: alike but for the metric, those of the same tables in a row."""
    alike: dict[tuple[tuple[str, ...], str, str | None], list[Query]] = defaultdict(list)
    for query in queries:
        alike[query.by, query.grain, query.where].append(query)
    found: dict[str, list[Query]] = {}
    for (by, grain, where), group in alike.items():
        group.sort(key=lambda query: (sorted({name for name, _ in tables(FORMULAS[query.metric])}), query.metric))
        for batch in (group[first : first + SIZE] for first in range(0, len(group), SIZE)):
            words = [batch[0].metric, "to", batch[-1].metric, *(f"by {name}" for name in by), f"per {grain}"]
            found[" ".join([*words, *(["of some"] if where is not None else [])])] = batch
    return found


ALL = batches(EXPECTED.values())
BY_MONTH = batches(EXPECTED[f"{metric} per month"] for metric in FORMULAS)


@pytest.mark.parametrize("batch", ALL.values(), ids=ALL)
def test_answers_as_sql_does(project: Any, oracle: duckdb.DuckDBPyConnection, batch: list[Query]) -> None:
    """The same rows, integers and decimals equal, floats to 12 digits, durations to the microsecond."""
    check(project, oracle, batch, AS_OF)


@pytest.mark.parametrize("batch", BY_MONTH.values(), ids=BY_MONTH)
def test_answers_as_sql_does_in_the_midst_of_a_period(
    project: Any, earlier_oracle: duckdb.DuckDBPyConnection, batch: list[Query]
) -> None:
    """As of an earlier day: periods are cut, and what happens later has not happened yet."""
    check(project, earlier_oracle, batch, EARLIER)


def check(project: Any, oracle: duckdb.DuckDBPyConnection, batch: list[Query], as_of: dt.date) -> None:
    """The metrics of a batch to the engine at once, to DuckDB one by one."""
    wanted = {query.metric: expected.answer(oracle, query) for query in batch}
    question = {"by": batch[0].by, "grain": batch[0].grain, "where": batch[0].where, "as_of": as_of.isoformat()}
    table = project.eval(list(wanted), **question).table
    keys = row_keys(table, batch[0].by)
    periods = {key[0] for values in wanted.values() for key in values}
    groups = {key[1:] for values in wanted.values() for key in values}
    assert set(keys) == {(period, *group) for period in periods for group in groups}, "the answer has other rows"
    wrong = [text for metric, values in wanted.items() for text in differences(table, keys, metric, values)]
    assert not wrong, f"{len(wrong)} values differ: {wrong[:8]}"


def row_keys(table: pa.Table, by: tuple[str, ...]) -> list[Key]:
    """Period and dimensions of each row."""
    keys = list(zip(*(table.column(name).to_pylist() for name in ("period", *by)), strict=True))
    assert len(set(keys)) == len(keys), "the answer repeats a row"
    return keys


def differences(table: pa.Table, keys: list[Key], metric: str, wanted: dict[Key, Value]) -> Iterator[str]:
    """Where the engine's value is another; rows that only the other metrics have hold nothing, which is 0 or null."""
    column = table.column(metric)
    is_duration = pa.types.is_duration(column.type)
    for key, actual in zip(keys, column.to_pylist(), strict=True):
        if key not in wanted:
            if actual:
                yield f"{metric} of {key} is {actual}, not empty"
        elif not same(actual, wanted[key], is_duration):
            yield f"{metric} of {key} is {actual}, in SQL {wanted[key]}"


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
