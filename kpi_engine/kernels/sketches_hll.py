"""HyperLogLog: distinct counts from the greatest number of leading zeros that a hash has in each of 4096 registers.

The state of a key and bucket is a set of items, each an integer that holds a hash:

    sparse   62 bits of the hash: 6 of leading zeros, 56 of address; as many items as there are values
    dense    a flag, the leading zeros and the register: one item a register, once there are more than HLL_EXACT values

Merging is the union of the sets, and turns sparse into dense where it must. Whether a set is dense and which items it
then has depends on the values alone, and so does every answer: not on batches, files, buckets or the order of merging.
Sparse sets are counted as they are. Hash, registers and estimator are those of Apache DataSketches (`datasketches`),
which is asked only for the estimate, and imported only then: it takes one value at a time from Python.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kpi_engine.ir.approximation import HLL_EXACT, HLL_LG_K
from kpi_engine.kernels.sorting import sorted_with_order, starts_of_runs
from kpi_engine.kernels.vectors import Ints, int64_view, validity

if TYPE_CHECKING:
    from kpi_engine.kernels.sketches_hash import Words


REGISTERS = 1 << HLL_LG_K
_ZEROS_AT = 56
_DENSE = 1 << 62
_LEVELS = 64
_CELLS_AT_ONCE = 1 << 22  # register values held at once while windows are looked at
_IMAGES_AT_ONCE = 1 << 12
_HEAD = 40
# Ten words of preamble, version, family, lg_k, -, merged, -, eight bits a register.
_PREAMBLE = (10, 1, 7, HLL_LG_K, 0, 0b0001_0000, 0, 0b0000_1010)


def can_estimate() -> bool:
    """Whether the library that estimates is installed."""
    return find_spec("datasketches") is not None


def hll_items(values: pa.Array) -> pa.Array:
    """A sparse item for each value of a canonical array, null for null.

    >>> items = hll_items(pa.array(["a", None, "a"]))
    >>> items[0] == items[2], items[1].is_valid
    (True, False)
    """
    from kpi_engine.kernels.sketches_hash import hash128

    low, high = hash128(values)
    zeros = np.minimum(_leading_zeros(high), 62) + 1
    address = (low & np.uint64((1 << _ZEROS_AT) - 1)).astype(np.int64)
    valid = validity(values)
    return pa.array((zeros << _ZEROS_AT) | address, mask=None if valid is None else ~valid)


def _leading_zeros(words: Words) -> Ints:
    """Zeros before the first one bit of each word: from the exponent of the word as a float.

    Without the ones that follow another one the float cannot be rounded up to the next power of two.
    """
    exponents = np.frexp((words & ~(words >> np.uint64(1))).astype(np.float64))[1]
    return 64 - exponents.astype(np.int64)


def hll_compact(cells: Ints, item: pa.Array, counts: Ints) -> tuple[Ints, pa.Array, Ints] | None:
    """Sets that are too large made dense: the rows that stay, their items and counts; None if all may stay as they are.

    cells: the set of each row, from 0. item: sparse and dense items, or null. counts: rows that each item stands for.
    """
    codes, valid = int64_view(item), validity(item)
    present = np.ones(len(codes), np.bool_) if valid is None else valid
    size = int(cells.max(initial=-1)) + 1
    dense = np.bincount(cells[present], minlength=size) > HLL_EXACT
    dense[cells[present & (codes >= _DENSE)]] = True
    chosen = np.flatnonzero(present & dense[cells])
    if not len(chosen):
        return None
    register, zeros = _register_of(codes[chosen]), _zeros_of(codes[chosen])
    places = (cells[chosen] << HLL_LG_K) | register
    order = sorted_with_order((places << 6) | zeros)[1]
    starts = np.flatnonzero(starts_of_runs(places[order]))
    last = order[np.append(starts[1:], len(order)) - 1]
    untouched = np.flatnonzero(~(present & dense[cells]))
    rows = np.concatenate([untouched, chosen[last]])
    items = np.concatenate([codes[untouched], _DENSE | (zeros[last] << _ZEROS_AT) | register[last]])
    total = np.concatenate([counts[untouched], np.add.reduceat(counts[chosen][order], starts)])
    missing = np.zeros(len(rows), np.bool_)
    missing[: len(untouched)] = ~present[untouched]
    return rows, pa.array(items, mask=missing), total


def _register_of(items: Ints) -> Ints:
    return items & (REGISTERS - 1)


def _zeros_of(items: Ints) -> Ints:
    return (items >> _ZEROS_AT) & 63


def hll_counts(item: Ints, group: Ints, bucket: Ints, asked: tuple[Ints, Ints, Ints], exact: Ints) -> Ints:
    """Distinct counts of windows: as given where they are exact, else estimates.

    item, group, bucket: the states, sorted by group and bucket. asked: the group of each cell, ascending, and the
    half-open range of buckets that it looks at. exact: for each cell the number of different items in its window,
    which is the count itself as long as all are sparse and there are at most HLL_EXACT.
    """
    cell_group, low, high = asked
    dense_places = np.flatnonzero(item >= _DENSE)
    large = np.zeros(int(max(group.max(initial=-1), cell_group.max(initial=-1))) + 1, np.bool_)
    large[group[dense_places]] = True
    large[cell_group[exact > HLL_EXACT]] = True
    counts = exact.copy()
    for number in np.flatnonzero(large).tolist():
        cells = np.arange(*np.searchsorted(cell_group, [number, number + 1]))
        rows = slice(*np.searchsorted(group, [number, number + 1]).tolist())
        own, places = item[rows], bucket[rows]
        dense = np.concatenate([np.zeros(1, np.int64), np.cumsum(own >= _DENSE)])
        start, stop = np.searchsorted(places, low[cells]), np.searchsorted(places, high[cells])
        has_dense = dense[np.maximum(start, stop)] > dense[start]
        cells = cells[has_dense | (exact[cells] > HLL_EXACT)]
        counts[cells] = estimates(_histograms(own, places, low[cells], high[cells]))
    return counts


def _histograms(item: Ints, bucket: Ints, low: Ints, high: Ints) -> Ints:
    """For each window how many registers have each number of leading zeros, as (windows, 64)."""
    register, zeros = _register_of(item), _zeros_of(item)
    starts = starts_of_runs(bucket)
    line = np.cumsum(starts) - 1
    used = bucket[starts]
    order = sorted_with_order(zeros)[1]  # of several items of a register the greatest is written last and stays
    first, last = np.searchsorted(used, low), np.searchsorted(used, high)
    levels = max(1, int((last - first).max(initial=1))).bit_length()
    width = min(REGISTERS, max(1, _CELLS_AT_ONCE // max(levels * len(used), len(low))))
    found = np.zeros((len(low), _LEVELS), np.int64)
    for begin in range(0, REGISTERS, width):
        rows = order[(register[order] >= begin) & (register[order] < begin + width)]
        table = np.zeros((len(used), min(width, REGISTERS - begin)), np.uint8)
        table[line[rows], register[rows] - begin] = zeros[rows]
        greatest = _greatest(table, first, last)
        place = np.arange(len(low))[:, None] * _LEVELS + greatest
        found += np.bincount(place.ravel(), minlength=found.size).reshape(found.shape)
    return found


def _greatest(table: NDArray[np.uint8], first: Ints, last: Ints) -> NDArray[np.uint8]:
    """The greatest value of each column over each range of lines; 0 for an empty range. A sparse table: two overlapping
    stretches of a power of two cover any range."""
    length = last - first
    result = np.zeros((len(first), table.shape[1]), np.uint8)
    step = 1
    while True:
        rows = np.flatnonzero((length >= step) & (length < 2 * step))
        result[rows] = np.maximum(table[first[rows]], table[last[rows] - step])
        if not np.any(length >= 2 * step):
            return result
        table = np.maximum(table[:-step], table[step:])
        step *= 2


def estimates(histograms: Ints) -> Ints:
    """Distinct counts from how many registers have each number of leading zeros, rounded to whole ones.

    histograms: (cells, 64), each line adding up to the number of registers.
    """
    from datasketches import hll_sketch

    found = np.zeros(len(histograms), np.int64)
    for start in range(0, len(histograms), _IMAGES_AT_ONCE):
        images = hll_images(histograms[start : start + _IMAGES_AT_ONCE])
        found[start : start + len(images)] = [
            round(hll_sketch.deserialize(image.tobytes()).get_estimate()) for image in images
        ]
    return found


def hll_images(histograms: Ints) -> NDArray[np.uint8]:
    """Sketches in the library's own format, with any registers of these histograms: which is which does not matter.

    They are marked as merged, so that an estimate depends on the registers alone and not on how they came about.
    """
    zeros = np.arange(_LEVELS)
    shares = histograms * 0.5**zeros
    images = np.zeros((len(histograms), _HEAD + REGISTERS), np.uint8)
    images[:, :8] = _PREAMBLE
    images[:, 16:24] = np.ascontiguousarray(shares[:, :32].sum(1, keepdims=True)).view(np.uint8)
    images[:, 24:32] = np.ascontiguousarray(shares[:, 32:].sum(1, keepdims=True)).view(np.uint8)
    images[:, 32:36] = np.ascontiguousarray(histograms[:, :1].astype(np.uint32)).view(np.uint8)
    registers = np.repeat(np.tile(zeros.astype(np.uint8), len(histograms)), histograms.ravel())
    images[:, _HEAD:] = registers.reshape(len(histograms), REGISTERS)
    return images
