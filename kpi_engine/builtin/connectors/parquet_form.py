"""What a scan wants of Parquet files of one form, worked out once for all of them."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

from kpi_engine.builtin.connectors.arrow_types import is_naive
from kpi_engine.builtin.connectors.footers import Columns, Footer
from kpi_engine.builtin.connectors.nested_leaves import stored_names
from kpi_engine.builtin.connectors.pruning import BoundsOf
from kpi_engine.builtin.connectors.requested import held, physical
from kpi_engine.extend.rows import ColumnRequest, ScanRequest
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Type


@dataclass(frozen=True, slots=True)
class Part:
    """What is read of a row group: names of columns and of leaves, the numbers of the leaves, and those of the columns
    that are read as dictionaries."""

    names: Sequence[str]
    leaves: Sequence[int]
    dictionaries: Sequence[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns of a request in files of one form.

    `read` are those that a file has and no folder gives; `placed` are the stored columns of times of which only the
    place among edges is looked at. `judged` says of each flat column which leaf it is, and how its bounds are read.
    """

    columns: tuple[ColumnRequest, ...]
    read: Sequence[ColumnRequest]
    form: Columns
    dictionaries: tuple[str, ...]
    placed: Mapping[str, Sequence[datetime.date]]
    judged: Mapping[str, tuple[int, BoundsOf]]
    stored: Mapping[str, str]
    """The stored name of each requested column."""
    batch_rows: int | None
    """About how many rows a batch is to have; None: few large batches."""
    parts: dict[tuple[str, ...], Part] = field(default_factory=dict)

    @classmethod
    def of(cls, request: ScanRequest, footer: Footer, dictionaries: tuple[str, ...]) -> Wanted:
        """What is wanted of a file, and of all others of its form."""
        form, columns = footer.columns, request.columns
        read = held(columns, footer.file, form.names)
        types: dict[str, Type | None] = {predicate.column: None for predicate in request.predicates}
        types |= {physical(column): column.type for column in reversed(columns)}
        judged = {
            name: (form.leaves[name], footer.bounds_of(name, type))
            for name, type in types.items()
            if name in form.leaves
        }
        stored = {column.name: physical(column) for column in columns}
        return cls(columns, read, form, dictionaries, _placed(read, form), judged, stored, request.batch_rows)

    def part(self, constant: Collection[str]) -> Part:
        """What is to be read where one value stands for all of some columns."""
        key = tuple(constant)
        found = self.parts.get(key)
        if found is None:
            rest = [column for column in self.read if physical(column) not in constant]
            paths = self.form.paths
            names = stored_names(rest, self.form.schema, paths)
            leaves = [number for number, path in enumerate(paths) if path in names]
            found = self.parts[key] = Part(names, leaves, [name for name in self.dictionaries if name in names])
        return found


def _placed(read: Sequence[ColumnRequest], form: Columns) -> dict[str, list[datetime.date]]:
    """Columns of which nothing but a place is wanted, each with all edges; of local times an instant is not known."""
    found = {}
    for name in dict.fromkeys(map(physical, read)):
        asked = [column.edges for column in read if physical(column) == name]
        edges = {edge for each in asked if each is not None for edge in each}
        if None not in asked and len(set(map(type, edges))) < 2 and not is_naive(form.schema.field(name).type):
            found[name] = sorted(edges)
    return found
