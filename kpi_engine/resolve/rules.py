"""Goals and alerts: every name, unit and length in them is checked here; they are judged elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import partial

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import GRAINS, MICROSECONDS
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import CalendarDuration, Expression
from kpi_engine.resolve.binder import bind_condition
from kpi_engine.resolve.dimensions import check_total_dimension, dimension_on
from kpi_engine.resolve.forms import base_sources, direct_uses
from kpi_engine.resolve.groups import GroupBinder
from kpi_engine.resolve.literals import core, duration_constant
from kpi_engine.resolve.periods import period
from kpi_engine.resolve.problems import Attempts, listed, problem
from kpi_engine.resolve.properties import read_properties
from kpi_engine.resolve.property_tables import ALERT, GOAL
from kpi_engine.resolve.touched import refuse_broken_sources
from kpi_engine.resolve.units import spoken
from kpi_engine.resolve.world import World

_MONTHS = {"month": 1, "quarter": 3, "year": 12, "fiscal_quarter": 3, "fiscal_year": 12}


def check_goal(world: World, goal: tree.Goal) -> None:
    """Check a goal: its aim, its span and what it watches."""
    attempts = Attempts()
    given = read_properties("a goal", goal.properties, GOAL, attempts)
    for path in given.get("watch", ()):
        attempts.run(partial(_watched, world, path))
    attempts.run(partial(_check_span, world, goal.aim.during))
    aim = goal.aim
    if isinstance(aim, tree.KeepAim):
        attempts.run(partial(bind_condition, GroupBinder(world), aim.condition, "keep"))
    else:
        attempts.run(partial(_check_change, world, aim))
        if aim.versus is not None and aim.versus.period is not None:
            attempts.run(partial(period, world.calendar, aim.versus.period.text, aim.versus.period.span))
    attempts.check()


def _watched(world: World, path: tree.Path) -> None:
    if not world.has_metric(path.text):
        raise problem("E202", f"no metric named `{path.text}`", path.span, world.value_help(path.text))
    world.metric(path.text, path.span)


def _check_span(world: World, span: tree.GoalSpan) -> None:
    if span.period is not None:
        period(world.calendar, span.period.text, span.period.span)
    if span.grain is not None:
        found = world.things.find(span.grain.text)
        if found is None or found.kind != "grain":
            words = world.things.words_of(("grain",))
            help = did_you_mean(span.grain.text, words) or f"write one of {', '.join(words)}"
            raise problem("E201", f"no grain named `{span.grain.text}`", span.grain.span, help)


def _check_change(world: World, aim: tree.ChangeAim) -> None:
    binder = GroupBinder(world)
    metric = binder.bind(aim.metric)
    refuse_broken_sources(world, metric)
    form = binder.form(metric)
    amount = aim.amount
    text = " ".join(amount.span.text.split())
    match amount:
        case tree.Percent() if form == "percent" and not aim.relative:
            number = f"{(amount.value * 100).normalize():f}"
            more = f"{3 + amount.value * 100:.1f}%"
            times = f"{3 * (1 + amount.value):.2f}%"
            raise problem(
                "E401",
                f"{number}% of a percentage is ambiguous (from 3.0%: {more} or {times}?)",
                amount.span,
                f"write `by {number} points` or `by {number}% relative`",
            )
        case tree.Percent():
            return
        case tree.Points() if form == "percent" or form == "points":
            return
        case tree.Points() if metric.type.unit.is_none and metric.type.nature != "ratio":
            return
        case tree.Points():
            help = "write a percentage, or give the metric `unit: percent`"
            raise problem("E402", f"points do not fit {spoken(metric.type)}", amount.span, help)
        case tree.DurationLiteral():
            duration_constant(amount)
            if metric.type.unit.is_duration:
                return
        case tree.Number():
            if form == "percent":
                help = f"write `by {text} points` or `by {text}% relative`"
                raise problem("E402", "a percentage changes by points or relatively", amount.span, help)
            if not metric.type.unit.is_duration:
                return
    raise problem("E402", f"this amount does not fit {spoken(metric.type)}", amount.span, _amount_help(metric))


def _amount_help(metric: Expression) -> str:
    return "write a duration, such as `5 minutes`" if metric.type.unit.is_duration else "write a number or a percentage"


def check_alert(world: World, alert: tree.Alert) -> None:
    """Check an alert: its condition, lengths, dimensions and message."""
    attempts = Attempts()
    given = read_properties("an alert", alert.properties, ALERT, attempts)
    written = {each.key.text for each in alert.properties}
    for key, example in (("when", "conversion_rate < 2%"), ("every", "day")):
        if key not in written:
            message = f"alert `{alert.name.text}` has no `{key}:`"
            attempts.fail(problem("E218", message, alert.name.span, f"write `{key}: {example}`"))
    when = None
    if "when" in given:
        when = attempts.run(partial(bind_condition, GroupBinder(world), given.get("when"), "when"))
    if "every" in given:
        attempts.run(partial(_check_lengths, given.get("every"), given.get("for"), world, given.written))
    dimensions: list[str] = []
    for path in given.get("by", ()):
        if when is not None:
            name = attempts.run(partial(_dimension, world, path, when))
            dimensions.extend([name] if name is not None else [])
    if "message" in given and when is not None:
        known = [*given_names(given.get("by", ())), "period", *direct_uses(when)]
        attempts.run(partial(_check_message, given.place("message").value, known))
    attempts.check()
    if when is not None:
        refuse_broken_sources(world, when)


def given_names(paths: Sequence[tree.Path]) -> list[str]:
    """The texts of names."""
    return [path.text for path in paths]


def _dimension(world: World, path: tree.Path, when: Expression) -> str:
    bases = base_sources(when)
    name = check_total_dimension(world, path, bases)
    if world.has_dimension(name):
        dimension = world.dimension(name, path.span)
        for base in bases:
            if dimension_on(world, dimension, base, path.span) is None:
                raise problem(
                    "E501",
                    f"this alert cannot be split by `{name}`: {base} does not have it",
                    path.span,
                    f"give `dimension {name}` a value for {base}",
                )
    return name


def _check_lengths(every: str, lasting: CalendarDuration | None, world: World, written: object) -> None:
    properties = written if isinstance(written, dict) else {}
    place = properties["every"].value.span
    found = world.things.find(every)
    if found is None or found.kind != "grain":
        words = world.things.words_of(("grain",))
        help = did_you_mean(every, words) or f"write one of {', '.join(words)}"
        raise problem("E201", f"no grain named `{every}`", place, help)
    if lasting is None or every not in GRAINS:
        return
    count = _how_many(lasting, every)
    if count is None or count.denominator != 1 or count < 1:
        raise problem(
            "E403",
            f"`for:` is not a whole number of {every}s",
            properties["for"].value.span,
            f"write `for: 2 {every.removeprefix('fiscal_')}s`, or a finer `every:`",
        )


def _how_many(lasting: CalendarDuration, every: str) -> Fraction | None:
    if lasting.unit in MICROSECONDS and every in MICROSECONDS:
        return lasting.amount * MICROSECONDS[lasting.unit] / MICROSECONDS[every]
    if lasting.unit in _MONTHS and every in _MONTHS:
        return lasting.amount * _MONTHS[lasting.unit] / _MONTHS[every]
    return None


def _check_message(node: tree.Expr, known: list[str]) -> None:
    assert isinstance(core(node), tree.Text)
    text = node.value if isinstance(node, tree.Text) else ""
    for match in re.finditer(r"\{([^{}]*)\}", text):
        if match[1] not in known:
            help = did_you_mean(match[1], known) or f"a message can show {listed(known, 'or')}"
            raise problem("E404", f"`{{{match[1]}}}` means nothing in this message", node.span, help)
