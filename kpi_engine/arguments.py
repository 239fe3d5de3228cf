"""Arguments of the Python API: what is of the wrong type is said in the words of the API, before anything is read."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Sequence

from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError

When = str | datetime.date
"""A period, a date or an instant: a text, or Python's own date or datetime."""


def as_text(name: str, value: When | None) -> str | None:
    """A time as the language writes it; KpiError E734 for anything else.

    >>> as_text("start", datetime.date(2026, 3, 1)), as_text("as_of", datetime.datetime(2026, 3, 1, 8))
    ('2026-03-01', '2026-03-01T08:00:00')
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise _wrong(name, value, 'a text such as "2026-03", a date or a datetime')


def check_names(**arguments: object) -> None:
    """Each is a name, several names, or None; KpiError E734 otherwise."""
    for name, value in arguments.items():
        several = isinstance(value, Iterable) and not isinstance(value, bytes | dict)
        if value is None or isinstance(value, str) or (several and _all_texts(value)):
            continue
        raise _wrong(name, value, 'a name, or a list of names: "channel" or ["channel", "country"]')


def check_given(**arguments: object) -> None:
    """Each is given: a name or a text that is not None; KpiError E734 otherwise."""
    for name, value in arguments.items():
        if value is None:
            raise _wrong(name, value, "a text")


def check_choice(value: object, choices: Sequence[str], name: str) -> None:
    """A value is one of a few words; KpiError E734 otherwise.

    >>> check_choice("plan", ("tree", "plan"), "at")
    """
    if value not in choices:
        shown = f"{choices[0]!r}" if len(choices) == 1 else f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
        raise KpiError(Diagnostic("E734", f"`{name}` takes {shown}; this is {value!r}", exit_code=ExitCode.USAGE))


def check_texts(**arguments: object) -> None:
    """Each is a text or None; KpiError E734 otherwise."""
    for name, value in arguments.items():
        if value is not None and not isinstance(value, str):
            raise _wrong(name, value, "a text")


def check_number(**arguments: object) -> None:
    """Each is a whole number or None; KpiError E734 otherwise."""
    for name, value in arguments.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise _wrong(name, value, "a whole number")


def check_flags(**arguments: object) -> None:
    """Each is True or False; KpiError E734 otherwise."""
    for name, value in arguments.items():
        if not isinstance(value, bool):
            raise _wrong(name, value, "True or False")


def check_paths(**arguments: object) -> None:
    """Each is a path or None, definitions may be several; KpiError E734 otherwise."""
    for name, value in arguments.items():
        several = isinstance(value, Sequence) and all(isinstance(each, str | os.PathLike) for each in value)
        if value is None or isinstance(value, str | os.PathLike) or (several and name == "definitions"):
            continue
        raise _wrong(name, value, "a path" if name != "definitions" else "a path, or a list of paths")


def _all_texts(values: object) -> bool:
    """Whether a list or another collection holds texts alone; an iterator would be used up by looking."""
    return isinstance(values, Sequence | set | frozenset) and all(isinstance(each, str) for each in values)


def _wrong(name: str, value: object, wanted: str) -> KpiError:
    given = "None" if value is None else _article(type(value).__name__)
    message = f"`{name}` takes {wanted}; this is {given}"
    return KpiError(Diagnostic("E734", message, exit_code=ExitCode.USAGE))


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"
