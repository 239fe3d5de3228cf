"""The calendar without NumPy or pyarrow: all that checking a definition needs of time.

The parts: `spans` (bounds, periods, durations), `local_calendar` (which instants make a period), `shifting`
and `declared_shifts` (windows that move) and `period_text` (reading `2027-W07`). This module is their one door.
"""

from __future__ import annotations

from kpi_engine.kernels.declared_shifts import is_finer, mean_days, move_bound, move_window
from kpi_engine.kernels.local_calendar import (
    MAX_PERIODS,
    WEEKDAYS,
    Calendar,
    add_months,
    check_grain,
    start_of,
    todate_start,
)
from kpi_engine.kernels.period_text import parse_instant, parse_period
from kpi_engine.kernels.shifting import cut_previous, equal_before, shift_window
from kpi_engine.kernels.spans import (
    DATE_PARTS,
    EPOCH_UNITS,
    GRAINS,
    PARTS,
    TIME_PARTS,
    UNITS,
    Bound,
    CalendarError,
    CalendarGap,
    Duration,
    DurationError,
    Period,
    PeriodError,
    date_of,
    day_number,
)
from kpi_engine.kernels.zone_rules import UnknownZone

__all__ = [
    "DATE_PARTS",
    "EPOCH_UNITS",
    "GRAINS",
    "MAX_PERIODS",
    "PARTS",
    "TIME_PARTS",
    "UNITS",
    "WEEKDAYS",
    "Bound",
    "Calendar",
    "CalendarError",
    "CalendarGap",
    "Duration",
    "DurationError",
    "Period",
    "PeriodError",
    "UnknownZone",
    "add_months",
    "check_grain",
    "cut_previous",
    "date_of",
    "day_number",
    "equal_before",
    "is_finer",
    "mean_days",
    "move_bound",
    "move_window",
    "parse_instant",
    "parse_period",
    "shift_window",
    "start_of",
    "todate_start",
]
