"""Aggregates over rows: `agg(x where c)`, `count(S)`, `count(distinct E)`, with everything that may stand in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kpi_engine.extend.functions import Function
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Constant, Expression, Field, Followed, Measure
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import INTEGER, Kind
from kpi_engine.resolve.base_source import base_of, check_no_aggregates, counting_source, single_thing
from kpi_engine.resolve.binder import bind_condition
from kpi_engine.resolve.calls import bind_argument, check_count, parameter_at, result_type
from kpi_engine.resolve.clauses import Clauses, modifiers, refuse_clauses, sort_clauses
from kpi_engine.resolve.names import Thing
from kpi_engine.resolve.problems import Attempts, gather, problem
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.units import MOMENTS, spoken
from kpi_engine.resolve.world import World

_CLAUSES = {"where", "at", "dated by", "followed by"}
_APPROXIMATE = {"count", "median", "percentile"}


@dataclass(frozen=True, slots=True)
class _Rows:
    """What an aggregate goes over, before its clauses: a source, values on its rows, literal parameters."""

    source: str
    arguments: tuple[Expression, ...]
    parameters: tuple[Constant, ...]
    place: Span
    key_source: str | None = None


def bind_measure(world: World, function: Function, call: tree.Call, grains: frozenset[str] = frozenset()) -> Measure:
    """An aggregate over the rows of one source. `grains` are those of a `per` that it stands directly under."""
    clauses = sort_clauses(call)
    refuse_clauses(clauses, _CLAUSES, "in this aggregate")
    given = modifiers(call)
    _check_modifiers(function, given)
    rows = _rows(world, function, call, "distinct" in given)
    source = world.sources[rows.source]
    _check_time(world, source, clauses, rows.place)
    _check_snapshot(function, source, clauses, "distinct" in given, grains, rows.place, call)
    repeated = _repeated(function, call, rows)
    binder = RowBinder(world, rows.source, "where", repeated=repeated)
    attempts = Attempts()
    where = dated = None
    if clauses.where is not None:
        where = attempts.run(partial(bind_condition, binder, clauses.where.condition, "where"))
    if clauses.dated is not None:
        dated = attempts.run(partial(_dated_by, world, source, clauses.dated))
    followed = attempts.run(partial(_followed, world, rows.source, clauses.followed))
    attempts.check()
    nodes = [argument.value for argument in call.arguments]
    typed: list[Expression] = [*rows.arguments, *rows.parameters]
    name, parameters = function.name, rows.parameters
    type = result_type(function, typed, call, nodes)
    if name == "median":
        name, parameters = "percentile", (Constant(50, INTEGER),)
    return Measure(
        function=name,
        source=rows.source,
        arguments=rows.arguments,
        type=type,
        parameters=parameters,
        where=where,
        distinct="distinct" in given,
        approximate="approx" in given,
        dated_by=dated,
        at=clauses.at.point if clauses.at is not None else None,
        followed=followed or (),
        key_source=rows.key_source,
        span=call.span,
    )


def _followed(world: World, source: str, links: Sequence[tree.FollowedBy]) -> tuple[Followed, ...]:
    if not links:
        return ()
    from kpi_engine.resolve.events import bind_followed

    return bind_followed(world, source, links)


def _rows(world: World, function: Function, call: tree.Call, distinct: bool) -> _Rows:
    if function.name == "count":
        if len(call.arguments) != 1:
            message = f"`count` takes 1 argument, and {len(call.arguments)} are given"
            raise problem("E338", message, call.span, "write `count(orders)` or `count(distinct customers)`")
        word = single_thing(call.arguments[0].value)
        if word is not None:
            return _counted(world, word, distinct)
    return _valued(world, function, call)


def _counted(world: World, word: tree.Name, distinct: bool) -> _Rows:
    """`count(S)` or `count(distinct E)`."""
    thing = world.things.find(word.text)
    if (thing is None or thing.kind == "grain") and world.has_metric(word.text):
        raise problem(
            "E301",
            f"`{word.text}` is a metric; `count` takes a source or a column",
            word.span,
            "write the metric without `count`",
        )
    thing = world.thing(word.text, word.span)
    if distinct:
        return _distinct_ids(world, thing, word)
    if thing.kind == "entity":
        raise problem(
            "E305",
            f"`{word.text}` is an entity: it has ids, not rows",
            word.span,
            f"write `count(distinct {word.text})`, or `count({word.text} having ...)`",
        )
    return _Rows(thing.name, (), (), word.span)


def _distinct_ids(world: World, thing: Thing, word: tree.Name) -> _Rows:
    source = world.sources.get(thing.name)
    if source is not None and not source.key:
        world.refuse_damaged(source.name)
        raise problem(
            "E314",
            f"`{thing.name}` has no key to tell its rows apart",
            word.span,
            f"add `key: ...` to {thing.name}",
        )
    counted, column = counting_source(world, thing, word.span)
    found = world.column(counted, column, word.span)
    return _Rows(counted, (Field(column, found.type, (), word.span),), (), word.span, thing.name)


def _valued(world: World, function: Function, call: tree.Call) -> _Rows:
    """An aggregate of values: its arguments bound on rows of the source that they name."""
    check_count(function, call, len(call.arguments))
    nodes = [argument.value for argument in call.arguments]
    values = [node for i, node in enumerate(nodes) if not parameter_at(function, i).literal]
    source = base_of(world, function, call, values)
    check_no_aggregates(world, function, nodes)
    binder = RowBinder(world, source, function.name, repeated=f"{function.name} would repeat its rows")
    bound = gather(
        [partial(bind_argument, binder, parameter_at(function, position), node) for position, node in enumerate(nodes)]
    )
    pairs = [(value, parameter_at(function, position).literal) for position, value in enumerate(bound)]
    return _Rows(
        source,
        tuple(value for value, fixed in pairs if not fixed),
        tuple(value for value, fixed in pairs if fixed and isinstance(value, Constant)),
        nodes[0].span,
    )


def _repeated(function: Function, call: tree.Call, rows: _Rows) -> str:
    """What a filter that multiplies rows would repeat, for E310."""
    if not rows.arguments or rows.key_source is not None:
        return f"{function.name} would count it several times"
    value = rows.arguments[0]
    name = value.column if isinstance(value, Field) else " ".join(call.arguments[0].value.span.text.split())
    return f"{function.name} would repeat `{name}`"


def _check_modifiers(function: Function, given: dict[str, tree.Argument]) -> None:
    if "all" in given:
        raise problem(
            "E334",
            "`all` belongs to groups of keys",
            given["all"].span,
            "write `count(all customers having ...)` or `avg(m per all customers)`",
        )
    if "distinct" in given and function.name != "count":
        raise problem(
            "E334",
            f"`{function.name}` does not take `distinct`",
            given["distinct"].span,
            "only `count` tells values apart: `count(distinct orders.customer_id)`",
        )
    if "approx" not in given:
        return
    exact_count = function.name == "count" and "distinct" not in given
    if function.name not in _APPROXIMATE or exact_count:
        what = "`count` of rows" if exact_count else f"`{function.name}`"
        raise problem(
            "E334",
            f"{what} is always exact",
            given["approx"].span,
            "leave `approx` out: it serves distinct counts, medians and percentiles",
        )


def _check_time(world: World, source: Source, clauses: Clauses, place: Span) -> None:
    if clauses.at is not None and clauses.dated is not None:
        raise problem(
            "E332",
            "`at` and `dated by` exclude each other",
            clauses.dated.span,
            "`at` already says which rows count: those of one instant",
        )
    if clauses.at is not None and source.lifetime is None and source.snapshot is None:
        raise problem(
            "E331",
            f"`{source.name}` has neither lifetime nor snapshot, so nothing is open at an instant",
            clauses.at.span,
            f"add `lifetime: [start, end]` or `snapshot: day` to source {source.name}",
        )
    if source.time is None and clauses.dated is None:
        world.refuse_damaged(source.name)
        raise problem(
            "E313",
            f"`{source.name}` has no time, so its rows lie in no period",
            place,
            f"add `time: ...` to source {source.name}, or write `dated by` a column",
        )


def _check_snapshot(
    function: Function,
    source: Source,
    clauses: Clauses,
    distinct: bool,
    grains: frozenset[str],
    place: Span,
    call: tree.Call,
) -> None:
    """Sums and counts of a snapshot count each item once a day, unless one day is chosen."""
    if source.snapshot is None or clauses.at is not None or source.snapshot in grains:
        return
    if function.name not in ("sum", "count") or distinct:
        return
    text = " ".join(call.arguments[0].span.text.split())
    what = "counting its rows" if function.name == "count" else f"summing {text.rpartition('.')[2]}"
    daily = {"day": "daily", "week": "weekly", "month": "monthly"}.get(source.snapshot, source.snapshot)
    closing = f"{function.name}({text} at end)"
    raise problem(
        "E330",
        f"`{source.name}` is a {daily} snapshot; {what} counts each item once per {source.snapshot}",
        place,
        f"closing: {closing}; average: avg({closing} per {source.snapshot})",
    )


def _dated_by(world: World, source: Source, clause: tree.DatedBy) -> str:
    binder = RowBinder(world, source.name, "dated by")
    bound = binder.path(clause.column)
    if not isinstance(bound, Field) or bound.type.kind not in (*MOMENTS, Kind.NULL):
        raise problem(
            "E333",
            f"`dated by` takes a date or a timestamp, and this is {spoken(bound.type)}",
            clause.column.span,
            f"write a time column of {source.name}",
        )
    return plain_column(world, source.name, bound, clause.column.text)


def plain_column(world: World, source: str, field: Field, text: str) -> str:
    """The name of a column that holds a field; one reached by references becomes a computed column of its path."""
    if not field.steps:
        return field.column
    return world.add_computed(source, text, field)
