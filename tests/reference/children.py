"""Computed columns that aggregate the rows of a child source, over all time up to its watermark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kpi_engine.ir import tree

from .aggregates import aggregate
from .measures import read_measure
from .problems import MeaninglessError

if TYPE_CHECKING:
    from .links import Step
    from .tables import Row
    from .world import World


def of_children(world: World, call: tree.Call, base: str, row: Row) -> Any:
    """The aggregate of the child rows that refer to a row of `base`."""
    measure = read_measure(world, call)
    link = _link(world, call, measure.base, base)
    children = [
        child
        for child in world.known_rows(measure.base)
        if world.links.follow(link, child, (measure.base, child))[1] is row
    ]
    kept = [
        child
        for child in children
        if all(world.on_row(condition, measure.base, child) is True for condition in measure.where)
    ]
    values = [tuple(world.on_row(node, measure.base, child) for node in measure.arguments) for child in kept]
    return aggregate(measure.function, values, measure.parameter)


def _link(world: World, call: tree.Call, child: str, parent: str) -> Step:
    """The one column of the child that refers to the parent, or the one said by `on`."""
    said = [name.text for clause in _clauses(call) if isinstance(clause, tree.On) for name in clause.keys]
    columns = world.model.sources[child].columns.values()
    steps = [(child, column) for column in columns if column.target is not None]
    found = [step for step in steps if world.links.target(step).name == parent and (not said or step[1].name in said)]
    if len(found) != 1:
        raise MeaninglessError(f"{child} refers to {parent} by {len(found)} columns")
    return found[0]


def _clauses(call: tree.Call) -> list[tree.Clause]:
    return [clause for argument in call.arguments for clause in argument.clauses]
