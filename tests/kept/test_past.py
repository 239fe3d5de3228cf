"""History before an edge as one bucket: what looks at all that was before reads the last states and this one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from kept.shop import DEFINITIONS, Shop, ask, assert_history_tells_the_same
from kpi_engine.execute import compact, spill
from kpi_engine.execute.past import Past, Reach
from kpi_engine.execute.reuse import Place, Reuse, Wanted
from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.question import Question
from kpi_engine.kernels.frames import StateFrame
from kpi_engine.kernels.pieces import Pieces
from kpi_engine.store import FolderStore

OF_HISTORY = """
spent_100 = count(customers having cumulative(sum(orders.amount)) > 100)
orders_so_far = avg(cumulative(count(orders)) per customer)
channels_so_far = sum(cumulative(count(distinct orders.channel)) per customer)
dearest_before = max(before(max(orders.amount)) per customer)
cheapest_before = min(before(min(orders.amount)) per customer having count(orders) > 0)
mean_before = avg(before(avg(orders.score)) per customer)
usual_before = avg(before(median(orders.amount)) per customer)
came_back = count(customers having count(orders) > 0 and previous(count(orders)) = 0 and before(count(orders)) > 0)
paid_before = count(customers having before(count(orders dated by paid_at)) > 1)
buyers_before = previous(buyers)
dear = count(customers having count(orders where amount > 50) > count(orders where amount > 80))
channels_before = max(before(count(distinct orders.channel)) per customer)
"""
METRICS = tuple(line.split(" ")[0] for line in OF_HISTORY.split("\n") if line)
ASKED: Sequence[Question] = (
    Question(("new_buyers", "ever_twice", *METRICS), grain="month"),
    Question((*METRICS, "new_buyers"), grain="week", start="2026-02-01"),
    Question(("came_back", "new_buyers", "orders_so_far"), by=("country",), grain="month"),
    Question(("new_buyers", "returned", "buyers", "buyers_before"), grain="month"),
    Question(("new_buyers", "returned", "buyers"), grain="day", start="2026-02-10"),
    Question(("spent_100", "channels_so_far", "buyers", "buyers_28d"), by=("channel",), grain="month"),
)
CHANGES = ("append_day", "append_month", "append_rows", "append_day", "add_late_rows", "rewrite", "delete")


class Watched:
    """How often history was read as one bucket, and kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times: Counter[str] = Counter()
        read, keep = Past.read, Past._keep

        def reading(past: Past, pieces: Pieces, reach: Reach) -> Pieces | None:
            found = read(past, pieces, reach)
            self.times["read"] += found is not None
            return found

        def keeping(past: Past, before: Pieces, reach: Reach) -> None:
            self.times["kept"] += 1
            keep(past, before, reach)

        monkeypatch.setattr(Past, "read", reading)
        monkeypatch.setattr(Past, "_keep", keeping)


def a_shop(folder: Path, seed: int) -> Shop:
    shop = Shop.of(folder / "shop", seed)
    shop.definitions = DEFINITIONS + OF_HISTORY
    shop.write_definitions()
    return shop


def test_answers_are_those_of_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, watched = a_shop(tmp_path, 3), Watched(monkeypatch)
    assert_history_tells_the_same(shop, CHANGES, ASKED, partial(FolderStore, tmp_path / "state", grace=0.0), 3)
    assert watched.times["read"] > 10 and watched.times["kept"] > 10


def test_a_new_day_reads_no_states_of_long_ago(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, question = a_shop(tmp_path, 1), ASKED[3]
    for _ in range(4):
        shop.append_month()
    ask(shop.folder, question, FolderStore(tmp_path / "state"))
    shop.append_day()
    read = []
    together = Reuse._in_pieces

    def reading(reuse: Reuse, wanted: Wanted, number: int, places: Sequence[Place]) -> list[StateFrame]:
        read.extend(place.span.begins for place in places if wanted.query.keys)
        return together(reuse, wanted, number, places)

    monkeypatch.setattr(Reuse, "_in_pieces", reading)
    warm = ask(shop.folder, question, FolderStore(tmp_path / "state"))
    assert warm.table.equals(ask(shop.folder, question, None).table)
    day = 86_400_000_000
    shown = sorted({extent.first // day for extent in read if extent is not None})
    first, last = (warm.table["period"][place].value for place in (0, -1))
    assert shown and shown[0] > first + 90 and last - shown[0] <= 62, (shown, first, last)


def damage(folder: Path, kinds: Sequence[bytes]) -> int:
    """Flip a bit in the last blob of all records of some kinds; how many there are."""
    damaged = 0
    for path in folder.glob("seg-*"):
        content = bytearray(path.read_bytes())
        if any(b'"label":"' + kind in content[:3000] for kind in kinds):
            content[-3] ^= 1
            path.write_bytes(bytes(content))
            damaged += 1
    return damaged


@pytest.mark.parametrize("kind", [b"past ", b"orders ", b"counted "])
def test_what_is_damaged_is_done_without(tmp_path: Path, kind: bytes) -> None:
    shop, folder = a_shop(tmp_path, 5), tmp_path / "state"
    for question in (ASKED[0], ASKED[3]):
        ask(shop.folder, question, FolderStore(folder))
    shop.append_day()
    assert damage(folder, [kind])
    notes = []
    for question in (ASKED[0], ASKED[3]):
        warm, cold = ask(shop.folder, question, FolderStore(folder)), ask(shop.folder, question, None)
        assert warm.table.equals(cold.table)
        assert warm.said["sources"] == cold.said["sources"]
        notes += warm.stats.notes
    assert any("quarantine" in note for note in notes)


def test_rows_without_an_id_are_those_of_the_states_that_are_asked_for(tmp_path: Path) -> None:
    shop, folder = a_shop(tmp_path, 8), tmp_path / "state"
    for metrics in (("dear", "repeat"), ("dear",), ("repeat",)):
        question = Question(metrics, grain="month")
        warm, cold = ask(shop.folder, question, FolderStore(folder)), ask(shop.folder, question, None)
        assert warm.table.equals(cold.table) and warm.said == cold.said
    assert not warm.read, "nothing is read of what is kept"


def test_rows_without_an_id_are_known_of_records_that_became_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "MOST_RECORDS", 2)
    shop, folder = a_shop(tmp_path, 8), tmp_path / "state"
    for _ in range(6):
        shop.append_day()
        warm = ask(shop.folder, Question(("repeat",), grain="month"), FolderStore(folder))
    cold = ask(shop.folder, Question(("repeat",), grain="month"), None)
    assert warm.table.equals(cold.table) and warm.said == cold.said
    assert cold.stats.sources["orders"].unassigned_rows["customer"] > 1


def test_kept_states_take_no_more_memory_than_others_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, folder = a_shop(tmp_path, 9), tmp_path / "state"
    before = ask(shop.folder, Question(("repeat",), grain="month"), FolderStore(folder))
    monkeypatch.setattr(spill, "memory_for_states", lambda: 100)
    with pytest.raises(KpiError) as caught:
        ask(shop.folder, Question(("returned",), grain="month"), FolderStore(folder))
    assert caught.value.diagnostics[0].code == "E823"
    again = ask(shop.folder, Question(("repeat",), grain="month"), FolderStore(folder))
    assert again.table.equals(before.table), "what is known by frame needs no states"


@pytest.mark.parametrize("limits", [{"end": "2025-12"}, {"as_of": "2025-06-01"}])
def test_a_question_without_periods_has_an_empty_answer(tmp_path: Path, limits: dict[str, str]) -> None:
    shop, question = a_shop(tmp_path, 1), Question(("new_buyers", "buyers"), grain="month", **limits)
    for _ in range(2):
        warm = ask(shop.folder, question, FolderStore(tmp_path / "state"))
        assert warm.table.equals(ask(shop.folder, question, None).table) and warm.table.num_rows == 0
