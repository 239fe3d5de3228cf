"""All functions of a run by name: the built-in ones and those of plugins, which are named when they fail."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cache

from kpi_engine.extend.functions import Function, Level, Lowering


class FunctionRegistry:
    """All functions by name. Two records of one name are refused."""

    def __init__(self, functions: Iterable[Function] = ()) -> None:
        self._functions: dict[str, Function] = {}
        self._plugins: dict[str, str] = {}
        for function in functions:
            self.add(function)

    def add(self, function: Function, plugin: str = "") -> None:
        """Add a record, perhaps of a plugin, which is then named when it fails; ValueError if the name is taken."""
        if function.name in self._functions:
            raise ValueError(f"the function `{function.name}` is registered twice")
        if plugin:
            from kpi_engine.extend.contained import contained_function

            self._plugins[function.name] = plugin
            function = contained_function(function, plugin)
        self._functions[function.name] = function

    def get(self, name: str) -> Function | None:
        """The record of that name, or None."""
        return self._functions.get(name)

    def names(self, *levels: Level) -> list[str]:
        """Names of all functions of these levels (none given: of all)."""
        return [n for n, f in self._functions.items() if not levels or f.level in levels]

    def all(self) -> Mapping[str, Function]:
        """Every record by name."""
        return dict(self._functions)

    def lowering(self, name: str) -> Lowering:
        """The callable that computes a row function; imported on first use."""
        target = self._functions[name].lowering
        if name not in self._plugins:
            return _load(target)
        from kpi_engine.extend.contained import contained_lowering

        return contained_lowering(lambda: _load(target), self._plugins[name])


@cache
def _load(target: str) -> Lowering:
    module, _, attribute = target.partition(":")
    loaded: Lowering = getattr(importlib.import_module(module), attribute)
    return loaded
