"""Sources whose rows are made of others: filtered, the latest of each id, pairs; and sources without duplicates."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

import pyarrow as pa

from kpi_engine.execute.evaluate import arrow_type
from kpi_engine.execute.reader import NO_EDGES, SourceReader
from kpi_engine.execute.rows import Inputs, Rows
from kpi_engine.execute.source_rows import selected
from kpi_engine.execute.tasks import bundles, in_order
from kpi_engine.extend.rows import Fragment, Push, ReadReport, Scan, batches_of_all
from kpi_engine.ir.catalog import Derived, Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Expression, Field, walk
from kpi_engine.kernels.nested import joined_lists
from kpi_engine.kernels.states import joined

if TYPE_CHECKING:
    from kpi_engine.extend.measures import Aggregating, SourceTable
    from kpi_engine.kernels.derive import TooManyItems


_BATCH = 1 << 20


@dataclass(frozen=True, slots=True)
class DerivingReader:
    """Reads plain sources through `reader`, and makes the rows of all others."""

    reader: SourceReader
    inputs: Inputs

    def open(
        self,
        source: Source,
        columns: Sequence[str],
        predicates: Sequence[Expression] = (),
        edges: Mapping[str, tuple[datetime.date, ...]] = NO_EDGES,
        batch_rows: int | None = None,
    ) -> Scan:
        """A scan of stored columns of any source."""
        if source.distinct or source.latest_by is not None:
            return _without_duplicates(source, columns, self._open(source, columns, (), NO_EDGES, None))
        return self._open(source, columns, predicates, edges, batch_rows)

    def aggregating(self, source: Source) -> Aggregating | None:
        """The connector of a plain source, if it can answer measure queries."""
        return self.reader.aggregating(source) if source.derived is None else None

    def source_table(self, source: Source, columns: Sequence[str], where: Expression | None) -> SourceTable:
        """A plain source as its connector sees it."""
        return self.reader.source_table(source, columns, where)

    def _open(
        self,
        source: Source,
        columns: Sequence[str],
        predicates: Sequence[Expression],
        edges: Mapping[str, tuple[datetime.date, ...]],
        batch_rows: int | None,
    ) -> Scan:
        if source.derived is None:
            return self.reader.open(source, columns, predicates, edges, batch_rows)
        if source.derived.kind == "unnest":
            return self._unnested(source, columns, predicates)
        return MadeScan(_derived(source, source.derived, columns, self.inputs))

    def _unnested(self, source: Source, columns: Sequence[str], predicates: Sequence[Expression]) -> Scan:
        """Elements of the rows of the base, which is scanned as it is; conditions on the parent are offered to it."""
        from kpi_engine.execute.unnest import Unnest, UnnestScan

        unnest = Unnest.of(self.inputs.catalog, source, columns, self.inputs)
        base = self.inputs.catalog.sources[unnest.base]
        offered = [each for each in predicates if _on_columns(each, set(base.columns) & set(unnest.parents))]
        return UnnestScan(self.open(base, unnest.base_columns, offered), unnest)


def _without_duplicates(source: Source, columns: Sequence[str], scan: Scan) -> MadeScan:
    from kpi_engine.kernels.derive import distinct_rows, latest_rows

    report = ReadReport()
    arrays = whole_columns(scan, source, columns, report=report)
    if source.distinct:
        kept = distinct_rows(arrays)
        arrays = [array.take(kept) for array in arrays]
    if source.latest_by is not None:
        by_name = dict(zip(columns, arrays, strict=True))
        kept = latest_rows([by_name[name] for name in source.key], by_name[source.latest_by])
        arrays = [array.take(kept) for array in arrays]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    return MadeScan(batch, pruned=scan.pruned, notes=scan.notes, read=report)


def whole_columns(
    scan: Scan, source: Source, columns: Sequence[str], threads: int = 1, report: ReadReport | None = None
) -> list[pa.Array]:
    """All rows of a scan, an array a column. Dictionaries, which differ from batch to batch, become one. What was
    counted while reading is added to `report`."""

    def read(fragments: Sequence[Fragment]) -> tuple[list[pa.RecordBatch], ReadReport]:
        own = ReadReport()
        return list(batches_of_all(fragments, own)), own

    batches = []
    for part, own in in_order(read, bundles(scan.fragments(), threads), threads):
        batches.extend(part)
        if report is not None:
            _add(report, own)
    if not batches:
        return [empty_column(source, name) for name in columns]
    return [_joined([batch.column(number) for batch in batches]) for number in range(len(columns))]


def _add(report: ReadReport, part: ReadReport) -> None:
    """Count what is said beside an answer."""
    report.bytes += part.bytes
    report.failed_casts += part.failed_casts
    report.failed_in += (each for each in part.failed_in if each not in report.failed_in)
    report.nan_values += part.nan_values


def empty_column(source: Source, name: str) -> pa.Array:
    """A stored column without rows; what is no column of the catalogue's (lists, columns of parents) has no type."""
    column = source.columns.get(name)
    return pa.array([], pa.null() if column is None else arrow_type(column.type))


def _joined(arrays: Sequence[pa.Array]) -> pa.Array:
    nested = [array for array in arrays if pa.types.is_large_list(array.type)]
    return joined_lists(arrays) if nested else joined(arrays)


def _on_columns(condition: Expression, columns: set[str]) -> bool:
    """Whether a condition reads some of these columns and nothing else."""
    fields = [node for node in walk(condition) if isinstance(node, Field)]
    return all(not field.steps and field.column in columns for field in fields)


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _derived(source: Source, derived: Derived, columns: Sequence[str], inputs: Inputs) -> pa.RecordBatch:
    # What is not known yet is no latest row, and in no basket.
    base = inputs.target(derived.base) if derived.kind == "filter" else inputs.past(derived.base)
    match derived.kind:
        case "filter":
            assert derived.where is not None
            kept = selected(base, base.array(derived.where))
            return _batch(columns, [_plain(kept.column(name)) for name in columns], kept.length)
        case "latest":
            from kpi_engine.kernels.derive import latest_rows

            rows = latest_rows([base.column(key) for key in derived.keys], base.times())
            return _batch(columns, [_plain(base.column(name).take(rows)) for name in columns], len(rows))
        case "pairs":
            return _pairs(source, derived, columns, base)
    raise AssertionError(f"rows are not made by {derived.kind}")


def _pairs(source: Source, derived: Derived, columns: Sequence[str], base: Rows) -> pa.RecordBatch:
    from kpi_engine.kernels.derive import TooManyItems, pair_rows

    assert derived.column is not None
    items = _plain(base.column(derived.column))
    keys = [_plain(base.column(key)) for key in derived.keys]
    try:
        first, second, dated = pair_rows(keys, items, base.times(), derived.max_items)
    except TooManyItems as error:
        raise KpiError(_too_many(source, derived, error)) from error
    made = dict(zip(derived.keys, [key.take(first) for key in keys], strict=True))
    made |= {"item": items.take(first), "other": items.take(second)}
    arrays = [made[name] if name in made else _plain(base.column(name)).take(dated) for name in columns]
    return _batch(columns, arrays, len(first))


def _too_many(source: Source, derived: Derived, error: TooManyItems) -> Diagnostic:
    shown = f'"{error.key}"' if isinstance(error.key, str) else str(error.key)
    more = f", and {error.baskets - 1} more have too many" if error.baskets > 1 else ""
    return Diagnostic(
        "E822",
        f"{derived.keys[0]} {shown} has {error.items} items, and {source.name} pairs at most {derived.max_items}{more}",
        source.span,
        "raise `max_items:` of the source, or filter such baskets out of its base",
        exit_code=ExitCode.LIMIT,
    )


def _batch(columns: Sequence[str], arrays: Sequence[pa.Array], rows: int) -> pa.RecordBatch:
    from kpi_engine.execute.unnest import row_count

    return pa.RecordBatch.from_arrays(list(arrays), names=list(columns)) if columns else row_count(rows)


@dataclass(frozen=True, slots=True)
class MadeScan:
    """A scan of rows in memory; `read` is what was counted while the rows were read that they are made of."""

    batch: pa.RecordBatch
    pushed: Sequence[Push] = ()
    pruned: int = 0
    options: dict[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()
    read: ReadReport = field(default_factory=ReadReport)

    def fragments(self) -> Sequence[Fragment]:
        """All rows, as one fragment."""
        return (MadeFragment(self.batch, self.read),)


@dataclass(frozen=True, slots=True)
class MadeFragment:
    """Rows in memory, in batches of a size that keeps what is computed from them small."""

    batch: pa.RecordBatch
    read: ReadReport
    name: str = "made rows"

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows."""
        _add(report, self.read)
        for start in range(0, self.batch.num_rows, _BATCH):
            yield self.batch.slice(start, _BATCH)

    def place(self, row: int) -> str:
        """Where a row stands."""
        return f"row {row + 1}"
