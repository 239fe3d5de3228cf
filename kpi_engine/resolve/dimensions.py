"""Dimensions: declared once, bound on the rows of each base source that has them or reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Dimension
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Apply, Expression, Field
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.ir.types import Type
from kpi_engine.resolve.problems import BindError, listed, problem
from kpi_engine.resolve.references import Chain, chains, several_chains, spelled
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.world import World


def dimension_on(world: World, dimension: Dimension, base: str, span: Span) -> Expression | None:
    """The dimension's expression on rows of `base`; None if no chain leads there.

    A value on the base's own rows comes first; of two that are reached, the one on the way to the other.
    """
    if dimension.every_source is not None:
        source = world.sources.get(base)
        if source is None or source.time is None:
            return None
        return RowBinder(world, base, dimension.name, has_time=True).bind(dimension.every_source)
    values = dict(dimension.values)
    if base in values:
        return values[base]
    found: list[tuple[Chain, Expression]] = []
    for source_name, value in dimension.values:
        ways = chains(world, base, source_name)
        if len(ways) > 1:
            raise several_chains(base, source_name, span, ways)
        found.extend((way, value) for way in ways)
    nearest = [way for way, _ in found if all(other[: len(way)] == way for other, _ in found)]
    if len(found) > 1 and not nearest:
        raise problem(
            "E208",
            f"{base} reaches `{dimension.name}` in several ways: {listed(spelled(way) for way, _ in found)}",
            span,
            f"say which one counts: `dimension {dimension.name} = {base}...., ...`",
        )
    return next((moved(value, way) for way, value in found if len(found) == 1 or way == nearest[0]), None)


def moved(value: Expression, way: Chain) -> Expression:
    """A row expression as seen from a source that reaches its rows by `way`."""
    match value:
        case Field():
            return replace(value, steps=way + value.steps)
        case Apply():
            return replace(value, arguments=tuple(moved(each, way) for each in value.arguments))
    return value


def column_dimension(world: World, name: str, bases: Sequence[str]) -> Type | None:
    """The type of a column that every base source itself has under that name, all of one type; else None."""
    if not bases or not all(world.has_column(base, name) for base in bases):
        return None
    try:
        types = {world.column(base, name, NOWHERE).type for base in bases}
    except BindError:
        return None
    return types.pop() if len(types) == 1 else None


def check_total_dimension(world: World, node: tree.Path, bases: Sequence[str]) -> str:
    """The name of a dimension: a declared one, or a column of every base source."""
    name = node.text
    if world.has_dimension(name):
        return world.dimension(name, node.span).name
    if len(node.parts) == 1 and column_dimension(world, name, bases) is not None:
        return name
    declared = world.dimension_names()
    help = did_you_mean(name, declared)
    if not help and declared:
        help = f"there are {listed(declared)}"
    if len(node.parts) == 2:
        help = f"declare it: `dimension {node.parts[-1].text} = {name}`, and drop `{node.parts[-1].text}`"
    raise problem("E215", f"no dimension named `{name}`", node.span, help or f"declare it: `dimension {name} = ...`")


def reachable_dimensions(world: World, bases: Sequence[str]) -> list[str]:
    """Declared dimensions that every base source has."""
    return [name for name in world.dimension_names() if is_reachable(world, name, bases)]


def is_reachable(world: World, name: str, bases: Sequence[str]) -> bool:
    """Whether every base source has a declared dimension."""
    try:
        dimension = world.dimension(name, NOWHERE)
        return all(dimension_on(world, dimension, base, NOWHERE) is not None for base in bases)
    except BindError:
        return False
