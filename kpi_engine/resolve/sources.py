"""Sources: from declarations and table schemas to columns, references and properties with every name checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import OptionValue, Source, TableSchema, TableSpec
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Note
from kpi_engine.ir.types import NULL
from kpi_engine.resolve.columns import is_computed, stored_columns
from kpi_engine.resolve.links import check_reference_types, read_reference
from kpi_engine.resolve.names import Thing, default_singular
from kpi_engine.resolve.problems import Attempts, BindError, listed, problem
from kpi_engine.resolve.properties import Given, read_properties
from kpi_engine.resolve.property_tables import OPTIONS, SOURCE
from kpi_engine.resolve.source_checks import check_source
from kpi_engine.resolve.world import World


@dataclass(frozen=True, slots=True)
class SourceDraft:
    """A source while its columns are found: the declaration, its properties, the problems so far."""

    declaration: tree.Source
    given: Given
    attempts: Attempts

    @property
    def name(self) -> str:
        """The source's name."""
        return self.declaration.name.text


def table_specs(files: Sequence[tree.File]) -> dict[str, TableSpec]:
    """The table of each source that is not derived; without `table:` it has the source's name.

    What is wrong with a property is reported by `resolve`, not here.
    """
    found: dict[str, TableSpec] = {}
    for declaration in _declarations(files):
        given = read_properties("a source", declaration.properties, SOURCE, Attempts())
        name = declaration.name.text
        if declaration.value is None and name not in found:
            found[name] = TableSpec(
                name,
                given.get("table", (name,)),
                given.get("connection", "default"),
                _options(given),
                given.get("timezone"),
                _on_error(given),
                declaration.name.span,
            )
    return found


def declare_sources(
    world: World, files: Sequence[tree.File], schemas: Mapping[str, TableSchema | None]
) -> list[SourceDraft]:
    """Enter every source with its properties, stored columns and references; computed columns are deferred."""
    drafts = [draft for each in _declarations(files) if (draft := _enter(world, each)) is not None]
    plain = [draft for draft in drafts if draft.declaration.value is None]
    for draft in plain:
        _read_columns(world, draft, schemas.get(draft.name))
    derived = [draft for draft in drafts if draft.declaration.value is not None]
    names = {draft.name for draft in derived}
    for draft in plain:
        _link(world, draft, lambda target: target not in names)
        _defer_columns(world, draft)
    waiting = derived
    while waiting:
        ready = [draft for draft in waiting if _base_is_known(world, draft, waiting)] or waiting
        for draft in ready:
            from kpi_engine.resolve.derived import derive

            draft.attempts.run(partial(derive, world, draft.declaration, draft.given))
            if world.sources[draft.name].derived is None:
                world.damaged.add(draft.name)
            _link(world, draft, lambda target: target not in names)
            _defer_columns(world, draft)
        waiting = [draft for draft in waiting if draft not in ready]
    # A derived source has its key only now, and its base may refer to another derived source.
    for draft in drafts:
        _link(world, draft, lambda target: target in names)
    for draft in derived:
        from kpi_engine.resolve.derived import share_references

        share_references(world, draft.name)
    return drafts


def finish_sources(world: World, drafts: Sequence[SourceDraft]) -> None:
    """Check what properties say of columns, once all columns can be bound."""
    for draft in drafts:
        for column, failure in check_reference_types(world, draft.name):
            world.deferred.fail(("column", f"{draft.name}.{column}"), failure, draft.declaration.name.span)
            world.columns[draft.name].pop(column, None)
    for draft in drafts:
        if draft.name in world.unnested:
            from kpi_engine.resolve.unnest import add_lists

            add_lists(world, draft.name)
    for draft in drafts:
        if draft.declaration.value is not None:
            from kpi_engine.resolve.derived import bind_filter_of_rows

            draft.attempts.run(partial(bind_filter_of_rows, world, draft.declaration))
        draft.attempts.run(partial(check_source, world, draft.name, draft.given))
        try:
            draft.attempts.check()
        except BindError as failure:
            world.deferred.fail(("source", draft.name), failure, draft.declaration.name.span)


def _declarations(files: Sequence[tree.File]) -> list[tree.Source]:
    return [each for file in files for each in file.declarations if isinstance(each, tree.Source)]


def _enter(world: World, declaration: tree.Source) -> SourceDraft | None:
    attempts = Attempts()
    given = read_properties("a source", declaration.properties, SOURCE, attempts)
    name = declaration.name.text
    place = declaration.name.span
    singular = given.get("singular") or default_singular(name)
    taken = world.things.add(Thing("source", name, place), singular, place)
    if taken and name in world.sources:
        world.deferred.diagnostics.extend(taken[0].diagnostics)
        return None
    for failure in taken:
        attempts.fail(failure)
    world.sources[name] = _source(world, declaration, given, singular)
    world.columns[name] = {}
    world.references[name] = {}
    if len(given.values) < len(declaration.properties):
        world.damaged.add(name)
    return SourceDraft(declaration, given, attempts)


def _source(world: World, declaration: tree.Source, given: Given, singular: str) -> Source:
    lifetime, versions = given.get("lifetime"), given.get("versions")
    time = given.get("time")
    return Source(
        name=declaration.name.text,
        singular=singular,
        table=given.get("table", () if declaration.value is not None else (declaration.name.text,)),
        columns={},
        connection=given.get("connection", "default"),
        key=given.get("key", ()),
        time=time.text if time is not None else None,
        timezone=given.get("timezone"),
        starts=given.get("starts"),
        watermark=given.get("watermark"),
        late=given.get("late"),
        lifetime=None if lifetime is None else (lifetime[0].text, lifetime[1].text),
        snapshot=given.get("snapshot"),
        snapshot_by=given.get("snapshot_by", ()),
        versions=None if versions is None else (versions[0].text, versions[1].text),
        grain=given.get("grain"),
        distinct=given.get("distinct", False),
        on_error=_on_error(given),
        options=dict(_options(given)),
        description=given.get("description", ""),
        owner=given.get("owner", ""),
        span=declaration.name.span,
    )


def _on_error(given: Given) -> Literal["stop", "null"]:
    return "null" if given.get("on_error") == "null" else "stop"


def _options(given: Given) -> tuple[tuple[str, OptionValue], ...]:
    return tuple((name, value) for name, value in given.values.items() if name in OPTIONS)


def _read_columns(world: World, draft: SourceDraft, schema: TableSchema | None) -> None:
    name, declared = draft.name, draft.declaration.columns
    closed = draft.given.get("columns") == "closed"
    snake = draft.given.get("names") == "snake_case"
    columns = stored_columns(world, name, declared, schema, snake=snake, closed=closed)
    world.columns[name].update(columns)
    if schema is None and not closed:
        world.unread.add(name)
        guessed = {each.name: each for each in columns.values() if not each.declared}
        if guessed:
            world.unverified.setdefault(name, {}).update(guessed)


def _link(world: World, draft: SourceDraft, wanted: Callable[[str], bool]) -> None:
    """Read the references of declared columns to wanted things.

    A column of an unknown type takes that of what it refers to.
    """
    for column in draft.declaration.columns:
        name = column.name.text
        label = ("column", f"{draft.name}.{name}")
        if column.target is None or world.deferred.is_broken(label):
            continue
        thing = world.things.find(column.target.parts[0].text)
        if not wanted(thing.name if thing is not None else ""):
            continue
        try:
            reference = read_reference(world, draft.name, column)
        except BindError as failure:
            world.deferred.fail(label, failure, column.name.span)
            world.columns[draft.name].pop(name, None)
            continue
        world.references[draft.name][name] = reference
        stored = world.columns[draft.name].get(name)
        if stored is None:
            continue
        type = stored.type
        if not stored.declared and draft.name in world.unread:
            target = world.columns.get(reference.target, {}).get(reference.target_column)
            type = target.type if target is not None else NULL
        world.columns[draft.name][name] = replace(stored, reference=reference, type=type)


def _base_is_known(world: World, draft: SourceDraft, waiting: Sequence[SourceDraft]) -> bool:
    from kpi_engine.resolve.derived import base_word

    assert draft.declaration.value is not None
    word = base_word(draft.declaration.value)
    thing = world.things.find(word.text) if word is not None else None
    return thing is None or thing.name not in {other.name for other in waiting}


def _defer_columns(world: World, draft: SourceDraft) -> None:
    seen: dict[str, tree.Column] = {}
    for column in draft.declaration.columns:
        name = column.name.text
        if name in seen:
            draft.attempts.fail(
                problem(
                    "E207",
                    f"column `{name}` is declared twice",
                    column.name.span,
                    "keep one of them",
                    [Note("the first one stands here", seen[name].name.span)],
                )
            )
            continue
        seen[name] = column
        label = ("column", f"{draft.name}.{name}")
        if is_computed(column) and not world.deferred.is_broken(label):
            from kpi_engine.resolve.computed import bind_source_column

            world.columns[draft.name].pop(name, None)
            world.deferred.add(label, column.name.span, partial(bind_source_column, world, draft.name, column))


def unverified_names(world: World) -> list[tuple[str, str]]:
    """For each source out of reach the names that could not be verified, as a phrase."""
    return [
        (source, listed((f"{source}.{name}" for name in columns), most=20))
        for source, columns in world.unverified.items()
        if columns
    ]
