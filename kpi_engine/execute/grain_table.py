"""The table of a declared grain read into periods, and refused if they do not follow each other."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import pairwise

from kpi_engine.execute.reader import SourceReader
from kpi_engine.extend.rows import Fragment, ReadReport, data_error
from kpi_engine.ir.catalog import Grain
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.kernels.calendar import day_number


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table; `place` says where it stands."""

    fragment: Fragment
    number: int
    day: datetime.date
    label: str | None

    @property
    def place(self) -> str:
        return self.fragment.place(self.number)


def read_periods(grain: Grain, reader: SourceReader) -> DeclaredPeriods:
    """The periods that a grain's table lists, each up to the first day of the next row.

    The last row only ends the period before it. KpiError E645 for a table with less than two rows, and for a row
    without a day or a name, or that does not begin after the row above it; E6xx for a table that cannot be read.
    """
    rows = list(_rows(grain, reader))
    if len(rows) < 2:
        what = f"{rows[0].day} is its only row, and ends no period" if rows else "it has no rows"
        raise _broken(grain, _table(grain), what, "list each period, and one row more that ends the last one")
    for above, row in pairwise(rows):
        if row.day <= above.day:
            what = f"{row.day} is there twice" if row.day == above.day else f"{row.day} stands below {above.day}"
            raise _broken(grain, row.place, what, "sort the rows by their first day, and list each day once")
        if not above.label:
            raise _broken(grain, above.place, f"`{grain.label}` is empty", "give each period a name")
    labels = tuple(row.label or "" for row in rows[:-1])
    return DeclaredPeriods(grain.name, _table(grain), tuple(day_number(row.day) for row in rows), labels)


def _rows(grain: Grain, reader: SourceReader) -> Iterator[_Row]:
    columns = [grain.time] if grain.label is None else [grain.time, grain.label]
    for fragment in reader.open(grain.table, columns).fragments():
        number = 0
        for batch in fragment.batches(ReadReport()):
            for day, *label in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if day is None:
                    place = fragment.place(number)
                    raise _broken(grain, place, f"`{grain.time}` is empty", "write the first day of the period")
                yield _Row(fragment, number, day, label[0] if label else day.isoformat())
                number += 1


def _table(grain: Grain) -> str:
    return ", ".join(grain.table.table)


def _broken(grain: Grain, place: str, what: str, help: str) -> KpiError:
    return data_error("E645", place, f"the table of grain `{grain.name}` is no list of periods: {what}", help)
