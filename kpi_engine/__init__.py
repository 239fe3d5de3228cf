"""kpi_engine: business metrics defined once in a small language, computed on Arrow.

>>> import kpi_engine
>>> kpi_engine.__version__.count(".")
2
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kpi_engine._version import __version__

if TYPE_CHECKING:
    from kpi_engine.allocator import keep_freed_memory
    from kpi_engine.api import Project, Result
    from kpi_engine.api import open_project as open
    from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
    from kpi_engine.ir.span import SourceText
    from kpi_engine.parse import format_file as format_text

__all__ = [
    "Diagnostic",
    "ExitCode",
    "KpiError",
    "Project",
    "Result",
    "SourceText",
    "__version__",
    "format_text",
    "keep_freed_memory",
    "open",
]

_HOMES = {
    "Diagnostic": ("kpi_engine.ir.diagnostic", "Diagnostic"),
    "ExitCode": ("kpi_engine.ir.diagnostic", "ExitCode"),
    "KpiError": ("kpi_engine.ir.diagnostic", "KpiError"),
    "Project": ("kpi_engine.api", "Project"),
    "Result": ("kpi_engine.api", "Result"),
    "SourceText": ("kpi_engine.ir.span", "SourceText"),
    "format_text": ("kpi_engine.parse", "format_file"),
    "keep_freed_memory": ("kpi_engine.allocator", "keep_freed_memory"),
    "open": ("kpi_engine.api", "open_project"),
}


def __getattr__(name: str) -> Any:
    """Import on first use: `kpi --help` and `kpi fmt` need little of this."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    from kpi_engine.garbage import kept

    module, attribute = _HOMES[name]
    with kept():
        return getattr(importlib.import_module(module), attribute)
