"""The registry: one owner per name, everything else named in a fault."""

from __future__ import annotations

import pytest

from runner.api import CheckPack, Command, Format, Function, JobKind, PluginError, SecretSource, SinkType
from runner.plugins.registry import CATEGORIES, Offer, build_registry, describe, resolve

BY_NAME = {category.name: category for category in CATEGORIES}


def a_sink(name: str) -> SinkType:
    return SinkType(type=name, summary="", open="x:y")


def sinks(*offers: tuple[str, str]) -> list[Offer]:
    return [Offer(BY_NAME["sinks"], plugin, a_sink(name)) for plugin, name in offers]


def test_each_category_is_found_by_its_name() -> None:
    things = {
        "sinks": a_sink("acme.shout"),
        "formats": Format(name="acme.csv", summary="", media_type="text/csv", extension="csv", render="x:y"),
        "kinds": JobKind(name="acme.backup", summary="", read="x:y", run="x:z"),
        "functions": Function(name="acme.double", summary="", call=lambda x: 2 * x, example="acme.double(x) > 4"),
        "secret_sources": SecretSource(scheme="acme.vault", read="x:y"),
        "commands": Command(name="acme.top", summary="", load="x:y"),
        "packs": CheckPack(name="acme.pack", version="1", root=None, summary=""),
    }
    registry = build_registry(Offer(BY_NAME[name], "acme", thing) for name, thing in things.items())
    assert registry.faults == ()
    assert registry.sinks["acme.shout"] is things["sinks"]
    assert registry.secret_sources["acme.vault"] is things["secret_sources"]
    assert registry.packs == (things["packs"],)
    assert registry.owner("kinds", "acme.backup") == "acme"
    assert registry.owner("kinds", "nobody.has") == ""


@pytest.mark.parametrize(
    ("offers", "kept", "said"),
    [
        ([("a", "x.one"), ("b", "x.one"), ("b", "x.two")], {"x.two"}, "offered by a and by b, so neither is used"),
        ([("a", "x.one"), ("a", "x.one")], set(), "registered twice"),
        ([("a", "shout")], set(), "needs a name with a dot, such as `acme.shout`"),
        ([("a", "Acme.Shout")], set(), "needs a name with a dot"),
        ([("a", ".x")], set(), "needs a name with a dot"),
        ([("runner", "shout")], {"shout"}, ""),
        ([("runner", "x.one"), ("a", "x.one")], {"x.one"}, "is built in and cannot be replaced"),
    ],
)
def test_names(offers: list[tuple[str, str]], kept: set[str], said: str) -> None:
    registry = build_registry(sinks(*offers))
    assert set(registry.sinks) == kept
    assert [said in fault.message for fault in registry.faults] == ([True] if said else [])


def test_a_clash_names_both_and_how_to_end_it() -> None:
    (fault,) = build_registry(sinks(("a", "x.one"), ("b", "x.one"))).faults
    assert fault.where == "plugin a, b"
    assert fault.hint == "disable one of them: plugins: {disabled: [b]} in runner.yaml"


@pytest.mark.parametrize(
    ("category", "thing", "said"),
    [
        ("sinks", "text", "runner_register_sinks returned a str where a SinkType belongs"),
        ("sinks", SinkType(type=7, summary="", open="x:y"), "a sink type has a name that is not text"),  # type: ignore[arg-type]
        ("kinds", JobKind(name="a.b", summary="", read="x:y"), "exactly one of `run` and `converse`"),
        ("kinds", JobKind(name="a.b", summary="", read="x:y", run="x:y", converse="x:y"), "exactly one of"),
    ],
)
def test_what_does_not_fit_is_refused(category: str, thing: object, said: str) -> None:
    registry = build_registry([Offer(BY_NAME[category], "a", thing)])
    assert [said in fault.message for fault in registry.faults] == [True]


def test_factories_are_resolved_on_use() -> None:
    assert resolve("os.path:join") is __import__("os").path.join
    assert resolve("collections:OrderedDict.fromkeys")("ab") == {"a": None, "b": None}
    assert resolve(len) is len


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("os.path", "`os.path` does not name an object"),
        ("no_such_module_here:x", "cannot be loaded: ModuleNotFoundError"),
        ("os:no_such_thing", "cannot be loaded: AttributeError"),
        (":x", "does not name an object"),
    ],
)
def test_factories_that_lead_nowhere_say_so(factory: str, said: str) -> None:
    with pytest.raises(PluginError, match="`") as caught:
        resolve(factory)
    assert said in caught.value.message


def test_foreign_errors_are_one_short_line() -> None:
    assert describe(ValueError("first\nsecond")) == "ValueError: first"
    assert describe(SystemExit()) == "SystemExit"
    assert len(describe(ValueError("x" * 1000))) == 300
