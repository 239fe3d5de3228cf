"""A table that grows by a file a day: each day reads what is new, and the store does not fill with scraps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from kept.shop import Shop, ask, settle
from kpi_engine.connect.reader import ConformedFragment
from kpi_engine.execute.compact import MOST_RECORDS
from kpi_engine.execute.records import parsed_header
from kpi_engine.extend.rows import Fragment, ReadReport
from kpi_engine.ir.question import Question
from kpi_engine.store import FolderStore
from kpi_engine.store.disk import Disk
from kpi_engine.store.upkeep import contents

SCORECARD = Question(("revenue", "big", "buyers", "smallest", "middle", "repeat"), by=("channel",), grain="month")


def labels(folder: Path) -> list[str]:
    """All labels of a store."""
    return [each.label for each in contents(folder, None, Disk()).labels]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.of(tmp_path / "shop", 11)


def test_a_day_costs_a_day(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    ask(shop.folder, SCORECARD, FolderStore(folder))
    records = []
    for _ in range(2 * MOST_RECORDS + 3):
        shop.append_day()
        store = FolderStore(folder, grace=0.0)
        warm = ask(shop.folder, SCORECARD, store)
        assert warm.table.equals(ask(shop.folder, SCORECARD, None).table)
        assert warm.read["orders"] == 3
        records.append(
            sum(each.records for each in contents(folder, None, Disk()).labels if each.label.startswith("orders "))
        )
    assert max(records) <= MOST_RECORDS + 2 and min(records[MOST_RECORDS:]) <= 3, records
    again = ask(shop.folder, SCORECARD, FolderStore(folder))
    assert not again.read


def test_asked_again_no_fragment_is_opened(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question(("revenue", "buyers", "repeat", "open_tickets"), grain="month")
    before = ask(shop.folder, question, FolderStore(tmp_path / "state"))

    def refused(*_: object) -> Iterator[object]:
        raise AssertionError("rows are read")

    monkeypatch.setattr(ConformedFragment, "batches", refused)
    assert ask(shop.folder, question, FolderStore(tmp_path / "state")).table.equals(before.table)


def test_rows_still_to_come_end_no_table(shop: Shop, tmp_path: Path) -> None:
    question = Question(("revenue", "buyers"), grain="year")
    store = FolderStore(tmp_path / "state")
    ask(shop.folder, question, store)
    name = max(shop.orders)
    shop.orders[name].append(shop.order(date(2190, 1, 1)) | {"at": datetime(2190, 1, 1)})
    shop.write_orders(name)
    for _ in range(2):
        warm, cold = ask(shop.folder, question, store), ask(shop.folder, question, None)
        assert warm.table.equals(cold.table) and warm.said == cold.said and len(cold.table) == 1


def test_the_first_period_is_that_of_the_first_row_of_today(shop: Shop, tmp_path: Path) -> None:
    question, store = Question(("revenue", "repeat"), grain="month"), FolderStore(tmp_path / "state")
    months = []
    for change in (None, "earlier", None, "delete"):
        if change == "earlier":
            shop.orders["early"] = [shop.order(date(2025, 11, 3)) | {"at": datetime(2025, 11, 3)}]
            shop.write_orders("early")
        elif change == "delete":
            (shop.folder / "orders" / "early.parquet").unlink()
        warm = ask(shop.folder, question, store)
        assert warm.table.equals(ask(shop.folder, question, None).table)
        months.append(warm.table.column("period")[0].as_py())
    assert months == [date(2026, 1, 1), date(2025, 11, 1), date(2025, 11, 1), date(2026, 1, 1)]


def test_formatting_and_renaming_read_nothing(shop: Shop, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "state")
    ask(shop.folder, Question(("revenue", "buyers"), grain="month"), store)
    shop.edit("revenue = sum(orders.amount)", "turnover =\n  sum( orders.amount )")
    shop.edit("growth(revenue", "growth(turnover")
    assert not ask(shop.folder, Question(("turnover", "buyers"), grain="month"), store).read


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sum(orders.amount)\n", "sum(orders.amount where amount > 20)\n"),
        ("time: at\n", 'time: at\n  where: channel != "mail"\n'),
        ('"Europe/Berlin"', '"America/New_York"'),
    ],
)
def test_another_meaning_reads_again(shop: Shop, tmp_path: Path, old: str, new: str) -> None:
    store = FolderStore(tmp_path / "state")
    question = Question(("revenue", "buyers"), grain="month")
    ask(shop.folder, question, store)
    shop.edit(old, new)
    warm = ask(shop.folder, question, store)
    assert warm.read["orders"] == sum(map(len, shop.orders.values()))
    assert warm.table.equals(ask(shop.folder, question, None).table)


def test_coarser_periods_and_other_ends_read_nothing(shop: Shop, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "state")
    metrics = ("revenue", "buyers", "open_tickets")
    ask(shop.folder, Question(metrics, grain="month"), store)
    for question in (
        Question(metrics, grain="quarter"),
        Question(metrics, grain="month", start="2026-02"),
        Question(metrics, start="2026-01", end="2026-01"),
        Question(metrics, grain="year"),
    ):
        warm = ask(shop.folder, question, store)
        assert not warm.read and warm.table.equals(ask(shop.folder, question, None).table), question
    assert ask(shop.folder, Question(metrics, grain="week"), store).read


def test_a_file_that_just_changed_is_not_kept(shop: Shop, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "state")
    question = Question(("revenue",), grain="month")
    (shop.folder / "orders" / "000.parquet").touch()
    ask(shop.folder, question, store)
    assert ask(shop.folder, question, store).read["orders"] == len(shop.orders["000"])


def test_rows_that_look_at_a_table_are_read_when_it_changes(shop: Shop, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "state")
    question = Question(("revenue", "french"), grain="month")
    ask(shop.folder, question, store)
    assert not ask(shop.folder, question, store).read
    shop.move_customer()
    warm = ask(shop.folder, question, store)
    assert warm.read["orders"] and warm.table.equals(ask(shop.folder, question, None).table)
    assert not ask(shop.folder, Question(("revenue",), grain="month"), store).read


def test_what_changes_while_it_is_read_is_not_kept(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    question, store = Question(("revenue",), grain="month"), FolderStore(tmp_path / "state")
    for _ in range(3):
        shop.append_day()
    whole = ConformedFragment.with_following

    def changing(fragment: ConformedFragment, following: Iterable[Fragment], report: ReadReport) -> Iterator[object]:
        yield from whole(fragment, following, report)
        settle(shop.folder / "orders" / "000.parquet")  # what is written is the same, and the file not

    with monkeypatch.context() as patched:
        patched.setattr(ConformedFragment, "with_following", changing)
        ask(shop.folder, question, store)
    kept = [parsed_header(each.header) for label in labels(tmp_path / "state") for each in store.records(label)]
    fragments = sum(len(unit.fragments) for header in kept if header is not None for unit in header.units)
    others = [rows for name, rows in shop.orders.items() if name != "000"]
    assert fragments == sum(-(-len(rows) // 2) for rows in others) >= 6


def test_what_became_null_is_counted_whatever_was_read_with_it(shop: Shop, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "state")
    shop.orders["000"] = [shop.order(date(2026, 1, day)) | {"score": float("nan")} for day in range(1, 5)]
    shop.write_orders("000")
    for question in (
        Question(("revenue", "spread"), grain="month"),
        Question(("spread",), grain="month"),
        Question(("revenue",), grain="month"),
        Question(("revenue", "spread"), by=("channel",), grain="month"),
    ):
        for _ in range(2):
            assert ask(shop.folder, question, store).said == ask(shop.folder, question, None).said, question
