"""Where a key stands in a TOML text. The standard parser gives values without places."""

from __future__ import annotations

import re

from kpi_engine.ir.span import SourceText, Span

_HEADER = re.compile(r"^\s*\[\[?\s*(?P<path>[^\]#]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""^\s*(?P<path>(?:"[^"]*"|'[^']*'|[\w-]+)(?:\s*\.\s*(?:"[^"]*"|'[^']*'|[\w-]+))*)\s*=""")
_PART = re.compile(r""""([^"]*)"|'([^']*)'|([\w-]+)""")


def place_of(source: SourceText, path: tuple[str, ...]) -> Span:
    """The place of the key; of what holds it if it has no line of its own; else the text's start.

    >>> text = SourceText("kpi.toml", 'name = "a"\\n[connections.main]\\npath = "data"\\n')
    >>> place_of(text, ("connections", "main", "path")).text
    'path'
    """
    places = _places(source)
    for length in range(len(path), 0, -1):
        if path[:length] in places:
            return places[path[:length]]
    return Span(source, 0, 0)


def _places(source: SourceText) -> dict[tuple[str, ...], Span]:
    """The places of all headers and of all keys that begin a line; the first one of each path."""
    found: dict[tuple[str, ...], Span] = {}
    table: tuple[str, ...] = ()
    inside = ""
    for start, line in zip(source.line_starts, source.text.split("\n"), strict=True):
        if inside:
            inside = "" if inside in line else inside
            continue
        if header := _HEADER.match(line):
            table = _parts(header["path"])
            found.setdefault(table, _span(source, start, header))
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key["path"])), _span(source, start, key))
            inside = _opened(line[key.end() :])
    return found


def _span(source: SourceText, line_start: int, match: re.Match[str]) -> Span:
    return Span(source, line_start + match.start("path"), line_start + match.end("path"))


def _parts(path: str) -> tuple[str, ...]:
    return tuple(next(filter(None, groups), "") for groups in _PART.findall(path))


def _opened(value: str) -> str:
    """The quotes of a multi-line text that begins in `value` and does not end there."""
    for quotes in ('"""', "'''"):
        if value.count(quotes) == 1:
            return quotes
    return ""
