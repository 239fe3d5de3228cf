"""Stored values as plain texts, for formats that programs read: nothing is rounded.

Percents stay fractions, durations are seconds, dates are in ISO form, hours carry their offset, and exact decimals
keep every digit.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from kpi_engine.extend.formats import Answer
from kpi_engine.ir.result import ResultColumn

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 16_384

Render = Callable[[Any], str]
"""Writes one value that is not null."""


def raw_rows(answer: Answer, *, null: str, text: Render) -> Iterator[tuple[str, ...]]:
    """Every row as texts: `null` stands for null, `text` writes texts, dates and times."""
    for batch in answer.table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        columns = [
            _raw_column(batch.column(position), column, null, text) for position, column in enumerate(answer.columns)
        ]
        yield from zip(*columns, strict=True)


def seconds(microseconds: int | float | Decimal) -> str:
    """Microseconds as a number of seconds, exactly.

    >>> seconds(90_500_000), seconds(-1), seconds(3_600_000_000)
    ('90.5', '-0.000001', '3600')
    """
    exact = Decimal(repr(microseconds) if isinstance(microseconds, float) else microseconds).scaleb(-6)
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _raw_column(values: pa.Array, column: ResultColumn, null: str, text: Render) -> Sequence[str]:
    import pyarrow as pa

    render: Render = text_of
    if pa.types.is_duration(values.type):
        values = values.cast(pa.duration("us")).cast(pa.int64())
        render = seconds
    elif column.role == "metric" and column.display.form == "duration":
        render = seconds
    written = []
    for value in values.to_pylist():
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            written.append(null)
        elif isinstance(value, str | datetime.date):
            written.append(text(text_of(value)))
        else:
            written.append(render(value))
    return written


def text_of(value: object) -> str:
    """One value that is not null.

    >>> text_of(Decimal("1E+3")), text_of(True), text_of(0.1), text_of(datetime.date(2027, 3, 1))
    ('1000', 'true', '0.1', '2027-03-01')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)
