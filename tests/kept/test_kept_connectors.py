"""What a connector of another distribution reads is kept for that version of it; trouble is told once."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from plugins.packages import distribution

import kpi_engine
from kept.shop import Shop
from kpi_engine.execute.records import parsed_header
from kpi_engine.extend import discovery
from kpi_engine.ir.stored import NewRecord, StoredRecord
from kpi_engine.store import FolderStore

CONNECTOR = """\
import datetime
import pyarrow as pa

DAYS = [datetime.date(2026, 3, 1), datetime.date(2026, 3, 2)]
ROWS = pa.record_batch({{"day": pa.array(DAYS), "total": pa.array([5 * {factor}, 7 * {factor}])}})


class Toy:
    def __init__(self, settings):
        pass

    def tables(self):
        return ("orders",)

    def schema(self, table):
        return ROWS.schema

    def scan(self, request):
        return Scan(request)


class Scan:
    pruned, options, notes = 0, {{}}, ()

    def __init__(self, request):
        self.request = request
        self.pushed = tuple("none" for _ in request.predicates)

    def fragments(self):
        return [Fragment(self.request)]


class Fragment:
    name = "orders"

    def __init__(self, request):
        self.request = request

    def bounds(self, column):
        return None

    def place(self, row):
        return "orders"

    def fingerprint(self):
        return "as ever"

    def batches(self, report):
        report.rows += 2
        wanted = self.request.columns
        yield pa.RecordBatch.from_arrays(
            [ROWS.column(each.physical or each.name) for each in wanted], names=[each.name for each in wanted]
        )
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of distributions on the path."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    sys.modules.pop("toy", None)
    discovery.forget()


def provide(path: Path, version: str, factor: int) -> None:
    """Install a version of the connector in place of any other."""
    for each in path.glob("*.dist-info/*"):
        each.unlink()
    for each in path.glob("*.dist-info"):
        each.rmdir()
    text = CONNECTOR.format(factor=factor)
    distribution(
        path, "kpi-toy", version=version, points={"connectors": {"toy": "toy:Toy"}}, modules={"toy.py": text}, api=None
    )
    sys.modules.pop("toy", None)
    discovery.forget()


def test_another_version_of_a_connector_reads_again(tmp_path: Path, path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "kpi.toml").write_text('as_of = "data"\n[connections.shop]\nconnector = "toy"\n')
    (folder / "m.kpi").write_text(
        'source orders\n  table: "orders"\n  connection: shop\n  time: day\n\nrevenue = sum(orders.total)\n'
    )
    found = []
    for version, factor in (("1.0", 1), ("1.0", 1), ("1.1", 10)):
        provide(path, version, factor)
        result = kpi_engine.open(folder, store=tmp_path / "state").eval("revenue")
        found.append((result.table.to_pylist()[0]["revenue"], result.stats.sources["orders"].rows))
    assert found == [(12, 2), (12, 0), (120, 2)]


def test_damage_is_told_once(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path / "shop", 3)
    project = kpi_engine.open(shop.folder, store=tmp_path / "state")
    before = project.eval("buyers", grain="month").table
    for each in (tmp_path / "state").glob("seg-*"):
        content = bytearray(each.read_bytes())
        content[-1] ^= 1
        each.write_bytes(bytes(content))
    project = kpi_engine.open(shop.folder, store=tmp_path / "state")
    for is_told in (True, False):
        result = project.eval("buyers", grain="month")
        assert result.table.equals(before)
        assert any("damaged" in note for note in result.stats.notes) == is_told


def test_a_project_asked_again_reads_no_record_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop.of(tmp_path / "shop", 3)
    project = kpi_engine.open(shop.folder, store=tmp_path / "state")
    question = ("revenue", "buyers_28d", "repeat")
    project.eval(question, grain="month")
    project.eval(question, grain="month")
    read: list[str] = []
    whole = FolderStore.read

    def watched(store: FolderStore, record: StoredRecord, blob: str) -> bytes | None:
        read.append(blob)
        return whole(store, record, blob)

    monkeypatch.setattr(FolderStore, "read", watched)
    again = project.eval(question, grain="month")
    assert not read and not again.stats.sources["orders"].rows
    shop.append_day()
    grown = project.eval(question, grain="month")
    assert grown.stats.sources["orders"].rows == 3
    assert grown.table.equals(kpi_engine.open(shop.folder, store=False).eval(question, grain="month").table)
    fresh = kpi_engine.open(shop.folder, store=tmp_path / "state").eval(question, grain="month")
    assert read and fresh.table.equals(grown.table)


def test_what_is_made_twice_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set that is asked for, and is gone, makes the scan begin again."""
    shop = Shop.of(tmp_path / "shop", 3)
    kpi_engine.open(shop.folder, store=tmp_path / "state").eval("buyers", grain="month")
    shop.orders["more"] = [dict(row) for row in shop.orders["000"]]
    shop.write_orders("more")
    whole = FolderStore.read

    def without_sets(store: FolderStore, record: StoredRecord, blob: str) -> bytes | None:
        return None if blob.count(".") == 2 else whole(store, record, blob)

    saved: list[Sequence[NewRecord]] = []
    save = FolderStore.save

    def watched(store: FolderStore, new: Sequence[NewRecord], replaced: Iterable[str] = ()) -> bool:
        saved.append(new)
        return save(store, new, replaced)

    monkeypatch.setattr(FolderStore, "read", without_sets)
    monkeypatch.setattr(FolderStore, "save", watched)
    warm = kpi_engine.open(shop.folder, store=tmp_path / "state").eval("buyers", grain="month")
    assert warm.table.equals(kpi_engine.open(shop.folder, store=False).eval("buyers", grain="month").table)
    (new,) = saved
    units = [
        unit.fragments
        for record in new
        if (header := parsed_header(record.header)) is not None
        for unit in header.units
    ]
    assert len(units) == len(set(units)) > 0
