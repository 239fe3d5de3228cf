"""Runs every case file under `tests/cases`; `pytest tests/test_cases.py --accept` writes what is actual into them.

To add a kind of section, add its function to RUNNERS, or its name to INPUTS if it is only read by one.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from engine.asking import ask_engine, ask_reference, case_arguments, case_definitions, case_tables, reads_as
from reference import MeaninglessError
from resolve.checking import problems, refusal

import kpi_engine
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.render import render
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import format_file, parse_file
from kpi_engine.testing.case_tables import read_table, write_answer
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


def result(case: Case) -> str:
    """The engine's answer to the case's question, or the first error in one line."""
    tables = {name: table.to_arrow() for name, table in case_tables(case).items()}
    try:
        found = ask_engine(case_definitions(case), tables, case_arguments(case)).table
    except KpiError as error:
        return f"error[{error.diagnostics[0].code}]: {error.diagnostics[0].message}"
    return write_answer(found.column_names, found.to_pylist())


def findings(case: Case) -> str:
    """What `kpi check --data` says of the case's tables on the last day of 2026."""
    project = kpi_engine.Project.from_text(case.section("definitions") + "\n", name="definitions")
    for section in case.inputs():
        if section.kind == "data":
            project.bind(section.options, read_table(section.text).to_arrow())
    found = project.check_data(today=datetime.date(2026, 12, 31))
    return "\n".join(render(each) for each in found)


def _definitions(case: Case) -> SourceText:
    return SourceText("definitions", case.section("definitions") + "\n")


RUNNERS = {
    "errors": errors,
    "formatted": formatted,
    "result": result,
    "problems": problems,
    "refusal": refusal,
    "findings": findings,
}
INPUTS = frozenset(["definitions", "pack", "data", "query", "schemas", "ask"])

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


ANSWERED = [each for each in CASES if any(section.kind == "result" for section in each.values[1].sections)]


@pytest.mark.parametrize(("path", "case"), ANSWERED)
def test_reference(path: Path, case: Case) -> None:
    """The reference interpreter gives the answers written, too; what it does not check is marked `engine only`."""
    section = next(each for each in case.sections if each.kind == "result")
    if section.options == "engine only":
        return
    tables = {name: table.rows for name, table in case_tables(case).items()}
    try:
        rows = ask_reference(case_definitions(case), tables, case_arguments(case))
    except MeaninglessError:
        assert section.text.startswith("error["), f"{path}, line {section.line}: the reference finds no answer"
    else:
        assert reads_as(section.text, rows) == [], f"{path}, line {section.line}"
