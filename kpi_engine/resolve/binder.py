"""What both levels of expressions offer: rows inside an aggregate, and metrics outside."""

from __future__ import annotations

from typing import Literal, Protocol

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Note
from kpi_engine.ir.expression import Constant, Expression
from kpi_engine.ir.types import Kind
from kpi_engine.resolve.problems import problem
from kpi_engine.resolve.units import TypeMismatchError, spoken
from kpi_engine.resolve.world import World

Form = Literal["percent", "points", ""]


class Binder(Protocol):
    """Binds trees of one level. A column of a table out of reach is of the type null, which fits everything."""

    world: World
    on_rows: bool

    def bind(self, node: tree.Expr) -> Expression:
        """The bound form of a tree, or a failure."""

    def form(self, value: Expression) -> Form:
        """Whether a value is shown as a percentage or in points."""

    def notes(self, value: Expression) -> list[Note]:
        """Where the parts of a value are defined, for messages about its type."""


def bind_condition(binder: Binder, node: tree.Expr, word: str) -> Expression:
    """Something true or false, wanted by `word` (where, having, and, case ...)."""
    bound = binder.bind(node)
    if bound.type.kind is Kind.BOOLEAN or is_unknown(bound):
        return bound
    if bound.type.kind is Kind.NULL:
        raise problem("E308", f"`{word}` takes a condition, and this is null", node.span, "write true or false")
    example = {Kind.TEXT: '= "..."', Kind.DATE: ">= 2027-01", Kind.TIMESTAMP: ">= 2027-01"}
    text = " ".join(node.span.text.split()) or "x"
    raise problem(
        "E308",
        f"`{word}` takes a condition, but this is {spoken(bound.type)}",
        node.span,
        f"compare it: `{text} {example.get(bound.type.kind, '> 0')}`" if len(text) < 60 else "compare it",
    )


def is_unknown(value: Expression) -> bool:
    """Whether a value is of a type that is not known before its table is read."""
    return value.type.kind is Kind.NULL and not isinstance(value, Constant)


def refuse(error: TypeMismatchError, binder: Binder, node: tree.Node, *values: Expression) -> Exception:
    """The failure for types that do not go together, with the places of the values' definitions."""
    notes = [note for value in values for note in binder.notes(value)]
    return problem(error.code, error.message, node.span, error.help, notes)
