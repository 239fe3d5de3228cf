"""Sequences of events: `A followed by B on K where c within d`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import MICROSECONDS
from kpi_engine.ir.expression import CalendarDuration, Field, Followed
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import Kind
from kpi_engine.resolve.binder import bind_condition
from kpi_engine.resolve.literals import calendar_duration
from kpi_engine.resolve.names import Thing
from kpi_engine.resolve.problems import Attempts, listed, problem
from kpi_engine.resolve.references import id_field, link_columns, step
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.world import World


def bind_followed(world: World, source: str, links: Sequence[tree.FollowedBy]) -> tuple[Followed, ...]:
    """A chain of events; each link's keys are bound on rows of the event before it."""
    bound: list[Followed] = []
    before = source
    for link in links:
        bound.append(_link(world, before, link))
        before = bound[-1].target
    return tuple(bound)


def _link(world: World, before: str, link: tree.FollowedBy) -> Followed:
    target = _target(world, link.target)
    attempts = Attempts()
    keys = attempts.run(partial(_keys, world, before, target, link))
    within = attempts.run(partial(elapsed_within, link.within))
    condition = None
    if link.condition is not None:
        binder = RowBinder(world, target, "where", repeated="condition would look at each row several times")
        condition = attempts.run(partial(bind_condition, binder, link.condition, "where"))
    attempts.run(partial(check_times, world, before, target, link.target.span))
    attempts.check()
    assert keys is not None and within is not None
    return Followed(target, keys[0], keys[1], condition, within, link.negated)


def _target(world: World, path: tree.Path) -> str:
    if len(path.parts) > 1:
        raise problem("E201", "`followed by` takes a source", path.span, f"write `followed by {path.parts[0].text}`")
    return world.thing(path.text, path.span, ("source",)).name


def _keys(world: World, before: str, target: str, link: tree.FollowedBy) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    if link.on:
        things = [world.thing(name.text, name.span) for name in link.on]
    else:
        things = [_shared(world, before, target, link.target.span)]
    left, right = [], []
    for position, thing in enumerate(things):
        place = link.on[position].span if link.on else link.target.span
        left.append(key_field(world, before, thing, place))
        right.append(key_field(world, target, thing, place))
    for one, other in zip(left, right, strict=True):
        if _differ(one.type.kind, other.type.kind):
            raise problem(
                "E323" if one.type.kind.value in ("date", "timestamp") else "E355",
                f"`{before}.{one.column}` is {one.type} and `{target}.{other.column}` is {other.type}",
                link.target.span,
                "give both columns one type",
            )
    return tuple(left), tuple(right)


def _differ(one: Kind, other: Kind) -> bool:
    """Whether columns have different types; of a table out of reach no type is known."""
    return one is not other and Kind.NULL not in (one, other)


def _shared(world: World, before: str, target: str, span: Span) -> Thing:
    """The one thing that both sources refer to, or that one of them is and the other refers to."""
    sides = [
        {name, *(each.target for each in world.references[name].values() if not each.parent)}
        for name in (before, target)
    ]
    shared = sorted(sides[0] & sides[1]) if before != target else sorted(sides[0] - {before})
    if len(shared) == 1:
        return world.thing(shared[0], span)
    if not shared:
        raise problem(
            "E343",
            f"`{before}` and `{target}` refer to nothing in common",
            span,
            f"give both a reference to one entity, such as `column visitor_id -> visitor` in {target}",
        )
    raise problem(
        "E343",
        f"`{before}` and `{target}` have {listed(shared)} in common",
        span,
        f"say which one joins them: `followed by {target} on {shared[0]} ...`",
    )


def key_field(world: World, source: str, thing: Thing, span: Span) -> Field:
    """The column of a source that holds ids of a thing: one that refers to it, or the source's own key."""
    columns = list(link_columns(world, source, thing.name))
    if thing.name == source and not columns:
        columns = list(world.sources[source].key)
        if len(columns) != 1:
            raise problem("E314", f"`{source}` has no key of one column", span, f"add `key: ...` to {source}")
    if not columns:
        raise problem(
            "E343",
            f"{source} has no column that refers to `{thing.name}`",
            span,
            f"add `column {thing.name}_id -> {thing.name}` to {source}",
        )
    if len(columns) > 1:
        raise problem(
            "E315",
            f"{source} refers to `{thing.name}` by several columns: {listed(columns)}",
            span,
            "refer to an entity of its own by one of them",
        )
    reference = world.references[source].get(columns[0])
    if reference is not None and reference.target == thing.name:
        return id_field(world, (step(source, columns[0], reference),), span)
    column = world.column(source, columns[0], span)
    return Field(column.name, column.type, (), span)


def elapsed_within(node: tree.DurationLiteral) -> CalendarDuration:
    """A duration of fixed length, seconds to weeks."""
    if node.unit not in MICROSECONDS:
        raise problem(
            "E336",
            f"`within` is elapsed time, and {node.unit}s differ in length",
            node.span,
            "write seconds, minutes, hours, days or weeks",
        )
    return calendar_duration(node)


def check_times(world: World, before: str, target: str, span: Span) -> None:
    """E313 or E323 unless both events are dated, and both by dates or both by timestamps."""
    kinds = {}
    for source in (before, target):
        time = world.sources[source].time
        if time is None:
            raise problem(
                "E313",
                f"`{source}` has no time, so nothing follows on it",
                span,
                f"add `time: ...` to {source}",
            )
        kinds[source] = world.column(source, time, span).type.kind
    if _differ(kinds[before], kinds[target]):
        raise problem(
            "E323",
            f"`{before}` is dated by a {kinds[before].value} and `{target}` by a {kinds[target].value}",
            span,
            "add a computed column with `date(...)` of the timestamp and make it the time of a derived source",
        )
