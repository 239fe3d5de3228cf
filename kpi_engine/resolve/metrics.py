"""Metrics and declared dimensions: from declarations to their bound forms."""

from __future__ import annotations

from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Dimension, Metric
from kpi_engine.ir.expression import Constant, Expression
from kpi_engine.resolve.additivity import is_grain_dependent, why_not_additive
from kpi_engine.resolve.display import inferred_display, read_target, stated_display
from kpi_engine.resolve.estimates import estimates_in
from kpi_engine.resolve.forms import base_sources, check_size, direct_uses, size_of
from kpi_engine.resolve.groups import GroupBinder
from kpi_engine.resolve.problems import Attempts, BindError, gather, listed, problem
from kpi_engine.resolve.properties import read_properties
from kpi_engine.resolve.property_tables import DIMENSION, METRIC
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.syntax import dotted_in, names_in
from kpi_engine.resolve.touched import refuse_broken_sources
from kpi_engine.resolve.units import TypeMismatchError, common_type
from kpi_engine.resolve.world import World


def bind_metric(world: World, declaration: tree.Metric) -> None:
    """Bind a metric and store it in the world."""
    name = declaration.name.text
    attempts = Attempts()
    given = read_properties("a metric", declaration.properties, METRIC, attempts)
    binder = GroupBinder(world)
    body = attempts.run(partial(_body, binder, declaration))
    attempts.check()
    assert body is not None
    display = inferred_display(body.type, binder.form(body))
    if "unit" in given:
        found = attempts.run(partial(stated_display, given.get("unit"), body.type))
        display = found or display
    target = None
    if "target" in given and not ("unit" in given and found is None):
        target = attempts.run(partial(read_target, given.get("target"), body.type, display))
    replaced_by: tree.Path | None = given.get("replaced_by")
    if replaced_by is not None and not world.has_metric(replaced_by.text):
        help = world.value_help(replaced_by.text)
        attempts.fail(problem("E202", f"no metric named `{replaced_by.text}`", replaced_by.span, help))
    attempts.check()
    refuse_broken_sources(world, body)
    reason = why_not_additive(world.metrics, body)
    sources = base_sources(body)
    world.sizes[name] = size_of(world, body)
    world.metrics[name] = Metric(
        name=name,
        body=body,
        type=body.type,
        display=display,
        sources=sources,
        uses=direct_uses(body),
        better=given.get("better"),
        target=target,
        tags=given.get("tags", ()),
        description=given.get("description", ""),
        owner=given.get("owner", ""),
        format=given.get("format"),
        deprecated=given.get("deprecated"),
        replaced_by=replaced_by.text if replaced_by is not None else None,
        since=given.get("since"),
        additive=not reason and bool(sources),
        not_additive_because=reason,
        grain_dependent=is_grain_dependent(world.metrics, body),
        estimates=estimates_in(world, body),
        declaration=declaration,
        span=declaration.name.span,
    )


def _body(binder: GroupBinder, declaration: tree.Metric) -> Expression:
    name = declaration.name
    body = binder.bind(declaration.value)
    check_size(size_of(binder.world, body), name.text, name.span)
    if isinstance(body, Constant) and body.value is None:
        raise problem("E359", f"`{name.text}` is always null", declaration.value.span, "write a formula")
    return body


def bind_dimension(world: World, declaration: tree.Dimension) -> None:
    """Bind a declared dimension and store it in the world."""
    name = declaration.name.text
    attempts = Attempts()
    given = read_properties("a dimension", declaration.properties, DIMENSION, attempts)
    values = attempts.run(partial(gather, [partial(_value, world, declaration, each) for each in declaration.values]))
    attempts.check()
    assert values is not None
    sources: dict[str, tuple[Expression, tree.Expr]] = {}
    for (source, value), node in zip(values, declaration.values, strict=True):
        if source in sources:
            where = f"`{source}`" if source else "every source"
            raise problem("E352", f"`{name}` has two values for {where}", node.span, "keep one of them")
        sources[source] = (value, node)
    everywhere = sources.get("")
    if everywhere is not None and len(sources) > 1:
        raise problem(
            "E352",
            f"`{name}` has a value for every source and others beside it",
            everywhere[1].span,
            "keep either the one over `time` or those of single sources",
        )
    try:
        type = common_type([value.type for value, _ in sources.values()])
    except TypeMismatchError as error:
        last = declaration.values[-1].span
        raise problem("E352", f"the parts of `{name}` differ: {error.message}", last, "give all one type") from error
    for source, (value, _) in sources.items():
        if source:
            refuse_broken_sources(world, value, source)
    world.dimensions[name] = Dimension(
        name,
        type,
        tuple((source, value) for source, (value, _) in sources.items() if source),
        everywhere[1] if everywhere is not None else None,
        given.get("description", ""),
        declaration.name.span,
    )


def _value(world: World, declaration: tree.Dimension, node: tree.Expr) -> tuple[str, Expression]:
    """One value of a dimension and its source; the source is empty for a value over `time` alone."""
    name = declaration.name.text
    source = _source_of(world, name, node)
    if source:
        return source, RowBinder(world, source, name, repeated=f"`{name}` would repeat its rows").bind(node)
    bound: list[Expression] = []
    problems: list[BindError] = []
    for each, found in world.sources.items():
        if found.time is None or world.deferred.is_broken(("source", each)):
            continue
        try:
            bound.append(RowBinder(world, each, name, has_time=True).bind(node))
        except BindError as failure:
            problems.append(failure)
    if not bound:
        raise (
            problems[0]
            if problems
            else problem(
                "E313",
                f"`{name}` is made of time, and no source has one",
                node.span,
                "add `time: ...` to a source",
            )
        )
    return "", bound[0]


def _source_of(world: World, name: str, node: tree.Expr) -> str:
    named: dict[str, None] = {}
    for path in dotted_in([node]):
        named[world.thing(path.parts[0].text, path.parts[0].span).name] = None
    if not named:
        if "time" in names_in([node]):
            return ""
        bare = sorted(names_in([node]))
        owners = world.owners_of_column(bare[0]) if bare else []
        help = f"write `{owners[0]}.{bare[0]}`" if owners else "write a column with its source, or `time`"
        raise problem("E352", f"`{name}` names no source", node.span, help)
    if len(named) > 1:
        raise problem(
            "E352",
            f"a value of `{name}` names {listed(named)}",
            node.span,
            "write one value for each source, joined by commas; columns it refers to are written `source.ref.column`",
        )
    return next(iter(named))
