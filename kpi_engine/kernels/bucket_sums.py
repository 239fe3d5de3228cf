"""Sums of counts by group and bucket, running over the buckets, so that a window's sum is a difference of two."""

from __future__ import annotations

import numpy as np

from kpi_engine.kernels.vectors import Ints

_BLOCK = 1 << 16
"""States looked at together: what is computed of them stays in the cache."""


def running_sums(groups: Ints, buckets: Ints, counts: Ints, size: int, width: int) -> Ints:
    """For each group in [0, `size`) and number of buckets up to `width` the sum of the counts in the buckets below it.

    >>> running_sums(np.array([0, 1, 0]), np.array([1, 0, 1]), np.array([5, 6, 7]), 2, 2).tolist()
    [[0, 0, 12], [0, 6, 6]]
    """
    found = np.zeros((size, width + 1), np.int64)
    sums = np.zeros(size * width)
    block = max(_BLOCK, 4 * len(sums))
    for start in range(0, len(buckets), block):
        own = slice(start, start + block)
        places = groups[own] * width + buckets[own]
        sums += np.bincount(places, counts[own], len(sums))
    np.cumsum(sums.astype(np.int64).reshape(size, width), axis=1, out=found[:, 1:])
    return found
