"""How a question is split and filtered: dimensions and conditions bound on every base source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Metric
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Conjunct, Expression, Field
from kpi_engine.ir.question import BoundDimension, Question
from kpi_engine.resolve.asking import QUERY, Asking
from kpi_engine.resolve.dimensions import column_dimension, dimension_on, reachable_dimensions
from kpi_engine.resolve.forms import domain_sources, split_sources
from kpi_engine.resolve.problems import Attempts, BindError, listed, problem
from kpi_engine.resolve.references import link_help
from kpi_engine.resolve.world import World


def bind_dimensions(
    asking: Asking, question: Question, metrics: Sequence[Metric], sources: Sequence[str], attempts: Attempts
) -> list[BoundDimension]:
    """The dimensions of a question on every base source; what is wrong with them is noted in `attempts`."""
    taken = {metric.name for metric in metrics} | set(question.period_columns)
    names = list(dict.fromkeys(question.by))
    free = [name for name in names if name not in taken]
    found = [attempts.run(partial(_dimension, asking, name, metrics, sources)) for name in free]
    for name in names:
        if name in taken:
            attempts.fail(
                problem(
                    "E513",
                    f"two columns of the answer would be named `{name}`",
                    QUERY,
                    "declare a dimension",
                )
            )
    return [dimension for dimension in found if dimension is not None]


def _dimension(asking: Asking, name: str, metrics: Sequence[Metric], sources: Sequence[str]) -> BoundDimension:
    world = asking.world
    dimension = world.dimensions.get(name)
    if dimension is None:
        return _column_dimension(asking, name, metrics, sources)
    bound: list[tuple[str, Expression]] = []
    needed = _needed(name, metrics)
    for source in sources:
        value = dimension_on(world, dimension, source, QUERY)
        if value is not None:
            bound.append((source, value))
        elif source in needed or not needed:
            raise _cannot_split(world, name, source, metrics, sources)
    return BoundDimension(name, dimension.type, tuple(bound))


def _needed(name: str, metrics: Sequence[Metric]) -> set[str]:
    """The sources that must have a dimension: those that are not only looked at where a `total` drops it.

    If there are none, it is the rows inside of the totals that say which groups there are.
    """
    return {source for metric in metrics for source in split_sources(metric.body, frozenset([name]))}


def _column_dimension(asking: Asking, name: str, metrics: Sequence[Metric], sources: Sequence[str]) -> BoundDimension:
    """A column that every base source itself has under that name."""
    world = asking.world
    having = [source for source in sources if world.has_column(source, name)]
    needed = _needed(name, metrics)
    lacking = next((source for source in sources if source not in having and (source in needed or not needed)), None)
    type = column_dimension(world, name, having)
    if type is not None and lacking is None:
        bound = [(source, Field(name, type)) for source in having]
        return BoundDimension(name, type, tuple(bound))
    if having:
        if lacking is not None:
            raise _cannot_split(world, name, lacking, metrics, sources)
        raise problem(
            "E501",
            f"`{name}` has another type in each of {listed(having)}",
            QUERY,
            f"declare `dimension {name} = ...` with one expression for each source",
        )
    candidates = [*world.dimensions, *(c for source in sources for c in world.column_names(source))]
    help = did_you_mean(name, candidates)
    owners = world.owners_of_column(name.rpartition(".")[2])
    if not help and owners:
        column = name.rpartition(".")[2]
        help = f"declare it: `dimension {column} = {owners[0]}.{column}`"
    if not help:
        common = reachable_dimensions(world, sources)
        help = f"common dimensions: {', '.join(common)}" if common else "no dimension is declared for these sources"
    raise problem("E503", f"no dimension named `{name}`", QUERY, help)


def _cannot_split(world: World, name: str, source: str, metrics: Sequence[Metric], sources: Sequence[str]) -> BindError:
    """E501: which source lacks the dimension, how to give it one, and what can be split by instead."""
    holders = [m for m in metrics if source in (*m.sources, *domain_sources(m.body))]
    metric = next((m for m in holders if source in split_sources(m.body, frozenset([name]))), holders[0])
    dimension = world.dimensions.get(name)
    owners = [owner for owner, _ in dimension.values] if dimension is not None else []
    reason = f"{source} has no column `{name}`"
    add = f"declare `dimension {name} = ...` with a value for {source}"
    if dimension is not None and dimension.every_source is not None:
        reason, add = f"{source} has no time", f"add `time: ...` to {source}"
    elif owners and world.sources.get(owners[0]) is not None and len(owners) == 1:
        thing = world.things.find(owners[0])
        assert thing is not None
        reason, add = f"{source} has no way to {owners[0]}", link_help(world, source, thing)
    elif owners:
        reason = f"{source} has no way to {listed(owners, 'or')}"
        add = f"add a value for {source} to `dimension {name}`"
    common = reachable_dimensions(world, sources)
    also = f"; common dimensions: {', '.join(common)}" if common else ""
    # Of columns that are no dimensions a total knows only those that every source in it has.
    undeclared = "" if dimension is not None else " without one and"
    return problem(
        "E501",
        f"{metric.name} cannot be split by `{name}`: {reason}",
        QUERY,
        f"{add}, or{undeclared} use total({metric.name}, {name}){also}",
    )


def bind_question_filter(
    asking: Asking, where: tree.Expr, sources: Sequence[str], used: set[str], metrics: Sequence[Metric]
) -> tuple[Conjunct, ...]:
    """The condition of a question on every base source. `used` are names that are in use as dimensions."""
    from kpi_engine.resolve.filters import bind_filter, check_totals

    world = asking.world
    try:
        conjuncts = bind_filter(world, where, sources, used, [metric.body for metric in metrics])
    except BindError as failure:
        recoded = (replace(d, code="E514") if d.code == "E354" else d for d in failure.diagnostics)
        raise BindError(dict.fromkeys(recoded), failure.blocked) from failure
    for metric in metrics:
        check_totals(metric.body, conjuncts, "E512", metric.name)
    return conjuncts
