"""Rows of a frame whose key is null."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.frames import StateFrame
from kpi_engine.kernels.group import group
from kpi_engine.kernels.vectors import Ints, validity


@dataclass(frozen=True, slots=True)
class Unassigned:
    """Rows of a frame with a null in one key: the buckets that have some, and for each of these the rows by state."""

    buckets: tuple[int, ...]
    by_state: tuple[tuple[int, ...], ...]

    def rows(self, first_bucket: int) -> Ints:
        """By state the rows in buckets from the first one on.

        >>> Unassigned((0, 2), ((5, 1), (3, 0))).rows(1).tolist()
        [3, 0]
        """
        chosen = np.array(self.buckets, np.int64) >= first_bucket
        rows: Ints = np.array(self.by_state, np.int64)[chosen].sum(axis=0)
        return rows

    def among(self, states: Sequence[int]) -> Unassigned:
        """The same of some of the states."""
        return Unassigned(self.buckets, tuple(tuple(rows[each] for each in states) for rows in self.by_state))

    def moved(self, buckets: Sequence[int], last: int, *, drops_first: bool) -> Unassigned:
        """The same in other buckets, of which there is one for each bucket: those before the `last`, and with
        `drops_first` after the first."""
        kept = [
            (buckets[bucket], rows)
            for bucket, rows in zip(self.buckets, self.by_state, strict=True)
            if int(drops_first) <= buckets[bucket] < last
        ]
        return Unassigned(tuple(bucket for bucket, _ in kept), tuple(rows for _, rows in kept))


def unassigned(frame: StateFrame, key: int) -> Unassigned:
    """The rows of a frame with a null in the key at this position.

    >>> import numpy, pyarrow
    >>> from kpi_engine.kernels.frames import StateInput, partial_frames
    >>> keys, buckets = [pyarrow.array(["a", None, None])], numpy.array([1, 0, 1])
    >>> plain, *_ = partial_frames(keys, buckets, [StateInput("count", None, None)])
    >>> unassigned(plain, 0)
    Unassigned(buckets=(0, 1), by_state=((1,), (1,)))
    """
    present = validity(frame.keys[key])
    if present is None or not frame.states:
        return Unassigned((), ())
    rows = np.flatnonzero(~present)
    groups = group(frame.bucket[rows])
    by_state = [np.bincount(groups.ids, state.rows[rows], groups.size).astype(np.int64) for state in frame.states]
    return Unassigned(
        tuple(frame.bucket[rows][groups.first].tolist()), tuple(zip(*(each.tolist() for each in by_state), strict=True))
    )


def united(parts: Iterable[Unassigned]) -> Unassigned:
    """The rows of all parts."""
    found = list(parts)
    return Unassigned(
        tuple(bucket for each in found for bucket in each.buckets),
        tuple(rows for each in found for rows in each.by_state),
    )
