"""The format `table`: for people, in a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from kpi_engine.extend.formats import Answer, Surface
from kpi_engine.present.cells import text_columns
from kpi_engine.present.layouts import GAP, LaidColumn, Layout, level_headings, records, sideways, stacked, upright
from kpi_engine.present.values import NULL

MOST_ROWS = 1_000
"""Rows shown; the rest is counted and said, never left out in silence."""


def write_table(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """Aligned columns within the surface's width. Numbers are shown with fewer decimals before anything is cut."""
    print_all(_renderables(answer, surface.width), sink, surface)


def write_sideways(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """One line a metric, one column a period, where that fits; else as `write_table` does."""
    for detail in ("full", "short"):
        layout = sideways(text_columns(answer, detail))
        if layout is not None and layout.least_width <= surface.width:
            print_all([_rich_table(layout)], sink, surface)
            return
    write_table(answer, sink, surface)


def print_all(renderables: Iterable[RenderableType], sink: IO[bytes], surface: Surface) -> None:
    """Print to a binary stream as UTF-8; colours only where the surface allows them."""
    for renderable in renderables:
        text = io.StringIO()
        console = Console(
            file=text,
            width=surface.width,
            force_terminal=surface.colour,
            no_color=not surface.colour,
            color_system="standard" if surface.colour else None,
            legacy_windows=False,
            highlight=False,
            markup=False,
            emoji=False,
        )
        if isinstance(renderable, Table):
            # What no terminal of this width can hold runs over the edge rather than losing digits.
            console.print(renderable, width=max(surface.width, renderable.min_width or 0), crop=False)
        else:
            console.print(renderable)
        lines = (line.rstrip(" ") for line in text.getvalue().split("\n"))
        sink.write("\n".join(lines).encode("utf-8", "replace"))


def _renderables(answer: Answer, width: int) -> Iterator[RenderableType]:
    rows = answer.table.num_rows
    layouts, rounded = _fitting(answer, width)
    for number, layout in enumerate(layouts):
        if number:
            yield Text("")
        yield _rich_table(layout)
    if not layouts:
        for title, record in records(text_columns(answer, rows=MOST_ROWS), width):
            yield Text(title, style="bold")
            yield _rich_table(record)
            yield Text("")
    if not rows:
        yield Text("no rows", style="dim")
    if rounded:
        yield Text("some decimals are left out to fit the width; -f csv shows all", style="dim")
    if rows > MOST_ROWS:
        text = f"{rows - MOST_ROWS} of {rows} rows are not shown; see them with -f csv, or --limit"
        yield Text(text, style="bold")


def _fitting(answer: Answer, width: int) -> tuple[list[Layout], bool]:
    """The first arrangement that fits, and whether it shows fewer decimals; nothing when only row by row does."""
    full = text_columns(answer, "full", MOST_ROWS)
    short = text_columns(answer, "short", MOST_ROWS)
    candidates = (
        (upright(full, wrap=False), False),
        (upright(full, wrap=True), False),
        (upright(short, wrap=True), True),
        (sideways(full), False),
        (sideways(short), True),
    )
    for layout, rounded in candidates:
        if layout is not None and layout.least_width <= width:
            return [layout], rounded
    return stacked(full, width) or [], False


def _rich_table(layout: Layout) -> Table:
    headed = any(column.heading for column in layout.columns)
    level = level_headings(layout) if headed else layout
    table = Table(
        box=SIMPLE_HEAD if headed else None,
        padding=(0, GAP - 1 if headed else GAP, 0, 0),
        pad_edge=False,
        show_edge=False,
        show_header=headed,
        header_style="",
        min_width=layout.least_width,
    )
    for column in level.columns:
        table.add_column(
            _heading(column),
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
            min_width=column.least,
        )
    for row in zip(*(column.cells for column in level.columns), strict=True):
        table.add_row(*map(_cell, row))
    return table


def _heading(column: LaidColumn) -> Text:
    lines = list(column.heading)
    unit = f"\n{lines.pop()}" if column.unit else ""
    return Text.assemble(("\n".join(lines), "bold"), (unit, "dim"))


def _cell(text: str) -> Text:
    return Text(text, style="dim" if text == NULL else "")
