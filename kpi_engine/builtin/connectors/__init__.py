"""Connectors that ship inside: files of several formats, and tables that are already in memory."""

from __future__ import annotations

from kpi_engine.builtin.connectors.files import FilesConnector
from kpi_engine.extend.rows import ConnectionSettings, Connector, data_error
from kpi_engine.ir.diagnostic import did_you_mean

__all__ = ["FilesConnector", "make_connector"]

_BUILT_IN = ("files",)


def make_connector(settings: ConnectionSettings) -> Connector:
    """The connector of a connection; KpiError E621 for one that does not exist. Nothing is opened yet.

    >>> type(make_connector(ConnectionSettings("default"))).__name__
    'FilesConnector'
    """
    if settings.connector == "files":
        return FilesConnector(settings)
    place = f"connection {settings.name}"
    help = did_you_mean(settings.connector, _BUILT_IN) or f"one of: {', '.join(_BUILT_IN)}"
    raise data_error("E621", place, f"there is no connector `{settings.connector}`", help)
