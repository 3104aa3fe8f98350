"""Ways to make a fault that several areas need."""

from __future__ import annotations

from contextlib import ExitStack

from runner.demo.embedded import Server
from tests.catalogue.frame import Plant, run_in
from tests.postgres import Database, eventually
from tests.shipped.support import database_of


def setting(name: str, value: str, *, shown: str = "") -> Plant:
    """A setting of the whole server, once new sessions see it, or that it waits for a restart."""
    seen = (
        f"select count(*) from pg_settings where name = '{name}' and (setting = '{shown or value}' or pending_restart)"
    )

    def plant(stack: ExitStack, server: Server, database: Database) -> None:
        run_in(server, f"alter system set {name} = '{value}'", "select pg_reload_conf()")
        stack.callback(lambda: _back(server, name))
        eventually(lambda: database.value(seen), what=f"{name} after the reload")

    return plant


def _back(server: Server, name: str) -> None:
    ours = (
        f"select count(*) from pg_settings where name = '{name}' and (sourcefile like '%auto.conf' or pending_restart)"
    )
    run_in(server, f"alter system reset {name}", "select pg_reload_conf()")
    eventually(lambda: database_of(server).value(ours) == 0, what=f"{name} as it was")


def statements(*words: str, undo: str = "") -> Plant:
    """Statements in the database; `undo` (divided by `; `) is run afterwards, for what belongs to the whole server."""

    def plant(stack: ExitStack, server: Server, database: Database) -> None:
        if undo:
            stack.callback(lambda: run_in(server, *undo.split("; ")))
        database.execute(*words)

    return plant
