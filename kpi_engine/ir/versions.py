"""Versions and ranges of versions, as packs state them."""

from __future__ import annotations

import re

_VERSION = re.compile(r"\d+(?:\.\d+)*")
_RANGE = re.compile(r"\s*(>=|<=|!=|==|>|<|~=)\s*(\d+(?:\.\d+)*)\s*")


def version_numbers(text: str) -> tuple[int, ...] | None:
    """The numbers of a version without trailing zeros; None for what is no version.

    >>> version_numbers("1.2.0"), version_numbers("new")
    ((1, 2), None)
    """
    if not _VERSION.fullmatch(text):
        return None
    numbers = [int(part) for part in text.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def is_range(text: str) -> bool:
    """Whether a text is a range of versions.

    >>> is_range(">=1.2, <2"), is_range("1.2")
    (True, False)
    """
    return all(_RANGE.fullmatch(part) for part in text.split(","))


def in_range(version: str, allowed: str) -> bool:
    """Whether a version lies in a range of comparisons joined by commas (an empty one allows all).

    >>> in_range("1.10", ">=1.2, <2"), in_range("2.0", "~=1.2"), in_range("1.0", "")
    (True, False, True)
    """
    own = version_numbers(version) or ()
    return all(_holds(own, *found.groups()) for part in allowed.split(",") if (found := _RANGE.fullmatch(part)))


def _holds(own: tuple[int, ...], operator: str, text: str) -> bool:
    other = version_numbers(text) or ()
    match operator:
        case ">=":
            return own >= other
        case "<=":
            return own <= other
        case ">":
            return own > other
        case "<":
            return own < other
        case "==":
            return own == other
        case "!=":
            return own != other
    parts = [int(part) for part in text.split(".")]
    return own >= other and own[: len(parts) - 1] == tuple(parts[:-1])
