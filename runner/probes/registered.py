"""The probes that come with runner."""

from __future__ import annotations

from runner.api import ProbeType

PROBES: tuple[ProbeType, ...] = ()
