"""Columns whose values are in the names of folders: their types, their bounds, and files that a filter rules out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kpi_engine.builtin.connectors.locate import Located
from kpi_engine.builtin.connectors.partition_names import partition_names
from kpi_engine.builtin.connectors.requested import physical
from kpi_engine.builtin.connectors.stored_file import StoredFile
from kpi_engine.extend.rows import ColumnRequest, ScanRequest
from kpi_engine.ir.catalog import TableColumn, TableSchema
from kpi_engine.ir.types import DATE, INTEGER, TEXT, Kind, Type

if TYPE_CHECKING:
    from kpi_engine.builtin.connectors.pruning import Statistics

_INTEGER = r"-?(?:0|[1-9][0-9]{0,17})"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ORDERED = (Kind.TEXT, Kind.INTEGER, Kind.DATE)


def with_partitions(schema: TableSchema, files: Sequence[StoredFile]) -> TableSchema:
    """A table's schema with the columns that folders give; one that files have, too, is the folders'."""
    names = partition_names(files)
    own = tuple(column for column in schema.columns if column.name not in names)
    given = tuple(_column(position, name, files) for position, name in enumerate(names))
    return replace(schema, columns=(*own, *given))


def _column(position: int, name: str, files: Sequence[StoredFile]) -> TableColumn:
    values = {file.partitions[position][1] for file in files} - {None}
    return TableColumn(name, _type_of([value for value in values if value is not None]), "the name of a folder")


def _type_of(values: Sequence[str]) -> Type:
    """Integers and dates where all values are written as such; `01` stays a text, as it does everywhere else."""
    if values and all(re.fullmatch(_INTEGER, value) for value in values):
        return INTEGER
    if values and all(re.fullmatch(_DAY, value) for value in values):
        from kpi_engine.kernels.casts import try_cast

        dates = try_cast(pa.array(values, pa.string()), DATE)
        return TEXT if dates.failing.size else DATE
    return TEXT


def within_predicates(located: Located, request: ScanRequest, options: Mapping[str, object]) -> Located:
    """The located files without those whose folders no predicate lets pass."""
    names = partition_names(located.files)
    columns = {physical(column): column for column in request.columns}
    judged = [each for each in request.predicates if each.column in names and each.column in columns]
    if not judged:
        return located

    from kpi_engine.builtin.connectors.pruning import excludes

    def may_hold(file: StoredFile) -> bool:
        return not any(excludes(_statistics(file, columns[each.column], options), each) for each in judged)

    kept = tuple(file for file in located.files if may_hold(file))
    return replace(located, files=kept, pruned=len(located.files) - len(kept))


def _statistics(file: StoredFile, column: ColumnRequest, options: Mapping[str, object]) -> Statistics:
    from kpi_engine.builtin.connectors.pruning import Statistics

    text = dict(file.partitions)[physical(column)]
    if text is None:
        return Statistics(1, 1)
    value = _value(text, column, options)
    return Statistics(1, 0, value, value)


def partition_bounds(
    file: StoredFile, columns: Sequence[ColumnRequest], name: str, options: Mapping[str, object]
) -> tuple[object, object] | None:
    """The one value of a requested column in a file whose folders give it, as both bounds; None if they do not."""
    for column in columns:
        if column.name == name:
            text = dict(file.partitions).get(physical(column))
            value = None if text is None else _value(text, column, options)
            return None if value is None else (value, value)
    return None


def _value(text: str, column: ColumnRequest, options: Mapping[str, object]) -> Any:
    """A folder's text as the column's type; None for types and texts by which nothing is ruled out."""
    if column.type is None or column.type.kind not in _ORDERED:
        return None
    from kpi_engine.kernels.cast_forms import Style
    from kpi_engine.kernels.casts import try_cast

    format = column.format or (options.get("date_format") if column.type.kind is Kind.DATE else None)
    read = try_cast(pa.array([text], pa.string()), column.type, Style(format=None if format is None else str(format)))
    return read.values[0].as_py()
