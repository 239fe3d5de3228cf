"""States kept from run to run: everything they rest on besides definitions and rows, in one text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary
from zoneinfo import TZPATH

from kpi_engine._version import __version__
from kpi_engine.ir.digest import sha256_of

if TYPE_CHECKING:
    from kpi_engine.execute.keeper import Keeper
    from kpi_engine.execute.remembered import Remembered
    from kpi_engine.extend.rows import Connector
    from kpi_engine.ir.stored import StateStore
    from kpi_engine.kernels.calendar import Calendar
    from kpi_engine.pipeline.loading import Loaded

_SEMANTICS = 1
"""Raised whenever the same rows and definitions give other states than before, or aggregates over keys other values."""


_MEMORIES: WeakKeyDictionary[StateStore, Remembered] = WeakKeyDictionary()
"""What was read from a store, for as long as it is in use: that is as long as the project is."""


def keeper_of(loaded: Loaded, calendar: Calendar) -> Keeper | None:
    """The kept states of a project's runs; None if it has no store."""
    from kpi_engine.execute.keeper import Keeper
    from kpi_engine.execute.remembered import Remembered

    if loaded.store is None:
        return None
    connections = {
        name: (settings.connector, settings.options, settings.folder, _provider(loaded.connectors.get(name)))
        for name, settings in loaded.connections.items()
    }
    memory = _MEMORIES.setdefault(loaded.store, Remembered())
    return Keeper(loaded.store, connections, engine_text(loaded, calendar), memory)


def _provider(connector: Connector | None) -> str:
    """Which distribution a connector comes from, in which version: another one may read the same bytes otherwise."""
    from kpi_engine.extend.contained import ContainedConnector

    return connector.provider if isinstance(connector, ContainedConnector) else ""


def engine_text(loaded: Loaded, calendar: Calendar) -> str:
    """Versions of the engine, of what it computes with and of plugins; rules of zones; the calendar."""
    import numpy
    import pyarrow

    plugins = sorted(f"{name}={plugin.provider}" for name, plugin in loaded.host.loaded.items())
    zones = {calendar.timezone, *(source.timezone for source in loaded.catalog.sources.values() if source.timezone)}
    marks = sorted(f"{zone}={zone_mark(zone)}" for zone in zones)
    libraries = [f"{library.__name__}={library.__version__}" for library in (pyarrow, numpy)]
    settings = (calendar.timezone, calendar.week_starts, calendar.fiscal_year_starts, calendar.fiscal_year_named)
    return repr((_SEMANTICS, __version__, libraries, plugins, marks, settings, calendar.declared))


def zone_mark(zone: str) -> str:
    """A short text that changes when the rules of a zone do.

    >>> zone_mark("Europe/Paris") != zone_mark("Asia/Tokyo")
    True
    """
    found = _zone_bytes(zone)
    return "" if found is None else sha256_of(found).hexdigest()[:16]


def _zone_bytes(zone: str) -> bytes | None:
    for place in _places(zone):
        if place.is_file():
            return place.read_bytes()
    try:
        from importlib.resources import files

        return files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    except (ModuleNotFoundError, OSError):
        return None


def _places(zone: str) -> Iterable[Path]:
    return (Path(folder) / zone for folder in TZPATH)
