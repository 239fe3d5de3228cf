"""Diagnostics for what the grammar allows and a reader would not: things said twice, or two things in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Diagnostic, Note
from kpi_engine.ir.span import Span

_WORDS: dict[type[tree.Clause], tuple[str, str]] = {
    tree.Where: ("where", "join the conditions with `and`"),
    tree.Having: ("having", "join the conditions with `and`"),
    tree.Per: ("per", "write `per (a, b)` for groups of both"),
    tree.AtPoint: ("at", "an aggregate looks at one instant: keep one of them"),
    tree.DatedBy: ("dated by", "an aggregate has one time: keep one of them"),
    tree.On: ("on", "write `on (a, b)` for both"),
    tree.Within: ("within", "keep one of them"),
}


def clauses(found: Sequence[tree.Clause]) -> list[Diagnostic]:
    """One diagnostic for each clause that an argument or a pair of brackets already had, or that stands too late."""
    first: dict[type[tree.Clause], tree.Clause] = {}
    problems = []
    followed = False
    for clause in found:
        followed = followed or isinstance(clause, tree.FollowedBy)
        if followed and isinstance(clause, tree.Where | tree.On):
            problems.append(_too_late(clause))
            continue
        known = first.setdefault(type(clause), clause)
        if known is not clause and type(clause) in _WORDS:
            word, help_text = _WORDS[type(clause)]
            place = Span(clause.span.source, clause.span.start, clause.span.start + len(word))
            note = Note(f"the first `{word}`", known.span)
            problems.append(Diagnostic("E166", f"`{word}` is written twice", place, help_text, (note,)))
    return problems


def _too_late(clause: tree.Where | tree.On) -> Diagnostic:
    word = _WORDS[type(clause)][0]
    place = Span(clause.span.source, clause.span.start, clause.span.start + len(word))
    help_text = "write it before `within` for the second event, or before `followed by` for the first"
    return Diagnostic("E189", f"`{word}` cannot stand after `within`", place, help_text)


def names(found: Iterable[tree.Name], code: str) -> list[Diagnostic]:
    """One diagnostic for each property or assignment that stands a second time in the same declaration."""
    first: dict[str, tree.Name] = {}
    problems = []
    for name in found:
        known = first.setdefault(name.text, name)
        if known is not name:
            note = Note(f"`{name.text}` is given here first", known.span)
            problems.append(
                Diagnostic(code, f"`{name.text}` is given twice", name.span, "keep one of the two", (note,))
            )
    return problems


def own_line(span: Span, word: str) -> Diagnostic:
    """For a property or column that follows something else in its line."""
    shown = f"`{word}:`" if span.source.text[span.end : span.end + 1] == ":" else f"`{word}`"
    return Diagnostic(
        "E162", f"{shown} must begin a line of its own", span, f"start a new, indented line before {shown}"
    )


def not_a_year(span: Span, text: str) -> Diagnostic:
    """For a plain number where a period is meant."""
    return Diagnostic(
        "E125", f"`{text}` is not a period", span, "a year is written with four digits, from 1900 to 2199"
    )
