"""Classes of `ir/dataclass.py` behave as those of the standard library do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import pytest

from kpi_engine.ir.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """Two numbers and a note that does not count."""

    x: int
    y: int = 0
    note: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Named(Point):
    name: str = "origin"


def _family(decorate: Callable[..., Any]) -> dict[str, Any]:
    """The same classes, made by a decorator."""

    @decorate(frozen=True, slots=True)
    class Base:
        a: int
        b: tuple[int, ...] = ()

    @decorate(frozen=True, slots=True)
    class Derived(Base):
        c: list[int] = field(default_factory=list, compare=False)
        d: str = field(default="d", repr=False)

    @decorate(slots=True)
    class Changing:
        a: int
        seen: dict[str, int] = field(default_factory=dict)
        made: int = field(default=7, init=False)
        filled: list[int] = field(default_factory=list, init=False)

    @decorate(frozen=True)
    class WithState:
        a: int

        def __post_init__(self) -> None:
            self.__dict__["twice"] = 2 * self.a

    @decorate(frozen=True, slots=True, kw_only=True)
    class ByName:
        a: int = 1
        b: int

    @decorate(frozen=True, slots=True)
    class Own:
        a: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        def __hash__(self) -> int:
            return 5

        def __repr__(self) -> str:
            return "own"

    @decorate(frozen=True, slots=True, eq=False)
    class Itself:
        a: int

    @decorate(frozen=True, slots=True)
    class Nothing:
        pass

    return {each.__name__: each for each in (Base, Derived, Changing, WithState, ByName, Own, Itself, Nothing)}


OURS, THEIRS = _family(dataclass), _family(dataclasses.dataclass)

SEEN: list[Callable[[dict[str, Any]], Any]] = [
    lambda of: repr(of["Base"](1)),
    lambda of: repr(of["Derived"](1, c=[2], d="x")),
    lambda of: repr(of["Changing"](1)),
    lambda of: (of["Changing"](1).filled, of["Changing"](1).made),
    lambda of: of["Changing"](1).seen is of["Changing"](1).seen,
    lambda of: of["Changing"].__hash__,
    lambda of: of["Base"](1, (2,)) == of["Base"](1, (2,)),
    lambda of: of["Base"](1) == of["Base"](2),
    lambda of: of["Base"](1) == of["Derived"](1),
    lambda of: of["Base"](1) == 1,
    lambda of: of["Derived"](1, c=[2]) == of["Derived"](1, c=[3]),
    lambda of: hash(of["Derived"](1, c=[2])) == hash(of["Derived"](1, c=[3])),
    lambda of: hash(of["Base"](1)) == hash((1, ())),
    lambda of: hash(of["Nothing"]()) == hash(()),
    lambda of: of["WithState"](4).twice,
    lambda of: repr(of["ByName"](b=2)),
    lambda of: (hash(of["Own"](1)), repr(of["Own"](1)), of["Own"](1) == of["Own"](2)),
    lambda of: of["Itself"](1) == of["Itself"](1),
    lambda of: repr(dataclasses.replace(of["Derived"](1), a=3, d="e")),
    lambda of: dataclasses.asdict(of["Derived"](1)),
    lambda of: of["Derived"].__match_args__,
    lambda of: [each.name for each in dataclasses.fields(of["Derived"])],
    lambda of: hasattr(of["Base"](1), "__dict__"),
    lambda of: repr(copy.deepcopy(of["Derived"](1, c=[2]))),
    lambda of: of["Base"].__dataclass_params__.frozen,
]


@pytest.mark.parametrize("number", range(len(SEEN)))
def test_what_is_seen_is_the_same(number: int) -> None:
    assert SEEN[number](OURS) == SEEN[number](THEIRS)


REFUSED: list[Callable[[dict[str, Any]], Any]] = [
    lambda of: of["Base"](),
    lambda of: of["Base"](1, 2, 3),
    lambda of: of["Base"](1, z=3),
    lambda of: of["ByName"](2),
    lambda of: setattr(of["Base"](1), "a", 2),
    lambda of: setattr(of["WithState"](1), "b", 2),
    lambda of: delattr(of["Base"](1), "a"),
    lambda of: hash(of["Changing"](1)),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_refused_is_the_same(number: int) -> None:
    with pytest.raises((TypeError, AttributeError)) as ours:
        REFUSED[number](OURS)
    with pytest.raises((TypeError, AttributeError)) as theirs:
        REFUSED[number](THEIRS)
    assert (ours.type, str(ours.value)) == (theirs.type, str(theirs.value))


def test_objects_are_pickled() -> None:
    assert pickle.loads(pickle.dumps(Named(1, 2, "n", "home"))) == Named(1, 2, "n", "home")


def test_the_standard_decorator_makes_classes_of_ours() -> None:
    @dataclasses.dataclass(frozen=True)
    class Far(Point):
        z: int = 3

    assert repr(Far(1)).endswith("Far(x=1, y=0, z=3)")
    assert hash(Far(1)) == hash((1, 0, 3))


def test_a_frozen_class_is_not_made_of_one_that_changes() -> None:
    def define() -> None:
        @dataclass(slots=True)
        class Loose(Point):
            z: int = 3

    with pytest.raises(TypeError):
        define()


def test_what_is_no_field_is_refused() -> None:
    def define() -> None:
        @dataclass(frozen=True)
        class Counted:
            number: ClassVar[int] = 0

    with pytest.raises(TypeError, match="what is no field"):
        define()


NUMBERS = [1]


def _shared(decorate: Callable[..., Any]) -> None:
    @decorate(slots=True)
    class Shared:
        seen: list[int] = NUMBERS


def _untyped(decorate: Callable[..., Any]) -> None:
    @decorate(slots=True)
    class Untyped:
        seen = field(default=1)


def _slotted(decorate: Callable[..., Any]) -> None:
    @decorate(slots=True)
    class Slotted:
        __slots__ = ("seen",)
        seen: int


@pytest.mark.parametrize("define", [_shared, _untyped, _slotted])
def test_what_is_no_class_of_fields_is_refused(define: Callable[..., None]) -> None:
    with pytest.raises((TypeError, ValueError)) as ours:
        define(dataclass)
    with pytest.raises((TypeError, ValueError)) as theirs:
        define(dataclasses.dataclass)
    assert (ours.type, str(ours.value).partition(" for ")[0]) == (theirs.type, str(theirs.value).partition(" for ")[0])


def test_a_replaced_object_has_what_the_others_had() -> None:
    replaced = getattr(Named(1, 2, "n"), "__replace__", None)
    assert (replaced is None) == (not hasattr(THEIRS["Base"](1), "__replace__"))
    assert replaced is None or replaced(x=5) == Named(5, 2, "n")


def test_types_of_fields_are_as_written() -> None:
    assert [(each.name, each.type) for each in dataclasses.fields(Point)] == [
        ("x", "int"),
        ("y", "int"),
        ("note", "str"),
    ]
    assert Point.__annotations__ == {"x": "int", "y": "int", "note": "str"}
