"""The syntax tree below declarations: names, literals, expressions and clauses, as the author wrote them.

Chains of `and`/`or` are one node each, so that depth follows brackets and not length.
"""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal
from typing import Literal

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.span import NOWHERE, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Anything with a place. Places do not take part in comparisons: equal trees mean the same text."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


# ---------------------------------------------------------------------------------------------- names and literals


@dataclass(frozen=True, slots=True)
class Name(Node):
    """One word (NFC-normalised; backticks removed)."""

    text: str


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A dotted name as an expression: `orders.total`, `revenue`."""

    parts: tuple[Name, ...]

    @property
    def text(self) -> str:
        """The dotted text."""
        return ".".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """`1_000.5`. A whole number has no decimal point in `text`."""

    value: Decimal
    text: str = field(compare=False, default="")


@dataclass(frozen=True, slots=True)
class Percent(Node):
    """`2.5%`: `value` is the fraction 0.025."""

    value: Decimal
    text: str = field(compare=False, default="")


@dataclass(frozen=True, slots=True)
class Points(Node):
    """`2 points`."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class DurationLiteral(Node):
    """`7 days`: the amount and the singular unit; as an argument perhaps `4 retail_weeks`, a word as it is written."""

    amount: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class PeriodLiteral(Node):
    """`2027-Q1`, `2027-03-15T13`, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Text(Node):
    """A text in double quotes, escapes resolved; adjacent ones after `word:` are joined."""

    value: str


@dataclass(frozen=True, slots=True)
class Boolean(Node):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Null(Node):
    """`null`."""


# ----------------------------------------------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class ListItems(Node):
    """`[a, b]`."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """`-x`, `+x`, `not x`."""

    operator: Literal["-", "+", "not"]
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """`left operator right` for `+ - * /`; `operator_span` is the operator's own place."""

    operator: Literal["+", "-", "*", "/"]
    left: Expr
    right: Expr
    operator_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """`left operator right` for `= != < <= > >=`."""

    operator: Literal["=", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr
    operator_span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Logical(Node):
    """A chain of `and` or of `or`: two or more operands."""

    operator: Literal["and", "or"]
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class In(Node):
    """`x in [..]`, `x not in [..]`."""

    operand: Expr
    items: ListItems
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull(Node):
    """`x is null`, `x is not null`."""

    operand: Expr
    negated: bool


@dataclass(frozen=True, slots=True)
class When(Node):
    """One arm of a `case`."""

    condition: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Case(Node):
    """`case when c then v ... else d end`."""

    arms: tuple[When, ...]
    default: Expr | None


@dataclass(frozen=True, slots=True)
class Argument(Node):
    """One argument of a call: modifiers, the expression, clauses in the order written."""

    value: Expr
    modifiers: tuple[Literal["approx", "distinct", "all"], ...] = ()
    clauses: tuple[Clause, ...] = ()


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`function(argument, ...)`."""

    function: Path
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Group(Node):
    """`( expression clauses )`: brackets as written; with clauses it filters a metric."""

    body: Expr
    clauses: tuple[Clause, ...] = ()


Expr = (
    Path
    | Number
    | Percent
    | Points
    | DurationLiteral
    | PeriodLiteral
    | Text
    | Boolean
    | Null
    | ListItems
    | Unary
    | Binary
    | Compare
    | Logical
    | In
    | IsNull
    | Case
    | Call
    | Group
)


# --------------------------------------------------------------------------------------------------------- clauses


@dataclass(frozen=True, slots=True)
class Where(Node):
    """`where condition`."""

    condition: Expr


@dataclass(frozen=True, slots=True)
class Per(Node):
    """`per K`, `per all K`, `per (K, L)`."""

    keys: tuple[Name, ...]
    all: bool = False


@dataclass(frozen=True, slots=True)
class Having(Node):
    """`having condition`."""

    condition: Expr


@dataclass(frozen=True, slots=True)
class AtPoint(Node):
    """`at start`, `at end`."""

    point: Literal["start", "end"]


@dataclass(frozen=True, slots=True)
class DatedBy(Node):
    """`dated by column`."""

    column: Path


@dataclass(frozen=True, slots=True)
class FollowedBy(Node):
    """`[not] followed by B [on K] [where c] within d`."""

    target: Path
    on: tuple[Name, ...]
    condition: Expr | None
    within: DurationLiteral
    negated: bool


@dataclass(frozen=True, slots=True)
class On(Node):
    """`on K`, as in `last(S on K within d)`."""

    keys: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Within(Node):
    """`within d`."""

    duration: DurationLiteral


Clause = Where | Per | Having | AtPoint | DatedBy | FollowedBy | On | Within
