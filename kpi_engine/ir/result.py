"""What comes with an answer beside its table: what each column means, and how the run went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Literal

from kpi_engine.ir.approximation import Approximation
from kpi_engine.ir.catalog import CalendarSettings
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import Display

Role = Literal["grain", "period", "dimension", "metric"]


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One column of an answer.

    A `period` column also says its `grain`, and the calendar that names its periods; in an answer for several grains
    the column before it, of the role `grain`, says that of each row. `labels` are the names of the periods of declared
    grains, by grain and value of the column. A metric that rests on `estimates` says which, and how far they may be
    off.

    >>> ResultColumn("conversion", "metric", Display("percent")).display.form
    'percent'
    """

    name: str
    role: Role
    display: Display = field(default_factory=Display)
    description: str = ""
    grain: str = ""
    calendar: CalendarSettings = field(default_factory=CalendarSettings)
    labels: Mapping[str, Mapping[object, str]] = field(default_factory=dict)
    estimates: tuple[Approximation, ...] = ()


@dataclass(slots=True)
class SourceStats:
    """What was read of one source.

    `excluded_rows` have no place in time: `lifeless_rows` of them end before they begin or never begin, the others have
    a null time. `early_rows` lie before 1900, `late_rows` past the watermark. `failed_casts` and `nan_values` became
    null, the former in the columns (and pieces) that `failed_in` names. `unassigned_rows` have no id, by the key of
    `per` or `having` that leaves them out. `pushdown` says of each measure query asked of a connector that aggregates
    who made its states; `rows` then counts what was fetched. `fragments_kept` were not read: states of their rows are
    kept from an earlier run. `seconds` are by step (`read`, `states`, `kept`, `merge`), of all threads together.
    """

    rows: int = 0
    bytes: int = 0
    fragments_read: int = 0
    fragments_pruned: int = 0
    fragments_kept: int = 0
    excluded_rows: int = 0
    lifeless_rows: int = 0
    early_rows: int = 0
    late_rows: int = 0
    failed_casts: int = 0
    nan_values: int = 0
    failed_in: list[str] = field(default_factory=list)
    unassigned_rows: dict[str, int] = field(default_factory=dict)
    pushdown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, part: SourceStats) -> None:
        """Take in what was read of a part of the source."""
        for each in fields(part):
            mine, its = getattr(self, each.name), getattr(part, each.name)
            if isinstance(mine, int):
                setattr(self, each.name, mine + its)
            elif isinstance(mine, list):
                mine.extend(its)
            else:
                mine.update({name: mine.get(name, 0) + count for name, count in its.items()})


@dataclass(slots=True)
class RunStats:
    """How an answer came about.

    `as_of` is the instant used, as text; `watermarks` and `sources` are by source name;
    `zero_divisions` counts by metric the results that are null because a denominator was zero;
    `partial_periods` are values of the period column that a watermark, `--from` or `--to` cut (in an answer for several
    grains pairs of the grain and the value);
    `seconds` are by stage; `peak_memory` is the most that the process has ever held, in bytes, 0 where the system does
    not say. `notes` are sentences for the reader.
    """

    as_of: str = ""
    watermarks: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    sources: dict[str, SourceStats] = field(default_factory=dict)
    zero_divisions: dict[str, int] = field(default_factory=dict)
    partial_periods: tuple[object, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    peak_memory: int = 0

    @property
    def excluded_rows(self) -> int:
        """Rows left out over all sources."""
        return sum(source.excluded_rows for source in self.sources.values())
