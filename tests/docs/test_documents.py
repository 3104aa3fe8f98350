"""What the documentation shows works: commands run, YAML loads, links lead somewhere.

Commands stand in `console` blocks, after `$ `. Blocks marked `sh` are not run: they install packages from the network,
need root or a service manager, or would change the checkout or the crontab of whoever runs the tests.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.app.docs import pages as generated_pages
from runner.app.init import init
from runner.app.loading import load
from runner.app.pages.markdown import anchor
from runner.config.diagnostics import render_all
from tests.docs.blocks import PAGES, ROOT, Block, blocks, prose
from tests.postgres import Database

# These pages are followed with their files and their output: by tests/docs/test_tutorial, and by tests/plugins/test_tutorial.
TUTORIAL = ROOT / "docs" / "writing-checks.md"
OF_PLUGINS = ROOT / "docs" / "writing-plugins.md"
RUN_PAGES = sorted({block.page for block in blocks("console")} - {TUTORIAL, OF_PLUGINS})
BY_THEMSELVES = [page for page in PAGES if page != OF_PLUGINS]
SETTINGS_KEYS = frozenset(
    [
        "version",
        "env_files",
        "state",
        "defaults",
        "allow",
        "targets",
        "sinks",
        "routes",
        "windows",
        "silences",
        "crontab",
        "plugins",
        "retention",
        "connections",
    ]
)
JOB_KEYS = frozenset({"check", "maintenance", "command", "use", "jobs", "presets"})
SETTINGS = "version: 1\nallow: [command]\nwindows: {low-traffic: {from: '02:00', to: '05:00'}}\n"
ENVIRONMENT = {
    "REPORTING_DSN": "postgresql://db2/app", "HOOK_URL": "https://hook.example/", "STORE_PASSWORD": "not-a-real-one",
    "HOOK_SECRET": "not-a-real-one", "MAIL_PASSWORD": "not-a-real-one",
}  # fmt: skip
STATES = {0, 1, 2, 3}
EXITS = {"run": STATES, "status": STATES, "doctor": {0, 1}, "ack": {0, 1}}
NOT_RUN = re.compile(
    r"\b(apt-get|buildah|pip|pytest|systemctl|sqlite3|crontab (install|remove|-l)|runner demo|lint-imports|python -m|make (demo|test|generated))\b"
)


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def in_home(home: Path, database: Database) -> dict[str, str]:
    """An environment in which `runner` is found and the target `main` is the test's database."""
    options = database.options()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "DATABASE_", "RUNNER_"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        "HOME": str(home),
        "NO_COLOR": "1",
        "DATABASE_HOST": options["host"],
        "DATABASE_PORT": options["port"],
        "DATABASE_NAME": options["dbname"],
        "DATABASE_USER": options["user"],
        **({"DATABASE_PASSWORD": options["password"]} if "password" in options else {}),
    }


def shipped_home(folder: Path) -> Path:
    """What `runner init` writes, with its logs inside of the folder."""
    init(folder)
    settings = folder / "runner.yaml"
    settings.write_text(settings.read_text().replace("/var/log/", f"{folder}/logs-"))
    return folder


@pytest.mark.parametrize("page", RUN_PAGES, ids=names)
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path, database: Database) -> None:
    # `init` leaves what is there, so the page's own `runner init health` gives this home.
    home = shipped_home(tmp_path / "health")
    where = (
        home if not any("runner init health" in block.text for block in blocks("console", pages=[page])) else tmp_path
    )
    environment = in_home(tmp_path, database)
    for block in blocks("console", pages=[page]):
        for line in block.text.splitlines():
            if line.startswith("$ "):
                where = run(line.removeprefix("$ "), where, environment, block)


def run(line: str, where: Path, environment: dict[str, str], block: Block) -> Path:
    """Runs one line as the shell would and returns the folder that it ends in."""
    script = f"{line}\ncode=$?; pwd >&3; exit $code"
    reading, writing = os.pipe()
    done = subprocess.run(
        ["bash", "-c", f"exec 3>&{writing}\n{script}"],
        check=False, cwd=where, env=environment, pass_fds=[writing], capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as stream:
        folder = stream.read().strip()
    assert done.returncode in allowed(line), f"{block}: {line}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return Path(folder)


def allowed(line: str) -> set[int]:
    """The exit codes that a sound home may have on a small test database; never 4, 64, 70 or 78."""
    words = shlex.split(line.rpartition("&&")[2])
    command = next((word for word in words[1:] if not word.startswith("-")), "")
    return EXITS.get(command, {0}) if words[0] == "runner" and "--dry-run" not in words else {0}


@pytest.mark.parametrize("block", list(blocks("console", pages=BY_THEMSELVES)), ids=str)
def test_every_console_block_has_commands_that_may_be_run(block: Block) -> None:
    commands = [line for line in block.text.splitlines() if line.startswith("$ ")]
    assert commands
    assert [line for line in commands if NOT_RUN.search(line)] == []


@pytest.mark.parametrize("block", list(blocks("sh")), ids=str)
def test_blocks_that_are_not_run_have_a_reason(block: Block) -> None:
    assert NOT_RUN.search(block.text), "mark it `console`, so that it is run"


def test_the_readme_has_the_plain_commands_behind_make() -> None:
    """What `make demo` and `make test` run, with the Makefile's own defaults."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    plain = {"$(PIP)": ".venv/bin/pip", "$(BIN)": ".venv/bin", " $(DEMO_FLAGS)": "", "$(PYTEST_FLAGS)": "-n 2"}
    assert re.search(r"^PYTEST_FLAGS \?= -n 2$", makefile, re.MULTILINE)
    recipes = re.findall(r"^\t(\$\(PIP\) .*|\$\(BIN\)/(?:runner|pytest)\b.*)$", makefile, re.MULTILINE)
    assert len(recipes) == 5
    shown = {line for block in blocks("sh", pages=[ROOT / "README.md"]) for line in block.text.splitlines()}
    for recipe in recipes:
        command = recipe
        for name, value in plain.items():
            command = command.replace(name, value)
        assert command in shown


@pytest.mark.parametrize("block", list(blocks("yaml", pages=BY_THEMSELVES)), ids=str)
def test_yaml_loads_without_complaint(block: Block, tmp_path: Path) -> None:
    write_home(block.text, shipped_home(tmp_path))
    write_plugins(block.page, tmp_path)
    loaded = load(str(tmp_path), environ=ENVIRONMENT)
    assert loaded.host.faults == ()
    assert render_all(loaded.home.diagnostics, loaded.home.sources) == ""


def write_home(text: str, home: Path) -> None:
    """A block as the file that it is: settings beside the shipped jobs, a file of jobs, or a few keys of a job."""
    keys = set(re.findall(r"^([\w-]+):", text, re.MULTILINE))
    if keys <= SETTINGS_KEYS:
        (home / "runner.yaml").write_text(text)
        if "allow" not in keys:
            (home / "checks.d" / "app-restart.yaml").unlink()
        return
    shutil.rmtree(home / "checks.d")
    (home / "checks.d").mkdir()
    (home / "runner.yaml").write_text(SETTINGS)
    rest = {"check": "example", "sql": "select * from example"}
    missing = "" if keys & JOB_KEYS else "".join(f"{key}: {value}\n" for key, value in rest.items() if key not in keys)
    (home / "checks.d" / "example.yaml").write_text(missing + text)


def write_plugins(page: Path, home: Path) -> None:
    """The plugins that the page shows, where it says that they belong."""
    for path, text in re.findall(
        r"<!-- example: (plugins/\S+) -->\n```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL
    ):
        (home / "plugins").mkdir(exist_ok=True)
        (home / path).write_text(text)


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, part = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (part and part not in anchors(file)):
            missing.append(target)
    assert missing == []


def anchors(page: Path) -> set[str]:
    return {anchor(title.replace("`", "")) for title in re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)}


def test_links_between_generated_pages_lead_to_headings(tmp_path: Path) -> None:
    loaded = load(str(shipped_home(tmp_path)), environ={})
    made = {page.path.name: page.text for page in generated_pages(loaded, tmp_path)}
    headings = {
        name: {anchor(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)} for name, text in made.items()
    }
    links = [(name, target) for name, text in made.items() for target in re.findall(r"\]\(([\w.-]*#[\w-]+)\)", text)]
    assert len(links) > 50
    for name, target in links:
        file, _, part = target.partition("#")
        assert part in headings[file or name]
