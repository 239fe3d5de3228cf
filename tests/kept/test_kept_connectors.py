"""What a connector of another distribution reads is kept for that version of it; trouble is told once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugins.packages import distribution

import kpi_engine
from kept.shop import Shop
from kpi_engine.extend import discovery

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
