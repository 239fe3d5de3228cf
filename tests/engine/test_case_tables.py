"""Data, questions and answers as case files write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.testing.case_tables import read_answer, read_question, read_table, write_answer, write_value
from kpi_engine.testing.cases import CaseError, read_cases, write_cases


def test_every_type_of_cell() -> None:
    table = read_table(
        "a text, b integer, c decimal, d float, e boolean, f date, g timestamp, h duration, i currency\n"
        '"x, y", -2, 1.50, 2.5, true, 2026-03-01, 2026-03-01T10:00Z, 26:30:00.5, 3\n'
        '"", , , NaN, false, , , , 4.25'
    )
    first, second = table.rows
    assert first == {
        "a": "x, y",
        "b": -2,
        "c": Decimal("1.50"),
        "d": 2.5,
        "e": True,
        "f": date(2026, 3, 1),
        "g": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "h": timedelta(hours=26, minutes=30, seconds=0.5),
        "i": Decimal(3),
    }
    assert second["a"] == "" and second["b"] is None and second["d"] != second["d"]
    types = table.to_arrow().schema.types
    assert types[2] == pa.decimal128(38, 2) and types[6] == pa.timestamp("us", "UTC") and types[8].scale == 2


def test_declared_types_stand_for_those_of_the_header() -> None:
    assert read_table("n, t text\n1, a", {"n": "integer"}).rows == [{"n": 1, "t": "a"}]


@pytest.mark.parametrize("text", ["n\n1", "n number\n1", "n integer\n1, 2", 'n text\n"a" b'])
def test_tables_of_the_wrong_form(text: str) -> None:
    with pytest.raises(CaseError):
        read_table(text)


def test_words_of_clauses_inside_brackets_belong_to_the_formula() -> None:
    question = read_question('n = count(orders where by > 1), m where channel = "by x" by a, b limit 3 skip empty')
    assert question.metrics == ("n", "m")
    assert question.definitions == "n = count(orders where by > 1)\n"
    assert question.arguments == {"where": 'channel = "by x"', "by": ("a", "b"), "limit": 3, "skip_empty": True}


def test_a_formula_needs_a_name() -> None:
    with pytest.raises(CaseError):
        read_question("count(orders) by channel")


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.dates(),
    st.text(st.characters(exclude_characters='"', exclude_categories=["C", "Z"]), max_size=5),
    st.sampled_from(["", "null", "two words", "é"]),
)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), max_size=4))
def test_answers_are_read_as_written(rows: list[dict[str, Any]]) -> None:
    names, lines = read_answer(write_answer(["a", "b"], rows))
    assert names == ["a", "b"]
    expected = [[_cell(row[name]) for name in "ab"] for row in rows]
    assert lines == expected


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else write_value(value)


def test_durations_and_instants() -> None:
    assert write_value(timedelta(hours=25, seconds=-1)) == "24:59:59"
    assert write_value(-timedelta(minutes=90, microseconds=500)) == "-1:30:00.0005"
    assert write_value(datetime(2026, 3, 1, 9, tzinfo=UTC)) == "2026-03-01T09:00+00:00"


SHARED = """\
# one
---- definitions
a
---- data x
1
---- data y
2
---- query a
====
# two
---- data y
3
---- query b
====
# three
---- query c
"""


def test_definitions_and_data_hold_below() -> None:
    one, two, three = read_cases(SHARED)
    assert [section.text for section in two.inputs()] == ["a", "1", "3"]
    assert [section.text for section in three.inputs()] == [section.text for section in one.inputs()]
    assert write_cases([one, two, three]) == SHARED
