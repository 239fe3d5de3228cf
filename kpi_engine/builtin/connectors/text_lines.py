"""Text files seen line by line: the header, the line of a row, and what is wrong with a file that cannot be read.

Rows are read by pyarrow; this slower reader is for the header, and for saying where a problem stands.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import Any

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.headers import header_names
from kpi_engine.builtin.connectors.stored_file import StoredFile, decompressed
from kpi_engine.builtin.connectors.text_encoding import decoding, nul_problem, spoken_encoding
from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError

_DELIMITERS = {",": '","', ";": '";"', "\t": '"tab"', "|": '"|"'}
_LONGEST_SHOWN = 60
_LONGEST_FIELD = 1 << 30
_MOST_LINES_ABOVE = 8
_UTF8_MARK_AS_LATIN = "\u00ef\u00bb\u00bf"


@dataclass(frozen=True, slots=True)
class Header:
    """The names of a file's columns, the number of lines before its first row of data, whether anything follows."""

    names: tuple[str, ...]
    lines: int
    has_rows: bool = True


def read_header(file: StoredFile, options: TextOptions) -> Header:
    """The header of a file; `column1`, ... where it has none, or a name is missing.

    KpiError E605 (empty or unreadable), E611 (encoding), E613 (a name twice), E616 (another delimiter).
    """
    place = file.shown
    with reading(place, "a text file"), decoding(file, options.encoding), lines_of(file, options) as lines:
        rows = _rows(lines, file, options)
        try:
            first = next(rows, None)
        except csv.Error as error:
            raise _bad_header(place, error) from error
        followed = next(lines, None)
        if first is not None and followed is not None:
            later = _rows(chain([followed], lines), file, options, before=first[0])
            # What is wrong with later lines is said when they are read.
            with suppress(csv.Error):
                _check_width(first[1], later, place, options.delimiter_of(file.name))
    if first is None:
        raise data_error("E605", place, "the file is empty: it has no header", "write at least the line of names")
    end, fields = first
    _check_encoding(file, fields, options)
    if not options.header:
        return Header(tuple(f"column{number}" for number in range(1, len(fields) + 1)), options.skip)
    return Header(header_names(fields, options, f"{place}:{end}"), end, followed is not None)


def place_of_row(file: StoredFile, options: TextOptions, row: int) -> str:
    """`orders.csv:17`: the line (from 1) on which a row of data (from 0) begins, or the row where no line is found.

    A row may have several lines, where a value in quotes holds a line break.
    """
    try:
        with lines_of(file, options) as lines:
            found = next(islice(_data(lines, file, options), row, None), None)
    except (csv.Error, UnicodeDecodeError, OSError):  # OSError: compressed bytes that end too early, or are damaged
        found = None
    return f"{file.shown}, row {row + 1}" if found is None else f"{file.shown}:{found[0]}"


def explain(file: StoredFile, header: Header, options: TextOptions) -> KpiError | None:
    """What is wrong with a file that pyarrow refused, with its line; None if nothing is found.

    E611 (encoding), E614 (number of fields), E615 (a quote never closed).
    """
    place, wanted = file.shown, len(header.names)
    start = header.lines + 1
    try:
        with decoding(file, options.encoding), lines_of(file, options) as lines:
            for start, fields in _data(lines, file, options):
                if len(fields) != wanted:
                    if any("\0" in field for field in fields):
                        return nul_problem(file, options.encoding)
                    return _wrong_count(place, start, fields, wanted, options.delimiter_of(file.name))
    except KpiError as error:
        return error
    except csv.Error as error:
        if "end of data" in str(error):
            help = 'close the quote, or add `quote: ""` if quotes have no meaning in this file'
            return data_error("E615", place, f"a quote that opens after line {start} is never closed", help)
    except OSError:
        return None  # its bytes cannot be had, which whoever refused it has said
    return None


@contextmanager
def lines_of(file: StoredFile, options: TextOptions) -> Iterator[Any]:
    """A file's decompressed and decoded lines with their ends, those skipped at the start left out."""
    encoding = "utf-8-sig" if options.encoding in ("utf8", "utf-8") else options.encoding
    with decompressed(file) as stream:
        lines = io.TextIOWrapper(stream, encoding=encoding, newline="")
        for _ in range(options.skip):
            lines.readline()
        before = csv.field_size_limit(_LONGEST_FIELD)
        try:
            yield lines
        finally:
            csv.field_size_limit(before)


def _rows(
    lines: Iterable[str], file: StoredFile, options: TextOptions, before: int | None = None
) -> Iterator[tuple[int, list[str]]]:
    """The last line and the fields of each row that is not empty; `before` lines come before (default: the skipped)."""
    start = options.skip if before is None else before
    reader = csv.reader(
        lines,
        delimiter=options.delimiter_of(file.name),
        quotechar=options.quote or None,
        quoting=csv.QUOTE_MINIMAL if options.quote else csv.QUOTE_NONE,
        strict=True,
    )
    for fields in reader:
        if fields:
            yield start + reader.line_num, fields


def _data(lines: Any, file: StoredFile, options: TextOptions) -> Iterator[tuple[int, list[str]]]:
    """The first line and the fields of each row of data."""
    rows = _rows(lines, file, options)
    if options.header:
        next(rows, None)
    for last, fields in rows:
        yield last - sum(map(_line_breaks, fields)), fields


def _line_breaks(field: str) -> int:
    return field.count("\n") + field.count("\r") - field.count("\r\n")


def _check_width(fields: list[str], rows: Iterator[tuple[int, list[str]]], place: str, delimiter: str) -> None:
    """E616 where a header of one column shows that it is none: another delimiter, or lines above the table."""
    if len(fields) > 1:
        return
    shown = fields[0] if len(fields[0]) <= _LONGEST_SHOWN else f"{fields[0][:_LONGEST_SHOWN]}..."
    for other, written in _DELIMITERS.items():
        if other != delimiter and other in fields[0]:
            message = f"the first line is one column, `{shown}`"
            raise data_error("E616", place, message, f"add `delimiter: {written}` to the source")
    for end, later in islice(rows, _MOST_LINES_ABOVE):
        if len(later) > 1:
            message = f"the first line is one column, `{shown}`, and line {end} has {len(later)}"
            help = f"if the table begins there, add `skip: {end - 1}` to the source"
            raise data_error("E616", place, message, help)


def _wrong_count(place: str, line: int, fields: list[str], wanted: int, delimiter: str) -> KpiError:
    had = f"{len(fields)} field" + ("" if len(fields) == 1 else "s")
    message = f"this row has {had}, and the header has {wanted}"
    if len(fields) > wanted:
        help = f"put a value that holds `{delimiter}` in double quotes, or correct the row"
    else:
        help = "the file may be cut short here: write or copy it again, or correct the row"
    return data_error("E614", f"{place}:{line}", message, help)


def _bad_header(place: str, error: csv.Error) -> KpiError:
    """What is wrong with a header that cannot be cut into names: mostly a quote that is never closed."""
    if "end of data" in str(error):
        help = 'close the quote, or add `quote: ""` if quotes have no meaning in this file'
        return data_error("E615", place, "a quote that opens in the header is never closed", help)
    return data_error("E605", place, f"the header cannot be read: {error}", "correct the first line of the file")


def _check_encoding(file: StoredFile, fields: Sequence[str], options: TextOptions) -> None:
    """Whether the header shows that the text was read in an encoding that is not its own."""
    header = "".join(fields)
    if "\0" in header:
        raise nul_problem(file, options.encoding)
    if header.startswith(_UTF8_MARK_AS_LATIN):
        message = f"the file begins with the mark of UTF-8, and is read as {spoken_encoding(options.encoding)}"
        raise data_error("E611", f"{file.shown}:1", message, 'leave `encoding:` out, or write `encoding: "utf-8"`')
