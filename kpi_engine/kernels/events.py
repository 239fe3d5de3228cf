"""Events of ids in time: which rows one follows within a while, and which was the latest before.

Events are numbered in the order of their times, and that number is packed below the code of their ids: sorted once,
the events of an id are neighbours in the order of time, and every question is one search, however long the while is.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.ids import shortened
from kpi_engine.kernels.lookup import KeyIndex
from kpi_engine.kernels.sorting import distinct, is_ascending, searched
from kpi_engine.kernels.states import true_rows
from kpi_engine.kernels.vectors import Ints, Mask, validity

DAY_US = 86_400_000_000
_LARGEST_CODE = 2**31


class EventIndex:
    """Events with one or more key columns and a time each; events without a key or a time are never found."""

    def __init__(self, keys: Sequence[pa.Array], times: pa.Array) -> None:
        self._keys = _Keys(keys, len(times))
        known = _known(times)
        for key in keys:
            known &= _known(key)
        rows = np.flatnonzero(known)
        when = microseconds(times)[rows]
        if not is_ascending(when):
            order = np.argsort(when, kind="stable")
            rows, when = rows[order], when[order]
        self._rows, self._times = rows, when
        self._bits = len(rows).bit_length()
        places = (self._keys.codes[rows] << self._bits) | np.arange(len(rows), dtype=np.int64)
        places.sort()
        self._places = places

    def _search(self, code: Ints, when: Ints, side: Literal["left", "right"]) -> Ints:
        """For each code the place of its first event at (left) or after (right) a time."""
        return searched(self._places, (code << self._bits) + searched(self._times, when, side))

    def _at(self, place: Ints, code: Ints) -> tuple[Ints, Mask]:
        """The number in time of the event at a place, and whether it is one of the code."""
        inside = np.clip(place, 0, len(self._places) - 1)
        found = self._places[inside]
        return found & ((1 << self._bits) - 1), (inside == place) & (found >> self._bits == code)

    def followed(
        self, keys: Sequence[pa.Array], times: pa.Array, within: Fraction, itself: pa.Array | None = None
    ) -> pa.Array:
        """For each row whether an event of its key has a time in [time, time + within); `within` in microseconds.

        `itself` says which rows are among the events; a row does not follow itself.

        >>> index = EventIndex([pa.array(["a", "a"])], pa.array([1, 3], pa.timestamp("us", "UTC")))
        >>> times = pa.array([1, 1], pa.timestamp("us", "UTC"))
        >>> index.followed([pa.array(["a", "b"])], times, Fraction(3)).to_pylist()
        [True, False]
        """
        found = np.zeros(len(times), np.bool_)
        rows, code, when = self._asked(keys, times)
        if len(rows):
            place = self._search(code, when, "left")
            if itself is not None:  # it has its own time, so that the place after is another event's, if any is
                place += true_rows(itself)[rows]
            event, same = self._at(place, code)
            found[rows] = same & (self._times[event] < when + _ceiling(within))
        return pa.array(found)

    def latest(
        self, keys: Sequence[pa.Array], times: pa.Array, within: Fraction | None, *, strictly: bool = False
    ) -> pa.Array:
        """For each row the position of the last event of its key with 0 <= time - event < within, null if none.

        `strictly` leaves out events at the row's own time: 0 < time - event.

        >>> index = EventIndex([pa.array(["a", "a"])], pa.array([1, 3], pa.timestamp("us", "UTC")))
        >>> rows = [pa.array(["a", "a"])], pa.array([1, 3], pa.timestamp("us", "UTC")), None
        >>> index.latest(*rows).to_pylist(), index.latest(*rows, strictly=True).to_pylist()
        ([0, 1], [None, 0])
        """
        found = np.full(len(times), -1, np.int64)
        rows, code, when = self._asked(keys, times)
        if len(rows):
            event, hit = self._at(self._search(code, when, "left" if strictly else "right") - 1, code)
            if within is not None:
                hit &= when - self._times[event] < _ceiling(within)
            found[rows] = np.where(hit, self._rows[event], -1)
        return pa.array(found, mask=found < 0)

    def _asked(self, keys: Sequence[pa.Array], times: pa.Array) -> tuple[Ints, Ints, Ints]:
        """The rows that may find an event, with their codes and times."""
        code = self._keys.find(keys)
        rows = np.flatnonzero((code >= 0) & _known(times)) if len(self._places) else np.zeros(0, np.int64)
        return rows, code[rows], microseconds(times)[rows]


@dataclass(frozen=True, slots=True)
class _Column:
    """One key column: where its values stand, how many there are; `packed`: the codes so far that occur, if these
    were renumbered."""

    index: KeyIndex
    cardinality: int
    packed: Ints | None


class _Keys:
    """Key columns of events as one code a row, and how to find the codes of other rows."""

    def __init__(self, keys: Sequence[pa.Array], length: int) -> None:
        self.codes = np.zeros(length, np.int64)
        self._columns: list[_Column] = []
        span = 1
        for key in keys:
            own, dictionary = encode(shortened(key))
            cardinality = max(len(dictionary), 1)
            codes = self.codes * cardinality + own
            span *= cardinality
            packed = distinct(codes) if span > max(_LARGEST_CODE, length) else None
            if packed is not None:
                codes, span = searched(packed, codes), len(packed)
            self.codes = codes
            self._columns.append(_Column(KeyIndex(dictionary), cardinality, packed))

    def find(self, keys: Sequence[pa.Array]) -> Ints:
        """The code of each row, -1 where no event has its keys."""
        code = np.zeros(len(keys[0]), np.int64)
        for key, column in zip(keys, self._columns, strict=True):
            own = column.index.places(key)
            code = np.where((code < 0) | (own < 0), -1, code * column.cardinality + own)
            if column.packed is not None:
                place = np.minimum(searched(column.packed, code), len(column.packed) - 1)
                code = np.where(column.packed[place] == code, place, -1)
        return code


def microseconds(times: pa.Array) -> Ints:
    """Times (timestamp[us] or date32) as int64 microseconds; 0 where null."""
    if pa.types.is_date32(times.type):
        return np.asarray(times.cast(pa.int32()).fill_null(0)).astype(np.int64) * DAY_US
    return np.asarray(times.cast(pa.int64()).fill_null(0))


def _known(values: pa.Array) -> Mask:
    present = validity(values)
    return np.ones(len(values), np.bool_) if present is None else present.copy()


def _ceiling(within: Fraction) -> int:
    """Whole microseconds: an event less than `within` away is less than its ceiling away."""
    return -(-within.numerator // within.denominator)
