"""The format `csv`: raw values, safe to open in a spreadsheet."""

from __future__ import annotations

from typing import IO

from kpi_engine.extend.formats import Answer, Surface
from kpi_engine.present.cells import safe_text
from kpi_engine.present.raw import raw_rows

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")


def write_csv(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """A header line and a line a row, in UTF-8. Null is nothing, an empty text is `""`."""
    header = ",".join(quoted(guarded(column.name)) for column in answer.columns)
    sink.write(f"{header}\n".encode())
    text = _terminal_cell if surface.terminal else _text_cell
    for row in raw_rows(answer, null="", text=text):
        sink.write(f"{','.join(row)}\n".encode("utf-8", "replace"))


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula: a quote stands before what could begin one.

    >>> guarded("=1+1"), guarded("app")
    ("'=1+1", 'app')
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def quoted(text: str) -> str:
    """In double quotes where a reader of CSV needs them.

    >>> quoted('a "b" c'), quoted("app")
    ('"a ""b"" c"', 'app')
    """
    plain = text and text == text.strip() and not any(character in text for character in ',"\r\n')
    return text if plain else '"' + text.replace('"', '""') + '"'


def _text_cell(text: str) -> str:
    return quoted(guarded(text))


def _terminal_cell(text: str) -> str:
    return _text_cell(safe_text(text))
