"""The actions of declarations and of the lines under them; those of expressions are in `build_expressions.py`."""

from __future__ import annotations

import re
from typing import Literal

from kpi_engine.ir import tree
from kpi_engine.ir.span import Span
from kpi_engine.parse import repeats
from kpi_engine.parse.build_expressions import ExpressionBuilder

Detail = tree.Property | tree.Column | tree.Assignment | tree.ChangeAim | tree.KeepAim
"""What stands in an indented line of its own."""


class _RelativePercent:
    """`2% relative` on its way to the aim that holds it."""

    __slots__ = ("percent",)

    def __init__(self, percent: tree.Percent) -> None:
        self.percent = percent


class TreeBuilder(ExpressionBuilder):
    """The actions of declarations and of the lines under them."""

    # ----------------------------------------------------------------------------- the lines under a declaration

    def prop(self, span: Span, key: int, value: tree.Expr) -> tree.Property:
        self._expect_own_line(key)
        return tree.Property(self.name(key), value, span=span)

    def long_text(self, span: Span, key: int, *texts: int) -> tree.Property:
        self._expect_own_line(key)
        parts = [self.read_text(text) for text in texts]
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
        return tree.StoredAs(self.read_text(name), self.read_text(layout) if layout is not None else None, span=span)

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
        return tree.Baseline("earlier", duration=self.read_duration(token), span=span)

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
        columns = _columns(rest)
        return tree.Source(self.name(name), None, columns, properties=self._properties(rest), span=span)

    def derived(self, span: Span, name: int, value: tree.Expr, *rest: Detail) -> tree.Source:
        columns = _columns(rest)
        return tree.Source(self.name(name), value, columns, properties=self._properties(rest), span=span)

    def entity(self, span: Span, name: int, *rest: Detail) -> tree.Entity:
        columns = _columns(rest)
        return tree.Entity(self.name(name), columns, properties=self._properties(rest), span=span)

    def grain(self, span: Span, name: int, *rest: Detail) -> tree.Grain:
        columns = _columns(rest)
        return tree.Grain(self.name(name), columns, properties=self._properties(rest), span=span)

    def dimension(self, span: Span, name: int, *rest: tree.Expr | tree.Property) -> tree.Dimension:
        values = tuple([item for item in rest if not isinstance(item, tree.Property)])
        return tree.Dimension(self.name(name), values, properties=self._properties(rest), span=span)

    def use(self, span: Span, pack: tree.Path, alias: int | None, *rest: tree.Property) -> tree.Use:
        alias_name = self.name(alias) if alias is not None else None
        return tree.Use(pack, alias_name, properties=self._properties(rest), span=span)

    def map(self, span: Span, logical: tree.Path, physical: tree.Expr, *rest: Detail) -> tree.Map:
        assignments = tuple([item for item in rest if isinstance(item, tree.Assignment)])
        self.problems += repeats.names([assignment.name for assignment in assignments], "E165")
        columns = _columns(rest)
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
            self.problems += repeats.names([item.key for item in properties], "E163")
        return properties


def _columns(rest: tuple[Detail, ...]) -> tuple[tree.Column, ...]:
    return tuple([item for item in rest if isinstance(item, tree.Column)])
