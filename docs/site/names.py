"""The reference holds every public name: what is missing is a warning, and `make site` makes warnings errors."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

import spacetune

LISTED = re.compile(r"^   spacetune\.([\w.]+)$", re.MULTILINE)
"""A name of the root, or a room, as it stands in `reference/api.md`: to add one is to add its line."""
API = Path(__file__).resolve().parents[1] / "reference" / "api.md"


def homes() -> dict[str, dict[str, str]]:
    """Return where each name of each room is described: at the root, or in the first room that has it."""
    described = {(name, id(getattr(spacetune, name))): f"spacetune.{name}" for name in spacetune.__all__}
    found: dict[str, dict[str, str]] = {"spacetune": {name: f"spacetune.{name}" for name in spacetune.__all__}}
    for room in LISTED.findall(API.read_text(encoding="utf-8")):
        if room not in spacetune.__all__:
            module = importlib.import_module(f"spacetune.{room}")
            names = {name: (name, id(getattr(module, name))) for name in module.__all__}
            found[module.__name__] = {
                name: described.setdefault(key, f"{module.__name__}.{name}") for name, key in names.items()
            }
    return found


def missing(_app: Any, env: Any) -> None:
    """Warn of public names that have no place in the reference."""
    for name in {place for names in homes().values() for place in names.values()}:
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
