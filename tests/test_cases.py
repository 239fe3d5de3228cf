"""Runs every case file under `tests/cases`; `pytest tests/test_cases.py --accept` writes what is actual into them.

To add a kind of section, add its function to RUNNERS, or its name to INPUTS if it is only read by one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kpi_engine.ir.render import render
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import format_file, parse_file
from kpi_engine.testing.cases import Case, read_cases, run_case, write_cases

FOLDER = Path(__file__).parent / "cases"


def errors(case: Case) -> str:
    """What is wrong with the text of the definitions."""
    _, problems = parse_file(_definitions(case))
    return "\n".join(render(problem) for problem in problems)


def formatted(case: Case) -> str:
    """The canonical text of the definitions."""
    text = format_file(_definitions(case))
    assert format_file(SourceText("definitions", text)) == text, "formatting twice changes the text"
    return text


def _definitions(case: Case) -> SourceText:
    return SourceText("definitions", case.section("definitions") + "\n")


RUNNERS = {"errors": errors, "formatted": formatted}
INPUTS = frozenset(["definitions"])

CASES = [
    pytest.param(path, case, id=f"{path.relative_to(FOLDER)}::{case.title}")
    for path in sorted(FOLDER.rglob("*.kpitest"))
    for case in read_cases(path.read_text("utf-8"))
    if RUNNERS.keys() & {section.kind for section in case.sections}
]


@pytest.mark.parametrize(("path", "case"), CASES)
def test_case(path: Path, case: Case, request: pytest.FixtureRequest) -> None:
    actual = run_case(case, RUNNERS, INPUTS)
    if request.config.getoption("--accept"):
        cases = [actual if other.title == case.title else other for other in read_cases(path.read_text("utf-8"))]
        path.write_text(write_cases(cases), "utf-8")
        return
    for section, found in zip(case.sections, actual.sections, strict=True):
        assert found.text == section.text, f"{path}, line {section.line}: the section `{section.kind}` differs"
