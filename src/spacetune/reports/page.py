"""One self-contained HTML page: its style and its script are inside, and it may load nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from spacetune.reports.markup import Markup, tag

__all__ = ["asset", "fragment", "page"]


SCRIPTS = ("turning.js", "explanation.js")


def asset(name: str) -> str:
    """Return a file of the reports' looks: ``report.css`` or one of the scripts."""
    return (files("spacetune.reports") / "assets" / name).read_text(encoding="utf-8")


def page(title: str, body: Markup) -> str:
    """Return a whole page; its content policy allows this style and this script and nothing else."""
    script = "\n".join(map(asset, SCRIPTS))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(asset("report.css"))),
    )
    whole = tag("html", head, tag("body", body, tag("script", Markup(script)), class_="spacetune"), lang="en")
    return f"<!doctype html>\n{whole}\n"


def fragment(body: Markup) -> str:
    """Return what a notebook shows: the body with its style, without script."""
    return tag("div", tag("style", Markup(asset("report.css"))), body, class_="spacetune")
