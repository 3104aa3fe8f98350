"""Stores in PostgreSQL for tests: their URLs, and what others do to them."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlencode

from tests.postgres import Database


def url_of(options: Mapping[str, str], **more: str) -> str:
    """`postgresql://…` of libpq's keywords."""
    given = {**options, **more}
    user, password, name = (quote(given.pop(key, ""), safe="") for key in ("user", "password", "dbname"))
    return f"postgresql://{user}{password and f':{password}'}@/{name}?{urlencode(given)}"


def kill_sessions(database: Database) -> int:
    """Ends every session of stores in the database, as an administrator or a failing server would."""
    rows = database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'runner store' and datname = current_database()"
    )
    return len(rows)


class Wire:
    """A socket in front of a server's, which can cut the line at a COMMIT: before it arrives, or before it is answered."""

    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        self._server = f"{options['host']}/.s.PGSQL.{options['port']}"
        self.options = {**options, "host": str(folder)}
        self.cut = ""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.{options['port']}")
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, suppress(OSError):
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for source in ready:
                    data = source.recv(65536)
                    is_commit = source is client and b"commit\0" in data
                    if not data or (is_commit and self._is_cut("before")):
                        return
                    (server if source is client else client).sendall(data)
                    if is_commit and self._is_cut("unanswered"):
                        return
                    if is_commit and self._is_cut("answered"):
                        server.recv(65536)
                        return

    def _is_cut(self, where: str) -> bool:
        """Cuts once."""
        if self.cut != where:
            return False
        self.cut = ""
        return True
