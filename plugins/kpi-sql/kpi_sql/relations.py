"""The rows of a source as SQL: its table, its own condition, and what its references lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from kpi_engine.extend.measures import MeasureRequest, SourceTable
from kpi_engine.extend.rows import ColumnRequest
from kpi_engine.ir.expression import Field, Step
from kpi_engine.ir.types import Kind, Type
from kpi_sql.dialect import Dialect
from kpi_sql.expressions import Expressions
from kpi_sql.stored import SqlKind, StoredColumn, StoredTable
from kpi_sql.values import Binder, NotPushed, Value, named, operator

_FITTING: Mapping[Kind, tuple[SqlKind, ...]] = {
    Kind.INTEGER: (SqlKind.INTEGER,),
    Kind.DECIMAL: (SqlKind.DECIMAL, SqlKind.INTEGER),
    Kind.FLOAT: (SqlKind.FLOAT,),
    Kind.TEXT: (SqlKind.TEXT,),
    Kind.BOOLEAN: (SqlKind.BOOLEAN,),
    Kind.DATE: (SqlKind.DATE,),
    Kind.TIMESTAMP: (SqlKind.LOCAL, SqlKind.INSTANT),
}
"""How a column must be stored so that the declared type is what the database sees, too."""


@dataclass(frozen=True, slots=True)
class Place:
    """The database side of a request: its tables by source, the dialect, the parameters of the statement."""

    dialect: Dialect
    request: MeasureRequest
    stored: Mapping[str, StoredTable]
    binder: Binder

    def stored_column(self, source: str, name: str) -> tuple[StoredColumn, SourceTable]:
        """A column of a source as it is stored. `NotPushed` where it is another thing than declared."""
        table = self.request.tables[source]
        request = table.columns[name]
        column = self.stored[source].columns.get(request.physical or request.name)
        if column is None:
            raise NotPushed(f"there is no column `{request.physical}`")
        _check_declared(request, column)
        return column, table


def _check_declared(request: ColumnRequest, column: StoredColumn) -> None:
    declared = request.type
    if request.path or request.format or request.options:
        raise NotPushed(f"`{request.name}` is read in a form of its own")
    if declared is None:
        if column.type.kind is SqlKind.LOCAL:
            raise NotPushed(f"`{request.name}` is a local time that nobody declared to be in a zone")
        return
    if column.type.kind not in _FITTING.get(declared.kind, ()) or _is_duration(declared):
        raise NotPushed(f"`{request.name}` is declared as {declared} and stored as {column.physical}")


def _is_duration(type: Type) -> bool:
    return type.unit.is_duration


@dataclass(slots=True)
class Relation:
    """The rows of one source, and of the rows that they refer to; made anew for each statement."""

    place: Place
    source: str
    prefix: str = "t"
    _joined: dict[tuple[Step, ...], str] = field(default_factory=dict)
    _joins: list[exp.Join] = field(default_factory=list)

    @property
    def expressions(self) -> Expressions:
        """Renders expressions on these rows, and joins what they need."""
        return Expressions(self.place.dialect, self.place.binder, self.column)

    def column(self, wanted: Field) -> Value:
        """The value of a field."""
        source = wanted.steps[-1].target if wanted.steps else self.source
        return self._read(self._alias(wanted.steps), source, wanted.column)

    def _read(self, alias: str, source: str, name: str) -> Value:
        column, table = self.place.stored_column(source, name)
        return self.place.dialect.read(column, named(column.name, alias), table.table.timezone)

    def _alias(self, steps: tuple[Step, ...]) -> str:
        if not steps:
            return f"{self.prefix}0"
        if steps not in self._joined:
            step = steps[-1]
            left = self._read(self._alias(steps[:-1]), step.source, step.column)
            alias = f"{self.prefix}{len(self._joined) + 1}"
            right = self._read(alias, step.target, step.target_column)
            same = self.expressions.compare("equal", left, right).node
            target = aliased(self.place, step.target, alias)
            self._joins.append(exp.Join(this=target, side="LEFT", on=same))
            self._joined[steps] = alias
        return self._joined[steps]

    def select(self, columns: list[exp.Expr], conditions: list[exp.Expr]) -> exp.Select:
        """A statement over these rows; the source's own condition comes first."""
        where = self.place.request.tables[self.source].where
        own = [] if where is None else [self.expressions.condition(where)]
        statement = exp.Select(expressions=columns)
        statement.set("from_", exp.From(this=table_node(self.place.stored[self.source], f"{self.prefix}0")))
        statement.set("joins", list(self._joins))
        return filtered(statement, [*own, *conditions])


def filtered(statement: exp.Select, conditions: list[exp.Expr]) -> exp.Select:
    """The statement with all of these conditions."""
    if conditions:
        whole = conditions[0]
        for other in conditions[1:]:
            whole = operator(exp.And, whole, other)
        statement.set("where", exp.Where(this=whole))
    return statement


def table_node(table: StoredTable, alias: str = "") -> exp.Expr:
    """A table by its introspected name."""
    made = exp.Table(
        this=exp.to_identifier(table.name, quoted=True),
        db=exp.to_identifier(table.schema, quoted=True) if table.schema else None,
    )
    if alias:
        made.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return made


def aliased(place: Place, source: str, alias: str) -> exp.Expr:
    """The rows of a source that is referred to: its table, or those rows of it that belong to the source."""
    if place.request.tables[source].where is None:
        return table_node(place.stored[source], alias)
    inner = Relation(place, source, f"{alias}_")
    every = exp.Column(this=exp.Star(), table=exp.to_identifier(f"{alias}_0", quoted=True))
    return exp.Subquery(
        this=inner.select([every], []), alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True))
    )


def repeated(place: Place, source: str, column: str) -> exp.Select:
    """A statement that finds a value of a key that several rows of a source have, and how many."""
    rows = Relation(place, source)
    key = rows.column(Field(column, place.request.tables[source].columns[column].type or Type(Kind.NULL)))
    present = exp.Not(this=exp.Paren(this=exp.Is(this=key.node.copy(), expression=exp.Null())))
    inner = rows.select([exp.alias_(key.node, "item", quoted=True)], [present])
    return exp.Select(
        expressions=[named("item"), exp.alias_(exp.Count(this=exp.Star()), "rows", quoted=True)],
        from_=exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("r", quoted=True)))),
        group=exp.Group(expressions=[named("item")]),
        having=exp.Having(this=exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))),
        limit=exp.Limit(expression=exp.Literal.number(1)),
    )
