"""Aggregates over keys in frames that are settled: in no window that leads to them rows have come, gone or changed.

What `execute/nested.py` makes of a frame (the states of the outer aggregate, and where there are rows at all) is a
function of the definitions and of the rows inside the windows of its leaves. So it is kept under a text that names
these, and after a day was appended only those frames are evaluated in whose windows the day lies. Not kept is what
looks further: aggregates in which a group counts in all frames once it has a row in any, snapshots, which are chosen
among all rows, and values whose limits are of all frames together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from kpi_engine.execute.keeper import Keeper
from kpi_engine.ir.bounds import Bound
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.expression import Apply, Constant, Expression, Field
from kpi_engine.ir.fingerprint import Meaning, fingerprint
from kpi_engine.ir.plan import Leaf, MeasureQuery, Nested
from kpi_engine.ir.stored import NewRecord, StoredRecord
from kpi_engine.kernels.frames import StateFrame, merge_frames
from kpi_engine.kernels.recut import reaches_to, renumbered
from kpi_engine.kernels.state_bytes import frames_to_bytes

_FORM = 1
_MOST_RECORDS = 4
"""So many records of one aggregate stay beside a new one: other grains ask for other frames."""

_SMALL = 100_000
"""With more kept states than these only those of new frames are written, and not all in one."""

_WITHOUT_LIMITS = frozenset({"rows", "count", "sum", "avg", "distinct"})
"""What lifetimes finish as without looking at every state in every frame."""


Rest = TypeVar("Rest", Nested, Leaf)


@dataclass(frozen=True, slots=True)
class Settled(Generic[Rest]):
    """What is kept of the frames of an aggregate over keys, or of a leaf's windows.

    `marks` name what each frame rests on. `rest` is the aggregate with closed windows in the frames that are `kept`.
    """

    keeper: Keeper
    label: str
    marks: tuple[str, ...]
    kept: tuple[Sequence[StateFrame], ...]
    is_open: tuple[bool, ...]
    rest: Rest
    records: tuple[StoredRecord, ...]

    @property
    def is_whole(self) -> bool:
        """Whether no frame is left to be evaluated."""
        return not any(self.is_open)

    def with_rest(self, made: Sequence[StateFrame]) -> list[StateFrame]:
        """The states of all frames, of which some were just `made`; these are handed on to be kept."""
        parts = [*self.kept, made] if made else self.kept
        whole = [each[0] if len(each) == 1 else merge_frames(each) for each in zip(*parts, strict=True)]
        if made:
            self._keep(made, whole)
        return whole

    def _keep(self, made: Sequence[StateFrame], whole: Sequence[StateFrame]) -> None:
        known = [(record, set(_marks(record))) for record in self.records]
        small = sum(map(len, whole)) <= _SMALL or len(known) >= _MOST_RECORDS
        kept = self.marks if small else tuple(m if o else "" for m, o in zip(self.marks, self.is_open, strict=True))
        old = [record.name for record, marks in known if marks.issubset(kept)]
        left = [record.name for record, _ in known if record.name not in old]
        old += left[_MOST_RECORDS:]  # the newest come first
        blobs = {f"{number}": frames_to_bytes([each]) for number, each in enumerate(whole if small else made)}
        self.keeper.keep(NewRecord(self.label, json.dumps([_FORM, kept]), blobs), old)


def settled(
    nested: Nested, queries: Sequence[MeasureQuery], keeper: Keeper | None, frames: int
) -> Settled[Nested] | None:
    """What is kept of an aggregate, which has so many `frames` of states; None if nothing of it ever is."""
    if keeper is None or not nested.frames:
        return None
    inside = _Inside(keeper, queries)
    meaning = inside.meaning(nested)
    if meaning is None:
        return None
    marks = _each_once(inside.frame(nested, number) for number in range(nested.frames))
    return _found(keeper, f"nested {fingerprint(meaning)}", marks, frames, partial(_opened, nested))


def settled_leaf(leaf: Leaf, queries: Sequence[MeasureQuery], keeper: Keeper | None) -> Settled[Leaf] | None:
    """What is kept of a leaf that counts the values of a key, which has a frame for each window; None if nothing of it
    ever is."""
    if keeper is None or not leaf.windows:
        return None
    inside = _Inside(keeper, queries)
    meaning = inside.leaf(leaf)
    if meaning is None:
        return None
    marks = _each_once(fingerprint(inside.window(leaf, number)) for number in range(len(leaf.windows)))
    return _found(keeper, f"counted {fingerprint(meaning)}", marks, 1, partial(_opened_leaf, leaf))


def _found(
    keeper: Keeper, label: str, marks: tuple[str, ...], frames: int, opened: Callable[[Sequence[bool]], Rest]
) -> Settled[Rest]:
    """What is kept under a label of the frames with some marks."""
    records = tuple(reversed(keeper.store.records(label)))
    kept: list[Sequence[StateFrame]] = []
    missing = {mark: number for number, mark in enumerate(marks)}
    for record in records:
        found = _frames(keeper, record, missing, frames)
        if found is not None:
            kept.append(found)
            for mark in _marks(record):
                missing.pop(mark, None)
    is_open = tuple(mark in missing for mark in marks)
    return Settled(keeper, label, marks, tuple(kept), is_open, opened(is_open), records)


def _each_once(marks: Iterable[str]) -> tuple[str, ...]:
    """Marks, of which equal ones (frames that rest on the same, and are the same) are told apart."""
    times: dict[str, int] = {}
    found = []
    for mark in marks:
        times[mark] = times.get(mark, 0) + 1
        found.append(f"{mark}.{times[mark]}")
    return tuple(found)


def _marks(record: StoredRecord) -> tuple[str, ...]:
    """What the buckets of a record stand for, in their order; none for what is no such record."""
    try:
        form, marks = json.loads(record.header)
    except (ValueError, TypeError):
        return ()
    return tuple(map(str, marks)) if form == _FORM else ()


def _frames(
    keeper: Keeper, record: StoredRecord, missing: Mapping[str, int], frames: int
) -> Sequence[StateFrame] | None:
    """Of a record the states of frames that are missing, in the buckets of these; None if there are none."""
    marks = _marks(record)
    places = [missing.get(mark, -1) if mark else -1 for mark in marks]
    if max(places, default=-1) < 0:
        return None
    found = []
    for number in range(frames):
        blob = keeper.frames(record, f"{number}")
        if blob is None or len(blob) != 1 or reaches_to(blob.whole) >= len(places):
            return None
        found.append(renumbered(blob.whole, places))
    return found


def _opened(nested: Nested, is_open: Sequence[bool]) -> Nested:
    """An aggregate of which some frames alone are evaluated: in the others all windows are closed."""
    inner = []
    for each in nested.inner:
        asked = [False] * each.frames
        for window, wanted in zip(each.windows, is_open, strict=True):
            if wanted and window is not None:
                asked[slice(*window)] = [True] * (window[1] - window[0])
        windows = tuple(window if wanted else None for window, wanted in zip(each.windows, is_open, strict=True))
        inner.append(replace(_opened(each, asked), windows=windows))
    return replace(nested, leaves=tuple(_opened_leaf(leaf, is_open) for leaf in nested.leaves), inner=tuple(inner))


def _opened_leaf(leaf: Leaf, is_open: Sequence[bool]) -> Leaf:
    return replace(leaf, windows=tuple(w if wanted else None for w, wanted in zip(leaf.windows, is_open, strict=True)))


class _Inside:
    """What frames of aggregates rest on: their meaning, the rows in their windows."""

    def __init__(self, keeper: Keeper, queries: Sequence[MeasureQuery]) -> None:
        self._queries = queries
        self._rows = [keeper.rows_of(query) for query in queries]
        self._known: dict[tuple[str, int], str] = {}

    def meaning(self, nested: Nested) -> Meaning | None:
        """What an aggregate means, whatever its windows are; None if frames do not stand on their own."""
        if nested.every_frame or nested.state == "kll":
            return None
        leaves = [self.leaf(leaf) for leaf in nested.leaves]
        inner = [self.meaning(each) for each in nested.inner]
        if None in leaves or None in inner:
            return None
        inside = [*(each.name for each in nested.leaves), *(each.name for each in nested.inner)]
        names = {name: number for number, name in enumerate(inside)}
        return (
            (nested.keys, nested.own, nested.state),
            tuple(None if each is None else _arithmetic(each, names) for each in (nested.body, nested.having)),
            tuple(names[each] for each in nested.required),
            (*leaves, *inner),
            # Those of outer frames are theirs; of an inner aggregate they say what is made of its frames.
            (nested.finish, nested.parameter, nested.outside_is_zero, nested.shows_groups, repr(nested.type)),
        )

    def leaf(self, leaf: Leaf) -> Meaning | None:
        """What a leaf means, whatever its windows are; None if these do not stand on their own."""
        rows, query = self._rows[leaf.query], self._queries[leaf.query]
        has_limits = leaf.finish not in _WITHOUT_LIMITS if query.until is not None else leaf.finish == "percentile"
        if rows is None or leaf.pick is not None or has_limits:
            return None
        return (
            (rows.key.label, query.source, tuple(key.name for key in query.keys), leaf.keys, leaf.own, leaf.item_key),
            (leaf.finish, leaf.parameter, leaf.outside_is_zero, leaf.shows_groups, leaf.makes_cells, repr(leaf.type)),
        )

    def frame(self, nested: Nested, number: int) -> str:
        """A text for what a frame rests on."""
        key = (nested.name, number)
        found = self._known.get(key)
        if found is None:
            leaves = tuple(self.window(leaf, number) for leaf in nested.leaves)
            ranges = [(each, each.windows[number]) for each in nested.inner]
            inner = tuple(
                None if window is None else [self.frame(each, one) for one in range(*window)] for each, window in ranges
            )
            found = self._known[key] = fingerprint((leaves, inner))
        return found

    def window(self, leaf: Leaf, number: int) -> Meaning:
        """What one window of a leaf rests on."""
        rows, window = self._rows[leaf.query], leaf.windows[number]
        assert rows is not None
        until = self._queries[leaf.query].until is not None
        bounds = None if window is None else (window.start and _bound(window.start), _bound(window.end))
        return (rows.key.cells, rows.key.states[leaf.state], bounds, rows.within(window, whole_past=until))


def _bound(bound: Bound) -> tuple[int, int]:
    return bound.us, bound.day


def _arithmetic(node: Expression, names: Mapping[str, int]) -> Meaning:
    """What arithmetic over leaves means, whatever these are called."""
    match node:
        case Field():
            return ("leaf", names[node.column])
        case Constant():
            return ("constant", repr(node.value), repr(node.type))
        case Apply():
            return (node.operation, repr(node.type), *(_arithmetic(each, names) for each in node.arguments))
    raise AssertionError(f"{type(node).__name__} is no arithmetic over leaves")
