"""The point at which a parse stopped, with the questions that explanations ask about it."""

from __future__ import annotations

from functools import cached_property

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.span import Span
from kpi_engine.parse.lexer import RESERVED, Tokens
from kpi_engine.parse.table import END

OPERANDS = frozenset(["NAME", "NUMBER", "PERCENT", "DURATION", "PERIOD", "STRING", "TRUE", "FALSE", "NULL"])
OPERATORS = frozenset(["PLUSMINUS", "MULDIV", "EQ", "CMP", "AND", "OR", "IN", "NOT_IN"])
CLOSING = {"LPAR": "RPAR", "LSQB": "RSQB"}
SIGNS = {"LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]"}


@dataclass(frozen=True, eq=False)
class Failure:
    """Token number `index` cannot stand where it stands; `accepted` are the terminals that could.

    `start` is the start symbol of the parse: a declaration, its details, or a bare expression.
    """

    tokens: Tokens
    index: int
    accepted: frozenset[str]
    start: str

    def kind(self, index: int) -> str:
        """The terminal of a token; the end marker behind the last, an empty text before the first."""
        if index < 0:
            return ""
        return self.tokens.types[index] if index < len(self.tokens.types) else END

    def word(self, index: int) -> str:
        """The text of a token that is a word, in small letters; else an empty text."""
        if not 0 <= index < len(self.tokens.types):
            return ""
        text = self.tokens.text(index)
        return text.lower() if text.isidentifier() else ""

    def text(self, index: int) -> str:
        """The text of a token, or an empty text outside the declaration."""
        return self.tokens.text(index) if 0 <= index < len(self.tokens.types) else ""

    def starts_line(self, index: int) -> bool:
        """Whether a token is the first of its line; the end of the declaration counts as one."""
        return index >= len(self.tokens.types) or self.tokens.starts_line(index)

    def is_operand(self, index: int) -> bool:
        """Whether a token is a value or a name, be it named like a keyword."""
        return self.kind(index) in OPERANDS or self.kind(index) in self.tokens.soft_keywords

    def ends_operand(self, index: int) -> bool:
        """Whether an operand may end with this token."""
        return self.is_operand(index) or self.kind(index) in ("RPAR", "RSQB", "IS_NULL", "IS_NOT_NULL")

    def ends_item(self, index: int) -> bool:
        """Whether the line-wise part before this token is over: a property or a column begins, or nothing follows."""
        if self.kind(index) == END or (self.kind(index) == "KEY" and self.start != "expr"):
            return True
        return self.kind(index) == "COLUMN" and self.starts_line(index)

    @property
    def current(self) -> str:
        """The terminal of the token in question."""
        return self.kind(self.index)

    @property
    def previous(self) -> str:
        """The terminal before it."""
        return self.kind(self.index - 1)

    def defines(self, index: int) -> bool:
        """Whether a token is the `=` that gives something its definition, not one that compares."""
        if self.kind(index) != "EQ" or self.start == "expr":
            return False
        first = next(i for i in range(self.item, index + 1) if self.kind(i) == "EQ")
        return (first == index and self.kind(self.item) != "KEY") or self.starts_line(index - 1)

    @property
    def wants_operand(self) -> bool:
        """Whether an expression could begin here."""
        return "NUMBER" in self.accepted and "CASE" in self.accepted

    @property
    def wants_operator(self) -> bool:
        """Whether an expression could go on here."""
        return "MULDIV" in self.accepted

    @property
    def is_reserved(self) -> bool:
        """Whether the token is a word that can never be a name."""
        return self.text(self.index) in RESERVED

    @cached_property
    def opened(self) -> tuple[int, ...]:
        """The brackets and cases open at this point, outermost first."""
        found: list[int] = []
        for index in range(self.index):
            kind = self.kind(index)
            if kind in CLOSING or kind == "CASE":
                found.append(index)
            elif kind == "END" and found and self.kind(found[-1]) == "CASE" and self.ends_operand(index - 1):
                found.pop()
            elif kind in ("RPAR", "RSQB"):
                while found and self.kind(found.pop()) == "CASE":
                    continue
        return tuple(found)

    @property
    def bracket(self) -> int:
        """The innermost open bracket, or -1; an open `case` inside it does not count."""
        return next((index for index in reversed(self.opened) if self.kind(index) != "CASE"), -1)

    @property
    def item(self) -> int:
        """The first token of the property, column or head that the token in question cannot continue."""
        for index in range(self.index - 1, 0, -1):
            if self.kind(index) in ("KEY", "COLUMN") and self.starts_line(index):
                return index
        return 0

    def span(self, index: int, end: int | None = None) -> Span:
        """The place of a token, or of the tokens from `index` up to and with `end`."""
        first = self.tokens.span(index)
        return first if end is None else first.to(self.tokens.span(end))

    def error(self, code: str, message: str, index: int | Span, help_text: str) -> Diagnostic:
        """A diagnostic at a token or a place."""
        return Diagnostic(code, message, index if isinstance(index, Span) else self.span(index), help_text)

    def shown(self, index: int) -> str:
        """How a message calls a token."""
        if index >= len(self.tokens.types):
            return "the end"
        text = self.tokens.text(index)
        if len(text) > 40:
            text = text[:37] + "..."
        return f"`{text}`" if "`" not in text else text
