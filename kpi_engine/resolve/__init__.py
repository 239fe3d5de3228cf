"""Resolve: trees and table schemas become a catalogue, questions become bound questions. All meaning is checked here.

The way through: `declarations` enters every declaration in a `World` (what names can mean); formulas are bound by
`groups` (metrics) and `rows` (columns inside aggregates), which share `expressions`; `question` and `splitting` bind
what is asked.
Nothing here reads data.
"""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import TableSpec
from kpi_engine.resolve.declarations import resolve
from kpi_engine.resolve.grains import grain_tables
from kpi_engine.resolve.packs import Linked, link
from kpi_engine.resolve.question import bind_question
from kpi_engine.resolve.reach import reached, words_of
from kpi_engine.resolve.sources import table_specs

__all__ = ["Linked", "bind_question", "link", "reached", "resolve", "source_tables", "words_of"]


def source_tables(files: Sequence[tree.File]) -> dict[str, TableSpec]:
    """What connecting needs before schemas exist: the table of each source and declared grain, by its name.

    Derived sources have none; a source without `table:` reads the table of its own name. What is wrong with a property
    is reported by `resolve`.

    >>> source_tables([])
    {}
    """
    return {**grain_tables(files), **table_specs(files)}
