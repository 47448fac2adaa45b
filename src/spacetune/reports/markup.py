"""HTML built from Python: whatever is not `Markup` already is escaped, in this one place.

Control characters, which HTML cannot hold, and overrides of the reading direction are written out.
"""

# What is drawn is of any type, and becomes text.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from markupsafe import Markup, escape

from spacetune.errors import printable
from spacetune.results import json_text

__all__ = ["Attribute", "Markup", "json_script", "tag"]

Attribute = str | float | bool | None
"""What an attribute can be: None and False leave it out, True stands without a value."""
VOID = frozenset({"br", "hr", "img", "input", "meta"})


def tag(name_: str, *children: object, **attributes: Attribute) -> Markup:
    """Build an element; strings among its children and attributes are escaped.

    A trailing underscore of an attribute's name is dropped, inner ones become hyphens. None and False leave the
    attribute out, True writes it without a value.

    >>> print(tag("b", "1 < 2", class_="big", data_score=0.5))
    <b class="big" data-score="0.5">1 &lt; 2</b>
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    inner = "".join(_escaped(child) for child in children)
    return Markup(f"<{name_}{written}>" if name_ in VOID else f"<{name_}{written}>{inner}</{name_}>")  # noqa: S704


def json_script(data: object, **attributes: Attribute) -> Markup:
    r"""Embed data for a script; no text in it can end the element.

    >>> print(json_script(["</script>"], class_="data"))
    <script class="data" type="application/json">["\u003c/script>"]</script>
    """
    text = json_text(data).replace("<", "\\u003c")
    written = "".join(_attribute(key, value) for key, value in {**attributes, "type": "application/json"}.items())
    return Markup(f"<script{written}>{text}</script>")  # noqa: S704


def _escaped(child: object) -> str:
    if isinstance(child, Markup):
        return child
    if isinstance(child, list | tuple):
        return "".join(_escaped(each) for each in child)
    return "" if child is None else escape(printable(child, lines=True))


def _attribute(key: str, value: Attribute) -> str:
    name = key.removesuffix("_").replace("_", "-")
    if value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(printable(value, lines=True))}"'
