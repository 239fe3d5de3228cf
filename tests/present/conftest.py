"""Answers made by hand, as an engine would give them."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from kpi_engine.builtin.formats import FORMATS
from kpi_engine.extend.formats import Surface
from kpi_engine.ir.result import ResultColumn, RunStats
from kpi_engine.ir.types import Display

HOUR = 3_600_000_000


@dataclass
class MadeAnswer:
    """A table with what its columns mean."""

    table: pa.Table
    columns: Sequence[ResultColumn]
    stats: RunStats


@pytest.fixture
def make() -> Callable[..., MadeAnswer]:
    """Build an answer from pairs of a column record and an Arrow array."""

    def build(*columns: tuple[ResultColumn, Any], stats: RunStats | None = None) -> MadeAnswer:
        records = [record for record, _ in columns]
        table = pa.table([array for _, array in columns], names=[record.name for record in records])
        return MadeAnswer(table, records, stats or RunStats())

    return build


@pytest.fixture
def scorecard(make: Callable[..., MadeAnswer]) -> MadeAnswer:
    """Half a year of a shop by channel, with nulls, wide characters and a hostile name."""
    months = [datetime.date(2027, month, 1) for month in range(1, 7)]
    money = [Decimal("1234567.50"), Decimal("12.10"), None, Decimal("-3.00"), Decimal("0.00"), Decimal("99999.99")]
    channels = [
        "app",
        "搜索引擎",
        "=cmd|' /C calc'!A0",
        "\x1b[31mred\x1b[0m",
        None,
        "a channel with a name that goes on",
    ]
    times = [3 * HOUR + 20 * 60_000_000, 5 * HOUR, None, 26 * HOUR, 1, 12_000_000]
    return make(
        (ResultColumn("period", "period", grain="month"), pa.array(months, pa.date32())),
        (ResultColumn("channel", "dimension"), pa.array(channels)),
        (ResultColumn("revenue", "metric", Display("currency", "CNY")), pa.array(money, pa.decimal128(18, 2))),
        (ResultColumn("order_count", "metric", Display("count")), pa.array([12345, 2, 0, None, 5, 6])),
        (
            ResultColumn("average_order_value", "metric", Display("currency", "CNY")),
            pa.array([100.005, 6.05, None, None, None, 16666.665]),
        ),
        (ResultColumn("conversion", "metric", Display("percent")), pa.array([0.0237, 0.1, None, 0.5, 0.00034, 1.0])),
        (ResultColumn("fulfilment_time", "metric", Display("duration")), pa.array(times, pa.duration("us"))),
        (ResultColumn("nps", "metric", Display("points")), pa.array([42.0, -1.5, None, 0.0, 1.0, 2.0])),
        stats=RunStats(as_of="2027-06-15 00:00", partial_periods=(months[-1],)),
    )


@pytest.fixture
def written() -> Callable[..., str]:
    """What a format writes, as text."""

    def write(answer: MadeAnswer, format: str, surface: Surface | None = None) -> str:
        return as_bytes(answer, format, surface).decode()

    return write


@pytest.fixture
def written_bytes() -> Callable[..., bytes]:
    """What a format writes."""
    return as_bytes


def as_bytes(answer: MadeAnswer, format: str, surface: Surface | None = None) -> bytes:
    sink = io.BytesIO()
    next(each for each in FORMATS if each.name == format).writer()(answer, sink, surface or Surface())
    return sink.getvalue()
