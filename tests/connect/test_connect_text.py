"""Text files: every option, every way in which a file can be wrong."""

from __future__ import annotations

import bz2
import datetime
import gzip
from decimal import Decimal
from typing import Any

import pytest

from kpi_engine.ir.types import BOOLEAN, DATE, DECIMAL, DURATION, INTEGER, TEXT, TIMESTAMP, Type, currency

UTC = datetime.UTC


def test_nulls_and_quotes(read: Any) -> None:
    read.write("t.csv", 'a,b,c\n1,"x\ny",\n2,,""\n3,"say ""hi""",z\n')
    found = read("t.csv", {"c": TEXT, "a": INTEGER, "b": TEXT})
    assert found.rows == [
        {"c": None, "a": 1, "b": "x\ny"},
        {"c": "", "a": 2, "b": None},
        {"c": "z", "a": 3, "b": 'say "hi"'},
    ]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_line_ends_and_blank_lines(read: Any, ends: str) -> None:
    read.write("t.csv", ends.join(["a,b", "1,x", "", "2,y", ""]))
    assert read("t.csv", {"a": INTEGER, "b": TEXT}).rows == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]


def test_without_a_last_line_end(read: Any) -> None:
    read.write("t.csv", "a,b\n1,x")
    assert read("t.csv", {"b": TEXT}).rows == [{"b": "x"}]


OPTIONS = [
    ("a;b\n1;2,5\n", {"delimiter": ";", "decimal": ","}, {"b": DECIMAL}, [Decimal("2.5")]),
    (
        "a|b\n1|1.234.567,50\n",
        {"delimiter": "pipe", "decimal": ",", "thousands": "."},
        {"b": DECIMAL},
        [Decimal("1234567.50")],
    ),
    ("a\tb\n1\tx\n", {"delimiter": "tab"}, {"b": TEXT}, ["x"]),
    ("1,x\n2,y\n", {"header": False}, {"column2": TEXT}, ["x", "y"]),
    ("made by hand\n\na,b\n1,x\n", {"skip": 1}, {"b": TEXT}, ["x"]),
    ("made by hand\n1,x\n", {"skip": 1, "header": False}, {"column2": TEXT}, ["x"]),
    ("a,b\n1,NULL\n2,n/a\n3,x\n", {"null_values": ("NULL", "n/a")}, {"b": TEXT}, [None, None, "x"]),
    ('a,b\n1,"NULL"\n', {"null_values": ("NULL",)}, {"b": TEXT}, ["NULL"]),
    ("a,b\n1,?\n", {"null_values": "?"}, {"b": INTEGER}, [None]),
    ("a,b\n1, x \n2,  \n3, ? \n", {"trim": True, "null_values": ("?",)}, {"b": TEXT}, ["x", None, None]),
    ("a,b\n1, x \n", {}, {"b": TEXT}, [" x "]),
    ("a,b\n1,'x,y'\n", {"quote": "'"}, {"b": TEXT}, ["x,y"]),
    ('a,b\n1,5" pipe\n', {"quote": "none"}, {"b": TEXT}, ['5" pipe']),
    ("a,b\n1,15.03.2027\n", {"date_format": "%d.%m.%Y"}, {"b": DATE}, [datetime.date(2027, 3, 15)]),
    ("a,b\n1,2027\n", {"date_format": "%Y"}, {"b": DATE}, [datetime.date(2027, 1, 1)]),
    ("a,b\n1,3/2027\n", {"date_format": "%m/%Y"}, {"b": DATE}, [datetime.date(2027, 3, 1)]),
    (
        "a,b\n1,3/15/2027 1:05 PM\n",
        {"timestamp_format": "%m/%d/%Y %I:%M %p"},
        {"b": TIMESTAMP},
        [datetime.datetime(2027, 3, 15, 5, 5, tzinfo=UTC)],
    ),
    ("Order ID,orderTotal\n1,2\n", {"names": "snake_case"}, {"order_total": INTEGER}, [2]),
    (",b\n0,x\n", {}, {"column1": INTEGER}, [0]),
]


@pytest.mark.parametrize(("content", "options", "columns", "expected"), OPTIONS)
def test_option(
    read: Any, content: str, options: dict[str, object], columns: dict[str, Type], expected: list[object]
) -> None:
    read.write("t.csv", content)
    (name,) = columns
    assert read("t.csv", columns, options=options).column(name) == expected


def test_a_column_may_have_a_format_of_its_own(read: Any) -> None:
    read.write("t.csv", "a,b\n2027-03-15,16.03.2027\n")
    found = read("t.csv", {"a": DATE, "b": DATE}, formats={"b": "%d.%m.%Y"})
    assert found.rows == [{"a": datetime.date(2027, 3, 15), "b": datetime.date(2027, 3, 16)}]


def test_options_of_the_connection_are_defaults(read: Any) -> None:
    read.write("t.csv", "a;b\n1;16.03.2027\n")
    read.connection = {"delimiter": ";", "date_format": "%d.%m.%Y"}
    assert read("t.csv", {"b": DATE}).column("b") == [datetime.date(2027, 3, 16)]
    read.write("u.csv", "a|b\n1|16.03.2027\n")
    assert read("u.csv", {"b": DATE}, options={"delimiter": "|"}).column("b") == [datetime.date(2027, 3, 16)]


@pytest.mark.parametrize("encoding", ["latin1", "utf-16", "gb18030", "utf-8-sig", "windows-1252"])
def test_encodings(read: Any, encoding: str) -> None:
    word = "上海" if encoding == "gb18030" else "Müller"
    read.write("t.csv", f"naïve_{word[0]},b\n1,{word}\n".encode(encoding, "replace"))
    assert read("t.csv", {"b": TEXT}, options={"encoding": encoding}).column("b") == [word]


@pytest.mark.parametrize(
    ("ending", "compress"), [("csv.gz", gzip.compress), ("csv.bz2", bz2.compress), ("tsv.gz", gzip.compress)]
)
def test_compressed(read: Any, ending: str, compress: Any) -> None:
    mark = "\t" if ending.startswith("tsv") else ","
    read.write(f"t.{ending}", compress(f"a{mark}b\n1{mark}x\n".encode()))
    assert read("t", {"b": TEXT}).column("b") == ["x"]


def test_declared_types_drive_the_reader(read: Any) -> None:
    read.write(
        "t.csv",
        "id,count,when,day,total,flag,wait\n00005,17850.0,2027-03-15 08:00,2027-03-15,1.50,yes,1:02:03.5\n"
        "C536379,,2027-03-15T08:00Z,,-2,F,0:00:01\n",
    )
    types = {
        "id": TEXT, "count": INTEGER, "when": TIMESTAMP, "day": DATE,
        "total": currency("CNY"), "flag": BOOLEAN, "wait": DURATION,
    }  # fmt: skip
    assert read("t.csv", types).rows == [
        {
            "id": "00005",
            "count": 17850,
            "when": datetime.datetime(2027, 3, 15, 0, 0, tzinfo=UTC),
            "day": datetime.date(2027, 3, 15),
            "total": Decimal("1.50"),
            "flag": True,
            "wait": 3_723_500_000,
        },
        {
            "id": "C536379",
            "count": None,
            "when": datetime.datetime(2027, 3, 15, 8, 0, tzinfo=UTC),
            "day": None,
            "total": Decimal("-2.00"),
            "flag": False,
            "wait": 1_000_000,
        },
    ]


def test_schema_is_all_text(read: Any) -> None:
    read.write("t.csv", "a,b\n1,2\n")
    assert read.schema("t.csv") == {"a": (TEXT, "text"), "b": (TEXT, "text")}


def test_no_columns_asked_keeps_the_rows(read: Any) -> None:
    read.write("t.csv", "a,b\n1,2\n3,4\n")
    assert [batch.num_rows for batch in read("t.csv", {}).batches] == [2]


def test_failing_values_become_null_on_request(read: Any) -> None:
    read.write("t.csv", "a,b\n1,x\n2,3\n,oops\n")
    found = read("t.csv", {"a": INTEGER, "b": INTEGER}, on_error="null")
    assert found.column("b") == [None, 3, None] and found.column("a") == [1, 2, None]
    assert found.report.failed_casts == 2


PROBLEMS = [
    (
        "a,total\n1,2.50\n3,\"12,x\"\n",
        {"total": DECIMAL},
        {},
        "t.csv:3: E608: `total` holds `12,x`, which is not a decimal"
        ' (if the comma is a mark of this file, add `decimal: ","` to the source)',
    ),
    (
        'a,total\n"1\n",5\n\n2,oops\n',
        {"total": INTEGER},
        {},
        "t.csv:5: E608: `total` holds `oops`, which is not a whole number"
        ' (if it means that nothing is known, add `null_values: ["oops"]` to the source)',
    ),
    (
        "a,b\n1,2027-02-30\n",
        {"b": DATE},
        {},
        "t.csv:2: E608: `b` holds `2027-02-30`, which is not a date"
        " (correct the file, declare another type, or read such values as null by `on_error: null`)",
    ),
    (
        "a,b\n1,2027-02-30\n",
        {"b": DATE},
        {"date_format": "%d.%m.%Y"},
        "t.csv:2: E608: `b` holds `2027-02-30`, which is not a date written as %d.%m.%Y"
        " (correct the file, declare another type, or read such values as null by `on_error: null`)",
    ),
    (
        "a,b\n1,1.5\n",
        {"b": INTEGER},
        {},
        "t.csv:2: E608: `b` holds `1.5`, which is not a whole number"
        " (correct the file, declare another type, or read such values as null by `on_error: null`)",
    ),
    (
        "a,b\n1,2\n3\n5,6\n",
        {"a": INTEGER},
        {},
        "t.csv:3: E614: this row has 1 field, and the header has 2"
        " (the file may be cut short here: write or copy it again, or correct the row)",
    ),
    (
        "a,b\n1,2\n3,4,5\n",
        {"a": INTEGER},
        {},
        "t.csv:3: E614: this row has 3 fields, and the header has 2"
        " (put a value that holds `,` in double quotes, or correct the row)",
    ),
    (
        'a,b\n1,2\n3,"4\n5,6\n',
        {"a": INTEGER, "b": TEXT},
        {},
        "t.csv: E615: a quote that opens after line 2 is never closed"
        ' (close the quote, or add `quote: ""` if quotes have no meaning in this file)',
    ),
    (
        "a,a\n1,2\n",
        {"a": INTEGER},
        {},
        "t.csv:1: E613: the header names `a` twice (give each column a name of its own)",
    ),
    (
        "a;b\n1;2\n",
        {"a": INTEGER},
        {},
        't.csv: E616: the first line is one column, `a;b` (add `delimiter: ";"` to the source)',
    ),
    ("", {"a": INTEGER}, {}, "t.csv: E605: the file is empty: it has no header (write at least the line of names)"),
    ("a,b\n1,2\n", {"total": INTEGER}, {}, "t.csv: E607: there is no column `total` (the columns are: a, b)"),
    ("totl,b\n1,2\n", {"total": INTEGER}, {}, "t.csv: E607: there is no column `total` (did you mean `totl`?)"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "columns", "options", "message"), PROBLEMS)
def test_problem(read: Any, content: str, columns: dict[str, Type], options: dict[str, object], message: str) -> None:
    read.write("t.csv", content)
    assert read.problem(lambda: read("t.csv", columns, options=options)) == message


WRONG_OPTIONS = [
    ("delimiter", ";;", 'one character, but is `;;` (write `delimiter: ";"`)'),
    ("header", "no", "true or false, but is `no` (write `header: false`)"),
    ("skip", -1, "a number of lines, but is `-1` (write `skip: 1`)"),
    ("encoding", "klingon", 'the name of an encoding, but is `klingon` (write `encoding: "latin1"`)'),
    ("null_values", 7, 'a list of texts, but is `7` (write `null_values: ["NULL", "n/a"]`)'),
    ("names", "camel", "snake_case or exact, but is `camel` (write `names: snake_case`)"),
    ("quote", "''", "one character, or `none`, but is `''` (write `quote: \"'\"`)"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG_OPTIONS)
def test_wrong_option(read: Any, name: str, value: object, message: str) -> None:
    read.write("t.csv", "a\n1\n")
    found = read.problem(lambda: read("t.csv", {"a": INTEGER}, options={name: value}))
    assert found == f"orders: E612: `{name}` must be {message}"


def test_wrong_encoding_names_the_line(read: Any) -> None:
    read.write("t.csv", "a,b\n1,x\n2,Müller\n".encode("latin1"))
    assert read.problem(lambda: read("t.csv", {"b": TEXT})) == (
        "t.csv:3: E611: byte 0xFC (at position 11) does not belong in a text in UTF-8"
        ' (the file looks like windows-1252: add `encoding: "windows-1252"` to the source)'
    )


def test_lines_are_found_far_into_a_file(read: Any) -> None:
    lines = [f"{number},{number}" for number in range(300_000)]
    lines[250_000] = "250000,bad value"
    read.write("t.csv", "a,b\n" + "\n".join(lines))
    found = read.problem(lambda: read("t.csv", {"b": INTEGER}))
    assert found.startswith("t.csv:250002: E608: `b` holds `bad value`")


def test_a_missing_column_names_both_files(read: Any) -> None:
    read.write("t/1.csv", "a,b\n1,2\n")
    read.write("t/2.csv", "a\n1\n")
    assert read.problem(lambda: read("t", {"b": INTEGER})) == (
        "t/2.csv: E607: the column `b` is in t/1.csv but not in t/2.csv"
        " (all files of one table need the columns that are used; `missing_columns: null` reads them as null)"
    )
