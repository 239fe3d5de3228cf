"""What a connector read, in the declared types and the engine's physical form; values that do not fit are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from kpi_engine.connect.parts import part_of
from kpi_engine.extend.rows import ColumnRequest, FailedValues, Fragment, ReadReport, data_error
from kpi_engine.ir.catalog import spelled
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.types import Kind, Type
from kpi_engine.kernels.canonical import canonical
from kpi_engine.kernels.cast_forms import NoConversion, NumberStyle, Parsed, Style, all_read, is_text
from kpi_engine.kernels.errors import NumberOverflow, UnsupportedType
from kpi_engine.kernels.nested import unwrap

_LONGEST_VALUE = 60
_EXAMPLES = 3
_NOUNS = {
    Kind.INTEGER: "a whole number",
    Kind.DECIMAL: "a decimal",
    Kind.FLOAT: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.DATE: "a date",
    Kind.TIMESTAMP: "a timestamp",
}


@dataclass(frozen=True, slots=True)
class Conformer:
    """Turns the batches of one scan into declared types. `styles` has one entry a column.

    With `stop`, the first value that does not fit is a KpiError E608; without, such values are null and counted.
    """

    columns: tuple[ColumnRequest, ...]
    styles: tuple[Style, ...]
    stop: bool

    def conform(self, batch: pa.RecordBatch, fragment: Fragment, first: int, report: ReadReport) -> pa.RecordBatch:
        """One batch, whose first row is row `first` of its fragment."""
        if not self.columns:
            return batch
        arrays = []
        for column, style, stored in zip(self.columns, self.styles, batch.columns, strict=True):
            arrays.append(self._column(column, style, stored, fragment, first, report))
        return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in self.columns])

    def _column(
        self,
        column: ColumnRequest,
        style: Style,
        stored: pa.Array,
        fragment: Fragment,
        first: int,
        report: ReadReport,
    ) -> pa.Array:
        lists = unwrap(part_of(column, stored, fragment, first), sum(step.kind == "each" for step in column.path))
        stored = lists.values
        try:
            plain, counts = canonical(stored)
            report.nan_values += counts.nan + counts.infinite
            read = _read(plain, stored.type, column.type, style)
        except UnsupportedType as error:
            raise _unreadable(column, fragment, str(error.type), "", "leave the column out") from error
        except NoConversion as error:
            raise _unreadable(column, fragment, str(stored.type), _noun(error.wanted, style), error.help) from error
        except NumberOverflow as error:
            message = f"the column `{_physical(column)}` holds values that are out of range: {error}"
            raise data_error("E609", fragment.name, message, "correct the file, or declare another type") from error
        if not read.failing.size:
            return lists.wrapped(read.values)
        if self.stop:
            index = int(read.failing[0])
            raise _failure(column, style, plain[index], fragment.place(first + lists.row(index)))
        report.failed_casts += int(read.failing.size)
        told = f"`{_physical(column)}` in {fragment.name}"
        if told not in report.failed_in:
            report.failed_in.append(told)
        if report.failures is not None:
            failed = report.failures.setdefault(column.name, FailedValues())
            failed.count += int(read.failing.size)
            for index in read.failing[: _EXAMPLES - len(failed.examples)].tolist():
                place = fragment.place(first + lists.row(index))
                failed.examples += _failure(column, style, plain[index], place).diagnostics
        return lists.wrapped(read.values)


def conformer(
    columns: Sequence[ColumnRequest], options: Mapping[str, object], timezone: str, on_error: str = "stop"
) -> Conformer:
    """The conformer of a scan: columns as requested, the table's options, the zone of its local times."""
    return Conformer(tuple(columns), tuple(_style(column, options, timezone) for column in columns), on_error == "stop")


def _style(column: ColumnRequest, options: Mapping[str, object], timezone: str) -> Style:
    settings = {**options, **dict(column.options)}
    kind = column.type.kind if column.type is not None else None
    named = {Kind.DATE: "date_format", Kind.TIMESTAMP: "timestamp_format"}.get(kind) if kind else None
    format = column.format or (settings.get(named) if named else None)
    counts = settings.get("part") if column.type is not None and column.type.unit.is_duration else None
    numbers = NumberStyle(str(settings.get("decimal", ".")), str(settings.get("thousands", "")))
    return Style(timezone, None if format is None else str(format), numbers, None if counts is None else str(counts))


def _read(plain: pa.Array, stored: pa.DataType, wanted: Type | None, style: Style) -> Parsed:
    """A canonical array as the wanted type. A stored duration is one already, and nothing else."""
    if pa.types.is_duration(stored):
        if wanted is None or (wanted.unit.is_duration and wanted.kind is Kind.INTEGER):
            return all_read(plain)
        raise NoConversion(stored, wanted, "declare it as `duration`")
    from kpi_engine.kernels.casts import try_cast

    if wanted is None:
        zoned = pa.types.is_timestamp(plain.type) and plain.type.tz is None
        return try_cast(plain, Type(Kind.TIMESTAMP), style) if zoned else all_read(plain)
    return try_cast(plain, wanted, style)


def _physical(column: ColumnRequest) -> str:
    return spelled(column.physical or column.name, column.path)


def _noun(wanted: Type, style: Style) -> str:
    if wanted.kind is Kind.INTEGER and wanted.unit.is_duration:
        return "a duration such as 1:02:03"
    noun = _NOUNS.get(wanted.kind, "a text")
    timed = wanted.kind in (Kind.DATE, Kind.TIMESTAMP) and style.format
    return f"{noun} written as {style.format}" if timed else noun


def _unreadable(column: ColumnRequest, fragment: Fragment, stored: str, noun: str, help: str) -> KpiError:
    what = f"as {noun}" if noun else "by this engine"
    message = f"the column `{_physical(column)}` is stored as {stored} and cannot be read {what}"
    return data_error("E610", fragment.name, message, help)


def _failure(column: ColumnRequest, style: Style, found: pa.Scalar, place: str) -> KpiError:
    from kpi_engine.connect.advice import advice

    assert column.type is not None
    value = found.as_py()
    shown = str(value).replace("\n", "\\n").replace("\r", "\\r")
    shown = shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}..."
    message = f"`{_physical(column)}` holds `{shown}`, which is not {_noun(column.type, style)}"
    help = advice(column.type, style, str(value)) if is_text(found.type) else "declare another type for the column"
    return data_error("E608", place, message, help)
