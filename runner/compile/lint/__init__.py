"""Advice about a home that loads: what is allowed and yet hardly what its author means."""

from __future__ import annotations

from runner.compile.lint.lint import lint

__all__ = ["lint"]
