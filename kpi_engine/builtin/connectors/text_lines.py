"""Text files seen line by line: the header, the line of a row, and what is wrong with a file that cannot be read.

Rows are read by pyarrow; this slower reader is for the header, and for saying where a problem stands.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.diagnostic import KpiError

_DELIMITERS = {",": '","', ";": '";"', "\t": '"tab"', "|": '"|"'}
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Header:
    """The names of a file's columns, and the number of lines before its first row of data."""

    names: tuple[str, ...]
    lines: int


def read_header(file: Path, place: str, options: TextOptions) -> Header:
    """The header of a file; `column1`, ... where it has none, or a name is missing.

    KpiError E605 (empty or unreadable), E611 (encoding), E613 (a name twice), E616 (another delimiter).
    """
    with reading(place, "a text file"), _decoding(file, place, options), lines_of(file, options) as lines:
        rows = _rows(lines, file, options)
        first = next(rows, None)
    if first is None:
        raise data_error("E605", place, "the file is empty: it has no header", "write at least the line of names")
    end, fields = first
    _check_delimiter(fields, place, options.delimiter_of(file.name))
    if not options.header:
        return Header(tuple(f"column{number}" for number in range(1, len(fields) + 1)), options.skip)
    stripped = [_name(field, options) for field in fields]
    names = [name or f"column{number}" for number, name in enumerate(stripped, 1)]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        help = "give each column a name of its own"
        raise data_error("E613", f"{place}:{end}", f"the header names `{repeated}` twice", help)
    return Header(tuple(names), end)


def place_of_row(file: Path, place: str, options: TextOptions, row: int) -> str:
    """`orders.csv:17`: the line (from 1) on which a row of data (from 0) begins, or the row where no line is found.

    A row may have several lines, where a value in quotes holds a line break.
    """
    try:
        with lines_of(file, options) as lines:
            found = next(islice(_data(lines, file, options), row, None), None)
    except (csv.Error, UnicodeDecodeError):
        found = None
    return f"{place}, row {row + 1}" if found is None else f"{place}:{found[0]}"


def explain(file: Path, place: str, header: Header, options: TextOptions) -> KpiError | None:
    """What is wrong with a file that pyarrow refused, with its line; None if nothing is found.

    E611 (encoding), E614 (number of fields), E615 (a quote never closed).
    """
    wanted = len(header.names)
    start = header.lines + 1
    try:
        with _decoding(file, place, options), lines_of(file, options) as lines:
            for start, fields in _data(lines, file, options):
                if len(fields) != wanted:
                    return _wrong_count(place, start, fields, wanted, options.delimiter_of(file.name))
    except KpiError as error:
        return error
    except csv.Error as error:
        if "end of data" in str(error):
            help = 'close the quote, or add `quote: ""` if quotes have no meaning in this file'
            return data_error("E615", place, f"a quote that opens after line {start} is never closed", help)
    return None


@contextmanager
def lines_of(file: Path, options: TextOptions) -> Iterator[Any]:
    """A file's decompressed and decoded lines with their ends, those skipped at the start left out."""
    encoding = "utf-8-sig" if options.encoding in ("utf8", "utf-8") else options.encoding
    with pa.input_stream(str(file), compression="detect") as stream:
        lines = io.TextIOWrapper(stream, encoding=encoding, newline="")
        for _ in range(options.skip):
            lines.readline()
        yield lines


def _rows(lines: Any, file: Path, options: TextOptions) -> Iterator[tuple[int, list[str]]]:
    """The last line and the fields of each row that is not empty."""
    reader = csv.reader(
        lines,
        delimiter=options.delimiter_of(file.name),
        quotechar=options.quote or None,
        quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
        strict=True,
    )
    for fields in reader:
        if fields:
            yield options.skip + reader.line_num, fields


def _data(lines: Any, file: Path, options: TextOptions) -> Iterator[tuple[int, list[str]]]:
    """The first line and the fields of each row of data."""
    rows = _rows(lines, file, options)
    if options.header:
        next(rows, None)
    for last, fields in rows:
        yield last - sum(map(_line_breaks, fields)), fields


def _line_breaks(field: str) -> int:
    return field.count("\n") + field.count("\r") - field.count("\r\n")


def _name(field: str, options: TextOptions) -> str:
    if not options.snake_case:
        return field
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.strip())
    return re.sub(r"\W+", "_", parted).strip("_").lower()


def _check_delimiter(fields: list[str], place: str, delimiter: str) -> None:
    if len(fields) > 1:
        return
    for other, written in _DELIMITERS.items():
        if other != delimiter and other in fields[0]:
            shown = fields[0] if len(fields[0]) <= _LONGEST_SHOWN else f"{fields[0][:_LONGEST_SHOWN]}..."
            message = f"the first line is one column, `{shown}`"
            raise data_error("E616", place, message, f"add `delimiter: {written}` to the source")


def _wrong_count(place: str, line: int, fields: list[str], wanted: int, delimiter: str) -> KpiError:
    had = f"{len(fields)} field" + ("" if len(fields) == 1 else "s")
    message = f"this row has {had}, and the header has {wanted}"
    if len(fields) > wanted:
        help = f"put a value that holds `{delimiter}` in double quotes, or correct the row"
    else:
        help = "the file may be cut short here: write or copy it again, or correct the row"
    return data_error("E614", f"{place}:{line}", message, help)


@contextmanager
def _decoding(file: Path, place: str, options: TextOptions) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        line = _undecodable_line(file, options)
        where = place if line is None else f"{place}:{line}"
        name = "UTF-8" if options.encoding.replace("-", "") == "utf8" else options.encoding
        message = f"byte 0x{error.object[error.start]:02X} does not belong in a text in {name}"
        help = 'say how the file is encoded, as `encoding: "windows-1252"` or `encoding: "gb18030"`'
        raise data_error("E611", where, message, help) from error


def _undecodable_line(file: Path, options: TextOptions) -> int | None:
    """The first line that is not UTF-8; None for other encodings, whose lines bytes do not show."""
    if options.encoding.replace("-", "") != "utf8":
        return None
    with pa.input_stream(str(file), compression="detect") as stream:
        for number, line in enumerate(io.BufferedReader(stream), 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None
