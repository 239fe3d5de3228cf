"""How a problem travels inside this stage: as one exception that may carry several diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, cast

from kpi_engine.ir.diagnostic import Diagnostic, Note
from kpi_engine.ir.span import Span

T = TypeVar("T")
Label = tuple[str, str]
"""A declaration: its kind (`metric`, `column`, ...) and its name."""


class BindError(Exception):
    """Why something could not be bound.

    `diagnostics` are problems of its own; `blocked` are declarations that it uses and that are broken themselves, so
    that nothing more needs to be said here. At least one of both is not empty.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic] = (), blocked: Iterable[Label] = ()) -> None:
        self.diagnostics = tuple(diagnostics)
        self.blocked = tuple(blocked)
        super().__init__("; ".join(d.message for d in self.diagnostics) or f"blocked by {self.blocked}")


def problem(code: str, message: str, span: Span, help: str = "", notes: Sequence[Note] = ()) -> BindError:
    """A failure with one diagnostic, to be raised.

    >>> from kpi_engine.ir.span import NOWHERE
    >>> problem("E202", "no metric named `aov`", NOWHERE).diagnostics[0].code
    'E202'
    """
    return BindError([Diagnostic(code, message, span, help, tuple(notes))])


def gather(tasks: Iterable[Callable[[], T]]) -> list[T]:
    """The results of all tasks in order; if any fail, one failure with the problems of them all."""
    attempts = Attempts()
    results = [attempts.run(task) for task in tasks]
    attempts.check()
    return cast("list[T]", results)


class Attempts:
    """Several steps of which each may fail, all tried before any failure is raised."""

    def __init__(self) -> None:
        self._failures: list[BindError] = []

    def run(self, task: Callable[[], T]) -> T | None:
        """The result of one step, or None if it failed."""
        try:
            return task()
        except BindError as failure:
            self._failures.append(failure)
            return None

    def fail(self, failure: BindError) -> None:
        """Note a failure without a step."""
        self._failures.append(failure)

    def check(self) -> None:
        """Raise all failures so far as one."""
        if self._failures:
            raise BindError(
                dict.fromkeys(d for failure in self._failures for d in failure.diagnostics),
                dict.fromkeys(b for failure in self._failures for b in failure.blocked),
            )


def listed(names: Iterable[str], last: str = "and", most: int = 8) -> str:
    """Names in backticks as a phrase, shortened after `most`.

    >>> listed(["a", "b", "c"])
    '`a`, `b` and `c`'
    """
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > most:
        return f"{', '.join(quoted[:most])} and {len(quoted) - most} more"
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {last} {quoted[-1]}"


def article(word: str) -> str:
    """The word with its indefinite article.

    >>> article("entity")
    'an entity'
    """
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"
