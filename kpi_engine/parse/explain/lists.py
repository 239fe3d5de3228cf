"""Mistakes with commas and lists."""

from __future__ import annotations

import re

from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.parse.explain.failure import Failure


def thousands(failure: Failure) -> Diagnostic | None:
    """`revenue > 1,000`."""
    index = failure.index
    if (
        failure.current != "COMMA"
        or failure.previous != "NUMBER"
        or failure.kind(index + 1) not in ("NUMBER", "PERCENT")
    ):
        return None
    place = failure.span(index - 1, index + 1)
    if not re.fullmatch(r"[0-9]{1,3},[0-9]{3}(\.[0-9]+)?%?", place.text):
        return None
    plain = place.text.replace(",", "")
    return failure.error(
        "E118", "a comma does not group digits", place, f"write {plain} or {place.text.replace(',', '_')}"
    )


def list_in_round_brackets(failure: Failure) -> Diagnostic | None:
    """`status in ("a", "b")`, `status in "a"`."""
    if failure.previous not in ("IN", "NOT_IN"):
        return None
    help_text = "write the values in square brackets: `in [a, b]`"
    return failure.error(
        "E175",
        f"`{' '.join(failure.text(failure.index - 1).split())}` takes a list",
        failure.index,
        help_text,
    )


def trailing_comma(failure: Failure) -> Diagnostic | None:
    """`f(a, b,)`."""
    if failure.previous == "COMMA" and (failure.current in ("RPAR", "RSQB") or failure.ends_item(failure.index)):
        return failure.error(
            "E156",
            "nothing stands after this comma",
            failure.index - 1,
            "delete the comma, or write what follows",
        )
    return None


def missing_item(failure: Failure) -> Diagnostic | None:
    """`f(, a)`, `[a,, b]`."""
    if failure.current == "COMMA" and failure.previous in ("LPAR", "LSQB", "COMMA"):
        return failure.error(
            "E159",
            "nothing stands before this comma",
            failure.index,
            "delete the comma, or write what precedes it",
        )
    return None


def comma_outside(failure: Failure) -> Diagnostic | None:
    """`x = a, b`, `(a, b)`."""
    if failure.current != "COMMA" or not failure.ends_operand(failure.index - 1):
        return None
    if failure.bracket < 0:
        help_text = "write the rest as a metric of its own; a list of values stands in [ ]"
        if failure.start == "expr":
            help_text = "conditions are joined with `and`; a list of values stands in [ ]"
        return failure.error("E181", "a comma has no meaning here", failure.index, help_text)
    if failure.kind(failure.bracket) == "LPAR" and not failure.is_operand(failure.bracket - 1):
        return failure.error(
            "E181",
            "round brackets hold one expression",
            failure.index,
            "write a list in square brackets: `[a, b]`",
        )
    return None


def missing_comma(failure: Failure) -> Diagnostic | None:
    """`f(a b)`, `[a b]`."""
    if (
        failure.wants_operator
        and "COMMA" in failure.accepted
        and failure.bracket >= 0
        and failure.is_operand(failure.index)
    ):
        before = failure.index - 1
        what = f"a comma or an operator is missing after {failure.shown(before)}"
        help_text = f"write `{failure.text(before)}, {failure.text(failure.index)}` for two values"
        return failure.error("E155", what, failure.index, help_text)
    return None
