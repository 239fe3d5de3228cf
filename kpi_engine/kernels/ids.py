"""Texts that are ids, kept as integers: exactly, and long before they are shown as texts again.

A column of ids is turned into numbers by the first way that fits every row:

    numbered   one prefix, then up to 16 digits: `C0012345`; the number is kept, prefix and width are in the type
    bytes      at most 8 bytes: they are the number
    hex        perhaps a prefix, then up to 16 hexadecimal digits, of one length and case: `9f86d081884c`; up to 32 of
               them are two words
    uuid       36 characters such as `0b5f0ab2-...`: the 128 bits that they stand for, two words
    words      at most 16 bytes, perhaps after a prefix such as `cus_`: they are two words

Anything else stays text. The integers are values and no codes of one run: the type (an Arrow opaque type over int64, or
over 16 bytes) says how to write them as texts, so that arrays of other batches, files and runs go together with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.id_bytes import (
    LOWER,
    UPPER,
    IdBytes,
    Words,
    eight_digits,
    hex_words,
    text_of_hex,
    text_of_uuids,
    text_of_words,
    uuid_words,
)
from kpi_engine.kernels.id_codecs import MOST_BYTES, Codec, codec_of, is_ids, is_wide
from kpi_engine.kernels.vectors import Ints, Mask, build, int64_view, validity
from kpi_engine.kernels.wide_ids import wide_array, words_of

_MOST_DIGITS = 16
_LEAST = np.array([10 ** max(digits - 1, 0) for digits in range(_MOST_DIGITS + 1)], np.int64)
"""For each number of digits the least number that is written with so many."""

_FEW = 1 << 8
"""Rows that a way is tried on before it is tried on all."""

_BLOCK = 1 << 14
"""Rows looked at together: what is computed of them stays in the cache."""

_MOST_HEX = 32
_HEX_DIGITS: Mapping[Literal["hex", "HEX"], bytes] = {"hex": b"0123456789abcdef", "HEX": b"0123456789ABCDEF"}
_LETTERS = {"hex": LOWER, "HEX": UPPER, "uuid": LOWER, "UUID": UPPER}


def ids_of(numbers: Ints | Words, valid: Mask | None, type: pa.DataType) -> pa.Array:
    """Numbers, a word each or two, as ids of a type; null where `valid` is False."""
    if is_wide(type):
        return wide_array(numbers.view(np.uint64), valid, type)
    return pa.ExtensionArray.from_storage(type, build(pa.int64(), numbers.view(np.int64), valid))


def shortened(array: pa.Array) -> pa.Array:
    """Texts as ids where all of them are short or numbered; any other array as it is.

    >>> shortened(pa.array(["C0012345", None])).storage.to_pylist()
    [12345, None]
    >>> shortened(pa.array(["a text of some length", "b"])).type
    DataType(string)
    """
    if not pa.types.is_string(array.type):
        return array
    found = IdBytes.of(array)
    if not len(found.lengths):
        return array
    for codec in _candidates(found):
        if not bool(_parsed(found.part(0, _FEW), codec)[1].all()):
            continue
        numbers, fits = _parsed(found, codec)
        if bool(fits.all()):
            if codec.form == "numbered" and codec.digits and not bool((numbers < _LEAST[codec.digits]).any()):
                codec = replace(codec, digits=0)  # no zero leads, so that longer numbers go together with these
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
    match codec.form:
        case "bytes":
            return text_of_words(int64_view(array.storage), validity(array))
        case "words":
            return text_of_words(words_of(array), validity(array), codec.prefix)
        case "hex" | "HEX":
            words = words_of(array) if codec.is_wide else int64_view(array.storage).view(np.uint64)[:, None]
            return text_of_hex(words, validity(array), codec.digits, _LETTERS[codec.form], codec.prefix)
        case "uuid" | "UUID":
            return text_of_uuids(words_of(array), validity(array), _LETTERS[codec.form])
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
    for codec in sorted(codecs, key=lambda one: one.rank):
        found = [recoded(array, codec.type) for array in arrays]
        if all(new.null_count == array.null_count for new, array in zip(found, arrays, strict=True)):
            return found
    return [texts(array) for array in arrays]


def _candidates(found: IdBytes) -> list[Codec]:
    """Codecs that the first text suggests."""
    first, longest = found.first, int(found.lengths.max())
    prefix = first.rstrip(b"0123456789")
    digits = len(first) - len(prefix)
    candidates = []
    if 0 < digits <= _MOST_DIGITS and longest <= len(prefix) + _MOST_DIGITS:
        candidates.append(Codec("numbered", prefix, digits if found.length else 0))
    if longest <= 8:
        return [*candidates, Codec("bytes")]
    if found.length == 36:
        candidates += [Codec("uuid"), Codec("UUID")]
    if found.length is not None:
        candidates += _hexadecimal(first)
    if longest <= MOST_BYTES:
        candidates.append(Codec("words"))
    elif found.length != 36:
        candidates += _after_a_name(first, longest)
    return candidates


def _hexadecimal(first: bytes) -> list[Codec]:
    """Hexadecimal digits after whatever comes before the last letter that is none: nothing, or `cus_`."""
    found = []
    for form, letters in _HEX_DIGITS.items():
        prefix = first.rstrip(letters)
        if 0 < (digits := len(first) - len(prefix)) <= _MOST_HEX:
            found.append(Codec(form, prefix, digits))
    return found


def _after_a_name(first: bytes, longest: int) -> list[Codec]:
    """Words after a prefix that ends with a mark, as in `cus_Qx5G2mPzWvXaY0`."""
    end = 1 + max(first.rfind(mark) for mark in (b"_", b"-", b":", b"."))
    return [Codec("words", first[:end])] if end > 0 and longest - end <= MOST_BYTES else []


def _parsed(found: IdBytes, codec: Codec) -> tuple[Ints | Words, Mask]:
    """The number of each text, and whether the codec writes that number as this text."""
    rows = len(found.ends)
    if rows <= _BLOCK:
        return _parsed_at_once(found, codec)
    fits = np.empty(rows, np.bool_)
    numbers: Ints | Words = np.empty((rows, 2), np.uint64) if codec.is_wide else np.empty(rows, np.int64)
    for start in range(0, rows, _BLOCK):
        part = slice(start, start + _BLOCK)
        numbers[part], fits[part] = _parsed_at_once(found.part(start, start + _BLOCK), codec)
    return numbers, fits


def _parsed_at_once(found: IdBytes, codec: Codec) -> tuple[Ints | Words, Mask]:
    match codec.form:
        case "bytes":
            return found.short_words()
        case "words":
            return found.long_words(codec.prefix)
        case "hex" | "HEX":
            return _hex(found, codec)
        case "uuid" | "UUID":
            return uuid_words(found, _LETTERS[codec.form])
    return _numbered(found, codec)


def _hex(found: IdBytes, codec: Codec) -> tuple[Ints | Words, Mask]:
    words, fits = hex_words(found, codec.digits, _LETTERS[codec.form])
    fits &= found.lengths == len(codec.prefix) + codec.digits
    if codec.prefix:
        fits &= found.starts_with(codec.prefix)
    return (words if codec.is_wide else words[:, 0].view(np.int64)), fits


def _numbered(found: IdBytes, codec: Codec) -> tuple[Ints, Mask]:
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


def _placed(numbers: Ints | Words, valid: Mask | None, fits: Mask | None, codec: Codec) -> pa.Array:
    """Numbers of the valid rows as ids of all rows; null where there is no text, or where it does not fit."""
    if valid is None:
        whole = None if fits is None or bool(fits.all()) else fits
        return ids_of(numbers, whole, codec.type)
    spread = np.zeros((len(valid), *numbers.shape[1:]), numbers.dtype)
    spread[valid] = numbers
    known = valid
    if fits is not None:
        known = valid.copy()
        known[valid] = fits
    return ids_of(spread, known, codec.type)
