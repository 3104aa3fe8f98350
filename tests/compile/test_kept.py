"""Jobs that are kept compiled are the jobs of the files, and of nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runner.api import JobKind
from runner.compile import kept
from runner.compile.home import load_home
from runner.compile.kept import FILE, keep_in_memory, load_kept
from runner.config.files import shipped
from runner.model.codec import encode
from runner.model.home import Home
from runner.plugins.host import PluginHost
from runner.plugins.registry import Registry

REGISTRY = PluginHost({}, no_plugins=True).registry()
SETTINGS = "version: 1\ntargets: {main: {host: localhost}}\nallow: [command]\n"
CHECK = "check: one\nsql: select 1 as x\nwarning: x > 1\nmessage: '{{ x }}'\n"

Files = Mapping[str, str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / ".runner").mkdir()
    write(tmp_path, {"runner.yaml": SETTINGS, "checks.d/one.yaml": CHECK})
    return tmp_path


def write(path: Path, files: Files) -> None:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)


def load(path: Path, registry: Registry = REGISTRY, environ: Files | None = None) -> tuple[Home, bool]:
    """The home, and whether its jobs had been kept: then nobody has read the text of their files."""
    home = load_kept(path, registry, environ or {})
    return home, "checks.d/one.yaml" not in home.sources


def is_kept(path: Path, registry: Registry = REGISTRY, environ: Files | None = None) -> bool:
    return load(path, registry, environ)[1]


def test_a_home_that_did_not_change_is_compiled_once(path: Path) -> None:
    assert [is_kept(path) for _ in range(3)] == [False, True, True]


def with_the_catalogue(path: Path) -> None:
    write(path, {"checks.d/all.yaml": "schedule: daily\njobs:\n  - use: '*'\n"})


def with_the_shipped_files(path: Path) -> None:
    for file in shipped("checks.d").glob("*.yaml"):
        shutil.copy(file, path / "checks.d")


@pytest.mark.parametrize("fill", [with_the_catalogue, with_the_shipped_files])
def test_every_job_that_is_shipped_comes_back_as_it_was(path: Path, fill: Callable[[Path], None]) -> None:
    fill(path)
    compiled = load_home(path, REGISTRY, {"PGBOUNCER_DSN": "host=h"})
    assert not compiled.errors
    # Those that take something from the environment are not kept, and would keep the others from it.
    takes = {job.name for job in compiled.jobs if kept._refers_to_environment(job)}
    again = kept._jobs(json.loads(json.dumps([encode(kept._bare(job)) for job in compiled.jobs])), REGISTRY)
    assert again == [kept._bare(job) for job in compiled.jobs]
    assert len(again) > len(takes)


def test_the_rest_of_a_home_comes_back_as_well(path: Path) -> None:
    with_the_shipped_files(path)
    compiled = load_home(path, REGISTRY, {})
    assert not is_kept(path)
    again, was_kept = load(path)
    assert was_kept
    assert list(again.jobs) == [replace(job, documented={}, origins={}) for job in compiled.jobs]
    assert (again.groups, again.settings, again.targets) == (compiled.groups, compiled.settings, compiled.targets)
    assert set(compiled.files) == set(again.files)


def edited(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        before = (path / name).stat()
        (path / name).write_text((path / name).read_text().replace(old, new))
        # Not even the time of the file need tell.
        os.utime(path / name, ns=(before.st_atime_ns, before.st_mtime_ns))

    return change


def added(name: str, text: str) -> Callable[[Path], None]:
    return lambda path: write(path, {name: text})


@pytest.mark.parametrize("change", [
    edited("checks.d/one.yaml", "x > 1", "x > 2"),
    edited("runner.yaml", "main", "next"),
    added("checks.d/two.yaml", CHECK.replace("one", "two")),
    added("checks.d/deep/three.yaml", CHECK.replace("one", "three")),
    added("checks.d/catalogue/mine.yaml", "jobs: []\n"),
    lambda path: (path / "checks.d/one.yaml").rename(path / "checks.d/uno.yaml"),
    lambda path: (path / "runner.yaml").unlink(),
])  # fmt: skip
def test_any_change_is_seen(path: Path, change: Callable[[Path], None]) -> None:
    assert not is_kept(path)
    change(path)
    after = load_kept(path, REGISTRY, {})
    assert after.jobs
    fresh = load_home(path, REGISTRY, {})
    assert (after.jobs, after.settings, after.targets) == (fresh.jobs, fresh.settings, fresh.targets)


def test_an_update_of_runner_is_seen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [is_kept(path), is_kept(path)] == [False, True]
    monkeypatch.setattr(kept, "program_mark", lambda: "another")
    assert not is_kept(path)


def test_the_environment_is_never_kept(path: Path) -> None:
    """Neither in a job nor by way of the settings."""
    write(path, {"checks.d/one.yaml": CHECK + "params: {most: '${MOST}'}\n"})
    homes = [load(path, environ={"MOST": value}) for value in "123"]
    assert [(home.jobs[0].params, was_kept) for home, was_kept in homes] == [({"most": n}, False) for n in "123"]
    write(path, {"checks.d/one.yaml": CHECK, "runner.yaml": SETTINGS + "defaults: {timezone: '${ZONE}'}\n"})
    assert [is_kept(path, environ={"ZONE": zone}) for zone in ("UTC", "UTC", "Asia/Tokyo")] == [False, True, False]


@pytest.mark.parametrize("text", ["check: one\n", "check: [", "check: one\nsql: select 1 as x\nwarning: y >\n"])
def test_a_home_with_errors_is_not_kept(path: Path, text: str) -> None:
    write(path, {"checks.d/two.yaml": text})
    assert not any(is_kept(path) for _ in range(3))
    assert load(path)[0].errors


def test_plugins_that_have_a_hand_in_jobs_are_asked_each_time(path: Path) -> None:
    kind = JobKind(name="acme.look", summary="Looks", read=lambda *_: None, run="x:y")
    owners = {**REGISTRY.owners, ("kinds", "acme.look"): "acme"}
    registry = replace(REGISTRY, kinds={**REGISTRY.kinds, "acme.look": kind}, owners=owners)
    assert not any(is_kept(path, registry) for _ in range(3))
    only_a_sink = replace(REGISTRY, owners={**REGISTRY.owners, ("sinks", "acme.post"): "acme"})
    assert [is_kept(path, only_a_sink) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", '{"mark": 1}', "\0\xff", "{}" * 9,
])  # fmt: skip
def test_a_damaged_file_counts_as_missing(path: Path, text: str) -> None:
    assert [is_kept(path), is_kept(path)] == [False, True]
    (path / ".runner" / FILE).write_text(text)
    assert [is_kept(path), is_kept(path)] == [False, True]


@pytest.mark.parametrize("part", ["jobs", "groups", "files"])
def test_a_file_with_the_right_mark_and_the_wrong_content_is_harmless(path: Path, part: str) -> None:
    assert [is_kept(path), is_kept(path)] == [False, True]
    file = path / ".runner" / FILE
    content = json.loads(file.read_text())
    del content[part]
    file.write_text(json.dumps(content))
    assert [is_kept(path), is_kept(path)] == [False, True]


def test_a_file_that_others_may_write_is_not_believed(path: Path) -> None:
    """It holds SQL."""
    assert [is_kept(path), is_kept(path)] == [False, True]
    file = path / ".runner" / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o620)
    assert [is_kept(path), is_kept(path)] == [False, True]
    elsewhere = file.rename(path / "elsewhere")
    file.symlink_to(elsewhere)
    assert [is_kept(path), is_kept(path)] == [False, True]


def test_a_folder_that_cannot_be_written_is_no_trouble(path: Path) -> None:
    shutil.rmtree(path / ".runner")
    assert not any(is_kept(path) for _ in range(2))
    (path / ".runner").write_text("in the way")
    assert not any(is_kept(path) for _ in range(2))


def test_forks_take_the_jobs_from_memory_while_nothing_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, _ = load(path)
    keep_in_memory(path, REGISTRY, {})
    monkeypatch.setattr(kept, "_in_memory", list(kept._in_memory))
    (path / ".runner" / FILE).unlink()
    home, was_kept = load(path)
    assert was_kept
    assert [encode(job) for job in home.jobs] == [encode(kept._bare(job)) for job in before.jobs]
    write(path, {"checks.d/one.yaml": CHECK.replace("x > 1", "x > 2")})
    assert not is_kept(path)


def test_nothing_stays_in_memory_that_is_not_kept(path: Path) -> None:
    keep_in_memory(path, REGISTRY, {})
    assert not kept._in_memory
