"""Outcomes as text: what was asked, and the expected and the actual table laid over each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.cells import cell_len

from kpi_engine.ir.render import render
from kpi_engine.testing.comparing import Difference, DifferenceLine
from kpi_engine.testing.running import Outcome

_CONTEXT = 2
"""Rows as expected that are shown around those that are not."""

_INDENT = "  "
_GAP = "  "
_COLOURS = {"-": "31", "+": "32"}


def explained(outcome: Outcome, width: int = 100, *, colour: bool = False) -> str:
    """Why an outcome is not as expected: lines for a terminal of this width, without the case's place.

    >>> from pathlib import Path
    >>> print(explained(Outcome(Path("a.kpitest"), 7, "empty", "n by day", "failed", message="there is no result yet")))
      query n by day
        there is no result yet
    """
    lines = [f"query {_printable(outcome.query)}"] if outcome.query else []
    if outcome.message:
        lines.append(f"{_INDENT}{_printable(outcome.message)}")
    for problem in outcome.problems:
        lines += [f"{_INDENT}{_printable(line)}" for line in render(problem).splitlines()]
    if outcome.difference is not None:
        table = difference_lines(outcome.difference, width - 2 * len(_INDENT), colour=colour)
        lines += [f"{_INDENT}{line}" for line in table]
    return "\n".join(f"{_INDENT}{line}" for line in lines)


def difference_lines(found: Difference, width: int = 100, *, colour: bool = False) -> Iterator[str]:
    """A difference as aligned lines: `-` is expected, `+` is there instead, `^` stands below cells that differ.

    >>> rows = (DifferenceLine(" ", ("day", "n")), DifferenceLine("-", ("1", "2"), frozenset({1})),
    ...         DifferenceLine("+", ("1", "34"), frozenset({1})))
    >>> print(*difference_lines(Difference(rows, frozenset({0}))), sep="\\n")
      day  n
    - 1    2
    + 1    34
           ^^
    """
    lines, hidden = _fitting(replace(found, lines=tuple(map(_printable_line, found.lines))), width)
    columns = max(len(line.cells) for line in lines)
    widths = [
        max((cell_len(line.cells[place]) for line in lines if place < len(line.cells)), default=0)
        for place in range(columns)
    ]
    skipped = 0
    for number, line in enumerate(lines):
        near = lines[max(1, number - _CONTEXT) : number + _CONTEXT + 1]
        if number and all(each.mark == " " for each in near):
            skipped += 1
            continue
        if skipped:
            yield _rows_as_expected(skipped)
            skipped = 0
        yield _line(line, widths, colour=colour)
        if not colour and _needs_pointer(line):
            yield _pointer(line, widths)
    if skipped:
        yield _rows_as_expected(skipped)
    if hidden:
        yield f"  ({hidden} column{'' if hidden == 1 else 's'} as expected)"


def _printable(text: str) -> str:
    """Without anything that a terminal would obey."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _printable_line(line: DifferenceLine) -> DifferenceLine:
    return replace(line, cells=tuple(map(_printable, line.cells)))


def _rows_as_expected(number: int) -> str:
    return f"  ({number} row{'' if number == 1 else 's'} as expected)"


def _fitting(found: Difference, width: int) -> tuple[Sequence[DifferenceLine], int]:
    """All columns if they fit, else only labels and those with a difference, and how many are left out."""
    total = sum(
        max(cell_len(line.cells[place]) for line in found.lines if place < len(line.cells)) + len(_GAP)
        for place in range(max(len(line.cells) for line in found.lines))
    )
    if total <= width:
        return found.lines, 0
    partial = [line.changed for line in found.lines if line.changed and len(line.changed) < len(line.cells)]
    wanted = sorted(found.labels.union(*partial))
    count = len(found.lines[0].cells)
    if not partial or len(wanted) == count:
        return found.lines, 0
    lines = [
        replace(
            line,
            cells=tuple(line.cells[place] for place in wanted),
            changed=frozenset(wanted.index(place) for place in line.changed if place in wanted),
        )
        for line in found.lines
    ]
    return lines, count - len(wanted)


def _line(line: DifferenceLine, widths: Sequence[int], *, colour: bool) -> str:
    cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(line.cells, widths, strict=False)]
    if not colour or line.mark == " ":
        return f"{line.mark} {_GAP.join(cells)}".rstrip()
    code = _COLOURS[line.mark]
    marked = frozenset[int]() if len(line.changed) == len(line.cells) else line.changed
    cells = [_inverted(cell, code) if place in marked else cell for place, cell in enumerate(cells)]
    return f"\x1b[{code}m{line.mark} {_GAP.join(cells).rstrip()}\x1b[0m"


def _inverted(cell: str, code: str) -> str:
    text = cell.rstrip()
    return f"\x1b[1;7m{text}\x1b[0;{code}m{cell[len(text) :]}"


def _needs_pointer(line: DifferenceLine) -> bool:
    """Below the actual row of a pair; a row that is missing or extra as a whole needs none."""
    return line.mark == "+" and 0 < len(line.changed) < len(line.cells)


def _pointer(line: DifferenceLine, widths: Sequence[int]) -> str:
    marks = [
        ("^" * max(1, cell_len(line.cells[place])) if place in line.changed else "").ljust(width)
        for place, width in enumerate(widths[: len(line.cells)])
    ]
    return f"  {_GAP.join(marks)}".rstrip()
