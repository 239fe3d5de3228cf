"""Case files (`*.kpitest`): inputs and the outputs expected of them, in one text that people read and review.

    # title of the case
    ---- definitions
    x = count(ordres
    ---- errors
    definitions:1:10: error[E101]: this ( is never closed
    ...

A file holds cases separated by lines `====`. What stands between title and first section is the case's own text. A
section is a line `---- kind options` and the lines up to the next one. Whoever runs cases brings a function for each
kind of section that is expected; all other kinds are inputs, which those functions read. A case without `definitions`
has the definitions and the data of the nearest case above that has definitions, or of the file's first case if none has
(where the definitions are a project's); its own `data` replaces data of that name. Packs (`pack NAME VERSION`) hold for
all cases below, up to one that has packs of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from itertools import pairwise

from kpi_engine.ir.dataclass import dataclass

SEPARATOR = "===="
MARK = "----"
SHARED = ("definitions", "pack", "data", "schemas")
"""Kinds of sections that hold for the cases below, too."""


class CaseError(ValueError):
    """A case file of the wrong form; `line` is where, from 1, as far as that is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"line {line}: {message}")
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a case; `line` is that of its mark, from 1."""

    kind: str
    options: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Case:
    """A title, a text of its own (a question, perhaps), and sections in the order written.

    `above` are the definitions and data that hold for it though they stand with a case above; `line` is that of the
    title.
    """

    title: str
    text: str
    sections: tuple[Section, ...]
    above: tuple[Section, ...] = ()
    line: int = field(default=1, compare=False)

    def section(self, kind: str) -> str:
        """The text of the one section of a kind; raises CaseError if there is none."""
        for section in (*self.sections, *self.above):
            if section.kind == kind:
                return section.text
        raise CaseError(f"case {self.title!r} has no section `{MARK} {kind}`")

    def inputs(self) -> tuple[Section, ...]:
        """The definitions and data that hold for this case."""
        own = tuple(section for section in self.sections if section.kind in SHARED)
        if any(section.kind == "definitions" for section in own):
            given = any(section.kind == "pack" for section in own)
            packs = () if given else tuple(section for section in self.above if section.kind == "pack")
            return (*packs, *own)
        written = {(section.kind, section.options) for section in own}
        return (*(each for each in self.above if (each.kind, each.options) not in written), *own)


Runner = Callable[[Case], str]
"""Gives the actual text of the kind of section that it stands for."""


def read_cases(text: str) -> list[Case]:
    """The cases of a file; raises CaseError.

    >>> read_cases("# one\\n---- definitions\\nx = 1\\n---- errors\\n")[0].section("definitions")
    'x = 1'
    """
    cases: list[Case] = []
    line = 1
    above: tuple[Section, ...] = ()
    for part in _split(text):
        case = replace(_case(part, line), above=above)
        cases.append(case)
        if len(cases) == 1 or any(section.kind == "definitions" for section in case.sections):
            above = case.inputs()
        line += len(part) + 1
    titles = Counter(case.title for case in cases)
    for case in reversed(cases):
        if titles[case.title] > 1:
            raise CaseError(f"two cases have the title {case.title!r}", case.line)
    return cases


def write_cases(cases: list[Case]) -> str:
    """The text of a case file; `read_cases` gives the same cases back."""
    return f"{SEPARATOR}\n".join(_written(case) for case in cases)


def run_case(case: Case, runners: Mapping[str, Runner], inputs: frozenset[str]) -> Case:
    """The case with the actual text in every section that a runner stands for.

    A section that is neither expected nor among `inputs` is a CaseError, so that a misspelt kind is not skipped.
    """
    sections = []
    for section in case.sections:
        if section.kind in runners:
            sections.append(replace(section, text=runners[section.kind](case).rstrip("\n")))
        elif section.kind in inputs:
            sections.append(section)
        else:
            known = ", ".join(sorted({*runners, *inputs}))
            raise CaseError(f"no section kind `{section.kind}`; there are {known}", section.line)
    return replace(case, sections=tuple(sections))


def _split(text: str) -> list[list[str]]:
    """The lines of each case."""
    parts: list[list[str]] = [[]]
    for line in text.removesuffix("\n").split("\n"):
        if line == SEPARATOR:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _case(lines: list[str], first: int) -> Case:
    while lines and not lines[0].strip():
        lines, first = lines[1:], first + 1
    if not lines or not lines[0].startswith("# "):
        raise CaseError("a case begins with `# title`", first)
    marks = [index for index, line in enumerate(lines) if line == MARK or line.startswith(f"{MARK} ")]
    head = lines[1 : marks[0]] if marks else lines[1:]
    sections = []
    for mark, end in pairwise([*marks, len(lines)]):
        kind, _, options = lines[mark][len(MARK) :].strip().partition(" ")
        if not kind:
            raise CaseError(f"a section is written `{MARK} kind`", first + mark)
        sections.append(Section(kind, options, "\n".join(lines[mark + 1 : end]), first + mark))
    return Case(lines[0][2:], "\n".join(head), tuple(sections), line=first)


def _written(case: Case) -> str:
    lines = [f"# {case.title}"]
    if case.text:
        lines.append(case.text)
    for section in case.sections:
        lines.append(f"{MARK} {section.kind} {section.options}".rstrip())
        if section.text:
            lines.append(section.text)
    return "".join(f"{line}\n" for line in lines)
