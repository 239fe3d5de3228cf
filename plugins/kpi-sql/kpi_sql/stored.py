"""What a database says of its tables, in the few kinds of values that both sides know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import pyarrow as pa


class SqlKind(Enum):
    """What a column holds. `LOCAL` is a time without a zone, `INSTANT` one with; `OTHER` nobody here can read."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    FLOAT = "float"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    LOCAL = "local"
    INSTANT = "instant"
    OTHER = "other"


EXACT = (SqlKind.INTEGER, SqlKind.DECIMAL)


@dataclass(frozen=True, slots=True)
class StoredType:
    """A kind, and for decimals the digits in all and after the point (None: as many as a value has)."""

    kind: SqlKind
    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column as introspected. `physical` is the database's own name of its type.

    `bytewise`: texts are equal just if their bytes are; else the column's own collation says otherwise.
    """

    name: str
    type: StoredType
    physical: str
    bytewise: bool = True


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table or view, its columns in order."""

    schema: str
    name: str
    columns: Mapping[str, StoredColumn]


def arrow_type(type: StoredType) -> pa.DataType | None:
    """The Arrow type in which a column's rows travel; None for what is not read, and decimals of no fixed scale.

    >>> str(arrow_type(StoredType(SqlKind.DECIMAL, 12, 2)))
    'decimal128(12, 2)'
    """
    if type.kind is SqlKind.DECIMAL:
        if type.precision is None or type.scale is None:
            return None
        return pa.decimal128(type.precision, type.scale) if type.precision <= 38 else pa.decimal256(76, type.scale)
    return {
        SqlKind.INTEGER: pa.int64(),
        SqlKind.FLOAT: pa.float64(),
        SqlKind.TEXT: pa.string(),
        SqlKind.BOOLEAN: pa.bool_(),
        SqlKind.DATE: pa.date32(),
        SqlKind.LOCAL: pa.timestamp("us"),
        SqlKind.INSTANT: pa.timestamp("us", "UTC"),
    }.get(type.kind)
