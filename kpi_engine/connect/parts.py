"""Parts of nested columns, taken out of what a connector read; rows that do not say which one is meant are named."""

from __future__ import annotations

import pyarrow as pa

from kpi_engine.extend.rows import ColumnRequest, Fragment, data_error
from kpi_engine.ir.catalog import spelled
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.kernels.nested import NoSuchPart, RepeatedKey, follow


def part_of(column: ColumnRequest, stored: pa.Array, fragment: Fragment, first: int) -> pa.Array:
    """What the path of a request leads to, in a batch whose first row is row `first` of its fragment.

    KpiError E607 where this file's column has no such part, E642 for a key that several elements of a row have.
    """
    if not column.path:
        return stored
    name = column.physical or column.name
    try:
        return follow(stored, column.path)
    except NoSuchPart as error:
        message = f"there is no `{spelled(name, column.path)}`: `{name}` is {error.type} here"
        help = "all files of one table need the parts that are used"
        raise data_error("E607", fragment.name, message, help) from error
    except RepeatedKey as error:
        raise _repeated(name, error, fragment, first) from error


def _repeated(name: str, error: RepeatedKey, fragment: Fragment, first: int) -> KpiError:
    others = error.rows - 1
    more = f", as in {others} more row{'s' if others > 1 else ''}" if others else ""
    message = f"{error.matches} elements of `{name}` have the key `{error.key}`{more}: a lookup means one"
    help = f"correct the data, or make rows of the elements: `unnest(...{name})`"
    return data_error("E642", fragment.place(first + error.row), message, help)
