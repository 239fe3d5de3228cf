"""Files that are damaged, or written in ways that are odd: a message that names the file, or the right rows."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from malformed.workbook import workbook
from pyarrow import fs, orc

import kpi_engine
from kpi_engine.builtin.connectors import orc_process
from kpi_engine.builtin.connectors.stored_file import RemoteFile
from kpi_engine.ir.types import DECIMAL, FLOAT, INTEGER, TEXT, Type
from kpi_engine.kernels.canonical import canonical

CRASHING = ((668, 16), (675, 16), (686, 16), (716, 16), (686, 129), (721, 129), (691, 216), (753, 216))


def texts_in_orc(folder: Path) -> bytes:
    chosen = random.Random(5)
    table = pa.table({"s": [chosen.choice(["a", "b", "ccc", None]) for _ in range(3000)]})
    orc.write_table(table, str(folder / "t.orc"), compression="zlib")
    return (folder / "t.orc").read_bytes()


def project(folder: Path, text: str) -> kpi_engine.Project:
    return kpi_engine.Project.from_text(text, data=folder)


# ORC ------------------------------------------------------------------------------------------------------------------


def test_orc_on_which_the_decoder_crashes(read: Any) -> None:
    good = texts_in_orc(read.folder)
    for position, byte in CRASHING:
        damaged = bytearray(good)
        damaged[position] = byte
        (read.folder / "t.orc").write_bytes(bytes(damaged))
        problem = read.problem(lambda: read("t.orc", {"s": TEXT}))
        assert problem.startswith("t.orc: E605: this cannot be read as ORC: "), (position, byte)
    (read.folder / "t.orc").write_bytes(good)
    assert len(read("t.orc", {"s": TEXT}).rows) == 3000


@pytest.mark.parametrize(
    ("last_words", "cause"),
    [("os.abort()", "the decoder crashed on it (SIGABRT)"), ("sys.exit(3)", "the decoder crashed on it (exit code 3)")],
)
def test_the_death_of_the_process_names_its_cause(
    read: Any, monkeypatch: pytest.MonkeyPatch, last_words: str, cause: str
) -> None:
    texts_in_orc(read.folder)
    script = read.folder / "worker.py"
    ready = "sys.stdout.buffer.write((5).to_bytes(8, 'little') + b'ready'); sys.stdout.flush()"
    script.write_text(f"import os, sys\n{ready}\nsys.stdin.buffer.read(8)\n{last_words}\n")
    monkeypatch.setattr(orc_process, "_SCRIPT", script)
    monkeypatch.setattr(orc_process, "_idle", [])
    problem = read.problem(lambda: read("t.orc", {"s": TEXT}))
    assert problem.startswith(f"t.orc: E605: this cannot be read as ORC: {cause}")


def test_a_process_that_does_not_start(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts_in_orc(read.folder)
    monkeypatch.setattr(orc_process, "_SCRIPT", read.folder / "nothing.py")
    monkeypatch.setattr(orc_process, "_idle", [])
    assert "the process that decodes ORC does not start" in read.problem(lambda: read("t.orc", {"s": TEXT}))


def test_one_process_answers_request_after_request(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts_in_orc(read.folder)
    idle: list[Any] = []
    monkeypatch.setattr(orc_process, "_idle", idle)
    read("t.orc", {"s": TEXT})
    (first,) = idle
    read("t.orc", {"s": TEXT})
    assert idle == [first]
    first.end()


def test_orc_in_a_store(tmp_path: Path) -> None:
    texts_in_orc(tmp_path)
    path = tmp_path / "t.orc"
    file = RemoteFile(fs.LocalFileSystem(), str(path), "t.orc", path.stat().st_size, 0)
    assert orc_process.stored_schema(file) == (pa.schema([("s", pa.string())]), 1)
    assert pa.Table.from_batches([orc_process.stored_stripe(file, 0, ["s"])]) == orc.read_table(str(path))


# Text and JSON --------------------------------------------------------------------------------------------------------


def test_compressed_text_that_ends_too_early_far_in(read: Any) -> None:
    chosen = random.Random(1)
    lines = "".join(f"{number},{chosen.random():.6f}\n" for number in range(60_000))
    (read.folder / "t.csv.gz").write_bytes(gzip.compress(f"id,v\n{lines}".encode())[:-30])
    problem = read.problem(lambda: read("t.csv.gz", {"v": DECIMAL}))
    assert problem.startswith("t.csv.gz: E605: this cannot be read as a text file: Truncated compressed stream")


@pytest.mark.parametrize("wanted", [None, FLOAT])
def test_whole_numbers_among_fractions_are_floats(read: Any, wanted: Type | None) -> None:
    (read.folder / "a.jsonl").write_text(
        f'{{"v": 1}}\n{{"v": 2.5}}\n{{"v": null}}\n{{"v": 12345678901234567890123}}\n{{"v": {10**400}}}\n'
    )
    (read.folder / "b.jsonl").write_text('{"v": 7}\n')
    found = read(["a.jsonl", "b.jsonl"], {"v": wanted})
    assert found.column("v") == [1.0, 2.5, None, 12345678901234567890123.0, None, 7.0]
    assert found.report.nan_values == 1


def test_a_sum_of_whole_numbers_and_fractions(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"at": "2026-01-01", "v": 1}\n{"at": "2026-01-02", "v": 2.5}\n')
    text = 'source t\n  table: "t.jsonl"\n  time: at\n  column at: date\n\ns = sum(t.v)\n'
    assert project(tmp_path, text).eval("s").table.to_pylist() == [{"s": 3.5}]


def test_cells_of_whole_numbers_and_fractions(read: Any) -> None:
    for name, values in (("a", [1, 2.5]), ("b", [3, 4])):
        read.write(f"{name}.xlsx", workbook({"1": [["v"], *([value] for value in values)]}))
    assert read(["a.xlsx", "b.xlsx"], {"v": None}).column("v") == [1.0, 2.5, 3.0, 4.0]


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
@pytest.mark.parametrize("form", ["lines", "array"])
def test_nesting_has_a_limit(read: Any, opening: str, closing: str, form: str) -> None:
    def write(levels: int) -> None:
        row = '{"v": 1, "s": ' + opening * levels + ("1" if "a" in opening else "") + closing * levels + "}"
        (read.folder / "t.json").write_text(row if form == "lines" else f"[{row}]")

    write(99)
    assert read("t.json", {"v": INTEGER}).column("v") == [1]
    for levels in (100, 2000):
        write(levels)
        problem = read.problem(lambda: read("t.json", {"v": INTEGER}))
        assert "E619: objects and lists are nested too deeply" in problem
        assert problem.startswith("t.json:1: " if form == "lines" else "t.json")


# Columns --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_a_time_without_any_value(tmp_path: Path, format: str) -> None:
    rows = [{"at": None, "v": 1}, {"at": None, "v": 2}]
    if format == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), str(tmp_path / "t.parquet"))
    else:
        (tmp_path / "t.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    text = f'source t\n  table: "t.{format}"\n  time: at\n\nn = count(t)\nm = max(t.v)\n'
    found = project(tmp_path, text).eval(["n", "m"], start="2026-01-01", end="2026-01-31", grain="month")
    assert found.stats.excluded_rows == 2
    # No row has a day, so the data have no last one, and no period has begun for them.
    assert found.table.select(["n", "m"]).to_pylist() == [{"n": None, "m": None}]


def test_bytes_are_left_out(tmp_path: Path) -> None:
    pq.write_table(pa.table({"b": [b"x"]}), str(tmp_path / "t.parquet"))
    text = 'source t\n  table: "t.parquet"\n\nn = count(distinct t.b)\n'
    (found,) = project(tmp_path, text).check()
    assert (found.code, found.help) == ("E682", "leave the column out, or write it in the file as a text or a number")


@pytest.mark.filterwarnings("error")
def test_signalling_nans_are_null_in_silence() -> None:
    words = np.array([0x7FF0000000000001, 0x4000000000000000], np.uint64)
    values, counts = canonical(pa.array(words.view(np.float64)))
    assert values.to_pylist() == [None, 2.0]
    assert counts.nan == 1
