"""`dataclass` as in the standard library, at a seventh of what it takes to define one.

The standard decorator writes six methods of each class as text and compiles them when the class is defined: for the
three hundred classes of a question that is a third of the time to start. Here the methods that only need the names of
fields are closures over these, and `__init__` is made with the first object. Fields are the standard library's own
objects, so that `dataclasses.fields`, `replace` and `asdict` work as ever.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType, MemberDescriptorType
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


@dataclasses.dataclass(init=False, repr=False, eq=False)
class _Theirs:
    """A class of the standard library, which shows how it marks fields and classes."""

    value: object = None


_VALUE: Any = _Theirs.__dataclass_fields__["value"]
_FIELD = _VALUE._field_type
_CHANGING: Any = vars(_Theirs)["__dataclass_params__"]
_FROZEN: Any = copy.copy(_CHANGING)
_FROZEN.frozen = True
_AS_THEIRS = {name: method for name, method in vars(_Theirs).items() if name == "__replace__"}
_OF_OBJECTS = ("__dict__", "__weakref__")
_SPECIAL = ("ClassVar", "InitVar", "KW_ONLY")
_FROM_FACTORY = object()
"""The default of a parameter whose field has a default factory."""


def _made(cls: Any, frozen: bool, slots: bool, eq: bool, repr: bool, kw_only: bool) -> Any:
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # else the standard library writes a signature
    fields = _with_fields(cls, frozen, kw_only)
    methods: dict[str, Any] = {**_AS_THEIRS, "__match_args__": _matched(fields)}
    if repr:
        methods["__repr__"] = _repr([field.name for field in fields if field.repr])
    own = cls.__dict__
    if eq:
        methods["__eq__"] = _eq(_values([field.name for field in fields if field.compare]))
        hashed = [field.name for field in fields if (field.compare if field.hash is None else field.hash)]
        methods["__hash__"] = _hash(_values(hashed)) if frozen else None
    if frozen:
        methods["__setattr__"], methods["__delattr__"] = _refuse_setting, _refuse_deleting
    if frozen and slots:
        methods["__getstate__"], methods["__setstate__"] = _get_state, _set_state
    # A class that defines `__eq__` has None for a hash until it says otherwise.
    missing = {each: method for each, method in methods.items() if own.get(each) is None}
    made = _with_slots(cls, fields, missing) if slots else cls
    if not slots:
        for name, method in missing.items():
            setattr(made, name, method)
    if "__init__" not in own:
        made.__init__ = _first_init(made, frozen, slots)
    return made


def _with_fields(cls: Any, frozen: bool, kw_only: bool) -> list[dataclasses.Field[Any]]:
    """The fields of a class and of those that it is made of, told as the standard library tells them: to its own
    functions, and to classes of its decorator that are made of this one."""
    fields: dict[str, Any] = {}
    for base in cls.__mro__[:0:-1]:
        params = base.__dict__.get("__dataclass_params__")
        if params is not None:
            if params.frozen != frozen:
                raise TypeError("a frozen dataclass inherits from frozen ones, and others from others")
            fields |= base.__dataclass_fields__
    annotations = cls.__annotations__  # its own alone
    texts = " ".join(map(str, annotations.values()))
    if any(special in texts for special in _SPECIAL):
        raise TypeError(f"{cls.__qualname__}: what is no field is for the standard library's decorator")
    for name, annotation in annotations.items():
        fields[name] = _field(cls, name, annotation, kw_only)
    untyped = [name for name, value in cls.__dict__.items() if isinstance(value, dataclasses.Field)]
    if untyped:
        raise TypeError(f"{untyped[0]!r} is a field but has no type annotation")
    cls.__dataclass_fields__ = fields
    cls.__dataclass_params__ = _FROZEN if frozen else _CHANGING
    return list(fields.values())


def _field(cls: Any, name: str, annotation: object, kw_only: bool) -> Any:
    default = getattr(cls, name, dataclasses.MISSING)
    if isinstance(default, dataclasses.Field):
        made: Any = default
        if made.default is dataclasses.MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, made.default)
    else:
        # What is a slot of a class that this one is made of has no default.
        is_slot = isinstance(default, MemberDescriptorType)
        made = dataclasses.field(default=dataclasses.MISSING if is_slot else default)
    if made.default is not dataclasses.MISSING and made.default.__class__.__hash__ is None:
        raise ValueError(f"mutable default {type(made.default)} for field {name} is not allowed: use default_factory")
    made.name, made.type, made._field_type = name, annotation, _FIELD
    if made.kw_only is dataclasses.MISSING:
        made.kw_only = kw_only
    return made


def _with_slots(cls: Any, fields: Sequence[dataclasses.Field[Any]], methods: dict[str, Any]) -> Any:
    """The class again, with slots for fields: they cannot be added to one that is there."""
    if "__slots__" in cls.__dict__:
        raise TypeError(f"{cls.__name__} already specifies __slots__")
    names = {field.name for field in fields}
    inherited = {slot for base in cls.__mro__[1:-1] for slot in base.__dict__.get("__slots__", ())}
    own = {name: value for name, value in cls.__dict__.items() if name not in names and name not in _OF_OBJECTS}
    own["__slots__"] = tuple(field.name for field in fields if field.name not in inherited)
    made = type(cls)(cls.__name__, cls.__bases__, own | methods)
    made.__qualname__ = cls.__qualname__
    return made


def _matched(fields: Sequence[dataclasses.Field[Any]]) -> tuple[str, ...]:
    return tuple([field.name for field in fields if field.init and not field.kw_only])


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
    def shown(self: Any) -> str:
        values = ", ".join([f"{name}={getattr(self, name)!r}" for name in names])
        return f"{self.__class__.__qualname__}({values})"

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
    fields = [field for field in cls.__dataclass_fields__.values() if field.init or _has_default(field)]
    fields.sort(key=lambda field: (not field.init, bool(field.kw_only)))
    known: dict[str, Any] = {"_from_factory": _FROM_FACTORY, "_set": object.__setattr__ if frozen else setattr}
    names, made, defaults, by_name = ["self"], [], [], {}
    by_keyword = 0
    for number, field in enumerate(fields):
        name, factory = field.name, field.default_factory
        has_factory = factory is not dataclasses.MISSING
        made.append((field.init, has_factory))
        known[f"_name{number}"] = name
        known[f"_made{number}"] = factory if has_factory else field.default
        if slots:
            known[f"_slot{number}"] = getattr(cls, name).__set__
        if not field.init:
            continue
        names.append(name)
        by_keyword += bool(field.kw_only)
        if has_factory or field.default is not dataclasses.MISSING:
            default = _FROM_FACTORY if has_factory else field.default
            if field.kw_only:
                by_name[name] = default
            else:
                defaults.append(default)
    code = _init_code(tuple(made), by_keyword, slots, hasattr(cls, "__post_init__"))
    init = FunctionType(code.replace(co_varnames=tuple(names)), known, "__init__")
    init.__defaults__, init.__kwdefaults__ = tuple(defaults), by_name
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
