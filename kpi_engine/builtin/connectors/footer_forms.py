"""Footers of one form: what was learnt of one that was checked tells that others like it need no check.

The files of a table mostly come from one writer, so that their footers differ in numbers and bounds alone. The form of
a row group is a chain of regular expressions in which a number is any number, and a bound as long as a value any such
bound; all else must be the same byte for byte. A row group that fits the form has the same fields, and so passes the
checks that the first one passed. Between two expressions of a chain stands a text of any length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kpi_engine.builtin.connectors.compact_protocol import (
    BINARY,
    BOOLEANS,
    BYTE,
    DOUBLE,
    INTEGERS,
    LIST,
    SET,
    STRUCT,
    DamagedFooter,
    field,
    size_of_list,
    skip,
    varint,
)
from kpi_engine.builtin.connectors.footer_check import BOUNDS, CHUNKS, COLUMN, ROW_GROUPS, STATISTICS, TYPE, Leaf
from kpi_engine.ir.dataclass import dataclass

_NUMBER = rb"[\x80-\xff]{0,9}[\x00-\x7f]"
_LISTS_OF_STRUCTS = b"".join(re.escape(bytes([size << 4 | STRUCT])) for size in range(16))
_LONGEST_TEXT = 127


@dataclass(frozen=True, slots=True)
class FooterForm:
    """What the footers of one form have in common: their beginning up to the list of row groups, the form of a row
    group, and all that follows the list."""

    head: re.Pattern[bytes]
    group: tuple[re.Pattern[bytes], ...]
    rest: bytes

    def fits(self, footer: bytes) -> bool:
        """Whether a footer is of this form; one that is not may be sound all the same."""
        found = self.head.match(footer)
        if found is None or not footer.endswith(self.rest):
            return False
        try:
            groups, pos = size_of_list(footer, found.end())
            for _ in range(groups):
                pos = self._past_group(footer, pos)
        except (IndexError, DamagedFooter):
            return False
        return pos == len(footer) - len(self.rest)

    def _past_group(self, footer: bytes, pos: int) -> int:
        """Past a row group; DamagedFooter if it is of another form."""
        for number, part in enumerate(self.group):
            if number:
                pos += footer[pos] + 1 if footer[pos] <= _LONGEST_TEXT else 0
            found = part.match(footer, pos)
            if found is None:
                raise DamagedFooter("it is of another form")
            pos = found.end()
        return pos


def form_of(footer: bytes, leaves: Sequence[Leaf]) -> FooterForm | None:
    """The form of a footer that has passed its check; None of one without row groups."""
    pos = number = 0
    head: list[bytes] = []
    while start := footer[pos]:
        before, kind = pos, start & 15
        number, pos = field(footer, pos, number)
        if number == ROW_GROUPS and kind == LIST:
            groups, first = size_of_list(footer, pos)
            head.append(re.escape(footer[before:pos]) + b"(?=[%s])" % _LISTS_OF_STRUCTS)
            end = skip(footer, pos, kind)
            return (
                FooterForm(re.compile(b"".join(head)), _compiled(footer, first, leaves), footer[end:])
                if groups
                else None
            )
        value, pos = pos, skip(footer, pos, kind)
        same = footer[before:value] if kind in INTEGERS else footer[before:pos]
        head.append(re.escape(same) + (_NUMBER if kind in INTEGERS else b""))
    return None


def _compiled(footer: bytes, start: int, leaves: Sequence[Leaf]) -> tuple[re.Pattern[bytes], ...]:
    parts: list[list[bytes]] = [[]]
    for piece in _Walk(footer, leaves).struct(start, "group"):
        if piece is None:
            parts.append([])
        else:
            parts[-1].append(piece)
    return tuple(re.compile(b"".join(each), re.DOTALL) for each in parts)


_INSIDE = {("group", CHUNKS): "chunk", ("chunk", COLUMN): "column", ("column", STATISTICS): "statistics"}
"""What a field of a struct holds, of those whose fields matter here."""


class _Walk:
    """A walk through a row group that gives the parts of its expression; None stands for a text of any length."""

    def __init__(self, footer: bytes, leaves: Sequence[Leaf]) -> None:
        self._footer = footer
        self._leaves = leaves
        self._leaf = -1
        self.pos = 0

    def struct(self, start: int, name: str) -> Iterator[bytes | None]:
        self.pos, number = start, 0
        while head := self._footer[self.pos]:
            number, after = field(self._footer, self.pos, number)
            yield self._same(after)
            yield from self._value(head & 15, name, number)
        yield self._same(self.pos + 1)

    def _value(self, kind: int, name: str, number: int) -> Iterator[bytes | None]:
        if kind in BOOLEANS:
            return
        if kind == STRUCT:
            yield from self.struct(self.pos, _INSIDE.get((name, number), ""))
        elif kind in (LIST, SET):
            yield from self._elements(_INSIDE.get((name, number), ""))
        elif kind in INTEGERS and (name, number) != ("column", TYPE):
            _, self.pos = varint(self._footer, self.pos)
            yield _NUMBER
        elif kind == BINARY and name == "statistics" and number in BOUNDS:
            yield from self._bound(self._leaves[self._leaf].width)
        elif kind in (BYTE, DOUBLE):
            wide = 1 if kind == BYTE else 8
            self.pos += wide
            yield b".{%d}" % wide
        else:
            yield self._same(skip(self._footer, self.pos, kind))

    def _elements(self, name: str) -> Iterator[bytes | None]:
        inner = self._footer[self.pos] & 15
        size, after = size_of_list(self._footer, self.pos)
        if inner in BOOLEANS:
            after += size
        yield self._same(after)
        for _ in range(size):
            if name == "chunk":
                self._leaf += 1
            if inner == STRUCT:
                yield from self.struct(self.pos, name)
            else:
                yield from self._value(inner, "", 0)

    def _bound(self, width: int | None) -> Iterator[bytes | None]:
        size, after = varint(self._footer, self.pos)
        if width is None and size <= _LONGEST_TEXT:
            self.pos = after + size
            yield None
            return
        yield self._same(after)
        self.pos = after + size
        yield b".{%d}" % size

    def _same(self, end: int) -> bytes:
        """Past bytes that are the same in all footers of the form."""
        start, self.pos = self.pos, end
        return re.escape(self._footer[start:end])
