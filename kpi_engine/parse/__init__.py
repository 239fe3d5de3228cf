"""Text to tree, with errors that point at the author's own words, and tree to canonical text."""

from __future__ import annotations

from kpi_engine.parse.format import format_file
from kpi_engine.parse.parser import parse_expression, parse_file
from kpi_engine.parse.show import show_tree

__all__ = ["format_file", "parse_expression", "parse_file", "show_tree"]
