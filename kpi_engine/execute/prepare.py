"""Prepared inputs: the rows that references lead to, read once and indexed by their key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from kpi_engine.execute.evaluate import arrow_type
from kpi_engine.execute.reader import SourceReader
from kpi_engine.execute.rows import Prepared, Rows, World
from kpi_engine.execute.scan import own_rows
from kpi_engine.extend.rows import ReadReport
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.plan import Lookup
from kpi_engine.kernels.lookup import DuplicateKey, KeyIndex
from kpi_engine.kernels.states import joined


def preparer(world: World, reader: SourceReader, lookups: Sequence[Lookup]) -> Callable[[str, str], Prepared]:
    """A function that builds the prepared input for a target and its key."""
    columns = {(lookup.target, lookup.key): lookup.columns for lookup in lookups}

    def build(target: str, key: str) -> Prepared:
        rows = own_rows(_all_rows(target, columns[target, key], world, reader), world)
        try:
            return Prepared(rows, KeyIndex(rows.column(key)))
        except DuplicateKey as error:
            raise KpiError(_duplicate(target, key, error, world)) from error

    return build


def _all_rows(target: str, names: Sequence[str], world: World, reader: SourceReader) -> Rows:
    source = world.catalog.sources[target]
    report = ReadReport()
    batches = [
        batch for fragment in reader.open(source, names).fragments() for batch in fragment.batches(report)
    ]
    columns = {
        name: joined([_plain(batch.column(number)) for batch in batches])
        if batches
        else pa.array([], arrow_type(source.columns[name].type))
        for number, name in enumerate(names)
    }
    return Rows(target, columns, sum(batch.num_rows for batch in batches), world)


def _plain(array: pa.Array) -> pa.Array:
    """Values without a dictionary, which differs from batch to batch."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _duplicate(target: str, key: str, error: DuplicateKey, world: World) -> Diagnostic:
    more = f", and {error.duplicates - 1} more keys repeat" if error.duplicates > 1 else ""
    return Diagnostic(
        "E641",
        f"{error.rows} rows of {target} have the {key} {error.value!r}{more}: a reference must lead to one row",
        world.catalog.sources[target].span,
        f"remove the duplicates, or declare which row counts: `on_duplicate: latest(...)` on source {target}",
        exit_code=ExitCode.DATA,
    )
