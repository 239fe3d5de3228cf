"""Stage: plan -> Arrow tables."""

from __future__ import annotations

from kpi_engine.execute.extent import first_time, last_time
from kpi_engine.execute.run import execute, make_world

__all__ = ["execute", "first_time", "last_time", "make_world"]
