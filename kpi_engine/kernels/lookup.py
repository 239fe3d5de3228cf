"""Finding the one row that a reference means."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.sorting import distinct
from kpi_engine.kernels.vectors import Ints, Mask, validity


class DuplicateKey(KernelError):
    """A key that several rows have, though a reference must lead to one row at most."""

    def __init__(self, value: object, rows: int, duplicates: int) -> None:
        super().__init__(f"{rows} rows have the key {value!r}")
        self.value = value
        self.rows = rows
        self.duplicates = duplicates


class KeyIndex:
    """Positions of unique keys. Rows without a key are never found.

    >>> KeyIndex(pa.array(["a", "b"])).positions(pa.array(["b", None, "x"])).to_pylist()
    [1, None, None]
    """

    def __init__(self, keys: pa.Array) -> None:
        plain = keys.dictionary_decode() if pa.types.is_dictionary(keys.type) else keys
        self._keys = plain
        _check_unique(plain)
        self._dense = _dense_places(plain) if pa.types.is_int64(plain.type) else None

    def positions(self, values: pa.Array) -> pa.Array:
        """For each value the position of its key, int64, null where there is none."""
        if pa.types.is_dictionary(values.type):
            return self.positions(values.dictionary).take(values.indices)
        if self._dense is not None and pa.types.is_int64(values.type):
            return _dense_lookup(self._dense, values)
        if values.type != self._keys.type:
            values = values.cast(self._keys.type)
        found = pc.index_in(values, value_set=self._keys)
        return pc.if_else(values.is_null(), pa.scalar(None, pa.int32()), found).cast(pa.int64())


class VersionIndex:
    """Positions of rows by key and time: versions valid from a time on, or the snapshots of single days.

    With `ends` a version is valid in [begin, end), a null end is open. Without, a row is found only at its own time.

    >>> index = VersionIndex(pa.array(["a", "a"]), pa.array([1, 5], pa.date32()), pa.array([5, None], pa.date32()))
    >>> index.positions(pa.array(["a", "a", "b"]), pa.array([4, 9, 4], pa.date32())).to_pylist()
    [0, 1, None]
    """

    def __init__(self, keys: pa.Array, begins: pa.Array, ends: pa.Array | None) -> None:
        codes, dictionary = encode(keys)
        self._index = KeyIndex(dictionary)
        self._times, ranks = _ranked(begins)
        self._width = len(self._times) + 1
        places = codes * self._width + ranks
        known = _valid(keys) & _valid(begins)
        rows = np.flatnonzero(known)
        order = rows[np.argsort(places[rows], kind="stable")]
        self._places, self._rows = places[order], order
        repeated = np.flatnonzero(self._places[1:] == self._places[:-1])
        if len(repeated):
            raise DuplicateKey(keys[int(order[repeated[0]])].as_py(), 2, len(repeated))
        self._begins = begins
        self._ends = ends

    def positions(self, values: pa.Array, times: pa.Array) -> pa.Array:
        """For each value and time the position of its row, int64, null where there is none. More than one valid
        version is a `DuplicateKey`."""
        code = np.asarray(self._index.positions(values).fill_null(-1))
        when = np.asarray(times.cast(_integer(times.type)).fill_null(0)).astype(np.int64)
        place = code * self._width + np.searchsorted(self._times, when, "right") - 1
        found = np.searchsorted(self._places, place, "right") - 1
        row = self._rows[np.maximum(found, 0)] if len(self._rows) else np.zeros(len(code), np.int64)
        at = self._places[np.maximum(found, 0)] if len(self._places) else np.full(len(code), -1, np.int64)
        hit = (found >= 0) & (code >= 0) & (at // self._width == code) & _valid(times)
        hit &= self._valid_at(row, when)
        return pa.array(row, mask=~hit)

    def _valid_at(self, rows: Ints, when: Ints) -> Mask:
        if not len(self._rows):
            return np.zeros(len(rows), np.bool_)
        if self._ends is None:
            same: Mask = _numbers(self._begins)[rows] == when
            return same
        ends = _numbers(self._ends)
        valid: Mask = ~_valid(self._ends)[rows] | (when < ends[rows])
        return valid


def _ranked(times: pa.Array) -> tuple[Ints, Ints]:
    """The distinct times, and the place of each time among them."""
    numbers = _numbers(times)
    found = distinct(numbers)
    return found, np.searchsorted(found, numbers)


def _numbers(times: pa.Array) -> Ints:
    return np.asarray(times.cast(_integer(times.type)).fill_null(0)).astype(np.int64)


def _integer(type: pa.DataType) -> pa.DataType:
    return pa.int32() if pa.types.is_date32(type) else pa.int64()


def _valid(values: pa.Array) -> Mask:
    present = validity(values)
    return np.ones(len(values), np.bool_) if present is None else present


def _check_unique(keys: pa.Array) -> None:
    codes, dictionary = encode(keys.drop_null())
    counts = np.bincount(codes, minlength=1)
    worst = int(counts.argmax())
    if counts[worst] > 1:
        raise DuplicateKey(dictionary[worst].as_py(), int(counts[worst]), int((counts > 1).sum()))


def _dense_places(keys: pa.Array) -> tuple[int, Ints] | None:
    """The first key and, for each number from it on, the position of its key (-1: none); None if keys are sparse."""
    numbers = np.asarray(keys.fill_null(0))
    present = validity(keys)
    rows = np.arange(len(keys)) if present is None else np.flatnonzero(present)
    if not len(rows):
        return None
    low, high = int(numbers[rows].min()), int(numbers[rows].max())
    if high - low > 16 * len(rows) + 1024:
        return None
    places = np.full(high - low + 1, -1, np.int64)
    places[numbers[rows] - low] = rows
    return low, places


def _dense_lookup(dense: tuple[int, Ints], values: pa.Array) -> pa.Array:
    low, places = dense
    numbers = np.asarray(values.fill_null(low))
    inside = (numbers >= low) & (numbers < low + len(places))
    found = np.where(inside, places[np.where(inside, numbers - low, 0)], -1)
    present = validity(values)
    missing = found < 0 if present is None else (found < 0) | ~present
    return pa.array(found, mask=missing)
