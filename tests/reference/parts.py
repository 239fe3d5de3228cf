"""Parts of structs, values of keys in lists, and values as their declared type reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from .local_time import LocalCalendar
from .problems import MeaninglessError

_STEP = re.compile(r"\.?([^.\[\]]+)|\[([^\]]+)\]")


def part_of(cells: Mapping[str, Any], path: str) -> Any:
    """The value at a path such as `device.category` or `params[page].text`; null where something on the way is."""
    if path in cells:
        return cells[path]
    found: Any = cells
    for name, key in _STEP.findall(path):
        if found is None:
            return None
        found = _of_key(found, key) if key else found.get(name)
    return found


def _of_key(elements: Any, key: str) -> Any:
    """The element of a list that has a key, or a value of a map."""
    if isinstance(elements, dict):
        return elements.get(key)
    found = [each for each in elements if each is not None and str(each["key"]) == key]
    if len(found) > 1:
        raise MeaninglessError(f"{len(found)} elements have the key {key}")
    return found[0] if found else None


def as_type(value: Any, type: str | None, zone: LocalCalendar) -> Any:
    """A stored value as its declared type reads it: a float as a decimal is the shortest that stands for it."""
    if isinstance(value, float) and type in ("decimal", "currency"):
        return Fraction(repr(value))
    if not isinstance(value, str):
        return value
    try:
        match type:
            case "integer":
                return int(value)
            case "decimal" | "currency":
                return Fraction(Decimal(value))
            case "date":
                return date.fromisoformat(value)
            case "timestamp":
                return zone.to_instant(datetime.fromisoformat(value))
    except (ValueError, InvalidOperation) as error:
        raise MeaninglessError(f"{value} is no {type}") from error
    return value
