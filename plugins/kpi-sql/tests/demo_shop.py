"""Some of the demo shop's customers in files and in databases, under the same definitions."""

from __future__ import annotations

import datetime
import re
import shutil
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from kpi_engine import demo
from kpi_engine.demo import generate

from .databases import Declared, Tables

_KEPT: Mapping[str, tuple[str, int]] = {
    **dict.fromkeys(("visits", "page_views", "carts", "orders"), ("visitor_id", 150)),
    **dict.fromkeys(("customers", "nps_answers", "tickets", "subscriptions", "loyalty"), ("customer_id", 20)),
    **dict.fromkeys(("products", "stock", "price_list", "competitor_prices", "reviews"), ("product_id", 12)),
    **dict.fromkeys(("emails",), ("message_id", 60)),
    **dict.fromkeys(("messages",), ("ticket_id", 20)),
    **dict.fromkeys(("newsletter",), ("subscriber_id", 20)),
    **dict.fromkeys(("csat_answers",), ("answer_id", 20)),
    **dict.fromkeys(("social",), ("post_id", 10)),
    **dict.fromkeys(("ad_spend", "search_rank"), ("day", 7)),
}
"""The column of each table by which rows are kept, and of how many of its values one is."""
_TYPES: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_string, "TEXT"),
    (pa.types.is_int64, "BIGINT"),
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_date32, "DATE"),
    (pa.types.is_timestamp, "TIMESTAMPTZ"),
)
_MAPPED = re.compile(r'^(map \w+\.(\w+) to) "[^"]+"(.*)$', re.MULTILINE)
_LENGTH = "  column seconds: integer\n  length = seconds * 1 second\n"


def tables() -> Tables:
    """About 20 000 rows in all. Lengths of visits are seconds, which every database knows."""
    made = generate.shop()
    found = {name.partition(".")[0]: table for name, table in made.tables.items()}
    found["orders"] = pa.concat_tables(made.months.values())
    found = {name: _sampled(table, *_KEPT[name]) if name in _KEPT else table for name, table in found.items()}
    for name in ("order_lines", "returns"):
        found[name] = found[name].filter(
            pc.is_in(found[name]["order_id"], found["orders"]["order_id"].combine_chunks())
        )
    visits = found["visits"]
    seconds = pc.divide(visits["length"].cast(pa.int64()), 1_000_000)
    found["visits"] = visits.set_column(visits.schema.names.index("length"), "seconds", seconds)
    years = [datetime.date(year, 1, 1) for year in found["nps_benchmarks"]["year"].to_pylist()]
    found["nps_benchmarks"] = found["nps_benchmarks"].set_column(0, "year", pa.array(years, pa.date32()))
    return {name: table.combine_chunks() for name, table in found.items()}


def _sampled(table: pa.Table, column: str, one_of: int) -> pa.Table:
    kept = [value is None or zlib.crc32(str(value).encode()) % one_of == 0 for value in table[column].to_pylist()]
    return table.filter(pa.array(kept))


def declared(tables: Tables) -> Declared:
    """The types of the columns in SQL."""
    return {name: {field.name: _type(field.type) for field in table.schema} for name, table in tables.items()}


def _type(type: pa.DataType) -> str:
    if pa.types.is_decimal(type):
        return f"DECIMAL({type.precision},{type.scale})"
    return next(name for test, name in _TYPES if test(type))


def project(folder: Path, connection: str, ending: str = "") -> Path:
    """The demo's project with its tables in a connection; an `ending` makes them files in `folder/data`."""
    shutil.copytree(demo.definitions(), folder, ignore=shutil.ignore_patterns("tests", "*.md"))
    (folder / "kpi.toml").write_text(f'definitions = ["*.kpi"]\nas_of = "2026-11-01"\n{connection}')
    for path in folder.glob("*.kpi"):
        text = _MAPPED.sub(lambda found: f'{found[1]} "{found[2]}{ending}"{found[3]}', path.read_text("utf-8"))
        text = text.replace('  date_format: "%Y"\n', "")
        text = re.sub(r"(?m)^(map sales\.visits .*\n)", lambda found: found[1] + _LENGTH, text)
        path.write_text(text, "utf-8")
    return folder


def write_files(folder: Path, tables: Tables, ending: str) -> str:
    """The tables as files of a format; the settings of a connection to them."""
    (folder / "data").mkdir(parents=True)
    for name, table in tables.items():
        path = folder / "data" / f"{name}{ending}"
        if ending == ".csv":
            csv.write_csv(table, path)
        else:
            pq.write_table(table, path)
    return f'[connections.default]\nconnector = "files"\npath = "{folder / "data"}"\n'
