"""Text to tokens: one pass of one regular expression, linear in the text whatever it holds.

It recognises what `kpi.lark` recognises, and also what only looks like it (`==`, 'text', 1,000, full-width brackets),
so that such writing is named for what it is. A word is a keyword or a name according to where it stands; the driver
decides, because it knows where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from functools import cache

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.span import SourceText, Span
from kpi_engine.parse import misspelt
from kpi_engine.parse.table import load_table

RESERVED = frozenset(
    [
        "and",
        "case",
        "else",
        "false",
        "having",
        "in",
        "is",
        "not",
        "null",
        "or",
        "per",
        "then",
        "true",
        "when",
        "where",
    ]
)
"""Words that are never a name, unless in backticks or before a colon."""

MAX_DIGITS = 38
MAX_NAME = 200

_MARKS = (
    "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u0670\u06d6-\u06ed\u0900-\u0963\u0981-\u0df3\u0e31-\u0e4e"
    "\u0eb1-\u0ece\u0f71-\u0fbc\u102b-\u109d\u135d-\u135f\u1712-\u17d3\u1ab0-\u1b44\u1dc0-\u1dff\u20d0-\u20f0"
    "\u3099\u309a\ufe20-\ufe2f"
)
_OPENING = "\u201c\u201e\u201f\uff02\u00ab\u301d\u2018\u201a\u201b\uff07"
_CLOSING = "\u201c\u201d\u201f\uff02\u00bb\u301e\u2018\u2019\uff07"
_WORD = rf"(?:[^\W\d][\w{_MARKS}]*|`[^`\n]+`)"
_S = r"[ \t\r\f\n]+"
_NUMBER = r"[0-9]+(?:_[0-9]{3})*(?:\.[0-9]+)?"
_YEAR = r"(?:19|20|21)[0-9]{2}"
_DAY = r"(?:0[1-9]|1[0-2])(?:-[0-3][0-9](?:T[0-2][0-9](?::[0-5][0-9](?::[0-5][0-9])?)?)?)?"

_PATTERNS: tuple[tuple[str, str], ...] = (
    (
        "phrase",
        rf"(?:not{_S}in|not{_S}followed{_S}by|is{_S}not{_S}null|is{_S}null|at{_S}(?:start|end)|dated{_S}by"
        rf"|followed{_S}by)\b",
    ),
    (
        "period",
        rf"(?={_YEAR}|FY)(?:FY{_YEAR}(?:-Q[1-4])?|{_YEAR}-(?:Q[1-4]|W[0-5][0-9]|{_DAY}))\b(?!-[QqWw]?[0-9])",
    ),
    ("bad_period", rf"(?:FY)?{_YEAR}-(?:[QqWw][0-9]+|[0-9]{{1,2}}(?![0-9_.%]))(?:[-:T][0-9]+)*\w*"),
    ("word", _WORD),
    ("key", r"(?!)"),
    ("operator", r"->|=>|=<|==|!=|<=|>=|<>|&&|\|\||//|\*\*|--|/\*|\*/|[-+*/=<>(),\[\]:!;]|\.(?![0-9])"),
    (
        "duration",
        rf"{_NUMBER}[ \t]+(?:second|minute|hour|day|week|month|quarter|year)s?\b(?![ \t]*:)",
    ),
    ("percent", rf"{_NUMBER}%"),
    ("number", rf"{_NUMBER}(?!\w|\.[0-9])"),
    ("bad_number", r"\.?[0-9]\w*(?:\.[0-9]\w*)*"),
    ("string", r'"(?:\\.|[^"\\\n])*"'),
    ("open_string", r'"[^\n]*'),
    ("comment", r"\#[^\n]*"),
    ("single", r"'(?:\\.|[^'\\\n])*'?"),
    ("quotes", rf"[{_OPENING}][^\"{_CLOSING}\n]*[\"{_CLOSING}]?"),
    ("other", r"[^ \t\r\f\n]"),
)
# A word and the colon that makes a key of it are two groups of one match, so that a word is read once.
_MASTER = re.compile(
    "|".join(
        rf"({pattern})(?:[ \t]*(:))?" if kind == "word" else f"({pattern})"
        for kind, pattern in _PATTERNS
        if kind != "key"
    )
)
_KINDS = (None, *(kind for kind, _ in _PATTERNS))
_OPERATORS = {
    "=": "EQ", "!=": "CMP", "<=": "CMP", ">=": "CMP", "<": "CMP", ">": "CMP", "+": "PLUSMINUS", "-": "PLUSMINUS",
    "*": "MULDIV", "/": "MULDIV", "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", ",": "COMMA", ".": "DOT",
    ":": "COLON", "->": "ARROW", "%": "PERCENT_SIGN", '"': "STRING", "#": "COMMENT", "`": "NAME",
}  # fmt: skip
_PHRASES = {
    "not in": "NOT_IN", "not followed by": "NOT_FOLLOWED_BY", "is not null": "IS_NOT_NULL", "is null": "IS_NULL",
    "at start": "AT_POINT", "at end": "AT_POINT", "dated by": "DATED_BY", "followed by": "FOLLOWED_BY",
}  # fmt: skip


@dataclass(slots=True)
class Tokens:
    """The tokens of `source.text[start:end]`, as parallel lists, with comments and problems beside them.

    `types` are terminals of the grammar; the driver turns keywords that stand as names into NAME.
    """

    source: SourceText
    start: int
    end: int
    types: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)

    def text(self, index: int) -> str:
        """The characters of a token."""
        return self.source.text[self.starts[index] : self.ends[index]]

    def span(self, index: int) -> Span:
        """The place of a token; for the index behind the last one, the place just after that."""
        if index < len(self.types):
            return Span(self.source, self.starts[index], self.ends[index])
        end = self.ends[-1] if self.ends else self.end
        return Span(self.source, end, end)

    def starts_line(self, index: int) -> bool:
        """Whether only white space stands before a token in its line."""
        start = self.starts[index]
        return not self.source.text[self.source.text.rfind("\n", 0, start) + 1 : start].strip()

    def behind(self, index: int) -> Tokens:
        """The tokens from `index` on."""
        start = self.starts[index]
        return Tokens(self.source, start, self.end, self.types[index:], self.starts[index:], self.ends[index:])

    @property
    def soft_keywords(self) -> frozenset[str]:
        """Keyword terminals whose words are names elsewhere."""
        return _words()[1]


@cache
def _words() -> tuple[dict[str, str], frozenset[str]]:
    """Every keyword's terminal, and those terminals that give way to NAME."""
    words = dict(load_table().keywords)
    words["is"] = "IS"
    return words, frozenset(terminal for word, terminal in words.items() if word not in RESERVED)


def tokenize(source: SourceText, start: int, end: int) -> Tokens:
    """The tokens between two offsets; what is no token becomes a problem, and what was meant by it a token."""
    tokens = Tokens(source, start, end)
    text = source.text
    terminals = _words()[0]
    types, starts, ends = tokens.types, tokens.starts, tokens.ends
    for match in _MASTER.finditer(text, start, end):
        kind = match.lastindex
        begin, stop = match.span()
        if kind == _WORD_GROUP:
            word = match[_WORD_GROUP]
            types.append(terminals.get(word, "NAME"))
            if stop - begin > MAX_NAME:
                tokens.problems.append(misspelt.long_name(Span(source, begin, stop), MAX_NAME))
        elif kind == _OPERATOR_GROUP:
            terminal = _OPERATORS.get(match[0])
            if terminal is None:
                meant, problem = misspelt.operator(Span(source, begin, stop))
                tokens.problems.append(problem)
                if not meant:
                    continue
                terminal = meant
            types.append(terminal)
        elif kind == _KEY_GROUP:
            colon = match.start(_KEY_GROUP)
            word_end = match.end(_WORD_GROUP)
            if word_end - begin > MAX_NAME:
                tokens.problems.append(misspelt.long_name(Span(source, begin, word_end), MAX_NAME))
            types.append("KEY")
            starts.append(begin)
            ends.append(word_end)
            types.append("COLON")
            begin = colon
        elif _KINDS[kind or 0] == "comment":
            tokens.comments.append((begin, begin + len(match[0].rstrip())))
            continue
        else:
            terminal = _LITERALS[_KINDS[kind or 0] or ""](tokens, Span(source, begin, stop))
            if not terminal:
                continue
            types.append(terminal)
        starts.append(begin)
        ends.append(stop)
    return tokens


_WORD_GROUP = _KINDS.index("word")
_KEY_GROUP = _KINDS.index("key")
_OPERATOR_GROUP = _KINDS.index("operator")


def _phrase(tokens: Tokens, span: Span) -> str:
    return _PHRASES[" ".join(span.text.split())]


def _period(tokens: Tokens, span: Span) -> str:
    tokens.problems += misspelt.impossible_period(span)
    return "PERIOD"


def _number(terminal: str) -> Callable[[Tokens, Span], str]:
    def read(tokens: Tokens, span: Span) -> str:
        tokens.problems += misspelt.number(span, MAX_DIGITS)
        return terminal

    return read


def _string(tokens: Tokens, span: Span) -> str:
    if "\\" in span.text:
        tokens.problems += misspelt.escapes(span)
    return "STRING"


def _misspelt(explain: Callable[[Span], Diagnostic], terminal: str) -> Callable[[Tokens, Span], str]:
    def read(tokens: Tokens, span: Span) -> str:
        tokens.problems.append(explain(span))
        return terminal

    return read


def _other(tokens: Tokens, span: Span) -> str:
    meant, problem = misspelt.character(span)
    tokens.problems.append(problem)
    return _OPERATORS.get(meant, "") if not meant.isdigit() else "NUMBER"


_LITERALS: dict[str, Callable[[Tokens, Span], str]] = {
    "phrase": _phrase,
    "period": _period,
    "bad_period": _misspelt(misspelt.bad_period, "PERIOD"),
    "duration": _number("DURATION"),
    "percent": _number("PERCENT"),
    "number": _number("NUMBER"),
    "bad_number": _misspelt(misspelt.bad_number, "NUMBER"),
    "string": _string,
    "open_string": _misspelt(misspelt.open_text, "STRING"),
    "single": _misspelt(misspelt.single_quotes, "STRING"),
    "quotes": _misspelt(misspelt.typographic_quotes, "STRING"),
    "other": _other,
}
