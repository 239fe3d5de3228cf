"""Text to tree, with errors that point at the author's own words, and tree to canonical text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kpi_engine.parse.parser import parse_expression, parse_file

if TYPE_CHECKING:
    from kpi_engine.parse.format import format_file
    from kpi_engine.parse.show import show_tree

__all__ = ["format_file", "parse_expression", "parse_file", "show_tree"]

_HOMES = {"format_file": "kpi_engine.parse.format", "show_tree": "kpi_engine.parse.show"}


def __getattr__(name: str) -> Any:
    """Import on first use: questions need neither."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
