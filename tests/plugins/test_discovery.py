"""Distributions without plugins cost a tick no import; everything that may have one is looked at properly."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from runner.plugins.discovery import may_be_registered

POINT = "[runner]\nacme = acme_runner\n"


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("acme-1.dist-info/entry_points.txt", POINT, True),
        ("acme-1.egg-info/entry_points.txt", f"[console_scripts]\nx = y:z\n\n  [ runner ]\n{POINT}", True),
        ("acme-1.egg/EGG-INFO/entry_points.txt", POINT, True),
        ("acme-1.dist-info/entry_points.txt", "[console_scripts]\nrunner = acme:runner\n[runner.other]\n", False),
        ("acme-1.dist-info/METADATA", POINT, False),
        ("acme/entry_points.txt", POINT, False),
    ],
)
def test_only_metadata_with_the_group_counts(tmp_path: Path, file: str, text: str, found: bool) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(text)
    assert may_be_registered([str(tmp_path / "nowhere"), str(tmp_path)], [PathFinder]) is found


def test_a_zip_on_the_path_is_looked_at_properly(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "libraries.zip", "w") as archive:
        archive.writestr("a.py", "")
    assert may_be_registered([str(tmp_path / "libraries.zip")], [PathFinder])


def test_so_are_finders_of_other_kinds(tmp_path: Path) -> None:
    class Finder:
        def find_distributions(self) -> None: ...

    assert may_be_registered([str(tmp_path)], [PathFinder, Finder()])
    assert not may_be_registered([str(tmp_path)], [PathFinder, object()])


def test_nothing_is_imported_where_nothing_is_registered() -> None:
    program = (
        "import sys\nfrom runner.plugins.discovery import installed\n"
        "sys.path = [folder for folder in sys.path if 'plugins' not in folder]\n"
        "print(installed(), 'importlib.metadata' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.stdout == "[] False\n", done.stderr
