"""What to write so that a value of a text file can be read as the type of its column."""

from __future__ import annotations

import re

import pyarrow as pa

from kpi_engine.ir.types import Kind, Type
from kpi_engine.kernels.cast_forms import Style
from kpi_engine.kernels.parse_time import try_dates, try_timestamps

_CORRECT = "correct the file, declare another type, or read such values as null by `on_error: null`"
_DATES = (
    "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y",
    "%b %d, %Y", "%B %d, %Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%Y%m%d", "%Y.%m.%d", "%Y-%m-%d",
)  # fmt: skip
_TIMES = (" %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", "")
_SINCE_1970 = {10: "second", 13: "millisecond", 16: "microsecond"}


def advice(wanted: Type, style: Style, value: str) -> str:
    """What to write so that a text can be read as `wanted`.

    >>> from kpi_engine.ir.types import DATE
    >>> advice(DATE, Style(), "31-Jul-18")
    'if all dates are written so, say how: `date_format: "%d-%b-%y"`'
    """
    text = value.strip()
    if not any(character.isdigit() for character in text):
        return f'if it means that nothing is known, add `null_values: ["{text}"]` to the source'
    if wanted.numeric and not wanted.unit.is_duration and style.numbers.decimal == "." and "," in text:
        marks = '`decimal: ","`' if "." not in text else '`decimal: ","` with `thousands: "."`, or `thousands: ","`'
        return f"if the comma is a mark of this file, add {marks} to the source"
    if wanted.kind in (Kind.DATE, Kind.TIMESTAMP) and style.format is None:
        return _time_advice(wanted.kind, text)
    return _CORRECT


def _time_advice(kind: Kind, text: str) -> str:
    option, noun = ("date_format", "dates") if kind is Kind.DATE else ("timestamp_format", "timestamps")
    found = _formats(kind, text)
    if found:
        ways = " or ".join(f'`{option}: "{each}"`' for each in found)
        return f"if all {noun} are written so, say how: {ways}"
    if kind is Kind.TIMESTAMP and re.fullmatch("[0-9]+", text) and len(text) in _SINCE_1970:
        part = _SINCE_1970[len(text)]
        return f"declare it `integer`, and add `column t: timestamp = from_epoch(c, {part})`"
    return _CORRECT


def _formats(kind: Kind, text: str) -> list[str]:
    """The formats by which a text can be read; several where day and month may be either."""
    array = pa.array([text], pa.string())
    if kind is Kind.DATE:
        return [format for format in _DATES if not try_dates(array, format).failing.size][:2]
    for time in _TIMES:
        found = [date + time for date in _DATES if not try_timestamps(array, date + time).failing.size]
        if found:
            return found[:2]
    return []
