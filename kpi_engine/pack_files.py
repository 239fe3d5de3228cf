"""From a project's `use` lines to the packs, read and parsed: those that it names, and those that they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.packs import Pack, PackTexts
from kpi_engine.ir.span import Span
from kpi_engine.parse import parse_file

PackReader = Callable[[str, Span], PackTexts]
"""Reads the pack of a name that is asked for at a place; KpiError if there is none, or a broken one."""


def packs_used(files: Sequence[tree.File], read: PackReader) -> tuple[dict[str, Pack], list[Diagnostic]]:
    """All packs that definitions lead to, by name in the order of their use, and what is wrong with them.

    >>> packs_used([], lambda name, place: PackTexts(None, ()))
    ({}, [])
    """
    packs: dict[str, Pack] = {}
    problems: list[Diagnostic] = []
    tried: set[str] = set()
    waiting = _uses(files)
    while waiting:
        use = waiting.pop(0)
        name = use.pack.text
        if name in tried:
            continue
        tried.add(name)
        try:
            texts = read(name, use.pack.span)
        except KpiError as error:
            problems.extend(error.diagnostics)
            continue
        parsed = [parse_file(text) for text in texts.texts]
        problems.extend(problem for _, found in parsed for problem in found)
        packs[name] = Pack(texts.info, tuple(file for file, _ in parsed))
        waiting.extend(_uses(packs[name].files))
    return packs, problems


def _uses(files: Sequence[tree.File]) -> list[tree.Use]:
    return [each for file in files for each in file.declarations if isinstance(each, tree.Use)]
