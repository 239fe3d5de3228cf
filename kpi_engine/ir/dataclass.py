"""`dataclass` as in the standard library, at a seventh of what it takes to define one.

The standard decorator writes six methods of each class as text and compiles them when the class is defined: for the
three hundred classes of a question that is a third of the time to start. Here the methods that only need the names of
fields are closures over these, and `__init__` is compiled when the first object is made. Fields, inheritance, slots
and what `dataclasses.fields`, `replace` and `asdict` look at are the standard library's own doing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, repr=True, kw_only=False):
        """`dataclasses.dataclass`, for the parameters that are used here.

        >>> @dataclass(frozen=True, slots=True)
        ... class Point:
        ...     x: int
        ...     y: int = 0
        >>> Point(1), Point(1) == Point(1, 0), hash(Point(1)) == hash(Point(1))
        (Point(x=1, y=0), True, True)
        """

        def decorate(cls):
            return _made(cls, frozen, slots, eq, repr, kw_only)

        return decorate if cls is None else decorate(cls)


__all__ = ["dataclass"]

_FROM_FACTORY = object()
"""The default of a parameter whose field has a default factory."""


def _made(cls: type, frozen: bool, slots: bool, eq: bool, repr: bool, kw_only: bool) -> Any:
    own = dict(cls.__dict__)
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # else the standard library writes a signature
    made = _with_fields(cls, frozen, slots, kw_only)
    fields = dataclasses.fields(made)
    methods: dict[str, Any] = {"__init__": _first_init(made, frozen, slots)}
    if repr:
        methods["__repr__"] = _repr([field.name for field in fields if field.repr])
    if eq:
        methods["__eq__"] = _eq(_values([field.name for field in fields if field.compare]))
        if own.get("__hash__") is None:  # a class that defines `__eq__` has None until it says otherwise
            own.pop("__hash__", None)
        hashed = [field.name for field in fields if (field.compare if field.hash is None else field.hash)]
        methods["__hash__"] = _hash(_values(hashed)) if frozen else None
    if frozen:
        methods["__setattr__"], methods["__delattr__"] = _refuse_setting, _refuse_deleting
    if frozen and slots:
        methods["__getstate__"], methods["__setstate__"] = _get_state, _set_state
    for name, method in methods.items():
        if name not in own:
            setattr(made, name, method)
    return made


def _with_fields(cls: type, frozen: bool, slots: bool, kw_only: bool) -> Any:
    """The class with its fields and slots; it says that it is frozen, so that classes of the standard decorator may
    be made of it."""
    bases = [params for base in cls.__mro__[1:] if (params := getattr(base, "__dataclass_params__", None)) is not None]
    marks = [params.frozen for params in bases]
    if any(mark != frozen for mark in marks):
        raise TypeError("a frozen dataclass inherits from frozen ones, and others from others")
    for params in bases:  # what freezes is added here, and not by the standard library
        params.frozen = False
    try:
        made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)(cls)
    finally:
        for params in bases:
            params.frozen = frozen
    made.__dataclass_params__.frozen = frozen
    return made


def _values(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that gives the values of these fields as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _: ()
    value = attrgetter(*names)
    return lambda self: (value(self),)


def _eq(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any, Any], Any]:
    def equal(self: Any, other: Any) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return equal


def _hash(values: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], int]:
    return lambda self: hash(values(self))


def _repr(names: Sequence[str]) -> Callable[[Any], str]:
    form = ", ".join(f"{name}={{!r}}" for name in names)
    values = _values(names)

    def shown(self: Any) -> str:
        return f"{self.__class__.__qualname__}({form.format(*values(self))})"

    return shown


def _refuse_setting(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _get_state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: Sequence[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


def _first_init(cls: Any, frozen: bool, slots: bool) -> Callable[..., None]:
    """An `__init__` that puts the compiled one in its place."""

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        cls.__init__ = init = _compiled_init(cls, frozen, slots)
        init(self, *args, **kwargs)

    return first


def _compiled_init(cls: Any, frozen: bool, slots: bool) -> Callable[..., None]:
    """An `__init__` with a parameter for each field; a frozen class is written past its own refusal."""
    known: dict[str, Any] = {"_from_factory": _FROM_FACTORY, "_set": object.__setattr__}
    parameters: dict[bool, list[str]] = {False: [], True: []}
    body = []
    for number, field in enumerate(dataclasses.fields(cls)):
        name, value = field.name, field.name
        if field.default is not dataclasses.MISSING:
            known[f"_default{number}"] = field.default
            default, value = f"=_default{number}", name if field.init else f"_default{number}"
        elif field.default_factory is not dataclasses.MISSING:
            known[f"_factory{number}"] = field.default_factory
            made = f"_factory{number}()"
            default, value = "=_from_factory", f"{made} if {name} is _from_factory else {name}" if field.init else made
        elif not field.init:
            continue
        else:
            default = ""
        if field.init:
            parameters[bool(field.kw_only)].append(name + default)
        if not frozen:
            body.append(f"self.{name} = {value}")
        elif slots:
            known[f"_set{number}"] = getattr(cls, name).__set__
            body.append(f"_set{number}(self, {value})")
        else:
            body.append(f"_set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    named = ["*", *parameters[True]] if parameters[True] else []
    head = f"def __init__({', '.join(['self', *parameters[False], *named])}):"
    made_of: dict[str, Any] = {}
    exec("\n ".join([head, *(body or ["pass"])]), known, made_of)  # as the standard library does
    init: Callable[..., None] = made_of["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init
