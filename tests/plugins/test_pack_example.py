"""The example of a check pack: installed, its checks stand in the catalogue and run on a real server."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.app.homes import TempHome
from tests.cli.support import runner
from tests.docs.blocks import blocks
from tests.postgres import Database

FOLDER = Path(__file__).parents[2] / "plugins" / "runner-pack-example"
NAMES = {"example.unlogged-tables", "example.superusers"}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip leaves it: the package on the path, and its entry point beside it."""
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    info = tmp_path / "site" / f"runner_pack_example-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (point,) = project["entry-points"]["runner"].items()
    (info / "entry_points.txt").write_text(f"[runner]\n{point[0]} = {point[1]}\n")
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.syspath_prepend(info.parent)


@pytest.fixture
def home(tmp_path: Path, database: Database) -> TempHome:
    (block,) = blocks("yaml", pages=[FOLDER / "README.md"])
    return TempHome.make(tmp_path / "home", database.options(), {"house-rules.yaml": block.text})


@pytest.mark.usefixtures("installed")
def test_its_checks_are_in_the_catalogue_and_begin_nothing_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "empty" / "checks.d").mkdir(parents=True)
    said = runner("catalogue", "list", "example.*", "--json", home=tmp_path / "empty")
    assert {item["name"]: item["source"] for item in said.json()["checks"]} == dict.fromkeys(NAMES, "example.rules")
    assert "example.superusers" in runner("catalogue", "list", "example.*", home=tmp_path / "empty").out
    listed = runner("plugins", "list", "--json", home=tmp_path / "empty").json()["plugins"]
    (mine,) = [item for item in listed if item["name"] == "pack-example"]
    assert (mine["status"], mine["version"], mine["offers"]) == ("loaded", "0.1.0", ["pack example.rules"])


@pytest.mark.usefixtures("installed")
def test_its_checks_run_on_a_server(home: TempHome, database: Database) -> None:
    database.execute(
        "create unlogged table cache (id int)", "create unlogged table filled (id int)", "insert into filled values (1)"
    )
    assert runner("validate", home=home.path).code == 0
    said = runner("run", "house-rules", home=home.path)
    assert "public.filled is unlogged and has 8.0 kB" in said.out, said.all
    assert "public.cache" not in said.out
    assert "alter table public.filled set logged" in said.out


def test_without_the_pack_the_home_says_what_is_missing(home: TempHome) -> None:
    said = runner("validate", home=home.path)
    assert said.code == 1
    assert "the catalogue has no check `example.unlogged-tables`" in said.all


def test_the_readme_names_every_check() -> None:
    readme = (FOLDER / "README.md").read_text()
    assert {name for name in NAMES if f"`{name}`" not in readme} == set()
