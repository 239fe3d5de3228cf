"""Diagnostics for text that is no token: what stands there, and what to write instead."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, did_you_mean
from kpi_engine.ir.span import Span

_OPERATORS: dict[str, tuple[str, str, str]] = {
    "==": ("EQ", "E102", "compare with a single ="),
    "=>": ("CMP", "E112", "write `>=`"),
    "=<": ("CMP", "E112", "write `<=`"),
    "<>": ("CMP", "E111", "write `!=`"),
    "&&": ("AND", "E109", "write `and`"),
    "||": ("OR", "E110", "write `or` between conditions; texts are joined with `concat(a, b)`"),
    "!": ("NOT", "E113", "write `not`"),
    ";": ("", "E114", "remove it: a declaration ends where the next one begins in column 1"),
    "//": ("MULDIV", "E115", "a comment begins with #; a quotient is rounded down with `floor(a / b)`"),
    "--": ("PLUSMINUS", "E115", "a comment begins with #; to subtract a negative value write `- -`"),
    "/*": ("", "E115", "a comment begins with # and ends with its line"),
    "*/": ("", "E115", "a comment begins with # and ends with its line"),
    "**": ("MULDIV", "E116", "a power is written by multiplying: `x * x`"),
}
_UNITS = ("seconds", "minutes", "hours", "days", "weeks", "months", "quarters", "years")
_SHORT_UNITS = {
    "s": "seconds",
    "min": "minutes",
    "mins": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
    "y": "years",
}
_SCALES = {"k": 3, "m": 6, "mio": 6, "bn": 9, "b": 9}
_ESCAPE = r"(?s)\\(.)"


def operator(span: Span) -> tuple[str, Diagnostic]:
    """The terminal that was meant by an operator of another language, and the diagnostic."""
    meant, code, help_text = _OPERATORS[span.text]
    what = "has no use here" if span.text in (";", "/*", "*/") else "is not an operator"
    return meant, Diagnostic(code, f"`{span.text}` {what}", span, help_text)


def character(span: Span) -> tuple[str, Diagnostic]:
    """The character that was meant by one that has no place in a definition, and the diagnostic."""
    from kpi_engine.parse.characters import FOREIGN, REPLACEMENTS, name_of

    found = span.text
    if found == "`":
        return "", Diagnostic(
            "E123", "this ` is never closed", span, "write the quoted name between two backticks in one line"
        )
    if found in REPLACEMENTS:
        meant = REPLACEMENTS[found]
        return meant, Diagnostic("E107", f"{name_of(found)} is not `{meant}`", span, f"write `{meant}`")
    if found.isspace():
        return "", Diagnostic("E117", f"{name_of(found)} does not separate words", span, "write an ordinary space")
    if not found.isprintable():
        return "", Diagnostic("E117", f"{name_of(found)} has no meaning here", span, "delete it")
    help_text = FOREIGN.get(found, "delete it, or put it in a text in double quotes")
    return "", Diagnostic("E108", f"{name_of(found)} has no meaning here", span, help_text)


def typographic_quotes(span: Span) -> Diagnostic:
    """For a text in the quotes of a word processor."""
    from kpi_engine.parse.characters import REPLACEMENTS, name_of

    inner = span.text[1:-1] if span.text[-1] in REPLACEMENTS or span.text[-1] == '"' else span.text[1:]
    return Diagnostic("E107", f'{name_of(span.text[0])} is not `"`', span, f'write "{inner.strip()}"')


def single_quotes(span: Span) -> Diagnostic:
    """For `'text'`."""
    inner = span.text[1:].removesuffix("'").replace('"', '\\"')
    return Diagnostic("E103", "text is written in double quotes", span, f'write "{inner.strip()}"')


def open_text(span: Span) -> Diagnostic:
    """For a text whose line ends before it does."""
    opening = Span(span.source, span.start, span.start + 1)
    return Diagnostic(
        "E105",
        "this text is never closed",
        opening,
        'add a " in the same line; a quote inside a text is written \\"',
    )


def escapes(span: Span) -> list[Diagnostic]:
    """One diagnostic for each unknown escape of a text."""
    found = []
    for match in re.finditer(_ESCAPE, span.text):
        if match[1] not in '"\\nt':
            place = Span(span.source, span.start + match.start(), span.start + match.end())
            help_text = f'write \\\\{match[1]} for a backslash; the escapes are \\" \\\\ \\n \\t'
            found.append(Diagnostic("E106", f"`{match[0]}` is not an escape", place, help_text))
    return found


def number(span: Span, most: int) -> list[Diagnostic]:
    """What is wrong with a number that is well formed: too many digits, or zeros in front."""
    text = span.text
    if len(text) > most and sum(c.isdigit() for c in text) > most:
        what = f"this number has more than {most} digits"
        return [Diagnostic("E806", what, span, "round it", exit_code=ExitCode.LIMIT)]
    if text[0] == "0" and len(text) > 1 and text[1].isdigit():
        before = span.source.text[max(0, span.start - 2) : span.start]
        if len(before) == 2 and before[0].isdigit() and before[1] == ",":
            return [Diagnostic("E118", "a comma does not group digits", span, "write 1000 or 1_000")]
        plain = text.lstrip("0_") or "0"
        plain = "0" + plain if plain[0] in ".% " else plain
        help_text = f'write {plain}, or "{text}" if it is a text'
        return [Diagnostic("E119", "a number does not begin with 0", span, help_text)]
    return []


def bad_number(span: Span) -> Diagnostic:
    """For digits that run into something else: `.5`, `1e5`, `30days`, `1_00`."""
    text = span.text
    before = span.source.text[span.start - 1 : span.start]
    if text[0] == "." and (before.isalnum() or before in ("_", "`")):
        return Diagnostic(
            "E182",
            "a name must stand after the point",
            span,
            f"a name that begins with a digit stands in backticks: .`{text[1:]}`",
        )
    if text.count(".") > 1:
        return Diagnostic(
            "E122",
            f"`{text}` is not a number",
            span,
            f'a date is written 2027-03-15, a version as a text: "{text}"',
        )
    if text[0] == ".":
        return Diagnostic("E120", "a number does not begin with a point", span, f"write 0{text}")
    if match := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)[eE]([0-9]{1,2})", text):
        value = Decimal(match[1]) * 10 ** int(match[2])
        help_text = f"write {value:f}" if int(match[2]) <= 38 else "write all of its digits"
        return Diagnostic("E121", "numbers are written without an exponent", span, help_text)
    if re.fullmatch(r"[0-9_]+(\.[0-9_]+)?", text):
        return Diagnostic("E124", "`_` stands between groups of three digits", span, f"write {text.replace('_', '')}")
    digits = re.match(r"[0-9]+(?:\.[0-9]+)?", text)
    amount, rest = (digits[0], text[digits.end() :]) if digits else ("", text)
    if re.match(r"[ \t]*=", span.source.text[span.end : span.end + 40]) and span.column == 1:
        help_text = f"write `{rest}_{amount} = ...`, or the name in backticks: `` `{text}` ``"
        return Diagnostic("E122", "a name does not begin with a digit", span, help_text)
    if rest in _SCALES:
        return Diagnostic("E122", f"`{text}` is not a number", span, f"write {Decimal(amount) * 10 ** _SCALES[rest]:f}")
    unit = _SHORT_UNITS.get(rest) or next((u for u in _UNITS if rest.casefold() in (u, u[:-1])), "")
    if unit:
        return Diagnostic("E122", f"`{text}` is not a duration", span, f"write `{amount} {unit}`")
    return Diagnostic(
        "E122",
        f"`{text}` is neither a number nor a name",
        span,
        f"a name that begins with a digit stands in backticks: `` `{text}` ``",
    )


def bad_period(span: Span) -> Diagnostic:
    """For what begins like a period and is none: `2027-W60`, `2027-3`, `2027-q1`."""
    text = span.text
    help_text = "periods are written 2027, 2027-Q1, 2027-03, 2027-W07, 2027-03-15, FY2027"
    if match := re.fullmatch(r"(?:FY)?([0-9]{4})-([QqWw])([0-9]{1,2})", text):
        number_width = 1 if match[2] in "Qq" else 2
        most = 4 if match[2] in "Qq" else 53
        if 1 <= int(match[3]) <= most:
            help_text = f"write {match[1]}-{match[2].upper()}{int(match[3]):0{number_width}}"
        else:
            help_text = f"a year has {'quarters Q1 to Q4' if most == 4 else 'weeks W01 to W52 or W53'}"
    elif match := re.fullmatch(r"([0-9]{4})-([0-9]{1,2})(?:-([0-9]{1,2}))?", text):
        year, month, day = int(match[1]), int(match[2]), int(match[3] or 1)
        if 1 <= month <= 12 and 1 <= day <= 31:
            help_text = f"write {year}-{month:02}" + (f"-{day:02}" if match[3] else "")
        if not match[3]:
            help_text += f", or `{match[1]} - {match[2]}` to subtract"
    return Diagnostic("E125", f"`{text}` is not a period", span, help_text)


def impossible_period(span: Span) -> list[Diagnostic]:
    """What is wrong with a period of the right form: a day or a week that its month or year does not have."""
    text = span.text
    year = int(text[2:6] if text[0] == "F" else text[:4])
    if text[4:6] == "-W":
        last = date(year, 12, 28).isocalendar().week
        if not 1 <= int(text[6:8]) <= last:
            return [Diagnostic("E125", f"`{text}` is not a period", span, f"the weeks of {year} are W01 to W{last}")]
    elif len(text) >= 10:
        from calendar import monthrange

        last = monthrange(year, int(text[5:7]))[1]
        if not 1 <= int(text[8:10]) <= last:
            return [
                Diagnostic(
                    "E125",
                    f"`{text}` is not a period",
                    span,
                    f"the last day of {text[:7]} is {text[:7]}-{last}",
                )
            ]
        if len(text) > 11 and int(text[11:13]) > 23:
            return [Diagnostic("E125", f"`{text}` is not a period", span, "the hours of a day are T00 to T23")]
    return []


def long_name(span: Span, most: int) -> Diagnostic:
    """For a name beyond the limit."""
    shown = Span(span.source, span.start, span.start + 20)
    return Diagnostic(
        "E806", f"this name has more than {most} characters", shown, "shorten it", exit_code=ExitCode.LIMIT
    )


def unknown_unit(span: Span) -> Diagnostic:
    """For `7 dyas`: a number and a word that is nearly a unit of time."""
    return Diagnostic(
        "E126",
        f"`{span.text}` is not a unit of time",
        span,
        did_you_mean(span.text, [*_UNITS, *(u[:-1] for u in _UNITS)]),
    )
