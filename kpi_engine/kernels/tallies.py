"""How often each value of a column occurs, batch by batch, and in which row it was first seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.compare import is_in
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.states import joined, true_rows
from kpi_engine.kernels.vectors import Ints, validity

_COMPACT_AT = 1 << 18


@dataclass(frozen=True, slots=True)
class Tally:
    """Distinct values other than null, how often each occurs, and the number of the row that holds it first.

    `nulls` of `rows` are null; `first_null` is the first of these, -1 if there is none.
    """

    values: pa.Array
    counts: Ints
    first: Ints
    rows: int
    nulls: int
    first_null: int

    def __len__(self) -> int:
        return len(self.values)

    def chosen(self, positions: Ints) -> Tally:
        """Only the values at some positions."""
        return Tally(
            self.values.take(pa.array(positions)), self.counts[positions], self.first[positions], self.rows, 0, -1
        )

    def at(self, positions: Sequence[int]) -> Tally:
        """Only the values at some positions, listed as plain numbers.

        >>> tally_of(pa.array(["a", "b", "b"])).at([1]).occurrences
        2
        """
        return self.chosen(np.asarray(positions, np.int64))

    def missing_from(self, known: pa.Array) -> Tally:
        """The values that `known` does not hold, the most frequent ones first.

        >>> tally_of(pa.array(["a", "b", "b"])).missing_from(pa.array(["a"])).values.to_pylist()
        ['b']
        """
        if len(self.values) == 0 or len(known) == 0:
            return self.most_frequent(len(self))
        absent = np.flatnonzero(~true_rows(is_in(self.values, known)))
        return self.chosen(absent).most_frequent(len(absent))

    def most_frequent(self, most: int) -> Tally:
        """The values that occur most often, at most so many; of equal ones those that were seen first."""
        order = np.lexsort((self.first, -self.counts))[:most]
        return self.chosen(order)

    @property
    def occurrences(self) -> int:
        """How many rows hold one of the values."""
        return int(self.counts.sum())


class Tallying:
    """Gathers a tally. Memory follows the number of distinct values, not that of rows."""

    def __init__(self) -> None:
        self._parts: list[Tally] = []
        self._size = 0
        self._floor = 0

    def add(self, values: pa.Array, numbers: pa.Array) -> None:
        """Take in a batch; `numbers` (int64) says which row each value stands in."""
        part = tally_of(values, numbers)
        self._parts.append(part)
        self._size += len(part)
        if len(self._parts) > 1 and self._size > max(_COMPACT_AT, 2 * self._floor):
            self._parts = [_merged(self._parts)]
            self._size = self._floor = len(self._parts[0])

    @property
    def distinct(self) -> int:
        """An upper bound of the number of distinct values so far."""
        return self._size

    def tally(self) -> Tally:
        """The tally of everything added."""
        if not self._parts:
            return tally_of(pa.nulls(0))
        if len(self._parts) > 1:
            self._parts = [_merged(self._parts)]
        return self._parts[0]


def tally_of(values: pa.Array, numbers: pa.Array | None = None) -> Tally:
    """The tally of one array; rows are numbered from 0 unless `numbers` says otherwise.

    >>> tally = tally_of(pa.array(["b", None, "b"]))
    >>> tally.values.to_pylist(), tally.counts.tolist(), tally.nulls, tally.first_null
    (['b'], [2], 1, 1)
    """
    length = len(values)
    plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
    rows: Ints = np.arange(length, dtype=np.int64) if numbers is None else np.asarray(numbers)
    valid = validity(plain)
    nulls = 0 if valid is None else int(length - np.count_nonzero(valid))
    if nulls == length:
        nothing = np.zeros(0, np.int64)
        return Tally(plain.slice(0, 0), nothing, nothing, length, nulls, int(rows[0]) if length else -1)
    codes, dictionary = encode(plain)
    first_null = -1 if valid is None or not nulls else int(rows[np.flatnonzero(~valid)[0]])
    if valid is not None:
        codes, rows = codes[valid], rows[valid]
    return _grouped(codes, dictionary, np.ones(len(codes), np.int64), rows, length, nulls, first_null)


def row_numbers(first: int, length: int) -> pa.Array:
    """The numbers of so many rows from the first on, int64.

    >>> row_numbers(5, 2).to_pylist()
    [5, 6]
    """
    return pa.array(np.arange(first, first + length, dtype=np.int64))


def _merged(parts: list[Tally]) -> Tally:
    codes, dictionary = encode(joined([part.values for part in parts]))
    first_nulls = [part.first_null for part in parts if part.first_null >= 0]
    return _grouped(
        codes,
        dictionary,
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.first for part in parts]),
        sum(part.rows for part in parts),
        sum(part.nulls for part in parts),
        min(first_nulls, default=-1),
    )


def _grouped(
    codes: Ints, dictionary: pa.Array, counts: Ints, rows: Ints, length: int, nulls: int, first_null: int
) -> Tally:
    """A tally from the code, count and row of each value; codes that do not occur are dropped."""
    total = np.zeros(len(dictionary), np.int64)
    np.add.at(total, codes, counts)
    first = np.full(len(dictionary), np.iinfo(np.int64).max, np.int64)
    np.minimum.at(first, codes, rows)
    there = np.flatnonzero(total)
    values = dictionary if len(there) == len(dictionary) else dictionary.take(pa.array(there))
    return Tally(values, total[there], first[there], length, nulls, first_null)
