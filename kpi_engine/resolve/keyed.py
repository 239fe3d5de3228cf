"""Aggregates over groups of keys: `agg(E per K having c)` and `count(K where f having c)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from kpi_engine.extend.functions import Function
from kpi_engine.ir import tree
from kpi_engine.ir.expression import Constant, Expression, Field, KeyedAggregate
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import COUNT, INTEGER
from kpi_engine.resolve.base_source import single_thing
from kpi_engine.resolve.binder import Binder, bind_condition
from kpi_engine.resolve.calls import bind_argument, check_count, parameter_at, result_type
from kpi_engine.resolve.clauses import Clauses, refuse_clauses
from kpi_engine.resolve.empty import value_without_rows
from kpi_engine.resolve.forms import base_sources, domain_sources
from kpi_engine.resolve.names import Thing
from kpi_engine.resolve.problems import Attempts, listed, problem
from kpi_engine.resolve.references import chains, id_field, link_columns, link_help, spelled, step
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.world import World

MakeBinder = Callable[[frozenset[str]], Binder]
"""Makes the binder of what stands directly under `per` these grains."""
_KINDS = ("source", "entity", "grain")


def bind_keyed(
    world: World,
    function: Function,
    call: tree.Call,
    clauses: Clauses,
    modifiers: Mapping[str, tree.Argument],
    make_binder: MakeBinder,
) -> KeyedAggregate:
    """An aggregate with `per`, `having` or `all`."""
    refuse_clauses(clauses, {"where", "per", "having"}, "beside `per` and `having`: write it in an inner aggregate")
    for word in ("distinct", "approx"):
        if word in modifiers:
            raise problem("E334", f"`{word}` does not go with groups of keys", modifiers[word].span, "leave it out")
    check_count(function, call, len(call.arguments))
    everyone = "all" in modifiers or (clauses.per is not None and clauses.per.all)
    things = _keys(world, function, call, clauses, modifiers)
    for thing, place in things:
        _check_key(world, thing, place, everyone)
    if sum(thing.kind == "grain" for thing, _ in things) > 1:
        raise problem("E334", "`per` takes one grain at most", things[-1][1], "keep the finest of them")
    binder = make_binder(frozenset(thing.name for thing, _ in things if thing.kind == "grain"))
    attempts = Attempts()
    bound: list[Expression] = []
    if clauses.per is not None:
        bound = attempts.run(partial(_arguments, binder, function, call)) or []
    having = where = None
    if clauses.having is not None:
        having = attempts.run(partial(bind_condition, binder, clauses.having.condition, "having"))
    if clauses.where is not None:
        where = attempts.run(partial(_key_filter, world, clauses.where, clauses.per, things))
    attempts.check()
    body = bound[0] if bound else None
    aggregate = KeyedAggregate(
        function=function.name,
        body=body,
        keys=tuple(thing.name for thing, _ in things),
        all=everyone,
        having=having,
        where=where,
        type=result_type(function, bound, call, [a.value for a in call.arguments]) if bound else COUNT,
        parameters=tuple(value for value in bound[1:] if isinstance(value, Constant)),
        by_source=_ids(world, [part for part in (body, having) if part is not None], things, call),
        grain=next((thing.name for thing, _ in things if thing.kind == "grain"), None),
        span=call.span,
    )
    if aggregate.function == "median":
        aggregate = replace(aggregate, function="percentile", parameters=(Constant(50, INTEGER),))
    _check_domain(aggregate, things, call)
    return aggregate


def _keys(
    world: World,
    function: Function,
    call: tree.Call,
    clauses: Clauses,
    modifiers: Mapping[str, tree.Argument],
) -> list[tuple[Thing, Span]]:
    if clauses.per is not None:
        if "all" in modifiers:
            help = f"write `per all {clauses.per.keys[0].text}`"
            raise problem("E334", "`all` stands beside the key", modifiers["all"].span, help)
        return [(world.thing(name.text, name.span, _KINDS), name.span) for name in clauses.per.keys]
    word = single_thing(call.arguments[0].value)
    if clauses.having is None:
        raise problem(
            "E334",
            "`all` needs `having` or `per`",
            modifiers["all"].span,
            "write `count(all customers having ...)`",
        )
    if function.name != "count" or word is None:
        inner = " ".join(call.arguments[0].value.span.text.split())
        raise problem(
            "E334",
            f"`having` chooses groups, and `{function.name}({inner} ...)` names no key",
            clauses.having.span,
            f"write `{function.name}({inner} per customer having ...)`, or filter rows with `where`",
        )
    return [(world.thing(word.text, word.span, _KINDS), word.span)]


def _check_key(world: World, thing: Thing, place: Span, everyone: bool) -> None:
    if thing.kind == "source" and not world.sources[thing.name].key:
        world.refuse_damaged(thing.name)
        raise problem("E314", f"`{thing.name}` has no key to group by", place, f"add `key: ...` to source {thing.name}")
    if everyone and thing.kind != "source":
        raise problem(
            "E334",
            f"`all` needs a list of all keys, and {thing.kind} `{thing.name}` has none",
            place,
            "it works for sources with a key" if thing.kind == "entity" else "a grain has all its buckets anyway",
        )


def _arguments(binder: Binder, function: Function, call: tree.Call) -> list[Expression]:
    """The metric that is aggregated, and literal parameters."""
    values: list[Expression] = []
    for position, argument in enumerate(call.arguments):
        parameter = parameter_at(function, position)
        if position and not parameter.literal:
            raise problem(
                "E334",
                f"`{function.name}` takes two values of each row, and `per` gives one of each group",
                call.span,
                "aggregate rows with it, without `per`",
            )
        values.append(bind_argument(binder, parameter, argument.value))
    return values


def _key_filter(
    world: World, clause: tree.Where, per: tree.Per | None, things: Sequence[tuple[Thing, Span]]
) -> Expression:
    if per is not None and clause.span.start < per.span.start:
        raise problem(
            "E334",
            "a filter before `per` could mean the metric or the groups",
            clause.span,
            f"filter the metric in brackets, `((m where ...) per {things[0][0].name})`, or write it after the key",
        )
    (thing, _), *others = things
    if others or thing.kind == "grain":
        what = "several keys" if others else f"grain `{thing.name}`"
        raise problem(
            "E334",
            f"`where` filters the columns of one key, and {what} has none",
            clause.span,
            "use `having`",
        )
    binder = RowBinder(world, thing.name, "where", repeated=f"filter would look at each {thing.name} several times")
    return bind_condition(binder, clause.condition, "where")


def _ids(
    world: World, parts: Sequence[Expression], things: Sequence[tuple[Thing, Span]], call: tree.Call
) -> tuple[tuple[str, tuple[Field, ...]], ...]:
    """For each base source the columns that say to which group a row belongs."""
    bases = tuple(dict.fromkeys((*base_sources(*parts), *domain_sources(*parts))))
    if not bases:
        raise problem(
            "E346", "nothing here has rows to group", call.span, "write a metric or an aggregate before `per`"
        )
    attempts = Attempts()
    found: list[tuple[str, tuple[Field, ...]]] = []
    for base in bases:
        ids = [
            attempts.run(partial(_id, world, base, thing, place)) for thing, place in things if thing.kind != "grain"
        ]
        found.append((base, tuple(field for each in ids if each is not None for field in each)))
    attempts.check()
    return tuple(found)


def _id(world: World, base: str, thing: Thing, place: Span) -> tuple[Field, ...]:
    """The id of a key on rows of a base source: its own key, one direct column, or the end of one chain."""
    if thing.name == base:
        return tuple(_own(world, base, column, place) for column in world.sources[base].key)
    direct = list(link_columns(world, base, thing.name))
    if len(direct) == 1:
        return (id_field(world, (step(base, direct[0], world.references[base][direct[0]]),), place),)
    ways = chains(world, base, thing.name)
    if not ways:
        world.deferred.require_columns(base)
        raise problem(
            "E346",
            f"rows of {base} belong to no `{thing.name}`: {base} has no way to it",
            place,
            link_help(world, base, thing),
        )
    if len(ways) > 1:
        raise problem(
            "E346",
            f"rows of {base} belong to a `{thing.name}` in {len(ways)} ways: {listed(spelled(w) for w in ways)}",
            place,
            "group by an entity of its own for one of them",
        )
    return (id_field(world, ways[0], place),)


def _own(world: World, base: str, name: str, place: Span) -> Field:
    column = world.column(base, name, place)
    return Field(column.name, column.type, (), place)


def _check_domain(aggregate: KeyedAggregate, things: Sequence[tuple[Thing, Span]], call: tree.Call) -> None:
    """E347 where keys without any row would pass the condition and change the result: they are not looked at."""
    if aggregate.all or all(thing.kind == "grain" for thing, _ in things) or aggregate.having is None:
        return
    if value_without_rows(aggregate.having) is not True:
        return
    if aggregate.body is not None:
        value = value_without_rows(aggregate.body)
        if value is None or (aggregate.function == "sum" and value == 0):
            return
    name = aggregate.keys[0]
    proposal = f"per all {name}" if aggregate.body is not None else f"count(all {name} having ...)"
    help = f"write `{proposal}` to look at all {name}, or a condition that is false without rows"
    if things[0][0].kind == "entity":
        help = "write a condition that is false without rows"
    message = f"{name} without rows are not looked at, and this condition is true for them"
    raise problem("E347", message, call.span, help)
