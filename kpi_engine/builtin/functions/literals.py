"""Literal arguments are tried when a definition is read: what could never work is refused before any row is."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.extend.functions import SignatureProblem
from kpi_engine.ir.expression import Constant, Expression
from kpi_engine.ir.types import Type


def check_cast(arguments: Sequence[Expression], wanted: Type, noun: str) -> None:
    """Refuses a literal text that cannot be read as the wanted type, by the format that may follow it.

    >>> from kpi_engine.ir.types import DATE, TEXT
    >>> check_cast([Constant("2026-02-28", TEXT)], DATE, "a date")
    """
    value = arguments[0].value if isinstance(arguments[0], Constant) else None
    if not isinstance(value, str):
        return
    # Definitions without such literals are read without pyarrow.
    import pyarrow as pa

    from kpi_engine.kernels.cast_forms import Style
    from kpi_engine.kernels.casts import try_cast

    second = arguments[1] if len(arguments) > 1 else None
    format = second.value if isinstance(second, Constant) and isinstance(second.value, str) else None
    if try_cast(pa.array([value], pa.string()), wanted, Style(format=format)).failing.size:
        written = f" written as {format}" if format else ""
        raise SignatureProblem(f"`{value}` is not {noun}{written}", "no row could be read so: correct the text", 0)


def check_pattern(pattern: str, argument: int) -> None:
    """Refuses a regular expression that RE2 does not take.

    >>> check_pattern("^SKU-[0-9]+$", 1)
    """
    import pyarrow as pa

    from kpi_engine.kernels.text_functions import BadPattern, matches

    try:
        matches(pa.array([""], pa.string()), pattern)
    except BadPattern as error:
        help = "write a sign that has a meaning in patterns with two backslashes before it, as `\\\\(`"
        raise SignatureProblem(f"`{pattern}` is not a regular expression: {error.reason}", help, argument) from error
