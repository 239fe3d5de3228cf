"""Calls of functions by their records: arguments bound, counted and typed."""

from __future__ import annotations

from functools import partial

from kpi_engine.extend.functions import Function, Parameter, SignatureProblem
from kpi_engine.ir import tree
from kpi_engine.ir.diagnostic import did_you_mean
from kpi_engine.ir.expression import Apply, Constant, Expression
from kpi_engine.ir.span import Span
from kpi_engine.ir.types import NULL, TEXT, Kind, Type
from kpi_engine.resolve.binder import Binder, is_unknown
from kpi_engine.resolve.literals import core, duration_text, is_negative
from kpi_engine.resolve.problems import gather, problem
from kpi_engine.resolve.world import World

_ELSEWHERE = {
    "average": "avg",
    "mean": "avg",
    "total_sum": "sum",
    "nvl": "coalesce",
    "ifnull": "coalesce",
    "zeroifnull": "coalesce",
    "iif": "if",
    "len": "length",
    "substr": "substring",
    "ucase": "upper",
    "lcase": "lower",
    "date_trunc": "bucket",
    "trunc": "floor",
    "ceiling": "ceil",
    "log": "ln",
    "power": "exp",
    "extract": "part",
    "datepart": "part",
    "dateadd": "date_add",
    "lag": "previous",
    "shift": "previous",
    "yoy": "growth",
    "ytd": "todate",
    "moving": "rolling",
    "running": "cumulative",
    "regexp_matches": "matches",
    "like": "matches",
    "string": "text",
    "int": "integer",
    "stdev": "stddev",
    "var": "variance",
    "quantile": "percentile",
}
_WRITTEN = {
    "count_distinct": "write `count(distinct orders.customer_id)`",
    "countif": "write `count(orders where ...)`",
    "sumif": "write `sum(orders.total where ...)`",
    "safe_divide": "write `a / b`: dividing by zero gives null",
    "divide": "write `a / b`: dividing by zero gives null",
    "cast": "write the type as a function: `decimal(x)`, `text(x)`, `date(x)`",
    "convert": "converting currencies needs a plugin that offers `convert`",
    "now": "a definition has no now: questions say when, by --as-of",
    "today": "a definition has no today: questions say when, by --as-of",
    "between": "write `x >= a and x <= b`",
}


def find_function(world: World, call: tree.Call) -> Function:
    """The record of the function that a call names, or E204."""
    name = call.function.text
    found = world.functions.get(name)
    if found is not None:
        return found
    folded = name.casefold()
    help = _WRITTEN.get(folded, "")
    if not help and folded in _ELSEWHERE:
        help = f"it is called `{_ELSEWHERE[folded]}` here"
    if not help:
        help = did_you_mean(name, world.functions.names())
    if not help and world.has_metric(name):
        help = f"`{name}` is a metric and takes no arguments"
    raise problem("E204", f"no function named `{name}`", call.function.span, help or "`docs/functions.md` lists all")


def check_count(function: Function, call: tree.Call, given: int) -> None:
    """E338 unless the function takes that many arguments."""
    parameters = function.parameters
    least = sum(1 for p in parameters if not p.optional)
    most = None if parameters and parameters[-1].variadic else len(parameters)
    if given < least or (most is not None and given > most):
        wanted = str(least) if most == least else f"at least {least}" if most is None else f"{least} or {most}"
        plural = "" if wanted == "1" else "s"
        raise problem(
            "E338",
            f"`{function.name}` takes {wanted} argument{plural}, and {given} {'is' if given == 1 else 'are'} given",
            call.span,
            f"it is written `{function.signature}`",
        )


def bind_function(binder: Binder, function: Function, call: tree.Call) -> Expression:
    """A call of a row function, on rows or on metrics."""
    for argument in call.arguments:
        refuse_modifiers(function.name, argument)
    check_count(function, call, len(call.arguments))
    values = [argument.value for argument in call.arguments]
    arguments = gather(
        [partial(bind_argument, binder, parameter_at(function, position), node) for position, node in enumerate(values)]
    )
    typed = [_as_day(binder.world, parameter_at(function, at), each) for at, each in enumerate(arguments)]
    return Apply(function.name, tuple(arguments), result_type(function, typed, call, values), call.span)


def _as_day(world: World, parameter: Parameter, argument: Expression) -> Expression:
    """`day` in place of a declared grain, whose periods are made of days like those of all long grains."""
    if not parameter.grains or not isinstance(argument, Constant) or argument.value in parameter.words:
        return argument
    declared = argument.value in world.things.words_of(("grain",))
    return Constant("day", TEXT, argument.span) if declared else argument


def refuse_modifiers(name: str, argument: tree.Argument) -> None:
    """E334 if an argument has modifiers or clauses, which only aggregates take."""
    if argument.modifiers:
        raise problem("E334", f"`{name}` does not take `{argument.modifiers[0]}`", argument.span, "leave it out")
    if argument.clauses:
        raise problem(
            "E334",
            f"`{name}` takes no clauses: it is not an aggregate",
            argument.clauses[0].span,
            "put the clause inside the aggregate, or in brackets: `(m where ...)`",
        )


def parameter_at(function: Function, position: int) -> Parameter:
    """The parameter that an argument belongs to; the last one repeats."""
    return function.parameters[min(position, len(function.parameters) - 1)]


def bind_argument(binder: Binder, parameter: Parameter, node: tree.Expr) -> Expression:
    """One argument: a bare word or a duration where the parameter takes one, else an expression."""
    inner = core(node)
    if parameter.words and isinstance(inner, tree.Path) and len(inner.parts) == 1:
        word = inner.text
        words = _words(binder.world, parameter)
        if word in words:
            return Constant(word, TEXT, node.span)
        if parameter.literal:
            help = did_you_mean(word, words) or f"write one of {', '.join(words)}"
            raise problem("E339", f"`{word}` is not {parameter.accepts}", node.span, help)
    if parameter.duration and isinstance(inner, tree.DurationLiteral):
        return duration_text(inner, is_negative(node))
    bound = binder.bind(node)
    if parameter.literal and not isinstance(bound, Constant):
        raise problem(
            "E340",
            f"this must be written out: {parameter.accepts}",
            node.span,
            "write a literal, not an expression",
        )
    return bound


def _words(world: World, parameter: Parameter) -> tuple[str, ...]:
    """The bare words that a parameter takes; those of grains include the declared ones."""
    declared = world.things.words_of(("grain",)) if parameter.grains else ()
    return tuple(dict.fromkeys((*parameter.words, *declared)))


def result_type(function: Function, arguments: list[Expression], call: tree.Call, nodes: list[tree.Expr]) -> Type:
    """The type of a call, or E339 at the argument that does not fit.

    Of arguments of unknown types a result that may have a unit is unknown, too.
    """
    try:
        type = function.result(arguments)
        unknown = any(is_unknown(argument) for argument in arguments)
        return NULL if unknown and function.level != "window" and type.kind is Kind.FLOAT else type
    except SignatureProblem as error:
        position = error.argument
        place: Span = call.span
        if position is not None and position < len(nodes):
            place = nodes[position].span
        message = error.message
        if message.startswith("this must be "):
            message = f"`{function.name}` takes {message.removeprefix('this must be ')}".replace(", but is ", ", not ")
        raise problem("E339", message, place, error.help) from error
