"""Limits on size and depth, checked before the parser sees the text, so that what comes after may use recursion."""

from __future__ import annotations

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.parse.lexer import Tokens

MAX_FILE_BYTES = 1_000_000
MAX_DECLARATION_BYTES = 64_000
MAX_NESTING = 64
MAX_NODES = 2_000
MAX_CHAIN = 500

_OPENING = frozenset(["LPAR", "LSQB", "CASE"])
_CLOSING = frozenset(["RPAR", "RSQB", "END"])
_OPERANDS = frozenset(
    ["NAME", "NUMBER", "PERCENT", "DURATION", "PERIOD", "STRING", "TRUE", "FALSE", "NULL", "RPAR", "RSQB", "IS_NULL"]
)
_OPERATORS = frozenset(["PLUSMINUS", "MULDIV", "NOT", "EQ", "CMP", "AND", "OR", "IN", "NOT_IN", "IS_NULL", "IS_NOT_NULL"])
_DEEPENING = frozenset(["PLUSMINUS", "MULDIV", "NOT"])
_RESTARTING = frozenset(["COMMA", "AND", "OR", "WHERE", "PER", "HAVING", "WHEN", "THEN", "ELSE", "KEY", "COLUMN"])


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
    """E803 to E805 for brackets too deep, too many nodes, and chains of operators too long.

    The last one bounds the depth of the tree: operators of a chain count together with those of the deepest bracket
    among its operands.
    """
    if len(tokens.types) <= MAX_NESTING:
        return []
    nodes = 0
    in_expression = True
    # For each open bracket: operators since the chain began, and the greatest depth of a finished part.
    open_levels: list[tuple[int, int, int]] = []
    operators = deepest = 0
    before = ""
    for index, terminal in enumerate(tokens.types):
        if terminal in _OPENING:
            open_levels.append((index, operators, deepest))
            operators = deepest = 0
            if len(open_levels) > MAX_NESTING:
                what = f"brackets stand more than {MAX_NESTING} deep here"
                return [_limit("E803", what, tokens.span(index), _SPLIT)]
        elif terminal in _CLOSING and open_levels and (terminal != "END" or before in _OPERANDS):
            depth = operators + deepest
            _, operators, deepest = open_levels.pop()
            deepest = max(deepest, depth + 1)
        elif terminal in _RESTARTING:
            deepest = max(deepest, operators + deepest)
            operators = 0
        elif terminal in _DEEPENING:
            operators += 1
        if operators + deepest > MAX_CHAIN:
            what = f"this expression chains more than {MAX_CHAIN} operators"
            return [_limit("E805", what, tokens.span(index), _SPLIT)]
        in_expression = _expression_follows(in_expression, terminal)
        nodes += in_expression and (terminal in _OPERATORS or terminal in _OPERANDS or terminal in _OPENING)
        if nodes > MAX_NODES:
            what = f"this declaration has more than {MAX_NODES:,} names, values and operators"
            return [_limit("E804", what, tokens.span(index), _SPLIT)]
        before = terminal
    return []


_SPLIT = "name parts of the expression as metrics or columns of their own"


def _expression_follows(in_expression: bool, terminal: str) -> bool:
    """Column names and types are no nodes: a source may declare a thousand columns."""
    if terminal == "COLUMN":
        return False
    return in_expression or terminal == "EQ"


def _limit(code: str, message: str, span: Span, help_text: str) -> Diagnostic:
    return Diagnostic(code, message, span, help_text, exit_code=ExitCode.LIMIT)


def _bytes(text: str, start: int, end: int) -> int:
    part = text[start:end]
    return len(part) if part.isascii() else len(part.encode("utf-8", "surrogatepass"))
