"""Aggregates over keys some keys at a time: all states of a customer lie in one slice, and slices share no customer.

What is made of a slice stays small, so that memory follows a slice and not the number of keys, and several threads have
something to do. The states of the outer aggregate are exact and merge in any order, so that the values are those of one
evaluation over everything. Aggregates that look at other groups, too, are not evaluated so: snapshots, which are
chosen among all rows, limits over everything, and inner aggregates without the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa

from kpi_engine.execute.past import Past, Reach
from kpi_engine.execute.ready import Ready, StateBook, frame_of, ranges_of
from kpi_engine.execute.tasks import in_order, thread_count
from kpi_engine.ir.bounds import Interval
from kpi_engine.ir.plan import Leaf, MeasureQuery, Nested
from kpi_engine.kernels.frames import StateFrame, merge_frames
from kpi_engine.kernels.pieces import Pieces
from kpi_engine.kernels.slicing import sliced, variety

STATES_PER_SLICE = 1 << 17
"""About how many states of a query a slice has."""

_MOST_SLICES = 1 << 12

_WITHOUT_LIMITS = frozenset({"rows", "count", "sum", "avg", "distinct"})
_ALONE = _WITHOUT_LIMITS | {"minimum", "maximum", "first", "last"}
"""What finishes a group by its own states, however many others have."""

Place = tuple[int, int]
"""A query, and the number of a frame of it."""

Evaluate = Callable[[Nested, StateBook], list[StateFrame]]


def in_slices(asked: Sequence[Nested], book: StateBook, evaluate: Evaluate) -> dict[str, list[StateFrame]]:
    """By name the frames of those aggregates that are worth to be evaluated in slices; not the others."""
    by_key: dict[str, list[Nested]] = {}
    for each in asked:
        key = _dividing_key(each, book)
        if key:
            by_key.setdefault(key, []).append(each)
    found: dict[str, list[StateFrame]] = {}
    for key, chosen in by_key.items():
        found.update(_sliced(key, chosen, book, evaluate))
    return found


def _sliced(key: str, chosen: Sequence[Nested], book: StateBook, evaluate: Evaluate) -> dict[str, list[StateFrame]]:
    readers: dict[Place, list[Leaf]] = {}
    for leaf in (leaf for each in chosen for leaf in _leaves(each) if key in leaf.keys):
        readers.setdefault(book.place(leaf), []).append(leaf)
    places = sorted(readers)
    pasts = {place: _past(place, book) for place in places}
    states = [_read(place, readers[place], pasts[place], book) for place in places]
    found = _evaluated(key, chosen, dict(zip(places, states, strict=True)), book, evaluate)
    for place, past in pasts.items():
        if past is not None:
            past.keep(book.frame_at(place), Reach.of(_latest(readers[place], book.queries[place[0]])))
    return found


def _past(place: Place, book: StateBook) -> Past | None:
    """What is kept of the history of the frame at a place."""
    query, (_, number) = book.queries[place[0]], place
    states = [at for at in range(len(query.states)) if frame_of(query.states, at) == number]
    return Past.of(book.keeper, query, states)


def _read(place: Place, leaves: Sequence[Leaf], past: Past | None, book: StateBook) -> Pieces:
    """The states that windows of some leaves reach."""
    reach = Reach.of(ranges_of(leaves, book.queries[place[0]]))
    found = None if past is None else past.read(book.frame_at(place), reach)
    return book.read_by(place, leaves) if found is None else found


def _latest(leaves: Sequence[Leaf], query: MeasureQuery) -> list[tuple[int, int]]:
    """The last range of buckets that each leaf's windows cover."""
    return [found[-1] for leaf in leaves if (found := ranges_of([leaf], query))]


def _evaluated(
    key: str, chosen: Sequence[Nested], states: Mapping[Place, Pieces], book: StateBook, evaluate: Evaluate
) -> dict[str, list[StateFrame]]:
    """What is made of the states at some places, in as many slices as they are worth; nothing if their keys cannot be
    compared."""
    places = list(states)
    count = min(-(-max(map(len, states.values())) // STATES_PER_SLICE), _MOST_SLICES)
    if count < 2:
        own = SliceBook(book, key, states)
        return {each.name: evaluate(each, own) for each in chosen}
    positions = [_position(book.queries[query], key) for query, _ in places]
    slices = sliced(list(states.values()), positions, count)
    if slices is None:
        return {}

    def do(number: int) -> list[list[StateFrame]]:
        own = SliceBook(book, key, {place: each.states(number) for place, each in zip(places, slices, strict=True)})
        return [evaluate(each, own) for each in chosen]

    made = list(in_order(do, range(count), thread_count()))
    return {
        each.name: [merge_frames(frames) for frames in zip(*(of_slice[number] for of_slice in made), strict=True)]
        for number, each in enumerate(chosen)
    }


class SliceBook(StateBook):
    """The states of one slice; those of leaves without the key are whole, and shared by all slices."""

    def __init__(self, whole: StateBook, key: str, frames: Mapping[Place, Pieces]) -> None:
        super().__init__(whole.plan, whole.frames_with(frames))
        self._whole, self._key = whole, key

    def ready(self, leaf: Leaf, windows: Sequence[Interval | None] | None = None, *, narrowed: bool = False) -> Ready:
        """A leaf with its states of this slice."""
        if self._key in leaf.keys:
            return super().ready(leaf, windows, narrowed=narrowed)
        return self._whole.ready(leaf, windows, narrowed=narrowed)


def _dividing_key(nested: Nested, book: StateBook) -> str:
    """The key that divides an aggregate best, "" if none does."""
    keys = [key for key in nested.own if _stays_within(nested, key, book.queries)]
    if len(keys) < 2:
        return keys[0] if keys else ""
    return max(keys, key=lambda key: max(map(variety, _arrays(nested, key, book)), default=0))


def _arrays(nested: Nested, key: str, book: StateBook) -> list[pa.Array]:
    leaves = [leaf for leaf in _leaves(nested) if key in leaf.keys]
    return [
        frame.keys[_position(book.queries[leaf.query], key)]
        for leaf in leaves
        for frame in book.frame_at(book.place(leaf)).frames
    ]


def _stays_within(nested: Nested, key: str, queries: Sequence[MeasureQuery]) -> bool:
    """Whether no value of a group depends on groups with other values of the key."""
    return (
        any(key in leaf.keys for leaf in _leaves(nested))
        and all(leaf.pick is None and _stands_alone(leaf, queries[leaf.query]) for leaf in nested.leaves)
        and all(
            key in each.keys and each.finish in _ALONE and _stays_within(each, key, queries) for each in nested.inner
        )
    )


def _stands_alone(leaf: Leaf, query: MeasureQuery) -> bool:
    return leaf.finish in (_ALONE if query.until is None else _WITHOUT_LIMITS)


def _leaves(nested: Nested) -> Iterator[Leaf]:
    yield from nested.leaves
    for each in nested.inner:
        yield from _leaves(each)


def _position(query: MeasureQuery, key: str) -> int:
    return [each.name for each in query.keys].index(key)
