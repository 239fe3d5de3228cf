"""A connector that aggregates in plain Python: loops, dicts, Fraction and Decimal; nothing of the engine's kernels."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from kpi_engine.extend.arrow_tables import table_schema
from kpi_engine.extend.measures import MeasureRequest, PartialStates, Support, state_columns
from kpi_engine.extend.rows import ScanRequest, TableRequest
from kpi_engine.extend.scans import OpenedScan, stream_scan
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import TableSchema
from kpi_engine.ir.expression import Apply, Constant, Expression, Field
from kpi_engine.ir.plan import StateRequest

Row = Mapping[str, Any]
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)


class RowsConnector:
    """Arrow tables by name; every scan is counted."""

    def __init__(self, data: Mapping[str, pa.Table]) -> None:
        self.data = data
        self.scanned: list[str] = []

    def tables(self) -> Sequence[str]:
        return tuple(self.data)

    def schema(self, table: TableRequest) -> TableSchema:
        return table_schema(self.data[table.names[0]].schema)

    def scan(self, request: ScanRequest) -> OpenedScan:
        name = request.table.names[0]
        self.scanned.append(name)
        data = self.data[name]
        return stream_scan(request, data.schema, lambda: data.to_batches(max_chunksize=3))


class CountingConnector(RowsConnector):
    """The same, and able to aggregate. `refused` are state kinds that it does not support."""

    def __init__(self, data: Mapping[str, pa.Table], refused: Iterable[str] = ()) -> None:
        super().__init__(data)
        self.refused = tuple(refused)
        self.answered: list[str] = []

    def supports(self, request: MeasureRequest) -> Support:
        for state in request.query.states:
            if state.kind in self.refused:
                return Support.no(f"{state.kind} is not on its list")
        return Support.yes(f"COUNT {request.query.source}")

    def partial_states(self, request: MeasureRequest) -> PartialStates:
        self.answered.append(request.query.source)
        return Counting(self.data, request).answer()


class Counting:
    """One request on its way."""

    def __init__(self, data: Mapping[str, pa.Table], request: MeasureRequest) -> None:
        self.data = {name: data[table.table.names[0]].to_pylist() for name, table in request.tables.items()}
        self.request = request
        self.query = request.query

    def answer(self) -> PartialStates:
        source, query = self.query.source, self.query
        groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        untimed = late = 0
        for row in self.data[source]:
            if not self.belongs(row, source):
                continue
            place = None if self.request.time is None else self.value(self.request.time, row)
            if self.request.time is not None and place is None:
                untimed += 1
                continue
            if place is not None and self.request.watermark is not None:
                late += not before(place, self.request.watermark)
            bucket = 0 if place is None else sum(not before(place, edge) for edge in query.edges)
            outside = place is not None and (bucket == len(query.edges) or (bucket == 0 and query.complete_from))
            if outside or (query.filter is not None and self.value(query.filter, row) is not True):
                continue
            groups[(*(self.value(key.expression, row) for key in query.keys), bucket)].append(row)
        plain = [number for number, state in enumerate(query.states) if not state.is_set]
        columns = state_columns(len(query.keys), query.states)
        records = [{**_keys(key), **self.plain(plain, rows)} for key, rows in groups.items()]
        tables = [table_of(columns[0], records)]
        sets = [number for number, state in enumerate(query.states) if state.is_set]
        for names, number in zip(columns[1:], sets, strict=True):
            found = [each for key, rows in groups.items() for each in self.items(number, key, rows)]
            tables.append(table_of(names, found))
        return PartialStates(tables, untimed, late)

    def belongs(self, row: Row, source: str) -> bool:
        where = self.request.tables[source].where
        return where is None or self.value(where, row, source) is True

    def passing(self, state: StateRequest, rows: Sequence[Row]) -> list[Row]:
        return [row for row in rows if state.filter is None or self.value(state.filter, row) is True]

    def plain(self, numbers: Sequence[int], rows: Sequence[Row]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for number in numbers:
            state = self.query.states[number]
            kept = self.passing(state, rows)
            values = [1] * len(kept) if state.argument is None else [self.value(state.argument, row) for row in kept]
            values = [value for value in values if value is not None]
            found |= {f"rows_{number}": len(kept), f"values_{number}": len(values)}
            if state.kind in ("sum", "moments"):
                found[f"sum_{number}"] = total(values)
            if state.kind == "moments":
                found[f"squares_{number}"] = total([value * value for value in values])
            if state.kind in ("minimum", "maximum"):
                pick = min if state.kind == "minimum" else max
                found[f"extreme_{number}"] = pick(values) if values else None
        return found

    def items(self, number: int, key: tuple[Any, ...], rows: Sequence[Row]) -> list[dict[str, Any]]:
        state = self.query.states[number]
        counts: dict[Any, int] = defaultdict(int)
        for row in self.passing(state, rows):
            assert state.argument is not None
            counts[self.value(state.argument, row)] += 1
        return [
            {**_keys(key), "item": item, f"rows_{number}": n, f"values_{number}": 0 if item is None else n}
            for item, n in counts.items()
        ]

    def value(self, expression: Expression, row: Row | None, source: str | None = None) -> Any:
        if isinstance(expression, Constant):
            return expression.value
        if isinstance(expression, Field):
            return self.field(expression, row, source or self.query.source)
        assert isinstance(expression, Apply)
        values = [self.value(each, row, source) for each in expression.arguments]
        return _apply(expression.operation, values)

    def field(self, field: Field, row: Row | None, source: str) -> Any:
        for step in field.steps:
            if row is None:
                return None
            wanted = row[self.stored(step.source, step.column)]
            key = self.stored(step.target, step.target_column)
            found = [each for each in self.data[step.target] if each[key] == wanted and self.belongs(each, step.target)]
            assert len(found) <= 1, "a reference to several rows"
            row = found[0] if found and wanted is not None else None
            source = step.target
        return None if row is None else row[self.stored(source, field.column)]

    def stored(self, source: str, column: str) -> str:
        return self.request.tables[source].columns[column].physical


def before(value: Any, edge: Bound) -> bool:
    if isinstance(value, datetime.datetime):
        assert value.tzinfo is not None
        return (value - _EPOCH) // _MICROSECOND < edge.us
    return (value - datetime.date(1970, 1, 1)).days < edge.day


def total(values: Sequence[Any]) -> Any:
    """Exact: Decimals and ints add exactly here, floats by fractions and one rounding."""
    if any(isinstance(value, float) for value in values):
        return float(sum(map(Fraction, values)))
    return sum(values) if values else None


def _apply(operation: str, values: Sequence[Any]) -> Any:
    match operation:
        case "and":
            return False if False in values else None if None in values else True
        case "or":
            return True if True in values else None if None in values else False
        case "not":
            return None if values[0] is None else not values[0]
        case "is_null" | "is_not_null":
            return (values[0] is None) == (operation == "is_null")
        case "case":
            *arms, default = values
            return next((arms[i + 1] for i in range(0, len(arms), 2) if arms[i] is True), default)
        case "coalesce":
            return next((value for value in values if value is not None), None)
        case "in":
            return None if values[0] is None else values[0] in values[1:]
    if None in values:
        return None
    left, right = values
    operations = {
        "add": lambda: left + right,
        "subtract": lambda: left - right,
        "multiply": lambda: left * right,
        "equal": lambda: left == right,
        "not_equal": lambda: left != right,
        "less": lambda: left < right,
        "less_equal": lambda: left <= right,
        "greater": lambda: left > right,
        "greater_equal": lambda: left >= right,
    }
    return operations[operation]()


def _keys(key: tuple[Any, ...]) -> dict[str, Any]:
    *keys, bucket = key
    return {**{f"key{number}": value for number, value in enumerate(keys)}, "bucket": bucket}


def table_of(names: Sequence[str], records: Sequence[Mapping[str, Any]]) -> pa.Table:
    arrays = {}
    for name in names:
        values = [record[name] for record in records]
        counts = name == "bucket" or name.startswith(("rows_", "values_"))
        if any(isinstance(value, Decimal) for value in values):
            values = [Decimal(value) if value is not None else None for value in values]
        arrays[name] = pa.array(values, pa.int64() if counts else None)
    return pa.table(arrays)
