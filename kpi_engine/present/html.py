"""An answer as a small HTML table, for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterator

from kpi_engine.extend.formats import Answer
from kpi_engine.present.cells import TextColumn, text_columns
from kpi_engine.present.notes import note_lines

MOST_ROWS = 100


def table_html(answer: Answer) -> str:
    """A `<table>` with values as people read them, and the notes below. Every text is escaped."""
    columns = text_columns(answer, rows=MOST_ROWS)
    heading = "".join(_cell("th", column, column.title) for column in columns)
    rows = "\n".join(f"<tr>{row}</tr>" for row in _rows(columns))
    hidden = answer.table.num_rows - MOST_ROWS
    notes = [*note_lines(answer), *([f"{hidden} more rows"] if hidden > 0 else [])]
    below = "".join(f"<div><small>{html.escape(note)}</small></div>" for note in notes)
    return f"<table>\n<thead><tr>{heading}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n{below}"


def _rows(columns: list[TextColumn]) -> Iterator[str]:
    for row in zip(*(column.cells for column in columns), strict=True):
        yield "".join(_cell("td", column, text) for column, text in zip(columns, row, strict=True))


def _cell(tag: str, column: TextColumn, text: str) -> str:
    side = "right" if column.right else "left"
    return f'<{tag} style="text-align: {side}">{html.escape(text)}</{tag}>'
