"""What a command job says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field

from runner.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """The words of a program, or a script for /bin/sh; never both."""

    words: tuple[str, ...] = ()
    script: str = ""
    cwd: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    exits: frozenset[int] = frozenset({0})
    stdout_matches: re.Pattern[str] | None = None

    @property
    def argv(self) -> tuple[str, ...]:
        return self.words or ("/bin/sh", "-c", self.script)

    @property
    def program(self) -> str:
        """What is started, for people."""
        return self.words[0] if self.words else "the script"
