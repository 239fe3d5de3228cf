"""JSON: types from all rows, digits kept, nested values kept; what is read is what was written."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.builtin.connectors import make_connector
from kpi_engine.connect.conform import conformer
from kpi_engine.extend.rows import ColumnRequest, ConnectionSettings, ReadReport, ScanRequest, TableRequest
from kpi_engine.ir.types import DATE, DECIMAL, FLOAT, INTEGER, TEXT, TIMESTAMP

UTC = datetime.UTC


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_types_come_from_all_rows(read: Any) -> None:
    many = [{"n": 1, "x": 1, "s": "a", "b": True, "z": None} for _ in range(20_000)]
    read.write("t.jsonl", lines(*many, {"n": 2, "x": 2.5, "s": "b", "late": "x"}))
    kinds = {name: (type and type.kind.value) for name, (type, _) in read.schema("t.jsonl").items()}
    assert kinds == {"n": "integer", "x": "float", "s": "text", "b": "boolean", "z": "null", "late": "text"}


def test_numbers_beyond_64_bits_are_decimals(read: Any) -> None:
    read.write("t.jsonl", lines({"n": 2**64}, {"n": 1}))
    assert read.schema("t.jsonl")["n"][0] == DECIMAL
    assert read("t.jsonl", {"n": DECIMAL}).column("n") == [Decimal(2**64), Decimal(1)]


def test_declared_types_drive_the_reader(read: Any) -> None:
    read.write(
        "t.jsonl",
        '{"id": "00005", "n": 17850.0, "total": 0.10, "at": "2027-03-15T08:00", "day": "15.03.2027"}\n'
        '{"id": 17850.0, "n": "42", "total": 12345678901234567890.123456789, "at": null, "day": ""}\n',
    )
    columns = {"id": TEXT, "n": INTEGER, "total": DECIMAL, "at": TIMESTAMP, "day": DATE}
    assert read("t.jsonl", columns, options={"date_format": "%d.%m.%Y"}).rows == [
        {
            "id": "00005",
            "n": 17850,
            "total": Decimal("0.10"),
            "at": datetime.datetime(2027, 3, 15, 0, 0, tzinfo=UTC),
            "day": datetime.date(2027, 3, 15),
        },
        {"id": "17850", "n": 42, "total": Decimal("12345678901234567890.123456789"), "at": None, "day": None},
    ]


def test_nested_values_are_kept(read: Any) -> None:
    read.write("t.jsonl", lines({"d": {"os": "ios"}, "tags": ["a"]}, {"d": {"v": 1.5}, "tags": []}, {"d": None}))
    columns = {column.name: column for column in read.chosen.schema(TableRequest(("t.jsonl",))).columns}
    assert (columns["d"].form, [part.name for part in columns["d"].parts]) == ("struct", ["os", "v"])
    assert columns["tags"].form == "list"


def test_mixed_values_need_a_declaration(read: Any) -> None:
    read.write("t.jsonl", lines({"q": 1}, {"q": "3"}))
    assert read.schema("t.jsonl")["q"] == (None, "numbers and texts in t.jsonl")
    assert read("t.jsonl", {"q": INTEGER}).column("q") == [1, 3]
    assert read("t.jsonl", {"q": TEXT}).column("q") == ["1", "3"]


def test_an_array_is_a_table(read: Any) -> None:
    rows = [{"a": 1}, {"a": 2, "b": "x"}]
    read.write("t.json", json.dumps(rows, indent=2))
    assert read("t.json", {"a": INTEGER, "b": TEXT}).rows == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]


def test_lines_of_values_count_blank_lines(read: Any) -> None:
    read.write("t.jsonl", '\n{"a": 1}\n\n\n{"a": "oops"}\n')
    assert read.problem(lambda: read("t.jsonl", {"a": INTEGER})).startswith("t.jsonl:5: E608: `a` holds `oops`")


def test_files_with_different_keys(read: Any) -> None:
    read.write("t/1.jsonl", lines({"a": 1, "b": 2}))
    read.write("t/2.jsonl", lines({"a": 3}))
    read.write("t/3.jsonl", "")
    assert "t/2.jsonl: E607: the column `b` is in t/1.jsonl but not in t/2.jsonl" in read.problem(
        lambda: read("t", {"b": INTEGER})
    )
    found = read("t", {"b": INTEGER, "a": INTEGER}, options={"missing_columns": "null"})
    assert found.rows == [{"b": 2, "a": 1}, {"b": None, "a": 3}]
    assert found.scan.notes == ("1 of 2 files have no column `b`, first t/2.jsonl: null there",)


def test_marks_of_null_and_blanks(read: Any) -> None:
    read.write("t.jsonl", lines({"a": " ? "}, {"a": " x "}, {"a": "?"}))
    assert read("t.jsonl", {"a": TEXT}, options={"null_values": ["?"]}).column("a") == [" ? ", " x ", None]
    options = {"null_values": ["?"], "trim": True}
    assert read("t.jsonl", {"a": TEXT}, options=options).column("a") == [None, "x", None]


def test_rows_are_counted_without_columns(read: Any) -> None:
    read.write("t.jsonl", lines({"a": 1}, {}, {"b": 2}))
    assert sum(batch.num_rows for batch in read("t.jsonl", {}).batches) == 3


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "t": st.none() | TEXTS,
            "n": st.none() | st.integers(-(2**63), 2**63 - 1),
            "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "d": st.none() | st.decimals(-(10**9), 10**9, places=2).map(str),
        },
    ),
    max_size=6,
)


@settings(max_examples=60)
@given(rows=ROWS, array=st.booleans(), encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]), end=st.booleans())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], array: bool, encoding: str, end: bool
) -> None:
    folder = tmp_path_factory.mktemp("json")
    columns = {"t": TEXT, "n": INTEGER, "x": FLOAT, "d": DECIMAL}
    written = [json.dumps(row, ensure_ascii=array) for row in [dict.fromkeys(columns), *rows]]
    content = f"[{','.join(written)}]" if array else "\n".join(written) + "\n" * end
    (folder / "t.json").write_bytes(content.encode(encoding))
    requests = tuple(ColumnRequest(name, name, type) for name, type in columns.items())
    table = TableRequest(("t.json",), (("encoding", encoding),))
    scan = make_connector(ConnectionSettings("default", folder=str(folder))).scan(ScanRequest(table, requests))
    shape = conformer(requests, {}, "UTC")
    (fragment,) = scan.fragments()
    batches = [shape.conform(batch, fragment, 0, ReadReport()) for batch in fragment.batches(ReadReport())]
    found = [row for batch in batches for row in batch.to_pylist()][1:]
    expected = [{name: row.get(name) for name in columns} for row in rows]
    for row in expected:
        row["d"] = None if row["d"] is None else Decimal(row["d"])
        row["x"] = None if row["x"] is None else row["x"] + 0.0
    assert found == expected
