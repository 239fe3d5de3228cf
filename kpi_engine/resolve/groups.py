"""Expressions over metrics: names of metrics, aggregates, windows, filters in brackets."""

from __future__ import annotations

from kpi_engine.extend.functions import Function
from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Note
from kpi_engine.ir.expression import Expression, MetricReference, Restrict
from kpi_engine.ir.span import NOWHERE
from kpi_engine.ir.types import Kind
from kpi_engine.resolve.aggregates import bind_measure
from kpi_engine.resolve.binder import Form
from kpi_engine.resolve.calls import bind_function, find_function
from kpi_engine.resolve.clauses import modifiers, sort_clauses, word_of
from kpi_engine.resolve.expressions import ExpressionBinder
from kpi_engine.resolve.forms import Forms, base_sources, domain_sources
from kpi_engine.resolve.problems import BindError, problem
from kpi_engine.resolve.units import spoken
from kpi_engine.resolve.world import World


class GroupBinder(ExpressionBinder):
    """Binds formulas of metrics. `grains` are those of a `per` that the formula stands directly under."""

    on_rows = False

    def __init__(self, world: World, grains: frozenset[str] = frozenset(), forms: Forms | None = None) -> None:
        super().__init__(world)
        self._grains = grains
        self._forms = forms or Forms(world)

    def path(self, node: tree.Path) -> Expression:
        """A metric by name."""
        name = node.text
        if len(node.parts) > 1:
            raise self._dotted(node)
        if self.world.has_metric(name):
            metric = self.world.metric(name, node.span)
            return MetricReference(name, metric.body, metric.type, node.span)
        raise self._no_metric(node)

    def call(self, node: tree.Call) -> Expression:
        """An aggregate, a window or a function of metrics."""
        function = find_function(self.world, node)
        match function.level:
            case "window":
                from kpi_engine.resolve.windows import bind_window

                return bind_window(GroupBinder(self.world, forms=self._forms), function, node)
            case "aggregate":
                return self._aggregate(function, node)
        if function.rows_only:
            help = "use it inside an aggregate"
            raise problem("E334", f"`{function.name}` works on rows, not on metrics", node.span, help)
        return bind_function(self, function, node)

    def group(self, node: tree.Group) -> Expression:
        """`(M where c)`: the condition is added to every aggregate in M."""
        conditions: list[tree.Where] = []
        for clause in node.clauses:
            if not isinstance(clause, tree.Where):
                raise problem(
                    "E334",
                    f"`{word_of(clause)}` does not belong in brackets",
                    clause.span,
                    "only `where` filters a metric in brackets; other clauses stand inside an aggregate",
                )
            conditions.append(clause)
        bound = self.bind(node.body)
        bases = tuple(dict.fromkeys((*base_sources(bound), *domain_sources(bound))))
        if not bases:
            raise problem("E354", "there is nothing to filter: no aggregate stands in these brackets", node.span)
        from kpi_engine.resolve.filters import bind_filter, check_totals, total_columns

        for condition in conditions:
            conjuncts = bind_filter(self.world, condition.condition, bases, total_columns(bound), [bound])
            check_totals(bound, conjuncts, "E351")
            bound = Restrict(bound, conjuncts, bound.type, node.span)
        return bound

    def form(self, value: Expression) -> Form:
        """Whether a value is shown as a percentage or in points."""
        return self._forms.of(value)

    def notes(self, value: Expression) -> list[Note]:
        """Where the metric is defined that a value is."""
        if not isinstance(value, MetricReference):
            return []
        metric = self.world.metrics[value.name]
        if metric.span is NOWHERE:
            return []
        shown = f", shown in {form}" if (form := self.form(value)) else ""
        return [Note(f"`{value.name}` is {spoken(metric.type)}{shown}", metric.span)]

    def _aggregate(self, function: Function, node: tree.Call) -> Expression:
        clauses, given = sort_clauses(node), modifiers(node)
        if clauses.keyed or "all" in given:
            from kpi_engine.resolve.keyed import bind_keyed

            return bind_keyed(
                self.world,
                function,
                node,
                clauses,
                given,
                lambda grains: GroupBinder(self.world, grains, self._forms),
            )
        if function.name in ("first", "last"):
            raise problem(
                "E346",
                f"`{function.name}` needs the grain whose {function.name} bucket it takes",
                node.span,
                f"write `{function.name}(m per day)`; the least and greatest values are `min` and `max`",
            )
        return bind_measure(self.world, function, node, self._grains)

    def _dotted(self, node: tree.Path) -> BindError:
        head = node.parts[0]
        try:
            thing = self.world.thing(head.text, head.span)
        except BindError as failure:
            return failure
        name = node.parts[-1].text
        if len(node.parts) > 2 or thing.kind == "entity":
            help = f"aggregate it, such as `count(distinct {node.text})`"
            return problem("E302", f"column `{node.text}` is used outside an aggregate", node.span, help)
        try:
            column = self.world.column(thing.name, name, node.parts[-1].span)
        except BindError as failure:
            return failure
        function = "sum" if column.type.numeric else "count"
        argument = f"distinct {node.text}" if column.type.kind is Kind.TEXT else node.text
        if column.type.kind is Kind.BOOLEAN:
            argument = f"{head.text} where {name}"
        return problem(
            "E302",
            f"column `{node.text}` is used outside an aggregate",
            node.span,
            f"did you mean `{function}({argument})`?",
        )

    def _no_metric(self, node: tree.Path) -> BindError:
        name, world = node.text, self.world
        if world.has_dimension(name):
            help = f"split by it with --by, or filter: `(m where {name} = ...)`"
            return problem("E309", f"`{name}` is a dimension, not a metric", node.span, help)
        thing = world.things.find(name)
        if thing is not None and thing.kind != "grain":
            written = f"count({name})" if thing.kind == "source" else f"count(distinct {name})"
            kind = "a source" if thing.kind == "source" else "an entity"
            return problem("E304", f"`{name}` is {kind}, not a metric", node.span, f"write `{written}`")
        owners = world.owners_of_column(name)
        if owners:
            help = f"did you mean `sum({owners[0]}.{name})`?"
            return problem("E302", f"column `{owners[0]}.{name}` is used outside an aggregate", node.span, help)
        return problem("E202", f"no metric named `{name}`", node.span, world.value_help(name))
