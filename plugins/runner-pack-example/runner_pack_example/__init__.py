"""The catalogue files in the folder `checks`."""

from __future__ import annotations

from importlib.resources import files

from runner.api import CheckPack, hookimpl

__runner_api__ = (1, 0)


@hookimpl
def runner_register_check_packs() -> list[CheckPack]:
    return [
        CheckPack(
            name="example.rules",
            version="0.1.0",
            root=files("runner_pack_example") / "checks",
            summary="Rules of a house: no unlogged tables, no unexpected superusers",
        )
    ]
