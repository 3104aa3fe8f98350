"""Frozen classes behave as the standard library's do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import dataclass as library, field, replace
from typing import Any

import pytest

from runner.records import dataclass


@library(frozen=True, slots=True)
class Theirs:
    """One of the library's."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list, repr=False)
    d: object = field(default=None, compare=False)
    e: int = field(default=1, kw_only=True)


@dataclass(frozen=True, slots=True)
class Ours:
    """The same, made quicker."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list, repr=False)
    d: object = field(default=None, compare=False)
    e: int = field(default=1, kw_only=True)


BOTH = pytest.mark.parametrize("cls", [Theirs, Ours])


def test_both_are_shown_alike() -> None:
    assert repr(Ours(1, c=[2])) == repr(Theirs(1, c=[2])).replace("Theirs", "Ours") == "Ours(a=1, b='b', d=None, e=1)"


@BOTH
def test_equal_by_the_compared_fields_and_only_in_one_class(cls: Any) -> None:
    assert cls(1, d=1) == cls(1, d=2)
    assert cls(1) != cls(1, e=2)
    assert cls(1) != (Theirs if cls is Ours else Ours)(1)
    assert hash(cls(1, c=())) == hash(cls(1, c=(), d=3))


@BOTH
@pytest.mark.parametrize("first", [{"e": 2}, {}])
def test_every_object_has_a_value_of_its_own_from_a_factory(cls: Any, first: dict[str, int]) -> None:
    one, other = cls(1, **first), cls(1)
    assert one.c == other.c == []
    assert one.c is not other.c


@BOTH
@pytest.mark.parametrize(("values", "named", "words"), [
    ((), {}, "missing 1 required positional argument: 'a'"),
    ((1, "b", [], None, 1), {}, "takes from 2 to 5 positional arguments but 6 were given"),
    ((1,), {"x": 1}, "unexpected keyword argument 'x'"),
    ((1,), {"a": 1}, "multiple values for argument 'a'"),
])  # fmt: skip
def test_a_wrong_call_is_told_in_the_same_words(cls: Any, values: Any, named: Any, words: str) -> None:
    for _ in range(2):
        with pytest.raises(TypeError, match=words):
            cls(*values, **named)


@BOTH
def test_nothing_can_be_set_or_deleted(cls: Any) -> None:
    for act in (lambda it: setattr(it, "a", 2), lambda it: setattr(it, "z", 2), lambda it: delattr(it, "a")):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            act(cls(1))


@BOTH
def test_the_library_s_own_functions_know_it(cls: Any) -> None:
    made = cls(1, c=[3])
    assert replace(made, b="x").b == "x"
    assert dataclasses.asdict(made) == {"a": 1, "b": "b", "c": [3], "d": None, "e": 1}
    assert copy.deepcopy(made) == pickle.loads(pickle.dumps(made)) == copy.copy(made) == made
    assert cls.__match_args__ == ("a", "b", "c", "d")
    assert not hasattr(made, "__dict__")


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """With a method of its own in place of a shared one."""

    a: int

    def __repr__(self) -> str:
        return f"<{self.a}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    """One field more; it is made before its base."""

    b: int = 2


def test_a_subclass_has_all_fields_whichever_is_made_first() -> None:
    assert (Derived(a=1).a, Derived(a=1).b) == (1, 2)
    assert repr(Base(a=3)) == "<3>"
    assert Base(a=1) != Derived(a=1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'b'"):
        Base(a=1, b=2)  # type: ignore[call-arg]


@dataclass(frozen=True, slots=True)
class Empty:
    """No fields."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What looks at itself is left to the library."""

    a: int

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("negative")


@dataclass(slots=True)
class Open:
    """May be changed; the library's."""

    a: int = 0


def test_the_rest_is_left_to_the_library() -> None:
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())
    with pytest.raises(ValueError, match="negative"):
        Checked(-1)
    it = Open()
    it.a = 5
    assert it == Open(5)
