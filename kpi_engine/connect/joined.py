"""Batches of neighbouring fragments brought into declared types together: small ones are joined as they were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field

import pyarrow as pa

from kpi_engine.connect.conform import Conformer
from kpi_engine.extend.rows import Fragment, ReadReport
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError

_FEWEST_ROWS = 1 << 16
_MOST_BYTES = 1 << 26

Read = tuple[pa.RecordBatch, Fragment, int]
"""A batch, its fragment, and the number of its first row there."""


@dataclass(slots=True)
class Joining:
    """Batches that wait to be conformed as one, all of the type `schema` (None: of one that is not joined).

    What comes out is what each batch gives on its own. Where something is to be told of the whole, its batches are
    conformed one by one, so that it is told of a file and a row.
    """

    conformer: Conformer
    report: ReadReport
    schema: pa.Schema | None = None
    waiting: list[Read] = field(default_factory=list)
    texts: bool = False
    """Whether columns hold texts, which may be of any length."""
    rows: int = 0
    bytes: int = 0

    def read(self, fragments: Iterable[Fragment]) -> Iterator[pa.RecordBatch]:
        """The rows of some fragments of one scan, in order; small batches are joined until there are 65 536 rows."""
        for fragment in fragments:
            first = 0
            batches = fragment.batches(self.report)
            while True:
                try:
                    batch = next(batches, None)
                except KpiError:
                    yield from self._conformed()  # what is wrong with rows before is told first
                    raise
                if batch is None:
                    break
                if self.waiting and (self.schema is None or not self.schema.equals(batch.schema)):
                    yield from self._conformed()
                self._wait(batch, fragment, first)
                first += batch.num_rows
                if self.rows >= _FEWEST_ROWS or self.bytes >= _MOST_BYTES:
                    yield from self._conformed()
        yield from self._conformed()

    def _wait(self, batch: pa.RecordBatch, fragment: Fragment, first: int) -> None:
        if not self.waiting:
            types = batch.schema.types
            self.schema = batch.schema if types and all(map(_is_plain, types)) else None
            self.texts = not all(map(_is_of_one_width, types))
        self.waiting.append((batch, fragment, first))
        self.rows += batch.num_rows
        self.bytes += batch.nbytes if self.texts else 0

    def _conformed(self) -> Iterator[pa.RecordBatch]:
        """What waits, in declared types; nothing waits after that."""
        waiting, self.waiting, self.rows, self.bytes = self.waiting, [], 0, 0
        whole = self._as_one(waiting) if len(waiting) > 1 else None
        if whole is not None:
            yield from whole
            return
        for batch, fragment, first in waiting:
            yield self.conformer.conform(batch, fragment, first, self.report)

    def _as_one(self, waiting: list[Read]) -> list[pa.RecordBatch] | None:
        """Some batches conformed as one; None if something is to be told of one of them, or they do not go together."""
        table = pa.Table.from_batches([batch for batch, _, _ in waiting])
        report = ReadReport()
        try:
            whole = table.unify_dictionaries().combine_chunks().to_batches()
            found = [self.conformer.conform(batch, waiting[0][1], 0, report) for batch in whole]
        except (KpiError, pa.ArrowException):  # dictionaries with nulls are not united, nor those of too many values
            return None
        if report.failed_casts:
            return None
        self.report.nan_values += report.nan_values
        return found


def _is_plain(type: pa.DataType) -> bool:
    """Whether arrays of a type can be laid end to end: numbers, times, conditions, texts and dictionaries of texts."""
    if pa.types.is_dictionary(type):
        type = type.value_type
    elif _is_of_one_width(type):
        return True
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type))


def _is_of_one_width(type: pa.DataType) -> bool:
    return bool(pa.types.is_primitive(type) or pa.types.is_decimal(type) or pa.types.is_null(type))
