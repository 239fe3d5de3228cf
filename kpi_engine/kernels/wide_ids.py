"""Ids of 128 bits: two words each, compared exactly, found by a hash of both that is checked."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from kpi_engine.kernels.id_bytes import Words
from kpi_engine.kernels.sorting import distinct_codes, starts_of_runs
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
    codes, found = distinct_codes(hashes(words))
    first = np.empty(len(found), np.int64)
    first[codes] = np.arange(len(codes))
    if bool((words == words[first[codes]]).all()):
        return codes, first
    order = np.lexsort((words[:, 1], words[:, 0]))  # two pairs have one hash, which somebody must have looked for
    ordered = words[order]
    starts = starts_of_runs(ordered[:, 0].view(np.int64)) | starts_of_runs(ordered[:, 1].view(np.int64))
    codes[order] = np.cumsum(starts) - 1
    return codes, order[starts]
