"""What comes with an answer beside its table: what each column means, and how the run went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from kpi_engine.ir.catalog import CalendarSettings
from kpi_engine.ir.types import Display

Role = Literal["period", "dimension", "metric"]


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column of an answer.

    A `period` column also says its `grain`, and the calendar that names its periods.

    >>> ResultColumn("conversion", "metric", Display("percent")).display.form
    'percent'
    """

    name: str
    role: Role
    display: Display = field(default_factory=Display)
    description: str = ""
    grain: str = ""
    calendar: CalendarSettings = field(default_factory=CalendarSettings)


@dataclass(slots=True)
class SourceStats:
    """What was read of one source. `excluded_rows` have no place in time (a null time, an unfit lifetime), `late_rows`
    lie past the watermark; `failed_casts` and `nan_values` became null."""

    rows: int = 0
    bytes: int = 0
    fragments_read: int = 0
    fragments_pruned: int = 0
    excluded_rows: int = 0
    late_rows: int = 0
    failed_casts: int = 0
    nan_values: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RunStats:
    """How an answer came about.

    `as_of` is the instant used, as text; `watermarks` and `sources` are by source name;
    `zero_divisions` counts by metric the results that are null because a denominator was zero;
    `partial_periods` are values of the period column that a watermark, `--from` or `--to` cut;
    `seconds` are by stage. `notes` are sentences for the reader.
    """

    as_of: str = ""
    watermarks: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sources: dict[str, SourceStats] = field(default_factory=dict)
    zero_divisions: dict[str, int] = field(default_factory=dict)
    partial_periods: tuple[object, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def excluded_rows(self) -> int:
        """Rows left out over all sources."""
        return sum(source.excluded_rows for source in self.sources.values())
