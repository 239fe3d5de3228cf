"""Formats of dates that name no day: the first day of what they name. Plain Python: `check` reads them too."""

from __future__ import annotations

_MONTHS = ("%m", "%b", "%B")


def completed(format: str) -> tuple[str, str]:
    """The format with its missing parts, and the text that a value needs appended to fit it.

    A year is its first of January, a year and a month the first of the month. Everything else stays as it is.

    >>> completed("%Y"), completed("%b %Y"), completed("%d.%m.%Y")
    (('%Y %m %d', ' 01 01'), ('%b %Y %d', ' 01'), ('%d.%m.%Y', ''))
    """
    has_month = any(part in format for part in _MONTHS)
    if "%d" in format or "%j" in format:
        return format, ""
    return (f"{format} %d", " 01") if has_month else (f"{format} %m %d", " 01 01")
