"""Tables behind the definitions: their schemas before anything is resolved, their rows in declared types after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kpi_engine.connect.reader import CatalogReader, connector_of
from kpi_engine.extend.rows import Connector, TableRequest
from kpi_engine.ir.catalog import TableSchema, TableSpec
from kpi_engine.ir.diagnostic import Diagnostic, KpiError
from kpi_engine.ir.span import NOWHERE

__all__ = ["CatalogReader", "schema_of", "source_schema"]


def schema_of(connector: Connector, table: TableRequest) -> TableSchema:
    """Columns and types of a table; KpiError E6xx if there is none or it cannot be read."""
    return connector.schema(table)


def source_schema(
    spec: TableSpec, connectors: Mapping[str, Connector], bound: Mapping[str, Connector]
) -> tuple[TableSchema | None, tuple[Diagnostic, ...]]:
    """The schema of a source's table; where it cannot be had, None and what is wrong, at the source's place."""
    table = TableRequest(spec.names, spec.options, spec.timezone or "UTC", spec.on_error, spec.source)
    try:
        connector = connector_of(spec.source, spec.connection, connectors, bound)
        return schema_of(connector, table), ()
    except KpiError as error:
        return None, tuple(_at_source(problem, spec) for problem in error.diagnostics)


def _at_source(problem: Diagnostic, spec: TableSpec) -> Diagnostic:
    """A problem of a table, told where the source is defined; the file it is about stays in the message."""
    if spec.span is NOWHERE:
        return problem
    about = problem.span.source.name
    named = not about or about in problem.message or about == spec.source
    return replace(problem, span=spec.span, message=problem.message if named else f"{about}: {problem.message}")
