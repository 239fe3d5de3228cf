"""Declared grains: their tables, and the two columns of them that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Column, Grain, Source, TableSchema, TableSpec
from kpi_engine.ir.types import DATE, TEXT, Kind, Type
from kpi_engine.resolve.column_types import is_readable
from kpi_engine.resolve.columns import is_computed, stored_column
from kpi_engine.resolve.names import Thing
from kpi_engine.resolve.problems import Attempts, BindError, problem
from kpi_engine.resolve.properties import Given, read_properties
from kpi_engine.resolve.property_tables import GRAIN, OPTIONS
from kpi_engine.resolve.world import World


def grain_tables(files: Sequence[tree.File]) -> dict[str, TableSpec]:
    """The table of each declared grain. What is wrong with a property is reported by `declare_grains`."""
    found: dict[str, TableSpec] = {}
    for declaration in _declarations(files):
        given = read_properties("a grain", declaration.properties, GRAIN, Attempts())
        name = declaration.name.text
        if "table" in given and name not in found:
            source = _table(name, given, declaration)
            found[name] = TableSpec(
                name, source.table, source.connection, tuple(source.options.items()), span=declaration.name.span
            )
    return found


def declare_grains(
    world: World, files: Sequence[tree.File], schemas: Mapping[str, TableSchema | None]
) -> dict[str, Grain]:
    """Enter every grain and check what it says of its table. Broken ones are recorded, and their words kept."""
    grains: dict[str, Grain] = {}
    for declaration in _declarations(files):
        attempts = Attempts()
        name, place = declaration.name.text, declaration.name.span
        given = read_properties("a grain", declaration.properties, GRAIN, attempts)
        written = {each.key.text for each in declaration.properties}
        for key, example in (("table", '"calendar.csv"'), ("time", "starts_on")):
            if key not in written:
                message = f"grain `{name}` has no `{key}:`"
                attempts.fail(problem("E218", message, place, f"write `{key}: {example}`"))
        for failure in world.things.add(Thing("grain", name, place), place=place):
            attempts.fail(failure)
        try:
            attempts.check()
            if "table" in given and "time" in given:
                grains[name] = _grain(world, declaration, given, schemas.get(name))
        except BindError as failure:
            world.deferred.fail(("grain", name), failure, place)
    return grains


def _declarations(files: Sequence[tree.File]) -> list[tree.Grain]:
    return [each for file in files for each in file.declarations if isinstance(each, tree.Grain)]


def _grain(world: World, declaration: tree.Grain, given: Given, schema: TableSchema | None) -> Grain:
    attempts = Attempts()
    for column in declaration.columns:
        if is_computed(column):
            help = "compute it where the table is made"
            attempts.fail(problem("E358", "columns of a grain are read from its table", column.name.span, help))
    wanted: dict[str, Type] = {"time": DATE, "label": TEXT}
    columns = {
        key: attempts.run(partial(_column, world, declaration, given, key, type, schema))
        for key, type in wanted.items()
        if key in given
    }
    attempts.check()
    table = _table(declaration.name.text, given, declaration)
    found = {column.name: column for column in columns.values() if column is not None}
    if len(found) < len(columns):
        help = "name another column, or leave `label:` out: periods are then called by their first day"
        raise problem("E358", "one column cannot be both `time:` and `label:`", given.place("label").value.span, help)
    return Grain(
        declaration.name.text,
        replace(table, columns=found),
        given.get("time"),
        given.get("label"),
        given.get("description", ""),
        given.get("owner", ""),
        declaration.name.span,
    )


def _table(name: str, given: Given, declaration: tree.Grain) -> Source:
    """The grain's table as something to read from."""
    return Source(
        name=name,
        singular=name,
        table=given.get("table"),
        columns={},
        connection=given.get("connection", "default"),
        time=given.get("time"),
        options={key: value for key, value in given.values.items() if key in OPTIONS},
        span=declaration.name.span,
    )


def _column(
    world: World, declaration: tree.Grain, given: Given, key: str, type: Type, schema: TableSchema | None
) -> Column:
    """The column that `time:` or `label:` names, read as a date or as a text."""
    name, place = given.get(key), given.place(key).value.span
    written = next((each for each in declaration.columns if each.name.text == name), None)
    column = stored_column(world, written or tree.Column(tree.Name(name, span=place), span=place), schema)
    read_as = type if column.type.kind is Kind.NULL else column.type
    declared = written is not None and written.type is not None
    if not is_readable(read_as, type) or (declared and type == DATE and read_as != DATE):
        takes = "dates" if type == DATE else "texts"
        readable = is_readable(read_as, type)
        help = f"declare it so: `column {name}: {type}`" if readable else "name another column of the table"
        raise problem("E358", f"`{key}:` of a grain takes a column of {takes}", place, help)
    return replace(column, type=type)
