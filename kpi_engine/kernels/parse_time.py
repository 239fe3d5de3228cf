"""Texts to dates and timestamps: ISO, or a format; a text that names no day of the calendar fails.

ISO texts that are all good are cast by Arrow at once. Everything else is read by one pattern, once per
distinct text, and its parts are checked here, because C's `strptime` turns 30 February into 2 March.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.cast_forms import Parsed
from kpi_engine.kernels.errors import KernelError, TypeMismatch
from kpi_engine.kernels.time_format import ISO_DATE, ISO_TIMESTAMP, MONTHS, TimeFormat, compile_format
from kpi_engine.kernels.zone_rules import DAY_US, HOUR_US, SECOND_US
from kpi_engine.kernels.zones import INSTANT, NAIVE, Int64s, localize, to_utc

Bools = npt.NDArray[np.bool_]

_TRIED_FIRST = 64
_BLOCK = 1 << 16
_SECOND_DAY = -719_161  # 0001-01-02
_SURELY_AFTER_YEAR_0 = {pa.date32(): _SECOND_DAY, NAIVE: _SECOND_DAY * DAY_US, INSTANT: _SECOND_DAY * DAY_US}


class ParseFailure(KernelError):
    """Texts that are no date or time: the first one's `index` and `value`, and all failing `indices`,
    ascending."""

    def __init__(self, index: int, value: str, target: str, indices: Int64s) -> None:
        super().__init__(f"{value!r} at row {index} is not {target}")
        self.index = index
        self.value = value
        self.target = target
        self.indices = indices


def parse_dates(texts: pa.Array, format: str | None = None) -> pa.Array:
    """Texts as date32, by a format or `2026-11-22`; `ParseFailure` if any fails, null for null.

    >>> parse_dates(pa.array(["3/1/2026"]), "%m/%d/%Y").to_pylist()
    [datetime.date(2026, 3, 1)]
    """
    target = "a date" if format is None else f"a date written as {format}"
    return _values_or_failure(try_dates(texts, format), texts, target)


def parse_timestamps(texts: pa.Array, format: str | None = None, timezone: str | None = None) -> pa.Array:
    """Texts as timestamps, by a format or as ISO writes them; `ParseFailure` if any fails, null for null.

    ISO: a date, or a date, `T` or a space, and `13`, `13:05`, `13:05:07` or `13:05:07.123456` (of nine digits the
    last three are cut), then perhaps `Z`, `+08`, `+0800` or `+08:00`. The result is timestamp[us], or
    timestamp[us, UTC] if the texts have offsets; texts without one then fail. With a `timezone` they are read in it
    and the result is always timestamp[us, UTC].

    >>> parse_timestamps(pa.array(["2026-11-22T13:05+08:00"])).to_pylist()[0].isoformat()
    '2026-11-22T05:05:00+00:00'
    """
    target = "a timestamp" if format is None else f"a timestamp written as {format}"
    return _values_or_failure(try_timestamps(texts, format, timezone), texts, target)


def try_dates(texts: pa.Array, format: str | None = None) -> Parsed:
    """As `parse_dates`, but failing texts become null and are listed.

    >>> try_dates(pa.array(["2025-02-28", "2025-02-30"])).failing.tolist()
    [1]
    """
    texts = _plain_texts(texts)
    if format is None:
        cast = _cast_iso(texts, pa.date32())
        if cast is not None:
            return _all_good(cast)
    distinct, codes = _distinct(texts)
    read = _read(distinct, ISO_DATE if format is None else compile_format(format))
    dates = pa.array((read.local // DAY_US).astype(np.int32), pa.int32(), mask=~read.good).view(pa.date32())
    return _spread(dates, codes)


def try_timestamps(texts: pa.Array, format: str | None = None, timezone: str | None = None) -> Parsed:
    """As `parse_timestamps`, but failing texts become null and are listed.

    >>> try_timestamps(pa.array(["2026-01-01 25:00", "2026-01-01 13:00"])).failing.tolist()
    [0]
    """
    texts = _plain_texts(texts)
    if format is None:
        cast = _cast_iso(texts, NAIVE, INSTANT)
        if cast is not None:
            if timezone is not None and cast.type == NAIVE:
                cast = localize(cast, timezone)
            return _all_good(cast)
    distinct, codes = _distinct(texts)
    read = _read(distinct, ISO_TIMESTAMP if format is None else compile_format(format))
    good, instants = read.good, read.local - read.offset
    kind = INSTANT
    if timezone is not None:
        instants = np.where(read.has_offset, instants, to_utc(read.local, timezone))
    elif read.has_offset.any():
        good = good & read.has_offset
    else:
        kind = NAIVE
    return _spread(pa.array(instants, pa.int64(), mask=~good).view(kind), codes)


@dataclass(frozen=True, eq=False, slots=True)
class _Read:
    """One row per text: local time and offset in microseconds, whether it has an offset, whether it is right."""

    local: Int64s
    offset: Int64s
    has_offset: Bools
    good: Bools


def _read(texts: pa.Array, format: TimeFormat) -> _Read:
    """The parts of each text, put together and checked; rows that do not match hold zeros."""
    found = pc.extract_regex(texts, format.pattern)
    matched = np.asarray(pc.is_valid(found))
    rows = found.filter(pa.array(matched))
    parts = {name: pc.struct_field(rows, name) for name in format.fields}
    days, days_good = _days(parts)
    times, times_good = _times(parts)
    offsets, has_offset, offsets_good = _offsets(parts.get("z"), len(rows))
    local, offset = (np.zeros(len(texts), np.int64) for _ in range(2))
    written, good = (np.zeros(len(texts), np.bool_) for _ in range(2))
    local[matched] = np.where(days_good, days, 0) * DAY_US + times
    offset[matched] = offsets
    written[matched] = has_offset
    good[matched] = days_good & times_good & offsets_good
    return _Read(local, offset, written, good)


def _days(parts: dict[str, pa.Array]) -> tuple[Int64s, Bools]:
    """The day number of each row, and whether its year has that day."""
    if "Y" in parts:
        years = _numbers(parts["Y"])
    else:
        short = _numbers(parts["y"])
        years = np.where(short < 69, 2000, 1900) + short
    if "j" in parts:
        return _day_in(years * 12, 12, _numbers(parts["j"]), years >= 1)
    if "m" in parts:
        months = _numbers(parts["m"])
    else:
        names = MONTHS if "B" in parts else tuple(name[:3] for name in MONTHS)
        texts = pc.ascii_lower(parts["B" if "B" in parts else "b"])
        months = np.asarray(pc.index_in(texts, pa.array(names))).astype(np.int64) + 1
    good = (years >= 1) & (months >= 1) & (months <= 12)
    return _day_in(years * 12 + months - 1, 1, _numbers(parts["d"]), good)


def _day_in(months: Int64s, span: int, days: Int64s, good: Bools) -> tuple[Int64s, Bools]:
    """The day of that number, from 1, in a span that starts at a month since year 0, and whether it exists."""
    since_epoch = months - 1970 * 12
    first, after = (each.astype("M8[M]").astype("M8[D]").astype(np.int64) for each in (since_epoch, since_epoch + span))
    return first + days - 1, good & (days >= 1) & (days <= after - first)


def _times(parts: dict[str, pa.Array]) -> tuple[Int64s | np.int64, Bools | np.bool_]:
    """The time of day of each row in microseconds (0 without one), and whether a day has it."""
    total: Int64s | np.int64 = np.int64(0)
    good: Bools | np.bool_ = np.bool_(True)
    for letter, unit, size in (("H", HOUR_US, 24), ("M", 60 * SECOND_US, 60), ("S", SECOND_US, 60)):
        if letter in parts:
            numbers = _numbers(parts[letter])
            total, good = total + numbers * unit, good & (numbers < size)
    if "I" in parts:
        hours = _numbers(parts["I"])
        afternoon = np.asarray(pc.equal(pc.ascii_lower(parts["p"]), "pm"))
        total = total + (hours % 12 + 12 * afternoon) * HOUR_US
        good = good & (hours >= 1) & (hours <= 12)
    if "f" in parts:
        total = total + _numbers(pc.ascii_rpad(parts["f"], 6, "0"))
    return total, good


def _offsets(texts: pa.Array | None, size: int) -> tuple[Int64s, Bools, Bools]:
    """The offset of each row in microseconds, whether it has one, and whether there can be such an offset."""
    if texts is None:
        return np.zeros(size, np.int64), np.zeros(size, np.bool_), np.ones(size, np.bool_)
    encoded = pc.dictionary_encode(texts)
    written = encoded.dictionary.to_pylist()
    minutes = np.array([_offset_minutes(text) for text in written], np.int64)
    codes = np.asarray(encoded.indices)
    per_text = np.array([text != "" for text in written], np.bool_)
    return (minutes * 60 * SECOND_US)[codes], per_text[codes], (np.abs(minutes) < 24 * 60)[codes]


def _offset_minutes(text: str) -> int:
    """`Z`, `+08`, `+0800`, `+08:00` in minutes; 24 hours for one with more than 59 minutes, which no day
    has."""
    digits = text.lstrip("+-").replace(":", "")
    if not digits.isdigit():
        return 0
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    size = hours * 60 + minutes if minutes < 60 else 24 * 60
    return -size if text.startswith("-") else size


def _numbers(texts: pa.Array) -> Int64s:
    """Digits as int64; an optional part that was not written is 0."""
    filled = pc.if_else(pc.equal(texts, ""), "0", texts)
    return np.asarray(pc.cast(filled, pa.int64()))


def _cast_iso(texts: pa.Array, *kinds: pa.DataType) -> pa.Array | None:
    """All texts by Arrow's own ISO reader, as the first type that takes them all; None if no type does."""
    for kind in kinds:
        values = _cast_blocks(texts, kind)
        if values is None:
            continue
        # Arrow knows a year 0; no text with one lies after its first day, whatever its offset.
        lowest = pc.min(values)
        return values if not lowest.is_valid or lowest.value >= _SURELY_AFTER_YEAR_0[kind] else None
    return None


def _cast_blocks(texts: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """All texts as one type; None if some text is no such value, or has an offset where the type has none.

    Arrow takes note of every text that it cannot read before it gives up, which is thirty times as slow as reading.
    Hence a few are tried first, and the rest in blocks.
    """
    blocks = [texts.slice(start, _BLOCK) for start in range(0, len(texts), _BLOCK)]
    try:
        pc.cast(texts.slice(0, _TRIED_FIRST), kind)
        read = [pc.cast(block, kind) for block in blocks]
    except pa.ArrowInvalid:
        return None
    return pa.concat_arrays(read) if read else pa.array([], kind)


def _plain_texts(texts: pa.Array) -> pa.Array:
    kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise TypeMismatch("reading dates and times", texts.type)
    return pc.cast(texts, pa.string())


def _distinct(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    encoded = pc.dictionary_encode(texts)
    return encoded.dictionary, encoded.indices


def _all_good(values: pa.Array) -> Parsed:
    return Parsed(values, np.zeros(0, np.int64))


def _spread(values: pa.Array, codes: pa.Array) -> Parsed:
    """Values of distinct texts, back on their rows; a row fails if it has a text and no value."""
    spread = values.take(codes)
    failing = pc.and_(pc.is_valid(codes), pc.is_null(spread))
    return Parsed(spread, np.flatnonzero(np.asarray(failing)))


def _values_or_failure(parsed: Parsed, texts: pa.Array, target: str) -> pa.Array:
    if parsed.failing.size:
        first = int(parsed.failing[0])
        raise ParseFailure(first, texts[first].as_py(), target, parsed.failing)
    return parsed.values
