"""References: ids that lead to no row, and ids that are null."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from kpi_engine.inspect.reading import Batch, Places, column_field
from kpi_engine.inspect.wording import counted, finding, listed, number, of_column, share, value, verb
from kpi_engine.ir.catalog import Reference, Source
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.expression import Expression
from kpi_engine.kernels.tallies import Tally, Tallying

_SHOWN = 3
_MOST_ARE_LOST = 0.5


class ReferenceWatch:
    """The ids in a column that refers to something, counted: memory follows the number of different ids."""

    def __init__(self, source: Source, column: str, reference: Reference) -> None:
        self.source = source
        self.column = column
        self.reference = reference
        self._tallying = Tallying()

    @property
    def expressions(self) -> Sequence[Expression]:
        """The column."""
        return [column_field(self.source, self.column)]

    def add(self, batch: Batch) -> None:
        """Count the ids of a batch."""
        if batch.rows.length:
            self._tallying.add(batch.rows.column(self.column), batch.numbers)

    def findings(self, known: pa.Array | None, places: Places) -> Iterator[Diagnostic]:
        """Ids that are null, and ids that `known`, the target's keys, do not hold (None: not known)."""
        tally = self._tallying.tally()
        if known is not None and tally.rows:
            orphans = tally.missing_from(known)
            if len(orphans):
                yield self._orphans(orphans, tally, known, places)
        if tally.nulls:
            message = (
                f"{share(tally.nulls, tally.rows)} of {self.source.name} {verb(tally.nulls, 'has', 'have')} "
                f"no `{self.column}`"
            )
            yield finding("N663", message, of_column(self.source, self.column), self._null_help)

    @property
    def _null_help(self) -> str:
        target = self.reference.target
        if self.reference.to_entity:
            return f"such rows count, but as no {target} in `count(distinct {target})`"
        return f"such rows count in totals; split by columns of {target} they are the group null"

    def _orphans(self, orphans: Tally, tally: Tally, known: pa.Array, places: Places) -> Diagnostic:
        target = self.reference.target
        shown = orphans.most_frequent(_SHOWN)
        notes = [
            f"{value(each)} in {counted(int(rows), 'row')}, the first: {places.place(int(first))}"
            for each, rows, first in zip(shown.values.to_pylist(), shown.counts, shown.first, strict=True)
        ]
        if len(orphans) > _SHOWN:
            notes.append(f"{number(len(orphans) - _SHOWN)} more")
        present = tally.rows - tally.nulls
        message = (
            f"{share(orphans.occurrences, present)} of {self.source.name} "
            f"{verb(orphans.occurrences, 'refers', 'refer')} by `{self.column}` to {target} "
            f"that do not exist: "
            f"{counted(len(orphans), 'value')}"
        )
        help = f"load the missing rows of {target}, or correct the ids: by its columns such rows are the group null"
        if orphans.occurrences > _MOST_ARE_LOST * present:
            examples = listed(map(value, list(dict.fromkeys(known.slice(0, 50).to_pylist()))[:_SHOWN]))
            help = f"do both columns hold the same ids? `{self.reference.target_column}` of {target} holds {examples}"
        return finding("W663", message, of_column(self.source, self.column), help, notes)
