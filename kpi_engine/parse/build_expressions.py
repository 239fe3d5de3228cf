"""The actions of expressions: each builds the node of one rule of the grammar from the parts that the driver gives.

A method is named as its action in `kpi.lark`. A token arrives as its index, an optional part that is absent as None.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Context, Decimal
from typing import Literal, cast

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.ir.span import Span
from kpi_engine.parse import repeats
from kpi_engine.parse.lexer import Tokens

_EXACT = Context(prec=60)
_ESCAPED = r"\\(.)"
_ESCAPES = {"n": "\n", "t": "\t"}


class ExpressionBuilder:
    """The actions of names, literals, operators, calls and clauses."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.problems: list[Diagnostic] = []

    # -------------------------------------------------------------------------------------- names and literals

    def name(self, index: int) -> tree.Name:
        """The name that a NAME or KEY token writes."""
        return _name(self.tokens.span(index))

    def path(self, span: Span, *names: int) -> tree.Path:
        if len(names) == 1:
            return tree.Path((_name(span),), span=span)
        return tree.Path(tuple([self.name(name) for name in names]), span=span)

    def number(self, span: Span, token: int) -> tree.Number:
        text = span.text
        return tree.Number(Decimal(text), text, span=span)

    def percent(self, span: Span, token: int) -> tree.Percent:
        text = span.text
        return tree.Percent(_EXACT.scaleb(Decimal(text[:-1]), -2), text, span=span)

    def points(self, span: Span, token: int) -> tree.Points:
        return tree.Points(Decimal(self.tokens.text(token)), span=span)

    def duration(self, span: Span, token: int) -> tree.DurationLiteral:
        return self.read_duration(token)

    def period(self, span: Span, token: int) -> tree.PeriodLiteral:
        return tree.PeriodLiteral(span.text, span=span)

    def text(self, span: Span, token: int) -> tree.Text:
        return self.read_text(token)

    def true(self, span: Span) -> tree.Boolean:
        return tree.Boolean(True, span=span)

    def false(self, span: Span) -> tree.Boolean:
        return tree.Boolean(False, span=span)

    def null(self, span: Span) -> tree.Null:
        return tree.Null(span=span)

    def read_duration(self, token: int) -> tree.DurationLiteral:
        amount, unit = self.tokens.text(token).split()
        return tree.DurationLiteral(Decimal(amount), unit.removesuffix("s"), span=self.tokens.span(token))

    def read_text(self, token: int) -> tree.Text:
        value = self.tokens.text(token)[1:-1]
        if "\\" in value:
            value = re.sub(_ESCAPED, lambda match: _ESCAPES.get(match[1], match[1]), value)
        return tree.Text(value, span=self.tokens.span(token))

    # ------------------------------------------------------------------------------------------------ operators

    def or_(self, span: Span, *operands: tree.Expr) -> tree.Logical:
        return tree.Logical("or", operands, span=span)

    def and_(self, span: Span, *operands: tree.Expr) -> tree.Logical:
        return tree.Logical("and", operands, span=span)

    def not_(self, span: Span, operand: tree.Expr) -> tree.Unary:
        return tree.Unary("not", operand, span=span)

    def compare(self, span: Span, left: tree.Expr, operator: int, right: tree.Expr) -> tree.Compare:
        sign = cast('Literal["=", "!=", "<", "<=", ">", ">="]', self.tokens.text(operator))
        return tree.Compare(sign, left, right, self.tokens.span(operator), span=span)

    def in_(self, span: Span, operand: tree.Expr, items: tree.ListItems) -> tree.In:
        return tree.In(operand, items, False, span=span)

    def not_in(self, span: Span, operand: tree.Expr, phrase: int, items: tree.ListItems) -> tree.In:
        return tree.In(operand, items, True, span=span)

    def is_null(self, span: Span, operand: tree.Expr, phrase: int) -> tree.IsNull:
        return tree.IsNull(operand, False, span=span)

    def is_not_null(self, span: Span, operand: tree.Expr, phrase: int) -> tree.IsNull:
        return tree.IsNull(operand, True, span=span)

    def binary(self, span: Span, left: tree.Expr, operator: int, right: tree.Expr) -> tree.Binary:
        sign = cast('Literal["+", "-", "*", "/"]', self.tokens.text(operator))
        return tree.Binary(sign, left, right, self.tokens.span(operator), span=span)

    def sign(self, span: Span, operator: int, operand: tree.Expr) -> tree.Unary:
        return tree.Unary("-" if self.tokens.text(operator) == "-" else "+", operand, span=span)

    # -------------------------------------------------------------------------------- calls, brackets and cases

    def group(self, span: Span, body: tree.Expr, *clauses: tree.Clause) -> tree.Group:
        self.problems += repeats.clauses(clauses)
        return tree.Group(body, clauses, span=span)

    def call(self, span: Span, function: tree.Path, *arguments: tree.Argument | None) -> tree.Call:
        return tree.Call(function, tuple([a for a in arguments if a is not None]), span=span)

    def argument(self, span: Span, value: tree.Expr, *clauses: tree.Clause) -> tree.Argument:
        if clauses:
            self.problems += repeats.clauses(clauses)
        return tree.Argument(value, (), clauses, span=span)

    def grains_argument(self, span: Span, number: int, name: int) -> tree.Argument:
        """`4 retail_weeks`: so many periods of a declared grain, whose name only `resolve` knows."""
        amount = Decimal(self.tokens.text(number))
        return tree.Argument(tree.DurationLiteral(amount, self.name(name).text, span=span), span=span)

    def approx_argument(self, span: Span, value: tree.Expr, *clauses: tree.Clause) -> tree.Argument:
        self.problems += repeats.clauses(clauses)
        return tree.Argument(value, ("approx",), clauses, span=span)

    def distinct_argument(self, span: Span, value: tree.Expr, *clauses: tree.Clause) -> tree.Argument:
        self.problems += repeats.clauses(clauses)
        return tree.Argument(value, ("distinct",), clauses, span=span)

    def approx_distinct_argument(self, span: Span, value: tree.Expr, *clauses: tree.Clause) -> tree.Argument:
        self.problems += repeats.clauses(clauses)
        return tree.Argument(value, ("approx", "distinct"), clauses, span=span)

    def all_argument(self, span: Span, value: tree.Expr, *clauses: tree.Clause) -> tree.Argument:
        self.problems += repeats.clauses(clauses)
        return tree.Argument(value, ("all",), clauses, span=span)

    def list(self, span: Span, *items: tree.Expr | None) -> tree.ListItems:
        return tree.ListItems(tuple([item for item in items if item is not None]), span=span)

    def case(self, span: Span, *parts: tree.When | tree.Expr | None) -> tree.Case:
        arms = tuple([part for part in parts if isinstance(part, tree.When)])
        return tree.Case(arms, cast("tree.Expr | None", parts[-1]), span=span)

    def when(self, span: Span, condition: tree.Expr, value: tree.Expr) -> tree.When:
        return tree.When(condition, value, span=span)

    # -------------------------------------------------------------------------------------------------- clauses

    def keys(self, span: Span, *names: int) -> tuple[tree.Name, ...]:
        return tuple([self.name(name) for name in names])

    def where(self, span: Span, condition: tree.Expr) -> tree.Where:
        return tree.Where(condition, span=span)

    def per(self, span: Span, keys: tuple[tree.Name, ...]) -> tree.Per:
        return tree.Per(keys, span=span)

    def per_all(self, span: Span, keys: tuple[tree.Name, ...]) -> tree.Per:
        return tree.Per(keys, True, span=span)

    def having(self, span: Span, condition: tree.Expr) -> tree.Having:
        return tree.Having(condition, span=span)

    def at_point(self, span: Span, phrase: int) -> tree.AtPoint:
        return tree.AtPoint("start" if span.text.endswith("start") else "end", span=span)

    def dated_by(self, span: Span, phrase: int, column: tree.Path) -> tree.DatedBy:
        return tree.DatedBy(column, span=span)

    def followed_by(
        self,
        span: Span,
        phrase: int,
        target: tree.Path,
        on: tuple[tree.Name, ...] | None,
        condition: tree.Expr | None,
        within: int,
    ) -> tree.FollowedBy:
        return tree.FollowedBy(target, on or (), condition, self.read_duration(within), False, span=span)

    def not_followed_by(
        self,
        span: Span,
        phrase: int,
        target: tree.Path,
        on: tuple[tree.Name, ...] | None,
        condition: tree.Expr | None,
        within: int,
    ) -> tree.FollowedBy:
        return tree.FollowedBy(target, on or (), condition, self.read_duration(within), True, span=span)

    def on(self, span: Span, keys: tuple[tree.Name, ...]) -> tree.On:
        return tree.On(keys, span=span)

    def within(self, span: Span, duration: int) -> tree.Within:
        return tree.Within(self.read_duration(duration), span=span)


def _name(span: Span) -> tree.Name:
    text = span.source.text[span.start : span.end]
    if text[0] == "`":
        text = text[1:-1]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return tree.Name(text, span=span)
