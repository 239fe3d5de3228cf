"""Aggregates over groups: `agg(E per K having c)` and `count(K where f having c)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from kpi_engine.ir import tree

from .aggregates import aggregate
from .context import Context
from .local_time import FINER, GRAINS, Mark, Span
from .measures import percent
from .model import Entity, Source
from .problems import MeaninglessError
from .tables import Row
from .windows import Window
from .world import PER

if TYPE_CHECKING:
    from .meaning import Meaning


@dataclass(frozen=True)
class Keyed:
    """An aggregate over groups; `body` is None where the groups themselves are counted."""

    function: str
    body: tree.Expr | None
    keys: tuple[Source | Entity, ...]
    grain: str | None
    everyone: bool
    where: tree.Expr | None
    having: tree.Expr | None
    parameter: Fraction | None

    @property
    def names(self) -> tuple[str, ...]:
        """The keys as names of dimensions."""
        return tuple(f"{PER}{thing.name}" for thing in self.keys)

    @property
    def parts(self) -> tuple[tree.Expr, ...]:
        """What is evaluated for each group."""
        return tuple(part for part in (self.body, self.having) if part is not None)


def is_keyed(call: tree.Call) -> bool:
    """Whether an aggregate is one over groups."""
    return any(
        isinstance(clause, tree.Per | tree.Having) or "all" in argument.modifiers
        for argument in call.arguments
        for clause in (*argument.clauses, None)
    )


def read_keyed(meaning: Meaning, call: tree.Call, grain: str | None) -> Keyed:
    """An aggregate over groups with its names looked up; `grain` is that of the periods around it."""
    first = call.arguments[0]
    clauses = [clause for argument in call.arguments for clause in argument.clauses]
    per = next((clause for clause in clauses if isinstance(clause, tree.Per)), None)
    having = next((clause.condition for clause in clauses if isinstance(clause, tree.Having)), None)
    where = next((clause.condition for clause in clauses if isinstance(clause, tree.Where)), None)
    if per is not None:
        names = [name.text for name in per.keys]
    elif isinstance(first.value, tree.Path) and having is not None and call.function.text == "count":
        names = [first.value.text]
    else:
        raise MeaninglessError("groups of nothing")
    grains = [name for name in names if name in GRAINS]
    things = [meaning.world.model.thing(name) for name in names if name not in GRAINS]
    if None in things or len(grains) > 1:
        raise MeaninglessError(f"no keys: {names}")
    keys = tuple(thing for thing in things if thing is not None)
    function = {"median": "percentile"}.get(call.function.text, call.function.text)
    if per is None:
        function = "rows"
    everyone = "all" in first.modifiers or (per is not None and per.all)
    bucket = grains[0] if grains else None
    body = None if per is None else first.value
    keyed = Keyed(function, body, keys, bucket, everyone, where, having, percent(call))
    _check(meaning, keyed, grain)
    return keyed


def _check(meaning: Meaning, keyed: Keyed, grain: str | None) -> None:
    if keyed.grain is not None and grain is not None and grain not in FINER[keyed.grain]:
        raise MeaninglessError(f"a {grain} is not made of whole {keyed.grain}s")
    if any(isinstance(key, Source) and "key" not in key.properties for key in keyed.keys):
        raise MeaninglessError("a source without a key is none")
    if keyed.everyone:
        if len(keyed.keys) != 1 or not isinstance(keyed.keys[0], Source):
            raise MeaninglessError("only the rows of a source are a list of all")
        return
    if not keyed.keys or keyed.having is None:
        return
    nothing = Context(None, empty=True)
    if meaning.value(keyed.having, nothing, {}) is not True:
        return
    value = None if keyed.body is None else meaning.value(keyed.body, nothing, {})
    if keyed.function == "rows" or not (value is None or (keyed.function == "sum" and value == 0)):
        raise MeaninglessError("groups without rows are not looked at, and would pass")


def inside(meaning: Meaning, call: tree.Call, context: Context) -> Iterator[tuple[tree.Expr, Context]]:
    """What is evaluated for each group, with the contexts of all buckets."""
    keyed = read_keyed(meaning, call, context.grain)
    for inner in _contexts(meaning, keyed, context):
        for part in keyed.parts:
            yield part, inner


def _is_known(meaning: Meaning, keyed: Keyed, context: Context) -> bool:
    """Whether the window touches the coverage of some source."""
    return any(meaning.measuring.covered(base, context.window) for base in meaning.bases(*keyed.parts))


def looks_at_all(meaning: Meaning, call: tree.Call, context: Context, group: Mapping[str, Any]) -> bool:
    """Whether all ids of a source are looked at, and there is one."""
    keyed = read_keyed(meaning, call, context.grain)
    if not keyed.everyone or not _is_known(meaning, keyed, context):
        return False
    context, group = whole(context, group)
    (inner,) = _contexts(meaning, keyed, context)
    return bool(_everyone(meaning, keyed, inner, group))


def check(meaning: Meaning, call: tree.Call, context: Context) -> None:
    """All rows belong to keys, also those of a `total` inside; all ids of a source belong to groups, and pass filters,
    by the source's own columns."""
    keyed = read_keyed(meaning, call, context.grain)
    for part, inner in inside(meaning, call, context):
        for source, _ in meaning.looked_at(part, inner):
            for name in keyed.names:
                meaning.world.dimension(name, source, None)
    if keyed.everyone:
        _belongs(meaning, keyed.keys[0].name, None, context, {})


def groups_of_all(meaning: Meaning, call: tree.Call, context: Context) -> set[tuple[Any, ...]]:
    """The groups that all ids of a source belong to, where its own columns say them: those of the whole group and
    filter, whatever a `total` around the aggregate drops; without a key of `per` a row is in no group."""
    context, names = whole_again(context), context.every_dimension
    keyed = read_keyed(meaning, call, context.grain)
    found: set[tuple[Any, ...]] = set()
    if not _is_known(meaning, keyed, context):
        return found
    for inner in _contexts(meaning, keyed, context):
        for part in keyed.parts:
            for each, within in meaning.outermost(part, inner):
                if is_keyed(each) and meaning.has_groups(each, within):
                    found |= {group[: len(names)] for group in groups_of_all(meaning, each, within)}
        if not keyed.everyone:
            continue
        world, (thing,) = meaning.world, keyed.keys
        for row in world.rows(thing.name):
            group = {name: world.dimension(name, thing.name, row) for name in names}
            known = all(value is not None for name, value in group.items() if name.startswith(PER))
            if known and _is_listed(meaning, keyed, row, inner) and _belongs(meaning, thing.name, row, inner, group):
                found.add(tuple(group[name] for name in names))
    return found


def value(meaning: Meaning, call: tree.Call, context: Context, group: Mapping[str, Any]) -> Any:
    """The value of an aggregate over groups."""
    keyed = read_keyed(meaning, call, context.grain)
    nothing = 0 if keyed.function in ("rows", "count", "sum") else None
    if context.empty:
        return nothing
    if not _is_known(meaning, keyed, context):
        return nothing if context.before else None
    values: list[Any] = []
    context, group = whole(context, group)
    contexts = _contexts(meaning, keyed, context)
    if not contexts:
        # Not a single bucket is over: nothing is known yet, as outside coverage.
        return nothing if context.before else None
    for inner in contexts:
        for identity in _ids(meaning, keyed, inner, group):
            within = {**group, **dict(zip(keyed.names, identity, strict=True))}
            if keyed.having is not None and meaning.value(keyed.having, inner, within) is not True:
                continue
            values.append(None if keyed.body is None else meaning.value(keyed.body, inner, within))
    match keyed.function:
        case "first" | "last":
            return None if not values else values[0 if keyed.function == "first" else -1]
    return aggregate(keyed.function, [(each,) for each in values], keyed.parameter)


def whole(context: Context, group: Mapping[str, Any]) -> tuple[Context, dict[str, Any]]:
    """What a `total` around groups has left is their whole filter and group."""
    left = replace(context, every_filter=context.filters, every_dimension=context.dimensions)
    return left, {name: value for name, value in group.items() if name in context.dimensions}


def whole_again(context: Context) -> Context:
    """Inside of a `total` the whole filter and group around it."""
    return replace(context, filters=context.every_filter, dimensions=context.every_dimension)


def _contexts(meaning: Meaning, keyed: Keyed, context: Context) -> list[Context]:
    """The contexts of the inside: one, or of a grain one for each bucket."""
    inner = replace(context.keyed(keyed.names), grain=keyed.grain or context.grain)
    if keyed.where is not None:
        inner = replace(inner, chosen=(*inner.chosen, (keyed.names[0], keyed.where)))
    if keyed.grain is None or context.window is None:
        return [inner]
    buckets = _buckets(meaning, keyed, context.window)
    windows = [Window(bucket, bucket) for bucket in buckets]
    return [replace(inner, window=window, uncut=window, before=False) for window in windows]


def _buckets(meaning: Meaning, keyed: Keyed, window: Window) -> list[Span]:
    """The buckets that lie wholly in a window, inside coverage and before the watermark."""
    assert keyed.grain is not None
    bases = meaning.bases(*keyed.parts)
    bounds = window.bounds(meaning.calendar)
    firsts = [first for base in bases if (first := meaning.measuring.first(base)) is not None]
    if bounds is None or not firsts:
        return []
    start, end = bounds
    covered = meaning.calendar.period(keyed.grain, min(firsts)).start
    begin: Mark = covered if start is None else max(start, covered)
    finish = min(end, *(meaning.world.watermarks[base] for base in bases))
    if begin >= finish:
        return []
    spans = meaning.calendar.periods(keyed.grain, begin, finish)
    return [span for span in spans if begin <= span.start and span.end <= finish]


def _ids(meaning: Meaning, keyed: Keyed, inner: Context, group: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The ids that are looked at: those with a row of some aggregate in its own window; of `all` K its rows."""
    if not keyed.names:
        return [()]
    if keyed.everyone:
        return _everyone(meaning, keyed, inner, group)
    found: dict[tuple[Any, ...], None] = {}
    for part in keyed.parts:
        for call, context in meaning.leaves(part, inner):
            for entry in meaning.measuring.entries_of_group(call, context, group):
                own = dict(zip(context.every_dimension, entry.group, strict=True))
                found[tuple(own[name] for name in keyed.names)] = None
        for call, context in meaning.outermost(part, inner):
            if not is_keyed(call) or not meaning.has_groups(call, context):
                continue
            for each in groups_of_all(meaning, call, context):
                own = dict(zip(context.every_dimension, each, strict=True))
                if all(own[name] == value for name, value in group.items() if name in own):
                    found[tuple(own[name] for name in keyed.names)] = None
    return list(found)


def _everyone(meaning: Meaning, keyed: Keyed, inner: Context, group: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All ids of a source, where its own rows say so those of the group and of the filter."""
    (thing,) = keyed.keys
    world = meaning.world
    (name,) = keyed.names
    found: dict[Any, None] = {}
    _belongs(meaning, thing.name, None, inner, group)
    for row in world.rows(thing.name):
        identity = world.identity(thing, thing.name, row)
        if identity is None or (name in group and group[name] != identity):
            continue
        if _is_listed(meaning, keyed, row, inner) and _belongs(meaning, thing.name, row, inner, group):
            found[identity] = None
    return [(identity,) for identity in found]


def _is_listed(meaning: Meaning, keyed: Keyed, row: Row, inner: Context) -> bool:
    """Whether a row satisfies the conditions on the keys' own columns: on its own, and on those of keys around it."""
    world, (thing,) = meaning.world, keyed.keys
    chosen = [(name, condition) for name, condition in inner.chosen if name in inner.dimensions]
    return all(world.passes(*each, world.dimension(each[0], thing.name, row)) for each in chosen)


def _belongs(meaning: Meaning, source: str, row: Row | None, inner: Context, group: Mapping[str, Any]) -> bool:
    """Whether an id is in a group, and passes the filter, by its own columns: all of them must have a way to these."""
    own = f"{PER}{source}"
    values = {name: meaning.world.dimension(name, source, row) for name in inner.dimensions if name != own}
    found = [
        value == group[name] if name in group else value is not None or not name.startswith(PER)
        for name, value in values.items()
    ]
    kept = [meaning.world.on_row(condition, source, row, dimensions=True) for condition in inner.filters]
    return all(each is True for each in (*found, *kept))
