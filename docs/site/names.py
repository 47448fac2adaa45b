"""The reference holds every public name: what is missing is a warning, and `make site` makes warnings errors."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import Any

from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

import spacetune

ROOM = re.compile(r"^   (spacetune\.[\w.]+)$", re.MULTILINE)
"""A room as it stands in `reference/api.md`: to add one is to add its line."""


def missing(app: Any, env: Any) -> None:
    """Warn of public names that have no place in the reference."""
    listed = ROOM.findall((app.srcdir / "reference" / "api.md").read_text(encoding="utf-8"))
    rooms = [name for name in listed if name.removeprefix("spacetune.") not in spacetune.__all__]
    wanted = [f"spacetune.{name}" for name in spacetune.__all__]
    for room in rooms:
        names = importlib.import_module(room).__all__
        wanted += [f"{room}.{name}" for name in names if name not in spacetune.__all__]
    for name in wanted:
        if name not in env.domains.python_domain.objects:
            logging.getLogger(__name__).warning("%s has no place in the reference", name)


def describe(_app: Any, what: str, name: str, _value: object, _options: Any, lines: list[str]) -> None:
    """Give a constant the words that stand below it where it is made: autodoc looks only where it is listed."""
    if what == "data":
        lines[:] = CONSTANTS.get(name.rpartition(".")[2], [])


def _constants() -> dict[str, list[str]]:
    """Return the words below every constant of the library by its name."""
    modules = [found.name for found in pkgutil.walk_packages(spacetune.__path__, "spacetune.")]
    found = [ModuleAnalyzer.for_module(name).find_attr_docs() for name in modules if "__main__" not in name]
    return {name: words for attributes in found for (of, name), words in attributes.items() if not of}


CONSTANTS = _constants()


def setup(app: Any) -> dict[str, bool]:
    """Add both."""
    app.connect("env-check-consistency", missing)
    app.connect("autodoc-process-docstring", describe)
    return {"parallel_read_safe": True}
