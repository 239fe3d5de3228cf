"""States that outgrow the memory: sets that are only counted go to disk, anything else is an error that says so.

A set on disk is divided by its values. Parts have none in common, so that each is united, counted and forgotten before
the next one is read, and the counts of a cell add up.
"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from kpi_engine.execute.memory import memory_for_states
from kpi_engine.execute.ready import frame_of
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, ExitCode, KpiError
from kpi_engine.ir.plan import Plan, all_leaves
from kpi_engine.kernels.frames import StateFrame
from kpi_engine.kernels.state_bytes import bytes_to_frames, frames_to_bytes

if TYPE_CHECKING:
    from kpi_engine.kernels.counted import CountedPart

PARTS = 32
_WORTH_WRITING = 1 << 20
"""States are written when so many wait, so that parts are not made of scraps."""

_LENGTH = 8


class SpilledSet:
    """A set that is only counted, in a folder of its own that goes when nobody knows it any more."""

    def __init__(self) -> None:
        import tempfile

        self._folder = Path(tempfile.mkdtemp(prefix="kpi-states-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._waiting: list[StateFrame] = []

    def add(self, frames: Sequence[StateFrame]) -> None:
        """Take in frames of the set, each unique in itself."""
        self._waiting += frames
        if sum(map(len, self._waiting)) >= _WORTH_WRITING:
            self._write()

    def counted(self) -> CountedPart:
        """The cells, counted; the set itself is read again only where other parts have values of its cells."""
        from kpi_engine.kernels.partition import counted_in_parts

        self._write()
        return counted_in_parts(
            (list(self._read(number)) for number in range(PARTS)),
            lambda: [frame for number in range(PARTS) for frame in self._read(number)],
        )

    def _write(self) -> None:
        try:
            for frame in self._waiting:
                self._append(frame)
        except OSError as error:
            message = f"states are more than they may take of the memory, and {self._folder} takes none of them"
            raise KpiError(
                Diagnostic(
                    "E823",
                    f"{message}: {error.strerror or error}",
                    help="make room there, name another folder in TMPDIR, or allow more memory in KPI_MEMORY",
                    exit_code=ExitCode.LIMIT,
                )
            ) from error
        self._waiting.clear()

    def _append(self, frame: StateFrame) -> None:
        from kpi_engine.kernels.partition import divided

        for number, part in enumerate(divided(frame, PARTS)):
            # A part has a frame even if that is empty, so that it always has the set's types.
            blob = frames_to_bytes([part])
            with self._path(number).open("ab") as file:
                file.write(len(blob).to_bytes(_LENGTH, "little") + blob)

    def _read(self, number: int) -> Iterator[StateFrame]:
        with self._path(number).open("rb") as file:
            while length := file.read(_LENGTH):
                yield from bytes_to_frames(file.read(int.from_bytes(length, "little")))

    def _path(self, number: int) -> Path:
        return self._folder / str(number)


Place = tuple[int, int]
"""A query of a plan, and the number of one of its frames."""


@dataclass(slots=True)
class Budget:
    """The memory that the states of a scan's queries may take together.

    `texts` says how people write what is kept at a place. `spills` moves the sets at some places to disk.
    """

    limit: int
    texts: Mapping[Place, str] = field(default_factory=dict)
    spills: dict[Place, Callable[[], None]] = field(default_factory=dict)
    held: dict[Place, int] = field(default_factory=dict)

    def add(self, place: Place, size: int) -> bool:
        """So many bytes more are held; whether that is within the limit, after all that can has gone to disk."""
        self.held[place] = self.held.get(place, 0) + size
        while sum(self.held.values()) > self.limit and self.spills:
            largest = max(self.spills, key=lambda each: self.held.get(each, 0))
            self.spills.pop(largest)()
            self.held.pop(largest, None)
        return sum(self.held.values()) <= self.limit

    def replace(self, place: Place, size: int) -> bool:
        """What is held there is so many bytes now; whether that is within the limit."""
        self.held[place] = 0
        return self.add(place, size)

    def release(self, place: Place) -> None:
        """What is held there is counted, and goes to disk no more."""
        self.held.pop(place, None)
        self.spills.pop(place, None)

    def exceeded(self, place: Place) -> KpiError:
        """E823, which names what the states are of."""
        text = self.texts.get(place, "")
        named = f"`{text}`" if text else "this question"
        estimate = f"permit an estimate: `{text.replace('(', '(approx ', 1)}`; or " if _may_estimate(text) else ""
        return KpiError(
            Diagnostic(
                "E823",
                f"the states of {named} need more than the {_shown(self.limit)} that they may take",
                help=f"{estimate}ask for fewer groups or a shorter span, or allow more memory (--memory, KPI_MEMORY),"
                " of which states may take a quarter",
                exit_code=ExitCode.LIMIT,
            )
        )


def state_budget(plan: Plan) -> Budget:
    """The budget for the states of a scan, as the environment or the machine says."""
    texts: dict[Place, str] = {}
    for leaf in all_leaves(plan):
        if leaf.text and not leaf.item_key:
            texts.setdefault((leaf.query, frame_of(plan.queries[leaf.query].states, leaf.state)), leaf.text)
    return Budget(memory_for_states(), texts)


def _may_estimate(text: str) -> bool:
    """Whether `approx` makes the states of an aggregate small."""
    return text.startswith(("count(distinct ", "median(", "percentile("))


def _shown(size: int) -> str:
    """Bytes as people read them."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if size >= 1000**power:
            return f"{size / 1000**power:.1f} {unit}"
    return f"{size} bytes"
