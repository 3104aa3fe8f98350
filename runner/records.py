"""The standard library's `dataclass`, quicker to define: half of what a cold process did was to define classes.

The library writes and compiles seven methods for each frozen class. Here they are shared functions, and `__init__`
is written when the first object is made, which for half of the classes is never in one process.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dataclasses import dataclass

    __all__ = ["dataclass"]
else:

    def dataclass(**options: bool) -> Callable[[type], type]:
        """As the library's, for its options; only plain frozen classes are made quicker, others are left to it."""
        if not options.pop("frozen", False):
            return dataclasses.dataclass(**options)
        if not options.keys() <= {"slots", "kw_only"}:
            return dataclasses.dataclass(frozen=True, **options)
        return lambda cls: _frozen(cls, options)


_SET: Final = object.__setattr__
_ABSENT: Final = object()


def _frozen(cls: type, options: dict[str, bool]) -> type:
    if hasattr(cls, "__post_init__"):
        return dataclasses.dataclass(frozen=True, **options)(cls)
    own = cls.__dict__.keys()
    # Without a text of its own the library would write out the signature.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, **options)(cls)
    for name, method in (_SHARED | _comparing(made)).items():
        if name not in own:
            setattr(made, name, method)
    made.__init__ = _first_init(made)
    return made  # type: ignore[no-any-return]


# ---- making an object


def _first_init(cls: Any) -> Callable[..., None]:
    def __init__(self: Any, *values: object, **named: object) -> None:  # noqa: N807
        cls.__init__ = _written_init(cls)
        cls.__init__(self, *values, **named)

    return __init__


def _written_init(cls: Any) -> Any:
    """`__init__` with the fields as its parameters, so that a wrong call is told in the words of every function."""
    fields = dataclasses.fields(cls)
    places: dict[str, Any] = {"_set": _SET, "_absent": _ABSENT}
    first = [_parameter(field, places) for field in fields if not field.kw_only]
    named = [_parameter(field, places) for field in fields if field.kw_only]
    head = ", ".join(["_self", *first, *(["*", *named] if named else [])])
    lines = [f"    _set(_self, {field.name!r}, {_value(field)})" for field in fields] or ["    pass"]
    exec("\n".join([f"def __init__({head}):", *lines]), places)  # noqa: S102
    written = places["__init__"]
    written.__qualname__ = f"{cls.__qualname__}.__init__"
    return written


def _parameter(field: dataclasses.Field[Any], places: dict[str, Any]) -> str:
    if field.default is not dataclasses.MISSING:
        places[f"_default_{field.name}"] = field.default
        return f"{field.name}=_default_{field.name}"
    if field.default_factory is dataclasses.MISSING:
        return field.name
    places[f"_make_{field.name}"] = field.default_factory
    return f"{field.name}=_absent"


def _value(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is dataclasses.MISSING:
        return field.name
    return f"_make_{field.name}() if {field.name} is _absent else {field.name}"


# ---- what every object can do


def _repr(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _comparing(cls: Any) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(cls) if field.compare]
    values: Callable[[Any], object] = attrgetter(*names) if names else lambda _: ()

    def __eq__(self: Any, other: Any) -> Any:  # noqa: N807
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return {"__eq__": __eq__, "__hash__": __hash__}


def _refuse_setting(_self: Any, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deleting(_self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[object]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        _SET(self, field.name, value)


_SHARED: Final[dict[str, Any]] = {
    "__repr__": _repr,
    "__setattr__": _refuse_setting,
    "__delattr__": _refuse_deleting,
    "__getstate__": _state,
    "__setstate__": _restore,
}
