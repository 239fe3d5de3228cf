"""Why a parse stopped, in the author's terms: one explanation for each mistake that people make.

An explanation is a function that looks at the failure and returns a diagnostic, or None where it does not apply. The
first one that applies is reported, so the special ones stand before the general ones.
"""

from __future__ import annotations

from collections.abc import Callable

from kpi_engine.ir.diagnostic import Diagnostic
from kpi_engine.parse.driver import accepted
from kpi_engine.parse.explain import (
    aims,
    brackets,
    cases,
    clauses,
    columns,
    declarations,
    lines,
    lists,
    operands,
    words,
)
from kpi_engine.parse.explain.failure import Failure
from kpi_engine.parse.lexer import Tokens

Explanation = Callable[[Failure], Diagnostic | None]

OF_DECLARATIONS: tuple[Explanation, ...] = (
    declarations.orphan_line,
    declarations.keyword_as_name,
    declarations.statement_of_sql,
    declarations.unindented_line,
    declarations.continued_line,
    declarations.needless_keyword,
    declarations.qualified_metric,
    declarations.unknown_keyword,
    declarations.missing_name,
    declarations.quoted_name,
    declarations.needless_name,
    declarations.needless_equals,
    declarations.missing_equals,
    declarations.several_packs,
    declarations.map_without_target,
)
"""What can be wrong with the first line of a declaration."""

ANYWHERE: tuple[Explanation, ...] = (
    operands.reserved_name,
    words.capital_letters,
    cases.case_without_end,
    brackets.never_closed,
    columns.columns_not_allowed,
    columns.missing_type,
    columns.type_parameter,
    columns.alias_without_reference,
    columns.unquoted_origin,
    lines.aim_outside_goal,
    aims.goal_without_aim,
    aims.second_aim,
    aims.amount,
    aims.span,
    aims.baseline,
    lines.property_without_colon,
    lines.empty_property,
    lines.empty_expression,
    brackets.wrong_bracket,
    brackets.extra_bracket,
    lists.thousands,
    lists.list_in_round_brackets,
    lists.trailing_comma,
    lists.missing_item,
    lists.comma_outside,
    cases.else_if,
    cases.bare_if,
    cases.when_without_then,
    cases.case_without_when,
    clauses.unknown_unit,
    clauses.within_without_duration,
    clauses.followed_by_without_within,
    clauses.empty_clause,
    words.count_star,
    words.call_without_brackets,
    words.misplaced_modifier,
    words.is_needs_null,
    operands.comparison_chain,
    operands.doubled_operator,
    operands.reserved_as_name,
    cases.stray_word,
    operands.missing_operand,
    operands.name_after_point,
    operands.missing_name,
    brackets.empty_brackets,
    words.word_operator,
    words.clause_of_sql,
    words.alias,
    words.misspelt_word,
    words.stray_sign,
    words.remainder,
    clauses.outside_brackets,
    operands.two_texts,
    operands.reserved_word,
    lists.missing_comma,
    operands.missing_operator,
    operands.anything_else,
)
"""What can be wrong in every text; the last one fits every failure."""


def explain(tokens: Tokens, index: int, start: str) -> Diagnostic:
    """The diagnostic for the token at which the parse of the start symbol `start` stopped."""
    failure = Failure(tokens, index, accepted(tokens, index, start), start)
    for explanation in (*OF_DECLARATIONS, *ANYWHERE) if start == "declaration" else ANYWHERE:
        found = explanation(failure)
        if found is not None:
            return found
    raise AssertionError("the last explanation fits every failure")
