"""From texts to a catalogue: read, parse, link, connect, resolve."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set
from dataclasses import field, replace
from functools import partial
from itertools import chain

from kpi_engine.extend.host import Host
from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.extend.rows import ConnectionSettings, Connector
from kpi_engine.hosting import builtin_host, connectors_of, host_of, needed_plugins, plugin_problems, untold
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Catalog, TableSchema
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, Severity
from kpi_engine.ir.packs import PackTexts
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.ir.stored import StateStore
from kpi_engine.pack_files import PackReader, packs_used
from kpi_engine.pipeline import known
from kpi_engine.pipeline.depth import deep
from kpi_engine.project import ProjectConfig, read_definitions
from kpi_engine.resolve import Linked, link, source_tables
from kpi_engine.resolve.packs_missing import (
    marked,
    missing_notes,
    with_missing_columns,
)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project read, parsed, connected and resolved. `diagnostics` hold every problem found on the way."""

    texts: tuple[SourceText, ...]
    files: tuple[tree.File, ...]
    schemas: Mapping[str, TableSchema | None]
    catalog: Catalog
    diagnostics: tuple[Diagnostic, ...]
    connectors: Mapping[str, Connector]
    bound: Mapping[str, Connector]
    linked: Linked
    host: Host
    unreachable: Mapping[str, tuple[Diagnostic, ...]] = field(default_factory=dict)
    """What is wrong with tables that cannot be reached, by source."""
    store: StateStore | None = None
    """Where states are kept between questions; None for those that must rest on the data alone."""
    connections: Mapping[str, ConnectionSettings] = field(default_factory=dict)
    tables: Mapping[str, TableSchema | None] = field(default_factory=dict)
    """The schemas as they were found, before columns that packs miss were added."""
    unseen: frozenset[str] = frozenset()
    """Sources and declared grains whose tables nobody has looked at, because no question that is asked touches them."""

    @property
    def functions(self) -> FunctionRegistry:
        """The functions of the language and of the project's plugins."""
        return self.host.functions

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(each for each in self.diagnostics if each.severity is Severity.ERROR)


def load(config: ProjectConfig, bound: Mapping[str, Connector]) -> Loaded:
    """Read, parse, connect and resolve a project. KpiError only for what hides everything else (no files)."""
    return load_texts(read_definitions(config), config, bound)


@deep
def load_texts(texts: Sequence[SourceText], config: ProjectConfig, bound: Mapping[str, Connector]) -> Loaded:
    """`load` for texts that are at hand."""
    return load_linked(parse_texts(texts, config), config, bound)


@dataclass(frozen=True, slots=True)
class Parsed:
    """Texts parsed and linked with the packs that they use, before any table is looked at."""

    texts: tuple[SourceText, ...]
    linked: Linked
    problems: tuple[Diagnostic, ...]
    broken: tuple[Diagnostic, ...]
    """Problems of packs."""
    host: Host


@deep
def parse_texts(texts: Sequence[SourceText], config: ProjectConfig) -> Parsed:
    """Parse and link the texts of a project."""
    for text in texts:
        _LOG.debug("parsing %s", text.name)
    parsed = [known.parsed(text) for text in texts]
    _LOG.info("parsed definitions; files: %d", len(texts))
    files = tuple(file for file, _ in parsed)
    problems = [problem for _, found in parsed for problem in found]
    host = host_of(config)
    problems += plugin_problems(host, config)
    linked, broken = linked_files(files, partial(_pack, config), host.functions)
    return Parsed(tuple(file.source for file in files), linked, tuple(problems), tuple(broken), host)


def _pack(config: ProjectConfig, name: str, place: Span) -> PackTexts:
    """The texts of a pack that the project uses."""
    from kpi_engine.project.packs import read_pack

    return read_pack(name, config, place)


@deep
def load_linked(
    parsed: Parsed,
    config: ProjectConfig,
    bound: Mapping[str, Connector],
    touched: Set[str] | None = None,
    before: Loaded | None = None,
) -> Loaded:
    """Connect and resolve what is parsed and linked; of tables that are not among those `touched` no schema is read.

    Connectors are those of a project that was loaded `before`: they know the files that they have looked at.
    """
    connectors = connectors_of(config, parsed.host) if before is None else before.connectors
    loaded = load_parsed(parsed.texts, parsed.linked, parsed.problems, connectors, bound, parsed.host, touched)
    loaded = replace(loaded, connections=config.connections)
    found = (*loaded.diagnostics, *untold(connectors, loaded.diagnostics))
    return replace(loaded, diagnostics=without_follow_ups(parsed.broken, found) if parsed.broken else found)


def linked_files(
    files: Sequence[tree.File], read: PackReader, functions: FunctionRegistry | None = None
) -> tuple[Linked, list[Diagnostic]]:
    """The declarations of a project and of the packs that it uses as one, and the problems of these packs.

    `functions` are those of the language, if no others are given.
    """
    packs, problems = packs_used(files, read)
    return link(files, packs, functions or builtin_host().functions), problems


def without_follow_ups(broken: Sequence[Diagnostic], found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Problems of packs, without what follows from them: names that are not known for want of a pack."""
    follow = ("E201", "E202", "E203", "E204", "E209", "E215", "E216", "E791", "N201")
    return (*broken, *(each for each in found if each.code not in follow))


@deep
def load_parsed(
    texts: Sequence[SourceText],
    linked: Linked,
    problems: Sequence[Diagnostic],
    connectors: Mapping[str, Connector],
    bound: Mapping[str, Connector],
    host: Host | None = None,
    touched: Set[str] | None = None,
) -> Loaded:
    """Connect and resolve what is parsed and linked; `problems` are those found in the texts.

    Without a `host` there are no plugins. Unless `touched` is None, other tables than these are not looked at.
    """
    host = host or builtin_host()
    _LOG.debug("reading the schemas of tables")
    files, unmapped = linked.files, linked.unmapped - bound.keys()
    unseen = frozenset() if touched is None else frozenset(source_tables(files)) - touched
    found_tables, out_of_reach = _schemas(files, connectors, bound, unmapped | unseen)
    _LOG.info("read schemas; tables: %d", sum(schema is not None for schema in found_tables.values()))
    schemas, missing = with_missing_columns(linked, found_tables)
    catalog, found = known.resolved(files, schemas, host.functions)
    notes: list[Diagnostic] = []
    if linked.packs:
        from kpi_engine.resolve.packs_kept import told_as_overrides, with_kept_units

        catalog = marked(catalog, linked, unmapped, missing)
        found = told_as_overrides(found, linked.replaced)
        catalog, told = with_kept_units(catalog, linked.replaced, host.functions)
        notes = [*told, *missing_notes(catalog, linked.places)]
    _LOG.info("resolved names; metrics: %d, sources: %d", len(catalog.metrics), len(catalog.sources))
    unreachable = chain.from_iterable(out_of_reach.values())
    named = (*problems, *linked.problems, *unreachable, *found, *notes)
    diagnostics = (*needed_plugins(host, named), *named)
    loaded = Loaded(tuple(texts), files, schemas, catalog, diagnostics, connectors, bound, linked, host, out_of_reach)
    return replace(loaded, unseen=unseen, tables=found_tables)


@deep
def is_outdated(loaded: Loaded, tables: Set[str] | None = None) -> bool:
    """Whether a table that was looked at, of these sources or of all, has come, gone, or has other columns since."""
    seen = {name for name, schema in loaded.tables.items() if schema is not None or name in loaded.unreachable}
    wanted = seen if tables is None else seen & tables
    schemas, out_of_reach = _schemas(loaded.files, loaded.connectors, loaded.bound, loaded.tables.keys() - wanted)
    return any(
        schemas[name] != loaded.tables[name] or out_of_reach.get(name) != loaded.unreachable.get(name)
        for name in wanted
    )


def _schemas(
    files: Sequence[tree.File],
    connectors: Mapping[str, Connector],
    bound: Mapping[str, Connector],
    unwanted: Set[str],
) -> tuple[dict[str, TableSchema | None], dict[str, tuple[Diagnostic, ...]]]:
    """Schemas by source name; and by source what is wrong with tables that cannot be reached, told at the source."""
    from kpi_engine.connect import source_schema

    schemas: dict[str, TableSchema | None] = {}
    problems: dict[str, tuple[Diagnostic, ...]] = {}
    for spec in source_tables(files).values():
        if spec.source in unwanted:
            schemas[spec.source] = None
            continue
        schema, found = source_schema(spec, connectors, bound)
        schemas[spec.source] = schema
        if found:
            problems[spec.source] = found
    return schemas, problems


def in_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Diagnostics as they are shown: by severity, then file and place; each once."""
    severities = list(Severity)
    return tuple(
        sorted(
            dict.fromkeys(diagnostics),
            key=lambda each: (severities.index(each.severity), each.span.source.name, each.span.start),
        )
    )
