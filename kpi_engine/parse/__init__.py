"""Text to tree, with errors that point at the author's own words, and tree to canonical text."""

from __future__ import annotations

from kpi_engine.parse.parser import parse_expression, parse_file

__all__ = ["parse_expression", "parse_file"]
