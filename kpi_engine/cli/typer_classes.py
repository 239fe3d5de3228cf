"""Typer's command and group, with two changes: values stay plain texts, and a closed pipe ends a command quietly.

Newer versions of typer build a pydantic validator for every option as soon as a command runs. All our options are
texts, lists of texts and flags, which need none; leaving it out halves the start of the command line.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from typer.core import TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """A command whose option values are not validated by typer."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        _keep_values_plain(self.params)

    def get_params(self, ctx: Any) -> Any:
        """All parameters, as help texts show them."""
        return _without_types(super().get_params(ctx))

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
    """The group of all commands, with plain values as well."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        _keep_values_plain(self.params)

    def get_params(self, ctx: Any) -> Any:
        """All parameters, as help texts show them."""
        return _without_types(super().get_params(ctx))


def silence_stdout() -> None:
    """Let the interpreter's last flush of standard output go nowhere."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    os.close(descriptor)


def _keep_values_plain(parameters: Any) -> None:
    for parameter in parameters:
        # Shadows the documented method on this one object; typer offers no setting for it.
        vars(parameter)["process_value"] = _plain_values(parameter)


def _plain_values(parameter: Any) -> Any:
    validated = parameter.process_value

    def process_value(context: Any, value: Any) -> Any:
        missing = value is None or value == ()
        if isinstance(value, bool) or (missing and parameter.required) or parameter.callback is not None:
            return validated(context, value)
        several = parameter.multiple or parameter.nargs == -1
        return list(value or ()) if several else value

    return process_value


def _without_types(parameters: Any) -> Any:
    """Help texts show metavars; a type such as `<bool>` says nothing to people."""
    for parameter in parameters:
        if parameter.metavar is None or parameter.param_type_name == "argument":
            vars(parameter)["display_type_rich"] = _no_type
    return parameters


def _no_type(ctx: Any) -> None:
    """No type at all."""
