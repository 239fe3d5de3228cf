"""Functions on texts."""

from __future__ import annotations

from kpi_engine.builtin.lowering.values import Arguments, Operand, literal
from kpi_engine.extend.functions import EvaluationContext, FunctionFailure
from kpi_engine.kernels import text_functions as texts


def lower(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The text in lower case."""
    return texts.lower(arguments[0])


def upper(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The text in upper case."""
    return texts.upper(arguments[0])


def trim(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The text without white space around it."""
    return texts.trim(arguments[0])


def length(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The number of code points."""
    return texts.length(arguments[0])


def starts_with(arguments: Arguments, context: EvaluationContext) -> Operand:
    """Whether the text begins with another."""
    return texts.starts_with(*arguments)


def ends_with(arguments: Arguments, context: EvaluationContext) -> Operand:
    """Whether the text ends with another."""
    return texts.ends_with(*arguments)


def contains(arguments: Arguments, context: EvaluationContext) -> Operand:
    """Whether another text occurs in the text."""
    return texts.contains(*arguments)


def matches(arguments: Arguments, context: EvaluationContext) -> Operand:
    """Whether an RE2 pattern matches in the text; FunctionFailure if it is none."""
    try:
        return texts.matches(arguments[0], str(literal(arguments[1])))
    except texts.BadPattern as error:
        raise FunctionFailure(
            f"`{error.pattern}` is not a regular expression: {error.reason}",
            "patterns are RE2's; a backslash is written twice in a text",
        ) from error


def replace(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The text with a part replaced."""
    return texts.replace(arguments[0], str(literal(arguments[1])), str(literal(arguments[2])))


def substring(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The part of the text from a position on."""
    return texts.substring(*arguments)


def split_part(arguments: Arguments, context: EvaluationContext) -> Operand:
    """One part of the text cut at a separator."""
    return texts.split_part(arguments[0], str(literal(arguments[1])), int(literal(arguments[2])))


def concat(arguments: Arguments, context: EvaluationContext) -> Operand:
    """The texts one after the other."""
    return texts.concat(*arguments)
