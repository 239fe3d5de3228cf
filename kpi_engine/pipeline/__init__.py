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

from kpi_engine.pipeline.depth import deep
from kpi_engine.pipeline.describing import check_bound, explain_definition, explain_plan, result_columns, splits
from kpi_engine.pipeline.loading import (
    Loaded,
    Parsed,
    in_order,
    is_outdated,
    linked_files,
    load,
    load_linked,
    load_parsed,
    load_texts,
    parse_texts,
    without_follow_ups,
)
from kpi_engine.pipeline.running import (
    Run,
    calendar_of,
    parsed_where,
    prepare,
    refuse_unread,
    run,
    with_periods,
)
from kpi_engine.pipeline.touching import load_touched, reads_unseen, tables_touched

__all__ = [
    "Loaded",
    "Parsed",
    "Run",
    "calendar_of",
    "check_bound",
    "deep",
    "explain_definition",
    "explain_plan",
    "in_order",
    "is_outdated",
    "linked_files",
    "load",
    "load_linked",
    "load_parsed",
    "load_texts",
    "load_touched",
    "parse_texts",
    "parsed_where",
    "prepare",
    "reads_unseen",
    "refuse_unread",
    "result_columns",
    "run",
    "splits",
    "tables_touched",
    "with_periods",
    "without_follow_ups",
]
