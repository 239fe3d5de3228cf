"""Elements of lists as rows, fragment by fragment: what elements hold, and what is asked of the rows that hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from kpi_engine.execute.rows import Inputs, Rows
from kpi_engine.extend.rows import Fragment, Push, ReadReport, Scan
from kpi_engine.ir.catalog import Catalog, Source
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Field
from kpi_engine.ir.parents import EVERY_ELEMENT, list_column, parent_field
from kpi_engine.kernels.nested import elements, parent_rows


@dataclass(frozen=True, slots=True)
class Unnest:
    """How the columns of a source of elements are made of the rows of its base.

    `lists`: for columns that elements hold the base's column of lists; `parents`: all others, on rows of the base.
    `counted` is the list that says how many elements there are.
    """

    base: str
    columns: tuple[str, ...]
    lists: dict[str, str]
    parents: dict[str, Field]
    counted: str
    inputs: Inputs

    @classmethod
    def of(cls, catalog: Catalog, source: Source, columns: Sequence[str], inputs: Inputs) -> Unnest:
        """The columns asked of a source of elements."""
        assert source.derived is not None
        base = catalog.sources[source.derived.base]
        made = {name: list_column(source.name, name) for name in columns}
        lists = {name: made[name] for name in columns if made[name] in base.lists}
        parents = {name: _on_parent(catalog, source, base, name) for name in columns if name not in lists}
        counted = next(iter(lists.values()), list_column(source.name, EVERY_ELEMENT))
        return cls(base.name, tuple(columns), lists, parents, counted, inputs)

    @property
    def base_columns(self) -> list[str]:
        """The stored columns and the lists to read of the base: those of all its rows, and the lists asked for."""
        lists = self.inputs.catalog.sources[self.base].lists
        plain = [name for name in self.inputs.stored_columns(self.base) if name not in lists]
        return [*plain, *dict.fromkeys([self.counted, *self.lists.values()])]

    def rows_of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The elements in the rows of a batch of the base that belong to it."""
        base = self.inputs.own_rows(self.base, batch)
        counts = elements(base.column(self.counted)).counts
        if not self.columns:
            return row_count(int(counts.sum()))
        held = parent_rows(counts)
        arrays = [self._column(name, base, held) for name in self.columns]
        return pa.RecordBatch.from_arrays(arrays, names=list(self.columns))

    def _column(self, name: str, base: Rows, held: pa.Array) -> pa.Array:
        if name in self.lists:
            return elements(base.column(self.lists[name])).values
        return base.array(self.parents[name]).take(held)


def row_count(rows: int) -> pa.RecordBatch:
    """So many rows without columns.

    >>> row_count(3).num_rows
    3
    """
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))


def _on_parent(catalog: Catalog, source: Source, base: Source, name: str) -> Field:
    field = parent_field(catalog, source.name, name)
    return field if field is not None else Field(name, base.columns[name].type)


@dataclass(frozen=True, slots=True)
class UnnestScan:
    """A scan of the base that gives elements."""

    scan: Scan
    unnest: Unnest

    @property
    def pushed(self) -> Sequence[Push]:
        """What the base does with predicates."""
        return self.scan.pushed

    @property
    def pruned(self) -> int:
        """Fragments of the base that were ruled out."""
        return self.scan.pruned

    @property
    def options(self) -> dict[str, object]:
        """The options of the base's table."""
        return dict(self.scan.options)

    @property
    def notes(self) -> Sequence[str]:
        """What is reported of the base's table."""
        return self.scan.notes

    def fragments(self) -> Sequence[Fragment]:
        """The base's fragments, as fragments of elements."""
        return [UnnestFragment(fragment, self.unnest) for fragment in self.scan.fragments()]


@dataclass(frozen=True, slots=True)
class UnnestFragment:
    """The elements in one fragment of the base."""

    fragment: Fragment
    unnest: Unnest

    @property
    def name(self) -> str:
        """The base's fragment."""
        return self.fragment.name

    def bounds(self, column: str) -> tuple[object, object] | None:
        """For stored columns of the parent those of the base's fragment: no element has other values."""
        field = self.unnest.parents.get(column)
        return None if field is None or field.steps else self.fragment.bounds(field.column)

    def batches(self, report: ReadReport) -> Iterator[pa.RecordBatch]:
        """The elements, by batches of the base."""
        for batch in self.fragment.batches(report):
            yield self.unnest.rows_of(batch)

    def place(self, row: int) -> str:
        """Which element it is."""
        return f"{self.fragment.name}, element {row + 1}"
