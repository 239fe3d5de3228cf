"""Mistakes in `case when ... then ... else ... end`."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.parse.explain.failure import Failure

_FORM = 'case when score >= 9 then "promoter" else "other" end'


def case_without_end(failure: Failure) -> Diagnostic | None:
    """The expression, or the bracket around it, is over before `end`."""
    if not failure.opened or failure.kind(failure.opened[-1]) != "CASE" or "END" not in failure.accepted:
        return None
    if failure.ends_item(failure.index) or failure.current in ("RPAR", "RSQB", "COMMA"):
        return failure.error("E139", "this `case` has no `end`", failure.opened[-1], "add `end` where it is over")
    return None


def else_if(failure: Failure) -> Diagnostic | None:
    """`else if`, `elif`, `else when`."""
    inside = bool(failure.opened) and failure.kind(failure.opened[-1]) == "CASE"
    if not inside:
        return None
    if failure.word(failure.index) in ("elif", "elsif", "elseif"):
        return failure.error(
            "E143",
            f"`{failure.text(failure.index)}` is no word of the language",
            failure.index,
            "write `when`",
        )
    if failure.previous == "ELSE" and failure.current == "WHEN":
        place = failure.span(failure.index - 1, failure.index)
        return failure.error("E143", "a `case` has no `else when`", place, "write `when` alone")
    if failure.kind(failure.index - 2) == "ELSE" and failure.word(failure.index - 1) == "if":
        place = failure.span(failure.index - 2, failure.index - 1)
        return failure.error("E143", "a `case` has no `else if`", place, "write `when` alone")
    return None


def bare_if(failure: Failure) -> Diagnostic | None:
    """`if a then b else c`."""
    if failure.word(failure.index - 1) == "if" and failure.wants_operator and failure.is_operand(failure.index):
        help_text = "write `case when a then b else c end`, or `if(a, b, c)`"
        return failure.error("E143", "a choice is a `case`, or a call of `if`", failure.index - 1, help_text)
    return None


def when_without_then(failure: Failure) -> Diagnostic | None:
    """`case when a else b end`."""
    if "THEN" not in failure.accepted:
        return None
    if not (failure.current in ("ELSE", "WHEN", "RPAR", "RSQB", "COMMA", "END") or failure.ends_item(failure.index)):
        return None
    whens = [i for i in range(failure.opened[-1], failure.index) if failure.kind(i) == "WHEN"]
    return failure.error("E140", "this `when` has no `then`", whens[-1], f"write `{_FORM}`")


def case_without_when(failure: Failure) -> Diagnostic | None:
    """`case status when "a" ...`, `case end`."""
    if failure.previous == "CASE":
        help_text = f"write the whole condition after `when`: `{_FORM}`"
        return failure.error("E141", "`when` must stand after `case`", failure.index, help_text)
    return None


def stray_word(failure: Failure) -> Diagnostic | None:
    """`then` or `else` outside a `case`."""
    if failure.current in ("WHEN", "THEN", "ELSE") and not any(failure.kind(i) == "CASE" for i in failure.opened):
        return failure.error(
            "E192", f"`{failure.text(failure.index)}` belongs in a `case`", failure.index, f"write `{_FORM}`"
        )
    return None
