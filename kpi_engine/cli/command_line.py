"""The words of a command line: global options may stand anywhere, lists may be written with commas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field

from kpi_engine.ir.dataclass import dataclass

VALUED = ("--project", "--definitions", "--data", "--errors")
"""Global options that take a value."""

FLAGS = ("--debug", "--no-plugins", "--version", "--verbose", "-v", "-vv", "-vvv")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The arguments of a call, global options first: `common` are those, `rest` the command and what belongs to it."""

    common: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    written: tuple[str, ...] = field(default=(), compare=False)

    @property
    def words(self) -> list[str]:
        """All arguments in the order in which they are parsed."""
        return [*self.common, *self.rest]

    @property
    def verbosity(self) -> int:
        """How often `-v` is given.

        >>> arrange(["list", "-vv"]).verbosity
        2
        """
        return sum(1 if word == "--verbose" else word.count("v") for word in self.common if _is_verbose(word))

    def value(self, option: str) -> str | None:
        """The value of a global option, the last one if it is repeated."""
        found = [self.common[i + 1] for i in range(len(self.common) - 1) if self.common[i] == option]
        return found[-1] if found else None


def arrange(arguments: Sequence[str]) -> CommandLine:
    """Global options are moved to the front, so that they may be written after the command as well.

    `--definitions` takes all files that follow it, as a shell writes them for `--definitions *.kpi`.

    >>> arrange(["eval", "revenue", "--definitions", "a.kpi", "b.kpi", "--by", "channel"]).words
    ['--definitions', 'a.kpi', '--definitions', 'b.kpi', 'eval', 'revenue', '--by', 'channel']
    """
    common: list[str] = []
    rest: list[str] = []
    words = list(arguments)
    while words:
        word = words.pop(0)
        option, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
            break
        if word in FLAGS:
            common.append(word)
        elif option in VALUED and equals:
            common += [option, value]
        elif option == "--data" and (not words or words[0].startswith("-")):
            rest.append(word)  # some commands take it without a folder
        elif option in VALUED and words:
            common += [option, words.pop(0)]
            while option == "--definitions" and words and _is_file(words[0]):
                common += [option, words.pop(0)]
        else:
            rest.append(word)
    return CommandLine(tuple(common), tuple(rest), tuple(arguments))


def _is_verbose(word: str) -> bool:
    return word == "--verbose" or (word.startswith("-v") and set(word[1:]) == {"v"})


def _is_file(word: str) -> bool:
    return word.endswith(".kpi") and not word.startswith("-")


def listed(texts: Iterable[str] | None) -> tuple[str, ...]:
    """Repeated options and comma lists as one list.

    >>> listed(["revenue,orders", "conversion"])
    ('revenue', 'orders', 'conversion')
    """
    return tuple(part.strip() for text in texts or () for part in text.split(",") if part.strip())
