"""Conditions on rows that should hold for none of them: how many rows meet one, and which are the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field

import pyarrow as pa

from kpi_engine.execute import Rows
from kpi_engine.inspect.reading import Batch, Places
from kpi_engine.inspect.wording import finding, value
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.span import Span
from kpi_engine.kernels.inspection import true_positions

_SHOWN = 3


@dataclass(slots=True)
class Met:
    """Rows that meet a condition: how many of how many with a value, the numbers and values of the first."""

    count: int = 0
    present: int = 0
    numbers: list[int] = field(default_factory=list)
    values: list[object] = field(default_factory=list)


Say = Callable[[Met], tuple[str, str] | None]
"""Message and help for what was met; None if it is nothing to speak of."""


class ConditionWatch:
    """Counts the rows for which `test`, computed on rows, is true; `shown` is the value that examples show."""

    def __init__(
        self,
        code: str,
        place: Span,
        expressions: Sequence[Expression],
        test: Callable[[Rows], pa.Array],
        say: Say,
        shown: Expression | None = None,
        show: Callable[[object], str] = value,
    ) -> None:
        self.code = code
        self.place = place
        self.expressions = expressions
        self.met = Met()
        self._test = test
        self._say = say
        self._shown = shown
        self._show = show

    def add(self, batch: Batch) -> None:
        """Count in a batch."""
        rows = batch.rows
        if rows.length == 0:
            return
        count, positions = true_positions(self._test(rows), _SHOWN)
        values = None if self._shown is None else rows.array(self._shown)
        self.met.count += count
        self.met.present += rows.length - (0 if values is None else values.null_count)
        for position in positions[: _SHOWN - len(self.met.numbers)]:
            self.met.numbers.append(batch.numbers[position].as_py())
            self.met.values.append(None if values is None else _python(values, position))

    def findings(self, places: Places) -> Iterator[Diagnostic]:
        """The finding, if any row met the condition and that says something."""
        said = self._say(self.met) if self.met.count else None
        if said is None:
            return
        message, help = said
        notes = [
            places.place(number) + ("" if self._shown is None else f": {self._show(each)}")
            for number, each in zip(self.met.numbers, self.met.values, strict=True)
        ]
        yield finding(self.code, message, self.place, help, notes)


def _python(values: pa.Array, position: int) -> object:
    """One value; instants far from our years, which Python has no place for, as texts."""
    try:
        found: object = values[position].as_py()
    except (ValueError, OverflowError):
        found = str(values[position])
    return found
