"""The name of a period as people say it, from the start that the answer holds."""

from __future__ import annotations

import datetime

from kpi_engine.ir.catalog import CalendarSettings
from kpi_engine.ir.result import ResultColumn
from kpi_engine.present.values import NULL, plain_text


def period_text(value: object, column: ResultColumn, grain: str | None = None) -> str:
    """`2027`, `2027-Q1`, `2027-03`, `2027-W07`, `2027-03-15`, `FY2027-Q1`, `2027-03-15 13:00`.

    Periods of declared grains have the names that their tables give them. A grain without a name of its own, and a week
    that does not begin on Monday, show the first day. `grain` is that of the row (None: the column's).
    """
    grain = column.grain if grain is None else grain
    if value is None:
        return NULL
    label = column.labels.get(grain, {}).get(value)
    if label is not None:
        return label
    if isinstance(value, datetime.datetime):
        if grain in ("", "hour"):
            return _hour_text(value)
        value = value.date()
    if not isinstance(value, datetime.date):
        return plain_text(value)
    match grain:
        case "year":
            return f"{value.year}"
        case "quarter":
            return f"{value.year}-Q{(value.month + 2) // 3}"
        case "month":
            return f"{value.year}-{value.month:02}"
        case "week" if column.calendar.week_starts == "monday":
            year, week, _ = value.isocalendar()
            return f"{year}-W{week:02}"
        case "fiscal_year":
            return _fiscal_year(value, column.calendar)
        case "fiscal_quarter":
            quarter = (value.month - column.calendar.fiscal_year_starts) % 12 // 3 + 1
            return f"{_fiscal_year(value, column.calendar)}-Q{quarter}"
        case _:
            return value.isoformat()


def _fiscal_year(day: datetime.date, calendar: CalendarSettings) -> str:
    starts = day.year if day.month >= calendar.fiscal_year_starts else day.year - 1
    later = calendar.fiscal_year_named == "end" and calendar.fiscal_year_starts > 1
    return f"FY{starts + 1 if later else starts}"


def _hour_text(hour: datetime.datetime) -> str:
    """Local time; the offset only where the clock shows this hour twice."""
    text = f"{hour:%Y-%m-%d %H:%M}"
    repeated = hour.replace(fold=0).utcoffset() != hour.replace(fold=1).utcoffset()
    if not repeated:
        return text
    offset = f"{hour:%z}"
    return f"{text} {offset[:3]}:{offset[3:5]}"
