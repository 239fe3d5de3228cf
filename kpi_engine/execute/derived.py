"""Sources whose rows are made of others: filtered, the latest of each id, pairs; and sources without duplicates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from kpi_engine.execute.evaluate import arrow_type
from kpi_engine.execute.reader import SourceReader
from kpi_engine.execute.rows import Inputs, Rows
from kpi_engine.execute.scan import selected
from kpi_engine.extend.rows import Fragment, Push, ReadReport, Scan
from kpi_engine.ir.catalog import Derived, Source
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.expression import Expression
from kpi_engine.kernels.derive import TooManyItems, distinct_rows, latest_rows, pair_rows
from kpi_engine.kernels.states import joined

_BATCH = 1 << 20


@dataclass(frozen=True, slots=True)
class DerivingReader:
    """Reads plain sources through `reader`, and makes the rows of all others."""

    reader: SourceReader
    inputs: Inputs

    def open(self, source: Source, columns: Sequence[str], predicates: Sequence[Expression] = ()) -> Scan:
        """A scan of stored columns of any source."""
        if source.derived is not None:
            return MadeScan(_batch(columns, _derived(source, source.derived, columns, self.inputs)))
        if source.distinct or source.latest_by is not None:
            return MadeScan(_batch(columns, self._without_duplicates(source, columns)))
        return self.reader.open(source, columns, predicates)

    def _without_duplicates(self, source: Source, columns: Sequence[str]) -> list[pa.Array]:
        arrays = whole_columns(self.reader.open(source, columns), source, columns)
        if source.distinct:
            kept = distinct_rows(arrays)
            arrays = [array.take(kept) for array in arrays]
        if source.latest_by is not None:
            by_name = dict(zip(columns, arrays, strict=True))
            kept = latest_rows([by_name[name] for name in source.key], by_name[source.latest_by])
            arrays = [array.take(kept) for array in arrays]
        return arrays


def whole_columns(scan: Scan, source: Source, columns: Sequence[str]) -> list[pa.Array]:
    """All rows of a scan, an array a column. Dictionaries, which differ from batch to batch, are decoded."""
    batches = [batch for fragment in scan.fragments() for batch in fragment.batches(ReadReport())]
    if not batches:
        return [pa.array([], arrow_type(source.columns[name].type)) for name in columns]
    return [joined([_plain(batch.column(number)) for batch in batches]) for number in range(len(columns))]


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _derived(source: Source, derived: Derived, columns: Sequence[str], inputs: Inputs) -> list[pa.Array]:
    base = inputs.target(derived.base)
    match derived.kind:
        case "filter":
            assert derived.where is not None
            kept = selected(base, base.array(derived.where))
            return [_plain(kept.column(name)) for name in columns]
        case "latest":
            rows = latest_rows([base.column(key) for key in derived.keys], base.times())
            return [_plain(base.column(name).take(rows)) for name in columns]
        case "pairs":
            return _pairs(source, derived, columns, base)
    raise AssertionError(f"rows are not made by {derived.kind}")


def _pairs(source: Source, derived: Derived, columns: Sequence[str], base: Rows) -> list[pa.Array]:
    assert derived.column is not None
    items = _plain(base.column(derived.column))
    keys = [_plain(base.column(key)) for key in derived.keys]
    try:
        first, second, dated = pair_rows(keys, items, base.times(), derived.max_items)
    except TooManyItems as error:
        raise KpiError(_too_many(source, derived, error)) from error
    made = dict(zip(derived.keys, [key.take(first) for key in keys], strict=True))
    made |= {"item": items.take(first), "other": items.take(second)}
    return [made[name] if name in made else _plain(base.column(name)).take(dated) for name in columns]


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


def _batch(columns: Sequence[str], arrays: Sequence[pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(arrays), names=list(columns))


@dataclass(frozen=True, slots=True)
class MadeScan:
    """A scan of rows in memory."""

    batch: pa.RecordBatch
    pushed: Sequence[Push] = ()
    pruned: int = 0
    options: dict[str, object] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def fragments(self) -> Sequence[Fragment]:
        """All rows, as one fragment."""
        return (MadeFragment(self.batch),)


@dataclass(frozen=True, slots=True)
class MadeFragment:
    """Rows in memory, in batches of a size that keeps what is computed from them small."""

    batch: pa.RecordBatch
    name: str = "made rows"

    def bounds(self, column: str) -> tuple[object, object] | None:
        """Not known."""
        return None

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The rows."""
        for start in range(0, self.batch.num_rows, _BATCH):
            yield self.batch.slice(start, _BATCH)

    def place(self, row: int) -> str:
        """Where a row stands."""
        return f"row {row + 1}"
