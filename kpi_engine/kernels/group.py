"""Groups of rows: values become codes, codes one packed int64 key, keys dense group ids."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.id_codecs import is_ids, is_wide
from kpi_engine.kernels.ids import ids_of
from kpi_engine.kernels.sorting import distinct_codes, is_ascending, key_range, sorted_with_order, starts_of_runs
from kpi_engine.kernels.vectors import (
    Ints,
    Mask,
    booleans,
    build,
    int32_view,
    int64_view,
    row_numbers,
    validity,
)
from kpi_engine.kernels.wide_ids import distinct_words, wide_array, words_of

_SMALL_RANGE = 1 << 16  # a table of this size stays in the cache
_MANY_ROWS = 1 << 10
_LARGEST_KEY = 2**62
_LOOK = 1 << 10  # so many keys say whether it is worth looking whether all of them ascend


def encode(array: pa.Array) -> tuple[Ints, pa.Array]:
    """A code per row, and the value of each code; `dictionary.take(codes)` is the array again.

    Nulls have one code of their own, the last, whose value is null; it is there only if the array has nulls.
    Every other code's value is distinct, but need not occur. The array must be canonical (no NaN, one zero).

    >>> codes, values = encode(pa.array(["b", None, "b"]))
    >>> codes.tolist(), values.to_pylist()
    ([0, 1, 0], ['b', None])
    """
    if pa.types.is_dictionary(array.type):
        return _with_null(int32_view(array.indices).astype(np.int64), validity(array.indices), array.dictionary)
    if pa.types.is_boolean(array.type):
        return _with_null(booleans(array).astype(np.int64), validity(array), pa.array([False, True]))
    if pa.types.is_int64(array.type) or pa.types.is_timestamp(array.type):
        return _encode_integers(array, int64_view(array))
    if pa.types.is_date32(array.type):
        return _encode_integers(array, int32_view(array).astype(np.int64))
    if is_wide(array.type):
        return _encode_words(array)
    if is_ids(array.type):
        codes, numbers = _encode_integers(array.storage, int64_view(array.storage))
        return codes, ids_of(int64_view(numbers), validity(numbers), array.type)
    if pa.types.is_null(array.type):
        return np.zeros(len(array), np.int64), pa.nulls(1 if len(array) else 0)
    encoded = array.dictionary_encode()
    return _with_null(int32_view(encoded.indices).astype(np.int64), validity(encoded.indices), encoded.dictionary)


def _with_null(codes: Ints, valid: Mask | None, dictionary: pa.Array) -> tuple[Ints, pa.Array]:
    if valid is None:
        return codes, dictionary
    null = pa.nulls(1, dictionary.type)
    return np.where(valid, codes, len(dictionary)), pa.concat_arrays([dictionary, null])


def _encode_integers(array: pa.Array, values: Ints) -> tuple[Ints, pa.Array]:
    valid = validity(array)
    present = values if valid is None else values[valid]
    low, high = key_range(present)
    if _is_small(low, high, len(values)):
        codes, distinct = values - low, low + np.arange(high - low + 1, dtype=np.int64)
    elif valid is None:
        codes, distinct = distinct_codes(values)
    else:
        codes = np.zeros(len(values), np.int64)
        codes[valid], distinct = distinct_codes(present)
    stored = distinct.astype(np.int32) if pa.types.is_date32(array.type) else distinct
    return _with_null(codes, valid, build(array.type, stored, None))


def _encode_words(array: pa.Array) -> tuple[Ints, pa.Array]:
    """Codes of ids of 128 bits."""
    words, valid = words_of(array), validity(array)
    if valid is None:
        codes, first = distinct_words(words)
        return codes, wide_array(words[first], None, array.type)
    present = words[valid]
    codes = np.zeros(len(words), np.int64)
    codes[valid], first = distinct_words(present)
    return _with_null(codes, valid, wide_array(present[first], None, array.type))


@dataclass(frozen=True, slots=True)
class Coded:
    """A code per row, the same for equal values and for no others; `size` is greater than all codes. `decode` gives the
    values of some codes, in the type that they had."""

    codes: Ints
    size: int
    decode: Callable[[Ints], pa.Array]


def coded(array: pa.Array) -> Coded:
    """Codes that are only compared and decoded: not every number below the greatest is one.

    Nulls have the greatest code, as in `encode`, which costs more where values are whole numbers far apart.

    >>> found = coded(pa.array([1_000_007, None, 1_000_000]))
    >>> found.codes.tolist(), found.size, found.decode(np.array([8, 0])).to_pylist()
    ([7, 8, 0], 9, [None, 1000000])
    """
    if pa.types.is_dictionary(array.type):
        codes, null = int32_view(array.indices).astype(np.int64), len(array.dictionary)
        return _with_null_code(codes, validity(array.indices), null, partial(_of_dictionary, array.dictionary))
    values = whole_numbers(array)
    if values is not None:
        valid = validity(array)
        low, high = key_range(values if valid is None else values[valid])
        null = high - low + 1
        if null < _LARGEST_KEY:
            codes = values - low if low else values
            return _with_null_code(codes, valid, null, partial(_of_numbers, array.type, low, null))
    codes, dictionary = encode(array)
    return Coded(codes, len(dictionary), lambda chosen: dictionary.take(row_numbers(chosen)))


def _with_null_code(codes: Ints, valid: Mask | None, null: int, decode: Callable[[Ints], pa.Array]) -> Coded:
    return Coded(codes, null, decode) if valid is None else Coded(np.where(valid, codes, null), null + 1, decode)


def _of_dictionary(dictionary: pa.Array, codes: Ints) -> pa.Array:
    valid = codes < len(dictionary)
    indices = np.where(valid, codes, 0).astype(np.int32)
    return pa.DictionaryArray.from_arrays(build(pa.int32(), indices, None if valid.all() else valid), dictionary)


def _of_numbers(type: pa.DataType, low: int, null: int, codes: Ints) -> pa.Array:
    valid, values = codes != null, codes + low
    known = None if valid.all() else valid
    if is_ids(type):
        return ids_of(values, known, type)
    return build(type, values.astype(np.int32) if pa.types.is_date32(type) else values, known)


def key_codes(array: pa.Array) -> tuple[Ints, int]:
    """The codes of `coded`, and the number that is greater than all of them.

    >>> codes, size = key_codes(pa.array([1_000_007, None, 1_000_000]))
    >>> codes.tolist(), size
    ([7, 8, 0], 9)
    """
    found = coded(array)
    return found.codes, found.size


def whole_numbers(array: pa.Array) -> Ints | None:
    """The values of an array as int64 where they are whole numbers of that many bits; arbitrary where it is null."""
    if is_ids(array.type):
        return None if is_wide(array.type) else int64_view(array.storage)
    if pa.types.is_int64(array.type) or pa.types.is_timestamp(array.type):
        return int64_view(array)
    return int32_view(array).astype(np.int64) if pa.types.is_date32(array.type) else None


def _is_small(low: int, high: int, rows: int) -> bool:
    """Whether a table over the range of the keys costs less than sorting the rows."""
    return high - low < max(4 * rows, _SMALL_RANGE if rows >= _MANY_ROWS else 0)


@dataclass(frozen=True, slots=True)
class Step:
    """How one more column was packed below the key of the columns before it.

    keys, codes: where the product of both ranges would not fit, the distinct keys so far, or the distinct codes of
    this column, or both, if they were renumbered by them; else None.
    """

    cardinality: int
    keys: Ints | None
    codes: Ints | None


Packing = tuple[Step, ...]
"""How columns of codes were packed into one key, and so how a key is taken apart; first column left out."""


def pack(columns: Sequence[tuple[Ints, int]]) -> tuple[Ints, Packing]:
    """One int64 key per row from (codes, cardinality) columns of equal length, and how to unpack it.

    Keys order rows as the codes do, column by column. Where the cardinalities multiply beyond 2**62 the
    columns are renumbered by what occurs. At least one column is needed.

    >>> keys, packing = pack([(np.array([0, 1]), 2), (np.array([2, 0]), 3)])
    >>> keys.tolist(), [codes.tolist() for codes in unpack(keys, packing)]
    ([2, 3], [[0, 1], [2, 0]])
    """
    keys, span = columns[0]
    steps: list[Step] = []
    for codes, cardinality in columns[1:]:
        cardinality = max(cardinality, 1)
        step = Step(cardinality, None, None)
        if cardinality == 1 or span <= 1:  # one of both is the same in all rows
            keys = keys if cardinality == 1 else codes
            span = max(span, 1) * cardinality
            steps.append(step)
            continue
        if span * cardinality > _LARGEST_KEY:
            key_table = code_table = None
            if span >= cardinality:
                keys, key_table = distinct_codes(keys)
                span = len(key_table)
            if span * cardinality > _LARGEST_KEY:
                codes, code_table = distinct_codes(codes)
                cardinality = max(len(code_table), 1)
            if span * cardinality > _LARGEST_KEY and key_table is None:
                keys, key_table = distinct_codes(keys)
                span = len(key_table)
            step = Step(cardinality, key_table, code_table)
        keys = keys * np.int64(cardinality) + codes
        span *= cardinality
        steps.append(step)
    return keys, tuple(steps)


def unpack(keys: Ints, packing: Packing) -> list[Ints]:
    """The codes of each column, from packed keys (in any order and number)."""
    columns: list[Ints] = []
    for step in reversed(packing):
        cardinality = np.int64(step.cardinality)
        whole = keys // cardinality  # with the multiplication a sixth of what `divmod` takes
        codes = keys - whole * cardinality
        keys = whole
        columns.append(codes if step.codes is None else step.codes[codes])
        keys = keys if step.keys is None else step.keys[keys]
    return [keys, *reversed(columns)]


class Groups(ABC):
    """Rows grouped by key. What is not asked for is not computed."""

    def __init__(self, keys: Ints) -> None:
        self.keys = keys
        """Each group's key, ascending."""

    @property
    def size(self) -> int:
        """The number of groups."""
        return len(self.keys)

    @cached_property
    @abstractmethod
    def ids(self) -> Ints:
        """The group of each row."""

    @cached_property
    @abstractmethod
    def first(self) -> Ints:
        """The first row of each group."""

    @cached_property
    @abstractmethod
    def counts(self) -> Ints:
        """The number of rows of each group."""


class _OneGroup(Groups):
    """All rows have one key."""

    def __init__(self, key: int, rows: int) -> None:
        super().__init__(np.array([key], np.int64))
        self._rows = rows

    @cached_property
    def ids(self) -> Ints:
        return np.zeros(self._rows, np.int64)

    @cached_property
    def first(self) -> Ints:
        return np.zeros(1, np.int64)

    @cached_property
    def counts(self) -> Ints:
        return np.full(1, self._rows, np.int64)


class RunGroups(Groups):
    """Keys that ascend from row to row: each group lies in one piece. `starts` are their first rows."""

    def __init__(self, keys: Ints) -> None:
        self.starts = np.flatnonzero(starts_of_runs(keys))
        self._rows = len(keys)
        super().__init__(keys[self.starts])

    @cached_property
    def ids(self) -> Ints:
        return np.repeat(np.arange(self.size), self.counts)

    @cached_property
    def first(self) -> Ints:
        return self.starts

    @cached_property
    def counts(self) -> Ints:
        return np.diff(self.starts, append=self._rows)


class _TableGroups(Groups):
    """Keys that lie close together: a table has a place for each. `places` are those of the rows."""

    def __init__(self, places: Ints, low: int) -> None:
        self._counts = np.bincount(places)
        self._present = np.flatnonzero(self._counts)
        self._places = places
        super().__init__(self._present + low)

    @cached_property
    def ids(self) -> Ints:
        if self.size == len(self._counts):
            return self._places
        numbers = np.empty(len(self._counts), np.int64)
        numbers[self._present] = np.arange(self.size)
        found: Ints = numbers[self._places]
        return found

    @cached_property
    def first(self) -> Ints:
        rows = np.full(len(self._counts), -1, np.int64)
        start, size = 0, max(_MANY_ROWS, 4 * self.size)
        # Most groups begin early: ever larger parts of the rows are looked at until each has been met.
        while start < len(self._places):
            part = self._places[start : start + size]
            fresh = np.flatnonzero(rows[part] < 0)[::-1]
            rows[part[fresh]] = fresh + start  # the last write of each group stays
            if int(np.count_nonzero(rows >= 0)) == self.size:
                break
            start, size = start + size, 4 * size
        return rows[self._present]

    @cached_property
    def counts(self) -> Ints:
        return self._counts[self._present].astype(np.int64, copy=False)


class _SortedGroups(Groups):
    """Keys far apart: rows are put in their order."""

    def __init__(self, keys: Ints) -> None:
        ordered, self._rows = sorted_with_order(keys)
        starts = starts_of_runs(ordered)
        self._starts = np.flatnonzero(starts)
        super().__init__(ordered[self._starts])

    @cached_property
    def ids(self) -> Ints:
        found = np.empty(len(self._rows), np.int64)
        found[self._rows] = np.repeat(np.arange(self.size), self.counts)
        return found

    @cached_property
    def first(self) -> Ints:
        return self._rows[self._starts]  # equal keys are in the order of their rows

    @cached_property
    def counts(self) -> Ints:
        return np.diff(self._starts, append=len(self._rows))


def group(keys: Ints) -> Groups:
    """Groups of equal keys, in ascending order of the keys.

    >>> groups = group(np.array([7, 3, 7]))
    >>> groups.ids.tolist(), groups.keys.tolist(), groups.first.tolist(), groups.counts.tolist()
    ([1, 0, 1], [3, 7], [1, 0], [1, 2])
    """
    low, high = key_range(keys)
    if low == high:
        return _OneGroup(low, len(keys))
    if is_ascending(keys[:_LOOK]) and is_ascending(keys):
        return RunGroups(keys)
    if not _is_small(low, high, len(keys)):
        return _SortedGroups(keys)
    return _TableGroups(keys - low if low else keys, low)
