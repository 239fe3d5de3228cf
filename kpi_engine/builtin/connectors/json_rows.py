"""JSON files: types from all rows of all files, read as declared; nested lists and objects stay what they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.json_text import Row, line_of, rows_of
from kpi_engine.builtin.connectors.null_marks import without_marks
from kpi_engine.builtin.connectors.python_values import (
    column_array,
    field_of,
    is_not_finite,
    unified_field,
    unified_types,
)
from kpi_engine.builtin.connectors.requested import names_held, physical, select
from kpi_engine.builtin.connectors.scan import Asked, FileScan, Opened
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.builtin.connectors.stored_file import Stamp, StoredFile, is_compressed
from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import ColumnRequest, ReadReport, data_error
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Type

_WHAT = "JSON"
_MOST_KEPT = 8 << 20
"""Bytes of files whose rows are kept; as Python objects they take about ten times as much."""

_Key = tuple[str, Stamp, str]


class JsonFiles:
    """What is known of files that were read, for as long as they do not change: their columns, and the rows of small
    ones, since a question looks at its sources several times."""

    def __init__(self) -> None:
        self._schemas: dict[_Key, pa.Schema] = {}
        self._rows: dict[_Key, list[list[Row]]] = {}
        self._kept = 0

    def schema(self, file: StoredFile, encoding: str) -> pa.Schema:
        """Names and types of all rows of a file; KpiError E605, E611 or E619."""
        key = _key(file, encoding)
        found = self._schemas.get(key)
        if found is None:
            found = self._schemas[key] = _inferred(self.rows(file, encoding))
        return found

    def rows(self, file: StoredFile, encoding: str) -> Iterable[list[Row]]:
        """The objects of a file, some thousand at a time; KpiError E605, E611 or E619."""
        key = _key(file, encoding)
        size = key[1][0]
        if key not in self._rows and self._kept + size <= _MOST_KEPT and not is_compressed(file.name):
            self._rows[key] = list(rows_of(file, encoding))
            self._kept += size
        return self._rows[key] if key in self._rows else rows_of(file, encoding)


def _key(file: StoredFile, encoding: str) -> _Key:
    with reading(file.shown, _WHAT):
        return file.shown, file.stamp(), encoding


def _inferred(blocks: Iterable[list[Row]]) -> pa.Schema:
    fields: dict[str, pa.Field] = {}
    for rows in blocks:
        for name in _names(rows):
            found = field_of(name, [row.get(name) for row in rows])
            fields[name] = unified_field(fields[name], found) if name in fields else found
    return pa.schema(list(fields.values()))


def _names(rows: Sequence[Row]) -> dict[str, None]:
    names: dict[str, None] = {}
    for row in rows:
        if row.keys() - names.keys():
            names.update(dict.fromkeys(row))
    return names


def schema(files: Sequence[StoredFile], known: JsonFiles, options: TextOptions) -> TableSchema:
    """The columns of all files together."""
    read = [(file, known.schema(file, options.encoding)) for file in files]
    types = unified_types(found for _, found in read)
    return merged_schema([(file.shown, _with(found, types)) for file, found in read])


def _with(schema: pa.Schema, types: Mapping[str, pa.DataType]) -> pa.Schema:
    """A file's schema with the types that lists and objects have over all files."""
    return pa.schema([each.with_type(types[each.name]) if _is_nested(types, each) else each for each in schema])


def _is_nested(types: Mapping[str, pa.DataType], field: pa.Field) -> bool:
    return bool(pa.types.is_nested(types[field.name]))


def scan(asked: Asked, known: JsonFiles, options: TextOptions) -> FileScan:
    """A scan of JSON files, one fragment a file; nothing is known of one before it is read.

    A key that an object does not have is null, and so is one that a whole file does not have, if another has it.
    """

    def open_files() -> Opened:
        read = [(file, known.schema(file, options.encoding)) for file in asked.located.files]
        notes = asked.check([(file.shown, found) for file, found in read if len(found)])
        types = unified_types(found for _, found in read)
        return Opened(
            [JsonFile(file, found, options, asked.columns, types, known) for file, found in read], notes=notes
        )

    return FileScan(asked, "none", open_files)


@dataclass(frozen=True)
class JsonFile:
    """One JSON file."""

    file: StoredFile
    schema: pa.Schema
    options: TextOptions
    columns: tuple[ColumnRequest, ...]
    types: Mapping[str, pa.DataType]
    known: JsonFiles

    @property
    def name(self) -> str:
        """The file."""
        return self.file.shown

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def place(self, row: int) -> str:
        """`orders.jsonl:17`, or `orders.json, row 17` in an array."""
        line = line_of(self.file, self.options.encoding, row)
        return f"{self.name}, row {row + 1}" if line is None else f"{self.name}:{line}"

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows, some thousand at a time."""
        report.fragments_read += 1
        with reading(self.name, _WHAT):
            report.bytes += self.file.stamp()[0]
        types = {physical(column): column.type for column in self.columns}
        names = names_held(self.columns, self.file, self.schema.names)
        first = 0
        for rows in self.known.rows(self.file, self.options.encoding):
            arrays = [self._array(name, rows, types, first, report) for name in names]
            length = pa.array([None] * len(rows), pa.null())
            batch = pa.RecordBatch.from_arrays([*arrays, length], names=[*names, ""])
            first += len(rows)
            report.rows += len(rows)
            yield select(batch, self.columns, self.file.partitions)

    def _array(
        self, name: str, rows: Sequence[Row], types: Mapping[str, Type | None], first: int, report: ReadReport
    ) -> pa.Array:
        values = [row.get(name) for row in rows]
        try:
            found = column_array(values, types[name], self.types.get(name))
        except UnicodeEncodeError as error:
            bad = next(index for index, value in enumerate(values) if isinstance(value, str) and not _is_text(value))
            message = f"`{name}` holds half a character (an unpaired surrogate such as \\ud800)"
            raise data_error("E619", self.place(first + bad), message, "correct the line") from error
        if pa.types.is_string(found.type):  # numbers as texts, among which nothing stands for NaN
            report.nan_values += sum(map(is_not_finite, values))
        return without_marks(found, self.options)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
