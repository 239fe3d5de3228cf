"""Expressions on the rows of one source: inside aggregates, computed columns, dimensions and filters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from kpi_engine.extend.functions import Function
from kpi_engine.ir import tree
from kpi_engine.ir.expression import Expression, Field
from kpi_engine.resolve.calls import bind_function, find_function
from kpi_engine.resolve.expressions import ExpressionBinder
from kpi_engine.resolve.problems import BindError, article, listed, problem
from kpi_engine.resolve.references import chains, path_field, reaches
from kpi_engine.resolve.world import World

Nested = Callable[[Function, tree.Call], Expression]
"""How an aggregate inside a row expression is bound, where that is allowed."""


class RowBinder(ExpressionBinder):
    """Binds on rows of `base`. `user` is what takes the expression, for messages: `sum`, `where`, a column's name.

    `repeated` is the text of the argument that a one-to-many step would repeat. With `has_time` the word `time` means
    the source's own time column.
    """

    on_rows = True

    def __init__(
        self,
        world: World,
        base: str,
        user: str,
        *,
        repeated: str = "",
        has_time: bool = False,
        nested: Nested | None = None,
    ) -> None:
        super().__init__(world)
        self.base = base
        self.user = user
        self._repeated = repeated
        self._has_time = has_time
        self._nested = nested

    def path(self, node: tree.Path) -> Expression:
        """A column of the base, or one reached by a dotted name."""
        if len(node.parts) == 1:
            return self.bare(node)
        self._check_direction(node)
        return path_field(self.world, self.base, node)

    def bare(self, node: tree.Path) -> Expression:
        """One word: a column of the base."""
        name = node.text
        if self._has_time and name == "time":
            return time_field(self.world, self.base, node)
        if self.world.has_column(self.base, name) or (
            self.base in self.world.unread and self.world.things.find(name) is None
        ):
            column = self.world.column(self.base, name, node.span)
            return Field(name, column.type, (), node.span)
        raise self._no_column(name, node)

    def _no_column(self, name: str, node: tree.Path) -> BindError:
        world = self.world
        if world.has_metric(name):
            help = f"columns of {self.base} stand here"
            if self.user == "where":
                help = f"{help}; to filter groups by a metric write `having`"
            return problem("E301", f"`{name}` is a metric; `{self.user}` takes columns", node.span, help)
        thing = world.things.find(name)
        if thing is not None and thing.kind != "grain":
            help = f"write one of its columns: `{name}.{_some_column(world, thing.name)}`"
            return problem("E304", f"`{name}` is {article(thing.kind)}, not a column", node.span, help)
        if world.has_dimension(name):
            help = _dimension_help(world, name, self.base, node)
            return problem("E309", f"`{name}` is a dimension, not a column of {self.base}", node.span, help)
        try:
            world.column(self.base, name, node.span)
        except BindError as failure:
            return failure
        return problem("E203", f"`{self.base}` has no column `{name}`", node.span)

    def call(self, node: tree.Call) -> Expression:
        """A row function; aggregates only where child rows may be aggregated."""
        function = find_function(self.world, node)
        if function.level == "row":
            return bind_function(self, function, node)
        if self._nested is not None and function.level == "aggregate":
            return self._nested(function, node)
        kind = "window" if function.level == "window" else "aggregate"
        help = "a value of single rows is meant; a column may aggregate a child source: `column n = count(order_lines)`"
        if kind == "window":
            help = "metrics are shifted, not rows: write it outside"
        elif self.world.functions.get(self.user) is not None:
            help = f"aggregate the groups of something: `{self.user}({function.name}(...) per customer)`"
        what = f"`{function.name}` is {article(kind)} and cannot stand on the rows that `{self.user}` takes"
        raise problem("E303", what, node.span, help)

    def group(self, node: tree.Group) -> Expression:
        """Brackets with clauses filter metrics, not rows."""
        raise problem(
            "E334",
            f"a filter in brackets belongs to a metric; `{self.user}` takes rows",
            node.clauses[0].span,
            "write the clause after the whole argument, or use `if(condition, value, null)`",
        )

    def _check_direction(self, node: tree.Path) -> None:
        """E310 if the first part is a source that refers to the base, and not the other way round."""
        head = node.parts[0]
        thing = self.world.things.find(head.text)
        references = self.world.references[self.base]
        if thing is None or thing.kind != "source" or thing.name == self.base or head.text in references:
            return
        if chains(self.world, self.base, head.text) or not reaches(self.world, thing.name, self.base):
            return
        column = self.world.column(thing.name, node.parts[-1].text, node.parts[-1].span)
        singular = self.world.sources[self.base].singular if self.base in self.world.sources else self.base
        what = f"this {self._repeated}" if self._repeated else f"`{self.user}` would repeat each {singular}"
        kind = str(column.type) if column.type.kind.value != "boolean" else "integer"
        function = "max" if column.type.numeric else "count"
        argument = f"{thing.name}.{column.name}" if function == "max" else thing.name
        name = f"max_{column.name}" if function == "max" else f"number_of_{thing.name}"
        kind = kind if function == "max" and kind != "count" else "integer"
        raise problem(
            "E310",
            f"one {singular} has many {thing.name}: {what}",
            node.span,
            f"add to source {self.base}: `column {name}: {kind} = {function}({argument})`",
        )


def time_field(world: World, base: str, node: tree.Path) -> Field:
    """The source's own time column, or E313."""
    source = world.sources.get(base)
    if source is None or source.time is None:
        raise problem("E313", f"`{base}` has no time", node.span, f"add `time: ...` to source {base}")
    column = world.column(base, source.time, node.span)
    return Field(column.name, column.type, (), node.span)


def _dimension_help(world: World, name: str, base: str, node: tree.Path) -> str:
    """The column that a dimension is on rows of a source, or the columns that the source has."""
    with suppress(BindError):
        for source, value in world.dimension(name, node.span).values:
            if isinstance(value, Field) and not value.steps and chains(world, base, source):
                return f"write the column: `{source}.{value.column}`"
    return f"write the column that it is made of; {base} has {listed(world.column_names(base))}"


def _some_column(world: World, owner: str) -> str:
    names = world.column_names(owner)
    return names[0] if names else "column"
