"""The formats `json` and `jsonl`: an object a row, plain numbers, null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO

from kpi_engine.extend.formats import Answer, Surface
from kpi_engine.present.raw import raw_rows
from kpi_engine.present.report import report


def write_json(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """One array of objects, a row a line."""
    _write_array(answer, sink)
    sink.write(b"\n")


def write_json_report(answer: Answer, sink: IO[bytes]) -> None:
    """An object of two: `answer`, as `write_json` writes it, and `stats`, how it came about."""
    sink.write(b'{"answer": ')
    _write_array(answer, sink)
    stats = json.dumps(report(answer), ensure_ascii=False, indent=2)
    sink.write(f',\n"stats": {stats}}}\n'.encode("utf-8", "replace"))


def _write_array(answer: Answer, sink: IO[bytes]) -> None:
    sink.write(b"[")
    first = True
    for row in _objects(answer):
        sink.write(f"{'' if first else ','}\n  {row}".encode())
        first = False
    sink.write(b"]" if first else b"\n]")


def write_jsonl(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """An object a line."""
    for row in _objects(answer):
        sink.write(f"{row}\n".encode())


def _objects(answer: Answer) -> Iterator[str]:
    # Numbers are written digit by digit: through a float an exact decimal would lose its last ones.
    keys = [_string(column.name) for column in answer.columns]
    for row in raw_rows(answer, null="null", text=_string):
        yield "{" + ", ".join(f"{key}: {value}" for key, value in zip(keys, row, strict=True)) + "}"


def _string(text: str) -> str:
    """Readable in UTF-8, except where half a surrogate pair could not be written."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
