"""Filters around metrics: each condition of a top-level `and` bound on the rows of every base source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import nearest
from kpi_engine.ir.expression import Conjunct, Expression, Field, Total
from kpi_engine.resolve.binder import bind_condition
from kpi_engine.resolve.dimensions import dimension_on
from kpi_engine.resolve.forms import fields, nodes, split_sources
from kpi_engine.resolve.problems import BindError, gather, listed, problem
from kpi_engine.resolve.references import chains, link_help, path_field
from kpi_engine.resolve.rows import RowBinder
from kpi_engine.resolve.world import World


class _FilterBinder(RowBinder):
    """Binds a condition on one base source, where a bare name is a dimension before it is a column.

    `named` collects the dimensions that it names, `columns` the fields that it reads otherwise.
    """

    def __init__(self, world: World, base: str, all_bases: Sequence[str]) -> None:
        super().__init__(world, base, "where", repeated="filter would repeat its rows")
        self._all_bases = all_bases
        self.named: dict[str, None] = {}
        self.columns: list[Field] = []

    def path(self, node: tree.Path) -> Expression:
        if len(node.parts) == 1:
            return self.bare(node)
        self._check_direction(node)
        head = node.parts[0]
        thing = self.world.things.find(head.text)
        if thing is not None and thing.kind != "grain" and thing.name != self.base:
            own = head.text in self.world.references[self.base]
            if not own and not chains(self.world, self.base, head.text):
                raise problem(
                    "E354",
                    f"the filter on `{node.text}` cannot be applied to {self.base}, which has no way to {thing.name}",
                    node.span,
                    link_help(self.world, self.base, thing),
                )
        field = path_field(self.world, self.base, node)
        self.columns.append(field)
        return field

    def bare(self, node: tree.Path) -> Expression:
        name = node.text
        if self.world.has_dimension(name):
            dimension = self.world.dimension(name, node.span)
            value = dimension_on(self.world, dimension, self.base, node.span)
            if value is None:
                raise self._out_of_reach(node)
            self.named[name] = None
            return value
        if self.world.has_column(self.base, name) or self.base in self.world.unread:
            bound = super().bare(node)
            if isinstance(bound, Field):
                self.columns.append(bound)
            return bound
        raise self._unknown(node)

    def _out_of_reach(self, node: tree.Path) -> BindError:
        name = node.text
        help = f"give `dimension {name}` a value for {self.base}, or filter only the metrics that have it"
        if self.world.has_column(self.base, name):
            help = f"to filter by its own column write `{self.base}.{name}`"
        message = f"the filter on `{name}` cannot be applied to {self.base}: it has no such dimension"
        return problem("E354", message, node.span, help)

    def _unknown(self, node: tree.Path) -> BindError:
        name, world = node.text, self.world
        if world.has_metric(name):
            return problem(
                "E301",
                f"`{name}` is a metric; `where` takes columns and dimensions",
                node.span,
                "to keep groups by a metric write `count(customers having ...)`",
            )
        having = [base for base in self._all_bases if world.has_column(base, name)]
        if having:
            return problem(
                "E354",
                f"the filter on `{name}` cannot be applied to {self.base}, which has no such column",
                node.span,
                f"write `{having[0]}.{name}` if {self.base} refers to it, or declare `dimension {name}`",
            )
        bases = listed(self._all_bases, "or")
        message = f"`{name}` is no dimension, and no column of {bases}"
        return problem("E203", message, node.span, _column_help(world, name))


def _column_help(world: World, name: str) -> str:
    """Where a name that a filter does not know, or one like it, is known."""
    dimension = nearest(name, world.dimension_names())
    if dimension:
        return f"did you mean `{dimension[0]}`?"
    columns = {column: source for source in reversed(list(world.sources)) for column in world.column_names(source)}
    close = [name] if name in columns else nearest(name, columns)
    return f"did you mean `{columns[close[0]]}.{close[0]}`?" if close else ""


def bind_filter(
    world: World,
    node: tree.Expr,
    bases: Sequence[str],
    column_dimensions: Iterable[str] = (),
    around: Sequence[Expression] = (),
) -> tuple[Conjunct, ...]:
    """The conditions of a filter on all base sources. `column_dimensions` are columns in use as dimensions.

    `around` are the expressions that it filters: of a source that stands in them only where a `total` drops the
    condition, nothing is asked.
    """
    used = frozenset(column_dimensions)
    return tuple(gather([partial(_conjunct, world, part, bases, used, around) for part in _operands(node)]))


def _operands(node: tree.Expr) -> list[tree.Expr]:
    """The operands of top-level `and`s, brackets opened."""
    match node:
        case tree.Group(body=body, clauses=()):
            inner = _operands(body)
            return inner if len(inner) > 1 else [node]
        case tree.Logical(operator="and", operands=operands):
            return [part for each in operands for part in _operands(each)]
    return [node]


def _conjunct(
    world: World, node: tree.Expr, bases: Sequence[str], used: frozenset[str], around: Sequence[Expression]
) -> Conjunct:
    found: dict[str, tuple[Expression, frozenset[str], bool]] = {}
    refused: dict[str, BindError] = {}
    for base in bases:
        try:
            found[base] = _on_source(world, node, base, bases, used)
        except BindError as failure:
            refused[base] = failure
    dimensions = frozenset[str]().union(*(named for _, named, _ in found.values()))
    only = all(whole for _, _, whole in found.values())
    if refused and not (found and dimensions and only and _is_dropped(refused, dimensions, around)):
        gather([partial(_on_source, world, node, base, bases, used) for base in bases])
    by_source = tuple((base, condition) for base, (condition, _, _) in found.items())
    return Conjunct(by_source, dimensions, only, node.span)


def _is_dropped(refused: Mapping[str, BindError], dimensions: frozenset[str], around: Sequence[Expression]) -> bool:
    """Whether the sources that lack a condition are looked at only where a `total` drops it."""
    needed = {source for each in around for source in split_sources(each, dimensions)}
    out_of_reach = all(each.code == "E354" for failure in refused.values() for each in failure.diagnostics)
    return out_of_reach and needed.isdisjoint(refused)


def _on_source(
    world: World, node: tree.Expr, base: str, bases: Sequence[str], used: frozenset[str]
) -> tuple[Expression, frozenset[str], bool]:
    """The condition on one source, the dimensions it names, and whether it names nothing else."""
    binder = _FilterBinder(world, base, bases)
    condition = bind_condition(binder, node, "where")
    named = set(binder.named)
    only = True
    for field in binder.columns:
        found = _dimensions_of(world, field, base, used)
        named |= found
        only &= bool(found)
    return condition, frozenset(named), only


def _dimensions_of(world: World, field: Field, base: str, used: frozenset[str]) -> set[str]:
    """The dimensions that a column is, or else those that are made of it."""
    if not field.steps and field.column in used:
        return {field.column}
    whole, part = set(), set()
    for name in world.dimension_names():
        try:
            value = dimension_on(world, world.dimension(name, field.span), base, field.span)
        except BindError:
            continue
        if value == field:
            whole.add(name)
        elif value is not None and field in list(fields(value)):
            part.add(name)
    return whole or part


def check_totals(body: Expression, conjuncts: Sequence[Conjunct], code: str, name: str = "") -> None:
    """A failure for a condition around a `total` that names a dropped dimension together with something else."""
    totals = [node for node in nodes(body) if isinstance(node, Total)]
    for total in totals:
        for conjunct in conjuncts:
            dropped = conjunct.dimensions & set(total.dimensions) if total.dimensions else conjunct.dimensions
            rest = conjunct.dimensions - dropped
            if dropped and (rest or not conjunct.only_dimensions):
                others = f"{listed(sorted(rest))}" if rest else "something else"
                whose = f" in `{name}`" if name else ""
                raise problem(
                    code,
                    f"the condition names {listed(sorted(dropped))}, which a `total`{whose} drops, and {others}",
                    conjunct.span,
                    "join separate conditions by `and`, so that each can be kept or dropped",
                )


def total_columns(body: Expression) -> set[str]:
    """Names that totals inside a metric drop."""
    return {name for node in nodes(body) if isinstance(node, Total) for name in node.dimensions}
