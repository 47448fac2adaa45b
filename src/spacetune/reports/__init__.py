"""A result drawn for people: in the terminal, and as HTML, Markdown, a picture, JSON or CSV."""

from spacetune.reports.rendering import notebook, render

__all__ = ["notebook", "render"]
