"""What metrics and answers are, for those who look at them: columns, legal splits, explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError, did_you_mean
from kpi_engine.ir.question import Question
from kpi_engine.ir.result import ResultColumn
from kpi_engine.pipeline.depth import deep
from kpi_engine.pipeline.loading import Loaded, Parsed
from kpi_engine.pipeline.running import Run
from kpi_engine.resolve import bind_question, source_tables
from kpi_engine.resolve.packs_missing import (
    lacking_dimensions,
)

if TYPE_CHECKING:
    pass


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
    from kpi_engine.plan.show import show_plan

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
