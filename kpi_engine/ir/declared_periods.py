"""The periods of a declared grain as data: what a table of them says once it is read."""

from __future__ import annotations

from bisect import bisect_right

from kpi_engine.ir.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class DeclaredPeriods:
    """Consecutive periods of whole local days: period i is `[days[i], days[i + 1])` and is called `labels[i]`.

    `days` are day numbers since 1970-01-01 and ascend; there is one more of them than labels, since each row of a
    table ends the period before it. `table` is what messages call the table.

    >>> weeks = DeclaredPeriods("retail_week", "weeks.csv", (0, 7, 14), ("W01", "W02"))
    >>> weeks.index(6), weeks.index(7), weeks.index(14), weeks.mean_days
    (0, 1, None, 7.0)
    """

    grain: str
    table: str
    days: tuple[int, ...]
    labels: tuple[str, ...]

    def index(self, day: int) -> int | None:
        """The position of the period that holds a day; None outside all of them."""
        found = bisect_right(self.days, day) - 1
        return found if 0 <= found < len(self.labels) else None

    def edge(self, day: int) -> int | None:
        """The position in `days` of a day on which a period starts, or on which the last one has ended; else None."""
        found = bisect_right(self.days, day) - 1
        return found if found >= 0 and self.days[found] == day else None

    @property
    def mean_days(self) -> float:
        """The mean length of a period in days."""
        return (self.days[-1] - self.days[0]) / len(self.labels)
