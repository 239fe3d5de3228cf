"""The functions of the language as records: signature, types, prose, examples. Nothing here imports Arrow."""

from __future__ import annotations

from kpi_engine.builtin.functions.aggregates import AGGREGATES
from kpi_engine.builtin.functions.cast import CASTS
from kpi_engine.builtin.functions.logic import LOGIC
from kpi_engine.builtin.functions.number import NUMBERS
from kpi_engine.builtin.functions.text import TEXTS
from kpi_engine.builtin.functions.time import TIMES
from kpi_engine.builtin.functions.windows import WINDOWS
from kpi_engine.extend.functions import Function

FUNCTIONS: tuple[Function, ...] = (*TEXTS, *NUMBERS, *CASTS, *TIMES, *LOGIC, *AGGREGATES, *WINDOWS)
"""Every built-in function, by family, in the order of the reference page."""
