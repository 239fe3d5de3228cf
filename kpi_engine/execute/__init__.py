"""Stage: plan -> Arrow tables. `grain_table` reads declared grains."""

from __future__ import annotations

from kpi_engine.execute.extent import first_time, last_time
from kpi_engine.execute.pushed import explained
from kpi_engine.execute.rows import Rows, World
from kpi_engine.execute.run import execute, make_world

__all__ = ["Rows", "World", "execute", "explained", "first_time", "last_time", "make_world"]
