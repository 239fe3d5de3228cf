"""Looking at trees before names are bound: which names and calls an expression holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kpi_engine.ir import tree


def walk_tree(nodes: Iterable[tree.Expr]) -> Iterator[tree.Expr]:
    """Every expression inside the given ones, themselves included, without recursion; clauses are looked into."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(_inside(node))


def names_in(nodes: Iterable[tree.Expr]) -> set[str]:
    """Bare names and the heads of dotted names."""
    return {node.parts[0].text for node in walk_tree(nodes) if isinstance(node, tree.Path)}


def dotted_in(nodes: Iterable[tree.Expr]) -> list[tree.Path]:
    """Dotted names, in the order written."""
    found = [node for node in walk_tree(nodes) if isinstance(node, tree.Path) and len(node.parts) > 1]
    return sorted(found, key=lambda path: path.span.start)


def calls_in(nodes: Iterable[tree.Expr]) -> list[tree.Call]:
    """Calls, in the order written."""
    found = [node for node in walk_tree(nodes) if isinstance(node, tree.Call)]
    return sorted(found, key=lambda call: call.span.start)


def _inside(node: tree.Expr) -> list[tree.Expr]:
    match node:
        case tree.ListItems(items=items):
            return list(items)
        case tree.Unary(operand=operand) | tree.IsNull(operand=operand):
            return [operand]
        case tree.Binary(left=left, right=right) | tree.Compare(left=left, right=right):
            return [left, right]
        case tree.Logical(operands=operands):
            return list(operands)
        case tree.In(operand=operand, items=items):
            return [operand, items]
        case tree.Case(arms=arms, default=default):
            parts = [part for arm in arms for part in (arm.condition, arm.value)]
            return [*parts, default] if default is not None else parts
        case tree.Call(arguments=arguments):
            parts = [argument.value for argument in arguments]
            return [*parts, *(each for argument in arguments for each in _in_clauses(argument.clauses))]
        case tree.Group(body=body, clauses=clauses):
            return [body, *_in_clauses(clauses)]
    return []


def _in_clauses(clauses: Iterable[tree.Clause]) -> Iterator[tree.Expr]:
    for clause in clauses:
        match clause:
            case tree.Where(condition=condition) | tree.Having(condition=condition):
                yield condition
            case tree.FollowedBy(condition=condition) if condition is not None:
                yield condition
