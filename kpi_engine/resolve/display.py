"""How a metric is shown: `unit:` checked against its type, or inferred; and `target:` in that unit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Constant
from kpi_engine.ir.types import DECIMAL, Display, Kind, Type, natural_display
from kpi_engine.resolve.binder import Form
from kpi_engine.resolve.column_types import DURATION_PARTS
from kpi_engine.resolve.literals import constant, core, duration_constant, is_negative
from kpi_engine.resolve.problems import problem
from kpi_engine.resolve.units import spoken

_UNITS = ("percent", "points", "duration(hour)", "currency(EUR)", "count", "ratio", "number")


def inferred_display(type: Type, form: Form) -> Display:
    """How a value is shown if no `unit:` says it.

    >>> from kpi_engine.ir.types import COUNT, currency
    >>> str(inferred_display(currency("CNY"), "")), str(inferred_display(COUNT, ""))
    ('currency(CNY)', 'count')
    """
    if form in ("percent", "points"):
        return Display(form)
    return natural_display(type)


def stated_display(node: tree.Expr, type: Type) -> Display:
    """The display that `unit:` states, or E341 if it does not fit the type."""
    name, part = _unit(node)
    if type.kind is Kind.NULL:
        return _unchecked(name, part)
    match name:
        case "percent" | "points" | "count" | "ratio" | "number":
            if part is None and type.numeric and type.unit.is_none:
                return _plain(name)
        case "duration":
            if part is not None and part not in DURATION_PARTS:
                help = did_you_mean(part, DURATION_PARTS) or f"write one of {', '.join(DURATION_PARTS)}"
                raise problem("E341", f"a duration is not shown in `{part}`", node.span, help)
            if type.numeric and type.unit.is_duration:
                return Display("duration", part or "")
        case "currency":
            if type.numeric and type.unit.currency_code is not None and part in (None, type.unit.currency_code):
                return Display("currency", type.unit.currency_code)
        case _:
            help = did_you_mean(name, [unit.partition("(")[0] for unit in _UNITS]) or f"write {', '.join(_UNITS)}"
            raise problem("E341", f"no unit named `{name}`", node.span, help)
    written = name if part is None else f"{name}({part})"
    raise problem("E341", f"`unit: {written}` does not fit {spoken(type)}", node.span, _unit_help(name, type))


def _unchecked(name: str, part: str | None) -> Display:
    """The display of a value whose type is not known before its table is read."""
    if name == "duration":
        return Display("duration", part or "")
    return Display("currency", part or "") if name == "currency" else _plain(name)


def _plain(name: str) -> Display:
    match name:
        case "percent":
            return Display("percent")
        case "points":
            return Display("points")
        case "count":
            return Display("count")
        case "ratio":
            return Display("ratio")
    return Display("number")


def _unit(node: tree.Expr) -> tuple[str, str | None]:
    match node:
        case tree.Path(parts=(name,)):
            return name.text, None
        case tree.Call(function=function, arguments=(tree.Argument(value=tree.Path(parts=(part,)), clauses=()),)):
            return function.text, part.text
        case tree.Text(value="%"):
            raise problem("E212", "`unit:` takes a unit", node.span, "write `unit: percent`")
    raise problem("E212", "`unit:` takes a unit", node.span, f"write one of {', '.join(_UNITS)}")


def _unit_help(name: str, type: Type) -> str:
    if not type.numeric:
        return "only numbers have units"
    if type.unit.is_duration:
        return "write `unit: duration(hour)`, or divide by a duration such as `/ 1 hour`"
    code = type.unit.currency_code
    if code is not None:
        return f"leave `unit:` out: it is shown in {code}"
    if not type.unit.is_none:
        return f"its unit is {type.unit}: leave `unit:` out"
    if name == "duration":
        return "multiply it by a duration, such as `* 1 minute`"
    if name == "currency":
        return "declare the columns that it is made of as currency, such as `column total: currency(EUR)`"
    return "write `unit: percent`, `unit: points`, `unit: count`, `unit: ratio` or `unit: number`"


def read_target(node: tree.Expr, type: Type, display: Display) -> Constant:
    """The target of a metric as a value of its type, or E342."""
    inner = core(node)
    sign = -1 if is_negative(node) else 1
    match inner:
        case tree.DurationLiteral():
            found = duration_constant(inner)
            if type.kind is Kind.NULL and isinstance(found.value, int):
                return replace(found, value=sign * found.value)
            if type.numeric and type.unit.is_duration and isinstance(found.value, int):
                return replace(found, value=sign * found.value)
        case tree.Points(value=value):
            from kpi_engine.resolve.arithmetic import check_points

            amount = value / 100 if display.form == "percent" else check_points(value, type, node)
            return Constant(sign * amount, DECIMAL, node.span)
        case tree.Percent(value=value):
            if type.numeric and type.unit.is_none and display.form != "points":
                return Constant(sign * value, DECIMAL, node.span)
        case tree.Number(value=value):
            return _number_target(node, inner, sign, type, display)
        case _:
            raise problem("E212", "`target:` takes an amount in the metric's unit", node.span, "write `target: 2.5%`")
    raise problem("E342", f"this target does not fit {_shown(type, display)}", node.span, _target_help(type, display))


def _number_target(node: tree.Expr, number: tree.Number, sign: int, type: Type, display: Display) -> Constant:
    value: Decimal = number.value
    if display.form == "percent" and value not in (0, 1):
        raise problem(
            "E326",
            "the target of a percentage is a bare number",
            node.span,
            f"write `target: {value.normalize():f}%`, with its percent sign",
        )
    plain = type.kind is Kind.NULL or (type.numeric and (type.unit.is_none or type.unit.currency_code is not None))
    found = constant(number)
    if not (plain or (type.numeric and value == 0)) or found is None:
        raise problem(
            "E342",
            f"this target does not fit {_shown(type, display)}",
            node.span,
            _target_help(type, display),
        )
    assert isinstance(found.value, int | Decimal)
    return Constant(sign * found.value, replace(found.type, unit=type.unit), node.span)


def _shown(type: Type, display: Display) -> str:
    return display.form if display.form in ("percent", "points") else spoken(type)


def _target_help(type: Type, display: Display) -> str:
    if type.numeric and type.unit.is_duration:
        return "write a duration, such as `target: 30 minutes`"
    if display.form == "points":
        return "write a number, such as `target: 40`"
    return "write a number, such as `target: 5000`" if type.numeric else "only numbers have targets"
