"""Expressions may be deep: stages that visit them get the stack that this takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    pass

_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")
_DEEPEST = 20_000
"""Python frames enough for visitors of the deepest expressions that a catalogue can hold (a few frames a level)."""


def deep(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Lets a stage visit expressions as deep as definitions may be; the limits of `resolve` keep them finite."""

    @wraps(function)
    def visit(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, _DEEPEST))
        try:
            return function(*arguments, **named)
        finally:
            sys.setrecursionlimit(before)

    return visit
