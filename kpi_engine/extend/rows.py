"""How rows come in: what is asked of a connector, and what it answers."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from kpi_engine.extend.secrets import NoSecret, Secret, follow
from kpi_engine.ir.catalog import PathStep, TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Value
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.ir.types import Type

if TYPE_CHECKING:
    import pyarrow as pa


def data_error(code: str, place: str, message: str, help: str = "") -> KpiError:
    """The error for a problem in data: `place` is a table, a file, or a file with a line (`orders.csv:17`).

    >>> data_error("E601", "orders", "there is no such table").diagnostics[0].location
    'orders'
    """
    span = Span(SourceText(place, ""), 0, 0)
    return KpiError(Diagnostic(code, message, span, help, exit_code=ExitCode.DATA))


Push = Literal["exact", "inexact", "none"]
"""What a connector does with a predicate: all of it, part of it (it is applied again), nothing."""


Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "is_null"]


@dataclass(frozen=True, slots=True)
class Predicate:
    """`column operator value`, joined by and; `value` is a tuple for `in`, unused for `is_null`.

    An instant is a `datetime` in UTC. A column of local times holds those of `TableRequest.timezone`, so that a
    connector that does not know zones answers `none`, or lets a day more pass on both sides.
    """

    column: str
    operator: Operator
    value: Value | tuple[Value, ...] = None


@dataclass(frozen=True, slots=True)
class ColumnRequest:
    """A stored column wanted: its name in the answer, in the table, the declared type (None: the table's own).

    With a `path` only a part of a nested column is wanted. A connector gives the column as it is stored, or with no
    more than the parts that some path leads to.

    With `edges` (ascending instants, or dates) only the place of each value among these is looked at: where statistics
    say that no value is missing and that no edge lies above the least value and up to the greatest, the least may be
    given for all, and nothing has to be read.
    """

    name: str
    physical: str
    type: Type | None = None
    format: str | None = None
    options: tuple[tuple[str, object], ...] = ()
    path: tuple[PathStep, ...] = ()
    edges: tuple[datetime.date, ...] | None = None


@dataclass(frozen=True, slots=True)
class TableRequest:
    """A physical table: its names as written (verbatim), its options, the folder that relative paths start from."""

    names: tuple[str, ...]
    options: tuple[tuple[str, object], ...] = ()
    timezone: str = "UTC"
    on_error: Literal["stop", "null"] = "stop"
    source: str = ""
    """Name of the source, for messages."""


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """Rows wanted: the table, the columns, predicates on physical columns. Rows that a predicate rules out are not
    wanted; the core rules out itself what a connector lets pass.

    `batch_rows` is about how many rows a batch need have, for connectors that can do with less memory for it: what is
    made of a batch does not grow with it. None: what is made of few large batches is less.
    """

    table: TableRequest
    columns: tuple[ColumnRequest, ...]
    predicates: tuple[Predicate, ...] = ()
    batch_rows: int | None = None


@dataclass(slots=True)
class FailedValues:
    """The values of one column that do not fit its type: how many, and errors that name the first few of them."""

    count: int = 0
    examples: list[Diagnostic] = field(default_factory=list)


@dataclass
class ReadReport:
    """Counted while reading: what a run reports about its input.

    `failed_in` names the columns of `failed_casts`, each with the piece in which it failed.
    `failures` keeps failing values by column where somebody wants to see them, which takes looking for their lines.
    """

    rows: int = 0
    bytes: int = 0
    fragments_read: int = 0
    fragments_pruned: int = 0
    failed_casts: int = 0
    nan_values: int = 0
    notes: list[str] = field(default_factory=list)
    failed_in: list[str] = field(default_factory=list)
    failures: dict[str, FailedValues] | None = None


class Fragment(Protocol):
    """A part of a table that is read on its own: a file, or a row group of one. Different fragments may be read by
    different threads at the same time."""

    @property
    def name(self) -> str:
        """What messages call it: the file's path, with the row group if it has several."""

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Least and greatest value of a requested column from statistics (both inclusive); None if not known."""

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows, columns named and ordered as requested; a column without any name asked keeps the row count.

        A connector gives the types that the table has; the connect stage turns them into the engine's physical
        types, and counts failed casts and NaN values, before anything else sees them.
        """

    def place(self, row: int) -> str:
        """Where a row stands (from 0, in the order of `batches`), for messages: `orders.csv:17`."""


class Scan(Protocol):
    """An opened request. `pushed` answers each predicate in order.

    `extend.scans` makes one of an Arrow Dataset, or of a function that opens a stream of batches.
    """

    @property
    def pushed(self) -> Sequence[Push]:
        """One answer a predicate."""

    def fragments(self) -> Sequence[Fragment]:
        """The fragments that are left after pruning, in a fixed order."""

    @property
    def pruned(self) -> int:
        """How many fragments the predicates ruled out."""

    @property
    def options(self) -> Mapping[str, object]:
        """The table's options, completed by the connection's: how texts are to be read as other types."""

    @property
    def notes(self) -> Sequence[str]:
        """What a run reports about the table besides its rows, such as files passed over."""


class Connector(Protocol):
    """A source of tables, made of the settings of one connection: `Connector(settings: ConnectionSettings)`.

    Making one opens nothing. Methods raise `KpiError` (E6xx, see `data_error`) with file, line, column and value for
    what users can mend. A connector that can also aggregate has the methods of `extend.measures.Aggregating`.
    """

    def tables(self) -> Sequence[str]:
        """The names of the tables that there are; those that can be read but not listed are left out."""

    def schema(self, table: TableRequest) -> TableSchema:
        """Columns and types; reads no rows. KpiError if there is no such table."""

    def scan(self, request: ScanRequest) -> Scan:
        """Open for reading. Nothing is read before `fragments()` and `batches()`."""


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """One `[connections.NAME]` of kpi.toml."""

    name: str
    connector: str = "files"
    options: tuple[tuple[str, object], ...] = ()
    folder: str = "."
    """The folder that relative paths start from: that of kpi.toml, or `--data`; or `s3://bucket/prefix`."""
    home: str = "."
    """The folder of kpi.toml, which references to files of secrets start from."""
    modified: datetime.datetime | None = None

    def secret(self, key: str) -> Secret | None:
        """What the reference under an option leads to (`password = "env:SHOP_PASSWORD"`); None if it is not set.

        KpiError E624 where it is no reference, or leads nowhere. Follow it when the connection is opened, not before.
        """
        reference = dict(self.options).get(key)
        if reference is None:
            return None
        if isinstance(reference, tuple) and len(reference) == 1:  # {env = "NAME"}
            reference = ":".join(map(str, reference[0]))
        try:
            return follow(str(reference), self.home)
        except NoSecret as error:
            place = f"connection {self.name}"
            raise data_error("E624", place, f"`{key}` {error.problem}", error.help) from None


class Fingerprinted(Protocol):
    """A fragment that knows when its rows are the same as before. States made of it can be kept from run to run."""

    def fingerprint(self) -> str | None:
        """A text that changes whenever the rows of the fragment may have: for a file its path, size, time of change and
        identity, for a page of a service its version. None if that is not known, or not settled: what changed a moment
        ago may change again within the same tick of the clock. It is asked for before and after reading. A fragment
        from which predicates take rows away has none either: what it gives is not all there is."""


def fingerprint_of(fragment: Fragment) -> str | None:
    """The fingerprint of a fragment; None if it has none."""
    # To ask a protocol with `isinstance` takes ten times as long, and tables have a thousand fragments.
    known: Callable[[], str | None] | None = getattr(fragment, "fingerprint", None)
    return None if known is None else known()


class Counted(Protocol):
    """A fragment that knows how many rows it has before it is read. Small ones are read by one thread together."""

    @property
    def row_count(self) -> int | None:
        """The number of its rows; None if that is not known."""


def rows_in(fragment: Fragment) -> int | None:
    """The number of rows of a fragment, if it is known before it is read."""
    # To ask whether it has the protocol takes as long as to read a small column.
    found = getattr(fragment, "row_count", None)
    return found if isinstance(found, int) and found >= 0 else None


@runtime_checkable
class Joinable(Protocol):
    """A fragment of which what is done once a batch can be done for neighbouring fragments together."""

    def with_following(self, following: Iterable[Fragment], report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows of this fragment and of others of the same scan, in order, as `batches` gives them one by one."""


def batches_of_all(fragments: Iterable[Fragment], report: ReadReport) -> Iterator[pa.RecordBatch]:
    """The rows of some fragments of one scan, in order; small batches come together where the scan joins them."""
    each = iter(fragments)
    first = next(each, None)
    if isinstance(first, Joinable):
        yield from first.with_following(each, report)
    elif first is not None:
        yield from first.batches(report)
        for fragment in each:
            yield from fragment.batches(report)
