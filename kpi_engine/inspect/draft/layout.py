"""How a text file is written: its encoding, delimiter and header, found by looking at all of it or its first lines."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from kpi_engine.builtin.connectors.encodings import likely_encoding
from kpi_engine.builtin.connectors.stored_file import LocalFile
from kpi_engine.builtin.connectors.text_encoding import telling_sample
from kpi_engine.ir.dataclass import dataclass

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_CHARACTERS = 1 << 18
_CHUNK = 1 << 20
_LINES = 200
_VALUE = re.compile(r"[-+]?[\d.,]+|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*")
_BYTE_ORDER = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Layout:
    """`delimiter` and `encoding` as definitions write them, None where that is the default; `header`: there is one."""

    delimiter: str | None = None
    encoding: str | None = None
    header: bool = True


def layout_of(file: Path) -> Layout:
    """The layout of a text file. OSError if it cannot be read, ValueError if it is empty."""
    encoding = encoding_of(file)
    sample = _sample(file, encoding or "utf-8-sig")
    if not sample.strip():
        raise ValueError("the file is empty")
    delimiter = delimiter_of(sample)
    usual = "\t" if ".tsv" in file.name.lower() else ","
    rows = _rows(sample, delimiter)
    return Layout(None if delimiter == usual else delimiter, encoding, has_header(rows))


def encoding_of(file: Path) -> str | None:
    """The encoding of the whole file; None for UTF-8."""
    with pa.input_stream(str(file), compression="detect") as stream:
        start = stream.read(4)
    for mark, name in _BYTE_ORDER:
        if start.startswith(mark):
            return name
    if _decodes(file, "utf-8"):
        return None
    # The same guess as in the advice on a file that is read in a wrong encoding.
    likely = likely_encoding(telling_sample(LocalFile(file, file.name)))
    return next(name for name in (likely, "windows-1252", "iso-8859-1") if name != "utf-8" and _decodes(file, name))


def _decodes(file: Path, encoding: str) -> bool:
    """Whether the whole file is a text in an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with pa.input_stream(str(file), compression="detect") as stream:
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def delimiter_of(sample: str) -> str:
    """The character that cuts lines into equally many fields, as many as possible.

    >>> delimiter_of("a;b;c\\n1,5;2;3\\n2,5;4;5\\n")
    ';'
    """
    best, most = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        counts = Counter(len(row) for row in _rows(sample, delimiter))
        fields, rows = counts.most_common(1)[0] if counts else (1, 0)
        if fields > 1 and (rows / counts.total(), fields) > most:
            best, most = delimiter, (rows / counts.total(), fields)
    return best


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names columns: names of their own, none of which is a number or a date.

    >>> has_header([["id", "day"], ["1", "2026-01-01"]]), has_header([["7", "2026-01-01"]])
    (True, False)
    """
    first = [field.strip() for field in rows[0]]
    named = [field for field in first if field]
    return len(set(named)) == len(named) and not any(_VALUE.fullmatch(field) for field in named)


def _rows(sample: str, delimiter: str) -> list[list[str]]:
    lines = sample.splitlines(keepends=True)
    whole = lines if len(sample) < _SAMPLE_CHARACTERS else lines[:-1]
    try:
        return [row for row in csv.reader(whole[:_LINES], delimiter=delimiter) if row]
    except csv.Error:
        return []


def _sample(file: Path, encoding: str) -> str:
    with pa.input_stream(str(file), compression="detect") as stream:
        return io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="").read(_SAMPLE_CHARACTERS)
