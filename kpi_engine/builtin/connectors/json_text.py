"""JSON text to rows: one object a line, or one array of objects; with the line of what is wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.python_values import Digits
from kpi_engine.builtin.connectors.stored_file import StoredFile, decompressed
from kpi_engine.builtin.connectors.text_encoding import decoding, is_utf8, nul_problem
from kpi_engine.extend.rows import data_error
from kpi_engine.ir.diagnostic import KpiError

Row = dict[str, Any]

_ROWS_A_BLOCK = 1 << 14
_WHAT = "JSON"
_FORM = "a JSON file holds one object a line, or one array of objects"
_CUT = "the file may be cut short here: write or copy it again, or correct the line"
_MOST_LEVELS = 100
"""Lists and objects inside each other; Arrow's types of deeper ones take very long to make."""

_NAMES = {str: "a text", list: "a list", type(None): "null", bool: "true or false"}


def rows_of(file: StoredFile, encoding: str) -> Iterator[list[Row]]:
    """The objects of a file, some thousand at a time.

    KpiError E605, E611, or E619 with the line of what is no object.
    """
    with reading(file.shown, _WHAT), decoding(file, encoding):
        is_array = _is_array(file, encoding)
        with _text_of(file, encoding) as text:
            rows = iter(_array(file, text.read(), encoding)) if is_array else _objects(file, text, encoding)
            yield from _blocks(rows)


def line_of(file: StoredFile, encoding: str, row: int) -> int | None:
    """The line (from 1) of a row (from 0); None in an array."""
    if _is_array(file, encoding):
        return None
    with _text_of(file, encoding) as text:
        filled = (number for number, line in enumerate(text, 1) if not line.isspace())
        return next(islice(filled, row, None), None)


@contextmanager
def _text_of(file: StoredFile, encoding: str) -> Iterator[io.TextIOWrapper]:
    with decompressed(file) as stream:
        yield io.TextIOWrapper(stream, encoding="utf-8-sig" if is_utf8(encoding) else encoding)


def _is_array(file: StoredFile, encoding: str) -> bool:
    """Whether the first character that is no white space begins a list."""
    with _text_of(file, encoding) as text:
        while (character := text.read(1)).isspace():
            pass
    return character == "["


def _blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while block := list(islice(rows, _ROWS_A_BLOCK)):
        yield block


def _objects(file: StoredFile, lines: Iterator[str], encoding: str) -> Iterator[Row]:
    decode = _decoder().decode
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        try:
            row = decode(line.rstrip("\r\n"))
        except (ValueError, RecursionError) as error:
            raise _bad_text(file, encoding, number, line, error) from error
        if type(row) is not dict:
            raise _no_object(f"{file.shown}:{number}", row)
        if line.count("[") + line.count("{") > _MOST_LEVELS and _is_too_deep(row):
            raise _too_deep(f"{file.shown}:{number}")
        yield row


def _array(file: StoredFile, text: str, encoding: str) -> list[Row]:
    try:
        rows = _decoder().decode(text)
    except (ValueError, RecursionError) as error:
        number = error.lineno if isinstance(error, json.JSONDecodeError) else None
        raise _bad_text(file, encoding, number, text, error) from error
    for number, row in enumerate(rows, 1):
        if type(row) is not dict:
            raise _no_object(f"{file.shown}, row {number}", row)
        if _is_too_deep(row):
            raise _too_deep(f"{file.shown}, row {number}")
    found: list[Row] = rows
    return found


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_object, parse_float=Digits)


def _object(pairs: list[tuple[str, Any]]) -> Row:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key `{next(name for name in names if names.count(name) > 1)}` occurs twice")
    return found


def _is_too_deep(row: Row) -> bool:
    """Whether lists and objects lie more than `_MOST_LEVELS` deep, the row itself being the first level."""
    level: list[Any] = [row]
    for _ in range(_MOST_LEVELS):
        inside = (each.values() if type(each) is dict else each for each in level)
        level = [value for values in inside for value in values if type(value) is dict or type(value) is list]
        if not level:
            return False
    return True


def _too_deep(place: str) -> KpiError:
    message = f"objects and lists are nested too deeply: at most {_MOST_LEVELS} levels are read"
    return data_error("E619", place, message, "write flatter objects")


def _no_object(place: str, row: object) -> KpiError:
    return data_error("E619", place, f"this is {_NAMES.get(type(row), 'a number')}, not an object", _FORM)


def _bad_text(file: StoredFile, encoding: str, number: int | None, text: str, error: Exception) -> KpiError:
    """E619 at a line, or E611 where NUL bytes say that the file is no such text at all."""
    if "\0" in text:
        return nul_problem(file, encoding)
    place = file.shown if number is None else f"{file.shown}:{number}"
    if isinstance(error, RecursionError):
        return _too_deep(place)
    if not isinstance(error, json.JSONDecodeError):
        # Python refuses to read whole numbers of more digits than that, and says how programs may change it.
        reason = "a number has too many digits" if "digits" in str(error) else str(error)
        return data_error("E619", place, f"this is no JSON object: {reason}", "correct the line")
    reason = error.msg[:1].lower() + error.msg[1:].removesuffix(" at").removesuffix(" starting")
    unfinished = not text[error.pos :].strip() or error.msg.startswith("Unterminated")
    help = _CUT if unfinished and text.strip() not in ("{", "[") else _FORM
    return data_error("E619", place, f"this is no JSON object: {reason} in column {error.colno}", help)
