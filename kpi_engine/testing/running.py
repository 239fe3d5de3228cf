"""Case files run: every `query` of every case is asked, and its `result` compared."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Literal

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.testing.accepting import Acceptance, accepted
from kpi_engine.testing.case_tables import CaseQuestion, read_question, write_answer, written_lines
from kpi_engine.testing.cases import Case, CaseError, Section, read_cases
from kpi_engine.testing.comparing import CaseAnswer, Difference, difference

KINDS = ("definitions", "pack", "data", "query", "result")
"""The sections that a case of a project may have."""

Status = Literal["passed", "failed", "broken", "accepted"]
"""`broken`: no comparison was possible. `accepted`: the file was rewritten to hold what was answered."""

Ask = Callable[[Case, CaseQuestion], CaseAnswer]
"""Answers a question over a case's own data; KpiError where there is no answer, CaseError for data of a wrong form."""

_REFUSAL = re.compile(r"error\[(?P<code>\w+)\](?:: (?P<message>.*))?")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one query of a case came out; `line` is that of its `query`, or where the file is broken."""

    path: Path
    line: int
    title: str
    query: str
    status: Status
    seconds: float = 0.0
    message: str = ""
    difference: Difference | None = None
    problems: tuple[Diagnostic, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is left to do."""
        return self.status in ("passed", "accepted")


@dataclass(frozen=True, slots=True)
class _Verdict:
    status: Status
    message: str = ""
    difference: Difference | None = None
    problems: tuple[Diagnostic, ...] = ()
    answered: str | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a case and the result expected of it, if there is one yet."""

    query: Section
    result: Section | None


def run_text(path: Path, text: str, ask: Ask, wanted: str = "") -> list[Outcome]:
    """The outcomes of a case file: of all cases, or of those with `wanted` in the title or the file's name."""
    return [outcome for outcome, _ in _run(path, text, ask, wanted)]


def accept_text(path: Path, text: str, ask: Ask, wanted: str = "") -> tuple[list[Outcome], str]:
    """The outcomes, and the file's text with every result that differs replaced by what was answered."""
    outcomes: list[Outcome] = []
    changes: list[Acceptance] = []
    for outcome, change in _run(path, text, ask, wanted):
        if outcome.status == "failed" and change is not None:
            changes.append(change)
            outcome = Outcome(path, outcome.line, outcome.title, outcome.query, "accepted", outcome.seconds)
        outcomes.append(outcome)
    return outcomes, accepted(text, changes) if changes else text


def _run(path: Path, text: str, ask: Ask, wanted: str) -> Iterator[tuple[Outcome, Acceptance | None]]:
    try:
        cases = read_cases(text.replace("\r\n", "\n"))
    except CaseError as error:
        yield Outcome(path, error.line or 1, "", "", "broken", message=error.message), None
        return
    for case in cases:
        if wanted.casefold() not in f"{path.name} {case.title}".casefold():
            continue
        try:
            asked = queries(case)
        except CaseError as error:
            yield Outcome(path, error.line or case.line, case.title, "", "broken", message=error.message), None
            continue
        for each in asked:
            yield _outcome(path, case, each, ask)


def queries(case: Case) -> list[Asked]:
    """The queries of a case with their results; CaseError for sections of other kinds, or in a wrong order."""
    found: list[Asked] = []
    for section in case.sections:
        if section.kind not in KINDS:
            raise CaseError(f"no section kind `{section.kind}`; there are {', '.join(KINDS)}", section.line)
        if section.kind == "data" and not section.options:
            raise CaseError("`---- data` names the source that it stands for", section.line)
        if section.kind == "query":
            found.append(Asked(section, None))
        elif section.kind == "result":
            if not found or found[-1].result is not None:
                raise CaseError("a result stands below its query", section.line)
            found[-1] = Asked(found[-1].query, section)
    return found


def _outcome(path: Path, case: Case, asked: Asked, ask: Ask) -> tuple[Outcome, Acceptance | None]:
    started = time.perf_counter()
    query = " ".join([asked.query.options, *written_lines(asked.query.text)]).strip()
    verdict = _verdict(case, query, asked.result, ask)
    outcome = Outcome(
        path,
        asked.query.line,
        case.title,
        query,
        verdict.status,
        time.perf_counter() - started,
        verdict.message,
        verdict.difference,
        verdict.problems,
    )
    return outcome, None if verdict.answered is None else _acceptance(asked, verdict.answered)


def _acceptance(asked: Asked, answered: str) -> Acceptance:
    section = asked.result or asked.query
    end = section.line + (len(section.text.split("\n")) if section.text else 0)
    # Empty lines at the end of a section separate it from what follows, and belong to neither.
    return Acceptance(section.line if asked.result else end, end, answered, asked.result is None)


def _verdict(case: Case, query: str, result: Section | None, ask: Ask) -> _Verdict:
    expected = "" if result is None else result.text
    lines = written_lines(expected)
    refusal = _REFUSAL.fullmatch(lines[0]) if len(lines) == 1 else None
    try:
        answer = ask(case, read_question(query))
    except CaseError as error:
        return _Verdict("broken", str(error))
    except KpiError as error:
        return _refused(error, refusal)
    answered = write_answer(answer.names, answer.rows)
    if refusal is not None:
        return _Verdict("failed", f"expected error[{refusal['code']}], and there is an answer", answered=answered)
    if not lines:
        return _Verdict("failed", "there is no result yet: write it, or fill it in with --accept", answered=answered)
    try:
        found = difference(expected, answer)
    except CaseError as error:
        return _Verdict("failed", str(error), answered=answered)
    return _Verdict("passed") if found is None else _Verdict("failed", difference=found, answered=answered)


def _refused(error: KpiError, expected: re.Match[str] | None) -> _Verdict:
    first = error.diagnostics[0]
    if expected is None:
        return _Verdict("broken", problems=error.diagnostics)
    same = expected["code"] == first.code and expected["message"] in (None, first.message)
    if same:
        return _Verdict("passed")
    answered = f"error[{first.code}]: {first.message}"
    return _Verdict("failed", f"expected {expected[0]}", problems=error.diagnostics, answered=answered)


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """The last line of a run.

    >>> summary([Outcome(Path("a.kpitest"), 1, "t", "n", "passed")], 0.0123)
    '1 passed in 0.01 s'
    """
    counts: Mapping[Status, int] = {
        status: sum(outcome.status == status for outcome in outcomes)
        for status in ("passed", "accepted", "failed", "broken")
    }
    parts = [f"{number} {status}" for status, number in counts.items() if number]
    return f"{', '.join(parts) or 'nothing'} in {seconds:.2f} s"
