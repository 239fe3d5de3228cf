"""The formats `json` and `jsonl`: an object a row, plain numbers, null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO

from kpi_engine.extend.formats import Answer, Surface
from kpi_engine.present.raw import raw_rows


def write_json(answer: Answer, sink: IO[bytes], surface: Surface) -> None:
    """One array of objects, a row a line."""
    sink.write(b"[")
    first = True
    for row in _objects(answer):
        sink.write(f"{'' if first else ','}\n  {row}".encode())
        first = False
    sink.write(b"]\n" if first else b"\n]\n")


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
