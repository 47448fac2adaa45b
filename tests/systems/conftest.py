"""What the tests of other systems share."""

from __future__ import annotations

from .windows import windows

__all__ = ["windows"]
