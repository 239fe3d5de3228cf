"""The whole lists of properties, one for each kind of declaration."""

from __future__ import annotations

from collections.abc import Mapping

from kpi_engine.resolve import properties as p
from kpi_engine.resolve.properties import Reader

_TEXT = "a text in double quotes"
_NAME = "a column's name"
_DESCRIPTION = Reader(_TEXT, '"One row per order"', p.text)
_OWNER = Reader("a name or a text", '"head of sales"', p.word_or_text)
_WORD = "a single word"

METRIC: Mapping[str, Reader] = {
    "unit": Reader("a unit", "percent", p.expression),
    "better": p.choice("higher", "lower", "neither"),
    "target": Reader("an amount in the metric's unit", "2.5%", p.expression),
    "tags": Reader("a list of words", "[sales, funnel]", p.words_or_texts),
    "description": Reader(_TEXT, '"Orders per visitor"', p.text),
    "owner": _OWNER,
    "format": Reader(_TEXT, '"0.0"', p.text),
    "deprecated": Reader("a text that says why, or true", '"counts test orders, too"', p.reason),
    "replaced_by": Reader("the name of a metric", "order_count", p.path),
    "since": Reader("a date or a version", "2027-01-01", p.moment),
}

_OPTIONS = {
    "format": p.choice("csv", "parquet", "arrow", "json", "orc", "xlsx"),
    "delimiter": Reader("one character in double quotes", '";"', p.text),
    "encoding": Reader("the name of an encoding", '"latin-1"', p.text),
    "quote": Reader("one character in double quotes", '"\'"', p.text),
    "decimal": Reader("one character in double quotes", '","', p.text),
    "thousands": Reader("one character in double quotes", '"."', p.text),
    "header": Reader("true or false", "false", p.boolean),
    "skip": Reader("a whole number of lines", "2", p.whole),
    "null_values": Reader("a list of texts", '["?", "NULL"]', p.texts),
    "trim": Reader("true or false", "true", p.boolean),
    "date_format": Reader(_TEXT, '"%d.%m.%Y"', p.time_format),
    "timestamp_format": Reader(_TEXT, '"%Y-%m-%d %H:%M:%S"', p.time_format),
    "names": p.choice("exact", "snake_case"),
    "sheet": Reader("the name of a sheet in double quotes", '"2026"', p.text),
    "missing_columns": p.choice("error", "null"),
}
OPTIONS = frozenset(_OPTIONS)
"""Properties of sources that say how files are read."""

SOURCE: Mapping[str, Reader] = {
    "connection": Reader("the name of a connection", "warehouse", p.word_or_text),
    "table": Reader("the name of a table or file in double quotes", '"orders.parquet"', p.texts),
    "key": Reader("a column or a list of columns", "order_id", p.words),
    "time": Reader(_NAME, "ordered_at", p.path),
    "timezone": Reader("the name of a zone", '"Asia/Shanghai"', p.text),
    "where": Reader("a condition", 'status != "test"', p.expression),
    "on_duplicate": Reader("`error` or `latest(column)`", "latest(updated_at)", p.expression),
    "on_error": p.choice("stop", "null"),
    "starts": Reader("a date", "2024-01-01", p.moment),
    "watermark": Reader("a date or an instant", "2027-03-15", p.moment),
    "late": Reader("a duration", "3 days", p.duration),
    "counted_in": Reader("the name of a source", "visits", p.path),
    "singular": Reader(_WORD, "order", p.word),
    "lifetime": Reader("two time columns", "[started_at, ended_at]", p.pair),
    "snapshot": Reader("the interval of the snapshots", "day", p.word),
    "snapshot_by": Reader("a list of columns", "[store_id]", p.words),
    "versions": Reader("two time columns", "[valid_from, valid_to]", p.pair),
    "grain": Reader("a grain", "month", p.word),
    "columns": p.choice("closed", "open"),
    "distinct": Reader("true or false", "true", p.boolean),
    "max_items": Reader("a whole number", "100", p.whole),
    "description": _DESCRIPTION,
    "owner": _OWNER,
    **_OPTIONS,
}

ENTITY: Mapping[str, Reader] = {
    "plural": Reader(_WORD, "people", p.word),
    "counted_in": Reader("the name of a source", "visits", p.path),
    "description": Reader(_TEXT, '"A browser or an app"', p.text),
    "owner": _OWNER,
}

DIMENSION: Mapping[str, Reader] = {
    "description": Reader(_TEXT, '"Where the visit came from"', p.text),
    "owner": _OWNER,
}

GRAIN: Mapping[str, Reader] = {
    "connection": Reader("the name of a connection", "warehouse", p.word_or_text),
    "table": Reader("the name of a table or file in double quotes", '"calendar.csv"', p.texts),
    "time": Reader("the column with the first day of each period", "starts_on", p.word),
    "label": Reader("the column with the name of each period", "week_name", p.word),
    "description": _DESCRIPTION,
    "owner": _OWNER,
    **_OPTIONS,
}

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)

CALENDAR: Mapping[str, Reader] = {
    "timezone": Reader("the name of a zone in double quotes", '"Asia/Shanghai"', p.text),
    "week_starts": p.choice("monday", "sunday", "saturday"),
    "fiscal_year_starts": Reader("a month", "april", p.choice(*MONTHS).read),
    "fiscal_year_named": p.choice("end", "start"),
    "currency": Reader("a currency of three letters", "CNY", p.word),
}

USE: Mapping[str, Reader] = {
    "version": Reader("a range of versions in double quotes", '">=1.2, <2"', p.text),
}

GOAL: Mapping[str, Reader] = {
    "watch": Reader("a list of metrics", "[site_traffic, bounce_rate]", p.paths),
    "description": Reader(_TEXT, '"Agreed in the yearly plan"', p.text),
    "owner": _OWNER,
}

ALERT: Mapping[str, Reader] = {
    "when": Reader("a condition on metrics", "conversion_rate < 2%", p.expression),
    "for": Reader("a duration", "2 days", p.duration),
    "every": Reader("a grain", "day", p.word),
    "by": Reader("a list of dimensions", "[channel]", p.paths),
    "no_data": p.choice("alert", "ok", "keep"),
    "severity": Reader("a word", "high", p.word_or_text),
    "message": Reader(_TEXT, '"Conversion of {channel} fell"', p.text),
    "description": Reader(_TEXT, '"Pages the team on duty"', p.text),
    "owner": _OWNER,
}
