"""Footers of one form: what was learnt of one that was checked tells that others like it need no check.

The files of a table mostly come from one writer, so that their footers differ in numbers and bounds alone. The form of
a row group is a chain of steps in which a number is any number, and a bound as long as a value any such bound; all
else must be the same byte for byte. A row group that fits the form has the same fields, and so passes the checks that
the first one passed. Where a table turns out to have many files, the steps become regular expressions, which are seven
times as fast and take as long to compile as 150 footers to be walked through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

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

Step = bytes | int
"""Bytes that are the same in all footers of a form, so many bytes of any value, or one of these two:"""

_NUMBER: Final = -1
_TEXT: Final = -2
_LONGEST_NUMBER = 10
_LONGEST_TEXT = 127
_MANY = 150


@dataclass(slots=True)
class FooterForm:
    """What the footers of one form have in common: their beginning up to the list of row groups, the form of a row
    group, and all that follows the list. `compiled` is the form of a row group for many footers."""

    head: tuple[Step, ...]
    group: tuple[Step, ...]
    rest: bytes
    seen: int = 0
    compiled: Sequence[re.Pattern[bytes]] = ()

    def fits(self, footer: bytes) -> bool:
        """Whether a footer is of this form; one that is not may be sound all the same."""
        if not footer.endswith(self.rest):
            return False
        self.seen += 1
        if self.seen > _MANY and not self.compiled:
            self.compiled = _compiled(self.group)
        try:
            pos = _past(self.head, footer, 0)
            if footer[pos] & 15 != STRUCT:
                return False
            groups, pos = size_of_list(footer, pos)
            for _ in range(groups):
                pos = _past_compiled(self.compiled, footer, pos) if self.compiled else _past(self.group, footer, pos)
        except (IndexError, DamagedFooter):
            return False
        return pos == len(footer) - len(self.rest)


def _past(steps: Sequence[Step], footer: bytes, pos: int) -> int:
    """Past some steps; DamagedFooter or IndexError if a footer has others."""
    for step in steps:
        if isinstance(step, bytes):
            if not footer.startswith(step, pos):
                raise DamagedFooter("it is of another form")
            pos += len(step)
        elif step == _NUMBER:
            start = pos
            while footer[pos] > _LONGEST_TEXT:
                pos += 1
            pos += 1
            if pos - start > _LONGEST_NUMBER:
                raise DamagedFooter("it has a longer number than there are")
        elif step == _TEXT:
            if footer[pos] > _LONGEST_TEXT:
                raise DamagedFooter("it has a longer bound")
            pos += footer[pos] + 1
        else:
            pos += step
    return pos


def _compiled(steps: Iterable[Step]) -> list[re.Pattern[bytes]]:
    """The same steps as regular expressions; between two of them stands a text of any length."""
    parts: list[list[bytes]] = [[]]
    for step in steps:
        if isinstance(step, bytes):
            parts[-1].append(re.escape(step))
        elif step == _NUMBER:
            parts[-1].append(rb"[\x80-\xff]{0,%d}[\x00-\x7f]" % (_LONGEST_NUMBER - 1))
        elif step == _TEXT:
            parts.append([])
        else:
            parts[-1].append(b".{%d}" % step)
    return [re.compile(b"".join(each), re.DOTALL) for each in parts]


def _past_compiled(patterns: Sequence[re.Pattern[bytes]], footer: bytes, pos: int) -> int:
    """As `_past`."""
    for number, pattern in enumerate(patterns):
        if number:
            size = footer[pos]
            if size > _LONGEST_TEXT:
                raise DamagedFooter("it has a longer bound")
            pos += size + 1
        found = pattern.match(footer, pos)
        if found is None:
            raise DamagedFooter("it is of another form")
        pos = found.end()
    return pos


def form_of(footer: bytes, leaves: Sequence[Leaf]) -> FooterForm | None:
    """The form of a footer that has passed its check; None of one without row groups."""
    pos = number = 0
    head: list[Step] = []
    while start := footer[pos]:
        before, kind = pos, start & 15
        number, pos = field(footer, pos, number)
        if number == ROW_GROUPS and kind == LIST:
            groups, first = size_of_list(footer, pos)
            head.append(footer[before:pos])
            rest = footer[skip(footer, pos, kind) :]
            return (
                FooterForm(_joined(head), _joined(_Walk(footer, leaves).struct(first, "group")), rest)
                if groups
                else None
            )
        value, pos = pos, skip(footer, pos, kind)
        head += [footer[before:value], _NUMBER] if kind in INTEGERS else [footer[before:pos]]
    return None


def _joined(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The same steps with neighbouring bytes as one."""
    found: list[Step] = []
    for step in steps:
        if isinstance(step, bytes) and found and isinstance(found[-1], bytes):
            found[-1] += step
        else:
            found.append(step)
    return tuple(found)


_INSIDE = {("group", CHUNKS): "chunk", ("chunk", COLUMN): "column", ("column", STATISTICS): "statistics"}
"""What a field of a struct holds, of those whose fields matter here."""


class _Walk:
    """A walk through a row group that gives its steps."""

    def __init__(self, footer: bytes, leaves: Sequence[Leaf]) -> None:
        self._footer = footer
        self._leaves = leaves
        self._leaf = -1
        self.pos = 0

    def struct(self, start: int, name: str) -> Iterator[Step]:
        self.pos, number = start, 0
        while head := self._footer[self.pos]:
            number, after = field(self._footer, self.pos, number)
            yield self._same(after)
            yield from self._value(head & 15, name, number)
        yield self._same(self.pos + 1)

    def _value(self, kind: int, name: str, number: int) -> Iterator[Step]:
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
            yield wide
        else:
            yield self._same(skip(self._footer, self.pos, kind))

    def _elements(self, name: str) -> Iterator[Step]:
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

    def _bound(self, width: int | None) -> Iterator[Step]:
        size, after = varint(self._footer, self.pos)
        if width is None and size <= _LONGEST_TEXT:
            self.pos = after + size
            yield _TEXT
            return
        yield self._same(after)
        self.pos = after + size
        yield size

    def _same(self, end: int) -> bytes:
        """Past bytes that are the same in all footers of the form."""
        start, self.pos = self.pos, end
        return self._footer[start:end]
