"""Rows of a frame whose key is null."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kpi_engine.kernels.frames import StateFrame
from kpi_engine.kernels.vectors import validity


def rows_without(frames: Sequence[StateFrame], key: int, first_bucket: int) -> int:
    """Rows of some frames with a null in the key at this position, in buckets from the first one on.

    Of several states the one with most rows counts.

    >>> import numpy, pyarrow
    >>> from kpi_engine.kernels.frames import StateInput, partial_frames
    >>> keys, buckets = [pyarrow.array(["a", None, None])], numpy.array([1, 0, 1])
    >>> plain, *_ = partial_frames(keys, buckets, [StateInput("count", None, None)])
    >>> rows_without([plain], 0, 0), rows_without([plain], 0, 1)
    (2, 1)
    """
    found = np.zeros(len(frames[0].states), np.int64)
    for frame in frames:
        present = validity(frame.keys[key])
        if present is not None:
            chosen = ~present & (frame.bucket >= first_bucket)
            found += np.array([state.rows[chosen].sum() for state in frame.states], np.int64)
    return int(found.max(initial=0))
