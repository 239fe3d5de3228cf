"""What is said about a problem: code, place, message, reason, help; and the exception that carries it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, IntEnum

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.span import NOWHERE, Span


class ExitCode(IntEnum):
    """The documented exit codes of the command line."""

    OK = 0
    RULE_FAILED = 1
    USAGE = 2
    DEFINITION = 3
    DATA = 4
    LIMIT = 5
    STATE = 6
    INTERNAL = 70
    INTERRUPTED = 130


class Severity(Enum):
    """How serious a diagnostic is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that explains a diagnostic."""

    message: str
    span: Span = NOWHERE


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: a stable code, what is wrong, where, and what to do about it.

    `code` begins with E (error), W (warning) or N (note): 1xx text and syntax, 2xx names, 3xx meaning,
    4xx goals and alerts, 5xx questions, 6xx sources and data, 7xx project and plugins, 8xx limits.
    """

    code: str
    message: str
    span: Span = NOWHERE
    help: str = ""
    notes: tuple[Note, ...] = ()
    exit_code: ExitCode = ExitCode.DEFINITION

    @property
    def severity(self) -> Severity:
        """The severity that the code's first letter states."""
        return {"E": Severity.ERROR, "W": Severity.WARNING}.get(self.code[0], Severity.NOTE)

    @property
    def location(self) -> str:
        """`file:line:column`, or the bare name of what is meant when no line is known."""
        return str(self.span) if self.span.source.text else self.span.source.name


class KpiError(Exception):
    """One or more diagnostics that stop what was asked for.

    `diagnostics` is never empty; `exit_code` is that of the first error.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic] | Diagnostic) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = found
        super().__init__("\n".join(f"{d.location}: {d.code}: {d.message}" for d in found))

    def __reduce__(self) -> tuple[type[KpiError], tuple[tuple[Diagnostic, ...]]]:
        """Errors travel between processes."""
        return type(self), (self.diagnostics,)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of the first error among the diagnostics."""
        errors = [d for d in self.diagnostics if d.severity is Severity.ERROR]
        return (errors or list(self.diagnostics))[0].exit_code


def nearest(name: str, candidates: Iterable[str], count: int = 1) -> list[str]:
    """Names like `name`, best first; empty when nothing is close enough to suggest.

    >>> nearest("ordres", ["orders", "visits"])
    ['orders']
    """
    import difflib

    pool: Sequence[str] = sorted(set(candidates))
    folded = {candidate.casefold(): candidate for candidate in reversed(pool)}
    found = difflib.get_close_matches(name.casefold(), list(folded), n=count, cutoff=0.6)
    return [folded[match] for match in found]


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """The help text that proposes the nearest name, or an empty text.

    >>> did_you_mean("ordres", ["orders"])
    'did you mean `orders`?'
    """
    found = nearest(name, candidates)
    return f"did you mean `{found[0]}`?" if found else ""
