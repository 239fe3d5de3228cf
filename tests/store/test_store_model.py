"""Any sequence of saves, uses, reopenings, damage and clearings against a list in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kpi_engine.ir.stored import NewRecord
from kpi_engine.store.upkeep import clear, contents, verify

from .stores import Content, QuickDisk, expected, flip, one, quick

LIMIT = 4000
LABELS = st.sampled_from(["orders", "visits", ""])
RECORDS = st.builds(
    NewRecord,
    LABELS,
    st.text(max_size=8),
    st.dictionaries(st.text(max_size=3), st.binary(max_size=700), max_size=3),
)


@dataclass(frozen=True)
class Kept:
    """What the model knows of a record: its label and content, its file and size, and when it was last of use."""

    label: str
    content: Content
    name: str
    size: int
    used: int


class StoreMachine(RuleBasedStateMachine):
    """The store beside a list of records, oldest first, of which the least recently used go when it gets too long."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = Path(self.scratch.name) / "state"
        self.disk = QuickDisk()
        self.store = quick(self.folder, LIMIT, self.disk)
        self.model: list[Kept] = []
        self.time = 0

    def teardown(self) -> None:
        self.scratch.cleanup()

    @rule(new=st.lists(RECORDS, max_size=3), replaced=st.sets(st.integers(0, 5)))
    def save(self, new: Sequence[NewRecord], replaced: set[int]) -> None:
        names = {self.model[number].name for number in replaced if number < len(self.model)}
        before = {path.name for path in self.folder.glob("seg-*")}
        known = {each.name for each in self.model}
        if not self.store.save(new, names):
            # Nothing but their size keeps records out. What a head takes beside its names is not for the model to say.
            assert sum(len(blob) for each in new for blob in each.blobs.values()) > LIMIT - 1000 * len(new)
            assert {path.name for path in self.folder.glob("seg-*")} == before
            self.store = quick(self.folder, LIMIT, self.disk)
            return
        self.time += 1
        kept = [each for each in self.model if each.name not in names]
        for label in dict.fromkeys(each.label for each in new):
            made = [each for each in self.store.records(label) if each.name not in known]
            wanted = [each for each in new if each.label == label]
            assert [one(self.store, each) for each in made] == expected(wanted)
        order = [each for label in dict.fromkeys(each.label for each in new) for each in self.store.records(label)]
        for each in order:
            if each.name not in known:
                size = (self.folder / each.name).stat().st_size
                kept.append(Kept(each.label, one(self.store, each), each.name, size, self.time))
        while sum(each.size for each in kept) > LIMIT:
            kept.remove(min(kept, key=lambda each: each.used))
        self.model = kept

    @rule(numbers=st.lists(st.integers(0, 8), max_size=4))
    def use(self, numbers: list[int]) -> None:
        for number in numbers:
            if number < len(self.model):
                chosen = self.model[number]
                self.time += 1
                self.store.used([each for each in self.store.records(chosen.label) if each.name == chosen.name])
                self.model[number] = replace(chosen, used=self.time)

    @rule(quickly=st.booleans())
    def reopen(self, quickly: bool) -> None:
        self.disk.time += 0 if quickly else 10_000
        self.store = quick(self.folder, LIMIT, self.disk)

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0, 20), place=st.integers(0, 10_000), verified=st.booleans())
    def damage(self, number: int, place: int, verified: bool) -> None:
        chosen = self.model.pop(number % len(self.model))
        flip(self.folder / chosen.name, place % chosen.size)
        self.store = quick(self.folder, LIMIT, self.disk)
        if verified:
            assert [each.file for each in verify(self.folder, self.disk).damage] == [chosen.name]
        else:
            for each in self.store.records(chosen.label):
                if each.name == chosen.name:
                    assert None in dict(one(self.store, each)[1]).values()
            assert len(self.store.notes) == 1
        assert (self.folder / "quarantine" / chosen.name).exists()
        self.store = quick(self.folder, LIMIT, self.disk)

    @rule()
    def empty(self) -> None:
        cleared = clear(self.folder, self.disk, 1)
        assert not cleared.foreign and (cleared.files > 0) >= bool(self.model)
        self.model = []

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        for label in ("orders", "visits", ""):
            found = [(each.name, one(self.store, each)) for each in self.store.records(label)]
            assert found == [(each.name, each.content) for each in self.model if each.label == label]
        assert not self.store.notes
        held = contents(self.folder, LIMIT, self.disk)
        assert (held.records, held.size) == (len(self.model), sum(each.size for each in self.model))
        assert held.size <= LIMIT and held.size + held.waiting <= LIMIT


StoreMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestStore = StoreMachine.TestCase
