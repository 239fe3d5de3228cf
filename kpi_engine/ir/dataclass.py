"""`dataclass` as in the standard library, at a seventh of what it takes to define one.

The standard decorator writes six methods of each class as text and compiles them when the class is defined: for the
three hundred classes of a question that is a third of the time to start. Here the methods that only need the names of
fields are closures over these, and `__init__` is made with the first object. Fields, inheritance, slots
and what `dataclasses.fields`, `replace` and `asdict` look at are the standard library's own doing.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType
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

_SPECIAL = ("ClassVar", "InitVar", "KW_ONLY")
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
    # In each annotation, a text, the standard library would look for these three times.
    annotations = inspect.get_annotations(cls)
    if any(special in str(annotation) for annotation in annotations.values() for special in _SPECIAL):
        raise TypeError(f"{cls.__qualname__}: what is no field is for the standard library's decorator")
    for params in bases:  # what freezes is added here, and not by the standard library
        params.frozen = False
    cls.__annotations__ = dict.fromkeys(annotations, object)
    try:
        made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)(cls)
    finally:
        for params in bases:
            params.frozen = frozen
    made.__annotations__ = annotations
    for name, annotation in annotations.items():
        made.__dataclass_fields__[name].type = annotation
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
    """An `__init__` that puts the real one in its place."""

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        cls.__init__ = init = _init(cls, frozen, slots)
        init(self, *args, **kwargs)

    return first


def _init(cls: Any, frozen: bool, slots: bool) -> FunctionType:
    """An `__init__` with a parameter for each field; a frozen class is written past its own refusal."""
    fields = [field for field in dataclasses.fields(cls) if field.init or _has_default(field)]
    fields.sort(key=lambda field: (not field.init, bool(field.kw_only)))
    made = tuple((field.init, field.default_factory is not dataclasses.MISSING) for field in fields)
    by_keyword = sum(field.init and bool(field.kw_only) for field in fields)
    code = _init_code(made, by_keyword, slots, hasattr(cls, "__post_init__"))
    known: dict[str, Any] = {"_from_factory": _FROM_FACTORY, "_set": object.__setattr__ if frozen else setattr}
    for number, field in enumerate(fields):
        known[f"_name{number}"] = field.name
        known[f"_made{number}"] = field.default_factory if made[number][1] else field.default
        known[f"_slot{number}"] = getattr(cls, field.name).__set__ if slots else None
    parameters = [field for field in fields if field.init]
    defaults = {
        field.name: _FROM_FACTORY if field.default_factory is not dataclasses.MISSING else field.default
        for field in parameters
        if _has_default(field)
    }
    by_name = {field.name for field in parameters if field.kw_only}
    init = FunctionType(code.replace(co_varnames=("self", *(field.name for field in parameters))), known, "__init__")
    init.__defaults__ = tuple(default for name, default in defaults.items() if name not in by_name)
    init.__kwdefaults__ = {name: default for name, default in defaults.items() if name in by_name}
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


@cache
def _init_code(made: tuple[tuple[bool, bool], ...], by_keyword: int, slots: bool, post_init: bool) -> CodeType:
    """The code of an `__init__` of this form, whose parameters are numbered; many classes are of one.

    `made` says of each field whether it is a parameter, and whether it has a factory. The last parameters,
    `by_keyword` in number, are given by name alone.
    """
    parameters = [f"p{number}" for number, (is_parameter, _) in enumerate(made) if is_parameter]
    if by_keyword:
        parameters.insert(len(parameters) - by_keyword, "*")
    body = []
    for number, (is_parameter, factory) in enumerate(made):
        default = f"_made{number}()" if factory else f"_made{number}"
        value = f"p{number}" if is_parameter else default
        if is_parameter and factory:
            value = f"{default} if p{number} is _from_factory else p{number}"
        body.append(f"_slot{number}(self, {value})" if slots else f"_set(self, _name{number}, {value})")
    if post_init:
        body.append("self.__post_init__()")
    scope: dict[str, Any] = {}
    exec("\n ".join([f"def init({', '.join(['self', *parameters])}):", *(body or ["pass"])]), scope)
    code: CodeType = scope["init"].__code__
    return code.replace(co_name="__init__")
