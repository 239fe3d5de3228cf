"""A project loaded for one question: of the tables that it cannot touch not even the schemas are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kpi_engine.extend.rows import Connector
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.question import Question
from kpi_engine.pipeline.depth import deep
from kpi_engine.pipeline.loading import Loaded, Parsed, load_linked
from kpi_engine.pipeline.running import Run, parsed_where
from kpi_engine.project import ProjectConfig
from kpi_engine.resolve import reached, words_of


@deep
def tables_touched(parsed: Parsed, question: Question, default_as_of: str) -> frozenset[str] | None:
    """The names of the sources and declared grains whose tables a question can touch; None where that is not known
    before all have been looked at: where the data ends is asked of all, and so is what a wrong name should have been.
    """
    if (question.as_of or default_as_of) == "data":
        return None
    try:
        return reached(parsed.linked.files, _words(parsed, question))
    except KpiError:  # told when the question is bound
        return None


def _words(parsed: Parsed, question: Question) -> Iterable[str]:
    ordered = (text.partition(":")[0] for text in question.order_by)
    for name in map(parsed.linked.metric_name, (*question.metrics, *question.by, *ordered)):
        yield from (name, *name.split("."))
    yield from (question.grain or "").split(",")
    if question.where is not None:
        yield from words_of(parsed.linked.expression(parsed_where(question.where), parsed.host.functions))


def load_touched(
    parsed: Parsed,
    config: ProjectConfig,
    bound: Mapping[str, Connector],
    touched: frozenset[str],
    before: Loaded | None = None,
) -> Loaded:
    """`load_linked`, with the schemas of these tables alone, and of those that were looked at before; what else is
    defined takes its columns on trust."""
    seen = frozenset() if before is None else frozenset(before.schemas) - before.unseen
    return load_linked(parsed, config, bound, touched | seen, before)


def reads_unseen(prepared: Run) -> bool:
    """Whether a question reads a table after all at whose schema nobody has looked."""
    plan = prepared.optimized
    read = {*(each.source for each in plan.scans), *(each.source for each in plan.prepared)}
    return not read.isdisjoint(prepared.loaded.unseen)
