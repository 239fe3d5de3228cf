"""Properties of declarations: which there are, what form their values have, and the errors if they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kpi_engine.ir import tree
from kpi_engine.ir.catalog import OptionValue
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import CalendarDuration
from kpi_engine.ir.span import Span
from kpi_engine.kernels.spans import CalendarError
from kpi_engine.resolve.literals import calendar_duration
from kpi_engine.resolve.problems import Attempts, BindError, listed, problem


class FormError(Exception):
    """A value is not of the form that its property takes."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one property: what it takes in words, an example, and how."""

    takes: str
    example: str
    read: Callable[[tree.Expr], Any]


@dataclass(frozen=True, slots=True)
class Given:
    """The properties of one declaration: read values and the properties themselves, by name."""

    values: Mapping[str, Any]
    written: Mapping[str, tree.Property]

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a property, or a default."""
        return self.values.get(name, default)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def place(self, name: str) -> tree.Property:
        """The property as written."""
        return self.written[name]


def read_properties(
    what: str, properties: Sequence[tree.Property], readers: Mapping[str, Reader], attempts: Attempts
) -> Given:
    """The properties of a declaration; unknown ones and wrong values are noted in `attempts`."""
    values: dict[str, Any] = {}
    written: dict[str, tree.Property] = {}
    for each in properties:
        name = each.key.text
        reader = readers.get(name)
        if reader is None:
            attempts.fail(_unknown(what, each, readers))
            continue
        try:
            values[name] = reader.read(each.value)
            written[name] = each
        except FormError:
            attempts.fail(
                problem(
                    "E212",
                    f"`{name}:` takes {reader.takes}",
                    each.value.span,
                    f"write `{name}: {reader.example}`",
                )
            )
        except BindError as failure:
            attempts.fail(failure)
    return Given(values, written)


def _unknown(what: str, each: tree.Property, readers: Mapping[str, Reader]) -> BindError:
    name = each.key.text
    help = did_you_mean(name, readers) or f"it takes {listed(readers, most=12)}"
    return problem("E211", f"{what} has no property `{name}`", each.key.span, help)


# ------------------------------------------------------------------------------------------------------------ readers


def text(node: tree.Expr) -> str:
    """A text in quotes."""
    if isinstance(node, tree.Text):
        return node.value
    raise FormError


def reason(node: tree.Expr) -> str:
    """A text that says why, or plainly `true`."""
    return "deprecated" if node == tree.Boolean(value=True) else text(node)


def word(node: tree.Expr) -> str:
    """A bare word."""
    if isinstance(node, tree.Path) and len(node.parts) == 1:
        return node.text
    raise FormError


def word_or_text(node: tree.Expr) -> str:
    """A bare word or a text."""
    return node.value if isinstance(node, tree.Text) else word(node)


def path(node: tree.Expr) -> tree.Path:
    """A name, possibly dotted."""
    if isinstance(node, tree.Path):
        return node
    raise FormError


def words(node: tree.Expr) -> tuple[str, ...]:
    """One bare word, or a list of them."""
    if isinstance(node, tree.ListItems) and node.items:
        return tuple(word(item) for item in node.items)
    return (word(node),)


def paths(node: tree.Expr) -> tuple[tree.Path, ...]:
    """One name, or a list of names."""
    if isinstance(node, tree.ListItems) and node.items:
        return tuple(path(item) for item in node.items)
    return (path(node),)


def words_or_texts(node: tree.Expr) -> tuple[str, ...]:
    """A list of words or texts, or one alone."""
    if isinstance(node, tree.ListItems):
        return tuple(word_or_text(item) for item in node.items)
    return (word_or_text(node),)


def texts(node: tree.Expr) -> tuple[str, ...]:
    """A text, or a list of texts."""
    if isinstance(node, tree.ListItems) and node.items:
        return tuple(text(item) for item in node.items)
    return (text(node),)


def pair(node: tree.Expr) -> tuple[tree.Path, tree.Path]:
    """A list of two names."""
    if isinstance(node, tree.ListItems) and len(node.items) == 2:
        return path(node.items[0]), path(node.items[1])
    raise FormError


def boolean(node: tree.Expr) -> bool:
    """`true` or `false`."""
    if isinstance(node, tree.Boolean):
        return node.value
    raise FormError


def whole(node: tree.Expr) -> int:
    """A whole number, zero or more."""
    if isinstance(node, tree.Number) and node.value == node.value.to_integral_value():
        return int(node.value)
    raise FormError


def duration(node: tree.Expr) -> CalendarDuration:
    """A duration."""
    if isinstance(node, tree.DurationLiteral):
        return calendar_duration(node)
    raise FormError


def moment(node: tree.Expr) -> str:
    """A date or an instant, bare or in quotes."""
    if isinstance(node, tree.PeriodLiteral):
        return node.text
    if isinstance(node, tree.Number):
        return str(node.value)
    return text(node)


def time_format(node: tree.Expr) -> str:
    """A text that says how dates or times are written, by which a date can be read."""
    written = text(node)
    check_time_format(written, node.span)
    return written


def check_time_format(format: str, place: Span) -> None:
    """E212 unless dates can be read by a format."""
    from kpi_engine.kernels.short_formats import completed
    from kpi_engine.kernels.time_format import compile_format

    try:
        compile_format(completed(format)[0])
    except CalendarError as error:
        raise problem("E212", error.message, place, error.help) from error


def expression(node: tree.Expr) -> tree.Expr:
    """Any expression, bound later."""
    return node


def choice(*allowed: str) -> Reader:
    """One of a few words."""

    def read(node: tree.Expr) -> str:
        found = "null" if isinstance(node, tree.Null) else word_or_text(node)
        if found not in allowed:
            raise FormError
        return found

    return Reader(listed(allowed, "or"), allowed[0], read)


def option(node: tree.Expr) -> OptionValue:
    """A file option: a text, a word, a number, true or false, or a list of texts."""
    match node:
        case tree.Boolean(value=value):
            return value
        case tree.Number():
            return whole(node)
        case tree.ListItems():
            return texts(node) if node.items else ()
    return word_or_text(node)
