"""Limits on size and depth, checked before the parser sees the text, so that what comes after may use recursion."""

from __future__ import annotations

from dataclasses import field

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.parse.lexer import Tokens

MAX_FILE_BYTES = 1_000_000
MAX_DECLARATION_BYTES = 64_000
MAX_NESTING = 64
MAX_NODES = 2_000
MAX_CHAIN = 250
"""Comparing and printing frozen dataclasses takes three frames a level, of the thousand that Python has."""

_BRACKET_LEVELS = 3
"""A pair of brackets is a call, an argument and its value."""


_OPENING = {"LPAR": "RPAR", "LSQB": "RSQB", "CASE": "END"}
_CLOSING = frozenset(_OPENING.values())
_OPERANDS = frozenset({
    "NAME", "NUMBER", "PERCENT", "DURATION", "PERIOD", "STRING", "TRUE", "FALSE", "NULL", "RPAR",
    "RSQB", "END", "IS_NULL", "IS_NOT_NULL",
})  # fmt: skip
_DEEPENING = frozenset(["PLUSMINUS", "MULDIV", "NOT"])
_RESTARTING = frozenset(["COMMA", "AND", "OR", "WHERE", "PER", "HAVING", "WHEN", "THEN", "ELSE", "KEY", "COLUMN"])
_LOOSER = {
    "AND": "and",
    "OR": "or",
    **dict.fromkeys(["EQ", "CMP", "IN", "NOT_IN", "IS_NULL", "IS_NOT_NULL"], "comparison"),
}
_NO_NODES = frozenset(["RPAR", "RSQB", "COMMA", "DOT", "COLON", "KEY", "EQ"])
_SPLIT = "name parts of the expression as metrics or columns of their own"


def file_size(source: SourceText) -> list[Diagnostic]:
    """E801 for a file beyond the limit."""
    size = _bytes(source.text, 0, len(source.text))
    if size <= MAX_FILE_BYTES:
        return []
    what = f"this file has {size:,} bytes; a file of definitions may have {MAX_FILE_BYTES:,}"
    return [_limit("E801", what, Span(source, 0, 1), "split it into several files")]


def declaration_size(source: SourceText, start: int, end: int) -> list[Diagnostic]:
    """E802 for a declaration beyond the limit."""
    size = _bytes(source.text, start, end)
    if size <= MAX_DECLARATION_BYTES:
        return []
    what = f"this declaration has {size:,} bytes; one may have {MAX_DECLARATION_BYTES:,}"
    line_end = source.text.find("\n", start, end)
    place = Span(source, start, min(start + 40, line_end if line_end >= 0 else end))
    return [_limit("E802", what, place, "name parts of it as metrics or columns of their own")]


def structure(tokens: Tokens) -> list[Diagnostic]:
    """E803 to E805 for brackets too deep, too many nodes, and chains of operators too long; the first of them."""
    if len(tokens.types) <= MAX_NESTING:
        return []
    return [*_nodes(tokens), *_depth(tokens)][:1]


def _nodes(tokens: Tokens) -> list[Diagnostic]:
    """Counts expressions only: a source may declare hundreds of columns."""
    nodes = 0
    counting = True
    for index, terminal in enumerate(tokens.types):
        if terminal == "COLUMN" and tokens.starts_line(index):
            counting = False
        elif terminal == "EQ" or (terminal == "KEY" and tokens.types[index - 1] != "COLUMN"):
            counting = True
        nodes += counting and terminal not in _NO_NODES
        if nodes > MAX_NODES:
            what = f"this declaration has more than {MAX_NODES:,} names, values and operators"
            return [_limit("E804", what, tokens.span(index), _SPLIT)]
    return []


@dataclass(slots=True)
class _Level:
    """What is known of an open bracket, or of the declaration itself, while its tokens are read.

    `closing` is the token that ends it. `chain` counts the operators since its last comma or clause, `inner` is the
    depth of the deepest bracket among their operands, `deepest` that of all parts before. `looser` are the kinds of
    operators that bind less than arithmetic: each is one level more, however often it stands.
    """

    closing: str
    chain: int = 0
    inner: int = 0
    deepest: int = 0
    looser: set[str] = field(default_factory=set)

    @property
    def depth(self) -> int:
        return max(self.deepest, self.chain + self.inner) + len(self.looser)


def _depth(tokens: Tokens) -> list[Diagnostic]:
    """Bounds the depth of the tree: operators of a chain count together with those of its deepest operand."""
    ends_operand = _OPERANDS | tokens.soft_keywords
    levels = [_Level("")]
    before = ""
    for index, terminal in enumerate(tokens.types):
        level = levels[-1]
        if terminal in _OPENING:
            levels.append(_Level(_OPENING[terminal]))
            if len(levels) > MAX_NESTING + 1:
                what = f"brackets stand more than {MAX_NESTING} deep here"
                return [_limit("E803", what, tokens.span(index), _SPLIT)]
        elif (
            terminal in _CLOSING and len(levels) > 1 and (terminal != "END" or _ends_case(level, before, ends_operand))
        ):
            levels.pop()
            levels[-1].inner = max(levels[-1].inner, level.depth + _BRACKET_LEVELS)
        elif terminal in _RESTARTING:
            level.deepest = max(level.deepest, level.chain + level.inner)
            level.chain = level.inner = 0
        elif terminal in _DEEPENING:
            level.chain += 1
        if terminal in _LOOSER and (terminal != "EQ" or len(levels) > 1):
            level.looser.add(_LOOSER[terminal])
        if levels[-1].depth > MAX_CHAIN:
            what = f"this expression chains more than {MAX_CHAIN} operators"
            return [_limit("E805", what, tokens.span(index), _SPLIT)]
        before = terminal
    return []


def _ends_case(level: _Level, before: str, ends_operand: frozenset[str]) -> bool:
    """`end` closes a `case` only behind an operand; elsewhere it is a name."""
    return level.closing == "END" and before in ends_operand


def _limit(code: str, message: str, span: Span, help_text: str) -> Diagnostic:
    return Diagnostic(code, message, span, help_text, exit_code=ExitCode.LIMIT)


def _bytes(text: str, start: int, end: int) -> int:
    part = text[start:end]
    return len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
