"""A tree as indented text: what `kpi explain --at tree` prints, and by which two trees are compared."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal

from kpi_engine.ir import tree


def show_tree(node: tree.Node) -> str:
    """The text of a tree: a line for each node, its parts indented below it; equal for equal trees only.

    >>> from kpi_engine.ir.span import SourceText
    >>> from kpi_engine.parse.parser import parse_expression
    >>> print(show_tree(parse_expression(SourceText("", "a.b / 2"))))
    Binary /
      left: Path a.b
      right: Number 2
    """
    lines: list[str] = []
    waiting: list[tuple[int, str, tree.Node]] = [(0, "", node)]
    while waiting:
        depth, label, current = waiting.pop()
        head, children = _parts(current)
        lines.append("  " * depth + label + head)
        waiting.extend((depth + 1, name, child) for name, child in reversed(children))
    return "\n".join(lines)


def _parts(node: tree.Node) -> tuple[str, list[tuple[str, tree.Node]]]:
    """The first line of a node, and its children with the names of their fields."""
    words = [type(node).__name__]
    children: list[tuple[str, tree.Node]] = []
    if isinstance(node, tree.Path):
        return f"Path {_name(node)}", children
    for name in _compared(node):
        value = getattr(node, name)
        if isinstance(value, tree.Name) or (isinstance(value, tree.Path) and name in _NAMING):
            words.append(_named(name, _name(value)))
        elif isinstance(value, tree.Node):
            children.append((f"{name}: ", value))
        elif isinstance(value, tuple) and value and isinstance(value[0], tree.Name):
            words.append(_named(name, ", ".join(_name(part) for part in value)))
        elif isinstance(value, tuple) and value and isinstance(value[0], tree.Node):
            children.extend((f"{name}: ", part) for part in value)
        elif value not in (None, (), False):
            words.append(_named(name, value if name == "operator" else _scalar(value)))
    if isinstance(node, tree.Boolean) and not node.value:
        words.append("false")
    return " ".join(words), children


def _compared(node: tree.Node) -> list[str]:
    """The fields that make up a node's meaning, those of its own class first."""
    names = [item.name for item in fields(node) if item.compare]
    return sorted(names, key=lambda name: name == "properties")


_PLAIN = frozenset(
    ["name", "parts", "value", "text", "operator", "function", "amount", "unit", "point", "kind", "keys", "key"]
)


_NAMING = frozenset(["function", "target", "pack", "logical", "column"])
"""The fields in which a path names something; elsewhere it is an expression."""


def _named(field: str, text: str) -> str:
    return text if field in _PLAIN else f"{field}={text}"


def _name(name: tree.Name | tree.Path) -> str:
    if isinstance(name, tree.Path):
        return ".".join(_name(part) for part in name.parts)
    return name.text if name.text.isidentifier() else f"`{name.text}`"


def _scalar(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_scalar(part) for part in value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "true"
    return value if isinstance(value, str) and value.isidentifier() else json.dumps(str(value), ensure_ascii=False)
