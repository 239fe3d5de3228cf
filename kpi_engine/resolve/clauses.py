"""The clauses of an aggregate's arguments, sorted and checked for what may stand together."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from kpi_engine.ir import tree
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import Note
from kpi_engine.resolve.problems import problem

_WORDS: dict[type, str] = {
    tree.Where: "where",
    tree.Per: "per",
    tree.Having: "having",
    tree.AtPoint: "at",
    tree.DatedBy: "dated by",
    tree.FollowedBy: "followed by",
    tree.On: "on",
    tree.Within: "within",
}


@dataclass(frozen=True, slots=True)
class Clauses:
    """The clauses of all arguments of one call; `followed` keeps the order of a chain."""

    where: tree.Where | None = None
    per: tree.Per | None = None
    having: tree.Having | None = None
    at: tree.AtPoint | None = None
    dated: tree.DatedBy | None = None
    followed: tuple[tree.FollowedBy, ...] = ()
    on: tree.On | None = None
    within: tree.Within | None = None

    @property
    def keyed(self) -> bool:
        """Whether they make groups of keys."""
        return self.per is not None or self.having is not None


def word_of(clause: tree.Clause) -> str:
    """What a clause begins with."""
    return _WORDS[type(clause)]


def sort_clauses(call: tree.Call) -> Clauses:
    """The clauses of a call, each at most once but for `followed by`, in the order that gives them their meaning."""
    found = Clauses()
    for argument in call.arguments:
        for clause in argument.clauses:
            found = _added(found, clause)
    return found


def _added(found: Clauses, clause: tree.Clause) -> Clauses:
    match clause:
        case tree.FollowedBy():
            return replace(found, followed=(*found.followed, clause))
        case tree.Where():
            return replace(found, where=_once(found.where, clause))
        case tree.Per():
            return replace(found, per=_once(found.per, clause))
        case tree.Having():
            return replace(found, having=_once(found.having, clause))
        case tree.AtPoint():
            return replace(found, at=_once(found.at, clause))
        case tree.DatedBy():
            return replace(found, dated=_once(found.dated, clause))
        case tree.On():
            return replace(found, on=_once(found.on, clause))
        case tree.Within():
            return replace(found, within=_once(found.within, clause))


C = TypeVar("C", bound=tree.Clause)


def _once(present: C | None, clause: C) -> C:
    if present is None:
        return clause
    word = word_of(clause)
    help = "join the conditions with `and`" if word in ("where", "having") else "keep one of them"
    raise problem(
        "E334",
        f"`{word}` stands here twice",
        clause.span,
        help,
        [Note("the first one stands here", present.span)],
    )


def refuse_clauses(clauses: Clauses, allowed: set[str], place: str) -> None:
    """E334 for the first clause that is not allowed in this place."""
    present: list[tree.Clause | None] = [
        clauses.where,
        clauses.per,
        clauses.having,
        clauses.at,
        clauses.dated,
        *clauses.followed,
        clauses.on,
        clauses.within,
    ]
    for clause in present:
        if clause is not None and word_of(clause) not in allowed:
            word = word_of(clause)
            helps = {
                "on": "`on` belongs to `followed by` and to `last(S on K)`",
                "within": "`within` belongs to `followed by` and to `last(S on K)`",
                "at": "`at` chooses the rows of a snapshot or a lifetime in one aggregate",
                "dated by": "`dated by` names the time column of one aggregate",
            }
            raise problem("E334", f"`{word}` does not belong {place}", clause.span, helps.get(word, "leave it out"))


def modifiers(call: tree.Call) -> dict[str, tree.Argument]:
    """The modifiers of a call, each with the argument that carries it."""
    return {word: argument for argument in call.arguments for word in argument.modifiers}
