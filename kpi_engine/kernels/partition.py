"""Sets divided by their values, so that parts have none in common and are united, counted and forgotten one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from kpi_engine.kernels.counted import CountedPart, counted
from kpi_engine.kernels.frames import StateFrame, merge_frames, rows_of
from kpi_engine.kernels.group import encode
from kpi_engine.kernels.ids import texts
from kpi_engine.kernels.sketches_hash import hash128
from kpi_engine.kernels.vectors import validity


def divided(frame: StateFrame, parts: int) -> list[StateFrame]:
    """The rows of a set by their values: equal values are in the same part, whatever types their arrays have.

    >>> import pyarrow as pa
    >>> from kpi_engine.kernels.frames import StateInput, partial_frames
    >>> values = pa.array(["a", "b", None, "a"])
    >>> _, found = partial_frames([], np.array([0, 0, 0, 1]), [StateInput("distinct", values, None)])
    >>> sum(map(len, divided(found, 4)))
    4
    """
    assert frame.item is not None
    codes, values = encode(frame.item)
    low, _ = hash128(texts(values))
    part = (low >> np.uint64(32)).astype(np.int64) % parts
    present = validity(values)
    if present is not None:
        part[~present] = 0
    of_row = part[codes]
    return [rows_of(frame, np.flatnonzero(of_row == number)) for number in range(parts)]


def counted_in_parts(parts: Iterable[Sequence[StateFrame]], frames: Callable[[], Sequence[StateFrame]]) -> CountedPart:
    """A set whose parts have no value in common, counted: one part after the other is united and forgotten.

    `frames` gives the whole set again.
    """
    cells = merge_frames([counted(merge_frames(part)) for part in parts])
    return CountedPart(cells, lambda: merge_frames(frames()))
