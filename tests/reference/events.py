"""What happens before and after a row: `followed by`, and `last(S on K within d)`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from kpi_engine.ir import tree

from .local_time import length
from .model import Entity, Source
from .problems import MeaninglessError

if TYPE_CHECKING:
    from .tables import Row
    from .world import World


def is_followed(world: World, base: str, row: Row, chain: Sequence[tree.FollowedBy]) -> bool:
    """Whether rows of the chain's sources exist, each within its own time of the one before."""
    if not chain:
        return True
    link, *rest = chain
    target = _source(world, link.target.text)
    keys = [_thing(world, name.text) for name in link.on] or [_shared(world, base, target)]
    identity = [world.identity(key, base, row) for key in keys]
    begun = world.time(base, row)
    found = False
    for other in world.known_rows(target.name):
        if other is row or begun is None or None in identity:
            continue
        if identity != [world.identity(key, target.name, other) for key in keys]:
            continue
        if link.condition is not None and world.on_row(link.condition, target.name, other) is not True:
            continue
        moment = world.time(target.name, other)
        assert moment is not None
        elapsed = moment - begun
        if timedelta(0) <= elapsed < _within(link.within) and is_followed(world, target.name, other, rest):
            found = True
            break
    return found != link.negated


def latest_before(world: World, call: tree.Call, base: str, row: Row) -> Row | None:
    """`last(S on K within d)`: the latest row of S with the same K that is not later (in S itself: that is earlier); of
    equal times the last."""
    (argument,) = call.arguments
    assert isinstance(argument.value, tree.Path)
    target = _source(world, argument.value.text)
    on = next((clause.keys for clause in argument.clauses if isinstance(clause, tree.On)), ())
    within = next((clause.duration for clause in argument.clauses if isinstance(clause, tree.Within)), None)
    keys = [_thing(world, name.text) for name in on] or [_shared(world, base, target)]
    identity = [world.identity(key, base, row) for key in keys]
    now = world.time(base, row)
    best: tuple[Any, Row] | None = None
    if now is None or None in identity:
        return None
    for other in world.known_rows(target.name):
        moment = world.time(target.name, other)
        assert moment is not None
        if other is row or identity != [world.identity(key, target.name, other) for key in keys]:
            continue
        elapsed = now - moment
        # The row itself, or one at its instant.
        at_once = elapsed == timedelta(0) and _chosen_from(world, target.name) == _chosen_from(world, base)
        if at_once or elapsed < timedelta(0) or (within is not None and elapsed >= _within(within)):
            continue
        if best is None or moment >= best[0]:
            best = moment, other
    return None if best is None else best[1]


def _within(node: tree.DurationLiteral) -> timedelta:
    if node.unit not in ("second", "minute", "hour", "day", "week"):
        raise MeaninglessError("`within` is elapsed time")
    return length(Fraction(node.amount), node.unit)


def _chosen_from(world: World, name: str) -> str:
    """The source whose rows a filtered source, or the latest of each id, is made of."""
    source = world.model.sources[name]
    while source.base and source.item is None and source.elements is None:
        source = world.model.sources[source.base]
    return source.name


def _source(world: World, name: str) -> Source:
    thing = _thing(world, name)
    if not isinstance(thing, Source):
        raise MeaninglessError(f"{name} is no source")
    return thing


def _thing(world: World, name: str) -> Source | Entity:
    thing = world.model.thing(name)
    if thing is None:
        raise MeaninglessError(f"nothing named {name}")
    return thing


def _shared(world: World, base: str, target: Source) -> Source | Entity:
    """The one thing that both sources refer to, or that one is and the other refers to."""
    sides = [_near(world, name) for name in (base, target.name)]
    shared = (sides[0] & sides[1]) - ({base} if base == target.name else set())
    if len(shared) != 1:
        raise MeaninglessError(f"{base} and {target.name} share {len(shared)} things")
    return _thing(world, shared.pop())


def _near(world: World, base: str) -> set[str]:
    columns = world.model.sources[base].columns.values()
    targets = {world.links.target((base, column)).name for column in columns if column.target is not None}
    return {base, *targets}
