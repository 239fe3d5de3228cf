"""`pyarrow.compute` whose functions are made when they are first used.

With its import it makes all of them, some three hundred, and writes a signature and a documentation for each, for which
it reads the docstrings of their options. A question calls twenty, and nobody asks the process of a command line for
help. Here the import finds a list of next to no functions, and the module gets a `__getattr__` that makes the others as
it makes them itself, with a documentation that is silent on options. A pyarrow that does not work like that is imported
plainly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

COMPUTE = "pyarrow.compute"
DOCSTRINGS = "pyarrow.vendored.docscrape"

_AT_IMPORT = ("utf8_zero_fill",)
"""What the module itself looks at while it is imported."""
_KEYWORDS = {"and_": "and", "or_": "or"}
"""Functions whose Arrow name is a keyword of Python."""
_UNLIKE = (ImportError, LookupError, AttributeError, NameError, TypeError, ValueError, AssertionError)
"""What is raised where pyarrow is not what is expected here."""


class LateFunctions:
    """A finder of `pyarrow.compute`, and of nothing else."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        """None for other names, which are then looked for as ever."""
        if name != COMPUTE:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            late: Any = _Late(spec.loader)  # like a `Loader`, whose import takes longer than what is left out here
            spec.loader = late
        return spec


class _Late:
    """Executes the module with few functions; if that fails, with all."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._plain.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._plain
        before = dict(vars(module))
        try:
            _execute(self._plain, module)
        except _UNLIKE:
            vars(module).clear()
            vars(module).update(before)
            self._plain.exec_module(module)


def _execute(plain: Any, module: Any) -> None:
    import pyarrow._compute as arrow

    registry = arrow.function_registry
    docstrings = sys.modules.get(DOCSTRINGS)
    arrow.function_registry = lambda: _Few(registry())
    sys.modules[DOCSTRINGS] = _silent()
    try:
        plain.exec_module(module)
    finally:
        arrow.function_registry = registry
        del sys.modules[DOCSTRINGS]
        if docstrings is not None:
            sys.modules[DOCSTRINGS] = docstrings
    module.function_registry = registry
    module.__getattr__ = _maker(module, module._wrap_function, registry())


class _Few:
    """Arrow's functions, of which few are listed."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry

    def list_functions(self) -> Sequence[str]:
        return _AT_IMPORT

    def get_function(self, name: str) -> Any:
        return self._registry.get_function(name)


def _silent() -> ModuleType:
    """Stands for the reader of docstrings: it finds no parameters in any."""
    module = ModuleType(DOCSTRINGS)
    vars(module)["NumpyDocString"] = lambda text: {"Parameters": ()}
    return module


def _maker(module: ModuleType, wrap: Callable[[str, Any], Any], registry: Any) -> Callable[[str], Any]:
    """The module's `__getattr__`: makes what it has not made yet, and leaves it there."""

    def made(name: str) -> Any:
        try:
            function = registry.get_function(_KEYWORDS.get(name, name))
        except KeyError:
            function = None
        if function is None or _is_no_call(function):
            raise AttributeError(f"module {COMPUTE!r} has no attribute {name!r}")
        found = wrap(f"{name}_" if f"{name}_" in _KEYWORDS else name, function)
        setattr(module, name, found)
        return found

    return made


def _is_no_call(function: Any) -> bool:
    """Whether a function only works in a grouping, so that the module does not have it."""
    kind: str = function.kind
    return kind == "hash_aggregate" or (kind == "scalar_aggregate" and function.arity == 0)
