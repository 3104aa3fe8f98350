"""The shipped plugins as those who install them meet them: built, installed beside runner, and listed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.plugins_shipped.folders import FOLDERS, ROOT, project


def test_they_are_built_installed_and_loaded(tmp_path: Path) -> None:
    sources = []
    for folder in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__", "dist", "*.egg-info")
        sources.append(shutil.copytree(folder, tmp_path / "sources" / folder.name, ignore=ignored))
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    call([*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "wheels", *map(str, sources)], tmp_path)
    wheels = sorted((tmp_path / "wheels").glob("*.whl"))
    assert len(wheels) == len(FOLDERS)
    call([*pip, "install", "--no-deps", "--no-index", "--target", "installed", *map(str, wheels)], tmp_path)
    (tmp_path / "home" / "checks.d").mkdir(parents=True)
    said = call([sys.executable, "-m", "runner", "--home", "home", "plugins", "list", "--json"], tmp_path, "installed")
    found = {item["name"]: item for item in json.loads(said)["plugins"]}
    for folder in FOLDERS:
        (name,) = project(folder)["entry-points"]["runner"]
        assert found[name]["status"] == "loaded", found[name]
        assert found[name]["source"].split()[0] == folder.name


def call(words: list[str], folder: Path, *paths: str) -> str:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("RUNNER_", "PYTHONPATH"))}
    environ = {**kept, "PYTHONPATH": ":".join([*(str(folder / path) for path in paths), str(ROOT)])}
    done = subprocess.run(words, cwd=folder, env=environ, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
