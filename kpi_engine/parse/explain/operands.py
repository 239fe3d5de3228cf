"""Values without an operator between them, operators without a value, and what no other explanation fits."""

from __future__ import annotations

import re

from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.parse.explain.failure import OPERATORS, Failure
from kpi_engine.parse.table import END
from kpi_engine.parse.words import CLAUSES

_BINARY = OPERATORS | {"NOT"}
_SUFFIXES = frozenset(CLAUSES) | {"IS_NULL", "IS_NOT_NULL"}
_SHOWN = {
    "NAME": "a name", "NUMBER": "a number", "STRING": "a text", "KEY": "a property", "MULDIV": "an operator",
    "DURATION": "a duration", "PERIOD": "a period", "EQ": "`=`", "COMMA": "`,`", "RPAR": "`)`", "RSQB": "`]`",
    "LPAR": "`(`", "COLON": "`:`", "TO": "`to`", "BY": "`by`", "DURING": "`during`", "FROM": "`from`",
    "WHERE": "a clause such as `where`", "COLUMN": "a column", "END": "`end`", "THEN": "`then`",
    END: "the end",
}  # fmt: skip


def comparison_chain(failure: Failure) -> Diagnostic | None:
    """`a = b = c`, `0 < x < 10`."""
    if failure.current in ("EQ", "CMP") and failure.wants_operator:
        help_text = "compare two values at a time: `a < b and b < c`"
        return failure.error("E135", "comparisons do not chain", failure.index, help_text)
    return None


def doubled_operator(failure: Failure) -> Diagnostic | None:
    """`a * / b`, `a and or b`."""
    if failure.previous not in _BINARY or failure.defines(failure.index - 1):
        return None
    if failure.current in OPERATORS and failure.wants_operand:
        place = failure.span(failure.index - 1, failure.index)
        return failure.error(
            "E158",
            "a value is missing between these operators",
            place,
            "write a value between them, or delete one",
        )
    return None


def reserved_name(failure: Failure) -> Diagnostic | None:
    """`entity where`, `orders.when`: where nothing but a name can stand."""
    if not failure.is_reserved or "NAME" not in failure.accepted or failure.wants_operand:
        return None
    word = failure.text(failure.index)
    what = f"`{word}` is a word of the language and no name"
    return failure.error("E148", what, failure.index, f"write `` `{word}` `` in backticks")


def reserved_as_name(failure: Failure) -> Diagnostic | None:
    """`sum(when)`: what follows shows that a name was meant."""
    follows = failure.kind(failure.index + 1)
    alone = follows in OPERATORS or follows in ("RPAR", "RSQB", "COMMA") or failure.ends_item(failure.index + 1)
    if failure.is_reserved and failure.wants_operand and alone and failure.previous not in OPERATORS - {"EQ"}:
        return _reserved(failure)
    return None


def missing_operand(failure: Failure) -> Diagnostic | None:
    """`a +` at the end, `* a` at the beginning."""
    if not failure.wants_operand:
        return None
    over = failure.current in ("RPAR", "RSQB", "COMMA", "THEN", "ELSE", "WHEN") or failure.current in CLAUSES
    if (over and failure.previous in _BINARY) or failure.ends_item(failure.index):
        sign = failure.text(failure.index - 1)
        return failure.error(
            "E157",
            f"nothing stands after `{sign}`",
            failure.index - 1,
            f"write a value after `{sign}`, or delete it",
        )
    if failure.current in OPERATORS or failure.current in _SUFFIXES:
        sign = " ".join(failure.text(failure.index).split())
        return failure.error(
            "E157",
            f"nothing stands before `{sign}`",
            failure.index,
            f"write a value before `{sign}`, or delete it",
        )
    return None


def missing_name(failure: Failure) -> Diagnostic | None:
    """`use sales as`, `column a: text ->`."""
    if failure.accepted == {"NAME"} and failure.previous not in ("DOT", "") and failure.index > 1:
        before = " ".join(failure.text(failure.index - 1).split())
        place = (
            failure.index - 1
            if failure.ends_item(failure.index) or failure.starts_line(failure.index)
            else failure.index
        )
        return failure.error("E193", f"a name must stand after `{before}`", place, f"write `{before} name`")
    return None


def name_after_point(failure: Failure) -> Diagnostic | None:
    """`orders.`, `orders.when`."""
    if failure.current == "DOT" and failure.previous == "NUMBER":
        number = failure.text(failure.index - 1)
        return failure.error(
            "E182", "digits must stand after the point", failure.index, f"write {number} or {number}.0"
        )
    if failure.previous == "DOT" and failure.accepted == {"NAME"}:
        return failure.error(
            "E182",
            "a name must stand after the point",
            failure.index - 1,
            "write, for example, `orders.total`",
        )
    if failure.current == "DOT":
        return failure.error(
            "E182", "a name must stand before the point", failure.index, "write, for example, `orders.total`"
        )
    return None


def two_texts(failure: Failure) -> Diagnostic | None:
    """`"a" "b"` outside a property."""
    if failure.previous == failure.current == "STRING":
        help_text = "write one text, or `concat(a, b)`; only after `word:` do texts side by side make one"
        return failure.error("E138", "two texts stand side by side", failure.index, help_text)
    return None


def reserved_word(failure: Failure) -> Diagnostic | None:
    """`f(then b)`: a word of the language where a value is meant."""
    return _reserved(failure) if failure.is_reserved and failure.wants_operand else None


def _reserved(failure: Failure) -> Diagnostic:
    word = failure.text(failure.index)
    what = f"`{word}` is a word of the language and no name"
    return failure.error("E148", what, failure.index, f"write a value, or `` `{word}` `` in backticks for the name")


def missing_operator(failure: Failure) -> Diagnostic | None:
    """`x = a b`."""
    if failure.wants_operator and (
        failure.is_operand(failure.index) or failure.current in ("LPAR", "LSQB", "CASE", "NOT")
    ):
        before = failure.shown(failure.index - 1)
        what = f"an operator is missing between {before} and {failure.shown(failure.index)}"
        help_text = "write + - * / or a comparison between them"
        if failure.start != "expr":
            help_text += "; a new declaration begins in column 1"
        if failure.word(failure.index) == "by":
            help_text = "dimensions are asked for in the question: `kpi eval revenue --by channel --grain month`"
        if failure.previous == "NUMBER" and re.fullmatch("[A-Z]{3}", failure.text(failure.index)):
            help_text = f"write the number alone; a column has a currency: `currency({failure.text(failure.index)})`"
        if failure.current == "NOT":
            help_text = "`not` stands before what it negates: `not a`, or in `a not in [b, c]`, `a is not null`"
        return failure.error("E183", what, failure.index, help_text)
    return None


def anything_else(failure: Failure) -> Diagnostic:
    """What no other explanation fits: names what could stand here."""
    wanted = [shown for terminal, shown in _SHOWN.items() if terminal in failure.accepted]
    if failure.wants_operand:
        wanted = ["a value"]
    choices = ", ".join(wanted[:-1]) + (" or " if len(wanted) > 1 else "") + wanted[-1] if wanted else "nothing more"
    return failure.error(
        "E199", f"{failure.shown(failure.index)} cannot stand here", failure.index, f"expected {choices}"
    )
