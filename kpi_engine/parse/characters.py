"""Characters that other keyboards and word processors write in place of those of the language."""

from __future__ import annotations

import unicodedata

REPLACEMENTS: dict[str, str] = {
    **dict.fromkeys("（﹙❨", "("),
    **dict.fromkeys("）﹚❩", ")"),
    **dict.fromkeys("［【〔「『﹝", "["),
    **dict.fromkeys("］】〕」』﹞", "]"),
    **dict.fromkeys("｛", "["),
    **dict.fromkeys("｝", "]"),
    **dict.fromkeys("，、﹐،", ","),
    **dict.fromkeys("：﹕", ":"),
    **dict.fromkeys("．。｡", "."),
    **dict.fromkeys("＝﹦", "="),
    **dict.fromkeys("＜﹤〈", "<"),
    **dict.fromkeys("＞﹥〉", ">"),
    **dict.fromkeys("≤≦", "<="),
    **dict.fromkeys("≥≧", ">="),
    **dict.fromkeys("≠", "!="),
    **dict.fromkeys("＋﹢", "+"),
    **dict.fromkeys("－−‐‑‒–—―﹣", "-"),
    **dict.fromkeys("＊﹡×·∗⋅", "*"),
    **dict.fromkeys("／÷∕⁄", "/"),
    **dict.fromkeys("％﹪", "%"),
    **dict.fromkeys("＃﹟", "#"),
    **dict.fromkeys("→⇒➔", "->"),
    **dict.fromkeys("“”„‟＂«»〝〞", '"'),
    **dict.fromkeys("‘’‚‛＇´", '"'),
    **dict.fromkeys("｀", "`"),
    **{chr(0xFF10 + digit): str(digit) for digit in range(10)},
}
"""The character that stands in a text, and what to write in its place."""

OPENING_QUOTES = frozenset("“„‟＂«〝‘‚‛＇")
"""Quotes after which a whole text may be read, so that one text gives one error."""

FOREIGN: dict[str, str] = {
    "$": "write the amount alone: its currency belongs to the column's type, as in `currency(USD)`",
    "€": "write the amount alone: its currency belongs to the column's type, as in `currency(EUR)`",
    "¥": "write the amount alone: its currency belongs to the column's type, as in `currency(CNY)`",
    "￥": "write the amount alone: its currency belongs to the column's type, as in `currency(CNY)`",
    "£": "write the amount alone: its currency belongs to the column's type, as in `currency(GBP)`",
    "{": "lists are written in [square brackets], everything else in (round ones)",
    "}": "lists are written in [square brackets], everything else in (round ones)",
    "?": "a choice is written `case when condition then a else b end`",
    "@": "write the plain name of the column or metric",
    "\\": "a long expression simply goes on in the next, indented line",
    "^": "a power is written by multiplying: `x * x`",
    "~": "a text is matched with the function `matches(column, \"pattern\")`",
    "&": "conditions are joined with `and`, texts with `concat(a, b)`",
    "|": "conditions are joined with `or`, texts with `concat(a, b)`",
    "%": "a percentage is written without a space, as in 2.5%; the remainder of a division is `a - b * floor(a / b)`",
}
"""Characters of other languages, and what is written instead."""


def name_of(character: str) -> str:
    """How a message calls a character, so that two that look alike are told apart.

    >>> name_of("（")
    '`（` (fullwidth left parenthesis)'
    """
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    shown = f"`{character}` ({name})" if character.isprintable() and not character.isspace() else f"a {name}"
    return shown if not shown.startswith(("a a", "a e", "a i", "a o")) else "an" + shown[1:]
