"""docs/plugins.md documents every hook, argument and check, because its reference is made of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from kpi_engine.extend import formats, functions, hookspecs, measures, rows
from kpi_engine.testing.connectors import ConnectorKit
from kpi_engine.testing.plugin_pages import with_reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"
TEXT = PAGE.read_text("utf-8")


def test_the_reference_is_current() -> None:
    assert with_reference(TEXT) == TEXT, "run `python -m kpi_engine.testing.plugin_pages docs/plugins.md`"


def test_every_hook_is_documented() -> None:
    hooks = [name for name in vars(hookspecs.Hooks) if name.startswith("kpi_")]
    assert hooks
    for name in hooks:
        assert f"`{name}(" in TEXT
        assert (getattr(hookspecs.Hooks, name).__doc__ or "").strip()


@pytest.mark.parametrize(
    "part",
    [
        rows.ConnectionSettings,
        rows.TableRequest,
        rows.ScanRequest,
        rows.ColumnRequest,
        rows.Predicate,
        measures.MeasureRequest,
        measures.SourceTable,
        measures.Support,
        measures.PartialStates,
        functions.Function,
        functions.Parameter,
        functions.Example,
        formats.OutputFormat,
    ],
)
def test_every_argument_is_documented(part: type) -> None:
    section = TEXT.partition(f"**`{part.__name__}`**")[2].partition("\n**`")[0]
    for field in dataclasses.fields(part):
        assert f"* `{field.name}`:" in section


@pytest.mark.parametrize("part", [rows.Connector, rows.Scan, rows.Fragment, measures.Aggregating])
def test_every_method_is_documented(part: type) -> None:
    section = TEXT.partition(f"**`{part.__name__}`**")[2].partition("\n**`")[0]
    for name in vars(part):
        if not name.startswith("_") and (callable(vars(part)[name]) or isinstance(vars(part)[name], property)):
            assert f"* `{name}`: " in section, name


def test_every_check_of_the_kit_is_documented() -> None:
    for name in vars(ConnectorKit):
        if name.startswith("test_"):
            assert f"| `{name}` | " in TEXT
