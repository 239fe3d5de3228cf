"""The questions on some data: all ways are compared in the first round, and those that agree go on, taking turns."""

from __future__ import annotations

import functools
import json
import pickle
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from compare import differences
from measure import Cost, ProcessFailed, interleaved, own_process
from questions import HERE, QUESTIONS, Question
from records import Key, Record, Results

ENGINE: Final = "kpi_engine"
DUCKDB: Final = "DuckDB"
POLARS: Final = "Polars"
FLOOR: Final = "only reading"
WARM_ANSWERS: Final = 2


@dataclass(frozen=True, slots=True)
class Way:
    """A module of ways/ and the interpreter that has what it imports."""

    name: str
    module: str
    python: str = sys.executable
    with_pandas: bool = False
    can: frozenset[str] = frozenset(QUESTIONS)
    is_prepared: bool = False
    """Whether something is made once for a folder of data, before anything is measured."""

    def command(self, question: Question, data: Path, *more: str) -> list[str]:
        """The command that answers a question."""
        pandas = ["--with-pandas"] if self.with_pandas else []
        program = [self.python, str(HERE / "one.py"), self.module, question.name, "--data", str(data)]
        return [*program, *pandas, *more]


OURS_AND_SQL: Final = (Way(ENGINE, "engine"), Way(DUCKDB, "duckdb_sql"), Way(POLARS, "polars_lazy"))
READING: Final = Way(FLOOR, "reading")


@dataclass(frozen=True, slots=True)
class Workload:
    """A question on data of one size and layout."""

    question: Question
    data: Path
    orders: int
    layout: str = "months"
    ids: str = "short"

    def key(self, kind: str, way: str) -> Key:
        """Under what its figures are kept."""
        return Key(kind, self.question.name, way, self.orders, self.layout, self.ids)


def run(workload: Workload, ways: Sequence[Way], kinds: Sequence[str], rounds: int, results: Results) -> None:
    """Compare the answers of the first round, then measure on; whoever fails or differs is recorded with the reason."""
    able = [way for way in ways if workload.question.name in way.can]
    first, problems = compared(workload, able)
    sound = [way for way in able if way.name not in problems]
    for kind in kinds:
        if kind == "warm":
            found = costs(workload, [way for way in sound if way.name != FLOOR], rounds, WARM_ANSWERS)
        else:
            more = costs(workload, sound, rounds - 1)
            found = {way.name: [first[way.name], *more[way.name]] for way in sound}
        failed = [Record(workload.key(kind, name), problem=why) for name, why in problems.items()]
        results.add([*failed, *(Record.of(workload.key(kind, name), each) for name, each in found.items())])
        _tell(workload, kind, found, problems)


def compared(workload: Workload, ways: Sequence[Way]) -> tuple[dict[str, Cost], dict[str, str]]:
    """The cost of one answer each way, and what is wrong with it; DuckDB's is what the others are held to."""
    found: dict[str, Cost] = {}
    problems: dict[str, str] = {}
    answers: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for way in ways:
            path = Path(folder) / way.module
            try:
                found[way.name] = own_process(way.command(workload.question, workload.data, "--rows", str(path)))
                answers[way.name] = pickle.loads(path.read_bytes())
            except ProcessFailed as failed:
                problems[way.name] = f"failed: {failed}"
    for name, rows in answers.items():
        if name == FLOOR:
            continue
        different = differences(workload.question, answers[DUCKDB], rows)
        if different:
            problems[name] = f"differs from DuckDB in {len(different)} values, the first: {different[0]}"
    return found, problems


def costs(workload: Workload, ways: Sequence[Way], rounds: int, answers: int = 1) -> dict[str, list[Cost]]:
    """What each way costs in a process of its own that answers so many times; the last answer's time beside it."""

    def once(way: Way) -> Cost:
        with tempfile.TemporaryDirectory() as folder:
            times = Path(folder) / "times.json"
            more = ("--times", str(times), "--repeat", str(answers))
            cost = own_process(way.command(workload.question, workload.data, *more))
            answer = json.loads(times.read_text(encoding="utf-8"))
            return replace(cost, answer_wall=answer["wall"], answer_cpu=answer["cpu"])

    return interleaved({way.name: functools.partial(once, way) for way in ways}, rounds)


def _tell(workload: Workload, kind: str, measured: Mapping[str, list[Cost]], problems: Mapping[str, str]) -> None:
    """One line on the terminal, for whoever waits."""
    data = f"{workload.orders:_} orders, {workload.layout}, {workload.ids} ids"
    shown = []
    for name, found in measured.items():
        record = Record.of(workload.key(kind, name), found)
        shown.append(
            f"{name} {record.wall_median:.2f} s, CPU {record.cpu_median:.2f}, {record.memory_median / 1e6:.0f} MB"
        )
    shown += [f"{name}: {why}" for name, why in problems.items()]
    print(f"{workload.question.name} ({kind}, {data}): " + "; ".join(shown), flush=True)
