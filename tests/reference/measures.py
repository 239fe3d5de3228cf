"""An aggregate with its names looked up: of which rows it is, of which values, and which of them count."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from kpi_engine.ir import tree

from .model import Entity, Source
from .problems import MeaninglessError

if TYPE_CHECKING:
    from .world import World


@dataclass(frozen=True)
class Measure:
    """An aggregate of the rows of one source."""

    function: str
    base: str
    arguments: tuple[tree.Expr, ...]
    parameter: Fraction | None
    where: tuple[tree.Expr, ...] = ()
    dated_by: tree.Path | None = None
    at: Literal["start", "end"] | None = None
    followed: tuple[tree.FollowedBy, ...] = ()


def read_measure(world: World, call: tree.Call) -> Measure:
    """The measure that a call is; clauses of groups (`per`, `having`) are not looked at."""
    first = call.arguments[0]
    clauses = [clause for argument in call.arguments for clause in argument.clauses]
    where = tuple(clause.condition for clause in clauses if isinstance(clause, tree.Where))
    function, base, arguments, parameter = _aggregate(world, call, first, where)
    dated = next((clause.column for clause in clauses if isinstance(clause, tree.DatedBy)), None)
    at = next((clause.point for clause in clauses if isinstance(clause, tree.AtPoint)), None)
    if dated is not None and at is not None:
        raise MeaninglessError("`at` and `dated by` exclude each other")
    followed = tuple(clause for clause in clauses if isinstance(clause, tree.FollowedBy))
    return Measure(function, base, arguments, parameter, where, dated, at, followed)


def _aggregate(
    world: World, call: tree.Call, first: tree.Argument, where: tuple[tree.Expr, ...]
) -> tuple[str, str, tuple[tree.Expr, ...], Fraction | None]:
    """Function, base source, arguments and parameter."""
    name = call.function.text
    if name == "count":
        thing = world.model.thing(first.value.text) if isinstance(first.value, tree.Path) else None
        if thing is not None and "distinct" in first.modifiers:
            base, column = counting(world, thing)
            return "count distinct", base, (tree.Path((tree.Name(column),)),), None
        if isinstance(thing, Source):
            return "rows", thing.name, (), None
        if thing is not None:
            raise MeaninglessError(f"{thing.name} has no rows to count")
        name = "count distinct" if "distinct" in first.modifiers else "count"
    arguments = [first.value]
    parameter: Fraction | None = None
    if name == "weighted_avg":
        arguments.append(call.arguments[1].value)
    elif name in ("median", "percentile"):
        parameter, name = percent(call), "percentile"
    base = world.links.common_base(world.heads([*arguments, *where]))
    return name, base, tuple(arguments), parameter


def percent(call: tree.Call) -> Fraction | None:
    """Which percentile is asked for."""
    match call.function.text:
        case "median":
            return Fraction(50)
        case "percentile":
            node = call.arguments[1].value
            assert isinstance(node, tree.Number)
            return Fraction(node.value)
    return None


def counting(world: World, thing: Source | Entity) -> tuple[str, str]:
    """Where ids of a thing are counted: in `counted_in:`, else in the only source that refers to it."""
    model = world.model
    owners = [
        (source.name, column.name)
        for source in model.sources.values()
        for column in source.columns.values()
        if column.target is not None and world.links.target((source.name, column)).name == thing.name
    ]
    said = thing.counted_in if isinstance(thing, Entity) else next(iter(thing.words("counted_in")), None)
    if said is not None:
        counted = model.thing(said)
        owners = [owner for owner in owners if counted is not None and owner[0] == counted.name]
    if len(owners) != 1:
        raise MeaninglessError(f"{thing.name} can be counted in {len(owners)} places")
    return owners[0]
