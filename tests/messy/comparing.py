"""Questions to a project beside the SQL that answers them, and the comparison of the two answers."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb

from kpi_engine import Project, Result

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """SQL that gives (keys..., value), and what the engine's further rows must hold: 0 for counts and sums, or null."""

    sql: str
    absent: Any = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Metrics that one scan answers, in the same way: the arguments of `eval`, and a question for each metric."""

    questions: Mapping[str, Question]
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keys(self) -> int:
        """How many columns of an answer tell its rows apart."""
        by = self.arguments.get("by", ())
        return len([by] if isinstance(by, str) else by) + ("grain" in self.arguments)

    def ask(self, project: Project, as_of: str) -> Result:
        """The engine's answer as of an instant."""
        return project.eval(list(self.questions), as_of=as_of, **self.arguments)

    def values(self, result: Result, name: str) -> dict[Key, Any]:
        """The values of one metric of an answer, by the answer's keys; hours are those of UTC, without a zone."""
        columns = [column.to_pylist() for column in result.table.columns]
        keys = zip(*(map(_in_utc, column) for column in columns[: self.keys]), strict=True) if self.keys else [()]
        return dict(zip(keys, columns[result.table.column_names.index(name)], strict=True))


def _in_utc(key: Any) -> Any:
    return key.astimezone(dt.UTC).replace(tzinfo=None) if isinstance(key, dt.datetime) else key


def count(sql: str) -> Question:
    """A question whose value is 0 where SQL has no row."""
    return Question(sql, 0)


def value(sql: str) -> Question:
    """A question whose value is null where SQL has no row."""
    return Question(sql)


def differences(answer: Mapping[Key, Any], question: Question, database: duckdb.DuckDBPyConnection) -> list[str]:
    """Every key on which the engine and SQL differ; an SQL row that the engine does not have is one."""
    expected = {row[:-1]: row[-1] for row in database.execute(question.sql).fetchall()}
    assert any(each is not None for each in expected.values()), "an answer without any value shows nothing"
    found = [f"{key}: SQL has {expected[key]!r}, the engine no row" for key in expected.keys() - answer.keys()]
    for key, mine in answer.items():
        other = expected.get(key, question.absent)
        if not same(mine, other):
            found.append(f"{key}: SQL has {other!r}, the engine {mine!r}")
    return sorted(found)


def same(mine: Any, other: Any) -> bool:
    """Whether two values are equal: exactly, or to twelve digits where one is a float."""
    if mine is None or other is None:
        return mine is other
    if isinstance(mine, float) or isinstance(other, float):
        return math.isclose(float(mine), float(other), rel_tol=1e-12, abs_tol=1e-12)
    if isinstance(mine, int | Decimal) and isinstance(other, int | Decimal):
        return Fraction(mine) == Fraction(other)
    assert isinstance(mine, dt.date | dt.timedelta | str), "values of another kind have no rule yet"
    return bool(mine == other)
