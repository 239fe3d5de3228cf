"""What ships inside, as a plugin like any other: functions, output formats, and the connector of files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kpi_engine.builtin.formats import FORMATS
from kpi_engine.builtin.functions import FUNCTIONS
from kpi_engine.extend.formats import OutputFormat
from kpi_engine.extend.functions import Function
from kpi_engine.extend.hookspecs import hookimpl
from kpi_engine.extend.rows import ConnectionSettings, Connector


@hookimpl
def kpi_register_functions() -> Iterable[Function]:
    """The functions of the language."""
    return FUNCTIONS


@hookimpl
def kpi_register_formats() -> Iterable[OutputFormat]:
    """The output formats."""
    return FORMATS


@hookimpl
def kpi_register_connectors() -> Mapping[str, Callable[[ConnectionSettings], Connector]]:
    """`files`; imported when there is a connection."""
    return {"files": _files}


def _files(settings: ConnectionSettings) -> Connector:
    from kpi_engine.builtin.connectors import FilesConnector

    return FilesConnector(settings)
