"""Measure queries taken whole: what a connector that can aggregate is asked, and the states it answers with.

A connector whose engine can group (a database) may have two more methods, `supports` and `partial_states`. Where it
supports the measure query of a source, no row of that source is fetched; where it does not, rows are asked for as
always, and the run's notes say why. Everything above, such as windows, ratios and units, is done by the core alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kpi_engine.extend.rows import ColumnRequest, TableRequest
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import CalendarSettings
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.plan import MeasureQuery, StateRequest

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A source as a connector sees it: its table, its stored columns by the name that expressions use.

    A column's declared type is `type`, or None where the table's own holds. `key` are the columns that make a row
    unique (empty: none declared). Rows for which `where` is not true do not belong to the source: they are neither
    counted nor found by a reference.
    """

    table: TableRequest
    columns: Mapping[str, ColumnRequest]
    key: tuple[str, ...] = ()
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class MeasureRequest:
    """A measure query with all that it takes to be answered elsewhere.

    Expressions hold `Field`s, `Constant`s and `Apply`s over stored columns only: computed columns are written out.
    A field without steps is `tables[query.source].columns[field.column]`; a field with steps is a column of the last
    step's `target`, reached from row to row: `step.column` of `step.source` equals `step.target_column` of
    `step.target`, which is unique there (else the request must fail or be refused; no row may be repeated), and
    everything along the way is null where there is no such row. All tables lie in one connection.

    `time` places a row (None: every row is in bucket 0). With edges e0 < e1 < ... a row at t is in bucket 0 if
    t < e0, in bucket i if e(i-1) <= t < e(i); a timestamp compares with `Bound.us` (microseconds since 1970 in UTC), a
    date with `Bound.day` (days since 1970). Left out are rows without a time, at or after the last edge, and in
    bucket 0 if `query.complete_from` is set (no window looks at it). Local times without a zone are in
    `tables[...].table.timezone`. A row counts if `query.filter` is true for it (unknown is not true), in a state if
    that state's `filter` is true as well. `watermark` is where rows begin to be late: see `PartialStates`.
    """

    query: MeasureQuery
    tables: Mapping[str, SourceTable]
    time: Expression | None = None
    calendar: CalendarSettings = field(default_factory=CalendarSettings)
    watermark: Bound | None = None


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a request can be answered. If so, `text` is what will be sent (SQL, for `kpi explain`); if not, `reason`
    says why in a few words that follow "because": `percentile is not on the list of postgres`.

    >>> bool(Support.yes("SELECT ...")), bool(Support.no("the column `tags` is an array"))
    (True, False)
    """

    supported: bool
    reason: str = ""
    text: str = ""

    @classmethod
    def yes(cls, text: str = "") -> Support:
        """It can be answered, by this text."""
        return cls(True, text=text)

    @classmethod
    def no(cls, reason: str) -> Support:
        """It cannot be answered, for this reason."""
        return cls(False, reason)

    def __bool__(self) -> bool:
        return self.supported


@dataclass(frozen=True, slots=True)
class PartialStates:
    """The answer to a request: one Arrow table for all states that are not sets, then one for each set, in order.

    `tables` have the columns that `state_columns` names. `untimed_rows`: rows of the source that have no time;
    `late_rows`: rows at or after the request's watermark (both 0 where the connector does not count them, which it
    should). `nan_values`: by column of the source how many values are NaN or infinite, and were taken for null.
    `notes` are sentences for the reader of a run.
    """

    tables: Sequence[pa.Table]
    untimed_rows: int = 0
    late_rows: int = 0
    notes: Sequence[str] = ()
    nan_values: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Aggregating(Protocol):
    """What a connector has on top of `Connector` if it answers measure queries."""

    def supports(self, request: MeasureRequest) -> Support:
        """Whether `partial_states` would answer exactly what the core makes of the rows. Fetches no rows."""

    def partial_states(self, request: MeasureRequest) -> PartialStates:
        """The states of a supported request. KpiError E6xx where the data or the database is in the way."""


def state_columns(key_count: int, states: Sequence[StateRequest]) -> tuple[tuple[str, ...], ...]:
    """The columns of each table of an answer: first the states that are not sets, then each set.

    Every table has the keys `key0`, `key1`, ... (the values of the query's keys; null is a group like any other) and
    `bucket` (int64). State number i of the query has

        rows_i      int64: rows that pass the filters
        values_i    int64: those of them whose argument is not null (as `rows_i` where there is no argument)
        sum_i       `sum`, `moments`: the sum as int64, decimal or float64; null or 0 where there are no values
        squares_i   `moments`: the sum of squares, likewise
        extreme_i   `minimum`, `maximum`: the value; null where there are none
        item        `distinct`, `values`, `hll`, `kll`: one value of the set, null included; `rows_i` and `values_i`
                    count the rows that hold it

    so that rows are unique by keys, bucket and item. The table of plain states is there even if it has no state:
    its keys and buckets are those with any row that passes `query.filter`. Sums of integers and decimals are exact, so
    that windows, which add them up, are. A float64 is taken for the `sum` of floats, too, and then answers can differ
    from those of rows by a few units in the last place: a connector that cannot live with that refuses such requests.
    `moments` are differences of great numbers and never taken as floats.

    >>> plain, ids = state_columns(1, [StateRequest("sum"), StateRequest("distinct")])
    >>> plain
    ('key0', 'bucket', 'rows_0', 'values_0', 'sum_0')
    >>> ids
    ('key0', 'bucket', 'item', 'rows_1', 'values_1')
    """
    keys = (*(f"key{number}" for number in range(key_count)), "bucket")
    plain: list[str] = []
    sets = []
    for number, state in enumerate(states):
        counts = (f"rows_{number}", f"values_{number}")
        if state.is_set:
            sets.append((*keys, "item", *counts))
        else:
            plain += (*counts, *(f"{name}_{number}" for name in _KEPT.get(state.kind, ())))
    return ((*keys, *plain), *sets)


_KEPT: Mapping[str, tuple[str, ...]] = {
    "sum": ("sum",),
    "moments": ("sum", "squares"),
    "minimum": ("extreme",),
    "maximum": ("extreme",),
}
"""What plain states keep beside the counts."""
