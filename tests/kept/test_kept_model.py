"""Random histories of a shop's files: kept states change no answer, not by a bit, whatever happened."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from kept.shop import QUESTIONS, Shop, ask
from kpi_engine.store import FolderStore
from kpi_engine.store.disk import Disk

EXAMPLES = int(os.environ.get("KPI_HISTORIES", "5"))
SEED = os.environ.get("KPI_SEED", "1" if os.environ.get("CI") else "")


class Killed(BaseException):
    """The process is gone."""


class FailingDisk(Disk):
    """A disk on which the process dies at the n-th operation that changes something; nothing waits for the metal."""

    def __init__(self) -> None:
        self.left = -1

    def sync(self, descriptor: int) -> None:
        self._step()

    def sync_folder(self, path: Path) -> None:
        self._step()

    def write(self, descriptor: int, content: bytes | memoryview) -> int:
        self._step()
        if self.left == 0:
            super().write(descriptor, bytes(content)[: len(content) // 2])
            raise Killed
        return super().write(descriptor, content)

    def _step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


class KeptStates(RuleBasedStateMachine):
    """A shop that changes between questions."""

    @initialize(number=st.integers(0, 10_000))
    def open(self, number: int) -> None:
        """A new shop with a new store."""
        self.place = Path(tempfile.mkdtemp())
        self.shop = Shop.of(self.place / "shop", number)
        self.disk = FailingDisk()

    def store(self) -> FolderStore:
        """The store, as the next process opens it."""
        return FolderStore(self.place / "state", limit=1 << 30, disk=self.disk, grace=0.0)

    @rule(question=st.sampled_from(QUESTIONS))
    def ask_twice(self, question: object) -> None:
        """The same answer without a store, with it, and with what that left behind."""
        assert isinstance(question, type(QUESTIONS[0]))
        cold = ask(self.shop.folder, question, None)
        for _ in range(2):
            warm = ask(self.shop.folder, question, self.store())
            assert warm.table.equals(cold.table), (question, warm.table.to_pylist(), cold.table.to_pylist())
            noted = [note for note in warm.stats.notes if note not in cold.stats.notes]
            assert all("store" in note for note in noted), noted
            if not noted:
                assert warm.said == cold.said

    @rule(change=st.sampled_from(["append_month", "append_rows", "add_late_rows", "rewrite", "delete"]))
    def change_orders(self, change: str) -> None:
        """Files of orders come, change, go."""
        getattr(self.shop, change)()

    @rule(change=st.sampled_from(["move_customer", "close_ticket"]))
    def change_others(self, change: str) -> None:
        """So do the tables that they look at."""
        getattr(self.shop, change)()

    @rule(
        edit=st.sampled_from(
            [
                ("amount > 50", "amount > 30"),
                ("amount > 30", "amount > 50"),
                ("revenue = sum(orders.amount)\n", "revenue = sum(orders.amount where amount > 20)\n"),
                ('country = "FR"', 'country in ["FR", "PL"]'),
                ("within 14 days", "within 20 days"),
                ("time: at\n", 'time: at\n  where: channel != "mail"\n'),
                ('timezone: "Europe/Berlin"', 'timezone: "America/New_York"'),
            ]
        )
    )
    def edit(self, edit: tuple[str, str]) -> None:
        """Definitions change their meaning."""
        self.shop.edit(*edit)

    @rule(question=st.sampled_from(QUESTIONS), steps=st.integers(1, 12))
    def kill(self, question: object, steps: int) -> None:
        """A process dies while it writes."""
        assert isinstance(question, type(QUESTIONS[0]))
        self.disk.left = steps
        with contextlib.suppress(Killed):
            ask(self.shop.folder, question, self.store())
        self.disk.left = -1

    @rule(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
    def damage(self, place: float, bit: int) -> None:
        """A bit of the store flips."""
        files = sorted(path for path in (self.place / "state").glob("*-*") if path.is_file() and path.stat().st_size)
        if files:
            chosen = files[int(place * len(files))]
            found = bytearray(chosen.read_bytes())
            found[int(place * 7919) % len(found)] ^= 1 << bit
            chosen.write_bytes(bytes(found))

    def teardown(self) -> None:
        """Nothing stays."""
        shutil.rmtree(self.place, ignore_errors=True)


def test_kept_states_change_no_answer() -> None:
    """`KPI_HISTORIES=500 KPI_SEED=7` looks further."""
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=10,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate] if "CI" in os.environ else [Phase.generate, Phase.shrink],
    )
    run_state_machine_as_test(seed(int(SEED))(KeptStates) if SEED else KeptStates, settings=chosen)
