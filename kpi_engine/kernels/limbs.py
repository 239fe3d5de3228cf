"""Exact totals as vectors of big numbers, which add in any order to the same bits.

A float64 running total depends on the order of its rows, and int64 and Arrow's decimals wrap. `Limbs` keeps
each total as signed base-2**32 digits in int64 words. There are 31 spare bits in a word, so that many rows
are added word by word and carries are resolved only when needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.bins import count_rows, exact_bincount
from kpi_engine.kernels.vectors import EXACT_FLOAT, Ints, largest

DIGIT = 32
_LOW = (1 << DIGIT) - 1
_ROOM = 2**62  # every word stays below this in absolute value


@dataclass(frozen=True, slots=True)
class Limbs:
    """Exact numbers: row i is sum(words[i, k] * 2**(32*k)) * 2**exponent / 10**scale.

    words: int64 of shape (rows, digits), least significant digit first, each of absolute value < 2**62;
    digits may be negative or beyond 32 bits until `carry` resolves them.
    exponent: a multiple of 32, negative for sums of float64. scale: decimal places, 0 or more.
    """

    words: Ints
    exponent: int = 0
    scale: int = 0

    def __len__(self) -> int:
        return len(self.words)


def zeros(size: int) -> Limbs:
    """`size` totals of 0."""
    return Limbs(np.zeros((size, 1), np.int64))


def carry(words: Ints) -> Ints:
    """The same numbers with every digit in [0, 2**32), except the top one in [-2**31, 2**31).

    >>> carry(np.array([[2**32 + 5], [-1]])).tolist()
    [[5, 1], [4294967295, -1]]
    """
    columns: list[Ints] = []
    held = np.zeros(len(words), np.int64)
    for column in range(words.shape[1]):
        held = held + words[:, column]
        columns.append(held & _LOW)
        held = held >> DIGIT
    top = columns[-1]
    # The last digit may serve as a signed one: its upper half stands for negative numbers.
    while bool((held != -(top >> (DIGIT - 1))).any()):
        top = held & _LOW
        held = held >> DIGIT
        columns.append(top)
    columns[-1] = top - ((top >> (DIGIT - 1)) << DIGIT)
    return np.stack(columns, axis=1)


def compact(limbs: Limbs) -> Limbs:
    """The same numbers in as few words as hold them all; the form to store.

    >>> compact(Limbs(np.array([[7, 0, 0], [-1, 1, 0]]))).words.tolist()
    [[7], [4294967295]]
    """
    words = carry(limbs.words)
    while words.shape[1] > 1 and largest(words[:, -1]) < 2**29:
        words[:, -2] += words[:, -1] << DIGIT
        words = words[:, :-1]
    exponent = limbs.exponent
    while words.shape[1] > 1 and exponent < 0 and not words[:, 0].any():
        words, exponent = words[:, 1:], exponent + DIGIT
    return Limbs(np.ascontiguousarray(words), exponent, limbs.scale)


def rescale(limbs: Limbs, scale: int) -> Limbs:
    """The same numbers over a greater (or equal) power of ten.

    >>> rescale(Limbs(np.array([[5]])), 2).words.tolist()
    [[500]]
    """
    words = limbs.words
    step = scale - limbs.scale
    while step > 0:
        power = min(step, 9)  # a digit times 10**9 stays below 2**62
        words = carry(words) * np.int64(10**power)
        step -= power
    return Limbs(words, limbs.exponent, scale)


def concat(parts: Sequence[Limbs]) -> Limbs:
    """The rows of all parts, in order, on one exponent, scale and number of digits.

    >>> concat([Limbs(np.array([[1]])), Limbs(np.array([[3]]), scale=1)]).words.tolist()
    [[10], [3]]
    """
    if not parts:
        return zeros(0)
    scale = max(part.scale for part in parts)
    exponent = min(part.exponent for part in parts)
    scaled = [part if part.scale == scale else rescale(part, scale) for part in parts]
    shifts = [(part.exponent - exponent) // DIGIT for part in scaled]
    width = max(part.words.shape[1] + shift for part, shift in zip(scaled, shifts, strict=True))
    words = np.zeros((sum(len(part) for part in parts), width), np.int64)
    row = 0
    for part, shift in zip(scaled, shifts, strict=True):
        words[row : row + len(part), shift : shift + part.words.shape[1]] = part.words
        row += len(part)
    return Limbs(words, exponent, scale)


def regroup(limbs: Limbs, groups: Ints, size: int) -> Limbs:
    """Totals of the rows by group; `groups` has one id in [0, size) per row, or -1 to leave the row out.

    >>> regroup(Limbs(np.array([[1], [2], [3]])), np.array([0, 1, 0]), 2).words.tolist()
    [[4], [2]]
    """
    words = limbs.words
    if len(groups) and int(groups.min()) < 0:
        kept = np.flatnonzero(groups >= 0)
        words, groups = words[kept], groups[kept]
    most = int(count_rows(groups, size).max(initial=0))
    bound = largest_word(words)
    if bound * most >= EXACT_FLOAT:
        words, bound = carry(words), _LOW
    totals = [exact_bincount(groups, words[:, k], size, bound, most) for k in range(words.shape[1])]
    return Limbs(np.stack(totals, axis=1), limbs.exponent, limbs.scale)


def range_sums(limbs: Limbs, starts: Ints, stops: Ints) -> Limbs:
    """The total of rows [start, stop) for each pair of bounds; 0 where start >= stop.

    >>> range_sums(Limbs(np.array([[1], [2], [3]])), np.array([0, 2]), np.array([2, 2])).words.tolist()
    [[3], [0]]
    """
    words = limbs.words
    if largest_word(words) * len(words) >= _ROOM:
        words = carry(words)
    prefix = np.zeros((len(words) + 1, words.shape[1]), np.int64)
    np.cumsum(words, axis=0, out=prefix[1:])
    return Limbs(prefix[np.maximum(starts, stops)] - prefix[starts], limbs.exponent, limbs.scale)


def take(limbs: Limbs, rows: Ints) -> Limbs:
    """The totals at the given rows.

    >>> take(Limbs(np.array([[1], [2]])), np.array([1])).words.tolist()
    [[2]]
    """
    return Limbs(limbs.words[rows], limbs.exponent, limbs.scale)


def largest_word(words: Ints) -> int:
    """The greatest absolute value of any digit."""
    return largest(words.reshape(-1))


def to_python_ints(limbs: Limbs) -> list[int]:
    """The digits of each row as one Python integer, exponent and scale left out.

    >>> to_python_ints(Limbs(np.array([[5, 1]])))
    [4294967301]
    """
    columns = [limbs.words[:, k].tolist() for k in range(limbs.words.shape[1])]
    result: list[int] = columns[-1]
    for column in reversed(columns[:-1]):
        result = [(high << DIGIT) + low for high, low in zip(result, column, strict=True)]
    return result


def from_python_ints(values: Sequence[int], scale: int = 0) -> Limbs:
    """Python integers of any size as Limbs.

    >>> from_python_ints([-1, 2**32]).words.tolist()
    [[4294967295, -1], [0, 1]]
    """
    bits = max((value.bit_length() + 1 for value in values), default=1)
    width = (bits + DIGIT - 1) // DIGIT
    digits = np.zeros((len(values), width), np.int64)
    for k in range(width):
        digits[:, k] = [(value >> (DIGIT * k)) & _LOW for value in values]
    digits[:, -1] -= (digits[:, -1] >> (DIGIT - 1)) << DIGIT
    return Limbs(digits, 0, scale)


_EXPONENT, _SCALE = b"kpi.exponent", b"kpi.scale"


def to_fixed_size_list(limbs: Limbs, name: str) -> tuple[pa.Field, pa.Array]:
    """An Arrow field and array that hold the totals: fixed_size_list<int64>, exponent and scale as metadata.

    >>> field, array = to_fixed_size_list(Limbs(np.array([[1], [2]]), scale=2), "total")
    >>> from_fixed_size_list(field, array).scale
    2
    """
    stored = compact(limbs)
    width = stored.words.shape[1]
    array = pa.FixedSizeListArray.from_arrays(pa.array(stored.words.reshape(-1)), width)
    metadata = {_EXPONENT: str(stored.exponent), _SCALE: str(stored.scale)}
    return pa.field(name, array.type, nullable=False, metadata=metadata), array


def from_fixed_size_list(field: pa.Field, array: pa.Array) -> Limbs:
    """The totals that `to_fixed_size_list` stored."""
    words = array.flatten().to_numpy(zero_copy_only=False).reshape(-1, field.type.list_size)
    return Limbs(words, int(field.metadata[_EXPONENT]), int(field.metadata[_SCALE]))
