"""Mistakes with brackets."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic, Note
from kpi_engine.parse.explain.failure import CLOSING, SIGNS, Failure


def never_closed(failure: Failure) -> Diagnostic | None:
    """The expression is over, and a bracket is still open."""
    if failure.bracket < 0 or not _is_over(failure):
        return None
    bracket = failure.bracket
    sign, closing = failure.text(bracket), SIGNS[CLOSING[failure.kind(bracket)]]
    is_call = failure.kind(bracket) == "LPAR" and failure.is_operand(bracket - 1)
    where = "the argument ends" if is_call else "the list ends" if sign == "[" else "the bracket ends"
    return failure.error("E101", f"this {sign} is never closed", bracket, f"add a {closing} where {where}")


def _is_over(failure: Failure) -> bool:
    if failure.ends_item(failure.index):
        return True
    if failure.current in ("WHEN", "THEN", "ELSE", "END") and failure.opened[-1] == failure.bracket:
        return failure.wants_operator and any(failure.kind(index) == "CASE" for index in failure.opened)
    if not failure.starts_line(failure.index):
        return False
    next_kind = failure.kind(failure.index + 1)
    return (failure.text(failure.index) == "column" and next_kind in ("KEY", "NAME")) or (
        failure.kind(0) == "MAP" and next_kind == "EQ"
    )


def wrong_bracket(failure: Failure) -> Diagnostic | None:
    """`count(orders]`."""
    if failure.current not in ("RPAR", "RSQB") or failure.bracket < 0:
        return None
    wanted = CLOSING[failure.kind(failure.bracket)]
    if failure.current == wanted:
        return None
    opening = failure.text(failure.bracket)
    note = Note(f"the {opening} that is open", failure.span(failure.bracket))
    what = f"this {failure.text(failure.index)} does not close the {opening} before it"
    return Diagnostic("E137", what, failure.span(failure.index), f"write {SIGNS[wanted]}", (note,))


def extra_bracket(failure: Failure) -> Diagnostic | None:
    """`count(orders))`."""
    if failure.current in ("RPAR", "RSQB") and failure.bracket < 0:
        sign = failure.text(failure.index)
        help_text = "delete it, or open a bracket before it"
        return failure.error("E136", f"this {sign} closes nothing", failure.index, help_text)
    return None


def empty_brackets(failure: Failure) -> Diagnostic | None:
    """`()`."""
    if failure.previous == "LPAR" and failure.current == "RPAR":
        return failure.error(
            "E159",
            "nothing stands in these brackets",
            failure.span(failure.index - 1, failure.index),
            "write an expression in them, or delete them",
        )
    return None
