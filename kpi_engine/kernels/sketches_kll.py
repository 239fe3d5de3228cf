"""KLL: percentiles from a few thousand weighted values.

The state of a key and bucket is a multiset of values, kept like that of exact percentiles: each value with the number
of rows that it stands for. The binary digits of this number are the levels of a KLL sketch: a value with digit h is
there on level h, where each value stands for 2**h rows. When a set has too many values, the lowest level that is over
its capacity is sorted and each pair of neighbours becomes one of the two, on the level above. So the weights always add
up to the rows, equal values become one without any loss, and a set that was never too large is exact.

Which of two neighbours stays is decided for all pairs of a level by one bit: in KLL a random one, here a hash of these
values. The coin of Apache DataSketches cannot be seeded from Python, and the same question must have the same answer.
Sketches of the same values cut into other batches may still differ, each within the bound.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kpi_engine.ir.approximation import KLL_EXACT, KLL_K
from kpi_engine.kernels.sorting import sorted_with_order, starts_of_runs
from kpi_engine.kernels.vectors import Ints, Mask, validity

_LEVELS = 63
_LEAST_LEVELS = 14
"""Sets with few rows are treated as if they had so many levels: lower levels are then small from the start."""

_SHARE = 2 / 3
"""How large a level is compared with the one above."""


def kll_compact(cells: Ints, item: pa.Array, counts: Ints) -> tuple[Ints, pa.Array, Ints] | None:
    """Sets that are too large made smaller: the rows that stay, their values and counts; None if all may stay.

    cells: the set of each row, from 0. item: numbers or null. counts: rows that each value stands for.
    """
    valid = validity(item)
    present = np.ones(len(item), np.bool_) if valid is None else valid
    size = int(cells.max(initial=-1)) + 1
    large = np.bincount(cells[present], minlength=size) > KLL_EXACT
    chosen = np.flatnonzero(present & large[cells])
    if not len(chosen):
        return None
    untouched = np.flatnonzero(~(present & large[cells]))
    from kpi_engine.kernels.quantile import order_keys

    kept, weights = compact_levels(cells[chosen], order_keys(item.take(pa.array(chosen))), counts[chosen])
    rows = np.concatenate([untouched, chosen[kept]])
    return rows, item.take(pa.array(rows)), np.concatenate([counts[untouched], weights])


def compact_levels(cells: Ints, keys: Ints, weights: Ints) -> tuple[Ints, Ints]:
    """The values of each cell that stay, with their new weights, until no cell has more than KLL_EXACT.

    keys: int64, in the order of the values; different in one cell.

    >>> rows, weights = compact_levels(np.zeros(3000, np.int64), np.arange(3000), np.ones(3000, np.int64))
    >>> len(rows), int(weights.sum())
    (1500, 3000)
    """
    order = _sorted(cells, keys)
    cells, keys, weights = cells[order], keys[order], weights[order].copy()
    size = int(cells.max(initial=-1)) + 1
    while True:
        over = _is_over(cells, size)
        if not over.any():
            return order, weights
        for level in range(_LEVELS):
            if _compact(level, over, cells, keys, weights, size):
                kept = weights > 0
                order, cells, keys, weights = order[kept], cells[kept], keys[kept], weights[kept]
                over &= _is_over(cells, size)
                if not over.any():
                    break


def _sorted(cells: Ints, keys: Ints) -> Ints:
    """Rows in the order of cell, then key."""
    first = sorted_with_order(keys)[1]
    return first[sorted_with_order(cells[first])[1]]


def _is_over(cells: Ints, size: int) -> Mask:
    return np.bincount(cells, minlength=size) > KLL_EXACT


def _compact(level: int, over: Mask, cells: Ints, keys: Ints, weights: Ints, size: int) -> bool:
    """Halve one level of the cells that are over and have too much on it; whether any has. Changes `weights`."""
    digit = np.int64(1) << level
    members = np.flatnonzero(((weights & digit) > 0) & over[cells])
    counts = np.bincount(cells[members], minlength=size)
    full = counts > _capacity(level, _levels(cells, weights, size))
    members = members[full[cells[members]]]
    if not len(members):
        return False
    starts = starts_of_runs(cells[members])
    begin = np.flatnonzero(starts)
    lengths = np.diff(np.append(begin, len(members)))
    coin = _coins(keys[members], begin, level)
    place = np.arange(len(members)) - np.repeat(begin, lengths)
    # Of an odd number one value stays where it is, the least or the greatest.
    place -= np.repeat((lengths % 2) * (coin >> 1), lengths)
    paired = (place >= 0) & (place < np.repeat(lengths - lengths % 2, lengths))
    stays = place % 2 == np.repeat(coin & 1, lengths)
    weights[members[paired & stays]] += digit
    weights[members[paired & ~stays]] -= digit
    return True


def _levels(cells: Ints, weights: Ints, size: int) -> Ints:
    """How many levels each cell has."""
    greatest = np.zeros(size, np.int64)
    np.maximum.at(greatest, cells, weights)
    return np.maximum(np.frexp(greatest.astype(np.float64))[1], _LEAST_LEVELS)


def _capacity(level: int, levels: Ints) -> Ints:
    """How many values a level may hold; at least one, so that a level that is over has a pair."""
    sizes = (KLL_K * _SHARE ** np.arange(_LEVELS + 2)).astype(np.int64)
    return np.maximum(sizes[np.clip(levels - 1 - level, 0, _LEVELS)], 1)


def _coins(keys: Ints, begin: Ints, level: int) -> Ints:
    """Two bits a cell: hashes of the values on the level, so that equal values are always halved in the same way."""
    words = _scattered(keys.view(np.uint64) + np.uint64(level))
    sums = _scattered(np.add.reduceat(words, begin))
    return (sums >> np.uint64(62)).astype(np.int64)


def _scattered(words: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """The finisher of splitmix64."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
