"""Typer's command and group, with two changes: values stay plain texts, and a closed pipe ends a command quietly.

Newer versions of typer build a pydantic validator for every option as soon as a command runs. All our options are
texts, lists of texts and flags, which need none; leaving it out halves the start of the command line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """A command whose option values are not validated by typer."""

    def get_params(self, ctx: Any) -> Any:
        """All parameters; `--help` is among them."""
        return _plain(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """`METRIC...` where typer writes `{METRIC}...`."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The command's own options, then those that every command has."""
        super().format_options(ctx, formatter)
        root = ctx.find_root()
        common = [each for each in root.command.get_params(root) if each.name != "help"]
        rows = [record for each in common if (record := each.get_help_record(root)) is not None]
        if rows and root.command is not self:
            with formatter.section("Options of every command"):
                formatter.write_dl(rows)

    def invoke(self, ctx: Any) -> Any:
        """Run; when the reader of standard output has gone away, there is nothing left to say."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            silence_stdout()
            return 0
        return result


class PlainGroup(TyperGroup):
    """A group of commands, with plain values as well. Without a command it shows its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words of a command line; none are a question for help."""
        words: list[str] = super().parse_args(ctx, args or ([] if ctx.resilient_parsing else ["--help"]))
        return words

    def get_params(self, ctx: Any) -> Any:
        """All parameters; `--help` is among them."""
        return _plain(super().get_params(ctx))


def silence_stdout() -> None:
    """Let the interpreter's last flush of standard output go nowhere."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    os.close(descriptor)


def _plain(parameters: Any) -> Any:
    """The same parameters, with methods shadowed on these objects: typer offers no setting for either."""
    for parameter in parameters:
        own = vars(parameter)
        if "process_value" not in own:
            own["process_value"] = _plain_values(parameter)
        if parameter.metavar is None or parameter.param_type_name == "argument":
            # A type such as `<bool>` says nothing to people.
            own["display_type_rich"] = _no_type
    return parameters


def _plain_values(parameter: Any) -> Callable[[Any, Any], Any]:
    """What `process_value` does, without a validator: texts stay texts. A missing argument is left to typer."""
    validated = parameter.process_value

    def process_value(ctx: Any, value: Any) -> Any:
        if parameter.required and value in (None, ()) and not ctx.resilient_parsing:
            return validated(ctx, value)
        if parameter.multiple or parameter.nargs == -1:
            value = list(value or ())
        return value if parameter.callback is None else parameter.callback(ctx, parameter, value)

    return process_value


def _no_type(ctx: Any) -> None:
    """What help texts show as the type: nothing."""
