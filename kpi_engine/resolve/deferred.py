"""Declarations that are bound when they are first used, each once; cycles are found on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Diagnostic, Note
from kpi_engine.ir.span import Span
from kpi_engine.resolve.problems import BindError, Label, listed, problem

_DEEPEST = 40
"""Declarations open inside each other. Everything is bound in an order in which this stays near 1, but for cycles."""


@dataclass(frozen=True, slots=True)
class _Pending:
    place: Span
    bind: Callable[[], None]


class Deferred:
    """The declarations still to be bound, and which of them turned out to be broken."""

    def __init__(self) -> None:
        self._pending: dict[Label, _Pending] = {}
        self._roots: dict[Label, Label] = {}
        self._places: dict[Label, Span] = {}
        self._open: list[Label] = []
        self._left_out: dict[Label, list[Label]] = {}
        self.diagnostics: list[Diagnostic] = []

    def add(self, label: Label, place: Span, bind: Callable[[], None]) -> None:
        """Register a declaration; `bind` stores the result or raises a failure."""
        self._pending[label] = _Pending(place, bind)
        self._places[label] = place

    def knows(self, label: Label) -> bool:
        """Whether a declaration of that label exists, bound, pending or broken."""
        return label in self._places

    def labels(self) -> Iterable[Label]:
        """All declarations that are still to be bound."""
        return list(self._pending)

    def place(self, label: Label) -> Span:
        """Where a declaration stands."""
        return self._places[label]

    def is_broken(self, label: Label) -> bool:
        """Whether the declaration was left out."""
        return label in self._roots

    def require(self, label: Label, use: Span) -> None:
        """Make sure that a declaration is bound; a failure if it is broken or depends on itself."""
        if label in self._roots:
            raise BindError(blocked=[self._roots[label]])
        pending = self._pending.get(label)
        if pending is None:
            return
        if label in self._open:
            raise self._cycle(label, use)
        if len(self._open) >= _DEEPEST:
            raise problem(
                "E217",
                f"{listed(name for _, name in self._open[:3])}, ... depend on each other in a chain that is too long",
                use,
                "break the chain: it probably leads back to its start",
            )
        self._open.append(label)
        try:
            pending.bind()
        except BindError as failure:
            self.fail(label, failure)
            raise BindError(blocked=[self._roots[label]]) from failure
        finally:
            self._open.pop()
            self._pending.pop(label, None)

    def require_columns(self, owner: str) -> None:
        """A failure if a column of a source or an entity is broken: what is missing there may be what it would be."""
        for (kind, name), root in self._roots.items():
            if kind == "column" and name.startswith(f"{owner}."):
                raise BindError(blocked=[root])

    def bind_all(self, order: Iterable[Label]) -> None:
        """Bind everything that is pending, in an order that should put what is used before its users."""
        for label in order:
            if label in self._pending:
                with suppress(BindError):
                    self.require(label, self._places[label])

    def fail(self, label: Label, failure: BindError, place: Span | None = None) -> None:
        """Record that a declaration is broken, and say why unless something that it uses is to blame."""
        if place is not None:
            self._places.setdefault(label, place)
        self.diagnostics.extend(d for d in failure.diagnostics if d not in self.diagnostics)
        root = label if failure.diagnostics or not failure.blocked else failure.blocked[0]
        self._roots.setdefault(label, root)
        if root != label and label not in self._left_out.setdefault(root, []):
            self._left_out[root].append(label)

    def follow_ups(self) -> Iterator[Diagnostic]:
        """One note for each broken declaration that others use."""
        for (kind, name), users in self._left_out.items():
            yield Diagnostic(
                "N201",
                f"{kind} `{name}` has an error; left out with it: {listed(user for _, user in users)}",
                self._places[kind, name],
            )

    def _cycle(self, label: Label, use: Span) -> BindError:
        circle = self._open[self._open.index(label) :]
        names = " -> ".join(f"`{name}`" for _, name in [*circle, label])
        notes = [Note(f"`{name}` is defined here", self._places[kind, name]) for kind, name in circle]
        return problem(
            "E210",
            f"`{label[1]}` is defined by itself: {names}",
            use,
            "write one of them without the others",
            notes,
        )
