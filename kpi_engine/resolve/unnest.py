"""Sources of elements: `unnest(events.items)`, whose columns are those of the list's elements.

A field of the element hides a column of the parent that has its name; every column of the parent is reached by a
reference, `events.country`, that no column stands for.
"""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Column, Derived, PathStep, Reference, TableColumn, TableSchema
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Field, Step
from kpi_engine.ir.parents import EVERY_ELEMENT, list_column
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import BOOLEAN, Kind
from kpi_engine.resolve.columns import is_computed, stored_columns
from kpi_engine.resolve.nested import element_columns, part_of
from kpi_engine.resolve.problems import listed, problem
from kpi_engine.resolve.properties import Given
from kpi_engine.resolve.references import path_field
from kpi_engine.resolve.units import spoken
from kpi_engine.resolve.world import Unnested, World


def unnest(world: World, declaration: tree.Source, given: Given, base: str, path: tree.Path) -> None:
    """Give a source of elements its columns, and the references of the rows that hold them."""
    name = declaration.name.text
    _refuse_distinct(world, base, path)
    physical, steps, found = _list(world, base, path)
    schema = None if found is None else TableSchema(element_columns(found))
    snake = given.get("names") == "snake_case"
    closed = given.get("columns") == "closed"
    columns = stored_columns(world, name, declaration.columns, schema, snake=snake, closed=closed)
    world.columns[name].update(columns)
    if schema is None and not closed:
        world.unread.add(name)
    scalar = found is not None and found.form == "list" and found.parts[0].form != "struct"
    computed = {column.name.text for column in declaration.columns if is_computed(column)}
    world.unnested[name] = Unnested(physical, steps, scalar, frozenset(columns), frozenset(columns) | computed)
    base_source = world.sources[base]
    link = base_source.key[0] if len(base_source.key) == 1 else ""
    if not link or link in world.unnested[name].names:
        link = base if base not in world.unnested[name].names else f"the row of {base}"
        world.references[name][link] = Reference(base, "", parent=True)
    written = ".".join(part.text for part in path.parts[1:])
    derived = Derived("unnest", base, column=written, link=link)
    world.sources[name] = replace(world.sources[name], derived=derived)
    if link in base_source.key:
        _keep(world, base, name, link, Reference(base, link))
    keep_references(world, base, name)


def _list(world: World, base: str, path: tree.Path) -> tuple[str, tuple[PathStep, ...], TableColumn | None]:
    """The table's column, the path in it, and the list or map; no list where the table is out of reach."""
    first, *rest = path.parts[1:]
    nested = world.unreadable.get(base, {})
    if first.text not in nested:
        column = world.columns[base].get(first.text)
        if base in world.unread if column is None else column.type.kind is Kind.NULL:
            physical = first.text if column is None else column.physical
            return physical, tuple(PathStep(part.text) for part in rest), None
        if column is None and not world.has_column(base, first.text):
            help = did_you_mean(first.text, nested) or (f"its lists are in {listed(nested)}" if nested else "")
            raise problem("E203", f"`{base}` has no column `{first.text}`", first.span, help)
        column = world.column(base, first.text, first.span)
        raise problem(
            "E685",
            f"`{base}.{first.text}` is {spoken(column.type)}, which has no elements",
            path.span,
            "name a column that holds a list",
        )
    found = part_of(".".join(part.text for part in path.parts[1:]), nested, path.span)
    assert found is not None
    if found.found.form not in ("list", "map"):
        what = found.found.form or str(found.found.type or found.found.physical)
        names = [each.name for each in found.found.parts if each.form in ("list", "map")]
        help = f"name the list in it: `unnest({path.text}.{names[0]})`" if names else "name a column that holds a list"
        raise problem("E685", f"`{path.text}` is a {what}, which has no elements", path.span, help)
    return nested[found.column].name, found.path, found.found


def _refuse_distinct(world: World, base: str, path: tree.Path) -> None:
    """E685 where rows with lists would have to be compared."""
    holder: str | None = base
    while holder is not None:
        source = world.sources[holder]
        if source.distinct:
            message = f"rows of `{holder}` are compared (`distinct: true`), which lists cannot be"
            help = f"give {holder} a key and `on_duplicate: latest(...)` instead"
            raise problem("E685", message, path.span, help)
        holder = source.derived.base if source.derived is not None else None


def keep_references(world: World, base: str, name: str) -> None:
    """Give elements the references of the rows that hold them, but for those that a field of the element hides."""
    for column, reference in world.references[base].items():
        if not reference.parent and column not in world.references[name]:
            _keep(world, base, name, column, replace(reference, inherited=True))


def keep_time(world: World, base: str, name: str, time: str) -> str:
    """Give elements the time of the rows that hold them; the name of its column."""
    if time not in world.unnested[name].names:
        _keep(world, base, name, time, world.references[name].get(time))
        return time
    own = f"{base}.{time}"
    _through(world, base, name, time, own)
    return own


def _keep(world: World, base: str, name: str, column: str, reference: Reference | None) -> None:
    if column in world.unnested[name].names:
        return
    if reference is not None:
        world.references[name][column] = reference
    found = world.columns[base].get(column)
    if found is not None and found.computed is None:
        world.columns[name][column] = replace(found, reference=reference, path=(), declared=False)
    else:
        _through(world, base, name, column, column)


def _through(world: World, base: str, name: str, column: str, own: str) -> None:
    """Make a column of the parent a computed one of the elements."""
    derived = world.sources[name].derived
    place = world.sources[name].span
    assert derived is not None
    step = Step(name, derived.link, base, derived.link if derived.link in world.sources[base].key else "")

    def bind() -> None:
        bound = column_of_base(world, base, column, place)
        value = Field(column, bound.type, (step,), place)
        reference = world.references[name].get(own)
        world.columns[name][own] = Column(own, bound.type, computed=value, reference=reference, declared=False)

    world.deferred.add(("column", f"{name}.{own}"), place, bind)


def column_of_base(world: World, base: str, column: str, place: Span) -> Column:
    """A column of the source that another is derived from; its time may be a path, which no column stands for yet."""
    if "." in column and not world.has_column(base, column):
        path = tree.Path(tuple(tree.Name(part, span=place) for part in column.split(".")), span=place)
        world.add_computed(base, column, path_field(world, base, path))
    return world.column(base, column, place)


def add_lists(world: World, name: str) -> None:
    """Tell the sources below a source of elements which lists its rows are made of."""
    _add_to_base(world, name, Column(EVERY_ELEMENT, BOOLEAN, path=(PathStep("", "row"),)))
    for column in world.columns[name].values():
        if column.name in world.unnested[name].stored:
            _add_to_base(world, name, column)


def _add_to_base(world: World, name: str, column: Column) -> None:
    """A column of the elements of a list, as a column of lists in the source that holds them."""
    made, derived = world.unnested[name], world.sources[name].derived
    assert derived is not None
    step = () if made.scalar or not column.physical else (PathStep(column.physical),)
    path = (*made.path, PathStep("", "each"), *step, *column.path)
    listed = replace(column, name=list_column(name, column.name), physical=made.physical, path=path, reference=None)
    _add(world, derived.base, listed)


def _add(world: World, owner: str, column: Column) -> None:
    source = world.sources[owner]
    world.sources[owner] = replace(source, lists={**source.lists, column.name: column})
    if source.derived is not None and source.derived.kind == "unnest":
        _add_to_base(world, owner, column)
    elif source.derived is not None:
        _add(world, source.derived.base, column)
