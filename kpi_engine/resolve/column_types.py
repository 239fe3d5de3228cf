"""Declared types: their names, what of a table can be read as them, and what a formula may be declared as."""

from __future__ import annotations

import re
from dataclasses import replace

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Apply, Expression
from kpi_engine.ir.types import (
    BOOLEAN,
    DATE,
    DECIMAL,
    DURATION,
    INTEGER,
    TEXT,
    TIMESTAMP,
    Kind,
    Type,
    currency,
)
from kpi_engine.resolve.problems import problem
from kpi_engine.resolve.units import spoken

_PLAIN = {
    "text": TEXT,
    "integer": INTEGER,
    "decimal": DECIMAL,
    "boolean": BOOLEAN,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "duration": DURATION,
}
_ELSEWHERE = {
    "string": "text",
    "varchar": "text",
    "str": "text",
    "char": "text",
    "int": "integer",
    "bigint": "integer",
    "long": "integer",
    "number": "decimal",
    "numeric": "decimal",
    "float": "decimal",
    "double": "decimal",
    "real": "decimal",
    "money": "currency(EUR)",
    "bool": "boolean",
    "datetime": "timestamp",
    "time": "timestamp",
    "timestamptz": "timestamp",
    "interval": "duration",
}
DURATION_PARTS = ("second", "minute", "hour", "day", "week")
"""What a stored number of a duration may count, and how a duration may be shown."""


def declared_type(node: tree.TypeName, default_currency: str | None) -> tuple[Type, tuple[tuple[str, str], ...]]:
    """The type that a column declares, and options of its reading."""
    name = node.name.text
    parameter = node.parameter.text if node.parameter is not None else None
    if name == "currency":
        return currency(_currency_code(node, parameter or default_currency)), ()
    found = _PLAIN.get(name)
    if found is None:
        help = f"it is called `{_ELSEWHERE[name.casefold()]}` here" if name.casefold() in _ELSEWHERE else ""
        help = help or did_you_mean(name, [*_PLAIN, "currency"]) or f"write one of {', '.join(_PLAIN)}, currency(EUR)"
        raise problem("E213", f"no type named `{name}`", node.name.span, help)
    if parameter is None:
        return found, ()
    if name == "duration" and parameter in DURATION_PARTS:
        return found, (("part", parameter),)
    help = f"write duration({' | '.join(DURATION_PARTS)})" if name == "duration" else f"write `{name}` alone"
    raise problem("E213", f"no type named `{name}({parameter})`", node.span, help)


def _currency_code(node: tree.TypeName, code: str | None) -> str:
    if code is None:
        raise problem(
            "E213",
            "`currency` needs to say which",
            node.span,
            "write for example `currency(EUR)`, or set `currency:` in the calendar",
        )
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise problem("E213", f"`{code}` is not a currency", node.span, "write its three capital letters, such as EUR")
    return code


def is_readable(table: Type, declared: Type) -> bool:
    """Whether values of a table's column can be read as the declared type; text, and a column of nulls, as anything.

    >>> is_readable(INTEGER, currency("CNY")), is_readable(DATE, TIMESTAMP)
    (True, False)
    """
    if table.kind in (Kind.TEXT, Kind.NULL):
        return True
    if table.numeric and table.unit.is_duration:
        return declared.numeric and declared.unit.is_duration
    if table.kind in (Kind.INTEGER, Kind.DECIMAL):
        return declared.numeric or declared.kind is Kind.TEXT
    if table.kind is Kind.FLOAT:
        return declared.numeric
    if table.kind is Kind.TIMESTAMP:
        return declared.kind in (Kind.TIMESTAMP, Kind.DATE)
    return declared.kind in (table.kind, Kind.TEXT) and not (declared.kind is Kind.TEXT and table.kind is Kind.BOOLEAN)


def unreadable_help(table: Type, declared: Type) -> str:
    """What to write instead of a type that the table's column cannot be read as."""
    if table.kind is Kind.DATE and declared.kind is Kind.TIMESTAMP:
        return "a date is that day in every zone and is never turned into an instant: declare it `date`"
    if table.numeric and declared.kind is Kind.TIMESTAMP:
        return "declare it `integer` and add `column t: timestamp = from_epoch(c, second)`"
    if table.numeric and declared.kind is Kind.BOOLEAN:
        return "declare it `integer` and add `column b: boolean = c != 0`"
    return f"declare it `{spoken(table) if table.kind is not Kind.FLOAT else 'decimal'}`, or leave the type out"


def fitted(name: str, declared: Type, value: Expression, node: tree.TypeName, functions: frozenset[str]) -> Expression:
    """A formula as the type that its column declares, or E353.

    A plain number may be given a unit and an integer read as a decimal; a timestamp becomes its local date.
    """
    given = value.type
    if given.kind is Kind.NULL or given == declared:
        return value
    if given.kind is Kind.TIMESTAMP and declared.kind is Kind.DATE and "date" in functions:
        return Apply("date", (value,), DATE, value.span)
    help = f"declare it `{spoken(given)}`, or change the formula"
    if given.numeric and declared.numeric:
        if given.unit != declared.unit and not given.unit.is_none:
            help = f"declare it `{given}`"
        elif given.unit != declared.unit and declared.unit.is_duration:
            help = "multiply it by a duration, such as `* 1 minute`"
        elif declared.kind is Kind.INTEGER and given.kind is not Kind.INTEGER and not declared.unit.is_duration:
            help = "write `integer(...)` around a value that is always whole, or `round(...)` inside it"
        elif declared.kind is Kind.DECIMAL and given.kind is Kind.FLOAT:
            help = "write `decimal(...)` around it: a division gives a floating-point number"
        else:
            return value
    raise problem("E353", f"`{name}` is declared {declared}, and its formula gives {spoken(given)}", node.span, help)


def with_declared_unit(declared: Type | None, inferred: Type) -> Type:
    """The type of a computed column: the formula's kind with the declared unit."""
    if declared is None:
        return inferred
    if declared.numeric and inferred.numeric:
        return replace(inferred, unit=declared.unit) if declared.unit.is_duration else declared
    return declared
