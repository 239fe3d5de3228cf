"""Texts in conditions that no row holds, and what was probably meant."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import pyarrow as pa

from kpi_engine.inspect.reading import Batch
from kpi_engine.inspect.row_expressions import RowExpression, row_expressions
from kpi_engine.inspect.wording import counted, finding, listed, value, written
from kpi_engine.ir.catalog import Catalog
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, nearest
from kpi_engine.ir.expression import Apply, Constant, Expression, Field, walk
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import Kind
from kpi_engine.kernels.compare import is_in
from kpi_engine.kernels.inspection import true_positions
from kpi_engine.kernels.tallies import Tally, Tallying, tally_of

_COMPARISONS = ("equal", "not_equal", "in", "not_in")
_MOST_REMEMBERED = 50_000
_MOST_COMPARED = 2_000
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Literal:
    """A text of a condition, and where it is written."""

    text: str
    span: Span


class LiteralWatch:
    """Whether any row holds the texts that a value on rows is compared with."""

    def __init__(self, source: str, operand: Expression, before_filter: bool, literals: Sequence[Literal]) -> None:
        self.source = source
        self.operand = operand
        self.literals = tuple(literals)
        self._before_filter = before_filter
        self._missing = {literal.text for literal in literals}
        self._values = Tallying()
        self._rows = 0

    @property
    def expressions(self) -> Sequence[Expression]:
        """The value that is compared."""
        return [self.operand]

    def add(self, batch: Batch) -> None:
        """Look for the texts; remember what there is instead, as far as it can be listed."""
        rows = batch.read if self._before_filter else batch.rows
        self._rows += rows.length
        if rows.length == 0:
            return
        found = tally_of(rows.array(self.operand))
        wanted = sorted(self._missing)
        _, positions = true_positions(is_in(pa.array(wanted, pa.string()), found.values), len(wanted))
        self._missing -= {wanted[position] for position in positions}
        if self._values.distinct < _MOST_REMEMBERED:
            numbers = batch.read_numbers if self._before_filter else batch.numbers
            self._values.add(rows.array(self.operand), numbers)

    def findings(self) -> Iterator[Diagnostic]:
        """A finding for every place that speaks of a text that no row holds."""
        if not self._rows or not self._missing:
            return
        tally = self._values.tally()
        shown = written(self.operand)
        for literal in self.literals:
            if literal.text in self._missing:
                message = f"no row of {self.source} equals {value(literal.text)} in `{shown}`"
                yield finding("W664", message, literal.span, _help(literal.text, tally, shown))


def literal_watches(catalog: Catalog) -> Iterator[LiteralWatch]:
    """What to look at, a watch for each value that is compared with texts."""
    found: dict[tuple[str, Expression, bool], dict[Literal, None]] = {}
    for each in row_expressions(catalog):
        for node in walk(each.expression):
            if isinstance(node, Apply) and node.operation in _COMPARISONS:
                _gather(catalog, each, node, found)
    for (source, operand, before), literals in found.items():
        yield LiteralWatch(source, operand, before, tuple(literals))


def _gather(
    catalog: Catalog,
    on: RowExpression,
    node: Apply,
    found: dict[tuple[str, Expression, bool], dict[Literal, None]],
) -> None:
    """The texts of one comparison. A column of a row that is referred to is looked for in that source's own rows."""
    constants = [each for each in node.arguments if isinstance(each, Constant)]
    others = [each for each in node.arguments if not isinstance(each, Constant)]
    if len(others) != 1 or others[0].type.kind is not Kind.TEXT:
        return
    source, operand, before = on.source, others[0], on.before_filter
    if isinstance(operand, Field) and operand.steps:
        source, operand, before = operand.steps[-1].target, Field(operand.column, operand.type), False
        if source not in catalog.sources:
            return
    literals = found.setdefault((source, operand, before), {})
    for constant in constants:
        if isinstance(constant.value, str):
            literals[Literal(constant.value, constant.span)] = None


def _help(text: str, tally: Tally, shown: str) -> str:
    frequent = tally.most_frequent(_MOST_COMPARED)
    counts = dict(zip(frequent.values.to_pylist(), frequent.counts.tolist(), strict=True))
    meant = _nearest(text, list(counts))
    if meant is not None:
        return f"did you mean {value(meant)} ({counted(counts[meant], 'row')})?"
    if not counts:
        return f"`{shown}` is null in every row"
    return f"`{shown}` holds {listed(map(value, list(counts)[:_SHOWN]), max(0, len(tally) - _SHOWN))}"


def _nearest(text: str, values: Sequence[str]) -> str | None:
    """The value that differs in case, accents or white space only; else the one most like the text."""
    plain = {_plain(each): each for each in reversed(values)}
    if _plain(text) in plain:
        return plain[_plain(text)]
    likely = nearest(_plain(text), plain)
    return plain[likely[0]] if likely else None


def _plain(text: str) -> str:
    """A text without case, accents, and differences of white space."""
    parted = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(each for each in parted if not unicodedata.combining(each)).split())
