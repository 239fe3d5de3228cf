"""A whole measure query as statements: one for the plain states, one for each set, one for rows that are left out.

WITH r AS (SELECT keys, bucket, arguments, filters FROM table LEFT JOIN ... WHERE ...)
SELECT keys, bucket, counts, sums, extremes FROM r GROUP BY keys, bucket
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from kpi_engine.extend.measures import MeasureRequest
from kpi_engine.ir.expression import Expression, Field, Step, walk
from kpi_engine.ir.plan import StateRequest
from kpi_sql.dialect import Dialect
from kpi_sql.edges import NotLocal
from kpi_sql.relations import Place, Relation, repeated
from kpi_sql.stored import SqlKind, StoredTable
from kpi_sql.values import Binder, NotPushed, Plain, Value, case, named, number, operator, used, wrapped


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer and what it holds."""

    name: str
    kind: SqlKind
    scale: int = 0
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters, and the columns that it gives."""

    node: exp.Expr
    parameters: tuple[Plain, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """A statement that finds a repeated key of a source."""

    source: str
    column: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that answers a request: `states` as in `state_columns`, `left_out` by source (rows without a time,
    late rows, and by column the values that are no number), and the keys that must be unique."""

    states: tuple[Statement, ...]
    left_out: Mapping[str, Statement]
    keys: tuple[KeyCheck, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """What a connection allows: float sums as the database makes them."""

    inexact_sums: bool = False


def measured(
    request: MeasureRequest, stored: Mapping[str, StoredTable], dialect: Dialect, choices: Choices
) -> Measured:
    """The statements of a request. Raises `NotPushed`."""
    query = request.query
    if query.until is not None:
        raise NotPushed("rows that live from a to b are counted here")
    if request.time is not None and not query.edges:
        raise NotPushed("there is no period")
    try:
        plain = [number for number, state in enumerate(query.states) if not state.is_set]
        states = [_plain(_Rows.of(request, stored, dialect, plain), plain, choices)]
        states += [
            _set(_Rows.of(request, stored, dialect, [number]), number)
            for number, state in enumerate(query.states)
            if state.is_set
        ]
        left_out = {name: _left_out(request, name, stored, dialect) for name in request.tables}
    except NotLocal as reason:
        raise NotPushed(str(reason)) from reason
    except OverflowError as error:
        raise NotPushed("a period lies outside of the years 1 to 9999") from error
    asked = {name: statement for name, statement in left_out.items() if statement is not None}
    return Measured(tuple(states), asked, tuple(_key_checks(request, stored, dialect)))


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that count, as the common table `r`: `key0`, ..., `bucket`, and `a`, `f` with the number of a state."""

    request: MeasureRequest
    dialect: Dialect
    binder: Binder
    node: exp.Select
    keys: tuple[Value, ...]
    arguments: Mapping[int, Value]
    filtered: frozenset[int]

    @classmethod
    def of(
        cls, request: MeasureRequest, stored: Mapping[str, StoredTable], dialect: Dialect, states: Sequence[int]
    ) -> _Rows:
        query, binder = request.query, Binder()
        relation = Relation(Place(dialect, request, stored, binder), query.source)
        render = relation.expressions
        keys = tuple(_plain_time(render.value(key.expression)) for key in query.keys)
        columns = [exp.alias_(key.node, f"key{place}", quoted=True) for place, key in enumerate(keys)]
        bucket, conditions = _bucket(request, relation)
        columns.append(exp.alias_(bucket, "bucket", quoted=True))
        arguments = {}
        filtered = set()
        for place in states:
            state = query.states[place]
            if state.argument is not None:
                arguments[place] = render.value(state.argument)
                columns.append(exp.alias_(arguments[place].node, f"a{place}", quoted=True))
            if state.filter is not None:
                filtered.add(place)
                columns.append(exp.alias_(render.condition(state.filter), f"f{place}", quoted=True))
        if query.filter is not None:
            conditions.append(render.condition(query.filter))
        node = relation.select(columns, conditions)
        return cls(request, dialect, binder, node, keys, arguments, frozenset(filtered))

    @property
    def group(self) -> list[exp.Expr]:
        names = [f"key{place}" for place in range(len(self.keys))]
        return [named(name, "r") for name in (*names, "bucket")]

    @property
    def group_columns(self) -> tuple[list[exp.Expr], list[Column]]:
        given: list[exp.Expr] = []
        columns = []
        for place, key in enumerate(self.keys):
            name = f"key{place}"
            given.append(exp.alias_(self.dialect.given(key.with_node(named(name, "r"))), name, quoted=True))
            columns.append(Column(name, key.kind, key.scale, key.zone))
        given.append(exp.alias_(named("bucket", "r"), "bucket", quoted=True))
        return given, [*columns, Column("bucket", SqlKind.INTEGER)]

    def argument(self, place: int) -> Value:
        """What a state is made of, as a column of `r`."""
        return self.arguments[place].with_node(named(f"a{place}", "r"))

    def statement(
        self, given: list[exp.Expr], group: list[exp.Expr], columns: list[Column], only: str = ""
    ) -> Statement:
        made = exp.Select(expressions=given, from_=exp.From(this=exp.Table(this=exp.to_identifier("r", quoted=True))))
        if only:
            made.set("where", exp.Where(this=named(only, "r")))
        made.set("group", exp.Group(expressions=group))
        common = exp.CTE(this=self.node, alias=exp.TableAlias(this=exp.to_identifier("r", quoted=True)))
        made.set("with_", exp.With(expressions=[common]))
        return Statement(made, used(made, self.binder), tuple(columns))


def _bucket(request: MeasureRequest, relation: Relation) -> tuple[exp.Expr, list[exp.Expr]]:
    """The bucket of a row, and the conditions that the rows of some bucket meet."""
    if request.time is None:
        return number(0), []
    query, dialect, binder = request.query, relation.place.dialect, relation.place.binder
    time = _time(relation, request.time)
    given = [dialect.edge(edge.us, edge.day, time.kind) for edge in query.edges]
    time, edges = dialect.timeline(time, given, bounded=query.complete_from is not None)
    bucket = dialect.bucket(time, edges, binder)
    last = dialect.constant(edges[-1], time.kind, binder, time.zone)
    conditions = [operator(exp.LT, time.node.copy(), last.node)]
    if query.complete_from is not None:
        first = dialect.constant(edges[0], time.kind, binder, time.zone)
        conditions.append(operator(exp.GTE, time.node.copy(), first.node))
    return bucket, conditions


def _time(relation: Relation, expression: Expression) -> Value:
    time = relation.expressions.value(expression)
    if time.kind not in (SqlKind.DATE, SqlKind.LOCAL, SqlKind.INSTANT):
        raise NotPushed(f"its time is {time.kind.value}")
    return time


def _plain_time(value: Value) -> Value:
    """A value that leaves the database; local times of a zone are not in the order of their instants."""
    if value.kind is SqlKind.LOCAL and value.zone != "UTC":
        raise NotPushed("local times of a zone are kept")
    if value.kind is SqlKind.OTHER:
        raise NotPushed("a value has no type")
    return value


def _plain(rows: _Rows, places: Sequence[int], choices: Choices) -> Statement:
    given, columns = rows.group_columns
    for place in places:
        state = rows.request.query.states[place]
        argument = rows.argument(place) if place in rows.arguments else None
        passing = named(f"f{place}", "r") if place in rows.filtered else None
        made = _counts(place, argument, passing)
        if state.kind in ("sum", "moments"):
            made += _sums(place, state, rows, passing, choices)
        if state.kind in ("minimum", "maximum"):
            made.append(_extreme(place, state, rows, passing))
        for node, column in made:
            given.append(exp.alias_(node, column.name, quoted=True))
            columns.append(column)
    return rows.statement(given, rows.group, columns)


def _counts(place: int, argument: Value | None, passing: exp.Expr | None) -> list[tuple[exp.Expr, Column]]:
    rows = exp.Count(this=exp.Star() if passing is None else case([(passing.copy(), number(1))]))
    values = rows.copy() if argument is None else exp.Count(this=_where(passing, argument.node))
    return [(rows, Column(f"rows_{place}", SqlKind.INTEGER)), (values, Column(f"values_{place}", SqlKind.INTEGER))]


def _where(passing: exp.Expr | None, node: exp.Expr) -> exp.Expr:
    return node.copy() if passing is None else case([(passing.copy(), node.copy())])


def _sums(
    place: int, state: StateRequest, rows: _Rows, passing: exp.Expr | None, choices: Choices
) -> list[tuple[exp.Expr, Column]]:
    argument = rows.argument(place)
    if argument.kind not in (SqlKind.INTEGER, SqlKind.DECIMAL, SqlKind.FLOAT):
        raise NotPushed(f"sums of {argument.kind.value} are not on the list")
    kept = argument.with_node(_where(passing, argument.node))
    squares = []
    if state.kind == "moments":
        square = rows.dialect.square(kept)
        column = Column(f"squares_{place}", square.kind, square.scale)
        squares.append((rows.dialect.total(square, inexact=False), column))
    total = rows.dialect.total(kept, inexact=choices.inexact_sums)
    return [(total, Column(f"sum_{place}", argument.kind, argument.scale)), *squares]


def _extreme(place: int, state: StateRequest, rows: _Rows, passing: exp.Expr | None) -> tuple[exp.Expr, Column]:
    argument = _plain_time(rows.argument(place))
    if argument.kind is SqlKind.BOOLEAN:
        raise NotPushed("the least of conditions is not on the list")
    node = argument.node if argument.kind is not SqlKind.TEXT else rows.dialect.bytewise(argument.node)
    function = exp.Min if state.kind == "minimum" else exp.Max
    extreme = argument.with_node(function(this=_where(passing, node)))
    column = Column(f"extreme_{place}", argument.kind, argument.scale, argument.zone)
    return rows.dialect.given(extreme), column


def _set(rows: _Rows, place: int) -> Statement:
    given, columns = rows.group_columns
    item = _plain_time(rows.argument(place))
    given.append(exp.alias_(rows.dialect.given(item), "item", quoted=True))
    columns.append(Column("item", item.kind, item.scale, item.zone))
    for node, column in _counts(place, item, None):
        given.append(exp.alias_(node, column.name, quoted=True))
        columns.append(column)
    only = f"f{place}" if place in rows.filtered else ""
    return rows.statement(given, [*rows.group, item.node.copy()], columns, only)


def _left_out(
    request: MeasureRequest, source: str, stored: Mapping[str, StoredTable], dialect: Dialect
) -> Statement | None:
    """What is not in the states: rows without a time and late rows of the source itself, and of every table that is
    read the values that are no number. None where there is nothing to count."""
    binder = Binder()
    place = Place(dialect, request, stored, binder)
    relation = Relation(place, source)
    counts: list[tuple[str, exp.Expr]] = []
    if source == request.query.source and request.time is not None:
        counts += _times_left_out(request, relation)
    for name in request.tables[source].columns:
        column, table = place.stored_column(source, name)
        if column.type.kind is SqlKind.FLOAT or column.type.kind in dialect.endless:
            there = named(column.name, f"{relation.prefix}0")
            value = dialect.read(column, there.copy(), table.table.timezone)
            counts.append((f"values_{name}", operator(exp.Sub, _count(there), _count(value.node))))
    if not counts:
        return None
    node = relation.select([exp.alias_(count, name, quoted=True) for name, count in counts], [])
    columns = tuple(Column(name, SqlKind.INTEGER) for name, _ in counts)
    return Statement(node, used(node, binder), columns)


def _count(node: exp.Expr) -> exp.Expr:
    return exp.Count(this=node)


def _times_left_out(request: MeasureRequest, relation: Relation) -> list[tuple[str, exp.Expr]]:
    assert request.time is not None
    dialect = relation.place.dialect
    time = _time(relation, request.time)
    late: exp.Expr = number(0)
    if request.watermark is not None:
        given = dialect.edge(request.watermark.us, request.watermark.day, time.kind)
        time, (edge,) = dialect.timeline(time, [given], bounded=False)
        mark = dialect.constant(edge, time.kind, relation.place.binder, time.zone)
        late = _count(case([(operator(exp.GTE, time.node.copy(), mark.node), number(1))]))
    missing = exp.Is(this=wrapped(time.node.copy()), expression=exp.Null())
    return [("rows_untimed", _count(case([(missing, number(1))]))), ("rows_late", late)]


def _key_checks(request: MeasureRequest, stored: Mapping[str, StoredTable], dialect: Dialect) -> list[KeyCheck]:
    found = []
    for source, column in dict.fromkeys((step.target, step.target_column) for step in _steps(request)):
        binder = Binder()
        node = repeated(Place(dialect, request, stored, binder), source, column)
        columns = (Column("item", SqlKind.OTHER), Column("rows", SqlKind.INTEGER))
        found.append(KeyCheck(source, column, Statement(node, used(node, binder), columns)))
    return found


def _steps(request: MeasureRequest) -> list[Step]:
    query = request.query
    read = [request.time, query.filter, *(key.expression for key in query.keys)]
    read += [each for state in query.states for each in (state.argument, state.filter)]
    read += [table.where for table in request.tables.values()]
    return [
        step
        for expression in read
        if expression is not None
        for node in walk(expression)
        if isinstance(node, Field)
        for step in node.steps
    ]
