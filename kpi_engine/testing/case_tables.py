"""Tables in case files: small data written by hand, questions in one line, and answers as aligned text.

    ---- data orders
    day date, channel text, total decimal
    2026-03-01, web, 12.50
    2026-03-02, , 3.00
    ---- query revenue, share = revenue / total(revenue) by channel as of 2026-04-01
    ---- result
    channel  revenue  share
    web      12.50    0.806451612903
    null     3.00     0.193548387097

A cell of data is written bare or in double quotes; an empty one is null, `""` the empty text. Lists and structs are of
the type json and written so, in backticks: `` `[{"sku": "A"}]` ``. A question names metrics
or gives them a formula; then follow, in any order, `by`, `where`, `grain`, `from`, `to`, `as of`, `order by`, `limit`
and `skip empty`. Empty lines, and lines that begin with `#` and a space, are remarks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.testing.cases import CaseError

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CaseTable:
    """A table of a case: the type of each column, as definitions name types, and rows of Python values."""

    types: Mapping[str, str]
    rows: Rows

    def to_arrow(self) -> pa.Table:
        """The table in Arrow: int64, float64, decimal128, date32, timestamp[us], duration[us], bool, string."""
        columns = {name: [row[name] for row in self.rows] for name in self.types}
        return pa.table(
            {name: pa.array(values, _arrow_type(self.types[name], values)) for name, values in columns.items()}
        )


@dataclass(frozen=True, slots=True)
class CaseQuestion:
    """A question as `Project.eval` takes it: `definitions` are those of the metrics that it gives a formula."""

    metrics: tuple[str, ...]
    definitions: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)


# ---------------------------------------------------------------------------------------------------------- data

_CELL = re.compile(r'\s*(?:"(?P<quoted>[^"]*)"|`(?P<json>[^`]*)`|(?P<bare>[^",`]*?))\s*(?:,|$)')


def read_table(text: str, declared: Mapping[str, str] | None = None) -> CaseTable:
    """The table of a `data` section; a header without a type takes the declared one. Raises CaseError.

    >>> read_table("day date, n integer\\n2026-03-01, 2\\n2026-03-02,").rows
    [{'day': datetime.date(2026, 3, 1), 'n': 2}, {'day': datetime.date(2026, 3, 2), 'n': None}]
    """
    header, *lines = written_lines(text) or [""]
    types = {}
    for cell in header.split(","):
        name, _, kind = cell.strip().partition(" ")
        types[name] = kind.strip() or (declared or {}).get(name, "")
        if types[name] not in _READERS:
            raise CaseError(f"column `{name}` needs a type: {', '.join(_READERS)}")
    rows = []
    for line in lines:
        cells = list(_cells(line))
        if len(cells) != len(types):
            raise CaseError(f"{len(cells)} cells for {len(types)} columns: {line}")
        pairs = zip(types.items(), cells, strict=True)
        rows.append({name: _value(name, kind, cell) for (name, kind), cell in pairs})
    return CaseTable(types, rows)


def _value(name: str, kind: str, cell: str | None) -> Any:
    try:
        return None if cell is None else _READERS[kind](cell)
    except (ValueError, ArithmeticError, KeyError) as error:
        raise CaseError(f"`{cell}` in column `{name}` is no {kind}") from error


def written_lines(text: str) -> list[str]:
    """The lines of a section without remarks.

    >>> written_lines("# a day without orders\\nday, n\\n\\n2026-03-01, 2")
    ['day, n', '2026-03-01, 2']
    """
    return [line for line in text.splitlines() if line.strip() and not line.startswith("# ")]


def guessed_types(text: str) -> dict[str, str]:
    """For each column of a `data` section the type that all its cells can be read as; text for an empty one.

    >>> guessed_types("day, n, total, channel\\n2026-03-01, 2, 3.50, web\\n2026-03-02, , 4, ")
    {'day': 'date', 'n': 'integer', 'total': 'decimal', 'channel': 'text'}
    """
    header, *lines = written_lines(text) or [""]
    names = [cell.split()[0] if cell.split() else "" for cell in header.split(",")]
    rows = [list(_cells(line)) for line in lines]
    columns = [[row[number] for row in rows if number < len(row)] for number in range(len(names))]
    return {name: _guessed([cell for cell in cells if cell]) for name, cells in zip(names, columns, strict=True)}


def _guessed(cells: Sequence[str]) -> str:
    for kind, reads in _READERS.items():
        if kind in _GUESSES and cells and all(_is_read(reads, cell) for cell in cells):
            return kind
    return "text"


def _is_read(reads: Callable[[str], Any], cell: str) -> bool:
    if reads in (int, Decimal) and not _PLAIN_NUMBER.fullmatch(cell):
        return False  # an id, whose leading zeros count
    try:
        reads(cell)
    except (ValueError, ArithmeticError, KeyError):
        return False
    return True


def _cells(line: str) -> Iterator[str | None]:
    place = 0
    while True:
        match = _CELL.match(line, place)
        if match is None:
            raise CaseError(f"a cell is bare, in double quotes or in backticks: {line[place:]}")
        written = match["quoted"] if match["quoted"] is not None else match["json"]
        yield written if written is not None else match["bare"] or None
        place = match.end()
        if not match[0].endswith(","):
            return


def _duration(text: str) -> timedelta:
    hours, minutes, seconds = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")

_GUESSES = ("integer", "decimal", "boolean", "date", "timestamp", "duration")
"""Types by which a column's cells are told, the narrowest first."""

_READERS: Mapping[str, Callable[[str], Any]] = {
    "text": str,
    "integer": int,
    "decimal": Decimal,
    "currency": Decimal,
    "float": float,
    "boolean": {"true": True, "false": False}.__getitem__,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "duration": _duration,
    "json": partial(json.loads, parse_float=Decimal),
}


def _arrow_type(kind: str, values: Sequence[Any]) -> pa.DataType:
    match kind:
        case "text":
            return pa.string()
        case "integer":
            return pa.int64()
        case "decimal" | "currency":
            scales = [-int(value.as_tuple().exponent) for value in values if value is not None]
            return pa.decimal128(38, max([0, *scales]))
        case "float":
            return pa.float64()
        case "boolean":
            return pa.bool_()
        case "date":
            return pa.date32()
        case "timestamp":
            zoned = any(value is not None and value.tzinfo is not None for value in values)
            return pa.timestamp("us", "UTC" if zoned else None)
        case "json":
            return pa.infer_type(values)
    return pa.duration("us")


# ------------------------------------------------------------------------------------------------------ questions

_CLAUSES = {
    "by": "by",
    "where": "where",
    "grain": "grain",
    "from": "start",
    "to": "end",
    "as of": "as_of",
    "order by": "order_by",
    "limit": "limit",
    "skip empty": "skip_empty",
}
_LISTS = ("by", "order_by")
_WORD = re.compile(r'"[^"]*"|\S+')


def read_question(text: str) -> CaseQuestion:
    """The question that the options of a `query` section ask. Raises CaseError.

    >>> question = read_question("revenue, n = count(orders where ok) by channel grain month as of 2026-04-01")
    >>> question.metrics, question.definitions
    (('revenue', 'n'), 'n = count(orders where ok)\\n')
    >>> dict(question.arguments)
    {'by': ('channel',), 'grain': 'month', 'as_of': '2026-04-01'}
    """
    head, clauses = _clauses(text)
    metrics: list[str] = []
    definitions = ""
    for item in _items(head):
        name, separator, formula = item.partition(" = ")
        metrics.append(name)
        if separator:
            definitions += f"{name} = {formula}\n"
    if not all(part.isidentifier() for name in metrics for part in name.split(".")):
        raise CaseError(f"a question names metrics, or gives them as `name = formula`: {head}")
    arguments: dict[str, Any] = {}
    for word, value in clauses:
        key = _CLAUSES[word]
        if key in _LISTS:
            arguments[key] = tuple(_items(value))
        elif key == "skip_empty":
            arguments[key] = True
        else:
            arguments[key] = int(value) if key == "limit" else value
    return CaseQuestion(tuple(metrics), definitions, arguments)


def _clauses(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text before the first clause, and each clause's word and text; words inside brackets do not count."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    words = _WORD.findall(text)
    depth = 0
    while words:
        two = " ".join(words[:2])
        found = next((each for each in (two, words[0]) if depth == 0 and each in _CLAUSES), None)
        if found is not None:
            parts.append((found, []))
            words = words[found.count(" ") + 1 :]
            continue
        word = words.pop(0)
        if not word.startswith('"'):
            depth += word.count("(") + word.count("[") - word.count(")") - word.count("]")
        parts[-1][1].append(word)
    (_, head), *clauses = parts
    return " ".join(head), [(word, " ".join(value)) for word, value in clauses]


def _items(text: str) -> Iterator[str]:
    """What commas outside brackets separate."""
    item, depth = "", 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            yield item.strip()
            item = ""
        else:
            item += character
    yield item.strip()


# -------------------------------------------------------------------------------------------------------- answers


def write_answer(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as aligned text under a header; floats to 12 digits, instants with their offset.

    >>> write_answer(["channel", "share"], [{"channel": None, "share": 1 / 3}, {"channel": "web", "share": 2.0}])
    'channel  share\\nnull     0.333333333333\\nweb      2.0'
    """
    table = [list(names), *([write_value(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in table)


def write_value(value: Any) -> str:
    """A value as it stands in an answer."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            short = f"{value:.12g}"
            return short if re.search("[.en]", short) else f"{short}.0"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat(timespec="auto" if value.second or value.microsecond else "minutes")
        case date():
            return value.isoformat()
        case timedelta():
            return _written_duration(value)
        case str() if value in ("", "null") or re.search(r"\s", value):
            return f'"{value}"'
    return str(value)


def _written_duration(value: timedelta) -> str:
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    seconds, rest = divmod(value, timedelta(seconds=1))
    fraction = f".{rest // timedelta(microseconds=1):06}".rstrip("0") if rest else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


def read_answer(text: str) -> tuple[list[str], list[list[str | None]]]:
    """The header and the cells of an answer; null is None, other cells are texts.

    >>> read_answer('channel  n\\n"north west"  2\\nnull  1')
    (['channel', 'n'], [['north west', '2'], [None, '1']])
    """
    header, *lines = written_lines(text) or [""]
    cells = [_WORD.findall(line) for line in lines]
    return header.split(), [[None if cell == "null" else cell.strip('"') for cell in line] for line in cells]
