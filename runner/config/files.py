"""Finds the home and its files, and reads them: every failure is a diagnostic."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final, Literal

import runner
from runner import gate
from runner.errors import ConfigurationError
from runner.model.diagnostic import Diagnostic, Severity, Span
from runner.records import dataclass

SETTINGS_FILE: Final = "runner.yaml"
JOBS_FOLDER: Final = "checks.d"
CATALOGUE_FOLDER: Final = "catalogue"
SYSTEM_HOME: Final = Path(gate.SYSTEM_HOME)
MAX_BYTES: Final = 1_000_000

Reason = Literal["--home", "RUNNER_HOME", "found upward", "system"]
# YAML 1.2.2, "Character Set". Most files are ASCII, and the ranges of Unicode take long to compile.
_UNPRINTABLE_ASCII = re.compile("[^\t\n\r\x20-\x7e]")
_UNPRINTABLE = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeChoice:
    """The home's folder, and what named it."""

    path: Path
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """A file as read: `text` is None when it cannot be used, and the diagnostics say why."""

    path: Path
    name: str
    text: str | None = field(default=None, repr=False)
    diagnostics: tuple[Diagnostic, ...] = ()


def find_home(option: str | Path | None, environ: Mapping[str, str], cwd: Path) -> HomeChoice:
    """The home by --home, RUNNER_HOME, the nearest folder upward, or /etc/runner.

    Raises ConfigurationError when a named folder does not exist.
    """
    if option:
        return HomeChoice(path=_folder(cwd / option, "--home"), reason="--home")
    if named := environ.get("RUNNER_HOME"):
        return HomeChoice(path=_folder(cwd / named, "RUNNER_HOME"), reason="RUNNER_HOME")
    if found := gate.upward(str(cwd)):
        return HomeChoice(path=Path(found), reason="found upward")
    return HomeChoice(path=SYSTEM_HOME, reason="system")


def _folder(path: Path, source: str) -> Path:
    if os.path.isdir(path):
        return path.resolve()
    hint = "create it with `runner init`" if is_absent(path) else "name the folder that holds runner.yaml"
    raise ConfigurationError(f"{source} names {path}, which is not a folder", hint=hint)


def shipped(name: str) -> Path:
    """A file or folder that comes with runner: `checks.d`, `schema`, `runner.yaml`."""
    package = Path(runner.__file__).resolve().parent
    inside = package / "_data"
    return (inside if inside.is_dir() else package.parent) / name


def job_files(home: Path) -> tuple[list[Path], list[Diagnostic]]:
    """The job files in checks.d/, sorted, without the catalogue, and complaints about what lies beside them."""
    root = home / JOBS_FOLDER
    if is_absent(root):
        return [], []
    diagnostics: list[Diagnostic] = []
    found = sorted(_walk(root, home, diagnostics))
    kept = [path for path in found if path.suffix == ".yaml"]
    for path in found:
        if path.suffix == ".yml":
            message, hint = "only .yaml files are read", f"rename it to {path.stem}.yaml"
            diagnostics.append(
                _complaint("file-ignored", display_name(path, home), message, hint, severity=Severity.WARNING)
            )
    return kept, diagnostics


def catalogue_files(folder: Path) -> list[Path]:
    """The catalogue files of a folder, sorted; empty when it does not exist."""
    try:
        return sorted(path for path in folder.glob("*.yaml") if not path.name.startswith("."))
    except OSError:
        return []


def _walk(folder: Path, home: Path, diagnostics: list[Diagnostic]) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        name = display_name(folder, home)
        diagnostics.append(_complaint("file-unreadable", name, _reason(error, "the folder"), "check its permissions"))
        return
    for path in entries:
        if path.name.startswith(".") or (path.name == CATALOGUE_FOLDER and folder == home / JOBS_FOLDER):
            continue
        # A linked folder is not followed, so that a link to a parent cannot make the walk endless.
        if os.path.isdir(path) and path.suffix != ".yaml":
            if not os.path.islink(path):
                yield from _walk(path, home, diagnostics)
        else:
            yield path


def read_text(path: Path, name: str) -> FileText:
    """The file's text, at most 1 MB of UTF-8 without control characters."""
    try:
        data = _bytes_of(path)
    except (OSError, ValueError) as error:
        return _unusable(path, name, _complaint("file-unreadable", name, _reason(error, "the file"), _remedy(error)))
    if len(data) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES:,} bytes"
        return _unusable(path, name, _complaint("file-too-large", name, message, "split it into several files"))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        at = _position(data[: error.start].decode(errors="replace"))
        message = f"byte 0x{data[error.start]:02x} is not UTF-8"
        return _unusable(path, name, _complaint("file-encoding", name, message, "save it as UTF-8", at=at))
    text = text.removeprefix("\ufeff")
    if bad := (_UNPRINTABLE_ASCII.search(text) if text.isascii() else re.search(_UNPRINTABLE, text)):
        at = _position(text[: bad.start()])
        message = f"the control character U+{ord(bad[0]):04X} cannot stand in YAML"
        hint = 'remove it, or write it as an escape in double quotes, such as "\\u0007"'
        return _unusable(path, name, _complaint("file-encoding", name, message, hint, at=at))
    return FileText(path=path, name=name, text=text)


def _bytes_of(path: Path) -> bytes:
    """What the file holds, one byte more than allowed at most; a pipe would keep us waiting for ever."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", closefd=True) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("it is a pipe or a device")
        return stream.read(MAX_BYTES + 1)


def is_absent(path: Path) -> bool:
    """Whether nothing has this name; what cannot be looked at is not absent, and reading it says why."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


def below(home: Path, written: str) -> Path:
    """A path as people write it: `~` is a home folder, and a relative one starts at the home."""
    return home / os.path.expanduser(written)


def display_name(path: Path, home: Path) -> str:
    """The path as diagnostics show it: relative to the home when it lies inside."""
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def _unusable(path: Path, name: str, diagnostic: Diagnostic) -> FileText:
    return FileText(path=path, name=name, diagnostics=(diagnostic,))


def _position(before: str) -> tuple[int, int]:
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", before)
    return len(lines), len(lines[-1]) + 1


def _reason(error: OSError | ValueError, noun: str) -> str:
    if isinstance(error, IsADirectoryError):
        return "this is a folder with the name of a file"
    if isinstance(error, FileNotFoundError):
        return f"{noun} does not exist"
    return f"{noun} cannot be read: {why(error)}"


def why(error: OSError | ValueError) -> str:
    """The system's reason in its own words."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _remedy(error: OSError | ValueError) -> str:
    if isinstance(error, IsADirectoryError):
        return "rename the folder"
    if isinstance(error, FileNotFoundError):
        return "the link leads nowhere: remove or mend it"
    return "check its permissions"


def _complaint(
    code: str, name: str, message: str, hint: str, *, at: tuple[int, int] = (1, 1), severity: Severity = Severity.ERROR
) -> Diagnostic:
    line, column = at
    span = Span(name, line, column, line, column + 1)
    return Diagnostic(code=code, span=span, message=message, hint=hint, severity=severity)
