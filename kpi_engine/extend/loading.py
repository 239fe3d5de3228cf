"""Importing somebody else's code: within a time, and with whatever goes wrong told in one line."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

from kpi_engine.ir.dataclass import dataclass

Value = TypeVar("Value")

_LOG = logging.getLogger(__name__)

LONGEST = 20.0
"""Seconds that an import or a hook may take before the plugin is given up."""
SLOW = 1.0
"""Seconds after which an import is called slow."""

_LONGEST_CAUSE = 200


class LoadFailure(Exception):
    """Why something could not be imported or called, in one line."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Value]):
    """What foreign code gave, how many seconds it took, and what it had changed of the process, in words."""

    value: Value
    seconds: float
    changed: tuple[str, ...] = ()

    @property
    def warning(self) -> str:
        """What to say of a slow import; empty for others."""
        return f"took {self.seconds:.1f} s to import" if self.seconds > SLOW else ""


def load(target: str, longest: float | None = None) -> Loaded[object]:
    """Import what `package.module` or `package.module:Name` names, within `longest` seconds (`LONGEST`). Raises
    `LoadFailure`.

    >>> load("json:dumps").value([1])
    '[1]'
    """
    return watched(lambda: _imported(target), "at import", "its import", longest)


def watched(work: Callable[[], Value], when: str, what: str, longest: float | None = None) -> Loaded[Value]:
    """Call foreign code, within `longest` seconds (`LONGEST`); whatever it raises is a `LoadFailure` with one line.

    It runs on a thread of its own, so that code which never ends can be left behind; threads that it starts end with
    the process, if it does not say otherwise. What it prints goes to standard error, and what it changes of the process
    is put back. What ends the process at once (`os._exit`, a crash of native code) cannot be held back here: `kpi
    plugins doctor` looks in a process of its own.

    >>> watched(lambda: 1 / 0, "in a hook", "the hook")
    Traceback (most recent call last):
    kpi_engine.extend.loading.LoadFailure: in a hook: ZeroDivisionError: division by zero
    """
    from kpi_engine.extend.own_state import foreign, put_back, routed

    found: list[Value] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            with foreign():
                found.append(work())
        except BaseException as error:  # noqa: BLE001 - SystemExit at import is a failure like any other
            failed.append(error)

    longest = LONGEST if longest is None else longest
    started = time.perf_counter()
    with put_back() as changed, routed():
        thread = Thread(target=run, name=what, daemon=True)
        thread.start()
        thread.join(longest)
    seconds = time.perf_counter() - started
    if failed:
        _LOG.debug("%s failed", what, exc_info=failed[0])
        known = failed[0].cause if isinstance(failed[0], LoadFailure) else cause_of(failed[0], when)
        raise LoadFailure(known) from failed[0]
    if not found:
        raise LoadFailure(f"{what} did not end within {longest:g} s")
    return Loaded(found[0], seconds, tuple(changed))


def _imported(target: str) -> object:
    module, _, path = target.partition(":")
    found: object = importlib.import_module(module)
    for attribute in path.split(".") if path else ():
        found = getattr(found, attribute)
    return found


def cause_of(error: BaseException, when: str = "") -> str:
    """An exception in one line without any secret.

    >>> cause_of(ValueError("no such\\n region"), "at import")
    'at import: ValueError: no such region'
    """
    if isinstance(error, SystemExit):
        text = f"it ends the process (exit code {error.code})"
    else:
        from kpi_engine.extend.secrets import cleared

        said = " ".join(cleared(str(error)).split())
        text = type(error).__name__ + (f": {said}" if said else "")
    text = text if len(text) <= _LONGEST_CAUSE else f"{text[:_LONGEST_CAUSE]} ..."
    return f"{when}: {text}" if when else text
