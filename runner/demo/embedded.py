"""Starts and stops a throw-away PostgreSQL server in a folder, as root or as anybody else.

PostgreSQL refuses to run as root. As root its programs are run in a user namespace where they are somebody
else, and where that is forbidden, as the user `nobody`; no user is created for it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import field, replace
from functools import cache
from pathlib import Path
from typing import Literal

from psycopg.conninfo import make_conninfo

from runner.demo.binaries import Installation, choose
from runner.errors import RunnerError
from runner.records import dataclass

SUPERUSER = "postgres"
THROW_AWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
    "listen_addresses": "",
    "log_min_messages": "warning",
    "max_connections": "100",
}
_NOBODY = 65534
_COPY = "programs"
_MAPPED = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
# The address of a socket has room for 107 characters, its own name included.
_LONGEST_SOCKET_FOLDER = 80
_SECONDS_TO_WAIT = 60
StopMode = Literal["smart", "fast", "immediate"]


@dataclass(slots=True)
class Server:
    """One running (or stopped) server: `folder` holds its data and its log.

    Everybody on the socket is trusted. With a password it listens on 127.0.0.1 as well, at `port`,
    and there asks every role for one.
    """

    folder: Path
    installation: Installation
    sockets: Path
    port: int = 5432
    password: str = field(default="", repr=False)
    borrowed: bool = False
    """Whether `folder` is another than was asked for, because nobody could have entered that one."""

    @classmethod
    def start(
        cls,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        *,
        version: int | None = None,
        programs: Path | None = None,
        password: str = "",
    ) -> Server:
        """Makes a data directory in `folder` unless there is one, and starts the server. Raises RunnerError."""
        installation = choose(version=version, folder=programs)
        asked = folder.absolute()
        asked.mkdir(parents=True, exist_ok=True)
        folder = _enterable(asked)
        server = cls(folder, _within_reach(installation, folder), _socket_folder(folder))
        server.borrowed = folder != asked
        server.password = password
        server.port = _free_port() if password else 5432
        if not (server.data / "PG_VERSION").exists():
            server._make_data_directory()
        server.configure(settings or {})
        server.resume()
        return server

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def major(self) -> int:
        return self.installation.major

    @property
    def pid(self) -> int | None:
        """The process id of the running server, None when it is stopped."""
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def options(self, dbname: str = "postgres", user: str = SUPERUSER) -> dict[str, str]:
        """The keywords (libpq's) for a connection over the socket."""
        return {"host": str(self.sockets), "port": str(self.port), "dbname": dbname, "user": user}

    def dsn(self, dbname: str = "postgres", user: str = SUPERUSER) -> str:
        """A libpq connection text over the socket."""
        return make_conninfo("", **self.options(dbname, user))

    def tcp_dsn(self, dbname: str = "postgres", user: str = SUPERUSER, password: str = "") -> str:
        """A connection text over 127.0.0.1, where a password is asked for."""
        return make_conninfo("", **{**self.options(dbname, user), "host": "127.0.0.1"}, password=password)

    def configure(self, settings: Mapping[str, str]) -> None:
        """Writes the settings on top of those for throw-away servers; a (re)start makes them count."""
        chosen = {**THROW_AWAY, "unix_socket_directories": str(self.sockets), "port": str(self.port)}
        if self.password:
            chosen["listen_addresses"] = "127.0.0.1"
        lines = [f"{name} = {_quoted(value)}" for name, value in {**chosen, **settings}.items()]
        (self.data / "runner.conf").write_text("\n".join([*lines, ""]))
        _give_away(self.data / "runner.conf")

    def resume(self) -> None:
        """Starts the stopped server."""
        self.sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log.touch()
        _give_away(self.sockets, self.log)
        self._pg_ctl("start", "--wait", f"--timeout={_SECONDS_TO_WAIT}", f"--log={self.log}")

    def stop(self, mode: StopMode = "fast") -> None:
        """Stops this server and no other; does nothing when it is stopped already."""
        if self.pid is not None:
            self._pg_ctl("stop", "--wait", f"--timeout={_SECONDS_TO_WAIT}", f"--mode={mode}")

    def restart(self, mode: StopMode = "fast") -> None:
        """Stops and starts; settings changed by `configure` count from then on."""
        self.stop(mode)
        self.resume()

    def stand_by(self) -> None:
        """Makes the server a standby that waits for a primary; the next start makes it count."""
        (self.data / "standby.signal").touch()
        _give_away(self.data / "standby.signal")

    def remove(self) -> None:
        """Stops the server at once and deletes all that it left."""
        self.stop("immediate")
        for place in (self.data, self.sockets, self.folder / _COPY):
            shutil.rmtree(place, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        if self.borrowed:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _make_data_directory(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        _give_away(self.data)
        words = [f"--username={SUPERUSER}", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        if self.password:
            secret = self.folder / "password"
            secret.touch(mode=0o600)
            secret.write_text(self.password)
            _give_away(secret)
            words.append(f"--pwfile={secret}")
        try:
            self._program("initdb", f"--pgdata={self.data}", *words)
        finally:
            (self.folder / "password").unlink(missing_ok=True)
        hosts = "local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self.data / "pg_hba.conf").write_text(hosts)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("include 'runner.conf'\n")

    def _pg_ctl(self, action: str, *words: str) -> None:
        self._program("pg_ctl", action, f"--pgdata={self.data}", "--silent", *words)

    def _program(self, name: str, *words: str) -> None:
        # The server inherits what pg_ctl has open; a file, unlike a pipe, does not keep us waiting for its end.
        with tempfile.TemporaryFile() as output:
            command = [*_disguise(), str(self.installation.folder / name), *words]
            nobody = _NOBODY if _must_become_nobody() else None
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                cwd="/",
                env=_environment(),
                user=nobody,
                group=nobody,
                extra_groups=() if nobody else None,
            )
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        if done.returncode:
            raise RunnerError(f"{name} failed: {_last_line(said, self.log)}", hint=f"the server's log is {self.log}")


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


@cache
def _disguise() -> tuple[str, ...]:
    """The words before a program that make root look like somebody else to it."""
    if os.geteuid() or not shutil.which("unshare"):
        return ()
    tried = subprocess.run([*_MAPPED, "true"], capture_output=True, check=False)
    return () if tried.returncode else _MAPPED


def _must_become_nobody() -> bool:
    return os.geteuid() == 0 and not _disguise()


def _enterable(folder: Path) -> Path:
    """The folder, or one in /tmp when `nobody` has to work in it and cannot get there."""
    closed = any(not each.stat().st_mode & 0o001 for each in (folder, *folder.parents))
    if not (_must_become_nobody() and closed):
        return folder
    other = Path(tempfile.mkdtemp(prefix="runner-", dir="/tmp"))
    other.chmod(0o755)
    return other


def _within_reach(installation: Installation, folder: Path) -> Installation:
    """Programs that `nobody` can start: copied into the folder when they lie below a closed one, such as root's own."""
    if not _must_become_nobody() or _nobody_can_start(installation.folder / "postgres"):
        return installation
    prefix = installation.folder.parent
    copy = folder / _COPY / prefix.parent.name / prefix.name
    if not copy.exists():
        shutil.copytree(prefix, copy, symlinks=True)
        # A wheel keeps shared libraries in a folder beside its package.
        libraries = prefix.parent.with_name(f"{prefix.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, folder / _COPY / libraries.name, symlinks=True)
    return replace(installation, folder=copy / "bin")


def _nobody_can_start(program: Path) -> bool:
    command = [str(program), "--version"]
    try:
        done = subprocess.run(
            command, user=_NOBODY, group=_NOBODY, extra_groups=(), cwd="/", capture_output=True, check=False
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _give_away(*paths: Path) -> None:
    if _must_become_nobody():
        for path in paths:
            os.chown(path, _NOBODY, _NOBODY)


def _socket_folder(folder: Path) -> Path:
    inside = folder / "sockets"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_FOLDER:
        return inside
    return Path(tempfile.mkdtemp(prefix="runner-", dir="/tmp"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last_line(said: str, log: Path) -> str:
    logged = log.read_text(errors="replace").splitlines() if log.exists() else []
    lines = [line for line in said.splitlines() if line.strip()]
    return " / ".join([*lines[-2:], *logged[-3:]]) or "it said nothing"
