"""Characters that other keyboards and word processors write in place of those of the language."""

from __future__ import annotations

import unicodedata

# Written as code points, because the look of these characters is what misleads.
REPLACEMENTS: dict[str, str] = {
    **dict.fromkeys("\uff08\ufe59\u2768", "("),
    **dict.fromkeys("\uff09\ufe5a\u2769", ")"),
    **dict.fromkeys("\uff3b\u3010\u3014\u300c\u300e\ufe5d", "["),
    **dict.fromkeys("\uff3d\u3011\u3015\u300d\u300f\ufe5e", "]"),
    **dict.fromkeys("\uff5b", "["),
    **dict.fromkeys("\uff5d", "]"),
    **dict.fromkeys("\uff0c\u3001\ufe50\u060c", ","),
    **dict.fromkeys("\uff1a\ufe55", ":"),
    **dict.fromkeys("\uff0e\u3002\uff61", "."),
    **dict.fromkeys("\uff1d\ufe66", "="),
    **dict.fromkeys("\uff1c\ufe64\u3008", "<"),
    **dict.fromkeys("\uff1e\ufe65\u3009", ">"),
    **dict.fromkeys("\u2264\u2266", "<="),
    **dict.fromkeys("\u2265\u2267", ">="),
    **dict.fromkeys("\u2260", "!="),
    **dict.fromkeys("\uff0b\ufe62", "+"),
    **dict.fromkeys("\uff0d\u2212\u2010\u2011\u2012\u2013\u2014\u2015\ufe63", "-"),
    **dict.fromkeys("\uff0a\ufe61\u00d7\u00b7\u2217\u22c5", "*"),
    **dict.fromkeys("\uff0f\u00f7\u2215\u2044", "/"),
    **dict.fromkeys("\uff05\ufe6a", "%"),
    **dict.fromkeys("\uff03\ufe5f", "#"),
    **dict.fromkeys("\u2192\u21d2\u2794", "->"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\uff02\u00ab\u00bb\u301d\u301e", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\uff07\u00b4", '"'),
    **dict.fromkeys("\uff40", "`"),
    **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
}
"""The character that stands in a text, and what to write in its place."""

FOREIGN: dict[str, str] = {
    "$": "write the amount alone: its currency belongs to the column's type, as in `currency(USD)`",
    "\u20ac": "write the amount alone: its currency belongs to the column's type, as in `currency(EUR)`",
    "\u00a5": "write the amount alone: its currency belongs to the column's type, as in `currency(CNY)`",
    "\uffe5": "write the amount alone: its currency belongs to the column's type, as in `currency(CNY)`",
    "\u00a3": "write the amount alone: its currency belongs to the column's type, as in `currency(GBP)`",
    "{": "lists are written in [square brackets], everything else in (round ones)",
    "}": "lists are written in [square brackets], everything else in (round ones)",
    "?": "a choice is written `case when condition then a else b end`",
    "@": "write the plain name of the column or metric",
    "\\": "a long expression simply goes on in the next, indented line",
    "^": "a power is written by multiplying: `x * x`",
    "~": 'a text is matched with the function `matches(column, "pattern")`',
    "&": "conditions are joined with `and`, texts with `concat(a, b)`",
    "|": "conditions are joined with `or`, texts with `concat(a, b)`",
    "%": "a percentage is written without a space, as in 2.5%; the remainder of a division is `a - b * floor(a / b)`",
}
"""Characters of other languages, and what is written instead."""


def name_of(character: str) -> str:
    """How a message calls a character, so that two that look alike are told apart.

    >>> name_of("$"), name_of("\u00a0"), name_of("\x1b")
    ('`$` (dollar sign)', 'a no-break space', 'the character U+001B')
    """
    name = unicodedata.name(character, "").lower()
    if not name:
        return f"the character U+{ord(character):04X}"
    if character.isprintable() and not character.isspace():
        return f"`{character}` ({name})"
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"
