"""Texts to numbers, conditions and durations: the whole text must be one, and rows that are not are listed.

Texts are read once per distinct value where they are dictionaries. White space around a value does not count, and
a text of white space alone is null: no number is written so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.cast_forms import PLAIN, NumberStyle, Parsed
from kpi_engine.kernels.errors import NumberOverflow
from kpi_engine.kernels.vectors import MAX_DIGITS_128, MAX_DIGITS_256, Ints, int32_view

_SPACE = " \t\r\n\f\v\u00a0\u202f\ufeff"
_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_DURATION = (
    "^(?P<sign>-?)(?:(?P<days>[0-9]{1,7}) ?(?:d|days?),? ?)?"
    "(?P<hours>[0-9]{1,8}):(?P<minutes>[0-5][0-9]):(?P<seconds>[0-5][0-9])(?:[.](?P<part>[0-9]{1,6})[0-9]*)?$"
)
_LONGEST_NUMBER = 400


def try_decimals(texts: pa.Array, style: NumberStyle = PLAIN) -> Parsed:
    """Texts as decimals with all the digits written; the scale is the greatest one among them.

    >>> try_decimals(pa.array(["1.50", " 12 ", "x", None])).values.to_pylist()
    [Decimal('1.50'), Decimal('12.00'), None, None]
    """
    return _per_text(lambda plain: _decimals(plain, style), texts)


def try_integers(texts: pa.Array, style: NumberStyle = PLAIN) -> Parsed:
    """Texts as whole numbers, `17850.0` among them: int64, or decimals of scale 0 where one is larger.

    >>> try_integers(pa.array(["00042", "17850.0", "1.5"])).values.to_pylist()
    [42, 17850, None]
    """
    return _per_text(lambda plain: _integers(plain, style), texts)


def try_booleans(texts: pa.Array) -> Parsed:
    """Texts as conditions: true, t, yes, y, 1 and false, f, no, n, 0, in any case.

    >>> try_booleans(pa.array(["True", "n", "maybe"])).values.to_pylist()
    [True, False, None]
    """
    return _per_text(_booleans, texts)


def try_durations(texts: pa.Array) -> Parsed:
    """Texts such as `1:02:03.5` (hours, minutes, seconds) or `2 days 01:00:00` as int64 microseconds.

    >>> try_durations(pa.array(["0:01:30", "90"])).values.to_pylist()
    [90000000, None]
    """
    return _per_text(_durations, texts)


def _per_text(kernel: Callable[[pa.Array], pa.Array], texts: pa.Array) -> Parsed:
    """The kernel on trimmed texts; a row fails if it has a text that is not blank and no value."""
    if pa.types.is_dictionary(texts.type):
        once = _per_text(kernel, texts.dictionary)
        values = once.values.take(texts.indices)
        if not once.failing.size:
            return Parsed(values, once.failing)
        codes = int32_view(texts.indices.cast(pa.int32()))
        present = np.asarray(texts.indices.is_valid())
        return Parsed(values, np.flatnonzero(np.isin(codes, once.failing) & present))
    trimmed = pc.utf8_trim(texts, _SPACE)
    blank = pc.equal(trimmed, "")
    plain = pc.if_else(blank, pa.scalar(None, trimmed.type), trimmed) if pc.any(blank).as_py() else trimmed
    values = kernel(plain)
    if values.null_count == plain.null_count:
        return Parsed(values, np.zeros(0, np.int64))
    failing: Ints = np.flatnonzero(np.asarray(pc.and_(plain.is_valid(), values.is_null())))
    return Parsed(values, failing)


def _decimals(texts: pa.Array, style: NumberStyle) -> pa.Array:
    plain = _usual_form(texts, style)
    if pc.any(pc.match_substring(plain, "e", ignore_case=True)).as_py():
        return _one_by_one(plain)
    whole, scale = _places(plain)
    # Arrow checks the digits of a text only modulo 2**256, so that they are counted here.
    if whole + scale <= MAX_DIGITS_128:
        return pc.cast(plain, pa.decimal128(MAX_DIGITS_128, scale))
    if whole + scale <= MAX_DIGITS_256:
        return pc.cast(plain, pa.decimal256(MAX_DIGITS_256, scale))
    return _one_by_one(plain)


def _integers(texts: pa.Array, style: NumberStyle) -> pa.Array:
    quick = _plain_integers(texts)
    if quick is not None:
        return quick
    plain = _usual_form(texts, style)
    whole = pc.replace_substring_regex(plain, r"^\+|\.0*$", "")
    try:
        return pc.cast(whole, pa.int64())
    except pa.ArrowInvalid:  # a fraction, an exponent, or too large for int64
        decimals = _decimals(texts, style)
    return _whole(decimals)


def _plain_integers(texts: pa.Array) -> pa.Array | None:
    """Texts that are all digits with at most a minus, the usual case; None if any is not."""
    try:
        found = pc.cast(texts, pa.int64())
    except pa.ArrowInvalid:  # some text is written otherwise, or is no number
        return None
    # Arrow reads 0x1F, too, which is no number here.
    return None if pc.any(pc.match_substring(texts, "x", ignore_case=True)).as_py() else found


def _whole(decimals: pa.Array) -> pa.Array:
    """The whole ones among decimals; null where there is a fraction."""
    rounded = pc.floor(decimals)
    kept = pc.if_else(pc.equal(rounded, decimals), rounded, pa.scalar(None, rounded.type))
    try:
        return pc.cast(kept, pa.int64())
    except pa.ArrowInvalid:  # larger than int64
        return pc.cast(kept, pa.decimal256(MAX_DIGITS_256, 0))


def _usual_form(texts: pa.Array, style: NumberStyle) -> pa.Array:
    """Numbers with a decimal point and nothing between thousands; null where a text is no number."""
    mark, comma = re.escape(style.decimal), re.escape(style.thousands)
    whole = f"(?:[0-9]{{1,3}}(?:{comma}[0-9]{{3}})+|[0-9]+)" if comma else "[0-9]+"
    pattern = f"^[+-]?(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]{{1,3}})?$"
    good = pc.and_(pc.match_substring_regex(texts, pattern), pc.less_equal(pc.binary_length(texts), _LONGEST_NUMBER))
    plain = texts if pc.all(good).as_py() else pc.if_else(good, texts, pa.scalar(None, texts.type))
    if style.thousands:
        plain = pc.replace_substring(plain, style.thousands, "")
    return plain if style.decimal == "." else pc.replace_substring(plain, style.decimal, ".")


def _places(plain: pa.Array) -> tuple[int, int]:
    """The greatest number of characters before the point, and of digits after it."""
    dots = pc.find_substring(plain, ".")
    lengths = pc.binary_length(plain)
    has_point = pc.greater_equal(dots, 0)
    before = pc.max(pc.if_else(has_point, dots, lengths)).as_py() or 0
    after = pc.max(pc.if_else(has_point, pc.subtract(pc.subtract(lengths, dots), 1), 0)).as_py() or 0
    return int(before), int(after)


def _one_by_one(plain: pa.Array) -> pa.Array:
    """Numbers with exponents, or too unlike for one scale at once; null where one has more than 76 digits.

    Raises NumberOverflow where each fits, but no one scale holds all of them with their digits.
    """
    values = [None if text is None else Decimal(text) for text in plain.to_pylist()]
    fitting = [None if value is None or _digits(value) > MAX_DIGITS_256 else value for value in values]
    try:
        found = pa.array(fitting)
    except pa.ArrowInvalid as error:
        raise NumberOverflow("reading numbers of very different sizes") from error
    return pc.cast(found, pa.decimal128(MAX_DIGITS_128, 0)) if pa.types.is_null(found.type) else found


def _digits(value: Decimal) -> int:
    """The digits that Arrow needs for a number: before and after the point."""
    exponent = value.as_tuple().exponent
    return max(value.adjusted() + 1, 1) + max(-exponent, 0) if isinstance(exponent, int) else 0


def _booleans(texts: pa.Array) -> pa.Array:
    folded = pc.utf8_lower(texts)
    true = pc.is_in(folded, pa.array(_TRUE, folded.type))
    known = pc.or_(true, pc.is_in(folded, pa.array(_FALSE, folded.type)))
    return pc.if_else(known, true, pa.scalar(None, pa.bool_()))


def _durations(texts: pa.Array) -> pa.Array:
    found = pc.extract_regex(texts, _DURATION)

    def number(name: str) -> pa.Array:
        part = pc.struct_field(found, name)
        return pc.cast(pc.if_else(pc.equal(part, ""), "0", part), pa.int64())

    micros = pc.cast(pc.utf8_rpad(pc.struct_field(found, "part"), 6, "0"), pa.int64())
    seconds = number("seconds")
    for name, size in (("minutes", 60), ("hours", 3600), ("days", 86_400)):
        seconds = pc.add_checked(seconds, pc.multiply_checked(number(name), size))
    total = pc.add_checked(pc.multiply_checked(seconds, 1_000_000), micros)
    signed = pc.if_else(pc.equal(pc.struct_field(found, "sign"), "-"), pc.negate(total), total)
    return pc.if_else(found.is_valid(), signed, pa.scalar(None, pa.int64()))
