"""The version, without asking the package metadata (which costs more than a quiet tick)."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
