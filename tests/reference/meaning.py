"""What a metric means: a function of (window, filter, group), evaluated from its tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kpi_engine.ir import tree

from . import keyed
from .context import Context
from .expressions import call_function, evaluate
from .measured import Measuring
from .model import Column, Entity, children, conjuncts, paths, word
from .problems import MeaninglessError
from .values import arithmetic, quotient
from .windows import WINDOWS, moved, up_to
from .world import AGGREGATES, PER, World

Group = Mapping[str, Any]


class Meaning:
    """Metrics over a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calendar = world.calendar
        self.measuring = Measuring(world)
        self._entities: dict[tuple[str, str, Any], Any] = {}
        self._known: set[tuple[int, ...]] = set()
        world.entity_value = self._of_entity

    # ------------------------------------------------------------------------------------------------------- metrics

    def value(self, node: tree.Expr, context: Context, group: Group) -> Any:
        """The value of a metric's expression for a group."""

        def inside(part: tree.Expr, within: Context = context) -> Any:
            return self.value(part, within, group)

        match node:
            case tree.Group(body=body, clauses=clauses) if clauses:
                return inside(body, context.filtered(_conditions(clauses)))
            case tree.Call(function=tree.Path(text=name)) if name in AGGREGATES:
                if keyed.is_keyed(node):
                    return keyed.value(self, node, context, group)
                return self.measuring.value(node, context, group)
            case tree.Call(function=tree.Path(text="nonempty"), arguments=(argument,)):
                return (
                    inside(argument.value)
                    if not context.empty and self.has_rows(argument.value, context, group)
                    else None
                )
            case tree.Call(function=tree.Path(text=name)) if name in WINDOWS or name == "total":
                return self._on_window(name, node, context, inside)
            case tree.Call():
                return call_function(node, self.calendar, inside)
            case tree.Path(text=name):
                return inside(self._metric(name))
        return evaluate(node, self.calendar, inside, on_rows=False)

    def leaves(self, node: tree.Expr, context: Context) -> Iterator[tuple[tree.Call, Context]]:
        """All aggregates of rows inside an expression, each with every context that it is evaluated in."""
        for call, within in self.outermost(node, context):
            if keyed.is_keyed(call):
                for part, inner in keyed.inside(self, call, within):
                    yield from self.leaves(part, inner)
            else:
                yield call, within

    def outermost(self, node: tree.Expr, context: Context) -> Iterator[tuple[tree.Call, Context]]:
        """The aggregates of an expression that are inside no other, each with every context."""
        match node:
            case tree.Group(body=body, clauses=clauses) if clauses:
                self.check_known(_conditions(clauses), (body,))
                yield from self.outermost(body, context.filtered(_conditions(clauses)))
            case tree.Call(function=tree.Path(text=name)) if name in AGGREGATES:
                yield node, context
            case tree.Call(function=tree.Path(text=name)) if name in WINDOWS or name == "total":
                inner, *rest = [argument.value for argument in node.arguments]
                for each in self._contexts(name, inner, rest, context):
                    yield from self.outermost(inner, each)
            case tree.Path(text=name):
                yield from self.outermost(self._metric(name), context)
            case _:
                words = () if not isinstance(node, tree.Call) else _words(node)
                for child in children(node):
                    if child not in words:
                        yield from self.outermost(child, context)

    def looked_at(self, node: tree.Expr, context: Context) -> Iterator[tuple[str, Context]]:
        """The sources whose rows an expression looks at, or has a list of, each with every context."""
        for call, within in self.outermost(node, context):
            if not keyed.is_keyed(call):
                yield self.measuring.measure(call).base, within
                continue
            everyone = keyed.read_keyed(self, call, within.grain)
            if everyone.everyone:
                yield everyone.keys[0].name, within
            for part, inner in keyed.inside(self, call, within):
                yield from self.looked_at(part, inner)

    def has_groups(self, node: tree.Expr, context: Context) -> bool:
        """Whether everything that an expression looks at has the dimensions that a `total` around it drops."""
        names = [name for name in context.every_dimension if not name.startswith(PER)]
        sources = {source for source, _ in self.looked_at(node, context)}
        return all(self.world.has_dimension(name, source) for source in sources for name in names)

    def check_known(self, conditions: tuple[tree.Expr, ...], filtered: tuple[tree.Expr, ...]) -> None:
        """Raise where a condition around expressions means nothing to any of their sources; a `total` drops it of those
        that lack it."""
        key = tuple(id(each) for each in (*conditions, *filtered))
        if key in self._known:
            return
        self._known.add(key)
        sources = {source for node in filtered for source, _ in self.looked_at(node, Context(None))}
        for each in conditions:
            known = [self.world.has_condition(each, source) for source in sources]
            if True not in known:
                raise MeaninglessError("a filter that no source knows")

    def check_coarse(self, node: tree.Expr, context: Context) -> None:
        """Raise where rows for long periods are added up over a part of one."""
        for call, leaf in self.leaves(node, context):
            self.measuring.bounds(self.measuring.measure(call), leaf)

    def check(self, node: tree.Expr, context: Context) -> None:
        """Raise where a name of an expression means nothing in its place."""
        for call, within in self.outermost(node, context):
            if not keyed.is_keyed(call):
                self.measuring.check(call, within)
                continue
            keyed.check(self, call, within)
            for part, inner in keyed.inside(self, call, within):
                self.check(part, inner)

    def has_rows(self, node: tree.Expr, context: Context, group: Group) -> bool:
        """Whether some aggregate of an expression has a row, or an id that it looks at, in its own window.

        Inside `per` those of the group at hand count, whatever a total there says.
        """
        for call, within in self.outermost(node, context):
            if not keyed.is_keyed(call):
                found = bool(self.measuring.entries(call, within, group))
            else:
                found = keyed.looks_at_all(self, call, within, group) or self._has_groups(call, within, group)
            if found:
                return True
        return False

    def _has_groups(self, call: tree.Call, context: Context, group: Group) -> bool:
        context, group = keyed.whole(context, group)
        for part, inner in keyed.inside(self, call, context):
            for each, within in self.outermost(part, inner):
                if keyed.is_keyed(each):
                    left = replace(within, filters=within.every_filter, dimensions=within.every_dimension)
                    if keyed.looks_at_all(self, each, left, group) or self._has_groups(each, left, group):
                        return True
                elif self.measuring.entries_of_group(each, within, group):
                    return True
        return False

    def bases(self, *nodes: tree.Expr) -> list[str]:
        """The base sources of all aggregates of some expressions."""
        found = [self.measuring.measure(call).base for node in nodes for call, _ in self.leaves(node, Context(None))]
        return list(dict.fromkeys(found))

    def asked(self, node: tree.Expr) -> list[str]:
        """All sources of a metric: those of its aggregates, and of the events that follow their rows."""
        found = self.bases(node)
        for call, _ in self.leaves(node, Context(None)):
            for link in self.measuring.measure(call).followed:
                thing = self.world.model.thing(link.target.text)
                if thing is not None:
                    found.append(thing.name)
        return list(dict.fromkeys(found))

    def _metric(self, name: str) -> tree.Expr:
        if name not in self.world.model.metrics:
            raise MeaninglessError(f"no metric named {name}")
        return self.world.model.metrics[name]

    def _of_entity(self, entity: Entity, column: Column, identity: Any) -> Any:
        """The value of an entity's column: a metric of the id, over all time."""
        key = (entity.name, column.name, identity)
        if key not in self._entities:
            assert column.computed is not None
            name = f"{PER}{entity.name}"
            end = min(self.world.watermarks[base] for base in self.bases(column.computed))
            context = Context(up_to(end), (), (name,), (), (name,))
            found = self.value(column.computed, context, {name: identity})
            self._entities[key] = self.world.as_declared(column, found)
        return self._entities[key]

    # ------------------------------------------------------------------------------------------------------- windows

    def _on_window(self, name: str, node: tree.Call, context: Context, inside: Callable[..., Any]) -> Any:
        body, *rest = [argument.value for argument in node.arguments]
        now, *moved = [inside(body, each) for each in self._contexts(name, body, rest, context)]
        match name:
            case "change":
                return arithmetic("-", now, moved[0])
            case "growth":
                return arithmetic("-", quotient(now, moved[0]), 1)
        return now

    def _contexts(self, name: str, body: tree.Expr, rest: list[tree.Expr], context: Context) -> list[Context]:
        """The contexts in which `name(body, rest)` evaluates its body."""
        match name:
            case "total":
                return [self._without(context, body, [word(each) for each in rest])]
            case "change" | "growth":
                return [context, self._moved(context, "previous", rest)]
        return [self._moved(context, name, rest)]

    def _moved(self, context: Context, name: str, rest: list[tree.Expr]) -> Context:
        before = context.before or name == "before"
        window = None if context.window is None else moved(self.calendar, context.window, name, rest)
        uncut = None if context.uncut is None else moved(self.calendar, context.uncut, name, rest)
        return replace(context, window=window, before=before, uncut=uncut)

    # --------------------------------------------------------------------------------------------------------- total

    def _without(self, context: Context, body: tree.Expr, names: list[str]) -> Context:
        """Inside a `total`: without these dimensions (none: without any group, also that of a surrounding `per`), and
        without the conditions on them alone."""
        bases = self.bases(body)
        own = {*names, *context.every_dimension}
        kept = [each for each in context.filters if not self._is_dropped(each, bases, names, own)]
        dimensions = tuple(each for each in context.dimensions if names and each not in names)
        return replace(context, filters=tuple(kept), dimensions=dimensions)

    def _is_dropped(self, condition: tree.Expr, bases: list[str], names: list[str], own: set[str]) -> bool:
        """`own` are columns in use as dimensions."""
        found = [self._named(condition, base, own) for base in bases]
        named = set().union(*(each for each, _ in found))
        alone = all(only for _, only in found)
        dropped = named & set(names) if names else named
        if dropped and (dropped != named or not alone):
            raise MeaninglessError("a condition mixes dropped dimensions and others")
        return bool(dropped)

    def _named(self, condition: tree.Expr, base: str, own: set[str]) -> tuple[set[str], bool]:
        """The dimensions that a condition names, by name or by column, and whether it names nothing else."""
        named: set[str] = set()
        only = True
        for path in paths(condition):
            found = {path.text} if path.text in own else self._dimensions_of(path, base)
            named |= found
            only = only and bool(found)
        return named, only

    def _dimensions_of(self, path: tree.Path, base: str) -> set[str]:
        world, links = self.world, self.world.links
        if path.text in world.model.dimensions:
            return {path.text}
        meant = links.steps(base, [part.text for part in path.parts[:-1]]), path.parts[-1].text
        found = set()
        for name, values in world.model.dimensions.items():
            for value in values:
                home = world.home(value)
                if not isinstance(value, tree.Path) or home is None:
                    continue
                chains = [[]] if home == base else links.chains(base, home)
                inner = links.steps(home, [part.text for part in value.parts[:-1]]) if home in world.tables else []
                if any((chain + inner, value.parts[-1].text) == meant for chain in chains):
                    found.add(name)
        return found


def _conditions(clauses: tuple[tree.Clause, ...]) -> tuple[tree.Expr, ...]:
    if not all(isinstance(clause, tree.Where) for clause in clauses):
        raise MeaninglessError("only `where` stands in brackets")
    return tuple(part for clause in clauses if isinstance(clause, tree.Where) for part in conjuncts(clause.condition))


def _words(node: tree.Call) -> tuple[tree.Expr, ...]:
    """The arguments of a function that are words, and no metrics."""
    return (node.arguments[1].value,) if node.function.text in ("bucket", "part") else ()
