"""An answer as columns of texts, for formats that people read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kpi_engine.extend.formats import Answer
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.result import ResultColumn, Role
from kpi_engine.present.periods import period_text
from kpi_engine.present.values import Detail, metric_text, plain_text, unit_text

if TYPE_CHECKING:
    import pyarrow as pa

PARTIAL_MARK = "*"
"""Stands after the name of a period that is not complete."""

ESTIMATE_MARK = "≈"
"""Stands after the name of a metric that may be an estimate."""

_ESCAPE_SEQUENCE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
_LINE_BREAK = r"[\t\n\v\f\r\x85\u2028\u2029]+"
_CONTROL = r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]"


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column ready to be shown: its heading, and a text for each row."""

    name: str
    unit: str
    role: Role
    right: bool
    cells: Sequence[str]

    @property
    def title(self) -> str:
        """The heading on one line, with the unit if the cells do not show it."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def text_columns(answer: Answer, detail: Detail = "full", rows: int | None = None) -> list[TextColumn]:
    """The first `rows` rows (None: all) of every column as texts, safe for a terminal."""
    table = answer.table if rows is None else answer.table.slice(0, rows)
    partial = frozenset(answer.stats.partial_periods)
    grains: list[str] | None = None
    found = []
    for position, column in enumerate(answer.columns):
        if column.role == "grain":
            grains = table.column(position).to_pylist()
        if column.role == "period":
            found.append(_period_column(column, table.column(position), grains, partial))
        else:
            found.append(_text_column(column, table.column(position), detail))
    return found


def safe_text(text: str) -> str:
    """Without anything that a terminal would obey: escape sequences, control and direction characters.

    >>> safe_text("red \\x1b[31malert\\x1b[0m, two\\nlines")
    'red alert, two lines'
    """
    if text.isprintable():
        return text
    return re.sub(_CONTROL, "", re.sub(_LINE_BREAK, " ", re.sub(_ESCAPE_SEQUENCE, "", text)))


def _period_column(
    column: ResultColumn, values: pa.ChunkedArray, grains: Sequence[str] | None, partial: frozenset[object]
) -> TextColumn:
    """Names of periods, marked where they are not complete; `grains` are those of the rows if there are several."""
    cells = []
    for row, value in enumerate(values.to_pylist()):
        grain = None if grains is None else grains[row]
        mark = PARTIAL_MARK if (value if grain is None else (grain, value)) in partial else ""
        cells.append(safe_text(period_text(value, column, grain)) + mark)
    return TextColumn(safe_text(column.grain or column.name), unit_text(column.display), column.role, False, cells)


def _text_column(column: ResultColumn, values: pa.ChunkedArray, detail: Detail) -> TextColumn:
    objects = values.to_pylist()
    if column.role == "metric":
        cells = [safe_text(metric_text(value, column.display, detail)) for value in objects]
    else:
        cells = [safe_text(plain_text(value)) for value in objects]
    numeric = isinstance(next((v for v in objects if v is not None), None), int | float)
    right = column.role == "metric" or (column.role == "dimension" and numeric)
    name = safe_text(column.name) + (f" {ESTIMATE_MARK}" if column.estimates else "")
    return TextColumn(name, unit_text(column.display), column.role, right, cells)
