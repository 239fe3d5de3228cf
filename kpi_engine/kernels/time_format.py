"""The formats in which text files write dates and times, as patterns. Plain Python: `check` reads them
too."""

from __future__ import annotations

import re
from functools import lru_cache

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.kernels.spans import CalendarError

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)

_OFFSET = "Z|[+-][0-9]{2}(?::?[0-9]{2})?"
_DIRECTIVES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{1,2}",
    "d": "[0-9]{1,2}",
    "H": "[0-9]{1,2}",
    "I": "[0-9]{1,2}",
    "p": "am|pm",
    "M": "[0-9]{1,2}",
    "S": "[0-9]{1,2}",
    "f": "[0-9]{1,6}",
    "b": "|".join(name[:3] for name in MONTHS),
    "B": "|".join(MONTHS),
    "j": "[0-9]{1,3}",
    "z": _OFFSET,
}
_ONE_OF = (("Y", "y"), ("m", "b", "B"), ("H", "I"), ("d", "j"))
_MAX_LENGTH = 200


class FormatError(CalendarError):
    """A format with an unknown directive, or one that leaves a date undetermined."""


@dataclass(frozen=True, slots=True)
class TimeFormat:
    """A format compiled to an anchored RE2 pattern whose named groups are its directives' letters."""

    text: str
    pattern: str
    fields: tuple[str, ...]


ISO_DATE = TimeFormat(
    "2026-11-22",
    "^(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})$",
    ("Y", "m", "d"),
)
ISO_TIMESTAMP = TimeFormat(
    "2026-11-22T13:05:00",
    "^(?P<Y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})"
    "(?:[ T](?P<H>[0-9]{2})(?::(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.](?P<f>[0-9]{1,6})[0-9]{0,3})?)?)?"
    f"(?P<z>{_OFFSET})?)?$",
    ("Y", "m", "d", "H", "M", "S", "f", "z"),
)


@lru_cache(maxsize=256)
def compile_format(text: str) -> TimeFormat:
    """The pattern of a format made of %Y %y %m %d %H %I %p %M %S %f %b %B %j %z %% and other characters.

    As in `strptime`: numbers may lack their leading zeros (not years), names are English in any case, a space
    stands for any number of spaces, and %y means 1969 to 2068. `FormatError` if a date cannot be read by it.

    >>> compile_format("%d.%m.%Y").fields
    ('d', 'm', 'Y')
    """
    if len(text) > _MAX_LENGTH:
        raise FormatError("this format is too long", f"write at most {_MAX_LENGTH} characters")
    fields: list[str] = []
    pattern = []
    for piece in re.findall(r"%.?|\s+|[^%\s]+", text, re.DOTALL):
        if piece == "%%":
            pattern.append("%")
        elif piece.startswith("%"):
            pattern.append(_directive(piece, fields))
        else:
            pattern.append(r"[ \t]+" if piece.isspace() else re.escape(piece))
    _check_determined(text, fields)
    return TimeFormat(text, f"^(?i:{''.join(pattern)})$", tuple(fields))


def _directive(piece: str, fields: list[str]) -> str:
    letter = piece[1:]
    if letter not in _DIRECTIVES:
        known = " ".join(f"%{each}" for each in _DIRECTIVES)
        raise FormatError(f"`{piece}` is not a part of a format", f"parts: {known}; write %% for a percent sign")
    if letter in fields:
        raise FormatError(f"the format names %{letter} twice", "name each part once")
    fields.append(letter)
    return f"(?P<{letter}>{_DIRECTIVES[letter]})"


def _check_determined(text: str, fields: list[str]) -> None:
    named = set(fields)
    for letters in _ONE_OF:
        given = [f"%{letter}" for letter in letters if letter in named]
        if len(given) > 1:
            raise FormatError(f"the format `{text}` names both {given[0]} and {given[1]}", "keep one of them")
    if not named & {"Y", "y"}:
        raise FormatError(f"the format `{text}` has no year", "add %Y")
    if "j" in named and named & {"m", "b", "B"}:
        raise FormatError(f"the format `{text}` names the day of the year and a month", "keep one of them")
    if "j" not in named and not ("d" in named and named & {"m", "b", "B"}):
        raise FormatError(f"the format `{text}` has no day", "add %m and %d, or %j")
    if ("p" in named) != ("I" in named):
        raise FormatError(f"the format `{text}` has only one of %I and %p", "write %I with %p, or %H without it")
