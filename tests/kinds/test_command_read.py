"""The keys of a command job."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.app.loading import load
from runner.kinds.command.read import read
from runner.kinds.command.spec import CommandSpec
from tests.kinds.support import Complaints, mapping


def test_words_and_everything_beside_them() -> None:
    complaints = Complaints()
    spec = read(
        mapping({
            "command": "x",
            "run": ["sleep", 5, True],
            "cwd": "scripts",
            "env": {"LEVEL": 3},
            "expect": {"exit": [0, 2], "stdout_matches": "^done$"},
        }),
        complaints,
    )  # fmt: skip
    assert complaints.found == []
    assert spec.argv == ("sleep", "5", "true")
    assert (spec.cwd, spec.env, spec.exits) == ("scripts", {"LEVEL": "3"}, {0, 2})
    assert spec.stdout_matches
    assert spec.stdout_matches.search("so\ndone\n")


def test_a_script_runs_in_a_shell() -> None:
    assert read(mapping({"command": "x", "shell": "ls | wc"}), Complaints()).argv == ("/bin/sh", "-c", "ls | wc")


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ({}, "nothing to run", "run: ["),
        ({"run": "pm2 restart all"}, "a list of words", "`shell: |`"),
        ({"run": []}, "a list of words", "`shell: |`"),
        ({"run": ["a"], "shell": "b"}, "cannot both be given", "keep one"),
        ({"run": ["a"], "expect": {"stdout_matches": "("}}, "not a regular expression", "backslash"),
    ],
)
def test_what_is_wrong_is_said_with_a_way_out(keys: dict[str, object], message: str, hint: str) -> None:
    complaints = Complaints()
    read(mapping({"command": "x", **keys}), complaints)
    [(_, said, advice)] = complaints.found
    assert message in said
    assert hint in advice


def test_numbers_are_words_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "checks.d").mkdir()
    (tmp_path / "runner.yaml").write_text("version: 1\nallow: [command]\n")
    (tmp_path / "checks.d" / "a.yaml").write_text(
        "command: a\nrun: [find, +0, 1.10, -1, 0755]\nenv: {LEVEL: 1.10}\ntimeout: 1min\n"
    )
    (job,) = load(str(tmp_path), environ={}, no_plugins=True).home.jobs
    assert isinstance(job.spec, CommandSpec)
    assert job.spec.words == ("find", "+0", "1.10", "-1", "0755")
    assert job.spec.env == {"LEVEL": "1.10"}
