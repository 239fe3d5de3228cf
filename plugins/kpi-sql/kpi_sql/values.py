"""SQL as nodes: values with what is known of them, and the parameters that carry every text, number and date."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from sqlglot import exp

from kpi_sql.stored import SqlKind

Plain = str | int | float | bool | datetime.date | Sequence[datetime.date]
"""What is bound to a parameter (a `datetime` is a `date`, too): everything else is bound as a text, and cast by the
database."""


class NotPushed(Exception):
    """Why something must be made of rows, in words that follow "because"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Binder:
    """The parameters of one statement, numbered from 1."""

    values: list[Plain] = field(default_factory=list)

    def bind(self, value: Plain) -> exp.Expr:
        """A new parameter."""
        self.values.append(value)
        return exp.Parameter(this=exp.Literal.number(len(self.values)))


@dataclass(frozen=True, slots=True)
class Value:
    """A node and what it holds. Decimals have a `scale` and, where it is bounded, a `precision`.

    `constant` is the value of a literal, so that it can be given in another kind. `stored` is a time as it is stored,
    where `node` is something that is made of it: what an index can serve.
    """

    node: exp.Expr
    kind: SqlKind
    precision: int | None = None
    scale: int = 0
    zone: str = "UTC"
    constant: object = None
    stored: exp.Expr | None = None

    def with_node(self, node: exp.Expr) -> Value:
        """The same kind of value, made by another node."""
        return replace(self, node=node, constant=None, stored=None)


def cast(node: exp.Expr, type: str) -> exp.Expr:
    """`CAST(node AS type)`."""
    return exp.Cast(this=node, to=_type(type))


@cache
def _type(name: str) -> exp.DataType:
    """Types are parsed once; a statement with thousands of edges has as many casts."""
    return exp.DataType.build(name)


def decimal_type(precision: int, scale: int) -> exp.DataType:
    """`DECIMAL(precision, scale)`."""
    parameters = [exp.DataTypeParam(this=exp.Literal.number(number)) for number in (precision, scale)]
    return exp.DataType(this=exp.DataType.Type.DECIMAL, expressions=parameters)


def call(name: str, *arguments: exp.Expr) -> exp.Expr:
    """A function of the database, called by its own name."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def wrapped(node: exp.Expr) -> exp.Expr:
    """A node in parentheses unless it needs none."""
    plain = (exp.Column, exp.Parameter, exp.Cast, exp.Anonymous, exp.Case, exp.Paren, exp.Literal, exp.Func, exp.Null)
    # `And` and `Or` are functions, too, in sqlglot's classes.
    return node if isinstance(node, plain) and not isinstance(node, exp.Binary) else exp.Paren(this=node)


def case(arms: Sequence[tuple[exp.Expr, exp.Expr]], default: exp.Expr | None = None) -> exp.Case:
    """`CASE WHEN ... THEN ... ELSE ... END`."""
    return exp.Case(ifs=[exp.If(this=test, true=value) for test, value in arms], default=default)


def operator(made: type[exp.Binary], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """A binary operator between nodes that are parenthesized where they must be."""
    return made(this=wrapped(left), expression=wrapped(right))


def number(value: int) -> exp.Expr:
    """A number of ours, such as that of a bucket; never one of the user's."""
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def named(name: str, table: str = "") -> exp.Column:
    """A column, its name quoted."""
    return exp.column(
        exp.to_identifier(name, quoted=True), table=exp.to_identifier(table, quoted=True) if table else None
    )


def used(node: exp.Expr, binder: Binder) -> tuple[Plain, ...]:
    """The parameters that a statement holds, which are numbered anew: a database refuses those that it does not know.

    >>> binder = Binder()
    >>> unused, kept = binder.bind(1), binder.bind(2)
    >>> used(kept, binder), kept.sql("postgres")
    ((2,), '$1')
    """
    values: list[Plain] = []
    numbers: dict[int, int] = {}
    for parameter in {id(each): each for each in node.find_all(exp.Parameter)}.values():
        old = int(parameter.this.this)
        if old not in numbers:
            values.append(binder.values[old - 1])
            numbers[old] = len(values)
        parameter.set("this", exp.Literal.number(numbers[old]))
    return tuple(values)
