"""States in pieces that have no row in common: one frame is made of them only where they are looked at together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from kpi_engine.kernels.frames import StateFrame, disjoint, end_to_end
from kpi_engine.kernels.recut import MOST_CHOSEN, between_buckets
from kpi_engine.kernels.unassigned import Unassigned, unassigned


class Unread:
    """States that lie elsewhere, in the buckets of [`low`, `high`), and are read when they are looked at.

    Each frame that `read` gives is unique in itself. How many of their rows have a null in the key at a position is
    known without them.
    """

    def __init__(
        self, low: int, high: int, read: Callable[[], Sequence[StateFrame]], without: Mapping[int, Unassigned]
    ) -> None:
        self.low, self.high, self.without = low, high, without
        self._read = read
        self._frames: Sequence[StateFrame] | None = None

    @property
    def frames(self) -> Sequence[StateFrame]:
        """The states, read once."""
        if self._frames is None:
            self._frames = self._read()
        return self._frames


class Pieces:
    """States of one frame, unique by (keys, bucket, item) over all pieces, of which there is at least one.

    With `unread` ones they become so when these are read: the frames that are there may share states with them.
    """

    def __init__(self, frames: Sequence[StateFrame], unread: Sequence[Unread] = ()) -> None:
        self._held = tuple(frames), tuple(unread)  # threads replace both at once

    @classmethod
    def merged(cls, frames: Sequence[StateFrame]) -> Pieces:
        """Frames of the same measures, each of them unique in itself, as one.

        >>> import numpy, pyarrow
        >>> from kpi_engine.kernels.frames import StateInput, partial_frames
        >>> keys, count = [pyarrow.array(["a"])], [StateInput("count", None, None)]
        >>> days = [partial_frames(keys, numpy.array([bucket]), count)[0] for bucket in (0, 1, 1)]
        >>> pieces = Pieces.merged(days)
        >>> len(pieces), len(pieces.whole)
        (2, 2)
        """
        return cls(frames if len(frames) == 1 else disjoint(frames))

    def __len__(self) -> int:
        return sum(map(len, self.frames))

    @property
    def frames(self) -> tuple[StateFrame, ...]:
        """The pieces."""
        frames, unread = self._held
        if unread:
            frames = Pieces.merged([*frames, *(frame for each in unread for frame in each.frames)]).frames
            self._held = frames, ()
        return frames

    @property
    def whole(self) -> StateFrame:
        """All states in one frame, which takes the place of the pieces."""
        frames = self.frames
        if len(frames) > 1:
            frames = (end_to_end(frames),)
            self._held = frames, ()
        return frames[0]

    def between(self, low: int, high: int) -> Pieces:
        """The states in the buckets of [low, high) and perhaps others; this object if they are not much fewer."""
        if not all(each.low < high and each.high > low for each in self._held[1]):
            return self.exactly(low, high)
        chosen = [between_buckets(frame, low, high) for frame in self.frames]
        if sum(map(len, chosen)) > MOST_CHOSEN * len(self):
            return self
        return Pieces([frame for frame in chosen if len(frame)] or chosen[:1])

    def exactly(self, low: int, high: int) -> Pieces:
        """The states in the buckets of [low, high), for which others that are unread stay so."""
        there, unread = self._held
        wanted = [each for each in unread if each.low < high and each.high > low]
        read = [*there, *(frame for each in wanted for frame in each.frames)] or unread[0].frames
        chosen = [between_buckets(frame, low, high, 1.0) for frame in read]
        return Pieces.merged(chosen) if wanted else Pieces([frame for frame in chosen if len(frame)] or chosen[:1])

    def rows_without(self, key: int, first_bucket: int) -> int:
        """Rows with a null in the key at this position, in buckets from the first one on; nothing is read for it.

        Of several states the one with most rows counts.
        """
        there, unread = self._held
        found = [unassigned(frame, key) for frame in there]
        found += [each.without[key] for each in unread if key in each.without]
        rows = [each.rows(first_bucket) for each in found if each.buckets]
        return int(np.max(np.sum(rows, axis=0), initial=0)) if rows else 0
