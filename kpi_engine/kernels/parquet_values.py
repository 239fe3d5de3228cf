"""Values in the pages of Parquet files: numbers of few bits in runs, and decimals as fixed-length bytes.

What does not hold together is a ValueError or an IndexError.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kpi_engine.kernels.vectors import Ints, Mask

Codes = NDArray[np.uint32]
Bytes = NDArray[np.uint8]

_WIDEST = 32


def octets(data: bytes | memoryview | pa.Buffer) -> Bytes:
    """The bytes of a page."""
    return np.frombuffer(data, np.uint8)


def runs(data: Bytes, width: int, count: int) -> Codes:
    """So many numbers of `width` bits: runs of equal ones, and groups of eight that are packed bit by bit.

    >>> runs(np.array([6, 1, 3, 0b11100100, 0b00011011], np.uint8), 2, 11).tolist()
    [1, 1, 1, 0, 1, 2, 3, 3, 2, 1, 0]
    """
    if not 0 <= width <= _WIDEST:
        raise ValueError("numbers are too wide")
    found = np.empty(count, np.uint32)
    done = pos = 0
    while done < count:
        head, start = _varint(data, pos)
        if head & 1 == 0:
            pos = start + (width + 7) // 8
            _within(data, pos)
            stop = min(count, done + (head >> 1))
            found[done:stop] = int.from_bytes(data[start:pos].tobytes(), "little")
            if stop == done:
                raise ValueError("a run of nothing")
            done = stop
            continue
        size = (head >> 1) * width
        if size == 0:
            raise ValueError("a run of nothing" if width else "bits without a width")
        # Writers make run after run of the same size: these are looked at together.
        alike = _alike(data, pos, start - pos, size, -(-(count - done) // (8 * (head >> 1))))
        step = start - pos + size
        _within(data, pos + alike * step)
        packed = data[pos : pos + alike * step].reshape(alike, step)[:, start - pos :].reshape(-1)
        stop = min(count, done + alike * 8 * (head >> 1))
        found[done:stop] = _unpacked(packed, width)[: stop - done]
        done, pos = stop, pos + alike * step
    return found


def levels_of(data: Bytes, count: int) -> tuple[Mask | None, int]:
    """Which of so many rows have a value (None: all), where that is said in one bit each, and how many have.

    >>> levels_of(np.array([6, 1], np.uint8), 3), levels_of(np.array([3, 0b101], np.uint8), 3)[0].tolist()
    ((None, 3), [True, False, True])
    """
    head, start = _varint(data, 0) if count else (0, 0)
    if head & 1 == 0 and head >> 1 >= count and (count == 0 or data[start] == 1):  # one run of ones
        return None, count
    valid = runs(data, 1, count).astype(np.bool_)
    present = int(np.count_nonzero(valid))
    return (None if present == count else valid), present


def _alike(data: Bytes, pos: int, head: int, size: int, most: int) -> int:
    """How many packed runs of one size, `size` bytes after a head, follow each other from a position on."""
    if head != 1:
        return 1
    heads = data[pos :: 1 + size][:most]
    differing = np.flatnonzero(heads != heads[0])
    return int(differing[0]) if len(differing) else max(1, min(len(heads), (len(data) - pos) // (1 + size)))


def _unpacked(packed: Bytes, width: int) -> Codes:
    """The numbers of packed groups of eight, of `width` bytes each."""
    groups = len(packed) // width
    padded = np.zeros(len(packed) + 8, np.uint8)
    padded[: len(packed)] = packed
    found = np.empty((groups, 8), np.uint32)
    mask = np.uint32((1 << width) - 1)
    for place in range(8):
        first, shift = divmod(place * width, 8)
        if shift + width <= _WIDEST:
            window = np.ndarray((groups,), "<u4", padded.data, first, (width,))
            np.right_shift(window, np.uint32(shift), out=found[:, place])
        else:
            wide = np.ndarray((groups,), "<u8", padded.data, first, (width,))
            found[:, place] = wide >> np.uint64(shift)
    found &= mask
    return found.reshape(-1)


def _varint(data: Bytes, pos: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := int(data[pos])) > 127:
        value |= (byte & 127) << shift
        shift += 7
        pos += 1
    return value | byte << shift, pos + 1


def _within(data: Bytes, pos: int) -> None:
    if pos > len(data):
        raise ValueError("it ends too early")


def decimals(data: Bytes, width: int, count: int) -> Ints:
    """The first so many signed numbers of `width` bytes each (at most 16), the upper byte first, as (count, 1 or 2)
    words, the lower one first.

    >>> decimals(np.array([0xFF, 0xFE, 1, 0], np.uint8), 2, 2).tolist()
    [[-2], [256]]
    """
    _within(data, width * count)
    if count == 0:
        return np.zeros((0, 2 if width > 8 else 1), np.int64)
    padded = np.empty(width * count + 8, np.uint8)
    padded[:8] = 0
    padded[8:] = data[: width * count]
    words = np.empty((count, 2 if width > 8 else 1), np.int64)
    words[:, 0] = np.ndarray((count,), ">i8", padded.data, width, (width,))
    if width < 8:
        words <<= 64 - 8 * width
        words >>= 64 - 8 * width
    elif width > 8:
        words[:, 1] = np.ndarray((count,), ">i8", padded.data, width - 8, (width,))
        words[:, 1] <<= 128 - 8 * width
        words[:, 1] >>= 128 - 8 * width
    return words


def decimal_array(parts: Sequence[Ints], valid: Sequence[Mask | None], type: pa.DataType) -> pa.Array:
    """Pages of words of the values that are there as one decimal128 array; `valid` says of each page which of its rows
    have one (None: all).

    >>> decimal_array([np.array([[150]])], [np.array([True, False])], pa.decimal128(4, 2)).to_pylist()
    [Decimal('1.50'), None]
    """
    lengths = [len(part) if mask is None else len(mask) for part, mask in zip(parts, valid, strict=True)]
    total = sum(lengths)
    whole = np.empty((total, 2), np.int64)
    known = None if all(mask is None for mask in valid) else np.ones(total, np.bool_)
    start = 0
    for part, mask, length in zip(parts, valid, lengths, strict=True):
        own = whole[start : start + length]
        if mask is None:
            _fill(own, part)
        else:
            assert known is not None
            known[start : start + length] = mask
            own[:] = 0
            own[mask] = _fill(np.empty((len(part), 2), np.int64), part)
        start += length
    bitmap = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.Array.from_buffers(type, total, [bitmap, pa.py_buffer(whole)])


def _fill(whole: Ints, part: Ints) -> Ints:
    """Two words for each one or two."""
    whole[:, 0] = part[:, 0]
    if part.shape[1] == 2:
        whole[:, 1] = part[:, 1]
    else:
        np.right_shift(part[:, 0], 63, out=whole[:, 1])
    return whole
