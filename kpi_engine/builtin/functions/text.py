"""Functions on texts. Positions count from 1, in code points; null in, null out."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.builtin.functions.literals import check_pattern
from kpi_engine.builtin.functions.records import family
from kpi_engine.builtin.functions.signatures import Result, literal_integer, literal_text, require
from kpi_engine.extend.functions import Function, Parameter, SignatureProblem
from kpi_engine.ir.expression import Constant, Expression
from kpi_engine.ir.types import BOOLEAN, INTEGER, TEXT, Kind, Type

_LONGEST_PATTERN = 1000
_LAST_POSITION = 2**31 - 1
_AS_TEXT = "write `text(...)` around it"

_X = Parameter("x", "a text")


def texts_to(result: Type) -> Result:
    """A result function for calls whose arguments are all texts."""

    def check(arguments: Sequence[Expression]) -> Type:
        for position in range(len(arguments)):
            require(arguments, position, {Kind.TEXT}, "a text", _AS_TEXT)
        return result

    return check


def _matches(arguments: Sequence[Expression]) -> Type:
    require(arguments, 0, {Kind.TEXT}, "a text", _AS_TEXT)
    pattern = literal_text(arguments, 1, "a pattern", 'write it in double quotes, as `"^SKU-[0-9]+$"`')
    if len(pattern) > _LONGEST_PATTERN:
        raise SignatureProblem(f"a pattern has at most {_LONGEST_PATTERN} characters", "shorten it", 1)
    for sign in ("(?=", "(?!", "(?<=", "(?<!"):
        if sign in pattern:
            help = "match the rest with a second `matches(...)`, joined by `and`"
            raise SignatureProblem(f"`{sign}` (a look-around) is not part of RE2 patterns", help, 1)
    check_pattern(pattern, 1)
    return BOOLEAN


def _substring(arguments: Sequence[Expression]) -> Type:
    require(arguments, 0, {Kind.TEXT}, "a text", _AS_TEXT)
    for position, wanted, least in ((1, "a position of 1 or more", 1), (2, "a length of 0 or more", 0)):
        if position < len(arguments):
            given = require(arguments, position, {Kind.INTEGER}, wanted)
            if isinstance(arguments[position], Constant) and given.kind is Kind.INTEGER:
                literal_integer(arguments, position, least, _LAST_POSITION, wanted, "positions count from 1")
    return TEXT


def _split_part(arguments: Sequence[Expression]) -> Type:
    require(arguments, 0, {Kind.TEXT}, "a text", _AS_TEXT)
    if not literal_text(arguments, 1, "a separator", 'write it in double quotes, as `"-"`'):
        help = 'write the text that stands between the parts, as `"-"`'
        raise SignatureProblem("the separator is empty", help, 1)
    literal_integer(arguments, 2, 1, _LAST_POSITION, "the number of a part, 1 or more", "parts count from 1")
    return TEXT


def _replace(arguments: Sequence[Expression]) -> Type:
    require(arguments, 0, {Kind.TEXT}, "a text", _AS_TEXT)
    if not literal_text(arguments, 1, "the text to look for"):
        raise SignatureProblem("the text to look for is empty", "write the text that is to be replaced", 1)
    literal_text(arguments, 2, "the text to put in its place")
    return TEXT


_function = family("Texts", lowerings="kpi_engine.builtin.lowering.text")

TEXTS: tuple[Function, ...] = (
    _function(
        "lower",
        (_X,),
        texts_to(TEXT),
        "text",
        "The text in lower case, by the rules of Unicode. Null stays null.",
        ('lower("ÀB-c")', '"àb-c"'),
        ("lower(null)", "null"),
    ),
    _function(
        "upper",
        (_X,),
        texts_to(TEXT),
        "text",
        "The text in upper case, by the rules of Unicode. Null stays null.",
        ('upper("sku-7é")', '"SKU-7É"'),
        ("upper(null)", "null"),
    ),
    _function(
        "trim",
        (_X,),
        texts_to(TEXT),
        "text",
        "The text without white space at its start and end; white space inside stays. Null stays null.",
        ('trim("  north west ")', '"north west"'),
        ('trim("   ")', '""'),
        ("trim(null)", "null"),
    ),
    _function(
        "length",
        (_X,),
        texts_to(INTEGER),
        "integer",
        "The number of code points of the text. The empty text has length 0, null has none.",
        ('length("naïve")', "5"),
        ('length("")', "0"),
        ("length(null)", "null"),
    ),
    _function(
        "starts_with",
        (_X, Parameter("beginning", "a text")),
        texts_to(BOOLEAN),
        "boolean",
        "Whether the text begins with the other one, in exactly the same letters. Every text begins with "
        "the empty one. If either is null the answer is unknown.",
        ('starts_with("SKU-7", "SKU")', "true"),
        ('starts_with("SKU-7", "sku")', "false"),
        ('starts_with(null, "SKU")', "null"),
    ),
    _function(
        "ends_with",
        (_X, Parameter("ending", "a text")),
        texts_to(BOOLEAN),
        "boolean",
        "Whether the text ends with the other one, in exactly the same letters. Every text ends with the "
        "empty one. If either is null the answer is unknown.",
        ('ends_with("ann@shop.cn", ".cn")', "true"),
        ('ends_with("ann@shop.cn", ".com")', "false"),
        ('ends_with(null, ".cn")', "null"),
    ),
    _function(
        "contains",
        (_X, Parameter("part", "a text")),
        texts_to(BOOLEAN),
        "boolean",
        "Whether the other text occurs anywhere in the text, in exactly the same letters; signs such as "
        "`.` and `*` stand for themselves. Every text contains the empty one. If either is null the answer "
        "is unknown.",
        ('contains("spring sale 50%", "sale")', "true"),
        ('contains("spring sale", "s.r")', "false"),
        ('contains(null, "sale")', "null"),
    ),
    _function(
        "matches",
        (_X, Parameter("pattern", "an RE2 regular expression", literal=True)),
        _matches,
        "boolean",
        "Whether the regular expression matches anywhere in the text; write `^` and `$` for its start and "
        "end. Patterns are those of RE2, whose time grows with the length of the text and never more, so "
        "there are no look-arounds and no references back to a group. In the pattern a backslash is "
        "written twice. If the text is null the answer is unknown.",
        ('matches("SKU-1042", "^SKU-[0-9]+$")', "true"),
        ('matches("sku-1042", "(?i)^SKU-\\\\d+$")', "true"),
        ('matches("SKU-A", "^SKU-[0-9]+$")', "false"),
        ('matches(null, "a")', "null"),
    ),
    _function(
        "replace",
        (
            _X,
            Parameter("part", "a text, not empty", literal=True),
            Parameter("by", "a text", literal=True),
        ),
        _replace,
        "text",
        "The text with every occurrence of a part replaced by another text. Signs such as `.` stand for "
        "themselves. Null stays null.",
        ('replace("1.234.567", ".", "")', '"1234567"'),
        ('replace("a-b", "+", "-")', '"a-b"'),
        ('replace(null, "a", "b")', "null"),
    ),
    _function(
        "substring",
        (
            _X,
            Parameter("start", "an integer of 1 or more"),
            Parameter("length", "an integer of 0 or more", optional=True),
        ),
        _substring,
        "text",
        "The part of the text that begins at a position (the first is 1) and has at most the given length, "
        "or goes to the end. Beyond the end it is the empty text. If an argument is null, or a computed "
        "start is below 1 or a computed length below 0, the result is null.",
        ('substring("DE-10115", 1, 2)', '"DE"'),
        ('substring("DE-10115", 4)', '"10115"'),
        ('substring("DE", 4)', '""'),
        ("substring(null, 1)", "null"),
    ),
    _function(
        "split_part",
        (
            _X,
            Parameter("separator", "a text, not empty", literal=True),
            Parameter("number", "an integer of 1 or more", literal=True),
        ),
        _split_part,
        "text",
        "The part of that number (the first is 1) of the text cut at every separator. A text without the "
        "separator is one part. Where there are fewer parts the result is null; null stays null.",
        ('split_part("de/berlin/mitte", "/", 2)', '"berlin"'),
        ('split_part("de", "/", 1)', '"de"'),
        ('split_part("de", "/", 2)', "null"),
        ('split_part(null, "/", 1)', "null"),
    ),
    _function(
        "concat",
        (Parameter("texts", "texts", variadic=True),),
        texts_to(TEXT),
        "text",
        'The texts one after the other. If one of them is null so is the result; write `coalesce(x, "")` '
        "to leave it out instead.",
        ('concat("DE", "-", "10115")', '"DE-10115"'),
        ('concat("DE", null)', "null"),
        ('concat("DE", coalesce(null, ""))', '"DE"'),
    ),
)
