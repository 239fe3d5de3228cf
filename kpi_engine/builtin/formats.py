"""The output formats that ship with the engine."""

from __future__ import annotations

from kpi_engine.extend.formats import OutputFormat

FORMATS: tuple[OutputFormat, ...] = (
    OutputFormat("table", "txt", False, "kpi_engine.present.table:write_table", "aligned, for people"),
    OutputFormat("csv", "csv", False, "kpi_engine.present.delimited:write_csv", "raw values, a line a row"),
    OutputFormat("json", "json", False, "kpi_engine.present.json_rows:write_json", "an array of objects"),
    OutputFormat("jsonl", "jsonl", False, "kpi_engine.present.json_rows:write_jsonl", "an object a line"),
    OutputFormat("markdown", "md", False, "kpi_engine.present.markdown:write_markdown", "a pipe table, for people"),
    OutputFormat("arrow", "arrows", True, "kpi_engine.present.arrow_files:write_arrow", "an Arrow IPC stream"),
    OutputFormat("parquet", "parquet", True, "kpi_engine.present.arrow_files:write_parquet", "a Parquet file"),
)
"""In the order that help texts show them."""
