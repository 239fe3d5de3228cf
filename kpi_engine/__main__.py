"""`python -m kpi_engine`: the command line."""

from __future__ import annotations

from kpi_engine.cli import command

command()
