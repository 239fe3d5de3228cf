"""States that outgrow the memory they may take: sets on disk count the same, and everything else is a clear error."""

from __future__ import annotations

import datetime
import os
import platform
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi_engine
from kpi_engine import KpiError
from kpi_engine.builtin.connectors.files import FilesConnector
from kpi_engine.execute import batch_rows, spill, tasks
from kpi_engine.execute.pool import steady_memory
from kpi_engine.execute.query_states import QueryStates
from kpi_engine.execute.spill import Budget, SpilledSet
from kpi_engine.execute.tasks import THREADS
from kpi_engine.extend.rows import Scan, ScanRequest
from kpi_engine.ir.expression import Field
from kpi_engine.ir.plan import KeyColumn, MeasureQuery, StateRequest
from kpi_engine.ir.types import TEXT
from kpi_engine.kernels.counted import partial_states
from kpi_engine.kernels.frames import StateFrame, StateInput
from kpi_engine.kernels.ids import shortened, texts
from kpi_engine.kernels.placed import Placed
from kpi_engine.kernels.states import decoded

DEFINITIONS = """
entity customer

source orders
  table: "orders/*.parquet"
  time: day
  column day: date
  column customer -> customer
  column channel: text
  column total: integer

buyers = count(distinct orders.customer)
everybody = total(buyers, channel)
recent = rolling(buyers, 40 days)
about = rolling(count(approx distinct orders.customer), 40 days)
revenue = sum(orders.total)
loyal = count(customers having revenue > 100) / buyers
"""

Row = tuple[str | None, int, str | None]


def customers(kind: str, number: int) -> str | None:
    """A customer's name in one of several ways, some of them without one."""
    if number % 17 == 0:
        return None
    return {
        "numbered": f"C{number:05d}",
        "uuid": f"{number:08x}-0000-4000-8000-{number * 7919:012x}",
        "mixed": f"C{number:05d}" if number % 3 else f"guest number {number}, without an account",
    }[kind]


@pytest.fixture
def shop(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[kpi_engine.Project, list[Row]]:
    """Orders in no order, spread over files that all have all months, and are read as if they were large."""
    monkeypatch.setattr(tasks, "_FEWEST_ROWS", 1)
    rng = random.Random(7)
    rows = [
        (
            rng.choice(["web", "app", None]),
            rng.randrange(90),
            customers(getattr(request, "param", "mixed"), rng.randrange(400)),
        )
        for _ in range(3000)
    ]
    (tmp_path / "data" / "orders").mkdir(parents=True)
    for part in range(6):
        chosen = rows[part::6]
        table = pa.table(
            {
                "day": [datetime.date(2026, 1, 1) + datetime.timedelta(day) for _, day, _ in chosen],
                "customer": pa.array([customer for _, _, customer in chosen], pa.string()),
                "channel": [channel for channel, _, _ in chosen],
                "total": [1] * len(chosen),
            }
        )
        pq.write_table(table, tmp_path / "data" / "orders" / f"{part}.parquet")
    (tmp_path / "shop.kpi").write_text(DEFINITIONS)
    return kpi_engine.open(definitions=[tmp_path / "shop.kpi"], data=tmp_path / "data"), rows


def month(day: int) -> datetime.date:
    return (datetime.date(2026, 1, 1) + datetime.timedelta(day)).replace(day=1)


@pytest.mark.parametrize("shop", ["numbered", "uuid", "mixed"], indirect=True)
def test_sets_on_disk_count_the_same(
    shop: tuple[kpi_engine.Project, list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, rows = shop
    made: list[SpilledSet] = []
    written = SpilledSet.__init__
    monkeypatch.setattr(SpilledSet, "__init__", lambda self: (made.append(self), written(self))[1])
    monkeypatch.setattr(spill, "_WORTH_WRITING", 500)
    monkeypatch.setenv("KPI_MEMORY", "160 kB")
    table = project.eval(["buyers", "everybody", "revenue"], by=["channel"], grain="month", as_of="2026-04-01").table
    assert len(made) == 2, "both sets went to disk"
    seen: dict[tuple[datetime.date, str | None], set[str]] = defaultdict(set)
    for channel, day, customer in rows:
        if customer is not None:
            seen[month(day), channel].add(customer)
    assert table.num_rows == 9
    for row in table.to_pylist():
        assert row["buyers"] == len(seen[row["period"], row["channel"]])
        everybody = set().union(*(seen[row["period"], channel] for channel in ("web", "app", None)))
        assert row["everybody"] == len(everybody)


def test_what_cannot_go_to_disk_is_an_error(
    shop: tuple[kpi_engine.Project, list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = shop
    monkeypatch.setenv("KPI_MEMORY", "40 kB")
    with pytest.raises(KpiError) as caught:
        project.eval(["recent"], grain="day", as_of="2026-04-01")
    (found,) = caught.value.diagnostics
    assert (found.code, found.exit_code) == ("E823", 5)
    assert "`count(distinct orders.customer)`" in found.message and "10.0 kB" in found.message
    assert "`count(approx distinct orders.customer)`" in (found.help or "")
    with pytest.raises(KpiError) as caught:
        project.eval(["loyal"], grain="month", as_of="2026-04-01")
    (found,) = caught.value.diagnostics
    assert found.code == "E823" and "approx" not in (found.help or "")
    assert "`sum(orders.total)`" in found.message
    assert project.eval(["revenue"], grain="month", as_of="2026-04-01").table.num_rows == 3, "small states fit"


@pytest.mark.parametrize("amount", ["2", "much", "0 GB", "-1 GB"])
def test_an_amount_of_memory_has_a_unit(
    shop: tuple[kpi_engine.Project, list[Row]], monkeypatch: pytest.MonkeyPatch, amount: str
) -> None:
    monkeypatch.setenv("KPI_MEMORY", amount)
    with pytest.raises(KpiError) as caught:
        shop[0].eval(["revenue"], grain="month", as_of="2026-04-01")
    assert caught.value.diagnostics[0].code == "E823"
    assert f"`{amount}`" in caught.value.diagnostics[0].message


def test_a_full_disk_is_an_error_with_the_folder(
    shop: tuple[kpi_engine.Project, list[Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: SpilledSet, frame: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SpilledSet, "_append", full)
    monkeypatch.setenv("KPI_MEMORY", "160 kB")
    with pytest.raises(KpiError) as caught:
        shop[0].eval(["buyers"], by=["channel"], grain="month", as_of="2026-04-01")
    assert "No space left on device" in caught.value.diagnostics[0].message
    assert "TMPDIR" in (caught.value.diagnostics[0].help or "")


values = st.none() | st.sampled_from(["C1", "C2", "C0001", "a longer name of a guest", "é", ""])
batches = st.lists(
    st.lists(st.tuples(st.sampled_from(["x", None]), st.integers(0, 2), values), max_size=6), min_size=1, max_size=5
)


@settings(max_examples=12, deadline=None)
@given(batches=batches, limit=st.integers(1, 600), parts=st.booleans())
def test_any_limit_counts_as_none(batches: list[list[Row]], limit: int, parts: bool) -> None:
    key = KeyColumn("channel", Field("channel", TEXT), TEXT)
    query = MeasureQuery("orders", (key,), None, (), (StateRequest("distinct", Field("customer", TEXT)),))
    states = QueryStates.of(query, [1], Budget(limit), 0)
    expected: dict[tuple[str | None, int], set[str]] = defaultdict(set)
    rows: dict[tuple[str | None, int], int] = defaultdict(int)
    for batch in [[], *batches]:
        channel, bucket, customer = ([row[column] for row in batch] for column in range(3))
        inputs = [StateInput("distinct", pa.array(customer, pa.string()), None)]
        placed = Placed([shortened(pa.array(channel, pa.string()))], np.array(bucket, np.int64))
        plain, made = partial_states(placed, inputs, (1,) if parts else ())
        assert isinstance(plain, StateFrame)
        states.frames[0].append(plain)
        states.take(1, made)
        for each, place, name in batch:
            rows[each, place] += 1
            if name is not None:
                expected[each, place].add(name)
    (cells,) = (each.whole for each in states.merged()[1:])
    assert cells.item is None
    names = texts(decoded(cells.keys[0])).to_pylist()
    found = zip(
        names, cells.bucket.tolist(), cells.states[0].rows.tolist(), cells.states[0].values.tolist(), strict=True
    )
    assert {(name, bucket): (count, known) for name, bucket, count, known in found} == {
        cell: (count, len(expected[cell])) for cell, count in rows.items()
    }


@pytest.mark.parametrize(
    ("metric", "by", "few"),
    [
        ("revenue", [], True),
        ("revenue", ["channel"], True),
        ("greatest", ["channel"], True),
        ("buyers", [], False),
        ("about", [], False),
        ("middle", [], False),
        ("loyal", [], False),
        ("revenue", ["customer"], False),
    ],
)
def test_few_rows_are_asked_for_at_a_time_where_states_are_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str, by: list[str], few: bool
) -> None:
    (tmp_path / "orders").mkdir()
    days = [datetime.date(2026, 1, 1) + datetime.timedelta(days=row % 90) for row in range(300)]
    names = [f"C{row % 7}" for row in range(300)]
    table = pa.table({"day": days, "customer": names, "channel": ["x", "y", None] * 100, "total": list(range(300))})
    pq.write_table(table, tmp_path / "orders" / "all.parquet")
    more = "\nmiddle = median(orders.total)\ngreatest = max(orders.total)\n"
    (tmp_path / "shop.kpi").write_text(DEFINITIONS + more, encoding="utf-8")
    asked = list[int | None]()
    scan = FilesConnector.scan

    def seen(self: FilesConnector, request: ScanRequest) -> Scan:
        asked.append(request.batch_rows)
        return scan(self, request)

    monkeypatch.setattr(FilesConnector, "scan", seen)
    monkeypatch.setattr(batch_rows, "_ENOUGH", 7)
    project = kpi_engine.open(definitions=[tmp_path / "shop.kpi"], data=tmp_path)
    found = project.eval(metric, by=by, grain="month", as_of="2026-04-01").table
    assert (asked[-1] == 7) is few
    monkeypatch.setattr(batch_rows, "_ENOUGH", 1000)
    assert found.equals(project.eval(metric, by=by, grain="month", as_of="2026-04-01").table)


GROUPS = """
import sys
import pyarrow as pa
import kpi_engine

kpi_engine.keep_freed_memory()
project = kpi_engine.open(definitions=[sys.argv[1] + "/shop.kpi"], data=sys.argv[1] + "/" + sys.argv[2])
table = project.eval(["revenue", "count_of_orders"], by=["channel"], grain="month", as_of="2026-04-01").table
print(table.column("revenue").to_pylist(), pa.jemalloc_memory_pool().max_memory(), sep="|")
"""


@pytest.mark.skipif("jemalloc" not in pa.supported_memory_backends(), reason="memory is taken from elsewhere")
@pytest.mark.skipif(sys.platform != "linux", reason="memory is taken from elsewhere")
def test_memory_does_not_grow_with_row_groups(tmp_path: Path) -> None:
    rows = 1_500_000
    day = pa.array(np.sort(np.arange(rows) % 90) + 20454, pa.int32()).cast(pa.date32())
    table = pa.table(
        {
            "day": day,
            "customer": pa.array(["C1"]).take(pa.array(np.zeros(rows, np.int64))),
            "channel": pa.array(["x", "y", "z"]).take(pa.array(np.arange(rows) % 3)),
            "total": np.arange(rows) % 100,
        }
    )
    (tmp_path / "shop.kpi").write_text(DEFINITIONS + "\ncount_of_orders = count(orders)\n", encoding="utf-8")
    answers, peaks = [], []
    for name, size in (("small", 215_000), ("large", rows)):
        (tmp_path / name / "orders").mkdir(parents=True)
        pq.write_table(table, tmp_path / name / "orders" / "all.parquet", row_group_size=size)
        arguments = [sys.executable, "-c", GROUPS, str(tmp_path), name]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=os.environ | {THREADS: "1"})
        answer, _, peak = done.stdout.partition("|")
        answers.append(answer)
        peaks.append(int(peak))
    assert answers[0] == answers[1] and peaks[0] > 1_000_000
    assert peaks[1] < 2.5 * peaks[0], peaks


KEEP = """
import sys
import numpy as np
import kpi_engine

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1] == "kept":
    assert kpi_engine.keep_freed_memory()
array = np.ones(200_000_000, np.uint8)
before = resident()
del array
print(before - resident() > 150_000_000)
"""


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="glibc alone can be told")
def test_freed_memory_stays_with_a_process_that_asked_for_it() -> None:
    for asked, given_back in (("kept", "False"), ("not", "True")):
        done = subprocess.run([sys.executable, "-c", KEEP, asked], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == given_back


@pytest.mark.skipif(sys.platform != "linux", reason="measured there")
def test_arrow_takes_memory_from_one_place_while_a_question_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL", raising=False)
    before = pa.default_memory_pool().backend_name
    wanted = "jemalloc" if "jemalloc" in pa.supported_memory_backends() else "system"
    with steady_memory():
        assert pa.default_memory_pool().backend_name == wanted
    assert pa.default_memory_pool().backend_name == before
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", before)
    with steady_memory():
        assert pa.default_memory_pool().backend_name == before
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL")

    def without() -> pa.MemoryPool:
        raise NotImplementedError

    monkeypatch.setattr(pa, "jemalloc_memory_pool", without)
    with steady_memory():
        assert pa.default_memory_pool().backend_name == "system"


TOLD = """
import os, sys
import kpi_engine
if sys.argv[1] == "late":
    import pyarrow
assert "pyarrow" in sys.modules or sys.argv[1] != "late"
kpi_engine.keep_freed_memory()
print(os.environ.get("JE_ARROW_MALLOC_CONF"))
"""


def test_arrow_is_told_before_it_is_imported_and_as_the_user_says() -> None:
    own = "dirty_decay_ms:5"
    free = {name: value for name, value in os.environ.items() if name != "JE_ARROW_MALLOC_CONF"}
    for when, environment, expected in (
        ("early", free, "narenas:1,dirty_decay_ms:-1,muzzy_decay_ms:-1"),
        ("early", free | {"JE_ARROW_MALLOC_CONF": own}, own),
        ("late", free, "None"),
    ):
        arguments = [sys.executable, "-c", TOLD, when]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
        assert done.stdout.strip() == expected
