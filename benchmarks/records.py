"""What was measured, kept as JSON, so that a benchmark can be run in pieces and shown as one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from measure import Cost, median


@dataclass(frozen=True, slots=True)
class Key:
    """What was measured: a question answered one way on some data, in one manner.

    `kind` is `process` (from start to exit), `warm` (the second answer of one process), `capped`, `refresh`, `start`.
    """

    kind: str
    question: str
    way: str
    orders: int = 0
    layout: str = "months"
    ids: str = "short"


@dataclass(frozen=True, slots=True)
class Record:
    """The figures of all rounds, or why there are none; `note` says what else is to be known."""

    key: Key
    wall: tuple[float, ...] = ()
    cpu: tuple[float, ...] = ()
    memory: tuple[int, ...] = ()
    note: str = ""
    problem: str = ""

    @staticmethod
    def of(key: Key, costs: Sequence[Cost], note: str = "") -> Record:
        """A record of whole processes, or (kind `warm`) of their answers alone."""
        if key.kind == "warm":
            wall = [cost.answer_wall or 0.0 for cost in costs]
            cpu = [cost.answer_cpu or 0.0 for cost in costs]
        else:
            wall, cpu = [cost.wall for cost in costs], [cost.cpu for cost in costs]
        return Record(key, tuple(wall), tuple(cpu), tuple(cost.memory for cost in costs), note)

    @property
    def wall_median(self) -> float:
        """Seconds."""
        return median(self.wall)

    @property
    def cpu_median(self) -> float:
        """CPU seconds."""
        return median(self.cpu)

    @property
    def memory_median(self) -> float:
        """Peak bytes."""
        return median(self.memory)


@dataclass(slots=True)
class Results:
    """All records of a file, the latest for each key."""

    path: Path
    records: dict[Key, Record] = field(default_factory=dict)
    machine: str = ""
    shared: bool = False
    """Whether others used the machine, so that CPU seconds are judged and not seconds."""

    @staticmethod
    def load(path: Path) -> Results:
        """The results of a file, none if it is missing."""
        if not path.exists():
            return Results(path)
        stored = json.loads(path.read_text(encoding="utf-8"))
        records = [_record(each) for each in stored["records"]]
        return Results(path, {record.key: record for record in records}, stored["machine"], stored["shared"])

    def add(self, records: Sequence[Record]) -> None:
        """Take records in, in place of earlier ones, and write the file."""
        self.records |= {record.key: record for record in records}
        lines = [json.dumps(_plain(each), ensure_ascii=False) for each in self.sorted()]
        head = json.dumps({"machine": self.machine, "shared": self.shared})[:-1]
        text = f'{head}, "records": [\n' + ",\n".join(lines) + "\n]}\n"
        self.path.write_text(text, encoding="utf-8")

    def sorted(self) -> list[Record]:
        """All records, in an order that does not depend on when they were made."""
        return sorted(self.records.values(), key=lambda record: tuple(asdict(record.key).values()))

    def get(self, key: Key) -> Record | None:
        """The record of a key, if it was measured and did not fail."""
        record = self.records.get(key)
        return record if record is not None and record.wall else None

    def seconds(self, record: Record) -> float:
        """What is judged."""
        return record.cpu_median if self.shared else record.wall_median

    def largest(self, kind: str) -> int:
        """The greatest number of orders with records of a kind, 0 if there are none."""
        return max((record.key.orders for record in self.of_kind(kind)), default=0)

    def of_kind(self, kind: str) -> Iterator[Record]:
        """The records of one kind."""
        return (record for record in self.sorted() if record.key.kind == kind)


def _plain(record: Record) -> dict[str, Any]:
    rounded = replace(
        record,
        wall=tuple(round(value, 4) for value in record.wall),
        cpu=tuple(round(value, 4) for value in record.cpu),
    )
    return {name: value for name, value in asdict(rounded).items() if value not in ((), "", [])}


def _record(stored: dict[str, Any]) -> Record:
    lists = {name: tuple(stored.get(name, ())) for name in ("wall", "cpu", "memory")}
    return Record(Key(**stored["key"]), **lists, note=stored.get("note", ""), problem=stored.get("problem", ""))
