"""Text files written with any mixture of options are read back as what was written."""

from __future__ import annotations

import bz2
import datetime
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.ir.types import DATE, DECIMAL, INTEGER, TEXT, TIMESTAMP

from .conftest import Reader

NULL = "n/a"


@dataclass(frozen=True)
class Layout:
    """How a file is written; `options` say the same to the reader."""

    delimiter: str
    quote: str
    encoding: str
    header: bool
    skip: int
    decimal: str
    thousands: str
    line_end: str
    last_line_end: bool
    null: str
    date_format: str
    time_format: str
    ending: str

    @property
    def options(self) -> dict[str, object]:
        return {
            "delimiter": self.delimiter,
            "quote": self.quote,
            "encoding": self.encoding,
            "header": self.header,
            "skip": self.skip,
            "decimal": self.decimal,
            "thousands": self.thousands,
            "null_values": [NULL],
            "date_format": self.date_format,
            "timestamp_format": self.time_format,
        }


LAYOUTS = st.builds(
    Layout,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quote=st.sampled_from(['"', "'"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "cp1252", "latin-1"]),
    header=st.booleans(),
    skip=st.integers(0, 2),
    decimal=st.sampled_from([".", ","]),
    thousands=st.sampled_from(["", " ", "_"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    last_line_end=st.booleans(),
    null=st.sampled_from(["", NULL]),
    date_format=st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d-%b-%Y", "%Y%m%d"]),
    time_format=st.sampled_from(["%Y-%m-%d %H:%M:%S.%f", "%d.%m.%Y %H:%M:%S.%f", "%b %d %Y %I:%M:%S.%f %p"]),
    ending=st.sampled_from(["csv", "txt", "csv.gz", "csv.bz2", "csv.zst", "tsv"]),
)
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "zst": lambda content: bytes(pa.Codec("zstd").compress(content)),
}
LETTERS = "aÄé ,;'\"|\n\t€x"
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": st.none() | st.text(LETTERS, max_size=6),
            "whole": st.none() | st.integers(-(10**12), 10**12),
            "amount": st.none() | st.decimals(-(10**9), 10**9, places=2),
            "day": st.none() | st.dates(datetime.date(1900, 1, 1), datetime.date(2199, 12, 31)),
            "at": st.none() | st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1)),
        }
    ),
    min_size=1,
    max_size=5,
)
TYPES = {"text": TEXT, "whole": INTEGER, "amount": DECIMAL, "day": DATE, "at": TIMESTAMP}


def written(rows: list[dict[str, Any]], layout: Layout) -> bytes:
    lines = ["above"] * layout.skip
    if layout.header:
        lines.append(layout.delimiter.join(TYPES))
    for row in rows:
        lines.append(layout.delimiter.join(_field(row[name], layout) for name in TYPES))
    text = layout.line_end.join(lines) + layout.line_end * layout.last_line_end
    content = text.encode(layout.encoding)
    return COMPRESS.get(layout.ending.rpartition(".")[2], bytes)(content)


def _field(value: Any, layout: Layout) -> str:
    match value:
        case None:
            return layout.null
        case datetime.datetime():
            return _quoted(value.strftime(layout.time_format), layout)
        case datetime.date():
            return _quoted(value.strftime(layout.date_format), layout)
        case int() | Decimal():
            shown = f"{value:,}".replace(",", "_").replace(".", layout.decimal).replace("_", layout.thousands)
            return _quoted(shown, layout)
    return _quoted(value, layout)


def _quoted(text: str, layout: Layout) -> str:
    return layout.quote + text.replace(layout.quote, layout.quote * 2) + layout.quote


@settings(max_examples=120)
@given(rows=ROWS, layout=LAYOUTS)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], layout: Layout
) -> None:
    if layout.encoding == "latin-1":
        rows = [{**row, "text": (row["text"] or "").replace("€", "E")} for row in rows]
    folder: Path = tmp_path_factory.mktemp("text")
    name = f"t.{layout.ending}"
    (folder / name).write_bytes(written(rows, layout))
    read = Reader(folder)
    names = list(TYPES) if layout.header else [f"column{number}" for number in range(1, len(TYPES) + 1)]
    columns = dict(zip(names, TYPES.values(), strict=True))
    found = read(name, columns, options=layout.options).rows
    local = datetime.timezone(datetime.timedelta(hours=8))
    for row in found:
        at = row[names[4]]
        row[names[4]] = None if at is None else at.astimezone(local).replace(tzinfo=None)
    assert found == [{own: row[name] for own, name in zip(names, TYPES, strict=True)} for row in rows]
