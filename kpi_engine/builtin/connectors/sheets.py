"""Spreadsheets (xlsx): one sheet a file, its rows under a header; types from all rows, read as declared."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.guard import reading
from kpi_engine.builtin.connectors.headers import header_names
from kpi_engine.builtin.connectors.null_marks import without_marks
from kpi_engine.builtin.connectors.python_values import column_array, field_of, unified_types
from kpi_engine.builtin.connectors.requested import names_held, physical, select
from kpi_engine.builtin.connectors.scan import Asked, FileScan, Opened
from kpi_engine.builtin.connectors.schemas import merged_schema
from kpi_engine.builtin.connectors.stored_file import Stamp, StoredFile
from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import ColumnRequest, ReadReport, data_error
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import did_you_mean

_WHAT = "a spreadsheet"
_LARGEST_UNPACKED = 1 << 30


@dataclass(frozen=True, slots=True)
class Sheet:
    """The cells of a sheet below its header, by column; `first` is the number (from 1) of the first row among them."""

    name: str
    columns: dict[str, list[Any]]
    rows: int
    first: int
    schema: pa.Schema


class Sheets:
    """Sheets that were read, kept for as long as their files do not change."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, TextOptions], tuple[Stamp, Sheet]] = {}

    def read(self, file: StoredFile, options: TextOptions) -> Sheet:
        """One sheet of a file; KpiError E605, E613, E619 or E621."""
        with reading(file.shown, _WHAT):
            stamp = file.stamp()
        known = self._known.get((file.shown, options))
        if known is not None and known[0] == stamp:
            return known[1]
        found = _read(file, options)
        self._known[file.shown, options] = (stamp, found)
        return found


def schema(files: Sequence[StoredFile], sheets: Sheets, options: TextOptions) -> TableSchema:
    """The columns of all files together."""
    return merged_schema([(file.shown, sheets.read(file, options).schema) for file in files])


def scan(asked: Asked, sheets: Sheets, options: TextOptions) -> FileScan:
    """A scan of spreadsheets, one fragment a file."""

    def open_files() -> Opened:
        read = [(file, sheets.read(file, options)) for file in asked.located.files]
        notes = asked.check([(file.shown, sheet.schema) for file, sheet in read])
        types = unified_types(sheet.schema for _, sheet in read)
        return Opened([SheetFile(file, sheet, options, asked.columns, types) for file, sheet in read], notes=notes)

    return FileScan(asked, "none", open_files)


@dataclass(frozen=True)
class SheetFile:
    """One sheet of one file."""

    file: StoredFile
    sheet: Sheet
    options: TextOptions
    columns: tuple[ColumnRequest, ...]
    types: Mapping[str, pa.DataType]

    @property
    def name(self) -> str:
        """The file and its sheet."""
        return f"{self.file.shown}, sheet {self.sheet.name}"

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def place(self, row: int) -> str:
        """`orders.xlsx, sheet 2026, row 17`: the row's number in the sheet."""
        return f"{self.name}, row {self.sheet.first + row}"

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows, in one batch."""
        report.fragments_read += 1
        report.rows += self.sheet.rows
        with reading(self.name, _WHAT):
            report.bytes += self.file.stamp()[0]
        types = {physical(column): column.type for column in self.columns}
        names = names_held(self.columns, self.file, self.sheet.columns)
        arrays = [column_array(self.sheet.columns[name], types[name], self.types[name]) for name in names]
        arrays = [without_marks(array, self.options) for array in arrays]
        length = pa.nulls(self.sheet.rows)
        batch = pa.RecordBatch.from_arrays([*arrays, length], names=[*names, ""])
        yield select(batch, self.columns, self.file.partitions)


def _read(file: StoredFile, options: TextOptions) -> Sheet:
    name, cells = _cells(file, options)
    header = cells[options.skip] if options.header and len(cells) > options.skip else None
    if options.header and header is None:
        help = 'write at least the row of names, or name the sheet that holds the table: `sheet: "..."`'
        raise data_error("E605", f"{file.shown}, sheet {name}", "the sheet is empty: it has no header", help)
    start = options.skip + (header is not None)
    body = cells[start:]
    while body and all(value == "" for value in body[-1]):
        body.pop()
    width = max(map(len, [header or [], *body]), default=0)
    if header is not None:
        place = f"{file.shown}, sheet {name}, row {start}"
        names = header_names([_as_text(value) for value in header], options, place)
    else:
        names = tuple(f"column{number}" for number in range(1, width + 1))
    columns = {each: [_value(row, number) for row in body] for number, each in enumerate(names)}
    fields = [field_of(each, values) for each, values in columns.items()]
    return Sheet(name, columns, len(body), start + 1, pa.schema(fields))


def _cells(file: StoredFile, options: TextOptions) -> tuple[str, list[list[Any]]]:
    """The sheet's name and all of its rows from the first one on."""
    try:
        # An extra: only those who read spreadsheets have it.
        import python_calamine
    except ImportError as error:
        help = 'install it: `pip install "kpi-engine[xlsx]"`'
        raise data_error("E623", file.shown, "reading spreadsheets needs the package python-calamine", help) from error
    try:
        with reading(file.shown, _WHAT), file.open() as stored:
            if stored.size() == 0:
                raise ValueError("the file is empty (0 bytes)")
            _check_size(stored)
            book = python_calamine.CalamineWorkbook.from_filelike(stored)
            names = list(book.sheet_names)
            name = names[0] if options.sheet is None and names else options.sheet
            if name is None or name not in names:
                help = did_you_mean(name or "", names) or f"the sheets are: {', '.join(names)}"
                missing = "there is no sheet" if name is None else f"there is no sheet `{name}`"
                raise data_error("E605", file.shown, missing, help)
            return name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except python_calamine.CalamineError as error:
        help = "the file may be damaged, cut short or of another format; save it again as xlsx"
        raise data_error("E605", file.shown, f"this cannot be read as {_WHAT}: {error}", help) from error


def _check_size(stored: Any) -> None:
    """ValueError for a file whose parts, unpacked, would fill the memory."""
    try:
        with zipfile.ZipFile(stored) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError("it is no xlsx file, or is cut short") from error
    if size > _LARGEST_UNPACKED:
        raise ValueError(f"it would take {size} bytes unpacked, and at most {_LARGEST_UNPACKED} are read")
    stored.seek(0)


def _value(row: Sequence[Any], number: int) -> Any:
    """A cell as a value: an empty one is null, a whole number is an integer, a date without a time is a date."""
    value = row[number] if number < len(row) else ""
    if value == "":
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, datetime.time):
        return datetime.timedelta(
            hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
        )
    return value


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else "" if value is None else str(value)
