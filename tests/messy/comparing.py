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

from kpi_engine import Project

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

    def answers(self, project: Project) -> dict[str, dict[Key, Any]]:
        """What the engine says, by metric and keys."""
        table = project.eval(list(self.questions), **self.arguments).table
        rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
        names = table.column_names
        return {name: {row[: self.keys]: row[names.index(name)] for row in rows} for name in self.questions}


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
