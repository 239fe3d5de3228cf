"""Which tables a question can touch, told from words alone, before any table is looked at.

What is written is followed from word to word: a metric's formula names sources, columns, dimensions and other metrics,
a source the things that its columns refer to. Too many are no harm. Words that mean a column alone lead nowhere: its
source is named beside it, or is one of the metric's own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from kpi_engine.ir import tree
from kpi_engine.resolve.names import default_plural, default_singular

_OTHER_WORDS = ("singular", "plural")


def words_of(node: object) -> Iterator[str]:
    """Every word in a tree that may be a name; of dotted names the whole and each part.

    >>> sorted(words_of(tree.Path((tree.Name("orders"), tree.Name("total")))))
    ['orders', 'orders.total', 'total']
    """
    waiting: list[object] = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting.extend(each)
        elif isinstance(each, tree.Name):
            yield each.text
        elif isinstance(each, tree.DurationLiteral):
            yield each.unit
        elif isinstance(each, tree.Node):
            if isinstance(each, tree.Path) and len(each.parts) > 1:
                yield each.text
            waiting.extend(_parts(each))


def reached(files: Sequence[tree.File], words: Iterable[str]) -> frozenset[str]:
    """The names of the sources and declared grains that a question with these words can touch.

    An entity touches whatever refers to it, since it may be counted in any of them.
    """
    meant: dict[str, list[tree.AnyDeclaration]] = {}
    referring: dict[str, list[tree.AnyDeclaration]] = {}
    for declaration in (each for file in files for each in file.declarations):
        for word in _names(declaration):
            meant.setdefault(word, []).append(declaration)
        if isinstance(declaration, tree.Source):
            for target in {column.target.text for column in declaration.columns if column.target is not None}:
                referring.setdefault(target, []).append(declaration)
    found: dict[int, tree.AnyDeclaration] = {}
    known: set[str] = set()
    waiting = list(words)
    while waiting:
        word = waiting.pop()
        if word in known:
            continue
        known.add(word)
        for each in meant.get(word, ()):
            if id(each) in found:
                continue
            found[id(each)] = each
            waiting.extend(words_of(each))
            if isinstance(each, tree.Entity):
                owners = [owner for name in _names(each) for owner in referring.get(name, ())]
                waiting.extend(name for owner in owners for name in _names(owner))
    return frozenset(each.name.text for each in found.values() if isinstance(each, tree.Source | tree.Grain))


def _names(declaration: tree.AnyDeclaration) -> set[str]:
    """The words that mean what is declared: its name, and of things the other word, given or by default."""
    if isinstance(declaration, tree.Metric | tree.Dimension):
        return {declaration.name.text}
    if not isinstance(declaration, tree.Source | tree.Entity | tree.Grain):
        return set()
    name = declaration.name.text
    other = default_singular(name) if isinstance(declaration, tree.Source) else default_plural(name)
    given = [each.value for each in declaration.properties if each.key.text in _OTHER_WORDS]
    texts = [each.value for each in given if isinstance(each, tree.Text)]
    return {name, other, *texts, *words_of(tuple(given))}


def _parts(node: tree.Node) -> list[object]:
    """The values of a node's fields."""
    return [getattr(node, field.name) for field in dataclasses.fields(node) if field.name != "span"]
