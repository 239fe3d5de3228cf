"""Texts that mean null, and white space around texts, where values come with types: JSON and spreadsheets."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.builtin.connectors.text_options import TextOptions


def without_marks(values: pa.Array, options: TextOptions) -> pa.Array:
    """Values with the table's marks of null as null, and texts trimmed if asked; other types stay as they are.

    >>> without_marks(pa.array([" ? ", "a "]), TextOptions(trim=True, null_values=("?",))).to_pylist()
    [None, 'a']
    """
    if not pa.types.is_string(values.type) or not (options.trim or options.null_values):
        return values
    plain = pc.utf8_trim_whitespace(values) if options.trim else values
    marked = pc.is_in(plain, pa.array(options.null_values, pa.string()))
    if options.trim:
        blank = pc.and_(pc.equal(plain, ""), pc.not_equal(values, ""))
        marked = pc.or_(marked, blank)
    return pc.if_else(marked, pa.scalar(None, pa.string()), plain)
