"""The names in a header as the names of columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kpi_engine.builtin.connectors.text_options import TextOptions
from kpi_engine.extend.rows import data_error


def header_names(fields: Sequence[str], options: TextOptions, place: str) -> tuple[str, ...]:
    """The names of columns; `column3` where the third is missing. KpiError E613 if one occurs twice.

    >>> header_names(["Order ID", "", "Total"], TextOptions(snake_case=True), "orders.csv:1")
    ('order_id', 'column2', 'total')
    """
    shown = [_name(field, options) for field in fields]
    names = tuple(name or f"column{number}" for number, name in enumerate(shown, 1))
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        help = "give each column a name of its own"
        if repeated.replace(".", "", 1).isdigit():
            help = "if the file has no header, add `header: false` to the source"
        raise data_error("E613", place, f"the header names `{repeated}` twice", help)
    return names


def _name(field: str, options: TextOptions) -> str:
    if not options.snake_case:
        return field.strip() if options.trim else field
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.strip())
    return re.sub(r"\W+", "_", parted).strip("_").lower()
