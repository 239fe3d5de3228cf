"""Finding the one row that a reference means."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.vectors import Ints, validity


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
