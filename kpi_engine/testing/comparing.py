"""An expected answer against the actual one: which rows are missing, which are extra, which cells differ.

Numbers are compared by value: integers and decimals exactly, floats to the twelve digits that answers show. A cell may
also be written as people write it: `37.5%` is 0.375, and `~0.33` is any number that rounds to 0.33.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Literal

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.testing.case_tables import read_answer, write_value
from kpi_engine.testing.cases import CaseError

Mark = Literal[" ", "-", "+"]
"""A line that is as expected, one that is expected and not there, one that is there instead."""

_FLOAT_DIGITS = 1e-11
_DURATION = re.compile(r"(-?)(\d+):(\d\d):(\d\d(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class CaseAnswer:
    """What was answered: the names of all columns, which of them tell rows apart, and the rows."""

    names: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class DifferenceLine:
    """A row of a difference; `changed` are the positions of the cells that are not as expected."""

    mark: Mark
    cells: tuple[str, ...]
    changed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Difference:
    """Two answers laid over each other, header and rows; `labels` are the positions of columns that tell rows apart."""

    lines: tuple[DifferenceLine, ...]
    labels: frozenset[int] = frozenset()


def difference(expected: str, answer: CaseAnswer) -> Difference | None:
    """What is different from the expected text; None for nothing. CaseError for a text that is no answer.

    >>> answer = CaseAnswer(("channel", "n"), ("channel",), ({"channel": "web", "n": 3}, {"channel": None, "n": 1}))
    >>> difference("n  channel\\n3  web\\n1  null", answer) is None
    True
    >>> for line in difference("channel  n\\napp      2\\nweb      2\\nnull     1", answer).lines:
    ...     print(line.mark, *line.cells)
      channel n
    - app 2
    - web 2
    + web 3
      null 1
    """
    names, written = _read(expected)
    rows = [tuple(row.get(name) for name in names) for row in answer.rows]
    shared = [name for name in names if name in answer.names]
    extra = tuple(name for name in answer.names if name not in names)
    labels = frozenset(names.index(name) for name in answer.labels if name in shared)
    if len(shared) < len(names) or extra:
        return _other_columns(names, extra, written, answer)
    lines = list(_lines(written, rows, sorted(labels)))
    if all(line.mark == " " for line in lines):
        return None
    return Difference((DifferenceLine(" ", tuple(names)), *lines), labels)


def is_as_written(value: Any, cell: str | None) -> bool:
    """Whether a value is the one that a cell of an expected answer says.

    >>> is_as_written(0.375, "37.5%"), is_as_written(1 / 3, "~0.33"), is_as_written(1 / 3, "0.33")
    (True, True, False)
    """
    if value is None or cell is None:
        return value is cell
    match value:
        case bool():
            return cell == ("true" if value else "false")
        case str():
            return cell == value
        case datetime() | date():
            return _is_time(value, cell)
        case timedelta():
            return _seconds(cell) == Fraction(value // timedelta(microseconds=1), 1_000_000)
        case int() | float() | Decimal():
            return _is_number(value, cell)
    return cell == write_value(value)


def _read(expected: str) -> tuple[list[str], list[list[str | None]]]:
    names, written = read_answer(expected)
    if not names:
        raise CaseError("the result is empty: write what is expected, or fill it in with --accept")
    for number, row in enumerate(written, 1):
        if len(row) != len(names):
            raise CaseError(f"row {number} of the result has {len(row)} cells for {len(names)} columns")
    return names, written


def _lines(written: list[list[str | None]], rows: list[tuple[Any, ...]], labels: list[int]) -> Iterator[DifferenceLine]:
    """Rows with the same labels are compared cell by cell, all others are missing or extra."""
    expected_keys = [tuple(row[place] or "" for place in labels) for row in written]
    actual_keys = [tuple(_key(row[place]) for place in labels) for row in rows]
    matcher = difflib.SequenceMatcher(None, expected_keys, actual_keys, autojunk=False)
    for kind, low, high, actual_low, actual_high in matcher.get_opcodes():
        if kind == "equal":
            for cells, values in zip(written[low:high], rows[actual_low:actual_high], strict=True):
                yield from _pair(cells, values)
            continue
        for cells in written[low:high]:
            yield DifferenceLine("-", tuple(map(_shown, cells)), frozenset(range(len(cells))))
        for values in rows[actual_low:actual_high]:
            yield DifferenceLine("+", tuple(map(write_value, values)), frozenset(range(len(values))))


def _pair(cells: Sequence[str | None], values: Sequence[Any]) -> Iterator[DifferenceLine]:
    pairs = enumerate(zip(values, cells, strict=True))
    changed = frozenset(place for place, (value, cell) in pairs if not is_as_written(value, cell))
    if not changed:
        yield DifferenceLine(" ", tuple(map(_shown, cells)))
        return
    actual = [write_value(value) if place in changed else _shown(cells[place]) for place, value in enumerate(values)]
    yield DifferenceLine("-", tuple(map(_shown, cells)), changed)
    yield DifferenceLine("+", tuple(actual), changed)


def _other_columns(
    names: Sequence[str], extra: Sequence[str], written: Sequence[Sequence[str | None]], answer: CaseAnswer
) -> Difference:
    """The expected table and the actual one below each other, each with the columns that the other lacks marked."""
    missing = frozenset(place for place, name in enumerate(names) if name not in answer.names)
    more = frozenset(place for place, name in enumerate(answer.names) if name in extra)
    lines = [DifferenceLine("-", tuple(names), missing)]
    lines += [DifferenceLine("-", tuple(map(_shown, row))) for row in written]
    lines.append(DifferenceLine("+", answer.names, more))
    lines += [DifferenceLine("+", tuple(write_value(row[name]) for name in answer.names)) for row in answer.rows]
    return Difference(tuple(lines), frozenset(range(max(len(names), len(answer.names)))))


def _shown(cell: str | None) -> str:
    return write_value(cell)


def _key(value: Any) -> str:
    """A label as its text in an answer, without quotes."""
    return "" if value is None else value if isinstance(value, str) else write_value(value)


def _is_time(value: datetime | date, cell: str) -> bool:
    try:
        read = datetime.fromisoformat(cell) if isinstance(value, datetime) else date.fromisoformat(cell)
    except ValueError:
        return False
    return type(read) is type(value) and _zoned(read) == _zoned(value) and read == value


def _zoned(value: datetime | date) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _seconds(cell: str) -> Fraction | None:
    match = _DURATION.fullmatch(cell)
    if match is None:
        return None
    total = Fraction(int(match[2]) * 3600 + int(match[3]) * 60) + Fraction(Decimal(match[4]))
    return -total if match[1] else total


def _is_number(value: int | float | Decimal, cell: str) -> bool:
    about = cell.startswith("~")
    text = cell.removeprefix("~")
    scale = 100 if text.endswith("%") else 1
    try:
        written = Decimal(text.removesuffix("%").replace("_", ""))
    except InvalidOperation:
        return False
    if not written.is_finite() or not math.isfinite(value):
        return False
    actual, expected = Fraction(value), Fraction(written) / scale
    if about:
        exponent = written.as_tuple().exponent
        assert isinstance(exponent, int)
        return abs(actual * scale - Fraction(written)) <= Fraction(10) ** exponent / 2
    if isinstance(value, float):
        return math.isclose(float(expected), value, rel_tol=_FLOAT_DIGITS)
    return actual == expected
