"""The syntax tree: what the author wrote, with places, before any name is looked up.

The tree holds no meaning: a `Call` named `previous` is an ordinary call here, `count(orders)` does not know that
`orders` is a source. Declarations stand here, what is inside them in `syntax`; this module is the door to both.
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.span import SourceText
from kpi_engine.ir.syntax import (
    Argument,
    AtPoint,
    Binary,
    Boolean,
    Call,
    Case,
    Clause,
    Compare,
    DatedBy,
    DurationLiteral,
    Expr,
    FollowedBy,
    Group,
    Having,
    In,
    IsNull,
    ListItems,
    Logical,
    Name,
    Node,
    Null,
    Number,
    On,
    Path,
    Per,
    Percent,
    PeriodLiteral,
    Points,
    Text,
    Unary,
    When,
    Where,
    Within,
)

__all__ = [
    "Alert",
    "AnyDeclaration",
    "Argument",
    "Assignment",
    "AtPoint",
    "Baseline",
    "Binary",
    "Boolean",
    "CalendarDeclaration",
    "Call",
    "Case",
    "ChangeAim",
    "Clause",
    "Column",
    "Compare",
    "DatedBy",
    "Declaration",
    "Dimension",
    "DurationLiteral",
    "Entity",
    "Expr",
    "File",
    "FollowedBy",
    "Goal",
    "GoalSpan",
    "Grain",
    "Group",
    "Having",
    "In",
    "IsNull",
    "KeepAim",
    "ListItems",
    "Logical",
    "Map",
    "Metric",
    "Name",
    "Node",
    "Null",
    "Number",
    "On",
    "Override",
    "Path",
    "Per",
    "Percent",
    "PeriodLiteral",
    "Points",
    "Property",
    "Source",
    "StoredAs",
    "Text",
    "TypeName",
    "Unary",
    "Use",
    "When",
    "Where",
    "Within",
]


@dataclass(frozen=True, slots=True)
class Property(Node):
    """`key: value` under a declaration."""

    key: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class TypeName(Node):
    """`text`, `currency(CNY)`, `duration(hour)`."""

    name: Name
    parameter: Name | None = None


@dataclass(frozen=True, slots=True)
class StoredAs(Node):
    """`from "physical name" [format "..."]`."""

    name: Text
    format: Text | None = None


@dataclass(frozen=True, slots=True)
class Column(Node):
    """`column name[: type] [-> target [as alias]] [from "..." | = expression]`."""

    name: Name
    type: TypeName | None = None
    target: Path | None = None
    alias: Name | None = None
    origin: StoredAs | Expr | None = None


@dataclass(frozen=True, slots=True)
class Assignment(Node):
    """`logical = physical expression` under a `map`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration(Node):
    """What begins in column 1. `properties` and `columns` keep the order written."""

    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric(Declaration):
    """`name = expression`."""

    name: Name
    value: Expr


@dataclass(frozen=True, slots=True)
class Override(Declaration):
    """`override pack.metric = expression`."""

    target: Path
    value: Expr


@dataclass(frozen=True, slots=True)
class Source(Declaration):
    """`source name [= expression]`; `value` is set for derived sources."""

    name: Name
    value: Expr | None = None
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Entity(Declaration):
    """`entity name`."""

    name: Name
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Dimension(Declaration):
    """`dimension name = expression, ...`."""

    name: Name
    values: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Grain(Declaration):
    """`grain name` with its table."""

    name: Name
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Use(Declaration):
    """`use pack [as alias]`."""

    pack: Path
    alias: Name | None = None


@dataclass(frozen=True, slots=True)
class Map(Declaration):
    """`map pack.source to "table"` with assignments and further columns."""

    logical: Path
    physical: Expr
    assignments: tuple[Assignment, ...] = ()
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class CalendarDeclaration(Declaration):
    """`calendar` with its properties."""


@dataclass(frozen=True, slots=True)
class GoalSpan(Node):
    """`during` what: a period, a year, `next grain from date`, `every grain`."""

    kind: Literal["period", "next", "every"]
    grain: Name | None = None
    period: PeriodLiteral | None = None


@dataclass(frozen=True, slots=True)
class Baseline(Node):
    """`versus` what: `previous`, a period, or `1 year earlier`."""

    kind: Literal["previous", "period", "earlier"]
    period: PeriodLiteral | None = None
    duration: DurationLiteral | None = None


@dataclass(frozen=True, slots=True)
class ChangeAim(Node):
    """`increase|decrease M by AMOUNT during SPAN [versus BASELINE]`."""

    direction: Literal["increase", "decrease"]
    metric: Expr
    amount: Percent | Points | Number | DurationLiteral
    relative: bool
    during: GoalSpan
    versus: Baseline | None = None


@dataclass(frozen=True, slots=True)
class KeepAim(Node):
    """`keep CONDITION during SPAN`."""

    condition: Expr
    during: GoalSpan


@dataclass(frozen=True, slots=True)
class Goal(Declaration):
    """`goal name` with one aim line."""

    name: Name
    aim: ChangeAim | KeepAim


@dataclass(frozen=True, slots=True)
class Alert(Declaration):
    """`alert name` with its properties."""

    name: Name


AnyDeclaration = (
    Metric | Override | Source | Entity | Dimension | Grain | Use | Map | CalendarDeclaration | Goal | Alert
)


@dataclass(frozen=True, slots=True)
class File(Node):
    """One parsed definitions file; declarations that did not parse are missing and reported beside it."""

    source: SourceText = field(compare=False)
    declarations: tuple[AnyDeclaration, ...] = ()
