"""Keys and passwords: followed from references when a connection is opened, and in no output whatever happens."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

_MASK = "***"
_SHORTEST = 4
"""Shorter values are not looked for in texts: they would hide half of every message."""


class NoSecret(Exception):
    """A reference that is none or leads nowhere: what is wrong (a predicate, as "leads nowhere"), and what to do."""

    def __init__(self, problem: str, help: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.help = help


class Secret:
    """A text that shows itself as stars. Only `reveal` gives it out, to whoever opens the connection.

    >>> password = Secret("hunter2")
    >>> password, f"{password}", password.reveal() == "hunter2"
    (Secret(***), '***', True)
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        _KNOWN.add(self)

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __str__(self) -> str:
        return _MASK

    def __reduce__(self) -> str:
        raise TypeError("a secret is not stored")


_KNOWN: weakref.WeakSet[Secret] = weakref.WeakSet()
"""The secrets that somebody holds, so that messages of drivers can be cleared of them."""


def cleared(text: str) -> str:
    """A text without any secret that is in use.

    >>> password = Secret("hunter2")
    >>> cleared("cannot log in: user=shop password=hunter2")
    'cannot log in: user=shop password=***'
    """
    for value in sorted((each.reveal() for each in _KNOWN), key=len, reverse=True):
        if len(value) >= _SHORTEST:
            text = text.replace(value, _MASK)
    return text


def follow(reference: str, home: str | os.PathLike[str] = ".") -> Secret:
    """What `env:NAME` or `file:PATH` (from the folder `home`, without the line's end) leads to. Raises `NoSecret`.

    >>> os.environ["SHOP_KEY"] = "tiger"
    >>> follow("env:SHOP_KEY").reveal()
    'tiger'
    """
    kind, _, target = reference.partition(":")
    if kind == "env" and target:
        value = os.environ.get(target)
        missing = f"the environment has no variable {target}"
    elif kind == "file" and target:
        value = _content(Path(home) / target)
        missing = f"the file {target} cannot be read"
    else:
        help = 'write "env:NAME" or "file:PATH" in kpi.toml, and keep the key out of it'
        raise NoSecret("must be a reference, not the key itself", help)
    if not value:
        raise NoSecret(f"leads nowhere: {missing}", "set it, or correct kpi.toml")
    return Secret(value)


def _content(path: Path) -> str | None:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
