"""How findings speak of counts, values and rows."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from decimal import Decimal

from kpi_engine.ir.catalog import Column, Source
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, Note
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.show import show_expression
from kpi_engine.ir.span import NOWHERE, SourceText, Span

_LONGEST = 40


def finding(code: str, message: str, place: Span, help: str, notes: Sequence[str] = ()) -> Diagnostic:
    """A diagnostic about data. Notes name values and rows."""
    return Diagnostic(code, message, place, help, tuple(Note(note) for note in notes), exit_code=ExitCode.DATA)


def number(count: int) -> str:
    """A count grouped by three.

    >>> number(12345)
    '12 345'
    """
    return f"{count:,}".replace(",", " ")


def counted(count: int, noun: str) -> str:
    """A count and its noun.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1 200 rows')
    """
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def share(part: int, whole: int, noun: str = "row") -> str:
    """So many of so many.

    >>> share(3, 1200), share(3, 3)
    ('3 of 1 200 rows', 'all 3 rows')
    """
    if part == whole:
        return f"all {counted(whole, noun)}" if whole != 1 else f"the only {noun}"
    return f"{number(part)} of {counted(whole, noun)}"


def verb(count: int, one: str, several: str) -> str:
    """The form of a verb that goes with a count."""
    return one if count == 1 else several


def value(shown: object) -> str:
    """A value as messages show it: texts in quotes, long ones cut.

    >>> value("Köln"), value(None), value(1200)
    ('"Köln"', 'null', '1200')
    """
    match shown:
        case None:
            return "null"
        case str():
            text = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case datetime.datetime():
            return shown.strftime("%Y-%m-%d %H:%M:%S")
        case Decimal():
            return f"{shown:f}"
    return str(shown)


def written(expression: Expression) -> str:
    """An expression as its author wrote it; one that nobody wrote, or on several lines, in the language's notation."""
    text = expression.span.text
    return text if text and "\n" not in text else show_expression(expression)


def listed(items: Iterable[str], more: int = 0) -> str:
    """Items joined by commas, and how many more there are.

    >>> listed(["a", "b"], 3)
    'a, b and 3 more'
    """
    text = ", ".join(items)
    return f"{text} and {number(more)} more" if more else text


def of_column(source: Source, name: str) -> Span:
    """Where a column is declared; else its source."""
    column: Column | None = source.columns.get(name)
    return of_source(source) if column is None or column.span is NOWHERE else column.span


def of_source(source: Source) -> Span:
    """Where a source is declared; its bare name if no text did."""
    return source.span if source.span is not NOWHERE else Span(SourceText(source.name, ""), 0, 0)
