"""The functions on texts that definitions call. Null in, null out; positions count from 1, in code points.

Operands are texts, plain or as dictionaries; beside literals the work on a dictionary is done once per distinct value,
and its result stays a dictionary. Patterns are RE2's, whose time grows with the length of the text and never more.
"""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from kpi_engine.kernels.errors import KernelError
from kpi_engine.kernels.operands import Operand, apply, is_scalar
from kpi_engine.kernels.promote import decode, nulls_as

_Kernel = Callable[[pa.Array], pa.Array]


class BadPattern(KernelError):
    """A regular expression that RE2 refuses; `reason` is what it says."""

    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"`{pattern}` is not a regular expression: {reason}")
        self.pattern = pattern
        self.reason = reason


def lower(texts: Operand) -> Operand:
    """The texts in lower case.

    >>> lower(pa.array(["ÀB", None])).to_pylist()
    ['àb', None]
    """
    return _each(texts, pc.utf8_lower)


def upper(texts: Operand) -> Operand:
    """The texts in upper case.

    >>> upper(pa.array(["é"])).to_pylist()
    ['É']
    """
    return _each(texts, pc.utf8_upper)


def trim(texts: Operand) -> Operand:
    """The texts without white space at either end.

    >>> trim(pa.array(["  a b "])).to_pylist()
    ['a b']
    """
    return _each(texts, pc.utf8_trim_whitespace)


def length(texts: Operand) -> Operand:
    """Numbers of code points as int64.

    >>> length(pa.array(["naïve", ""])).to_pylist()
    [5, 0]
    """
    return _each(texts, lambda plain: pc.utf8_length(plain).cast(pa.int64()))


def starts_with(texts: Operand, beginning: Operand) -> Operand:
    """Whether each text begins with the other one.

    >>> starts_with(pa.array(["SKU-7", "x"]), pa.scalar("SKU")).to_pylist()
    [True, False]
    """
    return _compared(texts, beginning, pc.starts_with, str.startswith)


def ends_with(texts: Operand, ending: Operand) -> Operand:
    """Whether each text ends with the other one.

    >>> ends_with(pa.array(["a.cn"]), pa.array([".cn"])).to_pylist()
    [True]
    """
    return _compared(texts, ending, pc.ends_with, str.endswith)


def contains(texts: Operand, part: Operand) -> Operand:
    """Whether the other text occurs in each text.

    >>> contains(pa.array(["50%"]), pa.scalar("%")).to_pylist()
    [True]
    """
    return _compared(texts, part, pc.match_substring, str.__contains__)


def matches(texts: Operand, pattern: str) -> Operand:
    """Whether the regular expression matches anywhere in each text; BadPattern if it is none.

    >>> matches(pa.array(["SKU-1", "SKU-"]), "^SKU-[0-9]+$").to_pylist()
    [True, False]
    """
    try:
        return _each(texts, lambda plain: pc.match_substring_regex(plain, pattern))
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        raise BadPattern(pattern, reason) from error


def replace(texts: Operand, part: str, by: str) -> Operand:
    """The texts with every occurrence of `part`, which is not empty, replaced.

    >>> replace(pa.array(["1.234"]), ".", "").to_pylist()
    ['1234']
    """
    return _each(texts, lambda plain: pc.replace_substring(plain, part, by))


def substring(texts: Operand, start: Operand, count: Operand | None = None) -> Operand:
    """From position `start` on, at most `count` code points; null where start < 1 or count < 0.

    >>> substring(pa.array(["DE-10115"]), pa.scalar(4), pa.scalar(2)).to_pylist()
    ['10']
    """
    operands = [texts, start] if count is None else [texts, start, count]
    if all(is_scalar(one) and one.is_valid for one in operands[1:]):
        first, *wanted = [one.as_py() for one in operands[1:]]
        if first < 1 or (wanted and wanted[0] < 0):
            return _each(texts, lambda plain: pa.nulls(len(plain), pa.string()))
        stop = first - 1 + wanted[0] if wanted else None
        return _each(texts, lambda plain: pc.utf8_slice_codeunits(plain, first - 1, stop))

    def cut(text: str, first: int, wanted: int | None = None) -> str | None:
        if first < 1 or (wanted is not None and wanted < 0):
            return None
        return text[first - 1 :] if wanted is None else text[first - 1 : first - 1 + wanted]

    return _row_by_row(operands, cut, pa.string())


def split_part(texts: Operand, separator: str, number: int) -> Operand:
    """Part `number` (from 1) of each text cut at `separator`; null where there are fewer parts.

    >>> split_part(pa.array(["de/berlin", "de"]), "/", 2).to_pylist()
    ['berlin', None]
    """

    def kernel(plain: pa.Array) -> pa.Array:
        parts = pc.split_pattern(pc.fill_null(plain, ""), separator, max_splits=number)
        wanted = pc.list_slice(parts, number - 1, number, return_fixed_size_list=True).flatten()
        return pc.if_else(plain.is_valid(), wanted, pa.scalar(None, pa.string()))

    return _each(texts, kernel)


def concat(*texts: Operand) -> Operand:
    """The texts of a row one after the other; null if one of them is.

    >>> concat(pa.array(["DE", None]), pa.scalar("-")).to_pylist()
    ['DE-', None]
    """

    def kernel(arrays: list[pa.Array]) -> pa.Array:
        plain = [nulls_as(decode(one), pa.string()) for one in arrays]
        return pc.binary_join_element_wise(*plain, "", null_handling="emit_null")

    return apply(kernel, texts)


def _each(texts: Operand, kernel: _Kernel) -> Operand:
    """`kernel` on every text, once per distinct value of a dictionary."""

    def rows(arrays: list[pa.Array]) -> pa.Array:
        array = nulls_as(arrays[0], pa.string())
        if not pa.types.is_dictionary(array.type):
            return kernel(array)
        values = kernel(array.dictionary)
        if not pa.types.is_string(values.type):
            return values.take(array.indices)
        # Different texts may have become equal, and a dictionary holds each value once.
        unique = values.dictionary_encode()
        return pa.DictionaryArray.from_arrays(unique.indices.take(array.indices), unique.dictionary)

    return apply(rows, [texts])


def _compared(
    texts: Operand,
    other: Operand,
    kernel: Callable[[pa.Array, str], pa.Array],
    one: Callable[[str, str], bool],
) -> Operand:
    if is_scalar(other):
        wanted = other.as_py()
        if wanted is None:
            return _each(texts, lambda plain: pa.nulls(len(plain), pa.bool_()))
        return _each(texts, lambda plain: kernel(plain, wanted))
    return _row_by_row([texts, other], one, pa.bool_())


def _row_by_row(operands: list[Operand], function: Callable[..., object], type: pa.DataType) -> Operand:
    """A Python function on rows without nulls: for arguments that differ by row, which Arrow's kernels do not take."""

    def rows(arrays: list[pa.Array]) -> pa.Array:
        columns = [array.to_pylist() for array in arrays]
        found = [None if any(value is None for value in row) else function(*row) for row in zip(*columns, strict=True)]
        return pa.array(found, type)

    return apply(rows, operands)
