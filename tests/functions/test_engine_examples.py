"""Every example of every aggregate and window is true of the whole engine, asked as a question."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import kpi_engine
from kpi_engine.builtin.functions import FUNCTIONS
from kpi_engine.extend.functions import Example, Function

CASES = [
    pytest.param(function, example, id=f"{example.call} of {example.data}")
    for function in FUNCTIONS
    if function.level != "row"
    for example in function.examples
]
NO_ROW = "no row"


def literal(text: str) -> Decimal | None:
    return None if text == "null" else Decimal(text)


def columns(data: str) -> list[list[str]]:
    """The texts of each column that an example holds: `1, 2; 3, 4` has two."""
    return [[item.strip() for item in part.split(",") if item.strip()] for part in data.split(";")]


def table(dates: list[datetime.date], values: list[list[str]]) -> pa.Table:
    found = {"day": pa.array(dates, pa.date32())}
    for name, texts in zip("xw", [*values, ["1"] * len(dates)], strict=False):
        found[name] = pa.array([literal(text) for text in texts], pa.decimal128(20, 2))
    return pa.table(found)


def month(number: int) -> datetime.date:
    return datetime.date(2027, number, 10)


def in_one_month(data: str) -> pa.Table:
    """The rows in February, after a row in January that begins the source's coverage."""
    values = columns(data)
    rows = len(values[0])
    return table([month(1)] + [month(2)] * rows, [["1", *column] for column in values])


def one_a_month(data: str) -> tuple[pa.Table, int]:
    texts = columns(data)[0]
    present = [(month(number), text) for number, text in enumerate(texts, 1) if text != NO_ROW]
    return table([day for day, _ in present], [[text for _, text in present]]), len(texts)


@pytest.mark.parametrize(("function", "example"), CASES)
def test_example(tmp_path: Path, function: Function, example: Example) -> None:
    per_month = " per month" in example.call
    call = re.sub(r"\b([xw])\b", r"t.\1", example.call)
    definitions = tmp_path / "metrics.kpi"
    definitions.write_text(f'source t\n  table: "t"\n  time: day\nm = {call}\n', encoding="utf-8")
    project = kpi_engine.open(definitions=[definitions], data=tmp_path)
    if function.level == "window" or per_month:
        data, last = one_a_month(example.data)
        first = 1 if per_month else last
    else:
        data, first, last = in_one_month(example.data), 2, 2
    project.bind("t", data)
    grain = None if per_month else "month"
    answer: Any = project.eval(["m"], grain=grain, start=f"2027-{first:02}", end=f"2027-{last:02}", as_of="2027-12-01")
    (found,) = answer.table.column("m").to_pylist()
    expected = literal(example.result)
    if found is None or expected is None:
        assert found is expected
    else:
        assert Fraction(found) == Fraction(expected)
