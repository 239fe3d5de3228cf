"""Limits on size and depth, checked before the parser sees the text, so that what comes after may use recursion."""

from __future__ import annotations

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


def _depth(tokens: Tokens) -> list[Diagnostic]:
    """Bounds the depth of the tree: operators of a chain count together with those of its deepest operand."""
    ends_operand = _OPERANDS | tokens.soft_keywords
    # For each open bracket: what closes it, the operators before it in its chain, the greatest depth before it.
    opened: list[tuple[str, int, int]] = []
    operators = deepest = 0
    before = ""
    for index, terminal in enumerate(tokens.types):
        if terminal in _OPENING:
            opened.append((_OPENING[terminal], operators, deepest))
            operators = deepest = 0
            if len(opened) > MAX_NESTING:
                what = f"brackets stand more than {MAX_NESTING} deep here"
                return [_limit("E803", what, tokens.span(index), _SPLIT)]
        elif terminal in _CLOSING and opened and (terminal != "END" or _ends_case(opened, before, ends_operand)):
            inner = operators + deepest + _BRACKET_LEVELS
            _, operators, deepest = opened.pop()
            deepest = max(deepest, inner)
        elif terminal in _RESTARTING:
            deepest += operators
            operators = 0
        elif terminal in _DEEPENING:
            operators += 1
        if operators + deepest > MAX_CHAIN:
            what = f"this expression chains more than {MAX_CHAIN} operators"
            return [_limit("E805", what, tokens.span(index), _SPLIT)]
        before = terminal
    return []


def _ends_case(opened: list[tuple[str, int, int]], before: str, ends_operand: frozenset[str]) -> bool:
    """`end` closes a `case` only behind an operand; elsewhere it is a name."""
    return opened[-1][0] == "END" and before in ends_operand


def _limit(code: str, message: str, span: Span, help_text: str) -> Diagnostic:
    return Diagnostic(code, message, span, help_text, exit_code=ExitCode.LIMIT)


def _bytes(text: str, start: int, end: int) -> int:
    part = text[start:end]
    return len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
