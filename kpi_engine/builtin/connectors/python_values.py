"""Columns of Python values (of JSON, of spreadsheets) as Arrow arrays: the kinds of all values decide."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterable, Sequence, Set
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kpi_engine.builtin.connectors.arrow_types import common_type
from kpi_engine.builtin.connectors.nested_types import common_nested
from kpi_engine.builtin.connectors.schemas import MIXED
from kpi_engine.extend.arrow_tables import is_list
from kpi_engine.ir.types import Kind, Type

_OF_SEVERAL_TYPES = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError)
"""What Arrow raises for values that do not go into one type."""

_LARGEST = 2**63
_EMPTY = type(None)


class Digits(float):
    """A number with the digits that it was written with.

    >>> Digits("12.50"), Digits("12.50").written
    (12.5, '12.50')
    """

    __slots__ = ("written",)
    written: str

    def __new__(cls, text: str) -> Digits:
        made = super().__new__(cls, text)
        made.written = text
        return made


_FLOATS = frozenset({float, Digits})
_MOMENTS = frozenset({datetime.date, datetime.datetime})
_NUMBERS = frozenset({int, Decimal}) | _FLOATS
_PLAIN: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    str: pa.string(),
    datetime.date: pa.date32(),
    datetime.datetime: pa.timestamp("us"),
    datetime.timedelta: pa.duration("us"),
}
_SPOKEN: dict[type, str] = {
    bool: "conditions",
    str: "texts",
    int: "numbers",
    float: "numbers",
    Digits: "numbers",
    Decimal: "numbers",
    datetime.date: "dates",
    datetime.datetime: "timestamps",
    datetime.time: "times of day",
    datetime.timedelta: "durations",
    dict: "objects",
    list: "lists",
}


def field_of(name: str, values: Sequence[Any]) -> pa.Field:
    """The field that holds all values of a column; a text, marked as mixed, where no one type does.

    >>> field_of("n", [1, None, 2.5]).type, field_of("s", [1, "x"]).metadata
    (DataType(double), {b'mixed': b'numbers and texts'})
    >>> field_of("o", [{"n": 1}, {"n": "x"}]).type
    StructType(struct<n: string>)
    """
    kinds = set(map(type, values)) - {_EMPTY}
    found = _type_of(kinds, values)
    if found is not None:
        return pa.field(name, found)
    spoken = sorted({_SPOKEN.get(kind, kind.__name__) for kind in kinds})
    names = " and ".join(spoken) if len(spoken) > 1 else f"{spoken[0]} of several types"
    return pa.field(name, pa.string(), metadata={MIXED: names.encode()})


def unified_field(one: pa.Field, other: pa.Field) -> pa.Field:
    """The field that holds the values of both."""
    for each in (one, other):
        if each.metadata is not None:
            return each
    together = common_type(one.type, other.type)
    if together is None and pa.types.is_nested(one.type) and pa.types.is_nested(other.type):
        together = common_nested(one.type, other.type, _common_inside)
    if together is not None:
        return pa.field(one.name, together)
    return pa.field(one.name, pa.string(), metadata={MIXED: f"{one.type} and {other.type}".encode()})


def unified_types(schemas: Iterable[pa.Schema]) -> dict[str, pa.DataType]:
    """The types that the columns of several files have together."""
    fields: dict[str, pa.Field] = {}
    for one in schemas:
        for field in one:
            fields[field.name] = unified_field(fields[field.name], field) if field.name in fields else field
    return {name: field.type for name, field in fields.items()}


def _common_inside(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type of values of both inside lists and objects: text where no other one is common to them."""
    found = common_type(one, other)
    if found is None and pa.types.is_nested(one) and pa.types.is_nested(other):
        found = common_nested(one, other, _common_inside)
    return pa.string() if found is None else found


def _type_of(kinds: Set[type], values: Sequence[Any]) -> pa.DataType | None:
    if not kinds:
        return pa.null()
    if kinds <= _NUMBERS:
        if _FLOATS & kinds:
            return pa.float64()
        return pa.int64() if fits_int64(values) else pa.decimal128(38, 0)
    if kinds == _MOMENTS:
        return _PLAIN[datetime.datetime]
    if len(kinds) == 1:
        (kind,) = kinds
        if kind in _PLAIN:
            return _PLAIN[kind]
        if kind in (dict, list):
            return _nested_type(values)
    return None


def _nested_type(values: Sequence[Any]) -> pa.DataType:
    """The type of lists or of objects; what is of several types inside them is text there."""
    try:
        return pa.array(values).type  # infer_type alone takes the first of several types for all of them
    except _OF_SEVERAL_TYPES:
        return _type_inside(values)


def _type_inside(values: Sequence[Any]) -> pa.DataType:
    kinds = set(map(type, values)) - {_EMPTY}
    held = [value for value in values if value is not None]
    if kinds == {list}:
        return pa.list_(_type_inside([each for value in held for each in value]))
    if kinds == {dict}:
        keys = dict.fromkeys(key for value in held for key in value)
        return pa.struct([(key, _type_inside([value.get(key) for value in held])) for key in keys])
    return _type_of(kinds, values) or pa.string()


def _nested_array(values: Sequence[Any], nested: pa.DataType) -> pa.Array:
    try:
        return pa.array(values, nested)
    except _OF_SEVERAL_TYPES:
        return pa.array([_as_typed(value, nested) for value in values], nested)


def _as_typed(value: Any, wanted: pa.DataType) -> Any:
    """A value with texts where the type has texts."""
    if value is None:
        return None
    if is_list(wanted):
        return [_as_typed(each, wanted.value_type) for each in value]
    if pa.types.is_struct(wanted):
        return {field.name: _as_typed(value.get(field.name), field.type) for field in wanted}
    return _text(value, whole=False) if pa.types.is_string(wanted) else value


def fits_int64(values: Sequence[Any]) -> bool:
    """Whether all whole numbers among the values are int64's."""
    numbers = [value for value in values if value is not None]
    return not numbers or (min(numbers) >= -_LARGEST and max(numbers) < _LARGEST)


def column_array(values: Sequence[Any], wanted: Type | None, table: pa.DataType | None = None) -> pa.Array:
    """The values as they are; as texts, with all digits, where they are of several kinds or decimals are wanted.

    `table` is the type that the column has over all rows and files; lists and objects are of that type, and so are
    whole numbers among others where no type is wanted. Raises UnicodeEncodeError for texts that no text file can hold.

    >>> from kpi_engine.ir.types import DECIMAL, INTEGER
    >>> column_array([Digits("0.10"), 7], DECIMAL).to_pylist(), column_array([1, "x"], INTEGER).to_pylist()
    (['0.10', '7'], ['1', 'x'])
    """
    kinds = set(map(type, values)) - {_EMPTY}
    if not kinds:
        return pa.nulls(len(values))
    if table is not None and pa.types.is_nested(table) and kinds <= {dict, list}:
        return _nested_array(values, table)
    if kinds == _MOMENTS or (kinds == {datetime.date} and wanted is not None and wanted.kind is Kind.TIMESTAMP):
        return pa.array([_midnight(value) for value in values], _PLAIN[datetime.datetime])
    if wanted is None or wanted.kind not in (Kind.DECIMAL, Kind.TEXT) or not kinds <= _FLOATS | {int}:
        if kinds == {int} and not _is_float(wanted, table) and fits_int64(values):
            return pa.array(values, pa.int64())
        if kinds <= _FLOATS or (kinds <= _FLOATS | {int} and _is_float(wanted, table)):
            return pa.array([None if value is None else _as_float(value) for value in values], pa.float64())
        if len(kinds) == 1 and (kind := next(iter(kinds))) in _PLAIN:
            return pa.array(values, _PLAIN[kind])
    whole = wanted is not None and wanted.kind is Kind.TEXT
    return pa.array([None if value is None else _text(value, whole=whole) for value in values], pa.string())


def _is_float(wanted: Type | None, table: pa.DataType | None) -> bool:
    """Whether numbers of a column are to be floating-point ones, whole ones too."""
    if wanted is not None:
        return wanted.kind is Kind.FLOAT
    return table is not None and pa.types.is_floating(table)


def _as_float(value: float) -> float:
    """A number as the nearest floating-point one; infinite if it is beyond all of them."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_not_finite(value: object) -> bool:
    """Whether a value is NaN or infinite; digits that are only too many for a float are a number.

    >>> is_not_finite(float("nan")), is_not_finite(Digits("1e999"))
    (True, False)
    """
    return type(value) is float and not math.isfinite(value)


def _midnight(value: datetime.date | None) -> datetime.datetime | None:
    """A date as the first instant of its day; a timestamp stays what it is."""
    if value is None or isinstance(value, datetime.datetime):
        return value
    return datetime.datetime.combine(value, datetime.time())


def _text(value: Any, *, whole: bool) -> str | None:
    """A value as it was written; with `whole`, whole numbers without `.0`. None for what is no number."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case float() if is_not_finite(value):
            return None
        case float() if whole and value.is_integer():
            return str(int(value))
        case Digits():
            return value.written
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
    return str(value)
