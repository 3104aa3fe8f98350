"""`runner validate` and `runner explain` as they are called: output, streams, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.config.codes import CODES
from tests.cli.support import runner

GOOD = "check: a\nsql: select 1 as n\nwarning: n > 5\n"
NEVER = "check: b\nsql: select 1 as n\nwarning: n > 5 and n < 3\n"
BAD = "check: c\nsql: select 1 as n\nwaning: n > 5\n"
SEVERAL = "titel: x\njobs:\n  - {check: d, sql: select 1 as n, warning: m > 5, critical: k > 5}\n"


def home(folder: Path, **files: str) -> str:
    (folder / "checks.d").mkdir()
    for name, text in files.items():
        (folder / "checks.d" / f"{name}.yaml").write_text(text)
    return str(folder)


def test_a_sound_home(tmp_path: Path) -> None:
    said = runner("validate", "--home", home(tmp_path, a=GOOD))
    assert (said.code, said.out, said.err) == (0, "1 job in 1 group, 1 target: 0 errors, 0 warnings\n", "")


def test_warnings_are_no_problem_unless_strict(tmp_path: Path) -> None:
    place = home(tmp_path, a=GOOD, b=NEVER)
    said = runner("validate", "--home", place)
    assert (said.code, said.out) == (0, "2 jobs in 2 groups, 1 target: 0 errors, 1 warning\n")
    assert "warning[threshold-never]: `n > 5 and n < 3` is never true\n --> checks.d/b.yaml:3:10\n" in said.err
    assert runner("validate", "--strict", "--home", place).code == 1


def test_all_problems_of_all_files_at_once_and_sorted(tmp_path: Path) -> None:
    said = runner("validate", "--home", home(tmp_path, z=BAD, b=NEVER, a=SEVERAL, m="a: [1\n"))
    places = [line.split()[1] for line in said.err.splitlines() if line.startswith(" --> ")]
    assert said.code == 1
    assert places == [
        "checks.d/a.yaml:1:1",
        "checks.d/b.yaml:3:10",
        "checks.d/m.yaml:1:4",
        "checks.d/z.yaml:3:1",
    ]


def test_every_format_says_the_same(tmp_path: Path) -> None:
    place = home(tmp_path, b=NEVER, c=BAD)
    data = json.loads(runner("validate", "--home", place, "--format", "json").out)
    assert [item["code"] for item in data["diagnostics"]] == ["threshold-never", "unknown-key"]
    assert data == json.loads(runner("validate", "--home", place, "--json").out)
    github = runner("validate", "--home", place, "--format", "github")
    assert [line.split(" ")[0] for line in github.out.splitlines()] == ["::warning", "::error"]
    sarif = json.loads(runner("validate", "--home", place, "--format", "sarif").out)
    assert [item["ruleId"] for item in sarif["runs"][0]["results"]] == ["threshold-never", "unknown-key"]
    assert {runner("validate", "--home", place, "--format", form).code for form in ("json", "github", "sarif")} == {1}
    assert github.err == ""


def test_paths_are_told_from_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ops").mkdir()
    home(tmp_path / "ops", c=BAD)
    monkeypatch.chdir(tmp_path)
    assert "file=ops/checks.d/c.yaml,line=3" in runner("validate", "--home", "ops", "--format", "github").out
    monkeypatch.chdir(tmp_path / "ops")
    assert "file=checks.d/c.yaml,line=3" in runner("validate", "--format", "github").out


def test_the_clock_decides_whether_a_silence_is_over(tmp_path: Path) -> None:
    place = home(tmp_path, a=GOOD)
    (tmp_path / "runner.yaml").write_text("silences: [{jobs: [a], until: 2026-05-31, reason: load}]\n")
    before = runner("validate", "--home", place, "--now", "2026-05-31T12:00Z")
    after = runner("validate", "--home", place, "--now", "2026-06-01T00:00Z")
    assert ("expired-silence" in before.err, "expired-silence" in after.err) == (False, True)


def test_a_format_that_does_not_exist(tmp_path: Path) -> None:
    assert runner("validate", "--home", home(tmp_path), "--format", "xml").code == 64


@pytest.mark.parametrize("word", ["unknown-key", "error[unknown-key]:", "warning[threshold-never]"])
def test_the_page_of_a_code(word: str) -> None:
    said = runner("explain", word)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"# {word.partition('[')[2].rstrip(':').rstrip(']') or word}\n")


def test_every_code_has_a_page_that_is_printed() -> None:
    for code in CODES:
        assert runner("explain", code).out.startswith(f"# {code}\n"), code


@pytest.mark.parametrize(
    ("word", "near"),
    [("unknwon-key", "unknown-key"), ("treshold-never", "threshold-never"), ("aa", "aaa"), ("zzzzzzzzz", "")],
)
def test_a_word_that_is_no_code(tmp_path: Path, word: str, near: str) -> None:
    said = runner("explain", "--home", home(tmp_path, a=GOOD.replace("check: a", "check: aaa")), word)
    assert said.code == 64
    assert f"`{word}` is neither the code of a diagnostic nor a job of this home" in said.err
    assert ("did you mean" in said.err) is bool(near)
    assert not near or f"runner explain {near}`" in said.err


def test_a_code_needs_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert runner("explain", "unknown-key").code == 0
    assert runner("explain", "unknwon-key").code == 64


def test_a_job_is_explained_by_its_name(tmp_path: Path) -> None:
    said = runner("explain", "--home", home(tmp_path, a=GOOD), "a")
    assert said.code == 0
    assert "n > 5" in said.out
