"""A call is given the command that it names, and sees no difference to all of them."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from kpi_engine.cli.app import COMMANDS, app_for, whole_app


def shown(app: typer.Typer, *words: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, list(words), prog_name="kpi")
    return found.exit_code, found.output


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_list_of_commands_is_that_of_all(words: tuple[str, ...]) -> None:
    assert shown(app_for(words), *words) == shown(whole_app(), *words)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_is_the_same_alone(name: str) -> None:
    assert shown(app_for([name]), name, "--help") == shown(whole_app(), name, "--help")


def test_one_command_is_made_for_a_call_that_names_it() -> None:
    assert [each.name for each in app_for(["eval", "revenue"]).registered_commands] == ["eval"]
    assert len(app_for(["evl"]).registered_commands) == len(whole_app().registered_commands)
