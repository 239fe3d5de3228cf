"""The settings of a connection: what may be written, and what it means; nothing else goes through to a driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpi_engine.extend.rows import ConnectionSettings, data_error
from kpi_engine.ir.diagnostic import KpiError, did_you_mean

COMMON = ("schema", "timeout", "aggregate", "float_sums")


@dataclass(frozen=True, slots=True)
class Settings:
    """What all databases have. `timeout` is in seconds, for one statement; 0 is none.

    Without `aggregate` rows are read for everything. `inexact_sums`: sums of floats are taken as the database rounds
    them.
    """

    name: str
    folder: str
    schema: str
    timeout: float
    aggregate: bool
    inexact_sums: bool
    rest: dict[str, object]

    def text(self, key: str, default: str = "") -> str:
        """One of the other settings, a text or number."""
        value = self.rest.get(key, default)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.wrong(key, "must be a text")
        return str(value)

    def wrong(self, key: str, what: str, help: str = "") -> KpiError:
        """The error for a setting."""
        return data_error("E612", f"connection {self.name}", f"`{key}` {what}", help)


def settings_of(given: ConnectionSettings, known: Sequence[str], schema: str) -> Settings:
    """Read settings; KpiError E612 for one that is unknown or of the wrong form."""
    options = dict(given.options)
    allowed = (*COMMON, *known)
    place = f"connection {given.name}"
    for key in options:
        if key not in allowed:
            help = did_you_mean(key, allowed) or f"the settings are: {', '.join(allowed)}"
            raise data_error("E612", place, f"there is no setting `{key}`", help)
    timeout, aggregate, sums = (options.get(*each) for each in _DEFAULTS)
    settings = Settings(
        given.name, given.folder, str(options.get("schema", schema)), 0.0, True, sums == "database", options
    )
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or timeout < 0:
        raise settings.wrong("timeout", "must be a number of seconds")
    if not isinstance(aggregate, bool):
        raise settings.wrong("aggregate", "must be true or false")
    if sums not in ("exact", "database"):
        raise settings.wrong("float_sums", 'must be "exact" or "database"')
    return Settings(
        given.name, given.folder, settings.schema, float(timeout), aggregate, settings.inexact_sums, options
    )


_DEFAULTS = (("timeout", 300), ("aggregate", True), ("float_sums", "exact"))
