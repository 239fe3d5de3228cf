"""The layout rule: a declaration begins in column 1, and every indented line belongs to the one above it."""

from __future__ import annotations

import re

from kpi_engine.ir.span import SourceText

BOM = "\ufeff"

_FIRST = re.compile(r"^[^\s#)\]]", re.MULTILINE)


def declarations(source: SourceText) -> list[tuple[int, int]]:
    """The range of each declaration, without the white space behind it; comments behind it are part of its range.

    A line that begins with ) or ] closes what an earlier line opened. What stands before the first declaration and is
    neither white space nor a comment is a range of its own, so that it is not overlooked.

    >>> declarations(SourceText("a.kpi", "x = 1\\n  unit: percent\\n\\ny = 2\\n"))
    [(0, 21), (23, 28)]
    """
    text = source.text
    begin = text_start(source)
    starts = [match.start() for match in _FIRST.finditer(text) if match.start() >= begin]
    if begin and text[begin : begin + 1] and not re.match(r"[\s#)\]]", text[begin]):
        starts.insert(0, begin)
    head_end = starts[0] if starts else len(text)
    if has_content(text, begin, head_end):
        starts.insert(0, begin)
    ends = [*starts[1:], len(text)]
    return [(start, start + len(text[start:end].rstrip())) for start, end in zip(starts, ends, strict=False)]


def text_start(source: SourceText) -> int:
    """Where the text begins: behind a byte order mark."""
    return 1 if source.text.startswith(BOM) else 0


def has_content(text: str, start: int, end: int) -> bool:
    """Whether anything but white space and comments stands in the range."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in text[start:end].split("\n"))
