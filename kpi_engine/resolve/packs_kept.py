"""What an override keeps of the metric that it replaces: its unit, and the dimensions by which it can be split.

Reports and other metrics rely on both. The former formula is bound beside the new one, in the finished catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from kpi_engine.extend.registry import FunctionRegistry
from kpi_engine.ir import tree
from kpi_engine.ir.catalog import Catalog, Metric
from kpi_engine.ir.diagnostic import Diagnostic, Note
from kpi_engine.ir.expression import Expression
from kpi_engine.ir.types import Display, Kind, Type
from kpi_engine.resolve.dimensions import is_reachable
from kpi_engine.resolve.display import inferred_display
from kpi_engine.resolve.forms import split_sources
from kpi_engine.resolve.groups import GroupBinder
from kpi_engine.resolve.packs_overrides import Replaced
from kpi_engine.resolve.problems import BindError, listed
from kpi_engine.resolve.world import World


def with_kept_units(
    catalog: Catalog, replaced: Mapping[str, Replaced], functions: FunctionRegistry
) -> tuple[Catalog, list[Diagnostic]]:
    """The catalogue, in which an override is shown as the metric that it replaces if neither says a unit.

    E219 for each whose formula is of another unit, W794 for each that can be split by less than the replaced metric. An
    override or a former formula that is in error is not compared; `resolve` says what is wrong with it.

    >>> from kpi_engine.ir.catalog import CalendarSettings
    >>> with_kept_units(Catalog(CalendarSettings(), {}, {}, {}, {}), {}, FunctionRegistry())[1]
    []
    """
    if not replaced:
        return catalog, []
    world = World.of_catalog(catalog, functions)
    found: list[Diagnostic] = []
    shown: dict[str, Metric] = {}
    for name, each in replaced.items():
        metric = catalog.metrics.get(name)
        former = _bound(world, each.former) if metric is not None else None
        if metric is None or former is None:
            continue
        found.extend(_fewer_dimensions(world, metric, former, each))
        gives = inferred_display(metric.type, GroupBinder(world).form(metric.body))
        if _is_share_of_nothing(metric, gives, each):
            found.append(_other_unit(metric, metric.display, gives, each))
            continue
        unit = inferred_display(former.type, GroupBinder(world).form(former))
        if _says_unit(metric) or unit == metric.display or Kind.NULL in (former.type.kind, metric.type.kind):
            continue
        if _may_be(unit, metric.type):
            shown[name] = replace(metric, display=unit)
        else:
            found.append(_other_unit(metric, unit, metric.display, each))
    return replace(catalog, metrics={**catalog.metrics, **shown}), found


def told_as_overrides(problems: Iterable[Diagnostic], replaced: Mapping[str, Replaced]) -> tuple[Diagnostic, ...]:
    """Problems of definitions, where a unit that stays and does not fit is told as that, and not as one written."""
    places = {each.place for each in replaced.values()}
    help = "the unit of the metric that it replaces stays: write another `unit:` under it"
    return tuple(replace(each, help=help) if each.code == "E341" and each.span in places else each for each in problems)


def _bound(world: World, former: tree.Metric) -> Expression | None:
    try:
        return GroupBinder(world).bind(former.value)
    except BindError:
        return None


def _says_unit(metric: Metric) -> bool:
    """Whether a unit is written here or in the pack: then `resolve` has compared it with the formula."""
    given = metric.declaration.properties if metric.declaration is not None else ()
    return any(each.key.text == "unit" for each in given)


def _may_be(unit: Display, type: Type) -> bool:
    """Whether values of a type can be shown in a unit without telling anything else: a sum of counts is a count."""
    plain = unit.form in ("number", "ratio") or (unit.form == "count" and type.kind is Kind.INTEGER)
    return plain and type.unit.is_none


def _is_share_of_nothing(metric: Metric, gives: Display, replaced: Replaced) -> bool:
    """Whether a metric of the pack that says it is a percentage is now a count, which has nothing to be a part of."""
    given = metric.declaration.properties if metric.declaration is not None else ()
    is_kept = any(each.key.text == "unit" and each.value.span == replaced.place for each in given)
    return is_kept and metric.display.form in ("percent", "points") and gives.form == "count"


def _other_unit(metric: Metric, unit: Display, gives: Display, replaced: Replaced) -> Diagnostic:
    """A unit that is not written stays, so a formula of another one is a slip or has to say so."""
    message = f"`{metric.name}` is shown as {unit}, and this formula gives {gives}"
    notes = (Note("the metric that it replaces stands here", replaced.former.name.span),)
    return Diagnostic("E219", message, metric.span, f"if it is meant write `unit: {gives}` under it", notes)


def _fewer_dimensions(world: World, metric: Metric, former: Expression, replaced: Replaced) -> Iterator[Diagnostic]:
    kept = _dimensions(world, metric.body)
    lost = [name for name in _dimensions(world, former) if name not in kept]
    if not lost:
        return
    lacking = [each for each in split_sources(metric.body, frozenset(lost)) if not is_reachable(world, lost[0], [each])]
    users = _users(world, metric.name)
    also = f"; nor can {listed(users, most=5)}, which use it" if len(users) > 1 else ""
    also = f"; nor can `{users[0]}`, which uses it" if len(users) == 1 else also
    message = f"`{metric.name}` could be split by {listed(lost, most=8)}, and with this formula it cannot{also}"
    help = f"give `dimension {lost[0]}` a value for {listed(lacking)}"
    notes = (Note("the metric that it replaces stands here", replaced.former.name.span),)
    yield Diagnostic("W794", message, metric.span, help, notes)


def _dimensions(world: World, body: Expression) -> list[str]:
    """The declared dimensions that a metric can be split by; a constant by all, so by none that could be lost."""
    return [
        name for name in world.dimension_names() if is_reachable(world, name, split_sources(body, frozenset([name])))
    ]


def _users(world: World, name: str) -> list[str]:
    """The metrics that are made of one, directly or not, in the order of the catalogue."""
    found = {name}
    grown = True
    while grown:
        more = {each.name for each in world.metrics.values() if each.name not in found and found & {*each.uses}}
        found |= more
        grown = bool(more)
    return [each for each in world.metrics if each in found - {name}]
