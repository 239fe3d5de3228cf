"""Looking at bound expressions: every node once, sources, sizes, how a value is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kpi_engine.ir.expression import (
    Apply,
    Constant,
    Expression,
    Field,
    KeyedAggregate,
    Measure,
    MetricReference,
    Restrict,
    Total,
    Window,
    children,
)
from kpi_engine.ir.span import Span
from kpi_engine.resolve.binder import Form
from kpi_engine.resolve.problems import problem
from kpi_engine.resolve.world import Size, World

MOST_REFERENCES = 200
"""How many metrics a metric may consist of, each counted as often as it stands there."""
_DEEPEST = 700
_LARGEST = 50_000

_SIGNS = frozenset({"negate", "add", "subtract", "abs", "round", "floor", "ceil"})
_CHOICES = frozenset({"least", "greatest", "coalesce", "nullif", "nonempty", "case", "if"})
_SAME_FORM = _SIGNS | _CHOICES
"""Operations whose result means the same as their operands: a percentage stays one."""


def nodes(*roots: Expression) -> list[Expression]:
    """Every node inside the roots once (shared parts are not repeated), parts before what holds them."""
    return _post_order(roots, parts)


def own_nodes(*roots: Expression) -> list[Expression]:
    """As `nodes`, but not what stands inside the metrics that are referred to: of these all is known already."""
    return _post_order(roots, lambda node: () if isinstance(node, MetricReference) else parts(node))


def _post_order(
    roots: tuple[Expression, ...], inside: Callable[[Expression], tuple[Expression, ...]]
) -> list[Expression]:
    found: list[Expression] = []
    seen: set[int] = set()
    waiting: list[tuple[Expression, bool]] = [(root, False) for root in reversed(roots)]
    while waiting:
        node, expanded = waiting.pop()
        if expanded:
            found.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((part, False) for part in reversed(inside(node)))
    return found


def parts(node: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside a node, conditions of events and filters included."""
    match node:
        case Measure(followed=followed) if followed:
            conditions = (link.condition for link in followed if link.condition is not None)
            return (*children(node), *conditions)
        case Restrict(conjuncts=conjuncts):
            return (*children(node), *(bound for conjunct in conjuncts for _, bound in conjunct.by_source))
    return children(node)


def base_sources(*roots: Expression) -> tuple[str, ...]:
    """The sources whose rows the measures inside go over, in order of appearance."""
    return tuple(dict.fromkeys(node.source for node in nodes(*roots) if isinstance(node, Measure)))


def domain_sources(*roots: Expression) -> tuple[str, ...]:
    """The sources whose rows are a full list of keys (`per all customers`): dimensions and filters go over them too."""
    keyed = (node for node in nodes(*roots) if isinstance(node, KeyedAggregate) and node.all)
    return tuple(dict.fromkeys(node.keys[0] for node in keyed))


def split_sources(root: Expression, names: frozenset[str]) -> tuple[str, ...]:
    """The sources that dimensions split or filter: all but those that stand only where a `total` drops every one."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or (isinstance(node, Total) and (not node.dimensions or names <= {*node.dimensions})):
            continue
        seen.add(id(node))
        match node:
            case Measure(source=source):
                found[source] = None
            case KeyedAggregate(all=True, keys=keys):
                found[keys[0]] = None
        waiting.extend(parts(node))
    return tuple(found)


def fields(root: Expression) -> Iterator[Field]:
    """The columns that a row expression reads."""
    return (node for node in nodes(root) if isinstance(node, Field))


def direct_uses(root: Expression) -> tuple[str, ...]:
    """Names of the metrics that a formula writes, without those inside them."""
    return tuple(dict.fromkeys(node.name for node in own_nodes(root) if isinstance(node, MetricReference)))


def size_of(world: World, root: Expression) -> Size:
    """How large a formula is with everything that it refers to written out."""
    known: dict[int, Size] = {}
    for node in own_nodes(root):
        if isinstance(node, MetricReference):
            body = world.sizes[node.name]
            known[id(node)] = Size(body.metrics + 1, body.nodes + 1, body.depth + 1)
            continue
        inside = [known[id(part)] for part in parts(node)]
        known[id(node)] = Size(
            sum(size.metrics for size in inside),
            1 + sum(size.nodes for size in inside),
            1 + max((size.depth for size in inside), default=0),
        )
    return known[id(root)]


def check_size(size: Size, name: str, span: Span) -> None:
    """E217 if a formula is too large to be worked on."""
    if size.metrics > MOST_REFERENCES:
        many = f"{size.metrics} metrics (at most {MOST_REFERENCES})"
        raise problem("E217", f"`{name}` consists of {many}", span, "split it, or refer to fewer metrics")
    if size.nodes > _LARGEST or size.depth > _DEEPEST:
        raise problem(
            "E217",
            f"`{name}` is too large with everything that it refers to written out",
            span,
            "`change` and `growth` hold their argument twice: nest fewer of them",
        )


class Forms:
    """Whether values are shown as percentages or points; each node is judged once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[int, tuple[Expression, Form]] = {}

    def of(self, value: Expression) -> Form:
        """The form of a value: a metric's own, kept by what does not change the meaning of a value."""
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = (value, self._judge(value))
        return known[1]

    def _judge(self, value: Expression) -> Form:
        match value:
            case MetricReference(name=name):
                form = self._world.metrics[name].display.form
                return form if form in ("percent", "points") else ""
            case Window(body=body) | Restrict(body=body) | Total(body=body):
                return self.of(body)
            case Apply(operation=operation, arguments=arguments) if operation in _SAME_FORM:
                found = {self.of(each) for each in arguments if not isinstance(each, Constant) and each.type.numeric}
                return found.pop() if len(found) == 1 else ""
        return ""
