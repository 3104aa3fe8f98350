"""What deploy/ calls exists: commands with their options, files that are copied, users and folders that fit together."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from runner.cli.main import cli
from runner.testing.home import RunnerHome

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
MANIFESTS = sorted((DEPLOY / "kubernetes").iterdir())
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
INSTALL = DEPLOY / "install-host.sh"


def setting(unit: Path, key: str) -> str:
    [value] = re.findall(rf"(?m)^{key}=(.*)$", unit.read_text())
    return str(value)


def documents() -> Iterator[tuple[str, Any]]:
    for path in MANIFESTS:
        for document in yaml.safe_load_all(path.read_text()):
            yield path.name, document


def pods() -> Iterator[tuple[str, Any]]:
    for name, document in documents():
        spec = document.get("spec", {})
        if document["kind"] == "CronJob":
            yield name, spec["jobTemplate"]["spec"]["template"]["spec"]
        elif document["kind"] == "Deployment":
            yield name, spec["template"]["spec"]


def calls() -> Iterator[tuple[str, list[str]]]:
    """Every command line of runner that deploy/ has."""
    for unit in UNITS:
        if unit.suffix == ".service":
            program, *words = shlex.split(setting(unit, "ExecStart"))
            assert program == "/opt/runner/bin/runner"
            options = re.findall(r'(?m)^(?:#\s+)?Environment="WORKER_OPTIONS=(.*)"$', unit.read_text())
            for option in options or [""]:
                yield unit.name, [*[word for word in words if word != "$WORKER_OPTIONS"], *shlex.split(option)]
    for name, pod in pods():
        yield name, pod["containers"][0]["args"]
    [words] = re.findall(r"(?m)^CMD (\[.*\])$", CONTAINERFILE)
    yield "Containerfile", yaml.safe_load(words)
    for words in re.findall(r"\$prefix/bin/runner (.*)\"$", INSTALL.read_text(), re.MULTILINE):
        yield INSTALL.name, shlex.split(words)
    for words in re.findall(r"-m runner (--version|init [^)\n]*)", INSTALL.read_text()):
        yield INSTALL.name, shlex.split(words)


CALLS = list(calls())


@pytest.mark.parametrize(("where", "words"), CALLS, ids=[f"{where}: {' '.join(words)}" for where, words in CALLS])
def test_a_command_exists_with_these_options(where: str, words: list[str]) -> None:
    del where
    outer = click.Context(cli, info_name="runner", obj={}, resilient_parsing=True, **cli.context_settings)
    while words[0] == "--home":
        words = words[2:]
    if words == ["--version"]:
        return
    name, command, rest = cli.resolve_command(outer, words)
    assert command is not None
    command.make_context(name, rest, parent=outer).close()


def test_there_are_calls_of_every_kind() -> None:
    assert {where for where, _ in CALLS} == {
        "runner.service", "runner-worker.service", "cronjob.yaml", "workers.yaml", "Containerfile", "install-host.sh",
    }  # fmt: skip


def test_an_option_that_does_not_exist_would_be_seen() -> None:
    with pytest.raises(click.NoSuchOption):
        test_a_command_exists_with_these_options("", ["run-due", "--lop"])


def test_what_is_copied_into_the_image_is_all_that_the_wheel_needs() -> None:
    kept = {line[1:] for line in (DEPLOY / "containerignore").read_text().splitlines() if line.startswith("!")}
    project = (DEPLOY.parent / "pyproject.toml").read_text()
    included = set(re.findall(r'(?m)^"([^"]+)" = "runner/_data', project))
    assert included
    assert {*included, "runner", "pyproject.toml", "README.md"} <= kept
    assert [name for name in kept if not (DEPLOY.parent / name).exists()] == []


def test_pods_run_as_the_user_of_the_image_and_mount_what_there_is() -> None:
    [uid] = re.findall(r"(?m)^USER (\d+):\d+$", CONTAINERFILE)
    maps = {document["metadata"]["name"]: document["kind"] for _, document in documents()}
    for name, pod in pods():
        assert pod["securityContext"]["runAsUser"] == int(uid), name
        [container] = pod["containers"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        assert "emptyDir" in mounts["/etc/runner/.runner"], "the state folder has to be writable"
        used = [volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume]
        used += [source["secretRef"]["name"] for source in container["envFrom"]]
        assert [maps[item] for item in used] == ["ConfigMap", "ConfigMap", "Secret"], name


def test_the_home_of_the_manifests_is_sound(tmp_path: Path) -> None:
    found = {document["metadata"]["name"]: document for _, document in documents()}
    home = RunnerHome(tmp_path / "home")
    for name, text in found["runner-settings"]["data"].items():
        home.write(name, text)
    for name, text in found["runner-checks"]["data"].items():
        home.write(f"checks.d/{name}", text)
    home.write("plugins/queue.py", "from runner_procrastinate import __runner_api__, runner_register_executors\n")
    said = home.runner("validate", environ=found["runner-secrets"]["stringData"])
    assert said.code == 0, said.err
    assert "change-me" not in said.all


def test_manifests_fit_the_schemas_of_kubernetes() -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate: pip install it")
    for _, document in documents():
        for version in ("1.29", "1.33"):
            validate.validate(document, version, strict=True)


@pytest.mark.parametrize("name", ["runner.timer", "runner-worker.service"])
def test_systemd_takes_the_units(name: str, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/runner/bin/runner", sys.executable)
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "runner" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


def test_the_script_is_clean() -> None:
    program = shutil.which("shellcheck")
    if not program:
        pytest.skip("needs shellcheck: apt-get install shellcheck")
    done = subprocess.run([program, str(INSTALL)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def install(tmp_path: Path) -> tuple[Path, list[str]]:
    """A root with a virtual environment in which everything is installed."""
    root = tmp_path / "root"
    programs = root / "opt" / "runner" / "bin"
    programs.mkdir(parents=True)
    python = programs / "python"
    python.write_text(f'#!/bin/sh\n[ "$2" = pip ] && exit 0\nPYTHONPATH={DEPLOY.parent} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return root, ["sh", str(INSTALL), "--root", str(root), "--python", sys.executable]


def installed(words: list[str], *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*words, *more], capture_output=True, text=True, check=False)


def test_a_host_is_installed_once(install: tuple[Path, list[str]]) -> None:
    root, words = install
    more = ("--with", "timer", "--with", "worker", "--home", "/srv/health", "--user", "pgrun",
            "--worker-options", "--jobs 8 --labels network=dmz")  # fmt: skip
    first = installed(words, *more)
    assert (first.returncode, first.stderr) == (0, "")
    units = {path.name: path.read_text() for path in (root / "etc/systemd/system").iterdir()}
    assert set(units) == {unit.name for unit in UNITS}
    assert "ExecStart=/opt/runner/bin/runner --home /srv/health run-due\n" in units["runner.service"]
    assert "User=pgrun\nGroup=pgrun\n" in units["runner.service"]
    assert '\nEnvironment="WORKER_OPTIONS=--jobs 8 --labels network=dmz"\n' in units["runner-worker.service"]
    (root / "srv/health/runner.yaml").write_text("version: 1\n")
    again = installed(words, *more)
    assert (again.returncode, "wrote" in again.stdout, "made" in again.stdout) == (0, False, False)
    assert (root / "srv/health/runner.yaml").read_text() == "version: 1\n", "what was edited stays"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--hom", "/x"], "there is no option `--hom`"),
        (["--home"], "--home needs a value"),
        (["--home", "here"], "here is not an absolute path"),
        (["--home", "/a|b"], "/a|b has characters that unit files do not take"),
        (["--with", "cron"], "--with takes timer, worker or none, not `cron`"),
        (["--user", "a b"], "`a b` is not a user's name"),
        (["--worker-options", "--jobs 4; rm"], "--worker-options has characters"),
        (["--python", "false"], "false is not Python 3.11 or newer"),
    ],
)
def test_a_wrong_call_changes_nothing(install: tuple[Path, list[str]], words: list[str], told: str) -> None:
    root, call = install
    said = installed(call, *words)
    assert (said.returncode, told in said.stderr) == (1, True), said.stderr
    assert {path.name for path in root.iterdir()} == {"opt"}
