"""Amounts of bytes as people write them."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {
    "b": 1,
    **{unit + "b": 1000**power for power, unit in enumerate("kmgt", start=1)},
    **{unit: 1000**power for power, unit in enumerate("kmgt", start=1)},
    **{unit + "ib": 1024**power for power, unit in enumerate("kmgt", start=1)},
}
_SIZE = r"(?i)([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(b|[kmgt]|[kmgt]i?b)"
_MOST = 1 << 62


def size_of(value: object) -> int | None:
    """The bytes that a number, or a text with a unit, means; None if it is no amount above 0.

    >>> size_of("2 GB"), size_of("2G"), size_of("1.5 MiB"), size_of(4096), size_of("2"), size_of("0 kB")
    (2000000000, 2000000000, 1572864, 4096, None, None)
    """
    if isinstance(value, str) and (found := re.fullmatch(_SIZE, value.strip())) and found[2].lower() in _UNITS:
        value = int(Decimal(found[1]) * _UNITS[found[2].lower()])
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= _MOST else None
