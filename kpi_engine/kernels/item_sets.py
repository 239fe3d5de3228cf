"""Sets of values by cell, made of a batch of rows: whole numbers are packed with their cell and sorted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.group import group, key_codes, pack, whole_numbers
from kpi_engine.kernels.id_codecs import is_ids
from kpi_engine.kernels.ids import ids_of
from kpi_engine.kernels.placed import Placed
from kpi_engine.kernels.sorting import key_range, starts_of_runs
from kpi_engine.kernels.vectors import Ints, Mask, build, validity

_BITS = 62
_HALF = 32
_SMALL_TABLE = 1 << 16


@dataclass(frozen=True, slots=True)
class Items:
    """The different values in each cell: the `cell` of each, the `item`, and in how many `rows` of the cell it is."""

    cell: Ints
    item: pa.Array
    rows: Ints


@dataclass(frozen=True, slots=True)
class PackedItems:
    """The same for whole numbers, ascending: each key is a cell, and below it a number less `low` in so many bits, or
    `null`, which is greater than all of them, for a null."""

    keys: Ints
    rows: Ints
    low: int
    null: int
    bits: int

    @property
    def cell(self) -> Ints:
        """The cell of each item."""
        return self.keys >> self.bits

    @property
    def codes(self) -> Ints:
        """The number of each item, less `low`."""
        return self.keys & ((1 << self.bits) - 1)


def items_of(placed: Placed, values: pa.Array, condition: Mask | None) -> Items:
    """The different values in each cell, among the rows that meet a condition (None: all).

    >>> found = items_of(Placed([], np.zeros(3, np.int64)), pa.array([7, None, 7]), None)
    >>> found.item.to_pylist(), found.rows.tolist()
    ([7, None], [2, 1])
    """
    packed = packed_items(placed, values, condition)
    if packed is not None:
        codes = packed.codes
        known = codes != packed.null if values.null_count else None
        return Items(packed.cell, numbers_as(codes + packed.low, known, values.type), packed.rows)
    codes, size = key_codes(values)
    ids, rows = placed.ids, _chosen(placed, condition)
    if rows is not None:
        codes, ids = codes[rows], ids[rows]
    groups = group(pack([(ids, placed.size), (codes, size)])[0])
    first = groups.first if rows is None else rows[groups.first]
    return Items(placed.ids[first], values.take(pa.array(first)), groups.counts)


def packed_items(placed: Placed, values: pa.Array, condition: Mask | None) -> PackedItems | None:
    """`items_of` for whole numbers of which cell and number fit in a key; else None."""
    numbers = whole_numbers(values)
    if numbers is None:
        return None
    valid, rows = validity(values), _chosen(placed, condition)
    if rows is not None:
        numbers, valid = numbers[rows], None if valid is None else valid[rows]
    low, high = key_range(numbers if valid is None else numbers[valid])
    null = high - low + 1
    bits = null.bit_length()
    if bits + placed.size.bit_length() > _BITS:
        return None
    keys = numbers - low
    if valid is not None:
        keys[~valid] = null
    if placed.size > 1:
        keys |= (placed.ids if rows is None else placed.ids[rows]) << bits
    distinct, counts = distinct_counts(keys, placed.size << bits)
    return PackedItems(distinct, counts, low, null, bits)


def _chosen(placed: Placed, condition: Mask | None) -> Ints | None:
    """The rows that lie in a cell and meet a condition; None if all do."""
    if not placed.whole:
        assert placed.counted is not None
        condition = placed.counted if condition is None else condition & placed.counted
    return None if condition is None or bool(condition.all()) else np.flatnonzero(condition)


def distinct_counts(keys: Ints, bound: int) -> tuple[Ints, Ints]:
    """The distinct keys, ascending, and how often each occurs; keys lie in [0, bound). The keys may be overwritten.

    >>> keys, counts = distinct_counts(np.array([3, 1, 3]), 4)
    >>> keys.tolist(), counts.tolist()
    ([1, 3], [1, 2])
    """
    if bound <= max(2 * len(keys), _SMALL_TABLE if len(keys) > _SMALL_TABLE >> 4 else 0):
        table = np.bincount(keys)
        distinct = np.flatnonzero(table)
        return distinct, table[distinct].astype(np.int64, copy=False)
    if bound <= 1 << _HALF:
        halves = keys.astype(np.uint32)
        halves.sort()
        starts = np.flatnonzero(starts_of_runs(halves))
        distinct = halves[starts].astype(np.int64)
    else:
        keys.sort()
        starts = np.flatnonzero(starts_of_runs(keys))
        distinct = keys[starts]
    return distinct, np.diff(starts, append=len(keys))


def numbers_as(numbers: Ints, valid: Mask | None, type: pa.DataType) -> pa.Array:
    """Whole numbers as an array of the type that they were taken from; null where `valid` is False."""
    if is_ids(type):
        return ids_of(numbers, valid, type)
    return build(type, numbers.astype(np.int32) if pa.types.is_date32(type) else numbers, valid)
