"""The format `markdown`: a table to paste into a page or a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO

from rich.cells import cell_len

from kpi_engine.extend.formats import Answer, Surface
from kpi_engine.present.cells import TextColumn, text_columns

_SPECIAL = re.compile(r"([\\`*{}\[\]<>|#~]|(?<!\w)_|_(?!\w))")


def write_markdown(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """A pipe table with values as people read them, aligned in the text too."""
    columns = text_columns(answer)
    written = [[_escaped(c.title), *(_cell(c, text) for text in c.cells)] for c in columns]
    widths = [max(3, *map(cell_len, cells)) for cells in written]
    for number, row in enumerate(zip(*written, strict=True)):
        sink.write(_line(row, columns, widths).encode("utf-8", "replace"))
        if number == 0:
            rules = ["-" * (w - 1) + ":" if c.right else "-" * w for c, w in zip(columns, widths, strict=True)]
            sink.write(f"| {' | '.join(rules)} |\n".encode())


def _cell(column: TextColumn, text: str) -> str:
    return text if column.role == "metric" else _escaped(text)


def _escaped(text: str) -> str:
    """Without effect in Markdown; underscores inside names stay readable.

    >>> _escaped("a|b <i>"), _escaped("order_count")
    ('a\\\\|b \\\\<i\\\\>', 'order_count')
    """
    return _SPECIAL.sub(r"\\\1", text)


def _line(row: Sequence[str], columns: Sequence[TextColumn], widths: Sequence[int]) -> str:
    cells = []
    for text, column, width in zip(row, columns, widths, strict=True):
        space = " " * (width - cell_len(text))
        cells.append(space + text if column.right else text + space)
    return f"| {' | '.join(cells)} |\n"
