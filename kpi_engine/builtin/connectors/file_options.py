"""Options of tables that hold for files of every format, checked before any file is opened."""

from __future__ import annotations

from collections.abc import Mapping

from kpi_engine.builtin.connectors.text_options import OptionReader
from kpi_engine.extend.rows import data_error
from kpi_engine.kernels.spans import CalendarError

_DIGITS_AND_SIGNS = "0123456789+-eE"


def check_options(options: Mapping[str, object], source: str) -> None:
    """KpiError E612 for an option of the wrong form: `format`, dates, marks in numbers, missing columns.

    >>> check_options({"date_format": "%d.%m.%Y", "decimal": ","}, "orders")
    """
    reader = OptionReader(options, source)
    reader.text("format", '"csv"')
    reader.one_of("missing_columns", ("error", "null"), "error")
    for name, example in (("date_format", '"%d.%m.%Y"'), ("timestamp_format", '"%d.%m.%Y %H:%M"')):
        format = reader.text(name, example)
        if format is not None:
            _check_format(name, format, source)
    marks = [_mark(reader, name, default) for name, default in (("decimal", "."), ("thousands", ""))]
    if marks[0] == marks[1]:
        message = f"`decimal` and `thousands` are both `{marks[0]}`"
        raise data_error("E612", source, message, "no number can be read so: give them different marks")


def _mark(reader: OptionReader, name: str, default: str) -> str:
    mark = reader.text(name, '","')
    if mark is None or (mark == "" and not default):
        return default
    if len(mark) != 1 or mark in _DIGITS_AND_SIGNS:
        raise reader.refuse(name, "one character that is no part of a number", f'{name}: ","')
    return mark


def _check_format(name: str, format: str, source: str) -> None:
    from kpi_engine.kernels.short_formats import completed
    from kpi_engine.kernels.time_format import compile_format

    try:
        compile_format(completed(format)[0])
    except CalendarError as error:
        raise data_error("E612", source, f"`{name}`: {error.message}", error.help) from error
