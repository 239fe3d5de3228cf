"""The namespace of things: which word means which source, entity or grain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from kpi_engine.ir.catalog import GRAINS
from kpi_engine.ir.dataclass import dataclass
from kpi_engine.ir.diagnostic import nearest
from kpi_engine.ir.span import NOWHERE, Span
from kpi_engine.resolve.problems import BindError, article, problem


@dataclass(frozen=True, slots=True)
class Thing:
    """A source, an entity or a grain."""

    kind: Literal["source", "entity", "grain"]
    name: str
    span: Span = NOWHERE


def default_singular(name: str) -> str:
    """A source's other word if none is given: its name without a final s.

    >>> default_singular("orders"), default_singular("stock")
    ('order', 'stock')
    """
    return name[:-1] if len(name) > 1 and name.endswith("s") else name


def default_plural(name: str) -> str:
    """An entity's other word if none is given: its name with an s.

    >>> default_plural("visitor")
    'visitors'
    """
    return name + "s"


class Things:
    """Words that mean things. Each word has one owner."""

    def __init__(self) -> None:
        self._words: dict[str, Thing] = {grain: Thing("grain", grain) for grain in GRAINS}

    def add(self, thing: Thing, other_word: str | None = None, place: Span = NOWHERE) -> list[BindError]:
        """Add a thing under its name and its other word; what is taken already is returned as problems.

        A thing whose own name is taken is not added at all.
        """
        owner = self._words.get(thing.name)
        if owner is not None and owner.name == thing.name:
            return [self._taken(thing.name, owner, thing, place)]
        problems = [] if owner is None else [self._taken(thing.name, owner, thing, place)]
        self._words[thing.name] = thing
        if other_word is not None and other_word != thing.name:
            owner = self._words.get(other_word)
            if owner is None:
                self._words[other_word] = thing
            else:
                problems.append(self._taken(other_word, owner, thing, place))
        return problems

    def find(self, word: str) -> Thing | None:
        """The owner of a word."""
        return self._words.get(word)

    def nearest(self, word: str, kinds: Iterable[str]) -> str:
        """The word of a thing of these kinds that is most like the given one, or an empty text."""
        wanted = set(kinds)
        found = nearest(word, [w for w, thing in self._words.items() if thing.kind in wanted])
        return found[0] if found else ""

    def words_of(self, kinds: Iterable[str]) -> list[str]:
        """All words of things of these kinds."""
        wanted = set(kinds)
        return [word for word, thing in self._words.items() if thing.kind in wanted]

    def _taken(self, word: str, owner: Thing, thing: Thing, place: Span) -> BindError:
        """E205: the other word of one of the two must change, or else a name."""
        if thing.name == word == owner.name:
            help = "give one of them another name"
        else:
            changing = thing if thing.name != word else owner
            key = "plural" if changing.kind == "entity" else "singular"
            help = f"give {changing.kind} `{changing.name}` another word: `{key}: ...`"
        meaning = article(owner.kind) if owner.name == word else f"the {owner.kind} `{owner.name}`"
        where = f" ({owner.span})" if owner.span is not NOWHERE else ""
        return problem("E205", f"the word `{word}` already means {meaning}{where}", place, help)
