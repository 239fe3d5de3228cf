"""An opened request on files: what all file formats answer alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from kpi_engine.builtin.connectors.locate import Located
from kpi_engine.extend.rows import Fragment, Push, ScanRequest

Opened = tuple[Sequence[Fragment], int]
"""The fragments that are left, and how many were ruled out."""


class FileScan:
    """A scan of located files. `open_files` looks into them when fragments are first asked for; `push` is what the
    format does with predicates."""

    def __init__(
        self,
        located: Located,
        request: ScanRequest,
        options: Mapping[str, object],
        push: Push,
        open_files: Callable[[], Opened],
    ) -> None:
        self._located = located
        self._request = request
        self._options = options
        self._push = push
        self._open_files = open_files

    @property
    def options(self) -> Mapping[str, object]:
        """The table's options, completed by the connection's."""
        return self._options

    @property
    def notes(self) -> Sequence[str]:
        """Files that were passed over."""
        return self._located.notes

    @property
    def pushed(self) -> Sequence[Push]:
        """One answer a predicate."""
        return [self._push] * len(self._request.predicates)

    @property
    def pruned(self) -> int:
        """How many fragments the predicates ruled out."""
        return self._opened[1]

    def fragments(self) -> Sequence[Fragment]:
        """The fragments that may hold wanted rows, in a fixed order. KpiError E604 to E613."""
        return self._opened[0]

    @cached_property
    def _opened(self) -> Opened:
        return self._open_files()
