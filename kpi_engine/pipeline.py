"""The stages, chained: text -> tree -> catalogue -> plan -> answer. Nothing else imports more than one stage.

read      kpi.toml, files            -> texts
parse     texts                      -> trees
connect   trees + connections        -> table schemas
resolve   trees + schemas            -> catalogue
bind      catalogue + question       -> bound question
plan      bound question + extents   -> plan
optimise  plan                       -> plan
execute   plan                       -> Arrow table
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import wraps
from itertools import chain
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from kpi_engine.extend.functions import FunctionRegistry
from kpi_engine.extend.host import Host
from kpi_engine.extend.rows import Connector
from kpi_engine.hosting import builtin_host, connectors_of, host_of, needed_plugins, plugin_problems
from kpi_engine.ir import tree
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import CalendarSettings, Catalog, TableSchema
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, Severity, did_you_mean
from kpi_engine.ir.question import BoundQuestion, Question
from kpi_engine.ir.result import ResultColumn, RunStats
from kpi_engine.ir.span import SourceText
from kpi_engine.kernels.calendar import Calendar
from kpi_engine.pack_files import PackReader, packs_used
from kpi_engine.parse import parse_expression, parse_file
from kpi_engine.project import ProjectConfig, read_definitions
from kpi_engine.project.packs import read_pack
from kpi_engine.resolve import Linked, bind_question, link, resolve, source_tables
from kpi_engine.resolve.packs_missing import (
    lacking_dimensions,
    marked,
    missing_notes,
    refuse_missing,
    with_missing_columns,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from kpi_engine.connect.reader import CatalogReader
    from kpi_engine.execute.rows import World
    from kpi_engine.ir.plan import Plan


_LOG = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")
_DEEPEST = 20_000
"""Python frames enough for visitors of the deepest expressions that a catalogue can hold (a few frames a level)."""


def deep(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Lets a stage visit expressions as deep as definitions may be; the limits of `resolve` keep them finite."""

    @wraps(function)
    def visit(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, _DEEPEST))
        try:
            return function(*arguments, **named)
        finally:
            sys.setrecursionlimit(before)

    return visit


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

    @property
    def functions(self) -> FunctionRegistry:
        """The functions of the language and of the project's plugins."""
        return self.host.functions

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(each for each in self.diagnostics if each.severity is Severity.ERROR)


@dataclass(slots=True)
class Run:
    """One question on its way: what each stage made of it, for `explain` and for the answer."""

    loaded: Loaded
    question: BoundQuestion
    calendar: Calendar
    plan: Plan
    optimized: Plan
    fired: tuple[str, ...]
    world: World
    stats: RunStats = field(default_factory=RunStats)


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
    parsed = [parse_file(text) for text in texts]
    _LOG.info("parsed definitions; files: %d", len(texts))
    files = tuple(file for file, _ in parsed)
    problems = [problem for _, found in parsed for problem in found]
    host = host_of(config)
    problems += plugin_problems(host, config)
    linked, broken = linked_files(files, lambda name, place: read_pack(name, config, place), host.functions)
    return Parsed(tuple(texts), linked, tuple(problems), tuple(broken), host)


@deep
def load_linked(parsed: Parsed, config: ProjectConfig, bound: Mapping[str, Connector]) -> Loaded:
    """Connect and resolve what is parsed and linked."""
    connectors = connectors_of(config, parsed.host)
    loaded = load_parsed(parsed.texts, parsed.linked, parsed.problems, connectors, bound, parsed.host)
    if not parsed.broken:
        return loaded
    return replace(loaded, diagnostics=without_follow_ups(parsed.broken, loaded.diagnostics))


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
) -> Loaded:
    """Connect and resolve what is parsed and linked; `problems` are those found in the texts.

    Without a `host` there are no plugins.
    """
    host = host or builtin_host()
    _LOG.debug("reading the schemas of tables")
    files, unmapped = linked.files, linked.unmapped - bound.keys()
    schemas, out_of_reach = _schemas(files, connectors, bound, unmapped)
    _LOG.info("read schemas; tables: %d", sum(schema is not None for schema in schemas.values()))
    schemas, missing = with_missing_columns(linked, schemas)
    catalog, found = resolve(files, schemas, host.functions)
    notes: list[Diagnostic] = []
    if linked.packs:
        catalog = marked(catalog, linked, unmapped, missing)
        notes = missing_notes(catalog, linked.places)
    _LOG.info("resolved names; metrics: %d, sources: %d", len(catalog.metrics), len(catalog.sources))
    unreachable = chain.from_iterable(out_of_reach.values())
    named = (*problems, *linked.problems, *unreachable, *found, *notes)
    diagnostics = (*needed_plugins(host, named), *named)
    return Loaded(tuple(texts), files, schemas, catalog, diagnostics, connectors, bound, linked, host, out_of_reach)


def _schemas(
    files: Sequence[tree.File],
    connectors: Mapping[str, Connector],
    bound: Mapping[str, Connector],
    unmapped: Set[str],
) -> tuple[dict[str, TableSchema | None], dict[str, tuple[Diagnostic, ...]]]:
    """Schemas by source name; and by source what is wrong with tables that cannot be reached, told at the source."""
    from kpi_engine.connect import source_schema

    schemas: dict[str, TableSchema | None] = {}
    problems: dict[str, tuple[Diagnostic, ...]] = {}
    for spec in source_tables(files).values():
        if spec.source in unmapped:
            schemas[spec.source] = None
            continue
        schema, found = source_schema(spec, connectors, bound)
        schemas[spec.source] = schema
        if found:
            problems[spec.source] = found
    return schemas, problems


def calendar_of(settings: CalendarSettings) -> Calendar:
    """The calendar's arithmetic for its settings."""
    return Calendar(settings.timezone, settings.week_starts, settings.fiscal_year_starts, settings.fiscal_year_named)


@deep
def prepare(loaded: Loaded, question: Question, default_as_of: str, *, detail: bool = False) -> Run:
    """Bind and plan a question; with `detail` columns follow each metric that say what it is made of.

    KpiError E5xx for what the question gets wrong, E6xx for data out of reach.
    """
    from kpi_engine.connect.reader import CatalogReader
    from kpi_engine.execute import first_time, make_world
    from kpi_engine.optimize import optimize
    from kpi_engine.plan import (
        extent_requests,
        grains_of_question,
        make_plan,
        merged_preparations,
        shown,
        watermarks,
        with_detail,
    )

    started = time.perf_counter()
    question = _with_known_names(loaded, question)
    where = None if question.where is None else loaded.linked.expression(parsed_where(question.where), loaded.functions)
    refuse_lacking(loaded, question.metrics)
    try:
        bound_question = bind_question(loaded.catalog, question, where, loaded.functions)
    except KpiError as failure:
        refuse_unread(loaded, _read_by(loaded, question.metrics), failure)
        raise
    calendar = calendar_of(loaded.catalog.calendar)
    reader = CatalogReader(loaded.connectors, loaded.bound, calendar.timezone)
    calendar = with_periods(calendar, grains_of_question(loaded.catalog, bound_question), loaded, reader)
    stats = RunStats(notes=[*map(str, loaded.host.failures), *loaded.host.warnings])
    requests = extent_requests(loaded.catalog, bound_question.sources)
    inputs = merged_preparations(requests)
    _LOG.debug("looking where the data begins and ends")
    as_of = _as_of(question.as_of or default_as_of, loaded, calendar, reader, stats)
    known = watermarks(loaded.catalog, calendar, tuple(loaded.catalog.sources), as_of)
    world = make_world(loaded.catalog, loaded.functions, calendar, reader, inputs, watermarks=known)
    first = {request.source: first_time(request, world) for request in requests}
    stats.seconds["extent"] = time.perf_counter() - started
    _LOG.info("found the extents of %s; as of %s", ", ".join(first) or "no source", shown(calendar, as_of))
    plan = make_plan(loaded.catalog, bound_question, calendar, first, as_of)
    optimized, fired = optimize(plan)
    refuse_lacking(loaded, (), _columns_read(optimized))
    if detail:
        optimized = with_detail(optimized)
    inputs, marks = optimized.prepared, dict(optimized.watermarks)
    run_world = make_world(loaded.catalog, loaded.functions, calendar, reader, inputs, optimized.keyed, marks)
    stats.seconds["plan"] = time.perf_counter() - started - stats.seconds["extent"]
    _LOG.info("planned; scans: %d, measures: %d", len(optimized.scans), len(optimized.leaves))
    return Run(loaded, bound_question, calendar, plan, optimized, fired, run_world, stats)


def _with_known_names(loaded: Loaded, question: Question) -> Question:
    """A question in which `sales.revenue` has the name under which it is known."""
    known = loaded.linked.metric_name
    ordered = (text.partition(":") for text in question.order_by)
    return replace(
        question,
        metrics=tuple(map(known, question.metrics)),
        by=tuple(map(known, question.by)),
        order_by=tuple(known(name) + colon + direction for name, colon, direction in ordered),
    )


def refuse_unread(loaded: Loaded, sources: Iterable[str], failure: KpiError) -> None:
    """KpiError E6xx where the table of one of these sources is out of reach: which columns it has is not known, so that
    no question fails (`failure`) for the want of one."""
    found = [each for name in sources for each in loaded.unreachable.get(name, ())]
    if found:
        raise KpiError(dict.fromkeys(found)) from failure


def _read_by(loaded: Loaded, metrics: Sequence[str]) -> list[str]:
    """The sources that metrics read, of those that exist."""
    known = (loaded.catalog.metrics.get(name) for name in metrics)
    return [source for metric in known if metric is not None for source in metric.sources]


def refuse_lacking(loaded: Loaded, metrics: Sequence[str], read: Sequence[tuple[str, str]] = ()) -> None:
    """KpiError E795 for metrics, or (source, column) pairs, that nothing is mapped to."""
    problems = refuse_missing(loaded.catalog, metrics, read) if loaded.linked.packs else []
    if problems:
        raise KpiError(problems)


def _columns_read(plan: Plan) -> list[tuple[str, str]]:
    """The stored columns that a plan reads, with their sources."""
    scanned = [(each.source, column) for each in plan.scans for column in each.columns]
    return scanned + [(each.source, column) for each in plan.prepared for column in each.columns]


def with_periods(calendar: Calendar, grains: Sequence[str], loaded: Loaded, reader: CatalogReader) -> Calendar:
    """The calendar with the periods of these declared grains; KpiError E6xx for a table that lists none."""
    from kpi_engine.execute import read_periods

    known = {each.grain for each in calendar.declared}
    read = [read_periods(loaded.catalog.grains[name], reader) for name in grains if name not in known]
    return replace(calendar, declared=(*calendar.declared, *read)) if read else calendar


def parsed_where(text: str) -> tree.Expr:
    """The `--where` of a question; what is wrong with it is wrong with the question."""
    try:
        return parse_expression(SourceText("--where", text))
    except KpiError as error:
        raise KpiError(replace(each, exit_code=ExitCode.USAGE) for each in error.diagnostics) from error


def _as_of(text: str, loaded: Loaded, calendar: Calendar, reader: CatalogReader, stats: RunStats) -> Bound:
    """The as-of of a question: an instant as written, the current local hour, or where the data ends."""
    from kpi_engine.plan import parse_as_of

    now = calendar.bound(time.time_ns() // 1000)
    if text == "now":
        return calendar.period_at("hour", now).start
    if text != "data":
        return parse_as_of(calendar, text)
    latest = _latest_row(loaded, calendar, reader, now, stats)
    return calendar.period_at("hour", now).start if latest is None else calendar.period_at("day", latest).end


def _latest_row(loaded: Loaded, calendar: Calendar, reader: CatalogReader, now: Bound, stats: RunStats) -> Bound | None:
    """The latest time, not in the future, in any source whose table is within reach."""
    from kpi_engine.execute import last_time, make_world
    from kpi_engine.plan import extent_requests

    latest: Bound | None = None
    # Rows of derived sources are those of their bases.
    sources = [name for name, source in loaded.catalog.sources.items() if source.derived is None]
    for request in extent_requests(loaded.catalog, sources):
        source = loaded.catalog.sources[request.source]
        if source.unmapped or source.missing.intersection(request.columns):
            continue
        if loaded.schemas.get(request.source) is None:
            stats.notes.append(f"source {request.source} is out of reach and does not count for the as-of")
            continue
        calendar = with_periods(calendar, request.grains, loaded, reader)
        world = make_world(loaded.catalog, loaded.functions, calendar, reader, request.prepared)
        last = last_time(request, world, now)
        if last is not None and (latest is None or last > latest):
            latest = last
    return latest


@deep
def run(prepared: Run) -> pa.Table:
    """Execute a prepared question; its `stats` are filled in."""
    from kpi_engine.execute import execute
    from kpi_engine.plan import partial_periods, shown

    plan, stats = prepared.optimized, prepared.stats
    table = execute(plan, prepared.world, stats)
    if plan.as_of is not None:
        stats.as_of = shown(prepared.calendar, plan.as_of)
    asked = prepared.question.sources
    cut = {name: mark for name, mark in plan.watermarks if mark != plan.as_of and name in asked}
    stats.watermarks = {name: shown(prepared.calendar, mark) for name, mark in cut.items()}
    stats.notes.extend(plan.notes)
    for source in stats.sources.values():
        stats.notes.extend(source.notes)
    stats.partial_periods = partial_periods(plan, prepared.calendar)
    return table


def splits(loaded: Loaded, metric: str) -> tuple[str, ...]:
    """The names by which a metric can be split: dimensions, and columns that every base source has."""
    catalog = loaded.catalog
    sources = [catalog.sources[name] for name in catalog.metrics[metric].sources]
    own = [name for name in sources[0].columns if all(name in each.columns for each in sources)] if sources else []
    return tuple(name for name in dict.fromkeys((*catalog.dimensions, *own)) if _is_legal(loaded, metric, name))


def _is_legal(loaded: Loaded, metric: str, by: str) -> bool:
    try:
        bound = bind_question(loaded.catalog, Question((metric,), (by,), "day"), None, loaded.functions)
    except KpiError:
        return False
    return not loaded.linked.packs or not lacking_dimensions(loaded.catalog, bound)


def result_columns(prepared: Run) -> tuple[ResultColumn, ...]:
    """What each column of the answer means, in the table's order."""
    plan, settings = prepared.optimized, prepared.loaded.catalog.calendar
    columns = []
    if plan.further:
        columns.append(ResultColumn("grain", "grain"))
    if plan.grain is not None:
        grain = "" if plan.further else plan.grain
        columns.append(ResultColumn("period", "period", grain=grain, calendar=settings, labels=_labels(prepared)))
    dimensions = prepared.loaded.catalog.dimensions
    for name, _ in plan.dimensions:
        declared = dimensions.get(name)
        columns.append(ResultColumn(name, "dimension", description=declared.description if declared else ""))
    columns += [
        column
        for each in plan.outputs
        for column in (
            ResultColumn(each.name, "metric", each.display, each.description, estimates=each.estimates),
            *(ResultColumn(part.name, "metric", part.display) for part in each.detail),
        )
    ]
    return tuple(columns)


def _labels(prepared: Run) -> dict[str, dict[object, str]]:
    """The names that tables give to the periods of an answer, by grain."""
    from kpi_engine.plan import period_values

    plan = prepared.optimized
    labels: dict[str, dict[object, str]] = {}
    for part in (plan, *plan.further):
        if part.grain is not None and part.grain in prepared.loaded.catalog.grains:
            values = period_values(part.periods, prepared.calendar, by_hour=plan.by_hour)
            labels[part.grain] = {value: each.label for value, each in zip(values, part.periods, strict=True)}
    return labels


def in_order(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Diagnostics as they are shown: by severity, then file and place; each once."""
    severities = list(Severity)
    return tuple(
        sorted(
            dict.fromkeys(diagnostics),
            key=lambda each: (severities.index(each.severity), each.span.source.name, each.span.start),
        )
    )


@deep
def explain_definition(loaded: Loaded, metric: str, at: str) -> str:
    """A metric as a tree or as bound in the catalogue; KpiError E501 for an unknown one."""
    from kpi_engine.ir.show import show_metric
    from kpi_engine.parse import show_tree

    bind_question(loaded.catalog, Question((metric,)), None, loaded.functions, evaluated=False)
    if at == "catalog":
        return show_metric(loaded.catalog, metric)
    declaration = loaded.catalog.metrics[metric].declaration
    assert declaration is not None
    return show_tree(declaration)


@deep
def explain_plan(prepared: Run, at: str) -> str:
    """The plan, before or after optimisation; after it also what connectors that aggregate are sent."""
    from kpi_engine.execute import explained
    from kpi_engine.plan import show_plan

    if at == "plan":
        return show_plan(prepared.plan, prepared.calendar)
    rules = "".join(f"rule {name}\n" for name in prepared.fired)
    sent = "".join(f"\n{each}\n" for each in explained(prepared.optimized, prepared.world))
    return rules + show_plan(prepared.optimized, prepared.calendar) + sent


def check_bound(parsed: Parsed, name: str) -> None:
    """KpiError E727 if no source of this name reads a table. Definitions with errors in their text have other problems
    first."""
    known = {spec.source for spec in source_tables(parsed.linked.files).values()}
    if name in known or parsed.problems or parsed.broken:
        return
    message = f"a table is bound to `{name}`, which is no source with a table"
    help = did_you_mean(name, known) or (f"there are {', '.join(sorted(known))}" if known else "")
    raise KpiError(Diagnostic("E727", message, help=help, exit_code=ExitCode.USAGE))
