"""One question, two answers: the engine's and the reference's, and when they are the same."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from reference import Asked, answer

import kpi_engine
from kpi_engine.ir import tree
from kpi_engine.ir.span import SourceText
from kpi_engine.parse import parse_file
from kpi_engine.testing.case_tables import CaseQuestion, CaseTable, Rows, read_answer, read_question, read_table
from kpi_engine.testing.cases import Case

RELATIVE = 1e-12


def ask_engine(definitions: str, tables: Mapping[str, Any], arguments: Mapping[str, Any]) -> kpi_engine.Result:
    """The engine's answer over Arrow tables or datasets; KpiError as the engine raises it."""
    project = kpi_engine.Project.from_text(definitions)
    for name, table in tables.items():
        project.bind(name, table)
    return project.eval(**arguments)


def ask_reference(definitions: str, tables: Mapping[str, Rows], arguments: Mapping[str, Any]) -> Rows:
    """The reference's answer over rows of Python values."""
    return answer(definitions, tables, Asked(**arguments))


def differences(found: Sequence[Mapping[str, Any]], expected: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is different between two answers, row by row; floats may differ by rounding."""
    if len(found) != len(expected):
        return [f"{len(found)} rows instead of {len(expected)}: {list(found)} instead of {list(expected)}"]
    return [
        f"row {number}, {name}: {row[name]!r} instead of {other[name]!r}"
        for number, (row, other) in enumerate(zip(found, expected, strict=True))
        for name in other
        if name not in row or not same(row[name], other[name])
    ]


def same(found: Any, expected: Any) -> bool:
    """Whether two values are one: integers and decimals exactly, floats up to rounding, times as instants."""
    if found is None or expected is None:
        return found is expected
    if isinstance(found, timedelta):
        # A duration is stored in whole microseconds.
        return abs(Fraction(found // timedelta(microseconds=1)) - Fraction(expected)) <= Fraction(1, 2)
    if isinstance(found, datetime):
        return bool(found.astimezone(UTC) == expected)
    if isinstance(found, str | bool | date):
        return type(found) is type(expected) and found == expected
    if isinstance(found, float) or isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=RELATIVE, abs_tol=0.0)
    return bool(Fraction(found) == expected)


# ---------------------------------------------------------------------------------------------------------- cases


def case_definitions(case: Case) -> str:
    """The definitions of a case, with the formulas of its question."""
    text = "\n".join(section.text for section in case.inputs() if section.kind == "definitions")
    return f"{text}\n\n{case_question(case).definitions}"


def case_question(case: Case) -> CaseQuestion:
    """What the case asks."""
    return next(read_question(section.options) for section in case.sections if section.kind == "query")


def case_arguments(case: Case) -> dict[str, Any]:
    """The case's question as `Project.eval` takes it."""
    question = case_question(case)
    return {"metrics": question.metrics, **question.arguments}


def case_tables(case: Case) -> dict[str, CaseTable]:
    """The data of a case by source; columns without a type have the declared one."""
    types = _declared_types(case_definitions(case))
    return {
        section.options: read_table(section.text, types.get(section.options, {}))
        for section in case.inputs()
        if section.kind == "data"
    }


def _declared_types(definitions: str) -> dict[str, dict[str, str]]:
    file, _ = parse_file(SourceText("definitions", definitions))
    return {
        node.name.text: {column.name.text: column.type.name.text for column in node.columns if column.type is not None}
        for node in file.declarations
        if isinstance(node, tree.Source)
    }


def reads_as(text: str, rows: Rows) -> list[str]:
    """What is different between a written answer and the rows of the reference."""
    names, lines = read_answer(text)
    if len(lines) != len(rows):
        return [f"{len(rows)} rows instead of {len(lines)}: {rows}"]
    return [
        f"row {number}, {name}: {row[name]!r} instead of {cell}"
        for number, (line, row) in enumerate(zip(lines, rows, strict=True))
        for name, cell in zip(names, line, strict=True)
        if not _is_written(row[name], cell)
    ]


def _is_written(value: Any, cell: str | None) -> bool:
    if value is None or cell is None:
        return value is cell
    match value:
        case bool():
            return cell == ("true" if value else "false")
        case str():
            return cell == value
        case datetime():
            return datetime.fromisoformat(cell) == value
        case date():
            return cell == value.isoformat()
    if re.fullmatch(r"-?\d+:\d\d:\d\d(\.\d+)?", cell):
        hours, minutes, seconds = (Decimal(part) for part in cell.removeprefix("-").split(":"))
        written = Fraction(hours * 3600 + minutes * 60 + seconds) * 1_000_000
        return abs((-written if cell.startswith("-") else written) - Fraction(value)) <= Fraction(1, 2)
    if isinstance(value, float):
        # An answer shows twelve digits of a float.
        return math.isclose(float(cell), value, rel_tol=1e-11)
    return bool(Fraction(cell) == value)
