"""Texts made to exhaust the parser get an error of their own, at once."""

from __future__ import annotations

import sys

import pytest

from kpi_engine.ir.diagnostic import ExitCode, KpiError
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import format_file, parse_expression, parse_file, show_tree
from kpi_engine.parse.limits import MAX_CHAIN, MAX_NESTING, MAX_NODES


def codes(text: str) -> list[str]:
    return [problem.code for problem in parse_file(SourceText("text", text))[1]]


def nested(opening: str, depth: int, closing: str) -> str:
    return f"x = {opening * depth}a{closing * depth}"


AT_THE_LIMIT = {
    "brackets": nested("(", MAX_NESTING, ")"),
    "calls": nested("f(", MAX_NESTING, ")"),
    "lists": nested("[", MAX_NESTING, "]"),
    "cases in conditions": nested("case when ", MAX_NESTING, " then b end"),
    "cases in values": nested("case when a then ", MAX_NESTING, " end"),
    "cases in defaults": nested("case when a then b else ", MAX_NESTING, " end"),
    "sums": "x = " + " + ".join(["a"] * (MAX_CHAIN + 1)),
    "products": "x = " + " * ".join(["a"] * (MAX_CHAIN + 1)),
    "negations": "x = " + "not " * MAX_CHAIN + "a",
    "signs": "x = " + "- " * MAX_CHAIN + "a",
    "conditions": "x = " + " and ".join(["a"] * (MAX_NODES // 2)),
    "conditions in calls": nested("f(a or b and c = ", MAX_CHAIN // 6, ")"),
    "items": "x = [" + ", ".join(["1"] * (MAX_NODES - 2)) + "]",
    "digits": "x = " + "9" * 38,
    "a name": "x = " + "n" * 200,
    "a name in backticks": "x = `" + "n" * 198 + "`",
}

BEYOND_THE_LIMIT = {
    "brackets": (nested("(", MAX_NESTING + 1, ")"), "E803"),
    "lists": (nested("[", MAX_NESTING + 1, "]"), "E803"),
    "brackets that never close": ("x = " + "(" * 100, "E803"),
    "cases": (nested("case when a then ", MAX_NESTING + 1, " end"), "E803"),
    "cases whose conditions are named end": ("x = " + "case when end then " * 70 + "a" + " end" * 70, "E803"),
    "sums": ("x = " + " + ".join(["a"] * (MAX_CHAIN + 2)), "E805"),
    "sums in sums": ("x = " + "(a + b + " * 60 + "c" + ")" * 60, "E805"),
    "conditions in calls": (nested("f(a or b and c = ", MAX_NESTING, ")"), "E805"),
    "negations": ("x = " + "not " * (MAX_CHAIN + 1) + "a", "E805"),
    "conditions": ("x = " + " and ".join(["a"] * (MAX_NODES // 2 + 1)), "E804"),
    "a path": ("x = a" + ".b" * MAX_NODES, "E804"),
    "a property": ("x = a\n  tags: [" + ", ".join(["t"] * MAX_NODES) + "]", "E804"),
    "a column": ("source s\n  column c: text = f(" + ", ".join(["t"] * MAX_NODES) + ")", "E804"),
    "a property behind columns": ("source s\n  column c: text\n  key: [" + ", ".join(["t"] * MAX_NODES) + "]", "E804"),
    "digits": ("x = " + "9" * 39, "E806"),
    "digits behind a point": ("x = 0." + "9" * 38, "E806"),
    "digits of a duration": ("x = " + "9" * 39 + " days", "E806"),
    "a name": ("x = " + "n" * 201, "E806"),
    "a key": ("x = 1\n  " + "n" * 201 + ": 1", "E806"),
    "a declaration": ('x = 1\n  description: "' + "d" * 64_000 + '"', "E802"),
    "a declaration in wide characters": ('x = 1\n  description: "' + "\u9500" * 22_000 + '"', "E802"),
    "a file": ("x = 1\n" * 170_000, "E801"),
    "20 000 brackets": ("x = " + "(" * 20_000, "E80"),
    "20 000 terms": ("x = " + "+".join(["a"] * 20_000), "E80"),
    "20 000 full-width brackets": ("x = " + "\uff08" * 20_000, "E80"),
    "a million brackets": ("x = " + "(" * 900_000, "E802"),
}


@pytest.mark.parametrize("text", AT_THE_LIMIT.values(), ids=AT_THE_LIMIT.keys())
def test_at_the_limit_every_recursive_use_of_a_tree_works(text: str) -> None:
    file, problems = parse_file(SourceText("text", text))
    assert problems == ()
    again, _ = parse_file(SourceText("text", format_file(SourceText("text", text))))
    assert again == file
    assert hash(again.declarations) == hash(file.declarations)
    assert repr(file) and show_tree(file)


@pytest.mark.parametrize(("text", "code"), BEYOND_THE_LIMIT.values(), ids=BEYOND_THE_LIMIT.keys())
def test_beyond_the_limit(text: str, code: str) -> None:
    source = SourceText("text", text)
    (problem,) = parse_file(source)[1]
    assert problem.code.startswith(code)
    assert problem.exit_code is ExitCode.LIMIT
    with pytest.raises(KpiError) as caught:
        format_file(source)
    assert caught.value.exit_code is ExitCode.LIMIT
    with pytest.raises(KpiError):
        parse_expression(SourceText("text", text.removeprefix("x = ")))


def test_a_limit_concerns_one_declaration() -> None:
    file, problems = parse_file(SourceText("text", "a = 1\nx = " + "(" * 70 + "\nb = 2\n"))
    assert [problem.code for problem in problems] == ["E803"]
    assert len(file.declarations) == 2


def test_a_source_may_have_many_columns() -> None:
    columns = "".join(f"  column c{number}: text -> other\n" for number in range(1200))
    assert codes("source s\n" + columns) == []


def test_many_small_expressions_in_one_case_are_no_deep_one() -> None:
    arms = " ".join(f"when score = {number} then -1 + {number}" for number in range(150))
    assert codes(f"x = case {arms} end") == []


@pytest.mark.parametrize("word", ["source", "end", "points", "all", "next"])
def test_cases_may_end_behind_names_like_keywords(word: str) -> None:
    assert codes("x = [" + ", ".join([f"case when a then {word} end"] * (MAX_NESTING + 10)) + "]") == []


HOSTILE = {
    "white space": "x = a" + " " * 60_000 + "b",
    "blank lines": "x = a\n" + " \n" * 400_000 + "y = b",
    "comments": "x = a " + "# c\n  " * 10_000,
    "open texts": 'x = a "' + "b" * 60_000,
    "escapes": 'x = "' + "\\" * 60_000,
    "underscores": "x = 1" + "_1" * 30_000,
    "points": "x = 1" + ".1" * 30_000,
    "almost periods": "x = " + "2027-" * 12_000,
    "words of phrases": "x = " + "is not " * 9_000,
    "backticks": "x = " + "`" * 20_001,
    "quotes of word processors": "x = " + "\u201c" * 20_000,
    "broken columns": "source s\n" + "  column a b\n" * 4_000,
    "keys": "x = a\n" + "  k: (\n" * 8_000,
    "no line end": "x = a\r" * 10_000,
    "nulls": "\0" * 20_000,
    "column 1": "(\n" * 4_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_take_linear_work(text: str) -> None:
    """Counts calls, not seconds: work that grows with the square of these texts is a billion steps."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        parse_file(SourceText("hostile", text))
    finally:
        sys.setprofile(None)
    assert calls < 40 * len(text) + 2_000 * (text.count("\n") + 5)
