"""How a table is laid out so that it fits: upright, with wrapped headings, turned on its side, or row by row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.cells import cell_len

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.present.cells import TextColumn

GAP = 2
"""Cells between two columns."""

_NARROWEST_TEXT = 12
"""Texts of dimensions may be folded down to this width; numbers are never folded."""

_MOST_SIDEWAYS = 24
"""Rows that a table turned on its side may have."""

_TOKEN = re.compile(r"[^_\s.-]*[_\s.-]*")


@dataclass(frozen=True, slots=True)
class LaidColumn:
    """A column with its place decided: lines of the heading, the unit below them, the least width."""

    heading: tuple[str, ...]
    unit: str
    right: bool
    cells: Sequence[str]
    least: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns side by side."""

    columns: tuple[LaidColumn, ...]

    @property
    def least_width(self) -> int:
        """Terminal cells that it needs at least."""
        return sum(column.least for column in self.columns) + GAP * (len(self.columns) - 1)


def upright(columns: Sequence[TextColumn], *, wrap: bool) -> Layout:
    """As the table is; `wrap` breaks headings that are wider than their cells."""
    return Layout(tuple(_upright_column(column, wrap) for column in columns))


def sideways(columns: Sequence[TextColumn]) -> Layout | None:
    """One line a metric, one column a row; None when there are too many rows for that."""
    rows = len(columns[0].cells) if columns else 0
    metrics = [column for column in columns if column.role == "metric"]
    labels = [column for column in columns if column.role != "metric"]
    if not 0 < rows <= _MOST_SIDEWAYS or not labels:
        return None
    names = [metric.title for metric in metrics]
    first = LaidColumn(tuple(label.name for label in labels), "", False, names, _widest(names))
    across = []
    for row in range(rows):
        heading = tuple(label.cells[row] for label in labels)
        cells = [metric.cells[row] for metric in metrics]
        across.append(LaidColumn(heading, "", True, cells, max(_widest(heading), _widest(cells))))
    return Layout((first, *across))


def stacked(columns: Sequence[TextColumn], width: int) -> list[Layout] | None:
    """Several layouts below each other, each with the labels and as many metrics as fit; None if not one does."""
    labels = [column for column in columns if column.role != "metric"]
    blocks: list[Layout] = []
    block = list(labels)
    for metric in (column for column in columns if column.role == "metric"):
        if upright([*block, metric], wrap=True).least_width > width and len(block) > len(labels):
            blocks.append(upright(block, wrap=True))
            block = list(labels)
        block.append(metric)
    blocks.append(upright(block, wrap=True))
    return blocks if all(layout.least_width <= width for layout in blocks) else None


def records(columns: Sequence[TextColumn], width: int) -> Iterator[tuple[str, Layout]]:
    """Row by row: a title of the period and the dimensions, and a layout of two columns, name and value."""
    metrics = [column for column in columns if column.role == "metric"]
    labels = [column for column in columns if column.role != "metric"]
    least = max((_widest(metric.cells) for metric in metrics), default=0)
    names = ["\n".join(wrapped(metric.title, width - least - GAP)) for metric in metrics]
    for row in range(len(columns[0].cells) if columns else 0):
        title = " · ".join(label.cells[row] for label in labels)
        left = LaidColumn((), "", False, names, min(_widest(names), _NARROWEST_TEXT))
        cells = [metric.cells[row] for metric in metrics]
        yield title, Layout((left, LaidColumn((), "", True, cells, least)))


def wrapped(name: str, width: int) -> tuple[str, ...]:
    """A heading broken after underscores, spaces and points into lines of at most `width`, where that is possible.

    >>> wrapped("average_order_value", 9)
    ('average_', 'order_', 'value')
    """
    lines = [""]
    for token in filter(None, _TOKEN.findall(name)):
        if lines[-1] and cell_len(lines[-1] + token.rstrip()) > width:
            lines.append(token)
        else:
            lines[-1] += token
    return tuple(line.rstrip() for line in lines)


def level_headings(layout: Layout) -> Layout:
    """All headings of one height: short ones begin lower, units stand on the last line."""
    height = max(len(column.heading) for column in layout.columns)
    units = any(column.unit for column in layout.columns)
    columns = []
    for column in layout.columns:
        lines = ("",) * (height - len(column.heading)) + column.heading
        columns.append(replace(column, heading=(*lines, column.unit) if units else lines))
    return Layout(tuple(columns))


def _upright_column(column: TextColumn, wrap: bool) -> LaidColumn:
    widest = _widest(column.cells)
    heading: tuple[str, ...] = (column.name,)
    if wrap:
        longest = max(map(cell_len, map(str.rstrip, filter(None, _TOKEN.findall(column.name)))), default=0)
        heading = wrapped(column.name, max(widest, longest))
    foldable = column.role == "dimension" and not column.right and wrap
    cells = min(widest, _NARROWEST_TEXT) if foldable else widest
    least = max(cells, _widest(heading), cell_len(column.unit))
    return LaidColumn(heading, column.unit, column.right, column.cells, least)


def _widest(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts), default=0)
