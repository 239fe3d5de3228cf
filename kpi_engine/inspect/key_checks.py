"""Keys: rows that share one, rows without one, and versions of one thing that overlap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from kpi_engine.inspect.reading import Batch, Places, column_field
from kpi_engine.inspect.wording import counted, finding, number, of_column, of_source, share, value, verb
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.expression import Expression
from kpi_engine.kernels.inspection import overlapping, repeated_keys, without_key
from kpi_engine.kernels.states import joined


class KeyWatch:
    """The keys of all rows of a source, kept: memory follows the key's columns.

    `looked_up` tells that references look for rows by it.
    """

    def __init__(self, source: Source, columns: Sequence[str], looked_up: bool) -> None:
        self.source = source
        self.columns = tuple(columns)
        self.looked_up = looked_up
        self._arrays: list[list[pa.Array]] = [[] for _ in columns]
        self._numbers: list[pa.Array] = []

    @property
    def expressions(self) -> Sequence[Expression]:
        """The key's columns."""
        return [column_field(self.source, name) for name in self.columns]

    def add(self, batch: Batch) -> None:
        """Keep the keys of a batch."""
        if batch.rows.length:
            for kept, name in zip(self._arrays, self.columns, strict=True):
                kept.append(_plain(batch.rows.column(name)))
            self._numbers.append(batch.numbers)

    def keys(self, position: int = 0) -> pa.Array:
        """One of the key's columns, a value a row."""
        return joined(self._arrays[position]) if self._arrays[position] else pa.nulls(0)

    def findings(self, places: Places) -> Iterator[Diagnostic]:
        """Keys that are not unique, and rows without."""
        if not self._numbers:
            return
        keys = [self.keys(position) for position in range(len(self.columns))]
        numbers = pa.concat_arrays(self._numbers)
        name = " and ".join(f"`{column}`" for column in self.columns)
        if self._identifies:
            yield from self._repeated(keys, numbers, name, places)
        missing, first = without_key(keys)
        if missing:
            message = f"{share(missing, len(numbers))} of {self.source.name} {verb(missing, 'has', 'have')} no {name}"
            help = "nothing can refer to such rows: fill the key in, or leave them out by `where:`"
            where = f"the first: {places.place(numbers[first].as_py())}"
            yield finding("W662", message, of_column(self.source, self.columns[0]), help, [where])

    @property
    def _identifies(self) -> bool:
        """Whether one key means one row: of versions and snapshots a key alone means several."""
        source = self.source
        several = source.versions is not None or source.snapshot is not None
        return not several or (self.columns == source.key and source.versions is None and len(self.columns) > 1)

    def _repeated(self, keys: list[pa.Array], numbers: pa.Array, name: str, places: Places) -> Iterator[Diagnostic]:
        found = repeated_keys(keys)
        if not found.keys:
            return
        notes = [
            f"{' and '.join(map(value, shown))} in {counted(rows, 'row')}: "
            + places.places([numbers[position].as_py() for position in positions])
            + ("; …" if rows > len(positions) else "")
            for shown, rows, positions in found.examples
        ]
        several = verb(found.keys, "value of it stands", "values of it stand")
        message = (
            f"{name} should tell the rows of {self.source.name} apart, and {number(found.keys)} {several} "
            f"in {counted(found.rows, 'row')}"
        )
        time = self.source.time or "a_time_column"
        which = f"declare which row counts: `on_duplicate: latest({time})`"
        same = "drop equal rows by `distinct: true`"
        help = f"remove the duplicates, {same}, or {which}"
        code = "E661" if self.looked_up else "W661"
        yield finding(code, message, of_source(self.source), help, notes)


class VersionWatch:
    """The versions of a source with `versions:`, kept."""

    def __init__(self, source: Source, key: str, versions: tuple[str, str]) -> None:
        self.source = source
        self._names = (key, *versions)
        self._arrays: list[list[pa.Array]] = [[], [], []]
        self._numbers: list[pa.Array] = []

    @property
    def expressions(self) -> Sequence[Expression]:
        """The key, and from when to when."""
        return [column_field(self.source, name) for name in self._names]

    def add(self, batch: Batch) -> None:
        """Keep the versions of a batch."""
        if batch.rows.length:
            for kept, name in zip(self._arrays, self._names, strict=True):
                kept.append(_plain(batch.rows.column(name)))
            self._numbers.append(batch.numbers)

    def findings(self, places: Places) -> Iterator[Diagnostic]:
        """Versions of one key that are valid at the same time."""
        if not self._numbers:
            return
        keys, begins, ends = (joined(arrays) for arrays in self._arrays)
        found = overlapping(keys, begins, ends)
        if not found.count:
            return
        numbers = pa.concat_arrays(self._numbers)
        notes = [
            f"{value(keys[later].as_py())}: one version ends {_end(ends[earlier].as_py())} "
            f"({places.place(numbers[earlier].as_py())}), the next begins {value(begins[later].as_py())} "
            f"({places.place(numbers[later].as_py())})"
            for earlier, later in found.examples
        ]
        key, begin, end = self._names
        message = (
            f"{counted(found.count, 'version')} of {self.source.name} {verb(found.count, 'begins', 'begin')} before "
            f"the one before {verb(found.count, 'it', 'them')} ends ({counted(found.keys, 'value')} of `{key}`): "
            "a reference must lead to one row"
        )
        help = f"end each version where the next one begins: `{end}` is the `{begin}` of the next"
        yield finding("E675", message, of_source(self.source), help, notes)


def _end(shown: object) -> str:
    return "never" if shown is None else value(shown)


def _plain(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
