"""Words and signs that other languages have, or that stand in the wrong place."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic, nearest
from kpi_engine.parse.explain.failure import Failure
from kpi_engine.parse.table import load_table
from kpi_engine.parse.words import OPERATORS, STATEMENTS

_CONNECTING = {
    "AND": "and", "OR": "or", "WHERE": "where", "PER": "per", "HAVING": "having", "DATED_BY": "dated",
    "FOLLOWED_BY": "followed", "WITHIN": "within", "WHEN": "when", "THEN": "then", "ELSE": "else", "POINTS": "points",
    "DURING": "during", "VERSUS": "versus",
}  # fmt: skip
_AGGREGATES = frozenset(
    ["count", "sum", "avg", "min", "max", "median", "percentile", "weighted_avg", "stddev", "variance", "first", "last"]
)
_MODIFIERS = {
    "distinct": "count(distinct visitors)",
    "approx": "count(approx distinct visitors)",
    "all": "count(all customers having ...)",
}


def capital_letters(failure: Failure) -> Diagnostic | None:
    """`count(orders WHERE is_valid)`."""
    for index in (failure.index, failure.index - 1):
        text, word = failure.text(index), failure.word(index)
        if text != word and failure.kind(index) == "NAME" and _is_keyword(word) and _would_fit(failure, index):
            return failure.error("E127", f"`{text}` is written in small letters", index, f"write `{word}`")
    return None


def _is_keyword(word: str) -> bool:
    return word in load_table().keywords or word == "is"


def _would_fit(failure: Failure, index: int) -> bool:
    keyword = load_table().keywords.get(failure.word(index), "IS")
    if index == failure.index:
        return keyword in failure.accepted or (keyword in ("IS", "NOT") and failure.wants_operator)
    return (index == 0 and failure.index == 1) or keyword in ("NOT", "CASE")


def count_star(failure: Failure) -> Diagnostic | None:
    """`count(*)`."""
    if failure.text(failure.index) == "*" and failure.previous == "LPAR" and failure.kind(failure.index + 1) == "RPAR":
        return failure.error(
            "E154",
            "`*` names no rows",
            failure.index,
            "write the source whose rows are counted: `count(orders)`",
        )
    return None


def call_without_brackets(failure: Failure) -> Diagnostic | None:
    """`count distinct visitors`, `sum total`."""
    name = failure.word(failure.index - 1)
    if (
        name in _AGGREGATES
        and failure.wants_operator
        and failure.is_operand(failure.index)
        and not failure.starts_line(failure.index)
    ):
        last = failure.index
        while failure.is_operand(last + 1) and not failure.starts_line(last + 1) and failure.word(last) in _MODIFIERS:
            last += 1
        while failure.text(last + 1) == "." and failure.is_operand(last + 2):
            last += 2
        help_text = f"write `{name}({failure.span(failure.index, last).text})`"
        return failure.error("E194", f"the brackets of `{name}` are missing", failure.index - 1, help_text)
    return None


def misplaced_modifier(failure: Failure) -> Diagnostic | None:
    """`distinct visitors` outside an aggregate, `count(distinct approx x)`."""
    if not failure.wants_operator or not (failure.is_operand(failure.index) or failure.current == "CASE"):
        return None
    for index in (failure.index, failure.index - 1):
        word = failure.text(index)
        if word in _MODIFIERS and not failure.starts_line(index):
            help_text = f"write, for example, `{_MODIFIERS[word]}`"
            what = f"`{word}` stands first in the brackets of an aggregate"
            return failure.error("E187", what, index, help_text)
    return None


def is_needs_null(failure: Failure) -> Diagnostic | None:
    """`x is 5`, `x not null`."""
    if failure.current == "IS":
        help_text = "write `=` or `!=` to compare; `is null` and `is not null` test for a missing value"
        return failure.error("E176", "`is` stands only before `null` and `not null`", failure.index, help_text)
    if failure.current == "NOT" and failure.kind(failure.index + 1) == "NULL" and failure.wants_operator:
        return failure.error("E176", "`not null` needs an `is`", failure.index, "write `is not null`")
    return None


def word_operator(failure: Failure) -> Diagnostic | None:
    """`x like "a%"`, `x between a and b`."""
    for index in (failure.index, failure.index + 1):
        word = failure.word(index)
        if word in OPERATORS and failure.wants_operator and (index == failure.index or failure.current == "NOT"):
            return failure.error("E151", f"`{failure.text(index)}` is not an operator", index, OPERATORS[word])
    return None


def clause_of_sql(failure: Failure) -> Diagnostic | None:
    """`... group by channel` after an expression, `select` in one."""
    if not failure.wants_operator or failure.current == "KEY":
        return None
    for index in (failure.index, failure.index - 1):
        word = failure.word(index)
        is_meant = index == failure.index or (word == "select" and failure.is_operand(failure.index))
        if word in STATEMENTS and is_meant:
            return failure.error("E149", f"`{failure.text(index)}` is SQL", index, STATEMENTS[word])
    return None


def alias(failure: Failure) -> Diagnostic | None:
    """`sum(x) as y`."""
    if failure.word(failure.index) == "as" and failure.wants_operator:
        name = failure.text(failure.index + 1) or "name"
        return failure.error(
            "E150", "an expression gets no name by `as`", failure.index, f"write `{name} = ...` in column 1"
        )
    return None


def misspelt_word(failure: Failure) -> Diagnostic | None:
    """`count(orders wher is_valid)`."""
    if not failure.wants_operator or failure.current != "NAME" or failure.starts_line(failure.index):
        return None
    known = [word for terminal, word in _CONNECTING.items() if terminal in failure.accepted]
    near = nearest(failure.word(failure.index), known) if len(failure.word(failure.index)) > 2 else []
    if not near:
        return None
    what = f"`{failure.text(failure.index)}` is no word of the language"
    return failure.error("E195", what, failure.index, f"did you mean `{near[0]}`?")


def stray_sign(failure: Failure) -> Diagnostic | None:
    """`->` or `:` where they have no meaning."""
    if failure.current == "ARROW":
        return failure.error("E190", "`->` has no meaning here", failure.index, _help_for_arrow(failure))
    if failure.current == "KEY" and failure.start == "expr":
        help_text = f"compare with `=`: `{failure.text(failure.index)} = ...`"
        return failure.error("E190", "this colon has no meaning here", failure.index + 1, help_text)
    if failure.current == "COLON":
        help_text = "a colon stands after the name of a property, in a line of its own: `unit: percent`"
        return failure.error("E190", "this colon has no meaning here", failure.index, help_text)
    return None


def remainder(failure: Failure) -> Diagnostic | None:
    """`a % b`: the sign alone is refused before; here it stuck to the number before it."""
    if failure.previous == "PERCENT" and failure.is_operand(failure.index) and not failure.starts_line(failure.index):
        what = f"`%` makes a percentage of {failure.text(failure.index - 1)}"
        return failure.error("E128", what, failure.index - 1, "the remainder of a division is `a - b * floor(a / b)`")
    return None


def _help_for_arrow(failure: Failure) -> str:
    """Where the reference of a column stands: behind its formula is a place that people try."""
    first = next(at for at in range(failure.index, -1, -1) if at == 0 or _begins_item(failure, at))
    target = failure.text(failure.index + 1)
    if failure.kind(first) == "COLUMN" and target.isidentifier():
        return f"the reference stands before the formula: `column {failure.text(first + 1)}: ... -> {target} = ...`"
    return "`->` declares a reference: `column customer_id: text -> customers`"


def _begins_item(failure: Failure, index: int) -> bool:
    return failure.starts_line(index) and failure.ends_item(index)
