"""The bytes of many short texts, looked at eight at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.vectors import Ints, Mask, validity

Words = NDArray[np.uint64]

_PAD = 32  # what is read before the end of a text at most
_ZEROS = np.uint64(0x3030303030303030)
_HIGH_HALVES = np.uint64(0xF0F0F0F0F0F0F0F0)
_KEPT = np.array([0, *((2**64 - 1) ^ (2 ** (64 - 8 * count) - 1) for count in range(1, 9))], np.uint64)
"""For each number of bytes a mask that keeps so many of a word's last ones."""


_ONES = np.uint64(0x0101010101010101)
_LOW_HALVES = np.uint64(0x0F0F0F0F0F0F0F0F)
LOWER, UPPER = ord("a") - 1, ord("A") - 1
"""The byte before the first letter that is a hexadecimal digit."""

_NEIGHBOURS = (
    (np.uint64(10), np.uint64(8), np.uint64(0x00FF00FF00FF00FF)),
    (np.uint64(100), np.uint64(16), np.uint64(0x0000FFFF0000FFFF)),
    (np.uint64(10_000), np.uint64(32), np.uint64(0x00000000FFFFFFFF)),
)
_NIBBLES = tuple((np.uint64(16 ** (1 << step)), shift, mask) for step, (_, shift, mask) in enumerate(_NEIGHBOURS))


@dataclass(frozen=True, slots=True)
class IdBytes:
    """The texts of an array that are there: their bytes, where each ends, their lengths.

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
            return cls(np.zeros(0, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64), valid, None, False)
        offsets = np.frombuffer(offset_buffer, np.int32)[array.offset : array.offset + len(array) + 1]
        start, stop = int(offsets[0]), int(offsets[-1])
        stored = np.zeros(0, np.uint8) if buffer is None else np.frombuffer(buffer, np.uint8)[start:stop]
        ends = offsets[1:].astype(np.int64)
        ends -= start
        lengths = np.diff(offsets).astype(np.int64)
        if valid is not None:
            ends, lengths = ends[valid], lengths[valid]
        length = int(lengths[0]) if len(lengths) and int(lengths.min()) == int(lengths.max()) else None
        return cls(stored, ends, lengths, valid, length, bool(length) and len(stored) == len(lengths) * (length or 0))

    @property
    def first(self) -> bytes:
        """The first text."""
        return self.data[self.ends[0] - self.lengths[0] : self.ends[0]].tobytes()

    def words(self, number: int) -> Words:
        """The last eight bytes of each text (number 0), the eight before these (1), and so on, the last one on top.

        Where a text is shorter the lower bytes are whatever stands before it.
        """
        if not len(self.ends):
            return np.zeros(0, np.uint64)
        back = 8 * (number + 1)
        # The first texts may end before so many bytes: they are read from a copy with zeros before it.
        early = int(np.searchsorted(self.ends, back))
        if early == 0:
            return self._words_at(self.ends - back)
        found = np.empty(len(self.ends), np.uint64)
        head = np.concatenate([np.zeros(_PAD, np.uint8), self.data[: int(self.ends[early - 1])]])
        every = np.ndarray((len(head) - 7,), "<u8", head.data, 0, (1,))
        found[:early] = every[self.ends[:early] - back + _PAD]
        if early < len(found):
            found[early:] = self._words_at(self.ends[early:] - back)
        return found

    def _words_at(self, places: Ints) -> Words:
        """Eight bytes from each of some places on, those of one text after the other."""
        if self.dense:
            shape, step = (len(places),), (self.length or 0,)
            return np.ndarray(shape, "<u8", self.data.data, int(places[0]), step).astype(np.uint64)
        every = np.ndarray((len(self.data) - 7,), "<u8", self.data.data, 0, (1,))
        found: Words = every[places]
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

    def at(self, starts: Ints, place: int, size: Literal[1, 4, 8]) -> Words:
        """So many bytes of each text from a place on, the first one lowest; all of them must lie in the data.

        `starts` are those of the texts.
        """
        kind = {1: "<u1", 4: "<u4", 8: "<u8"}[size]
        if self.dense:
            start = int(starts[0]) + place
            return np.ndarray((len(starts),), kind, self.data.data, start, (self.length or 0,)).astype(np.uint64)
        every = np.ndarray((len(self.data) - size + 1,), kind, self.data.data, 0, (1,))
        return every[np.minimum(starts + place, len(every) - 1)].astype(np.uint64)

    def part(self, start: int, stop: int) -> IdBytes:
        """Some of the texts."""
        return replace(self, ends=self.ends[start:stop], lengths=self.lengths[start:stop])

    def long_words(self, prefix: bytes) -> tuple[Words, Mask]:
        """Texts of a prefix and at most 16 bytes more as two words, and which texts can be written back."""
        rest = self.lengths - len(prefix)
        fits = (rest >= 0) & (rest <= 16)
        if prefix:
            fits &= self.starts_with(prefix)
        # The last eight bytes and those before them stand at the top of two words, and are moved down together.
        high, low = self.words(0), self.words(1)
        spare = np.clip(16 - rest, 0, 16) * 8
        words = np.zeros((len(rest), 2), np.uint64)
        words[:, 0] = _shifted(low, spare) | _shifted(high, spare - 64)
        words[:, 1] = _shifted(high, spare)
        fits &= (rest <= 0) | (high >> np.uint64(56) != 0)
        return words, fits

    def short_words(self) -> tuple[Ints, Mask]:
        """Texts of at most eight bytes as words, the first byte lowest, and which texts can be written back.

        A text that ends in a zero byte could not be told from a shorter one.
        """
        words = self.words(0)
        fits = (self.lengths <= 8) & ((self.lengths == 0) | (words >> np.uint64(56) != 0))
        spare = np.clip(8 * (8 - self.lengths), 0, 63).astype(np.uint64)
        packed = np.where(self.lengths > 0, words >> spare, np.uint64(0))
        return packed.view(np.int64), fits


def _shifted(words: Words, bits: Ints) -> Words:
    """Words moved down by so many bits, up by a negative number of them; 64 and more leave nothing."""
    down, up = np.clip(bits, 0, 63).astype(np.uint64), np.clip(-bits, 0, 63).astype(np.uint64)
    moved: Words = np.where(np.abs(bits) < 64, (words >> down) << up, np.uint64(0))
    return moved


def _eight_nibbles(words: Words, letters: int) -> tuple[Words, Mask]:
    """The number that the eight bytes of each word are in hexadecimal, and whether they are such digits.

    letters: the byte of which the six letters are one to six more.

    >>> word = np.frombuffer(b"0000beef", "<u8")
    >>> [found.tolist() for found in _eight_nibbles(word, LOWER)]
    [[48879], [True]]
    """
    # The bit 0x40 tells letters from digits; a letter stands for nine more than its lower half.
    is_letter = (words >> np.uint64(6)) & _ONES
    number = (words & _LOW_HALVES) + np.uint64(9) * is_letter
    written = number + _ZEROS + is_letter * np.uint64(letters - 9 - ord("0"))
    # Only letters stand for ten and more, and nothing for sixteen and more.
    large = ((number + np.uint64(6) * _ONES) >> np.uint64(4)) & _ONES
    fits = (written == words) & (large == is_letter) & ((number & _HIGH_HALVES) == 0)
    for factor, shift, mask in _NIBBLES:
        upper = number >> shift
        number *= factor
        number += upper
        number &= mask
    return number, fits


def hex_words(found: IdBytes, digits: int, letters: int) -> tuple[Words, Mask]:
    """The number that the last `digits` (at most 32) bytes of each text are in hexadecimal, as (n, 1 or 2) words with
    the upper one first, and whether they are such digits."""
    halves = []
    fits = np.ones(len(found.ends), np.bool_)
    for place in range(-(-digits // 8)):
        half, right = _eight_nibbles(_last_digits(found.words(place), min(8, digits - 8 * place)), letters)
        fits &= right
        halves.append(half)
    words = np.zeros((len(fits), 2 if digits > 16 else 1), np.uint64)
    for place, half in enumerate(halves):
        words[:, -1 - place // 2] |= half << np.uint64(32 * (place % 2))
    return words, fits


def _last_digits(words: Words, digits: int) -> Words:
    """Words of which only so many last bytes are taken, with `0` for the others."""
    if digits == 8:
        return words
    kept = _KEPT[digits]
    found: Words = (words & kept) | (_ZEROS & ~kept)
    return found


def text_of_hex(words: Words, valid: Mask | None, digits: int, letters: int, prefix: bytes) -> pa.Array:
    """The texts of a prefix and so many digits that `hex_words` made these words of; null where `valid` is False.

    >>> text_of_hex(np.array([[0xBEEF]], np.uint64), None, 6, LOWER, b"v-").to_pylist()
    ['v-00beef']
    """
    start = len(prefix)
    texts = np.empty((len(words), start + digits), np.uint8)
    texts[:, :start] = np.frombuffer(prefix, np.uint8)
    texts[:, start:] = _digits_of(words, letters)[:, 16 * words.shape[1] - digits :]
    return _texts(texts, np.full(len(words), start + digits, np.int64), valid)


def _digits_of(words: Words, letters: int) -> NDArray[np.uint8]:
    """The 16 hexadecimal digits of each word, those of a row side by side."""
    octets = np.ascontiguousarray(words).astype(">u8").view(np.uint8).reshape(len(words), 8 * words.shape[1])
    digits = np.empty((len(words), 2 * octets.shape[1]), np.uint8)
    digits[:, 0::2], digits[:, 1::2] = octets >> 4, octets & 15
    shown: NDArray[np.uint8] = digits + np.where(digits < 10, ord("0"), letters - 9).astype(np.uint8)
    return shown


def uuid_words(found: IdBytes, letters: int) -> tuple[Words, Mask]:
    """Texts of 36 bytes as the two halves of the 128 bits that they are in hexadecimal, and which of them are that."""
    fits = found.lengths == 36
    if not bool(fits.any()):
        return np.zeros((len(fits), 2), np.uint64), fits
    fits = fits.copy()
    starts = np.maximum(found.ends - 36, 0)
    for place in (8, 13, 18, 23):
        fits &= found.at(starts, place, 1) == ord("-")
    eights = (
        found.at(starts, 0, 8),
        found.at(starts, 9, 4) | found.at(starts, 14, 4) << np.uint64(32),
        found.at(starts, 19, 4) | found.at(starts, 24, 4) << np.uint64(32),
        found.at(starts, 28, 8),
    )
    halves = []
    for eight in eights:
        half, right = _eight_nibbles(eight, letters)
        fits &= right
        halves.append(half)
    words = np.empty((len(fits), 2), np.uint64)
    words[:, 0] = (halves[0] << np.uint64(32)) | halves[1]
    words[:, 1] = (halves[2] << np.uint64(32)) | halves[3]
    return words, fits


def text_of_uuids(words: Words, valid: Mask | None, letters: int) -> pa.Array:
    """The texts that `uuid_words` made these words of; null where `valid` is False.

    >>> text_of_uuids(np.array([[1, 2**64 - 1]], np.uint64), None, LOWER).to_pylist()
    ['00000000-0000-0001-ffff-ffffffffffff']
    """
    shown = _digits_of(words, letters)
    texts = np.full((len(words), 36), ord("-"), np.uint8)
    for start, stop, place in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        texts[:, place : place + stop - start] = shown[:, start:stop]
    return _texts(texts, np.full(len(words), 36, np.int64), valid)


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


def text_of_words(words: Ints | Words, valid: Mask | None, prefix: bytes = b"") -> pa.Array:
    """The texts that `short_words` or `long_words` made these words of; null where `valid` is False.

    >>> text_of_words(np.frombuffer(b"ab\\0\\0\\0\\0\\0\\0", "<i8"), None).to_pylist()
    ['ab']
    """
    width = 8 * (words.shape[1] if words.ndim == 2 else 1)
    letters = np.ascontiguousarray(words).view(np.uint8).reshape(-1, width)
    lengths = np.zeros(len(words), np.int64)
    for place in range(width):
        lengths[letters[:, place] != 0] = place + 1
    if prefix:
        before = np.broadcast_to(np.frombuffer(prefix, np.uint8), (len(words), len(prefix)))
        letters, lengths = np.hstack([before, letters]), lengths + len(prefix)
    return _texts(letters, lengths, valid)


def _texts(letters: NDArray[np.uint8], lengths: Ints, valid: Mask | None) -> pa.Array:
    """The first bytes of each row as texts; null where `valid` is False."""
    if valid is not None:
        lengths = np.where(valid, lengths, 0)
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    data = letters[np.arange(letters.shape[1]) < lengths[:, None]]
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(
        pa.string(), len(lengths), [bitmap, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(data))]
    )
