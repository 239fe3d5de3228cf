"""What is known of tables after all of their rows were read once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

import pyarrow as pa

from kpi_engine.builtin.connectors import FilesConnector
from kpi_engine.connect.conform import conformer
from kpi_engine.connect.reader import ConformedScan
from kpi_engine.extend.rows import ColumnRequest, ConnectionSettings, ReadReport, ScanRequest, TableRequest
from kpi_engine.inspect.draft.layout import layout_of
from kpi_engine.inspect.draft.naming import quoted, snake
from kpi_engine.inspect.draft.tables import FoundTable
from kpi_engine.inspect.draft.types import TypeGuess, guess_type
from kpi_engine.ir.catalog import OptionValue, TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.types import DECIMAL, TEXT, Kind, Type
from kpi_engine.kernels.cast_forms import NumberStyle, Style
from kpi_engine.kernels.casts import try_cast
from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.inspection import repeated_keys, value_range
from kpi_engine.kernels.states import joined
from kpi_engine.kernels.tallies import Tally, Tallying, row_numbers

_ZONE = re.compile(r"tz=([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column: its name, its type, how its texts are read, and its different values with their counts.

    `stored` is the type that the table itself gives, None in text files; `low` and `high` are the extremes.
    """

    name: str
    guess: TypeGuess
    stored: Type | None
    tally: Tally
    low: object = None
    high: object = None
    zone: str | None = None

    @property
    def type(self) -> Type:
        """The type that the draft gives the column."""
        return self.guess.type

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self.tally.rows

    @property
    def present(self) -> int:
        """Rows with a value."""
        return int(self.tally.counts.sum())

    @property
    def distinct(self) -> int:
        """Different values."""
        return len(self.tally)

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.rows > 0 and self.distinct == self.rows

    def most_frequent(self, most: int) -> list[object]:
        """The values that occur most often."""
        found: list[object] = self.tally.most_frequent(most).values.to_pylist()
        return found


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table: where it is, how it is written (`options` of the source), its columns and rows."""

    root: Path
    found: FoundTable
    name: str
    options: Mapping[str, OptionValue]
    columns: Mapping[str, ColumnFacts]
    rows: int
    text: bool
    doubts: tuple[str, ...] = field(default=())
    lacking: tuple[str, ...] = field(default=())
    """Columns that some of the files do not have, as sentences."""

    def pairs_are_unique(self, first: str, second: str) -> bool:
        """Whether no two rows agree in both columns; the table is read again for it."""
        connector, table = _connector(self.root), _request(self.found, self.options)
        arrays: list[list[pa.Array]] = [[], []]
        for batch in _batches(connector, table, tuple(ColumnRequest(name, name) for name in (first, second))):
            for kept, values in zip(arrays, batch.columns, strict=True):
                kept.append(values.dictionary_decode() if pa.types.is_dictionary(values.type) else values)
        return not repeated_keys([joined(kept) for kept in arrays]).keys

    def of_kind(self, *kinds: Kind) -> list[ColumnFacts]:
        """The columns of some kinds, in the table's order."""
        return [column for column in self.columns.values() if column.type.kind in kinds]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A table that could not be read, and why."""

    found: FoundTable
    reason: str


def read_facts(root: Path, found: FoundTable) -> TableFacts | Unreadable:
    """Read a table once and say what its columns hold. Memory follows the number of different values."""
    try:
        options = _layout_options(found)
        connector, table = _connector(root), _request(found, options)
        schema = connector.schema(table)
        if schema.text:
            options = _with_names(options, schema)
        if lacking := _later_columns(connector, found, options):
            options = {**options, "missing_columns": "null"}
        table = _request(found, options)
        schema = connector.schema(table)
        tallies, rows = _tallies(connector, table, schema)
        return _facts(root, found, options, schema, tallies, rows, lacking)
    except KpiError as error:
        first = error.diagnostics[0]
        return Unreadable(found, f"{first.location}: {first.message}" if first.location else first.message)
    except (OSError, ValueError, KernelError, pa.ArrowException) as error:
        # Whatever one table holds, the others can be drafted.
        return Unreadable(found, str(error) or type(error).__name__)


def _later_columns(connector: FilesConnector, found: FoundTable, options: Mapping[str, OptionValue]) -> tuple[str, ...]:
    """Columns that some files of a table lack, each as a sentence with the first such file."""
    if not found.several:
        return ()
    own = [replace(found, table=_within(found, file), files=(file,)) for file in found.files]
    names = {one.table: [each.name for each in connector.schema(_request(one, options)).columns] for one in own}
    every = dict.fromkeys(name for held in names.values() for name in held)
    without = {name: [table for table, held in names.items() if name not in held] for name in every}
    return tuple(
        f"`{name}` is not in {len(tables)} of {len(own)} files, first {tables[0]}"
        for name, tables in without.items()
        if tables
    )


def _within(found: FoundTable, file: Path) -> str:
    """A file of a table as `table:` would name it alone."""
    return str(Path(found.table).parent / file.name)


def _layout_options(found: FoundTable) -> dict[str, OptionValue]:
    """Options of a text file that differ from what is usual; those of the first file that has any row."""
    if found.format != "csv":
        return {}
    layout = layout_of(max(found.files[:20], key=lambda file: file.stat().st_size))
    options: dict[str, OptionValue] = {}
    if layout.delimiter is not None:
        options["delimiter"] = {"\t": "tab"}.get(layout.delimiter, layout.delimiter)
    if layout.encoding is not None:
        options["encoding"] = layout.encoding
    if not layout.header:
        options["header"] = False
    return options


def _with_names(options: dict[str, OptionValue], schema: TableSchema) -> dict[str, OptionValue]:
    """Headers such as `Order ID` become names, if they stay different."""
    names = [column.name for column in schema.columns]
    plain = [snake(name) for name in names]
    odd = any(quoted(name) != name for name in names)
    return {**options, "names": "snake_case"} if odd and len(set(plain)) == len(names) and all(plain) else options


def _tallies(connector: FilesConnector, table: TableRequest, schema: TableSchema) -> tuple[dict[str, Tally], int]:
    requests = tuple(
        ColumnRequest(column.name, column.name) for column in schema.columns if schema.text or column.type is not None
    )
    tallyings = {request.name: Tallying() for request in requests}
    rows = 0
    for batch in _batches(connector, table, requests):
        numbers = row_numbers(rows, batch.num_rows)
        rows += batch.num_rows
        for request, values in zip(requests, batch.columns, strict=True):
            tallyings[request.name].add(values, numbers)
    return {name: tallying.tally() for name, tallying in tallyings.items()}, rows


def _connector(root: Path) -> FilesConnector:
    return FilesConnector(ConnectionSettings("default", folder=str(root)))


def _request(found: FoundTable, options: Mapping[str, OptionValue]) -> TableRequest:
    return TableRequest((found.table,), tuple(options.items()), source=found.name)


def _batches(
    connector: FilesConnector, table: TableRequest, requests: tuple[ColumnRequest, ...]
) -> Iterator[pa.RecordBatch]:
    """All rows, in the types that the table gives."""
    scan = connector.scan(ScanRequest(table, requests))
    for fragment in ConformedScan(scan, conformer(requests, scan.options, "UTC")).fragments():
        yield from fragment.batches(ReadReport())


def _facts(
    root: Path,
    found: FoundTable,
    options: dict[str, OptionValue],
    schema: TableSchema,
    tallies: Mapping[str, Tally],
    rows: int,
    lacking: tuple[str, ...],
) -> TableFacts:
    stored = {column.name: column for column in schema.columns}
    guesses = {name: _guess(name, tally, stored[name].type, schema.text) for name, tally in tallies.items()}
    options, guesses, doubts = _with_styles(options, guesses)
    if "encoding" in options:
        doubts = (f"{found.table} is not in UTF-8, and is read as {options['encoding']}: look at its letters", *doubts)
    if lacking:
        doubts = (f"columns of {found.table} that came later are null in older files: {'; '.join(lacking)}", *doubts)
    columns = {}
    for name, guess in guesses.items():
        zone = _ZONE.search(stored[name].physical)
        tally, low, high = _read(tallies[name], guess, options)
        known = None if schema.text else stored[name].type
        columns[name] = ColumnFacts(name, guess, known, tally, low, high, zone[1] if zone else None)
    return TableFacts(root, found, found.name, options, columns, rows, schema.text, doubts, lacking)


def _guess(name: str, tally: Tally, stored: Type | None, text: bool) -> TypeGuess:
    if stored is not None and stored.kind is not Kind.TEXT:
        return TypeGuess(stored)
    guess = guess_type(tally, name) if len(tally) else TypeGuess(TEXT, doubts=("it is empty in every row",))
    # Words for null and marks of numbers are options of text files; other tables have real nulls and numbers.
    return guess if text or not (guess.nulls or guess.numbers) else TypeGuess(TEXT)


def _with_styles(
    options: dict[str, OptionValue], guesses: dict[str, TypeGuess]
) -> tuple[dict[str, OptionValue], dict[str, TypeGuess], tuple[str, ...]]:
    """Options for the whole table out of its columns' styles; a column that they would break stays a text."""
    nulls = tuple(dict.fromkeys(word for guess in guesses.values() for word in guess.nulls))
    if nulls:
        options = {**options, "null_values": nulls}
    marked = [guess.numbers for guess in guesses.values() if guess.numbers is not None]
    if not marked:
        return options, guesses, ()
    style = max(set(marked), key=marked.count)
    kept, doubts = {}, []
    for name, guess in guesses.items():
        plain = guess.type == DECIMAL and guess.numbers is None and style.decimal == ","
        other = guess.numbers is not None and guess.numbers != style
        kept[name] = TypeGuess(TEXT) if plain or other else guess
        if plain or other:
            doubts.append(f"`{name}` writes numbers in another way than the other columns, and is left as text")
    if style.decimal != ".":
        options = {**options, "decimal": style.decimal}
    return {**options, "thousands": style.thousands}, kept, tuple(doubts)


def _read(tally: Tally, guess: TypeGuess, options: Mapping[str, OptionValue]) -> tuple[Tally, object, object]:
    """The tally in the guessed type, words for null left out, and its extremes."""
    nulls = options.get("null_values", ())
    if isinstance(nulls, tuple) and nulls and pa.types.is_string(tally.values.type):
        known = [position for position, text in enumerate(tally.values.to_pylist()) if text not in nulls]
        tally = tally.at(known)
    if guess.type == TEXT or not len(tally):
        return tally, None, None
    if not pa.types.is_string(tally.values.type):
        return tally, *value_range(tally.values)
    style = Style(format=guess.format, numbers=guess.numbers or NumberStyle())
    typed = try_cast(tally.values, guess.type, style).values
    low, high = value_range(typed)
    return replace(tally, values=typed), low, high
