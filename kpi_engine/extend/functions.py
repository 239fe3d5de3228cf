"""The record of a function: one place for its signature, types, prose, examples and lowering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Constant, Expression
from kpi_engine.ir.types import Type

if TYPE_CHECKING:
    from kpi_engine.kernels.calendar import Calendar

Level = Literal["row", "aggregate", "window"]


class SignatureProblem(Exception):
    """Arguments that a function cannot take: the message, and what to write instead.

    `argument` is the position (from 0) of the argument to point at, or None for the whole call.
    """

    def __init__(self, message: str, help: str = "", argument: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.argument = argument


class FunctionFailure(Exception):
    """A value that a lowering cannot take, met while rows were evaluated: what happened, and what to write instead.

    `row` is its position in the arrays given, or None when no single row is to blame (a bad pattern).
    """

    def __init__(self, message: str, help: str = "", row: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.row = row


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter. `words` are bare names that may be written here (`weekday`, `month`), given as text constants.

    `literal` asks for a constant. A `variadic` last parameter may repeat, or be left out if it is also `optional`.
    `accepts` says in words what it takes. Where `duration` is set, a duration literal of any unit may be written and
    is given as a text constant (`"1 month"`, `"-7 days"`), since months and years have no length of their own. Where
    `grains` is set, the project's declared grains are words, too; the signature sees `day` in their place.
    """

    name: str
    accepts: str
    optional: bool = False
    literal: bool = False
    variadic: bool = False
    words: tuple[str, ...] = ()
    duration: bool = False
    grains: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A call and its result, both in the language; `result` is a literal (`"abc"`, `12.50`, `null`, `true`,
    a date as `2027-03-15`, or a call that makes one, as `timestamp("2027-03-15 13:05")`).

    For aggregates `data` is the values that the column `x` holds, as literals; values of a second column `w` follow
    after a semicolon. For windows it is one row a month from January 2027 on (`no row`: none in that month), and the
    result is the last month's.
    """

    call: str
    result: str
    data: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    `result` takes the argument expressions (typed; constants visible) and returns the result type or raises
    `SignatureProblem`; the number of arguments was checked against `parameters` before. `lowering` is
    `"module:name"`, imported when the function is first executed: a callable `(arguments, context) -> pa.Array`
    whose arguments are Arrow arrays, or Arrow scalars for constants; scalars alone give a scalar. Aggregates and
    windows have no lowering: the engine owns their states. `level` `row` functions also work on metrics unless
    `rows_only`.
    """

    name: str
    level: Level
    parameters: tuple[Parameter, ...]
    result: Callable[[Sequence[Expression]], Type] = field(compare=False)
    returns: str
    prose: str
    examples: tuple[Example, ...]
    lowering: str = ""
    rows_only: bool = False
    group: str = ""

    @property
    def signature(self) -> str:
        """`round(x, [digits])`."""
        shown = []
        for parameter in self.parameters:
            text = f"{parameter.name}, ..." if parameter.variadic else parameter.name
            shown.append(f"[{text}]" if parameter.optional else text)
        return f"{self.name}({', '.join(shown)})"


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """What a lowering may need beside its arguments: the calendar, and the number of rows."""

    calendar: Calendar
    rows: int


Lowering = Callable[[Sequence[Any], EvaluationContext], Any]


def constant_value(expression: Expression) -> object:
    """The value of a constant argument; None when it is not a constant."""
    return expression.value if isinstance(expression, Constant) else None
