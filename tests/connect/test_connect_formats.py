"""The same table in every format gives the same rows, types and nulls; and damaged files never give wrong ones."""

from __future__ import annotations

import datetime
import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as ds
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from malformed.workbook import workbook
from pyarrow import orc

from kpi_engine.builtin.connectors.memory import MemoryConnector
from kpi_engine.ir.types import BOOLEAN, DATE, DECIMAL, INTEGER, TEXT, TIMESTAMP

UTC = datetime.UTC
TYPES = {"id": TEXT, "total": DECIMAL, "at": TIMESTAMP, "day": DATE, "count": INTEGER, "paid": BOOLEAN}


def sales(rows: int = 60) -> pa.Table:
    start = datetime.datetime(2027, 3, 13, 23, tzinfo=UTC)
    return pa.table(
        {
            "id": [None if n % 7 == 3 else f"Ä-{n:03}" for n in range(rows)],
            "total": pa.array([Decimal(n * n) / 100 for n in range(rows)], pa.decimal128(12, 2)),
            "at": pa.array([start + datetime.timedelta(hours=n) for n in range(rows)], pa.timestamp("us", "UTC")),
            "day": [None if n % 5 == 4 else datetime.date(2027, 1, 1 + n % 28) for n in range(rows)],
            "count": [None if n % 11 == 2 else n for n in range(rows)],
            "paid": [(True, False, None)[n % 3] for n in range(rows)],
        }
    )


def write_csv(table: pa.Table, folder: Path) -> str:
    pa_csv.write_csv(table, folder / "t.csv")
    return "t.csv"


def write_parquet(table: pa.Table, folder: Path) -> str:
    pq.write_table(table, folder / "t.parquet", row_group_size=25)
    return "t.parquet"


def write_parts(table: pa.Table, folder: Path) -> str:
    (folder / "parts").mkdir()
    for start in range(0, table.num_rows, 20):
        pq.write_table(table.slice(start, 20), folder / "parts" / f"{start:04}.parquet")
    return "parts/*.parquet"


def write_ipc_file(table: pa.Table, folder: Path) -> str:
    with pa.ipc.new_file(folder / "t.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=17)
    return "t.arrow"


def write_ipc_stream(table: pa.Table, folder: Path) -> str:
    with pa.ipc.new_stream(folder / "t.arrows", table.schema) as writer:
        writer.write_table(table, max_chunksize=17)
    return "t.arrows"


def write_feather(table: pa.Table, folder: Path) -> str:
    feather.write_feather(table, str(folder / "t.feather"), compression="zstd")
    return "t.feather"


WRITERS = [write_csv, write_parquet, write_parts, write_ipc_file, write_ipc_stream, write_feather]
BOUND = {
    "table": lambda table: table,
    "chunked": lambda table: pa.concat_tables([table.slice(0, 7), table.slice(7)]),
    "batch": lambda table: table.combine_chunks().to_batches()[0],
    "reader": lambda table: table.to_reader(max_chunksize=9),
    "dataset": ds.dataset,
    "polars": pl.from_arrow,
    "pandas": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
}


def combined(batches: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    for batch in batches:
        batch.validate(full=True)
        for column in batch.columns:
            assert column.type in PHYSICAL or pa.types.is_decimal(column.type), column.type
    return [row for batch in batches for row in batch.to_pylist()]


PHYSICAL = {
    pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.date32(), pa.timestamp("us", "UTC"),
    pa.dictionary(pa.int32(), pa.string()),
}  # fmt: skip


@pytest.mark.parametrize("write", WRITERS)
def test_files_agree(read: Any, write: Any) -> None:
    table = sales()
    name = write(table, read.folder)
    assert combined(read(name, TYPES).batches) == table.to_pylist()


@pytest.mark.parametrize("kind", BOUND)
def test_objects_agree(read: Any, kind: str) -> None:
    table = sales()
    read.connector = MemoryConnector("orders", BOUND[kind](table))
    for _ in range(2):  # a stream is read once and kept
        assert combined(read("orders", TYPES).batches) == table.to_pylist()
    assert set(read.schema("orders")) == set(TYPES)
    assert sum(batch.num_rows for batch in read("orders", {}).batches) == table.num_rows


def test_columns_of_a_dataset_are_pruned(read: Any) -> None:
    write_parts(sales(), read.folder)
    read.connector = MemoryConnector("orders", ds.dataset(read.folder / "parts"))
    found = read("orders", {"count": INTEGER})
    assert [fragment.name for fragment in found.scan.fragments()] == [f"orders (fragment {n})" for n in (1, 2, 3)]
    assert found.column("count") == sales().column("count").to_pylist()


def test_objects_that_are_no_tables_are_refused(read: Any) -> None:
    read.connector = MemoryConnector("orders", [1, 2])
    assert read.problem(lambda: read.schema("orders")) == (
        "orders: E622: an object of type list was bound, which is no table of Arrow's"
        " (bind a pyarrow Table or Dataset, or a pandas, polars or DuckDB table)"
    )


def test_a_missing_column_of_an_object(read: Any) -> None:
    read.connector = MemoryConnector("orders", sales())
    assert "E607: there is no column `totl` (did you mean `total`?)" in read.problem(
        lambda: read("orders", {"totl": DECIMAL})
    )


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.csv.gz"])
@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"PAR1 is not enough PAR1", b"ARROW1\0\0 nor is this"])
def test_files_of_nonsense(read: Any, name: str, content: bytes) -> None:
    read.write(name, content)
    assert ": E6" in read.problem(lambda: read(name, {"a": INTEGER}))


def test_a_csv_under_the_wrong_name(read: Any) -> None:
    read.write("t.parquet", "a,b\n1,2\n")
    assert read.problem(lambda: read("t.parquet", {"a": INTEGER})).startswith(
        "t.parquet: E605: this cannot be read as Parquet:"
    )
    assert read("t.parquet", {"a": INTEGER}, options={"format": "csv"}).column("a") == [1]


DAMAGE = """
import pathlib, random, sys
from kpi_engine.builtin.connectors import make_connector
from kpi_engine.connect.conform import conformer
from kpi_engine.extend.rows import ColumnRequest, ConnectionSettings, ReadReport, ScanRequest, TableRequest
from kpi_engine.ir.diagnostic import KpiError

path, trials, first, last = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:])
good = path.read_bytes()
chance = random.Random(7)
names = ("id", "total", "at", "day", "count", "paid")
columns = tuple(ColumnRequest(name, name) for name in names)
wrong = refused = 0

def rows():
    connector = make_connector(ConnectionSettings("default", folder=str(path.parent)))
    connector.schema(TableRequest((path.name,)))
    scan = connector.scan(ScanRequest(TableRequest((path.name,)), columns))
    shape = conformer(columns, {}, "UTC")
    batches = []
    for fragment in scan.fragments():
        for name in names:
            fragment.bounds(name)
        batches += [shape.conform(batch, fragment, 0, ReadReport()) for batch in fragment.batches(ReadReport())]
    return batches

def same(found):
    return len(found) == len(expected) and all(one.equals(other) for one, other in zip(found, expected))

expected = rows()
for trial in range(trials):
    bad = bytearray(good)
    place = first + chance.randrange(last - first)
    if trial % 4 == 0 and last == len(good):
        del bad[place:]
    elif trial % 4 == 1:
        bad[place] = chance.randrange(256)
    else:
        bad[place] ^= 1 << chance.randrange(8)
    path.write_bytes(bad)
    try:
        wrong += not same(rows())
    except KpiError as error:
        assert error.exit_code == 4, error
        refused += 1
print(wrong, refused)
"""


def damaged(path: Path, trials: int, first: int = 0, last: int | None = None) -> tuple[int, int]:
    """How often a file, damaged between two places, was read as other rows, and how often it was refused.

    A worker does it, which must come to its end.
    """
    end = len(path.read_bytes()) if last is None else last
    command = [sys.executable, "-c", DAMAGE, str(path), str(trials), str(first), str(end)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    wrong, refused = map(int, done.stdout.split())
    return wrong, refused


def write_jsonl(table: pa.Table, folder: Path) -> str:
    (folder / "t.jsonl").write_text("".join(json.dumps(row, default=str) + "\n" for row in table.to_pylist()))
    return "t.jsonl"


def write_orc(table: pa.Table, folder: Path) -> str:
    orc.write_table(table, str(folder / "t.orc"))
    return "t.orc"


def write_xlsx(table: pa.Table, folder: Path) -> str:
    local = table.set_column(2, "at", table["at"].cast(pa.timestamp("us")))
    cells = [table.schema.names, *([*row.values()] for row in local.to_pylist())]
    (folder / "t.xlsx").write_bytes(workbook({"sales": cells}))
    return "t.xlsx"


@pytest.mark.parametrize("write", [write_ipc_file, write_orc, write_jsonl, write_csv, write_xlsx])
def test_damaged_files_never_end_the_process(tmp_path: Path, write: Any) -> None:
    _, refused = damaged(tmp_path / write(sales(), tmp_path), 80)
    assert refused > 15


def test_damaged_pages_give_no_wrong_rows(tmp_path: Path) -> None:
    """Bits flipped outside of the footer, which has no checksum: all is refused, or read as it was."""
    path = tmp_path / "t.parquet"
    pq.write_table(sales(), path, write_page_checksum=True)
    footer = int.from_bytes(path.read_bytes()[-8:-4], "little") + 8
    wrong, refused = damaged(path, 150, last=len(path.read_bytes()) - footer)
    assert wrong == 0 and refused > 35


@pytest.mark.parametrize("nested", [False, True])
def test_damaged_footers_never_end_the_process(tmp_path: Path, nested: bool) -> None:
    path, table = tmp_path / "t.parquet", sales()
    if nested:
        table = table.append_column("tags", pa.array([[str(n)] for n in range(60)]))
        table = table.append_column("part", pa.array([{"a": n, "b": "x"} for n in range(60)]))
    pq.write_table(table, path, row_group_size=25)
    size = len(path.read_bytes())
    footer = int.from_bytes(path.read_bytes()[-8:-4], "little") + 8
    _, refused = damaged(path, 300, first=size - footer)
    assert refused > 150


def test_streams_of_python(read: Any) -> None:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, sales().schema) as writer:
        writer.write_table(sales())
    read.connector = MemoryConnector("orders", pa.ipc.open_stream(sink.getvalue()))
    assert combined(read("orders", TYPES).batches) == sales().to_pylist()
