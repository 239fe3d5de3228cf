"""Metrics on other windows: previous, change, growth, rolling, todate, cumulative, before; and `total`."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Literal, cast

from kpi_engine.extend.functions import Function
from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Note, did_you_mean
from kpi_engine.ir.expression import (
    Apply,
    CalendarDuration,
    Constant,
    Expression,
    MetricReference,
    Total,
    Window,
)
from kpi_engine.ir.span import NOWHERE
from kpi_engine.ir.types import INTEGER, RATIO, TEXT
from kpi_engine.kernels.calendar import UNITS
from kpi_engine.resolve.binder import Binder
from kpi_engine.resolve.calls import check_count, refuse_modifiers, result_type
from kpi_engine.resolve.dimensions import check_total_dimension
from kpi_engine.resolve.forms import base_sources, check_size, nodes, size_of
from kpi_engine.resolve.literals import calendar_duration, check_unit, core, is_negative
from kpi_engine.resolve.problems import Attempts, problem
from kpi_engine.resolve.world import World

_OWN_WINDOW = ("rolling", "todate", "cumulative", "before")


def bind_window(binder: Binder, function: Function, call: tree.Call) -> Expression:
    """A call of a window function."""
    for argument in call.arguments:
        refuse_modifiers(function.name, argument)
    check_count(function, call, len(call.arguments))
    first, *rest = [argument.value for argument in call.arguments]
    if function.name == "total":
        return _total(binder, function, call, first, rest)
    attempts = Attempts()
    body = attempts.run(partial(binder.bind, first))
    length: CalendarDuration | None = None
    grain: str | None = None
    if rest and function.name == "todate":
        grain = attempts.run(partial(_grain, binder.world, rest[0]))
    elif rest:
        length = attempts.run(partial(_length, binder.world, function.name, rest[0]))
    attempts.check()
    assert body is not None
    values: list[Expression] = [body, *(Constant("", TEXT) for _ in rest)]
    type = result_type(function, values, call, [first, *rest])
    if function.name == "nonempty":
        return Apply("nonempty", (body,), type, call.span)
    if function.name in ("change", "growth"):
        return _compared(binder.world, function.name, body, length, call)
    if function.name in _OWN_WINDOW:
        _check_lengths(function.name, body, call)
    kind = cast(Literal["previous", "rolling", "todate", "cumulative", "before"], function.name)
    return Window(kind, body, length, grain, type, call.span)


def _compared(
    world: World, name: str, body: Expression, length: CalendarDuration | None, call: tree.Call
) -> Expression:
    """`change(E)` is E - previous(E), `growth(E)` is E / previous(E) - 1."""
    before = Window("previous", body, length, None, body.type, call.span)
    if name == "change":
        lowered = Apply("subtract", (body, before), body.type, call.span)
    else:
        quotient = Apply("divide", (body, before), RATIO, call.span)
        lowered = Apply("subtract", (quotient, Constant(1, INTEGER)), RATIO, call.span)
    check_size(size_of(world, lowered), name, call.span)
    return lowered


def _length(world: World, name: str, node: tree.Expr) -> CalendarDuration:
    inner = core(node)
    if isinstance(inner, tree.DurationLiteral):
        if is_negative(node):
            raise problem("E336", f"`{name}` looks back by a length more than zero", node.span, "leave the minus out")
        return _counted_grains(world, inner) or calendar_duration(inner)
    if isinstance(inner, tree.Path):
        return CalendarDuration(Fraction(1), _grain(world, inner))
    raise problem("E336", f"`{name}` takes a duration here", node.span, f"write for example `{name}(m, 7 days)`")


def _counted_grains(world: World, node: tree.DurationLiteral) -> CalendarDuration | None:
    """`4 retail_weeks` as so many periods of a declared grain; None for units of every calendar."""
    if node.unit in UNITS:
        return None
    owners = (world.things.find(word) for word in (node.unit, node.unit.removesuffix("s")))
    grain = next((each.name for each in owners if each is not None and each.kind == "grain"), None)
    if grain is None:
        check_unit(node, world.things.words_of(("grain",)))
        return None
    return calendar_duration(node, grain)


def _grain(world: World, node: tree.Expr) -> str:
    inner = core(node)
    words = world.things.words_of(("grain",))
    if isinstance(inner, tree.Path) and len(inner.parts) == 1:
        found = world.things.find(inner.text)
        if found is not None and found.kind == "grain":
            return found.name
        help = did_you_mean(inner.text, words) or f"write one of {', '.join(words)}"
        raise problem("E201", f"no grain named `{inner.text}`", node.span, help)
    help = f"write one of {', '.join(words)}"
    if isinstance(inner, tree.DurationLiteral):
        help = f"write the bare word: `{inner.unit}`"
    raise problem("E336", "a grain belongs here", node.span, help)


def _check_lengths(name: str, body: Expression, call: tree.Call) -> None:
    """E337 for `previous` without a length: inside a window of its own there is no period to step back by."""
    all_nodes = nodes(body)
    plain = next((n for n in all_nodes if isinstance(n, Window) and n.kind == "previous" and n.duration is None), None)
    if plain is None:
        return
    word = plain.span.text.partition("(")[0].strip() or "previous"
    holder = next(
        (n.name for n in all_nodes if isinstance(n, MetricReference) and any(each is plain for each in nodes(n.body))),
        None,
    )
    inside = f" (in `{holder}`)" if holder is not None else ""
    place = call.span if holder is not None else plain.span
    notes = [Note(f"`{word}` stands here", plain.span)] if holder is not None and plain.span is not NOWHERE else []
    raise problem(
        "E337",
        f"`{word}`{inside} needs a length inside `{name}`, which has no period before it",
        place,
        f"say how far back: `{word}(m, 1 year)`",
        notes,
    )


def _total(binder: Binder, function: Function, call: tree.Call, first: tree.Expr, rest: list[tree.Expr]) -> Expression:
    attempts = Attempts()
    body = attempts.run(partial(binder.bind, first))
    names: list[str] = []
    for node in rest:
        inner = core(node)
        if not isinstance(inner, tree.Path):
            attempts.fail(problem("E215", "`total` takes names of dimensions", node.span, "write `total(m, channel)`"))
        elif body is not None:
            name = attempts.run(partial(check_total_dimension, binder.world, inner, base_sources(body)))
            if name is not None and name not in names:
                names.append(name)
    attempts.check()
    assert body is not None
    type = result_type(function, [body, *(Constant("", TEXT) for _ in rest)], call, [first, *rest])
    return Total(body, tuple(names), type, call.span)
