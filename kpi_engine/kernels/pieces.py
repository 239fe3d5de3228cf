"""States in pieces that have no row in common: one frame is made of them only where they are looked at together."""

from __future__ import annotations

from collections.abc import Sequence

from kpi_engine.kernels.frames import StateFrame, disjoint, end_to_end
from kpi_engine.kernels.recut import MOST_CHOSEN, between_buckets


class Pieces:
    """States of one frame, unique by (keys, bucket, item) over all pieces, of which there is at least one."""

    def __init__(self, frames: Sequence[StateFrame]) -> None:
        self._frames = tuple(frames)

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
        return sum(map(len, self._frames))

    @property
    def frames(self) -> tuple[StateFrame, ...]:
        """The pieces."""
        return self._frames

    @property
    def whole(self) -> StateFrame:
        """All states in one frame, which takes the place of the pieces."""
        if len(self._frames) > 1:
            self._frames = (end_to_end(self._frames),)
        return self._frames[0]

    def between(self, low: int, high: int) -> Pieces:
        """The states in the buckets of [low, high) and perhaps others; this object if they are not much fewer."""
        chosen = [between_buckets(frame, low, high) for frame in self._frames]
        if sum(map(len, chosen)) > MOST_CHOSEN * len(self):
            return self
        return Pieces([frame for frame in chosen if len(frame)] or chosen[:1])
