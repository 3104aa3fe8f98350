"""A new distribution with a probe."""

from __future__ import annotations

SUMMARY = "Sizes of the files in a folder"

USE = """\
```yaml
# checks.d/@word@.yaml
check: @word@
schedule: hourly
probe: @name@
with: {folder: /var/log}
warning: size > 1GB
message: "{{ file }} has {{ size | bytes }}"
```

`runner run @word@` looks now.
"""

PACKAGE = '''\
"""What this plugin adds to runner. It is imported at every tick, so it imports nothing that costs time."""

from __future__ import annotations

from runner.api import ProbeType, hookimpl

__runner_api__ = (1, 0)

FOLDER = {"type": "string", "minLength": 1, "description": "The folder.", "examples": ["/var/log"]}


@hookimpl
def runner_register_probes() -> list[ProbeType]:
    return [
        ProbeType(
            name="@name@",
            summary="@summary@",
            fetch="@package@.@module@:fetch",
            options={"folder": FOLDER},
            columns={"file": "text", "size": "bytes"},
            key=("file",),
            needs_server=False,
        )
    ]
'''

MODULE = '''\
"""The probe `@name@`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

from runner.api import Answer, Options, Query, Row, RunContext, RunnerError


def fetch(context: RunContext, options: Options) -> Generator[Sequence[Query], Sequence[Answer], Iterable[Row]]:
    """One row for each file. A raised RunnerError makes the check unknown, and its message is the reason."""
    # A probe that asks a server yields queries here and is sent their answers.
    yield from ()
    folder = Path(options["folder"])
    try:
        return [{"file": path.name, "size": path.stat().st_size} for path in sorted(folder.iterdir()) if path.is_file()]
    except OSError as error:
        raise RunnerError(f"{folder} cannot be read: {error.strerror}", hint=f"ls -ld {folder}") from error
'''

TEST = '''\
"""The plugin, and a check that uses its probe."""

from __future__ import annotations

from pathlib import Path

import pytest

import @package@ as plugin
from runner.testing import PluginContract, RunnerHome


class TestPlugin(PluginContract):
    """Inherits the tests of every plugin."""

    plugin = plugin


@pytest.mark.parametrize(
    ("size", "code", "said"),
    [(10, 0, ""), (2000, 1, "large.log has 2.0 kB"), (None, 3, "cannot be read: No such file or directory")],
)
def test_in_a_home(runner_home: RunnerHome, tmp_path: Path, size: int | None, code: int, said: str) -> None:
    folder = tmp_path / "logs"
    if size is not None:
        folder.mkdir()
        (folder / "large.log").write_bytes(b"x" * size)
    runner_home.write(
        "checks.d/@word@.yaml",
        f"""
        check: @word@
        schedule: hourly
        probe: @name@
        with: {{folder: {folder}}}
        warning: size > 1kB
        message: "{{{{ file }}}} has {{{{ size | bytes }}}}"
        """,
    )
    called = runner_home.runner("run", "@word@")
    assert called.code == code, called.out + called.err
    assert said in called.out
'''
