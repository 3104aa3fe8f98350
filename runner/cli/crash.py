"""A bug: a file with what a report needs, and one line that names it. Secrets are masked."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Iterable

from runner.model.secret import Secret, mask
from runner.plugins.host import PluginHost
from runner.version import VERSION


def write_crash_file(error: BaseException, words: list[str], secrets: Iterable[Secret]) -> str:
    """The path of the file, empty when none could be written."""
    lines = [
        f"runner {VERSION}, Python {platform.python_version()}, {platform.platform()}",
        f"command: runner {' '.join(words)}",
        "",
        *traceback.format_exception(error),
    ]
    try:
        descriptor, path = tempfile.mkstemp(prefix="runner-crash-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(mask("\n".join(lines), [*secrets, *environment_secrets()]))
    except OSError:
        return ""
    return path


def environment_secrets() -> list[Secret]:
    """Values of the environment whose names say that they are secret, and the passwords in connection texts."""
    from runner.config.dsn import passwords_in

    words = ("PASSWORD", "SECRET", "TOKEN", "KEY", "DSN", "URL")
    values = [value for name, value in os.environ.items() if any(word in name.upper() for word in words)]
    inside = [word for value in values for word in passwords_in(value)]
    return [Secret(word) for word in (*values, *inside)]


def tell_bugs(host: PluginHost | None, secrets: Iterable[Secret] = ()) -> bool:
    """The tracebacks of what plugins let out, on standard error; whether RUNNER_STRICT_PLUGINS found anything."""
    if host is None or not host.strict:
        return False
    known = [*secrets, *environment_secrets()]
    for bug in host.bugs:
        print(mask(f"{bug.where}:\n{bug.traceback}", known), file=sys.stderr, end="")
    return bool(host.bugs or host.faults)


def tell_crash(error: BaseException, words: list[str], secrets: Iterable[Secret] = ()) -> None:
    """One line on standard error: what kind of error, and where the details lie."""
    path = write_crash_file(error, words, secrets)
    where = f"; details are in {path}" if path else ""
    print(f"runner: this is a bug in runner ({type(error).__name__}){where}", file=sys.stderr)
    print("  help: report it with that file, which holds no passwords", file=sys.stderr)
