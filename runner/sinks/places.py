"""Where files of sinks stand: what a path of runner.yaml means, and the one folder that is made."""

from __future__ import annotations

import os
from pathlib import Path

from runner.api import SinkContext


def place_of(written: str, context: SinkContext) -> Path:
    """A relative path starts at the home; `~` is the user's own folder."""
    return Path(os.path.abspath(context.home / Path(written).expanduser()))


def make_folder(folder: Path, context: SinkContext) -> None:
    """Only the home's own state folder is made; anywhere else a missing folder is more likely a mistake."""
    if folder.is_relative_to(os.path.abspath(context.state_dir)):
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
