"""What expected numbers are made of: SQL aggregates over windows, and the arithmetic between them.

Nothing in these modules reads the definitions: every metric is written again from its description.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

EVERYTHING = ("*",)
"""`without` all dimensions, whichever they are."""


@dataclass(frozen=True)
class Leaf:
    """One aggregate: `empty` is its value where no row is, `without` the dimensions that it ignores."""

    table: str
    aggregate: str
    where: str = "true"
    empty: str = "null"
    day: str = "day"
    window: str = "this"
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alive:
    """How many lifetimes are open at one end of the period: begun before it, not ended before it."""

    table: str
    at: Literal["start", "end"]


@dataclass(frozen=True)
class Keyed:
    """One aggregate over groups of a key: `outer` reads `value`, of the keys for which `having` is true.

    The keys of a period and group are those with a row of any leaf inside; a null key is none.
    """

    key: str
    outer: str
    value: Formula
    having: Formula | None = None
    empty: str = "null"


@dataclass(frozen=True)
class Op:
    """SQL with `{0}`, `{1}`... for its operands."""

    sql: str
    operands: tuple[Formula, ...]


Term = Leaf | Alive | Keyed
Formula = Term | Op


def total(table: str, expression: str, where: str = "true", day: str = "day") -> Leaf:
    """A sum: 0 where there are no rows."""
    return Leaf(table, f"sum({expression})", where, "0", day)


def count(table: str, where: str = "true", expression: str = "*", day: str = "day") -> Leaf:
    """A count: 0 where there are no rows."""
    return Leaf(table, f"count({expression})", where, "0", day)


def ratio(numerator: Formula, denominator: Formula) -> Op:
    """A quotient as a double; null if the denominator is 0 or null."""
    return Op("({0})::double / nullif(({1})::double, 0)", (numerator, denominator))


def share(table: str, where: str, among: str = "true") -> Op:
    """Rows with `where` per row with `among`."""
    return ratio(count(table, where), count(table, among))


def minus(left: Formula, right: Formula) -> Op:
    """A difference."""
    return Op("({0}) - ({1})", (left, right))


def over(window: str, formula: Formula) -> Formula:
    """The formula on another window."""
    match formula:
        case Leaf():
            return replace(formula, window=window)
        case Op():
            return Op(formula.sql, tuple(over(window, operand) for operand in formula.operands))
    raise TypeError(f"{type(formula).__name__} has its windows inside")


def without(formula: Leaf, *dimensions: str) -> Leaf:
    """The aggregate without some dimensions of the question."""
    return replace(formula, without=dimensions)


def growth(now: Formula, then: Formula) -> Op:
    """now / then - 1."""
    return Op("({0})::double / nullif(({1})::double, 0) - 1", (now, then))


def count_having(key: str, sql: str, *operands: Formula) -> Keyed:
    """How many keys meet a condition."""
    return Keyed(key, "count(*)", operands[0], Op(sql, operands), "0")


def terms(formula: Formula) -> tuple[Term, ...]:
    """Every aggregate of a formula, each once, in the order of its text."""
    if isinstance(formula, Op):
        return tuple(dict.fromkeys(term for operand in formula.operands for term in terms(operand)))
    return (formula,)


def insides(keyed: Keyed) -> tuple[Leaf, ...]:
    """The leaves inside an aggregate over keys."""
    formulas = [keyed.value] if keyed.having is None else [keyed.value, keyed.having]
    inner = dict.fromkeys(term for formula in formulas for term in terms(formula))
    return tuple(term for term in inner if isinstance(term, Leaf))


def tables(formula: Formula) -> Iterator[tuple[str, bool]]:
    """The tables that a formula reads, and whether they are split by the dimensions of the question."""
    for term in terms(formula):
        match term:
            case Leaf():
                yield term.table, term.without != EVERYTHING
            case Alive():
                yield term.table, True
            case Keyed():
                yield from ((leaf.table, True) for leaf in insides(term))
