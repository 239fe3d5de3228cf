"""States divided by the values of one key, so that all states of a group lie in one slice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kpi_engine.kernels.frames import StateFrame, rows_of
from kpi_engine.kernels.group import encode, whole_numbers
from kpi_engine.kernels.id_codecs import is_ids
from kpi_engine.kernels.ids import texts
from kpi_engine.kernels.pieces import Pieces
from kpi_engine.kernels.sketches_hash import hash128
from kpi_engine.kernels.sorting import key_range
from kpi_engine.kernels.vectors import Ints, Mask, is_exact, row_numbers, validity, words_view

Numbers = NDArray[np.uint16]

_DENSE: Final = 8
"""Values in a range of up to so many times their number are divided into ranges, which lie close together again."""

_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""The golden ratio's share of 2**64: its multiples spread numbers that are alike."""

_FOLD: Final = np.int64(0x9E3779B1)
"""An odd number, which keeps apart what differs in the upper words of a decimal."""

_HALF: Final = np.uint64(32)
_BLOCK: Final = 1 << 14
_SAMPLE: Final = 4096


class Slices:
    """The states in each of some slices."""

    def __init__(self, frames: Sequence[StateFrame], numbers: Sequence[Numbers], count: int) -> None:
        self._frames = frames
        self._orders = [np.argsort(each, kind="stable") for each in numbers]
        self._ends = [np.cumsum(np.bincount(each, minlength=count)) for each in numbers]

    def states(self, number: int) -> Pieces:
        """The states of one slice."""
        found = []
        for frame, order, ends in zip(self._frames, self._orders, self._ends, strict=True):
            start = int(ends[number - 1]) if number else 0
            found.append(rows_of(frame, order[start : int(ends[number])]))
        return Pieces(found)


def sliced(states: Sequence[Pieces], positions: Sequence[int], count: int) -> list[Slices] | None:
    """States that belong together, divided by the key at these positions; None if its kinds do not compare."""
    frames = [each.frames for each in states]
    keys = [[frame.keys[at] for frame in each] for each, at in zip(frames, positions, strict=True)]
    if len({key.type for own in keys for key in own}) > 1:
        # Values in one type are divided much faster.
        frames = [(each.whole,) for each in states]
        keys = [[frame.keys[at] for frame in each] for each, at in zip(frames, positions, strict=True)]
    if not are_comparable({key.type for own in keys for key in own}):
        return None
    numbers = iter(slice_numbers([key for own in keys for key in own], count))
    return [Slices(each, list(islice(numbers, len(each))), count) for each in frames]


def are_comparable(types: Collection[pa.DataType]) -> bool:
    """Whether equal values of these types are known to be in one slice."""
    return (
        len(types) <= 1
        or all(is_ids(each) or pa.types.is_string(_plain(each)) for each in types)
        or all(map(is_exact, types))
    )


def _plain(type: pa.DataType) -> pa.DataType:
    return type.value_type if pa.types.is_dictionary(type) else type


def slice_numbers(keys: Sequence[pa.Array], count: int) -> list[Numbers]:
    """The slice, in [0, `count`), of each value of each array, whose types are comparable: equal values have one slice.

    >>> one, other = slice_numbers([pa.array([1, 9, None]), pa.array([9, 0])], 2)
    >>> one.tolist(), other.tolist()
    ([0, 1, 0], [1, 0])
    """
    numbers = [_numbers(key) for key in keys] if len({key.type for key in keys}) == 1 else []
    found = [each for each in numbers if each is not None]
    if not found or len(found) < len(keys):
        return [_of_hashes(key, count) for key in keys]
    known = [validity(key) for key in keys]
    present = [each if mask is None else each[mask] for each, mask in zip(found, known, strict=True)]
    ranges = [key_range(each) for each in present if len(each)]
    low, high = min((low for low, _ in ranges), default=0), max((high for _, high in ranges), default=0)
    if high - low > _DENSE * sum(map(len, found)):
        return [_of_numbers(each, mask, count) for each, mask in zip(found, known, strict=True)]
    scale = (count << 32) // (high - low + 1)
    return [_of_ranges(each, mask, low, scale) for each, mask in zip(found, known, strict=True)]


def _numbers(key: pa.Array) -> Ints | None:
    """A whole number for each value, the same for equal values of one type; None where there is none at hand."""
    if not pa.types.is_decimal(key.type):
        return whole_numbers(key)
    words = words_view(key)
    found = words[:, 0].copy()
    for column in range(1, words.shape[1]):
        found ^= words[:, column] * _FOLD
    return found


def _of_ranges(values: Ints, known: Mask | None, low: int, scale: int) -> Numbers:
    """Values as the number of the range that they lie in: as far above `low` as `scale` / 2**32 says."""
    return _by_blocks(values, known, lambda part: ((part - low) * scale) >> 32)


def _of_numbers(values: Ints, known: Mask | None, count: int) -> Numbers:
    wide = np.uint64(count)
    return _by_blocks(values.view(np.uint64), known, lambda part: (((part * _SPREAD) >> _HALF) * wide) >> _HALF)


def _by_blocks(values: Any, known: Mask | None, number: Callable[[Any], Any]) -> Numbers:
    """The numbers of values, made of few at a time, which stay in the cache; 0 for what is null."""
    found = np.empty(len(values), np.uint16)
    for start in range(0, len(values), _BLOCK):
        found[start : start + _BLOCK] = number(values[start : start + _BLOCK])
    if known is not None:
        found[~known] = 0
    return found


def _of_hashes(key: pa.Array, count: int) -> Numbers:
    codes, values = encode(key)
    low, _ = hash128(texts(values))
    part = (low % np.uint64(count)).astype(np.uint16)
    present = validity(values)
    if present is not None:
        part[~present] = 0
    found: Numbers = part[codes]
    return found


def variety(key: pa.Array) -> int:
    """About how many values there are among many, to choose the one of some keys that divides best."""
    step = max(len(key) // _SAMPLE, 1)
    return len(encode(key.take(row_numbers(np.arange(0, len(key), step))))[1])
