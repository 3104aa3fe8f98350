"""`runner catalogue` as it is typed, and every check of the catalogue through it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.api import Job
from runner.app.catalogue.entries import known_of
from runner.app.catalogue.show import example
from runner.app.catalogue.words import yaml_lines
from runner.app.loading import load
from runner.config.document import parse
from runner.expr import in_words
from runner.kinds.check.spec import CheckSpec
from runner.model.node import plain
from tests.cli.support import Said, runner

OWN = """
jobs:
  - check: acme.orders
    title: Orders are late
    description: The shop does not ship.
    tags: [shop, standard]
    x-rows: [Z1, Z2]
    requires: {version: 15+, role: primary, grant: pg_monitor}
    precondition: select true
    key: [region]
    columns: {late: count}
    params: {most: 5}
    sql: {15: "select 'a' as region, 1 as late", 17: "select 'b' as region, 2 as late"}
    warning: late > params.most
    critical: ["late > 100", 'region = "x: y" and late > 1']
    for: 2 runs
  - {check: acme.returns, tags: [shop], sql: select 1 as n, columns: {n: count}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / "checks.d" / "catalogue").mkdir(parents=True)
    (folder / "checks.d" / "catalogue" / "shop.yaml").write_text(OWN)
    (folder / "runner.yaml").write_text("version: 1\ntargets: {main: {host: db1}}\nsinks: {}\n")
    return folder


def catalogue(home: Path, *words: str) -> Said:
    return runner("catalogue", *words, home=home)


def names(said: Said) -> set[str]:
    return {check["name"] for check in said.json()["checks"]}


def test_everything_is_listed_by_area(home: Path) -> None:
    said = catalogue(home, "list")
    assert (said.code, said.err) == (0, "")
    assert "\nshop\n" in said.out
    assert "  acme.orders" in said.out
    assert names(catalogue(home, "list", "--json")) >= {"pg.connections", "acme.orders", "acme.returns"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["acme.*"], {"acme.orders", "acme.returns"}),
        (["orders"], {"acme.orders"}),
        (["acme.returns"], {"acme.returns"}),
        (["--area", "shop"], {"acme.orders", "acme.returns"}),
        (["--tag", "shop", "--search", "SHIP orders"], {"acme.orders"}),
        (["--search", "z2"], {"acme.orders"}),
        (["acme.*", "--search", "late region"], set()),
        (["acme.*", "--tag", "standard"], {"acme.orders"}),
    ],
)
def test_what_fits_is_listed(home: Path, words: list[str], found: set[str]) -> None:
    said = catalogue(home, "list", *words, "--json")
    assert names(said) == found
    assert said.code == (0 if found else 1)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["list", "acme.ordres"], "did you mean `acme.orders`?"),
        (["list", "preset.standart"], "did you mean `preset.standard`?"),
        (["list", "--area", "shpo"], "did you mean `shop`?"),
        (["list", "--tag", "standrad"], "did you mean `standard`?"),
        (["show", "pg.conections"], "did you mean `pg.connections`?"),
        (["add", "conections"], "did you mean `connections`?"),
        (["add", "acme.zzz-*"], "runner catalogue list"),
    ],
)
def test_names_that_nobody_has(home: Path, words: list[str], hint: str) -> None:
    said = catalogue(home, *words)
    assert (said.code, said.out) == (64, "")
    assert said.err.endswith(f"  help: {hint}\n")


def test_one_check_whole(home: Path) -> None:
    said = catalogue(home, "show", "orders")
    assert said.code == 0
    for line in (
        "acme.orders: Orders are late", "The shop does not ship.", "presets: preset.standard, preset.full",
        "rows in the list of checks: Z1, Z2", "  is warning when late > params.most", "  only where the role has pg_monitor",
        "  only where PostgreSQL is 15 or newer", "  only where the server is a primary", "  params: {most: 5}",
        "SQL, from PostgreSQL 15 on", "SQL, from PostgreSQL 17 on", "SQL that says whether the role can see enough",
        "    - use: acme.orders", "  for: 2 runs",
    ):  # fmt: skip
        assert line in said.out.splitlines()


def test_one_check_as_data(home: Path) -> None:
    (check,) = catalogue(home, "show", "acme.orders", "--json").json()["checks"]
    assert (check["area"], check["rows"], check["grants"]) == ("shop", ["Z1", "Z2"], ["pg_monitor"])
    assert check["sql"] == {"15": "select 'a' as region, 1 as late", "17": "select 'b' as region, 2 as late"}
    assert (check["version"], check["role"], check["scope"]) == ({"from": 15, "to": None}, "primary", "instance")
    assert check["critical"] == ["late > 100", 'region = "x: y" and late > 1']
    (other,) = catalogue(home, "show", "acme.returns", "--json").json()["checks"]
    assert (other["warning"], other["critical"], other["presets"]) == (None, None, [])


def test_every_check_can_be_shown(home: Path) -> None:
    said = catalogue(home, "show", "*")
    assert (said.code, said.err) == (0, "")
    assert all(f"\n{name}: " in said.out for name in ("pg.connections", "runner.self", "acme.returns"))


def test_the_example_of_every_check_loads_and_means_the_same(home: Path) -> None:
    known = known_of(load(str(home), environ={}, no_plugins=True))
    items = [line for item in known for line in list(example(item))[2:]]
    (home / "checks.d" / "example.yaml").write_text("\n".join(["schedule: every 5min", "jobs:", *items]) + "\n")
    loaded = load(str(home), environ={}, no_plugins=True)
    assert [f"{item.span} {item.message}" for item in loaded.home.errors] == []
    assert [meaning(job) for job in loaded.home.jobs] == [meaning(item.job) for item in known]


def meaning(job: Job) -> list[object]:
    """What the numbers of a check say, however they are written."""
    if not isinstance(job.spec, CheckSpec):
        return [job.spec]
    rule = job.spec.rule
    levels = [
        list(map(in_words, level)) for level in (rule.warning, rule.critical, (rule.clear,) if rule.clear else ())
    ]
    return [job.params, job.hold, rule.key, *levels]


@pytest.mark.parametrize(
    "value",
    ["a > 5", "a: b", "a #b", "true", "null", "10", "x > 'é\"'", "- a", "* b", "not x", "(a > 1) or b", ["a > 1", "b: 2"],
     {"a": "30min", "b": 5, "c": ["x, y", "z"], "d": True, "e": {"f": "1"}}, 5, 1.5],
)  # fmt: skip
def test_values_are_read_back_as_they_were(value: object) -> None:
    root = parse("\n".join(yaml_lines("key", value)) + "\n", "x").root
    assert root is not None
    assert plain(root.get("key")) == value


def test_a_file_is_written_that_validates(home: Path) -> None:
    said = catalogue(home, "add", "pg.connections", "acme.orders", "--schedule", "hourly")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("wrote checks.d/checks.yaml: connections, orders\n\nNext:\n")
    assert "runner test checks" in said.out
    assert "runner doctor --grants" in said.out
    text = (home / "checks.d" / "checks.yaml").read_text()
    assert "\nschedule: hourly\n" in text
    assert "    # warning: late > params.most\n" in text
    assert runner("validate", home=home).code == 0
    assert runner("test", "checks", home=home).code == 0
    # Without their `#` the comments are keys that mean the same.
    bare = "\n".join(
        line.replace("# ", "", 1) if "# " in line and "own values" not in line and "yaml-lang" not in line else line
        for line in text.splitlines()
    )
    (home / "checks.d" / "checks.yaml").write_text(bare + "\n")
    loaded = load(str(home), environ={}, no_plugins=True)
    assert [item.message for item in loaded.home.errors] == []
    job = loaded.home.job("orders")
    assert job is not None
    assert str(job.origins["warning"]).startswith("checks.d/checks.yaml")


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["pg.connections"], "connections"),
        (["preset.minimal"], "minimal"),
        (["acme.*"], "shop"),
        (["acme.*", "pg.connections"], "checks"),
        (["acme.*", "--file", "mine.yaml"], "mine"),
    ],
)
def test_the_name_of_the_file(home: Path, words: list[str], file: str) -> None:
    assert catalogue(home, "add", *words).code == 0
    assert [path.stem for path in (home / "checks.d").glob("*.yaml")] == [file]
    assert runner("validate", home=home).code == 0


def test_nothing_is_overwritten(home: Path) -> None:
    assert catalogue(home, "add", "acme.orders").code == 0
    before = (home / "checks.d" / "orders.yaml").read_text()
    said = catalogue(home, "add", "acme.orders")
    assert (said.code, said.out) == (64, "")
    assert "there is a job `orders` already" in said.err
    shutil.move(home / "checks.d" / "orders.yaml", home / "checks.d" / "returns.yaml")
    said = catalogue(home, "add", "acme.returns")
    assert (said.code, "never overwritten" in said.err) == (64, True)
    assert (home / "checks.d" / "returns.yaml").read_text() == before
    assert catalogue(home, "add", "acme.*", "--file", "rest").code == 0
    assert catalogue(home, "add", "acme.*", "--file", "more").code == 64


def test_an_existing_file_gets_more_jobs_at_its_end(home: Path) -> None:
    file = home / "checks.d" / "mine.yaml"
    file.write_text("jobs:\n  - {check: one, schedule: hourly, sql: select 1 as n}\n")
    before = file.read_text()
    said = catalogue(home, "add", "acme.*", "--file", "mine")
    assert said.code == 0
    assert file.read_text().startswith(before)
    loaded = load(str(home), environ={}, no_plugins=True)
    assert [(job.name, job.schedule is not None) for job in loaded.home.jobs] == [
        ("one", True), ("orders", True), ("returns", True),
    ]  # fmt: skip


def test_a_preset_leaves_out_what_the_home_has(home: Path) -> None:
    assert catalogue(home, "add", "pg.connections").code == 0
    said = catalogue(home, "add", "preset.minimal")
    assert said.code == 0
    assert "left out, because this home has jobs of these names: connections" in said.out
    assert runner("validate", home=home).code == 0


def test_a_schedule_that_cannot_be_read_leaves_nothing_behind(home: Path) -> None:
    said = catalogue(home, "add", "acme.orders", "--schedule", "sometimes")
    assert (said.code, "nothing was written" in said.err) == (1, True)
    assert list((home / "checks.d").glob("*.yaml")) == []


def test_a_dry_run_writes_nothing(home: Path) -> None:
    said = catalogue(home, "add", "acme.orders", "--dry-run")
    assert (said.code, said.out.splitlines()[0][:6]) == (0, "# yaml")
    assert list((home / "checks.d").glob("*.yaml")) == []
