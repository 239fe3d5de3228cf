"""What ships inside, by the hooks of a plugin: functions, output formats, and the connector of files.

Its hooks are called by their names. They carry no marks: a project that lists no plugins does without pluggy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kpi_engine.builtin.formats import FORMATS
from kpi_engine.builtin.functions import FUNCTIONS
from kpi_engine.extend.formats import OutputFormat
from kpi_engine.extend.functions import Function
from kpi_engine.extend.rows import ConnectionSettings, Connector


def kpi_register_functions() -> Iterable[Function]:
    """The functions of the language."""
    return FUNCTIONS


def kpi_register_formats() -> Iterable[OutputFormat]:
    """The output formats."""
    return FORMATS


def kpi_register_connectors() -> Mapping[str, Callable[[ConnectionSettings], Connector]]:
    """`files`; imported when there is a connection."""
    return {"files": _files}


def _files(settings: ConnectionSettings) -> Connector:
    from kpi_engine.builtin.connectors import FilesConnector

    return FilesConnector(settings)
