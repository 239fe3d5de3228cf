"""What expressions of both levels share: literals, operators, conditions and choices."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Note
from kpi_engine.ir.expression import Apply, Constant, Expression
from kpi_engine.ir.types import BOOLEAN, NULL
from kpi_engine.resolve import literals
from kpi_engine.resolve.binder import Form, bind_condition, refuse
from kpi_engine.resolve.problems import gather, problem
from kpi_engine.resolve.units import TypeMismatchError, common_type
from kpi_engine.resolve.world import World


class ExpressionBinder(ABC):
    """Binds everything but names, calls and brackets with clauses, which each level reads in its own way."""

    on_rows: bool

    def __init__(self, world: World) -> None:
        self.world = world

    def bind(self, node: tree.Expr) -> Expression:
        """The bound form of a tree; a failure with every problem in it."""
        match node:
            case tree.Path():
                return self.path(node)
            case tree.Call():
                return self.call(node)
            case tree.Group(clauses=()):
                return self.bind(node.body)
            case tree.Group():
                return self.group(node)
            case tree.Unary(operator="not"):
                operand = bind_condition(self, node.operand, "not")
                return Apply("not", (operand,), BOOLEAN, node.span)
            case tree.Unary() | tree.Binary():
                return self._arithmetic(node)
            case tree.Compare() | tree.In() | tree.IsNull():
                return self._comparison(node)
            case tree.Logical():
                return self._logical(node)
            case tree.Case():
                return self._case(node)
        return self._literal(node)

    @abstractmethod
    def path(self, node: tree.Path) -> Expression:
        """A name or a dotted name."""

    @abstractmethod
    def call(self, node: tree.Call) -> Expression:
        """A call."""

    @abstractmethod
    def group(self, node: tree.Group) -> Expression:
        """Brackets with clauses."""

    def form(self, value: Expression) -> Form:
        """Whether a value is shown as a percentage or in points."""
        return ""

    def notes(self, value: Expression) -> list[Note]:
        """Where the parts of a value are defined."""
        return []

    def _arithmetic(self, node: tree.Unary | tree.Binary) -> Expression:
        from kpi_engine.resolve.arithmetic import bind_chain, bind_sign

        return bind_sign(self, node) if isinstance(node, tree.Unary) else bind_chain(self, node)

    def _comparison(self, node: tree.Compare | tree.In | tree.IsNull) -> Expression:
        from kpi_engine.resolve.comparisons import bind_compare, bind_in, bind_is_null

        match node:
            case tree.Compare():
                return bind_compare(self, node)
            case tree.In():
                return bind_in(self, node)
        return bind_is_null(self, node)

    def _literal(self, node: tree.Expr) -> Expression:
        found = literals.constant(node)
        if found is not None:
            return found
        match node:
            case tree.DurationLiteral():
                return literals.duration_constant(node)
            case tree.Points():
                from kpi_engine.resolve.arithmetic import points_value

                return points_value(self, node, None)
            case tree.PeriodLiteral(text=text):
                raise problem(
                    "E335",
                    f"the period {text} is not a value",
                    node.span,
                    f"compare a date with it (`ordered_at >= {text}`); put spaces around a minus between numbers",
                )
        raise problem("E350", "a list stands only after `in`", node.span, 'write `x in ["a", "b"]`')

    def _logical(self, node: tree.Logical) -> Expression:
        operands = gather([partial(bind_condition, self, each, node.operator) for each in node.operands])
        return Apply(node.operator, tuple(operands), BOOLEAN, node.span)

    def _case(self, node: tree.Case) -> Expression:
        conditions = [partial(bind_condition, self, arm.condition, "when") for arm in node.arms]
        nodes: list[tree.Expr] = [arm.value for arm in node.arms]
        if node.default is not None:
            nodes.append(node.default)
        parts = gather([*conditions, *(partial(self.bind, each) for each in nodes)])
        tests, values = parts[: len(conditions)], parts[len(conditions) :]
        units = [value.type for value in values if value.type.numeric and not value.type.unit.is_none]
        if units:
            pairs = zip(values, nodes, strict=True)
            values = [literals.adapted(value, each, units[0]) for value, each in pairs]
        try:
            type = common_type([value.type for value in values])
        except TypeMismatchError as error:
            raise refuse(error, self, node, *values) from error
        if all(isinstance(value, Constant) and value.value is None for value in values):
            raise problem("E359", "every branch of this case is null", node.span, "write a value after `then`")
        default = values.pop() if node.default is not None else Constant(None, NULL, node.span)
        arguments = [part for pair in zip(tests, values, strict=True) for part in pair]
        typed = [
            replace(each, type=type) if isinstance(each, Constant) and each.type == NULL else each
            for each in (*arguments, default)
        ]
        return Apply("case", tuple(typed), type, node.span)
