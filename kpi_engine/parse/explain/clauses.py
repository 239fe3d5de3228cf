"""Mistakes in the clauses of an aggregate: `where`, `per`, `having`, `followed by`, `within` and the others."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic, nearest
from kpi_engine.parse.explain.failure import OPERATORS, Failure
from kpi_engine.parse.misspelt import unknown_unit as unit_diagnostic
from kpi_engine.parse.words import CLAUSES, UNITS

_UNITS = (*UNITS, *(f"{unit}s" for unit in UNITS))
_EXAMPLES = {
    "WHERE": "count(orders where is_valid)",
    "PER": "avg(revenue per day)",
    "HAVING": "count(customers having order_count > 1)",
    "DATED_BY": "count(tickets dated by closed_at)",
    "ON": "count(visits followed by orders on visitor within 1 day)",
    "FOLLOWED_BY": "count(visits followed by orders within 1 day)",
    "NOT_FOLLOWED_BY": "count(carts not followed by orders within 1 day)",
}


def unknown_unit(failure: Failure) -> Diagnostic | None:
    """`rolling(x, 7 dyas)`."""
    word = "" if failure.starts_line(failure.index) else failure.word(failure.index)
    if failure.previous == "NUMBER" and word and nearest(word, _UNITS):
        return unit_diagnostic(failure.span(failure.index))
    return None


def within_without_duration(failure: Failure) -> Diagnostic | None:
    """`within 7`, `within a week`."""
    if failure.previous != "WITHIN":
        return None
    if failure.current == "NUMBER" and nearest(failure.word(failure.index + 1), _UNITS):
        return unit_diagnostic(failure.span(failure.index + 1))
    return failure.error(
        "E180", "a duration must stand after `within`", _here(failure), "write, for example, `within 7 days`"
    )


def followed_by_without_within(failure: Failure) -> Diagnostic | None:
    """`count(a followed by b)`."""
    if "WITHIN" not in failure.accepted or not (failure.current == "RPAR" or failure.current in CLAUSES):
        return None
    start = max(failure.bracket, 0)
    for index in range(failure.index - 1, start, -1):
        if failure.kind(index) == "WITHIN":
            return None
        if failure.kind(index) in ("FOLLOWED_BY", "NOT_FOLLOWED_BY"):
            phrase = CLAUSES[failure.kind(index)]
            if failure.current in ("WHERE", "ON"):
                help_text = f"the order is `{phrase} B on K where condition within 7 days`"
                return failure.error(
                    "E179",
                    f"`{failure.text(failure.index)}` stands too late in `{phrase}`",
                    failure.index,
                    help_text,
                )
            help_text = "say how soon: add, for example, `within 7 days`"
            return failure.error("E179", f"`{phrase}` has no `within`", index, help_text)
    return None


def empty_clause(failure: Failure) -> Diagnostic | None:
    """`count(orders where)`, `avg(revenue per "day")`."""
    if failure.previous not in _EXAMPLES:
        return None
    is_over = failure.current in (*CLAUSES, "RPAR", "RSQB", "COMMA") or failure.ends_item(failure.index)
    takes_name = failure.previous not in ("WHERE", "HAVING")
    if not (is_over or takes_name or failure.current in OPERATORS):
        return None
    word = CLAUSES[failure.previous]
    what = (
        f"nothing stands after `{word}`" if is_over else f"{failure.shown(failure.index)} cannot stand after `{word}`"
    )
    place = failure.index - 1 if is_over else failure.index
    return failure.error("E178", what, place, f"write, for example, `{_EXAMPLES[failure.previous]}`")


def outside_brackets(failure: Failure) -> Diagnostic | None:
    """`x = revenue where is_valid`."""
    if failure.current not in CLAUSES or not failure.wants_operator:
        return None
    word = CLAUSES[failure.current]
    help_text = f"write `count(orders {word} ...)`, or `(revenue {word} ...)` around a metric"
    if failure.bracket >= 0:
        help_text = f"close the bracket first, or write `(... {word} ...)` around the value"
    return failure.error("E177", f"`{word}` must stand in the brackets of what it belongs to", failure.index, help_text)


def _here(failure: Failure) -> int:
    return failure.index - 1 if failure.ends_item(failure.index) or failure.current == "RPAR" else failure.index
