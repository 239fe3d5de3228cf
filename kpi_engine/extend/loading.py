"""Importing somebody else's code: within a time, and with whatever goes wrong told in one line."""

from __future__ import annotations

import importlib
import logging
import time
from dataclasses import dataclass
from threading import Thread

from kpi_engine.extend.secrets import cleared

_LOG = logging.getLogger(__name__)

LONGEST = 20.0
"""Seconds that an import may take before the plugin is given up."""
SLOW = 1.0
"""Seconds after which an import is called slow."""

_LONGEST_CAUSE = 200


class LoadFailure(Exception):
    """Why something could not be imported or called, in one line."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(slots=True)
class Loaded:
    """What an import gave, and how many seconds it took."""

    value: object
    seconds: float

    @property
    def warning(self) -> str:
        """What to say of a slow import; empty for others."""
        return f"took {self.seconds:.1f} s to import" if self.seconds > SLOW else ""


def load(target: str, longest: float | None = None) -> Loaded:
    """Import what `package.module` or `package.module:Name` names, within `longest` seconds (`LONGEST`). Raises
    `LoadFailure`.

    The import runs on a thread of its own, so that one that never ends can be left behind. What ends the process at
    once (`os._exit`, a crash of native code) cannot be held back here: `kpi plugins doctor` looks in a process of its
    own.

    >>> load("json:dumps").value([1])
    '[1]'
    """
    found: list[object] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.append(_imported(target))
        except BaseException as error:  # noqa: BLE001 - SystemExit at import is a failure like any other
            failed.append(error)

    longest = LONGEST if longest is None else longest
    started = time.perf_counter()
    thread = Thread(target=work, name=f"import {target}", daemon=True)
    thread.start()
    thread.join(longest)
    seconds = time.perf_counter() - started
    if failed:
        _LOG.debug("importing %s failed", target, exc_info=failed[0])
        raise LoadFailure(cause_of(failed[0], "at import")) from failed[0]
    if not found:
        raise LoadFailure(f"its import did not end within {longest:g} s")
    return Loaded(found[0], seconds)


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
        said = " ".join(cleared(str(error)).split())
        text = type(error).__name__ + (f": {said}" if said else "")
    text = text if len(text) <= _LONGEST_CAUSE else f"{text[:_LONGEST_CAUSE]} ..."
    return f"{when}: {text}" if when else text
