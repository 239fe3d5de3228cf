"""Small fragments are brought into declared types together; what comes out is what each gives on its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.connect.conform import Conformer, conformer
from kpi_engine.connect.reader import ConformedFragment
from kpi_engine.extend.rows import ColumnRequest, ReadReport, batches_of_all, data_error
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.types import INTEGER, TEXT, TIMESTAMP


@dataclass
class Piece:
    """A file in memory; a batch of None is one that cannot be read."""

    name: str
    parts: Sequence[pa.RecordBatch | None]

    def bounds(self, column: str) -> None:
        return None

    def place(self, row: int) -> str:
        return f"{self.name}, row {row + 1}"

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        for each in self.parts:
            if each is None:
                raise data_error("E605", self.name, "this cannot be read")
            yield each


COLUMNS = (ColumnRequest("n", "n", INTEGER), ColumnRequest("t", "t", TEXT))
STORED = {
    "int64": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "coded": pa.dictionary(pa.int32(), pa.string()),
    "wide": pa.large_string(),
}
VALUES = {
    "int64": st.none() | st.integers(-5, 5),
    "float": st.none() | st.sampled_from([0.0, 1.0, 2.5, float("nan"), float("inf")]),
    "text": st.none() | st.sampled_from(["1", "22", "x", "", "1e3"]),
}


@st.composite
def stored_batches(draw: st.DrawFn) -> pa.RecordBatch:
    number = draw(st.sampled_from(sorted(STORED)))
    text = draw(st.sampled_from(["text", "coded", "wide", "holes"]))
    rows = draw(st.integers(0, 4))
    numbers = draw(st.lists(VALUES.get(number, VALUES["text"]), min_size=rows, max_size=rows))
    if text == "holes":  # a dictionary with a null in it
        codes = draw(st.lists(st.none() | st.integers(0, 1), min_size=rows, max_size=rows))
        texts = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(["a", None]))
    else:
        values = draw(st.lists(VALUES["text"], min_size=rows, max_size=rows))
        texts = pa.array(values, pa.string()).cast(STORED[text])
    plain = STORED[number] if number in VALUES else pa.string()
    return pa.record_batch([pa.array(numbers, plain).cast(STORED[number]), texts], names=["n", "t"])


def outcome(pieces: Sequence[Piece], how: Conformer, *, together: bool) -> tuple[object, ...]:
    """The rows that are given, the error that ends them, and what was counted."""
    report, error, rows = ReadReport(), "", []
    fragments = [ConformedFragment(piece, how) for piece in pieces]
    each = (batch for fragment in fragments for batch in fragment.batches(report))
    try:
        for batch in batches_of_all(fragments, report) if together else each:
            rows += batch.to_pylist()
    except KpiError as problem:
        error = str(problem)
    counted = (report.failed_casts, report.failed_in, report.nan_values)
    return (rows, error, *counted) if not error else (error,)


@pytest.mark.parametrize("on_error", ["stop", "null"])
@given(st.data())
def test_together_is_as_one_by_one(on_error: str, data: st.DataObject) -> None:
    pieces = [
        Piece(f"{number}.parquet", data.draw(st.lists(stored_batches() | st.none(), max_size=3)))
        for number in range(data.draw(st.integers(0, 5)))
    ]
    how = conformer(COLUMNS, {}, "UTC", on_error)
    assert outcome(pieces, how, together=True) == outcome(pieces, how, together=False)


def small(count: int, start: int = 0, text: str = "7") -> list[Piece]:
    rows = pa.record_batch({"n": pa.array([text] * 10), "t": pa.array(["a"] * 10)})
    return [Piece(f"{number}.parquet", [rows]) for number in range(start, start + count)]


def test_small_files_are_conformed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    conform = Conformer.conform

    def watched(self: Conformer, batch: pa.RecordBatch, *others: Any) -> pa.RecordBatch:
        done.append(batch.num_rows)
        return conform(self, batch, *others)

    monkeypatch.setattr(Conformer, "conform", watched)
    how = conformer(COLUMNS, {}, "UTC")
    batches = list(batches_of_all([ConformedFragment(piece, how) for piece in small(200)], ReadReport()))
    assert done == [2000] and [batch.num_rows for batch in batches] == [2000]


def test_batches_stay_small_enough() -> None:
    how = conformer(COLUMNS, {}, "UTC")
    many = [ConformedFragment(piece, how) for piece in small(20_000)]
    sizes = [batch.num_rows for batch in batches_of_all(many, ReadReport())]
    assert sizes == [65_540, 65_540, 65_540, 3_380]
    long = pa.record_batch({"n": pa.array([1] * 9), "t": pa.array(["x" * (1 << 20)] * 9)})
    pieces = [ConformedFragment(Piece(f"{number}", [long]), how) for number in range(16)]
    assert [batch.num_rows for batch in batches_of_all(pieces, ReadReport())] == [72, 72]


def test_a_value_is_told_of_its_own_file_and_row() -> None:
    how = conformer(COLUMNS, {}, "UTC")
    wrong = pa.record_batch({"n": pa.array(["1", "2", "x"]), "t": pa.array(["a"] * 3)})
    pieces = [*small(5), Piece("bad.parquet", [small(1)[0].parts[0], wrong]), *small(5, 9), Piece("gone", [None])]
    with pytest.raises(KpiError, match=r"bad.parquet, row 13: E608"):
        list(batches_of_all([ConformedFragment(piece, how) for piece in pieces], ReadReport()))


def test_times_are_those_of_each_file() -> None:
    """Seconds in one file and microseconds in the next are not joined as they are stored."""
    how = conformer((ColumnRequest("at", "at", TIMESTAMP),), {}, "UTC")
    parts = [
        pa.record_batch({"at": pa.array([each], pa.timestamp(unit, "UTC"))}) for each, unit in ((1, "s"), (2, "us"))
    ]
    found = list(batches_of_all([ConformedFragment(Piece("a", [part]), how) for part in parts], ReadReport()))
    assert [value.value for batch in found for value in batch.column(0)] == [1_000_000, 2]
