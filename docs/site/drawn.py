"""What the site takes from the code: the commands, the requests that the server answers, the looks."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

import typer
from typer.cli import get_docs_for_click
from typer.main import get_command

from spacetune.cli.app import app


def commands() -> str:
    """Return what `--help` says of every command, as Markdown."""
    command = get_command(app)
    context = typer.Context(command, info_name="spacetune")  # pyright: ignore[reportArgumentType]
    text = get_docs_for_click(obj=command, ctx=context, name="spacetune")
    return text[text.index("\n## ") :].replace("\n## `spacetune ", "\n## `")


def requests() -> str:
    """Return every request that the server answers, with the fields of its body, as Markdown."""
    from spacetune.web import make_app

    schema = make_app([]).openapi()
    routes = [(path, verb, what) for path, verbs in schema["paths"].items() for verb, what in verbs.items()]
    asked = "\n\n".join(_request(path, verb.upper(), what) for path, verb, what in routes)
    shapes = {name: shape for name, shape in schema["components"]["schemas"].items() if name != "Problem"}
    return f"## Requests\n\n{asked}\n\n## Bodies\n\n" + "\n\n".join(map(_body, shapes, shapes.values())) + "\n"


def _request(path: str, verb: str, what: dict[str, Any]) -> str:
    named = re.findall(r"schemas/(\w+)", str(what.get("requestBody", "")))
    body = " or ".join(f"[`{name}`](#{name.lower()})" for name in named)
    return f"### `{verb} {path}`\n\n{_plain(what['description'])}" + (f"\n\nBody: {body}." if body else "")


def _body(name: str, shape: dict[str, Any]) -> str:
    """Return the fields of one body as a table."""
    needed = shape.get("required", ())
    rows = [
        f"| `{field}` | {_kind(of)} | {'yes' if field in needed else 'no'} | {_plain(of.get('description', ''))} |"
        for field, of in shape["properties"].items()
    ]
    head = "| field | type | required | what |\n| --- | --- | --- | --- |\n"
    return f"### {name}\n\n{_plain(shape.get('description', ''))}\n\n{head}" + "\n".join(rows)


def _kind(field: dict[str, Any]) -> str:
    """Return a field's JSON type in words."""
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(part) for part in field["anyOf"] if part.get("type") != "null"))
    if "enum" in field or "const" in field:
        return " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "prefixItems" in field:
        return "pair of " + _kind(field["prefixItems"][0])
    if field.get("type") == "array":
        return "list of " + _kind(field.get("items", {}))
    return field.get("type", "object")


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def style() -> str:
    """Return the site's own looks: results in its light and dark, formulas, no switches that need a script."""
    looks = (files("spacetune.reports") / "assets" / "report.css").read_text(encoding="utf-8")
    light, dark = re.findall(r"\.spacetune \{\s*(--paper.*?color-scheme: \w+;)", looks, re.DOTALL)
    return f"""html[data-theme=light] .spacetune {{ {light} }}
html[data-theme=dark] .spacetune {{ {dark} }}
math {{ font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math; }}
.formula {{ margin: 1rem 0; overflow-x: auto; }}
code {{ overflow-wrap: anywhere; }}
.bd-sidebar-primary {{ max-width: 17rem; }}
.spacetune select, .spacetune .switch, .sphx-glr-thumbcontainer img, .sphx-glr-download-link-note {{ display: none; }}
"""
