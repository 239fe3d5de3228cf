"""Mistakes in the indented lines under a declaration."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic, nearest
from kpi_engine.parse.explain.failure import Failure
from kpi_engine.parse.words import PROPERTIES

_RESERVED_PROPERTIES = (("WHEN", "ALERT"), ("WHERE", "SOURCE"))


def aim_outside_goal(failure: Failure) -> Diagnostic | None:
    """`increase revenue by 10%` under something that is no goal."""
    word = failure.text(failure.index)
    if word not in ("increase", "decrease", "keep") or not failure.starts_line(failure.index) or not failure.index:
        return None
    if failure.kind(0) == "GOAL" or failure.kind(failure.index + 1) != "NAME":
        return None
    return failure.error("E185", f"`{word}` is the aim of a goal", failure.index, "write it under a `goal name`")


def property_without_colon(failure: Failure) -> Diagnostic | None:
    """`unit percent` or `unit = percent`."""
    index = failure.index
    if failure.current == "EQ" and failure.starts_line(index - 1) and index > 1:
        index -= 1
    if not failure.starts_line(index) or not 0 < index < len(failure.tokens.types) or failure.opened:
        return None
    word = failure.text(index)
    if not (failure.is_operand(index) or (failure.kind(index), failure.kind(0)) in _RESERVED_PROPERTIES):
        return None
    if failure.kind(index + 1) == "EQ":
        if word in PROPERTIES or (len(word) > 3 and nearest(word, PROPERTIES)):
            return failure.error("E161", "a property is written with a colon", index + 1, f"write `{word}: ...`")
        help_text = f"a new metric begins in column 1; a property is written `{word}: ...`"
        return failure.error("E161", f"`{word} =` cannot stand in an indented line", index, help_text)
    near = nearest(word, PROPERTIES)
    if near and failure.is_operand(index + 1) and not failure.starts_line(index + 1):
        meant = "" if near[0] == word else f"did you mean `{near[0]}`? "
        return failure.error("E161", f"a colon is missing after `{word}`", index, f"{meant}write `{near[0]}: ...`")
    return None


def empty_property(failure: Failure) -> Diagnostic | None:
    """`unit:` and nothing behind it."""
    key = failure.index - 2
    if failure.previous != "COLON" or failure.kind(key) != "KEY" or not failure.ends_item(failure.index):
        return None
    if not failure.wants_operand:
        return None
    word = failure.text(key)
    help_text = f"write `{word}: ...`, or delete the line"
    return failure.error("E160", f"the property `{word}` has no value", failure.span(key, key + 1), help_text)


def empty_expression(failure: Failure) -> Diagnostic | None:
    """`x =` and nothing behind it."""
    if not failure.defines(failure.index - 1) or not failure.ends_item(failure.index) or not failure.wants_operand:
        return None
    before = failure.index - 2
    name = failure.text(before)
    help_text = f"write `{name} = ...`, in one line or with the following lines indented"
    return failure.error("E134", f"nothing stands after `{name} =`", failure.index - 1, help_text)
