"""The stored columns of a source: declared ones checked against the table, and the table's own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Column, TableColumn, TableSchema, spelled
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.types import NULL, TEXT, Kind, Type
from kpi_engine.resolve.column_types import declared_type, is_readable, unreadable_help
from kpi_engine.resolve.nested import Part, part_of, unreadable
from kpi_engine.resolve.problems import BindError, listed, problem
from kpi_engine.resolve.properties import check_time_format
from kpi_engine.resolve.units import MOMENTS
from kpi_engine.resolve.world import World


def is_computed(column: tree.Column) -> bool:
    """Whether a column is made by an expression."""
    return column.origin is not None and not isinstance(column.origin, tree.StoredAs)


def snake_case(header: str) -> str:
    """A header as a name: words in lower case, joined by underscores.

    >>> snake_case("Order ID"), snake_case("unitPrice (EUR)")
    ('order_id', 'unit_price_eur')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header)
    return re.sub(r"\W+", "_", spaced).strip("_").lower()


def stored_columns(
    world: World,
    source: str,
    declared: tuple[tree.Column, ...],
    schema: TableSchema | None,
    *,
    snake: bool,
    closed: bool,
) -> dict[str, Column]:
    """Stored columns by name: declared ones in order, then the table's; broken ones are recorded and left out."""
    table = _by_name(world, source, schema, snake=snake)
    columns: dict[str, Column] = {}
    taken: set[str] = set()
    for each in declared:
        name = each.name.text
        if is_computed(each) or name in columns:
            continue
        try:
            columns[name] = _declared(world, each, schema, table)
            if not columns[name].path:  # a list of which a part is declared can still be made rows of
                taken.add(columns[name].physical)
        except BindError as failure:
            world.deferred.fail(("column", f"{source}.{name}"), failure, each.name.span)
    names = {each.name.text for each in declared}
    if schema is None or closed:
        return columns
    for name, column in table.items():
        if name in names or column.name in taken:
            continue
        if column.type is None and not schema.text:
            world.unreadable.setdefault(source, {})[name] = column
            continue
        columns[name] = Column(name, column.type or TEXT, physical=column.name, declared=False)
    return columns


def stored_column(world: World, column: tree.Column, schema: TableSchema | None) -> Column:
    """One declared column as the table stores it; E68x if the table does not have it, or of another type."""
    table = {each.name: each for each in schema.columns} if schema is not None else {}
    return _declared(world, column, schema, table)


def _by_name(world: World, source: str, schema: TableSchema | None, *, snake: bool) -> dict[str, TableColumn]:
    found: dict[str, TableColumn] = {}
    for column in schema.columns if schema is not None else ():
        name = snake_case(column.name) if snake else column.name
        if name in found:
            failure = problem(
                "E683",
                f"the table of `{source}` has two columns named `{name}`",
                world.sources[source].span,
                f"they are {listed([found[name].name, column.name])}: rename one in the table",
            )
            world.deferred.fail(("column", f"{source}.{name}"), failure, world.sources[source].span)
            continue
        found[name] = column
    return found


def _declared(
    world: World, column: tree.Column, schema: TableSchema | None, table: Mapping[str, TableColumn]
) -> Column:
    stored = column.origin if isinstance(column.origin, tree.StoredAs) else None
    name = column.name.text
    type: Type | None = None
    options: tuple[tuple[str, str], ...] = ()
    if column.type is not None:
        type, options = declared_type(column.type, world.settings.currency)
    physical = stored.name.value if stored is not None else name
    format = stored.format.value if stored is not None and stored.format is not None else None
    if format is not None:
        assert stored is not None and stored.format is not None
        check_time_format(format, stored.format.span)
    if schema is None:
        known = type is not None
        return Column(name, type or NULL, physical, format, declared=known, options=options, span=column.span)
    part = _find(column, stored, table)
    found = part.found
    shown = spelled(part.column, part.path)
    if found.type is None and not schema.text and not (found.mixed and type is not None):
        raise unreadable(shown, found, stored.name.span if part.path and stored is not None else column.name.span)
    own = found.type or TEXT
    by_format = format is not None and own.kind is Kind.INTEGER and type is not None and type.kind in MOMENTS
    if type is not None and not by_format and not is_readable(own, type):
        assert column.type is not None
        raise problem(
            "E680",
            f"`{shown}` is {found.physical} in the table and cannot be read as {type}",
            column.type.span,
            unreadable_help(own, type),
        )
    return Column(name, type or own, part.column, format, options=options, path=part.path, span=column.span)


def _find(column: tree.Column, stored: tree.StoredAs | None, table: Mapping[str, TableColumn]) -> Part:
    """The table's column, or the part of one. E681 if there is no such column, E684 if it has no such part."""
    by_header = {each.name: each for each in table.values()}
    wanted = stored.name.value if stored is not None else column.name.text
    found = by_header.get(wanted) or (table.get(wanted) if stored is None else None)
    if found is not None:
        return Part(found.name, (), found, "")
    part = part_of(wanted, by_header, stored.name.span) if stored is not None else None
    if part is not None:
        return part
    place = stored.name.span if stored is not None else column.name.span
    close = did_you_mean(wanted, by_header)
    help = close or (f"the table has {listed(by_header)}" if by_header else "the table has no columns")
    if stored is None and close:
        help = f'{close} another name in the table is written `from "..."`'
    raise problem("E681", f"the table has no column `{wanted}`", place, help)
