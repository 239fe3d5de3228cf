"""The published schema of kpi.toml says what reading it accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kpi_engine.ir.diagnostic import KpiError
from kpi_engine.ir.span import SourceText
from kpi_engine.project.config_file import FILE_OPTIONS, KEYS, STORE_SETTINGS, parse_config
from kpi_engine.project.config_schema import schema_text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kpi-toml.schema.json"
SCHEMA = json.loads(PAGE.read_text("utf-8"))


def accepted(text: str) -> bool:
    try:
        parse_config(SourceText("kpi.toml", text), Path("kpi.toml"))
    except KpiError:
        return False
    return True


def test_the_published_schema_is_current() -> None:
    help = "run `python -m kpi_engine.project.config_schema > docs/kpi-toml.schema.json`"
    assert PAGE.read_text("utf-8") == schema_text(), help


EXAMPLES = {"string": '"now"', "array": '["a"]', "object": "{}", "integer": "3"}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_value_is_accepted_where_the_schema_has_its_type(name: str, kind: str) -> None:
    assert accepted(f"{name} = {EXAMPLES[kind]}\n") == (SCHEMA["properties"][name]["type"] == kind)


def test_no_other_key_is_accepted() -> None:
    assert SCHEMA["additionalProperties"] is False
    assert not accepted("nothing = 1\n")


@pytest.mark.parametrize(
    ("pin", "fits"),
    [
        ('{ version = "1" }', True),
        ('{ version = "1", sha256 = "a" }', True),
        ('{ sha256 = "a" }', False),
        ("{ version = 1 }", False),
        ('{ version = "1", more = "a" }', False),
        ('"1"', False),
    ],
)
def test_pins_are_of_one_form(pin: str, fits: bool) -> None:
    assert accepted(f"[pins]\na = {pin}\n") == fits
    form = SCHEMA["properties"]["pins"]["additionalProperties"]
    value: Any = __import__("tomllib").loads(f"a = {pin}")["a"]
    said = isinstance(value, dict) and set(form["required"]) <= set(value) <= set(form["properties"])
    assert (said and all(isinstance(each, str) for each in value.values())) == fits


def test_connections_of_files_have_the_settings_that_the_schema_lists() -> None:
    form = SCHEMA["properties"]["connections"]["additionalProperties"]
    listed = {*form["then"]["properties"]}
    assert listed == {"connector", "path", "allow", *FILE_OPTIONS, *STORE_SETTINGS}
    assert not accepted("[connections.a]\nother = 1\n")
    assert accepted('[connections.a]\nconnector = "mine"\nother = 1\n')


@pytest.mark.parametrize("value", ['"env:A"', '"file:a"', '{ env = "A" }', '{ file = "a" }'])
@pytest.mark.parametrize("key", ["password", "api_token", "dsn", "client_secret"])
def test_keys_of_plugins_connections_are_references(key: str, value: str) -> None:
    head = '[connections.a]\nconnector = "mine"\n'
    assert accepted(f"{head}{key} = {value}\n")
    for written in ('"hunter2"', '"env:"', '{ other = "A" }', "3"):
        assert not accepted(f"{head}{key} = {written}\n")
