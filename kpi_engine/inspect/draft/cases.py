"""A first case for a draft: a few rows, a question, and the answer, added up here by hand."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from kpi_engine.inspect.draft.facts import ColumnFacts
from kpi_engine.inspect.draft.guesses import SourceGuess
from kpi_engine.inspect.draft.metrics import DraftMetric
from kpi_engine.inspect.draft.naming import quoted
from kpi_engine.ir.types import Kind

_DAYS = (5, 20)
_AMOUNTS = (("10", "2", "4", "12"), ("10.00", "2.50", "4.00", "12.50"))
"""The amounts of two rows of a month and one of the next, and the sum of the first two: whole, and with cents."""


def first_case(guess: SourceGuess, metrics: Sequence[DraftMetric]) -> str | None:
    """A case file for one source, or None if its rows have no time of their own.

    `metrics` are those of the draft: the count of its rows, and one sum if there is any.
    """
    if guess.time is None or "." in guess.time.value:
        return None
    time = guess.facts.columns[guess.time.value]
    own = {metric.formula: metric.name for metric in metrics if metric.source == guess.name}
    count = own.get(f"count({quoted(guess.name)})")
    begin = time.low
    if count is None or not isinstance(begin, datetime.date):
        return None
    amount = _amount(guess, own)
    first = datetime.date(begin.year, begin.month, 1)
    second = _next_month(first)
    days = [first.replace(day=day) for day in _DAYS] + [second.replace(day=_DAYS[0])]
    texts = _AMOUNTS[amount is not None and guess.facts.columns[amount[0]].type.kind is not Kind.INTEGER]
    rows = [[_written(day, time)] for day in days]
    head, answer = [_header(time)], [["period", count], [f"{first}", "2"], [f"{second}", "1"]]
    if amount is not None:
        column, metric = amount
        head.append(_header(guess.facts.columns[column]))
        rows = [[*row, text] for row, text in zip(rows, texts, strict=False)]
        answer = [[*line, cell] for line, cell in zip(answer, (metric, texts[3], texts[2]), strict=True)]
    asked = ", ".join(quoted(name) for name in answer[0][1:])
    return "\n".join([
        f"# Rows of {guess.name} count in the month of {guess.time.value}",
        "The rows are made up: put in such as your metrics must get right. `kpi test` runs all cases.",
        f"---- data {guess.name}",
        *(", ".join(row) for row in (head, *rows)),
        f"---- query {asked} grain month as of {_next_month(second)}",
        "---- result",
        *_aligned(answer),
        "",
    ])  # fmt: skip


def _amount(guess: SourceGuess, own: Mapping[str, str]) -> tuple[str, str] | None:
    """A column that some metric only adds up, and that metric."""
    for column in guess.facts.columns.values():
        metric = own.get(f"sum({quoted(guess.name)}.{quoted(column.name)})")
        if metric is not None and column.type.kind is not Kind.FLOAT:
            return column.name, metric
    return None


def _header(column: ColumnFacts) -> str:
    """A column with its type, unless definitions say that."""
    return column.name if column.stored is None else f"{column.name} {column.type.kind.value}"


def _written(day: datetime.date, time: ColumnFacts) -> str:
    return f"{day} 10:00" if time.type.kind is Kind.TIMESTAMP else f"{day}"


def _next_month(day: datetime.date) -> datetime.date:
    return (day + datetime.timedelta(31)).replace(day=1)


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
