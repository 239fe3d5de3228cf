"""Questions: names looked up, dimensions and filters bound on every base source, legality checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.catalog import GRAINS, Catalog, Metric
from kpi_engine.ir.diagnostic import ExitCode, KpiError, Note, did_you_mean
from kpi_engine.ir.expression import Conjunct, Expression, KeyedAggregate, Measure, Window
from kpi_engine.ir.question import BoundDimension, BoundQuestion, Order, Question
from kpi_engine.ir.span import NOWHERE
from kpi_engine.ir.types import Kind
from kpi_engine.kernels.calendar import CalendarError, parse_instant, parse_period
from kpi_engine.resolve.additivity import needs_grain
from kpi_engine.resolve.asking import QUERY, Asking
from kpi_engine.resolve.forms import domain_sources, nodes, parts
from kpi_engine.resolve.problems import Attempts, BindError, article, listed, problem
from kpi_engine.resolve.splitting import bind_dimensions, bind_question_filter
from kpi_engine.resolve.world import World

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

    `where` is the parsed `--where`. A question that is only to be explained is not `evaluated`, and may lack a grain.

    >>> from kpi_engine.ir.catalog import CalendarSettings
    >>> empty = Catalog(CalendarSettings(), {}, {}, {}, {})
    >>> try:
    ...     bind_question(empty, Question(("revenue",)), None, FunctionRegistry())
    ... except KpiError as error:
    ...     error.diagnostics[0].message
    'no metric named `revenue`'
    """
    world = World.of_catalog(catalog, functions)
    try:
        return _bind(Asking(world, evaluated), question, where)
    except BindError as failure:
        raise KpiError(replace(diagnostic, exit_code=ExitCode.USAGE) for diagnostic in failure.diagnostics) from failure


def _bind(asking: Asking, question: Question, where: tree.Expr | None) -> BoundQuestion:
    world, attempts = asking.world, Attempts()
    metrics = _metrics(asking, question, attempts)
    sources = tuple(dict.fromkeys(source for metric in metrics for source in metric.sources))
    if not sources:
        names = listed(metric.name for metric in metrics)
        raise problem("E511", f"{names} is constant and has no rows", QUERY, "ask for a metric over a source")
    attempts.run(partial(_check_grain, asking, question, metrics))
    for name in question.period_columns:
        if name in question.metrics:
            help = f"rename the metric, or ask {'without --grain' if name == 'period' else 'by one grain'}"
            attempts.fail(problem("E513", f"two columns of the answer would be named `{name}`", QUERY, help))
    over = tuple(dict.fromkeys((*sources, *domain_sources(*(metric.body for metric in metrics)))))
    dimensions = bind_dimensions(asking, question, metrics, over, attempts)
    conjuncts: tuple[Conjunct, ...] = ()
    if where is not None:
        from kpi_engine.resolve.filters import total_columns

        used = {*question.by, *(name for metric in metrics for name in total_columns(metric.body))}
        conjuncts = attempts.run(partial(bind_question_filter, asking, where, over, used, metrics)) or ()
    attempts.run(partial(_check_span, world, question))
    attempts.check()
    orders = _orders(question, metrics, dimensions)
    if question.limit is not None and question.limit < 1:
        raise problem("E510", f"a limit of {question.limit} leaves no rows", QUERY, "write a number from 1 on")
    return BoundQuestion(
        metrics=tuple(metrics),
        dimensions=tuple(dimensions),
        where=conjuncts,
        grain=next(iter(question.grains), None),
        further_grains=question.grains[1:],
        start=question.start,
        end=question.end,
        as_of=question.as_of,
        skip_empty=question.skip_empty,
        order_by=orders,
        limit=question.limit,
        sources=sources,
    )


# ------------------------------------------------------------------------------------------------------------ metrics


def _metrics(asking: Asking, question: Question, attempts: Attempts) -> list[Metric]:
    world = asking.world
    if not question.metrics:
        raise problem("E511", "no metric is asked for", QUERY, f"there are {listed(world.metrics)}")
    found = [attempts.run(partial(_metric, asking, name)) for name in dict.fromkeys(question.metrics)]
    attempts.check()
    return [metric for metric in found if metric is not None]


def _metric(asking: Asking, name: str) -> Metric:
    world = asking.world
    metric = world.metrics.get(name)
    if metric is None:
        raise problem("E502", f"no metric named `{name}`", QUERY, _metric_help(world, name))
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


# -------------------------------------------------------------------------------------------------------------- grain


def _check_grain(asking: Asking, question: Question, metrics: Sequence[Metric]) -> None:
    world = asking.world
    declared = world.things.words_of(("grain",))
    for grain in question.grains or ([question.grain] if question.grain is not None else []):
        if grain not in declared:
            help = did_you_mean(grain, declared) or f"write one of {', '.join(declared)}"
            raise problem("E504", f"no grain named `{grain}`", QUERY, help)
    for metric in metrics:
        if not question.grains and asking.evaluated:
            _check_comparable(metric)
        if "hour" in question.grains:
            _check_hours(world, metric)
        for grain in question.grains:
            _check_todate(metric, grain)


def _check_comparable(metric: Metric) -> None:
    window = needs_grain(metric.body)
    if window is None:
        return
    word = window.span.text.partition("(")[0].strip() or "previous"
    raise problem(
        "E505",
        f"`{metric.name}` compares with the period before, and the question has no periods",
        QUERY,
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
                    QUERY,
                    "ask by day or longer",
                )


def _check_todate(metric: Metric, grain: str) -> None:
    """E507 for grains of every calendar; how long declared ones are, only their tables say."""
    for node, around in _in_periods(metric.body, grain):
        if not isinstance(node, Window) or node.grain not in _FINENESS or around not in _FINENESS:
            continue
        if _FINENESS[node.grain] < _FINENESS[around]:
            raise problem(
                "E507",
                f"`{metric.name}` counts from the start of the {node.grain}, which is finer than a {around}",
                QUERY,
                f"ask by {node.grain} or finer",
            )


def _in_periods(root: Expression, grain: str) -> Iterator[tuple[Expression, str]]:
    """Everything in a metric, with the grain of the periods around it: under `per` a grain these are its buckets."""
    seen: set[tuple[int, str]] = set()
    waiting: list[tuple[Expression, str]] = [(root, grain)]
    while waiting:
        node, around = waiting.pop()
        if (id(node), around) in seen:
            continue
        seen.add((id(node), around))
        yield node, around
        inside = node.grain if isinstance(node, KeyedAggregate) and node.grain is not None else around
        waiting.extend((part, inside) for part in parts(node))


# --------------------------------------------------------------------------------------------------------- span, order


def _check_span(world: World, question: Question) -> None:
    attempts = Attempts()
    starts = ends = None
    if question.start is not None:
        starts = attempts.run(partial(_period, world, question, "--from", question.start))
    if question.end is not None:
        ends = attempts.run(partial(_period, world, question, "--to", question.end))
    if question.as_of is not None:
        attempts.run(partial(_instant, world, question.as_of))
    attempts.check()
    if starts is not None and ends is not None and starts[0] >= ends[1]:
        raise problem(
            "E508",
            f"the question ends ({question.end}) before it begins ({question.start})",
            QUERY,
            "exchange --from and --to",
        )


def _period(world: World, question: Question, flag: str, text: str) -> tuple[Bound, Bound] | None:
    """The bounds of the period that a flag names; None if it can be the name of one in a declared grain's table."""
    try:
        found = parse_period(world.calendar, text)
    except CalendarError as error:
        if any(grain not in GRAINS for grain in question.grains):
            return None
        raise problem("E508", f"{flag}: {error.message}", QUERY, error.help) from error
    return found.start, found.end


def _instant(world: World, text: str) -> None:
    if text in ("now", "data"):
        return
    try:
        parse_instant(world.calendar, text)
    except CalendarError as error:
        raise problem("E508", f"--as-of: {error.message}", QUERY, error.help) from error


def _orders(question: Question, metrics: Sequence[Metric], dimensions: Sequence[BoundDimension]) -> tuple[Order, ...]:
    columns = [*question.period_columns, *(d.name for d in dimensions)]
    columns.extend(metric.name for metric in metrics)
    found: list[Order] = []
    for text in question.order_by:
        name, _, direction = text.partition(":")
        if name not in columns:
            help = did_you_mean(name, columns) or f"the answer has {listed(columns)}"
            raise problem("E509", f"the answer has no column `{name}` to order by", QUERY, help)
        if direction not in ("", "asc", "desc"):
            raise problem("E509", f"`{direction}` is no order", QUERY, f"write {name}:desc or {name}:asc")
        found.append(Order(name, direction == "desc"))
    return tuple(found)
