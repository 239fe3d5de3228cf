"""Texts that are ids, kept as 64-bit integers: exactly, and long before they are shown as texts again.

A column of ids is turned into numbers by the first way that fits every row:

    numbered   one prefix, then up to 16 digits: `C0012345`; the number is kept, prefix and width are in the type
    bytes      at most 8 bytes: they are the number

Anything else stays text. The integers are values and no codes of one run: the type (an Arrow opaque type over int64)
says how to write them as texts, so that arrays of other batches, files and runs go together with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.id_bytes import IdBytes, eight_digits, text_of_words
from kpi_engine.kernels.vectors import Ints, Mask, build, int64_view, validity

_VENDOR = "kpi_engine"
_MOST_DIGITS = 16
_LEAST = np.array([10 ** max(digits - 1, 0) for digits in range(_MOST_DIGITS + 1)], np.int64)
"""For each number of digits the least number that is written with so many."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How an id is written: a prefix and so many digits (0: as many as it takes, no leading zeros); None: as bytes."""

    prefix: bytes | None
    digits: int = 0

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of ids that are kept so."""
        if self.prefix is None:
            return pa.opaque(pa.int64(), "bytes", _VENDOR)
        return pa.opaque(pa.int64(), f"numbered:{self.digits}:{self.prefix.decode()}", _VENDOR)


_BYTES = Codec(None)


def is_ids(type: pa.DataType) -> bool:
    """Whether an array holds ids as integers."""
    return isinstance(type, pa.OpaqueType) and type.vendor_name == _VENDOR


def codec_of(type: pa.DataType) -> Codec:
    """The codec that a type of ids stands for."""
    name, _, rest = type.type_name.partition(":")
    if name == "bytes":
        return _BYTES
    digits, _, prefix = rest.partition(":")
    return Codec(prefix.encode(), int(digits))


def ids_of(numbers: Ints, valid: Mask | None, type: pa.DataType) -> pa.Array:
    """Integers as ids of a type; null where `valid` is False."""
    return pa.ExtensionArray.from_storage(type, build(pa.int64(), numbers, valid))


def shortened(array: pa.Array) -> pa.Array:
    """Texts as ids where all of them are short or numbered; any other array as it is.

    >>> shortened(pa.array(["C0012345", None])).storage.to_pylist()
    [12345, None]
    >>> shortened(pa.array(["a long text", "b"])).type
    DataType(string)
    """
    if not pa.types.is_string(array.type):
        return array
    found = IdBytes.of(array)
    if not len(found.lengths):
        return array
    for codec in _candidates(found):
        numbers, fits = _parsed(found, codec)
        if bool(fits.all()):
            if codec.digits and not bool((numbers < _LEAST[codec.digits]).any()):
                codec = Codec(codec.prefix)  # no zero leads, so that longer numbers go together with these
            return _placed(numbers, found.valid, None, codec)
    return array


def texts(array: pa.Array) -> pa.Array:
    """Ids as texts again; any other array as it is.

    >>> texts(shortened(pa.array(["C7", None, "C12"]))).to_pylist()
    ['C7', None, 'C12']
    """
    if not is_ids(array.type):
        return array
    codec = codec_of(array.type)
    if codec.prefix is None:
        return text_of_words(int64_view(array.storage), validity(array))
    written = array.storage.cast(pa.string())
    if codec.digits:
        written = pc.utf8_lpad(written, codec.digits, "0")
    return pc.binary_join_element_wise(codec.prefix.decode(), written, "") if codec.prefix else written


def recoded(array: pa.Array, type: pa.DataType) -> pa.Array:
    """Texts or ids as ids of a type; null where a text cannot be written so, and thus equals no id of that type.

    >>> keys = shortened(pa.array(["C01", "C20"]))
    >>> recoded(pa.array(["C20", "guest", "C1"]), keys.type).storage.to_pylist()
    [20, None, None]
    """
    if array.type == type:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), type)
    codec = codec_of(type)
    found = IdBytes.of(texts(array))
    numbers, fits = _parsed(found, codec)
    return _placed(numbers, found.valid, fits, codec)


def together(arrays: Sequence[pa.Array]) -> list[pa.Array]:
    """Ids and texts in one type: ids if all can be written so, else texts.

    >>> [array.to_pylist() for array in together([shortened(pa.array(["C1"])), pa.array(["guest number 1"])])]
    [['C1'], ['guest number 1']]
    """
    codecs = {codec_of(array.type) for array in arrays if is_ids(array.type)}
    for codec in sorted(codecs, key=lambda one: (one.prefix is None, -one.digits, one.prefix or b"")):
        found = [recoded(array, codec.type) for array in arrays]
        if all(new.null_count == array.null_count for new, array in zip(found, arrays, strict=True)):
            return found
    return [texts(array) for array in arrays]


def _candidates(found: IdBytes) -> list[Codec]:
    """Codecs that the first text suggests."""
    first = found.first
    prefix = first.rstrip(b"0123456789")
    digits = len(first) - len(prefix)
    candidates = []
    if 0 < digits <= _MOST_DIGITS and int(found.lengths.max()) <= len(prefix) + _MOST_DIGITS:
        candidates.append(Codec(prefix, digits if found.length else 0))
    if int(found.lengths.max()) <= 8:
        candidates.append(_BYTES)
    return candidates


def _parsed(found: IdBytes, codec: Codec) -> tuple[Ints, Mask]:
    """The number of each text, and whether the codec writes that number as this text."""
    if codec.prefix is None:
        return found.short_words()
    digits: Ints | int = (found.lengths if found.length is None else found.length) - len(codec.prefix)
    number, fits = eight_digits(found.words(0), digits)
    fits &= found.starts_with(codec.prefix)
    most = int(np.max(digits, initial=0))
    if most > 8:
        high, high_fits = eight_digits(found.words(1), digits - 8)
        number = number + high * 100_000_000
        fits &= high_fits
    if codec.digits:
        fits &= digits == codec.digits
    else:
        fits &= (digits > 0) & (digits <= _MOST_DIGITS)
        fits &= (number >= _LEAST[np.clip(digits, 0, _MOST_DIGITS)]) | (digits == 1)
    return number, fits


def _placed(numbers: Ints, valid: Mask | None, fits: Mask | None, codec: Codec) -> pa.Array:
    """Numbers of the valid rows as ids of all rows; null where there is no text, or where it does not fit."""
    if valid is None:
        whole = None if fits is None or bool(fits.all()) else fits
        return ids_of(numbers, whole, codec.type)
    spread = np.zeros(len(valid), np.int64)
    spread[valid] = numbers
    known = valid
    if fits is not None:
        known = valid.copy()
        known[valid] = fits
    return ids_of(spread, known, codec.type)
