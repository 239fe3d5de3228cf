"""The bytes of many short texts, looked at eight at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kpi_engine.kernels.vectors import Ints, Mask, validity

Words = NDArray[np.uint64]

_PAD = 16  # before the first text, so that the 16 bytes up to a text's end can always be read
_ZEROS = np.uint64(0x3030303030303030)
_HIGH_HALVES = np.uint64(0xF0F0F0F0F0F0F0F0)
_KEPT = np.array([0, *((2**64 - 1) ^ (2 ** (64 - 8 * count) - 1) for count in range(1, 9))], np.uint64)
"""For each number of bytes a mask that keeps so many of a word's last ones."""


_NEIGHBOURS = (
    (np.uint64(10), np.uint64(8), np.uint64(0x00FF00FF00FF00FF)),
    (np.uint64(100), np.uint64(16), np.uint64(0x0000FFFF0000FFFF)),
    (np.uint64(10_000), np.uint64(32), np.uint64(0x00000000FFFFFFFF)),
)


@dataclass(frozen=True, slots=True)
class IdBytes:
    """The texts of an array that are there: their bytes (after padding), where each ends, their lengths.

    `valid` says which rows they are, None if all. `length` is the one length of all texts, if they have one;
    `dense`: then they lie end to end.
    """

    data: NDArray[np.uint8]
    ends: Ints
    lengths: Ints
    valid: Mask | None
    length: int | None
    dense: bool

    @classmethod
    def of(cls, array: pa.Array) -> IdBytes:
        """The texts of a string array."""
        valid = validity(array)
        _, offset_buffer, buffer = array.buffers()
        if len(array) == 0 or offset_buffer is None:
            return cls(np.zeros(_PAD, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64), valid, None, False)
        offsets = np.frombuffer(offset_buffer, np.int32)[array.offset : array.offset + len(array) + 1]
        start, stop = int(offsets[0]), int(offsets[-1])
        stored = np.zeros(0, np.uint8) if buffer is None else np.frombuffer(buffer, np.uint8)[start:stop]
        data = np.concatenate([np.zeros(_PAD, np.uint8), stored])
        ends = offsets[1:].astype(np.int64) + (_PAD - start)
        lengths = np.diff(offsets).astype(np.int64)
        if valid is not None:
            ends, lengths = ends[valid], lengths[valid]
        length = int(lengths[0]) if len(lengths) and int(lengths.min()) == int(lengths.max()) else None
        return cls(data, ends, lengths, valid, length, bool(length) and len(stored) == len(lengths) * (length or 0))

    @property
    def first(self) -> bytes:
        """The first text."""
        return self.data[self.ends[0] - self.lengths[0] : self.ends[0]].tobytes()

    def words(self, number: int) -> Words:
        """The last eight bytes of each text (number 0) or the eight before these (1), the last one on top.

        Where a text is shorter the lower bytes are whatever stands before it.
        """
        if self.dense:
            start = int(self.ends[0]) - 8 * (number + 1)
            return np.ndarray((len(self.ends),), "<u8", self.data.data, start, (self.length or 0,)).astype(np.uint64)
        every = np.ndarray((len(self.data) - 7,), "<u8", self.data.data, 0, (1,))
        found: Words = every[self.ends - 8 * (number + 1)]
        return found

    def starts_with(self, prefix: bytes) -> Mask:
        """Which texts begin so."""
        same = self.lengths >= len(prefix)
        if not bool(same.any()):
            return same
        starts = self.ends - self.lengths
        for place, wanted in enumerate(prefix):
            if self.dense:
                letters = self.data[int(starts[0]) + place :: self.length][: len(starts)]
            else:
                letters = self.data[np.minimum(starts + place, len(self.data) - 1)]
            same &= letters == wanted
        return same

    def short_words(self) -> tuple[Ints, Mask]:
        """Texts of at most eight bytes as words, the first byte lowest, and which texts can be written back.

        A text that ends in a zero byte could not be told from a shorter one.
        """
        words = self.words(0)
        fits = (self.lengths <= 8) & ((self.lengths == 0) | (words >> np.uint64(56) != 0))
        spare = np.clip(8 * (8 - self.lengths), 0, 63).astype(np.uint64)
        packed = np.where(self.lengths > 0, words >> spare, np.uint64(0))
        return packed.view(np.int64), fits


def eight_digits(words: Words, digits: Ints | int) -> tuple[Ints, Mask]:
    """The number that the last `digits` (at most 8) bytes of each word are in decimal, and whether they are digits.

    >>> word = np.frombuffer(b"C0012345", "<u8")
    >>> [found.tolist() for found in eight_digits(word, 7)]
    [[12345], [True]]
    """
    kept = _KEPT[np.clip(digits, 0, 8)]
    written = words & kept
    written |= _ZEROS & ~kept
    sixes = np.uint64(0x0606060606060606)
    # A digit is 0x30 to 0x39: its upper half is 3, and still is when 6 is added.
    fits = ((written & _HIGH_HALVES) == _ZEROS) & (((written + sixes) & _HIGH_HALVES) == _ZEROS)
    # Neighbours become numbers of two, four and eight digits, all of a word at a time.
    number = written & np.uint64(0x0F0F0F0F0F0F0F0F)
    for factor, shift, mask in _NEIGHBOURS:
        upper = number >> shift
        number *= factor
        number += upper
        number &= mask
    return number.view(np.int64), fits


def text_of_words(words: Ints, valid: Mask | None) -> pa.Array:
    """The texts that `short_words` made these words of; null where `valid` is False.

    >>> text_of_words(np.frombuffer(b"ab\\0\\0\\0\\0\\0\\0", "<i8"), None).to_pylist()
    ['ab']
    """
    letters = np.ascontiguousarray(words, "<i8").view(np.uint8).reshape(-1, 8)
    lengths = np.zeros(len(words), np.int64)
    for place in range(8):
        lengths[letters[:, place] != 0] = place + 1
    if valid is not None:
        lengths[~valid] = 0
    offsets = np.zeros(len(words) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    data = letters[np.arange(8) < lengths[:, None]]
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(words), [bitmap, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    )
