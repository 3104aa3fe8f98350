"""docs/writing-plugins.md is followed step by step; only the two steps that install something are done without pip.

`RUNNER_WRITE_PAGES=1 pytest tests/plugins/test_tutorial.py` writes what is printed into the page.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

from tests.cli.support import clean
from tests.docs.blocks import ROOT
from tests.docs.tutorial import Reader, Step, rewritten, steady

PAGE = ROOT / "docs" / "writing-plugins.md"
_CHANGES = (
    (re.compile(r"[.\s]*\[100%\]\n"), ""),
    (re.compile(r"[0-9]+ (passed|failed)"), r"N \1"),
    (re.compile(r" in [0-9.]+s.*$", re.MULTILINE), " in SECONDS"),
    (re.compile(r" after [0-9.]+ m?s"), " after SECONDS"),
    (re.compile(r" +[0-9]+ ms +"), "  N ms  "),
)


def same(text: str) -> str:
    """The text without what differs from run to run."""
    text = steady(text)
    for pattern, word in _CHANGES:
        text = pattern.sub(word, text)
    return text


def install(folder: Path) -> None:
    """What `pip install -e '.[test]'` does in a new environment; runner and pytest are lent by this one."""
    venv.create(folder / ".venv", with_pip=False, symlinks=True)
    (site,) = (folder / ".venv").glob("lib/python3*/site-packages")
    lent = sysconfig.get_path("purelib")
    (site / "lent.pth").write_text(f"import site; site.addsitedir({lent!r})\n{folder}\n")
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = site / f"runner_acme_board-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    ((name, package),) = project["entry-points"]["runner"].items()
    (info / "entry_points.txt").write_text(f"[runner]\n{name} = {package}\n")
    for program in ("pytest", "runner"):
        script = folder / ".venv" / "bin" / program
        script.write_text(f'#!/bin/sh\nexec {folder}/.venv/bin/python -m {program} "$@"\n')
        script.chmod(0o755)


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition("<!-- install -->\n")
    offset = len(text) - len(rest)
    environ = clean({"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"})
    environ.pop("PYTHONPATH")
    reader = Reader(tmp_path, environ)
    steps = list(reader.follow(before))
    install(tmp_path / "runner-acme-board")
    steps += [
        Step(step.command, step.start + offset, step.end + offset, step.shown, step.printed, step.code)
        for step in reader.follow(rest)
    ]
    if os.environ.get("RUNNER_WRITE_PAGES"):
        PAGE.write_text(rewritten(text, [step for step in steps if same(step.printed) != same(step.shown)]), "utf-8")
    assert len(steps) == 12
    for step in steps:
        assert same(step.printed) == same(step.shown), f"$ {step.command}"
        assert "Traceback" not in step.printed


def test_what_pip_is_told_is_what_the_scaffold_says() -> None:
    installed, wheel = re.findall(r"<!-- install -->\n```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert installed.strip() in PAGE.read_text("utf-8").partition("<!-- install -->")[0]
    assert "pip wheel --no-deps" in wheel
