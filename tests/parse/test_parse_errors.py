"""Every code is explained, listed and shown in a case; every diagnostic points into its own text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import kpi_engine.parse
from kpi_engine.ir.diagnostic import ExitCode
from kpi_engine.ir.span import SourceText
from kpi_engine.ir.syntax_codes import LIMITS, SYNTAX
from kpi_engine.parse import parse_file
from kpi_engine.testing.cases import read_cases

CASES = Path(__file__).parent.parent / "cases" / "syntax"
ONLY_IN_CODE = {"E198"}
"""What only a fault of the formatter itself would say."""


def codes_in_code() -> set[str]:
    folder = Path(kpi_engine.parse.__file__).parent
    files = [path for path in folder.rglob("*.py") if path.name != "codes.py"]
    return {code for path in files for code in re.findall(r'"(E[0-9]{3})"', path.read_text("utf-8"))}


def codes_in_cases() -> set[str]:
    return {
        code
        for path in CASES.glob("*.kpitest")
        for case in read_cases(path.read_text("utf-8"))
        for section in case.sections
        if section.kind == "errors"
        for code in re.findall(r"error\[(E[0-9]{3})\]", section.text)
    }


def test_every_code_has_a_meaning() -> None:
    assert codes_in_code() == set(SYNTAX) | set(LIMITS)


def test_every_syntax_error_has_a_case() -> None:
    assert codes_in_cases() >= set(SYNTAX) - ONLY_IN_CODE


def definitions() -> list[str]:
    return [
        case.section("definitions") + "\n"
        for path in CASES.glob("*.kpitest")
        for case in read_cases(path.read_text("utf-8"))
    ]


def test_every_error_names_the_fix_and_a_place_in_its_text() -> None:
    for text in definitions():
        source = SourceText("definitions", text)
        for problem in parse_file(source)[1]:
            assert problem.help and problem.message, text
            assert problem.span.source is source
            assert 0 <= problem.span.start < problem.span.end <= len(text), (text, problem)
            assert "\n" not in problem.span.text, (text, problem)
            assert problem.exit_code is (ExitCode.LIMIT if problem.code in LIMITS else ExitCode.DEFINITION)


def test_problems_of_a_file_are_in_its_order() -> None:
    text = "\n".join(definitions())
    lines = [problem.span.line for problem in parse_file(SourceText("all", text))[1]]
    assert len(lines) > 150
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("text", "line", "column", "code"),
    [
        ("conversion = count(orders/count(distinct visitors)", 1, 19, "E101"),
        ("x = a\ny = sum(t.c where status == 1)", 2, 26, "E102"),
        ("x = a\ny = b\nz = sum(orders.total where orders.status_of_payment = 'paid')", 3, 55, "E103"),
        ("x = a\n  unit: percent\ny = b\nunit: percent", 4, 1, "E104"),
    ],
)
def test_the_places_that_the_language_promises(text: str, line: int, column: int, code: str) -> None:
    (problem,) = parse_file(SourceText("sales.kpi", text))[1]
    assert (problem.code, problem.span.line, problem.span.column) == (code, line, column)


def test_a_declaration_tells_no_more_than_twenty_problems() -> None:
    text = "source s\n" + "  column a b\n" * 100
    assert len(parse_file(SourceText("many", text))[1]) == 20
    assert len(parse_file(SourceText("many", "x = " + "\uff08" * 30))[1]) == 20


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "  \n\n", "  # comment\n"])
def test_what_follows_the_last_token_does_not_move_an_error(end: str) -> None:
    (problem,) = parse_file(SourceText("text", "x = revenue /" + end))[1]
    assert (problem.code, problem.span.text, problem.span.column) == ("E157", "/", 13)
