"""Events of ids in time: how many follow within a while, and which was the latest before.

Events are sorted by id and time once; every question is two binary searches, however long the while is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.group import encode
from kpi_engine.kernels.lookup import KeyIndex
from kpi_engine.kernels.sorting import distinct
from kpi_engine.kernels.vectors import Ints, Mask, validity

DAY_US = 86_400_000_000


class EventIndex:
    """Events with one or more key columns and a time each; events without a key or a time are never found."""

    def __init__(self, keys: Sequence[pa.Array], times: pa.Array) -> None:
        self._indexes: list[KeyIndex] = []
        self._cardinalities: list[int] = []
        code = np.zeros(len(times), np.int64)
        known = _known(times)
        for key in keys:
            own, dictionary = encode(key)
            self._indexes.append(KeyIndex(dictionary))
            self._cardinalities.append(len(dictionary))
            code = code * max(len(dictionary), 1) + own
            known &= _known(key)
        rows = np.flatnonzero(known)
        when = microseconds(times)[rows]
        self._times = distinct(when)
        self._width = len(self._times) + 1
        places = code[rows] * self._width + np.searchsorted(self._times, when)
        order = np.argsort(places, kind="stable")
        self._places = places[order]
        self._rows = rows[order]

    def _code(self, keys: Sequence[pa.Array]) -> Ints:
        """The packed key of some rows, -1 where no event has it."""
        code = np.zeros(len(keys[0]), np.int64)
        for key, index, cardinality in zip(keys, self._indexes, self._cardinalities, strict=True):
            found = np.asarray(index.positions(key).fill_null(-1))
            code = np.where((code < 0) | (found < 0), -1, code * max(cardinality, 1) + found)
        return code

    def _search(self, code: Ints, when: Ints) -> Ints:
        """The first event of each key at or after a time."""
        return np.searchsorted(self._places, code * self._width + np.searchsorted(self._times, when))

    def following(self, keys: Sequence[pa.Array], times: pa.Array, within: Fraction) -> Ints:
        """For each row how many events of its key have a time in [time, time + within); `within` in microseconds.

        >>> index = EventIndex([pa.array(["a", "a"])], pa.array([1, 3], pa.timestamp("us", "UTC")))
        >>> index.following([pa.array(["a", "b"])], pa.array([1, 1], pa.timestamp("us", "UTC")), Fraction(3)).tolist()
        [2, 0]
        """
        code, when = self._code(keys), microseconds(times)
        found = self._search(code, when + _ceiling(within)) - self._search(code, when)
        counts: Ints = np.where((code >= 0) & _known(times), found, 0)
        return counts

    def latest(self, keys: Sequence[pa.Array], times: pa.Array, within: Fraction | None) -> pa.Array:
        """For each row the position of the last event of its key with 0 <= time - event < within, null if none."""
        code, when = self._code(keys), microseconds(times)
        after = self._search(code, when + 1)
        since = np.full(len(when), np.iinfo(np.int64).min) if within is None else when - _ceiling(within) + 1
        first = self._search(code, since)
        hit = (code >= 0) & _known(times) & (after > first)
        rows = self._rows[np.where(hit, after - 1, 0)] if len(self._rows) else np.zeros(len(hit), np.int64)
        return pa.array(rows, mask=~hit)


def microseconds(times: pa.Array) -> Ints:
    """Times (timestamp[us] or date32) as int64 microseconds; 0 where null."""
    if pa.types.is_date32(times.type):
        return np.asarray(times.cast(pa.int32()).fill_null(0)).astype(np.int64) * DAY_US
    return np.asarray(times.cast(pa.int64()).fill_null(0))


def positive(counts: Ints) -> pa.Array:
    """Where a count is above 0.

    >>> positive(np.array([0, 2])).to_pylist()
    [False, True]
    """
    return pa.array(counts > 0)


def minus_self(counts: Ints, itself: pa.Array) -> Ints:
    """Counts without the rows themselves, where they are among what was counted."""
    own = np.asarray(itself.fill_null(False))
    return counts - own.astype(np.int64)


def _known(values: pa.Array) -> Mask:
    present = validity(values)
    return np.ones(len(values), np.bool_) if present is None else present.copy()


def _ceiling(within: Fraction) -> int:
    """Whole microseconds: an event less than `within` away is less than its ceiling away."""
    return -(-within.numerator // within.denominator)
