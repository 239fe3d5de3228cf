"""The type of a column of texts, from all of its values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from functools import lru_cache

import pyarrow as pa

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.types import BOOLEAN, DATE, DECIMAL, DURATION, INTEGER, TEXT, TIMESTAMP, Type
from kpi_engine.kernels.cast_forms import NumberStyle, Style
from kpi_engine.kernels.casts import try_cast
from kpi_engine.kernels.short_formats import completed
from kpi_engine.kernels.tallies import Tally
from kpi_engine.kernels.time_format import compile_format

NULL_WORDS = ("NULL", "null", "Null", "\\N", "N/A", "n/a", "#N/A", "NA", "NaN", "nan", "None", "none", "?", "-", "--")
"""Texts that systems write where nothing is known."""

_SURELY_NULL = ("NULL", "null", "\\N", "#N/A")
_ALMOST_ALL = 0.98
_ENOUGH = 5
_PROBE = 40
_SHOWN = 3
_TRUTHS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})
_ZEROS = re.compile(r"0\d+")
_CENTS = re.compile(r"-?\d*[.,]\d\d+")
_DATES = (
    *("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y"),
    *("%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%Y.%m.%d", "%b %Y", "%Y-%m"),
)
_CLOCKS = ("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
_GERMAN = NumberStyle(",", ".")
_ENGLISH = NumberStyle(".", ",")
_SWAPPED = str.maketrans({"d": "m", "m": "d"})


@dataclass(frozen=True, slots=True)
class TypeGuess:
    """A type, and how texts have to be read for it.

    `nulls` are words that mean null in this column; `doubts` sentences about what was not certain.
    """

    type: Type
    format: str | None = None
    numbers: NumberStyle | None = None
    nulls: tuple[str, ...] = ()
    doubts: tuple[str, ...] = field(default=())


def guess_type(tally: Tally, name: str) -> TypeGuess:
    """The narrowest type that every value of a column of texts has; text if there is none.

    >>> from kpi_engine.kernels.tallies import tally_of
    >>> guess_type(tally_of(pa.array(["7", "NULL", "12"])), "n").type.kind.value
    'integer'
    """
    counts = dict(zip(tally.values.to_pylist(), tally.counts.tolist(), strict=True))
    words = tuple(word for word in NULL_WORDS if word in counts)
    known = {text: count for text, count in counts.items() if text not in words and text.strip()}
    if not known:
        return TypeGuess(TEXT, nulls=words, doubts=("it is empty in every row",))
    values = pa.array(list(known), pa.string())
    for guess in _candidates(values, name):
        if _fits(values, guess):
            return TypeGuess(guess.type, guess.format, guess.numbers, words, _ambiguity(guess, values))
    surely = tuple(word for word in words if word in _SURELY_NULL)
    return TypeGuess(TEXT, nulls=surely, doubts=_nearly(known, values))


def _candidates(values: pa.Array, name: str) -> Iterator[TypeGuess]:
    """Types that a few of the values have, the narrowest first."""
    probe = [text.strip() for text in values.slice(0, _PROBE).to_pylist()]
    if {text.casefold() for text in values.to_pylist()[:3]} <= set().union(*_TRUTHS) and _are_truths(values):
        yield TypeGuess(BOOLEAN)
    if all(re.fullmatch(r"(?:19|20|21)\d{6}", text) for text in probe) and re.search("da(?:te|y)", name.lower()):
        yield TypeGuess(DATE, "%Y%m%d")
    if _numeric(probe):
        yield from _numbers(values)
    if not any(map(str.isdigit, probe[0])):
        return
    for guess in (TypeGuess(DATE), TypeGuess(TIMESTAMP), TypeGuess(DURATION)):
        if _fits(pa.array(probe, pa.string()), guess):
            yield guess
    for guess in _formats():
        if all(_looks_like(guess.format or "", text) for text in probe) and _fits(pa.array(probe, pa.string()), guess):
            yield guess


def _looks_like(format: str, text: str) -> bool:
    """A quick look at a text before texts are read by a format."""
    pattern, suffix = _pattern(format)
    return pattern.match(text + suffix) is not None


@lru_cache(maxsize=512)
def _pattern(format: str) -> tuple[re.Pattern[str], str]:
    whole, suffix = completed(format)
    return re.compile(compile_format(whole).pattern), suffix


def _numeric(probe: list[str]) -> bool:
    return all(re.fullmatch(r"[-+]?[\d.,' ]*\d[\d.,]*(?:[eE][-+]?\d+)?", text) for text in probe)


def _are_truths(values: pa.Array) -> bool:
    words = {text.strip().casefold() for text in values.to_pylist()}
    return len(words) == 2 and words in _TRUTHS


def _numbers(values: pa.Array) -> Iterator[TypeGuess]:
    texts = values.to_pylist()
    if any(_ZEROS.fullmatch(text.strip()) for text in texts):
        return  # 00017 is an id: as a number it would lose its zeros
    if not any(_CENTS.fullmatch(text.strip()) for text in texts):
        yield TypeGuess(INTEGER)
    yield TypeGuess(DECIMAL)
    if any("," in text for text in texts):
        later = [text.rfind(",") > text.rfind(".") for text in texts if "," in text]
        first, second = (_GERMAN, _ENGLISH) if sum(later) * 2 >= len(later) else (_ENGLISH, _GERMAN)
        if any("," in text and not re.fullmatch(r"-?\d{1,3}(?:,\d{3})+", text.strip()) for text in texts):
            yield TypeGuess(DECIMAL, numbers=first)
        yield TypeGuess(DECIMAL, numbers=second)


def _formats() -> Iterator[TypeGuess]:
    for day in _DATES:
        yield TypeGuess(DATE, day)
        if "%d" in day:
            for clock in _CLOCKS:
                for gap in (" ", "T", ", "):
                    yield TypeGuess(TIMESTAMP, f"{day}{gap}{clock}")


def _fits(values: pa.Array, guess: TypeGuess) -> bool:
    style = Style(format=guess.format, numbers=guess.numbers or NumberStyle())
    return not try_cast(values, guess.type, style).failing.size


def _ambiguity(guess: TypeGuess, values: pa.Array) -> tuple[str, ...]:
    """A format with day and month in either order fits small samples."""
    if guess.format is None or "%b" in guess.format or "%B" in guess.format or "%d" not in guess.format:
        return ()
    other = re.sub("%[dm]", lambda found: found[0].translate(_SWAPPED), guess.format)
    if other not in {each.format for each in _formats()} or not _fits(values, TypeGuess(guess.type, other)):
        return ()
    return (f'its dates can be read as "{guess.format}" or as "{other}": no day is above 12',)


def _nearly(known: dict[str, int], values: pa.Array) -> tuple[str, ...]:
    """What the column would be if a few values were not there."""
    total = sum(known.values())
    probe = values.slice(0, _PROBE)
    for type, noun in ((INTEGER, "whole numbers"), (DECIMAL, "numbers"), (DATE, "dates"), (TIMESTAMP, "timestamps")):
        if 2 * try_cast(probe, type).failing.size > len(probe):
            continue
        misfits = values.take(pa.array(try_cast(values, type).failing)).to_pylist()
        lost = sum(known[text] for text in misfits)
        if any(_ZEROS.fullmatch(text) for text in known):
            return ()
        if 0 < lost <= max(1, (1 - _ALMOST_ALL) * total) and total >= _ENOUGH:
            shown = ", ".join(f'"{text[:30]}"' for text in misfits[:_SHOWN]) + (", …" if len(misfits) > _SHOWN else "")
            return (f"it holds {noun} but for {lost} of {total} values ({shown}), and is left as text",)
    return ()
