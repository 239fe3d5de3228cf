"""Finding the one row that a reference means."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.id_bytes import Words
from kpi_engine.kernels.id_codecs import is_ids, is_wide
from kpi_engine.kernels.ids import recoded, shortened, texts
from kpi_engine.kernels.promote import align, is_number
from kpi_engine.kernels.sorting import distinct, key_range, searched, sorted_with_order
from kpi_engine.kernels.states import decoded
from kpi_engine.kernels.vectors import Ints, Mask, int32_view, int64_view, validity
from kpi_engine.kernels.wide_ids import hashes, words_of


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
        self._keys = shortened(decoded(keys))
        _check_unique(self._keys)
        self._numbers: NumberIndex | None = None
        self._words: Words | None = None
        numbers = _whole_numbers(self._keys)
        if is_wide(self._keys.type):
            words = words_of(self._keys)
            numbers = _different(hashes(words), validity(self._keys))
            if numbers is None:
                self._keys = texts(self._keys)
            else:
                self._words = words
        if numbers is not None:
            self._numbers = NumberIndex(numbers, validity(self._keys))

    def positions(self, values: pa.Array) -> pa.Array:
        """For each value the position of its key, int64, null where there is none."""
        places = self.places(values)
        return pa.array(places, mask=places < 0)

    def places(self, values: pa.Array) -> Ints:
        """For each value the position of its key, -1 where there is none."""
        if pa.types.is_dictionary(values.type):
            of_value = np.append(self.places(values.dictionary), -1)
            codes, valid = int32_view(values.indices), validity(values.indices)
            return of_value[codes if valid is None else np.where(valid, codes, -1)]
        if values.type != self._keys.type and is_number(values.type) and is_number(self._keys.type):
            asked, keys = align("a reference", [values, self._keys])
            return _filled(pc.index_in(asked, value_set=keys).cast(pa.int64()), validity(values))
        if self._numbers is None:
            found = pc.index_in(_as_type(texts(values), self._keys.type), value_set=self._keys)
            return _filled(found.cast(pa.int64()), validity(values))
        if is_ids(self._keys.type):
            values = recoded(values if is_ids(values.type) else _as_type(values, pa.string()), self._keys.type)
        if self._words is not None:
            return self._of_words(values, self._words)
        numbers = _whole_numbers(_as_type(values, self._keys.type))
        assert numbers is not None
        return self._numbers.places(numbers, validity(values))

    def _of_words(self, values: pa.Array, keys: Words) -> Ints:
        """The position of each id of two words: that of its hash, if the words are the same as well."""
        assert self._numbers is not None
        places = np.full(len(values), -1, np.int64)
        known = validity(values)
        rows = slice(None) if known is None else np.flatnonzero(known)
        words = words_of(values)[rows]
        found = self._numbers.places(hashes(words), None)
        if len(keys):
            for column in range(2):  # -1 is the last key, and stays -1 whatever that is
                found = np.where(keys[:, column][found] == words[:, column], found, -1)
        places[rows] = found
        return places


def _different(numbers: Ints, valid: Mask | None) -> Ints | None:
    """The numbers if those that are valid all differ, else None."""
    present = numbers if valid is None else numbers[valid]
    return numbers if len(distinct(present)) == len(present) else None


class NumberIndex:
    """Positions of distinct whole numbers: by a table where they lie close together, else by a search."""

    def __init__(self, keys: Ints, valid: Mask | None) -> None:
        rows = np.arange(len(keys)) if valid is None else np.flatnonzero(valid)
        numbers = keys[rows]
        self._low, high = key_range(numbers)
        self._is_dense = high - self._low <= 16 * len(rows) + 1024
        if self._is_dense:
            self._rows = np.full(high - self._low + 2, -1, np.int64)  # the last place is for all other numbers
            self._rows[numbers - self._low] = rows
        else:
            self._ordered, order = sorted_with_order(numbers)
            self._rows = rows[order]

    def places(self, values: Ints, valid: Mask | None) -> Ints:
        """The position of each value's key, -1 for none."""
        if self._is_dense:
            last = len(self._rows) - 1
            inside = (values >= self._low) & (values < self._low + last)
            if valid is not None:
                inside &= valid
            return self._rows[np.where(inside, values - self._low, last)]
        place = np.minimum(searched(self._ordered, values), len(self._ordered) - 1)
        hit = self._ordered[place] == values
        if valid is not None:
            hit &= valid
        return np.where(hit, self._rows[place], -1)


class VersionIndex:
    """Positions of rows by key and time: versions valid from a time on, or the snapshots of single days.

    With `ends` a version is valid in [begin, end); a null begin or end is open. Without, a row is found only at its own
    time. Versions of one key that overlap are a `DuplicateKey`.

    >>> index = VersionIndex(pa.array(["a", "a"]), pa.array([1, 5], pa.date32()), pa.array([5, None], pa.date32()))
    >>> index.positions(pa.array(["a", "a", "b"]), pa.array([4, 9, 4], pa.date32())).to_pylist()
    [0, 1, None]
    """

    def __init__(self, keys: pa.Array, begins: pa.Array, ends: pa.Array | None) -> None:
        codes, dictionary = encode(shortened(keys))
        self._index = KeyIndex(dictionary)
        self._begins = _numbers(begins, _OPEN_BEGIN)
        self._ends = None if ends is None else _numbers(ends, _OPEN_END)
        self._times = distinct(self._begins)
        self._width = len(self._times) + 1
        places = codes * self._width + np.searchsorted(self._times, self._begins)
        known = _valid(keys) & (_valid(begins) if self._ends is None else self._begins < self._ends)
        rows = np.flatnonzero(known)
        order = rows[np.argsort(places[rows], kind="stable")]
        self._places, self._rows = places[order], order
        repeated = np.flatnonzero(self._overlaps())
        if len(repeated):
            raise DuplicateKey(keys[int(order[repeated[0]])].as_py(), 2, len(repeated))

    def positions(self, values: pa.Array, times: pa.Array) -> pa.Array:
        """For each value and time the position of its row, int64, null where there is none. More than one valid
        version is a `DuplicateKey`."""
        code = self._index.places(values)
        when = _numbers(times, 0)
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
        valid: Mask = self._begins[rows] == when if self._ends is None else when < self._ends[rows]
        return valid

    def _overlaps(self) -> Mask:
        """For each version but the first, in order, whether the one before it of the same key still holds."""
        same: Mask = self._places[1:] == self._places[:-1]
        if self._ends is None:
            return same
        of_one_key = self._places[1:] // self._width == self._places[:-1] // self._width
        overlaps: Mask = of_one_key & (self._ends[self._rows[:-1]] > self._begins[self._rows[1:]])
        return overlaps


_OPEN_BEGIN, _OPEN_END = -(2**62), 2**62


def _numbers(times: pa.Array, null: int) -> Ints:
    numbers = times.cast(_integer(times.type)).cast(pa.int64()).fill_null(null)
    return np.asarray(numbers)


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
        value = texts(dictionary.slice(worst, 1))[0].as_py()
        raise DuplicateKey(value, int(counts[worst]), int((counts > 1).sum()))


def _whole_numbers(keys: pa.Array) -> Ints | None:
    """Keys that are whole numbers, or ids kept so; None for any other type."""
    if is_ids(keys.type):
        return None if is_wide(keys.type) else int64_view(keys.storage)
    return int64_view(keys) if pa.types.is_int64(keys.type) else None


def _as_type(values: pa.Array, type: pa.DataType) -> pa.Array:
    return values if values.type == type or is_ids(values.type) else values.cast(type)


def _filled(places: pa.Array, valid: Mask | None) -> Ints:
    """Positions, -1 where null or not valid."""
    found: Ints = np.asarray(places.fill_null(-1))
    return found if valid is None else np.where(valid, found, -1)
