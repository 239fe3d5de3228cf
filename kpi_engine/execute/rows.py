"""Rows of a source in memory: columns, computed columns, and what other rows say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from kpi_engine.execute.evaluate import Evaluator, Operand
from kpi_engine.execute.keeper import Keeper
from kpi_engine.execute.reader import SourceReader
from kpi_engine.extend.functions import EvaluationContext
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import (
    ChildAggregate,
    EventTest,
    Expression,
    Field,
    Followed,
    LastBefore,
    Step,
)
from kpi_engine.ir.parents import leads_to_parent, parent_column
from kpi_engine.ir.result import SourceStats
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.kernels.ids import shortened


class Inputs(Protocol):
    """What rows look at beyond themselves, prepared on first use and shared by a run."""

    @property
    def catalog(self) -> Catalog:
        """The definitions."""

    def counted(self) -> Mapping[str, SourceStats]:
        """By source what was counted while its rows were read as an input."""

    def stored_columns(self, name: str) -> Sequence[str]:
        """The stored columns of a prepared source."""

    def own_rows(self, name: str, batch: pa.RecordBatch) -> Rows:
        """The rows of a batch that belong to the source."""

    def place(self, step: Step, ids: pa.Array, rows: Rows) -> pa.Array:
        """For each id the position of the target's row that a reference means, null where there is none; `rows` are
        those that the ids belong to."""

    def target(self, name: str) -> Rows:
        """All rows of a source."""

    def past(self, name: str) -> Rows:
        """The rows of a source before its watermark."""

    def value_of(self, owner: str, body: Expression, ids: pa.Array) -> pa.Array:
        """A keyed table's value for each id."""

    def followed(self, chain: tuple[Followed, ...], rows: Rows) -> pa.Array:
        """Which rows are followed by a chain of events."""

    def latest(self, node: LastBefore, rows: Rows) -> pa.Array:
        """For each row the key of the latest earlier row of another source with the same ids."""


@dataclass(slots=True)
class World:
    """What rows of one run share: the catalogue, functions, calendar and the prepared inputs."""

    catalog: Catalog
    functions: FunctionRegistry
    calendar: Calendar
    inputs: Inputs
    reader: SourceReader
    keeper: Keeper | None = None
    """States of rows that were read in earlier runs, if the run may use them."""


class Rows(Evaluator):
    """Some rows of one source. Columns may be given by a function, so that a selection costs what it reads."""

    def __init__(
        self, source: str, columns: Mapping[str, pa.Array] | Callable[[str], pa.Array], length: int, world: World
    ) -> None:
        super().__init__(length, world.functions, EvaluationContext(world.calendar, length))
        self.source = source
        self._columns = columns
        self._world = world
        self._ids: dict[str, pa.Array] = {}
        self._whole: tuple[Rows, pa.Array] | None = None
        self._places: dict[Step, pa.Array] = {}

    def field(self, field: Field) -> pa.Array:
        """A stored or computed column of these rows, or one of the row that a reference leads to (null if none)."""
        if not field.steps:
            column = self._world.catalog.sources[self.source].columns[field.column]
            return self._stored(field.column) if column.computed is None else self.array(column.computed)
        first, *rest = field.steps
        if leads_to_parent(self._world.catalog.sources, first):
            return self._stored(parent_column(field))
        entity = self._world.catalog.entities.get(first.target)
        if entity is not None:
            body = entity.columns[field.column].computed
            assert body is not None
            ids = self.column(first.column)
            found = self._world.inputs.value_of(entity.name, body, ids)
            from kpi_engine.kernels.logic import case_when

            return case_when([ids.is_valid()], [found])
        if any(self._is_dated(step) for step in rest):
            return self._along(field)
        inner = Field(field.column, field.type, tuple(rest))
        return self._world.inputs.target(first.target).array(inner).take(self._place(first))

    def _is_dated(self, step: Step) -> bool:
        """Whether the time of a row says which of several rows a reference means."""
        target = self._world.catalog.sources.get(step.target)
        return target is not None and (target.versions is not None or target.snapshot is not None)

    def _along(self, field: Field) -> pa.Array:
        """A column at the end of references, with the time of these rows at every step."""
        rows, place = self._world.inputs.target(field.steps[0].target), self._place(field.steps[0])
        for number, step in enumerate(field.steps[1:], 1):
            if step.target in self._world.catalog.entities:
                return rows.array(Field(field.column, field.type, field.steps[number:])).take(place)
            place = self._world.inputs.place(step, rows.column(step.column).take(place), self)
            rows = self._world.inputs.target(step.target)
        return rows.column(field.column).take(place)

    def other(self, expression: Expression) -> Operand:
        """What other rows say of these: child rows, events that follow, the latest earlier row."""
        inputs = self._world.inputs
        match expression:
            case ChildAggregate():
                link = expression.link
                return inputs.value_of(link.target, expression, self.column(link.target_column))
            case EventTest():
                return inputs.followed(expression.chain, self)
            case LastBefore():
                return inputs.latest(expression, self)
        return super().other(expression)

    def _stored(self, name: str) -> pa.Array:
        return self._columns(name) if callable(self._columns) else self._columns[name]

    def column(self, name: str) -> pa.Array:
        """A column by name: one of the source's, or a stored one that definitions cannot name."""
        column = self._world.catalog.sources[self.source].columns.get(name)
        return self._stored(name) if column is None else self.array(Field(name, column.type))

    def times(self) -> pa.Array:
        """The declared time of each row."""
        time = self._world.catalog.sources[self.source].time
        assert time is not None
        return self.column(time)

    def _place(self, step: Step) -> pa.Array:
        place = self._places.get(step)
        if place is None:
            place = self._places[step] = self._world.inputs.place(step, self.column(step.column), self)
        return place

    def filtered(self, mask: pa.Array, length: int) -> Rows:
        """The rows where `mask` is true; their columns are filtered when they are asked for."""

        def column(name: str) -> pa.Array:
            return self.column(name).filter(mask)

        rows = Rows(self.source, column, length, self._world)
        rows._whole = (self, mask)
        return rows

    def keys(self, expression: Expression) -> pa.Array:
        """The values of an expression to group by or to count: stored texts as ids where they are some.

        They are made of all rows once, whatever is selected of these.
        """
        if not isinstance(expression, Field) or expression.steps or not self._is_stored(expression.column):
            return self.array(expression)
        found = self._ids.get(expression.column)
        if found is None:
            if self._whole is None:
                found = shortened(self.array(expression))
            else:
                whole, mask = self._whole
                found = whole.keys(expression).filter(mask)
            self._ids[expression.column] = found
        return found

    def _is_stored(self, name: str) -> bool:
        return self._world.catalog.sources[self.source].columns[name].computed is None
