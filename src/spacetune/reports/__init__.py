"""A result drawn for people: in the terminal, and as HTML, Markdown, a picture, JSON or CSV."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from spacetune.reports.endings import ENDINGS

if TYPE_CHECKING:
    from spacetune.reports.printing import draw_result as draw_result
    from spacetune.reports.printing import printed as printed
    from spacetune.reports.rendering import notebook as notebook
    from spacetune.reports.rendering import render as render

__all__ = ["ENDINGS", "draw_result", "notebook", "printed", "render"]


def __getattr__(name: str) -> Any:  # files need every kind of result and all that makes them; the terminal does not
    if name not in __all__:
        raise AttributeError(f"module 'spacetune.reports' has no attribute {name!r}; it has {', '.join(__all__)}")
    home = "printing" if name in ("draw_result", "printed") else "rendering"
    return getattr(importlib.import_module(f"spacetune.reports.{home}"), name)
