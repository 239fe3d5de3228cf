"""Questions for the values of dimensions: which sources have them, and how they are reached there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.diagnostic import ExitCode, KpiError, did_you_mean
from kpi_engine.ir.question import BoundQuestion, Question
from kpi_engine.resolve.asking import QUERY, Asking
from kpi_engine.resolve.dimensions import dimension_on, reachable_dimensions
from kpi_engine.resolve.problems import Attempts, BindError, listed, problem
from kpi_engine.resolve.splitting import bind_dimensions, bind_question_filter
from kpi_engine.resolve.world import World


def bind_values(
    catalog: Catalog,
    names: Sequence[str],
    source: str | None,
    where: tree.Expr | None,
    functions: FunctionRegistry,
) -> BoundQuestion:
    """Dimensions bound on every source that is asked, which `sources` of the question are; it has no metrics.

    Without `source`, which must exist, these are the sources whose own columns the dimensions are, else all that reach
    every one. KpiError (exit code USAGE): E501, E503 for names that no source has.
    """
    world = World.of_catalog(catalog, functions)
    asking = Asking(world, evaluated=True)
    try:
        plain, asked = _without_sources(world, names, source)
        sources = _sources(world, plain, asked)
        attempts = Attempts()
        dimensions = bind_dimensions(asking, Question((), plain), (), sources, attempts)
        attempts.check()
        conjuncts = () if where is None else bind_question_filter(asking, where, sources, set(plain), ())
    except BindError as failure:
        raise KpiError(replace(each, exit_code=ExitCode.USAGE) for each in failure.diagnostics) from failure
    return BoundQuestion((), tuple(dimensions), conjuncts, None, sources=tuple(sources))


def _without_sources(world: World, names: Sequence[str], source: str | None) -> tuple[tuple[str, ...], str | None]:
    """Names without the source that they may begin with (`orders.status`), and that source.

    Such a name is the column of its source, also where a dimension has taken the name: this world then lacks it.
    """
    plain = []
    for name in names:
        head, dot, tail = name.rpartition(".")
        if dot and head in world.sources:
            if source not in (None, head):
                raise problem("E501", f"`{name}` is not in {source}", QUERY, "ask for each source by itself")
            source = head
            if world.has_column(head, tail):
                world.dimensions.pop(tail, None)
        plain.append(tail if dot and head in world.sources else name)
    return tuple(plain), source


def _sources(world: World, names: Sequence[str], asked: str | None) -> list[str]:
    able = [source for source in world.sources if all(_has(world, source, name) for name in names)]
    if asked is not None:
        if asked in able:
            return [asked]
        lacking = next(name for name in names if not _has(world, asked, name))
        also = reachable_dimensions(world, [asked])
        close = did_you_mean(lacking, [*also, *world.column_names(asked)])
        raise problem("E501", f"{asked} has no `{lacking}`", QUERY, close or f"it has {listed(also)}")
    if able:
        return [source for source in able if any(_owns(world, source, name) for name in names)] or able
    unknown = next((name for name in names if not any(_has(world, each, name) for each in world.sources)), None)
    if unknown is None:
        raise problem("E501", f"no source has {listed(names)} together", QUERY, "ask for each by itself")
    columns = [name for source in world.sources for name in world.column_names(source)]
    help = did_you_mean(unknown, [*world.dimensions, *columns]) or f"dimensions: {listed(world.dimensions)}"
    raise problem("E503", f"no dimension or column named `{unknown}`", QUERY, help)


def _has(world: World, source: str, name: str) -> bool:
    dimension = world.dimensions.get(name)
    if dimension is None:
        return name in world.columns[source]
    try:
        return dimension_on(world, dimension, source, QUERY) is not None
    except BindError:
        return False


def _owns(world: World, source: str, name: str) -> bool:
    dimension = world.dimensions.get(name)
    if dimension is None:
        return name in world.columns[source]
    return any(owner == source for owner, _ in dimension.values)
