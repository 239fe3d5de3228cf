"""What is worth it only with a hundred thousand states is done with any here."""

from __future__ import annotations

import pytest

from kpi_engine.execute import keep, past, slices


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of tests have few rows: each unit has a blob, history is kept as one bucket, slices are small."""
    monkeypatch.setattr(keep, "STATES_PER_BLOB", 4)
    monkeypatch.setattr(past, "WORTH_KEEPING", 1)
    monkeypatch.setattr(slices, "STATES_PER_SLICE", 5)
