"""What a kernel refuses to do, as typed errors.

Kernels know no source, column or line; the caller adds those when it turns an error into a diagnostic.
"""

from __future__ import annotations

import pyarrow as pa


class KernelError(Exception):
    """Base of every error that a kernel raises on purpose."""


class UnsupportedType(KernelError):
    """An Arrow type that has no physical form inside the engine (lists, structs, maps, bytes)."""

    def __init__(self, type: pa.DataType) -> None:
        super().__init__(f"Arrow type {type} is not supported")
        self.type = type


class TypeMismatch(KernelError):
    """Operands that an operation does not take together, such as a text and a number."""

    def __init__(self, operation: str, *types: pa.DataType) -> None:
        super().__init__(f"{operation} does not take {', '.join(str(one) for one in types)}")
        self.operation = operation
        self.types = types


class NumberOverflow(KernelError):
    """An exact result with more than the 76 digits that Arrow can hold, or an instant out of range."""

    def __init__(self, operation: str) -> None:
        super().__init__(f"the result of {operation} is too large to be kept exactly")
        self.operation = operation


class CastFailure(KernelError):
    """A value that cannot become the wanted type; `index` is its position in the array that was cast."""

    def __init__(self, index: int, value: object, target: str) -> None:
        super().__init__(f"{value!r} at row {index} is not {target}")
        self.index = index
        self.value = value
        self.target = target


class TooMuchWork(KernelError):
    """An exact answer that would look at more values than is reasonable; `amount` is how many."""

    def __init__(self, operation: str, amount: int) -> None:
        super().__init__(f"{operation} would look at {amount} values")
        self.operation = operation
        self.amount = amount
