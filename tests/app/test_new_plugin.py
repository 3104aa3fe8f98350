"""`runner new plugin`: what it writes is installed, is found, and passes its own tests as it is."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from runner.app.new_plugin import SORTS, new_plugin
from runner.errors import UsageError
from tests.cli.support import clean, runner

NAMES = {sort: f"acme.a-{sort}" for sort in SORTS}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One distribution of each sort, as if it were installed: its folder is on the path and its entry point is known."""
    folder = tmp_path_factory.mktemp("written")
    for sort, name in NAMES.items():
        made = new_plugin(name, sort, folder)
        made.write()
        project = tomllib.loads(made.files["pyproject.toml"])["project"]
        info = made.folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        points = "".join(f"{name} = {value}\n" for name, value in project["entry-points"]["runner"].items())
        (info / "entry_points.txt").write_text(f"[runner]\n{points}")
    return folder


@pytest.mark.parametrize("sort", SORTS)
def test_its_tests_pass_as_they_are(written: Path, sort: str) -> None:
    folder = written / f"runner-acme-a-{sort}"
    path = f"{folder}:{Path(__file__).parents[2]}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder, env=clean({"PYTHONPATH": path}), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_a_wheel_is_built_installed_tested_and_listed(tmp_path: Path) -> None:
    made = new_plugin("acme.teams", "sink", tmp_path)
    made.write()
    venv.create(tmp_path / "fresh", with_pip=True, symlinks=True)
    python = tmp_path / "fresh" / "bin" / "python"
    # The environment of these tests lends runner and what it needs, so that only the wheel is installed.
    (lent,) = (tmp_path / "fresh").glob("lib/python3*/site-packages")
    (lent / "lent.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")

    def call(*words: str, cwd: Path) -> str:
        done = subprocess.run(words, cwd=cwd, env=clean({}), capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pip = (str(python), "-m", "pip", "-q", "--disable-pip-version-check")
    call(*pip, "wheel", "--no-deps", "--wheel-dir", "dist", ".", cwd=made.folder)
    (wheel,) = (made.folder / "dist").glob("runner_acme_teams-0.1.0-*.whl")
    call(*pip, "install", "--no-deps", "--no-index", str(wheel), cwd=tmp_path)
    (tests := tmp_path / "elsewhere").mkdir()
    (made.folder / "tests").rename(tests / "tests")
    assert " passed" in call(str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tests)
    listed = call(str(python), "-m", "runner", "plugins", "list", cwd=tests)
    assert "acme-teams  0.1.0    loaded" in listed
    assert "acme-teams: sink acme.teams" in listed


def test_the_files_are_named_and_nothing_is_overwritten(tmp_path: Path) -> None:
    said = runner("new", "plugin", "acme.teams", "--into", tmp_path)
    folder = tmp_path / "runner-acme-teams"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert said.code == 0
    assert found == {
        ".gitignore", "README.md", "pyproject.toml", "runner_acme_teams/__init__.py", "runner_acme_teams/teams.py",
        "tests/test_teams.py",
    }  # fmt: skip
    assert {line.strip() for line in said.out.splitlines()} >= found
    again = runner("new", "plugin", "acme.teams", "--into", tmp_path)
    assert again.code == 64
    assert "is there already, and is never overwritten" in again.err


def test_a_rehearsal_writes_nothing(tmp_path: Path) -> None:
    said = runner("new", "plugin", "acme.teams", "--probe", "--dry-run", "--into", tmp_path)
    assert said.code == 0
    assert "def runner_register_probes() -> list[ProbeType]:" in said.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sort", SORTS)
def test_everything_is_filled_in(sort: str) -> None:
    made = new_plugin("acme.two-words.deep", sort, Path("x"))
    for name, text in made.files.items():
        assert "@" not in text.replace("@hookimpl", "").replace("@dataclass", "").replace("@pytest", ""), name
        assert all(len(line) <= 120 for line in text.splitlines()), name
    assert tomllib.loads(made.files["pyproject.toml"])["project"]["name"] == "runner-acme-two-words-deep"


@pytest.mark.parametrize("name", ["teams", "Acme.teams", ".teams", "acme.", "acme..teams", "acme.te ams", "../x.y"])
def test_a_name_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no name for a plugin"):
        new_plugin(name, "sink", tmp_path)


def test_what_is_written_is_clean(written: Path) -> None:
    settings = Path(__file__).parents[2] / "pyproject.toml"
    for words in (["check", "--select", "E,F,B,UP", "--ignore", "E501"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", words[0], "--config", str(settings), *words[1:], str(written)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
