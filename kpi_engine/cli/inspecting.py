"""`kpi list` and `kpi describe`: what there is, and what it means."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from kpi_engine.cli import completing
from kpi_engine.cli.failures import note, usage_error
from kpi_engine.cli.session import session_of
from kpi_engine.ir.diagnostic import did_you_mean

if TYPE_CHECKING:
    from kpi_engine.ir.catalog import Catalog, Metric


def list_metrics(
    context: typer.Context,
    tag: Annotated[str | None, typer.Option("--tag", metavar="TAG", help="Only metrics with this tag.")] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help="Only metrics that read this source.",
            autocompletion=completing.sources,
        ),
    ] = None,
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Only metrics that lack a table or a column, with what they need.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write a JSON array.")] = False,
) -> None:
    """List the metrics with their units.

    \b
    Example:
      kpi list --source orders
    """
    from kpi_engine.cli.describing import needed_columns, print_list

    session = session_of(context)
    catalog = session.open().catalog
    metrics = [each for each in _selected(catalog, tag, source) if each.lacks or not disabled]
    if as_json:
        sys.stdout.write(json.dumps([_as_object(m) for m in metrics], ensure_ascii=False, indent=2) + "\n")
        return
    meaning = partial(needed_columns, catalog) if disabled else _meaning
    print_list([(m.name, str(m.display), meaning(m)) for m in metrics])
    sys.stdout.flush()
    count = f"{len(metrics)} metric{'' if len(metrics) == 1 else 's'}"
    waiting = sum(bool(m.lacks) for m in metrics)
    count += f", {waiting} disabled" if waiting else ""
    note(f"{count}; `kpi describe NAME` says what one means", session.errors)


def describe(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A metric, dimension, source or entity.", autocompletion=completing.anything
        ),
    ],
) -> None:
    """Say what a name means and what uses it.

    \b
    Example:
      kpi describe conversion
    """
    from kpi_engine.cli.describing import facts_about, print_facts

    project = session_of(context).open()
    catalog = project.catalog
    found = facts_about(project, name)
    if not found:
        names = [*catalog.metrics, *catalog.dimensions, *catalog.sources, *catalog.entities, *catalog.grains]
        raise usage_error("E728", f"nothing is named `{name}`", did_you_mean(name, names) or "`kpi list` shows names")
    for facts in found:
        print_facts(facts)


def _selected(catalog: Catalog, tag: str | None, source: str | None) -> list[Metric]:
    if source is not None and source not in catalog.sources:
        help = did_you_mean(source, catalog.sources) or f"there are {', '.join(catalog.sources)}"
        raise usage_error("E727", f"there is no source `{source}`", help)
    tags = {one for metric in catalog.metrics.values() for one in metric.tags}
    if tag is not None and tag not in tags:
        help = did_you_mean(tag, tags) or (f"there are {', '.join(sorted(tags))}" if tags else "no metric has tags")
        raise usage_error("E727", f"no metric has the tag `{tag}`", help)
    return [
        metric
        for metric in catalog.metrics.values()
        if (tag is None or tag in metric.tags) and (source is None or source in metric.sources)
    ]


def _meaning(metric: Metric) -> str:
    """The description; of a metric that cannot be computed, why not."""
    return f"(disabled: lacks {', '.join(metric.lacks)}) {metric.description}" if metric.lacks else metric.description


def _as_object(metric: Metric) -> dict[str, object]:
    return {
        "name": metric.name,
        "unit": str(metric.display),
        "description": metric.description or None,
        "sources": list(metric.sources),
        "tags": list(metric.tags),
        "better": metric.better,
        "owner": metric.owner or None,
        "additive": metric.additive,
        "grain_dependent": metric.grain_dependent,
        "estimates": [{"aggregate": each.text, "error": each.error, "bound": each.bound} for each in metric.estimates],
        "deprecated": metric.deprecated,
        "pack": metric.pack or None,
        "lacks": list(metric.lacks),
        "needs": list(metric.needs),
    }
