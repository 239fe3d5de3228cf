"""Parquet footers that contradict themselves are refused before Arrow hands out what they say."""

from __future__ import annotations

import decimal
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi_engine.builtin.connectors import footers
from kpi_engine.builtin.connectors.compact_protocol import DamagedFooter
from kpi_engine.builtin.connectors.footer_check import Leaf, check_footer
from kpi_engine.builtin.connectors.footer_forms import FooterForm, form_of
from kpi_engine.builtin.connectors.footers import FooterCache, leaf_of
from kpi_engine.builtin.connectors.stored_file import LocalFile
from kpi_engine.ir.types import INTEGER

INT64 = Leaf(2, 8, 0, 1)
TEXT = Leaf(6, None, 0, 1)


def footer(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    content = sink.getvalue()
    return content[-8 - int.from_bytes(content[-8:-4], "little") : -8]


NUMBERS = pa.table({"n": [1, 2, 3], "t": ["a", "b" * 200, None]})


def test_good_footers_pass() -> None:
    for options in ({}, {"row_group_size": 1}, {"version": "1.0"}, {"write_statistics": False}):
        check_footer(footer(NUMBERS, **options), [INT64, TEXT])
    check_footer(footer(NUMBERS.slice(0, 0)), [INT64, TEXT])


@pytest.mark.parametrize(
    ("leaves", "message"),
    [
        ([INT64], "a row group has more columns than the file"),
        ([INT64, TEXT, TEXT], "a row group has 2 columns, and the file 3"),
        ([TEXT, TEXT], "a column chunk is of another type than its column"),
        ([Leaf(2, 4, 0, 1), TEXT], "a bound of a column is not as long as its values are"),
        ([INT64, Leaf(6, None, 0, 0)], "a list of sizes does not fit its column"),
    ],
)
def test_footers_of_other_columns_do_not(leaves: list[Leaf], message: str) -> None:
    with pytest.raises(DamagedFooter, match=message):
        check_footer(footer(NUMBERS), leaves)


def test_footers_that_end_too_early() -> None:
    whole = footer(NUMBERS)
    for size in range(len(whole) - 2):
        with pytest.raises(DamagedFooter):
            check_footer(whole[:size], [INT64, TEXT])


def test_what_ends_the_process_inside_arrow_is_refused(read: Any) -> None:
    """A column that may be null becomes one that may not: its list of sizes has an entry too many."""
    whole = footer(NUMBERS)
    name = whole.index(b"\x01n")
    optional = whole.rindex(b"\x02", 0, name)
    bad = whole[:optional] + b"\x00" + whole[optional + 1 :]
    read.write("t.parquet", b"PAR1" + bytes(4096) + bad + len(bad).to_bytes(4, "little") + b"PAR1")
    assert read.problem(lambda: read("t.parquet", {"n": INTEGER})).startswith(
        "t.parquet: E605: this cannot be read as Parquet: a list of sizes does not fit its column"
    )


# ------------------------------------------------------------------------------------------- footers of one form

MANY = pa.table(
    {
        "n": pa.array([5, None, 7, 9], pa.int64()),
        "t": ["a", "b" * 60, None, "c"],
        "d": pa.array([decimal.Decimal("1.5"), None, None, decimal.Decimal("2.5")], pa.decimal128(9, 2)),
        "l": [[1], None, [], [2, 3]],
        "f": [0.5, 1.5, None, 2.5],
    }
)


def leaves_of(content: bytes) -> list[Leaf]:
    schema = pq.read_metadata(io.BytesIO(content)).schema
    return [leaf_of(schema.column(index)) for index in range(len(schema.names))]


def written(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def end_of(content: bytes) -> bytes:
    return content[-8 - int.from_bytes(content[-8:-4], "little") : -8]


def learnt(footer: bytes, leaves: Sequence[Leaf], *, many: bool) -> FooterForm:
    """The form of a footer, before or after many others were compared with it."""
    form = form_of(footer, leaves)
    assert form is not None
    form.seen = 1000 if many else 0
    return form


@pytest.mark.parametrize("many", [False, True])
def test_files_of_one_writer_have_one_form(many: bool) -> None:
    first = written(MANY)
    form = learnt(end_of(first), leaves_of(first), many=many)
    others = [MANY.slice(0, 3), pa.concat_tables([MANY] * 9), MANY.take([3, 2, 1, 0])]
    for table in others:
        assert form.fits(footer(table))
    assert form.fits(footer(MANY, row_group_size=2))
    assert form.fits(footer(pa.concat_tables([MANY] * 9), row_group_size=2)), "more than 14 row groups"


@pytest.mark.parametrize("many", [False, True])
def test_others_have_other_forms(many: bool) -> None:
    first = written(MANY)
    form = learnt(end_of(first), leaves_of(first), many=many)
    for other in (
        footer(MANY, write_statistics=False),
        footer(MANY, use_dictionary=False),
        footer(MANY.drop_columns(["n"])),
        footer(MANY.replace_schema_metadata({"by": "another"})),
        footer(MANY.set_column(0, "n", MANY["n"].cast("int32"))),
        footer(MANY.set_column(1, "t", pa.array(["x" * 300] * 4))),
    ):
        assert not form.fits(other)
    sink = io.BytesIO()
    pq.ParquetWriter(sink, MANY.schema).close()
    assert form_of(end_of(sink.getvalue()), leaves_of(first)) is None, "no row group, no form"


@given(st.data())
def test_what_fits_a_form_passes_the_check(data: st.DataObject) -> None:
    """Footers whose bytes were changed, put in or taken out: none of them fits and would not have been sound."""
    options = data.draw(st.sampled_from([{}, {"row_group_size": 2}, {"store_schema": False}, {"version": "1.0"}]))
    content = written(MANY, **options)
    whole, leaves = end_of(content), leaves_of(content)
    forms = [learnt(whole, leaves, many=many) for many in (False, True)]
    bad = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(bad) - 1))
        match data.draw(st.sampled_from(["set", "set", "set", "cut", "put"])):
            case "set":
                values = st.integers(0, 255) | st.sampled_from([0, 24, 28, 128, bad[place] ^ 1])
                bad[place] = data.draw(values)
            case "cut":
                del bad[place : place + data.draw(st.integers(1, 9))]
            case _:
                bad[place:place] = data.draw(st.binary(min_size=1, max_size=9))
        if not bad:
            return
    few, many = (form.fits(bytes(bad)) for form in forms)
    assert few == many
    if few:
        check_footer(bytes(bad), leaves)


def test_damage_is_found_among_files_of_a_form_that_is_known(read: Any) -> None:
    """Bounds cut short in the last of many files."""
    for number in range(60):
        content = written(pa.table({"n": [number, number + 1]}))
        if number == 59:
            bound = (number).to_bytes(8, "little")
            place = end_of(content).index(b"\x08" + bound)
            bad = end_of(content)[:place] + b"\x07" + bound[:7] + end_of(content)[place + 9 :]
            content = content[: -8 - len(end_of(content))] + bad + len(bad).to_bytes(4, "little") + b"PAR1"
        read.write(f"t/{number:02}.parquet", content)
    assert read.problem(lambda: read("t/*.parquet", {"n": INTEGER})).startswith("t/59.parquet: E605")


def test_a_form_that_one_project_has_learnt_is_known_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"n": [1, 2, 3], "of this test alone": ["a", "b", None]})
    files = []
    for number in range(9):
        pq.write_table(table.slice(0, 1 + number % 2), tmp_path / f"{number}.parquet")
        files.append(LocalFile(tmp_path / f"{number}.parquet", f"{number}.parquet"))
    checked: list[int] = []
    check = footers.check_footer
    monkeypatch.setattr(footers, "_forms", ())
    monkeypatch.setattr(footers, "check_footer", lambda *given: (checked.append(1), check(*given))[1])
    for file in files:
        assert FooterCache().read(file).schema == table.schema
    assert len(checked) == 9, "each cache has checked one"
    cache = FooterCache()
    found = [cache.read(file) for file in files]
    assert len(checked) == 9 + 8
    other = FooterCache()
    assert [other.read(file).metadata.num_rows for file in files] == [each.metadata.num_rows for each in found]
    assert len(checked) == 9 + 8
    pq.write_table(table.drop_columns("n"), tmp_path / "other.parquet")
    assert other.read(LocalFile(tmp_path / "other.parquet", "other.parquet")).schema.names == table.schema.names[1:]
    assert len(checked) == 9 + 8 + 1


def test_a_process_learns_few_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footers, "_forms", ())
    monkeypatch.setattr(footers, "_CHECKED_BEFORE_LEARNING", 1)
    monkeypatch.setattr(footers, "_MOST_FORMS", 3)
    monkeypatch.setattr(footers, "_MOST_LEARNT", 4)
    cache = FooterCache()
    for number in range(6):
        pq.write_table(pa.table({f"c{number}": [1]}), tmp_path / f"{number}.parquet")
        cache.read(LocalFile(tmp_path / f"{number}.parquet", f"{number}.parquet"))
    assert [columns.paths for _, columns in footers._forms] == [("c3",), ("c2",), ("c1",)]
