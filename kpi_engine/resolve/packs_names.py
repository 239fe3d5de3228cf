"""Trees with every name written as it is known after linking; places stay those of the author's words.

What a name means is told by its position, as everywhere: a thing after `count(`, `distinct`, `per`, `followed by` and
`->`, else a value. Bare names on rows are columns, which have no pack; in a filter around a metric, and in one of a
question, they are dimensions first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, TypeVar, cast

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.resolve.calls import parameter_at
from kpi_engine.resolve.packs_scopes import Scopes, Space
from kpi_engine.resolve.packs_units import PROJECT, Ident
from kpi_engine.resolve.problems import listed

D = TypeVar("D", bound=tree.AnyDeclaration)
_THINGS = ("counted_in",)
_VALUES = ("replaced_by", "watch", "by", "when")
_ROWS = ("where", "time")
_OF_SOURCES = ("count", "pairs", "latest", "unnest", "last")
"""Functions whose first argument is a source, or begins with one."""

Level = Literal["values", "rows", "filter"]
"""Where an expression stands: on results, on rows, or in a filter, where bare names are dimensions before columns."""


class Renamer:
    """Writes the names of one unit. `instead` gives other names for some metrics, by identity."""

    def __init__(
        self,
        scopes: Scopes,
        unit: str,
        functions: FunctionRegistry,
        problems: list[Diagnostic],
        instead: dict[Ident, str] | None = None,
    ) -> None:
        self._scopes = scopes
        self._unit = unit
        self._functions = functions
        self._aggregates = frozenset(functions.names("aggregate"))
        self._problems = problems
        self._instead = instead or {}

    # ------------------------------------------------------------------------------------------------------------ names

    def known(self, space: Space, name: tree.Name) -> tree.Name | None:
        """A bare word under the name known everywhere; None where nothing in sight answers to it."""
        found = self._scopes.find(self._unit, space, name.text)
        if not found:
            return None
        if len(found) > 1:
            packs = listed((f"{pack}.{word}" for pack, word in found), last="or")
            kind = "thing" if space == "thing" else "name"
            message = f"{len(found)} packs have a {kind} `{name.text}`"
            self._problems.append(Diagnostic("E792", message, name.span, f"write {packs}"))
        return self._spelled(space, found[0], name)

    def _spelled(self, space: Space, ident: Ident, name: tree.Name) -> tree.Name:
        if space == "value" and ident in self._instead:
            return replace(name, text=self._instead[ident])
        known = self._scopes.name(space, ident)
        if space == "thing" and known == ident[1]:
            return name  # perhaps its singular or its plural
        return name if known == name.text else replace(name, text=known)

    def _qualified(self, space: Space, path: tree.Path) -> tree.Name | None:
        """The second part of a dotted name whose first is a pack, as it is known everywhere."""
        head = path.parts[0].text
        pack = self._scopes.pack_of(self._unit, head)
        if pack is None or len(path.parts) < 2 or self._scopes.find(self._unit, "thing", head):
            return None
        word = path.parts[1]
        ident = self._scopes.find_in(pack, space, word.text)
        place = path.parts[0].span.to(word.span)
        return None if ident is None else self._spelled(space, ident, replace(word, span=place))

    def thing_name(self, name: tree.Name) -> tree.Name:
        """A word that means a thing."""
        return self.known("thing", name) or name

    def thing(self, path: tree.Path) -> tree.Path:
        """A dotted or bare name that begins with a thing."""
        qualified = self._qualified("thing", path)
        if qualified is not None:
            return replace(path, parts=(qualified, *path.parts[2:]))
        return replace(path, parts=(self.thing_name(path.parts[0]), *path.parts[1:]))

    def value(self, path: tree.Path) -> tree.Path:
        """A name where a value is meant: a metric, a dimension, a column of a thing, perhaps a grain."""
        if len(path.parts) == 1:
            found = self.known("value", path.parts[0]) or self.known("thing", path.parts[0])
            return path if found is None else replace(path, parts=(found,))
        if len(path.parts) == 2:
            qualified = self._qualified("value", path)
            if qualified is not None:
                return replace(path, parts=(qualified,))
        return self.thing(path)

    # ------------------------------------------------------------------------------------------------------ expressions

    def group(self, node: tree.Expr) -> tree.Expr:
        """An expression on results."""
        return self._expression(node, "values")

    def rows(self, node: tree.Expr) -> tree.Expr:
        """An expression on rows."""
        return self._expression(node, "rows")

    def filter(self, node: tree.Expr) -> tree.Expr:
        """A condition around metrics, or of a question."""
        return self._expression(node, "filter")

    def _expression(self, node: tree.Expr, level: Level) -> tree.Expr:
        def inside(each: tree.Expr) -> tree.Expr:
            return self._expression(each, level)

        match node:
            case tree.Path():
                return self.value(node) if level == "values" else self._on_rows(node, level)
            case tree.ListItems():
                return replace(node, items=tuple(map(inside, node.items)))
            case tree.Unary() | tree.IsNull():
                return replace(node, operand=inside(node.operand))
            case tree.Binary() | tree.Compare():
                return replace(node, left=inside(node.left), right=inside(node.right))
            case tree.Logical():
                return replace(node, operands=tuple(map(inside, node.operands)))
            case tree.In():
                items = replace(node.items, items=tuple(map(inside, node.items.items)))
                return replace(node, operand=inside(node.operand), items=items)
            case tree.Case():
                arms = tuple(
                    replace(arm, condition=inside(arm.condition), value=inside(arm.value)) for arm in node.arms
                )
                return replace(node, arms=arms, default=None if node.default is None else inside(node.default))
            case tree.Group():
                return replace(node, body=inside(node.body), clauses=self._clauses(node.clauses, "filter"))
            case tree.Call():
                return self._call(node, level)
        return node

    def _on_rows(self, path: tree.Path, level: Level) -> tree.Path:
        """A name on rows: a bare one is a column, `pack.dimension` a dimension, any other path begins with a thing."""
        if len(path.parts) == 1 and level == "filter" and self._is_dimension(path.text):
            return self.value(path)
        if len(path.parts) == 2 and self._qualified("thing", path) is None:
            qualified = self._qualified("value", path)
            if qualified is not None:
                return replace(path, parts=(qualified,))
        return self.thing(path) if len(path.parts) > 1 else path

    def _is_dimension(self, word: str) -> bool:
        found = self._scopes.find(self._unit, "value", word)
        return any(isinstance(self._scopes.units[unit].values[name], tree.Dimension) for unit, name in found)

    def _call(self, node: tree.Call, level: Level) -> tree.Call:
        aggregate = node.function.text in self._aggregates or node.function.text in _OF_SOURCES
        grouped = any(isinstance(c, tree.Per | tree.Having) for each in node.arguments for c in each.clauses)
        counts = node.function.text in _OF_SOURCES
        arguments = []
        for position, each in enumerate(node.arguments):
            keyed = node.function.text == "count" and grouped
            on_rows: Level = "rows" if keyed or (aggregate and not grouped) else level
            word = self._word(node, position)
            if word is not None:
                value: tree.Expr = word
            elif on_rows != "values" and counts and position == 0 and isinstance(each.value, tree.Path):
                value = self.thing(each.value)
            else:
                value = self._expression(each.value, on_rows)
            arguments.append(replace(each, value=value, clauses=self._clauses(each.clauses)))
        return replace(node, arguments=tuple(arguments))

    def _word(self, node: tree.Call, position: int) -> tree.Path | None:
        """An argument that is one of the words that its function takes: `weekday` in `part(time, weekday)`."""
        function, value = self._functions.get(node.function.text), node.arguments[position].value
        if function is None or not function.parameters or not isinstance(value, tree.Path):
            return None
        parameter = parameter_at(function, position)
        if value.text in parameter.words:
            return value
        return self.thing(value) if parameter.grains else None

    def _clauses(self, clauses: Iterable[tree.Clause], level: Level = "rows") -> tuple[tree.Clause, ...]:
        return tuple(self._clause(each, level) for each in clauses)

    def _clause(self, clause: tree.Clause, level: Level) -> tree.Clause:
        match clause:
            case tree.Where():
                return replace(clause, condition=self._expression(clause.condition, level))
            case tree.Having():
                return replace(clause, condition=self.group(clause.condition))
            case tree.Per() | tree.On():
                return replace(clause, keys=tuple(map(self.thing_name, clause.keys)))
            case tree.FollowedBy():
                condition = None if clause.condition is None else self.rows(clause.condition)
                on = tuple(map(self.thing_name, clause.on))
                return replace(clause, target=self.thing(clause.target), on=on, condition=condition)
        return clause

    # ----------------------------------------------------------------------------------------------------- declarations

    def properties(self, given: Iterable[tree.Property]) -> tuple[tree.Property, ...]:
        """Properties, with the names in those that hold any."""
        return tuple(replace(each, value=self._property(each)) for each in given)

    def _property(self, given: tree.Property) -> tree.Expr:
        key, value = given.key.text, given.value
        if key == "message" and isinstance(value, tree.Text):
            return self._message(value)
        if key in _THINGS and isinstance(value, tree.Path):
            return self.thing(value)
        if key in _VALUES:
            return self.group(value)
        return self.rows(value) if key in _ROWS else value

    def _message(self, text: tree.Text) -> tree.Text:
        """The text of an alert, whose placeholders are names of metrics and dimensions."""

        def placeholder(found: re.Match[str]) -> str:
            words = found[1].split(".")
            if found[1] == "period" or not all(words):
                return found[0]
            path = tree.Path(tuple(tree.Name(word, span=text.span) for word in words), span=text.span)
            return f"{{{self.value(path).text}}}"

        return replace(text, value=re.sub(r"\{([^{}]*)\}", placeholder, text.value))

    def columns(self, columns: Iterable[tree.Column]) -> tuple[tree.Column, ...]:
        """Columns, with the names in references and computations."""
        return tuple(self.column(each) for each in columns)

    def column(self, column: tree.Column) -> tree.Column:
        """One column."""
        target = None if column.target is None else self.thing(column.target)
        origin = column.origin
        if origin is not None and not isinstance(origin, tree.StoredAs):
            origin = self.rows(origin)
        return replace(column, target=target, origin=origin)

    def declaration(self, node: D, name: str | None = None) -> D:
        """A declaration, under another name if one is given. (`use`, `map` and `override` are not declared here.)"""
        changed: tree.AnyDeclaration = replace(node, properties=self.properties(node.properties))
        match changed:
            case tree.Metric():
                changed = replace(changed, value=self.group(changed.value))
            case tree.Source():
                value = None if changed.value is None else self._derived(changed.value)
                changed = replace(changed, value=value, columns=self.columns(changed.columns))
            case tree.Entity():
                columns = tuple(self._entity_column(each) for each in changed.columns)
                changed = replace(changed, columns=columns)
            case tree.Dimension():
                changed = replace(changed, values=tuple(map(self.rows, changed.values)))
            case tree.Goal():
                changed = replace(changed, aim=self._aim(changed.aim))
        if name is not None and not isinstance(changed, tree.Use | tree.Map | tree.Override | tree.CalendarDeclaration):
            changed = replace(changed, name=replace(changed.name, text=name))
        return cast(D, changed)

    def _entity_column(self, column: tree.Column) -> tree.Column:
        if column.origin is None or isinstance(column.origin, tree.StoredAs):
            return self.column(column)
        return replace(self.column(column), origin=self.group(column.origin))

    def _derived(self, value: tree.Expr) -> tree.Expr:
        """What a derived source is made of: the first bare name in `(base where ...)` is a source."""
        if isinstance(value, tree.Group) and isinstance(value.body, tree.Path):
            return replace(value, body=self.thing(value.body), clauses=self._clauses(value.clauses))
        return self.thing(value) if isinstance(value, tree.Path) else self.rows(value)

    def _aim(self, aim: tree.ChangeAim | tree.KeepAim) -> tree.ChangeAim | tree.KeepAim:
        if isinstance(aim, tree.KeepAim):
            return replace(aim, condition=self.group(aim.condition))
        return replace(aim, metric=self.group(aim.metric))


def project_renamer(scopes: Scopes, functions: FunctionRegistry, problems: list[Diagnostic]) -> Renamer:
    """What writes the names of the project, and of questions to it."""
    return Renamer(scopes, PROJECT, functions, problems)
