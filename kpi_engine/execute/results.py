"""Arithmetic above leaves: the same evaluator as for rows, with finished leaves as its fields."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from kpi_engine.execute.evaluate import Evaluator, Operand
from kpi_engine.extend.functions import EvaluationContext
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir.expression import Apply, Field
from kpi_engine.kernels.calendar import Calendar


class Results(Evaluator):
    """Finished leaves as fields; counts divisions by zero as it computes."""

    def __init__(
        self, values: Mapping[str, pa.Array], length: int, functions: FunctionRegistry, calendar: Calendar
    ) -> None:
        super().__init__(length, functions, EvaluationContext(calendar, length))
        self._values = values
        self.zero_divisions = 0

    def field(self, field: Field) -> pa.Array:
        """A leaf's values."""
        return self._values[field.column]

    def divide(self, node: Apply, above: Operand, below: Operand) -> Operand:
        """`/`, counting the results that are null because a denominator was zero."""
        from kpi_engine.kernels.division import divide_counting

        result, zeros = divide_counting(above, below)
        self.zero_divisions += zeros
        return result
