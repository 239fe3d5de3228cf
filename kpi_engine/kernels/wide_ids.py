"""Ids of 128 bits: two words each, compared exactly, found by a hash of both that is checked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.id_bytes import Words
from kpi_engine.kernels.sorting import sorted_with_order, starts_of_runs
from kpi_engine.kernels.vectors import Ints, Mask

# Odd numbers without a pattern: multiplied by one, every bit of a word takes part in the upper bits.
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_BITS = 62  # so that hashes are not negative, and a table of them is never made


def wide_array(words: Words, valid: Mask | None, type: pa.DataType) -> pa.Array:
    """Ids of a type from (n, 2) words; null where `valid` is False."""
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    data = pa.py_buffer(np.ascontiguousarray(words))
    return pa.ExtensionArray.from_storage(type, pa.Array.from_buffers(pa.binary(16), len(words), [bitmap, data]))


def words_of(array: pa.Array) -> Words:
    """The words, (n, 2), of an array of such ids; arbitrary where it is null."""
    if len(array) == 0:
        return np.zeros((0, 2), np.uint64)
    storage = array.storage
    whole = np.frombuffer(storage.buffers()[1], np.uint64)
    return whole[2 * storage.offset : 2 * (storage.offset + len(storage))].reshape(-1, 2)


def hashes(words: Words) -> Ints:
    """A whole number for each pair of words, from 0 to 2**62: equal for equal pairs, and seldom for others."""
    mixed = words[:, 0] * _FACTORS[0]
    mixed ^= mixed >> np.uint64(32)
    mixed += words[:, 1]
    mixed *= _FACTORS[1]
    mixed ^= mixed >> np.uint64(29)
    mixed *= _FACTORS[0]
    mixed >>= np.uint64(64 - _BITS)
    return mixed.view(np.int64)


def distinct_words(words: Words) -> tuple[Ints, Ints]:
    """For each pair of words its place among the distinct pairs, and a row of each of those.

    >>> codes, first = distinct_words(np.array([[7, 1], [7, 2], [7, 1]], np.uint64))
    >>> bool(codes[0] == codes[2] != codes[1]), len(first)
    (True, 2)
    """
    ordered, rows = sorted_with_order(hashes(words))
    starts = starts_of_runs(ordered)
    differs = _starts_of_pairs(words, rows)
    if bool((differs & ~starts).any()):  # two pairs have one hash, which somebody must have looked for
        rows = np.lexsort((words[:, 1], words[:, 0]))
        starts = _starts_of_pairs(words, rows)
    codes = np.empty(len(rows), np.int64)
    codes[rows] = np.cumsum(starts) - 1
    return codes, rows[starts]


def _starts_of_pairs(words: Words, rows: Ints) -> Mask:
    """True at the first of each run of equal pairs, in the order of some rows."""
    starts = np.zeros(len(rows), np.bool_)
    for column in range(2):
        starts |= starts_of_runs(words[:, column][rows].view(np.int64))
    return starts
