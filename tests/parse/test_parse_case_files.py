"""Case files are read, run and written back without loss."""

from __future__ import annotations

import pytest

from kpi_engine.testing.cases import CaseError, read_cases, run_case, write_cases

TEXT = """\
# the first
query revenue by country
---- definitions
x = 1

y = 2
---- result expect=sorted
DE  30
====
# the second
---- definitions
---- errors
"""


def test_parts() -> None:
    first, second = read_cases(TEXT)
    assert (first.title, first.text) == ("the first", "query revenue by country")
    assert [(s.kind, s.options, s.text, s.line) for s in first.sections] == [
        ("definitions", "", "x = 1\n\ny = 2", 3),
        ("result", "expect=sorted", "DE  30", 7),
    ]
    assert [(s.kind, s.text, s.line) for s in second.sections] == [("definitions", "", 11), ("errors", "", 12)]


def test_round_trip() -> None:
    assert write_cases(read_cases(TEXT)) == TEXT


def test_runners_fill_in_what_is_expected() -> None:
    _, second = read_cases(TEXT)
    filled = run_case(second, {"errors": lambda case: f"{case.title}!\n"}, frozenset(["definitions"]))
    assert filled.section("errors") == "the second!"
    assert second.section("errors") == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no title\n", "line 1"),
        ("# a\n====\nno title\n", "line 3"),
        ("# a\n----\n", "line 2"),
        ("# a\n====\n# a\n", "two cases"),
    ],
)
def test_wrong_forms(text: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        read_cases(text)


def test_kinds_that_nobody_runs_are_refused() -> None:
    first, _ = read_cases(TEXT)
    with pytest.raises(CaseError, match="no section kind `result`"):
        run_case(first, {"errors": lambda case: ""}, frozenset(["definitions"]))
    with pytest.raises(CaseError, match="has no section `---- errors`"):
        first.section("errors")
