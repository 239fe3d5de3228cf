"""Rows of a source in memory: columns, computed columns, and columns of other sources along references."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from kpi_engine.execute.evaluate import Evaluator
from kpi_engine.extend.functions import EvaluationContext, FunctionRegistry
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.expression import Field, Step
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.kernels.lookup import KeyIndex


@dataclass(frozen=True, slots=True)
class Prepared:
    """A prepared input: the rows of a target source, and the index of its unique key."""

    rows: Rows
    index: KeyIndex


@dataclass(slots=True)
class World:
    """What rows of one run share: the catalogue, functions, calendar and the prepared lookups."""

    catalog: Catalog
    functions: FunctionRegistry
    calendar: Calendar
    prepare: Callable[[str, str], Prepared]
    prepared: dict[tuple[str, str], Prepared] = field(default_factory=dict)

    def lookup(self, target: str, key: str) -> Prepared:
        """The prepared input for a target and its key; built on first use."""
        found = self.prepared.get((target, key))
        if found is None:
            found = self.prepared[target, key] = self.prepare(target, key)
        return found


class Rows(Evaluator):
    """Some rows of one source. Columns may be given by a function, so that a selection costs what it reads."""

    def __init__(
        self, source: str, columns: Mapping[str, pa.Array] | Callable[[str], pa.Array], length: int, world: World
    ) -> None:
        super().__init__(length, world.functions, EvaluationContext(world.calendar, length))
        self.source = source
        self._columns = columns
        self._world = world
        self._positions: dict[Step, pa.Array] = {}

    def field(self, field: Field) -> pa.Array:
        """A stored or computed column of these rows, or one of the row that a reference leads to (null if none)."""
        if field.steps:
            first, *rest = field.steps
            target = self._world.lookup(first.target, first.target_column)
            inner = Field(field.column, field.type, tuple(rest))
            return target.rows.array(inner).take(self._place(first, target))
        column = self._world.catalog.sources[self.source].columns[field.column]
        if column.computed is not None:
            return self.array(column.computed)
        return self._columns(field.column) if callable(self._columns) else self._columns[field.column]

    def column(self, name: str) -> pa.Array:
        """A column by name."""
        column = self._world.catalog.sources[self.source].columns[name]
        return self.array(Field(name, column.type))

    def _place(self, step: Step, target: Prepared) -> pa.Array:
        """For each row the position of the target's row, null where there is none."""
        place = self._positions.get(step)
        if place is None:
            place = self._positions[step] = target.index.positions(self.column(step.column))
        return place

    def filtered(self, mask: pa.Array, length: int) -> Rows:
        """The rows where `mask` is true; their columns are filtered when they are asked for."""

        def column(name: str) -> pa.Array:
            return self.column(name).filter(mask)

        return Rows(self.source, column, length, self._world)
