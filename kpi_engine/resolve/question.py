"""Questions: names looked up, dimensions and filters bound on every base source, legality checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from kpi_engine.extend.functions import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import GRAINS, Catalog, Metric
from kpi_engine.ir.diagnostic import ExitCode, KpiError, Note, did_you_mean
from kpi_engine.ir.expression import Conjunct, Expression, Field, Measure, Window
from kpi_engine.ir.question import BoundDimension, BoundQuestion, Order, Question
from kpi_engine.ir.span import NOWHERE, SourceText, Span
from kpi_engine.ir.types import Kind
from kpi_engine.kernels.calendar import CalendarError, parse_instant, parse_period
from kpi_engine.resolve.additivity import needs_grain
from kpi_engine.resolve.dimensions import column_dimension, dimension_on, reachable_dimensions
from kpi_engine.resolve.filters import bind_filter, check_totals, total_columns
from kpi_engine.resolve.forms import domain_sources, nodes
from kpi_engine.resolve.later import Construct, later_on
from kpi_engine.resolve.problems import Attempts, BindError, article, listed, problem
from kpi_engine.resolve.references import link_help
from kpi_engine.resolve.world import World

_QUERY = Span(SourceText("query", ""), 0, 0)
_FINENESS = {
    "hour": 0,
    "day": 1,
    "week": 2,
    "month": 3,
    "quarter": 4,
    "fiscal_quarter": 4,
    "year": 5,
    "fiscal_year": 5,
}


def bind_question(
    catalog: Catalog,
    question: Question,
    where: tree.Expr | None,
    functions: FunctionRegistry,
    *,
    evaluated: bool = True,
) -> BoundQuestion:
    """A question bound to a catalogue; KpiError with every problem of it (exit code USAGE).

    `where` is the parsed `--where`. What is not evaluated yet is refused unless the question is only to be explained.
    """
    world = World.of_catalog(catalog, functions)
    try:
        return _bind(_Asking(world, evaluated), question, where)
    except BindError as failure:
        raise KpiError(
            replace(diagnostic, exit_code=ExitCode.USAGE) for diagnostic in failure.diagnostics
        ) from failure


@dataclass(frozen=True, slots=True)
class _Asking:
    """What names mean, and whether the question is to be evaluated or only explained."""

    world: World
    evaluated: bool

    def refuse(self, what: str, constructs: Sequence[Construct], metric: Metric | None = None) -> None:
        """E590 if any construct is not evaluated yet."""
        if constructs and self.evaluated:
            raise _not_yet(self.world, what, constructs, metric)


def _bind(asking: _Asking, question: Question, where: tree.Expr | None) -> BoundQuestion:
    world, attempts = asking.world, Attempts()
    metrics = _metrics(asking, question, attempts)
    sources = tuple(dict.fromkeys(source for metric in metrics for source in metric.sources))
    if not sources:
        names = listed(metric.name for metric in metrics)
        raise problem(
            "E511", f"{names} is constant and has no rows", _QUERY, "ask for a metric over a source"
        )
    attempts.run(partial(_check_grain, asking, question, metrics))
    over = tuple(dict.fromkeys((*sources, *domain_sources(*(metric.body for metric in metrics)))))
    dimensions = _dimensions(asking, question, metrics, over, attempts)
    conjuncts: tuple[Conjunct, ...] = ()
    if where is not None:
        used = {*question.by, *(name for metric in metrics for name in total_columns(metric.body))}
        conjuncts = attempts.run(partial(_filter, asking, where, over, used, metrics)) or ()
    attempts.run(partial(_check_span, world, question))
    attempts.check()
    orders = _orders(question, metrics, dimensions)
    if question.limit is not None and question.limit < 1:
        raise problem(
            "E510", f"a limit of {question.limit} leaves no rows", _QUERY, "write a number from 1 on"
        )
    return BoundQuestion(
        metrics=tuple(metrics),
        dimensions=tuple(dimensions),
        where=conjuncts,
        grain=question.grain,
        start=question.start,
        end=question.end,
        as_of=question.as_of,
        skip_empty=question.skip_empty,
        order_by=orders,
        limit=question.limit,
        sources=sources,
    )


# ------------------------------------------------------------------------------------------------------------ metrics


def _metrics(asking: _Asking, question: Question, attempts: Attempts) -> list[Metric]:
    world = asking.world
    if not question.metrics:
        raise problem("E511", "no metric is asked for", _QUERY, f"there are {listed(world.metrics)}")
    found = [attempts.run(partial(_metric, asking, name)) for name in dict.fromkeys(question.metrics)]
    attempts.check()
    return [metric for metric in found if metric is not None]


def _metric(asking: _Asking, name: str) -> Metric:
    world = asking.world
    metric = world.metrics.get(name)
    if metric is None:
        raise problem("E502", f"no metric named `{name}`", _QUERY, _metric_help(world, name))
    asking.refuse(f"`{name}`", metric.later, metric)
    return metric


def _metric_help(world: World, name: str) -> str:
    thing = world.things.find(name)
    if name in world.dimensions:
        return f"`{name}` is a dimension: split by it with --by {name}"
    if thing is not None and thing.kind != "grain":
        written = f"count({name})" if thing.kind == "source" else f"count(distinct {name})"
        return f"`{name}` is {article(thing.kind)}: define a metric such as `number_of_{name} = {written}`"
    if not world.metrics:
        return "no metrics are defined"
    return did_you_mean(name, world.metrics) or f"there are {listed(world.metrics)}"


def _not_yet(
    world: World, what: str, constructs: Sequence[Construct], metric: Metric | None = None
) -> BindError:
    construct, place = constructs[0]
    others = _instead(world, metric)
    help = f"ask for {listed(others[:6], 'or')} instead" if others else "`kpi list` shows what can be asked"
    shown = construct if construct.startswith("a ") else f"`{construct}`"
    notes = [Note(f"{shown} stands here", place)] if place is not NOWHERE else []
    return problem("E590", f"{what} uses {shown}, which is not evaluated yet", _QUERY, help, notes)


def _instead(world: World, metric: Metric | None) -> list[str]:
    """Metrics that can be asked instead: what it is made of, then others over its sources."""
    if metric is None:
        return []
    parts = [name for name in metric.uses if not world.metrics[name].later]
    beside = [
        name
        for name, other in world.metrics.items()
        if not other.later and other.sources and set(other.sources) & set(metric.sources)
    ]
    return list(dict.fromkeys([*parts, *beside]))


# -------------------------------------------------------------------------------------------------------------- grain


def _check_grain(asking: _Asking, question: Question, metrics: Sequence[Metric]) -> None:
    world = asking.world
    grain = question.grain
    declared = world.things.words_of(("grain",))
    if grain is not None and grain not in declared:
        help = did_you_mean(grain, declared) or f"write one of {', '.join(declared)}"
        raise problem("E504", f"no grain named `{grain}`", _QUERY, help)
    if grain is not None and grain not in GRAINS:
        asking.refuse("the question", [(f"grain {grain}", NOWHERE)])
    for metric in metrics:
        if grain is None and asking.evaluated:
            _check_comparable(metric)
        elif grain == "hour":
            _check_hours(world, metric)
        _check_todate(metric, grain)


def _check_comparable(metric: Metric) -> None:
    window = needs_grain(metric.body)
    if window is None:
        return
    word = window.span.text.partition("(")[0].strip() or "previous"
    raise problem(
        "E505",
        f"`{metric.name}` compares with the period before, and the question has no periods",
        _QUERY,
        f"add --grain month, or give a length in the definition: `{word}(m, 1 year)`",
        [Note(f"`{word}` stands here", window.span)] if window.span is not NOWHERE else [],
    )


def _check_hours(world: World, metric: Metric) -> None:
    for node in nodes(metric.body):
        if isinstance(node, Measure):
            time = node.dated_by or world.sources[node.source].time
            if time is not None and world.columns[node.source][time].type.kind is Kind.DATE:
                raise problem(
                    "E506",
                    f"`{metric.name}` cannot be asked by hour: `{node.source}.{time}` is a date",
                    _QUERY,
                    "ask by day or longer",
                )


def _check_todate(metric: Metric, grain: str | None) -> None:
    for node in nodes(metric.body):
        if not isinstance(node, Window) or node.grain not in _FINENESS or grain not in _FINENESS:
            continue
        if _FINENESS[node.grain] < _FINENESS[grain]:
            raise problem(
                "E507",
                f"`{metric.name}` counts from the start of the {node.grain}, which is finer than a {grain}",
                _QUERY,
                f"ask by {node.grain} or finer",
            )


# ------------------------------------------------------------------------------------------------- dimensions, filter


def _dimensions(
    asking: _Asking, question: Question, metrics: Sequence[Metric], sources: Sequence[str], attempts: Attempts
) -> list[BoundDimension]:
    taken = {metric.name for metric in metrics} | ({"period"} if question.grain is not None else set())
    names = list(dict.fromkeys(question.by))
    free = [name for name in names if name not in taken]
    found = [attempts.run(partial(_dimension, asking, name, metrics, sources)) for name in free]
    for name in names:
        if name in taken:
            attempts.fail(
                problem(
                    "E513",
                    f"two columns of the answer would be named `{name}`",
                    _QUERY,
                    "declare a dimension",
                )
            )
    return [dimension for dimension in found if dimension is not None]


def _dimension(
    asking: _Asking, name: str, metrics: Sequence[Metric], sources: Sequence[str]
) -> BoundDimension:
    world = asking.world
    dimension = world.dimensions.get(name)
    if dimension is None:
        return _column_dimension(asking, name, metrics, sources)
    bound: list[tuple[str, Expression]] = []
    for source in sources:
        value = dimension_on(world, dimension, source, _QUERY)
        if value is None:
            raise _cannot_split(world, name, source, metrics, sources)
        asking.refuse(f"dimension `{name}`", later_on(world, source, value))
        bound.append((source, value))
    return BoundDimension(name, dimension.type, tuple(bound))


def _column_dimension(
    asking: _Asking, name: str, metrics: Sequence[Metric], sources: Sequence[str]
) -> BoundDimension:
    """A column that every base source itself has under that name."""
    world = asking.world
    type = column_dimension(world, name, sources)
    if type is not None:
        bound = [(source, Field(name, type)) for source in sources]
        for source, field in bound:
            asking.refuse(f"column `{name}`", later_on(world, source, field))
        return BoundDimension(name, type, tuple(bound))
    having = [source for source in sources if world.has_column(source, name)]
    if having:
        lacking = next((source for source in sources if source not in having), None)
        if lacking is not None:
            raise _cannot_split(world, name, lacking, metrics, sources)
        raise problem(
            "E501",
            f"`{name}` has another type in each of {listed(having)}",
            _QUERY,
            f"declare `dimension {name} = ...` with one expression for each source",
        )
    candidates = [*world.dimensions, *(c for source in sources for c in world.column_names(source))]
    help = did_you_mean(name, candidates)
    owners = world.owners_of_column(name.rpartition(".")[2])
    if not help and owners:
        column = name.rpartition(".")[2]
        help = f"declare it: `dimension {column} = {owners[0]}.{column}`"
    if not help:
        common = reachable_dimensions(world, sources)
        help = (
            f"common dimensions: {', '.join(common)}"
            if common
            else "no dimension is declared for these sources"
        )
    raise problem("E503", f"no dimension named `{name}`", _QUERY, help)


def _cannot_split(
    world: World, name: str, source: str, metrics: Sequence[Metric], sources: Sequence[str]
) -> BindError:
    """E501: which source lacks the dimension, how to give it one, and what can be split by instead."""
    metric = next(m for m in metrics if source in (*m.sources, *domain_sources(m.body)))
    dimension = world.dimensions.get(name)
    owners = [owner for owner, _ in dimension.values] if dimension is not None else []
    reason = f"{source} has no column `{name}`"
    add = f"declare `dimension {name} = ...` with a value for {source}"
    if dimension is not None and dimension.every_source is not None:
        reason, add = f"{source} has no time", f"add `time: ...` to {source}"
    elif owners and world.sources.get(owners[0]) is not None and len(owners) == 1:
        thing = world.things.find(owners[0])
        assert thing is not None
        reason, add = f"{source} has no way to {owners[0]}", link_help(world, source, thing)
    elif owners:
        reason = f"{source} has no way to {listed(owners, 'or')}"
        add = f"add a value for {source} to `dimension {name}`"
    common = reachable_dimensions(world, sources)
    also = f"; common dimensions: {', '.join(common)}" if common else ""
    return problem(
        "E501",
        f"{metric.name} cannot be split by `{name}`: {reason}",
        _QUERY,
        f"{add}, or use total({metric.name}, {name}){also}",
    )


def _filter(
    asking: _Asking, where: tree.Expr, sources: Sequence[str], used: set[str], metrics: Sequence[Metric]
) -> tuple[Conjunct, ...]:
    world = asking.world
    try:
        conjuncts = bind_filter(world, where, sources, used)
    except BindError as failure:
        recoded = (replace(d, code="E514") if d.code == "E354" else d for d in failure.diagnostics)
        raise BindError(dict.fromkeys(recoded), failure.blocked) from failure
    for conjunct in conjuncts:
        for source, condition in conjunct.by_source:
            asking.refuse("the condition", later_on(world, source, condition))
    for metric in metrics:
        check_totals(metric.body, conjuncts, "E512", metric.name)
    return conjuncts


# --------------------------------------------------------------------------------------------------------- span, order


def _check_span(world: World, question: Question) -> None:
    attempts = Attempts()
    starts = ends = None
    if question.start is not None:
        starts = attempts.run(partial(_period, world, "--from", question.start))
    if question.end is not None:
        ends = attempts.run(partial(_period, world, "--to", question.end))
    if question.as_of is not None:
        attempts.run(partial(_instant, world, question.as_of))
    attempts.check()
    if starts is not None and ends is not None and starts[0] >= ends[1]:
        raise problem(
            "E508",
            f"the question ends ({question.end}) before it begins ({question.start})",
            _QUERY,
            "exchange --from and --to",
        )


def _period(world: World, flag: str, text: str) -> tuple[int, int]:
    try:
        found = parse_period(world.calendar, text)
    except CalendarError as error:
        raise problem("E508", f"{flag}: {error.message}", _QUERY, error.help) from error
    return found.start.us, found.end.us


def _instant(world: World, text: str) -> None:
    if text in ("now", "data"):
        return
    try:
        parse_instant(world.calendar, text)
    except CalendarError as error:
        raise problem("E508", f"--as-of: {error.message}", _QUERY, error.help) from error


def _orders(
    question: Question, metrics: Sequence[Metric], dimensions: Sequence[BoundDimension]
) -> tuple[Order, ...]:
    columns = [*(["period"] if question.grain is not None else []), *(d.name for d in dimensions)]
    columns.extend(metric.name for metric in metrics)
    found: list[Order] = []
    for text in question.order_by:
        name, _, direction = text.partition(":")
        if name not in columns:
            help = did_you_mean(name, columns) or f"the answer has {listed(columns)}"
            raise problem("E509", f"the answer has no column `{name}` to order by", _QUERY, help)
        if direction not in ("", "asc", "desc"):
            raise problem("E509", f"`{direction}` is no order", _QUERY, f"write {name}:desc or {name}:asc")
        found.append(Order(name, direction == "desc"))
    return tuple(found)
