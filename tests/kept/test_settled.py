"""Aggregates over keys are evaluated in the frames that new rows can touch, nowhere else; the answer is the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from kept.shop import OF_CUSTOMERS, Shop, ask, assert_history_tells_the_same
from kpi_engine.execute import nested as evaluation
from kpi_engine.execute.keeper import Keeper
from kpi_engine.execute.settled import Settled, settled
from kpi_engine.ir.plan import MeasureQuery, Nested
from kpi_engine.ir.question import Question
from kpi_engine.store import FolderStore

ASKED: Sequence[Question] = (
    Question(OF_CUSTOMERS, grain="month"),
    Question(("repeat", "new_buyers", "dearest", "kinds"), by=("channel",), grain="month"),
    Question(("returned", "typical", "regulars"), by=("country",), grain="week", start="2026-01-12"),
    Question(("ever_twice", "basket", "late_payers"), grain="month", where='channel = "ads"'),
)
CHANGES = (
    "append_day",
    "append_month",
    "append_rows",
    "add_late_rows",
    "rewrite",
    "delete",
    "move_customer",
    "close_ticket",
)


class Watched:
    """Which frames were left to be evaluated: by the text of the aggregate how many, of how many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open: dict[str, tuple[int, int]] = {}
        monkeypatch.setattr(evaluation, "settled", self)

    def __call__(
        self, nested: Nested, queries: Sequence[MeasureQuery], keeper: Keeper | None, frames: int
    ) -> Settled | None:
        found = settled(nested, queries, keeper, frames)
        if found is not None:
            self.open[found.rest.text] = (sum(found.is_open), len(found.is_open))
        return found


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.of(tmp_path / "shop", 4)


def test_answers_are_those_of_all_rows(tmp_path: Path) -> None:
    shop = Shop.of(tmp_path / "shop", 1)
    assert_history_tells_the_same(shop, CHANGES, ASKED, partial(FolderStore, tmp_path / "state", grace=0.0), 1)


def asked_of_months(shop: Shop, folder: Path) -> FolderStore:
    """A store that knows what was asked of three months more."""
    store = FolderStore(folder / "state")
    for _ in range(3):
        shop.append_month()
    ask(shop.folder, ASKED[0], store)
    return store


def test_a_new_day_opens_the_frames_that_it_lies_in(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = asked_of_months(shop, tmp_path)
    watched = Watched(monkeypatch)
    ask(shop.folder, ASKED[0], store)
    assert {count for count, _ in watched.open.values()} == {0}
    shop.append_day()
    ask(shop.folder, ASKED[0], store)
    frames = {text: count for text, (count, _) in watched.open.items()}
    assert frames["count(customers having count(orders) > 0 and before(count(orders)) = 0)"] == 1
    assert frames["avg(sum(orders.amount) per customer)"] == 1
    ask(shop.folder, ASKED[0], store)
    assert {count for count, _ in watched.open.values()} == {0}


def test_late_rows_open_the_frames_that_look_at_them(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = asked_of_months(shop, tmp_path)
    shop.orders["late"] = [shop.order(date(2026, 2, 20)) for _ in range(5)]
    shop.write_orders("late")
    watched = Watched(monkeypatch)
    warm = ask(shop.folder, ASKED[0], store)
    assert warm.table.equals(ask(shop.folder, ASKED[0], None).table)
    (frames,) = {every for _, every in watched.open.values()}
    assert watched.open["avg(sum(orders.amount) per customer)"][0] == 1
    assert watched.open["count(customers having previous(count(orders)) > 0 and count(orders) > 0)"][0] == 2
    assert watched.open["count(customers having count(orders) > 0 and before(count(orders)) = 0)"][0] == frames - 1


def test_a_table_that_rows_look_at_changes_all_frames(shop: Shop, tmp_path: Path) -> None:
    question, store = Question(("french_buyers", "repeat"), grain="month"), FolderStore(tmp_path / "state")
    before = ask(shop.folder, question, store)
    for each in shop.customers:
        each["country"] = "FR"
    shop.write_customers()
    warm = ask(shop.folder, question, store)
    assert warm.table.equals(ask(shop.folder, question, None).table) and not warm.table.equals(before.table)


def test_a_damaged_record_of_frames_is_made_again(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    before = ask(shop.folder, ASKED[0], FolderStore(folder))
    for path in folder.glob("seg-*"):
        if b"nested " in path.read_bytes()[:2000]:
            found = bytearray(path.read_bytes())
            found[-3] ^= 1
            path.write_bytes(bytes(found))
    again = ask(shop.folder, ASKED[0], FolderStore(folder))
    assert again.table.equals(before.table) and any("quarantine" in note for note in again.stats.notes)
    assert ask(shop.folder, ASKED[0], FolderStore(folder)).stats.notes == before.stats.notes


def test_renamed_metrics_find_their_frames(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderStore(tmp_path / "state")
    ask(shop.folder, Question(("revenue", "buyers", "basket"), grain="month"), store)
    shop.edit("basket = avg", "mean_basket = avg")
    watched = Watched(monkeypatch)
    ask(shop.folder, Question(("dearest", "mean_basket"), grain="month"), store)
    assert watched.open["avg(sum(orders.amount) per customer)"][0] == 0
