"""The whole of `resolve`: every declaration entered, bound in an order that suits, and gathered in a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import CalendarSettings, Catalog, Entity, Grain, TableSchema
from kpi_engine.ir.diagnostic import Diagnostic, Note, Severity
from kpi_engine.ir.span import Span
from kpi_engine.kernels.calendar import Calendar, UnknownZone
from kpi_engine.resolve.grains import declare_grains
from kpi_engine.resolve.metrics import bind_dimension, bind_metric
from kpi_engine.resolve.names import Thing, default_plural
from kpi_engine.resolve.problems import Attempts, BindError, Label, problem
from kpi_engine.resolve.properties import Given, read_properties
from kpi_engine.resolve.property_tables import CALENDAR, ENTITY, MONTHS
from kpi_engine.resolve.source_checks import counting_property, ordered_columns
from kpi_engine.resolve.sources import SourceDraft, declare_sources, finish_sources, unverified_names
from kpi_engine.resolve.syntax import dotted_in, names_in
from kpi_engine.resolve.world import World

D = TypeVar("D", bound=tree.Declaration)


def resolve(
    files: Sequence[tree.File],
    schemas: Mapping[str, TableSchema | None],
    functions: FunctionRegistry,
    *,
    defaults: CalendarSettings | None = None,
) -> tuple[Catalog, tuple[Diagnostic, ...]]:
    """Bind all declarations: the catalogue of those that are right, and everything wrong with the others.

    `schemas` has what is known of each source's table; a source without an entry is out of reach, so that its
    undeclared columns are taken on trust and listed in a warning. A broken declaration is left out, with what uses it.

    >>> catalog, diagnostics = resolve([], {}, FunctionRegistry())
    >>> catalog.calendar.timezone, diagnostics
    ('UTC', ())
    """
    settings, calendar_problems = _calendar(files, defaults or CalendarSettings())
    world = World(functions, settings)
    world.deferred.diagnostics.extend(calendar_problems)
    grains = declare_grains(world, files, schemas)
    entities = _declare_entities(world, files)
    drafts = declare_sources(world, files, schemas)
    _finish_entities(world, entities)
    _defer_values(world, files)
    world.deferred.bind_all(_in_order(world, _column_nodes(drafts, entities)))
    finish_sources(world, drafts)
    _bind_values(world, files)
    goals, alerts = _rules(world, _all(files, tree.Goal), _all(files, tree.Alert))
    return _catalog(world, drafts, grains, goals, alerts), _diagnostics(world, files)


def _all(files: Sequence[tree.File], kind: type[D]) -> list[D]:
    return [each for file in files for each in file.declarations if isinstance(each, kind)]


# ----------------------------------------------------------------------------------------------------------- calendar


def _calendar(files: Sequence[tree.File], defaults: CalendarSettings) -> tuple[CalendarSettings, list[Diagnostic]]:
    found = _all(files, tree.CalendarDeclaration)
    attempts = Attempts()
    settings = defaults
    for position, declaration in enumerate(found):
        if position:
            notes = [Note("the first one stands here", found[0].span)]
            attempts.fail(
                problem("E206", "the calendar is declared twice", declaration.span, "keep one of them", notes)
            )
            continue
        given = read_properties("the calendar", declaration.properties, CALENDAR, attempts)
        settings = _settings(given, defaults, attempts)
    try:
        attempts.check()
    except BindError as failure:
        return settings, list(failure.diagnostics)
    return settings, []


def _settings(given: Given, defaults: CalendarSettings, attempts: Attempts) -> CalendarSettings:
    zone = given.get("timezone", defaults.timezone)
    try:
        Calendar(zone)
    except UnknownZone as error:
        help = f"did you mean `{error.suggestions[0]}`?" if error.suggestions else "write for example Europe/Berlin"
        place = given.place("timezone").value.span
        attempts.fail(problem("E212", f"no time zone named `{zone}`", place, help))
        zone = defaults.timezone
    month = given.get("fiscal_year_starts")
    currency = given.get("currency", defaults.currency)
    if currency is not None and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        place = given.place("currency").value.span
        attempts.fail(problem("E212", f"`{currency}` is not a currency", place, "write three capital letters: CNY"))
        currency = defaults.currency
    return CalendarSettings(
        timezone=zone,
        week_starts=given.get("week_starts", defaults.week_starts),
        fiscal_year_starts=MONTHS.index(month) + 1 if month is not None else defaults.fiscal_year_starts,
        fiscal_year_named=given.get("fiscal_year_named", defaults.fiscal_year_named),
        currency=currency,
    )


# ----------------------------------------------------------------------------------------------------------- entities


def _declare_entities(world: World, files: Sequence[tree.File]) -> list[tuple[tree.Entity, Given, Attempts]]:
    found: list[tuple[tree.Entity, Given, Attempts]] = []
    for declaration in _all(files, tree.Entity):
        attempts = Attempts()
        name, place = declaration.name.text, declaration.name.span
        given = read_properties("an entity", declaration.properties, ENTITY, attempts)
        plural = given.get("plural") or default_plural(name)
        taken = world.things.add(Thing("entity", name, place), plural, place)
        if taken and world.things.find(name) != Thing("entity", name, place):
            world.deferred.diagnostics.extend(taken[0].diagnostics)
            continue
        for failure in taken:
            attempts.fail(failure)
        world.entities[name] = Entity(
            name, plural, description=given.get("description", ""), owner=given.get("owner", ""), span=place
        )
        world.columns[name] = {}
        world.references[name] = {}
        found.append((declaration, given, attempts))
    return found


def _finish_entities(world: World, entities: Sequence[tuple[tree.Entity, Given, Attempts]]) -> None:
    """Find the sources that entities are counted in, and defer their columns."""
    for declaration, given, attempts in entities:
        name = declaration.name.text
        if "counted_in" in given:
            thing = Thing("entity", name)
            counted = attempts.run(partial(counting_property, world, thing, given.get("counted_in")))
            world.entities[name] = replace(world.entities[name], counted_in=counted)
        for column in declaration.columns:
            from kpi_engine.resolve.computed import bind_entity_column

            label = ("column", f"{name}.{column.name.text}")
            world.deferred.add(label, column.name.span, partial(bind_entity_column, world, name, column))
        try:
            attempts.check()
        except BindError as failure:
            world.deferred.fail(("entity", name), failure, declaration.name.span)


# ------------------------------------------------------------------------------------------------- metrics, dimensions


def _defer_values(world: World, files: Sequence[tree.File]) -> None:
    """Register metrics and dimensions, which share one namespace."""
    places: dict[str, tuple[str, Span]] = {}
    for file in files:
        for each in file.declarations:
            if not isinstance(each, tree.Metric | tree.Dimension):
                continue
            kind = "metric" if isinstance(each, tree.Metric) else "dimension"
            name, place = each.name.text, each.name.span
            if name in places:
                first_kind, first = places[name]
                same = "defined twice" if kind == first_kind else f"a {first_kind} already"
                notes = [Note("the first one stands here", first)]
                failure = problem("E206", f"`{name}` is {same}", place, "give one of them another name", notes)
                world.deferred.diagnostics.extend(failure.diagnostics)
                continue
            places[name] = (kind, place)
            bind: Callable[[], None]
            if isinstance(each, tree.Metric):
                bind = partial(bind_metric, world, each)
            else:
                bind = partial(bind_dimension, world, each)
            world.deferred.add((kind, name), place, bind)


def _bind_values(world: World, files: Sequence[tree.File]) -> None:
    nodes: dict[Label, list[tree.Expr]] = {}
    for dimension in _all(files, tree.Dimension):
        nodes.setdefault(("dimension", dimension.name.text), list(dimension.values))
    for metric in _all(files, tree.Metric):
        nodes.setdefault(("metric", metric.name.text), [metric.value])
    world.deferred.bind_all(_in_order(world, nodes))


def _column_nodes(
    drafts: Sequence[SourceDraft], entities: Sequence[tuple[tree.Entity, Given, Attempts]]
) -> dict[Label, list[tree.Expr]]:
    """The formulas of computed columns of sources, then of entities."""
    declarations: list[tree.Source | tree.Entity] = [draft.declaration for draft in drafts]
    declarations.extend(declaration for declaration, _, _ in entities)
    return {
        ("column", f"{each.name.text}.{column.name.text}"): [column.origin]
        for each in declarations
        for column in each.columns
        if column.origin is not None and not isinstance(column.origin, tree.StoredAs)
    }


def _in_order(world: World, nodes: Mapping[Label, list[tree.Expr]]) -> list[Label]:
    """The declarations so that those whose names a formula writes come before it, as far as there are no circles.

    Binding asks for what it needs in any case; the order keeps long chains of definitions from nesting deeply.
    """
    by_word: dict[str, list[Label]] = {}
    for kind, name in nodes:
        by_word.setdefault(name.rpartition(".")[2], []).append((kind, name))
    order: dict[Label, None] = {}
    for start in nodes:
        waiting: list[tuple[Label, bool]] = [(start, False)]
        opened: set[Label] = set()
        while waiting:
            label, done = waiting.pop()
            if done:
                order.setdefault(label)
                continue
            if label in order or label in opened:
                continue
            opened.add(label)
            waiting.append((label, True))
            for word in sorted(_words(nodes[label]), reverse=True):
                waiting.extend((other, False) for other in by_word.get(word, []) if other not in opened)
    return [
        *order,
        *(label for label in world.deferred.labels() if label[0] == "column" and label not in order),
    ]


def _words(nodes: Sequence[tree.Expr]) -> set[str]:
    return names_in(nodes) | {path.parts[-1].text for path in dotted_in(nodes)}


def _rules(
    world: World, goals: Sequence[tree.Goal], alerts: Sequence[tree.Alert]
) -> tuple[dict[str, tree.Goal], dict[str, tree.Alert]]:
    """The goals and the alerts that are right."""
    if not goals and not alerts:
        return {}, {}
    from kpi_engine.resolve.rules import check_alert, check_goal

    return (
        _checked(world, "goal", goals, lambda each: each.name, check_goal),
        _checked(world, "alert", alerts, lambda each: each.name, check_alert),
    )


def _checked(
    world: World,
    kind: str,
    declarations: Sequence[D],
    name_of: Callable[[D], tree.Name],
    check: Callable[[World, D], None],
) -> dict[str, D]:
    """The goals or alerts that are right."""
    found: dict[str, D] = {}
    for each in declarations:
        name = name_of(each)
        try:
            if name.text in found:
                raise problem("E206", f"{kind} `{name.text}` is defined twice", name.span, "give one another name")
            check(world, each)
            found[name.text] = each
        except BindError as failure:
            world.deferred.fail((kind, name.text), failure, name.span)
    return found


# ------------------------------------------------------------------------------------------------------------- result


def _catalog(
    world: World,
    drafts: Sequence[SourceDraft],
    grains: Mapping[str, Grain],
    goals: Mapping[str, tree.Goal],
    alerts: Mapping[str, tree.Alert],
) -> Catalog:
    sources = {}
    for draft in drafts:
        if world.deferred.is_broken(("source", draft.name)):
            continue
        declared = tuple(column.name.text for column in draft.declaration.columns)
        columns = ordered_columns(world, draft.name, declared)
        columns.update(
            (name, column) for name, column in world.unverified.get(draft.name, {}).items() if name not in columns
        )
        kept = {
            name: replace(column, reference=None)
            if column.reference is not None and _target_is_broken(world, column.reference.target)
            else column
            for name, column in columns.items()
        }
        sources[draft.name] = replace(world.sources[draft.name], columns=kept)
    entities = {
        name: replace(entity, columns=world.columns[name])
        for name, entity in world.entities.items()
        if not world.deferred.is_broken(("entity", name))
    }
    return Catalog(
        calendar=world.settings,
        sources=sources,
        entities=entities,
        dimensions=world.dimensions,
        metrics=world.metrics,
        goals=goals,
        alerts=alerts,
        grains=grains,
    )


def _target_is_broken(world: World, target: str) -> bool:
    return world.deferred.is_broken(("source", target)) or world.deferred.is_broken(("entity", target))


def _diagnostics(world: World, files: Sequence[tree.File]) -> tuple[Diagnostic, ...]:
    """All that was found, in the order of the files and places; notes about what was left out come last."""
    found = [*world.deferred.diagnostics]
    for source, names in unverified_names(world):
        found.append(
            Diagnostic(
                "W201",
                f"the table of `{source}` is out of reach: {names} could not be verified",
                world.sources[source].span,
                "declare these columns with their types, or give access to the table",
            )
        )
    order = {id(file.source): position for position, file in enumerate(files)}
    severities = [Severity.ERROR, Severity.WARNING, Severity.NOTE]

    def key(diagnostic: Diagnostic) -> tuple[int, int, int]:
        place = diagnostic.span
        return severities.index(diagnostic.severity), order.get(id(place.source), len(order)), place.start

    return tuple(sorted(dict.fromkeys([*found, *world.deferred.follow_ups()]), key=key))
