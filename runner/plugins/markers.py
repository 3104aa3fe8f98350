"""The decorators that mark hooks: `hookimpl` for plugins, `hookspec` for the list of hooks."""

from __future__ import annotations

from typing import Final

import pluggy

PROJECT: Final = "runner"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
