"""Files of other formats, and folders, that are not as they should be."""

from __future__ import annotations

import datetime
import io
import json
import struct
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import orc

from .running import COLUMNS, GOOD, Input
from .workbook import workbook

TABLE = pa.table(
    {
        "id": ["a", "b"],
        "at": [datetime.datetime(2026, 1, 5, 10), datetime.datetime(2026, 1, 6)],
        "total": pa.array([1.5, 2.5]),
    }
)
ROWS = '{"id": "a", "at": "2026-01-05 10:00", "total": 10.50}\n{"id": "b", "at": "2026-01-06 11:00", "total": 2.5}\n'
_SHEET: list[list[Any]] = [["id", "at", "total"], ["a", datetime.datetime(2026, 1, 5, 10), 10.5]]
_NO_COLUMNS = ""


def parquet(table: pa.Table = TABLE, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def ipc(table: pa.Table = TABLE) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def stored_orc(table: pa.Table = TABLE) -> bytes:
    sink = io.BytesIO()
    orc.write_table(table, sink)
    return sink.getvalue()


def jsonl(name: str, content: str | bytes, options: str = "") -> Input:
    return Input(name, {"orders.jsonl": content}, "orders.jsonl", options)


def sheet(name: str, content: str | bytes, options: str = "") -> Input:
    return Input(name, {"orders.xlsx": content}, "orders.xlsx", options)


def binary(name: str, ending: str, content: bytes) -> Input:
    return Input(name, {f"orders.{ending}": content}, f"orders.{ending}")


def flipped(content: bytes, place: int) -> bytes:
    """The bytes with one of them turned over."""
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


JSON = [
    jsonl("right", ROWS),
    jsonl("zero_bytes", ""),
    jsonl("blank_lines", "\n" + ROWS.replace("\n", "\n\n")),
    jsonl("line_cut_short", ROWS[:-12]),
    jsonl("line_that_is_no_object", ROWS + "[1, 2]\n"),
    jsonl("line_that_is_a_number", ROWS + "17\n"),
    jsonl("two_objects_in_a_line", ROWS.replace("}\n{", "} {")),
    jsonl("single_quotes", ROWS.replace('"', "'")),
    jsonl("comma_behind_the_last_value", ROWS.replace("}", ",}")),
    jsonl("key_twice", ROWS + '{"id": "c", "total": 1, "total": 2}\n'),
    jsonl("half_a_character", ROWS.replace("2.5}", '"\\ud800"}')),
    jsonl("control_character", ROWS.replace('"b"', '"b\x01"')),
    jsonl("nested_too_deeply", '{"id": ' + "[" * 100_000 + "]" * 100_000 + "}\n"),
    jsonl("number_of_five_thousand_digits", '{"id": "a", "at": "2026-01-05", "total": ' + "1" * 5_000 + "}\n"),
    jsonl("text_in_a_number", ROWS.replace("2.5}", '"n/a"}')),
    jsonl("text_in_a_number_as_null", ROWS.replace("2.5}", '"n/a"}'), "on_error: null"),
    jsonl("text_in_a_number_means_null", ROWS.replace("2.5}", '"n/a"}'), 'null_values: ["n/a"]'),
    jsonl("object_in_a_number", ROWS.replace("2.5}", '{"amount": 5}}')),
    jsonl("not_a_number", ROWS.replace("2.5}", "NaN}")),
    jsonl("key_missing_in_some_lines", ROWS + '{"id": "c", "at": "2026-01-07"}\n'),
    jsonl("latin_1", ROWS.replace('"b"', '"ü"').encode("latin-1")),
    jsonl("utf_16_without_mark", ROWS.encode("utf-16-le")),
    jsonl("utf_16", ROWS.encode("utf-16"), 'encoding: "utf-16"'),
    Input("array", {"orders.json": f"[{','.join(ROWS.splitlines())}]"}, "orders.json"),
    Input("array_cut_short", {"orders.json": f"[{','.join(ROWS.splitlines())}"}, "orders.json"),
    Input("array_of_numbers", {"orders.json": "[1, 2, 3]"}, "orders.json"),
    Input("array_with_a_bad_value", {"orders.json": json.dumps([{"id": 1, "at": "soon", "total": 1}])}, "orders.json"),
    Input("one_object_on_many_lines", {"orders.json": json.dumps({"rows": [1]}, indent=1)}, "orders.json"),
]
_PARQUET, _IPC, _ORC, _XLSX = parquet(), ipc(), stored_orc(), workbook({"2026": _SHEET})
_CHECKED = parquet(write_page_checksum=True, compression="none", use_dictionary=False)
_DAMAGED = flipped(_CHECKED, _CHECKED.index(struct.pack("<dd", 1.5, 2.5)))
BINARY = [
    binary("parquet_zero_bytes", "parquet", b""),
    binary("parquet_that_is_csv", "parquet", GOOD.encode()),
    binary("parquet_first_half", "parquet", _PARQUET[: len(_PARQUET) // 2]),
    binary("parquet_last_half", "parquet", _PARQUET[len(_PARQUET) // 2 :]),
    binary("parquet_magic_only", "parquet", b"PAR1PAR1"),
    binary("parquet_footer_too_long", "parquet", _PARQUET[:-8] + (1 << 30).to_bytes(4, "little") + b"PAR1"),
    binary("parquet_footer_of_zeros", "parquet", _PARQUET[: -8 - 200] + bytes(200) + _PARQUET[-8:]),
    binary("parquet_encrypted", "parquet", _PARQUET[:-4] + b"PARE"),
    binary("parquet_page_damaged", "parquet", _DAMAGED),
    binary("parquet_column_missing", "parquet", parquet(TABLE.drop_columns(["total"]))),
    binary("parquet_text_in_a_number", "parquet", parquet(TABLE.set_column(2, "total", pa.array(["1.5", "x"])))),
    binary("parquet_column_twice", "parquet", parquet(TABLE.append_column("total", TABLE["total"]))),
    binary("parquet_list_in_a_number", "parquet", parquet(TABLE.set_column(2, "total", pa.array([[1], [2]])))),
    binary("arrow_zero_bytes", "arrow", b""),
    binary("arrow_first_half", "arrow", _IPC[: len(_IPC) // 2]),
    binary("arrow_that_is_parquet", "arrow", _PARQUET),
    binary("orc_zero_bytes", "orc", b""),
    binary("orc_first_half", "orc", _ORC[: len(_ORC) // 2]),
    binary("orc_that_is_csv", "orc", GOOD.encode()),
    sheet("xlsx_right", _XLSX),
    sheet("xlsx_zero_bytes", b""),
    sheet("xlsx_that_is_csv", GOOD),
    sheet("xlsx_first_half", _XLSX[: len(_XLSX) // 2]),
    sheet("xlsx_no_such_sheet", _XLSX, 'sheet: "2027"'),
    sheet("xlsx_empty_sheet", workbook({"2026": []})),
    sheet("xlsx_bad_value", workbook({"2026": [["made by hand"], *_SHEET, ["b", "soon", 1]]}), "skip: 1"),
    sheet("xlsx_error_cell", workbook({"2026": [*_SHEET, ["b", datetime.date(2026, 1, 6), "#DIV/0!"]]})),
]
_CSV_WITHOUT_TOTAL = "id,at\n3,2026-01-07\n"
FOLDERS = [
    Input("no_such_file", {"order.csv": GOOD}),
    Input("no_such_folder", {"orders.csv": GOOD}, "days/*.csv"),
    Input("empty_folder", {"days/notes.docx": b""}, "days"),
    Input("only_hidden_files", {"days/_a.csv": GOOD, "days/.b.csv": GOOD}, "days"),
    Input("hidden_file_beside", {"days/a.csv": GOOD, "days/_b.csv": GOOD, "days/c.tmp": GOOD}, "days"),
    Input("formats_mixed", {"days/a.csv": GOOD, "days/b.jsonl": ROWS}, "days"),
    Input("two_of_one_name", {"orders.csv": GOOD, "orders.jsonl": ROWS}, "orders"),
    Input("unknown_ending", {"orders.dat": GOOD}, "orders.dat"),
    Input("out_of_the_folder", {"orders.csv": GOOD}, "../../../../../../etc/passwd", 'format: "csv"'),
    Input("absolute_path", {"orders.csv": GOOD}, "/etc/passwd", 'format: "csv"'),
    Input("columns_in_another_order", {"days/a.csv": GOOD, "days/b.csv": "total,id,at\n7,3,2026-01-07\n"}, "days"),
    Input("column_missing_in_some_files", {"days/a.csv": GOOD, "days/b.csv": _CSV_WITHOUT_TOTAL}, "days"),
    Input(
        "column_missing_in_some_files_as_null",
        {"days/a.csv": GOOD, "days/b.csv": _CSV_WITHOUT_TOTAL},
        "days",
        "missing_columns: null",
    ),
    Input(
        "types_that_differ",
        {"days/a.parquet": _PARQUET, "days/b.parquet": parquet(TABLE.set_column(2, "total", pa.array(["1", "2"])))},
        "days",
        columns=_NO_COLUMNS,
    ),
    Input(
        "types_that_differ_and_are_declared",
        {"days/a.parquet": _PARQUET, "days/b.parquet": parquet(TABLE.set_column(2, "total", pa.array(["1", "2"])))},
        "days",
        columns="  column total: decimal\n",
    ),
    Input("one_file_without_rows", {"days/a.csv": GOOD, "days/b.csv": "id,at,total\n"}, "days"),
    Input("one_file_of_zero_bytes", {"days/a.csv": GOOD, "days/b.csv": b""}, "days"),
    Input("partitions_that_differ", {"days/year=2026/a.csv": GOOD, "days/month=1/b.csv": GOOD}, "days"),
    Input("partition_beside_a_plain_file", {"days/year=2026/a.csv": GOOD, "days/b.csv": GOOD}, "days"),
    Input(
        "partition_that_is_no_number",
        {"days/total=x/a.csv": "id,at\n1,2026-01-05\n"},
        "days",
        columns=COLUMNS,
    ),
]
