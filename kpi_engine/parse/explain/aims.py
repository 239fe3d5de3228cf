"""Mistakes in the aim line of a goal."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic, nearest
from kpi_engine.parse.explain.failure import Failure

_CHANGE = "increase revenue by 10% during 2027-Q1"
_AIMS = frozenset(["INCREASE", "DECREASE", "KEEP"])


def goal_without_aim(failure: Failure) -> Diagnostic | None:
    """`goal more_sales` without `increase`, `decrease` or `keep`."""
    if failure.kind(0) != "GOAL" or not failure.accepted >= _AIMS or "KEY" not in failure.accepted or failure.index < 2:
        return None
    word = failure.word(failure.index)
    near = nearest(word, ["increase", "decrease", "keep"]) if word else []
    if near:
        return failure.error("E144", f"`{word}` is no aim", failure.index, f"did you mean `{near[0]}`?")
    if failure.index >= len(failure.tokens.types):
        help_text = f"write it in a line of its own: `{_CHANGE}`"
        return failure.error("E144", "this goal has no aim", failure.span(0, 1), help_text)
    return failure.error(
        "E144",
        "the aim of a goal begins with increase, decrease or keep",
        failure.index,
        f"write, for example, `{_CHANGE}`",
    )


def second_aim(failure: Failure) -> Diagnostic | None:
    """Two aim lines under one goal."""
    is_aim = failure.text(failure.index) in ("increase", "decrease", "keep") and failure.starts_line(failure.index)
    if failure.kind(0) != "GOAL" or not is_aim or _AIMS & failure.accepted:
        return None
    return failure.error("E147", "a goal has one aim", failure.index, "write a second goal for it")


def amount(failure: Failure) -> Diagnostic | None:
    """`increase revenue during 2027`, `increase revenue by a lot`."""
    if not _in_aim(failure):
        return None
    word = failure.text(failure.index - 1)
    if failure.kind(failure.index - 2) in _AIMS and word in ("by", "during"):
        what = f"this aim says nothing before `{word}`"
        return failure.error("E145", what, failure.index - 1, f"write, for example, `{_CHANGE}`")
    if "BY" in failure.accepted and (
        failure.ends_item(failure.index) or failure.word(failure.index) in ("during", "to", "versus")
    ):
        help_text = f"say by how much: `{_CHANGE}`"
        if failure.word(failure.index) == "to":
            help_text = "an aim says by how much; a fixed value is `keep revenue >= 1000000 during 2027-Q1`"
        return failure.error("E145", "this aim does not say by how much", _here(failure), help_text)
    if failure.previous == "BY" and "PERCENT" in failure.accepted:
        return failure.error(
            "E145",
            "an amount must stand after `by`",
            _here(failure),
            "write 10%, 2 points, 2% relative, 500 or 3 hours",
        )
    return None


def span(failure: Failure) -> Diagnostic | None:
    """`increase revenue by 10%`, `... during spring`, `during next quarter`."""
    if not _in_aim(failure):
        return None
    if failure.previous == "DURING":
        help_text = "write 2027, 2027-Q1, 2027-03, `next quarter from 2027-01-15` or `every week`"
        return failure.error("E146", "a period must stand after `during`", _here(failure), help_text)
    if failure.accepted == {"FROM"} or failure.previous == "FROM":
        grain = failure.text(failure.index - 1 if failure.previous != "FROM" else failure.index - 2)
        help_text = f'a file has no "now": write `next {grain} from 2026-11-22`'
        return failure.error("E146", f"`next {grain}` does not say from when", _here(failure), help_text)
    if "DURING" in failure.accepted and (
        failure.ends_item(failure.index) or failure.word(failure.index) in ("in", "for", "versus", "within", "until")
    ):
        return failure.error(
            "E146",
            "this aim does not say during which period",
            _here(failure),
            f"write, for example, `{_CHANGE}`",
        )
    return None


def baseline(failure: Failure) -> Diagnostic | None:
    """`... versus last year`."""
    if _in_aim(failure) and (failure.previous == "VERSUS" or failure.accepted == {"EARLIER"}):
        help_text = "write `versus previous`, `versus 2026-Q1` or `versus 1 year earlier`"
        return failure.error("E186", "this is no baseline to compare with", _here(failure), help_text)
    return None


def _in_aim(failure: Failure) -> bool:
    if failure.kind(0) not in ("GOAL", *_AIMS) or failure.opened:
        return False
    return any(failure.kind(i) in _AIMS for i in range(failure.index))


def _here(failure: Failure) -> int:
    return failure.index - 1 if failure.ends_item(failure.index) else failure.index
