"""The stored columns of a source: declared ones checked against the table, and the table's own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Column, TableColumn, TableSchema
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.types import NULL, TEXT, Type
from kpi_engine.resolve.column_types import declared_type, is_readable, unreadable_help
from kpi_engine.resolve.problems import BindError, listed, problem
from kpi_engine.resolve.world import World

NESTED = "nested"
"""The option that marks a column inside a struct or a list of keys and values."""


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
            world.unreadable.setdefault(source, {})[name] = column.physical
            continue
        columns[name] = Column(name, TEXT if schema.text else column.type or TEXT, physical=column.name, declared=False)
    return columns


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
    if schema is None:
        known = type is not None
        return Column(name, type or NULL, physical, format, declared=known, options=options, span=column.span)
    found = _find(column, stored, table)
    if found is None:
        options = (*options, (NESTED, "yes"))
        return Column(name, type or TEXT, physical, format, options=options, span=column.span)
    if found.type is None and not schema.text:
        raise problem(
            "E682",
            f"`{found.name}` has the type {found.physical}, which columns cannot have",
            column.name.span,
            'read a part of it, such as `from "device.category"`, or leave the column out',
        )
    own = TEXT if schema.text else found.type or TEXT
    if type is not None and not is_readable(own, type):
        assert column.type is not None
        raise problem(
            "E680",
            f"`{found.name}` is {found.physical} in the table and cannot be read as {type}",
            column.type.span,
            unreadable_help(own, type),
        )
    return Column(name, type or own, found.name, format, options=options, span=column.span)


def _find(column: tree.Column, stored: tree.StoredAs | None, table: Mapping[str, TableColumn]) -> TableColumn | None:
    """The table's column; None for one inside a struct. E681 if there is none."""
    by_header = {each.name: each for each in table.values()}
    wanted = stored.name.value if stored is not None else column.name.text
    found = by_header.get(wanted) or (table.get(wanted) if stored is None else None)
    if found is not None:
        return found
    head = re.split(r"[.\[]", wanted, maxsplit=1)[0]
    if stored is not None and head != wanted and head in by_header:
        return None
    place = stored.name.span if stored is not None else column.name.span
    close = did_you_mean(wanted, by_header)
    help = close or (f"the table has {listed(by_header)}" if by_header else "the table has no columns")
    if stored is None and close:
        help = f'{close} another name in the table is written `from "..."`'
    raise problem("E681", f"the table has no column `{wanted}`", place, help)
