"""What stands beside a value on request: its numerator and denominator, its rows, and whether it is complete."""

from __future__ import annotations

from dataclasses import replace

from kpi_engine.ir.expression import Apply, Expression, Field, walk
from kpi_engine.ir.plan import Output, Part, Plan
from kpi_engine.ir.types import natural_display


def with_detail(plan: Plan) -> Plan:
    """The plan with the parts of every output, for all of its grains."""
    outputs = tuple(replace(output, detail=_parts(output)) for output in plan.outputs)
    return replace(plan, outputs=outputs, further=tuple(map(with_detail, plan.further)))


def _parts(output: Output) -> tuple[Part, ...]:
    quotient = output.expression
    parts: tuple[Part, ...] = ()
    if isinstance(quotient, Apply) and quotient.operation == "divide":
        parts = tuple(
            Part(f"{output.name}.{name}", "value", part, part.type, natural_display(part.type))
            for name, part in zip(("numerator", "denominator"), quotient.arguments, strict=True)
        )
    return (
        *parts,
        Part(f"{output.name}.rows", "rows", leaves=_leaves(quotient)),
        Part(f"{output.name}.complete", "complete"),
    )


def _leaves(expression: Expression) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node.column for node in walk(expression) if isinstance(node, Field)))
