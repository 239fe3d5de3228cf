"""Paths into nested columns: `device.os.name`, `params[page].value`, checked against the table's type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from kpi_engine.ir.catalog import PathStep, TableColumn
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import Kind
from kpi_engine.resolve.problems import BindError, article, listed, problem

KEY = "key"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a nested column: the column, the path from it, and what the path leads to."""

    column: str
    path: tuple[PathStep, ...]
    found: TableColumn
    rest: str
    """What is still to be followed of the text."""


def part_of(text: str, table: Mapping[str, TableColumn], span: Span) -> Part | None:
    """The part that a dotted text names, None if it begins with none of the table's columns. E684 if it leads nowhere.

    Names of columns and of fields may hold points themselves: of several that fit the longest one is meant.
    """
    head = _longest(text, table)
    if head is None:
        return None
    part = Part(head, (), table[head], text[len(head) :])
    while part.rest:
        part = _next(text, part, span)
    return part


def _next(text: str, part: Part, span: Span) -> Part:
    """One step further along the text."""
    shown = text[: len(text) - len(part.rest)]
    if part.rest.startswith("["):
        key, closed, rest = part.rest[1:].partition("]")
        if not closed or (rest and rest[0] not in ".["):
            raise problem("E684", f"the key after `{shown}` is not closed", span, f'write "{shown}[key]"')
        if _is_null(part.found):
            return Part(part.column, (*part.path, PathStep(key.strip(), "key")), part.found, rest)
        return _of_key(shown, part, key.strip(), rest, span)
    if _is_null(part.found):
        name = re.split(r"[.\[]", part.rest[1:], maxsplit=1)[0]
        return Part(part.column, (*part.path, PathStep(name)), part.found, part.rest[1 + len(name) :])
    fields = {each.name: each for each in part.found.parts}
    name = _longest(part.rest[1:], fields) if part.found.form == "struct" else None
    if name is None:
        raise _no_field(shown, part, part.rest[1:], span)
    step = PathStep(name)
    return Part(part.column, (*part.path, step), fields[name], part.rest[1 + len(name) :])


def _is_null(found: TableColumn) -> bool:
    """Whether a column holds nothing but nulls, so that any part of it may be meant, which is null as well."""
    return found.type is not None and found.type.kind is Kind.NULL


def _longest(text: str, names: Iterable[str]) -> str | None:
    """The longest name that a text begins with, up to its end, a point or a bracket."""
    fitting = [name for name in names if text.startswith(name) and text[len(name) : len(name) + 1] in ("", ".", "[")]
    return max(fitting, key=len, default=None)


def _of_key(shown: str, part: Part, key: str, rest: str, span: Span) -> Part:
    """The value of a key in a map, or the element of a list of structs whose field `key` equals it."""
    found = part.found
    if found.form == "map":
        keys, value = found.parts
    elif found.form == "list":
        value = found.parts[0]
        fields = {each.name: each for each in value.parts} if value.form == "struct" else {}
        if KEY not in fields:
            have = f"have {listed(fields)}, and no `{KEY}`" if fields else f"are {value.physical}"
            message = f"`{shown}` is a list in which nothing is found by a key: its elements {have}"
            raise problem("E684", message, span, f"make rows of the elements: `source ... = unnest(...{shown})`")
        keys = fields[KEY]
    else:
        help = f"write a point before the name: `{shown}.{key}`" if found.form == "struct" else ""
        raise problem("E684", f"`{shown}` is {_what(found)}, in which nothing is found by a key", span, help)
    kind = keys.type.kind if keys.type is not None else None
    if kind is Kind.INTEGER and key.removeprefix("-").isdecimal():
        key, kind = str(int(key)), Kind.TEXT
    if kind is Kind.TEXT:
        return Part(part.column, (*part.path, PathStep(key, "key")), value, rest)
    help = "write a whole number between the brackets" if kind is Kind.INTEGER else ""
    raise problem("E684", f"the keys of `{shown}` are {keys.physical}, and `{key}` is none", span, help)


def _no_field(shown: str, part: Part, wanted: str, span: Span) -> BindError:
    found = part.found
    if found.form == "struct":
        names = [each.name for each in found.parts]
        help = did_you_mean(wanted.split(".")[0].split("[")[0], names) or f"it has {listed(names)}"
        return problem("E684", f"`{shown}` has no field `{wanted}`", span, help)
    if found.form == "list":
        help = f"name one element by its key, `{shown}[key].{wanted}`, or make rows: `unnest(...{shown})`"
        return problem("E684", f"`{shown}` is a list, which has no field `{wanted}`", span, help)
    if found.form == "map":
        return problem("E684", f"`{shown}` is a map", span, f"write the key in brackets: `{shown}[{wanted}]`")
    return problem("E684", f"`{shown}` is {_what(found)}, which has no parts", span)


def unreadable(shown: str, found: TableColumn, span: Span) -> BindError:
    """E682: a column that is nested, or of a type without a meaning here."""
    message = f"`{shown}` has the type {found.physical}, which columns cannot have"
    return problem("E682", message, span, unreadable_help(shown, found))


def has_parts(column: TableColumn) -> bool:
    """Whether a column is a struct, a list or a map, as far as its table says."""
    return column.form is not None or column.physical.startswith(("struct", "list", "map"))


def unreadable_help(shown: str, found: TableColumn) -> str:
    """What to write instead of a whole nested column."""
    if found.mixed:
        return help_on_mixed(shown, found)
    if not has_parts(found):
        return "leave the column out, or write it in the file as a text or a number"
    match found.form:
        case "list":
            return f"make rows of its elements: `source ... = unnest(...{shown})`"
        case "map":
            return f'read the value of a key: `from "{shown}[key]"`'
        case "struct" if found.parts:
            return f'read a part of it, such as `from "{shown}.{found.parts[0].name}"`, or leave the column out'
    return 'read a part of it, such as `from "device.category"`, or leave the column out'


def help_on_mixed(shown: str, found: TableColumn) -> str:
    """What to write where a column has other types in other files: one that holds them all."""
    found_types = [each.strip() for each in found.physical.split(" but ")]
    if all(each.startswith("timestamp") for each in found_types):
        type = "timestamp"
    else:
        type = "date" if all(each.startswith(("timestamp", "date")) for each in found_types) else "text"
    return f"say which type it is to be read as: `column {shown}: {type}`"


def _what(found: TableColumn) -> str:
    return article(found.form) if found.form is not None else str(found.type or found.physical)


def element_columns(column: TableColumn) -> tuple[TableColumn, ...]:
    """The columns of the rows that the elements of a list or a map are: a struct's fields, else one named `value`."""
    if column.form == "map":
        return column.parts
    element = column.parts[0]
    return element.parts if element.form == "struct" else (replace(element, name="value"),)
