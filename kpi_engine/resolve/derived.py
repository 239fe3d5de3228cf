"""Derived sources: filtered rows, the latest row of each id, elements of lists, pairs within a basket."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Column, Derived, Reference, Source
from kpi_engine.ir.expression import Apply, Expression, Field
from kpi_engine.resolve.base_source import link_column
from kpi_engine.resolve.binder import bind_condition
from kpi_engine.resolve.columns import is_computed
from kpi_engine.resolve.problems import BindError, problem
from kpi_engine.resolve.properties import Given
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.unnest import column_of_base, keep_references, keep_time, unnest
from kpi_engine.resolve.world import World

_FORMS = (
    'write `(incidents where state = "Closed")`, `latest(updates per incident)`, `unnest(events.items)` or '
    "`pairs(order_lines.product_id per order)`"
)
_WORDS = ("latest", "unnest", "pairs")


def base_word(value: tree.Expr) -> tree.Name | None:
    """The word that names the source a derived one comes from; None if the form is unknown."""
    match value:
        case tree.Group(body=tree.Path(parts=(word,))):
            return word
        case tree.Call(arguments=(tree.Argument(value=tree.Path(parts=parts)),)):
            return parts[0]
    return None


def derive(world: World, declaration: tree.Source, given: Given) -> None:
    """Give a derived source its columns and references, and say how its rows are made."""
    value = declaration.value
    assert value is not None
    name = declaration.name.text
    word = base_word(value)
    if word is None:
        raise _unknown(value)
    base = world.thing(word.text, word.span, ("source",)).name
    if base == name or base not in world.columns:
        raise problem("E210", f"`{name}` is derived from itself", word.span, "name another source")
    match value:
        case tree.Group(clauses=clauses):
            _filtered(world, name, base, clauses, value)
        case tree.Call(function=function, arguments=(argument,)) if function.text in _WORDS:
            if argument.modifiers:
                raise problem("E334", f"`{function.text}` takes no `{argument.modifiers[0]}`", argument.span)
            assert isinstance(argument.value, tree.Path)
            make = {"latest": _latest, "unnest": _unnested, "pairs": _pairs}[function.text]
            make(world, declaration, given, base, argument.value, argument.clauses)
        case _:
            raise _unknown(value)
    _inherit(world, declaration, given, world.sources[base])


def _unknown(value: tree.Expr) -> BindError:
    return problem("E357", "a source cannot be derived in this way", value.span, _FORMS)


def _inherit(world: World, declaration: tree.Source, given: Given, base: Source) -> None:
    """Take key, time and the like from the base where the source does not state its own."""
    name = declaration.name.text
    source = world.sources[name]
    assert source.derived is not None
    kind = source.derived.kind
    whole = kind in ("filter", "latest")
    key = source.derived.keys if kind == "latest" else base.key if whole else ()
    stated = source
    source = replace(
        source,
        connection=base.connection,
        on_error=base.on_error,
        time=stated.time if "time" in given else base.time,
        timezone=stated.timezone or base.timezone,
        starts=stated.starts or base.starts,
        watermark=stated.watermark or base.watermark,
        late=stated.late or base.late,
        key=stated.key if "key" in given else key,
    )
    if whole:
        source = replace(
            source,
            lifetime=stated.lifetime or base.lifetime,
            snapshot=stated.snapshot or base.snapshot,
            snapshot_by=stated.snapshot_by or base.snapshot_by,
            versions=stated.versions or base.versions,
            grain=stated.grain or base.grain,
        )
    world.sources[name] = source
    time = world.sources[name].time
    if time is not None and "time" not in given:
        if kind == "unnest":
            world.sources[name] = replace(source, time=keep_time(world, base.name, name, time))
        else:
            _copy(world, base.name, name, time)
    for column in declaration.columns:
        if whole and not is_computed(column) and not world.has_column(name, column.name.text):
            world.column(base.name, column.name.text, column.name.span)


def _filtered(world: World, name: str, base: str, clauses: tuple[tree.Clause, ...], value: tree.Group) -> None:
    match clauses:
        case (tree.Where(),):
            _copy_all(world, base, name)
            world.sources[name] = replace(world.sources[name], derived=Derived("filter", base))
        case _:
            raise _unknown(value)


def bind_filter_of_rows(world: World, declaration: tree.Source) -> None:
    """Bind the condition of a source that is another one filtered, once all columns can be bound."""
    source = world.sources[declaration.name.text]
    match declaration.value:
        case tree.Group(clauses=(tree.Where(condition=condition),)) if source.derived is not None:
            where = bind_condition(RowBinder(world, source.derived.base, "where"), condition, "where")
            world.sources[source.name] = replace(source, derived=replace(source.derived, where=where))


def share_references(world: World, name: str) -> None:
    """Give a derived source those references of its base that were read after it was derived."""
    derived = world.sources[name].derived
    if derived is None or derived.kind == "pairs":
        return
    if derived.kind == "unnest":
        keep_references(world, derived.base, name)
        return
    for column, reference in world.references[derived.base].items():
        own = world.columns[name].get(column)
        if column in world.references[name] or not (reference.parent or world.has_column(name, column)):
            continue
        world.references[name][column] = reference
        if own is not None:
            world.columns[name][column] = replace(own, reference=reference)


def _latest(
    world: World,
    declaration: tree.Source,
    given: Given,
    base: str,
    path: tree.Path,
    clauses: tuple[tree.Clause, ...],
) -> None:
    name = declaration.name.text
    keys = _keys(world, base, path, clauses)
    if world.sources[base].time is None:
        raise problem("E313", f"`{base}` has no time, so no row is the latest", path.span, "add `time: ...` to it")
    _copy_all(world, base, name)
    world.sources[name] = replace(world.sources[name], derived=Derived("latest", base, keys=keys))


def _unnested(
    world: World,
    declaration: tree.Source,
    given: Given,
    base: str,
    path: tree.Path,
    clauses: tuple[tree.Clause, ...],
) -> None:
    if len(path.parts) < 2 or clauses:
        raise _unknown(path)
    unnest(world, declaration, given, base, path)


def _pairs(
    world: World,
    declaration: tree.Source,
    given: Given,
    base: str,
    path: tree.Path,
    clauses: tuple[tree.Clause, ...],
) -> None:
    name = declaration.name.text
    if len(path.parts) != 2:
        raise _unknown(path)
    keys = _keys(world, base, path, clauses)
    item = world.column(base, path.parts[1].text, path.parts[1].span)
    for key in keys:
        _copy(world, base, name, key)
    for role in ("item", "other"):
        world.columns[name][role] = Column(role, item.type, declared=False, span=path.span)
        if item.reference is not None:
            reference = Reference(item.reference.target, item.reference.target_column, role, item.reference.to_entity)
            world.references[name][role] = reference
            world.columns[name][role] = replace(world.columns[name][role], reference=reference)
    most = given.get("max_items", 100)
    derived = Derived("pairs", base, keys=keys, column=item.name, max_items=most)
    world.sources[name] = replace(world.sources[name], derived=derived)


def _keys(world: World, base: str, path: tree.Path, clauses: tuple[tree.Clause, ...]) -> tuple[str, ...]:
    """The columns of the base that refer to the keys of `per`."""
    match clauses:
        case (tree.Per(keys=keys, all=False),):
            return tuple(link_column(world, base, world.thing(key.text, key.span), key.span) for key in keys)
    raise problem("E357", "this needs `per` a key", path.span, _FORMS)


def _copy_all(world: World, base: str, name: str) -> None:
    for column in world.column_names(base):
        _copy(world, base, name, column)
    world.unreadable[name] = dict(world.unreadable.get(base, {}))
    if base in world.unread:
        world.unread.add(name)


def _copy(world: World, base: str, name: str, column: str) -> None:
    """Give a derived source a column of its base: at once, or when it is bound."""
    reference = world.references[base].get(column)
    if reference is not None:
        world.references[name][column] = reference
    found = world.columns[base].get(column)
    if found is not None and found.computed is None:
        world.columns[name][column] = found
        return
    place = found.span if found is not None else world.sources[name].span

    def bind() -> None:
        bound = column_of_base(world, base, column, place)
        computed = None if bound.computed is None else _retargeted(bound.computed, base, name)
        world.columns[name][column] = replace(bound, computed=computed)

    world.deferred.add(("column", f"{name}.{column}"), place, bind)


def _retargeted(value: Expression, base: str, name: str) -> Expression:
    """A row expression whose first steps start at the derived source."""
    match value:
        case Field(steps=(first, *rest)) if first.source == base:
            return replace(value, steps=(replace(first, source=name), *rest))
        case Apply():
            return replace(value, arguments=tuple(map(partial(_retargeted, base=base, name=name), value.arguments)))
    return value
