"""The actions of the grammar: each builds the node of one rule from the parts that the driver hands over.

A method is named as its action in `kpi.lark`. A token arrives as its index; a `?` optional part that is absent as None.
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
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t"}

Detail = tree.Property | tree.Column | tree.Assignment | tree.ChangeAim | tree.KeepAim
"""What stands in an indented line of its own."""


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
        return self._duration(token)

    def period(self, span: Span, token: int) -> tree.PeriodLiteral:
        return tree.PeriodLiteral(span.text, span=span)

    def text(self, span: Span, token: int) -> tree.Text:
        return self._text(token)

    def true(self, span: Span) -> tree.Boolean:
        return tree.Boolean(True, span=span)

    def false(self, span: Span) -> tree.Boolean:
        return tree.Boolean(False, span=span)

    def null(self, span: Span) -> tree.Null:
        return tree.Null(span=span)

    def _duration(self, token: int) -> tree.DurationLiteral:
        amount, unit = self.tokens.text(token).split()
        return tree.DurationLiteral(Decimal(amount), unit.removesuffix("s"), span=self.tokens.span(token))

    def _text(self, token: int) -> tree.Text:
        value = self.tokens.text(token)[1:-1]
        if "\\" in value:
            value = _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), value)
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
        return tree.FollowedBy(target, on or (), condition, self._duration(within), False, span=span)

    def not_followed_by(
        self,
        span: Span,
        phrase: int,
        target: tree.Path,
        on: tuple[tree.Name, ...] | None,
        condition: tree.Expr | None,
        within: int,
    ) -> tree.FollowedBy:
        return tree.FollowedBy(target, on or (), condition, self._duration(within), True, span=span)

    def on(self, span: Span, keys: tuple[tree.Name, ...]) -> tree.On:
        return tree.On(keys, span=span)

    def within(self, span: Span, duration: int) -> tree.Within:
        return tree.Within(self._duration(duration), span=span)


class TreeBuilder(ExpressionBuilder):
    """The actions of declarations and of the lines under them."""

    # ----------------------------------------------------------------------------- the lines under a declaration

    def prop(self, span: Span, key: int, value: tree.Expr) -> tree.Property:
        self._expect_own_line(key)
        return tree.Property(self.name(key), value, span=span)

    def long_text(self, span: Span, key: int, *texts: int) -> tree.Property:
        self._expect_own_line(key)
        parts = [self._text(text) for text in texts]
        value = tree.Text("".join(part.value for part in parts), span=parts[0].span.to(parts[-1].span))
        return tree.Property(self.name(key), value, span=span)

    def column(
        self,
        span: Span,
        name: int,
        type_name: tree.TypeName | None,
        target: tree.Path | None,
        alias: int | None,
        origin: tree.StoredAs | tree.Expr | None,
    ) -> tree.Column:
        self._expect_own_line(name - 1)
        alias_name = self.name(alias) if alias is not None else None
        return tree.Column(self.name(name), type_name, target, alias_name, origin, span=span)

    def untyped_column(
        self,
        span: Span,
        name: int,
        target: tree.Path | None,
        alias: int | None,
        origin: tree.StoredAs | tree.Expr | None,
    ) -> tree.Column:
        return self.column(span, name, None, target, alias, origin)

    def type(self, span: Span, name: int, parameter: int | None) -> tree.TypeName:
        inner = self.name(parameter) if parameter is not None else None
        return tree.TypeName(self.name(name), inner, span=span)

    def stored_as(self, span: Span, name: int, layout: int | None) -> tree.StoredAs:
        return tree.StoredAs(self._text(name), self._text(layout) if layout is not None else None, span=span)

    def assign(self, span: Span, name: int, value: tree.Expr) -> tree.Assignment:
        self._expect_own_line(name)
        return tree.Assignment(self.name(name), value, span=span)

    def _expect_own_line(self, index: int) -> None:
        if not self.tokens.starts_line(index):
            self.problems.append(repeats.own_line(self.tokens.span(index), self.tokens.text(index)))

    # -------------------------------------------------------------------------------------------------- aim lines

    def increase(
        self,
        span: Span,
        metric: tree.Expr,
        amount: tree.Percent | tree.Points | tree.Number | tree.DurationLiteral | _RelativePercent,
        during: tree.GoalSpan,
        versus: tree.Baseline | None,
    ) -> tree.ChangeAim:
        return self._change("increase", span, metric, amount, during, versus)

    def decrease(
        self,
        span: Span,
        metric: tree.Expr,
        amount: tree.Percent | tree.Points | tree.Number | tree.DurationLiteral | _RelativePercent,
        during: tree.GoalSpan,
        versus: tree.Baseline | None,
    ) -> tree.ChangeAim:
        return self._change("decrease", span, metric, amount, during, versus)

    def _change(
        self,
        direction: Literal["increase", "decrease"],
        span: Span,
        metric: tree.Expr,
        amount: tree.Percent | tree.Points | tree.Number | tree.DurationLiteral | _RelativePercent,
        during: tree.GoalSpan,
        versus: tree.Baseline | None,
    ) -> tree.ChangeAim:
        relative = isinstance(amount, _RelativePercent)
        plain = amount.percent if isinstance(amount, _RelativePercent) else amount
        return tree.ChangeAim(direction, metric, plain, relative, during, versus, span=span)

    def keep(self, span: Span, condition: tree.Expr, during: tree.GoalSpan) -> tree.KeepAim:
        return tree.KeepAim(condition, during, span=span)

    def relative_percent(self, span: Span, token: int) -> _RelativePercent:
        return _RelativePercent(self.percent(self.tokens.span(token), token))

    def during_period(self, span: Span, token: int) -> tree.GoalSpan:
        return tree.GoalSpan("period", period=self._period(token), span=span)

    def during_year(self, span: Span, token: int) -> tree.GoalSpan:
        return tree.GoalSpan("period", period=self._year(token), span=span)

    def during_next(self, span: Span, grain: int, token: int) -> tree.GoalSpan:
        return tree.GoalSpan("next", self.name(grain), self._period(token), span=span)

    def during_every(self, span: Span, grain: int) -> tree.GoalSpan:
        return tree.GoalSpan("every", self.name(grain), span=span)

    def versus_previous(self, span: Span) -> tree.Baseline:
        return tree.Baseline("previous", span=span)

    def versus_period(self, span: Span, token: int) -> tree.Baseline:
        return tree.Baseline("period", self._period(token), span=span)

    def versus_year(self, span: Span, token: int) -> tree.Baseline:
        return tree.Baseline("period", self._year(token), span=span)

    def versus_earlier(self, span: Span, token: int) -> tree.Baseline:
        return tree.Baseline("earlier", duration=self._duration(token), span=span)

    def _period(self, token: int) -> tree.PeriodLiteral:
        return tree.PeriodLiteral(self.tokens.text(token), span=self.tokens.span(token))

    def _year(self, token: int) -> tree.PeriodLiteral:
        text, span = self.tokens.text(token), self.tokens.span(token)
        if not re.fullmatch("(19|20|21)[0-9]{2}", text):
            self.problems.append(repeats.not_a_year(span, text))
        return tree.PeriodLiteral(text, span=span)

    # ----------------------------------------------------------------------------------------------- declarations

    def metric(self, span: Span, name: int, value: tree.Expr, *rest: tree.Property) -> tree.Metric:
        return tree.Metric(self.name(name), value, properties=self._properties(rest), span=span)

    def override(self, span: Span, target: tree.Path, value: tree.Expr, *rest: tree.Property) -> tree.Override:
        return tree.Override(target, value, properties=self._properties(rest), span=span)

    def source(self, span: Span, name: int, *rest: Detail) -> tree.Source:
        columns = self._columns(rest)
        return tree.Source(self.name(name), None, columns, properties=self._properties(rest), span=span)

    def derived(self, span: Span, name: int, value: tree.Expr, *rest: Detail) -> tree.Source:
        columns = self._columns(rest)
        return tree.Source(self.name(name), value, columns, properties=self._properties(rest), span=span)

    def entity(self, span: Span, name: int, *rest: Detail) -> tree.Entity:
        columns = self._columns(rest)
        return tree.Entity(self.name(name), columns, properties=self._properties(rest), span=span)

    def grain(self, span: Span, name: int, *rest: Detail) -> tree.Grain:
        columns = self._columns(rest)
        return tree.Grain(self.name(name), columns, properties=self._properties(rest), span=span)

    def dimension(self, span: Span, name: int, *rest: tree.Expr | tree.Property) -> tree.Dimension:
        values = tuple([item for item in rest if not isinstance(item, tree.Property)])
        return tree.Dimension(self.name(name), values, properties=self._properties(rest), span=span)

    def use(self, span: Span, pack: tree.Path, alias: int | None, *rest: tree.Property) -> tree.Use:
        alias_name = self.name(alias) if alias is not None else None
        return tree.Use(pack, alias_name, properties=self._properties(rest), span=span)

    def map(self, span: Span, logical: tree.Path, physical: tree.Expr, *rest: Detail) -> tree.Map:
        assignments = tuple([item for item in rest if isinstance(item, tree.Assignment)])
        self.problems += repeats.names([assignment.name for assignment in assignments], "E165", "assigned")
        columns = self._columns(rest)
        return tree.Map(logical, physical, assignments, columns, properties=self._properties(rest), span=span)

    def calendar(self, span: Span, *rest: tree.Property) -> tree.CalendarDeclaration:
        return tree.CalendarDeclaration(properties=self._properties(rest), span=span)

    def alert(self, span: Span, name: int, *rest: tree.Property) -> tree.Alert:
        return tree.Alert(self.name(name), properties=self._properties(rest), span=span)

    def goal(self, span: Span, name: int, *rest: Detail) -> tree.Goal:
        aim = next(item for item in rest if isinstance(item, tree.ChangeAim | tree.KeepAim))
        return tree.Goal(self.name(name), aim, properties=self._properties(rest), span=span)

    def details(self, span: Span, *rest: Detail) -> tuple[Detail, ...]:
        return rest

    def _properties(self, rest: tuple[object, ...]) -> tuple[tree.Property, ...]:
        properties = tuple([item for item in rest if isinstance(item, tree.Property)])
        if len(properties) > 1:
            self.problems += repeats.names([item.key for item in properties], "E163", "given")
        return properties

    def _columns(self, rest: tuple[Detail, ...]) -> tuple[tree.Column, ...]:
        columns = tuple([item for item in rest if isinstance(item, tree.Column)])
        self.problems += repeats.names([column.name for column in columns], "E164", "declared")
        return columns


def _name(span: Span) -> tree.Name:
    text = span.source.text[span.start : span.end]
    if text[0] == "`":
        text = text[1:-1]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return tree.Name(text, span=span)


class _RelativePercent:
    """`2% relative` on its way to the aim that holds it."""

    __slots__ = ("percent",)

    def __init__(self, percent: tree.Percent) -> None:
        self.percent = percent
