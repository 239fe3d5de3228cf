"""The hooks: what a behaviour plugin may add. Built-in functions, connectors and formats come by the same ones.

A plugin is a module (or an object) with functions of these names, marked by `hookimpl`:

    from kpi_engine.extend.hookspecs import hookimpl

    @hookimpl
    def kpi_register_functions():
        return [Function(...)]

Every hook is called once, when a project that lists the plugin is loaded. What a hook returns is checked before it is
used; a hook that raises, or returns something else, takes only its own plugin out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import pluggy

from kpi_engine.extend.formats import OutputFormat
from kpi_engine.extend.functions import Function
from kpi_engine.extend.rows import ConnectionSettings, Connector

PROJECT = "kpi_engine"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks(Protocol):
    """Every hook there is. None takes an argument."""

    @hookspec
    def kpi_register_functions(self) -> Iterable[Function]:
        """Functions of the language: records with signature, prose, examples and lowering.

        A name that is taken, by the language or by another plugin, is refused.
        """

    @hookspec
    def kpi_register_formats(self) -> Iterable[OutputFormat]:
        """Output formats: what `--format` may name, and the file endings by which `--output` chooses them."""

    @hookspec
    def kpi_register_connectors(self) -> Mapping[str, Callable[[ConnectionSettings], Connector]]:
        """Connectors by the name that `connector = "..."` in kpi.toml gives: whatever makes one of a connection.

        A distribution with nothing but connectors needs no plugin: it lists their classes in the entry-point group
        `kpi_engine.connectors`, and each is imported when a connection names it.
        """
