"""Tables of declared grains: read once, and what is wrong with them said."""

from __future__ import annotations

from dataclasses import replace

from kpi_engine import pipeline
from kpi_engine.connect.reader import CatalogReader
from kpi_engine.ir.declared_periods import DeclaredPeriods
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.kernels.calendar import Calendar


def grain_findings(loaded: pipeline.Loaded) -> tuple[Diagnostic, ...]:
    """The problems of all tables of grains that are within reach."""
    return _read(loaded)[1]


def lenient_calendar(loaded: pipeline.Loaded) -> Calendar:
    """The project's calendar with all declared grains; those whose tables cannot be read have no periods."""
    return _read(loaded)[0]


def _read(loaded: pipeline.Loaded) -> tuple[Calendar, tuple[Diagnostic, ...]]:
    calendar = pipeline.calendar_of(loaded.catalog.calendar)
    reader = CatalogReader(loaded.connectors, loaded.bound, calendar.timezone)
    found: list[Diagnostic] = []
    for name in loaded.catalog.grains:
        try:
            calendar = pipeline.with_periods(calendar, (name,), loaded, reader)
        except KpiError as error:
            calendar = replace(calendar, declared=(*calendar.declared, DeclaredPeriods(name, name, (0,), ())))
            # What is out of reach is said where the definitions are checked.
            found.extend(error.diagnostics if loaded.schemas.get(name) is not None else ())
    return calendar, tuple(found)
