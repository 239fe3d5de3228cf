"""`dataclass` as in the standard library, at a tenth of what it takes to define one.

The standard decorator writes six methods of each class as text and compiles them when the class is defined: for the
three hundred classes of a question that is a third of the time to start. Here the methods that only need the names of
fields are closures over these, and `__init__` is compiled when a class turns out to have many objects. What
`dataclasses.fields`, `replace`, `asdict` and the standard decorator look at is as the standard library makes it.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field
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

_SPECIAL = ("ClassVar", "InitVar", "KW_ONLY")
_FROM_FACTORY = object()
"""The default of a parameter whose field has a default factory."""

_FEW = 8
"""So many objects of a class are made without an `__init__` of its own: to compile one takes as long as to make thirty,
and of most classes a run makes one or two."""

_DOCUMENTED = {"__doc__": "A class of no use."}
"""Of a class without a text the standard library writes its signature, which takes longer than all else."""

_Fields = dict[str, Field[Any]]


def _made(cls: type, frozen: bool, slots: bool, eq: bool, repr: bool, kw_only: bool) -> Any:
    own = dict(cls.__dict__)
    made = _with_fields(cls, frozen, slots, kw_only)
    fields: Sequence[Field[Any]] = list(made.__dataclass_fields__.values())
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
    """The class with its fields and slots, and with what the standard library says of such a class."""
    fields = {**_inherited(cls, frozen), **_own_fields(cls, kw_only)}
    added: dict[str, Any] = {**_said(frozen, slots, kw_only), "__dataclass_fields__": fields}
    if "__match_args__" not in cls.__dict__:
        added["__match_args__"] = tuple(name for name, field in fields.items() if field.init and not field.kw_only)
    if cls.__doc__ is None:
        added["__doc__"] = cls.__name__
    if slots:
        return _with_slots(cls, list(fields), added)
    for name, value in added.items():
        setattr(cls, name, value)
    return cls


def _inherited(cls: type, frozen: bool) -> _Fields:
    """The fields of the classes that it is made of."""
    found: _Fields = {}
    base: Any
    for base in cls.__mro__[-2:0:-1]:
        if hasattr(base, "__dataclass_fields__"):
            found.update(base.__dataclass_fields__)
            if base.__dataclass_params__.frozen != frozen:
                raise TypeError("a frozen dataclass inherits from frozen ones, and others from others")
    return found


def _own_fields(cls: type, kw_only: bool) -> _Fields:
    """The fields that it adds. Where an attribute says more of a field, its default is put in its place."""
    annotations = inspect.get_annotations(cls)
    written = " ".join(map(str, annotations.values()))
    if any(special in written for special in _SPECIAL):
        raise TypeError(f"{cls.__qualname__}: what is no field is for the standard library's decorator")
    for name, value in cls.__dict__.items():
        if isinstance(value, Field) and name not in annotations:
            raise TypeError(f"{name!r} is a field but has no type annotation")
    return {name: _own_field(cls, name, annotation, kw_only) for name, annotation in annotations.items()}


def _own_field(cls: type, name: str, annotation: Any, kw_only: bool) -> Field[Any]:
    value = getattr(cls, name, MISSING)
    if isinstance(value, Field):
        field = value
        if field.default is MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, field.default)
    else:
        is_slot = isinstance(value, MemberDescriptorType)  # that of a class that it is made of
        field = dataclasses.field() if value is MISSING or is_slot else dataclasses.field(default=value)
    if field.default.__class__.__hash__ is None:
        raise ValueError(f"mutable default {type(field.default)} for field {name} is not allowed: use default_factory")
    plain: Any = field
    plain.name, plain.type, plain._field_type = name, annotation, _plain_field()._field_type
    if plain.kw_only is MISSING:
        plain.kw_only = kw_only
    return field


def _with_slots(cls: type, fields: Sequence[str], added: Mapping[str, Any]) -> Any:
    """The class made once more, with slots for the fields that those it is made of have none for."""
    if "__slots__" in cls.__dict__:
        raise TypeError(f"{cls.__name__} already specifies __slots__")
    taken: set[str] = set()
    for base in cls.__mro__[1:-1]:
        slots = base.__dict__.get("__slots__", ())
        taken.update([slots] if isinstance(slots, str) else slots)
    space = {**cls.__dict__, **added, "__slots__": tuple(name for name in fields if name not in taken)}
    for name in (*fields, "__dict__", "__weakref__"):
        space.pop(name, None)
    made = type(cls)(cls.__name__, cls.__bases__, space)
    made.__qualname__ = cls.__qualname__
    return made


@cache
def _said(frozen: bool, slots: bool, kw_only: bool) -> dict[str, Any]:
    """What the standard library says of a class of this kind besides its fields, as it says it of an empty one."""
    nothing = type("Nothing", (), _DOCUMENTED)
    plain = {*vars(nothing), "__dataclass_fields__", "__match_args__", "__slots__"}
    decorate = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)
    empty: Any = decorate(nothing)
    empty.__dataclass_params__.frozen = frozen
    return {name: value for name, value in vars(empty).items() if name not in plain}


@cache
def _plain_field() -> Any:
    """A field as the standard library makes it, for what it says of fields that are no `ClassVar`."""
    one = dataclasses.make_dataclass("One", ["field"], namespace=_DOCUMENTED, init=False, repr=False, eq=False)
    return dataclasses.fields(one)[0]


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
        form = ", ".join([f"{name}={{!r}}" for name in names])
        return f"{self.__class__.__qualname__}({form.format(*_values(names)(self))})"

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
    """An `__init__` that needs no code of its own. It puts the real one in its place after a few objects, or when it is
    not given what it needs."""
    made = 0
    write = object.__setattr__ if frozen else setattr

    def first(self: Any, /, *args: Any, **kwargs: Any) -> None:
        nonlocal made
        made += 1
        fields = _initialised(cls)
        given = dict(zip([field.name for field in fields if field.init and not field.kw_only], args, strict=False))
        given.update(kwargs)
        needed = {field.name for field in fields if not _has_default(field)}
        known = {field.name for field in fields if field.init}
        if made > _FEW or len(given) < len(args) + len(kwargs) or not needed <= given.keys() <= known:
            cls.__init__ = init = _init(cls, frozen, slots)
            init(self, *args, **kwargs)
            return
        for field in fields:
            if field.name in given:
                value = given[field.name]
            else:
                value = field.default if field.default_factory is MISSING else field.default_factory()
            write(self, field.name, value)
        if hasattr(cls, "__post_init__"):
            self.__post_init__()

    return first


def _initialised(cls: Any) -> list[Field[Any]]:
    """The fields that `__init__` sets: first its parameters, of these first those that may be given by place."""
    fields = [field for field in dataclasses.fields(cls) if field.init or _has_default(field)]
    return sorted(fields, key=lambda field: (not field.init, bool(field.kw_only)))


def _init(cls: Any, frozen: bool, slots: bool) -> FunctionType:
    """An `__init__` with a parameter for each field; a frozen class is written past its own refusal."""
    fields = _initialised(cls)
    made = tuple((field.init, field.default_factory is not MISSING) for field in fields)
    by_keyword = sum(field.init and bool(field.kw_only) for field in fields)
    code = _init_code(made, by_keyword, slots, hasattr(cls, "__post_init__"))
    known: dict[str, Any] = {"_from_factory": _FROM_FACTORY, "_set": object.__setattr__ if frozen else setattr}
    for number, field in enumerate(fields):
        known[f"_name{number}"] = field.name
        known[f"_made{number}"] = field.default_factory if made[number][1] else field.default
        known[f"_slot{number}"] = getattr(cls, field.name).__set__ if slots else None
    parameters = [field for field in fields if field.init]
    defaults = {
        field.name: _FROM_FACTORY if field.default_factory is not MISSING else field.default
        for field in parameters
        if _has_default(field)
    }
    by_name = {field.name for field in parameters if field.kw_only}
    init = FunctionType(code.replace(co_varnames=("self", *(field.name for field in parameters))), known, "__init__")
    init.__defaults__ = tuple(default for name, default in defaults.items() if name not in by_name)
    init.__kwdefaults__ = {name: default for name, default in defaults.items() if name in by_name}
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


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
