"""A measure query in terms of stored columns alone, so that somebody who knows no catalogue can answer it."""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.execute.rows import World
from kpi_engine.extend.measures import MeasureRequest, SourceTable
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import Source
from kpi_engine.ir.expression import Apply, Constant, Expression, Field, Step
from kpi_engine.ir.plan import MeasureQuery
from kpi_engine.ir.types import BOOLEAN, NULL


class NotElsewhere(Exception):
    """Why a query can only be answered from rows, in words that follow "because"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def request_of(query: MeasureQuery, world: World, watermark: Bound | None) -> MeasureRequest:
    """The query for a connector. Raises `NotElsewhere` where it needs more than stored columns and unique keys."""
    source = world.catalog.sources[query.source]
    if query.until is not None or source.lifetime is not None:
        raise NotElsewhere("rows that live from a to b are counted here")
    tables = _Tables(world)
    tables.add(source.name)
    plain = tables.plain
    time = None
    if query.time is not None:
        time = plain(Field(query.time, source.columns[query.time].type), source.name)
    whole = replace(
        query,
        keys=tuple(replace(key, expression=plain(key.expression, source.name)) for key in query.keys),
        states=tuple(
            replace(state, argument=tables.maybe(state.argument, source), filter=tables.maybe(state.filter, source))
            for state in query.states
        ),
        filter=tables.maybe(query.filter, source),
    )
    late_from = watermark if query.time is not None and query.time == source.time else None
    return MeasureRequest(whole, tables.made(), time, world.catalog.calendar, late_from)


class _Tables:
    """The sources that a request reads, and the stored columns of each, collected while expressions are written out."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._columns: dict[str, dict[str, None]] = {}
        self._where: dict[str, Expression | None] = {}

    def add(self, name: str) -> None:
        """Take in a source, and what its own condition reads."""
        if name in self._columns:
            return
        source = self._world.catalog.sources[name]
        _check_source(source)
        if self._columns and source.connection != self._first.connection:
            raise NotElsewhere(f"`{name}` lies in another connection")
        self._columns[name] = {}
        self._where[name] = self.maybe(source.where, source)

    @property
    def _first(self) -> Source:
        return self._world.catalog.sources[next(iter(self._columns))]

    def made(self) -> dict[str, SourceTable]:
        """The tables of a request; its own source is the first."""
        sources = self._world.catalog.sources
        return {
            name: self._world.reader.source_table(sources[name], tuple(columns), self._where[name])
            for name, columns in self._columns.items()
        }

    def maybe(self, expression: Expression | None, source: Source) -> Expression | None:
        """The expression written out, if there is one."""
        return None if expression is None else self.plain(expression, source.name)

    def plain(self, expression: Expression, source: str) -> Expression:
        """An expression on rows of a source with computed columns written out."""
        match expression:
            case Constant():
                return expression
            case Apply():
                arguments = tuple(self.plain(each, source) for each in expression.arguments)
                return replace(expression, arguments=arguments)
            case Field():
                return self._field(expression, source)
        raise NotElsewhere("other rows are looked at (children, events, ids)")

    def _field(self, field: Field, source: str) -> Expression:
        for step in field.steps:
            self._step(step)
        owner = field.steps[-1].target if field.steps else source
        column = self._world.catalog.sources[owner].columns[field.column]
        if column.computed is None:
            self._columns[owner][field.column] = None
            return field
        inside = self.plain(column.computed, owner)
        if not field.steps:
            return inside
        found = replace(field, column=field.steps[-1].target_column)
        self._columns[owner][found.column] = None
        there = Apply("is_not_null", (found,), BOOLEAN)
        # Without a row there is no value, whatever the column would make of nulls.
        return Apply("case", (there, _from(field.steps, inside), Constant(None, NULL)), field.type)

    def _step(self, step: Step) -> None:
        sources = self._world.catalog.sources
        target = sources.get(step.target)
        if target is None:
            raise NotElsewhere(f"columns of the entity `{step.target}` are made of all its rows")
        if target.versions is not None or target.snapshot is not None:
            raise NotElsewhere(f"which row of `{step.target}` is meant depends on the time")
        self.add(step.target)
        column = sources[step.source].columns.get(step.column)
        key = target.columns.get(step.target_column)
        if column is None or column.computed is not None or key is None or key.computed is not None:
            raise NotElsewhere(f"the reference from `{step.source}` to `{step.target}` is computed")
        self.add(step.source)
        self._columns[step.source][step.column] = None
        self._columns[step.target][step.target_column] = None


def _check_source(source: Source) -> None:
    if source.derived is not None:
        raise NotElsewhere(f"the rows of `{source.name}` are made of others")
    if source.distinct or source.on_duplicate is not None:
        raise NotElsewhere(f"rows of `{source.name}` that repeat are removed first")
    if source.lifetime is not None:
        raise NotElsewhere(f"rows of `{source.name}` live from a to b")


def _from(steps: tuple[Step, ...], expression: Expression) -> Expression:
    """An expression on rows of the last step's target, as seen from where the steps begin."""
    if isinstance(expression, Field):
        return replace(expression, steps=(*steps, *expression.steps))
    if isinstance(expression, Apply):
        return replace(expression, arguments=tuple(_from(steps, each) for each in expression.arguments))
    return expression
