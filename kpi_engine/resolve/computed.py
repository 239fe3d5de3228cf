"""Computed columns: formulas on a row, aggregates of child rows, the latest earlier row, metrics of an entity."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from kpi_engine.extend.functions import Function
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Column, Reference
from kpi_engine.ir.expression import ChildAggregate, Expression, Field, LastBefore, Step
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import Type
from kpi_engine.resolve.aggregates import bind_measure
from kpi_engine.resolve.base_source import link_column
from kpi_engine.resolve.clauses import refuse_clauses, sort_clauses
from kpi_engine.resolve.column_types import declared_type, fitted, with_declared_unit
from kpi_engine.resolve.events import elapsed_within, key_field
from kpi_engine.resolve.forms import base_sources
from kpi_engine.resolve.groups import GroupBinder
from kpi_engine.resolve.literals import core
from kpi_engine.resolve.names import Thing
from kpi_engine.resolve.problems import Attempts, listed, problem
from kpi_engine.resolve.references import link_columns, step
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.world import World


def bind_source_column(world: World, source: str, column: tree.Column) -> None:
    """Bind a computed column of a source and store it."""
    assert column.origin is not None and not isinstance(column.origin, tree.StoredAs)
    name = column.name.text
    reference = world.references[source].get(name)
    latest = _latest(column.origin)
    if latest is not None:
        value: Expression = _last_before(world, source, latest, reference)
    else:
        nested = partial(_child_aggregate, world, source)
        value = RowBinder(world, source, name, nested=nested).bind(column.origin)
    _store(world, source, column, value, reference)


def bind_entity_column(world: World, entity: str, column: tree.Column) -> None:
    """Bind a column of an entity, a metric of one of its ids over all time, and store it."""
    if column.origin is None or isinstance(column.origin, tree.StoredAs):
        raise problem(
            "E212",
            f"entity `{entity}` has no table, so its columns are computed",
            column.name.span,
            f"write `column {column.name.text} = min(orders.ordered_at)`, or make it a source",
        )
    value = GroupBinder(world).bind(column.origin)
    bases = base_sources(value)
    if not bases:
        raise problem("E306", "this column goes over no rows", column.origin.span, "write an aggregate of a source")
    for base in bases:
        link_column(world, base, Thing("entity", entity), column.origin.span)
    _store(world, entity, column, value, None)


def _store(world: World, owner: str, column: tree.Column, value: Expression, reference: Reference | None) -> None:
    declared: Type | None = None
    options: tuple[tuple[str, str], ...] = ()
    if column.type is not None:
        declared, options = declared_type(column.type, world.settings.currency)
        functions = frozenset(world.functions.names("row"))
        value = fitted(column.name.text, declared, value, column.type, functions)
    world.columns[owner][column.name.text] = Column(
        column.name.text,
        with_declared_unit(declared, value.type),
        computed=value,
        reference=reference,
        options=options,
        span=column.span,
    )


def _latest(node: tree.Expr) -> tree.Call | None:
    """The call, if a column is `last(S on K within d)`."""
    inner = core(node)
    if isinstance(inner, tree.Call) and inner.function.text == "last":
        return inner
    return None


def _last_before(world: World, source: str, call: tree.Call, reference: Reference | None) -> LastBefore:
    clauses = sort_clauses(call)
    refuse_clauses(clauses, {"on", "within"}, "in `last(S on K within d)`")
    if len(call.arguments) != 1 or not isinstance(core(call.arguments[0].value), tree.Path):
        raise problem("E338", "`last` takes a source here", call.span, "write `last(visits on visitor within 7 days)`")
    path = core(call.arguments[0].value)
    assert isinstance(path, tree.Path)
    target = world.thing(path.text, path.span, ("source",))
    if reference is None or reference.target != target.name:
        raise problem(
            "E214",
            f"a column that is the last row of {target.name} refers to {target.name}",
            call.span,
            f"write `column ... -> {target.name} = last({path.text} on ... within ...)`",
        )
    if clauses.on is None:
        help = f"write `last({path.text} on visitor)`"
        raise problem("E343", "`last` needs a key that joins the rows", call.span, help)
    attempts = Attempts()
    keys: list[Field] = []
    target_keys: list[Field] = []
    for name in clauses.on.keys:
        thing = attempts.run(partial(world.thing, name.text, name.span))
        if thing is not None:
            own = attempts.run(partial(key_field, world, source, thing, name.span))
            other = attempts.run(partial(key_field, world, target.name, thing, name.span))
            keys.extend([own] if own is not None else [])
            target_keys.extend([other] if other is not None else [])
    within = None
    if clauses.within is not None:
        within = attempts.run(partial(elapsed_within, clauses.within.duration))
    type = attempts.run(lambda: world.column(target.name, reference.target_column, call.span).type)
    attempts.check()
    assert type is not None
    return LastBefore(target.name, tuple(keys), tuple(target_keys), within, type, call.span)


def _child_aggregate(world: World, parent: str, function: Function, call: tree.Call) -> ChildAggregate:
    """An aggregate of the rows of a child source that refer to this row."""
    clauses = sort_clauses(call)
    refuse_clauses(clauses, {"where", "on"}, "where child rows are aggregated")
    if function.name in ("first", "last"):
        raise problem(
            "E334",
            f"`{function.name}` does not aggregate child rows",
            call.span,
            "write `min(...)` or `max(...)`",
        )
    measure = bind_measure(world, function, _without_on(call))
    child = measure.source
    if child == parent:
        raise problem(
            "E356",
            f"`{function.name}` here goes over child rows, and {child} is this source itself",
            call.span,
            "name a source that refers to this one",
        )
    link = _link(world, parent, child, clauses.on, call.span)
    return ChildAggregate(measure, link, measure.type, call.span)


def _without_on(call: tree.Call) -> tree.Call:
    arguments = (
        replace(argument, clauses=tuple(c for c in argument.clauses if not isinstance(c, tree.On)))
        for argument in call.arguments
    )
    return replace(call, arguments=tuple(arguments))


def _link(world: World, parent: str, child: str, on: tree.On | None, span: Span) -> Step:
    columns = list(link_columns(world, child, parent))
    if on is not None:
        name = on.keys[0]
        if name.text not in columns:
            known = f"{listed(columns)} {'does' if len(columns) == 1 else 'do'}" if columns else "no column does"
            raise problem("E356", f"`{child}.{name.text}` does not refer to {parent}: {known}", name.span)
        columns = [name.text]
    if not columns:
        raise problem(
            "E356",
            f"{child} does not refer to {parent}, so its rows are no child rows",
            span,
            f"add `column {(world.sources[parent].key or ('id',))[0]} -> {parent}` to {child}",
        )
    if len(columns) > 1:
        raise problem(
            "E356",
            f"{child} refers to {parent} by {len(columns)} columns: {listed(columns)}",
            span,
            f"choose one: `count({child} on {columns[0]})`",
        )
    return step(child, columns[0], world.references[child][columns[0]])
