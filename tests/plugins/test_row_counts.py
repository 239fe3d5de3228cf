"""A connector of a plugin may say how many rows a fragment has; what it says wrongly does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kpi_engine import KpiError
from kpi_engine.extend.contained import ContainedConnector
from kpi_engine.extend.rows import ConnectionSettings, ScanRequest, TableRequest, rows_in


class Fragment:
    name = "orders"

    def __init__(self, said: object) -> None:
        self._said = said

    @property
    def row_count(self) -> Any:
        if isinstance(self._said, Exception):
            raise self._said
        return self._said

    def bounds(self, column: str) -> None:
        return None

    def batches(self, report: object) -> Iterator[object]:
        return iter(())

    def place(self, row: int) -> str:
        return self.name


def asked(fragment: object) -> int | None:
    scan = SimpleNamespace(pushed=(), pruned=0, options={}, notes=(), fragments=lambda: [fragment])
    toy = SimpleNamespace(tables=tuple, schema=lambda table: None, scan=lambda request: scan)
    connector = ContainedConnector(ConnectionSettings("shop"), "kpi-toy", lambda: lambda settings: toy)
    (found,) = connector.scan(ScanRequest(TableRequest(("orders",), source="orders"), ())).fragments()
    return rows_in(found)


@pytest.mark.parametrize(("said", "known"), [(0, 0), (70_000, 70_000), (None, None), (-1, None), ("12", None)])
def test_a_number_of_rows_is_handed_on(said: object, known: int | None) -> None:
    assert asked(Fragment(said)) == known


def test_a_fragment_need_not_say_it() -> None:
    fragment = SimpleNamespace(name="orders", bounds=lambda column: None, batches=lambda report: iter(()), place=str)
    assert asked(fragment) is None


def test_a_failure_is_told_as_the_plugins() -> None:
    with pytest.raises(KpiError, match="kpi-toy"):
        asked(Fragment(RuntimeError("nothing known")))
