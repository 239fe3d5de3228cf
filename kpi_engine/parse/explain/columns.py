"""Mistakes in `column` lines."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.parse.explain.failure import Failure

_FORM = 'column NAME: TYPE -> REFERENCE from "physical name", or column NAME: TYPE = expression'
_WITHOUT_COLUMNS = {
    "NAME": "a metric", "OVERRIDE": "an override", "DIMENSION": "a dimension", "GOAL": "a goal", "ALERT": "an alert",
    "USE": "`use`", "CALENDAR": "the calendar",
}  # fmt: skip


def columns_not_allowed(failure: Failure) -> Diagnostic | None:
    """A column under a metric."""
    index = failure.index
    if failure.text(index) != "column" or not failure.starts_line(index) or not index or failure.opened:
        return None
    if failure.kind(index + 1) not in ("KEY", "NAME") or failure.wants_operand:
        return None
    what = _WITHOUT_COLUMNS.get(failure.kind(0))
    if what is None:
        return None
    help_text = "columns belong to sources: write the line under `source`, `entity`, `grain` or `map`"
    return failure.error("E142", f"{what} has no columns", index, help_text)


def missing_type(failure: Failure) -> Diagnostic | None:
    """`column total decimal`, `column total:`."""
    index, item = failure.index, failure.item
    if failure.kind(item) != "COLUMN" or "EQ" in failure.tokens.types[item:index]:
        return None
    name, word = failure.text(item + 1), item + 2
    is_name_and_word = failure.kind(item + 1) == failure.kind(word) == "NAME" and not failure.starts_line(word)
    if is_name_and_word and (index == word or (index == word + 1 and failure.accepted == {"EQ"})):
        help_text = f"write `column {name}: {failure.text(word)}`"
        return failure.error("E172", f"a colon is missing after `{name}`", item + 1, help_text)
    if index == item + 3 and failure.previous == "COLON":
        what = f"the type of column `{name}` is missing"
        return failure.error("E172", what, item + 1, f"write, for example, `column {name}: text`")
    if index == item + 1:
        return failure.error("E172", "this column has no name", item, f"columns are written `{_FORM}`")
    return None


def type_parameter(failure: Failure) -> Diagnostic | None:
    """`column total: decimal(10, 2)`."""
    index, item = failure.index, failure.item
    if failure.kind(item) != "COLUMN" or index < item + 5 or index > item + 6 or failure.kind(item + 4) != "LPAR":
        return None
    name = failure.text(item + 3)
    help_text = (
        f"write `{name}`: its digits are kept as they come"
        if failure.current in ("NUMBER", "COMMA")
        else ("types are text, integer, decimal, boolean, date, timestamp, duration, currency(CNY)")
    )
    return failure.error("E174", f"the type `{name}` takes no such parameter", index, help_text)


def alias_without_reference(failure: Failure) -> Diagnostic | None:
    """`column buyer_id: text as buyer`."""
    for index in (failure.index, failure.index - 1):
        if failure.word(index) == "as" and index > failure.item + 1 and failure.kind(failure.item) == "COLUMN":
            help_text = "`as` names a reference: `column buyer_id: text -> customers as buyer`"
            return failure.error("E150", "a column gets no name by `as`", index, help_text)
    return None


def unquoted_origin(failure: Failure) -> Diagnostic | None:
    """`column total: decimal from st_total`."""
    if (
        failure.previous in ("FROM", "FORMAT")
        and failure.accepted == {"STRING"}
        and failure.kind(failure.item) == "COLUMN"
    ):
        word = failure.text(failure.index - 1)
        name = failure.text(failure.index)
        help_text = f'write `{word} "{name}"`' if failure.is_operand(failure.index) else f'write `{word} "..."`'
        return failure.error("E173", f"a text must stand after `{word}`", failure.index, help_text)
    return None
