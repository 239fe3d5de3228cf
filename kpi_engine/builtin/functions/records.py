"""How the families make their records: what all functions of one family share is said once."""

from __future__ import annotations

from collections.abc import Callable
from keyword import iskeyword

from kpi_engine.builtin.functions.signatures import Result
from kpi_engine.extend.functions import Example, Function, Level, Parameter

Record = Callable[..., Function]


def family(group: str, level: Level = "row", lowerings: str = "") -> Record:
    """The maker of one family's records.

    Row functions are lowered by the callable of their name in the module `lowerings` (with an underscore
    where Python reserves the name). Examples are (call, result) or (call, result, data).
    """

    def record(
        name: str,
        parameters: tuple[Parameter, ...],
        result: Result,
        returns: str,
        prose: str,
        *examples: tuple[str, ...],
    ) -> Function:
        callable_name = f"{name}_" if iskeyword(name) else name
        return Function(
            name=name,
            level=level,
            parameters=parameters,
            result=result,
            returns=returns,
            prose=prose,
            examples=tuple(Example(*each) for each in examples),
            lowering=f"{lowerings}:{callable_name}" if lowerings else "",
            group=group,
        )

    return record
