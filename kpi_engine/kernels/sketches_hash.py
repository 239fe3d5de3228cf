"""The hash of Apache DataSketches (MurmurHash3, x64, 128 bits, seed 9001) of whole Arrow arrays.

Equal values have equal hashes whatever their physical type: a whole decimal hashes as the integer that it is, and
trailing zeros of a decimal do not count. Integers, floats and texts hash to the same bits as in the sketches of that
library, except for the empty text, which it leaves out and which is a value here.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kpi_engine.kernels.vectors import (
    Ints,
    booleans,
    float64_view,
    int32_view,
    int64_view,
    is_exact,
    narrow,
    python_ints,
    scale_of,
)

Words = NDArray[np.uint64]

_SEED = np.uint64(9001)
_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_BLOCK = 16


def hash128(values: pa.Array) -> tuple[Words, Words]:
    """Both halves of the hash of each value of a canonical array without dictionary; arbitrary where it is null.

    >>> [f"{int(half[0]):016x}" for half in hash128(pa.array([1]))]
    ['0b430d7b96fbf22b', 'e8ea0960d4246765']
    """
    type_ = values.type
    if pa.types.is_string(type_):
        return _texts(values)
    if pa.types.is_float64(type_):
        return _of_words(float64_view(values).view(np.uint64))
    if is_exact(type_) and not pa.types.is_int64(type_):
        return _decimals(values)
    return _of_words(_integers(values).view(np.uint64))


def _integers(values: pa.Array) -> Ints:
    """Booleans, days and instants as integers."""
    if pa.types.is_null(values.type):
        return np.zeros(len(values), np.int64)
    if pa.types.is_boolean(values.type):
        return booleans(values).astype(np.int64)
    if pa.types.is_date32(values.type):
        return int32_view(values).astype(np.int64)
    return int64_view(values)


def _of_words(first: Words, second: Words | None = None) -> tuple[Words, Words]:
    """Hashes of 8 bytes each, or of 16."""
    low = np.full(len(first), _SEED)
    if second is None:
        return _finish(low ^ _mixed_low(first), low.copy(), np.uint64(8))
    low, high = _block(low, low.copy(), first, second)
    return _finish(low, high, np.uint64(16))


def _texts(values: pa.Array) -> tuple[Words, Words]:
    """Hashes of UTF-8 bytes, block by block for all texts that have that block."""
    if len(values) == 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    _, offsets, data = values.buffers()
    places = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    begin, size = places[:-1], np.diff(places)
    stored = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    padded = np.concatenate([stored[places[0] : places[-1]], np.zeros(_BLOCK, np.uint8)])
    # Every eight bytes that follow one another, so that a word can be read at any place.
    words: Words = np.ndarray((len(padded) - 7,), np.dtype("<u8"), padded.data, strides=(1,))
    begin = begin - places[0]
    low, high = np.full(len(values), _SEED), np.full(len(values), _SEED)
    blocks = size // _BLOCK
    for number in range(int(blocks.max())):
        rows = np.flatnonzero(blocks > number)
        place = begin[rows] + number * _BLOCK
        low[rows], high[rows] = _block(low[rows], high[rows], words[place], words[place + 8])
    rest = size % _BLOCK
    tail = begin + blocks * _BLOCK
    low ^= _mixed_low(words[tail] & _mask(np.minimum(rest, 8)))
    high ^= _mixed_high(words[tail + 8] & _mask(np.maximum(rest - 8, 0)))
    return _finish(low, high, size.astype(np.uint64))


def _decimals(values: pa.Array) -> tuple[Words, Words]:
    """Whole numbers as integers, others as 16 bytes (digits, decimal places), what exceeds int64 as text."""
    scale = scale_of(values.type)
    digits = narrow(values)
    if digits is None:
        return _wide_decimals(values, scale)
    digits = digits.copy()
    places = np.full(len(digits), scale, np.int64)
    for _ in range(scale):
        ends = np.flatnonzero((places > 0) & (digits % 10 == 0))
        if not len(ends):
            break
        digits[ends] //= 10
        places[ends] -= 1
    whole = _of_words(digits.view(np.uint64))
    if not places.any():
        return whole
    parts = _of_words(digits.view(np.uint64), places.view(np.uint64))
    return np.where(places == 0, whole[0], parts[0]), np.where(places == 0, whole[1], parts[1])


def _wide_decimals(values: pa.Array, scale: int) -> tuple[Words, Words]:
    digits, places, texts = [], [], []
    for value in python_ints(values):
        number, place = value or 0, scale
        while place and number % 10 == 0:
            number, place = number // 10, place - 1
        fits = -(2**63) <= number < 2**63
        digits.append(number if fits else 0)
        places.append(place)
        texts.append(None if fits else f"{number}E-{place}")
    numbers, shifts = np.array(digits, np.int64), np.array(places, np.int64)
    spelled = pa.array(texts, pa.string())
    whole, parts = _of_words(numbers.view(np.uint64)), _of_words(numbers.view(np.uint64), shifts.view(np.uint64))
    chosen = [np.array([text is not None for text in texts], np.bool_), shifts == 0]
    wide = _texts(spelled)
    return (
        np.select(chosen, [wide[0], whole[0]], parts[0]),
        np.select(chosen, [wide[1], whole[1]], parts[1]),
    )


def _mask(size: Ints) -> Words:
    """Words whose first `size` bytes are ones."""
    bits = (8 * size).astype(np.uint64)
    full = ~np.uint64(0)
    return np.where(size == 8, full, (np.uint64(1) << np.minimum(bits, np.uint64(63))) - np.uint64(1))


def _rotated(words: Words, bits: int) -> Words:
    result: Words = (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))
    return result


def _mixed_low(words: Words) -> Words:
    return _rotated(words * _C1, 31) * _C2


def _mixed_high(words: Words) -> Words:
    return _rotated(words * _C2, 33) * _C1


def _block(low: Words, high: Words, first: Words, second: Words) -> tuple[Words, Words]:
    low = (_rotated(low ^ _mixed_low(first), 27) + high) * np.uint64(5) + np.uint64(0x52DCE729)
    high = (_rotated(high ^ _mixed_high(second), 31) + low) * np.uint64(5) + np.uint64(0x38495AB5)
    return low, high


def _finish(low: Words, high: Words, size: Words | np.uint64) -> tuple[Words, Words]:
    low, high = low ^ size, high ^ size
    low = low + high
    high = high + low
    low, high = _scattered(low), _scattered(high)
    low = low + high
    return low, high + low


def _scattered(words: Words) -> Words:
    words = (words ^ (words >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    words = (words ^ (words >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    result: Words = words ^ (words >> np.uint64(33))
    return result
