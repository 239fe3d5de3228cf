"""Functions on texts against Python's own, on plain texts, dictionaries and columns of arguments."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi_engine.builtin.lowering import text as lowering
from kpi_engine.extend.functions import EvaluationContext, FunctionFailure
from kpi_engine.kernels import text_functions as texts
from kpi_engine.kernels.calendar import Calendar

letters = st.text("abAB /-é上\U0001f600", max_size=8)
columns = st.lists(st.one_of(st.none(), letters, st.sampled_from(["a", "A", " a"])), max_size=8)
stored = st.sampled_from(["plain", "dictionary"])
CONTEXT = EvaluationContext(Calendar(), 0)


def store(values: list[str | None], kind: str) -> pa.Array:
    array = pa.array(values, pa.string())
    return array.dictionary_encode() if kind == "dictionary" else array


def expect(values: list[str | None], function: Any) -> list[Any]:
    return [None if value is None else function(value) for value in values]


ONE = {
    "lower": (texts.lower, str.lower),
    "upper": (texts.upper, str.upper),
    "trim": (texts.trim, str.strip),
    "length": (texts.length, len),
}


@pytest.mark.parametrize("name", ONE)
@settings(max_examples=60, deadline=None)
@given(values=columns, kind=stored)
def test_of_one_text(name: str, values: list[str | None], kind: str) -> None:
    kernel, python = ONE[name]
    found = kernel(store(values, kind))
    found.validate(full=True)
    assert found.to_pylist() == expect(values, python)
    if pa.types.is_dictionary(found.type):
        assert len(set(found.dictionary.to_pylist())) == len(found.dictionary)


TWO = {
    "starts_with": (texts.starts_with, str.startswith),
    "ends_with": (texts.ends_with, str.endswith),
    "contains": (texts.contains, str.__contains__),
}


@pytest.mark.parametrize("name", TWO)
@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(st.one_of(st.none(), letters), st.one_of(st.none(), letters)), max_size=8), kind=stored)
def test_of_two_texts(name: str, pairs: list[tuple[str | None, str | None]], kind: str) -> None:
    kernel, python = TWO[name]
    left, right = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    expected = [None if one is None or two is None else python(one, two) for one, two in pairs]
    assert kernel(store(left, kind), store(right, kind)).to_pylist() == expected
    for part in {*right, "a.b"}:
        against = [None if one is None or part is None else python(one, part) for one in left]
        assert kernel(store(left, kind), pa.scalar(part, pa.string())).to_pylist() == against


@settings(max_examples=60, deadline=None)
@given(values=columns, kind=stored, start=st.integers(-1, 9), count=st.one_of(st.none(), st.integers(-1, 9)))
def test_substring(values: list[str | None], kind: str, start: int, count: int | None) -> None:
    def cut(text: str) -> str | None:
        if start < 1 or (count is not None and count < 0):
            return None
        return text[start - 1 :][:count]

    array = store(values, kind)
    numbers = [pa.scalar(start)] + ([] if count is None else [pa.scalar(count)])
    assert texts.substring(array, *numbers).to_pylist() == expect(values, cut)
    by_row = [pa.array([number.as_py()] * len(values), pa.int64()) for number in numbers]
    assert texts.substring(array, *by_row).to_pylist() == expect(values, cut)


@settings(max_examples=60, deadline=None)
@given(values=columns, kind=stored, separator=st.sampled_from(["/", "-", " ", "ab"]), number=st.integers(1, 4))
def test_split_part(values: list[str | None], kind: str, separator: str, number: int) -> None:
    def part(text: str) -> str | None:
        parts = text.split(separator)
        return parts[number - 1] if number <= len(parts) else None

    assert texts.split_part(store(values, kind), separator, number).to_pylist() == expect(values, part)


@settings(max_examples=60, deadline=None)
@given(values=columns, kind=stored, part=st.sampled_from(["a", ".", "-", "ab"]), by=letters)
def test_replace(values: list[str | None], kind: str, part: str, by: str) -> None:
    assert texts.replace(store(values, kind), part, by).to_pylist() == expect(values, lambda one: one.replace(part, by))


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(*[st.one_of(st.none(), letters)] * 3), max_size=6), kind=stored)
def test_concat(rows: list[tuple[str | None, ...]], kind: str) -> None:
    parts = [store([row[i] for row in rows], kind) for i in range(3)]
    assert texts.concat(*parts).to_pylist() == [None if None in row else "".join(map(str, row)) for row in rows]


@pytest.mark.parametrize("pattern", ["^a", "b$", "[ab]{2}", "é", r"\d", "", "^$"])
@settings(max_examples=30, deadline=None)
@given(values=columns, kind=stored)
def test_matches(pattern: str, values: list[str | None], kind: str) -> None:
    found = texts.matches(store(values, kind), pattern).to_pylist()
    assert found == expect(values, lambda one: re.search(pattern, one) is not None)


def test_hostile_patterns_take_no_time() -> None:
    assert texts.matches(pa.array(["a" * 50_000 + "!"]), "(a+)+$").to_pylist() == [False]


@pytest.mark.parametrize("pattern", ["(", "a{2000}", r"(a)\1", "[z-a]"])
def test_patterns_that_are_none(pattern: str) -> None:
    with pytest.raises(FunctionFailure) as caught:
        lowering.matches([pa.array(["a"]), pa.scalar(pattern)], CONTEXT)
    assert caught.value.message.startswith(f"`{pattern}` is not a regular expression: ")


def test_values_that_cannot_be_converted_name_their_row() -> None:
    from kpi_engine.builtin.lowering import cast

    with pytest.raises(FunctionFailure) as caught:
        cast.integer([pa.array(["1", "2", "n/a"])], CONTEXT)
    assert (caught.value.row, caught.value.message) == (2, "`n/a` is not a whole number")
    with pytest.raises(FunctionFailure, match=r"`30.02.2027` is not a date written as %d.%m.%Y"):
        cast.date([pa.array(["30.02.2027"]), pa.scalar("%d.%m.%Y")], CONTEXT)
