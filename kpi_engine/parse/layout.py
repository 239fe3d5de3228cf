"""Where the lines of a long expression are broken, and what stands between two tokens.

It works on the tokens of one property, column or head, so that nothing can be lost; the nesting of operators follows
from their precedence.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from kpi_engine.ir.render import display_width

WIDTH = 100
DEEPEST = 60
"""The greatest column at which a line begins; without it, deep nesting would multiply the size of a text."""

_CLAUSES = frozenset({
    "WHERE", "PER", "HAVING", "AT_POINT", "DATED_BY", "FOLLOWED_BY", "NOT_FOLLOWED_BY", "ON", "WITHIN",
    "BY", "DURING", "VERSUS",
})  # fmt: skip
_FOLLOWED = frozenset(["FOLLOWED_BY", "NOT_FOLLOWED_BY"])
_PREFIXES = frozenset(["WHERE", "PER", "HAVING", "NOT", "WHEN", "THEN", "ELSE"])
_OPENING = frozenset(["LPAR", "LSQB", "CASE"])
_CLOSING = frozenset(["RPAR", "RSQB", "END"])
_OPERATORS = (
    frozenset(["OR"]),
    frozenset(["AND"]),
    frozenset(["EQ", "CMP", "IN", "NOT_IN"]),
    frozenset(["PLUSMINUS"]),
)
_OPERAND_ENDS = frozenset({
    "NAME", "NUMBER", "PERCENT", "DURATION", "PERIOD", "STRING", "TRUE", "FALSE", "NULL", "POINTS",
    "RPAR", "RSQB", "END", "IS_NULL", "IS_NOT_NULL",
})  # fmt: skip
_BINARY = frozenset(["EQ", "CMP", "IN", "NOT_IN", "MULDIV", "OR", "AND"])
_NEVER_BEFORE = frozenset(["RPAR", "RSQB", "COMMA", "DOT", "COLON"])
_NEVER_AFTER = frozenset(["LPAR", "LSQB", "DOT"])


def is_sign(types: Sequence[str], index: int) -> bool:
    """Whether a + or - belongs to the value after it."""
    return types[index] == "PLUSMINUS" and (index == 0 or types[index - 1] not in _OPERAND_ENDS)


def needs_space(types: Sequence[str], index: int) -> bool:
    """Whether a space stands before a token that does not begin its line."""
    before, kind = types[index - 1], types[index]
    if kind in _NEVER_BEFORE or before in _NEVER_AFTER:
        return False
    if kind == "LPAR" and before == "NAME":
        return False
    # Two signs keep a space, because `--` would look like the comment of another language.
    return not is_sign(types, index - 1) or kind == "PLUSMINUS"


class Layout:
    """Plans the line breaks of one item: `breaks[index]` is the column at which the line that it begins starts."""

    def __init__(self, types: Sequence[str], texts: Sequence[str], forced: Sequence[bool]) -> None:
        self.types = types
        self.breaks: dict[int, int] = {}
        spaces = [0, *(needs_space(types, index) for index in range(1, len(types)))]
        self._spaces = spaces
        self._ends = [0, *accumulate(display_width(t) + s for t, s in zip(texts, spaces, strict=True))]
        self._forced = [0, *accumulate(forced)]
        self._partner = _partners(types)

    def width(self, start: int, end: int) -> int:
        """The columns that tokens take in one line."""
        return self._ends[end] - self._ends[start] - self._spaces[start] if end > start else 0

    def plan(self, start: int, end: int, column: int, tail: int = 0) -> None:
        """Break the tokens of a range that begins at a column; `tail` columns follow its end in the same line.

        `forced[index]` says that a comment stands before that token, which therefore cannot share a line with the one
        before it.
        """
        self._align_forced(start, column)
        while start < end and (self.types[start] in _PREFIXES or is_sign(self.types, start)):
            column += self.width(start, start + 1) + self._spaces[start + 1] if start + 1 < end else 0
            start += 1
            self._align_forced(start, column)
        fits = column + self.width(start, end) + tail <= WIDTH
        if end - start < 2 or (fits and self._forced[end] == self._forced[start + 1]):
            return
        cuts, indent = self._cuts(start, end)
        if cuts and self._is_plain_list(start, cuts, end):
            self._fill(start, end, cuts, column, tail)
        elif cuts:
            self._plan_pieces(start, end, cuts, column, indent, tail)
        else:
            self._plan_brackets(start, end, column, tail)

    def _align_forced(self, index: int, column: int) -> None:
        """Where a token stands that a comment pushes to a line of its own, though nothing else breaks there."""
        if index < len(self.types) and self._forced[index + 1] > self._forced[index]:
            self.breaks.setdefault(index, min(column, DEEPEST))

    def _is_plain_list(self, start: int, cuts: list[int], end: int) -> bool:
        """Whether a range is a list of single words and values."""
        return self.types[start - 1] == "LSQB" and all(
            following - item <= 2 for item, following in zip([start, *cuts], [*cuts, end], strict=True)
        )

    def _fill(self, start: int, end: int, cuts: list[int], column: int, tail: int) -> None:
        """As many items in a line as it can hold."""
        first = start
        column = min(column, DEEPEST)
        for item, following in zip(cuts, [*cuts[1:], end], strict=True):
            rest = tail if following == end else 0
            is_forced = self._forced[item + 1] > self._forced[item]
            if is_forced or column + self.width(first, following) + rest > WIDTH:
                self.breaks[item] = column
                first = item

    def _plan_pieces(self, start: int, end: int, cuts: list[int], column: int, indent: int, tail: int) -> None:
        for piece, following in zip([start, *cuts], [*cuts, end], strict=True):
            at = column if piece == start else min(column + indent, DEEPEST)
            if piece != start:
                self.breaks[piece] = at
            body = piece
            if piece != start and (self.types[piece] in _BINARY or self.types[piece] == "PLUSMINUS"):
                body += 1
                at += self.width(piece, piece + 1) + 1
            self.plan(body, following, at, tail if following == end else 0)

    def _plan_brackets(self, start: int, end: int, column: int, tail: int) -> None:
        """Break inside the brackets of a range that has nothing to break at outside of them."""
        index = start
        while index < end:
            if self.types[index] in _OPENING:
                close = self._partner.get(index, end - 1)
                inner = column + self.width(start, index + 1)
                rest = self.width(close, end) + tail
                if self.types[index] == "CASE":
                    self._plan_case(index + 1, close, inner + 1, rest + 1)
                else:
                    self.plan(index + 1, close, inner, rest)
                self._align_forced(close, inner)
                index = close
            index += 1

    def _plan_case(self, start: int, end: int, column: int, tail: int) -> None:
        """One line for each `when` and for the `else`, aligned; the `end` closes the last one."""
        arms = [index for index in self._outermost(start, end) if self.types[index] in ("WHEN", "ELSE")]
        for arm, following in zip(arms, [*arms[1:], end], strict=True):
            if arm != start:
                column = min(column, DEEPEST)
                self.breaks[arm] = column
            width = self.width(arm, arm + 1) + 1
            self.plan(arm + 1, following, column + width, tail if following == end else 0)

    def _cuts(self, start: int, end: int) -> tuple[list[int], int]:
        """The tokens before which a range is broken, at its loosest level, and how far the new lines are moved in."""
        outer = [index for index in self._outermost(start, end) if index > start]
        types = self.types
        if commas := [index + 1 for index in outer if types[index] == "COMMA" and index + 1 < end]:
            return commas, 0
        if texts := [index for index in outer if types[index] == types[index - 1] == "STRING"]:
            return texts, 0
        if clauses := self._clauses(start, outer):
            return clauses, 2 if types[start] in _FOLLOWED else 0
        if thens := [index for index in outer if types[index] == "THEN"]:
            return thens, 0
        for level in _OPERATORS:
            if cuts := [i for i in outer if types[i] in level and not is_sign(types, i)]:
                return cuts, 0
        return [index for index in outer if types[index] == "MULDIV"], 0

    def _clauses(self, start: int, outer: list[int]) -> list[int]:
        """Where clauses begin; those of a `followed by` count only when the range is that clause."""
        found = []
        inside = False
        for index in outer:
            kind = self.types[index]
            if kind in _CLAUSES and not inside:
                found.append(index)
            if kind in _FOLLOWED:
                inside = True
            elif kind == "WITHIN":
                inside = False
        return found

    def _outermost(self, start: int, end: int) -> list[int]:
        """The tokens of a range that stand in no bracket of it; of a bracket, its opening one."""
        found = []
        index = start
        while index < end:
            found.append(index)
            index = self._partner.get(index, index) + 1
        return found


def _partners(types: Sequence[str]) -> dict[int, int]:
    """For each opening bracket, and each `case`, the token that closes it."""
    partners: dict[int, int] = {}
    opened: list[int] = []
    for index, kind in enumerate(types):
        if kind in _OPENING:
            opened.append(index)
        elif kind in _CLOSING and opened:
            partners[opened.pop()] = index
    return partners
